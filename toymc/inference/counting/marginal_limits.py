"""Limits with averaged nuisances: one channel from the count, several from the lattice of all outcomes.

* `cls`: mu with P(N <= n | mu) / P(N <= n | 0) = 1 - CL (Read, J. Phys. G 28 (2002) 2693). With one channel and a known
  efficiency this is -ln(1 - CL)/s for n = 0, whatever the background.
* `clsb`: mu with P(N <= n | mu) = 1 - CL, the classical limit; 0 where the data are unlikely even without signal.
* `bayes`: flat prior in mu >= 0. Integrating the Poisson probability by parts gives, for one channel, the tail ratio of
  `cls` with each efficiency weighted by 1/e: equal to `cls` if the efficiency is known. With an efficiency that is
  Gaussian, 1/e has no mean and the posterior no norm: refused (Demortier, in PHYSTAT 2002).
* `fc`: unified intervals, the raw construction: the published tables lift a few upper ends so that they do not rise
  with b (sec. IV.B of the paper).

With several channels "N <= n" reads "an outcome not more like signal" (`lattice.py`).

Expected limits are the quantiles of the limit over the outcomes without signal. With one channel the limit rises with
the count, and they are the limits of the quantiles of the count.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr

from toymc.errors import InputError
from toymc.inference.counting.lattice import Lattice
from toymc.inference.counting.marginal import (
    background_probabilities,
    efficiency_at,
    efficiency_nodes,
    largest_count,
    tail,
)
from toymc.inference.counting.model import CountingChannel, CountingModel

FloatArray = npt.NDArray[np.float64]

BANDS = {"-2": -2.0, "-1": -1.0, "0": 0.0, "+1": 1.0, "+2": 2.0}
_MAX_COUNT = 100_000
_MAX_UNIFIED = 500
_GRID = 160


def quantile_counts(channel: CountingChannel) -> dict[str, int]:
    """Smallest counts whose cumulative background-only probability reaches Phi(-2), ..., Phi(+2).

    >>> from toymc.inference.counting.model import Known
    >>> quantile_counts(CountingChannel("sr", 0, Known(3.0)))
    {'-2': 0, '-1': 1, '0': 3, '+1': 5, '+2': 7}
    """
    cumulative = np.cumsum(background_probabilities(channel.background, largest_count(channel, 0.0)))
    return {key: int(np.searchsorted(cumulative, float(ndtr(z)) * (1.0 - 1e-12))) for key, z in BANDS.items()}


class _OneChannel:
    """Limits of one channel for any count."""

    def __init__(self, model: CountingModel, method: str, cl: float, n_max: int) -> None:
        self.channel, self.alpha, self.method = model.channels[0], 1.0 - cl, method
        self.weights = background_probabilities(self.channel.background, n_max)
        error = self.channel.efficiency_error
        theta, self.probability = efficiency_nodes(error, model.efficiency)
        self.efficiency = efficiency_at(theta, error, model.efficiency)
        if method == "bayes":
            self.probability = self.probability / self.efficiency
            self.probability /= self.probability.sum()

    def upper(self, n: int) -> float:
        """Upper limit in units of mu."""
        signal = self.channel.signal
        none = float(self.weights[: n + 1].sum())
        if self.method == "clsb":
            if none <= self.alpha:
                return 0.0
            none = 1.0
        elif self.efficiency.size == 1 and n == 0:
            return -math.log(self.alpha) / signal
        elif none < 1e-280:
            raise InputError(
                f"channel '{self.channel.name}': observed = {n}: its probability without signal is below 1e-280; "
                "check the background"
            )

        def excess(mean: float) -> float:
            return tail(self.weights, n, mean * self.efficiency, self.probability) - self.alpha * none

        high = n + 5.0
        while excess(high) >= 0.0:
            high *= 2.0
        return float(brentq(excess, 0.0, high, xtol=1e-12, rtol=1e-12)) / signal


def _one_channel(model: CountingModel, method: str, cl: float, bands: bool) -> tuple[float, float, dict[str, float]]:
    channel = model.channels[0]
    counts = quantile_counts(channel) if bands else {}
    solver = _OneChannel(model, method, cl, max([channel.observed, *counts.values()]))
    limits = {n: solver.upper(n) for n in {int(channel.observed), *counts.values()}}
    return 0.0, limits[int(channel.observed)], {key: limits[n] for key, n in counts.items()}


def _start(model: CountingModel, cl: float) -> float:
    """A signal strength beyond the +2 sigma limit of most models; callers double it until that is so."""
    signal = sum(c.signal for c in model.channels)
    centre = sum(c.background.scale()[0] for c in model.channels)
    variance = centre + sum(c.background.scale()[1] ** 2 for c in model.channels)
    n = max(float(sum(model.observed)), centre + 2.5 * math.sqrt(variance))
    reach = 1.0 + 3.0 * max(c.efficiency_error for c in model.channels)
    return (
        (n - centre + (3.0 - 1.5 * math.log10(1.0 - cl)) * math.sqrt(n + variance - centre + 1.0) + 3.0)
        * reach
        / signal
    )


class _Outcomes:
    """Limits of single outcomes of a lattice, and of all of them roughly."""

    def __init__(self, model: CountingModel, method: str, cl: float, mu_top: float) -> None:
        self.lattice, self.method, self.cl, self.top = Lattice(model, mu_top), method, cl, mu_top
        self.grid = np.linspace(0.0, mu_top, _GRID + 1)

    def level(self, mu: float) -> FloatArray:
        """What must exceed 1 - CL for mu to be allowed, for every outcome."""
        with_signal, without = self.lattice.tails(mu)
        return with_signal if self.method == "clsb" else with_signal / np.maximum(without, 1e-300)

    def allowed(self) -> npt.NDArray[np.bool_]:
        """Whether the outcome allows each signal strength of the grid, shape (grid, outcomes)."""
        if self.method == "fc":
            return np.stack([self.lattice.region(mu, self.cl) for mu in self.grid])
        if self.method == "bayes":
            below = np.cumsum(self.lattice.pmf(self.grid), axis=0)
            return np.asarray(below < self.cl * np.maximum(below[-1], 1e-300), dtype=np.bool_)
        return np.stack([self.level(mu) > 1.0 - self.cl for mu in self.grid])

    def rough(self) -> FloatArray:
        """The last allowed signal strength of the grid for every outcome (0 if there is none)."""
        allowed = self.allowed()
        last = _GRID - np.argmax(allowed[::-1], axis=0)
        return np.where(allowed.any(axis=0), self.grid[last], 0.0)

    def interval(self, cell: int) -> tuple[float, float]:
        """(lower, upper) of one outcome; upper is infinite if it is beyond the lattice."""
        if self.method == "fc":
            return self._unified(cell)
        if self.method == "bayes":
            return 0.0, self._posterior(cell)
        excess = [float(self.level(mu)[cell]) - (1.0 - self.cl) for mu in self.grid[:: _GRID // 20]]
        above = np.flatnonzero(np.array(excess) > 0.0)
        if above.size == 0:
            return 0.0, 0.0
        if above[-1] == len(excess) - 1:
            return 0.0, math.inf
        low = self.grid[:: _GRID // 20][above[-1]]
        high = self.grid[:: _GRID // 20][above[-1] + 1]
        root = brentq(lambda mu: float(self.level(mu)[cell]) - (1.0 - self.cl), low, high, rtol=1e-10)
        return 0.0, float(root)

    def _posterior(self, cell: int) -> float:
        """Upper end of the posterior for a flat prior: Gauss-Legendre panels, then a root inside one of them."""
        x, w = np.polynomial.legendre.leggauss(8)
        half = 0.5 * (self.grid[1] - self.grid[0])
        nodes = (self.grid[:-1, None] + half * (1.0 + x)).ravel()
        density = self.lattice.at(nodes, cell).reshape(_GRID, -1)
        cumulative = np.concatenate([[0.0], np.cumsum(density @ w)]) * half
        if self.lattice.at(self.grid[-1:], cell)[0] * self.top > 1e-7 * cumulative[-1]:
            return math.inf
        panel = int(np.searchsorted(cumulative, self.cl * cumulative[-1])) - 1
        low = float(self.grid[panel])

        def missing(mu: float) -> float:
            part = self.lattice.at(low + 0.5 * (mu - low) * (1.0 + x), cell) @ w * 0.5 * (mu - low)
            return float(cumulative[panel] + part - self.cl * cumulative[-1])

        return float(brentq(missing, low, float(self.grid[panel + 1]), rtol=1e-12))

    def _unified(self, cell: int) -> tuple[float, float]:
        """Ends of the unified interval: a scan of the belt, then bisection at its outermost accepted points."""
        fine = 12 if len(self.lattice.tables) == 1 else 3
        grid = np.linspace(0.0, self.top, fine * _GRID + 1)
        inside = np.flatnonzero(self.lattice.accepted(cell, grid, self.cl))
        if inside.size == 0:  # a very low fluctuation: no signal strength of the scan accepts it
            return 0.0, 0.0
        if inside[-1] == grid.size - 1:
            return 0.0, math.inf
        lower = 0.0 if inside[0] == 0 else self._edge(cell, grid[inside[0] - 1], grid[inside[0]])
        return lower, self._edge(cell, grid[inside[-1] + 1], grid[inside[-1]])

    def _edge(self, cell: int, outside: float, within: float) -> float:
        for _ in range(40):
            middle = 0.5 * (outside + within)
            if self.lattice.accepted(cell, np.array([middle]), self.cl)[0]:
                within = middle
            else:
                outside = middle
        return float(within)

    def quantile_cells(self) -> dict[str, int]:
        """Outcomes at the -2..+2 sigma quantiles of the limit without signal."""
        if len(self.lattice.tables) == 1:
            return quantile_counts(self.lattice.model.channels[0])
        limits, probability = self.rough(), self.lattice.pmf(np.zeros(1))[0]
        order = np.argsort(limits, kind="stable")
        cumulative = np.cumsum(probability[order])
        return {k: int(order[np.searchsorted(cumulative, float(ndtr(z)) * (1.0 - 1e-12))]) for k, z in BANDS.items()}


def _check_size(model: CountingModel, method: str) -> None:
    limit = _MAX_UNIFIED if method == "fc" else _MAX_COUNT
    for channel in model.channels:
        centre, width = channel.background.scale()
        if channel.observed > limit or centre + 9.0 * width > limit:
            raise InputError(
                f"channel '{channel.name}': observed = {channel.observed}, background = {centre:g} +- {width:g}: "
                f"method '{method}' is for counts up to {limit}; above, use the asymptotic limit "
                "(`toymc limit workspace`)"
            )


def marginal_interval(
    model: CountingModel, method: str, cl: float, bands: bool = True
) -> tuple[float, float, dict[str, float]]:
    """(lower, upper, expected upper limits) with averaged nuisances, exact.

    Parameters
    ----------
    model : CountingModel
    method : {"cls", "clsb", "fc", "bayes"}
    cl : float
    bands : bool
        Whether expected limits are wanted.

    Raises
    ------
    InputError
        Counts too large for the method, too many outcomes, or no posterior.

    Examples
    --------
    >>> from toymc.inference.counting.model import Known
    >>> lower, upper, _ = marginal_interval(CountingModel([CountingChannel("sr", 0, Known(0.0))]), "fc", 0.9)
    >>> round(upper, 2)
    2.44
    """
    _check_size(model, method)
    errors = any(c.efficiency_error > 0.0 for c in model.channels)
    if method == "bayes" and errors and model.efficiency == "gaussian":
        raise InputError("the Bayesian limit does not exist with a Gaussian efficiency error; use a log-normal one")
    if len(model.channels) == 1 and method != "fc":
        return _one_channel(model, method, cl, bands)
    return _lattice_interval(model, method, cl, bands)


def _lattice_interval(
    model: CountingModel, method: str, cl: float, bands: bool
) -> tuple[float, float, dict[str, float]]:
    top = _start(model, cl)
    while True:  # until the limits fit into the lattice, or the lattice refuses to grow
        outcomes = _Outcomes(model, method, cl, top)
        cells = outcomes.quantile_cells() if bands else {}
        intervals = {cell: outcomes.interval(cell) for cell in {outcomes.lattice.observed, *cells.values()}}
        if all(math.isfinite(upper) for _, upper in intervals.values()):
            lower, upper = intervals[outcomes.lattice.observed]
            return lower, upper, {key: intervals[cell][1] for key, cell in cells.items()}
        top *= 2.0


def with_counts(model: CountingModel, counts: tuple[int, ...]) -> CountingModel:
    """The same model with other observed counts.

    >>> from toymc.inference.counting.model import Known
    >>> with_counts(CountingModel([CountingChannel("sr", 0, Known(3.0))]), (4,)).observed
    (4,)
    """
    channels = [replace(c, observed=n) for c, n in zip(model.channels, counts, strict=True)]
    return replace(model, channels=channels)
