"""`toymc study validate` and `toymc study project` on a stored run of small models."""

import json
from dataclasses import replace

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference import Channel, HistoSys, Model, NormFactor, NormSys, Sample, StatError, upper_limit
from toymc.inference.projections import SCENARIOS, Floor, Measurement, Systematic, scale_model
from toymc.production.project_study import project_study
from toymc.production.study_input import model_of, study_input
from toymc.production.validate_study import BOOTSTRAP, REDRAWN, TOYS, validate_study
from toymc.production.workspaces import merge_workspaces
from toymc.report.result import Bands, StudyResult, read_result
from toymc.report.result import Hypothesis as ResultHypothesis
from toymc.studies import STUDIES
from toymc.studies.study import Hypothesis

UNIT = 1e-3
STUDY = replace(
    STUDIES["tau_l_alpha"],
    floors={"tilt": Floor(0.2, "calibration", "nowhere", "D")},
    measurements=(Measurement("mass", 0.08, (Systematic("scale", 0.05, 0.02, "magnet"),), 190.0, "MeV"),),
)


def model(channel, mass):
    x = np.linspace(0.0, 1.0, 6)
    background = 2000.0 * np.exp(-x)
    signal = 100.0 * np.exp(-0.5 * ((x - mass / 2.0) / 0.15) ** 2) + 0.1
    modifiers = (
        NormFactor(f"n_{channel}"),
        HistoSys(f"tilt_{channel}", background * (1.0 - 0.05 * x), background * (1.0 + 0.05 * x)),
        NormSys(f"level_{channel}", 0.98, 1.02),
        StatError(f"mc_{channel}", 0.02 * background),
    )
    name = f"{channel}_alpha_{mass:g}"
    samples = (Sample(name, signal, (NormFactor(f"R_{name}"),)), Sample("background", background, modifiers))
    return Model([Channel(channel, samples)], poi=f"R_{name}", name=name)


@pytest.fixture(scope="module")
def hypotheses():
    return [Hypothesis({"channel": "e", "mass_GeV": m}, model("e", m), UNIT, f"e_{m}", 100.0) for m in (0.5, 1.0)]


@pytest.fixture(scope="module")
def stored(hypotheses, tmp_path_factory):
    """A folder with what a run leaves behind."""
    folder = tmp_path_factory.mktemp("run")
    entries = [
        ResultHypothesis(
            parameters=dict(h.parameters), cl=cl, background=100.0, measurement=h.model.name, unit=UNIT,
            expected=Bands.of([UNIT * v for v in upper_limit(h.model, cl=cl).expected]),
        )
        for h in hypotheses
        for cl in (0.95, 0.90)
    ]  # fmt: skip
    result = StudyResult(study="tau_l_alpha", version="0", seed=1, luminosity_fb=62.8, hypotheses=entries)
    result.write(folder / "result.json")
    (folder / "workspace.json").write_text(json.dumps(merge_workspaces(hypotheses)))
    return folder


@pytest.fixture(scope="module")
def validated(stored, tmp_path_factory):
    out = tmp_path_factory.mktemp("validate") / "out"
    return out, validate_study(STUDY, out, experiments=60, stored=stored, seed=3)


@pytest.fixture(scope="module")
def projected(stored, tmp_path_factory):
    out = tmp_path_factory.mktemp("project") / "out"
    return out, project_study(STUDY, out, luminosity_fb=50_000.0, stored=stored)


def test_stored_models_give_the_limits_of_the_run(stored, hypotheses):
    given = study_input(STUDY, None, stored)
    assert [h.parameters for h in given.hypotheses] == [dict(h.parameters) for h in hypotheses]
    for one, other in zip(given.hypotheses, hypotheses, strict=True):
        assert len(one.model.channels) == 1 and len(one.model.channels[0].samples) == 2
        assert upper_limit(one.model).expected == pytest.approx(upper_limit(other.model).expected, rel=1e-6)


def test_channels_that_share_a_parameter_stay_together():
    first, second = model("e", 0.5), model("mu", 0.5)
    shared = replace(second.channels[0].samples[1], modifiers=(NormSys("level_e", 0.9, 1.1),))
    both = Model([*first.channels, Channel("mu", (shared,))], poi=first.poi, name="both")
    assert [c.name for c in model_of(both.to_pyhf(), "both").channels] == ["e", "mu"]


def test_validation_says_everything(validated):
    out, result = validated
    assert {e.method for e in result.estimators} == {TOYS, REDRAWN, BOOTSTRAP}
    assert len(result.estimators) == 2 * 3
    toys = [e for e in result.estimators if e.method == TOYS]
    for entry in toys:
        assert len(entry.points) == 4 and entry.experiments == 240 and entry.failed_share == 0.0
        truths = [p.truth for p in entry.points]
        assert truths[0] == 0.0 and truths[3] == pytest.approx(4 * truths[1])
        # 60 experiments at each of four truths: slope known to 6 %, coverage to 6 %, all at 5 standard deviations
        assert abs(entry.slope - 1.0) < 5 * entry.slope_error
        assert abs(entry.coverage - 0.6827) < 5 * max(entry.coverage_error, 0.05)
        assert entry.verdict in ("inside", "undecided")
        strapped = next(e for e in result.estimators if e.method == BOOTSTRAP and e.name == entry.name)
        assert entry.stat_error == strapped.stat_error < entry.error * 1.3
        assert strapped.stat_error == pytest.approx(strapped.error, rel=0.4)
    assert read_result(out).to_json() == result.to_json()
    assert {"report.html", "run.toml", "hepdata", "plots", "result.json"} == {p.name for p in out.iterdir()}
    assert {p.name for p in (out / "plots").glob("*.png")} == {
        f"{what}_e.png" for what in ("pulls", "bias", "coverage", "bootstrap")
    }
    report = (out / "report.html").read_text()
    assert "pull width" in report and "undecided" in report


