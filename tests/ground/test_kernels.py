"""The kernel decorator: what numba's cache would get wrong by itself."""

import gc
import os
import subprocess
import sys
import textwrap

import numba
import pytest

from toymc.kernels import inlined_kernel, kernel

CONSTANTS = "SCALE = {scale}\n"
INNER = """
from toymc.kernels import kernel
from constants_of_test import SCALE

@kernel
def inner(x):
    return SCALE * x
"""
OUTER = """
from toymc.kernels import kernel
from inner_of_test import inner

@kernel
def outer(x):
    return inner(x) + 1.0

print(outer(2.0), sum(outer.stats.cache_hits.values()))
"""


def _run(folder):
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import outer_of_test"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    value, hits = answer.stdout.split()
    return float(value), int(hits)


def test_cached_code_follows_constants_two_files_away(tmp_path):
    (tmp_path / "inner_of_test.py").write_text(textwrap.dedent(INNER))
    (tmp_path / "outer_of_test.py").write_text(textwrap.dedent(OUTER))
    (tmp_path / "constants_of_test.py").write_text(CONSTANTS.format(scale=1.5))
    assert _run(tmp_path) == (4.0, 0)
    assert _run(tmp_path) == (4.0, 1)
    (tmp_path / "constants_of_test.py").write_text(CONSTANTS.format(scale=2.0) + "# of another length\n")
    assert _run(tmp_path) == (5.0, 0)
    assert _run(tmp_path) == (5.0, 1)

NAMED = """
from toymc.kernels import kernel

@kernel
def sum(pair):
    return pair.a + pair.b
"""
PAIR = "import typing\nclass Pair(typing.NamedTuple):\n    a: float\n    b: float\n"
LINKED = """
import numpy as np
from toymc.kernels import inlined_kernel, kernel, lean_kernel

@inlined_kernel
def half(x):
    return 0.5 * x

@lean_kernel
def checked(x):
    if x < 0.0:
        raise ValueError("negative")
    return half(x)

@kernel
def total(x):
    sum = 0.0
    for i in range(x.size):
        sum += checked(x[i])
    return sum

if __name__ != "__main__":
    x = np.array([1.0, 2.0, 3.0])
    try:
        total(-x)
        caught = "nothing"
    except ValueError as error:
        caught = str(error)
    print(total(x), caught, checked(4.0), checked(6.0), sum(total.stats.cache_hits.values()))
"""


def test_kernels_without_machine_code_of_their_own_are_linked_called_and_cached(tmp_path):
    (tmp_path / "linked_of_test.py").write_text(LINKED)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import linked_of_test"

    def run():
        command, env = [sys.executable, "-c", code], {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()

    assert run() == ["3.0", "negative", "2.0", "3.0", "0"]
    assert run() == ["3.0", "negative", "2.0", "3.0", "1"]
    # the caller is compiled again, what it calls comes from the disk
    for file in tmp_path.rglob("linked_of_test.total*"):
        file.unlink()
    assert run() == ["3.0", "negative", "2.0", "3.0", "0"]


def test_cached_code_for_a_type_whose_module_is_gone_is_compiled_again(tmp_path):
    (tmp_path / "named_of_test.py").write_text(NAMED)

    def run(module):
        (tmp_path / f"{module}.py").write_text(PAIR)
        code = f"""import sys; sys.path.insert(0, {str(tmp_path)!r}); from {module} import Pair
from named_of_test import sum
print(sum(Pair(1.0, 2.0)), len(sum.stats.cache_hits))"""
        command, env = [sys.executable, "-c", code], {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()
        (tmp_path / f"{module}.py").unlink()
        return answer

    assert run("pairs_of_test") == ["3.0", "0"]
    assert run("pairs_of_test") == ["3.0", "1"]
    assert run("moved_of_test") == ["3.0", "0"]
    assert run("moved_of_test") == ["3.0", "1"]


def test_a_constant_and_a_variable_are_one_type_to_a_kernel():
    _with_constants._cache.flush()  # or nothing is compiled the second time
    assert _with_constants(5) == 1 + 2 + 5
    assert len(_sum.signatures) == 1
    assert len(_scaled.signatures) == 1


def test_compiling_leaves_the_collector_as_it_was():
    assert gc.isenabled()
    _deep(3)
    assert gc.isenabled()
    gc.disable()
    try:
        _deep(3.0)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_error_in_the_compiler_is_told_and_the_collector_works_on():
    with pytest.raises(numba.TypingError):
        _untypeable(1.0)
    assert gc.isenabled()


@inlined_kernel
def _sum(a, b):
    return a + b


@kernel
def _scaled(a, factor=1):
    return factor * a


@kernel
def _with_constants(n):
    return _scaled(_sum(1, 2), factor=1) + _sum(0, _scaled(n, 1))


@kernel
def _deep(x):
    return x * _scaled(x, 2)


@kernel
def _untypeable(x):
    return x.nothing
