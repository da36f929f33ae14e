"""Global p-value from counts at low levels: Gross and Vitells along the mass, Euler characteristic over two axes.

Asymptotically q0 at one hypothesis is half a delta function at 0 and half a chi2 with one degree of freedom (the signal
is not negative [G. Cowan et al., EPJC 71 (2011) 1554, eq. 47]), so P(q0 > u) = P(chi2_1 > u)/2 = 1 - Phi(sqrt u), and
q0 over the scan is the square of the positive part of a Gaussian field. For R stretches of the scan

    one axis:   E[pieces of A_u] = R P(q0 > u) + N(u),   N(u) = N(u0) exp(-(u - u0)/2)
    two axes:   E[phi(A_u)]      = R P(q0 > u) + exp(-u/2) (N1 + sqrt(u) N2)

[E. Gross, O. Vitells, EPJC 70 (2010) 525, arXiv:1005.1891, eqs. 2-5; O. Vitells, E. Gross, Astropart. Phys. 35 (2011)
230, arXiv:1105.4355, eqs. 13, 15; the half of chi2 is due to the one-sided test]. N(u0), or N1 and N2 from two levels,
come from a few hundred background toys. The expectation bounds the probability that A_u is not empty from above and
becomes equal to it at high levels; excursions at high levels are independent of one another, so their number is
Poisson [Adler and Taylor, chapter 14], and

    p_global = 1 - (1 - P(q0 > u))^R exp(-N(u)),

equal to the bound where this is small and a probability where it is not (a global significance below 1 sigma).

The error is that of the counts over toys with their covariance between levels; it is at least that of one crossing in
all toys. On a grid the field between the points is not seen: a scan in steps of half a resolution misses 1 % of the
crossings at u = 1 and a few per cent of the excursions at 3 to 4 sigma: the extrapolation errs on the safe side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from toymc.errors import InputError
from toymc.inference.significance.excursions import FloatArray
from toymc.inference.significance.summary import ToySummary

# The fewest crossings are lost between points at low levels, but the asymptotic field is reached later there.
LEVELS_1D = (1.0,)
LEVELS_2D = (0.5, 2.5)


def local_p_value(q0: float) -> float:
    """Asymptotic local p-value 1 - Phi(sqrt q0); 1/2 at q0 = 0, where everything from 1/2 to 1 is meant.

    >>> round(local_p_value(9.0), 6)
    0.00135
    """
    return float(ndtr(-math.sqrt(max(q0, 0.0))))


def significance(p_value: float) -> float:
    """Standard deviations of a one-sided p-value; negative above 1/2.

    >>> round(significance(0.00135), 2)
    3.0
    """
    return float(-ndtri(p_value))


@dataclass(frozen=True)
class GlobalPValue:
    """A global p-value with its error, in standard deviations too, and the expectation that bounds it from above."""

    p_value: float
    p_error: float
    z: float
    z_error: float
    bound: float


@dataclass(frozen=True)
class Extrapolation:
    """Expected excursions above any level, from the counts at a few.

    Attributes
    ----------
    levels : tuple of float
        Levels of q0 that were used; one per axis.
    means, errors : tuple of float
        Mean number of upcrossings, or of Euler characteristic less the stretches that begin above, and its error.
    coefficients : tuple of float
        N1 (and N2) of exp(-u/2) (N1 + sqrt(u) N2); on one axis N1 = N(u0) exp(u0/2).
    covariance : float64 (n, n)
        Of the coefficients.
    n_stretches, n_toys : int
    """

    levels: tuple[float, ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    coefficients: tuple[float, ...]
    covariance: FloatArray
    n_stretches: int
    n_toys: int

    def excursions(self, q0: float) -> tuple[float, float]:
        """exp(-u/2) (N1 + sqrt(u) N2) and its error, at u = q0."""
        row = _basis(q0, len(self.levels))
        return float(row @ np.array(self.coefficients)), math.sqrt(max(float(row @ self.covariance @ row), 0.0))

    def p_value(self, q0: float) -> GlobalPValue:
        """Global p-value of a largest local q0.

        Raises
        ------
        InputError
            If q0 is negative or not finite.
        """
        if not (math.isfinite(q0) and q0 >= 0.0):
            raise InputError(f"largest local q0 is {q0:g}: give a finite number that is not negative")
        local = local_p_value(q0)
        expected, error = self.excursions(q0)
        expected = max(expected, 0.0)
        none = math.exp(self.n_stretches * math.log1p(-local) - expected)
        p = -math.expm1(self.n_stretches * math.log1p(-local) - expected)
        p_error = none * error
        z = significance(p)
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        return GlobalPValue(p, p_error, z, p_error / density, self.n_stretches * local + expected)


def _basis(q0: float, n: int) -> FloatArray:
    """exp(-u/2) u^(k/2) for k = 0 .. n-1."""
    return np.array([math.exp(-0.5 * q0) * q0 ** (0.5 * k) for k in range(n)])


def crossings(toys: ToySummary, level: float) -> FloatArray:
    """Per toy: upcrossings, or Euler characteristic less the expected number of stretches that begin above the level.

    Raises
    ------
    InputError
        If the toys were not counted at this level.
    """
    found = np.flatnonzero(np.isclose(toys.levels, level, rtol=0.0, atol=1e-9))
    if not found.size:
        raise InputError(f"level {level:g}: the toys were counted at {toys.levels.tolist()}")
    counts = toys.counts[:, found[0]].astype(np.float64)
    return counts if len(toys.grid) == 1 else counts - toys.n_stretches * local_p_value(level)


def extrapolate(toys: ToySummary, levels: Sequence[float] | None = None) -> Extrapolation:
    """Fit the expected number of excursions to background toys.

    Parameters
    ----------
    toys : ToySummary
        At least 2; a few hundred for an error of some per cent.
    levels : sequence of float, optional
        One level for a scan over mass (default 1), two for mass and lifetime (default 0.5 and 2.5).

    Returns
    -------
    Extrapolation

    Raises
    ------
    InputError
        For another number of levels, or levels at which the toys were not counted.

    Examples
    --------
    >>> from toymc.inference.significance.summary import summarise_toys
    >>> toys = summarise_toys([[0.0, 2.0, 0.0, 2.0], [0.0, 2.0, 0.0, 0.0]])
    >>> round(extrapolate(toys).excursions(9.0)[0], 5)
    0.02747
    """
    axes = len(toys.grid)
    chosen = tuple(levels) if levels is not None else (LEVELS_1D if axes == 1 else LEVELS_2D)
    if len(chosen) != axes or len(set(chosen)) != axes:
        raise InputError(f"levels {list(chosen)}: a scan over {axes} axes needs {axes} different levels")
    if toys.n_toys < 2:
        raise InputError(f"{toys.n_toys} toys: give at least 2, a few hundred for an error of some per cent")
    values = np.array([crossings(toys, level) for level in chosen])
    means = values.mean(axis=1)
    spread = np.atleast_2d(np.cov(values)) / toys.n_toys
    floor = 1.0 / toys.n_toys**2
    spread[np.diag_indices(axes)] = np.maximum(np.diag(spread), floor)
    inverse = np.linalg.inv(np.array([_basis(level, axes) for level in chosen]))
    return Extrapolation(
        levels=chosen,
        means=tuple(means.tolist()),
        errors=tuple(np.sqrt(np.diag(spread)).tolist()),
        coefficients=tuple((inverse @ means).tolist()),
        covariance=inverse @ spread @ inverse.T,
        n_stretches=toys.n_stretches,
        n_toys=toys.n_toys,
    )
