"""Two equations for one helix and one point, their Jacobians, and what they make of a track's covariance.

A helix (d0, phi0, omega, z0, tan lambda) passes through the point (x, y, z) if

    f1 = (omega (u^2 + w^2) + 2 w) / (1 + D) = 0        signed distance from the circle in the transverse plane
    f2 = z - z0 - S tan lambda = 0                       distance in z after the transverse path S

with u = x cos(phi0) + y sin(phi0), w = d0 - x sin(phi0) + y cos(phi0), D = sqrt((omega u)^2 + (1 + omega w)^2) and
S = atan2(omega u, 1 + omega w) / omega. These follow from the circle of radius 1/omega around the centre
(d0 + 1/omega) (sin(phi0), -cos(phi0)); none of them is singular for omega -> 0. The angle of turning psi = omega S is
taken on the branch next to a reference, so that a track may turn by more than half a circle.

A fit with these equations as constraints, h the measured helix with covariance V and A = df/dh, B = df/dv, needs the
2x2 weight (A V A^T)^-1 alone and no inverse of V [P. Avery, CLEO CBX 91-72 and 98-37; R. Fruehwirth, NIM A 262 (1987)
444]; at convergence its minimum is that of the fit of vertex and momenta to the five parameters of each track
[P. Billoir, S. Qian, NIM A 311 (1992) 139], which the tests do with a general minimiser.

Columns of a row of `work`: 0-4 helix at which the equations are linearised; 5 psi; 6-10 and 11-15 V A^T; 16-18 weight
(11, 12, 22); 19-20 residuals f + A (h_measured - h); 21-22 sine and cosine of the direction at the point; 23
tan lambda / D; 24 D; 25-27 derivative of the direction with respect to d0, phi0, omega.
"""

import math

from toymc.kernels import lean_kernel

WORK = 28
_TWO_PI = 2.0 * math.pi
_SMALLEST_STRETCH = 1e-6
"""D of a point this close (in units of the radius) to the axis of the helix, where the direction is not defined."""
_PIVOT = 1e-13
"""Smallest pivot of a covariance relative to its diagonal: beyond it a double holds no digit of it."""


@lean_kernel
def _positive(covs, c, i):
    """Whether a covariance (upper triangle, row by row) has positive pivots: L D L^T without square roots."""
    v = covs[c, i]
    p0 = v[0]
    if not (p0 > 0.0 and v[5] > 0.0 and v[9] > 0.0 and v[12] > 0.0 and v[14] > 0.0):
        return False
    l1, l2, l3, l4 = v[1] / p0, v[2] / p0, v[3] / p0, v[4] / p0
    p1 = v[5] - l1 * v[1]
    if not p1 > _PIVOT * v[5]:
        return False
    a12, a13, a14 = v[6] - l1 * v[2], v[7] - l1 * v[3], v[8] - l1 * v[4]
    m2, m3, m4 = a12 / p1, a13 / p1, a14 / p1
    p2 = v[9] - l2 * v[2] - m2 * a12
    if not p2 > _PIVOT * v[9]:
        return False
    a23, a24 = v[10] - l2 * v[3] - m2 * a13, v[11] - l2 * v[4] - m2 * a14
    n3, n4 = a23 / p2, a24 / p2
    p3 = v[12] - l3 * v[3] - m3 * a13 - n3 * a23
    if not p3 > _PIVOT * v[12]:
        return False
    a34 = v[13] - l3 * v[4] - m3 * a14 - n3 * a24
    p4 = v[14] - l4 * v[4] - m4 * a14 - n4 * a24 - a34 / p3 * a34
    return p4 > _PIVOT * v[14] and p4 < math.inf


@lean_kernel
def _equations(d0, phi0, omega, z0, tan_lambda, x, y, z, psi):
    """f1, f2, psi, and u, w, sine and cosine of psi, D, sine and cosine of phi0."""
    sin0, cos0 = math.sin(phi0), math.cos(phi0)
    u = x * cos0 + y * sin0
    w = d0 - x * sin0 + y * cos0
    a, b = omega * u, 1.0 + omega * w
    stretch = math.sqrt(a * a + b * b)
    f1 = (omega * (u * u + w * w) + 2.0 * w) / (1.0 + stretch)
    if stretch > _SMALLEST_STRETCH:
        sin_t, cos_t = a / stretch, b / stretch
        raw = math.atan2(a, b)
    else:
        sin_t, cos_t, stretch, raw = 0.0, 1.0, _SMALLEST_STRETCH, 0.0
    if abs(psi - raw) > math.pi:
        raw += _TWO_PI * round((psi - raw) / _TWO_PI)
    return f1, z - z0 - raw / omega * tan_lambda, raw, u, w, sin_t, cos_t, stretch, sin0, cos0


