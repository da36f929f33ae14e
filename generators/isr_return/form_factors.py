"""e+e- -> pi+pi-, K+K-, pi+pi-pi0 below 4 GeV: vector-meson dominance with fitted amplitudes.

pi pi  sigma = pi alpha^2/(3 s) beta^3 |F|^2, F with Gounaris-Sakurai rhos [PRL 21 (1968) 244] and rho-omega mixing
K K    the same with Kuehn-Santamaria lines [Z. Phys. C 48 (1990) 445]
3 pi   sigma ~ F(s)/s^3 |sum_V g_V/(m_V^2 - s - i m_V Gamma_V)|^2 through rho pi, F the integral of |p+ x p-|^2
       |sum of rhos|^2 over the Dalitz plot, each g_V from its cross-section at the peak

The cross-sections have the running of alpha in them, as measured; the phases of the fits are those of the publications.
"""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA_LO, GEV2_TO_FB, M_K, M_PI, M_PI0, M_RHO, width
from toymc.generators.tau.resonances import breit_wigner

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
_NB_GEV2 = GEV2_TO_FB * 1e-6


@cache
def return_card() -> dict[str, Any]:
    """Contents of ``isr_return.toml``.

    Examples
    --------
    >>> return_card()["jpsi"]["pdg"]
    443
    """
    text = (resources.files("toymc.generators") / "data" / "isr_return.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _momentum(s: npt.ArrayLike, m: float) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(0.25 * np.asarray(s, dtype=np.float64) - m * m, 0.0)))


def gounaris_sakurai(s: npt.ArrayLike, mass: float, gamma: float) -> ComplexArray:
    """Line of a rho in e+e- -> pi+pi- with analytic real part, 1 at s = 0.

    Notes
    -----
    m^2 (1 + d Gamma/m)/(m^2 - s + f(s) - i m Gamma(s)), Gamma(s) = Gamma (k/k_0)^3 m/sqrt(s); f and d as in
    G. Gounaris, J. Sakurai, PRL 21 (1968) 244.

    Examples
    --------
    >>> abs(complex(gounaris_sakurai(0.0784, 0.775, 0.149))) > 1.0
    True
    """
    s = np.asarray(s, dtype=np.float64)
    k, k_0 = _momentum(s, M_PI), float(_momentum(mass * mass, M_PI))

    def h(x: FloatArray, p: FloatArray) -> FloatArray:
        return np.asarray(2.0 / np.pi * p / np.sqrt(x) * np.log((np.sqrt(x) + 2.0 * p) / (2.0 * M_PI)))

    m2 = np.asarray(mass * mass)
    h_0 = float(h(m2, np.asarray(k_0)))
    slope = h_0 * (0.125 / k_0**2 - 0.5 / mass**2) + 0.5 / (np.pi * mass**2)
    f = gamma * mass**2 / k_0**3 * (k * k * (h(s, k) - h_0) + (m2 - s) * k_0**2 * slope)
    d = (
        3.0 / np.pi * (M_PI / k_0) ** 2 * np.log((mass + 2.0 * k_0) / (2.0 * M_PI))
        + mass / (2.0 * np.pi * k_0)
        - M_PI**2 * mass / (np.pi * k_0**3)
    )
    running = gamma * (k / k_0) ** 3 * mass / np.sqrt(s)
    return np.asarray(m2 * (1.0 + d * gamma / mass) / (m2 - s + f - 1j * mass * running))


def _fixed(s: FloatArray, mass: float, gamma: float) -> ComplexArray:
    return np.asarray(mass * mass / (mass * mass - s - 1j * mass * gamma))


def pion_form_factor(s: npt.ArrayLike) -> ComplexArray:
    """Electromagnetic form factor of the charged pion, time-like.

    Parameters
    ----------
    s : array_like
        GeV^2, above 4 m_pi^2.

    Examples
    --------
    >>> 40.0 < float(abs(pion_form_factor(0.765**2)) ** 2) < 50.0
    True
    """
    card = return_card()["pion"]
    s = np.asarray(s, dtype=np.float64)
    total = np.zeros(s.shape, dtype=np.complex128)
    for i, (m, g, a) in enumerate(zip(card["mass"], card["width"], card["amplitude"], strict=True)):
        line = gounaris_sakurai(s, m, g)
        if i == 0:
            mixing = card["omega_amplitude"]
            line = line * (1.0 + mixing * _fixed(s, card["omega_mass"], card["omega_width"])) / (1.0 + mixing)
        total = total + a * line
    for n, a in enumerate(card["tower_amplitude"], start=3):
        m = card["mass"][0] * np.sqrt(1.0 + 2.0 * n)
        total = total + a * breit_wigner(s, m, card["tower_width_over_mass"] * m, M_PI, M_PI, 1)
    return total


def kaon_form_factor(s: npt.ArrayLike) -> ComplexArray:
    """Electromagnetic form factor of the charged kaon, time-like.

    Examples
    --------
    >>> float(abs(kaon_form_factor(1.0195**2))) > 50.0
    True
    """
    card = return_card()["kaon"]
    s = np.asarray(s, dtype=np.float64)
    total = np.zeros(s.shape, dtype=np.complex128)
    for charge, name, pair in ((0.5, "rho", M_PI), (1.0 / 6.0, "omega", 0.0), (1.0 / 3.0, "phi", M_K)):
        amplitudes = card["phi_amplitude" if name == "phi" else "rho_amplitude"]
        for m, g, a in zip(card[f"{name}_mass"], card[f"{name}_width"], amplitudes, strict=True):
            line = _fixed(s, m, g) if name == "omega" else breit_wigner(s, m, g, pair, pair, 1)
            total = total + charge * a * line
    return total


def _pair_nb(s: FloatArray, m: float, form: ComplexArray) -> FloatArray:
    beta = 2.0 * _momentum(s, m) / np.sqrt(s)
    return np.asarray(np.pi * ALPHA_LO**2 / (3.0 * s) * beta**3 * np.abs(form) ** 2 * _NB_GEV2)


def _dalitz_integral(energy: float, order: int = 48) -> float:
    """int |p+ x p-|^2 |sum of rhos|^2 ds12 ds13, GeV^8."""
    if energy <= 2.0 * M_PI + M_PI0:
        return 0.0
    x, weight = np.polynomial.legendre.leggauss(order)
    low, high = (2.0 * M_PI) ** 2, (energy - M_PI0) ** 2
    s12 = 0.5 * (high + low) + 0.5 * (high - low) * x[:, None]
    p = _momentum(s12, M_PI)
    lam = (energy**2 - (np.sqrt(s12) + M_PI0) ** 2) * (energy**2 - (np.sqrt(s12) - M_PI0) ** 2)
    k = np.sqrt(np.maximum(lam, 0.0)) / (2.0 * energy)  # pi0 in the whole system
    k12 = k * energy / np.sqrt(s12)
    e1, e3 = np.sqrt(p * p + M_PI**2), np.sqrt(k12 * k12 + M_PI0**2)
    s13 = M_PI**2 + M_PI0**2 + 2.0 * (e1 * e3 + p * k12 * x[None, :])
    s23 = energy**2 + 2.0 * M_PI**2 + M_PI0**2 - s12 - s13
    gamma = width(113)
    rhos = breit_wigner(s12, M_RHO, gamma, M_PI, M_PI, 1)
    rhos = rhos + breit_wigner(s13, M_RHO, gamma, M_PI, M_PI0, 1) + breit_wigner(s23, M_RHO, gamma, M_PI, M_PI0, 1)
    # |p+ x p-| = |k x p|: the momentum across the pi0 does not change under the boost along it
    integrand = (k * p) ** 2 * (1.0 - x[None, :] ** 2) * np.abs(rhos) ** 2 * 2.0 * p * k12
    return float(0.5 * (high - low) * np.sum(weight[:, None] * weight[None, :] * integrand))


def _three_pion_nb(s: FloatArray) -> FloatArray:
    card = return_card()["three_pion"]
    root = np.sqrt(s)
    grid = np.linspace(2.0 * M_PI + M_PI0, card["highest_GeV"] + 0.01, 600)
    space = np.array([_dalitz_integral(float(e)) for e in grid])
    amplitude = np.zeros(s.shape, dtype=np.complex128)
    rows = zip(card["mass"], card["width"], card["ee_times_three_pion"], card["phase_deg"], strict=True)
    for m, g, product, phase in rows:
        peak = 12.0 * np.pi * product / m**2 * _NB_GEV2
        strength = np.sqrt(peak / np.interp(m, grid, space) * m**6) * m * g
        amplitude += strength * np.exp(1j * np.radians(phase)) / (m * m - s - 1j * m * g)
    return np.asarray(np.interp(root, grid, space) / s**3 * np.abs(amplitude) ** 2)


CONTINUA = {
    "pipi_gamma": ("pion", 2.0 * M_PI),
    "kk_gamma": ("kaon", 2.0 * M_K),
    "three_pi_gamma": ("three_pion", 2.0 * M_PI + M_PI0),
}


def cross_section_nb(final: str, energy: npt.ArrayLike) -> FloatArray:
    """Cross-section of e+e- -> hadrons without radiation.

    Parameters
    ----------
    final : {"pipi_gamma", "kk_gamma", "three_pi_gamma"}
        Named as the final states with the photon.
    energy : array_like
        sqrt(s') in GeV; 0 below threshold.

    Returns
    -------
    float64 array
        nb.

    Examples
    --------
    >>> float(cross_section_nb("pipi_gamma", 0.77)) > 1000.0
    True
    """
    energy = np.asarray(energy, dtype=np.float64)
    threshold = CONTINUA[final][1]
    s = np.maximum(energy, threshold * (1.0 + 1e-9)) ** 2
    if final == "pipi_gamma":
        value = _pair_nb(s, M_PI, pion_form_factor(s))
    elif final == "kk_gamma":
        value = _pair_nb(s, M_K, kaon_form_factor(s))
    else:
        value = _three_pion_nb(s)
    return np.asarray(np.where(energy > threshold, value, 0.0))
