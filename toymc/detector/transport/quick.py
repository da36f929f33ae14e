"""The fast decision for particles to which nothing happens, and the table of the others.

A prompt particle (within 2 mm of the axis and 3 mm along it) that lives long, is stiff (path to the crystals at most
1.18 times a straight one) and not slow needs one random number u: with upper bounds of the hazards of decay (longest
path) and of the material (largest depth of the cell in tan lambda), nothing happens if u is above their sum, which is
more than 1 - exp(-sum). Below it `glide` goes on with u and the bounds.

Prompt long-lived particles that head for the hole of an endcap (below 12 and above 155 degrees) escape without a walk:
what they make in the flanges and the crotch of the beam pipe is outside every acceptance.
"""

import math

import numpy as np

from toymc.detector.fetch import _fetch
from toymc.detector.transport.glide import _place
from toymc.detector.transport.numbers import (
    FRONT_BACKWARD,
    FRONT_FORWARD,
    FRONT_RADIUS,
    HOLE_BACKWARD,
    HOLE_FORWARD,
    PT_FAST,
)
from toymc.detector.transport.regions import _fate_behind
from toymc.detector.transport.species import (
    ESCAPES,
    LOOKUP_RANGE,
    N_SPECIES,
)
from toymc.detector.transport.tables import PROMPT_RHO_CM, PROMPT_Z_CM, TAN_HIGH, TAN_STEP
from toymc.detector.transport.tasks import (
    CODE,
    DECAY_BOUND,
    EVENT,
    FIRST_NUMBER,
    MATERIAL_BOUND,
    PX,
    PY,
    PZ,
    SECOND_NUMBER,
    SELF,
    SPECIES,
    SPLIT,
    TARGET,
    THIRD_NUMBER,
    M,
    T,
    X,
    Y,
    Z,
)
from toymc.detector.transport.walk import PHOTON
from toymc.events import FATE_ESCAPED, STATUS_FINAL
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_memory import columns_at, copied, gathered, loaded, stored
from toymc.lanes import WIDTH, chosen, filled, lane, lower_of, root

# rows of the table of candidates: uniform number; then what the decision gives: fate (0 for none), bounds of the
# hazards, u again (-1 for none). Integers: row of the block and of the species of every candidate; a list of those
# to which something may happen.
C_NUMBER, C_FATE, C_DECAY, C_MATERIAL, C_SPLIT = range(5)
N_CANDIDATE = 5
C_ROW, C_SPECIES, C_OPEN = range(3)
N_WHICH = 3
_LONG_RATE = 1e-2
# path to the crystals over the straight one for stiff charged particles, and for displaced prompt points
_BEND = 1.25
_PER_STEP = 1.0 / TAN_STEP
_HOLE_MARGIN = 1.3
_IN_HOLE = 0.97
_FETCH_ROWS = 32
"""Rows ahead of those that are decided."""


@inlined_kernel
def _row_of(pdg, lookup, codes, places):
    """Row of a species; ESCAPES for what is not seen."""
    if -LOOKUP_RANGE <= pdg <= LOOKUP_RANGE:
        return lookup[pdg + LOOKUP_RANGE]
    low, high = 0, len(codes)
    while low < high:
        middle = (low + high) // 2
        if codes[middle] < pdg:
            low = middle + 1
        else:
            high = middle
    if low < len(codes) and codes[low] == pdg:
        return places[low]
    return ESCAPES


@lean_kernel
def _sift(rng, start, stop, pdg, status, lookup, codes, places, candidates, which, statuses, fates, ends):
    """Status, fate and end arc of the rows start to stop - 1 as if nothing happened, FATE_NONE for those that have to
    be looked at: a list of them, filled up to whole groups; returns its length."""
    n = 0
    rows, kinds, numbers = which[C_ROW], which[C_SPECIES], candidates[C_NUMBER]
    copied(status, start, statuses, 0, stop - start)
    for j in range(stop - start):
        ends[j] = math.inf
    for j in range(stop - start):
        kind = _row_of(pdg[start + j], lookup, codes, places)
        final = statuses[j] == STATUS_FINAL
        unseen = kind == ESCAPES
        fates[j] = FATE_ESCAPED if final & unseen else 0
        # written for all, kept for some: nothing to guess for the processor
        rows[n], kinds[n] = j, kind
        n += 1 if final & (not unseen) else 0
    for k in range(n, n + WIDTH):
        rows[k], kinds[k] = 0, 0
    for k in range(n):
        numbers[k] = rng.random()
    return n


@inlined_kernel
def _fetch_rows(column, j):
    """Ask for the rows of a group of candidates, of which every second row is one."""
    _fetch(column, j)
    _fetch(column, j + WIDTH)


