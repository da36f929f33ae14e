"""Parameters after a fit: covariance and correlation, pulls and constraints, status and bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from toymc.errors import ToymcError
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

    Raises
    ------
    ToymcError
        If the data do not tell parameters apart (no curvature in some direction); the message names them.

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
    names = [fit.names[k] for k in moved]
    outer = _inverse(fit.hessian[np.ix_(moved, moved)], names)
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


def _inverse(hessian: FloatArray, names: list[str]) -> FloatArray:
    """Inverse of a Hessian; without curvature in some direction an error that names the parameters along it."""
    if not names:
        return np.zeros((0, 0))
    scale = np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    values, vectors = np.linalg.eigh(hessian / scale[:, None] / scale[None, :])
    if values[0] <= 1e-12:
        along = np.abs(vectors[:, 0])
        flat = [names[k] for k in np.argsort(-along) if along[k] > 0.3]
        raise ToymcError(f"the data do not determine {', '.join(flat)}: fix or merge them, or give them a constraint")
    inverse: FloatArray = (vectors / values) @ vectors.T / scale[:, None] / scale[None, :]
    return inverse


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
    return fit_pulls(likelihood, likelihood.fit(data, poi=poi))


def fit_pulls(likelihood: Likelihood, fit: FitResult) -> list[Pull]:
    """Pulls and constraints of every parameter of a fit that was made; see `pulls`."""
    names, matrix = covariance(likelihood, fit)
    error = dict(zip(names, np.sqrt(np.diag(matrix)).tolist(), strict=True))
    centre, prior = constraints(likelihood, fit.data)
    values = np.concatenate([fit.theta, fit.gamma])
    sigma = np.array([error.get(name, math.nan) for name in fit.names])
    pull, constraint = (values - centre) / prior, sigma / prior
    columns = (values, sigma, pull, constraint)
    return [Pull(name, *(float(column[i]) for column in columns)) for i, name in enumerate(fit.names)]


def constraints(likelihood: Likelihood, data: Dataset) -> tuple[FloatArray, FloatArray]:
    """Auxiliary value and prior error of every parameter, gammas included; NaN where there is no constraint."""
    m = likelihood.packed
    kind = np.concatenate([m.con_kind, m.gam_kind])
    scale = np.concatenate([m.con_scale, m.gam_scale])
    aux = np.concatenate([data.aux, data.gam_aux])
    held = np.concatenate([m.lo, m.gam_lo]) == np.concatenate([m.hi, m.gam_hi])
    centre, prior = np.full(kind.size, np.nan), np.full(kind.size, np.nan)
    normal, poisson = (kind == NORMAL) & ~held, (kind == POISSON) & ~held
    centre[normal], prior[normal] = aux[normal], np.sqrt(scale[normal])
    # auxiliary count of mean gamma tau
    centre[poisson], prior[poisson] = aux[poisson] / scale[poisson], 1.0 / np.sqrt(scale[poisson])
    return centre, prior


@dataclass(frozen=True)
class AtBound:
    """A parameter that ended at an end of its allowed range."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class FitSummary:
    """Whether a fit can be relied on.

    `nll` is the saturated negative log likelihood, `edm` the estimated distance to the minimum in it, `attempts` the
    rungs of the retry ladder that were needed (1 is the first try). `value` and `error` are those of the parameter of
    interest; the error is NaN where it was held or is at a bound.
    """

    poi: str
    value: float
    error: float
    converged: bool
    message: str
    nll: float
    edm: float
    attempts: int
    evaluations: int
    bins: int
    free: int
    constrained: int
    at_bound: tuple[AtBound, ...]


def fit_summary(likelihood: Likelihood, fit: FitResult) -> FitSummary:
    """Status of a fit, its parameter of interest, and the parameters at bounds.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [9.0])), [5.0])], poi="mu")
    >>> likelihood = Likelihood(model)
    >>> summary = fit_summary(likelihood, likelihood.fit(likelihood.data()))
    >>> summary.message, summary.at_bound
    ('converged', (AtBound(name='mu', value=0.0, low=0.0, high=inf),))
    """
    m = likelihood.packed
    low, high = np.concatenate([m.lo, m.gam_lo]), np.concatenate([m.hi, m.gam_hi])
    values = np.concatenate([fit.theta, fit.gamma])
    rows = [fit.names.index(name) for name in fit.at_bound]
    moving = np.concatenate([fit.free, m.gam_lo < m.gam_hi])
    constrained = moving & (np.concatenate([m.con_kind, m.gam_kind]) != 0)
    moved = bool(fit.free[0]) and fit.names[0] not in fit.at_bound and fit.curvature > 0.0
    return FitSummary(
        poi=fit.names[0],
        value=float(fit.theta[0]),
        error=1.0 / math.sqrt(fit.curvature) if moved else math.nan,
        converged=fit.converged,
        message=fit.message,
        nll=fit.nll,
        edm=fit.edm,
        attempts=fit.attempts,
        evaluations=fit.evaluations,
        bins=int(fit.rates.size),
        free=int(moving.sum() - constrained.sum()),
        constrained=int(constrained.sum()),
        at_bound=tuple(AtBound(fit.names[k], float(values[k]), float(low[k]), float(high[k])) for k in rows),
    )