@lean_kernel
def _jacobian(d0, omega, tan_lambda, psi, u, w, sin_t, cos_t, stretch):
    """A = d(f1, f2)/d(helix) without its constant entries, and d(direction at the point)/d(d0, phi0, omega).

    Order: f1 by d0, phi0, omega (z0 and tan lambda: 0); f2 by d0, phi0, omega, tan lambda (z0: -1); direction.
    By the point: df1 = (-sin phi, cos phi, 0), df2 = (-tan lambda cos phi / D, -tan lambda sin phi / D, 1),
    dphi = -omega / D (cos phi, sin phi, 0), phi the direction phi0 - psi there.
    """
    inverse = 1.0 / stretch
    rest = w - d0
    arc = psi / omega
    # (1 - cos psi) / omega^2, without cancellation on the near side of the circle
    if cos_t > 0.0:
        bend = u * u * inverse * inverse / (1.0 + cos_t)
    else:
        bend = (1.0 - cos_t) / (omega * omega)
    s_d0 = -sin_t * inverse
    s_phi0 = (cos_t * rest + sin_t * u) * inverse
    turn = u * inverse * inverse
    s_omega = (turn - arc) / omega
    return (
        cos_t,
        sin_t * rest - cos_t * u,
        bend,
        -tan_lambda * s_d0,
        -tan_lambda * s_phi0,
        -tan_lambda * s_omega,
        -arc,
        -omega * s_d0,
        1.0 - omega * s_phi0,
        -turn,
    )


@lean_kernel
def _linearise(work, i, x, y, z, helices, covs, c):
    """Fill row i of `work` for the point; False if the covariance gives no weight."""
    row, h, v = work[i], helices[c, i], covs[c, i]
    d0, omega, tan_lambda = row[0], row[2], row[4]
    f1, f2, psi, u, w, sin_t, cos_t, stretch, sin0, cos0 = _equations(
        d0, row[1], omega, row[3], tan_lambda, x, y, z, row[5]
    )
    a0, a1, a2, b0, b1, b2, b4, j0, j1, j2 = _jacobian(d0, omega, tan_lambda, psi, u, w, sin_t, cos_t, stretch)
    row[5] = psi
    e0, e1, e2, e3, e4 = h[0] - d0, h[1] - row[1], h[2] - omega, h[3] - row[3], h[4] - tan_lambda
    row[19] = f1 + a0 * e0 + a1 * e1 + a2 * e2
    row[20] = f2 + b0 * e0 + b1 * e1 + b2 * e2 - e3 + b4 * e4
    p0 = v[0] * a0 + v[1] * a1 + v[2] * a2
    p1 = v[1] * a0 + v[5] * a1 + v[6] * a2
    p2 = v[2] * a0 + v[6] * a1 + v[9] * a2
    p3 = v[3] * a0 + v[7] * a1 + v[10] * a2
    p4 = v[4] * a0 + v[8] * a1 + v[11] * a2
    q0 = v[0] * b0 + v[1] * b1 + v[2] * b2 - v[3] + v[4] * b4
    q1 = v[1] * b0 + v[5] * b1 + v[6] * b2 - v[7] + v[8] * b4
    q2 = v[2] * b0 + v[6] * b1 + v[9] * b2 - v[10] + v[11] * b4
    q3 = v[3] * b0 + v[7] * b1 + v[10] * b2 - v[12] + v[13] * b4
    q4 = v[4] * b0 + v[8] * b1 + v[11] * b2 - v[13] + v[14] * b4
    s11 = a0 * p0 + a1 * p1 + a2 * p2
    s12 = a0 * q0 + a1 * q1 + a2 * q2
    s22 = b0 * q0 + b1 * q1 + b2 * q2 - q3 + b4 * q4
    determinant = s11 * s22 - s12 * s12
    if not (s11 > 0.0 and s22 > 0.0 and determinant > 1e-14 * s11 * s22 and determinant < math.inf):
        return False
    row[6], row[7], row[8], row[9], row[10] = p0, p1, p2, p3, p4
    row[11], row[12], row[13], row[14], row[15] = q0, q1, q2, q3, q4
    row[16], row[17], row[18] = s22 / determinant, -s12 / determinant, s11 / determinant
    row[21], row[22] = sin0 * cos_t - cos0 * sin_t, cos0 * cos_t + sin0 * sin_t
    row[23], row[24] = tan_lambda / stretch, stretch
    row[25], row[26], row[27] = j0, j1, j2
    return True


@lean_kernel
def _keep_charge(row, omega):
    """A refitted track bends as the measured one does: the equations have no solution across infinite momentum."""
    if not row[2] * omega > 1e-6 * omega * omega:
        row[2] = 1e-3 * omega
