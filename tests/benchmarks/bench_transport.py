"""Time of the transport per tau pair and per process, on one core; conversion probability per radius."""

import statistics
import time

import numpy as np

from toymc.detector.transport import transport, transport_tables
from toymc.events import EventBatch
from toymc.generators.processes import prepare
from toymc.geometry import load_card
from toymc.production.chunks import CHUNK_SIZE
from toymc.streams import stream

REPETITIONS = 15


def _time(batch: EventBatch, tables: object) -> tuple[float, int]:
    """Median CPU microseconds per event, rows that were made."""
    times = []
    made = 0
    for repetition in range(REPETITIONS + 1):
        rng = stream(1, "bench", "simulate", repetition)
        start = time.thread_time()
        seen = transport(batch, tables, rng)  # type: ignore[arg-type]
        times.append(time.thread_time() - start)
        made = seen.batch.n_particles - batch.n_particles
    return 1e6 * statistics.median(times[1:]) / batch.n_events, made


def _only(batch: EventBatch, keep: np.ndarray) -> EventBatch:
    """The batch with all final particles but these made documentation."""
    status = np.where(keep | (batch.status != 1), batch.status, 3).astype(np.int32)
    rows = {name: getattr(batch, name) for name in EventBatch._columns()} | {"status": status}
    return EventBatch(batch.offsets, **rows, weight=batch.weight, event_id=batch.event_id, process=batch.process)


def main() -> None:
    """Print the table."""
    card = load_card("belle2")
    start = time.perf_counter()
    tables = transport_tables(card)
    print(f"tables of a card: {time.perf_counter() - start:.2f} s (first call compiles)")
    batch = prepare("tau_pair", {}, card.beam).generate(stream(1, "bench", "generate", 0), CHUNK_SIZE, 0)
    code, pt = np.abs(batch.pdg), np.hypot(batch.px, batch.py)
    samples = {
        "tau pairs, all rows": batch,
        "photons": _only(batch, code == 22),
        "e, mu": _only(batch, np.isin(code, (11, 13))),
        "pi, pT > 0.35 GeV": _only(batch, (code == 211) & (pt > 0.35)),
        "pi, pT < 0.35 GeV": _only(batch, (code == 211) & (pt <= 0.35)),
        "neutrinos": _only(batch, np.isin(code, (12, 14, 16))),
    }
    print(f"{'sample':24s} {'final/event':>12s} {'us/event':>10s} {'made/event':>11s}")
    for name, sample in samples.items():
        each, made = _time(sample, tables)
        final = np.count_nonzero(sample.status == 1) / sample.n_events
        print(f"{name:24s} {final:12.2f} {each:10.2f} {made / sample.n_events:11.3f}")


if __name__ == "__main__":
    main()
