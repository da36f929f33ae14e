"""The event record: structure of arrays, in batches that stay in the cache.

Truth is an `EventBatch`: flat particle columns and `offsets` that cut them into events. What the detector makes of it
is a `Reconstruction` of `Tracks` and `Clusters` with the same layout. Units: GeV, cm, ns, radian; lab frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]

STATUS_FINAL = 1
STATUS_DECAYED = 2
STATUS_DOCUMENTATION = 3

# what became of a particle, see `Reconstruction.fate`
FATE_NONE = 0
FATE_DECAYED_PIPE = 1
FATE_DECAYED_VXD = 2
FATE_DECAYED_CDC = 3
FATE_DECAYED_OUTSIDE = 4
FATE_CONVERTED = 5
FATE_INTERACTED = 6
FATE_REACHED_ECL = 7
FATE_REACHED_KLM = 8
FATE_ESCAPED = 9
FATE_STOPPED = 10


class _Jagged:
    """What every table with `offsets` shares: rows of event i are offsets[i]:offsets[i+1]."""

    offsets: IntArray

    @classmethod
    def _columns(cls) -> tuple[str, ...]:
        """Names of the per-row columns, in declaration order."""
        return tuple(f.name for f in fields(cls) if f.name not in _NOT_ROWS)  # type: ignore[arg-type]

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> IntArray:
        """Rows per event, shape (n_events,)."""
        return np.diff(self.offsets)

    @property
    def event_index(self) -> IntArray:
        """Index of the event of each row, shape (n_rows,)."""
        return np.repeat(np.arange(self.n_events), self.counts)

    def _rows(self, lo: int, hi: int) -> dict[str, Any]:
        first, last = self.offsets[lo], self.offsets[hi]
        rows: dict[str, Any] = {name: getattr(self, name)[first:last] for name in self._columns()}
        rows["offsets"] = self.offsets[lo : hi + 1] - first
        return rows

    def _selected_rows(self, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
        keep = np.repeat(mask, self.counts)
        rows: dict[str, Any] = {name: getattr(self, name)[keep] for name in self._columns()}
        rows["offsets"] = np.concatenate(([0], np.cumsum(self.counts[mask])))
        return rows

    def _check_rows(self) -> None:
        if self.offsets[0] != 0 or np.any(np.diff(self.offsets) < 0):
            raise InputError(f"{type(self).__name__}: offsets must start at 0 and never fall")
        for name in self._columns():
            if len(getattr(self, name)) != self.offsets[-1]:
                raise InputError(
                    f"{type(self).__name__}: column '{name}' has {len(getattr(self, name))} rows, "
                    f"offsets say {self.offsets[-1]}"
                )


class _Table(_Jagged):
    """A table of reconstructed objects."""

    def select(self, mask: npt.NDArray[np.bool_]) -> Self:
        """Events where `mask` (bool, one per event) is true, copied."""
        _check_mask(mask, self.n_events)
        return replace(self, **self._selected_rows(mask))  # type: ignore[type-var]


_NOT_ROWS = frozenset({"offsets", "weight", "event_id", "process"})


def _check_mask(mask: npt.NDArray[np.bool_], n_events: int) -> None:
    if mask.dtype != np.bool_ or mask.shape != (n_events,):
        raise InputError(f"mask has shape {mask.shape} and type {mask.dtype}: give {n_events} booleans, one per event")


@dataclass(frozen=True)
class EventBatch(_Jagged):
    """Truth particles of a batch of events, lab frame.

    Attributes
    ----------
    offsets : int64 (n_events + 1,)
        Rows of event i are ``offsets[i]:offsets[i+1]``.
    pdg, status, mother : int32 (n_particles,)
        PDG code; status 1 final, 2 decayed, 3 documentation; row of the mother inside the event, -1 for none.
    px, py, pz, mass : float64 (n_particles,)
        GeV. `mass` is the particle's own (a resonance carries its sampled mass); `energy` follows from it.
    x, y, z, t : float64 (n_particles,)
        Production vertex in cm and ns.
    helicity : float64 (n_particles,)
        Twice the helicity where it is defined and known, else 0.
    weight : float64 (n_events,)
    event_id : int64 (n_events,)
        Global, unique in a dataset.
    process : str
    """

    offsets: IntArray
    pdg: Int32Array
    status: Int32Array
    mother: Int32Array
    px: FloatArray
    py: FloatArray
    pz: FloatArray
    mass: FloatArray
    x: FloatArray
    y: FloatArray
    z: FloatArray
    t: FloatArray
    helicity: FloatArray
    weight: FloatArray
    event_id: IntArray
    process: str = ""

    @property
    def n_particles(self) -> int:
        """Number of particle rows in the batch."""
        return len(self.pdg)

    @property
    def energy(self) -> FloatArray:
        """Energy of every particle in GeV, shape (n_particles,)."""
        energy: FloatArray = np.sqrt(self.px**2 + self.py**2 + self.pz**2 + self.mass**2)
        return energy

    def slice(self, lo: int, hi: int) -> Self:
        """Events lo..hi-1 as views."""
        return replace(self, **self._rows(lo, hi), weight=self.weight[lo:hi], event_id=self.event_id[lo:hi])

    def select(self, mask: npt.NDArray[np.bool_]) -> Self:
        """Events where `mask` (bool, one per event) is true, copied."""
        _check_mask(mask, self.n_events)
        return replace(
            self, **self._selected_rows(mask), weight=self.weight[mask], event_id=self.event_id[mask]
        )

    @classmethod
    def concatenate(cls, batches: Sequence["EventBatch"]) -> "EventBatch":
        """Join batches in order; the process name is that of the first.

        Raises
        ------
        InputError
            If there is nothing to join.
        """
        if not batches:
            raise InputError("no batches to concatenate: give at least one EventBatch")
        rows = {name: np.concatenate([getattr(b, name) for b in batches]) for name in cls._columns()}
        counts = np.concatenate([b.counts for b in batches])
        return cls(
            offsets=np.concatenate(([0], np.cumsum(counts))),
            **rows,
            weight=np.concatenate([b.weight for b in batches]),
            event_id=np.concatenate([b.event_id for b in batches]),
            process=batches[0].process,
        )

    def validate(self) -> None:
        """Raise `InputError` if lengths, mothers or numbers are inconsistent."""
        self._check_rows()
        if len(self.weight) != self.n_events or len(self.event_id) != self.n_events:
            raise InputError(f"EventBatch: weight and event_id need {self.n_events} entries")
        size = np.repeat(self.counts, self.counts)
        if np.any(self.mother < -1) or np.any(self.mother >= size):
            raise InputError("EventBatch: a mother points outside its event")
        for name in ("px", "py", "pz", "mass", "x", "y", "z", "t"):
            if not np.all(np.isfinite(getattr(self, name))):
                raise InputError(f"EventBatch: column '{name}' has entries that are not finite")

    def to_awkward(self) -> Any:
        """Jagged `awkward` records with `vector` behaviour, sharing memory with the batch.

        Returns
        -------
        awkward.Array
            ``n_events * var * {pdg, status, mother, helicity, p4, vertex}``: `p4` is a Momentum4D
            (px, py, pz, mass), `vertex` a Vector4D (x, y, z, t). Two records, because to `vector` px and x are one.
        """
        import awkward as ak
        import vector

        vector.register_awkward()

        def record(names: Sequence[str], behaviour: str | None = None) -> Any:
            parameters = {"__record__": behaviour} if behaviour else None
            columns = [ak.contents.NumpyArray(getattr(self, name)) for name in names]
            return ak.contents.RecordArray(columns, list(names), parameters=parameters)

        plain = ("pdg", "status", "mother", "helicity")
        rows = ak.contents.RecordArray(
            [
                *(ak.contents.NumpyArray(getattr(self, name)) for name in plain),
                record(("px", "py", "pz", "mass"), "Momentum4D"),
                record(("x", "y", "z", "t"), "Vector4D"),
            ],
            [*plain, "p4", "vertex"],
        )
        return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(self.offsets), rows))


@dataclass(frozen=True)
class Tracks(_Table):
    """Reconstructed charged tracks: Belle II helix at the point of closest approach to the origin.

    Attributes
    ----------
    d0, phi0, omega, z0, tan_lambda : float64 (n_tracks,)
        cm, rad, 1/cm, cm, 1, in Belle II's order and sign.
    cov : float64 (n_tracks, 15)
        Upper triangle, row by row, of the 5x5 covariance in that order.
    px, py, pz : float64 (n_tracks,)
        Momentum at the point of closest approach, GeV, lab.
    charge, n_pxd, n_svd, n_cdc, truth : int32 (n_tracks,)
        Charge, hit counts, row of the true particle inside its event.
    pid_uniform : float64 (n_tracks, 4)
        The draws that decide e, mu, K, p identification: a tighter working point is a subset of a looser one.
    brems_energy : float64 (n_tracks,)
        Energy that an electron radiated in the material in front of or inside the tracker, GeV (truth).
    ecl_energy : float64 (n_tracks,)
        Energy of the calorimeter cluster matched to the track, GeV; 0 for none.
    klm_region, klm_expected, klm_layers : int32 (n_tracks,)
        Where a muon with this momentum would end (0 outside the KLM, 1 barrel stop, 2 endcap stop, 3 barrel exit,
        4 endcap exit), the last layer it would reach and the last layer that was hit; -1 for none.
    fate : int32 (n_tracks,)
        Fate of the true particle, as in `Reconstruction.fate`.
    """

    offsets: IntArray
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
    ecl_energy: FloatArray
    klm_region: Int32Array
    klm_expected: Int32Array
    klm_layers: Int32Array
    fate: Int32Array


@dataclass(frozen=True)
class Clusters(_Table):
    """Neutral calorimeter clusters.

    Attributes
    ----------
    energy, theta, phi : float64 (n_clusters,)
        GeV, rad, rad; lab, seen from the origin.
    cov : float64 (n_clusters, 3)
        sigma_E^2, sigma_theta^2, sigma_phi^2.
    region : int32 (n_clusters,)
        1 forward, 2 barrel, 3 backward, as basf2's `clusterReg`.
    truth : int32 (n_clusters,)
        Row of the true particle inside its event, -1 for none.
    in_time : int32 (n_clusters,)
        1 if the cluster time agrees with the event's.
    truth2 : int32 (n_clusters,)
        Row of a second particle whose shower was merged into this cluster, -1 for none.
    """

    offsets: IntArray
    energy: FloatArray
    theta: FloatArray
    phi: FloatArray
    cov: FloatArray
    region: Int32Array
    truth: Int32Array
    in_time: Int32Array
    truth2: Int32Array


@dataclass(frozen=True)
class KlmClusters(_Table):
    """Neutral clusters of the muon and K_L detector.

    Attributes
    ----------
    theta, phi : float64 (n_clusters,)
        Direction from the origin, rad, lab.
    layers : int32 (n_clusters,)
        Layers hit.
    truth : int32 (n_clusters,)
        Row of the true particle inside its event, -1 for none.
    """

    offsets: IntArray
    theta: FloatArray
    phi: FloatArray
    layers: Int32Array
    truth: Int32Array


@dataclass(frozen=True)
class V0s(_Table):
    """Pairs of tracks with a fitted common vertex: K_S, Lambda, anti-Lambda, converted photons.

    Attributes
    ----------
    kind : int32 (n_v0,)
        PDG code of the hypothesis: 310, 3122, -3122 or 22.
    plus, minus : int32 (n_v0,)
        Rows of the positive and the negative track inside the event's tracks.
    x, y, z : float64 (n_v0,)
        Vertex, cm.
    cov : float64 (n_v0, 6)
        xx, xy, xz, yy, yz, zz of the vertex, cm^2.
    px, py, pz, mass, mass_error : float64 (n_v0,)
        GeV, at the vertex.
    chi2 : float64 (n_v0,)
        Of the vertex fit, one degree of freedom.
    """

    offsets: IntArray
    kind: Int32Array
    plus: Int32Array
    minus: Int32Array
    x: FloatArray
    y: FloatArray
    z: FloatArray
    cov: FloatArray
    px: FloatArray
    py: FloatArray
    pz: FloatArray
    mass: FloatArray
    mass_error: FloatArray
    chi2: FloatArray


@dataclass(frozen=True)
class Reconstruction:
    """What the detector makes of a batch.

    Attributes
    ----------
    tracks : Tracks
    clusters : Clusters
    klm : KlmClusters
    truth : EventBatch
        The particles as the detector saw them: the rows of the generator first in each event and in their order, then
        what was made in the material and in flight; status 2 for what decayed, converted or interacted.
    fate : int32 (n_particles of `truth`,)
        FATE_* code: where it decayed (beam pipe, VXD, CDC, outside the tracker), converted, interacted, reached the
        ECL or the KLM, escaped, stopped; 0 for documentation and what the generator let decay.
    n_generated : int32 (n_events,)
        Rows of `truth` in each event that come from the generator; the rows behind them were made by the detector.
    trigger : uint64 (n_events,)
        Bits of the trigger lines in the order of the card.
    trigger_weight, weight : float64 (n_events,)
        Probability that the event is triggered; weight of the generator.
    event_id : int64 (n_events,)
    process : str
    """

    tracks: Tracks
    clusters: Clusters
    klm: KlmClusters
    truth: EventBatch
    fate: Int32Array
    n_generated: Int32Array
    trigger: npt.NDArray[np.uint64]
    trigger_weight: FloatArray
    weight: FloatArray
    event_id: IntArray
    process: str = ""

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.weight)

    def select(self, mask: npt.NDArray[np.bool_]) -> Self:
        """Events where `mask` is true, copied."""
        _check_mask(mask, self.n_events)
        return replace(
            self,
            tracks=self.tracks.select(mask),
            clusters=self.clusters.select(mask),
            klm=self.klm.select(mask),
            truth=self.truth.select(mask),
            fate=self.fate[np.repeat(mask, self.truth.counts)],
            n_generated=self.n_generated[mask],
            trigger=self.trigger[mask],
            trigger_weight=self.trigger_weight[mask],
            weight=self.weight[mask],
            event_id=self.event_id[mask],
        )
