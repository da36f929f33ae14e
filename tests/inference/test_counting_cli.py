"""`toymc limit counting`: options, files, refusals."""

import json

import pytest

from toymc.cli import main as entry

TOML = """
correlated = true
[[channels]]
name = "e"
observed = 2
signal = 0.6
efficiency_error = 0.15
background = { kind = "sideband", count = 3, tau = 2.0 }
[[channels]]
name = "mu"
observed = 0
signal = 0.4
efficiency_error = 0.15
background = 0.7
"""


@pytest.fixture
def says(capsys):
    def run(*arguments):
        code = entry.run(["limit", "counting", *map(str, arguments)])
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return run


def test_answer_of_one_channel(says):
    code, out, _ = says("--observed", 2, "--background", 0.23, "--background-error", 0.38, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["upper_limit"] == pytest.approx(4.964, abs=0.001)
    assert list(answer["expected"]) == ["-2", "-1", "0", "+1", "+2"]
    assert 0.0 < answer["discovery"]["p_value"] < 0.1 and answer["discovery"]["significance"] > 1.0
    assert answer["model"]["channels"][0]["background"] == {"kind": "gaussian", "mean": 0.23, "error": 0.38}


@pytest.mark.parametrize("method", ["cls", "clsb", "fc", "bayes"])
def test_methods(says, method):
    code, out, _ = says("--observed", 3, "--sideband", 2, "--tau", 4, "--efficiency-error", 0.1, "--method", method)
    assert code == 0 and "upper_limit" in out and method in out


def test_constraints_differ(says):
    base = ("--observed", 4, "--background", 1.0, "--background-error", 0.8, "--json")
    limits = []
    for more in ((), ("--constraint", "lognormal"), ("--background-error-down", 0.3)):
        code, out, _ = says(*base, *more)
        assert code == 0
        limits.append(json.loads(out)["upper_limit"])
    assert len(set(limits)) == 3 and max(limits) / min(limits) < 1.2


def test_channels_from_toml_and_json(says, tmp_path):
    (tmp_path / "model.toml").write_text(TOML, encoding="utf-8")
    code, out, _ = says("--model", tmp_path / "model.toml", "--json")
    answer = json.loads(out)
    assert code == 0 and answer["how"] == "exact" and len(answer["model"]["channels"]) == 2
    (tmp_path / "model.json").write_text(json.dumps(answer["model"]), encoding="utf-8")
    code, again, _ = says("--model", tmp_path / "model.json", "--json")
    assert code == 0 and json.loads(again) == answer


def test_toys_do_not_depend_on_workers(says, tmp_path):
    (tmp_path / "model.toml").write_text(TOML, encoding="utf-8")
    words = ("--model", tmp_path / "model.toml", "--treatment", "profile", "--toys", 1000, "--json")
    one, three = says(*words, "--workers", 1), says(*words, "--workers", 3)
    assert one == three and json.loads(one[1])["how"] == "toys" and json.loads(one[1])["failed_share"] == 0.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--background", 1), "--observed is missing"),
        (("--observed", 1), "give either --background or --sideband with --tau"),
        (("--observed", 1, "--background", 1, "--sideband", 2, "--tau", 1), "give either --background or --sideband"),
        (("--observed", 1, "--sideband", 2), "--sideband and --tau belong together"),
        (("--observed", 1, "--sideband", -2, "--tau", 1), "'--sideband': -2"),
        (("--observed", 1, "--sideband", 2, "--tau", 0), "'--tau': 0"),
        (("--observed", 1, "--background", "nan"), "'--background': nan"),
        (("--observed", 1, "--background", 1, "--signal", 0), "'--signal': 0"),
        (("--observed", 1, "--background", 1, "--cl", 1), "'--cl': 1"),
        (("--observed", 1, "--background", 1, "--method", "bayes", "--treatment", "profile"), "method 'bayes'"),
        (("--observed", 1, "--background", 0, "--background-error", 1, "--constraint", "lognormal"), "background = 0"),
        (("--model", "nowhere.toml"), "cannot read nowhere.toml"),
        (("--model", "nowhere.toml", "--observed", 1), "--observed and --model"),
    ],
)
def test_refusals(says, words, message):
    code, out, err = says(*words)
    assert code == 2 and out == "" and message in " ".join(err.split()) and len(err.strip().splitlines()) <= 4


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "channels = [", "a.toml is not TOML"),
        ("a.json", "{", "a.json is not JSON"),
        ("a.json", "[1]", "a table with 'channels' is expected"),
        ("a.toml", TOML.replace("observed = 2", "observed = -2"), "channel 'e': observed = -2"),
        ("a.toml", TOML.replace("tau = 2.0", "tau = nan"), "channel 'e': tau = nan"),
        ("a.toml", TOML.replace("0.6", "0").replace("0.4", "0"), "signal = 0"),
        ("a.toml", TOML.replace('"mu"', '"e"'), "two channels are called 'e'"),
    ],
)
def test_bad_files(says, tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    code, out, err = says("--model", tmp_path / name)
    assert code == 2 and out == "" and message in " ".join(err.split())
