# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernel: fits of many data sets (toys, data, weighted Asimov points) to one hypothesis."""

from __future__ import annotations

import math

import numpy as np

from toymc.inference.unbinned.asymptotic import THETA, _profile
from toymc.inference.unbinned.batch import (
    CODE,
    EFFICIENCY,
    FAMILY,
    HIGH,
    HOLES,
    HOLES_END,
    LOW,
    MU_HAT,
    N_RESULT,
    Q0,
    RESOLUTION,
    SHAPE,
    SHARE_OF,
    _fit_data,
    _max_nodes,
    _set_parameters,
)
from toymc.inference.unbinned.hypothesis import (
    THRESHOLD,
    _fill_basis,
    _fill_nodes,
    _fill_signal,
    _in_hole,
    _set_background,
    _signal_norms,
)
from toymc.inference.unbinned.likelihood import (
    BASE,
    EFFICIENCY_ERROR,
    FIRST,
    LINEAR,
    MAX_BASE,
    N_BASE,
    N_POINT,
    OK,
    RESOLUTION_ERROR,
    SHARE,
    W,
    X,
)
from toymc.kernels import kernel, lean_kernel


@lean_kernel
def _take(x, weights, first, last, h, holes, first_hole, last_hole, points, at):
    """Points of a data set inside a window; returns the row after the last."""
    for i in range(first, last):
        if h[LOW] <= x[i] <= h[HIGH] and not _in_hole(x[i], holes, first_hole, last_hole):
            points[at, X] = x[i]
            points[at, W] = weights[i]
            at += 1
    return at


@lean_kernel
def _load(settings, onset, hypotheses, tables, holes, gaussian, degree, x, weights, places, toy, shape_norms, norms,
          channel_int, points, start):  # fmt: skip
    """Points of one data set with their signal and background functions, all channels."""
    n_channels = settings.shape[0]
    for c in range(n_channels):
        h, at = hypotheses[c], settings[c]
        place = toy * n_channels + c
        start[c + 1] = _take(x, weights, places[place], places[place + 1], h, holes, at[HOLES], at[HOLES_END], points,
                             start[c])  # fmt: skip
        _fill_signal(at[CODE], h[SHAPE:], tables, h[RESOLUTION], gaussian, shape_norms[c], points, start[c],
                     start[c + 1])  # fmt: skip
        _fill_basis(at[FAMILY], degree[c], onset[c], h[LOW], h[HIGH], points, start[c], start[c + 1])
        if channel_int[c, LINEAR] == 1:
            for i in range(start[c], start[c + 1]):
                for k in range(channel_int[c, N_BASE]):
                    points[i, BASE + k] /= norms[c, k]


@kernel
def _fit_toys(settings, onset, hypotheses, tables, holes, degree, common_error, gaussian, x, weights, places, aux, mus,
              forced, best, q_tilde, thetas, statuses):  # fmt: skip
    """Fit data sets `places[t * n_channels + c]` of points (x, weight).

    `forced`: the conditional fit is made where mu_hat exceeds mu as well (q~_mu is 0 there). Fills best (n, 2: mu_hat,
    q0), q~_mu (n, n_mus), the parameters of the last conditional fit, and a status each.
    """
    n_channels, n_toys = settings.shape[0], aux.shape[0]
    n_nodes = _max_nodes(holes.shape[0]) * n_channels
    n_points = np.int64(1)
    for t in range(n_toys):
        n_points = max(n_points, places[(t + 1) * n_channels] - places[t * n_channels])
    width = FIRST + n_channels * (2 + MAX_BASE)
    points, nodes = np.zeros((n_points, N_POINT)), np.zeros((n_nodes, N_POINT))
    start, node_start = np.zeros(n_channels + 1, np.int64), np.zeros(n_channels + 1, np.int64)
    channel_int, channel_real = np.zeros((n_channels, 3), np.int64), np.zeros((n_channels, 4))
    threshold_family = settings[:, FAMILY] == THRESHOLD
    free, lo, hi = np.zeros(width, np.bool_), np.zeros(width), np.zeros(width)
    state, zero, result = np.zeros((2, width)), np.zeros((2, width)), np.zeros(N_RESULT)
    norms, shape_norms, edges = np.ones((n_channels, MAX_BASE)), np.zeros((n_channels, 3)), np.zeros(n_nodes // 4 + 8)
    gradient, hessian, chol = np.zeros(width), np.zeros((width, width)), np.zeros((width, width))
    index, vectors = np.zeros(width, np.int64), np.zeros((5, width))
    gl, hl, rl = np.zeros(MAX_BASE + 2), np.zeros((MAX_BASE + 2, MAX_BASE + 2)), np.zeros(MAX_BASE + 2)
    for c in range(n_channels):
        h, at = hypotheses[c], settings[c]
        _signal_norms(at[CODE], h[SHAPE:], tables, h[RESOLUTION], gaussian, h[LOW], h[HIGH], holes, at[HOLES],
                      at[HOLES_END], shape_norms[c])  # fmt: skip
        node_start[c + 1] = _fill_nodes(at[CODE], h[SHAPE:], h[LOW], h[HIGH], holes, at[HOLES], at[HOLES_END], edges,
                                        nodes, node_start[c])  # fmt: skip
        _set_background(c, at[FAMILY], degree[c], onset[c], h[LOW], h[HIGH], channel_int, channel_real, points,
                        start[c], start[c], nodes, node_start[c], node_start[c + 1], norms[c])  # fmt: skip
        channel_real[c, SHARE] = h[SHARE_OF]
        channel_real[c, EFFICIENCY_ERROR] = h[EFFICIENCY]
        channel_real[c, RESOLUTION_ERROR] = h[RESOLUTION]
    n_par = _set_parameters(n_channels, settings[:, FAMILY], degree, channel_int, channel_real, common_error, gaussian,
                            free, lo, hi)  # fmt: skip
    for t in range(n_toys):
        _load(settings, onset, hypotheses, tables, holes, gaussian, degree, x, weights, places, t, shape_norms, norms,
              channel_int, points, start)  # fmt: skip
        nll_hat, status = _fit_data(result, True, state, zero, threshold_family, n_par, free, lo, hi, n_channels,
                                    channel_int, channel_real, common_error, gaussian, aux[t], points, start, nodes,
                                    node_start, gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
        best[t, 0], best[t, 1] = result[MU_HAT], result[Q0]
        for k in range(mus.size):
            q_tilde[t, k] = math.nan
            if status == OK and result[MU_HAT] > mus[k] and not forced:
                q_tilde[t, k] = 0.0
            elif status == OK:
                value, _, status = _profile(mus[k], state, threshold_family, n_par, free, lo, hi, n_channels,
                                            channel_int, channel_real, common_error, gaussian, aux[t], points, start,
                                            nodes, node_start, gradient, hessian, chol, index, vectors, gl, hl,
                                            rl)  # fmt: skip
                q_tilde[t, k] = max(2.0 * (value - nll_hat), 0.0)
        for k in range(n_par):
            thetas[t, k] = state[THETA, k]
        statuses[t] = status
