"""Energy that charged particles leave in the crystals.

Electrons shower: their energy is measured as that of photons, less what they lose by ionisation behind the tracker
(they radiate there too, but these photons end in the same cluster). Muons and hadrons ionise: most probable loss and
Landau tail for their beta gamma and path, cut at the largest transfer to one electron and at the kinetic energy,
where the particle stops. Hadrons interact with the mean free paths of `hadrons.py`, at a depth uniform along the
path, and leave ionisation up to there plus a share of what can become visible; what stops and is captured or
annihilates (pi-, K-, antiproton) leaves such a share of what is set free. Not described: radiation by muons,
quenching, the decay of stopped particles (after the shaping time or a few MeV), the resolution of 2-3 % on top of the
Landau width of 20 %.
"""

import math

from toymc.detector.calorimeter.hadrons import _path, _visible
from toymc.detector.calorimeter.photons import _edge_spread, _measured, _score_bin, _write
from toymc.detector.calorimeter.surface import _helix_impact, _material_row, _region, _tangent
from toymc.kernels import inlined_kernel, lean_kernel


@inlined_kernel
def _ionised(rng, square, kinetic, path, numbers, ionisation):
    """Energy (GeV) that a particle of (beta gamma)^2 = `square` leaves by ionisation, and the share of its path."""
    s = (0.5 * math.log(square) - numbers.log_bg0) / numbers.log_bg_step
    s = min(max(s, 0.0), len(ionisation) - 1.0)
    k = min(int(s), len(ionisation) - 2)
    f = s - k
    i, h = _score_bin(rng.normal(), numbers, ionisation.shape[1])
    low = ionisation[k, i] + h * (ionisation[k, i + 1] - ionisation[k, i])
    high = ionisation[k + 1, i] + h * (ionisation[k + 1, i + 1] - ionisation[k + 1, i])
    ratio = path / numbers.crystal_length
    loss = ratio * (low + f * (high - low))
    if ratio > 1.02:  # the most probable loss grows with the logarithm of the thickness besides
        loss += ratio * numbers.xi * (1.0 + square) / square * math.log(ratio)
    if loss >= kinetic:
        return kinetic, kinetic / loss
    return max(loss, 0.0), 1.0


@inlined_kernel
def _hadronic(rng, row, energy, kinetic, path, hadrons, visible, ionised, way):
    """Energy of a charged hadron that would leave `ionised` on a share `way` of the path, and 1 if it interacted."""
    chance = 1.0 - math.exp(-path * way * hadrons[row, 0])
    u = rng.random()
    if u < chance:
        before = ionised * u / chance
        return before + _visible(rng, visible) * max(energy - before + hadrons[row, 1], 0.0), 1
    if way < 1.0 and hadrons[row, 2] > 0.0:
        return ionised + _visible(rng, visible) * max(energy - kinetic + hadrons[row, 1], 0.0), 1
    return ionised, 0


@inlined_kernel
def _track_cluster(
    rng, species, x, y, z, px, py, pz, mass, curvature, end_arc,
    numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
):  # fmt: skip
    """Energy (GeV, 0 for none) of a charged particle's cluster, where it is, and whether the particle interacted.

    `species` 0..4 for e, mu, pi, K, p; the sign of `curvature` (omega, 1/cm) is the charge. Position (cm) and
    momentum (GeV) at production or, for an electron that radiated, after its last photon. `end_arc` (cm) is the
    transverse path after which the particle is gone. Returns (energy, vx, vy, vz, interacted); v is a unit vector
    from the origin.
    """
    vx, vy, vz, distance, cosine, arc = _helix_impact(x, y, z, px, py, pz, curvature, numbers)
    if not distance > 0.0 or arc > end_arc:
        return 0.0, vx, vy, vz, 0
    region = _region(vz, regions)
    if region < 0:
        return 0.0, vx, vy, vz, 0
    square = (px * px + py * py + pz * pz) / (mass * mass)
    energy = mass * math.sqrt(1.0 + square)
    # half of what a pair loses, at 1/beta^2 of the minimum
    depth = outer[_material_row(_tangent(vz), numbers, len(outer))]
    loss = 0.5 * numbers.loss_per_x0 * depth
    energy -= loss * (1.0 + square) / square
    kinetic = energy - mass
    if not kinetic > 0.0:
        return 0.0, vx, vy, vz, 0
    edge = _edge_spread(vz, distance, region, numbers, regions)
    interacted = 0
    if species == 0:
        left = _measured(rng, energy, math.log(energy), region, edge, 0.0, 0.0, numbers, sigma, response, scale)
    else:
        square = energy * energy / (mass * mass) - 1.0
        path = _path(cosine, numbers)
        left, way = _ionised(rng, square, kinetic, path, numbers, ionisation)
        if species >= 2:
            row = 2 * (species - 2) + (1 if curvature < 0.0 else 0)
            left, interacted = _hadronic(rng, row, energy, kinetic, path, hadrons, visible, left, way)
        if edge > 0.0:
            left *= max(1.0 + edge * rng.normal(), 0.0)
    return left if left >= regions[region, 2] else 0.0, vx, vy, vz, interacted


@lean_kernel
def _unmatched(rng, energy, vx, vy, vz, truth, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n):
    """Cluster of a charged particle whose track was not found: it looks neutral. Return the number of rows."""
    region = _region(vz, regions)
    if region < 0 or not energy >= regions[region, 2]:
        return n
    return _write(
        rng, energy, math.log(energy), vx, vy, vz, 0.0, numbers.in_time, region, truth, numbers, regions, sigma,
        cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip
