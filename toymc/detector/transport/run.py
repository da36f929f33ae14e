"""The pass over a batch: fast decisions for particles to which nothing happens, `_follow` for the others.

Fast path. A prompt particle (within 2 mm of the axis and 3 mm along it) that lives long, is stiff (path to the
crystals at most 1.18 times a straight one) and not slow needs one random number u: with upper bounds of the hazards of
decay (longest path) and of the material (largest depth of the cell in tan lambda), nothing happens if u is above their
sum, which is more than 1 - exp(-sum). Otherwise u says which of the two exponential numbers are below their bounds, and
the exact walk goes on with them. A bound costs speed where it is loose, never truth.

Prompt long-lived particles that head for the hole of an endcap (below 12 and above 155 degrees) escape without a walk:
what they make in the flanges and the crotch of the beam pipe is outside every acceptance.

The pass writes the record that it leaves: secondaries go straight behind the rows of their event, in the order in which
they are made, and are followed in turn; the columns of the generator are copied in runs of rows, up to the end of each
event that made something.
"""

import math

import numpy as np

from toymc.detector.transport.collisions import MAX_PRODUCTS
from toymc.detector.transport.follow import N_STATE, PX, PY, PZ, M, T, X, Y, Z, _act, _fate_behind, _glide
from toymc.detector.transport.numbers import (
    FRONT_BACKWARD,
    FRONT_FORWARD,
    FRONT_RADIUS,
    HOLE_BACKWARD,
    HOLE_FORWARD,
    PT_FAST,
)
from toymc.detector.transport.path import FAR, N_PATH
from toymc.detector.transport.species import (
    BEHIND,
    CHARGE,
    ESCAPES,
    INTERACTS,
    LARGEST,
    LOOKUP_RANGE,
    MASS,
    NOTHING,
    P_SLOW,
    RATE,
)
from toymc.detector.transport.tables import PROMPT_RHO_CM, PROMPT_Z_CM, TAN_HIGH, TAN_STEP
from toymc.detector.transport.walk import PHOTON
from toymc.events import (
    FATE_CONVERTED,
    FATE_DECAYED_CDC,
    FATE_DECAYED_OUTSIDE,
    FATE_DECAYED_PIPE,
    FATE_DECAYED_VXD,
    FATE_ESCAPED,
    FATE_INTERACTED,
    FATE_REACHED_ECL,
    STATUS_DECAYED,
    STATUS_FINAL,
)
from toymc.kernels import inlined_kernel, kernel, lean_kernel

# rows of the record: columns copied from the generator first
S_PX, S_PY, S_PZ, S_M, S_X, S_Y, S_Z, S_T, S_HELICITY, S_END = range(10)
N_FLOATS = 10
S_PDG, S_MOTHER, S_STATUS, S_FATE = range(4)
N_INTEGERS = 4
MAX_CASCADE = 400
"""Secondaries of one particle of the generator, at most; what comes after is left undecayed."""
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


@inlined_kernel
def _made_status(fate):
    """Status of a particle after its fate."""
    if (
        fate == FATE_DECAYED_PIPE
        or fate == FATE_DECAYED_VXD
        or fate == FATE_DECAYED_CDC
        or fate == FATE_DECAYED_OUTSIDE
        or fate == FATE_CONVERTED
        or fate == FATE_INTERACTED
    ):
        return STATUS_DECAYED
    return STATUS_FINAL


@inlined_kernel
def _quick(rng, species, px, py, pz, x, y, z, numbers, bounds):
    """Fate of a particle to which nothing happens, or 0; hazards of decay and material to go on with (-1: draw)."""
    rho2 = x * x + y * y
    if rho2 > PROMPT_RHO_CM * PROMPT_RHO_CM or abs(z) > PROMPT_Z_CM or species[RATE] > _LONG_RATE:
        return 0, -1.0, -1.0
    pt2 = px * px + py * py
    pt = math.sqrt(pt2)
    if pt2 + pz * pz < species[P_SLOW] * species[P_SLOW]:
        return 0, -1.0, -1.0
    if pt <= 0.0 or (pt < numbers[PT_FAST] and species[CHARGE] != 0.0):
        return 0, -1.0, -1.0
    inverse = 1.0 / pt
    tangent = pz * inverse
    front, hole = numbers[FRONT_FORWARD], numbers[HOLE_FORWARD]
    if pz < 0.0:
        front, hole = numbers[FRONT_BACKWARD], numbers[HOLE_BACKWARD]
    # at the plane of the endcap; infinite for a path at right angles
    plane = abs(front - z) * pt / abs(pz)
    if plane < _HOLE_MARGIN * hole:
        return (FATE_ESCAPED if plane < _IN_HOLE * hole else 0), -1.0, -1.0
    if abs(tangent) >= TAN_HIGH:
        return 0, -1.0, -1.0
    cell = int((tangent + TAN_HIGH) * _PER_STEP)
    # sqrt(1 + tan^2) = p/pT
    decay = species[RATE] * species[MASS] * _BEND * (min(plane, numbers[FRONT_RADIUS]) + 1.0) * inverse
    material = species[LARGEST] * bounds[0 if species[INTERACTS] == PHOTON else 1, cell]
    v = 0.0
    if decay + material > 0.0:
        u = rng.random()
        if u <= decay + material:
            decay_at, material_at = _split(rng, u, decay, material)
            if decay_at <= decay or material_at <= material:
                return 0, decay_at, material_at
            v = rng.random()
        else:
            # uniform again
            v = (u - decay - material) / (1.0 - decay - material)
    if species[BEHIND] == NOTHING:
        return FATE_REACHED_ECL, 0.0, 0.0
    return _fate_behind(numbers, species, math.sqrt(pt2 + pz * pz), pz, v), 0.0, 0.0