def test_validation_does_not_depend_on_workers(validated, stored, tmp_path, monkeypatch):
    monkeypatch.setattr("toymc.production.validate_study.outcome_plots", lambda *_: [])
    again = validate_study(STUDY, tmp_path / "out", experiments=60, stored=stored, seed=3, workers=3)
    assert again.model_copy(update={"timing": None}) == validated[1].model_copy(update={"timing": None})


def test_projection_is_the_limit_of_the_scaled_model(projected, hypotheses):
    out, result = projected
    assert result.luminosity_fb == 50_000.0
    for h in hypotheses:
        for name, scenario in SCENARIOS.items():
            entry = result.hypothesis(0.95, **h.parameters, scenario=name)
            later = upper_limit(scale_model(h.model, 50_000.0, 62.8, scenario, STUDY.floors))
            assert entry.expected.median == pytest.approx(UNIT * later.median, rel=1e-6)
    assert {p.name for p in out.iterdir()} == {"report.html", "run.toml", "hepdata", "plots", "result.json"}
    assert 'action = "project"' in (out / "run.toml").read_text()
    assert read_result(out).to_json() == result.to_json()


def test_projection_curves_reach_and_sources(projected):
    _, result = projected
    limits = [p for p in result.projections if p.expected is not None]
    assert len(limits) == 2 * 3 * 2
    for p in limits:
        medians = [b.median for b in p.expected]
        assert p.luminosity_fb[0] == pytest.approx(62.8) and p.luminosity_fb[-1] == pytest.approx(50_000.0)
        assert medians == sorted(medians, reverse=True)
    frozen = next(p for p in limits if p.scenario == "frozen" and p.cl == 0.95)
    assert [r.sigma for r in frozen.reach] == [3.0, 5.0] and frozen.reach[0].value < frozen.reach[1].value
    assert {s.source for s in frozen.sources} == {"tilt", "level_e"}
    assert {s.source: s.floor for s in frozen.sources} == {"tilt": 0.2, "level_e": 1.0}
    mass = [p for p in result.projections if p.total_error is not None]
    assert [p.scenario for p in mass] == list(SCENARIOS)
    assert mass[0].total_error[-1] == pytest.approx(0.08 * np.sqrt(190.0 / 50_000.0))
    assert mass[2].take_over_fb == pytest.approx(190.0 * (0.08 / 0.05) ** 2)


@pytest.mark.parametrize("which", ["validated", "projected"])
def test_hepdata_accepts_the_submission(which, request):
    validator = pytest.importorskip("hepdata_validator.full_submission_validator")
    folder, _ = request.getfixturevalue(which)
    full = validator.FullSubmissionValidator()
    assert full.validate(directory=str(folder / "hepdata")), full.get_messages()


def test_runs_and_validations_do_not_share_a_folder(validated, stored, tmp_path):
    with pytest.raises(InputError, match="name another folder"):
        project_study(STUDY, validated[0], stored=stored)


def test_bad_stored_runs_are_refused(stored, tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        study_input(STUDY, None, tmp_path)
    with pytest.raises(InputError, match="holds a run of tau_l_alpha"):
        study_input(replace(STUDY, name="tau_mass"), None, stored)
    text = (stored / "result.json").read_text().replace('"unit": 0.001', '"unit": null')
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match="run the study again"):
        study_input(STUDY, None, tmp_path)
    with pytest.raises(InputError, match="above today's"):
        project_study(STUDY, tmp_path / "out", luminosity_fb=10.0, stored=stored)
    assert not (tmp_path / "out").exists()
    empty = replace(STUDY, estimators=lambda hypotheses, spectra: [])
    with pytest.raises(InputError, match="declares no estimators"):
        validate_study(empty, tmp_path / "out", experiments=10, stored=stored)


@pytest.mark.parametrize("command", ["validate", "project"])
def test_command_line_on_bad_input(command, stored, tmp_path, capsys):
    from toymc.cli import main as entry

    def says(*words):
        code = entry.run(["study", command, *words])
        return code, capsys.readouterr().err

    for words, message in (
        (("tau_l_gamma", "--out", "x"), "unknown study"),
        (("tau_l_alpha", "--run", str(tmp_path), "--out", str(tmp_path / "x")), "holds no result.json"),
        (("tau_l_alpha", "--run", str(stored), "--out", str(stored)), "name a new folder"),
        (("tau_l_alpha", "--systematics", "nofile", "--out", str(tmp_path / "x")), "no such file"),
    ):
        code, error = says(*words)
        assert code == 2 and message in error and error.count("\n") == 1, (words, error)
    if command == "validate":
        code, error = says("tau_l_alpha", "--experiments", "1", "--out", "x")
        assert code == 2 and "whole number from 2" in error


def test_command_line_answers_in_json(stored, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("toymc.production.project_study._plots", lambda *_: [])
    from toymc.cli import main as entry

    assert entry.run(["study", "project", "tau_l_alpha", "--run", str(stored), "--luminosity", "1000", "--json",
                      "--out", str(tmp_path / "p")]) == 0  # fmt: skip
    answer = json.loads(capsys.readouterr().out)
    assert answer["luminosity_fb"] == 1000.0 and answer["projections"][0]["scenario"] == "statistical"
