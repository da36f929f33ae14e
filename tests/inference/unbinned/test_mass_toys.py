"""Limits and p-values from toys: exact numbers without background, asymptotic ones with much of it, addresses."""

import math
from dataclasses import replace

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference.unbinned import (
    Background,
    Density,
    MassChannel,
    MassToyTest,
    Window,
    crystal_ball,
    scan,
    toy_limits,
)

LOW, HIGH = 0.9, 1.1


def channel(events, data=(), **more):
    density = Density(np.array([LOW, HIGH]), np.full(2, events / (HIGH - LOW)))
    shape = crystal_ball(1.0, 0.005, 1.5, 2.5, 1.7, 4.0)
    return MassChannel("k", shape, Window(LOW, HIGH), Background(degree=0), data=list(data), expected=density, **more)


def test_without_background_1_92_becomes_3_00():
    """Asymptotic 1.92 events, exact -ln 0.05 = 2.996 for every band; the difference that the documentation names."""
    c = channel(1e-4)
    result = scan([1.0], [0.0], [c])
    limit = toy_limits(result, [c], [(0, 0)], n_toys=10_000, seed=3)[0]
    assert result.observed[0, 0] == pytest.approx(1.9207, rel=1e-4)
    assert result.expected[0, 0, 2] == pytest.approx(1.9207, rel=1e-3)
    assert limit.failed_share == 0.0 and limit.p0.value == 1.0
    for found in (limit.observed, *limit.expected):
        assert abs(found.value - math.log(20.0)) < 4.0 * found.error + 0.01
        assert found.error < 0.06


def test_efficiency_error_without_background():
    """P(no event | mu) = E[exp(-mu k(eta))] over the generated eta = 0: -ln 0.05 again, q~ is still a tie."""
    c = channel(1e-4, efficiency_error=0.1)
    limit = toy_limits(scan([1.0], [0.0], [c]), [c], [(0, 0)], n_toys=5000, seed=4)[0]
    assert 2.95 < limit.observed.value + 4.0 * limit.observed.error and limit.observed.value < 3.3


def test_with_much_background_the_two_agree():
    """30 events under the peak (+- 2 sigma): bands within four errors and 4 %."""
    c = channel(300.0, data=np.linspace(LOW, HIGH, 300))
    result = scan([1.0], [0.0], [c])
    limit = toy_limits(result, [c], [(0, 0)], n_toys=1000, seed=5)[0]
    for k in (1, 2, 3):
        toys = limit.expected[k]
        assert abs(toys.value - result.expected[0, 0, k]) < 4.0 * toys.error + 0.04 * toys.value
    assert abs(limit.p0.value - result.p0[0, 0]) < 5.0 * limit.p0.error + 0.03 or result.q0[0, 0] == 0.0


def test_a_toy_is_its_address():
    """The same numbers for one and two threads, and a toy fitted alone gives its own statistic again."""
    c = channel(6.0, data=[0.95, 1.0, 1.002], efficiency_error=0.1)
    result = scan([1.0], [0.0], [c])
    one, two = (toy_limits(result, [c], [(0, 0)], n_toys=1500, seed=6, workers=w)[0] for w in (1, 2))
    assert one == two
    test = MassToyTest(result, [c], (0, 0), 1500, 6, "data")
    point = test.at(4.0)
    for index in (0, 1023, 1024, 1499):
        for ensemble, signal in ((point.signal, True), (point.background, False)):
            masses, q, status = test.rerun(index, 4.0, signal=signal)
            assert status == "converged" and q == ensemble.statistic[index]
            assert np.all((masses >= LOW) & (masses <= HIGH))


def test_toys_are_thrown_as_they_should_be():
    """Counts and their mean position: Poisson yields, signal on the peak (5 sigma, 3000 toys)."""
    c = channel(6.0, data=np.linspace(LOW, HIGH, 7))
    test = MassToyTest(scan([1.0], [0.0], [c]), [c], (0, 0), 3000, 7, "expected")
    theta = test._conditional(0.0)
    blocks = [test._throw(theta, 5.0, "name", b) for b in range(3)]
    counts = np.concatenate([np.diff(places) for _, places, _ in blocks])
    assert abs(counts.mean() - 11.0) < 5.0 * math.sqrt(11.0 / 3000)
    assert abs(counts.var() / 11.0 - 1.0) < 5.0 * math.sqrt(2.0 / 3000 + 1.0 / (11.0 * 3000))
    x = np.concatenate([m for m, _, _ in blocks])
    near = np.mean(np.abs(x - 1.0) < 0.0075) * 11.0  # within a_low = 1.5 sigma: 86 % x core of the shape
    inside = float(np.trapezoid(c.signal.density(np.linspace(0.9925, 1.0075, 3001), LOW, HIGH), dx=5e-6))
    assert abs(near - (5.0 * inside + 6.0 * 0.015 / 0.2)) < 5.0 * math.sqrt(11.0 / 3000)


def test_two_channels_and_a_hole():
    """Toys know channels and vetoes: no background in either, combined limit 3.00/(k1 + k2)."""
    first = channel(1e-4, per_unit=2.0)
    second = replace(channel(1e-4, per_unit=1.0), name="b", window=Window(LOW, HIGH, holes=((0.94, 0.96),)))
    result = scan([1.0], [0.0], [first, second])
    limit = toy_limits(result, [first, second], [(0, 0)], n_toys=4000, seed=8)[0]
    assert abs(limit.observed.value - math.log(20.0) / 3.0) < 4.0 * limit.observed.error + 0.005


def test_bad_requests_are_refused():
    c = channel(1.0)
    result = scan([1.0], [0.0], [c])
    with pytest.raises(InputError, match="100 or more"):
        toy_limits(result, [c], [(0, 0)], n_toys=10)
    with pytest.raises(InputError, match="outside the scan of 1 x 1"):
        toy_limits(result, [c], [(1, 0)])
    with pytest.raises(InputError, match="no asymptotic limit"):
        blind = replace(c, per_unit=0.0)
        toy_limits(scan([1.0], [0.0], [blind]), [blind], [(0, 0)])
