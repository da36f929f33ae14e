"""Reweighting in lifetime: closed form of a detector that sees decays between two lengths."""

import numpy as np
import pytest

from toymc.analysis.lifetime_maps import LifetimeSample
from toymc.errors import InputError
from toymc.streams import stream

LOW, HIGH = 0.3, 40.0
GENERATED = np.array([0.05, 1.0, 20.0, 200.0])
N = 50_000


@pytest.fixture(scope="module")
def sample():
    rng = stream(3, "lifetime_maps", "test", 0)
    lengths = np.concatenate([rng.exponential(tau, N) for tau in GENERATED])
    seen = lengths[(lengths > LOW) & (lengths < HIGH)]
    return LifetimeSample(GENERATED, np.full(len(GENERATED), float(N)), seen, np.ones(len(seen)))


@pytest.mark.parametrize("ctau", [0.02, 0.1, 0.3, 1.0, 5.0, 30.0, 100.0, 400.0, 4000.0])
def test_closed_form(sample, ctau):
    """Probability of a decay between the lengths; five standard deviations (6e-7 each)."""
    value, error, effective = sample.efficiency(ctau)
    expected = np.exp(-LOW / ctau) - np.exp(-HIGH / ctau)
    assert abs(value - expected) < 5 * error
    if ctau >= 0.3:
        assert error < 0.02 * expected
        assert effective > 5000


def test_error_is_the_spread_of_repetitions():
    values, errors = [], []
    for chunk in range(300):
        rng = stream(4, "lifetime_maps", "test", chunk)
        lengths = np.concatenate([rng.exponential(tau, 400) for tau in GENERATED])
        seen = lengths[lengths > LOW]
        some = LifetimeSample(GENERATED, np.full(4, 400.0), seen, np.ones(len(seen)))
        value, error, _ = some.efficiency(5.0)
        values.append(value)
        errors.append(error)
    # relative error of a standard deviation of 300 values: 4 %; four of them
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.17)
    assert np.mean(values) == pytest.approx(np.exp(-LOW / 5.0), abs=4 * np.mean(errors) / np.sqrt(300))


def test_one_lifetime_at_itself_is_counting(sample):
    lengths = np.linspace(0.0, 90.0, 37)
    one = LifetimeSample(np.array([2.0]), np.array([1000.0]), lengths, np.full(37, 0.5))
    assert one.efficiency(2.0)[0] == pytest.approx(37 * 0.5 / 1000)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([1.0], [10.0, 20.0], [0.5], [1.0]), "as many"),
        (([0.0], [10.0], [0.5], [1.0]), "positive"),
        (([1.0], [10.0], [0.5, 0.6], [1.0]), "as many"),
        (([1.0], [10.0], [np.nan], [1.0]), "left out"),
    ],
)
def test_bad_samples(arguments, word):
    with pytest.raises(InputError, match=word):
        LifetimeSample(*(np.array(a) for a in arguments))


@pytest.mark.parametrize("ctau", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_lifetime(sample, ctau):
    with pytest.raises(InputError, match="ctau"):
        sample.weights(ctau)
