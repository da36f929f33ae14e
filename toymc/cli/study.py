"""`toymc study`: repeat a published search or measurement."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toymc.cli.common import (
    POSITIVE,
    SEED,
    SEED_HELP,
    Count,
    NumberList,
    echo_json,
    echo_table,
    json_option,
    progress_bars,
    worker_options,
)
from toymc.errors import InputError

if TYPE_CHECKING:
    from toymc.report.result import StudyResult
    from toymc.studies import AnyStudy


@click.group(epilog="Example: toymc study run tau_l_alpha --scale 0.1 --out tau_l_alpha")
def study() -> None:
    """Repeat a published search or measurement."""


@study.command("list", epilog="Example: toymc study list")
@json_option
def list_studies(as_json: bool) -> None:
    """List the studies."""
    from toymc.studies import STUDIES

    if as_json:
        keys = ("name", "title", "reference", "limit_on", "card", "luminosity_fb")
        echo_json({"studies": [{key: getattr(entry, key) for key in keys} for entry in STUDIES.values()]})
    else:
        echo_table(
            ("study", "fb^-1", "card", "title", "reference"),
            [(s.name, s.luminosity_fb, s.card, s.title, s.reference) for s in STUDIES.values()],
        )


@study.command(epilog="Example: toymc study run tau_l_alpha --scale 0.1 --seed 1 --out tau_l_alpha")
@click.argument("name")
@click.option("--luminosity", type=POSITIVE, metavar="FB", help="In fb^-1; that of the publication if not given.")
@click.option("--seed", type=SEED, default=1, show_default=True, help=SEED_HELP)
@click.option("--scale", type=POSITIVE, default=1.0, show_default=True, help="Of the Monte Carlo statistics.")
@worker_options
@click.option(
    "--systematics", default="all", show_default=True, metavar="all|none|FILE",
    help="Sources in use; FILE is TOML with sources = [...].",
)  # fmt: skip
@click.option(
    "--points", type=click.Choice(["reference", "all"]), default="all", show_default=True,
    help="Of scans with thousands of points: the reference ones alone.",
)  # fmt: skip
@click.option("--data", metavar="FILE", help="Observed events: adds the observed limit.")
@click.option("--out", required=True, metavar="DIR", help="Folder for results, plots and report.")
@json_option
def run(
    name: str,
    luminosity: float | None,
    seed: int,
    scale: float,
    workers: int,
    executor: str,
    scheduler: str | None,
    systematics: str,
    points: str,
    data: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Run study NAME from generated events to its result, and write everything to DIR."""
    from toymc.io.outputs import check_run_folder

    chosen = find_study(name)
    check_run_folder(out, name)
    for what, file in (("data", data), ("systematics", None if systematics in ("all", "none") else systematics)):
        if file is not None and not Path(file).is_file():
            raise InputError(f"cannot read --{what} {file}: no such file")
    from toymc.production.run_study import run_study

    with progress_bars() as bars:
        result = run_study(
            chosen,
            out,
            luminosity_fb=luminosity,
            seed=seed,
            scale=scale,
            workers=workers,
            executor=executor,
            scheduler=scheduler,
            systematics=systematics,
            points=points,
            data=data,
            progress=bars,
        )
    _show(result, chosen, out, as_json)


_run_option = click.option(
    "--run", "stored", metavar="DIR", help="Folder of a finished run whose models are used; made anew if not given."
)
_scale_option = click.option(
    "--scale", type=POSITIVE, default=1.0, show_default=True, help="Of the Monte Carlo statistics, without --run."
)
_systematics_option = click.option(
    "--systematics", default="all", show_default=True, metavar="all|none|FILE", help="Sources in use, without --run."
)


