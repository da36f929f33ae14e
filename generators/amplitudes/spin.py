"""Spin densities from amplitudes: of a fermion pair (4x4) and of a vector boson (3x3), and decays drawn from them.

A pair with amplitudes M_ab (a, b: canonical spin states of fermion and antifermion) has the density

    R_mn = Tr(sigma_m M sigma_n^T M^dagger),  m, n = 0..3,    1 + B-.h- + B+.h+ + h-.C h+,

with B-_i = R_i0/R_00, B+_j = R_0j/R_00, C_ij = R_ij/R_00: the probability of decays whose polarimeter vectors are h-,
h+ (dGamma ~ 1 + s.h for either charge). The axes are those of the frame of the momenta, carried into the rest frames by
pure boosts. Stored as 16 numbers, index 4 m + n, not normalised.
"""

import numpy as np

from toymc.generators.amplitudes.layout import (
    AMPLITUDE,
    BOSON,
    BRA_L,
    BRA_LX,
    KET_L,
    KET_LX,
    POLARISATION,
)
from toymc.generators.amplitudes.spinors import _bar, _current, _lower, _overlap, _u_spinor, _v_spinor
from toymc.generators.lorentz import _transverse
from toymc.kernels import lean_kernel


@lean_kernel
def _add_trace(density, weight, m00, m01, m10, m11, n00, n01, n10, n11):
    """density += weight Re Tr(sigma_m M sigma_n^T N^dagger)."""
    c00, c01, c10, c11 = n00.conjugate(), n01.conjugate(), n10.conjugate(), n11.conjugate()
    for n in range(4):
        # rows of M sigma_n^T; sigma_y^T = [[0, i], [-i, 0]]
        if n == 0:
            a00, a01, a10, a11 = m00, m01, m10, m11
        elif n == 1:
            a00, a01, a10, a11 = m01, m00, m11, m10
        elif n == 2:
            a00, a01, a10, a11 = -1j * m01, 1j * m00, -1j * m11, 1j * m10
        else:
            a00, a01, a10, a11 = m00, -m01, m10, -m11
        # N^dagger has rows (conj n00, conj n10), (conj n01, conj n11)
        x00, x01 = a00 * c00 + a01 * c01, a00 * c10 + a01 * c11
        x10, x11 = a10 * c00 + a11 * c01, a10 * c10 + a11 * c11
        density[n] += weight * (x00 + x11).real
        density[4 + n] += weight * (x01 + x10).real
        density[8 + n] += weight * (x10 - x01).imag
        density[12 + n] += weight * (x00 - x11).real


@lean_kernel
def _lepton_pair_density(z, n_pol, density):
    """Density of the primary l- l+ from all amplitudes in `z`."""
    for i in range(16):
        density[i] = 0.0
    for beams in range(4):
        for e in range(n_pol):
            i = 12 * beams + e
            m00, m01 = z[AMPLITUDE + (i >> 2), i & 3], z[AMPLITUDE + ((i + 3) >> 2), (i + 3) & 3]
            m10, m11 = z[AMPLITUDE + ((i + 6) >> 2), (i + 6) & 3], z[AMPLITUDE + ((i + 9) >> 2), (i + 9) & 3]
            _add_trace(density, 1.0, m00, m01, m10, m11, m00, m01, m10, m11)


@lean_kernel
def _emission_lower(z, a, b, e):
    """x + iy and x - iy parts of the current of l- (spin a) and l+ (spin b) with the boson (polarisation e) on it."""
    p0, q0 = _lower(z, BRA_LX + 3 * a + e, KET_L + b)
    p1, q1 = _lower(z, BRA_L + a, KET_LX + 3 * b + e)
    return p0 + p1, q0 + q1


