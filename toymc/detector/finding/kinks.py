"""Decays in flight: which track of a mother and its charged daughter remains, and the helix of a merged one.

The mother leaves hits until it decays, the daughter from there on. Seen from the hits, with s the transverse path from
the mother's first hit, T the whole length and f T the place of the kink, the daughter leaves the mother's parabola by

    y(s) = theta (s - f T) + 1/2 dk (s - f T)^2,    z(s) = dt (s - f T)             behind the kink,

theta the kink in the transverse plane, dk the jump of the curvature, dt that of tan lambda. A track finding that fits
one circle and drops hits further from it than a road merges both if the fitted parabola (line in z) leaves no larger
residual: sqrt(3) times its root mean square for uniform hits, which is the largest deviation of the parabola from a
kink in the middle. Projections on Legendre polynomials give all of it in closed form.

The merged track is the fitted parabola: its shift against the mother's helix is the bias of the merged track, and its
covariance stays that of a mother that had lived on: pulls of merged tracks are wide, as in data. With hits in the
vertex detector the start of the track is held (point and direction); without, it is free.

Rule for what remains [basf2 figures of merit: arXiv:2003.12466 and tracking/doc/trackMatching.rst]: with p_m, p_d the
probabilities of each alone, both are found with k p_m p_d (one number k, calibrated on the published 11 % and 40 % of
kinks reconstructed, arXiv:2511.14171); the mother alone else, with p_m in all; the daughter alone with (1 - p_m) p_d.
Merged tracks belong to whom more than the purity asks of the hits belongs, else to nobody.

Limits: transverse path of curling tracks taken as their layers times the layer distance; no scattering; the merged hits
of tracks of opposite charge are never merged; clones of the daughter are not made.
"""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.helix import _wrap
from toymc.kernels import lean_kernel

NONE, MOTHER, DAUGHTER, BOTH, MERGED = 0, 1, 2, 3, 4
"""Codes of `_after_kink`."""


@lean_kernel
def _path(n_svd, n_cdc, numbers):
    """Transverse path over which a particle left hits, cm."""
    return n_svd * numbers.strip_step + n_cdc * numbers.wire_step


@lean_kernel
def _bend(mx, my, mz, dx, dy, dz, bend):
    """Kink angle, jump of curvature (1/cm, to the left), jump of tan lambda; `bend` is charge * c B."""
    pm = math.sqrt(mx * mx + my * my)
    pd = math.sqrt(dx * dx + dy * dy)
    theta = math.atan2(mx * dy - my * dx, mx * dx + my * dy)
    return theta, bend / pm - bend / pd, dz / pd - mz / pm


@lean_kernel
def _mergeable(theta, jump, dtan, before, after, numbers):
    """Whether one helix takes the hits before and behind the kink; lengths in cm."""
    total = before + after
    if not (abs(theta) < 1.0 and total > 0.0):
        return False
    f = before / total
    h = after / total
    a = theta * total
    b = 0.5 * jump * total * total
    c0, c1, c2 = _projection(f, h, a, b)
    square = a * a * h**3 / 3.0 + a * b * h**4 / 2.0 + b * b * h**5 / 5.0
    rest = square - c0 * c0 - 3.0 * c1 * c1 - 5.0 * c2 * c2
    if not 3.0 * rest < numbers.road * numbers.road:
        return False
    c = dtan * total
    c0, c1, _ = _projection(f, h, c, 0.0)
    rest = c * c * h**3 / 3.0 - c0 * c0 - 3.0 * c1 * c1
    return 3.0 * rest < numbers.road_z * numbers.road_z


@lean_kernel
def _projection(f, h, a, b):
    """Integrals over u = 0..1 of (a (u-f) + b (u-f)^2 behind f) times 1, (2u - 1), (6u^2 - 6u + 1); h = 1 - f."""
    g0 = h * h / 2.0
    g1 = h**3 / 3.0 + f * g0
    g2 = h**4 / 4.0 + 2.0 * f * h**3 / 3.0 + f * f * g0
    q0 = h**3 / 3.0
    q1 = h**4 / 4.0 + f * q0
    q2 = h**5 / 5.0 + f * h**4 / 2.0 + f * f * q0
    m0 = a * g0 + b * q0
    m1 = a * g1 + b * q1
    m2 = a * g2 + b * q2
    return m0, 2.0 * m1 - m0, 6.0 * m2 - 6.0 * m1 + m0


