"""Where particles meet the front faces of the crystals: straight lines and helices, as unit vectors from the origin.

The surface is a cylinder closed by two planes. Which part is a crystal and which a gap is decided by the polar angle
seen from the origin (rows of `regions`), as the detector's own acceptance is defined.
"""

import math

from toymc.kernels import lean_kernel


@lean_kernel
def _inside(x, y, z, numbers):
    """Whether a point lies in front of the crystals; false for NaN."""
    radius = numbers.barrel_radius
    return x * x + y * y < radius * radius and z < numbers.forward_z and z > numbers.backward_z


@lean_kernel
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


@lean_kernel
def _helix_impact(x, y, z, px, py, pz, curvature, numbers):
    """Where a helix meets the crystals first: as `_impact`, then the transverse path to there (cm).

    `curvature` (1/cm) is omega of Belle II's helix: positive turns clockwise seen along the field. With centre c,
    radius r and D = |c| the angle at the centre between the origin and the barrel is beta, cos beta = (D^2 + r^2 -
    R^2)/(2 D r). A particle that would curl for more than `loop_path` on its way to an end cap is taken as lost:
    nowhere.
    """
    pt = math.sqrt(px * px + py * py)
    if not (pt > 1e-9 and abs(curvature) > 1e-12 and _inside(x, y, z, numbers)):
        p = math.sqrt(pt * pt + pz * pz)
        if not p > 0.0:
            return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
        vx, vy, vz, distance, cosine = _impact(x, y, z, px / p, py / p, pz / p, numbers)
        return vx, vy, vz, distance, cosine, 0.0
    ux, uy, tangent = px / pt, py / pt, pz / pt
    r = 1.0 / abs(curvature)
    sense = 1.0 if curvature > 0.0 else -1.0
    cx, cy = x + sense * uy * r, y - sense * ux * r
    sx, sy = (x - cx) / r, (y - cy) / r
    centre = math.sqrt(cx * cx + cy * cy)
    radius = numbers.barrel_radius
    reaches = centre + r > radius and centre > 1e-9
    arc = math.inf
    cosine_turn, sine_turn = 1.0, 0.0
    if reaches:
        cosine = min(max((centre * centre + r * r - radius * radius) / (2.0 * centre * r), -1.0), 1.0)
        sine = math.sqrt(1.0 - cosine * cosine)
        ax, ay = -cx / centre, -cy / centre
        hx, hy = ax * cosine + sense * ay * sine, ay * cosine - sense * ax * sine
        cosine_turn, sine_turn = sx * hx + sy * hy, sense * (sy * hx - sx * hy)
        turn = math.atan2(sine_turn, cosine_turn)
        arc = (turn if turn >= 0.0 else turn + 2.0 * math.pi) * r
    end = z + arc * tangent if reaches else math.copysign(math.inf, tangent)
    if end >= numbers.forward_z or end <= numbers.backward_z or not reaches:
        if tangent == 0.0:
            return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
        end = numbers.forward_z if tangent > 0.0 else numbers.backward_z
        arc = (end - z) / tangent
        if arc * math.sqrt(1.0 + tangent * tangent) > numbers.loop_path:
            return 0.0, 0.0, 0.0, -1.0, 1.0, 0.0
        cosine_turn, sine_turn = math.cos(arc / r), math.sin(arc / r)
    # clockwise by the turn: position on the circle and direction of flight
    hx = cx + r * (sx * cosine_turn + sense * sy * sine_turn)
    hy = cy + r * (sy * cosine_turn - sense * sx * sine_turn)
    wx = ux * cosine_turn + sense * uy * sine_turn
    wy = uy * cosine_turn - sense * ux * sine_turn
    distance = math.sqrt(hx * hx + hy * hy + end * end)
    along = (hx * wx + hy * wy + end * tangent) / (distance * math.sqrt(1.0 + tangent * tangent))
    return hx / distance, hy / distance, end / distance, distance, along, arc


@lean_kernel
def _region(cosine, regions):
    """0 forward, 1 barrel, 2 backward, -1 in a gap or outside; `cosine` of the polar angle seen from the origin."""
    for k in range(3):
        if cosine >= regions[k, 0] and cosine <= regions[k, 1]:
            return k
    return -1


@lean_kernel
def _material_row(tan_lambda, numbers, n):
    """Row of the material tables nearest to a direction."""
    k = int(math.floor((min(max(tan_lambda, -1e3), 1e3) - numbers.tan0) / numbers.tan_step + 0.5))
    return min(max(k, 0), n - 1)


@lean_kernel
def _tangent(vz):
    """tan lambda of a unit vector."""
    return vz / math.sqrt(max(1.0 - vz * vz, 1e-12))
