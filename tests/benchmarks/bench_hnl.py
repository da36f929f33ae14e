"""Chains tau -> N X, N -> Y with the other tau of the pair per second on one core, beside tau pairs in the same run."""

import statistics
import time

from toymc.generators import tau_hnl, tau_pair
from toymc.generators.parameters import Value, resolve
from toymc.geometry.beam import load_beam
from toymc.streams import stream

EVENTS = 2**14
REPETITIONS = 9
CASES: tuple[tuple[str, dict[str, Value]], ...] = (
    ("pi N, N -> nu mu mu", {"mass": 1.0, "production": "pi", "decay": "mumu"}),
    ("l nu N, N -> l pi", {"mass": 0.8, "v_tau2": 1e-4, "v_mu2": 1e-4, "production": "e,mu", "decay": "mupi"}),
    ("rho N, N -> nu rho", {"mass": 0.9, "production": "rho", "decay": "rho"}),
    ("all, three flavours", {"mass": 0.95, "v_tau2": 1e-4, "v_mu2": 1e-5, "v_e2": 1e-5}),
)


def _rate(process: tau_hnl.TauHnl | tau_pair.TauPairs) -> tuple[float, float]:
    """Events per second of CPU: median and best."""
    times = []
    for repetition in range(REPETITIONS + 1):
        rng = stream(1, "bench", "generate", repetition)
        start = time.thread_time()
        process.generate(rng, EVENTS)
        times.append(time.thread_time() - start)
    return EVENTS / statistics.median(times[1:]), EVENTS / min(times[1:])


def main() -> None:
    """Print the table."""
    beam = load_beam("belle2")
    print(f"{'':24s} {'events/s':>10s} {'best':>10s}")
    for name, values in CASES:
        rates = _rate(tau_hnl.build(resolve("tau_hnl", tau_hnl.PARAMETERS, values), beam))
        print(f"{name:24s} {rates[0]:10.0f} {rates[1]:10.0f}")
    rates = _rate(tau_pair.build(resolve("tau_pair", tau_pair.PARAMETERS, {}), beam))
    print(f"{'tau pairs, all modes':24s} {rates[0]:10.0f} {rates[1]:10.0f}")


if __name__ == "__main__":
    main()
