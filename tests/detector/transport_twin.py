"""The transport one particle at a time: the slow and obvious twin of what the package does eight at a time.

`_look` is `glide._glide` for one particle with given random numbers, `_walk` is `passage._walk_through`.
"""

import math

from toymc.detector.transport.conversion import _energy_bin, _pair_ratio
from toymc.detector.transport.decays import OFF_SHELL
from toymc.detector.transport.hadronic import _ratio
from toymc.detector.transport.numbers import (
    BEHIND_COS_HIGH,
    BEHIND_COS_LOW,
    BEHIND_MOMENTUM,
    ECL_HIGH,
    ECL_LOW,
    ECL_RADIUS,
    FIELD,
    FRONT_BACKWARD,
    FRONT_FORWARD,
    FRONT_RADIUS,
    HALF_TURNS,
    HOLE_BACKWARD,
    HOLE_FORWARD,
    KLM_HIGH,
    KLM_LOW,
    KLM_RADIUS,
    VERTEX_RADIUS,
)
from toymc.detector.transport.path import (
    ALONG,
    CENTRE,
    CHARGED,
    FAR,
    MISS2,
    PERIGEE2,
    RADIUS,
    RHO,
    START,
    STRETCH,
    _crossings,
    _reach,
    _start,
)
from toymc.detector.transport.species import (
    BEHIND,
    CHARGE,
    DECAYER,
    GENERATOR,
    HADRON_ROW,
    INTERACTS,
    MASS,
    MUON,
    NEUTRAL_HADRON,
    P_SLOW,
    RATE,
    STABLE,
    SURVIVES,
)
from toymc.detector.transport.tasks import AT_ONCE, DECAY, NOTHING_TO_DO, WALK
from toymc.detector.transport.walk import (
    _GRAZING,
    DEPTH_LAMBDA,
    DEPTH_MASS,
    DEPTH_X0,
    ELEMENT,
    EXCITATION,
    HADRON,
    INERT,
    INTERACTED,
    NORMAL_R,
    NORMAL_Z,
    PHOTON,
    R0,
    R1,
    STOPPED,
    THROUGH,
    WIDTH,
    Z0,
    Z1,
    Z_OVER_A,
    _crossing,
    _first_segment,
    _obliquity,
    _segment_end,
    _stopping_power,
)
from toymc.events import FATE_ESCAPED, FATE_REACHED_ECL, FATE_REACHED_KLM, FATE_STOPPED
from toymc.kernels import kernel


@kernel
def _hazard(piece, kind, strength, elements, energy_bin, energy_weight):
    """Hazard of a piece at normal incidence."""
    if kind == HADRON:
        return piece[DEPTH_LAMBDA] * strength
    return piece[DEPTH_X0] * _pair_ratio(elements[int(piece[ELEMENT])], energy_bin, energy_weight)


@kernel
def _walk(path, pieces, elements, left, kind, strength, energy_bin, energy_weight, kinetic, mass, last):
    """Follow a path through the material up to the arc `last` until the hazard has used up `left`.

    kind, strength: what interacts, with which multiple of the depths; kinetic: energy if it has to be followed, else
    negative. Returns how the walk ended, arc, piece.
    """
    begin = 0.0
    first = _first_segment(path)
    segment = first
    while begin < last:
        stop = min(last, _segment_end(path, segment))
        for count in range(len(pieces)):
            i = count if segment % 2 == 0 else len(pieces) - 1 - count
            piece = pieces[i]
            arc, u = _crossing(
                path, piece[R0], piece[Z0], piece[R1], piece[Z1], segment, segment < first + 2, begin, stop
            )
            if arc >= FAR:
                continue
            oblique = _obliquity(path, piece[NORMAL_R], piece[NORMAL_Z], u)
            if kind != INERT:
                step = oblique * _hazard(piece, kind, strength, elements, energy_bin, energy_weight)
                if step >= left:
                    if piece[WIDTH] > 0.0:
                        arc += (left / step - 0.5) * piece[WIDTH] / max(abs(u), _GRAZING)
                        arc = min(max(arc, 0.0), last)
                    return INTERACTED, arc, i
                left -= step
            if kinetic > 0.0:
                power = _stopping_power(kinetic, mass, piece[Z_OVER_A], piece[EXCITATION])
                kinetic -= oblique * piece[DEPTH_MASS] * power
                if kinetic <= 0.0:
                    return STOPPED, arc, i
        begin = stop
        segment += 1
    return THROUGH, last, -1


@kernel
def _rho2(path, arc):
    """Squared distance from the z axis."""
    if path[CHARGED] == 0.0:
        s = path[ALONG] + arc
        return path[MISS2] + s * s
    half = math.sin(0.5 * (path[START] + arc / path[RADIUS]))
    return path[PERIGEE2] + 4.0 * path[RADIUS] * path[CENTRE] * half * half


