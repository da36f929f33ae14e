"""Sums that do not depend on how the chunks were grouped.

Floating-point addition is not associative, so totals of the same chunks merged along different trees differ in the last
bits. `CompensatedSum` keeps the rounding error of every addition beside the total [D. E. Knuth, TAOCP 2, 4.2.2,
theorem B: TwoSum]; pairs merge to about 1e-32 relative, and the total, rounded once, is the same for any grouping but
for cases half way between two doubles.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def _two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@dataclass(frozen=True)
class CompensatedSum:
    """An array of sums with the rounding errors carried along.

    Attributes
    ----------
    high, low : float64 (...)
        Total and remainder; the value is their sum.

    Examples
    --------
    >>> total = CompensatedSum.zeros((1,)).add(np.array([1e16])).add(np.array([1.0])).add(np.array([-1e16]))
    >>> total.value
    array([1.])
    """

    high: FloatArray
    low: FloatArray

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> Self:
        """Empty sums of the shape given."""
        return cls(np.zeros(shape), np.zeros(shape))

    @property
    def value(self) -> FloatArray:
        """The sums as doubles."""
        return self.high + self.low

    def add(self, values: FloatArray) -> Self:
        """With `values` added to every element."""
        return self.merge(type(self)(np.asarray(values, dtype=np.float64), np.zeros(np.shape(values))))

    def merge(self, other: Self) -> Self:
        """With another set of sums added (accurate double-double addition)."""
        high, error = _two_sum(self.high, other.high)
        low, tiny = _two_sum(self.low, other.low)
        error = error + low
        high, error = _fast_two_sum(high, error)
        high, error = _fast_two_sum(high, error + tiny)
        return type(self)(high, error)


def _fast_two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """TwoSum for |a| >= |b|."""
    total = a + b
    return total, b - (total - a)
