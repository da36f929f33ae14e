"""The record that the transport leaves: rows of the generator, and behind those of each event what was made in it.

The columns of the generator are copied in runs of rows, up to the end of each event that made something; nothing is
copied as long as nothing was made.
"""

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
from toymc.kernels import lean_kernel
from toymc.lanes import copied


@lean_kernel
def _copy_runs(column, out, start, runs, n):
    """Runs of rows of a column, each with its own shift, to `out`; row `start` of the batch is row 0 of the column."""
    for k in range(n):
        copied(column, runs[k, 0] - start, out, runs[k, 0] + runs[k, 2], runs[k, 1] - runs[k, 0])


@lean_kernel
def _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, runs, n):
    """Runs of rows of the generator to the record, column by column."""
    _copy_runs(px, floats[S_PX], 0, runs, n)
    _copy_runs(py, floats[S_PY], 0, runs, n)
    _copy_runs(pz, floats[S_PZ], 0, runs, n)
    _copy_runs(mass, floats[S_M], 0, runs, n)
    _copy_runs(x, floats[S_X], 0, runs, n)
    _copy_runs(y, floats[S_Y], 0, runs, n)
    _copy_runs(z, floats[S_Z], 0, runs, n)
    _copy_runs(t, floats[S_T], 0, runs, n)
    _copy_runs(helicity, floats[S_HELICITY], 0, runs, n)
    _copy_runs(pdg, integers[S_PDG], 0, runs, n)
    _copy_runs(mother, integers[S_MOTHER], 0, runs, n)


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
    statuses, fates, ends, after, made, run, runs, floats, integers, out_offsets,
):  # fmt: skip
    """Rows of the generator of events first to last - 1 to the record; returns the first row not yet copied.

    Runs of events with the same shift are listed in `runs`: first row, row behind the last, shift.
    """
    start, before, n = offsets[first], 0, 0
    runs[0, 0] = start
    for i in range(first, last):
        out_offsets[i] = offsets[i] + made + before
        if after[i - first] > before or i == last - 1:
            runs[n, 1], runs[n, 2] = offsets[i + 1], made + before
            before = after[i - first]
            n += 1
            runs[n, 0] = offsets[i + 1]
    _copy_runs(statuses, integers[S_STATUS], start, runs, n)
    _copy_runs(fates, integers[S_FATE], start, runs, n)
    _copy_runs(ends, floats[S_END], start, runs, n)
    # as long as nothing was made no column of the generator is copied
    if made + before == 0:
        return 0
    if run < start:
        # rows of blocks in which nothing was made, before the first in which something was
        runs[0, 0] = run
    _copy_rows(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, runs, n)
    return offsets[last]
