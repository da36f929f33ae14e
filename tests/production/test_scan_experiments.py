"""Intervals of fitted yields and what makes the width of a mass peak."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import brentq

from tests.production import scan_probe
from toymc.errors import InputError
from toymc.production.compute import RunOptions
from toymc.production.scan.experiments import counting_interval
from toymc.production.scan.resolution import PARTS, peak_width, width_estimators

OPTIONS = RunOptions(None, 1, 0.1, 1, "local", None, "all")
CHANNEL = scan_probe.FULL.channels[0]


@pytest.mark.parametrize(("n", "b"), [(1, 0.2), (4, 0.0), (4, 3.5), (30, 2.0), (400, 100.0)])
def test_interval_of_a_count(n, b):
    """Where ln L of n counts over b falls by 1/2, found by bisection."""

    def fall(s):
        mu = s + b
        return mu - n - n * np.log(mu / n) - 0.5

    low, high = counting_interval(np.array([n - b]), np.array([np.sqrt(n)]))
    assert low[0] == pytest.approx(brentq(fall, 1e-9 - b, n - b), rel=1e-9, abs=1e-9)
    assert high[0] == pytest.approx(brentq(fall, n - b, 3.0 * n + 10.0), rel=1e-9)


def test_interval_of_many_events_is_symmetric():
    low, high = counting_interval(np.array([1e6, 0.0]), np.array([1e3, 0.0]))
    assert 1e6 - low[0] == pytest.approx(1e3, rel=1e-3) and high[0] - 1e6 == pytest.approx(1e3, rel=1e-3)
    # a fit without events has an interval that holds its value
    assert low[1] <= 0.0 < high[1]


@pytest.fixture(scope="module")
def near_threshold():
    return peak_width(scan_probe.FULL, CHANNEL, 0.3, 1.0, OPTIONS)


def test_directions_rule_near_the_threshold(near_threshold):
    """Lengths and directions are measured independently, so their widths add in squares (5 % of statistics each)."""
    (all_of_it, error), (lengths, _), (directions, _) = (near_threshold.sigma(k) for k in range(len(PARTS)))
    assert all_of_it == pytest.approx(np.hypot(lengths, directions), abs=4 * error)
    assert directions > 2.5 * lengths
    # opening angles to some 2 mrad, p1 p2 t/M = 1.3^2 0.15/0.3 GeV
    assert 0.0008 < directions < 0.0025


def test_rows_of_the_width(near_threshold):
    rows = width_estimators(CHANNEL, [near_threshold])
    assert [row.name for row in rows] == [f"mass resolution (MeV), measured: {part}" for part in PARTS]
    assert all(row.parameters == {"channel": "kplus_mumu", "mass_GeV": 0.3, "ctau_cm": 1.0} for row in rows)
    assert all(0.0 < row.error < 0.2 * row.value for row in rows)


def test_masses_out_of_reach_are_refused():
    with pytest.raises(InputError):
        peak_width(dataclasses.replace(scan_probe.FULL), CHANNEL, 5.5, 1.0, OPTIONS)
