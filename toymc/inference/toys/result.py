"""What every toy study gives back: one number and one status per toy, p-values that say what failures could change.

Toys are addressed, not handed on: toy i of an ensemble is row i % BLOCK of block i // BLOCK, and a block draws from its
own stream (seed, name, "toys", block). The numbers are therefore the same for any number of workers, and a single toy
can be thrown again alone. A fit that fails keeps its place in the arrays with a status and a reason; it is not dropped,
not drawn again, and does not end the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.streams import stream

BLOCK = 1024
"""Toys that share one random stream; part of what makes an ensemble reproducible."""

OK = 0
"""Status of a toy whose fits converged."""

FloatArray: TypeAlias = npt.NDArray[np.float64]
T = TypeVar("T")


class Mapper(Protocol):
    """Applies a function to block numbers, results in their order: `map`, or the `map` of a thread pool."""

    def __call__(self, function: Callable[[int], T], blocks: Sequence[int], /) -> Iterable[T]:
        """Results of `function` in the order of `blocks`."""


@dataclass(frozen=True)
class PValue:
    """The share of toys at or above an observed value, and how far failed toys could move it.

    `value` is that share among the toys that were fitted; `low` counts every failed toy as below the observed value,
    `high` as above it. `error` is the standard deviation of a binomial share with Jeffreys' prior (not zero where no
    toy exceeds). `tolerance` is what two test statistics may differ by and still count as equal.
    """

    value: float
    low: float
    high: float
    error: float
    n_toys: int
    n_failed: int
    tolerance: float


@dataclass(frozen=True)
class FailedToy:
    """A toy without a result: where it is (`seed`, `name`, `index`) and why."""

    index: int
    seed: int
    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class ToyResult:
    """One test statistic for every toy of an ensemble.

    Attributes
    ----------
    statistic : float64[n]
        NaN where the toy failed.
    status : int8[n]
        0, or a key of `reasons`.
    reasons : mapping
        What the codes mean.
    seed : int
    name : str
        Name of the ensemble's random streams.
    tolerance : float
        Not below the error of the fits: statistics closer than this are equal.
    """

    statistic: FloatArray
    status: npt.NDArray[np.int8]
    reasons: Mapping[int, str]
    seed: int
    name: str
    tolerance: float

    @property
    def n_toys(self) -> int:
        """Toys thrown, failed ones included."""
        return int(self.status.size)

    @property
    def n_failed(self) -> int:
        """Toys without a result."""
        return int(np.count_nonzero(self.status))

    @property
    def failed_share(self) -> float:
        """Share of the toys without a result."""
        return self.n_failed / self.n_toys

    @property
    def failed(self) -> tuple[FailedToy, ...]:
        """The toys without a result, in order."""
        return failed_toys(self.status, self.reasons, self.seed, self.name)

    def p_value(self, observed: float) -> PValue:
        """P(statistic >= observed), ties counted as exceeding.

        Parameters
        ----------
        observed : float
            Value of the statistic in the data, from the same fits.

        Returns
        -------
        PValue

        Raises
        ------
        InputError
            If the observed value is NaN.

        Examples
        --------
        >>> toys = ToyResult(np.array([0.0, 1.0, 4.0, np.nan]), np.array([0, 0, 0, 1], np.int8), {1: "x"}, 1, "a", 1e-6)
        >>> p = toys.p_value(1.0000000001)
        >>> round(p.value, 3), p.low, p.high
        (0.667, 0.5, 0.75)
        """
        if math.isnan(observed):
            raise InputError("the observed test statistic is NaN: the fit to the data failed")
        above = int(np.count_nonzero(self.statistic >= observed - self.tolerance))  # NaN compares as false
        n, failed = self.n_toys, self.n_failed
        good = n - failed
        return PValue(
            value=above / good if good else math.nan,
            low=above / n,
            high=(above + failed) / n,
            error=share_error(above, good),
            n_toys=n,
            n_failed=failed,
            tolerance=self.tolerance,
        )

    def quantile(self, upper_tail: float) -> float:
        """The largest value v of the ensemble with P(statistic >= v) >= `upper_tail`; failed toys left out.

        >>> toys = ToyResult(np.arange(4.0), np.zeros(4, np.int8), {}, 1, "a", 1e-6)
        >>> toys.quantile(0.5)
        2.0
        """
        good = np.sort(self.statistic[self.status == OK])[::-1]
        if good.size == 0:
            return math.nan
        return float(good[min(max(math.ceil(upper_tail * good.size) - 1, 0), good.size - 1)])


def failed_toys(
    status: npt.NDArray[np.int8], reasons: Mapping[int, str], seed: int, name: str
) -> tuple[FailedToy, ...]:
    """The toys whose status is not 0, with the reason in words.

    >>> failed_toys(np.array([0, 2], np.int8), {2: "no minimum"}, 7, "signal")
    (FailedToy(index=1, seed=7, name='signal', reason='no minimum'),)
    """
    return tuple(FailedToy(int(i), seed, name, reasons[int(status[i])]) for i in np.flatnonzero(status))


def share_error(above: int, n: int) -> float:
    """Standard deviation of Beta(above + 1/2, n - above + 1/2): the error of a share, not zero at its ends.

    >>> f"{share_error(0, 100):.4f} {share_error(50, 100):.4f}"
    '0.0069 0.0495'
    """
    a, b = above + 0.5, n - above + 0.5
    return math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1.0)))


def block_sizes(n_toys: int) -> list[int]:
    """Toys in each block of an ensemble.

    >>> block_sizes(2500)
    [1024, 1024, 452]
    """
    if n_toys < 1:
        raise InputError(f"{n_toys} toys: give 1 or more")
    full, rest = divmod(n_toys, BLOCK)
    return [BLOCK] * full + ([rest] if rest else [])


def toy_stream(seed: int, name: str, block: int) -> np.random.Generator:
    """The random stream of one block of an ensemble.

    >>> bool(toy_stream(1, "a", 0).random() == toy_stream(1, "a", 0).random())
    True
    """
    return stream(seed, name, "toys", block)


def run_blocks(task: Callable[[int], T], n_toys: int, mapper: Mapper | None = None) -> list[T]:
    """The results of `task(block)` for all blocks of an ensemble, in order.

    Parameters
    ----------
    task : callable
        Takes a block number; called in threads if the mapper does so.
    n_toys : int
    mapper : callable, optional
        `map` if not given; `ThreadPoolExecutor(n).map` uses n cores, the kernels release the interpreter lock.
    """
    blocks = range(len(block_sizes(n_toys)))
    apply: Any = map if mapper is None else mapper
    return list(apply(task, blocks))
