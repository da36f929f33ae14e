"""Weighted histograms of many weight variations in one pass, with sums of squares, mergeable over chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from toymc.analysis.sums import CompensatedSum
from toymc.errors import InputError
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]


@kernel
def _fill(x: FloatArray, weights: FloatArray, edges: FloatArray, sums: FloatArray) -> None:
    """Add w and w^2 of every weight column to sums (n_bins + 3, 2, n_weights): underflow, bins, overflow, NaN."""
    n_bins = len(edges) - 1
    n_weights = weights.shape[1]
    # first guess for equal bins; the loops below make it exact for any edges
    scale = n_bins / (edges[n_bins] - edges[0])
    for i in range(len(x)):
        value = x[i]
        if value < edges[0]:
            place = 0
        elif value >= edges[n_bins]:
            place = n_bins + 1
        elif value == value:
            b = min(int((value - edges[0]) * scale), n_bins - 1)
            while value < edges[b]:
                b -= 1
            while value >= edges[b + 1]:
                b += 1
            place = b + 1
        else:
            place = n_bins + 2
        for k in range(n_weights):
            w = weights[i, k]
            sums[place, 0, k] += w
            sums[place, 1, k] += w * w


@dataclass(frozen=True)
class Histogram:
    """Sums of w and w^2 per bin for a set of named weights; immutable, filled chunk by chunk, merged with +.

    Bins are closed on the left and open on the right; a value at the last edge is overflow.

    Attributes
    ----------
    edges : float64 (n_bins + 1,)
    labels : tuple of str
        Names of the weights (nominal first, then variations).
    sums : CompensatedSum (n_bins + 3, 2, n_labels)
        Underflow, bins, overflow, NaN.

    Examples
    --------
    >>> h = Histogram.of(np.array([0.0, 1.0, 2.0])).fill(np.array([0.5, 1.5, 1.6]), np.array([1.0, 2.0, 2.0]))
    >>> h.values(), h.variances()
    (array([1., 4.]), array([1., 8.]))
    """

    edges: FloatArray
    labels: tuple[str, ...]
    sums: CompensatedSum

    @classmethod
    def of(cls, edges: npt.ArrayLike, labels: Sequence[str] = ("nominal",)) -> Self:
        """Empty histogram.

        Raises
        ------
        InputError
            For edges that do not rise, or labels that are missing or repeated.
        """
        e = np.array(edges, dtype=np.float64)
        if e.ndim != 1 or len(e) < 2 or not np.all(np.isfinite(e)) or np.any(np.diff(e) <= 0.0):
            raise InputError("histogram edges: give at least two finite numbers in rising order")
        if not e[-1] - e[0] > len(e) * np.finfo(np.float64).tiny:
            raise InputError(f"histogram edges from {e[0]} to {e[-1]} are too close for numbers of double precision")
        if not labels or len(set(labels)) != len(labels):
            raise InputError(f"histogram weights {list(labels)}: give at least one name, each once")
        return cls(e, tuple(labels), CompensatedSum.zeros((len(e) + 2, 2, len(labels))))

    def fill(self, x: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Self:
        """With values added.

        Parameters
        ----------
        x : float64 (n,)
            NaN goes to a cell of its own (`not_a_number`).
        weights : float64 (n,) or (n, n_labels), optional
            One weight for every label, e.g. `EventWeights.matrix()`; default 1.

        Raises
        ------
        InputError
            For shapes that do not fit or weights that are not finite.
        """
        values = np.ascontiguousarray(x, dtype=np.float64)
        w = np.ones((len(values), len(self.labels))) if weights is None else np.asarray(weights, dtype=np.float64)
        if w.ndim == 1:
            w = w[:, None]
        if values.ndim != 1 or w.shape != (len(values), len(self.labels)):
            raise InputError(f"{w.shape} weights for {values.shape} values: give ({len(values)}, {len(self.labels)})")
        if not np.all(np.isfinite(w)):
            raise InputError("histogram weights have entries that are not finite")
        sums = np.zeros(self.sums.high.shape)
        _fill(values, np.ascontiguousarray(w), self.edges, sums)
        return type(self)(self.edges, self.labels, self.sums.add(sums))

    def __add__(self, other: Self) -> Self:
        """Merge with a histogram of other events.

        Raises
        ------
        InputError
            If edges or labels differ.
        """
        if not np.array_equal(self.edges, other.edges) or self.labels != other.labels:
            raise InputError("histograms have different edges or weights and cannot be added")
        return type(self)(self.edges, self.labels, self.sums.merge(other.sums))

    def _column(self, label: str) -> int:
        if label not in self.labels:
            raise InputError(f"histogram has no weight '{label}': it has {', '.join(self.labels)}")
        return self.labels.index(label)

    def values(self, label: str = "nominal") -> FloatArray:
        """Sum of weights per bin, float64 (n_bins,), without under- and overflow."""
        return self.sums.value[1:-2, 0, self._column(label)]

    def variances(self, label: str = "nominal") -> FloatArray:
        """Sum of squared weights per bin, float64 (n_bins,)."""
        return self.sums.value[1:-2, 1, self._column(label)]

    def underflow(self, label: str = "nominal") -> float:
        """Sum of weights below the first edge."""
        return float(self.sums.value[0, 0, self._column(label)])

    def overflow(self, label: str = "nominal") -> float:
        """Sum of weights at or above the last edge."""
        return float(self.sums.value[-2, 0, self._column(label)])

    def not_a_number(self, label: str = "nominal") -> float:
        """Sum of weights of values that are NaN."""
        return float(self.sums.value[-1, 0, self._column(label)])

    def n_eff(self, label: str = "nominal") -> FloatArray:
        """Effective number of events per bin, (sum w)^2 / sum w^2; 0 where a bin is empty."""
        return effective_events(self.values(label), self.variances(label))

    def to_hist(self, label: str = "nominal") -> Any:
        """The same as a `hist.Hist` with weight storage and flow bins, for plotting."""
        import hist

        result = hist.Hist(hist.axis.Variable(self.edges, name="x"), storage=hist.storage.Weight())
        cells = self.sums.value[:-1, :, self._column(label)]
        view = result.view(flow=True)
        view["value"], view["variance"] = cells[:, 0], cells[:, 1]
        return result


def effective_events(sum_w: npt.ArrayLike, sum_w2: npt.ArrayLike) -> FloatArray:
    """(sum w)^2 / sum w^2: the number of unweighted events with the same relative error; 0 where nothing is.

    Examples
    --------
    >>> effective_events(np.array([4.0, 0.0]), np.array([8.0, 0.0]))
    array([2., 0.])
    """
    w, w2 = np.asarray(sum_w, dtype=np.float64), np.asarray(sum_w2, dtype=np.float64)
    return np.divide(w * w, w2, out=np.zeros_like(w * w2), where=w2 > 0.0)
