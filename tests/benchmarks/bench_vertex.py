"""Rates of vertex fits on one core, and the share of each step.

Two-track vertices from 0 to 100 cm, of large and small opening angle and of converted photons, and the constraints,
each as the median of several repetitions of CPU time; beside them the same fit by a general minimiser
(scipy), which is what an analyst without the kernels would write.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from tests.detector.vertex_decays import DECAYS, FIELD, decays
from tests.detector.vertex_twin import twin_fit
from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.vertex import Origin, fit_vertices
from toymc.detector.vertex.constraints import CON, MAX_ROWS
from toymc.detector.vertex.normal import POINT, FitOptions
from toymc.detector.vertex.solve import _fit_one, _inputs
from toymc.detector.vertex.start import _start
from toymc.detector.vertex.track import WORK
from toymc.detector.vertex.tree import TREE
from toymc.kernels import kernel

CANDIDATES = 50_000
REPETITIONS = 7


@kernel
def _only(upto, helices, covs, production, six, masses, options, radii):
    """The first steps of the fit alone: 0 input check, 1 and starting point, 2 and iterations."""
    k = helices.shape[1]
    work, tree = np.zeros((k, WORK)), np.zeros((k, TREE))
    con, point = np.zeros((MAX_ROWS, CON + 6 * k)), np.zeros(POINT)
    total = 0.0
    for c in range(len(helices)):
        if upto < 2:
            total += _inputs(work, k, helices, covs, c)
        if upto == 1:
            total += _start(work, k, helices, covs, c, 0.0, 0.0, 0.0, radii)[0]
        if upto == 2:
            _fit_one(work, tree, con, point, k, helices, covs, c, production, six, six, 0, masses, 0, options, radii)
            total += point[0]
    return total


def rate(work: Callable[[], object], candidates: int) -> float:
    """Median candidates per second of CPU time, after one call that compiles."""
    work()
    times = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return candidates / statistics.median(times)


def steps(sample: dict[str, np.ndarray]) -> list[tuple[str, float]]:
    """Microseconds per fit of each step."""
    options = FitOptions(0, 0.0, 0.0, OMEGA_PER_TESLA_GEV_CM * FIELD)
    arguments = (np.zeros((1, 3)), np.zeros((1, 6)), sample["masses"][None], options, np.zeros((0, 2, 2)))
    n = len(sample["helices"])
    upto = [1e6 / rate(lambda u=u: _only(u, sample["helices"], sample["covs"], *arguments), n) for u in range(3)]
    whole = 1e6 / rate(lambda: fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD), n)
    full = 1e6 / rate(
        lambda: fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD, full_covariance=True), n
    )
    return [
        ("check of the covariances", upto[0]),
        ("starting point", upto[1] - upto[0]),
        ("iterations", upto[2] - upto[1]),
        ("momenta, mass, flight and their errors", whole - upto[2]),
        ("9 x 9 covariance (option)", full - whole),
    ]


def main() -> None:
    """Print the tables."""
    samples = {name: decays(name, CANDIDATES, (0.0, 100.0), seed=2) for name in DECAYS}
    print(f"{'vertex fit':52s} {'fits/s':>12s}")
    for name, s in samples.items():
        value = rate(lambda s=s: fit_vertices(s["helices"], s["covs"], s["masses"], FIELD), len(s["helices"]))
        print(f"{'two tracks, ' + name:52s} {value:12,.0f}")
    s = samples["K_S"]
    spot = Origin(np.zeros(3), np.array([1e-6, 0.0, 0.0, 1e-9, 0.0, 6e-4]))
    variants = {
        "pointing": {"pointing": True, "origin": spot},
        "mass": {"mass_constraint": DECAYS["K_S"][0]},
        "at the luminous region": {"at_origin": True, "origin": spot},
    }
    for name, options in variants.items():
        value = rate(lambda o=options: fit_vertices(s["helices"], s["covs"], s["masses"], FIELD, **o), CANDIDATES)
        print(f"{'two tracks, K_S, ' + name:52s} {value:12,.0f}")
    pair = samples["conversion"]
    value = rate(
        lambda: fit_vertices(pair["helices"], pair["covs"], pair["masses"], FIELD, parallel_within=2e-4), CANDIDATES
    )
    print(f"{'two tracks, conversion, parallel':52s} {value:12,.0f}")
    few = 10
    start = time.process_time()
    for row in range(few):
        twin_fit(s["helices"][row], s["covs"][row], s["vertex"][row])
    print(f"{'two tracks, scipy':52s} {few / (time.process_time() - start):12,.0f}")
    print()
    print(f"{'step (two tracks, K_S)':52s} {'us':>8s} {'share':>8s}")
    parts = steps(s)
    whole = sum(value for _, value in parts[:4])
    for name, value in parts:
        print(f"{name:52s} {value:8.2f} {100 * value / whole:7.0f}%")


if __name__ == "__main__":
    main()
