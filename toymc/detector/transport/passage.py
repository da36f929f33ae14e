"""The walk of `walk`, eight particles at a time: what happens to them first in the material, and where.

A path is a chain of stretches on which the distance from the axis rises or falls. All particles that are on a rising
stretch take the pieces of material from the inside outwards together, then all that are on a falling one from the
outside inwards, until none is left. Physics and order of the pieces as told there.
"""

import math

import numpy as np

from toymc.constants import M_E
from toymc.detector.transport.lane_path import _arc_at
from toymc.detector.transport.meeting import _between, _list_pieces, _meet, _rho_at
from toymc.detector.transport.path import FAR
from toymc.detector.transport.species import INTERACTS, N_SPECIES
from toymc.detector.transport.tasks import (
    ALONG,
    ARC,
    BEGIN,
    BIN,
    CENTRE,
    CHARGED,
    KINETIC,
    LAST,
    LEFT,
    MISS2,
    OUTCOME,
    PER_CIRCLE,
    PERIGEE2,
    PIECE,
    RADIUS,
    RHO,
    SPECIES,
    START,
    STRENGTH,
    STRETCH,
    STRETCH_NUMBER,
    TANGENT,
    TO_DO,
    WALK,
    WEIGHT,
    M,
    Z,
)
from toymc.detector.transport.walk import (
    _GRAZING,
    _K_BETHE,
    DEPTH_LAMBDA,
    DEPTH_MASS,
    DEPTH_X0,
    ELEMENT,
    EXCITATION,
    INTERACTED,
    NORMAL_R,
    NORMAL_Z,
    PHOTON,
    R0,
    R1,
    STOPPED,
    THROUGH,
    WIDTH,
    Z_OVER_A,
)
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_math import log_of
from toymc.lane_memory import gathered, loaded, stored
from toymc.lanes import WIDTH as LANES
from toymc.lanes import chosen, filled, higher_of, lower_of, some, whole

_GOES_ON = -1.0
# rows of the scratch of a group: what `_stretch` leaves, and the conversions per radiation length of each element
G_OUTCOME, G_ARC, G_PIECE, G_LEFT, G_KINETIC, G_STOP, G_PAIRS = range(7)
# rows of the lists: particles on rising and on falling stretches, all at first
RISING, FALLING, WALKS = range(3)
N_LISTS = 3
N_LISTED = 12
"""Least length of the list of pieces."""
# tan lambda from which paths may meet slanted sensors
_STEEP = 1.0
_KINDS = 6


@inlined_kernel
def _stopping_power(kinetic, m, z_over_a, excitation):
    """`walk._stopping_power` in lanes."""
    gamma = 1.0 + kinetic / m
    bg2 = gamma * gamma - 1.0
    beta2 = bg2 / (1.0 + bg2)
    t_max = 2.0 * M_E * bg2 / (1.0 + 2.0 * gamma * M_E / m + (M_E / m) * (M_E / m))
    bracket = 0.5 * log_of(2.0 * M_E * bg2 * t_max / (excitation * excitation)) - beta2
    return _K_BETHE * z_over_a / beta2 * higher_of(bracket, 0.5)


@inlined_kernel
def _pairs_of_elements(tasks, j, elements, group):
    """Conversions per radiation length of a group's photons in all elements."""
    place, weight = whole(gathered(tasks[BIN], j)), gathered(tasks[WEIGHT], j)
    for e in range(len(elements)):
        low = gathered(elements[e], place)
        high = gathered(elements[e], place + 1)
        stored(group[G_PAIRS + e], 0, 7.0 / 9.0 * (low + weight * (high - low)))


@inlined_kernel
def _end_of_stretch(charged, circle, start, along, last, number):
    """Arc at which stretches end on which the distance from the axis rises (even number) or falls (odd)."""
    line = chosen(number < 0.0, -along, FAR)
    return lower_of(chosen(charged, circle * ((number + 1.0) * math.pi - start), line), last)


