"""Global p-values: closed forms, brute force, a real unbinned scan dense and sparse, failures, refusals."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from tests.inference.significance.fields import line_field, plane_field, unbinned_scan
from toymc.errors import InputError
from toymc.inference.significance import (
    background_toys,
    check_asymptotics,
    extrapolate,
    global_significance,
    join_scans,
    local_p_value,
    summarise_toys,
    toy_p_value,
)

MASSES = np.arange(5.0, 55.01, 0.5)


def off_by_sigmas(toys, q0, expected):
    """How far the counted share is from an expected p-value, in binomial standard deviations."""
    p = toy_p_value(toys, q0).p_value
    return (p - expected) / math.sqrt(expected * (1.0 - expected) / toys.n_toys)


def wave(generator, n):
    t = np.linspace(0.0, 2.0 * math.pi, 200, endpoint=False)
    return np.maximum(generator.standard_normal((n, 2)) @ np.array([np.cos(t), np.sin(t)]), 0.0) ** 2


def test_a_wave_has_a_closed_form():
    """Over a whole period the maximum of a cos t + b sin t is its height: p_global = exp(-u/2) exactly; 4 sigma."""
    toys = background_toys(wave, 4000, seed=1)
    for q0 in (6.0, 9.0):
        assert abs(off_by_sigmas(toys, q0, math.exp(-0.5 * q0))) < 4.0
    # on an open line of one period the expectation counts the start besides: P(start) + crossings, above exp(-u/2)
    found = extrapolate(toys).p_value(12.0)
    crossings = math.exp(-6.0)
    assert abs(found.bound - local_p_value(12.0) - crossings) < 4.0 * found.p_error


def test_extrapolation_equals_brute_force_on_a_line():
    """3 and 3.5 sigma local; the extrapolation may be up to 8 % above (points between the grid), 4 sigma."""
    fit = extrapolate(background_toys(line_field(200, 0.5), 600, seed=2))
    toys = background_toys(line_field(200, 0.5), 8000, seed=3)
    for z in (3.0, 3.5):
        found = fit.p_value(z * z)
        assert abs(off_by_sigmas(toys, z * z, 0.96 * found.p_value)) < 4.0 + 0.04 * found.p_value / found.p_error
        assert 0.0 < found.p_error < 0.05 * found.p_value


def test_extrapolation_equals_brute_force_on_a_plane():
    """120 masses, 18 lifetimes that overlap: 3.5 and 4 sigma; coarse grids lose up to 20 % of the excursions."""
    field = plane_field(60, 18, 0.5, 0.35)
    fit = extrapolate(background_toys(field, 800, seed=4))
    toys = background_toys(field, 8000, seed=5)
    for z in (3.0, 3.5):
        found = fit.p_value(z * z)
        low, high = 0.8 * found.p_value, 1.02 * found.p_value
        assert off_by_sigmas(toys, z * z, low) > -4.0 and off_by_sigmas(toys, z * z, high) < 4.0
    n1, n2 = fit.coefficients
    a, b = 59 * 0.5, 17 * 0.35
    assert abs(n1 / ((a + b) * math.sqrt(0.5) / (2.0 * math.pi)) - 1.0) < 0.2
    assert abs(n2 / (a * b * 0.5 / (2.0 * math.pi) ** 1.5) - 1.0) < 0.2


def test_one_hypothesis_has_no_trials():
    toys = background_toys(lambda g, n: np.maximum(g.standard_normal((n, 1)), 0.0) ** 2, 500, seed=6)
    assert extrapolate(toys).p_value(9.0).p_value == pytest.approx(local_p_value(9.0), rel=0.5)
    assert extrapolate(toys).means == (0.0,)
    assert extrapolate(toys).errors == (1.0 / 500,)  # not zero: one crossing in all toys


def test_stretches_and_joined_channels_agree():
    """Two channels in one array with two labels, and joined summaries, give the same numbers."""
    field = line_field(40, 0.5)
    blocks = [np.maximum(field(np.random.Generator(b), 300), 0.0) for b in _bits(2)]
    joined = join_scans([summarise_toys(block) for block in blocks])
    array = summarise_toys(np.concatenate(blocks, axis=1), np.repeat([0, 1], 40))
    for name in ("counts", "maxima", "above", "failed", "stretches"):
        assert np.array_equal(getattr(joined, name), getattr(array, name)), name
    assert np.allclose(joined.shares, array.shares)
    assert joined.n_stretches == array.n_stretches == 2
    assert global_significance(12.0, joined).p_global == pytest.approx(global_significance(12.0, array).p_global)


def _bits(n):
    from toymc.streams import stream

    return [stream(7, "significance", "test", i).bit_generator for i in range(n)]


def test_unbinned_scan_with_enough_events_follows_the_extrapolation():
    """600 events on 60 widths (25 within +-1.25 widths): valid, and brute force agrees at 3 sigma local; 4 sigma."""
    scan = unbinned_scan(600.0, MASSES)
    toys = background_toys(scan, 1500, seed=8)
    fit = extrapolate(toys)
    validity = check_asymptotics(toys, fit)
    assert validity.asymptotic, validity
    found = global_significance(9.0, toys)
    assert found.method == "extrapolation"
    assert abs(off_by_sigmas(toys, 9.0, found.p_global)) < 4.0 + 0.1 * found.p_global / math.sqrt(found.p_global / 1500)
    assert found.trial_factor == pytest.approx(found.p_global / found.p_local)
    # length in widths of the correlation: a scan over 50 sigma has N1 = 50 sqrt(1/2)/(2 pi) = 5.6
    assert fit.coefficients[0] == pytest.approx(50.0 * math.sqrt(0.5) / (2.0 * math.pi), rel=0.15)


@pytest.mark.validate
def test_unbinned_scan_at_four_sigma():
    """40 000 toys of 1200 events: 3, 3.5 and 4 sigma local within 10 % and 4 binomial standard deviations."""
    scan = unbinned_scan(1200.0, MASSES)
    fit = extrapolate(background_toys(scan, 2000, seed=9))
    toys = background_toys(scan, 40_000, seed=10)
    for z in (3.0, 3.5, 4.0):
        p = fit.p_value(z * z).p_value
        assert abs(off_by_sigmas(toys, z * z, p)) < 4.0 + 0.1 * p / math.sqrt(p / 40_000), z


def test_sparse_scan_falls_back_on_toys():
    """One event on 60 widths: q0 is not half a chi2, the extrapolation is refused with its reasons."""
    toys = background_toys(unbinned_scan(1.0, MASSES), 600, seed=11)
    found = global_significance(7.0, toys)
    assert found.method == "toys" and not found.validity.asymptotic and found.validity.reasons
    assert found.p_global == found.toys.p_value
    forced = global_significance(7.0, toys, method="extrapolation")
    assert forced.method == "extrapolation" and forced.p_global == forced.extrapolated.p_value


def test_toys_are_taken_where_they_disagree():
    """Three events: the three checks pass within their tolerance, but at 2.5 sigma the toys are 1.8 times as many."""
    toys = background_toys(unbinned_scan(3.0, MASSES), 2000, seed=15)
    assert check_asymptotics(toys, extrapolate(toys)).asymptotic
    found = global_significance(6.25, toys)
    assert found.method == "toys" and "toys reach" in found.validity.reasons[-1]
    assert global_significance(9.0, toys).method == "extrapolation"


def test_ties_count_as_reached():
    """Zero background: toys that equal the data up to the tolerance of the fit are as extreme as the data."""
    toys = summarise_toys(np.tile([[4.0, 0.0], [4.0 - 1e-7, 0.0], [0.0, 0.0], [0.0, 0.0]], (25, 1)))
    assert toy_p_value(toys, 4.0).p_value == 0.5
    assert global_significance([4.0, 0.0], toys).method == "toys"


def test_clopper_pearson_interval():
    toys = summarise_toys(np.array([[9.0]] * 3 + [[0.0]] * 97))
    found = toy_p_value(toys, 4.0)
    assert (found.p_value, found.n_above) == (0.03, 3)
    # P(X >= 3 | low) = P(X <= 3 | high) = 15.85 %
    tail = [math.comb(100, k) * found.low**k * (1 - found.low) ** (100 - k) for k in range(3)]
    assert 1.0 - sum(tail) == pytest.approx(0.1585, rel=1e-6)
    tail = [math.comb(100, k) * found.high**k * (1 - found.high) ** (100 - k) for k in range(4)]
    assert sum(tail) == pytest.approx(0.1585, rel=1e-6)
    none = toy_p_value(toys, 100.0)
    assert (none.p_value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1.0 - 0.317 ** (1 / 100), rel=1e-6)
    assert math.isnan(global_significance(100.0, toys, method="toys").z_global_error)


def test_failed_fits_are_counted_and_bound_the_answer():
    q0 = np.tile([[9.0, 0.0], [1.0, np.nan], [np.nan, np.nan], [0.0, 0.0]], (10, 1))
    toys = summarise_toys(q0)
    assert toys.failed_share == pytest.approx(3 / 8)
    found = toy_p_value(toys, 5.0)
    assert (found.p_value, found.n_failed, found.worst_case) == (0.25, 20, 0.75)
    assert global_significance(5.0, toys, method="toys").p_global_high >= 0.75


def test_blocks_do_not_depend_on_the_number_of_toys():
    field = line_field(10, 0.5)
    few, many = background_toys(field, 40, seed=12), background_toys(field, 100, seed=12)
    assert np.array_equal(few.maxima, many.maxima[:40])
    assert not np.array_equal(few.maxima, background_toys(field, 40, seed=13).maxima)


def test_the_largest_excess_is_found():
    toys = background_toys(plane_field(10, 5, 0.5, 0.5), 200, seed=14)
    observed = np.zeros((10, 5))
    observed[7, 2], observed[0, 0] = 16.0, np.nan
    found = global_significance(observed, toys)
    assert found.index == (7, 2) and found.z_local == pytest.approx(4.0)
    assert found.p_local == pytest.approx(ndtr(-4.0))
    answer = found.to_dict()
    assert answer["counts"]["levels"] == [0.5, 2.5] and answer["toys"]["n_toys"] == 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: global_significance([1.0, 2.0], t), r"\(2,\) hypotheses, the toys \(3,\)"),
        (lambda t: global_significance(-1.0, t), "-1"),
        (lambda t: global_significance([math.nan] * 3, t), "every fit"),
        (lambda t: global_significance(1.0, t, method="guess"), "'guess'"),
        (lambda t: global_significance(1.0, t, levels=(1.0, 2.5)), "1 axes needs 1"),
        (lambda t: global_significance(1.0, t, levels=(7.0,)), "level 7"),
        (lambda t: t + summarise_toys(np.zeros((2, 4))), r"\(3,\) and \(4,\)"),
        (lambda t: join_scans([t, summarise_toys(np.zeros((5, 3)))]), "same number of toys"),
        (lambda t: join_scans([]), "at least one"),
        (lambda t: background_toys(lambda g, n: np.zeros((3, 3)), 10, 1), r"shape \(3, 3\) for 32"),
        (lambda t: background_toys(lambda g, n: np.zeros((n, 3)), 1, 1), "1 toys"),
        (lambda t: check_asymptotics(summarise_toys(np.zeros((4, 3)), levels=[1.0]), extrapolate(t)), "4 too"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call(summarise_toys(np.zeros((4, 3))))
