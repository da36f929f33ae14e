"""The validation table: its page shows its numbers, its tests exist, its numbers agree and come out again."""

import ast
import json
import tomllib
from pathlib import Path

import pytest

from tests.validation.make_table import FOLDER, PAGE, RESULTS, measure, must_agree, render

ROOT = Path(__file__).parents[2]
ROWS = json.loads(RESULTS.read_text(encoding="utf-8"))
CITED = tomllib.loads((FOLDER / "cited.toml").read_text(encoding="utf-8"))["row"]


def agrees(row):
    if "probability" in row:
        return row["probability"] > 1e-3
    return abs(row["deviation"]) <= row["allowed"]


def test_page_shows_the_measured_numbers():
    assert PAGE.read_text(encoding="utf-8") == render(ROWS)


@pytest.mark.parametrize("test", sorted({row["test"] for row in (*ROWS, *CITED)}))
def test_cited_tests_exist(test):
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_measured_numbers_agree_with_their_references():
    assert [row["check"] for row in ROWS if agrees(row) != must_agree(row)] == []


@pytest.mark.validate
def test_measured_again():
    again = [row.to_dict() for row in measure()]
    assert [row["check"] for row in again] == [row["check"] for row in ROWS]
    assert [row["check"] for row in again if agrees(row) != must_agree(row)] == []
