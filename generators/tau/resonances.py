"""Resonance propagators of the hadronic currents: energy-dependent widths, tabulated in s.

All lines of all currents stand side by side in one table with a uniform grid in s from 0 to m_tau^2, so that a current
reads neighbouring memory. Linear interpolation between 4096 steps is good to 1e-4 of the narrowest line (K*(892)); the
omega and the phi are too narrow for the grid and are evaluated directly (fixed width).
"""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import M_K, M_K0, M_PI, M_PI0, M_TAU
from toymc.generators.tau.tables import OMEGA_PHI, PARAMETERS
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

# Columns of the table.
RHO_2PI = 0
KPI0_VECTOR = 1
KPI0_TIME = 2
PIK0_VECTOR = 3
PIK0_TIME = 4
A1_CLEO = 5
CHARGED_S = 6  # rho + rho' with s-wave couplings, pi+ pi-
CHARGED_D = 7  # the same with d-wave couplings
CHARGED_SCALAR = 8  # sigma + f0 -> pi+ pi-
CHARGED_TENSOR = 9  # f2 -> pi+ pi-
NEUTRAL_S = 10  # rho -> pi- pi0
NEUTRAL_D = 11
NEUTRAL_SCALAR = 12  # sigma, f0 -> pi0 pi0
NEUTRAL_TENSOR = 13
A1_KS = 14
RHO_AXIAL = 15
KSTAR_AXIAL = 16
RHO_VECTOR = 17
KSTAR_VECTOR = 18
K1_TO_KSTAR = 19
K1_TO_RHO = 20
N_LINES = 21


