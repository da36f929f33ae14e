"""Hadronic currents of tau- -> pi- pi- pi+ pi0 nu_tau and tau- -> pi- pi0 pi0 pi0 nu_tau: the Novosibirsk model.

The currents are sums of three kinds of terms [A.E. Bondar et al., Comput. Phys. Commun. 146 (2002) 139,
hep-ph/0201149]: pi a1 with a1 -> rho pi (t1), pi a1 with a1 -> sigma pi (t2), and pi omega with
omega -> rho pi (t3, only with three charged pions), each multiplied by a function G(Q^2) fitted to e+e- -> 4 pi. Every
term is conserved by itself: q.J = 0 exactly. The parameters are in ``data/four_pion.toml``.

What the kernels do differently from a plain evaluation: all scalar products come from one Gram matrix, each propagator
is computed once per pair or triplet, and the dispersive part of the rho propagator is interpolated from a table.
"""

import tomllib
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from toymc.constants import M_PI
from toymc.errors import InputError
from toymc.kernels import kernel, lean_kernel

FloatArray = NDArray[np.float64]

# layout of the table: parameters, three blocks of G, then the grid of the rho self-energy
_RHO, _SIGMA, _A1, _OMEGA = 0, 8, 14, 34
_G_PI_3PI0, _G_3PI_PI0, _G_OMEGA = 56, 80, 104
_GRID = 128
_GRID_N = 4096
_GRID_MAX = 3.3  # GeV^2, above m_tau^2
_GRID_STEP = _GRID_MAX / (_GRID_N - 1)


def _rho_loop(s: FloatArray, m2: float) -> FloatArray:
    """Real part of the pion loop in the rho propagator, h(s) of Gounaris-Sakurai form [hep-ph/0201149]."""
    above = s > 4.0 * m2
    v = np.sqrt(np.where(above, 1.0 - 4.0 * m2 / np.where(above, s, 1.0), 0.0))
    return np.where(above, v * np.log((1.0 + v) / (1.0 - v)) * (s - 4.0 * m2) / np.pi, 0.0)


def _rho_loop_slope(s: float, m2: float) -> float:
    """dh/ds at s > 4 m^2 [hep-ph/0201149]."""
    v = np.sqrt(1.0 - 4.0 * m2 / s)
    return float(v / (np.pi * s) * (s * v + (2.0 * m2 + s) * np.log((1.0 + v) / (1.0 - v))))


def build_four_pion_table() -> FloatArray:
    """Parameters and grids of the four-pion currents, packed for the kernels.

    Returns
    -------
    float64 (n,)
        Read by `_current_3pi_pi0` and `_current_pi_3pi0`; the layout is private to this module.

    Examples
    --------
    >>> build_four_pion_table().ndim
    1
    """
    text = (resources.files("toymc.generators") / "data" / "four_pion.toml").read_text(encoding="utf-8")
    card = tomllib.loads(text)
    table = np.zeros(_GRID + _GRID_N)
    m_rho, g_rho = card["rho"]["mass"], card["rho"]["width"]
    m2, mr2 = M_PI**2, card["rho"]["mass"] ** 2
    p_rho = (mr2 - 4.0 * m2) ** 1.5 / m_rho
    h_rho, slope = float(_rho_loop(np.array([mr2]), m2)[0]), _rho_loop_slope(mr2, m2)
    # h(0) = -8 m^2/pi is the limit of h at s = 0; it fixes the numerator so that the pole has residue one
    at_zero = (-8.0 * m2 / np.pi - h_rho + mr2 * slope) / p_rho
    table[_RHO : _RHO + 5] = (m_rho, g_rho, p_rho, m2, mr2 + m_rho * g_rho * at_zero)
    grid = np.linspace(0.0, _GRID_MAX, _GRID_N)
    table[_GRID:] = (_rho_loop(grid, m2) - h_rho - (grid - mr2) * slope) / p_rho
    sigma = card["sigma"]
    weight = sigma["amplitude"] * np.exp(1j * sigma["phase"])
    table[_SIGMA : _SIGMA + 4] = (sigma["mass"], sigma["width"], weight.real, weight.imag)
    a1 = card["a1"]
    table[_A1 : _A1 + 5] = (a1["mass"], a1["width"], a1["lambda2"], a1["threshold_3pi"], a1["threshold_rho"])
    table[_A1 + 5 : _A1 + 8] = a1["onset"]
    table[_A1 + 8 : _A1 + 14] = a1["above"]
    omega = card["omega"]
    weight = omega["amplitude"] * np.exp(1j * omega["phase"])
    table[_OMEGA : _OMEGA + 4] = (omega["mass"], omega["width"], weight.real, weight.imag)
    table[_OMEGA + 4 : _OMEGA + 11] = omega["below"]
    table[_OMEGA + 11 : _OMEGA + 15] = omega["above"]
    for start, name in ((_G_PI_3PI0, "g_pi_3pi0"), (_G_3PI_PI0, "g_3pi_pi0"), (_G_OMEGA, "g_omega")):
        block = card[name]
        parts = (block["edges"], block["line1"], block["power"], block["quartic"], block["line4"], block["line5"])
        flat = np.concatenate(parts)
        table[start : start + len(flat)] = flat
    return table


