"""Rates of the background processes on one core, with the efficiency of their envelopes: `make bench`."""

import statistics
import time

from toymc.generators.processes import prepare
from toymc.generators.two_photon.process import SumOfParts
from toymc.streams import stream

EVENTS = 16_384
REPETITIONS = 9
CASES = (
    ("ee_ll", ("eeee", "eemumu", "eetautau", "mumumumu", "mumutautau")),
    ("ee_hadrons", ("ee_pipi", "ee_kk", "ee_pp", "pipi_gamma", "kk_gamma", "three_pi_gamma", "jpsi", "psi2s")),
)


def _rate(process: object) -> float:
    process.generate(stream(1, "bench", "test", 0), EVENTS)
    times = []
    for repetition in range(1, REPETITIONS + 1):
        rng = stream(1, "bench", "test", repetition)
        start = time.perf_counter()
        process.generate(rng, EVENTS)
        times.append(time.perf_counter() - start)
    return EVENTS / statistics.median(times)


def main() -> None:
    """Print events per second, time to prepare, cross-section, efficiency and what lies above the envelope."""
    print(f"{'process':12s} {'final':16s} {'events/s':>10s} {'prepare s':>10s} {'sigma fb':>12s}  efficiency (excess)")
    for name, finals in CASES:
        for final in finals:
            start = time.perf_counter()
            process = prepare(name, {"final": final})
            built = time.perf_counter() - start
            parts = ""
            if isinstance(process, SumOfParts):
                found = [part.integral for part in process.parts]
                parts = ", ".join(f"{i.efficiency:.2f} ({i.overflow_excess:.0e})" for i in found)
            sigma = process.cross_section_fb
            print(f"{name:12s} {final:16s} {_rate(process):10.0f} {built:10.2f} {sigma:12.5g}  {parts}")


if __name__ == "__main__":
    main()
