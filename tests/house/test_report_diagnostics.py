"""Diagnostics of fits in result.json, the report, HEPData, the page of `toymc fit`; scans attached to a submission."""

import json
import math

import h5py
import pyhf
import pytest
import yaml
from hepdata_validator.full_submission_validator import FullSubmissionValidator

from tests.inference.models import mixed_model
from toymc.cli import main as entry
from toymc.inference import Channel, Model, NormFactor, Sample, diagnose
from toymc.production.diagnose import diagnose_hypotheses
from toymc.report.diagnostics import FitDiagnostics, impact_table, status_table
from toymc.report.hepdata import DataTable, Variable, write_submission
from toymc.report.result import Bands, Hypothesis, StudyResult, read_result
from toymc.report.run_toml import RunConfig
from toymc.report.write import write_run
from toymc.studies.study import Hypothesis as StudyHypothesis

CONFIG = RunConfig("tau_l_alpha", {"seed": 1}, {"toymc": "0.1.0"})


@pytest.fixture(scope="module")
def fitted():
    return FitDiagnostics.of(diagnose(mixed_model(2), n_toys=200, per_bin=False), {"mass_GeV": 1.0}, 1e-3)


def submission(folder):
    validator = FullSubmissionValidator()
    assert validator.validate(directory=str(folder)), validator.get_messages()
    return list(yaml.safe_load_all((folder / "submission.yaml").read_text()))


def test_round_trip(fitted, tmp_path):
    result = StudyResult(study="tau_l_alpha", version="0.1.0", seed=1, diagnostics=[fitted])
    result.write(tmp_path / "result.json")
    again = read_result(tmp_path).diagnostics[0]
    assert again == fitted
    assert [i.name for i in again.ranking()] == [i.name for i in fitted.impacts]
    free = next(i for i in again.ranking() if i.name == "n_flat")
    assert math.isnan(free.pull) and math.isnan(free.prefit_up) and free.up < 0.0
    assert again.goodness_of_fit.toys == 200 and again.goodness_of_fit.failed_toys == 0


def test_tables_are_in_the_unit_of_the_limit(fitted):
    status = dict(zip(status_table([fitted]).header, status_table([fitted]).rows[0], strict=True))
    assert status["value"] == pytest.approx(1e-3 * fitted.value)
    assert status["error from counts"] == pytest.approx(1e-3 * fitted.error_components["counts"])
    first = dict(zip(impact_table(fitted).header, impact_table(fitted).rows[0], strict=True))
    assert first["impact +"] == pytest.approx(1e-3 * fitted.impacts[0].up)


def test_a_run_with_diagnostics_and_its_submission(fitted, tmp_path):
    workspace = mixed_model(2).to_pyhf()
    result = StudyResult(study="tau_l_alpha", version="0.1.0", seed=1, limit_on="R", diagnostics=[fitted])
    write_run(tmp_path, result, CONFIG, title="t", workspace=workspace)
    head, *tables = submission(tmp_path / "hepdata")
    assert [r["type"] for r in head["additional_resources"]] == ["HistFactory"]
    names = [t["name"] for t in tables]
    assert {"Error by origin, measurement", "Impacts, measurement", "Correlations, measurement"} <= set(names)
    file = tables[names.index("Correlations, measurement")]["data_file"]
    cells = yaml.safe_load((tmp_path / "hepdata" / file).read_text())
    assert len(cells["dependent_variables"][0]["values"]) == len(fitted.correlation_names) ** 2
    # the attached likelihood is the model: pyhf reads it and finds the same minimum
    model = pyhf.Workspace(json.loads((tmp_path / "hepdata" / "workspace.json").read_text())).model()
    assert model.config.poi_name == "mu"
    page = (tmp_path / "report.html").read_text()
    assert "Fit diagnostics" in page and "saturated chi2/dof" in page and "n_flat" in page
    for name in ("impacts", "error", "correlation"):
        assert (tmp_path / "plots" / f"{name}_measurement.png").is_file()


