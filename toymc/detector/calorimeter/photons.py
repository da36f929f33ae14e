"""Photons and the writing of clusters.

A photon that reaches the tracker's outer wall is lost beside the conversions with the efficiency of its region.
Behind the tracker (chamber wall, TOP or ARICH, end plates) it makes a pair with P = 1 - exp(-7/9 f(E) X/X0) [PDG
review, eq. 34.32]: a small share of these is lost (the pair opens in the field and misses the cluster), the others
leave in the rest of the material what two minimum-ionising particles do. Conversions inside the tracker happen before
this stage; `front` is for photons that were radiated by electrons and still have tracker material ahead: these are
lost if they convert.

Energy: see `toymc.detector.calorimeter.response`. Within a few centimetres of the edge of a region a part of the
shower leaks sideways; its mean is calibrated away, its fluctuation is not. Structures between crystals inside a region
are part of the measured resolution.

Cluster rows. Floats (6, n): measured energy, theta, phi, then the true impact as unit vector from the origin (scratch
of the merging). Integers (4, n): region 1..3, truth, in_time, truth2. Covariance (n, 3).
"""

import math

from toymc.detector.calorimeter.surface import _impact, _material_row, _region, _tangent
from toymc.kernels import inlined_kernel


@inlined_kernel
def _pair_factor(log_energy, numbers):
    """7/9 times the pair cross-section relative to its asymptotic value."""
    factor = numbers.pair_low + numbers.pair_slope * (log_energy - numbers.pair_log_low)
    return 7.0 / 9.0 * min(max(factor, 0.0), 1.0)


@inlined_kernel
def _energy_bin(log_energy, numbers, n):
    """Lower point of the grid of ln E and the share of the upper one."""
    s = (log_energy - numbers.log_e0) / numbers.log_e_step
    s = min(max(s, 0.0), n - 1.0)
    k = min(int(s), n - 2)
    return k, s - k


@inlined_kernel
def _score_bin(score, numbers, n):
    """Lower point of the grid of normal scores and the share of the upper one; outside extrapolated linearly."""
    s = (score - numbers.score0) / numbers.score_step
    k = min(max(int(s), 0), n - 2)
    return k, s - k


@inlined_kernel
def _edge_spread(cosine, distance, region, numbers, regions):
    """Relative fluctuation of the energy by what leaks over the nearest edge of the region."""
    rho = math.sqrt(max(1.0 - cosine * cosine, 1e-12))
    apart = distance / rho * min(regions[region, 1] - cosine, cosine - regions[region, 0])
    if apart > 6.0 * numbers.edge_radius:  # less than 0.7 % leaks
        return 0.0
    apart = max(apart, 0.0)
    share = 0.5 * (1.0 - apart / math.sqrt(apart * apart + numbers.edge_radius * numbers.edge_radius))
    return numbers.edge_fluctuation * share


@inlined_kernel
def _measured(rng, energy, log_energy, region, edge, depth, loss, numbers, sigma, response, scale):
    """Measured energy of an electromagnetic shower behind `depth` X/X0, in which a late conversion lost `loss`."""
    k, f = _energy_bin(log_energy, numbers, sigma.shape[1])
    relative = sigma[region, k, 0] + f * (sigma[region, k + 1, 0] - sigma[region, k, 0])
    i, h = _score_bin(rng.normal(), numbers, response.shape[2])
    low = response[region, k, i] + h * (response[region, k, i + 1] - response[region, k, i])
    high = response[region, k + 1, i] + h * (response[region, k + 1, i + 1] - response[region, k + 1, i])
    d = min(depth / numbers.depth_step, scale.shape[2] - 1.0)
    j = min(int(d), scale.shape[2] - 2)
    d -= j
    size = (1.0 - f) * (scale[region, k, j, 0] + d * (scale[region, k, j + 1, 0] - scale[region, k, j, 0]))
    size += f * (scale[region, k + 1, j, 0] + d * (scale[region, k + 1, j + 1, 0] - scale[region, k + 1, j, 0]))
    shift = (1.0 - f) * (scale[region, k, j, 2] + d * (scale[region, k, j + 1, 2] - scale[region, k, j, 2]))
    shift += f * (scale[region, k + 1, j, 2] + d * (scale[region, k + 1, j + 1, 2] - scale[region, k + 1, j, 2]))
    factor = 1.0 + relative * (shift + size * (low + f * (high - low)))
    if loss > 0.0:
        part = (1.0 - f) * (scale[region, k, j, 1] + d * (scale[region, k, j + 1, 1] - scale[region, k, j, 1]))
        part += f * (scale[region, k + 1, j, 1] + d * (scale[region, k + 1, j + 1, 1] - scale[region, k + 1, j, 1]))
        factor -= part * loss / energy
    if edge > 0.0:
        factor += edge * rng.normal()
    return energy * factor


