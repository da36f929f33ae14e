"""Measurements of the detector model: resolutions, pulls, photons, bremsstrahlung, identification."""

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from tests.detector import test_brems, test_identification, test_photons, test_resolution, test_tracks
from tests.detector.probe import shoot
from tests.validation.rows import Row, of_shapes, of_values, within
from toymc.detector import Detector, build_detector, identification_probability, simulate
from toymc.detector.photons import _depth_row
from toymc.detector.tracks import MAX_BREMS, _radiate
from toymc.geometry import load_card
from toymc.streams import stream

SECTION = "Detector"


def _belle2() -> Detector:
    return build_detector(load_card("belle2"))


def resolutions() -> Iterator[Row]:
    """Track resolutions from the layers, before the tuning to data."""
    for p, pt, d0, z0, _ in test_resolution.INDEPENDENT:
        if p not in (0.5, 1.0, 3.0):
            continue
        row = test_resolution.rows("belle2_run2", True, [p])[0]
        for name, ours, reference, unit in (
            ("σ(p_T)/p_T", 100.0 * row["sigma_pt_over_pt"], pt, "%"),
            ("σ(d0)", row["sigma_d0_um"], d0, "µm"),
            ("σ(z0)", row["sigma_z0_um"], z0, "µm"),
        ):
            yield within(
                SECTION, f"{name} of pions, {p:g} GeV, 90°, from the layers", float(ours), reference, 0.06,
                "weight-matrix calculation made independently from the same layers",
                "tests/detector/test_resolution.py::test_ideal_resolutions_agree_with_the_independent_calculation",
                "calculation", unit,
            )  # fmt: skip


def pulls() -> Iterator[Row]:
    """Pulls of the five helix parameters and their covariance."""
    detector = _belle2()
    rng = stream(121, "belle2", "test", 0)
    batch, charge = test_tracks.mixed_pions(rng, 200_000)
    tracks = simulate(batch, detector, rng).tracks
    delta, cov = test_tracks.residuals(batch, tracks, charge), test_tracks.matrices(tracks.cov)
    scaled = delta / np.sqrt(np.einsum("nii->ni", cov))
    names = ("d0", "phi0", "omega", "z0", "tan lambda")
    found = {name: float(stats.kstest(scaled[:, k], "norm").pvalue) for k, name in enumerate(names)}
    chi2 = np.einsum("ni,ni->n", delta, np.linalg.solve(cov, delta[:, :, None])[:, :, 0])
    found["chi2"] = float(stats.kstest(chi2, stats.chi2(5).cdf).pvalue)
    yield of_shapes(
        SECTION, "pulls of the helix and χ² with the full covariance", found, "unit Gaussians, χ² of 5",
        "definition", "tests/detector/test_tracks.py::test_pulls_of_all_five_parameters", f"{len(delta):,} tracks",
    )  # fmt: skip


def photons() -> Iterator[Row]:
    """Energy and angle of clusters; conversions."""
    detector = _belle2()
    numbers = detector.clusters.numbers
    core = (1.0 - numbers.tail_fraction) / stats.norm.cdf(numbers.tail_alpha)
    for energy, theta, sigma_e, sigma_theta, _ in test_photons.EVALUATED:
        if theta != 90.0:
            continue
        batch = shoot(22, energy, theta, 100_000)
        clusters = simulate(batch, detector, stream(153, f"{energy}", "test", 0)).clusters
        upper = np.quantile(clusters.energy, 1.0 - core * stats.norm.sf(1.0))
        for name, ours, reference, unit, allowed in (
            ("σ(E)/E", 100.0 * (upper / energy - 1.0), sigma_e, "%", 0.06),
            ("σ(θ)", 1e3 * clusters.theta.std(), sigma_theta, "mrad", 0.04),
        ):
            yield within(
                SECTION, f"{name} of photons, {energy:g} GeV, 90°", float(ours), reference, allowed,
                "`geometry/belle2/ecl_resolution_coefficients.csv`",
                "tests/detector/test_photons.py::test_resolutions_close_with_the_published_coefficients",
                "100,000 photons", unit,
            )  # fmt: skip
    rng = stream(155, "efficiency", "test", 0)
    n = 200_000
    found = len(simulate(shoot(22, 2.0, 89.0, n, rng), detector, rng).clusters.energy) / n
    before, total = 0.0367 - 0.0016 * 5 / 6, 0.1828
    expected = (1.0 - before) * (1.0 - 0.02 * (total - before) / (1.0 - before)) * 0.995
    yield within(
        SECTION, "efficiency of photons, 2 GeV, 89° (conversions)", found, expected, 0.006,
        "conversions computed independently from the material",
        "tests/detector/test_photons.py::test_efficiency_is_conversion_times_the_card", f"{n:,} photons",
    )  # fmt: skip


def bremsstrahlung() -> Iterator[Row]:
    """Mean energy that electrons keep on the way out."""
    tables = _belle2().tracks
    rng, emitted, n = stream(142, "loss", "test", 0), np.empty((MAX_BREMS, 3)), 40_000
    row = _depth_row(0.0, tables.numbers, tables.depth)
    left = np.ones(n)
    for i in range(n):
        count = _radiate(rng, 1.0, 0.0, 0.0, tables.numbers, tables.depth, emitted)
        if count:
            left[i] = emitted[count - 1, 2]
    expected = math.exp(-tables.depth[row, -1, 1] * (1.0 - 4.0 / 3.0 * test_brems.CUTOFF))
    yield of_values(
        SECTION, "mean energy left after bremsstrahlung, 90°", (left.mean(), left.std() / math.sqrt(n)),
        (expected, 0.0), "exp(−X/X₀), exact for the spectrum of the PDG review, eq. 34.29",
        "tests/detector/test_brems.py::test_mean_energy_left_is_exp_of_minus_the_material", f"{n:,} electrons",
    )  # fmt: skip


def identification() -> Iterator[Row]:
    """Efficiencies and misidentification averaged over the barrel, beside published averages."""
    names = {"e": "e", "mu": "μ", "pi": "π", "K": "K"}
    for card, point, species, low, high, published, allowed in test_identification.ANCHORS:
        if card == "belle":  # these averages are the input of that card
            continue
        detector = build_detector(load_card(card))
        p = np.linspace(low, high - 1e-9, 61)
        cosine = np.linspace(math.cos(math.radians(128.0)), math.cos(math.radians(33.0)), 61)
        grid_p, grid_c = (a.ravel() for a in np.meshgrid(p, cosine))
        n = grid_p.size
        code = np.full(n, test_identification.CODES[species])
        value = identification_probability(detector, point, code, grid_p, np.arccos(grid_c), np.ones(n)).mean()
        yield within(
            SECTION, f"{card}: {point} of {names[species]}, {low:g} to {high:g} GeV, barrel", float(value), published,
            allowed / published, "published averages; sources beside the list in the test",
            "tests/detector/test_identification.py::test_published_anchors", "table",
        )  # fmt: skip


MEASUREMENTS = (resolutions, pulls, photons, bremsstrahlung, identification)
