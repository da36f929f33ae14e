"""Hadronic phase space: maps of the unit cube to Q^2, sub-masses and angles, with the momenta in the hadronic rest
frame.

tau -> nu + n hadrons factorises into dQ^2 Phi_2(M; 0, Q) Phi_n(Q) [PDG review "Kinematics", recursion of phase
space]; the orientation of the hadrons against the neutrino is drawn later (`polarimeter`), so n hadrons cost 3 n - 6
variables + Q^2: 1, 3 and 6 for n = 2, 3, 4.
"""

import numpy as np

from toymc.constants import M_OMEGA
from toymc.constants import width as _pdg_width
from toymc.generators.tau import modes
from toymc.generators.tau.tables import PARAMETERS, POINT, TAU_MASS
from toymc.kernels import kernel

_3PI_PI0 = modes.THREE_PI_PI0_NU
_OMEGA_SCALE = M_OMEGA * _pdg_width(223)


@kernel
def _pair_momentum(s, m1, m2):
    """Momentum of m1, m2 in the rest frame of squared mass s."""
    return 0.5 * np.sqrt(max((s - (m1 + m2) ** 2) * (s - (m1 - m2) ** 2), 0.0) / s)


@kernel
def _three_meson_phase_space(mass_tau, m1, m2, m3, p4):
    """Point -> Q^2, s23, s13 (flat Dalitz measure); rows 1..3 in the x-y plane, p1 along +x.

    Returns the Jacobian over Q^2 (zero outside), Q^2, Q, s23, s13, s12.
    """
    low = (m1 + m2 + m3) ** 2
    q2 = low + (mass_tau * mass_tau - low) * p4[POINT, 0]
    q = np.sqrt(q2)
    s_low = (m2 + m3) ** 2
    s_high = (q - m1) ** 2
    s23 = s_low + (s_high - s_low) * p4[POINT, 1]
    m23 = np.sqrt(s23)
    # s13 runs between the collinear configurations in the (23) rest frame
    e3 = 0.5 * (s23 + m3 * m3 - m2 * m2) / m23
    e1 = 0.5 * (q2 - s23 - m1 * m1) / m23
    k3 = np.sqrt(max(e3 * e3 - m3 * m3, 0.0))
    k1 = np.sqrt(max(e1 * e1 - m1 * m1, 0.0))
    width = 4.0 * k1 * k3
    s13 = m1 * m1 + m3 * m3 + 2.0 * e1 * e3 - 0.5 * width + width * p4[POINT, 2]
    s12 = q2 + m1 * m1 + m2 * m2 + m3 * m3 - s23 - s13
    p4[1, 3] = 0.5 * (q2 + m1 * m1 - s23) / q
    p4[2, 3] = 0.5 * (q2 + m2 * m2 - s13) / q
    p4[3, 3] = q - p4[1, 3] - p4[2, 3]
    p1 = np.sqrt(max(p4[1, 3] ** 2 - m1 * m1, 0.0))
    p2 = np.sqrt(max(p4[2, 3] ** 2 - m2 * m2, 0.0))
    x2 = 0.0
    if p1 > 0.0:
        x2 = 0.5 * (m1 * m1 + m2 * m2 + 2.0 * p4[1, 3] * p4[2, 3] - s12) / p1
    y2 = np.sqrt(max(p2 * p2 - x2 * x2, 0.0))
    p4[1, 0] = p1
    p4[1, 1] = 0.0
    p4[2, 0] = x2
    p4[2, 1] = y2
    p4[3, 0] = -p1 - x2
    p4[3, 1] = -y2
    for row in range(1, 4):
        p4[row, 2] = 0.0
    return (s_high - s_low) * width / q2, q2, q, s23, s13, s12


@kernel
def _place_pair(p4, a, b, m_a, m_b, p, cos_theta, phi, parent_x, parent_z, parent_mass):
    """Rows a, b back to back in their rest frame, then moved with the parent momentum (x, 0, z)."""
    sin_theta = np.sqrt(max(1.0 - cos_theta * cos_theta, 0.0))
    vx = p * sin_theta * np.cos(phi)
    vy = p * sin_theta * np.sin(phi)
    vz = p * cos_theta
    energy = np.sqrt(parent_mass * parent_mass + parent_x * parent_x + parent_z * parent_z)
    along = vx * parent_x + vz * parent_z
    e_a = np.sqrt(p * p + m_a * m_a)
    e_b = np.sqrt(p * p + m_b * m_b)
    gamma = energy / parent_mass
    # p' = p + parent ((p.parent)/(m^2 (gamma + 1)) + e/m)
    common = along / (parent_mass * parent_mass * (gamma + 1.0))
    f_a = common + e_a / parent_mass
    f_b = -common + e_b / parent_mass
    p4[a, 0] = vx + f_a * parent_x
    p4[a, 1] = vy
    p4[a, 2] = vz + f_a * parent_z
    p4[a, 3] = gamma * e_a + along / parent_mass
    p4[b, 0] = -vx + f_b * parent_x
    p4[b, 1] = -vy
    p4[b, 2] = -vz + f_b * parent_z
    p4[b, 3] = gamma * e_b - along / parent_mass


