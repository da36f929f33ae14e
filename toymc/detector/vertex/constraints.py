"""Constraints that tie the tracks of a vertex together, added to each linear solution of the fit.

With g(v, p_1..p_k) = 0, its gradients G_v, G_i, and noise covariance E (what the constraint itself leaves open):

    Y = Cov(v, g) = C (G_v + sum N_i^T G_i),   X_i = Cov(p_i, g) = N_i Y + Q_i G_i,
    Var(g) = (G_v + sum N_i^T G_i) Y + sum G_i Q_i G_i + E,   x -> x - Cov(x, g) Var(g)^-1 gamma,

gamma the constraint at the solution without it; chi2 grows by gamma Var(g)^-1 gamma, a degree of freedom a row.

POINTING   the summed momentum P points from the production point b (covariance C_b) to v: for the two directions u
           across P, u.(v - b) - tau u.P with tau = (v - b).P/P^2; E = u C_b u. Straight flight: neutral particles.
MASS       the invariant mass is the given one: (m^2 - m0^2)/(2 m0).
PARALLEL   two tracks leave in the same direction up to a transverse momentum q about it: u.(n_1 - n_2),
           E = q^2 (1/p_1 + 1/p_2)^2. For converted photons, where the mass has no gradient; q about the electron mass.

Columns of a row of `con`: 0-2 G_v; 3-5 Y; 6-8 u; 9 gamma; 10 Var^-1 gamma; 11-15 row of Var, then of its inverse; from
16: G_i (3 a track), then X_i (3 a track).
"""

import math

from toymc.detector.vertex.track import _keep_charge
from toymc.kernels import lean_kernel

POINTING, MASS, PARALLEL_TRACKS = 1, 2, 4
MAX_ROWS = 5
CON = 16


@lean_kernel
def _sum(tree, k):
    px, py, pz = 0.0, 0.0, 0.0
    for i in range(k):
        px, py, pz = px + tree[i, 0], py + tree[i, 1], pz + tree[i, 2]
    return px, py, pz


@lean_kernel
def _across(px, py, pz):
    """Two unit vectors across a vector."""
    norm = 1.0 / math.sqrt(max(px * px + py * py + pz * pz, 1e-300))
    ex, ey, ez = px * norm, py * norm, pz * norm
    if abs(ez) < 0.9:
        norm = 1.0 / math.sqrt(ex * ex + ey * ey)
        ax, ay, az = -ey * norm, ex * norm, 0.0
    else:
        norm = 1.0 / math.sqrt(ey * ey + ez * ez)
        ax, ay, az = 0.0, -ez * norm, ey * norm
    return ax, ay, az, ey * az - ez * ay, ez * ax - ex * az, ex * ay - ey * ax


@lean_kernel
def _quadratic(s, f, ax, ay, az, bx, by, bz):
    """a C b for row f of upper triangles."""
    m = s[f]
    return (
        ax * (m[0] * bx + m[1] * by + m[2] * bz)
        + ay * (m[1] * bx + m[3] * by + m[4] * bz)
        + az * (m[2] * bx + m[4] * by + m[5] * bz)
    )


@lean_kernel
def _clear(con, k):
    for a in range(MAX_ROWS):
        for m in range(CON + 6 * k):
            con[a, m] = 0.0


@lean_kernel
def _pointing(tree, con, point, k, production, spread, f):
    px, py, pz = _sum(tree, k)
    lx, ly, lz = point[0] - production[f, 0], point[1] - production[f, 1], point[2] - production[f, 2]
    square = px * px + py * py + pz * pz
    tau = (lx * px + ly * py + lz * pz) / max(square, 1e-300)
    con[0, 6], con[0, 7], con[0, 8], con[1, 6], con[1, 7], con[1, 8] = _across(px, py, pz)
    for a in range(2):
        ux, uy, uz = con[a, 6], con[a, 7], con[a, 8]
        con[a, 0], con[a, 1], con[a, 2] = ux, uy, uz
        con[a, 9] = ux * lx + uy * ly + uz * lz
        for i in range(k):
            con[a, 16 + 3 * i], con[a, 17 + 3 * i], con[a, 18 + 3 * i] = -tau * ux, -tau * uy, -tau * uz
        for b in range(2):
            con[a, 11 + b] = _quadratic(spread, f, ux, uy, uz, con[b, 6], con[b, 7], con[b, 8])


