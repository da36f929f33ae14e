"""What the calorimeter sees of the photons and the charged particles of a block."""

from toymc.detector.calorimeter.charged import _track_cluster
from toymc.detector.calorimeter.photons import _pointing, _shower
from toymc.detector.stage.columns import (
    CURVATURE,
    END,
    ENERGY,
    INTERACTED,
    MASS,
    P_ENERGY,
    P_FRONT,
    P_MEASURED,
    P_PHI,
    P_REGION,
    P_THETA,
    P_TIME,
    P_UX,
    P_UY,
    P_UZ,
    P_VX,
    P_VY,
    P_VZ,
    P_WIDTH,
    P_WIDTH_PHI,
    P_WIDTH_THETA,
    P_X,
    P_Y,
    P_Z,
    PX,
    PY,
    PZ,
    SPECIES,
    VX,
    VY,
    VZ,
    X,
    Y,
    Z,
)
from toymc.kernels import lean_kernel
from toymc.lane_memory import loaded, stored
from toymc.lane_random import _normals_of, _uniform_of
from toymc.lanes import WIDTH, chosen, nearest, real

_HIGH_BITS = 2.0**26
"""The leading 26 bits of a uniform number decide about a shower, the other 26 about its time."""


@lean_kernel
def _photons_measured(draws, n, photons, numbers, regions, sigma, response, scale, outer):
    """Clusters of the first n photons (whole vectors): energy -1 for those that make none."""
    p = photons
    for i in range(0, n, WIDTH):
        uniform = _uniform_of(draws)
        score, wobble = _normals_of(draws)
        measured, log_energy, vx, vy, vz, region = _shower(
            loaded(p[P_ENERGY], i), loaded(p[P_X], i), loaded(p[P_Y], i), loaded(p[P_Z], i),
            loaded(p[P_UX], i), loaded(p[P_UY], i), loaded(p[P_UZ], i), loaded(p[P_FRONT], i),
            uniform, score, wobble, numbers, regions, sigma, response, scale, outer,
        )  # fmt: skip
        a, b = _normals_of(draws)
        theta, phi, width, width_theta, width_phi = _pointing(
            a, b, log_energy, vx, vy, vz, 0.0, region, numbers, regions, sigma
        )
        stored(p[P_MEASURED], i, measured)
        stored(p[P_THETA], i, theta)
        stored(p[P_PHI], i, phi)
        stored(p[P_VX], i, vx)
        stored(p[P_VY], i, vy)
        stored(p[P_VZ], i, vz)
        stored(p[P_WIDTH], i, width)
        stored(p[P_WIDTH_THETA], i, width_theta)
        stored(p[P_WIDTH_PHI], i, width_phi)
        stored(p[P_REGION], i, real(region))
        low = uniform * _HIGH_BITS  # its fraction is as good as a new number
        stored(p[P_TIME], i, chosen(low - nearest(low) + 0.5 < numbers.in_time, 1.0, 0.0))


@lean_kernel
def _charged_measured(
    draws, n, charged, numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation
):  # fmt: skip
    """Energies of the first n charged entries (whole vectors) in the crystals, and where they hit."""
    c = charged
    for i in range(0, n, WIDTH):
        score, wobble = _normals_of(draws)
        u, v = _uniform_of(draws), _uniform_of(draws)
        energy, vx, vy, vz, interacted = _track_cluster(
            score, wobble, u, v, loaded(c[SPECIES], i), loaded(c[X], i), loaded(c[Y], i), loaded(c[Z], i),
            loaded(c[PX], i), loaded(c[PY], i), loaded(c[PZ], i), loaded(c[MASS], i), loaded(c[CURVATURE], i),
            loaded(c[END], i), numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
        )  # fmt: skip
        stored(c[ENERGY], i, energy)
        stored(c[VX], i, vx)
        stored(c[VY], i, vy)
        stored(c[VZ], i, vz)
        stored(c[INTERACTED], i, chosen(interacted, 1.0, 0.0))
