"""Width library: values tabulated by others, closed forms, sum rules, thresholds, ratios."""

import doctest
import importlib
import math

import numpy as np
import pytest
from scipy import integrate

from toymc.constants import ALPHA, G_FERMI, M_E, M_K, M_MU, M_PI, M_TAU
from toymc.errors import InputError
from toymc.generators.models import MODELS, hnl, model_point, strong
from toymc.generators.models.two_body import V_HIGGS, fermion_loop

# mass, B(B+ -> K+ S), B(B0 -> K*0 S) (SensCalc tables at sin^2 = 1), ctau sin^2 in cm (FORESEE table), B(mu mu)
HIGGS = [
    (0.05, 0.4267, 0.4737, 2.288, 0.0), (0.1, 0.4268, 0.4737, 1.186, 0.0), (0.2, 0.4270, 0.4737, 0.5823, 0.0),
    (0.25, 0.4271, 0.4737, 7.209e-5, 1.0), (0.4, 0.4278, 0.4737, 1.544e-6, 0.138),
    (0.5, 0.4284, 0.4737, 8.098e-7, 0.110),
    (0.7, 0.4300, 0.4737, 3.512e-7, 0.079), (0.9, 0.4322, 0.4737, 1.043e-7, 0.033),
    (1.0, 0.4335, 0.4736, 2.977e-8, 0.010),
    (1.2, 0.4365, 0.4734, 1.640e-7, 0.072), (1.4, 0.4401, 0.4730, 1.515e-7, 0.080),
    (3.5, 0.5042, 0.3745, 6.006e-8, 0.0776), (4.0, 0.5043, 0.2196, 1.095e-8, 0.0162),
]  # fmt: skip


@pytest.mark.parametrize(("m", "plus", "star", "ctau", "muons"), HIGGS)
def test_higgs_scalar_against_tables(m, plus, star, ctau, muons):
    point = model_point("higgs_scalar", m)
    assert point.production["bplus_to_kplus_S"] == pytest.approx(plus, rel=0.025)
    assert point.production["b0_to_kstar0_S"] == pytest.approx(star, rel=0.012)
    assert point.ctau_cm == pytest.approx(ctau, rel=0.07)
    assert point.branching_fractions.get("mu_mu", 0.0) == pytest.approx(muons, rel=0.07)


def test_higgs_scalar_against_the_unit_tests_of_another_code():
    """Single widths of scalar_portal (GeV at sin = 1): pi+ pi-, one charge state of K K, mu mu, gg, s sbar."""
    def width(m, mode):
        return model_point("higgs_scalar", m).widths[mode]

    for m, value in ((0.5, 1.4751e-8), (1.4, 6.6427e-9)):
        assert width(m, "pi_pi") == pytest.approx(value, rel=0.01)
    for m, value in ((1.0, 3.2540e-8), (1.4, 4.5583e-8), (1.9999, 1.7438e-8)):
        assert width(m, "K_K") == pytest.approx(value, rel=0.01)
    for m, value in ((0.5, 2.7320e-9), (1.0, 6.8539e-9), (2.0, 1.4435e-8)):
        assert width(m, "mu_mu") == pytest.approx(value, rel=0.003)
    # gluons and quarks: other pole and MSbar masses, see the module
    assert width(2.0, "g_g") == pytest.approx(5.35e-8, rel=0.06)
    assert width(4.0, "g_g") == pytest.approx(3.37e-7, rel=0.07)
    assert width(2.0, "s_sbar") == pytest.approx(4.485e-8, rel=0.07)


def test_isospin_of_the_higgs_scalar():
    for m in (0.35, 0.7, 1.5):
        widths = model_point("higgs_scalar", m).widths
        assert widths["pi_pi"] / widths["pi0_pi0"] == pytest.approx(2.0, rel=0.1)
    widths = model_point("higgs_scalar", 1.5).widths
    assert widths["K_K"] == widths["K0_K0"]


# mass, ctau xi^2 cm, B(ee), B(mumu), B(tautau), B(gamma gamma)
LEPTOPHILIC = [(0.1, 1.098, 0.9538, 0.0, 0.0, 4.6e-2), (1.0, 2.884e-6, 0.0, 0.9999, 0.0, 3.0e-5),
               (4.0, 2.375e-8, 0.0, 0.0351, 0.9648, 4.7e-5)]  # fmt: skip


@pytest.mark.parametrize(("m", "ctau", "ee", "mumu", "tautau", "photons"), LEPTOPHILIC)
def test_leptophilic_scalar_against_table(m, ctau, ee, mumu, tautau, photons):
    point = model_point("leptophilic_scalar", m)
    shares = point.branching_fractions
    assert point.ctau_cm == pytest.approx(ctau, rel=2e-3)
    assert shares.get("mu_mu", 0.0) == pytest.approx(mumu, rel=2e-3)
    assert shares.get("tau_tau", 0.0) == pytest.approx(tautau, rel=2e-3)
    assert shares["gamma_gamma"] == pytest.approx(photons, rel=0.02)
    if ee:
        assert shares["e_e"] == pytest.approx(ee, rel=2e-3)


