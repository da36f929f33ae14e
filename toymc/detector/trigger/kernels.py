"""Kernels of the level-1 trigger: probability of every line of an event, bits, probability of the event.

Objects. A charged track is found with `found` T(pT) if it points to the axis, and is neural besides with a constant
ratio if it comes from |z| < z_max; T(x) = 1/2 erfc((threshold - x)/(sqrt(2) width)). Calorimeter clusters are the
neutral ones and one for each track with energy, at the track's position on the front of the crystals; they pass a
threshold with the T of the line. Tracks and clusters are independent of each other given the event.

Lines. Numbers of objects above threshold are sums of independent trials (exact up to four of them); pairs of tracks
with an opening are counted from the track with the largest share, P = max_a e_a (1 - prod_b (1 - e_b)) over the b that
open from a: exact for two tracks and for one against a jet, a lower bound else. Angular windows of clusters are steps.

Event. Lines of one group (drift chamber, calorimeter, muon detector) look at the same objects and are taken as nested:
the group fires with the probability of its best line. Groups are independent, P = 1 - prod_g (1 - max_k p_k). Bits are
drawn with one uniform number for each group, bit k fires for u_g < p_k: they agree with P by construction, and any
subset of lines has the probability that the same formula gives for it.
"""

import math

import numpy as np

from toymc.kernels import inlined_kernel, kernel, lean_kernel

MAX_CLUSTERS = 48
"""Clusters of an event that are looked at (rows of `work`)."""
MAX_PAIRS = 64
WORK_SHAPE = (18, 64)
"""Rows of the scratch array: 0-6 clusters, 7-10 pairs of them, 11-17 tracks."""
MAX_TRACKS = 64
_FAINT = 0.05  # GeV: clusters below it pass no threshold of any line


_PER_WIDTH = 256
# an event asks some forty times: linear interpolation is exact to 5e-7 and three times as fast as erfc
_TURN_ON = np.array(
    [0.5 * math.erfc(-k / _PER_WIDTH / math.sqrt(2.0)) for k in range(-4 * _PER_WIDTH, 4 * _PER_WIDTH + 2)]
)


@inlined_kernel
def _turn_on(x, width):
    """1/2 erfc(-x/(sqrt(2) width)) from a table; 0 and 1 beyond four widths."""
    if x >= 4.0 * width:
        return 1.0
    if not x > -4.0 * width:
        return 0.0
    s = (x / width + 4.0) * _PER_WIDTH
    k = int(s)
    return _TURN_ON[k] + (s - k) * (_TURN_ON[k + 1] - _TURN_ON[k])


@inlined_kernel
def _cluster(work, n, energy, ux, uy, uz, numbers):
    """Column n of `work`: energy, cos(theta), then energy, cos(phi), sin(phi), cos(theta), sin(theta) in the CMS."""
    dot = numbers.beta_x * ux + numbers.beta_y * uy + numbers.beta_z * uz
    along = numbers.boost_factor * dot - numbers.gamma
    scale = numbers.gamma * (1.0 - dot)
    inverse = 1.0 / scale
    px = (ux + along * numbers.beta_x) * inverse
    py = (uy + along * numbers.beta_y) * inverse
    sine = math.sqrt(px * px + py * py)
    work[0, n] = energy
    work[1, n] = uz
    work[2, n] = energy * scale
    work[5, n] = (uz + along * numbers.beta_z) * inverse
    work[6, n] = sine
    inverse = 1.0 / sine if sine > 0.0 else 0.0
    work[3, n] = px * inverse
    work[4, n] = py * inverse