@lean_kernel
def _mass(tree, con, k, masses, s, target, a):
    px, py, pz = _sum(tree, k)
    energy = 0.0
    for i in range(k):
        energy += _energy(tree, i, masses[s, i])
    con[a, 9] = 0.5 * (energy * energy - px * px - py * py - pz * pz - target * target) / target
    for i in range(k):
        share = energy / _energy(tree, i, masses[s, i])
        con[a, 16 + 3 * i] = (share * tree[i, 0] - px) / target
        con[a, 17 + 3 * i] = (share * tree[i, 1] - py) / target
        con[a, 18 + 3 * i] = (share * tree[i, 2] - pz) / target


@lean_kernel
def _energy(tree, i, mass):
    x, y, z = tree[i, 0], tree[i, 1], tree[i, 2]
    return math.sqrt(x * x + y * y + z * z + mass * mass)


@lean_kernel
def _parallel(tree, con, opening, first):
    px, py, pz = _sum(tree, 2)
    ax, ay, az, bx, by, bz = _across(px, py, pz)
    angle = opening * (1.0 / _energy(tree, 0, 0.0) + 1.0 / _energy(tree, 1, 0.0))
    for a in range(2):
        ux, uy, uz = (ax, ay, az) if a == 0 else (bx, by, bz)
        row = con[first + a]
        row[11 + first + a] = angle * angle
        for i in range(2):
            sign = 1.0 if i == 0 else -1.0
            p = _energy(tree, i, 0.0)
            nx, ny, nz = tree[i, 0] / p, tree[i, 1] / p, tree[i, 2] / p
            un = ux * nx + uy * ny + uz * nz
            row[9] += sign * un
            row[16 + 3 * i] = sign * (ux - un * nx) / p
            row[17 + 3 * i] = sign * (uy - un * ny) / p
            row[18 + 3 * i] = sign * (uz - un * nz) / p


@lean_kernel
def _constraint_rows(options, tree, con, point, k, production, spread, f, masses, s):
    """Gradients, noise and value of the constraints at the linearisation; returns their number."""
    _clear(con, k)
    n = 0
    if options.flags & POINTING:
        _pointing(tree, con, point, k, production, spread, f)
        n = 2
    if options.flags & MASS:
        _mass(tree, con, k, masses, s, options.target_mass, n)
        n += 1
    if options.flags & PARALLEL_TRACKS:
        _parallel(tree, con, options.opening, n)
        n += 2
    return n


@lean_kernel
def _gains(tree, con, point, k, n):
    """Y, X and Var(g)^-1 of the n rows in `con` for the vertex covariance in `point`; False if it has none."""
    for a in range(n):
        row = con[a]
        gx, gy, gz = row[0], row[1], row[2]
        for i in range(k):
            t, q = tree[i], 16 + 3 * i
            gx += t[3] * row[q] + t[6] * row[q + 1] + t[9] * row[q + 2]
            gy += t[4] * row[q] + t[7] * row[q + 1] + t[10] * row[q + 2]
            gz += t[5] * row[q] + t[8] * row[q + 1] + t[11] * row[q + 2]
        row[3] = point[3] * gx + point[4] * gy + point[5] * gz
        row[4] = point[4] * gx + point[6] * gy + point[7] * gz
        row[5] = point[5] * gx + point[7] * gy + point[8] * gz
        for i in range(k):
            t, q, o = tree[i], 16 + 3 * i, 16 + 3 * k + 3 * i
            for m in range(3):
                row[o + m] = (
                    t[3 + 3 * m] * row[3] + t[4 + 3 * m] * row[4] + t[5 + 3 * m] * row[5]
                    + t[12 + 3 * m] * row[q] + t[13 + 3 * m] * row[q + 1] + t[14 + 3 * m] * row[q + 2]
                )  # fmt: skip
    for a in range(n):
        for b in range(n):
            value = con[a, 0] * con[b, 3] + con[a, 1] * con[b, 4] + con[a, 2] * con[b, 5]
            for m in range(3 * k):
                value += con[a, 16 + m] * con[b, 16 + 3 * k + m]
            con[a, 11 + b] += value
    return _invert(con, n)


