"""Initial-state radiation: structure functions with soft exponentiation, one photon per leg, exact s' and angles.

The electron keeps the fraction z of its energy with the density of Jadach and Skrzypek [Z. Phys. C 49 (1991) 577]:
exact to O(alpha^2) in the leading logarithm, soft photons to all orders; photons only, no radiated pairs. The
cross-section is sigma(s) = (1 + alpha/pi (pi^2/3 - 1/2)) int dz1 dz2 D(z1) D(z2) sigma(z1 z2 s) [E. Kuraev, V. Fadin,
Sov. J. Nucl. Phys. 41 (1985) 466]. The collected photons of a leg appear as one; its angle follows the exact O(alpha)
distribution with the electron mass [G. Bonneau, F. Martin, Nucl. Phys. B 27 (1971) 381], of which each leg owns its
half of the sphere.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from toymc.constants import ALPHA, M_E, M_TAU
from toymc.errors import InputError
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

V_MIN = 1e-5
"""Radiated energy fraction below which a leg counts as not radiating (53 keV per beam at 10.58 GeV)."""
_N_LEG = 8192
_N_WEIGHT = 4096
_SPREAD_MARGIN = 0.02  # event-by-event s may lie this far below nominal: more than 20 sigma of the beam energy spread


class IsrTables(NamedTuple):
    """What the event kernel needs: inverse distribution of one leg, acceptance against the true weight, numbers."""

    leg: FloatArray  # (n+1,) (1-z)^(beta/2) at equidistant probabilities of D(z)/z above threshold
    weight: FloatArray  # (m+1,) s' sigma(s') / maximum at equidistant tau velocities 0..1
    # 2/beta; probability below which v < V_MIN; nominal s; eps = 4 m_e^2/s; ln((1+b)/(1-b)) with b^2 = 1 - eps
    numbers: FloatArray


def beta_electron(s: float) -> float:
    """Radiation parameter beta = 2 alpha/pi (ln(s/m_e^2) - 1).

    Examples
    --------
    >>> round(beta_electron(10.58**2), 4)
    0.0877
    """
    if not s > M_E**2:
        raise InputError(f"squared energy {s:g} GeV^2 given: it must be above m_e^2")
    return float(2.0 * ALPHA / np.pi * (np.log(s / M_E**2) - 1.0))


def _bracket(z: FloatArray, beta: float) -> FloatArray:
    """D(z) over its soft factor: the hard part of the Jadach-Skrzypek function."""
    second = -0.5 * (1.0 + 3.0 * z * z) * np.log(z) - (1.0 - z) ** 2
    return np.asarray(0.5 * (1.0 + z * z) + beta / 8.0 * second)


def _soft_factor(beta: float) -> float:
    return float(np.exp(0.5 * beta * (0.75 - np.euler_gamma)) / special.gamma(1.0 + 0.5 * beta))


def structure_function(z: npt.ArrayLike, s: float) -> FloatArray:
    """Density D(z, s) of the energy fraction that an electron brings to the collision.

    Parameters
    ----------
    z : array_like
        Energy fraction, 0 < z < 1.
    s : float
        Scale in GeV^2.

    Returns
    -------
    float64 array

    Raises
    ------
    InputError
        For z outside (0, 1).

    Notes
    -----
    D = exp(beta/2 (3/4 - gamma_E)) / Gamma(1 + beta/2) * beta/2 (1-z)^(beta/2 - 1)
    * [ (1+z^2)/2 + beta/8 ( -(1+3z^2)/2 ln z - (1-z)^2 ) ]; its integral is 1 up to O(beta^3).

    Examples
    --------
    >>> float(structure_function(0.5, 112.0)) < float(structure_function(0.9, 112.0))
    True
    """
    x = np.asarray(z, dtype=np.float64)
    if not (np.all(x > 0.0) and np.all(x < 1.0)):
        raise InputError("energy fraction outside (0, 1) given to the structure function")
    beta = beta_electron(s)
    return np.asarray(_soft_factor(beta) * 0.5 * beta * (1.0 - x) ** (0.5 * beta - 1.0) * _bracket(x, beta))


def vertex_factor() -> float:
    """The O(alpha) constant 1 + alpha/pi (pi^2/3 - 1/2) beside the structure functions.

    Examples
    --------
    >>> round(vertex_factor(), 5)
    1.00648
    """
    return float(1.0 + ALPHA / np.pi * (np.pi**2 / 3.0 - 0.5))


@cache
def _legendre(order: int) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(order)
    return np.asarray(x), np.asarray(w)


def _nodes(upper: FloatArray, order: int) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on [0, upper], crowded towards `upper` where (1-z) leaves the soft corner."""
    x, w = _legendre(order)
    y = 0.5 * (x + 1.0)
    # t = upper (1 - (1-y)^2): the square puts half of the points into the last quarter
    return upper[..., None] * (1.0 - (1.0 - y) ** 2), upper[..., None] * (1.0 - y) * w