@inlined_kernel
def _clusters(first_t, last_t, px, py, pz, omega, deposit, first_c, last_c, energy, theta, phi, numbers, work):
    """Fill `work` with the clusters of an event; their number."""
    n = 0
    for i in range(first_t, last_t):
        if not deposit[i] > _FAINT or n == MAX_CLUSTERS:
            continue
        pt = math.sqrt(px[i] * px[i] + py[i] * py[i])
        if not pt > 0.0:
            continue
        # the track turns by asin(omega r/2) on its way to the crystals; curlers end a quarter turn away
        radius = numbers.radius
        if pz[i] * radius > numbers.forward_z * pt:
            radius = numbers.forward_z * pt / pz[i]
        elif pz[i] * radius < numbers.backward_z * pt:
            radius = numbers.backward_z * pt / pz[i]
        s = max(-1.0, min(1.0, 0.5 * omega[i] * radius))
        c = math.sqrt(1.0 - s * s)
        p = math.sqrt(pt * pt + pz[i] * pz[i])
        _cluster(work, n, deposit[i], (px[i] * c + py[i] * s) / p, (py[i] * c - px[i] * s) / p, pz[i] / p, numbers)
        n += 1
    for i in range(first_c, last_c):
        if not energy[i] > _FAINT or n == MAX_CLUSTERS:
            continue
        sine = math.sin(theta[i])
        _cluster(
            work, n, energy[i], sine * math.cos(phi[i]), sine * math.sin(phi[i]), math.cos(theta[i]), numbers
        )
        n += 1
    return n


@inlined_kernel
def _pairs(n, numbers, work):
    """Pairs far apart in azimuth (CMS), as far as a line may ask; their number and the probability of the Bhabha veto.

    Rows 7 to 10 of `work`: harder and softer energy, cosine of the azimuth between them, cosine of their sum of theta.
    """
    found = 0
    veto = 0.0
    for a in range(1, n):
        for b in range(a):
            cosine = work[3, a] * work[3, b] + work[4, a] * work[4, b]
            if cosine > numbers.cos_dphi_pair or found == MAX_PAIRS:
                continue
            both = work[5, a] * work[5, b] - work[6, a] * work[6, b]
            work[7, found] = max(work[0, a], work[0, b])
            work[8, found] = min(work[0, a], work[0, b])
            work[9, found] = cosine
            work[10, found] = both
            found += 1
            low = min(work[2, a], work[2, b])
            if low < numbers.veto_both - 4.0 * numbers.veto_width or cosine > numbers.cos_dphi_veto:
                continue
            # the sum of theta is above pi where its sine is negative
            total = math.acos(max(-1.0, min(1.0, both)))
            if work[5, a] * work[6, b] + work[6, a] * work[5, b] < 0.0:
                total = 2.0 * math.pi - total
            if total > numbers.sum_theta_low and total < numbers.sum_theta_high:
                high = max(work[2, a], work[2, b])
                here = _turn_on(low - numbers.veto_both, numbers.veto_width)
                veto = max(veto, here * _turn_on(high - numbers.veto_one, numbers.veto_width))
    return found, veto


@inlined_kernel
def _tracks(first, last, px, py, pz, d0, z0, klm_layers, numbers, work):
    """Rows 11 to 17 of `work`: direction (2), tan lambda, p, probability to be found, share of that with a neural
    track, whether it fires the muon detector."""
    for i in range(first, last):
        n = i - first
        pt2 = px[i] * px[i] + py[i] * py[i]
        pt = math.sqrt(pt2)
        work[14, n] = math.sqrt(pt2 + pz[i] * pz[i])
        work[15, n] = 0.0
        if pt > 0.0:
            inverse = 1.0 / pt
            work[11, n] = px[i] * inverse
            work[12, n] = py[i] * inverse
            work[13, n] = pz[i] * inverse
            if abs(d0[i]) < numbers.d0_max:
                work[15, n] = numbers.found * _turn_on(pt - numbers.pt, numbers.pt_width)
        else:
            work[11, n], work[12, n], work[13, n] = 0.0, 0.0, math.inf
        work[16, n] = numbers.neural_ratio if abs(z0[i]) < numbers.z_max else 0.0
        work[17, n] = 1.0 if klm_layers[i] >= numbers.muon_layer else 0.0


@inlined_kernel
def _at_least(k, p0, p1, p2, p3):
    """Probability of k or more successes, from those of 0, 1, 2, 3."""
    fewer = 0.0
    if k > 0:
        fewer += p0
    if k > 1:
        fewer += p1
    if k > 2:
        fewer += p2
    if k > 3:
        fewer += p3
    # rounding may leave a sum just above 1
    return max(0.0, 1.0 - fewer)


