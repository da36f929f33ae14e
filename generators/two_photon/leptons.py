"""gamma* gamma* -> l+ l-: tree amplitude with both virtualities, all masses, and the polarisation of the photons.

The tensor of a scattered lepton, summed over its spins, is 2 Q^2 rho with [V. Budnev et al., Phys. Rep. 15 (1975) 181,
eqs. 5.5-5.10] rho = -g + P P/Q^2 up to multiples of q, P = p + p'. Between conserved currents and in the frame of the
pair (photon along z, P_T along x, a = P_T/Q, b = P_L/Q, mu = 4 m^2/Q^2 = b^2 - 1 - a^2) it is

    rho = sum_i v_i v_i,    v_1 = sqrt(1 + a^2) (x + a b/(1 + a^2) e_L),   v_2 = sqrt(mu/(1 + a^2)) e_L,   v_3 = y,

real and positive, so that |M|^2 = e^8/(Q^2_1 Q^2_2) sum_ij |T(v_i, w_j)|^2 averaged over the beams' spins. The
longitudinal vector less a multiple of q is e_L = (Q/|q|) t: no cancellation for quasi-real photons.
"""

import numpy as np

from toymc.generators.amplitudes.spinors import _attach_bra, _bar, _current, _u_spinor, _v_spinor
from toymc.generators.two_photon.layout import (
    A_1,
    A_2,
    B_1,
    B_2,
    BRA,
    BRA_1,
    BRA_2,
    COS_PHI,
    KET,
    MINUS_Q1,
    MINUS_Q2,
    MU_1,
    MU_2,
    PAIR_MINUS,
    PAIR_PLUS,
    POL_1,
    POL_2,
    Q2_1,
    Q2_2,
    ROOT_X,
    SIN_PHI,
    W2,
)
from toymc.kernels import lean_kernel


@lean_kernel
def _photon_polarisation(v, row, a, b, mu, longitudinal, c, s):
    """Rows row..row+2: v_1, v_2, v_3 of a photon whose x axis is at the azimuth (c, s)."""
    norm = np.sqrt(1.0 + a * a)
    v[row, 0], v[row, 1], v[row, 2], v[row, 3] = norm * c, norm * s, 0.0, a * b / norm * longitudinal
    v[row + 1, 0], v[row + 1, 1], v[row + 1, 2], v[row + 1, 3] = 0.0, 0.0, 0.0, np.sqrt(mu) / norm * longitudinal
    v[row + 2, 0], v[row + 2, 1], v[row + 2, 2], v[row + 2, 3] = -s, c, 0.0, 0.0


@lean_kernel
def _place_leptons(v, inv, mass, cosine, phi):
    """Leptons at (cosine, phi) in the frame of the pair, the photons reversed, their polarisations."""
    w = np.sqrt(inv[W2])
    q = inv[ROOT_X] / w
    e = 0.5 * w
    p = np.sqrt(max(e * e - mass * mass, 0.0))
    across = p * np.sqrt(max(1.0 - cosine * cosine, 0.0))
    x, y, z = across * np.cos(phi), across * np.sin(phi), p * cosine
    v[PAIR_MINUS, 0], v[PAIR_MINUS, 1], v[PAIR_MINUS, 2], v[PAIR_MINUS, 3] = x, y, z, e
    v[PAIR_PLUS, 0], v[PAIR_PLUS, 1], v[PAIR_PLUS, 2], v[PAIR_PLUS, 3] = -x, -y, -z, e
    shift = 0.5 * (inv[Q2_2] - inv[Q2_1]) / w
    v[MINUS_Q1, 0], v[MINUS_Q1, 1], v[MINUS_Q1, 2], v[MINUS_Q1, 3] = 0.0, 0.0, -q, -e - shift
    v[MINUS_Q2, 0], v[MINUS_Q2, 1], v[MINUS_Q2, 2], v[MINUS_Q2, 3] = 0.0, 0.0, q, shift - e
    _photon_polarisation(v, POL_1, inv[A_1], inv[B_1], inv[MU_1], np.sqrt(inv[Q2_1]) / q, 1.0, 0.0)
    _photon_polarisation(v, POL_2, inv[A_2], inv[B_2], inv[MU_2], np.sqrt(inv[Q2_2]) / q, inv[COS_PHI], inv[SIN_PHI])


@lean_kernel
def _lepton_spinors(v, z, inv, mass):
    """Spinors of the pair and the bras with one photon attached; one spin of the l-."""
    one = complex(1.0, 0.0)
    # (k - q)^2 - m^2 = -(Q^2 + 2 k.q); k.q = E omega -+ p q cos, and Q^2 + W omega = (W^2 + Q1^2 + Q2^2)/2 for either
    half = 0.5 * (inv[W2] + inv[Q2_1] + inv[Q2_2])
    # 2 p_z q with q = -(z component of the row MINUS_Q1)
    along = 2.0 * v[PAIR_MINUS, 2] * v[MINUS_Q2, 2]
    scale_1, scale_2 = -1.0 / (half - along), -1.0 / (half + along)
    _u_spinor(z, BRA, v, PAIR_MINUS, mass, 0)
    _bar(z, BRA)
    for i in range(3):
        _attach_bra(z, BRA_1 + i, BRA, v, PAIR_MINUS, 1.0, MINUS_Q1, mass, scale_1, 1, POL_1 + i, one, one)
        _attach_bra(z, BRA_2 + i, BRA, v, PAIR_MINUS, 1.0, MINUS_Q2, mass, scale_2, 1, POL_2 + i, one, one)
    for s in range(2):
        _v_spinor(z, KET + s, v, PAIR_PLUS, mass, s)


@lean_kernel
def _against(v, row, t, x, y, z):
    """Contraction of a current with a real polarisation vector."""
    return v[row, 3] * t - v[row, 0] * x - v[row, 1] * y - v[row, 2] * z


@lean_kernel
def _pair_squared(v, z):
    """sum |T(v_i, w_j)|^2 over polarisations and spins, without charges.

    One spin of the l- is enough: a single-spin asymmetry needs an absorptive part, which the tree has not.
    """
    total = 0.0
    for ket in range(2):
        t1_0, x1_0, y1_0, z1_0 = _current(z, BRA_1, KET + ket)
        t1_1, x1_1, y1_1, z1_1 = _current(z, BRA_1 + 1, KET + ket)
        t1_2, x1_2, y1_2, z1_2 = _current(z, BRA_1 + 2, KET + ket)
        for j in range(3):
            t2, x2, y2, z2 = _current(z, BRA_2 + j, KET + ket)
            a0 = _against(v, POL_2 + j, t1_0, x1_0, y1_0, z1_0) + _against(v, POL_1, t2, x2, y2, z2)
            a1 = _against(v, POL_2 + j, t1_1, x1_1, y1_1, z1_1) + _against(v, POL_1 + 1, t2, x2, y2, z2)
            a2 = _against(v, POL_2 + j, t1_2, x1_2, y1_2, z1_2) + _against(v, POL_1 + 2, t2, x2, y2, z2)
            total += a0.real * a0.real + a0.imag * a0.imag
            total += a1.real * a1.real + a1.imag * a1.imag
            total += a2.real * a2.real + a2.imag * a2.imag
    return 2.0 * total