@kernel
def _g_function(t, k, s):
    """G(Q^2) of the block that starts at k: the published piecewise fit."""
    if s < t[k] or s >= t[k + 5]:
        return 0.0
    if s < t[k + 1]:
        return t[k + 6] + t[k + 7] * s
    if s < t[k + 2]:
        return t[k + 8] * s ** t[k + 9] + s * s * (t[k + 10] + s * (t[k + 11] + s * t[k + 12]))
    if s < t[k + 3]:
        return t[k + 13] + s * (t[k + 14] + s * (t[k + 15] + s * (t[k + 16] + s * t[k + 17])))
    if s < t[k + 4]:
        return t[k + 18] + t[k + 19] * s
    return t[k + 20] + t[k + 21] * s


@lean_kernel
def _rho_propagator(t, s):
    """Numerator over denominator of the rho; -1 times it stands in t1 [hep-ph/0201149]."""
    x = s / _GRID_STEP
    i = min(max(int(x), 0), _GRID_N - 2)
    f = x - i
    loop = (1.0 - f) * t[_GRID + i] + f * t[_GRID + i + 1]
    m, width = t[_RHO], t[_RHO + 1]
    excess = s - 4.0 * t[_RHO + 3]
    phase_space = excess * np.sqrt(excess / s) / t[_RHO + 2] if excess > 0.0 else 0.0
    return t[_RHO + 4] / complex(s - m * m - m * width * loop, m * width * phase_space)


@lean_kernel
def _sigma_propagator(t, s, pion2):
    """Weighted sigma with an S-wave running width of two pions of mass^2 pion2 [hep-ph/0201149]."""
    m, width = t[_SIGMA], t[_SIGMA + 1]
    ratio = np.sqrt(max(1.0 - 4.0 * pion2 / s, 0.0) / (1.0 - 4.0 * pion2 / (m * m)))
    return complex(t[_SIGMA + 2], t[_SIGMA + 3]) * (m * m) / complex(s - m * m, m * width * ratio)


@lean_kernel
def _a1_propagator(t, s):
    """Form factor times a1 propagator with its fitted running width [hep-ph/0201149]."""
    m, lambda2 = t[_A1], t[_A1 + 2]
    if s < t[_A1 + 3]:
        width = 0.0
    elif s < t[_A1 + 4]:
        x = s - t[_A1 + 3]
        width = t[_A1 + 5] * x * x * x * (1.0 + x * (t[_A1 + 6] + x * t[_A1 + 7]))
    else:
        width = t[_A1 + 8] + s * (t[_A1 + 9] + s * (t[_A1 + 10] + s * t[_A1 + 11]))
        width += t[_A1 + 12] * (s - t[_A1 + 13]) / s
    form = (1.0 + m * m / lambda2) / (1.0 + s / lambda2)
    return form * form * m * m / complex(s - m * m, np.sqrt(max(s, 0.0)) * width)


@lean_kernel
def _omega_propagator(t, s):
    """Weighted omega with its fitted running width [hep-ph/0201149]."""
    m, width = t[_OMEGA], t[_OMEGA + 1]
    e = np.sqrt(max(s, 0.0))
    k = _OMEGA + 4
    if s < 1.0:
        x = e - m
        g = t[k] + x * (t[k + 1] + x * (t[k + 2] + x * (t[k + 3] + x * (t[k + 4] + x * (t[k + 5] + x * t[k + 6])))))
    else:
        g = t[k + 7] + e * (t[k + 8] + e * (t[k + 9] + e * t[k + 10]))
    return complex(t[_OMEGA + 2], t[_OMEGA + 3]) * (m * m) / complex(s - m * m, m * width * max(g, 0.0))


@lean_kernel
def _dot(p, i, j):
    return p[i, 3] * p[j, 3] - p[i, 0] * p[j, 0] - p[i, 1] * p[j, 1] - p[i, 2] * p[j, 2]


@lean_kernel
def _add(c, i, w):
    """Coefficient of p_i, kept as (re, im) in row i, += w."""
    c[i, 0] += w.real
    c[i, 1] += w.imag


@lean_kernel
def _combine(p, c):
    """Replace the coefficients in c by the vector sum_i c_i p_i, in place."""
    for k in range(2):
        c0, c1, c2, c3 = c[0, k], c[1, k], c[2, k], c[3, k]
        for mu in range(4):
            c[mu, k] = c0 * p[0, mu] + c1 * p[1, mu] + c2 * p[2, mu] + c3 * p[3, mu]


