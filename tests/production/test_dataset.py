"""Pseudo-datasets: right numbers, sealed truth, read back as data."""

import h5py
import numpy as np
import pytest

from toymc.errors import InputError
from toymc.generators.continuum import continuum_cross_section_fb
from toymc.production.dataset import check_target, draw_dataset, injection, write_dataset
from toymc.production.observed import read_observed
from toymc.studies import STUDIES
from toymc.studies.study import Study

STUDY = STUDIES["tau_l_alpha"]
LUMINOSITY = 0.3


@pytest.fixture(scope="module")
def tau_only() -> Study:
    import dataclasses

    return dataclasses.replace(STUDY, standard_model=tuple(n for n in STUDY.standard_model if n != "continuum"))


@pytest.fixture(scope="module")
def data(tau_only):
    return draw_dataset(tau_only, LUMINOSITY, 11, {"channel": "e", "mass_GeV": 1.0, "value": 0.5}, workers=2)


def test_counts_are_those_of_the_weighted_chain(tau_only, data):
    from toymc.detector import build_detector
    from toymc.geometry import load_card
    from toymc.geometry.beam import load_beam
    from toymc.production.spectra import run_sample

    sample = tau_only.samples[0]
    run = run_sample(
        tau_only, sample, build_detector(load_card("belle2")), load_beam("belle2"), LUMINOSITY, 1, 100_000, workers=2
    )
    channel = tau_only.channel("e")
    expected = sum(run.spectrum(channel, t).nominal.sum() for t in channel.templates)
    error = np.sqrt(sum(run.spectrum(channel, t).variance.sum() for t in channel.templates))
    drawn = np.sum(data.origin["e"] == data.samples.index(sample.name))
    # Poisson scatter of the data and the error of the simulation: 4 sigma has probability 6e-5
    assert abs(drawn - expected) < 4 * np.hypot(np.sqrt(expected), error)


def test_injected_signal_is_there_in_its_channel_only(data):
    signal = data.samples.index("e_alpha_1")
    assert np.sum(data.origin["e"] == signal) > 500
    assert np.sum(data.origin["mu"] == signal) == 0


def test_files_hide_the_truth_and_come_back_as_counts(tau_only, data, tmp_path):
    signal = {"channel": "e", "mass_GeV": 1.0, "value": 0.5}
    sealed = write_dataset(tmp_path / "d.h5", tau_only, data, LUMINOSITY, 11, signal)
    with h5py.File(tmp_path / "d.h5") as file:
        assert set(file.attrs) == {"study", "luminosity_fb"}
        assert list(file["channels/e"]) == ["signalLeptonEnergyFraction_e"]
    with h5py.File(sealed) as file:
        assert file.attrs["value"] == 0.5
        assert len(file["channels/e/origin"]) == len(data.observables["e"])
    counts, luminosity = read_observed(tmp_path / "d.h5", tau_only)
    assert luminosity == LUMINOSITY
    inside = (data.observables["mu"] >= 0) & (data.observables["mu"] < 2.006)
    assert counts["mu"].sum() == inside.sum()


def test_the_continuum_is_drawn_from_its_stored_estimate():
    """Pythia would take days for the 2.3e8 events of 62.8/fb; the counts are those of the model within 4 sigma."""
    import dataclasses

    from toymc.production.stored import load_estimate

    study = dataclasses.replace(STUDY, standard_model=("continuum",))
    drawn = draw_dataset(study, 62.8, 3)
    again = draw_dataset(study, 62.8, 3)
    sample = next(s for s in STUDY.samples if s.name == "continuum")
    estimate = load_estimate(STUDY, sample)
    scale = 62.8 * continuum_cross_section_fb()[0] / estimate.generated
    for channel in STUDY.channels:
        values = drawn.observables[channel.name]
        assert np.array_equal(values, again.observables[channel.name])
        assert np.all((values >= channel.edges[0]) & (values <= channel.edges[-1]))
        mean = scale * sum(estimate.templates[channel.name, t].values().sum() for t in channel.templates)
        assert abs(len(values) - mean) < 4 * np.sqrt(mean)


def test_a_target_that_cannot_be_written_is_told_before_the_work(tmp_path):
    check_target(tmp_path / "new" / "d.h5")
    with pytest.raises(InputError, match="it is a folder"):
        check_target(tmp_path)
    (tmp_path / "thesis.tex").write_text("do not lose me")
    with pytest.raises(InputError, match="is not an HDF5 file"):
        check_target(tmp_path / "thesis.tex")


def test_signal_cannot_be_told_by_its_place(data):
    """Kolmogorov-Smirnov on the positions of signal events in the shuffled table: p > 1e-3."""
    from scipy.stats import kstest

    place = np.flatnonzero(data.origin["e"] == data.samples.index("e_alpha_1")) / len(data.origin["e"])
    assert kstest(place, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: None, "cannot read"),
        (lambda f: f.write_text("no HDF5"), "cannot read"),
        (lambda f: h5py.File(f, "w").close(), "study 'None'"),
    ],
)
def test_unreadable_data(tmp_path, make, words):
    file = tmp_path / "x.h5"
    make(file)
    with pytest.raises(InputError, match=words):
        read_observed(file, STUDY)


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ({"channel": "tau", "mass_GeV": 1.0, "value": 0.1}, "channel = e or mu"),
        ({"channel": "e", "mass_GeV": 1.0}, "value = R"),
        ({"channel": "e", "mass_GeV": 1.9, "value": 0.1}, "from 0 to 1.77"),
        ({"channel": "e", "mass_GeV": 1.0, "value": float("nan")}, "value = R"),
        ({"channel": "e", "mass_GeV": 1.0, "value": 1e300}, "lower the luminosity"),
    ],
)
def test_bad_injection(tau_only, signal, words):
    with pytest.raises(InputError, match=words):
        draw_dataset(tau_only, 1e-4, 1, signal)


def test_bad_injection_words_and_luminosity():
    with pytest.raises(InputError, match="key=value"):
        injection(["mass_GeV:1"], ["mass_GeV"])
    with pytest.raises(InputError, match="luminosity"):
        draw_dataset(STUDY, -1.0, 1)
