"""The way of eight particles through the surfaces of the tracker: first outward arcs of their helices, with energy loss.

Around the z axis a circle of curvature omega obeys r sin(psi) = K - omega r^2/2, where psi is the angle from the radius
vector to the direction of flight and K = d0 (1 + omega d0/2): both sides are the angular momentum about the axis. The
transverse arc s from the perigee follows from the chord c = 2 sin(omega s/2)/omega, c^2 = (r^2 - d0^2)/(1 + omega d0).

Rules. Only the outgoing arc counts: a particle that first flies inwards is followed from its perigee on. A surface
crossed more obliquely than the card's `obliquest_sine` (|sin psi|, near the turning point of a curling track) gives
neither hit nor material. Momentum is lost at surfaces by the mean of Bethe's formula with the density effect at its
high-energy form and the logarithm of beta gamma at production [PDG review, eqs. 34.5 and 34.7]; the helix behind a
surface has the smaller momentum; a particle that has lost half of it is not followed further. Straggling of the loss is
left out: it is below 1e-3 of p wherever p is measured to 3e-3. Wires are met on the hyperboloid of their layer at the
height that the particle would have there if it flew straight on from its crossing before.

Lanes (see `toymc.lanes`). All eight pass one surface at a time: what the surface is decides for all, who meets it for
each. A crossing is a row of blocks of eight in `work`; who has not met the surface has cos(psi) = 0 there.
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
    Z_MAX,
    Z_MIDDLE,
    Z_MIN,
)
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_math import asin_of, asin_ratio_of, atan2_of, log_of
from toymc.lanes import WIDTH, chosen, filled, higher_of, lower_of, nearest, root, some, stored

ROWS = 320
"""More crossings than any card has surfaces to cross; further ones are not followed."""
# blocks of a row of `work`
R, SIN_PSI, COS_PSI, ARC, SLANT = 0, 1, 2, 3, 4  # SLANT: path per thickness, of surfaces that have one
OMEGA, D0, INVERSE, SOFT, KAPPA, KAPPA_T = 5, 6, 7, 8, 9, 10
"""Of surfaces that take energy, in front of them: omega, d0, 1/(1 + omega d0) and 1/(p beta)^2; d(omega behind)/d(omega
in front) less 1, d(omega behind)/d(tan lambda). Between such surfaces they do not change."""
ROW = 11 * WIDTH
CROSSINGS = ROWS
"""`work` holds the number of the surface of every row, then from here on the rows."""
TRACE = CROSSINGS + ROWS * ROW

_SLOWED = 0.25
"""A particle that has lost half of its momentum (square) is not followed further: it ranges out soon after."""
_GONE = -10.0
"""Turning radius of a particle that is not followed any further."""
_BEYOND = 5.0
"""cm behind its turning radius at which a particle is given up: surfaces are sorted by radius, but for the slant ones."""


@inlined_kernel
def _bow(chord2, omega, wanted):
    """Transverse arc over a chord (given by its square); where the chord is longer than the diameter, anything."""
    y = 0.25 * omega * omega * chord2
    chord = root(chord2)
    s = chord * asin_ratio_of(y)
    far = wanted & (y > 0.25)
    if some(far):
        half = root(lower_of(y, 1.0))
        s = chosen(far, chord * asin_of(half) / half, s)
    return s


@inlined_kernel
def _perigee(k, omega, r):
    """d0, 1/(1 + omega d0), the arc at radius r of a helix and whether there is one."""
    square = 1.0 + 2.0 * omega * k
    norm = root(square)
    d0, inverse = 2.0 * k / (1.0 + norm), 1.0 / norm
    chord2 = (r * r - d0 * d0) * inverse
    reached = (square > 1e-9) & (chord2 >= 0.0) & (0.25 * omega * omega * chord2 <= 1.0)
    return d0, inverse, _bow(chord2, omega, reached), reached


@inlined_kernel
def _start(x, y, px, py, pz, charge, field):
    """(omega, tan lambda, K, d0, 1/(1 + omega d0), radius and arc of the start, radius of the turn) of helices.

    A particle that has none gets a turn that is `_GONE`.
    """
    pt = root(px * px + py * py)
    per_pt = 1.0 / pt
    p2 = pt * pt + pz * pz
    omega = charge * (OMEGA_PER_TESLA_GEV_CM * field) * per_pt
    r2 = x * x + y * y
    k = (x * py - y * px) * per_pt + 0.5 * omega * r2
    square = 1.0 + 2.0 * omega * k
    # a circle around the axis, or no number
    good = (pt > 1e-6) & (p2 < 1e8) & (abs(pz) < 1e3 * pt) & (square > 1e-9)
    norm = root(square)
    d0, inverse = 2.0 * k / (1.0 + norm), 1.0 / norm
    start = root(r2)
    far = higher_of(start, abs(d0))
    chord2 = (far * far - d0 * d0) * inverse
    reached = (chord2 >= 0.0) & (0.25 * omega * omega * chord2 <= 1.0)
    # at the far end of the circle, by rounding
    arc = chosen(reached, _bow(chord2, omega, reached), math.pi / abs(omega))
    inwards = x * px + y * py < 0.0
    turn = chosen(good, abs(d0 + 2.0 / omega), _GONE)
    return omega, pz * per_pt, k, d0, inverse, chosen(inwards, abs(d0), start), chosen(inwards, -arc, arc), turn


@inlined_kernel
def _meet_cone(base, slope, z_min, z_max, k, omega, d0, inverse, z_at, arc_at, tangent, wanted):
    """Radius at which helices meet a cone, by Newton's method, and who does of those `wanted`."""
    r = filled(base + max(slope * (z_max - z_min), 0.0))
    ahead = wanted & chosen(tangent > 0.0, z_at < z_max, z_at > z_min)
    if not some(ahead):
        return r, ahead
    for _ in range(6):
        sine = k / r - 0.5 * omega * r
        square = 1.0 - sine * sine
        chord2 = (r * r - d0 * d0) * inverse
        ahead = ahead & (square > 0.01) & (chord2 >= 0.0) & (0.25 * omega * omega * chord2 <= 1.0)
        z = z_at + (_bow(chord2, omega, ahead) - arc_at) * tangent
        step = (r - base - slope * (z - z_min)) / (1.0 - slope * tangent / root(square))
        r = r - step
        moved = ahead & (abs(step) >= 1e-9)
        ahead = ahead & ((r > abs(d0)) | ~moved)
        if not some(moved):
            break
    return r, ahead


