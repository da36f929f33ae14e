# mypy: allow-untyped-calls
"""The profile likelihood of counting channels: free fit, fit at fixed mu, test statistics, for many outcomes at once.

The backgrounds are at the minimum of their channel (`channel_fit.py`); the efficiency theta (one per channel or one for
all) and mu are roots of the score with those minima in place, where the derivative is the partial one (envelope
theorem). With one channel the free fit is closed: where mu_hat > 0 it reproduces the count, and the nuisances are what
the auxiliary measurements say.

Statistics (Cowan et al., Eur. Phys. J. C 71 (2011) 1554): q~_mu (eq. 16, mu_hat >= 0; zero for mu_hat > mu), its
two-sided form t~_mu (eq. 11), and q_0 (eq. 12). Near a minimum the error of a root enters squared, so values are good
to about 1e-12; outcomes whose statistics differ by less than `TIE` count as equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.inference.counting.channel_fit import (
    _GAUSS,
    _KNOWN,
    _LOGNORMAL,
    _SIDEBAND,
    _STEPS,
    _background,
    _deviance,
    _efficiency,
    _measured,
    _uncertain_tau,
)
from toymc.inference.counting.model import Asymmetric, Background, CountingModel, Gaussian, LogNormal, Sideband
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

TIE = 1e-7  # absolute, of a statistic
Q_MU, T_MU, Q_ZERO = 0, 1, 2
_OK, _NO_ROOT, _NOT_FINITE = 0, 1, 2
REASONS = {_NO_ROOT: "a root was not bracketed", _NOT_FINITE: "the likelihood is not finite"}


@lean_kernel
def _score(mu, theta, first, last, row, counts, main, side, model, lognormal):
    """Derivatives of ln L by mu and theta over channels [first, last), and the deviance, at fixed theta."""
    by_mu, by_theta, deviance = 0.0, 0.0, 0.0
    for c in range(first, last):
        e, de = _efficiency(theta, model[c, 5], lognormal)
        s = model[c, 4]
        kind, n = int(model[c, 0]), counts[row, c]
        b, penalty = _background(kind, n, main[row, c], side[row, c], mu * s * e, model[c, 1], model[c, 2], model[c, 3])
        mean = mu * s * e + b
        excess = (n / mean if n > 0.0 else 0.0) - 1.0
        if s > 0.0 and e > 0.0:  # an efficiency that is cut at zero has no derivative below
            by_mu += s * e * excess
            if mu > 0.0:
                by_theta += mu * s * de * excess
        deviance += _deviance(n, mean) + penalty
    return by_mu, by_theta, deviance


@lean_kernel
def _fit_theta(mu, a, first, last, row, counts, main, side, model, lognormal):
    """(theta, d ln L/d mu, deviance with penalty, status): root of the efficiency's score over its channels."""
    largest = 0.0
    for c in range(first, last):
        largest = max(largest, model[c, 5])
    # an efficiency measured below its cut at zero: start above
    start = a if lognormal or largest == 0.0 or mu == 0.0 else max(a, -0.999 / largest)
    by_mu, by_theta, deviance = _score(mu, start, first, last, row, counts, main, side, model, lognormal)
    score = by_theta - (start - a)
    if largest == 0.0 or mu == 0.0 or score == 0.0:
        return start, by_mu, deviance + (start - a) ** 2, _OK
    # bracket: a step away from the auxiliary value until the sign changes
    sign = 1.0 if score > 0.0 else -1.0
    near, near_score, step = start, score, min(abs(score), 1.0)
    far, far_score = near, near_score
    for _ in range(60):
        far = near + sign * step
        far_score = _score(mu, far, first, last, row, counts, main, side, model, lognormal)[1] - (far - a)
        if sign * far_score <= 0.0:
            break
        near, near_score, step = far, far_score, 2.0 * step
    if not sign * far_score <= 0.0:
        return a, by_mu, deviance, _NO_ROOT
    theta, before = far, math.inf
    for _ in range(_STEPS):
        theta = far - far_score * (far - near) / (far_score - near_score)
        if not min(near, far) <= theta <= max(near, far):
            theta = 0.5 * (near + far)
        by_mu, by_theta, deviance = _score(mu, theta, first, last, row, counts, main, side, model, lognormal)
        value = by_theta - (theta - a)
        if abs(theta - before) <= 1e-11 * (1.0 + abs(theta)) or value == 0.0:
            break
        before = theta
        if value * far_score <= 0.0:
            near, near_score = far, far_score
        else:
            near_score *= 0.5  # Illinois: do not let one end stand still
        far, far_score = theta, value
    return theta, by_mu, deviance + (theta - a) ** 2, _OK


