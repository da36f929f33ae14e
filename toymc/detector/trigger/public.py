"""The level-1 trigger on reconstructed batches: bits and weights, efficiency of chosen lines, turn-on curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from toymc.detector.trigger.kernels import _probability_batch, _trigger_batch
from toymc.detector.trigger.tables import GROUP, TriggerTables
from toymc.errors import InputError
from toymc.events import Clusters, Reconstruction, Tracks
from toymc.geometry.trigger import GROUPS

if TYPE_CHECKING:
    from toymc.detector.tables import Detector

FloatArray = npt.NDArray[np.float64]


def _inputs(tracks: Tracks, clusters: Clusters) -> list[Any]:
    columns = [tracks.px, tracks.py, tracks.pz, tracks.omega, tracks.d0, tracks.z0, tracks.ecl_energy]
    return [
        np.ascontiguousarray(tracks.offsets, dtype=np.int64),
        *(np.ascontiguousarray(c, dtype=np.float64) for c in columns),
        np.ascontiguousarray(tracks.klm_layers, dtype=np.int32),
        np.ascontiguousarray(clusters.offsets, dtype=np.int64),
        *(np.ascontiguousarray(c, dtype=np.float64) for c in (clusters.energy, clusters.theta, clusters.phi)),
    ]


def fire_trigger(
    tables: TriggerTables, tracks: Tracks, clusters: Clusters, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint64], FloatArray]:
    """Trigger bits, drawn, and probability that an event is triggered.

    Parameters
    ----------
    tables : TriggerTables
    tracks, clusters : Tracks, Clusters
        Of the same events.
    rng : numpy.random.Generator

    Returns
    -------
    bits : uint64 (n_events,)
        Bit k is line k of the card.
    probability : float64 (n_events,)
        Of at least one line.
    """
    n = tracks.n_events
    if clusters.n_events != n:
        raise InputError(f"clusters of {clusters.n_events} events for tracks of {n}: give those of the same events")
    bits, probability = np.empty(n, dtype=np.uint64), np.empty(n)
    more: list[Any] = [*tables, bits, probability]
    _trigger_batch(rng, *_inputs(tracks, clusters), *more)
    return bits, probability


def line_probabilities(tables: TriggerTables, tracks: Tracks, clusters: Clusters) -> FloatArray:
    """Probability of every line for every event, float64 (n_events, n_lines)."""
    out = np.empty((tracks.n_events, len(tables.rows)))
    if clusters.n_events != tracks.n_events:
        raise InputError(
            f"clusters of {clusters.n_events} events for tracks of {tracks.n_events}: give those of the same events"
        )
    more: list[Any] = [*tables, out]
    _probability_batch(*_inputs(tracks, clusters), *more)
    return out


def _chosen(detector: "Detector", lines: Sequence[str] | None) -> list[int]:
    known = detector.trigger_lines
    if lines is None:
        return list(range(len(known)))
    if isinstance(lines, str) or not lines:
        raise InputError(f"trigger lines {lines!r}: give a sequence of names of {', '.join(known)}")
    for name in lines:
        if name not in known:
            raise InputError(f"unknown trigger line '{name}': card {detector.card.name} has {', '.join(known)}")
    return [known.index(name) for name in lines]


def trigger_efficiency(detector: "Detector", lines: Sequence[str] | None, reconstruction: Reconstruction) -> FloatArray:
    """Probability that at least one of some trigger lines fires, for each event.

    Parameters
    ----------
    detector : Detector
    lines : sequence of str, or None
        Names of the card; None: all, which gives `Reconstruction.trigger_weight`.
    reconstruction : Reconstruction
        Of this detector.

    Returns
    -------
    float64 (n_events,)
        Lines of one group (drift chamber, calorimeter, muon detector) are nested, groups independent.

    Raises
    ------
    InputError
        For an unknown line.

    Examples
    --------
    >>> from toymc.detector import build_detector, particle_batch, simulate
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> detector = build_detector(load_card("belle2"))
    >>> event = simulate(particle_batch([22], [[3.0, 0.0, 0.5]]), detector, stream(7, "doc", "simulate", 0))
    >>> bool(trigger_efficiency(detector, ["fyo", "stt"], event)[0] == 0.0)
    True
    """
    chosen = _chosen(detector, lines)
    table = line_probabilities(detector.trigger, reconstruction.tracks, reconstruction.clusters)
    missed = np.ones(reconstruction.n_events)
    for group in range(len(GROUPS)):
        members = [k for k in chosen if detector.trigger.rows[k, GROUP] == group]
        if members:
            missed *= 1.0 - table[:, members].max(axis=1)
    efficiency: FloatArray = 1.0 - missed
    return efficiency


def fired(detector: "Detector", lines: Sequence[str] | None, reconstruction: Reconstruction) -> npt.NDArray[np.bool_]:
    """Whether at least one of some lines fired, drawn: `trigger_efficiency` is its expectation.

    Parameters
    ----------
    detector : Detector
    lines : sequence of str, or None
    reconstruction : Reconstruction

    Returns
    -------
    bool (n_events,)
    """
    mask = np.uint64(0)
    for k in _chosen(detector, lines):
        mask |= np.uint64(1) << np.uint64(k)
    passed: npt.NDArray[np.bool_] = (reconstruction.trigger & mask) != 0
    return passed


def _probe(values: FloatArray, kind: str, theta: float) -> tuple[Tracks, Clusters]:
    """One object per event: a track of transverse momentum `values`, or a cluster of energy `values`."""
    n = len(values)
    none, rows = np.zeros(0), np.zeros(0, dtype=np.int32)
    offsets = np.arange(n + 1)
    empty = np.zeros(n + 1, dtype=np.int64)
    track = kind == "track"
    pt = values if track else none
    size = n if track else 0
    zero, zeros = np.zeros(size), np.zeros(size, dtype=np.int32)
    tracks = Tracks(
        offsets=offsets if track else empty, d0=zero, phi0=zero, omega=zero, z0=zero,
        tan_lambda=zero + 1.0 / np.tan(theta), cov=np.zeros((size, 15)), px=pt, py=zero, pz=pt / np.tan(theta),
        charge=zeros + 1, n_pxd=zeros, n_svd=zeros, n_cdc=zeros, truth=zeros, pid_uniform=np.zeros((size, 4)),
        brems_energy=zero, ecl_energy=zero, klm_region=zeros, klm_expected=zeros - 1, klm_layers=zeros - 1, fate=zeros,
    )  # fmt: skip
    energy = none if track else values
    integers = rows if track else np.zeros(n, dtype=np.int32)
    clusters = Clusters(
        offsets=empty if track else offsets, energy=energy, theta=energy * 0.0 + theta, phi=energy * 0.0,
        cov=np.zeros((len(energy), 3)), region=integers, truth=integers, in_time=integers, truth2=integers,
    )  # fmt: skip
    return tracks, clusters


def turn_on_curve(detector: "Detector", line: str, values: npt.ArrayLike, theta: float = 1.3) -> FloatArray:
    """Probability of a line for one object, over its transverse momentum or energy: the data of a turn-on plot.

    Parameters
    ----------
    detector : Detector
    line : str
        A line that one object can fire: stt over the transverse momentum of a track; hie, lml1, lml2, lml4, lml6, lml7,
        lml13 (Belle: e_high) over the energy of a cluster.
    values : float64 (n,)
        GeV: transverse momentum, or energy in the lab.
    theta : float
        Polar angle of the object, rad.

    Returns
    -------
    float64 (n,)

    Raises
    ------
    InputError
        For an unknown line or values that are negative or not finite.

    Examples
    --------
    >>> from toymc.detector import build_detector
    >>> from toymc.geometry import load_card
    >>> turn_on_curve(build_detector(load_card("belle2")), "hie", [0.7, 0.95, 1.3]).round(3)
    array([0.   , 0.158, 0.995])
    """
    k = _chosen(detector, [line])[0]
    x = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if x.ndim != 1 or not np.all(np.isfinite(x) & (x >= 0.0)) or not 0.0 < theta < np.pi:
        raise InputError("turn-on curve: give values of 0 or more in GeV and a polar angle between 0 and pi")
    kind = "track" if detector.card.trigger.lines[k].group == "cdc" else "cluster"
    curve: FloatArray = line_probabilities(detector.trigger, *_probe(x, kind, theta))[:, k]
    return curve
