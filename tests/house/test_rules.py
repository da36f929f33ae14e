"""Rules that hold in every file of the house."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("toymc", "geometry", "generators", "studies", "tests")
SOURCES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if not any(p.is_symlink() for p in path.parents)
)
STREAM_TYPES = r"(?:Generator|SeedSequence|BitGenerator|PCG64DXSM)"
# toymc/streams.py makes the streams; everything else gets them as arguments
GLOBAL_RANDOM = re.compile(
    rf"\b(?:np|numpy)\.random\.(?!{STREAM_TYPES}\b)|^\s*(?:import random\b|from random import)", re.MULTILINE
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_randomness_comes_from_the_streams(path):
    found = GLOBAL_RANDOM.search(path.read_text(encoding="utf-8"))
    assert found is None, f"{relative(path)}: {found.group()}: take a stream of toymc.streams"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "streams.py"], ids=relative)
def test_generators_are_made_by_the_streams_alone(path):
    text = path.read_text(encoding="utf-8")
    made = re.search(r"\b(?:default_rng|SeedSequence|PCG64\w*|Philox|SFC64|RandomState)\s*\(", text)
    assert made is None, f"{relative(path)}: {made.group()}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_is_left_unfinished(path):
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", r"raise NotImplemented" + "Error")))
    found = marks.search(path.read_text(encoding="utf-8"))
    assert found is None, f"{relative(path)}: {found.group()}"


@pytest.mark.parametrize("path", [p for p in SOURCES if "tests" not in p.parts], ids=relative)
def test_public_functions_have_docstrings_and_fit_a_screen(path):
    faults = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or path.stat().st_size == 0, f"{relative(path)} has no module docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                faults.append(f"{node.name} has no docstring")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 90:
            faults.append(f"{node.name} has {(node.end_lineno or 0) - node.lineno} lines")
    assert not faults, f"{relative(path)}: {'; '.join(faults)}"


def test_three_relative_links_make_one_package():
    for room in ("geometry", "generators", "studies"):
        link = ROOT / "toymc" / room
        assert os.readlink(link) == f"../{room}"


def test_imports_run_one_way():
    linter = Path(sys.executable).parent / "lint-imports"
    if not linter.exists():
        pytest.skip("import-linter comes with the dev extra")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_stands_in_one_release():
    import toymc

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == toymc.__version__
    assert f"## [{toymc.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_machine_path_in_the_repository():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    path_of_a_machine = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")
    for name in listing.stdout.splitlines():
        file = ROOT / name
        if file.suffix in (".py", ".md", ".toml", ".csv", ".json", "") and file.is_file() and not file.is_symlink():
            found = path_of_a_machine.search(file.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{name}: {found.group()}"


def _is_kernel(node: ast.FunctionDef) -> bool:
    return any("kernel" in ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("path", [p for p in SOURCES if "tests" not in p.parts], ids=relative)
def test_everything_but_kernels_carries_types(path):
    """mypy is strict but for kernels, which numba types; this closes the gap that the exception leaves."""
    faults = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [tree.body, *(c.body for c in ast.walk(tree) if isinstance(c, ast.ClassDef))]
    for node in (node for body in bodies for node in body if isinstance(node, ast.FunctionDef)):
        if _is_kernel(node):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        if bare or node.returns is None:
            faults.append(f"{node.name} (line {node.lineno}): {', '.join(bare) or 'its result'}")
    assert not faults, f"{relative(path)}: without types: {'; '.join(faults)}"
