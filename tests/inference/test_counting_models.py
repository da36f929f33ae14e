"""Counting models: what is refused, files, averaged probabilities against simulation, several channels against one."""

import itertools
import json
import math

import numpy as np
import pytest
from scipy.stats import norm, poisson

from tests.inference.models import random_stream
from toymc.errors import InputError
from toymc.inference.counting import (
    Asymmetric,
    CountingChannel,
    CountingModel,
    Gaussian,
    Known,
    LogNormal,
    Sideband,
    background_probabilities,
    discovery,
    model_limit,
)
from toymc.inference.counting.lattice import Lattice

TWO = (CountingChannel("a", 2, Known(1.0), 0.6), CountingChannel("b", 1, Known(3.0), 0.4))


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        (CountingChannel("a", -1, Known(1.0)), "channel 'a': observed = -1"),
        (CountingChannel("a", 1.5, Known(1.0)), "channel 'a': observed = 1.5"),
        (CountingChannel("a", math.nan, Known(1.0)), "channel 'a': observed = nan"),
        (CountingChannel("a", 1, Known(-1.0)), "channel 'a': background = -1"),
        (CountingChannel("a", 1, Known(math.nan)), "channel 'a': background = nan"),
        (CountingChannel("a", 1, Gaussian(1.0, 0.0)), "channel 'a': background error .* = 0; .* positive"),
        (CountingChannel("a", 1, Asymmetric(1.0, 0.3, -0.1)), r"background error \(down\) = -0.1"),
        (CountingChannel("a", 1, LogNormal(0.0, 0.5)), "channel 'a': background = 0; it must be finite and positive"),
        (CountingChannel("a", 1, Sideband(-2, 1.0)), "channel 'a': sideband count = -2"),
        (CountingChannel("a", 1, Sideband(2, 0.0)), "channel 'a': tau = 0; it must be finite and positive"),
        (CountingChannel("a", 1, Sideband(2, 1.0, math.inf)), "channel 'a': error of tau = inf"),
        (CountingChannel("a", 1, Known(1.0), 0.0), "channel 'a': signal = 0 .* no limit"),
        (CountingChannel("a", 1, Known(1.0), -2.0), "channel 'a': signal for mu = 1 = -2"),
        (CountingChannel("a", 1, Known(1.0), 1.0, math.nan), "channel 'a': relative efficiency error = nan"),
        (CountingChannel("a", 1, 3.0), "channel 'a': background = 3.0; give one of known"),
    ],
)
def test_bad_channels(channel, message):
    with pytest.raises(InputError, match=message):
        CountingModel([channel])


def test_bad_models():
    with pytest.raises(InputError, match="no channels"):
        CountingModel([])
    with pytest.raises(InputError, match="two channels are called 'a'"):
        CountingModel([TWO[0], TWO[0]])
    with pytest.raises(InputError, match="efficiency 'flat'; allowed: lognormal, gaussian"):
        CountingModel(TWO, "flat")
    for cl in (0.0, 1.0, 90, math.nan):
        with pytest.raises(InputError, match="confidence level"):
            model_limit(CountingModel(TWO), cl)
    with pytest.raises(InputError, match="treatment 'both'; allowed: marginal, profile"):
        model_limit(CountingModel(TWO), treatment="both")
    with pytest.raises(InputError, match="method 'bayes' averages"):
        model_limit(CountingModel(TWO), method="bayes", treatment="profile")
    with pytest.raises(InputError, match="does not exist with a Gaussian efficiency"):
        model_limit(CountingModel([CountingChannel("a", 1, Known(1.0), 1.0, 0.2)], "gaussian"), method="bayes")
    with pytest.raises(InputError, match="outcomes"):
        model_limit(CountingModel([CountingChannel(str(i), 100, Known(100.0)) for i in range(4)]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no list 'channels'"),
        ({"channels": [], "poi": "mu"}, "unknown key 'poi'; allowed: channels"),
        ({"channels": [{"name": "e", "background": 1.0}]}, "channel 'e': 'observed' is missing"),
        ({"channels": [{"name": "e", "observed": 1, "background": "x"}]}, "channel 'e': background = x"),
        ({"channels": [{"name": "e", "observed": 1, "background": {"kind": "flat"}}]}, "kind = known, gaussian"),
        (
            {"channels": [{"name": "e", "observed": 1, "background": {"kind": "gaussian", "mean": 1.0}}]},
            "channel 'e', background: 'error' is missing",
        ),
        (
            {"channels": [{"name": "e", "observed": 1, "background": {"kind": "known", "mean": 1.0, "tau": 2}}]},
            "channel 'e', background: unknown key 'tau'",
        ),
        ({"channels": [{"name": "e", "observed": 1, "background": 1.0, "eff": 2}]}, "channel 'e': unknown key 'eff'"),
        ({"channels": [{"name": "e", "observed": "two", "background": 1.0}]}, "channel 'e': observed = 'two'"),
    ],
)
def test_bad_files(content, message):
    with pytest.raises(InputError, match=message):
        CountingModel.from_dict(content)


