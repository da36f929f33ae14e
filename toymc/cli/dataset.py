"""`toymc dataset`: a pseudo-dataset as data would look, the truth in a second file."""

from pathlib import Path

import click

from toymc.cli.common import POSITIVE, SEED, SEED_HELP, echo_json, json_option, progress_bars, worker_options
from toymc.cli.study import find_study
from toymc.errors import InputError

_KEYS = ("channel", "mass_GeV", "ctau_cm", "value")


@click.command(epilog="Example: toymc dataset tau_l_alpha --inject channel=e,mass_GeV=1.0,value=0.02 --out data.h5")
@click.argument("name")
@click.option("--luminosity", type=POSITIVE, metavar="FB", help="In fb^-1; that of the publication if not given.")
@click.option("--inject", metavar="KEY=VALUE,...", help=f"Signal to put in: {', '.join(_KEYS)}.")
@click.option("--seed", type=SEED, default=1, show_default=True, help=SEED_HELP)
@click.option(
    "--scale", type=POSITIVE, metavar="F",
    help="Of the simulated candidates that searches over mass and lifetime draw from; 1 if not given.",
)  # fmt: skip
@worker_options
@click.option("--out", required=True, metavar="FILE", help="HDF5 file; the truth goes to FILE with .truth in its name.")
@json_option
def dataset(
    name: str,
    luminosity: float | None,
    inject: str | None,
    seed: int,
    scale: float | None,
    workers: int,
    executor: str,
    scheduler: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Draw the events of study NAME that data would hold, one by one, with or without a signal."""
    from toymc.production.dataset import check_target, draw_dataset, injection, write_dataset
    from toymc.production.scan.dataset import draw_candidates, write_candidates
    from toymc.studies import ScanStudy

    study = find_study(name)
    check_target(out)
    signal = injection(inject.split(","), _KEYS) if inject else None
    amount = luminosity if luminosity is not None else study.luminosity_fb
    if scale is not None and not isinstance(study, ScanStudy):
        raise InputError(
            f"--scale {scale:g}: a dataset of {name} is generated event by event, there is nothing to scale"
        )
    if isinstance(study, ScanStudy):
        with progress_bars() as bars:
            drawn = draw_candidates(study, amount, seed, signal, scale or 1.0, workers, bars)
        _answer(name, amount, drawn.counts(), out, write_candidates(out, study, drawn, amount, seed, signal), as_json)
        return
    with progress_bars() as bars:
        data = draw_dataset(study, amount, seed, signal, workers, executor, scheduler, bars)
    sealed = write_dataset(out, study, data, amount, seed, signal)
    counts = {channel: len(values) for channel, values in data.observables.items()}
    _answer(name, amount, counts, out, sealed, as_json)


def _answer(name: str, amount: float, counts: dict[str, int], out: str, sealed: Path, as_json: bool) -> None:
    if as_json:
        echo_json({"study": name, "luminosity_fb": amount, "events": counts, "file": out, "truth": str(sealed)})
        return
    for channel, count in counts.items():
        click.echo(f"channel {channel}: {count} events")
    click.echo(f"data: {Path(out)}\ntruth: {sealed}")
