"""Electrons: spectrum and place of their radiation, energy left, photons beside the cluster, recovery."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate, stats

from tests.detector import calorimeter_probe as probe
from tests.detector.probe import shoot
from toymc.constants import M_E
from toymc.detector import build_detector, particle_batch, simulate
from toymc.detector.calorimeter import cluster_tables, recover_bremsstrahlung
from toymc.detector.calorimeter.tables import brems_rate
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.streams import stream

CARD = load_card("belle2")
TABLES = cluster_tables(CARD)
CUTOFF = CARD.calorimeter.bremsstrahlung.cutoff.value


def spectrum(y):
    """Photons per X0 and unit y, complete screening [PDG review, eq. 34.29]."""
    return (4.0 / 3.0 - 4.0 / 3.0 * y + y * y) / y


def row_of(tangent):
    return probe.material_row(tangent, TABLES.numbers, len(TABLES.shells))


def test_rate_is_the_integral_of_the_spectrum():
    assert brems_rate(CUTOFF) == pytest.approx(integrate.quad(spectrum, CUTOFF, 1.0)[0], rel=1e-9)


def test_photon_share_follows_the_spectrum():
    n = 100_000
    y = probe.shares(stream(351, "share", "test", 0), CUTOFF, n)
    edges = np.exp(np.linspace(math.log(CUTOFF), 0.0, 31))
    expected = [integrate.quad(spectrum, a, b)[0] / brems_rate(CUTOFF) for a, b in zip(edges, edges[1:], strict=False)]
    assert stats.chisquare(np.histogram(y, edges)[0], n * np.array(expected)).pvalue > 1e-3


@pytest.mark.parametrize("tangent", [0.0, -1.0, 2.5])
def test_mean_energy_left_is_exp_of_minus_the_material(tangent):
    """Exact property of the spectrum: integral of y times it is 1, so <E> = E0 exp(-X/X0)."""
    n = 200_000
    material = TABLES.shells[row_of(tangent), -1, 1]
    left, _, counts = probe.radiate(stream(352, f"{tangent}", "test", 0), TABLES, 1.0, tangent, 0.0, n)
    # what lies below the cutoff carries cutoff * X/X0 and is not followed
    expected = math.exp(-material * (1.0 - 4.0 / 3.0 * CUTOFF))
    assert abs(left.mean() - expected) < 4.0 * left.std() / math.sqrt(n)
    poisson = math.exp(-brems_rate(CUTOFF) * material)
    assert abs(np.mean(counts == 0) - poisson) < 4.0 * math.sqrt(poisson * (1.0 - poisson) / n)


def test_radii_of_emission_follow_the_material():
    _, radii, _ = probe.radiate(stream(353, "radii", "test", 0), TABLES, 1.0, 0.3, 0.0, 40_000)
    row = row_of(0.3)
    bins = [0.0, 1.3, 2.0, 5.0, 9.0, 12.0, 16.0, 17.0, 40.0, 120.0]
    radius, depth = TABLES.shells[row, :, 0], np.diff(TABLES.shells[row, :, 1], prepend=0.0)
    share = np.histogram(radius, bins, weights=depth)[0] / depth.sum()
    assert stats.chisquare(np.histogram(radii, bins)[0], len(radii) * share).pvalue > 1e-3


def test_nothing_is_radiated_in_front_of_the_production_point():
    _, radii, _ = probe.radiate(stream(354, "late", "test", 0), TABLES, 1.0, 0.3, 12.0, 40_000)
    assert len(radii) > 1000
    assert radii.min() > 12.0


def test_photons_part_from_soft_electrons_and_stay_with_stiff_ones():
    """Apart by omega L^2/2 with what is left: 6.3 crystals/(p (1 - y)), so never below two at 0.5 GeV.

    At 9 GeV less than one as long as y < 0.3: only second photons can be alone there.
    """
    rng = stream(355, "apart", "test", 0)
    n = 40_000
    shares = []
    for p in (0.5, 9.0):
        run = probe.tracks(rng, TABLES, 0, -1, M_E, np.tile([p, 0.0, 0.0], (n, 1)))
        radiated = (run.radiated > 0.12 * p) & (run.radiated < 0.25 * p)
        alone = np.bincount(run.clusters.event, minlength=n) > 0
        shares.append(np.mean(alone[radiated]))
        total = run.energy + np.bincount(run.clusters.event, run.clusters.energy, minlength=n)
        # energy is conserved: what is missing converted in the tracker or was below the threshold
        assert np.median(total[radiated]) == pytest.approx(p, rel=0.07)
        assert np.quantile(total, 0.999) < 1.12 * p
    assert shares[0] > 0.9
    assert shares[1] < 0.05


def test_ratio_of_energy_to_momentum_of_electrons():
    """Near 1 for most; those whose photon is beside the cluster have it lower."""
    rng = stream(356, "ratio", "test", 0)
    run = probe.tracks(rng, TABLES, 0, -1, M_E, np.tile([1.0, 0.0, 0.3], (40_000, 1)))
    ratio = run.energy / math.hypot(1.0, 0.3)
    assert np.median(ratio) == pytest.approx(0.985, abs=0.02)
    assert 0.85 < np.mean(ratio > 0.8) < 0.97


@pytest.fixture(scope="module")
def electrons():
    """Electrons of 1 GeV through the whole detector."""
    rng = stream(357, "recovery", "test", 0)
    batch = shoot(11, 1.0, 80.0, 30_000, rng)
    return batch, simulate(batch, build_detector(CARD), rng)


@pytest.mark.parametrize("method, options", [("finder", {}), ("cone", {"angle": 0.1})])
def test_recovery_brings_electrons_back(electrons, method, options):
    """Of electrons that radiated more than 10 %, most come back to their energy; the others stay where they were."""
    _, result = electrons
    tracks = result.tracks
    fixed = recover_bremsstrahlung(result, TABLES, method=method, **options)
    before = np.sqrt(tracks.px**2 + tracks.py**2 + tracks.pz**2)
    lost = tracks.brems_energy > 0.1
    assert lost.sum() > 1000
    gain = [np.mean(np.abs(e[lost] - 1.0) < 0.05) for e in (before, fixed.energy)]
    print(method, "within 5 % before and after", gain)
    assert gain[1] > gain[0] + 0.25
    quiet = tracks.brems_energy == 0.0
    assert np.mean(fixed.n_photons[quiet]) < 0.05
    added = np.bincount(fixed.track[fixed.track >= 0], result.clusters.energy[fixed.track >= 0], len(before))
    assert fixed.photon_energy == pytest.approx(added)


def test_recovery_leaves_tracks_alone_that_are_not_asked_for(electrons):
    _, result = electrons
    none = recover_bremsstrahlung(result, TABLES, np.zeros(len(result.tracks.px), np.bool_))
    assert np.all(none.n_photons == 0)
    assert none.px == pytest.approx(result.tracks.px)


def test_a_photon_is_given_to_one_track():
    """Two electrons in one event at the same place: the sum of what is added is the clusters' energy, once."""
    rng = stream(358, "once", "test", 0)
    batch = particle_batch(np.full(4000, 11), np.tile([[0.8, 0.0, 0.1], [0.8, 0.01, 0.1]], (2000, 1)))
    paired = dataclasses.replace(batch, offsets=np.arange(0, 4001, 2), weight=np.ones(2000), event_id=np.arange(2000))
    result = simulate(paired, build_detector(CARD), rng)
    fixed = recover_bremsstrahlung(result, TABLES, method="cone", angle=0.2)
    owned = fixed.track >= 0
    assert owned.sum() > 100
    assert fixed.photon_energy.sum() == pytest.approx(result.clusters.energy[owned].sum())
    event_of_track = result.tracks.event_index[fixed.track[owned]]
    assert np.all(event_of_track == result.clusters.event_index[owned])


@pytest.mark.parametrize(
    "options, words",
    [
        ({"method": "magic"}, "give 'finder' or 'cone'"),
        ({"angle": -1.0}, "angle = -1 must be a positive number"),
        ({"acceptance": math.nan}, "acceptance = nan must be"),
        ({"radii_cm": [0.0]}, "positive radii"),
        ({"electrons": np.ones(3)}, "booleans, one per track"),
    ],
)
def test_recovery_refuses_bad_input(electrons, options, words):
    with pytest.raises(InputError, match=words):
        recover_bremsstrahlung(electrons[1], TABLES, **options)


def test_recovery_wants_the_calorimeter(electrons):
    with pytest.raises(InputError, match="give a Detector"):
        recover_bremsstrahlung(electrons[1], "belle2")
