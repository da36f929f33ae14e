"""Four-lepton events: parts and totals, conservation, cuts, masses, spin, symmetry, refusals."""

import numpy as np
import pytest

from toymc.constants import ALPHA_LO, M_E, M_MU, M_TAU
from toymc.errors import InputError
from toymc.generators import ee_ll
from toymc.generators.cross_sections import published_cross_section
from toymc.generators.llx.bosons import Boson
from toymc.generators.llx.process import Plan, prepare_plan
from toymc.generators.processes import prepare
from toymc.generators.two_photon import layout
from toymc.generators.two_photon.parts import Annihilation, Limits, annihilation_part, two_photon_part
from toymc.geometry.beam import load_beam
from toymc.streams import stream

BEAM = load_beam("belle2")
FINALS = ("eeee", "eemumu", "eetautau", "mumumumu", "mumutautau", "tautautautau")
EVENTS = 6000


@pytest.fixture(scope="module")
def prepared():
    return {final: prepare("ee_ll", {"final": final, "isr": final == "tautautautau"}) for final in FINALS}


@pytest.fixture(scope="module")
def batches(prepared):
    return {final: process.generate(stream(1, final, "test", 0), EVENTS, 7) for final, process in prepared.items()}


def _momenta(batch, mask):
    return np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)[mask]


def _mass(p):
    return np.sqrt(np.maximum(p[:, 3] ** 2 - np.sum(p[:, :3] ** 2, axis=1), 0.0))


@pytest.mark.parametrize("final", FINALS)
def test_cross_section_is_near_the_complete_tree(prepared, final):
    row = published_cross_section(final)
    ratio = prepared[final].cross_section_fb / row.value_fb
    assert abs(ratio - 1.0) < row.allowed
    for part in prepared[final].info.values():
        if part["cross_section_fb"] > 0.01 * prepared[final].cross_section_fb:
            assert part["efficiency"] > 0.15
        assert part["overflow_excess"] < 3e-3


@pytest.mark.parametrize("final", FINALS)
def test_events_conserve_four_momentum_and_charge(batches, final):
    batch = batches[final]
    batch.validate()
    assert batch.n_events == EVENTS and batch.event_id[0] == 7
    assert np.all(batch.weight == 1.0)
    final_state = batch.status == 1
    index, columns = batch.event_index[final_state], _momenta(batch, final_state).T
    total = np.stack([np.bincount(index, c) for c in columns], axis=1)
    # beams cross in the x-z plane
    assert np.abs(total[:, 1]).max() < 1e-13
    np.testing.assert_allclose(total.mean(axis=0), BEAM.four_momentum, atol=5e-4)
    assert np.abs(_mass(total) - BEAM.sqrt_s).max() < 0.04
    leptons = np.isin(np.abs(batch.pdg), (11, 13, 15)) & (batch.mother < 0)
    balance = np.bincount(batch.event_index[leptons], np.sign(batch.pdg[leptons]), EVENTS)
    assert np.all(balance == 0)


@pytest.mark.parametrize("final", ["eeee", "eemumu"])
def test_energy_is_that_of_two_beams_on_their_mass_shell(batches, final):
    """px and pz give the momenta of both beams, these the energy: to rounding, event by event."""
    batch = batches[final]
    rows = batch.offsets[:-1][batch.counts == 4]
    total = sum(_momenta(batch, rows + k) for k in range(4))
    te, tp = BEAM.electron.tilt_rad.value, BEAM.positron.tilt_rad.value
    directions = np.array([[np.sin(te), np.sin(tp)], [np.cos(te), -np.cos(tp)]])
    beams = np.linalg.solve(directions, total[:, [0, 2]].T)
    np.testing.assert_allclose(np.sqrt(beams**2 + M_E**2).sum(axis=0), total[:, 3], rtol=0.0, atol=1e-11)


def test_pairs_are_above_their_cut(batches):
    batch = batches["eemumu"]
    # rows of two-photon events: e-, e+, mu-, mu+
    rows = batch.offsets[:-1]
    two_photon = batch.pdg[rows] == 11
    rows = rows[two_photon]
    assert np.mean(two_photon) > 0.99
    assert np.all(batch.pdg[rows + 2] == 13) and np.all(batch.pdg[rows + 3] == -13)
    p = _momenta(batch, slice(None))
    assert _mass(p[rows + 2] + p[rows + 3]).min() > 0.5 - 1e-9
    batch = batches["eeee"]
    rows = batch.offsets[:-1]
    p = _momenta(batch, slice(None))
    for a in (0, 2):
        for b in (1, 3):
            assert _mass(p[rows + a] + p[rows + b]).min() > 0.5 - 1e-7


def test_scattered_leptons_keep_their_charge_and_side(batches):
    batch = batches["eemumu"]
    rows = batch.offsets[:-1]
    rows = rows[batch.pdg[rows] == 11]
    assert np.mean(batch.pz[rows] > 0.0) > 0.99
    assert np.mean(batch.pz[rows + 1] < 0.0) > 0.99
    # mirror symmetry of the unpolarised collision in the laboratory's y
    for k in range(4):
        assert abs(np.mean(np.sign(batch.py[rows + k]))) < 5.0 / np.sqrt(len(rows))


def test_charge_symmetry_of_the_pair(batches):
    batch = batches["eemumu"]
    rows = batch.offsets[:-1]
    rows = rows[batch.pdg[rows] == 11]
    minus, plus = batch.pz[rows + 2], batch.pz[rows + 3]
    spread = np.std(minus - plus) / np.sqrt(len(rows))
    assert abs(np.mean(minus - plus)) < 5.0 * spread


