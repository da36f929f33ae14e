"""Clusters of a block, written event by event."""

import math

import numpy as np

from toymc.detector.calorimeter.charged import _unmatched
from toymc.detector.calorimeter.hadrons import _hadron_row, _neutral_hadron, _split_offs
from toymc.detector.calorimeter.photons import _put
from toymc.detector.finding.kinks import BOTH, MERGED
from toymc.detector.finding.kinks import DAUGHTER as ONLY_DAUGHTER
from toymc.detector.muons.kernels import _klm_neutral
from toymc.detector.stage.columns import (
    AT,
    CODE,
    DAUGHTER,
    ENERGY,
    FIRST_PHOTON,
    INTERACTED,
    MASS,
    N_PHOTONS,
    P_MEASURED,
    P_PHI,
    P_REGION,
    P_THETA,
    P_TIME,
    P_VX,
    P_VY,
    P_VZ,
    P_WIDTH,
    P_WIDTH_PHI,
    P_WIDTH_THETA,
    PX,
    PY,
    PZ,
    TRUTH,
    VX,
    VY,
    VZ,
)
from toymc.events import FATE_REACHED_ECL, FATE_REACHED_KLM
from toymc.kernels import inlined_kernel, lean_kernel


@inlined_kernel
def _write_photons(begin, end, photons, truth, cluster_f, cluster_cov, cluster_i, n):
    """Clusters of the photons begin..end-1 that make one, as rows from n on; the number of rows."""
    p = photons
    for i in range(begin, end):
        after = _put(
            p[P_MEASURED, i], p[P_THETA, i], p[P_PHI, i], p[P_WIDTH, i], p[P_WIDTH_THETA, i], p[P_WIDTH_PHI, i],
            p[P_VX, i], p[P_VY, i], p[P_VZ, i], np.int32(p[P_REGION, i]), truth[i], np.int32(p[P_TIME, i]),
            cluster_f, cluster_cov, cluster_i, n,
        )  # fmt: skip
        n = after if p[P_MEASURED, i] > 0.0 else n  # written in any case: a jump would often be guessed wrongly
    return n


@inlined_kernel
def _write_crystals(rng, i, matched, charged, integers, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n):
    """Clusters of entry i beside the one of its track: split-offs, and its own if no track is `matched` to it."""
    c = charged
    if c[INTERACTED, i] > 0.0:
        px, py, pz, mass = c[PX, i], c[PY, i], c[PZ, i], c[MASS, i]
        n = _split_offs(
            rng, c[VX, i], c[VY, i], c[VZ, i], math.sqrt(px * px + py * py + pz * pz + mass * mass),
            integers[TRUTH, i], numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n,
        )  # fmt: skip
    if c[ENERGY, i] > 0.0 and not matched:
        n = _unmatched(
            rng, c[ENERGY, i], c[VX, i], c[VY, i], c[VZ, i], integers[TRUTH, i], numbers, regions, sigma,
            cluster_f, cluster_cov, cluster_i, n,
        )  # fmt: skip
    return n


@lean_kernel
def _write_neutral(
    rng, j, truth, pdg, px, py, pz, mass, x, y, z, fate, numbers, regions, sigma, hadrons, visible, klm, neutral,
    cluster_f, cluster_cov, cluster_i, n_c, klm_f, klm_i, n_k,
):  # fmt: skip
    """Clusters of a neutral hadron in crystals and muon detector: (clusters, KLM clusters)."""
    p = math.sqrt(px[j] * px[j] + py[j] * py[j] + pz[j] * pz[j])
    if not (p > 0.0 and (fate[j] == FATE_REACHED_ECL or fate[j] == FATE_REACHED_KLM)):
        return n_c, n_k
    inverse = 1.0 / p
    ux, uy, uz = px[j] * inverse, py[j] * inverse, pz[j] * inverse
    n_c, _ = _neutral_hadron(
        rng, _hadron_row(pdg[j]), p, mass[j], x[j], y[j], z[j], ux, uy, uz,
        1 if fate[j] == FATE_REACHED_ECL else 0, truth, numbers, regions, sigma, hadrons, visible,
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
def _write_single(
    rng, line, lines, charged, integers, photons, photon_truth, numbers, regions, sigma,
    cluster_f, cluster_cov, cluster_i, n,
):  # fmt: skip
    """Clusters of a charged particle beside the one of its track, those of photons that it radiated included."""
    i = lines[line, AT]
    first = integers[FIRST_PHOTON, i]
    n = _write_photons(
        first, first + integers[N_PHOTONS, i], photons, photon_truth, cluster_f, cluster_cov, cluster_i, n
    )
    return _write_crystals(
        rng, i, lines[line, CODE] == 1, charged, integers, numbers, regions, sigma,
        cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip


@inlined_kernel
def _write_decay(
    rng, line, lines, charged, integers, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n
):  # fmt: skip
    """Clusters of a charged daughter, which takes over the way of its mother, beside the one of its track."""
    code = lines[line, CODE]
    takes_over = code == MERGED or code == BOTH or code == ONLY_DAUGHTER
    return _write_crystals(
        rng, lines[line, AT] + DAUGHTER, takes_over, charged, integers, numbers, regions, sigma,
        cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip
