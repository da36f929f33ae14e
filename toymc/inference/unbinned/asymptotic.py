# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernel: profile in the signal yield, asymptotic CLs limit and its bands at one hypothesis.

q~_mu and its distributions as in `toymc.inference.limits` (arXiv:1007.1727, eqs. 16, 62-65; mu_hat >= 0), with the
background-only Asimov data of the nuisance parameters that fit the data at mu = 0. Band N is the root of
sqrt(q~_mu,A) = x_N, x_N = Phi^-1(1 - alpha Phi(N)) + N; the Asimov data fit their own hypothesis exactly.

Without background q~_mu = 2 mu for an empty window, so CLs = 2 Phi(-sqrt(2 mu)): 1.92 events at 95 %, where the exact
answer is -ln 0.05 = 3.00. That is the published definition; `toymc.inference.unbinned.toys` gives the exact one.
"""

from __future__ import annotations

import math

import numpy as np

from toymc.inference.unbinned.hypothesis import _start_background
from toymc.inference.unbinned.likelihood import (
    BAD_START,
    LINEAR,
    MU,
    N_BASE,
    NO_ROOT,
    OFFSET,
    OK,
    W,
    _back_substitute,
    _direction,
    _factorise,
    _minimise,
)
from toymc.kernels import lean_kernel

THETA, TANGENT = 0, 1  # rows of a profile state
_PRECISION = 1e-4  # last step in ln mu; Newton leaves its square
_MAX_ROOT_STEPS = 60


@lean_kernel
def _start(n_channels, channel_int, threshold_family, points, start, theta):
    """Start values: no signal, nuisances at zero, backgrounds that give the weights of the points."""
    theta[MU] = 0.0
    theta[MU + 1] = 0.0
    for c in range(n_channels):
        total = 0.0
        for i in range(start[c], start[c + 1]):
            total += points[i, W]
        offset = channel_int[c, OFFSET]
        theta[offset] = 0.0
        theta[offset + 1] = 0.0
        _start_background(channel_int[c, LINEAR] == 1, threshold_family[c], channel_int[c, N_BASE], offset + 2, total,
                          theta)  # fmt: skip


@lean_kernel
def _profile(mu, state, threshold_family, n_par, free, lo, hi, n_channels, channel_int, channel_real, common_error,
             gaussian, aux, points, start, nodes, node_start, gradient, hessian, chol, index, vectors, gl, hl,
             rl):  # fmt: skip
    """Conditional fit at mu, started along the tangent of the last one; returns (nll, dnll/dmu, status)."""
    theta, tangent = state[THETA], state[TANGENT]
    kept = vectors[4]
    moved = mu - theta[MU]
    for k in range(n_par):
        kept[k] = theta[k]
        theta[k] = min(max(theta[k] + moved * tangent[k], lo[k]), hi[k])
    theta[MU] = mu
    free[MU] = False
    status = BAD_START
    value = math.inf
    for attempt in range(3):
        if attempt == 1:
            for k in range(1, n_par):
                theta[k] = kept[k]
        elif attempt == 2:
            _start(n_channels, channel_int, threshold_family, points, start, theta)
            theta[MU] = mu
        value, status = _minimise(n_par, free, lo, hi, theta, n_channels, channel_int, channel_real, common_error,
                                  gaussian, aux, points, start, nodes, node_start, gradient, hessian, chol, index,
                                  vectors, gl, hl, rl)  # fmt: skip
        if status == OK:
            break
    x = vectors[0]
    n, _ = _direction(n_par, free, lo, hi, theta, gradient, hessian, index, chol, x, vectors[1])
    for i in range(n):
        x[i] = -hessian[index[i], MU]
    _back_substitute(chol, n, x)
    for k in range(n_par):
        tangent[k] = 0.0
    for i in range(n):
        tangent[index[i]] = x[i]
    return value, gradient[MU], status


@lean_kernel
def _variance(n_par, free, lo, hi, theta, gradient, hessian, index, chol, x):
    """Variance of mu from the Hessian, other parameters at a bound left out; inf where there is none."""
    index[0] = MU
    n = np.int64(1)
    for k in range(1, n_par):
        g = gradient[k]
        if free[k] and not (theta[k] <= lo[k] and g >= 0.0) and not (theta[k] >= hi[k] and g <= 0.0):
            index[n] = k
            n += 1
    if not hessian[MU, MU] > 0.0 or not _factorise(hessian, index, n, 0.0, chol):
        return math.inf
    for i in range(n):
        x[i] = 0.0
    x[0] = 1.0
    _back_substitute(chol, n, x)
    return x[0]


@lean_kernel
def _free_fit(state, n_par, free, lo, hi, n_channels, channel_int, channel_real, common_error, gaussian, aux, points,
              start, nodes, node_start, gradient, hessian, chol, index, vectors, gl, hl, rl):  # fmt: skip
    """Fit with mu >= 0 free from `state`; returns (nll, status)."""
    free[MU] = True
    value, status = _minimise(n_par, free, lo, hi, state[THETA], n_channels, channel_int, channel_real, common_error,
                              gaussian, aux, points, start, nodes, node_start, gradient, hessian, chol, index, vectors,
                              gl, hl, rl)  # fmt: skip
    free[MU] = False
    for k in range(n_par):
        state[TANGENT, k] = 0.0
    return value, status


@lean_kernel
def _log_cls(q, q_asimov):
    """ln CLs from the observed and the Asimov statistic (eqs. 62-65)."""
    root_q, root_a = math.sqrt(q), math.sqrt(q_asimov)
    if root_q <= root_a or root_a == 0.0:
        a, b = root_q, root_q - root_a
    else:
        a, b = 0.5 * (q + q_asimov) / root_a, 0.5 * (q - q_asimov) / root_a
    half = math.sqrt(0.5)
    return math.log(max(math.erfc(a * half), 1e-300)) - math.log(max(math.erfc(b * half), 1e-300))


@lean_kernel
def _next_root(mu, low, high, q, slope, target):
    """A Newton step in ln q over ln mu towards q = target, kept inside the bracket."""
    power = mu * slope / q if q > 0.0 else 0.0
    if power > 0.1:
        new = mu * math.exp(min(max(math.log(target / q) / power, -3.0), 3.0))
    else:
        new = 4.0 * mu if q < target else 0.25 * mu
    if not low < new < high and abs(new - mu) > _PRECISION * mu:
        new = math.sqrt(max(low, 1e-3 * high) * high) if high < math.inf else 2.0 * low
    return new, power


@lean_kernel
def _bands(targets, limits, state, threshold_family, n_par, free, lo, hi, n_channels, channel_int, channel_real,
           common_error, gaussian, aux, points, start, nodes, node_start, gradient, hessian, chol, index, vectors, gl,
           hl, rl):  # fmt: skip
    """Roots of sqrt(q_A) = target for every target (ascending), from Asimov data; `state` is their fit at mu = 0."""
    offset, _, status = _profile(0.0, state, threshold_family, n_par, free, lo, hi, n_channels, channel_int,
                                 channel_real, common_error, gaussian, aux, points, start, nodes, node_start, gradient,
                                 hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
    spread = math.sqrt(_variance(n_par, free, lo, hi, state[THETA], gradient, hessian, index, chol, vectors[0]))
    mu = 0.5 * targets[0] * targets[0] + (targets[0] * spread if spread < math.inf else 0.0)
    if status != OK:
        return status
    for b in range(targets.size):
        target = targets[b] * targets[b]
        low, high = 0.0, math.inf
        found = False
        for _ in range(_MAX_ROOT_STEPS):
            value, slope, status = _profile(mu, state, threshold_family, n_par, free, lo, hi, n_channels, channel_int,
                                            channel_real, common_error, gaussian, aux, points, start, nodes,
                                            node_start, gradient, hessian, chol, index, vectors, gl, hl,
                                            rl)  # fmt: skip
            q = max(2.0 * (value - offset), 0.0)
            if q > target:
                high = min(high, mu)
            else:
                low = max(low, mu)
            new, power = _next_root(mu, low, high, q, 2.0 * slope, target)
            if status != OK or abs(new - mu) <= _PRECISION * mu:
                found = status == OK
                mu = new
                break
            mu = new
        if not found:
            return NO_ROOT if status == OK else status
        limits[b] = mu
        if b + 1 < targets.size:  # next one: extrapolate the power law
            mu *= (targets[b + 1] / targets[b]) ** (2.0 / max(power, 1.0))
    return OK


@lean_kernel
def _observed(log_alpha, mu_hat, nll_hat, guess, state, asimov_state, threshold_family, n_par, free, lo, hi,
              n_channels, channel_int, channel_real, common_error, gaussian, aux, points, start, asimov, nodes,
              node_start, gradient, hessian, chol, index, vectors, gl, hl, rl):  # fmt: skip
    """Root of ln CLs(mu) = ln alpha above mu_hat; returns (limit, status)."""
    offset, _, status = _profile(0.0, asimov_state, threshold_family, n_par, free, lo, hi, n_channels, channel_int,
                                 channel_real, common_error, gaussian, aux, asimov, node_start, nodes, node_start,
                                 gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
    low, high = mu_hat, math.inf
    mu = mu_hat + guess
    for _ in range(_MAX_ROOT_STEPS):
        value, dq, status = _profile(mu, state, threshold_family, n_par, free, lo, hi, n_channels, channel_int,
                                     channel_real, common_error, gaussian, aux, points, start, nodes, node_start,
                                     gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
        if status != OK:
            return math.nan, status
        q, dq = max(2.0 * (value - nll_hat), 0.0), 2.0 * dq
        value, da, status = _profile(mu, asimov_state, threshold_family, n_par, free, lo, hi, n_channels, channel_int,
                                     channel_real, common_error, gaussian, aux, asimov, node_start, nodes, node_start,
                                     gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
        if status != OK:
            return math.nan, status
        qa, da = max(2.0 * (value - offset), 0.0), 2.0 * da
        excess = _log_cls(q, qa) - log_alpha
        if excess > 0.0:
            low = mu
        else:
            high = mu
        # the slope by differences of the closed form, chain rule with dq and dqA
        hq, ha = 1e-6 * (q + 1e-6), 1e-6 * (qa + 1e-6)
        below_q, below_a = max(q - hq, 0.0), max(qa - ha, 0.0)
        slope = dq * (_log_cls(q + hq, qa) - _log_cls(below_q, qa)) / (q + hq - below_q)
        slope += da * (_log_cls(q, qa + ha) - _log_cls(q, below_a)) / (qa + ha - below_a)
        new = mu - excess / slope if slope < 0.0 else math.inf
        if abs(new - mu) <= _PRECISION * mu:
            return new, OK
        if not low < new < high:
            new = 0.5 * (low + high) if high < math.inf else low + 2.0 * max(low - mu_hat, 0.5 * guess)
        elif new > 4.0 * mu:
            new = 4.0 * mu
        mu = new
    return math.nan, NO_ROOT
