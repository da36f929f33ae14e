"""The study tau -> l alpha: its bins, its templates against kinematics, its limits beside the published ones."""

import statistics

import numpy as np
import pytest

from toymc.constants import M_TAU
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.production.compute import RunOptions, compute_study
from toymc.production.spectra import run_sample, spectra_of
from toymc.studies import STUDIES
from toymc.studies.study import Spectrum, published
from toymc.studies.tau_l_alpha import MASSES, fitted_bins

STUDY = STUDIES["tau_l_alpha"]


@pytest.fixture(scope="module")
def spectra():
    detector, beam = build_detector(load_card(STUDY.card)), load_beam(STUDY.card)
    wanted = [s for s in STUDY.samples if s.name.startswith("e_alpha") or s.name == "tau_e_nu_nu"]
    return spectra_of(
        STUDY, {s.name: run_sample(STUDY, s, detector, beam, 62.8, 2, 60_000, workers=2) for s in wanted}
    )


def _mean(spectrum: Spectrum, edges: np.ndarray) -> float:
    centres = 0.5 * (edges[1:] + edges[:-1])
    return float(np.average(centres, weights=spectrum.nominal))


def test_signal_peaks_follow_two_body_kinematics(spectra):
    """x = 1 - M^2/m_tau^2 in the tau rest frame; the pseudo-rest frame smears it and moves it up by less than 12 %."""
    edges = STUDY.channel("e").edges
    for mass in MASSES:
        mean = _mean(spectra[f"e_alpha_{mass:g}", "e", "direct"], edges)
        assert mean == pytest.approx(1.0 - (mass / M_TAU) ** 2, rel=0.12)


def test_lnunu_template_is_lepton_from_tau_alone(spectra):
    direct, other = (spectra["tau_e_nu_nu", "e", name].nominal.sum() for name in ("direct", "other"))
    # the rest are hadrons of the tag that landed alone in a hemisphere and faked an electron
    assert 0.0 < other < 2e-3 * direct
    # published spectrum of arXiv:2212.03634, figure 1: about 1.3e4 events in the fullest bin of 0.017
    assert spectra["tau_e_nu_nu", "e", "direct"].nominal.max() == pytest.approx(1.3e4, rel=0.25)


def test_variations_move_templates_their_way(spectra):
    direct = spectra["tau_e_nu_nu", "e", "direct"]
    assert direct.up["electron_efficiency"].sum() > direct.nominal.sum() > direct.down["electron_efficiency"].sum()
    assert direct.up["pion_electron_misid"] == pytest.approx(direct.nominal)
    other = spectra["tau_e_nu_nu", "e", "other"]
    assert other.up["pion_electron_misid"].sum() > other.nominal.sum()


def test_no_events_no_bins(spectra):
    empty = {
        (name, "e", template): Spectrum(*(np.zeros(118) for _ in range(3)), {}, {})
        for name in STUDY.standard_model
        for template in ("direct", "other")
    }
    with pytest.raises(InputError, match="raise --scale"):
        fitted_bins(empty, "e")


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="no section 'tau_l_beta'"):
        published("tau_l_beta")
    with pytest.raises(InputError, match="no channel 'tau'"):
        STUDY.channel("tau")


@pytest.mark.validate
def test_expected_limits_beside_the_published_ones():
    """Electron channel at full scale: ratio to 1.96 x published fit error; about four minutes on two cores."""
    result = compute_study(STUDY, RunOptions(scale=1.0, workers=2)).result
    table = {row.parameters["mass_GeV"]: row.expected for row in result.published if row.cl == 0.95}
    ratios = [result.hypothesis(0.95, channel="e", mass_GeV=m).expected.median / table[m] for m in MASSES]
    assert 0.75 < statistics.median(ratios) < 1.35
    assert max(max(r, 1 / r) for r in ratios) < 2.0
