"""The linear problem of one iteration: normal equations of the point, and what is known of it along the flight.

With r the residuals of a track and S its 2x2 weight (see `track.py`), M = sum B^T S B and g = sum B^T S r, the step of
the point is -M^-1 g and its covariance M^-1; the track follows with multipliers S (r + B dv).

Nearly parallel tracks (converted photons, light particles): along the direction e of flight M vanishes where the two
circles touch, and the chi2 there is quartic in the position t. The information along e is therefore averaged over the
Gaussian that is the answer: with h = M_ee (other directions profiled) + sum lambda c, c the second derivatives of the
equations along e, lambda = S r, and K = c^T S c (profiled),

    H = h + (3/2) K / H    =>   H = (h + sqrt(h^2 + 6 K)) / 2,

the mean of the second derivative of chi2/2 over t ~ N(t_hat, 1/H). For any other pair K << h^2 and H = M_ee. Where the
circles touch the variance 1/H is 0.82 sigma / kappa (kappa: sum of the curvatures, sigma: error of the distance); the
exact quartic likelihood has 0.96.
"""

import math
from typing import NamedTuple

from toymc.detector.vertex.track import _keep_charge
from toymc.kernels import lean_kernel

OK, NOT_CONVERGED, PARALLEL, BAD_COVARIANCE, BAD_HELIX = 0, 1, 2, 3, 4
"""Status: fitted, not converged, parallel or otherwise undetermined, covariance not positive, helix not finite."""
FARTHEST = 1e3
"""cm; a point beyond this is no vertex, and along the flight an error above it is no measurement."""
_ROUNDING = 1e-14
"""Information along the flight that is no more than this of the information across it is rounding."""
AT_PRODUCTION = 8
POINT = 14
"""Of `point`: 0-2 position, 3-8 its covariance, 9 chi2, 10-12 last step, 13 information along the flight."""


class FitOptions(NamedTuple):
    """What the kernels are told once per call.

    `flags`: sum of AT_PRODUCTION, and POINTING, MASS, PARALLEL_TRACKS of `constraints.py`. `opening`: transverse
    momentum q of PARALLEL_TRACKS, GeV. `momentum_unit`: pT times |omega|, GeV/cm.
    """

    flags: int
    target_mass: float
    opening: float
    momentum_unit: float


@lean_kernel
def _axis(work, k):
    """Unit vector of the line along which the point is known least if the tracks are nearly parallel."""
    ex, ey, ez = 0.0, 0.0, 0.0
    for i in range(k):
        x, y, z = work[i, 22], work[i, 21], work[i, 4]
        norm = 1.0 / math.sqrt(1.0 + z * z)
        if x * ex + y * ey + z * ez < 0.0:
            norm = -norm
        ex, ey, ez = ex + norm * x, ey + norm * y, ez + norm * z
    norm = 1.0 / math.sqrt(ex * ex + ey * ey + ez * ez)
    return ex * norm, ey * norm, ez * norm


@lean_kernel
def _normal(work, k, ex, ey, ez):
    """M (xx, xy, xz, yy, yz, zz), g, sum B^T S c, sum c^T S c, sum r^T S c."""
    xx, xy, xz, yy, yz, zz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    gx, gy, gz, kx, ky, kz, kk, lk = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(k):
        row = work[i]
        s11, s12, s22, r1, r2 = row[16], row[17], row[18], row[19], row[20]
        sine, cosine, t = row[21], row[22], row[23]
        # B = ((-sine, cosine, 0), (-t cosine, -t sine, 1)); u, v: rows of S B without z of the first equation
        bx, by = -t * cosine, -t * sine
        ux, uy = -s11 * sine + s12 * bx, s11 * cosine + s12 * by
        vx, vy = -s12 * sine + s22 * bx, s12 * cosine + s22 * by
        xx += -sine * ux + bx * vx
        xy += -sine * uy + bx * vy
        xz += -sine * s12 + bx * s22
        yy += cosine * uy + by * vy
        yz += cosine * s12 + by * s22
        zz += s22
        gx += ux * r1 + vx * r2
        gy += uy * r1 + vy * r2
        gz += s12 * r1 + s22 * r2
        along, across = cosine * ex + sine * ey, cosine * ey - sine * ex
        curve = row[2] * along / row[24]
        c1, c2 = curve * along, 2.0 * curve * across * t
        kx += ux * c1 + vx * c2
        ky += uy * c1 + vy * c2
        kz += s12 * c1 + s22 * c2
        d1, d2 = s11 * c1 + s12 * c2, s12 * c1 + s22 * c2
        kk += c1 * d1 + c2 * d2
        lk += r1 * d1 + r2 * d2
    return xx, xy, xz, yy, yz, zz, gx, gy, gz, kx, ky, kz, kk, lk


