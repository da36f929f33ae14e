"""Measurements of the detector model: resolutions, pulls, mass peaks, conversions, identification."""

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from tests.detector import test_covariance, test_identification
from tests.detector.probe import shoot
from tests.validation.rows import Row, of_shapes, within
from toymc.constants import M_PI
from toymc.detector import build_detector, identification_probability, simulate
from toymc.detector.covariance import resolution_grid
from toymc.detector.helix import helix_from_state
from toymc.detector.performance.measure import mass_peaks, pi0_width
from toymc.events import FATE_CONVERTED
from toymc.geometry import load_card
from toymc.streams import stream

SECTION = "Detector"
UPPER = np.triu_indices(5)
QUANTITIES = (("σ(p_T)/p_T", "%", 100.0), ("σ(d0)", "µm", 1.0), ("σ(z0)", "µm", 1.0))


def resolutions() -> Iterator[Row]:
    """Track resolutions from the layers, before the tuning to data."""
    card = load_card("belle2_run2")
    momenta = [row[0] for row in test_covariance.REFERENCE]
    ours = resolution_grid(card, [M_PI], momenta, [90.0], ideal=True)[0, :, 0]
    for k, (p, *theirs, _) in enumerate(test_covariance.REFERENCE):
        if p not in (0.5, 1.0, 3.0):
            continue
        for i, (name, unit, scale) in enumerate(QUANTITIES):
            yield within(
                SECTION, f"{name} of pions, {p:g} GeV, 90°, from the layers", float(scale * ours[k, i]), theirs[i],
                0.06,
                "weight-matrix calculation made independently from the same layers",
                "tests/detector/test_covariance.py::test_ideal_resolutions_against_the_reference_calculation",
                "calculation", unit,
            )  # fmt: skip


def pulls() -> Iterator[Row]:
    """Pulls of the five helix parameters and their covariance, through the whole detector."""
    detector = build_detector(load_card("belle2"))
    rng = stream(121, "belle2", "test", 0)
    n = 200_000
    p, theta = np.exp(rng.uniform(math.log(0.3), math.log(4.0), n)), rng.uniform(math.radians(20), math.radians(147), n)
    phi, charge = rng.uniform(-math.pi, math.pi, n), np.where(rng.random(n) < 0.5, 1, -1)
    direction = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
    momentum = p[:, None] * direction
    batch = shoot(211, 1.0, 90.0, n)
    columns = {name: np.ascontiguousarray(momentum[:, k]) for k, name in enumerate(("px", "py", "pz"))}
    batch = type(batch)(**{**vars(batch), **columns, "pdg": (211 * charge).astype(np.int32)})
    reco = simulate(batch, detector, rng)
    tracks = reco.tracks
    event = tracks.event_index
    # neither decays nor interactions nor the rare wrong charge
    clean = (tracks.truth == 0) & (tracks.fate >= 7) & (tracks.charge == charge[event])
    event = event[clean]
    state = np.concatenate([np.zeros((len(event), 3)), momentum[event]], axis=1)
    truth = helix_from_state(state, charge[event].astype(np.float64), detector.field)
    names = ("d0", "phi0", "omega", "z0", "tan_lambda")
    delta = np.stack([getattr(tracks, name)[clean] for name in names], axis=1) - truth
    delta[:, 1] = (delta[:, 1] + math.pi) % (2.0 * math.pi) - math.pi
    cov = np.zeros((len(event), 5, 5))
    cov[:, UPPER[0], UPPER[1]] = cov[:, UPPER[1], UPPER[0]] = tracks.cov[clean]
    scaled = delta / np.sqrt(np.einsum("nii->ni", cov))
    found = {name: float(stats.kstest(scaled[:, k], "norm").pvalue) for k, name in enumerate(names)}
    chi2 = np.einsum("ni,ni->n", delta, np.linalg.solve(cov, delta[:, :, None])[:, :, 0])
    found["chi2"] = float(stats.kstest(chi2, stats.chi2(5).cdf).pvalue)
    yield of_shapes(
        SECTION, "pulls of the helix and χ² with the full covariance", found, "unit Gaussians, χ² of 5",
        "definition", "tests/detector/test_covariance_table.py::test_pulls_of_all_five_parameters",
        f"{len(delta):,} tracks",
    )  # fmt: skip


PUBLISHED_WIDTHS = {
    "Jpsi_mumu": (8.0, 11.0),
    "KS_pipi": (1.8, 3.0),
    "D0_Kpi": (4.5, 6.0),
}
"""MeV: ranges that are remembered; the reference is the value of the range that is nearest to ours."""


def masses() -> Iterator[Row]:
    """Widths of mass peaks as they come out: half of the central 68.3 %."""
    detector = build_detector(load_card("belle2"))
    for row in mass_peaks(detector, stream(122, "masses", "test", 0)):
        if row["name"] in PUBLISHED_WIDTHS:
            low, high = PUBLISHED_WIDTHS[row["name"]]
            yield within(
                SECTION, f"width of {row['name']}, {row['p_low_GeV']:g} to {row['p_high_GeV']:g} GeV",
                row["sigma68_MeV"], min(max(row["sigma68_MeV"], low), high), 0.15,
                f"{low:g} to {high:g} MeV, remembered; nearest value of the range",
                "tests/detector/test_performance.py::test_summary_has_what_the_published_table_asks_for",
                "decays through the whole detector", "MeV",
            )  # fmt: skip
    computed = {0.2: 4.93, 0.5: 4.22, 1.0: 4.64, 1.5: 5.18, 2.0: 5.93, 3.0: 7.31}
    for row in pi0_width(detector, stream(123, "pi0", "test", 0)):
        if row["p_GeV"] in computed:
            yield within(
                SECTION, f"width of π⁰ → γγ, {row['p_GeV']:g} GeV, 90°", row["sigma68_MeV"], computed[row["p_GeV"]],
                0.15,
                "from the published photon covariances, medium background (basf2)",
                "tests/detector/test_calorimeter_photons.py::test_pi0_width_comes_out", "decays", "MeV",
            )  # fmt: skip


def conversions() -> Iterator[Row]:
    """Photons that convert inside the tracker."""
    detector = build_detector(load_card("belle2_run2"))
    rng, n = stream(124, "conversions", "test", 0), 400_000
    share = float((simulate(shoot(22, 3.0, 90.0, n, rng), detector, rng).fate == FATE_CONVERTED).mean())
    # 0.95: pair production at 3 GeV relative to its asymptotic value
    yield within(
        SECTION, "photons of 3 GeV at 90° that convert before the end of the chamber", share, 0.95 * 0.0367, 0.08,
        "7/9 X/X0 of the layers, computed independently, times the energy dependence",
        "tests/detector/test_transport_conversion.py::test_the_rate_is_the_depth_times_the_cross_section",
        f"{n:,} photons",
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


MEASUREMENTS = (resolutions, pulls, masses, conversions, identification)
