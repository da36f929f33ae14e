"""From the crossings to the covariance: an information filter from the outermost measurement inwards.

In a constant field the five helix parameters at the perigee do not change along the track. So the information matrix of
the perigee needs no transport: a measurement with gradient h and variance v adds h h^T/v; scattering by an angle of
variance t at a surface, which changes the parameters seen from outside by g per radian, replaces I by
(I^-1 + t g g^T)^-1 = I - (I g)(I g)^T/(1/t + g^T I g); loss of momentum maps the parameters behind a surface to those
in front. This is the Kalman filter of R. Fruehwirth [NIM A 262 (1987) 444] in the form of P. Billoir [NIM 225 (1984)
352], and equal to the weight-matrix fit with all correlations of scattering (the tests compare them).

Displacements. A small change of the perigee parameters shifts the point at arc s, measured along the direction of
flight (t) and to its right (n), with alpha = omega s:
    d0: (sin alpha, cos alpha)   phi0: (r sin psi, -r cos psi)   omega: ((alpha - sin alpha), (1 - cos alpha))/omega^2
and z by 1 for z0, s for tan lambda. Turning the direction by a unit angle at s, with the point fixed, changes them by
    g_phi = (sin alpha/omega, 1 - omega q, 0, tan(lambda) q, 0),  q = (d0 + (1 - cos alpha)/omega)/(1 + omega d0),
and a unit change of omega there by
    g_omega = ((1 - cos alpha)/omega^2, s - omega m, 1, tan(lambda) m, 0),
    m = (d0 s + (alpha - sin alpha)/omega^2)/(1 + omega d0).
The dip angle changes tan lambda by 1/cos^2(lambda) and, at constant momentum, omega by omega tan lambda: soft forward
tracks know pT no better than tan(lambda) sigma(lambda), while p is known well. The ideal calculation keeps the two
projections apart instead, as Gluckstern's formulae and the weight-matrix calculations that it is compared with do.
Scattering: Highland's formula, its logarithm taken once with the X/X0 of the whole path up to the last measurement [PDG
review, eq. 34.16]; the angle is shared by g_phi (1/cos lambda) and the dip.

Units cm, rad, 1/cm. `factor` is upper triangular, row by row (15 numbers), covariance = U U^T.
"""

import math

from toymc.detector.covariance.path import (
    ARC,
    AT,
    COS_ALPHA,
    COS_PSI,
    D0,
    EXCESS,
    KAPPA,
    KAPPA_T,
    OMEGA,
    PATH,
    SIN_PSI,
    SINE,
    SOFT,
    VERSINE,
    R,
)
from toymc.detector.covariance.surfaces import COS, KIND, SIN, WEIGHT_U, WEIGHT_V
from toymc.kernels import inlined_kernel, lean_kernel


@inlined_kernel
def _add(info, weight, a, b, c, d, e):
    """info += weight h h^T for h = (a, b, c, d, e); info is the upper triangle, row by row."""
    wa, wb, wc, wd = weight * a, weight * b, weight * c, weight * d
    info[0] += wa * a
    info[1] += wa * b
    info[2] += wa * c
    info[3] += wa * d
    info[4] += wa * e
    info[5] += wb * b
    info[6] += wb * c
    info[7] += wb * d
    info[8] += wb * e
    info[9] += wc * c
    info[10] += wc * d
    info[11] += wc * e
    info[12] += wd * d
    info[13] += wd * e
    info[14] += weight * e * e


@inlined_kernel
def _times(info, a, b, c, d, e):
    """info times a vector."""
    return (
        info[0] * a + info[1] * b + info[2] * c + info[3] * d + info[4] * e,
        info[1] * a + info[5] * b + info[6] * c + info[7] * d + info[8] * e,
        info[2] * a + info[6] * b + info[9] * c + info[10] * d + info[11] * e,
        info[3] * a + info[7] * b + info[10] * c + info[12] * d + info[13] * e,
        info[4] * a + info[8] * b + info[11] * c + info[13] * d + info[14] * e,
    )


