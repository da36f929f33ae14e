"""Level-1 trigger, first description: lines as counts of tracks and clusters, one efficiency each.

An event meets a line if it has the tracks (pT, p, polar angle, azimuthal opening), the clusters and the energy that the
line asks for. It passes the group of lines of one subsystem with the efficiency of the best line it meets; the groups of
drift chamber and calorimeter are independent, so the event's probability is 1 - (1 - eps_cdc)(1 - eps_ecl). The bits
are drawn with one uniform number per group, hence agree with that probability. Clusters are the neutral ones plus one for
each track that reaches the calorimeter.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from toymc.geometry.models import TriggerLine
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]


def trigger_rows(lines: Sequence[TriggerLine]) -> FloatArray:
    """Lines as rows of numbers, in the order that `_trigger` reads."""
    rows = []
    for line in lines:
        tan_high = 1.0 / math.tan(math.radians(line.theta_min_deg)) if line.theta_min_deg > 0.0 else math.inf
        tan_low = 1.0 / math.tan(math.radians(line.theta_max_deg)) if line.theta_max_deg < 180.0 else -math.inf
        rows.append(
            [
                0.0 if line.group == "cdc" else 1.0,
                line.min_tracks,
                line.pt_min,
                line.p_min,
                tan_low,
                tan_high,
                math.radians(line.opening_min_deg),
                line.min_clusters,
                line.cluster_energy,
                line.one_cluster_energy,
                line.total_energy,
                line.efficiency,
            ]
        )
    return np.array(rows, dtype=np.float64)


@kernel
def _meets_tracks(row, first, last, phi, tan_lambda, pt):
    """Whether tracks first..last-1 fulfil the track part of a line."""
    found = 0
    widest = 0.0
    for a in range(first, last):
        p = pt[a] * math.sqrt(1.0 + tan_lambda[a] * tan_lambda[a])
        if not (pt[a] > row[2] and p > row[3] and tan_lambda[a] > row[4] and tan_lambda[a] < row[5]):
            continue
        found += 1
        if row[6] > 0.0:
            for b in range(first, a):
                p = pt[b] * math.sqrt(1.0 + tan_lambda[b] * tan_lambda[b])
                if pt[b] > row[2] and p > row[3] and tan_lambda[b] > row[4] and tan_lambda[b] < row[5]:
                    opening = abs(phi[a] - phi[b])
                    widest = max(widest, min(opening, 2.0 * math.pi - opening))
    return found >= row[1] and widest >= row[6]


@kernel
def _meets_clusters(row, first, last, energy, first_track, last_track, deposit):
    """Whether the clusters and the track deposits fulfil the calorimeter part of a line."""
    found = 0
    highest = 0.0
    total = 0.0
    for k in range(first, last):
        total += energy[k]
        highest = max(highest, energy[k])
        if energy[k] > row[8]:
            found += 1
    for k in range(first_track, last_track):
        total += deposit[k]
        highest = max(highest, deposit[k])
        if deposit[k] > row[8]:
            found += 1
    return found >= row[7] and highest >= row[9] and total >= row[10]


@kernel
def _trigger(rows, track_offsets, phi, tan_lambda, pt, deposit, cluster_offsets, energy, rng, bits, probability):
    """Bits and pass probability of every event."""
    one = np.uint64(1)
    for i in range(len(bits)):
        t0, t1 = track_offsets[i], track_offsets[i + 1]
        c0, c1 = cluster_offsets[i], cluster_offsets[i + 1]
        best = (0.0, 0.0)
        draw = (rng.random(), rng.random())
        fired = np.uint64(0)
        for k in range(len(rows)):
            row = rows[k]
            if row[1] > 0.0 and not _meets_tracks(row, t0, t1, phi, tan_lambda, pt):
                continue
            if not _meets_clusters(row, c0, c1, energy, t0, t1, deposit):
                continue
            if row[0] == 0.0:
                best = (max(best[0], row[11]), best[1])
                u = draw[0]
            else:
                best = (best[0], max(best[1], row[11]))
                u = draw[1]
            if u < row[11]:
                fired |= one << np.uint64(k)
        bits[i] = fired
        probability[i] = 1.0 - (1.0 - best[0]) * (1.0 - best[1])
