"""What the global significance needs of background toys, kept small: the scans themselves may be thrown away.

A toy of the full scan of one channel (2000 masses, 18 lifetimes) is 300 kB; a thousand of them need not be in memory at
once. Blocks are summarised as they come, and summaries of the same scan are added with +, in the order of the toys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.significance.excursions import (
    FloatArray,
    IntArray,
    check_levels,
    check_scan,
    check_stretches,
    count_excursions,
)
from toymc.streams import stream

LEVELS = (0.5, 1.0, 2.5, 4.0)
BLOCK = 32

ScanToys: TypeAlias = Callable[[np.random.Generator, int], npt.ArrayLike]
"""(rng, n) -> local q0 of n background toys, (n, n_masses[, n_lifetimes]), NaN where a fit failed."""


@dataclass(frozen=True, eq=False)
class ToySummary:
    """Background toys of one scan.

    Attributes
    ----------
    grid : tuple of int
        (n_masses,) or (n_masses, n_lifetimes).
    stretches : int64 (n_masses,)
        Labels of the stretches, see `toymc.inference.significance.excursions`.
    levels : float64 (n_levels,)
    counts : int64 (n_toys, n_levels)
        Upcrossings (one axis) or Euler characteristics (two axes).
    shares : float64 (n_toys, n_levels)
        Share of the hypotheses above each level.
    above : int64 (n_levels, *grid)
        Number of toys above each level, per hypothesis.
    maxima : float64 (n_toys,)
        Largest q0 of each toy; NaN if every fit of it failed.
    failed : int64 (n_toys,)
        Points without a fit.
    """

    grid: tuple[int, ...]
    stretches: IntArray
    levels: FloatArray
    counts: IntArray
    shares: FloatArray
    above: IntArray
    maxima: FloatArray
    failed: IntArray

    @property
    def n_toys(self) -> int:
        """Number of toys, failed points included."""
        return int(self.maxima.size)

    @property
    def n_stretches(self) -> int:
        """Number of stretches, each of which may begin above a level."""
        return 1 + int(np.count_nonzero(np.diff(self.stretches)))

    @property
    def failed_share(self) -> float:
        """Share of all fits that failed."""
        return float(self.failed.sum()) / (self.n_toys * int(np.prod(self.grid)))

    def __add__(self, other: Self) -> Self:
        """The toys of both, those of `other` behind.

        Raises
        ------
        InputError
            If grid, stretches or levels differ.
        """
        same = self.grid == other.grid and np.array_equal(self.stretches, other.stretches)
        if not (same and np.array_equal(self.levels, other.levels)):
            raise InputError(f"toys of scans of {self.grid} and {other.grid} hypotheses or of other levels: not added")
        return type(self)(
            self.grid,
            self.stretches,
            self.levels,
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.shares, other.shares]),
            self.above + other.above,
            np.concatenate([self.maxima, other.maxima]),
            np.concatenate([self.failed, other.failed]),
        )


def summarise_toys(
    q0: npt.ArrayLike, stretches: npt.ArrayLike | None = None, levels: npt.ArrayLike = LEVELS
) -> ToySummary:
    """Counts, maxima and failures of background toys.

    Parameters
    ----------
    q0 : array_like, (n_toys, n_masses) or (n_toys, n_masses, n_lifetimes)
        Local q0 (signal yield not negative), NaN where a fit failed.
    stretches : array_like of int, (n_masses,), optional
        Labels of stretches that touch nowhere: channels, sides of a veto.
    levels : array_like
        Rising; the extrapolation and its check choose from these.

    Returns
    -------
    ToySummary

    Raises
    ------
    InputError
        For shapes, values or levels that cannot be.

    Examples
    --------
    >>> toys = summarise_toys([[0.0, 2.0, 0.5], [0.0, 0.0, np.nan]])
    >>> toys.maxima, toys.failed
    (array([2., 0.]), array([0, 1]))
    """
    scan, rising = check_scan(q0), check_levels(levels)
    labels = check_stretches(stretches, scan.shape[1])
    n_toys, grid = scan.shape[0], scan.shape[1:]
    flat = scan.reshape(n_toys, -1)
    missing = np.isnan(flat)
    valid = np.maximum(flat.shape[1] - missing.sum(axis=1), 1)
    largest = np.where(missing, -np.inf, flat).max(axis=1)
    shares, above = np.empty((n_toys, rising.size)), np.empty((rising.size, flat.shape[1]), np.int64)
    for k, level in enumerate(rising):
        over = flat > level  # False for NaN
        shares[:, k], above[k] = over.sum(axis=1) / valid, over.sum(axis=0)
    return ToySummary(
        grid,
        labels,
        rising,
        count_excursions(scan, rising, labels),
        shares,
        above.reshape(rising.size, *grid),
        np.where(np.isfinite(largest), np.maximum(largest, 0.0), np.nan),
        missing.sum(axis=1).astype(np.int64),
    )


def join_scans(summaries: Sequence[ToySummary]) -> ToySummary:
    """One scan of several that were made of other events (channels): toy i of the whole is toy i of each.

    Raises
    ------
    InputError
        For scans with another number of toys, lifetimes or levels.

    Examples
    --------
    >>> one = summarise_toys([[0.0, 2.0], [3.0, 0.0]])
    >>> both = join_scans([one, summarise_toys([[5.0], [0.0]])])
    >>> both.grid, both.maxima, both.n_stretches
    ((3,), array([5., 3.]), 2)
    """
    if not summaries:
        raise InputError("no scans to join: give at least one")
    first = summaries[0]
    for other in summaries[1:]:
        if other.n_toys != first.n_toys or other.grid[1:] != first.grid[1:]:
            raise InputError(
                f"scans of {first.n_toys} toys over {first.grid} and {other.n_toys} over {other.grid} hypotheses: "
                "give the same number of toys and the same lifetimes"
            )
        if not np.array_equal(other.levels, first.levels):
            raise InputError(f"toys counted at {first.levels.tolist()} and {other.levels.tolist()}: count at the same")
    labels, offset = [], 0
    for summary in summaries:
        labels.append(summary.stretches + offset)
        offset = int(labels[-1].max()) + 1
    sizes = np.array([np.prod(s.grid) for s in summaries], dtype=np.float64)
    maxima = np.array([np.where(np.isnan(s.maxima), -1.0, s.maxima) for s in summaries]).max(axis=0)
    return ToySummary(
        (sum(s.grid[0] for s in summaries), *first.grid[1:]),
        np.concatenate(labels),
        first.levels,
        np.sum([s.counts for s in summaries], axis=0),
        np.average([s.shares for s in summaries], axis=0, weights=sizes),
        np.concatenate([s.above for s in summaries], axis=1),
        np.where(maxima < 0.0, np.nan, maxima),
        np.sum([s.failed for s in summaries], axis=0),
    )


def background_toys(
    scan: ScanToys,
    n_toys: int,
    seed: int,
    name: str = "scan",
    stretches: npt.ArrayLike | None = None,
    levels: npt.ArrayLike = LEVELS,
    progress: Callable[[int, int], None] | None = None,
) -> ToySummary:
    """Draw background toys of a scan, block by block, and keep their summary.

    Toy i lies in block i // 32, which is one stream of (seed, name): any block can be drawn again alone, and more toys
    continue the same sequence.

    Parameters
    ----------
    scan : callable
        (rng, n) -> local q0 of n background toys, (n, n_masses[, n_lifetimes]).
    n_toys : int
    seed : int
    name : str
        Name of the scan in the random streams.
    stretches, levels
        As in `summarise_toys`.
    progress : callable, optional
        Called with (toys done, toys asked for).

    Returns
    -------
    ToySummary

    Raises
    ------
    InputError
        If the number of toys is below 2 or the callable returns another number of scans than asked for.

    Examples
    --------
    >>> flat = lambda rng, n: np.maximum(rng.standard_normal((n, 1)).repeat(5, axis=1), 0.0) ** 2
    >>> background_toys(flat, 100, seed=1).n_toys
    100
    """
    if n_toys < 2:
        raise InputError(f"{n_toys} toys: give at least 2, some hundred for a useful error")
    total: ToySummary | None = None
    for block, start in enumerate(range(0, n_toys, BLOCK)):
        # a block is always drawn whole, so that the last one does not depend on the number asked for
        q0 = np.asarray(scan(stream(seed, name, "toys", block), BLOCK), dtype=np.float64)
        if q0.ndim < 2 or q0.shape[0] != BLOCK:
            raise InputError(f"the scan returned shape {q0.shape} for {BLOCK} toys: give one row per toy")
        part = summarise_toys(q0[: n_toys - start], stretches, levels)
        total = part if total is None else total + part
        if progress is not None:
            progress(total.n_toys, n_toys)
    assert total is not None
    return total
