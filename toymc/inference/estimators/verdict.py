"""The verdict on an estimator: inside its tolerance, outside, or not decided by this many experiments.

A quantity x +- e with target t and tolerance T is `inside` where |x - t| + z e < T, `outside` where |x - t| - z e > T,
and `undecided` between, with z = Phi^-1(probability): a quantity that in truth sits on the edge of the tolerance is
called inside, or outside, with at most 1 - probability (two one-sided tests, D. Schuirmann, J. Pharmacokinet. Biopharm.
15 (1987) 657). So a good estimator is not condemned by few experiments and a bad one not saved by them; the number of
experiments that would decide is given. Failures count at their worst: with them, x is a range, and it must lie inside
with both ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from toymc.errors import InputError
from toymc.inference.estimators.summary import ONE_SIGMA, Line, Summary

INSIDE, OUTSIDE, UNDECIDED = "inside", "outside", "undecided"


@dataclass(frozen=True)
class Tolerances:
    """How far from perfect an estimator may be.

    Attributes
    ----------
    bias : float
        In units of the spread of the estimates: 0.1 adds half a per cent to the error in quadrature and takes 0.2 % off
        the coverage of one standard deviation.
    pull_width : float
        Distance from 1: 5 % is the precision at which errors are quoted (two digits).
    coverage : float
        Distance from the stated level: 0.024 is what a pull width of 1.05 does to 68.27 %.
    slope : float
        Distance from 1.
    failed : float
        Share of failed experiments.
    probability : float
        Of each one-sided test.

    Raises
    ------
    InputError
        At construction: a tolerance that is not positive, a probability outside (0.5, 1).
    """

    bias: float = 0.1
    pull_width: float = 0.05
    coverage: float = 0.025
    slope: float = 0.05
    failed: float = 0.01
    probability: float = 0.95

    def __post_init__(self) -> None:
        for name in ("bias", "pull_width", "coverage", "slope", "failed"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise InputError(f"tolerance of {name} is {getattr(self, name):g}: give a positive number")
        if not 0.5 < self.probability < 1.0:
            raise InputError(f"probability {self.probability:g}: give a number between 0.5 and 1")


@dataclass(frozen=True)
class Check:
    """One quantity against its tolerance.

    Attributes
    ----------
    quantity : str
    truth : float or None
        The true value it was measured at; None for the slope.
    low, high : float
        The quantity with failures at their worst on either side; equal without failures.
    error, target, tolerance : float
    verdict : str
        "inside", "outside" or "undecided".
    experiments : int or None
        Experiments that would decide, if the quantity stays where it is; None if it is decided or no number would do.
    """

    quantity: str
    truth: float | None
    low: float
    high: float
    error: float
    target: float
    tolerance: float
    verdict: str
    experiments: int | None


def check(
    quantity: str,
    low: float,
    high: float,
    error: float,
    target: float,
    tolerance: float,
    probability: float,
    experiments: int,
    truth: float | None = None,
) -> Check:
    """Compare a quantity with its target.

    Parameters
    ----------
    quantity : str
    low, high, error : float
        Range of the quantity (see `Check`) and its statistical error.
    target, tolerance, probability : float
    experiments : int
        That the error comes from.
    truth : float, optional

    Returns
    -------
    Check

    Examples
    --------
    >>> check("bias", 0.02, 0.02, 0.01, 0.0, 0.1, 0.95, 1000).verdict
    'inside'
    >>> check("bias", 0.09, 0.09, 0.02, 0.0, 0.1, 0.95, 1000).verdict
    'undecided'
    """
    z = float(ndtri(probability))
    farthest = max(abs(low - target), abs(high - target))
    nearest = 0.0 if low <= target <= high else min(abs(low - target), abs(high - target))
    if farthest + z * error < tolerance:
        verdict = INSIDE
    elif nearest - z * error > tolerance:
        verdict = OUTSIDE
    else:
        verdict = UNDECIDED
    gap = max(tolerance - farthest, nearest - tolerance)
    needed = None
    if verdict == UNDECIDED and gap > 0.0:
        needed = math.ceil(experiments * (z * error / gap) ** 2)
    return Check(quantity, truth, low, high, error, target, tolerance, verdict, needed)


def check_summary(point: Summary, cl: float, tolerances: Tolerances) -> list[Check]:
    """The checks at one true value: bias, pull width, coverage, failures."""
    unit, t, n = point.spread.value or 1.0, tolerances, point.experiments
    share = point.failed_share
    rows = (
        ("bias / spread", point.bias_range, point.total_bias_error / unit, 0.0, t.bias, unit),
        ("pull width", (point.pull_width.value,) * 2, point.pull_width.error, 1.0, t.pull_width, 1.0),
        ("coverage", point.coverage_range, point.total_coverage_error, cl, t.coverage, 1.0),
        ("failed share", (share, share), math.sqrt(share * (1.0 - share) / n), 0.0, t.failed, 1.0),
    )
    return [
        check(name, low / scale, high / scale, error, target, tolerance, t.probability, n, point.truth)
        for name, (low, high), error, target, tolerance, scale in rows
    ]


def check_line(line: Line | None, experiments: int, tolerances: Tolerances) -> list[Check]:
    """The check of the slope against one."""
    if line is None:
        return []
    slope = line.slope
    return [check("slope", slope.value, slope.value, slope.error, 1.0, tolerances.slope, tolerances.probability,
                  experiments)]  # fmt: skip


def overall(checks: list[Check]) -> str:
    """One word for many checks: outside if one is, else undecided if one is, else inside.

    Examples
    --------
    >>> overall([check("slope", 1.0, 1.0, 0.001, 1.0, 0.05, 0.95, 100)])
    'inside'
    """
    words = {c.verdict for c in checks}
    return OUTSIDE if OUTSIDE in words else UNDECIDED if UNDECIDED in words else INSIDE


__all__ = ["INSIDE", "ONE_SIGMA", "OUTSIDE", "UNDECIDED", "Check", "Tolerances", "check", "check_line", "check_summary",
           "overall"]  # fmt: skip
