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

import numpy as np

from toymc.detector.trigger.lines import (
    _at_least,
    _counts,
    _muon_line,
    _one_neural,
    _pair_line,
    _single_line,
    _track_line,
)
from toymc.detector.trigger.objects import (
    ENERGY,
    ENERGY_CMS,
    MAX_TRACKS,
    MOST_INSIDE,
    TOTAL_INSIDE,
    WORK_SHAPE,
    ZONES_SHAPE,
    _clusters,
    _inside,
    _pairs,
    _tracks,
    _turn_on,
)
from toymc.detector.trigger.tables import (
    CDC,
    CLUSTER,
    CLUSTERS,
    COUNT,
    ECL,
    GROUP,
    KIND,
    MUON,
    MUONS,
    NEURAL,
    ONE,
    PAIR,
    PLATEAU,
    SAME,
    SINGLE,
    TOTAL,
    TRACK,
    TRACKS,
    VETO,
    WIDTH,
)
from toymc.kernels import inlined_kernel, kernel


@inlined_kernel
def _largest(n, work):
    """Sum, largest and second largest energy of the clusters, largest in the CMS."""
    total, most, second, most_cms = 0.0, 0.0, 0.0, 0.0
    for a in range(n):
        e = work[ENERGY, a]
        total += e
        second = max(second, min(e, most))
        most = max(most, e)
        most_cms = max(most_cms, work[ENERGY_CMS, a])
    return total, most, second, most_cms


@inlined_kernel
def _line_probabilities(
    t0, t1, px, py, pz, omega, d0, z0, deposit, klm_layers, c0, c1, energy, theta, phi, numbers, rows,
    windows, cluster_edges, cover, track_edges, track_masks, work, zones, out,
):  # fmt: skip
    """Write the probability of every line for the event with tracks t0..t1-1 and clusters c0..c1-1 to `out`."""
    t1 = min(t1, t0 + MAX_TRACKS)
    tracks, muons = _tracks(t0, t1, px, py, pz, d0, z0, klm_layers, numbers, track_edges, track_masks, work, zones)
    n = _clusters(t0, t1, px, py, pz, omega, deposit, c0, c1, energy, theta, phi, numbers, cluster_edges, work, zones)
    total, most, second, most_cms = _largest(n, work)
    n_pairs, passes, surely, veto = _pairs(n, most_cms, numbers, windows, work, zones)
    _inside(n, cover, work, zones)
    p_width = numbers.p_width
    threshold, width, sure, p0, p1, p2, p3 = -1.0, 0.0, 0, 1.0, 0.0, 0.0, 0.0
    before = 0.0
    # number of the line among those with a polar range for clusters, bit among those of kind pair
    inside, pair = 0, np.int64(1)
    for k in range(len(rows)):
        line = rows[k]
        kind = line[KIND]
        p = 0.0
        # cheap tests first: most lines fail on counts alone
        if kind == TRACK:
            bit = np.int64(1) << np.int64(k)
            before = _track_line(line, bit, tracks, p_width, line[SAME] > 0.0, before, work, zones)
            p = before
            if p > 0.0 and line[TRACKS] > 0.0 and line[NEURAL] > 0.0:
                p *= _one_neural(bit, tracks, work, zones)
        elif kind == MUON:
            if muons >= line[MUONS]:
                p = _muon_line(line, muons, p_width, work)
        elif kind == PAIR:
            if passes & pair != 0:
                p = _pair_line(line, pair, surely & pair != 0, n, n_pairs, total, most, most_cms, work, zones)
            pair <<= np.int64(1)
        elif kind == SINGLE:
            p = _single_line(line, inside, n, second, cover, work, zones)
            inside += 1
        elif kind == COUNT:
            if n >= line[CLUSTERS]:
                if line[CLUSTER] != threshold or line[WIDTH] != width:
                    # most lines ask for the same threshold
                    threshold, width = line[CLUSTER], line[WIDTH]
                    sure, p0, p1, p2, p3 = _counts(threshold, width, n, work)
                p = _at_least(line[CLUSTERS] - sure, p0, p1, p2, p3)
                if line[ONE] > 0.0:
                    p *= _turn_on(work[MOST_INSIDE, inside] - line[ONE], line[WIDTH])
            inside += 1
        else:
            p = _turn_on(work[TOTAL_INSIDE, inside] - line[TOTAL], line[WIDTH])
            inside += 1
        if line[VETO] > 0.0:
            p *= 1.0 - veto
        out[k] = p * line[PLATEAU]


@inlined_kernel
def _draw(rng, rows, out):
    """Bits of the lines that fire and the probability of the event, from those of the lines. Three random numbers."""
    u, v, w = rng.random(), rng.random(), rng.random()
    fired = np.uint64(0)
    cdc, ecl, klm = 0.0, 0.0, 0.0
    for k in range(len(rows)):
        group = rows[k, GROUP]
        p = out[k]
        if group == CDC:
            cdc = max(cdc, p)
            hit = u < p
        elif group == ECL:
            ecl = max(ecl, p)
            hit = v < p
        else:
            klm = max(klm, p)
            hit = w < p
        fired |= np.uint64(hit) << np.uint64(k)
    return fired, 1.0 - (1.0 - cdc) * (1.0 - ecl) * (1.0 - klm)


@kernel
def _trigger_batch(
    rng, track_offsets, px, py, pz, omega, d0, z0, deposit, klm_layers, cluster_offsets, energy, theta, phi, numbers,
    rows, windows, cluster_edges, cover, track_edges, track_masks, bits, probability,
):  # fmt: skip
    """Bits (uint64) and pass probability of every event.

    Columns of the batch: momentum px, py, pz (GeV), omega (1/cm), d0 and z0 (cm), `deposit` = ecl_energy (GeV),
    klm_layers (int32) of the tracks; energy (GeV), theta, phi (rad) of the neutral clusters. `numbers` to `track_masks`
    from `trigger_tables`.
    """
    work, zones = np.empty(WORK_SHAPE), np.empty(ZONES_SHAPE, np.int64)
    out = np.empty(len(rows))
    for i in range(len(bits)):
        _line_probabilities(
            track_offsets[i], track_offsets[i + 1], px, py, pz, omega, d0, z0, deposit, klm_layers,
            cluster_offsets[i], cluster_offsets[i + 1], energy, theta, phi, numbers, rows,
            windows, cluster_edges, cover, track_edges, track_masks, work, zones, out,
        )  # fmt: skip
        bits[i], probability[i] = _draw(rng, rows, out)


@kernel
def _probability_batch(
    track_offsets, px, py, pz, omega, d0, z0, deposit, klm_layers, cluster_offsets, energy, theta, phi, numbers, rows,
    windows, cluster_edges, cover, track_edges, track_masks, out,
):  # fmt: skip
    """Probability of every line of every event."""
    work, zones = np.empty(WORK_SHAPE), np.empty(ZONES_SHAPE, np.int64)
    for i in range(len(out)):
        _line_probabilities(
            track_offsets[i], track_offsets[i + 1], px, py, pz, omega, d0, z0, deposit, klm_layers,
            cluster_offsets[i], cluster_offsets[i + 1], energy, theta, phi, numbers, rows,
            windows, cluster_edges, cover, track_edges, track_masks, work, zones, out[i],
        )  # fmt: skip
