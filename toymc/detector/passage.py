"""One particle through the detector: neutral ones, single charged ones, and mothers with the daughter of their decay.

Every function writes rows into the output blocks of the batch and returns the new numbers of rows. They are expanded
where they are called: with this many arrays a call takes longer than the work.
"""

import math

import numpy as np

from toymc.detector.calorimeter.charged import _track_cluster, _unmatched
from toymc.detector.calorimeter.electrons import _fit_shift, _radiate, _radiated_photons
from toymc.detector.calorimeter.hadrons import _hadron_row, _neutral_hadron, _split_offs
from toymc.detector.calorimeter.photons import _photon
from toymc.detector.charged import (
    DAUGHTER,
    ITSELF,
    JOINED,
    PHOTON,
    _candidate,
    _charge,
    _decided,
    _fitted,
    _kink,
    _set_helix,
    _species,
    _write_candidate,
    _write_track,
)
from toymc.detector.finding.kinks import BOTH, MERGED, MOTHER, NONE
from toymc.detector.finding.spurious import _cloned
from toymc.detector.muons.kernels import _klm_neutral
from toymc.events import FATE_REACHED_ECL, FATE_REACHED_KLM
from toymc.kernels import inlined_kernel, lean_kernel

SLOW = 1e-6
"""GeV: below this transverse momentum a particle makes no helix and no cluster."""


@inlined_kernel
def _neutral_particle(
    rng, j, truth, species, pdg, px, py, pz, mass, x, y, z, fate,
    en, regions, sigma, response, scale, outer, hadrons, visible, klm, neutral,
    cluster_f, cluster_cov, cluster_i, n_c, klm_f, klm_i, n_k,
):  # fmt: skip
    """Photons and neutral hadrons: (clusters, KLM clusters)."""
    p = math.sqrt(px[j] * px[j] + py[j] * py[j] + pz[j] * pz[j])
    if not p > 0.0:
        return n_c, n_k
    inverse = 1.0 / p
    ux, uy, uz = px[j] * inverse, py[j] * inverse, pz[j] * inverse
    if species == PHOTON:
        n_c = _photon(
            rng, p, x[j], y[j], z[j], ux, uy, uz, 0.0, truth,
            en, regions, sigma, response, scale, outer, cluster_f, cluster_cov, cluster_i, n_c,
        )  # fmt: skip
        return n_c, n_k
    if not (fate[j] == FATE_REACHED_ECL or fate[j] == FATE_REACHED_KLM):
        return n_c, n_k
    n_c, _ = _neutral_hadron(
        rng, _hadron_row(pdg[j]), p, mass[j], x[j], y[j], z[j], ux, uy, uz,
        1 if fate[j] == FATE_REACHED_ECL else 0, truth, en, regions, sigma, hadrons, visible,
        cluster_f, cluster_cov, cluster_i, n_c,
    )  # fmt: skip
    count, theta, phi = _klm_neutral(rng, p, x[j], y[j], z[j], ux, uy, uz, klm, neutral)
    if count > 0:
        klm_f[0, n_k] = theta
        klm_f[1, n_k] = phi
        klm_i[0, n_k] = count
        klm_i[1, n_k] = truth
        n_k += 1
    return n_c, n_k


@inlined_kernel
def _calorimeter_of_track(
    rng, found, truth, species, x, y, z, px, py, pz, mass, curvature, end,
    en, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
    cluster_f, cluster_cov, cluster_i, n_c,
):  # fmt: skip
    """Cluster of a charged particle: (clusters, energy, direction) with rows of their own for what has no track."""
    energy, vx, vy, vz, interacted = _track_cluster(
        rng, species, x, y, z, px, py, pz, mass, curvature, end,
        en, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
    )  # fmt: skip
    if interacted:
        available = math.sqrt(px * px + py * py + pz * pz + mass * mass)
        n_c = _split_offs(
            rng, vx, vy, vz, available, truth, en, regions, sigma, cluster_f, cluster_cov, cluster_i, n_c
        )  # fmt: skip
    if energy > 0.0 and not found:
        n_c = _unmatched(
            rng, energy, vx, vy, vz, truth, en, regions, sigma, cluster_f, cluster_cov, cluster_i, n_c
        )  # fmt: skip
    return n_c, energy, vx, vy, vz


