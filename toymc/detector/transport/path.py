"""Paths in the solenoid: straight lines for neutral particles, helices for charged ones.

Along a path everything is a function of the transverse path length `arc` (cm, 0 at the starting point). For a circle of
radius R whose centre is at the distance D from the z axis, and alpha the angle travelled since the point closest to the
axis,

    rho^2 = (R - D)^2 + 4 R D sin^2(alpha/2),    rho d(rho)/d(arc) = D sin(alpha),    arc = R (alpha - alpha_0),

so that a cylinder is crossed at alpha = +-2 asin sqrt((r^2 - (R - D)^2) / (4 R D)) in every turn, without cancellation
for stiff tracks. For a line, arc = -b +- sqrt(r^2 - d^2) with b = x.u and d the distance of the line from the axis.
The field is that of the card, uniform along +z; what a particle loses in the material does not bend it more.
"""

import math

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.kernels import inlined_kernel

# rows of the scratch array that describes a path
CHARGED, RADIUS, CENTRE, PERIGEE2, START, TANGENT, STRETCH, ALONG, MISS2, OMEGA, Z, RHO, PER_CIRCLE = range(13)
N_PATH = 13
FAR = 1e30
# a direction closer to the z axis than this is treated as if it were this far off: rho then changes by less than 1 mm
# over the whole detector
_STEEPEST = 1e-6
# a particle made on a surface does not cross that surface again
_SKIN = 1e-6


@inlined_kernel
def _start(path, x, y, z, px, py, pz, charge, field):
    """Describe the path from (x, y, z) with this momentum (not 0) in `path`."""
    p = math.sqrt(px * px + py * py + pz * pz)
    pt = math.sqrt(px * px + py * py)
    if pt < _STEEPEST * p:
        ux, uy = 1.0, 0.0
        pt = _STEEPEST * p
    else:
        ux, uy = px / pt, py / pt
    tangent = pz / pt
    path[TANGENT] = tangent
    path[STRETCH] = math.sqrt(1.0 + tangent * tangent)
    path[Z] = z
    rho2 = x * x + y * y
    along = x * ux + y * uy
    path[ALONG] = along
    path[RHO] = math.sqrt(rho2)
    path[MISS2] = max(rho2 - along * along, 0.0)
    path[OMEGA] = 0.0
    path[CHARGED] = 0.0
    if charge == 0.0 or field == 0.0:
        return
    omega = charge * OMEGA_PER_TESLA_GEV_CM * field / pt
    radius = 1.0 / omega
    cx = x + radius * uy
    cy = y - radius * ux
    centre = max(math.sqrt(cx * cx + cy * cy), 1e-12)
    # |D - R| without cancellation
    perigee = (rho2 + 2.0 * radius * (x * uy - y * ux)) / (centre + abs(radius))
    path[CHARGED] = 1.0
    path[OMEGA] = omega
    path[RADIUS] = abs(radius)
    path[CENTRE] = centre
    path[PERIGEE2] = perigee * perigee
    path[PER_CIRCLE] = 1.0 / (4.0 * abs(radius) * centre)
    cosine = 1.0 - (rho2 - perigee * perigee) / (2.0 * abs(radius) * centre)
    path[START] = math.atan2(along / centre, cosine)


@inlined_kernel
def _slope(path, arc, rho):
    """d(rho)/d(arc), between -1 and 1."""
    if rho <= 0.0:
        return 1.0
    if path[CHARGED] == 0.0:
        u = (path[ALONG] + arc) / rho
    else:
        u = path[CENTRE] * math.sin(path[START] + arc / path[RADIUS]) / rho
    return min(max(u, -1.0), 1.0)


@inlined_kernel
def _crossings(path, r):
    """Arcs of the next two crossings of the cylinder r: on the way in, on the way out; FAR for none.

    For a helix each repeats every turn.
    """
    if path[CHARGED] == 0.0:
        square = r * r - path[MISS2]
        if square < 0.0:
            return FAR, FAR
        half = math.sqrt(square)
        inward = -path[ALONG] - half
        outward = -path[ALONG] + half
        return (inward if inward > _SKIN else FAR), (outward if outward > _SKIN else FAR)
    h = (r * r - path[PERIGEE2]) * path[PER_CIRCLE]
    if h < 0.0 or h > 1.0:
        return FAR, FAR
    alpha = 2.0 * math.asin(math.sqrt(h))
    turn = 2.0 * math.pi * path[RADIUS]
    inward = path[RADIUS] * (-alpha - path[START])
    outward = path[RADIUS] * (alpha - path[START])
    return (inward if inward > _SKIN else inward + turn), (outward if outward > _SKIN else outward + turn)


@inlined_kernel
def _reach(path, radius, z_low, z_high, half_turns):
    """Arc at which the path leaves the cylinder (radius, z_low..z_high) from inside, and where.

    1 through the barrel, 2 through the plane at z_high, 3 through that at z_low, 0 neither within `half_turns`.
    """
    _, arc = _crossings(path, radius)
    where = 1
    if path[CHARGED] == 1.0:
        longest = half_turns * math.pi * path[RADIUS]
        if longest < arc:
            arc = longest
            where = 0
    if path[TANGENT] > 0.0:
        plane = (z_high - path[Z]) / path[TANGENT]
        if plane < arc:
            return max(plane, 0.0), 2
    elif path[TANGENT] < 0.0:
        plane = (z_low - path[Z]) / path[TANGENT]
        if plane < arc:
            return max(plane, 0.0), 3
    return arc, where


@inlined_kernel
def _advance(omega, arc, x, y, px, py):
    """Transverse position and momentum after `arc` for a curvature; z grows by arc * tan lambda."""
    pt = math.sqrt(px * px + py * py)
    if pt <= 0.0:
        return x, y, px, py
    ux, uy = px / pt, py / pt
    half = 0.5 * arc * omega
    chord = arc if abs(half) < 1e-9 else math.sin(half) / half * arc
    c, s = math.cos(half), math.sin(half)
    # the chord points half the turning angle away (clockwise for positive charge)
    x += chord * (ux * c + uy * s)
    y += chord * (uy * c - ux * s)
    c, s = c * c - s * s, 2.0 * c * s
    return x, y, pt * (ux * c + uy * s), pt * (uy * c - ux * s)
