"""Unbinned mass scans on one core, beside iminuit + numba-stats and pyhf in the same run: `make bench`.

Prints the rate of extended fits with a double-sided Crystal Ball, the time of a whole B -> K S scan with all limits and
bands, and for 20 of its hypotheses the same limits from the slow twin of the tests (iminuit on numba-stats densities,
fine-binned Asimov data) and from pyhf (the window in bins of sigma/12), as ratios of CPU time with the largest
difference. zfit is not a dependency: the 1-3 fits/s of the survey (design, section 8) are quoted. Times are CPU times.
"""

import time
from collections.abc import Callable

import numpy as np
import pyhf

from tests.inference.unbinned.slow_twin import SlowWindow
from toymc.inference.unbinned import (
    Background,
    Density,
    MassChannel,
    ScanResult,
    crystal_ball,
    edge_shares,
    fit_edge_counts,
    mass_grid,
    scan,
    toy_limits,
    windows,
)
from toymc.streams import stream

TAILS = (1.6, 3.0, 1.7, 4.0)


def sigma(mass: float) -> float:
    """Straight line through the published resolutions of K+ mu mu, 1.7 MeV at 0.3 GeV and 9.4 MeV at 4.5 GeV."""
    return 0.0012 + 0.00183 * mass


def cpu(work: Callable[[], object], repetitions: int = 1) -> float:
    """Best CPU time of `work()`, s."""
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def fit_rate() -> None:
    """Free fits of Crystal Ball + line to 200 events each, beside iminuit."""
    masses = np.linspace(1.0, 2.0, 2000)
    x = stream(1, "bench_unbinned", "test", 0).uniform(0.9, 2.1, 1200)
    shape = crystal_ball(masses[:, None], 0.005, *TAILS)
    channel = MassChannel("k", shape, windows(masses[:, None], 0.005, (0.9, 2.1)), Background(degree=1), data=x)
    scan(
        masses[:16],
        [0.0],
        [MassChannel("k", crystal_ball(1.0, 0.005, *TAILS), windows(1.0, 0.005, (0.9, 2.1)), data=x)],
    )
    ours = cpu(lambda: scan(masses, [0.0], [channel], limits=False), 3) / masses.size
    result = scan(masses, [0.0], [channel], limits=False)
    chosen = range(500, 1500, 50)
    slow = [SlowWindow(x, m - 0.1, m + 0.1, ("crystal_ball", m, 0.005, *TAILS)) for m in masses[list(chosen)]]
    yields: list[float] = []
    theirs = cpu(lambda: yields.extend(float(s.fit()[1][0]) for s in slow)) / len(slow)
    worst = max(abs(result.value[i, 0] - y) for i, y in zip(chosen, yields, strict=True))
    events = float(np.median(result.n_events))
    print(f"fits of {events:.0f} events, free and with no signal    {1.0 / ours:9.0f} hypotheses/s  (goal 5000 fits/s)")
    print(f"  iminuit + numba-stats, free fit alone      {1.0 / theirs:9.0f} fits/s   x {theirs / ours:6.0f}   "
          f"yields within {worst:.3f} events")  # fmt: skip
    print("  zfit (survey, not run here)                      1-3 fits/s")


def whole_scan() -> tuple[ScanResult, MassChannel]:
    """About 2000 masses x 18 lifetimes with observed limits and bands."""
    masses = mass_grid(0.03, 4.76, sigma)
    lifetimes = np.geomspace(0.001, 400.0, 18)
    density = Density(np.array([0.0, 4.8]), np.array([60.0, 90.0]))
    x = density.draw(stream(2, "bench_unbinned", "test", 0))
    width = np.array([sigma(m) for m in masses])[:, None]
    shape = crystal_ball(masses[:, None], width * np.linspace(1.0, 1.15, 18), *TAILS)
    channel = MassChannel("kplus_mumu", shape, windows(masses[:, None], width, (0.0, 4.8)), Background(degree=0),
                          data=x, efficiency_error=0.05)  # fmt: skip
    start = time.process_time()
    result = scan(masses, lifetimes, [channel])
    spent = time.process_time() - start
    print(f"scan {masses.size} masses x 18 lifetimes, {x.size} events, limits and bands: {spent:6.2f} s on one core "
          f"(goal 60 s on two); failed {result.failed}")  # fmt: skip
    return result, channel


def pyhf_limit(x: np.ndarray, low: float, high: float, m: float, s: float) -> tuple[float, float]:
    """(observed, median) of the binned window, signal in events."""
    edges = np.linspace(low, high, int(np.ceil((high - low) / (0.08 * s))) + 1)
    counts = np.histogram(x, edges)[0]
    fine = np.linspace(low, high, 40_001)
    density = crystal_ball(m, s, *TAILS).density(fine, low, high)
    cumulative = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(fine))))
    signal = np.diff(np.interp(edges, fine, cumulative))
    flat = np.full(counts.size, 1.0 / counts.size)
    most = 10.0 + 6.0 * np.sqrt(counts.sum())
    factor = [{"name": "mu", "type": "normfactor", "data": None}]
    free = [{"name": "b", "type": "normfactor", "data": None}]
    error = [{"name": "e", "type": "normsys", "data": {"hi": float(np.exp(0.05)), "lo": float(np.exp(-0.05))}}]
    start = float(max(counts.sum(), 0.1))
    spec = {
        "channels": [{"name": "w", "samples": [
            {"name": "s", "data": signal.tolist(), "modifiers": factor + error},
            {"name": "b", "data": flat.tolist(), "modifiers": free},
        ]}],
        "parameters": [
            {"name": "mu", "bounds": [[0.0, most]], "inits": [1.0]},
            {"name": "b", "bounds": [[1e-6, 20.0 * start]], "inits": [start]},
        ],
    }  # fmt: skip
    model = pyhf.Model(spec, poi_name="mu")
    data = [*counts.tolist(), *model.config.auxdata]
    observed, bands = pyhf.infer.intervals.upper_limits.toms748_scan(data, model, 0.0, most, level=0.05, rtol=1e-3)
    return float(observed), float(bands[2])


def peers(result: ScanResult, channel: MassChannel) -> None:
    """The same 20 hypotheses."""
    chosen = [(int(i), 9) for i in np.linspace(20, result.masses.size - 20, 20)]
    x = np.asarray(channel.data)
    ours = cpu(lambda: scan(result.masses, result.lifetimes, [channel])) / result.q0.size * len(chosen)
    inputs = []
    for i, j in chosen:
        low, high = float(channel.window.low[i, 0]), float(channel.window.high[i, 0])
        inputs.append((low, high, float(result.masses[i]), float(channel.signal.sigma[i, j])))
    reference = np.array([[result.observed[i, j], result.expected[i, j, 2]] for i, j in chosen])

    def slow() -> list[tuple[float, float]]:
        windows_ = [SlowWindow(x, a, b, ("crystal_ball", m, s, *TAILS), 0, efficiency=0.05) for a, b, m, s in inputs]
        return [w.limits()[:2] for w in windows_]

    for name, work in (("iminuit + numba-stats", slow), ("pyhf (binned)", lambda: [
        pyhf_limit(x, a, b, m, s) for a, b, m, s in inputs
    ])):  # fmt: skip
        found: list[tuple[float, float]] = []
        theirs = cpu(lambda work=work, found=found: found.extend(work()))
        worst = np.abs(np.array(found) / reference - 1.0).max()
        print(f"20 hypotheses: {1e3 * ours:8.2f} ms   {name:22s} {theirs:8.1f} s   x {theirs / ours:9.0f}   "
              f"limits within {100 * worst:.2g} %")  # fmt: skip


def main() -> None:
    """Print the table."""
    pyhf.set_backend("numpy", "minuit")
    fit_rate()
    result, channel = whole_scan()
    peers(result, channel)
    point = [(result.masses.size // 3, 9)]
    spent = cpu(lambda: toy_limits(result, [channel], point, n_toys=5000))
    print(f"limits from 5000 toys at one hypothesis: {spent:6.2f} s")
    counts = stream(3, "bench_unbinned", "test", 0).poisson(
        1e6 * edge_shares([1.7775, 0.0015, 0.5, 2.0, -5.0]), (1000, 1000)
    )
    spent = cpu(lambda: fit_edge_counts(counts))
    print(f"tau-mass edge: 1000 experiments of a million events: {spent:6.2f} s  (goal 5 min on two cores)")


if __name__ == "__main__":
    main()
