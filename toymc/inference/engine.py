# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Kernels: negative log likelihood of a packed model with gradient and Hessian, gammas profiled inside each bin.

All kernels work on the *saturated* likelihood: every Poisson term is lambda - n + n ln(n / lambda), every constraint
term is zero at its auxiliary value. It differs from the full likelihood by a constant of the data, is zero for a
perfect fit, and twice its minimum is the goodness-of-fit statistic of Baker and Cousins (NIM 221 (1984) 437).

Per bin, with t = 1 - n/lambda, the stationarity of a gamma that scales the yield y reads
gamma = a - sigma^2 y t (Gaussian) or gamma = m / (tau + y t) (Poisson): Barlow and Beeston, Comput. Phys. Commun. 77
(1993) 219, and Conway, arXiv:1103.0354. One gamma leaves a quadratic equation, several leave one monotone equation in
lambda. By the envelope theorem d(phi)/d(y_g) = gamma_g t, and differentiating once more gives the exact reduced Hessian
d2(phi)/d(y_g)d(y_h) = K v_g v_h - delta_gh t^2 d_g with d_g = -d(gamma_g)/d(y_g t), v_g = gamma_g - t d_g y_g and
K = k / (1 + k sum d y^2), k = n / lambda^2.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from toymc.inference.model import FloatArray
from toymc.inference.packing import Packed
from toymc.kernels import kernel, lean_kernel

FLOOR = 1e-3  # of its nominal yield: where a varied yield begins to be held above zero


class Work(NamedTuple):
    """Scratch of one evaluation and of the minimiser; sizes as in `packing.Packed`."""

    shape: FloatArray  # (P, 3) q(alpha), q', q'' of code4p
    factor: FloatArray  # (F, 3) value, first and second derivative
    product: FloatArray  # (R,) product of the factors of a block
    d_product: FloatArray  # (F,) derivative of that product
    base: FloatArray  # (M,) nominal + shifts, not below zero
    bend: FloatArray  # (M, 2) first and second derivative of `base` with respect to the unbounded sum
    bent: npt.NDArray[np.bool_]  # (R,) whether any bin of a block is held above zero
    yields: FloatArray  # (Q,) per slot
    jacobian: FloatArray  # (P, Q) derivatives of the yields
    phi: FloatArray  # (Q,) derivative of the bin's term
    weight: FloatArray  # (Q,) v_g
    curve: FloatArray  # (Q,) t^2 d_g
    kappa: FloatArray  # (N,) K
    vector: FloatArray  # (P, N) sum of v_g d(y_g)
    scaled: FloatArray  # (Q,)
    rate: FloatArray  # (N,) expected events
    gamma: FloatArray  # (J,)
    slope: FloatArray  # (J,) -d(gamma)/d(y t)
    gradient: FloatArray  # (P,)
    hessian: FloatArray  # (P, P)
    moving: npt.NDArray[np.int64]  # (P,) of the minimiser: the parameters that move
    held: npt.NDArray[np.bool_]  # (P,) those that a bound holds in this step
    root: FloatArray  # (P, P) Cholesky factor
    step: FloatArray  # (P,)
    move: FloatArray  # (P,) the step on the moving parameters
    trial: FloatArray  # (P,)


def workspace(m: Packed) -> Work:
    """Scratch arrays for a packed model (one per thread).

    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])))], poi="mu")
    >>> workspace(model.layout.packed).hessian.shape
    (1, 1)
    """
    n_par, n_gam, n_fac = m.lo.size, m.gam_kind.size, m.fac_par.size
    n_bin = m.gam_start.size - 1
    n_slot = n_bin + n_gam
    return Work(
        shape=np.zeros((n_par, 3)),
        factor=np.zeros((n_fac, 3)),
        product=np.zeros(m.block_start.size - 1),
        d_product=np.zeros(n_fac),
        base=np.zeros(m.nominal.size),
        bend=np.ones((m.nominal.size, 2)),
        bent=np.zeros(m.block_start.size - 1, dtype=np.bool_),
        yields=np.zeros(n_slot),
        jacobian=np.zeros((n_par, n_slot)),
        phi=np.zeros(n_slot),
        weight=np.zeros(n_slot),
        curve=np.zeros(n_slot),
        kappa=np.zeros(n_bin),
        vector=np.zeros((n_par, n_bin)),
        scaled=np.zeros(n_slot),
        rate=np.zeros(n_bin),
        gamma=np.ones(n_gam),
        slope=np.zeros(n_gam),
        gradient=np.zeros(n_par),
        hessian=np.zeros((n_par, n_par)),
        moving=np.zeros(n_par, dtype=np.int64),
        held=np.zeros(n_par, dtype=np.bool_),
        root=np.zeros((n_par, n_par)),
        step=np.zeros(n_par),
        move=np.zeros(n_par),
        trial=np.zeros(n_par),
    )


