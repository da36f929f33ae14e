"""From the beams to the pair: initial- and final-state photons in the lab, and the frames in between as one matrix."""

import numpy as np

from toymc.generators.beams import _sample_beams
from toymc.generators.isr import _accept_s, _isr_photons, _sample_leg
from toymc.generators.lorentz import _apply, _times_boost, _transverse, _unit_matrix
from toymc.kernels import lean_kernel


@lean_kernel
def _initial_state(rng, settings, photons, frame, work):
    """Beams and their radiation: (n photons, s', axis of the incoming electron in the rest frame of what is left).

    photons (>=4, 4) in the lab; frame (4, 4): rest frame of the virtual photon -> lab.
    """
    use_isr = settings.switches[0] != 0
    while True:
        ex, ez, ee, px, pz, e = _sample_beams(rng, settings.beam)
        s = e * e - px * px - pz * pz
        v1, v2 = 0.0, 0.0
        if use_isr:
            v1 = _sample_leg(rng, settings.leg, settings.numbers)
            v2 = _sample_leg(rng, settings.leg, settings.numbers)
        s_prime = (1.0 - v1) * (1.0 - v2) * s
        if _accept_s(rng, s_prime, s, settings.weight, settings.numbers):
            break
    root = np.sqrt(s)
    _unit_matrix(work)
    _times_boost(work, px / e, 0.0, pz / e, e / root, frame)
    # electron in the e+e- frame (its mass is of no weight here): inverse boost of its lab momentum
    shift = (ee + (ee * e - ex * px - ez * pz) / root) / (e + root)
    dx = ex - shift * px
    dz = ez - shift * pz
    length = np.sqrt(dx * dx + dz * dz)
    dx /= length
    dz /= length
    n = _isr_photons(rng, v1, v2, s, settings.numbers, photons)
    if n == 0:
        return 0, s_prime, dx, 0.0, dz
    return _recoil(rng, n, s, s_prime, dx, dz, photons, frame, work)


@lean_kernel
def _recoil(rng, n, s, s_prime, dx, dz, photons, frame, work):
    """Turn photons to the beam axis, boost them to the lab, move `frame` on to what is left of the collision.

    The axis that the pair's Born distribution refers to is that of the positron with probability
    (1-b)^2 / ((1-a)^2 + (1-b)^2), else that of the electron, a = 2 p_e-.k/s, b = 2 p_e+.k/s: exact for one photon
    [F. Berends, R. Kleiss, S. Jadach, Nucl. Phys. B 202 (1982) 63].
    """
    root = np.sqrt(s)
    kx, ky, kz, ke = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        x, y, z = photons[i, 0], photons[i, 1], photons[i, 2]
        # z -> (dx, 0, dz), x -> (dz, 0, -dx)
        photons[i, 0] = dz * x + dx * z
        photons[i, 2] = dz * z - dx * x
        kx += photons[i, 0]
        ky += y
        kz += photons[i, 2]
        ke += photons[i, 3]
    along = kx * dx + kz * dz
    a = 1.0 - (ke - along) / root
    b = 1.0 - (ke + along) / root
    sign = -1.0 if rng.random() * (a * a + b * b) < b * b else 1.0
    for i in range(n):
        x, y, z = _apply(frame, photons, i)
        photons[i, 0], photons[i, 1], photons[i, 2] = x, y, z
        photons[i, 3] = np.sqrt(x * x + y * y + z * z)
    left = root - ke
    mass = np.sqrt(s_prime)
    # direction of the chosen beam, boosted into the rest frame of what is left (momentum -k, energy left)
    qx, qy, qz = sign * dx, 0.0, sign * dz
    shift = (1.0 + (left + qx * kx + qy * ky + qz * kz) / mass) / (left + mass)
    qx += shift * kx
    qy += shift * ky
    qz += shift * kz
    length = sign * np.sqrt(qx * qx + qy * qy + qz * qz)
    _times_boost(frame, -kx / left, -ky / left, -kz / left, left / mass, work)
    for i in range(4):
        for j in range(4):
            frame[i, j] = work[i, j]
    return n, s_prime, qx / length, qy / length, qz / length


@lean_kernel
def _final_radiation(n, extra, mass, s_prime, lx, ly, lz, photons, frame, work):
    """Photons n..n+extra-1 of the primary pair, made for a tau- along +z: turned to l and boosted to the lab.

    `frame` becomes pair rest frame -> lab.
    """
    ax, ay, az, bx, by, bz = _transverse(lx, ly, lz)
    tx, ty, tz, te = 0.0, 0.0, 0.0, mass
    for i in range(n, n + extra):
        x, y, z = photons[i, 0], photons[i, 1], photons[i, 2]
        photons[i, 0] = ax * x + bx * y + lx * z
        photons[i, 1] = ay * x + by * y + ly * z
        photons[i, 2] = az * x + bz * y + lz * z
        tx += photons[i, 0]
        ty += photons[i, 1]
        tz += photons[i, 2]
        te += photons[i, 3]
    # seen from the pair the virtual photon flies with t/te; seen from it the pair frame moves the other way
    _times_boost(frame, -tx / te, -ty / te, -tz / te, te / np.sqrt(s_prime), work)
    for i in range(4):
        for j in range(4):
            frame[i, j] = work[i, j]
    for i in range(n, n + extra):
        x, y, z = _apply(frame, photons, i)
        photons[i, 0], photons[i, 1], photons[i, 2] = x, y, z
        photons[i, 3] = np.sqrt(x * x + y * y + z * z)
