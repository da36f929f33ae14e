"""The walk of `walk`, eight particles at a time: what happens to them first in the material, and where.

A path is a chain of stretches on which the distance from the axis rises or falls. All particles that are on a rising
stretch take the pieces of material from the inside outwards together, then all that are on a falling one from the
outside inwards, until none is left. Physics and order of the pieces as told there.
"""

import math

import numpy as np

from toymc.constants import M_E
from toymc.detector.transport.lane_path import _arc_at, _limits_at, _slope_at
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
    _SKIN,
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
    Z0,
    Z1,
    Z_OVER_A,
)
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_math import log_of
from toymc.lanes import WIDTH as LANES
from toymc.lanes import chosen, filled, gathered, higher_of, loaded, lower_of, some, stored, whole

_GOES_ON = -1.0
# rows of the scratch of a group: what `_stretch` leaves, and the conversions per radiation length of each element
G_OUTCOME, G_ARC, G_PIECE, G_LEFT, G_KINETIC, G_STOP, G_PAIRS = range(7)
# rows of the lists: particles on rising and on falling stretches, all at first
RISING, FALLING, WALKS = range(3)
N_LISTS = 3
# tan lambda from which paths may meet slanted sensors
_STEEP = 1.0


@inlined_kernel
def _near_slanted(
    low, high, z0, z1, outward, stop, z, tangent, charged, perigee2, per_circle, circle, turned, miss2, along
):  # fmt: skip
    """Whether paths may cross a slanted piece between the radii low and high: by their heights there."""
    first, last, crosses = _limits_at(filled(low), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
    first_out, last_out, crosses_out = _limits_at(
        filled(high), outward, charged, perigee2, per_circle, circle, turned, miss2, along
    )
    if outward:
        begin, end = chosen(crosses, first, 0.0), chosen(crosses_out, last_out, stop)
    else:
        begin, end = chosen(crosses_out, first_out, 0.0), chosen(crosses, last, stop)
    z_begin, z_end = z + begin * tangent, z + end * tangent
    above, below = higher_of(z_begin, z_end) > z0, lower_of(z_begin, z_end) < z1
    return above & below & (begin < stop) & (end > 0.0)


@inlined_kernel
def _slanted(
    r0, z0, r1, z1, outward, alive, z, tangent, charged, perigee2, per_circle, centre, circle, turned, miss2, along
):  # fmt: skip
    """`walk._cone_crossing`: arc at which a slanted piece is crossed, radial slope, whether; Newton's steps.

    `alive`: who may cross it.
    """
    low, high = min(r0, r1), max(r0, r1)
    rise = (r1 - r0) / (z1 - z0)
    r = filled(0.5 * (low + high))
    best, slope = filled(FAR), filled(1.0)
    found = alive & ~alive
    for _ in range(6):
        h, square = (r * r - perigee2) * per_circle, r * r - miss2
        alive = alive & ((charged & (h > 0.0) & (h < 1.0)) | (~charged & (square > 0.0)))
        arc = _arc_at(r, outward, charged, perigee2, per_circle, circle, turned, miss2, along)
        u = _slope_at(r, 1.0 / r, outward, charged, perigee2, per_circle, centre, miss2)
        off = r - (r0 + rise * (z + arc * tangent - z0))
        there = alive & (abs(off) < 1e-5)
        best, slope = chosen(there, arc, best), chosen(there, u, slope)
        found = found | there
        alive = alive & ~there
        derivative = chosen(abs(u) > 1e-6, 1.0 - rise * tangent / u, 1.0)
        alive = alive & ~(abs(derivative) < 1e-6)
        if not some(alive):
            break
        r = lower_of(higher_of(r - off / derivative, low), high)
    return best, slope, found


@inlined_kernel
def _on_piece(arc, at, stop, z0, z1):
    """Whether the point at this arc and height is on the stretch and on the piece."""
    return (arc > _SKIN) & (arc < stop) & (at > z0) & (at < z1)


@inlined_kernel
def _on_ring(
    first, last, r, z0, z1, outward, reaches, stop, z, tangent,
    charged, perigee2, per_circle, circle, turned, miss2, along,
):  # fmt: skip
    """Whether a cylinder is crossed between z0 and z1, somewhere between the arcs `first` and `last`."""
    z_first, z_last = z + first * tangent, z + last * tangent
    low, high = lower_of(z_first, z_last), higher_of(z_first, z_last)
    # least distances instead of four comparisons each: those wait for each other
    met = reaches & (lower_of(lower_of(first - _SKIN, stop - last), lower_of(low - z0, z1 - high)) > 0.0)
    open_ = lower_of(lower_of(last - _SKIN, stop - first), lower_of(high - z0, z1 - low)) > 0.0
    open_ = open_ & reaches & ~met
    if some(open_):
        arc = _arc_at(filled(r), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
        met = met | (open_ & _on_piece(arc, z + arc * tangent, stop, z0, z1))
    return met


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
def _stretch(tasks, here, i, outward, pieces, elements, species, group):
    """One stretch of the paths of the eight particles from here[i] on; what comes of it goes to `group`."""
    j = whole(loaded(here, i))
    charged, circle, centre = gathered(tasks[CHARGED], j) > 0.0, gathered(tasks[RADIUS], j), gathered(tasks[CENTRE], j)
    perigee2, per_circle = gathered(tasks[PERIGEE2], j), gathered(tasks[PER_CIRCLE], j)
    start, along, miss2 = gathered(tasks[START], j), gathered(tasks[ALONG], j), gathered(tasks[MISS2], j)
    tangent, stretch, z = gathered(tasks[TANGENT], j), gathered(tasks[STRETCH], j), gathered(tasks[Z], j)
    number, last, m = gathered(tasks[STRETCH_NUMBER], j), gathered(tasks[LAST], j), gathered(tasks[M], j)
    left, kinetic = gathered(tasks[LEFT], j), gathered(tasks[KINETIC], j)
    strength = stretch * gathered(tasks[STRENGTH], j)
    # from the start on away from the axis: nothing that is farther inside
    inner = chosen(gathered(tasks[BEGIN], j) == 0.0, gathered(tasks[RHO], j), 0.0)
    stop = _end_of_stretch(charged, circle, start, along, last, number)
    turned = chosen(charged, (number if outward else number + 1.0) * math.pi - start, 0.0)
    photon = gathered(species, whole(gathered(tasks[SPECIES], j)) * N_SPECIES + INTERACTS) == float(PHOTON)
    if some(photon):
        _pairs_of_elements(tasks, j, elements, group)
    early = number < chosen(chosen(charged, start, along) < 0.0, filled(1.0), filled(2.0))
    alive = stop == stop
    outcome, end, where = filled(_GOES_ON), last, filled(-1.0)
    radius, nearest, farthest, crosses = -1.0, last, last, alive
    for count in range(len(pieces)):
        k = count if outward else len(pieces) - 1 - count
        r0, z0, r1, z1 = pieces[k, R0], pieces[k, Z0], pieces[k, R1], pieces[k, Z1]
        reaches = alive & (inner <= max(r0, r1)) if outward else alive
        if r0 == r1:
            if r0 != radius:
                # neighbours mostly have the same radius
                radius = r0
                nearest, farthest, crosses = _limits_at(
                    filled(r0), outward, charged, perigee2, per_circle, circle, turned, miss2, along
                )
            met = _on_ring(
                nearest, farthest, r0, z0, z1, outward, reaches & crosses, stop, z, tangent,
                charged, perigee2, per_circle, circle, turned, miss2, along,
            )  # fmt: skip
            if not some(met):
                continue
            u = _slope_at(filled(r0), 1.0 / r0, outward, charged, perigee2, per_circle, centre, miss2)
            arc = nearest
        else:
            reaches = reaches & early
            if not some(reaches):
                continue
            reaches = reaches & _near_slanted(
                min(r0, r1), max(r0, r1), z0, z1, outward, stop, z, tangent,
                charged, perigee2, per_circle, circle, turned, miss2, along,
            )  # fmt: skip
            if not some(reaches):
                continue
            arc, u, met = _slanted(
                r0, z0, r1, z1, outward, reaches, z, tangent,
                charged, perigee2, per_circle, centre, circle, turned, miss2, along,
            )  # fmt: skip
            met = met & reaches & _on_piece(arc, z + arc * tangent, stop, z0, z1)
            if not some(met):
                continue
        across = higher_of(abs(pieces[k, NORMAL_R] * u + pieces[k, NORMAL_Z] * tangent), _GRAZING * stretch)
        step = pieces[k, DEPTH_LAMBDA] * strength
        if some(photon):
            pairs = loaded(group[G_PAIRS + int(pieces[k, ELEMENT])], 0)
            step = chosen(photon, pieces[k, DEPTH_X0] * stretch * pairs, step)
        hit = met & (step >= left * across)
        if some(hit):
            if r0 == r1:
                arc = _arc_at(filled(r0), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
            if pieces[k, WIDTH] > 0.0:
                deeper = (left * across / step - 0.5) * pieces[k, WIDTH] / higher_of(abs(u), _GRAZING)
                arc = chosen(hit, higher_of(lower_of(arc + deeper, last), 0.0), arc)
            outcome, end = chosen(hit, float(INTERACTED), outcome), chosen(hit, arc, end)
            where = chosen(hit, float(k), where)
            met, alive = met & ~hit, alive & ~hit
        left = chosen(met, left - step / across, left)
        slow = met & (kinetic > 0.0)
        if some(slow):
            power = _stopping_power(kinetic, m, pieces[k, Z_OVER_A], pieces[k, EXCITATION])
            kinetic = chosen(slow, kinetic - stretch / across * pieces[k, DEPTH_MASS] * power, kinetic)
            if r0 == r1:
                arc = _arc_at(filled(r0), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
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
def _one_list(tasks, here, n, there, m, outward, pieces, elements, species, group):
    """A stretch of all n particles of a list; those that go on are added to the other list of m. Returns its length."""
    for k in range(n, n + LANES):
        here[k] = here[n - 1]
    for i in range(0, n, LANES):
        _stretch(tasks, here, i, outward, pieces, elements, species, group)
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
def _sort_walks(tasks, n, innermost, lists):
    """First lists of the walks. Returns the number of those that start with a rising and with a falling stretch.

    Lines first, then circles, then those whose energy has to be followed, steep ones apart: groups of a kind are quick.
    """
    walks, kinds = lists[WALKS], tasks[PIECE]
    count = np.int64(0)
    for c in range(n):
        tasks[OUTCOME, c], tasks[ARC, c] = THROUGH, tasks[LAST, c]
        if tasks[TO_DO, c] == WALK:
            number = _first_stretch(tasks, c, innermost)
            tasks[STRETCH_NUMBER, c] = number
            if tasks[BEGIN, c] < tasks[LAST, c]:
                kind = 4.0 if tasks[KINETIC, c] > 0.0 else (2.0 if tasks[CHARGED, c] > 0.0 else 0.0)
                kinds[c] = kind + (1.0 if tasks[TANGENT, c] > _STEEP else 0.0)
                walks[count] = c
                count += 1
    rising, falling = np.int64(0), np.int64(0)
    for kind in range(6):
        for k in range(count):
            c = int(walks[k])
            if kinds[c] == kind:
                if tasks[STRETCH_NUMBER, c] < 0.0:
                    lists[FALLING, falling] = c
                    falling += 1
                else:
                    lists[RISING, rising] = c
                    rising += 1
    return rising, falling


@lean_kernel
def _walk_through(tasks, n, pieces, elements, species, innermost, lists, group):
    """Outcome, arc and piece of all particles of the table: of those that do not walk the end of their path."""
    n_up, n_down = _sort_walks(tasks, n, innermost, lists)
    while n_up + n_down > 0:
        if n_down > 0:
            n_up = _one_list(
                tasks, lists[FALLING], n_down, lists[RISING], n_up, False, pieces, elements, species, group
            )
        n_down = np.int64(0)
        if n_up > 0:
            n_down = _one_list(
                tasks, lists[RISING], n_up, lists[FALLING], n_down, True, pieces, elements, species, group
            )
        n_up = np.int64(0)
