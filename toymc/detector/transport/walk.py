"""The walk through the material, what happens to a particle first, and where: its rules, and one particle's crossings.

`passage` walks, eight particles at a time; the scalar crossings here make the tables and check it.

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
