"""Kernel of N -> Y at rest, unpolarised, with the vector h that analyses the spin of N: dGamma ~ 1 + S.h.

Amplitudes: see `toymc.generators.hnl`. Written as w.a with a = k_N - m_N s, h = w/w_0 in the rest frame of N.
"""

import numpy as np

from toymc.generators.hnl.layout import (
    CODE,
    CUMULATIVE,
    G_LEFT,
    G_RIGHT,
    HNL,
    HNL_MESON,
    KIND,
    LINE,
    MASS,
    PSEUDOSCALAR,
    SHARE_LEFT,
    SHARE_RIGHT,
    THREE_LEPTONS,
    VECTOR,
)
from toymc.generators.hnl.lines import _sample_line
from toymc.generators.hnl.moves import _dot, _pair_along_z, _three_bodies, _vector_decay
from toymc.kernels import lean_kernel


@lean_kernel
def _choose(rng, rows):
    """Row of a table of channels, by its running sum."""
    if len(rows) == 1:
        return 0
    u = rng.random()
    i = 0
    while i < len(rows) - 1 and u >= rows[i, CUMULATIVE]:
        i += 1
    return i


@lean_kernel
def _to_meson(rng, row, m, lines, secondaries, p, codes, masses, meson, meson_codes, meson_masses, rotation):
    """Lepton in row 0 against +z, meson in row 1 along +z: (rows of a vector meson's decay, h)."""
    lepton, mass = row[MASS], row[MASS + 1]
    n, jx, jy, jz, jt = 0, 0.0, 0.0, 0.0, 0.0
    if row[KIND] == PSEUDOSCALAR:
        k = _pair_along_z(p, m, lepton, mass)
        jz, jt = k, p[1, 3]
        j2 = mass * mass
    else:
        mass = np.sqrt(_sample_line(rng, lines, int(row[LINE])))
        k = _pair_along_z(p, m, lepton, mass)
        # at rest of the meson N and lepton both have the momentum P = k m/mass
        square = 2.0 * (k * m / mass) ** 2
        flat = 0.5 * (m * m + lepton * lepton - mass * mass)
        n, ex, ey, ez = _vector_decay(
            rng, secondaries, int(row[CODE + 1]), mass, flat, square, meson, meson_codes, meson_masses, rotation
        )
        jx, jy, jz, jt = ex, ey, ez * p[1, 3] / mass, ez * k / mass
        j2 = -1.0
    masses[1] = mass
    f = 2.0 * _dot(p[0, 0], p[0, 1], p[0, 2], p[0, 3], jx, jy, jz, jt)
    bottom = f * jt - j2 * p[0, 3]
    return n, f * jx / bottom, f * jy / bottom, (f * jz - j2 * p[0, 2]) / bottom


@lean_kernel
def _neutral_pair(rng, row, m, lines, p):
    """nu (row 0) l- (1) l+ (2) of charged and neutral current: h."""
    g_left, g_right, lepton = row[G_LEFT], row[G_RIGHT], row[MASS + 1]
    both = g_left * g_right * lepton * lepton
    line = int(row[LINE])
    while True:
        u = rng.random()
        if u < row[SHARE_LEFT]:
            _three_bodies(rng, p, m, _sample_line(rng, lines, line), 0, 0.0, 1, lepton, 2, lepton)
        elif u < row[SHARE_RIGHT]:
            _three_bodies(rng, p, m, _sample_line(rng, lines, line), 0, 0.0, 2, lepton, 1, lepton)
        else:
            square = _sample_line(rng, lines, int(row[LINE + 1]))
            _three_bodies(rng, p, m, square, 1, lepton, 2, lepton, 0, 0.0)
        nu_minus = _dot(p[0, 0], p[0, 1], p[0, 2], p[0, 3], p[1, 0], p[1, 1], p[1, 2], p[1, 3])
        nu_plus = _dot(p[0, 0], p[0, 1], p[0, 2], p[0, 3], p[2, 0], p[2, 1], p[2, 2], p[2, 3])
        left, right = g_left * g_left * nu_minus, g_right * g_right * nu_plus
        w = left * p[2, 3] + right * p[1, 3]
        # where both couplings have the same sign the interference has its own share above; else it only takes away
        if both >= 0.0 or rng.random() * w < w + both * p[0, 3]:
            break
    w += both * p[0, 3]
    hx = (left * p[2, 0] + right * p[1, 0] + both * p[0, 0]) / w
    hy = (left * p[2, 1] + right * p[1, 1] + both * p[0, 1]) / w
    hz = (left * p[2, 2] + right * p[1, 2] + both * p[0, 2]) / w
    return hx, hy, hz


@lean_kernel
def _decay_hnl(rng, row, m, lines, secondaries, chain):
    """One decay of N (not Nbar) at rest into places HNL and HNL_MESON of the chain: (number of products, h)."""
    p, codes, masses = chain.p[HNL], chain.codes[HNL], chain.masses[HNL]
    for i in range(3):
        codes[i] = int(row[CODE + i])
        masses[i] = row[MASS + i]
    kind = row[KIND]
    chain.rows[HNL_MESON] = 0
    if kind == PSEUDOSCALAR or kind == VECTOR:
        n, hx, hy, hz = _to_meson(
            rng, row, m, lines, secondaries, p, codes, masses, chain.p[HNL_MESON], chain.codes[HNL_MESON],
            chain.masses[HNL_MESON], chain.rotation,
        )  # fmt: skip
        chain.rows[HNL_MESON] = n
        return 2, hx, hy, hz
    if kind == THREE_LEPTONS:
        # the antilepton, row 2, is special
        square = _sample_line(rng, lines, int(row[LINE]))
        _three_bodies(rng, p, m, square, 0, row[MASS], 1, row[MASS + 1], 2, row[MASS + 2])
        return 3, 0.0, 0.0, p[2, 2] / p[2, 3]
    hx, hy, hz = _neutral_pair(rng, row, m, lines, p)
    return 3, hx, hy, hz
