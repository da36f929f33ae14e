"""Fits: minima against pyhf, bad starts, empty data, bounds, and the numbers that describe a fit."""

import math

import numpy as np
import pyhf
import pytest
from scipy.optimize import minimize

from tests.inference.models import counting_model, mixed_model, random_stream, thirty_bins, two_channels
from toymc.errors import InputError
from toymc.inference import (
    Channel,
    HistoSys,
    Likelihood,
    Model,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    StatError,
    correlation,
    covariance,
    goodness_of_fit,
    profile_scan,
    pulls,
)


@pytest.mark.parametrize("number", range(8))
def test_minimum_is_not_above_pyhf(number):
    pyhf.set_backend("numpy", "minuit")
    model = mixed_model(number)
    likelihood = Likelihood(model)
    fit = likelihood.fit(likelihood.data())
    workspace = pyhf.Workspace(model.to_pyhf())
    other = workspace.model()
    _, minimum = pyhf.infer.mle.fit(workspace.data(other), other, return_fitted_val=True)
    ours = 2.0 * likelihood.nll(fit.values, likelihood.data())
    assert fit.converged and fit.attempts == 1 and fit.edm < 1e-10
    assert ours <= float(minimum) + 1e-7
    assert ours == pytest.approx(float(minimum), abs=1e-3)  # MINUIT stops at an EDM of 1e-4 or so


@pytest.mark.parametrize("number", range(12))
def test_bad_starts_reach_the_same_minimum(number):
    likelihood = Likelihood(mixed_model(number))
    data, rng = likelihood.data(), random_stream(40 + number)
    best = likelihood.fit(data)
    m = likelihood.packed
    for _ in range(10):
        start = np.where(np.isinf(m.hi), 50.0, m.hi) * rng.uniform(0.0, 1.0, m.lo.size)
        start = np.where(rng.uniform(size=start.size) < 0.3, np.maximum(m.lo, -5.0), start)
        fit = likelihood.fit(data, start=start)
        assert fit.converged, fit.message
        assert fit.nll == pytest.approx(best.nll, abs=1e-8)


def test_a_start_without_likelihood_climbs_the_ladder():
    likelihood = Likelihood(counting_model(4.0, 10.0, 7))
    fit = likelihood.fit(likelihood.data(), start=np.array([math.nan]))
    assert fit.converged and fit.attempts == 2


def test_data_of_zeros():
    for model in (thirty_bins(), mixed_model(1), mixed_model(2), mixed_model(7), counting_model(2.0, 3.0, 0, 1.0)):
        likelihood = Likelihood(model)
        data = likelihood.data({c.name: np.zeros(c.n_bins) for c in model.channels})
        fit = likelihood.fit(data)
        assert fit.converged, fit.message
        assert fit.theta[0] == 0.0 and "mu" in fit.at_bound
        assert np.isfinite(fit.nll)


def test_bounds_are_reported():
    samples = (Sample("s", [5.0], (NormFactor("mu"),)), Sample("b", [10.0], (NormSys("k", 0.8, 1.25),)))
    model = Model([Channel("sr", samples, [100.0])], "mu")
    likelihood = Likelihood(model)
    fit = likelihood.fit(likelihood.data(), poi=0.0)
    assert fit.converged and fit.values["k"] == 5.0 and fit.at_bound == ("k",)
    free = likelihood.fit(likelihood.data())
    assert free.values["mu"] == pytest.approx(18.0, abs=1e-4) and free.at_bound == ()


def test_gammas_stop_at_their_bounds():
    samples = (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [10.0], (StatError("g", [30.0]),)))
    likelihood = Likelihood(Model([Channel("sr", samples, [0.0])], "mu"))
    fit = likelihood.fit(likelihood.data(), poi=0.0)
    assert fit.values["g[0]"] == 1e-10 and fit.at_bound == ("g[0]",)


def test_several_gammas_in_a_bin():
    """Two Poisson and one Gaussian gamma on one bin: the minimum over them against a general minimiser."""
    from toymc.inference import ShapeSys

    samples = (
        Sample("s", [2.0, 1.0], (NormFactor("mu"),)),
        Sample("a", [8.0, 5.0], (ShapeSys("ga", [3.0, 1.0]),)),
        Sample("b", [6.0, 0.5], (ShapeSys("gb", [2.0, 0.4]),)),
        Sample("c", [9.0, 3.0], (StatError("gc", [1.0, 2.0]),)),
    )
    likelihood = Likelihood(Model([Channel("sr", samples, [37.0, 0.0])], "mu"))
    data = likelihood.data()
    fit = likelihood.fit(data, poi=0.4)
    gammas = list(likelihood.layout.gam_names)

    def function(x):
        return likelihood.nll({"mu": 0.4, **dict(zip(gammas, x, strict=True))}, data)

    other = minimize(function, np.ones(len(gammas)), bounds=[(1e-10, 10.0)] * len(gammas), tol=1e-14)
    assert likelihood.nll(fit.values, data) <= other.fun + 1e-9
    assert likelihood.nll(fit.values, data) == pytest.approx(other.fun, abs=1e-6)


