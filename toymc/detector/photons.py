"""Photons: way to the calorimeter, loss to pair production, energy and angle of the cluster."""

import math

from toymc.kernels import kernel


@kernel
def _impact(x, y, z, ux, uy, uz, clusters):
    """Where a straight line from (x, y, z) meets the crystals, as (theta, phi) seen from the origin; theta < 0: nowhere."""
    radius = clusters.barrel_radius
    transverse = ux * ux + uy * uy
    along = x * ux + y * uy
    inside = radius * radius - x * x - y * y
    if inside <= 0.0 or z >= clusters.forward_z or z <= clusters.backward_z:
        return -1.0, 0.0  # made inside or behind the calorimeter
    way = 1e9
    if transverse > 1e-18:
        way = (math.sqrt(along * along + transverse * inside) - along) / transverse
    if uz > 0.0:
        way = min(way, (clusters.forward_z - z) / uz)
    elif uz < 0.0:
        way = min(way, (clusters.backward_z - z) / uz)
    hx = x + way * ux
    hy = y + way * uy
    return math.atan2(math.sqrt(hx * hx + hy * hy), z + way * uz), math.atan2(hy, hx)


@kernel
def _region(theta, clusters):
    """0 forward, 1 barrel, 2 backward, -1 in a gap or outside."""
    for k in range(3):
        if theta >= clusters.edges[k, 0] and theta <= clusters.edges[k, 1]:
            return k
    return -1


@kernel
def _depth_row(tan_lambda, tracks):
    """Row of the material tables nearest to a direction."""
    k = int(math.floor((tan_lambda - tracks.depth_tan0) / tracks.depth_tan_step + 0.5))
    return min(max(k, 0), len(tracks.depth) - 1)


@kernel
def _depth_at(row, rho, tracks):
    """X/X0 along a line from the origin up to radius `rho`."""
    radii = tracks.depth_radius[row]
    if rho <= radii[0]:
        return 0.0
    low = 0
    high = len(radii)
    while high - low > 1:  # last shell inside rho
        middle = (low + high) // 2
        if radii[middle] < rho:
            low = middle
        else:
            high = middle
    return tracks.depth[row, low]


@kernel
def _survives(rng, energy, tan_lambda, rho, region, tracks, clusters):
    """Whether the photon reaches the calorimeter and is found: P(pair) = 1 - exp(-7/9 f(E) X/X0) in two stages."""
    row = _depth_row(tan_lambda, tracks)
    factor = clusters.pair_low + clusters.pair_slope * (math.log(energy) - clusters.pair_log_low)
    factor = 7.0 / 9.0 * min(max(factor, 0.0), 1.0)
    front = tracks.depth[row, -1] - _depth_at(row, rho, tracks)
    late = 1.0 - math.exp(-factor * clusters.outer[row])
    chance = math.exp(-factor * front) * (1.0 - clusters.outer_loss * late) * clusters.efficiency[region]
    return rng.random() < chance


@kernel
def _crystal_ball(rng, clusters):
    """Pull of the energy: Gaussian core, power law below -alpha [Gaiser, SLAC-R-255, appendix F]."""
    alpha = clusters.tail_alpha
    if rng.random() < clusters.tail_fraction:
        # pdf ~ (B - t)^-n with B = n/alpha - alpha for t < -alpha, inverted
        n = clusters.tail_power
        return n / alpha - alpha - n / alpha * (1.0 - rng.random()) ** (-1.0 / (n - 1.0))
    while True:
        t = rng.normal()
        if t > -alpha:
            return t


@kernel
def _into(theta, low, high):
    """Angle folded back at the edges of its region: a cluster lies on crystals, not in the gap."""
    if theta < low:
        theta = 2.0 * low - theta
    if theta > high:
        theta = 2.0 * high - theta
    return min(max(theta, low), high)


@kernel
def _photon(rng, energy, x, y, z, ux, uy, uz, truth, tracks, clusters, out, n):
    """Write the cluster of a photon, if it makes one, at row n of `out`; return the number of rows."""
    theta, phi = _impact(x, y, z, ux, uy, uz, clusters)
    region = _region(theta, clusters)
    # half the threshold is far below what the resolution can lift above it
    if region < 0 or energy < 0.5 * clusters.energy_min[region]:
        return n
    rho = math.sqrt(x * x + y * y)
    if not _survives(rng, energy, 1.0 / math.tan(theta), rho, region, tracks, clusters):
        return n
    s = (math.log(energy) - clusters.log_e0) / clusters.log_e_step
    k = min(max(int(s), 0), clusters.sigma.shape[1] - 2)
    f = min(max(s - k, 0.0), 1.0)
    table = clusters.sigma[region]
    relative = table[k, 0] + f * (table[k + 1, 0] - table[k, 0])
    measured = energy * (1.0 + relative * _crystal_ball(rng, clusters))
    if measured < clusters.energy_min[region]:
        return n
    sigma_theta = table[k, 1] + f * (table[k + 1, 1] - table[k, 1])
    sigma_phi = table[k, 2] + f * (table[k + 1, 2] - table[k, 2])
    out.energy[n] = measured
    out.theta[n] = _into(theta + sigma_theta * rng.normal(), clusters.edges[region, 0], clusters.edges[region, 1])
    phi += sigma_phi * rng.normal()
    out.phi[n] = phi - 2.0 * math.pi * round(phi / (2.0 * math.pi))
    out.cov[n, 0] = (relative * energy) ** 2
    out.cov[n, 1] = sigma_theta * sigma_theta
    out.cov[n, 2] = sigma_phi * sigma_phi
    out.region[n] = region + 1
    out.truth[n] = truth
    out.in_time[n] = 1 if rng.random() < clusters.in_time else 0
    return n + 1
