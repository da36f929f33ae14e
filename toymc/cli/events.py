"""`toymc generate`, `simulate`, `inspect`: event files."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toymc.cli.common import (
    SEED,
    SEED_HELP,
    Count,
    echo_json,
    echo_table,
    json_option,
    parse_parameters,
    progress_bars,
    worker_options,
)

if TYPE_CHECKING:
    import numpy as np

# names of the codes of `Reconstruction.fate`, in their order
FATE_NAMES = (
    "none", "decayed in the beam pipe", "decayed in the vertex detector", "decayed in the drift chamber",
    "decayed outside the tracker", "converted", "interacted", "reached the calorimeter", "reached the KLM", "escaped",
    "stopped",
)  # fmt: skip


@click.command(
    epilog="Example: toymc generate tau_pair --events 100000 -p signal=e_alpha -p mass=1.0 --seed 1 --out signal.h5"
)
@click.argument("process")
@click.option("--events", type=Count(1), required=True, help="Number of events, e.g. 1e6.")
@click.option("-p", "pairs", multiple=True, metavar="KEY=VALUE", help="Parameter of the process; repeatable.")
@click.option("--beam", default="belle2", show_default=True, help="Beam card: name or path.")
@click.option("--seed", type=SEED, default=0, show_default=True, help=SEED_HELP)
@worker_options
@click.option("--out", required=True, metavar="FILE.h5", help="Event file to write.")
@json_option
def generate(
    process: str,
    events: int,
    pairs: tuple[str, ...],
    beam: str,
    seed: int,
    workers: int,
    executor: str,
    scheduler: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Generate truth events of PROCESS (see `toymc process list`) into an HDF5 file."""
    from toymc.production.datasets import generate_file

    start = time.perf_counter()
    with progress_bars() as bars:
        metadata = generate_file(
            process,
            events,
            out,
            parameters=parse_parameters(pairs),
            beam=beam,
            seed=seed,
            workers=workers,
            executor=executor,
            scheduler=scheduler,
            progress=bars(f"generate {process}"),
        )
    _report(as_json, out, events, start, cross_section_fb=metadata.cross_section_fb)


_LOST = {"undecayed": "short-lived, not decayed by the generator", "unseen": "not in the PDG table"}


@click.command(
    epilog="Example: toymc simulate signal.h5 --detector belle2 --out reconstructed.h5, or "
    "toymc simulate unweighted_events.lhe.gz --frame cms --out reconstructed.h5"
)
@click.argument("source", metavar="IN")
@click.option("--detector", "card", default="belle2", show_default=True, help="Detector card: name or path.")
@click.option("--seed", type=SEED, help="That of the input if not given (0 for LHE and HepMC3).")
@click.option(
    "--frame", type=click.Choice(["auto", "lab", "cms"]), default="auto", show_default=True,
    help="Frame of a LHE or HepMC3 file; auto tells it from the total momentum.",
)  # fmt: skip
@worker_options
@click.option("--out", required=True, metavar="OUT.h5", help="Event file to write.")
@json_option
def simulate(
    source: str,
    card: str,
    seed: int | None,
    frame: str,
    workers: int,
    executor: str,
    scheduler: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Send the events of IN through a detector.

    IN is an .h5 file of `toymc generate`, an .h5 file of `toymc simulate` (the same events again, with another card),
    or a .lhe, .lhe.gz, .hepmc3 or .hepmc3.gz file of another generator. Events of a LHE or HepMC3 file in the centre of
    mass are boosted to the laboratory and spread over the luminous region of the card's machine.
    """
    from toymc.io.event_file import EventFile
    from toymc.production.datasets import simulate_file

    start = time.perf_counter()
    with progress_bars() as bars:
        metadata = simulate_file(
            source,
            out,
            card=card,
            seed=seed,
            frame=frame,
            workers=workers,
            executor=executor,
            scheduler=scheduler,
            progress=bars(f"simulate {Path(source).name}"),
        )
    left = {name: metadata.parameters[name] for name in ("undecayed", "unseen") if name in metadata.parameters}
    with EventFile(out) as file:
        _report(as_json, out, file.n_events, start, **file.tables, **left)
    if not as_json:
        for name, counts in left.items():
            words = ", ".join(f"{count} of PDG code {code}" for code, count in counts.items())
            click.echo(f"lost in the detector ({_LOST[name]}): {words}")


def _report(as_json: bool, out: str, events: int, start: float, **more: Any) -> None:
    seconds = time.perf_counter() - start
    if as_json:
        echo_json({"file": out, "events": events, "seconds": round(seconds, 3), **more})
    else:
        click.echo(f"{out}: {events} events in {seconds:.1f} s")


@click.command(epilog="Example: toymc inspect signal.h5")
@click.argument("file")
@json_option
def inspect(file: str, as_json: bool) -> None:
    """Say what event file FILE holds and how it was made."""
    from dataclasses import asdict

    import numpy as np

    from toymc.events import STATUS_DOCUMENTATION, EventBatch
    from toymc.io.event_file import EventFile

    with EventFile(file) as events:
        kind = "truth" if events.kind is EventBatch else "reconstruction"
        sum_weights = sum(float(np.sum(batch.weight)) for batch in events.batches(2**16))
        first = events.read(0, min(events.n_events, 2**14))
        answer = {
            "file": file,
            "kind": kind,
            "events": events.n_events,
            "sum_of_weights": sum_weights,
            **asdict(events.metadata),
            "rows": events.tables,
        }
    truth = first if isinstance(first, EventBatch) else first.truth
    per_event = {"particles_per_event": _rates(truth.pdg, first.n_events)}
    if not isinstance(first, EventBatch):
        fates = first.fate[truth.status != STATUS_DOCUMENTATION]
        per_event["fates_per_event"] = {FATE_NAMES[int(k)]: rate for k, rate in _rates(fates, first.n_events).items()}
    if as_json:
        echo_json(answer | per_event)
        return
    echo_table(("property", "value"), [(key, str(value)) for key, value in answer.items()])
    for name, rates in per_event.items():
        click.echo(f"{name.replace('_', ' ')}, in the first {first.n_events} events")
        echo_table((name.split("_")[0].rstrip("s"), "per event"), list(rates.items()))


def _rates(codes: "np.ndarray", n_events: int) -> dict[str, float]:
    """How often each code occurs per event."""
    import numpy as np

    found, counts = np.unique(codes, return_counts=True)
    return {str(code): count / n_events for code, count in zip(found.tolist(), counts.tolist(), strict=True)}
