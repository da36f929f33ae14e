"""The e+e- centre-of-mass frame of the analysis, and one-line kinematic variables in it.

basf2's CMS frame has its z axis along the electron beam. With beams that cross at an angle, a plain boost leaves that
beam some milliradians away from z; polar angles in the CMS are therefore taken to `beam_axis_cms`.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import M_TAU
from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]


def check_frame(boost: npt.ArrayLike, sqrt_s: float) -> FloatArray:
    """Boost vector as float64 (3,), checked.

    Raises
    ------
    InputError
        For a vector of another length, a speed that is not below that of light, or an energy that is not positive.

    Examples
    --------
    >>> check_frame((0.0415, 0.0, 0.2727), 10.58).shape
    (3,)
    """
    vector = np.array(boost, dtype=np.float64)
    if vector.shape != (3,) or not np.all(np.isfinite(vector)) or float(vector @ vector) >= 1.0:
        raise InputError(f"boost {vector.tolist()}: give the CMS velocity (bx, by, bz) in the laboratory, |b| < 1")
    if not (np.isfinite(sqrt_s) and sqrt_s > 0.0):
        raise InputError(f"sqrt_s = {sqrt_s} GeV: give the positive centre-of-mass energy")
    return vector


def beam_axis_cms(boost: npt.ArrayLike, electron: npt.ArrayLike | None = None) -> FloatArray:
    """Direction of the electron beam in the centre of mass.

    Without the direction in the laboratory the beams are taken as symmetric about the z axis (Belle II): with massless
    beams at half crossing angle phi, P = ((E1 + E2) sin phi, 0, (E1 - E2) cos phi), so that the boost alone fixes phi;
    exact up to m_e^2/E^2 < 1e-8. The transverse part of the boost defines the crossing plane.

    Parameters
    ----------
    boost : array-like (3,)
        Velocity of the CMS in the laboratory, units of c.
    electron : array-like (3,), optional
        Direction of the electron beam in the laboratory, for beams that are not symmetric about z (Belle).

    Returns
    -------
    float64 (3,)
        Unit vector.

    Raises
    ------
    InputError
        For a boost or a direction that cannot be.

    Examples
    --------
    >>> beam_axis_cms((0.0, 0.0, 0.28)).tolist()
    [0.0, 0.0, 1.0]
    """
    b = check_frame(boost, 1.0)
    p = _bisected_electron(b) if electron is None else np.array(electron, dtype=np.float64)
    if p.shape != (3,) or not np.all(np.isfinite(p)) or not np.any(p):
        raise InputError(f"electron beam direction {p.tolist()}: give three components, not all zero")
    p /= np.linalg.norm(p)
    gamma = 1.0 / np.sqrt(1.0 - b @ b)
    p_cms = p + (gamma * gamma / (1.0 + gamma) * (b @ p) - gamma) * b
    axis: FloatArray = p_cms / np.linalg.norm(p_cms)
    return axis


def _bisected_electron(b: FloatArray) -> FloatArray:
    """Direction of the electron beam in the laboratory if z is the bisector of the beams."""
    sin_phi = float(np.hypot(b[0], b[1]))
    across = b[:2] / sin_phi if sin_phi > 0.0 else np.zeros(2)
    return np.array([across[0] * sin_phi, across[1] * sin_phi, np.sqrt(1.0 - sin_phi**2)])


def pseudo_mass(mass: FloatArray, energy_cms: FloatArray, momentum_cms: FloatArray, sqrt_s: float) -> FloatArray:
    """M_min = sqrt(M^2 + 2 (sqrt(s)/2 - E)(E - p)) of a tau's visible decay products [arXiv:2305.19116].

    It does not exceed m_tau for a perfect detector without initial-state radiation.

    Parameters
    ----------
    mass, energy_cms, momentum_cms : float64 (n,)
        Invariant mass, CMS energy and CMS momentum of the visible system, GeV.
    sqrt_s : float
        GeV.

    Returns
    -------
    float64 (n,)
        GeV; NaN where the square is negative.

    Examples
    --------
    >>> round(float(pseudo_mass(np.array(1.2), np.array(3.0), np.array(2.75), 10.58)), 3)
    1.608
    """
    square = mass**2 + 2.0 * (0.5 * sqrt_s - energy_cms) * (energy_cms - momentum_cms)
    result: FloatArray = np.sqrt(np.where(square >= 0.0, square, np.nan))
    return result


def beam_constrained_mass(momentum_cms: FloatArray, sqrt_s: float) -> FloatArray:
    """Mbc = sqrt(s/4 - p*^2) in GeV; NaN where p* exceeds sqrt(s)/2 (basf2 variable ``Mbc``).

    Examples
    --------
    >>> round(float(beam_constrained_mass(np.array(0.33), 10.58)), 4)
    5.2797
    """
    square = 0.25 * sqrt_s**2 - np.asarray(momentum_cms) ** 2
    result: FloatArray = np.sqrt(np.where(square >= 0.0, square, np.nan))
    return result


def delta_energy(energy_cms: FloatArray, sqrt_s: float) -> FloatArray:
    """DeltaE = E* - sqrt(s)/2 in GeV (basf2 variable ``deltaE``).

    Examples
    --------
    >>> round(float(delta_energy(np.array(5.3), 10.58)), 3)
    0.01
    """
    result: FloatArray = np.asarray(energy_cms) - 0.5 * sqrt_s
    return result


def pseudo_rest_frame_boost(sqrt_s: float) -> tuple[float, float]:
    """Gamma and beta of a tau that carries sqrt(s)/2 (the pseudo-rest frame's assumption, arXiv:2212.03634).

    Raises
    ------
    InputError
        Below the tau-pair threshold.

    Examples
    --------
    >>> round(pseudo_rest_frame_boost(10.58)[0], 3)
    2.977
    """
    gamma = 0.5 * sqrt_s / M_TAU
    if not gamma > 1.0:
        raise InputError(f"sqrt_s = {sqrt_s} GeV is below the tau-pair threshold {2 * M_TAU:.4f} GeV")
    return gamma, float(np.sqrt(1.0 - 1.0 / gamma**2))
