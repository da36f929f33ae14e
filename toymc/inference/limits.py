"""Asymptotic CLs upper limits with expected bands, from q~_mu of Cowan, Cranmer, Gross and Vitells.

Source: Eur. Phys. J. C 71 (2011) 1554 (arXiv:1007.1727). The published definition, mu_hat >= 0: q~_mu is
-2 ln L(mu, theta_mu) / L(mu_hat, theta_hat) with mu_hat bounded at zero, and 0 for mu_hat > mu (eq. 16). Its
distributions are those of eqs. 62-65, written with the Asimov data set of the background-only hypothesis, whose
nuisance parameters are those fitted to the data at mu = 0 (the convention of pyhf and RooStats), and sqrt(q~_mu,A) =
mu / sigma (eqs. 29, 30). CLs = p_s+b / (1 - p_b).

At N sigma of the background-only expectation CLs depends on sqrt(q~_mu,A) alone, so each band is one root of
sqrt(q~_mu,A) = x_N with x_N = Phi^-1(1 - alpha Phi(N)) + N; the Asimov data fit their own hypothesis exactly, so each
evaluation is one conditional fit. The roots are found by Newton steps in ln q over ln mu (exact both for Gaussian and
for counting behaviour), with the derivative from the envelope theorem and starts extrapolated along the profile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtr, ndtri

from toymc.errors import InputError, ToymcError
from toymc.inference.model import Model
from toymc.inference.profile import Dataset, FitResult, Likelihood

BANDS = (-2, -1, 0, 1, 2)
_PRECISION = 1e-5  # of the last step in ln mu; the error left after it is its square
_MAX_STEPS = 60

_Statistic: TypeAlias = Callable[[float], tuple[float, float, float, float]]  # mu -> q, dq/dmu, qA, dqA/dmu


@dataclass(frozen=True)
class LimitResult:
    """An upper limit at one confidence level, in units of the parameter of interest.

    `expected` are the limits at -2, -1, 0, +1, +2 sigma of the background-only expectation; `observed` is None without
    data.
    `mu_hat` (not negative) and `mu_error` come from the free fit; `sigma` is mu/sqrt(q~_mu,A) at the median limit.
    `status` says `converged`, or what went wrong with how many fits; `failures` lists those fits.
    """

    cl: float
    observed: float | None
    expected: tuple[float, float, float, float, float]
    sigma: float
    mu_hat: float | None
    mu_error: float | None
    status: str
    n_fits: int
    failures: tuple[str, ...] = ()
    at_bound: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """The median expected limit."""
        return self.expected[2]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, bands keyed as in `result.json`."""
        return {
            "cl": self.cl,
            "upper_limit": self.observed,
            "expected": dict(zip(("-2", "-1", "0", "+1", "+2"), self.expected, strict=True)),
            "sigma": self.sigma,
            "mu_hat": self.mu_hat,
            "mu_error": self.mu_error,
            "status": self.status,
            "n_fits": self.n_fits,
            "failures": list(self.failures),
            "at_bound": list(self.at_bound),
        }


class _Profile:
    """2 nll and its derivative along mu for one data set, started from the nearest fit made so far."""

    def __init__(self, likelihood: Likelihood, data: Dataset, first: FitResult, offset: float) -> None:
        self.likelihood, self.data, self.offset = likelihood, data, offset
        self.fits: list[FitResult] = [first]
        self.failures: list[str] = []
        self.lower: FitResult | None = None  # a fit below the offset, which then was not the minimum

    def __call__(self, mu: float) -> tuple[float, float]:
        """(q, dq/dmu) with q = 2 (nll(mu) - offset), not negative."""
        near = min(self.fits, key=lambda f: abs(f.theta[0] - mu))
        start = near.theta + (mu - near.theta[0]) * near.tangent
        fit = self.likelihood.fit(self.data, poi=mu, start=start)
        if fit.converged:
            self.fits.append(fit)
            if fit.nll < self.offset - 1e-7 * (1.0 + abs(self.offset)) and (
                self.lower is None or fit.nll < self.lower.nll
            ):
                self.lower = fit
        else:
            self.failures.append(f"mu = {mu:.6g}: {fit.message} (EDM {fit.edm:.1e}, {fit.attempts} attempts)")
        return max(2.0 * (fit.nll - self.offset), 0.0), 2.0 * fit.slope


