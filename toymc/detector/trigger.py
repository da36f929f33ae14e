"""Level-1 trigger, first description: lines as counts of tracks and clusters, one efficiency each.

An event meets a line if it has the tracks (pT, p, polar angle, azimuthal opening), the clusters and the energy that
the line asks for. It passes the group of lines of one subsystem with the efficiency of the best line it meets; the
groups of drift chamber and calorimeter are independent, so the event's probability is 1 - (1 - eps_cdc)(1 - eps_ecl).
The bits are drawn with one uniform number per group, hence agree with that probability. Clusters are the neutral ones
plus one for each track that reaches the calorimeter.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from toymc.geometry.trigger import TriggerLine
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
def _counts(rows, k, tan_lambda, pt, a):
    """Whether track `a` counts for line k."""
    p = pt[a] * math.sqrt(1.0 + tan_lambda[a] * tan_lambda[a])
    return pt[a] > rows[k, 2] and p > rows[k, 3] and tan_lambda[a] > rows[k, 4] and tan_lambda[a] < rows[k, 5]


@kernel
def _meets_tracks(rows, k, first, last, phi, tan_lambda, pt):
    """Whether tracks first..last-1 fulfil the track part of line k."""
    found = 0
    widest = 0.0
    for a in range(first, last):
        if not _counts(rows, k, tan_lambda, pt, a):
            continue
        found += 1
        if rows[k, 6] > 0.0:
            for b in range(first, a):
                if _counts(rows, k, tan_lambda, pt, b):
                    opening = abs(phi[a] - phi[b])
                    widest = max(widest, min(opening, 2.0 * math.pi - opening))
    return found >= rows[k, 1] and widest >= rows[k, 6]


@kernel
def _energies_above(first, last, energy, threshold):
    """Number of entries above a threshold."""
    found = 0
    for k in range(first, last):
        if energy[k] > threshold:
            found += 1
    return found


@kernel
def _sum_and_highest(first, last, energy):
    total = 0.0
    highest = 0.0
    for k in range(first, last):
        total += energy[k]
        highest = max(highest, energy[k])
    return total, highest


@kernel
def _trigger(rows, track_offsets, phi, tan_lambda, pt, deposit, cluster_offsets, energy, rng, bits, probability):
    """Bits and pass probability of every event."""
    for i in range(len(bits)):
        t0, t1 = track_offsets[i], track_offsets[i + 1]
        c0, c1 = cluster_offsets[i], cluster_offsets[i + 1]
        total_c, highest_c = _sum_and_highest(c0, c1, energy)
        total_t, highest_t = _sum_and_highest(t0, t1, deposit)
        best_cdc = 0.0
        best_ecl = 0.0
        u_cdc = rng.random()
        u_ecl = rng.random()
        fired = np.uint64(0)
        for k in range(len(rows)):
            # cheap tests first: most lines fail on counts alone
            if t1 - t0 < rows[k, 1] or t1 - t0 + c1 - c0 < rows[k, 7]:
                continue
            if max(highest_c, highest_t) < rows[k, 9] or total_c + total_t < rows[k, 10]:
                continue
            if rows[k, 1] > 0.0 and not _meets_tracks(rows, k, t0, t1, phi, tan_lambda, pt):
                continue
            if rows[k, 7] > 0.0:
                threshold = rows[k, 8]
                n = _energies_above(c0, c1, energy, threshold) + _energies_above(t0, t1, deposit, threshold)
                if n < rows[k, 7]:
                    continue
            if rows[k, 0] == 0.0:
                best_cdc = max(best_cdc, rows[k, 11])
            else:
                best_ecl = max(best_ecl, rows[k, 11])
            if (u_cdc if rows[k, 0] == 0.0 else u_ecl) < rows[k, 11]:
                fired |= np.uint64(1) << np.uint64(k)
        bits[i] = fired
        probability[i] = 1.0 - (1.0 - best_cdc) * (1.0 - best_ecl)
