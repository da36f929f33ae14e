"""Counting experiments against published numbers: Feldman-Cousins tables, the on/off problem, a limit of Belle II."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

from toymc.inference.counting import (
    Asymmetric,
    CountingChannel,
    CountingModel,
    Gaussian,
    Known,
    Sideband,
    counting_limit,
    discovery,
    model_limit,
    on_off,
)

# Feldman and Cousins, Phys. Rev. D 57 (1998) 3873, Table IV (90 % CL), rows n = 0..10. The b = 0 column and the entries
# (0, 0.5), (0, 1), (0, 2) to (0, 5), (1, 4), (1, 5) as quoted in public test suites [R], the others remembered [M].
BACKGROUNDS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
TABLE = """
0.00,2.44 0.00,1.94 0.00,1.61 0.00,1.33 0.00,1.26 0.00,1.18 0.00,1.08 0.00,1.06 0.00,1.01 0.00,0.98
0.11,4.36 0.00,3.86 0.00,3.36 0.00,2.91 0.00,2.53 0.00,2.19 0.00,1.88 0.00,1.59 0.00,1.39 0.00,1.22
0.53,5.91 0.03,5.41 0.00,4.91 0.00,4.41 0.00,3.91 0.00,3.45 0.00,3.04 0.00,2.67 0.00,2.33 0.00,1.73
1.10,7.42 0.60,6.92 0.10,6.42 0.00,5.92 0.00,5.42 0.00,4.92 0.00,4.42 0.00,3.95 0.00,3.53 0.00,2.78
1.47,8.60 1.17,8.10 0.74,7.60 0.24,7.10 0.00,6.60 0.00,6.10 0.00,5.60 0.00,5.10 0.00,4.60 0.00,3.60
1.84,9.99 1.53,9.49 1.25,8.99 0.93,8.49 0.43,7.99 0.00,7.49 0.00,6.99 0.00,6.49 0.00,5.99 0.00,4.99
2.21,11.47 1.90,10.97 1.61,10.47 1.33,9.97 1.08,9.47 0.65,8.97 0.15,8.47 0.00,7.97 0.00,7.47 0.00,6.47
3.56,12.53 3.06,12.03 2.56,11.53 2.09,11.03 1.59,10.53 1.18,10.03 0.89,9.53 0.39,9.03 0.00,8.53 0.00,7.53
3.96,13.99 3.46,13.49 2.96,12.99 2.51,12.49 2.14,11.99 1.81,11.49 1.51,10.99 1.06,10.49 0.66,9.99 0.00,8.99
4.36,15.30 3.86,14.80 3.36,14.30 2.91,13.80 2.53,13.30 2.19,12.80 1.88,12.30 1.59,11.80 1.33,11.30 0.43,10.30
5.50,16.50 5.00,16.00 4.50,15.50 4.00,15.00 3.50,14.50 3.04,14.00 2.63,13.50 2.27,13.00 1.94,12.50 1.19,11.50
"""
ENTRIES = [
    (n, b, *map(float, cell.split(",")))
    for n, row in enumerate(TABLE.split("\n")[1:-1])
    for b, cell in zip(BACKGROUNDS, row.split(), strict=True)
]
# where the raw construction rises again with b, and the published end is the largest of all larger b (sec. IV.B)
LIFTED = {(0, 2.0): 1.26, (0, 3.0): 1.08, (0, 4.0): 1.01, (0, 5.0): 0.98, (1, 4.0): 1.39, (1, 5.0): 1.22}


def unified(n, b, cl=0.9):
    limit = model_limit(CountingModel([CountingChannel("sr", n, Known(b))]), cl, "fc", bands=False)
    return limit.lower_limit, limit.upper_limit


@pytest.mark.parametrize(("n", "b", "lower", "upper"), ENTRIES)
def test_feldman_cousins_table(n, b, lower, upper):
    got = unified(n, b)
    assert got[0] == pytest.approx(lower, abs=0.0101)
    if (n, b) not in LIFTED:
        assert got[1] == pytest.approx(upper, abs=0.0101)


@pytest.mark.parametrize(("n", "b", "window"), [(0, 2.0, (2.33, 2.36)), (0, 4.0, (4.36, 4.39)), (1, 4.0, (4.6, 4.64))])
def test_lifted_entries_are_the_largest_end_at_larger_background(n, b, window):
    """The end jumps up where another count enters the region; the windows hold the largest end at b' > b."""
    ends = [unified(n, x)[1] for x in np.arange(*window, 0.004)]
    assert unified(n, b)[1] < max(ends) - 0.04
    assert max(ends) == pytest.approx(LIFTED[n, b], abs=0.0101)