@lean_kernel
def _interpolate(m, theta, w):
    """code4p weights per parameter, code4 values per factor, and the product of factors per block."""
    for k in range(theta.size):
        a = theta[k]
        if a > 1.0 or a < -1.0:
            w.shape[k, 0] = 8.0 * abs(a)
            w.shape[k, 1] = 8.0 if a > 0 else -8.0
            w.shape[k, 2] = 0.0
        else:
            s = a * a
            w.shape[k, 0] = s * (15.0 + s * (-10.0 + 3.0 * s))
            w.shape[k, 1] = a * (30.0 + s * (-40.0 + 18.0 * s))
            w.shape[k, 2] = 30.0 + s * (-120.0 + 90.0 * s)
    for e in range(m.fac_par.size):
        a = theta[m.fac_par[e]]
        if m.fac_kind[e] == 0:
            w.factor[e, 0] = a
            w.factor[e, 1] = 1.0
            w.factor[e, 2] = 0.0
        elif a >= 1.0 or a <= -1.0:
            rate = m.fac_coef[e, 1] if a > 0 else -m.fac_coef[e, 0]
            value = math.exp(rate * a)
            w.factor[e, 0] = value
            w.factor[e, 1] = rate * value
            w.factor[e, 2] = rate * rate * value
        else:
            f = m.fac_coef[e, 7]
            d = 0.0
            h = 0.0
            for i in range(6, 1, -1):
                h = h * a + d
                d = d * a + f
                f = f * a + m.fac_coef[e, i]
            h = h * a + d
            d = d * a + f
            f = f * a + 1.0
            w.factor[e, 0] = f
            w.factor[e, 1] = d
            w.factor[e, 2] = 2.0 * h
    for r in range(m.block_start.size - 1):
        begin = m.fac_start[r]
        end = m.fac_start[r + 1]
        w.product[r] = _product_without(w.factor, begin, end, -1, -1)
        for e in range(begin, end):
            w.d_product[e] = w.factor[e, 1] * _product_without(w.factor, begin, end, e, -1)


@lean_kernel
def _product_without(factor, begin, end, first, second):
    product = 1.0
    for e in range(begin, end):
        if e != first and e != second:
            product *= factor[e, 0]
    return product


@lean_kernel
def _bend(m, w, first, n):
    """Hold the yields of a block above zero; True if that changed any of them.

    A variation extrapolated beyond its templates can go below zero, which no rate can (HistFactory in ROOT cuts it
    there: `PiecewiseInterpolation::setPositiveDefinite`). Above 0.1 % of the nominal yield nothing changes; below, the
    corner is rounded to two continuous derivatives, so that a minimum on it can be found:
    f(x) = c (2 t^3 - t^4), t = (x/c + 1)/2 in (0, 1), and 0 beyond.
    """
    changed = False
    for i in range(first, first + n):
        w.bend[i, 0] = 1.0
        w.bend[i, 1] = 0.0
        c = FLOOR * m.nominal[i]
        x = w.base[i]
        if x >= c:
            continue
        changed = True
        t = 0.5 * (x / c + 1.0) if c > 0.0 else 0.0
        if t <= 0.0:
            w.base[i] = 0.0
            w.bend[i, 0] = 0.0
            continue
        w.base[i] = c * t * t * t * (2.0 - t)
        w.bend[i, 0] = t * t * (3.0 - 2.0 * t)
        w.bend[i, 1] = 3.0 * t * (1.0 - t) / c
    return changed


