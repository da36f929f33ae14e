"""Template toys: closed forms, the same toys fitted by others, ties, failures, workers."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyhf
import pytest
from scipy.stats import norm, poisson

from tests.inference.models import counting_model, mixed_model, thirty_bins
from tests.inference.public_workspaces import coupled_histo
from toymc.errors import InputError
from toymc.inference import (
    Channel,
    Likelihood,
    Model,
    NormFactor,
    Sample,
    toy_cls,
    toy_discovery,
    toy_limit,
    upper_limit,
)
from toymc.inference.packing import NORMAL, POISSON
from toymc.inference.toys import BLOCK, ToyResult, ToyTest, hypothesis, run_toys, throw_block
from toymc.inference.toys.limits import _bracket, _crossing

MODELS = {
    "counting": lambda: counting_model(1.0, 0.2, 0, 0.1),
    "mixed 2": lambda: mixed_model(2),
    "mixed 4": lambda: mixed_model(4),
    "mixed 7": lambda: mixed_model(7),
    "folded": lambda: Model.from_pyhf(coupled_histo()),
}


def ensemble(model, mu, n_toys, tests=None, name="test", **more):
    likelihood = Likelihood(model)
    where = hypothesis(likelihood, likelihood.data(), mu)
    return run_toys(likelihood, where, [mu] if tests is None else tests, n_toys, 1, name, **more)


# -- closed forms ---------------------------------------------------------------------------------------------------


def test_exact_ties_without_events():
    """One bin, s = 1, b = 0.2 +- 0.1, n = 0, mu = 2: every toy with n = 0 has q~ = 2 mu s whatever its auxiliary count.

    With the nuisance parameter of the conditional fit, b = 0.2 tau / (tau + 0.2) = 0.1905 (tau = 4), CLs+b is
    exp(-2.1905) = 0.1119 and CLb is exp(-0.1905) = 0.8266; comparing floating-point numbers gives anything from
    nothing to those. 40000 toys, four standard deviations (probability 1.3e-4 for the two).
    """
    result = toy_cls(counting_model(1.0, 0.2, 0, 0.1), 2.0, 40_000, seed=3)
    b = 0.2 * 4.0 / 4.2
    assert result.q_observed == pytest.approx(4.0, abs=result.tolerance)
    for p, exact in ((result.observed.p_signal, math.exp(-2.0 - b)), (result.observed.p_background, math.exp(-b))):
        assert p.value == pytest.approx(exact, abs=4.0 * p.error)
        assert p.error == pytest.approx(math.sqrt(exact * (1.0 - exact) / 40_000), rel=0.05)
        assert p.n_failed == 0 and p.low == p.value == p.high
    assert result.observed.value == pytest.approx(math.exp(-2.0), abs=4.0 * result.observed.error)
    tied = result.signal.q_tilde().statistic
    assert np.ptp(tied[np.abs(tied - 4.0) < 0.1]) < 0.1 * result.tolerance


@pytest.mark.parametrize(("observed", "mu"), [(0, 3.0), (2, 5.0), (4, 7.5)])
def test_counting_with_known_background(observed, mu):
    """q~ falls with n below mu s + b: CLs = P(n <= n_obs | mu s + b) / P(n <= n_obs | b); 4 sigma."""
    result = toy_cls(counting_model(1.0, 1.9, observed), mu, 20_000, seed=observed)
    exact = poisson.cdf(observed, mu + 1.9), poisson.cdf(observed, 1.9)
    assert result.observed.p_signal.value == pytest.approx(exact[0], abs=4.0 * result.observed.p_signal.error)
    assert result.observed.p_background.value == pytest.approx(exact[1], abs=4.0 * result.observed.p_background.error)
    for n_sigma, band in zip((-2, -1, 0, 1, 2), result.expected, strict=True):
        n = poisson.ppf(norm.cdf(n_sigma), 1.9)  # lowest n with P(<= n) >= Phi(N)
        exact = poisson.cdf(n, mu + 1.9) / poisson.cdf(n, 1.9) if n < mu + 1.9 else 1.0  # q~ = 0 from there on
        assert band.value == pytest.approx(exact, abs=5.0 * band.error)


def test_limits_of_a_counting_experiment():
    """Without background ln 20 = 3.00 (asymptotic: 1.92); n = 2 over 1.9: the root of the exact sums."""
    limit = toy_limit(counting_model(1.0, 1e-6, 0), cl=0.95, n_toys=10_000, seed=5)
    assert limit.asymptotic.observed == pytest.approx(1.92, abs=0.01)
    for value in (limit.observed, *limit.expected[:4]):
        assert value.value == pytest.approx(math.log(20.0), abs=4.0 * value.error)
        assert value.error < 0.05 and value.low == value.value == value.high
    limit = toy_limit(counting_model(1.0, 1.9, 2), cl=0.95, n_toys=10_000, seed=6)
    for value, n in zip((limit.observed, *limit.expected), (2, 0, 1, 2, 3, 5), strict=True):
        exact = poisson.cdf(n, value.value + 1.9) / poisson.cdf(n, 1.9)
        slope = poisson.pmf(n, value.value + 1.9) / poisson.cdf(n, 1.9)
        assert abs(exact - 0.05) / slope < 4.5 * value.error


def test_large_counts_give_the_asymptotic_limit():
    limit = toy_limit(counting_model(100.0, 1e4, 1e4 + 50.0, 50.0), cl=0.95, n_toys=4000, seed=2)
    pairs = zip((limit.observed, *limit.expected), (limit.asymptotic.observed, *limit.asymptotic.expected), strict=True)
    for toys, formula in pairs:
        assert toys.value == pytest.approx(formula, abs=max(4.0 * toys.error, 0.01 * formula))


def test_discovery_is_the_poisson_tail():
    result = toy_discovery(counting_model(1.0, 1.0, 5), 40_000, seed=1)
    assert result.p0.value == pytest.approx(poisson.sf(4, 1.0), abs=4.0 * result.p0.error)
    none = toy_discovery(counting_model(1.0, 3.0, 2), 2000, seed=1)
    assert none.q_observed == 0.0 and none.p0.value == 1.0


# -- the toys themselves --------------------------------------------------------------------------------------------


def test_what_is_thrown():
    """Counts and auxiliary data have the mean and variance of their distributions: 5 sigma of 1024 toys."""
    likelihood = Likelihood(mixed_model(1))  # normsys, staterror, shapesys
    where = hypothesis(likelihood, likelihood.data(), 0.5)
    toys, m = throw_block(likelihood, where, 1, "test", 0), likelihood.packed
    assert np.all(np.abs(toys.counts.mean(0) - where.rates) < 5.0 * np.sqrt(where.rates / BLOCK))
    assert np.all(np.abs(toys.counts.var(0) / where.rates - 1.0) < 5.0 * np.sqrt(2.2 / BLOCK))
    for kind, scale, value, aux in (
        (m.con_kind, m.con_scale, where.theta, toys.aux),
        (m.gam_kind, m.gam_scale, where.gamma, toys.gam_aux),
    ):
        mean = np.where(kind == POISSON, value * scale, np.where(kind == NORMAL, value, 0.0))
        sigma = np.where(kind == POISSON, np.sqrt(np.abs(mean)), np.where(kind == NORMAL, np.sqrt(scale), 0.0))
        assert np.all(np.abs(aux.mean(0) - mean) <= 5.0 * sigma / np.sqrt(BLOCK))
        assert np.all(np.abs(aux.std(0) - sigma) <= 5.0 * sigma / np.sqrt(2.0 * BLOCK) * 1.1)
    assert {NORMAL, POISSON} <= {*m.gam_kind.tolist(), *m.con_kind.tolist()}


def test_toys_are_thrown_at_the_conditional_fit():
    likelihood = Likelihood(counting_model(1.0, 10.0, 20, 5.0))
    where = hypothesis(likelihood, likelihood.data(), 4.0)
    assert where.rates[0] == pytest.approx(likelihood.fit(likelihood.data(), poi=4.0).rates[0])
    assert where.gamma[0] > 1.05  # the data pull the background up


@pytest.mark.parametrize("name", MODELS)
def test_fits_equal_those_one_by_one(name):
    """The slow twin: `Likelihood.fit` of each data set, from the nominal start and with a tighter tolerance."""
    model = MODELS[name]()
    toys = ensemble(model, 1.5, 60, tests=[1.5, 0.5])
    likelihood, data = toys.likelihood, throw_block(toys.likelihood, toys.hypothesis, 1, "test", 0)
    assert toys.failed == ()
    for i in range(60):
        free = likelihood.fit(data[i])
        assert toys.nll_free[i] <= free.nll + 1e-8
        assert toys.nll_free[i] == pytest.approx(free.nll, abs=1e-7) or name == "folded"
        for t, mu in enumerate(toys.mu_test):
            assert toys.nll[i, t] == pytest.approx(likelihood.fit(data[i], poi=mu).nll, abs=1e-7)
        if free.curvature > 0.05 and name != "folded":
            assert toys.mu_hat[i] == pytest.approx(free.theta[0], abs=1e-3)


def test_auxiliary_counts_of_zero():
    """Poisson constraint, tau = 4, nothing in the control sample: the term is n - fit over gamma, plus 4 gamma."""
    toys = ensemble(counting_model(1.0, 0.2, 0, 0.1), 2.0, 2 * BLOCK)
    found = 0
    for block in range(2):
        data = throw_block(toys.likelihood, toys.hypothesis, 1, "test", block)
        for row in np.flatnonzero(data.gam_aux[:, 0] < 0.5):
            n = float(data.counts[row, 0])
            gamma = max((n * 0.2 / (0.2 + 4.0) - 2.0) / 0.2, 0.0)  # rate n y / (y + tau) if that leaves gamma above 0
            rate = 2.0 + 0.2 * gamma
            expected = rate - n + (n * math.log(n / rate) if n > 0.0 else 0.0) + 4.0 * gamma
            assert toys.nll[block * BLOCK + row, 0] == pytest.approx(expected, abs=2e-7)
            found += 1
    assert found == pytest.approx(2 * BLOCK * math.exp(-4.0 * toys.hypothesis.gamma[0]), rel=0.5)


@pytest.mark.parametrize("number", [0, 2, 7])
def test_statistics_equal_pyhf(number):
    """q~ of the same toys, one by one: pyhf's fits of our data sets."""
    pyhf.set_backend("numpy", "minuit")
    model = mixed_model(number)
    toys = ensemble(model, 2.0, 4)
    data = throw_block(toys.likelihood, toys.hypothesis, 1, "test", 0)
    other = pyhf.Workspace(model.to_pyhf()).model()
    layout = toys.likelihood.layout
    aux_names = [name for name in other.config.auxdata_order]
    for i in range(4):
        values = dict(zip(layout.names, [*data.aux[i], *data.gam_aux[i]], strict=True))
        sizes = {name: len(other.config.param_set(name).auxdata) for name in aux_names}
        aux = [values[name if sizes[name] == 1 and name in values else f"{name}[{k}]"]
               for name in aux_names for k in range(sizes[name])]  # fmt: skip
        edges = layout.channel_start
        counts = {c.name: data.counts[i, edges[j] : edges[j + 1]].tolist() for j, c in enumerate(model.channels)}
        both = [n for name in other.config.channels for n in counts[name]] + aux
        q = pyhf.infer.test_statistics.qmu_tilde(
            2.0, both, other, other.config.suggested_init(), other.config.suggested_bounds(),
            other.config.suggested_fixed(),
        )  # fmt: skip
        assert toys.q_tilde().statistic[i] == pytest.approx(float(q), abs=2e-3)


