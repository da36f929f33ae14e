"""B candidates: complete, right where the truth is known, against a loop over all combinations."""

import itertools

import numpy as np
import pytest

from toymc.analysis.b_candidates import PairChannel, b_candidates, pair_mass, reduced_mass, true_proper_length
from toymc.analysis.b_candidates.extrapolation import extrapolated_theta
from toymc.constants import M_E, M_K, M_MU
from toymc.detector import build_detector, simulate
from toymc.detector.vertex import beam_spot, fit_pairs, start_radii
from toymc.errors import InputError
from toymc.generators.processes import prepare
from toymc.geometry import load_card
from toymc.streams import stream

EVENTS = 3000
MUONS = PairChannel(M_MU)


@pytest.fixture(scope="module")
def detector():
    return build_detector(load_card("belle2"))


def events(detector, n=EVENTS, chunk=0, **parameters):
    process = prepare("b_k_scalar", {"mass": 1.0, "ctau": 5.0, "other": "none", **parameters})
    batch = process.generate(stream(7, "b_candidates", "generate", chunk), n)
    return simulate(batch, detector, stream(7, "b_candidates", "simulate", chunk))


@pytest.fixture(scope="module")
def reco(detector):
    return events(detector)


def candidates(reco, detector, channel=MUONS):
    return b_candidates(reco, detector, channel, detector.card.beam.boost, detector.card.beam.sqrt_s)


def slow_candidates(reco, detector, channel):
    """All kaons with all fitted pairs, event by event, without any window before the fit."""
    beam, t = detector.card.beam, reco.tracks
    boost, half = np.array(beam.boost), 0.5 * beam.sqrt_s
    gamma = 1.0 / np.sqrt(1.0 - boost @ boost)
    radii = start_radii(t, detector.card)
    found = []
    for event in range(reco.n_events):
        rows = range(t.offsets[event], t.offsets[event + 1])
        for i, j, k in itertools.permutations(rows, 3):
            if t.charge[i] <= 0 or t.charge[j] >= 0 or abs(t.d0[k]) >= 0.5 or abs(t.z0[k]) >= 3.0:
                continue
            pair = np.array([i]), np.array([j])
            fit = fit_pairs(
                reco, *pair, [M_MU] * 2, detector.card.field.solenoid_tesla.value, origin=beam_spot(detector.card),
                radii=radii[[[i, j]]],
            )  # fmt: skip
            kaon = np.array([t.px[k], t.py[k], t.pz[k]])
            p = fit.momenta[0].sum(axis=0) + kaon
            energy = np.sqrt((fit.momenta[0] ** 2).sum(axis=1) + M_MU**2).sum() + np.sqrt(kaon @ kaon + M_K**2)
            centre = gamma * (energy - boost @ p)
            along = boost @ p / np.sqrt(boost @ boost)
            across2 = p @ p - along**2
            longitudinal = gamma * (along - np.sqrt(boost @ boost) * energy)
            mbc2 = half**2 - across2 - longitudinal**2
            if fit.status[0] == 0 and mbc2 > channel.mbc_min**2 and abs(centre - half) < channel.delta_e_max:
                found.append((event, i, j, k, np.sqrt(mbc2), centre - half, fit.mass[0]))
    return found


def test_same_as_loop_over_all_combinations(detector):
    few = events(detector, 120, 1)
    channel = PairChannel(M_MU)
    fast = candidates(few, detector, channel)
    slow = slow_candidates(few, detector, channel)
    keys = {row[:4]: row[4:] for row in slow}
    ours = list(zip(fast["event"], fast["x1_row"], fast["x2_row"], fast["kaon_row"], strict=True))
    # the windows before the fit may lose what the fit would have moved far; see the next test for how much
    assert set(ours) <= set(keys)
    assert len(ours) >= 0.97 * len(keys) > 60
    for number, key in enumerate(ours):
        mine = (fast["Mbc"][number], fast["deltaE"][number], fast["M"][number])
        assert np.allclose(mine, keys[key], rtol=0, atol=1e-9)


@pytest.mark.parametrize("ctau", [1.0, 100.0])
def test_windows_before_the_fit_lose_no_signal(detector, ctau, monkeypatch):
    sample = events(detector, EVENTS, 2, ctau=ctau)
    kept = candidates(sample, detector)["isSignal"].sum()
    monkeypatch.setattr("toymc.analysis.b_candidates.candidates.SLACK_MOMENTUM_GEV", 10.0)
    monkeypatch.setattr("toymc.analysis.b_candidates.candidates.SLACK_ENERGY_GEV", 10.0)
    everything = candidates(sample, detector)["isSignal"].sum()
    assert everything > 200
    assert kept >= 0.99 * everything