@lean_kernel
def _yields(m, theta, w):
    """Yields per slot and their derivatives."""
    for q in range(w.yields.size):
        w.yields[q] = 0.0
    for k in range(theta.size):
        for q in range(w.yields.size):
            w.jacobian[k, q] = 0.0
    for r in range(m.block_start.size - 1):
        first = m.block_start[r]
        n = m.block_start[r + 1] - first
        product = w.product[r]
        for i in range(n):
            w.base[first + i] = m.nominal[first + i]
        for e in range(m.hist_start[r], m.hist_start[r + 1]):
            k = m.hist_par[e]
            off = m.hist_off[e]
            alpha = theta[k]
            q = w.shape[k, 0]
            dq = w.shape[k, 1]
            for i in range(n):
                sym = m.sym[off + i]
                asym = m.asym[off + i]
                w.base[first + i] += alpha * sym + q * asym
                w.jacobian[k, m.slot[first + i]] += (sym + dq * asym) * product
        w.bent[r] = m.hist_start[r + 1] > m.hist_start[r] and _bend(m, w, first, n)
        if w.bent[r]:
            for e in range(m.hist_start[r], m.hist_start[r + 1]):
                k = m.hist_par[e]
                off = m.hist_off[e]
                for i in range(n):
                    slope = m.sym[off + i] + w.shape[k, 1] * m.asym[off + i]
                    w.jacobian[k, m.slot[first + i]] += (w.bend[first + i, 0] - 1.0) * slope * product
        for i in range(n):
            w.yields[m.slot[first + i]] += w.base[first + i] * product
        for e in range(m.fac_start[r], m.fac_start[r + 1]):
            k = m.fac_par[e]
            slope = w.d_product[e]
            for i in range(n):
                w.jacobian[k, m.slot[first + i]] += w.base[first + i] * slope


@lean_kernel
def _gamma_response(kind, scale, aux, low, high, u):
    """Gamma at u = y t and -d(gamma)/du; zero slope where it sits on a bound."""
    if kind == 1:
        gamma = aux - scale * u
        slope = scale
    else:
        rest = scale + u
        gamma = aux / rest if rest > 0.0 else high
        slope = gamma / rest if rest > 0.0 else 0.0
    if gamma <= low:
        return low, 0.0
    if gamma >= high:
        return high, 0.0
    return gamma, slope


@lean_kernel
def _rate_one(kind, scale, aux, n, other, y):
    """Root of the quadratic: rate of a bin with one gamma (before its bounds) and the gamma's own equation."""
    if kind == 1:
        s = scale * y * y
        p = other + aux * y - s
        root = math.sqrt(p * p + 4.0 * s * n)
        if p >= 0.0:
            return 0.5 * (p + root)
        return 2.0 * s * n / (root - p)
    if y == 0.0:
        return other
    a = (y + scale) * y
    b = (y + scale) * other - (n + aux) * y
    root = math.sqrt(max(b * b + 4.0 * a * aux * other, 0.0))
    gamma = 2.0 * aux * other / (b + root) if b > 0.0 else 0.5 * (root - b) / a
    return other + gamma * y


@lean_kernel
def _rate_many(kind, scale, aux, lo, hi, yields, n, first, last, slot):
    """Root of h(rate) = sum gamma(t(rate)) y - rate, decreasing in the rate: Newton inside a bracket."""
    low = 0.0
    rate = yields[slot]
    for j in range(first, last):
        y = yields[slot + 1 + j - first]
        rate += y
        if kind[j] == 2 and y > 0.0:
            low = max(low, n * y / (y + scale[j]))
    high = np.inf
    rate = max(rate, low * 1.0000001 + 1e-300)
    for _ in range(100):
        t = 1.0 - n / rate
        h = yields[slot] - rate
        dh = -1.0
        for j in range(first, last):
            y = yields[slot + 1 + j - first]
            gamma, slope = _gamma_response(kind[j], scale[j], aux[j], lo[j], hi[j], y * t)
            h += gamma * y
            dh -= slope * y * y * n / (rate * rate)
        if h > 0.0:
            low = rate
        else:
            high = rate
        new = rate - h / dh
        if not (low < new < high):
            new = 0.5 * (low + high) if high < np.inf else 2.0 * rate
        if abs(new - rate) <= 1e-15 * rate:
            return new
        rate = new
    return rate


