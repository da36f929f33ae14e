"""Throughput of the calorimeter's kernels on one core, each in a loop of its own."""

import math
import time

import numpy as np

from tests.detector import calorimeter_probe as probe
from toymc.constants import M_E, M_K0, M_MU, M_PI
from toymc.detector.calorimeter import cluster_tables
from toymc.geometry import load_card
from toymc.streams import stream

_N = 4000
_ROUNDS = 60


def _best(run):
    """ns per particle: the best of many rounds of a batch that stays in the cache."""
    run()
    best = math.inf
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return 1e9 * best / _N


def main() -> None:
    """Print the table."""
    start = time.perf_counter()
    t = cluster_tables(load_card("belle2"))
    print(f"tables of a card: {time.perf_counter() - start:.2f} s")
    rng = stream(1, "bench", "test", 0)
    phi = rng.uniform(-math.pi, math.pi, _N)
    p = np.stack([np.cos(phi), np.sin(phi), np.full(_N, 0.2)], axis=1)
    x, energy, first = np.zeros_like(p), np.full(_N, 1.0), np.arange(_N + 1)
    u = p / np.sqrt((p**2).sum(axis=1))[:, None]
    f, cov, ints = probe.room(16 * _N)
    at, hit = np.empty(_N + 1, np.int64), np.empty(_N, np.int64)
    e, v, radiated = np.empty(_N), np.empty((_N, 3)), np.empty(_N)
    common = (t.numbers, t.regions, t.sigma, t.response, t.scale, t.outer)

    def photons():
        probe._run_photons(rng, first, energy, x, u, 0.0, True, *common, f, cov, ints, at)

    def tracks(species, mass):
        probe._run_tracks(
            rng, species, -1.0, mass, x, p, math.inf, True, True, *common, t.shells, t.hadrons, t.visible, t.ionisation,
            e, v, hit, radiated, f, cov, ints, at,
        )  # fmt: skip

    def hadrons():
        probe._run_hadrons(
            rng, 6, M_K0, -1, x, p, t.numbers, t.regions, t.sigma, t.hadrons, t.visible, f, cov, ints, at, hit
        )

    rows = (
        ("photon, 1 GeV, with merging", photons),
        ("electron, 1 GeV, with radiation and merging", lambda: tracks(0, M_E)),
        ("muon, 1 GeV", lambda: tracks(1, M_MU)),
        ("pion, 1 GeV, with split-offs", lambda: tracks(2, M_PI)),
        ("K_L, 1 GeV, with split-offs", hadrons),
    )
    print(f"{'calorimeter, one core':<46}{'ns':>8}{'M/s':>8}")
    for name, run in rows:
        ns = _best(run)
        print(f"{name:<46}{ns:>8.0f}{1e3 / ns:>8.1f}")


if __name__ == "__main__":
    main()
