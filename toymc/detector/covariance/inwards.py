"""From the crossings to the covariance: an information filter from the outermost measurement inwards, eight at a time.

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

Units cm, rad, 1/cm. The factor U is upper triangular, row by row (15 numbers), covariance = U U^T. The two angles of
a surface are taken together: with G their two directions and T their variances, I - I G (T^-1 + G^T I G)^-1 G^T I.

The helix changes from one surface that takes energy to the next; who has not met a surface has cos(psi) = 0 there and
neither path nor loss, so that nothing happens to its information.
"""

from toymc.detector.covariance.crossings import (
    ARC,
    COS_PSI,
    CROSSINGS,
    D0,
    INVERSE,
    KAPPA,
    KAPPA_T,
    OMEGA,
    ROW,
    SIN_PSI,
    SLANT,
    SOFT,
    R,
)
from toymc.detector.covariance.surfaces import COS, DEPTH, KIND, LOSS, SIN, WEIGHT_U, WEIGHT_V
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_math import log_of
from toymc.lane_memory import loaded
from toymc.lanes import WIDTH, chosen, filled, higher_of, root


@inlined_kernel
def _excess(omega, s):
    """(alpha - sin alpha)/omega^2 of alpha = omega s, up to alpha = 2.7."""
    y = omega * omega * s * s
    y2 = y * y
    y4 = y2 * y2
    low = (1.0 / 6.0 - y * (1.0 / 120.0)) + y2 * (1.0 / 5040.0 - y * (1.0 / 362880.0))
    middle = (1.0 / 39916800.0 - y * (1.0 / 6227020800.0)) + y2 * (
        1.0 / 1307674368000.0 - y * (1.0 / 355687428096000.0)
    )
    high = 1.0 / 121645100408832000.0 - y * (1.0 / 51090942171709440000.0)
    return s * s * s * omega * (low + y4 * (middle + y4 * high))


@inlined_kernel
def _add(info, weight, a, b, c, d, e):
    """info + weight h h^T for h = (a, b, c, d, e); info is the upper triangle, row by row."""
    wa, wb, wc, wd, we = weight * a, weight * b, weight * c, weight * d, weight * e
    return (
        info[0] + wa * a, info[1] + wa * b, info[2] + wa * c, info[3] + wa * d, info[4] + wa * e,
        info[5] + wb * b, info[6] + wb * c, info[7] + wb * d, info[8] + wb * e,
        info[9] + wc * c, info[10] + wc * d, info[11] + wc * e,
        info[12] + wd * d, info[13] + wd * e, info[14] + we * e,
    )  # fmt: skip


@inlined_kernel
def _times(info, a, b, c, d, e):
    """info times a vector."""
    return (
        (info[0] * a + info[1] * b) + (info[2] * c + info[3] * d) + info[4] * e,
        (info[1] * a + info[5] * b) + (info[6] * c + info[7] * d) + info[8] * e,
        (info[2] * a + info[6] * b) + (info[9] * c + info[10] * d) + info[11] * e,
        (info[3] * a + info[7] * b) + (info[10] * c + info[12] * d) + info[13] * e,
        (info[4] * a + info[8] * b) + (info[11] * c + info[13] * d) + info[14] * e,
    )


@inlined_kernel
def _times3(info, a, b, d):
    """info times (a, b, 0, d, 0)."""
    return (
        info[0] * a + info[1] * b + info[3] * d,
        info[1] * a + info[5] * b + info[7] * d,
        info[2] * a + info[6] * b + info[10] * d,
        info[3] * a + info[7] * b + info[12] * d,
        info[4] * a + info[8] * b + info[13] * d,
    )


@inlined_kernel
def _gain(info, kick):
    """Columns of I G, and the three elements of (T^-1 + G^T I G)^-1, for a `_kick`."""
    plane, dip, p0, p1, p3, f0, f1, f2, f3, f4 = kick
    a = _times3(info, p0, p1, p3)
    b = _times(info, f0, f1, f2, f3, f4)
    aa = 1.0 + plane * (a[0] * p0 + a[1] * p1 + a[3] * p3)
    ab = b[0] * p0 + b[1] * p1 + b[3] * p3
    bb = 1.0 + dip * ((b[0] * f0 + b[1] * f1) + (b[2] * f2 + b[3] * f3) + b[4] * f4)
    both = plane * dip
    scale = 1.0 / (aa * bb - both * ab * ab)
    return a, b, scale * plane * bb, -scale * both * ab, scale * dip * aa


