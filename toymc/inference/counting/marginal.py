"""Probabilities of counts averaged over what is not known: background and efficiency integrated out.

The treatment of Cousins and Highland, NIM A 320 (1992) 331. An averaged count is the sum of a Poisson signal count and
an independent background count k with probabilities w_k:

* `Known`: Poisson.
* `Sideband`: the posterior of b for a flat prior is a gamma density with shape m + 1 and scale 1/tau; then k is
  negative binomial, w_k = C(k + m, m) tau^(m+1) / (1 + tau)^(k+m+1). P(k >= n) is the incomplete beta function
  I_{1/(1+tau)}(n, m + 1): the exact binomial test of the ratio of two Poisson means (Cousins, Linnemann and Tucker,
  NIM A 595 (2008) 480, arXiv:physics/0702156). An error of tau is integrated numerically.
* `Gaussian`, `Asymmetric`, `LogNormal`: Poisson averaged by Gauss-Legendre quadrature over +-9 standard deviations in
  panels of half a standard deviation or of half the Poisson width, whichever is smaller: exact to rounding.

The efficiency is averaged by Gauss-Hermite quadrature with 24 nodes; by Gauss-Legendre quadrature with 48 nodes where
the Gaussian reaches its cut within 8 standard deviations.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, gammaln
from scipy.stats import nbinom, poisson

from toymc.inference.counting.model import (
    Asymmetric,
    Background,
    CountingChannel,
    Gaussian,
    LogNormal,
    Sideband,
)

FloatArray = npt.NDArray[np.float64]

_REACH = 9.0  # standard deviations of the background
_EFFICIENCY_REACH = 8.0


def _panels(low: float, high: float, step: float) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights in panels of at most `step`."""
    panels = int(min(max(math.ceil((high - low) / step), 4), 4000))
    x, w = np.polynomial.legendre.leggauss(10)
    edges = np.linspace(low, high, panels + 1)
    half = 0.5 * (edges[1] - edges[0])
    return (edges[:-1, None] + half * (1.0 + x)).ravel(), np.tile(w, panels) * half


def background_nodes(
    background: Gaussian | Asymmetric | LogNormal | Sideband,
) -> tuple[FloatArray, FloatArray]:
    """Nodes of the background mean (of tau for a sideband) and their probabilities.

    >>> mean, weight = background_nodes(Gaussian(5.0, 0.5))
    >>> round(float(mean @ weight), 9)
    5.0
    """
    if isinstance(background, Sideband):
        theta, weight = _panels(-_REACH, _REACH, 0.25)
        weight = weight * np.exp(-0.5 * theta**2)
        return background.tau * np.exp(background.kappa * theta), weight / weight.sum()
    if isinstance(background, LogNormal):
        width = 1.0 / math.sqrt(background.mean * math.exp(_REACH * background.kappa) + 1.0) / background.kappa
        theta, weight = _panels(-_REACH, _REACH, 0.5 * min(1.0, width + 0.02))
        weight = weight * np.exp(-0.5 * theta**2)
        return background.mean * np.exp(background.kappa * theta), weight / weight.sum()
    up, down = (background.error,) * 2 if isinstance(background, Gaussian) else (background.up, background.down)
    parts = []
    for low, high, error in (
        (max(0.0, background.mean - _REACH * down), background.mean, down),
        (background.mean, background.mean + _REACH * up, up),
    ):
        if high > low:
            mean, weight = _panels(low, high, 0.5 * min(error, math.sqrt(high) + 1.0))
            parts.append((mean, weight * np.exp(-0.5 * ((mean - background.mean) / error) ** 2)))
    mean, weight = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    return mean, weight / weight.sum()


