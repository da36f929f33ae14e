"""The walk of one particle through the material: what happens to it first, and where.

What can happen are two independent Poisson processes along the path: decay at the rate m/(p c tau) per length, and
conversion or nuclear interaction with the depth of each piece. An exponential number for each says at which hazard its
first event lies. The decay point follows at once; the walk sums the hazard of the material up to there (inversion of
the cumulative distribution: exact). Where an upper bound of the material's hazard is below its number, no walk is
needed.

Path length in a piece: thickness over the cosine between the direction at the crossing and the normal of the surface
(1/sin theta for cylinders and straight prompt tracks), the cosine not below 0.05 (a grazing path in a shell of radius r
and thickness d ends at 2 sqrt(2 r d)). The chamber gas is cut into shells; the point inside a shell is uniform.

Order: the path is a chain of stretches on which the distance from the axis rises or falls; in each the pieces are taken
in the order of their mean radius. A slanted sensor can come before or after a neighbour that it overlaps in radius; the
hazard is summed exactly, and which of the two comes first changes probabilities by the product of their hazards (1e-6).

Slow particles lose energy: mean ionisation loss [H. Bethe; PDG review, eq. 34.5, without density and shell corrections,
1-3 % below beta gamma = 1] at each crossing; what has none left stops there. Straggling is left out, and electrons are
treated with the same formula (5-10 % off): the question is only who comes through.
"""

import math

from toymc.constants import M_E
from toymc.detector.transport.conversion import _pair_ratio
from toymc.detector.transport.path import (
    ALONG,
    CENTRE,
    CHARGED,
    FAR,
    MISS2,
    PER_CIRCLE,
    PERIGEE2,
    RADIUS,
    RHO,
    START,
    STRETCH,
    TANGENT,
    Z,
    _crossings,
    _slope,
)
from toymc.kernels import inlined_kernel, lean_kernel

# columns of a piece of material: its section in the r-z plane is the segment (R0, Z0)-(R1, Z1)
R0, Z0, R1, Z1, NORMAL_R, NORMAL_Z, DEPTH_X0, DEPTH_LAMBDA, DEPTH_MASS, Z_OVER_A, EXCITATION, ELEMENT, WIDTH = range(13)
N_PIECE = 13
# what can interact
INERT, PHOTON, HADRON = 0, 1, 2
# how a walk ends
THROUGH, INTERACTED, STOPPED = 0, 1, 2

_SKIN = 1e-6
_GRAZING = 0.05
_ASIN_LEAST, _ASIN_MOST = 1.0 / 6.0, 0.5 * math.pi - 1.0
_K_BETHE = 0.307075e-3  # GeV cm^2/mol, 4 pi N_A r_e^2 m_e c^2 [PDG review, table 34.1]


@inlined_kernel
def _first_segment(path):
    """-1 if the path first goes towards the axis, 0 if away from it."""
    return -1 if (path[ALONG] if path[CHARGED] == 0.0 else path[START]) < 0.0 else 0


@inlined_kernel
def _segment_end(path, segment):
    """Arc at which a stretch of the path ends on which the distance from the axis rises (even) or falls (odd)."""
    if path[CHARGED] == 0.0:
        return -path[ALONG] if segment < 0 else FAR
    return path[RADIUS] * ((segment + 1) * math.pi - path[START])


@inlined_kernel
def _obliquity(path, normal_r, normal_z, u):
    """Path length over thickness for the radial slope u."""
    cosine = abs(normal_r * u + normal_z * path[TANGENT]) / path[STRETCH]
    return 1.0 / max(cosine, _GRAZING)


@lean_kernel
def _cone_crossing(path, r0, z0, r1, z1, outward):
    """Arc at which a slanted piece is crossed, FAR for none, and radial slope: Newton steps in the radius."""
    low, high = min(r0, r1), max(r0, r1)
    rise = (r1 - r0) / (z1 - z0)
    r = 0.5 * (low + high)
    for _ in range(6):
        inner, outer = _crossings(path, r)
        arc = outer if outward else inner
        if arc >= FAR:
            return FAR, 1.0
        u = _slope(path, arc, r)
        off = r - (r0 + rise * (path[Z] + arc * path[TANGENT] - z0))
        if abs(off) < 1e-5:
            return arc, u
        derivative = 1.0 - rise * path[TANGENT] / u if abs(u) > 1e-6 else 1.0
        if abs(derivative) < 1e-6:
            return FAR, 1.0
        r = min(max(r - off / derivative, low), high)
    return FAR, 1.0


