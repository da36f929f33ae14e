"""Layout of the arrays that the kernels of tau -> N X, N -> Y read and write."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

N_PDG = 9900012
"""PDG code of N (the first of the heavy neutrinos 9900012, 9900014, 9900016); a Dirac antiparticle is negative."""

# kinds of production (PRODUCTION_KIND) and of decay (DECAY_KIND)
PSEUDOSCALAR, VECTOR, AS_TAU, AS_LEPTON = 0.0, 1.0, 2.0, 3.0
THREE_LEPTONS, NEUTRAL_PAIR = 2.0, 3.0

# columns of a row of channels, for productions (codes for tau-) and decays (codes for N): running sum of the shares,
# kind, +1 for N or -1 for Nbar (productions), three codes, three masses, two tables of `lines`, g_L, g_R, and shares of
# the two parts of a neutral current that are drawn first
CUMULATIVE, KIND, SIGN, CODE, MASS, LINE, G_LEFT, G_RIGHT, SHARE_LEFT, SHARE_RIGHT = 0, 1, 2, 3, 6, 9, 11, 12, 13, 14
N_COLUMNS = 15

# numbers
N_MASS, N_CTAU, MAJORANA, N_NUMBERS = 0, 1, 2, 3

# places of the chain: products of the tau, of its vector meson, of N, of the vector meson of N
TAU, TAU_MESON, HNL, HNL_MESON = 0, 1, 2, 3
ROWS = 16


class ChainTables(NamedTuple):
    """Everything about the signal chain that stays fixed from event to event."""

    productions: FloatArray  # (n, N_COLUMNS)
    decays: FloatArray  # (n, N_COLUMNS)
    lines: FloatArray  # (n, N_CELLS + 1, 4)
    numbers: FloatArray  # mass in GeV, ctau in cm, 1 for Majorana


class Chain(NamedTuple):
    """One signal chain, and the space to make it; momenta [px, py, pz, E] in GeV, codes and masses by place and row."""

    p: FloatArray  # (4, ROWS, 4)
    codes: npt.NDArray[np.int32]  # (4, ROWS)
    masses: FloatArray  # (4, ROWS)
    rows: npt.NDArray[np.int64]  # (4,) in use; 0: no such vector meson
    current: FloatArray  # (4,) of the hadrons of the tau
    work: FloatArray  # (ROWS, 4)
    rotation: FloatArray  # (3, 3)


def new_chain() -> Chain:
    """Space for one chain.

    Examples
    --------
    >>> new_chain().p.shape
    (4, 16, 4)
    """
    return Chain(
        p=np.zeros((4, ROWS, 4)),
        codes=np.zeros((4, ROWS), dtype=np.int32),
        masses=np.zeros((4, ROWS)),
        rows=np.zeros(4, dtype=np.int64),
        current=np.zeros(4),
        work=np.zeros((ROWS, 4)),
        rotation=np.zeros((3, 3)),
    )
