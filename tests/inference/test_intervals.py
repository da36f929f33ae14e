"""Asymptotic discovery and two-sided intervals against closed forms and scans of the likelihood."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, xlogy

from tests.inference.models import counting_model, mixed_model, thirty_bins
from toymc.errors import InputError
from toymc.inference import (
    Channel,
    Likelihood,
    Model,
    NormFactor,
    Sample,
    discovery,
    profile_interval,
    profile_scan,
)


def deviance(n, rate):
    return 2.0 * (rate - n + float(xlogy(n, n / rate)))


@pytest.mark.parametrize(("n", "b"), [(130.0, 100.0), (5.0, 0.5), (3.0, 3.0), (1.0, 4.0)])
def test_discovery_of_a_count(n, b):
    """q0 = 2 (n ln(n/b) - n + b) above b, 0 below (Cowan et al., eq. 97 ff.)."""
    result = discovery(counting_model(2.0, b, n))
    q0 = deviance(n, b) if n > b else 0.0
    assert result.q0 == pytest.approx(q0, abs=1e-8)
    assert result.z == pytest.approx(math.sqrt(q0), abs=1e-6)
    assert result.p0 == pytest.approx(float(ndtr(-math.sqrt(q0))), rel=1e-6)
    assert result.expected_z == pytest.approx(math.sqrt(deviance(2.0 + b, b)), rel=1e-8)
    assert result.status == "converged"


def test_discovery_with_sideband():
    """Background from a sideband count of ratio tau: the closed form of Li and Ma, Astrophys. J. 272 (1983) 317."""
    n_on, n_off, tau = 140.0, 100.0, 1.2
    b = n_off / tau
    model = counting_model(10.0, b, n_on, b / math.sqrt(n_off))  # shapesys: auxiliary count n_off of mean gamma n_off
    total = n_on + n_off
    z2 = 2.0 * (n_on * math.log((1.0 + tau) * n_on / total) + n_off * math.log((1.0 + tau) / tau * n_off / total))
    assert discovery(model).z == pytest.approx(math.sqrt(z2), rel=1e-6)


def test_events_without_background_are_infinitely_significant():
    samples = (Sample("s", [1.0, 1.0], (NormFactor("mu"),)), Sample("b", [5.0, 0.0]))
    result = discovery(Model([Channel("sr", samples, [5.0, 2.0])], "mu"))
    assert result.z == math.inf and result.p0 == 0.0 and result.mu_hat > 0.0


@pytest.mark.parametrize("cl", [0.6827, 0.9, 0.95])
def test_interval_of_a_count(cl):
    n, b = 12.0, 3.0
    interval = profile_interval(counting_model(1.0, b, n), cl)
    target = {0.6827: 1.0000214, 0.9: 2.7055435, 0.95: 3.8414588}[cl]
    low = brentq(lambda mu: deviance(n, mu + b) - target, 0.0, n - b)
    high = brentq(lambda mu: deviance(n, mu + b) - target, n - b, 60.0)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=2e-5)
    assert interval.mu_hat == pytest.approx(n - b)


def test_interval_ends_at_zero():
    interval = profile_interval(counting_model(5.0, 50.0, 40.0))
    assert interval.low == 0.0 and interval.mu_hat == 0.0
    edge = brentq(lambda mu: deviance(40.0, 5.0 * mu + 50.0) - deviance(40.0, 50.0) - 1.0000214, 0.0, 5.0)
    assert interval.high == pytest.approx(edge, rel=1e-4)


def test_without_background_and_events():
    """n = 0, b -> 0: q = 2 mu, so the 68.27 % interval is 0 to 0.5."""
    interval = profile_interval(counting_model(1.0, 1e-9, 0))
    assert (interval.low, interval.high) == (0.0, pytest.approx(0.5, rel=1e-4))


@pytest.mark.parametrize("number", range(10))
def test_edges_are_where_the_scan_says(number):
    model = mixed_model(number) if number < 9 else thirty_bins()
    interval = profile_interval(model, 0.9)
    likelihood = Likelihood(model)
    edges = [edge for edge in (interval.low, interval.high) if edge > 0.0]
    assert profile_scan(likelihood, edges) == pytest.approx([2.70554] * len(edges), rel=1e-4)
    if interval.low == 0.0:
        assert profile_scan(likelihood, [0.0])[0] <= 2.7056
    assert interval.status == "converged"


def test_bad_input():
    with pytest.raises(InputError, match="no observed counts"):
        discovery(counting_model(1.0, 2.0))
    with pytest.raises(InputError, match="confidence level 68"):
        profile_interval(counting_model(1.0, 2.0, 2), 68.27)
    assert np.isfinite(profile_interval(counting_model(1.0, 2.0, 2)).high)
