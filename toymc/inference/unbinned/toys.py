"""CLs limits and local p-values of a hypothesis from toys: exact where few events make the asymptotic limit wrong.

At zero background an empty window excludes 1.92 events asymptotically and -ln 0.05 = 3.00 exactly (95 %): q~_mu = 2 mu
for every toy without events, P(no event | mu) = exp(-mu), while the asymptotic formula takes the distribution of q~_mu
for that of a Gaussian estimator. With b = 0.1 it is 2.24 against 3.00; above some ten background events under the peak
the two agree.

Recipe: toys with signal are thrown at mu with the nuisance parameters of the conditional fit at mu to the reference
(the data for the observed limit; the expected background, or else the data, for the bands), background toys with those
at mu = 0; constrained parameters are centred anew in each toy. Ties, failed toys and the search for the root are those
of `toymc.inference.toys`. The degree of the background is the one that the scan chose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from toymc.errors import InputError
from toymc.inference.toys.hypotest import CLs
from toymc.inference.toys.limits import ToyLimit, _limit, _refine
from toymc.inference.toys.result import BLOCK, Mapper, PValue, ToyResult, block_sizes, run_blocks, toy_stream
from toymc.inference.unbinned import batch
from toymc.inference.unbinned.background import FAMILIES
from toymc.inference.unbinned.inputs import MassChannel, _Packed
from toymc.inference.unbinned.likelihood import FIRST, MAX_BASE, STATUS
from toymc.inference.unbinned.scan import BANDS, ScanResult
from toymc.inference.unbinned.shapes import SignalShape
from toymc.inference.unbinned.toy_kernel import _fit_toys

FloatArray = npt.NDArray[np.float64]

TIE = 1e-6
"""Statistics closer than this are equal: the fits end within 1e-9 of their minima."""

_CELLS = 4000


@dataclass(frozen=True)
class MassToyLimit:
    """Limits from toys at one hypothesis, in units of the parameter of interest.

    `expected` at -2..+2 sigma; `observed` and `p0` (local p-value) None without data; `failed_share` the largest share
    of failed toys of any ensemble behind them.
    """

    mass: float
    lifetime: float
    cl: float
    observed: ToyLimit | None
    expected: tuple[ToyLimit, ...]
    p0: PValue | None
    n_toys: int
    seed: int
    failed_share: float

    def expected_toys(self) -> dict[str, float]:
        """The bands as in `result.json`."""
        return dict(zip(("-2", "-1", "0", "+1", "+2"), (e.value for e in self.expected), strict=True))


@dataclass(frozen=True, eq=False)
class ToyPoint:
    """CLs at one yield: observed (None without data) and expected, and the two ensembles of q~_mu."""

    mu: float
    observed: CLs | None
    expected: tuple[CLs, ...]
    signal: ToyResult
    background: ToyResult


class _Sampler:
    """Draws masses of one channel: tables of the inverse distribution function of signal and background."""

    def __init__(self, channel: MassChannel, shape: SignalShape, low: float, high: float, degree: int) -> None:
        mean, sigma = float(shape.mean), float(shape.sigma)
        edges = [np.linspace(low, high, _CELLS + 1), mean + sigma * np.linspace(-8.0, 8.0, 1601)]
        holes = [np.array([a - 1e-12, a + 1e-12, b - 1e-12, b + 1e-12]) for a, b in channel.window.holes]
        x = np.unique(np.concatenate([*edges, *holes]))
        self.x = x[(x >= low) & (x <= high)]
        self.open = np.ones(self.x.size)
        for a, b in channel.window.holes:
            self.open[(self.x > a) & (self.x < b)] = 0.0
        self.signal = self._cumulative(shape.density(self.x, low, high))[0]
        self.family, self.degree, self.low, self.high = channel.background.family, degree, low, high
        self.onset = channel.background.onset
        self.length = float(np.trapezoid(self.open, self.x))

    def _cumulative(self, density: FloatArray) -> tuple[FloatArray, float]:
        d = density * self.open
        areas = 0.5 * (d[1:] + d[:-1]) * np.diff(self.x)
        total = float(areas.sum())
        return np.concatenate(([0.0], np.cumsum(areas) / max(total, 1e-300))), total

    def background(self, b: FloatArray) -> tuple[FloatArray, float]:
        """Distribution function on the grid and expected events of the background parameters `b`."""
        t = (self.x - self.low) / (self.high - self.low)
        if FAMILIES[self.family] == 0 or self.degree == 0:
            density = np.zeros_like(t)
            for k, c in enumerate(b):
                shape = t**k * (1.0 - t) ** (self.degree - k)
                density += c * shape / float(np.trapezoid(shape * self.open, self.x))
        else:
            powers = list(b[1:])
            log = np.full_like(t, b[0] - math.log(self.length))
            if self.family == "threshold":
                above = np.maximum(self.x - self.onset, 1e-9 * (self.high - self.onset))
                log += powers.pop(0) * np.log(above / (self.high - self.onset))
            density = np.exp(log + sum(c * (2.0 * t - 1.0) ** (k + 1) for k, c in enumerate(powers)))
        return self._cumulative(density)

    def draw(self, rng: np.random.Generator, cumulative: FloatArray, n: int) -> FloatArray:
        """n masses of a distribution function."""
        return np.asarray(np.interp(rng.random(n), cumulative, self.x))


class MassToyTest:
    """Toys of one hypothesis of a scan; background toys are thrown once.

    Parameters
    ----------
    result : ScanResult
    channels : sequence of MassChannel
        Those of the scan.
    at : (int, int)
        Mass and lifetime index.
    n_toys : int
    seed : int
    reference : {"data", "expected"}
        What the nuisance parameters of the toys are fitted to.
    mapper : callable, optional
        How blocks of toys are spread, for instance `ThreadPoolExecutor(2).map`.
    """

    def __init__(
        self,
        result: ScanResult,
        channels: Sequence[MassChannel],
        at: tuple[int, int],
        n_toys: int,
        seed: int,
        reference: str,
        mapper: Mapper | None = None,
    ) -> None:
        packed = _Packed(channels, result.masses.size, result.lifetimes.size)
        i, j = at
        self.hypotheses = np.ascontiguousarray(packed.hypotheses[i, j])
        self.packed, self.degree, self.n_toys, self.seed, self.mapper = packed, result.degree[i], n_toys, seed, mapper
        self.common_error, self.gaussian = result.common_error, result.constraint == "gaussian"
        self.name = f"unbinned toys {i} {j} {reference}"
        self.samplers = [self._sampler(k, c) for k, c in enumerate(channels)]
        self.reference = self._reference(packed.sources[i], channels, reference)
        self.has_data = reference == "data"
        self.width = FIRST + len(channels) * (2 + MAX_BASE)
        self.null = self._conditional(0.0)
        self.points: dict[float, ToyPoint] = {}
        self.q0: ToyResult | None = None

    def _sampler(self, k: int, channel: MassChannel) -> _Sampler:
        h = self.hypotheses[k]
        shape = SignalShape(int(self.packed.settings[k, 0]), h[batch.SHAPE :].copy(), self.packed.tables)
        return _Sampler(channel, shape, float(h[batch.LOW]), float(h[batch.HIGH]), int(self.degree[k]))

    def _reference(
        self, sources: npt.NDArray[np.int64], channels: Sequence[MassChannel], what: str
    ) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Points, weights and places of the data, or of fine cells filled with the expected density."""
        xs, ws = [], []
        for k in range(len(channels)):
            a, b, ga, gb = (int(v) for v in sources[k])
            if what == "data":
                xs.append(self.packed.events[a:b])
                ws.append(np.ones(b - a))
            else:
                edges = np.linspace(self.samplers[k].low, self.samplers[k].high, _CELLS + 1)
                centre = 0.5 * (edges[1:] + edges[:-1])
                grid, values = self.packed.grid[ga:gb], self.packed.values[ga:gb]
                xs.append(centre)
                ws.append(np.interp(centre, grid, values, left=0.0, right=0.0) * (edges[1] - edges[0]))
        places = np.cumsum([0, *(x.size for x in xs)]).astype(np.int64)
        return np.concatenate(xs), np.concatenate(ws), places

    def _fit(
        self,
        x: FloatArray,
        w: FloatArray,
        places: npt.NDArray[np.int64],
        aux: FloatArray,
        mu: float,
        forced: bool = False,
    ) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.int8]]:
        """(mu_hat and q0, q~_mu, parameters of the conditional fit, status) of each data set."""
        n = aux.shape[0]
        best, q = np.zeros((n, 2)), np.zeros((n, 1))
        thetas, statuses = np.zeros((n, self.width)), np.zeros(n, dtype=np.int64)
        p = self.packed
        _fit_toys(p.settings, p.onset, self.hypotheses, p.tables, p.holes, self.degree, self.common_error,
                  self.gaussian, x, w, places, aux, np.array([mu]), forced, best, q, thetas, statuses)  # fmt: skip
        return best, q[:, 0], thetas, statuses.astype(np.int8)

    def _conditional(self, mu: float) -> FloatArray:
        """Parameters of the fit to the reference at mu."""
        _, _, thetas, status = self._fit(*self.reference, np.zeros((1, self.width)), mu, forced=True)
        if status[0] != 0:
            raise InputError(f"no toys at {self.name}: the fit to the reference failed ({STATUS[int(status[0])]})")
        return np.asarray(thetas[0])

    def _throw(self, theta: FloatArray, mu: float, name: str, block: int) -> tuple[
        FloatArray, npt.NDArray[np.int64], FloatArray
    ]:  # fmt: skip
        """Masses, places and auxiliary measurements of one block of toys."""
        rng = toy_stream(self.seed, name, block)
        n = block_sizes(self.n_toys)[block]
        aux = np.zeros((n, self.width))
        aux[:, 1] = theta[1] + (rng.normal(size=n) if self.common_error > 0.0 else 0.0)
        masses, owners = [], []
        offset = FIRST
        for k, sampler in enumerate(self.samplers):
            h, n_base = self.hypotheses[k], int(self.degree[k]) + 1
            for column, error in ((0, h[batch.EFFICIENCY]), (1, h[batch.RESOLUTION])):
                aux[:, offset + column] = theta[offset + column] + (rng.normal(size=n) if error > 0.0 else 0.0)
            cumulative, total = sampler.background(theta[offset + 2 : offset + 2 + n_base])
            factor = self._factor(theta[1], self.common_error) * self._factor(theta[offset], h[batch.EFFICIENCY])
            for distribution, mean in ((cumulative, total), (sampler.signal, mu * h[batch.SHARE_OF] * factor)):
                counts = rng.poisson(mean, n)
                masses.append(sampler.draw(rng, distribution, int(counts.sum())))
                owners.append(np.repeat(np.arange(n) * len(self.samplers) + k, counts))
            offset += 2 + n_base
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        places = np.searchsorted(owner[order], np.arange(n * len(self.samplers) + 1)).astype(np.int64)
        return np.concatenate(masses)[order], places, aux

    def _factor(self, eta: float, error: float) -> float:
        return float(1.0 + error * eta if self.gaussian else math.exp(error * eta))

    def _ensemble(self, theta: FloatArray, thrown_at: float, mu: float, name: str) -> tuple[ToyResult, ToyResult]:
        """q~_mu and q0 of toys thrown at `thrown_at`."""

        def block(index: int) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int8]]:
            x, places, aux = self._throw(theta, thrown_at, name, index)
            best, q, _, status = self._fit(x, np.ones(x.size), places, aux, mu)
            return np.where(status == 0, q, np.nan), np.where(status == 0, best[:, 1], np.nan), status

        parts = run_blocks(block, self.n_toys, self.mapper)
        q, q0, status = (np.concatenate(column) for column in zip(*parts, strict=True))
        return tuple(ToyResult(values, status, STATUS, self.seed, name, TIE) for values in (q, q0))  # type: ignore[return-value]

    def at(self, mu: float) -> ToyPoint:
        """CLs at `mu` signal events (kept, so that asking again costs nothing)."""
        if mu not in self.points:
            signal, _ = self._ensemble(self._conditional(mu), mu, mu, f"{self.name} signal {mu!r}")
            background, self.q0 = self._ensemble(self.null, 0.0, mu, f"{self.name} background")
            observed = None
            if self.has_data:
                q = self._fit(*self.reference, np.zeros((1, self.width)), mu)[1][0]
                observed = CLs(signal.p_value(q), background.p_value(q))
            quantiles = [background.quantile(float(ndtr(n))) for n in BANDS]
            expected = tuple(CLs(signal.p_value(q), background.p_value(q)) for q in quantiles)
            self.points[mu] = ToyPoint(mu, observed, expected, signal, background)
        return self.points[mu]

    def rerun(self, index: int, mu: float, *, signal: bool) -> tuple[FloatArray, float, str]:
        """One toy alone: its masses, q~_mu and status in words."""
        theta, name = (
            (self._conditional(mu), f"{self.name} signal {mu!r}") if signal else (self.null, f"{self.name} background")
        )
        x, places, aux = self._throw(theta, mu if signal else 0.0, name, index // BLOCK)
        n, row = len(self.samplers), index % BLOCK
        own = places[row * n : (row + 1) * n + 1]
        masses = x[own[0] : own[-1]]
        _, q, _, status = self._fit(masses, np.ones(masses.size), own - own[0], aux[row : row + 1], mu)
        return masses, float(q[0]), STATUS[int(status[0])]


def toy_limits(
    result: ScanResult,
    channels: Sequence[MassChannel],
    points: Sequence[tuple[int, int]],
    *,
    n_toys: int = 5000,
    seed: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[MassToyLimit]:
    """CLs limits and local p-values from toys at some hypotheses of a scan.

    Parameters
    ----------
    result : ScanResult
        With limits: the search starts from them.
    channels : sequence of MassChannel
        Those of the scan.
    points : sequence of (mass index, lifetime index)
    n_toys : int
        Toys of each ensemble; 5000 give the median to 2 %.
    seed : int
    workers : int
        Threads; the result does not depend on it.
    progress : callable, optional
        Called with (points done, points).

    Returns
    -------
    list of MassToyLimit

    Raises
    ------
    InputError
        For a point outside the scan or one whose asymptotic limit failed, fewer than 100 toys.

    Examples
    --------
    >>> from toymc.inference.unbinned import Density, gaussian, scan, windows
    >>> channel = MassChannel("k", gaussian(1.0, 0.005), windows(1.0, 0.005, (0.0, 4.8)), data=[],
    ...                       expected=Density([0.0, 4.8], [0.001, 0.001]))
    >>> result = scan([1.0], [1.0], [channel])
    >>> limit = toy_limits(result, [channel], [(0, 0)], n_toys=2000)[0]
    >>> abs(limit.observed.value - 3.0) < 5 * limit.observed.error, round(float(result.observed[0, 0]), 2)
    (True, 1.92)
    """
    if n_toys < 100:
        raise InputError(f"{n_toys} toys; a limit needs 100 or more (5000 for 2 % at the median)")
    for i, j in points:
        if not (0 <= i < result.masses.size and 0 <= j < result.lifetimes.size):
            raise InputError(f"point ({i}, {j}) is outside the scan of {result.masses.size} x {result.lifetimes.size}")
        if not np.all(np.isfinite(result.expected[i, j])):
            raise InputError(f"point ({i}, {j}) has no asymptotic limit: {STATUS[int(result.status[i, j])]}")
    found = []
    with ThreadPoolExecutor(workers) as pool:
        for i, j in points:
            found.append(_point(result, channels, i, j, n_toys, seed, pool.map))
            if progress is not None:
                progress(len(found), len(points))
    return found


def _solve(test: MassToyTest, pick: Callable[[Any], CLs], alpha: float, start: float, unit: float) -> ToyLimit:
    """The limit of one band by the search of `toymc.inference.toys`, in units of the parameter of interest."""
    _refine(cast(Any, test), cast(Any, test.at), pick, alpha, start)
    limit = _limit(cast(Any, test), pick, alpha)
    return ToyLimit(limit.value * unit, limit.error * unit, limit.low * unit, limit.high * unit)


def _point(
    result: ScanResult, channels: Sequence[MassChannel], i: int, j: int, n_toys: int, seed: int, mapper: Mapper
) -> MassToyLimit:
    has_data, has_expected = channels[0].data is not None, channels[0].expected is not None
    unit, alpha = 1.0 / float(result.per_unit[i, j]), 1.0 - result.cl
    tests = {}
    if has_data:
        tests["data"] = MassToyTest(result, channels, (i, j), n_toys, seed, "data", mapper)
    if has_expected:
        tests["expected"] = MassToyTest(result, channels, (i, j), n_toys, seed, "expected", mapper)
    bands = tests["expected" if has_expected else "data"]
    expected = tuple(
        _solve(bands, lambda point, n=n: point.expected[n], alpha, float(result.expected[i, j, n]) / unit, unit)  # type: ignore[misc]
        for n in range(len(BANDS))
    )
    observed, p0 = None, None
    if has_data:
        test = tests["data"]
        observed = _solve(test, lambda point: point.observed, alpha, float(result.observed[i, j]) / unit, unit)
        assert test.q0 is not None
        p0 = test.q0.p_value(float(result.q0[i, j]))
    shares = [e.failed_share for t in tests.values() for p in t.points.values() for e in (p.signal, p.background)]
    return MassToyLimit(
        mass=float(result.masses[i]),
        lifetime=float(result.lifetimes[j]),
        cl=result.cl,
        observed=observed,
        expected=expected,
        p0=p0,
        n_toys=n_toys,
        seed=seed,
        failed_share=max(shares, default=0.0),
    )
