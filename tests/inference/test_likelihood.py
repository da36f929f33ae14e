"""The likelihood against pyhf, and its derivatives against finite differences."""

import copy
import json

import numpy as np
import pyhf
import pytest

from tests.inference.models import counting_model, mixed_model, random_stream, thirty_bins, two_channels
from toymc.inference import Channel, Likelihood, Model, NormFactor, NormSys, Parameter, Sample, ShapeSys, StatError

pyhf.set_backend("numpy")


def pyhf_model(model):
    workspace = pyhf.Workspace(model.to_pyhf())
    other = workspace.model()
    return other, workspace.data(other)


def random_values(model, rng):
    """A point well inside the bounds, with nuisance parameters on both sides of +-1."""
    return {
        name: float(rng.uniform(0.7, 1.3) if "[" in name or name == "lumi" else abs(1.6 * rng.normal()) + 0.05)
        * (-1.0 if name.startswith(("shape", "scale", "other")) and "[" not in name and rng.uniform() < 0.5 else 1.0)
        for name in model.parameter_names
    }


def stacked_gammas():
    """Staterror of two samples and a shapesys on one of them: two gammas on one yield."""
    flat, peak = np.array([30.0, 25.0, 0.0]), np.array([4.0, 12.0, 7.0])
    samples = (
        Sample("signal", [1.0, 3.0, 2.0], (NormFactor("mu"), NormSys("eff", 0.93, 1.05))),
        Sample("flat", flat, (StatError("stat", 0.1 * flat), ShapeSys("bins", 0.2 * flat))),
        Sample("peak", peak, (StatError("stat", [0.5, 0.0, 1.0]), NormFactor("n_peak"))),
    )
    settings = (Parameter("n_peak", inits=(0.9,), bounds=((0.2, 3.0),)), Parameter("eff", fixed=True))
    return Model([Channel("sr", samples, [33.0, 41.0, 9.0])], "mu", settings)


@pytest.mark.parametrize("number", range(20))
def test_nll_equals_pyhf(number):
    model = mixed_model(number)
    rng = random_stream(500 + number)
    likelihood = Likelihood(model)
    other, data = pyhf_model(model)
    for _ in range(5):
        values = random_values(model, rng)
        expected = -float(other.logpdf([values[n] for n in other.config.par_names], data)[0])
        if np.isnan(expected):  # a rate below zero
            continue
        assert likelihood.nll(values, likelihood.data()) == pytest.approx(expected, rel=1e-12, abs=1e-8)


@pytest.mark.parametrize("make", [stacked_gammas, thirty_bins, two_channels, lambda: counting_model(3.0, 5.0, 4, 1.5)])
def test_nll_equals_pyhf_for_special_models(make):
    model = make()
    rng = random_stream(31)
    likelihood = Likelihood(model)
    other, data = pyhf_model(model)
    assert sorted(other.config.par_names) == sorted(model.parameter_names)
    for _ in range(5):
        values = random_values(model, rng)
        expected = -float(other.logpdf([values[n] for n in other.config.par_names], data)[0])
        assert likelihood.nll(values, likelihood.data()) == pytest.approx(expected, rel=1e-12, abs=1e-8)


@pytest.mark.parametrize("number", range(10))
def test_gradient_and_hessian(number):
    model = stacked_gammas() if number == 9 else mixed_model(number)
    likelihood = Likelihood(model)
    data, rng = likelihood.data(), random_stream(700 + number)
    theta = likelihood.layout.start + 0.4 * rng.uniform(-1.0, 1.0, likelihood.layout.start.size)
    likelihood.evaluate(data, theta)
    gradient, hessian = likelihood.work.gradient.copy(), likelihood.work.hessian.copy()
    h = 1e-5
    for k in range(theta.size):
        up, down = theta.copy(), theta.copy()
        up[k] += h
        down[k] -= h
        high, high_gradient = likelihood.evaluate(data, up), likelihood.work.gradient.copy()
        low, low_gradient = likelihood.evaluate(data, down), likelihood.work.gradient.copy()
        assert gradient[k] == pytest.approx((high - low) / (2 * h), rel=1e-6, abs=1e-6)
        np.testing.assert_allclose(hessian[k], (high_gradient - low_gradient) / (2 * h), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("number", range(12))
def test_profiled_gammas_are_the_minimum(number):
    """The saturated profile value plus its constant is the minimum of the full likelihood over the gammas."""
    model = mixed_model(number)
    likelihood = Likelihood(model)
    data = likelihood.data()
    names = likelihood.layout.par_names
    theta = likelihood.layout.start.copy()
    likelihood.evaluate(data, theta)
    gamma = likelihood.work.gamma.copy()
    values = dict(zip(likelihood.layout.names, [*theta, *gamma], strict=True))
    best = likelihood.nll(values, data)
    for name in likelihood.layout.gam_names:
        for step in (-1e-3, 1e-3):
            moved = {**values, name: values[name] + step}
            assert likelihood.nll(moved, data) >= best
    assert len(names) + gamma.size == len(model.parameter_names)


def test_zero_factor_keeps_its_derivative():
    """At mu = 0 the slope along mu is still that of the signal."""
    model = counting_model(4.0, 10.0, 7)
    likelihood = Likelihood(model)
    likelihood.evaluate(likelihood.data(), np.array([0.0]))
    assert likelihood.work.gradient[0] == pytest.approx(4.0 * (1.0 - 0.7))
    assert likelihood.work.hessian[0, 0] == pytest.approx(16.0 * 0.07)


def test_workspace_round_trip():
    for model in (mixed_model(9), mixed_model(8), stacked_gammas()):
        first = model.to_pyhf()
        text = json.dumps(first)
        again = Model.from_pyhf(json.loads(text))
        assert again.to_pyhf() == first
        assert again.parameter_names == model.parameter_names


def test_workspace_without_data_holds_the_background():
    model = counting_model(4.0, 10.0)
    assert model.to_pyhf()["observations"] == [{"name": "sr", "data": [10.0]}]
    assert not model.has_data


def test_fixed_parameters_and_start_values_as_in_pyhf():
    model = stacked_gammas()
    other, data = pyhf_model(model)
    _, minimum = pyhf.infer.mle.fit(data, other, return_fitted_val=True)
    likelihood = Likelihood(model)
    fit = likelihood.fit(likelihood.data())
    assert fit.converged
    assert fit.values["eff"] == 0.0
    ours = 2 * likelihood.nll(fit.values, likelihood.data())
    assert float(minimum) - 2e-3 < ours < float(minimum) + 1e-6  # the valley along mu is flat: compare depths


def test_model_is_not_changed_by_its_arrays():
    data = np.array([1.0, 2.0])
    sample = Sample("s", data, (NormFactor("mu"),))
    data[0] = 99.0
    assert sample.data[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        sample.data[0] = 5.0


def test_unknown_modifier_is_named():
    workspace = copy.deepcopy(mixed_model(1).to_pyhf())
    workspace["channels"][0]["samples"][0]["modifiers"][0]["type"] = "warp"
    with pytest.raises(ValueError, match="sample 'signal': modifier 'mu' is of type 'warp'; allowed: normfactor"):
        Model.from_pyhf(workspace)