@pytest.mark.parametrize(
    ("m", "invisible", "mumu", "tautau", "width_mev"),
    [(0.1, 1.0, 0.0, 0.0, 2.653), (1.0, 0.5002, 0.4998, 0.0, 53.03), (5.0, 0.3471, 0.3471, 0.3058, 382.1),
     (9.0, 0.3344, 0.3344, 0.3312, 713.9)],
)  # fmt: skip
def test_zprime_against_table(m, invisible, mumu, tautau, width_mev):
    point = model_point("zprime", m)
    shares = point.branching_fractions
    found = [shares.get(name, 0.0) for name in ("nu_nu", "mu_mu", "tau_tau")]
    assert found == pytest.approx([invisible, mumu, tautau], abs=2e-4)
    assert 1e3 * point.width_GeV == pytest.approx(width_mev, rel=1e-3)


def test_alp_ratio_of_modes():
    """Helicity suppression: Gamma ~ m_l^2 beta."""
    widths = model_point("alp", 5.0, 0.3).widths
    beta = [math.sqrt(1.0 - 4.0 * m * m / 25.0) for m in (M_MU, M_TAU)]
    assert widths["tau_tau"] / widths["mu_mu"] == pytest.approx((M_TAU / M_MU) ** 2 * beta[1] / beta[0])
    assert widths["mu_mu"] == pytest.approx((0.3e-3) ** 2 * 5.0 * M_MU**2 * beta[0] / (8.0 * math.pi))


# mass, total width / U^2 (Majorana), ctau U^2 cm, B(nu mu mu), B(tau -> pi N)/U^2, B(tau -> l nu N)/U^2 [SensCalc]
HNL = [(0.5, 6.608e-15, 2.986, 0.01129, 0.08273, 0.19715), (1.0, 1.232e-13, 0.1601, 0.03754, 0.03315, 0.03228),
       (1.3, 4.617e-13, 0.04274, 0.04062, 0.00987, 0.00367)]  # fmt: skip


@pytest.mark.parametrize(("m", "width", "ctau", "muons", "pion", "leptons"), HNL)
def test_hnl_against_table(m, width, ctau, muons, pion, leptons):
    point = model_point("hnl", m)
    # above 1 GeV the way that quarks open makes 3 %
    tolerance = 0.004 if m < 1.0 else 0.03
    assert point.width_GeV == pytest.approx(width, rel=tolerance)
    assert point.ctau_cm == pytest.approx(ctau, rel=tolerance)
    assert point.branching_fractions["nu_mu_mu"] == pytest.approx(muons, rel=tolerance)
    assert point.production["tau_to_pi_N"] == pytest.approx(pion, rel=1e-3)
    found = point.production["tau_to_e_nu_N"] + point.production["tau_to_mu_nu_N"]
    assert found == pytest.approx(leptons, rel=5e-3)


def test_massless_hnl_gives_the_tau_lifetime_modes():
    """tau -> pi N and l nu N with a massless N are the Standard Model decays [PDG: 10.82 %, 17.82 %, 17.39 %]."""
    production = model_point("hnl", 1.001e-3).production
    # tree level: radiative corrections of about 1 % are left out
    assert production["tau_to_pi_N"] == pytest.approx(0.1082, rel=0.02)
    assert production["tau_to_e_nu_N"] == pytest.approx(0.1782, rel=0.01)
    assert production["tau_to_mu_nu_N"] == pytest.approx(0.1739, rel=0.01)
    assert production["tau_to_rho_N"] == pytest.approx(0.2512, rel=0.02)


def test_majorana_is_twice_dirac():
    for flavour in hnl.FLAVOURS:
        majorana = model_point("hnl", 1.2, 1e-3, flavour)
        dirac = model_point("hnl", 1.2, 1e-3, flavour, dirac=True)
        assert majorana.width_GeV == pytest.approx(2.0 * dirac.width_GeV)
        assert majorana.branching_fractions == pytest.approx(dirac.branching_fractions)


def test_mixings_add():
    mixing = {"e": 1e-3, "mu": 2e-3, "tau": 5e-4}
    whole = hnl.mixed_point(0.8, mixing)
    parts = math.fsum(model_point("hnl", 0.8, value, flavour).width_GeV for flavour, value in mixing.items())
    assert whole.width_GeV == pytest.approx(parts)
    with pytest.raises(InputError, match="flavours are e, mu, tau"):
        hnl.mixed_point(0.8, {"nu": 1.0})


