# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernel: fits and limits of many hypotheses, masses in the outer loop and lifetimes in the inner one.

A mass starts cold and its lifetimes warm from one another (same window, same events), so the numbers do not depend on
how the masses are shared among threads.
"""

from __future__ import annotations

import math

import numpy as np

from toymc.inference.unbinned.asymptotic import (
    TANGENT,
    THETA,
    _bands,
    _free_fit,
    _observed,
    _profile,
    _start,
    _variance,
)
from toymc.inference.unbinned.hypothesis import (
    THRESHOLD,
    _background_rate,
    _fill_asimov,
    _fill_nodes,
    _fill_signal,
    _set_background,
    _set_bounds,
    _signal_norms,
    max_nodes,
)
from toymc.inference.unbinned.likelihood import (
    COMMON,
    EFFICIENCY_ERROR,
    FIRST,
    MAX_BASE,
    MU,
    N_BASE,
    N_POINT,
    NO_SIGNAL,
    NO_WINDOW,
    OFFSET,
    OK,
    RESOLUTION_ERROR,
    SHARE,
    W,
    X,
)
from toymc.kernels import kernel, lean_kernel

# columns of a hypothesis of a channel (the shape follows) and of a channel's settings and sources
LOW, HIGH, SHARE_OF, EFFICIENCY, RESOLUTION, SHAPE = 0, 1, 2, 3, 4, 5
CODE, FAMILY, FIXED, HIGHEST, HOLES, HOLES_END = 0, 1, 2, 3, 4, 5
EVENTS_FROM, EVENTS_TO, GRID_FROM, GRID_TO = 0, 1, 2, 3

# columns of the result
MU_HAT, MU_ERROR, Q0, OBSERVED, BACKGROUND, PEAK, EVENTS, BAND = 0, 1, 2, 3, 4, 5, 6, 7
N_RESULT = BAND + 5

_max_nodes = kernel(max_nodes)


@lean_kernel
def _copy(source, target):
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@lean_kernel
def _interpolate(x, first, last, grid, values):
    """Straight lines through grid[first:last]; zero outside."""
    if last - first < 2 or x < grid[first] or x > grid[last - 1]:
        return 0.0
    i = first + min(np.searchsorted(grid[first:last], x, side="right") - 1, last - first - 2)
    return values[i] + (values[i + 1] - values[i]) * (x - grid[i]) / (grid[i + 1] - grid[i])


@lean_kernel
def _fill_events(events, first, last, low, high, holes, first_hole, last_hole, points, at):
    """Events of the window (not in its holes) from row `at` on; returns the row after the last."""
    i = first + np.searchsorted(events[first:last], low)
    while i < last and events[i] <= high:
        inside = True
        for h in range(first_hole, last_hole):
            if holes[h, 0] < events[i] < holes[h, 1]:
                inside = False
        if inside:
            points[at, X] = events[i]
            points[at, W] = 1.0
            at += 1
        i += 1
    return at


@lean_kernel
def _fill_expected(grid, values, first, last, nodes, first_node, last_node, points, at):
    """Nodes weighted with the expected background density, as points from row `at` on."""
    for j in range(first_node, last_node):
        points[at, X] = nodes[j, X]
        points[at, W] = nodes[j, W] * _interpolate(nodes[j, X], first, last, grid, values)
        at += 1
    return at


@lean_kernel
def _place(channel_int, n_channels):
    """Offsets of the channels' parameters; returns the number of parameters."""
    at = np.int64(FIRST)
    for c in range(n_channels):
        channel_int[c, OFFSET] = at
        at += 2 + channel_int[c, N_BASE]
    return at


