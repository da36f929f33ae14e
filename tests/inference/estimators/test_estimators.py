"""Estimators whose bias, spread, pulls and coverage are known in closed form."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from scipy.stats import chi2, norm, poisson

from toymc.errors import InputError
from toymc.inference.estimators import STATUS, Estimates, Tolerances, each, experiment_data, validate_estimator
from toymc.streams import stream

# all comparisons below are at 4 standard deviations: 6e-5 each
SIGMAS = 4.0


def near(number, expected):
    return abs(number.value - expected) < SIGMAS * number.error


def gauss(n, rng, truth, experiments):
    return rng.normal(truth, 1.0, (experiments, n))


def mean(x):
    return Estimates.of(x.mean(axis=1), 1.0 / np.sqrt(x.shape[1]))


def test_the_mean_is_unbiased_and_covers():
    result = validate_estimator(partial(gauss, 9), mean, (-1.0, 0.0, 2.0), experiments=20_000, name="mean")
    assert result.verdict == "inside" and result.failed_share == 0.0
    for point in result.points:
        assert near(point.bias, 0.0) and near(point.pull_mean, 0.0) and near(point.pull_width, 1.0)
        assert near(point.spread, 1 / 3) and near(point.coverage, 0.6826895)
        assert point.bias_range[0] == point.bias_range[1] == pytest.approx(point.bias.value)
    assert near(result.line.slope, 1.0) and near(result.line.intercept, 0.0)
    assert result.line.p_value > 1e-4


def variance(divisor, x):
    n = x.shape[1]
    value = ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (n - divisor)
    return Estimates.of(value, value * np.sqrt(2.0 / n))


def scaled(n, rng, truth, experiments):
    return rng.normal(0.0, np.sqrt(truth), (experiments, n))


def test_the_likelihood_variance_is_low_by_one_over_n():
    """E = sigma^2 (n - 1)/n, Var = 2 sigma^4 (n - 1)/n^2; a bias of 0.35 standard deviations is found."""
    n, truths = 5, (1.0, 4.0)
    result = validate_estimator(partial(scaled, n), partial(variance, 0), truths, experiments=20_000, name="variance")
    for point in result.points:
        assert near(point.bias, -point.truth / n)
        assert near(point.spread, point.truth * np.sqrt(2 * (n - 1)) / n)
    assert near(result.line.slope, 1 - 1 / n)
    assert result.verdict == "outside"
    assert {c.quantity for c in result.checks if c.verdict == "outside"} >= {"bias / spread", "slope"}
    corrected = validate_estimator(partial(scaled, n), partial(variance, 1), truths, experiments=20_000)
    assert near(corrected.points[1].bias, 0.0) and near(corrected.line.slope, 1.0)


def test_the_error_of_a_spread_holds_for_a_skewed_distribution():
    """Chi-squared with one degree of freedom has excess kurtosis 12: the Gaussian error is 2.6 times too small."""

    def generate(rng, truth, n):
        return truth * rng.chisquare(1, n)

    def spread(seed):
        result = validate_estimator(generate, lambda x: Estimates.of(x, 1.0), (1.0,), experiments=2000, seed=seed)
        return result.points[0].spread

    found = [spread(seed) for seed in range(200)]
    pulls = np.array([(s.value - np.sqrt(2.0)) / s.error for s in found])
    # the error of the error is itself skewed: the width is known to 15 %
    assert 0.8 < pulls.std() < 1.4


WINDOW = 2.0


def decays(n, rng, truth, experiments):
    """Decay times of lifetime `truth` in the window [0, WINDOW]."""
    u = rng.random((experiments, n))
    return -truth * np.log1p(-u * -np.expm1(-WINDOW / truth))


def truncated_lifetime(t):
    """Root of mean(t) = tau - T / (exp(T / tau) - 1), its error from the Fisher information; no root above T / 2."""
    target, n = t.mean(axis=1), t.shape[1]
    solvable = target < 0.5 * WINDOW
    low, high = np.full(len(target), 0.02), np.full(len(target), 1e3)
    for _ in range(60):
        middle = np.sqrt(low * high)
        above = middle - WINDOW / np.expm1(WINDOW / middle) > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    tau = np.sqrt(low * high)
    x = WINDOW / tau
    information = n / tau**2 * (1.0 - x**2 * np.exp(-x) / np.expm1(-x) ** 2)
    return Estimates.of(tau, 1.0 / np.sqrt(information), status=np.where(solvable, 0, 1))


def test_lifetime_in_a_truncated_window():
    """The likelihood knows the window; the plain mean is low by T / (exp(T / tau) - 1)."""
    truths = (0.3, 0.5, 0.7)
    result = validate_estimator(partial(decays, 400), truncated_lifetime, truths, experiments=10_000, name="lifetime")
    assert result.verdict == "inside", [c for c in result.checks if c.verdict != "inside"]

    def plain(t):
        return Estimates.of(t.mean(axis=1), t.mean(axis=1) / 20.0)

    naive = validate_estimator(partial(decays, 400), plain, truths, experiments=4000, name="plain mean")
    for point in naive.points:
        assert near(point.bias, -WINDOW / np.expm1(WINDOW / point.truth))
    assert naive.verdict == "outside"


def test_lifetimes_without_a_solution_are_recorded():
    """tau = 3 in a window of 2 with 10 decays: the mean is often above T / 2 and the likelihood has no maximum."""
    result = validate_estimator(partial(decays, 10), truncated_lifetime, (3.0,), experiments=3000, name="long")
    point = result.points[0]
    assert 0.2 < point.failed_share < 0.5
    assert len(result.failures) == min(point.failed, 1000)
    truth, number, reason = result.failures[0]
    assert reason == STATUS[1]
    data, row = experiment_data(partial(decays, 10), result, truth, number, 3000)
    assert data[row].mean() >= 0.5 * WINDOW
    low, high = point.coverage_range
    assert high - low == pytest.approx(point.failed_share)
    assert result.verdict == "outside"


@pytest.mark.parametrize("cl", [0.68, 0.90, 0.95])
def test_coverage_of_gaussian_intervals(cl):
    reach = norm.ppf(0.5 + 0.5 * cl)
    result = validate_estimator(
        partial(gauss, 1), lambda x: Estimates.of(x[:, 0], reach), (0.0,), experiments=20_000, cl=cl
    )
    assert near(result.points[0].coverage, cl)
    low, high = result.points[0].coverage_interval
    assert low < result.points[0].coverage.value < high


def test_asymmetric_intervals_cover_and_pull_towards_the_truth():
    """Central interval of a variance from chi-squared: exact coverage though its sides differ."""
    n, cl = 6, 0.9

    def estimate(x):
        q = (x**2).sum(axis=1)
        return Estimates.of(q / n, low=q / chi2.ppf(0.95, n), high=q / chi2.ppf(0.05, n))

    result = validate_estimator(partial(scaled, n), estimate, (2.0,), experiments=20_000, cl=cl)
    assert near(result.points[0].coverage, cl)
    twin = estimate(scaled(n, stream(7, "estimators", "test", 20), 2.0, 50))
    from toymc.inference.estimators.summary import pulls_of

    slow = [
        (v - 2.0) / ((v - lo) if v > 2.0 else (hi - v))
        for v, lo, hi in zip(twin.value, twin.low, twin.high, strict=True)
    ]
    np.testing.assert_allclose(pulls_of(twin, 2.0), slow)


def test_pulls_of_poisson_at_low_counts():
    """n +- sqrt(n) at mean 2: pull moments are sums over the Poisson distribution; n = 0 has no interval and fails."""
    mu = 2.0

    def estimate(n):
        return Estimates.of(n, np.sqrt(n))

    result = validate_estimator(lambda rng, truth, k: rng.poisson(truth, k), estimate, (mu,), experiments=50_000)
    point = result.points[0]
    n = np.arange(1, 60)
    p = poisson.pmf(n, mu) / (1.0 - np.exp(-mu))
    pull = (n - mu) / np.sqrt(n)
    mean_pull = p @ pull
    assert near(point.pull_mean, mean_pull)
    assert near(point.pull_width, np.sqrt(p @ (pull - mean_pull) ** 2))
    assert near(point.coverage, p[np.abs(pull) <= 1.0].sum())
    expected = np.exp(-mu)
    assert abs(point.failed_share - expected) < SIGMAS * np.sqrt(expected * (1 - expected) / 50_000)
    assert result.verdict == "outside"


def test_same_numbers_for_any_number_of_workers():
    alone = validate_estimator(partial(gauss, 4), mean, (0.0, 1.0), experiments=1001, block=64)
    for workers in (3, 8):
        with ThreadPoolExecutor(workers) as pool:
            shared = validate_estimator(partial(gauss, 4), mean, (0.0, 1.0), experiments=1001, block=64, run=pool.map)
        for one, other in zip(alone.points, shared.points, strict=True):
            assert one.pulls.tobytes() == other.pulls.tobytes()
    other_seed = validate_estimator(partial(gauss, 4), mean, (0.0, 1.0), experiments=1001, block=64, seed=2)
    assert other_seed.points[0].mean.value != alone.points[0].mean.value


def test_an_exception_of_one_experiment_is_a_failure_of_one_experiment():
    def fragile(x):
        if x[0] < -1.0:
            raise ValueError("no")
        return x.mean(), 1.0

    result = validate_estimator(partial(gauss, 1), each(fragile), (0.0,), experiments=2000)
    share = result.points[0].failed_share
    assert abs(share - norm.cdf(-1.0)) < SIGMAS * np.sqrt(0.16 * 0.84 / 2000)
    assert {reason for _, _, reason in result.failures} == {"the estimator raised an error"}


def test_worst_case_of_failures_in_the_bias():
    values = np.array([0.9, 1.1, np.nan, np.nan])
    result = validate_estimator(
        lambda rng, truth, n: values, lambda x: Estimates.of(x, 0.2), (1.0,), experiments=4, bounds=(-3.0, 5.0)
    )
    assert result.points[0].bias_range == pytest.approx(((2.0 - 6.0) / 4 - 1.0, (2.0 + 10.0) / 4 - 1.0))


def test_few_experiments_do_not_decide():
    """A tenth of the tolerance away with an error as large as the tolerance: undecided, and it says what would do."""
    result = validate_estimator(partial(gauss, 1), mean, (0.0,), experiments=50)
    bias = next(c for c in result.checks if c.quantity == "bias / spread")
    assert bias.verdict == "undecided"
    if bias.experiments is not None:
        assert bias.experiments > 50


def test_probability_of_a_wrong_verdict():
    """An estimator exactly on the edge of the tolerance is called inside in at most 5 % of the validations."""
    tolerances = Tolerances(probability=0.95)
    calls = []
    for seed in range(400):
        result = validate_estimator(
            lambda rng, truth, n: rng.normal(truth + 0.1, 1.0, n), lambda x: Estimates.of(x, 1.0), (0.0,),
            experiments=1000, seed=seed, tolerances=tolerances,
        )  # fmt: skip
        calls.append(next(c for c in result.checks if c.quantity == "bias / spread").verdict)
    # 400 x 0.05 = 20 +- 4.4
    assert calls.count("inside") < 38 and calls.count("outside") < 38


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"truth_values": ()}, "true values"),
        ({"truth_values": (1.0, 1.0)}, "true values"),
        ({"truth_values": (np.inf,)}, "true values"),
        ({"experiments": 1}, "experiments"),
        ({"block": 0}, "blocks"),
        ({"cl": 1.0}, "confidence level"),
        ({"estimate": lambda x: Estimates.of([1.0], 1.0)}, "answers"),
        ({"estimate": lambda x: Estimates.of(np.full(len(x), np.nan), 1.0)}, "have an answer"),
    ],
)
def test_bad_input_is_refused(change, match):
    arguments = {"generate": partial(gauss, 2), "estimate": mean, "truth_values": (0.0,), "experiments": 10} | change
    with pytest.raises(InputError, match=match):
        validate_estimator(**arguments)


def test_bad_estimates_and_tolerances_are_refused():
    with pytest.raises(InputError, match="lengths"):
        Estimates(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(3, np.int8))
    with pytest.raises(InputError, match="interval"):
        Estimates.of([1.0])
    with pytest.raises(InputError, match="tolerance of slope"):
        Tolerances(slope=0.0)
    with pytest.raises(InputError, match="probability"):
        Tolerances(probability=0.4)
    assert Estimates.of([1.0], low=[1.5], high=[2.0]).status.tolist() == [3]


def test_a_true_value_that_is_not_well_known_is_not_called_a_bias():
    """Templates whose true value is off by 0.5 +- 0.4: a bias without, undecided with the error of the templates."""

    def generate(rng, truth, n):
        return rng.normal(truth + (0.5 if truth else 0.0), 1.0, n)

    def estimate(x):
        return Estimates.of(x, 1.0)

    plain = validate_estimator(generate, estimate, (0.0, 10.0), experiments=4000)
    stated = validate_estimator(generate, estimate, (0.0, 10.0), experiments=4000, template_errors={10.0: 0.4})
    assert plain.verdict == "outside" and stated.verdict == "undecided"
    here, there = (found.point(10.0) for found in (plain, stated))
    assert here.bias == there.bias and here.template_error == 0.0
    assert there.total_bias_error == pytest.approx(np.hypot(there.bias.error, 0.4))
    # phi(1) = 0.242: the coverage of a Gaussian off by half its width, second order in the distance
    assert there.total_coverage_error == pytest.approx(0.242 * 0.16, rel=0.1)
    assert stated.line.slope.error == pytest.approx(0.04, rel=0.05)
    assert abs(here.coverage.value - (0.6827 - 0.242 * 0.25)) < 0.03