@kernel
def _omega_line(s):
    """Breit-Wigner of the omega, 1 at the peak, over a floor of 10^-4."""
    d = (s - M_OMEGA * M_OMEGA) / _OMEGA_SCALE
    return 1.0 / (1.0 + d * d) + 1e-4


@kernel
def _omega_map(v, low, high):
    """Half of the points flat, half in the omega line; returns s and 1/density."""
    m2 = M_OMEGA * M_OMEGA
    a = np.arctan((low - m2) / _OMEGA_SCALE)
    b = np.arctan((high - m2) / _OMEGA_SCALE)
    if v < 0.5:
        s = m2 + _OMEGA_SCALE * np.tan(a + (b - a) * 2.0 * v)
    else:
        s = low + (high - low) * (2.0 * v - 1.0)
    d = (s - m2) / _OMEGA_SCALE
    density = 0.5 / (high - low) + 0.5 / ((b - a) * _OMEGA_SCALE * (1.0 + d * d))
    return s, 1.0 / density


@kernel
def _four_meson_phase_space(kind, reals, p4):
    """Point -> Q^2, three-meson mass, pair mass, two polar angles, one azimuth; returns Jacobian, Q^2.

    The spectator is the first pi- of 3pi pi0 (the three others then hold an omega), the last pi0 of pi 3pi0. For 3pi
    pi0 the other pi- takes its part of the omega line by the weight 2 g/(g + g'), g the line of either combination.
    """
    if kind == _3PI_PI0:
        spectator, second, a, b = 1, 2, 3, 4
    else:
        spectator, second, a, b = 4, 3, 1, 2
    m_s, m_2, m_a, m_b = reals[kind, spectator], reals[kind, second], reals[kind, a], reals[kind, b]
    low = (m_s + m_2 + m_a + m_b) ** 2
    mass_tau = reals[PARAMETERS, TAU_MASS]
    q2 = low + (mass_tau * mass_tau - low) * p4[POINT, 0]
    q = np.sqrt(q2)
    t_low = (m_2 + m_a + m_b) ** 2
    t_high = (q - m_s) ** 2
    if kind == _3PI_PI0:
        t, jacobian = _omega_map(p4[POINT, 1], t_low, t_high)
    else:
        t = t_low + (t_high - t_low) * p4[POINT, 1]
        jacobian = t_high - t_low
    m3 = np.sqrt(t)
    r_low = (m_a + m_b) ** 2
    r_high = (m3 - m_2) ** 2
    r = r_low + (r_high - r_low) * p4[POINT, 2]
    m2 = np.sqrt(r)
    jacobian *= r_high - r_low
    k_s = _pair_momentum(q2, m_s, m3)
    k_2 = _pair_momentum(t, m_2, m2)
    k_a = _pair_momentum(r, m_a, m_b)
    jacobian *= k_s / q * k_2 / m3 * k_a / m2
    # spectator along -z, the three others along +z; the second meson and the pair in the x-z plane
    cos_theta = 2.0 * p4[POINT, 3] - 1.0
    sin_theta = np.sqrt(1.0 - cos_theta * cos_theta)
    p4[spectator, 0] = 0.0
    p4[spectator, 1] = 0.0
    p4[spectator, 2] = -k_s
    p4[spectator, 3] = np.sqrt(k_s * k_s + m_s * m_s)
    e3 = q - p4[spectator, 3]
    gamma = e3 / m3
    gb = k_s / m3
    e_2 = np.sqrt(k_2 * k_2 + m_2 * m_2)
    p4[second, 0] = k_2 * sin_theta
    p4[second, 1] = 0.0
    p4[second, 2] = gamma * k_2 * cos_theta + gb * e_2
    p4[second, 3] = gamma * e_2 + gb * k_2 * cos_theta
    parent_x = -p4[second, 0]
    parent_z = k_s - p4[second, 2]
    cos_pair = 2.0 * p4[POINT + 1, 0] - 1.0
    phi = 2.0 * np.pi * p4[POINT + 1, 1]
    _place_pair(p4, a, b, m_a, m_b, k_a, cos_pair, phi, parent_x, parent_z, m2)
    if kind == _3PI_PI0:
        e = q - p4[2, 3]
        other = e * e - p4[2, 0] ** 2 - p4[2, 1] ** 2 - p4[2, 2] ** 2
        g = _omega_line(t)
        jacobian *= 2.0 * g / (g + _omega_line(other))
    return jacobian, q2
