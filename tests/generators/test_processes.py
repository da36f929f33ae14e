"""What every process must fulfil. The test finds the processes by itself: a new row of the table is tested at once."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from toymc import constants
from toymc.errors import InputError, ToymcError
from toymc.events import STATUS_DECAYED, STATUS_FINAL
from toymc.generators import ee_hadrons
from toymc.generators.processes import PROCESSES, find, list_processes, prepare, show_process
from toymc.geometry.beam import load_beam
from toymc.streams import stream

# Largest violation of four-momentum conservation per GeV of energy: rounding, or what an outside generator stores.
ROUNDING = 1e-13
TOLERANCE = {"continuum": 1e-5}
EVENTS = {"continuum": 400}
# Parameter sets beyond the default that open other decays; processes without an entry are tested with defaults.
VARIANTS = {
    "tau_pair": [
        {},
        {"isr": False, "fsr": False},
        {"spin": False},
        {"signal": "e_alpha", "mass": 1.0},
        {"signal": "mu_alpha", "mass": 0.0, "chirality": "left"},
        {"signal": "e_phi", "chirality": "right"},
        {"signal": "mu_phi"},
        {"signal": "e_gamma", "tag": "three_prong"},
        {"signal": "mu_gamma", "tag": "leptonic"},
    ],
    "mumu_zprime": [{}, {"mass": 5.0, "decay": "tautau"}],
    "mumu_scalar": [{}, {"mass": 8.0, "initial": True}],
    "mumu_alp": [{}, {"mass": 6.0, "decay": "tautau"}],
    "tautau_scalar": [{}, {"mass": 0.1, "decay": "ee", "ctau": 1.0}],
    "mumu_gamma": [{}, {"isr": False}],
    "ee_gamma": [{}, {"lepton_angle": 30.0}],
    "ee_ll": [{"final": final} for final in ("eemumu", "eetautau", "eeee", "mumumumu", "mumutautau", "tautautautau")],
    "ee_hadrons": [{"final": final} for final in ee_hadrons.FINALS],
    "b_k_scalar": [
        {"channel": "kplus_mumu"},
        {"channel": "kstar_ee", "mass": 0.03, "other": "none"},
        {"channel": "kshort_pipi", "mass": 2.0, "ctau": 10.0, "other": "none"},
        {"channel": "jpsi_mumu_kplus", "other": "none"},
    ],
    "tau_hnl": [{}, {"mass": 0.5, "production": "e,mu", "decay": "mumu", "ctau": 5.0, "dirac": True}],
}
CASES = [(name, variant) for name in PROCESSES for variant in VARIANTS.get(name, [{}])]


def _charge(pdg):
    def one(code):
        try:
            return constants.charge(int(code))
        except InputError:
            return 0.0  # codes outside the PDG scheme stand for invisible bosons

    values, inverse = np.unique(pdg, return_inverse=True)
    return np.array([one(v) for v in values])[inverse]


def _known(pdg, quantity, default):
    values, inverse = np.unique(np.abs(pdg), return_inverse=True)
    found = []
    for code in values:
        try:
            found.append(quantity(int(code)))
        except InputError:
            found.append(default)
    return np.array(found)[inverse]


def _batch(name, variant, seed=1):
    try:
        process = prepare(name, variant)
        return process, process.generate(stream(seed, name, "test", 0), EVENTS.get(name, 6000), 100)
    except ToymcError as error:
        if "pip install" in str(error):
            pytest.skip(str(error))
        raise


LABELS = [f"{n}-{'-'.join(map(str, v.values())) or 'default'}" for n, v in CASES]


@pytest.fixture(scope="module", params=CASES, ids=LABELS)
def case(request):
    name, variant = request.param
    process, batch = _batch(name, variant)
    return name, variant, process, batch


def _vector(batch):
    return {"px": batch.px, "py": batch.py, "pz": batch.pz, "E": batch.energy}


def test_record_is_consistent(case):
    name, _, _, batch = case
    batch.validate()
    assert batch.process == name
    assert np.all(batch.weight >= 0.0)
    assert np.all(np.isfinite(batch.weight))
    assert np.array_equal(batch.event_id, np.arange(100, 100 + batch.n_events))
    assert set(np.unique(batch.status)) <= {1, 2, 3}
    assert np.all(np.isin(batch.helicity, (-1.0, 0.0, 1.0)))


def test_four_momentum_and_charge_at_every_vertex(case):
    name, _, _, batch = case
    absolute = batch.offsets[batch.event_index] + batch.mother
    has_mother = batch.mother >= 0
    daughters = np.bincount(absolute[has_mother], minlength=batch.n_particles)
    vertices = (batch.status == STATUS_DECAYED) & (daughters > 0)
    assert np.array_equal(daughters > 0, batch.status == STATUS_DECAYED)
    # mothers stand before their daughters
    rows = np.arange(batch.n_particles)
    assert np.all(absolute[has_mother] < rows[has_mother])
    scale = TOLERANCE.get(name, ROUNDING) * np.maximum(batch.energy, 1.0)
    for column, values in _vector(batch).items():
        total = np.bincount(absolute[has_mother], values[has_mother], batch.n_particles)
        assert np.all(np.abs(total - values)[vertices] < scale[vertices]), column
    charge = _charge(batch.pdg)
    total = np.bincount(absolute[has_mother], charge[has_mother], batch.n_particles)
    np.testing.assert_allclose(total[vertices], charge[vertices], atol=1e-9)


def test_event_has_the_four_momentum_of_the_beams(case):
    name, _, _, batch = case
    card = load_beam("belle2")
    # a B that is left undecayed is no final particle, but nothing else carries its momentum
    final = np.ones(batch.n_particles, dtype=bool)
    has_mother = batch.mother >= 0
    final[(batch.offsets[batch.event_index] + batch.mother)[has_mother]] = False
    if not np.any(batch.status[final] == 3):
        assert np.array_equal(final, batch.status == STATUS_FINAL)
    total = np.stack([np.bincount(batch.event_index[final], v[final]) for v in _vector(batch).values()], axis=1)
    top = batch.mother < 0
    if name not in TOLERANCE:
        primary = np.stack([np.bincount(batch.event_index[top], v[top]) for v in _vector(batch).values()], axis=1)
        np.testing.assert_allclose(total, primary, atol=1e-12)
    spread = max(b.energy_spread_GeV.value for b in (card.electron, card.positron))
    # 7 sigma of both beams
    np.testing.assert_allclose(total, np.tile(card.four_momentum, (len(total), 1)), atol=10 * spread)
    mass = np.sqrt(total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1))
    assert np.abs(mass - card.sqrt_s).max() < 7 * spread
    charge = np.bincount(batch.event_index[final], _charge(batch.pdg[final]))
    np.testing.assert_allclose(charge, 0.0, atol=1e-9)


def test_final_particles_are_on_their_mass_shell(case):
    name, _, _, batch = case
    if name in TOLERANCE:
        pytest.skip("masses are those of the outside generator")
    final = batch.status == STATUS_FINAL
    expected = _known(batch.pdg[final], constants.mass, np.nan)
    known = np.isfinite(expected)
    # K0 mesons share one mass in the PDG table up to 1e-14
    np.testing.assert_allclose(batch.mass[final][known], expected[known], atol=1e-12)
    assert np.all(batch.mass >= 0.0)


def test_lifetimes(case):
    name, _, _, batch = case
    absolute = batch.offsets[batch.event_index] + batch.mother
    has_mother = batch.mother >= 0
    first = np.full(batch.n_particles, -1)
    daughters = np.flatnonzero(has_mother)[::-1]
    first[absolute[daughters]] = daughters
    tested = 0
    for code in np.unique(np.abs(batch.pdg[batch.status == STATUS_DECAYED])):
        ctau = _known(np.array([code]), constants.ctau_cm, 0.0)[0]
        rows = np.flatnonzero((np.abs(batch.pdg) == code) & (first >= 0))
        if not 1e-3 < ctau < 1e4 or len(rows) < 50:
            continue
        delta = np.stack([getattr(batch, k)[first[rows]] - getattr(batch, k)[rows] for k in "xyz"], axis=1)
        p = np.stack([batch.px[rows], batch.py[rows], batch.pz[rows]], axis=1)
        momentum = np.linalg.norm(p, axis=1)
        length = np.linalg.norm(delta, axis=1)
        # along the momentum, at the speed of the particle
        np.testing.assert_allclose(np.sum(delta * p, axis=1), length * momentum, rtol=1e-6, atol=1e-12)
        time = (batch.t[first[rows]] - batch.t[rows]) * constants.SPEED_OF_LIGHT_CM_PER_NS
        np.testing.assert_allclose(time * momentum / batch.energy[rows], length, rtol=1e-5, atol=1e-9)
        if name not in TOLERANCE:
            proper = length * batch.mass[rows] / momentum / ctau
            assert stats.kstest(proper, stats.expon.cdf).pvalue > 1e-4, code
            tested += 1
    assert tested > 0 or name != "tau_pair"


def test_all_daughters_share_their_vertex(case):
    batch = case[3]
    absolute = batch.offsets[batch.event_index] + batch.mother
    has_mother = np.flatnonzero(batch.mother >= 0)
    order = np.argsort(absolute[has_mother], kind="stable")
    rows = has_mother[order]
    same = absolute[rows][1:] == absolute[rows][:-1]
    for key in "xyzt":
        values = getattr(batch, key)[rows]
        np.testing.assert_allclose(values[1:][same], values[:-1][same], atol=1e-9)


def test_same_seed_same_events(case):
    name, variant, _, batch = case
    _, again = _batch(name, variant)
    for field in dataclasses.fields(batch):
        ours, theirs = getattr(batch, field.name), getattr(again, field.name)
        assert np.array_equal(ours, theirs), field.name
    _, other = _batch(name, variant, seed=2)
    assert not np.array_equal(batch.px[:50], other.px[:50])


def test_cross_section_and_parameters_are_told(case):
    name, variant, process, _ = case
    assert process.cross_section_fb > 0.0
    assert 0.0 < process.cross_section_error_fb < process.cross_section_fb
    shown = show_process(name, variant)
    assert shown["cross_section_fb"] == process.cross_section_fb
    assert set(process.parameters) == {p.name for p in find(name).parameters}
    for parameter in find(name).parameters:
        assert parameter.help
        assert parameter.convert(parameter.default) == parameter.default
        # what the command line gives is text
        assert parameter.convert(str(parameter.default).lower()) == parameter.default


def test_list_and_unknown_process():
    assert {"tau_pair"} <= {row["name"] for row in list_processes()}
    with pytest.raises(InputError, match="tau_pair"):
        prepare("tau_trio", {})
    with pytest.raises(InputError, match="no parameter 'mas'"):
        prepare("tau_pair", {"mas": 1.0})
