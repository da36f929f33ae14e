"""Two-body pieces that several models share: phase space, pairs of fermions, photon loops of leptons."""

import cmath
import math

from toymc.constants import ALPHA

V_HIGGS = 246.22
"""Vacuum expectation value of the Higgs field in GeV, (sqrt2 G_F)^(-1/2)."""


def kallen(a: float, b: float, c: float) -> float:
    """Kallen function lambda(a, b, c), not below 0.

    Examples
    --------
    >>> kallen(1.0, 0.0, 0.0)
    1.0
    """
    return max(a * a + b * b + c * c - 2.0 * (a * b + a * c + b * c), 0.0)


def velocity(mass: float, daughter: float) -> float:
    """Velocity of each of two equal daughters, 0 below threshold.

    Examples
    --------
    >>> velocity(1.0, 0.3)
    0.8
    """
    return math.sqrt(max(1.0 - 4.0 * daughter * daughter / (mass * mass), 0.0)) if mass > 0.0 else 0.0


def scalar_to_fermions(mass: float, fermion: float, yukawa: float) -> float:
    """Width of a scalar with L = -y S fbar f: y^2 M beta^3/(8 pi) [e.g. Djouadi, Phys. Rept. 457 (2008) 1]."""
    return yukawa * yukawa * mass * velocity(mass, fermion) ** 3 / (8.0 * math.pi)


def pseudoscalar_to_fermions(mass: float, fermion: float, yukawa: float) -> float:
    """Width of a pseudoscalar with L = -i y a fbar g5 f: y^2 M beta/(8 pi)."""
    return yukawa * yukawa * mass * velocity(mass, fermion) / (8.0 * math.pi)


def vector_to_fermions(mass: float, fermion: float, coupling: float) -> float:
    """Width of a vector with L = g V_mu fbar g^mu f: g^2 M/(12 pi) (1 + 2 m^2/M^2) beta."""
    ratio = (fermion / mass) ** 2
    return coupling * coupling * mass / (12.0 * math.pi) * (1.0 + 2.0 * ratio) * velocity(mass, fermion)


def fermion_loop(tau: float) -> complex:
    """Loop function A = 2 tau [1 + (1 - tau) f(tau)] of a scalar to two photons, tau = 4 m_f^2/M^2.

    Heavy fermions give 4/3, light ones 0 [J. Gunion et al., The Higgs Hunter's Guide, eq. 2.17].

    Examples
    --------
    >>> round(fermion_loop(1e6).real, 4)
    1.3333
    """
    if tau >= 1.0:
        f: complex = math.asin(1.0 / math.sqrt(tau)) ** 2
        if tau > 1e3:  # the two terms cancel: expand in 1/tau
            return 4.0 / 3.0 * (1.0 + 7.0 / (30.0 * tau))
    else:
        root = math.sqrt(1.0 - tau)
        f = -0.25 * (cmath.log((1.0 + root) / (1.0 - root)) - 1j * math.pi) ** 2
    return 2.0 * tau * (1.0 + (1.0 - tau) * f)


def scalar_to_photons(mass: float, couplings: list[tuple[float, float]]) -> float:
    """Width to two photons through lepton loops: alpha^2 M^3/(256 pi^3) |sum (y/m) A|^2; rows (lepton mass, Yukawa)."""
    amplitude = sum((y / m) * fermion_loop(4.0 * m * m / (mass * mass)) for m, y in couplings)
    return float(ALPHA**2 * mass**3 / (256.0 * math.pi**3) * abs(amplitude) ** 2)
