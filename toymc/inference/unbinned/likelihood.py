# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernel: extended likelihood of mass channels with its gradient and Hessian, and its minimum by Newton steps.

    nll = sum_c [ S_c + B_c - sum_i w_i ln( S_c s_c(x_i; eta_res) + b_c(x_i) ) ] + sum (eta - aux)^2 / 2
    S_c = mu f_c k(eta_common) k(eta_eff,c)

`mu` is the number of signal events in all channels together, f_c the share of channel c, k the factor of a relative
uncertainty d: exp(d eta) (log-normal) or 1 + d eta (Gaussian). Points carry weights, so that the same code fits events
(w = 1) and Asimov data: Gauss-Legendre nodes with w = node weight x expected density, which makes the sum the integral.

Backgrounds: polynomials b = sum c_k b_k(x) with Bernstein polynomials b_k of unit integral and c_k >= 0 (events): the
rate is linear in (S, c), so nll is convex and its minimum is the only one; or b = exp(sum a_k f_k(x))/length
(exponential, threshold), whose integral is the sum over the nodes.
Resolution: ln s is a parabola in eta_res through the shapes at -1, 0 and +1 sigma, each normalised in the window. In
between and up to |eta| = 1.5 its integral stays at 1 to 2e-4 (Crystal Ball) or 2e-3 (Gaussian) for an uncertainty of
10 % of sigma (tested); uncertainties above 30 % are refused.

