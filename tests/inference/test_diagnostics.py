"""Diagnostics: impacts and components of the error against slow twins, goodness of fit with toys, status and bounds."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.inference.models import counting_model, mixed_model, random_stream
from toymc.errors import InputError, ToymcError
from toymc.inference import (
    Channel,
    HistoSys,
    Likelihood,
    Model,
    NormFactor,
    NormSys,
    Sample,
    StatError,
    correlation,
    diagnose,
    error_components,
    goodness_of_fit,
    impacts,
)
from toymc.inference.diagnostics import fit_summary, signed_likelihood
from toymc.inference.estimators.template import statistical_error


def fitted(model):
    likelihood = signed_likelihood(model)
    fit = likelihood.fit(likelihood.data())
    assert fit.converged
    return likelihood, fit


def minimum(likelihood, fit, held):
    """mu_hat by a general minimiser of the full likelihood, gammas included, with parameters held by name."""
    names = [name for name in fit.names if name not in held]

    def nll(x):
        value = likelihood.nll({**fit.values, **dict(zip(names, x, strict=True)), **held}, fit.data)
        return value if math.isfinite(value) else 1e12

    start = np.array([fit.values[name] for name in names])
    bounds = [(1e-3, 5.0) if "[" in name else (-6.0, 20.0) for name in names]
    best = minimize(
        nll, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 4000}
    )
    return float(best.x[0])


@pytest.mark.parametrize("number", [4, 2, 6])
def test_impacts_against_a_general_minimiser(number):
    likelihood, fit = fitted(mixed_model(number))
    rows = impacts(likelihood, fit)
    assert [row.size for row in rows] == sorted((row.size for row in rows), reverse=True)
    per_bin = [row for row in rows if "[" in row.name][:2]
    for row in [*[r for r in rows if "[" not in r.name][:3], *per_bin]:
        for step, shift in ((row.error, row.up), (-row.error, row.down)):
            slow = minimum(likelihood, fit, {row.name: row.value + step}) - fit.theta[0]
            assert shift == pytest.approx(slow, abs=2e-3 * max(1.0, abs(slow)))
    assert likelihood.fit(fit.data).theta[0] == pytest.approx(fit.theta[0])  # nothing is left held


def test_impact_of_a_gaussian_likelihood_is_its_covariance():
    b = np.array([1e7, 2e7, 1.5e7])
    tilt = HistoSys("tilt", b * [0.9999, 1.0, 1.0001], b * [1.0001, 1.0, 0.9999])
    samples = (Sample("s", [1e4, 2e3, 1e3], (NormFactor("mu"),)), Sample("b", b, (tilt, NormSys("n", 0.999, 1.001))))
    likelihood, fit = fitted(Model([Channel("sr", samples, b + [9e3, 1e3, -2e3])], "mu"))
    names, rho = correlation(likelihood, fit)
    sigma = 1.0 / math.sqrt(fit.curvature)
    for row in impacts(likelihood, fit):
        expected = rho[0, names.index(row.name)] * sigma
        assert row.up == pytest.approx(expected, rel=2e-3) and row.down == pytest.approx(-expected, rel=2e-3)
        assert row.prefit_up == pytest.approx(expected / row.constraint, rel=2e-3)


@pytest.mark.parametrize("number", [4, 2, 11])
def test_components_are_the_shifts_of_the_measurements(number):
    """Slow twin: every auxiliary measurement and every count moved by hand, and the fit made again."""
    likelihood, fit = fitted(mixed_model(number))
    parts = error_components(likelihood, fit)
    total = parts.pop("total")
    assert total == pytest.approx(1.0 / math.sqrt(fit.curvature), rel=1e-6)
    assert sum(part**2 for part in parts.values()) == pytest.approx(total**2)
    assert parts["counts"] == pytest.approx(statistical_error(likelihood, fit), rel=0.03)
    k = 1 + next(i for i, kind in enumerate(likelihood.packed.con_kind[1:]) if kind == 1)
    name, step = fit.names[k], 1e-3
    moved = []
    for sign in (1.0, -1.0):
        aux = fit.data.aux.copy()
        aux[k] += sign * step * math.sqrt(likelihood.packed.con_scale[k])
        moved.append(likelihood.fit(type(fit.data)(fit.data.counts, aux, fit.data.gam_aux)).theta[0])
    alone = error_components(likelihood, fit, {"this one": [name]})
    assert alone["this one"] == pytest.approx(abs(moved[0] - moved[1]) / (2.0 * step), rel=1e-3)


def test_one_bin_in_closed_form():
    """n = 41, b = 25 +- 5, s = 2: counts sqrt(41)/2, background 5/2."""
    likelihood, fit = fitted(counting_model(2.0, 25.0, 41, 5.0))
    parts = error_components(likelihood, fit)
    assert parts["counts"] == pytest.approx(math.sqrt(41.0) / 2.0, rel=1e-5)
    assert parts["bin-by-bin"] == pytest.approx(2.5, rel=1e-5)
    (row,) = impacts(likelihood, fit)
    assert row.up == pytest.approx(-2.5, rel=1e-5) and row.prefit_down == pytest.approx(2.5, rel=1e-5)


def test_groups():
    likelihood, fit = fitted(mixed_model(5))
    default = error_components(likelihood, fit)
    split = error_components(likelihood, fit, {"shapes": ["shape*"], "scales": ["scale", "other"]})
    assert set(split) == {"counts", "shapes", "scales", "simulation statistics", "total"}
    assert math.hypot(split["shapes"], split["scales"]) == pytest.approx(default["systematic sources"])
    with pytest.raises(InputError, match="group 'none' has no parameter: nothing"):
        error_components(likelihood, fit, {"none": ["nothing"]})
    with pytest.raises(InputError, match="'scale' is in the groups 'a' and 'b'"):
        error_components(likelihood, fit, {"a": ["scale"], "b": ["sc*"]})


def test_bad_input_of_impacts():
    likelihood, fit = fitted(mixed_model(1))
    with pytest.raises(InputError, match="no impact of 'nothing': the parameters are"):
        impacts(likelihood, fit, ["nothing"])
    with pytest.raises(InputError, match="held in the fit"):
        impacts(likelihood, likelihood.fit(fit.data, poi=0.0))


def test_goodness_from_toys_is_uniform_where_chi2_is_not():
    """Two events expected in 20 bins: p-values of toys are uniform in 200 data sets (mean 0.5 +- 5 sigma), those of the
    chi-square are not (mean above 0.55)."""
    b = np.full(20, 0.1)
    model = Model([Channel("sr", (Sample("s", np.linspace(0, 0.1, 20), (NormFactor("mu"),)), Sample("b", b)))], "mu")
    likelihood = Likelihood(model)
    rng = random_stream(501)
    found = [
        goodness_of_fit(likelihood, likelihood.data({"sr": rng.poisson(b)}), n_toys=200, seed=i, poi=0.0)
        for i in range(200)
    ]
    assert all(g.sparse and g.toys.n_failed == 0 for g in found)
    # p of n toys lies half a step above uniform for a continuous statistic; ties of few counts add to that
    assert abs(np.mean([g.toys.value for g in found]) - 0.5) < 5.0 / math.sqrt(12.0 * 200.0) + 0.02
    assert np.mean([g.p_value for g in found]) > 0.9


def test_goodness_from_toys_agrees_with_chi2_for_many_events():
    likelihood = Likelihood(mixed_model(1, n_bins=12))
    found = goodness_of_fit(likelihood, n_toys=2000, seed=3)
    assert not found.sparse
    assert abs(found.toys.value - found.p_value) < 5.0 * found.toys.error + 0.02
    same = goodness_of_fit(likelihood, n_toys=2000, seed=3)
    assert same.toys == found.toys
    with pytest.raises(InputError, match="-1 toys"):
        goodness_of_fit(likelihood, n_toys=-1)


def test_degenerate_parameters_are_named():
    b = np.array([50.0, 60.0])
    samples = (Sample("s", [3.0, 1.0], (NormFactor("mu"),)), Sample("b", b, (NormFactor("a"), NormFactor("c"))))
    likelihood = Likelihood(Model([Channel("sr", samples, b)], "mu"))
    with pytest.raises(ToymcError, match="do not determine [ac], [ac]: fix or merge"):
        correlation(likelihood, likelihood.fit(likelihood.data()))
    notes = diagnose(likelihood.model).notes
    assert any("do not determine" in note for note in notes)


def test_summary_names_parameters_at_bounds():
    likelihood = Likelihood(counting_model(1.0, 9.0, 4, 1.0))
    summary = fit_summary(likelihood, likelihood.fit(likelihood.data()))
    assert [row.name for row in summary.at_bound] == ["mu"] and math.isnan(summary.error)
    assert (summary.free, summary.constrained, summary.bins) == (1, 1, 1)


def test_diagnosis_of_data():
    model = mixed_model(5)
    found = diagnose(model, n_toys=300)
    assert found.data == "observed counts" and found.summary.converged and not found.notes
    assert found.goodness.toys.n_toys == 300
    assert {p.name for p in found.pulls} == set(model.parameter_names)


def test_diagnosis_without_data_is_that_of_the_expectation():
    model = mixed_model(5)
    blind = Model(tuple(Channel(c.name, c.samples) for c in model.channels), model.poi, model.parameters)
    found = diagnose(blind)
    assert found.data.startswith("expectation at mu = ") and found.goodness is None
    for row in found.pulls[1:]:
        assert abs(row.pull) < 1e-4 and 0.0 < row.constraint < 1.0 + 1e-6
    assert diagnose(model, expected_at=1.5).summary.value == pytest.approx(1.5, rel=1e-4)
    with pytest.raises(InputError, match="expectation at mu = -1"):
        diagnose(model, expected_at=-1.0)


def test_a_model_without_background_is_diagnosed_at_its_bound():
    found = diagnose(Model([Channel("sr", (Sample("s", [2.0], (NormFactor("mu"),)),), [0.0])], "mu"))
    assert found.notes and found.components == {}


def test_a_factor_of_an_exact_bin_is_not_constrained():
    samples = (Sample("s", [3.0, 1.0], (NormFactor("mu"),)), Sample("b", [50.0, 60.0], (StatError("mc", [2.0, 0.0]),)))
    found = diagnose(Model([Channel("sr", samples, [52.0, 61.0])], "mu"))
    assert [row.name for row in found.impacts] == ["mc[0]"]
    assert math.isnan(next(p for p in found.pulls if p.name == "mc[1]").pull)
