"""The way of eight particles through the surfaces of the tracker: first outward arcs of helices, with energy loss.

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
from toymc.lane_memory import stored
from toymc.lanes import WIDTH, chosen, filled, higher_of, lower_of, nearest, root, some

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
"""cm behind its turning radius at which a particle is given up: surfaces are sorted by radius, but for slant ones."""


@inlined_kernel
def _bow(chord2, omega, diameter, wanted):
    """Transverse arc over a chord (given by its square); where the chord is longer than the diameter, anything."""
    y = 0.25 * omega * omega * chord2
    chord = root(chord2)
    s = chord * asin_ratio_of(y)
    far = wanted & (y > 0.25)
    if some(far):
        rest = 0.5 - 0.5 * lower_of(abs(0.5 * omega) * chord, 1.0)
        s = chosen(far, diameter * (0.5 * math.pi - 2.0 * root(rest) * asin_ratio_of(rest)), s)
    return s


@inlined_kernel
def _perigee(k, omega, diameter, r2):
    """d0, 1/(1 + omega d0), the arc at radius r (given by its square) of a helix and whether there is one."""
    square = 1.0 + 2.0 * omega * k
    norm = root(square)
    inverse = norm * (1.0 / square)
    d0 = 0.5 * chosen(omega < 0.0, -diameter, diameter) * (norm - 1.0)
    chord2 = (r2 - d0 * d0) * inverse
    reached = (square > 1e-9) & (chord2 >= 0.0) & (0.25 * omega * omega * chord2 <= 1.0)
    return d0, inverse, _bow(chord2, omega, diameter, reached), reached


@inlined_kernel
def _start(x, y, px, py, pz, charge, field):
    """(omega, its diameter, tan lambda, K, d0, 1/(1 + omega d0), radius and arc of the start, radius of the turn).

    A particle that has no helix gets a turn that is `_GONE`.
    """
    pt = root(px * px + py * py)
    per_pt = 1.0 / pt
    p2 = pt * pt + pz * pz
    omega = charge * (OMEGA_PER_TESLA_GEV_CM * field) * per_pt
    diameter = abs(2.0 / omega)
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
    arc = chosen(reached, _bow(chord2, omega, diameter, reached), 0.5 * math.pi * diameter)
    inwards = x * px + y * py < 0.0
    turn = chosen(good, abs(d0 + 2.0 / omega), _GONE)
    start, arc = chosen(inwards, abs(d0), start), chosen(inwards, -arc, arc)
    return omega, diameter, pz * per_pt, k, d0, inverse, start, arc, turn


@inlined_kernel
def _meet_cone(base, slope, z_min, z_max, k, omega, diameter, d0, inverse, z_at, arc_at, tangent, wanted):
    """Radius at which helices meet a cone, by Newton's method, and who does of those `wanted`."""
    r = filled(base + max(slope * (z_max - z_min), 0.0))
    ahead = wanted & chosen(tangent > 0.0, z_at < z_max, z_at > z_min)
    if not some(ahead):
        return r, ahead
    going = ahead
    for _ in range(6):
        sine = k / r - 0.5 * omega * r
        square = 1.0 - sine * sine
        chord2 = (r * r - d0 * d0) * inverse
        ahead = ahead & (~going | ((square > 0.01) & (chord2 >= 0.0) & (0.25 * omega * omega * chord2 <= 1.0)))
        going = going & ahead
        z = z_at + (_bow(chord2, omega, diameter, going) - arc_at) * tangent
        step = (r - base - slope * (z - z_min)) / (1.0 - slope * tangent / root(square))
        r = chosen(going, r - step, r)
        going = going & (abs(step) >= 1e-9)
        ahead = ahead & (~going | (r > abs(d0)))
        going = going & ahead
        if not some(going):
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
    here, work, row, loss, excitation, plasma, slant, r2, moment, s, bend, mass, log_bg, p2_least,
    omega, diameter, k_invariant, d0, inverse, arc_at, energy, per_energy, p, per_p, soft, turn,
):  # fmt: skip
    """Loss of energy at a crossing, written to its row; what goes on changed, from `omega` to `turn`."""
    for block, value in ((OMEGA, omega), (D0, d0), (INVERSE, inverse), (SOFT, soft)):
        stored(work, row + WIDTH * block, value)
    beta, per_beta = p * per_energy, energy * per_p
    bracket = excitation + 2.0 * log_bg - beta * beta - higher_of(plasma + log_bg, 0.0)
    after = energy - loss * slant * (per_beta * per_beta) * higher_of(bracket, 1.0)
    p2 = after * after - mass * mass
    goes = here & (after > mass) & (p2 > p2_least)
    per_p2, p_after = 1.0 / p2, root(p2)
    per_p_after = p_after * per_p2
    ratio = p * per_p_after
    slope = ratio * ratio * (after * per_energy)
    stored(work, row + WIDTH * KAPPA, chosen(goes, ratio * slope - 1.0, 0.0))
    stored(work, row + WIDTH * KAPPA_T, chosen(goes, omega * ratio * (1.0 - slope) * bend, 0.0))
    curved, wide = omega * ratio, diameter * (p_after * per_p)
    k_after = moment + 0.5 * curved * r2
    d0_after, inverse_after, arc, reached = _perigee(k_after, curved, wide, r2)
    far = abs(d0_after + chosen(curved < 0.0, -wide, wide))
    turn = chosen(here, chosen(goes & reached, far, _GONE), turn)
    return (
        chosen(goes, curved, omega), chosen(goes, wide, diameter), chosen(goes, k_after, k_invariant),
        chosen(goes, d0_after, d0), chosen(goes, inverse_after, inverse), chosen(goes, arc, arc_at),
        chosen(goes, after, energy), chosen(goes, 1.0 / after, per_energy), chosen(goes, p_after, p),
        chosen(goes, per_p_after, per_p), chosen(goes, after * after * per_p2 * per_p2, soft), turn,
    )  # fmt: skip


