"""Paths of eight particles: the formulas of `path`, in lanes.

Lines and circles side by side: what belongs to the other kind is worked out and thrown away, with numbers that cannot
trap (a radius of 1e30 for a line).
"""

import math

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.transport.path import _SKIN, _STEEPEST, FAR
from toymc.detector.transport.tasks import (
    ALONG,
    CENTRE,
    CHARGED,
    MISS2,
    OMEGA,
    PER_CIRCLE,
    PERIGEE2,
    PX,
    PY,
    PZ,
    RADIUS,
    RHO,
    START,
    STRETCH,
    TANGENT,
    X,
    Y,
)
from toymc.kernels import inlined_kernel
from toymc.lane_math import asin_of, atan2_of, cos_sin_of
from toymc.lane_memory import loaded, stored
from toymc.lanes import chosen, every, filled, higher_of, root, some


@inlined_kernel
def _lay(tasks, i, charge, field):
    """`path._start` for places i to i + 7 of the table: writes the path's rows."""
    x, y = loaded(tasks[X], i), loaded(tasks[Y], i)
    px, py, pz = loaded(tasks[PX], i), loaded(tasks[PY], i), loaded(tasks[PZ], i)
    pt2 = px * px + py * py
    pt, p = root(pt2), root(pt2 + pz * pz)
    steep = pt < _STEEPEST * p
    inverse = 1.0 / chosen(steep, 1.0, pt)
    ux, uy = chosen(steep, 1.0, px * inverse), chosen(steep, 0.0, py * inverse)
    inverse = 1.0 / chosen(steep, _STEEPEST * p, pt)
    tangent = pz * inverse
    rho2 = x * x + y * y
    along = x * ux + y * uy
    stored(tasks[TANGENT], i, tangent)
    stored(tasks[STRETCH], i, root(1.0 + tangent * tangent))
    stored(tasks[ALONG], i, along)
    stored(tasks[RHO], i, root(rho2))
    stored(tasks[MISS2], i, higher_of(rho2 - along * along, 0.0))
    omega = charge * (OMEGA_PER_TESLA_GEV_CM * field) * inverse
    bent = omega != 0.0
    radius = 1.0 / chosen(bent, omega, 1e-30)
    cx, cy = x + radius * uy, y - radius * ux
    centre = higher_of(root(cx * cx + cy * cy), 1e-12)
    size = abs(radius)
    perigee = (rho2 + 2.0 * radius * (x * uy - y * ux)) / (centre + size)
    twice = 2.0 * size * centre
    stored(tasks[CHARGED], i, chosen(bent, filled(1.0), filled(0.0)))
    stored(tasks[OMEGA], i, omega)
    stored(tasks[RADIUS], i, size)
    stored(tasks[CENTRE], i, centre)
    stored(tasks[PERIGEE2], i, perigee * perigee)
    stored(tasks[PER_CIRCLE], i, 0.5 / twice)
    stored(tasks[START], i, atan2_of(along / centre, 1.0 - (rho2 - perigee * perigee) / twice))


@inlined_kernel
def _half_angle(tasks, i, r):
    """Angle between the perigee and the circle's crossing of the cylinder r, and whether there is one."""
    h = (r * r - loaded(tasks[PERIGEE2], i)) * loaded(tasks[PER_CIRCLE], i)
    return 2.0 * asin_of(root(h)), (h >= 0.0) & (h <= 1.0)


@inlined_kernel
def _leave(tasks, i, z, radius, z_low, z_high, half_turns):
    """`path._reach`: arc at which a path leaves the cylinder (radius, z_low..z_high) from inside, and where."""
    tangent, along = loaded(tasks[TANGENT], i), loaded(tasks[ALONG], i)
    charged, circle = loaded(tasks[CHARGED], i) > 0.0, loaded(tasks[RADIUS], i)
    square = radius * radius - loaded(tasks[MISS2], i)
    arc = root(square) - along
    crosses = square >= 0.0
    where = filled(1.0)
    if some(charged):
        alpha, exists = _half_angle(tasks, i, radius)
        outward = circle * (alpha - loaded(tasks[START], i))
        outward = chosen(outward > _SKIN, outward, outward + 2.0 * math.pi * circle)
        arc = chosen(charged, outward, arc)
        crosses = (charged & exists) | (~charged & crosses)
        arc = chosen(crosses, arc, FAR)
        longest = half_turns * math.pi * circle
        turns = charged & (longest < arc)
        arc, where = chosen(turns, longest, arc), chosen(turns, 0.0, where)
    arc = chosen(crosses & (arc > _SKIN), arc, chosen(where == 0.0, arc, FAR))
    plane = (chosen(tangent > 0.0, filled(z_high), filled(z_low)) - z) / chosen(tangent != 0.0, tangent, 1.0)
    first = (tangent != 0.0) & (plane < arc)
    where = chosen(first, chosen(tangent > 0.0, filled(2.0), filled(3.0)), where)
    return chosen(first, higher_of(plane, 0.0), arc), where