def test_statistics():
    """q~ is zero above mu, t~ is not; q0 wants fits at zero."""
    toys = ensemble(counting_model(1.0, 4.0, 4), 1.0, 500, tests=[0.0, 1.0])
    above = toys.mu_hat > 1.0
    assert 0 < above.sum() < 500
    assert np.all(toys.q_tilde(1).statistic[above] == 0.0)
    assert np.all(toys.t_mu(1).statistic[above] > 0.0)
    assert np.array_equal(toys.q_tilde(1).statistic[~above], toys.t_mu(1).statistic[~above])
    assert np.all(toys.q_zero(0).statistic[toys.mu_hat == 0.0] == 0.0)
    with pytest.raises(InputError, match="fit them at 0"):
        toys.q_zero(1)


# -- reproducible ---------------------------------------------------------------------------------------------------


def test_any_number_of_workers_and_toys():
    """Bit for bit: one or three workers, alone or the beginning of a larger ensemble; free fits kept or made anew."""
    model = mixed_model(2)
    one = ensemble(model, 1.0, 2 * BLOCK + 100, tests=[1.0])
    with ThreadPoolExecutor(3) as pool:
        three = ensemble(model, 1.0, 2 * BLOCK + 100, tests=[1.0], mapper=pool.map)
    less = ensemble(model, 1.0, BLOCK + 7, tests=[1.0])
    for name in ("nll", "nll_free", "best", "status"):
        assert np.array_equal(getattr(one, name), getattr(three, name))
        assert np.array_equal(getattr(one, name)[: BLOCK + 7], getattr(less, name))
    again = run_toys(one.likelihood, one.hypothesis, [0.3], one.status.size, 1, "test", reuse=one)
    fresh = run_toys(one.likelihood, one.hypothesis, [0.3], one.status.size, 1, "test")
    assert np.allclose(again.nll, fresh.nll, atol=2e-8, rtol=0.0)
    assert np.array_equal(again.nll_free, one.nll_free)
    assert not np.array_equal(one.nll[:BLOCK], one.nll[BLOCK : 2 * BLOCK])