@inlined_kernel
def _misses(path, r0, z0, r1, z1, outward, begin, stop):
    """Whether a stretch of the path, between two arcs, surely passes a piece above or below.

    On the way out from rho or from the closest point to the radius r, the arc is pi/2 (r + rho) at most, and r - rho at
    least from the start.
    """
    near, far = begin, stop
    if outward:
        far = min(far, begin + 0.5 * math.pi * (max(r0, r1) + path[RHO]))
        if begin == 0.0:
            near = max(min(r0, r1) - path[RHO], 0.0)
    z_near = path[Z] + near * path[TANGENT]
    z_far = path[Z] + far * path[TANGENT]
    return (z_near > z1 and z_far > z1) or (z_near < z0 and z_far < z0)


@lean_kernel
def _crossing(path, r0, z0, r1, z1, segment, early, begin, stop):
    """Arc of the crossing of a piece in a stretch of the path between two arcs, FAR for none; radial slope there.

    `early`: the first two stretches; slanted pieces are crossed there only.
    """
    outward = segment % 2 == 0
    if outward and begin == 0.0 and max(r0, r1) < path[RHO]:
        return FAR, 1.0
    if _misses(path, r0, z0, r1, z1, outward, begin, stop):
        return FAR, 1.0
    if r0 != r1:
        if not early:
            return FAR, 1.0
        arc, u = _cone_crossing(path, r0, z0, r1, z1, outward)
    elif path[CHARGED] == 0.0:
        square = r0 * r0 - path[MISS2]
        if square <= 0.0:
            return FAR, 1.0
        u = math.sqrt(square)
        if not outward:
            u = -u
        arc = u - path[ALONG]
        u /= r0
    else:
        h = (r0 * r0 - path[PERIGEE2]) * path[PER_CIRCLE]
        if not 0.0 < h < 1.0:
            return FAR, 1.0
        alpha = 2.0 * math.asin(math.sqrt(h))
        u = 2.0 * path[CENTRE] * math.sqrt(h * (1.0 - h)) / r0
        if outward:
            arc = path[RADIUS] * (segment * math.pi + alpha - path[START])
        else:
            arc = path[RADIUS] * ((segment + 1) * math.pi - alpha - path[START])
            u = -u
    if _SKIN < arc < stop and z0 < path[Z] + arc * path[TANGENT] < z1:
        return arc, u
    return FAR, 1.0


@inlined_kernel
def _stopping_power(kinetic, mass, z_over_a, excitation):
    """Mean ionisation loss of a unit charge in GeV cm^2/g."""
    gamma = 1.0 + kinetic / mass
    bg2 = gamma * gamma - 1.0
    beta2 = bg2 / (1.0 + bg2)
    t_max = 2.0 * M_E * bg2 / (1.0 + 2.0 * gamma * M_E / mass + (M_E / mass) ** 2)
    bracket = 0.5 * math.log(2.0 * M_E * bg2 * t_max / (excitation * excitation)) - beta2
    # below beta gamma of a few per cent the formula ends; the particle stops anyway
    return _K_BETHE * z_over_a / beta2 * max(bracket, 0.5)


@inlined_kernel
def _hazard(piece, kind, strength, elements, energy_bin, energy_weight):
    """Hazard of a piece at normal incidence."""
    if kind == HADRON:
        return piece[DEPTH_LAMBDA] * strength
    return piece[DEPTH_X0] * _pair_ratio(elements[int(piece[ELEMENT])], energy_bin, energy_weight)