@inlined_kernel
def _opening(rows, k, n, work):
    """Probability of a pair of found tracks with the opening of line k."""
    best = 0.0
    for a in range(n):
        if work[15, a] <= best or not (work[13, a] > rows[k, 25] and work[13, a] < rows[k, 26]):
            continue
        none = 1.0
        for b in range(n):
            if work[11, a] * work[11, b] + work[12, a] * work[12, b] <= rows[k, 6]:
                if work[13, b] > rows[k, 25] and work[13, b] < rows[k, 26]:
                    none *= 1.0 - work[15, b]
        best = max(best, work[15, a] * (1.0 - none))
    return best


@inlined_kernel
def _multiplicity(rows, k, n, alone, p_width, work):
    """Probabilities of 0, 1, 2, 3 tracks in the polar range of line k: found ones, or (`alone`) neural ones."""
    p0, p1, p2, p3 = 1.0, 0.0, 0.0, 0.0
    for a in range(n):
        e = work[15, a]
        if e == 0.0 or not (work[13, a] > rows[k, 25] and work[13, a] < rows[k, 26]):
            continue
        if alone:
            e *= work[16, a]
            if rows[k, 5] > 0.0:
                e *= _turn_on(work[14, a] - rows[k, 5], p_width)
        p3 = p3 * (1.0 - e) + p2 * e
        p2 = p2 * (1.0 - e) + p1 * e
        p1 = p1 * (1.0 - e) + p0 * e
        p0 *= 1.0 - e
    return p0, p1, p2, p3


@inlined_kernel
def _one_neural(rows, k, n, work):
    """Probability that one track or more in the polar range of line k is neural, given that they are found."""
    none = 1.0
    for a in range(n):
        if work[15, a] > 0.0 and work[13, a] > rows[k, 25] and work[13, a] < rows[k, 26]:
            none *= 1.0 - work[16, a]
    return 1.0 - none


@inlined_kernel
def _track_line(rows, k, n, p_width, before, work):
    """Probability of a line of kind track without the factor of `_one_neural`; `before`: that of the line above."""
    if rows[k, 3] == 0.0:
        p0, p1, p2, p3 = _multiplicity(rows, k, n, True, p_width, work)
        return _at_least(rows[k, 4], p0, p1, p2, p3)
    # lines come in twos that differ in the neural track alone
    if k > 0 and rows[k - 1, 1] == 0.0 and rows[k, 3] == rows[k - 1, 3] and rows[k, 6] == rows[k - 1, 6]:
        if rows[k, 25] == rows[k - 1, 25] and rows[k, 26] == rows[k - 1, 26]:
            return before
    if rows[k, 6] < 1.0:
        return _opening(rows, k, n, work)
    p0, p1, p2, p3 = _multiplicity(rows, k, n, False, p_width, work)
    return _at_least(rows[k, 3], p0, p1, p2, p3)


@inlined_kernel
def _muon_line(rows, k, n, p_width, work):
    """Probability of a line of kind muon: the muon detector fires if enough layers are hit."""
    f0, f1 = 1.0, 0.0
    best = 0.0
    for a in range(n):
        if work[17, a] == 0.0:
            continue
        e = 1.0
        if rows[k, 3] > 0.0:
            e = work[15, a] * _turn_on(work[14, a] - rows[k, 5], p_width)
        f0, f1 = f0 * (1.0 - e), f1 * (1.0 - e) + f0 * e
        if rows[k, 6] < 1.0:
            for b in range(a):
                if work[17, b] > 0.0 and work[11, a] * work[11, b] + work[12, a] * work[12, b] <= rows[k, 6]:
                    best = 1.0
    if rows[k, 6] < 1.0:
        return best
    return 1.0 - f0 if rows[k, 18] < 2.0 else max(0.0, 1.0 - f0 - f1)


@inlined_kernel
def _inside(rows, k, cosine):
    """Whether a cluster lies in the polar range of a line."""
    return cosine >= rows[k, 19] and cosine <= rows[k, 20] and not (cosine > rows[k, 21] and cosine < rows[k, 22])


@inlined_kernel
def _energy_line(rows, k, n, work):
    """Probability of a line of kind energy."""
    total = 0.0
    for a in range(n):
        if _inside(rows, k, work[1, a]):
            total += work[0, a]
    return _turn_on(total - rows[k, 10], rows[k, 23])