@lean_kernel
def _lepton_pair_density_final(z, n_pol, density):
    """The same for emission off the leptons alone, from the spinors of `_lepton_line` with both spins of the l-.

    Massless beams of helicity +-1 along z take J_x +- i J_y out of the lepton current.
    """
    for i in range(16):
        density[i] = 0.0
    for e in range(n_pol):
        p00, q00 = _emission_lower(z, 0, 0, e)
        p01, q01 = _emission_lower(z, 0, 1, e)
        p10, q10 = _emission_lower(z, 1, 0, e)
        p11, q11 = _emission_lower(z, 1, 1, e)
        _add_trace(density, 1.0, p00, p01, p10, p11, p00, p01, p10, p11)
        _add_trace(density, 1.0, q00, q01, q10, q11, q00, q01, q10, q11)


@lean_kernel
def _boson_density(z, n_pol, rho):
    """Real part of sum A_p A_q^* from all amplitudes in `z` (the imaginary part vanishes at tree level)."""
    for p in range(n_pol):
        for q in range(n_pol):
            rho[p, q] = 0.0
    for i in range(0, 48, 3):
        for p in range(n_pol):
            a = z[AMPLITUDE + ((i + p) >> 2), (i + p) & 3]
            for q in range(n_pol):
                b = z[AMPLITUDE + ((i + q) >> 2), (i + q) & 3]
                rho[p, q] += a.real * b.real + a.imag * b.imag


@lean_kernel
def _boson_density_final(z, n_pol, rho):
    """The same for emission off the leptons alone, from the spinors that `_final_squared` has left in `z`."""
    for p in range(n_pol):
        for q in range(p, n_pol):
            rho[p, q] = 0.0
    for s in range(2):
        for p in range(n_pol):
            a, b = _emission_lower(z, 0, s, p)
            for q in range(p, n_pol):
                c, d = _emission_lower(z, 0, s, q)
                rho[p, q] += a.real * c.real + a.imag * c.imag + b.real * d.real + b.imag * d.imag
    for p in range(n_pol):
        for q in range(p):
            rho[p, q] = rho[q, p]


@lean_kernel
def _vector_decay_direction(rng, v, rho, beta):
    """Direction of the fermion in the rest frame of a vector boson, axes parallel to those of the boson's frame.

    W(n) = Tr rho - beta^2 n.rho.n for a vector current and fermions of velocity beta, summed over their spins.
    """
    trace = rho[0, 0] + rho[1, 1] + rho[2, 2]
    b2 = beta * beta
    while True:
        c = 2.0 * rng.random() - 1.0
        phi = 2.0 * np.pi * rng.random()
        s = np.sqrt(1.0 - c * c)
        x, y = s * np.cos(phi), s * np.sin(phi)
        along = x * (rho[0, 0] * x + rho[0, 1] * y + rho[0, 2] * c)
        along += y * (rho[1, 0] * x + rho[1, 1] * y + rho[1, 2] * c)
        along += c * (rho[2, 0] * x + rho[2, 1] * y + rho[2, 2] * c)
        if rng.random() * trace <= trace - b2 * along:
            break
    # the third axis is the direction of flight, also for the shifted longitudinal vector
    kx, ky, kz = v[BOSON, 0], v[BOSON, 1], v[BOSON, 2]
    k = np.sqrt(kx * kx + ky * ky + kz * kz)
    if k > 0.0:
        kx, ky, kz = kx / k, ky / k, kz / k
    else:
        kz = 1.0
    r = POLARISATION
    return (
        x * v[r, 0] + y * v[r + 1, 0] + c * kx,
        x * v[r, 1] + y * v[r + 1, 1] + c * ky,
        x * v[r, 2] + y * v[r + 1, 2] + c * kz,
    )


