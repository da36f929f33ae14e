"""What follows from a fitted vertex: masses, flight, and the covariance of it all.

A quantity q(v, p_1..p_k) with gradients F_v, F_i has F = F_v + sum N_i^T F_i and

    Var(q) = F C F + sum F_i Q_i F_i - z Var(g)^-1 z,   z = Cov(q, g) = F_v.Y + sum F_i.X_i,

the last term only where constraints g were applied (see `tree.py` and `constraints.py`). The production point b enters
the flight with its own covariance C_b, and with POINTING through Cov(b, g) = -C_b u.

    length  l = (v - b).P/|P|      signed, so that it stays Gaussian where there is no flight
    time    t = m (v - b).P / (P^2 c)
    angle   between v - b and P

Entries of `out`: 0-2 v; 3-8 its covariance; 9 chi2; 10-12 P; 13-15 v - b; 16 length and 17 its error; 18
time and 19 its error; 20 angle. `mass_values`: mass and its error for each set of masses.
"""

import math

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.detector.vertex.constraints import _energy, _quadratic, _sum
from toymc.kernels import lean_kernel

VALUES = 21
_INVERSE_LIGHT = 1.0 / SPEED_OF_LIGHT_CM_PER_NS


@lean_kernel
def _constrained_share(grad, con, k, n, spread, f, moves):
    """z Var(g)^-1 z for gradients laid out as (F_v, F_1, .., F_k); `moves`: the quantity depends on v - b, not on v.

    Column 9 of `con` is used as scratch.
    """
    share = 0.0
    for a in range(n):
        row = con[a]
        z = grad[0] * row[3] + grad[1] * row[4] + grad[2] * row[5]
        if moves:
            z += _quadratic(spread, f, grad[0], grad[1], grad[2], row[6], row[7], row[8])
        for m in range(3 * k):
            z += grad[3 + m] * row[16 + 3 * k + m]
        row[9] = z
    for a in range(n):
        for b in range(n):
            share += con[a, 9] * con[a, 11 + b] * con[b, 9]
    return share


@lean_kernel
def _variance(grad, tree, point, k):
    """F C F + sum F_i Q_i F_i."""
    fx, fy, fz = grad[0], grad[1], grad[2]
    own = 0.0
    for i in range(k):
        t = tree[i]
        gx, gy, gz = grad[3 + 3 * i], grad[4 + 3 * i], grad[5 + 3 * i]
        fx += t[3] * gx + t[6] * gy + t[9] * gz
        fy += t[4] * gx + t[7] * gy + t[10] * gz
        fz += t[5] * gx + t[8] * gy + t[11] * gz
        own += (
            gx * (t[12] * gx + t[13] * gy + t[14] * gz)
            + gy * (t[15] * gx + t[16] * gy + t[17] * gz)
            + gz * (t[18] * gx + t[19] * gy + t[20] * gz)
        )
    return own + (
        fx * (point[3] * fx + 2.0 * (point[4] * fy + point[5] * fz)) + fy * (point[6] * fy + 2.0 * point[7] * fz)
        + point[8] * fz * fz
    )  # fmt: skip


@lean_kernel
def _mass_and_gradient(grad, tree, k, masses, s):
    px, py, pz = _sum(tree, k)
    energy = 0.0
    for i in range(k):
        energy += _energy(tree, i, masses[s, i])
    square = energy * energy - px * px - py * py - pz * pz
    mass = math.sqrt(max(square, 1e-12))
    grad[0], grad[1], grad[2] = 0.0, 0.0, 0.0
    for i in range(k):
        share = energy / max(_energy(tree, i, masses[s, i]), 1e-12)
        grad[3 + 3 * i] = (share * tree[i, 0] - px) / mass
        grad[4 + 3 * i] = (share * tree[i, 1] - py) / mass
        grad[5 + 3 * i] = (share * tree[i, 2] - pz) / mass
    return mass


@lean_kernel
def _error(grad, tree, con, point, k, n, spread, f, moves):
    """Standard deviation of a quantity with these gradients."""
    variance = _variance(grad, tree, point, k)
    if moves:
        variance += _quadratic(spread, f, grad[0], grad[1], grad[2], grad[0], grad[1], grad[2])
    if n > 0:
        variance -= _constrained_share(grad, con, k, n, spread, f, moves)
    return math.sqrt(max(variance, 0.0))


