"""Tracks and clusters of a block, written event by event."""

import math

import numpy as np

from toymc.detector.calorimeter.charged import _unmatched
from toymc.detector.calorimeter.hadrons import _hadron_row, _neutral_hadron, _split_offs
from toymc.detector.calorimeter.photons import _put
from toymc.detector.covariance.exact import _unfold
from toymc.detector.fetch import _fetch
from toymc.detector.finding.found import _flipped, _reversed
from toymc.detector.finding.kinks import BOTH, MERGED, MOTHER
from toymc.detector.finding.kinks import DAUGHTER as ONLY_DAUGHTER
from toymc.detector.muons.kernels import _klm_last, _klm_neutral
from toymc.detector.stage.columns import (
    AT,
    CHARGE,
    CODE,
    DAUGHTER,
    ENERGY,
    ENTRY,
    FIRST_PHOTON,
    INTERACTED,
    KLM_EXPECTED,
    KLM_REGION,
    M_COS,
    M_D0,
    M_OMEGA,
    M_PHI0,
    M_PT,
    M_SIN,
    M_TAN,
    M_Z0,
    MASS,
    N_PHOTONS,
    OWNER,
    P_MEASURED,
    P_PHI,
    P_REGION,
    P_THETA,
    P_VX,
    P_VY,
    P_VZ,
    P_WIDTH,
    P_WIDTH_PHI,
    P_WIDTH_THETA,
    PIXEL,
    PX,
    PY,
    PZ,
    RADIATED,
    ROW,
    SPECIES,
    STRIP,
    TRUTH,
    VX,
    VY,
    VZ,
    WIRE,
)
from toymc.events import FATE_REACHED_ECL, FATE_REACHED_KLM
from toymc.kernels import inlined_kernel, lean_kernel

_AHEAD = 24
"""Rows ahead of the one that is written."""
MAX_FAKES = 8
"""Fake tracks of an event, at most."""


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
def _track_rows_ahead(track_f, track_i, impact, n):
    """Have the rows a little behind n ready for writing: two dozen columns are more than the processor follows."""
    if n & 7 == 0:
        for k in range(10):
            _fetch(track_f[k], n + _AHEAD)
        for k in range(3):
            _fetch(impact[k], n + _AHEAD)
        if n & 15 == 0:
            for k in range(9):
                _fetch(track_i[k], n + _AHEAD)


@inlined_kernel
def _put_track(
    rng, d0, phi0, omega, z0, tan_lambda, cosine, sine, pt, pixel, strip, wire, row, fate, species, charge, radiated,
    energy, vx, vy, vz, region, expected, finding, klm, cumulative, track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """Row n of a measured helix whose covariance is there already; the number of rows.

    `row` is its true particle (-1 none), v where it hits the crystals.
    """
    _track_rows_ahead(track_f, track_i, impact, n)
    if _flipped(rng, pt, finding):
        d0, phi0, omega, z0, tan_lambda = _reversed(d0, phi0, omega, z0, tan_lambda)
        cosine, sine = -cosine, -sine
        _mirror(track_cov[n])
    last = _klm_last(rng, species, charge, region, expected, klm, cumulative)
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
    track_i[3, n] = wire
    track_i[4, n] = row
    track_i[5, n] = region
    track_i[6, n] = expected
    track_i[7, n] = last
    track_i[8, n] = fate
    impact[0, n] = vx
    impact[1, n] = vy
    impact[2, n] = vz
    return n + 1


@inlined_kernel
def _write_found(
    rng, m, row, fate, body, radiated, seen, found, charged, factor, finding, klm, cumulative,
    track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """Row n: track m of `found`. `body` is the entry that reaches the muon detector, `seen` the one in the crystals
    (-1 none)."""
    c, f = charged, found
    i = np.int64(f[ENTRY, m])
    energy, vx, vy, vz = 0.0, 0.0, 0.0, 0.0
    if seen >= 0:
        energy, vx, vy, vz = c[ENERGY, seen], c[VX, seen], c[VY, seen], c[VZ, seen]
    _unfold(factor[i], track_cov[n])
    return _put_track(
        rng, f[M_D0, m], f[M_PHI0, m], f[M_OMEGA, m], f[M_Z0, m], f[M_TAN, m], f[M_COS, m], f[M_SIN, m], f[M_PT, m],
        np.int32(c[PIXEL, i]), np.int32(c[STRIP, i]), np.int32(c[WIRE, i]), row, fate, np.int64(c[SPECIES, body]),
        c[CHARGE, body], radiated, energy, vx, vy, vz, np.int64(f[KLM_REGION, m]), np.int64(f[KLM_EXPECTED, m]),
        finding, klm, cumulative,
        track_f, track_cov, track_i, impact, n,
    )  # fmt: skip


@inlined_kernel
def _write_photon(rng, i, photons, truth, numbers, cluster_f, cluster_cov, cluster_i, n):
    """Row n: the cluster of entry i of the photons, if it makes one."""
    p = photons
    if not p[P_MEASURED, i] > 0.0:
        return n
    return _put(
        p[P_MEASURED, i], p[P_THETA, i], p[P_PHI, i], p[P_WIDTH, i], p[P_WIDTH_THETA, i], p[P_WIDTH_PHI, i],
        p[P_VX, i], p[P_VY, i], p[P_VZ, i], np.int32(p[P_REGION, i]), truth[i], rng.random() < numbers.in_time,
        cluster_f, cluster_cov, cluster_i, n,
    )  # fmt: skip


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
    rng, line, m, lines, fate, charged, integers, photons, photon_truth, found, factor, finding, klm, cumulative,
    numbers, regions, sigma, track_f, track_cov, track_i, impact, n_t, cluster_f, cluster_cov, cluster_i, n_c,
):  # fmt: skip
    """A charged particle with the photons that it radiated; m counts the tracks of the block: (m, tracks, clusters)."""
    i = lines[line, AT]
    for k in range(integers[FIRST_PHOTON, i], integers[FIRST_PHOTON, i] + integers[N_PHOTONS, i]):
        n_c = _write_photon(rng, k, photons, photon_truth, numbers, cluster_f, cluster_cov, cluster_i, n_c)
    is_found = lines[line, CODE] == 1
    n_c = _write_crystals(
        rng, i, is_found, charged, integers, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n_c
    )  # fmt: skip
    if is_found:
        n_t = _write_found(
            rng, m, integers[TRUTH, i], fate[integers[ROW, i]], i, charged[RADIATED, i], i, found, charged, factor,
            finding, klm, cumulative, track_f, track_cov, track_i, impact, n_t,
        )  # fmt: skip
        m += 1
    return m, n_t, n_c


@inlined_kernel
def _write_decay(
    rng, line, m, lines, fate, charged, integers, found, factor, finding, klm, cumulative,
    numbers, regions, sigma, track_f, track_cov, track_i, impact, n_t, cluster_f, cluster_cov, cluster_i, n_c,
):  # fmt: skip
    """A mother and its charged daughter, which takes over the way: (tracks of the block, tracks, clusters)."""
    i, code = lines[line, AT], lines[line, CODE]
    k = i + DAUGHTER
    if code == MOTHER or code == BOTH:
        n_t = _write_found(
            rng, m, integers[TRUTH, i], fate[integers[ROW, i]], i, 0.0, np.int64(-1), found, charged, factor,
            finding, klm, cumulative, track_f, track_cov, track_i, impact, n_t,
        )  # fmt: skip
        m += 1
    takes_over = code == MERGED or code == BOTH or code == ONLY_DAUGHTER
    n_c = _write_crystals(
        rng, k, takes_over, charged, integers, numbers, regions, sigma, cluster_f, cluster_cov, cluster_i, n_c
    )  # fmt: skip
    if takes_over:
        whose = lines[line, OWNER] if code == MERGED else np.int64(1)
        body = k if whose == 1 else i
        n_t = _write_found(
            rng, m, np.int64(-1) if whose < 0 else integers[TRUTH, body], fate[integers[ROW, body]], body, 0.0, k,
            found, charged, factor, finding, klm, cumulative, track_f, track_cov, track_i, impact, n_t,
        )  # fmt: skip
        m += 1
    return m, n_t, n_c
