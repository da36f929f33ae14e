"""Kinematics of e+e- -> e+e- X by two photons, exact in the electron mass, stable down to the smallest Q^2.

Both scattered leptons are free; the pair takes the rest, k = q1 + q2:

    d sigma = |M|^2 / (2 s beta_e) * prod_i [ d omega_i dQ^2_i dphi_i / (4 p (2 pi)^3) ] * dPhi_2(k),   W^2 = k^2

with d^3p'/(2 E') = d omega dQ^2 dphi/(4 p) in the e+e- centre of mass (omega = E - E'). Drawn are y_i = omega_i/E +
Q^2_i/s (the light-cone fraction of the photon up to the electron mass) through tau = y1 y2 ~ W^2/s and a rapidity,
and ln Q^2_i. Where Q^2 is near its smallest value, Q^2_min = m^2 x^2/(1-x), x = omega/E, differences of the beam's
momentum would leave no digit: transverse momenta come from (Q^2 - Q^2_min)(Q^2_max - Q^2)/(4 p^2), W^2 from products of
the photons' own components.
"""

import numpy as np

from toymc.generators.two_photon.layout import (
    A_1,
    A_2,
    AXIS_X,
    AXIS_Y,
    AXIS_Z,
    B_1,
    B_2,
    COS_PHI,
    M_BEAM,
    MU_1,
    MU_2,
    NU,
    OUT_MINUS,
    OUT_PLUS,
    Q2_1,
    Q2_2,
    Q2_HIGH,
    ROOT_X,
    SIN_PHI,
    SPARE,
    TOTAL,
    W2,
    W_LOW,
)
from toymc.kernels import lean_kernel
from toymc.kinematics import _boost


@lean_kernel
def _photon(u, y, s, energy, momentum, mass, q2_high):
    """One scattered lepton at place u of ln Q^2: (omega, Q^2, transverse momentum, photon's |q_z|, dlnQ^2/du).

    The transverse momentum is negative where there is no such lepton.
    """
    low, high = 0.998 * mass * mass * y * y, min(q2_high, s * y)
    if high <= low:
        return 0.0, 0.0, -1.0, 0.0, 0.0
    length = np.log(high / low)
    q2 = low * np.exp(u * length)
    omega = energy * (y - q2 / s)
    scattered = energy - omega
    if omega <= 0.0 or scattered <= mass:
        return 0.0, 0.0, -1.0, 0.0, 0.0
    product = energy * scattered - mass * mass
    root = np.sqrt(max(product * product - mass * mass * omega * omega, 0.0))
    q2_min = 2.0 * mass * mass * omega * omega / (product + root)
    q2_max = 2.0 * (product + root)
    across2 = (q2 - q2_min) * (q2_max - q2)
    if across2 < 0.0:
        return 0.0, 0.0, -1.0, 0.0, 0.0
    across = 0.5 * np.sqrt(across2) / momentum
    return omega, q2, across, (energy * omega + 0.5 * q2) / momentum, length


@lean_kernel
def _scattered_leptons(y, s, reals, vectors, invariants):
    """Rows OUT_MINUS, OUT_PLUS, TOTAL and the invariants of the photons; returns the Jacobian, 0 outside.

    Jacobian: d omega_1 d omega_2 dQ^2_1 dQ^2_2 dphi_1 dphi_2 over dy[0..4], divided by Q^2_1 Q^2_2.
    """
    mass = reals[M_BEAM]
    energy = 0.5 * np.sqrt(s)
    momentum = np.sqrt(energy * energy - mass * mass)
    least = reals[W_LOW] * reals[W_LOW] / s * (1.0 - 1e-7)
    # density 1/tau^2: the luminosity goes like 1/tau, the cross-section of the photons too
    tau = least / (1.0 - y[0] * (1.0 - least))
    half = -0.5 * np.log(tau)
    eta = half * (2.0 * y[1] - 1.0)
    shape = np.sqrt(tau)
    omega_1, q2_1, t_1, z_1, d_1 = _photon(y[2], shape * np.exp(eta), s, energy, momentum, mass, reals[Q2_HIGH])
    omega_2, q2_2, t_2, z_2, d_2 = _photon(y[3], shape * np.exp(-eta), s, energy, momentum, mass, reals[Q2_HIGH])
    if t_1 < 0.0 or t_2 < 0.0:
        return 0.0
    phi = 2.0 * np.pi * y[4]
    cosine = np.cos(phi)
    # transverse momenta of the photons are those of the leptons, reversed
    w2 = 2.0 * (omega_1 * omega_2 + z_1 * z_2 - t_1 * t_2 * cosine) - q2_1 - q2_2
    if w2 < reals[W_LOW] * reals[W_LOW]:
        return 0.0
    x_2, y_2 = t_2 * cosine, t_2 * np.sin(phi)
    v = vectors
    v[OUT_MINUS, 0], v[OUT_MINUS, 1], v[OUT_MINUS, 2], v[OUT_MINUS, 3] = t_1, 0.0, momentum - z_1, energy - omega_1
    v[OUT_PLUS, 0], v[OUT_PLUS, 1], v[OUT_PLUS, 2], v[OUT_PLUS, 3] = x_2, y_2, z_2 - momentum, energy - omega_2
    v[TOTAL, 0], v[TOTAL, 1], v[TOTAL, 2], v[TOTAL, 3] = -t_1 - x_2, -y_2, z_1 - z_2, omega_1 + omega_2
    nu = 0.5 * (w2 + q2_1 + q2_2)
    x = nu * nu - q2_1 * q2_2
    if x <= 0.0 or w2 > (2.0 * (energy - mass)) ** 2:
        return 0.0
    invariants[W2], invariants[Q2_1], invariants[Q2_2] = w2, q2_1, q2_2
    invariants[NU], invariants[ROOT_X] = nu, np.sqrt(x)
    # P = p + p': P_L/Q = P.q'/sqrt(X), P_T^2/Q^2 = P_L^2/Q^2 - 1 - 4 m^2/Q^2
    b_1 = (2.0 * (energy * omega_2 + momentum * z_2) - nu) / invariants[ROOT_X]
    b_2 = (2.0 * (energy * omega_1 + momentum * z_1) - nu) / invariants[ROOT_X]
    mu_1, mu_2 = 4.0 * mass * mass / q2_1, 4.0 * mass * mass / q2_2
    invariants[B_1], invariants[MU_1], invariants[A_1] = b_1, mu_1, np.sqrt(max(b_1 * b_1 - 1.0 - mu_1, 0.0))
    invariants[B_2], invariants[MU_2], invariants[A_2] = b_2, mu_2, np.sqrt(max(b_2 * b_2 - 1.0 - mu_2, 0.0))
    # d tau/dy0 = tau^2 (1 - least)/least, d eta/dy1 = 2 half, dphi/dy4 and the free azimuth 2 pi each
    area = tau * tau * (1.0 - least) / least * 2.0 * half * energy * energy
    return area * d_1 * d_2 * 4.0 * np.pi * np.pi