def test_limits_do_not_depend_on_workers():
    model = counting_model(2.0, 1.0, 1, 0.4)
    with ThreadPoolExecutor(3) as pool:
        parallel = toy_limit(model, n_toys=1500, seed=9, mapper=pool.map)
    assert parallel.to_dict() == toy_limit(model, n_toys=1500, seed=9).to_dict()
    assert parallel.to_dict() != toy_limit(model, n_toys=1500, seed=10).to_dict()


# -- failures -------------------------------------------------------------------------------------------------------


def impossible_model():
    """No background in the second bin: a toy with events there has no likelihood at mu = 0."""
    samples = (Sample("s", [3.0, 1.0], (NormFactor("mu"),)), Sample("b", [4.0, 0.0]))
    return Model([Channel("sr", samples, [4.0, 0.0])], "mu")


def test_failed_fits_are_kept_counted_and_fitted_again():
    toys = ensemble(impossible_model(), 1.0, 3000, tests=[0.0])
    data = throw_block(toys.likelihood, toys.hypothesis, 1, "test", 1)
    failed = {toy.index for toy in toys.failed}
    expected = {BLOCK + i for i in np.flatnonzero(data.counts[:, 1] > 0.0)}
    assert {i for i in failed if BLOCK <= i < 2 * BLOCK} == expected
    assert len(failed) == pytest.approx(3000 * (1.0 - math.exp(-1.0)), abs=4.0 * math.sqrt(3000 * 0.37 * 0.63))
    first = toys.failed[0]
    assert first.reason == "conditional fit: likelihood is infinite at the start" and first.seed == 1
    statistic = toys.q_zero()
    assert statistic.n_toys == 3000 and statistic.failed_share == len(failed) / 3000
    assert np.array_equal(np.isnan(statistic.statistic), toys.status != 0)
    p = statistic.p_value(1.0)
    above = int(np.sum(statistic.statistic >= 1.0))
    assert (p.low, p.high) == (above / 3000, (above + len(failed)) / 3000)
    assert p.low < p.value < p.high and p.n_failed == len(failed)
    index = min(expected)
    again = toys.rerun(index)
    assert np.array_equal(again.data.counts, data.counts[index - BLOCK])
    assert not again.conditional[0].converged and again.free.converged
    good = int(np.flatnonzero(toys.status == 0)[5])
    assert toys.rerun(good).free.nll == pytest.approx(toys.nll_free[good], abs=1e-8)
    with pytest.raises(InputError, match="toy 3000 of an ensemble of 3000"):
        toys.rerun(3000)