@lean_kernel
def _stretch(tasks, here, i, outward, pieces, elements, species, group, listed, states):
    """One stretch of the paths of the eight particles from here[i] on; what comes of it goes to `group`."""
    j = whole(loaded(here, i))
    charged, circle, centre = gathered(tasks[CHARGED], j) > 0.0, gathered(tasks[RADIUS], j), gathered(tasks[CENTRE], j)
    perigee2, per_circle = gathered(tasks[PERIGEE2], j), gathered(tasks[PER_CIRCLE], j)
    start, along, miss2 = gathered(tasks[START], j), gathered(tasks[ALONG], j), gathered(tasks[MISS2], j)
    tangent, stretch, z = gathered(tasks[TANGENT], j), gathered(tasks[STRETCH], j), gathered(tasks[Z], j)
    number, last, m = gathered(tasks[STRETCH_NUMBER], j), gathered(tasks[LAST], j), gathered(tasks[M], j)
    left, kinetic, begin = gathered(tasks[LEFT], j), gathered(tasks[KINETIC], j), gathered(tasks[BEGIN], j)
    strength = stretch * gathered(tasks[STRENGTH], j)
    stop = _end_of_stretch(charged, circle, start, along, last, number)
    turned = chosen(charged, (number if outward else number + 1.0) * math.pi - start, 0.0)
    photon = gathered(species, whole(gathered(tasks[SPECIES], j)) * N_SPECIES + INTERACTS) == float(PHOTON)
    if some(photon):
        _pairs_of_elements(tasks, j, elements, group)
    # from the start on away from the axis: nothing that is farther inside
    inner = chosen(begin == 0.0, gathered(tasks[RHO], j), 0.0) if outward else filled(0.0)
    early = number < chosen(chosen(charged, start, along) < 0.0, filled(1.0), filled(2.0))
    least, most = _between(
        _rho_at(begin, charged, circle, centre, perigee2, start, along, miss2),
        _rho_at(stop, charged, circle, centre, perigee2, start, along, miss2),
    )
    n = _list_pieces(
        pieces, least, most, inner, early, outward, stop, z, tangent,
        charged, perigee2, per_circle, circle, turned, miss2, along, listed, states,
    )  # fmt: skip
    alive = stop == stop
    outcome, end, where = filled(_GOES_ON), last, filled(-1.0)
    for count in range(n):
        k = listed[count]
        piece = pieces[k]
        met, u, arc = _meet(
            piece, loaded(states, LANES * count), outward, stop, z, tangent,
            charged, perigee2, per_circle, centre, circle, turned, miss2, along,
        )  # fmt: skip
        met = met & alive
        across = higher_of(abs(piece[NORMAL_R] * u + piece[NORMAL_Z] * tangent), _GRAZING * stretch)
        step = piece[DEPTH_LAMBDA] * strength
        if some(photon):
            pairs = loaded(group[G_PAIRS + int(piece[ELEMENT])], 0)
            step = chosen(photon, piece[DEPTH_X0] * stretch * pairs, step)
        hit, slow = met & (step >= left * across), met & (kinetic > 0.0)
        if some(hit | slow) and piece[R0] == piece[R1]:
            arc = _arc_at(filled(piece[R0]), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
        if some(hit):
            at = arc
            if piece[WIDTH] > 0.0:
                deeper = (left * across / step - 0.5) * piece[WIDTH] / higher_of(abs(u), _GRAZING)
                at = higher_of(lower_of(arc + deeper, last), 0.0)
            outcome, end = chosen(hit, float(INTERACTED), outcome), chosen(hit, at, end)
            where = chosen(hit, float(k), where)
            met, alive, slow = met & ~hit, alive & ~hit, slow & ~hit
        left = chosen(met, left - step / across, left)
        if some(slow):
            power = _stopping_power(kinetic, m, piece[Z_OVER_A], piece[EXCITATION])
            kinetic = chosen(slow, kinetic - stretch / across * piece[DEPTH_MASS] * power, kinetic)
            stops = slow & (kinetic <= 0.0)
            outcome, end = chosen(stops, float(STOPPED), outcome), chosen(stops, arc, end)
            where, alive = chosen(stops, float(k), where), alive & ~stops
        if not some(alive):
            break
    stored(group[G_OUTCOME], 0, chosen((outcome == _GOES_ON) & ~(stop < last), float(THROUGH), outcome))
    stored(group[G_ARC], 0, end)
    stored(group[G_PIECE], 0, where)
    stored(group[G_LEFT], 0, left)
    stored(group[G_KINETIC], 0, kinetic)
    stored(group[G_STOP], 0, stop)


@inlined_kernel
def _one_list(tasks, here, n, there, m, outward, pieces, elements, species, group, listed, states):
    """A stretch of all n particles of a list; those that go on are added to the other list of m. Returns its length."""
    for k in range(n, n + LANES):
        here[k] = here[n - 1]
    for i in range(0, n, LANES):
        _stretch(tasks, here, i, outward, pieces, elements, species, group, listed, states)
        for k in range(min(LANES, n - i)):
            c = int(here[i + k])
            if group[G_OUTCOME, k] == _GOES_ON:
                tasks[LEFT, c], tasks[KINETIC, c], tasks[BEGIN, c] = (
                    group[G_LEFT, k], group[G_KINETIC, k], group[G_STOP, k],
                )  # fmt: skip
                tasks[STRETCH_NUMBER, c] += 1.0
                there[m] = c
                m += 1
            else:
                tasks[OUTCOME, c], tasks[ARC, c], tasks[PIECE, c] = (
                    group[G_OUTCOME, k], group[G_ARC, k], group[G_PIECE, k],
                )  # fmt: skip
    return m


@inlined_kernel
def _first_stretch(tasks, c, innermost):
    """Number of the first stretch of a walk in which something may be met; notes where it begins."""
    charged = tasks[CHARGED, c] > 0.0
    tasks[BEGIN, c] = 0.0
    if (tasks[START, c] if charged else tasks[ALONG, c]) >= 0.0:
        return 0.0
    if tasks[RHO, c] >= innermost:
        return -1.0
    # towards the axis inside all material: nothing to be met
    tasks[BEGIN, c] = -tasks[RADIUS, c] * tasks[START, c] if charged else -tasks[ALONG, c]
    return 0.0


@inlined_kernel
def _kind(tasks, c):
    """Place in the order of the walks: groups of a kind are quick. Lines, circles, and those whose energy is followed.

    Steep ones apart; first those that begin with a falling stretch.
    """
    kind = 4 if tasks[KINETIC, c] > 0.0 else (2 if tasks[CHARGED, c] > 0.0 else 0)
    kind += 1 if tasks[TANGENT, c] > _STEEP else 0
    return kind if tasks[STRETCH_NUMBER, c] < 0.0 else kind + _KINDS


@inlined_kernel
def _sort_walks(tasks, n, innermost, lists, tally):
    """First lists of the walks, in the order of `_kind`. Returns the numbers of falling and of rising stretches."""
    walks, kinds = lists[WALKS], tasks[PIECE]
    count = np.int64(0)
    for c in range(n):
        walks[count] = c
        count += 1 if tasks[TO_DO, c] == WALK else 0
    tally[:] = 0
    kept = np.int64(0)
    for k in range(count):
        c = int(walks[k])
        tasks[STRETCH_NUMBER, c] = _first_stretch(tasks, c, innermost)
        kind = _kind(tasks, c)
        kinds[c] = kind
        walks[kept] = c
        if tasks[BEGIN, c] < tasks[LAST, c]:
            tally[kind] += 1
            kept += 1
    falling, rising = np.int64(0), np.int64(0)
    for kind in range(_KINDS):
        down, up = tally[kind], tally[kind + _KINDS]
        tally[kind], tally[kind + _KINDS] = falling, rising
        falling += down
        rising += up
    for k in range(kept):
        c = int(walks[k])
        kind = int(kinds[c])
        lists[FALLING if kind < _KINDS else RISING, tally[kind]] = c
        tally[kind] += 1
    return falling, rising


@lean_kernel
def _walk_through(tasks, n, pieces, elements, species, innermost, lists, group, listed, states):
    """Outcome, arc and piece of all particles of the table that walk; `glide` wrote those of the others.

    Scratch: `lists`, `group`; a place and eight numbers for each piece, and one more, in `listed` and `states`.
    """
    n_down, n_up = _sort_walks(tasks, n, innermost, lists, listed[: 2 * _KINDS])
    while n_up + n_down > 0:
        if n_down > 0:
            n_up = _one_list(
                tasks, lists[FALLING], n_down, lists[RISING], n_up, False, pieces, elements, species, group, listed,
                states,
            )  # fmt: skip
        n_down = np.int64(0)
        if n_up > 0:
            n_down = _one_list(
                tasks, lists[RISING], n_up, lists[FALLING], n_down, True, pieces, elements, species, group, listed,
                states,
            )  # fmt: skip
        n_up = np.int64(0)
