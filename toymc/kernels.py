"""The one place that says how toymc compiles its kernels.

Kernels release the interpreter lock (threads scale), are cached on disk (the second start is quick), and divide like
numpy (no exception branch in hot loops). `fastmath` stays off: NaN checks and compensated sums must mean what they say.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba.core import config

from toymc.compiling import Kernel, LinkedKernel

F = TypeVar("F", bound=Callable[..., Any])

_FROZEN = (bool, int, float, complex, str, bytes, tuple, np.generic)


def kernel(function: F) -> F:
    """Compile `function` with numba in toymc's one mode (nopython, nogil, cached, numpy division).

    Parameters
    ----------
    function : callable
        A module-level function of arrays and scalars. Kernels and constants that it takes from other modules have to be
        imported above it.

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
    return _compiled(function, Kernel, {})


def lean_kernel(function: F) -> F:
    """Compile `function` as `kernel` does, but without reference counting: for the inner functions of an event loop.

    numba counts references to every array that a function takes out of a tuple or slices; with a few dozen arrays
    handed down through five levels these atomic operations were half of the time of a tau pair (4.0 against 2.3 us per
    event, measured). A lean kernel must not allocate (numba refuses `np.empty` in it at compile time) and must be
    called from a `kernel`, not from Python: on the way in from Python numba takes a reference to the random generator
    that only the runtime would give back.

    Parameters
    ----------
    function : callable
        A module-level function of arrays and scalars that allocates nothing.

    Returns
    -------
    callable
        The compiled function, typed as the original for the type checker.
    """
    return _compiled(function, LinkedKernel, {"_nrt": False})


def inlined_kernel(function: F) -> F:
    """Compile `function` as `lean_kernel` does and expand it where it is called: for small functions or single calls.

    A call hands over every array (seven words) and every scalar of a tuple on the stack; for the small functions of the
    calorimeter that took longer than their work (a photon: 260 ns with calls, 115 ns without, measured).

    Parameters
    ----------
    function : callable
        A module-level function of arrays and scalars that allocates nothing; called from kernels alone.

    Returns
    -------
    callable
        The compiled function, typed as the original for the type checker.
    """
    return _compiled(function, LinkedKernel, {"_nrt": False, "forceinline": True})


def _compiled(function: F, make: Callable[..., Any], more: dict[str, Any]) -> F:
    if getattr(config, "DISABLE_JIT", False):
        return function
    options: dict[str, Any] = {"nopython": True, "nogil": True, "error_model": "numpy", **more}
    dispatcher = make(function, targetoptions=options)
    # functions typed at a prompt or in a doctest have no file to cache beside
    if not function.__code__.co_filename.startswith("<"):
        dispatcher.enable_caching()
    _widen_stamp(dispatcher, function)
    return cast(F, dispatcher)


def stamp_with_file(file: str, *functions: Callable[..., Any]) -> None:
    """Let cached kernels that call these functions depend on the whole of `file`: for what numba is taught there.

    Parameters
    ----------
    file : str
        ``__file__`` of the module that calls this.
    *functions : callable
        Functions that exist in kernels without being kernels themselves.

    Examples
    --------
    >>> def taught(x):
    ...     return x
    >>> stamp_with_file(__file__, taught)
    >>> len(taught.toymc_stamp)
    64
    """
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    for function in functions:
        cast(Any, function).toymc_stamp = digest


def _widen_stamp(dispatcher: Any, function: Callable[..., Any]) -> None:
    """Make the cached code depend on all that is compiled into it.

    numba drops cached code when the file of the function changes, but not when a function or constant does that it
    takes from another file [numba documentation, "Caching limitations"]: a new constant would leave old physics behind.
    """
    digest = hashlib.sha256()
    for name in sorted(set(function.__code__.co_names)):
        value = function.__globals__.get(name)
        stamp = getattr(value, "toymc_stamp", None)
        if stamp is not None:
            digest.update(f"{name}:{stamp}".encode())
        elif isinstance(value, np.ndarray):
            digest.update(f"{name}:{value.dtype}:{value.shape}".encode() + value.tobytes())
        elif isinstance(value, _FROZEN):
            digest.update(f"{name}={value!r}".encode())
    file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if file is not None:
        file._source_stamp = (file._source_stamp, digest.hexdigest())
        digest.update(repr(file._source_stamp).encode())
    dispatcher.toymc_stamp = digest.hexdigest()
