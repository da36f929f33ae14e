"""Returns to low energies: radiator, form factors, spectra, angles, decay chains, two-photon hadron process."""

import numpy as np
import pytest
from scipy import integrate, stats

from toymc.constants import M_MU, M_PI, mass, width
from toymc.errors import InputError
from toymc.generators import isr
from toymc.generators.isr_return import form_factors
from toymc.generators.isr_return.process import RESONANCES
from toymc.generators.isr_return.radiator import _draw_legs, radiator
from toymc.generators.processes import prepare
from toymc.generators.tau.resonances import _two_pion
from toymc.generators.tau.resonances import form_factors as tau_form_factors
from toymc.geometry.beam import load_beam
from toymc.kernels import kernel
from toymc.kinematics import boost
from toymc.streams import stream

S = 10.58**2
BEAM = load_beam("belle2")


def _sums(batch, rows):
    """Four-momentum of the chosen rows of every event."""
    columns = (batch.px, batch.py, batch.pz, batch.energy)
    return np.stack([np.bincount(batch.event_index[rows], c[rows], batch.n_events) for c in columns], axis=1)


@kernel
def _legs(rng, z, beta, v_min, out):
    for i in range(len(out)):
        out[i, 0], out[i, 1] = _draw_legs(rng, z, beta, v_min)


def test_radiator_gives_the_same_total_as_the_two_leg_integral():
    def smooth(s):
        return np.exp(-(((np.sqrt(s) - 3.0) / 1.0) ** 2))

    energy = np.linspace(0.05, 8.0, 20001)
    ours = np.trapezoid(smooth(energy**2) * radiator(energy**2 / S, S) * 2.0 * energy / S, energy)
    assert ours == pytest.approx(isr.radiated_cross_section(S, smooth, 0.05**2, 600), rel=2e-3)


def test_radiator_is_first_order_collinear_plus_kuraev_fadin():
    beta = isr.beta_electron(S)
    for z in (0.005, 0.01, 0.1):
        x = 1.0 - z
        # E. Kuraev, V. Fadin, Sov. J. Nucl. Phys. 41 (1985) 466, eq. 28 without pairs
        soft = (1.0 + 0.75 * beta) * beta * x ** (beta - 1.0) * isr.vertex_factor()
        hard = -beta * (1.0 - 0.5 * x)
        second = beta**2 / 8.0 * (
            4.0 * (2.0 - x) * np.log(1.0 / x) - (1.0 + 3.0 * (1.0 - x) ** 2) / x * np.log(1.0 - x) - 6.0 + x
        )
        assert float(radiator(z, S)) == pytest.approx(soft + hard + second, rel=0.01)


@pytest.mark.parametrize("z", [0.001, 0.0856, 0.8, 0.958])
def test_legs_have_the_product_and_the_density(z):
    beta = isr.beta_electron(S)
    out = np.empty((40_000, 2))
    _legs(stream(1, "legs", "test", 0), z, beta, 0.0, out)
    np.testing.assert_allclose((1.0 - out[:, 0]) * (1.0 - out[:, 1]), z, rtol=1e-12)
    assert np.all(out >= 0.0)
    # the softer leg: density D(z1) D(z/z1)/z1 from the public structure function
    softer = np.minimum(out[:, 0], out[:, 1])
    t = np.linspace(0.0, (1.0 - np.sqrt(z)) ** (0.5 * beta), 8001)[1:-1]
    first = 1.0 - t ** (2.0 / beta)
    valid = first < 1.0 - 1e-15
    t, first = t[valid], first[valid]
    # D(z1) dz1 in terms of t: the soft pole is gone
    regular = isr._bracket(first, beta)
    density = regular * isr.structure_function(z / first, S) / first
    running = integrate.cumulative_trapezoid(density, t, initial=0.0)
    running = (running + density[0] * t[0]) / (running[-1] + density[0] * t[0])
    chosen = softer > 1e-12
    u = np.interp(softer[chosen] ** (0.5 * beta), t, running)
    low = np.interp(1e-12 ** (0.5 * beta), t, running)
    assert stats.kstest((u - low) / (1.0 - low), "uniform").pvalue > 1e-4
    assert abs(np.mean(out[:, 0] < out[:, 1]) - 0.5) < 5.0 * 0.5 / np.sqrt(len(out))


