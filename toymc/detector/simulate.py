"""From truth to reconstruction: one pass over a batch."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.detector.helix import _to_helix
from toymc.detector.photons import _depth_row, _photon
from toymc.detector.tables import Detector
from toymc.detector.tracks import (
    MAX_BREMS,
    _accepted,
    _efficiency,
    _emission_point,
    _fit_shift,
    _interpolate,
    _radiate,
    _separate,
    _smear,
    _store,
    _store_hits,
)
from toymc.detector.trigger import _trigger
from toymc.events import Clusters, EventBatch, KlmClusters, Reconstruction, Tracks
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]


# rows of the output blocks of the kernel
_TRACK_FLOATS = ("d0", "phi0", "omega", "z0", "tan_lambda", "px", "py", "pz", "brems_energy")
_TRACK_INTEGERS = ("charge", "n_pxd", "n_svd", "n_cdc", "truth")
_CLUSTER_FLOATS = ("energy", "theta", "phi")
_CLUSTER_INTEGERS = ("region", "truth", "in_time")
_TRUTH = ("offsets", "pdg", "status", "px", "py", "pz", "mass", "x", "y", "z")


@kernel
def _species(pdg):
    """0..4 for e, mu, pi, K, p; 5 for a photon; -1 for what the tracker and the calorimeter do not see here."""
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


@kernel
def _capacity(pdg, status):
    """Upper bounds of the numbers of tracks and clusters."""
    tracks = 0
    clusters = 0
    for j in range(len(pdg)):
        if status[j] == 1:
            s = _species(pdg[j])
            if s == 5:
                clusters += 1
            elif s >= 0:
                tracks += 1
                if s == 0:
                    clusters += MAX_BREMS
    return tracks, clusters


@kernel
def _simulate(
    rng, offsets, pdg, status, px, py, pz, mass, x, y, z,
    tn, resolution, response, depth, hits, efficiency, displaced,
    cn, regions, sigma, outer, mip_energy, mip_pt,
    track_offsets, track_f, track_cov, track_pid, track_i, deposit,
    cluster_offsets, cluster_f, cluster_cov, cluster_i,
):  # fmt: skip
    """Fill tracks and clusters of every event; `deposit` is what each track leaves in the calorimeter."""
    # typed zeros: a literal 0 would make numba compile every callee twice
    n_t = np.int64(0)
    n_c = np.int64(0)
    emitted = np.empty((MAX_BREMS, 3))
    v = np.empty(9)
    for i in range(len(offsets) - 1):
        track_offsets[i] = n_t
        cluster_offsets[i] = n_c
        for j in range(offsets[i], offsets[i + 1]):
            species = _species(pdg[j]) if status[j] == 1 else -1
            if species < 0:
                continue
            p = math.sqrt(px[j] * px[j] + py[j] * py[j] + pz[j] * pz[j])
            if species == 5:
                if p > 0.0:
                    n_c = _photon(
                        rng, p, x[j], y[j], z[j], px[j] / p, py[j] / p, pz[j] / p, j - offsets[i],
                        tn, depth, cn, regions, sigma, outer, cluster_f, cluster_cov, cluster_i, n_c,
                    )  # fmt: skip
                continue
            pt = math.sqrt(px[j] * px[j] + py[j] * py[j])
            tangent = pz[j] / pt if pt > 0.0 else math.inf
            if not _accepted(pt, tangent, tn):
                continue
            rho = math.sqrt(x[j] * x[j] + y[j] * y[j])
            # leptons with positive code are negative, hadrons with positive code positive
            charge = 1.0 if (pdg[j] > 0) == (species >= 2) else -1.0
            d0, phi0, omega, z0, tangent = _to_helix(x[j], y[j], z[j], px[j], py[j], pz[j], charge, tn.field)
            radiated = 0.0
            if species == 0:
                n = _radiate(rng, p, tangent, rho, tn, depth, emitted)
                if n > 0:
                    radiated = p - emitted[n - 1, 2]
                    shift = _fit_shift(p, tangent, omega, emitted, n, tn, response)
                    for m in range(_separate(p, tangent, omega, emitted, n, cn)):
                        at = _emission_point(px[j], py[j], pz[j], omega, x[j], y[j], z[j], emitted[m, 0])
                        n_c = _photon(
                            rng, emitted[m, 1], at[0], at[1], at[2], at[3], at[4], at[5], j - offsets[i],
                            tn, depth, cn, regions, sigma, outer, cluster_f, cluster_cov, cluster_i, n_c,
                        )  # fmt: skip
                    d0 += shift[0]
                    phi0 += shift[1]
                    pt *= omega / (omega + shift[2])
                    omega += shift[2]
            if not (_accepted(pt, tangent, tn) and rng.random() < _efficiency(pt, tangent, rho, efficiency, displaced)):
                continue
            _interpolate(p * p / math.sqrt(p * p + mass[j] * mass[j]), tangent, tn, resolution, v)
            _store_hits(_depth_row(tangent, tn, depth), rho, omega, tn.hits_r_step, hits, track_i, n_t)
            d0, phi0, omega, z0, tangent = _smear(rng, d0, phi0, omega, z0, tangent, v, track_cov, n_t)
            _store(
                rng, tn.field, d0, phi0, omega, z0, tangent, radiated, j - offsets[i],
                track_f, track_pid, track_i, n_t,
            )  # fmt: skip
            deposit[n_t] = (p if species == 0 else mip_energy) if pt > mip_pt else 0.0
            n_t += 1
    track_offsets[-1] = n_t
    cluster_offsets[-1] = n_c
    return n_t, n_c


def simulate(batch: EventBatch, detector: Detector, rng: np.random.Generator) -> Reconstruction:
    """Send truth events through the detector.

    Final charged particles (e, mu, pi, K, p) become tracks and photons become clusters; clusters of charged tracks are
    taken as matched to them and are not listed. Neutral hadrons, decays in flight and conversions that
    are reconstructed as tracks are not simulated: a photon that converts in front of or inside the tracker is lost.

    Parameters
    ----------
    batch : EventBatch
        GeV, cm, lab frame.
    detector : Detector
        From `build_detector`.
    rng : numpy.random.Generator
        Stream of the stage "simulate" of this chunk.

    Returns
    -------
    Reconstruction
        Tracks and clusters in the order of the truth particles; `weight`, `event_id`, `process` carried over.

    Examples
    --------
    >>> from toymc.detector import build_detector, particle_batch
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> batch = particle_batch([211, 22], [[1.0, 0.0, 0.2], [0.0, 1.5, 0.1]])
    >>> simulate(batch, build_detector(load_card("belle2")), stream(3, "doc", "simulate", 0)).n_events
    2
    """
    n = batch.n_events
    capacity_t, capacity_c = _capacity(batch.pdg, batch.status)
    track_offsets, cluster_offsets = np.empty(n + 1, dtype=np.int64), np.empty(n + 1, dtype=np.int64)
    track_f, cluster_f = np.empty((len(_TRACK_FLOATS), capacity_t)), np.empty((len(_CLUSTER_FLOATS), capacity_c))
    track_i = np.empty((len(_TRACK_INTEGERS), capacity_t), dtype=np.int32)
    cluster_i = np.empty((len(_CLUSTER_INTEGERS), capacity_c), dtype=np.int32)
    track_cov, track_pid, deposit = np.empty((capacity_t, 15)), np.empty((capacity_t, 4)), np.empty(capacity_t)
    cluster_cov = np.empty((capacity_c, 3))
    trigger = detector.trigger
    inputs: list[Any] = [np.ascontiguousarray(getattr(batch, name)) for name in _TRUTH]
    inputs += [*detector.tracks, *detector.clusters, trigger.track_energy, trigger.track_pt_min]
    outputs: list[Any] = [track_offsets, track_f, track_cov, track_pid, track_i, deposit]
    outputs += [cluster_offsets, cluster_f, cluster_cov, cluster_i]
    n_t, n_c = _simulate(rng, *inputs, *outputs)
    columns_t: dict[str, Any] = {name: track_f[k, :n_t] for k, name in enumerate(_TRACK_FLOATS)}
    columns_t |= {name: track_i[k, :n_t] for k, name in enumerate(_TRACK_INTEGERS)}
    columns_c: dict[str, Any] = {name: cluster_f[k, :n_c] for k, name in enumerate(_CLUSTER_FLOATS)}
    columns_c |= {name: cluster_i[k, :n_c] for k, name in enumerate(_CLUSTER_INTEGERS)}
    columns_t["ecl_energy"] = deposit[:n_t]
    columns_t |= {name: np.full(n_t, -1, np.int32) for name in ("klm_region", "klm_expected", "klm_layers", "fate")}
    columns_c["truth2"] = np.full(n_c, -1, np.int32)
    none, rows = np.empty(0), np.empty(0, np.int32)
    klm = KlmClusters(offsets=np.zeros(n + 1, np.int64), theta=none, phi=none, layers=rows, truth=rows)
    tracks = Tracks(offsets=track_offsets, cov=track_cov[:n_t], pid_uniform=track_pid[:n_t], **columns_t)
    clusters = Clusters(offsets=cluster_offsets, cov=cluster_cov[:n_c], **columns_c)
    bits = np.empty(n, dtype=np.uint64)
    probability = np.empty(n)
    pt = np.hypot(tracks.px, tracks.py)
    _trigger(
        trigger.rows, track_offsets, tracks.phi0, tracks.tan_lambda, pt, deposit, cluster_offsets, clusters.energy,
        rng, bits, probability,
    )  # fmt: skip
    return Reconstruction(
        tracks=tracks,
        clusters=clusters,
        klm=klm,
        truth=batch,
        fate=np.zeros(batch.n_particles, np.int32),
        n_generated=batch.counts.astype(np.int32),
        trigger=bits,
        trigger_weight=probability,
        weight=batch.weight,
        event_id=batch.event_id,
        process=batch.process,
    )


def particle_batch(
    pdg: npt.ArrayLike, momentum: npt.ArrayLike, vertex: npt.ArrayLike | None = None, process: str = "particles"
) -> EventBatch:
    """One particle per event: to probe the detector.

    Parameters
    ----------
    pdg : int (n,)
    momentum : float64 (n, 3)
        GeV, lab frame.
    vertex : float64 (n, 3), optional
        Production point in cm; the origin if left out.
    process : str
        Name given to the batch.

    Returns
    -------
    EventBatch

    Examples
    --------
    >>> particle_batch([13, -13], [[1, 0, 0], [0, 1, 0]]).n_events
    2
    """
    from toymc.constants import mass

    codes = np.ascontiguousarray(pdg, dtype=np.int32)
    p = np.asarray(momentum, dtype=np.float64).reshape(len(codes), 3)
    v = np.zeros_like(p) if vertex is None else np.asarray(vertex, dtype=np.float64).reshape(len(codes), 3)
    masses = np.empty(len(codes))
    for code in np.unique(codes):
        masses[codes == code] = mass(int(code))
    n = len(codes)
    x, y, z = (np.ascontiguousarray(c) for c in v.T)
    px, py, pz = (np.ascontiguousarray(c) for c in p.T)
    return EventBatch(
        offsets=np.arange(n + 1), pdg=codes, status=np.ones(n, np.int32), mother=np.full(n, -1, np.int32),
        px=px, py=py, pz=pz, mass=masses, x=x, y=y, z=z, t=np.zeros(n), helicity=np.zeros(n),
        weight=np.ones(n), event_id=np.arange(n), process=process,
    )  # fmt: skip