@lean_kernel
def _add_rho(c, t, a1, q2, qk, qu, qv, qw, gku, gkv, gkw, s_uw, s_vw, u, v, w):
    """t1 with spectator k for a1 -> u rho(v w) and a1 -> v rho(u w); a1 = G times propagator.

    qi = q.p_i, gij = p_i.p_j, s_ij = mass^2 of the pair. Each term is odd in the pions of its rho, in this order.
    """
    qa = q2 - qk
    x, y = -a1 * _rho_propagator(t, s_vw), -a1 * _rho_propagator(t, s_uw)
    both = x * (qw * gkv - qv * gkw) + y * (qw * gku - qu * gkw)
    _add(c, u, both - y * (qa * (qw - gkw)))
    _add(c, v, both - x * (qa * (qw - gkw)))
    _add(c, w, both + x * (qa * (qv - gkv)) + y * (qa * (qu - gku)))


@lean_kernel
def _add_sigma(c, w, qk, q2, q_bachelor, a2, i2, i3, i4):
    """t2 with spectator k: a1 -> i2 sigma, sigma -> i3 i4; w = G * a1 * sigma; a2 = mass^2 of the a1."""
    b = -w * (q_bachelor * a2)
    _add(c, i2, b + w * ((q2 - qk) * a2))
    _add(c, i3, b)
    _add(c, i4, b)


@lean_kernel
def _add_omega(c, w, q2, q3, q4, g12, g13, g14, i2, i3, i4):
    """t3: the antisymmetric omega tensor with its three rho pairs summed in w; qi = q.p_i, 1 the spectator."""
    _add(c, i2, w * (q3 * g14 - q4 * g13))
    _add(c, i3, w * (q4 * g12 - q2 * g14))
    _add(c, i4, w * (q2 * g13 - q3 * g12))


@lean_kernel
def _current_3pi_pi0(p, table, out):
    """Current of tau- -> pi- pi- pi+ pi0 nu: p rows in that order, columns px py pz E (GeV); out[mu] = (re, im)."""
    t = table
    out[:, :] = 0.0
    m2, n2 = t[_RHO + 3], _dot(p, 3, 3)
    g01, g02, g03 = _dot(p, 0, 1), _dot(p, 0, 2), _dot(p, 0, 3)
    g12, g13, g23 = _dot(p, 1, 2), _dot(p, 1, 3), _dot(p, 2, 3)
    q0, q1, q2, q3 = m2 + g01 + g02 + g03, m2 + g01 + g12 + g13, m2 + g02 + g12 + g23, n2 + g03 + g13 + g23
    qq = q0 + q1 + q2 + q3
    # mass^2 of pairs, and of the triplet without particle 0, 1, 3
    s02, s12 = 2.0 * (m2 + g02), 2.0 * (m2 + g12)
    s03, s13, s23 = m2 + n2 + 2.0 * g03, m2 + n2 + 2.0 * g13, m2 + n2 + 2.0 * g23
    t0, t1, t3 = qq - 2.0 * q0 + m2, qq - 2.0 * q1 + m2, qq - 2.0 * q3 + n2
    g = _g_function(t, _G_3PI_PI0, qq)
    a0, a1, a3 = g * _a1_propagator(t, t0), g * _a1_propagator(t, t1), g * _a1_propagator(t, t3)
    _add_rho(out, t, a0, qq, q0, q2, q1, q3, g02, g01, g03, s23, s13, 2, 1, 3)
    _add_rho(out, t, a1, qq, q1, q2, q0, q3, g12, g01, g13, s23, s03, 2, 0, 3)
    _add_rho(out, t, a3, qq, q3, q1, q0, q2, g13, g03, g23, s12, s02, 1, 0, 2)
    f02, f12 = _sigma_propagator(t, s02, m2), _sigma_propagator(t, s12, m2)
    _add_sigma(out, a3 * f02, q3, qq, q1, t3, 1, 0, 2)
    _add_sigma(out, a3 * f12, q3, qq, q0, t3, 0, 1, 2)
    _add_sigma(out, -a0 * f12, q0, qq, q3, t0, 3, 1, 2)
    _add_sigma(out, -a1 * f02, q1, qq, q3, t1, 3, 0, 2)
    g = _g_function(t, _G_OMEGA, qq)
    if g != 0.0:
        r02, r12, r23 = _rho_propagator(t, s02), _rho_propagator(t, s12), _rho_propagator(t, s23)
        w0 = g * _omega_propagator(t, t0) * (_rho_propagator(t, s13) + r23 + r12)
        w1 = g * _omega_propagator(t, t1) * (_rho_propagator(t, s03) + r23 + r02)
        _add_omega(out, w0, q2, q1, q3, g02, g01, g03, 2, 1, 3)
        _add_omega(out, w1, q2, q0, q3, g12, g01, g13, 2, 0, 3)
    _combine(p, out)