@inlined_kernel
def _back(tasks, i, vertex_radius):
    """Arc up to which decays and interactions count: back at the vertex detector, or a full turn from farther out."""
    circle = loaded(tasks[RADIUS], i)
    turn = 2.0 * math.pi * circle
    alpha, exists = _half_angle(tasks, i, vertex_radius)
    inward = circle * (-alpha - loaded(tasks[START], i))
    inward = chosen(inward > _SKIN, inward, inward + turn)
    returns = exists & (loaded(tasks[RHO], i) < vertex_radius) & (inward < turn)
    return chosen(returns, inward, turn)


@inlined_kernel
def _end_rho2(tasks, i, arc):
    """Squared distance from the z axis."""
    charged = loaded(tasks[CHARGED], i) > 0.0
    s = loaded(tasks[ALONG], i) + arc
    line = loaded(tasks[MISS2], i) + s * s
    circle = loaded(tasks[RADIUS], i)
    _, half = cos_sin_of(0.5 * (loaded(tasks[START], i) + arc / circle))
    bow = loaded(tasks[PERIGEE2], i) + 4.0 * circle * loaded(tasks[CENTRE], i) * half * half
    return chosen(charged, bow, line)


@inlined_kernel
def _slope_at(r, inverse, outward, charged, perigee2, per_circle, centre, miss2):
    """Radial slope where a path crosses the cylinder r; `inverse`: 1/r."""
    h = (r * r - perigee2) * per_circle
    u = chosen(charged, 2.0 * centre * root(h * (1.0 - h)), root(r * r - miss2)) * inverse
    return u if outward else -u


@inlined_kernel
def _arc_at(r, outward, charged, perigee2, per_circle, circle, turned, miss2, along):
    """Arc at which a stretch of the path crosses the cylinder r.

    `turned`: angle at which alpha of the stretch is 0 (inwards: at its end), against the start.
    """
    alpha = 2.0 * asin_of(root((r * r - perigee2) * per_circle))
    v = root(r * r - miss2)
    if outward:
        return chosen(charged, circle * (turned + alpha), v - along)
    return chosen(charged, circle * (turned - alpha), -v - along)


@inlined_kernel
def _limits_at(r, outward, charged, perigee2, per_circle, circle, turned, miss2, along):
    """Arcs between which a stretch crosses the cylinder r, and whether it does: `_arc_at` without its `asin`.

    All terms of asin(s) = s + s^3/6 + 3 s^5/40 + ... are positive and sum to pi/2: what follows the third is between
    zero and (pi/2 - 1 - 1/6 - 3/40) s^7. For a line both arcs are the arc.
    """
    first, crosses = filled(0.0), charged
    if not every(charged):
        square = r * r - miss2
        v = root(square)
        crosses = square > 0.0
        first = (v if outward else -v) - along
    last = first
    if some(charged):
        h = (r * r - perigee2) * per_circle
        twice = 2.0 * circle * root(h)
        low = twice * (1.0 + h * (1.0 / 6.0 + h * 0.075))
        high = low + (0.5 * math.pi - 1.0 - 1.0 / 6.0 - 0.075) * twice * (h * h * h)
        begin = circle * turned
        crosses = chosen(charged, (h > 0.0) & (h < 1.0), crosses)
        first = chosen(charged, begin + low if outward else begin - high, first)
        last = chosen(charged, begin + high if outward else begin - low, last)
    return first, last, crosses
