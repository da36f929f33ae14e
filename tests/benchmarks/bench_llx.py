"""Rates of e+e- -> l+ l- X on one core, beside Pythia 8 and phasespace (where installed) in the same run.

Peers do less: `phasespace` makes three-body phase space without matrix element, radiation or beams (compared with ours
alone as well as with whole events); Pythia 8 makes e+e- -> mu+ mu- with its shower (it has no e+e- -> l+ l- X at tree
level).
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from tests.benchmarks.phasespace_peer import INSTALL, leptons_and_boson_rate
from toymc.constants import M_E, M_MU
from toymc.generators.amplitudes.layout import scratch
from toymc.generators.amplitudes.phase_space import _beams, _final_point
from toymc.generators.processes import prepare
from toymc.kernels import kernel
from toymc.production.chunks import CHUNK_SIZE
from toymc.streams import stream

REPETITIONS = 9
CASES = (
    ("mumu_zprime", {"mass": 1.0, "decay": "nunu"}),
    ("mumu_zprime", {"mass": 8.0, "decay": "nunu"}),
    ("mumu_zprime", {"mass": 5.0, "decay": "mumu"}),
    ("mumu_alp", {"mass": 6.0, "decay": "tautau"}),
    ("mumu_scalar", {"mass": 8.0, "decay": "mumu", "initial": True}),
    ("tautau_scalar", {"mass": 1.0, "decay": "mumu"}),
    ("mumu_gamma", {}),
    ("ee_gamma", {}),
)


def rate(work: Callable[[int], object], events: int) -> float:
    """Median events per second of processor time of `work(repetition)` after one call that compiles."""
    work(0)
    times = []
    for repetition in range(1, REPETITIONS + 1):
        start = time.process_time()
        work(repetition)
        times.append(time.process_time() - start)
    return events / statistics.median(times)


def pythia_rate(events: int = 2000) -> float:
    """e+e- -> mu+ mu- with the shower from Python, events per second."""
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for line in (
        "Print:quiet = on", "Random:setSeed = on", "Random:seed = 1", "Beams:idA = 11", "Beams:idB = -11",
        "Beams:eCM = 10.58", "PDF:lepton = off", "WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 13",
    ):  # fmt: skip
        pythia.readString(line)
    pythia.init()
    pythia.nextBatch(20)
    start = time.process_time()
    pythia.nextBatch(events)
    return events / (time.process_time() - start)


@kernel
def _plain_points(rng, s, m, mass, v, weights):
    """Weights of three-body phase space alone, by the map of emission off the leptons."""
    y = np.empty(4)
    for i in range(len(weights)):
        for d in range(4):
            y[d] = rng.random()
        _beams(v, s, M_E)
        weights[i] = _final_point(y, s, m, mass, 0.0, v)


def plain_rate(points: int = 1_000_000) -> float:
    """Our three-body phase space alone, times mean over largest weight as for `phasespace`."""
    v, _ = scratch()
    weights = np.empty(points)
    taken = []
    for repetition in range(4):
        rng = stream(1, "bench", "generate", repetition)
        start = time.process_time()
        _plain_points(rng, 10.58**2, M_MU, 1.0, v, weights)
        taken.append(time.process_time() - start)
    return float(points * weights.mean() / weights.max() / min(taken))


def main() -> None:
    """Print the table."""
    print(
        f"{'e+e- -> l+ l- X, one core':58s} {'events/s':>10s} {'prepare s':>10s} {'efficiency':>11s} {'overflow':>9s}"
    )
    first = 0.0
    for name, values in CASES:
        prepare(name, {**values, "isr": False})
        start = time.process_time()
        process = prepare(name, values, seed=1)
        prepared = time.process_time() - start

        def generate(repetition: int, process: object = process, name: str = name) -> object:
            return process.generate(stream(1, name, "generate", repetition), CHUNK_SIZE, 0)  # type: ignore[attr-defined]

        events = rate(generate, CHUNK_SIZE)
        first = first or events
        label = f"{name} " + " ".join(f"{key}={value}" for key, value in values.items())
        info = process.info  # type: ignore[attr-defined]
        print(f"{label:58s} {events:10.0f} {prepared:10.2f} {info['efficiency']:11.2f} {info['overflow_excess']:9.1e}")
    print(f"{'Pythia 8 from Python: mu+ mu- with shower':58s} {pythia_rate():10.0f}")
    plain = plain_rate()
    print(f"{'three-body phase space alone, no matrix element':58s} {plain:10.0f}")
    peer = leptons_and_boson_rate()
    if peer is None:
        print(INSTALL)
    else:
        print(f"{'phasespace: three-body, no matrix element':58s} {peer:10.0f}")
        print(f"{'ratio to phasespace, phase space alone':58s} {plain / peer:10.2f}")
        print(f"{'ratio to phasespace, whole events of mumu_zprime at 1 GeV':58s} {first / peer:10.2f}")


if __name__ == "__main__":
    main()
