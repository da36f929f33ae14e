"""Processes e+e- -> l+ l- X: cross-sections, radiation, line shape, decays, spin, lifetimes, refusals."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.interpolate import CubicSpline

from tests.generators.test_tau_pair import _head_on
from toymc.constants import ALPHA_LO, GEV2_TO_FB, HBAR_C_GEV_CM, M_MU, M_PI, M_TAU
from toymc.errors import InputError
from toymc.generators.isr import beta_electron, radiated_cross_section
from toymc.generators.llx import bosons, layout, sampler
from toymc.generators.llx.hard import _generate_hard, _total_width
from toymc.generators.llx.process import Cuts, Plan, prepare_plan
from toymc.generators.models import model_point
from toymc.generators.processes import prepare
from toymc.generators.radiation import pair_photon_spectrum
from toymc.generators.tau.tables import EXTENT
from toymc.geometry.beam import load_beam
from toymc.kernels import kernel
from toymc.streams import stream

LOWEST = {"isr": False}
# lowest order, alpha = 1/137.036, 10.579 GeV, zero width: from an independent trace calculation
REFERENCES = [
    ("mumu_zprime", 0.1, 567.8e3), ("mumu_zprime", 1.0, 99.57e3), ("mumu_zprime", 4.0, 5.438e3),
    ("mumu_zprime", 5.0, 2.0246e3), ("mumu_zprime", 8.0, 30.78), ("mumu_zprime", 9.0, 2.3736),
    ("mumu_scalar", 4.0, 3.027e-4), ("mumu_scalar", 8.0, 2.593e-6),
    ("mumu_alp", 4.0, 1.821e-5), ("mumu_alp", 8.0, 1.536e-7),
    ("tautau_scalar", 0.1, 5.716), ("tautau_scalar", 1.0, 1.3836), ("tautau_scalar", 4.0, 0.09497),
]  # fmt: skip


def generate(process, n, seed=1):
    return process.generate(stream(seed, process.name, "test", 0), n)


@pytest.mark.parametrize(("name", "mass", "reference"), REFERENCES)
def test_lowest_order_cross_sections(name, mass, reference):
    process = prepare(name, {"mass": mass, "coupling": 1.0, **LOWEST})
    assert process.cross_section_fb == pytest.approx(reference, rel=4e-3)
    assert process.cross_section_error_fb < 2e-3 * reference


def test_cross_section_scales_with_the_coupling():
    one = prepare("mumu_scalar", {"mass": 4.0, "coupling": 1.0, **LOWEST})
    ten = prepare("mumu_scalar", {"mass": 4.0, "coupling": 10.0, **LOWEST})
    assert ten.cross_section_fb == pytest.approx(100.0 * one.cross_section_fb, rel=4e-3)


@pytest.mark.parametrize(("mass", "added"), [
    pytest.param(5.0, 0.013, marks=pytest.mark.validate), pytest.param(6.5, 0.07, marks=pytest.mark.validate),
    (8.0, 0.90), (9.0, 13.0),
])  # fmt: skip
def test_emission_off_the_beams(mass, added):
    final = prepare("mumu_scalar", {"mass": mass, **LOWEST})
    both = prepare("mumu_scalar", {"mass": mass, "initial": True, **LOWEST})
    # the references are given to two figures
    assert both.cross_section_fb / final.cross_section_fb - 1.0 == pytest.approx(added, rel=0.03, abs=4e-3)


@pytest.mark.parametrize(("name", "mass", "factor"), [
    ("mumu_zprime", 1.0, 1.03), ("mumu_zprime", 5.0, 0.92), ("mumu_zprime", 8.0, 0.84), ("mumu_zprime", 9.0, 0.80),
    ("tautau_scalar", 1.0, 1.03), ("tautau_scalar", 5.0, 0.87),
])  # fmt: skip
def test_initial_state_radiation(name, mass, factor):
    radiated, lowest = prepare(name, {"mass": mass}), prepare(name, {"mass": mass, **LOWEST})
    ratio = radiated.cross_section_fb / lowest.cross_section_fb
    assert ratio == pytest.approx(factor, abs=0.01)
    assert radiated.info["overflow_excess"] < 1e-3


def test_radiated_cross_section_is_the_quadrature():
    """Gauss-Legendre over the radiator with sigma(s') from lowest-order integrals at lower energies, to 0.5 %."""
    boson = bosons.z_prime(4.0, 0.01, 0.0, 0.0)
    energies = np.array([4.5, 5.0, 5.8, 7.0, 8.4, 9.6, 10.58])
    values = []
    for energy in energies:
        data = _head_on().model_dump()
        for side in ("electron", "positron"):
            data[side]["energy_GeV"]["value"] = energy / 2
        beam = type(_head_on()).model_validate(data)
        plan = Plan("mumu_zprime", "", 13, M_MU, boson, "nunu", isr=False)
        values.append(prepare_plan(plan, {"energy": float(energy)}, beam, 0).cross_section_fb)
    threshold = (4.0 + 2 * M_MU) ** 2
    # a power of s' - threshold at the start: smooth in logarithms
    spline = CubicSpline(np.log(energies**2 - threshold), np.log(values))

    def sigma(s):
        # below the first point a few parts in 10^5 of the integral
        return np.where(s > energies[0] ** 2, np.exp(spline(np.log(np.maximum(s - threshold, 1.0)))), 0.0)

    expected = radiated_cross_section(10.58**2, sigma, threshold)
    plan = Plan("mumu_zprime", "", 13, M_MU, boson, "nunu", isr=True)
    got = prepare_plan(plan, {"energy": "radiated"}, _head_on(), 0).cross_section_fb
    assert got == pytest.approx(expected, rel=5e-3)


def test_vacuum_polarisation_is_a_factor():
    without = prepare("mumu_zprime", {"mass": 1.0})
    with_it = prepare("mumu_zprime", {"mass": 1.0, "vacuum_polarisation": True})
    assert with_it.cross_section_fb / without.cross_section_fb == pytest.approx(
        with_it.info["vacuum_polarisation"], rel=5e-3
    )


# --- photons


def test_final_state_photon_is_the_closed_spectrum():
    sigma0 = 4 * np.pi * ALPHA_LO**2 / 3 / 10.579**2 * GEV2_TO_FB
    process = prepare("mumu_gamma", {"photon_energy": 0.5, "photon_angle": 0.0, "initial": False, **LOWEST})
    x = 2 * 0.5 / 10.579
    rho = 4 * M_MU**2 / 10.579**2
    photons, _ = integrate.quad(
        lambda y: float(pair_photon_spectrum(np.array([y]), 10.579, M_MU)[0]), x, 1 - rho - 1e-12, limit=400
    )
    # beta (3 - beta^2)/2 = 1 - 3/8 rho^2
    assert process.cross_section_fb == pytest.approx(sigma0 * photons, rel=4e-3)


def test_initial_state_photon_is_the_closed_spectrum():
    """dsigma/dx = alpha/pi (ln(s/m^2) - 1) (1 + (1-x)^2)/x sigma_0(s (1-x)), all angles: collinear peaks included."""
    e = np.sqrt(4 * np.pi * ALPHA_LO)
    boson = bosons.Boson(1, 22, 0.0, 0.0, (0j, 0j, complex(e), complex(e)), {})
    plan = Plan("mumu_gamma", "", 13, M_MU, boson, isr=False, cuts=Cuts(0.5, 0.0))
    process = prepare_plan(plan, {"test": "initial"}, load_beam("belle2"), 0)
    s = 10.579**2

    def density(x):
        rest = s * (1 - x)
        velocity2 = 1 - 4 * M_MU**2 / rest
        born = 4 * np.pi * ALPHA_LO**2 / 3 / rest * np.sqrt(velocity2) * (3 - velocity2) / 2
        return 0.5 * beta_electron(s) * (1 + (1 - x) ** 2) / x * born * GEV2_TO_FB

    expected, _ = integrate.quad(density, 1.0 / 10.579, 1 - 4 * M_MU**2 / s, limit=400)
    assert process.cross_section_fb == pytest.approx(expected, rel=4e-3)


REGION = (1.0, 30.0)


def prepared_photon(name, cuts):
    values = {"photon_energy": cuts[0], "photon_angle": cuts[1]}
    if name == "ee_gamma":
        values |= {"lepton_angle": 20.0, "lepton_energy": 1.0}
    return prepare(name, values, _head_on())


def inside(photon, cuts):
    return (photon[..., 3] > cuts[0]) & (np.abs(photon[..., 2]) <= np.cos(np.radians(cuts[1])) * photon[..., 3])


def photons(process, n, seed):
    """Photon of the tree (n, 4), its order, further photons (n, 6, 4): e+e- frame, that of the head-on card."""
    parts = []
    for chunk in range(-(-n // 16384)):
        hard = np.empty((16384, layout.N_COLUMNS))
        _generate_hard(
            stream(seed, process.name, "test", chunk), process.hard, layout.hard_scratch(), hard, np.empty(16384)
        )
        parts.append(hard)
    hard = np.concatenate(parts)
    k = hard[:, layout.BOSON_P : layout.BOSON_P + 3]
    tree = np.einsum(
        "nij,nj->ni", hard[:, :16].reshape(-1, 4, 4), np.concatenate([k, np.linalg.norm(k, axis=1)[:, None]], axis=1)
    )
    order = np.minimum(np.hypot(tree[:, 0], tree[:, 1]), np.hypot(k[:, 0], k[:, 1]))
    further = hard[:, layout.PHOTONS :].reshape(len(hard), -1, 4).copy()
    further[np.arange(further.shape[1]) >= hard[:, layout.N_PHOTONS, None]] = 0.0
    return tree, order, further


def change_of_separation(name, cuts, n):
    """Relative change, and its error, of the rate in REGION as the separation moves from REGION to `cuts`.

    The tree's photon in REGION is the same on both sides, less what a leading photon outside of REGION takes away (A),
    plus events in which the radiators put one into REGION beside a leading photon outside (B). Both are shares of
    below a per cent, so that their difference is far more exact than that of the two rates.
    """
    tight, wide = prepared_photon(name, REGION), prepared_photon(name, cuts)
    _, order, further = photons(tight, n, 1)
    across = np.hypot(further[..., 0], further[..., 1])
    leads = inside(further, cuts) & ~inside(further, REGION) & (across > order[:, None])
    lost = np.any(leads, axis=1).mean(), len(order)
    tree, _, further = photons(wide, 3 * n, 2)
    gained = (np.any(inside(further, REGION), axis=1) & ~inside(tree, REGION)).mean(), len(tree)
    ratio = wide.cross_section_fb / tight.cross_section_fb
    error = np.sqrt(lost[0] / lost[1] + ratio**2 * gained[0] / gained[1])
    rate = ratio * (np.any(inside(further, REGION), axis=1) | inside(tree, REGION)).mean() - 1.0
    return ratio * gained[0] - lost[0], error, rate


@pytest.mark.parametrize("name", ["mumu_gamma", "ee_gamma"])
def test_result_does_not_depend_on_the_separation(name):
    """Photons of 1 GeV beyond 30 degrees, matrix element from there or from 0.4 GeV and 20 degrees: to 0.5 %."""
    change, error, _ = change_of_separation(name, (0.4, 20.0), 16384 * 2)
    assert error < 1e-3
    assert abs(change) < 5e-3 - 2.0 * error


@pytest.mark.validate
@pytest.mark.parametrize("name", ["mumu_gamma", "ee_gamma"])
def test_separation_in_steps(name):
    """To 0.5 %, four errors included; the rates themselves agree within their larger errors."""
    for cuts in ((0.5, 20.0), (0.2, 10.0), (0.1, 5.0)):
        change, error, rate = change_of_separation(name, cuts, 16384 * 20)
        assert error < 3e-4
        assert abs(change) < 5e-3 - 4.0 * error
        # integrals to 1.5e-3 each, counts to 2.5e-3
        assert abs(rate - change) < 4.0 * 3.5e-3


@pytest.mark.parametrize("name", ["mumu_gamma", "ee_gamma"])
def test_photon_cuts_hold(name):
    values = {"photon_energy": 0.5, "photon_angle": 15.0, "lepton_energy": 0.8, "lepton_angle": 20.0}
    process = prepare(name, values, _head_on())
    batch = generate(process, 4000)
    first = batch.offsets[:-1]
    photon = first + 2
    assert np.all(batch.energy[photon] > 0.5)
    assert np.all(np.abs(batch.pz[photon] / batch.energy[photon]) < np.cos(np.radians(15.0)))
    for row in (first, first + 1):
        p = np.sqrt(batch.px[row] ** 2 + batch.py[row] ** 2 + batch.pz[row] ** 2)
        assert np.all(np.abs(batch.pz[row] / p) < np.cos(np.radians(20.0)))
        assert np.all(batch.energy[row] > 0.8)
    # radiated photons in the region are nearer to the beams
    extra = (batch.pdg == 22) & (np.arange(batch.n_particles) != np.repeat(photon, batch.counts))
    hard_region = extra & (np.abs(batch.pz) < np.cos(np.radians(15.0)) * batch.energy) & (batch.energy > 0.5)
    across = np.hypot(batch.px, batch.py)
    assert hard_region.any()
    assert np.all(across[hard_region] <= across[np.repeat(photon, batch.counts)][hard_region])


def test_bhabha_is_symmetric_under_exchange_of_charges():
    process = prepare("ee_gamma", {"lepton_angle": 20.0, "lepton_energy": 0.5, **LOWEST}, _head_on())
    batch = generate(process, 40_000)
    minus, plus = batch.offsets[:-1], batch.offsets[:-1] + 1
    cos = [batch.pz[r] / np.sqrt(batch.px[r] ** 2 + batch.py[r] ** 2 + batch.pz[r] ** 2) for r in (minus, plus)]
    # CP: the e- goes forward as the e+ goes backward
    assert stats.ks_2samp(cos[0][::2], -cos[1][1::2]).pvalue > 1e-4
    assert cos[0].mean() > 0.5
    assert process.info["overflow_excess"] < 2e-3


def test_photons_off_the_final_leptons_are_unitary():
    """Hardest photon from the matrix element, further ones with their Sudakov factor: sigma_0 (1 - exp(-N))."""
    cuts = Cuts(0.2, 0.0)
    plan = Plan("mumu_gamma", "", 13, M_MU, bosons.photon(False), isr=False, cuts=cuts)
    hard = prepare_plan(plan, {"test": "unitary"}, _head_on(), 0).hard
    hard.switches[layout.FINAL_PHOTONS] = 1
    hard.reals[layout.FIXED_S] = 10.58**2
    found = sampler.integrate(hard, stream(2, "mumu_gamma", "test", 0))
    rho = 4 * M_MU**2 / 10.58**2
    mean, _ = integrate.quad(
        lambda y: float(pair_photon_spectrum(np.array([y]), 10.58, M_MU)[0]), 0.4 / 10.58, 1 - rho - 1e-12, limit=400
    )
    sigma0 = 4 * np.pi * ALPHA_LO**2 / 3 / 10.58**2 * GEV2_TO_FB
    # the factor is that of the pair after the photon, where its energy is less: below N^2/10
    assert mean > 0.09
    assert found.value == pytest.approx(-np.expm1(-mean) * sigma0, rel=6e-3)


@pytest.mark.parametrize("name", ["mumu_gamma", "ee_gamma"])
def test_momentum_with_photons_from_everywhere(name):
    batch = generate(prepare(name, {"photon_energy": 0.5}, _head_on()), 4000)
    assert (batch.pdg == 22).sum() > 5000
    for key, expected in (("px", 0.0), ("py", 0.0), ("pz", 0.0), ("energy", 10.58)):
        np.testing.assert_allclose(np.bincount(batch.event_index, getattr(batch, key)), expected, atol=1e-11)


# --- the boson


@pytest.mark.parametrize(("name", "model", "coupling"), [
    ("mumu_zprime", "zprime", 0.3), ("mumu_scalar", "leptophilic_scalar", 2.0), ("mumu_alp", "alp", 5.0),
])  # fmt: skip
def test_widths_are_those_of_the_library(name, model, coupling):
    expected = model_point(model, 4.0, coupling)
    process = prepare(name, {"mass": 4.0, "coupling": coupling, "decay": "tautau"})
    assert process.info["width_GeV"] == pytest.approx(expected.width_GeV, rel=1e-12)
    assert process.info["ctau_cm"] == pytest.approx(HBAR_C_GEV_CM / expected.width_GeV, rel=1e-12)
    assert process.info["branching_fraction"] == pytest.approx(expected.branching_fractions["tau_tau"], rel=1e-9)
    batch = generate(process, 2000)
    assert np.average(batch.weight) == pytest.approx(expected.branching_fractions["tau_tau"], rel=0.02)
    assert batch.pdg[batch.mother == 2].tolist().count(15) == 2000


@kernel
def _width(modes, q):
    return _total_width(modes, q)[0]


def test_kernel_widths_add_up():
    for mass in (0.15, 0.5, 2.0, 5.0, 9.0):
        for boson in (bosons.leptophilic(mass, 1.5, "mu"), bosons.axion_like(mass, 2.0, "mu"),
                      bosons.z_prime(mass, 0.1, 0.2, 0.05)):  # fmt: skip
            assert _width(boson.table("all"), mass) == pytest.approx(boson.width, rel=1e-12)


def test_decays_come_in_their_fractions():
    batch = generate(prepare("mumu_zprime", {"mass": 5.0}), 30_000)
    expected = model_point("zprime", 5.0, 0.01).branching_fractions
    codes = np.abs(batch.pdg[(batch.mother == 2) & (batch.pdg > 0) & (batch.pdg != 22)])
    counts = {name: np.isin(codes, c).sum() for name, c in (("nu_nu", (14, 16)), ("mu_mu", 13), ("tau_tau", 15))}
    observed = np.array([counts[name] for name in expected])
    assert stats.chisquare(observed, 30_000 * np.array(list(expected.values()))).pvalue > 1e-4
    assert np.all(batch.weight == 1.0)


def test_line_shape():
    """Breit-Wigner in q^2, 15 widths to either side; the muon pair has the mass of its boson."""
    process = prepare("mumu_zprime", {"mass": 3.0, "coupling": 0.15, "decay": "mumu"})
    width = process.info["width_GeV"]
    batch = generate(process, 40_000)
    q = batch.mass[batch.offsets[:-1] + 2]
    x = (q**2 - 9.0) / (3.0 * width)
    assert 1e-3 < width / 3.0 < 5e-3
    inside = np.mean(np.abs(x) < 1.0)
    # half of a Cauchy, over the share within 15 widths
    assert inside == pytest.approx(0.5 / (2 * np.arctan(15.0) / np.pi), abs=0.012)
    assert np.all(np.abs(x) <= 15.0 * (1.0 + 1e-9))
    pairs = {}
    for key in ("px", "py", "pz"):
        pairs[key] = np.bincount(batch.event_index[batch.mother == 2], getattr(batch, key)[batch.mother == 2])
    energy = np.bincount(batch.event_index[batch.mother == 2], batch.energy[batch.mother == 2])
    mass = np.sqrt(energy**2 - pairs["px"] ** 2 - pairs["py"] ** 2 - pairs["pz"] ** 2)
    np.testing.assert_allclose(mass, q, rtol=1e-9)


def test_narrow_bosons_have_their_mass():
    for name in ("mumu_zprime", "tautau_scalar"):
        batch = generate(prepare(name, {"mass": 1.0, **LOWEST}), 500)
        assert np.all(batch.mass[batch.offsets[:-1] + 2] == 1.0)


@pytest.mark.parametrize("mass", [4.0, 8.0])
def test_recoil_mass_without_radiation(mass):
    batch = generate(prepare("mumu_zprime", {"mass": mass, **LOWEST}, _head_on()), 2000)
    first = batch.offsets[:-1]
    pair = sum(np.stack([batch.px, batch.py, batch.pz, batch.energy])[:, first + row] for row in (0, 1))
    recoil = np.sqrt((10.58 - pair[3]) ** 2 - np.sum(pair[:3] ** 2, axis=0))
    np.testing.assert_allclose(recoil, mass, rtol=1e-9)


def test_z_prime_decay_follows_its_polarisation():
    """Muons of a light Z': sum over the event of (1 - n.rho.n) from the trace of the amplitude, by a moment."""
    batch = generate(prepare("mumu_zprime", {"mass": 0.5, "decay": "mumu", "fsr": False, **LOWEST}, _head_on()), 40_000)
    first = batch.offsets[:-1]
    boson = np.stack([batch.px, batch.py, batch.pz, batch.energy], 1)[first + 2]
    muon = np.stack([batch.px, batch.py, batch.pz, batch.energy], 1)[first + 3]
    k = np.linalg.norm(boson[:, :3], axis=1)
    rest = (muon[:, 3] * boson[:, 3] - np.sum(muon[:, :3] * boson[:, :3], axis=1)) / 0.5
    p = np.sqrt(rest**2 - M_MU**2)
    along = (np.sum(muon[:, :3] * boson[:, :3], axis=1) / k * boson[:, 3] - muon[:, 3] * k) / 0.5 / p
    # a light vector off fast leptons is transverse: 1 + cos^2 but for the muon mass
    b2 = 1 - 4 * M_MU**2 / 0.25
    transverse = (1 / 3 - b2 / 15) / (1 - b2 / 3)
    longitudinal = (1 / 3 - b2 / 5) / (1 - b2 / 3)
    assert longitudinal < 1 / 3 < np.mean(along**2) < transverse


@pytest.mark.parametrize(("name", "sign"), [("mumu_scalar", 1.0), ("mumu_alp", -1.0)])
def test_tau_spins_from_the_boson(name, sign):
    """pi nu x pi nu in the boson frame: C = diag(1, 1, -1) for the scalar, -1 for the pseudoscalar."""
    values = {"mass": 6.0, "coupling": 10.0, "decay": "tautau", "tau_modes": "pi_nu", "fsr": False, **LOWEST}
    batch = generate(prepare(name, values, _head_on()), 30_000)
    first = batch.offsets[:-1]
    vectors = np.stack([batch.px, batch.py, batch.pz, batch.energy], 1)
    boson, minus = vectors[first + 2], vectors[first + 3]

    def boosted(v, frame):
        m = np.sqrt(frame[:, 3] ** 2 - np.sum(frame[:, :3] ** 2, axis=1))
        along = np.sum(v[:, :3] * frame[:, :3], axis=1)
        f = (along / (frame[:, 3] + m) - v[:, 3]) / m
        energy = (v[:, 3] * frame[:, 3] - along) / m
        return np.concatenate([v[:, :3] + f[:, None] * frame[:, :3], energy[:, None]], axis=1)

    pions = [vectors[(batch.mother == row) & (np.abs(batch.pdg) == 211)] for row in (3, 4)]
    axis = boosted(minus, boson)
    taus = [axis, boosted(vectors[first + 4], boson)]
    axis = axis[:, :3] / np.linalg.norm(axis[:, :3], axis=1)[:, None]
    cosines, across = [], []
    for tau, pion in zip(taus, pions, strict=True):
        inside = boosted(boosted(pion, boson), tau)
        n = inside[:, :3] / np.linalg.norm(inside[:, :3], axis=1)[:, None]
        cosines.append(np.sum(n * axis, axis=1))
        across.append(n - cosines[-1][:, None] * axis)
    # h- = direction of the pi- (tau- -> pi- nu: 1 + s.n), h+ = - direction of the pi+: <n- n+> = -C/9
    assert np.mean(cosines[0] * cosines[1]) == pytest.approx(1 / 9, abs=4.5 / 3 / np.sqrt(30_000))
    assert np.mean(np.sum(across[0] * across[1], axis=1)) == pytest.approx(
        -sign * 2 / 9, abs=4.5 * 0.5 / np.sqrt(30_000)
    )


def test_tau_pair_with_soft_scalar_has_the_correlation_of_tau_pairs():
    """Longitudinal spins in tau tau phi at small mass against tau pairs: energies of the pions."""
    values = {"mass": 0.05, "decay": "ee", "tau_modes": "pi_nu", "fsr": False, **LOWEST}
    batch = generate(prepare("tautau_scalar", values, _head_on()), 30_000)
    vectors = np.stack([batch.px, batch.py, batch.pz, batch.energy], 1)
    first = batch.offsets[:-1]
    soft = batch.energy[first + 2] < 0.5
    ratio = []
    for row in (0, 1):
        pion = vectors[(batch.mother == row) & (np.abs(batch.pdg) == 211)]
        x = pion[:, 3] / batch.energy[first + row]
        beta = np.sqrt(1 - (M_TAU / batch.energy[first + row]) ** 2)
        rest = (M_TAU**2 + M_PI**2) / (2 * M_TAU**2)
        ratio.append((x - rest) / (beta * (M_TAU**2 - M_PI**2) / (2 * M_TAU**2)))
    product = np.mean((ratio[0] * ratio[1])[soft])
    # <cos cos> = C_ll/9 along the flight of each tau (tau+: axis and polarimeter both turned round); mean C_ll at 10.58
    g = (2 * M_TAU / 10.58) ** 2
    assert product == pytest.approx((4 - 2 * g) / (4 + 2 * g) / 9, abs=4.5 / 3 / np.sqrt(soft.sum()))
    assert np.mean(ratio[0]) == pytest.approx(0.0, abs=4.5 / np.sqrt(3 * 30_000))


def test_lifetime_displaces_the_boson():
    process = prepare("tautau_scalar", {"mass": 0.1, "coupling": 0.7, "decay": "ee"})
    assert process.info["ctau_cm"] == pytest.approx(1.098 / 0.49, rel=0.01)
    for ctau, values in ((process.info["ctau_cm"], {}), (3.0, {"ctau": 3.0}), (0.0, {"ctau": "0"})):
        process = prepare("tautau_scalar", {"mass": 0.1, "coupling": 0.7, "decay": "ee", **values})
        batch = generate(process, 4000)
        first = batch.offsets[:-1]
        daughter = np.flatnonzero((batch.mother == 2) & (batch.pdg == 11))
        step = np.stack([getattr(batch, k)[daughter] - getattr(batch, k)[first + 2] for k in "xyz"], axis=1)
        p = np.sqrt(batch.px**2 + batch.py**2 + batch.pz**2)[first + 2]
        proper = np.linalg.norm(step, axis=1) * batch.mass[first + 2] / p
        if ctau == 0.0:
            assert np.all(proper == 0.0)
        else:
            assert stats.kstest(proper / ctau, stats.expon.cdf).pvalue > 1e-4


# --- envelope, input


def test_envelope_is_honest():
    process = prepare("mumu_zprime", {"mass": 1.0, "decay": "nunu"})
    info = process.info
    assert info["efficiency"] > 0.4
    assert info["overflow_count"] < 1e-2 * info["overflow_trials"]
    assert info["overflow_excess"] < 1e-3 and info["largest_ratio"] < 3.0
    assert sum(info["channels"].values()) == pytest.approx(1.0, abs=3e-4)


def test_unweighted_events_follow_the_weighted_integrand():
    """Moments of the recoil mass squared and of the boson's angle: accepted events against weights of the trials."""
    beam = _head_on()
    plan = Plan("mumu_zprime", "", 13, M_MU, bosons.z_prime(1.0, 0.01, 0, 0), "nunu", isr=False)
    process = prepare_plan(plan, {"twin": 1}, beam, 3)
    batch = generate(process, 40_000)
    first = batch.offsets[:-1]
    energy = batch.energy[first + 2]
    cosine = batch.pz[first + 2] / np.sqrt(energy**2 - 1.0)
    envelope = sampler.HardEnvelope(process.hard, layout.hard_scratch(), stream(5, "twin", "test", 0))
    values = []
    for _ in range(4000):
        _, rate = envelope.probe(np.array([len(values) % len(process.hard.cells)]))
        v = envelope.scratch.v
        cell = process.hard.cells[len(values) % len(process.hard.cells)]
        volume = np.prod(cell[EXTENT : EXTENT + layout.DIMENSIONS])
        k = v[2]
        values.append((rate[0] * volume, k[3], k[2] / np.sqrt(k[3] ** 2 - 1.0)) if rate[0] > 0 else (0.0, 0.0, 0.0))
    w, e, c = np.array(values).T
    for observed, weighted in ((energy, e), (cosine**2, c**2)):
        mean = np.average(weighted, weights=w)
        error = np.sqrt(np.sum((w * (weighted - mean)) ** 2)) / w.sum()
        assert abs(observed.mean() - mean) < 4.5 * np.hypot(error, observed.std() / 200.0)


@pytest.mark.parametrize(("name", "values", "words"), [
    ("mumu_zprime", {"mass": 10.5}, "below 10.368"),
    ("mumu_zprime", {"mass": 0.0}, "0.001"),
    ("mumu_zprime", {"mass": -1.0}, "0.001"),
    ("mumu_zprime", {"mass": "nan"}, "number"),
    ("mumu_zprime", {"mass": 3.0, "decay": "tautau"}, "above 3.55"),
    ("mumu_zprime", {"mass": 0.2, "decay": "mumu"}, "above 0.2113"),
    ("mumu_zprime", {"decay": "chichi"}, "alpha_dark"),
    ("mumu_zprime", {"decay": "chichi", "alpha_dark": 0.1, "mass_dark": 0.6}, "above 1.2"),
    ("mumu_zprime", {"initial": True}, "electrons"),
    ("mumu_zprime", {"decay": "ee"}, "nunu"),
    ("mumu_zprime", {"coupling": 0.0}, "1e-08"),
    ("mumu_scalar", {"ctau": -1.0}, "from 0"),
    ("mumu_scalar", {"ctau": "long"}, "model"),
    ("mumu_scalar", {"ctau": "inf"}, "model"),
    ("mumu_alp", {"decay": "gammagamma"}, "tautau"),
    ("tautau_scalar", {"mass": 7.1}, "below 7.02"),
    ("tautau_scalar", {"tau_modes": "pi_nu,nothing"}, "nothing"),
    ("mumu_gamma", {"photon_energy": 0.0}, "0.001"),
    ("mumu_gamma", {"photon_energy": 3.0, "lepton_energy": 4.9}, "photons below"),
    ("ee_gamma", {"lepton_angle": 0.1}, "from 1"),
    ("ee_gamma", {"photon_angle": 90.0}, "80"),
    ("mumu_gamma", {"mass": 1.0}, "photon_energy"),
])  # fmt: skip
def test_bad_parameters_are_refused_with_what_is_allowed(name, values, words):
    with pytest.raises(InputError, match=words) as caught:
        prepare(name, values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "values"), [
    ("mumu_zprime", {"mass": 10.3, "decay": "nunu"}),
    ("mumu_zprime", {"mass": 0.001, "decay": "nunu"}),
    ("mumu_zprime", {"mass": 9.0, "coupling": 1.0, "decay": "mumu"}),
    ("mumu_zprime", {"mass": 4.0, "coupling": 0.1, "alpha_dark": 0.3, "mass_dark": 0.2, "decay": "chichi"}),
    ("mumu_scalar", {"mass": 10.0, "initial": True, "decay": "tautau"}),
    ("mumu_scalar", {"mass": 0.0011, "decay": "ee"}),
    ("mumu_scalar", {"mass": 3.5539, "decay": "tautau"}),
    ("tautau_scalar", {"mass": 7.0, "decay": "mumu"}),
])  # fmt: skip
def test_corners_of_the_parameters(name, values):
    process = prepare(name, values)
    batch = generate(process, 300)
    batch.validate()
    assert np.isfinite(process.cross_section_fb) and process.cross_section_fb > 0.0
    final = batch.status == 1
    total = np.bincount(batch.event_index[final], batch.energy[final])
    np.testing.assert_allclose(total, 11.006, atol=0.06)


def test_fewer_than_one_event_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        prepare("mumu_zprime", {}).generate(stream(1, "mumu_zprime", "test", 0), 0)
