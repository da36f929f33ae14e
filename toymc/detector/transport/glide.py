"""Which particles get to the end of their path unharmed, eight at a time; what has to be looked at for the others.

What can happen are two independent Poisson processes along the path (`walk`). An exponential number for each says at
which hazard its first event lies. The decay point follows at once; for the material an upper bound of the hazard along
the whole path often is below its number. A bound costs speed where it is loose, never truth.

Particles from the fast decision (`quick`) come with the uniform number u that fell below the sum of their bounds. It
says which of the two exponential numbers are below their bounds, and the exact look goes on with them.
"""

import math

import numpy as np

from toymc.detector.transport.conversion import LOG_E_LOW, LOG_E_STEP, N_ENERGIES
from toymc.detector.transport.decays import OFF_SHELL
from toymc.detector.transport.hadronic import LOG_P_LOW, LOG_P_STEP, N_MOMENTA
from toymc.detector.transport.lane_path import _back, _end_rho2, _lay, _leave
from toymc.detector.transport.numbers import (
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
    RADIUS_FAST,
    RETURN_LAMBDA,
    VERTEX_RADIUS,
    WIDE_CIRCLE,
)
from toymc.detector.transport.path import FAR
from toymc.detector.transport.regions import _fate_behind, _fate_outside, _inside_front
from toymc.detector.transport.species import (
    DECAYER,
    GENERATOR,
    HADRON_ROW,
    N_SPECIES,
    STABLE,
)
from toymc.detector.transport.tables import OUTSIDE_STEP_CM, PROMPT_RHO_CM, PROMPT_Z_CM, TAN_HIGH, TAN_STEP
from toymc.detector.transport.tasks import (
    ALONG,
    ARC,
    ARRIVES,
    AT_ONCE,
    BIN,
    CHARGED,
    DECAY,
    DECAY_BOUND,
    DECAYS,
    FIRST_NUMBER,
    KINETIC,
    LAST,
    LEFT,
    MATERIAL_BOUND,
    NOTHING_TO_DO,
    OUTCOME,
    PX,
    PY,
    PZ,
    RADIUS,
    RHO,
    SECOND_NUMBER,
    SPECIES,
    SPLIT,
    START,
    STRENGTH,
    STRETCH,
    TANGENT,
    THIRD_NUMBER,
    TO_DO,
    WALK,
    WEIGHT,
    M,
    X,
    Y,
    Z,
)
from toymc.detector.transport.walk import HADRON, INERT, PHOTON, THROUGH
from toymc.events import FATE_ESCAPED, FATE_STOPPED
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_math import exp_of, log_of
from toymc.lane_memory import columns_at, gathered, loaded, stored
from toymc.lanes import WIDTH, chosen, filled, filled_places, higher_of, lower_of, real, root, some, whole

_AT_ONCE_CM = 1e-4
# bound of curling paths: a start before the perigee costs part of a half turn more; obliquity beyond that of a line
_PROMPT_PHASE = 0.1
_BENT = 1.2
# bound of displaced paths
_LEAST_SLOPE = 0.6
_LARGEST_SINE = 0.9
_BACKWARD = -0.5
_SHORT_RATE = 1e3
"""Shorter-lived than this (1/cm): decays wherever it is made."""


@inlined_kernel
def _place(x, last):
    """Whole part of x between 0 and `last`, also of what is no number."""
    place = whole(x)
    place = chosen(place < last, place, filled_places(last))
    return chosen(place > np.int64(0), place, np.int64(0))


@inlined_kernel
def _exponentials(tasks, i, decays, interacts):
    """Hazards of decay and of the material at which something happens; FAR where nothing can."""
    u = loaded(tasks[SPLIT], i)
    first, second = -log_of(1.0 - loaded(tasks[FIRST_NUMBER], i)), -log_of(1.0 - loaded(tasks[SECOND_NUMBER], i))
    decay_at, material_at = chosen(decays, first, FAR), chosen(interacts, second, FAR)
    split = u >= 0.0
    if some(split):
        decay, material = loaded(tasks[DECAY_BOUND], i), loaded(tasks[MATERIAL_BOUND], i)
        no_decay, no_material = exp_of(-decay), exp_of(-material)
        any_event, by_decay = 1.0 - no_decay * no_material, 1.0 - no_decay
        early = u < by_decay
        # no decay below the bound: the material alone
        w = (u - by_decay) / (any_event - by_decay)
        decay_of = chosen(early, -log_of(1.0 - chosen(early, u, 0.0)), decay + first)
        w = chosen(early | ~(w < 1.0), 0.0, w)
        material_of = chosen(early, second, -log_of(1.0 - w * (1.0 - no_material)))
        # between 1 - exp(-sum) and the sum: nothing after all
        neither = u >= any_event
        decay_at = chosen(split, chosen(neither, FAR, decay_of), decay_at)
        material_at = chosen(split, chosen(neither, FAR, material_of), material_at)
    return decay_at, material_at