@lean_kernel
def _profile(mu, row, counts, main, side, scores, model, lognormal, shared):
    """(deviance, d ln L/d mu, status) with every nuisance at its minimum."""
    n_channels = model.shape[0]
    if shared:
        _, slope, deviance, status = _fit_theta(
            mu, scores[row, 0], 0, n_channels, row, counts, main, side, model, lognormal
        )
        return deviance, slope, status
    deviance, slope, status = 0.0, 0.0, _OK
    for c in range(n_channels):
        _, part, value, code = _fit_theta(mu, scores[row, c], c, c + 1, row, counts, main, side, model, lognormal)
        deviance += value
        slope += part
        status = max(status, code)
    return deviance, slope, status


@lean_kernel
def _free_fit(row, counts, main, side, scores, model, lognormal, shared):
    """(mu_hat, deviance, status) with mu_hat >= 0."""
    at_zero, slope, status = _profile(0.0, row, counts, main, side, scores, model, lognormal, shared)
    if not slope > 0.0 or status != _OK:
        return 0.0, at_zero, status
    if model.shape[0] == 1:
        b, penalty = _measured(int(model[0, 0]), main[row, 0], model[0, 1], model[0, 2], side[row, 0], model[0, 3])
        e = _efficiency(scores[row, 0], model[0, 5], lognormal)[0]
        if e <= 0.0:
            return 0.0, at_zero, _NOT_FINITE
        return (counts[row, 0] - b) / (model[0, 4] * e), penalty, _OK
    low, low_slope, total, signal = 0.0, slope, 0.0, 0.0
    for c in range(model.shape[0]):
        total += counts[row, c]
        signal += model[c, 4]
    high = max(total, 1.0) / signal
    deviance, high_slope = at_zero, slope
    for _ in range(60):
        deviance, high_slope, status = _profile(high, row, counts, main, side, scores, model, lognormal, shared)
        if status != _OK or high_slope <= 0.0:
            break
        low, low_slope, high = high, high_slope, 2.0 * high
    if status != _OK or not high_slope <= 0.0:
        return high, deviance, max(status, _NO_ROOT)
    mu, before, side_moved = high, math.inf, 0
    for _ in range(_STEPS):
        mu = 0.5 * (low + high)
        if math.isfinite(low_slope):
            mu = high - high_slope * (high - low) / (high_slope - low_slope)
            if not low <= mu <= high:
                mu = 0.5 * (low + high)
        deviance, slope, status = _profile(mu, row, counts, main, side, scores, model, lognormal, shared)
        if abs(mu - before) <= 1e-9 * mu or slope == 0.0 or status != _OK:
            break
        before = mu
        # Illinois: an end that stands still twice counts half
        if slope > 0.0:
            low, low_slope = mu, slope
            high_slope *= 0.5 if side_moved == 1 else 1.0
            side_moved = 1
        else:
            high, high_slope = mu, slope
            low_slope *= 0.5 if side_moved == -1 else 1.0
            side_moved = -1
    return mu, deviance, status


@kernel
def _statistics(mu, which, counts, main, side, scores, model, lognormal, shared, q, mu_hat, status):
    """Test statistic, mu_hat and status of every row."""
    for row in range(counts.shape[0]):
        best, deviance, code = _free_fit(row, counts, main, side, scores, model, lognormal, shared)
        value = 0.0
        if code == _OK and not (which == Q_MU and best >= mu):
            tested = 0.0 if which == Q_ZERO else mu
            at, _, code = _profile(tested, row, counts, main, side, scores, model, lognormal, shared)
            value = max(at - deviance, 0.0)
        if code == _OK and math.isnan(value):
            code = _NOT_FINITE
        q[row], mu_hat[row], status[row] = value if code == _OK else math.nan, best, code


@kernel
def _nuisances(mu, counts, main, side, scores, model, lognormal, shared, background, theta_tau, theta):
    """Conditional best fit of row 0: backgrounds, scores of tau, scores of the efficiencies."""
    n_channels = model.shape[0]
    for g in range(theta.size):
        first, last = (0, n_channels) if shared else (g, g + 1)
        theta[g] = _fit_theta(mu, scores[0, g], first, last, 0, counts, main, side, model, lognormal)[0]
    for c in range(n_channels):
        e = _efficiency(theta[0 if shared else c], model[c, 5], lognormal)[0]
        kind, signal = int(model[c, 0]), mu * model[c, 4] * e
        background[c] = _background(
            kind, counts[0, c], main[0, c], side[0, c], signal, model[c, 1], model[c, 2], model[c, 3]
        )[0]
        if kind == _SIDEBAND and model[c, 2] > 0.0:
            theta_tau[c] = _uncertain_tau(counts[0, c], main[0, c], signal, model[c, 1], model[c, 2], side[0, c])