def test_failures_widen_the_limit_and_do_not_stop_it(monkeypatch):
    """A tenth of the toys with signal marked as failed: the limit stays inside its stated range."""
    import toymc.inference.toys.hypotest as module

    def failing(*arguments, **more):
        toys = run_toys(*arguments, **more)
        if "with signal" in toys.name:
            toys.status[::10] = 11
        return toys

    model = counting_model(1.0, 1.0, 1)
    clean = toy_limit(model, n_toys=2000, seed=4)
    monkeypatch.setattr(module, "run_toys", failing)
    limit = toy_limit(model, n_toys=2000, seed=4)
    assert limit.failed_share == pytest.approx(0.05, abs=0.001)
    assert limit.observed.low < clean.observed.value < limit.observed.high
    assert limit.observed.low < limit.observed.value < limit.observed.high
    answer = limit.to_dict()
    assert (
        answer["failed"][0]["reason"].startswith("conditional fit: iteration limit")
        and answer["failed"][0]["seed"] == 4
    )
    assert clean.to_dict()["failed"] == [] and clean.to_dict()["failed_share"] == 0.0


def test_p_values_by_hand():
    statistic = np.array([0.0, 2.0, 2.0 - 5e-7, 5.0, np.nan])
    toys = ToyResult(statistic, np.array([0, 0, 0, 0, 7], np.int8), {7: "why"}, 1, "x", 1e-6)
    p = toys.p_value(2.0)
    assert (p.value, p.low, p.high) == (0.75, 0.6, 0.8)
    assert toys.quantile(0.25) == 5.0 and toys.quantile(0.26) == 2.0 and toys.quantile(1.0) == 0.0
    assert [toy.index for toy in toys.failed] == [4]
    with pytest.raises(InputError, match="NaN"):
        toys.p_value(math.nan)


