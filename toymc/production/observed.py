"""Observed events for a study: what `--data` reads and `toymc dataset` writes.

An HDF5 file with a group ``channels/<channel>`` that holds the observable of every selected event, one by one, as data
would come out of an analysis; nothing in it tells where an event is from.
"""

from pathlib import Path

import numpy as np

from toymc.errors import InputError
from toymc.events import FloatArray
from toymc.studies.study import Study


def read_observed(path: str | Path, study: Study) -> tuple[dict[str, FloatArray], float]:
    """Counts per bin of every channel of a study, and the luminosity of the data in 1/fb.

    Parameters
    ----------
    path : path
    study : Study

    Returns
    -------
    counts : dict of str to float64 (n_bins,)
    luminosity_fb : float

    Raises
    ------
    InputError
        If the file cannot be read, belongs to another study, or lacks a channel.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            owner = file.attrs.get("study")
            if owner != study.name:
                raise InputError(f"{path} holds data of study '{owner}', not of '{study.name}'")
            counts = {}
            for channel in study.channels:
                key = f"channels/{channel.name}/{channel.observable}"
                if key not in file:
                    raise InputError(f"{path} has no dataset '{key}'")
                values = np.asarray(file[key], dtype=np.float64)
                if not np.all(np.isfinite(values)):
                    raise InputError(f"{path}: '{key}' has entries that are not finite")
                counts[channel.name] = np.histogram(values, bins=channel.edges)[0].astype(np.float64)
            return counts, _luminosity(path, file.attrs.get("luminosity_fb"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _luminosity(path: str | Path, value: object) -> float:
    if not isinstance(value, float) or not 0.0 < value < float("inf"):
        raise InputError(f"{path}: attribute 'luminosity_fb' is {value}: a positive number is needed")
    return float(value)
