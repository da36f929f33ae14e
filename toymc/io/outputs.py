"""Output that is there whole or not at all.

Files and folders are written under a temporary name on the same file system and renamed when they are complete. What
fails on the way (no space left, a read-only folder, an interrupt) leaves the target as it was.
"""

import errno
import os
import secrets
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toymc.errors import InputError, ToymcError

RUN_FILE = "run.toml"
# Everything that a run may leave in its folder: a later run of the same study removes these and nothing else.
RUN_ENTRIES = (
    "result.json", "workspace.json", "hepdata", "plots", "report.html", "scan.h5", RUN_FILE,
)  # fmt: skip

_ADVICE = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some of your quota or write elsewhere",
    errno.EFBIG: "raise the file size limit or write elsewhere",
    errno.EACCES: "write elsewhere or change the permissions",
    errno.EPERM: "write elsewhere or change the permissions",
    errno.EROFS: "the file system is read-only, write elsewhere",
    errno.ENOTDIR: "a part of the path is a file, write elsewhere",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def write_error(path: Path, error: OSError) -> ToymcError:
    """The one-line error for an `OSError` met while writing `path`."""
    number = error.errno or 0
    reason = os.strerror(number) if number else str(error).splitlines()[0]
    advice = _ADVICE.get(number)
    return ToymcError(f"cannot write {path}: {reason}" + (f": {advice}" if advice else ""))


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed when it does not.

    Parameters
    ----------
    path : path
        Target file; folders above it that do not exist are made.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    ToymcError
        If the target cannot be written (no space left, no permission, a folder of that name).

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_file(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> [entry.name for entry in folder.iterdir()]
    ['a.txt']
    """
    target = Path(path).absolute()
    _check_not_a_folder(path)
    temporary = _temporary_beside(target)
    made: list[Path] = []
    try:
        made = _make_parents(target)
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        _remove_empty(made)
        if isinstance(error, OSError):
            raise write_error(Path(path), error) from error
        raise


def check_file(path: Path | str) -> None:
    """Raise `InputError` if a file cannot be written to `path`; says so before any computing is done."""
    _check_not_a_folder(path)
    _check_writable(path, Path(path).absolute().parent)


def _check_not_a_folder(path: Path | str) -> None:
    if Path(path).is_dir():
        raise InputError(f"cannot write {path}: it is a folder: name a file")


@contextmanager
def run_folder(path: Path | str, study: str) -> Iterator[Path]:
    """A temporary folder for the files of one run, which become `path` when the block ends well.

    A folder that holds an earlier run of the same study is brought up to date: its run files are replaced, everything
    else in it stays. Any other non-empty folder is refused.

    Parameters
    ----------
    path : path
        Target folder; folders above it that do not exist are made.
    study : str
        Name that ``run.toml`` of an earlier run must carry as ``study``; for validations and projections with
        " (validate)" or " (project)" behind it.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InputError
        If `path` holds something else than an earlier run of `study`.
    ToymcError
        If it cannot be written.
    """
    target = Path(path).absolute()
    check_run_folder(path, study)
    exists = target.is_dir()
    # inside an existing folder (which may be a mount point that cannot be renamed), beside one that is still to come
    temporary = _temporary_beside(target / "run" if exists else target)
    made: list[Path] = []
    try:
        made = _make_parents(target)
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _to_disk(file)
        if exists:
            _replace_entries(temporary, target)
        else:
            os.rename(temporary, target)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_empty(made)
        if isinstance(error, OSError):
            raise write_error(Path(path), error) from error
        raise


def check_run_folder(path: Path | str, study: str) -> None:
    """Raise `InputError` if a run of `study` must not be written to `path`; says so before any computing is done."""
    target = Path(path).absolute()
    if not target.exists():
        _check_writable(path, target)
        return
    if not target.is_dir():
        raise InputError(f"cannot write to {path}: it is a file: name a folder")
    if any(target.iterdir()):
        earlier = _study_of(target)
        if earlier is None:
            raise InputError(f"{path} is not empty and holds no toymc run: name a new folder")
        if earlier != study:
            raise InputError(f"{path} holds a run of {earlier}: name another folder for {study}")
    _check_writable(path, target)


def _check_writable(path: Path | str, target: Path) -> None:
    folder = target
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {path}: {folder} is a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {path}: no permission to write in {folder}")


def _study_of(folder: Path) -> str | None:
    """The study of the run in `folder`, with " (action)" behind it if it is no plain run; None if there is none."""
    try:
        with open(folder / RUN_FILE, "rb") as file:
            content = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError):
        return None
    study, action = content.get("study"), content.get("action", "run")
    if not isinstance(study, str):
        return None
    return study if action == "run" else f"{study} ({action})"


def _temporary_beside(target: Path) -> Path:
    return target.parent / f".{target.name}.partial-{os.getpid()}-{secrets.token_hex(4)}"


def _make_parents(target: Path) -> list[Path]:
    """Make the folders above `target`; return those that were made, innermost first."""
    missing = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _to_disk(file: Path) -> None:
    """Wait until the file is on disk: a full disk may say so only now."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace_entries(temporary: Path, target: Path) -> None:
    """Swap the run files in `target` for those in `temporary`; the old ones are deleted when the new ones are there."""
    old = _temporary_beside(target / "old")
    old.mkdir()
    for name in RUN_ENTRIES:
        if (target / name).exists():
            os.rename(target / name, old / name)
    for entry in sorted(temporary.iterdir()):
        os.replace(entry, target / entry.name)
    temporary.rmdir()
    shutil.rmtree(old)
