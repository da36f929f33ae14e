"""How numba is told to compile toymc's kernels with less work; what a kernel is, `toymc.kernels` says.

A cold start compiles some thousand functions, and numba does more for each of them than is of use here:

- It compiles a function once more for every constant that it is called with. `Kernel` takes the type alone.
- It makes machine code of every function, although it links the intermediate code of a callee into its caller and
  makes machine code of it there again. `LinkedKernel` has none of its own: two thirds of all kernels, a quarter of the
  time of compiling.
- Type inference makes objects by the million; the garbage collector looks through them again and again, and finds
  little. It rests meanwhile (a tenth of the time).
- Python keeps its frames in pieces of 16 kB. A loop whose calls begin in one piece and end in the next asks the
  system for memory and gives it back at every turn (a tenth of the time). One large piece has no ends.
"""

import gc
import hashlib
import threading
import time
import types as python_types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import types
from numba.core.caching import FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

try:
    import fcntl
except ImportError:  # not on Windows: everybody compiles for himself
    fcntl = None  # type: ignore[assignment]

_FRAME_SLOTS = 140_000
"""Of eight bytes: the piece is the next power of two, 2 MB, and what the frame leaves of it, 0.9 MB, holds the rest."""

_here = threading.local()
_PATIENCE_S = 180.0
"""After that a process compiles a kernel although another one seems to be at it."""
_folder: Path | None = None


def share_work(folder: Path | None) -> None:
    """Wait for other processes with the same folder rather than compile a kernel that they compile; None: no more.

    What they have made comes from numba's cache then. The system takes back the locks of a process that ends.

    Examples
    --------
    >>> share_work(None)
    """
    global _folder
    _folder = folder


@contextmanager
def _alone(kernel: Any) -> Iterator[None]:
    """Hold the lock of a kernel if work is shared, or go on without it after a long time."""
    if _folder is None or fcntl is None or getattr(_here, "busy", False):
        yield
        return
    function = kernel.py_func
    name = hashlib.sha256(f"{function.__module__}.{function.__qualname__}".encode()).hexdigest()
    try:
        file = (_folder / name).open("w")
    except OSError:
        yield
        return
    with file:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:
                break  # a file system without locks
        yield


def _in_large_frame(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call a function; its frames come to lie behind this one, in one piece of memory (see the module)."""
    return function(argument)


# the frame asks for more slots than it uses: memory that is never touched is never there
_in_large_frame.__code__ = _in_large_frame.__code__.replace(co_stacksize=_FRAME_SLOTS)


def with_little_overhead(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call a function that compiles: in one large piece of stack, without garbage collector.

    Examples
    --------
    >>> with_little_overhead(abs, -2.0)
    2.0
    """
    if getattr(_here, "busy", False):
        return function(argument)
    collects = gc.isenabled()
    gc.disable()
    _here.busy = True
    try:
        return _in_large_frame(function, argument)
    finally:
        _here.busy = False
        if collects:
            gc.enable()


# numba says little about its types, and in every version something else
_Dispatcher: Any = CPUDispatcher
_Compiler: Any = Compiler
_Library: Any = JITCodeLibrary
_Cache: Any = FunctionCache


class Kernel(_Dispatcher):  # type: ignore[misc]
    """A compiled function that takes a constant for what it is elsewhere: a value of its type."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        plain = tuple(types.unliteral(kind) for kind in args)
        return super().get_call_template(plain, {name: types.unliteral(kind) for name, kind in kws.items()})

    def enable_caching(self) -> None:
        self._cache = _KernelCache(self.py_func)

    def compile(self, sig: Any) -> Any:
        with _alone(self):
            return with_little_overhead(super().compile, sig)


class LinkedKernel(Kernel):
    """A kernel for kernels: others link it in, and it has no machine code of its own.

    A call from Python goes to a second kernel, which is compiled on that occasion.
    """

    def __init__(self, py_func: Any, locals: Any = None, targetoptions: Any = None, pipeline_class: Any = None) -> None:
        unwrapped = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        given = {} if targetoptions is None else targetoptions
        # without those of a kernel that is made anew from a pickled one
        self._options_from_python = {name: value for name, value in given.items() if name not in unwrapped}
        self._from_python: Any = None
        super().__init__(py_func, locals or {}, {**given, **unwrapped}, _LinkedCompiler)

    def add_overload(self, cres: Any) -> None:
        # not told to the C part of the dispatcher, which would call it
        self.overloads[tuple(cres.signature.args)] = cres

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:
        if self._from_python is None:
            self._from_python = self._second()
        known = set(self._from_python.overloads)
        entry = self._from_python._compile_for_args(*args, **kws)
        for kinds, cres in self._from_python.overloads.items():
            if kinds not in known:
                self._insert([kind._code for kind in kinds], cres.entry_point, cres.objectmode)
        return entry

    def _second(self) -> Any:
        function = self.py_func
        # under another name, as the cache goes by names
        copy = python_types.FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        copy.__qualname__ = f"{function.__qualname__}_from_python"
        second = Kernel(copy, targetoptions=self._options_from_python)
        mine = getattr(self._cache, "_cache_file", None)
        if mine is not None:
            second.enable_caching()
            second._cache._cache_file._source_stamp = mine._source_stamp
        return second


class _KernelCache(_Cache):  # type: ignore[misc]
    """numba's cache, but for types of arguments whose module is gone or has another name: that is not there."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (ImportError, AttributeError):
            self.flush()
            return None


class _LinkedCompiler(_Compiler):  # type: ignore[misc]
    """numba's compiler, writing into a library of our kind."""

    def define_pipelines(self) -> Any:
        if self.state.library is None:
            self.state.library = _LinkedLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
            self.state.library.enable_object_caching()
        return super().define_pipelines()


class _LinkedLibrary(_Library):  # type: ignore[misc]
    """Optimised intermediate code for callers to link in; of machine code only the slot of the environment.

    numba writes the environment of a function (what it raises and prints) into a variable of this module, and the
    callers share that variable.
    """

    _final_module: Any

    def _finalize_final_module(self) -> None:
        self._finalized = True  # as the next line asks for
        self._get_module_for_linking()
        slots = ir.Module(self.name)
        slots.triple = self._final_module.triple
        for variable in self._final_module.global_variables:
            if variable.name.startswith("_ZN08NumbaEnv"):
                slot = ir.GlobalVariable(slots, ir.IntType(8).as_pointer(), variable.name)
                slot.linkage, slot.initializer = "common", ir.Constant(slot.value_type, None)
        self._final_module = binding.parse_assembly(str(slots))
        self._final_module.name = self.name
        super()._finalize_final_module()
