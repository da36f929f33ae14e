"""The pass over a batch: blocks of events through `quick`, `glide`, `passage`, `act` and `record`.

A block holds some thousand rows, so that its tables stay close to the processor. Its particles are followed in rounds:
those of the generator first, then their daughters, then the daughters' daughters; who made what is sorted out at the
end of the block (`record`).
"""

import numpy as np

from toymc.detector.transport.act import (
    N_FLOATS,
    N_INTEGERS,
    S_END,
    S_EVENT,
    S_FATE,
    S_M,
    S_PDG,
    S_PX,
    S_PY,
    S_PZ,
    S_STATUS,
    S_T,
    S_X,
    S_Y,
    S_Z,
    _act,
)
from toymc.detector.transport.collisions import MAX_PRODUCTS
from toymc.detector.transport.glide import _glide
from toymc.detector.transport.passage import G_PAIRS, N_LISTED, N_LISTS, _walk_through
from toymc.detector.transport.path import FAR
from toymc.detector.transport.quick import (
    N_CANDIDATE,
    N_WHICH,
    _candidates_to_table,
    _decide,
    _fill_up,
    _row_of,
    _sift,
)
from toymc.detector.transport.record import _order, _put, _put_events
from toymc.detector.transport.species import ESCAPES, LOOKUP_RANGE
from toymc.detector.transport.tasks import (
    CODE,
    EVENT,
    N_COLUMNS,
    PX,
    PY,
    PZ,
    SELF,
    SPECIES,
    SPLIT,
    TARGET,
    M,
    T,
    X,
    Y,
    Z,
)
from toymc.detector.transport.walk import R0, R1
from toymc.events import FATE_ESCAPED, STATUS_FINAL
from toymc.kernels import kernel, lean_kernel
from toymc.lanes import WIDTH

BLOCK_ROWS = 8192
"""Rows of the generator that are worked on together, at least an event."""
MAX_CASCADE = 400
"""Secondaries of a block per particle of the generator, at most; what comes after is left undecayed."""


@lean_kernel
def _secondaries_to_table(rng, floats, integers, first, n, room, lookup, codes, places, tasks):
    """Secondaries from `first` on into the table, as many as it has room for: their number, that of the next one."""
    count = 0
    k = first
    while k < n and count < room:
        row = _row_of(integers[S_PDG, k], lookup, codes, places)
        if row == ESCAPES:
            integers[S_FATE, k] = FATE_ESCAPED
        else:
            tasks[X, count], tasks[Y, count], tasks[Z, count] = floats[S_X, k], floats[S_Y, k], floats[S_Z, k]
            tasks[PX, count], tasks[PY, count], tasks[PZ, count] = floats[S_PX, k], floats[S_PY, k], floats[S_PZ, k]
            tasks[T, count], tasks[M, count] = floats[S_T, k], floats[S_M, k]
            tasks[SPECIES, count], tasks[CODE, count] = row, integers[S_PDG, k]
            tasks[EVENT, count] = integers[S_EVENT, k]
            tasks[SELF, count], tasks[TARGET, count], tasks[SPLIT, count] = -1 - k, k, -1.0
            count += 1
        k += 1
    _fill_up(rng, tasks, count)
    return count, k


@kernel
def _longer(table, length):
    """A table with the same beginning and longer rows."""
    new = np.empty((table.shape[0], length), table.dtype)
    new[:, : table.shape[1]] = table
    return new


@lean_kernel
def _innermost(pieces):
    """Least radius of all material."""
    least = FAR
    for k in range(len(pieces)):
        least = min(least, pieces[k, R0], pieces[k, R1])
    return least


@lean_kernel
def _block_end(offsets, first):
    """Event behind the last one of the block that starts with event `first`."""
    last = first + 1
    while last < len(offsets) - 1 and offsets[last + 1] - offsets[first] <= BLOCK_ROWS:
        last += 1
    return last


@lean_kernel
def _largest_block(offsets):
    """Rows and events of the largest blocks."""
    rows, events, first = 0, 0, 0
    while first < len(offsets) - 1:
        last = _block_end(offsets, first)
        rows, events = max(rows, offsets[last] - offsets[first]), max(events, last - first)
        first = last
    return rows, events


