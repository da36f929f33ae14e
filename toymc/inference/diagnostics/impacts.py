"""What moves the fitted parameter of interest: impacts by refits, and components of its error that add up.

Impact of a parameter theta: the shift of mu_hat when theta is
held at theta_hat +- its fitted error (post-fit) or +- its prior error (pre-fit) and everything else is fitted again.
It says how strongly mu_hat follows theta. For a Gaussian likelihood the post-fit impact is cov(mu, theta)/sigma_theta.
Impacts of correlated parameters do not add in quadrature to anything.

Components: the shift of mu_hat when one *measurement* moves by its standard deviation, the auxiliary one of theta or
the counts. Measurements are independent, so the squares add up to the variance of mu_hat [A. Pinto, Z. Wu, F. Balli et
al., "Uncertainty components in profile likelihood fits", EPJC 84 (2024) 593, arXiv:2307.04007]. With the covariance C
of all parameters at the minimum, the implicit function theorem gives

    Gaussian constraint of width D:    d mu = C(mu, theta) / D
    Poisson constraint, mean tau x:    d mu = C(mu, x) sqrt(tau / x)

and the counts have the rest, sigma_mu^2 - sum of the squares. To first order, exact for Gaussian likelihoods.
Both are about an estimate that may be negative: held at zero it would not move downwards at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from toymc.errors import InputError, ToymcError
from toymc.inference.diagnostics.parameters import constraints, covariance
from toymc.inference.model import FloatArray, Model
from toymc.inference.packing import NORMAL, POISSON
from toymc.inference.profile import FitResult, Likelihood

COUNTS, SOURCES, SIMULATION, SHAPES = "counts", "systematic sources", "simulation statistics", "bin-by-bin"
"""Groups of components: the data; constrained parameters; factors per bin of staterror; those of shapesys."""


@dataclass(frozen=True)
class Impact:
    """Shifts of the parameter of interest; NaN where there is none.

    `up` and `down`: theta held at +- its fitted error; `prefit_up` and `prefit_down`: at +- its prior error. `pull` and
    `constraint` as in `Pull`. `failed` names the refits that did not converge.
    """

    name: str
    value: float
    error: float
    pull: float
    constraint: float
    up: float
    down: float
    prefit_up: float
    prefit_down: float
    failed: tuple[str, ...] = ()

    @property
    def size(self) -> float:
        """The larger of the two post-fit shifts; that of the pre-fit ones where the parameter is at a bound."""
        for pair in ((self.up, self.down), (self.prefit_up, self.prefit_down)):
            known = [abs(shift) for shift in pair if math.isfinite(shift)]
            if known:
                return max(known)
        return 0.0


def signed_likelihood(model: Model) -> Likelihood:
    """The likelihood of a model whose parameter of interest may be negative.

    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [9.0])), [5.0])], poi="mu")
    >>> likelihood = signed_likelihood(model)
    >>> round(float(likelihood.fit(likelihood.data()).theta[0]), 6)
    -4.0
    """
    likelihood = Likelihood(model)
    lo = likelihood.packed.lo.copy()
    lo[0] = -np.inf
    likelihood.packed = likelihood.packed._replace(lo=lo)
    return likelihood


def impacts(
    likelihood: Likelihood, fit: FitResult, names: Sequence[str] | None = None, per_bin: bool = True
) -> list[Impact]:
    """Impact of every parameter on the parameter of interest, the largest first.

    Parameters
    ----------
    likelihood : Likelihood
        Of `signed_likelihood`, unless mu_hat is far above zero.
    fit : FitResult
        Its free fit.
    names : sequence of str, optional
        These parameters alone; every one that moved (and can be held elsewhere) if not given.
    per_bin : bool
        Include factors per bin.

    Returns
    -------
    list of Impact

    Raises
    ------
    InputError
        For an unknown name, or a fit in which the parameter of interest was held.
    ToymcError
        If the fit did not converge, is degenerate, or has its parameter of interest at a bound.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, NormSys, Sample
    >>> background = Sample("b", [100.0], (NormSys("scale", 0.9, 1.1),))
    >>> model = Model([Channel("sr", (Sample("s", [5.0], (NormFactor("mu"),)), background), [110.0])], poi="mu")
    >>> likelihood = signed_likelihood(model)
    >>> (scale,) = impacts(likelihood, likelihood.fit(likelihood.data()))
    >>> f"{scale.up:.2f} {scale.down:.2f}"
    '-2.00 2.00'
    """
    _check(likelihood, fit)
    chosen = _movable(likelihood, fit, per_bin) if names is None else list(names)
    unknown = [name for name in chosen if name not in fit.names[1:]]
    if unknown:
        raise InputError(f"no impact of '{unknown[0]}': the parameters are {', '.join(fit.names[1:])}")
    order, matrix = covariance(likelihood, fit)
    error = dict(zip(order, np.sqrt(np.diag(matrix)).tolist(), strict=True))
    centre, prior = constraints(likelihood, fit.data)
    moves = matrix[0] / np.sqrt(np.diag(matrix))  # first-order shift per fitted error, where the refits start
    slope = dict(zip(order, moves.tolist(), strict=True))
    rows = []
    for name in chosen:
        k = fit.names.index(name)
        value, sigma = fit.values[name], error.get(name, math.nan)
        shifts, failed = [], []
        for step in (sigma, -sigma, float(prior[k]), -float(prior[k])):
            guess = slope.get(name, 0.0) * step / sigma if sigma > 0.0 else 0.0
            shift, trouble = _refit(likelihood, fit, k, value + step, guess)
            shifts.append(shift)
            failed += [trouble] if trouble else []
        pull, constraint = (value - float(centre[k])) / float(prior[k]), sigma / float(prior[k])
        up, down, prefit_up, prefit_down = shifts
        rows.append(
            Impact(name, value, sigma, pull, constraint, up, down, prefit_up, prefit_down, tuple(dict.fromkeys(failed)))
        )
    return sorted(rows, key=lambda row: -row.size)


def _check(likelihood: Likelihood, fit: FitResult) -> None:
    if not fit.converged:
        raise ToymcError(f"no impacts: the fit failed ({fit.message})")
    if not fit.free[0]:
        raise InputError(f"impacts on '{fit.names[0]}', which was held in the fit: leave it free")
    if fit.names[0] in fit.at_bound:
        raise ToymcError(f"no impacts on '{fit.names[0]}': it is at a bound")


def _movable(likelihood: Likelihood, fit: FitResult, per_bin: bool) -> list[str]:
    m = likelihood.packed
    moving = np.concatenate([fit.free, (m.gam_lo < m.gam_hi) & per_bin])
    moving[0] = False
    return [fit.names[k] for k in np.flatnonzero(moving)]


def _refit(likelihood: Likelihood, fit: FitResult, k: int, value: float, guess: float) -> tuple[float, str]:
    """Shift of the parameter of interest with parameter `k` held at `value`, inside its bounds, and what went wrong."""
    if not math.isfinite(value):
        return math.nan, ""
    n_par, m = fit.theta.size, likelihood.packed
    start = fit.theta.copy()
    start[0] += guess
    if k < n_par:
        at = float(np.clip(value, m.lo[k], m.hi[k]))
        again = likelihood.fit(fit.data, start=start, fixed={fit.names[k]: at})
    else:
        j = k - n_par
        at = float(np.clip(value, m.gam_lo[j], m.gam_hi[j]))
        gam_lo, gam_hi = m.gam_lo.copy(), m.gam_hi.copy()
        gam_lo[j] = gam_hi[j] = at
        likelihood.packed = m._replace(gam_lo=gam_lo, gam_hi=gam_hi)
        try:
            again = likelihood.fit(fit.data, start=start)
        finally:
            likelihood.packed = m
    if not again.converged:
        return math.nan, f"{fit.names[k]} = {at:.4g}: {again.message}"
    return float(again.theta[0] - fit.theta[0]), ""


def error_components(
    likelihood: Likelihood, fit: FitResult, groups: Mapping[str, Sequence[str]] | None = None
) -> dict[str, float]:
    """Error of the parameter of interest by the measurements that it comes from; the squares add up to its variance.

    Parameters
    ----------
    likelihood, fit
        As in `impacts`.
    groups : mapping of str to sequence of str, optional
        Name of a group -> its parameters, ``*`` and ``?`` allowed; what is in none keeps its own group: systematic
        sources, simulation statistics (staterror), bin-by-bin (shapesys).

    Returns
    -------
    dict of str to float
        `counts` (the fluctuation of the data, free normalisations included) first, then every group that has a
        parameter, then `total`.

    Raises
    ------
    InputError
        For a group without parameters, or a parameter in two groups.
    ToymcError
        If the fit did not converge, is degenerate, or has its parameter of interest at a bound.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, NormSys, Sample
    >>> background = Sample("b", [100.0], (NormSys("scale", 0.9, 1.1),))
    >>> model = Model([Channel("sr", (Sample("s", [5.0], (NormFactor("mu"),)), background), [110.0])], poi="mu")
    >>> likelihood = signed_likelihood(model)
    >>> parts = error_components(likelihood, likelihood.fit(likelihood.data()))
    >>> {name: round(value, 2) for name, value in parts.items()}
    {'counts': 2.1, 'systematic sources': 2.0, 'total': 2.9}
    """
    _check(likelihood, fit)
    order, matrix = covariance(likelihood, fit)
    shifts = _shifts(likelihood, fit, order, matrix)
    member = _groups(likelihood, fit, groups or {})
    squares: dict[str, float] = {}
    for name, shift in shifts.items():
        squares[member[name]] = squares.get(member[name], 0.0) + shift**2
    total = float(matrix[0, 0])
    parts = {COUNTS: math.sqrt(max(total - sum(squares.values()), 0.0))}
    parts |= {name: math.sqrt(square) for name, square in squares.items()}
    return {**parts, "total": math.sqrt(total)}


def _shifts(likelihood: Likelihood, fit: FitResult, order: Sequence[str], matrix: FloatArray) -> dict[str, float]:
    """Shift of the parameter of interest for one standard deviation of each auxiliary measurement."""
    m = likelihood.packed
    kind, scale = np.concatenate([m.con_kind, m.gam_kind]), np.concatenate([m.con_scale, m.gam_scale])
    shifts = {}
    for i, name in enumerate(order):
        k = fit.names.index(name)
        if kind[k] == NORMAL:
            shifts[name] = float(matrix[0, i] / math.sqrt(scale[k]))
        elif kind[k] == POISSON:
            shifts[name] = float(matrix[0, i] * math.sqrt(scale[k] / fit.values[name]))
    return shifts


def _groups(likelihood: Likelihood, fit: FitResult, groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Group of every parameter."""
    n_par = fit.theta.size
    names = [SIMULATION if kind == NORMAL else SHAPES for kind in likelihood.packed.gam_kind]
    member = dict(zip(fit.names, [SOURCES] * n_par + names, strict=True))
    taken: dict[str, str] = {}
    for group, patterns in groups.items():
        inside = [name for name in fit.names[1:] if any(fnmatchcase(name, pattern) for pattern in patterns)]
        if not inside:
            raise InputError(f"group '{group}' has no parameter: {', '.join(patterns)} match none of the model")
        for name in inside:
            if name in taken:
                raise InputError(f"parameter '{name}' is in the groups '{taken[name]}' and '{group}'")
            taken[name] = member[name] = group
    return member
