"""Resolutions: the calculation against numbers that others computed, the tables against the calculation."""

import math

import numpy as np
import pytest

from toymc.constants import M_PI
from toymc.detector import detector_performance
from toymc.detector.resolution import fit_at, tuning_factors
from toymc.detector.tracks import _interpolate
from toymc.errors import InputError
from toymc.geometry import load_card

# weight-matrix calculation made elsewhere from the same layers, pions at 90 degrees, full pixel detector:
# p (GeV), sigma(pT)/pT (%), sigma(d0) (um), sigma(z0) (um), sigma(d0) without the second pixel layer (um)
INDEPENDENT = [
    (0.3, 0.17, 57.0, 58.0, 54.0),
    (0.5, 0.19, 35.0, 37.0, 33.0),
    (1.0, 0.20, 20.5, 22.0, 20.0),
    (2.0, 0.23, 13.6, 15.0, 14.0),
    (3.0, 0.28, 11.1, 13.0, 12.0),
    (5.0, 0.37, 9.0, 11.0, 10.0),
]


def rows(name, ideal, p, theta=(90.0,)):
    return detector_performance(load_card(name), ["pi"], p, theta, ideal)


@pytest.mark.parametrize("p, pt, d0, z0, d0_run1", INDEPENDENT)
def test_ideal_resolutions_agree_with_the_independent_calculation(p, pt, d0, z0, d0_run1):
    full = rows("belle2_run2", True, [p])[0]
    assert full["sigma_d0_um"] == pytest.approx(d0, rel=0.06)
    assert full["sigma_z0_um"] == pytest.approx(z0, rel=0.06)
    assert rows("belle2", True, [p])[0]["sigma_d0_um"] == pytest.approx(d0_run1, rel=0.06)
    # at 0.3 GeV the two differ in how scattering in the gas is shared out
    assert 100.0 * full["sigma_pt_over_pt"] == pytest.approx(pt, rel=0.06 if p > 0.4 else 0.20)


def test_ideal_impact_parameters_follow_the_powers_of_sin_theta():
    """Where scattering dominates: 1/(p beta sin^1.5) for d0 and 1/(p beta sin^2.5) for z0 [Belle II definition]."""
    card = load_card("belle2_run2")
    sigma = {}
    for theta in (90.0, 50.0):
        fit = fit_at(card, math.radians(theta), np.array([0.1]))[0]
        sigma[theta] = np.sqrt([fit.transverse[0, 0], fit.longitudinal[0, 0]])
    powers = -np.log(sigma[50.0] / sigma[90.0]) / math.log(math.sin(math.radians(50.0)))
    assert powers == pytest.approx([1.5, 2.5], abs=0.07)


@pytest.mark.parametrize("name", ["belle2", "belle2_run2", "belle"])
@pytest.mark.parametrize("p", [0.3, 0.7, 1.5, 4.0])
def test_tuned_resolutions_at_90_degrees_are_the_forms_of_the_card(name, p):
    card = load_card(name)
    form = card.tracking.resolution
    beta = p / math.hypot(p, M_PI)
    row = rows(name, False, [p])[0]
    # 1.5 %: interpolation between grid points
    pt = 1e-2 * math.hypot(form.pt_percent.measurement.value * p, form.pt_percent.scattering.value / beta)
    assert row["sigma_pt_over_pt"] == pytest.approx(pt, rel=0.015)
    for key, two in (("sigma_d0_um", form.d0_um), ("sigma_z0_um", form.z0_um)):
        expected = math.hypot(two.measurement.value, two.scattering.value / (p * beta))
        assert row[key] == pytest.approx(expected, rel=0.015)


def test_interpolation_stays_close_to_the_calculation(belle2):
    """The median within 0.5 %, nine tenths within 3 % over momentum and angle; edges of layers are steps."""
    card = load_card("belle2")
    deviations = []
    for theta in np.linspace(18.0, 149.0, 23):
        fits = fit_at(card, math.radians(theta), np.array([0.23, 0.61, 1.7, 4.3]))
        factors = tuning_factors(card, np.array([0.23, 0.61, 1.7, 4.3]))
        for fit, u, factor in zip(fits, (0.23, 0.61, 1.7, 4.3), factors, strict=True):
            sigma = np.sqrt([*np.diag(fit.transverse), *np.diag(fit.longitudinal)]) * factor
            deviations.append(_table(belle2, u, 1.0 / math.tan(math.radians(theta)))[:5] / sigma - 1.0)
    deviations = np.abs(np.array(deviations))
    assert np.median(deviations) < 0.005
    assert np.quantile(deviations, 0.9) < 0.03


def _table(detector, u, tan_lambda):
    values = np.empty(9)
    _interpolate(u, tan_lambda, detector.tracks.numbers, detector.tracks.resolution, values)
    return values


def test_correlations_have_the_signs_of_the_basf2_convention(belle2):
    """An inner detector that measures angle and offset together: d0 with phi0 positive, z0 with tan lambda negative."""
    values = _table(belle2, 1.0, 0.1)
    assert 0.7 < values[5] < 1.0
    assert -1.0 < values[8] < -0.7


def test_run2_measures_impact_parameters_better_at_high_momentum():
    assert rows("belle2_run2", False, [4.0])[0]["sigma_d0_um"] < rows("belle2", False, [4.0])[0]["sigma_d0_um"]


def test_performance_grid_has_the_keys_of_the_command():
    grid = detector_performance(load_card("belle2"), ["pi", "K"], [0.2, 1.0], [90.0, 60.0, 40.0])
    assert len(grid) == 12
    assert set(grid[0]) == {
        "species", "p_GeV", "theta_deg", "sigma_pt_over_pt", "sigma_d0_um", "sigma_z0_um", "sigma_phi_mrad",
        "sigma_tan_lambda", "efficiency",
    }  # fmt: skip
    # kaons are slower: more scattering at the same momentum
    pion, kaon = grid[0], grid[6]
    assert (pion["species"], kaon["species"]) == ("pi", "K")
    assert kaon["sigma_d0_um"] > 1.5 * pion["sigma_d0_um"]


@pytest.mark.parametrize(
    "species, p, theta, match",
    [
        (["tau"], [1.0], [90.0], "unknown species 'tau'"),
        (["pi"], [0.0], [90.0], "momentum 0.0 GeV is not positive"),
        (["pi"], [float("nan")], [90.0], "is not positive"),
        (["pi"], [1.0], [10.0], "theta 10.0 degrees is outside what belle2 accepts: give 17 to 150"),
    ],
)
def test_bad_grid(species, p, theta, match):
    with pytest.raises(InputError, match=match):
        detector_performance(load_card("belle2"), species, p, theta)