@kernel
def _transport(
    rng, offsets, pdg, status, px, py, pz, mass, x, y, z, t, helicity, mother,
    rows, lookup, codes_known, places_known,
    numbers, collisions, pieces, elements, bounds, outside, hadrons, modes, generator_modes,
    floats, integers, out_offsets,
):  # fmt: skip
    """The record of a batch: columns `floats` (S_PX to S_END), `integers` (S_PDG to S_FATE), number of secondaries.

    Both are given with room for all rows of the generator and WIDTH more at least, and come back longer where that was
    too short. Columns that are only copied are left empty where no event made anything.
    """
    width, block_events = _largest_block(offsets)
    # an odd number of cache lines: the rows of a table do not get into each other's way
    width = (width // 16) * 16 + 24
    candidates, tasks, lists = np.empty((N_CANDIDATE, width)), np.empty((N_COLUMNS, width)), np.empty((N_LISTS, width))
    own, which, ends = np.empty((2, width), np.int32), np.empty((N_WHICH, width), np.int32), np.empty(width)
    group = np.empty((G_PAIRS + len(elements), WIDTH))
    listed, states = np.empty(len(pieces) + N_LISTED, np.int64), np.empty(WIDTH * (len(pieces) + 1))
    made_floats, made_integers = np.empty((N_FLOATS, width)), np.empty((N_INTEGERS + 1, width), np.int32)
    after, places = np.empty(block_events, np.int64), np.empty(width, np.int64)
    runs = np.empty((block_events + 1, 3), np.int64)
    p4, masses = np.zeros((MAX_PRODUCTS + 1, MAX_PRODUCTS + 1)), np.zeros(MAX_PRODUCTS)
    codes, families, charges = np.zeros((3, MAX_PRODUCTS), np.int64)
    flat, flat_bounds, flat_outside, flat_hadrons = rows.ravel(), bounds.ravel(), outside.ravel(), hadrons.ravel()
    pairs, innermost, statuses, fates = elements[-1], _innermost(pieces), own[0], own[1]
    first, made, run = 0, 0, 0
    while first < len(offsets) - 1:
        last = _block_end(offsets, first)
        n = _sift(
            rng, offsets[first], offsets[last], pdg, status, lookup, codes_known, places_known, candidates, which,
            statuses, fates, ends,
        )  # fmt: skip
        _decide(candidates, which, n, offsets[first], px, py, pz, mass, x, y, z, t, flat, numbers, flat_bounds)
        count = _candidates_to_table(
            rng, candidates, which, n, px, py, pz, mass, x, y, z, t, pdg, offsets, first, fates, tasks
        )
        secondaries, following, most = 0, 0, MAX_CASCADE * n
        targets, target_status, target_ends = fates, statuses, ends
        while count > 0:
            _glide(tasks, count, numbers, flat, flat_bounds, flat_outside, flat_hadrons, pairs)
            _walk_through(tasks, count, pieces, elements, flat, innermost, lists, group, listed, states)
            if secondaries + count * MAX_PRODUCTS > made_floats.shape[1]:
                longer = 2 * (secondaries + count * MAX_PRODUCTS) + 8
                made_floats, made_integers = _longer(made_floats, longer), _longer(made_integers, longer)
                places = np.empty(longer, np.int64)
            if following > 0:
                targets, target_status, target_ends = made_integers[S_FATE], made_integers[S_STATUS], made_floats[S_END]
            secondaries = _act(
                rng, tasks, count, rows, numbers, collisions, pieces, elements, modes, generator_modes,
                targets, target_status, target_ends, made_floats, made_integers, secondaries, most,
                p4, codes, masses, families, charges,
            )  # fmt: skip
            count = 0
            while count == 0 and following < secondaries:
                count, following = _secondaries_to_table(
                    rng, made_floats, made_integers, following, secondaries, width - WIDTH,
                    lookup, codes_known, places_known, tasks,
                )  # fmt: skip
        # whole groups of rows are written: up to WIDTH - 1 behind the last
        if len(pdg) + made + secondaries + WIDTH > floats.shape[1]:
            longer = 2 * (len(pdg) + made + secondaries + WIDTH)
            floats, integers = _longer(floats, longer), _longer(integers, longer)
        _order(made_integers, secondaries, last - first, after, places)
        run = _put_events(
            px, py, pz, mass, x, y, z, t, helicity, pdg, mother, offsets, first, last,
            statuses, fates, ends, after, made, run, runs, floats, integers, out_offsets,
        )  # fmt: skip
        _put(made_floats, made_integers, secondaries, offsets, first, made, after, places, floats, integers)
        made += secondaries
        first = last
    out_offsets[-1] = len(pdg) + made
    return floats, integers, made


@kernel
def _large_codes(pdg, status, found):
    """Distinct codes of final particles beyond LOOKUP_RANGE, as many as fit into `found`; their number."""
    largest = 0
    for j in range(len(pdg)):
        largest = max(largest, abs(pdg[j]))
    n = 0
    for j in range(len(pdg) if largest > LOOKUP_RANGE else 0):
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