def _band_target(alpha: float, n_sigma: int) -> float:
    """sqrt(q~_mu,A) at which CLs = alpha when the data are n_sigma above the background-only median."""
    return float(-ndtri(alpha * ndtr(n_sigma)) + n_sigma)


def _solve_power(function: Callable[[float], tuple[float, float]], target: float, start: float) -> float:
    """Root of q(mu) = target for an increasing q: Newton in ln q over ln mu, kept inside its bracket."""
    low, high, mu = 0.0, math.inf, start
    for _ in range(_MAX_STEPS):
        q, slope = function(mu)
        if not math.isfinite(q) or q > target:
            high = mu
        else:
            low = mu
        power = mu * slope / q if q > 0.0 and math.isfinite(q) else 0.0
        if power > 0.1:
            step = math.log(target / q) / power
            new = mu * math.exp(min(max(step, -3.0), 3.0))
        else:
            new = 4.0 * mu if low == mu else 0.25 * mu
        if not low < new < high:
            new = math.sqrt(max(low, 1e-3 * high) * high) if high < math.inf else 2.0 * low
        if abs(new - mu) <= _PRECISION * mu:
            return new
        mu = new
    raise ToymcError(
        f"no expected limit after {_MAX_STEPS} steps (last mu = {mu:.3g}, between {low:.3g} and {high:.3g}); "
        "is the model sensitive to its parameter of interest?"
    )


def _log_cls(q: float, q_asimov: float) -> float:
    """ln CLs of eqs. 62-65 from the observed and the Asimov statistic."""
    root_q, root_a = math.sqrt(q), math.sqrt(q_asimov)
    if root_q <= root_a or root_a == 0.0:
        return float(log_ndtr(-root_q) - log_ndtr(root_a - root_q))
    return float(log_ndtr(-0.5 * (q + q_asimov) / root_a) - log_ndtr(-0.5 * (q - q_asimov) / root_a))


def _solve_observed(statistic: _Statistic, alpha: float, mu_hat: float, start: float) -> float:
    """Root of ln CLs(mu) = ln alpha above mu_hat: Newton inside a bracket that grows upwards."""
    low, high, mu = mu_hat, math.inf, start
    for _ in range(_MAX_STEPS):
        q, dq, qa, dqa = statistic(mu)
        value = _log_cls(q, qa) - math.log(alpha)
        if value > 0.0:
            low = mu
        else:
            high = mu
        # derivative of ln CLs: central differences of the closed form in q and qA, chain rule with dq, dqA
        step_q, step_a = 1e-6 * (q + 1e-6), 1e-6 * (qa + 1e-6)
        slope = dq * (_log_cls(q + step_q, qa) - _log_cls(max(q - step_q, 0.0), qa)) / (2.0 * step_q)
        slope += dqa * (_log_cls(q, qa + step_a) - _log_cls(q, max(qa - step_a, 0.0))) / (2.0 * step_a)
        new = mu - value / slope if slope < 0.0 else math.inf
        if not low < new < high:
            new = 0.5 * (low + high) if high < math.inf else low + 2.0 * max(low - mu_hat, 0.5 * start)
        elif new > 4.0 * mu:
            new = 4.0 * mu
        if abs(new - mu) <= _PRECISION * mu:
            return new
        mu = new
    raise ToymcError(
        f"no observed limit after {_MAX_STEPS} steps (last mu = {mu:.3g}, between {low:.3g} and {high:.3g})"
    )


def _asimov_profile(likelihood: Likelihood, background: FitResult) -> _Profile:
    """The background-only Asimov data of a conditional fit at mu = 0; their own likelihood is 0 at its minimum."""
    data = likelihood.asimov(background.theta, background.gamma)
    at_zero = likelihood.fit(data, poi=0.0, start=background.theta)
    return _Profile(likelihood, data, at_zero, 0.0)


