"""The one place that says how toymc compiles its kernels.

Kernels release the interpreter lock (threads scale), are cached on disk (the second start is quick), and divide like
numpy (no exception branch in hot loops). `fastmath` stays off: NaN checks and compensated sums must mean what they say.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` with numba in toymc's one mode (nopython, nogil, cached, numpy division).

    Parameters
    ----------
    function : callable
        A module-level function of arrays and scalars.

    Returns
    -------
    callable
        The compiled function, typed as the original for the type checker.

    Examples
    --------
    >>> @kernel
    ... def _twice(x):
    ...     return 2.0 * x
    >>> _twice(1.5)
    3.0
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    # functions typed at a prompt or in a doctest have no file to cache beside
    options["cache"] = not function.__code__.co_filename.startswith("<")
    return cast(F, numba.njit(**options)(function))