def radiated_cross_section(
    s: float, sigma: Callable[[FloatArray], FloatArray], threshold: float, order: int = 200
) -> float:
    """Cross-section with initial-state radiation, by Gauss-Legendre integration over both energy fractions.

    Parameters
    ----------
    s : float
        Squared centre-of-mass energy, GeV^2.
    sigma : callable
        Cross-section without initial-state radiation as a function of s' (array in, array out).
    threshold : float
        Lowest s' in GeV^2.
    order : int
        Quadrature points in each direction.

    Returns
    -------
    float
        In the unit of `sigma`.

    Raises
    ------
    InputError
        If s is not above the threshold.

    Examples
    --------
    >>> flat = radiated_cross_section(112.0, lambda s: np.ones_like(s), 1e-4)
    >>> abs(flat / vertex_factor() - 1.0) < 1e-3
    True
    """
    if not s > threshold:
        raise InputError(f"squared energy {s:g} GeV^2 is not above the threshold {threshold:g} GeV^2")
    beta = beta_electron(s)
    # t = (1-z)^(beta/2) flattens the soft peak: D(z) dz = soft factor * bracket * dt
    limit = threshold / s
    t1, w1 = _nodes(np.array((1.0 - limit) ** (0.5 * beta)), order)
    z1 = 1.0 - t1 ** (2.0 / beta)
    t2, w2 = _nodes((1.0 - limit / z1) ** (0.5 * beta), order)
    z2 = 1.0 - t2 ** (2.0 / beta)
    inner = np.sum(w2 * _bracket(z2, beta) * sigma(z1[:, None] * z2 * s), axis=1)
    return float(vertex_factor() * _soft_factor(beta) ** 2 * np.sum(w1 * _bracket(z1, beta) * inner))


def build_isr_tables(sqrt_s: float, sigma: Callable[[FloatArray], FloatArray]) -> IsrTables:
    """Tables for the sampling of both legs of tau-pair production.

    Parameters
    ----------
    sqrt_s : float
        Nominal centre-of-mass energy, GeV.
    sigma : callable
        Cross-section without initial-state radiation as a function of s' (array in, array out), any unit.

    Returns
    -------
    IsrTables

    Raises
    ------
    InputError
        Below the tau-pair threshold.

    Examples
    --------
    >>> from toymc.generators.born import born_cross_section_fb
    >>> build_isr_tables(10.58, born_cross_section_fb).leg.shape
    (8193,)
    """
    s = sqrt_s * sqrt_s
    threshold = 4.0 * M_TAU**2
    if not s * (1.0 - _SPREAD_MARGIN) > threshold:
        raise InputError(f"centre-of-mass energy {sqrt_s:g} GeV is below the tau-pair threshold {2 * M_TAU:.4g} GeV")
    beta = beta_electron(s)
    z_min = threshold / s * (1.0 - _SPREAD_MARGIN)
    # fine in t = (1-z)^(beta/2), where the density D(z)/z is a smooth bracket of order 1
    t = (1.0 - z_min) ** (0.5 * beta) * (1.0 - (1.0 - np.linspace(0.0, 1.0, 20 * _N_LEG + 1)) ** 2)
    z = 1.0 - t ** (2.0 / beta)
    density = _bracket(z, beta) / z
    cumulative = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(t))))
    cumulative /= cumulative[-1]
    leg = np.interp(np.linspace(0.0, 1.0, _N_LEG + 1), cumulative, t)
    # the first steps of velocity sit on the threshold, where s' is 4 m^2 and sigma has its finite Coulomb step
    velocity = np.linspace(0.0, 1.0, _N_WEIGHT + 1)
    reach = np.minimum(velocity, np.sqrt(1.0 - threshold / (s * (1.0 + _SPREAD_MARGIN))))
    s_prime = threshold / (1.0 - np.maximum(reach, 1e-6) ** 2)
    weight = s_prime * sigma(s_prime)
    weight /= weight.max() * (1.0 + _SPREAD_MARGIN)
    no_photon = np.interp(V_MIN ** (0.5 * beta), t, cumulative)
    eps = 4.0 * M_E**2 / s
    # 1 - b = eps/(1 + b) without cancellation
    log_max = 2.0 * np.log1p(np.sqrt(1.0 - eps)) - np.log(eps)
    return IsrTables(leg, weight, np.array([2.0 / beta, no_photon, s, eps, log_max]))


@lean_kernel
def _sample_leg(rng, leg, numbers):
    """Radiated energy fraction v = 1 - z of one leg from D(z)/z; 0 below V_MIN."""
    u = rng.random()
    if u < numbers[1]:
        return 0.0
    x = u * (len(leg) - 1)
    i = min(int(x), len(leg) - 2)
    t = leg[i] + (x - i) * (leg[i + 1] - leg[i])
    return t ** numbers[0]


@lean_kernel
def _accept_s(rng, s_prime, s, weight, numbers):
    """True with probability proportional to s' sigma(s') / s: turns D(z)/z of both legs into D D sigma(s')."""
    ratio = 4.0 * M_TAU * M_TAU / s_prime
    if ratio >= 1.0:
        return False
    x = np.sqrt(1.0 - ratio) * (len(weight) - 1)
    i = min(int(x), len(weight) - 2)
    w = weight[i] + (x - i) * (weight[i + 1] - weight[i])
    return rng.random() * s < w * numbers[2]