@inlined_kernel
def _scatter(info, variance, a, b, c, d, e):
    """Information left after a random change of the parameters along (a, b, c, d, e)."""
    va, vb, vc, vd, ve = _times(info, a, b, c, d, e)
    weight = -variance / (1.0 + variance * (a * va + b * vb + c * vc + d * vd + e * ve))
    _add(info, weight, va, vb, vc, vd, ve)


@inlined_kernel
def _lose(info, kappa, kappa_t, a, b, c, d):
    """Parameters in front of a surface instead of behind it: F = 1 + g_omega (kappa e_omega + kappa_t e_tan)^T."""
    va, vb, vc, vd, ve = _times(info, a, b, c, d, 0.0)
    norm = a * va + b * vb + c * vc + d * vd
    info[2] += kappa * va
    info[6] += kappa * vb
    info[9] += 2.0 * kappa * vc + kappa * kappa * norm
    info[10] += kappa * vd
    info[11] += kappa * ve + kappa_t * vc + kappa * kappa_t * norm
    info[4] += kappa_t * va
    info[8] += kappa_t * vb
    info[13] += kappa_t * vd
    info[14] += 2.0 * kappa_t * ve + kappa_t * kappa_t * norm


@inlined_kernel
def _measure(info, surface, c, tan_lambda):
    """Add what a sensor or a wire layer measures at the crossing `c`."""
    cos_psi, sin_psi, r, omega = c[COS_PSI], c[SIN_PSI], c[R], c[OMEGA]
    sin_alpha = omega * c[SINE]
    # displacements at constant arc: radial, azimuthal, z
    r0 = sin_alpha * cos_psi + c[COS_ALPHA] * sin_psi
    u0 = sin_alpha * sin_psi - c[COS_ALPHA] * cos_psi
    r2 = c[EXCESS] * cos_psi + c[VERSINE] * sin_psi
    u2 = c[EXCESS] * sin_psi - c[VERSINE] * cos_psi
    s = c[ARC]
    cosine, sine = surface[COS], surface[SIN]
    if surface[KIND] == 2.0:
        # distance from the wire: along (wire x direction of flight)
        n_r = sine * tan_lambda - cosine * sin_psi
        n_u = cosine * cos_psi
        n_z = -sine * cos_psi
        weight = surface[WEIGHT_U] / (n_r * n_r + n_u * n_u + n_z * n_z)
        _add(info, weight, n_r * r0 + n_u * u0, n_u * r, n_r * r2 + n_u * u2, n_z, n_z * s)
        return
    # where the shifted track crosses the sensor
    slide = -1.0 / (cosine * cos_psi + sine * tan_lambda)
    su = slide * sin_psi
    _add(
        info, surface[WEIGHT_U], u0 + su * cosine * r0, r, u2 + su * cosine * r2, su * sine, su * sine * s
    )  # fmt: skip
    sv = slide * (cosine * tan_lambda - sine * cos_psi)
    along_r = sv * cosine - sine
    along_z = sv * sine + cosine
    _add(info, surface[WEIGHT_V], along_r * r0, 0.0, along_r * r2, along_z, along_z * s)


@inlined_kernel
def _kick(c, tan_lambda):
    """g_phi and g_omega at a crossing: (d0, phi0, z0) of the first, (d0, phi0, z0) of the second."""
    omega, d0, s = c[OMEGA], c[D0], c[ARC]
    inverse = 1.0 / (1.0 + omega * d0)
    q = (d0 + omega * c[VERSINE]) * inverse
    m = (d0 * s + c[EXCESS]) * inverse
    return c[SINE], 1.0 - omega * q, tan_lambda * q, c[VERSINE], s - omega * m, tan_lambda * m


@lean_kernel
def _angle2(n, inverse_beta2, surfaces, constants, work):
    """Square of 13.6 MeV times the bracket of Highland's formula (beta at production); last crossing that measures."""
    total = 0.0
    depth = 0.0
    last = -1
    for k in range(n):
        depth += work[k, PATH]
        if surfaces[int(work[k, AT]), WEIGHT_U] > 0.0:
            last = k
            total = depth
    if last < 0 or not total > 0.0:
        return 0.0, last
    bracket = max(1.0 + constants.highland_log * math.log(total * inverse_beta2), 0.1)
    return (constants.highland * bracket) ** 2, last


