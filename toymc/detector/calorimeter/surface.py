"""Where particles meet the front faces of the crystals: straight lines and helices, as unit vectors from the origin.

The surface is a cylinder closed by two planes. Which part is a crystal and which a gap is decided by the polar angle
seen from the origin (rows of `regions`), as the detector's own acceptance is defined. The functions take one particle
or eight (see `toymc.lanes`).
"""

import math

from toymc.kernels import inlined_kernel
from toymc.lane_math import atan2_of, cos_sin_of
from toymc.lane_memory import taken
from toymc.lanes import chosen, higher_of, lower_of, root, some, whole

REGION_COLUMNS = 6
"""Of the flat table `regions`: lowest and highest cosine, smallest energy, efficiency, lowest and highest theta."""


@inlined_kernel
def _inside(x, y, z, numbers):
    """Whether a point lies in front of the crystals; false for NaN."""
    radius = numbers.barrel_radius
    return (x * x + y * y < radius * radius) & (z < numbers.forward_z) & (z > numbers.backward_z)


@inlined_kernel
def _impact(x, y, z, ux, uy, uz, numbers):
    """Where a line meets the crystals: unit vector from the origin, distance (cm; -1 for nowhere), cos of incidence.

    Nowhere is what was made inside or behind the calorimeter.
    """
    radius = numbers.barrel_radius
    transverse = ux * ux + uy * uy
    along = x * ux + y * uy
    square = along * along + transverse * (radius * radius - x * x - y * y)
    way = (root(higher_of(square, 0.0)) - along) / transverse
    way = chosen(transverse > 1e-18, way, 1e9)
    to_plane = (chosen(uz > 0.0, numbers.forward_z, numbers.backward_z) - z) / uz
    way = chosen((uz != 0.0) & (to_plane < way), to_plane, way)
    hx = x + way * ux
    hy = y + way * uy
    hz = z + way * uz
    distance = root(hx * hx + hy * hy + hz * hz)
    near = 1.0 / distance
    incidence = (hx * ux + hy * uy + hz * uz) * near
    return hx * near, hy * near, hz * near, chosen(_inside(x, y, z, numbers), distance, -1.0), incidence


@inlined_kernel
def _helix_impact(x, y, z, px, py, pz, curvature, numbers):
    """Where a helix meets the crystals first: as `_impact`, then the transverse path to there (cm).

    `curvature` (1/cm) is omega of Belle II's helix: positive turns clockwise seen along the field. With centre c,
    radius r and D = |c| the barrel of radius R is met where the vector h from the centre, in units of r, is
    (-c q + sense sqrt(4 D^2 r^2 - q^2) (-c_y, c_x))/(2 D^2 r), q = D^2 + r^2 - R^2. A particle that would curl for
    more than `loop_path` on its way to an end cap is taken as lost: nowhere. So is one that does not move, and without
    transverse momentum or curvature it flies straight.
    """
    pt = root(px * px + py * py)
    bent = (pt > 1e-9) & (abs(curvature) > 1e-9)
    slant = 1.0 / chosen(bent, pt, 1.0)
    ux, uy, tangent = px * slant, py * slant, pz * slant
    r = 1.0 / chosen(bent, abs(curvature), 1.0)
    sense = chosen(curvature > 0.0, 1.0, -1.0)
    sx, sy = -sense * uy, sense * ux
    cx, cy = x - r * sx, y - r * sy
    square = cx * cx + cy * cy
    q = square + r * r - numbers.barrel_radius * numbers.barrel_radius
    discriminant = 4.0 * square * r * r - q * q
    meets = discriminant > 0.0
    reach = sense * root(higher_of(discriminant, 0.0))
    scale = 0.5 / (square * r)
    hx, hy = scale * (-cx * q - reach * cy), scale * (-cy * q + reach * cx)
    cosine_turn, sine_turn = sx * hx + sy * hy, sense * (sy * hx - sx * hy)
    turn = atan2_of(sine_turn, cosine_turn)
    turn = chosen(turn < 0.0, turn + 2.0 * math.pi, turn)
    arc = r * turn
    end = z + arc * tangent
    barrel = meets & (end < numbers.forward_z) & (end > numbers.backward_z)
    inside = _inside(x, y, z, numbers)
    lost = inside & (~inside)
    if some(~barrel):
        plane = chosen(tangent > 0.0, numbers.forward_z, numbers.backward_z)
        to_plane = (plane - z) / tangent
        stays = to_plane * root(1.0 + tangent * tangent) <= numbers.loop_path
        c, s = cos_sin_of(chosen(stays & inside, to_plane / r, 0.0))
        lost = (~barrel) & (~(stays & (tangent != 0.0)))
        arc, end = chosen(barrel, arc, to_plane), chosen(barrel, end, plane)
        cosine_turn, sine_turn = chosen(barrel, cosine_turn, c), chosen(barrel, sine_turn, s)
    # clockwise by the turn: position on the circle and direction of flight
    hx = cx + r * (sx * cosine_turn + sense * sy * sine_turn)
    hy = cy + r * (sy * cosine_turn - sense * sx * sine_turn)
    wx = ux * cosine_turn + sense * uy * sine_turn
    wy = uy * cosine_turn - sense * ux * sine_turn
    distance = root(hx * hx + hy * hy + end * end)
    near = 1.0 / distance
    along = (hx * wx + hy * wy + end * tangent) * near / root(1.0 + tangent * tangent)
    vx, vy, vz = hx * near, hy * near, end * near
    distance = chosen(lost, -1.0, distance)
    if some(~bent):
        p = root(px * px + py * py + pz * pz)
        moves = p > 0.0
        inverse = 1.0 / chosen(moves, p, 1.0)
        lx, ly, lz, far, incidence = _impact(x, y, z, px * inverse, py * inverse, pz * inverse, numbers)
        vx, vy, vz = chosen(bent, vx, lx), chosen(bent, vy, ly), chosen(bent, vz, lz)
        distance, along = chosen(bent, distance, chosen(moves, far, -1.0)), chosen(bent, along, incidence)
        arc = chosen(bent, arc, 0.0)
    return vx, vy, vz, chosen(inside, distance, -1.0), along, arc


@inlined_kernel
def _region(cosine, regions):
    """0 forward, 1 barrel, 2 backward, -1 in a gap or outside; `cosine` of the polar angle seen from the origin."""
    region = whole(cosine) * 0 - 1
    for k in range(3):
        low, high = regions[REGION_COLUMNS * k], regions[REGION_COLUMNS * k + 1]
        region = chosen((cosine >= low) & (cosine <= high), k, region)
    return region


@inlined_kernel
def _of_region(region, column, regions):
    """A column of the table of regions."""
    return taken(regions, REGION_COLUMNS * region + column)


@inlined_kernel
def _material_row(tan_lambda, numbers, n):
    """Row of the material tables nearest to a direction."""
    k = (lower_of(higher_of(tan_lambda, -1e3), 1e3) - numbers.tan0) / numbers.tan_step + 0.5
    return lower_of(whole(higher_of(k, 0.0)), n - 1)


@inlined_kernel
def _tangent(vz):
    """tan lambda of a unit vector."""
    return vz / root(higher_of(1.0 - vz * vz, 1e-12))
