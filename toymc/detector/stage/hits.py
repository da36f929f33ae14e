"""What measures each charged particle of a block, and the factor of its covariance: from the table, or calculated."""

import numpy as np

from toymc.detector.covariance.lookup import _constants, _interpolated, _place, _rows, _silicon
from toymc.detector.covariance.many import _exact_many
from toymc.detector.fetch import _fetch
from toymc.detector.stage.columns import (
    CALCULATE,
    CHARGE,
    D0,
    DRAW,
    END,
    HOPELESS,
    LOG_PT,
    MASS,
    MOST,
    NODE_A,
    NODE_B,
    NODE_F,
    NODE_G,
    OMEGA,
    PATTERN,
    PHI0,
    PIXEL,
    PX,
    PY,
    PZ,
    RHO,
    STRIP,
    TAN,
    WIRE,
    Z0,
    X,
    Y,
    Z,
)
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, chosen


@inlined_kernel
def _find_places(i, charged, integers, reals, places):
    """Cells of the eight entries from i on. Who cannot be found is not looked up."""
    c = charged
    rho = loaded(c[RHO], i)
    here, base, f, g, pattern = _place(
        rho * rho, loaded(c[LOG_PT], i), loaded(c[MASS], i), loaded(c[END], i), loaded(c[D0], i), loaded(c[PHI0], i),
        loaded(c[OMEGA], i), loaded(c[Z0], i), loaded(c[TAN], i), reals, places,
    )  # fmt: skip
    stored(integers[NODE_A], i, chosen(loaded(c[DRAW], i) < loaded(c[MOST], i), here, HOPELESS))
    stored(integers[NODE_B], i, base)
    stored(integers[PATTERN], i, pattern)
    stored(c[NODE_F], i, f)
    stored(c[NODE_G], i, g)


@lean_kernel
def _placed(n, charged, integers, reals, places, values):
    """Where the table has the first n entries (whole vectors); its numbers are sent for.

    The row of a cell is looked up when the next vector has been worked on, its numbers are not needed before.
    """
    for i in range(0, n + WIDTH, WIDTH):
        if i < n:
            _find_places(i, charged, integers, reals, places)
            for k in range(i, i + WIDTH):
                _fetch(places, integers[NODE_A, k])  # of a place that does not exist: no harm
        for k in range(max(i - WIDTH, 0), i):
            if integers[NODE_A, k] >= 0:
                a, b = _rows(integers[NODE_A, k], integers[NODE_B, k], places)
                integers[NODE_A, k], integers[NODE_B, k] = a, b
                if a >= 0:
                    _fetch(values, a)
                    _fetch(values, b)


@lean_kernel
def _tabulated(n, charged, integers, values, places, flat_factor, asked):
    """Hits and factors from the table; entries that it does not have go to `asked`, whose number is returned."""
    c = charged
    n_asked = np.int64(0)
    for i in range(n):
        a = integers[NODE_A, i]
        pixel, strip, wires = np.int64(-1), np.int64(0), np.int64(0)
        if a != HOPELESS:
            wires = np.int64(CALCULATE)
            if a >= 0:
                wires = _interpolated(a, integers[NODE_B, i], c[NODE_F, i], c[NODE_G, i], values, flat_factor, 16 * i)
            if wires < 0:
                asked[n_asked] = i
                n_asked += 1
                continue
            pixel, strip = _silicon(integers[PATTERN, i], places)
        c[PIXEL, i], c[STRIP, i], c[WIRE, i] = pixel, strip, wires
    return n_asked


@inlined_kernel
def _asked_states(n_asked, asked, charged, states):
    """States of the entries to calculate."""
    c = charged
    for m in range(n_asked):
        i = asked[m]
        states[0, m], states[1, m], states[2, m] = c[X, i], c[Y, i], c[Z, i]
        states[3, m], states[4, m], states[5, m] = c[PX, i], c[PY, i], c[PZ, i]
        states[6, m], states[7, m], states[8, m] = c[CHARGE, i], c[MASS, i], c[END, i]


@lean_kernel
def _calculated(n_asked, asked, charged, factor, states, results, hits, reals, surfaces, work):
    """Hits and factors of the entries in `asked`, surface by surface."""
    _asked_states(n_asked, asked, charged, states)
    _exact_many(n_asked, states, surfaces, _constants(reals), work, results, hits)
    for m in range(n_asked):
        i = asked[m]
        charged[PIXEL, i], charged[STRIP, i], charged[WIRE, i] = hits[m, 0], hits[m, 1], hits[m, 2]
        for a in range(15):
            factor[i, a] = results[m, a]