@lean_kernel
def _set_parameters(n_channels, family, degree, channel_int, channel_real, common_error, gaussian, free, lo, hi):
    """Which parameters are free and their bounds (mu is set by the fits); returns the number of parameters."""
    n_par = _place(channel_int, n_channels)
    lo[MU], hi[MU], free[MU] = 0.0, math.inf, False
    lo[COMMON], hi[COMMON], free[COMMON] = -5.0, 5.0, common_error > 0.0
    if gaussian and common_error > 0.0:
        lo[COMMON] = max(-5.0, -0.99 / common_error)
    for c in range(n_channels):
        offset = channel_int[c, OFFSET]
        _set_bounds(family[c], degree[c], offset, channel_real[c, EFFICIENCY_ERROR], gaussian, lo, hi)
        free[offset] = channel_real[c, EFFICIENCY_ERROR] > 0.0
        free[offset + 1] = channel_real[c, RESOLUTION_ERROR] > 0.0
        for k in range(degree[c] + 1):
            free[offset + 2 + k] = True
    return n_par


@lean_kernel
def _total_weight(points, first, last):
    total = 0.0
    for i in range(first, last):
        total += points[i, W]
    return total


@lean_kernel
def _choose_degree(family, fixed, max_degree, per_parameter, thresholds, onset, low, high, gaussian, channel_int,
                   channel_real, threshold_family, degree, state, free, lo, hi, aux, points, start, nodes, node_start,
                   norms, ladder, gradient, hessian, chol, index, vectors, gl, hl, rl):  # fmt: skip
    """Degree of the background of one channel (all arrays are its slices), see `toymc.inference.unbinned.background`.

    Every degree that has `per_parameter` events for each of its parameters is fitted with the signal free; from zero
    upwards the next one, or the one after it, is taken where it improves 2 nll by more than `thresholds`.
    """
    total = _total_weight(points, start[0], start[1])
    highest = min(fixed if fixed >= 0 else max_degree, max(int(total / per_parameter) - 1, 0))
    if fixed >= 0 or highest == 0:
        return highest
    alone, first = np.int64(1), np.int64(0)
    for d in range(highest + 1):
        degree[0] = d
        _set_background(first, family[0], d, onset, low, high, channel_int, channel_real, points, start[0], start[1],
                        nodes, node_start[0], node_start[1], norms)  # fmt: skip
        n_par = _set_parameters(alone, family, degree, channel_int, channel_real, 0.0, gaussian, free, lo, hi)
        _start(alone, channel_int, threshold_family, points, start, state[THETA])
        value, status = _free_fit(state, n_par, free, lo, hi, alone, channel_int, channel_real, 0.0, gaussian, aux,
                                  points, start, nodes, node_start, gradient, hessian, chol, index, vectors, gl, hl,
                                  rl)  # fmt: skip
        ladder[d] = value if status == OK else math.inf
    chosen = 0
    while chosen < highest:
        if 2.0 * (ladder[chosen] - ladder[chosen + 1]) > thresholds[0]:
            chosen += 1
        elif chosen + 2 <= highest and 2.0 * (ladder[chosen] - ladder[chosen + 2]) > thresholds[1]:
            chosen += 2
        else:
            break
    return chosen


@lean_kernel
def _fill_channel(c, code, p, tables, low, high, holes, first_hole, last_hole, error, gaussian, has_data, events,
                  event_first, event_last, grid, values, grid_first, grid_last, edges, norms, points, start, nodes,
                  node_start):  # fmt: skip
    """Nodes and points of channel c with their signal densities; False where the window holds no signal."""
    if not _signal_norms(code, p, tables, error, gaussian, low, high, holes, first_hole, last_hole, norms):
        return False
    node_start[c + 1] = _fill_nodes(code, p, low, high, holes, first_hole, last_hole, edges, nodes, node_start[c])
    _fill_signal(code, p, tables, error, gaussian, norms, nodes, node_start[c], node_start[c + 1])
    if has_data:
        start[c + 1] = _fill_events(events, event_first, event_last, low, high, holes, first_hole, last_hole, points,
                                    start[c])  # fmt: skip
    else:
        start[c + 1] = _fill_expected(grid, values, grid_first, grid_last, nodes, node_start[c], node_start[c + 1],
                                      points, start[c])  # fmt: skip
    _fill_signal(code, p, tables, error, gaussian, norms, points, start[c], start[c + 1])
    return True