@inlined_kernel
def _record(work, row, here, r, sine, cosine, s, slant):
    """One crossing: zeros for who is not `here`."""
    stored(work, row + WIDTH * R, chosen(here, r, 0.0))
    stored(work, row + WIDTH * SIN_PSI, chosen(here, sine, 0.0))
    stored(work, row + WIDTH * COS_PSI, chosen(here, cosine, 0.0))
    stored(work, row + WIDTH * ARC, chosen(here, s, 0.0))
    stored(work, row + WIDTH * SLANT, slant)


@inlined_kernel
def _continues(surfaces, k):
    """Whether the next surface is one more sensor of the same cylinder: it differs in the place along z alone."""
    return (
        surfaces[k + 1, KIND] == 1.0
        and surfaces[k + 1, LAYER] == surfaces[k, LAYER]
        and surfaces[k + 1, RADIUS] == surfaces[k, RADIUS]
        and surfaces[k + 1, SLOPE] == 0.0
        and surfaces[k, SLOPE] == 0.0
    )


@inlined_kernel
def _counted(here, system, n_pxd, n_svd, n_cdc):
    """One more layer of a system that can measure."""
    one = chosen(here, 1.0, 0.0)
    if system == 2.0:
        return n_pxd, n_svd, n_cdc + one
    if system == 0.0:
        return n_pxd + one, n_svd, n_cdc
    return n_pxd, n_svd + one, n_cdc


