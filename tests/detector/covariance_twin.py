"""The slow twin of the covariance engine: one particle at a time, surface by surface, in matrices.

The same rules and formulas as `toymc.detector.covariance.crossings` and `inwards`, written straightforwardly: a loop
that stops, library functions, 5 x 5 matrices, F^T I F for the loss of energy, the covariance by inversion.
"""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.surfaces import (
    COS,
    DEPTH,
    EXCITATION,
    KIND,
    LAYER,
    LOSS,
    PHI_MIN,
    PHI_WIDTH,
    PLASMA,
    RADIUS,
    SIN,
    SLOPE,
    SYSTEM,
    WEIGHT_U,
    WEIGHT_V,
    Z_MAX,
    Z_MIDDLE,
    Z_MIN,
)
from toymc.kernels import kernel

# columns of a crossing: row of the surface, r, sin(psi), cos(psi), arc, omega, d0, X/X0, 1/(p beta)^2, derivatives of
# omega behind the surface by omega in front (less 1) and by tan lambda
AT, R, SIN_PSI, COS_PSI, ARC, OMEGA, D0, PATH, SOFT, KAPPA, KAPPA_T = range(11)


@kernel
def _arc(r, d0, omega):
    """Transverse arc from the perigee out to radius r; -1 if the circle does not reach it or starts outside."""
    square = (r * r - d0 * d0) / (1.0 + omega * d0)
    if square < 0.0 or 0.25 * omega * omega * square > 1.0:
        return -1.0
    return 2.0 * math.asin(0.5 * omega * math.sqrt(square)) / omega


@kernel
def _cone(surface, k_invariant, omega, d0, z_at, arc_at, tangent):
    """Radius at which the helix meets a cone, by Newton's method; -1 if it does not."""
    slope = surface[SLOPE]
    r = surface[RADIUS] + max(slope * (surface[Z_MAX] - surface[Z_MIN]), 0.0)
    for _ in range(6):
        sine = k_invariant / r - 0.5 * omega * r
        s = _arc(r, d0, omega)
        if not 1.0 - sine * sine > 0.01 or s < 0.0:
            return -1.0
        z = z_at + (s - arc_at) * tangent
        derivative = 1.0 - slope * tangent / math.sqrt(1.0 - sine * sine)
        step = (r - surface[RADIUS] - slope * (z - surface[Z_MIN])) / derivative
        r -= step
        if abs(step) < 1e-9:
            break
        if not r > abs(d0):
            return -1.0
    return r


@kernel
def _radius(surface, k_invariant, omega, d0, z_at, arc_at, tangent, z_there):
    """Where a surface is met: wires on their hyperboloid at the height `z_there`."""
    if surface[KIND] == 1.0 and surface[SLOPE] != 0.0:
        return _cone(surface, k_invariant, omega, d0, z_at, arc_at, tangent)
    if surface[KIND] == 2.0:
        return math.sqrt(surface[RADIUS] ** 2 + surface[SLOPE] * (z_there - surface[Z_MIDDLE]) ** 2)
    return surface[RADIUS]


@kernel
def _outset(x, y, px, py, pz, charge, field):
    """(omega, K, d0, radius and arc of the start); omega = 0 for no helix."""
    pt = math.sqrt(px * px + py * py)
    if not (pt > 1e-6 and pt * pt + pz * pz < 1e8 and abs(pz) < 1e3 * pt):
        return 0.0, 0.0, 0.0, 0.0, 0.0
    omega = charge * OMEGA_PER_TESLA_GEV_CM * field / pt
    k_invariant = (x * py - y * px) / pt + 0.5 * omega * (x * x + y * y)
    square = 1.0 + 2.0 * omega * k_invariant
    if not square > 1e-9:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    d0 = 2.0 * k_invariant / (1.0 + math.sqrt(square))
    start = math.sqrt(x * x + y * y)
    arc = _arc(max(start, abs(d0)), d0, omega)
    if arc < 0.0:
        arc = math.pi / abs(omega)
    if x * px + y * py < 0.0:
        return omega, k_invariant, d0, abs(d0), -arc
    return omega, k_invariant, d0, start, arc


@kernel
def _energy_behind(surface, slant, energy, mass, log_bg):
    """Mean of Bethe's formula."""
    beta2 = 1.0 - (mass / energy) ** 2
    bracket = surface[EXCITATION] + 2.0 * log_bg - beta2 - max(surface[PLASMA] + log_bg, 0.0)
    return energy - surface[LOSS] * slant / beta2 * max(bracket, 1.0)


