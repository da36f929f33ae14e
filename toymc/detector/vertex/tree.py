"""Momenta at the vertex and how they hang on it.

Given the vertex v, the tracks of a fit are independent: p_i = N_i v + (own part with covariance Q_i), so that with C
the covariance of the vertex

    Cov(p_i, p_j) = N_i C N_j^T + delta_ij Q_i,    Cov(p_i, v) = N_i C,

and for the helices h_i = L_i v + (own part), Cov(own part of h_i, own part of p_i) = R_i. With W = V A^T, S the weight,
J = d(phi, omega, tan lambda at the vertex)/dh and T = dp/d(phi, omega, tan lambda):

    L = -W S B,   R = (V J^T - W S (J W)^T) T^T,   Q = T J R,   N = T (d(phi)/dv - J W S B).

Columns of a row of `tree`: 0-2 p (GeV); 3-11 N; 12-20 Q; 21-35 R; 36-50 L; 51-55 helix before the step; 56-58 step of
p.
"""

import math

from toymc.detector.vertex.track import _equations
from toymc.kernels import lean_kernel

TREE = 59


@lean_kernel
def _momentum(row, unit):
    """p at the vertex from the helix and the direction in a row of `work`."""
    pt = unit / abs(row[2])
    return pt * row[22], pt * row[21], pt * row[4]


@lean_kernel
def _to_point(work, point, k):
    """Bring the directions in `work` to the fitted point."""
    x, y, z = point[0], point[1], point[2]
    for i in range(k):
        row = work[i]
        _, _, _, _, _, sin_t, cos_t, _, sin0, cos0 = _equations(row[0], row[1], row[2], row[3], row[4], x, y, z, row[5])
        row[21], row[22] = sin0 * cos_t - cos0 * sin_t, cos0 * cos_t + sin0 * sin_t


@lean_kernel
def _to_momentum(px, py, pz, pt, omega, a_phi, a_omega, a_tan):
    """T applied to a column (phi, omega, tan lambda)."""
    scale = -a_omega / omega
    return -py * a_phi + px * scale, px * a_phi + py * scale, pz * scale + pt * a_tan


@lean_kernel
def _tree_row(work, tree, i, covs, c, unit, with_helix):
    row, v, out = work[i], covs[c, i], tree[i]
    px, py, pz = _momentum(row, unit)
    pt, omega = math.sqrt(px * px + py * py), row[2]
    s11, s12, s22 = row[16], row[17], row[18]
    j0, j1, j2 = row[25], row[26], row[27]
    sine, cosine, t = row[21], row[22], row[23]
    bx, by = -t * cosine, -t * sine
    out[0], out[1], out[2] = px, py, pz
    # S (J W)^T for phi, omega, tan lambda
    up, vp = row[6] * j0 + row[7] * j1 + row[8] * j2, row[11] * j0 + row[12] * j1 + row[13] * j2
    p1, p2 = s11 * up + s12 * vp, s12 * up + s22 * vp
    o1, o2 = s11 * row[8] + s12 * row[13], s12 * row[8] + s22 * row[13]
    t1, t2 = s11 * row[10] + s12 * row[15], s12 * row[10] + s22 * row[15]
    # N: the direction turns by -omega/D along the flight when the vertex moves
    turn = -omega / row[24]
    nx, ny, nz = _to_momentum(
        px, py, pz, pt, omega, turn * cosine + p1 * sine - p2 * bx, o1 * sine - o2 * bx, t1 * sine - t2 * bx
    )
    out[3], out[6], out[9] = nx, ny, nz
    nx, ny, nz = _to_momentum(
        px, py, pz, pt, omega, turn * sine - p1 * cosine - p2 * by, -o1 * cosine - o2 * by, -t1 * cosine - t2 * by
    )
    out[4], out[7], out[10] = nx, ny, nz
    nx, ny, nz = _to_momentum(px, py, pz, pt, omega, -p2, -o2, -t2)
    out[5], out[8], out[11] = nx, ny, nz
    # V J^T - W S (J W)^T, rows d0, phi0, omega, z0, tan lambda; columns phi, omega, tan lambda
    out[21] = v[0] * j0 + v[1] * j1 + v[2] * j2 - row[6] * p1 - row[11] * p2
    out[24] = v[1] * j0 + v[5] * j1 + v[6] * j2 - row[7] * p1 - row[12] * p2
    out[27] = v[2] * j0 + v[6] * j1 + v[9] * j2 - row[8] * p1 - row[13] * p2
    out[30] = v[3] * j0 + v[7] * j1 + v[10] * j2 - row[9] * p1 - row[14] * p2
    out[33] = v[4] * j0 + v[8] * j1 + v[11] * j2 - row[10] * p1 - row[15] * p2
    out[22], out[25] = v[2] - row[6] * o1 - row[11] * o2, v[6] - row[7] * o1 - row[12] * o2
    out[28], out[31] = v[9] - row[8] * o1 - row[13] * o2, v[10] - row[9] * o1 - row[14] * o2
    out[34] = v[11] - row[10] * o1 - row[15] * o2
    out[23], out[26] = v[4] - row[6] * t1 - row[11] * t2, v[8] - row[7] * t1 - row[12] * t2
    out[29], out[32] = v[11] - row[8] * t1 - row[13] * t2, v[13] - row[9] * t1 - row[14] * t2
    out[35] = v[14] - row[10] * t1 - row[15] * t2
    _own_covariance(out, px, py, pz, pt, omega, j0, j1, j2)
    if with_helix:
        _helix_columns(row, out, px, py, pz, pt, omega, sine, cosine, bx, by)


