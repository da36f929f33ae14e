"""A charged particle on its way to a track: candidate, decision, measured row.

A candidate is the true helix, the factor of its covariance and the layers that measure; there are three at a time, for
a particle, for the charged daughter of its decay in flight, and for both taken as one track.
"""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.lookup import (
    _ahead,
    _interpolated,
    _open_hits,
    _pending_factor,
    _place,
    _silicon,
    _track_hits,
)
from toymc.detector.covariance.smear import _smear_full
from toymc.detector.finding.found import _flipped, _level, _most, _probability, _reversed, _share
from toymc.detector.finding.kinks import MERGED, _after_kink, _kink_shift, _shifted
from toymc.detector.helix import _perigee, _turned
from toymc.detector.muons.kernels import _klm
from toymc.kernels import inlined_kernel, lean_kernel

ITSELF, DAUGHTER, JOINED = 0, 1, 2
"""Candidates: rows of `helix` (3, 7), `factor` (3, 15), `hits` (3, 3) and `work`."""
N_CANDIDATES = 3
N_HELIX = 7
"""Helix (d0, phi0, omega, z0, tan lambda), cosine and sine of phi0."""
# columns of `plan` behind the helix of a single particle: place between the nodes of the covariance table, the uniform
# number that decides whether it is found, efficiency of prompt tracks of its momentum
PLAN_F, PLAN_G, PLAN_DRAW, PLAN_LEVEL = 7, 8, 9, 10
N_PLAN = 11
# columns of `agenda`: row of a particle, its kind, row of the charged daughter of its decay in flight (-1 none), and
# its place in the covariance table: nodes (see `_place`; the first may be CALCULATE or HOPELESS) and pattern
ROW, KIND, DAUGHTER_ROW, NODE_A, NODE_B, PATTERN = 0, 1, 2, 3, 4, 5
N_AGENDA = 6
CALCULATE, HOPELESS = -1, -2

# rows of the output blocks; the columns of `toymc.events.Tracks` in the order that `_write_track` fills them
TRACK_FLOATS = ("d0", "phi0", "omega", "z0", "tan_lambda", "px", "py", "pz", "brems_energy", "ecl_energy")
TRACK_INTEGERS = (
    "charge", "n_pxd", "n_svd", "n_cdc", "truth", "klm_region", "klm_expected", "klm_layers", "fate",
)  # fmt: skip
N_IMPACT = 3
SHORTEST_CM = 5.4
"""No third strip layer lies inside this radius (the slanted end of the second is there) in any card (tested)."""


PHOTON, NEUTRAL = 5, 6
"""Kinds of particles beside 0..4 for e, mu, pi, K, p."""


@inlined_kernel
def _species(pdg):
    """0..4 for e, mu, pi, K, p; 5 for a photon; -1 for the rest."""
    code = abs(pdg)
    if code == 211:
        return 2
    if code == 22:
        return 5
    if code == 11:
        return 0
    if code == 13:
        return 1
    if code == 321:
        return 3
    if code == 2212:
        return 4
    return -1


@inlined_kernel
def _charge(pdg, species):
    """Leptons with a positive code are negative, hadrons with a positive code positive."""
    return 1.0 if (pdg > 0) == (species >= 2) else -1.0


@inlined_kernel
def _set_helix(h, d0, phi0, omega, z0, tan_lambda, cosine, sine):
    h[0] = d0
    h[1] = phi0
    h[2] = omega
    h[3] = z0
    h[4] = tan_lambda
    h[5] = cosine
    h[6] = sine


@inlined_kernel
def _best_chance(x, y, px, py, end, pt, d0, z0, tan_lambda, level, finding):
    """Upper bound of the probability that a particle is found, whatever it hits.

    Without three strip layers or wires within its transverse path `end` (cm) there is no track.
    """
    rho = math.sqrt(x * x + y * y)
    if not (pt >= finding.pt_min and rho + end >= SHORTEST_CM):
        return 0.0
    start = rho if x * px + y * py >= 0.0 else abs(d0)
    return level * _most(pt, tan_lambda, rho, start, d0, z0, finding)


@inlined_kernel
def _plan(
    rng, m, j, charge, px, py, pz, mass, x, y, z, end_arc, field, finding, efficiency, reals, places, values,
    plan, agenda,
):  # fmt: skip
    """Line m of the plan, a single charged particle: helix, draw, place in the table, whose numbers are sent for."""
    h = plan[m]
    d0, phi0, omega, z0, tan_lambda, cosine, sine = _perigee(x[j], y[j], z[j], px[j], py[j], pz[j], charge, field)
    _set_helix(h, d0, phi0, omega, z0, tan_lambda, cosine, sine)
    pt = math.sqrt(px[j] * px[j] + py[j] * py[j])
    level = _level(pt, tan_lambda, efficiency)
    draw = rng.random()
    h[PLAN_LEVEL] = level
    h[PLAN_DRAW] = draw
    agenda[m, NODE_A] = HOPELESS
    if draw < _best_chance(x[j], y[j], px[j], py[j], end_arc[j], pt, d0, z0, tan_lambda, level, finding):
        a, b, h[PLAN_F], h[PLAN_G], pattern = _place(
            x[j], y[j], px[j], py[j], mass[j], end_arc[j], d0, phi0, omega, z0, tan_lambda, reals, places
        )  # fmt: skip
        agenda[m, NODE_A], agenda[m, NODE_B], agenda[m, PATTERN] = a, b, pattern
        if a >= 0:
            _ahead(a, b, values)


