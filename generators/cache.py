"""What takes an outside generator seconds to make is kept on disk by content, so that a study pays for it once.

A file holds named arrays; its name is the hash of everything that they depend on (settings, seed, number of events,
versions, code that made them), so that no file ever has to be declared out of date. Random streams are not touched
by a hit: the seed of the outside generator is drawn before. Files live in ``generated`` inside TOYMC_CACHE_DIR,
XDG_CACHE_HOME/toymc or what the system has for caches. Together they take at most TOYMC_CACHE_GB (8 by default, 0 keeps
nothing); the least recently used go first. A file that is damaged is made again; a disk that is full or read-only is
no fault.
"""

import hashlib
import math
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

Arrays = dict[str, npt.NDArray[Any]]
_DEFAULT_GB = 8.0


def cache_folder() -> Path:
    """The user's cache folder: TOYMC_CACHE_DIR, XDG_CACHE_HOME/toymc, or what the system has for it.

    Examples
    --------
    >>> cache_folder().name != ""
    True
    """
    given = os.environ.get("TOYMC_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "toymc"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "toymc"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "toymc"
    return Path.home() / ".cache" / "toymc"


def cache_limit_bytes() -> float:
    """Bytes that kept files may take.

    Raises
    ------
    InputError
        If TOYMC_CACHE_GB is not a number of zero or more.

    Examples
    --------
    >>> cache_limit_bytes() >= 0.0
    True
    """
    text = os.environ.get("TOYMC_CACHE_GB", str(_DEFAULT_GB))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0.0:
        raise InputError(f"TOYMC_CACHE_GB = '{text}': give the size of the cache in GB, zero or more")
    return value * 1e9


def installed(package: str) -> str:
    """Version of a package, "none" if it is missing.

    Examples
    --------
    >>> installed("no-such-package")
    'none'
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def cache_file(kind: str, words: Iterable[str | bytes]) -> Path:
    """Where arrays of this kind and content are kept.

    Parameters
    ----------
    kind : str
        Letters, digits and underscores: the beginning of the name.
    words : iterable of str or bytes
        Everything that the arrays depend on, in a fixed order.

    Examples
    --------
    >>> cache_file("pool", ["a", "b"]) == cache_file("pool", ["ab"])
    False
    """
    digest = hashlib.sha256()
    for word in words:
        data = word.encode() if isinstance(word, str) else word
        digest.update(len(data).to_bytes(8, "little") + data)
    return cache_folder() / "generated" / f"{kind}-{digest.hexdigest()[:24]}.npz"


def cached_arrays(kind: str, words: Iterable[str | bytes], build: Callable[[], Arrays]) -> Arrays:
    """Arrays from the cache if they are there, else built and kept.

    Parameters
    ----------
    kind, words
        As for `cache_file`.
    build : callable
        Makes the arrays; none of object type.

    Returns
    -------
    dict of arrays

    Examples
    --------
    >>> made = cached_arrays("doc", ["example"], lambda: {"x": np.arange(3)})
    >>> made["x"].tolist()
    [0, 1, 2]
    """
    limit = cache_limit_bytes()
    if limit == 0.0:
        return build()
    path = cache_file(kind, words)
    arrays = _load(path)
    if arrays is None:
        arrays = build()
        _keep(path, arrays, limit)
    return arrays


def _load(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.ascontiguousarray(file[name]) for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    try:
        os.utime(path)
    except OSError:
        pass
    return arrays


def _keep(path: Path, arrays: Mapping[str, npt.NDArray[Any]], limit: float) -> None:
    """Write to a name of its own, then move: a reader finds the whole file or none."""
    if sum(array.nbytes for array in arrays.values()) > limit:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".part", delete=False) as handle:
            part = Path(handle.name)
            try:
                np.savez(handle, **arrays)  # type: ignore[arg-type]
                handle.close()
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        _make_room(path.parent, limit)
    except OSError:
        return


def _make_room(folder: Path, limit: float) -> None:
    found = []
    for file in folder.glob("*.npz"):
        try:
            state = file.stat()
        except OSError:
            continue  # another process has just removed it
        found.append((state.st_mtime, state.st_size, file))
    total = 0
    for _, size, file in sorted(found, reverse=True):
        total += size
        if total > limit:
            file.unlink(missing_ok=True)
