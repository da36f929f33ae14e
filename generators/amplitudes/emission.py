"""Tree amplitudes of e+e- -> l+ l- X with X off the final or the initial line, s channel and (l = e) t channel.

    M = e^2 { J_e . J_l(X) / s + J_e(X) . J_l / s_ll  -  t channel }

J(X) carries the boson on either side of the current vertex. Two kernels:

`_final_squared`
    X off the leptons l alone and massless beams along z. The electron tensor then is that of helicities +-1 along z and
    sum |M|^2 = e^4 / s^2 * 2 s (|J_x|^2 + |J_y|^2): two numbers per spin configuration. The lepton spin s(l-) = 1 gives
    the same as s(l-) = 0: a single-lepton polarisation could only be odd under time reversal, and the tree has no
    absorptive part (for c_R = c_L, or c_R = -c_L with spin 0).
`_fill_amplitudes`
    Everything: emission off the beams with the electron mass, both for X = gamma, t channel for l = e, complex factors
    for the vacuum polarisation of each photon propagator. All 16 spin configurations, in rows AMPLITUDE.. of `z`.

The coupling e^2 of the exchanged photon is left out: |M|^2 is e^4 times what comes out, with the coupling of X in the
vertex coefficients. For X = gamma all vertices have the same sign (charges of e and l are equal), c_L = c_R = e.
"""

import numpy as np

from toymc.generators.amplitudes.layout import (
    AMPLITUDE,
    BOSON,
    BRA_E,
    BRA_EX,
    BRA_L,
    BRA_LX,
    KET_E,
    KET_EX,
    KET_L,
    KET_LX,
    LINE_A,
    LINE_AX,
    LINE_B,
    LINE_BX,
    P_ELECTRON,
    P_MINUS,
    P_PLUS,
    P_POSITRON,
    POLARISATION,
)
from toymc.generators.amplitudes.spinors import (
    _attach_bra,
    _attach_ket,
    _bar,
    _current,
    _dot,
    _lower,
    _u_spinor,
    _v_spinor,
)
from toymc.kernels import lean_kernel


@lean_kernel
def _polarisations(v, mass, conserved):
    """Rows POLARISATION..: real unit vectors across the momentum of the boson, then the longitudinal one.

    For a conserved current the longitudinal vector is used less k/M, that is M/(E + |k|) (-k-hat, 1) up to its sign:
    the amplitude is the same and does not cancel for E >> M. Returns how many states there are (2 for mass 0).
    """
    x, y, z, e = v[BOSON, 0], v[BOSON, 1], v[BOSON, 2], v[BOSON, 3]
    k = np.sqrt(x * x + y * y + z * z)
    nx, ny, nz = 0.0, 0.0, 1.0
    if k > 0.0:
        nx, ny, nz = x / k, y / k, z / k
    sign = 1.0 if nz >= 0.0 else -1.0
    a = -1.0 / (sign + nz)
    b = nx * ny * a
    r = POLARISATION
    v[r, 0], v[r, 1], v[r, 2], v[r, 3] = 1.0 + sign * nx * nx * a, sign * b, -sign * nx, 0.0
    v[r + 1, 0], v[r + 1, 1], v[r + 1, 2], v[r + 1, 3] = b, sign + ny * ny * a, -ny, 0.0
    if mass <= 0.0:
        return 2
    if conserved:
        f = mass / (e + k)
        v[r + 2, 0], v[r + 2, 1], v[r + 2, 2], v[r + 2, 3] = f * nx, f * ny, f * nz, -f
    else:
        f = e / mass
        v[r + 2, 0], v[r + 2, 1], v[r + 2, 2], v[r + 2, 3] = f * nx, f * ny, f * nz, k / mass
    return 3


@lean_kernel
def _lepton_line(v, z, m, mass2, spin, n_pol, cl, cr, n_minus):
    """Spinors of l- (bras, spins 0..n_minus-1) and l+ (kets), alone and with the boson attached."""
    scale_minus = 1.0 / (2.0 * _dot(v, P_MINUS, BOSON) + mass2)
    scale_plus = 1.0 / (2.0 * _dot(v, P_PLUS, BOSON) + mass2)
    for s in range(n_minus):
        _u_spinor(z, BRA_L + s, v, P_MINUS, m, s)
        _bar(z, BRA_L + s)
        for e in range(n_pol):
            _attach_bra(
                z, BRA_LX + 3 * s + e, BRA_L + s, v, P_MINUS, 1.0, BOSON, m, scale_minus, spin, POLARISATION + e, cl, cr
            )
    for s in range(2):
        _v_spinor(z, KET_L + s, v, P_PLUS, m, s)
        for e in range(n_pol):
            _attach_ket(
                z, KET_LX + 3 * s + e, KET_L + s, v, P_PLUS, -1.0, BOSON, m, scale_plus, spin, POLARISATION + e, cl, cr
            )


@lean_kernel
def _electron_line(v, z, m, mass2, spin, n_pol, cl, cr):
    """Spinors of e- (kets) and e+ (bras), alone and with the boson attached."""
    scale_minus = 1.0 / (mass2 - 2.0 * _dot(v, P_ELECTRON, BOSON))
    scale_plus = 1.0 / (mass2 - 2.0 * _dot(v, P_POSITRON, BOSON))
    for s in range(2):
        _u_spinor(z, KET_E + s, v, P_ELECTRON, m, s)
        _v_spinor(z, BRA_E + s, v, P_POSITRON, m, s)
        _bar(z, BRA_E + s)
        for e in range(n_pol):
            a, b = KET_EX + 3 * s + e, BRA_EX + 3 * s + e
            _attach_ket(z, a, KET_E + s, v, P_ELECTRON, 1.0, BOSON, m, scale_minus, spin, POLARISATION + e, cl, cr)
            _attach_bra(z, b, BRA_E + s, v, P_POSITRON, -1.0, BOSON, m, scale_plus, spin, POLARISATION + e, cl, cr)