def background_probabilities(background: Background, n_max: int) -> FloatArray:
    """Probability of each background count, averaged over what is known of its mean.

    Parameters
    ----------
    background : Background
        Constraint, in events.
    n_max : int
        Largest count.

    Returns
    -------
    float64[n_max + 1]

    Notes
    -----
    Definitions and sources: module text.

    Examples
    --------
    >>> from toymc.inference.counting.model import Known
    >>> background_probabilities(Known(1.0), 2).round(4).tolist()
    [0.3679, 0.3679, 0.1839]
    >>> background_probabilities(Sideband(0, 1.0), 2).round(4).tolist()
    [0.5, 0.25, 0.125]
    """
    out = np.zeros(n_max + 1)
    centre, width = background.scale()
    spread = _REACH * (math.sqrt(centre + width**2) + width)
    first = 0 if n_max < 5000 else max(0, int(centre - spread))
    # gamma and log-normal tails are heavier than Gaussian ones: there every count is computed
    heavy = isinstance(background, Sideband | LogNormal)
    n = np.arange(0 if heavy else first, n_max + 1 if heavy else min(n_max, int(centre + spread + 60.0)) + 1)
    if isinstance(background, Sideband):
        out[n] = _sideband(background, n)
    elif isinstance(background, Gaussian | Asymmetric | LogNormal):
        mean, weight = background_nodes(background)
        for part in np.array_split(n, n.size * mean.size // 2_000_000 + 1):
            log_pmf = part[:, None] * np.log(mean) - mean - gammaln(part[:, None] + 1.0)
            out[part] = np.exp(log_pmf) @ weight
    else:
        out[n] = poisson.pmf(n, background.mean)
    return out


def _sideband(background: Sideband, n: npt.NDArray[np.int_]) -> FloatArray:
    shape = background.count + 1.0
    if background.kappa == 0.0:
        return np.asarray(nbinom.pmf(n, shape, background.tau / (1.0 + background.tau)), dtype=np.float64)
    tau, weight = background_nodes(background)
    return np.asarray(nbinom.pmf(n[:, None], shape, tau / (1.0 + tau)) @ weight, dtype=np.float64)


def efficiency_nodes(error: float, shape: str) -> tuple[FloatArray, FloatArray]:
    """Standard scores theta at which the efficiency is averaged, and their probabilities.

    >>> theta, weight = efficiency_nodes(0.1, "lognormal")
    >>> float(weight @ theta**2).__round__(10)
    1.0
    """
    if error == 0.0:
        return np.zeros(1), np.ones(1)
    if shape == "lognormal" or error * _EFFICIENCY_REACH < 1.0:
        theta, weight = np.polynomial.hermite_e.hermegauss(24)
    else:
        x, w = np.polynomial.legendre.leggauss(48)
        theta = 0.5 * (_EFFICIENCY_REACH - 1.0 / error) + 0.5 * (_EFFICIENCY_REACH + 1.0 / error) * x
        weight = w * np.exp(-0.5 * theta**2)
    return theta, weight / weight.sum()


def efficiency_at(theta: FloatArray, error: float, shape: str) -> FloatArray:
    """Relative efficiency at standard scores theta.

    >>> efficiency_at(np.array([1.0]), 0.1, "lognormal").tolist()
    [1.1]
    """
    if shape == "lognormal":
        return np.asarray(np.exp(np.log1p(error) * theta), dtype=np.float64)
    return np.maximum(1.0 + error * theta, 0.0)


def tail(weights: FloatArray, n: int, means: FloatArray, probabilities: FloatArray) -> float:
    """P(N <= n) for background weights w_k and signal means with given probabilities.

    sum_j p_j sum_{k <= n} w_k Q(n - k + 1, s_j), Q the regularised upper incomplete gamma function: the count itself
    orders the data, no test statistic is compared in floating point, so ties cannot go wrong.

    >>> round(tail(np.array([0.5, 0.25]), 1, np.array([0.0]), np.array([1.0])), 3)
    0.75
    """
    k = np.flatnonzero(weights[: n + 1])
    return float(probabilities @ (gammaincc(n - k + 1.0, means[:, None]) @ weights[k]))


def largest_count(channel: CountingChannel, mean: float, reach: float = _REACH) -> int:
    """A count above which the channel with `mean` signal events on average has no probability worth counting.

    >>> from toymc.inference.counting.model import Known
    >>> largest_count(CountingChannel("e", 0, Known(0.0)), 0.0)
    20
    """
    centre, width = channel.background.scale()
    error = channel.efficiency_error * mean
    total = mean + centre
    heavy = 2.0 if isinstance(channel.background, LogNormal | Sideband) else 1.0
    return int(total + reach * math.sqrt(total + error**2 + (heavy * width) ** 2) + 20.0)