@lean_kernel
def _fit_data(result, cold, state, zero, threshold_family, n_par, free, lo, hi, n_channels, channel_int, channel_real,
              common_error, gaussian, aux, points, start, nodes, node_start, gradient, hessian, chol, index, vectors,
              gl, hl, rl):  # fmt: skip
    """Fits with mu = 0 (into `zero`) and mu >= 0 (into `state`); fills yield and q0; returns (nll_hat, status)."""
    if cold:
        _start(n_channels, channel_int, threshold_family, points, start, state[THETA])
        for k in range(n_par):
            state[TANGENT, k] = 0.0
    best, slope, status = _profile(0.0, state, threshold_family, n_par, free, lo, hi, n_channels, channel_int,
                                   channel_real, common_error, gaussian, aux, points, start, nodes, node_start,
                                   gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
    for k in range(n_par):
        zero[THETA, k] = state[THETA, k]
        zero[TANGENT, k] = 0.0
    at_zero = best
    if status == OK and slope < 0.0:
        best, status = _free_fit(state, n_par, free, lo, hi, n_channels, channel_int, channel_real, common_error,
                                 gaussian, aux, points, start, nodes, node_start, gradient, hessian, chol, index,
                                 vectors, gl, hl, rl)  # fmt: skip
    result[MU_HAT] = state[THETA, MU]
    result[MU_ERROR] = math.sqrt(_variance(n_par, free, lo, hi, state[THETA], gradient, hessian, index, chol,
                                           vectors[0]))  # fmt: skip
    result[Q0] = max(2.0 * (at_zero - best), 0.0) if state[THETA, MU] > 0.0 else 0.0
    return best, status


@lean_kernel
def _summarise(result, hypotheses, theta, n_channels, channel_int, channel_real, nodes, node_start):
    """Background of `theta` in the windows and under the peaks (within two core widths)."""
    result[BACKGROUND] = 0.0
    result[PEAK] = 0.0
    for c in range(n_channels):
        for j in range(node_start[c], node_start[c + 1]):
            events = nodes[j, W] * _background_rate(channel_int, channel_real, c, theta, nodes, j)
            result[BACKGROUND] += events
            if abs(nodes[j, X] - hypotheses[c, SHAPE]) < 2.0 * hypotheses[c, SHAPE + 1]:
                result[PEAK] += events


@lean_kernel
def _ready(settings, onset, hypotheses, sources, tables, holes, events, grid, values, use_data, gaussian, choose,
           per_parameter, thresholds, degree, threshold_family, edges, norms, ladder, state, free, lo, hi, aux,
           channel_int, channel_real, points, start, nodes, node_start, gradient, hessian, chol, index, vectors, gl,
           hl, rl):  # fmt: skip
    """Fill points, nodes, shapes and backgrounds of all channels of a hypothesis (choosing degrees if `choose`)."""
    share = 0.0
    for c in range(settings.shape[0]):
        h, at, source = hypotheses[c], settings[c], sources[c]
        if not _fill_channel(c, at[CODE], h[SHAPE:], tables, h[LOW], h[HIGH], holes, at[HOLES], at[HOLES_END],
                             h[RESOLUTION], gaussian, use_data, events, source[EVENTS_FROM], source[EVENTS_TO], grid,
                             values, source[GRID_FROM], source[GRID_TO], edges, norms, points, start, nodes,
                             node_start):  # fmt: skip
            return NO_WINDOW
        if choose:
            channel_real[c, SHARE] = 1.0
            channel_real[c, EFFICIENCY_ERROR] = 0.0
            channel_real[c, RESOLUTION_ERROR] = 0.0
            degree[c] = _choose_degree(settings[c:, FAMILY], at[FIXED], at[HIGHEST], per_parameter, thresholds,
                                       onset[c], h[LOW], h[HIGH], gaussian, channel_int[c:],
                                       channel_real[c:], threshold_family[c:], degree[c:], state, free, lo, hi, aux,
                                       points, start[c:], nodes, node_start[c:], norms, ladder, gradient, hessian,
                                       chol, index, vectors, gl, hl, rl)  # fmt: skip
        _set_background(c, at[FAMILY], degree[c], onset[c], h[LOW], h[HIGH], channel_int, channel_real, points,
                        start[c], start[c + 1], nodes, node_start[c], node_start[c + 1], norms)  # fmt: skip
        channel_real[c, SHARE] = h[SHARE_OF]
        channel_real[c, EFFICIENCY_ERROR] = h[EFFICIENCY]
        channel_real[c, RESOLUTION_ERROR] = h[RESOLUTION]
        share += h[SHARE_OF]
    return OK if share > 0.0 else NO_SIGNAL


@lean_kernel
def _fit_expected(sources, degree, settings, onset, hypotheses, grid, values, zero, threshold_family, n_par, free, lo,
                  hi, channel_int, channel_real, common_error, gaussian, aux, nodes, node_start, asimov, gradient,
                  hessian, chol, index, vectors, gl, hl, rl):  # fmt: skip
    """Background parameters (into `zero`) that fit the expected densities; returns a status."""
    n_channels = settings.shape[0]
    for c in range(n_channels):
        for j in range(node_start[c], node_start[c + 1]):
            for k in range(nodes.shape[1]):
                asimov[j, k] = nodes[j, k]
            asimov[j, W] *= _interpolate(nodes[j, X], sources[c, GRID_FROM], sources[c, GRID_TO], grid, values)
    _start(n_channels, channel_int, threshold_family, asimov, node_start, zero[THETA])
    for k in range(n_par):
        zero[TANGENT, k] = 0.0
    _, _, status = _profile(0.0, zero, threshold_family, n_par, free, lo, hi, n_channels, channel_int, channel_real,
                            common_error, gaussian, aux, asimov, node_start, nodes, node_start, gradient, hessian,
                            chol, index, vectors, gl, hl, rl)  # fmt: skip
    return status


@lean_kernel
def _set_limits(result, targets, log_alpha, nll_hat, use_data, use_expected, sources, degree, settings, onset,
                hypotheses, grid, values, state, zero, asimov_state, threshold_family, n_par, free, lo, hi,
                channel_int, channel_real, common_error, gaussian, aux, points, start, nodes, node_start, asimov,
                gradient, hessian, chol, index, vectors, gl, hl, rl):  # fmt: skip
    """Bands from the expectation (else from the fit at mu = 0), then the observed limit; returns a status."""
    n_channels = settings.shape[0]
    status = np.int64(OK)
    if use_data and use_expected:
        status = _fit_expected(sources, degree, settings, onset, hypotheses, grid, values, asimov_state,
                               threshold_family, n_par, free, lo, hi, channel_int, channel_real, common_error,
                               gaussian, aux, nodes, node_start, asimov, gradient, hessian, chol, index, vectors, gl,
                               hl, rl)  # fmt: skip
    else:
        _copy(zero, asimov_state)
    if status != OK:
        return status
    _summarise(result, hypotheses, asimov_state[THETA], n_channels, channel_int, channel_real, nodes, node_start)
    _fill_asimov(n_channels, channel_int, channel_real, asimov_state[THETA], nodes, node_start, asimov)
    status = _bands(targets, result[BAND:], asimov_state, threshold_family, n_par, free, lo, hi, n_channels,
                    channel_int, channel_real, common_error, gaussian, aux, asimov, node_start, nodes, node_start,
                    gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
    if status != OK or not use_data:
        return status
    if use_expected:
        _fill_asimov(n_channels, channel_int, channel_real, zero[THETA], nodes, node_start, asimov)
    _copy(zero, asimov_state)
    result[OBSERVED], status = _observed(log_alpha, result[MU_HAT], nll_hat, result[BAND + 2], state, asimov_state,
                                         threshold_family, n_par, free, lo, hi, n_channels, channel_int, channel_real,
                                         common_error, gaussian, aux, points, start, asimov, nodes, node_start,
                                         gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
    return status


@kernel
def _scan_masses(first, last, limits, targets, log_alpha, common_error, gaussian, settings, onset, hypotheses, sources,
                 tables, holes, use_data, events, use_expected, grid, values, per_parameter, thresholds, results,
                 statuses, degrees, parameters):  # fmt: skip
    """Masses first <= m < last of a scan with all lifetimes; `hypotheses` (masses, lifetimes, channels, columns)."""
    n_channels = settings.shape[0]
    n_nodes = _max_nodes(holes.shape[0]) * n_channels
    n_points = n_nodes
    for m in range(first, last):
        n_points = max(n_points, np.sum(sources[m, :, EVENTS_TO] - sources[m, :, EVENTS_FROM]))
    width = FIRST + n_channels * (2 + MAX_BASE)
    points, nodes, asimov = np.zeros((n_points, N_POINT)), np.zeros((n_nodes, N_POINT)), np.zeros((n_nodes, N_POINT))
    start, node_start = np.zeros(n_channels + 1, np.int64), np.zeros(n_channels + 1, np.int64)
    channel_int, channel_real = np.zeros((n_channels, 3), np.int64), np.zeros((n_channels, 4))
    degree, threshold_family = np.zeros(n_channels, np.int64), settings[:, FAMILY] == THRESHOLD
    free, lo, hi, aux = np.zeros(width, np.bool_), np.zeros(width), np.zeros(width), np.zeros(width)
    state, zero, asimov_state = np.zeros((2, width)), np.zeros((2, width)), np.zeros((2, width))
    ladder, norms, edges = np.zeros(MAX_BASE), np.zeros(MAX_BASE), np.zeros(n_nodes // 4 + 8)
    gradient, hessian, chol = np.zeros(width), np.zeros((width, width)), np.zeros((width, width))
    index, vectors = np.zeros(width, np.int64), np.zeros((5, width))
    gl, hl, rl = np.zeros(MAX_BASE + 2), np.zeros((MAX_BASE + 2, MAX_BASE + 2)), np.zeros(MAX_BASE + 2)
    for m in range(first, last):
        # of no literal type, which would compile the fit twice
        cold, chosen = np.bool_(1), np.bool_(0)
        for t in range(hypotheses.shape[1]):
            result = results[m, t]
            result[:] = math.nan
            status = _ready(settings, onset, hypotheses[m, t], sources[m], tables, holes, events, grid, values,
                            use_data, gaussian, not chosen, per_parameter, thresholds, degree, threshold_family, edges,
                            norms, ladder, zero, free, lo, hi, aux, channel_int, channel_real,
                            points, start, nodes, node_start, gradient, hessian, chol, index, vectors, gl, hl,
                            rl)  # fmt: skip
            chosen = status != NO_WINDOW
            degrees[m] = degree
            if status == OK:
                n_par = _set_parameters(n_channels, settings[:, FAMILY], degree, channel_int, channel_real,
                                        common_error, gaussian, free, lo, hi)  # fmt: skip
                result[EVENTS] = _total_weight(points, start[0], start[n_channels])
                nll_hat, status = _fit_data(result, cold, state, zero, threshold_family, n_par, free, lo, hi,
                                            n_channels, channel_int, channel_real, common_error, gaussian, aux,
                                            points, start, nodes, node_start, gradient, hessian, chol, index, vectors,
                                            gl, hl, rl)  # fmt: skip
                for k in range(n_par):
                    parameters[m, t, k] = state[THETA, k]
                if limits and status == OK:
                    status = _set_limits(result, targets, log_alpha, nll_hat, use_data, use_expected, sources[m],
                                         degree, settings, onset, hypotheses[m, t], grid, values, state, zero,
                                         asimov_state, threshold_family, n_par, free, lo, hi, channel_int,
                                         channel_real, common_error, gaussian, aux, points, start, nodes, node_start,
                                         asimov, gradient, hessian, chol, index, vectors, gl, hl, rl)  # fmt: skip
            cold = status != OK
            statuses[m, t] = status