@kernel
def _throw(rng, mu, background, theta_tau, theta, model, lognormal, shared, counts, main, side, scores):
    """Toys: counts and auxiliary measurements for given parameters, one row after the other."""
    for row in range(counts.shape[0]):
        for g in range(theta.size):
            scores[row, g] = theta[g] + rng.standard_normal()
        for c in range(model.shape[0]):
            kind, b = int(model[c, 0]), background[c]
            e = _efficiency(theta[0 if shared else c], model[c, 5], lognormal)[0]
            counts[row, c] = rng.poisson(mu * model[c, 4] * e + b)
            if kind == _SIDEBAND:
                main[row, c] = rng.poisson(model[c, 1] * math.exp(model[c, 2] * theta_tau[c]) * b)
                side[row, c] = theta_tau[c] + rng.standard_normal() if model[c, 2] > 0.0 else 0.0
            elif kind == _GAUSS:
                main[row, c] = (b - model[c, 1]) / (model[c, 2] if b > model[c, 1] else model[c, 3])
                main[row, c] += rng.standard_normal()
            elif kind == _LOGNORMAL:
                main[row, c] = math.log(b / model[c, 1]) / model[c, 2] + rng.standard_normal()


@dataclass(frozen=True)
class Parameters:
    """A point of the model: signal strength, backgrounds, scores of tau and of the efficiencies."""

    mu: float
    background: FloatArray
    theta_tau: FloatArray
    theta: FloatArray


@dataclass(frozen=True)
class Outcomes:
    """Counts and auxiliary measurements of many experiments, float64[n, channels]; `scores` [n, efficiencies]."""

    counts: FloatArray
    main: FloatArray
    side: FloatArray
    scores: FloatArray


class Profile:
    """A counting model packed for the kernels.

    Examples
    --------
    >>> from toymc.inference.counting.model import CountingChannel
    >>> profile = Profile(CountingModel([CountingChannel("on", 0, Sideband(4, 20.0))]))
    >>> q, mu_hat, status = profile.statistic(profile.observed(), 2.0)
    >>> float(q[0]), float(profile.conditional(2.0).background[0].round(6))
    (4.0, 0.190476)
    """

    def __init__(self, model: CountingModel) -> None:
        self.model = model
        self.packed = np.array([_pack(c.background) + (c.signal, c.efficiency_error) for c in model.channels])
        self.lognormal = model.efficiency == "lognormal"
        self.shared = model.shared_efficiency
        self.n_scores = 1 if self.shared else len(model.channels)

    def empty(self, n: int) -> Outcomes:
        """Room for n experiments, auxiliary measurements at zero."""
        shape = (n, len(self.model.channels))
        return Outcomes(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros((n, self.n_scores)))

    def observed(self) -> Outcomes:
        """The model's own data."""
        out = self.empty(1)
        out.counts[0] = self.model.observed
        for c, channel in enumerate(self.model.channels):
            if isinstance(channel.background, Sideband):
                out.main[0, c] = channel.background.count
        return out

    def statistic(
        self, outcomes: Outcomes, mu: float, which: int = Q_MU
    ) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int8]]:
        """(statistic, mu_hat, status) of every experiment; the statistic is NaN where the status is not zero."""
        n = outcomes.counts.shape[0]
        q, mu_hat, status = np.empty(n), np.empty(n), np.empty(n, dtype=np.int8)
        _statistics(
            float(mu), which, outcomes.counts, outcomes.main, outcomes.side, outcomes.scores, self.packed,
            self.lognormal, self.shared, q, mu_hat, status,
        )  # fmt: skip
        return q, mu_hat, status

    def conditional(self, mu: float, data: Outcomes | None = None) -> Parameters:
        """The parameters that fit the data (the model's own if none are given) best at fixed mu."""
        data = data or self.observed()
        n = len(self.model.channels)
        background, theta_tau, theta = np.zeros(n), np.zeros(n), np.zeros(self.n_scores)
        _nuisances(
            float(mu), data.counts, data.main, data.side, data.scores, self.packed, self.lognormal, self.shared,
            background, theta_tau, theta,
        )  # fmt: skip
        return Parameters(float(mu), background, theta_tau, theta)

    def throw(self, rng: np.random.Generator, at: Parameters, n: int) -> Outcomes:
        """n experiments of the given parameters."""
        out = self.empty(n)
        _throw(
            rng, at.mu, at.background, at.theta_tau, at.theta, self.packed, self.lognormal, self.shared,
            out.counts, out.main, out.side, out.scores,
        )  # fmt: skip
        return out


def _pack(background: Background) -> tuple[float, float, float, float]:
    if isinstance(background, Sideband):
        return _SIDEBAND, background.tau, background.kappa, 0.0
    if isinstance(background, Gaussian):
        return _GAUSS, background.mean, background.error, background.error
    if isinstance(background, Asymmetric):
        return _GAUSS, background.mean, background.up, background.down
    if isinstance(background, LogNormal):
        return _LOGNORMAL, background.mean, background.kappa, 0.0
    return _KNOWN, float(background.mean), 0.0, 0.0
