"""Dirac spinors in the chiral basis, and what a fermion line with one emitted boson is made of.

Conventions [K. Hagiwara, D. Zeppenfeld, Nucl. Phys. B 274 (1986) 1, for the method]: gamma^mu = [[0, sigma^mu],
[sigmabar^mu, 0]], sigma^mu = (1, sigma), sigmabar^mu = (1, -sigma), gamma5 = diag(-1, 1), psi = (psi_L, psi_R). Spins
are canonical: a particle of spin state s along z in its rest frame, brought to momentum p by a pure boost,

    u_s(p) = (sqrt(p.sigma) chi_s, sqrt(p.sigmabar) chi_s),     chi_0 = (1, 0), chi_1 = (0, 1),
    v_s(p) = (sqrt(p.sigma) eta_s, -sqrt(p.sigmabar) eta_s),    eta_s = -i sigma_2 chi_s^* (v = C ubar^T),

so that spin densities come out in axes parallel to those of the frame in which the momenta are given.

Storage. Kets (psi_L1, psi_L2, psi_R1, psi_R2) and bras (a1, a2 acting on psi_L, b1, b2 on psi_R) are rows of a complex
array `z`; momenta and polarisation vectors [x, y, z, E] are rows of a real array `v`. A vertex is S = c_L P_L + c_R P_R
for spin 0 (scalar: c_L = c_R = y; pseudoscalar i y gamma5: c_L = -i y, c_R = i y) or epsilon-slash (c_L P_L + c_R P_R)
for spin 1.
"""

import numpy as np

from toymc.kernels import lean_kernel


@lean_kernel
def _u_spinor(z, row, v, p, m, spin):
    """Ket u_s of the momentum in v[p]."""
    e = v[p, 3]
    f = 1.0 / np.sqrt(2.0 * (e + m))
    plus = complex(v[p, 0], v[p, 1])
    if spin == 0:
        z[row, 0], z[row, 1] = f * (e + m - v[p, 2]), -f * plus
        z[row, 2], z[row, 3] = f * (e + m + v[p, 2]), f * plus
    else:
        minus = complex(v[p, 0], -v[p, 1])
        z[row, 0], z[row, 1] = -f * minus, f * (e + m + v[p, 2])
        z[row, 2], z[row, 3] = f * minus, f * (e + m - v[p, 2])


@lean_kernel
def _v_spinor(z, row, v, p, m, spin):
    """Ket v_s of the momentum in v[p]: eta_0 = (0, 1), eta_1 = (-1, 0)."""
    e = v[p, 3]
    f = 1.0 / np.sqrt(2.0 * (e + m))
    if spin == 0:
        minus = complex(v[p, 0], -v[p, 1])
        z[row, 0], z[row, 1] = -f * minus, f * (e + m + v[p, 2])
        z[row, 2], z[row, 3] = -f * minus, -f * (e + m - v[p, 2])
    else:
        plus = complex(v[p, 0], v[p, 1])
        z[row, 0], z[row, 1] = -f * (e + m - v[p, 2]), f * plus
        z[row, 2], z[row, 3] = f * (e + m + v[p, 2]), f * plus


@lean_kernel
def _bar(z, row):
    """Turn a ket in place into its bra psi^dagger gamma^0."""
    a1, a2 = z[row, 2].conjugate(), z[row, 3].conjugate()
    z[row, 2], z[row, 3] = z[row, 0].conjugate(), z[row, 1].conjugate()
    z[row, 0], z[row, 1] = a1, a2


