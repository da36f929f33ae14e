"""`toymc limit workspace`: asymptotic answer, toys beside it, refusals."""

import json

import pytest

from tests.inference.public_workspaces import PUBLIC
from toymc.cli import main as entry
from toymc.inference import Model, upper_limit


@pytest.fixture
def says(capsys, tmp_path):
    file = tmp_path / "workspace.json"
    file.write_text(json.dumps(PUBLIC["1bin_shapesys"]))

    def run(*arguments):
        code = entry.run(["limit", "workspace", str(file), *map(str, arguments)])
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return run


def test_asymptotic(says):
    code, out, _ = says("--cl", 0.95, "--json")
    answer, limit = json.loads(out), upper_limit(Model.from_pyhf(PUBLIC["1bin_shapesys"]), cl=0.95)
    assert code == 0 and answer["upper_limit"] == pytest.approx(limit.observed)
    assert list(answer["expected"].values()) == pytest.approx(limit.expected)
    assert "expected_toys" not in answer


def test_toys_do_not_depend_on_workers(says):
    code, out, _ = says("--toys", 400, "--seed", 3, "--workers", 1, "--json")
    answer = json.loads(out)
    assert code == 0 and json.loads(says("--toys", 400, "--seed", 3, "--workers", 3, "--json")[1]) == answer
    assert answer["upper_limit_toys"] == pytest.approx(
        answer["upper_limit"], abs=6.0 * answer["upper_limit_toys_error"]
    )
    assert list(answer["expected_toys"]) == list(answer["expected"]) == ["-2", "-1", "0", "+1", "+2"]
    assert answer["n_toys"] == 400 and answer["seed"] == 3
    assert answer["failed_share"] == 0.0 and answer["failed"] == []
    assert 0.0 < answer["tie_tolerance"] < 1e-5


def test_table(says):
    code, out, err = says("--toys", 100)
    assert code == 0 and err == ""
    for key in ("upper_limit_toys_error", "expected_toys +2", "failed_share", "tie_tolerance"):
        assert key in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--toys", 10), "'--toys': 10 is not allowed"), (("--seed", -1), "--seed"), (("--workers", 0), "--workers"),
     (("--measurement", "x"), "has no measurement 'x'")],
)  # fmt: skip
def test_refusals(says, arguments, message):
    code, out, err = says(*arguments)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1