def _scale(asimov: _Profile) -> float:
    """First guess of sigma: from the curvature at zero, or from a rise of one unit where the curvature vanishes."""
    fit = asimov.fits[0]
    if fit.curvature > 0.0:
        return 1.0 / math.sqrt(fit.curvature)
    return 1.0 / max(abs(fit.slope), 1e-12)


def _check_cl(cl: float) -> None:
    if not 0.5 < cl < 1.0:
        raise InputError(f"confidence level {cl:g}; it must be between 0.5 and 1, for instance 0.9 or 0.95")


def _background(likelihood: Likelihood, data: Dataset | None) -> FitResult:
    """Nuisance parameters of the background-only hypothesis: fitted to the data, or the start values without data."""
    if data is None:
        theta = likelihood.layout.start.copy()
        theta[0] = 0.0
        gamma = likelihood.nominal_gammas()
        data = likelihood.asimov(theta, gamma)
    fit = likelihood.fit(data, poi=0.0)
    if not np.isfinite(fit.nll):
        empty = np.flatnonzero((fit.rates <= 0.0) & (data.counts > 0.0))
        where = f" (bin {empty[0]} of all channels: {data.counts[empty[0]]:g} observed)" if empty.size else ""
        raise InputError(
            f"the background-only model expects nothing where events were observed{where}; "
            "give the bin a background or merge it with its neighbour"
        )
    return fit


def _statistic(observed: _Profile, asimov: _Profile, mu_hat: float) -> _Statistic:
    def statistic(mu: float) -> tuple[float, float, float, float]:
        q, dq = observed(mu) if mu > mu_hat else (0.0, 0.0)
        qa, dqa = asimov(mu)
        return q, dq, qa, dqa

    return statistic


class _Observed(NamedTuple):
    limit: float
    best: FitResult
    failures: tuple[str, ...]


def _observed_limit(
    likelihood: Likelihood, data: Dataset, asimov: _Profile, alpha: float, near: tuple[FitResult, float, float]
) -> _Observed:
    """The observed limit; `near` is the background fit, the expected limit at -1 sigma and sigma.

    Where a conditional fit lies below the free one, which then had found another minimum, all starts again from there.
    """
    background, low, sigma = near
    start = background.theta
    for _ in range(3):
        best = likelihood.fit(data, start=start)
        mu_hat = float(best.theta[0])
        observed = _Profile(likelihood, data, best, best.nll)
        guess = mu_hat + sigma * float(-ndtri(alpha * ndtr(mu_hat / sigma))) if mu_hat > 0.0 else low
        limit = _solve_observed(_statistic(observed, asimov, mu_hat), alpha, mu_hat, guess)
        if observed.lower is None:
            break
        start = observed.lower.theta
    failures = tuple(observed.failures)
    if not best.converged:
        failures = (f"free fit: {best.message} (EDM {best.edm:.1e}, {best.attempts} attempts)", *failures)
    return _Observed(limit, best, failures)