@lean_kernel
def _information(ex, ey, ez, xx, xy, xz, yy, yz, zz, kx, ky, kz, kk, lk):
    """Inverse of M split into the directions across e and the profiled one along it.

    Returns the inverse across (6 entries), the profiled direction, M_ee profiled, h and K; h is NaN if the point is
    undetermined across e.
    """
    if abs(ez) < 0.6:  # a and b: unit vectors across e
        norm = 1.0 / math.sqrt(ex * ex + ey * ey)
        ax, ay, az = -ey * norm, ex * norm, 0.0
    else:
        norm = 1.0 / math.sqrt(ey * ey + ez * ez)
        ax, ay, az = 0.0, -ez * norm, ey * norm
    bx, by, bz = ey * az - ez * ay, ez * ax - ex * az, ex * ay - ey * ax
    mx, my, mz = xx * ax + xy * ay + xz * az, xy * ax + yy * ay + yz * az, xz * ax + yz * ay + zz * az
    nx, ny, nz = xx * bx + xy * by + xz * bz, xy * bx + yy * by + yz * bz, xz * bx + yz * by + zz * bz
    aa, ab, bb = ax * mx + ay * my + az * mz, bx * mx + by * my + bz * mz, bx * nx + by * ny + bz * nz
    ae, be = ex * mx + ey * my + ez * mz, ex * nx + ey * ny + ez * nz
    ee = ex * (xx * ex + xy * ey + xz * ez) + ey * (xy * ex + yy * ey + yz * ez) + ez * (xz * ex + yz * ey + zz * ez)
    determinant = aa * bb - ab * ab
    if not (determinant > 1e-13 * aa * bb and determinant < math.inf):
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ex, ey, ez, 0.0, math.nan, 0.0
    iaa, iab, ibb = bb / determinant, -ab / determinant, aa / determinant
    ya, yb = iaa * ae + iab * be, iab * ae + ibb * be
    ka, kb = kx * ax + ky * ay + kz * az, kx * bx + ky * by + kz * bz
    flat = max(ee - ya * ae - yb * be, 0.0)
    bend = max(kk - (iaa * ka + iab * kb) * ka - (iab * ka + ibb * kb) * kb, 0.0)
    px, py, pz = iaa * ax + iab * bx, iaa * ay + iab * by, iaa * az + iab * bz
    qx, qy, qz = iab * ax + ibb * bx, iab * ay + ibb * by, iab * az + ibb * bz
    return (
        ax * px + bx * qx, ax * py + bx * qy, ax * pz + bx * qz,
        ay * py + by * qy, ay * pz + by * qz, az * pz + bz * qz,
        ex - ya * ax - yb * bx, ey - ya * ay - yb * by, ez - ya * az - yb * bz,
        flat, flat + lk, bend,
    )  # fmt: skip


@lean_kernel
def _system(work, point, k, weight, production, f, flags, ex, ey, ez):
    """What `_information` returns for the tracks (and the production point), followed by g."""
    xx, xy, xz, yy, yz, zz, gx, gy, gz, kx, ky, kz, kk, lk = _normal(work, k, ex, ey, ez)
    if flags & AT_PRODUCTION:
        w = weight[f]
        x, y, z = point[0] - production[f, 0], point[1] - production[f, 1], point[2] - production[f, 2]
        xx, xy, xz, yy, yz, zz = xx + w[0], xy + w[1], xz + w[2], yy + w[3], yz + w[4], zz + w[5]
        gx += w[0] * x + w[1] * y + w[2] * z
        gy += w[1] * x + w[3] * y + w[4] * z
        gz += w[2] * x + w[4] * y + w[5] * z
    oxx, oxy, oxz, oyy, oyz, ozz, wx, wy, wz, flat, h, bend = _information(
        ex, ey, ez, xx, xy, xz, yy, yz, zz, kx, ky, kz, kk, lk
    )
    if abs(h) < _ROUNDING * (xx + yy + zz):
        h = 0.0
    return oxx, oxy, oxz, oyy, oyz, ozz, wx, wy, wz, h, bend, gx, gy, gz


@lean_kernel
def _solve_linear(work, point, k, weight, production, f, flags):
    """Step of the point and twice the expected fall of chi2; covariance to `point`. NaN if undetermined."""
    ex, ey, ez = _axis(work, k)
    oxx, oxy, oxz, oyy, oyz, ozz, wx, wy, wz, h, bend, gx, gy, gz = _system(
        work, point, k, weight, production, f, flags, ex, ey, ez
    )
    full = 0.5 * (h + math.sqrt(h * h + 6.0 * bend))
    if not full > 1.0 / (FARTHEST * FARTHEST):
        return 0.0, 0.0, 0.0, math.nan
    point[3], point[4], point[5] = oxx + wx * wx / full, oxy + wx * wy / full, oxz + wx * wz / full
    point[6], point[7], point[8] = oyy + wy * wy / full, oyz + wy * wz / full, ozz + wz * wz / full
    # the step takes the local curvature, which converges faster where it is of use
    local = full if flags & ~AT_PRODUCTION else max(h, 0.1 * full)
    slope = (wx * gx + wy * gy + wz * gz) / local
    sx = -(oxx * gx + oxy * gy + oxz * gz + slope * wx)
    sy = -(oxy * gx + oyy * gy + oyz * gz + slope * wy)
    sz = -(oxz * gx + oyz * gy + ozz * gz + slope * wz)
    point[13] = full
    return sx, sy, sz, -(sx * gx + sy * gy + sz * gz)


@lean_kernel
def _follow(work, i, sx, sy, sz, helices, c):
    """Move track i to where it meets the new point as nearly as it likes; its chi2."""
    row, h = work[i], helices[c, i]
    sine, cosine, t = row[21], row[22], row[23]
    q1 = row[19] - sine * sx + cosine * sy
    q2 = row[20] - t * (cosine * sx + sine * sy) + sz
    l1, l2 = row[16] * q1 + row[17] * q2, row[17] * q1 + row[18] * q2
    for m in range(5):
        row[m] = h[m] - row[6 + m] * l1 - row[11 + m] * l2
    _keep_charge(row, h[2])
    return q1 * l1 + q2 * l2


@lean_kernel
def _production_chi2(point, weight, production, f):
    w = weight[f]
    x, y, z = point[0] - production[f, 0], point[1] - production[f, 1], point[2] - production[f, 2]
    return w[0] * x * x + w[3] * y * y + w[5] * z * z + 2.0 * (w[1] * x * y + w[2] * x * z + w[4] * y * z)
