"""When two showers make one cluster, and what the cluster then is."""

import math

import numpy as np
import pytest

from tests.detector import calorimeter_probe as probe
from tests.detector.test_calorimeter_photons import two_photons
from toymc.constants import M_PI0
from toymc.detector.calorimeter import cluster_tables
from toymc.geometry import load_card
from toymc.streams import stream

TABLES = cluster_tables(load_card("belle2"))
CRYSTAL = 5.45


def unit(theta, phi):
    return np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])


@pytest.mark.parametrize("theta", [0.4, 0.9, 1.5, 2.1, 2.5])
def test_overlap_is_that_of_neighbouring_crystals(theta):
    """Probability against a grid of crystals with random phase, counted."""
    region = 1 if theta < 0.55 else (3 if theta > 2.26 else 2)
    distance = {1: 196.0 / math.cos(theta), 2: 125.0 / math.sin(theta), 3: -102.0 / math.cos(theta)}[region]
    pitch = CRYSTAL / distance
    rng = stream(341, f"{theta}", "test", 0)
    phase = rng.random((2, 20_000))
    for dx, dy in ((0.3, 0.7), (1.0, 0.0), (1.5, 0.2), (1.4, 1.6), (1.9, 1.9), (2.1, 0.0), (0.0, 2.3)):
        b = unit(theta + dy * pitch, dx * pitch / math.sin(theta))
        chance = probe.overlap(unit(theta, 0.0), b, region, TABLES.numbers)
        same = np.abs(np.floor(phase[0] + dx)) <= 1
        same &= np.abs(np.floor(phase[1] + dy)) <= 1
        assert chance == pytest.approx(same.mean(), abs=0.06), (dx, dy)


def pair(rng, apart, energies, n):
    """Two photons in the barrel, `apart` crystals from each other in azimuth."""
    p4 = np.empty((n, 2, 3))
    p4[:, 0] = energies[0] * unit(math.pi / 2, 0.0)
    p4[:, 1] = energies[1] * unit(math.pi / 2, apart * CRYSTAL / 125.0)
    return probe.photons(rng, TABLES, p4.reshape(-1, 3), per_event=2, merge=True)


def test_close_photons_become_one_cluster_with_the_sum():
    rng = stream(342, "sum", "test", 0)
    clusters = pair(rng, 0.6, (1.0, 2.0), 5000)
    count = np.bincount(clusters.event, minlength=5000)
    assert count.max() == 1
    both = clusters.i[3] >= 0
    assert both.mean() > 0.96  # the others lost one photon
    assert np.median(clusters.energy[both]) == pytest.approx(3.0, rel=0.01)
    # the harder photon is the truth, the softer the second; the direction lies between, weighted
    assert np.all(clusters.i[1][both] == 1)
    assert np.all(clusters.i[3][both] == 0)
    assert np.median(clusters.f[2][both]) == pytest.approx(2.0 / 3.0 * 0.6 * CRYSTAL / 125.0, abs=2e-3)
    # width: both resolutions added in squares
    assert np.sqrt(np.median(clusters.cov[both, 0])) == pytest.approx(math.hypot(0.021 * 1.0, 0.019 * 2.0), rel=0.05)


def test_distant_photons_stay_apart():
    rng = stream(343, "apart", "test", 0)
    clusters = pair(rng, 2.05, (1.0, 1.0), 3000)
    assert np.all(clusters.i[3] == -1)
    assert len(clusters.energy) > 1.96 * 3000
    half = pair(rng, 1.5, (1.0, 1.0), 20_000)
    merged = np.sum(half.i[3] >= 0) / 20_000
    assert merged == pytest.approx(0.5 * 0.99**2, abs=0.02)


def test_rows_keep_their_order_and_events():
    """Three photons in a row: the outer two are apart, the middle one joins the first."""
    rng = stream(344, "order", "test", 0)
    p4 = np.stack([unit(1.5, 0.0), unit(1.5, 0.9 * CRYSTAL / 125.0), unit(1.5, 3.2 * CRYSTAL / 125.0), unit(1.0, 2.0)])
    clusters = probe.photons(rng, TABLES, np.tile(p4, (2000, 1)), per_event=4, merge=True)
    full = np.flatnonzero(np.bincount(clusters.event, minlength=2000) == 3)
    assert len(full) > 1500
    rows = np.searchsorted(clusters.event, full)
    third = clusters.i[1][rows + 2]
    assert np.all(third == 3)
    assert np.mean(clusters.i[3][rows] >= 0) > 0.95


def test_photons_on_a_track_go_to_its_energy():
    """Electrons of 5 GeV: nearly everything that they radiate ends in their own cluster."""
    from toymc.constants import M_E

    rng = stream(345, "electron", "test", 0)
    p = np.tile(5.0 * unit(1.4, 0.3), (20_000, 1))
    run = probe.tracks(rng, TABLES, 0, -1, M_E, p)
    hard = run.radiated > 0.5
    assert hard.sum() > 300
    alone = np.bincount(run.clusters.event, run.clusters.energy, minlength=len(p))
    merged = hard & (alone == 0.0)
    assert np.median(run.energy[merged]) == pytest.approx(5.0, rel=0.02)
    # nothing is counted twice
    assert np.quantile(run.energy + alone, 0.999) < 5.4


def test_energetic_pi0_merge():
    """Smallest opening 2 m/E: two crystals (5 degrees) at 3.1 GeV, one at 6.2 GeV."""
    rng = stream(346, "pi0", "test", 0)
    share = {}
    for momentum in (1.5, 2.5, 3.0, 4.0, 6.0):
        n = 10_000
        clusters = probe.photons(rng, TABLES, two_photons(rng, M_PI0, momentum, n), per_event=2, merge=True)
        share[momentum] = np.sum(clusters.i[3] >= 0) / n
    print("merged pi0", share)
    assert share[1.5] == 0.0
    assert share[2.5] < 0.05
    assert 0.0 < share[3.0] < 0.2
    assert 0.2 < share[4.0] < 0.6
    assert share[6.0] > 0.6
