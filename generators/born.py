"""e+e- -> gamma* -> tau+ tau- at lowest order: cross-section, angular distribution, full spin correlation.

Z exchange is left out. At 10.58 GeV its interference with the photon would give a forward-backward asymmetry
-3 G_F s / (16 sqrt(2) pi alpha) = -0.75 % (massless taus), a longitudinal polarisation below 0.1 % (suppressed by
1 - 4 sin^2 theta_W), and change the rate by less than 1e-3. No electric or weak dipole moments.

Frames. l is the tau- direction in the rest frame of the pair, a the direction of the e- (or the reverse of the e+),
t the unit vector in the plane of l and a, across l, on the side of a: a = cos(Theta) l + sin(Theta) t; n = l x t.
The rest frames of both taus are reached by pure boosts along l, and one triad serves both. The pair density is
1 + sum_ij C_ij h-_i h+_j, with h the polarimeter vectors: dGamma ~ 1 + s.h for either charge.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA, GEV2_TO_FB, M_TAU
from toymc.errors import InputError
from toymc.generators.lorentz import _transverse
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]


@lean_kernel
def _sample_costheta(rng, g):
    """cos(Theta) from 1 + cos^2 + g sin^2 with g = 1/gamma^2, without rejection: a flat and a cos^2 part."""
    flat = 1.0 + g
    square = (1.0 - g) / 3.0
    c = 2.0 * rng.random() - 1.0
    if rng.random() * (flat + square) < flat:
        return c
    return np.cbrt(c)


@lean_kernel
def _correlation(c, g):
    """C_nn, C_tt, C_ll, C_tl (symmetric) at cos(Theta) = c, g = 1/gamma^2 [Y.-S. Tsai, PRD 4 (1971) 2821]."""
    c2 = c * c
    s2 = 1.0 - c2
    d = 1.0 + c2 + g * s2
    # sin(2 Theta)/(gamma D), positive with t on the side of the electron
    ctl = 2.0 * c * np.sqrt(s2 * g) / d
    return -(1.0 - g) * s2 / d, (1.0 + g) * s2 / d, (1.0 + c2 - g * s2) / d, ctl


@lean_kernel
def _sample_polarimeters(rng, cnn, ctt, cll, ctl, a, b):
    """Directions of h- and h+ in the (n, t, l) triad, from 1 + a b C_ij m_i p_j, a = |h-|, b = |h+|.

    The first is isotropic (the taus are unpolarised one by one); the second, given the first, is linear in the cosine
    to the axis C^T m, and is drawn by inverting its distribution: no rejection.
    """
    mz = 2.0 * rng.random() - 1.0
    phi = 2.0 * np.pi * rng.random()
    r = np.sqrt(1.0 - mz * mz)
    mx = r * np.cos(phi)
    my = r * np.sin(phi)
    vx = cnn * mx
    vy = ctt * my + ctl * mz
    vz = ctl * my + cll * mz
    length = np.sqrt(vx * vx + vy * vy + vz * vz)
    k = a * b * length
    u = 2.0 * rng.random() - 1.0
    # (c + 1)/2 + k (c^2 - 1)/4 = (u + 1)/2, solved so that k -> 0 is safe
    c = (2.0 * u + k) / (1.0 + np.sqrt(1.0 + k * (2.0 * u + k)))
    s = np.sqrt(max(0.0, 1.0 - c * c))
    psi = 2.0 * np.pi * rng.random()
    if length <= 0.0:
        vx, vy, vz = 0.0, 0.0, 1.0
    else:
        vx /= length
        vy /= length
        vz /= length
    ax, ay, az, bx, by, bz = _transverse(vx, vy, vz)
    cp = s * np.cos(psi)
    sp = s * np.sin(psi)
    return mx, my, mz, c * vx + cp * ax + sp * bx, c * vy + cp * ay + sp * by, c * vz + cp * az + sp * bz


@kernel
def _fill_polarimeters(rng, c, g, a, b, minus, plus):
    cnn, ctt, cll, ctl = _correlation(c, g)
    for i in range(len(minus)):
        mx, my, mz, px, py, pz = _sample_polarimeters(rng, cnn, ctt, cll, ctl, a, b)
        minus[i, 0], minus[i, 1], minus[i, 2] = mx, my, mz
        plus[i, 0], plus[i, 1], plus[i, 2] = px, py, pz


def _check_s(s: npt.ArrayLike) -> FloatArray:
    value = np.asarray(s, dtype=np.float64)
    if not np.all(value > 0.0):
        raise InputError(f"squared energy {np.min(value):g} GeV^2 given: it must be above 0")
    return value


def correlation_matrix(cos_theta: float, s: float) -> FloatArray:
    """Spin correlation C_ij of the tau pair at lowest order.

    Parameters
    ----------
    cos_theta : float
        Angle between e- and tau- in the rest frame of the pair.
    s : float
        Squared mass of the pair in GeV^2, at or above 4 m_tau^2.

    Returns
    -------
    float64 (3, 3)
        Rows for the tau-, columns for the tau+, in the order n, t, l of the module's triad.

    Raises
    ------
    InputError
        Below threshold or for |cos_theta| > 1.

    Examples
    --------
    >>> round(float(np.trace(correlation_matrix(0.3, 112.0))), 12)
    1.0
    """
    if not s >= 4.0 * M_TAU**2:
        raise InputError(f"squared energy {s:g} GeV^2 is below the tau-pair threshold {4.0 * M_TAU**2:.4g} GeV^2")
    if not abs(cos_theta) <= 1.0:
        raise InputError(f"cos_theta {cos_theta:g} is outside -1..1")
    cnn, ctt, cll, ctl = _correlation(float(cos_theta), 4.0 * M_TAU**2 / s)
    return np.array([[cnn, 0.0, 0.0], [0.0, ctt, ctl], [0.0, ctl, cll]])


def sample_polarimeters(
    rng: np.random.Generator, cos_theta: float, s: float, lengths: tuple[float, float], n: int
) -> tuple[FloatArray, FloatArray]:
    """Draw directions of the two polarimeter vectors at fixed production angle.

    Parameters
    ----------
    rng : numpy.random.Generator
    cos_theta, s : float
        As for `correlation_matrix`.
    lengths : (float, float)
        |h-| and |h+|, each in 0..1.
    n : int

    Returns
    -------
    minus, plus : float64 (n, 3)
        Unit vectors in the n, t, l triad.

    Raises
    ------
    InputError
        As `correlation_matrix`, or for a length outside 0..1.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> minus, plus = sample_polarimeters(stream(1, "doc", "test", 0), 0.0, 112.0, (1.0, 1.0), 10)
    >>> minus.shape
    (10, 3)
    """
    correlation_matrix(cos_theta, s)
    a, b = lengths
    if not (0.0 <= a <= 1.0 and 0.0 <= b <= 1.0):
        raise InputError(f"polarimeter lengths {a:g}, {b:g} given: both must be in 0..1")
    minus = np.empty((n, 3))
    plus = np.empty((n, 3))
    _fill_polarimeters(rng, float(cos_theta), 4.0 * M_TAU**2 / s, a, b, minus, plus)
    return minus, plus


def born_cross_section_fb(s: npt.ArrayLike, alpha: float = ALPHA) -> FloatArray:
    """Lowest-order cross-section 4 pi alpha^2/(3 s) * beta (3 - beta^2)/2 in fb; 0 below threshold.

    Parameters
    ----------
    s : array_like
        GeV^2, above 0.
    alpha : float
        Coupling, alpha(0) if not given.

    Returns
    -------
    float64 array

    Raises
    ------
    InputError
        For s <= 0.

    Examples
    --------
    >>> round(float(born_cross_section_fb(10.58**2)) * 1e-6, 3)
    0.772
    """
    value = _check_s(s)
    beta = np.sqrt(np.maximum(0.0, 1.0 - 4.0 * M_TAU**2 / value))
    return np.asarray(GEV2_TO_FB * 4.0 * np.pi * alpha**2 / (3.0 * value) * beta * (3.0 - beta**2) / 2.0)


def final_state_factor(s: npt.ArrayLike) -> FloatArray:
    """Factor of O(alpha) final-state radiation, virtual and real of all energies, on the tau-pair cross-section.

    1 + alpha f(beta), f = pi/(2 beta) - (3 + beta)/4 (pi/2 - 3/(4 pi)): Schwinger's interpolation between the Coulomb
    attraction at threshold and 1 + 3 alpha/(4 pi) at high energy [J. Schwinger, Particles, Sources and Fields II,
    section 5-4].

    Parameters
    ----------
    s : array_like
        GeV^2, above threshold; below it the factor is 1.

    Returns
    -------
    float64 array

    Examples
    --------
    >>> round(float(final_state_factor(10.58**2)), 4)
    1.0026
    """
    value = _check_s(s)
    beta2 = 1.0 - 4.0 * M_TAU**2 / value
    beta = np.sqrt(np.where(beta2 > 0.0, beta2, 1.0))
    f = np.pi / (2.0 * beta) - (3.0 + beta) / 4.0 * (np.pi / 2.0 - 3.0 / (4.0 * np.pi))
    return np.asarray(np.where(beta2 > 0.0, 1.0 + ALPHA * f, 1.0))

