"""Rates of e+e- -> l+ l- X on one core, beside Pythia 8 and phasespace (where installed) in the same run.

Peers do less: `phasespace` makes unweighted three-body phase space without matrix element, radiation or beams; Pythia 8
makes e+e- -> mu+ mu- with its shower (it has no e+e- -> l+ l- X at tree level).
"""

import statistics
import time
from collections.abc import Callable

from toymc.constants import M_MU
from toymc.generators.processes import prepare
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


def phasespace_rate(events: int = 100_000) -> float | None:
    """Three-body phase space of `phasespace`, times mean over largest weight; None if not installed."""
    try:
        import phasespace
    except ImportError:
        return None
    decay = phasespace.nbody_decay(10.58, [M_MU, M_MU, 1.0])
    decay.generate(n_events=events)
    start = time.process_time()
    weights, _ = decay.generate(n_events=events)
    taken = time.process_time() - start
    values = weights.numpy()
    return float(events * values.mean() / values.max() / taken)


def main() -> None:
    """Print the table."""
    print(
        f"{'e+e- -> l+ l- X, one core':58s} {'events/s':>10s} {'prepare s':>10s} {'efficiency':>11s} {'overflow':>9s}"
    )
    for name, values in CASES:
        prepare(name, {**values, "isr": False})
        start = time.process_time()
        process = prepare(name, values, seed=1)
        prepared = time.process_time() - start

        def generate(repetition: int, process: object = process, name: str = name) -> object:
            return process.generate(stream(1, name, "generate", repetition), CHUNK_SIZE, 0)  # type: ignore[attr-defined]

        events = rate(generate, CHUNK_SIZE)
        label = f"{name} " + " ".join(f"{key}={value}" for key, value in values.items())
        info = process.info  # type: ignore[attr-defined]
        print(f"{label:58s} {events:10.0f} {prepared:10.2f} {info['efficiency']:11.2f} {info['overflow_excess']:9.1e}")
    print(f"{'Pythia 8 from Python: mu+ mu- with shower':58s} {pythia_rate():10.0f}")
    peer = phasespace_rate()
    if peer is None:
        # TensorFlow is too large for the extras; measured once beside this on the reference machine
        print(f"{'phasespace: plain four-body, not installed, measured once':58s} {'330-400 k':>10s}")
    else:
        print(f"{'phasespace: three-body, no matrix element':58s} {peer:10.0f}")


if __name__ == "__main__":
    main()
