"""Signal shapes against numba-stats and scipy, their integrals, and what is refused."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import wofz

from tests.inference.unbinned.slow_twin import signal_density
from toymc.errors import InputError
from toymc.inference.unbinned import crystal_ball, from_simulation, gaussian, voigt
from toymc.inference.unbinned.shapes import N_TABLE, TEMPLATE, Z_MAX, SignalShape, _shape_integral, _voigt
from toymc.kernels import kernel
from toymc.streams import stream

LOW, HIGH = 0.9, 1.1
X = np.linspace(LOW, HIGH, 2001)


@pytest.mark.parametrize(
    "p",
    [
        (1.0, 0.005, 1.5, 3.0, 1.7, 4.0),
        (0.91, 0.005, 0.5, 1.2, 2.5, 60.0),  # cut by the window on the left
        (1.0, 0.03, 1.0, 1.1, 1.0, 20.0),  # wide tails cut on both sides
        (1.08, 0.002, 3.0, 2.0, 0.3, 8.0),
    ],
)
def test_crystal_ball_against_numba_stats(p):
    ours = crystal_ball(*p).density(X, LOW, HIGH)
    np.testing.assert_allclose(ours, signal_density(X, LOW, HIGH, "crystal_ball", *p), rtol=1e-9)


@pytest.mark.parametrize("n", [0.5, 1.0, 1.0 + 1e-10, 3.0, 1e6])
@pytest.mark.parametrize("alpha", [0.1, 2.0, 30.0])
def test_crystal_ball_integral_is_safe_where_the_usual_form_is_not(n, alpha):
    """n <= 1 (not normalisable on the line), n = 1 (logarithm), huge n and alpha (overflow of (n/a)^n)."""
    shape = crystal_ball(1.0, 0.005, alpha, n, 2.0, 3.0)
    total = sum(
        quad(lambda x: float(shape.density([x], LOW, HIGH)[0]), a, b, epsabs=1e-12, epsrel=1e-10, limit=200)[0]
        for a, b in (
            (LOW, 0.97),
            (0.97, 1.0 - 0.005 * min(alpha, 5.9)),
            (1.0 - 0.005 * min(alpha, 5.9), 1.01),
            (1.01, HIGH),
        )
    )
    assert total == pytest.approx(1.0, abs=1e-8)


def test_large_n_is_the_exponential_tail():
    density = crystal_ball(1.0, 0.005, 1.5, 1e9, 1.5, 1e9).density(X, LOW, HIGH)
    z = (X - 1.0) / 0.005
    tail = np.where(np.abs(z) < 1.5, -0.5 * z**2, -0.5 * 1.5**2 - 1.5 * (np.abs(z) - 1.5))
    np.testing.assert_allclose(density / density[1000], np.exp(tail), rtol=1e-6)


@kernel
def _many(x, y):
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = _voigt(x[i], y)
    return out


@pytest.mark.parametrize("y", [1e-4, 0.1, 1.0, 30.0])
def test_faddeeva(y):
    x = np.concatenate([np.linspace(0.0, 6.0, 301), np.geomspace(6.0, 1e4, 50)])
    assert np.abs(_many(x, y) - wofz(x + 1j * y).real).max() < 3e-12


@pytest.mark.parametrize(("sigma", "width"), [(0.005, 0.002), (0.002, 0.02), (0.005, 1e-6)])
def test_voigt_against_numba_stats(sigma, width):
    ours = voigt(1.0, sigma, width).density(X, LOW, HIGH)
    np.testing.assert_allclose(ours, signal_density(X, LOW, HIGH, "voigt", 1.0, sigma, width), rtol=1e-6, atol=1e-8)


def test_gaussian_and_narrow_voigt_and_soft_crystal_ball_are_one():
    g = gaussian(1.0, 0.005).density(X, LOW, HIGH)
    np.testing.assert_allclose(g, signal_density(X, LOW, HIGH, "gaussian", 1.0, 0.005), rtol=1e-9, atol=1e-250)
    np.testing.assert_allclose(crystal_ball(1.0, 0.005, 30, 2, 30, 2).density(X, LOW, HIGH), g, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(voigt(1.0, 0.005, 1e-9).density(X, LOW, HIGH), g, rtol=1e-5, atol=1e-5)


def test_shape_from_simulation():
    """A Gaussian and its weighted copy come back; Silverman's kernel (0.9 n^-0.2) widens it by 0.3 %."""
    rng = stream(5, "unbinned", "test", 0)
    z = rng.normal(size=200_000)
    shape = from_simulation(1.0, 0.005, z)
    truth = signal_density(X, LOW, HIGH, "gaussian", 1.0, 0.005)
    assert np.abs(shape.density(X, LOW, HIGH) - truth).max() < 0.02 * truth.max()
    wide = from_simulation(1.0, 0.005, 2.0 * z, weights=np.exp(-0.5 * z**2 * 3.0))  # weights make it a unit Gaussian
    assert np.abs(wide.density(X, LOW, HIGH) - truth).max() < 0.03 * truth.max()
    assert np.trapezoid(shape.density(X, LOW, HIGH), X) == pytest.approx(1.0, abs=1e-4)


def test_table_integral_is_exact_for_its_straight_pieces():
    rng = stream(6, "unbinned", "test", 0)
    table = rng.random((1, N_TABLE))
    shape = SignalShape(TEMPLATE, np.array([1.0, 0.005, 0.0, 0.0, 0.0, 0.0]), table)
    z = np.linspace(-Z_MAX, Z_MAX, N_TABLE)
    fine = np.linspace(0.961234, 1.0512, 2_000_001)
    expected = np.trapezoid(np.interp((fine - 1.0) / 0.005, z, table[0]), fine)

    assert _integral(shape, 0.961234, 1.0512) == pytest.approx(expected, rel=1e-6)


@kernel
def _call(code, p, tables, low, high):
    return _shape_integral(code, p, 1.0, tables, low, high)


def _integral(shape, low, high):
    return _call(shape.code, shape.parameters, shape.tables, low, high)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: crystal_ball(1.0, 0.0, 1.5, 3, 1.5, 3), "sigma = 0"),
        (lambda: crystal_ball(1.0, [0.1, -2.0], 1.5, 3, 1.5, 3), r"sigma = -2 at hypothesis \(1,\)"),
        (lambda: crystal_ball(float("nan"), 0.1, 1.5, 3, 1.5, 3), "mean = nan"),
        (lambda: crystal_ball(1.0, 0.1, 1.5, 0.0, 1.5, 3), "n_low = 0"),
        (lambda: crystal_ball(1.0, 0.1, 1.5, 3, -1.0, 3), "alpha_high = -1"),
        (lambda: gaussian(1.0, float("inf")), "sigma = inf"),
        (lambda: voigt(1.0, 0.1, 0.0), "half_width = 0"),
        (lambda: from_simulation(1.0, 0.1, [0.0, float("nan")]), "finite"),
        (lambda: from_simulation(1.0, 0.1, np.zeros(10)), "10.0 effective events"),
        (lambda: from_simulation(1.0, 0.1, np.zeros(100), np.ones(3)), "one weight per event"),
        (lambda: gaussian([1.0, 2.0], 0.1).density([1.0], 0.0, 2.0), "single"),
    ],
)
def test_bad_shapes_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
