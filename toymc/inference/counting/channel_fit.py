# mypy: allow-untyped-calls
"""One channel of the profile likelihood: the background that fits best, in closed form or by one bracketed root.

With S = mu s e the channel contributes to 2 nll (as a deviance, so that a perfect fit gives zero)

    2 [S + b - n - n ln((S + b)/n)] + penalty(b),

with the penalty 2 [tau b - m - m ln(tau b/m)] of a sideband (+ (theta - a)^2 with an uncertain tau) or (theta - a)^2, a
the auxiliary measurement, for b = mean + error theta, cut at zero, with errors up and down, or b = mean kappa^theta.

Inner minimum in b for given S:

* sideband: (1 + tau) b^2 + [(1 + tau) S - n - m] b - m S = 0 (Li and Ma, ApJ 272 (1983) 317, for S = 0);
* Gaussian: x = S + b solves x^2 - (S + c - error^2) x - n error^2 = 0 with c = mean + error a;
* log-normal and uncertain tau: the root in theta of the score, which has a known bracket.

Arguments are scalars: `kind` of the constraint, count n, auxiliary measurements `main` (sideband count, or a) and
`side` (of tau), parameters p0, p1, p2 (tau, ln kappa of tau, -; mean, error up, error down; median, ln kappa, -).
"""

import math

from toymc.kernels import lean_kernel

_KNOWN, _SIDEBAND, _GAUSS, _LOGNORMAL = 0, 1, 2, 3
_STEPS = 200


@lean_kernel
def _deviance(n, mean):
    """2 [mean - n - n ln(mean/n)]; close to zero by its series, where the difference would lose digits."""
    if n == 0.0:
        return 2.0 * mean
    if mean <= 0.0:
        return math.inf
    x = (mean - n) / n
    if abs(x) < 1e-4:
        return n * x * x * (1.0 - x * (2.0 / 3.0 - 0.5 * x))
    return 2.0 * n * (x - math.log1p(x))


@lean_kernel
def _sideband_mean(n, m, signal, tau):
    """Background that minimises the deviance of the count and of its sideband."""
    if signal == 0.0:
        return (n + m) / (1.0 + tau)
    p = (1.0 + tau) * signal - n - m
    root = math.sqrt(p * p + 4.0 * (1.0 + tau) * m * signal)
    if p > 0.0:
        return 2.0 * m * signal / (p + root)
    return (root - p) / (2.0 * (1.0 + tau))


@lean_kernel
def _gauss_branch(n, signal, mean, error, a):
    """Background on a branch with one error, cut at zero, without regard to where the branch ends."""
    c = mean + error * a
    p = signal + c - error * error
    root = math.sqrt(p * p + 4.0 * n * error * error)
    x = 0.5 * (p + root) if p > 0.0 else (2.0 * n * error * error / (root - p) if n > 0.0 else 0.0)
    return max(x - signal, 0.0)


@lean_kernel
def _lognormal_theta(n, signal, mean, kappa, a):
    """Root of the score kappa b (n/(S + b) - 1) - (theta - a), by Newton steps inside a bracket."""
    b = mean * math.exp(kappa * a)
    if n == signal + b:
        return a
    if n > signal + b:
        low, high = a, math.log((n - signal) / mean) / kappa
    else:
        low, high = a - kappa * b, a
    theta = a
    for _ in range(_STEPS):
        b = mean * math.exp(kappa * theta)
        ratio = n / (signal + b)
        score = kappa * b * (ratio - 1.0) - (theta - a)
        if score > 0.0:
            low = theta
        else:
            high = theta
        slope = kappa * kappa * b * (ratio * signal / (signal + b) - 1.0) - 1.0
        new = theta - score / slope if slope < 0.0 else 0.5 * (low + high)
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - theta) <= 1e-15 * (1.0 + abs(theta)):
            return new
        theta = new
    return theta


@lean_kernel
def _uncertain_tau(n, m, signal, tau, kappa, a):
    """theta of tau kappa^theta with the background at its minimum: root of the score by bisection and secant."""
    low, high = a - kappa * (m + 1.0), a + kappa * (n + m + 1.0) + 1.0
    theta, old, old_score = a, math.nan, math.nan
    for _ in range(_STEPS):
        t = tau * math.exp(kappa * theta)
        score = kappa * (m - t * _sideband_mean(n, m, signal, t)) - (theta - a)
        if score > 0.0:
            low = theta
        else:
            high = theta
        new = theta - score * (theta - old) / (score - old_score)
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - theta) <= 1e-14 * (1.0 + abs(theta)):
            return new
        old, old_score, theta = theta, score, new
    return theta


@lean_kernel
def _background(kind, n, main, side, signal, p0, p1, p2):
    """(background, penalty) at the minimum of the channel for a given signal mean."""
    if kind == _SIDEBAND:
        if p1 == 0.0:
            b = _sideband_mean(n, main, signal, p0)
            return b, _deviance(main, p0 * b)
        theta = _uncertain_tau(n, main, signal, p0, p1, side)
        tau = p0 * math.exp(p1 * theta)
        b = _sideband_mean(n, main, signal, tau)
        return b, _deviance(main, tau * b) + (theta - side) ** 2
    if kind == _GAUSS:
        up = max(_gauss_branch(n, signal, p0, p1, main), p0)
        down = min(_gauss_branch(n, signal, p0, p2, main), p0)
        up_penalty, down_penalty = ((up - p0) / p1 - main) ** 2, ((down - p0) / p2 - main) ** 2
        if _deviance(n, signal + up) + up_penalty <= _deviance(n, signal + down) + down_penalty:
            return up, up_penalty
        return down, down_penalty
    if kind == _LOGNORMAL:
        theta = _lognormal_theta(n, signal, p0, p1, main)
        return p0 * math.exp(p1 * theta), (theta - main) ** 2
    return p0, 0.0


@lean_kernel
def _measured(kind, main, p0, p1, side, p2):
    """(background, penalty) where the auxiliary measurement alone decides."""
    if kind == _SIDEBAND:
        return main / (p0 * math.exp(p1 * side)), 0.0
    if kind == _GAUSS:
        b = max(p0 + (p1 if main > 0.0 else p2) * main, 0.0)
        return b, ((b - p0) / (p1 if main > 0.0 else p2) - main) ** 2
    if kind == _LOGNORMAL:
        return p0 * math.exp(p1 * main), 0.0
    return p0, 0.0


@lean_kernel
def _efficiency(theta, error, lognormal):
    """(efficiency, its derivative) at a standard score."""
    if lognormal:
        kappa = math.log1p(error)
        e = math.exp(kappa * theta)
        return e, kappa * e
    if 1.0 + error * theta <= 0.0:
        return 0.0, 0.0
    return 1.0 + error * theta, error
