"""All outcomes of a counting model with their averaged probabilities: exact tails and belts for several channels.

An outcome is a vector of counts. Its probability, with backgrounds and efficiencies integrated out (`marginal.py`), is

    P(n | mu) = sum_j v_j prod_c sum_k w_ck Poisson(n_c - k; mu s_c e_c(theta_j)),

the sum over j only if one efficiency nuisance is shared. The outcomes are ordered by a ratio of these probabilities:

* CLs, CLs+b: by P(n | mu) / P(n | 0), the most powerful test of mu against no signal (Neyman and Pearson; the ratio of
  the combined searches at LEP, Junk, NIM A 434 (1999) 435, Read, J. Phys. G 28 (2002) 2693). With one channel this is
  the order of the counts.
* Feldman and Cousins: by P(n | mu) / P(n | mu_best), mu_best >= 0 (Phys. Rev. D 57 (1998) 3873; with averaged
  probabilities: Conrad et al., Phys. Rev. D 67 (2003) 012002).
* Discovery: by P(n | mu_best) / P(n | 0).

Outcomes whose ratios differ by less than 1e-9, that is by rounding alone, count as equal. The lattice holds all counts
up to 9 standard deviations above the largest mean that is asked for.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from toymc.errors import InputError
from toymc.inference.counting.marginal import (
    background_probabilities,
    efficiency_at,
    efficiency_nodes,
    largest_count,
)
from toymc.inference.counting.model import CountingChannel, CountingModel

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MAX_CELLS = 500_000
_TIE = 1e-9
_TINY = 1e-300
_CHUNK = 4_000_000  # numbers held at once


class _ChannelTable:
    """P(n | signal mean) of one channel for all counts."""

    def __init__(self, channel: CountingChannel, n_max: int, shape: str, shared: bool) -> None:
        counts = np.arange(n_max + 1)
        weights = background_probabilities(channel.background, n_max)
        lag = counts[:, None] - counts[None, :]
        self.counts, self.log_factorial = counts, gammaln(counts + 1.0)
        self.mixing = np.where(lag >= 0, weights[np.maximum(lag, 0)], 0.0)  # [n, j]: background count n - j
        self.signal, self.error, self.shape = channel.signal, channel.efficiency_error, shape
        theta, self.weight = efficiency_nodes(0.0 if shared else channel.efficiency_error, shape)
        self.factor = efficiency_at(theta, channel.efficiency_error, shape)

    def signal_pmf(self, mu: FloatArray, theta: float) -> FloatArray:
        """Poisson probabilities of the signal count, shape (len(mu), counts), averaged over the own efficiency."""
        out = np.zeros((mu.size, self.counts.size))
        for factor, weight in zip(self.factor, self.weight, strict=True):
            own = factor if self.weight.size > 1 else efficiency_at(np.array([theta]), self.error, self.shape)[0]
            mean = (mu * self.signal * own)[:, None]
            log_mean = np.log(np.maximum(mean, _TINY))
            out += weight * np.exp(self.counts * log_mean - mean - self.log_factorial)
        return out

    def pmf(self, mu: FloatArray, theta: float) -> FloatArray:
        """P(n | mu), shape (len(mu), counts)."""
        return np.asarray(self.signal_pmf(mu, theta) @ self.mixing.T, dtype=np.float64)

    def each(self, mu: FloatArray, n: npt.NDArray[np.int_], theta: float) -> FloatArray:
        """P(n_i | mu_i)."""
        return np.asarray(np.einsum("ij,ij->i", self.signal_pmf(mu, theta), self.mixing[n]), dtype=np.float64)


def _groups(rank: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(order of increasing rank, for each ordered position the last one of equal rank)."""
    order = np.argsort(rank, kind="stable")
    ranked = rank[order]
    with np.errstate(invalid="ignore"):
        new = ~(np.diff(ranked) <= _TIE * (1.0 + np.abs(ranked[:-1])))
    new &= ~(np.isinf(ranked[1:]) & np.isinf(ranked[:-1]))
    ends = np.append(np.flatnonzero(new), rank.size - 1)
    return order, ends[np.searchsorted(ends, np.arange(rank.size))]


class Lattice:
    """Outcomes of a model up to signal strength `mu_top`, and their order.

    Parameters
    ----------
    model : CountingModel
    mu_top : float
        Largest signal strength that will be asked for.

    Raises
    ------
    InputError
        If there would be more than half a million outcomes.
    """

    def __init__(self, model: CountingModel, mu_top: float) -> None:
        sizes = []
        for channel in model.channels:
            n_max = max(largest_count(channel, mu_top * channel.signal), channel.observed)
            sizes.append(n_max + 1)
        cells = math.prod(sizes)
        if cells > MAX_CELLS or max(sizes) > 5000:
            raise InputError(
                f"{len(sizes)} channels with up to {max(sizes) - 1} counts have {cells:.3g} outcomes, more than "
                f"{MAX_CELLS:,} or 5,000 counts in one; use the profile treatment with toys or the asymptotic limit"
            )
        shared = model.shared_efficiency
        self.tables = [
            _ChannelTable(c, size - 1, model.efficiency, shared) for c, size in zip(model.channels, sizes, strict=True)
        ]
        errors = [c.efficiency_error for c in model.channels]
        self.theta, self.weight = efficiency_nodes(max(errors) if shared else 0.0, model.efficiency)
        self.counts = np.stack([axis.ravel() for axis in np.indices(sizes)])  # [channel, cell]
        self.observed = int(np.ravel_multi_index(model.observed, sizes))
        self.size = cells
        self.model = model
        self._best: FloatArray | None = None

    def pmf(self, mu: FloatArray) -> FloatArray:
        """P(n | mu), shape (len(mu), outcomes)."""
        total = np.zeros((mu.size, self.size))
        for theta, weight in zip(self.theta, self.weight, strict=True):
            product = np.ones((mu.size, 1))
            for table in self.tables:
                product = (product[:, :, None] * table.pmf(mu, theta)[:, None, :]).reshape(mu.size, -1)
            total += weight * product
        return total

    def each(self, mu: FloatArray) -> FloatArray:
        """P(n_i | mu_i) for one mu per outcome."""
        out = np.empty(self.size)
        widest = max(t.counts.size for t in self.tables)
        for part in np.array_split(np.arange(self.size), self.size * widest // _CHUNK + 1):
            total = np.zeros(part.size)
            for theta, weight in zip(self.theta, self.weight, strict=True):
                product = np.full(part.size, weight)
                for table, n in zip(self.tables, self.counts, strict=True):
                    product *= table.each(mu[part], n[part], theta)
                total += product
            out[part] = total
        return out

    def at(self, mu: FloatArray, cell: int) -> FloatArray:
        """P(n | mu) of one outcome, shape (len(mu),)."""
        total = np.zeros(mu.size)
        for theta, weight in zip(self.theta, self.weight, strict=True):
            product = np.full(mu.size, weight)
            for table, n in zip(self.tables, self.counts[:, cell], strict=True):
                product *= table.signal_pmf(mu, theta) @ table.mixing[n]
            total += product
        return total

    @property
    def best(self) -> FloatArray:
        """max over mu >= 0 of P(n | mu) for each outcome: bracket, then golden-section search, all at once."""
        if self._best is None:
            low, high = self._bracket()
            golden = 0.5 * (math.sqrt(5.0) - 1.0)
            a, b = high - golden * (high - low), low + golden * (high - low)
            at_a, at_b = self.each(a), self.each(b)
            for _ in range(20):
                left = at_a > at_b
                low, high = np.where(left, low, a), np.where(left, b, high)
                new = np.where(left, high - golden * (high - low), low + golden * (high - low))
                at_new = self.each(new)
                a, b = np.where(left, new, b), np.where(left, a, new)
                at_a, at_b = np.where(left, at_new, at_b), np.where(left, at_a, at_new)
            self._best = np.maximum(np.maximum(at_a, at_b), self.pmf(np.zeros(1))[0])
        return self._best

    def _bracket(self) -> tuple[FloatArray, FloatArray]:
        """Ends between which P(n | mu) has its maximum, from the points of a grid beside the best one."""
        ratios = [n / t.signal for t, n in zip(self.tables, self.counts, strict=True) if t.signal > 0.0]
        grid = np.linspace(0.0, 1.5 * float(np.max(ratios)) + 1.0 / max(t.signal for t in self.tables), 64)
        best, place = np.full(self.size, -1.0), np.zeros(self.size, dtype=np.int64)
        for i, mu in enumerate(grid):
            p = self.pmf(np.array([mu]))[0]
            better = p > best
            best[better], place[better] = p[better], i
        return grid[np.maximum(place - 1, 0)], grid[np.minimum(place + 1, grid.size - 1)]

    def tails(self, mu: float) -> tuple[FloatArray, FloatArray]:
        """(CLs+b, CLb) of every outcome: the probability of outcomes that are not more like a signal of strength mu."""
        with_signal, without = self.pmf(np.array([mu, 0.0]))
        # without background a positive count is infinitely more like signal
        ratio = np.where(without > _TINY, np.log(np.maximum(with_signal, _TINY) / np.maximum(without, _TINY)), np.inf)
        order, last = _groups(ratio)
        out = np.empty((2, self.size))
        for row, probability in zip(out, (with_signal, without), strict=True):
            row[order] = np.cumsum(probability[order])[last]
        return out[0], out[1]

    def region(self, mu: float, cl: float) -> BoolArray:
        """The Feldman-Cousins region of one mu: outcomes above which less than CL is ranked."""
        probability = self.pmf(np.array([mu]))[0]
        order, last = _groups(-np.log(np.maximum(probability, _TINY) / np.maximum(self.best, _TINY)))
        out = np.empty(self.size, dtype=np.bool_)
        first = np.searchsorted(last, last)  # of each group of equal ranks
        ranked = probability[order]
        out[order] = (np.cumsum(ranked) - ranked)[first] < cl
        return out

    def accepted(self, cell: int, mu: FloatArray, cl: float) -> BoolArray:
        """Whether an outcome is in the Feldman-Cousins region of each mu: those ranked above it hold less than CL."""
        best = np.maximum(self.best, _TINY)
        out = np.empty(mu.size, dtype=np.bool_)
        for part in np.array_split(np.arange(mu.size), mu.size * self.size // _CHUNK + 1):
            probability = self.pmf(mu[part])
            rank = probability / best
            above = rank > rank[:, cell : cell + 1] * (1.0 + _TIE)
            out[part] = np.where(above, probability, 0.0).sum(axis=1) < cl
        return out

    def p_background(self, cell: int) -> float:
        """P(ratio of best signal to none at least that of the outcome | no signal)."""
        none = self.pmf(np.zeros(1))[0]
        ratio = self.best / np.maximum(none, _TINY)
        return float(none[ratio >= ratio[cell] * (1.0 - _TIE)].sum())
