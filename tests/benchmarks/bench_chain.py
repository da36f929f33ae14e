"""Rates of the tau-pair chain on one core, beside Pythia 8 in the same run: `make bench`.

Prints events per second for generation, detector, selection and the whole chain, each as the median of several
repetitions on the same batch size as production, and the ratio to Pythia 8 with spin-correlated decays.
"""

import statistics
import time
from collections.abc import Callable

from toymc.detector import build_detector, simulate
from toymc.generators.processes import prepare
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.production.chunks import CHUNK_SIZE
from toymc.production.memory import keep_memory
from toymc.production.spectra import fill
from toymc.streams import stream
from toymc.studies import STUDIES

REPETITIONS = 15
PYTHIA_EVENTS = 300


def rate(work: Callable[[int], object], events: int = CHUNK_SIZE) -> float:
    """Median events per second of `work(repetition)` after one call that compiles and fills caches."""
    work(0)
    times = []
    for repetition in range(1, REPETITIONS + 1):
        start = time.perf_counter()
        work(repetition)
        times.append(time.perf_counter() - start)
    return events / statistics.median(times)


def pythia_rate() -> float:
    """tau pairs per second of Pythia 8 from Python, all modes, with tau-tau spin correlations."""
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for line in (
        "Print:quiet = on",
        "Random:setSeed = on",
        "Random:seed = 1",
        "Beams:idA = 11",
        "Beams:idB = -11",
        "Beams:eCM = 10.58",
        "PDF:lepton = off",
        "WeakSingleBoson:ffbar2gmZ = on",
        "23:onMode = off",
        "23:onIfAny = 15",
        "TauDecays:mode = 1",
    ):
        pythia.readString(line)
    pythia.init()
    pythia.nextBatch(20)
    start = time.perf_counter()
    pythia.nextBatch(PYTHIA_EVENTS)
    return PYTHIA_EVENTS / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    keep_memory()  # as every production does
    beam, detector = load_beam("belle2"), build_detector(load_card("belle2"))
    study = STUDIES["tau_l_alpha"]
    sample = study.samples[0]
    full = prepare("tau_pair", {}, beam)
    forced = prepare("tau_pair", {"decay": "one_prong", "tag": "three_prong"}, beam)

    def generate(process, repetition):
        return process.generate(stream(1, "bench", "generate", repetition), CHUNK_SIZE, 0)

    truth = {"all modes": generate(full, 0), "one prong x three prong": generate(forced, 0)}
    reco = {name: simulate(batch, detector, stream(1, "bench", "simulate", 0)) for name, batch in truth.items()}
    rows = {"generate, all modes": rate(lambda i: generate(full, i))}
    rows["generate, one prong x three prong"] = rate(lambda i: generate(forced, i))
    for name, batch in truth.items():
        rows[f"detector, {name}"] = rate(lambda i, b=batch: simulate(b, detector, stream(1, "bench", "simulate", i)))
        rows[f"selection, {name}"] = rate(lambda i, b=batch, r=reco[name]: fill(study, sample, detector, r))
        rows[f"detector and selection, {name}"] = rate(
            lambda i, b=batch: fill(study, sample, detector, simulate(b, detector, stream(1, "bench", "simulate", i)))
        )

    def chain(process, i):
        batch = generate(process, i)
        return fill(study, sample, detector, simulate(batch, detector, stream(1, "bench", "simulate", i)))

    rows["full chain, all modes"] = rate(lambda i: chain(full, i))
    rows["full chain, one prong x three prong"] = rate(lambda i: chain(forced, i))
    pythia = pythia_rate()
    print(f"{'step':40s} {'events/s':>12s} {'x Pythia 8':>12s}")
    for name, value in rows.items():
        print(f"{name:40s} {value:12,.0f} {value / pythia:12,.0f}")
    print(f"{'Pythia 8 tau pairs, correlated':40s} {pythia:12,.0f} {1:12d}")


if __name__ == "__main__":
    main()
