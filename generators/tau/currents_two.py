"""Hadronic currents of tau- -> two pseudoscalars: pi- pi0, K- K0 (rho, rho', rho'') and K pi (K*, K*', scalar).

J = F (p_a - p_b) projected transverse to Q for the rho modes [J.H. Kuehn, A. Santamaria, Z. Phys. C48 (1990) 445;
parameters of CLEO, hep-ex/9910046]; J = F (p_K - p_pi) + T Q for K pi [M. Finkemeier, E. Mirkes, Z. Phys. C72 (1996)
619, hep-ph/9601275; parameters of Belle, arXiv:0706.2231].

All in the hadronic rest frame with the first hadron along +z.
"""

import numpy as np

from toymc.generators.tau import modes, resonances
from toymc.generators.tau.tables import POINT, _set_current
from toymc.kernels import kernel

_K_PI0 = modes.K_PI0_NU
_PI_K0 = modes.PI_K0_NU


@kernel
def _two_meson_current(kind, q2, q, p, difference, lines, p4):
    """Fill the current for momentum p of the first hadron along z; `difference` = m_1^2 - m_2^2."""
    if kind == _K_PI0:
        form = resonances._line(lines, resonances.KPI0_VECTOR, q2)
        jz = 2.0 * p * form
        jt = form * (difference / q) + q * resonances._line(lines, resonances.KPI0_TIME, q2)
    elif kind == _PI_K0:
        # the kaon is the second hadron: p_K - p_pi points along -z
        form = resonances._line(lines, resonances.PIK0_VECTOR, q2)
        jz = -2.0 * p * form
        jt = -form * (difference / q) + q * resonances._line(lines, resonances.PIK0_TIME, q2)
    else:
        jz = 2.0 * p * resonances._line(lines, resonances.RHO_2PI, q2)
        jt = complex(0.0, 0.0)
    zero = complex(0.0, 0.0)
    _set_current(p4, zero, zero, jz, jt)


@kernel
def _two_meson_point(kind, mass_tau, m1, m2, lines, p4):
    """Map the point to Q^2, set rows 1 and 2 and the current; returns the two-body phase space and Q^2."""
    low = (m1 + m2) * (m1 + m2)
    q2 = low + (mass_tau * mass_tau - low) * p4[POINT, 0]
    q = np.sqrt(q2)
    lam = (q2 - low) * (q2 - (m1 - m2) * (m1 - m2))
    p = 0.5 * np.sqrt(max(lam, 0.0)) / q
    difference = m1 * m1 - m2 * m2
    for row in range(1, 3):
        p4[row, 0] = 0.0
        p4[row, 1] = 0.0
    p4[1, 2] = p
    p4[1, 3] = 0.5 * (q2 + difference) / q
    p4[2, 2] = -p
    p4[2, 3] = 0.5 * (q2 - difference) / q
    _two_meson_current(kind, q2, q, p, difference, lines, p4)
    return p / q, q2
