"""From truth to reconstruction: transport through the material, then one pass over what leaves signals."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.detector.stage.block import _simulate
from toymc.detector.stage.spurious import MAX_FAKES
from toymc.detector.tables import Detector
from toymc.detector.transport import transport
from toymc.detector.trigger import fire_trigger
from toymc.events import Clusters, EventBatch, KlmClusters, Reconstruction, Tracks
from toymc.kernels import kernel

# rows of the output blocks; the columns of `toymc.events.Tracks` in the order that they are written
TRACK_FLOATS = ("d0", "phi0", "omega", "z0", "tan_lambda", "px", "py", "pz", "brems_energy", "ecl_energy")
TRACK_INTEGERS = (
    "charge", "n_pxd", "n_svd", "n_cdc", "truth", "klm_region", "klm_expected", "klm_layers", "fate",
)  # fmt: skip
CLUSTER_FLOATS = ("energy", "theta", "phi")
CLUSTER_INTEGERS = ("region", "truth", "in_time", "truth2")
KLM_FLOATS, KLM_INTEGERS = ("theta", "phi"), ("layers", "truth")
# rows of the float block of clusters behind the columns: unit vectors, for the merging
_SCRATCH_ROWS = 3
_TRUTH = ("offsets", "pdg", "status", "mother", "px", "py", "pz", "mass", "x", "y", "z")
_ROOM = 64
"""Rows beyond what particles can need, for background and fakes."""


@kernel
def _capacity(pdg, status):
    """Charged particles, room for clusters, and neutral hadrons.

    A charged particle leaves a cluster, electrons 0.5 photons and hadrons 0.2 split-offs on average: with twice that
    the sums of a batch, and `_ROOM` for the small ones, are out of reach of chance. Room is paid for: the operating
    system fills every page with zeros.
    """
    electrons, others, photons, neutral = 0, 0, 0, 0
    for j in range(len(pdg)):
        code = abs(pdg[j]) if status[j] != 3 else 0
        electrons += code == 11
        others += (code == 13) | (code == 211) | (code == 321) | (code == 2212)
        photons += code == 22
        neutral += (code == 130) | (code == 310) | (code == 2112) | (code == 3122) | (code == 3212) | (code == 3322)
    return electrons + others, 3 * electrons + 2 * (others + neutral) + photons, neutral


def _blocks(floats: int, integers: int, rows: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    return np.empty((floats, rows)), np.empty((integers, rows), dtype=np.int32)


def simulate(batch: EventBatch, detector: Detector, rng: np.random.Generator) -> Reconstruction:
    """Send truth events through the detector.

    `transport` follows every particle to the front of the calorimeter: decays in flight, conversions, hadronic
    interactions make secondaries and fates. Charged particles (e, mu, pi, K, p) then become tracks with the covariance
    of the layers they cross, electrons radiate, photons and neutral hadrons become clusters, muons reach the KLM.

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
        Its `truth` holds the batch with the secondaries behind the rows of each event; `weight`, `event_id`, `process`
        are carried over.

    Examples
    --------
    >>> from toymc.detector import build_detector, particle_batch
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> batch = particle_batch([211, 22], [[1.0, 0.0, 0.2], [0.0, 1.5, 0.1]])
    >>> simulate(batch, build_detector(load_card("belle2")), stream(3, "doc", "simulate", 0)).n_events
    2
    """
    seen = transport(batch, detector.transport, rng)
    truth, n = seen.batch, batch.n_events
    tracks, clusters, neutral = _capacity(truth.pdg, truth.status)
    tracks *= 2 if detector.finding.spurious.clone_rate > 0.0 else 1
    tracks += _ROOM + (MAX_FAKES * n if detector.finding.spurious.fake_mean > 0.0 else 0)
    background = detector.calorimeter.numbers.background_mean * n
    clusters += _ROOM + int(background + 6.0 * math.sqrt(background))
    offsets = [np.empty(n + 1, dtype=np.int64) for _ in range(3)]
    track_f, track_i = _blocks(len(TRACK_FLOATS), len(TRACK_INTEGERS), tracks)
    cluster_f, cluster_i = _blocks(len(CLUSTER_FLOATS) + _SCRATCH_ROWS, len(CLUSTER_INTEGERS), clusters)
    klm_f, klm_i = _blocks(len(KLM_FLOATS), len(KLM_INTEGERS), neutral)
    track_cov, cluster_cov = np.empty((tracks, 15)), np.empty((clusters, 3))
    fate = seen.fate.copy()
    inputs: list[Any] = [np.ascontiguousarray(getattr(truth, name)) for name in _TRUTH]
    inputs += [fate, seen.end_arc, np.zeros(truth.n_particles, dtype=np.uint8), detector.field]
    inputs += [detector.fit.numbers, detector.fit.response, detector.covariance, detector.finding]
    inputs += [detector.calorimeter, detector.klm]
    outputs: list[Any] = [offsets[0], track_f, track_cov, track_i]
    outputs += [offsets[1], cluster_f, cluster_cov, cluster_i, offsets[2], klm_f, klm_i]
    n_t, n_c, n_k = _simulate(rng, *inputs, *outputs)
    columns: dict[str, Any] = {name: track_f[k, :n_t] for k, name in enumerate(TRACK_FLOATS)}
    columns |= {name: track_i[k, :n_t] for k, name in enumerate(TRACK_INTEGERS)}
    found = Tracks(offsets=offsets[0], cov=track_cov[:n_t], pid_uniform=rng.random((n_t, 4)), **columns)
    columns = {name: cluster_f[k, :n_c] for k, name in enumerate(CLUSTER_FLOATS)}
    columns |= {name: cluster_i[k, :n_c] for k, name in enumerate(CLUSTER_INTEGERS)}
    showers = Clusters(offsets=offsets[1], cov=cluster_cov[:n_c], **columns)
    columns = {name: klm_f[k, :n_k] for k, name in enumerate(KLM_FLOATS)}
    columns |= {name: klm_i[k, :n_k] for k, name in enumerate(KLM_INTEGERS)}
    bits, probability = fire_trigger(detector.trigger, found, showers, rng)
    return Reconstruction(
        tracks=found,
        clusters=showers,
        klm=KlmClusters(offsets=offsets[2], **columns),
        truth=truth,
        fate=fate,
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
