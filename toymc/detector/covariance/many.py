"""The exact covariance of many particles, eight at a time.

Eight particles pass the surfaces together: what one of them meets all have to wait for. So particles that start and
leave the tracker at the same radii are put together, by a counting sort of blocks of them.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.crossings import TRACE, _outwards
from toymc.detector.covariance.inwards import _angle2, _factorised, _inwards
from toymc.detector.covariance.surfaces import KIND, RADIUS, SLOPE, Z_MAX, Z_MIN
from toymc.kernels import inlined_kernel, kernel, lean_kernel
from toymc.lane_memory import gathered, loaded, stored
from toymc.lanes import WIDTH, chosen, higher_of, lane, lower_of, nearest, root, some, whole

FloatArray = npt.NDArray[np.float64]

BLOCK = 4096
"""Particles that are sorted together."""
_STARTS, _REACHES, _KEYS = 10, 16, 10 * 16 * 2
"""Bins of the radius where a particle starts and of the one that it reaches; with forward and backward."""
_STARTS_CM, _REACHES_CM = 6.0, 20.0
"""Bins are equal in r/(r + this)."""
# places in the scratch, behind the crossings
_ORDER = TRACE
_START = _ORDER + BLOCK + WIDTH
_KEY = _START + BLOCK + WIDTH
_COUNT = _KEY + BLOCK + WIDTH
MANY_WORK = _COUNT + _KEYS + 1
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


@inlined_kernel
def _bin(r, bins, scale):
    """Bin of a radius."""
    return lower_of(higher_of(nearest(bins * r / (r + scale) - 0.5), 0.0), bins - 1)


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
        key = _bin(start, _STARTS, _STARTS_CM) * _REACHES + _bin(reach, _REACHES, _REACHES_CM)
        stored(work, _KEY + i, 2.0 * key + chosen(pz > 0.0, 1.0, 0.0))
    for k in range(_KEYS + 1):
        work[_COUNT + k] = 0.0
    for i in range(count):
        work[_COUNT + 1 + int(work[_KEY + i])] += 1.0
    for k in range(_KEYS):
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


@inlined_kernel
def _count(places, n_pxd, n_svd, n_cdc, good, slowing, factor, hits):
    """Hits of eight particles to their rows."""
    for k in range(WIDTH):
        i = lane(places, k)
        hits[i, 0] = np.int64(lane(n_pxd, k)) if lane(good, k) else np.int64(-1)
        hits[i, 1] = np.int64(lane(n_svd, k))
        hits[i, 2] = np.int64(lane(n_cdc, k))
        if factor.shape[1] > 15:
            factor[i, 15] = lane(slowing, k)


@lean_kernel
def _eight(at, first, states, surfaces, constants, work, factor, hits):
    """The particles whose numbers are in `work` from `at` on."""
    places = whole(loaded(work, at))
    x, y, z = gathered(states[0], places), gathered(states[1], places), gathered(states[2], places)
    px, py, pz = gathered(states[3], places), gathered(states[4], places), gathered(states[5], places)
    mass = gathered(states[7], places)
    n, n_pxd, n_svd, n_cdc, total, top, omega, d0, inverse, soft = _outwards(
        x, y, z, px, py, pz, gathered(states[6], places), mass, gathered(states[8], places), first,
        surfaces, constants, work,
    )  # fmt: skip
    pt2 = px * px + py * py
    p2 = pt2 + pz * pz
    slowing = top * (p2 * p2) / (p2 + mass * mass)
    good = 2.0 * (n_pxd + n_svd) + n_cdc >= 5.0
    if some(good):
        angle2 = _angle2(total, 1.0 + mass * mass / p2, constants)
        info = _inwards(n, pz / root(pt2), angle2, omega, d0, inverse, soft, surfaces, constants, work)
        u, fixed = _factorised(info)
        good = good & fixed
        for k in range(WIDTH):
            row = factor[lane(places, k)]
            for j in range(15):
                row[j] = lane(u[j], k)
    _count(places, n_pxd, n_svd, n_cdc, good, slowing, factor, hits)


@lean_kernel
def _exact_many(n, states, surfaces, constants, work, factor, hits):
    """Factor of the covariance (see `inwards`) and hits of the `n` particles in the columns of `states`.

    Parameters
    ----------
    n : int
    states : float64 (9, N)
        Rows x, y, z (cm), px, py, pz (GeV) at production, charge, mass, and the transverse path in cm after which the
        particle is gone (inf: none); N is a multiple of WIDTH and at least n, what is behind n does not matter.
    surfaces, constants
        As `tracker` gives them.
    work : float64 (MANY_WORK,)
        Scratch.
    factor : float64 (n or more, 15 or 16)
        Receives U, row by row; anything where no fit is possible. A sixteenth number tells how many times larger
        1/(p beta)^2 is in front of the last surface met than at production.
    hits : int64 (n or more, 3)
        Receives pixel, strip and wire layers that measure; -1 pixel layers where no fit is possible: fewer than five
        measurements, or they do not fix all parameters.
    """
    for begin in range(0, n, BLOCK):
        count = min(BLOCK, n - begin)
        _sort(begin, count, states, surfaces, constants, work)
        for i in range(0, count, WIDTH):
            first = _first_surface(_ORDER + i, begin, surfaces, work)
            _eight(_ORDER + i, first, states, surfaces, constants, work, factor, hits)


@kernel
def _exact_columns(n, states, surfaces, constants, factor, hits):
    """`_exact_many` with scratch of its own."""
    _exact_many(n, states, surfaces, constants, np.empty(MANY_WORK), factor, hits)


def particle_columns(
    state: FloatArray, charge: npt.ArrayLike, mass: npt.ArrayLike, end_arc: npt.ArrayLike
) -> FloatArray:
    """`states` of `_exact_many` from rows (x, y, z, px, py, pz) and what goes with them, numbers or one per row."""
    columns = np.zeros((9, (len(state) + WIDTH - 1) // WIDTH * WIDTH))
    columns[:6, : len(state)] = state.T
    for k, values in enumerate((charge, mass, end_arc)):
        columns[6 + k, : len(state)] = values
    return columns
