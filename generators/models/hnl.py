"""Heavy neutral lepton N mixing with nu_e, nu_mu, nu_tau: widths and production in tau decays.

All formulas of K. Bondarenko, A. Boyarsky, D. Gorbunov, O. Ruchayskiy, JHEP 11 (2018) 032, arXiv:1805.08567, sections 2
and 3 (equation numbers below), at lowest order with the QCD correction of tau decays for quarks. A Dirac N has the
widths given here for N; a Majorana N decays to every state and its conjugate: twice the width.
"""

import math
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.polynomial.legendre import leggauss

from toymc.constants import (
    G_FERMI,
    HBAR_C_GEV_CM,
    M_E,
    M_ETA,
    M_ETAP,
    M_K,
    M_KSTAR,
    M_MU,
    M_OMEGA,
    M_PHI,
    M_PI,
    M_PI0,
    M_RHO,
    M_TAU,
    ctau_cm,
    mass,
)
from toymc.errors import InputError
from toymc.generators.models.inputs import model_inputs
from toymc.generators.models.point import ModelPoint
from toymc.generators.models.strong import alpha_s
from toymc.generators.models.two_body import kallen

REFERENCES = (
    "K. Bondarenko, A. Boyarsky, D. Gorbunov, O. Ruchayskiy, JHEP 11 (2018) 032, arXiv:1805.08567",
    "D. Gorbunov, M. Shaposhnikov, JHEP 10 (2007) 015, arXiv:0705.1729",
)
NOTES = (
    "Final states with several hadrons enter above 1 GeV through quarks, where these exceed the single mesons.",
    "Widths of rho, K*, omega, phi are neglected; strange and charm quarks open with beta^3 of their meson pairs.",
)
FLAVOURS = ("e", "mu", "tau")
LEPTON_MASS = dict(zip(FLAVOURS, (M_E, M_MU, M_TAU), strict=True))
_INPUT = model_inputs("hnl")
_M_D = mass(421)
_POINTS, _WEIGHTS = leggauss(60)


def _value(name: str) -> float:
    return float(_INPUT[name]["value"])


S2W = _value("sin2_theta_w")
# meson: mass, decay constant, CKM element
CHARGED_PSEUDOSCALARS = {
    "pi": (M_PI, _value("f_pi"), _value("V_ud")),
    "K": (M_K, _value("f_K"), _value("V_us")),
    "D": (mass(411), _value("f_D"), _value("V_cd")),
    "Ds": (mass(431), _value("f_Ds"), _value("V_cs")),
}
CHARGED_VECTORS = {
    "rho": (M_RHO, _value("g_rho"), _value("V_ud")),
    "Kstar": (M_KSTAR, _value("g_Kstar"), _value("V_us")),
}
NEUTRAL_PSEUDOSCALARS = {
    "pi0": (M_PI0, _value("f_pi0")),
    "eta": (M_ETA, _value("f_eta")),
    "etap": (M_ETAP, _value("f_etap")),
}
# kappa of table 9: rho 1 - 2s, omega 2s/3, phi sqrt2 (1/2 - 2s/3)
NEUTRAL_VECTORS = {
    "rho0": (M_RHO, _value("g_rho"), 1.0 - 2.0 * S2W),
    "omega": (M_OMEGA, _value("g_omega"), 2.0 * S2W / 3.0),
    "phi": (M_PHI, _value("g_phi"), math.sqrt(2.0) * (0.5 - 2.0 * S2W / 3.0)),
}


def phase_space(special: float, first: float, second: float) -> float:
    """I of eq. 3.4, 1 for massless daughters; masses in units of the mother's.

    The matrix element of a V-A decay is (p . k_special)(k_first . k_second), with `special` the outgoing antiparticle.

    Examples
    --------
    >>> round(phase_space(0.0, 0.0, 0.0), 6)
    1.0
    """
    if special + first + second >= 1.0:
        return 0.0
    low, high = (first + second) ** 2, (1.0 - special) ** 2
    # x = low + (high - low) sin^2: both ends are square roots
    angle = 0.25 * math.pi * (_POINTS + 1.0)
    x = low + (high - low) * np.sin(angle) ** 2
    jacobian = (high - low) * np.sin(2.0 * angle) * 0.25 * math.pi
    a, b, c = first * first, second * second, special * special
    inner = np.sqrt(np.maximum(x * x + a * a + b * b - 2.0 * (x * a + x * b + a * b), 0.0))
    outer = np.sqrt(np.maximum(1.0 + x * x + c * c - 2.0 * (x + c + x * c), 0.0))
    return float(np.sum(_WEIGHTS * jacobian * 12.0 / x * (x - a - b) * (1.0 + c - x) * inner * outer))


def _unit(m: float) -> float:
    return G_FERMI**2 * m**5 / (192.0 * math.pi**3)


