"""Rates of the B processes on one core, beside Pythia 8 in the same run: `make bench`.

Signal sides (Upsilon, both mesons, K(*) S, radiation, vertices), whole signal events with the other B from the pool,
and generic pairs, made and read back from the cache. Rates are in processor time, so that other work on the machine
counts less. Pythia 8 decays both mesons to K+ S -> K+ mu mu by phase space: two signal sides for every event.
`phasespace` (where installed) makes the decay of one B at rest alone: no Upsilon, beams, radiation, flight or vertices.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable

from tests.benchmarks.phasespace_peer import INSTALL, b_to_k_scalar_rate
from toymc.generators.b_meson.pythia_decays import _event_file, pythia_settings
from toymc.generators.processes import prepare
from toymc.generators.pythia_batch import PythiaRun, run_pythia
from toymc.production.chunks import CHUNK_SIZE
from toymc.streams import stream

REPETITIONS = 9
SIGNALS = ("kplus_mumu", "kplus_ee", "kstar_mumu", "kstar_ee", "kshort_pipi", "jpsi_mumu_kplus")
PYTHIA_SIGNAL = (
    "521:oneChannel = 1 1.0 0 321 54",
    "54:new = S void 1 0 0 1.0 0 0 0 10.0",
    "54:isResonance = off",
    "54:addChannel = 1 1.0 0 13 -13",
    "54:mayDecay = on",
)


def rate(work: Callable[[int], object], events: int = CHUNK_SIZE, repetitions: int = REPETITIONS) -> float:
    """Median events per second of processor time after one call that compiles and fills caches."""
    work(0)
    times = []
    for repetition in range(1, repetitions + 1):
        start = time.process_time()
        work(repetition)
        times.append(time.process_time() - start)
    return events / statistics.median(times)


def generator(parameters: dict[str, object], process: str = "b_k_scalar") -> Callable[[int], object]:
    """What makes chunk after chunk of a process."""
    prepared = prepare(process, parameters)
    return lambda i: prepared.generate(stream(1, "bench", "generate", i), CHUNK_SIZE, 0)


def pythia_rate(more: tuple[str, ...], events: int) -> float:
    """Events per second of Pythia 8 from Python, its start included."""
    run = PythiaRun((*pythia_settings(1.0, 0.0), *more), 1, events, _event_file())
    start = time.process_time()
    run_pythia(run)
    return events / (time.process_time() - start)


def main() -> None:
    """Print the table."""
    rows = {f"signal side, {name}": rate(generator({"channel": name, "other": "none"})) for name in SIGNALS}
    rows["signal and pool, kplus_mumu"] = rate(generator({}))
    rows["signal and pool, kstar_mumu"] = rate(generator({"channel": "kstar_mumu"}))
    before = os.environ.get("TOYMC_CACHE_DIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOYMC_CACHE_DIR"] = folder
        generic = generator({}, "b_generic")
        rows["generic pairs, first time"] = rate(generic, repetitions=1)
        rows["generic pairs, from the cache"] = rate(lambda i: generic(i % 2))
    if before is None:
        del os.environ["TOYMC_CACHE_DIR"]
    else:
        os.environ["TOYMC_CACHE_DIR"] = before
    peer = {"signal": 2.0 * pythia_rate(PYTHIA_SIGNAL, 20_000), "generic": pythia_rate((), 5_000)}
    print(f"{'step':40s} {'events/s':>12s} {'x Pythia 8':>12s}")
    for name, value in rows.items():
        print(f"{name:40s} {value:12,.0f} {value / peer['signal' if 'side' in name else 'generic']:12,.1f}")
    print(f"{'Pythia 8, signal sides':40s} {peer['signal']:12,.0f}")
    print(f"{'Pythia 8, generic pairs':40s} {peer['generic']:12,.0f}")
    plain = b_to_k_scalar_rate()
    if plain is None:
        print(INSTALL)
    else:
        print(f"{'phasespace, B -> K S(mu mu) at rest':40s} {plain:12,.0f}")
        print(f"ratio of the signal side kplus_mumu to phasespace: {rows['signal side, kplus_mumu'] / plain:.2f}")


if __name__ == "__main__":
    main()
