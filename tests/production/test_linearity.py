"""`toymc study linearity`: template models and searches over mass and lifetime; the tau mass is in test_tau_mass."""

from dataclasses import replace

import numpy as np
import pytest
from scan_probe import background_tables, small_study

from toymc.cli import main as entry
from toymc.errors import InputError
from toymc.inference import Channel, HistoSys, Model, NormFactor, NormSys, Sample
from toymc.production.compute import RunOptions
from toymc.production.linearity import IN_ERRORS, linearity
from toymc.production.study_input import StudyInput
from toymc.report.result import StudyResult
from toymc.streams import stream
from toymc.studies import STUDIES
from toymc.studies.study import Hypothesis

UNIT = 1e-3
PARAMETERS = {"channel": "e", "mass_GeV": 1.0}
STUDY = replace(STUDIES["tau_l_alpha"], fitted_bins=lambda spectra, channel: slice(2, 8))
X = np.linspace(0.0, 1.0, 6)
SIGNAL, BACKGROUND = 100.0 * np.exp(-0.5 * ((X - 0.5) / 0.15) ** 2) + 0.1, 2000.0 * np.exp(-X)


def model():
    modifiers = (NormFactor("n"), NormSys("level", 0.98, 1.02),
                 HistoSys("tilt", BACKGROUND * (1.0 - 0.05 * X), BACKGROUND * (1.0 + 0.05 * X)))  # fmt: skip
    samples = (Sample("signal", SIGNAL, (NormFactor("R"),)), Sample("background", BACKGROUND, modifiers))
    return Model([Channel("e", samples)], poi="R", name="R")


@pytest.fixture
def templates(monkeypatch):
    """A study whose simulation is the model itself, at 62.8/fb, and datasets from it."""
    result = StudyResult(study="tau_l_alpha", version="0", seed=1, luminosity_fb=62.8)
    given = StudyInput(result, [Hypothesis(PARAMETERS, model(), UNIT, "signal", 1.0)], {}, 62.8)
    monkeypatch.setattr("toymc.production.linearity.study_input", lambda *_: given)

    def draw(study, options, inject, seed):
        rng = stream(seed, "linearity", "test", 0)
        mean = (options.luminosity_fb / 62.8) * (BACKGROUND + SIGNAL * inject["value"] / UNIT)
        return {"e": np.concatenate([[9.0, 9.0], rng.poisson(mean), [9.0]])}

    monkeypatch.setattr("toymc.production.linearity._draw", draw)


def test_signals_of_a_template_model_come_back(templates):
    found = linearity(STUDY, RunOptions(luminosity_fb=20.0, seed=5), datasets=10)
    assert len(found.datasets) == 10 * len(IN_ERRORS) and found.signal == PARAMETERS
    assert len({r.seed for r in found.datasets}) == len(found.datasets)
    # five standard deviations; the line knows the slope to 4 %
    assert found.line.slope.error < 0.05
    assert abs(found.line.slope.value - 1.0) < 5.0 * found.line.slope.error
    assert abs(found.line.intercept.value) < 5.0 * found.line.intercept.error
    # errors are those of the luminosity of the datasets: the width of 40 pulls is known to 11 %
    assert np.std([r.pull for r in found.datasets]) == pytest.approx(1.0, abs=0.55)


def test_signals_that_the_study_does_not_have(templates):
    with pytest.raises(InputError, match="no such hypothesis; it has channel=e, mass_GeV=1"):
        linearity(STUDY, RunOptions(luminosity_fb=20.0), signal={"channel": "e", "mass_GeV": 0.3})
    with pytest.raises(InputError, match="two different"):
        linearity(STUDY, RunOptions(), values=(1.0, 1.0))
    with pytest.raises(InputError, match="measurements alone"):
        linearity(STUDY, RunOptions(), stored="somewhere")
    with pytest.raises(InputError, match="measures one quantity"):
        linearity(STUDIES["tau_mass"], RunOptions(), signal=PARAMETERS)


def test_signals_of_a_search_over_mass_and_lifetime_come_back(monkeypatch):
    for place in ("samples", "dataset"):
        monkeypatch.setattr(f"toymc.production.scan.{place}.background_tables", background_tables)
    where = {"channel": "kplus_mumu", "mass_GeV": 1.0, "ctau_cm": 1.0}
    found = linearity(small_study(), RunOptions(seed=4), signal=where, datasets=4)
    assert len(found.datasets) == 16
    # 600 signal events in all: the slope to 6 %
    assert found.line.slope.error < 0.1
    assert abs(found.line.slope.value - 1.0) < 5.0 * found.line.slope.error


def test_command_line_on_bad_input(tmp_path, capsys):
    for words, message in (
        (("linearity", "tau_l_gamma"), "unknown study"),
        (("linearity", "tau_mass", "--run", str(tmp_path)), "holds no result.json"),
        (("linearity", "tau_mass", "--values", "1777"), "two different"),
        (("linearity", "tau_mass", "--inject", "mass=1"), "--inject mass=1"),
        (("linearity", "tau_mass", "--datasets", "0"), "--datasets"),
    ):
        assert entry.run(["study", *words]) == 2
        assert message in capsys.readouterr().err
    assert entry.run(["dataset", "tau_mass", "--scale", "0.5", "--out", str(tmp_path / "x.h5")]) == 2
    assert "nothing to scale" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
