"""The record that the transport leaves: rows of the generator, and behind those of each event what was made in it.

The columns of the generator are copied in runs of rows, up to the end of each event that made something; nothing is
copied as long as nothing was made.
"""

from toymc.detector.fetch import _fetch
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
from toymc.lane_memory import carried, copied
from toymc.lanes import WIDTH

_FETCH_ROWS = 32
"""Rows ahead of those that are copied for which the memory is asked."""


@lean_kernel
def _copy_start(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, n):
    """The first n rows of the generator to the record: those of blocks in which nothing was made."""
    copied(px, 0, floats[S_PX], 0, n)
    copied(py, 0, floats[S_PY], 0, n)
    copied(pz, 0, floats[S_PZ], 0, n)
    copied(mass, 0, floats[S_M], 0, n)
    copied(x, 0, floats[S_X], 0, n)
    copied(y, 0, floats[S_Y], 0, n)
    copied(z, 0, floats[S_Z], 0, n)
    copied(t, 0, floats[S_T], 0, n)
    copied(helicity, 0, floats[S_HELICITY], 0, n)
    copied(pdg, 0, integers[S_PDG], 0, n)
    copied(mother, 0, integers[S_MOTHER], 0, n)


@inlined_kernel
def _carry(column, j, out, o):
    """Eight rows of a column to the record; those that follow are asked for on both sides."""
    _fetch(column, j + _FETCH_ROWS)
    _fetch(out, o + _FETCH_ROWS)
    carried(column, j, out, o)


@lean_kernel
def _copy_rows(
    px, py, pz, mass, x, y, z, t, helicity, pdg, mother, start, statuses, fates, ends, floats, integers, runs, n
):  # fmt: skip
    """Runs of rows of the generator to the record, eight rows of all columns at a time.

    What is written behind the end of a run is written again by the next one or by the secondaries. A call of `memcpy`
    for each column of a run took longer than its bytes (83 against 50 ns per tau pair, measured).
    """
    for k in range(n):
        shift = runs[k, 2]
        for j in range(runs[k, 0], runs[k, 1], WIDTH):
            o = j + shift
            carried(statuses, j - start, integers[S_STATUS], o)
            carried(fates, j - start, integers[S_FATE], o)
            carried(ends, j - start, floats[S_END], o)
            if j + WIDTH <= len(px):
                _carry(px, j, floats[S_PX], o)
                _carry(py, j, floats[S_PY], o)
                _carry(pz, j, floats[S_PZ], o)
                _carry(mass, j, floats[S_M], o)
                _carry(x, j, floats[S_X], o)
                _carry(y, j, floats[S_Y], o)
                _carry(z, j, floats[S_Z], o)
                _carry(t, j, floats[S_T], o)
                _carry(helicity, j, floats[S_HELICITY], o)
                _carry(pdg, j, integers[S_PDG], o)
                _carry(mother, j, integers[S_MOTHER], o)
            else:
                # nothing may be read behind the last row of the batch
                for i in range(j, runs[k, 1]):
                    floats[S_PX, i + shift], floats[S_PY, i + shift], floats[S_PZ, i + shift] = px[i], py[i], pz[i]
                    floats[S_X, i + shift], floats[S_Y, i + shift], floats[S_Z, i + shift] = x[i], y[i], z[i]
                    floats[S_T, i + shift], floats[S_M, i + shift] = t[i], mass[i]
                    floats[S_HELICITY, i + shift] = helicity[i]
                    integers[S_PDG, i + shift], integers[S_MOTHER, i + shift] = pdg[i], mother[i]


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
    # as long as nothing was made no column of the generator is copied
    if made + before == 0:
        copied(statuses, 0, integers[S_STATUS], start, offsets[last] - start)
        copied(fates, 0, integers[S_FATE], start, offsets[last] - start)
        copied(ends, 0, floats[S_END], start, offsets[last] - start)
        return 0
    if run < start:
        _copy_start(px, py, pz, mass, x, y, z, t, helicity, pdg, mother, floats, integers, start)
    _copy_rows(
        px, py, pz, mass, x, y, z, t, helicity, pdg, mother, start, statuses, fates, ends, floats, integers, runs, n
    )  # fmt: skip
    return offsets[last]
