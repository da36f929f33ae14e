"""Double-sided Crystal Ball from simulated events: against the truth it was drawn from and an unbinned fit."""

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference.unbinned.shapes import crystal_ball
from toymc.inference.unbinned.simulation import fit_crystal_ball
from toymc.streams import stream

TRUTH = (0.0004, 0.005, 1.4, 3.0, 1.7, 5.0)
REACH = 0.3


def draw(n: int, chunk: int = 0):
    """Residuals from the inverse distribution function of the truth."""
    x = np.linspace(-REACH, REACH, 200_001)
    density = crystal_ball(*TRUTH).density(x, -REACH, REACH)
    cumulative = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(x))))
    return np.interp(stream(3, "crystal ball", "test", chunk).random(n), cumulative / cumulative[-1], x)


@pytest.fixture(scope="module")
def residuals():
    return draw(40_000)


def test_truth_comes_back(residuals):
    fit = fit_crystal_ball(residuals)
    assert fit.valid and fit.effective_events == len(residuals)
    # position and width within five of their errors, tails within what 40 000 events tell of them
    assert abs(fit.shift - TRUTH[0]) < 5 * TRUTH[1] / np.sqrt(len(residuals))
    assert abs(fit.sigma - TRUTH[1]) < 5 * fit.sigma_error < 0.05 * TRUTH[1]
    found = crystal_ball(*fit.parameters())
    at = TRUTH[0] + TRUTH[1] * np.array([-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0])
    ratio = found.density(at, -REACH, REACH) / crystal_ball(*TRUTH).density(at, -REACH, REACH)
    assert np.all(np.abs(np.log(ratio)) < [0.3, 0.15, 0.06, 0.03, 0.06, 0.15, 0.3])


def test_same_as_unbinned_fit_with_numba_stats(residuals):
    """The slow twin: minuit on the density of another library, event by event."""
    from iminuit import Minuit
    from numba_stats import crystalball_ex

    few = residuals[:10_000]

    def cost(loc, scale, beta_left, m_left, beta_right, m_right):
        p = beta_left, m_left, scale, beta_right, m_right, scale, loc
        inside = np.diff(crystalball_ex.cdf(np.array([-REACH, REACH]), *p))[0]
        return -2.0 * (crystalball_ex.logpdf(few, *p) - np.log(inside)).sum()

    minuit = Minuit(cost, *TRUTH)
    minuit.limits = [(-0.01, 0.01), (1e-3, 0.02), (0.4, 5.0), (1.05, 60.0), (0.4, 5.0), (1.05, 60.0)]
    minuit.migrad()
    ours = fit_crystal_ball(few)
    assert minuit.valid and ours.valid
    # the same data: what remains is the binning and the cut at 12 half widths, small against the errors
    assert ours.sigma == pytest.approx(minuit.values["scale"], abs=0.3 * minuit.errors["scale"])
    assert ours.shift == pytest.approx(minuit.values["loc"], abs=0.3 * minuit.errors["loc"])
    assert ours.sigma_error == pytest.approx(minuit.errors["scale"], rel=0.25)


def test_weights(residuals):
    """Their scale does not matter; doubled events are worth half as many."""
    plain = fit_crystal_ball(residuals[:5000])
    scaled = fit_crystal_ball(residuals[:5000], np.full(5000, 1e-9))
    assert scaled.sigma == pytest.approx(plain.sigma, rel=1e-3)
    assert scaled.effective_events == pytest.approx(5000)
    weights = np.where(np.arange(5000) % 2 == 0, 1.0, 3.0)
    uneven = fit_crystal_ball(residuals[:5000], weights)
    assert uneven.effective_events == pytest.approx(5000 * 4.0 / 5.0)
    assert abs(uneven.sigma - plain.sigma) < 3 * plain.sigma_error


def test_pulls_of_the_width():
    """30 fits of 2000 weighted events: mean pull within 4/sqrt(30) (p = 6e-5) plus the bias of six parameters."""
    pulls = []
    for k in range(30):
        x = draw(2000, k + 1)
        w = stream(5, "crystal ball weights", "test", k).uniform(0.2, 1.8, 2000)
        fit = fit_crystal_ball(x, w)
        pulls.append((fit.sigma - TRUTH[1]) / fit.sigma_error)
    assert abs(np.mean(pulls)) < 4.0 / np.sqrt(30) + 0.15
    assert 0.6 < np.std(pulls) < 1.5


@pytest.mark.parametrize(
    ("residuals", "weights", "words"),
    [
        (np.zeros(100), None, "without any spread"),
        (np.append(np.linspace(-1, 1, 99), np.nan), None, "finite"),
        (np.linspace(-1, 1, 100), -np.ones(100), "not negative"),
        (np.linspace(-1, 1, 100), np.ones(99), "one weight per event"),
        (np.zeros((10, 10)), None, "one weight per event"),
        (np.linspace(-1, 1, 49), None, "49.0 effective events"),
        (np.linspace(-1, 1, 100), np.zeros(100), "0.0 effective events"),
        ([], None, "0.0 effective events"),
    ],
)
def test_bad_input(residuals, weights, words):
    with pytest.raises(InputError, match=words):
        fit_crystal_ball(residuals, weights)