@lean_kernel
def _final_squared(v, z, m, mass, spin, cl, cr):
    """sum |J_x|^2 + |J_y|^2 over all spins and polarisations, X off the lepton line, beams along z."""
    n_pol = 1
    if spin == 1:
        n_pol = _polarisations(v, mass, cl == cr)
    _lepton_line(v, z, m, mass * mass, spin, n_pol, cl, cr, 1)
    total = 0.0
    for s in range(2):
        for e in range(n_pol):
            p0, q0 = _lower(z, BRA_LX + e, KET_L + s)
            p1, q1 = _lower(z, BRA_L, KET_LX + 3 * s + e)
            p, q = p0 + p1, q0 + q1
            total += p.real * p.real + p.imag * p.imag + q.real * q.real + q.imag * q.imag
    # |J_x|^2 + |J_y|^2 = 2 (|p|^2 + |q|^2), and the other spin of l- adds the same
    return 4.0 * total


@lean_kernel
def _line_currents(z, bra, bra_x, ket, ket_x, plain, with_x, n_pol):
    """Currents of one line, alone and with the boson on it."""
    for i in range(2):
        for j in range(2):
            c = 2 * i + j
            z[plain + c, 0], z[plain + c, 1], z[plain + c, 2], z[plain + c, 3] = _current(z, bra + i, ket + j)
            for e in range(n_pol):
                t0, x0, y0, z0 = _current(z, bra_x + 3 * i + e, ket + j)
                t1, x1, y1, z1 = _current(z, bra + i, ket_x + 3 * j + e)
                r = with_x + 3 * c + e
                z[r, 0], z[r, 1], z[r, 2], z[r, 3] = t0 + t1, x0 + x1, y0 + y1, z0 + z1


@lean_kernel
def _contract(z, i, j):
    return z[i, 0] * z[j, 0] - z[i, 1] * z[j, 1] - z[i, 2] * z[j, 2] - z[i, 3] * z[j, 3]


@lean_kernel
def _add_exchange(z, n_pol, swap, factor_a, factor_b):
    """Add factor_a J_A . J_B(X) + factor_b J_A(X) . J_B to the amplitudes.

    s channel: line A is (e+ bra, e- ket), line B (l- bra, l+ ket). t channel (swap): A is (l- bra, e- ket), B is (e+
    bra, l+ ket).
    """
    for a in range(4):
        for b in range(4):
            # a = 2 s(bra) + s(ket)
            if swap:
                electron, positron, minus, plus = a & 1, b >> 1, a >> 1, b & 1
            else:
                electron, positron, minus, plus = a & 1, a >> 1, b >> 1, b & 1
            index = 12 * (2 * electron + positron) + 3 * (2 * minus + plus)
            for e in range(n_pol):
                value = factor_a * _contract(z, LINE_A + a, LINE_BX + 3 * b + e)
                value += factor_b * _contract(z, LINE_AX + 3 * a + e, LINE_B + b)
                i = index + e
                z[AMPLITUDE + (i >> 2), i & 3] += value


@lean_kernel
def _fill_amplitudes(v, z, m, m_e, mass, spin, cl, cr, el, er, t_channel, f_s, f_ll, f_minus, f_plus):
    """All amplitudes over e^2 into rows AMPLITUDE.. of z; returns the number of polarisations.

    cl, cr: couplings of X to l; el, er: to the electron. f_s, f_ll: vacuum-polarisation factors of the photon of mass^2
    s and s_ll; f_minus, f_plus: of the exchanged photons (p_e- - p_l-)^2 and (p_e+ - p_l+)^2.
    """
    n_pol = 1
    if spin == 1:
        n_pol = _polarisations(v, mass, cl == cr and el == er)
    _lepton_line(v, z, m, mass * mass, spin, n_pol, cl, cr, 2)
    _electron_line(v, z, m_e, mass * mass, spin, n_pol, el, er)
    for i in range(12):
        for j in range(4):
            z[AMPLITUDE + i, j] = 0.0
    _line_currents(z, BRA_E, BRA_EX, KET_E, KET_EX, LINE_A, LINE_AX, n_pol)
    _line_currents(z, BRA_L, BRA_LX, KET_L, KET_LX, LINE_B, LINE_BX, n_pol)
    s = 2.0 * m_e * m_e + 2.0 * _dot(v, P_ELECTRON, P_POSITRON)
    s_ll = 2.0 * m * m + 2.0 * _dot(v, P_MINUS, P_PLUS)
    _add_exchange(z, n_pol, False, f_s / s, f_ll / s_ll)
    if t_channel:
        _line_currents(z, BRA_L, BRA_LX, KET_E, KET_EX, LINE_A, LINE_AX, n_pol)
        _line_currents(z, BRA_E, BRA_EX, KET_L, KET_LX, LINE_B, LINE_BX, n_pol)
        t_minus = 2.0 * m * m - 2.0 * _dot(v, P_ELECTRON, P_MINUS)
        t_plus = 2.0 * m * m - 2.0 * _dot(v, P_POSITRON, P_PLUS)
        # X on line B: the photon carries what line A gives, p_e- - p_l-
        _add_exchange(z, n_pol, True, -f_minus / t_minus, -f_plus / t_plus)
    return n_pol


@lean_kernel
def _sum_amplitudes(z, n_pol):
    """sum |M|^2 / e^4 over all spins and polarisations."""
    total = 0.0
    for i in range(48):
        if i % 3 < n_pol:
            a = z[AMPLITUDE + (i >> 2), i & 3]
            total += a.real * a.real + a.imag * a.imag
    return total
