"""What an event file holds: which tables and columns, and how they become the event record again."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.events import (
    FATE_NONE,
    STATUS_DECAYED,
    STATUS_FINAL,
    Clusters,
    EventBatch,
    KlmClusters,
    Reconstruction,
    Tracks,
)

Batch: TypeAlias = EventBatch | Reconstruction
Array: TypeAlias = npt.NDArray[Any]

FORMAT_VERSION = 2
FORMATS: dict[str, type] = {"toymc truth": EventBatch, "toymc reconstruction": Reconstruction}


@dataclass(frozen=True)
class TableSchema:
    """One group of a file: the class of its table, and columns of the same rows that are kept beside that table."""

    kind: type
    beside: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the per-row columns."""
        return row_columns(self.kind) + self.beside


TABLES: dict[type, dict[str, TableSchema]] = {
    EventBatch: {"particles": TableSchema(EventBatch)},
    Reconstruction: {
        "tracks": TableSchema(Tracks),
        "clusters": TableSchema(Clusters),
        "klm": TableSchema(KlmClusters),
        "truth": TableSchema(EventBatch, ("fate",)),
    },
}
EVENT_COLUMNS: dict[type, tuple[str, ...]] = {
    EventBatch: ("weight", "event_id"),
    Reconstruction: ("weight", "event_id", "n_generated", "trigger", "trigger_weight"),
}


def row_columns(table: type) -> tuple[str, ...]:
    """Per-row columns of a table of the event record."""
    return tuple(f.name for f in fields(table) if f.name not in ("offsets", "weight", "event_id", "process"))


def dataset_names(kind: type) -> list[str]:
    """Path of every dataset of a file of `kind`."""
    names = [f"events/{name}" for name in EVENT_COLUMNS[kind]]
    for name, table in TABLES[kind].items():
        names += [f"{name}/{column}" for column in ("offsets", *table.columns)]
    return names


def columns_of(batch: Batch, name: str) -> dict[str, Array]:
    """Offsets and per-row columns of the table `name` of a batch."""
    schema = TABLES[type(batch)][name]
    table = batch if isinstance(batch, EventBatch) else getattr(batch, name)
    columns = {column: getattr(table, column) for column in ("offsets", *row_columns(schema.kind))}
    return columns | {column: getattr(batch, column) for column in schema.beside}


def assemble(kind: type, events: Mapping[str, Array], tables: Mapping[str, dict[str, Array]], process: str) -> Batch:
    """The event record from per-event columns and tables of columns.

    Raises
    ------
    InputError
        If the truth is inconsistent (a mother outside its event, a number that is not finite, ...).
    """
    if kind is EventBatch:
        batch = EventBatch(**tables["particles"], **events, process=process)
        batch.validate()
        return batch
    truth = dict(tables["truth"])
    fate = truth.pop("fate")
    batch = EventBatch(**truth, weight=events["weight"], event_id=events["event_id"], process=process)
    batch.validate()
    return Reconstruction(
        tracks=Tracks(**tables["tracks"]),
        clusters=Clusters(**tables["clusters"]),
        klm=KlmClusters(**tables["klm"]),
        truth=batch,
        fate=fate,
        **events,
        process=process,
    )


def generated_truth(reconstruction: Reconstruction) -> EventBatch:
    """The events as the generator made them, without what the detector added: they can be simulated again.

    Rows beyond `n_generated` are dropped. A generator's row that decayed in flight, converted or interacted (status 2
    with a fate) becomes final again; what the generator itself let decay has no fate and stays as it is.

    Parameters
    ----------
    reconstruction : Reconstruction

    Returns
    -------
    EventBatch
        `n_generated` rows per event.

    Raises
    ------
    InputError
        If `n_generated` exceeds the rows of an event.

    Examples
    --------
    >>> # another card for the same events: simulate(generated_truth(reconstruction), other, rng)
    """
    truth, wanted = reconstruction.truth, np.asarray(reconstruction.n_generated, dtype=np.int64)
    if np.any(wanted > truth.counts) or np.any(wanted < 0):
        raise InputError("n_generated is not a number of rows of the event's truth: the file is damaged")
    place = np.arange(truth.n_particles) - np.repeat(truth.offsets[:-1], truth.counts)
    keep = place < np.repeat(wanted, truth.counts)
    by_detector = (truth.status == STATUS_DECAYED) & (reconstruction.fate != FATE_NONE)
    columns = {name: getattr(truth, name)[keep] for name in row_columns(EventBatch)}
    columns["status"] = np.where(by_detector, np.int32(STATUS_FINAL), truth.status)[keep]
    batch = replace(truth, offsets=np.concatenate(([0], np.cumsum(wanted))), **columns)
    batch.validate()
    return batch