@inlined_kernel
def _scatter(info, a, b, waa, wab, wbb):
    """Information left after a kick, from its `_gain`."""
    u0, v0 = -waa * a[0] - wab * b[0], -wab * a[0] - wbb * b[0]
    u1, v1 = -waa * a[1] - wab * b[1], -wab * a[1] - wbb * b[1]
    u2, v2 = -waa * a[2] - wab * b[2], -wab * a[2] - wbb * b[2]
    u3, v3 = -waa * a[3] - wab * b[3], -wab * a[3] - wbb * b[3]
    u4, v4 = -waa * a[4] - wab * b[4], -wab * a[4] - wbb * b[4]
    return (
        info[0] + u0 * a[0] + v0 * b[0], info[1] + u0 * a[1] + v0 * b[1], info[2] + u0 * a[2] + v0 * b[2],
        info[3] + u0 * a[3] + v0 * b[3], info[4] + u0 * a[4] + v0 * b[4],
        info[5] + u1 * a[1] + v1 * b[1], info[6] + u1 * a[2] + v1 * b[2], info[7] + u1 * a[3] + v1 * b[3],
        info[8] + u1 * a[4] + v1 * b[4],
        info[9] + u2 * a[2] + v2 * b[2], info[10] + u2 * a[3] + v2 * b[3], info[11] + u2 * a[4] + v2 * b[4],
        info[12] + u3 * a[3] + v3 * b[3], info[13] + u3 * a[4] + v3 * b[4], info[14] + u4 * a[4] + v4 * b[4],
    )  # fmt: skip


@inlined_kernel
def _lose(info, kappa, kappa_t, a, b, d):
    """Parameters in front of a surface instead of behind it: F = 1 + g_omega (kappa e_omega + kappa_t e_tan)^T."""
    va, vb, vc, vd, ve = _times3(info, a, b, d)
    va, vb, vc, vd, ve = va + info[2], vb + info[6], vc + info[9], vd + info[10], ve + info[11]
    norm = a * va + b * vb + vc + d * vd
    kn, tn = kappa * norm, kappa_t * norm
    return (
        info[0], info[1], info[2] + kappa * va, info[3], info[4] + kappa_t * va,
        info[5], info[6] + kappa * vb, info[7], info[8] + kappa_t * vb,
        info[9] + kappa * (2.0 * vc + kn), info[10] + kappa * vd, info[11] + kappa * (ve + tn) + kappa_t * vc,
        info[12], info[13] + kappa_t * vd, info[14] + kappa_t * (2.0 * ve + tn),
    )  # fmt: skip


@inlined_kernel
def _along(info, weight, a, b, c):
    """`_add` for h = (a, b, c, 0, 0)."""
    wa, wb, wc = weight * a, weight * b, weight * c
    return (
        info[0] + wa * a, info[1] + wa * b, info[2] + wa * c, info[3], info[4],
        info[5] + wb * b, info[6] + wb * c, info[7], info[8],
        info[9] + wc * c, info[10], info[11], info[12], info[13], info[14],
    )  # fmt: skip


@inlined_kernel
def _wire(info, weight, cosine, sine, here, r, sin_psi, cos_psi, s, sin_alpha, cos_alpha, versine, omega, tangent):
    """Add what a wire measures, the distance along (wire x direction of flight)."""
    if sine == 0.0:
        return _along(info, chosen(here, weight, 0.0), -cos_alpha, cos_psi * r, -versine)
    tilt = sine * tangent
    n_r, n_u, n_z = tilt - cosine * sin_psi, cosine * cos_psi, -sine * cos_psi
    # displacements at constant arc: radial; the azimuthal ones enter with n_u, cos(psi) u + sin(psi) r = cos(alpha)
    r0 = sin_alpha * cos_psi + cos_alpha * sin_psi
    r2 = _excess(omega, s) * cos_psi + versine * sin_psi
    w = chosen(here, weight / (n_r * n_r + n_u * n_u + n_z * n_z), 0.0)
    return _add(info, w, tilt * r0 - cosine * cos_alpha, n_u * r, tilt * r2 - cosine * versine, n_z, n_z * s)