@inlined_kernel
def _strength(tasks, i, p, kind, hadron_row, hadrons, pairs):
    """Interactions per interaction length, or conversions per radiation length in the element with most of them."""
    log_p = log_of(p)
    at = higher_of(lower_of((log_p - LOG_P_LOW) / LOG_P_STEP, N_MOMENTA - 1.0), 0.0)
    k = _place(at, np.int64(N_MOMENTA - 2))
    row = hadron_row * float(N_MOMENTA)
    place = k + whole(chosen(row > 0.0, row, 0.0))
    low = gathered(hadrons, place)
    strength = low + (at - real(k)) * (gathered(hadrons, place + np.int64(1)) - low)
    at = higher_of(lower_of((log_p - LOG_E_LOW) / LOG_E_STEP, N_ENERGIES - 1.0), 0.0)
    k = _place(at, np.int64(N_ENERGIES - 2))
    weight = at - real(k)
    low = gathered(pairs, k)
    pair = 7.0 / 9.0 * (low + weight * (gathered(pairs, k + np.int64(1)) - low))
    stored(tasks[BIN], i, real(k))
    stored(tasks[WEIGHT], i, weight)
    return chosen(kind == float(HADRON), strength, chosen(kind == float(PHOTON), pair, 0.0))


@inlined_kernel
def _displaced_depth(tasks, i, z, photon, end, numbers, outside, n_outside):
    """Upper bound of the depth for paths that start anywhere and go away from the axis; FAR for none.

    At the radius r the angle psi against the radius vector obeys r sin(psi) = rho sin(psi_0) +- (r^2 - rho^2)/(2R), so
    |sin psi| <= |sin psi_0| + r/(2R): the thin material outside rho is crossed at no more than that, whatever z. Not
    for paths that can meet the flanges and the crotch of the beam pipe, nor backward ones, which may graze slanted
    sensors.
    """
    rho, tangent = loaded(tasks[RHO], i), loaded(tasks[TANGENT], i)
    charged, circle = loaded(tasks[CHARGED], i) > 0.0, loaded(tasks[RADIUS], i)
    u = loaded(tasks[ALONG], i) / rho
    known = (u > _LEAST_SLOPE) & (tangent >= _BACKWARD)
    farthest = 0.5 * math.pi * (numbers[HEAVY_RADIUS] + rho) * abs(tangent)
    known = known & ~((rho < numbers[HEAVY_RADIUS]) & (abs(z) + farthest > numbers[HEAVY_Z]))
    bend = chosen(charged, 0.5 * numbers[VERTEX_RADIUS] / circle, 0.0)
    s = root(higher_of(1.0 - u * u, 0.0)) + bend
    # over the apogee and back to the vertex detector: gas and walls again
    over = charged & (loaded(tasks[START], i) + end / circle > math.pi)
    known = known & ~(over & (rho >= numbers[VERTEX_RADIUS])) & (s <= _LARGEST_SINE)
    cell = _place(rho / OUTSIDE_STEP_CM, np.int64(n_outside - 1))
    depth = gathered(outside, chosen(photon, cell, cell + np.int64(n_outside)))
    # the table of a photon holds the gas
    gas = chosen(photon, filled(0.0), filled(numbers[GRAZED_LAMBDA]))
    depth = depth * loaded(tasks[STRETCH], i) / root(higher_of(1.0 - s * s, 0.01)) + gas
    return chosen(known, chosen(over, 2.0 * depth, depth), FAR)


@inlined_kernel
def _largest_hazard(tasks, i, z, kind, strength, end, slow, numbers, bounds, outside):
    """Upper bound of the hazard of the material along paths, FAR for none.

    Where the circle reaches beyond 36 cm, the inner material (r < 16.5 cm) is crossed within 1.13 of normal incidence
    in the r-phi plane; gas shells near the apogee may be grazed; on the way back to the vertex detector, where the
    watch ends, only gas and what stands outside it is met.
    """
    n_cells, n_outside = len(bounds) // 2, len(outside) // 2
    rho, tangent, circle = loaded(tasks[RHO], i), loaded(tasks[TANGENT], i), loaded(tasks[RADIUS], i)
    charged, photon = loaded(tasks[CHARGED], i) > 0.0, kind == float(PHOTON)
    cell = _place((tangent + TAN_HIGH) / TAN_STEP, np.int64(n_cells - 1))
    depth = gathered(bounds, chosen(photon, cell, cell + np.int64(n_cells)))
    bent = charged & (circle <= numbers[RADIUS_FAST]) & ~photon
    if some(bent):
        curled = _BENT * depth + numbers[GRAZED_LAMBDA]
        # the way back, or what a start before the perigee costs of one
        back = loaded(tasks[STRETCH], i) * numbers[RETURN_LAMBDA] + numbers[GRAZED_LAMBDA]
        curled = chosen(end > math.pi * (1.0 - _PROMPT_PHASE) * circle, curled + back, curled)
        depth = chosen(bent, chosen(2.0 * circle < numbers[WIDE_CIRCLE], FAR, curled), depth)
    displaced = (rho > PROMPT_RHO_CM) | (abs(z) > PROMPT_Z_CM) | (abs(tangent) >= TAN_HIGH)
    if some(displaced):
        depth = chosen(displaced, _displaced_depth(tasks, i, z, photon, end, numbers, outside, n_outside), depth)
    # those that may range out walk anyway, and for a full turn: back through everything near the axis
    return chosen(kind == float(INERT), -1.0, chosen(slow, FAR, strength * depth))


