"""From repeated estimates to bias, spread, pulls, coverage and linearity, each with its statistical error.

With n experiments that have an answer, m2 and m4 their central moments and k = m4 / m2^2:
mean +- s / sqrt(n); s +- s sqrt((k - (n - 3) / (n - 1)) / (4 n)), from Var(s^2) = (m4 - m2^2 (n - 3) / (n - 1)) / n,
exact for every distribution, and dividing by 2 s [M. Kendall, A. Stuart, The Advanced Theory of Statistics I, ch. 10];
median +- 1.2533 s / sqrt(n) (of a Gaussian). The pull is (estimate - truth) / error with the error of the side that
looks towards the truth [L. Demortier, L. Lyons, CDF note 5776]. Coverage +- sqrt(c (1 - c) / n), with the interval of
C. Clopper, E. Pearson, Biometrika 26 (1934) 404 beside it. Linearity is the weighted straight line through the means.

Failed experiments have no estimate. The numbers are those of the others; beside them stands what they would be if every
failure were the worst possible: an interval that misses (or holds) the truth, an estimate at one end of the range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, chi2

from toymc.errors import InputError
from toymc.inference.estimators.experiments import Estimates, FloatArray

ONE_SIGMA = 0.6826894921370859  # erf(1 / sqrt 2)
_MEDIAN_ERROR = math.sqrt(math.pi / 2.0)


@dataclass(frozen=True)
class Number:
    """A value with its statistical error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class Summary:
    """The estimator at one true value.

    Attributes
    ----------
    truth : float
    experiments, failed : int
    mean, median, spread : Number
        Of the estimates.
    stated_error : float
        Mean half width of the stated intervals.
    bias, pull_mean, pull_width, coverage : Number
    coverage_interval : (float, float)
        Clopper-Pearson at one standard deviation.
    bias_range, coverage_range : (float, float)
        With every failure at its worst; equal ends without failures.
    pulls : float64 (experiments - failed,)
    template_error : float
        How well the true value of what the experiments are drawn from is known, where that is simulated.
    """

    truth: float
    experiments: int
    failed: int
    mean: Number
    median: Number
    spread: Number
    stated_error: float
    bias: Number
    pull_mean: Number
    pull_width: Number
    coverage: Number
    coverage_interval: tuple[float, float]
    bias_range: tuple[float, float]
    coverage_range: tuple[float, float]
    pulls: FloatArray
    template_error: float = 0.0

    @property
    def failed_share(self) -> float:
        """Failed experiments of all."""
        return self.failed / self.experiments

    @property
    def total_bias_error(self) -> float:
        """Error of the bias with that of the true value."""
        return math.hypot(self.bias.error, self.template_error)

    @property
    def total_coverage_error(self) -> float:
        """Error of the coverage: a true value that is off by d errors takes phi(1) d^2 off, at one standard deviation.

        At full coverage the binomial error vanishes: that of one experiment missing is taken.
        """
        off = self.template_error / (self.spread.value or 1.0)
        lost = math.exp(-0.5) / math.sqrt(2.0 * math.pi) * off**2
        return math.hypot(max(self.coverage.error, 1.0 / self.experiments), lost)


def moments(values: FloatArray) -> tuple[Number, Number]:
    """Mean and standard deviation of a sample, with their errors.

    Examples
    --------
    >>> mean, spread = moments(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> round(mean.value, 3), round(spread.value, 3)
    (2.5, 1.291)
    """
    n = len(values)
    if n < 2:
        raise InputError(f"{n} experiments with an answer: a mean with an error needs 2 or more")
    mean = float(np.mean(values))
    s = float(np.std(values, ddof=1))
    if s == 0.0:
        return Number(mean, 0.0), Number(0.0, 0.0)
    kurtosis = float(np.mean((values - mean) ** 4)) / float(np.mean((values - mean) ** 2)) ** 2
    variance = max(kurtosis - (n - 3) / (n - 1), 0.0) / (4.0 * n)
    return Number(mean, s / math.sqrt(n)), Number(s, s * math.sqrt(variance))


def binomial_interval(passed: int, n: int, cl: float = ONE_SIGMA) -> tuple[float, float]:
    """Clopper-Pearson interval of a probability.

    Examples
    --------
    >>> low, high = binomial_interval(0, 10, 0.9)
    >>> low, round(high, 4)
    (0.0, 0.2589)
    """
    tail = 0.5 * (1.0 - cl)
    low = float(beta.ppf(tail, passed, n - passed + 1)) if passed > 0 else 0.0
    high = float(beta.ppf(1.0 - tail, passed + 1, n - passed)) if passed < n else 1.0
    return low, high