@lean_kernel
def _current_pi_3pi0(p, table, out):
    """Current of tau- -> pi- pi0 pi0 pi0 nu: p rows in that order, columns px py pz E (GeV); out[mu] = (re, im)."""
    t = table
    out[:, :] = 0.0
    m2, n2 = t[_RHO + 3], _dot(p, 1, 1)
    g01, g02, g03 = _dot(p, 0, 1), _dot(p, 0, 2), _dot(p, 0, 3)
    g12, g13, g23 = _dot(p, 1, 2), _dot(p, 1, 3), _dot(p, 2, 3)
    q0, q1, q2, q3 = m2 + g01 + g02 + g03, n2 + g01 + g12 + g13, n2 + g02 + g12 + g23, n2 + g03 + g13 + g23
    qq = q0 + q1 + q2 + q3
    s01, s02, s03 = m2 + n2 + 2.0 * g01, m2 + n2 + 2.0 * g02, m2 + n2 + 2.0 * g03
    t0, t1, t2, t3 = qq - 2.0 * q0 + m2, qq - 2.0 * q1 + n2, qq - 2.0 * q2 + n2, qq - 2.0 * q3 + n2
    g = _g_function(t, _G_PI_3PI0, qq)
    a0, a1 = g * _a1_propagator(t, t0), g * _a1_propagator(t, t1)
    a2, a3 = g * _a1_propagator(t, t2), g * _a1_propagator(t, t3)
    # minus: the published terms have the pi- first in rho -> pi- pi0
    _add_rho(out, t, -a1, qq, q1, q2, q3, q0, g12, g13, g01, s02, s03, 2, 3, 0)
    _add_rho(out, t, -a2, qq, q2, q1, q3, q0, g12, g23, g02, s01, s03, 1, 3, 0)
    _add_rho(out, t, -a3, qq, q3, q1, q2, q0, g13, g23, g03, s01, s02, 1, 2, 0)
    # the sigma decays to two pi0 here: their threshold
    f12, f13 = _sigma_propagator(t, 2.0 * (n2 + g12), n2), _sigma_propagator(t, 2.0 * (n2 + g13), n2)
    f23 = _sigma_propagator(t, 2.0 * (n2 + g23), n2)
    _add_sigma(out, a1 * f23, q1, qq, q0, t1, 0, 2, 3)
    _add_sigma(out, a2 * f13, q2, qq, q0, t2, 0, 1, 3)
    _add_sigma(out, a3 * f12, q3, qq, q0, t3, 0, 1, 2)
    _add_sigma(out, -a0 * f23, q0, qq, q1, t0, 1, 2, 3)
    _add_sigma(out, -a0 * f13, q0, qq, q2, t0, 2, 1, 3)
    _add_sigma(out, -a0 * f12, q0, qq, q3, t0, 3, 1, 2)
    _combine(p, out)


def four_pion_current(momenta: FloatArray, charged: int) -> NDArray[np.complex128]:
    """Hadronic current J^mu of tau- -> (4 pi)- nu_tau for many events, up to one overall constant per channel.

    Parameters
    ----------
    momenta : float64 (n, 4, 4)
        Pions in the order pi- pi- pi+ pi0 (`charged` = 3) or pi- pi0 pi0 pi0 (`charged` = 1), columns px, py, pz, E in
        GeV, in any frame.
    charged : int
        Number of charged pions, 1 or 3.

    Returns
    -------
    complex128 (n, 4)
        Contravariant components x, y, z, t in the frame of the momenta; conserved: q.J = 0.

    Raises
    ------
    InputError
        For another number of charged pions or another shape.

    References
    ----------
    A.E. Bondar et al., Comput. Phys. Commun. 146 (2002) 139, hep-ph/0201149.

    Examples
    --------
    >>> four_pion_current(np.zeros((0, 4, 4)), 3).shape
    (0, 4)
    """
    p = np.ascontiguousarray(momenta, dtype=np.float64)
    if p.ndim != 3 or p.shape[1:] != (4, 4):
        raise InputError(f"momenta have shape {p.shape}: give (n, 4, 4), four pions with px, py, pz, E in GeV")
    if charged not in (1, 3):
        raise InputError(f"{charged} charged pions: the four-pion currents exist for 1 and 3")
    out = np.empty((len(p), 4, 2))
    _currents(p, charged, build_four_pion_table(), out)
    return out[:, :, 0] + 1j * out[:, :, 1]


@kernel
def _currents(p, charged, table, out):
    for i in range(len(p)):
        if charged == 3:
            _current_3pi_pi0(p[i], table, out[i])
        else:
            _current_pi_3pi0(p[i], table, out[i])