Newton: an allocation-free solver for the few parameters of a window (the template engine's minimiser works on its own
packed model and allocates: 3 us per step, as much as a whole evaluation here). The nll of a polynomial background is
self-concordant, so Newton steps with step halving converge from any start (Boyd and Vandenberghe, Convex Optimization,
section 9.6). Bounds are kept by projection; parameters that push against theirs are left out of the step. Where the
Hessian is not positive its diagonal is raised. Done when the expected distance g H^-1 g / 2 is below 1e-10.
"""

from __future__ import annotations

import math

import numpy as np

from toymc.kernels import lean_kernel

# columns of a point
X, W, S0, S1, S2, BASE = 0, 1, 2, 3, 4, 5
MAX_BASE = 5
N_POINT = BASE + MAX_BASE

# columns of channel_int and channel_real
LINEAR, N_BASE, OFFSET = 0, 1, 2
SHARE, EFFICIENCY_ERROR, RESOLUTION_ERROR, RATE = 0, 1, 2, 3

MU, COMMON, FIRST = 0, 1, 2  # parameters: mu, eta_common, then per channel eta_eff, eta_res, background

OK, ITERATIONS, STUCK, BAD_START, NO_ROOT, NO_SIGNAL, NO_WINDOW = 0, 1, 2, 3, 4, 5, 6
STATUS = {
    OK: "converged",
    ITERATIONS: "iteration limit reached",
    STUCK: "no further descent",
    BAD_START: "likelihood is infinite at the start",
    NO_ROOT: "no upper limit found",
    NO_SIGNAL: "no signal efficiency",
    NO_WINDOW: "holes cover the whole window",
}
_MAX_EVALUATIONS = 200
_TOLERANCE = 1e-10


@lean_kernel
def _factor(eta, error, gaussian):
    """k(eta) and its first and second derivative."""
    if gaussian:
        return 1.0 + error * eta, error, 0.0
    value = math.exp(error * eta)
    return value, error * value, error * error * value


@lean_kernel
def _add_background_total(rate, n_base, b, theta, nodes, first, last, gl, hl):
    """Integral of exp(sum a f)/length with derivatives, into the local gradient and Hessian."""
    total = 0.0
    for j in range(first, last):
        exponent = 0.0
        for k in range(n_base):
            exponent += theta[b + k] * nodes[j, BASE + k]
        value = nodes[j, W] * rate * math.exp(exponent)
        total += value
        for k in range(n_base):
            gl[k] += value * nodes[j, BASE + k]
            for m in range(k + 1):
                hl[k, m] += value * nodes[j, BASE + k] * nodes[j, BASE + m]
    return total


@lean_kernel
def _add_points(linear, rate, n_base, resolution, signal, eta, b, theta, points, first, last, gl, hl, rl):
    """-sum w ln(rate) over the points; inf where a rate is not positive.

    Local parameters: background 0 .. n_base-1, then S, then (if `resolution`) eta_res.
    """
    value = 0.0
    n_local = n_base + 2 if resolution else n_base + 1
    for i in range(first, last):
        s = points[i, S0]
        bend = 0.0
        if resolution:
            bend = points[i, S1] + points[i, S2] * eta
            s *= math.exp(eta * (points[i, S1] + 0.5 * eta * points[i, S2]))
            rl[n_base + 1] = signal * s * bend
        rl[n_base] = s
        r = 0.0
        if linear:
            for k in range(n_base):
                rl[k] = points[i, BASE + k]
                r += theta[b + k] * rl[k]
        else:
            for k in range(n_base):
                r += theta[b + k] * points[i, BASE + k]
            r = rate * math.exp(r)
            for k in range(n_base):
                rl[k] = r * points[i, BASE + k]
        background = r
        r += signal * s
        if not r > 0.0:
            if points[i, W] > 0.0:
                return math.inf
            continue
        value -= points[i, W] * math.log(r)
        t = points[i, W] / r
        t2 = t / r
        for k in range(n_local):
            gl[k] -= t * rl[k]
            for m in range(k + 1):
                hl[k, m] += t2 * rl[k] * rl[m]
        if resolution:
            hl[n_base + 1, n_base] -= t * s * bend
            hl[n_base + 1, n_base + 1] -= t * signal * s * (bend * bend + points[i, S2])
        if not linear:
            for k in range(n_base):
                for m in range(k + 1):
                    hl[k, m] -= t * background * points[i, BASE + k] * points[i, BASE + m]
    return value


@lean_kernel
def _chain(offset, n_base, resolution, mu, share, f0, d0, c0, fe, de, ce, gl, hl, gradient, hessian):
    """Local derivatives (background, S, eta_res) to those of the parameters, through S = mu share k0 ke."""
    s = n_base
    e, b = offset, offset + 2
    j_mu, j_0, j_e = share * f0 * fe, mu * share * d0 * fe, mu * share * f0 * de
    g, h = gl[s], hl[s, s]
    gradient[MU] += g * j_mu
    gradient[COMMON] += g * j_0
    gradient[e] += g * j_e
    hessian[MU, MU] += h * j_mu * j_mu
    hessian[COMMON, MU] += h * j_mu * j_0 + g * share * d0 * fe
    hessian[COMMON, COMMON] += h * j_0 * j_0 + g * mu * share * c0 * fe
    hessian[e, MU] += h * j_mu * j_e + g * share * f0 * de
    hessian[e, COMMON] += h * j_0 * j_e + g * mu * share * d0 * de
    hessian[e, e] += h * j_e * j_e + g * mu * share * f0 * ce
    if resolution:
        r = offset + 1
        gradient[r] += gl[s + 1]
        hessian[r, r] += hl[s + 1, s + 1]
        hessian[r, MU] += hl[s + 1, s] * j_mu
        hessian[r, COMMON] += hl[s + 1, s] * j_0
        hessian[r, e] += hl[s + 1, s] * j_e
    for k in range(n_base):
        gradient[b + k] += gl[k]
        hessian[b + k, MU] += hl[s, k] * j_mu
        hessian[b + k, COMMON] += hl[s, k] * j_0
        hessian[b + k, e] += hl[s, k] * j_e
        if resolution:
            hessian[b + k, offset + 1] += hl[s + 1, k]
        for m in range(k + 1):
            hessian[b + k, b + m] += hl[k, m]


@lean_kernel
def _evaluate(theta, n_channels, channel_int, channel_real, common_error, gaussian, aux, points, start, nodes,
              node_start, gradient, hessian, gl, hl, rl):  # fmt: skip
    """nll; gradient and Hessian (lower triangle, mirrored) are filled."""
    n_par = FIRST
    for c in range(n_channels):
        n_par += 2 + channel_int[c, N_BASE]
    for i in range(n_par):
        gradient[i] = 0.0
        for j in range(i + 1):
            hessian[i, j] = 0.0
    mu = theta[MU]
    f0, d0, c0 = _factor(theta[COMMON], common_error, gaussian)
    pull = theta[COMMON] - aux[COMMON]
    value = 0.5 * pull * pull
    gradient[COMMON] += pull
    hessian[COMMON, COMMON] += 1.0
    for c in range(n_channels):
        offset, n_base = channel_int[c, OFFSET], channel_int[c, N_BASE]
        b = offset + 2
        linear = channel_int[c, LINEAR] == 1
        resolution = channel_real[c, RESOLUTION_ERROR] > 0.0
        fe, de, ce = _factor(theta[offset], channel_real[c, EFFICIENCY_ERROR], gaussian)
        signal = mu * channel_real[c, SHARE] * f0 * fe
        for k in range(n_base + 2):
            gl[k] = 0.0
            for m in range(k + 1):
                hl[k, m] = 0.0
        gl[n_base] = 1.0
        value += signal
        rate = channel_real[c, RATE]
        if linear:
            for k in range(n_base):
                value += theta[b + k]
                gl[k] = 1.0
        else:
            value += _add_background_total(rate, n_base, b, theta, nodes, node_start[c], node_start[c + 1], gl, hl)
        value += _add_points(linear, rate, n_base, resolution, signal, theta[offset + 1], b, theta, points, start[c],
                             start[c + 1], gl, hl, rl)  # fmt: skip
        if not value < math.inf:
            return math.inf
        for k in range(2):
            pull = theta[offset + k] - aux[offset + k]
            value += 0.5 * pull * pull
            gradient[offset + k] += pull
            hessian[offset + k, offset + k] += 1.0
        _chain(offset, n_base, resolution, mu, channel_real[c, SHARE], f0, d0, c0, fe, de, ce, gl, hl, gradient,
               hessian)  # fmt: skip
    for i in range(n_par):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
    return value


@lean_kernel
def _factorise(hessian, index, n, damping, chol):
    """Cholesky factor of the sub-matrix `index[:n]` with its diagonal raised; False if not positive."""
    for i in range(n):
        for j in range(i + 1):
            value = hessian[index[i], index[j]]
            if i == j:
                value += damping * (abs(value) + 1e-9)
            for k in range(j):
                value -= chol[i, k] * chol[j, k]
            if i == j:
                if not value > 1e-14 * abs(hessian[index[i], index[i]]):
                    return False
                chol[i, i] = math.sqrt(value)
            else:
                chol[i, j] = value / chol[j, j]
    return True


@lean_kernel
def _back_substitute(chol, n, x):
    for i in range(n):
        for k in range(i):
            x[i] -= chol[i, k] * x[k]
        x[i] /= chol[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= chol[k, i] * x[k]
        x[i] /= chol[i, i]


@lean_kernel
def _direction(n_par, free, lo, hi, theta, gradient, hessian, index, chol, x, step):
    """Newton step of the parameters that may move; returns (their number, expected distance to the minimum)."""
    n = np.int64(0)
    for k in range(n_par):
        step[k] = 0.0
        g = gradient[k]
        if free[k] and not (theta[k] <= lo[k] and g >= 0.0) and not (theta[k] >= hi[k] and g <= 0.0):
            index[n] = k
            n += 1
    while n > 0:
        damping = 0.0
        while not _factorise(hessian, index, n, damping, chol):
            damping = max(10.0 * damping, 1e-8)
            if damping > 1e12:
                return n, math.inf
        for i in range(n):
            x[i] = -gradient[index[i]]
        _back_substitute(chol, n, x)
        kept = np.int64(0)
        for i in range(n):  # drop those at a bound whose step leads out of it
            k = index[i]
            if not ((theta[k] <= lo[k] and x[i] < 0.0) or (theta[k] >= hi[k] and x[i] > 0.0)):
                index[kept] = k
                kept += 1
        if kept == n:
            break
        n = kept
    distance = 0.0
    for i in range(n):
        step[index[i]] = x[i]
        distance -= 0.5 * x[i] * gradient[index[i]]
    return n, distance


@lean_kernel
def _minimise(n_par, free, lo, hi, theta, n_channels, channel_int, channel_real, common_error, gaussian, aux, points,
              start, nodes, node_start, gradient, hessian, chol, index, vectors, gl, hl, rl):  # fmt: skip
    """Minimum over the free parameters, in place; returns (nll, status). Gradient and Hessian are those at theta.

    `vectors` are five work rows: x, step, trial, old gradient, and one that is left to the caller.
    """
    x, step, trial, old = vectors[0], vectors[1], vectors[2], vectors[3]
    for k in range(n_par):
        trial[k] = theta[k]
    value, predicted, distance, length = math.inf, 0.0, math.inf, 0.0  # length 0: the point itself
    for _ in range(_MAX_EVALUATIONS):
        new = _evaluate(trial, n_channels, channel_int, channel_real, common_error, gaussian, aux, points, start, nodes,
                        node_start, gradient, hessian, gl, hl, rl)  # fmt: skip
        if length == 0.0 and not new < math.inf:
            return new, BAD_START
        if length == 0.0 and distance < math.inf:  # back where no step goes down
            return value, OK if distance < 1e-7 else STUCK
        if length == 0.0 or new <= value + 1e-4 * min(predicted, 0.0) + 1e-14 * (abs(value) + 1.0):
            value = new
            for k in range(n_par):
                theta[k], old[k] = trial[k], gradient[k]
            n, distance = _direction(n_par, free, lo, hi, theta, gradient, hessian, index, chol, x, step)
            if n == 0 or distance < _TOLERANCE:
                return value, OK
            length = 1.0
        else:
            length *= 0.5 if length > 0.1 else 0.2
            if length < 1e-12:
                length = 0.0
        predicted = 0.0
        for k in range(n_par):
            trial[k] = min(max(theta[k] + length * step[k], lo[k]), hi[k]) if step[k] != 0.0 else theta[k]
            predicted += old[k] * (trial[k] - theta[k])
    return value, ITERATIONS
