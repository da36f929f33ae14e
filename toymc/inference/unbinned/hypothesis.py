# mypy: allow-untyped-defs, allow-untyped-calls
"""Kernel: one hypothesis made ready for the likelihood: events in its window, quadrature nodes, shapes at both.

Nodes: four-point Gauss-Legendre panels whose edges lie at fixed distances from the peak in units of its width, at the
kinks of the Crystal Ball and at eighths of the window. Bernstein polynomials up to the fourth degree are integrated
exactly, expected test statistics to about 1e-5 (tested against panels ten times as fine).
"""

from __future__ import annotations

import math

import numpy as np

from toymc.inference.unbinned.likelihood import BASE, LINEAR, N_BASE, RATE, S0, S1, S2, W, X
from toymc.inference.unbinned.shapes import (
    _NODES_4,
    _WEIGHTS_4,
    CRYSTAL_BALL,
    LOG_TINY,
    VOIGT,
    _log_shape,
    _shape_integral,
)
from toymc.kernels import lean_kernel

POLYNOMIAL, EXPONENTIAL, THRESHOLD = 0, 1, 2

_DISTANCES = np.array([0.0, 1.0, 2.0, 3.0, 4.5, 6.5, 10.0, 16.0, 26.0, 45.0, 80.0, 150.0, 300.0, 600.0])
_EIGHTHS = 8


def max_nodes(n_holes: int) -> int:
    """Nodes that a window with that many holes can have."""
    return 4 * (2 * _DISTANCES.size + 2 + _EIGHTHS + 2 + 2 * n_holes)


@lean_kernel
def _insert(edges, n, value):
    """Keep `edges[:n]` ascending while adding one."""
    i = n
    while i > 0 and edges[i - 1] > value:
        edges[i] = edges[i - 1]
        i -= 1
    edges[i] = value
    return n + 1


@lean_kernel
def _in_hole(x, holes, first, last):
    for h in range(first, last):
        if holes[h, 0] < x < holes[h, 1]:
            return True
    return False


@lean_kernel
def _fill_nodes(code, p, low, high, holes, first_hole, last_hole, edges, nodes, at):
    """Positions and weights of the nodes from row `at` on; returns the row after the last."""
    n = _insert(edges, np.int64(0), low)
    n = _insert(edges, n, high)
    for k in range(1, _EIGHTHS):
        n = _insert(edges, n, low + (high - low) * k / _EIGHTHS)
    unit = math.sqrt(p[1] * p[1] + p[2] * p[2]) if code == VOIGT else p[1]
    for k in range(_DISTANCES.size):
        n = _insert(edges, n, p[0] - _DISTANCES[k] * unit)
        n = _insert(edges, n, p[0] + _DISTANCES[k] * unit)
    if code == CRYSTAL_BALL:
        n = _insert(edges, n, p[0] - p[2] * unit)
        n = _insert(edges, n, p[0] + p[4] * unit)
    for h in range(first_hole, last_hole):
        n = _insert(edges, n, holes[h, 0])
        n = _insert(edges, n, holes[h, 1])
    for k in range(n - 1):
        half, centre = 0.5 * (edges[k + 1] - edges[k]), 0.5 * (edges[k + 1] + edges[k])
        if half > 0.0 and low < centre < high and not _in_hole(centre, holes, first_hole, last_hole):
            for j in range(4):
                nodes[at, X] = centre + half * _NODES_4[j]
                nodes[at, W] = half * _WEIGHTS_4[j]
                at += 1
    return at


@lean_kernel
def _signal_integral(code, p, scale, tables, low, high, holes, first_hole, last_hole):
    """Integral of the signal over the window without its holes."""
    total = _shape_integral(code, p, scale, tables, low, high)
    for h in range(first_hole, last_hole):
        a, b = max(holes[h, 0], low), min(holes[h, 1], high)
        if b > a:
            total -= _shape_integral(code, p, scale, tables, a, b)
    return total


@lean_kernel
def _fill_signal(code, p, tables, error, gaussian, norms, points, first, last):
    """ln s at eta_res = 0 and the parabola of its change; `norms` are ln integrals at 0, -1, +1 sigma."""
    down, up = (1.0 - error, 1.0 + error) if gaussian else (math.exp(-error), math.exp(error))
    for i in range(first, last):
        at = max(_log_shape(code, p, 1.0, tables, points[i, X]) - norms[0], LOG_TINY)
        points[i, S0] = math.exp(at)
        if error > 0.0:
            minus = max(_log_shape(code, p, down, tables, points[i, X]) - norms[1], LOG_TINY)
            plus = max(_log_shape(code, p, up, tables, points[i, X]) - norms[2], LOG_TINY)
            points[i, S1] = 0.5 * (plus - minus)
            points[i, S2] = plus + minus - 2.0 * at
        else:
            points[i, S1] = 0.0
            points[i, S2] = 0.0


