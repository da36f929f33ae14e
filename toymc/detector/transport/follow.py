"""One particle from where it was made to where it ends (`_glide`, then `_act`), and the rules of the regions.

Regions (cylinders of the card, section `regions`; a place belongs to the innermost that holds it): inside the beam pipe
fate 1, inside the vertex detector 2, inside the drift chamber 3, elsewhere in front of the crystals 4.

The front of the crystals ends the walk: the barrel cylinder and the two planes of the calorimeter. Who crosses a plane
inside the hole of the endcap escapes (9). Muons with enough momentum in the KLM's polar acceptance reach it (8).
Charged hadrons with that momentum and neutral hadrons there pass calorimeter and coil with probability exp(-depth r),
r the interactions per interaction length at 2 GeV, and then reach it; all others end in the calorimeter (7). Particles
made behind the front: 7 inside the crystals, 8 out to the end of the muon detector, 9 beyond.

Charged particles that turn in the field are followed for the card's number of half turns, then they count as stopped
(10). Decays and interactions are simulated until they come back to the vertex detector (slow ones: for a full turn):
their track is made of the first turn. Stopped are also those that lose all their energy in the material there. What
has stopped is not followed further (muons and pions at rest decay after the event is over, K- and pi- are captured by
a nucleus).
"""

import math

