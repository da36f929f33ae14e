# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernels of the template toys: the free and conditional fits of a block of data sets.

The free fit starts where the last conditional fit ended, so its minimum is not above it; where another conditional fit
lies lower, the free fit starts again from there.
"""

from __future__ import annotations

import numpy as np

from toymc.inference.minimise import STATUS, _fit
from toymc.kernels import kernel, lean_kernel

CONDITIONAL, FREE = 10, 20
REASONS = {
    base + code: f"{which} fit: {words}"
    for base, which in ((CONDITIONAL, "conditional"), (FREE, "free"))
    for code, words in STATUS.items()
    if code != 0
}
TOLERANCE = 1e-9  # EDM of the fits of toys, in units of the negative log likelihood
ITERATIONS = 100


@lean_kernel
def _fit_ladder(m, n, aux, gaux, theta, free, nominal, loose, nominal_total, known, w):
    """The fit with its retries: as given, nominal, free normalisations scaled to the data, both strongly damped.

    The parameter of interest keeps its value where it is held. Returns (value, status).
    """
    mu = theta[0]
    value, _edm, status, _ = _fit(m, n, aux, gaux, theta, free, TOLERANCE, ITERATIONS, 0.0, known, w)
    if status == 0:
        return value, status
    total = 0.0
    for b in range(n.size):
        total += n[b]
    ratio = max(total, 0.5) / max(nominal_total, 1e-300)
    for rung in range(4):
        for k in range(theta.size):
            theta[k] = nominal[k] * (ratio if rung % 2 == 1 and loose[k] else 1.0)
        if not free[0]:
            theta[0] = mu
        value, _edm, status, _ = _fit(
            m, n, aux, gaux, theta, free, TOLERANCE, ITERATIONS, 100.0 if rung >= 2 else 0.0, np.nan, w
        )
        if status == 0:
            return value, status
    return value, status


@lean_kernel
def _fit_both_sides(m, n, aux, gaux, theta, free, nominal, loose, nominal_total, known, folded, other, w):
    """`_fit_ladder`, and for folded parameters again from the other side of the fold; the lower minimum stays.

    Returns (value, status, whether `w` holds the evaluation at the returned theta).
    """
    value, status = _fit_ladder(m, n, aux, gaux, theta, free, nominal, loose, nominal_total, known, w)
    fresh = status == 0
    if status != 0:
        return value, status, fresh
    for k in folded:
        if not free[k]:
            continue
        for i in range(theta.size):
            other[i] = theta[i]
        other[k] = -theta[k] - (0.5 if theta[k] >= 0.0 else -0.5)
        value_2, _edm, status_2, _ = _fit(m, n, aux, gaux, other, free, TOLERANCE, ITERATIONS, 0.0, np.nan, w)
        fresh = status_2 == 0 and value_2 < value
        if fresh:
            value = value_2
            for i in range(theta.size):
                theta[i] = other[i]
    return value, status, fresh


@kernel
def _fit_toys(
    m, w, counts, aux, gaux, begin, free, nominal, loose, nominal_total, folded, tests, have_free, nll_free, best, nll,
    status,
):  # fmt: skip
    """Fit a block of data sets: conditional at each value of `tests`, and free unless `have_free`.

    `begin` is where the first fit starts (the parameters that the toys were thrown with). Fills nll_free (n,), best
    (n, P), nll (n, T) and status (n,); with `have_free` the first two are read and changed only where a conditional
    fit lies lower.
    """
    n_par = begin.size
    theta = np.empty(n_par)
    lowest = np.empty(n_par)
    other = np.empty(n_par)
    held = free.copy()
    held[0] = False
    for i in range(counts.shape[0]):
        n, a, g = counts[i], aux[i], gaux[i]
        if have_free and status[i] != 0:
            continue
        for k in range(n_par):
            theta[k] = best[i, k] if have_free else begin[k]
        least = np.inf
        value = np.nan
        code = 0
        for t in range(tests.size):
            theta[0] = tests[t]
            value, state, fresh = _fit_both_sides(
                m, n, a, g, theta, held, nominal, loose, nominal_total, np.nan, folded, other, w
            )
            nll[i, t] = value
            if state != 0:
                code = CONDITIONAL + state if code == 0 else code
            elif value < least:
                least = value
                lowest[:] = theta
            if not fresh:
                value = np.nan
        if not have_free:
            value, state, fresh = _fit_both_sides(
                m, n, a, g, theta, free, nominal, loose, nominal_total, value, folded, other, w
            )
            nll_free[i] = value
            best[i] = theta
            if state != 0 and code == 0:
                code = FREE + state
        if least < nll_free[i] - TOLERANCE:
            value, state = _fit_ladder(m, n, a, g, lowest, free, nominal, loose, nominal_total, np.nan, w)
            if state == 0 and value < nll_free[i]:
                nll_free[i] = value
                best[i] = lowest
        status[i] = code
