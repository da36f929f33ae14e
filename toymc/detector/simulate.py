"""From truth to reconstruction: one pass over a batch."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.detector.photons import _photon
from toymc.detector.tables import Detector
from toymc.detector.tracks import MAX_BREMS, _charged
from toymc.detector.trigger import _trigger
from toymc.events import Clusters, EventBatch, Reconstruction, Tracks
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]


class _TrackColumns(NamedTuple):
    d0: FloatArray
    phi0: FloatArray
    omega: FloatArray
    z0: FloatArray
    tan_lambda: FloatArray
    cov: FloatArray
    px: FloatArray
    py: FloatArray
    pz: FloatArray
    charge: Int32Array
    n_pxd: Int32Array
    n_svd: Int32Array
    n_cdc: Int32Array
    truth: Int32Array
    pid_uniform: FloatArray
    brems_energy: FloatArray


class _ClusterColumns(NamedTuple):
    energy: FloatArray
    theta: FloatArray
    phi: FloatArray
    cov: FloatArray
    region: Int32Array
    truth: Int32Array
    in_time: Int32Array


class _Truth(NamedTuple):
    offsets: npt.NDArray[np.int64]
    pdg: Int32Array
    status: Int32Array
    px: FloatArray
    py: FloatArray
    pz: FloatArray
    mass: FloatArray
    x: FloatArray
    y: FloatArray
    z: FloatArray


_WIDTH = {"cov": {_TrackColumns: 15, _ClusterColumns: 3}, "pid_uniform": {_TrackColumns: 4}}
_INTEGERS = frozenset({"charge", "n_pxd", "n_svd", "n_cdc", "truth", "region", "in_time"})


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
def _simulate(truth, tables, rng, out_t, track_offsets, deposit, track_cluster, out_c, cluster_offsets):
    """Fill tracks and clusters of every event; `deposit` is what each track leaves in the calorimeter."""
    n_t = 0
    n_c = 0
    buffers = (np.empty((MAX_BREMS, 3)), np.empty(9))
    for i in range(len(truth.offsets) - 1):
        track_offsets[i] = n_t
        cluster_offsets[i] = n_c
        first = truth.offsets[i]
        for j in range(first, truth.offsets[i + 1]):
            if truth.status[j] != 1:
                continue
            species = _species(truth.pdg[j])
            if species < 0:
                continue
            px, py, pz = truth.px[j], truth.py[j], truth.pz[j]
            x, y, z = truth.x[j], truth.y[j], truth.z[j]
            if species == 5:
                energy = np.sqrt(px * px + py * py + pz * pz)
                if energy > 0.0:
                    n_c = _photon(
                        rng, energy, x, y, z, px / energy, py / energy, pz / energy, j - first, *tables, out_c, n_c
                    )
                continue
            # leptons with positive code are negative, hadrons with positive code positive
            positive = (truth.pdg[j] > 0) == (species >= 2)
            charge = 1.0 if positive else -1.0
            before = n_t
            n_t, n_c = _charged(
                rng, species, charge, px, py, pz, truth.mass[j], x, y, z, j - first, tables, buffers,
                out_t, n_t, out_c, n_c,
            )  # fmt: skip
            if n_t > before:
                pt = np.sqrt(out_t.px[before] ** 2 + out_t.py[before] ** 2)
                deposit[before] = 0.0
                if pt > track_cluster[1]:
                    momentum = np.sqrt(pt * pt + out_t.pz[before] ** 2)
                    deposit[before] = momentum if species == 0 else track_cluster[0]
    track_offsets[-1] = n_t
    cluster_offsets[-1] = n_c
    return n_t, n_c


def _empty(kind: type, n: int) -> dict[str, npt.NDArray[np.generic]]:
    columns: dict[str, npt.NDArray[np.generic]] = {}
    for name in kind._fields:  # type: ignore[attr-defined]
        width = _WIDTH.get(name, {}).get(kind)
        shape = (n,) if width is None else (n, width)
        columns[name] = np.empty(shape, dtype=np.int32 if name in _INTEGERS else np.float64)
    return columns


def simulate(batch: EventBatch, detector: Detector, rng: np.random.Generator) -> Reconstruction:
    """Send truth events through the detector.

    Final charged particles (e, mu, pi, K, p) become tracks and photons become clusters; clusters of charged tracks are
    taken as matched to them and are not listed. Neutral hadrons, decays in flight of stable particles and conversions
    that are reconstructed as tracks are not simulated: a photon that converts in front of or inside the tracker is lost.

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
    columns_t = _empty(_TrackColumns, capacity_t)
    columns_c = _empty(_ClusterColumns, capacity_c)
    track_offsets = np.empty(n + 1, dtype=np.int64)
    cluster_offsets = np.empty(n + 1, dtype=np.int64)
    deposit = np.empty(capacity_t)
    truth = _Truth(*(np.ascontiguousarray(getattr(batch, name)) for name in _Truth._fields))
    trigger = detector.trigger
    n_t, n_c = _simulate(
        truth,
        (detector.tracks, detector.clusters),
        rng,
        _TrackColumns(**columns_t),  # type: ignore[arg-type]
        track_offsets,
        deposit,
        (trigger.track_energy, trigger.track_pt_min),
        _ClusterColumns(**columns_c),  # type: ignore[arg-type]
        cluster_offsets,
    )
    tracks = Tracks(offsets=track_offsets, **{name: column[:n_t] for name, column in columns_t.items()})  # type: ignore[arg-type]
    clusters = Clusters(offsets=cluster_offsets, **{name: column[:n_c] for name, column in columns_c.items()})  # type: ignore[arg-type]
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
