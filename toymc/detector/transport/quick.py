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
    BEHIND,
    CHARGE,
    ESCAPES,
    INTERACTS,
    LARGEST,
    LOOKUP_RANGE,
    MASS,
    N_SPECIES,
    P_SLOW,
    RATE,
    SURVIVES,
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
from toymc.lanes import WIDTH, chosen, filled, gathered, loaded, lower_of, root, stored, whole

# rows of the table of candidates: row of the batch, of the species, event of the block, uniform number; then what the
# decision gives: fate (0 for none), bounds of the hazards, u again (-1 for none)
C_ROW, C_SPECIES, C_EVENT, C_NUMBER, C_FATE, C_DECAY, C_MATERIAL, C_SPLIT = range(8)
N_CANDIDATE = 8
_LONG_RATE = 1e-2
# path to the crystals over the straight one for stiff charged particles, and for displaced prompt points
_BEND = 1.25
_PER_STEP = 1.0 / TAN_STEP
_HOLE_MARGIN = 1.3
_IN_HOLE = 0.97


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
def _sift(rng, offsets, pdg, status, first, last, lookup, codes, places, candidates, statuses, fates, ends):
    """Status, fate and end arc of the rows of events first to last - 1 as if nothing happened, FATE_NONE for those that
    have to be looked at: a list of them, filled up to whole groups; returns its length."""
    n = 0
    rows, kinds, events = candidates[C_ROW], candidates[C_SPECIES], candidates[C_EVENT]
    numbers = candidates[C_NUMBER]
    start = offsets[first]
    for i in range(first, last):
        for j in range(offsets[i], offsets[i + 1]):
            row = _row_of(pdg[j], lookup, codes, places)
            final = status[j] == STATUS_FINAL
            unseen = row == ESCAPES
            statuses[j - start] = status[j]
            ends[j - start] = math.inf
            fates[j - start] = FATE_ESCAPED if final & unseen else 0
            # written for all, kept for some: nothing to guess for the processor
            rows[n], kinds[n], events[n] = j, row, i - first
            n += 1 if final & (not unseen) else 0
    for k in range(n, n + WIDTH):
        rows[k], kinds[k], events[k] = start, 0.0, 0.0
    for k in range(n):
        numbers[k] = rng.random()
    return n


@lean_kernel
def _decide(candidates, n, px, py, pz, x, y, z, species, numbers, bounds):
    """Fates of the candidates to which nothing happens, or 0 with u and the bounds of both hazards."""
    n_cells = len(bounds) // 2
    for i in range(0, n, WIDTH):
        j = whole(loaded(candidates[C_ROW], i))
        kind = whole(loaded(candidates[C_SPECIES], i)) * np.int64(N_SPECIES)
        rate, charged = gathered(species, kind + RATE), gathered(species, kind + CHARGE) != 0.0
        slow = gathered(species, kind + P_SLOW)
        jx, jy, jz = gathered(x, j), gathered(y, j), gathered(z, j)
        jpx, jpy, jpz = gathered(px, j), gathered(py, j), gathered(pz, j)
        pt2 = jpx * jpx + jpy * jpy
        p2 = pt2 + jpz * jpz
        pt = root(pt2)
        open_ = (jx * jx + jy * jy > PROMPT_RHO_CM * PROMPT_RHO_CM) | (abs(jz) > PROMPT_Z_CM) | (rate > _LONG_RATE)
        open_ = open_ | (p2 < slow * slow) | ~(pt > 0.0) | (charged & (pt < numbers[PT_FAST]))
        inverse = 1.0 / pt
        tangent = jpz * inverse
        forward = jpz >= 0.0
        front = chosen(forward, filled(numbers[FRONT_FORWARD]), filled(numbers[FRONT_BACKWARD]))
        hole = chosen(forward, filled(numbers[HOLE_FORWARD]), filled(numbers[HOLE_BACKWARD]))
        # at the plane of the endcap; infinite for a path at right angles
        plane = abs(front - jz) * pt / abs(jpz)
        steep, lost = plane < _HOLE_MARGIN * hole, plane < _IN_HOLE * hole
        cell = _place((tangent + TAN_HIGH) * _PER_STEP, np.int64(n_cells - 1))
        photon = gathered(species, kind + INTERACTS) == float(PHOTON)
        # sqrt(1 + tan^2) = p/pT
        length = (lower_of(plane, numbers[FRONT_RADIUS]) + 1.0) * inverse
        decay = rate * gathered(species, kind + MASS) * _BEND * length
        material = gathered(species, kind + LARGEST) * gathered(bounds, chosen(photon, cell, cell + np.int64(n_cells)))
        hazard = decay + material
        u = loaded(candidates[C_NUMBER], i)
        # uniform again
        v = (u - hazard) / (1.0 - hazard)
        fate = _fate_behind(
            numbers, gathered(species, kind + BEHIND), gathered(species, kind + SURVIVES), root(p2), jpz, v
        )
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
def _candidates_to_table(rng, candidates, n, px, py, pz, mass, x, y, z, t, pdg, offsets, first, fates, tasks):
    """Fates of the candidates that are through; the others into the table. Returns their number."""
    rows, kinds, events, decided = candidates[C_ROW], candidates[C_SPECIES], candidates[C_EVENT], candidates[C_FATE]
    decay, material, split = candidates[C_DECAY], candidates[C_MATERIAL], candidates[C_SPLIT]
    targets = tasks[TARGET]
    start = offsets[first]
    count = 0
    for k in range(n):
        fates[int(rows[k]) - start] = int(decided[k])
        targets[count] = k
        count += 1 if decided[k] == 0.0 else 0
    for c in range(count):
        k = int(targets[c])
        j = int(rows[k])
        tasks[X, c], tasks[Y, c], tasks[Z, c], tasks[T, c] = x[j], y[j], z[j], t[j]
        tasks[PX, c], tasks[PY, c], tasks[PZ, c], tasks[M, c] = px[j], py[j], pz[j], mass[j]
        tasks[SPECIES, c], tasks[CODE, c], tasks[EVENT, c] = kinds[k], pdg[j], events[k]
        # a mother from the generator: her row in her event
        tasks[SELF, c] = j - offsets[first + int(events[k])]
        tasks[TARGET, c] = j - start
        tasks[SPLIT, c], tasks[DECAY_BOUND, c], tasks[MATERIAL_BOUND, c] = split[k], decay[k], material[k]
    _fill_up(rng, tasks, count)
    return count
