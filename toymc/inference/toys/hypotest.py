"""CLs from toys at one value of the parameter of interest, observed and expected, with what failures could change.

p_s+b = P(q~_mu >= observed | mu) and p_b = P(q~_mu >= observed | 0), CLs their ratio (A. L. Read, J. Phys. G 28 (2002)
2693). Statistics that differ by less than the tolerance of the fits are equal and count as exceeding: with few expected
events most of the probability sits on exact ties, and a comparison of floating-point numbers would decide them by
chance. At N sigma of the background-only expectation the "observed" value is the quantile of the background-only toys
with upper tail Phi(N), as in pyhf.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy.typing as npt
from scipy.special import ndtr

from toymc.errors import InputError
from toymc.inference.limits import BANDS
from toymc.inference.model import Model
from toymc.inference.profile import FitResult, Likelihood
from toymc.inference.toys.ensemble import Hypothesis, ToyFits, hypothesis, hypothesis_data, run_toys
from toymc.inference.toys.result import FailedToy, Mapper, PValue, ToyResult

SIGNAL, BACKGROUND = "template toys with signal", "template toys of background"
"""Names of the random streams of the two ensembles; that with signal carries its value of mu as well."""


@dataclass(frozen=True)
class CLs:
    """p_s+b / p_b: its value, its statistical error, and its range over all assignments of failed toys."""

    p_signal: PValue
    p_background: PValue

    @property
    def value(self) -> float:
        """The ratio; 0/0 counts as 0 (no toy of either hypothesis reaches the observed value)."""
        return _ratio(self.p_signal.value, self.p_background.value)

    @property
    def low(self) -> float:
        """Failures below the observed value in p_s+b, above it in p_b."""
        return _ratio(self.p_signal.low, self.p_background.high)

    @property
    def high(self) -> float:
        """Failures above the observed value in p_s+b, below it in p_b; not above 1."""
        return min(_ratio(self.p_signal.high, self.p_background.low), 1.0)

    @property
    def error(self) -> float:
        """Statistical error; the two ensembles are independent."""
        s, b = self.p_signal, self.p_background
        floor = max(b.value, 0.5 / b.n_toys)
        return math.hypot(s.error, self.value * b.error) / floor


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else 0.0


@dataclass(frozen=True, eq=False)
class ToyCLs:
    """CLs at one `mu`: `observed` (None without data), `expected` at -2..+2 sigma, and the fits behind them.

    `q_observed` is q~_mu of the data. `signal` and `background` are the two ensembles: thrown at mu and at 0 with the
    nuisance parameters of the conditional fits to the data, both evaluated at mu.
    """

    mu: float
    q_observed: float | None
    observed: CLs | None
    expected: tuple[CLs, CLs, CLs, CLs, CLs]
    signal: ToyFits
    background: ToyFits

    @property
    def failed(self) -> tuple[FailedToy, ...]:
        """Failed toys of both ensembles."""
        return self.signal.failed + self.background.failed

    @property
    def failed_share(self) -> float:
        """Share of failed toys in both ensembles."""
        return len(self.failed) / (self.signal.status.size + self.background.status.size)

    @property
    def tolerance(self) -> float:
        """Differences of q~_mu that count as ties."""
        return max(self.signal.tolerance, self.background.tolerance)


class ToyTest:
    """Toy hypothesis tests of one model and data set; background-only toys and their free fits are made once.

    Parameters
    ----------
    model : Model
    n_toys : int
        Toys of each of the two hypotheses.
    seed : int
    data : mapping of channel name to counts, optional
        The model's observed counts if not given; without either only expected results.
    mapper : callable, optional
        How blocks of toys are spread, for instance `ThreadPoolExecutor(4).map`.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [0.2])), [0.0])], poi="mu")
    >>> test = ToyTest(model, 5000, seed=1).at(3.0)
    >>> abs(test.observed.value - 0.0498) < 5 * test.observed.error
    True
    """

    def __init__(
        self,
        model: Model,
        n_toys: int,
        seed: int,
        data: Mapping[str, npt.ArrayLike] | None = None,
        mapper: Mapper | None = None,
    ) -> None:
        self.likelihood = Likelihood(model)
        self.n_toys, self.seed, self.mapper = n_toys, seed, mapper
        self.has_data = data is not None or model.has_data
        self.data = hypothesis_data(self.likelihood, data)
        self.null = hypothesis(self.likelihood, self.data, 0.0)
        self._best = self.free_fit()
        self._background: ToyFits | None = None
        self.points: dict[float, ToyCLs] = {}

    def free_fit(self) -> FitResult:
        """The free fit to the data (mu not negative)."""
        fit = self.likelihood.fit(self.data, start=self.null.theta)
        if not fit.converged:
            raise InputError(f"no toys: the free fit to the data failed ({fit.message}); EDM {fit.edm:.1e}")
        return fit

    def statistic(self, where: Hypothesis) -> float:
        """q~_mu of the data at the hypothesis: the same fits as for toys."""
        if self._best.theta[0] > where.mu:
            return 0.0
        fit = self.likelihood.fit(self.data, poi=where.mu, start=where.theta)
        return max(2.0 * (fit.nll - self._best.nll), 0.0)

    def at(self, mu: float) -> ToyCLs:
        """CLs at one positive value of the parameter of interest (kept, so that asking again costs nothing)."""
        mu = float(mu)
        if mu in self.points:
            return self.points[mu]
        if not mu > 0.0:
            raise InputError(f"CLs is asked at {mu:g}; the parameter of interest must be positive and finite")
        where = hypothesis(self.likelihood, self.data, mu, start=self.null.theta)
        signal = run_toys(self.likelihood, where, [mu], self.n_toys, self.seed, f"{SIGNAL} {mu!r}", self.mapper)
        background = run_toys(
            self.likelihood, self.null, [mu], self.n_toys, self.seed, BACKGROUND, self.mapper, self._background
        )
        if not background.failed:
            self._background = background
        q_signal, q_background = signal.q_tilde(), background.q_tilde()
        q_observed = self.statistic(where) if self.has_data else None
        point = ToyCLs(
            mu=mu,
            q_observed=q_observed,
            observed=None if q_observed is None else _cls(q_signal, q_background, q_observed),
            expected=_bands(q_signal, q_background),
            signal=signal,
            background=background,
        )
        self.points[mu] = point
        return point


def _cls(signal: ToyResult, background: ToyResult, q: float) -> CLs:
    return CLs(signal.p_value(q), background.p_value(q))


def _bands(signal: ToyResult, background: ToyResult) -> tuple[CLs, CLs, CLs, CLs, CLs]:
    if background.n_failed == background.n_toys:
        raise InputError(
            f"no expected CLs: all {background.n_toys} background toys failed ({background.failed[0].reason})"
        )
    a, b, c, d, e = (_cls(signal, background, background.quantile(float(ndtr(n)))) for n in BANDS)
    return a, b, c, d, e


def toy_cls(
    model: Model,
    mu: float,
    n_toys: int,
    seed: int,
    data: Mapping[str, npt.ArrayLike] | None = None,
    mapper: Mapper | None = None,
) -> ToyCLs:
    """CLs from toys at one value of the parameter of interest.

    Parameters
    ----------
    model : Model
    mu : float
        Positive.
    n_toys : int
        Toys of each of the two hypotheses.
    seed : int
    data : mapping of channel name to counts, optional
        The model's observed counts if not given.
    mapper : callable, optional
        How blocks of toys are spread; the result does not depend on it.

    Returns
    -------
    ToyCLs

    Raises
    ------
    InputError
        For a value that is not positive, fewer than one toy, or data whose own fit fails.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [0.2])), [0.0])], poi="mu")
    >>> toy_cls(model, 3.0, 2000, seed=1).failed_share
    0.0
    """
    return ToyTest(model, n_toys, seed, data, mapper).at(mu)


@dataclass(frozen=True, eq=False)
class ToyDiscovery:
    """Background-only p-value of the data from toys: `p0` of q_0 = `q_observed`, and the toys."""

    p0: PValue
    q_observed: float
    toys: ToyFits


def toy_discovery(
    model: Model,
    n_toys: int,
    seed: int,
    data: Mapping[str, npt.ArrayLike] | None = None,
    mapper: Mapper | None = None,
) -> ToyDiscovery:
    """P(q_0 >= observed | background only) from toys thrown at the conditional fit with mu = 0.

    Parameters
    ----------
    model : Model
        With observed counts, unless `data` is given.
    n_toys, seed, data, mapper
        As in `toy_cls`.

    Returns
    -------
    ToyDiscovery

    Raises
    ------
    InputError
        Without data, or where the fits to the data fail.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [1.0])), [3.0])], poi="mu")
    >>> p0 = toy_discovery(model, 20000, seed=1).p0  # P(n >= 3 | 1) = 0.0803
    >>> abs(p0.value - 0.0803) < 4 * p0.error
    True
    """
    likelihood = Likelihood(model)
    observed = likelihood.data(data)
    null = hypothesis(likelihood, observed, 0.0)
    at_zero = likelihood.fit(observed, poi=0.0, start=null.theta)
    best = likelihood.fit(observed, start=null.theta)
    if not best.converged:
        raise InputError(f"no p-value: the free fit to the data failed ({best.message}); EDM {best.edm:.1e}")
    q = max(2.0 * (at_zero.nll - best.nll), 0.0)
    toys = run_toys(likelihood, null, [0.0], n_toys, seed, BACKGROUND, mapper)
    return ToyDiscovery(toys.q_zero().p_value(q), q, toys)
