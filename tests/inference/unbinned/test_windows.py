"""Reduced mass, grids, windows and expected densities."""

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference.unbinned import Density, Window, mass_grid, reduced_mass, windows
from toymc.streams import stream


def test_reduced_mass():
    np.testing.assert_allclose(reduced_mass([0.2, 0.25, 1.0], 0.1), [0.0, 0.15, np.sqrt(0.96)])
    assert reduced_mass(0.19, 0.1) == 0.0  # below threshold by resolution


def test_grid_has_half_sigma_steps():
    grid = mass_grid(0.03, 4.78, lambda m: 0.0015 + 0.0018 * m)
    steps = np.diff(grid) / (0.0015 + 0.0018 * grid[:-1])
    np.testing.assert_allclose(steps, 0.5)
    assert grid[0] == 0.03 and 4.78 - grid[-1] < 0.006


def test_windows_are_cut_at_the_range():
    window = windows(np.array([0.02, 2.0, 4.79]), 0.005, (0.0, 4.8), half_width=10.0)
    np.testing.assert_allclose(window.low, [0.0, 1.95, 4.74])
    np.testing.assert_allclose(window.high, [0.07, 2.05, 4.8])


def test_density_draws_what_it_says():
    """Two slopes, 1e5 expected events: each of 20 bins within five standard deviations."""
    density = Density(np.array([0.0, 1.0, 3.0]), np.array([0.0, 5e4, 2.5e4]))
    assert density.events(0.0, 3.0) == pytest.approx(1e5)
    assert density.events(0.5, 1.5) == pytest.approx(0.375 * 5e4 + 0.5 * (5e4 + 4.375e4) * 0.5)
    x = density.draw(stream(3, "unbinned", "test", 0))
    edges = np.linspace(0.0, 3.0, 21)
    expected = np.array([density.events(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)])
    assert np.all(np.diff(x) >= 0.0)
    assert np.all(np.abs(np.histogram(x, edges)[0] - expected) < 5.0 * np.sqrt(expected))
    assert Density(np.array([0.0, 1.0]), np.zeros(2)).draw(stream(3, "unbinned", "test", 1)).size == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: reduced_mass([1.0, float("nan")], 0.1), "mass = nan"),
        (lambda: reduced_mass(-1.0, 0.1), "mass = -1"),
        (lambda: reduced_mass(1.0, -0.1), "daughter mass = -0.1"),
        (lambda: mass_grid(2.0, 1.0, lambda m: 0.1), "ascending"),
        (lambda: mass_grid(1.0, 2.0, lambda m: 0.0), "sigma = 0 at 1 GeV"),
        (lambda: mass_grid(1.0, 2.0, lambda m: 1e-9), "million|1000000"),
        (lambda: mass_grid(1.0, 2.0, lambda m: 0.1, step=-1.0), "step = -1"),
        (lambda: windows([1.0, 5.0], 0.005, (0.0, 4.8)), "mass = 5 GeV; it must be between 0 and 4.8"),
        (lambda: windows(1.0, 0.0, (0.0, 4.8)), "sigma = 0"),
        (lambda: windows(1.0, 0.1, (0.0, 4.8), half_width=1.0), "half width = 1"),
        (lambda: Window(np.array(1.0), np.array(0.5)), "from 1 to 0.5"),
        (lambda: Window(np.array(0.0), np.array(1.0), ((0.4, 0.6), (0.5, 0.7))), "hole from 0.5 to 0.7"),
        (lambda: Density(np.array([0.0, 1.0]), np.array([1.0, -2.0])), "-2 per GeV at 1 GeV"),
        (lambda: Density(np.array([1.0, 0.0]), np.ones(2)), "ascending"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
