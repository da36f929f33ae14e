# mypy: allow-untyped-defs, allow-untyped-calls
"""Fit of the edge of the tau pseudomass distribution, for one sample or for thousands of experiments.

Fit functions in M on [1.70, 1.85] GeV, d = M - P1 (arXiv:2305.19116 and BELLE2-CONF-PH-2020-010, from memory: the
published text was not at hand)::

    arctan         F = 1 - P3 arctan(d/P2) + P4 d + P5 d^2
    arctan_slope   F = 1 - (P3 + P4 d) arctan(d/P2) + P5 d        (that of 2020, written about the edge)

P1 is the estimator of the mass. Both have closed integrals, so a histogram of any bin width is fitted with the exact
probability of each bin, F integrated over it: binning adds no bias, it only forgets where in its bin an event lies.
With 1000 bins of 0.15 MeV, an order of magnitude below the width P2 of the edge, the error of P1 is that of the
unbinned fit to better than 1 % and P1 agrees to a few per cent of its error (tested); the time of a fit does not depend
on the number of events. Newton steps with analytic gradient and Hessian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.unbinned.likelihood import ITERATIONS, OK, STUCK, _direction, _factorise
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

RANGE = (1.70, 1.85)
"""Fit range, GeV [S0 of the reference: M_min in 1.70 ... 1.85]."""

FORMS = ("arctan", "arctan_slope")
N_PARAMETERS = 5
_MAX_STEPS = 100
_TOLERANCE = 1e-9


@lean_kernel
def _primitive(form, p, m, g, h):
    """Integral of F up to m (but for a constant), its gradient and Hessian (lower triangle)."""
    d, w = m - p[0], p[1]
    angle, size = math.atan2(d, w), d * d + w * w
    log = 0.5 * math.log(size)
    a, a_w, a_ww = d * angle - w * log, -log - 1.0, -w / size  # int arctan, derivatives in w
    density = 1.0 - p[2] * angle
    slope, slope_w = -p[2] * w / size, p[2] * d / size  # dF/dd, dF/dw
    for i in range(N_PARAMETERS):
        for j in range(i + 1):
            h[i, j] = 0.0
    if form == 0:
        value = d - p[2] * a + p[3] * d * d / 2.0 + p[4] * d * d * d / 3.0
        density += p[3] * d + p[4] * d * d
        slope += p[3] + 2.0 * p[4] * d
        g[1], h[1, 1] = -p[2] * a_w, -p[2] * a_ww
        g[3], g[4] = d * d / 2.0, d * d * d / 3.0
        h[3, 0], h[4, 0] = -d, -d * d
    else:
        b, b_w, b_ww = 0.5 * (size * angle - w * d), w * angle - d, angle - w * d / size
        value = d - p[2] * a - p[3] * b + p[4] * d * d / 2.0
        density += -p[3] * d * angle + p[4] * d
        slope += -p[3] * (angle + d * w / size) + p[4]
        slope_w += p[3] * d * d / size
        g[1], h[1, 1] = -p[2] * a_w - p[3] * b_w, -p[2] * a_ww - p[3] * b_ww
        g[3], g[4] = -b, d * d / 2.0
        h[3, 0], h[4, 0] = d * angle, -d
        h[3, 1] = -b_w
    g[0], g[2] = -density, -a
    h[0, 0] = slope
    h[1, 0] = -slope_w
    h[2, 0] = angle
    h[2, 1] = -a_w
    return value


@lean_kernel
def _edge_nll(form, p, low, step, counts, total, gradient, hessian, g, h):
    """-sum n ln(bin/whole) with gradient and Hessian; inf where a bin is not positive. g, h: three work sets."""
    n = counts.size
    for i in range(N_PARAMETERS):
        gradient[i] = 0.0
        for j in range(i + 1):
            hessian[i, j] = 0.0
    first = _primitive(form, p, low, g[2], h[2])
    before = first
    for i in range(N_PARAMETERS):
        g[0, i] = g[2, i]
        for j in range(i + 1):
            h[0, i, j] = h[2, i, j]
    nll = 0.0
    for k in range(n + 1):
        # bins 0 .. n-1, then the whole range with the opposite sign
        if k < n:
            now, weight = _primitive(form, p, low + (k + 1) * step, g[1], h[1]), counts[k]
            value, old = now - before, 0
            before = now
        else:
            value, weight, old = before - first, -total, 2
        if not value > 0.0:
            return math.inf
        nll -= weight * math.log(value)
        for i in range(N_PARAMETERS):
            a = (g[1, i] - g[old, i]) / value
            gradient[i] -= weight * a
            for j in range(i + 1):
                b = (g[1, j] - g[old, j]) / value
                hessian[i, j] += weight * (a * b - (h[1, i, j] - h[old, i, j]) / value)
        for i in range(N_PARAMETERS):
            g[0, i] = g[1, i]
            for j in range(i + 1):
                h[0, i, j] = h[1, i, j]
    for i in range(N_PARAMETERS):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
    return nll


@lean_kernel
def _start_edge(low, high, counts, total, p):
    """A step between the mean densities of the lowest half and of the highest quarter of the range."""
    n = counts.size
    left, right = 0.0, 0.0
    for k in range(n // 3):
        left += counts[k]
    for k in range(n - n // 4, n):
        right += counts[k]
    left, right = left / (n // 3), right / (n // 4)
    place = (total / n - right) / (left - right) if left > right else 0.5
    p[0] = low + min(max(place, 0.2), 0.8) * (high - low)
    p[1] = 0.01 * (high - low)
    p[2] = min(max(2.0 / math.pi * (left - right) / max(left + right, 1e-300), 0.05), 0.6)
    p[3] = 0.0
    p[4] = 0.0


@kernel
def _fit_edges(form, low, high, counts, values, covariances, nlls, statuses):
    """Fit every row of `counts`."""
    n_bins, five = counts.shape[1], np.int64(N_PARAMETERS)
    step_width = (high - low) / n_bins
    gradient, hessian, chol = np.zeros(5), np.zeros((5, 5)), np.zeros((5, 5))
    g, h, index, free = np.zeros((3, 5)), np.zeros((3, 5, 5)), np.zeros(5, np.int64), np.ones(5, np.bool_)
    x, step, trial, old = np.zeros(5), np.zeros(5), np.zeros(5), np.zeros(5)
    lo = np.array([low, 1e-4 * (high - low), -10.0, -1e3, -1e4])
    hi = np.array([high, high - low, 10.0, 1e3, 1e4])
    for row in range(counts.shape[0]):
        p, total = values[row], np.sum(counts[row])
        _start_edge(low, high, counts[row], total, p)
        nll = _edge_nll(form, p, low, step_width, counts[row], total, gradient, hessian, g, h)
        status = ITERATIONS
        for _ in range(_MAX_STEPS):
            n, distance = _direction(five, free, lo, hi, p, gradient, hessian, index, chol, x, step)
            if n == 0 or distance < _TOLERANCE:
                status = OK
                break
            old[:] = gradient
            length = 1.0
            new = math.inf
            while length > 1e-10:
                predicted = 0.0
                for k in range(5):
                    trial[k] = min(max(p[k] + length * step[k], lo[k]), hi[k])
                    predicted += old[k] * (trial[k] - p[k])
                new = _edge_nll(form, trial, low, step_width, counts[row], total, gradient, hessian, g, h)
                if new <= nll + 1e-4 * min(predicted, 0.0) + 1e-15 * abs(nll):
                    break
                length *= 0.5
            if length <= 1e-10:
                _edge_nll(form, p, low, step_width, counts[row], total, gradient, hessian, g, h)
                status = OK if distance < 1e-5 else STUCK
                break
            p[:] = trial
            nll = new
        nlls[row], statuses[row] = nll, status
        for k in range(5):
            index[k] = k
        covariances[row] = math.nan
        if _factorise(hessian, index, five, 0.0, chol):
            inverse = np.linalg.inv(np.ascontiguousarray(hessian))
            covariances[row] = inverse


@dataclass(frozen=True)
class EdgeFits:
    """Fits of one or of many samples.

    Attributes
    ----------
    values, errors : float64 (n, 5)
        P1 ... P5 (GeV, GeV, 1, then 1/GeV and so on) and their errors from the Hessian; NaN where it is not positive.
    covariances : float64 (n, 5, 5)
    n_events : float64 (n,)
        In the range.
    nll : float64 (n,)
    status : int8 (n,)
        0 converged, see `toymc.inference.unbinned.STATUS`.
    """

    values: FloatArray
    errors: FloatArray
    covariances: FloatArray
    n_events: FloatArray
    nll: FloatArray
    status: npt.NDArray[np.int8]

    @property
    def failed(self) -> int:
        """Fits whose status is not 0."""
        return int(np.count_nonzero(self.status))


def _check_form(form: str) -> int:
    if form not in FORMS:
        raise InputError(f"edge fit: form '{form}'; allowed: {', '.join(FORMS)}")
    return FORMS.index(form)


def fit_edge_counts(counts: npt.ArrayLike, form: str = "arctan", limits: tuple[float, float] = RANGE) -> EdgeFits:
    """Fit the edge to histograms, each a sample.

    Parameters
    ----------
    counts : float64 (n_samples, n_bins) or (n_bins,)
        Events (or sums of weights) in equal bins over `limits`; a thousand bins lose nothing.
    form : {"arctan", "arctan_slope"}
    limits : (float, float)
        GeV.

    Returns
    -------
    EdgeFits

    Raises
    ------
    InputError
        For an unknown form, fewer than 50 bins, negative or NaN contents, or a sample with fewer than 100 events.

    Examples
    --------
    >>> shares = edge_shares([1.777, 0.002, 0.4, 0.5, 0.0])
    >>> fits = fit_edge_counts(1e6 * shares)
    >>> fits.values.round(4).tolist()[0][:3], fits.status.tolist()
    ([1.777, 0.002, 0.4], [0])
    """
    code = _check_form(form)
    table = np.ascontiguousarray(np.atleast_2d(np.asarray(counts, dtype=np.float64)))
    if table.ndim != 2 or table.shape[1] < 50:
        raise InputError(f"edge fit: counts of shape {table.shape}; give (samples, bins) with 50 bins or more")
    bad = np.argwhere(~(np.isfinite(table) & (table >= 0.0)))
    if bad.size:
        i, j = bad[0]
        raise InputError(f"edge fit: {table[i, j]:g} events in bin {j} of sample {i}; they must not be negative")
    n_events = table.sum(axis=1)
    if np.any(n_events < 100.0):
        i = int(np.argmin(n_events))
        raise InputError(f"edge fit: {n_events[i]:g} events in sample {i}; five parameters need 100 or more")
    n = table.shape[0]
    values, covariances = np.zeros((n, 5)), np.zeros((n, 5, 5))
    nll, status = np.zeros(n), np.zeros(n, dtype=np.int64)
    _fit_edges(code, float(limits[0]), float(limits[1]), table, values, covariances, nll, status)
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    return EdgeFits(values, errors, covariances, n_events, nll, status.astype(np.int8))


def fit_edge(
    masses: npt.ArrayLike, form: str = "arctan", limits: tuple[float, float] = RANGE, bins: int = 1000
) -> EdgeFits:
    """Fit the edge to a sample of pseudomasses; those outside `limits` are left out.

    Parameters
    ----------
    masses : float64 (n,)
        GeV.
    form, limits
        As in `fit_edge_counts`.
    bins : int

    Raises
    ------
    InputError
        As `fit_edge_counts`, and for masses that are not finite.
    """
    x = np.asarray(masses, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(x))
    if x.ndim != 1 or bad.size:
        raise InputError(f"edge fit: pseudomass of event {bad[0] if bad.size else 0} is not a finite number")
    return fit_edge_counts(np.histogram(x, bins, limits)[0], form, limits)


def edge_shares(
    parameters: npt.ArrayLike, form: str = "arctan", limits: tuple[float, float] = RANGE, bins: int = 1000
) -> FloatArray:
    """Probability of each bin for the parameters P1 ... P5: ``rng.poisson(n * shares, (k, bins))`` are k experiments.

    Raises
    ------
    InputError
        For parameters with which the function is not positive everywhere in the range.

    Examples
    --------
    >>> float(edge_shares([1.777, 0.002, 0.4, 0.5, 0.0]).sum().round(12))
    1.0
    """
    code = _check_form(form)
    p = np.asarray(parameters, dtype=np.float64)
    if p.shape != (5,) or not np.all(np.isfinite(p)) or not p[1] > 0.0:
        raise InputError(f"edge function: parameters {p.tolist()}; give P1 ... P5, finite, with P2 positive")
    edges = np.linspace(limits[0], limits[1], bins + 1)
    shares = np.diff(_primitives(code, p, edges))
    if np.any(shares <= 0.0):
        at = edges[int(np.argmin(shares))]
        raise InputError(f"edge function: not positive at {at:.4f} GeV for parameters {p.tolist()}")
    return np.asarray(shares / shares.sum())


@kernel
def _primitives(form, p, m):
    """Integral of F up to each m, but for a constant."""
    out, g, h = np.empty(m.size), np.zeros(N_PARAMETERS), np.zeros((N_PARAMETERS, N_PARAMETERS))
    for i in range(m.size):
        out[i] = _primitive(form, p, m[i], g, h)
    return out
