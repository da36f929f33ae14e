"""Nanoseconds of the muon detector per track, of the trigger per event, of identification per track: `make bench`."""

import math
import statistics
import time
from collections.abc import Callable

import numpy as np

from tests.detector.klm_probe import klm as _klm
from toymc.detector import build_detector
from toymc.detector.identification import identification_probability
from toymc.detector.muons.kernels import _klm_neutral
from toymc.detector.trigger.kernels import _trigger_batch
from toymc.geometry import load_card
from toymc.kernels import kernel
from toymc.streams import stream

N = 200_000
REPETITIONS = 9


@kernel
def _tracks(rng, species, charge, p, tan_lambda, numbers, reach, cumulative):
    total = 0
    for i in range(len(p)):
        region, expected, last = _klm(rng, species[i], charge[i], p[i], tan_lambda[i], numbers, reach, cumulative)
        total += region + expected + last
    return total


@kernel
def _neutrals(rng, p, cosine, numbers, neutral):
    total = 0.0
    for i in range(len(p)):
        sine = math.sqrt(1.0 - cosine[i] * cosine[i])
        layers, theta, phi = _klm_neutral(rng, p[i], 0.0, 0.0, 0.0, sine, 0.0, cosine[i], numbers, neutral)
        total += layers + theta + phi
    return total


def nanoseconds(work: Callable[[], object], rows: int) -> float:
    """Median CPU time for one row, after a call that compiles."""
    work()
    times = []
    for _ in range(REPETITIONS):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return statistics.median(times) / rows * 1e9


def events(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Columns of n events like tau pairs: four tracks, two neutral clusters."""
    m, c = 4 * n, 2 * n
    pt, phi = rng.exponential(0.8, m) + 0.1, rng.uniform(-math.pi, math.pi, m)
    tracks = [pt * np.cos(phi), pt * np.sin(phi), pt * rng.normal(0.3, 0.7, m), rng.choice([-1, 1], m) * 0.0045 / pt]
    tracks += [rng.normal(0.0, 0.01, m), rng.normal(0.0, 0.1, m), np.where(rng.random(m) < 0.25, pt, 0.2)]
    layers = np.where(rng.random(m) < 0.2, 12, -1).astype(np.int32)
    clusters = [rng.exponential(0.4, c), rng.uniform(0.3, 2.6, c), rng.uniform(-math.pi, math.pi, c)]
    return [np.arange(n + 1) * 4, *tracks, layers, np.arange(n + 1) * 2, *clusters]


def main() -> None:
    """Print the table."""
    detector = build_detector(load_card("belle2"))
    klm, trigger = detector.klm, detector.trigger
    rng = stream(1, "bench_muons", "test", 0)
    p, cosine = rng.exponential(1.0, N) + 0.1, rng.uniform(-0.9, 0.95, N)
    species = rng.choice(np.array([0, 1, 2, 2, 2, 3]), N)
    charge = rng.choice(np.array([-1.0, 1.0]), N)
    tangent = cosine / np.sqrt(1.0 - cosine**2)
    n = N // 10
    columns, bits, probability = events(n, rng), np.empty(n, np.uint64), np.empty(n)
    code, theta = np.where(species == 1, 13, 211), np.arccos(cosine)
    rows = {
        "_klm, track of all species": (lambda: _tracks(
            rng, species, charge, p, tangent, klm.numbers, klm.reach, klm.cumulative), N),
        "_klm, muons and pions above 0.7 GeV": (lambda: _tracks(
            rng, np.maximum(species, 1), charge, p + 0.7, tangent, klm.numbers, klm.reach, klm.cumulative), N),
        "_klm_neutral, K_L": (lambda: _neutrals(rng, p, cosine, klm.numbers, klm.neutral), N),
        "trigger, event of 4 tracks and 2 photons": (lambda: _trigger_batch(
            rng, *columns, *trigger, bits, probability), n),
        "probability, table": (lambda: identification_probability(
            detector, "muonID>0.9", code, p, theta, charge), N),
        "probability, range": (lambda: identification_probability(
            detector, "muonID_range>0.9", code[:n], p[:n], theta[:n], charge[:n]), n),
    }  # fmt: skip
    print(f"{'step':45s} {'ns':>8s}")
    for name, (work, count) in rows.items():
        print(f"{name:45s} {nanoseconds(work, count):8.0f}")


if __name__ == "__main__":
    main()