@study.command(epilog="Example: toymc study validate tau_l_alpha --experiments 1000 --run tau_l_alpha --out validation")
@click.argument("name")
@click.option(
    "--experiments", type=Count(2, 10**9), default=1000, show_default=True,
    help="Simplified experiments at each true value of each estimator.",
)  # fmt: skip
@_run_option
@click.option("--luminosity", type=POSITIVE, metavar="FB", help="In fb^-1, without --run; that of the publication.")
@click.option("--seed", type=SEED, default=1, show_default=True, help=SEED_HELP)
@_scale_option
@worker_options
@_systematics_option
@click.option("--out", required=True, metavar="DIR", help="Folder for results, plots and report.")
@json_option
def validate(
    name: str,
    experiments: int,
    stored: str | None,
    luminosity: float | None,
    seed: int,
    scale: float,
    workers: int,
    executor: str,
    scheduler: str | None,
    systematics: str,
    out: str,
    as_json: bool,
) -> None:
    """Bias, pulls, coverage and linearity of the estimators of study NAME, from toys and from the bootstrap."""
    chosen = _prepared(name, "validate", stored, systematics, out)
    from toymc.production.compute import RunOptions
    from toymc.production.scan.validate import validate_scan_study
    from toymc.production.validate_study import validate_study
    from toymc.studies import ScanStudy

    with progress_bars() as bars:
        if isinstance(chosen, ScanStudy):
            options = RunOptions(luminosity, seed, scale, workers, executor, scheduler, systematics)
            _show(validate_scan_study(chosen, out, options, experiments, bars), chosen, out, as_json)
            return
        result = validate_study(
            chosen, out, experiments=experiments, stored=stored, luminosity_fb=luminosity, seed=seed, scale=scale,
            workers=workers, executor=executor, scheduler=scheduler, systematics=systematics, progress=bars,
        )  # fmt: skip
    _show(result, chosen, out, as_json)


@study.command(epilog="Example: toymc study project tau_l_alpha --luminosity 50000 --run tau_l_alpha --out projection")
@click.argument("name")
@click.option(
    "--luminosity", type=POSITIVE, default=50_000.0, show_default=True, metavar="FB", help="To project to, in fb^-1."
)
@_run_option
@click.option("--seed", type=SEED, default=1, show_default=True, help=SEED_HELP)
@_scale_option
@worker_options
@_systematics_option
@click.option("--out", required=True, metavar="DIR", help="Folder for results, plots and report.")
@json_option
def project(
    name: str,
    luminosity: float,
    stored: str | None,
    seed: int,
    scale: float,
    workers: int,
    executor: str,
    scheduler: str | None,
    systematics: str,
    out: str,
    as_json: bool,
) -> None:
    """Study NAME at another luminosity: systematics absent, scaling down to floors, and frozen."""
    chosen = _prepared(name, "project", stored, systematics, out)
    from toymc.production.project_study import project_study

    with progress_bars() as bars:
        result = project_study(
            chosen, out, luminosity_fb=luminosity, stored=stored, seed=seed, scale=scale, workers=workers,
            executor=executor, scheduler=scheduler, systematics=systematics, progress=bars,
        )  # fmt: skip
    _show(result, chosen, out, as_json)