def test_round_trip():
    backgrounds = (
        Known(1.0),
        Gaussian(1.0, 0.5),
        Asymmetric(1.0, 0.5, 0.2),
        LogNormal(2.0, 1.0),
        Sideband(3, 2.0, 0.1),
    )
    channels = [CountingChannel(str(i), i, b, 0.5, 0.1) for i, b in enumerate(backgrounds)]
    model = CountingModel(channels, "gaussian", False)
    assert CountingModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


def draws(background, rng, n):
    """Background means drawn from the stated densities."""
    if isinstance(background, Sideband):
        tau = background.tau * (1.0 + background.tau_error) ** rng.normal(size=n)
        return rng.gamma(background.count + 1.0, 1.0, n) / tau
    if isinstance(background, LogNormal):
        return background.mean * (1.0 + background.error / background.mean) ** rng.normal(size=n)
    up, down = (background.error,) * 2 if isinstance(background, Gaussian) else (background.up, background.down)
    z = np.abs(rng.normal(size=n))
    means = np.where(rng.random(n) < up / (up + down), background.mean + up * z, background.mean - down * z)
    return means[means > 0.0]


@pytest.mark.parametrize(
    "background",
    [Gaussian(0.5, 0.6), Asymmetric(0.23, 0.55, 0.21), LogNormal(2.0, 1.5), Sideband(3, 2.0), Sideband(3, 2.0, 0.3)],
)
def test_background_counts_against_simulation(background):
    """Shares of the counts within 4.5 binomial errors (chance of a false alarm 1e-4 for all counts together)."""
    rng = random_stream(401)
    means = draws(background, rng, 400_000)
    counts = rng.poisson(means)
    weights = background_probabilities(background, 60)
    assert weights.sum() == pytest.approx(1.0, abs=1e-3)
    for k in range(10):
        error = math.sqrt(weights[k] * (1.0 - weights[k]) / means.size)
        assert np.mean(counts == k) == pytest.approx(weights[k], abs=4.5 * error + 1e-9)


@pytest.mark.parametrize("shape", ["lognormal", "gaussian"])
def test_efficiency_error_against_simulation(shape):
    """CLs at the limit is 10 % in a simulation with drawn efficiencies and backgrounds, within 5 errors."""
    error = 0.3
    model = CountingModel([CountingChannel("a", 2, Sideband(3, 2.0), 0.5, error)], shape)
    limit = model_limit(model, bands=False).upper_limit
    rng = random_stream(402)
    n = 400_000
    theta = rng.normal(size=n)
    efficiency = (1.0 + error) ** theta if shape == "lognormal" else 1.0 + error * theta
    keep = efficiency > 0.0
    b = draws(Sideband(3, 2.0), rng, n)[keep]
    both = np.mean(rng.poisson(0.5 * limit * efficiency[keep] + b) <= 2)
    alone = np.mean(rng.poisson(b) <= 2)
    assert both / alone == pytest.approx(0.1, abs=5.0 * 0.1 * math.sqrt((1 - both) / both / n))


def test_no_events_with_efficiency_error_is_closed():
    """n = 0: CLs = E[exp(-mu e)] whatever the background, here by an independent quadrature."""
    from scipy.integrate import quad

    for background in (Known(0.0), Gaussian(2.0, 1.0), Sideband(1, 2.0)):
        model = CountingModel([CountingChannel("a", 0, background, 1.0, 0.25)])
        mu = model_limit(model, 0.95, bands=False).upper_limit
        mean = quad(lambda t, mu=mu: norm.pdf(t) * math.exp(-mu * 1.25**t), -10.0, 10.0, epsabs=1e-13)[0]
        assert mean == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize("method", ["cls", "clsb", "fc", "bayes"])
def test_equal_channels_are_one(method):
    """Two channels with the same signal over background hold the information of their sum."""
    split = CountingModel([CountingChannel("a", 2, Known(1.0), 0.5), CountingChannel("b", 1, Known(1.0), 0.5)])
    joint = CountingModel([CountingChannel("a", 3, Known(2.0), 1.0)])
    left, right = (model_limit(m, 0.9, method) for m in (split, joint))
    assert left.upper_limit == pytest.approx(right.upper_limit, rel=1e-7)
    assert left.lower_limit == pytest.approx(right.lower_limit, abs=1e-7)
    for key, value in right.expected.items():
        assert left.expected[key] == pytest.approx(value, rel=1e-6)


