"""Smoothing of templates that few simulated events stand behind.

A Gaussian kernel on the bins, reflected at both ends so that the sum is kept, with Silverman's width for the effective
number of events. The same matrix goes over nominal values and variations: their ratio stays meaningful.
"""

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]


def silverman_width(values: FloatArray, effective_events: float) -> float:
    """Width of the kernel in bins: 0.9 min(sigma, IQR/1.34) n^(-1/5).

    B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), eq. (3.31).

    Parameters
    ----------
    values : float64 (n_bins,)
        Contents of equal bins, none negative.
    effective_events : float
        (sum of weights)^2 / sum of squared weights.

    Returns
    -------
    float

    Raises
    ------
    InputError
        For an empty or negative template.

    Examples
    --------
    >>> bins = np.arange(200) - 99.5
    >>> round(silverman_width(np.exp(-0.5 * (bins / 20) ** 2), 1000.0), 1)
    4.5
    """
    total = float(np.sum(values))
    if total <= 0.0 or np.any(values < 0.0) or effective_events <= 0.0:
        raise InputError("smoothing: the template is empty or has negative bins")
    centres = np.arange(len(values), dtype=np.float64)
    mean = float(values @ centres) / total
    sigma = np.sqrt(float(values @ (centres - mean) ** 2) / total)
    cumulative = np.cumsum(values) / total
    quartiles = np.interp([0.25, 0.75], cumulative, centres)
    spread = float(quartiles[1] - quartiles[0]) / 1.34
    width = min(float(sigma), spread) if spread > 0.0 else float(sigma)
    return float(0.9 * width * effective_events**-0.2)


def smoothing_matrix(n_bins: int, width: float) -> FloatArray:
    """Matrix that spreads each bin with a Gaussian of `width` bins; columns sum to 1.

    Parameters
    ----------
    n_bins : int
    width : float
        Standard deviation in bins; 0 gives the identity.

    Returns
    -------
    float64 (n_bins, n_bins)

    Raises
    ------
    InputError
        For a negative width.

    Examples
    --------
    >>> smoothing_matrix(5, 1.0).sum(axis=0).round(12).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if not width >= 0.0:
        raise InputError(f"smoothing width {width}: give zero or a positive number of bins")
    if width == 0.0:
        return np.eye(n_bins)
    place = np.arange(n_bins, dtype=np.float64)
    source, target = place[None, :], place[:, None]
    images = (source, -1.0 - source, 2.0 * n_bins - 1.0 - source)
    kernel = sum(np.exp(-0.5 * ((target - image) / width) ** 2) for image in images)
    result: FloatArray = np.asarray(kernel) / np.sum(kernel, axis=0)
    return result