@lean_kernel
def _signal_norms(code, p, tables, error, gaussian, low, high, holes, first_hole, last_hole, norms):
    """ln integrals of the signal at eta_res = 0, -1, +1; False where the window holds none of it."""
    down, up = (1.0 - error, 1.0 + error) if gaussian else (math.exp(-error), math.exp(error))
    for k in range(3 if error > 0.0 else 1):
        scale = 1.0 if k == 0 else (down if k == 1 else up)
        total = _signal_integral(code, p, scale, tables, low, high, holes, first_hole, last_hole)
        if not total > 1e-200:
            return False
        norms[k] = math.log(total)
    return True


@lean_kernel
def _fill_basis(family, degree, threshold, low, high, points, first, last):
    """Background functions at the points, Bernstein polynomials without their norm yet."""
    for i in range(first, last):
        t = (points[i, X] - low) / (high - low)
        if family == POLYNOMIAL or degree == 0:
            binomial = 1.0
            for k in range(degree + 1):
                points[i, BASE + k] = binomial * t**k * (1.0 - t) ** (degree - k)
                binomial *= (degree - k) / (k + 1.0)
        else:
            points[i, BASE] = 1.0
            column = BASE + 1
            if family == THRESHOLD:
                above = max(points[i, X] - threshold, 1e-9 * (high - threshold))
                points[i, column] = math.log(above / (high - threshold))
                column += 1
            power = 1.0
            while column <= BASE + degree:
                power *= 2.0 * t - 1.0
                points[i, column] = power
                column += 1


@lean_kernel
def _set_background(c, family, degree, threshold, low, high, channel_int, channel_real, points, first, last, nodes,
                    first_node, last_node, norms):  # fmt: skip
    """Fill the background of channel c at points and nodes for one degree."""
    linear = family == POLYNOMIAL or degree == 0
    channel_int[c, LINEAR] = 1 if linear else 0
    channel_int[c, N_BASE] = degree + 1
    _fill_basis(family, degree, threshold, low, high, points, first, last)
    _fill_basis(family, degree, threshold, low, high, nodes, first_node, last_node)
    length = 0.0
    for j in range(first_node, last_node):
        length += nodes[j, W]
    channel_real[c, RATE] = 1.0 / length
    if linear:
        for k in range(degree + 1):
            norms[k] = 0.0
            for j in range(first_node, last_node):
                norms[k] += nodes[j, W] * nodes[j, BASE + k]
            for j in range(first_node, last_node):
                nodes[j, BASE + k] /= norms[k]
            for i in range(first, last):
                points[i, BASE + k] /= norms[k]


@lean_kernel
def _set_bounds(family, degree, offset, error, gaussian, lo, hi):
    """Bounds of the nuisance and background parameters of a channel."""
    for k in range(2):
        lo[offset + k] = -5.0
        hi[offset + k] = 5.0
    if gaussian and error > 0.0:  # 1 + error eta stays positive
        lo[offset] = max(-5.0, -0.99 / error)
    for k in range(degree + 1):
        if family == POLYNOMIAL or degree == 0:
            lo[offset + 2 + k] = 0.0
            hi[offset + 2 + k] = math.inf
        else:
            lo[offset + 2 + k] = 0.0 if (family == THRESHOLD and k == 1) else -30.0
            hi[offset + 2 + k] = 30.0


@lean_kernel
def _start_background(linear, threshold_family, n_base, b, events, theta):
    """Background parameters that give `events` in the window and no zero anywhere."""
    count = max(events, 0.5)
    for k in range(n_base):
        theta[b + k] = count / n_base if linear else 0.0
    if not linear:
        theta[b] = math.log(count)
        if threshold_family:
            theta[b + 1] = 0.5


@lean_kernel
def _background_rate(channel_int, channel_real, c, theta, points, i):
    """Background density at a point, events per GeV."""
    b = channel_int[c, 2] + 2
    total = 0.0
    for k in range(channel_int[c, N_BASE]):
        total += theta[b + k] * points[i, BASE + k]
    if channel_int[c, LINEAR] == 1:
        return total
    return channel_real[c, RATE] * math.exp(total)


@lean_kernel
def _fill_asimov(n_channels, channel_int, channel_real, theta, nodes, node_start, asimov):
    """Background-only Asimov data of the parameters `theta`: the nodes weighted with the expected density."""
    for c in range(n_channels):
        for j in range(node_start[c], node_start[c + 1]):
            for k in range(asimov.shape[1]):
                asimov[j, k] = nodes[j, k]
            asimov[j, W] = nodes[j, W] * _background_rate(channel_int, channel_real, c, theta, nodes, j)
