"""The exact covariance of many particles, eight at a time."""

import numpy as np

from toymc.detector.covariance.crossings import TRACE, _outwards
from toymc.detector.covariance.inwards import _angle2, _factorised, _inwards
from toymc.detector.covariance.surfaces import KIND, RADIUS, SLOPE, Z_MAX, Z_MIN
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lanes import WIDTH, chosen, gathered, lane, loaded, lower_of, root, some, stored, whole

BLOCK = 1024
"""Particles that are sorted together."""
ORDER = TRACE
KEYS = ORDER + BLOCK + WIDTH
MANY_WORK = KEYS + BLOCK + WIDTH
"""Length of the scratch (float64) that `_exact_many` needs, allocated once by the caller."""


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
        for i in range(count):
            work[ORDER + i] = begin + i
        for i in range(count, count + WIDTH):
            work[ORDER + i] = begin + count - 1
        for i in range(0, count, WIDTH):
            _eight(ORDER + i, 0, states, surfaces, constants, work, factor, hits)
