"""Distributions of a test statistic under given parameters: summed over all outcomes, or from toys.

Both answer P(statistic >= observed) with ties counted as exceeding. Where the data are counts alone (known backgrounds,
sidebands with a known tau, known efficiencies) and there are not too many outcomes, the sum is exact; else toys are
thrown, addressed as `toymc.inference.toys.result` says. A toy whose fit fails keeps its place, with a reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from toymc.inference.counting.marginal import largest_count
from toymc.inference.counting.model import CountingChannel, CountingModel, Known, Sideband
from toymc.inference.counting.profile import REASONS, TIE, Outcomes, Parameters, Profile
from toymc.inference.toys.result import Mapper, PValue, ToyResult, block_sizes, run_blocks, toy_stream

FloatArray = npt.NDArray[np.float64]

MAX_OUTCOMES = 100_000
_REACH = 8.0  # standard deviations; outcomes beyond have less than 1e-13 together


class Ensemble(Protocol):
    """What a distribution of the statistic can be asked."""

    def p_value(self, observed: float) -> PValue:
        """P(statistic >= observed)."""

    def quantile(self, upper_tail: float) -> float:
        """The largest value v with P(statistic >= v) >= `upper_tail`."""


@dataclass(frozen=True, eq=False)
class ExactEnsemble:
    """A statistic for every outcome, and the probabilities of the outcomes."""

    statistic: FloatArray
    probability: FloatArray
    tolerance: float = TIE

    def p_value(self, observed: float) -> PValue:
        """P(statistic >= observed), ties counted as exceeding.

        >>> ExactEnsemble(np.array([0.0, 4.0]), np.array([0.75, 0.25])).p_value(4.0 + 1e-9).value
        0.25
        """
        value = float(self.probability[self.statistic >= observed - self.tolerance].sum())
        return PValue(value, value, value, 0.0, 0, 0, self.tolerance)

    def quantile(self, upper_tail: float) -> float:
        """The largest value v with P(statistic >= v) >= `upper_tail`.

        >>> ExactEnsemble(np.array([0.0, 1.0, 4.0]), np.array([0.5, 0.3, 0.2])).quantile(0.5)
        1.0
        """
        order = np.argsort(self.statistic)[::-1]
        cumulative = np.cumsum(self.probability[order])
        index = int(np.searchsorted(cumulative, upper_tail * (1.0 - 1e-9)))
        return float(self.statistic[order[min(index, order.size - 1)]])


def _discrete(channel: CountingChannel) -> bool:
    background = channel.background
    known = type(background) is Known or (isinstance(background, Sideband) and background.kappa == 0.0)
    return known and channel.efficiency_error == 0.0


class Enumerator:
    """All outcomes of a model whose data are counts alone, up to a signal strength.

    Examples
    --------
    >>> model = CountingModel([CountingChannel("on", 0, Sideband(4, 20.0))])
    >>> profile = Profile(model)
    >>> every = Enumerator(profile, 5.0)
    >>> q = profile.statistic(profile.observed(), 2.0)[0][0]
    >>> round(every.ensemble(2.0, 0, profile.conditional(2.0)).p_value(q).value, 4)
    0.1119
    """

    def __init__(self, profile: Profile, mu_top: float) -> None:
        self.profile = profile
        n, m = _axes(profile.model, mu_top)
        grids = np.meshgrid(*[np.arange(size, dtype=np.float64) for size in (*n, *m)], indexing="ij")
        columns = [g.ravel() for g in grids]
        self.outcomes = profile.empty(columns[0].size)
        for c in range(len(n)):
            self.outcomes.counts[:, c] = columns[c]
            self.outcomes.main[:, c] = columns[len(n) + c]
        self.log_factorial = gammaln(np.stack(columns) + 1.0).sum(axis=0)
        self._statistics: dict[tuple[float, int], FloatArray] = {}

    @staticmethod
    def possible(model: CountingModel, mu_top: float) -> bool:
        """Whether the data are counts alone and the outcomes few enough."""
        if not all(_discrete(c) for c in model.channels):
            return False
        n, m = _axes(model, mu_top)
        return math.prod((*n, *m)) <= MAX_OUTCOMES

    def ensemble(self, mu: float, which: int, at: Parameters) -> ExactEnsemble:
        """The statistic that tests `mu`, distributed as the parameters `at` say."""
        key = (mu, which)
        if key not in self._statistics:
            self._statistics = {key: self.profile.statistic(self.outcomes, mu, which)[0]}
        log_p = -self.log_factorial
        for c, channel in enumerate(self.profile.model.channels):
            log_p = log_p + _log_poisson(self.outcomes.counts[:, c], at.mu * channel.signal + at.background[c])
            if isinstance(channel.background, Sideband):
                log_p = log_p + _log_poisson(self.outcomes.main[:, c], channel.background.tau * at.background[c])
        return ExactEnsemble(self._statistics[key], np.exp(log_p))


def _log_poisson(n: FloatArray, mean: float) -> FloatArray:
    """n ln(mean) - mean, without the factorial."""
    if mean == 0.0:
        return np.where(n > 0.0, -np.inf, 0.0)
    return n * math.log(mean) - mean


def _axes(model: CountingModel, mu_top: float) -> tuple[list[int], list[int]]:
    """Numbers of counts per channel, and of sideband counts (1 where there is no sideband)."""
    counts, sidebands = [], []
    for channel in model.channels:
        background = channel.background
        if isinstance(background, Sideband):
            # a conditional fit takes the background up to (n + m)/(1 + tau)
            high = max(background.best, (channel.observed + background.count) / (1.0 + background.tau))
            mean = high * background.tau
            sidebands.append(max(int(mean + _REACH * math.sqrt(mean) + 20.0), background.count) + 1)
            channel = CountingChannel(channel.name, channel.observed, Known(high), channel.signal)
        else:
            sidebands.append(1)
        counts.append(max(largest_count(channel, mu_top * channel.signal, _REACH), channel.observed) + 1)
    return counts, sidebands


class ToyThrower:
    """Ensembles of toys of one model; the same seed gives the same toys for any number of workers.

    The same stream serves all signal strengths, so that p-values change smoothly with them.
    """

    def __init__(self, profile: Profile, n_toys: int, seed: int, mapper: Mapper | None = None) -> None:
        self.profile, self.n_toys, self.seed, self.mapper = profile, n_toys, seed, mapper

    def ensemble(self, mu: float, which: int, at: Parameters) -> ToyResult:
        """The statistic that tests `mu` for toys of the parameters `at`."""
        sizes, name = block_sizes(self.n_toys), "counting" if at.mu > 0.0 else "counting background"

        def block(index: int) -> tuple[FloatArray, npt.NDArray[np.int8]]:
            toys: Outcomes = self.profile.throw(toy_stream(self.seed, name, index), at, sizes[index])
            q, _, status = self.profile.statistic(toys, mu, which)
            return q, status

        parts = run_blocks(block, self.n_toys, self.mapper)
        statistic, status = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        return ToyResult(statistic, status, REASONS, self.seed, name, TIE)