@inlined_kernel
def _split(rng, u, decay, material):
    """Exponential numbers of decay and material, of which at least one is below its bound if u < 1 - exp(-sum)."""
    any_event = -math.expm1(-decay - material)
    if u >= any_event:
        return FAR, FAR
    by_decay = -math.expm1(-decay)
    if u < by_decay:
        return -math.log1p(-u), -math.log1p(-rng.random())
    # no decay below the bound: the material alone
    w = (u - by_decay) / (any_event - by_decay)
    return decay - math.log1p(-rng.random()), -math.log1p(w * math.expm1(-material))


@inlined_kernel
def _append(floats, integers, n, made, state, p4, codes, masses, mother):
    """Add the products in p4 to the record."""
    for k in range(made):
        floats[S_PX, n], floats[S_PY, n], floats[S_PZ, n] = p4[k, 0], p4[k, 1], p4[k, 2]
        floats[S_M, n] = masses[k]
        floats[S_X, n], floats[S_Y, n], floats[S_Z, n], floats[S_T, n] = state[X], state[Y], state[Z], state[T]
        floats[S_HELICITY, n] = 0.0
        floats[S_END, n] = math.inf
        integers[S_PDG, n] = codes[k]
        integers[S_STATUS, n] = STATUS_FINAL
        integers[S_MOTHER, n] = mother
        integers[S_FATE, n] = 0
        n += 1
    return n


@lean_kernel
def _cascade(
    rng, pdg, species, floats, integers, n, begin, size, mother, rows, lookup, codes_known, places,
    numbers, collisions, pieces, elements, bounds, outside, hadrons, modes, generator_modes,
    state, path, p4, codes, masses, families, charges,
):  # fmt: skip
    """Let happen to a particle of the generator, in `state` and `path`, what `_glide` left open; follow what it makes.

    `begin` is the place of the event in the record, `size` the number of its rows from the generator, `mother` the row
    of this one, `n` the place of the next secondary. Returns its fate, its end arc and the new `n`.
    """
    own_fate, own_end = 0, FAR
    limit = n + MAX_CASCADE
    k = n - 1
    while k < n:
        fate, end, made = _act(
            rng, pdg, species, state, numbers, collisions, pieces, elements, modes, generator_modes,
            path, p4, codes, masses, families, charges,
        )  # fmt: skip
        if n + made > limit:
            made = 0
        if mother < size:
            own_fate, own_end = fate, end
        else:
            integers[S_FATE, k] = fate
            integers[S_STATUS, k] = _made_status(fate)
            if end < FAR:
                floats[S_END, k] = end
        n = _append(floats, integers, n, made, state, p4, codes, masses, mother)
        k += 1
        while k < n:
            pdg = integers[S_PDG, k]
            row = _row_of(pdg, lookup, codes_known, places)
            fate = FATE_ESCAPED
            if row != ESCAPES:
                species = rows[row]
                state[X], state[Y], state[Z], state[T] = floats[S_X, k], floats[S_Y, k], floats[S_Z, k], floats[S_T, k]
                state[PX], state[PY], state[PZ] = floats[S_PX, k], floats[S_PY, k], floats[S_PZ, k]
                state[M] = floats[S_M, k]
                fate = _glide(rng, -1.0, -1.0, species, state, path, numbers, elements, bounds, outside, hadrons)
                if fate == 0:
                    mother = k - begin
                    break
            integers[S_FATE, k] = fate
            k += 1
    return own_fate, own_end, n


@inlined_kernel
def _copy(column, out, begin, end, shift):
    """Rows begin to end - 1 of a column to places that much farther on in `out`."""
    # unsigned: without the test for places counted from the end the loop takes several rows at a time
    for j in range(np.uint64(begin), np.uint64(end)):
        out[j + np.uint64(shift)] = column[j]


