"""Photons, and what a cluster measures.

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

The functions take one particle or eight (see `toymc.lanes`), with the random numbers that they need; tables are flat.
"""

import math

import numpy as np

from toymc.detector.calorimeter.response import DEPTHS, ENERGIES, SCORES
from toymc.detector.calorimeter.surface import _impact, _material_row, _of_region, _region, _tangent
from toymc.detector.fetch import _fetch
from toymc.kernels import inlined_kernel
from toymc.lane_math import atan2_of, exp_of, log_of
from toymc.lane_memory import taken
from toymc.lanes import WIDTH, chosen, higher_of, lower_of, nearest, real, root, whole

_N_E, _N_S, _N_D = len(ENERGIES), len(SCORES), len(DEPTHS)
_AHEAD = 24
"""Rows ahead of the one that is written which are sent for."""
_MOST = 1e3
"""GeV: there is no cluster of more."""


@inlined_kernel
def _pair_factor(log_energy, numbers):
    """7/9 times the pair cross-section relative to its asymptotic value."""
    factor = numbers.pair_low + numbers.pair_slope * (log_energy - numbers.pair_log_low)
    return 7.0 / 9.0 * lower_of(higher_of(factor, 0.0), 1.0)


@inlined_kernel
def _energy_bin(log_energy, numbers):
    """Lower point of the grid of ln E and the share of the upper one."""
    s = (log_energy - numbers.log_e0) / numbers.log_e_step
    s = lower_of(higher_of(s, 0.0), _N_E - 1.0)
    k = lower_of(whole(s), _N_E - 2)
    return k, s - real(k)


@inlined_kernel
def _score_bin(score, numbers, n):
    """Lower point of the grid of normal scores and the share of the upper one; outside extrapolated linearly."""
    s = (score - numbers.score0) / numbers.score_step
    k = lower_of(higher_of(whole(s), 0), n - 2)
    return k, s - real(k)


@inlined_kernel
def _between(table, at, step, f):
    """Interpolated between `at` and the point `step` further on."""
    low = taken(table, at)
    return low + f * (taken(table, at + step) - low)


@inlined_kernel
def _between4(table, at, step, f, next_step, h):
    """Interpolated in two directions."""
    low = _between(table, at, next_step, h)
    return low + f * (_between(table, at + step, next_step, h) - low)


@inlined_kernel
def _edge_spread(cosine, distance, region, numbers, regions):
    """Relative fluctuation of the energy by what leaks over the nearest edge of the region; 0 below 0.7 %."""
    rho = root(higher_of(1.0 - cosine * cosine, 1e-12))
    apart = lower_of(_of_region(region, 1, regions) - cosine, cosine - _of_region(region, 0, regions))
    apart = higher_of(distance / rho * apart, 0.0)
    share = 0.5 * (1.0 - apart / root(apart * apart + numbers.edge_radius * numbers.edge_radius))
    return chosen(apart > 6.0 * numbers.edge_radius, 0.0, numbers.edge_fluctuation * share)


@inlined_kernel
def _measured(score, wobble, energy, log_energy, region, edge, depth, loss, numbers, sigma, response, scale):
    """Measured energy of an electromagnetic shower behind `depth` X/X0, in which a late conversion lost `loss`.

    `score` and `wobble` are normal random numbers.
    """
    k, f = _energy_bin(log_energy, numbers)
    row = region * _N_E + k
    relative = _between(sigma, 3 * row, 3, f)
    i, h = _score_bin(score, numbers, _N_S)
    shape = _between4(response, row * _N_S + i, _N_S, f, 1, h)
    d = lower_of(depth / numbers.depth_step, _N_D - 1.0)
    j = lower_of(whole(d), _N_D - 2)
    d -= real(j)
    at = 3 * (row * _N_D + j)
    size = _between4(scale, at, 3 * _N_D, f, 3, d)
    part = _between4(scale, at + 1, 3 * _N_D, f, 3, d)
    shift = _between4(scale, at + 2, 3 * _N_D, f, 3, d)
    factor = 1.0 + relative * (shift + size * shape) - part * loss / energy + edge * wobble
    return energy * factor


@inlined_kernel
def _into(theta, low, high):
    """Angle folded back at the edges of its region: a cluster lies on crystals, not in the gap."""
    theta = chosen(theta < low, 2.0 * low - theta, theta)
    theta = chosen(theta > high, 2.0 * high - theta, theta)
    return lower_of(higher_of(theta, low), high)