@inlined_kernel
def _counts(threshold, width, n, work):
    """Probabilities that 0, 1, 2, 3 clusters are above a threshold."""
    p0, p1, p2, p3 = 1.0, 0.0, 0.0, 0.0
    for a in range(n):
        e = _turn_on(work[0, a] - threshold, width)
        p3 = p3 * (1.0 - e) + p2 * e
        p2 = p2 * (1.0 - e) + p1 * e
        p1 = p1 * (1.0 - e) + p0 * e
        p0 *= 1.0 - e
    return p0, p1, p2, p3


@inlined_kernel
def _highest(rows, k, n, work):
    """Probability that a cluster inside the polar range of a line of kind count is above its second threshold."""
    if rows[k, 9] == 0.0:
        return 1.0
    highest = 0.0
    for a in range(n):
        if work[0, a] > highest and _inside(rows, k, work[1, a]):
            highest = work[0, a]
    return _turn_on(highest - rows[k, 9], rows[k, 23])


@inlined_kernel
def _single_line(rows, k, n, most_cms, work):
    """Probability of a line of kind single."""
    width = rows[k, 23]
    faint = rows[k, 12] - 4.0 * width
    if most_cms <= faint:
        return 0.0
    if math.isinf(rows[k, 14]):
        none = 1.0
        for a in range(n):
            if work[2, a] > faint and _inside(rows, k, work[1, a]):
                none *= 1.0 - _turn_on(work[2, a] - rows[k, 12], width)
        return 1.0 - none
    hardest = -1
    for a in range(n):
        if work[2, a] > faint and (hardest < 0 or work[2, a] > work[2, hardest]) and _inside(rows, k, work[1, a]):
            hardest = a
    if hardest < 0:
        return 0.0
    alone = _turn_on(work[2, hardest] - rows[k, 12], width)
    for a in range(n):
        if a != hardest and alone > 0.0:
            alone *= 1.0 - _turn_on(work[0, a] - rows[k, 14], width)
    return alone


@inlined_kernel
def _pair_line(rows, k, n, n_pairs, total, most, most_cms, work):
    """Probability of a line of kind pair."""
    width = rows[k, 23]
    reach = 4.0 * width
    if total >= rows[k, 11] + reach or most_cms >= rows[k, 13] + reach or most >= rows[k, 15] + reach:
        return 0.0
    best = 0.0
    for m in range(n_pairs):
        if work[9, m] > rows[k, 16] or work[10, m] > rows[k, 17]:
            continue
        hard, soft = work[7, m], work[8, m]
        if hard <= rows[k, 9] - reach or soft <= rows[k, 8] - reach or soft >= rows[k, 14] + reach:
            continue
        e = _turn_on(hard - rows[k, 9], width) * _turn_on(soft - rows[k, 8], width)
        if soft > rows[k, 14] - reach:
            e *= 1.0 - _turn_on(soft - rows[k, 14], width)
        best = max(best, e)
    if best == 0.0:
        return 0.0
    if most_cms > rows[k, 13] - reach or most > rows[k, 15] - reach:
        for a in range(n):
            best *= 1.0 - _turn_on(work[2, a] - rows[k, 13], width)
            best *= 1.0 - _turn_on(work[0, a] - rows[k, 15], width)
    if total > rows[k, 11] - reach:
        best *= 1.0 - _turn_on(total - rows[k, 11], width)
    return best