@lean_kernel
def _own_covariance(out, px, py, pz, pt, omega, j0, j1, j2):
    """Q = T J (V J^T - ..) T^T."""
    # rows phi, omega, tan lambda of J (..), then T^T from the right
    a0, a1, a2 = _to_momentum(
        px, py, pz, pt, omega,
        j0 * out[21] + j1 * out[24] + j2 * out[27],
        j0 * out[22] + j1 * out[25] + j2 * out[28],
        j0 * out[23] + j1 * out[26] + j2 * out[29],
    )  # fmt: skip
    b0, b1, b2 = _to_momentum(px, py, pz, pt, omega, out[27], out[28], out[29])
    d0, d1, d2 = _to_momentum(px, py, pz, pt, omega, out[33], out[34], out[35])
    out[12], out[15], out[18] = _to_momentum(px, py, pz, pt, omega, a0, b0, d0)
    out[13], out[16], out[19] = _to_momentum(px, py, pz, pt, omega, a1, b1, d1)
    out[14], out[17], out[20] = _to_momentum(px, py, pz, pt, omega, a2, b2, d2)


@lean_kernel
def _helix_columns(row, out, px, py, pz, pt, omega, sine, cosine, bx, by):
    """R from columns (phi, omega, tan lambda) to (px, py, pz), and L."""
    for m in range(5):
        x, y, z = _to_momentum(px, py, pz, pt, omega, out[21 + 3 * m], out[22 + 3 * m], out[23 + 3 * m])
        out[21 + 3 * m], out[22 + 3 * m], out[23 + 3 * m] = x, y, z
        w1, w2 = row[6 + m], row[11 + m]
        l1, l2 = row[16] * w1 + row[17] * w2, row[17] * w1 + row[18] * w2
        out[36 + 3 * m] = l1 * sine - l2 * bx
        out[37 + 3 * m] = -l1 * cosine - l2 * by
        out[38 + 3 * m] = -l2


@lean_kernel
def _tree(work, tree, k, covs, c, unit, with_helix):
    """Fill `tree` at the linearisation in `work`; R and L, which constraints need, if `with_helix`."""
    for i in range(k):
        _tree_row(work, tree, i, covs, c, unit, with_helix)
