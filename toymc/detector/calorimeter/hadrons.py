"""Neutral hadrons in the crystals, and what hadronic showers leave beside themselves.

A hadron interacts on a path l with P = 1 - exp(-l/lambda); 30 cm of CsI are 0.8 interaction lengths. Of the energy
that can become visible (total energy less the mass of a baryon; an antibaryon annihilates and brings a nucleon's mass
in addition) a share x does, P(share < x) = 1 - (1 - x^a)^b: broad, as 0.8 lengths contain little of a hadronic shower
and breaking nuclei costs energy. The rows of `hadrons` are those of `toymc.detector.calorimeter.tables.HADRONS`. Mean
free paths do not depend on momentum here; nuclei are not followed. A hadron that does not interact leaves nothing and
flies on to the muon detector.
"""

import math

from toymc.detector.calorimeter.photons import _edge_spread, _write
from toymc.detector.calorimeter.surface import _impact, _of_region, _region
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_memory import taken
from toymc.lanes import higher_of, lower_of, real, whole

# clusters beside one shower that are kept; with a mean of 0.3 more are rarer than 1e-4
MAX_SPLIT_OFFS = 3
_LONGEST_PATH = 2.0
"""Path through the crystals in units of their length: a slanted particle leaves the cluster beyond."""


@inlined_kernel
def _hadron_row(pdg):
    """Row of `hadrons` of a neutral hadron, -1 for others; strange baryons count as neutrons, K_S as K_L."""
    if pdg == 130 or pdg == 310:
        return 6
    if pdg == 2112 or pdg == 3122 or pdg == 3212 or pdg == 3322:
        return 7
    if pdg == -2112 or pdg == -3122 or pdg == -3212 or pdg == -3322:
        return 8
    return -1


@inlined_kernel
def _visible(u, visible):
    """Share of the energy that becomes visible: inverse of its distribution, tabulated, at a uniform number."""
    s = (len(visible) - 1) * u
    k = lower_of(whole(s), len(visible) - 2)
    low = taken(visible, k)
    return low + (s - real(k)) * (taken(visible, k + 1) - low)


@inlined_kernel
def _path(cosine, numbers):
    """Way through the crystals for a cosine of incidence (cm)."""
    return numbers.crystal_length / higher_of(cosine, 1.0 / _LONGEST_PATH)


@lean_kernel
def _some_split_offs(
    rng, u, vx, vy, vz, available, truth, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n
):
    """The clusters of `_split_offs` where there are some; u is uniform above their share of none."""
    term = numbers.split_none
    total = term
    made = 0
    while u >= total and made < MAX_SPLIT_OFFS:
        made += 1
        term *= numbers.split_mean / made
        total += term
        apart = numbers.split_angle_min + numbers.split_angle * rng.standard_exponential()
        turn = 2.0 * math.pi * rng.random()
        rho = math.sqrt(max(vx * vx + vy * vy, 1e-12))
        # basis across v: along phi and along theta
        ex, ey = -vy / rho, vx / rho
        tx, ty, tz = vz * ey, -vz * ex, vy * ex - vx * ey
        c, s = math.cos(apart), math.sin(apart)
        a, b = s * math.cos(turn), s * math.sin(turn)
        wx, wy, wz = c * vx + a * ex + b * tx, c * vy + a * ey + b * ty, c * vz + b * tz
        region = _region(wz, regions)
        if region < 0 or apart > math.pi:
            continue
        energy = _of_region(region, 2, regions) + numbers.split_energy * rng.standard_exponential()
        if energy >= available:
            continue
        n = _write(
            rng, energy, math.log(energy), wx, wy, wz, 0.0, numbers.split_in_time, region, truth, numbers, regions,
            sigma, cluster_f, cluster_cov, cluster_i, n,
        )  # fmt: skip
    return n


@inlined_kernel
def _split_offs(rng, vx, vy, vz, available, truth, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n):
    """Clusters beside the shower of an interacting hadron that hit at v; return the number of rows.

    Their number is Poisson, energies and angles are exponential beyond their minima; `available` (GeV) bounds them.
    """
    u = rng.random()
    if u < numbers.split_none:
        return n
    return _some_split_offs(
        rng, u, vx, vy, vz, available, truth, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n
    )


@lean_kernel
def _neutral_hadron(
    rng, row, p, mass, x, y, z, ux, uy, uz, given, truth, numbers, regions, sigma, hadrons, visible,
    cluster_f, cluster_cov, cluster_i, n,
):  # fmt: skip
    """Clusters of a neutral hadron (`row` from `_hadron_row`): number of rows, 1 if it interacted in the crystals.

    `given` is what the transport decided: 1 it interacts in the crystals or the coil, 0 in neither, -1 nothing yet. If
    it does, the crystals come first: c/(c + (1 - c) c_coil) with c = 1 - exp(-l/lambda).
    """
    vx, vy, vz, distance, cosine = _impact(x, y, z, ux, uy, uz, numbers)
    if not distance > 0.0 or not p > 0.0:
        return n, 0
    region = _region(vz, regions)
    if region < 0:
        return n, 0
    chance = 1.0 - math.exp(-_path(cosine, numbers) * hadrons[3 * row])
    if given == 1:
        chance /= chance + (1.0 - chance) * numbers.coil_chance
    if given == 0 or rng.random() >= chance:
        return n, 0
    available = max(math.sqrt(p * p + mass * mass) + hadrons[3 * row + 1], 0.0)
    measured = available * _visible(rng.random(), visible)
    edge = _edge_spread(vz, distance, region, numbers, regions)
    measured *= max(1.0 + edge * rng.standard_normal(), 0.0) if edge > 0.0 else 1.0
    if measured >= _of_region(region, 2, regions):
        n = _write(
            rng, measured, math.log(measured), vx, vy, vz, numbers.hadron_angle, numbers.in_time, region, truth,
            numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n,
        )  # fmt: skip
    n = _split_offs(rng, vx, vy, vz, available, truth, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n)
    return n, 1
