"""What the writers of LHE and HepMC3 files share: rows with their beams, replacing of old files, text by columns.

Both formats begin an event with its two colliding particles. Events of toymc do not list them; a writer adds e- and e+
as rows 0 and 1: their momenta add up to the total momentum of the final particles, back to back in its rest frame along
the direction of the electrons of the beam card. The file then names its generator `ADDED`, and the readers of toymc
take the two rows away again. Events that came from another generator with beams of their own keep those.
"""

import gzip
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

import toymc
from toymc.constants import M_E
from toymc.errors import InputError
from toymc.events import STATUS_DOCUMENTATION, STATUS_FINAL, EventBatch
from toymc.geometry.beam import BeamCard
from toymc.io.added_beams import ADDED_BEAMS
from toymc.io.outputs import atomic_file
from toymc.kinematics import boost

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Exported:
    """A batch whose events begin with their two beam particles.

    Attributes
    ----------
    events : EventBatch
        Rows 0 and 1 of each event collide.
    beams : bool (n_particles,)
    mother : int64 (n_particles,)
        Row of the mother inside the event; -1 for what comes from the collision, and for the beams.
    """

    events: EventBatch
    beams: BoolArray
    mother: IntArray


def own_beams(batch: EventBatch) -> bool:
    """Whether every event lists an electron and a positron of documentation without mother in its first two rows."""
    if batch.n_events == 0 or np.any(batch.counts < 2):
        return False
    rows = batch.offsets[:-1, None] + np.arange(2)
    plain = (batch.status[rows] == STATUS_DOCUMENTATION) & (batch.mother[rows] == -1) & (np.abs(batch.pdg[rows]) == 11)
    return bool(np.all(plain) and np.all(batch.pdg[rows].sum(axis=1) == 0))


def with_beams(batch: EventBatch, beam: BeamCard | None, where: str, added: bool) -> Exported:
    """A batch as it is written: beams in front, mothers checked.

    Parameters
    ----------
    batch : EventBatch
    beam : BeamCard, optional
        Gives the direction of the electrons; +z if not known.
    where : str
        Name of the input, for errors.
    added : bool
        Add the beams; else the events have their own.

    Returns
    -------
    Exported

    Raises
    ------
    InputError
        For an event without final particles, a mother behind its daughter, or beams in some of the events only.
    """
    if added == own_beams(batch):
        raise InputError(f"cannot convert {where}: some of its events list the colliding particles and some do not")
    events = _prepended(batch, _beam_momenta(batch, beam, where)) if added else batch
    place = np.arange(events.n_particles) - np.repeat(events.offsets[:-1], events.counts)
    beams = place < 2
    mother = events.mother.astype(np.int64)
    mother[beams | (mother < 2)] = -1
    late = mother >= place
    if late.any():
        event = events.event_id[events.event_index[np.argmax(late)]]
        raise InputError(f"cannot convert {where}: a particle of event {event} stands in front of its mother")
    return Exported(events, beams, mother)


def _beam_momenta(batch: EventBatch, beam: BeamCard | None, where: str) -> tuple[FloatArray, FloatArray]:
    """px, py, pz of e- and e+ of each event, (n_events, 3)."""
    final = batch.status == STATUS_FINAL
    index = batch.event_index[final]
    columns = (batch.px, batch.py, batch.pz, batch.energy)
    total = np.stack([np.bincount(index, c[final], batch.n_events) for c in columns], axis=1)
    square = total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1)
    bad = ~(square > 4.0 * M_E**2)
    if bad.any():
        event = batch.event_id[np.argmax(bad)]
        raise InputError(f"cannot convert {where}: the final particles of event {event} are not those of a collision")
    velocity = total[:, :3] / total[:, 3:]
    axis = np.array([0.0, 0.0, 1.0, 1.0])
    if beam is not None:
        tilt = beam.electron.tilt_rad.value
        axis = np.array([np.sin(tilt), 0.0, np.cos(tilt), 1.0])
    direction = boost(np.tile(axis, (batch.n_events, 1)), -velocity)[:, :3]
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    momentum = np.sqrt(0.25 * square - M_E**2)[:, None]
    at_rest = np.column_stack([momentum * direction, 0.5 * np.sqrt(square)])
    electron = boost(at_rest, velocity)[:, :3]
    return electron, total[:, :3] - electron


def _prepended(batch: EventBatch, momenta: tuple[FloatArray, FloatArray]) -> EventBatch:
    n = batch.n_events
    offsets = batch.offsets + 2 * np.arange(n + 1)
    old = np.ones(int(offsets[-1]), dtype=bool)
    first = offsets[:-1]
    old[first], old[first + 1] = False, False
    columns: dict[str, Any] = {}
    for name in batch._columns():
        values = getattr(batch, name)
        column = np.zeros(len(old), dtype=values.dtype)
        column[old] = values
        columns[name] = column
    columns["mother"][old] += np.where(batch.mother >= 0, 2, 0).astype(np.int32)
    for row, (code, momentum) in enumerate(zip((11, -11), momenta, strict=True)):
        at = first + row
        columns["pdg"][at], columns["status"][at], columns["mother"][at] = code, STATUS_DOCUMENTATION, -1
        columns["mass"][at] = M_E
        for k, name in enumerate(("px", "py", "pz")):
            columns[name][at] = momentum[:, k]
    return replace(batch, offsets=offsets, **columns)


def generator_name(added: bool) -> str:
    """Name that a file gives as its generator."""
    return ADDED_BEAMS if added else "toymc"


def version() -> str:
    """Version that a file gives for it."""
    return toymc.__version__


def lines_of(form: str, *columns: npt.NDArray[Any]) -> list[str]:
    """One line per row, from a format and its columns.

    Examples
    --------
    >>> lines_of("%d %.1f", np.array([1, 2]), np.array([0.5, 0.25]))
    ['1 0.5', '2 0.2']
    """
    return list(map(form.__mod__, zip(*(column.tolist() for column in columns), strict=True)))


def merged(parts: list[tuple[list[str], IntArray, IntArray, int]]) -> str:
    """Lines in the order of (event, row, rank): parts are (lines, event, row, rank)."""
    text = list(itertools.chain.from_iterable(part[0] for part in parts))
    if not text:
        return ""
    events = np.concatenate([part[1] for part in parts])
    rows = np.concatenate([part[2] for part in parts])
    ranks = np.concatenate([np.full(len(part[0]), part[3]) for part in parts])
    order = np.lexsort((ranks, rows, events))
    return "\n".join(np.array(text, dtype=object)[order].tolist()) + "\n"


def check_replaceable(path: Path, mark: bytes, kind: str) -> None:
    """Raise `InputError` if `path` exists and does not begin like a file of this kind."""
    if not path.exists() or path.is_dir():
        return
    try:
        with open(path, "rb") as file:
            head = file.read(2)
        with gzip.open(path, "rb") if head == b"\x1f\x8b" else open(path, "rb") as file:
            found = mark in file.read(4096)
    except (OSError, EOFError):
        found = False
    if not found:
        raise InputError(f"{path} exists and is not a {kind} file: name another file")


@contextmanager
def text_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that appears when the block ends well; compressed, without time stamp, if its name ends with .gz."""
    with atomic_file(path) as temporary:
        with open(temporary, "wb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield raw