@lean_kernel
def _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, begin, end, shift):
    """A run of rows of the generator to the record."""
    _copy(px, floats[S_PX], begin, end, shift)
    _copy(py, floats[S_PY], begin, end, shift)
    _copy(pz, floats[S_PZ], begin, end, shift)
    _copy(mass, floats[S_M], begin, end, shift)
    _copy(x, floats[S_X], begin, end, shift)
    _copy(y, floats[S_Y], begin, end, shift)
    _copy(z, floats[S_Z], begin, end, shift)
    _copy(t, floats[S_T], begin, end, shift)
    _copy(helicity, floats[S_HELICITY], begin, end, shift)
    _copy(pdg, integers[S_PDG], begin, end, shift)
    _copy(mother, integers[S_MOTHER], begin, end, shift)


@lean_kernel
def _events(
    rng, offsets, pdg, status, px, py, pz, mass, x, y, z, t, helicity, mother,
    rows, lookup, codes_known, places,
    numbers, collisions, pieces, elements, bounds, outside, hadrons, modes, generator_modes,
    floats, integers, out_offsets, event, row_start, made,
    state, path, p4, codes, masses, families, charges,
):  # fmt: skip
    """The loop of `_transport`, with its scratch: nothing here counts references."""
    room = floats.shape[1] - MAX_CASCADE - MAX_PRODUCTS - len(pdg)
    new_status, fates, ends = integers[S_STATUS], integers[S_FATE], floats[S_END]
    run, shift = offsets[event], out_offsets[event] - offsets[event]
    for i in range(event, len(offsets) - 1):
        begin, end = offsets[i], offsets[i + 1]
        if i > event or row_start == begin:
            out_offsets[i] = begin + made
            shift = made
        # secondaries made before a restart count
        n = end + made
        for j in range(max(begin, row_start), end):
            o = j + shift
            new_status[o] = status[j]
            ends[o] = math.inf
            fates[o] = 0
            if status[j] != STATUS_FINAL:
                continue
            row = _row_of(pdg[j], lookup, codes_known, places)
            if row == ESCAPES:
                fates[o] = FATE_ESCAPED
                continue
            species = rows[row]
            fate, decay_at, material_at = _quick(rng, species, px[j], py[j], pz[j], x[j], y[j], z[j], numbers, bounds)
            if fate > 0:
                fates[o] = fate
                continue
            if made > room:
                _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, run, begin, shift)
                return i, j, made
            state[X], state[Y], state[Z], state[T] = x[j], y[j], z[j], t[j]
            state[PX], state[PY], state[PZ], state[M] = px[j], py[j], pz[j], mass[j]
            fate = _glide(rng, decay_at, material_at, species, state, path, numbers, elements, bounds, outside, hadrons)
            if fate > 0:
                fates[o] = fate
                continue
            fate, last, n = _cascade(
                rng, pdg[j], species, floats, integers, n, begin + shift, end - begin, j - begin,
                rows, lookup, codes_known, places,
                numbers, collisions, pieces, elements, bounds, outside, hadrons, modes, generator_modes,
                state, path, p4, codes, masses, families, charges,
            )  # fmt: skip
            fates[o] = fate
            new_status[o] = _made_status(fate)
            if last < FAR:
                ends[o] = last
            made = n - end
        if made > shift:
            _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, run, end, shift)
            run = end
    if made > 0:
        _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, run, len(pdg), made)
    out_offsets[-1] = len(pdg) + made
    return len(offsets) - 1, len(pdg), made


@kernel
def _transport(
    rng, offsets, pdg, status, px, py, pz, mass, x, y, z, t, helicity, mother,
    rows, lookup, codes_known, places,
    numbers, collisions, pieces, elements, bounds, outside, hadrons, modes, generator_modes,
    floats, integers, out_offsets, event, row_start, made,
):  # fmt: skip
    """The record from row `row_start` of event `event` on; up to there `made` secondaries were made.

    Columns `floats` (S_PX to S_END) and `integers` (S_PDG to S_FATE); those that are only copied are left empty where
    no event made anything. Stops early if they are full; returns event, row and number of secondaries to go on from.
    """
    return _events(
        rng, offsets, pdg, status, px, py, pz, mass, x, y, z, t, helicity, mother, rows, lookup, codes_known, places,
        numbers, collisions, pieces, elements, bounds, outside, hadrons, modes, generator_modes,
        floats, integers, out_offsets, event, row_start, made,
        np.empty(N_STATE), np.empty(N_PATH), np.zeros((MAX_PRODUCTS + 1, MAX_PRODUCTS + 1)),
        np.zeros(MAX_PRODUCTS, np.int64), np.zeros(MAX_PRODUCTS), np.zeros(MAX_PRODUCTS, np.int64),
        np.zeros(MAX_PRODUCTS, np.int64),
    )  # fmt: skip


@kernel
def _large_codes(pdg, status, found):
    """Distinct codes of final particles beyond LOOKUP_RANGE, as many as fit into `found`; their number."""
    n = 0
    for j in range(len(pdg)):
        code = pdg[j]
        if status[j] != STATUS_FINAL or -LOOKUP_RANGE <= code <= LOOKUP_RANGE:
            continue
        known = False
        for k in range(n):
            if found[k] == code:
                known = True
                break
        if not known:
            if n == len(found):
                return n
            found[n] = code
            n += 1
    return n
