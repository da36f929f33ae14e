"""Nanoseconds per call of the track finding's kernels on one core: `make bench`."""

import time

import numpy as np

from toymc.detector.finding import finding_tables
from toymc.detector.finding.found import _probability
from toymc.detector.finding.kinks import _after_kink, _kink_shift
from toymc.detector.finding.spurious import _fakes
from toymc.geometry import load_card
from toymc.kernels import kernel
from toymc.streams import stream

CALLS = 400_000
REPETITIONS = 9


@kernel
def _find(pt, tan_lambda, rho, d0, n_svd, n_cdc, numbers, efficiency):
    total = 0.0
    flat, columns = efficiency.reshape(-1), efficiency.shape[1]
    for i in range(len(pt)):
        total += _probability(pt[i], tan_lambda[i], rho[i], d0[i], 0.0, n_svd[i], n_cdc[i], numbers, flat, columns)
    return total


@kernel
def _kink(rng, pt, tan_lambda, n_cdc, numbers):
    total = 0.0
    for i in range(len(pt)):
        p = pt[i]
        code, _ = _after_kink(
            rng, p, 0.0, p * tan_lambda[i], 0.8 * p, 0.03, p * tan_lambda[i], 1.0, 1.0, 4, n_cdc[i], 0, 56 - n_cdc[i],
            0.9, 0.5, 0.95, numbers,
        )  # fmt: skip
        if code == 4:
            shift = _kink_shift(p, 0.0, 0.0, 0.8 * p, 0.03, 0.0, 1.0, 4, n_cdc[i], 0, 56 - n_cdc[i], numbers)
            total += shift[2]
    return total


@kernel
def _fake_events(rng, n, numbers, helix, sigma, hits):
    made = 0
    for _ in range(n):
        made += _fakes(rng, 4, numbers, helix, sigma, hits)
    return made


def nanoseconds(work):
    """Shortest time per call of `work()`, which makes `CALLS` of them, after one that compiles."""
    work()
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e9 * min(times) / CALLS


def main() -> None:
    """Print the table."""
    card = load_card("belle2")
    tables, on = finding_tables(card), finding_tables(card, spurious=True)
    both = (tables.numbers, tables.efficiency)
    rng = stream(1, "bench_finding", "test", 0)
    pt, tangent = rng.uniform(0.1, 3.0, CALLS), rng.uniform(-1.5, 3.0, CALLS)
    zero, four, many = np.zeros(CALLS), np.full(CALLS, 4), np.full(CALLS, 56)
    rho, d0, wires = rng.uniform(15.0, 90.0, CALLS), rng.normal(size=CALLS) * 5.0, rng.integers(8, 56, CALLS)
    helix, sigma, hits = np.zeros((16, 5)), np.zeros((16, 5)), np.zeros(16, dtype=np.int32)
    rows = {
        "prompt track, probability": lambda: _find(pt, tangent, zero, zero, four, many, *both),
        "displaced track, probability": lambda: _find(pt, tangent, rho, d0, 0 * four, wires, *both),
        "kink": lambda: _kink(rng, pt, tangent, wires, tables.kinks),
        "fake tracks of an event, off": lambda: _fake_events(rng, CALLS, tables.spurious, helix, sigma, hits),
        "fake tracks of an event, on": lambda: _fake_events(rng, CALLS, on.spurious, helix, sigma, hits),
    }
    print("track finding (ns per call, one core)")
    for name, work in rows.items():
        print(f"  {name:32s} {nanoseconds(work):7.1f}")


if __name__ == "__main__":
    main()
