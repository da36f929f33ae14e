"""Limits for one counting experiment: CLs, Feldman-Cousins and Bayesian, with exact tails.

The count n is Poisson of mean s + b. An uncertain background is averaged over a Gaussian truncated at zero (the hybrid
treatment of Cousins and Highland, NIM A 320 (1992) 331). The count is then the sum of a Poisson signal count and an
independent background count k with probabilities w_k, so every probability is a finite sum

    P(N <= n | s) = sum_{k <= n} w_k Q(n - k + 1, s),      Q the regularised upper incomplete gamma function,

in which the count itself orders the data: no test statistic is compared in floating point, so ties cannot go wrong.

* `cls`: s with P(N <= n | s) / P(N <= n | 0) = 1 - CL (Read, J. Phys. G 28 (2002) 2693). For n = 0 this is
  -ln(1 - CL) whatever the background.
* `bayes`: flat prior in s >= 0. The posterior tail is the same ratio (integrate the Poisson probability by parts), so
  for one channel the two limits are identical.
* `fc`: unified intervals of Feldman and Cousins (Phys. Rev. D 57 (1998) 3873), ordered by P(n | s) / P(n | s_best),
  with an uncertain background in the extension of Conrad et al. (Phys. Rev. D 67 (2003) 012002). The raw construction:
  the published tables lift a few upper ends so that they fall monotonically with b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import gammaincc, gammaln, ndtr
from scipy.stats import poisson

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]

METHODS = ("cls", "fc", "bayes")
_KEYS = {"-2": -2.0, "-1": -1.0, "0": 0.0, "+1": 1.0, "+2": 2.0}
_MAX_COUNT = 100_000


@dataclass(frozen=True)
class CountingLimit:
    """An upper limit in signal events; `lower_limit` is not zero only for two-sided (`fc`) intervals.

    `expected` are the limits of the counts at the -2..+2 sigma quantiles of the background-only distribution.
    """

    observed: int
    background: float
    background_error: float
    cl: float
    method: str
    upper_limit: float
    lower_limit: float
    expected: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "upper_limit": self.upper_limit,
            "lower_limit": self.lower_limit,
            "expected": dict(self.expected),
            "observed": self.observed,
            "background": self.background,
            "background_error": self.background_error,
            "cl": self.cl,
            "method": self.method,
        }


def background_probabilities(n_max: int, background: float, background_error: float) -> FloatArray:
    """Probability of each background count, averaged over the truncated Gaussian of the mean.

    Parameters
    ----------
    n_max : int
        Largest count.
    background, background_error : float
        Mean and standard deviation of the Gaussian before its truncation at zero, in events.

    Returns
    -------
    float64[n_max + 1]

    Notes
    -----
    Gauss-Legendre quadrature over +-9 standard deviations cut at zero, in panels of half a standard deviation or of
    half the Poisson width, whichever is smaller: exact to rounding.

    Examples
    --------
    >>> background_probabilities(2, 1.0, 0.0).round(4).tolist()
    [0.3679, 0.3679, 0.1839]
    """
    out = np.zeros(n_max + 1)
    spread = 9.0 * math.sqrt(background + background_error**2) + 9.0 * background_error
    first = 0 if n_max < 5000 else max(0, int(background - spread))
    n = np.arange(first, min(n_max, int(background + spread + 60.0)) + 1)
    if background_error == 0.0:
        out[n] = poisson.pmf(n, background)
        return out
    low = max(0.0, background - 9.0 * background_error)
    high = background + 9.0 * background_error
    panels = int(min(max(math.ceil((high - low) / (0.5 * min(background_error, math.sqrt(high) + 1.0))), 4), 4000))
    x, w = np.polynomial.legendre.leggauss(10)
    edges = np.linspace(low, high, panels + 1)
    half = 0.5 * (edges[1] - edges[0])
    mean = (edges[:-1, None] + half * (1.0 + x)).ravel()
    density = np.exp(-0.5 * ((mean - background) / background_error) ** 2) * np.tile(w, panels)
    density /= density.sum()
    for part in np.array_split(n, n.size * mean.size // 2_000_000 + 1):
        log_pmf = part[:, None] * np.log(mean) - mean - gammaln(part[:, None] + 1.0)
        out[part] = np.exp(log_pmf) @ density
    return out


def _tail(weights: FloatArray, n: int, s: float) -> float:
    """P(N <= n | s)."""
    k = np.flatnonzero(weights[: n + 1])
    return float(weights[k] @ gammaincc(n - k + 1.0, s))


def _ratio_limit(weights: FloatArray, n: int, alpha: float) -> float:
    """s with P(N <= n | s) = alpha P(N <= n | 0)."""
    if n == 0:
        return -math.log(alpha)
    none = float(weights[: n + 1].sum())
    if none < 1e-280:
        raise InputError(f"observed = {n}: its probability without signal is below 1e-280; check the background")
    high = n + 5.0
    while _tail(weights, n, high) > alpha * none:
        high *= 2.0
    return float(brentq(lambda s: _tail(weights, n, s) - alpha * none, 0.0, high, xtol=1e-12, rtol=1e-12))


class _Belt:
    """The Feldman-Cousins construction for one background, up to a largest count."""

    def __init__(self, n_top: int, background: float, background_error: float, cl: float) -> None:
        self.cl, self.background, self.error = cl, background, background_error
        s_top = self._range(n_top)[0]
        n_max = int(s_top + background + 9.0 * math.sqrt(s_top + background + background_error**2) + 20.0)
        self.counts = np.arange(n_max + 1)
        self.log_factorial = gammaln(self.counts + 1.0)
        lag = self.counts[:, None] - self.counts[None, :]
        weights = background_probabilities(n_max, background, background_error)
        self.mixing = np.where(lag >= 0, weights[np.maximum(lag, 0)], 0.0)  # [n, j]: background count n - j
        self.best = self._best_probability()

    def _range(self, n: int) -> tuple[float, float]:
        """(end, step) of the scan in s: the end is far outside the belt, the step small against its width."""
        width = math.sqrt(n + self.background + self.error**2 + 1.0)
        end = max(n - self.background, 0.0) + (4.0 - 2.0 * math.log10(1.0 - self.cl)) * width + 5.0
        return end, 0.004 * width

    def _poisson(self, mean: FloatArray) -> FloatArray:
        """Poisson probabilities of all counts, shape (len(mean), counts)."""
        log_mean = np.log(np.maximum(mean, 1e-300))[:, None]
        return np.exp(self.counts * log_mean - mean[:, None] - self.log_factorial)

    def probability(self, s: FloatArray) -> FloatArray:
        """P(n | s), shape (len(s), counts): the signal count convolved with the background count."""
        if self.error == 0.0:
            return self._poisson(s + self.background)
        return np.asarray(self._poisson(s) @ self.mixing.T, dtype=np.float64)

    def _diagonal(self, s: FloatArray) -> FloatArray:
        """P(n | s_n) for one s per count."""
        return np.asarray(np.einsum("nj,nj->n", self._poisson(s), self.mixing), dtype=np.float64)

    def _best_probability(self) -> FloatArray:
        """max over s >= 0 of P(n | s) for each n, the denominator of the ordering."""
        if self.error == 0.0:
            best = np.maximum(self.counts, self.background)
            return np.exp(self.counts * np.log(np.maximum(best, 1e-300)) - best - self.log_factorial)
        # P(n | s) has one maximum in s: golden-section search of all counts at once
        golden = 0.5 * (math.sqrt(5.0) - 1.0)
        low, high = np.zeros(self.counts.size), self.counts + 1.0
        for _ in range(40):
            a, b = high - golden * (high - low), low + golden * (high - low)
            better = self._diagonal(a) > self._diagonal(b)
            high, low = np.where(better, b, high), np.where(better, low, a)
        return np.maximum(self._diagonal(0.5 * (low + high)), self._diagonal(np.zeros(self.counts.size)))

    def accepted(self, n: int, s: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether n is in the acceptance region of each s: the counts ranked above it hold less than CL.

        Equal ranks (which differ in floating point by rounding alone) count as equal: all of them are accepted.
        """
        probability = self.probability(s)
        rank = probability / np.maximum(self.best, 1e-300)
        above = rank > rank[:, n : n + 1] * (1.0 + 1e-9)
        return np.asarray(np.where(above, probability, 0.0).sum(axis=1) < self.cl, dtype=np.bool_)

    def interval(self, n: int) -> tuple[float, float]:
        """Ends of the interval for n observed: a scan of the belt, then bisection at its outermost accepted points."""
        end, step = self._range(n)
        grid = np.arange(0.0, end + step, step)
        parts = np.array_split(grid, grid.size * self.counts.size // 4_000_000 + 1)
        inside = np.flatnonzero(np.concatenate([self.accepted(n, part) for part in parts]))
        if inside.size == 0:  # a very low fluctuation: no s of the scan accepts it
            return 0.0, 0.0
        lower = 0.0 if inside[0] == 0 else self._edge(n, grid[inside[0] - 1], grid[inside[0]])
        return lower, self._edge(n, grid[inside[-1] + 1], grid[inside[-1]])

    def _edge(self, n: int, outside: float, within: float) -> float:
        for _ in range(40):
            middle = 0.5 * (outside + within)
            if self.accepted(n, np.array([middle]))[0]:
                within = middle
            else:
                outside = middle
        return float(within)


def _intervals(
    counts: set[int], background: float, background_error: float, cl: float, method: str
) -> dict[int, tuple[float, float]]:
    """(lower, upper) for each count."""
    if method == "fc":
        belt = _Belt(max(counts), background, background_error, cl)
        return {n: belt.interval(n) for n in counts}
    weights = background_probabilities(max(counts), background, background_error)
    return {n: (0.0, _ratio_limit(weights, n, 1.0 - cl)) for n in counts}


def quantile_counts(background: float, background_error: float) -> dict[str, int]:
    """Smallest counts whose cumulative background-only probability reaches Phi(-2), ..., Phi(+2).

    >>> quantile_counts(3.0, 0.0)
    {'-2': 0, '-1': 1, '0': 3, '+1': 5, '+2': 7}
    """
    spread = math.sqrt(background + background_error**2)
    n_max = int(background + 9.0 * background_error + 8.0 * spread + 20.0)
    cumulative = np.cumsum(background_probabilities(n_max, background, background_error))
    return {key: int(np.searchsorted(cumulative, float(ndtr(z)) * (1.0 - 1e-12))) for key, z in _KEYS.items()}


def _check(observed: int, background: float, background_error: float, cl: float, method: str) -> None:
    if isinstance(observed, bool) or not math.isfinite(observed) or observed != int(observed) or observed < 0:
        raise InputError(f"observed = {observed}; it must be a count, 0 or more")
    for name, value in (("background", background), ("background error", background_error)):
        if not (math.isfinite(value) and value >= 0.0):
            raise InputError(f"{name} = {value:g}; it must be finite and not negative")
    if not 0.0 < cl < 1.0:
        raise InputError(f"confidence level {cl:g}; it must be between 0 and 1, for instance 0.9")
    if method not in METHODS:
        raise InputError(f"method '{method}'; allowed: {', '.join(METHODS)}")
    limit = 500 if method == "fc" else _MAX_COUNT
    if observed > limit or background + 9.0 * background_error > limit:
        raise InputError(
            f"observed = {observed}, background = {background:g} +- {background_error:g}: method '{method}' is for "
            f"counts up to {limit}; use the asymptotic limit (`toymc limit workspace`) above"
        )


def counting_limit(
    observed: int,
    background: float,
    background_error: float = 0.0,
    cl: float = 0.9,
    method: str = "cls",
) -> CountingLimit:
    """Upper limit on the signal of a counting experiment, observed and expected.

    Parameters
    ----------
    observed : int
        Events seen.
    background : float
        Expected background, in events.
    background_error : float
        Its standard deviation (Gaussian truncated at zero), in events; 0: the background is known.
    cl : float
        Confidence level.
    method : {"cls", "fc", "bayes"}
        See the module text for definitions and sources.

    Returns
    -------
    CountingLimit
        In signal events; exact up to rounding (the ends of `fc` intervals to 1e-9).

    Raises
    ------
    InputError
        Negative or fractional counts, negative background, a confidence level outside (0, 1), an unknown method.

    Examples
    --------
    >>> round(counting_limit(0, 0.0, cl=0.9).upper_limit, 4)
    2.3026
    >>> round(counting_limit(0, 0.0, cl=0.9, method="fc").upper_limit, 2)
    2.44
    """
    _check(observed, background, background_error, cl, method)
    counts = quantile_counts(background, background_error)
    limits = _intervals({int(observed), *counts.values()}, background, background_error, cl, method)
    lower, upper = limits[int(observed)]
    return CountingLimit(
        observed=int(observed),
        background=float(background),
        background_error=float(background_error),
        cl=cl,
        method=method,
        upper_limit=upper,
        lower_limit=lower,
        expected={key: limits[n][1] for key, n in counts.items()},
    )