def upper_limit(
    model: Model,
    data: Mapping[str, npt.ArrayLike] | None = None,
    cl: float = 0.95,
    likelihood: Likelihood | None = None,
) -> LimitResult:
    """CLs upper limit on the parameter of interest, observed and expected with bands.

    Parameters
    ----------
    model : Model
        Yields in events.
    data : mapping of channel name to counts, optional
        Observed counts instead of the model's own. Without either the result has expected limits only, with the
        nuisance parameters at their start values.
    cl : float
        Confidence level, for instance 0.90 or 0.95.
    likelihood : Likelihood, optional
        The model's likelihood, to be built once for several limits.

    Returns
    -------
    LimitResult
        In units of the parameter of interest.

    Raises
    ------
    InputError
        Bad confidence level or counts, or data that the background-only hypothesis excludes outright.
    ToymcError
        If the model has no sensitivity, so that no limit exists.

    Notes
    -----
    Asymptotic: where few events are expected the coverage is off (without background and events the asymptotic 95 %
    limit is 1.92 events, the exact one 3.00). Definition and equations: module text.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [5.0], (NormFactor("mu"),)), Sample("b", [50.0])), [45.0])], poi="mu")
    >>> limit = upper_limit(model, cl=0.95)
    >>> f"{limit.observed:.3f} {limit.median:.3f}"
    '2.376 3.034'
    """
    _check_cl(cl)
    alpha = 1.0 - cl
    likelihood = likelihood or Likelihood(model)
    before = likelihood.n_fits
    dataset = likelihood.data(data) if data is not None or model.has_data else None
    background = _background(likelihood, dataset)
    asimov = _asimov_profile(likelihood, background)
    roots: dict[int, float] = {}
    sigma = _scale(asimov)
    for n_sigma in (0, 1, 2, -1, -2):
        target = _band_target(alpha, n_sigma)
        roots[n_sigma] = _solve_power(asimov, target**2, sigma * target)
        if n_sigma == 0:
            sigma = roots[0] / target
    failures = tuple(asimov.failures)
    observed: _Observed | None = None
    if dataset is not None:
        near = background, roots[-1], sigma
        observed = _observed_limit(likelihood, dataset, asimov, alpha, near)
        failures += observed.failures
    best = None if observed is None else observed.best
    return LimitResult(
        cl=cl,
        observed=None if observed is None else observed.limit,
        expected=(roots[-2], roots[-1], roots[0], roots[1], roots[2]),
        sigma=sigma,
        mu_hat=None if best is None else float(best.theta[0]),
        mu_error=None if best is None else 1.0 / math.sqrt(best.curvature) if best.curvature > 0.0 else math.inf,
        status="converged" if not failures else f"{len(failures)} fits did not converge",
        n_fits=likelihood.n_fits - before,
        failures=failures,
        at_bound=() if best is None else best.at_bound,
    )


def cls_values(
    model: Model, mu: npt.ArrayLike, data: Mapping[str, npt.ArrayLike] | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Observed and expected CLs at given values of the parameter of interest (for plots of CLs against mu).

    Parameters
    ----------
    model : Model
    mu : array_like, shape (n,)
        Positive values of the parameter of interest.
    data : mapping of channel name to counts, optional
        As in `upper_limit`.

    Returns
    -------
    observed : float64[n]
        NaN without data.
    expected : float64[n, 5]
        At -2, -1, 0, +1, +2 sigma of the background-only expectation.

    Raises
    ------
    InputError
        If a value is not positive and finite.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [5.0], (NormFactor("mu"),)), Sample("b", [50.0])), [45.0])], poi="mu")
    >>> observed, expected = cls_values(model, [2.3762])
    >>> round(float(observed[0]), 4)
    0.05
    """
    points = np.atleast_1d(np.asarray(mu, dtype=np.float64))
    if not np.all(np.isfinite(points) & (points > 0.0)):
        raise InputError(f"CLs is asked at {points.min():g}; the parameter of interest must be positive and finite")
    likelihood = Likelihood(model)
    dataset = likelihood.data(data) if data is not None or model.has_data else None
    background = _background(likelihood, dataset)
    asimov = _asimov_profile(likelihood, background)
    observed = np.full(points.size, np.nan)
    expected = np.empty((points.size, len(BANDS)))
    if dataset is not None:
        best = likelihood.fit(dataset, start=background.theta)
        profile = _Profile(likelihood, dataset, best, best.nll)
        statistic = _statistic(profile, asimov, float(best.theta[0]))
        for i, point in enumerate(points):
            q, _, qa, _ = statistic(float(point))
            observed[i] = math.exp(_log_cls(q, qa))
    for i, point in enumerate(points):
        root = math.sqrt(asimov(float(point))[0])
        expected[i] = [float(ndtr(n - root) / ndtr(n)) for n in BANDS]
    return observed, expected