@lean_kernel
def _sample_photon_angle(rng, v, eps, log_max):
    """cosine, sine of the angle between a photon of energy fraction v and its own leg (0..90 degrees).

    F = [ a sin^2 - v^2/4 sin^4 - eps/2 ((1-2v) sin^2 - v^2 cos^4) ] / (1 - b^2 cos^2)^2, a = 1 - v + v^2/2,
    b^2 = 1 - eps, eps = 4 m^2/s [Bonneau and Martin, in the form of M. Benayoun et al., Mod. Phys. Lett. A 14 (1999)
    2605].
    """
    a = 1.0 - v + 0.5 * v * v
    bound = a + 0.25 * v * v
    while True:
        # density 1/(1 - b^2 cos^2): q = 1 - b cos
        q = 2.0 / (1.0 + np.exp(rng.random() * log_max))
        w = q * (2.0 - q)
        sin2 = max(0.0, (w - eps) / (1.0 - eps))
        cos2 = 1.0 - sin2
        f = a * sin2 - 0.25 * v * v * sin2 * sin2 - 0.5 * eps * ((1.0 - 2.0 * v) * sin2 - v * v * cos2 * cos2)
        if rng.random() * bound * w < f:
            return np.sqrt(cos2), np.sqrt(sin2)


@lean_kernel
def _isr_photons(rng, v1, v2, s, numbers, photons):
    """Photons of both legs in the e+e- rest frame, e- along +z, with (P - k)^2 = (1-v1)(1-v2) s exactly.

    photons (>=2, 4) receives [px, py, pz, E]; returns how many. Energies v sqrt(s)/2 fulfil the mass condition for one
    photon and for collinear ones; else both are rescaled by the smaller root of the quadratic equation. The angles are
    those at the nominal s: its spread of 0.1 % is of no weight in their logarithm.
    """
    n = 0
    half = 0.5 * np.sqrt(s)
    for side in range(2):
        v = v1 if side == 0 else v2
        if v > 0.0:
            c, sn = _sample_photon_angle(rng, v, numbers[3], numbers[4])
            phi = 2.0 * np.pi * rng.random()
            e = v * half
            photons[n, 0] = e * sn * np.cos(phi)
            photons[n, 1] = e * sn * np.sin(phi)
            photons[n, 2] = e * c if side == 0 else -e * c
            photons[n, 3] = e
            n += 1
    if n == 2:
        product = photons[0, 3] * photons[1, 3]
        for k in range(3):
            product -= photons[0, k] * photons[1, k]
        # s - 2 sqrt(s) x (k1 + k2) + 2 x^2 k1.k2 = (1-v1)(1-v2) s
        linear = 2.0 * half * (photons[0, 3] + photons[1, 3])
        missing = s * (v1 + v2 - v1 * v2)
        x = missing / (linear + np.sqrt(max(0.0, linear * linear - 2.0 * product * missing)))
        for i in range(2):
            for k in range(4):
                photons[i, k] *= x
    return n


@kernel
def _fill_isr(rng, s, leg, weight, numbers, fractions, photons, count):
    work = np.empty((2, 4))
    for i in range(len(fractions)):
        while True:
            v1 = _sample_leg(rng, leg, numbers)
            v2 = _sample_leg(rng, leg, numbers)
            if _accept_s(rng, (1.0 - v1) * (1.0 - v2) * s, s, weight, numbers):
                break
        fractions[i, 0] = v1
        fractions[i, 1] = v2
        count[i] = _isr_photons(rng, v1, v2, s, numbers, work)
        for j in range(2):
            for k in range(4):
                photons[i, j, k] = work[j, k] if j < count[i] else 0.0


def sample_isr(
    rng: np.random.Generator, tables: IsrTables, n: int
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Draw the initial-state radiation of `n` events at the nominal energy.

    Parameters
    ----------
    rng : numpy.random.Generator
    tables : IsrTables
        From `build_isr_tables`.
    n : int

    Returns
    -------
    fractions : float64 (n, 2)
        Radiated fractions v1 (electron), v2 (positron); s' = (1-v1)(1-v2) s.
    photons : float64 (n, 2, 4)
        px, py, pz, E in GeV in the e+e- rest frame, e- along +z; unused rows are 0.
    count : int64 (n,)
        Photons in each event.

    Examples
    --------
    >>> from toymc.generators.born import born_cross_section_fb
    >>> from toymc.streams import stream
    >>> tables = build_isr_tables(10.58, born_cross_section_fb)
    >>> fractions, photons, count = sample_isr(stream(1, "doc", "test", 0), tables, 100)
    >>> photons.shape
    (100, 2, 4)
    """
    fractions = np.empty((n, 2))
    photons = np.empty((n, 2, 4))
    count = np.empty(n, dtype=np.int64)
    _fill_isr(rng, float(tables.numbers[2]), tables.leg, tables.weight, tables.numbers, fractions, photons, count)
    return fractions, photons, count
