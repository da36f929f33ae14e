"""Photons: gaps, energy and angle resolution, tail, efficiency, direction from displaced vertices."""

import csv
import math

import numpy as np
import pytest
from scipy import integrate, stats

from tests.detector.probe import binomial_pull, directions, shoot
from toymc.detector import particle_batch, simulate
from toymc.detector.build import crystal_ball_tail
from toymc.streams import stream


def test_no_photons_in_the_gaps_or_outside(any_detector):
    rng = stream(51, "gaps", "test", 0)
    section = any_detector.card.calorimeter.regions
    edges = [(r.theta_min_deg.value, r.theta_max_deg.value) for r in (section.fwd, section.barrel, section.bwd)]
    holes = [(1.0, edges[0][0]), (edges[0][1], edges[1][0]), (edges[1][1], edges[2][0]), (edges[2][1], 179.0)]
    for low, high in holes:
        for theta in np.linspace(low + 1e-6, high - 1e-6, 20):
            assert len(simulate(shoot(22, 1.0, theta, 50, rng), any_detector, rng).clusters.energy) == 0


def test_clusters_lie_on_crystals(any_detector):
    """The measured angle never falls into a gap, and the region is the one of the angle."""
    rng = stream(52, "crystals", "test", 0)
    momentum = directions(rng, 50_000) * rng.uniform(0.1, 3.0, 50_000)[:, None]
    clusters = simulate(particle_batch(np.full(50_000, 22), momentum), any_detector, rng).clusters
    degrees = np.degrees(clusters.theta)
    section = any_detector.card.calorimeter.regions
    for code, region in ((1, section.fwd), (2, section.barrel), (3, section.bwd)):
        mine = degrees[clusters.region == code]
        assert len(mine) > 500
        assert mine.min() >= region.theta_min_deg.value - 1e-9
        assert mine.max() <= region.theta_max_deg.value + 1e-9


# the table that was evaluated elsewhere from the same coefficients: E, theta (deg), sigma_E/E %, sigma_theta mrad, mid
EVALUATED = [(0.1, 90.0, 4.8, 8.1, 10.0), (1.0, 90.0, 2.1, 3.8, 4.5), (3.0, 90.0, 1.8, 2.7, 2.65),
             (0.1, 22.0, 4.7, 5.8, 13.7), (1.0, 22.0, 2.1, 2.5, 6.9), (0.1, 142.0, 6.0, 9.5, 13.5),
             (1.0, 142.0, 2.4, 4.3, 6.9)]  # fmt: skip


@pytest.mark.parametrize("energy, theta, sigma_e, sigma_theta, sigma_phi", EVALUATED)
def test_resolutions_close_with_the_published_coefficients(belle2, energy, theta, sigma_e, sigma_theta, sigma_phi):
    rng = stream(53, f"{energy}{theta}", "test", 0)
    batch = shoot(22, energy, theta, 20_000)  # azimuth 0
    clusters = simulate(batch, belle2, rng).clusters
    n = len(clusters.energy)
    # core of the energy: the 84.1 % quantile of the Gaussian side, as the low side has the tail
    alpha, tail = belle2.clusters.numbers.tail_alpha, belle2.clusters.numbers.tail_fraction
    core = (1.0 - tail) / stats.norm.cdf(alpha)
    upper = np.quantile(clusters.energy, 1.0 - core * stats.norm.sf(1.0))
    assert 100.0 * (upper / energy - 1.0) == pytest.approx(sigma_e, rel=0.06)
    assert 1e3 * clusters.theta.std() == pytest.approx(sigma_theta, rel=0.04)
    assert 1e3 * clusters.phi.std() == pytest.approx(sigma_phi, rel=0.04)
    assert np.sqrt(clusters.cov[:, 1]) == pytest.approx(np.full(n, 1e-3 * sigma_theta), rel=0.03)
    assert 100.0 * np.sqrt(clusters.cov[0, 0]) / energy == pytest.approx(sigma_e, rel=0.03)


