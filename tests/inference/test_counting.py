"""Counting limits: closed forms, published tables, and the equivalences that must hold exactly."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from toymc.errors import InputError
from toymc.inference import CountingModel, counting_limit, model_limit
from toymc.inference.counting import CountingChannel, Gaussian, Known, background_probabilities, quantile_counts


@pytest.mark.parametrize("cl", [0.683, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("background", [0.0, 0.23, 4.0])
@pytest.mark.parametrize("error", [0.0, 0.5])
def test_no_events(cl, background, error):
    """CLs and the Bayesian limit are -ln(1 - CL) for n = 0, whatever the background."""
    for method in ("cls", "bayes"):
        limit = counting_limit(0, background, error, cl, method)
        assert limit.upper_limit == pytest.approx(-math.log(1.0 - cl), rel=1e-12)


# Feldman and Cousins, Phys. Rev. D 57 (1998) 3873, Table IV (90 % CL), column b = 0
FELDMAN_COUSINS = {
    0: (0.00, 2.44), 1: (0.11, 4.36), 2: (0.53, 5.91), 3: (1.10, 7.42), 4: (1.47, 8.60), 5: (1.84, 9.99),
    6: (2.21, 11.47), 7: (3.56, 12.53), 8: (3.96, 13.99), 9: (4.36, 15.30), 10: (5.50, 16.50),
}  # fmt: skip


@pytest.mark.parametrize("n", FELDMAN_COUSINS)
def test_feldman_cousins_table(n):
    limit = counting_limit(n, 0.0, 0.0, 0.9, "fc")
    assert limit.lower_limit == pytest.approx(FELDMAN_COUSINS[n][0], abs=0.0051)
    assert limit.upper_limit == pytest.approx(FELDMAN_COUSINS[n][1], abs=0.0051)


WITH_BACKGROUND = [(0, 1.0, 0.0, 1.61), (1, 1.0, 0.0, 3.36), (2, 1.0, 0.0, 4.91), (3, 1.0, 0.10, 6.42),
                   (1, 3.0, 0.0, 1.88), (3, 3.0, 0.0, 4.42)]  # fmt: skip


@pytest.mark.parametrize(("n", "b", "lower", "upper"), WITH_BACKGROUND)
def test_feldman_cousins_table_with_background(n, b, lower, upper):
    """Entries of the same table with background that its smoothing leaves alone."""
    limit = counting_limit(n, b, 0.0, 0.9, "fc")
    assert limit.lower_limit == pytest.approx(lower, abs=0.0055)
    assert limit.upper_limit == pytest.approx(upper, abs=0.0055)


def test_feldman_cousins_covers():
    """Exact coverage of the belt on a grid of s: never below CL."""
    b, cl = 1.3, 0.9
    models = [CountingModel([CountingChannel("sr", n, Known(b))]) for n in range(30)]
    intervals = [model_limit(model, cl, "fc", bands=False) for model in models]
    for s in np.linspace(0.05, 8.0, 60):
        inside = [i.lower_limit <= s <= i.upper_limit for i in intervals]
        assert poisson.pmf(np.arange(30), s + b)[inside].sum() > cl - 1e-6


def test_small_background_error_is_continuous():
    for method in ("cls", "fc"):
        known = counting_limit(3, 1.2, 0.0, 0.9, method).upper_limit
        assert counting_limit(3, 1.2, 1e-4, 0.9, method).upper_limit == pytest.approx(known, rel=1e-5)


def test_known_background_against_poisson_tails():
    for n, b in ((1, 0.4), (5, 2.0), (12, 15.0), (120, 100.0)):
        target = 0.1 * poisson.cdf(n, b)
        upper = brentq(lambda s, n=n, b=b, target=target: poisson.cdf(n, s + b) - target, 0.0, 300.0, xtol=1e-12)
        assert counting_limit(n, b).upper_limit == pytest.approx(upper, rel=1e-9)


def test_bayes_against_numerical_integration():
    """Flat prior in s, truncated Gaussian in b, both integrated numerically."""
    n, b, error, cl = 4, 1.5, 0.9, 0.95
    limit = counting_limit(n, b, error, cl, "bayes").upper_limit

    def likelihood(s):
        return quad(lambda x: poisson.pmf(n, s + x) * norm.pdf(x, b, error), 0.0, b + 9 * error, epsabs=1e-13)[0]

    below = quad(likelihood, 0.0, limit, epsabs=1e-12)[0]
    total = below + quad(likelihood, limit, 60.0, epsabs=1e-12)[0]
    assert below / total == pytest.approx(cl, abs=1e-8)
    assert counting_limit(n, b, error, cl, "cls").upper_limit == pytest.approx(limit, rel=1e-12)


def test_cls_against_toys():
    """The marginalised tails against a simulation of them: CLs at the limit is 10 % within 5 sigma of 2e5 toys."""
    from tests.inference.models import random_stream

    n, b, error = 2, 0.8, 0.5
    limit = counting_limit(n, b, error, 0.9).upper_limit
    rng = random_stream(90)
    means = rng.normal(b, error, 600_000)
    means = means[means > 0.0][:200_000]
    both = np.mean(rng.poisson(means + limit) <= n)
    alone = np.mean(rng.poisson(means) <= n)
    assert both / alone == pytest.approx(0.1, abs=5.0 * 0.1 * math.sqrt((1 - both) / both / 2e5))


def test_tau_to_e_phi():
    """arXiv:2305.04759: n = 2, b = 0.23 +0.55 -0.21, 190/fb, efficiency 6.1 %: 90 % CLs limit 2.3e-7."""
    for error in (0.0, 0.21, 0.38, 0.55):
        events = counting_limit(2, 0.23, error, 0.9).upper_limit
        branching = events / (2.0 * 190.0 * 0.919e6 * 0.061)
        assert branching == pytest.approx(2.3e-7, rel=0.06)


def test_expected_limits_are_those_of_the_quantiles():
    b = 3.0
    limit = counting_limit(1, b)
    for key, n in quantile_counts(CountingChannel("sr", 0, Known(b))).items():
        assert limit.expected[key] == counting_limit(n, b).upper_limit
        assert poisson.cdf(n, b) >= norm.cdf(float(key)) > poisson.cdf(n - 1, b)
    assert list(limit.expected.values()) == sorted(limit.expected.values())


def test_background_probabilities_are_normalised():
    for b, error in ((0.0, 0.3), (0.2, 2.0), (5.0, 1.0), (300.0, 4.0), (300.0, 80.0), (9000.0, 300.0)):
        weights = background_probabilities(Gaussian(b, error), int(b + 12 * error + 12 * math.sqrt(b) + 40))
        assert weights.sum() == pytest.approx(1.0, abs=1e-11)
    weights = background_probabilities(Gaussian(9000.0, 300.0), 12000)
    mean = np.arange(12001) @ weights
    assert mean == pytest.approx(9000.0, abs=1e-6)
    assert (np.arange(12001) - mean) ** 2 @ weights == pytest.approx(9000.0 + 300.0**2, rel=1e-9)


def test_large_counts_are_gaussian():
    """n = b = 1e4: the CLs limit is 1.645 sigma, up to the asymmetry of the Poisson tail."""
    assert counting_limit(10_000, 10_000.0).upper_limit == pytest.approx(164.5, rel=0.02)


def test_more_background_error_never_tightens_the_interval_at_the_median():
    uppers = [counting_limit(100, 100.0, e).upper_limit for e in (0.0, 5.0, 10.0, 20.0)]
    assert uppers == sorted(uppers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1.0), "observed = -1; it must be a count"),
        ((1.5, 1.0), "observed = 1.5; it must be a count"),
        ((math.nan, 1.0), "must be a count"),
        ((1, -1.0), "background = -1; it must be finite and not negative"),
        ((1, math.nan), "background = nan"),
        ((1, 1.0, -0.1), "background error.* = -0.1"),
        ((1, 1.0, 0.0, 90.0), "confidence level 90.0; it must be between 0 and 1"),
        ((1, 1.0, 0.0, 0.9, "magic"), "method 'magic'; allowed: cls, clsb, fc, bayes"),
        ((1, 9000.0, 0.0, 0.9, "fc"), "method 'fc' is for counts up to 500"),
        ((1, 2000.0), "its probability without signal is below 1e-280"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        counting_limit(*arguments)


def test_result_is_json_ready():
    result = counting_limit(2, 0.23, 0.38).to_dict()
    assert result["upper_limit"] == pytest.approx(4.964, abs=0.001)
    assert list(result["expected"]) == ["-2", "-1", "0", "+1", "+2"]