@inlined_kernel
def _in_window(phi, low, width):
    """Whether an azimuth lies in a window."""
    apart = (phi - low) * (0.5 / math.pi)
    apart = apart - nearest(apart)
    return chosen(apart < 0.0, apart + 1.0, apart) * (2.0 * math.pi) <= width


@inlined_kernel
def _lost(
    here, work, row, loss, excitation, plasma, slant, r, sine, s, tangent, secant, mass, log_bg, p2_least,
    omega, k_invariant, d0, inverse, arc_at, energy, p, per_p, soft, turn,
):  # fmt: skip
    """Loss of energy at a crossing, written to its row; what goes on changed, from `omega` to `turn`."""
    for block, value in ((OMEGA, omega), (D0, d0), (INVERSE, inverse), (SOFT, soft)):
        stored(work, row + WIDTH * block, value)
    per_beta2 = energy * energy * per_p * per_p
    bracket = excitation + 2.0 * log_bg - p * p / (energy * energy) - higher_of(plasma + log_bg, 0.0)
    after = energy - loss * slant * per_beta2 * higher_of(bracket, 1.0)
    p2 = after * after - mass * mass
    goes = here & (after > mass) & (p2 > p2_least)
    p_after = root(p2)
    per_p_after = 1.0 / p_after
    ratio = p * per_p_after
    slope = ratio * ratio * (after / energy)
    stored(work, row + WIDTH * KAPPA, chosen(goes, ratio * slope - 1.0, 0.0))
    bend = omega * ratio * (1.0 - slope) * tangent / (secant * secant)
    stored(work, row + WIDTH * KAPPA_T, chosen(goes, bend, 0.0))
    curved = omega * ratio
    k_after = r * sine + 0.5 * curved * r * r
    d0_after, inverse_after, arc, reached = _perigee(k_after, curved, r)
    turn = chosen(here, chosen(goes & reached, abs(d0_after + 2.0 / curved), _GONE), turn)
    per_p2 = per_p_after * per_p_after
    return (
        chosen(goes, curved, omega), chosen(goes, k_after, k_invariant), chosen(goes, d0_after, d0),
        chosen(goes, inverse_after, inverse), chosen(goes, arc, arc_at), chosen(goes, after, energy),
        chosen(goes, p_after, p), chosen(goes, per_p_after, per_p), chosen(goes, after * after * per_p2 * per_p2, soft),
        turn,
    )  # fmt: skip


@inlined_kernel
def _record(work, row, here, r, sine, cosine, s, slant):
    """One crossing: zeros for who is not `here`."""
    stored(work, row + WIDTH * R, chosen(here, r, 0.0))
    stored(work, row + WIDTH * SIN_PSI, chosen(here, sine, 0.0))
    stored(work, row + WIDTH * COS_PSI, chosen(here, cosine, 0.0))
    stored(work, row + WIDTH * ARC, chosen(here, s, 0.0))
    stored(work, row + WIDTH * SLANT, slant)


