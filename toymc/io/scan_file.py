"""`scan.h5`: what a mass scan gave at every hypothesis, channel by channel, with its background toys.

Layout: one group per channel. It holds `mass_GeV` (n_masses,), `ctau_cm` (n_lifetimes,) if lifetimes were scanned, the
observed `q0` (n_masses[, n_lifetimes]), and where they exist `stretch` (n_masses,) with the label of the stretch of the
scan that a mass belongs to (sides of a veto), `toys_q0` (n_toys, n_masses[, n_lifetimes]) with the local q0 of
background toys (NaN where a fit failed), and any other column on the same grid (`observed`, `expected` with the five
bands last). Toys are written and read in blocks: they need not fit in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.io.outputs import atomic_file

FORMAT = "toymc scan"
FORMAT_VERSION = 1
_BLOCK_BYTES = 2**25


@dataclass(frozen=True, eq=False)
class Scan:
    """One channel of a scan.

    Attributes
    ----------
    mass_GeV : float64 (n_masses,)
    q0 : float64 (n_masses[, n_lifetimes])
        Local q0 of the data, NaN where the fit failed.
    ctau_cm : float64 (n_lifetimes,), optional
    stretch : int64 (n_masses,), optional
    columns : mapping of str to array
        More values on the grid: its axes first.
    n_toys : int
        Background toys in the file (0 when written from memory).
    """

    mass_GeV: npt.NDArray[np.float64]
    q0: npt.NDArray[np.float64]
    ctau_cm: npt.NDArray[np.float64] | None = None
    stretch: npt.NDArray[np.int64] | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    n_toys: int = 0

    def __post_init__(self) -> None:
        mass, q0 = np.asarray(self.mass_GeV, np.float64), np.asarray(self.q0, np.float64)
        grid: tuple[int, ...] = (mass.size,)
        if self.ctau_cm is not None:
            object.__setattr__(self, "ctau_cm", np.asarray(self.ctau_cm, np.float64))
            grid = (mass.size, int(np.size(self.ctau_cm)))
        if mass.ndim != 1 or not mass.size or q0.shape != grid:
            raise InputError(f"a scan of masses {mass.shape} and lifetimes {grid[1:]} has q0 of shape {q0.shape}")
        if self.stretch is not None:
            object.__setattr__(self, "stretch", np.asarray(self.stretch, np.int64))
            if np.shape(self.stretch) != (mass.size,):
                raise InputError(f"a scan of {mass.size} masses has stretches of shape {np.shape(self.stretch)}")
        for name, values in self.columns.items():
            if np.shape(values)[: len(grid)] != grid:
                raise InputError(f"column '{name}' of a scan over {grid} has shape {np.shape(values)}")
        object.__setattr__(self, "mass_GeV", mass)
        object.__setattr__(self, "q0", q0)

    @property
    def grid(self) -> tuple[int, ...]:
        """(n_masses,) or (n_masses, n_lifetimes)."""
        return tuple(self.q0.shape)

    def at(self, index: tuple[int, ...]) -> dict[str, float]:
        """Mass and lifetime of one hypothesis."""
        where = {"mass_GeV": float(self.mass_GeV[index[0]])}
        return where if self.ctau_cm is None else where | {"ctau_cm": float(self.ctau_cm[index[1]])}


def write_scan(
    path: Path | str,
    channels: Mapping[str, Scan],
    toys: Mapping[str, Iterable[npt.ArrayLike]] | None = None,
) -> None:
    """Write a scan file; it appears when it is whole.

    Parameters
    ----------
    path : path
    channels : mapping of str to Scan
    toys : mapping of str to iterable of array_like (n, n_masses[, n_lifetimes]), optional
        Blocks of background toys of a channel.

    Raises
    ------
    InputError
        If there is no channel, toys have another grid, or names clash.
    ToymcError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "scan.h5"
    >>> write_scan(file, {"e": Scan(np.array([1.0, 1.1]), np.array([0.0, 2.0]))}, {"e": [np.zeros((3, 2))]})
    >>> read_scans(file)["e"].n_toys
    3
    """
    if not channels:
        raise InputError(f"{path}: a scan without channels")
    for name in toys or {}:
        if name not in channels:
            raise InputError(f"{path}: toys of channel '{name}', which is not in the scan")
    with atomic_file(path) as temporary, h5py.File(temporary, "w", libver=("v110", "v110")) as file:
        file.attrs["format"], file.attrs["format_version"] = FORMAT, FORMAT_VERSION
        for name, scan in channels.items():
            group = file.create_group(name)
            values = {"mass_GeV": scan.mass_GeV, "q0": scan.q0, "ctau_cm": scan.ctau_cm, "stretch": scan.stretch}
            for key, column in (values | dict(scan.columns)).items():
                if column is not None:
                    group.create_dataset(key, data=column, track_times=False)
            _write_toys(group, f"{path}, channel '{name}'", scan.grid, (toys or {}).get(name, ()))


def _write_toys(group: Any, where: str, grid: tuple[int, ...], blocks: Iterable[npt.ArrayLike]) -> None:
    dataset = None
    for block in blocks:
        values = np.asarray(block, dtype=np.float32)
        if values.shape[1:] != grid:
            raise InputError(f"{where}: toys of shape {values.shape}, the scan has {grid} hypotheses")
        if dataset is None:
            dataset = group.create_dataset(
                "toys_q0", (0, *grid), np.float32, maxshape=(None, *grid), chunks=(1, *grid), compression="lzf",
                track_times=False,
            )  # fmt: skip
        start = dataset.shape[0]
        dataset.resize(start + values.shape[0], axis=0)
        dataset[start:] = values


def read_scans(path: Path | str) -> dict[str, Scan]:
    """The channels of a scan file, without the toys.

    Parameters
    ----------
    path : path
        A `scan.h5`, or the folder of a run that holds one.

    Returns
    -------
    dict of str to Scan

    Raises
    ------
    InputError
        If there is no such file, or it is damaged or not a scan file.
    """
    scans = {}
    with _opened(path) as file:
        for name, group in file.items():
            columns = {key: group[key][()] for key in group if key != "toys_q0"}
            if "mass_GeV" not in columns or "q0" not in columns:
                raise InputError(f"cannot read {path}: channel '{name}' has no mass_GeV or no q0")
            n_toys = group["toys_q0"].shape[0] if "toys_q0" in group else 0
            own = {key: columns.pop(key, None) for key in ("mass_GeV", "q0", "ctau_cm", "stretch")}
            scan = Scan(**own, columns=columns, n_toys=n_toys)
            if n_toys and group["toys_q0"].shape[1:] != scan.grid:
                raise InputError(f"cannot read {path}: channel '{name}' has toys of another grid than its q0")
            scans[name] = scan
    if not scans:
        raise InputError(f"cannot read {path}: a scan file without channels")
    return scans


def read_scan_toys(
    path: Path | str, channel: str, n_toys: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[npt.NDArray[np.float64]]:
    """The first background toys of a channel in blocks of some megabytes, float64 (n, n_masses[, n_lifetimes]).

    Raises
    ------
    InputError
        If the channel is not there or has fewer toys.
    """
    with _opened(path) as file:
        if channel not in file or "toys_q0" not in file[channel]:
            raise InputError(f"{path}: channel '{channel}' has no background toys (toys_q0)")
        dataset = file[channel]["toys_q0"]
        if dataset.shape[0] < n_toys:
            raise InputError(f"{path}: channel '{channel}' has {dataset.shape[0]} toys, {n_toys} were asked for")
        rows = max(1, _BLOCK_BYTES // (8 * int(np.prod(dataset.shape[1:]))))
        for start in range(0, n_toys, rows):
            stop = min(start + rows, n_toys)
            yield dataset[start:stop].astype(np.float64)
            if progress is not None:
                progress(stop, n_toys)


def _opened(path: Path | str) -> Any:
    """The open file, checked to be a scan file."""
    file = Path(path) / "scan.h5" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise InputError(
            f"cannot read {path}: {'no scan.h5 in this folder' if Path(path).is_dir() else 'no such file'}"
        )
    try:
        opened = h5py.File(file, "r", locking=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: not an HDF5 file, or damaged") from error
    if opened.attrs.get("format") != FORMAT or opened.attrs.get("format_version") != FORMAT_VERSION:
        opened.close()
        raise InputError(f"cannot read {path}: an HDF5 file, but not a toymc scan of version {FORMAT_VERSION}")
    return opened
