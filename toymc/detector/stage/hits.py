"""What measures each charged particle of a block, and the factor of its covariance: from the table, or calculated."""

import numpy as np

from toymc.detector.covariance.lookup import _ahead, _constants, _interpolated, _place, _silicon
from toymc.detector.covariance.many import _exact_many
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


@lean_kernel
def _placed(n, charged, integers, reals, places, values):
    """Where the table has the entries; its numbers are sent for. Who cannot be found is not looked up."""
    c = charged
    for i in range(n):
        integers[NODE_A, i] = HOPELESS
        if c[DRAW, i] < c[MOST, i]:
            a, b, f, g, pattern = _place(
                c[RHO, i] * c[RHO, i], c[LOG_PT, i], c[MASS, i], c[END, i],
                c[D0, i], c[PHI0, i], c[OMEGA, i], c[Z0, i], c[TAN, i], reals, places,
            )  # fmt: skip
            integers[NODE_A, i], integers[NODE_B, i], integers[PATTERN, i] = a, b, pattern
            c[NODE_F, i], c[NODE_G, i] = f, g
            if a >= 0:
                _ahead(a, b, values)


@lean_kernel
def _tabulated(n, charged, integers, values, places, factor, asked):
    """Hits and factors from the table; entries that it does not have go to `asked`, whose number is returned."""
    c = charged
    n_asked = np.int64(0)
    for i in range(n):
        a = integers[NODE_A, i]
        pixel, strip, wires = np.int64(-1), np.int64(0), np.int64(0)
        if a != HOPELESS:
            wires = np.int64(CALCULATE)
            if a >= 0:
                wires = _interpolated(a, integers[NODE_B, i], c[NODE_F, i], c[NODE_G, i], values, factor[i])
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
