"""Whether background toys follow the asymptotic field that the extrapolation assumes.

Where few background events are expected, q0 takes few values: no toy is above a level in most windows, and one event
makes a jump. Nothing of this can be seen in the counts at one level alone, so four things are asked of the toys. Each
compares with what the field predicts, and fails if it is off by more than 20 % beyond two standard errors: 20 % of
p_global are 0.06 standard deviations at 3 sigma, 0.14 at 1 sigma.

1. exceedance: share of all (toy, hypothesis) with q0 > 4, against 1 - Phi(2) = 2.275 %;
2. closure: excursions counted at q0 = 4, against those extrapolated there from the low levels;
3. sparse hypotheses: share of the grid where the number of toys with q0 > 1 is off its 15.9 % by more than half of it
   and by more than 4 binomial standard deviations; not more than a tenth of the grid may be so;
4. agreement: share of toys whose largest q0 reaches the observed one, against the extrapolated p-value (this says
   something where the toys suffice: p_global above some 10/n).

When one fails, local p-values from q0 are wrong as well, and the global p-value is that of the toys themselves. How few
events are too few depends on what the fit knows: in an unbinned fit with a background of known shape over 60 widths the
extrapolation at 3 sigma local is 10 to 30 % above the toys from 3 to 600 events in all, but at 2.5 sigma it is half of
what the toys give at 3 events, and at 1 event nothing of the asymptotic field is left [computed, 6000 toys each].
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from toymc.errors import InputError
from toymc.inference.significance.extrapolation import Extrapolation, crossings, local_p_value
from toymc.inference.significance.summary import ToySummary

TOLERANCE = 0.2
CHECK_LEVEL = 4.0
SPARSE_LEVEL = 1.0
SPARSE_LIMIT = 0.1
_FEW = 5  # toys above the observed q0 that say little against the extrapolation


@dataclass(frozen=True)
class Validity:
    """The three checks: ratio found / expected with its error, share of sparse hypotheses, verdict and reasons."""

    asymptotic: bool
    exceedance: float
    exceedance_error: float
    closure: float
    closure_error: float
    sparse_share: float
    reasons: tuple[str, ...]


def _off(ratio: float, error: float) -> bool:
    return not abs(ratio - 1.0) <= TOLERANCE + 2.0 * error


def check_asymptotics(toys: ToySummary, extrapolation: Extrapolation) -> Validity:
    """Compare background toys with the asymptotic field.

    Parameters
    ----------
    toys : ToySummary
        Counted at the levels 1 and 4 among others.
    extrapolation : Extrapolation
        From the same toys.

    Returns
    -------
    Validity

    Raises
    ------
    InputError
        If the toys were not counted at these levels.

    Examples
    --------
    >>> from toymc.inference.significance.extrapolation import extrapolate
    >>> from toymc.inference.significance.summary import summarise_toys
    >>> empty = summarise_toys(np.zeros((500, 20)))
    >>> check_asymptotics(empty, extrapolate(empty)).asymptotic
    False
    """
    for level in (SPARSE_LEVEL, CHECK_LEVEL):
        if not np.any(np.isclose(toys.levels, level, rtol=0.0, atol=1e-9)):
            raise InputError(f"the toys were counted at {toys.levels.tolist()}: the check needs {level:g} too")
    n = toys.n_toys
    high = int(np.argmin(np.abs(toys.levels - CHECK_LEVEL)))
    low = int(np.argmin(np.abs(toys.levels - SPARSE_LEVEL)))
    shares = toys.shares[:, high] / local_p_value(CHECK_LEVEL)
    exceedance, exceedance_error = float(shares.mean()), float(shares.std(ddof=1)) / math.sqrt(n)
    predicted = extrapolation.excursions(CHECK_LEVEL)[0]
    # per toy: counted less extrapolated, so that the correlation between the levels enters the error
    basis = [crossings(toys, level) for level in extrapolation.levels]
    weights = _weights(extrapolation)
    difference = crossings(toys, CHECK_LEVEL) - sum(w * b for w, b in zip(weights, basis, strict=True))
    scale = max(predicted, 1.0 / n)
    closure = 1.0 + float(difference.mean()) / scale
    closure_error = max(float(difference.std(ddof=1)) / math.sqrt(n), 1.0 / n) / scale
    p = local_p_value(SPARSE_LEVEL)
    excess = np.abs(toys.above[low] / n - p)
    sparse = float(np.mean((excess > 0.5 * p) & (excess > 4.0 * math.sqrt(p * (1.0 - p) / n))))
    reasons = []
    if _off(exceedance, exceedance_error):
        reasons.append(f"q0 > 4 is {exceedance:.2f} +- {exceedance_error:.2f} times as frequent as asymptotically")
    if _off(closure, closure_error):
        reasons.append(f"excursions above q0 = 4 are {closure:.2f} +- {closure_error:.2f} times those extrapolated")
    if sparse > SPARSE_LIMIT:
        reasons.append(f"{sparse:.0%} of the hypotheses have too few events for the asymptotic distribution of q0")
    return Validity(not reasons, exceedance, exceedance_error, closure, closure_error, sparse, tuple(reasons))


def compare_at(validity: Validity, counted: float, extrapolated: float, n_toys: int) -> Validity:
    """The verdict with the fourth check: p-value counted in the toys and extrapolated, at the observed q0.

    >>> fine = Validity(True, 1.0, 0.1, 1.0, 0.1, 0.0, ())
    >>> compare_at(fine, 0.10, 0.11, 1000).asymptotic, compare_at(fine, 0.25, 0.14, 1000).reasons
    (True, ('toys reach the observed q0 1.79 +- 0.08 times as often as extrapolated',))
    """
    scale = max(extrapolated, 1e-300)
    # the error expected of the toys if the extrapolation holds
    ratio, error = counted / scale, math.sqrt(extrapolated * (1.0 - extrapolated) / n_toys) / scale
    if not _off(ratio, error) or counted * n_toys < _FEW and ratio > 1.0:
        return validity
    reason = f"toys reach the observed q0 {ratio:.2f} +- {error:.2f} times as often as extrapolated"
    return replace(validity, asymptotic=False, reasons=(*validity.reasons, reason))


def _weights(extrapolation: Extrapolation) -> list[float]:
    """Weight of the mean count at each level in the excursions extrapolated to the check level."""
    n = len(extrapolation.levels)
    rows = np.array([[math.exp(-0.5 * u) * u ** (0.5 * k) for k in range(n)] for u in extrapolation.levels])
    target = np.array([math.exp(-0.5 * CHECK_LEVEL) * CHECK_LEVEL ** (0.5 * k) for k in range(n)])
    return [float(w) for w in np.linalg.solve(rows.T, target)]