def test_phase_space_of_three_bodies():
    """Against the muon-decay polynomial, and against a plain two-dimensional integral over the Dalitz plot."""
    for x in (0.0, 0.05, 0.3, 0.7):
        y = x * x
        closed = 1.0 - 8.0 * y + 8.0 * y**3 - y**4 - (12.0 * y * y * math.log(y) if y else 0.0)
        assert hnl.phase_space(0.0, x, 0.0) == pytest.approx(closed, rel=1e-9)
        assert hnl.phase_space(x, 0.0, 0.0) == pytest.approx(closed, rel=1e-9)
    special, a, b = 0.2, 0.3, 0.1

    def dalitz(s_ab, s_sb):
        # (p.k_special)(k_a.k_b) with s_ab = (a+b)^2
        return 0.5 * (1.0 + special**2 - s_ab) * 0.5 * (s_ab - a * a - b * b)

    def limits(s_ab):
        e_b = (s_ab + b * b - a * a) / (2.0 * math.sqrt(s_ab))
        e_s = (1.0 - s_ab - special**2) / (2.0 * math.sqrt(s_ab))
        p_b, p_s = math.sqrt(max(e_b**2 - b * b, 0.0)), math.sqrt(max(e_s**2 - special**2, 0.0))
        return (e_b + e_s) ** 2 - (p_b + p_s) ** 2, (e_b + e_s) ** 2 - (p_b - p_s) ** 2

    value, _ = integrate.quad(
        lambda s: integrate.quad(lambda t: dalitz(s, t), *limits(s))[0], (a + b) ** 2, (1.0 - special) ** 2
    )
    massless, _ = integrate.quad(lambda s: 0.25 * s * (1.0 - s) * (1.0 - s), 0.0, 1.0)
    assert hnl.phase_space(special, a, b) == pytest.approx(value / massless, rel=1e-6)


def test_neutral_current_of_light_fermions_does_not_cancel():
    """Electrons: the massless limit G_F^2 m^5/(192 pi^3) C1."""
    c1, c2 = hnl.lepton_couplings(False)
    assert hnl.neutral_current(1.0, M_E, c1, c2) == pytest.approx(G_FERMI**2 / (192.0 * math.pi**3) * c1, rel=1e-4)


def test_strong_coupling_and_masses():
    """PDG review of QCD: alpha_s(m_tau) = 0.312 +- 0.015, m_c(3 GeV) = 0.986 +- 0.013, m_b(M_Z) = 2.85 +- 0.06."""
    assert strong.alpha_s(M_TAU) == pytest.approx(0.312, abs=0.015)
    assert strong.running_mass("c", 3.0) == pytest.approx(0.986, abs=0.015)
    assert strong.running_mass("b", strong.M_Z) == pytest.approx(2.85, abs=0.06)


def test_heavy_loop_is_continuous():
    values = np.array([fermion_loop(tau) for tau in (0.999999, 1.000001, 999.9, 1000.1)])
    assert abs(values[0] - values[1]) < 1e-2
    assert abs(values[2] - values[3]) < 1e-6
    assert ALPHA > 0 and V_HIGGS == pytest.approx((math.sqrt(2.0) * G_FERMI) ** -0.5, rel=1e-4)


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_at_every_mass(name):
    """Sum rule, positivity, scaling with the square of the coupling (|V|^2 is a square already)."""
    model = MODELS[name]
    ratio = 2.0 if name == "hnl" else 4.0
    for m in np.geomspace(model.mass_min * 1.01, model.mass_max * 0.99, 60):
        point = model_point(name, float(m), 2.0)
        assert sum(point.branching_fractions.values()) == pytest.approx(1.0)
        assert all(value > 0.0 and math.isfinite(value) for value in point.widths.values())
        assert point.width_GeV == pytest.approx(ratio * model_point(name, float(m), 1.0).width_GeV, abs=0.0)
        assert point.references


@pytest.mark.parametrize(
    ("name", "mode", "threshold"),
    [("higgs_scalar", "mu_mu", 2 * M_MU), ("higgs_scalar", "pi_pi", 2 * M_PI), ("higgs_scalar", "K_K", 2 * M_K),
     ("higgs_scalar", "tau_tau", 2 * M_TAU), ("zprime", "tau_tau", 2 * M_TAU), ("alp", "mu_mu", 2 * M_MU),
     ("hnl", "nu_mu_mu", 2 * M_MU)],
)  # fmt: skip
def test_thresholds(name, mode, threshold):
    assert mode not in model_point(name, threshold * 0.9999).widths
    assert model_point(name, threshold * 1.01).widths[mode] > 0.0


def test_hnl_of_one_gev_does_not_decay_to_taus():
    assert not [mode for mode in model_point("hnl", 1.0, 1.0, "mu").widths if "tau" in mode]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dark_photon", 1.0), "unknown model 'dark_photon': allowed are"),
        (("zprime", -1.0), "give 1e-06 to"),
        (("higgs_scalar", 5.0), "to 4.78573"),
        (("higgs_scalar", math.nan), "give 0"),
        (("zprime", 1.0, 0.0), "give a positive number"),
        (("zprime", 1.0, math.inf), "give a positive number"),
        (("alp", 1.0, 1.0, "mu"), "belong to hnl"),
        (("hnl", 1.0, 1.0, "nu"), "allowed are e, mu, tau"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        model_point(*arguments)


@pytest.mark.parametrize("module", ["library", "two_body", "strong", "inputs", "hnl"])
def test_examples(module):
    assert doctest.testmod(importlib.import_module(f"toymc.generators.models.{module}")).failed == 0
