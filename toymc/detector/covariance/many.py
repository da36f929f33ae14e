"""The exact covariance of many particles, eight at a time.

Eight particles pass the surfaces together: what one of them meets all have to wait for. So particles that start and
leave the tracker at the same radii are put together, by a counting sort of blocks of them.
"""

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.crossings import TRACE, _outwards
from toymc.detector.covariance.inwards import _angle2, _factorised, _inwards
from toymc.detector.covariance.surfaces import KIND, RADIUS, SLOPE, Z_MAX, Z_MIN
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lanes import WIDTH, chosen, gathered, higher_of, lane, loaded, lower_of, nearest, root, some, stored, whole

BLOCK = 1024
"""Particles that are sorted together."""
_STARTS, _REACHES = 10, 16
"""Bins of the radius where a particle starts and of the one that it reaches."""
_STARTS_CM, _REACHES_CM = 6.0, 20.0
"""Bins are equal in r/(r + this)."""
# places in the scratch, behind the crossings
_ORDER = TRACE
_START = _ORDER + BLOCK + WIDTH
_KEY = _START + BLOCK + WIDTH
_COUNT = _KEY + BLOCK + WIDTH
MANY_WORK = _COUNT + _STARTS * _REACHES + 1
"""Length of the scratch (float64) that `_exact_many` needs, allocated once by the caller."""


@inlined_kernel
def _span(x, y, z, px, py, pz, charge, end_arc, constants, z_low, z_high):
    """Radii between which particles may meet surfaces; 0 and 0 for what has no helix."""
    pt, r = root(px * px + py * py), root(x * x + y * y)
    omega = charge * (OMEGA_PER_TESLA_GEV_CM * constants.field) / pt
    norm = root(1.0 + 2.0 * omega * (x * py - y * px) / pt + omega * omega * r * r)
    outwards = x * px + y * py >= 0.0
    start = chosen(outwards, r, abs((norm - 1.0) / omega))
    left = chosen(pz > 0.0, z_high - z, z - z_low)
    reach = lower_of(abs((norm + 1.0) / omega), r + higher_of(left, 0.0) * pt / higher_of(abs(pz), 1e-9))
    reach = lower_of(reach, chosen(outwards, start + end_arc, constants.outer))
    good = (norm > 0.0) & (reach >= 0.0)
    return chosen(good, start, 0.0), chosen(good, lower_of(reach, constants.outer), 0.0)


@lean_kernel
def _sort(begin, count, states, surfaces, constants, work):
    """Numbers of the `count` particles from `begin` on, in the order in which they are taken; the last fills up."""
    last = len(surfaces) - 1
    z_low, z_high = surfaces[last, Z_MIN], surfaces[last, Z_MAX]
    for i in range(0, count, WIDTH):
        x, y, z = loaded(states[0], begin + i), loaded(states[1], begin + i), loaded(states[2], begin + i)
        px, py, pz = loaded(states[3], begin + i), loaded(states[4], begin + i), loaded(states[5], begin + i)
        start, reach = _span(
            x, y, z, px, py, pz, loaded(states[6], begin + i), loaded(states[8], begin + i), constants, z_low, z_high
        )
        stored(work, _START + i, start)
        near = nearest(_STARTS * start / (start + _STARTS_CM) - 0.5)
        far = nearest(_REACHES * reach / (reach + _REACHES_CM) - 0.5)
        stored(work, _KEY + i, higher_of(near, 0.0) * _REACHES + higher_of(far, 0.0))
    for k in range(_STARTS * _REACHES + 1):
        work[_COUNT + k] = 0.0
    for i in range(count):
        work[_COUNT + 1 + int(work[_KEY + i])] += 1.0
    for k in range(_STARTS * _REACHES):
        work[_COUNT + k + 1] += work[_COUNT + k]
    for i in range(count):
        key = _COUNT + int(work[_KEY + i])
        work[_ORDER + int(work[key])] = begin + i
        work[key] += 1.0
    for i in range(count, count + WIDTH):
        work[_ORDER + i] = work[_ORDER + count - 1]


@inlined_kernel
def _first_surface(at, begin, surfaces, work):
    """The first surface that one of the eight may meet."""
    start = work[_START + int(work[at]) - begin]
    for k in range(1, WIDTH):
        start = min(start, work[_START + int(work[at + k]) - begin])
    first, start = np.int64(0), start - 1e-3
    while first < len(surfaces) and surfaces[first, RADIUS] < start:
        if surfaces[first, SLOPE] != 0.0:
            length = surfaces[first, Z_MAX] - surfaces[first, Z_MIN]
            if surfaces[first, KIND] == 1.0:
                if surfaces[first, RADIUS] + surfaces[first, SLOPE] * length > start:
                    break
            elif surfaces[first, RADIUS] ** 2 + 0.25 * surfaces[first, SLOPE] * length * length > start * start:
                break
        first += 1
    return first


@lean_kernel
def _eight(at, first, states, surfaces, constants, work, factor, hits):
    """The particles whose numbers are in `work` from `at` on."""
    places = whole(loaded(work, at))
    x, y, z = gathered(states[0], places), gathered(states[1], places), gathered(states[2], places)
    px, py, pz = gathered(states[3], places), gathered(states[4], places), gathered(states[5], places)
    charge, mass, end_arc = gathered(states[6], places), gathered(states[7], places), gathered(states[8], places)
    n, n_pxd, n_svd, n_cdc, total, omega, d0, inverse, soft = _outwards(
        x, y, z, px, py, pz, charge, mass, end_arc, first, surfaces, constants, work
    )
    good = 2.0 * (n_pxd + n_svd) + n_cdc >= 5.0
    if some(good):
        pt2 = px * px + py * py
        angle2 = _angle2(total, 1.0 + mass * mass / (pt2 + pz * pz), constants)
        info = _inwards(n, pz / root(pt2), angle2, omega, d0, inverse, soft, surfaces, constants, work)
        u, fixed = _factorised(info)
        good = good & fixed
        for k in range(WIDTH):
            row = factor[lane(places, k)]
            for j in range(15):
                row[j] = lane(u[j], k)
    for k in range(WIDTH):
        i = lane(places, k)
        hits[i, 0] = np.int64(lane(n_pxd, k)) if lane(good, k) else np.int64(-1)
        hits[i, 1], hits[i, 2] = np.int64(lane(n_svd, k)), np.int64(lane(n_cdc, k))


@lean_kernel
def _exact_many(n, states, surfaces, constants, work, factor, hits):
    for begin in range(0, n, BLOCK):
        count = min(BLOCK, n - begin)
        _sort(begin, count, states, surfaces, constants, work)
        for i in range(0, count, WIDTH):
            first = _first_surface(_ORDER + i, begin, surfaces, work)
            _eight(_ORDER + i, first, states, surfaces, constants, work, factor, hits)