@lean_kernel
def _vector_pair_density(v, z, minus, plus, m, rho, density):
    """Density of the fermion pair v[minus], v[plus] that a vector boson of density rho has decayed to."""
    for i in range(16):
        density[i] = 0.0
    # spinors take the places of the primary leptons, currents rows 32..35
    for s in range(2):
        _u_spinor(z, BRA_L + s, v, minus, m, s)
        _bar(z, BRA_L + s)
        _v_spinor(z, KET_L + s, v, plus, m, s)
    for a in range(2):
        for b in range(2):
            t, x, y, w = _current(z, BRA_L + a, KET_L + b)
            for p in range(3):
                r = POLARISATION + p
                z[32 + p, 2 * a + b] = v[r, 3] * t - v[r, 0] * x - v[r, 1] * y - v[r, 2] * w
    for p in range(3):
        for q in range(3):
            _add_trace(
                density, rho[p, q],
                z[32 + p, 0], z[32 + p, 1], z[32 + p, 2], z[32 + p, 3],
                z[32 + q, 0], z[32 + q, 1], z[32 + q, 2], z[32 + q, 3],
            )  # fmt: skip


@lean_kernel
def _scalar_pair_density(v, z, minus, plus, m, cl, cr, density):
    """Density of the fermion pair v[minus], v[plus] from a spin-0 boson with couplings c_L, c_R."""
    for i in range(16):
        density[i] = 0.0
    for s in range(2):
        _u_spinor(z, BRA_L + s, v, minus, m, s)
        _bar(z, BRA_L + s)
        _v_spinor(z, KET_L + s, v, plus, m, s)
    m00, m01 = _overlap(z, BRA_L, KET_L, cl, cr), _overlap(z, BRA_L, KET_L + 1, cl, cr)
    m10, m11 = _overlap(z, BRA_L + 1, KET_L, cl, cr), _overlap(z, BRA_L + 1, KET_L + 1, cl, cr)
    _add_trace(density, 1.0, m00, m01, m10, m11, m00, m01, m10, m11)


@lean_kernel
def _linear_direction(rng, x, y, z, k):
    """Unit vector with density 1 + k c, c its cosine to the vector (x, y, z); |k| <= 1."""
    u = 2.0 * rng.random() - 1.0
    # (c + 1)/2 + k (c^2 - 1)/4 = (u + 1)/2, solved so that k -> 0 is safe
    c = (2.0 * u + k) / (1.0 + np.sqrt(max(0.0, 1.0 + k * (2.0 * u + k))))
    c = max(-1.0, min(1.0, c))
    s = np.sqrt(1.0 - c * c)
    psi = 2.0 * np.pi * rng.random()
    length = np.sqrt(x * x + y * y + z * z)
    if length > 0.0:
        x, y, z = x / length, y / length, z / length
    else:
        x, y, z = 0.0, 0.0, 1.0
    ax, ay, az, bx, by, bz = _transverse(x, y, z)
    cp, sp = s * np.cos(psi), s * np.sin(psi)
    return c * x + cp * ax + sp * bx, c * y + cp * ay + sp * by, c * z + cp * az + sp * bz


@lean_kernel
def _sample_density(rng, density, a, b):
    """Directions of h- and h+ from 1 + a B-.m + b B+.p + a b m.C p, a = |h-|, b = |h+|: no rejection.

    The first from its marginal 1 + a B-.m, the second from what is then linear in it.
    """
    norm = 1.0 / density[0]
    x, y, z = density[4] * norm, density[8] * norm, density[12] * norm
    k = a * np.sqrt(x * x + y * y + z * z)
    mx, my, mz = _linear_direction(rng, x, y, z, min(k, 1.0))
    rest = 1.0 + a * (x * mx + y * my + z * mz)
    f = norm / max(rest, 1e-300)
    x = f * (density[1] + a * (density[5] * mx + density[9] * my + density[13] * mz))
    y = f * (density[2] + a * (density[6] * mx + density[10] * my + density[14] * mz))
    z = f * (density[3] + a * (density[7] * mx + density[11] * my + density[15] * mz))
    k = b * np.sqrt(x * x + y * y + z * z)
    px, py, pz = _linear_direction(rng, x, y, z, min(k, 1.0))
    return mx, my, mz, px, py, pz
