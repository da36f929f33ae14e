"""Event bootstrap against closed forms, and the signal strength of a binned model against its Gaussian limit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference import Channel, HistoSys, Model, NormFactor, NormSys, Sample, StatError
from toymc.inference.estimators import (
    Estimates,
    SignalStrength,
    bootstrap_counts,
    bootstrap_estimator,
    resimulated,
    statistical_error,
    validate_estimator,
)
from toymc.streams import stream

SIGMAS = 4.0


def near(number, expected):
    return abs(number.value - expected) < SIGMAS * number.error


def events(n, number=0):
    return stream(7, "estimators", "test", number).exponential(2.0, n)


def weighted_mean(x, halve=1.0):
    def estimate(w):
        n = w.sum(axis=1)
        centre = w @ x / n
        return Estimates.of(centre, halve * np.sqrt((w @ x**2 / n - centre**2) / n))

    return estimate


def test_bootstrap_error_of_a_mean():
    x = events(500)
    result = bootstrap_estimator(500, weighted_mean(x), replicates=4000, name="mean")
    assert result.value == pytest.approx(x.mean())
    assert near(result.spread, x.std() / np.sqrt(500)) and near(result.bias, 0.0)
    assert result.interval[0] < result.value < result.interval[1]
    assert result.verdict == "inside" and result.failed == 0


def test_a_wrong_error_is_found():
    result = bootstrap_estimator(500, weighted_mean(events(500), 0.5), replicates=2000)
    assert result.verdict == "outside"


def test_bootstrap_bias_of_the_likelihood_variance():
    """-1/n of the variance: the bootstrap knows it without the truth."""
    x = events(30, 1)

    def variance(w):
        n = w.sum(axis=1)
        value = w @ x**2 / n - (w @ x / n) ** 2
        return Estimates.of(value, value)

    result = bootstrap_estimator(30, variance, replicates=40_000)
    # with Poisson weights E[1/n] = 1/30 (1 + 1/30 + ...): the bias is -variance x E[1/n]
    assert near(result.bias, -x.var() * (1 / 30) * (1 + 1 / 30 + 2 / 900))


def test_total_of_a_sample_fluctuates_as_poisson():
    result = bootstrap_estimator(400, lambda w: Estimates.of(w.sum(axis=1), np.sqrt(w.sum(axis=1))), replicates=4000)
    assert near(result.spread, 20.0) and result.verdict == "inside"


def test_counts_are_the_sum_of_event_weights():
    """Replicates of a histogram: Poisson around the counts, as the slow sum over events has it."""
    rng = stream(7, "estimators", "test", 5)
    counts = np.array([0.0, 3.0, 40.0])
    fast = bootstrap_counts(rng, counts, 20_000)
    bins = np.repeat([0, 1, 2], counts.astype(int))
    slow = np.array([np.bincount(bins, w, 3) for w in rng.poisson(1.0, (20_000, 43))])
    assert np.all(fast[:, 0] == 0) and np.all(slow[:, 0] == 0)
    for k in (1, 2):
        error = np.sqrt(counts[k] / 20_000)
        assert abs(fast[:, k].mean() - counts[k]) < SIGMAS * error
        assert abs(fast[:, k].mean() - slow[:, k].mean()) < SIGMAS * np.sqrt(2.0) * error
        assert fast[:, k].var() == pytest.approx(slow[:, k].var(), rel=0.08)


def test_same_replicates_for_any_number_of_workers():
    alone = bootstrap_estimator(50, weighted_mean(events(50)), replicates=600)
    with ThreadPoolExecutor(3) as pool:
        shared = bootstrap_estimator(50, weighted_mean(events(50)), replicates=600, run=pool.map)
    assert alone.values.tobytes() == shared.values.tobytes()


def test_bad_samples_are_refused():
    with pytest.raises(InputError, match="nothing to bootstrap"):
        bootstrap_estimator(0, weighted_mean(np.zeros(0)))
    with pytest.raises(InputError, match="no answer for the sample itself"):
        bootstrap_estimator(3, lambda w: Estimates.of(np.full(len(w), np.nan), 1.0))


# -- the signal strength of a binned model ------------------------------------------------------------------------

SIGNAL, BACKGROUND = 50.0, 2500.0


def counting(*modifiers):
    samples = (Sample("signal", [SIGNAL], (NormFactor("mu"),)), Sample("background", [BACKGROUND], modifiers))
    return Model([Channel("sr", samples)], poi="mu")


def test_signal_strength_of_a_counting_model():
    """Gaussian limit: error sqrt(b + s mu + (f b)^2) / s, unbiased, covering, linear."""
    strength = SignalStrength(counting(NormSys("scale", 0.98, 1.02)))
    assert strength.expected_error == pytest.approx(np.hypot(50.0, 0.02 * BACKGROUND) / SIGNAL, rel=5e-3)
    result = validate_estimator(
        strength.generate, strength.estimate, strength.truths((0.0, 1.0, 3.0)), experiments=4000, bounds=strength.bounds
    )
    assert result.failed_share == 0.0
    for point in result.points:
        assert near(point.pull_width, 1.0) and near(point.coverage, 0.6826895)
        assert abs(point.bias.value) < 0.03 * point.spread.value + SIGMAS * point.bias.error
    assert near(result.line.slope, 1.0)
    first = result.points[0]
    assert near(first.spread, strength.expected_error)
    assert first.stated_error == pytest.approx(first.spread.value, rel=0.04)


def test_a_signal_held_at_zero_is_biased():
    """E[max(0, x)] = sigma / sqrt(2 pi) for a true signal of zero: found, and told apart from the free fit."""
    strength = SignalStrength(counting(), negative=False)
    result = validate_estimator(strength.generate, strength.estimate, (0.0,), experiments=4000)
    assert near(result.points[0].bias, strength.expected_error / np.sqrt(2.0 * np.pi))
    assert result.verdict == "outside"


def test_toys_of_a_model_without_the_fitted_nuisance_are_found_wrong():
    """Data with a background that varies by 4 %, fitted with 2 %: the pull is too wide."""
    true, believed = SignalStrength(counting(NormSys("scale", 0.96, 1.04))), counting(NormSys("scale", 0.98, 1.02))
    fit = SignalStrength(believed)

    def generate(rng, truth, n):
        toys = fit.generate(rng, truth, n)
        counts = rng.poisson(BACKGROUND * (1.0 + 0.04 * rng.standard_normal((n, 1))) + truth * SIGNAL)
        return replace(toys, counts=counts.astype(float), aux=np.zeros_like(toys.aux))

    assert true.expected_error > fit.expected_error
    result = validate_estimator(generate, fit.estimate, (0.0,), experiments=3000)
    expected = np.hypot(50.0, 0.04 * BACKGROUND) / np.hypot(50.0, 0.02 * BACKGROUND)
    assert result.points[0].pull_width.value == pytest.approx(expected, rel=0.05)
    assert result.verdict == "outside"


def test_statistical_error_and_bootstrap_of_counts():
    """Counts alone move the signal by sqrt(b) / s, whatever the systematic error adds."""
    strength = SignalStrength(counting(NormSys("scale", 0.95, 1.05)))
    likelihood = strength.likelihood()
    fit = likelihood.fit(likelihood.asimov(np.array([0.0, 0.0]), np.zeros(0)))
    assert statistical_error(likelihood, fit) == pytest.approx(1.0, rel=1e-3)
    result = strength.bootstrap(None, replicates=3000, seed=1, name="counting")
    assert near(result.spread, 1.0) and result.stated_error == pytest.approx(1.0, rel=1e-3)
    assert result.verdict == "inside"
    with pytest.raises(InputError, match="observed bins"):
        strength.bootstrap(np.ones(3), replicates=10, seed=1, name="counting")


def shape_model():
    x = np.linspace(0.0, 1.0, 8)
    signal, background = 60.0 * np.exp(-0.5 * ((x - 0.4) / 0.15) ** 2), 900.0 * np.exp(-x)
    tilt = HistoSys("tilt", background * (1.0 - 0.05 * x), background * (1.0 + 0.05 * x))
    modifiers = (NormFactor("n_b"), tilt, StatError("mc", 0.04 * background))
    return Model(
        [Channel("sr", (Sample("signal", signal, (NormFactor("mu"),)), Sample("background", background, modifiers)))],
        poi="mu",
    )


def test_free_background_shapes_and_simulation_statistics():
    strength = SignalStrength(shape_model())
    result = validate_estimator(strength.generate, strength.estimate, strength.truths((0.0, 2.0)), experiments=2000)
    for point in result.points:
        assert near(point.pull_width, 1.0) and near(point.pull_mean, 0.0)
    again = validate_estimator(
        strength.generate_resimulated, strength.estimate_resimulated, (0.0,), experiments=800, name="redrawn"
    )
    # a relative error of 4 % per bin is 625 effective events: one factor per bin describes them
    assert near(again.points[0].pull_width, 1.0)
    assert again.points[0].spread.value == pytest.approx(result.points[0].spread.value, rel=0.12)


def test_redrawn_templates_have_the_moments_of_their_errors():
    model = shape_model()
    rng = stream(7, "estimators", "test", 9)
    drawn = [resimulated(rng, model) for _ in range(300)]
    background = np.array([m.channels[0].samples[1].data for m in drawn])
    nominal = model.channels[0].samples[1].data
    assert np.all(np.abs(background.mean(axis=0) / nominal - 1.0) < SIGMAS * 0.04 / np.sqrt(300))
    assert np.all(np.abs(background.std(axis=0) / (0.04 * nominal) - 1.0) < SIGMAS / np.sqrt(600))
    ratio = [m.channels[0].samples[1].modifiers[1].hi / m.channels[0].samples[1].data for m in drawn[:3]]
    np.testing.assert_allclose(ratio, np.tile(1.0 + 0.05 * np.linspace(0, 1, 8), (3, 1)))
    with pytest.raises(InputError, match="no Monte Carlo errors"):
        resimulated(rng, counting())


def test_a_model_without_background_has_no_error_to_validate():
    samples = (Sample("signal", [5.0], (NormFactor("mu"),)), Sample("background", [0.0]))
    with pytest.raises(InputError, match="no curvature"):
        SignalStrength(Model([Channel("sr", samples)], poi="mu")).expected_error  # noqa: B018