def test_all_toys_failed():
    toys = ToyResult(np.full(3, np.nan), np.full(3, 11, np.int8), {11: "why"}, 1, "x", 1e-6)
    p = toys.p_value(1.0)
    assert math.isnan(p.value) and (p.low, p.high) == (0.0, 1.0) and math.isnan(toys.quantile(0.5))


# -- limits ---------------------------------------------------------------------------------------------------------


def test_crossing_of_a_known_line():
    """ln CLs = -mu: the root is ln 20 and its error that of the weighted line."""
    values = {mu: (math.exp(-mu), 0.02 * math.exp(-mu)) for mu in (2.5, 2.8, 3.1, 3.4)}
    mu, error = _crossing(values, math.log(0.05), 10_000)
    assert mu == pytest.approx(math.log(20.0), abs=1e-3)
    assert error == pytest.approx(0.012, abs=0.005)
    assert _bracket([(1.0, 0.5), (2.0, -0.5)], 0.0) == (1.0, 2.0)
    assert _bracket([(1.0, 0.5)], 0.0) == (1.0, math.inf)
    assert _bracket([(1.0, -0.5)], 0.0) == (0.0, 1.0)
    assert _bracket([(1.0, 0.5), (2.0, -0.1), (3.0, 0.1), (4.0, -2.0)], 0.0) == (3.0, 4.0)