@lean_kernel
def _outwards(x, y, z, px, py, pz, charge, mass, end_arc, first, surfaces, constants, work):
    """Follow eight particles outwards from surface `first` on; rows of `work` are their crossings.

    Returns the number of rows; then for each particle: pixel, strip and wire layers that can measure it, path in
    radiation lengths up to the last of them, omega, d0, 1/(1 + omega d0) and 1/(p beta)^2 in the end.
    """
    omega, tangent, k_invariant, d0, inverse, start, arc_at, turn = _start(x, y, px, py, pz, charge, constants.field)
    p2 = px * px + py * py + pz * pz
    energy, p, per_p, p2_least = root(p2 + mass * mass), root(p2), 1.0 / root(p2), _SLOWED * p2
    soft = energy * energy / (p2 * p2)
    log_bg = chosen(mass > 0.0, log_of(p / chosen(mass > 0.0, mass, 1.0)), 10.0)
    secant = root(1.0 + tangent * tangent)
    z_at, turned, end = z, filled(0.0), end_arc + arc_at
    z_before, r_before, cosine_before = z, start, filled(1.0)
    depth, total, n_pxd, n_svd, n_cdc = filled(0.0), filled(0.0), filled(0.0), filled(0.0), filled(0.0)
    n, row, layer, last_radius = np.int64(0), np.int64(CROSSINGS), -1.0, -1.0
    r, sine, cosine, s, z_now = x, x, x, x, x
    nobody = turn < _GONE
    met, taken = nobody, nobody
    for k in range(first, len(surfaces)):
        kind, radius, slope = surfaces[k, KIND], surfaces[k, RADIUS], surfaces[k, SLOPE]
        if kind == 1.0 and surfaces[k, LAYER] != layer:
            layer, taken = surfaces[k, LAYER], nobody
        if slope != 0.0 or radius != last_radius:
            last_radius = -1.0 if slope != 0.0 else radius
            r, met = filled(radius), turn > 0.0
            if slope != 0.0 and kind == 1.0:
                r, met = _meet_cone(
                    radius, slope, surfaces[k, Z_MIN], surfaces[k, Z_MAX], k_invariant, omega, d0, inverse,
                    z_at, arc_at, tangent, met & ~taken,
                )  # fmt: skip
            else:
                if slope != 0.0:
                    off = z_before + tangent / cosine_before * (radius - r_before) - surfaces[k, Z_MIDDLE]
                    r = root(radius * radius + slope * off * off)
                turn = chosen(r > turn + _BEYOND, _GONE, turn)
                if not some(turn > 0.0):
                    break
            met = met & (r > start) & (r < turn)
            if some(met):
                sine = k_invariant / r - 0.5 * omega * r
                chord2 = (r * r - d0 * d0) * inverse
                cosine = root(1.0 - sine * sine)
                s = _bow(chord2, omega, met)
                met = met & (abs(sine) <= constants.sin_max) & (chord2 > 0.0) & (s >= arc_at)
                z_now = z_at + (s - arc_at) * tangent
        here = met & (z_now >= surfaces[k, Z_MIN]) & (z_now <= surfaces[k, Z_MAX])
        incidence = cosine
        if kind == 1.0:
            here = here & ~taken
            incidence = surfaces[k, COS] * cosine + surfaces[k, SIN] * tangent
        ended = here & (s > end)
        turn = chosen(ended, _GONE, turn)
        here = here & ~ended & (incidence > 0.05)
        if surfaces[k, PHI_WIDTH] < 7.0 and some(here):
            phi = atan2_of(py, px) - turned - omega * (s - arc_at) - asin_of(sine)
            here = here & _in_window(phi, surfaces[k, PHI_MIN], surfaces[k, PHI_WIDTH])
        if not some(here) or n == ROWS:
            continue
        work[n] = k
        slant = chosen(here, secant / incidence, 0.0)
        _record(work, row, here, r, sine, cosine, s, slant)
        taken = taken | here
        z_before, r_before = chosen(here, z_now, z_before), chosen(here, r, r_before)
        cosine_before = chosen(here, cosine, cosine_before)
        depth = depth + surfaces[k, DEPTH] * slant
        if surfaces[k, WEIGHT_U] > 0.0:
            total = chosen(here, depth, total)
            if kind == 2.0:
                n_cdc = n_cdc + chosen(here, 1.0, 0.0)
            elif surfaces[k, SYSTEM] == 0.0:
                n_pxd = n_pxd + chosen(here, 1.0, 0.0)
            else:
                n_svd = n_svd + chosen(here, 1.0, 0.0)
        if constants.losing > 0.0 and surfaces[k, LOSS] > 0.0:
            turned = turned + chosen(here, omega * (s - arc_at), 0.0)
            z_at, start = chosen(here, z_now, z_at), chosen(here, r, start)
            omega, k_invariant, d0, inverse, arc_at, energy, p, per_p, soft, turn = _lost(
                here, work, row, surfaces[k, LOSS], surfaces[k, EXCITATION], surfaces[k, PLASMA], slant, r, sine, s,
                tangent, secant, mass, log_bg, p2_least,
                omega, k_invariant, d0, inverse, arc_at, energy, p, per_p, soft, turn,
            )  # fmt: skip
            end = chosen(here, end - s + arc_at, end)
            met = met & ~here
        n += 1
        row += ROW
    return n, n_pxd, n_svd, n_cdc, total, omega, d0, inverse, soft
