"""Lorentz transformations as 4x4 matrices, index order x, y, z, E: a whole chain of frames becomes one matrix."""

import numpy as np

from toymc.kernels import lean_kernel


@lean_kernel
def _times_boost(frame, bx, by, bz, gamma, out):
    """out = frame . boost, where the boost takes a frame that moves with velocity b into the one `frame` starts from.

    gamma is given beside the velocity because it is often known without cancellation.
    """
    k = gamma * gamma / (1.0 + gamma)
    for i in range(4):
        fx, fy, fz, fe = frame[i, 0], frame[i, 1], frame[i, 2], frame[i, 3]
        along = fx * bx + fy * by + fz * bz
        common = k * along + gamma * fe
        out[i, 0] = fx + common * bx
        out[i, 1] = fy + common * by
        out[i, 2] = fz + common * bz
        out[i, 3] = gamma * (along + fe)


@lean_kernel
def _times_rotation(frame, rotation, out):
    """out = frame . rotation (3, 3)."""
    for i in range(4):
        fx, fy, fz = frame[i, 0], frame[i, 1], frame[i, 2]
        for j in range(3):
            out[i, j] = fx * rotation[0, j] + fy * rotation[1, j] + fz * rotation[2, j]
        out[i, 3] = frame[i, 3]


@lean_kernel
def _apply(frame, p, row):
    """Momentum (px, py, pz) of p[row] = [px, py, pz, E] after the transformation."""
    x, y, z, e = p[row, 0], p[row, 1], p[row, 2], p[row, 3]
    return (
        frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + frame[0, 3] * e,
        frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + frame[1, 3] * e,
        frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z + frame[2, 3] * e,
    )


@lean_kernel
def _transverse(x, y, z):
    """Two unit vectors that complete the unit vector (x, y, z) to a right-handed triad (first x second = given)."""
    # branch-free but for the sign [T. Duff et al., J. Comput. Graph. Tech. 6 (2017) 1]
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    return 1.0 + sign * x * x * a, sign * b, -sign * x, b, sign + y * y * a, -y


@lean_kernel
def _rotation_between(rng, hx, hy, hz, nx, ny, nz, out):
    """Rotation (3, 3) that takes the direction of h to the unit vector n, with a uniformly random azimuth about it.

    Without a direction (h = 0) the +z axis of the body takes its place, so that an isotropic n gives an isotropic
    rotation.
    """
    length = np.sqrt(hx * hx + hy * hy + hz * hz)
    if length > 0.0:
        hx /= length
        hy /= length
        hz /= length
    else:
        hz = 1.0
    ax, ay, az, bx, by, bz = _transverse(hx, hy, hz)
    cx, cy, cz, dx, dy, dz = _transverse(nx, ny, nz)
    psi = 2.0 * np.pi * rng.random()
    c = np.cos(psi)
    s = np.sin(psi)
    ux, uy, uz = c * cx + s * dx, c * cy + s * dy, c * cz + s * dz
    wx, wy, wz = c * dx - s * cx, c * dy - s * cy, c * dz - s * cz
    out[0, 0] = ux * ax + wx * bx + nx * hx
    out[0, 1] = ux * ay + wx * by + nx * hy
    out[0, 2] = ux * az + wx * bz + nx * hz
    out[1, 0] = uy * ax + wy * bx + ny * hx
    out[1, 1] = uy * ay + wy * by + ny * hy
    out[1, 2] = uy * az + wy * bz + ny * hz
    out[2, 0] = uz * ax + wz * bx + nz * hx
    out[2, 1] = uz * ay + wz * by + nz * hy
    out[2, 2] = uz * az + wz * bz + nz * hz


@lean_kernel
def _unit_matrix(out):
    for i in range(4):
        for j in range(4):
            out[i, j] = 1.0 if i == j else 0.0
