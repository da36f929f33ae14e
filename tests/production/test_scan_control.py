"""Control decays: yield against the branching fraction, vertices against the truth, the report of `validate`."""

import dataclasses

import numpy as np
import pytest

from tests.production import scan_probe
from toymc.constants import mass
from toymc.production.compute import RunOptions
from toymc.production.scan import compute
from toymc.production.scan.control import FLIGHT_EDGES_CM, control_estimators, control_sample
from toymc.production.scan.validate import validate_scan_study
from toymc.report.result import read_result
from toymc.report.tables import estimator_table

CONTROL = scan_probe.FULL.controls[0]
OPTIONS = RunOptions(None, 1, 0.06, 1, "local", None, "all")


@pytest.fixture(scope="module")
def sample():
    return control_sample(scan_probe.FULL, CONTROL, OPTIONS, 189.0)


def test_decays_into_two_charged_pions(sample):
    """Two thirds of the K_S of 6000 events; their mean flight is that of K_S of 2.6 GeV, some 10 cm across."""
    assert len(sample.made) == pytest.approx(0.692 * 6000, abs=4 * np.sqrt(6000 * 0.692 * 0.308))
    assert 8.0 < np.mean(sample.made) < 14.0


def test_peak_and_pulls(sample):
    peak = sample.peak()
    assert abs(peak.shift) < 0.0005 and 0.001 < peak.sigma < 0.003
    assert sample.true_mass == mass(310)
    pull = sample.residual / sample.error
    low, middle, high = np.quantile(pull, [0.1587, 0.5, 0.8413])
    # error of median and width of a Gaussian: 1.25 and 0.96 over sqrt(n), four of them and 5 % for the tails
    assert abs(middle) < 4 * 1.25 / np.sqrt(len(pull)) + 0.05
    assert abs(0.5 * (high - low) - 1.0) < 4 * 0.96 / np.sqrt(len(pull)) + 0.05


def test_efficiency_is_counted(sample):
    value, error = sample.efficiency()
    k = int(np.argmax(np.histogram(sample.made, FLIGHT_EDGES_CM)[0]))
    inside = [(d >= FLIGHT_EDGES_CM[k]) & (d < FLIGHT_EDGES_CM[k + 1]) for d in (sample.flight, sample.made)]
    assert value[k] == pytest.approx(inside[0].sum() / inside[1].sum())
    assert 0.3 < value[k] < 0.8 and error[k] < 0.05
    # far out tracks miss the silicon, and then the chamber
    assert value[-1] < value[k]


def test_yield_is_that_of_the_branching_fraction(sample):
    """2 N_BB f+- B(K0 pi+)/2 B(pi+ pi-) decays; trigger and identification leave more than 60 % of what is found."""
    made = 198e6 * 2 * 0.511 * 2.39e-5 * 0.5 * 0.692
    found = len(sample.flight) / len(sample.made)
    assert 0.6 * found * made < sample.events < 1.05 * found * made
    assert sample.events_error < 0.05 * sample.events


def test_rows_of_the_result(sample):
    rows = control_estimators(CONTROL, sample)
    names = [row.name for row in rows]
    assert names[0] == "control kshort_piplus: mass (MeV)" and len(set(names)) == len(names)
    assert sum("efficiency" in name for name in names) == len(FLIGHT_EDGES_CM) - 1
    assert all(np.isfinite(row.value) and row.error > 0 for row in rows)


def test_validate_reports_them(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "background_tables", scan_probe.background_tables)
    study = scan_probe.small_study()
    few = dataclasses.replace(CONTROL, events=3000)
    options = dataclasses.replace(OPTIONS, scale=1.0)
    result = validate_scan_study(dataclasses.replace(study, controls=(few,)), tmp_path / "v", options, 60)
    assert read_result(tmp_path / "v") == result
    names = {row.name for row in result.estimators}
    assert {"signal events", "control kshort_piplus: events in data"} <= names
    signals = [row for row in result.estimators if row.name == "signal events"]
    for row in signals:
        # 60 experiments at four yields: slope of fitted against injected events
        assert abs(row.slope - 1.0) < 4 * row.slope_error < 0.4
        assert 1e-4 < row.line_p_value <= 1.0
    assert any("slopes of" in note for note in result.notes)
    table = estimator_table(result)
    assert {"mass_GeV", "ctau_cm", "slope", "slope +-", "line p value"} <= set(table.header)
    plots = {p.stem for p in (tmp_path / "v" / "plots").iterdir()}
    assert {"linearity", "pulls_kplus_mumu", "bias_kplus_mumu", "coverage_kplus_mumu"} <= plots
    assert {f"control_kshort_piplus_{key}" for key in ("mass", "resolution", "pull", "efficiency")} <= plots
