"""Where a vertex fit begins: crossings of the circles of two tracks, and the one of them that the rest agrees with.

Two circles cross twice, or come closest on the line of their centres. Of two crossings the one is taken where z of the
tracks agrees better (in units of the errors of z0 and tan lambda carried there; a third track counts with its
transverse distance too). Where z does not decide (difference of chi2 below `_UNDECIDED`), the distance by which the
summed momentum, followed back, misses the production point is added to the chi2 in units of its approximate error: the
rule for decays of neutral particles, with flight against the momentum in units of `_RADIUS_TOLERANCE`. Hits say more:
where the range of radii is known in which a track can have begun (before its first hit, behind the last layer without
one), a crossing outside of it counts with the square of the distance to it over `_RADIUS_TOLERANCE`.
"""

import math

from toymc.detector.vertex.track import _equations
from toymc.kernels import lean_kernel

_UNDECIDED = 9.0
"""Three standard deviations: a choice by definition, not a measured number."""
_RADIUS_TOLERANCE = 1.0
"""cm; a choice: larger than the error of a vertex, smaller than the distance of the layers outside the pixels."""
_FAR_SIDE = 2.5
"""Turning angle (rad) beyond which the smeared perigee may lie half a turn on the other side."""


@lean_kernel
def _centre(helices, c, i):
    h = helices[c, i]
    radius = 1.0 / h[2]
    reach = h[0] + radius
    return reach * math.sin(h[1]), -reach * math.cos(h[1]), abs(radius)


@lean_kernel
def _crossings(helices, c, i, j):
    """Crossing points (x1, y1, x2, y2) of the circles of tracks i and j; equal points where they do not cross."""
    xa, ya, ra = _centre(helices, c, i)
    xb, yb, rb = _centre(helices, c, j)
    dx, dy = xb - xa, yb - ya
    distance = math.sqrt(dx * dx + dy * dy)
    if not distance > 1e-9 * (ra + rb):  # one circle, or none: start at the perigee of the first track
        h = helices[c, i]
        x, y = h[0] * math.sin(h[1]), -h[0] * math.cos(h[1])
        return x, y, x, y
    dx, dy = dx / distance, dy / distance
    if distance > ra + rb:
        along, across = 0.5 * (ra + distance - rb), 0.0
    elif ra > rb + distance:
        along, across = 0.5 * (ra + distance + rb), 0.0
    elif rb > ra + distance:
        along, across = 0.5 * (distance - rb - ra), 0.0
    else:
        along = 0.5 * (distance + (ra - rb) * (ra + rb) / distance)
        across = math.sqrt(max((ra - along) * (ra + along), 0.0))
    x, y = xa + along * dx, ya + along * dy
    return x - across * dy, y + across * dx, x + across * dy, y - across * dx


@lean_kernel
def _z_there(helices, covs, c, i, psi):
    """z of track i after turning by psi, and the inverse of its variance."""
    h, v = helices[c, i], covs[c, i]
    arc = psi / h[2]
    variance = v[12] + arc * (2.0 * v[13] + arc * v[14])
    return h[3] + arc * h[4], 1.0 / max(variance, 1e-12)


@lean_kernel
def _spread(work, k, helices, covs, c):
    """Weighted mean of z of the tracks at their turning angles, and the chi2 around it."""
    total, first, second = 0.0, 0.0, 0.0
    for i in range(k):
        z, weight = _z_there(helices, covs, c, i, work[i, 5])
        total += weight
        first += weight * z
        second += weight * z * z
    mean = first / total
    chi2 = 0.0
    for i in range(k):
        z, weight = _z_there(helices, covs, c, i, work[i, 5])
        chi2 += weight * (z - mean) * (z - mean)
    return mean, chi2


