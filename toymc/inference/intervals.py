"""Asymptotic discovery p-value and two-sided profile-likelihood intervals.

Sources: q_0 and its half-chi-square distribution, Cowan, Cranmer, Gross and Vitells, Eur. Phys. J. C 71 (2011) 1554
(arXiv:1007.1727), eqs. 12, 50, 52, 53 (Z = sqrt(q_0)); intervals from 2 Delta(-ln L) = chi2 quantile of one degree of
freedom, S. S. Wilks, Ann. Math. Stat. 9 (1938) 60. Both hold where many events are expected; with few, take toys
(`toymc.inference.toys`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy.typing as npt
from scipy.special import ndtr, ndtri

from toymc.errors import InputError, ToymcError
from toymc.inference.limits import _MAX_STEPS, _PRECISION, _check_cl, _Profile
from toymc.inference.model import Model
from toymc.inference.profile import Likelihood


@dataclass(frozen=True)
class Discovery:
    """Background-only p-value `p0`, its significance `z` (one-sided), q_0 and the fitted parameter of interest.

    `expected_z` is the median for data with mu = 1 (Asimov data at the nominal nuisance parameters).
    """

    p0: float
    z: float
    q0: float
    mu_hat: float
    expected_z: float
    status: str


@dataclass(frozen=True)
class Interval:
    """A two-sided interval of the parameter of interest; `low` is 0 where it ends at the physical boundary."""

    cl: float
    mu_hat: float
    low: float
    high: float
    status: str


def discovery(model: Model, data: Mapping[str, npt.ArrayLike] | None = None) -> Discovery:
    """Asymptotic p-value and significance of an excess over the background.

    Parameters
    ----------
    model : Model
        With observed counts, unless `data` is given.
    data : mapping of channel name to counts, optional

    Returns
    -------
    Discovery
        `z` is infinite where the background-only hypothesis expects nothing in a bin with events.

    Raises
    ------
    InputError
        Without data.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [9.0], (NormFactor("mu"),)), Sample("b", [100.0])), [130.0])], "mu")
    >>> result = discovery(model)
    >>> f"{result.z:.3f} {result.p0:.5f}"
    '2.866 0.00208'
    """
    likelihood = Likelihood(model)
    observed = likelihood.data(data)
    best = likelihood.fit(observed)
    null = likelihood.fit(observed, poi=0.0, start=best.theta)
    q0 = max(2.0 * (null.nll - best.nll), 0.0) if math.isfinite(null.nll) else math.inf
    theta = likelihood.layout.start.copy()
    theta[0] = 1.0
    signal = likelihood.asimov(theta, likelihood.nominal_gammas())
    at_zero = likelihood.fit(signal, poi=0.0)
    expected = math.sqrt(max(2.0 * at_zero.nll, 0.0)) if math.isfinite(at_zero.nll) else math.inf
    failed = [fit.message for fit in (best, null) if not fit.converged and math.isfinite(fit.nll)]
    z = math.sqrt(q0)
    return Discovery(
        p0=float(ndtr(-z)),
        z=z,
        q0=q0,
        mu_hat=float(best.theta[0]),
        expected_z=expected,
        status=f"fit: {failed[0]}" if failed else "converged",
    )


def profile_interval(model: Model, cl: float = 0.6827, data: Mapping[str, npt.ArrayLike] | None = None) -> Interval:
    """Two-sided interval of the parameter of interest from the profile likelihood.

    Parameters
    ----------
    model : Model
        With observed counts, unless `data` is given.
    cl : float
        Confidence level, between 0.5 and 1.
    data : mapping of channel name to counts, optional

    Returns
    -------
    Interval
        The parameter is not negative: an interval that would go below ends at 0 (and then covers more than `cl`).

    Raises
    ------
    InputError
        Without data, or for a confidence level outside (0.5, 1).
    ToymcError
        If the likelihood does not rise far enough.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [1e4])), [11000.0])], "mu")
    >>> interval = profile_interval(model)
    >>> f"{interval.low:.0f} {interval.mu_hat:.0f} {interval.high:.0f}"
    '895 1000 1105'
    """
    _check_cl(cl)
    likelihood = Likelihood(model)
    observed = likelihood.data(data)
    best = likelihood.fit(observed)
    if not math.isfinite(best.nll):
        raise InputError("no interval: the likelihood of the data is zero for every value of the parameter of interest")
    target = float(ndtri(0.5 * (1.0 + cl))) ** 2
    profile = _Profile(likelihood, observed, best, best.nll)
    mu_hat = float(best.theta[0])
    sigma = 1.0 / math.sqrt(best.curvature) if best.curvature > 0.0 else 1.0
    width = sigma * math.sqrt(target)
    high = _edge(profile, target, mu_hat, mu_hat + width, math.inf)
    low = 0.0
    if mu_hat > 0.0 and profile(0.0)[0] > target:
        low = _edge(profile, target, mu_hat, max(mu_hat - width, 0.5 * mu_hat), 0.0)
    failures = profile.failures if best.converged else [best.message, *profile.failures]
    return Interval(cl, mu_hat, low, high, "converged" if not failures else f"{len(failures)} fits did not converge")


def _edge(profile: _Profile, target: float, inside: float, start: float, outside: float) -> float:
    """Where q(mu) reaches the target between `inside` (below it) and `outside`: Newton in sqrt(q), kept bracketed."""
    mu = start
    for _ in range(_MAX_STEPS):
        q, slope = profile(mu)
        if math.isfinite(q) and q < target:
            inside = mu
        else:
            outside = mu
        root = math.sqrt(q) if math.isfinite(q) else math.inf
        new = mu + (math.sqrt(target) - root) * 2.0 * root / slope if slope != 0.0 and root < math.inf else math.nan
        low, high = min(inside, outside), max(inside, outside)
        if not low < new < high:
            new = 0.5 * (inside + outside) if math.isfinite(outside) else 2.0 * mu - float(profile.fits[0].theta[0])
        if abs(new - mu) <= _PRECISION * abs(new):
            return float(new)
        mu = float(new)
    raise ToymcError(f"no edge of the interval after {_MAX_STEPS} steps (last mu = {mu:.3g})")