@kernel
def _inside(x, y, z, radius, low, high):
    return x * x + y * y < radius**2 and low < z < high


@kernel
def _arrival(numbers, species, path, end, where, p, pz, v):
    """Fate of a particle that came to the end of its path."""
    if where == 0:
        return FATE_STOPPED
    if where == 2 and _rho2(path, end) < numbers[HOLE_FORWARD] ** 2:
        return FATE_ESCAPED
    if where == 3 and _rho2(path, end) < numbers[HOLE_BACKWARD] ** 2:
        return FATE_ESCAPED
    kind = species[BEHIND]
    if kind == 0.0 or not (numbers[BEHIND_COS_LOW] < pz / p < numbers[BEHIND_COS_HIGH]):
        return FATE_REACHED_ECL
    if kind == MUON:
        return FATE_REACHED_KLM if p > numbers[BEHIND_MOMENTUM] else FATE_REACHED_ECL
    if v < species[SURVIVES] and (kind == NEUTRAL_HADRON or p > numbers[BEHIND_MOMENTUM]):
        return FATE_REACHED_KLM
    return FATE_REACHED_ECL


@kernel
def _first_turn(path, vertex_radius):
    """Arc up to which decays and interactions count: back at the vertex detector, or a full turn from farther out."""
    turn = 2.0 * math.pi * path[RADIUS]
    if path[RHO] >= vertex_radius:
        return turn
    inward, _ = _crossings(path, vertex_radius)
    return min(inward, turn)


@kernel
def _look(species, x, y, z, px, py, pz, m, first, second, third, numbers, elements, hadrons, path):
    """What there is to do for one particle: to do, arc to watch or of the decay, whether it decays, hazard of the
    material at which something happens, strength, kinetic energy to follow, fate on arrival."""
    own = (species[DECAYER] == GENERATOR and m > 0.0) or abs(m - species[MASS]) <= OFF_SHELL * species[MASS]
    m = m if own else species[MASS]
    p = math.sqrt(px**2 + py**2 + pz**2)
    decays, short = species[DECAYER] != STABLE, species[RATE] > 1e3
    inside = _inside(x, y, z, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD])
    if not p > 1e-9:
        to_do = AT_ONCE if decays and (inside or short) else NOTHING_TO_DO
        return to_do, 0.0, 0.0, 0.0, 0.0, -1.0, FATE_STOPPED
    if short:
        return AT_ONCE, 0.0, 0.0, 0.0, 0.0, -1.0, 0
    if not inside:
        fate = FATE_ESCAPED
        if _inside(x, y, z, numbers[ECL_RADIUS], numbers[ECL_LOW], numbers[ECL_HIGH]):
            fate = FATE_REACHED_ECL
        elif _inside(x, y, z, numbers[KLM_RADIUS], numbers[KLM_LOW], numbers[KLM_HIGH]):
            fate = FATE_REACHED_KLM
        return NOTHING_TO_DO, 0.0, 0.0, 0.0, 0.0, -1.0, fate
    decay_at = -math.log1p(-first) if decays else FAR
    material_at = -math.log1p(-second) if species[INTERACTS] != INERT else FAR
    rate = species[RATE] * m / p
    if decays and decay_at < rate * 1e-4:
        return AT_ONCE, 0.0, 0.0, 0.0, 0.0, -1.0, 0
    _start(path, x, y, z, px, py, pz, species[CHARGE], numbers[FIELD])
    end, where = _reach(
        path, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD], numbers[HALF_TURNS]
    )
    watched, kinetic, strength = end, -1.0, 0.0
    if species[INTERACTS] == HADRON:
        strength = _ratio(hadrons, int(species[HADRON_ROW]), p)
    elif species[INTERACTS] == PHOTON:
        energy_bin, weight = _energy_bin(p)
        strength = _pair_ratio(elements[len(elements) - 1], energy_bin, weight)
    if p < species[P_SLOW]:
        kinetic = p * p / (math.sqrt(p * p + m * m) + m)
        watched = min(end, 2.0 * math.pi * path[RADIUS])
    elif path[CHARGED] == 1.0 and end > path[RADIUS] * (math.pi - path[START]):
        watched = min(end, _first_turn(path, numbers[VERTEX_RADIUS]))
    rate *= path[STRETCH]
    decays = decays and decay_at < rate * watched
    last = decay_at / rate if decays else watched
    arrives = _arrival(numbers, species, path, end, where, p, pz, third)
    to_do = DECAY if decays else NOTHING_TO_DO
    if species[INTERACTS] != INERT or kinetic > 0.0:
        to_do = WALK
    return to_do, last, 1.0 if decays else 0.0, material_at, strength, kinetic, arrives
