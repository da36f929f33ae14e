"""Tracks: pulls, efficiency, acceptance, hits. All fractions and means are tested at |pull| < 4 (p = 6e-5 each)."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.detector.probe import binomial_pull, directions, shoot
from toymc.detector import detector_performance, helix_from_state, particle_batch, simulate
from toymc.streams import stream

UPPER = [(i, j) for i in range(5) for j in range(i, 5)]


def matrices(cov):
    """(n, 5, 5) from the upper triangles."""
    out = np.zeros((len(cov), 5, 5))
    for k, (i, j) in enumerate(UPPER):
        out[:, i, j] = out[:, j, i] = cov[:, k]
    return out


def residuals(batch, tracks, charge):
    rows = tracks.event_index  # one particle per event
    state = np.stack([getattr(batch, n)[rows] for n in ("x", "y", "z", "px", "py", "pz")], axis=1)
    truth = helix_from_state(state, charge[rows], 1.5)
    measured = np.stack([tracks.d0, tracks.phi0, tracks.omega, tracks.z0, tracks.tan_lambda], axis=1)
    delta = measured - truth
    delta[:, 1] = (delta[:, 1] + math.pi) % (2.0 * math.pi) - math.pi
    return delta


def mixed_pions(rng, n, displaced=False):
    p = np.exp(rng.uniform(math.log(0.15), math.log(6.0), n))
    momentum = directions(rng, n, -0.85, 0.94) * p[:, None]
    vertex = None
    if displaced:  # flown along their own direction, as daughters of a long-lived particle nearly do
        vertex = momentum / p[:, None] * rng.uniform(0.0, 40.0, n)[:, None] + rng.normal(size=(n, 3)) * 0.3
    pdg = np.where(rng.random(n) < 0.5, 211, -211)
    return particle_batch(pdg, momentum, vertex), np.where(pdg > 0, 1.0, -1.0)


@pytest.mark.parametrize("displaced", [False, True])
def test_pulls_of_all_five_parameters(any_detector, displaced):
    """Unit Gaussians (KS p > 1e-3 each) and, together with the correlations, chi2 with five degrees of freedom."""
    rng = stream(21, any_detector.card.name, "test", int(displaced))
    batch, charge = mixed_pions(rng, 60_000, displaced)
    tracks = simulate(batch, any_detector, rng).tracks
    delta, cov = residuals(batch, tracks, charge), matrices(tracks.cov)
    pulls = delta / np.sqrt(np.einsum("nii->ni", cov))
    n = len(pulls)
    assert n > 20_000
    assert np.all(np.abs(pulls.mean(axis=0)) < 4.0 / math.sqrt(n))
    assert np.all(np.abs(pulls.std(axis=0) - 1.0) < 4.0 / math.sqrt(2.0 * n))
    for k in range(5):
        assert stats.kstest(pulls[:, k], "norm").pvalue > 1e-3
    chi2 = np.einsum("ni,ni->n", delta, np.linalg.solve(cov, delta[:, :, None])[:, :, 0])
    assert stats.kstest(chi2, stats.chi2(5).cdf).pvalue > 1e-3


def test_covariances_are_positive_definite(any_detector):
    rng = stream(22, "cov", "test", 0)
    batch, _ = mixed_pions(rng, 5000)
    eigenvalues = np.linalg.eigvalsh(matrices(simulate(batch, any_detector, rng).tracks.cov) / 1e-8)
    assert np.all(eigenvalues > 0.0)


@pytest.mark.parametrize("species, pdg", [("mu", 13), ("K", 321), ("p", 2212)])
def test_momentum_resolution_is_what_the_performance_table_says(belle2, species, pdg):
    rng = stream(23, species, "test", 0)
    batch = shoot(pdg, 0.8, 70.0, 20_000, rng)
    tracks = simulate(batch, belle2, rng).tracks
    pt = np.hypot(tracks.px, tracks.py)
    expected = detector_performance(belle2.card, [species], [0.8], [70.0])[0]["sigma_pt_over_pt"]
    relative = 0.8 * math.sin(math.radians(70.0)) / pt - 1.0
    assert relative.std() == pytest.approx(expected, rel=4.0 / math.sqrt(2.0 * len(pt)) + 0.002)


def test_charge_and_momentum_agree_with_the_helix(belle2):
    rng = stream(24, "charge", "test", 0)
    batch = particle_batch([11, -11, 13, -13, 211, -211, 321, -321, 2212, -2212], [[0.5, 0.5, 0.3]] * 10)
    found = {}
    for _ in range(20):
        tracks = simulate(batch, belle2, rng).tracks
        for row, charge in zip(tracks.event_index, tracks.charge, strict=True):
            found.setdefault(int(batch.pdg[row]), set()).add(int(charge))
        assert np.all(np.sign(tracks.omega) == tracks.charge)
        assert np.allclose(np.hypot(tracks.px, tracks.py), 0.00299792458 * 1.5 / np.abs(tracks.omega))
        assert np.allclose(tracks.pz, tracks.tan_lambda * np.hypot(tracks.px, tracks.py))
    assert found == {11: {-1}, -11: {1}, 13: {-1}, -13: {1}, 211: {1}, -211: {-1}, 321: {1}, -321: {-1},
                     2212: {1}, -2212: {-1}}  # fmt: skip


def test_efficiency_closes_with_the_table(any_detector):
    """Every cell of the card, at its centre, for pions."""
    rng = stream(25, any_detector.card.name, "test", 1)
    pulls = []
    for row in any_detector.card.finding.efficiency:
        theta = 0.5 * (row.theta_min_deg + row.theta_max_deg)
        p = 0.5 * (row.pt_min + row.pt_max) / math.sin(math.radians(theta))
        batch = shoot(211, p, theta, 4000, rng)
        pulls.append(binomial_pull(len(simulate(batch, any_detector, rng).tracks.d0), 4000, row.value))
    assert stats.chi2.sf(np.sum(np.square(pulls)), len(pulls)) > 1e-3


def test_efficiency_falls_with_the_production_radius(belle2):
    rng = stream(26, "radius", "test", 0)
    prompt = 0.965
    for row in belle2.card.finding.displaced:
        radius = 0.5 * (row.rho_min_cm + row.rho_max_cm)
        batch = shoot(211, 0.7, 90.0, 4000, None, np.tile([radius, 0.0, 0.0], (4000, 1)))
        found = len(simulate(batch, belle2, rng).tracks.d0)
        assert abs(binomial_pull(found, 4000, prompt * row.value)) < 4.0


def test_displaced_efficiency_averages_to_the_published_numbers():
    """Uniform production radius to 100 cm: 48.0 % (2602.10897) and 52.2 % (2411.13596); the model has one curve."""
    from toymc.geometry import load_card

    rows = load_card("belle2").finding.displaced
    average = sum((min(r.rho_max_cm, 100.0) - r.rho_min_cm) * r.value for r in rows) / 100.0
    assert 0.48 < 0.97 * average < 0.522


@pytest.mark.parametrize("theta, seen", [(16.9, False), (17.1, True), (149.9, True), (150.1, False)])
def test_edges_of_the_acceptance(belle2, theta, seen):
    rng = stream(27, "edge", "test", 0)
    assert (len(simulate(shoot(13, 2.0, theta, 100, rng), belle2, rng).tracks.d0) > 0) == seen


def test_no_tracks_below_the_momentum_threshold_or_from_outside_the_chamber(belle2):
    rng = stream(28, "low", "test", 0)
    assert len(simulate(shoot(211, 0.049, 90.0, 1000, rng), belle2, rng).tracks.d0) == 0
    outside = np.tile([120.0, 0.0, 0.0], (1000, 1))
    assert len(simulate(shoot(211, 1.0, 90.0, 1000, rng, outside), belle2, rng).tracks.d0) == 0


def test_hit_counts_of_a_straight_track(belle2):
    """From the list of layers: 56 wire layers and one built pixel layer at 90 degrees, 24 wire layers at 20 degrees."""
    rng = stream(29, "hits", "test", 0)
    central = simulate(shoot(13, 3.0, 90.0, 200, rng), belle2, rng).tracks
    assert (set(central.n_pxd), set(central.n_svd), set(central.n_cdc)) == ({1}, {4}, {56})
    forward = simulate(shoot(13, 3.0, 20.0, 200, rng), belle2, rng).tracks
    assert np.all(np.abs(forward.n_cdc - 24) <= 1)
    late = simulate(shoot(13, 3.0, 90.0, 200, None, np.tile([20.0, 0, 0], (200, 1))), belle2, rng).tracks
    assert (set(late.n_pxd), set(late.n_svd), set(late.n_cdc)) == ({0}, {0}, {52})


def test_same_stream_same_tracks(belle2):
    rng = stream(30, "same", "test", 0)
    batch, _ = mixed_pions(rng, 500)
    first = simulate(batch, belle2, stream(30, "same", "simulate", 0))
    again = simulate(batch, belle2, stream(30, "same", "simulate", 0))
    other = simulate(batch, belle2, stream(30, "same", "simulate", 1))
    assert np.array_equal(first.tracks.cov, again.tracks.cov)
    assert np.array_equal(first.tracks.pid_uniform, again.tracks.pid_uniform)
    assert not np.array_equal(first.tracks.d0[:50], other.tracks.d0[:50])
