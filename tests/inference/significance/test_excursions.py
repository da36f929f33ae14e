"""Counting upcrossings and Euler characteristics: by hand, against a slow twin, and against random field theory."""

import math

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import ndtr

from tests.inference.significance.fields import line_field, plane_field, rng
from toymc.errors import InputError
from toymc.inference.significance import count_excursions


def pieces_minus_holes(inside):
    """The Euler characteristic from labelled regions: pieces (4 neighbours) less holes (8 neighbours, not outside)."""
    pieces = ndimage.label(inside)[1]
    outside = np.pad(~inside, 1, constant_values=True)
    return pieces - (ndimage.label(outside, np.ones((3, 3)))[1] - 1)


def test_euler_characteristic_equals_pieces_minus_holes():
    """On 200 random fields, four levels each; a point with four faces around it fills no hole, so regions agree."""
    q0 = rng(1).gamma(0.5, 2.0, (200, 12, 7))
    levels = [0.2, 0.5, 1.0, 3.0]
    counts = count_excursions(q0, levels)
    for toy in range(200):
        assert counts[toy].tolist() == [pieces_minus_holes(q0[toy] > u) for u in levels]


def test_upcrossings_equal_a_loop():
    q0 = rng(2).gamma(0.5, 2.0, (100, 50))
    q0[3, 10:13] = np.nan
    stretches = np.repeat([0, 1, 2], [20, 5, 25])
    counts = count_excursions(q0, [0.3, 2.0], stretches)
    for toy in range(100):
        for k, level in enumerate((0.3, 2.0)):
            found = 0
            for label in range(3):
                row = q0[toy, stretches == label]
                row = row[~np.isnan(row)]
                found += int(np.sum((row[:-1] <= level) & (row[1:] > level)))
            assert counts[toy, k] == found


def test_one_lifetime_is_a_line():
    """Euler characteristic = pieces = upcrossings + one if the first point is above."""
    q0 = rng(3).gamma(0.5, 2.0, (100, 40))
    line = count_excursions(q0, [1.0])[:, 0] + (q0[:, 0] > 1.0)
    assert np.array_equal(count_excursions(q0[:, :, None], [1.0])[:, 0], line)


def test_stretches_do_not_touch():
    q0 = np.full((1, 4, 3), 5.0)
    assert count_excursions(q0, [1.0])[0, 0] == 1
    assert count_excursions(q0, [1.0], [0, 0, 1, 1])[0, 0] == 2


def test_failed_points_on_a_grid_are_outside():
    q0 = np.full((1, 3, 3), 5.0)
    q0[0, 1, 1] = np.nan
    assert count_excursions(q0, [1.0])[0, 0] == 0  # a ring


def test_upcrossing_rate_is_that_of_rice():
    """N(u) = L sqrt(lambda2)/(2 pi) exp(-u/2), lambda2 = 1/2; steps of 0.1 of the width lose 0.05 %; 4 sigma."""
    n, step = 600, 0.1
    q0 = line_field(n, step)(rng(4), 1500)
    levels = np.array([0.5, 1.0, 4.0])
    counts = count_excursions(q0, levels)
    rate = (n - 1) * step * math.sqrt(0.5) / (2.0 * math.pi) * np.exp(-0.5 * levels)
    error = counts.std(axis=0, ddof=1) / math.sqrt(1500)
    assert np.all(np.abs(counts.mean(axis=0) - rate) < 4.0 * error + 0.002 * rate)


def test_upcrossings_between_coarse_points_are_lost_as_computed():
    """In steps of half a width: P(Z1 < c < Z2) of a bivariate normal with correlation exp(-1/16); 4 sigma."""
    q0 = line_field(300, 0.5)(rng(5), 3000)
    counts = count_excursions(q0, [1.0])[:, 0]
    rho = math.exp(-1.0 / 16.0)
    x, w = np.polynomial.legendre.leggauss(200)
    z = 4.5 + 3.5 * x  # c = 1 to 8
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    crossing = np.sum(3.5 * w * density * ndtr((1.0 - rho * z) / math.sqrt(1.0 - rho**2)))
    assert abs(counts.mean() - 299 * crossing) < 4.0 * counts.std(ddof=1) / math.sqrt(3000)
    lost = 1.0 - 299 * crossing / (299 * 0.5 * math.sqrt(0.5) / (2.0 * math.pi) * math.exp(-0.5))
    assert 0.005 < lost < 0.02  # what the module text says


def test_euler_characteristic_is_that_of_a_gaussian_field():
    """Adler and Taylor: P(Z > z) + exp(-u/2) [(a + b) sqrt(l2)/2pi + a b l2 (2pi)^-3/2 z] on a rectangle; 4 sigma."""
    n, m, step = 101, 61, 0.15
    q0 = plane_field(n, m, step, step)(rng(6), 600)
    levels = np.array([0.5, 2.5, 4.0, 6.0])
    counts = count_excursions(q0, levels)
    a, b = (n - 1) * step, (m - 1) * step
    n1, n2 = (a + b) * math.sqrt(0.5) / (2.0 * math.pi), a * b * 0.5 / (2.0 * math.pi) ** 1.5
    expected = ndtr(-np.sqrt(levels)) + np.exp(-0.5 * levels) * (n1 + np.sqrt(levels) * n2)
    error = counts.std(axis=0, ddof=1) / math.sqrt(600)
    assert np.all(np.abs(counts.mean(axis=0) - expected) < 4.0 * error + 0.01 * expected)


@pytest.mark.parametrize(
    ("q0", "levels", "stretches", "message"),
    [
        ([1.0, 2.0], [1.0], None, r"shape \(2,\)"),
        ([[]], [1.0], None, "n_masses"),
        ([[1.0, -3.0]], [1.0], None, r"q0\[0, 1\] is -3"),
        ([[1.0, np.inf]], [1.0], None, r"q0\[0, 1\] is inf"),
        ([[1.0, 2.0]], [2.0, 1.0], None, "rising order"),
        ([[1.0, 2.0]], [0.0], None, "positive"),
        ([[1.0, 2.0]], [1.0], [0, 1, 2], "one label per mass"),
        ([[1.0, 2.0]], [1.0], [0.5, 1.0], "whole numbers"),
        ([[1.0, 2.0]], [1.0], [-1, 0], "-1"),
    ],
)
def test_bad_input_is_named(q0, levels, stretches, message):
    with pytest.raises(InputError, match=message):
        count_excursions(q0, levels, stretches)
