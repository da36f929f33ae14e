"""Hadronic currents of tau- -> three pseudoscalars.

3pi and pi 2pi0: the CLEO model [D. Asner et al., Phys. Rev. D61 (2000) 012002, hep-ex/9902022, appendix A]: a1 -> rho
pi and rho' pi in s and d waves, f2 pi, sigma pi, f0 pi. With (k; a b) the spectator and a pair, q = p_a - p_b and h =
p_a + p_b,

    J ~ BW_a1(Q^2) T sum [ -+ S(s_ab) q +- 2 D(s_ab) (Q.q) p_k - 2 C(s_ab) p_k
                           + F(s_ab) ((Q.q) q - q^2 (Q.h)/(3 s_ab) p_k) ],

T the projector transverse to Q, upper sign 3pi. The relative sign of isovector and isoscalar pairs in pi 2pi0 follows
from the isospin decomposition a1^a -> pi^b (pi^c pi^d): delta^ab delta^cd for I = 0, delta^ac delta^bd - delta^ad
delta^bc for I = 1.

Modes with kaons: hep-ph/9503474, J = T [F1 (p2 - p3) + F2 (p3 - p1)] + i F3 eps(p1, p2, p3), eps^0123 = +1, axial a1,
K1 and vector (anomaly) rho, K*.

Everything is evaluated in the hadronic rest frame with the three momenta in the x-y plane and p1 along x: the projector
removes the time component, and eps points along z.
"""

import math

from toymc.constants import M_PI, M_PI0
from toymc.generators.tau import modes, resonances
from toymc.generators.tau.tables import ANOMALY, KAON_PAIR_LIKE, PARAMETERS, _set_current
from toymc.kernels import kernel

_3PI = modes.THREE_PI_NU
_PI_2PI0 = modes.PI_2PI0_NU
_K_PI_PI = modes.K_PI_PI_NU
_K_2PI0 = modes.K_2PI0_NU
_PI_K0_PI0 = modes.PI_K0_PI0_NU
_K_K_PI = modes.K_K_PI_NU
_K_K0_PI0 = modes.K_K0_PI0_NU
_ROOT2 = math.sqrt(2.0)
_VECTOR_SHARE = _ROOT2 - 1.0


@kernel
def _rho_pair(lines, column, s, sign, along):
    """Coefficients of q and of the spectator for an isovector pair; along = Q.q."""
    spectator = (2.0 * sign * along) * resonances._line(lines, column + 1, s)
    return -sign * resonances._line(lines, column, s), spectator


@kernel
def _isoscalar_pair(lines, column, s, m2, along, total):
    """Coefficients of q and of the spectator for sigma, f0 and f2; along = Q.q, total = Q.h, m2 = m_pi^2."""
    tensor = resonances._line(lines, column + 1, s)
    scalar = resonances._line(lines, column, s)
    return tensor * along, -2.0 * scalar - tensor * ((4.0 * m2 - s) * total / (3.0 * s))


@kernel
def _three_pion_current(lines, q2, q, e1, e2, e3, s23, s13, s12, charged):
    """Coefficients of p1 and p2 once p3 = -p1 - p2 is used (complex, complex)."""
    if charged:
        # pi- pi- pi+: both neutral pairs carry all resonances
        a, b = _rho_pair(lines, resonances.CHARGED_S, s23, 1.0, q * (e2 - e3))
        c, d = _isoscalar_pair(lines, resonances.CHARGED_SCALAR, s23, M_PI * M_PI, q * (e2 - e3), q * (e2 + e3))
        e, f = _rho_pair(lines, resonances.CHARGED_S, s13, 1.0, q * (e1 - e3))
        g, h = _isoscalar_pair(lines, resonances.CHARGED_SCALAR, s13, M_PI * M_PI, q * (e1 - e3), q * (e1 + e3))
        # a (p2 - p3) + b p1 + e (p1 - p3) + f p2
        a += c
        b += d
        e += g
        f += h
        c1 = b + 2.0 * e + a
        c2 = 2.0 * a + e + f
    else:
        # pi0 pi0 pi-
        a, b = _rho_pair(lines, resonances.NEUTRAL_S, s23, -1.0, q * (e2 - e3))
        e, f = _rho_pair(lines, resonances.NEUTRAL_S, s13, -1.0, q * (e1 - e3))
        g, h = _isoscalar_pair(lines, resonances.NEUTRAL_SCALAR, s12, M_PI0 * M_PI0, q * (e1 - e2), q * (e1 + e2))
        c1 = b + 2.0 * e + a + g - h
        c2 = 2.0 * a + e + f - g - h
    a1 = resonances._line(lines, resonances.A1_CLEO, q2)
    return a1 * c1, a1 * c2


