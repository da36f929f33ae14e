"""Momenta at the vertex and how they hang on it.

Given the vertex v, the tracks of a fit are independent: p_i = N_i v + (own part with covariance Q_i), so that with C the
covariance of the vertex

    Cov(p_i, p_j) = N_i C N_j^T + delta_ij Q_i,    Cov(p_i, v) = N_i C,

and for the helices h_i = L_i v + (own part), Cov(own part of h_i, own part of p_i) = R_i. With W = V A^T, S the weight,
J = d(phi, omega, tan lambda at the vertex)/dh and T = dp/d(phi, omega, tan lambda):

    L = -W S B,   R = (V J^T - W S (J W)^T) T^T,   Q = T J R,   N = T (d(phi)/dv - J W S B).

Columns of a row of `tree`: 0-2 p (GeV); 3-11 N; 12-20 Q; 21-35 R; 36-50 L; 51-55 helix before the step; 56-58 step of p.
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
def _turn_to(row, x, y, z):
    """Bring the direction in a row of `work` to the point (x, y, z)."""
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
    for m in range(5):
        if m == 0:
            c0, c1, c2, c4 = v[0], v[1], v[2], v[4]
        elif m == 1:
            c0, c1, c2, c4 = v[1], v[5], v[6], v[8]
        elif m == 2:
            c0, c1, c2, c4 = v[2], v[6], v[9], v[11]
        elif m == 3:
            c0, c1, c2, c4 = v[3], v[7], v[10], v[13]
        else:
            c0, c1, c2, c4 = v[4], v[8], v[11], v[14]
        w1, w2 = row[6 + m], row[11 + m]
        a = c0 * j0 + c1 * j1 + c2 * j2 - w1 * p1 - w2 * p2
        b = c2 - w1 * o1 - w2 * o2
        d = c4 - w1 * t1 - w2 * t2
        out[21 + 3 * m], out[22 + 3 * m], out[23 + 3 * m] = a, b, d
        if with_helix:
            l1, l2 = s11 * w1 + s12 * w2, s12 * w1 + s22 * w2
            out[36 + 3 * m] = l1 * sine - l2 * bx
            out[37 + 3 * m] = -l1 * cosine - l2 * by
            out[38 + 3 * m] = -l2
    _own_covariance(out, px, py, pz, pt, omega, j0, j1, j2)


@lean_kernel
def _own_covariance(out, px, py, pz, pt, omega, j0, j1, j2):
    """Q = T (J .) T^T, and R from columns (phi, omega, tan lambda) to (px, py, pz), in place."""
    for m in range(3):  # J from the left: row phi, omega, tan lambda of the 3x3 matrix, then T^T from the right
        if m == 0:
            a = j0 * out[21] + j1 * out[24] + j2 * out[27]
            b = j0 * out[22] + j1 * out[25] + j2 * out[28]
            d = j0 * out[23] + j1 * out[26] + j2 * out[29]
        elif m == 1:
            a, b, d = out[27], out[28], out[29]
        else:
            a, b, d = out[33], out[34], out[35]
        out[12 + 3 * m], out[13 + 3 * m], out[14 + 3 * m] = _to_momentum(px, py, pz, pt, omega, a, b, d)
    for m in range(3):
        out[12 + m], out[15 + m], out[18 + m] = _to_momentum(
            px, py, pz, pt, omega, out[12 + m], out[15 + m], out[18 + m]
        )
    for m in range(5):
        x, y, z = _to_momentum(px, py, pz, pt, omega, out[21 + 3 * m], out[22 + 3 * m], out[23 + 3 * m])
        out[21 + 3 * m], out[22 + 3 * m], out[23 + 3 * m] = x, y, z


@lean_kernel
def _tree(work, tree, k, covs, c, unit, with_helix):
    """Fill `tree` at the linearisation in `work`; R and L, which constraints need, if `with_helix`."""
    for i in range(k):
        _tree_row(work, tree, i, covs, c, unit, with_helix)
