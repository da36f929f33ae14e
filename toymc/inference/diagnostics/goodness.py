"""Goodness of fit against the saturated model, asymptotic and from toys; the profile of the likelihood.

The statistic is -2 ln of the likelihood ratio to the saturated model, constraint terms included [S. Baker, R. Cousins,
NIM 221 (1984) 437; R. Cousins, "Generalization of chisquare goodness-of-fit test for binned data using saturated
models" (2013)]. It follows a chi-square where every bin expects many events (about five) and no parameter is at or near
a bound (with a parameter of interest held above zero it is larger than that); else the toys are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from toymc.errors import InputError, ToymcError
from toymc.inference.model import FloatArray
from toymc.inference.profile import Dataset, FitResult, Likelihood
from toymc.inference.toys import Hypothesis, Mapper, PValue, ToyResult, run_toys
from toymc.inference.toys.kernels import REASONS

SPARSE = 5.0
"""Expected events in a bin below which the chi-square of the statistic is not to be relied on."""


@dataclass(frozen=True)
class Goodness:
    """Saturated goodness of fit.

    `p_value` is asymptotic (NaN without degrees of freedom); `toys` is the p-value from toys thrown with the fitted
    parameters, None if none were asked for. `smallest` is the lowest expected count of a bin.
    """

    statistic: float
    dof: int
    p_value: float
    smallest: float
    toys: PValue | None = None

    @property
    def sparse(self) -> bool:
        """Whether a bin expects too few events for the asymptotic p-value."""
        return self.smallest < SPARSE


def goodness_of_fit(
    likelihood: Likelihood,
    data: Dataset | None = None,
    *,
    n_toys: int = 0,
    seed: int = 1,
    poi: float | None = None,
    mapper: Mapper | None = None,
) -> Goodness:
    """Goodness of fit, with its p-value from toys if asked for.

    Degrees of freedom are bins minus unconstrained free parameters: a constrained parameter brings its own measurement.
    The toys are thrown with the parameters fitted to the data (counts and auxiliary measurements) and fitted in the
    same way. A toy whose fit fails keeps its place and widens the range of the p-value.

    Parameters
    ----------
    likelihood : Likelihood
    data : Dataset, optional
        The model's observed counts if not given.
    n_toys : int
        0 for the asymptotic p-value alone.
    seed : int
    poi : float, optional
        Hold the parameter of interest there (0 tests the background); free if not given.
    mapper : callable, optional
        How blocks of toys are spread, for instance `ThreadPoolExecutor(4).map`.

    Returns
    -------
    Goodness

    Raises
    ------
    InputError
        For a negative number of toys.
    ToymcError
        If the fit to the data fails.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> samples = (Sample("s", [50.0, 0.0], (NormFactor("mu"),)), Sample("b", [100.0, 100.0]))
    >>> model = Model([Channel("sr", samples, [150.0, 120.0])], poi="mu")
    >>> result = goodness_of_fit(Likelihood(model), n_toys=2000)
    >>> f"{result.statistic:.2f} {result.dof} {result.p_value:.3f}"
    '3.76 1 0.053'
    >>> abs(result.toys.value - result.p_value) < 5 * result.toys.error
    True
    """
    if n_toys < 0:
        raise InputError(f"{n_toys} toys for the goodness of fit: give 0 (none) or more")
    data = likelihood.data() if data is None else data
    fit = likelihood.fit(data, poi=poi)
    if not fit.converged:
        raise ToymcError(f"no goodness of fit: the fit to the data failed ({fit.message})")
    result = _asymptotic(likelihood, fit)
    if n_toys == 0:
        return result
    where = Hypothesis(float(fit.theta[0]), fit.theta, fit.gamma, fit.rates, data)
    toys = run_toys(likelihood, where, [] if poi is None else [poi], n_toys, seed, "goodness of fit", mapper)
    statistic = 2.0 * (toys.nll_free if poi is None else toys.nll[:, 0])
    statistic[toys.status != 0] = np.nan
    ensemble = ToyResult(statistic, toys.status, REASONS, seed, toys.name, toys.tolerance)
    return Goodness(result.statistic, result.dof, result.p_value, result.smallest, ensemble.p_value(result.statistic))


def _asymptotic(likelihood: Likelihood, fit: FitResult) -> Goodness:
    """From a fit; the saturated likelihood is zero for data that equal their expectation."""
    free = int(np.sum(fit.free & (likelihood.packed.con_kind == 0)))
    dof = int(fit.data.counts.size) - free
    statistic = 2.0 * fit.nll
    p_value = float(chi2.sf(statistic, dof)) if dof > 0 else math.nan
    return Goodness(statistic, dof, p_value, float(fit.rates.min()))


def profile_scan(likelihood: Likelihood, values: npt.ArrayLike, data: Dataset | None = None) -> FloatArray:
    """2 (nll(mu) - nll(mu_hat)) at given values of the parameter of interest, each with the others profiled.

    Parameters
    ----------
    likelihood : Likelihood
    values : array_like, shape (n,)
        Not negative.
    data : Dataset, optional

    Returns
    -------
    float64[n]
        NaN where a fit did not converge.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [4.0], (NormFactor("mu"),)), Sample("b", [9.0])), [16.0])], poi="mu")
    >>> profile_scan(Likelihood(model), [1.75, 2.75]).round(3).tolist()
    [0.0, 0.859]
    """
    points = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not np.all(np.isfinite(points) & (points >= 0.0)):
        raise InputError(f"a profile scan at {points.min():g}; the values must be finite and not negative")
    data = likelihood.data() if data is None else data
    best = likelihood.fit(data)
    out = np.full(points.size, np.nan)
    previous = best
    for i in np.argsort(points):
        start = previous.theta + (points[i] - previous.theta[0]) * previous.tangent
        fit = likelihood.fit(data, poi=float(points[i]), start=start)
        if fit.converged:
            out[i] = max(2.0 * (fit.nll - best.nll), 0.0)
            previous = fit
    return out
