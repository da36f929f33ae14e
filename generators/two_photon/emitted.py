"""The pair from a virtual photon off a scattered lepton: e+e- -> e+e- gamma*(-> l+l-) with a photon exchanged.

The amplitude is that of `toymc.generators.amplitudes.emission` (t channel) for a vector of mass W with the coupling e
to the electron. Summed over the spins of the pair and integrated over its angles the photon's decay gives

    int dPhi_2 sum |l current|^2 = e^2 beta/(8 pi) 4/3 W^2 (1 + 2 m^2/W^2) (-g + k k/W^2),

the propagator 1/W^4. The pair has C = -1 here and +1 from two photons: the two interfere in charge asymmetries alone
(`complete` adds them).

Phase space: the e+ scatters (Q^2_2, mass^2 of e- and pair s_e = s + m^2 - 2 sqrt(s) E'_2), then e- gamma* -> e- gamma*
in its own rest frame, flat in ln(m^2 - u). Only events in which the exchanged photon comes from the e+ are drawn, with
twice the share Q^4_1/(Q^4_1 + Q^4_2); half of them are turned into their CP mirror images.
"""

import numpy as np

from toymc.generators.amplitudes.emission import _fill_amplitudes, _sum_amplitudes
from toymc.generators.amplitudes.layout import BOSON, P_ELECTRON, P_MINUS, P_PLUS, P_POSITRON
from toymc.generators.amplitudes.phase_space import _one_sided
from toymc.generators.amplitudes.spin import _boson_density, _vector_decay_direction
from toymc.generators.lorentz import _transverse
from toymc.generators.two_photon.layout import (
    DECAY_ROWS,
    M_BEAM,
    M_PAIR,
    OUT_MINUS,
    OUT_PLUS,
    Q2_1,
    Q2_2,
    Q2_HIGH,
    TOTAL,
    W2,
    W_LOW,
)
from toymc.kernels import lean_kernel
from toymc.kinematics import _boost


@lean_kernel
def _inverse(y, low, high):
    """Value between the limits with density 1/x^2, and dx/dy."""
    x = low / (1.0 - y * (1.0 - low / high))
    return x, x * x * (1.0 / low - 1.0 / high)


@lean_kernel
def _recoil(v, u, azimuth, s_e, w2, mass, momentum, energy):
    """e- and pair from p1 + q2, u: place of ln(m^2 - u); (|k| in their rest frame, dcos/du), 0 where closed."""
    root = np.sqrt(s_e)
    e_k = 0.5 * (s_e + w2 - mass * mass) / root
    k = np.sqrt(max(e_k * e_k - w2, 0.0))
    # the system recoils against the e+
    tx, ty, tz, te = -v[OUT_PLUS, 0], -v[OUT_PLUS, 1], -v[OUT_PLUS, 2], 2.0 * energy - v[OUT_PLUS, 3]
    nx, ny, nz, e_1 = _boost(0.0, 0.0, momentum, energy, -tx / te, -ty / te, -tz / te)
    p_1 = np.sqrt(nx * nx + ny * ny + nz * nz)
    if k <= 0.0 or p_1 <= 0.0:
        return 0.0, 0.0
    nx, ny, nz = nx / p_1, ny / p_1, nz / p_1
    # m^2 - u = 2 p1.k - W^2
    delta = max((2.0 * e_1 * e_k - w2) / (2.0 * p_1 * k) - 1.0, 1e-14)
    one_minus, slope = _one_sided(u, delta, 0.0)
    c, sn = 1.0 - one_minus, np.sqrt(max(0.0, one_minus * (2.0 - one_minus)))
    ax, ay, az, bx, by, bz = _transverse(nx, ny, nz)
    p, q = sn * np.cos(azimuth), sn * np.sin(azimuth)
    x, y, z = k * (c * nx + p * ax + q * bx), k * (c * ny + p * ay + q * by), k * (c * nz + p * az + q * bz)
    x, y, z, e = _boost(x, y, z, e_k, tx / te, ty / te, tz / te)
    v[TOTAL, 0], v[TOTAL, 1], v[TOTAL, 2], v[TOTAL, 3] = x, y, z, e
    v[OUT_MINUS, 0], v[OUT_MINUS, 1], v[OUT_MINUS, 2], v[OUT_MINUS, 3] = tx - x, ty - y, tz - z, te - e
    return k, slope