def test_no_leg_radiates_less_than_the_least_fraction():
    out = np.empty((20_000, 2))
    _legs(stream(2, "legs", "test", 0), 0.1, isr.beta_electron(S), isr.V_MIN, out)
    soft = np.minimum(out[:, 0], out[:, 1])
    assert np.all((soft == 0.0) | (soft >= isr.V_MIN * (1.0 - 1e-9)))
    np.testing.assert_allclose((1.0 - out[:, 0]) * (1.0 - out[:, 1]), 0.1, rtol=1e-12)


def test_form_factors_at_zero_and_at_the_peaks():
    assert abs(form_factors.pion_form_factor(np.array([4.0 * M_PI**2 + 1e-9]))[0]) == pytest.approx(1.17, abs=0.03)
    q = np.linspace(0.6, 0.9, 601)
    rho = form_factors.cross_section_nb("pipi_gamma", q)
    assert 1250.0 < rho.max() < 1350.0
    peak = form_factors.cross_section_nb("kk_gamma", np.linspace(1.01, 1.03, 401)).max()
    # 12 pi B_ee B_KK/m^2 [PDG], less the Coulomb enhancement at the edge of the line
    assert peak == pytest.approx(2066.0, rel=0.02)
    omega = form_factors.cross_section_nb("three_pi_gamma", np.linspace(0.77, 0.79, 401)).max()
    assert omega == pytest.approx(12.0 * np.pi * 6.58e-5 / 0.78265**2 * 389379.0, rel=0.04)


def test_pion_form_factor_against_tau_decays():
    """Conserved vector current: |F|^2 of tau -> pi pi0 nu (CLEO) in shape, away from rho-omega mixing."""
    q = np.concatenate((np.linspace(0.45, 0.7, 26), np.linspace(0.85, 1.1, 26)))
    ours = np.abs(form_factors.pion_form_factor(q * q)) ** 2
    tau = np.abs(_two_pion(q * q, tau_form_factors())) ** 2
    ratio = ours / tau
    assert np.max(np.abs(ratio / ratio.mean() - 1.0)) < 0.06


@pytest.mark.parametrize("final", ["pipi_gamma", "kk_gamma", "three_pi_gamma"])
def test_mass_spectrum_is_cross_section_times_radiator(final):
    process = prepare("ee_hadrons", {"final": final})
    batch = process.generate(stream(3, final, "test", 0), 20_000)
    hadrons = (batch.mother < 0) & (batch.pdg != 22)
    total = _sums(batch, hadrons)
    m = np.sqrt(total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1))
    name, threshold = form_factors.CONTINUA[final]
    grid = np.linspace(threshold * (1.0 + 1e-9), form_factors.return_card()[name]["highest_GeV"], 40_001)
    density = form_factors.cross_section_nb(final, grid) * radiator(grid**2 / S, S) * grid
    running = integrate.cumulative_trapezoid(density, grid, initial=0.0)
    assert stats.kstest(m, lambda x: np.interp(x, grid, running / running[-1])).pvalue > 1e-4
    assert process.cross_section_fb == pytest.approx(2e6 * running[-1] / S, rel=3e-3)


def _helicity_cosine(batch, rows, parents):
    """cos of particles to the annihilation axis, in events where both beams show the same axis (collinear photons).

    `parents` (n, 4): four-momentum of the system that each of `rows` comes from.
    """
    p = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)[rows]
    velocity = -parents[:, :3] / parents[:, 3:]
    axes = []
    for beam, sign in ((BEAM.electron, 1.0), (BEAM.positron, -1.0)):
        tilt = beam.tilt_rad.value
        light = np.tile([np.sin(tilt), 0.0, sign * np.cos(tilt), 1.0], (len(rows), 1))
        axis = boost(light, velocity)[:, :3]
        axes.append(sign * axis / np.linalg.norm(axis, axis=1)[:, None])
    inside = boost(p, velocity)[:, :3]
    same = np.sum(axes[0] * axes[1], axis=1) > 0.9999
    assert np.mean(same) > 0.2
    return np.sum(axes[0] * inside, axis=1)[same] / np.linalg.norm(inside[same], axis=1)