@lean_kernel
def _flight(out, grad, tree, con, point, k, n, production, spread, f, mass):
    """Entries 10-20 of `out`; `mass` is the invariant mass with its gradient in `grad`."""
    px, py, pz = _sum(tree, k)
    lx, ly, lz = point[0] - production[f, 0], point[1] - production[f, 1], point[2] - production[f, 2]
    for a in range(n):  # the production point as the fit has moved it
        ux, uy, uz, factor = con[a, 6], con[a, 7], con[a, 8], con[a, 10]
        lx -= factor * _quadratic(spread, f, 1.0, 0.0, 0.0, ux, uy, uz)
        ly -= factor * _quadratic(spread, f, 0.0, 1.0, 0.0, ux, uy, uz)
        lz -= factor * _quadratic(spread, f, 0.0, 0.0, 1.0, ux, uy, uz)
    square = max(px * px + py * py + pz * pz, 1e-24)
    p = math.sqrt(square)
    ex, ey, ez = px / p, py / p, pz / p
    length = lx * ex + ly * ey + lz * ez
    out[10], out[11], out[12], out[13], out[14], out[15] = px, py, pz, lx, ly, lz
    time = _INVERSE_LIGHT * length / p
    out[16], out[18] = length, mass * time
    cx, cy, cz = ly * ez - lz * ey, lz * ex - lx * ez, lx * ey - ly * ex
    out[20] = math.atan2(math.sqrt(cx * cx + cy * cy + cz * cz), length)
    scale = _INVERSE_LIGHT * mass / p
    grad[0], grad[1], grad[2] = scale * ex, scale * ey, scale * ez
    for i in range(k):  # d(time): mass as in `grad`, P through (L - 2 l e)/P^2
        grad[3 + 3 * i] = grad[3 + 3 * i] * time + scale / p * (lx - 2.0 * length * ex)
        grad[4 + 3 * i] = grad[4 + 3 * i] * time + scale / p * (ly - 2.0 * length * ey)
        grad[5 + 3 * i] = grad[5 + 3 * i] * time + scale / p * (lz - 2.0 * length * ez)
    out[19] = _error(grad, tree, con, point, k, n, spread, f, True)
    grad[0], grad[1], grad[2] = ex, ey, ez
    for i in range(k):
        grad[3 + 3 * i] = (lx - length * ex) / p
        grad[4 + 3 * i] = (ly - length * ey) / p
        grad[5 + 3 * i] = (lz - length * ez) / p
    out[17] = _error(grad, tree, con, point, k, n, spread, f, True)


@lean_kernel
def _vertex_covariance(out, point, con, n):
    """Entries 3-8 of `out`: covariance of the vertex with all constraints."""
    for m in range(6):
        out[3 + m] = point[3 + m]
    for a in range(n):
        for b in range(n):
            weight = con[a, 11 + b]
            x, y, z = weight * con[b, 3], weight * con[b, 4], weight * con[b, 5]
            out[3] -= con[a, 3] * x
            out[4] -= con[a, 3] * y
            out[5] -= con[a, 3] * z
            out[6] -= con[a, 4] * y
            out[7] -= con[a, 4] * z
            out[8] -= con[a, 5] * z


@lean_kernel
def _derive(out, mass_values, momenta, grad, tree, con, point, k, n, c, production, spread, f, masses, sets, first):
    """All that is reported of candidate c, from its `tree`; sets `first`.. of `masses` belong to it."""
    out[0], out[1], out[2], out[9] = point[0], point[1], point[2], point[9]
    _vertex_covariance(out, point, con, n)
    for i in range(k):
        for m in range(3):
            momenta[c, i, m] = tree[i, m]
    for s in range(sets - 1, -1, -1):  # the first set last: its gradient serves the decay time
        mass = _mass_and_gradient(grad, tree, k, masses, first + s)
        mass_values[c, 2 * s] = mass
        mass_values[c, 2 * s + 1] = _error(grad, tree, con, point, k, n, spread, f, False)
    _flight(out, grad, tree, con, point, k, n, production, spread, f, mass_values[c, 0])


@lean_kernel
def _full_covariance(full, tree, con, point, k, n, c):
    """Covariance of (v, p_1, .., p_k)."""
    for m in range(3):
        for q in range(3):
            low, high = min(m, q), max(m, q)
            full[c, m, q] = point[3 + low * (5 - low) // 2 + high]
    for i in range(k):
        for m in range(3):
            row = 3 + 3 * i + m
            for q in range(3):
                value = 0.0
                for r in range(3):
                    value += tree[i, 3 + 3 * m + r] * full[c, r, q]
                full[c, row, q] = value
                full[c, q, row] = value
    for i in range(k):
        for j in range(i + 1):
            for m in range(3):
                for q in range(3):
                    value = tree[i, 12 + 3 * m + q] if i == j else 0.0
                    for r in range(3):
                        value += full[c, 3 + 3 * i + m, r] * tree[j, 3 + 3 * q + r]
                    full[c, 3 + 3 * i + m, 3 + 3 * j + q] = value
                    full[c, 3 + 3 * j + q, 3 + 3 * i + m] = value
    size = 3 + 3 * k
    for a in range(n):
        for b in range(n):
            weight = con[a, 11 + b]
            for m in range(size):
                left = weight * (con[a, 3 + m] if m < 3 else con[a, 13 + 3 * k + m])
                for q in range(size):
                    full[c, m, q] -= left * (con[b, 3 + q] if q < 3 else con[b, 13 + 3 * k + q])