@lean_kernel
def _emitted_point(y, s, reals, v, inv):
    """Rows OUT_MINUS, OUT_PLUS, TOTAL; returns phase space in the unit of `kinematics._scattered_leptons`."""
    mass = reals[M_BEAM]
    root = np.sqrt(s)
    energy = 0.5 * root
    momentum = np.sqrt(energy * energy - mass * mass)
    low, high = reals[W_LOW] * reals[W_LOW], (root - 2.0 * mass) ** 2
    w2, dw = _inverse(y[0], low, high)
    s_low, s_high = (np.sqrt(w2) + mass) ** 2, (root - mass) ** 2
    if s_low >= s_high:
        return 0.0
    s_e, ds = _inverse(y[1], s_low, s_high)
    scattered = 0.5 * (s + mass * mass - s_e) / root
    omega = energy - scattered
    product = energy * scattered - mass * mass
    under = product * product - mass * mass * omega * omega
    if under <= 0.0 or scattered <= mass:
        return 0.0
    q2_max = 2.0 * (product + np.sqrt(under))
    q2_min = 4.0 * mass * mass * omega * omega / q2_max
    top = min(q2_max, reals[Q2_HIGH])
    if top <= q2_min:
        return 0.0
    length = np.log(top / q2_min)
    q2 = q2_min * np.exp(y[2] * length)
    across = 0.5 * np.sqrt(max((q2 - q2_min) * (q2_max - q2), 0.0)) / momentum
    v[OUT_PLUS, 0], v[OUT_PLUS, 1], v[OUT_PLUS, 3] = across, 0.0, scattered
    v[OUT_PLUS, 2] = (energy * omega + 0.5 * q2) / momentum - momentum
    k, slope = _recoil(v, y[3], 2.0 * np.pi * y[4], s_e, w2, mass, momentum, energy)
    if slope <= 0.0:
        return 0.0
    x, z, e = v[OUT_MINUS, 0], v[OUT_MINUS, 2], v[OUT_MINUS, 3]
    # -(p1 - p1')^2 without the difference of large numbers in the angle
    t_2 = x * x + v[OUT_MINUS, 1] ** 2
    p = np.sqrt(t_2 + z * z)
    angle = t_2 / (p + z) if z > 0.0 else p - z
    q2_1 = 2.0 * (momentum * angle + (mass * (energy - e)) ** 2 / (energy * e + momentum * p - mass * mass))
    if q2_1 > reals[Q2_HIGH] or not q2_1 > 0.0:
        return 0.0
    inv[W2], inv[Q2_1], inv[Q2_2] = w2, q2_1, q2
    # dW^2/2pi, d omega_2 dQ^2_2 dphi_2, |k|/(4 pi sqrt(s_e)) dcos/2 dphi/2pi against both 1/(4 p (2 pi)^3)
    area = dw * ds / (2.0 * root) * q2 * length * 2.0 * np.pi * 0.5 * slope
    return area * (2.0 * np.pi) ** 2 * 4.0 * momentum * k / (4.0 * np.pi * np.sqrt(s_e))


@lean_kernel
def _emitted_amplitude(s, mass, v, w, av, az):
    """Amplitudes of e+e- -> e+e- gamma*; s channel switched off."""
    energy = 0.5 * np.sqrt(s)
    momentum = np.sqrt(energy * energy - mass * mass)
    for k in range(4):
        av[P_MINUS, k], av[P_PLUS, k], av[BOSON, k] = v[OUT_MINUS, k], v[OUT_PLUS, k], v[TOTAL, k]
        av[P_ELECTRON, k], av[P_POSITRON, k] = 0.0, 0.0
    av[P_ELECTRON, 2], av[P_ELECTRON, 3] = momentum, energy
    av[P_POSITRON, 2], av[P_POSITRON, 3] = -momentum, energy
    one, none = complex(1.0, 0.0), complex(0.0, 0.0)
    _fill_amplitudes(av, az, mass, mass, w, 1, one, one, one, one, True, none, none, one, one)


@lean_kernel
def _emitted_rate(s, reals, v, inv, av, az):
    """|M|^2 integrated over the decay of the photon, without e^8, averaged over the beams' spins, times the share."""
    _emitted_amplitude(s, reals[M_BEAM], v, np.sqrt(inv[W2]), av, az)
    ratio = reals[M_PAIR] ** 2 / inv[W2]
    beta = np.sqrt(max(0.0, 1.0 - 4.0 * ratio))
    decay = beta / (8.0 * np.pi) * 4.0 / 3.0 * (1.0 + 2.0 * ratio) / inv[W2]
    f = inv[Q2_2] / inv[Q2_1]
    return 0.25 * decay * _sum_amplitudes(az, 3) * 2.0 / (1.0 + f * f)


@lean_kernel
def _mirror(rng, s, reals, v, inv, av, az):
    """Half of the events become their CP mirror images; rows and amplitudes follow."""
    if rng.random() < 0.5:
        for k in range(3):
            v[OUT_MINUS, k], v[OUT_PLUS, k] = -v[OUT_PLUS, k], -v[OUT_MINUS, k]
            v[TOTAL, k] = -v[TOTAL, k]
        v[OUT_MINUS, 3], v[OUT_PLUS, 3] = v[OUT_PLUS, 3], v[OUT_MINUS, 3]
        inv[Q2_1], inv[Q2_2] = inv[Q2_2], inv[Q2_1]
        _emitted_amplitude(s, reals[M_BEAM], v, np.sqrt(inv[W2]), av, az)


@lean_kernel
def _emitted_decay(rng, reals, inv, av, az, rho):
    """Leptons of the pair in the e+e- centre of mass: rows DECAY_ROWS, DECAY_ROWS + 1 of `av`."""
    mass, w = reals[M_PAIR], np.sqrt(inv[W2])
    beta = np.sqrt(max(0.0, 1.0 - 4.0 * mass * mass / inv[W2]))
    _boson_density(az, 3, rho)
    nx, ny, nz = _vector_decay_direction(rng, av, rho, beta)
    p, half = 0.5 * w * beta, 0.5 * w
    kx, ky, kz, ke = av[BOSON, 0], av[BOSON, 1], av[BOSON, 2], av[BOSON, 3]
    for side in range(2):
        q, row = p if side == 0 else -p, DECAY_ROWS + side
        along = q * (kx * nx + ky * ny + kz * nz) / w
        f = along / (ke + w) + half / w
        av[row, 0], av[row, 1], av[row, 2] = q * nx + f * kx, q * ny + f * ky, q * nz + f * kz
        av[row, 3] = ke * half / w + along