def neutral_current(m: float, fermion: float, c1: float, c2: float) -> float:
    """Gamma(N -> nu f fbar) at |U|^2 = 1, one colour (eq. 3.2 with the sign of C2 of table 7).

    The logarithm is written so that it does not cancel for light fermions.
    """
    x = fermion / m
    if x >= 0.5:
        return 0.0
    x2 = x * x
    root = math.sqrt(1.0 - 4.0 * x2)
    log = math.log(4.0 * x2 * x2 / ((1.0 + root) * (1.0 - 3.0 * x2 + (1.0 - x2) * root))) if x > 0.0 else 0.0
    first = (1.0 - 14.0 * x2 - 2.0 * x2**2 - 12.0 * x2**3) * root + 12.0 * x2**2 * (x2**2 - 1.0) * log
    second = x2 * (2.0 + 10.0 * x2 - 12.0 * x2**2) * root + 6.0 * x2**2 * (1.0 - 2.0 * x2 + 2.0 * x2**2) * log
    return _unit(m) * (c1 * first + 4.0 * c2 * second)


def lepton_couplings(same_flavour: bool) -> tuple[float, float]:
    """C1 and C2 of table 7 for N -> nu_a l l: l of another flavour, or the same (charged current adds)."""
    sign = 1.0 if same_flavour else -1.0
    return 0.25 * (1.0 + sign * 4.0 * S2W + 8.0 * S2W**2), 0.5 * S2W * (2.0 * S2W + sign)


def _quark_couplings(up_type: bool) -> tuple[float, float]:
    if up_type:
        return 0.25 * (1.0 - 8.0 / 3.0 * S2W + 32.0 / 9.0 * S2W**2), S2W / 3.0 * (4.0 / 3.0 * S2W - 1.0)
    return 0.25 * (1.0 - 4.0 / 3.0 * S2W + 8.0 / 9.0 * S2W**2), S2W / 6.0 * (2.0 / 3.0 * S2W - 1.0)


def _to_pseudoscalar(m: float, lepton: float, meson: tuple[float, float, float]) -> float:
    """Gamma(N -> l P) (eq. 3.7); the same with m the tau and `lepton` the N is tau -> P N."""
    meson_mass, f, ckm = meson
    if m <= lepton + meson_mass:
        return 0.0
    xl, xp = (lepton / m) ** 2, (meson_mass / m) ** 2
    shape = ((1.0 - xl) ** 2 - xp * (1.0 + xl)) * math.sqrt(kallen(1.0, xp, xl))
    return G_FERMI**2 * f**2 * ckm**2 * m**3 / (16.0 * math.pi) * shape


def _to_vector(m: float, lepton: float, meson: tuple[float, float, float]) -> float:
    """Gamma(N -> l V) (eq. 3.8); with m the tau and `lepton` the N it is tau -> V N."""
    meson_mass, g, ckm = meson
    if m <= lepton + meson_mass:
        return 0.0
    xl, xv = (lepton / m) ** 2, (meson_mass / m) ** 2
    shape = ((1.0 - xl) ** 2 + xv * (1.0 + xl) - 2.0 * xv * xv) * math.sqrt(kallen(1.0, xv, xl))
    return G_FERMI**2 * g**2 * ckm**2 * m**3 / (16.0 * math.pi * meson_mass**2) * shape


def _nu_pseudoscalar(m: float, meson_mass: float, f: float) -> float:
    """Gamma(N -> nu P0) (eq. 3.9)."""
    x2 = (meson_mass / m) ** 2
    return G_FERMI**2 * f**2 * m**3 / (32.0 * math.pi) * (1.0 - x2) ** 2 if x2 < 1.0 else 0.0


def _nu_vector(m: float, meson_mass: float, g: float, kappa: float) -> float:
    """Gamma(N -> nu V0) (eq. 3.10)."""
    x2 = (meson_mass / m) ** 2
    if x2 >= 1.0:
        return 0.0
    shape = (1.0 + 2.0 * x2) * (1.0 - x2) ** 2
    return G_FERMI**2 * g**2 * kappa**2 * m**3 / (32.0 * math.pi * meson_mass**2) * shape


def _qcd(m: float) -> float:
    """QCD correction of inclusive hadronic decays, as in tau decays (eq. 3.13)."""
    a = alpha_s(m) / math.pi
    return 1.0 + a + 5.2 * a**2 + 26.4 * a**3


def leptonic(m: float, a: str) -> dict[str, float]:
    """Decays with leptons alone for mixing with flavour `a`, |U_a|^2 = 1."""
    found = {"3nu": _unit(m)}
    for b in FLAVOURS:
        same = a == b
        found[f"nu_{b}_{b}"] = neutral_current(m, LEPTON_MASS[b], *lepton_couplings(same))
        if not same:  # N -> l_a- l_b+ nu_b through the charged current
            found["nu_" + "_".join(sorted((a, b), key=FLAVOURS.index))] = _unit(m) * phase_space(
                LEPTON_MASS[b] / m, LEPTON_MASS[a] / m, 0.0
            )
    return found


