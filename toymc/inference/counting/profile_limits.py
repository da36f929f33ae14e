"""Limits with profiled nuisances: the frequentist recipe, p-values from all outcomes or from toys.

For each tested mu the nuisances are those that fit the data best at that mu (for CLb: at mu = 0); toys are thrown
there, auxiliary measurements included, and fitted like the data ("conditional maximum likelihood", the LHC recipe:
ATL-PHYS-PUB-2011-11, CMS-NOTE-2011-005; Cranmer, arXiv:1503.07622). Compared with averaged nuisances it needs no prior;
its coverage is not guaranteed at other values of the nuisances, but checked by toys (`tests/validation`).

* `cls`, `clsb`: P(q~_mu >= observed | mu) / P(q~_mu >= observed | 0), and the numerator alone.
* `fc`: mu is in the interval if P(t~_mu >= observed | mu) > 1 - CL (the profiled construction of Feldman and Cousins's
  ordering: Cranmer, PHYSTAT 2005; Sen, Walker and Woodroofe, Statistica Sinica 19 (2009) 301).

The upper limit is the largest mu that is not excluded. Expected limits are those of the quantiles of q~_mu without
signal, the nuisances at their background-only fit; for `fc` of one channel those of the quantiles of the count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from toymc.errors import InputError
from toymc.inference.counting.ensembles import Ensemble, Enumerator, ToyThrower
from toymc.inference.counting.marginal_limits import BANDS, quantile_counts, with_counts
from toymc.inference.counting.model import CountingChannel, CountingModel, Known
from toymc.inference.counting.profile import Q_MU, Q_ZERO, T_MU, Profile
from toymc.inference.toys.result import FailedToy, Mapper, PValue, ToyResult

FloatArray = npt.NDArray[np.float64]

_EXACT_GRID, _TOY_GRID = 60, 16
_DOUBLINGS = 12


@dataclass(frozen=True)
class ProfileAnswer:
    """Interval, bands, how it was found; with toys: error of the upper end, toys per test, all toys, failed ones."""

    lower: float
    upper: float
    expected: dict[str, float]
    how: str
    error: float
    n_toys: int
    thrown: int
    failed: tuple[FailedToy, ...]


class _Test:
    """Tests of signal strengths against the model's data."""

    def __init__(
        self,
        model: CountingModel,
        method: str,
        bands: bool,
        top: float,
        n_toys: int,
        seed: int,
        mapper: Mapper | None,
    ) -> None:
        self.method, self.bands, self.profile = method, bands, Profile(model)
        self.data = self.profile.observed()
        self.exact = Enumerator.possible(model, top)
        self.source: Enumerator | ToyThrower
        if self.exact:
            self.source = Enumerator(self.profile, top)
        else:
            self.source = ToyThrower(self.profile, n_toys, seed, mapper)
        self.failed: list[FailedToy] = []
        self.thrown = 0
        self._levels: dict[float, FloatArray] = {}
        self._errors: dict[float, float] = {}

    def observed(self, mu: float, which: int) -> float:
        """The statistic of the data."""
        return float(self.profile.statistic(self.data, mu, which)[0][0])

    def ensemble(self, mu: float, which: int, true_mu: float) -> Ensemble:
        """The statistic that tests mu, for experiments at the conditional fit of `true_mu`."""
        result = self.source.ensemble(mu, which, self.profile.conditional(true_mu))
        if isinstance(result, ToyResult):
            self.thrown += result.n_toys
            self.failed += [replace(toy, reason=f"test of mu = {mu:.6g}: {toy.reason}") for toy in result.failed]
        return result

    def levels(self, mu: float) -> FloatArray:
        """What must exceed 1 - CL for mu to be allowed: observed, then -2..+2 sigma if wanted."""
        if mu not in self._levels:
            which = T_MU if self.method == "fc" else Q_MU
            q, signal = self.observed(mu, which), self.ensemble(mu, which, mu)
            seen = signal.p_value(q)
            out, self._errors[mu] = [seen.value], seen.error
            if self.method == "cls" or self.bands:
                none = self.ensemble(mu, which, 0.0)
                if self.method == "cls":
                    out[0], self._errors[mu] = _ratio(seen, none.p_value(q))
                for z in BANDS.values() if self.bands else ():
                    q = none.quantile(float(ndtr(z)))
                    p = signal.p_value(q).value
                    out.append(p / none.p_value(q).value if self.method == "cls" else p)
            self._levels[mu] = np.array(out)
        return self._levels[mu]

    def error(self, mu: float) -> float:
        """Statistical error of the observed level at a mu that was tested."""
        return self._errors[mu]


def _ratio(signal: PValue, none: PValue) -> tuple[float, float]:
    """CLs and its error; the toys with and without signal are independent."""
    value = signal.value / max(none.value, 1e-300)
    relative = math.hypot(signal.error / max(signal.value, 1e-300), none.error / max(none.value, 1e-300))
    return value, value * relative if signal.error > 0.0 else 0.0


def _edge(test: _Test, column: int, allowed: float, excluded: float, alpha: float) -> float:
    """Where a level crosses alpha: bisection if exact, else interpolation of its logarithm in three steps."""
    if test.exact:
        while abs(excluded - allowed) > 1e-9 * (abs(excluded) + abs(allowed)):
            middle = 0.5 * (allowed + excluded)
            if test.levels(middle)[column] > alpha:
                allowed = middle
            else:
                excluded = middle
        return float(allowed)
    mu = allowed
    for _ in range(3):
        a, b = (math.log(max(test.levels(x)[column], 1e-12) / alpha) for x in (allowed, excluded))
        mu = allowed + (excluded - allowed) * min(max(a / (a - b), 0.02), 0.98)
        if test.levels(mu)[column] > alpha:
            allowed = mu
        else:
            excluded = mu
    return float(mu)


def _start(model: CountingModel, cl: float) -> float:
    signal = sum(c.signal for c in model.channels)
    centre = sum(c.background.best for c in model.channels)
    width = math.hypot(math.sqrt(centre), *(c.background.scale()[1] for c in model.channels))
    n = max(float(sum(model.observed)), centre + 2.5 * width)
    reach = 1.0 + 2.0 * max(c.efficiency_error for c in model.channels)
    return (n - centre + (2.5 - 1.2 * math.log10(1.0 - cl)) * math.sqrt(n + width**2 + 1.0) + 2.0) * reach / signal


def profile_interval(
    model: CountingModel,
    method: str,
    cl: float,
    bands: bool = True,
    n_toys: int = 20_000,
    seed: int = 1,
    mapper: Mapper | None = None,
) -> ProfileAnswer:
    """Interval with profiled nuisances, exact if the data are counts alone and few, else from toys.

    Parameters
    ----------
    model : CountingModel
    method : {"cls", "clsb", "fc"}
    cl : float
    bands : bool
        Whether expected limits are wanted.
    n_toys, seed : int
        Toys per tested signal strength and hypothesis.
    mapper : callable, optional
        `map` of a thread pool, to use several cores.

    Raises
    ------
    InputError
        If no limit is found.

    Examples
    --------
    >>> from toymc.inference.counting.model import Sideband
    >>> answer = profile_interval(CountingModel([CountingChannel("on", 0, Sideband(4, 20.0))]), "cls", 0.95)
    >>> answer.how, round(answer.upper, 4)
    ('exact', 2.9957)
    """
    with_bands = bands and method != "fc"
    test, grid, table = _scan(model, method, cl, with_bands, n_toys, seed, mapper)
    ends = [_upper(test, grid, table, k, 1.0 - cl) for k in range(table.shape[1])]
    expected = dict(zip(BANDS, ends[1:], strict=True)) if with_bands else {}
    if bands and method == "fc" and len(model.channels) == 1:
        expected = _expected_unified(model, cl, n_toys, seed, mapper, test.profile)
    return ProfileAnswer(
        lower=_lower(test, grid, table, 1.0 - cl) if method == "fc" else 0.0,
        upper=ends[0],
        expected=expected,
        how="exact" if test.exact else "toys",
        error=0.0 if test.exact else _upper_error(test, grid, table, 1.0 - cl),
        n_toys=0 if test.exact else n_toys,
        thrown=test.thrown,
        failed=tuple(test.failed),
    )


def _scan(
    model: CountingModel, method: str, cl: float, bands: bool, n_toys: int, seed: int, mapper: Mapper | None
) -> tuple[_Test, FloatArray, FloatArray]:
    """The tests, signal strengths up to where all that is wanted is excluded, and the levels there."""
    top = _start(model, cl)
    for _ in range(_DOUBLINGS):
        test = _Test(model, method, bands, top, n_toys, seed, mapper)
        grid = np.linspace(0.0, top, (_EXACT_GRID if test.exact else _TOY_GRID) + 1)
        grid[0] = 1e-6 * top
        table = np.array([test.levels(mu) for mu in grid])
        if np.all(table[-1] < 1.0 - cl):
            return test, grid, table
        top *= 2.0
    raise InputError("no limit: signal strengths far above the data are not excluded; check the efficiency error")


def _upper(test: _Test, grid: FloatArray, table: FloatArray, column: int, alpha: float) -> float:
    """The largest allowed signal strength, 0 if there is none."""
    above = np.flatnonzero(table[:, column] > alpha)
    if above.size == 0:
        return 0.0
    return _edge(test, column, grid[above[-1]], grid[above[-1] + 1], alpha)


def _lower(test: _Test, grid: FloatArray, table: FloatArray, alpha: float) -> float:
    """The smallest allowed signal strength."""
    above = np.flatnonzero(table[:, 0] > alpha)
    if above.size == 0 or above[0] == 0:
        return 0.0
    return _edge(test, 0, grid[above[0]], grid[above[0] - 1], alpha)


def _upper_error(test: _Test, grid: FloatArray, table: FloatArray, alpha: float) -> float:
    """Error of the upper end: that of the level over its slope."""
    above = np.flatnonzero(table[:, 0] > alpha)
    if above.size == 0:
        return 0.0
    low, high = grid[above[-1]], grid[above[-1] + 1]
    slope = (math.log(table[above[-1], 0]) - math.log(max(table[above[-1] + 1, 0], 1e-12))) / (high - low)
    return max(test.error(low), test.error(high)) / alpha / slope if slope > 0.0 else math.inf


def _expected_unified(
    model: CountingModel, cl: float, n_toys: int, seed: int, mapper: Mapper | None, profile: Profile
) -> dict[str, float]:
    """Upper ends for the quantiles of the count without signal, auxiliary measurements as observed."""
    background = float(profile.conditional(0.0).background[0])
    counts = quantile_counts(CountingChannel("none", 0, Known(background)))
    ends = {
        n: profile_interval(with_counts(model, (n,)), "fc", cl, False, n_toys, seed, mapper).upper
        for n in set(counts.values())
    }
    return {key: ends[n] for key, n in counts.items()}


def profile_discovery(
    model: CountingModel, n_toys: int, seed: int, mapper: Mapper | None = None
) -> tuple[PValue, str, tuple[FailedToy, ...]]:
    """(P(q_0 >= observed | no signal), how it was found, failed toys).

    >>> from toymc.inference.counting.model import Sideband
    >>> p, how, _ = profile_discovery(CountingModel([CountingChannel("on", 4, Sideband(5, 5.0))]), 1000, 1)
    >>> how, round(p.value, 4)
    ('exact', 0.0254)
    """
    test = _Test(model, "cls", False, 0.0, n_toys, seed, mapper)
    p = test.ensemble(0.0, Q_ZERO, 0.0).p_value(test.observed(0.0, Q_ZERO))
    return p, "exact" if test.exact else "toys", tuple(test.failed)
