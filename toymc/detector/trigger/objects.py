"""What the level-1 trigger looks at: tracks, calorimeter clusters, pairs of them, as rows of scratch arrays.

`work` (WORK_SHAPE) holds numbers, `zones` (ZONES_SHAPE) for clusters the polar interval, for tracks the lines whose
polar range they lie in (bits), for pairs the lines of kind pair that they may pass (bits).
"""

import math

import numpy as np

from toymc.detector.trigger.tables import WIDTHS
from toymc.kernels import inlined_kernel

MAX_CLUSTERS = 48
"""Clusters of an event that are looked at."""
MAX_PAIRS = 64
MAX_TRACKS = 64
# rows of `work`: clusters; in the centre-of-mass system (CMS) the direction times `SCALE_CMS`, the energy over that in
# the lab; `ACROSS` is the part of it across the beams
ENERGY, ENERGY_CMS, X_CMS, Y_CMS, Z_CMS, ACROSS_CMS, SCALE_CMS = range(7)
# pairs of clusters: energies in the lab
HARDER, SOFTER = 7, 8
# tracks: direction in the transverse plane, momentum, probability to be found, share of that with a neural track
TRACK_X, TRACK_Y, MOMENTUM, FOUND, NEURAL_SHARE = range(9, 14)
# tracks that fire the muon detector
MUON_X, MUON_Y, MUON_MOMENTUM, MUON_FOUND = range(14, 18)
# sums over the clusters in the polar range of each line: energy, largest energy, largest energy in the CMS
TOTAL_INSIDE, MOST_INSIDE, MOST_CMS_INSIDE = range(18, 21)
WORK_SHAPE = (21, 64)
"""Scratch of an event, float64."""
OF_CLUSTERS, OF_TRACKS, PASSES = range(3)
ZONES_SHAPE = (3, 64)
"""Scratch of an event, int64."""

_FAINT = 0.05  # GeV: clusters below it pass no threshold of any line
_PER_WIDTH = 256.0
# linear interpolation is exact to 5e-7 (3e-5 at the ends) and five times as fast as erfc
_N_TURN_ON = round(2 * WIDTHS * _PER_WIDTH)
_TURN_ON = np.array([0.5 * math.erfc((WIDTHS - k / _PER_WIDTH) / math.sqrt(2.0)) for k in range(_N_TURN_ON + 2)])
_TURN_ON[0], _TURN_ON[_N_TURN_ON:] = 0.0, 1.0


@inlined_kernel
def _turn_on(x, width):
    """1/2 erfc(-x/(sqrt(2) width)) from a table; 0 and 1 beyond four widths. Without branches."""
    s = min(max(x / width + WIDTHS, 0.0), 2.0 * WIDTHS) * _PER_WIDTH
    k = np.uint64(s)
    low = _TURN_ON[k]
    return low + (s - k) * (_TURN_ON[k + np.uint64(1)] - low)


@inlined_kernel
def _sine_cosine(angle):
    """Sine and cosine between -pi and pi to 1e-11, from Taylor series within 45 degrees of a multiple of 90 degrees."""
    turns = math.floor(angle * (2.0 / math.pi) + 0.5)
    x = angle - turns * (0.5 * math.pi)
    q = x * x
    s = 1.0 + q * (-1 / 6 + q * (1 / 120 + q * (-1 / 5040 + q * (1 / 362880 - q * (1 / 39916800)))))
    s *= x
    c = 1.0 + q * (-1 / 2 + q * (1 / 24 + q * (-1 / 720 + q * (1 / 40320 + q * (-1 / 3628800 + q * (1 / 479001600))))))
    quarter = int(turns)
    odd = quarter & 1 != 0
    sine = c if odd else s
    cosine = s if odd else c
    return (-sine if quarter & 2 != 0 else sine), (-cosine if (quarter + 1) & 2 != 0 else cosine)


@inlined_kernel
def _interval(edges, value):
    """How many edges lie below a value."""
    k = 0
    for m in range(len(edges)):
        k += value > edges[m]
    return k


