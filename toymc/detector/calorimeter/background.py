"""Clusters of beam background, an option of the card.

Their number per event is Poisson; regions, energies (exponential above the threshold) and the share that falls into
the time window are numbers of the card; directions are uniform in azimuth and cos(theta) inside a region. They belong
to no particle (truth -1). True clusters are in time with the probability that defines the window: 99 %.
"""

import math

from toymc.detector.calorimeter.photons import _write
from toymc.detector.calorimeter.surface import _of_region
from toymc.kernels import inlined_kernel


@inlined_kernel
def _background_clusters(rng, numbers, regions, sigma, background, cluster_f, cluster_cov, cluster_i, n):
    """Add the background of one event; return the number of rows. Nothing is drawn if the mean is 0."""
    if not numbers.background_mean > 0.0:
        return n
    level = rng.standard_exponential()
    while level < numbers.background_mean:
        level += rng.standard_exponential()
        u = rng.random()
        region = 0
        while region < 2 and u >= background[region, 0]:
            region += 1
        low, high = _of_region(region, 0, regions), _of_region(region, 1, regions)
        cosine = low + (high - low) * rng.random()
        phi = 2.0 * math.pi * rng.random()
        rho = math.sqrt(max(1.0 - cosine * cosine, 0.0))
        energy = _of_region(region, 2, regions) + background[region, 1] * rng.standard_exponential()
        n = _write(
            rng, energy, math.log(energy), rho * math.cos(phi), rho * math.sin(phi), cosine, 0.0,
            numbers.background_in_time, region, -1, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n,
        )  # fmt: skip
    return n