@kernel
def _kaon_pair_form_factors(kind, q2, s23, s13, s12, lines, reals):
    """F1, F2, F3 of K Kbar pi (hep-ph/9503474 tables 1 and 2; K_S, K_L states by CP projection of K0 K0bar pi-)."""
    a1 = resonances._line(lines, resonances.A1_KS, q2) / 6.0
    vector = _VECTOR_SHARE * resonances._line(lines, resonances.RHO_VECTOR, q2)
    k23 = resonances._line(lines, resonances.KSTAR_AXIAL, s23)
    if kind == _K_K_PI:
        f1 = -a1 * k23
        f2 = a1 * resonances._line(lines, resonances.RHO_AXIAL, s13)
        return f1, f2, vector * (_ROOT2 * resonances._omega_phi(reals, s13) + k23)
    k12 = resonances._line(lines, resonances.KSTAR_AXIAL, s12)
    if kind == KAON_PAIR_LIKE:
        return a1 * (k23 + k12), a1 * k12, vector * (k23 - k12)
    f1 = -a1 * (k23 - k12)
    f2 = a1 * (2.0 * resonances._line(lines, resonances.RHO_AXIAL, s13) + k12)
    if kind == _K_K0_PI0:
        return f1, f2, vector * (k23 - k12)
    # K_S pi- K_L
    return f1, f2, -vector * (2.0 * _ROOT2 * resonances._omega_phi(reals, s13) + k23 + k12)


@kernel
def _kaon_form_factors(kind, q2, s23, s13, s12, lines):
    """F1, F2, F3 of K pi pi (hep-ph/9503474 tables 1 and 2)."""
    k1 = resonances._line(lines, resonances.K1_TO_KSTAR, q2) / 3.0
    vector = resonances._line(lines, resonances.KSTAR_VECTOR, q2)
    if kind == _K_2PI0:
        k23 = resonances._line(lines, resonances.KSTAR_AXIAL, s23)
        k13 = resonances._line(lines, resonances.KSTAR_AXIAL, s13)
        return -k1 * k23, k1 * k13, vector * (k23 - k13)
    k1b = resonances._line(lines, resonances.K1_TO_RHO, q2) / 3.0
    if kind == _K_PI_PI:
        rho = resonances._line(lines, resonances.RHO_AXIAL, s23)
        k13 = resonances._line(lines, resonances.KSTAR_AXIAL, s13)
        return -k1b * rho, k1 * k13, -vector * (rho + k13)
    rho = resonances._line(lines, resonances.RHO_AXIAL, s13)
    k23 = resonances._line(lines, resonances.KSTAR_AXIAL, s23)
    k12 = resonances._line(lines, resonances.KSTAR_AXIAL, s12)
    return -k1 * (k23 - k12), 2.0 * k1b * rho + k1 * k12, vector * (2.0 * rho + k23 + k12)


@kernel
def _three_meson_current(kind, q2, q, p4, s23, s13, s12, lines, reals):
    """Fill the current from rows 1..3 of p4 (p1 along x, all in the x-y plane)."""
    normal = complex(0.0, 0.0)
    if kind == _3PI or kind == _PI_2PI0:
        c1, c2 = _three_pion_current(lines, q2, q, p4[1, 3], p4[2, 3], p4[3, 3], s23, s13, s12, kind == _3PI)
    else:
        if kind == _K_PI_PI or kind == _K_2PI0 or kind == _PI_K0_PI0:
            f1, f2, f3 = _kaon_form_factors(kind, q2, s23, s13, s12, lines)
        else:
            f1, f2, f3 = _kaon_pair_form_factors(kind, q2, s23, s13, s12, lines, reals)
        # f1 (p2 - p3) + f2 (p3 - p1) with p3 = -p1 - p2
        c1 = f1 - 2.0 * f2
        c2 = 2.0 * f1 - f2
        normal = complex(0.0, -reals[PARAMETERS, ANOMALY] * q * p4[1, 0] * p4[2, 1]) * f3
    jx = c1 * p4[1, 0] + c2 * p4[2, 0]
    jy = c2 * p4[2, 1]
    _set_current(p4, jx, jy, normal, complex(0.0, 0.0))
