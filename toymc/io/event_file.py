"""HDF5 files of truth events and of reconstructed events.

Layout: ``/events`` holds the per-event columns, one group per table (``/particles``; or ``/tracks``, ``/clusters``,
``/klm`` and ``/truth``) holds ``offsets`` and the per-row columns, so that rows of event i are
``offsets[i]:offsets[i+1]`` as in memory. ``/truth`` is what the detector saw: the generator's rows first (as many as
``/events/n_generated`` says), then those it made, each with its ``fate``. The attributes of the root say what the file
is and how to make it again. The same events give the same bytes (no time stamps).
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

import toymc
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.io.interrupts import interrupts_held
from toymc.io.outputs import atomic_file, write_error
from toymc.io.schema import (
    EVENT_COLUMNS,
    FORMAT_VERSION,
    FORMATS,
    TABLES,
    Array,
    Batch,
    assemble,
    columns_of,
    dataset_names,
    generated_truth,
)
from toymc.io.sink import Sink

_ROWS_PER_BLOCK = 2**14


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
    beam : str
        Beam card of the generated events.
    card : str
        Detector card of a simulated file.
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
    beam: str = ""
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
        for name in EVENT_COLUMNS[type(batch)]:
            _extend(self._file["events"][name], getattr(batch, name))
        for name in TABLES[type(batch)]:
            self._append_table(self._file[name], columns_of(batch, name))

    def _append_table(self, group: Any, columns: dict[str, Array]) -> None:
        offsets = columns.pop("offsets")
        first = group[next(iter(columns))].shape[0]
        _extend(group["offsets"], np.asarray(offsets[1:]) + first)
        for name, values in columns.items():
            _extend(group[name], values)

    def _create(self, batch: Batch) -> None:
        self._kind = type(batch)
        events = self._file.create_group("events")
        for name in EVENT_COLUMNS[self._kind]:
            _dataset(events, name, getattr(batch, name))
        for name in TABLES[self._kind]:
            group = self._file.create_group(name)
            for column, values in columns_of(batch, name).items():
                _dataset(group, column, values)
            _extend(group["offsets"], np.zeros(1, dtype=np.int64))

    def _finish(self) -> None:
        if self._kind is None:
            raise InputError(f"{self.path}: no events to write")
        attributes = self._file.attrs
        attributes["format"] = next(name for name, kind in FORMATS.items() if kind is self._kind)
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
        kind = FORMATS.get(str(attributes.get("format")))
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
        for name in dataset_names(kind):
            if name not in self._file:
                raise InputError(f"cannot read {self.path}: dataset '{name}' is missing")

    @property
    def tables(self) -> dict[str, int]:
        """Rows of every table: particles, or tracks, clusters, klm and truth."""
        return {name: int(self._file[name]["offsets"][-1]) for name in TABLES[self.kind]}

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
            events = {name: self._file["events"][name][lo:stop] for name in EVENT_COLUMNS[self.kind]}
            tables = {name: self._read_table(name, lo, stop) for name in TABLES[self.kind]}
        except OSError as error:
            raise InputError(f"cannot read {self.path}: damaged data ({str(error).splitlines()[0]})") from error
        return assemble(self.kind, events, tables, self.metadata.process)

    def read_truth(self, lo: int = 0, hi: int | None = None) -> EventBatch:
        """Events lo .. hi-1 as the generator made them, from a file of either kind.

        Raises
        ------
        InputError
            For a range outside the file, or damaged data.
        """
        batch = self.read(lo, hi)
        return batch if isinstance(batch, EventBatch) else generated_truth(batch)

    def _read_table(self, name: str, lo: int, hi: int) -> dict[str, Array]:
        group = self._file[name]
        offsets = group["offsets"][lo : hi + 1]
        columns = {column: group[column][offsets[0] : offsets[-1]] for column in TABLES[self.kind][name].columns}
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