@inlined_kernel
def _pointing(a, b, log_energy, vx, vy, vz, spread, region, numbers, regions, sigma):
    """Measured theta, phi and the widths of energy (relative), theta, phi; a and b are normal random numbers.

    `log_energy` is where the resolutions are read, `spread` an additional Gaussian angle (rad).
    """
    k, f = _energy_bin(log_energy, numbers)
    at = 3 * (region * _N_E + k)
    width, width_theta, width_phi = (
        _between(sigma, at, 3, f), _between(sigma, at + 1, 3, f), _between(sigma, at + 2, 3, f)
    )  # fmt: skip
    rho = root(higher_of(vx * vx + vy * vy, 1e-12))
    theta = atan2_of(rho, vz) + root(width_theta * width_theta + spread * spread) * a
    across = spread / rho
    phi = atan2_of(vy, vx) + root(width_phi * width_phi + across * across) * b
    theta = _into(theta, _of_region(region, 4, regions), _of_region(region, 5, regions))
    return theta, phi - 2.0 * math.pi * nearest(phi / (2.0 * math.pi)), width, width_theta, width_phi


@inlined_kernel
def _shower(energy, x, y, z, ux, uy, uz, front, u, score, wobble, numbers, regions, sigma, response, scale, outer):
    """What the crystals measure of a photon: (energy, -1 for nothing; ln of the true one; v; region, 0 to 2).

    Position in cm, u its unit direction, `front` the X/X0 of tracker material in which a conversion loses it (0 for
    photons that the transport has followed); random numbers: u uniform, the others normal.
    """
    vx, vy, vz, distance, _ = _impact(x, y, z, ux, uy, uz, numbers)
    found = _region(vz, regions)
    region = higher_of(found, 0)
    # half the threshold is far below what the resolution can lift above it
    seen = (distance > 0.0) & (found >= 0) & (energy > 0.5 * _of_region(region, 2, regions))
    log_energy = log_of(chosen(seen, energy, 1.0))
    factor = _pair_factor(log_energy, numbers)
    depth = taken(outer, _material_row(_tangent(vz), numbers, len(outer)))
    keep = _of_region(region, 3, regions) * exp_of(-factor * front)
    # one uniform number decides all: what is left of it after a decision is uniform again
    seen = seen & (u < keep)
    u = u / keep
    late = 1.0 - exp_of(-factor * depth)
    converts = u < late
    u = u / late
    seen = seen & (~(converts & (u < numbers.outer_loss)))
    loss = numbers.loss_per_x0 * depth * (u - numbers.outer_loss) / (1.0 - numbers.outer_loss)
    edge = _edge_spread(vz, distance, region, numbers, regions)
    measured = _measured(
        score, wobble, chosen(seen, energy, 1.0), log_energy, region, edge, depth, chosen(converts, loss, 0.0),
        numbers, sigma, response, scale,
    )  # fmt: skip
    seen = seen & (measured >= _of_region(region, 2, regions)) & (measured <= _MOST)
    return chosen(seen, measured, -1.0), log_energy, vx, vy, vz, region


@inlined_kernel
def _put(
    measured, theta, phi, width, width_theta, width_phi, vx, vy, vz, region, truth, in_time,
    cluster_f, cluster_cov, cluster_i, n,
):  # fmt: skip
    """Row n of a cluster, if there is room (`in_time` 1 or 0); the number of rows.

    A vector of rows stays free: the merging reads whole ones.
    """
    if n + WIDTH >= cluster_f.shape[1]:
        return n
    if n & 7 == 0:  # a dozen columns are more than the processor follows
        for k in range(6):
            _fetch(cluster_f[k], n + _AHEAD)
        for k in range(4):
            _fetch(cluster_i[k], n + _AHEAD)
    cluster_f[0, n] = measured
    cluster_f[1, n] = theta
    cluster_f[2, n] = phi
    cluster_f[3, n] = vx
    cluster_f[4, n] = vy
    cluster_f[5, n] = vz
    cluster_cov[n, 0] = width * width * measured * measured
    cluster_cov[n, 1] = width_theta * width_theta
    cluster_cov[n, 2] = width_phi * width_phi
    cluster_i[0, n] = region + 1
    cluster_i[1, n] = truth
    cluster_i[2, n] = in_time
    cluster_i[3, n] = -1
    return n + 1


@inlined_kernel
def _write(
    rng, measured, log_energy, vx, vy, vz, spread, in_time, region, truth, numbers, regions, sigma,
    cluster_f, cluster_cov, cluster_i, n,
):  # fmt: skip
    """Row n: a single cluster of energy `measured` at direction v, smeared; nothing below the threshold.

    `in_time` is a probability; the other arguments as of `_pointing`.
    """
    if not (measured >= _of_region(region, 2, regions) and measured <= _MOST):
        return n
    a, b = rng.standard_normal(), rng.standard_normal()
    theta, phi, width, width_theta, width_phi = _pointing(
        a, b, log_energy, vx, vy, vz, spread, region, numbers, regions, sigma
    )  # fmt: skip
    return _put(
        measured, theta, phi, width, width_theta, width_phi, vx, vy, vz, region, truth,
        np.int32(1 if rng.random() < in_time else 0), cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip
