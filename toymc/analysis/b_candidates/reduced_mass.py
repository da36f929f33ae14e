"""The reduced mass of a pair, and back."""

import math

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]


def _daughter(mass: float) -> float:
    if not (math.isfinite(mass) and mass >= 0.0):
        raise InputError(f"daughter mass = {mass:g} GeV; it must be finite and not negative")
    return mass


def reduced_mass(mass: npt.ArrayLike, daughter_mass: float) -> FloatArray:
    """sqrt(M^2 - 4 m^2), GeV: smooth at the threshold, where M itself is not.

    Parameters
    ----------
    mass : float or float64 (...,)
        Measured or hypothetical mass M of a pair, GeV.
    daughter_mass : float
        Mass m of either daughter, GeV.

    Returns
    -------
    float64 (...,)
        Zero below the threshold, where resolution may carry a measured mass.

    Raises
    ------
    InputError
        For a mass that is NaN or negative.

    Notes
    -----
    Source: Belle II, arXiv:2306.02830.

    Examples
    --------
    >>> round(float(reduced_mass(0.5, 0.10566)), 4)
    0.4531
    """
    m = np.asarray(mass, dtype=np.float64)
    bad = np.argwhere(~(np.isfinite(m) & (m >= 0.0)))
    if len(bad):
        raise InputError(f"mass = {m[tuple(bad[0])]:g} GeV; it must be finite and not negative")
    return np.asarray(np.sqrt(np.maximum(m * m - 4.0 * _daughter(daughter_mass) ** 2, 0.0)))


def pair_mass(reduced: npt.ArrayLike, daughter_mass: float) -> FloatArray:
    """Invariant mass of a pair from its reduced mass, GeV.

    Raises
    ------
    InputError
        For a negative mass of the daughters.

    Examples
    --------
    >>> pair_mass([0.4], 0.15).tolist()
    [0.5]
    """
    return np.asarray(np.sqrt(np.asarray(reduced, dtype=np.float64) ** 2 + 4.0 * _daughter(daughter_mass) ** 2))