@inlined_kernel
def _into(theta, low, high):
    """Angle folded back at the edges of its region: a cluster lies on crystals, not in the gap."""
    if theta < low:
        theta = 2.0 * low - theta
    if theta > high:
        theta = 2.0 * high - theta
    return min(max(theta, low), high)


@inlined_kernel
def _write(
    rng, measured, log_energy, vx, vy, vz, spread, in_time, region, truth, numbers, regions, sigma,
    cluster_f, cluster_cov, cluster_i, n,
):  # fmt: skip
    """Row n: a cluster of energy `measured` at direction v, smeared; nothing below the threshold or without room.

    `log_energy` is where the resolutions are read, `spread` an additional Gaussian angle (rad), `in_time` a
    probability.
    """
    if not measured >= regions[region, 2] or n >= cluster_f.shape[1] or measured > 1e3:
        return n
    k, f = _energy_bin(log_energy, numbers, sigma.shape[1])
    width = sigma[region, k, 0] + f * (sigma[region, k + 1, 0] - sigma[region, k, 0])
    width_theta = sigma[region, k, 1] + f * (sigma[region, k + 1, 1] - sigma[region, k, 1])
    width_phi = sigma[region, k, 2] + f * (sigma[region, k + 1, 2] - sigma[region, k, 2])
    rho = math.sqrt(max(vx * vx + vy * vy, 1e-12))
    theta = math.atan2(rho, vz) + math.sqrt(width_theta * width_theta + spread * spread) * rng.normal()
    across = spread / rho
    phi = math.atan2(vy, vx) + math.sqrt(width_phi * width_phi + across * across) * rng.normal()
    cluster_f[0, n] = measured
    cluster_f[1, n] = _into(theta, regions[region, 4], regions[region, 5])
    cluster_f[2, n] = phi - 2.0 * math.pi * round(phi / (2.0 * math.pi))
    cluster_f[3, n] = vx
    cluster_f[4, n] = vy
    cluster_f[5, n] = vz
    cluster_cov[n, 0] = width * width * measured * measured
    cluster_cov[n, 1] = width_theta * width_theta
    cluster_cov[n, 2] = width_phi * width_phi
    cluster_i[0, n] = region + 1
    cluster_i[1, n] = truth
    cluster_i[2, n] = 1 if rng.random() < in_time else 0
    cluster_i[3, n] = -1
    return n + 1


@inlined_kernel
def _photon(
    rng, energy, x, y, z, ux, uy, uz, front, truth, numbers, regions, sigma, response, scale, outer,
    cluster_f, cluster_cov, cluster_i, n,
):  # fmt: skip
    """Cluster of a photon, if it makes one, at row n; return the number of rows.

    Position in cm, u its unit direction, `front` the X/X0 of tracker material in which a conversion loses it (0 for
    photons that the transport has followed), `truth` the row to store.
    """
    vx, vy, vz, distance, _ = _impact(x, y, z, ux, uy, uz, numbers)
    if not distance > 0.0:
        return n
    region = _region(vz, regions)
    # half the threshold is far below what the resolution can lift above it
    if region < 0 or not energy > 0.5 * regions[region, 2]:
        return n
    log_energy = math.log(energy)
    factor = _pair_factor(log_energy, numbers)
    keep = regions[region, 3]
    if front > 0.0:
        keep *= math.exp(-factor * front)
    depth = outer[_material_row(_tangent(vz), numbers, len(outer))]
    # one uniform number decides all: what is left of it after a decision is uniform again
    u = rng.random()
    if u >= keep:
        return n
    u /= keep
    late = 1.0 - math.exp(-factor * depth)
    loss = 0.0
    if u < late:
        u /= late
        if u < numbers.outer_loss:
            return n
        loss = numbers.loss_per_x0 * depth * (u - numbers.outer_loss) / (1.0 - numbers.outer_loss)
    edge = _edge_spread(vz, distance, region, numbers, regions)
    measured = _measured(rng, energy, log_energy, region, edge, depth, loss, numbers, sigma, response, scale)
    return _write(
        rng, measured, log_energy, vx, vy, vz, 0.0, numbers.in_time, region, truth, numbers, regions, sigma,
        cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip
