"""Bins in (M2_recoil, theta) that follow the resolution of one mass hypothesis, and merge where simulation is thin.

M2 is cut into bins of a fixed share of the resolution s(M^2) around M^2, in a window of a fixed number of s; theta into
given slices. Bins are merged on the background simulation alone, never on data or signal: in every slice of theta, from
both ends of the window towards the peak, a bin takes its neighbour until the background in it has the effective number
of events asked for and no process has a negative sum of weights. A slice that does not reach it as a whole is merged
with the next slice. The Gaussian constraint of Barlow-Beeston factors needs about ten events per bin; that number is a
choice of this project, like one bin per s and a window of +- 10 s (which leaves sidebands to fit the background level):
the binning of arXiv:2212.03066 is not public.
"""

import math
from dataclasses import dataclass

import numpy as np

from toymc.errors import InputError
from toymc.inference.recoil.events import FloatArray

BIN_WIDTH = 1.0  # in s
HALF_WINDOW = 10.0  # in s
MIN_EFFECTIVE = 10.0


@dataclass(frozen=True, eq=False)
class Binning:
    """A grid and the merged bin of each of its cells.

    Attributes
    ----------
    m2_edges : float64 (n + 1,), GeV^2
    theta_edges : float64 (m + 1,), rad
    label : int64 (m, n)
        Merged bin of each cell, counted from 0.
    """

    m2_edges: FloatArray
    theta_edges: FloatArray
    label: np.ndarray[tuple[int, int], np.dtype[np.int64]]

    @property
    def n_bins(self) -> int:
        """Number of merged bins."""
        return int(self.label.max()) + 1

    def fill(self, m2: FloatArray, theta: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of weights and of squared weights per merged bin; events outside the window or slices are left out."""
        sums, squares = cells(self.m2_edges, self.theta_edges, m2, theta, weight)
        flat = self.label.ravel()
        return (
            np.bincount(flat, sums.ravel(), self.n_bins).astype(np.float64),
            np.bincount(flat, squares.ravel(), self.n_bins).astype(np.float64),
        )


def cells(
    m2_edges: FloatArray, theta_edges: FloatArray, m2: FloatArray, theta: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sums of weights and squared weights per cell, float64 (m, n); cells are closed on the left."""
    n, m = m2_edges.size - 1, theta_edges.size - 1
    i, j = np.searchsorted(m2_edges, m2, "right") - 1, np.searchsorted(theta_edges, theta, "right") - 1
    j = np.where(theta == theta_edges[-1], m - 1, j)  # the last slice holds its upper end (180 degrees)
    inside = (i >= 0) & (i < n) & (j >= 0) & (j < m)
    place, w = (j * n + i)[inside], weight[inside]
    sums = np.bincount(place, w, m * n).astype(np.float64).reshape(m, n)
    squares = np.bincount(place, w * w, m * n).astype(np.float64).reshape(m, n)
    return sums, squares


def window_edges(
    mass: float, s: float, low: float, high: float, width: float = BIN_WIDTH, half_window: float = HALF_WINDOW
) -> FloatArray:
    """Edges in M2 for one hypothesis, GeV^2: bins of `width` s, the middle one around M^2, cut at [low, high].

    Raises
    ------
    InputError
        If M^2 lies outside [low, high] or numbers are not positive.

    Examples
    --------
    >>> window_edges(2.0, 0.1, -1.0, 100.0, half_window=2.5)
    array([3.75, 3.85, 3.95, 4.05, 4.15, 4.25])
    """
    for name, value in (("mass", mass), ("resolution", s), ("bin width", width), ("half window", half_window)):
        if not (math.isfinite(value) and value > 0.0):
            raise InputError(f"recoil window: {name} is {value:g}; it must be positive")
    if not low < mass**2 < high:
        raise InputError(f"recoil window: M^2 = {mass**2:g} GeV^2 lies outside the fit range {low:g} to {high:g} GeV^2")
    steps = max(math.floor(half_window / width - 0.5 + 1e-9), 0)
    edges = mass**2 + width * s * (np.arange(-steps, steps + 2) - 0.5)
    inside = edges[(edges > low) & (edges < high)]
    cut_low, cut_high = edges[0] <= low, edges[-1] >= high
    parts = ([low] if cut_low else [], inside, [high] if cut_high else [])
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def merge_cells(
    m2_edges: FloatArray,
    theta_edges: FloatArray,
    sums: FloatArray,
    squares: FloatArray,
    peak: float,
    min_effective: float = MIN_EFFECTIVE,
) -> Binning:
    """Merge cells until every bin has enough effective background events.

    Parameters
    ----------
    m2_edges, theta_edges : float64
    sums, squares : float64 (n_processes, m, n)
        Sums of weights and squared weights of each background in the cells.
    peak : float
        M^2 of the hypothesis, GeV^2.
    min_effective : float
        (sum w)^2 / (sum w^2) of the total background in a bin.

    Returns
    -------
    Binning

    Raises
    ------
    InputError
        If the whole window does not hold that many.

    Examples
    --------
    >>> w = np.array([[[2.0, 2.0, 9.0, 9.0, 1.0]]])
    >>> merge_cells(np.arange(6.0), np.array([0.0, 3.2]), w, w, 2.5, min_effective=4.0).label
    array([[0, 0, 1, 2, 2]])
    """
    m, n = sums.shape[1:]
    rows: list[tuple[int, int]] = []
    start = 0
    for j in range(m):
        if _enough(sums[:, start : j + 1], squares[:, start : j + 1], min_effective):
            rows.append((start, j + 1))
            start = j + 1
    if not rows:
        total, square = float(sums.sum()), float(squares.sum())
        found = total**2 / square if square > 0.0 else 0.0
        raise InputError(
            f"recoil window from {m2_edges[0]:g} to {m2_edges[-1]:g} GeV^2: {found:.3g} effective background events "
            f"({total:.3g} expected), {min_effective:g} are needed; widen the window or simulate more"
        )
    rows[-1] = (rows[-1][0], m)  # what is left over goes to the last slice
    middle = int(np.clip(np.searchsorted(m2_edges, peak, "right") - 1, 0, n - 1))
    label, first = np.empty((m, n), np.int64), 0
    for a, b in rows:
        column = _merge_row(sums[:, a:b].sum(axis=1), squares[:, a:b].sum(axis=1), middle, min_effective)
        label[a:b] = column + first
        first += int(column.max()) + 1
    return Binning(m2_edges, theta_edges, label)


def _enough(sums: FloatArray, squares: FloatArray, min_effective: float) -> bool:
    """Whether the total background is large enough and no process negative."""
    per_process = sums.reshape(sums.shape[0], -1).sum(axis=1)
    total, square = float(per_process.sum()), float(squares.sum())
    return bool(np.all(per_process >= 0.0)) and square > 0.0 and total > 0.0 and total**2 >= min_effective * square


def _merge_row(
    sums: FloatArray, squares: FloatArray, middle: int, min_effective: float
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Labels of one slice (n_processes, n): from both ends inwards, what is left over joins the neighbour outside."""
    n = sums.shape[1]
    left, right = [0], [n]
    for i in range(1, middle + 1):
        if _enough(sums[:, left[-1] : i], squares[:, left[-1] : i], min_effective):
            left.append(i)
    for i in range(n - 1, middle, -1):
        if _enough(sums[:, i : right[-1]], squares[:, i : right[-1]], min_effective):
            right.append(i)
    for side, inner in ((left, middle), (right, middle + 1)):
        a, b = sorted((side[-2] if len(side) > 1 else inner, inner))
        if len(side) > 1 and _enough(sums[:, a:b], squares[:, a:b], min_effective):
            side[-1] = inner
    # the bin in the middle must stand as well: it takes from the side that leaves it smaller
    while not _enough(sums[:, left[-1] : right[-1]], squares[:, left[-1] : right[-1]], min_effective):
        from_left = middle - left[-2] if len(left) > 1 else n + 1
        from_right = right[-2] - middle if len(right) > 1 else n + 1
        (left if from_left <= from_right else right).pop()
    edges = [*left, *reversed(right)]
    return np.repeat(np.arange(len(edges) - 1, dtype=np.int64), np.diff(edges))