@pytest.mark.parametrize("final", ["jpsi", "upsilon1s"])
def test_resonance_mass_and_angles(final):
    process = prepare("ee_hadrons", {"final": final, "decay": "mumu", "fsr": False})
    batch = process.generate(stream(4, final, "test", 0), 30_000)
    card = form_factors.return_card()[final]
    assert np.all(batch.weight == card["mumu"]["value"])
    parents = batch.offsets[:-1]
    assert np.all(batch.pdg[parents] == card["pdg"])
    pole, gamma = mass(card["pdg"]), width(card["pdg"])
    # fixed-width line, cut at 15 widths in q^2
    place = np.arctan((batch.mass[parents] ** 2 - pole**2) / (pole * gamma)) / (2.0 * np.arctan(15.0)) + 0.5
    assert stats.kstest(place, "uniform").pvalue > 1e-4
    p = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)[parents]
    cosine = _helicity_cosine(batch, np.flatnonzero(batch.pdg == 13), p)
    a = 1.0 - 0.5 * (1.0 - 4.0 * M_MU**2 / pole**2)
    # 1 - beta^2/2 + beta^2/2 cos^2, from -1 to 1
    norm = 2.0 * (a + (1.0 - a) / 3.0)
    assert stats.kstest(cosine, lambda c: (a * (c + 1.0) + (1.0 - a) * (c**3 + 1.0) / 3.0) / norm).pvalue > 1e-4


@pytest.mark.parametrize(("final", "code"), [("pipi_gamma", 211), ("kk_gamma", 321)])
def test_pairs_go_like_sine_squared(final, code):
    batch = prepare("ee_hadrons", {"final": final}).generate(stream(5, final, "test", 0), 30_000)
    rows = np.flatnonzero(batch.pdg == code)
    cosine = _helicity_cosine(batch, rows, _sums(batch, np.abs(batch.pdg) == code))
    assert stats.kstest(cosine, lambda c: 0.75 * (c - c**3 / 3.0) + 0.5).pvalue > 1e-4


def test_photons_recoil_against_the_hadrons():
    batch = prepare("ee_hadrons", {"final": "jpsi", "fsr": False}).generate(stream(6, "jpsi", "test", 0), 5000)
    photons = (batch.pdg == 22) & (batch.mother < 0)
    counts = np.bincount(batch.event_index[photons], minlength=5000)
    assert counts.min() >= 1 and counts.max() <= 2
    final = batch.status == 1
    total = _sums(batch, final)
    assert np.abs(total[:, 1]).max() < 1e-12
    np.testing.assert_allclose(total.mean(axis=0), BEAM.four_momentum, atol=5e-4)


def test_psi2s_chain():
    process = prepare("ee_hadrons", {"final": "psi2s", "decay": "jpsi_pipi", "fsr": False})
    batch = process.generate(stream(7, "psi2s", "test", 0), 20_000)
    card, jpsi = form_factors.return_card()["psi2s"], form_factors.return_card()["jpsi"]
    fraction = (card["jpsi_pi_pi"]["value"] + card["jpsi_pi0_pi0"]["value"]) * (
        jpsi["ee"]["value"] + jpsi["mumu"]["value"]
    )
    np.testing.assert_allclose(batch.weight, fraction)
    assert np.count_nonzero(batch.pdg == 443) == batch.n_events
    plus, minus = np.flatnonzero(batch.pdg == 211), np.flatnonzero(batch.pdg == -211)
    share = card["jpsi_pi_pi"]["value"] / (card["jpsi_pi_pi"]["value"] + card["jpsi_pi0_pi0"]["value"])
    assert len(plus) / batch.n_events == pytest.approx(share, abs=5.0 * np.sqrt(share * (1.0 - share) / batch.n_events))
    p = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)
    pair = p[plus] + p[minus]
    m = np.sqrt(pair[:, 3] ** 2 - np.sum(pair[:, :3] ** 2, axis=1))
    parent, daughter = mass(100443), mass(443)
    x = np.linspace(2.0 * M_PI, parent - daughter, 20_001)
    k = np.sqrt(np.maximum((parent**2 - (x + daughter) ** 2) * (parent**2 - (x - daughter) ** 2), 0.0))
    density = k * np.sqrt(np.maximum(0.25 * x * x - M_PI**2, 0.0)) * (x * x - 4.36 * M_PI**2) ** 2
    running = integrate.cumulative_trapezoid(density, x, initial=0.0)
    assert stats.kstest(m, lambda y: np.interp(y, x, running / running[-1])).pvalue > 1e-4