@inlined_kernel
def _cluster(work, zones, n, energy, ux, uy, uz, numbers, edges):
    """Column n of the clusters from an energy and a direction in the lab."""
    dot = numbers.beta_x * ux + numbers.beta_y * uy + numbers.beta_z * uz
    along = numbers.boost_factor * dot - numbers.gamma
    scale = numbers.gamma * (1.0 - dot)
    x = ux + along * numbers.beta_x
    y = uy + along * numbers.beta_y
    zones[OF_CLUSTERS, n] = _interval(edges, uz)
    work[ENERGY, n] = energy
    work[ENERGY_CMS, n] = energy * scale
    work[X_CMS, n] = x
    work[Y_CMS, n] = y
    work[Z_CMS, n] = uz + along * numbers.beta_z
    work[ACROSS_CMS, n] = math.sqrt(x * x + y * y)
    work[SCALE_CMS, n] = scale


@inlined_kernel
def _clusters(
    first_t, last_t, px, py, pz, omega, deposit, first_c, last_c, energy, theta, phi, numbers, edges, work, zones
):  # fmt: skip
    """Fill in the clusters of an event; their number."""
    n = 0
    for i in range(first_t, last_t):
        if not deposit[i] > _FAINT or n == MAX_CLUSTERS:
            continue
        pt2 = px[i] * px[i] + py[i] * py[i]
        if not pt2 > 0.0:
            continue
        pt = math.sqrt(pt2)
        # the track turns by asin(omega r/2) on its way to the crystals; curlers end a quarter turn away
        radius = numbers.radius
        if pz[i] * radius > numbers.forward_z * pt:
            radius = numbers.forward_z * pt / pz[i]
        elif pz[i] * radius < numbers.backward_z * pt:
            radius = numbers.backward_z * pt / pz[i]
        s = max(-1.0, min(1.0, 0.5 * omega[i] * radius))
        c = math.sqrt(1.0 - s * s)
        inverse = 1.0 / math.sqrt(pt2 + pz[i] * pz[i])
        x, y = (px[i] * c + py[i] * s) * inverse, (py[i] * c - px[i] * s) * inverse
        _cluster(work, zones, n, deposit[i], x, y, pz[i] * inverse, numbers, edges)
        n += 1
    for i in range(first_c, last_c):
        if not energy[i] > _FAINT or n == MAX_CLUSTERS:
            continue
        across, z = _sine_cosine(theta[i])
        y, x = _sine_cosine(phi[i])
        _cluster(work, zones, n, energy[i], across * x, across * y, z, numbers, edges)
        n += 1
    return n


@inlined_kernel
def _inside(n, cover, work, zones):
    """Sums over the clusters in the polar range of each line that has one; `cover` (intervals, lines) is 1 or 0."""
    lines = cover.shape[1]
    for k in range(lines):
        work[TOTAL_INSIDE, k] = 0.0
        work[MOST_INSIDE, k] = 0.0
        work[MOST_CMS_INSIDE, k] = 0.0
    for a in range(n):
        zone = zones[OF_CLUSTERS, a]
        energy, energy_cms = work[ENERGY, a], work[ENERGY_CMS, a]
        for k in range(lines):
            inside = cover[zone, k]
            e = energy * inside
            work[TOTAL_INSIDE, k] += e
            work[MOST_INSIDE, k] = max(work[MOST_INSIDE, k], e)
            work[MOST_CMS_INSIDE, k] = max(work[MOST_CMS_INSIDE, k], energy_cms * inside)


@inlined_kernel
def _windows(cosine_up, cosine_down, sum_up, sum_down, hard, soft, windows):
    """Lines of kind pair, as bits, that a pair may pass and that it surely passes.

    The cosines of the azimuth between the clusters and of the sum of their theta come as numerator and denominator.
    """
    passes, surely = np.int64(0), np.int64(0)
    for k in range(windows.shape[1]):
        here = (cosine_up <= windows[0, k] * cosine_down) & (sum_up <= windows[1, k] * sum_down)
        may = here & (hard > windows[2, k]) & (soft > windows[4, k]) & (soft < windows[7, k])
        must = here & (hard >= windows[3, k]) & (soft >= windows[5, k]) & (soft <= windows[6, k])
        passes |= np.int64(may) << np.int64(k)
        surely |= np.int64(must) << np.int64(k)
    return passes, surely


