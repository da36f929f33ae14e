"""`toymc generate`, `simulate`, `inspect`: event files."""

import time
from pathlib import Path

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
from toymc.errors import InputError


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


@click.command(epilog="Example: toymc simulate signal.h5 --detector belle2 --out reconstructed.h5")
@click.argument("source", metavar="IN")
@click.option("--detector", "card", default="belle2", show_default=True, help="Detector card: name or path.")
@click.option("--seed", type=SEED, help="That of the input if not given.")
@worker_options
@click.option("--out", required=True, metavar="OUT.h5", help="Event file to write.")
@json_option
def simulate(
    source: str,
    card: str,
    seed: int | None,
    workers: int,
    executor: str,
    scheduler: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Send the truth events of IN (an .h5 file of `toymc generate`) through a detector."""
    from toymc.io.event_file import EventFile
    from toymc.production.datasets import simulate_file

    if Path(source).suffix not in (".h5", ".hdf5"):
        raise InputError(f"cannot simulate {source}: this version reads .h5 files written by `toymc generate`")
    start = time.perf_counter()
    with progress_bars() as bars:
        simulate_file(
            source,
            out,
            card=card,
            seed=seed,
            workers=workers,
            executor=executor,
            scheduler=scheduler,
            progress=bars(f"simulate {Path(source).name}"),
        )
    with EventFile(out) as file:
        _report(as_json, out, file.n_events, start, **file.tables)


def _report(as_json: bool, out: str, events: int, start: float, **more: float) -> None:
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

    from toymc.events import EventBatch
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
    if isinstance(first, EventBatch):
        codes, counts = np.unique(first.pdg, return_counts=True)
        answer["particles_per_event"] = {
            str(int(code)): count / first.n_events for code, count in zip(codes, counts.tolist(), strict=True)
        }
    if as_json:
        echo_json(answer)
        return
    per_event = answer.pop("particles_per_event", None)
    echo_table(("property", "value"), [(key, str(value)) for key, value in answer.items()])
    if isinstance(per_event, dict):
        click.echo(f"particles per event, in the first {first.n_events} events")
        echo_table(("pdg", "per event"), [(int(code), float(value)) for code, value in per_event.items()])
