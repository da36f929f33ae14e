"""`toymc convert`: event files of toymc, LHE and HepMC3 into one another."""

import time
from pathlib import Path

import click

from toymc.cli.common import SEED, SEED_HELP, echo_json, json_option, progress_bars


@click.command(
    epilog="Example: toymc convert signal.h5 signal.hepmc3, or toymc convert unweighted_events.lhe.gz events.h5"
)
@click.argument("source", metavar="IN")
@click.argument("out", metavar="OUT")
@click.option("--beam", help="Beam card: name or path; that of IN, or belle2, if not given.")
@click.option(
    "--frame", type=click.Choice(["auto", "lab", "cms"]), default="auto", show_default=True,
    help="Frame of a LHE or HepMC3 input; auto tells it from the total momentum.",
)  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True, help=SEED_HELP)
@json_option
def convert(source: str, out: str, beam: str | None, frame: str, seed: int, as_json: bool) -> None:
    """Write the truth events of IN into OUT.

    The endings say which formats: .h5 (toymc), .lhe, .lhe.gz, .hepmc3, .hepmc3.gz. OUT is in the laboratory; events of
    a LHE or HepMC3 file in the centre of mass are boosted and spread over the luminous region of the machine. LHE
    cannot hold the collision point and the helicities of hadrons: they are lost. Both formats get an electron and a
    positron in front of each event, which are taken away when toymc reads the file again.
    """
    from toymc.production.convert import convert_file

    start = time.perf_counter()
    with progress_bars() as bars:
        n_events = convert_file(
            source, out, beam=beam, frame=frame, seed=seed, progress=bars(f"convert {Path(source).name}")
        )
    seconds = time.perf_counter() - start
    if as_json:
        echo_json({"file": out, "events": n_events, "seconds": round(seconds, 3)})
    else:
        click.echo(f"{out}: {n_events} events in {seconds:.1f} s")