@lean_kernel
def _photon_axes(s, reals, vectors, invariants):
    """Axes of the frame of the pair, a pure boost away: z along photon 1, x along the e-; the e+'s azimuth."""
    v = vectors
    mass = reals[M_BEAM]
    energy = 0.5 * np.sqrt(s)
    momentum = np.sqrt(energy * energy - mass * mass)
    e = v[TOTAL, 3]
    bx, by, bz = -v[TOTAL, 0] / e, -v[TOTAL, 1] / e, -v[TOTAL, 2] / e
    zx, zy, zz, _ = _boost(
        -v[OUT_MINUS, 0], -v[OUT_MINUS, 1], momentum - v[OUT_MINUS, 2], energy - v[OUT_MINUS, 3], bx, by, bz
    )
    n = 1.0 / np.sqrt(zx * zx + zy * zy + zz * zz)
    zx, zy, zz = n * zx, n * zy, n * zz
    px, py, pz, _ = _boost(
        v[OUT_MINUS, 0], v[OUT_MINUS, 1], v[OUT_MINUS, 2] + momentum, v[OUT_MINUS, 3] + energy, bx, by, bz
    )
    along = px * zx + py * zy + pz * zz
    px, py, pz = px - along * zx, py - along * zy, pz - along * zz
    length = np.sqrt(px * px + py * py + pz * pz)
    if length <= 0.0:
        # the lepton does not leave its photon's axis: any direction across it
        px, py, pz = 1.0 - zx * zx, -zx * zy, -zx * zz
        length = np.sqrt(px * px + py * py + pz * pz)
    px, py, pz = px / length, py / length, pz / length
    # once more: P_T may be 1e-6 of P, and the axes have to be orthogonal to rounding
    along = px * zx + py * zy + pz * zz
    px, py, pz = px - along * zx, py - along * zy, pz - along * zz
    length = np.sqrt(px * px + py * py + pz * pz)
    px, py, pz = px / length, py / length, pz / length
    v[AXIS_X, 0], v[AXIS_X, 1], v[AXIS_X, 2] = px, py, pz
    v[AXIS_Y, 0], v[AXIS_Y, 1], v[AXIS_Y, 2] = zy * pz - zz * py, zz * px - zx * pz, zx * py - zy * px
    v[AXIS_Z, 0], v[AXIS_Z, 1], v[AXIS_Z, 2] = zx, zy, zz
    px, py, pz, _ = _boost(
        v[OUT_PLUS, 0], v[OUT_PLUS, 1], v[OUT_PLUS, 2] - momentum, v[OUT_PLUS, 3] + energy, bx, by, bz
    )
    v[SPARE, 0], v[SPARE, 1], v[SPARE, 2] = px, py, pz
    cosine = px * v[AXIS_X, 0] + py * v[AXIS_X, 1] + pz * v[AXIS_X, 2]
    sine = px * v[AXIS_Y, 0] + py * v[AXIS_Y, 1] + pz * v[AXIS_Y, 2]
    length = np.sqrt(cosine * cosine + sine * sine)
    if length > 0.0:
        invariants[COS_PHI], invariants[SIN_PHI] = cosine / length, sine / length
    else:
        invariants[COS_PHI], invariants[SIN_PHI] = 1.0, 0.0


@lean_kernel
def _density_sums(invariants):
    """2 rho_++ of either photon: the number of transverse photons in units of alpha/(2 pi) dQ^2/Q^2 domega/..."""
    first = 2.0 + invariants[A_1] * invariants[A_1]
    second = 2.0 + invariants[A_2] * invariants[A_2]
    return first, second