@lean_kernel
def _invert(con, n):
    """Columns 11 to 11 + n of the first n rows, a positive matrix, replaced by its inverse (Gauss-Jordan)."""
    for p in range(n):
        pivot = con[p, 11 + p]
        if not (pivot > 0.0 and pivot < math.inf):
            return False
        con[p, 11 + p] = 1.0
        for b in range(n):
            con[p, 11 + b] /= pivot
        for a in range(n):
            if a != p:
                factor = con[a, 11 + p]
                con[a, 11 + p] = 0.0
                for b in range(n):
                    con[a, 11 + b] -= factor * con[p, 11 + b]
    return True


@lean_kernel
def _apply_constraints(work, tree, con, point, k, n, sx, sy, sz, helices, c):
    """Move point and tracks from the solution without constraints to the one with them.

    `tree` holds the helices before the step, `work` after it, (sx, sy, sz) is the step. Returns the growth of chi2 (NaN
    if the constraints are degenerate) and the square of the whole step in units of the vertex errors.
    """
    if not _gains(tree, con, point, k, n):
        return math.nan, 0.0
    for i in range(k):
        _momentum_step(work, tree, i, sx, sy, sz)
    for a in range(n):
        row = con[a]
        row[9] += row[0] * sx + row[1] * sy + row[2] * sz
        for i in range(k):
            row[9] += row[16 + 3 * i] * tree[i, 56] + row[17 + 3 * i] * tree[i, 57] + row[18 + 3 * i] * tree[i, 58]
    chi2 = 0.0
    for a in range(n):
        con[a, 10] = 0.0
        for b in range(n):
            con[a, 10] += con[a, 11 + b] * con[b, 9]
        chi2 += con[a, 10] * con[a, 9]
    for a in range(n):
        row = con[a]
        factor = row[10]
        sx, sy, sz = sx - factor * row[3], sy - factor * row[4], sz - factor * row[5]
        point[0], point[1], point[2] = (
            point[0] - factor * row[3], point[1] - factor * row[4], point[2] - factor * row[5]
        )  # fmt: skip
        for i in range(k):
            t, q = tree[i], 16 + 3 * i
            for m in range(5):
                own = t[21 + 3 * m] * row[q] + t[22 + 3 * m] * row[q + 1] + t[23 + 3 * m] * row[q + 2]
                tied = t[36 + 3 * m] * row[3] + t[37 + 3 * m] * row[4] + t[38 + 3 * m] * row[5]
                work[i, m] -= factor * (own + tied)
    for i in range(k):
        _keep_charge(work[i], helices[c, i, 2])
    return chi2, sx * sx / point[3] + sy * sy / point[6] + sz * sz / point[8]


@lean_kernel
def _momentum_step(work, tree, i, sx, sy, sz):
    """Linear change of p between the helix before the step and after it, with the vertex moving along."""
    row, t = work[i], tree[i]
    d_phi = (
        row[25] * (row[0] - t[51]) + row[26] * (row[1] - t[52]) + row[27] * (row[2] - t[53])
        - t[53] / row[24] * (row[22] * sx + row[21] * sy)
    )  # fmt: skip
    scale = -(row[2] - t[53]) / t[53]
    pt = math.sqrt(t[0] * t[0] + t[1] * t[1])
    t[56] = -t[1] * d_phi + t[0] * scale
    t[57] = t[0] * d_phi + t[1] * scale
    t[58] = t[2] * scale + pt * (row[4] - t[55])