from toymc.constants import M_E, SPEED_OF_LIGHT_CM_PER_NS
from toymc.detector.transport.collisions import _collide
from toymc.detector.transport.conversion import _convert, _energy_bin, _pair_ratio
from toymc.detector.transport.decays import OFF_SHELL, _boost_rows, _decay
from toymc.detector.transport.hadronic import _ratio
from toymc.detector.transport.numbers import (
    BEHIND_COS_HIGH,
    BEHIND_COS_LOW,
    BEHIND_MOMENTUM,
    CHAMBER_HIGH,
    CHAMBER_LOW,
    CHAMBER_RADIUS,
    ECL_HIGH,
    ECL_LOW,
    ECL_RADIUS,
    FIELD,
    FRONT_BACKWARD,
    FRONT_FORWARD,
    FRONT_RADIUS,
    GRAZED_LAMBDA,
    HALF_TURNS,
    HEAVY_RADIUS,
    HEAVY_Z,
    HOLE_BACKWARD,
    HOLE_FORWARD,
    KLM_HIGH,
    KLM_LOW,
    KLM_RADIUS,
    PIPE_HIGH,
    PIPE_LOW,
    PIPE_RADIUS,
    RADIUS_FAST,
    VERTEX_HIGH,
    VERTEX_LOW,
    VERTEX_RADIUS,
    WIDE_CIRCLE,
)
from toymc.detector.transport.path import (
    ALONG,
    BIN,
    CHARGED,
    DECAYS,
    END,
    FAR,
    KINETIC,
    LAST,
    MATERIAL,
    RADIUS,
    RHO,
    START,
    STRENGTH,
    STRETCH,
    TANGENT,
    WATCHED,
    WEIGHT,
    WHERE,
    _advance,
    _crossings,
    _reach,
    _rho2,
    _start,
)
from toymc.detector.transport.path import Z as Z_START
from toymc.detector.transport.species import (
    BEHIND,
    CHARGE,
    DECAYER,
    FIRST_MODE,
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
from toymc.detector.transport.tables import OUTSIDE_STEP_CM, PROMPT_RHO_CM, PROMPT_Z_CM, TAN_HIGH, TAN_STEP
from toymc.detector.transport.walk import ELEMENT, HADRON, INERT, INTERACTED, PHOTON, STOPPED, THROUGH, _walk
from toymc.events import (
    FATE_CONVERTED,
    FATE_DECAYED_CDC,
    FATE_DECAYED_OUTSIDE,
    FATE_DECAYED_PIPE,
    FATE_DECAYED_VXD,
    FATE_ESCAPED,
    FATE_INTERACTED,
    FATE_REACHED_ECL,
    FATE_REACHED_KLM,
    FATE_STOPPED,
)
from toymc.generators.secondary import UNPOLARISED, _decay_secondary
from toymc.kernels import inlined_kernel

# the state of a particle
X, Y, Z, T, PX, PY, PZ, M = range(8)
N_STATE = 8
_AT_ONCE_CM = 1e-4
# bound of curling paths: a start before the perigee costs part of a half turn more; obliquity beyond that of a line
_PROMPT_PHASE = 0.1
_BENT = 1.2
# bound of displaced paths
_LEAST_SLOPE = 0.6
_LARGEST_SINE = 0.9
_BACKWARD = -0.5
# shorter-lived than this: decays wherever it is made
_SHORT_RATE = 1e3


@inlined_kernel
def _region(numbers, x, y, z):
    """Fate of a decay at this place."""
    rho2 = x * x + y * y
    if rho2 < numbers[PIPE_RADIUS] ** 2 and numbers[PIPE_LOW] < z < numbers[PIPE_HIGH]:
        return FATE_DECAYED_PIPE
    if rho2 < numbers[VERTEX_RADIUS] ** 2 and numbers[VERTEX_LOW] < z < numbers[VERTEX_HIGH]:
        return FATE_DECAYED_VXD
    if rho2 < numbers[CHAMBER_RADIUS] ** 2 and numbers[CHAMBER_LOW] < z < numbers[CHAMBER_HIGH]:
        return FATE_DECAYED_CDC
    return FATE_DECAYED_OUTSIDE


@inlined_kernel
def _inside_front(numbers, x, y, z):
    """Whether a point lies in front of the crystals."""
    return (
        x * x + y * y < numbers[FRONT_RADIUS] * numbers[FRONT_RADIUS]
        and numbers[FRONT_BACKWARD] < z < numbers[FRONT_FORWARD]
    )


@inlined_kernel
def _fate_outside(numbers, x, y, z):
    """Fate of what is made behind the front of the crystals."""
    rho2 = x * x + y * y
    if rho2 < numbers[ECL_RADIUS] ** 2 and numbers[ECL_LOW] < z < numbers[ECL_HIGH]:
        return FATE_REACHED_ECL
    if rho2 < numbers[KLM_RADIUS] ** 2 and numbers[KLM_LOW] < z < numbers[KLM_HIGH]:
        return FATE_REACHED_KLM
    return FATE_ESCAPED


@inlined_kernel
def _fate_behind(numbers, species, p, pz, v):
    """Calorimeter or muon detector for what arrives at the front; v is uniform in [0, 1)."""
    kind = species[BEHIND]
    if kind == 0.0 or not (numbers[BEHIND_COS_LOW] < pz / p < numbers[BEHIND_COS_HIGH]):
        return FATE_REACHED_ECL
    if kind == MUON:
        return FATE_REACHED_KLM if p > numbers[BEHIND_MOMENTUM] else FATE_REACHED_ECL
    if v < species[SURVIVES] and (kind == NEUTRAL_HADRON or p > numbers[BEHIND_MOMENTUM]):
        return FATE_REACHED_KLM
    return FATE_REACHED_ECL


@inlined_kernel
def _true_mass(species, m):
    """Mass to calculate with: the row's own where it fits the species (or is a resonance's), else that of the PDG."""
    if species[DECAYER] == GENERATOR and m > 0.0:
        return m
    if abs(m - species[MASS]) <= OFF_SHELL * species[MASS]:
        return m
    return species[MASS]


@inlined_kernel
def _daughters(rng, species, pdg, state, modes, generator_modes, p4, codes, masses):
    """Decay products in the lab, rows of p4; returns their number."""
    m = state[M]
    if species[DECAYER] == GENERATOR:
        n = _decay_secondary(rng, generator_modes, pdg, m, UNPOLARISED, p4, codes, masses)
    else:
        n = _decay(rng, modes, int(species[FIRST_MODE]), pdg, m, p4, codes, masses)
    _boost_rows(p4, n, state[PX], state[PY], state[PZ], m)
    return n


@inlined_kernel
def _move(state, path, arc):
    """Carry the state along its path."""
    x, y, px, py = _advance(path, arc, state[X], state[Y], state[PX], state[PY])
    p = math.sqrt(state[PX] ** 2 + state[PY] ** 2 + state[PZ] ** 2)
    length = arc * path[STRETCH]
    state[T] += length / SPEED_OF_LIGHT_CM_PER_NS * math.sqrt(1.0 + (state[M] / p) ** 2)
    state[X], state[Y], state[PX], state[PY] = x, y, px, py
    state[Z] += arc * path[TANGENT]


@inlined_kernel
def _arrival(rng, numbers, species, path, p, pz):
    """Fate of a particle that came to the end of its path."""
    if path[WHERE] == 0.0:
        return FATE_STOPPED
    if path[WHERE] == 2.0 and _rho2(path, path[END]) < numbers[HOLE_FORWARD] ** 2:
        return FATE_ESCAPED
    if path[WHERE] == 3.0 and _rho2(path, path[END]) < numbers[HOLE_BACKWARD] ** 2:
        return FATE_ESCAPED
    return _fate_behind(numbers, species, p, pz, rng.random() if species[BEHIND] > MUON else 0.0)


@inlined_kernel
def _first_turn(path, vertex_radius):
    """Arc up to which decays and interactions count: back at the vertex detector, or a full turn from farther out."""
    turn = 2.0 * math.pi * path[RADIUS]
    if path[RHO] >= vertex_radius:
        return turn
    inward, _ = _crossings(path, vertex_radius)
    return min(inward, turn)


@inlined_kernel
def _displaced_depth(path, kind, end, numbers, outside):
    """Upper bound of the depth for a path that starts anywhere and goes away from the axis; FAR for none.

    At the radius r the angle psi against the radius vector obeys r sin(psi) = rho sin(psi_0) +- (r^2 - rho^2)/(2R), so
    |sin psi| <= |sin psi_0| + r/(2R): the thin material outside rho is crossed at no more than that, whatever z. Not
    for paths that can meet the flanges and the crotch of the beam pipe, nor backward ones, which may graze slanted
    sensors.
    """
    rho = path[RHO]
    u = path[ALONG] / rho
    tangent = path[TANGENT]
    if u <= _LEAST_SLOPE or tangent < _BACKWARD:
        return FAR
    if rho < numbers[HEAVY_RADIUS]:
        farthest = 0.5 * math.pi * (numbers[HEAVY_RADIUS] + rho) * abs(tangent)
        if abs(path[Z_START]) + farthest > numbers[HEAVY_Z]:
            return FAR
    s = math.sqrt(1.0 - u * u)
    turns = 1.0
    # the table of a photon holds the gas
    gas = 0.0 if kind == PHOTON else numbers[GRAZED_LAMBDA]
    if path[CHARGED] == 1.0:
        s += 0.5 * numbers[VERTEX_RADIUS] / path[RADIUS]
        if path[START] + end / path[RADIUS] > math.pi:
            # over the apogee and back to the vertex detector: gas and walls again
            if rho >= numbers[VERTEX_RADIUS]:
                return FAR
            turns = 2.0
    if s > _LARGEST_SINE:
        return FAR
    cell = min(int(rho / OUTSIDE_STEP_CM), outside.shape[1] - 1)
    return turns * (outside[0 if kind == PHOTON else 1, cell] * path[STRETCH] / math.sqrt(1.0 - s * s) + gas)


@inlined_kernel
def _bound(path, kind, strength, end, numbers, bounds, outside):
    """Upper bound of the hazard of the material along a path, FAR for none.

    Where the circle reaches beyond 36 cm, the inner material (r < 16.5 cm) is crossed within 1.13 of normal incidence
    in the r-phi plane; gas shells near the apogee may be grazed; on the way back only gas, walls and cover are met.
    """
    if kind == INERT:
        return -1.0
    if path[RHO] > PROMPT_RHO_CM or abs(path[Z_START]) > PROMPT_Z_CM or abs(path[TANGENT]) >= TAN_HIGH:
        return strength * _displaced_depth(path, kind, end, numbers, outside)
    cell = int((path[TANGENT] + TAN_HIGH) / TAN_STEP)
    if kind == PHOTON:
        return strength * bounds[0, cell]
    if path[CHARGED] == 0.0 or path[RADIUS] > numbers[RADIUS_FAST]:
        return strength * bounds[1, cell]
    if 2.0 * path[RADIUS] < numbers[WIDE_CIRCLE]:
        return FAR
    half_turns = math.ceil(end / (math.pi * path[RADIUS]) + _PROMPT_PHASE)
    return strength * half_turns * (_BENT * bounds[1, cell] + numbers[GRAZED_LAMBDA])


@inlined_kernel
def _products(
    rng, collisions, species, pdg, state, piece, pieces, elements, p4, codes, masses, families, charges
):  # fmt: skip
    """What a photon or hadron makes of itself in a piece of material: fate, number of products."""
    if species[INTERACTS] == PHOTON:
        element = elements[int(pieces[piece, ELEMENT])]
        _convert(rng, state[PX], state[PY], state[PZ], element, p4)
        codes[0], codes[1] = 11, -11
        masses[0], masses[1] = M_E, M_E
        return FATE_CONVERTED, 2
    n = _collide(
        rng, collisions, pdg, state[M], species[CHARGE], state[PX], state[PY], state[PZ],
        p4, codes, masses, families, charges,
    )  # fmt: skip
    return FATE_INTERACTED, n


@inlined_kernel
def _prepare(path, species, state, p, numbers, elements, hadrons):
    """Path, its end, what is watched on it, and the strength of the material for this particle."""
    _start(path, state[X], state[Y], state[Z], state[PX], state[PY], state[PZ], species[CHARGE], numbers[FIELD])
    end, where = _reach(
        path, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD], numbers[HALF_TURNS]
    )
    path[END], path[WHERE] = end, where
    path[STRENGTH], path[KINETIC], path[WATCHED] = 0.0, -1.0, end
    if species[INTERACTS] == HADRON:
        path[STRENGTH] = _ratio(hadrons, int(species[HADRON_ROW]), p)
    elif species[INTERACTS] == PHOTON:
        path[BIN], path[WEIGHT] = _energy_bin(p)
        # the last row holds the largest of all elements
        path[STRENGTH] = _pair_ratio(elements[len(elements) - 1], int(path[BIN]), path[WEIGHT])
    if p < species[P_SLOW]:
        path[KINETIC] = p * p / (math.sqrt(p * p + state[M] * state[M]) + state[M])
        path[WATCHED] = min(end, 2.0 * math.pi * path[RADIUS])
    elif path[CHARGED] == 1.0 and end > path[RADIUS] * (math.pi - path[START]):
        # beyond the farthest point from the axis
        path[WATCHED] = min(end, _first_turn(path, numbers[VERTEX_RADIUS]))


