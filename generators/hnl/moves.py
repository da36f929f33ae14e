"""Small kernels: two and three bodies at rest, vector mesons with an analysed decay, rotations and boosts of rows."""

import numpy as np

from toymc.generators.lorentz import _rotation_between, _transverse
from toymc.generators.secondary import UNPOLARISED, _decay_secondary
from toymc.kernels import lean_kernel
from toymc.kinematics import _two_body_momentum


@lean_kernel
def _dot(ax, ay, az, at, bx, by, bz, bt):
    return at * bt - ax * bx - ay * by - az * bz


@lean_kernel
def _pair_along_z(p, mother, m0, m1):
    """Row 1 along +z, row 0 against it; returns the momentum."""
    k = _two_body_momentum(mother, m0, m1)
    for row in range(2):
        p[row, 0], p[row, 1] = 0.0, 0.0
    p[0, 2], p[0, 3] = -k, np.sqrt(k * k + m0 * m0)
    p[1, 2], p[1, 3] = k, np.sqrt(k * k + m1 * m1)
    return k


@lean_kernel
def _three_bodies(rng, p, mother, square, first, m_first, second, m_second, special, m_special):
    """Row `special` along +z; rows `first`, `second` with squared mass `square`, isotropic in their rest frame."""
    w = np.sqrt(square)
    k = _two_body_momentum(mother, w, m_special)
    q = _two_body_momentum(w, m_first, m_second)
    qz = q * (2.0 * rng.random() - 1.0)
    phi = 2.0 * np.pi * rng.random()
    across = np.sqrt(max(q * q - qz * qz, 0.0))
    qx, qy = across * np.cos(phi), across * np.sin(phi)
    gamma, gb = np.sqrt(k * k + square) / w, -k / w
    e1, e2 = np.sqrt(q * q + m_first * m_first), np.sqrt(q * q + m_second * m_second)
    p[first, 0], p[first, 1], p[first, 2], p[first, 3] = qx, qy, gamma * qz + gb * e1, gamma * e1 + gb * qz
    p[second, 0], p[second, 1], p[second, 2], p[second, 3] = -qx, -qy, -gamma * qz + gb * e2, gamma * e2 - gb * qz
    p[special, 0], p[special, 1], p[special, 2], p[special, 3] = 0.0, 0.0, k, np.sqrt(k * k + m_special * m_special)


@lean_kernel
def _analyser(rng, n, p, codes):
    """Unit vector e along which a vector meson at rest must have been polarised: |M|^2 ~ |eps.e|^2.

    Two pseudoscalars: their direction; three pions: the normal of their plane; a photon or a pair of leptons (light
    beside the meson, or from a photon beside a pseudoscalar): a random direction across.
    """
    across = n == 3
    x, y, z = p[0, 0], p[0, 1], p[0, 2]
    if n == 3:
        a, b = abs(codes[0]), abs(codes[1])
        if (a == 211 or a == 111) and (b == 211 or b == 111):
            x, y, z = p[0, 1] * p[1, 2] - p[0, 2] * p[1, 1], p[0, 2] * p[1, 0] - p[0, 0] * p[1, 2], 0.0
            z = p[0, 0] * p[1, 1] - p[0, 1] * p[1, 0]
            across = False
        else:
            x, y, z = p[2, 0], p[2, 1], p[2, 2]
    else:
        for row in range(n):
            if abs(codes[row]) < 100:
                across = True
    length = np.sqrt(x * x + y * y + z * z)
    if length <= 0.0:
        return 0.0, 0.0, 1.0
    x, y, z = x / length, y / length, z / length
    if not across:
        return x, y, z
    ax, ay, az, bx, by, bz = _transverse(x, y, z)
    phi = 2.0 * np.pi * rng.random()
    c, s = np.cos(phi), np.sin(phi)
    return c * ax + s * bx, c * ay + s * by, c * az + s * bz


@lean_kernel
def _vector_decay(rng, secondaries, code, mass, flat, square, p, codes, masses, rotation):
    """Decay of a vector meson at rest whose analyser e has density flat + square e_z^2: (n, e)."""
    n = _decay_secondary(rng, secondaries, code, mass, UNPOLARISED, p, codes, masses)
    # a mixture of a flat and a cos^2 part
    c = 2.0 * rng.random() - 1.0
    if rng.random() * (flat + square / 3.0) >= flat:
        c = np.cbrt(c)
    phi = 2.0 * np.pi * rng.random()
    s = np.sqrt(max(1.0 - c * c, 0.0))
    ex, ey = s * np.cos(phi), s * np.sin(phi)
    ax, ay, az = _analyser(rng, n, p, codes)
    _rotation_between(rng, ax, ay, az, ex, ey, c, rotation)
    _rotate(rotation, p, n)
    return n, ex, ey, c


@lean_kernel
def _rotate(rotation, p, n):
    for i in range(n):
        x, y, z = p[i, 0], p[i, 1], p[i, 2]
        for k in range(3):
            p[i, k] = rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z


@lean_kernel
def _leave_rest(p, n, kx, ky, kz, mass):
    """Rows 0..n-1 from the rest frame of a particle of momentum k into the frame where it has that momentum."""
    e = np.sqrt(kx * kx + ky * ky + kz * kz + mass * mass)
    for i in range(n):
        x, y, z, t = p[i, 0], p[i, 1], p[i, 2], p[i, 3]
        along = (kx * x + ky * y + kz * z) / mass
        f = along / (e + mass) + t / mass
        p[i, 0], p[i, 1], p[i, 2] = x + f * kx, y + f * ky, z + f * kz
        p[i, 3] = e / mass * t + along
