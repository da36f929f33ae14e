"""The way of a particle through the surfaces of the tracker: first outward arc of its helix, with energy loss.

Around the z axis a circle of curvature omega obeys r sin(psi) = K - omega r^2/2, where psi is the angle from the radius
vector to the direction of flight and K = d0 (1 + omega d0/2): both sides are the angular momentum about the axis. The
transverse arc s from the perigee follows from the chord c = 2 sin(omega s/2)/omega, c^2 = (r^2 - d0^2)/(1 + omega d0).

Rules. Only the outgoing arc counts: a particle that first flies inwards is followed from its perigee on. A surface
crossed more obliquely than the card's `obliquest_sine` (|sin psi|, near the turning point of a curling track) gives
neither hit nor material. Momentum is lost at surfaces by the mean of Bethe's formula with the density effect at its
high-energy form and the logarithm of beta gamma at production [PDG review, eqs. 34.5 and 34.7]; the helix behind a
surface has the smaller momentum; a particle that has lost half of it is not followed further. Straggling of the loss is
left out: it is below 1e-3 of p wherever p is measured to 3e-3.
"""

import math

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
    Z_MAX,
    Z_MIDDLE,
    Z_MIN,
)
from toymc.kernels import inlined_kernel, lean_kernel

# columns of `work`: one row per crossing
AT = 0  # row of the surface
R = 1
COS_PSI = 2
SIN_PSI = 3
ARC = 4  # s, transverse, from the perigee of the helix in front of the surface
SINE = 5  # sin(alpha)/omega, alpha = omega s
VERSINE = 6  # (1 - cos(alpha))/omega^2
EXCESS = 7  # (alpha - sin(alpha))/omega^2
COS_ALPHA = 8
OMEGA = 9
D0 = 10
PATH = 11  # X/X0 along the track
SOFT = 12  # 1/(p beta)^2, 1/GeV^2
KAPPA = 13  # d(omega behind)/d(omega in front) - 1
KAPPA_T = 14  # d(omega behind)/d(tan lambda)
WORK_COLUMNS = 15
WORK_ROWS = 320
"""More crossings than any card has surfaces to cross; further ones are not followed."""


_SLOWED = 0.25
"""A particle that has lost half of its momentum (square) is not followed further: it ranges out soon after."""


@inlined_kernel
def _arcsine(x):
    """asin, by its series where that is exact to 1e-9."""
    y = x * x
    if y > 0.0625:
        return math.asin(min(max(x, -1.0), 1.0))
    tail = 105.0 / 3456.0 + y * (945.0 / 42240.0 + y * (10395.0 / 599040.0))
    return x * (1.0 + y * (1.0 / 6.0 + y * (0.075 + y * (15.0 / 336.0 + y * tail))))


@lean_kernel
def _arc(r, d0, omega):
    """Transverse arc from the perigee out to radius r; -1 if the circle does not reach it or starts outside."""
    square = (r * r - d0 * d0) / (1.0 + omega * d0)
    half = 0.5 * omega * math.sqrt(max(square, 0.0))
    if square < 0.0 or half * half > 1.0:
        return -1.0
    return 2.0 * _arcsine(half) / omega


@lean_kernel
def _meet_cone(surface, k_invariant, omega, d0, z_at, arc_at, tan_lambda):
    """Radius at which the helix meets a cone, by Newton's method; -1 if it does not."""
    slope = surface[SLOPE]
    r = surface[RADIUS]
    if slope > 0.0:
        r += slope * (surface[Z_MAX] - surface[Z_MIN])
    for _ in range(6):
        sine = k_invariant / r - 0.5 * omega * r
        square = 1.0 - sine * sine
        if not square > 0.01:
            return -1.0
        s = _arc(r, d0, omega)
        if s < 0.0:
            return -1.0
        z = z_at + (s - arc_at) * tan_lambda
        step = (r - surface[RADIUS] - slope * (z - surface[Z_MIN])) / (1.0 - slope * tan_lambda / math.sqrt(square))
        r -= step
        if abs(step) < 1e-9:
            break
        if not r > abs(d0):
            return -1.0
    return r


@lean_kernel
def _inside_window(phi, low, width):
    """Whether an azimuth lies in a window."""
    apart = phi - low
    apart -= 2.0 * math.pi * math.floor(apart / (2.0 * math.pi))
    return apart <= width


