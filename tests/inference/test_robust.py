"""Any valid model gets an answer: finite, ordered limits, or one clear line; extreme yields, pulls and bounds."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inference.models import counting_model, random_stream
from toymc.errors import InputError, ToymcError
from toymc.inference import (
    Channel,
    HistoSys,
    Likelihood,
    Model,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    discovery,
    profile_interval,
    toy_cls,
    upper_limit,
)
from toymc.inference.engine import FLOOR


def wild_model(number, scale, size, free):
    """One to three channels with variations up to `size`, stacked statistical errors, and data far from expectation."""
    rng = random_stream(9000 + number)
    channels = []
    for c in range(int(rng.integers(1, 4))):
        n = int(rng.integers(1, 7))
        first = scale * rng.uniform(0.0, 1.0, n) ** rng.integers(1, 6) + 1e-9 * scale
        second = scale * 10.0 ** rng.uniform(-4.0, 1.0) * rng.uniform(0.0, 1.0, n)
        signal = math.sqrt(scale) * rng.uniform(0.0, 2.0, n)

        def varied(data, rng=rng, size=size):
            out = [NormSys(f"n{k}", rng.uniform(1.0 - size, 1.02), rng.uniform(0.98, 1.0 + 2.0 * size))
                   for k in range(rng.integers(0, 3))]  # fmt: skip
            for k in range(rng.integers(0, 3)):
                low, high = rng.uniform(1.0 - size, 1.1, data.size), rng.uniform(0.9, 1.0 + 1.5 * size, data.size)
                out.append(HistoSys(f"h{k}", data * low, data * high))
            return out

        on_first = [*varied(first), StatError(f"st{c}", first * rng.uniform(0.01, size))]
        on_second = [*varied(second), ShapeSys(f"ss{c}", second * rng.uniform(0.01, size))]
        if free and c > 0:
            on_first.append(NormFactor("free"))
        if free and c == 2:
            on_second.append(ShapeFactor("shape"))
        total = first + second
        data = [
            rng.poisson(total),
            np.zeros(n),
            np.round(total * rng.uniform(0.0, 3.0)),
            total,
            rng.poisson(total + signal),
        ]
        samples = [Sample("a", first, tuple(on_first)), Sample("b", second, tuple(on_second))]
        if c == 0 or rng.uniform() < 0.7:
            samples.append(Sample("s", signal, (NormFactor("mu"), *varied(signal, size=0.3 * size))))
        channels.append(Channel(f"c{c}", tuple(samples), data[int(rng.integers(5))]))
    return Model(tuple(channels), "mu")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    number=st.integers(0, 10**6),
    scale=st.floats(-3.0, 6.0).map(lambda x: 10.0**x),
    size=st.floats(0.02, 0.6),
    free=st.booleans(),
)
def test_every_model_gets_an_answer(number, scale, size, free):
    model = wild_model(number, scale, size, free)
    limit = upper_limit(model)
    values = np.array([limit.observed, *limit.expected])
    assert np.all(np.isfinite(values) & (values > 0.0))
    assert np.all(np.diff(limit.expected) > -1e-4 * values[2:])
    if limit.failures:  # said, with value of mu and reason
        assert limit.status == f"{len(limit.failures)} fits did not converge"
    result = discovery(model)
    assert 0.0 <= result.p0 <= 0.5
    interval = profile_interval(model)
    assert 0.0 <= interval.low <= interval.mu_hat <= interval.high < math.inf


def test_failed_fits_are_rare():
    """Of 60 wild models: at most one has a fit that failed, and none a free fit."""
    failed = 0
    for number in range(60):
        model = wild_model(number, 10.0 ** (number % 9 - 3.0), 0.6, number % 2 == 1)
        likelihood = Likelihood(model)
        assert likelihood.fit(likelihood.data()).converged
        failed += upper_limit(model).status != "converged"
    assert failed <= 1


@pytest.mark.parametrize("number", [0, 5, 11, 17])
def test_toys_of_wild_models_run_to_the_end(number):
    model = wild_model(number, 30.0, 0.6, False)
    result = toy_cls(model, upper_limit(model).median, 200, seed=1)
    assert result.failed_share <= 0.02
    assert 0.0 <= result.observed.low <= result.observed.value <= result.observed.high <= 1.0


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e3, 1e9, 1e12])
def test_yields_of_any_size(scale):
    """A background of any size: the limit over sqrt(b) is that of its kind."""
    limit = upper_limit(counting_model(1.0, scale, round(scale)))
    assert limit.status == "converged"
    if scale > 1e6:
        assert limit.median / math.sqrt(scale) == pytest.approx(1.95996, rel=1e-3)
    if scale < 1e-6:
        assert limit.median == pytest.approx(1.9207, rel=1e-3)


def test_parameter_of_interest_at_its_bound_is_reported():
    limit = upper_limit(counting_model(5.0, 50.0, 20))
    assert limit.at_bound == ("mu",) and limit.mu_hat == 0.0


def floored_model(observed):
    """A variation that takes the background to zero at -1.25 sigma: nominal 10, 2 at -1 sigma."""
    samples = (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [10.0], (HistoSys("h", [2.0], [18.0]),)))
    return Model([Channel("sr", samples, [observed])], "mu")


def test_a_yield_stays_above_zero():
    """Beyond -1.25 sigma the rate is 0, not negative; above 0.1 % of the nominal yield nothing changes."""
    likelihood = Likelihood(floored_model(0.0))
    data = likelihood.data()
    for alpha in (-0.5, -1.0, -1.2, -1.24):
        likelihood.evaluate(data, np.array([0.0, alpha]))
        assert likelihood.work.rate[0] == pytest.approx(10.0 + 8.0 * alpha, rel=1e-12)
    for alpha in (-1.26, -2.0, -5.0):
        assert likelihood.evaluate(data, np.array([0.0, alpha])) == pytest.approx(0.5 * alpha**2)
        assert likelihood.work.rate[0] == 0.0
    fit = likelihood.fit(data)  # the corner: alpha^2 / 2 against 10 + 8 alpha
    assert fit.converged and fit.values["h"] == pytest.approx(-1.25, abs=2e-3)
    assert upper_limit(floored_model(0.0)).status == "converged"


@pytest.mark.parametrize("alpha", [-1.2512, -1.2505, -1.25, -1.2493, -1.2488])
def test_derivatives_on_the_rounded_corner(alpha):
    likelihood = Likelihood(floored_model(0.0))
    data = likelihood.data()
    h = 1e-6

    def at(x):
        value = likelihood.evaluate(data, np.array([0.7, x]))
        return value, likelihood.work.gradient[1], likelihood.work.hessian[1, 1]

    _, gradient, hessian = at(alpha)
    assert 0.0 < likelihood.work.base[1] < FLOOR * 10.0 * 1.1
    assert gradient == pytest.approx((at(alpha + h)[0] - at(alpha - h)[0]) / (2.0 * h), rel=1e-5, abs=1e-6)
    assert hessian == pytest.approx((at(alpha + h)[1] - at(alpha - h)[1]) / (2.0 * h), rel=1e-4)


def test_no_answer_is_one_clear_line():
    samples = (Sample("s", [1.0], (NormFactor("mu"), NormFactor("free"))), Sample("b", [10.0]))
    with pytest.raises(ToymcError, match="sensitive to its parameter of interest"):
        upper_limit(Model([Channel("sr", samples, [10.0])], "mu"))
    with pytest.raises(InputError, match="expects nothing where events were observed"):
        toyless = (Sample("s", [1.0, 1.0], (NormFactor("mu"),)), Sample("b", [10.0, 0.0]))
        upper_limit(Model([Channel("sr", toyless, [10.0, 1.0])], "mu"))