@inlined_kernel
def _decided(
    m, j, charge, radiated, px, py, pz, mass, x, y, z, end_arc, field, finding, efficiency,
    reals, places, values, surfaces, plan, agenda, work, factor, hits,
):  # fmt: skip
    """Whether the planned particle of line m is found; then candidate ITSELF has its factor and its hits.

    An electron that `radiated` is found as the softer track that it became.
    """
    a = agenda[m, NODE_A]
    if a == HOPELESS:
        return False
    h = plan[m]
    crossings, pixel, strip, wires = np.int64(0), np.int64(0), np.int64(0), np.int64(-1)
    if a >= 0:
        wires = _interpolated(a, agenda[m, NODE_B], h[PLAN_F], h[PLAN_G], values, factor[ITSELF])
        pixel, strip = _silicon(agenda[m, PATTERN], places)
    if wires < 0:
        crossings, pixel, strip, wires = _open_hits(
            x[j], y[j], z[j], px[j], py[j], pz[j], charge, mass[j], end_arc[j], reals, surfaces, work[ITSELF]
        )  # fmt: skip
        if pixel < 0:
            return False
    hits[ITSELF, 0], hits[ITSELF, 1], hits[ITSELF, 2] = pixel, strip, wires
    rho = math.sqrt(x[j] * x[j] + y[j] * y[j])
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(h[2])
    level = _level(pt, h[4], efficiency) if radiated else h[PLAN_LEVEL]
    if not h[PLAN_DRAW] < level * _share(pt, h[4], rho, h[0], h[3], strip, wires, finding):
        return False
    return crossings == 0 or _pending_factor(
        crossings, px[j], py[j], pz[j], mass[j], reals, surfaces, work[ITSELF], factor[ITSELF]
    )


@lean_kernel
def _candidate(
    slot, j, end, charge, px, py, pz, mass, x, y, z, field, finding, efficiency,
    reals, places, values, surfaces, work, helix, factor, hits,
):  # fmt: skip
    """Fill candidate `slot` with particle j, that is gone after the transverse path `end` (cm).

    Returns the crossings from which `_fitted` still has to make the factor, 0 if it is there: who is not found needs
    none.
    """
    d0, phi0, omega, z0, tan_lambda, cosine, sine = _perigee(x[j], y[j], z[j], px[j], py[j], pz[j], charge, field)
    _set_helix(helix[slot], d0, phi0, omega, z0, tan_lambda, cosine, sine)
    pt = math.sqrt(px[j] * px[j] + py[j] * py[j])
    level = _level(pt, tan_lambda, efficiency)
    if not _best_chance(x[j], y[j], px[j], py[j], end, pt, d0, z0, tan_lambda, level, finding) > 0.0:
        hits[slot, 0], hits[slot, 1], hits[slot, 2] = -1, 0, 0
        return np.int64(0)
    crossings, n_pxd, n_svd, n_cdc = _track_hits(
        x[j], y[j], z[j], px[j], py[j], pz[j], charge, mass[j], end, d0, phi0, omega, z0, tan_lambda,
        reals, places, values, surfaces, work[slot], factor[slot],
    )  # fmt: skip
    hits[slot, 0] = n_pxd
    hits[slot, 1] = n_svd
    hits[slot, 2] = n_cdc
    return np.int64(crossings if n_pxd >= 0 else 0)


@lean_kernel
def _fitted(slot, j, crossings, px, py, pz, mass, reals, surfaces, work, factor):
    """Make the factor of a candidate if it is still open; false if no fit is possible."""
    return crossings == 0 or _pending_factor(
        crossings, px[j], py[j], pz[j], mass[j], reals, surfaces, work[slot], factor[slot]
    )


@inlined_kernel
def _chance(slot, rho, strips, wires, field, helix, hits, numbers, efficiency):
    """Probability that a candidate is found with these strip and wire layers; 0 where no fit is possible."""
    if hits[slot, 0] < 0:
        return 0.0
    h = helix[slot]
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(h[2])
    return _probability(pt, h[4], rho, h[0], h[3], strips, wires, numbers, efficiency)


