"""Where a scan of local q0 exceeds a level: upcrossings along the mass, Euler characteristic over mass and lifetime.

The excursion set A_u holds the hypotheses with q0 > u. On a line it is a number of pieces: one for every upcrossing,
and one more for each stretch of the scan that begins above u. On a grid the Euler characteristic phi counts pieces
minus holes; with neighbouring points joined by edges and four neighbours by a face it is phi = points - edges + faces
[R. Adler, J. Taylor, Random Fields and Geometry (2007), chapter 6; O. Vitells, E. Gross, Astropart. Phys. 35 (2011)
230, arXiv:1105.4355, section 3.2]. Diagonal neighbours are not joined: on a grid finer than the field varies this does
not matter.

Stretches: vetoed mass regions and several channels break a scan into stretches that touch nowhere. They are labelled
by one integer per mass, and neither an upcrossing nor an edge joins two labels.

Failed points (NaN) do not exist on a line (the neighbours on both sides meet) and count as not exceeding on a grid.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@kernel
def _upcrossings(q0: Any, levels: Any, stretch: Any, counts: Any) -> None:
    """Upcrossings of (n_toys, n_masses) at rising levels, added to counts (n_toys, n_levels)."""
    for toy in range(q0.shape[0]):
        before, label = np.inf, np.int64(-1)
        for i in range(q0.shape[1]):
            value = q0[toy, i]
            if value != value:
                continue
            if stretch[i] == label and value > before:
                for k in range(levels.size):
                    if levels[k] >= value:
                        break
                    if levels[k] >= before:
                        counts[toy, k] += 1
            before, label = value, stretch[i]


@kernel
def _add_cell(value: float, sign: int, levels: Any, row: Any) -> None:
    """A point, edge or face belongs to the excursion set of every level below its smallest corner."""
    for k in range(levels.size):
        if not value > levels[k]:
            break
        row[k] += sign


@kernel
def _euler(q0: Any, levels: Any, stretch: Any, counts: Any) -> None:
    """Euler characteristics of (n_toys, n_masses, n_lifetimes) at rising levels, added to counts (n_toys, n_levels)."""
    n_toys, n, m = q0.shape
    lowest = levels[0]
    for toy in range(n_toys):
        for i in range(n):
            joined = i + 1 < n and stretch[i + 1] == stretch[i]
            for j in range(m):
                here = q0[toy, i, j]
                if not here > lowest:
                    continue  # nothing that has this corner is in any set; NaN ends here too
                _add_cell(here, 1, levels, counts[toy])
                if j + 1 < m:
                    _add_cell(min(here, _or_below(q0[toy, i, j + 1])), -1, levels, counts[toy])
                if joined:
                    up = _or_below(q0[toy, i + 1, j])
                    _add_cell(min(here, up), -1, levels, counts[toy])
                    if j + 1 < m:
                        far = min(_or_below(q0[toy, i, j + 1]), _or_below(q0[toy, i + 1, j + 1]))
                        _add_cell(min(here, up, far), 1, levels, counts[toy])


@kernel
def _or_below(value: float) -> float:
    """The value, minus infinity for a failed point."""
    return value if value == value else -np.inf


def check_stretches(stretches: npt.ArrayLike | None, n_masses: int) -> IntArray:
    """One label per mass; all the same if none are given.

    Raises
    ------
    InputError
        If their number is not that of the masses, or a label is not a whole number >= 0.
    """
    if stretches is None:
        return np.zeros(n_masses, np.int64)
    given = np.asarray(stretches)
    if given.shape != (n_masses,):
        raise InputError(f"stretches have shape {given.shape}: give one label per mass, ({n_masses},)")
    if given.dtype.kind not in "iu" or np.any(given < 0):
        raise InputError(f"stretches hold {given.min()!s} ({given.dtype}): give whole numbers from 0")
    return np.ascontiguousarray(given, dtype=np.int64)


def check_levels(levels: npt.ArrayLike) -> FloatArray:
    """Levels in rising order.

    Raises
    ------
    InputError
        For levels that do not rise, are not positive or not finite.
    """
    array = np.atleast_1d(np.asarray(levels, dtype=np.float64))
    if array.ndim != 1 or not array.size or not np.all(np.isfinite(array) & (array > 0.0)):
        raise InputError(f"levels of q0 {array.tolist()}: give positive finite numbers (q0 is 0 for half of the toys)")
    if np.any(np.diff(array) <= 0.0):
        raise InputError(f"levels of q0 {array.tolist()}: give them in rising order, each once")
    return array


def check_scan(q0: npt.ArrayLike, what: str = "q0") -> FloatArray:
    """Local q0 of toys, float64 (n_toys, n_masses[, n_lifetimes]), none negative beyond the tolerance of a fit.

    Raises
    ------
    InputError
        For another number of axes, an empty scan, values below -0.001 or infinite, naming the first of them.
    """
    array = np.ascontiguousarray(q0, dtype=np.float64)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"{what} has shape {array.shape}: give (n_toys, n_masses) or (n_toys, n_masses, n_lifetimes)")
    bad = np.argwhere((array < -1e-3) | np.isinf(array))
    if bad.size:
        where = tuple(int(i) for i in bad[0])
        raise InputError(f"{what}{list(where)} is {array[where]:g}: give q0 >= 0, NaN where a fit failed")
    return array


def count_excursions(q0: npt.ArrayLike, levels: npt.ArrayLike, stretches: npt.ArrayLike | None = None) -> IntArray:
    """Upcrossings of scans over mass, Euler characteristics of scans over mass and lifetime.

    Parameters
    ----------
    q0 : array_like, (n_toys, n_masses) or (n_toys, n_masses, n_lifetimes)
        Local q0 in the order of the grid; NaN where a fit failed.
    levels : array_like, (n_levels,)
        Rising and positive.
    stretches : array_like of int, (n_masses,), optional
        Label of the stretch that each mass belongs to (channel, side of a veto).

    Returns
    -------
    int64 (n_toys, n_levels)
        With two axes the pieces that begin a stretch are not counted (upcrossings), with three they are.

    Raises
    ------
    InputError
        For shapes, levels or labels that do not fit.

    Examples
    --------
    >>> count_excursions([[0.0, 2.0, 0.5, 3.0, 3.5]], [1.0, 2.5])
    array([[2, 1]])
    >>> ring = np.full((1, 3, 3), 2.0)
    >>> ring[0, 1, 1] = 0.0
    >>> count_excursions(ring, [1.0])
    array([[0]])
    """
    scan, rising = check_scan(q0), check_levels(levels)
    labels = check_stretches(stretches, scan.shape[1])
    counts = np.zeros((scan.shape[0], rising.size), np.int64)
    (_upcrossings if scan.ndim == 2 else _euler)(scan, rising, labels, counts)
    return counts