@lean_kernel
def _factorise(info, factor):
    """U with (information)^-1 = U U^T; False if the information does not fix all five parameters."""
    # information = M M^T, M lower: m_ij
    if not info[0] > 0.0:
        return False
    m00 = math.sqrt(info[0])
    m10, m20, m30, m40 = info[1] / m00, info[2] / m00, info[3] / m00, info[4] / m00
    d1 = info[5] - m10 * m10
    if not d1 > 1e-14 * info[5]:
        return False
    m11 = math.sqrt(d1)
    m21, m31, m41 = (info[6] - m20 * m10) / m11, (info[7] - m30 * m10) / m11, (info[8] - m40 * m10) / m11
    d2 = info[9] - m20 * m20 - m21 * m21
    if not d2 > 1e-14 * info[9]:
        return False
    m22 = math.sqrt(d2)
    m32 = (info[10] - m30 * m20 - m31 * m21) / m22
    m42 = (info[11] - m40 * m20 - m41 * m21) / m22
    d3 = info[12] - m30 * m30 - m31 * m31 - m32 * m32
    if not d3 > 1e-14 * info[12]:
        return False
    m33 = math.sqrt(d3)
    m43 = (info[13] - m40 * m30 - m41 * m31 - m42 * m32) / m33
    d4 = info[14] - m40 * m40 - m41 * m41 - m42 * m42 - m43 * m43
    if not d4 > 1e-14 * info[14]:
        return False
    # U = (M^-1)^T
    n0, n1, n2, n3 = 1.0 / m00, 1.0 / m11, 1.0 / m22, 1.0 / m33
    n4 = 1.0 / math.sqrt(d4)
    factor[0] = n0
    factor[1] = -n1 * m10 * n0
    factor[2] = -n2 * (m20 * n0 + m21 * factor[1])
    factor[3] = -n3 * (m30 * n0 + m31 * factor[1] + m32 * factor[2])
    factor[4] = -n4 * (m40 * n0 + m41 * factor[1] + m42 * factor[2] + m43 * factor[3])
    factor[5] = n1
    factor[6] = -n2 * m21 * n1
    factor[7] = -n3 * (m31 * n1 + m32 * factor[6])
    factor[8] = -n4 * (m41 * n1 + m42 * factor[6] + m43 * factor[7])
    factor[9] = n2
    factor[10] = -n3 * m32 * n2
    factor[11] = -n4 * (m42 * n2 + m43 * factor[10])
    factor[12] = n3
    factor[13] = -n4 * m43 * n3
    factor[14] = n4
    return True


@lean_kernel
def _filter(n, inverse_beta2, tan_lambda, surfaces, constants, work, info):
    """Information about the perigee from the `n` crossings in `work`."""
    for i in range(15):
        info[i] = 0.0
    angle2, last = _angle2(n, inverse_beta2, surfaces, constants, work)
    stretch = 1.0 + tan_lambda * tan_lambda
    for k in range(last, -1, -1):
        c = work[k]
        surface = surfaces[int(c[AT])]
        if k < last and (c[PATH] > 0.0 or c[KAPPA] != 0.0):
            p0, p1, p3, w0, w1, w3 = _kick(c, tan_lambda)
            if c[KAPPA] != 0.0:
                _lose(info, c[KAPPA], c[KAPPA_T], w0, w1, 1.0, w3)
            if c[PATH] > 0.0:
                variance = angle2 * c[PATH] * c[SOFT]
                _scatter(info, variance * stretch, p0, p1, 0.0, p3, 0.0)
                f = constants.bending * c[OMEGA] * tan_lambda
                _scatter(info, variance, f * w0, f * w1, f, f * w3 - stretch * c[ARC], stretch)
        if surface[WEIGHT_U] > 0.0:
            _measure(info, surface, c, tan_lambda)
