"""What the kernels of e+e- -> l+ l- X share: settings, scratch space, columns of a hard event."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.generators.amplitudes.layout import scratch

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ComplexArray = npt.NDArray[np.complex128]

LINE_WIDTHS = 15.0
"""The line shape of the boson ends this many widths from its mass (in q^2: this many M Gamma from M^2)."""
DIMENSIONS = 6
"""Four of phase space, one for the mass of the boson, one for the harder radiation of the beams."""

# switches
ISR, FULL, EXCHANGE, PHOTON, LINE_SHAPE, PRIMARY_SPIN, SPIN, FINAL_PHOTONS = 0, 1, 2, 3, 4, 5, 6, 7
N_SWITCHES = 8
# reals
M_LEPTON, M_ELECTRON, MASS, WIDTH, LINE_LOW, LINE_HIGH = 0, 1, 2, 3, 4, 5
PHOTON_ENERGY, PHOTON_COSINE, LEPTON_COSINE, LEPTON_ENERGY = 6, 7, 8, 9
FACTOR, SHARE_L, SHARE_E, FIXED_S = 10, 11, 12, 13
N_REALS = 14
# columns of the table of decays of the boson: see `widths`
MODE_KIND, MODE_MASS, MODE_FACTOR, MODE_CHOSEN, MODE_PDG, N_MODE_COLUMNS = 0, 1, 2, 3, 4, 5

MAX_PHOTONS = 6
"""Of the beams (two at most) and off the final leptons."""
# columns of a hard event
FRAME, LEPTON_MINUS, LEPTON_PLUS, BOSON_P, BOSON_MASS, WEIGHT, N_PHOTONS = 0, 16, 19, 22, 25, 26, 27
VERTEX, MODE, DIRECTION, PRIMARY_DENSITY, DECAY_DENSITY, PHOTONS = 28, 31, 32, 35, 51, 67
N_COLUMNS = PHOTONS + 4 * MAX_PHOTONS


class HardSettings(NamedTuple):
    """Everything about the hard process that stays fixed from event to event."""

    beam: FloatArray  # beams.beam_array
    leg: FloatArray  # radiator.leg_table
    numbers: FloatArray
    running: FloatArray  # radiator.running_table; one row: no vacuum polarisation
    cells: FloatArray  # (n, CELL_COLUMNS) of tau.tables
    channel: IntArray  # (n,) map of each cell
    modes: FloatArray  # (n, N_MODE_COLUMNS)
    switches: IntArray
    reals: FloatArray
    couplings: ComplexArray  # c_L, c_R to the lepton, to the electron


class HardScratch(NamedTuple):
    """Small arrays that the kernels reuse from event to event."""

    v: FloatArray
    z: ComplexArray
    y: FloatArray
    shares: FloatArray
    photons: FloatArray
    frame: FloatArray  # hard centre of mass -> e+e- centre of mass
    work: FloatArray
    rotation: FloatArray
    rho: FloatArray
    state: FloatArray  # of the last trial: s, s', s_x, s_z, energy, direction x, z of the beams; n photons


def hard_scratch() -> HardScratch:
    """Scratch arrays for the kernels of this module.

    Examples
    --------
    >>> hard_scratch().y.shape
    (6,)
    """
    v, z = scratch()
    return HardScratch(
        v, z, np.zeros(DIMENSIONS), np.zeros(6), np.zeros((MAX_PHOTONS, 4)), np.zeros((4, 4)), np.zeros((4, 4)),
        np.zeros((3, 3)), np.zeros((3, 3)), np.zeros(10),
    )  # fmt: skip