@inlined_kernel
def _through_cylinder(path, r, z0, z1, segment, begin, stop):
    """Slope at which a stretch of the path crosses a cylinder, 0 for not at all: `_crossing`, mostly without the arc.

    For a helix the angle since the perigee is alpha = 2 asin(s). All terms of that series are positive and sum to pi/2,
    so s + s^3/6 <= asin(s) <= s + (pi/2 - 1) s^3: where these limits agree about the crossing, alpha is not needed.
    """
    outward = segment % 2 == 0
    if outward and begin == 0.0 and r < path[RHO]:
        return 0.0
    if path[CHARGED] == 0.0:
        square = r * r - path[MISS2]
        if square <= 0.0:
            return 0.0
        u = math.sqrt(square)
        if not outward:
            u = -u
        arc = u - path[ALONG]
        z = path[Z] + arc * path[TANGENT]
        return u / r if _SKIN < arc < stop and z0 < z < z1 else 0.0
    h = (r * r - path[PERIGEE2]) * path[PER_CIRCLE]
    if not 0.0 < h < 1.0:
        return 0.0
    s = math.sqrt(h)
    first, last = 2.0 * s * (1.0 + _ASIN_LEAST * h), 2.0 * s * (1.0 + _ASIN_MOST * h)
    u = 2.0 * path[CENTRE] * s * math.sqrt(1.0 - h) / r
    turned = (segment if outward else segment + 1) * math.pi - path[START]
    if not outward:
        first, last, u = -last, -first, -u
    near, far = path[RADIUS] * (turned + first), path[RADIUS] * (turned + last)
    if far <= _SKIN or near >= stop:
        return 0.0
    z_near, z_far = path[Z] + near * path[TANGENT], path[Z] + far * path[TANGENT]
    low, high = min(z_near, z_far), max(z_near, z_far)
    if high <= z0 or low >= z1:
        return 0.0
    if near > _SKIN and far < stop and low > z0 and high < z1:
        return u
    arc, _ = _crossing(path, r, z0, r, z1, segment, True, begin, stop)
    return u if arc < FAR else 0.0


@inlined_kernel
def _walk(path, pieces, elements, left, kind, strength, energy_bin, energy_weight, kinetic, mass, last):
    """Follow a path through the material up to the arc `last` until the hazard has used up `left`.

    kind, strength: what interacts, with which multiple of the depths; kinetic: energy if it has to be followed, else
    negative. Returns how the walk ended, arc, piece.
    """
    begin = last if kind == INERT and kinetic <= 0.0 else 0.0
    first = _first_segment(path)
    segment = first
    stretch, tangent = path[STRETCH], path[TANGENT]
    while begin < last:
        stop = min(last, _segment_end(path, segment))
        for count in range(len(pieces)):
            i = count if segment % 2 == 0 else len(pieces) - 1 - count
            piece = pieces[i]
            r0, z0, r1, z1 = piece[R0], piece[Z0], piece[R1], piece[Z1]
            if r0 == r1:
                u = _through_cylinder(path, r0, z0, z1, segment, begin, stop)
                if u == 0.0:
                    continue
            else:
                arc, u = _crossing(path, r0, z0, r1, z1, segment, segment < first + 2, begin, stop)
                if arc >= FAR:
                    continue
            # `_obliquity` without a division
            across = max(abs(piece[NORMAL_R] * u + piece[NORMAL_Z] * tangent), _GRAZING * stretch)
            if kind != INERT:
                step = stretch * _hazard(piece, kind, strength, elements, energy_bin, energy_weight)
                if step >= left * across:
                    arc, u = _crossing(path, r0, z0, r1, z1, segment, True, begin, stop)
                    if piece[WIDTH] > 0.0:
                        arc += (left * across / step - 0.5) * piece[WIDTH] / max(abs(u), _GRAZING)
                        arc = min(max(arc, 0.0), last)
                    return INTERACTED, arc, i
                left -= step / across
            if kinetic > 0.0:
                power = _stopping_power(kinetic, mass, piece[Z_OVER_A], piece[EXCITATION])
                kinetic -= stretch / across * piece[DEPTH_MASS] * power
                if kinetic <= 0.0:
                    arc, _ = _crossing(path, r0, z0, r1, z1, segment, True, begin, stop)
                    return STOPPED, arc, i
        begin = stop
        segment += 1
    return THROUGH, last, -1
