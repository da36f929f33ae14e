"""Photons: way to the calorimeter, loss to pair production, energy and angle of the cluster."""

import math

from toymc.kernels import kernel


@kernel
def _impact(x, y, z, ux, uy, uz, numbers):
    """Where a line meets the crystals, seen from the origin: theta (-1 for nowhere), phi, tan lambda."""
    radius = numbers.barrel_radius
    transverse = ux * ux + uy * uy
    along = x * ux + y * uy
    inside = radius * radius - x * x - y * y
    if inside <= 0.0 or z >= numbers.forward_z or z <= numbers.backward_z:
        return -1.0, 0.0, 0.0  # made inside or behind the calorimeter
    way = 1e9
    if transverse > 1e-18:
        way = (math.sqrt(along * along + transverse * inside) - along) / transverse
    if uz > 0.0:
        way = min(way, (numbers.forward_z - z) / uz)
    elif uz < 0.0:
        way = min(way, (numbers.backward_z - z) / uz)
    hx = x + way * ux
    hy = y + way * uy
    hz = z + way * uz
    r = math.sqrt(hx * hx + hy * hy)
    return math.atan2(r, hz), math.atan2(hy, hx), hz / r


@kernel
def _region(theta, regions):
    """0 forward, 1 barrel, 2 backward, -1 in a gap or outside."""
    for k in range(3):
        if theta >= regions[k, 0] and theta <= regions[k, 1]:
            return k
    return -1


@kernel
def _depth_row(tan_lambda, track_numbers, depth):
    """Row of the material tables nearest to a direction."""
    k = int(math.floor((tan_lambda - track_numbers.depth_tan0) / track_numbers.depth_tan_step + 0.5))
    return min(max(k, 0), len(depth) - 1)


@kernel
def _depth_at(row, rho, depth):
    """X/X0 along a line from the origin up to radius `rho`."""
    if rho <= depth[row, 0, 0]:
        return 0.0
    low = 0
    high = depth.shape[1]
    while high - low > 1:  # last shell inside rho
        middle = (low + high) // 2
        if depth[row, middle, 0] < rho:
            low = middle
        else:
            high = middle
    return depth[row, low, 1]


@kernel
def _pair_factor(log_energy, numbers):
    """7/9 times the pair cross-section relative to its asymptotic value."""
    factor = numbers.pair_low + numbers.pair_slope * (log_energy - numbers.pair_log_low)
    return 7.0 / 9.0 * min(max(factor, 0.0), 1.0)


@kernel
def _crystal_ball(rng, numbers):
    """Pull of the energy: Gaussian core, power law below -alpha [Gaiser, SLAC-R-255, appendix F]."""
    alpha = numbers.tail_alpha
    if rng.random() < numbers.tail_fraction:
        # pdf ~ (B - t)^-n with B = n/alpha - alpha for t < -alpha, inverted
        n = numbers.tail_power
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
def _cluster(rng, energy, log_energy, theta, phi, region, truth, numbers, regions, sigma, out_f, out_cov, out_i, n):
    """Smear a photon that arrived and write row n; return the number of rows."""
    s = (log_energy - numbers.log_e0) / numbers.log_e_step
    k = min(max(int(s), 0), sigma.shape[1] - 2)
    f = min(max(s - k, 0.0), 1.0)
    relative = sigma[region, k, 0] + f * (sigma[region, k + 1, 0] - sigma[region, k, 0])
    measured = energy * (1.0 + relative * _crystal_ball(rng, numbers))
    if measured < regions[region, 2]:
        return n
    sigma_theta = sigma[region, k, 1] + f * (sigma[region, k + 1, 1] - sigma[region, k, 1])
    sigma_phi = sigma[region, k, 2] + f * (sigma[region, k + 1, 2] - sigma[region, k, 2])
    out_f[0, n] = measured
    out_f[1, n] = _into(theta + sigma_theta * rng.normal(), regions[region, 0], regions[region, 1])
    phi += sigma_phi * rng.normal()
    out_f[2, n] = phi - 2.0 * math.pi * round(phi / (2.0 * math.pi))
    out_cov[n, 0] = (relative * energy) ** 2
    out_cov[n, 1] = sigma_theta * sigma_theta
    out_cov[n, 2] = sigma_phi * sigma_phi
    out_i[0, n] = region + 1
    out_i[1, n] = truth
    out_i[2, n] = 1 if rng.random() < numbers.in_time else 0
    return n + 1


@kernel
def _photon(
    rng, energy, x, y, z, ux, uy, uz, truth, track_numbers, depth, numbers, regions, sigma, outer,
    out_f, out_cov, out_i, n,
):  # fmt: skip
    """Cluster of a photon, if it makes one, at row n of the output; return the number of rows.

    It is lost where it converts in front of or inside the tracker, or behind it with a small probability:
    P(pair) = 1 - exp(-7/9 f(E) X/X0) [PDG review, eq. 34.32].
    """
    theta, phi, tan_lambda = _impact(x, y, z, ux, uy, uz, numbers)
    region = _region(theta, regions)
    # half the threshold is far below what the resolution can lift above it
    if region < 0 or energy < 0.5 * regions[region, 2]:
        return n
    row = _depth_row(tan_lambda, track_numbers, depth)
    log_energy = math.log(energy)
    factor = _pair_factor(log_energy, numbers)
    front = depth[row, -1, 1] - _depth_at(row, math.sqrt(x * x + y * y), depth)
    late = 1.0 - math.exp(-factor * outer[row])
    if rng.random() >= math.exp(-factor * front) * (1.0 - numbers.outer_loss * late) * regions[region, 3]:
        return n
    return _cluster(
        rng, energy, log_energy, theta, phi, region, truth, numbers, regions, sigma, out_f, out_cov, out_i, n
    )