@cache
def form_factors() -> dict[str, Any]:
    """Parameters of ``generators/data/tau_form_factors.toml``.

    Examples
    --------
    >>> form_factors()["pi_pi0"]["mass"][0]
    0.7746
    """
    text = resources.files("toymc.generators").joinpath("data", "tau_form_factors.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _momentum(s: FloatArray | float, m1: float, m2: float) -> FloatArray:
    value: FloatArray = np.sqrt(np.maximum((s - (m1 + m2) ** 2) * (s - (m1 - m2) ** 2), 0.0) / (4.0 * np.asarray(s)))
    return np.where(np.asarray(s) > (m1 + m2) ** 2, value, 0.0)


def breit_wigner(s: FloatArray, mass: float, width: float, m1: float, m2: float, wave: int) -> ComplexArray:
    """Breit-Wigner M^2/(M^2 - s - i sqrt(s) Gamma(s)), Gamma(s) = Gamma (M^2/s) (p/p_M)^(2 l + 1).

    Parameters
    ----------
    s : float64
        Squared mass in GeV^2, > 0.
    mass, width : float
        GeV.
    m1, m2 : float
        Daughters whose momentum p makes the width run, GeV.
    wave : int
        Orbital angular momentum l.

    Returns
    -------
    complex128
        The propagator; 1 at s -> 0 [J.H. Kuehn, A. Santamaria, Z. Phys. C48 (1990) 445 eq. 2.6; hep-ex/9902022 eq. A9].

    Examples
    --------
    >>> value = breit_wigner(np.array([0.6]), 0.7746, 0.149, 0.13957, 0.13498, 1)[0]
    >>> bool(abs(value.imag / value.real) > 50)
    True
    """
    p = _momentum(s, m1, m2)
    at_pole = float(_momentum(mass * mass, m1, m2))
    running = width * mass * mass / np.sqrt(s) * (p / at_pole) ** (2 * wave + 1)
    result: ComplexArray = np.asarray(mass * mass / (mass * mass - s - 1j * running), dtype=np.complex128)
    return result


def _fixed(s: FloatArray, mass: float, width: float) -> ComplexArray:
    """Constant width, 1 at s = 0 [hep-ph/9503474 eq. 31]."""
    pole = mass * mass - 1j * mass * width
    result: ComplexArray = np.asarray(pole / (pole - s), dtype=np.complex128)
    return result


def _weighted(lines: list[ComplexArray], weights: list[float]) -> ComplexArray:
    total = np.zeros_like(lines[0])
    for weight, line in zip(weights, lines, strict=True):
        total += weight * line
    return total / sum(weights)


def _two_pion(s: FloatArray, cards: dict[str, Any]) -> ComplexArray:
    card = cards["pi_pi0"]
    total = np.zeros_like(s, dtype=np.complex128)
    for mass, width, a, phase in zip(card["mass"], card["width"], card["amplitude"], card["phase_pi"], strict=True):
        total += a * np.exp(1j * np.pi * phase) * breit_wigner(s, mass, width, M_PI0, M_PI, 1)
    return total


def _kaon_pion(s: FloatArray, cards: dict[str, Any], kaon: float, pion: float) -> tuple[ComplexArray, ComplexArray]:
    """Vector form factor F and coefficient of Q^mu: -Delta sum(w BW/M^2)/sum(w) + c_S BW_S, without the Delta.

    The current is F (p_K - p_pi)^mu + T Q^mu with Delta = m_K^2 - m_pi^2 the product (p_K - p_pi).Q; the vector mesons
    propagate with g - Q Q/M^2. Returned are F and T.
    """
    card = cards["k_pi"]
    weights = np.array(card["vector_amplitude"]) * np.exp(1j * np.array(card["vector_phase_rad"]))
    lines = [
        breit_wigner(s, m, g, kaon, pion, 1) for m, g in zip(card["vector_mass"], card["vector_width"], strict=True)
    ]
    norm = weights.sum()
    vector = sum((w * b for w, b in zip(weights, lines, strict=True)), np.zeros_like(lines[0])) / norm
    pieces = [w * b / m**2 for w, b, m in zip(weights, lines, card["vector_mass"], strict=True)]
    delta = kaon * kaon - pion * pion
    scalar = breit_wigner(s, card["scalar_mass"], card["scalar_width"], kaon, pion, 0)
    # sign of the scalar: for (p_K - p_pi) the current of belle07 reads F_V [(p_K-p_pi) - Delta/s Q] + (Delta/s) F_S Q
    time = card["scalar_coupling"] * scalar - delta * sum(pieces, np.zeros_like(lines[0])) / norm
    return vector, time


def a1_running_width(s: FloatArray, card: dict[str, Any]) -> FloatArray:
    """M Gamma(s) of the a1 in the CLEO model: 3pi, pi 2pi0 and K* K channels (GeV^2).

    Examples
    --------
    >>> card = form_factors()["three_pi"]["a1"]
    >>> bool(a1_running_width(np.array([1.331**2]), card)[0] > 0.5)
    True
    """
    total = np.zeros_like(s)
    for name in ("charged", "neutral"):
        x = s - card[f"{name}_threshold"]
        a, b, c = card[f"{name}_low"]
        low = a * x**3 * (1.0 + b * x + c * x * x)
        high = sum((k * s**n for n, k in enumerate(card[f"{name}_high"])), np.zeros_like(s))
        total += np.where(x <= 0.0, 0.0, np.where(s < card["match"], low, high))
    m1, m2 = card["kstar_k_mass"]
    total += card["kstar_k_coupling2"] * _momentum(s, m1, m2) / np.sqrt(s)
    result: FloatArray = card["coupling2"] * total
    return result


def _a1_kuehn_santamaria(s: FloatArray, card: dict[str, Any]) -> ComplexArray:
    def g(x: FloatArray) -> FloatArray:
        y = x - 9.0 * card["pion_mass"] ** 2
        a, b, c = card["low"]
        low = a * y**3 * (1.0 + b * y + c * y * y)
        k = card["high"]
        high = k[0] * x + k[1] + k[2] / x + k[3] / (x * x)
        threshold = (card["rho_mass"] + card["pion_mass"]) ** 2
        result: FloatArray = np.where(y <= 0.0, 0.0, np.where(x < threshold, low, high))
        return result

    mass, width = card["mass"], card["width"]
    running = mass * width * g(s) / g(np.array([mass * mass]))
    line: ComplexArray = mass * mass / (mass * mass - s - 1j * running)
    return line


def _three_pion_lines(s: FloatArray, card: dict[str, Any], table: ComplexArray) -> None:
    def polar(amplitude: float, phase: float) -> complex:
        return complex(amplitude * np.exp(1j * np.pi * phase))

    for charged, first in ((True, CHARGED_S), (False, NEUTRAL_S)):
        rho_pair = (M_PI, M_PI) if charged else (M_PI0, M_PI)
        pair = (M_PI, M_PI) if charged else (M_PI0, M_PI0)
        rhos = [breit_wigner(s, m, g, *rho_pair, 1) for m, g in zip(card["rho_mass"], card["rho_width"], strict=True)]
        for wave, column in (("s", first), ("d", first + 1)):
            couplings = map(polar, card[f"{wave}_amplitude"], card[f"{wave}_phase_pi"])
            table[:, column] = sum((c * line for c, line in zip(couplings, rhos, strict=True)), np.zeros_like(rhos[0]))
        for name in ("sigma", "f0"):
            coupling = polar(card[f"{name}_amplitude"], card[f"{name}_phase_pi"])
            table[:, first + 2] += coupling * breit_wigner(s, card[f"{name}_mass"], card[f"{name}_width"], *pair, 0)
        tensor = breit_wigner(s, card["f2_mass"], card["f2_width"], *pair, 2)
        table[:, first + 3] = polar(card["f2_amplitude"], card["f2_phase_pi"]) * tensor


def build_lines(cards: dict[str, Any], steps: int) -> ComplexArray:
    """Table of all propagators, complex128 (steps + 1, N_LINES), on s = i m_tau^2/steps.

    Parameters
    ----------
    cards : dict
        As `form_factors()`.
    steps : int
        Number of grid steps.

    Examples
    --------
    >>> build_lines(form_factors(), 64).shape
    (65, 21)
    """
    s: FloatArray = np.arange(steps + 1, dtype=np.float64) * (M_TAU * M_TAU / steps)
    s[0] = 1e-6 * s[1]
    table = np.zeros((steps + 1, N_LINES), dtype=np.complex128)
    table[:, RHO_2PI] = _two_pion(s, cards)
    table[:, KPI0_VECTOR], table[:, KPI0_TIME] = _kaon_pion(s, cards, M_K, M_PI0)
    table[:, PIK0_VECTOR], table[:, PIK0_TIME] = _kaon_pion(s, cards, M_K0, M_PI)
    three = cards["three_pi"]
    mass = three["a1"]["mass"]
    table[:, A1_CLEO] = mass**2 / (mass**2 - s - 1j * a1_running_width(s, three["a1"]))
    _three_pion_lines(s, three, table)
    card = cards["kaons"]
    pion, kaon = card["pion_mass"], card["kaon_mass"]
    table[:, A1_KS] = _a1_kuehn_santamaria(s, card["a1"])
    for name, column, m1 in (
        ("rho_axial", RHO_AXIAL, pion),
        ("kstar_axial", KSTAR_AXIAL, kaon),
        ("rho_vector", RHO_VECTOR, pion),
        ("kstar_vector", KSTAR_VECTOR, kaon),
    ):
        parameters = zip(card[f"{name}_mass"], card[f"{name}_width"], strict=True)
        lines = [breit_wigner(s, m, g, m1, pion, 1) for m, g in parameters]
        table[:, column] = _weighted(lines, card[f"{name}_weight"])
    lines = [_fixed(s, m, g) for m, g in zip(card["k1_mass"], card["k1_width"], strict=True)]
    table[:, K1_TO_KSTAR] = _weighted(lines, card["k1_to_kstar_weight"])
    table[:, K1_TO_RHO] = _weighted(lines, card["k1_to_rho_weight"])
    return table


@kernel
def _line(lines, column, s):
    """One propagator at s, linear between the grid points (s in [0, m_tau^2])."""
    x = s * ((lines.shape[0] - 1) / (M_TAU * M_TAU))
    i = min(max(int(x), 0), lines.shape[0] - 2)
    f = x - i
    return lines[i, column] * (1.0 - f) + lines[i + 1, column] * f


@kernel
def _omega_phi(reals, s):
    """Weighted omega + phi of fixed width (parameters: mass^2, mass*width of both, weights normalised)."""
    first = complex(reals[PARAMETERS, OMEGA_PHI], -reals[PARAMETERS, OMEGA_PHI + 1])
    second = complex(reals[PARAMETERS, OMEGA_PHI + 2], -reals[PARAMETERS, OMEGA_PHI + 3])
    omega = reals[PARAMETERS, OMEGA_PHI + 4] * first / (first - s)
    return omega + reals[PARAMETERS, OMEGA_PHI + 5] * second / (second - s)


def omega_phi_parameters(cards: dict[str, Any]) -> FloatArray:
    """Parameters of `_omega_phi`: float64 (6,).

    Examples
    --------
    >>> omega_phi_parameters(form_factors()).shape
    (6,)
    """
    card = cards["kaons"]
    (m0, m1), (g0, g1), (w0, w1) = card["omega_phi_mass"], card["omega_phi_width"], card["omega_phi_weight"]
    return np.array([m0 * m0, m0 * g0, m1 * m1, m1 * g1, w0 / (w0 + w1), w1 / (w0 + w1)])
