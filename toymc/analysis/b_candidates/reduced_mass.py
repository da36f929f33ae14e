"""The reduced mass of a pair, and back."""

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]


def _product(mass: float) -> float:
    if not 0.0 <= mass < np.inf:
        raise InputError(f"mass of the products {mass} GeV: give a finite number, 0 or more")
    return mass


def reduced_mass(pair: npt.ArrayLike, product: float) -> FloatArray:
    """sqrt(M^2 - 4 m^2) of a pair of equal particles: smooth at the threshold, where M itself is not.

    Parameters
    ----------
    pair : float64 (n,)
        Invariant mass M in GeV.
    product : float
        Mass m of each of the two, GeV.

    Returns
    -------
    float64 (n,)
        GeV; NaN below the threshold.

    Raises
    ------
    InputError
        For a negative mass of the products.

    Notes
    -----
    Source: Belle II, arXiv:2306.02830.

    Examples
    --------
    >>> reduced_mass([0.5], 0.15).tolist()
    [0.4]
    """
    square = np.asarray(pair, dtype=np.float64) ** 2 - 4.0 * _product(product) ** 2
    result: FloatArray = np.sqrt(np.where(square >= 0.0, square, np.nan))
    return result


def pair_mass(reduced: npt.ArrayLike, product: float) -> FloatArray:
    """Invariant mass of a pair from its reduced mass, GeV.

    Raises
    ------
    InputError
        For a negative mass of the products.

    Examples
    --------
    >>> pair_mass([0.4], 0.15).tolist()
    [0.5]
    """
    result: FloatArray = np.sqrt(np.asarray(reduced, dtype=np.float64) ** 2 + 4.0 * _product(product) ** 2)
    return result
