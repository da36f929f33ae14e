"""Minimum of a vertex fit along the flight by bracketing, for what the linear steps have not brought to rest.

Nearly parallel tracks may step to and fro, or creep, because their directions change with the step as much as they
differ from each other. The slope of chi2/2 along the flight e is then taken where the point and the tracks are at their
minimum in the plane across e: a sign change encloses a minimum of the whole.
"""

import math

from toymc.detector.vertex.normal import (
    AT_PRODUCTION,
    FARTHEST,
    NOT_CONVERGED,
    OK,
    PARALLEL,
    _axis,
    _follow,
    _production_chi2,
    _system,
)
from toymc.detector.vertex.track import _linearise
from toymc.kernels import lean_kernel

_PLANE_ITERATIONS, _MARCH = 8, 40
_PLANE_TOLERANCE = 1e-10
"""Of twice the fall of chi2 expected in the plane."""


@lean_kernel
def _slope_at(way, work, point, k, helices, covs, c, production, weight, f, flags, ex, ey, ez):
    """Go `way` along e and minimise in the plane across e: slope of chi2/2 along e there; NaN if undetermined."""
    slope = math.nan
    for count in range(_PLANE_ITERATIONS):
        for i in range(k):
            if not _linearise(work, i, point[0], point[1], point[2], helices, covs, c):
                return math.nan
        oxx, oxy, oxz, oyy, oyz, ozz, wx, wy, wz, h, _, gx, gy, gz = _system(
            work, point, k, weight, production, f, flags, ex, ey, ez
        )
        if not abs(h) < math.inf:
            return math.nan
        slope = wx * gx + wy * gy + wz * gz
        first = way if count == 0 else 0.0
        ax, ay, az = oxx * gx + oxy * gy + oxz * gz, oxy * gx + oyy * gy + oyz * gz, oxz * gx + oyz * gy + ozz * gz
        sx, sy, sz = first * wx - ax, first * wy - ay, first * wz - az
        point[9] = 0.0
        for i in range(k):
            point[9] += _follow(work, i, sx, sy, sz, helices, c)
        point[0], point[1], point[2] = point[0] + sx, point[1] + sy, point[2] + sz
        if flags & AT_PRODUCTION:
            point[9] += _production_chi2(point, weight, production, f)
        if count > 1 and gx * ax + gy * ay + gz * az < _PLANE_TOLERANCE:
            break
    return slope


@lean_kernel
def _search(work, point, k, helices, covs, c, production, weight, f, flags):
    """March down the slope until it changes sign, then the rule of false position (Illinois variant); status."""
    ex, ey, ez = _axis(work, k)
    scale = 1.0 / math.sqrt(point[13])
    slope = _slope_at(0.0, work, point, k, helices, covs, c, production, weight, f, flags, ex, ey, ez)
    if not abs(slope) < math.inf:
        return PARALLEL
    way, here, other, other_slope = -math.copysign(0.5 * scale, slope), 0.0, 0.0, slope
    for _ in range(_MARCH):
        other, other_slope = here, slope
        here += way
        slope = _slope_at(way, work, point, k, helices, covs, c, production, weight, f, flags, ex, ey, ez)
        if not (abs(slope) < math.inf and abs(here) < FARTHEST):
            return PARALLEL
        if slope * other_slope <= 0.0:
            break
        way *= 1.5
    if slope * other_slope > 0.0:
        return NOT_CONVERGED
    for _ in range(_MARCH):
        if abs(slope * scale) < 1e-4 or abs(here - other) < 1e-6 * scale:
            return OK
        target = here - slope * (here - other) / (slope - other_slope)
        before = slope
        slope = _slope_at(
            target - here, work, point, k, helices, covs, c, production, weight, f, flags, ex, ey, ez
        )
        if not abs(slope) < math.inf:
            return PARALLEL
        if slope * before < 0.0:
            other, other_slope = here, before
        else:
            other_slope *= 0.5
        here = target
    return NOT_CONVERGED
