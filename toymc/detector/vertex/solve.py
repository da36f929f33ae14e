"""The iteration: one linear solution of the vertex equations after the other until the point stands still."""

import math

from toymc.detector.vertex.constraints import _apply_constraints, _constraint_rows
from toymc.detector.vertex.normal import (
    AT_PRODUCTION,
    BAD_COVARIANCE,
    BAD_HELIX,
    FARTHEST,
    NOT_CONVERGED,
    OK,
    PARALLEL,
    _follow,
    _production_chi2,
    _solve_linear,
)
from toymc.detector.vertex.search import _search
from toymc.detector.vertex.start import _start
from toymc.detector.vertex.track import _linearise, _positive
from toymc.detector.vertex.tree import _tree
from toymc.kernels import lean_kernel

_MAX_ITERATIONS, _QUICK_ITERATIONS = 40, 12
"""Without constraints the search along the flight takes over after the quick ones."""
_TOLERANCE = 1e-8
"""Of twice the expected fall of chi2: the point is within 1e-4 of its error from the minimum."""
_LONGEST_STEP = 50.0
"""cm in one iteration: half of the chamber."""


@lean_kernel
def _inputs(work, k, helices, covs, c):
    """Status of the measured helices; copies them to where the first linearisation takes them from."""
    for i in range(k):
        h = helices[c, i]
        size = abs(h[0]) + abs(h[1]) + abs(h[2]) + abs(h[3]) + abs(h[4])
        if not size < 1e9 or abs(h[2]) < 1e-12:
            return BAD_HELIX
        for m in range(5):
            work[i, m] = h[m]
        work[i, 5] = 0.0
    for i in range(k):
        if not _positive(covs, c, i):
            return BAD_COVARIANCE
    return OK


@lean_kernel
def _accelerate(point, sx, sy, sz):
    """Go to where a series of steps in a constant ratio ends (Aitken); the last step is kept in `point`.

    Steps of nearly parallel tracks shrink slowly, or alternate, where the curvature along the flight is not that of the
    linear problem. After an acceleration the next step counts as a first one.
    """
    ax, ay, az = point[10], point[11], point[12]
    point[10], point[11], point[12] = sx, sy, sz
    square = ax * ax + ay * ay + az * az
    if square == 0.0:
        return
    ratio = (sx * ax + sy * ay + sz * az) / square
    if 0.2 < abs(ratio) < 0.95:
        more = ratio / (1.0 - ratio)
        point[0], point[1], point[2] = point[0] + more * sx, point[1] + more * sy, point[2] + more * sz
        point[10], point[11], point[12] = 0.0, 0.0, 0.0


@lean_kernel
def _iterate(work, tree, con, point, k, helices, covs, c, production, spread, weight, f, masses, s, options):
    """One round at the point in `point`: returns (status or -1 to go on, change that is left)."""
    x, y, z = point[0], point[1], point[2]
    for i in range(k):
        if not _linearise(work, i, x, y, z, helices, covs, c):
            return PARALLEL, 0.0
    sx, sy, sz, left = _solve_linear(work, point, k, weight, production, f, options.flags)
    if not left < math.inf:
        return PARALLEL, 0.0
    rows = options.flags & ~AT_PRODUCTION
    before = point[9]
    if rows:
        _tree(work, tree, k, covs, c, options.momentum_unit, True)
        n = _constraint_rows(options, tree, con, point, k, production, spread, f, masses, s)
    length = math.sqrt(sx * sx + sy * sy + sz * sz)
    scale = 1.0 if length < _LONGEST_STEP else _LONGEST_STEP / length
    sx, sy, sz = sx * scale, sy * scale, sz * scale
    if rows:
        for i in range(k):
            for m in range(5):
                tree[i, 51 + m] = work[i, m]
    chi2 = 0.0
    for i in range(k):
        chi2 += _follow(work, i, sx, sy, sz, helices, c)
    point[0], point[1], point[2] = point[0] + sx, point[1] + sy, point[2] + sz
    if options.flags & AT_PRODUCTION:
        chi2 += _production_chi2(point, weight, production, f)
    if rows:
        more, moved = _apply_constraints(work, tree, con, point, k, n, sx, sy, sz, helices, c)
        if not more < math.inf:
            return PARALLEL, 0.0
        chi2 += more
        left = max(abs(chi2 - before) / max(chi2, 1.0), moved)
    point[9] = chi2
    if scale < 1.0:
        left = 1.0
    elif left >= _TOLERANCE and rows:
        _accelerate(point, point[0] - x, point[1] - y, point[2] - z)
    return -1, left


@lean_kernel
def _fit_one(work, tree, con, point, k, helices, covs, c, production, spread, weight, f, masses, s, options, radii):
    """Fit candidate c; result in `work`, `tree`, `con`, `point`. Returns status and number of iterations."""
    status = _inputs(work, k, helices, covs, c)
    if status != OK:
        return status, 0
    x, y, z = _start(work, k, helices, covs, c, production[f, 0], production[f, 1], production[f, 2], radii)
    if options.flags & AT_PRODUCTION:
        x, y, z = production[f, 0], production[f, 1], production[f, 2]
        for i in range(k):
            work[i, 5] = 0.0
    point[0], point[1], point[2], point[9] = x, y, z, 0.0
    point[10], point[11], point[12] = 0.0, 0.0, 0.0
    simple = options.flags & ~AT_PRODUCTION == 0
    before = 1.0
    limit = _QUICK_ITERATIONS if simple else _MAX_ITERATIONS
    for iteration in range(1, limit + 1):
        status, left = _iterate(
            work, tree, con, point, k, helices, covs, c, production, spread, weight, f, masses, s, options
        )
        if status >= 0:
            return status, iteration
        far = abs(point[0]) + abs(point[1]) + abs(point[2])
        if not far < FARTHEST:
            return PARALLEL, iteration
        # the step is taken already: what remains is smaller by the ratio of the last two
        if iteration > 1 and left * min(left / before, 1.0) < _TOLERANCE:
            return OK, iteration
        before = max(left, 1e-300)
    if simple:
        status = _search(work, point, k, helices, covs, c, production, weight, f, options.flags)
        if status <= NOT_CONVERGED:
            left = _solve_linear(work, point, k, weight, production, f, options.flags)[3]
            status = status if left < math.inf else PARALLEL
        return status, _MAX_ITERATIONS
    return NOT_CONVERGED, _MAX_ITERATIONS
