"""Kernels of a signal decay B -> M X with the decays of M and X, radiation and flight."""

import numpy as np

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.generators.lorentz import _apply, _times_boost, _transverse
from toymc.generators.radiation import _charge, _radiate
from toymc.generators.tau_pair_kernels import _write
from toymc.kernels import lean_kernel
from toymc.kinematics import _two_body_momentum


@lean_kernel
def _conjugate_code(code):
    """PDG code of the antiparticle of whatever a B decay can hold; see `pythia_decays.antiparticle`."""
    a = abs(code)
    if a <= 100:
        return code if a > 16 else -code
    if a == 130 or a == 310:
        return code
    if (a // 1000) % 10 == 0 and (a // 10) % 10 == (a // 100) % 10:
        return code
    return -code


@lean_kernel
def _helicity_cosine(rng, angular, beta2):
    """Cosine to the axis: isotropic, 3/2 c^2, or 1 - beta^2 c^2."""
    c = 2.0 * rng.random() - 1.0
    if angular == 1:
        return np.cbrt(c)
    if angular == 2:
        while rng.random() > 1.0 - beta2 * c * c:
            c = 2.0 * rng.random() - 1.0
    return c


@lean_kernel
def _into_two(rng, m, m1, m2, c, nx, ny, nz, p):
    """Rows 0 and 1 of p: the first at cosine c to the unit vector n, at random azimuth, in the rest frame."""
    q = _two_body_momentum(m, m1, m2)
    ax, ay, az, bx, by, bz = _transverse(nx, ny, nz)
    phi = 2.0 * np.pi * rng.random()
    s = np.sqrt(1.0 - c * c)
    u, v, w = q * s * np.cos(phi), q * s * np.sin(phi), q * c
    p[0, 0], p[0, 1], p[0, 2] = u * ax + v * bx + w * nx, u * ay + v * by + w * ny, u * az + v * bz + w * nz
    p[1, 0], p[1, 1], p[1, 2] = -p[0, 0], -p[0, 1], -p[0, 2]
    p[0, 3], p[1, 3] = np.sqrt(q * q + m1 * m1), np.sqrt(q * q + m2 * m2)


@lean_kernel
def _fly(reals, row, length):
    """Point and time after the proper path `length` (c t in cm) of the particle in `row`."""
    px, py, pz, m = reals[0, row], reals[1, row], reals[2, row], reals[3, row]
    energy = np.sqrt(px * px + py * py + pz * pz + m * m)
    proper = length / m
    return (
        reals[4, row] + px * proper,
        reals[5, row] + py * proper,
        reals[6, row] + pz * proper,
        reals[7, row] + energy * proper / SPEED_OF_LIGHT_CM_PER_NS,
    )


@lean_kernel
def _signal_side(
    rng, first, mother, row, anti, codes, numbers, kstar, use_fsr, b_mass, charge, length, frame, boosted, p, q, pdg,
    masses, work, reals, rows,
):  # fmt: skip
    """The decay of the B in row first + mother into rows row..: (next free row, where secondary decays begin).

    codes, numbers: `channels.channel_tables`; kstar: table of its mass; charge: of the B that decays; length: its
    proper c t; frame: rest frame of the B -> lab. p (>=8, 4) and q (2, 4) are scratch; p is used up by every decay.
    """
    x, y, z, t = _fly(reals, first + mother, length)
    for j in range(2):
        pdg[j] = _conjugate_code(codes[j, 0]) if anti else codes[j, 0]
        masses[j] = numbers[j, 0]
    if codes[0, 5] != 0:
        place = rng.random() * (len(kstar) - 1)
        i = min(int(place), len(kstar) - 2)
        masses[0] = kstar[i] + (place - i) * (kstar[i + 1] - kstar[i])
    m0, m1 = masses[0], masses[1]
    _into_two(rng, b_mass, m0, m1, 2.0 * rng.random() - 1.0, 0.0, 0.0, 1.0, p)
    n = 2
    if use_fsr:
        n = _radiate(rng, b_mass, charge, n, p, pdg, masses, work)
    begin = row
    for i in range(n):
        px, py, pz = _apply(frame, p, i)
        decays = i < 2 and codes[i, 1] != 0
        _write(reals, rows, row, pdg[i], 2 if decays else 1, mother, px, py, pz, masses[i], x, y, z, t, 0.0)
        row += 1
    for j in range(2):
        for k in range(4):
            q[j, k] = p[j, k]
    secondaries = begin if codes[0, 1] == 0 else row
    for j in range(2):
        if codes[j, 1] != 0:
            m = m0 if j == 0 else m1
            row = _resonance(
                rng, begin + j - first, begin + j, row, anti, codes[j], numbers[j], m, use_fsr, frame, boosted, q[j], p,
                pdg, masses, work, reals, rows,
            )  # fmt: skip
    return row, secondaries


@lean_kernel
def _resonance(
    rng, mother, at, row, anti, codes, numbers, m, use_fsr, frame, boosted, parent, p, pdg, masses, work, reals, rows
):  # fmt: skip
    """Decay of M or X, in row `at`, with four-momentum `parent` in the frame of the B. Returns the next free row."""
    px, py, pz, e = parent[0], parent[1], parent[2], parent[3]
    length = np.sqrt(px * px + py * py + pz * pz)
    nx, ny, nz = 0.0, 0.0, 1.0
    if length > 0.0:
        nx, ny, nz = px / length, py / length, pz / length
    for k in range(2):
        pdg[k] = _conjugate_code(codes[2 + k]) if anti else codes[2 + k]
        masses[k] = numbers[2 + k]
    c = _helicity_cosine(rng, codes[4], numbers[4])
    _into_two(rng, m, masses[0], masses[1], c, nx, ny, nz, p)
    n = 2
    if use_fsr:
        # K* is the only charged one
        n = _radiate(rng, m, _charge(rows[0, at]), n, p, pdg, masses, work)
    _times_boost(frame, px / e, py / e, pz / e, e / m, boosted)
    x, y, z, t = reals[4, at], reals[5, at], reals[6, at], reals[7, at]
    if numbers[1] > 0.0:
        x, y, z, t = _fly(reals, at, numbers[1] * rng.standard_exponential())
    for i in range(n):
        ux, uy, uz = _apply(boosted, p, i)
        _write(reals, rows, row, pdg[i], 1, mother, ux, uy, uz, masses[i], x, y, z, t, 0.0)
        row += 1
    return row
