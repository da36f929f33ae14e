# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernel: box-constrained Newton minimisation of the profile likelihood with an active set.

Each step solves the exact reduced Newton equations on the free parameters that are not held by a bound. Where the
Hessian is not positive definite its diagonal is raised (Levenberg-Marquardt) until it is; where a step meets a bound
it stops there and the bound joins the active set; where the likelihood does not fall (Armijo) the step is halved.
Converged when the expected distance to the minimum, EDM = g H^-1 g / 2, is below the tolerance.
"""

from __future__ import annotations

import math

import numpy as np

from toymc.inference.engine import _evaluate
from toymc.kernels import kernel, lean_kernel

CONVERGED, MAX_ITERATIONS, STUCK, BAD_START = 0, 1, 2, 3
STATUS = {
    CONVERGED: "converged",
    MAX_ITERATIONS: "iteration limit reached",
    STUCK: "no further descent",
    BAD_START: "likelihood is infinite at the start",
}


@lean_kernel
def _cholesky(hessian, index, n, damping, factor):
    """Factorise the sub-matrix of `index[:n]`, its diagonal raised by damping x the row's largest; False if it fails.

    The largest of the row and not the diagonal itself: where a yield is a product of two parameters near zero the
    diagonal vanishes and only the mixed derivative is left.
    """
    for i in range(n):
        extra = 0.0
        if damping > 0.0:
            for j in range(n):
                extra = max(extra, abs(hessian[index[i], index[j]]))
            extra = damping * (extra + 1e-12)
        for j in range(i + 1):
            value = hessian[index[i], index[j]]
            if i == j:
                value += extra
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                if not value > 1e-14 * abs(hessian[index[i], index[i]]):
                    return False
                factor[i, i] = math.sqrt(value)
            else:
                factor[i, j] = value / factor[j, j]
    return True


@lean_kernel
def _cholesky_solve(factor, n, x):
    for i in range(n):
        for k in range(i):
            x[i] -= factor[i, k] * x[k]
        x[i] /= factor[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= factor[k, i] * x[k]
        x[i] /= factor[i, i]


@lean_kernel
def _direction(lo, hi, theta, free, damping, w):
    """Newton step on the parameters that may move, into `w.step`; returns (number of them, damping used, edm)."""
    gradient, hessian, index, factor, held, step, x = w.gradient, w.hessian, w.moving, w.root, w.held, w.step, w.move
    for k in range(theta.size):
        held[k] = False
    while True:
        n = 0
        for k in range(theta.size):
            g = gradient[k]
            step[k] = 0.0
            if not free[k] or held[k] or (theta[k] <= lo[k] and g >= 0.0) or (theta[k] >= hi[k] and g <= 0.0):
                continue
            index[n] = k
            n += 1
        if n == 0:
            return 0, damping, 0.0
        while not _cholesky(hessian, index, n, damping, factor):
            damping = max(10.0 * damping, 1e-8)
            if not damping <= 1e12:
                return n, damping, np.inf
        for i in range(n):
            x[i] = -gradient[index[i]]
        _cholesky_solve(factor, n, x)
        edm = 0.0
        outward = False
        for i in range(n):
            k = index[i]
            step[k] = x[i]
            edm -= 0.5 * x[i] * gradient[k]
            if (theta[k] <= lo[k] and x[i] < 0.0) or (theta[k] >= hi[k] and x[i] > 0.0):
                held[k] = True
                outward = True
        if not outward:
            return n, damping, edm


@lean_kernel
def _longest(lo, hi, theta, step):
    """Largest fraction of the step (at most 1) inside the box, and the parameter that meets its bound (-1: none)."""
    length = 1.0
    hit = -1
    for k in range(theta.size):
        if step[k] == 0.0:
            continue
        room = (hi[k] if step[k] > 0.0 else lo[k]) - theta[k]
        if length * abs(step[k]) > abs(room):
            length = room / step[k]
            hit = k
    return length, hit


@lean_kernel
def _fit(m, n, aux, gaux, theta, free, tolerance, max_iterations, damping, known, w):
    """Minimise over the free parameters, in place.

    `known` is the value at theta if `w` holds the evaluation there already (a fit that goes on where another ended),
    else NaN. Returns (value, edm, status, evaluations). `w` holds gradient, Hessian, rates and gammas at the returned
    theta.
    """
    n_par = theta.size
    trial, step = w.trial, w.step
    value = known
    evaluations = 0
    if not known == known:
        for k in range(n_par):
            theta[k] = min(max(theta[k], m.lo[k]), m.hi[k])
        value = _evaluate(m, n, aux, gaux, theta, w)
        evaluations = 1
    if not value < np.inf:
        return value, np.inf, 3, evaluations
    edm = np.inf
    rounding = 0.0
    for b in range(n.size):
        rounding += 1e-15 * n[b]
    for _ in range(max_iterations):
        moving, used, edm = _direction(m.lo, m.hi, theta, free, damping, w)
        if moving == 0 or (edm < tolerance and used <= 1e-6):
            return value, edm, 0, evaluations
        length, hit = _longest(m.lo, m.hi, theta, step)
        accepted = False
        for _halving in range(40):
            for k in range(n_par):
                trial[k] = min(max(theta[k] + length * step[k], m.lo[k]), m.hi[k])
            if hit >= 0:
                trial[hit] = m.hi[hit] if step[hit] > 0.0 else m.lo[hit]
            new = _evaluate(m, n, aux, gaux, trial, w)
            evaluations += 1
            if new <= value - 2e-4 * length * edm + 1e-13 * (1.0 + abs(value)) + rounding:
                accepted = True
                break
            length *= 0.5
            hit = -1
        if not accepted:
            value = _evaluate(m, n, aux, gaux, theta, w)
            return value, edm, (0 if edm < 1e-7 else 2), evaluations + 1
        damping = used * 0.1 if used > 1e-7 else 0.0
        for k in range(n_par):
            theta[k] = trial[k]
        value = new
    return value, edm, (0 if edm < 1e-7 else 1), evaluations


@kernel
def _minimum(m, n, aux, gaux, theta, free, tolerance, max_iterations, damping, w):
    """`_fit` from a start that nothing is known of, to be called from Python."""
    return _fit(m, n, aux, gaux, theta, free, tolerance, max_iterations, damping, np.nan, w)


@kernel
def _response(lo, hi, gradient, hessian, theta, free, poi):
    """Along the parameter of interest at a conditional minimum: (curvature of the profile, d(theta)/d(poi))."""
    n_par = theta.size
    index = np.empty(n_par, dtype=np.int64)
    n = 0
    for k in range(n_par):
        g = gradient[k]
        at_bound = (theta[k] <= lo[k] and g >= 0.0) or (theta[k] >= hi[k] and g <= 0.0)
        if free[k] and k != poi and not at_bound:
            index[n] = k
            n += 1
    tangent = np.zeros(n_par)
    tangent[poi] = 1.0
    curvature = hessian[poi, poi]
    factor = np.empty((n_par, n_par))
    if n > 0 and _cholesky(hessian, index, n, 0.0, factor):
        x = np.empty(n)
        for i in range(n):
            x[i] = -hessian[index[i], poi]
        _cholesky_solve(factor, n, x)
        for i in range(n):
            tangent[index[i]] = x[i]
            curvature += x[i] * hessian[index[i], poi]
    return curvature, tangent
