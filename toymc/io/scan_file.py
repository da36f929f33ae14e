"""`scan.h5`: a scan with thousands of hypotheses, as arrays over (masses, lifetimes).

Layout: one group per scan (a channel, or a combination of channels) with ``mass_GeV``, ``ctau_cm`` and the arrays of
`toymc.inference.unbinned.ScanResult`; what is common is in the attributes of each group. `result.json` holds the
reference points of the same scan. The same scans give the same bytes (no time stamps).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import toymc
from toymc.errors import InputError
from toymc.inference.unbinned import ScanResult
from toymc.io.outputs import atomic_file

FORMAT = "toymc scan"
_AXES = {"masses": "mass_GeV", "lifetimes": "ctau_cm"}
_ATTRIBUTES = {"cl": float, "common_error": float, "constraint": str}
_ARRAYS = tuple(f.name for f in fields(ScanResult) if f.name not in (*_AXES, *_ATTRIBUTES, "channels"))


def write_scans(path: Path | str, scans: Mapping[str, ScanResult], limit_on: str = "") -> None:
    """Write scans of one set of hypotheses; the file appears when it is whole.

    Parameters
    ----------
    path : path
    scans : mapping of str to ScanResult
        Name of the channel (or combination) -> its scan.
    limit_on : str
        What the limits are on, as in `result.json`.

    Raises
    ------
    InputError
        For no scans, or names with a slash.
    ToymcError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from toymc.inference.unbinned import MassChannel, gaussian, scan, windows
    >>> channel = MassChannel("k", gaussian(1.0, 0.005), windows(1.0, 0.005, (0.0, 4.8)), data=[])
    >>> path = Path(tempfile.mkdtemp()) / "scan.h5"
    >>> write_scans(path, {"k": scan([1.0], [0.0], [channel])})
    >>> float(read_scans(path)["k"].observed[0, 0].round(2))
    1.92
    """
    if not scans:
        raise InputError(f"{path}: no scans to write")
    for name in scans:
        if not name or "/" in name:
            raise InputError(f"{path}: scan named '{name}'; give a name without '/'")
    with atomic_file(path) as temporary, h5py.File(temporary, "w", libver=("v110", "v110")) as file:
        file.attrs["format"], file.attrs["version"], file.attrs["limit_on"] = FORMAT, toymc.__version__, limit_on
        for name, result in scans.items():
            group = file.create_group(name)
            for key, label in _AXES.items():
                group.create_dataset(label, data=getattr(result, key), track_times=False)
            for key in _ARRAYS:
                group.create_dataset(
                    key, data=getattr(result, key), compression="gzip", shuffle=True, track_times=False
                )
            for key in _ATTRIBUTES:
                group.attrs[key] = getattr(result, key)
            group.attrs["channels"] = list(result.channels)
            group.attrs["bands"] = ["-2", "-1", "0", "+1", "+2"]


def read_scans(path: Path | str) -> dict[str, ScanResult]:
    """The scans of a file written by `write_scans`.

    Raises
    ------
    InputError
        If there is no such file or it is something else.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(f"{path} is not a scan of toymc: give the scan.h5 of a run")
            return {name: _read(group) for name, group in file.items()}
    except (OSError, KeyError) as error:
        raise InputError(f"cannot read {path}: {str(error).splitlines()[0]}") from error


def _read(group: h5py.Group) -> ScanResult:
    values: dict[str, Any] = {key: np.asarray(group[label]) for key, label in _AXES.items()}
    values |= {key: np.asarray(group[key]) for key in _ARRAYS}
    values |= {key: kind(group.attrs[key]) for key, kind in _ATTRIBUTES.items()}
    return ScanResult(**values, channels=tuple(str(c) for c in group.attrs["channels"]))
