"""Showers that make one cluster.

The calorimeter's reconstruction makes a cluster around every crystal with more energy than its eight neighbours [basf2
ECLLocalMaximumFinderModule.cc, method "none"]. Two showers whose hottest crystals are the same or neighbours have one
such maximum between them. For impacts that are dx and dy crystals apart, and a grid whose phase is random, that
happens with probability clip(2 - dx, 0, 1) clip(2 - dy, 0, 1): certainly below one crystal, never beyond two. At the
barrel radius a crystal is 2.5 degrees: photons of a pi0 (smallest opening angle 2 m/E) begin to merge at 2.5 GeV and
half of the symmetric pairs are merged at 4 GeV.

Not described: a soft shower in the tail of one that is fifty times harder; two tracks in one cluster.
"""

import math

from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_memory import loaded
from toymc.lanes import WIDTH, some


@inlined_kernel
def _overlap(ax, ay, az, bx, by, bz, region, numbers):
    """Probability that showers at two directions (unit vectors from the origin) have one maximum.

    `region` 1..3 is that of the first. Components of the difference along phi and theta, in crystals, at the front
    face.
    """
    rho = math.sqrt(max(1.0 - az * az, 1e-6))
    if region == 2:
        distance = numbers.barrel_radius / rho
    elif region == 1:
        distance = numbers.forward_z / max(az, 0.1)
    else:
        distance = numbers.backward_z / min(az, -0.1)
    dx, dy, dz = bx - ax, by - ay, bz - az
    scale = distance / numbers.crystal_width
    across = scale * abs(dy * ax - dx * ay) / rho
    along = scale * abs((dx * ax + dy * ay) * az / rho - dz * rho)
    return min(max(2.0 - across, 0.0), 1.0) * min(max(2.0 - along, 0.0), 1.0)


@inlined_kernel
def _merged(rng, ax, ay, az, bx, by, bz, region, numbers):
    """Draw whether two showers make one cluster."""
    if ax * bx + ay * by + az * bz < numbers.merge_cosine:
        return False
    chance = _overlap(ax, ay, az, bx, by, bz, region, numbers)
    return chance > 0.0 and (chance >= 1.0 or rng.random() < chance)


@inlined_kernel
def _some_near(first, n, track_first, track_last, impact, cluster_f, cosine):
    """Whether two of the clusters first..n-1, or a cluster and a track, may be close enough to merge.

    Whole vectors are compared, with rows behind those of the event: they only make it look closer.
    """
    for a in range(first, n):
        ax, ay, az = cluster_f[3, a], cluster_f[4, a], cluster_f[5, a]
        for b in range(a + 1, n, WIDTH):
            near = ax * loaded(cluster_f[3], b) + ay * loaded(cluster_f[4], b) + az * loaded(cluster_f[5], b)
            if some(near >= cosine):
                return True
        for t in range(track_first, track_last, WIDTH):
            near = ax * loaded(impact[0], t) + ay * loaded(impact[1], t) + az * loaded(impact[2], t)
            if some(near >= cosine):
                return True
    return False


@lean_kernel
def _join(cluster_f, cluster_cov, cluster_i, a, b):
    """Add cluster b to cluster a: energies summed, direction of the sum, truth of the harder one first."""
    ea, eb = cluster_f[0, a], cluster_f[0, b]
    if eb > ea:
        cluster_i[3, a] = cluster_i[1, a]
        cluster_i[1, a] = cluster_i[1, b]
        cluster_i[0, a] = cluster_i[0, b]
        for k in range(3, 6):
            cluster_f[k, a] = cluster_f[k, b]
    elif cluster_i[3, a] < 0:
        cluster_i[3, a] = cluster_i[1, b]
    share = eb / (ea + eb)
    turn = cluster_f[2, b] - cluster_f[2, a]
    turn -= 2.0 * math.pi * round(turn / (2.0 * math.pi))
    phi = cluster_f[2, a] + share * turn
    cluster_f[0, a] = ea + eb
    cluster_f[1, a] += share * (cluster_f[1, b] - cluster_f[1, a])
    cluster_f[2, a] = phi - 2.0 * math.pi * round(phi / (2.0 * math.pi))
    cluster_cov[a, 0] += cluster_cov[b, 0]
    for k in range(1, 3):
        first, second = (1.0 - share) * (1.0 - share), share * share
        cluster_cov[a, k] = first * cluster_cov[a, k] + second * cluster_cov[b, k]
    cluster_i[2, a] = max(cluster_i[2, a], cluster_i[2, b])


@inlined_kernel
def _merge_event(
    rng, first, n, track_first, track_last, impact, ecl_energy, numbers, cluster_f, cluster_cov, cluster_i
):
    """Merge the clusters first..n-1 of an event with those of its tracks and among themselves; new number of rows.

    `impact` (3, n_tracks): unit vectors to the tracks' clusters, `ecl_energy` (n_tracks,) their energies (0 for
    none), to which the energy of neutral showers that overlap is added. Rows that remain keep their order. Seven more
    columns than clusters and tracks have to be there.
    """
    if not _some_near(first, n, track_first, track_last, impact, cluster_f, numbers.merge_cosine):
        return n
    for a in range(first, n):
        for t in range(track_first, track_last):
            if ecl_energy[t] > 0.0 and _merged(
                rng, cluster_f[3, a], cluster_f[4, a], cluster_f[5, a], impact[0, t], impact[1, t], impact[2, t],
                cluster_i[0, a], numbers,
            ):  # fmt: skip
                ecl_energy[t] += cluster_f[0, a]
                cluster_f[0, a] = -1.0
                break
    write = first
    for a in range(first, n):
        if cluster_f[0, a] < 0.0:
            continue
        joined = False
        for b in range(first, write):
            if _merged(
                rng, cluster_f[3, b], cluster_f[4, b], cluster_f[5, b],
                cluster_f[3, a], cluster_f[4, a], cluster_f[5, a], cluster_i[0, b], numbers,
            ):  # fmt: skip
                _join(cluster_f, cluster_cov, cluster_i, b, a)
                joined = True
                break
        if joined:
            continue
        if write < a:
            for k in range(6):
                cluster_f[k, write] = cluster_f[k, a]
            for k in range(3):
                cluster_cov[write, k] = cluster_cov[a, k]
            for k in range(4):
                cluster_i[k, write] = cluster_i[k, a]
        write += 1
    return write