@lean_kernel
def _outwards(x, y, z, px, py, pz, charge, mass, end_arc, first, surfaces, constants, work):
    """Follow eight particles outwards from surface `first` on; rows of `work` are their crossings.

    Returns the number of rows; then for each particle: pixel, strip and wire layers that can measure it, path in
    radiation lengths up to the last of them, 1/(p beta)^2 in front of the last row; then omega, d0, 1/(1 + omega d0)
    and 1/(p beta)^2 behind it.
    """
    omega, diameter, tangent, k_invariant, d0, inverse, start, arc_at, turn = _start(
        x, y, px, py, pz, charge, constants.field
    )
    p2 = px * px + py * py + pz * pz
    energy, p, per_p, p2_least = root(p2 + mass * mass), root(p2), 1.0 / root(p2), _SLOWED * p2
    per_energy, soft = 1.0 / energy, energy * energy / (p2 * p2)
    log_bg = chosen(mass > 0.0, log_of(p / chosen(mass > 0.0, mass, 1.0)), 10.0)
    stretch = 1.0 + tangent * tangent
    secant, bend, steepest = root(stretch), tangent / stretch, 1.0 - constants.sin_max * constants.sin_max
    turned, end, z_at, z_before, r_before, rise = filled(0.0), end_arc + arc_at, z, z, start, tangent
    depth, total, n_pxd, n_svd, n_cdc = filled(0.0), filled(0.0), filled(0.0), filled(0.0), filled(0.0)
    top, n, layer = soft, np.int64(0), -1.0
    nobody = turn < _GONE
    taken = nobody
    k = first - 1
    while k < len(surfaces) - 1:
        k += 1
        kind, radius, slope = surfaces[k, KIND], surfaces[k, RADIUS], surfaces[k, SLOPE]
        if kind == 1.0 and surfaces[k, LAYER] != layer:
            layer, taken = surfaces[k, LAYER], nobody
        r, r2, per_r2, met = filled(radius), filled(radius * radius), filled(1.0 / (radius * radius)), turn > 0.0
        if slope != 0.0 and kind == 1.0:
            r, met = _meet_cone(
                radius, slope, surfaces[k, Z_MIN], surfaces[k, Z_MAX], k_invariant, omega, diameter, d0, inverse,
                z_at, arc_at, tangent, met & ~taken,
            )  # fmt: skip
            r2, per_r2 = r * r, 1.0 / (r * r)
        else:
            if slope != 0.0:
                off = z_before + rise * (radius - r_before) - surfaces[k, Z_MIDDLE]
                r2 = radius * radius + slope * off * off
                r, per_r2 = root(r2), 1.0 / r2
            turn = chosen(r > turn + _BEYOND, _GONE, turn)
            if not some(turn > 0.0):
                break
        met = met & (r > start) & (r < turn)
        if not some(met):
            continue
        moment = k_invariant - 0.5 * omega * r2
        cosine2 = 1.0 - moment * moment * per_r2
        cosine = root(cosine2)
        per_cosine = cosine * (1.0 / cosine2)
        chord2 = (r2 - d0 * d0) * inverse
        s = _bow(chord2, omega, diameter, met)
        z_now = z_at + (s - arc_at) * tangent
        here = (z_now >= surfaces[k, Z_MIN]) & (z_now <= surfaces[k, Z_MAX])
        per_incidence = per_cosine
        if kind == 1.0:
            while k < len(surfaces) - 1 and _continues(surfaces, k):
                k += 1
                here = here | ((z_now >= surfaces[k, Z_MIN]) & (z_now <= surfaces[k, Z_MAX]))
            met = met & ~taken
            if slope != 0.0:
                per_incidence = 1.0 / (surfaces[k, COS] * cosine + surfaces[k, SIN] * tangent)
        here = here & met & (cosine2 >= steepest) & (chord2 > 0.0) & (s >= arc_at)
        ended = here & (s > end)
        turn = chosen(ended, _GONE, turn)
        here = here & ~ended & (per_incidence > 0.0) & (per_incidence < 20.0)
        if surfaces[k, PHI_WIDTH] < 7.0 and some(here):
            phi = atan2_of(py, px) - turned - omega * (s - arc_at) - asin_of(moment * per_r2 * r)
            here = here & _in_window(phi, surfaces[k, PHI_MIN], surfaces[k, PHI_WIDTH])
        if not some(here) or n == ROWS:
            continue
        work[n], row = k, CROSSINGS + n * ROW
        slant = chosen(here, secant * per_incidence, 0.0)
        _record(work, row, here, r, moment * (per_r2 * r), cosine, s, slant)
        taken, top = taken | here if kind == 1.0 else taken, chosen(here, soft, top)
        z_before, r_before = chosen(here, z_now, z_before), chosen(here, r, r_before)
        rise = chosen(here, tangent * per_cosine, rise)
        depth = depth + surfaces[k, DEPTH] * slant
        if surfaces[k, WEIGHT_U] > 0.0:
            total = chosen(here, depth, total)
            n_pxd, n_svd, n_cdc = _counted(here, surfaces[k, SYSTEM], n_pxd, n_svd, n_cdc)
        if constants.losing > 0.0 and surfaces[k, LOSS] > 0.0:
            turned = turned + chosen(here, omega * (s - arc_at), 0.0)
            z_at, start = chosen(here, z_now, z_at), chosen(here, r, start)
            omega, diameter, k_invariant, d0, inverse, arc_at, energy, per_energy, p, per_p, soft, turn = _lost(
                here, work, row, surfaces[k, LOSS], surfaces[k, EXCITATION], surfaces[k, PLASMA], slant, r2, moment, s,
                bend, mass, log_bg, p2_least,
                omega, diameter, k_invariant, d0, inverse, arc_at, energy, per_energy, p, per_p, soft, turn,
            )  # fmt: skip
            end = chosen(here, end - s + arc_at, end)
        n += 1
    return n, n_pxd, n_svd, n_cdc, total, top, omega, d0, inverse, soft
