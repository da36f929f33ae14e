"""The arrays that tau decay kernels read: one named tuple, built once (see `toymc.generators.tau.decay`).

Few arrays on purpose: taking an array out of a tuple costs a kernel two atomic reference counts, so `_decay_tau` does
it once and everything below takes the arrays themselves.

Rows of the scratch space `p4` that every decay kernel gets, float64 (>= `ROWS`, 4), [px, py, pz, E] in GeV: rows 0..4
the particles, rows 6-7 the hadronic current (x re, x im, y re, y im; z re, z im, t re, t im), rows 8-9 the point in
the unit cube.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.kernels import kernel

ROWS = 10
"""Rows that a caller of `_decay_tau` has to provide."""
CURRENT = 6
POINT = 8

N_SAMPLERS = 25
"""Samplers are numbered like the modes; the last one is pi K0 K0 with two short or two long kaons."""
KAON_PAIR_LIKE = 24

# Columns of `cells`: alias probability, alias partner, envelope, then corner and width of the cell.
ALIAS_KEEP = 0
ALIAS_PARTNER = 1
PEAK = 2
CORNER = 3
EXTENT = 9
CELL_COLUMNS = 15

# Columns of `integers`: number of hadrons (0 if not hadronic), rows of the cells, then five PDG codes.
MESONS = 0
FIRST_CELL = 1
CELL_COUNT = 2
PDG = 3
INTEGER_COLUMNS = 8

# `reals`: row k the masses of sampler k (columns as rows of the event), then one row of parameters.
PARAMETERS = N_SAMPLERS
ALPHA_MASS = 0
CHIRALITY = 1
PHI_MASS = 2
PHI_WIDTH = 3
PHI_LOW = 4
PHI_HIGH = 5
PAIR_SHORT = 6
PAIR_LONG = 7
ANOMALY = 8
OMEGA_PHI = 9  # six columns
TAU_MASS = 15
REAL_COLUMNS = 16


class TauDecayTables(NamedTuple):
    """Tables of all decay modes; immutable and shared between threads."""

    lines: npt.NDArray[np.complex128]  # propagators, (steps + 1, N_LINES), uniform in s
    cells: npt.NDArray[np.float64]  # (n, CELL_COLUMNS), cells of all samplers one after the other
    four_pion: npt.NDArray[np.float64]  # owned by four_pion.py
    reals: npt.NDArray[np.float64]  # (N_SAMPLERS + 1, REAL_COLUMNS)
    integers: npt.NDArray[np.int64]  # (N_SAMPLERS, INTEGER_COLUMNS)


@kernel
def _set_current(p4, jx, jy, jz, jt):
    """Store a complex current in the scratch rows."""
    p4[CURRENT, 0] = jx.real
    p4[CURRENT, 1] = jx.imag
    p4[CURRENT, 2] = jy.real
    p4[CURRENT, 3] = jy.imag
    p4[CURRENT + 1, 0] = jz.real
    p4[CURRENT + 1, 1] = jz.imag
    p4[CURRENT + 1, 2] = jt.real
    p4[CURRENT + 1, 3] = jt.imag