def test_a_scan_is_attached_beside_its_reference_points(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file.create_group("kplus_mumu")
    bands = Bands.of([1.0, 1.5, 2.0, 3.0, 4.0])
    point = Hypothesis(
        parameters={"channel": "kplus_mumu", "mass_GeV": 1.0, "ctau_cm": 1.0}, cl=0.95, expected=bands, observed=1.9
    )
    result = StudyResult(study="b_k_scalar", version="0.1.0", seed=1, limit_on="B", hypotheses=[point])
    write_run(tmp_path, result, CONFIG, title="t")
    head, first, *_ = submission(tmp_path / "hepdata")
    assert [(r["location"], r["type"]) for r in head["additional_resources"]] == [("scan.h5", "HDF5")]
    with h5py.File(tmp_path / "hepdata" / "scan.h5") as file:
        assert "kplus_mumu" in file
    table = yaml.safe_load((tmp_path / "hepdata" / first["data_file"]).read_text())
    assert [v["header"]["name"] for v in table["independent_variables"]] == ["mass", "ctau"]
    assert [v["header"]["name"] for v in table["dependent_variables"]] == ["expected limit", "observed limit"]


def test_long_names_of_tables_stay_different(tmp_path):
    name = "x" * 70
    tables = [DataTable(name, "d", [Variable("a", [1.0])], [Variable("b", [2.0])]) for _ in range(3)]
    write_submission(tmp_path, tables, "c")
    names = [t["name"] for t in submission(tmp_path)[1:]]
    assert len(set(names)) == 3 and max(map(len, names)) <= 64


def test_the_most_telling_hypothesis_of_every_set_of_channels_is_diagnosed():
    def tested(channel, mass, observed):
        samples = (Sample("s", [5.0, 1.0], (NormFactor(f"mu_{channel}_{mass}"),)), Sample("b", [90.0, 80.0]))
        model = Model((Channel(channel, samples),), f"mu_{channel}_{mass}", name=f"{channel}_{mass}")
        return StudyHypothesis({"channel": channel, "mass_GeV": mass}, model, 1.0, "s", 170.0), {channel: observed}

    def known(fit, full):
        return Hypothesis(
            parameters={}, cl=0.95, best_fit=fit, best_fit_error=None if fit is None else 1.0,
            expected=Bands.of([full] * 5), expected_statistical=Bands.of([1.0] * 5),
        )  # fmt: skip

    rows = [tested("e", 1, [99.0, 81.0]), tested("e", 2, [99.0, 81.0]), tested("mu", 1, [90.0, 80.0])]
    hypotheses = [h for h, _ in rows]
    blind = diagnose_hypotheses(hypotheses, [known(None, 1.1), known(None, 1.6), known(None, 1.2)], [None] * 3, 1)
    assert [d.measurement for d in blind] == ["e_2", "mu_1"] and blind[0].goodness_of_fit is None
    data = [counts for _, counts in rows]
    seen = diagnose_hypotheses(hypotheses, [known(1.8, 1.1), known(0.2, 1.6), known(0.0, 1.2)], data, 1)
    assert [d.measurement for d in seen] == ["e_1", "mu_1"]
    assert seen[0].data == "observed counts" and seen[0].goodness_of_fit.dof == 1


@pytest.fixture
def says(capsys, tmp_path):
    file = tmp_path / "workspace.json"
    file.write_text(json.dumps(mixed_model(5).to_pyhf()))

    def run(*arguments):
        code = entry.run(["fit", str(file), *map(str, arguments)])
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return run


def test_fit_command(says, tmp_path):
    page = tmp_path / "page.html"
    code, out, _ = says("--toys", 100, "--group", "scales=scale,other", "--out", page, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["converged"] and "scales" in answer["error_components"]
    assert answer["goodness_of_fit"]["toys"] == 100
    assert json.loads(says("--toys", 100, "--group", "scales=scale,other", "--workers", 3, "--json")[1]) == answer
    text = page.read_text()
    assert "data:image/png;base64," in text and "http" not in text and "Impacts" in text
    code, out, _ = says("--expected-at", 1.0, "--bins")
    assert code == 0 and "expectation at mu = 1" in out and "smaller ones" not in out and "[0]" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--group", "a"), "write it as NAME=PATTERN"), (("--group", "a=x"), "group 'a' has no parameter"),
     (("--group", "a=scale", "--group", "a=other"), "given twice"), (("--expected-at", -1), "--expected-at"),
     (("--measurement", "x"), "has no measurement 'x'"), (("--out", "/"), "it is a folder")],
)  # fmt: skip
def test_fit_refusals(says, arguments, message):
    code, out, err = says(*arguments)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1
