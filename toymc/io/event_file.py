"""HDF5 files of truth events and of reconstructed events.

Layout: ``/events`` holds the per-event columns, one group per table (``/particles``, or ``/tracks`` and ``/clusters``)
holds ``offsets`` and the per-row columns, so that rows of event i are ``offsets[i]:offsets[i+1]`` as in memory. The
attributes of the root say what the file is and how to make it again. The same events give the same bytes (no time
stamps).
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt

import toymc
from toymc.errors import InputError
from toymc.events import Clusters, EventBatch, Reconstruction, Tracks
from toymc.io.interrupts import interrupts_held
from toymc.io.outputs import atomic_file, write_error
from toymc.io.sink import Sink

Batch: TypeAlias = EventBatch | Reconstruction
Array: TypeAlias = npt.NDArray[Any]

FORMAT_VERSION = 1
_FORMATS = {"toymc truth": EventBatch, "toymc reconstruction": Reconstruction}
_TABLES: dict[type, dict[str, type]] = {
    EventBatch: {"particles": EventBatch},
    Reconstruction: {"tracks": Tracks, "clusters": Clusters},
}
_EVENT_COLUMNS: dict[type, tuple[str, ...]] = {
    EventBatch: ("weight", "event_id"),
    Reconstruction: ("weight", "event_id", "trigger", "trigger_weight"),
}
_ROWS_PER_BLOCK = 2**14


def _row_columns(table: type) -> tuple[str, ...]:
    """Per-row columns of a table of the event record."""
    return tuple(f.name for f in fields(table) if f.name not in ("offsets", "weight", "event_id", "process"))


@dataclass(frozen=True)
class FileMetadata:
    """How the events of a file were made.

    Attributes
    ----------
    process : str
    seed : int
    parameters : mapping
        Process parameters, plain values.
    pdg_edition : str
    card : str
        Detector or beam card.
    chunk_size : int
        Events per chunk; with the seed it fixes the random streams.
    cross_section_fb, cross_section_error_fb : float
    source : str
        Name of the input file of a simulated file.
    version : str
        Of the toymc that wrote the file.
    """

    process: str
    seed: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    pdg_edition: str = ""
    card: str = ""
    chunk_size: int = 2**14
    cross_section_fb: float = float("nan")
    cross_section_error_fb: float = float("nan")
    source: str = ""
    version: str = toymc.__version__


class EventWriter:
    """Appends batches to a new HDF5 file, which appears under its name when the block ends well.

    Parameters
    ----------
    path : path
        An earlier toymc event file of that name is replaced, anything else is refused.
    metadata : FileMetadata

    Raises
    ------
    InputError
        If `path` exists and is not a toymc event file.
    ToymcError
        If it cannot be written, e.g. because no space is left.

    Examples
    --------
    >>> # with EventWriter("a.h5", FileMetadata("tau_pair", seed=1)) as writer:
    >>> #     writer.append(batch)
    """

    def __init__(self, path: Path | str, metadata: FileMetadata) -> None:
        self.path = Path(path)
        self.metadata = metadata
        self.n_events = 0
        self._kind: type | None = None
        _check_replaceable(self.path)
        self._atomic = atomic_file(self.path)
        self._sink: Sink
        self._file: Any

    def __enter__(self) -> Self:
        temporary = self._atomic.__enter__()
        try:
            with interrupts_held():
                self._sink = Sink(temporary)
                self._file = h5py.File(self._sink, "w", libver=("v110", "v110"))
        except BaseException:
            self._atomic.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            with interrupts_held():
                if error is None:
                    self._finish()
                self._file.close()
                self._sink.close()
            if error is None and self._sink.error is not None:
                raise self._sink.error
        except BaseException:
            # raises: the OSError of a full disk becomes a ToymcError of one line
            self._atomic.__exit__(*sys.exc_info())
            raise
        self._atomic.__exit__(kind, error, traceback)

    def append(self, batch: Batch) -> None:
        """Write `batch` behind what is there.

        Raises
        ------
        InputError
            If its type is not that of the batches before it.
        ToymcError
            If the file cannot grow.
        """
        with interrupts_held():
            self._append(batch)
        if self._sink.error is not None:
            raise write_error(self.path, self._sink.error) from self._sink.error
        self.n_events += batch.n_events

    def _append(self, batch: Batch) -> None:
        if self._kind is None:
            self._create(batch)
        if type(batch) is not self._kind:
            raise InputError(f"{self.path} holds {self._kind}, not {type(batch).__name__}")
        for name in _EVENT_COLUMNS[type(batch)]:
            _extend(self._file["events"][name], getattr(batch, name))
        for name in _TABLES[type(batch)]:
            self._append_table(self._file[name], batch if isinstance(batch, EventBatch) else getattr(batch, name))

    def _append_table(self, group: Any, table: Any) -> None:
        rows = _row_columns(type(table))
        first = group[rows[0]].shape[0]
        _extend(group["offsets"], np.asarray(table.offsets[1:]) + first)
        for name in rows:
            _extend(group[name], getattr(table, name))

    def _create(self, batch: Batch) -> None:
        self._kind = type(batch)
        events = self._file.create_group("events")
        for name in _EVENT_COLUMNS[self._kind]:
            _dataset(events, name, getattr(batch, name))
        for name, kind in _TABLES[self._kind].items():
            table = batch if isinstance(batch, EventBatch) else getattr(batch, name)
            group = self._file.create_group(name)
            _dataset(group, "offsets", table.offsets)
            _extend(group["offsets"], np.zeros(1, dtype=np.int64))
            for column in _row_columns(kind):
                _dataset(group, column, getattr(table, column))

    def _finish(self) -> None:
        if self._kind is None:
            raise InputError(f"{self.path}: no events to write")
        attributes = self._file.attrs
        attributes["format"] = next(name for name, kind in _FORMATS.items() if kind is self._kind)
        attributes["format_version"] = FORMAT_VERSION
        attributes["n_events"] = self.n_events
        for name, value in asdict(self.metadata).items():
            if name == "parameters":
                value = json.dumps(value, sort_keys=True)
            attributes[name] = np.uint64(value) if name == "seed" else value


def _dataset(group: Any, name: str, like: Array) -> None:
    """An empty, growing dataset for arrays like `like`; integers are compressed, doubles do not compress."""
    tail = like.shape[1:]
    rows = max(1, _ROWS_PER_BLOCK // max(1, int(np.prod(tail, dtype=np.int64))))
    squeeze: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    group.create_dataset(
        name,
        shape=(0, *tail),
        maxshape=(None, *tail),
        chunks=(rows, *tail),
        dtype=like.dtype,
        track_times=False,
        fletcher32=True,
        **(squeeze if like.dtype.kind in "iu" else {}),
    )


def _extend(dataset: Any, values: Array) -> None:
    old = dataset.shape[0]
    dataset.resize(old + len(values), axis=0)
    if len(values):
        dataset[old:] = values


def _check_replaceable(path: Path) -> None:
    if path.exists() and not path.is_dir():
        try:
            EventFile(path).close()
        except InputError as error:
            raise InputError(f"{path} exists and is not a toymc event file: name another file") from error


class EventFile:
    """An event file opened for reading; use it in a ``with`` block.

    Parameters
    ----------
    path : path

    Raises
    ------
    InputError
        If there is no such file, or it is damaged or not a toymc event file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"cannot read {path}: {'it is a folder' if self.path.is_dir() else 'no such file'}")
        try:
            self._file: Any = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise InputError(f"cannot read {path}: not an HDF5 file, or damaged") from error
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        attributes = dict(self._file.attrs)
        kind = _FORMATS.get(str(attributes.get("format")))
        if kind is None:
            raise InputError(f"cannot read {self.path}: an HDF5 file, but not of toymc events")
        if attributes.get("format_version") != FORMAT_VERSION:
            raise InputError(
                f"cannot read {self.path}: format version {attributes.get('format_version')}, this toymc reads "
                f"{FORMAT_VERSION}"
            )
        self.kind: type = kind
        self.n_events = int(attributes["n_events"])
        values = {f.name: attributes[f.name] for f in fields(FileMetadata) if f.name in attributes}
        values["parameters"] = json.loads(values.get("parameters", "{}"))
        self.metadata = FileMetadata(**{name: _plain(value) for name, value in values.items()})
        names = [f"events/{name}" for name in _EVENT_COLUMNS[kind]]
        for name, table in _TABLES[kind].items():
            names += [f"{name}/{column}" for column in ("offsets", *_row_columns(table))]
        for name in names:
            if name not in self._file:
                raise InputError(f"cannot read {self.path}: dataset '{name}' is missing")

    @property
    def tables(self) -> dict[str, int]:
        """Rows of every table: particles, or tracks and clusters."""
        return {name: int(self._file[name]["offsets"][-1]) for name in _TABLES[self.kind]}

    def read(self, lo: int = 0, hi: int | None = None) -> Batch:
        """Events lo .. hi-1 (to the end if `hi` is None).

        Raises
        ------
        InputError
            For a range outside the file, or damaged data.
        """
        stop = self.n_events if hi is None else hi
        if not 0 <= lo <= stop <= self.n_events:
            raise InputError(f"events {lo} to {stop} of {self.path}: it holds {self.n_events}")
        try:
            columns = {name: self._file["events"][name][lo:stop] for name in _EVENT_COLUMNS[self.kind]}
            tables = {name: self._read_table(name, kind, lo, stop) for name, kind in _TABLES[self.kind].items()}
        except OSError as error:
            raise InputError(f"cannot read {self.path}: damaged data ({str(error).splitlines()[0]})") from error
        if self.kind is EventBatch:
            batch = EventBatch(**tables["particles"], **columns, process=self.metadata.process)
            batch.validate()
            return batch
        return Reconstruction(
            tracks=Tracks(**tables["tracks"]),
            clusters=Clusters(**tables["clusters"]),
            **columns,
            process=self.metadata.process,
        )

    def _read_table(self, name: str, kind: type, lo: int, hi: int) -> dict[str, Array]:
        group = self._file[name]
        offsets = group["offsets"][lo : hi + 1]
        columns = {column: group[column][offsets[0] : offsets[-1]] for column in _row_columns(kind)}
        return {"offsets": offsets - offsets[0], **columns}

    def batches(self, size: int = 2**14) -> Iterator[Batch]:
        """The events in order, `size` at a time."""
        for lo in range(0, self.n_events, size):
            yield self.read(lo, min(lo + size, self.n_events))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
