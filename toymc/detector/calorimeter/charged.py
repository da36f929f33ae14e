"""Energy that charged particles leave in the crystals.

Electrons shower: their energy is measured as that of photons, less what they lose by ionisation behind the tracker
(they radiate there too, but these photons end in the same cluster). Muons and hadrons ionise: most probable loss and
Landau tail for their beta gamma and path, cut at the largest transfer to one electron and at the kinetic energy,
where the particle stops. Hadrons interact with the mean free paths of `hadrons.py`, at a depth uniform along the
path, and leave ionisation up to there plus a share of what can become visible; what stops and is captured or
annihilates (pi-, K-, antiproton) leaves such a share of what is set free. Not described: radiation by muons,
quenching, the decay of stopped particles (after the shaping time or a few MeV), the resolution of 2-3 % on top of the
Landau width of 20 %.

The functions take one particle or eight (see `toymc.lanes`), with the random numbers that they need; tables are flat.
"""

from toymc.detector.calorimeter.hadrons import _path, _visible
from toymc.detector.calorimeter.photons import _between4, _edge_spread, _measured, _score_bin, _write
from toymc.detector.calorimeter.response import LOG_BETA_GAMMA, SCORES
from toymc.detector.calorimeter.surface import _helix_impact, _material_row, _of_region, _region, _tangent
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_math import exp_of, log_of
from toymc.lane_memory import taken
from toymc.lanes import chosen, higher_of, lower_of, real, root, some, whole

_N_B, _N_S = len(LOG_BETA_GAMMA), len(SCORES)


@inlined_kernel
def _ionised(score, square, kinetic, path, numbers, ionisation):
    """Energy (GeV) that a particle of (beta gamma)^2 = `square` leaves by ionisation, and the share of its path."""
    s = (0.5 * log_of(square) - numbers.log_bg0) / numbers.log_bg_step
    s = lower_of(higher_of(s, 0.0), _N_B - 1.0)
    k = lower_of(whole(s), _N_B - 2)
    i, h = _score_bin(score, numbers, _N_S)
    ratio = path / numbers.crystal_length
    loss = ratio * _between4(ionisation, k * _N_S + i, _N_S, s - real(k), 1, h)
    # the most probable loss grows with the logarithm of the thickness besides
    thicker = ratio * numbers.xi * (1.0 + square) / square * log_of(ratio)
    loss = chosen(ratio > 1.02, loss + thicker, loss)
    stops = loss >= kinetic
    return chosen(stops, kinetic, higher_of(loss, 0.0)), chosen(stops, kinetic / loss, 1.0)


@inlined_kernel
def _hadronic(u, v, row, energy, kinetic, path, hadrons, visible, ionised, way):
    """Energy of a charged hadron that would leave `ionised` on a share `way` of the path, and whether it interacted.

    u and v are uniform random numbers.
    """
    per_cm, added, captured = taken(hadrons, 3 * row), taken(hadrons, 3 * row + 1), taken(hadrons, 3 * row + 2)
    chance = 1.0 - exp_of(-path * way * per_cm)
    interacts = u < chance
    before = chosen(interacts, ionised * u / chance, ionised)
    stops = (way < 1.0) & (captured > 0.0)
    free = chosen(interacts, energy - before, energy - kinetic) + added
    more = _visible(v, visible) * higher_of(free, 0.0)
    return chosen(interacts | stops, before + more, ionised), interacts


@inlined_kernel
def _track_cluster(
    score, wobble, u, v, species, x, y, z, px, py, pz, mass, curvature, end_arc,
    numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
):  # fmt: skip
    """Energy (GeV, 0 for none) of a charged particle's cluster, where it is, and whether the particle interacted.

    `species` 0..4 for e, mu, pi, K, p (a real number); the sign of `curvature` (omega, 1/cm) is the charge. Position
    (cm) and momentum (GeV) at production or, for an electron that radiated, after its last photon. `end_arc` (cm) is
    the transverse path after which the particle is gone. Random numbers: u, v uniform, the others normal. Returns
    (energy, vx, vy, vz, interacted); v is a unit vector from the origin.
    """
    vx, vy, vz, distance, cosine, arc = _helix_impact(x, y, z, px, py, pz, curvature, numbers)
    region = _region(vz, regions)
    hits = (distance > 0.0) & (arc <= end_arc) & (region >= 0)
    region = higher_of(region, 0)
    square = chosen(hits, (px * px + py * py + pz * pz) / (mass * mass), 1.0)
    energy = mass * root(1.0 + square)
    # half of what a pair loses, at 1/beta^2 of the minimum
    depth = taken(outer, _material_row(_tangent(vz), numbers, len(outer)))
    energy -= 0.5 * numbers.loss_per_x0 * depth * (1.0 + square) / square
    kinetic = energy - mass
    hits = hits & (kinetic > 0.0)
    energy, kinetic = chosen(hits, energy, 2.0 * mass), chosen(hits, kinetic, mass)
    edge = chosen(hits, _edge_spread(vz, distance, region, numbers, regions), 0.0)
    electron = species < 0.5
    left = energy * 0.0
    interacted = electron & (~electron)
    if some(electron):
        shower = _measured(
            score, wobble, energy, log_of(energy), region, edge, 0.0 * edge, 0.0, numbers, sigma, response, scale
        )
        left = chosen(electron, shower, left)
    if some(~electron):
        square = energy * energy / (mass * mass) - 1.0
        path = _path(cosine, numbers)
        ionised, way = _ionised(score, square, kinetic, path, numbers, ionisation)
        hadron = species > 1.5
        if some(hadron):
            row = higher_of(2 * (whole(species) - 2), 0) + chosen(curvature < 0.0, 1, 0)
            total, interacts = _hadronic(u, v, row, energy, kinetic, path, hadrons, visible, ionised, way)
            ionised = chosen(hadron, total, ionised)
            interacted = interacts & hadron & hits
        left = chosen(electron, left, ionised * higher_of(1.0 + edge * wobble, 0.0))
    return chosen(hits & (left >= _of_region(region, 2, regions)), left, 0.0), vx, vy, vz, interacted


@lean_kernel
def _unmatched(rng, energy, vx, vy, vz, truth, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n):
    """Cluster of a charged particle whose track was not found: it looks neutral. Return the number of rows."""
    region = _region(vz, regions)
    if region < 0 or not energy >= _of_region(region, 2, regions):
        return n
    return _write(
        rng, energy, log_of(energy), vx, vy, vz, 0.0, numbers.in_time, region, truth, numbers, regions, sigma,
        cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip
