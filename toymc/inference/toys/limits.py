"""Upper limits from toys: the root of CLs(mu) = alpha, observed and expected, with statistical errors.

CLs is found from toys at a few values of mu, the asymptotic limits first; all six limits (observed, five bands) use all
values. Each value of mu has its own toys with signal, so their errors are independent, and a limit is the root of a
weighted fit of ln CLs near it, quadratic in mu (linear without background, where CLs = exp(-mu s) exactly). A limit is
done when its bracket is narrower than the statistical error of the toys or than a relative width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from toymc.errors import InputError, ToymcError
from toymc.inference.limits import BANDS, LimitResult, upper_limit
from toymc.inference.model import Model
from toymc.inference.toys.hypotest import CLs, ToyCLs, ToyTest
from toymc.inference.toys.result import FailedToy, Mapper

_Pick: TypeAlias = Callable[[ToyCLs], CLs]
_WIDTH = 0.02  # relative, of a bracket that needs no further value of mu
_NEAR = 1.5  # distance in ln CLs of the values that a limit is fitted to
_MAX_POINTS = 14  # values of mu for one limit
Progress: TypeAlias = Callable[[int], None]


@dataclass(frozen=True)
class ToyLimit:
    """One limit: its value, its statistical error, and its range over all assignments of failed toys."""

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class ToyLimitResult:
    """Upper limits from toys at one confidence level, in units of the parameter of interest.

    `expected` at -2..+2 sigma of the background-only toys, `observed` None without data; `asymptotic` the limits that
    the asymptotic formulae give. `points` are the CLs values behind them, by rising mu. `tolerance` is what two test
    statistics may differ by and still tie.
    """

    cl: float
    observed: ToyLimit | None
    expected: tuple[ToyLimit, ToyLimit, ToyLimit, ToyLimit, ToyLimit]
    asymptotic: LimitResult
    n_toys: int
    seed: int
    points: tuple[ToyCLs, ...]

    @property
    def failed(self) -> tuple[tuple[float, FailedToy], ...]:
        """Every failed toy with the value of mu that it was fitted at."""
        return tuple((point.mu, toy) for point in self.points for toy in point.failed)

    @property
    def failed_share(self) -> float:
        """Largest share of failed toys at any value of mu."""
        return max(point.failed_share for point in self.points)

    @property
    def tolerance(self) -> float:
        """Differences of the test statistic that count as ties."""
        return max(point.tolerance for point in self.points)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: `upper_limit` and `expected` asymptotic as in `LimitResult`, those from toys beside them."""
        bands = ("-2", "-1", "0", "+1", "+2")
        return {
            "cl": self.cl,
            "upper_limit": self.asymptotic.observed,
            "upper_limit_toys": None if self.observed is None else self.observed.value,
            "upper_limit_toys_error": None if self.observed is None else self.observed.error,
            "upper_limit_toys_range": None if self.observed is None else [self.observed.low, self.observed.high],
            "expected": dict(zip(bands, self.asymptotic.expected, strict=True)),
            "expected_toys": {band: limit.value for band, limit in zip(bands, self.expected, strict=True)},
            "expected_toys_error": {band: limit.error for band, limit in zip(bands, self.expected, strict=True)},
            "n_toys": self.n_toys,
            "seed": self.seed,
            "tie_tolerance": self.tolerance,
            "failed_share": self.failed_share,
            "failed": [
                {"mu": mu, "index": toy.index, "seed": toy.seed, "stream": toy.name, "reason": toy.reason}
                for mu, toy in self.failed
            ],
        }


def toy_limit(
    model: Model,
    cl: float = 0.95,
    n_toys: int = 10_000,
    seed: int = 1,
    data: Mapping[str, npt.ArrayLike] | None = None,
    mapper: Mapper | None = None,
    progress: Progress | None = None,
) -> ToyLimitResult:
    """CLs upper limit from toys, with expected bands: right where few events make the asymptotic limit wrong.

    Parameters
    ----------
    model : Model
    cl : float
        Confidence level.
    n_toys : int
        Toys of each hypothesis at each value of mu. The -2 sigma band rests on about n_toys / 900 toys with signal.
    seed : int
    data : mapping of channel name to counts, optional
        The model's observed counts if not given; without either only expected limits.
    mapper : callable, optional
        How blocks of toys are spread, for instance `ThreadPoolExecutor(4).map`; the result does not depend on it.
    progress : callable, optional
        Told the number of values of mu done so far.

    Returns
    -------
    ToyLimitResult

    Raises
    ------
    InputError
        Bad confidence level or counts, fewer than 100 toys.
    ToymcError
        If there is no limit.

    Notes
    -----
    Recipe: `toymc.inference.toys.ensemble`; ties and failures: `toymc.inference.toys.hypotest`.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [0.01])), [0.0])], poi="mu")
    >>> limit = toy_limit(model, cl=0.95, n_toys=5000)  # the exact limit is ln 20 = 3.00
    >>> abs(limit.observed.value - 2.996) < 5 * limit.observed.error
    True
    """
    if n_toys < 100:
        raise InputError(f"{n_toys} toys; a limit needs 100 or more (10000 for 2 % at the median)")
    asymptotic = upper_limit(model, cl=cl, data=data)
    alpha = 1.0 - cl
    test = ToyTest(model, n_toys, seed, data, mapper)

    def at(mu: float) -> ToyCLs:
        point = test.at(mu)
        if progress is not None:
            progress(len(test.points))
        return point

    picks: list[_Pick] = [_band(i) for i in range(len(BANDS))]
    starts = list(asymptotic.expected)
    if asymptotic.observed is not None:
        picks.append(_observed)
        starts.append(asymptotic.observed)
    for pick, start in zip(picks, starts, strict=True):
        _refine(test, at, pick, alpha, start)
    limits = [_limit(test, pick, alpha) for pick in picks]
    limits[: len(BANDS)] = _with_quantile_errors(limits[: len(BANDS)], n_toys)
    return ToyLimitResult(
        cl=cl,
        observed=limits[5] if len(limits) > len(BANDS) else None,
        expected=(limits[0], limits[1], limits[2], limits[3], limits[4]),
        asymptotic=asymptotic,
        n_toys=n_toys,
        seed=seed,
        points=tuple(test.points[mu] for mu in sorted(test.points)),
    )


def _with_quantile_errors(bands: list[ToyLimit], n_toys: int) -> list[ToyLimit]:
    """Adds the error of the quantile of a band: sqrt(p (1 - p) / n) / phi(N) in N, times d limit / dN."""
    slopes = np.gradient([band.value for band in bands])
    out = []
    for n_sigma, band, slope in zip(BANDS, bands, slopes, strict=True):
        p = float(ndtr(n_sigma))
        density = math.exp(-0.5 * n_sigma**2) / math.sqrt(2.0 * math.pi)
        shift = math.sqrt(p * (1.0 - p) / n_toys) / density
        out.append(replace(band, error=math.hypot(band.error, shift * float(slope))))
    return out


def _band(index: int) -> _Pick:
    return lambda point: point.expected[index]


def _observed(point: ToyCLs) -> CLs:
    assert point.observed is not None
    return point.observed


def _log(value: float, n_toys: int) -> float:
    """ln CLs, with less than one toy where there is none."""
    return math.log(max(value, 0.3 / n_toys))


def _bracket(values: list[tuple[float, float]], target: float) -> tuple[float, float]:
    """Neighbouring mu around the last crossing of the target from above; 0 or infinity where there is none yet."""
    low, high = 0.0, math.inf
    for mu, value in sorted(values):
        if value > target:
            low, high = mu, math.inf
        elif math.isinf(high):
            high = mu
    return low, high


def _refine(test: ToyTest, at: Callable[[float], ToyCLs], pick: _Pick, alpha: float, start: float) -> None:
    """Add values of mu until the crossing is bracketed closely enough."""
    target = math.log(alpha)
    if not test.points:
        at(start)
    for _ in range(_MAX_POINTS):
        values = [(mu, _log(pick(point).value, test.n_toys)) for mu, point in test.points.items()]
        low, high = _bracket(values, target)
        if math.isinf(high):
            new = start if start > 1.05 * low else 1.4 * low
        elif low == 0.0:
            new = start if start < 0.95 * high else 0.6 * high
        else:
            limit = _limit(test, pick, alpha)
            if high - low < max(_WIDTH * high, 1.5 * limit.error):
                return
            new = limit.value
            edge = 0.1 * (high - low)
            new = min(max(new, low + edge), high - edge)
        at(new)
    low, high = _bracket([(mu, _log(pick(p).value, test.n_toys)) for mu, p in test.points.items()], target)
    if low == 0.0 or math.isinf(high):
        raise ToymcError(f"no limit from toys after {_MAX_POINTS} values of mu (between {low:.3g} and {high:.3g})")


def _limit(test: ToyTest, pick: _Pick, alpha: float) -> ToyLimit:
    """The crossing, its error, and where it goes with the failed toys at their worst."""
    target = math.log(alpha)
    points = {mu: pick(point) for mu, point in test.points.items()}
    value, error = _crossing({mu: (p.value, p.error) for mu, p in points.items()}, target, test.n_toys)
    low = high = value
    if any(p.high > p.low for p in points.values()):
        low = _crossing({mu: (p.low, p.error) for mu, p in points.items()}, target, test.n_toys)[0]
        high = _crossing({mu: (p.high, p.error) for mu, p in points.items()}, target, test.n_toys)[0]
    return ToyLimit(value, error, low, high)


def _crossing(values: dict[float, tuple[float, float]], target: float, n_toys: int) -> tuple[float, float]:
    """(mu, its error): weighted fit of ln CLs, quadratic in mu where there are points enough, near the crossing.

    Where the values do not cross the target: their last, or infinity, without an error.
    """
    floor = 0.3 / n_toys
    logs = {mu: _log(value, n_toys) for mu, (value, _) in values.items()}
    low, high = _bracket(list(logs.items()), target)
    if low == 0.0 or math.isinf(high):
        return (min(high, max(values)) if low == 0.0 else math.inf), math.inf
    mus = [mu for mu in sorted(logs) if mu in (low, high) or abs(logs[mu] - target) < _NEAR]
    x = np.array(mus) / low - 1.0
    y = np.array([logs[mu] - target for mu in mus])
    sigma = np.array([values[mu][1] / max(values[mu][0], floor) for mu in mus])
    powers = np.vander(x, 3 if len(mus) > 3 else 2, increasing=True)
    covariance = np.linalg.pinv(powers.T @ (powers / sigma[:, None] ** 2))
    coefficients = covariance @ (powers.T @ (y / sigma**2))
    grid = np.linspace(x[0], x[-1], 2001)
    rows = np.vander(grid, powers.shape[1], increasing=True)
    fitted = rows @ coefficients
    root = int(np.argmin(np.abs(fitted)))
    slope = float(np.gradient(fitted, grid)[root])
    error = math.sqrt(float(rows[root] @ covariance @ rows[root])) / max(abs(slope), 1e-300)
    return low * (1.0 + float(grid[root])), low * error