@inlined_kernel
def _pairs(n, most_cms, numbers, windows, work, zones):
    """Pairs far apart in azimuth, as far as a line may ask: how many may pass a line; lines that one may pass and that
    one surely passes, as bits; probability of the Bhabha veto."""
    found = 0
    veto = 0.0
    passes, surely = np.int64(0), np.int64(0)
    # both clusters above this can be a Bhabha event
    veto_from = numbers.veto_both - WIDTHS * numbers.veto_width
    bhabha = most_cms >= numbers.veto_one - WIDTHS * numbers.veto_width
    for a in range(1, n):
        for b in range(a):
            dot = work[X_CMS, a] * work[X_CMS, b] + work[Y_CMS, a] * work[Y_CMS, b]
            across = work[ACROSS_CMS, a] * work[ACROSS_CMS, b]
            if dot > numbers.cos_dphi_pair * across or found == MAX_PAIRS:
                continue
            both = work[Z_CMS, a] * work[Z_CMS, b] - across
            scale = work[SCALE_CMS, a] * work[SCALE_CMS, b]
            hard, soft = max(work[ENERGY, a], work[ENERGY, b]), min(work[ENERGY, a], work[ENERGY, b])
            may, must = _windows(dot, across, both, scale, hard, soft, windows)
            if may != 0:
                work[HARDER, found], work[SOFTER, found] = hard, soft
                zones[PASSES, found] = may
                passes |= may
                surely |= must
                found += 1
            if bhabha and dot <= numbers.cos_dphi_veto * across:
                if min(work[ENERGY_CMS, a], work[ENERGY_CMS, b]) > veto_from:
                    veto = max(veto, _veto_of_pair(a, b, both / scale, numbers, work))
    return found, passes, surely, veto


@inlined_kernel
def _veto_of_pair(a, b, both, numbers, work):
    """Probability that two clusters back to back in azimuth are taken for a Bhabha event."""
    # the sum of theta is above pi where its sine is negative
    total = math.acos(max(-1.0, min(1.0, both)))
    if work[Z_CMS, a] * work[ACROSS_CMS, b] + work[ACROSS_CMS, a] * work[Z_CMS, b] < 0.0:
        total = 2.0 * math.pi - total
    if not numbers.sum_theta_low < total < numbers.sum_theta_high:
        return 0.0
    low = min(work[ENERGY_CMS, a], work[ENERGY_CMS, b])
    high = max(work[ENERGY_CMS, a], work[ENERGY_CMS, b])
    here = _turn_on(low - numbers.veto_both, numbers.veto_width)
    return here * _turn_on(high - numbers.veto_one, numbers.veto_width)


@inlined_kernel
def _tracks(first, last, px, py, pz, d0, z0, klm_layers, numbers, edges, masks, work, zones):
    """Fill in the tracks that can be found and those that fire the muon detector; their numbers.

    The zones of a track that points along the axis are those of an infinite tan lambda.
    """
    n, muons = 0, 0
    for i in range(first, last):
        pt2 = px[i] * px[i] + py[i] * py[i]
        pt = math.sqrt(pt2)
        e = 0.0
        if pt > 0.0 and abs(d0[i]) < numbers.d0_max:
            e = numbers.found * _turn_on(pt - numbers.pt, numbers.pt_width)
        muon = klm_layers[i] >= numbers.muon_layer
        if e == 0.0 and not muon:
            continue
        inverse = 1.0 / pt if pt > 0.0 else 0.0
        x, y = px[i] * inverse, py[i] * inverse
        p = math.sqrt(pt2 + pz[i] * pz[i])
        if e > 0.0:
            work[TRACK_X, n], work[TRACK_Y, n], work[MOMENTUM, n], work[FOUND, n] = x, y, p, e
            work[NEURAL_SHARE, n] = numbers.neural_ratio if abs(z0[i]) < numbers.z_max else 0.0
            zones[OF_TRACKS, n] = masks[_interval(edges, pz[i] * inverse)]
            n += 1
        if muon:
            work[MUON_X, muons], work[MUON_Y, muons] = x, y
            work[MUON_MOMENTUM, muons], work[MUON_FOUND, muons] = p, e
            muons += 1
    return n, muons
