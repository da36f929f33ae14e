"""Three-body phase space l+ l- X in the centre of mass: one map of the unit cube for each kind of peak.

    dPhi_3 = ds_ll/(2 pi) * |k|/(4 pi sqrt(s)) dOmega_k/(4 pi) * beta*/(8 pi) dOmega*/(4 pi)

with the boson (momentum k) beside the pair (mass^2 s_ll, angles * in its rest frame). D = s + M^2 - s_ll is the sum of
the two denominators (p+- + k)^2 - m^2 = D/2 (1 +- b c*). Every map is flat in the logarithm of what it flattens.

FINAL
    peaks of emission off the leptons: 1/D, and 1/(1 - b^2 c*^2), c* against the direction of k.
INITIAL
    peaks of emission off the beams: 1/D and 1/s_ll, and 1/(1 - b_e^2 c_k^2), c_k the angle of k to the beams.
For l = e the exchanged photon adds its poles, one channel for each emitter:
BEAM_MINUS, BEAM_PLUS
    boson along the e- (e+) beam: 1/D; 1/(1 - b_e c_k) or its mirror; 1/t^2 with the lepton of the other
    beam scattered in the pair's frame against its own beam.
LEG_MINUS, LEG_PLUS
    boson along the l- (l+): 1/(D_1), D_1 = (p + k)^2 - m^2; 1/t^2 for the other lepton against its beam in the centre
    of mass; 1/(1 - b c) for the boson against the l inside their common system.

Each map is used alone; the cross-section is shared out between them with weights h_i, sum h_i = 1, that follow the
peaks of the squared amplitude (`channel_share`), so no inverse maps are needed [the single-diagram enhancement of
F. Maltoni, T. Stelzer, JHEP 0302 (2003) 027].
"""

import numpy as np

from toymc.generators.amplitudes.layout import BOSON, P_ELECTRON, P_MINUS, P_PLUS, P_POSITRON
from toymc.generators.amplitudes.spinors import _dot
from toymc.kernels import lean_kernel

FINAL, INITIAL, BEAM_MINUS, BEAM_PLUS, LEG_MINUS, LEG_PLUS = 0, 1, 2, 3, 4, 5
N_CHANNELS = 6
CHANNEL_NAMES = ("final", "initial", "beam_minus", "beam_plus", "leg_minus", "leg_plus")

_FLAT = 1e-6  # b below which a map in atanh(b c) is the flat one


@lean_kernel
def _set(v, row, x, y, z, e):
    v[row, 0], v[row, 1], v[row, 2], v[row, 3] = x, y, z, e


@lean_kernel
def _beams(v, s, m_e):
    """Rows of the electron (+z) and the positron."""
    half = 0.5 * np.sqrt(s)
    p = np.sqrt(half * half - m_e * m_e)
    _set(v, P_ELECTRON, 0.0, 0.0, p, half)
    _set(v, P_POSITRON, 0.0, 0.0, -p, half)


@lean_kernel
def _two_sided(y, b, c_max):
    """(c, dc/dy) with density ~ 1/(1 - b^2 c^2) on -c_max..c_max."""
    if b < _FLAT:
        return c_max * (2.0 * y - 1.0), 2.0 * c_max
    length = np.arctanh(b * c_max)
    bc = np.tanh(length * (2.0 * y - 1.0))
    return max(-1.0, min(1.0, bc / b)), (1.0 - bc * bc) * 2.0 * length / b


@lean_kernel
def _one_sided(y, delta, least):
    """(1 - c, dc/dy) with density ~ 1/(1 - c + delta) for 1 - c from `least` to 2."""
    log = np.log((2.0 + delta) / (least + delta))
    x = (least + delta) * np.exp(y * log)
    return min(max(x - delta, 0.0), 2.0), x * log


@lean_kernel
def _pole(y, least):
    """(1 - c, dc/dy) with density ~ 1/(1 - c)^2 for 1 - c from `least` to 2."""
    if least >= 2.0:
        return 2.0, 0.0
    low, high = 0.5, 1.0 / least
    x = 1.0 / (high - y * (high - low))
    return min(x, 2.0), x * x * (high - low)


