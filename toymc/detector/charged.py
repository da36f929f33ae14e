"""A charged particle on its way to a track: candidate, decision, measured row.

A candidate is the true helix, the factor of its covariance and the layers that measure; there are three at a time, for
a particle, for the charged daughter of its decay in flight, and for both taken as one track.
"""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.lookup import _pending_factor, _track_hits
from toymc.detector.covariance.smear import _smear_full
from toymc.detector.finding.found import _flipped, _level, _probability, _reversed
from toymc.detector.finding.kinks import MERGED, _after_kink, _kink_shift, _shifted
from toymc.detector.helix import _to_helix
from toymc.detector.muons.kernels import _klm
from toymc.kernels import inlined_kernel, lean_kernel

ITSELF, DAUGHTER, JOINED = 0, 1, 2
"""Candidates: rows of `helix` (3, 5), `factor` (3, 15) and `hits` (3, 3)."""
N_CANDIDATES = 3

# rows of the output blocks; the columns of `toymc.events.Tracks` in the order that `_write_track` fills them
TRACK_FLOATS = ("d0", "phi0", "omega", "z0", "tan_lambda", "px", "py", "pz", "brems_energy", "ecl_energy")
TRACK_INTEGERS = (
    "charge", "n_pxd", "n_svd", "n_cdc", "truth", "klm_region", "klm_expected", "klm_layers", "fate",
)  # fmt: skip
N_IMPACT = 3
SHORTEST_CM = 5.4
"""No third strip layer lies inside this radius (the slanted end of the second is there) in any card (tested)."""


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
def _hopeless(x, y, px, py, end, tan_lambda, draw, finding, efficiency):
    """Whether no track can come of a particle, whatever it hits: then its covariance is not worth calculating.

    Sure signs alone: `_probability` is 0 below a transverse momentum and for prompt particles outside the acceptance,
    and without three strip layers or wires; it never exceeds the efficiency of prompt tracks, so that a `draw` above
    that decides already.
    """
    pt = math.sqrt(px * px + py * py)
    if not pt >= finding.pt_min:
        return True
    rho = math.sqrt(x * x + y * y)
    if rho < finding.prompt_radius:
        if not (tan_lambda >= finding.tan_low and tan_lambda <= finding.tan_high):
            return True
    return rho + end < SHORTEST_CM or draw >= _level(pt, tan_lambda, efficiency)


@lean_kernel
def _candidate(
    slot, j, end, charge, draw, px, py, pz, mass, x, y, z, field, finding, efficiency,
    reals, places, values, surfaces, work, helix, factor, hits,
):  # fmt: skip
    """Fill candidate `slot` with particle j, that is gone after the transverse path `end` (cm).

    It will be found if the uniform number `draw` is below its probability (0: not decided yet).

    Returns the crossings from which `_fitted` still has to make the factor, 0 if it is there: who is not found needs
    none.
    """
    d0, phi0, omega, z0, tan_lambda = _to_helix(x[j], y[j], z[j], px[j], py[j], pz[j], charge, field)
    helix[slot, 0] = d0
    helix[slot, 1] = phi0
    helix[slot, 2] = omega
    helix[slot, 3] = z0
    helix[slot, 4] = tan_lambda
    if _hopeless(x[j], y[j], px[j], py[j], end, tan_lambda, draw, finding, efficiency):
        hits[slot, 0], hits[slot, 1], hits[slot, 2] = -1, 0, 0
        return np.int64(0)
    crossings, n_pxd, n_svd, n_cdc = _track_hits(
        x[j], y[j], z[j], px[j], py[j], pz[j], charge, mass[j], end, d0, phi0, omega, z0, tan_lambda,
        reals, places, values, surfaces, work, factor[slot],
    )  # fmt: skip
    hits[slot, 0] = n_pxd
    hits[slot, 1] = n_svd
    hits[slot, 2] = n_cdc
    return np.int64(crossings if n_pxd >= 0 else 0)


@inlined_kernel
def _fitted(slot, j, crossings, px, py, pz, mass, reals, surfaces, work, factor):
    """Make the factor of a candidate if it is still open; false if no fit is possible."""
    return crossings == 0 or _pending_factor(
        crossings, px[j], py[j], pz[j], mass[j], reals, surfaces, work, factor[slot]
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


@lean_kernel
def _write_track(
    rng, slot, row, fate, species, charge, radiated, energy, vx, vy, vz, field, helix, factor, hits,
    finding, klm, reach, cumulative, track_f, track_cov, track_pid, track_i, impact, n,
):  # fmt: skip
    """Measure candidate `slot` and write it as row n; `row` is its true particle (-1 none), v where it hits."""
    h = helix[slot]
    cov = track_cov[n]
    d0, phi0, omega, z0, tan_lambda = _smear_full(rng, h[0], h[1], h[2], h[3], h[4], factor[slot], cov)
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
    if _flipped(rng, pt, finding):
        d0, phi0, omega, z0, tan_lambda = _reversed(d0, phi0, omega, z0, tan_lambda)
        _mirror(cov)
    p = pt * math.sqrt(1.0 + tan_lambda * tan_lambda)
    region, expected, last = _klm(rng, species, charge, p, tan_lambda, klm, reach, cumulative)
    track_f[0, n] = d0
    track_f[1, n] = phi0
    track_f[2, n] = omega
    track_f[3, n] = z0
    track_f[4, n] = tan_lambda
    track_f[5, n] = pt * math.cos(phi0)
    track_f[6, n] = pt * math.sin(phi0)
    track_f[7, n] = pt * tan_lambda
    track_f[8, n] = radiated
    track_f[9, n] = energy
    track_i[0, n] = 1 if omega > 0.0 else -1
    track_i[1, n] = hits[slot, 0]
    track_i[2, n] = hits[slot, 1]
    track_i[3, n] = hits[slot, 2]
    track_i[4, n] = row
    track_i[5, n] = region
    track_i[6, n] = expected
    track_i[7, n] = last
    track_i[8, n] = fate
    for i in range(4):
        track_pid[n, i] = rng.random()
    impact[0, n] = vx
    impact[1, n] = vy
    impact[2, n] = vz


@lean_kernel
def _charged_daughter(j, first, last, pdg, status, mother):
    """Row of the first charged daughter of row j (both counted in the batch), -1 for none."""
    for k in range(j + 1, last):
        if mother[k] == j - first and status[k] != 3:
            species = _species(pdg[k])
            if species >= 0 and species < 5:
                return np.int64(k)
    return np.int64(-1)
