"""Fits and asymptotic limits: closed forms, the slow twin, combination, nuisances, independence of workers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.inference.unbinned.slow_twin import SlowWindow, signal_density
from toymc.errors import InputError
from toymc.inference.unbinned import (
    Background,
    Density,
    MassChannel,
    Window,
    crystal_ball,
    fit_window,
    from_simulation,
    gaussian,
    mass_grid,
    scan,
    voigt,
    windows,
)
from toymc.streams import stream

LOW, HIGH = 0.9, 1.1
CB = (1.0, 0.005, 1.5, 2.5, 1.7, 4.0)


def events(n, peak, chunk=0):
    """n uniform events and `peak` on the mass."""
    rng = stream(21, "unbinned", "test", chunk)
    return np.concatenate([rng.uniform(LOW, HIGH, n), rng.normal(1.0, 0.005, peak)])


def one(data, **more):
    return MassChannel("k", gaussian(1.0, 0.005), Window(np.array(LOW), np.array(HIGH)), data=data, **more)


def test_window_without_events():
    """L = exp(-S): q = 2 mu, CLs = 2 Phi(-sqrt(2 mu)); every band in closed form, the median 1.9207."""
    result = scan([1.0], [0.0], [one([])])
    assert result.status[0, 0] == 0 and result.q0[0, 0] == 0.0 and result.value[0, 0] == 0.0
    assert result.observed[0, 0] == pytest.approx(0.5 * 1.959964**2, rel=1e-5)
    targets = np.array([1.0517634, 1.4120078, 1.9599640, 2.7271849, 3.6560527])
    np.testing.assert_allclose(result.expected[0, 0], 0.5 * targets**2, rtol=1e-4)
    assert result.p0[0, 0] == 0.5


def test_counting_limit_of_one_event_far_from_background():
    """One event on the peak, none elsewhere: the likelihood -S + ln(S s + B b) has its maximum at S = 1."""
    fit = fit_window([1.0], gaussian(1.0, 0.005), Window(LOW, HIGH))
    assert fit.signal == pytest.approx(1.0, abs=1e-4)
    peak, flat = 1.0 / (0.005 * math.sqrt(2.0 * math.pi)), 1.0 / (HIGH - LOW)
    assert fit.q0 == pytest.approx(2.0 * math.log(peak / flat), rel=1e-6)


def test_wide_background_is_the_gaussian_limit():
    """Many flat events: sigma^2 = 1 / int s^2/b (flat b fixed by the sidebands), median = 1.96 sigma."""
    n = 400_000.0
    density = Density(np.array([LOW, HIGH]), np.full(2, n / (HIGH - LOW)))
    channel = MassChannel("k", gaussian(1.0, 0.005), Window(LOW, HIGH), Background(degree=0), expected=density)
    result = scan([1.0], [0.0], [channel])
    overlap = 1.0 / (2.0 * math.sqrt(math.pi) * 0.005)  # int s^2
    sigma = 1.0 / math.sqrt((overlap - 1.0 / (HIGH - LOW)) / (n / (HIGH - LOW)))  # b profiled
    np.testing.assert_allclose(result.expected[0, 0, 2], 1.95996 * sigma, rtol=5e-3)
    np.testing.assert_allclose(result.error[0, 0], sigma, rtol=1e-3)
    assert np.isnan(result.observed[0, 0])


@pytest.mark.parametrize(
    ("n", "peak", "family", "degree", "signal", "efficiency", "resolution", "limits"),
    [
        (10, 3, "polynomial", 0, ("crystal_ball", *CB), 0.0, 0.0, True),
        (60, 0, "polynomial", 1, ("crystal_ball", *CB), 0.0, 0.0, False),
        (60, 6, "exponential", 1, ("gaussian", 1.0, 0.005), 0.0, 0.0, True),
        (30, 4, "polynomial", 1, ("voigt", 1.0, 0.004, 0.006), 0.0, 0.0, False),
        (25, 4, "polynomial", 0, ("crystal_ball", *CB), 0.2, 0.0, False),
        (25, 4, "polynomial", 0, ("crystal_ball", *CB), 0.0, 0.1, False),
    ],
)
def test_against_the_slow_twin(n, peak, family, degree, signal, efficiency, resolution, limits):
    make = {"crystal_ball": crystal_ball, "gaussian": gaussian, "voigt": voigt}[signal[0]]
    x = events(n, peak, 3)
    fit = fit_window(x, make(*signal[1:]), Window(LOW, HIGH), Background(family, degree=degree),
                     efficiency_error=efficiency, resolution_error=resolution)  # fmt: skip
    slow = SlowWindow(x, LOW, HIGH, signal, degree, family, efficiency=efficiency, resolution=resolution)
    assert fit.status == "converged" and fit.degree == degree and fit.n_events == x.size
    nll_hat, best = slow.fit()
    assert fit.signal == pytest.approx(best[0], abs=1e-2)
    assert fit.q0 == pytest.approx(
        max(2.0 * (slow.fit(0.0)[0] - nll_hat), 0.0), abs=1e-4 if resolution == 0.0 else 3e-3
    )
    if limits:
        observed, median, _, _ = slow.limits()
        assert fit.upper_limit == pytest.approx(observed, rel=1e-3)
        assert fit.expected[2] == pytest.approx(median, rel=1e-3)


def test_threshold_background_recovers_its_power():
    """Events from (x - 0.9)^0.5: p within four standard errors; the density is that of a direct fit."""
    u = stream(8, "unbinned", "test", 0).random(4000)
    x = LOW + (HIGH - LOW) * u ** (1.0 / 1.5)
    fit = fit_window(x, gaussian(1.0, 0.005), Window(LOW, HIGH), Background("threshold", degree=1, onset=LOW))
    # p + 1 = n/sum ln(1/t) without signal, error (p + 1)/sqrt(n)
    assert fit.background[1] == pytest.approx(0.5, abs=4 * 1.5 / math.sqrt(4000))
    assert math.exp(fit.background[0]) / (1.0 + fit.background[1]) + fit.signal == pytest.approx(4000.0, rel=1e-3)


def test_rule_of_the_background():
    """Flat stays flat, a strong slope becomes a line, a bump in the middle is not taken for curvature."""
    rng = stream(9, "unbinned", "test", 0)
    flat = rng.uniform(LOW, HIGH, 300)
    assert fit_window(flat, gaussian(1.0, 0.005), Window(LOW, HIGH)).degree == 0
    slope = LOW + (HIGH - LOW) * np.sqrt(rng.random(300))
    fit = fit_window(slope, gaussian(1.0, 0.005), Window(LOW, HIGH))
    assert fit.degree == 1 and fit.background[0] < 0.2 * fit.background[1]
    peak = np.concatenate([flat, rng.normal(1.0, 0.005, 150)])
    assert fit_window(peak, gaussian(1.0, 0.005), Window(LOW, HIGH)).degree == 0
    valley = np.concatenate([0.9 + 0.05 * rng.random(100), 1.05 + 0.05 * rng.random(100)])
    assert fit_window(valley, gaussian(1.0, 0.005), Window(LOW, HIGH)).degree >= 2
    # nine events are too few for a line, whatever they look like
    assert fit_window(slope[:9], gaussian(1.0, 0.005), Window(LOW, HIGH), Background(degree=2)).degree == 0


def test_rate_of_wrong_slopes_is_that_of_the_rule():
    """Flat windows of 100 events get another degree in 5 % of 2000 cases, both tests together: within four sigma."""
    rng = stream(10, "unbinned", "test", 0)
    data = [np.sort(rng.uniform(LOW, HIGH, 100)) for _ in range(2000)]
    masses = np.linspace(0.99, 1.01, 2000)
    rows = np.arange(2000)
    channel = MassChannel("k", gaussian(masses[:, None], 0.005), Window(LOW, HIGH), data=data, selection=rows)
    wrong = np.mean(scan(masses, [0.0], [channel], limits=False).degree > 0)
    assert abs(wrong - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize("p_value", [0.001, 0.01, 0.05, 0.3])
def test_both_tests_of_the_rule_together(p_value):
    """Two sums of squares of 10^6 normal numbers: either passes its threshold with p_value, within four sigma."""
    first, second = stream(11, "unbinned", "test", 0).standard_normal((2, 1_000_000)) ** 2
    low, high = Background(p_value=p_value).thresholds
    share = np.mean((first > low) | (first + second > high))
    assert abs(share - p_value) < 4 * math.sqrt(p_value * (1.0 - p_value) / 1e6)


def test_hole_is_as_if_it_were_not_there():
    """A window with a veto: the twin with densities normalised outside it."""
    x = events(80, 5, 4)
    window = Window(LOW, HIGH, holes=((0.93, 0.96),))
    fit = fit_window(x, gaussian(1.0, 0.005), window, Background(degree=1))
    kept = x[(x < 0.93) | (x > 0.96)]
    slow = SlowWindow(kept, LOW, HIGH, ("gaussian", 1.0, 0.005), 1)
    t = np.linspace(0.0, 1.0, 100_001)
    grid = LOW + (HIGH - LOW) * t
    outside = (grid < 0.93) | (grid > 0.96)
    norms = [np.trapezoid(b * outside, grid) for b in (1.0 - t, t)]
    slow.background_total = lambda b: float(sum(c * 2.0 / (HIGH - LOW) * n for c, n in zip(b, norms, strict=True)))
    assert fit.n_events == kept.size
    assert fit.signal == pytest.approx(slow.fit()[1][0], abs=2e-3)


def channels_of(n, seed):
    rng = stream(seed, "unbinned", "test", 0)
    return [
        MassChannel(f"c{k}", gaussian(1.0, 0.004 + 0.001 * k), Window(LOW, HIGH), Background(degree=0),
                    per_unit=2.0 + k, data=rng.uniform(LOW, HIGH, 20 + 10 * k))
        for k in range(n)
    ]  # fmt: skip


def test_two_equal_channels_are_one_with_twice_the_likelihood():
    """Combining a channel with its copy: q0 doubles, the best value stays, the limit shrinks."""
    x = events(40, 6, 5)
    single = scan([1.0], [0.0], [one(x, background=Background(degree=0))])
    double = scan([1.0], [0.0], [one(x, background=Background(degree=0)),
                                 replace(one(x, background=Background(degree=0)), name="copy")])  # fmt: skip
    assert double.q0[0, 0] == pytest.approx(2.0 * single.q0[0, 0], rel=1e-6)
    assert double.value[0, 0] == pytest.approx(single.value[0, 0], rel=1e-4)
    assert double.error[0, 0] == pytest.approx(single.error[0, 0] / math.sqrt(2.0), rel=1e-4)


def test_combination_against_the_twin():
    """Three channels with one coupling: the sum of three slow likelihoods, minimised over the coupling."""
    channels = channels_of(3, 12)
    result = scan([1.0], [0.0], channels)
    slow = [SlowWindow(c.data, LOW, HIGH, ("gaussian", 1.0, float(c.signal.sigma)), 0) for c in channels]

    def nll(coupling):
        return sum(s.fit(coupling * c.per_unit)[0] for s, c in zip(slow, channels, strict=True))

    grid = np.linspace(0.0, 3.0, 31)
    best = min(nll(g) for g in grid)
    assert nll(float(result.value[0, 0])) <= best + 1e-6
    assert result.q0[0, 0] == pytest.approx(2.0 * (nll(0.0) - nll(float(result.value[0, 0]))), abs=1e-5)
    assert result.per_unit[0, 0] == 9.0
    assert np.all(result.observed < [scan([1.0], [0.0], [c]).observed for c in channels])


def test_empty_channels_add_their_efficiencies():
    """No event in either: 1.92 events in all, divided by the sum of efficiencies; a blind channel changes nothing."""
    empty = [replace(c, data=[]) for c in channels_of(2, 13)]
    assert scan([1.0], [0.0], empty).observed[0, 0] == pytest.approx(1.92073 / 5.0, rel=1e-5)
    blind = [empty[0], replace(empty[1], per_unit=0.0)]
    assert scan([1.0], [0.0], blind).observed[0, 0] == pytest.approx(1.92073 / 2.0, rel=1e-5)
    none = scan([1.0], [0.0], [replace(c, per_unit=0.0) for c in empty])
    assert none.failures() == {"no signal efficiency": 1} and np.isnan(none.observed[0, 0])


@pytest.mark.parametrize("constraint", ["log-normal", "gaussian"])
def test_empty_window_with_an_efficiency_error(constraint):
    """nll = mu k(eta) + eta^2/2, minimised over eta on a fine grid; a common error of one channel is the same thing."""
    eta = np.linspace(-3.0, 1.0, 400_001)
    factor = np.exp(0.3 * eta) if constraint == "log-normal" else 1.0 + 0.3 * eta

    def q(mu):
        return 2.0 * float(np.min(mu * factor + 0.5 * eta**2))

    own = scan([1.0], [0.0], [one([], efficiency_error=0.3)], constraint=constraint)
    common = scan([1.0], [0.0], [one([])], common_error=0.3, constraint=constraint)
    for result in (own, common):
        assert q(float(result.observed[0, 0])) == pytest.approx(1.959964**2, rel=1e-4)
    assert own.observed[0, 0] > 1.93


def test_warm_starts_and_threads_change_nothing():
    """The same bytes for 1 and 3 workers, the same numbers as cold fits one by one, all converged."""
    sigma = 0.003
    masses = mass_grid(0.5, 0.62, lambda m: sigma)
    lifetimes = np.array([0.1, 1.0, 10.0])
    widths = sigma * np.array([1.0, 1.03, 1.1])[None, :]
    rng = stream(14, "unbinned", "test", 0)
    x = np.concatenate([rng.uniform(0.4, 0.7, 120), rng.normal(0.55, sigma, 8)])
    channel = MassChannel("k", crystal_ball(masses[:, None], widths, 1.5, 3.0, 1.5, 4.0),
                          windows(masses[:, None], sigma, (0.4, 0.7)), data=x, efficiency_error=0.05,
                          expected=Density(np.array([0.4, 0.7]), np.full(2, 400.0)))  # fmt: skip
    result = scan(masses, lifetimes, [channel])
    threads = scan(masses, lifetimes, [channel], workers=3)
    for name in ("observed", "expected", "q0", "parameters", "status"):
        assert getattr(result, name).tobytes() == getattr(threads, name).tobytes()
    assert result.failed == 0 and np.all(result.q0 >= 0.0) and np.all(np.diff(result.expected, axis=-1) > 0.0)
    assert abs(masses[np.argmax(result.q0[:, 0])] - 0.55) < sigma
    i, j = 40, 2
    cold = MassChannel("k", crystal_ball(masses[i], widths[0, j], 1.5, 3.0, 1.5, 4.0),
                       windows(masses[i], sigma, (0.4, 0.7)), Background(degree=int(result.degree[i, 0])), data=x,
                       efficiency_error=0.05, expected=channel.expected)  # fmt: skip
    alone = scan([masses[i]], [lifetimes[j]], [cold])
    np.testing.assert_allclose(alone.observed[0, 0], result.observed[i, j], rtol=1e-6)
    np.testing.assert_allclose(alone.expected[0, 0], result.expected[i, j], rtol=1e-6)
    fits = scan(masses, lifetimes, [channel], limits=False)
    np.testing.assert_allclose(fits.q0, result.q0, atol=1e-7)


def test_expectation_without_data():
    """The bands of the expected background alone, and with data beside it, are the same numbers."""
    density = Density(np.array([LOW, HIGH]), np.array([100.0, 300.0]))
    alone = scan([1.0], [0.0], [one(None, expected=density, background=Background(degree=1))])
    both = scan([1.0], [0.0], [one(events(12, 0), expected=density, background=Background(degree=1))])
    np.testing.assert_allclose(alone.expected, both.expected, rtol=1e-5)
    assert alone.background[0, 0] == pytest.approx(40.0, rel=1e-6)
    assert alone.peak_background[0, 0] == pytest.approx(40.0 * 0.02 / 0.2, rel=1e-6)
    assert alone.n_events[0, 0] == pytest.approx(40.0, rel=1e-9)


def test_selections_serve_their_masses():
    data = [events(50, 0, 6), np.zeros(0)]
    masses = np.array([0.99, 1.0, 1.01])
    channel = MassChannel("k", gaussian(masses[:, None], 0.005), Window(LOW, HIGH), data=data, selection=[0, 1, 0])
    assert scan(masses, [0.0], [channel]).n_events[:, 0].tolist() == [50.0, 0.0, 50.0]


def test_shape_from_simulation_gives_the_limit_of_its_shape():
    z = stream(15, "unbinned", "test", 0).normal(size=400_000)
    x = events(40, 3, 7)
    smooth = fit_window(x, from_simulation(1.0, 0.005, z), Window(LOW, HIGH), Background(degree=0))
    exact = fit_window(x, gaussian(1.0, 0.005), Window(LOW, HIGH), Background(degree=0))
    assert smooth.upper_limit == pytest.approx(exact.upper_limit, rel=0.01)
    assert smooth.expected == pytest.approx(exact.expected, rel=0.01)


def test_interpolated_resolution_keeps_its_integral():
    x = np.linspace(LOW, HIGH, 200_001)
    for make, most in ((lambda s: ("crystal_ball", 1.0, s, *CB[2:]), 2e-4), (lambda s: ("gaussian", 1.0, s), 2e-3)):
        zero, low, high = (
            np.log(np.maximum(signal_density(x, LOW, HIGH, *make(0.005 * math.exp(0.1 * k))), 1e-290))
            for k in (0, -1, 1)
        )
        for eta in (-1.5, -0.5, 0.5, 1.5):
            s = np.exp(zero + 0.5 * eta * (high - low) + 0.5 * eta**2 * (high + low - 2.0 * zero))
            assert np.trapezoid(s, x) == pytest.approx(1.0, abs=most)


BAD = [
    (lambda: one([1.0, float("nan")]), {}, "event 1 has mass nan"),
    (lambda: one(np.ones((2, 2))), {}, "shape"),
    (lambda: one([1.0], per_unit=-0.5), {}, r"efficiency\) = -0.5"),
    (lambda: one([1.0], per_unit=float("nan")), {}, r"efficiency\) = nan"),
    (lambda: one([1.0], efficiency_error=-0.1), {}, "efficiency error = -0.1"),
    (lambda: one([1.0], resolution_error=0.5), {}, "resolution error = 0.5"),
    (lambda: one([1.0], per_unit=np.ones((3, 3))), {}, r"shape \(3, 3\), the scan has 1 masses x 1"),
    (lambda: one(None), {}, "neither data nor"),
    (lambda: replace(one([1.0]), signal=gaussian(2.0, 0.1)), {}, r"peak position \(GeV\) = 2"),
    (lambda: one([1.0], selection=[3]), {}, "numbers from 0 to 0"),
    (lambda: one([np.zeros(2), np.zeros(3)]), {}, "no `selection`"),
    (lambda: one([1.0]), {"cl": 1.5}, "confidence level 1.5"),
    (lambda: one([1.0]), {"common_error": -1.0}, "common error = -1"),
    (lambda: one([1.0]), {"constraint": "flat"}, "constraint 'flat'"),
    (lambda: one([1.0]), {"workers": 0}, "workers = 0"),
]


@pytest.mark.parametrize(("make", "more", "message"), BAD)
def test_bad_input_is_refused(make, more, message):
    with pytest.raises(InputError, match=message):
        scan([1.0], [0.0], [make()], **more)


def test_bad_axes_and_channels_are_refused():
    with pytest.raises(InputError, match="mass 1 = nan"):
        scan([1.0, float("nan")], [0.0], [one([1.0])])
    with pytest.raises(InputError, match="lifetime 0 = -1"):
        scan([1.0], [-1.0], [one([1.0])])
    with pytest.raises(InputError, match="no channels"):
        scan([1.0], [0.0], [])
    with pytest.raises(InputError, match="two channels are called 'k'"):
        scan([1.0], [0.0], [one([1.0]), one([1.0])])
    with pytest.raises(InputError, match="'b' lacks data"):
        scan([1.0], [0.0], [one([1.0]), replace(one(None), name="b")])
    with pytest.raises(InputError, match="family 'spline'"):
        Background("spline")
    with pytest.raises(InputError, match="degree = 7"):
        Background(degree=7)
    with pytest.raises(InputError, match="single one"):
        fit_window([1.0], gaussian([1.0, 1.1], 0.005), Window(LOW, HIGH))


def test_a_hole_over_the_signal_is_a_status_not_a_crash():
    channel = replace(one([1.05]), window=Window(LOW, HIGH, holes=((0.7, 1.3),)))
    result = scan([1.0], [0.0], [channel])
    assert result.failures() == {"holes cover the whole window": 1} and result.failed == 1