@lean_kernel
def _place_pair(v, s, s_ll, m, mass, c_k, c, phi):
    """Boson at angle c_k in the x-z plane, leptons at (c, phi) about its direction in the pair frame; phase space."""
    root = np.sqrt(s)
    e_k = 0.5 * (s + mass * mass - s_ll) / root
    k = np.sqrt(max(e_k * e_k - mass * mass, 0.0))
    s_k = np.sqrt(max(1.0 - c_k * c_k, 0.0))
    _set(v, BOSON, k * s_k, 0.0, k * c_k, e_k)
    pair = np.sqrt(s_ll)
    e = 0.5 * pair
    p = np.sqrt(max(e * e - m * m, 0.0))
    gamma, boost = (root - e_k) / pair, k / pair
    across = p * np.sqrt(max(1.0 - c * c, 0.0))
    y = across * np.sin(phi)
    across *= np.cos(phi)
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        # axes: across in the plane (c_k, -s_k), along the boson (s_k, c_k)
        along = gamma * sign * p * c - boost * e
        a = sign * across
        energy = gamma * e - boost * sign * p * c
        _set(v, P_MINUS + side, c_k * a + s_k * along, sign * y, c_k * along - s_k * a, energy)
    return k * (2.0 * p / pair) / (2.0 * np.pi * 16.0 * np.pi * 2.0 * np.pi * root)


@lean_kernel
def _emission_energy(y, s, m, mass, e_low, initial):
    """s_ll and ds_ll/dy: density 1/D, for `initial` 1/D + 1/s_ll; the boson has at least the energy e_low."""
    total = s + mass * mass
    d_low = 2.0 * np.sqrt(s) * max(mass, e_low)
    d_high = total - 4.0 * m * m
    if d_low >= d_high:
        return -1.0, 0.0
    if initial:
        low, high = np.log(4.0 * m * m / d_high), np.log((total - d_low) / d_low)
        ratio = np.exp(low + y * (high - low))
        s_ll = max(total * ratio / (1.0 + ratio), 4.0 * m * m)
        return s_ll, s_ll * (total - s_ll) / total * (high - low)
    log = np.log(d_high / d_low)
    d = d_low * np.exp(y * log)
    return max(total - d, 4.0 * m * m), d * log


@lean_kernel
def _final_point(y, s, m, mass, e_low, v):
    """Map FINAL; returns dPhi_3/dy, 0 outside."""
    s_ll, jacobian = _emission_energy(y[0], s, m, mass, e_low, False)
    if s_ll <= 0.0:
        return 0.0
    d = s + mass * mass - s_ll
    lam = max((d - 2.0 * mass * mass) ** 2 - 4.0 * s_ll * mass * mass, 0.0)
    b = np.sqrt(lam * max(1.0 - 4.0 * m * m / s_ll, 0.0)) / d
    c, dc = _two_sided(y[1], b, 1.0)
    return jacobian * 0.5 * dc * _place_pair(v, s, s_ll, m, mass, 2.0 * y[2] - 1.0, c, 2.0 * np.pi * y[3])


@lean_kernel
def _initial_point(y, s, m, m_e, mass, e_low, least, v):
    """Map INITIAL; returns dPhi_3/dy, 0 outside. `least`: smallest 1 - |c_k|."""
    s_ll, jacobian = _emission_energy(y[0], s, m, mass, e_low, True)
    if s_ll <= 0.0:
        return 0.0
    x = s - s_ll - mass * mass
    lam = max(x * x - 4.0 * s_ll * mass * mass, 0.0)
    b = np.sqrt(lam * (1.0 - 4.0 * m_e * m_e / s)) / x
    c, dc = _two_sided(y[1], b, 1.0 - least)
    return jacobian * 0.5 * dc * _place_pair(v, s, s_ll, m, mass, c, 2.0 * y[2] - 1.0, 2.0 * np.pi * y[3])


