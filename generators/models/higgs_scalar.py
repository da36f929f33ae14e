"""Scalar that mixes with the Higgs boson, L = -sin(theta) (m_f/v) S fbar f: widths and production in B decays.

Leptons at lowest order; pi pi and K K from the dispersive form factors of M. Winkler [PRD 99 (2019) 015018,
arXiv:1809.01876]; further mesons as C m^3 below 2 GeV; above it quarks with the thresholds of their mesons and gluons
[ibid., section 3; M. Spira, Prog. Part. Nucl. Phys. 95 (2017) 98]. B -> K(*) S through the b -> s S penguin with the
form factors of Ball and Zwicky; the chirality projector gives the factor 1/4 that some public codes lack.

Against the table of FORESEE (c tau, after Winkler): within 7 % below 2.1 GeV and at 3.5 GeV, longer by 16 % at 2.5 GeV
and 20 % at 3 GeV, where gluons are 55 to 63 % of the width and their loop hangs on the charm quark, whose amplitude
peaks at m = 2 m_c. The pole mass here is 1.67 GeV; 1.5 GeV gives +13 % and +11 %, 1.4 GeV +11 % and +3 %. Below
charmonium a perturbative width is not known better than that.
"""

import cmath
import math

import numpy as np

from toymc.constants import M_E, M_K, M_KSTAR0, M_MU, M_PI, M_PI0, M_TAU, mass
from toymc.generators.models.inputs import model_inputs
from toymc.generators.models.point import ModelPoint
from toymc.generators.models.strong import BOTTOM_POLE, CHARM_POLE, TOP_POLE, alpha_s, running_mass
from toymc.generators.models.two_body import V_HIGGS, kallen, scalar_to_fermions, velocity

REFERENCES = (
    "leptons: J. Gunion, H. Haber, G. Kane, S. Dawson, The Higgs Hunter's Guide (1990), eq. 2.11",
    "pi pi, K K, multi-meson: M. Winkler, PRD 99 (2019) 015018, arXiv:1809.01876",
    "s sbar, c cbar, gg: M. Winkler, arXiv:1809.01876; M. Spira, PPNP 95 (2017) 98, arXiv:1612.07651",
    "B -> K S, K* S: B. Batell, M. Pospelov, A. Ritz, PRD 83 (2011) 054005, arXiv:0911.4938; normalisation of "
    "I. Boiarska et al., JHEP 11 (2019) 162, arXiv:1904.10447",
    "form factors: P. Ball, R. Zwicky, hep-ph/0406232, hep-ph/0412079",
)
NOTES = (
    "S -> gamma gamma is left out: below 8 % of the width under the muon threshold, negligible above.",
    "Hadronic widths carry the uncertainty of the form factors: a factor of about two between 1 and 2 GeV.",
)
_INPUT = model_inputs("higgs_scalar")
_HBAR_GEV_S = 6.582119569e-25
M_D = mass(421)
PERTURBATIVE_FROM: float = _INPUT["multi_meson"]["highest_GeV"]


def _tabulated(name: str, m: float, thresholds: tuple[float, ...]) -> float:
    """A tabulated width; the logarithm of width/velocity is linear between points and constant down to threshold."""
    table = _INPUT[name]
    grid = np.array(table["mass_GeV"])
    slow = velocity(m, thresholds[0])
    if slow == 0.0:
        return 0.0
    scaled = np.log(np.array(table["width_GeV"]) / np.array([velocity(float(g), thresholds[0]) for g in grid]))
    return float(math.exp(np.interp(m, grid, scaled)) * slow)


def _quark_pair(quark: str, meson: float, m: float) -> float:
    """3 m_q^2 m beta^3/(8 pi v^2) with the velocity of the lightest mesons; massless QCD correction, n_f = 4."""
    a = alpha_s(m) / math.pi
    qcd = 1.0 + 5.67 * a + (35.94 - 1.36 * 4) * a**2 + (164.14 - 25.77 * 4 + 0.259 * 16) * a**3
    quark_mass = running_mass(quark, m)
    return 3.0 * quark_mass**2 * m * velocity(m, meson) ** 3 / (8.0 * math.pi * V_HIGGS**2) * qcd


def _gluon_loop(quark: float, m: float) -> complex:
    """F = -2 y [1 + (1 - y) x^2], y = 4 m_q^2/m^2; -4/3 for a heavy quark."""
    y = (2.0 * quark / m) ** 2
    if y > 1.0:
        x: complex = math.atan(1.0 / math.sqrt(y - 1.0))
    else:
        root = math.sqrt(1.0 - y)
        x = 0.5 * (math.pi + 1j * cmath.log((1.0 + root) / (1.0 - root)))
    return -2.0 * y * (1.0 + (1.0 - y) * x * x)