@inlined_kernel
def _sensor(
    info, weight_u, weight_v, cosine, sine, here, r, sin_psi, cos_psi, s, sin_alpha, cos_alpha, versine, omega, tangent,
    slide,
):  # fmt: skip
    """Add both coordinates of a sensor, where the shifted track crosses it."""
    excess = _excess(omega, s)
    r0 = sin_alpha * cos_psi + cos_alpha * sin_psi
    u0 = sin_alpha * sin_psi - cos_alpha * cos_psi
    r2 = excess * cos_psi + versine * sin_psi
    u2 = excess * sin_psi - versine * cos_psi
    su = slide * sin_psi
    w = chosen(here, weight_u, 0.0)
    info = _add(info, w, u0 + su * cosine * r0, r, u2 + su * cosine * r2, su * sine, su * sine * s)
    sv = slide * (cosine * tangent - sine * cos_psi)
    along_r, along_z = sv * cosine - sine, sv * sine + cosine
    w = chosen(here, weight_v, 0.0)
    return _add(info, w, along_r * r0, 0.0, along_r * r2, along_z, along_z * s)


@inlined_kernel
def _measure(info, k, row, r, cos_psi, s, versine, omega, inverse, tangent, surfaces, work):
    """Add what a sensor or a wire layer measures at the crossing in `row`."""
    here, sin_psi, reach = cos_psi > 0.0, loaded(work, row + WIDTH * SIN_PSI), r * cos_psi * inverse
    cos_alpha, sin_alpha = 1.0 - omega * omega * versine, omega * reach
    if surfaces[k, KIND] == 2.0:
        return _wire(
            info, surfaces[k, WEIGHT_U], surfaces[k, COS], surfaces[k, SIN], here, r, sin_psi, cos_psi, s,
            sin_alpha, cos_alpha, versine, omega, tangent,
        )  # fmt: skip
    return _sensor(
        info, surfaces[k, WEIGHT_U], surfaces[k, WEIGHT_V], surfaces[k, COS], surfaces[k, SIN], here,
        r, sin_psi, cos_psi, s, sin_alpha, cos_alpha, versine, omega, tangent,
        -loaded(work, row + WIDTH * SLANT) / root(1.0 + tangent * tangent),
    )  # fmt: skip


@inlined_kernel
def _bent(s, versine, omega, d0, inverse, tangent):
    """(phi0, z0) of g_omega at an arc; its d0 is `versine`, its omega 1."""
    lag = (d0 * s + _excess(omega, s)) * inverse
    return s - omega * lag, tangent * lag


@inlined_kernel
def _kick(k, row, reach, s, versine, w1, w3, angle2, omega, d0, inverse, soft, tangent, surfaces, constants, work):
    """Scattering in a surface: T and G = (p, f), without the zeros of p = (p0, p1, 0, p3, 0)."""
    q = (d0 + omega * versine) * inverse
    stretch = 1.0 + tangent * tangent
    dip = angle2 * soft * (surfaces[k, DEPTH] * loaded(work, row + WIDTH * SLANT))
    f = constants.bending * omega * tangent
    return (
        dip * stretch, dip, reach, 1.0 - omega * q, tangent * q,
        f * versine, f * w1, f, f * w3 - stretch * s, stretch,
    )  # fmt: skip


@inlined_kernel
def _nothing():
    """No information."""
    zero = filled(0.0)
    return (zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)


@inlined_kernel
def _crossing(m, omega, d0, inverse, soft, surfaces, constants, work):
    """Row m of `work`: surface, place of the row, r, cos(psi), arc, whether momentum is lost there, and the helix and
    softness in front of it (those behind, which are given, where none is lost)."""
    k, row = int(work[m]), CROSSINGS + m * ROW
    losing = constants.losing > 0.0 and surfaces[k, LOSS] > 0.0
    if losing:
        omega, d0 = loaded(work, row + WIDTH * OMEGA), loaded(work, row + WIDTH * D0)
        inverse, soft = loaded(work, row + WIDTH * INVERSE), loaded(work, row + WIDTH * SOFT)
    r, cos_psi, s = loaded(work, row + WIDTH * R), loaded(work, row + WIDTH * COS_PSI), loaded(work, row + WIDTH * ARC)
    return k, row, r, cos_psi, s, losing, omega, d0, inverse, soft