@lean_kernel
def _kink(
    rng, j, k, charge, daughter_charge, px, py, pz, x, y, end_arc, field, finding, kinks, efficiency,
    helix, factor, hits,
):  # fmt: skip
    """What is found of mother j (candidate ITSELF) and its daughter k (DAUGHTER): (code, owner) of `_after_kink`.

    For a merged track candidate JOINED, the mother as if it lived on, gets the shift of the common fit.
    """
    rho = math.sqrt(x[j] * x[j] + y[j] * y[j])
    kink = math.sqrt(x[k] * x[k] + y[k] * y[k])
    strips, wires = max(hits[ITSELF, 1], 0), max(hits[ITSELF, 2], 0)
    more_strips, more_wires = max(hits[DAUGHTER, 1], 0), max(hits[DAUGHTER, 2], 0)
    p_mother = _chance(ITSELF, rho, strips, wires, field, helix, hits, finding, efficiency)
    p_daughter = _chance(DAUGHTER, kink, more_strips, more_wires, field, helix, hits, finding, efficiency)
    p_joined = _chance(JOINED, rho, strips + more_strips, wires + more_wires, field, helix, hits, finding, efficiency)
    # momentum of the mother where it decays: it has turned by -omega times its path
    turn = -helix[ITSELF, 2] * end_arc[j]
    mx = px[j] * math.cos(turn) - py[j] * math.sin(turn)
    my = px[j] * math.sin(turn) + py[j] * math.cos(turn)
    code, owner = _after_kink(
        rng, mx, my, pz[j], px[k], py[k], pz[k], charge, daughter_charge, strips, wires, more_strips, more_wires,
        p_mother, p_daughter, p_joined, kinks,
    )  # fmt: skip
    if code == MERGED:
        shift = _kink_shift(
            mx, my, pz[j], px[k], py[k], pz[k], charge, strips, wires, more_strips, more_wires, kinks
        )  # fmt: skip
        h = helix[JOINED]
        h[0], h[1], h[2], h[3], h[4] = _shifted(h[0], h[1], h[2], h[3], h[4], shift)
        h[5], h[6] = math.cos(h[1]), math.sin(h[1])
        if not abs(h[2]) > 1e-9:
            h[2] = math.copysign(1e-9, charge)
    return code, owner


@inlined_kernel
def _mirror(cov):
    """Covariance of the reversed helix: d0, omega and tan lambda change sign."""
    # upper triangle: d0 (d0, phi, om, z0, tl), phi (phi, om, z0, tl), om (om, z0, tl), z0 (z0, tl), tl
    cov[1] = -cov[1]
    cov[3] = -cov[3]
    cov[6] = -cov[6]
    cov[8] = -cov[8]
    cov[10] = -cov[10]
    cov[13] = -cov[13]


@inlined_kernel
def _write_track(
    rng, h, factor, pixel, strip, wires, row, fate, species, charge, radiated, energy, vx, vy, vz, field,
    finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """Measure the helix h (N_HELIX) and write it as row n; `row` is its true particle (-1 none), v where it hits."""
    cov = track_cov[n]
    d0, phi0, omega, z0, tan_lambda = _smear_full(rng, h[0], h[1], h[2], h[3], h[4], factor, cov)
    cosine, sine = _turned(h[5], h[6], phi0 - h[1])
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
    if _flipped(rng, pt, finding):
        d0, phi0, omega, z0, tan_lambda = _reversed(d0, phi0, omega, z0, tan_lambda)
        cosine, sine = -cosine, -sine
        _mirror(cov)
    p = pt * math.sqrt(1.0 + tan_lambda * tan_lambda)
    region, expected, last = _klm(rng, species, charge, p, tan_lambda, klm, reach, cumulative)
    track_f[0, n] = d0
    track_f[1, n] = phi0
    track_f[2, n] = omega
    track_f[3, n] = z0
    track_f[4, n] = tan_lambda
    track_f[5, n] = pt * cosine
    track_f[6, n] = pt * sine
    track_f[7, n] = pt * tan_lambda
    track_f[8, n] = radiated
    track_f[9, n] = energy
    track_i[0, n] = 1 if omega > 0.0 else -1
    track_i[1, n] = pixel
    track_i[2, n] = strip
    track_i[3, n] = wires
    track_i[4, n] = row
    track_i[5, n] = region
    track_i[6, n] = expected
    track_i[7, n] = last
    track_i[8, n] = fate
    impact[0, n] = vx
    impact[1, n] = vy
    impact[2, n] = vz


@lean_kernel
def _write_candidate(
    rng, slot, row, fate, species, charge, energy, vx, vy, vz, field, helix, factor, hits,
    finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """`_write_track` of candidate `slot`, as a call: for what is rare."""
    _write_track(
        rng, helix[slot], factor[slot], hits[slot, 0], hits[slot, 1], hits[slot, 2], row, fate, species, charge,
        0.0, energy, vx, vy, vz, field, finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n,
    )  # fmt: skip


@lean_kernel
def _charged_daughter(j, first, last, pdg, status, mother):
    """Row of the first charged daughter of row j (both counted in the batch), -1 for none."""
    for k in range(j + 1, last):
        if mother[k] == j - first and status[k] != 3:
            species = _species(pdg[k])
            if species >= 0 and species < 5:
                return np.int64(k)
    return np.int64(-1)