@study.command(
    epilog="Example: toymc study linearity tau_l_alpha --inject channel=e,mass_GeV=1.0 --luminosity 5 --scale 0.2"
)
@click.argument("name")
@click.option("--luminosity", type=POSITIVE, metavar="FB", help="Of each dataset, in fb^-1; that of the publication.")
@click.option("--inject", metavar="KEY=VALUE,...", help="Signal of a search: channel, mass_GeV, ctau_cm.")
@click.option("--values", type=NumberList(), help="Values to inject; some that the study can tell apart if not given.")
@click.option("--datasets", type=Count(1, 10**4), default=1, show_default=True, help="At each value.")
@click.option("--run", "stored", metavar="DIR", help="Finished run of a measurement whose calibration is used.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the first dataset, and of the simulation.")
@_scale_option
@worker_options
@json_option
def linearity(
    name: str,
    luminosity: float | None,
    inject: str | None,
    values: tuple[float, ...] | None,
    datasets: int,
    stored: str | None,
    seed: int,
    scale: float,
    workers: int,
    executor: str,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Pseudo-datasets with known signals through study NAME: recovered against injected, and the slope.

    Every dataset is what `toymc dataset` writes, analysed as `toymc study run --data` does.
    """
    from dataclasses import asdict

    from toymc.production.compute import RunOptions
    from toymc.production.dataset import injection
    from toymc.production.linearity import linearity as compute

    chosen = find_study(name)
    signal = injection(inject.split(","), ("channel", "mass_GeV", "ctau_cm")) if inject else None
    if stored is not None and not (Path(stored) / "result.json").is_file():
        raise InputError(f"cannot read --run {stored}: it holds no result.json")
    options = RunOptions(luminosity, seed, scale, workers, executor, scheduler)
    with progress_bars() as bars:
        found = compute(
            chosen, options, signal=signal, values=values, datasets=datasets, stored=stored, notify=bars
        )  # fmt: skip
    if as_json:
        echo_json(asdict(found))
        return
    facts = [f"{found.luminosity_fb:g} fb^-1 each", *(f"{key} {value}" for key, value in found.signal.items())]
    click.echo(f"Pseudo-datasets of {name}: {', '.join(facts)}; values are {found.unit}")
    rows = [
        (r.seed, r.events, f"{r.injected:.6g}", f"{r.value:.6g}", r.error, f"{r.pull:+.2f}") for r in found.datasets
    ]
    echo_table(("seed", "events", "injected", "recovered", "+-", "pull"), rows)
    line, about = found.line, f" at {found.origin:.6g}" if found.origin else ""
    click.echo(f"slope {line.slope.value:.4f} +- {line.slope.error:.4f}, offset{about} {line.intercept.value:.3g} "
               f"+- {line.intercept.error:.2g}, chi2 {line.chi2:.1f} for {line.dof}")  # fmt: skip


def _prepared(name: str, action: str, stored: str | None, systematics: str, out: str) -> "AnyStudy":
    """The study, after a look at everything that can be wrong before any computing is done."""
    from toymc.io.outputs import check_run_folder

    chosen = find_study(name)
    check_run_folder(out, f"{name} ({action})")
    if stored is not None and not (Path(stored) / "result.json").is_file():
        raise InputError(f"cannot read --run {stored}: it holds no result.json")
    if systematics not in ("all", "none") and not Path(systematics).is_file():
        raise InputError(f"cannot read --systematics {systematics}: no such file")
    return chosen


def find_study(name: str) -> "AnyStudy":
    """The study of this name; `InputError` names the allowed ones."""
    from toymc.studies import STUDIES

    if name not in STUDIES:
        raise InputError(f"unknown study '{name}': allowed are {', '.join(STUDIES)}")
    return STUDIES[name]


def _timing(name: str, value: float) -> str:
    """`events_s` is a time in seconds, other entries are plain numbers."""
    return f"{name.removesuffix('_s')} {value:.1f} s" if name.endswith("_s") else f"{name} {value:g}"


def _show(result: "StudyResult", chosen: "AnyStudy", out: str, as_json: bool) -> None:
    """The limits or estimators beside the published ones, and where the report lies."""
    from toymc.report.tables import estimator_table, limit_table, projection_table, variation_tables

    if as_json:
        echo_json(result.to_dict())
        return
    limits = projection_table(result) if result.projections else limit_table(result)
    entries = result.estimators or []
    # of further estimators the report says more
    first = result.model_copy(update={"estimators": [e for e in entries if e.name == entries[0].name]})
    for table in (limits, estimator_table(result), *variation_tables(first)):
        if table.rows:
            click.echo(table.title)
            echo_table(table.header, table.rows)
            click.echo()
    if result.published:
        facts = [f"{chosen.luminosity_fb:g} fb^-1", *dict.fromkeys(row.note for row in result.published if row.note)]
        click.echo(f"published: {chosen.reference}; {'; '.join(facts)}")
    if result.timing:
        click.echo(", ".join(_timing(name, value) for name, value in result.timing.items()))
    click.echo(f"report: {Path(out) / 'report.html'}")