@inlined_kernel
def _single(
    rng, m, j, truth, species, status, px, py, pz, mass, x, y, z, fate, end_arc, field, fit, response_fit,
    reals, places, values, surfaces, finding, spurious, efficiency,
    en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, klm, reach, cumulative,
    plan, agenda, work, helix, factor, hits, emitted, pdg,
    track_f, track_cov, track_i, impact, n_t, cluster_f, cluster_cov, cluster_i, n_c,
):  # fmt: skip
    """A charged particle without a charged daughter, line m of the plan: (tracks, clusters)."""
    charge = _charge(pdg[j], species)
    h = plan[m]
    radiated = 0.0
    at_x, at_y, at_z, qx, qy, qz = x[j], y[j], z[j], px[j], py[j], pz[j]
    curvature = h[2]
    if species == 0 and status[j] == 1:
        p, tangent = math.sqrt(qx * qx + qy * qy + qz * qz), h[4]
        n = _radiate(rng, p, tangent, math.sqrt(at_x * at_x + at_y * at_y), en, shells, emitted)
        if n > 0:
            radiated = p - emitted[n - 1, 2]
            shift = _fit_shift(p, tangent, curvature, emitted, n, fit, response_fit)
            n_c, at_x, at_y, at_z, qx, qy, qz, curvature = _radiated_photons(
                rng, at_x, at_y, at_z, qx, qy, qz, curvature, emitted, n, truth,
                en, regions, sigma, response, scale, outer, cluster_f, cluster_cov, cluster_i, n_c,
            )  # fmt: skip
            h[0] += shift[0]
            h[1] += shift[1]
            h[2] += shift[2]
            h[5], h[6] = math.cos(h[1]), math.sin(h[1])
    found = _decided(
        m, j, charge, radiated > 0.0, px, py, pz, mass, x, y, z, end_arc, field, finding, efficiency,
        reals, places, values, surfaces, plan, agenda, work, factor, hits,
    )  # fmt: skip
    n_c, energy, vx, vy, vz = _calorimeter_of_track(
        rng, found, truth, species, at_x, at_y, at_z, qx, qy, qz, mass[j], curvature, end_arc[j],
        en, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
        cluster_f, cluster_cov, cluster_i, n_c,
    )  # fmt: skip
    if found:
        _write_track(
            rng, h, factor[ITSELF], hits[ITSELF, 0], hits[ITSELF, 1], hits[ITSELF, 2], truth, fate[j], species,
            charge, radiated, energy, vx, vy, vz, field, finding, klm, reach, cumulative,
            track_f, track_cov, track_i, impact, n_t,
        )  # fmt: skip
        n_t += 1
        if _cloned(rng, math.sqrt(px[j] * px[j] + py[j] * py[j]), spurious):
            _set_helix(helix[ITSELF], -h[0], h[1] + math.pi, -h[2], h[3], -h[4], -h[5], -h[6])
            _write_candidate(
                rng, ITSELF, truth, fate[j], species, charge, 0.0, vx, vy, vz, field, helix, factor, hits,
                finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n_t,
            )  # fmt: skip
            n_t += 1
    return n_t, n_c


@lean_kernel
def _decaying(
    rng, j, k, first, pdg, px, py, pz, mass, x, y, z, fate, end_arc, field,
    reals, places, values, surfaces, finding, kinks, efficiency,
    en, regions, sigma, response, scale, outer, hadrons, visible, ionisation, klm, reach, cumulative,
    work, helix, factor, hits,
    track_f, track_cov, track_i, impact, n_t, cluster_f, cluster_cov, cluster_i, n_c,
):  # fmt: skip
    """A mother j that decays in flight and its charged daughter k, which takes over the way: (tracks, clusters)."""
    species, daughter = _species(pdg[j]), _species(pdg[k])
    charge, daughter_charge = _charge(pdg[j], species), _charge(pdg[k], daughter)
    moves = math.sqrt(px[k] * px[k] + py[k] * py[k]) > SLOW
    hits[DAUGHTER, 0], hits[JOINED, 0] = -1, -1
    open_mother, open_daughter, open_joined = np.int64(0), np.int64(0), np.int64(0)
    for slot in range(3):
        row = k if slot == DAUGHTER else j
        if slot == ITSELF or moves:
            crossings = _candidate(
                slot, row, math.inf if slot == JOINED else end_arc[row],
                daughter_charge if slot == DAUGHTER else charge, px, py, pz, mass, x, y, z, field, finding,
                efficiency, reals, places, values, surfaces, work, helix, factor, hits,
            )  # fmt: skip
            if slot == ITSELF:
                open_mother = crossings
            elif slot == DAUGHTER:
                open_daughter = crossings
            else:
                open_joined = crossings
    code, whose = _kink(
        rng, j, k, charge, daughter_charge, px, py, pz, x, y, end_arc, field, finding, kinks, efficiency,
        helix, factor, hits,
    )  # fmt: skip
    if (code == MOTHER or code == BOTH) and _fitted(
        ITSELF, j, open_mother, px, py, pz, mass, reals, surfaces, work, factor
    ):
        _write_candidate(
            rng, ITSELF, j - first, fate[j], species, charge, 0.0, 0.0, 0.0, 0.0, field, helix, factor, hits,
            finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n_t,
        )  # fmt: skip
        n_t += 1
    if not moves:
        return n_t, n_c
    merged = code == MERGED
    slot, row = (np.int64(JOINED), j) if merged else (np.int64(DAUGHTER), k)
    found = not (code == NONE or code == MOTHER) and _fitted(
        slot, row, open_joined if merged else open_daughter, px, py, pz, mass, reals, surfaces, work, factor
    )
    n_c, energy, vx, vy, vz = _calorimeter_of_track(
        rng, found, k - first, daughter, x[k], y[k], z[k], px[k], py[k], pz[k], mass[k], helix[DAUGHTER, 2],
        end_arc[k], en, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
        cluster_f, cluster_cov, cluster_i, n_c,
    )  # fmt: skip
    if found:
        of_mother = merged and whose != 1
        owner = np.int64(-1) if merged and whose < 0 else (j if of_mother else k) - first
        _write_candidate(
            rng, slot, owner, fate[j] if of_mother else fate[k],
            species if of_mother else daughter, charge if of_mother else daughter_charge, energy, vx, vy, vz,
            field, helix, factor, hits, finding, klm, reach, cumulative,
            track_f, track_cov, track_i, impact, n_t,
        )  # fmt: skip
        n_t += 1
    return n_t, n_c