@lean_kernel
def _energy_after(energy, mass, loss, excitation, plasma, log_bg):
    """Energy behind a piece of material: mean of Bethe's formula."""
    beta2 = 1.0 - (mass / energy) ** 2
    if beta2 <= 0.0:
        return mass
    bracket = excitation + 2.0 * log_bg - beta2 - max(plasma + log_bg, 0.0)
    return energy - loss / beta2 * max(bracket, 1.0)


@inlined_kernel
def _record(work, n, at, r, sine, cosine, s, chord2, omega, d0, inverse, path, soft):
    """One crossing; `inverse` is 1/(1 + omega d0)."""
    row = work[n]
    half2 = 0.25 * omega * omega * chord2
    row[AT] = at
    row[R] = r
    row[COS_PSI] = cosine
    row[SIN_PSI] = sine
    row[ARC] = s
    row[SINE] = r * cosine * inverse  # the radial part of the way: sin(alpha)/omega = r cos(psi)/(1 + omega d0)
    row[VERSINE] = 0.5 * chord2
    a2 = omega * omega * s * s
    if a2 < 0.25:
        row[EXCESS] = s * s * s * omega * (1.0 - a2 * (0.05 - a2 * (1.0 / 840.0 - a2 * (1.0 / 60480.0)))) * (1.0 / 6.0)
    else:
        row[EXCESS] = (s - row[SINE]) / omega
    row[COS_ALPHA] = 1.0 - 2.0 * half2
    row[OMEGA] = omega
    row[D0] = d0
    row[PATH] = path
    row[SOFT] = soft
    row[KAPPA] = 0.0
    row[KAPPA_T] = 0.0


@lean_kernel
def _behind(row, ratio, energies, omega, tan_lambda, secant):
    """Derivatives of omega behind a surface; momenta and energies as ratios in front/behind and behind/in front."""
    slope = ratio * ratio * energies
    row[KAPPA] = ratio * slope - 1.0
    row[KAPPA_T] = omega * ratio * (1.0 - slope) * tan_lambda / (secant * secant)


@inlined_kernel
def _radius(surface, k_invariant, omega, d0, z_at, arc_at, tan_lambda, z_there):
    """Radius at which a surface is met: cones by `_meet_cone`, wires on their hyperboloid at z = `z_there`."""
    r = surface[RADIUS]
    if surface[SLOPE] != 0.0:
        if surface[KIND] == 1.0:
            return _meet_cone(surface, k_invariant, omega, d0, z_at, arc_at, tan_lambda)
        if surface[KIND] == 2.0:
            off = z_there - surface[Z_MIDDLE]
            return math.sqrt(r * r + surface[SLOPE] * off * off)
    return r


@inlined_kernel
def _perigee(k_invariant, omega, r):
    """1 + omega d0, d0 and the arc at radius r of a helix; a negative arc if there is none."""
    square = 1.0 + 2.0 * omega * k_invariant
    if not square > 1e-9:
        return 1.0, 0.0, -1.0
    root = math.sqrt(square)
    d0 = 2.0 * k_invariant / (1.0 + root)
    return root, d0, _arc(r, d0, omega)


@inlined_kernel
def _outset(x, y, px, py, pz, charge, constants):
    """(omega, tan lambda, K, 1 + omega d0, d0, radius and arc of the start) of a helix; 1 + omega d0 = 0 for none."""
    pt = math.sqrt(px * px + py * py)
    p2 = pt * pt + pz * pz
    if not (pt > 1e-6 and p2 < 1e8 and abs(pz) < 1e3 * pt):
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    omega = charge * OMEGA_PER_TESLA_GEV_CM * constants.field / pt
    r2 = x * x + y * y
    k_invariant = (x * py - y * px) / pt + 0.5 * omega * r2
    square = 1.0 + 2.0 * omega * k_invariant
    if not square > 1e-9:  # a circle around the axis, or no number
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    root = math.sqrt(square)
    d0 = 2.0 * k_invariant / (1.0 + root)
    start = math.sqrt(r2)
    arc_at = _arc(max(start, abs(d0)), d0, omega)
    if arc_at < 0.0:
        arc_at = math.pi / abs(omega)  # at the far end of the circle, by rounding
    if x * px + y * py < 0.0:
        arc_at = -arc_at
        start = abs(d0)
    return omega, pz / pt, k_invariant, root, d0, start, arc_at


