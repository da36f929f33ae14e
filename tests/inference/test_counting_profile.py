"""Profiled nuisances: fits against a general minimiser, exact sums against closed forms and toys, failures, workers."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm, poisson

from tests.inference.models import random_stream
from toymc.inference.counting import (
    Asymmetric,
    CountingChannel,
    CountingModel,
    Gaussian,
    Known,
    LogNormal,
    Sideband,
    discovery,
    model_limit,
)
from toymc.inference.counting.ensembles import Enumerator, ToyThrower
from toymc.inference.counting.profile import Q_MU, Q_ZERO, REASONS, T_MU, Profile
from toymc.streams import stream

ON_OFF = CountingModel([CountingChannel("on", 0, Sideband(4, 20.0))])  # b = 0.2 +- 0.1


def slow_nll(model, outcomes, row):
    """-ln L as written in the module text, one term after the other; parameters: mu, then all nuisances."""

    def nll(mu, nuisances):
        total, at = 0.0, len(model.channels)
        if model.shared_efficiency:
            total += 0.5 * (nuisances[-1] - outcomes.scores[row, 0]) ** 2
        for c, channel in enumerate(model.channels):
            theta, background = nuisances[c], channel.background
            main, side = outcomes.main[row, c], outcomes.side[row, c]
            if isinstance(background, Sideband):
                b, drift = math.exp(theta), nuisances[at]
                mean = background.tau * (1.0 + background.tau_error) ** drift * b
                total += mean - (main * math.log(mean) if main else 0.0) + 0.5 * (drift - side) ** 2
            elif isinstance(background, Known) and type(background) is not Known:
                total += 0.5 * (theta - main) ** 2
                if isinstance(background, LogNormal):
                    b = background.mean * (1.0 + background.error / background.mean) ** theta
                elif isinstance(background, Gaussian):
                    b = background.mean + background.error * theta
                else:
                    b = background.mean + (background.up if theta > 0 else background.down) * theta
            else:
                b = background.mean
            score = nuisances[-1] if model.shared_efficiency else nuisances[at + 1]
            if not model.shared_efficiency:
                total += 0.5 * (score - outcomes.scores[row, c]) ** 2
            e = channel.efficiency_error
            efficiency = (1.0 + e) ** score if model.efficiency == "lognormal" else 1.0 + e * score
            if b < 0.0 or efficiency < 0.0:
                return 1e9
            mean = mu * channel.signal * efficiency + b
            n = outcomes.counts[row, c]
            total += mean - (n * math.log(max(mean, 1e-300)) if n else 0.0)
            at += 2
        return total

    return nll


def slow_minimum(model, outcomes, row, mu=None):
    """Smallest -ln L from several starts of a simplex, with mu free (not negative) or fixed."""
    nll = slow_nll(model, outcomes, row)
    size = 3 * len(model.channels) + 1
    best = math.inf
    for start_mu in (0.3, 3.0) if mu is None else (mu,):
        start = np.zeros(size)
        for c, channel in enumerate(model.channels):
            if isinstance(channel.background, Sideband):
                start[c] = math.log((outcomes.main[row, c] + 0.5) / channel.background.tau)

        def value(x, mu=mu):
            return nll(abs(x[0]) if mu is None else mu, x[1:])

        x = np.concatenate([[start_mu], start])
        for _ in range(4):
            options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 40_000, "maxfev": 40_000, "adaptive": True}
            x = minimize(value, x, method="Nelder-Mead", options=options).x
        best = min(best, value(x))
    return best


BACKGROUNDS = (
    Known(1.2), Gaussian(0.8, 0.5), Asymmetric(0.9, 0.8, 0.3), LogNormal(1.1, 0.6), Sideband(3, 2.0),
    Sideband(3, 2.0, 0.3),
)  # fmt: skip


@pytest.mark.parametrize("background", BACKGROUNDS, ids=lambda b: repr(b))
@pytest.mark.parametrize(("shape", "error"), [("lognormal", 0.0), ("lognormal", 0.3), ("gaussian", 0.2)])
def test_one_channel_against_a_general_minimiser(background, shape, error):
    model = CountingModel([CountingChannel("a", 2, background, 0.7, error)], shape)
    profile = Profile(model)
    toys = profile.throw(random_stream(410), profile.conditional(1.5), 3)
    q = profile.statistic(toys, 1.5, T_MU)[0]
    for row in range(3):
        slow = 2.0 * (slow_minimum(model, toys, row, 1.5) - slow_minimum(model, toys, row))
        assert q[row] == pytest.approx(slow, abs=2e-5)


@pytest.mark.parametrize("correlated", [True, False])
def test_two_channels_against_a_general_minimiser(correlated):
    channels = [
        CountingChannel("a", 2, Sideband(3, 5.0), 0.8, 0.2),
        CountingChannel("b", 1, LogNormal(1.0, 0.3), 0.5, 0.1),
    ]
    model = CountingModel(channels, "lognormal", correlated)
    profile = Profile(model)
    toys = profile.throw(random_stream(411), profile.conditional(2.0), 4)
    q, mu_hat, status = profile.statistic(toys, 2.0, T_MU)
    assert not status.any() and np.all(mu_hat >= 0.0)
    for row in range(4):
        slow = 2.0 * (slow_minimum(model, toys, row, 2.0) - slow_minimum(model, toys, row))
        assert q[row] == pytest.approx(slow, abs=5e-5)


def test_closed_form_without_events():
    """s = 1, b = 0.2 +- 0.1, n = 0, mu = 2: b fits to 4/21, CLs+b = exp(-2 - 4/21), CLb = exp(-4/21)."""
    profile = Profile(ON_OFF)
    observed = profile.statistic(profile.observed(), 2.0)[0][0]
    assert observed == pytest.approx(4.0, abs=1e-12)
    every = Enumerator(profile, 5.0)
    assert profile.conditional(2.0).background[0] == pytest.approx(4.0 / 21.0, rel=1e-12)
    with_signal = every.ensemble(2.0, Q_MU, profile.conditional(2.0)).p_value(observed).value
    without = every.ensemble(2.0, Q_MU, profile.conditional(0.0)).p_value(observed).value
    assert with_signal == pytest.approx(math.exp(-2.0 - 4.0 / 21.0), rel=1e-9)
    assert without == pytest.approx(math.exp(-4.0 / 21.0), rel=1e-9)
    assert (round(with_signal, 4), round(without, 4)) == (0.1119, 0.8266)
    for cl in (0.9, 0.95):
        limit = model_limit(ON_OFF, cl, treatment="profile", bands=False)
        assert limit.how == "exact" and limit.upper_limit == pytest.approx(-math.log(1.0 - cl), rel=1e-7)


def test_toys_without_events_and_their_ties():
    """The same from toys, where every toy with n = 0 ties with the data: within 5 binomial errors."""
    profile = Profile(ON_OFF)
    observed = profile.statistic(profile.observed(), 2.0)[0][0]
    thrower = ToyThrower(profile, 100_000, seed=3)
    for mu, exact in ((2.0, math.exp(-2.0 - 4.0 / 21.0)), (0.0, math.exp(-4.0 / 21.0))):
        p = thrower.ensemble(2.0, Q_MU, profile.conditional(mu)).p_value(observed)
        assert p.n_failed == 0
        assert p.value == pytest.approx(exact, abs=5.0 * p.error)


@pytest.mark.parametrize("which", [Q_MU, T_MU, Q_ZERO])
def test_exact_sums_against_toys(which):
    model = CountingModel([CountingChannel("on", 4, Sideband(5, 5.0), 0.8), CountingChannel("b", 1, Known(0.7), 0.3)])
    profile = Profile(model)
    mu = 0.0 if which == Q_ZERO else 3.0
    observed = profile.statistic(profile.observed(), mu, which)[0][0]
    exact = Enumerator(profile, 6.0).ensemble(mu, which, profile.conditional(mu))
    assert exact.probability.sum() == pytest.approx(1.0, abs=1e-10)
    toys = ToyThrower(profile, 100_000, seed=4).ensemble(mu, which, profile.conditional(mu))
    p = toys.p_value(observed)
    assert p.value == pytest.approx(exact.p_value(observed).value, abs=5.0 * p.error)


@pytest.mark.parametrize("method", ["cls", "clsb", "fc"])
def test_without_nuisances_both_treatments_agree(method):
    model = CountingModel([CountingChannel("a", 2, Known(1.0))])
    one, other = (model_limit(model, 0.9, method, treatment) for treatment in ("marginal", "profile"))
    assert other.how == "exact"
    assert other.upper_limit == pytest.approx(one.upper_limit, rel=1e-6)
    assert other.lower_limit == pytest.approx(one.lower_limit, abs=1e-6)
    for key, value in one.expected.items():
        assert other.expected[key] == pytest.approx(value, rel=1e-6)


def test_gaussian_regime():
    """n = b = 400 with 400 in an equal sideband: sigma = sqrt(800); CLs at 90 % is Phi^-1(0.95) sigma."""
    model = CountingModel([CountingChannel("on", 400, Sideband(400, 1.0))])
    limit = model_limit(model, 0.9, treatment="profile", n_toys=20_000)
    assert limit.upper_limit / math.sqrt(800.0) == pytest.approx(norm.ppf(0.95), rel=0.05)
    assert limit.expected["0"] / math.sqrt(800.0) == pytest.approx(norm.ppf(0.95), rel=0.05)


def test_on_off_discovery():
    """P(q_0 >= observed) at the fitted background, by a double loop."""
    model = CountingModel([CountingChannel("on", 4, Sideband(5, 5.0))])
    b = 9.0 / 6.0

    def q_zero(n, m):
        if 5.0 * n <= m:
            return 0.0
        both = (n + m) / 6.0
        value = n * math.log(n / both)
        return 2.0 * (value + (m * math.log(m / (5.0 * both)) if m else 0.0))

    pairs = [(n, m) for n in range(40) for m in range(60)]
    p = sum(poisson.pmf(n, b) * poisson.pmf(m, 5.0 * b) for n, m in pairs if q_zero(n, m) >= q_zero(4, 5) - 1e-9)
    assert discovery(model, "profile").p_value == pytest.approx(p, rel=1e-9)


def test_toys_do_not_depend_on_the_workers():
    model = CountingModel([CountingChannel("a", 2, Gaussian(0.5, 0.4), 1.0, 0.1)])
    serial = model_limit(model, treatment="profile", bands=False, n_toys=3000, seed=9)
    with ThreadPoolExecutor(3) as pool:
        threads = model_limit(model, treatment="profile", bands=False, n_toys=3000, seed=9, mapper=pool.map)
    assert serial.how == "toys" and serial.error > 0.0
    assert serial.to_dict() == threads.to_dict()
    other = model_limit(model, treatment="profile", bands=False, n_toys=3000, seed=10)
    assert other.upper_limit != serial.upper_limit
    assert other.upper_limit == pytest.approx(serial.upper_limit, abs=5.0 * (serial.error + other.error))


def test_failed_fits_are_recorded():
    """A toy that cannot be fitted keeps its place, with a reason; the others are not touched."""
    profile = Profile(CountingModel([CountingChannel("a", 2, Gaussian(0.5, 0.4))]))
    toys = profile.throw(stream(1, "counting", "test", 0), profile.conditional(1.0), 10)
    good = profile.statistic(toys, 1.0)[0].copy()
    toys.main[3, 0] = math.nan
    q, _, status = profile.statistic(toys, 1.0)
    assert status.tolist() == [0, 0, 0, 2, 0, 0, 0, 0, 0, 0] and REASONS[2] == "the likelihood is not finite"
    assert math.isnan(q[3]) and np.array_equal(np.delete(q, 3), np.delete(good, 3))


def test_failures_reach_the_result(monkeypatch):
    import toymc.inference.counting.profile as module

    original = Profile.throw

    def broken(self, rng, at, n):
        toys = original(self, rng, at, n)
        toys.main[5] = math.nan
        return toys

    monkeypatch.setattr(module.Profile, "throw", broken)
    model = CountingModel([CountingChannel("a", 2, Gaussian(0.5, 0.4))])
    limit = model_limit(model, treatment="profile", bands=False, n_toys=2000)
    assert limit.failed and limit.failed_share == pytest.approx(2 / 2000)
    first = limit.failed[0]
    assert first.index == 5 and first.seed == 1 and "test of mu = " in first.reason and "not finite" in first.reason
    assert limit.to_dict()["failed_toys"][0]["index"] == 5
