"""Equivalent-photon approximation: flux, two-photon luminosity, closed forms of gamma gamma -> l+l-.

No event is made from these: they are what the exact generator has to give where both photons are nearly real, by an
integration that shares no code with it.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA_LO, GEV2_TO_FB, M_E
from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
_NB_GEV2 = GEV2_TO_FB * 1e-6


def photon_flux(y: npt.ArrayLike, q2_high: float) -> FloatArray:
    """Number of quasi-real photons of an electron per unit of its energy fraction y.

    Parameters
    ----------
    y : array_like
        0 < y < 1.
    q2_high : float
        Largest Q^2 in GeV^2.

    Returns
    -------
    float64 array
        alpha/(2 pi) [ (1+(1-y)^2)/y ln(Q^2_max/Q^2_min) - 2 m^2 y (1/Q^2_min - 1/Q^2_max) ], Q^2_min = m^2 y^2/(1-y)
        [V. Budnev et al., Phys. Rep. 15 (1975) 181, eq. 6.17b; S. Frixione et al., PLB 319 (1993) 339]; 0 where
        Q^2_min is above Q^2_max.

    Raises
    ------
    InputError
        For y outside (0, 1) or q2_high not positive.

    Examples
    --------
    >>> 0.01 < float(photon_flux(0.1, 1.0)) < 1.0
    True
    """
    y = np.asarray(y, dtype=np.float64)
    if not (np.all(y > 0.0) and np.all(y < 1.0)) or not q2_high > 0.0:
        raise InputError("photon flux: energy fractions between 0 and 1 and a positive q2_high are allowed")
    low = M_E**2 * y * y / (1.0 - y)
    log = (1.0 + (1.0 - y) ** 2) / y * np.log(q2_high / low)
    flux = ALPHA_LO / (2.0 * np.pi) * (log - 2.0 * M_E**2 * y * (1.0 / low - 1.0 / q2_high))
    return np.where(q2_high > low, flux, 0.0)


def luminosity_per_gev(w: npt.ArrayLike, sqrt_s: float, q2_high: float, order: int = 400) -> FloatArray:
    """Two-photon luminosity dL/dW of an e+e- collider, per unit of e+e- luminosity.

    Parameters
    ----------
    w : array_like
        Mass of the two-photon system in GeV, 0 < w < sqrt_s.
    sqrt_s : float
        GeV.
    q2_high : float
        Largest Q^2 of either photon, GeV^2.
    order : int
        Gauss-Legendre points.

    Returns
    -------
    float64 array
        1/GeV: dL/dW = 2 W/s int dy/y f(y) f(W^2/(s y)).

    Examples
    --------
    >>> bool(luminosity_per_gev(1.0, 10.58, 1.0) > luminosity_per_gev(2.0, 10.58, 1.0))
    True
    """
    w = np.atleast_1d(np.asarray(w, dtype=np.float64))
    if not (np.all(w > 0.0) and np.all(w < sqrt_s)):
        raise InputError(f"mass of the two-photon system: allowed are 0 to {sqrt_s:g} GeV")
    tau = (w / sqrt_s) ** 2
    x, weight = np.polynomial.legendre.leggauss(order)
    # y = sqrt(tau) e^eta
    half = -0.5 * np.log(tau)
    eta = half[:, None] * x
    y = np.sqrt(tau)[:, None] * np.exp(eta)
    inner = photon_flux(y, q2_high) * photon_flux(tau[:, None] / y, q2_high)
    return np.asarray(2.0 * w / sqrt_s**2 * half * np.sum(weight * inner, axis=1))


def lepton_pair_nb(w: npt.ArrayLike, mass: float) -> FloatArray:
    """gamma gamma -> l+ l- of real photons, nb.

    Notes
    -----
    4 pi alpha^2/W^2 [ (1 + 4 m^2/W^2 - 8 m^4/W^4) L - (1 + 4 m^2/W^2) beta ], L = 2 ln(W (1 + beta)/(2 m))
    [G. Breit, J. Wheeler, PR 46 (1934) 1087; V. Budnev et al., App. E].

    Examples
    --------
    >>> round(float(lepton_pair_nb(1.0, 0.1056584)), 1)
    950.2
    """
    w = np.asarray(w, dtype=np.float64)
    r = 4.0 * mass**2 / w**2
    beta = np.sqrt(np.maximum(1.0 - r, 0.0))
    log = 2.0 * np.log(w / (2.0 * mass) * (1.0 + beta))
    value = 4.0 * np.pi * ALPHA_LO**2 / w**2 * ((1.0 + r - 0.5 * r * r) * log - (1.0 + r) * beta)
    return np.asarray(np.where(r < 1.0, value, 0.0) * _NB_GEV2)


def lepton_pair_angular_nb(z: npt.ArrayLike, w: float, mass: float) -> FloatArray:
    """d sigma/dz of gamma gamma -> l+ l- of real, unpolarised photons, z = cos theta*, nb.

    Notes
    -----
    2 pi alpha^2 beta/W^2 [1 + 2 beta^2 (1-beta^2)(1-z^2) - beta^4 z^4]/(1 - beta^2 z^2)^2.

    Examples
    --------
    >>> z = np.linspace(-1.0, 1.0, 20001)
    >>> bool(abs(np.trapezoid(lepton_pair_angular_nb(z, 1.0, 0.1), z) / lepton_pair_nb(1.0, 0.1) - 1.0) < 1e-4)
    True
    """
    z = np.asarray(z, dtype=np.float64)
    beta2 = 1.0 - 4.0 * mass**2 / w**2
    shape = 1.0 + 2.0 * beta2 * (1.0 - beta2) * (1.0 - z * z) - beta2**2 * z**4
    return np.asarray(2.0 * np.pi * ALPHA_LO**2 * np.sqrt(beta2) / w**2 * shape / (1.0 - beta2 * z * z) ** 2 * _NB_GEV2)