@kernel
def follow(state, charge, mass, end_arc, surfaces, constants, rows):
    """Crossings of one particle in `rows`; their number and the pixel, strip and wire layers that can measure."""
    n, counts, layer = 0, [0, 0, 0], -1.0
    x, y, z, px, py, pz = state
    omega, k_invariant, d0, start, arc_at = _outset(x, y, px, py, pz, charge, constants.field)
    if omega == 0.0:
        return n, counts
    pt, p2 = math.sqrt(px * px + py * py), px * px + py * py + pz * pz
    tangent, p2_now, energy = pz / pt, p2, math.sqrt(p2 + mass * mass)
    log_bg = 0.5 * math.log(p2 / (mass * mass)) if mass > 0.0 else 10.0
    secant = math.sqrt(1.0 + tangent * tangent)
    phi, flown, z_at = math.atan2(py, px), 0.0, z
    z_before, r_before, rise = z, start, tangent
    for k in range(len(surfaces)):
        surface = surfaces[k]
        silicon = surface[KIND] == 1.0
        if silicon and surface[LAYER] == layer:
            continue  # a layer measures once
        z_there = z_before + rise * (surface[RADIUS] - r_before)
        r = _radius(surface, k_invariant, omega, d0, z_at, arc_at, tangent, z_there)
        turn = abs(d0 + 2.0 / omega)
        if r > turn + 5.0 and not (silicon and surface[SLOPE] != 0.0):
            break
        if r <= start or r >= turn:
            continue
        sine = k_invariant / r - 0.5 * omega * r
        s = _arc(r, d0, omega)
        z_now = z_at + (s - arc_at) * tangent
        inside = z_now >= surface[Z_MIN] and z_now <= surface[Z_MAX]
        if abs(sine) > constants.sin_max or s < arc_at or not inside:
            continue
        if flown + s - arc_at > end_arc:
            break
        azimuth = (phi - omega * (s - arc_at) - math.asin(sine) - surface[PHI_MIN]) % (2.0 * math.pi)
        if surface[PHI_WIDTH] < 7.0 and azimuth > surface[PHI_WIDTH]:
            continue
        cosine = math.sqrt(1.0 - sine * sine)
        incidence = surface[COS] * cosine + surface[SIN] * tangent if silicon else cosine
        if not incidence > 0.05:
            continue
        slant = secant / incidence
        soft = energy * energy / (p2_now * p2_now)
        rows[n] = [k, r, sine, cosine, s, omega, d0, surface[DEPTH] * slant, soft, 0.0, 0.0]
        n += 1
        layer = surface[LAYER]
        z_before, r_before, rise = z_now, r, tangent / cosine
        if surface[WEIGHT_U] > 0.0:
            counts[2 if surface[KIND] == 2.0 else (0 if surface[SYSTEM] == 0.0 else 1)] += 1
        if constants.losing > 0.0 and surface[LOSS] > 0.0:
            after = _energy_behind(surface, slant, energy, mass, log_bg)
            p2_after = after * after - mass * mass
            if not (after > mass and p2_after > 0.25 * p2):
                break
            ratio = math.sqrt(p2_now / p2_after)
            slope = ratio * ratio * after / energy
            rows[n - 1, KAPPA] = ratio * slope - 1.0
            rows[n - 1, KAPPA_T] = omega * ratio * (1.0 - slope) * tangent / (secant * secant)
            phi, flown = phi - omega * (s - arc_at), flown + s - arc_at
            omega, energy, p2_now = omega * ratio, after, p2_after
            k_invariant = r * sine + 0.5 * omega * r * r
            square = 1.0 + 2.0 * omega * k_invariant
            if not square > 1e-9:
                break
            d0 = 2.0 * k_invariant / (1.0 + math.sqrt(square))
            z_at, start, arc_at = z_now, r, _arc(r, d0, omega)
            if arc_at < 0.0:
                break
    return n, counts


@kernel
def _measure(info, surface, tangent, sin_psi, cos_psi, radial, azimuthal, z_shift):
    """Add h h^T/variance; the last three are derivatives of the point at constant arc."""
    c, s = surface[COS], surface[SIN]
    if surface[KIND] == 2.0:
        n_r, n_u, n_z = s * tangent - c * sin_psi, c * cos_psi, -s * cos_psi
        h = n_r * radial + n_u * azimuthal + n_z * z_shift
        info += surface[WEIGHT_U] / (n_r * n_r + n_u * n_u + n_z * n_z) * np.outer(h, h)
        return
    # the shifted track crosses the sensor further along its way
    across = c * radial + s * z_shift
    slide = -across / (c * cos_psi + s * tangent)
    h = azimuthal + slide * sin_psi
    info += surface[WEIGHT_U] * np.outer(h, h)
    h = -s * (radial + slide * cos_psi) + c * (z_shift + slide * tangent)
    info += surface[WEIGHT_V] * np.outer(h, h)


@kernel
def information(n, tangent, inverse_beta2, surfaces, constants, rows):
    """Information about the perigee from the first `n` rows, (5, 5)."""
    info = np.zeros((5, 5))
    last, total, depth = -1, 0.0, 0.0
    for k in range(n):
        depth += rows[k, PATH]
        if surfaces[int(rows[k, AT]), WEIGHT_U] > 0.0:
            last, total = k, depth
    angle2 = 0.0
    if total > 0.0:
        bracket = max(1.0 + constants.highland_log * math.log(total * inverse_beta2), 0.1)
        angle2 = (constants.highland * bracket) ** 2
    stretch = 1.0 + tangent * tangent
    for k in range(last, -1, -1):
        at, r, sin_psi, cos_psi, s, omega, d0, path, soft, kappa, kappa_t = rows[k]
        alpha, inverse = omega * s, 1.0 / (1.0 + omega * d0)
        sagitta = 2.0 * math.sin(0.5 * alpha) ** 2 / omega**2
        lag = (alpha - math.sin(alpha)) / omega**2 if abs(alpha) > 0.05 else omega * s**3 * (
            1.0 / 6.0 - alpha**2 * (1.0 / 120.0 - alpha**2 / 5040.0))  # fmt: skip
        q, m = (d0 + omega * sagitta) * inverse, (d0 * s + lag) * inverse
        g_phi = np.array([math.sin(alpha) / omega, 1.0 - omega * q, 0.0, tangent * q, 0.0])
        g_omega = np.array([sagitta, s - omega * m, 1.0, tangent * m, 0.0])
        if k < last:
            change = np.eye(5) + np.outer(g_omega, np.array([0.0, 0.0, kappa, 0.0, kappa_t]))
            info = change.T @ info @ change
            dip = constants.bending * omega * tangent * g_omega + stretch * np.array([0.0, 0.0, 0.0, -s, 1.0])
            variance = angle2 * path * soft
            for t, g in ((variance * stretch, g_phi), (variance, dip)):
                v = info @ g
                info -= t / (1.0 + t * (g @ v)) * np.outer(v, v)
        if surfaces[int(at), WEIGHT_U] > 0.0:
            # along the flight (cos psi radially, sin psi in azimuth) and to its right (sin psi, -cos psi)
            along = np.array([math.sin(alpha), r * sin_psi, lag, 0.0, 0.0])
            right = np.array([math.cos(alpha), -r * cos_psi, sagitta, 0.0, 0.0])
            radial, azimuthal = cos_psi * along + sin_psi * right, sin_psi * along - cos_psi * right
            z_shift = np.array([0.0, 0.0, 0.0, 1.0, s])
            _measure(info, surfaces[int(at)], tangent, sin_psi, cos_psi, radial, azimuthal, z_shift)
    return info


@kernel
def twin_rows(states, surfaces, constants, infos, hits):
    """Information (n, 5, 5) and hits (n, 3) of the columns of `states`."""
    rows = np.zeros((len(surfaces), 11))
    for i in range(len(hits)):
        state = (states[0, i], states[1, i], states[2, i], states[3, i], states[4, i], states[5, i])
        mass = states[7, i]
        n, counts = follow(state, states[6, i], mass, states[8, i], surfaces, constants, rows)
        hits[i, 0], hits[i, 1], hits[i, 2] = counts
        pt2 = state[3] ** 2 + state[4] ** 2
        p2 = pt2 + state[5] ** 2
        if n > 0:
            infos[i] = information(n, state[5] / math.sqrt(pt2), 1.0 + mass * mass / p2, surfaces, constants, rows)


def twin_covariance(states, surfaces, constants):
    """Covariance (n, 5, 5), NaN where the information cannot be inverted well, its condition (scaled) and hits."""
    n = states.shape[1]
    infos, hits = np.zeros((n, 5, 5)), np.zeros((n, 3), dtype=np.int64)
    twin_rows(states, surfaces, constants, infos, hits)
    scale = np.sqrt(infos[:, range(5), range(5)])
    known = (scale > 0.0).all(axis=1) & np.isfinite(scale).all(axis=1)
    scale[~known] = 1.0
    scaled = infos / (scale[:, :, None] * scale[:, None, :])
    scaled[~known] = np.eye(5)
    condition = np.where(known, np.linalg.cond(scaled), np.inf)
    good = condition < 1e14
    covariance = np.full((n, 5, 5), np.nan)
    covariance[good] = np.linalg.inv(scaled[good]) / (scale[good][:, :, None] * scale[good][:, None, :])
    return covariance, condition, hits