def test_shared_efficiency_of_equal_channels_is_one():
    split = [CountingChannel("a", 2, Known(1.0), 0.5, 0.2), CountingChannel("b", 1, Known(1.0), 0.5, 0.2)]
    joint = model_limit(CountingModel([CountingChannel("a", 3, Known(2.0), 1.0, 0.2)]), bands=False).upper_limit
    assert model_limit(CountingModel(split), bands=False).upper_limit == pytest.approx(joint, rel=1e-7)
    apart = model_limit(CountingModel(split, correlated=False), bands=False).upper_limit
    assert apart < joint  # errors that are independent average out


def test_tails_of_two_channels_one_by_one():
    """The slow twin: every pair of counts in a Python loop, ordered by its likelihood ratio."""
    mu, model = 2.3, CountingModel(TWO)
    lattice = Lattice(model, 3.0)
    with_signal, without = lattice.tails(mu)
    outcomes = []
    for n in itertools.product(range(30), range(30)):
        means = [mu * c.signal + c.background.mean for c in TWO]
        p = math.prod(poisson.pmf(k, m) for k, m in zip(n, means, strict=True))
        p0 = math.prod(poisson.pmf(k, c.background.mean) for k, c in zip(n, TWO, strict=True))
        outcomes.append((p / p0, p, p0))
    p, p0 = (poisson.pmf([2, 1], [mu * 0.6 + 1.0, mu * 0.4 + 3.0]).prod(), poisson.pmf([2, 1], [1.0, 3.0]).prod())
    below = [o for o in outcomes if o[0] <= p / p0 * (1.0 + 1e-9)]
    assert with_signal[lattice.observed] == pytest.approx(sum(o[1] for o in below), rel=1e-9)
    assert without[lattice.observed] == pytest.approx(sum(o[2] for o in below), rel=1e-9)


def test_a_channel_without_signal_changes_nothing():
    alone = model_limit(CountingModel([TWO[0]]), 0.9)
    more = model_limit(CountingModel([TWO[0], CountingChannel("empty", 4, Known(2.0), 0.0)]), 0.9)
    assert more.upper_limit == pytest.approx(alone.upper_limit, rel=1e-8)


def test_posterior_of_two_channels_by_integration():
    model = CountingModel(TWO)
    limit = model_limit(model, 0.9, "bayes", bands=False).upper_limit
    mu = np.linspace(0.0, 60.0, 600_001)
    density = poisson.pmf(2, 0.6 * mu + 1.0) * poisson.pmf(1, 0.4 * mu + 3.0)
    assert density[mu <= limit].sum() / density.sum() == pytest.approx(0.9, abs=1e-4)


def test_expected_limits_of_two_channels_are_quantiles():
    """The share of background-only experiments with a limit below the bands, each limit computed by itself."""
    rng = random_stream(403)
    model = CountingModel(TWO)
    expected = model_limit(model, 0.9).expected
    rows, inverse = np.unique(rng.poisson([1.0, 3.0], (4000, 2)), axis=0, return_inverse=True)
    limits = []
    for row in rows:
        channels = [CountingChannel(c.name, int(n), c.background, c.signal) for c, n in zip(TWO, row, strict=True)]
        limits.append(model_limit(CountingModel(channels), 0.9, bands=False).upper_limit)
    limits = np.array(limits)[inverse.ravel()]
    for key, value in expected.items():
        share = norm.cdf(float(key))
        slack = 5.0 * math.sqrt(share * (1.0 - share) / 4000)
        assert np.mean(limits < value * (1.0 - 1e-6)) <= share + slack
        assert np.mean(limits <= value * (1.0 + 1e-6)) >= share - slack


def test_discovery_of_several_channels():
    """With equal signal over background the p-value is that of the sum; no excess gives one."""
    split = CountingModel([CountingChannel("a", 4, Known(1.0), 0.5), CountingChannel("b", 3, Known(1.0), 0.5)])
    assert discovery(split).p_value == pytest.approx(poisson.sf(6, 2.0), rel=1e-6)
    empty = CountingModel([CountingChannel("a", 0, Known(1.0)), CountingChannel("b", 0, Known(1.0))])
    assert discovery(empty).p_value == pytest.approx(1.0, abs=1e-9)
