"""Signal B decays: masses, angles, line shape, lifetimes, weights, control modes, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.generators.b_probe import chi_square, daughters, four, generate, helicity_cosine, mass_of, seen_from
from toymc.constants import M_K, M_MU, ctau_cm, mass
from toymc.errors import InputError
from toymc.generators.b_k_scalar import allowed_masses
from toymc.generators.b_meson.channels import CHANNELS
from toymc.generators.b_meson.inputs import M_B_PLUS, M_B_ZERO, number
from toymc.generators.b_meson.kstar import kstar_density, kstar_table
from toymc.generators.displaced import proper_lengths
from toymc.generators.models import model_point
from toymc.generators.processes import prepare, show_process
from toymc.streams import stream

N = 40_000
NO_TAG = {"other": "none"}


def signal(n=N, **parameters):
    return generate("b_k_scalar", {**NO_TAG, **parameters}, n)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_conserves_four_momentum_and_charge(channel):
    _, batch = signal(2000, channel=channel, mass=min(1.2, 0.5 * sum(CHANNELS[channel].masses()))
                      if not CHANNELS[channel].control else 1.0)  # fmt: skip
    batch.validate()
    absolute = batch.offsets[batch.event_index] + batch.mother
    has = batch.mother >= 0
    for column in ("px", "py", "pz", "energy"):
        values = getattr(batch, column)
        total = np.bincount(absolute[has], values[has], batch.n_particles)
        decayed = batch.status == 2
        assert np.abs(total - values)[decayed].max() < 1e-12, column
    assert np.array_equal(np.bincount(absolute[has], minlength=batch.n_particles) > 0, batch.status == 2)
    # the other B is documentation, and nothing comes from it
    assert np.all(batch.status[batch.offsets[:-1] + 2] == 3)


@pytest.mark.parametrize("channel", ["kplus_mumu", "kshort_pipi", "kstar_ee", "kstarplus_kk"])
def test_scalar_is_isotropic_and_two_body(channel):
    _, batch = signal(channel=channel, mass=1.5, fsr=False)
    s = daughters(batch, 1, 54)
    b = four(batch, batch.offsets[:-1] + 1)
    momentum = np.linalg.norm(seen_from(four(batch, s), b)[:, :3], axis=1)
    kaon = np.setdiff1d(np.flatnonzero(batch.mother == 1), s)
    m_b, m_k = batch.mass[batch.offsets[:-1] + 1], batch.mass[kaon]
    expected = np.sqrt((m_b**2 - (m_k + 1.5) ** 2) * (m_b**2 - (m_k - 1.5) ** 2)) / (2.0 * m_b)
    np.testing.assert_allclose(momentum, expected, rtol=1e-9)
    x = daughters(batch, s - batch.offsets[:-1], None)
    assert stats.kstest(helicity_cosine(batch, s, x), stats.uniform(-1.0, 2.0).cdf).pvalue > 1e-4
    # B at rest: no preferred direction
    direction = seen_from(four(batch, s), b)[:, 2] / momentum
    assert stats.kstest(direction, stats.uniform(-1.0, 2.0).cdf).pvalue > 1e-4


@pytest.mark.parametrize(("channel", "code"), [("kstar_mumu", 313), ("kstarplus_mumu", 323)])
def test_kstar_is_longitudinal_with_its_line_shape(channel, code):
    _, batch = signal(channel=channel, mass=1.0, fsr=False)
    k = daughters(batch, 1, code)
    child = daughters(batch, k - batch.offsets[:-1], 211)
    cosine = helicity_cosine(batch, k, child)
    assert stats.kstest(cosine, lambda c: 0.5 * (1.0 + c**3)).pvalue > 1e-4
    m_b = M_B_ZERO if code == 313 else M_B_PLUS
    low, high = (mass(321) if code == 313 else mass(310)) + mass(211), number("kstar", "highest_GeV")
    m = batch.mass[k]
    assert chi_square(m, lambda x: kstar_density(x, code, m_b, 1.0), low, high, 120) > 1e-4
    np.testing.assert_allclose(mass_of(four(batch, k)), m, rtol=1e-6)


def test_kstar_line_against_the_textbook_form():
    """Peak and width at half height: those of the PDG up to the pull of phase space and of the running width."""
    m = np.linspace(0.75, 1.05, 30001)
    density = kstar_density(m, 313, M_B_ZERO, 0.3)
    peak = m[np.argmax(density)]
    half = m[density > 0.5 * density.max()]
    assert peak == pytest.approx(mass(313), abs=2e-3)
    assert half[-1] - half[0] == pytest.approx(0.0471, rel=0.03)
    # phase space at the end point: the third power of the momentum
    edge = M_B_ZERO - 4.3
    near = kstar_density(edge - np.array([1e-4, 2e-4]), 313, M_B_ZERO, 4.3)
    assert near[1] / near[0] == pytest.approx(2.0**1.5, rel=1e-2)


@pytest.mark.parametrize("partner", [0.05, 3.0, 4.38])
def test_kstar_table_stays_in_phase_space(partner):
    table = kstar_table(313, M_B_ZERO, partner)
    assert np.all(np.diff(table) > 0.0)
    assert table[-1] <= M_B_ZERO - partner
    assert table[0] == pytest.approx(mass(321) + mass(211))


@pytest.mark.parametrize(("channel", "lepton"), [("jpsi_mumu_kplus", 13), ("jpsi_ee_kplus", 11)])
def test_jpsi_is_longitudinal(channel, lepton):
    prepared, batch = signal(channel=channel, fsr=False)
    psi = daughters(batch, 1, 443)
    cosine = helicity_cosine(batch, psi, daughters(batch, psi - batch.offsets[:-1], lepton))
    beta2 = 1.0 - (2.0 * mass(lepton) / mass(443)) ** 2
    norm = 2.0 - 2.0 * beta2 / 3.0
    assert stats.kstest(cosine, lambda c: (c + 1.0 - beta2 * (c**3 + 1.0) / 3.0) / norm).pvalue > 1e-4
    name = "jpsi_to_mumu" if lepton == 13 else "jpsi_to_ee"
    expected = 2.0 * 0.511 * number("branching", "bplus_to_jpsi_kplus") * number("branching", name)
    np.testing.assert_allclose(batch.weight, expected)
    assert prepared.parameters["branching_fraction"] == pytest.approx(expected / 1.022)


def test_new_vector_is_longitudinal():
    _, batch = signal(channel="kplus_pipi", mass=1.0, spin=1.0, fsr=False)
    v = daughters(batch, 1, 32)
    cosine = helicity_cosine(batch, v, daughters(batch, v - batch.offsets[:-1], 211))
    assert stats.kstest(cosine, lambda c: 0.5 * (1.0 + c**3)).pvalue > 1e-4
    _, batch = signal(channel="kplus_mumu", mass=0.5, spin=1, fsr=False)
    v = daughters(batch, 1, 32)
    cosine = helicity_cosine(batch, v, daughters(batch, v - batch.offsets[:-1], 13))
    beta2 = 1.0 - (2.0 * M_MU / 0.5) ** 2
    norm = 2.0 - 2.0 * beta2 / 3.0
    assert stats.kstest(cosine, lambda c: (c + 1.0 - beta2 * (c**3 + 1.0) / 3.0) / norm).pvalue > 1e-4


@pytest.mark.parametrize(
    ("channel", "code", "ctau"),
    [("kplus_mumu", 54, 7.0), ("kshort_piplus", 310, ctau_cm(310)), ("d0bar_piplus", 421, ctau_cm(421))],
)
def test_flight_of_the_second_product(channel, code, ctau):
    extra = {"ctau": ctau} if code == 54 else {}
    _, batch = signal(channel=channel, **extra)
    rows, lengths = proper_lengths(batch, code)
    assert len(rows) == batch.n_events
    assert stats.kstest(lengths / ctau, "expon").pvalue > 1e-4
    _, b_lengths = proper_lengths(batch, 521)
    assert stats.kstest(b_lengths / ctau_cm(521), "expon").pvalue > 1e-4


def test_control_modes_have_their_masses():
    _, batch = signal(5000, channel="d0bar_piplus")
    d = daughters(batch, 1, 421)
    assert np.allclose(batch.mass[d], mass(421))
    assert np.array_equal(np.sign(batch.pdg[d]), -np.sign(batch.pdg[batch.offsets[:-1] + 1]))
    kaon = daughters(batch, d - batch.offsets[:-1], 321)
    assert np.array_equal(np.sign(batch.pdg[kaon]), np.sign(batch.pdg[batch.offsets[:-1] + 1]))
    _, batch = signal(5000, channel="kshort_piplus")
    k = daughters(batch, 1, 310)
    charged = np.array([abs(c) == 211 for c in batch.pdg[daughters(batch, k - batch.offsets[:-1])]])
    assert charged.mean() == pytest.approx(0.693, abs=0.03)


def test_coupling_gives_lifetime_and_weight():
    point = model_point("higgs_scalar", 0.5, 1e-4)
    for channel, production, share, f in (
        ("kplus_mumu", "bplus_to_kplus_S", 1.0, 0.511),
        ("kstar_pipi", "b0_to_kstar0_S", 2.0 / 3.0, 0.486),
        ("kshort_ee", "b0_to_k0_S", 0.5, 0.486),
    ):
        prepared = prepare("b_k_scalar", {"channel": channel, "mass": 0.5, "coupling": 1e-4, **NO_TAG})
        assert prepared.parameters["ctau"] == pytest.approx(point.ctau_cm)
        mode = {"mumu": "mu_mu", "pipi": "pi_pi", "ee": "e_e"}[channel.split("_")[1]]
        expected = point.production[production] * share * point.branching_fractions[mode]
        assert prepared.parameters["branching_fraction"] == pytest.approx(expected, rel=1e-6)
        assert prepared.weight == pytest.approx(2.0 * f * expected, rel=1e-6)
    rows, lengths = proper_lengths(signal(channel="kplus_mumu", mass=0.5, coupling=1e-4)[1], 54)
    assert stats.kstest(lengths / point.ctau_cm, "expon").pvalue > 1e-4


def test_yield_is_the_formula_of_the_search():
    """N = 2 N_BB f B eff: what cross-section, luminosity and weight say together."""
    prepared, batch = signal(1000, branching_fraction=1e-7)
    events = prepared.cross_section_fb * 189.0 * batch.weight.mean()
    assert events == pytest.approx(2.0 * 198.0e6 * 0.511 * 1e-7, rel=1e-3)
    assert prepared.cross_section_error_fb / prepared.cross_section_fb == pytest.approx(0.015, abs=0.001)


def test_photons_of_the_decay():
    """Energy radiated off S -> e e at 1 GeV: first order, 2 alpha/pi (ln(m/m_e)...) is of order 10 % of the decays."""
    _, batch = signal(channel="kplus_ee", mass=1.0)
    s = daughters(batch, 1, 54)
    photon = (batch.pdg == 22) & (batch.mother == (s - batch.offsets[:-1])[batch.event_index])
    share = len(np.unique(batch.event_index[photon])) / batch.n_events
    # mean number of photons above 1 MeV: (4 alpha/pi) [(ln(m^2/m_e^2) - 1)/2] ln(m/2/1 MeV) in the soft limit
    soft = 4.0 / 137.0 / np.pi * 0.5 * (2.0 * np.log(1.0 / 0.000511) - 1.0) * np.log(0.5 / 0.001)
    assert share == pytest.approx(1.0 - np.exp(-soft), rel=0.15)
    _, quiet = signal(2000, channel="kplus_ee", mass=1.0, fsr=False, isr=False)
    assert not np.any(quiet.pdg == 22)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([c for c in CHANNELS if not CHANNELS[c].control]), st.floats(0.0, 1.0), st.floats(0.0, 1e4))
def test_any_mass_and_lifetime_is_robust(channel, where, ctau):
    low, high = allowed_masses(channel)
    value = low + (high - low) * min(max(where, 1e-9), 1.0 - 1e-9)
    prepared = prepare("b_k_scalar", {"channel": channel, "mass": value, "ctau": ctau, **NO_TAG})
    prepared.generate(stream(3, channel, "test", 0), 40).validate()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mass": 4.8}, r"mass = 4.8 GeV in channel kplus_mumu: allowed are masses above 0.211317 and below 4.785"),
        ({"mass": 0.2}, "above 0.211317"),
        ({"channel": "kstar_ee", "mass": 4.5}, "below 4.384"),
        ({"mass": float("nan")}, "mass = nan"),
        ({"ctau": -1.0}, "ctau = -1.0: give auto, or a number from 0"),
        ({"ctau": float("inf")}, "ctau = inf"),
        ({"ctau": "long"}, "ctau = 'long'"),
        ({"ctau": True}, "ctau = True"),
        ({"channel": "kplus_tautau"}, "channel = 'kplus_tautau'"),
        ({"channel": "kstar_mumu", "spin": 1.0}, "spin = 1 in channel kstar_mumu"),
        ({"spin": 0.5}, "spin = 0.5"),
        ({"coupling": 1e-4, "ctau": 1.0}, "leave these out"),
        ({"coupling": 1e-4, "branching_fraction": 0.1}, "leave these out"),
        ({"coupling": 1e-4, "spin": 1.0}, "spin-0"),
        ({"coupling": -1.0}, "coupling = -1"),
        ({"coupling": 1e-3, "mass": 3.0, "channel": "kplus_pipi"}, "has no pi_pi at mass = 3.0"),
        ({"channel": "jpsi_ee_kplus", "ctau": 1.0}, "control mode"),
        ({"channel": "jpsi_ee_kplus", "coupling": 1e-3}, "control mode"),
        ({"other": "some"}, "other = 'some'"),
        ({"f_charged": 1.2}, "f_charged"),
        ({"branching_fraction": 2.0}, "branching_fraction"),
    ],
)
def test_bad_input(parameters, message):
    with pytest.raises(InputError, match=message):
        prepare("b_k_scalar", {**NO_TAG, **parameters})


def test_bad_calls():
    with pytest.raises(InputError, match="control mode"):
        allowed_masses("jpsi_ee_kplus")
    with pytest.raises(InputError, match="unknown channel 'kplus'"):
        allowed_masses("kplus")
    with pytest.raises(InputError, match="0 events"):
        prepare("b_k_scalar", NO_TAG).generate(stream(1, "x", "test", 0), 0)
    assert allowed_masses("kplus_kk")[0] == pytest.approx(2.0 * M_K)
    assert show_process("b_k_scalar", NO_TAG)["parameters"]["ctau"] == 1.0


def test_the_size_of_a_batch_does_not_matter_for_its_first_events():
    prepared = prepare("b_k_scalar", NO_TAG)
    small, large = (prepared.generate(stream(5, "x", "test", 0), n) for n in (10, 500))
    assert np.array_equal(small.px, large.slice(0, 10).px)
