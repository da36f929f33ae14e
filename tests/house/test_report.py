"""What a study leaves behind: result.json, run.toml, HEPData, report.html."""

import json
import math
import re
import tomllib

import pytest
from hepdata_validator.full_submission_validator import FullSubmissionValidator

from toymc.errors import InputError
from toymc.plotting.figures import cutflow_bars
from toymc.report.hepdata import DataTable, Variable, write_submission
from toymc.report.result import Bands, CutFlowStep, Estimator, Hypothesis, Published, Sample, StudyResult, read_result
from toymc.report.run_toml import RunConfig
from toymc.report.tables import limit_table, published_for
from toymc.report.write import Plot, write_run

MASSES = (0.0, 1.0, 1.6)


def hypothesis(channel: str, mass: float, cl: float) -> Hypothesis:
    median = 0.008 / (1.0 + mass) * (1.0 if cl == 0.95 else 0.84)
    return Hypothesis(
        parameters={"channel": channel, "mass_GeV": mass},
        cl=cl,
        expected=Bands.of([f * median for f in (0.53, 0.72, 1.0, 1.39, 1.86)]),
        efficiency=0.12,
    )


@pytest.fixture
def result() -> StudyResult:
    return StudyResult(
        study="tau_l_alpha",
        version="0.1.0",
        seed=1,
        luminosity_fb=62.8,
        limit_on="B(tau -> l alpha)/B(tau -> l nu nu)",
        samples=[Sample(name="tau_pairs", generated=100, selected=7, efficiency=0.07, expected_events=4e6)],
        cutflow={"e: <signal> & more": [CutFlowStep(cut="thrust", raw=7, events=3.5, error=0.5, efficiency=0.07)]},
        hypotheses=[hypothesis(c, m, cl) for c in ("e", "mu") for cl in (0.9, 0.95) for m in MASSES],
        published=[
            Published(parameters={"channel": "e", "mass_GeV": 1.0}, cl=0.95, expected=0.004, observed=0.01, source="a")
        ],
        timing={"generate": 1.5},
    )


CONFIG = RunConfig(
    study="tau_l_alpha",
    options={"luminosity": 62.8, "seed": 1, "scale": 0.1, "data": 'my "data".json', "scheduler": None},
    versions={"toymc": "0.1.0", "pdg_edition": "2026"},
    details={"card": "belle2", "quick": True},
)


def test_result_has_the_keys_of_the_contract(result):
    plain = json.loads(result.to_json())
    assert list(plain)[:4] == ["study", "version", "seed", "luminosity_fb"]
    assert "estimators" not in plain
    first = plain["hypotheses"][0]
    assert first["parameters"] == {"channel": "e", "mass_GeV": 0.0}
    assert list(first["expected"]) == ["-2", "-1", "0", "+1", "+2"]
    assert first["observed"] is None
    assert "background" not in first and "expected_toys" not in first


def test_result_round_trip(result, tmp_path):
    result.write(tmp_path / "result.json")
    assert read_result(tmp_path) == result
    assert result.hypothesis(0.95, channel="mu", mass_GeV=1.0).expected.median == pytest.approx(0.004)
    with pytest.raises(InputError, match="0 hypotheses"):
        result.hypothesis(0.95, channel="mu", mass_GeV=1.1)


def test_numbers_that_are_not_finite_are_refused(result):
    broken = result.model_copy(update={"timing": {"fit": math.nan}})
    with pytest.raises(InputError, match=r"timing\.fit is nan"):
        broken.to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ('{"study": "x"}', "version"), ('{"study": "x", "version": "1", "seed": 1, "no": 1}', "no")],
)
def test_bad_result_files_are_refused(tmp_path, text, message):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_result(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="No such file"):
        read_result(tmp_path / "nowhere.json")


def test_ours_stands_beside_the_published(result):
    table = limit_table(result)
    row = next(r for r in table.rows if r[:3] == ("e", 1.0, 0.95))
    values = dict(zip(table.header, row, strict=True))
    assert values["published expected"] == 0.004
    assert values["ours/published"] == pytest.approx(1.0)
    assert "observed" not in table.header and "no systematics" not in table.header
    assert published_for(result, result.hypothesis(0.9, channel="e", mass_GeV=1.0)) is None


def test_run_toml_says_how_to_run_it_again():
    content = tomllib.loads(CONFIG.to_toml())
    assert content["study"] == "tau_l_alpha"
    assert content["options"] == {"luminosity": 62.8, "seed": 1, "scale": 0.1, "data": 'my "data".json'}
    assert content["details"]["quick"] is True
    assert content["command"] == (
        "toymc study run tau_l_alpha --luminosity 62.8 --seed 1 --scale 0.1 --data 'my \"data\".json' --out DIR"
    )


def write(folder, result) -> None:
    figure = cutflow_bars({"signal": [("thrust", 0.5)]})
    plots = [Plot("cutflow", figure, "Cut flow")]
    write_run(
        folder,
        result,
        CONFIG,
        title="Search for tau -> l alpha",
        plots=plots,
        workspace={"channels": [], "version": "1.0.0"},
        reactions=["E+ E- --> TAU+ TAU-"],
    )


def test_a_run_leaves_everything(result, tmp_path):
    write(tmp_path, result)
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert {
        "result.json", "workspace.json", "run.toml", "report.html", "plots/cutflow.png", "plots/cutflow.pdf",
        "hepdata/submission.yaml", "hepdata/workspace.json", "hepdata/table_1.yaml",
    } <= files  # fmt: skip


def test_hepdata_accepts_the_submission(result, tmp_path):
    observed = [h.model_copy(update={"observed": 0.01 if h.cl == 0.95 else None}) for h in result.hypotheses]
    for i, version in enumerate((result, result.model_copy(update={"hypotheses": observed}))):
        folder = tmp_path / str(i)
        folder.mkdir()
        write(folder, version)
        validator = FullSubmissionValidator()
        assert validator.validate(directory=str(folder / "hepdata")), validator.get_messages()


def test_hepdata_symmetric_errors_and_missing_values(tmp_path):
    table = DataTable(
        "A", "B", [Variable("x", [1.0, 2.0], "GeV")], [Variable("y", [3.0, None], errors=[{"stat": 0.5}, {}])]
    )
    write_submission(tmp_path, [table], "comment")
    validator = FullSubmissionValidator()
    assert validator.validate(directory=str(tmp_path)), validator.get_messages()


def test_the_report_needs_no_other_file(result, tmp_path):
    write(tmp_path, result)
    html = (tmp_path / "report.html").read_text()
    assert "data:image/png;base64," in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "http" not in html
    assert "$" not in re.sub(r"base64,[^\"]*", "", html)
    for text in ("ours/published", "e: &lt;signal&gt; &amp; more", "study run tau_l_alpha", "for tau -&gt; l alpha"):
        assert text in html


def test_the_report_of_an_estimator_study(tmp_path):
    result = StudyResult(
        study="tau_mass",
        version="0.1.0",
        seed=1,
        estimators=[Estimator(name="pseudomass_edge", value=1.777, stat_error=0.001, bias=0.0001)],
    )
    write_run(tmp_path, result, CONFIG, title="tau mass")
    html = (tmp_path / "report.html").read_text()
    assert "pseudomass_edge" in html and "Upper limits" not in html
    assert not (tmp_path / "workspace.json").exists()
