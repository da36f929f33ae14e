"""Kernels of the level-1 trigger: probability of every line of an event, bits, probability of the event.

Objects. A charged track is found with `found` T(pT) if it points to the axis, and is neural besides with a constant
ratio if it comes from |z| < z_max; T(x) = 1/2 erfc((threshold - x)/(sqrt(2) width)). Calorimeter clusters are the
neutral ones and one for each track with energy, at the track's position on the front of the crystals; they pass a
threshold with the T of the line. Tracks and clusters are independent of each other given the event.

Lines. Numbers of objects above threshold are sums of independent trials; pairs of tracks with an opening are counted
from the track with the largest share, P = max_a e_a (1 - prod_b (1 - e_b)) over the b that open from a: exact for two
tracks and for one against a jet, a lower bound else. Angular windows of clusters are steps.

Event. Lines of one group (drift chamber, calorimeter, muon detector) look at the same objects and are taken as nested:
the group fires with the probability of its best line. Groups are independent, P = 1 - prod_g (1 - max_k p_k). Bits are
drawn with one uniform number for each group, bit k fires for u_g < p_k: they agree with P by construction, and any
subset of lines has the probability that the same formula gives for it.
"""

import numpy as np

from toymc.detector.trigger.lines import (
    _count_line,
    _energy_line,
    _muon_line,
    _one_neural,
    _pair_line,
    _single_line,
    _track_line,
)
from toymc.detector.trigger.objects import (
    _A,
    MAX_CLUSTERS,
    MAX_TRACKS,
    ROWS,
    SLOTS,
    _fill_chances,
    _fill_clusters,
    _fill_pairs,
    _fill_tracks,
    _largest,
    _veto,
)
from toymc.detector.trigger.tables import (
    CDC,
    COUNT,
    ECL,
    ENERGY_SUM,
    GROUP,
    KIND,
    MUON,
    MUONS,
    NEURAL,
    PAIR,
    PLATEAU,
    SAME,
    SINGLE,
    TRACK,
    TRACKS,
    VETO,
)
from toymc.kernels import inlined_kernel, kernel, lean_kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, chosen, filled, filled_places, higher_of, lane, some

BLOCK = 512
"""Events that are put into an order at a time."""
# rows of `heads`: first track and number of tracks, first cluster and number of clusters of an event
FIRST_TRACK, TRACK_COUNT, FIRST_CLUSTER, CLUSTER_COUNT = range(4)
_MOST_TRACKS, _MOST_CLUSTERS = 8, 16
_CLASSES = _MOST_TRACKS * _MOST_CLUSTERS


@inlined_kernel
def _class(tracks, clusters):
    """Number of a class of events alike."""
    return min(clusters, _MOST_CLUSTERS - 1) * _MOST_TRACKS + min(tracks, _MOST_TRACKS - 1)


@lean_kernel
def _arrange(first, n, track_offsets, cluster_offsets, ends, order, heads):
    """Sort n events from `first` on by their numbers of objects: eight neighbours take as long as the fullest of them.

    Fills `order` and `heads` with copies of the last event up to a multiple of WIDTH.
    """
    ends[:] = 0
    for i in range(first, first + n):
        tracks, clusters = track_offsets[i + 1] - track_offsets[i], cluster_offsets[i + 1] - cluster_offsets[i]
        ends[_class(tracks, clusters)] += 1
    total = 0
    for k in range(_CLASSES):
        total += ends[k]
        ends[k] = total - ends[k]
    for i in range(first, first + n):
        tracks, clusters = track_offsets[i + 1] - track_offsets[i], cluster_offsets[i + 1] - cluster_offsets[i]
        k = _class(tracks, clusters)
        at = ends[k]
        ends[k] += 1
        order[at] = i
        heads[FIRST_TRACK, at], heads[TRACK_COUNT, at] = track_offsets[i], min(tracks, MAX_TRACKS)
        heads[FIRST_CLUSTER, at], heads[CLUSTER_COUNT, at] = cluster_offsets[i], min(clusters, MAX_CLUSTERS)
    for at in range(n, n + (-n) % WIDTH):
        order[at] = order[n - 1]
        for row in range(len(heads)):
            heads[row, at] = heads[row, n - 1]


@inlined_kernel
def _fullest(counts, at):
    """Largest of eight numbers."""
    most = 0.0
    for k in range(WIDTH):
        most = max(most, counts[at + k])
    return int(most)


