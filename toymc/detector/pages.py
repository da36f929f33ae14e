"""Large tables in little memory, and that in large pages.

The processor remembers where some two thousand pages are. A table that is read here and there and takes eight thousand
of the usual 4 kB has to ask for the place first (covariance of a track: 45 against 20 ns, measured); 2 MB pages do not.
"""

import mmap
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


def in_large_pages(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """A copy of an array in large pages; in usual ones where the system has no others.

    Parameters
    ----------
    array : numpy.ndarray
        Not empty.

    Returns
    -------
    numpy.ndarray
        The same numbers, in one piece.

    Examples
    --------
    >>> in_large_pages(np.arange(3)).tolist()
    [0, 1, 2]
    """
    memory = mmap.mmap(-1, array.nbytes)
    advice: Any = getattr(mmap, "MADV_HUGEPAGE", None)  # Linux
    if advice is not None:
        try:
            memory.madvise(advice)
        except OSError:  # a kernel without them
            pass
    copy = np.frombuffer(memory, dtype=array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def halves(numbers: npt.ArrayLike) -> npt.NDArray[np.uint16]:
    """The leading 16 bits of numbers in single precision, rounded: eight significant bits, a fifth of a per cent.

    A table of them takes half of the memory; `toymc.lane_memory.loaded` makes doubles of them.

    Parameters
    ----------
    numbers : array_like
        Finite, of at most 3e38.

    Returns
    -------
    numpy.ndarray
        uint16, of the same shape.

    Examples
    --------
    >>> (halves([1.0, -56.0]).astype(np.uint32) << 16).view(np.float32).tolist()
    [1.0, -56.0]
    """
    bits = np.ascontiguousarray(numbers, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