@inlined_kernel
def _watch(tasks, i, end, p, m, slow, numbers):
    """Arc up to which decays and interactions count; notes the kinetic energy of those that may range out."""
    circle = loaded(tasks[RADIUS], i)
    watched = end
    # beyond the farthest point from the axis
    over = (loaded(tasks[CHARGED], i) > 0.0) & (end > circle * (math.pi - loaded(tasks[START], i)))
    if some(over):
        watched = chosen(over, lower_of(_back(tasks, i, numbers[VERTEX_RADIUS]), end), watched)
    stored(tasks[KINETIC], i, chosen(slow, p * p / (root(p * p + m * m) + m), -1.0))
    return chosen(slow, lower_of(end, 2.0 * math.pi * circle), watched)


@inlined_kernel
def _arrival(tasks, i, end, where, numbers, behind, survives, p, pz):
    """Fates of particles that come to the end of their path."""
    fate = _fate_behind(numbers, behind, survives, p, pz, loaded(tasks[THIRD_NUMBER], i))
    plane = where > 1.0
    if some(plane):
        hole = chosen(where == 2.0, filled(numbers[HOLE_FORWARD]), filled(numbers[HOLE_BACKWARD]))
        fate = chosen(plane & (_end_rho2(tasks, i, end) < hole * hole), float(FATE_ESCAPED), fate)
    return chosen(where == 0.0, float(FATE_STOPPED), fate)


@lean_kernel
def _glide(tasks, n, numbers, species, bounds, outside, hadrons, pairs):
    """What there is to do for each of the first n particles of the table, or the fate of those that are through.

    Tables as flat arrays; `pairs` is the row of the elements' table that holds the largest of all.
    """
    for i in range(0, n, WIDTH):
        place = whole(loaded(tasks[SPECIES], i)) * np.int64(N_SPECIES)
        charge, own_mass, rate, kind, behind, p_slow, survives, _ = columns_at(species, place)
        decayer = gathered(species, place + DECAYER)
        x, y, z, m = loaded(tasks[X], i), loaded(tasks[Y], i), loaded(tasks[Z], i), loaded(tasks[M], i)
        px, py, pz = loaded(tasks[PX], i), loaded(tasks[PY], i), loaded(tasks[PZ], i)
        # the row's own mass where it fits the species (or is a resonance's), else that of the PDG
        own = ((decayer == float(GENERATOR)) & (m > 0.0)) | (abs(m - own_mass) <= OFF_SHELL * own_mass)
        m = chosen(own, m, own_mass)
        stored(tasks[M], i, m)
        p = root(px * px + py * py + pz * pz)
        decays, rho2 = decayer != float(STABLE), x * x + y * y
        inside, short = _inside_front(numbers, rho2, z), rate > _SHORT_RATE
        decay_at, material_at = _exponentials(tasks, i, decays, kind != float(INERT))
        rests = ~(p > 1e-9)
        per_cm = rate * m / p
        at_once = (rests & decays & (inside | short)) | (~rests & short)
        at_once = at_once | (~rests & inside & decays & (decay_at < per_cm * _AT_ONCE_CM))
        ready = rests | short | ~inside
        fate = chosen(rests, float(FATE_STOPPED), _fate_outside(numbers, rho2, z))
        _lay(tasks, i, charge, numbers[FIELD])
        end, where = _leave(
            tasks, i, z, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD], numbers[HALF_TURNS]
        )
        strength = _strength(tasks, i, p, kind, gathered(species, place + HADRON_ROW), hadrons, pairs)
        slow = p < p_slow
        watched = _watch(tasks, i, end, p, m, slow, numbers)
        per_cm = per_cm * loaded(tasks[STRETCH], i)
        decays = decays & (decay_at < per_cm * watched)
        met = material_at <= _largest_hazard(tasks, i, z, kind, strength, watched, slow, numbers, bounds, outside)
        arrives = _arrival(tasks, i, end, where, numbers, behind, survives, p, pz)
        to_do = chosen(met | slow, filled(WALK), chosen(decays, filled(DECAY), filled(NOTHING_TO_DO)))
        to_do = chosen(at_once, AT_ONCE, chosen(ready, NOTHING_TO_DO, to_do))
        last = chosen(decays, decay_at / per_cm, watched)
        stored(tasks[LAST], i, last)
        stored(tasks[DECAYS], i, chosen(decays, filled(1.0), filled(0.0)))
        stored(tasks[LEFT], i, chosen(met, material_at, FAR))
        stored(tasks[STRENGTH], i, strength)
        stored(tasks[ARRIVES], i, chosen(ready, fate, arrives))
        stored(tasks[TO_DO], i, to_do)
        # as if nothing were in the way
        stored(tasks[OUTCOME], i, filled(float(THROUGH)))
        stored(tasks[ARC], i, last)