@lean_kernel
def _decide(candidates, which, n, start, px, py, pz, mass, x, y, z, t, species, numbers, bounds):
    """Fates of the candidates to which nothing happens, or 0 with u and the bounds of both hazards.

    `start`: row of the batch with which the block begins.
    """
    n_cells = len(bounds) // 2
    for i in range(0, n, WIDTH):
        j = loaded(which[C_ROW], i) + np.int64(start)
        kind = loaded(which[C_SPECIES], i) * np.int64(N_SPECIES)
        charge, m, rate, interacts, behind, slow, survives, largest = columns_at(species, kind)
        charged, photon = charge != 0.0, interacts == float(PHOTON)
        jx, jy, jz = gathered(x, j), gathered(y, j), gathered(z, j)
        jpx, jpy, jpz = gathered(px, j), gathered(py, j), gathered(pz, j)
        pt2 = jpx * jpx + jpy * jpy
        p2 = pt2 + jpz * jpz
        pt = root(pt2)
        open_ = (jx * jx + jy * jy > PROMPT_RHO_CM * PROMPT_RHO_CM) | (abs(jz) > PROMPT_Z_CM) | (rate > _LONG_RATE)
        open_ = open_ | (p2 < slow * slow) | ~(pt > 0.0) | (charged & (pt < numbers[PT_FAST]))
        inverse = 1.0 / pt
        tangent = jpz * inverse
        forward, steepness = jpz >= 0.0, abs(jpz)
        front = chosen(forward, filled(numbers[FRONT_FORWARD]), filled(numbers[FRONT_BACKWARD]))
        hole = chosen(forward, filled(numbers[HOLE_FORWARD]), filled(numbers[HOLE_BACKWARD])) * steepness
        # radius at the plane of the endcap times |pz|
        plane = abs(front - jz) * pt
        steep, lost = plane < _HOLE_MARGIN * hole, plane < _IN_HOLE * hole
        cell = _place((tangent + TAN_HIGH) * _PER_STEP, np.int64(n_cells - 1))
        # infinite for a path at right angles; sqrt(1 + tan^2) = p/pT
        length = (lower_of(plane / steepness, numbers[FRONT_RADIUS]) + 1.0) * inverse
        decay = rate * m * _BEND * length
        material = largest * gathered(bounds, chosen(photon, cell, cell + np.int64(n_cells)))
        hazard = decay + material
        # columns of the groups to come; of the two that few rows need, and far apart, those of this group
        ahead = lane(j, 0)
        _fetch_rows(px, ahead + _FETCH_ROWS)
        _fetch_rows(py, ahead + _FETCH_ROWS)
        _fetch_rows(pz, ahead + _FETCH_ROWS)
        _fetch_rows(x, ahead + _FETCH_ROWS)
        _fetch_rows(y, ahead + _FETCH_ROWS)
        _fetch_rows(z, ahead + _FETCH_ROWS)
        _fetch_rows(mass, ahead)
        _fetch_rows(t, ahead)
        u = loaded(candidates[C_NUMBER], i)
        # u - hazard is uniform again, up to 1 - hazard
        fate = _fate_behind(numbers, behind, survives * (1.0 - hazard), root(p2), jpz, u - hazard)
        below = (u <= hazard) & (hazard > 0.0)
        fate = chosen(steep, chosen(lost, filled(float(FATE_ESCAPED)), filled(0.0)), chosen(below, 0.0, fate))
        away = open_ | (~steep & (abs(tangent) >= TAN_HIGH))
        stored(candidates[C_FATE], i, chosen(away, 0.0, fate))
        stored(candidates[C_DECAY], i, decay)
        stored(candidates[C_MATERIAL], i, material)
        stored(candidates[C_SPLIT], i, chosen(away | steep, -1.0, u))


@inlined_kernel
def _fill_up(rng, tasks, n):
    """Random numbers of the n particles of the table, and harmless places up to a whole group."""
    for k in range(n):
        tasks[FIRST_NUMBER, k] = rng.random()
        tasks[SECOND_NUMBER, k] = rng.random()
        tasks[THIRD_NUMBER, k] = rng.random()
    for k in range(n, n + WIDTH):
        tasks[SPECIES, k] = 0.0
        tasks[SPLIT, k] = -1.0


@lean_kernel
def _candidates_to_table(rng, candidates, which, n, px, py, pz, mass, x, y, z, t, pdg, offsets, first, fates, tasks):
    """Fates of the candidates that are through; the others into the table. Returns their number."""
    rows, kinds, left, decided = which[C_ROW], which[C_SPECIES], which[C_OPEN], candidates[C_FATE]
    decay, material, split = candidates[C_DECAY], candidates[C_MATERIAL], candidates[C_SPLIT]
    start = offsets[first]
    count = 0
    for k in range(n):
        fate = int(decided[k])
        fates[rows[k]] = fate
        left[count] = k
        count += 1 if fate == 0 else 0
    event = first
    for c in range(count):
        k = left[c]
        j = start + rows[k]
        while offsets[event + 1] <= j:
            event += 1
        tasks[X, c], tasks[Y, c], tasks[Z, c], tasks[T, c] = x[j], y[j], z[j], t[j]
        tasks[PX, c], tasks[PY, c], tasks[PZ, c], tasks[M, c] = px[j], py[j], pz[j], mass[j]
        tasks[SPECIES, c], tasks[CODE, c], tasks[EVENT, c] = kinds[k], pdg[j], event - first
        # a mother from the generator: her row in her event
        tasks[SELF, c], tasks[TARGET, c] = j - offsets[event], j - start
        tasks[SPLIT, c], tasks[DECAY_BOUND, c], tasks[MATERIAL_BOUND, c] = split[k], decay[k], material[k]
    _fill_up(rng, tasks, count)
    return count
