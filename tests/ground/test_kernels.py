"""The kernel decorator: what numba's cache would get wrong by itself."""

import subprocess
import sys
import textwrap

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