def test_stated_errors_are_the_spread():
    """Twelve seeds: three of the limits scatter by what is stated (chi-square of 11 degrees: outside 1 in 1000)."""
    limits = [toy_limit(counting_model(10.0, 50.0, 55, 7.0), n_toys=500, seed=seed) for seed in range(12)]
    for pick in (lambda r: r.observed, lambda r: r.expected[2], lambda r: r.expected[4]):
        values, errors = np.array([[pick(r).value, pick(r).error] for r in limits]).T
        assert 0.35 < values.std(ddof=1) / np.median(errors) < 1.75


def test_expected_only():
    limit = toy_limit(counting_model(5.0, 50.0), n_toys=1000, seed=1)
    assert limit.observed is None and limit.to_dict()["upper_limit_toys"] is None
    assert list(limit.to_dict()["expected_toys"]) == ["-2", "-1", "0", "+1", "+2"]
    assert limit.expected[2].value == pytest.approx(limit.asymptotic.median, rel=0.1)


def test_data_argument():
    model = counting_model(1.0, 2.0, 2)
    other = toy_cls(model, 4.0, 1000, seed=1, data={"sr": [5.0]})
    assert other.observed.value > toy_cls(model, 4.0, 1000, seed=1).observed.value


def test_thirty_bins_near_the_asymptotic_cls():
    """39 parameters, 200 events per bin: CLs of toys at the asymptotic median limit is 0.05 there within 4 sigma."""
    model = thirty_bins()
    result = toy_cls(model, upper_limit(model).median, 3000, seed=1)
    assert result.failed == ()
    assert result.expected[2].value == pytest.approx(0.05, abs=4.0 * result.expected[2].error)


def test_background_toys_are_fitted_freely_once():
    test = ToyTest(mixed_model(2), 300, seed=1)
    first, second = test.at(3.0), test.at(4.0)
    assert first.background.nll_free is not second.background.nll_free
    assert np.array_equal(first.background.nll_free, second.background.nll_free)
    assert test.at(3.0) is first


BAD = {
    "no toys": (lambda: toy_cls(counting_model(1.0, 1.0, 1), 1.0, 0, seed=1), "0 toys: give 1 or more"),
    "few toys": (lambda: toy_limit(counting_model(1.0, 1.0, 1), n_toys=10), "10 toys; a limit needs 100"),
    "mu": (lambda: toy_cls(counting_model(1.0, 1.0, 1), -1.0, 10, seed=1), "CLs is asked at -1"),
    "nan": (lambda: toy_cls(counting_model(1.0, 1.0, 1), math.nan, 10, seed=1), "CLs is asked at nan"),
    "cl": (lambda: toy_limit(counting_model(1.0, 1.0, 1), cl=95.0), "confidence level 95"),
    "seed": (lambda: toy_cls(counting_model(1.0, 1.0, 1), 1.0, 10, seed=-1), "seed -1"),
    "no data": (lambda: toy_discovery(counting_model(1.0, 1.0), 10, seed=1), "no observed counts"),
    "tests": (lambda: ensemble(counting_model(1.0, 1.0, 1), 1.0, 10, tests=[-1.0]), "toys tested at mu = -1"),
    "throw": (lambda: ensemble(counting_model(1.0, 1.0, 1), -2.0, 10), "toys at mu = -2"),
    "reuse": (lambda: reuse_another(), "not 'other'"),
}


def reuse_another():
    toys = ensemble(counting_model(1.0, 1.0, 1), 1.0, 10)
    run_toys(toys.likelihood, toys.hypothesis, [1.0], 10, 1, "other", reuse=toys)


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    action, message = BAD[name]
    with pytest.raises(InputError, match=message):
        action()