@lean_kernel
def _line_probabilities(
    at, heads, px, py, pz, omega, d0, z0, deposit, klm_layers, energy, theta, phi, numbers, rows, ranges, turn_ons,
    places, work, chances, pairs, out,
):  # fmt: skip
    """Write the probability of line k for the eight events from `heads[:, at]` on to eight places from out[8 k] on."""
    tracks, clusters = _fullest(heads[TRACK_COUNT], at), _fullest(heads[CLUSTER_COUNT], at)
    n = tracks + clusters
    first, count = loaded(heads[FIRST_TRACK], at), loaded(heads[TRACK_COUNT], at)
    muons = _fill_tracks(tracks, first, count, px, py, pz, omega, d0, z0, deposit, klm_layers, numbers, work)
    first, count = loaded(heads[FIRST_CLUSTER], at), loaded(heads[CLUSTER_COUNT], at)
    _fill_clusters(tracks, clusters, first, count, energy, theta, phi, numbers, work)
    _fill_chances(n, turn_ons, work, chances)
    total, most, second, most_cms = _largest(n, work)
    passed = 1.0 - _veto(n, most_cms, numbers, work)
    p_width = numbers.p_width
    _fill_pairs(n, work, pairs)
    before = filled(0.0)
    for k in range(len(rows)):
        line, limits = rows[k], ranges[k]
        kind = line[KIND]
        p = filled(0.0)
        if kind == TRACK:
            before = _track_line(line, limits, tracks, p_width, line[SAME] > 0.0, before, work)
            p = before
            if line[TRACKS] > 0.0 and line[NEURAL] > 0.0:
                p = p * _one_neural(limits, tracks, work)
        elif kind == MUON:
            if some(muons >= line[MUONS]):
                p = _muon_line(line, tracks, p_width, work)
        elif kind == PAIR:
            p = _pair_line(line, places[k], n, total, most, most_cms, work, pairs, chances, len(turn_ons))
        elif kind == SINGLE:
            p = _single_line(line, limits, n, second, work)
        elif kind == COUNT:
            p = _count_line(line, places[k], limits, n, work, chances, len(turn_ons))
        elif kind == ENERGY_SUM:
            p = _energy_line(line, limits, n, work)
        if line[VETO] > 0.0:
            p = p * passed
        stored(out, WIDTH * k, p * line[PLATEAU])


@inlined_kernel
def _draw(rng, rows, uniform, out):
    """Bits of the lines that fire and the probability of the events, from those of the lines. Three random numbers."""
    for k in range(3 * WIDTH):
        uniform[k] = rng.random()
    u, v, w = loaded(uniform, 0), loaded(uniform, WIDTH), loaded(uniform, 2 * WIDTH)
    fired = filled_places(np.int64(0))
    cdc, ecl, klm = filled(0.0), filled(0.0), filled(0.0)
    for k in range(len(rows)):
        group = rows[k, GROUP]
        p = loaded(out, WIDTH * k)
        if group == CDC:
            cdc = higher_of(cdc, p)
            hit = u < p
        elif group == ECL:
            ecl = higher_of(ecl, p)
            hit = v < p
        else:
            klm = higher_of(klm, p)
            hit = w < p
        fired = chosen(hit, fired | (np.int64(1) << np.int64(k)), fired)
    return fired, 1.0 - (1.0 - cdc) * (1.0 - ecl) * (1.0 - klm)


@kernel
def _trigger_batch(
    rng, track_offsets, px, py, pz, omega, d0, z0, deposit, klm_layers, cluster_offsets, energy, theta, phi, numbers,
    rows, ranges, turn_ons, places, bits, probability,
):  # fmt: skip
    """Bits (uint64) and pass probability of every event.

    Columns of the batch: momentum px, py, pz (GeV), omega (1/cm), d0 and z0 (cm), `deposit` = ecl_energy (GeV),
    klm_layers (int32) of the tracks; energy (GeV), theta, phi (rad) of the neutral clusters. `numbers` to `places` from
    `trigger_tables`.
    """
    work, chances = np.empty(WIDTH * ROWS * SLOTS), np.empty(WIDTH * len(turn_ons) * SLOTS)
    pairs = np.empty(WIDTH * 4 * len(_A))
    ends, order, heads = np.empty(_CLASSES, np.int64), np.empty(BLOCK, np.int64), np.empty((4, BLOCK))
    out, uniform = np.empty(WIDTH * len(rows)), np.empty(3 * WIDTH)
    for first in range(0, len(bits), BLOCK):
        n = min(BLOCK, len(bits) - first)
        _arrange(first, n, track_offsets, cluster_offsets, ends, order, heads)
        for at in range(0, n, WIDTH):
            _line_probabilities(
                at, heads, px, py, pz, omega, d0, z0, deposit, klm_layers, energy, theta, phi, numbers, rows, ranges,
                turn_ons, places, work, chances, pairs, out,
            )  # fmt: skip
            fired, p = _draw(rng, rows, uniform, out)
            for k in range(WIDTH):
                i = order[at + k]
                bits[i], probability[i] = np.uint64(lane(fired, k)), lane(p, k)


@kernel
def _probability_batch(
    track_offsets, px, py, pz, omega, d0, z0, deposit, klm_layers, cluster_offsets, energy, theta, phi, numbers, rows,
    ranges, turn_ons, places, out,
):  # fmt: skip
    """Probability of every line of every event."""
    work, chances = np.empty(WIDTH * ROWS * SLOTS), np.empty(WIDTH * len(turn_ons) * SLOTS)
    pairs = np.empty(WIDTH * 4 * len(_A))
    ends, order, heads = np.empty(_CLASSES, np.int64), np.empty(BLOCK, np.int64), np.empty((4, BLOCK))
    lanes = np.empty(WIDTH * len(rows))
    for first in range(0, len(out), BLOCK):
        n = min(BLOCK, len(out) - first)
        _arrange(first, n, track_offsets, cluster_offsets, ends, order, heads)
        for at in range(0, n, WIDTH):
            _line_probabilities(
                at, heads, px, py, pz, omega, d0, z0, deposit, klm_layers, energy, theta, phi, numbers, rows, ranges,
                turn_ons, places, work, chances, pairs, lanes,
            )  # fmt: skip
            for line in range(len(rows)):
                for k in range(WIDTH):
                    out[order[at + k], line] = lanes[WIDTH * line + k]