@lean_kernel
def _constraint(kind, scale, aux, x):
    """Saturated constraint term: Gaussian (scale = sigma^2) or Poisson of mean x tau with tau = scale."""
    if kind == 1:
        return 0.5 * (x - aux) * (x - aux) / scale
    mean = x * scale
    if aux == 0.0:
        return mean
    return mean - aux + aux * math.log(aux / mean) if mean > 0.0 else np.inf


@lean_kernel
def _bins(m, n, gaux, w):
    """Profile the gammas; sum of the bin terms, and what their derivatives with respect to the yields are made of.

    Arrays are taken out of their tuples once: a call that hands on the tuples costs more than the bin itself.
    """
    kind, scale, low, high = m.gam_kind, m.gam_scale, m.gam_lo, m.gam_hi
    yields, gamma, slope, phi, weight = w.yields, w.gamma, w.slope, w.phi, w.weight
    total = 0.0
    for b in range(n.size):
        first = m.gam_start[b]
        last = m.gam_start[b + 1]
        slot = b + first
        count = n[b]
        rate = yields[slot]
        t = 1.0
        if count > 0.0 and last > first:
            if last == first + 1:
                rate = _rate_one(kind[first], scale[first], gaux[first], count, rate, yields[slot + 1])
            else:
                rate = _rate_many(kind, scale, gaux, low, high, yields, count, first, last, slot)
            t = 1.0 - count / rate if rate > 0.0 else -np.inf
            rate = yields[slot]
        for j in range(first, last):
            y = yields[slot + 1 + j - first]
            u = y * t if y != 0.0 else 0.0
            gamma[j], slope[j] = _gamma_response(kind[j], scale[j], gaux[j], low[j], high[j], u)
            rate += gamma[j] * y
        w.rate[b] = rate
        if not (rate > 0.0 or (rate == 0.0 and count == 0.0)):
            return np.inf
        total += rate - count
        k = 0.0
        if count > 0.0:
            t = 1.0 - count / rate
            total += count * math.log(count / rate)
            k = count / (rate * rate)
        spread = 0.0
        phi[slot] = t
        weight[slot] = 1.0
        for j in range(first, last):
            s = slot + 1 + j - first
            y = yields[s]
            total += _constraint(kind[j], scale[j], gaux[j], gamma[j])
            spread += slope[j] * y * y
            phi[s] = gamma[j] * t
            weight[s] = gamma[j] - t * slope[j] * y
            w.curve[s] = t * t * slope[j]
        w.kappa[b] = k / (1.0 + k * spread)
    return total


# Reordered sums let dot products run in vector registers (measured: 5 to 6 times faster); nothing else is relaxed. No
# reference counting here, as in the lean kernels around it.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc"},
    "_nrt": False,
}
_reordering_kernel = numba.njit(**_OPTIONS)


@_reordering_kernel
def _dots(a, rows, n, sign, out):
    """out[c] += sign * sum of a times row c, for c < n."""
    for c in range(n):
        total = 0.0
        for i in range(rows.shape[1]):
            total += a[i] * rows[c, i]
        out[c] += sign * total


@lean_kernel
def _derivatives(m, w):
    """Gradient, and the part of the Hessian (lower triangle) without second derivatives of the yields."""
    jacobian, vector, hessian, scaled = w.jacobian, w.vector, w.hessian, w.scaled
    n_par = w.gradient.size
    for k in range(n_par):
        w.gradient[k] = 0.0
        for c in range(k + 1):
            hessian[k, c] = 0.0
        for b in range(w.rate.size):
            total = 0.0
            for s in range(b + m.gam_start[b], b + 1 + m.gam_start[b + 1]):
                total += w.weight[s] * jacobian[k, s]
            vector[k, b] = total
    _dots(w.phi, jacobian, n_par, 1.0, w.gradient)
    for k in range(n_par):
        for s in range(scaled.size):
            scaled[s] = w.curve[s] * jacobian[k, s]
        _dots(scaled, jacobian, k + 1, -1.0, hessian[k])
        for b in range(w.kappa.size):
            scaled[b] = w.kappa[b] * vector[k, b]
        _dots(scaled, vector, k + 1, 1.0, hessian[k])