@lean_kernel
def _trace(x, y, z, px, py, pz, charge, mass, end_arc, surfaces, constants, work):
    """Follow a particle outwards; rows of `work` are its crossings.

    Returns the number of crossings and of pixel, strip and wire layers that can measure it.
    """
    n, n_pxd, n_svd, n_cdc = 0, 0, 0, 0
    omega, tan_lambda, k_invariant, root, d0, start, arc_at = _outset(x, y, px, py, pz, charge, constants)
    if root == 0.0:
        return n, n_pxd, n_svd, n_cdc
    p2 = px * px + py * py + pz * pz
    z_at, flown_at, phi_at, windowed = z, 0.0, 0.0, False
    energy, p2_now = math.sqrt(p2 + mass * mass), p2
    soft = energy * energy / (p2 * p2)
    log_bg = 0.5 * math.log(p2 / (mass * mass)) if mass > 0.0 else 10.0
    secant = math.sqrt(1.0 + tan_lambda * tan_lambda)
    inverse, d02, half, per_omega = 1.0 / root, d0 * d0, 0.5 * omega, 1.0 / omega
    turn = abs(d0 + 2.0 * per_omega)
    r_last, chord2, s, z_now, sine, cosine = -1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    layer, met = -1.0, False
    z_prev, r_prev, rise = z, start, tan_lambda
    for k in range(len(surfaces)):
        surface = surfaces[k]
        kind = surface[KIND]
        if kind == 1.0 and surface[LAYER] == layer:
            continue  # a layer measures once
        z_there = z_prev + rise * (surface[RADIUS] - r_prev)
        r = _radius(surface, k_invariant, omega, d0, z_at, arc_at, tan_lambda, z_there)
        if r <= start:
            continue
        if r >= turn:
            if r > turn + 5.0 and not (kind == 1.0 and surface[SLOPE] != 0.0):  # a cone may be met anywhere far out
                break
            continue
        if r != r_last:
            r_last = r
            sine = k_invariant / r - half * r
            chord2 = (r * r - d02) * inverse
            met = abs(sine) <= constants.sin_max and chord2 > 0.0
            if met:
                cosine = math.sqrt(1.0 - sine * sine)
                s = 2.0 * per_omega * _arcsine(half * math.sqrt(chord2))
                z_now = z_at + (s - arc_at) * tan_lambda
        if not (met and z_now >= surface[Z_MIN] and z_now <= surface[Z_MAX] and s >= arc_at):
            continue
        if flown_at + s - arc_at > end_arc:
            break
        if surface[PHI_WIDTH] < 7.0:
            if not windowed:
                phi_at += math.atan2(py, px)  # it has turned since
                windowed = True
            phi = phi_at - omega * (s - arc_at) - math.asin(sine)
            if not _inside_window(phi, surface[PHI_MIN], surface[PHI_WIDTH]):
                continue
        incidence = (surface[COS] * cosine + surface[SIN] * tan_lambda) if kind == 1.0 else cosine
        if not incidence > 0.05 or n >= len(work):
            continue
        slant = secant / incidence if surface[DEPTH] > 0.0 else 0.0
        _record(work, n, k, r, sine, cosine, s, chord2, omega, d0, inverse, surface[DEPTH] * slant, soft)
        n += 1
        layer = surface[LAYER]
        z_prev, r_prev, rise = z_now, r, tan_lambda / cosine
        if surface[WEIGHT_U] > 0.0:
            if kind == 2.0:
                n_cdc += 1
            elif surface[SYSTEM] == 0.0:
                n_pxd += 1
            else:
                n_svd += 1
        if constants.losing > 0.0 and surface[LOSS] > 0.0:
            loss = surface[LOSS] * secant / incidence
            after = _energy_after(energy, mass, loss, surface[EXCITATION], surface[PLASMA], log_bg)
            p2_after = after * after - mass * mass
            if not (after > mass and p2_after > _SLOWED * p2):
                break
            _behind(work[n - 1], math.sqrt(p2_now / p2_after), after / energy, omega, tan_lambda, secant)
            phi_at -= omega * (s - arc_at)
            flown_at += s - arc_at
            omega *= math.sqrt(p2_now / p2_after)
            energy, p2_now = after, p2_after
            soft = energy * energy / (p2_now * p2_now)
            k_invariant = r * sine + 0.5 * omega * r * r
            root, d0, arc_at = _perigee(k_invariant, omega, r)
            if arc_at < 0.0:
                break
            inverse, d02, half, per_omega = 1.0 / root, d0 * d0, 0.5 * omega, 1.0 / omega
            z_at, start, r_last = z_now, r, -1.0
            turn = abs(d0 + 2.0 * per_omega)
    return n, n_pxd, n_svd, n_cdc
