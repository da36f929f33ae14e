"""Where particles meet the front faces of the crystals: straight lines and helices, as unit vectors from the origin.

The surface is a cylinder closed by two planes. Which part is a crystal and which a gap is decided by the polar angle
seen from the origin (rows of `regions`), as the detector's own acceptance is defined.
"""

import math

from toymc.kernels import inlined_kernel


@inlined_kernel
def _inside(x, y, z, numbers):
    """Whether a point lies in front of the crystals; false for NaN."""
    radius = numbers.barrel_radius
    return x * x + y * y < radius * radius and z < numbers.forward_z and z > numbers.backward_z


@inlined_kernel
def _impact(x, y, z, ux, uy, uz, numbers):
    """Where a line meets the crystals: unit vector from the origin, distance (cm; -1 for nowhere), cos of incidence."""
    if not _inside(x, y, z, numbers):
        return 0.0, 0.0, 0.0, -1.0, 1.0  # made inside or behind the calorimeter
    radius = numbers.barrel_radius
    transverse = ux * ux + uy * uy
    way = 1e9
    if transverse > 1e-18:
        along = x * ux + y * uy
        inside = radius * radius - x * x - y * y
        way = (math.sqrt(along * along + transverse * inside) - along) / transverse
    if uz > 0.0:
        way = min(way, (numbers.forward_z - z) / uz)
    elif uz < 0.0:
        way = min(way, (numbers.backward_z - z) / uz)
    hx = x + way * ux
    hy = y + way * uy
    hz = z + way * uz
    distance = math.sqrt(hx * hx + hy * hy + hz * hz)
    return hx / distance, hy / distance, hz / distance, distance, (hx * ux + hy * uy + hz * uz) / distance


@inlined_kernel
def _turn(sine, cosine):
    """Angle from 0 to 2 pi; below 40 degrees the series of the arc sine, good to 2e-6."""
    if cosine > 0.766 and sine >= 0.0:
        s = sine * sine
        series = 945.0 / 42240.0 + s * (10395.0 / 599040.0 + s * (135135.0 / 9676800.0 + s * 2027025.0 / 175472640.0))
        series = 1.0 / 6.0 + s * (3.0 / 40.0 + s * (15.0 / 336.0 + s * (105.0 / 3456.0 + s * series)))
        return sine * (1.0 + s * series)
    turn = math.atan2(sine, cosine)
    return turn if turn >= 0.0 else turn + 2.0 * math.pi


@inlined_kernel
def _straight(x, y, z, px, py, pz, numbers):
    """`_impact` from a momentum, nowhere if it is zero; with the transverse path 0."""
    p = math.sqrt(px * px + py * py + pz * pz)
    if not p > 0.0:
        return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
    vx, vy, vz, distance, cosine = _impact(x, y, z, px / p, py / p, pz / p, numbers)
    return vx, vy, vz, distance, cosine, 0.0


@inlined_kernel
def _helix_impact(x, y, z, px, py, pz, curvature, numbers):
    """Where a helix meets the crystals first: as `_impact`, then the transverse path to there (cm).

    `curvature` (1/cm) is omega of Belle II's helix: positive turns clockwise seen along the field. With centre c,
    radius r and D = |c| the barrel of radius R is met where the vector h from the centre, in units of r, is
    (-c q + sense sqrt(4 D^2 r^2 - q^2) (-c_y, c_x))/(2 D^2 r), q = D^2 + r^2 - R^2. A particle that would curl for
    more than `loop_path` on its way to an end cap is taken as lost: nowhere.
    """
    pt = math.sqrt(px * px + py * py)
    if not _inside(x, y, z, numbers):
        return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
    if not (pt > 1e-9 and abs(curvature) > 1e-9):
        return _straight(x, y, z, px, py, pz, numbers)
    slant = 1.0 / pt
    ux, uy, tangent = px * slant, py * slant, pz * slant
    r = 1.0 / abs(curvature)
    sense = 1.0 if curvature > 0.0 else -1.0
    sx, sy = -sense * uy, sense * ux
    cx, cy = x - r * sx, y - r * sy
    square = cx * cx + cy * cy
    q = square + r * r - numbers.barrel_radius * numbers.barrel_radius
    root = 4.0 * square * r * r - q * q
    arc, end = -1.0, 0.0
    cosine_turn, sine_turn = 1.0, 0.0
    if root > 0.0:
        root = sense * math.sqrt(root)
        scale = 0.5 / (square * r)
        hx, hy = scale * (-cx * q - root * cy), scale * (-cy * q + root * cx)
        cosine_turn, sine_turn = sx * hx + sy * hy, sense * (sy * hx - sx * hy)
        arc = r * _turn(sine_turn, cosine_turn)
        end = z + arc * tangent
    if arc < 0.0 or end >= numbers.forward_z or end <= numbers.backward_z:
        if tangent == 0.0:
            return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
        end = numbers.forward_z if tangent > 0.0 else numbers.backward_z
        arc = (end - z) / tangent
        if not arc * math.sqrt(1.0 + tangent * tangent) <= numbers.loop_path:
            return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
        cosine_turn, sine_turn = math.cos(arc / r), math.sin(arc / r)
    # clockwise by the turn: position on the circle and direction of flight
    hx = cx + r * (sx * cosine_turn + sense * sy * sine_turn)
    hy = cy + r * (sy * cosine_turn - sense * sx * sine_turn)
    wx = ux * cosine_turn + sense * uy * sine_turn
    wy = uy * cosine_turn - sense * ux * sine_turn
    distance = math.sqrt(hx * hx + hy * hy + end * end)
    near = 1.0 / distance
    along = (hx * wx + hy * wy + end * tangent) * near / math.sqrt(1.0 + tangent * tangent)
    return hx * near, hy * near, end * near, distance, along, arc


@inlined_kernel
def _region(cosine, regions):
    """0 forward, 1 barrel, 2 backward, -1 in a gap or outside; `cosine` of the polar angle seen from the origin."""
    for k in range(3):
        if cosine >= regions[k, 0] and cosine <= regions[k, 1]:
            return k
    return -1


@inlined_kernel
def _material_row(tan_lambda, numbers, n):
    """Row of the material tables nearest to a direction."""
    k = int(math.floor((min(max(tan_lambda, -1e3), 1e3) - numbers.tan0) / numbers.tan_step + 0.5))
    return min(max(k, 0), n - 1)


@inlined_kernel
def _tangent(vz):
    """tan lambda of a unit vector."""
    return vz / math.sqrt(max(1.0 - vz * vz, 1e-12))