@lean_kernel
def _eikonal_shares(v, s, mass, m, m_e, weight_l, weight_e, shares):
    """shares[FINAL], shares[INITIAL]: how much of the s-channel amplitude squared peaks like either emission."""
    mass2 = mass * mass
    d1 = 2.0 * _dot(v, P_MINUS, BOSON) + mass2
    d2 = 2.0 * _dot(v, P_PLUS, BOSON) + mass2
    a = abs(2.0 * _dot(v, P_ELECTRON, BOSON) - mass2)
    b = abs(2.0 * _dot(v, P_POSITRON, BOSON) - mass2)
    s_ll = 2.0 * m * m + 2.0 * _dot(v, P_MINUS, P_PLUS)
    final = weight_l * s_ll / (d1 * d2 * s * s)
    initial = weight_e * s / (a * b * s_ll * s_ll)
    shares[FINAL] = final / (final + initial)
    shares[INITIAL] = initial / (final + initial)


@lean_kernel
def _place_about_beam(v, s, s_ll, m, mass, c_k, beam, y, least_t, phi):
    """As `_place_pair`, but the lepton of row P_MINUS or P_PLUS scatters off its own beam in the pair frame.

    `beam`: row of that beam; P_POSITRON goes with the l+. Density 1/t^2 down to `least_t`, azimuth phi about the beam.
    Returns phase space times dc/dy / 2.
    """
    root = np.sqrt(s)
    e_k = 0.5 * (s + mass * mass - s_ll) / root
    k = np.sqrt(max(e_k * e_k - mass * mass, 0.0))
    s_k = np.sqrt(max(1.0 - c_k * c_k, 0.0))
    kx, kz = k * s_k, k * c_k
    _set(v, BOSON, kx, 0.0, kz, e_k)
    pair, left = np.sqrt(s_ll), root - e_k
    # beam in the pair frame, which moves with momentum -k and energy `left`
    e_b, bz = v[beam, 3], v[beam, 2]
    shift = (e_b + (left * e_b + kz * bz) / pair) / (left + pair)
    nx, nz = shift * kx, bz + shift * kz
    length = np.sqrt(nx * nx + nz * nz)
    nx, nz = nx / length, nz / length
    e = 0.5 * pair
    one_minus, dc = _pole(y, least_t / (length * pair))
    if dc <= 0.0:
        return 0.0
    c = 1.0 - one_minus
    p = np.sqrt(max(e * e - m * m, 0.0))
    across = p * np.sqrt(max(one_minus * (2.0 - one_minus), 0.0))
    a, across_y = across * np.cos(phi), across * np.sin(phi)
    qx, qz = c * p * nx + a * nz, c * p * nz - a * nx
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        first = P_PLUS if beam == P_POSITRON else P_MINUS
        row = first if side == 0 else P_MINUS + P_PLUS - first
        x, z = sign * qx, sign * qz
        energy = (left * e - kx * x - kz * z) / pair
        f = (e + energy) / (left + pair)
        _set(v, row, x - f * kx, sign * across_y, z - f * kz, energy)
    return 0.5 * dc * k * (2.0 * p / pair) / (2.0 * np.pi * 16.0 * np.pi * 2.0 * np.pi * root)


@lean_kernel
def _beam_point(y, s, m, m_e, mass, e_low, least, least_t, minus, v):
    """Maps BEAM_MINUS, BEAM_PLUS; returns dPhi_3/dy, 0 outside. `least`: smallest 1 - |c_k|, `least_t`: |t|."""
    s_ll, jacobian = _emission_energy(y[0], s, m, mass, e_low, False)
    if s_ll <= 0.0:
        return 0.0
    x = s - s_ll - mass * mass
    lam = max(x * x - 4.0 * s_ll * mass * mass, 0.0)
    b = np.sqrt(lam * (1.0 - 4.0 * m_e * m_e / s)) / x
    if b < _FLAT:
        return 0.0
    one_minus, dc = _one_sided(y[1], (1.0 - b) / b, least)
    c_k = 1.0 - one_minus if minus else one_minus - 1.0
    beam = P_POSITRON if minus else P_ELECTRON
    return jacobian * 0.5 * dc * _place_about_beam(v, s, s_ll, m, mass, c_k, beam, y[2], least_t, 2.0 * np.pi * y[3])