@lean_kernel
def _kink_shift(mx, my, mz, dx, dy, dz, charge, svd_before, cdc_before, svd_after, cdc_after, numbers):
    """Shift of the mother's (d0, phi0, omega, z0, tan lambda) by the fit of one helix to the hits of both.

    Momenta at the kink (GeV), layers hit before and behind it. Add it to the measured helix of the mother.
    """
    bend = charge * numbers.field * OMEGA_PER_TESLA_GEV_CM
    theta, jump, dtan = _bend(mx, my, mz, dx, dy, dz, bend)
    before = _path(svd_before, cdc_before, numbers)
    after = _path(svd_after, cdc_after, numbers)
    total = before + after
    if not (total > 0.0 and abs(theta) < math.pi):
        return 0.0, 0.0, 0.0, 0.0, 0.0
    f = before / total
    h = after / total
    a = theta * total
    b = 0.5 * jump * total * total
    c0, c1, c2 = _projection(f, h, a, b)
    t0, t1, _ = _projection(f, h, dtan * total, 0.0)
    if svd_before >= numbers.silicon_layers:  # point and direction held: y = c u^2, z = t u
        m2 = (c2 + 3.0 * c1 + 2.0 * c0) / 6.0
        return 0.0, 0.0, -10.0 * m2 / (total * total), 0.0, 1.5 * (t0 + t1) / total
    y = c0 - 3.0 * c1 + 5.0 * c2
    slope = (6.0 * c1 - 30.0 * c2) / total
    curvature = 60.0 * c2 / (total * total)
    return -y, slope, -curvature, t0 - 3.0 * t1, 6.0 * t1 / total


@lean_kernel
def _after_kink(
    rng, mx, my, mz, dx, dy, dz, charge, daughter_charge, svd_before, cdc_before, svd_after, cdc_after,
    p_mother, p_daughter, p_merged, numbers,
):  # fmt: skip
    """What is found of a mother that decays in the tracker and of its charged daughter.

    Parameters: momenta of both at the kink (GeV); their charges; layers hit by the mother until the kink and by the
    daughter behind it; probabilities of `_probability` for the mother with its layers, for the daughter with its own
    (production radius: the kink), for the mother with the layers of both.

    Returns (code, owner): code 0 none, 1 mother only, 2 daughter only, 3 both, 4 one merged track on the mother's helix
    plus `_kink_shift`; owner of the (merged) track: 0 mother, 1 daughter, -1 nobody (a fake track).
    """
    u = rng.random()
    both = numbers.factor * p_mother * p_daughter
    pm = math.sqrt(mx * mx + my * my)
    pd = math.sqrt(dx * dx + dy * dy)
    merged = False
    if charge == daughter_charge and pm > 1e-3 and pd > 1e-3 and svd_after + cdc_after > 0:
        bend = charge * numbers.field * OMEGA_PER_TESLA_GEV_CM
        theta, jump, dtan = _bend(mx, my, mz, dx, dy, dz, bend)
        before = _path(svd_before, cdc_before, numbers)
        after = _path(svd_after, cdc_after, numbers)
        merged = before > 0.0 and _mergeable(theta, jump, dtan, before, after, numbers)
    if merged:
        if numbers.splits and u < both:
            return np.int64(BOTH), np.int64(0)
        if not u < max(p_merged, both):
            return np.int64(NONE), np.int64(0)
        first = svd_before + cdc_before
        share = first / (first + svd_after + cdc_after)
        if share >= numbers.purity:
            return np.int64(MERGED), np.int64(0)
        return np.int64(MERGED), np.int64(1 if 1.0 - share >= numbers.purity else -1)
    if u < both:
        return np.int64(BOTH), np.int64(0)
    if u < p_mother:
        return np.int64(MOTHER), np.int64(0)
    if u < p_mother + (1.0 - p_mother) * p_daughter:
        return np.int64(DAUGHTER), np.int64(1)
    return np.int64(NONE), np.int64(0)


@lean_kernel
def _shifted(d0, phi0, omega, z0, tan_lambda, shift):
    """The helix of the mother with the shift of `_kink_shift` (a tuple)."""
    return d0 + shift[0], _wrap(phi0 + shift[1]), omega + shift[2], z0 + shift[3], tan_lambda + shift[4]
