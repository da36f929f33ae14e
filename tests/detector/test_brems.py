"""Electron bremsstrahlung: spectrum, mean energy loss, effect on the measured momentum."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from tests.detector.probe import shoot
from toymc.detector import simulate
from toymc.detector.build import brems_rate
from toymc.detector.photons import _depth_row
from toymc.detector.resolution import RESPONSE_RADII
from toymc.detector.tracks import MAX_BREMS, _photon_share, _radiate
from toymc.streams import stream

CUTOFF = 1e-3


def spectrum(y):
    """Photons per X0 and unit y, complete screening [PDG review, eq. 34.29]."""
    return (4.0 / 3.0 - 4.0 / 3.0 * y + y * y) / y


def test_rate_is_the_integral_of_the_spectrum():
    assert brems_rate(CUTOFF) == pytest.approx(integrate.quad(spectrum, CUTOFF, 1.0)[0], rel=1e-9)


def test_photon_share_follows_the_spectrum():
    rng = stream(41, "share", "test", 0)
    y = np.array([_photon_share(rng, CUTOFF) for _ in range(20_000)])
    edges = np.exp(np.linspace(math.log(CUTOFF), 0.0, 31))
    expected = [integrate.quad(spectrum, a, b)[0] / brems_rate(CUTOFF) for a, b in zip(edges, edges[1:], strict=False)]
    assert stats.chisquare(np.histogram(y, edges)[0], 20_000 * np.array(expected)).pvalue > 1e-3


def test_mean_energy_left_is_exp_of_minus_the_material(belle2):
    """Exact property of the spectrum: integral of y times it is 1, so <E> = E0 exp(-X/X0)."""
    tables = belle2.tracks
    rng = stream(42, "loss", "test", 0)
    emitted = np.empty((MAX_BREMS, 3))
    for tangent in (0.0, 2.5):
        row = _depth_row(tangent, tables.numbers, tables.depth)
        material = tables.depth[row, -1, 1]
        left = []
        for _ in range(40_000):
            n = _radiate(rng, 1.0, tangent, 0.0, tables.numbers, tables.depth, emitted)
            left.append(emitted[n - 1, 2] if n else 1.0)
        error = np.std(left) / math.sqrt(len(left))
        # what lies below the cutoff carries cutoff * X/X0 and is not followed
        expected = math.exp(-material * (1.0 - 4.0 / 3.0 * CUTOFF))
        assert abs(np.mean(left) - expected) < 4.0 * error
        no_photon = np.mean(np.array(left) == 1.0)
        poisson = math.exp(-brems_rate(CUTOFF) * material)
        assert abs(no_photon - poisson) < 4.0 * math.sqrt(poisson * (1.0 - poisson) / len(left))


def test_radii_of_emission_follow_the_material(belle2):
    tables = belle2.tracks
    rng = stream(43, "radii", "test", 0)
    emitted = np.empty((MAX_BREMS, 3))
    radii = []
    for _ in range(40_000):
        n = _radiate(rng, 1.0, 0.3, 0.0, tables.numbers, tables.depth, emitted)
        radii.extend(emitted[:n, 0])
    row = _depth_row(0.3, tables.numbers, tables.depth)
    bins = [0.0, 1.3, 2.0, 5.0, 9.0, 12.0, 16.0, 17.0, 40.0, 120.0]
    radius, depth = tables.depth[row, :, 0], np.diff(tables.depth[row, :, 1], prepend=0.0)
    share = np.histogram(radius, bins, weights=depth)[0] / depth.sum()
    assert stats.chisquare(np.histogram(radii, bins)[0], len(radii) * share).pvalue > 1e-3


def test_nothing_is_radiated_in_front_of_the_production_point(belle2):
    tables = belle2.tracks
    rng = stream(44, "late", "test", 0)
    emitted = np.empty((MAX_BREMS, 3))
    for _ in range(5000):
        n = _radiate(rng, 1.0, 0.3, 12.0, tables.numbers, tables.depth, emitted)
        assert np.all(emitted[:n, 0] > 12.0)


def test_response_of_the_fit_to_a_change_of_curvature(belle2):
    """All of it in front of the first layer, none behind the last; monotonous between at 90 degrees."""
    response = belle2.tracks.response
    middle = int(round((0.0 - belle2.tracks.numbers.tan_low) / belle2.tracks.numbers.tan_step))
    for k in (12, 16, 20):  # p beta from 0.6 to 4.4 GeV
        curve = response[k, middle, :, 2]
        assert curve[0] == pytest.approx(1.0, abs=1e-6)
        assert abs(curve[-1]) < 1e-3
        assert np.all(np.diff(curve) < 1e-3)
        assert response[k, middle, 0, :2] == pytest.approx([0.0, 0.0], abs=1e-6)
    # at 12 cm, behind most of the material, more than nine tenths of the loss is seen
    assert np.interp(12.0, RESPONSE_RADII, response[16, middle, :, 2]) > 0.9


def test_measured_momentum_has_the_radiative_tail(belle2):
    """Share of electrons measured more than 10 % low, against a direct simulation that shares no code."""
    rng = stream(45, "tail", "test", 0)
    n = 40_000
    batch = shoot(11, 1.5, 90.0, n, rng)
    tracks = simulate(batch, belle2, rng).tracks
    p = np.sqrt(tracks.px**2 + tracks.py**2 + tracks.pz**2)
    low = np.mean(p < 1.35)
    # material in front of 14 cm counts fully, behind it hardly any is left: inverse transform of the spectrum
    tables = belle2.tracks
    row = _depth_row(0.0, tables.numbers, tables.depth)
    radius, depth = tables.depth[row, :, 0], np.diff(tables.depth[row, :, 1], prepend=0.0)
    middle = int(round((0.0 - tables.numbers.tan_low) / tables.numbers.tan_step))
    weight = np.interp(radius, RESPONSE_RADII, tables.response[16, middle, :, 2])
    grid = np.exp(np.linspace(math.log(1e-5), 0.0, 4001))
    cumulative = integrate.cumulative_trapezoid(spectrum(grid), grid, initial=0.0)
    shift = np.zeros(n)
    energy = np.ones(n)
    for w, x in zip(weight, depth, strict=True):
        photons = rng.poisson(x * cumulative[-1], n)
        for hit in range(photons.max()):
            some = photons > hit
            y = np.interp(rng.random(some.sum()) * cumulative[-1], cumulative, grid)
            after = energy[some] * (1.0 - np.minimum(y, 1.0 - 1e-9))
            shift[some] += w * (1.0 / after - 1.0 / energy[some])
            energy[some] = after
    smeared = 1.5 / (1.0 + shift + rng.normal(0.0, 0.0035, n))
    # soft tracks of hard radiation are lost with the tracking efficiency; compare above 0.5 GeV
    expected = np.mean(smeared[smeared > 0.5] < 1.35)
    measured = np.mean(p[p > 0.5] < 1.35)
    error = math.sqrt(2.0 * expected * (1.0 - expected) / n)
    assert abs(measured - expected) < 4.0 * error
    assert 0.02 < low < 0.12
    assert np.all(tracks.brems_energy >= 0.0)
    assert np.all(tracks.brems_energy < 1.5)


def test_muons_do_not_radiate(belle2):
    rng = stream(46, "mu", "test", 0)
    assert np.all(simulate(shoot(13, 1.0, 90.0, 2000, rng), belle2, rng).tracks.brems_energy == 0.0)


def test_radiated_photons_become_clusters_beside_the_electron(belle2):
    """Soft electrons bend away from their photons; stiff ones only after they lost much of their energy."""
    rng = stream(47, "clusters", "test", 0)
    soft = simulate(shoot(11, 0.5, 90.0, 20_000, rng), belle2, rng)
    stiff = simulate(shoot(11, 5.0, 90.0, 20_000, rng), belle2, rng)
    assert len(soft.clusters.energy) > 300
    assert len(stiff.clusters.energy) < 0.4 * len(soft.clusters.energy)
    # apart by omega L^2/2 / R: more than two crystals needs an electron below 3.2 GeV, a photon above 1.8 GeV
    # (a second, soft photon that parts from both is the rest)
    assert np.quantile(stiff.clusters.energy, 0.05) > 1.6
    assert np.all(soft.clusters.energy < 0.65)
    assert set(soft.clusters.truth) == {0}
