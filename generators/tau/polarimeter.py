"""Rate, neutrino direction and polarimeter vector of a hadronic tau decay, from its current.

The neutrino is left-handed and the hadrons are spinless, so for fixed momenta there is a single amplitude,

    A = chi_-(n)^dagger [M (J^0 - J.n) + Q sigma.J_T] chi_tau                                                  (1)

with n the neutrino direction and J the current, both in the hadronic rest frame (the boost to the tau rest frame runs
along n: it leaves J_T alone and scales J^0 - J.n by M/Q). Squared, this is the TAUOLA form [S. Jadach, J.H. Kuehn, Z.
Was, CPC 64 (1991) 275; with R. Decker, CPC 76 (1993) 361] omega = P.(Pi - gamma_va Pi5), H = (1/M)(M^2 - P P)(Pi5 -
gamma_va Pi):

    omega ~ M^2 |J^0 - J_3|^2 + Q^2 |J_1 + i J_2|^2,   axes (1, 2, n),

and the polarimeter is the unit vector of the spinor (1) projects on. |h| = 1 because nothing is summed over. The tests
compare both with the contraction of the current and the lepton tensor from explicit Dirac matrices.
"""

import numpy as np

from toymc.generators.tau.tables import CURRENT
from toymc.kernels import kernel


@kernel
def _current_squares(p4):
    """|J_x|^2 + |J_y|^2 + |J_z|^2 and |J_t|^2."""
    space = 0.0
    for i in range(4):
        space += p4[CURRENT, i] * p4[CURRENT, i]
    space += p4[CURRENT + 1, 0] * p4[CURRENT + 1, 0] + p4[CURRENT + 1, 1] * p4[CURRENT + 1, 1]
    return space, p4[CURRENT + 1, 2] * p4[CURRENT + 1, 2] + p4[CURRENT + 1, 3] * p4[CURRENT + 1, 3]


@kernel
def _mean_rate(mass_tau, q2, p4):
    """Rate averaged over the orientation of the hadrons, with the phase space of Q + neutrino (without constants)."""
    space, time = _current_squares(p4)
    m2 = mass_tau * mass_tau
    return (m2 - q2) * (m2 - q2) / q2 * (m2 * time + (m2 + 2.0 * q2) / 3.0 * space)


@kernel
def _largest_rate(mass_tau, q2, p4):
    """Bound of omega over all neutrino directions.

    In its plane the complex vector J has semi-axes a >= b, a^2 + b^2 = |J|^2 = A, 2 a b = |J* x J| = C; with z the
    component of n along the normal of that plane, omega <= Q^2 A + (M^2 - Q^2) a^2 (1 - z^2) + Q^2 C z. A time
    component adds linearly.
    """
    m2 = mass_tau * mass_tau
    a, time = _current_squares(p4)
    cx = p4[CURRENT, 2] * p4[CURRENT + 1, 1] - p4[CURRENT + 1, 0] * p4[CURRENT, 3]
    cy = p4[CURRENT + 1, 0] * p4[CURRENT, 1] - p4[CURRENT, 0] * p4[CURRENT + 1, 1]
    cz = p4[CURRENT, 0] * p4[CURRENT, 3] - p4[CURRENT, 2] * p4[CURRENT, 1]
    c = 2.0 * np.sqrt(cx * cx + cy * cy + cz * cz)
    major = 0.5 * (a + np.sqrt(max(a * a - c * c, 0.0)))
    slope = (m2 - q2) * major
    z = min(1.0, 0.5 * q2 * c / slope) if slope > 0.0 else 1.0
    bound = q2 * a + slope * (1.0 - z * z) + q2 * c * z
    if time > 0.0:
        bound += m2 * (time + 2.0 * np.sqrt(time * major))
    return bound * (1.0 + 1e-12)


@kernel
def _neutrino_frame(rng, mass_tau, q2, p4):
    """Draw the neutrino direction n; returns n, two axes normal to it and the spinor (up, down) of eq. (1)."""
    bound = _largest_rate(mass_tau, q2, p4)
    m = mass_tau
    q = np.sqrt(q2)
    jx = complex(p4[CURRENT, 0], p4[CURRENT, 1])
    jy = complex(p4[CURRENT, 2], p4[CURRENT, 3])
    jz = complex(p4[CURRENT + 1, 0], p4[CURRENT + 1, 1])
    jt = complex(p4[CURRENT + 1, 2], p4[CURRENT + 1, 3])
    while True:
        a = 2.0 * rng.random() - 1.0
        b = 2.0 * rng.random() - 1.0
        s = a * a + b * b
        if s >= 1.0:
            continue
        root = 2.0 * np.sqrt(1.0 - s)
        nx, ny, nz = a * root, b * root, 1.0 - 2.0 * s
        # orthonormal axes without a branch on the pole [T. Duff et al., JCGT 6 (2017) 1]
        sign = 1.0 if nz >= 0.0 else -1.0
        f = -1.0 / (sign + nz)
        g = nx * ny * f
        x1, y1, z1 = 1.0 + sign * nx * nx * f, sign * g, -sign * nx
        x2, y2, z2 = g, sign + ny * ny * f, -ny
        j1 = jx * x1 + jy * y1 + jz * z1
        j2 = jx * x2 + jy * y2 + jz * z2
        jn = jx * nx + jy * ny + jz * nz
        # psi = [M (J0 - Jn)* + Q sigma.J_T*] chi_-
        up = q * complex(j1.real - j2.imag, -j1.imag - j2.real)
        down = m * complex(jt.real - jn.real, -(jt.imag - jn.imag))
        rate = up.real * up.real + up.imag * up.imag + down.real * down.real + down.imag * down.imag
        if rng.random() * bound <= rate:
            return nx, ny, nz, x1, y1, z1, x2, y2, z2, up, down


@kernel
def _to_tau_frame(rng, mass_tau, q2, n, p4):
    """Choose the neutrino direction, take rows 1..n from the hadronic to the tau rest frame, set row 0; returns h."""
    nx, ny, nz, x1, y1, z1, x2, y2, z2, up, down = _neutrino_frame(rng, mass_tau, q2, p4)
    m = mass_tau
    q = np.sqrt(q2)
    gamma = 0.5 * (m * m + q2) / (m * q)
    gb = 0.5 * (m * m - q2) / (m * q)
    # in the hadronic frame tau and neutrino move along +n: the tau sees the hadrons recoil along -n
    for row in range(1, n + 1):
        along = p4[row, 0] * nx + p4[row, 1] * ny + p4[row, 2] * nz
        e = p4[row, 3]
        shift = (gamma - 1.0) * along - gb * e
        p4[row, 0] += shift * nx
        p4[row, 1] += shift * ny
        p4[row, 2] += shift * nz
        p4[row, 3] = gamma * e - gb * along
    k = 0.5 * (m * m - q2) / m
    p4[0, 0] = k * nx
    p4[0, 1] = k * ny
    p4[0, 2] = k * nz
    p4[0, 3] = k
    u2 = up.real * up.real + up.imag * up.imag
    d2 = down.real * down.real + down.imag * down.imag
    scale = 1.0 / (u2 + d2)
    h1 = 2.0 * (up.real * down.real + up.imag * down.imag) * scale
    h2 = 2.0 * (up.real * down.imag - up.imag * down.real) * scale
    h3 = (u2 - d2) * scale
    return h1 * x1 + h2 * x2 + h3 * nx, h1 * y1 + h2 * y2 + h3 * ny, h1 * z1 + h2 * z2 + h3 * nz
