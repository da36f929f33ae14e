"""The record that the transport leaves: rows of the generator, and behind those of each event what was made in it.

The columns of the generator are copied in runs of rows, up to the end of each event that made something; nothing is
copied as long as nothing was made.
"""

import numpy as np

from toymc.detector.transport.act import (
    N_FLOATS,
    S_END,
    S_EVENT,
    S_FATE,
    S_HELICITY,
    S_M,
    S_MOTHER,
    S_PDG,
    S_PX,
    S_PY,
    S_PZ,
    S_STATUS,
    S_T,
    S_X,
    S_Y,
    S_Z,
)
from toymc.kernels import inlined_kernel, lean_kernel


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
def _order(integers, n, n_events, after, places):
    """Place of each of n secondaries among them when they are sorted by event, in the order in which they were made.

    `after[i]`: number of secondaries up to event i of the block, that included.
    """
    events = integers[S_EVENT]
    for i in range(n_events):
        after[i] = 0
    for k in range(n):
        after[events[k]] += 1
    total = 0
    for i in range(n_events):
        total += after[i]
        after[i] = total - after[i]
    for k in range(n):
        places[k] = after[events[k]]
        after[events[k]] += 1


@lean_kernel
def _put(made_floats, made_integers, n, offsets, first, made, after, places, floats, integers):
    """The n secondaries of a block to their places in the record, in which `made` others come before the block."""
    for k in range(n):
        event = made_integers[S_EVENT, k]
        begin, end = offsets[first + event], offsets[first + event + 1]
        o = end + made + places[k]
        mother = made_integers[S_MOTHER, k]
        if mother < 0:
            # a secondary of the same event
            mother = end - begin + places[-1 - mother] - (after[event - 1] if event > 0 else 0)
        for row in range(N_FLOATS):
            floats[row, o] = made_floats[row, k]
        integers[S_PDG, o] = made_integers[S_PDG, k]
        integers[S_STATUS, o] = made_integers[S_STATUS, k]
        integers[S_FATE, o] = made_integers[S_FATE, k]
        integers[S_MOTHER, o] = mother


@lean_kernel
def _put_events(
    px, py, pz, mass, x, y, z, t, helicity, pdg, mother, offsets, first, last,
    statuses, fates, ends, after, made, run, floats, integers, out_offsets,
):  # fmt: skip
    """Rows of the generator of events first to last - 1 to the record; returns the first row not yet copied.

    Status, fate and end arc are written for all, the columns of the generator up to the last event that made something.
    """
    start = offsets[first]
    own, before = start, 0
    for i in range(first, last):
        begin, end = offsets[i], offsets[i + 1]
        out_offsets[i] = begin + made + before
        if after[i - first] > before or i == last - 1:
            shift = made + before
            _copy(statuses, integers[S_STATUS], own - start, end - start, start + shift)
            _copy(fates, integers[S_FATE], own - start, end - start, start + shift)
            _copy(ends, floats[S_END], own - start, end - start, start + shift)
            own = end
            if after[i - first] > before:
                _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, run, end, shift)
                run, before = end, after[i - first]
    return run