@lean_kernel
def _inwards(n, tangent, angle2, omega, d0, inverse, soft, surfaces, constants, work):
    """Information about the perigee from the `n` rows of `work`; omega ... soft are behind the last of them."""
    info = _nothing()
    for m in range(n - 1, -1, -1):
        k, row, r, cos_psi, s, losing, omega, d0, inverse, soft = _crossing(
            m, omega, d0, inverse, soft, surfaces, constants, work
        )
        versine = 0.5 * (r * r - d0 * d0) * inverse
        if losing or surfaces[k, DEPTH] > 0.0:
            w1, w3 = _bent(s, versine, omega, d0, inverse, tangent)
            if losing:
                kappa, kappa_t = loaded(work, row + WIDTH * KAPPA), loaded(work, row + WIDTH * KAPPA_T)
                info = _lose(info, kappa, kappa_t, versine, w1, w3)
            if surfaces[k, DEPTH] > 0.0:
                kick = _kick(
                    k, row, r * cos_psi * inverse, s, versine, w1, w3, angle2,
                    omega, d0, inverse, soft, tangent, surfaces, constants, work,
                )  # fmt: skip
                a, b, waa, wab, wbb = _gain(info, kick)
                info = _scatter(info, a, b, waa, wab, wbb)
        if surfaces[k, WEIGHT_U] > 0.0:
            info = _measure(info, k, row, r, cos_psi, s, versine, omega, inverse, tangent, surfaces, work)
    return info


@inlined_kernel
def _angle2(total, inverse_beta2, constants):
    """Square of 13.6 MeV times the bracket of Highland's formula (beta at production)."""
    some_path = total > 0.0
    logarithm = log_of(chosen(some_path, total * inverse_beta2, 1.0))
    angle = constants.highland * higher_of(1.0 + constants.highland_log * logarithm, 0.1)
    return chosen(some_path, angle * angle, 0.0)


@inlined_kernel
def _factorised(info):
    """U with (information)^-1 = U U^T, and whether the information fixes all five parameters."""
    # information = M M^T, M lower: m_ij; n_i = 1/m_ii
    good = info[0] > 0.0
    n0 = 1.0 / root(info[0])
    m10, m20, m30, m40 = info[1] * n0, info[2] * n0, info[3] * n0, info[4] * n0
    d1 = info[5] - m10 * m10
    good = good & (d1 > 1e-14 * info[5])
    n1 = 1.0 / root(d1)
    m21, m31, m41 = (info[6] - m20 * m10) * n1, (info[7] - m30 * m10) * n1, (info[8] - m40 * m10) * n1
    d2 = info[9] - m20 * m20 - m21 * m21
    good = good & (d2 > 1e-14 * info[9])
    n2 = 1.0 / root(d2)
    m32 = (info[10] - m30 * m20 - m31 * m21) * n2
    m42 = (info[11] - m40 * m20 - m41 * m21) * n2
    d3 = info[12] - m30 * m30 - m31 * m31 - m32 * m32
    good = good & (d3 > 1e-14 * info[12])
    n3 = 1.0 / root(d3)
    m43 = (info[13] - m40 * m30 - m41 * m31 - m42 * m32) * n3
    d4 = info[14] - m40 * m40 - m41 * m41 - m42 * m42 - m43 * m43
    good = good & (d4 > 1e-14 * info[14])
    n4 = 1.0 / root(d4)
    # U = (M^-1)^T
    u1 = -n1 * m10 * n0
    u2 = -n2 * (m20 * n0 + m21 * u1)
    u3 = -n3 * (m30 * n0 + m31 * u1 + m32 * u2)
    u4 = -n4 * (m40 * n0 + m41 * u1 + m42 * u2 + m43 * u3)
    u6 = -n2 * m21 * n1
    u7 = -n3 * (m31 * n1 + m32 * u6)
    u8 = -n4 * (m41 * n1 + m42 * u6 + m43 * u7)
    u10 = -n3 * m32 * n2
    u11 = -n4 * (m42 * n2 + m43 * u10)
    return (n0, u1, u2, u3, u4, n1, u6, u7, u8, n2, u10, u11, n3, -n4 * m43 * n3, n4), good
