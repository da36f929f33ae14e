"""Rows of the scratch arrays that every amplitude kernel gets, and the codes of bosons."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

# rows of `v` (real): l-, l+, boson, e-, e+, three polarisation vectors of the boson
P_MINUS, P_PLUS, BOSON, P_ELECTRON, P_POSITRON, POLARISATION, N_VECTORS = 0, 1, 2, 3, 4, 5, 10

SPIN_0 = 0
SPIN_1 = 1

# rows of `z` (complex): spinors with spin s in row + s, the same with the boson attached in row + 3 s + polarisation
BRA_L, KET_L, KET_E, BRA_E = 0, 2, 4, 6
BRA_LX, KET_LX, KET_EX, BRA_EX = 8, 14, 20, 26
# currents (t, x, y, z): plain in row + 2 s_out + s_in, with the boson in row + 3 (2 s_out + s_in) + polarisation
LINE_A, LINE_B, LINE_AX, LINE_BX = 32, 36, 40, 52
AMPLITUDE = 64
"""48 amplitudes, 4 to a row: index 12 (2 s_e- + s_e+) + 3 (2 s_l- + s_l+) + polarisation."""
N_COMPLEX = 76


def scratch() -> tuple[FloatArray, ComplexArray]:
    """Arrays `v` and `z` for the amplitude kernels.

    Returns
    -------
    float64 (N_VECTORS, 4), complex128 (N_COMPLEX, 4)

    Examples
    --------
    >>> [a.shape for a in scratch()]
    [(10, 4), (76, 4)]
    """
    return np.zeros((N_VECTORS, 4)), np.zeros((N_COMPLEX, 4), dtype=np.complex128)