@lean_kernel
def _bend_curvature(m, w, r):
    """The part of the second derivatives of a block's yields that comes from the rounded corner at zero."""
    first = m.block_start[r]
    for e in range(m.hist_start[r], m.hist_start[r + 1]):
        k = m.hist_par[e]
        for f in range(m.hist_start[r], e + 1):
            k2 = m.hist_par[f]
            total = 0.0
            for i in range(m.block_start[r + 1] - first):
                if w.bend[first + i, 1] != 0.0:
                    slope = m.sym[m.hist_off[e] + i] + w.shape[k, 1] * m.asym[m.hist_off[e] + i]
                    other = m.sym[m.hist_off[f] + i] + w.shape[k2, 1] * m.asym[m.hist_off[f] + i]
                    total += w.phi[m.slot[first + i]] * w.bend[first + i, 1] * slope * other
            w.hessian[max(k, k2), min(k, k2)] += total * w.product[r]


@lean_kernel
def _curvature(m, w):
    """Adds sum_bins phi d2(yield), summed per block first: a yield is (nominal + shifts) x product of factors."""
    for r in range(m.block_start.size - 1):
        first = m.block_start[r]
        n = m.block_start[r + 1] - first
        total = 0.0
        for i in range(n):
            total += w.phi[m.slot[first + i]] * w.base[first + i]
        for e in range(m.hist_start[r], m.hist_start[r + 1]):
            k = m.hist_par[e]
            off = m.hist_off[e]
            sym = 0.0
            asym = 0.0
            for i in range(n):
                phi = w.phi[m.slot[first + i]]
                if w.bent[r]:
                    phi *= w.bend[first + i, 0]
                sym += phi * m.sym[off + i]
                asym += phi * m.asym[off + i]
            w.hessian[k, k] += w.shape[k, 2] * asym * w.product[r]
            slope = sym + w.shape[k, 1] * asym
            for f in range(m.fac_start[r], m.fac_start[r + 1]):
                k2 = m.fac_par[f]
                mixed = slope * w.d_product[f]
                w.hessian[max(k, k2), min(k, k2)] += 2.0 * mixed if k == k2 else mixed
        if w.bent[r]:
            _bend_curvature(m, w, r)
        begin = m.fac_start[r]
        end = m.fac_start[r + 1]
        for e in range(begin, end):
            k = m.fac_par[e]
            if w.factor[e, 2] != 0.0:
                w.hessian[k, k] += total * w.factor[e, 2] * _product_without(w.factor, begin, end, e, -1)
            for f in range(begin, e):
                k2 = m.fac_par[f]
                both = w.factor[e, 1] * w.factor[f, 1] * _product_without(w.factor, begin, end, e, f)
                w.hessian[max(k, k2), min(k, k2)] += total * both


@lean_kernel
def _evaluate(m, n, aux, gaux, theta, w):
    """Saturated profile likelihood at theta: returns its value, leaves gradient, Hessian, rates and gammas in `w`.

    The gradient and Hessian are those with respect to theta after the gammas have been minimised out. Infinite where a
    rate is negative, or zero with events in the bin.
    """
    _interpolate(m, theta, w)
    _yields(m, theta, w)
    total = _bins(m, n, gaux, w)
    if not total < np.inf:
        return np.inf
    _derivatives(m, w)
    _curvature(m, w)
    for k in range(theta.size):
        kind = m.con_kind[k]
        if kind != 0:
            total += _constraint(kind, m.con_scale[k], aux[k], theta[k])
        if kind == 1:
            w.gradient[k] += (theta[k] - aux[k]) / m.con_scale[k]
            w.hessian[k, k] += 1.0 / m.con_scale[k]
        elif kind == 2:
            w.gradient[k] += m.con_scale[k] - aux[k] / theta[k]
            w.hessian[k, k] += aux[k] / (theta[k] * theta[k])
    for i in range(theta.size):
        for j in range(i):
            w.hessian[j, i] = w.hessian[i, j]
    return total if total == total else np.inf


@kernel
def _value(m, n, aux, gaux, theta, w):
    """`_evaluate`, to be called from Python."""
    return _evaluate(m, n, aux, gaux, theta, w)