@inlined_kernel
def _glide(rng, decay_at, material_at, species, state, path, numbers, elements, bounds, outside, hadrons):
    """Fate of a particle to which nothing happens; 0 if something may, and `_act` has to go on from `path`.

    `decay_at`, `material_at`: hazards of decay and of the material at which something happens; drawn here if negative.
    """
    state[M] = _true_mass(species, state[M])
    p = math.sqrt(state[PX] ** 2 + state[PY] ** 2 + state[PZ] ** 2)
    decays = species[DECAYER] != STABLE
    inside = _inside_front(numbers, state[X], state[Y], state[Z])
    # without a path: decay where it is
    path[LAST] = -1.0
    if not p > 1e-9:
        return 0 if decays and (inside or species[RATE] > _SHORT_RATE) else FATE_STOPPED
    if species[RATE] > _SHORT_RATE:
        return 0
    if not inside:
        return _fate_outside(numbers, state[X], state[Y], state[Z])
    if decay_at < 0.0:
        decay_at = -math.log1p(-rng.random()) if decays else FAR
        material_at = -math.log1p(-rng.random()) if species[INTERACTS] != INERT else FAR
    rate = species[RATE] * state[M] / p
    if decays and decay_at < rate * _AT_ONCE_CM:
        return 0
    _prepare(path, species, state, p, numbers, elements, hadrons)
    rate *= path[STRETCH]
    decays = decays and decay_at < rate * path[WATCHED]
    path[DECAYS] = 1.0 if decays else 0.0
    path[LAST] = decay_at / rate if decays else path[WATCHED]
    path[MATERIAL] = material_at
    if material_at > _bound(path, int(species[INTERACTS]), path[STRENGTH], path[WATCHED], numbers, bounds, outside):
        path[MATERIAL] = FAR
        if not decays and path[KINETIC] < 0.0:
            return _arrival(rng, numbers, species, path, p, state[PZ])
    return 0