@lean_kernel
def _leg_point(y, s, m, e_low, least_l, minus, v):
    """Maps LEG_MINUS, LEG_PLUS of a photon; returns dPhi_3/dy, 0 outside. `least_l`: smallest 1 - c of a lepton."""
    root = np.sqrt(s)
    d_low, d_high = e_low * m * m / root, (root - m) ** 2 - m * m
    log = np.log(d_high / d_low)
    d = d_low * np.exp(y[0] * log)
    s_1 = d + m * m
    m_1 = np.sqrt(s_1)
    one_minus, dt = _pole(y[1], least_l)
    # the other lepton stays near its beam: l+ near -z when the l- radiates
    axis = -1.0 if minus else 1.0
    c = axis * (1.0 - one_minus)
    sn = np.sqrt(max(0.0, one_minus * (2.0 - one_minus)))
    e_2 = 0.5 * (s + m * m - s_1) / root
    p_2 = np.sqrt(max(e_2 * e_2 - m * m, 0.0))
    if p_2 <= 0.0:
        return 0.0
    other, own = (P_PLUS, P_MINUS) if minus else (P_MINUS, P_PLUS)
    _set(v, other, p_2 * sn, 0.0, p_2 * c, e_2)
    e_1 = root - e_2
    beta = p_2 / e_1
    k = 0.5 * d / m_1
    # photon energy gamma k (1 + beta c'), c' against the flight of the system: flat in its logarithm from e_low on
    delta = (1.0 - beta) / beta
    least = max(0.0, e_low * m_1 / (p_2 * k) - delta)
    if least >= 2.0:
        return 0.0
    one_plus, dk = _one_sided(y[2], delta, least)
    along, across = k * (one_plus - 1.0), k * np.sqrt(max(0.0, one_plus * (2.0 - one_plus)))
    phi = 2.0 * np.pi * y[3]
    a, b = across * np.cos(phi), across * np.sin(phi)
    gamma, boost = e_1 / m_1, p_2 / m_1
    par = gamma * along + boost * k
    e_k = gamma * k + boost * along
    if e_k < e_low:
        return 0.0
    # axes: flight n = -(sn, 0, c), across (c, 0, -sn) and y
    kx, kz = -par * sn + a * c, -par * c - a * sn
    norm = np.sqrt(kx * kx + b * b + kz * kz)
    _set(v, BOSON, kx, b, kz, norm)
    qx, qz = -p_2 * sn - kx, -p_2 * c - kz
    _set(v, own, qx, -b, qz, np.sqrt(qx * qx + b * b + qz * qz + m * m))
    return d * log * p_2 * k * 0.5 * dt * 0.5 * dk / (2.0 * np.pi * 16.0 * np.pi * np.pi * root * m_1)


@lean_kernel
def _exchange_shares(v, s, m, shares):
    """Shares of the five channels of e+e- -> e+e- gamma: 1/t^2 times the eikonal factor of each line, split in two."""
    a, b = 2.0 * _dot(v, P_ELECTRON, BOSON), 2.0 * _dot(v, P_POSITRON, BOSON)
    d1, d2 = 2.0 * _dot(v, P_MINUS, BOSON), 2.0 * _dot(v, P_PLUS, BOSON)
    t_minus = 2.0 * _dot(v, P_ELECTRON, P_MINUS) - 2.0 * m * m
    t_plus = 2.0 * _dot(v, P_POSITRON, P_PLUS) - 2.0 * m * m
    s_ll = 2.0 * m * m + 2.0 * _dot(v, P_MINUS, P_PLUS)
    line_minus = s * s / (t_plus * t_plus) * t_minus / (a + d1)
    line_plus = s * s / (t_minus * t_minus) * t_plus / (b + d2)
    shares[FINAL] = 0.0
    shares[INITIAL] = s * s / (a * b * s_ll)
    shares[BEAM_MINUS] = line_minus / a
    shares[LEG_MINUS] = line_minus / d1
    shares[BEAM_PLUS] = line_plus / b
    shares[LEG_PLUS] = line_plus / d2
    total = 0.0
    for i in range(N_CHANNELS):
        total += shares[i]
    for i in range(N_CHANNELS):
        shares[i] /= total