# Cousins, Linnemann and Tucker, NIM A 595 (2008) 480 (arXiv:physics/0702156v4), Table 1: n_on, n_off, tau, Z_Bi, Z_PL,
# as in the public tests of another statistics package [R]
ON_OFF = [
    (4, 5, 5.0, 1.66, 1.95), (6, 18.78, 14.44, 2.63, 2.82), (9, 17.83, 4.69, 1.82, 1.99),
    (17, 40.11, 10.56, 4.46, 4.57), (50, 55, 2.0, 2.93, 3.02), (67, 15, 0.5, 2.89, 3.04), (200, 10, 0.1, 2.20, 2.38),
    (523, 2327, 5.99, 5.93, 5.95), (498426, 493434, 1.0, 5.01, 5.01), (2119449, 23650096, 11.21, 6.40, 6.40),
]  # fmt: skip


@pytest.mark.parametrize(("n_on", "n_off", "tau", "z_bi", "z_pl"), ON_OFF)
def test_on_off_problem(n_on, n_off, tau, z_bi, z_pl):
    result = on_off(n_on, n_off, tau)
    assert result.z_binomial == pytest.approx(z_bi, abs=0.0051)
    assert result.z_profile == pytest.approx(z_pl, abs=0.0051)


def test_on_off_by_hand():
    """p = sum of the binomial tail for fixed n_on + n_off."""
    n_on, n_off, tau = 4, 5, 5.0
    rho, total = 1.0 / (1.0 + tau), n_on + n_off
    tail = sum(math.comb(total, k) * rho**k * (1.0 - rho) ** (total - k) for k in range(n_on, total + 1))
    assert on_off(n_on, n_off, tau).p_value == pytest.approx(tail, rel=1e-12)
    model = CountingModel([CountingChannel("on", n_on, Sideband(n_off, tau))])
    assert discovery(model).p_value == pytest.approx(tail, rel=1e-12)


def test_tau_to_e_phi():
    """arXiv:2305.04759 [S]: n = 2, b = 0.23 +0.55 -0.21, 190/fb, efficiency (6.1 +- 0.9) %: 90 % CLs limit 2.3e-7.

    Any constraint of that size will do; with the asymmetric one it is 2.33e-7.
    """
    taus = 2.0 * 190.0 * 0.919e6
    backgrounds = (Gaussian(0.23, 0.38), Gaussian(0.23, 0.55), Asymmetric(0.23, 0.55, 0.21), Sideband(1, 1 / 0.23))
    for background in backgrounds:
        model = CountingModel([CountingChannel("e phi", 2, background, taus * 0.061, 0.9 / 6.1)])
        assert model_limit(model, 0.9).upper_limit == pytest.approx(2.3e-7, rel=0.06)


@pytest.mark.parametrize(("cl", "z"), [(0.9, 1.2816), (0.95, 1.6449), (0.975, 1.95996)])
def test_gaussian_limits(cl, z):
    """Large counts: CLs+b is z sigma above the best fit; CLs at n = b is Phi^-1(1 - alpha/2) sigma."""
    n = 90_000
    limit = model_limit(CountingModel([CountingChannel("sr", n, Known(40_000.0))]), cl, "clsb", bands=False)
    assert (limit.upper_limit - 50_000.0) / 300.0 == pytest.approx(z, rel=0.01)
    cls = counting_limit(40_000, 40_000.0, cl=2 * cl - 1).upper_limit
    assert cls / 200.0 == pytest.approx(z, rel=0.01)


def test_gaussian_intervals():
    """Far from zero the unified interval is central, +-1.645 sigma (90 %), up to one count in 66."""
    lower, upper = unified(400, 100.0)
    assert (upper - lower) / 2.0 == pytest.approx(1.6449 * 20.0, abs=0.5)


def test_classical_limits_without_background():
    """P(N <= n | mu) = 1 - CL: the chi-squared quantiles."""
    from scipy.stats import chi2

    for n in range(8):
        limit = counting_limit(n, 0.0, cl=0.9, method="clsb").upper_limit
        assert limit == pytest.approx(0.5 * chi2.ppf(0.9, 2 * n + 2), rel=1e-9)
        assert poisson.cdf(n, limit) == pytest.approx(0.1, rel=1e-9)


def test_classical_limit_is_zero_where_the_data_are_unlikely_without_signal():
    assert counting_limit(0, 3.0, cl=0.9, method="clsb").upper_limit == 0.0
    assert counting_limit(0, 2.0, cl=0.9, method="clsb").upper_limit == pytest.approx(-math.log(0.1) - 2.0)
