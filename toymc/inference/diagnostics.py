"""What to look at after a fit: pulls and constraints, correlations, goodness of fit, profile scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from toymc.errors import InputError
from toymc.inference.model import FloatArray
from toymc.inference.packing import NORMAL, POISSON
from toymc.inference.profile import Dataset, FitResult, Likelihood


@dataclass(frozen=True)
class Pull:
    """A fitted parameter beside its constraint.

    `pull` = (value - auxiliary value) / prior error, `constraint` = fitted error / prior error; both NaN for a free
    parameter. `error` is that of the full fit (the others profiled), NaN where the parameter was held or is at a bound.
    """

    name: str
    value: float
    error: float
    pull: float
    constraint: float


def covariance(likelihood: Likelihood, fit: FitResult) -> tuple[list[str], FloatArray]:
    """Names and covariance of all parameters that moved in a fit, gammas included.

    The inverse Hessian of the full likelihood, assembled from the reduced one: for the coordinates of the minimiser
    it is the inverse reduced Hessian; a gamma adds its conditional variance to what it inherits through
    d(gamma)/d(theta).

    Parameters
    ----------
    likelihood : Likelihood
        The one that made the fit.
    fit : FitResult

    Returns
    -------
    names : list of str
    covariance : float64[n, n]

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [4.0], (NormFactor("mu"),)), Sample("b", [9.0])), [16.0])], poi="mu")
    >>> likelihood = Likelihood(model)
    >>> names, matrix = covariance(likelihood, likelihood.fit(likelihood.data()))
    >>> names, round(float(matrix[0, 0] ** 0.5), 6)
    (['mu'], 1.0)
    """
    m, w = likelihood.packed, likelihood.work
    likelihood.evaluate(fit.data, fit.theta)  # yields and derivatives at the minimum
    moved = np.flatnonzero([fit.free[k] and fit.names[k] not in fit.at_bound for k in range(fit.theta.size)])
    outer: FloatArray = np.asarray(np.linalg.inv(fit.hessian[np.ix_(moved, moved)]), dtype=np.float64)
    names = [fit.names[k] for k in moved]
    gammas = np.flatnonzero((m.gam_lo < fit.gamma) & (fit.gamma < m.gam_hi))
    if gammas.size == 0:
        return names, outer
    slots = likelihood.gamma_slots()
    bins = np.repeat(np.arange(fit.rates.size), np.diff(m.gam_start))
    counts = fit.data.counts
    t = 1.0 - counts / np.maximum(fit.rates, 1e-300)
    kappa = counts / np.maximum(fit.rates, 1e-300) ** 2
    weights = np.ones(w.yields.size)
    weights[slots] = fit.gamma
    slot_bins = np.repeat(np.arange(fit.rates.size), np.diff(m.gam_start) + 1)
    d_rate = np.zeros((fit.rates.size, fit.theta.size))  # d(rate)/d(theta) at fixed gammas
    slopes = w.jacobian.T
    np.add.at(d_rate, slot_bins, weights[:, None] * slopes)
    y, b = w.yields[slots[gammas]], bins[gammas]
    own = np.where(m.gam_kind[gammas] == NORMAL, 1.0 / m.gam_scale[gammas], 0.0)
    poisson = m.gam_kind[gammas] == POISSON
    own[poisson] = (fit.data.gam_aux[gammas] / fit.gamma[gammas] ** 2)[poisson]
    inner = np.where(b[:, None] == b[None, :], kappa[b][:, None] * y[:, None] * y[None, :], 0.0) + np.diag(own)
    cross = t[b][:, None] * slopes[slots[gammas]] + (kappa[b] * y)[:, None] * d_rate[b]
    conditional = np.linalg.inv(inner)
    response = -conditional @ cross[:, moved]  # d(gamma)/d(theta)
    mixed = response @ outer
    full = np.block([[outer, mixed.T], [mixed, conditional + mixed @ response.T]])
    return names + [fit.names[fit.theta.size + j] for j in gammas], full


def correlation(likelihood: Likelihood, fit: FitResult) -> tuple[list[str], FloatArray]:
    """Names and correlation matrix of all parameters that moved in a fit; arguments as in `covariance`."""
    names, matrix = covariance(likelihood, fit)
    scale = 1.0 / np.sqrt(np.diag(matrix))
    return names, matrix * scale[:, None] * scale[None, :]


def pulls(likelihood: Likelihood, data: Dataset | None = None, poi: float | None = None) -> list[Pull]:
    """Pulls and constraints of every parameter after a fit.

    Parameters
    ----------
    likelihood : Likelihood
    data : Dataset, optional
        The model's observed counts if not given.
    poi : float, optional
        Hold the parameter of interest there; free if not given.

    Returns
    -------
    list of Pull
        One per parameter, in the order of `model.parameter_names`.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, NormSys, Sample
    >>> background = Sample("b", [100.0], (NormSys("scale", 0.9, 1.1),))
    >>> model = Model([Channel("sr", (Sample("s", [5.0], (NormFactor("mu"),)), background), [110.0])], poi="mu")
    >>> [f"{p.name} {p.pull:.2f} {p.constraint:.2f}" for p in pulls(Likelihood(model), poi=0.0)]
    ['mu nan nan', 'scale 0.49 0.72']
    """
    data = likelihood.data() if data is None else data
    fit = likelihood.fit(data, poi=poi)
    names, matrix = covariance(likelihood, fit)
    error = dict(zip(names, np.sqrt(np.diag(matrix)).tolist(), strict=True))
    m = likelihood.packed
    out = []
    for kind, scale, aux, values, offset in (
        (m.con_kind, m.con_scale, data.aux, fit.theta, 0),
        (m.gam_kind, m.gam_scale, data.gam_aux, fit.gamma, fit.theta.size),
    ):
        for i, value in enumerate(values):
            name = fit.names[offset + i]
            sigma = error.get(name, float("nan"))
            centre, prior = float("nan"), float("nan")
            if kind[i] == NORMAL:
                centre, prior = float(aux[i]), float(np.sqrt(scale[i]))
            elif kind[i] == POISSON:  # auxiliary count of mean gamma tau
                centre, prior = float(aux[i] / scale[i]), float(1.0 / np.sqrt(scale[i]))
            out.append(Pull(name, float(value), sigma, (float(value) - centre) / prior, sigma / prior))
    return out


def goodness_of_fit(likelihood: Likelihood, data: Dataset | None = None) -> tuple[float, int, float]:
    """Saturated-model goodness of fit: (statistic, degrees of freedom, p-value).

    The statistic is -2 ln of the likelihood ratio to the saturated model (Baker and Cousins, NIM 221 (1984) 437),
    constraint terms included; degrees of freedom are bins minus unconstrained free parameters. The p-value is
    asymptotic.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> samples = (Sample("s", [4.0, 0.0], (NormFactor("mu"),)), Sample("b", [100.0, 100.0]))
    >>> model = Model([Channel("sr", samples, [104.0, 120.0])], poi="mu")
    >>> statistic, dof, p = goodness_of_fit(Likelihood(model))
    >>> f"{statistic:.2f} {dof} {p:.3f}"
    '3.76 1 0.053'
    """
    data = likelihood.data() if data is None else data
    fit = likelihood.fit(data)
    free = int(np.sum(likelihood.layout.free & (likelihood.packed.con_kind == 0)))
    dof = int(data.counts.size) - free
    statistic = 2.0 * fit.nll
    return statistic, dof, float(chi2.sf(statistic, dof)) if dof > 0 else float("nan")


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
