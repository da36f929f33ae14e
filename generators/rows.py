"""From the arrays that event kernels fill to a batch, and their growth: shared by all processes.

`reals` (9, capacity): px, py, pz, mass, x, y, z, t, helicity; `codes` (3, capacity) int32: pdg, status, mother.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.events import EventBatch

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
_Number = TypeVar("_Number", np.float64, np.int32)

COLUMNS = ("px", "py", "pz", "mass", "x", "y", "z", "t", "helicity")


def check_events(n_events: int) -> None:
    """Refuse fewer than one event.

    Raises
    ------
    InputError

    Examples
    --------
    >>> check_events(1)
    """
    if n_events < 1:
        raise InputError(f"{n_events} events asked for: give at least 1")


def grown(array: npt.NDArray[_Number], used: int, capacity: int) -> npt.NDArray[_Number]:
    """The same rows of columns with room for `capacity`; the first `used` are kept.

    Examples
    --------
    >>> grown(np.zeros((9, 2)), 1, 5).shape
    (9, 5)
    """
    larger = np.empty((array.shape[0], capacity), dtype=array.dtype)
    larger[:, :used] = array[:, :used]
    return larger


def event_batch(
    reals: FloatArray,
    codes: Int32Array,
    offsets: IntArray,
    weight: FloatArray,
    first_event_id: int,
    process: str,
) -> EventBatch:
    """Batch of the events whose rows end at ``offsets[-1]``; columns are views.

    Parameters
    ----------
    reals : float64 (9, capacity)
    codes : int32 (3, capacity)
    offsets : int64 (n + 1,)
    weight : float64 (n,)
    first_event_id : int
    process : str

    Returns
    -------
    EventBatch

    Examples
    --------
    >>> codes = np.array([[22], [1], [-1]], dtype=np.int32)
    >>> event_batch(np.zeros((9, 1)), codes, np.array([0, 1]), np.ones(1), 7, "doc").event_id
    array([7])
    """
    rows, n = int(offsets[-1]), len(weight)
    return EventBatch(
        offsets=offsets,
        pdg=codes[0, :rows],
        status=codes[1, :rows],
        mother=codes[2, :rows],
        **dict(zip(COLUMNS, reals[:, :rows], strict=True)),
        weight=weight,
        event_id=np.arange(first_event_id, first_event_id + n, dtype=np.int64),
        process=process,
    )