def pulls_of(answers: Estimates, truth: float) -> FloatArray:
    """(estimate - truth) / error of the side towards the truth, for the experiments with an answer."""
    value, low, high = (a[answers.ok] for a in (answers.value, answers.low, answers.high))
    error = np.where(value > truth, value - low, high - value)
    # an estimate that sits on one end of its interval and on the far side of the truth says nothing about its error
    other = np.where(value > truth, high - value, value - low)
    return (value - truth) / np.where(error > 0.0, error, other)


def summarise(answers: Estimates, truth: float, bounds: tuple[float, float] | None = None) -> Summary:
    """Bias, pulls and coverage of the estimates at one true value.

    Parameters
    ----------
    answers : Estimates
    truth : float
    bounds : (float, float), optional
        The range in which an estimate can lie, for the worst case of the failures; the range of the estimates that
        were found if not given.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If fewer than two experiments have an answer.

    Examples
    --------
    >>> result = summarise(Estimates.of([0.9, 1.1, 1.0, float("nan")], 0.1), 1.0)
    >>> result.failed, round(result.coverage_range[0], 2), round(result.coverage_range[1], 2)
    (1, 0.75, 1.0)
    """
    ok, n = answers.ok, len(answers.value)
    good = int(ok.sum())
    if good < 2:
        raise InputError(f"truth {truth:g}: {good} of {n} experiments have an answer; 2 or more are needed")
    value = answers.value[ok]
    mean, spread = moments(value)
    pulls = pulls_of(answers, truth)
    pull_mean, pull_width = moments(pulls)
    covered = int(np.sum((answers.low[ok] <= truth) & (truth <= answers.high[ok])))
    share = covered / good
    low, high = bounds if bounds is not None else (float(value.min()), float(value.max()))
    failed = n - good
    total = float(value.sum())
    return Summary(
        truth=truth,
        experiments=n,
        failed=failed,
        mean=mean,
        median=Number(float(np.median(value)), _MEDIAN_ERROR * mean.error),
        spread=spread,
        stated_error=0.5 * float(np.mean(answers.high[ok] - answers.low[ok])),
        bias=Number(mean.value - truth, mean.error),
        pull_mean=pull_mean,
        pull_width=pull_width,
        coverage=Number(share, math.sqrt(share * (1.0 - share) / good)),
        coverage_interval=binomial_interval(covered, good),
        bias_range=((total + failed * low) / n - truth, (total + failed * high) / n - truth),
        coverage_range=(covered / n, (covered + failed) / n),
        pulls=pulls,
    )


@dataclass(frozen=True)
class Line:
    """mean estimate = intercept + slope x truth, with chi2 of the straight line over `dof` and its p-value.

    `correlation` is that of slope and intercept; `p_value` is None where two points fix the line.
    """

    slope: Number
    intercept: Number
    correlation: float
    chi2: float
    dof: int
    p_value: float | None


def straight_line(x: npt.ArrayLike, y: npt.ArrayLike, error: npt.ArrayLike) -> Line:
    """Weighted least squares through points with errors in y (closed form).

    Raises
    ------
    InputError
        For fewer than two different x or an error that is not positive.

    Examples
    --------
    >>> line = straight_line([0.0, 1.0, 2.0], [0.1, 1.1, 2.1], [0.1, 0.1, 0.1])
    >>> round(line.slope.value, 6), round(line.intercept.value, 6)
    (1.0, 0.1)
    """
    at, of, sigma = (np.asarray(a, dtype=np.float64) for a in (x, y, error))
    if len(np.unique(at)) < 2:
        raise InputError("a straight line needs two different true values")
    if not np.all(sigma > 0.0):
        raise InputError("a straight line needs positive errors: more than one experiment with different answers")
    w = 1.0 / sigma**2
    s, sx, sxx = float(w.sum()), float(w @ at), float(w @ at**2)
    sy, sxy = float(w @ of), float(w @ (at * of))
    det = s * sxx - sx * sx
    slope, intercept = (s * sxy - sx * sy) / det, (sxx * sy - sx * sxy) / det
    residual = float(w @ (of - intercept - slope * at) ** 2)
    dof = len(at) - 2
    return Line(
        slope=Number(slope, math.sqrt(s / det)),
        intercept=Number(intercept, math.sqrt(sxx / det)),
        correlation=-sx / math.sqrt(s * sxx),
        chi2=residual,
        dof=dof,
        p_value=float(chi2.sf(residual, dof)) if dof > 0 else None,
    )


def linearity(points: Sequence[Summary]) -> Line | None:
    """The line through the mean estimates, None with fewer than two true values."""
    if len({p.truth for p in points}) < 2:
        return None
    errors = [math.hypot(p.mean.error, p.template_error) for p in points]
    return straight_line([p.truth for p in points], [p.mean.value for p in points], errors)