def test_masses_and_energies_of_signal(reco, detector):
    table = candidates(reco, detector)
    signal = table["isSignal"] > 0
    assert signal.sum() > 0.4 * EVENTS
    assert np.all(table["pairMotherPDG"][signal] == 54)
    # medians of more than a thousand candidates; error of a median 1.25 sigma/sqrt(n), five of them
    for name, value, sigma in (("M", 1.0, 0.005), ("Mbc", 5.2795, 0.003), ("deltaE", 0.0, 0.02)):
        assert abs(np.median(table[name][signal]) - value) < 5 * 1.25 * sigma / np.sqrt(signal.sum()) + 0.002, name
    assert np.median(table["cosPointingXY"][signal]) > 0.999
    assert np.allclose(table["Mred"] ** 2 + 4 * M_MU**2, table["M"] ** 2)


def test_kstar(detector):
    table = candidates(events(detector, channel="kstar_mumu", chunk=3), detector, PairChannel(M_MU, kstar=True))
    signal = table["isSignal"] > 0
    assert signal.sum() > 0.2 * EVENTS
    assert abs(np.median(table["kstarM"][signal]) - 0.8955) < 0.01
    assert np.all(table["kaon_charge"] == -table["pion_charge"])


def test_recovery_of_radiated_photons(detector):
    """Electrons: the median of Delta E moves towards zero, and more signal lies within 50 MeV of it."""
    sample = events(detector, channel="kplus_ee", chunk=6)
    plain, recovered = (candidates(sample, detector, PairChannel(M_E, recover=r)) for r in (False, True))
    inside = []
    for table in (plain, recovered):
        signal = table["isSignal"] > 0
        inside.append(np.sum(signal & (np.abs(table["deltaE"]) < 0.05)))
    assert inside[1] > 1.05 * inside[0] > 200
    # muons have no photons to find: recovery changes few of them
    muons = [candidates(events(detector, 500, 7), detector, PairChannel(M_MU, recover=r)) for r in (False, True)]
    near = [np.sum((t["isSignal"] > 0) & (np.abs(t["deltaE"]) < 0.05)) for t in muons]
    assert abs(near[1] - near[0]) < 0.05 * near[0]


def test_displacement_floor(reco, detector):
    all_of_them = candidates(reco, detector)
    far = candidates(reco, detector, PairChannel(M_MU, displacement_min=2.0))
    assert len(far["dv"]) == (all_of_them["dv"] >= 2.0).sum() > 100
    assert far["dv"].min() >= 2.0


def test_proper_lengths_are_exponential(reco):
    from scipy.stats import kstest

    lengths = true_proper_length(reco.truth, 54)
    assert np.isnan(true_proper_length(reco.truth, 443)).all()
    assert kstest(lengths, "expon", args=(0, 5.0)).pvalue > 1e-4


def test_extrapolation_of_a_straight_line(detector):
    """A stiff track from a displaced vertex: the point on the cylinder is that of a straight line."""
    position, momentum = np.array([[10.0, 0.0, 5.0]]), np.array([[1e5, 0.0, 5e4]])
    theta = extrapolated_theta(position, momentum, np.array([1.0]), detector)
    radius = detector.calorimeter.numbers.barrel_radius
    assert theta[0] == pytest.approx(np.arctan2(radius, 5.0 + 0.5 * (radius - 10.0)), abs=1e-5)


def test_reduced_mass_and_back():
    mass = np.linspace(2 * M_MU, 4.7, 50)
    assert np.allclose(pair_mass(reduced_mass(mass, M_MU), M_MU), mass)
    assert reduced_mass([0.1], M_MU) == 0.0


@pytest.mark.parametrize(
    "settings",
    [{"product_mass": -0.1}, {"mbc_min": 0.0}, {"delta_e_max": -1.0}, {"kstar_window": (1.0, 0.9)},
     {"displacement_min": -1.0}, {"kaon_dr_max": float("nan")}],
)  # fmt: skip
def test_bad_windows(settings):
    with pytest.raises(InputError, match="give"):
        PairChannel(**{"product_mass": 0.1, **settings})


def test_window_above_the_energy(reco, detector):
    with pytest.raises(InputError, match="mbc_min"):
        candidates(reco, detector, PairChannel(M_MU, mbc_min=5.4))


def test_no_tracks(detector):
    empty = events(detector, 50, 4, ctau=1e6)
    assert set(candidates(empty, detector)) == set(candidates(events(detector, 300, 5), detector))