def test_taus_decay_and_carry_their_flight(batches):
    for final, expected in (("eetautau", 2), ("mumutautau", 2), ("tautautautau", 4)):
        batch = batches[final]
        taus = np.abs(batch.pdg) == 15
        assert np.all(batch.status[taus] == 2)
        assert np.all(np.bincount(batch.event_index[taus], minlength=EVENTS) == expected)
        np.testing.assert_allclose(batch.mass[taus], M_TAU)
        assert np.count_nonzero(np.abs(batch.pdg) == 16) == expected * EVENTS


def test_annihilation_rows_have_the_virtual_photon(batches):
    batch = batches["mumutautau"]
    photons = (batch.pdg == 22) & (batch.status == 2)
    assert np.all(np.bincount(batch.event_index[photons], minlength=EVENTS) == 1)
    assert batch.mass[photons].min() >= 2.0 * M_MU - 1e-9


def test_tagged_events_come_from_the_same_amplitude():
    """A limit on Q^2 takes away what a scattered lepton in the detector would be."""
    limits = [1e-2, 1.0, 1e9]
    values = [
        two_photon_part(
            layout.LEPTONS, 13, M_MU, Limits(1.0, q2), BEAM, BEAM.sqrt_s, stream(2, "ee_ll", "test", i)
        ).integral.value
        for i, q2 in enumerate(limits)
    ]
    assert values[0] < values[1] < values[2]
    # Q^2 > 1 GeV^2 on one side: several per cent, not more
    assert 0.01 < 1.0 - values[1] / values[2] < 0.15


def test_drawn_mass_of_the_virtual_photon_against_fixed_masses():
    """sigma = int dlnM^2 alpha/(3 pi) (1 + 2 m^2/M^2) beta sigma(M), with sigma(M) of a vector of fixed mass."""
    sqrt_s = 10.579
    part = annihilation_part(Annihilation(15, 13, True, False), BEAM, sqrt_s, stream(3, "ee_ll", "test", 0), False)
    e = complex(np.sqrt(4.0 * np.pi * ALPHA_LO))
    x, weight = np.polynomial.legendre.leggauss(10)
    low, high = np.log(2.0 * M_MU), np.log(sqrt_s - 2.0 * M_TAU)
    total = 0.0
    for u, w in zip(0.5 * (high + low) + 0.5 * (high - low) * x, weight, strict=True):
        m = float(np.exp(u))
        vector = Boson(1, 32, m, 0.0, (e, e, 0j, 0j), {"none": ((2.0, 0.0, 1.0, 1.0, 12.0),)})
        plan = Plan("test", "vector of fixed mass", 15, M_TAU, vector, "none", 0.0, isr=False)
        ratio = (M_MU / m) ** 2
        factor = ALPHA_LO / (3.0 * np.pi) * (1.0 + 2.0 * ratio) * np.sqrt(1.0 - 4.0 * ratio)
        # dlnM^2 = 2 du
        total += 0.5 * (high - low) * w * 2.0 * factor * prepare_plan(plan, {"m": m}, BEAM, 1).cross_section_fb
    assert part.alone == pytest.approx(total, rel=6e-3)


def test_same_parameters_share_their_parts():
    values = {"final": "mumumumu", "isr": False}
    assert prepare("ee_ll", values).parts is prepare("ee_ll", values).parts
    other = prepare("ee_ll", values, seed=3)
    assert other.cross_section_fb == pytest.approx(prepare("ee_ll", values).cross_section_fb, rel=5e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"final": "eepipi"}, "eemumu"),
        ({"w_min": 12.0}, r"10\.57"),
        ({"w_min": -1.0}, "0.01"),
        ({"q2_max": 1e-9}, "1e-6"),
        ({"q2_max": -1.0}, "q2_max"),
        ({"final": "mumumumu", "w_min": 1.0}, "mumumumu"),
        ({"final": "mumutautau", "q2_max": 1.0}, "mumutautau"),
        ({"final": "eetautau", "tau_modes": "nothing"}, "nothing"),
    ],
)
def test_bad_parameters_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        prepare("ee_ll", values)


def test_no_events_are_refused(prepared):
    with pytest.raises(InputError, match="at least 1"):
        prepared["eemumu"].generate(stream(1, "x", "test", 0), 0)


def test_masses_of_the_scattered_leptons(batches):
    batch = batches["eetautau"]
    electrons = (np.abs(batch.pdg) == 11) & (batch.mother < 0)
    np.testing.assert_allclose(batch.mass[electrons], M_E)
    assert ee_ll.PARAMETERS[0].default == "eemumu"


def test_interference_of_parts_in_the_rate(prepared):
    """Exchange of identical particles shows in the rate; the interference of C = +1 and C = -1 pairs does not."""
    ratio = {}
    for final, process in prepared.items():
        alone = sum(part["alone_fb"] for part in process.info.values())
        ratio[final] = process.cross_section_fb / alone
    assert ratio["eemumu"] == pytest.approx(1.0, abs=3e-3)
    assert ratio["mumutautau"] == pytest.approx(1.0, abs=6e-3)
    # the part with the e+e- from the virtual photon meets the one with the tau pair from it
    assert 0.985 < ratio["eetautau"] < 0.998
    assert ratio["mumumumu"] == pytest.approx(0.965, abs=4e-3)
    assert 1.05 < ratio["eeee"] < 1.20
    # close to threshold taus of one charge exclude each other
    assert 0.1 < ratio["tautautautau"] < 0.25


def test_four_taus_against_phase_space_drawn_in_another_way():
    """0.1856 +- 0.0001 fb: masses of both pairs flat in their logarithm, angles flat, complete tree."""
    process = prepare("ee_ll", {"final": "tautautautau", "isr": False})
    assert process.cross_section_fb == pytest.approx(0.1856, rel=0.012)