@lean_kernel
def _turn_choice(work, k, helices, covs, c):
    """Mean z and its chi2, with the better branch of tracks that meet the point near the far side of the circle."""
    z, spread = _spread(work, k, helices, covs, c)
    for i in range(k):
        psi = work[i, 5]
        if abs(psi) > _FAR_SIDE:
            work[i, 5] = psi - math.copysign(2.0 * math.pi, psi)
            z_other, other = _spread(work, k, helices, covs, c)
            if other < spread:
                z, spread = z_other, other
            else:
                work[i, 5] = psi
    return z, spread


@lean_kernel
def _judge(x, y, work, k, helices, covs, c, ox, oy, oz, radii):
    """z of the tracks at (x, y), their chi2 there, and the chi2 of pointing back to the origin o.

    Leaves the turning angles in column 5 of `work`.
    """
    chi2, px, py, pz, size, angle, near = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(k):
        h, v = helices[c, i], covs[c, i]
        f1, _, psi, _, _, sin_t, cos_t, _, sin0, cos0 = _equations(h[0], h[1], h[2], h[3], h[4], x, y, 0.0, 0.0)
        work[i, 5] = psi
        pt = 1.0 / abs(h[2])
        px += pt * (cos0 * cos_t + sin0 * sin_t)
        py += pt * (sin0 * cos_t - cos0 * sin_t)
        pz += pt * h[4]
        square = pt * pt * (1.0 + h[4] * h[4])
        size += square
        near += square * v[0]
        angle += square * (v[5] + v[14] / (1.0 + h[4] * h[4]))
        if k > 2:
            arc = psi / h[2]
            chi2 += f1 * f1 / max(v[0] + arc * (arc * v[5] - 2.0 * v[1]), 1e-12)
        if len(radii) > 0:
            radius = math.sqrt(x * x + y * y)
            outside = max(radii[c, i, 0] - radius, radius - radii[c, i, 1], 0.0) / _RADIUS_TOLERANCE
            chi2 += outside * outside
    z, spread = _turn_choice(work, k, helices, covs, c)
    lx, ly, lz = x - ox, y - oy, z - oz
    path = lx * lx + ly * ly + lz * lz
    square = px * px + py * py + pz * pz
    forward = (lx * px + ly * py + lz * pz) / square if square > 0.0 else 0.0
    lx, ly, lz = lx - forward * px, ly - forward * py, lz - forward * pz
    miss = (lx * lx + ly * ly + lz * lz) * size / max(near + path * angle, 1e-12 * size)
    if forward < 0.0:
        miss += forward * forward * square / (_RADIUS_TOLERANCE * _RADIUS_TOLERANCE)
    return z, chi2 + spread, miss


@lean_kernel
def _widest_pair(helices, c, k):
    """The two tracks whose directions in the transverse plane differ most from parallel."""
    first, second, best = 0, 1, -1.0
    for i in range(k):
        for j in range(i + 1, k):
            opening = abs(math.sin(helices[c, i, 1] - helices[c, j, 1]))
            if opening > best:
                first, second, best = i, j, opening
    return first, second


@lean_kernel
def _start(work, k, helices, covs, c, ox, oy, oz, radii):
    """Starting point; turning angles of the tracks there in column 5 of `work`."""
    first, second = 0, 1
    if k > 2:
        first, second = _widest_pair(helices, c, k)
    xa, ya, xb, yb = _crossings(helices, c, first, second)
    za, chi2_a, miss_a = _judge(xa, ya, work, k, helices, covs, c, ox, oy, oz, radii)
    if xa == xb and ya == yb:
        return xa, ya, za
    for i in range(k):
        work[i, 6] = work[i, 5]
    zb, chi2_b, miss_b = _judge(xb, yb, work, k, helices, covs, c, ox, oy, oz, radii)
    if abs(chi2_a - chi2_b) < _UNDECIDED:
        chi2_a, chi2_b = chi2_a + miss_a, chi2_b + miss_b
    if chi2_b < chi2_a:
        return xb, yb, zb
    for i in range(k):
        work[i, 5] = work[i, 6]
    return xa, ya, za