def _charged_mesons(m: float, a: str) -> dict[str, float]:
    lepton = LEPTON_MASS[a]
    found = {f"{a}_{name}": _to_pseudoscalar(m, lepton, meson) for name, meson in CHARGED_PSEUDOSCALARS.items()}
    return found | {f"{a}_{name}": _to_vector(m, lepton, meson) for name, meson in CHARGED_VECTORS.items()}


def _neutral_mesons(m: float) -> dict[str, float]:
    found = {f"nu_{name}": _nu_pseudoscalar(m, *meson) for name, meson in NEUTRAL_PSEUDOSCALARS.items()}
    return found | {f"nu_{name}": _nu_vector(m, *meson) for name, meson in NEUTRAL_VECTORS.items()}


def _open(meson: float, pairs: int, m: float) -> float:
    """Threshold of strange and charm quarks: the vector current makes pairs of pseudoscalars in a P wave, beta^3."""
    return math.pow(max(1.0 - (pairs * meson / m) ** 2, 0.0), 1.5)


def _charged_quarks(m: float, a: str) -> float:
    """N -> l_a u dbar over the light and charm quarks, massless beside the thresholds of the mesons."""
    light = 3.0 * _unit(m) * phase_space(0.0, LEPTON_MASS[a] / m, 0.0)
    left = max(m - LEPTON_MASS[a], 1e-9)  # what is left for the mesons
    return light * (
        _value("V_ud") ** 2
        + _value("V_us") ** 2 * _open(M_K + M_PI, 1, left)
        + _value("V_cd") ** 2 * _open(_M_D, 1, left)
        + _value("V_cs") ** 2 * _open(_M_D + M_K, 1, left)
    )


def _neutral_quarks(m: float) -> float:
    up, down = (3.0 * neutral_current(m, 0.0, *_quark_couplings(kind)) for kind in (True, False))
    return up + down + down * _open(M_K, 2, m) + up * _open(_M_D, 2, m)


def _hadronic(m: float, singles: dict[str, float], quarks: float, name: str) -> dict[str, float]:
    """Single mesons, and what quarks give beyond them."""
    total = math.fsum(singles.values())
    if m >= _value("quarks_from_GeV"):
        rest = quarks * _qcd(m) - total
        if rest > 0.0:
            return singles | {name: rest}
    return singles


def widths(m: float, a: str) -> dict[str, float]:
    """Partial widths of a Dirac N in GeV at |U_a|^2 = 1, open modes alone."""
    found = leptonic(m, a)
    charged = _hadronic(m, _charged_mesons(m, a), _charged_quarks(m, a), f"{a}_hadrons")
    neutral = _hadronic(m, _neutral_mesons(m), _neutral_quarks(m), "nu_hadrons")
    return {name: value for name, value in (found | charged | neutral).items() if value > 0.0}


@cache
def _tau_width() -> float:
    return HBAR_C_GEV_CM / ctau_cm(15)


def production(m: float, mixing: Mapping[str, float]) -> dict[str, float]:
    """Branching fractions of tau decays to N (sections 2.2 and 2.3)."""
    u_tau = mixing.get("tau", 0.0)
    total = _tau_width()
    unit, x = _unit(M_TAU), m / M_TAU
    found = {}
    for name in ("pi", "K"):
        found[f"tau_to_{name}_N"] = u_tau * _to_pseudoscalar(M_TAU, m, CHARGED_PSEUDOSCALARS[name]) / total
    for name in ("rho", "Kstar"):
        found[f"tau_to_{name}_N"] = u_tau * _to_vector(M_TAU, m, CHARGED_VECTORS[name]) / total
    for flavour in ("e", "mu"):
        lepton = LEPTON_MASS[flavour] / M_TAU
        # N in the place of nu_tau (special: the antineutrino), or of the antineutrino of the lepton (special: N)
        as_tau = u_tau * phase_space(0.0, x, lepton)
        as_lepton = mixing.get(flavour, 0.0) * phase_space(x, lepton, 0.0)
        found[f"tau_to_{flavour}_nu_N"] = unit * (as_tau + as_lepton) / total
    return {name: value for name, value in found.items() if value > 0.0}


def mixed_point(m: float, mixing: Mapping[str, float], dirac: bool = False) -> ModelPoint:
    """The model at mass `m` (GeV) for any |U_e|^2, |U_mu|^2, |U_tau|^2.

    Raises
    ------
    InputError
        For an unknown flavour or a negative |U|^2.
    """
    for flavour, value in mixing.items():
        if flavour not in FLAVOURS or not value >= 0.0:
            raise InputError(f"mixing {flavour} = {value}: flavours are e, mu, tau, |U|^2 is not negative")
    factor = 1.0 if dirac else 2.0
    found: dict[str, float] = {}
    for flavour, square in mixing.items():
        if square > 0.0:
            for name, value in widths(m, flavour).items():
                found[name] = found.get(name, 0.0) + factor * square * value
    return ModelPoint(
        model="hnl",
        mass_GeV=m,
        coupling=math.fsum(mixing.values()),
        widths=found,
        production=production(m, mixing),
        references=REFERENCES,
        notes=(*NOTES, "Dirac" if dirac else "Majorana"),
    )