def test_three_pions_are_below_their_bound():
    """The Dalitz plot of the omega region has the symmetry of the three charges of rho pi."""
    batch = prepare("ee_hadrons", {"final": "three_pi_gamma"}).generate(stream(8, "3pi", "test", 0), 20_000)
    rows = [np.flatnonzero((batch.pdg == code) & (batch.mother < 0)) for code in (211, -211, 111)]
    p = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)

    def mass2(a, b):
        q = p[rows[a]] + p[rows[b]]
        return q[:, 3] ** 2 - np.sum(q[:, :3] ** 2, axis=1)

    charged, plus, minus = mass2(0, 1), mass2(0, 2), mass2(1, 2)
    spread = np.std(plus - minus) / np.sqrt(len(plus))
    assert abs(np.mean(plus - minus)) < 5.0 * spread
    assert np.mean(charged) == pytest.approx(np.mean(plus), rel=0.05)


@pytest.mark.parametrize("final", RESONANCES)
def test_resonances_follow_their_widths(final):
    card = form_factors.return_card()[final]
    pole = mass(card["pdg"])
    expected = 12.0 * np.pi**2 * card["gamma_ee_GeV"]["value"] / (pole * BEAM.sqrt_s**2) * 3.89379e11
    expected *= float(radiator((pole / BEAM.sqrt_s) ** 2, BEAM.sqrt_s**2))
    assert prepare("ee_hadrons", {"final": final}).cross_section_fb == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("final", ["ee_pipi", "ee_kk", "ee_pp"])
def test_two_photon_hadrons(final):
    process = prepare("ee_hadrons", {"final": final, "w_min": 2.5})
    batch = process.generate(stream(9, final, "test", 0), 4000)
    batch.validate()
    p = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)
    rows = batch.offsets[:-1]
    pair = p[rows + 2] + p[rows + 3]
    assert np.sqrt(pair[:, 3] ** 2 - np.sum(pair[:, :3] ** 2, axis=1)).min() > 2.5 - 1e-9
    part = next(iter(process.info.values()))
    assert part["overflow_excess"] < 3e-3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"final": "rho"}, "ee_pipi"),
        ({"final": "ee_pipi", "decay": "mumu"}, "jpsi"),
        ({"final": "jpsi", "decay": "jpsi_pipi"}, "psi2s"),
        ({"final": "jpsi", "w_min": 1.0}, "ee_pipi"),
        ({"final": "ee_kk", "w_min": 0.9}, "1 to"),
        ({"final": "ee_pp", "w_min": 11.0}, "2 to"),
        ({"final": "ee_pipi", "q2_max": 1e-12}, "1e-6"),
        ({"final": "ee_pipi", "w_min": -0.5}, "w_min"),
    ],
)
def test_bad_parameters_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        prepare("ee_hadrons", values)


def test_bad_radiator_input():
    with pytest.raises(InputError, match="between 0 and 1"):
        radiator(1.2, S)
    with pytest.raises(InputError, match="at least 1"):
        prepare("ee_hadrons", {"final": "jpsi"}).generate(stream(1, "x", "test", 0), 0)
