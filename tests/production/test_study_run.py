"""A study from events to limits: the same bytes for any number of workers, one workspace for all hypotheses."""

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference import Model, upper_limit
from toymc.production.compute import RunOptions, compute_study, systematic_sources
from toymc.production.spectra import run_sample
from toymc.production.stored import outcome_from_dict, outcome_to_dict
from toymc.studies import STUDIES

STUDY = STUDIES["tau_l_alpha"]


@pytest.fixture(scope="module")
def without_pythia():
    """The stated estimate of the continuum, which is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toymc.production.compute.pythia_available", lambda: False)
        yield


@pytest.fixture(scope="module")
def run(without_pythia):
    return compute_study(STUDY, RunOptions(scale=0.004, seed=5, workers=2))


def _without_timing(result):
    return result.model_copy(update={"timing": None}).to_json()


def test_same_bytes_for_1_3_and_8_workers(run, without_pythia):
    for workers in (1, 3, 8):
        again = compute_study(STUDY, RunOptions(scale=0.004, seed=5, workers=workers))
        assert _without_timing(again.result) == _without_timing(run.result)
        assert again.workspace == run.workspace


def test_another_seed_gives_other_events(run, without_pythia):
    other = compute_study(STUDY, RunOptions(scale=0.004, seed=6))
    first, second = run.result.samples[0], other.result.samples[0]
    assert first.selected != second.selected
    # two independent samples of the same rate: 4 sigma has probability 6e-5
    error = np.hypot(first.expected_events_error, second.expected_events_error)
    assert abs(first.expected_events - second.expected_events) < 4 * error


def test_result_has_what_the_contract_promises(run):
    result = run.result.to_dict()
    assert {"study", "version", "luminosity_fb", "seed", "limit_on", "samples", "cutflow", "hypotheses"} <= set(result)
    assert len(result["hypotheses"]) == 2 * 7 * 2
    for entry in result["hypotheses"]:
        assert entry["observed"] is None
        assert list(entry["expected"]) == ["-2", "-1", "0", "+1", "+2"]
        assert entry["expected"]["-2"] < entry["expected"]["0"] < entry["expected"]["+2"]
        assert 0.005 < entry["efficiency"] < 0.06
    flow = result["cutflow"]["tau_e_nu_nu in e"]
    assert [step["cut"] for step in flow][:2] == ["all", "four good tracks"]
    events = [step["events"] for step in flow]
    assert events == sorted(events, reverse=True)


def test_too_little_simulation_is_said(run):
    assert any("channel e:" in note.lower() and "raise --scale" in note for note in run.result.notes)


def test_all_pairs_are_accounted_for(run):
    """Weights x luminosity: tau -> e nu nu against three prongs is 2 B_e B_3 of the published 57.7 million pairs."""
    from toymc.generators.tau import modes

    fractions = modes.branching_fractions()
    expected = 57.7e6 * 2 * fractions[modes.E_NU_NU] * fractions[modes.parse_modes("three_prong")].sum()
    assert run.result.cutflow["tau_e_nu_nu in e"][0].events == pytest.approx(expected, rel=2e-3)


def test_workspace_measurements_give_the_limits_of_the_result(run):
    for hypothesis in (run.hypotheses[0], run.hypotheses[-1]):
        merged = Model.from_pyhf(run.workspace, hypothesis.model.name)
        alone = upper_limit(hypothesis.model, None, 0.95)
        together = upper_limit(merged, {c.name: c.observed for c in merged.channels}, 0.95)
        assert together.expected == pytest.approx(alone.expected, rel=2e-3)


def test_pyhf_reads_the_workspace(run):
    import pyhf

    workspace = pyhf.Workspace(run.workspace)
    assert len(workspace.get_measurement()["config"]["parameters"]) >= 13
    model = workspace.model(measurement_name="e_alpha_1")
    assert model.config.poi_name == "R_e_alpha_1"
    # the expectation without signal is the stored observation
    parameters = model.config.suggested_init()
    parameters[model.config.poi_index] = 0.0
    assert model.expected_actualdata(parameters) == pytest.approx(
        [x for o in run.workspace["observations"] for x in o["data"]]
    )


def test_systematics_weaken_the_limit_and_can_be_chosen(run, without_pythia, tmp_path):
    for entry in run.result.hypotheses:
        assert entry.expected.median > entry.expected_statistical.median
    file = tmp_path / "s.toml"
    file.write_text('sources = ["trigger"]\n')
    assert systematic_sources(STUDY, str(file)) == ("trigger",)
    none = compute_study(STUDY, RunOptions(scale=0.004, seed=5, systematics="none"))
    assert none.hypotheses[0].model.parameter_names[-1].startswith("simulation_e")


@pytest.mark.parametrize(
    ("text", "words"),
    [('sources = ["moon"]', "unknown source 'moon'"), ("x = 1", "'sources' is missing"), ("[", "TOML")],
)
def test_bad_systematics_file(tmp_path, text, words):
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        systematic_sources(STUDY, str(file))


@pytest.mark.parametrize("options", [{"luminosity_fb": -1.0}, {"luminosity_fb": float("nan")}, {"scale": 0.0}])
def test_bad_options(options):
    with pytest.raises(InputError):
        RunOptions(**options)


def test_stored_sums_come_back(run):
    outcome = run.samples["tau_e_nu_nu"].outcome
    sample = next(s for s in STUDY.samples if s.name == "tau_e_nu_nu")
    stored = outcome_to_dict(outcome)
    back = outcome_from_dict(stored, STUDY, sample)
    for key, histogram in outcome.templates.items():
        assert back.templates[key].values() == pytest.approx(histogram.values(), rel=1e-6)
    assert back.cutflows["e"].to_dict()["steps"][3]["events"] == outcome.cutflows["e"].to_dict()["steps"][3]["events"]
    stored["templates"]["e/direct"]["sums"] = stored["templates"]["e/direct"]["sums"][1:]
    with pytest.raises(InputError, match="does not fit the study any more"):
        outcome_from_dict(stored, STUDY, sample)


def test_memory_does_not_grow_with_events(without_pythia):
    """Peak of the traced arrays for 4 and for 16 chunks of one sample is the same.

    One worker: how far two threads overlap in their peaks is a matter of chance.
    """
    import tracemalloc

    from toymc.detector import build_detector
    from toymc.geometry import load_card
    from toymc.geometry.beam import load_beam

    detector, beam = build_detector(load_card(STUDY.card)), load_beam(STUDY.card)
    peaks = []
    for chunks in (4, 16):
        tracemalloc.start()
        run_sample(STUDY, STUDY.samples[0], detector, beam, 62.8, 1, chunks * 2**14, workers=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