@inlined_kernel
def _line_probabilities(
    t0, t1, px, py, pz, omega, d0, z0, deposit, klm_layers, c0, c1, energy, theta, phi, numbers, rows, work, out
):  # fmt: skip
    """Write the probability of every line for the event with tracks t0..t1-1 and clusters c0..c1-1 to `out`."""
    t1 = min(t1, t0 + MAX_TRACKS)
    tracks = t1 - t0
    _tracks(t0, t1, px, py, pz, d0, z0, klm_layers, numbers, work)
    n = _clusters(t0, t1, px, py, pz, omega, deposit, c0, c1, energy, theta, phi, numbers, work)
    n_pairs, veto = _pairs(n, numbers, work)
    p_width = numbers.p_width
    threshold, width, p0, p1, p2, p3 = -1.0, 0.0, 1.0, 0.0, 0.0, 0.0
    before = 0.0
    total, most, most_cms = 0.0, 0.0, 0.0
    for a in range(n):
        total += work[0, a]
        most = max(most, work[0, a])
        most_cms = max(most_cms, work[2, a])
    for k in range(len(rows)):
        kind = rows[k, 1]
        p = 0.0
        # cheap tests first: most lines fail on counts alone
        if kind == 0.0:
            before = _track_line(rows, k, tracks, p_width, before, work)
            p = before
            if rows[k, 3] > 0.0 and rows[k, 4] > 0.0 and p > 0.0:
                p *= _one_neural(rows, k, tracks, work)
        elif kind == 5.0:
            if tracks >= rows[k, 18]:
                p = _muon_line(rows, k, tracks, p_width, work)
        elif kind == 4.0:
            if n_pairs > 0:
                p = _pair_line(rows, k, n, n_pairs, total, most, most_cms, work)
        elif kind == 3.0:
            p = _single_line(rows, k, n, most_cms, work)
        elif kind == 2.0:
            if n >= rows[k, 7]:
                if rows[k, 8] != threshold or rows[k, 23] != width:
                    # most lines ask for the same threshold
                    threshold, width = rows[k, 8], rows[k, 23]
                    p0, p1, p2, p3 = _counts(threshold, width, n, work)
                p = _at_least(rows[k, 7], p0, p1, p2, p3) * _highest(rows, k, n, work)
        else:
            p = _energy_line(rows, k, n, work)
        if rows[k, 2] > 0.0:
            p *= 1.0 - veto
        out[k] = p * rows[k, 24]


@lean_kernel
def _trigger_event(
    rng, t0, t1, px, py, pz, omega, d0, z0, deposit, klm_layers, c0, c1, energy, theta, phi, numbers, rows, work, out
):  # fmt: skip
    """(bits as uint64, probability) of the event with tracks t0..t1-1 and clusters c0..c1-1.

    Columns of the whole batch: momentum px, py, pz (GeV), omega (1/cm), d0 and z0 (cm), `deposit` = ecl_energy (GeV),
    klm_layers (int32) of the tracks; energy (GeV), theta, phi (rad) of the neutral clusters. `numbers`, `rows` from
    `trigger_tables`; `work` (WORK_SHAPE) and `out` (n_lines,) are scratch, `out` holds the probabilities of the lines
    afterwards. Three random numbers.
    """
    _line_probabilities(
        t0, t1, px, py, pz, omega, d0, z0, deposit, klm_layers, c0, c1, energy, theta, phi, numbers, rows, work, out
    )
    u = (rng.random(), rng.random(), rng.random())
    fired = np.uint64(0)
    cdc, ecl, klm = 0.0, 0.0, 0.0
    for k in range(len(rows)):
        group = rows[k, 0]
        if group == 0.0:
            cdc = max(cdc, out[k])
            hit = u[0] < out[k]
        elif group == 1.0:
            ecl = max(ecl, out[k])
            hit = u[1] < out[k]
        else:
            klm = max(klm, out[k])
            hit = u[2] < out[k]
        if hit:
            fired |= np.uint64(1) << np.uint64(k)
    return fired, 1.0 - (1.0 - cdc) * (1.0 - ecl) * (1.0 - klm)


@kernel
def _trigger_batch(
    rng, track_offsets, px, py, pz, omega, d0, z0, deposit, klm_layers, cluster_offsets, energy, theta, phi, numbers,
    rows, bits, probability,
):  # fmt: skip
    """Bits and pass probability of every event."""
    work = np.empty(WORK_SHAPE)
    out = np.empty(len(rows))
    for i in range(len(bits)):
        bits[i], probability[i] = _trigger_event(
            rng, track_offsets[i], track_offsets[i + 1], px, py, pz, omega, d0, z0, deposit, klm_layers,
            cluster_offsets[i], cluster_offsets[i + 1], energy, theta, phi, numbers, rows, work, out,
        )  # fmt: skip


@kernel
def _probability_batch(
    track_offsets, px, py, pz, omega, d0, z0, deposit, klm_layers, cluster_offsets, energy, theta, phi, numbers, rows,
    out,
):  # fmt: skip
    """Probability of every line of every event."""
    work = np.empty(WORK_SHAPE)
    for i in range(len(out)):
        _line_probabilities(
            track_offsets[i], track_offsets[i + 1], px, py, pz, omega, d0, z0, deposit, klm_layers,
            cluster_offsets[i], cluster_offsets[i + 1], energy, theta, phi, numbers, rows, work, out[i],
        )  # fmt: skip