@inlined_kernel
def _act(
    rng, pdg, species, state, numbers, collisions, pieces, elements, modes, generator_modes,
    path, p4, codes, masses, families, charges,
):  # fmt: skip
    """Let happen what `_glide` could not rule out; `state` ends at the last point of the particle.

    Returns fate, end arc (FAR for none), number of products in p4.
    """
    gone = FAR
    decays = True
    if path[LAST] >= 0.0:
        outcome, arc, piece = THROUGH, path[LAST], -1
        if path[MATERIAL] < FAR or path[KINETIC] > 0.0:
            outcome, arc, piece = _walk(
                path, pieces, elements, path[MATERIAL], int(species[INTERACTS]), path[STRENGTH],
                int(path[BIN]), path[WEIGHT], path[KINETIC], state[M], path[LAST],
            )  # fmt: skip
        decays = outcome == THROUGH and path[DECAYS] == 1.0
        if outcome == THROUGH and not decays:
            p = math.sqrt(state[PX] ** 2 + state[PY] ** 2 + state[PZ] ** 2)
            return _arrival(rng, numbers, species, path, p, state[PZ]), FAR, 0
        _move(state, path, arc)
        if species[CHARGE] != 0.0:
            gone = arc
        if outcome == STOPPED:
            return FATE_STOPPED, gone, 0
        if outcome == INTERACTED:
            fate, n = _products(
                rng, collisions, species, pdg, state, piece, pieces, elements, p4, codes, masses, families, charges
            )
            return fate, gone, n
    elif species[CHARGE] != 0.0:
        gone = 0.0
    n = _daughters(rng, species, pdg, state, modes, generator_modes, p4, codes, masses)
    return _region(numbers, state[X], state[Y], state[Z]), gone, n