@lean_kernel
def _attach_ket(z, out, row, v, p, sign, k, m, scale, spin, eps, cl, cr):
    """z[out] = scale (P-slash + m) Gamma psi for psi = z[row], P = sign p - k: the boson leaves an incoming line."""
    l1, l2, r1, r2 = z[row, 0], z[row, 1], z[row, 2], z[row, 3]
    if spin == 1:
        ex, ey, ez, et = v[eps, 0], v[eps, 1], v[eps, 2], v[eps, 3]
        em, ep = complex(ex, -ey), complex(ex, ey)
        t1, t2 = cr * ((et - ez) * r1 - em * r2), cr * ((et + ez) * r2 - ep * r1)
        r1, r2 = cl * ((et + ez) * l1 + em * l2), cl * (ep * l1 + (et - ez) * l2)
        l1, l2 = t1, t2
    else:
        l1, l2, r1, r2 = cl * l1, cl * l2, cr * r1, cr * r2
    px, py = sign * v[p, 0] - v[k, 0], sign * v[p, 1] - v[k, 1]
    pz, e = sign * v[p, 2] - v[k, 2], sign * v[p, 3] - v[k, 3]
    pm, pp = complex(px, -py), complex(px, py)
    z[out, 0] = scale * (m * l1 + (e - pz) * r1 - pm * r2)
    z[out, 1] = scale * (m * l2 - pp * r1 + (e + pz) * r2)
    z[out, 2] = scale * ((e + pz) * l1 + pm * l2 + m * r1)
    z[out, 3] = scale * (pp * l1 + (e - pz) * l2 + m * r2)


@lean_kernel
def _attach_bra(z, out, row, v, p, sign, k, m, scale, spin, eps, cl, cr):
    """z[out] = scale psibar Gamma (P-slash + m) for psibar = z[row], P = sign p + k: it leaves an outgoing line."""
    a1, a2, b1, b2 = z[row, 0], z[row, 1], z[row, 2], z[row, 3]
    if spin == 1:
        ex, ey, ez, et = v[eps, 0], v[eps, 1], v[eps, 2], v[eps, 3]
        em, ep = complex(ex, -ey), complex(ex, ey)
        t1, t2 = cl * (b1 * (et + ez) + b2 * ep), cl * (b1 * em + b2 * (et - ez))
        b1, b2 = cr * (a1 * (et - ez) - a2 * ep), cr * (a2 * (et + ez) - a1 * em)
        a1, a2 = t1, t2
    else:
        a1, a2, b1, b2 = cl * a1, cl * a2, cr * b1, cr * b2
    px, py = sign * v[p, 0] + v[k, 0], sign * v[p, 1] + v[k, 1]
    pz, e = sign * v[p, 2] + v[k, 2], sign * v[p, 3] + v[k, 3]
    pm, pp = complex(px, -py), complex(px, py)
    z[out, 0] = scale * (m * a1 + b1 * (e + pz) + b2 * pp)
    z[out, 1] = scale * (m * a2 + b1 * pm + b2 * (e - pz))
    z[out, 2] = scale * (a1 * (e - pz) - a2 * pp + m * b1)
    z[out, 3] = scale * (a2 * (e + pz) - a1 * pm + m * b2)


@lean_kernel
def _current(z, bra, ket):
    """psibar gamma^mu psi, components t, x, y, z."""
    a1, a2, b1, b2 = z[bra, 0], z[bra, 1], z[bra, 2], z[bra, 3]
    l1, l2, r1, r2 = z[ket, 0], z[ket, 1], z[ket, 2], z[ket, 3]
    p, q = a1 * r2 - b1 * l2, a2 * r1 - b2 * l1
    x, y = p + q, p - q
    t = a1 * r1 + a2 * r2 + b1 * l1 + b2 * l2
    return t, x, complex(y.imag, -y.real), a1 * r1 - a2 * r2 - b1 * l1 + b2 * l2


@lean_kernel
def _overlap(z, bra, ket, cl, cr):
    """psibar (c_L P_L + c_R P_R) psi."""
    return cl * (z[bra, 0] * z[ket, 0] + z[bra, 1] * z[ket, 1]) + cr * (z[bra, 2] * z[ket, 2] + z[bra, 3] * z[ket, 3])


@lean_kernel
def _lower(z, bra, ket):
    """x + iy and x - iy parts of psibar gamma psi: J_x = p + q, J_y = -i (p - q)."""
    p = z[bra, 0] * z[ket, 3] - z[bra, 2] * z[ket, 1]
    q = z[bra, 1] * z[ket, 2] - z[bra, 3] * z[ket, 0]
    return p, q


@lean_kernel
def _dot(v, i, j):
    """Minkowski product of rows i and j."""
    return v[i, 3] * v[j, 3] - v[i, 0] * v[j, 0] - v[i, 1] * v[j, 1] - v[i, 2] * v[j, 2]