def test_closed_form_of_one_bin():
    """On/off: mu_hat = (n - b)/s and the error of Poisson data and a profiled background."""
    likelihood = Likelihood(counting_model(2.0, 25.0, 41, 5.0))
    fit = likelihood.fit(likelihood.data())
    assert fit.theta[0] == pytest.approx(8.0, abs=1e-5)
    assert 1.0 / math.sqrt(fit.curvature) == pytest.approx(math.sqrt(41.0 + 25.0) / 2.0, rel=1e-5)


def test_covariance_against_finite_differences():
    for model in (mixed_model(4), mixed_model(1), mixed_model(2)):
        likelihood = Likelihood(model)
        data = likelihood.data()
        fit = likelihood.fit(data)
        names, matrix = covariance(likelihood, fit)
        values = fit.values
        x = np.array([values[n] for n in names])

        def nll(point, names=names, values=values, likelihood=likelihood, data=data):
            return likelihood.nll({**values, **dict(zip(names, point, strict=True))}, data)

        h = 1e-4
        eye = h * np.eye(x.size)
        hessian = np.empty((x.size, x.size))
        for i in range(x.size):
            for j in range(i + 1):
                corners = nll(x + eye[i] + eye[j]) - nll(x + eye[i] - eye[j])
                corners += nll(x - eye[i] - eye[j]) - nll(x - eye[i] + eye[j])
                hessian[i, j] = hessian[j, i] = corners / (4.0 * h * h)
        np.testing.assert_allclose(matrix @ hessian, np.eye(x.size), atol=2e-3)
        _, rho = correlation(likelihood, fit)
        np.testing.assert_allclose(np.diag(rho), 1.0)
        assert 1.0 / fit.curvature == pytest.approx(matrix[0, 0], rel=1e-6)


def test_pulls_of_asimov_data_vanish():
    likelihood = Likelihood(thirty_bins())
    start = likelihood.layout.start.copy()
    start[0] = 0.0
    data = likelihood.asimov(start, np.ones(30))
    table = pulls(likelihood, data, poi=0.0)
    assert len(table) == 39 and table[0].name == "mu" and math.isnan(table[0].error)
    for row in table[1:]:
        assert abs(row.pull) < 1e-5
        assert 0.0 < row.constraint <= 1.0 + 1e-9


def test_profile_scan_is_the_parabola_of_gaussian_data():
    likelihood = Likelihood(counting_model(1e3, 1e8, 1e8 + 2e4))
    scan = profile_scan(likelihood, [0.0, 10.0, 20.0, 30.0])
    np.testing.assert_allclose(scan, (np.array([-20.0, -10.0, 0.0, 10.0]) / 10.0) ** 2, rtol=2e-3, atol=1e-6)
    with pytest.raises(InputError, match="not negative"):
        profile_scan(likelihood, [-1.0])


def test_goodness_of_fit_follows_chi2():
    """Toys of a model without nuisances: the p-values are uniform (mean 0.5 +- 5 sigma at 300 toys)."""
    b = np.linspace(80.0, 160.0, 12)
    model = Model([Channel("sr", (Sample("s", 0.1 * b[::-1], (NormFactor("mu"),)), Sample("b", b)))], "mu")
    likelihood = Likelihood(model)
    rng = random_stream(77)
    counts = [rng.poisson(b + 0.1 * b[::-1]) for _ in range(300)]
    p = [goodness_of_fit(likelihood, likelihood.data({"sr": n})).p_value for n in counts]
    assert abs(np.mean(p) - 0.5) < 5.0 / math.sqrt(12.0 * 300.0)


def test_correlated_shapes_share_a_parameter_between_channels():
    model = two_channels()
    assert sum(name.startswith("s0") for name in model.parameter_names) == 1
    fit = Likelihood(model).fit(Likelihood(model).data())
    assert fit.converged
    assert fit.values["n_lnunu_e"] == pytest.approx(1.0, abs=0.02)


def test_held_parameters():
    likelihood = Likelihood(mixed_model(1))
    fit = likelihood.fit(likelihood.data(), fixed={"scale": 1.5})
    assert fit.values["scale"] == 1.5 and fit.converged
    with pytest.raises(InputError, match="cannot hold 'nothing'; the coordinates are mu"):
        likelihood.fit(likelihood.data(), fixed={"nothing": 0.0})


def test_large_counts_converge():
    """1e9 events per bin: the rounding of the likelihood is above the usual tolerance."""
    b = np.full(20, 1e9)
    samples = (Sample("s", 1e5 * np.linspace(0, 1, 20), (NormFactor("mu"),)),
               Sample("b", b, (NormFactor("n"), HistoSys("tilt", b * 0.999, b * 1.002))))  # fmt: skip
    model = Model([Channel("sr", samples, b + 3e4)], "mu", (Parameter("n", bounds=((0.0, 5.0),)),))
    likelihood = Likelihood(model)
    fit = likelihood.fit(likelihood.data())
    assert fit.converged, fit.message
