"""The arrays that tau decay kernels read: one named tuple, built once (see `toymc.generators.tau.decay`).

Rows of the scratch space `p4` that every decay kernel gets, float64 (>= `ROWS`, 4), [px, py, pz, E] in GeV: rows 0..4 the
particles, rows 6-7 the hadronic current (viewed as (4, 2): x, y, z, t by re, im), rows 8-9 the point in the unit cube.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

ROWS = 10
"""Rows that a caller of `_decay_tau` has to provide."""
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

# Entries of `signal`.
ALPHA_MASS = 0
CHIRALITY = 1
PHI_MASS = 2
PHI_WIDTH = 3
PHI_LOW = 4
PHI_HIGH = 5
PAIR_SHORT = 6
PAIR_LONG = 7
ANOMALY = 8


class TauDecayTables(NamedTuple):
    """Tables of all decay modes; immutable and shared between threads."""

    lines: npt.NDArray[np.complex128]  # propagators, (steps + 1, N_LINES), uniform in s
    omega_phi: npt.NDArray[np.float64]  # (6,)
    four_pion: npt.NDArray[np.float64]  # owned by four_pion.py
    masses: npt.NDArray[np.float64]  # (N_SAMPLERS, 5), rows as in the event, GeV
    mesons: npt.NDArray[np.int64]  # (N_SAMPLERS,) number of hadrons, 0 if not hadronic
    pdg: npt.NDArray[np.int32]  # (N_SAMPLERS, 5)
    cells: npt.NDArray[np.float64]  # (n, CELL_COLUMNS), cells of all samplers one after the other
    first_cell: npt.NDArray[np.int64]  # (N_SAMPLERS + 1,)
    signal: npt.NDArray[np.float64]  # (9,)
