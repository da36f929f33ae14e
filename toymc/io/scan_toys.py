"""Background toys in `scan.h5`: what the global significance needs of a scan.

In the group of a scan (`toymc.io.scan_file`) two datasets may stand beside `mass_GeV`, `ctau_cm` and `q0`: `toys_q0`
(n_toys, n_masses, n_lifetimes), the local q0 of background toys with NaN where a fit failed, and `stretch` (n_masses,),
the label of the stretch of the scan that a mass belongs to (sides of a veto). Toys are written and read in blocks: they
need not fit in memory. A scan with one lifetime is one over mass alone.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.io.outputs import atomic_file
from toymc.io.scan_file import FORMAT

_BLOCK_BYTES = 2**25


@dataclass(frozen=True, eq=False)
class ObservedScan:
    """The local q0 of one scan: float64 (n_masses,), or (n_masses, n_lifetimes) where there are several lifetimes."""

    mass_GeV: npt.NDArray[np.float64]
    ctau_cm: npt.NDArray[np.float64]
    q0: npt.NDArray[np.float64]
    stretch: npt.NDArray[np.int64] | None
    n_toys: int

    def at(self, index: tuple[int, ...]) -> dict[str, float]:
        """Mass and lifetime of one hypothesis."""
        where = {"mass_GeV": float(self.mass_GeV[index[0]])}
        return where | {"ctau_cm": float(self.ctau_cm[index[1]])} if len(index) == 2 else where


def add_toys(
    path: Path | str,
    toys: Mapping[str, Iterable[npt.ArrayLike]],
    stretches: Mapping[str, npt.ArrayLike] | None = None,
) -> None:
    """Put background toys into a scan file, in place of those that were there; the file changes when all is written.

    Parameters
    ----------
    path : path
        Written by `toymc.io.scan_file.write_scans`.
    toys : mapping of str to iterable of array_like (n, n_masses[, n_lifetimes])
        Scan -> blocks of its toys.
    stretches : mapping of str to array_like of int (n_masses,), optional

    Raises
    ------
    InputError
        For a scan that is not in the file, or another number of hypotheses.
    ToymcError
        If the file cannot be written.
    """
    source = _file(path)
    _opened(path).close()
    with atomic_file(source) as temporary:
        shutil.copyfile(source, temporary)
        with h5py.File(temporary, "r+") as file:
            for name in {**toys, **(stretches or {})}:
                if name not in file:
                    raise InputError(
                        f"{path}: toys of scan '{name}', which is not in the file: it has {', '.join(file)}"
                    )
            for name, labels in (stretches or {}).items():
                _replace_stretch(file[name], f"{path}, scan '{name}'", labels)
            for name, blocks in toys.items():
                _replace_toys(file[name], f"{path}, scan '{name}'", blocks)


def _replace_stretch(group: Any, where: str, labels: npt.ArrayLike) -> None:
    array = np.asarray(labels, dtype=np.int64)
    if array.shape != group["mass_GeV"].shape:
        raise InputError(f"{where}: stretches of shape {array.shape}, the scan has {group['mass_GeV'].size} masses")
    if "stretch" in group:
        del group["stretch"]
    group.create_dataset("stretch", data=array, track_times=False)


def _replace_toys(group: Any, where: str, blocks: Iterable[npt.ArrayLike]) -> None:
    if "toys_q0" in group:
        del group["toys_q0"]
    grid = group["q0"].shape
    dataset = group.create_dataset(
        "toys_q0", (0, *grid), np.float32, maxshape=(None, *grid), chunks=(1, *grid), compression="lzf",
        track_times=False,
    )  # fmt: skip
    for block in blocks:
        values = np.asarray(block, dtype=np.float32)
        if values.shape[1:] not in (grid, grid[:1] if grid[1] == 1 else grid):
            raise InputError(f"{where}: toys of shape {values.shape}, the scan has {grid} hypotheses")
        start = dataset.shape[0]
        dataset.resize(start + values.shape[0], axis=0)
        dataset[start:] = values.reshape(-1, *grid)


def read_observed(path: Path | str) -> dict[str, ObservedScan]:
    """The observed q0 of every scan of a file, without the toys.

    Parameters
    ----------
    path : path
        A `scan.h5`, or the folder of a run that holds one.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged or not a scan file.
    """
    scans = {}
    with _opened(path) as file:
        for name, group in file.items():
            missing = [key for key in ("mass_GeV", "ctau_cm", "q0") if key not in group]
            if missing:
                raise InputError(f"cannot read {path}: scan '{name}' has no {missing[0]}")
            mass, ctau, q0 = (np.asarray(group[key], dtype=np.float64) for key in ("mass_GeV", "ctau_cm", "q0"))
            if q0.shape != (mass.size, ctau.size) or ("toys_q0" in group and group["toys_q0"].shape[1:] != q0.shape):
                raise InputError(f"cannot read {path}: scan '{name}' has q0 or toys of another grid than its masses")
            scans[name] = ObservedScan(
                mass, ctau, q0[:, 0] if ctau.size == 1 else q0,
                np.asarray(group["stretch"], dtype=np.int64) if "stretch" in group else None,
                int(group["toys_q0"].shape[0]) if "toys_q0" in group else 0,
            )  # fmt: skip
    if not scans:
        raise InputError(f"cannot read {path}: a scan file without scans")
    return scans


def read_toys(
    path: Path | str, name: str, n_toys: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[npt.NDArray[np.float64]]:
    """The first background toys of a scan in blocks of some megabytes, float64 (n, n_masses[, n_lifetimes]).

    Raises
    ------
    InputError
        If the scan is not there or has fewer toys.
    """
    with _opened(path) as file:
        if name not in file or "toys_q0" not in file[name]:
            raise InputError(f"{path}: scan '{name}' has no background toys (toys_q0)")
        dataset = file[name]["toys_q0"]
        if dataset.shape[0] < n_toys:
            raise InputError(f"{path}: scan '{name}' has {dataset.shape[0]} toys, {n_toys} were asked for")
        rows = max(1, _BLOCK_BYTES // (8 * int(np.prod(dataset.shape[1:]))))
        for start in range(0, n_toys, rows):
            stop = min(start + rows, n_toys)
            block = dataset[start:stop].astype(np.float64)
            yield block[:, :, 0] if block.shape[2] == 1 else block
            if progress is not None:
                progress(stop, n_toys)


def _file(path: Path | str) -> Path:
    file = Path(path) / "scan.h5" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise InputError(
            f"cannot read {path}: {'no scan.h5 in this folder' if Path(path).is_dir() else 'no such file'}"
        )
    return file


def _opened(path: Path | str) -> Any:
    """The open file, checked to be a scan file."""
    try:
        opened = h5py.File(_file(path), "r", locking=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: not an HDF5 file, or damaged") from error
    if opened.attrs.get("format") != FORMAT:
        opened.close()
        raise InputError(f"cannot read {path}: an HDF5 file, but not a scan of toymc")
    return opened
