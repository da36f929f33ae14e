"""Kernels without reference counting, for the inner functions of an event loop.

numba counts references to every array that a function takes out of a tuple or slices; with a few dozen arrays handed
down through five levels these atomic operations were half of the time of a tau pair (4.0 against 2.3 us per event,
measured). A `lean_kernel` is compiled without the runtime that does so. It must not allocate (numba refuses
`np.empty` in it at compile time) and must be called from a `kernel`, not from Python: on the way in from Python numba
takes a reference to the random generator that only the runtime would give back.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def lean_kernel(function: F) -> F:
    """Compile `function` in toymc's mode (nopython, nogil, cached, numpy division), without reference counting.

    Parameters
    ----------
    function : callable
        A module-level function of arrays and scalars that allocates nothing and is called from kernels.

    Returns
    -------
    callable
        The compiled function, typed as the original for the type checker.

    Examples
    --------
    >>> @lean_kernel
    ... def _twice(x):
    ...     return 2.0 * x
    >>> _twice(1.5)
    3.0
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
    # functions typed at a prompt or in a doctest have no file to cache beside
    options["cache"] = not function.__code__.co_filename.startswith("<")
    return cast(F, numba.njit(**options)(function))