def _gluons(m: float) -> float:
    """(alpha_s/4 pi)^2 m^3/(8 pi v^2) |F|^2 (1 + m_t^2/(16 pi^2 v^2)), F over c, b, t at their pole masses."""
    loop = sum(_gluon_loop(quark, m) for quark in (CHARM_POLE, BOTTOM_POLE, TOP_POLE))
    top = 1.0 + TOP_POLE**2 / (16.0 * math.pi**2 * V_HIGGS**2)
    return (alpha_s(m) / (4.0 * math.pi)) ** 2 * m**3 / (8.0 * math.pi * V_HIGGS**2) * abs(loop) ** 2 * top


def widths(m: float) -> dict[str, float]:
    """Partial widths in GeV at sin(theta) = 1, open modes alone; pi_pi and K_K are the charged pairs."""
    found = {name: scalar_to_fermions(m, lepton, lepton / V_HIGGS) for name, lepton in
             (("e_e", M_E), ("mu_mu", M_MU), ("tau_tau", M_TAU))}  # fmt: skip
    if m < PERTURBATIVE_FROM:
        pions = _tabulated("pi_pi", m, (M_PI,))
        kaons = _tabulated("k_k", m, (M_K,))
        # the neutral pair opens 9 MeV earlier: its velocity is its own
        neutral = 0.5 * pions * velocity(m, M_PI0) / velocity(m, M_PI) if pions > 0.0 else 0.0
        found |= {"pi_pi": 2.0 / 3.0 * pions, "pi0_pi0": 2.0 / 3.0 * neutral}
        found |= {"K_K": 0.5 * kaons, "K0_K0": 0.5 * kaons}
        if m > 4.0 * M_PI:
            found["multi_meson"] = _INPUT["multi_meson"]["value"] * m**3 * velocity(m, 2.0 * M_PI)
    else:
        found |= {"s_sbar": _quark_pair("s", M_K, m), "c_cbar": _quark_pair("c", M_D, m), "g_g": _gluons(m)}
    return {name: value for name, value in found.items() if value > 0.0}


def _effective_coupling() -> float:
    """g of b -> s S over m_b at sin(theta) = 1: 3 m_t^2 |Vts Vtb|/(16 pi^2 v^3)."""
    top, ckm = _INPUT["top_mass_GeV"]["value"], _INPUT["vts_vtb"]["value"]
    return float(3.0 * top**2 * ckm / (16.0 * math.pi**2 * V_HIGGS**3))


def b_to_kaon(m: float, m_b: float, m_k: float, lifetime_ps: float) -> float:
    """B(B -> K S) at sin(theta) = 1: |g|^2/4 (mB^2 - mK^2)^2 f0^2 sqrt(lambda)/(16 pi mB^3) times the lifetime."""
    f0 = _INPUT["f0"]["value"] / (1.0 - m * m / _INPUT["f0"]["pole_GeV2"])
    root = math.sqrt(kallen(m_b**2, m_k**2, m * m)) if m < m_b - m_k else 0.0
    width = 0.25 * (_effective_coupling() * (m_b**2 - m_k**2) * f0) ** 2 * root / (16.0 * math.pi * m_b**3)
    return float(width * lifetime_ps * 1e-12 / _HBAR_GEV_S)


def b_to_kstar(m: float, m_b: float, m_k: float, lifetime_ps: float) -> float:
    """B(B -> K* S) at sin(theta) = 1: |g|^2/4 A0^2 lambda^(3/2)/(16 pi mB^3) times the lifetime."""
    first, second = _INPUT["a0"]["value"]
    a0 = first / (1.0 - (m / m_b) ** 2) + second / (1.0 - m * m / _INPUT["a0"]["pole_GeV2"])
    space = kallen(m_b**2, m_k**2, m * m) ** 1.5 if m < m_b - m_k else 0.0
    width = 0.25 * (_effective_coupling() * a0) ** 2 * space / (16.0 * math.pi * m_b**3)
    return float(width * lifetime_ps * 1e-12 / _HBAR_GEV_S)


def production(m: float) -> dict[str, float]:
    """Branching fractions of B decays at sin(theta) = 1."""
    plus, zero = _INPUT["tau_bplus_ps"]["value"], _INPUT["tau_b0_ps"]["value"]
    b_plus, b_zero = mass(521), mass(511)
    return {
        "bplus_to_kplus_S": b_to_kaon(m, b_plus, M_K, plus),
        "b0_to_k0_S": b_to_kaon(m, b_zero, mass(311), zero),
        "b0_to_kstar0_S": b_to_kstar(m, b_zero, M_KSTAR0, zero),
        "bplus_to_kstarplus_S": b_to_kstar(m, b_plus, mass(323), plus),
    }


def point(m: float, coupling: float) -> ModelPoint:
    """The model at mass `m` (GeV) and sin(theta) = `coupling`."""
    square = coupling * coupling
    return ModelPoint(
        model="higgs_scalar",
        mass_GeV=m,
        coupling=coupling,
        widths={name: square * value for name, value in widths(m).items()},
        production={name: square * value for name, value in production(m).items()},
        references=REFERENCES,
        notes=NOTES,
    )