def test_energy_shape_is_a_crystal_ball(belle2):
    """KS against the shape integrated numerically from its definition; the tail's share against quadrature."""
    alpha, n = belle2.clusters.numbers.tail_alpha, belle2.clusters.numbers.tail_power

    def shape(t):
        if t > -alpha:
            return math.exp(-0.5 * t * t)
        return (n / alpha) ** n * math.exp(-0.5 * alpha**2) * (n / alpha - alpha - t) ** -n

    norm = integrate.quad(shape, -200.0, -alpha)[0] + integrate.quad(shape, -alpha, 12.0)[0]
    assert crystal_ball_tail(alpha, n) == pytest.approx(integrate.quad(shape, -200.0, -alpha)[0] / norm, rel=1e-6)
    rng = stream(54, "shape", "test", 0)
    clusters = simulate(shoot(22, 2.0, 80.0, 30_000, rng), belle2, rng).clusters
    pull = (clusters.energy - 2.0) / np.sqrt(clusters.cov[:, 0])
    grid = np.concatenate([-np.exp(np.linspace(math.log(60.0), math.log(0.01), 4000)), np.linspace(0.0, 8.0, 2000)])
    cumulative = integrate.cumulative_trapezoid([shape(t) for t in grid], grid, initial=0.0)
    assert stats.kstest(pull, lambda t: np.interp(t, grid, cumulative / cumulative[-1])).pvalue > 1e-3
    assert abs(binomial_pull((pull < -alpha).sum(), len(pull), crystal_ball_tail(alpha, n))) < 4.0


def test_efficiency_is_conversion_times_the_card(belle2):
    """2 GeV, 90 degrees, conversions computed elsewhere: 3.7 % up to the end of the chamber, 18.3 % up to the TOP."""
    rng = stream(55, "efficiency", "test", 0)
    n = 40_000
    found = len(simulate(shoot(22, 2.0, 89.0, n, rng), belle2, rng).clusters.energy)
    # without the second pixel layer (0.16 %, of which 1/6 is built); 2 % of the later conversions are lost
    before, total = 0.0367 - 0.0016 * 5 / 6, 0.1828
    expected = (1.0 - before) * (1.0 - 0.02 * (total - before) / (1.0 - before)) * 0.995
    assert found / n == pytest.approx(expected, abs=4.0 * math.sqrt(expected * (1 - expected) / n) + 0.001)
    assert 0.02 < 1.0 - found / n < 0.055


def test_soft_photons_convert_less(belle2):
    rng = stream(56, "soft", "test", 0)
    loss = [1.0 - len(simulate(shoot(22, e, 60.0, 60_000, rng), belle2, rng).clusters.energy) / 60_000
            for e in (0.1, 2.0)]  # fmt: skip
    conversion = [value - 0.005 for value in loss]  # the rest is the same
    assert conversion[0] / conversion[1] == pytest.approx(0.725, abs=0.06)


def test_energy_threshold_of_each_region(any_detector):
    rng = stream(57, "threshold", "test", 0)
    section = any_detector.card.calorimeter.regions
    for theta, region in ((25.0, section.fwd), (90.0, section.barrel), (140.0, section.bwd)):
        low = simulate(shoot(22, 0.5 * region.energy_min.value, theta, 2000, rng), any_detector, rng).clusters
        high = simulate(shoot(22, 2.0 * region.energy_min.value, theta, 2000, rng), any_detector, rng).clusters
        assert len(low.energy) == 0
        assert len(high.energy) > 1600
        assert high.energy.min() >= region.energy_min.value


def test_direction_of_a_displaced_photon_is_its_impact_seen_from_the_origin(belle2):
    """From (20, 0, 0) along +y: barrel hit at y = sqrt(125^2 - 20^2)."""
    rng = stream(58, "impact", "test", 0)
    batch = particle_batch(np.full(2000, 22), np.tile([0.0, 1.0, 0.0], (2000, 1)), np.tile([20.0, 0, 0], (2000, 1)))
    phi = simulate(batch, belle2, rng).clusters.phi
    assert phi.mean() == pytest.approx(
        math.atan2(math.sqrt(125.0**2 - 20.0**2), 20.0), abs=4 * 0.0045 / math.sqrt(2000)
    )


def test_photons_from_inside_the_calorimeter_are_not_seen(belle2):
    rng = stream(59, "inside", "test", 0)
    batch = particle_batch(np.full(500, 22), np.tile([1.0, 0.0, 0.0], (500, 1)), np.tile([126.0, 0, 0], (500, 1)))
    assert len(simulate(batch, belle2, rng).clusters.energy) == 0


def test_a_coefficient_row_for_every_level_is_kept():
    """All 27 rows of the facts stay in the card, whichever level it uses."""
    from toymc.geometry import load_card

    card = load_card("belle2")
    with (card.folder / "ecl_resolution_coefficients.csv").open(encoding="utf-8") as handle:
        assert len(list(csv.DictReader(handle))) == 27
    assert {c.background_level for c in card.calorimeter.coefficients} == {"<0.05", "0.05-0.3", ">0.3"}
