"""Backgrounds of a window and the rule that chooses among them.

Families (t = position in the window):

- `polynomial`: Bernstein polynomials of degree d with coefficients >= 0, so positive everywhere; those of degree d are
  among those of degree d + 1 (degree elevation keeps the coefficients positive), the likelihoods are nested.
- `exponential`: exp of a polynomial of degree d; d = 1 is the plain exponential.
- `threshold`: (x - onset)^p for d = 1, times exp of a polynomial of degree d - 1 above.

Degree zero is the constant in every family.

The rule: a degree d >= 1 is considered where the window holds `events_per_parameter` (5) events for each of its d + 1
parameters. From the constant upwards, with the signal yield free (so a peak does not bend its background), the next
degree is taken where it improves 2 ln L by more than a quantile of chi2 with one degree of freedom, or else the one
after it where that improves it by more than the quantile of two. Both quantiles belong to one probability q, less than
`p_value`: where the simpler shape is true the improvements are T and T + U with independent T, U of one degree of
freedom, and q is such that either test takes a higher degree with the probability p_value (0.05: q = 0.0328,
quantiles 4.55 and 6.83; each test at 0.05 would take one in 0.075 of all windows). The rule is applied at the first
lifetime of each mass and kept for the others. At a bound (a coefficient at zero) chi2 is an upper limit of the
distribution: the rule then keeps the simpler shape more often than p_value says.

Windows without events keep the constant, whose yield fits to zero: the likelihood is exp(-S), q~_mu = 2 mu, the
asymptotic limit 1.92 events and the exact one 3.00 (95 %). Windows with few events keep the constant by the same rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import gammaincinv

from toymc.errors import InputError
from toymc.inference.unbinned.hypothesis import EXPONENTIAL, POLYNOMIAL, THRESHOLD
from toymc.inference.unbinned.likelihood import MAX_BASE

FAMILIES = {"polynomial": POLYNOMIAL, "exponential": EXPONENTIAL, "threshold": THRESHOLD}
EVENTS_PER_PARAMETER = 5.0


@dataclass(frozen=True)
class Background:
    """What background a channel has.

    Attributes
    ----------
    family : {"polynomial", "exponential", "threshold"}
    degree : int or None
        Fixed, or None: chosen by the rule of the module. A fixed degree too is lowered in windows with few events.
    highest : int
        Highest degree that the rule may choose, up to 4.
    onset : float
        Start of the `threshold` family, GeV.
    p_value : float
        Of the rule.

    Examples
    --------
    >>> Background("exponential", degree=1).degree
    1
    """

    family: str = "polynomial"
    degree: int | None = None
    highest: int = 3
    onset: float = 0.0
    p_value: float = 0.05

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise InputError(f"background family '{self.family}'; allowed: {', '.join(FAMILIES)}")
        for name, value in (("degree", self.degree), ("highest", self.highest)):
            if value is not None and not 0 <= value < MAX_BASE:
                raise InputError(f"background: {name} = {value}; it must be from 0 to {MAX_BASE - 1}")
        if not 0.0 < self.p_value < 1.0:
            raise InputError(f"background: p-value of the rule = {self.p_value:g}; it must be between 0 and 1")
        if not math.isfinite(self.onset):
            raise InputError(f"background: onset = {self.onset:g} GeV; it must be finite")

    @property
    def thresholds(self) -> tuple[float, float]:
        """Quantiles of chi2 with one and two degrees of freedom that together have `p_value`.

        >>> [round(t, 2) for t in Background().thresholds]
        [4.55, 6.83]
        """
        return _thresholds(self.p_value)


def _quantiles(q: float) -> tuple[float, float]:
    return float(2.0 * gammaincinv(0.5, 1.0 - q)), -2.0 * math.log(q)


def _either(q: float) -> float:
    """P(T > t1 or T + U > t2) for independent T, U of one degree of freedom: q + int_0^t1 f(t) P(U > t2 - t) dt.

    With T = x^2, x normal, the integral has no singularity.
    """
    first, second = _quantiles(q)

    def density(x: float) -> float:
        return math.sqrt(2.0 / math.pi) * math.exp(-0.5 * x * x) * math.erfc(math.sqrt(0.5 * (second - x * x)))

    return q + float(quad(density, 0.0, math.sqrt(first))[0])


@cache
def _thresholds(p_value: float) -> tuple[float, float]:
    return _quantiles(float(brentq(lambda q: _either(q) - p_value, 0.3 * p_value, p_value)))
