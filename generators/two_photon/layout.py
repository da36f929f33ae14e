"""Arrays that the kernels of two-photon processes share: settings, scratch space, columns of a hard event."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.generators.amplitudes import layout as amplitude_layout
from toymc.generators.amplitudes.four_leptons import Graphs

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ComplexArray = npt.NDArray[np.complex128]

DIMENSIONS = 6
"""Directions of the cells: y1 y2, rapidity, both Q^2, relative azimuth of the scattered leptons, cos theta*."""

# `reals` of the settings
M_BEAM, M_PAIR, W_LOW, Q2_HIGH, FACTOR, FIXED_S, FORM_MASS2, CEILING = 0, 1, 2, 3, 4, 5, 6, 7
N_REALS = 8
# `switches`: what the pair is; whether W_LOW holds for every e+e- pair of four electrons
PAIR, ALL_PAIRS, N_SWITCHES = 0, 1, 2
LEPTONS, PIONS, KAONS, PROTONS, EMITTED = 0, 1, 2, 3, 4
# EMITTED: the pair comes from a virtual photon off the scattered leptons

# rows of `vectors`: e-, e+ scattered and the pair in the e+e- centre of mass (e- along +z); l-, l+ of the pair, the
# photons with reversed sign and three polarisation vectors of either photon in the frame of the pair; its axes
OUT_MINUS, OUT_PLUS, TOTAL = 0, 1, 2
PAIR_MINUS, PAIR_PLUS, MINUS_Q1, MINUS_Q2, POL_1, POL_2 = 3, 4, 5, 6, 7, 10
AXIS_X, AXIS_Y, AXIS_Z, SPARE = 13, 14, 15, 16
N_VECTORS = 18
# rows of `amplitude_v` for the pair of a virtual photon in the e+e- centre of mass
DECAY_ROWS = 8

# entries of `invariants`
W2, Q2_1, Q2_2, NU, ROOT_X = 0, 1, 2, 3, 4
A_1, B_1, MU_1, A_2, B_2, MU_2 = 5, 6, 7, 8, 9, 10  # P_T/Q, P_L/Q, 4 m^2/Q^2 of either scattered lepton
COS_PHI, SIN_PHI = 11, 12
COS_THETA, AZIMUTH = 13, 14
N_INVARIANTS = 15

# rows of `spinors`: bra of l-, kets of l+; bras with photon 1 (2) of each polarisation attached
BRA, KET, BRA_1, BRA_2, N_SPINORS = 0, 1, 3, 6, 9

# columns of a hard event: e+e- centre of mass -> laboratory, momenta of the four particles in the laboratory, those of
# a pair of leptons in the centre of mass, vertex, mass of the pair, its spin density (axes of the centre of mass)
FRAME, ELECTRON, POSITRON, MINUS, PLUS, INSIDE, VERTEX, W, DENSITY, N_COLUMNS = 0, 16, 19, 22, 25, 28, 34, 37, 38, 54


class TwoPhotonSettings(NamedTuple):
    """What stays fixed from event to event."""

    beam: FloatArray  # beams.beam_array
    cells: FloatArray  # (n, CELL_COLUMNS) of tau.tables
    switches: IntArray
    reals: FloatArray
    table: FloatArray  # of hadron pairs: `hadrons.wave_table`; one row for leptons
    graphs: Graphs  # none for hadrons


class TwoPhotonScratch(NamedTuple):
    """Small arrays that the kernels reuse from event to event."""

    vectors: FloatArray
    invariants: FloatArray
    spinors: ComplexArray
    y: FloatArray
    frame: FloatArray
    work: FloatArray
    rotation: FloatArray
    rho: FloatArray
    amplitude_v: FloatArray  # of `toymc.generators.amplitudes`
    amplitude_z: ComplexArray


def scratch() -> TwoPhotonScratch:
    """Scratch arrays for the kernels.

    Examples
    --------
    >>> scratch().vectors.shape
    (18, 4)
    """
    return TwoPhotonScratch(
        np.zeros((N_VECTORS, 4)),
        np.zeros(N_INVARIANTS),
        np.zeros((N_SPINORS, 4), dtype=np.complex128),
        np.zeros(DIMENSIONS),
        np.zeros((4, 4)),
        np.zeros((4, 4)),
        np.zeros((3, 3)),
        np.zeros((3, 3)),
        *amplitude_layout.scratch(),
    )
