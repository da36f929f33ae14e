"""Les Houches event files, read with `pylhe` [J. Alwall et al., hep-ph/0609017; pylhe 2].

pylhe hands out events one by one as objects (its `to_awkward` walks through the same objects), so the events of a chunk
are collected from its iterator and turned into columns at once; nothing after that loops over events or particles.

What the columns of the format become: status 1 final, 2 decayed, everything else (incoming, space-like, documentation)
documentation; the first mother; the nominal weight XWGTUP; VTIMUP, c*tau in mm in the particle's rest frame, puts the
production point of its daughters; a spin of +-1 of a lepton is its helicity. Beams that toymc added when it wrote the
file are taken away again.
"""

import gzip
import itertools
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pylhe

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_DOCUMENTATION, STATUS_FINAL, EventBatch
from toymc.io.added_beams import without_added_beams
from toymc.io.foreign import ForeignBatch, ForeignFile, check_codes, check_masses

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MM_TO_CM = 0.1
_PB_TO_FB = 1e3
_NEGATIVE_MASS_IS_OFF_SHELL = (-1, -2)  # statuses of rows whose energy need not fit their momentum
_COLUMNS = ("id", "status", "mother1", "mother2", "px", "py", "pz", "e", "m", "lifetime", "spin")
# everything that pylhe, its XML parser, gzip and zlib raise on damaged files
_FAULTS = (
    ValueError, IndexError, KeyError, AttributeError, TypeError, RuntimeError, RuntimeWarning, StopIteration, EOFError,
    ElementTree.ParseError, gzip.BadGzipFile, zlib.error, OverflowError, UnicodeError,
)  # fmt: skip


def open_lhe(path: Path | str, size: int = 2**12) -> ForeignFile:
    """Open a ``.lhe`` or ``.lhe.gz`` file.

    Parameters
    ----------
    path : path
    size : int
        Events per batch.

    Returns
    -------
    ForeignFile
        In the frame of the file.

    Raises
    ------
    InputError
        If the file is missing, damaged, cut short or not LHE; what lies in the events shows while they are read.

    Examples
    --------
    >>> # for batch in open_lhe("unweighted_events.lhe.gz").batches: ...
    """
    where = Path(path)
    if not where.is_file():
        raise InputError(f"cannot read {path}: {'it is a folder' if where.is_dir() else 'no such file'}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            file = pylhe.LHEFile.fromfile(str(where), with_attributes=False)
        except _FAULTS as error:
            raise _damaged(where, error) from error
    processes = file.init.procInfo
    strategy = abs(int(file.init.initInfo.weightingStrategy))
    known = bool(processes) and strategy in (1, 2, 3, 4)
    generator = ", ".join(f"{g.name} {g.version}".strip() for g in file.init.generators)
    return ForeignFile(
        path=where,
        kind="lhe",
        generator=generator,
        cross_section_fb=_PB_TO_FB * sum(p.xSection for p in processes) if known else float("nan"),
        cross_section_error_fb=_PB_TO_FB * sum(p.error**2 for p in processes) ** 0.5 if known else float("nan"),
        batches=(without_added_beams(batch, generator) for batch in _batches(where, file.events, size)),
    )


def _damaged(path: Path, error: BaseException) -> InputError:
    reason = " ".join(str(error).split())
    if "no element found" in reason or isinstance(error, EOFError):
        return InputError(f"cannot read {path}: the file is cut short (its last lines are missing)")
    detail = f" ({reason})" if reason else ""
    return InputError(f"cannot read {path}: not an LHE file, or damaged{detail}")


def _batches(path: Path, events: Any, size: int) -> Iterator[ForeignBatch]:
    iterator, first = iter(events), 0
    while True:
        # pylhe turns a fault in the XML into a warning and stops as if the file had ended: make it an error
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                chunk = list(itertools.islice(iterator, size))
            except _FAULTS as error:
                raise _damaged(path, error) from error
        if not chunk:
            if first == 0:
                raise InputError(f"cannot read {path}: it holds no events")
            return
        yield _columns(path, chunk, first)
        first += len(chunk)


def _columns(path: Path, chunk: list[Any], first: int) -> ForeignBatch:
    """Columns of some events of pylhe."""
    counts = np.array([len(event.particles) for event in chunk], dtype=np.int64)
    said = np.array([event.eventinfo.nparticles for event in chunk], dtype=np.int64)
    if np.any(counts != said):
        bad = int(np.argmax(counts != said))
        raise InputError(
            f"cannot read {path}: event {first + bad} announces {said[bad]} particles and has {counts[bad]}"
        )
    rows = np.array(
        [[getattr(particle, name) for name in _COLUMNS] for event in chunk for particle in event.particles]
    ).reshape(-1, len(_COLUMNS))
    column = dict(zip(_COLUMNS, np.ascontiguousarray(rows.T), strict=True))
    offsets = np.concatenate(([0], np.cumsum(counts)))
    number = first + np.repeat(np.arange(len(chunk)), counts)
    weight = np.array([event.eventinfo.weight for event in chunk], dtype=np.float64)
    if not np.isfinite(weight).all():
        bad = first + int(np.argmin(np.isfinite(weight)))
        raise InputError(f"cannot read {path}: the weight of event {bad} is not finite")
    if not np.all(np.abs(rows[:, :4]) < 2**31):
        raise InputError(f"cannot read {path}: events {first} and later: a code does not fit into 32 bits")
    return _batch(path, column, offsets, number, weight, first)


def _batch(
    path: Path, column: dict[str, FloatArray], offsets: IntArray, number: IntArray, weight: FloatArray, first: int
) -> ForeignBatch:
    code = column["status"].astype(np.int64)
    incoming = code == -1
    status = np.full(len(code), STATUS_DOCUMENTATION, dtype=np.int32)
    status[code == 1], status[code == 2] = STATUS_FINAL, STATUS_DECAYED
    p = np.sqrt(column["px"] ** 2 + column["py"] ** 2 + column["pz"] ** 2)
    real = ~np.isin(code, _NEGATIVE_MASS_IS_OFF_SHELL)
    with np.errstate(invalid="ignore"):  # what is not finite is refused below
        mass = np.where(real, 0.0, np.sqrt(np.maximum(column["e"] ** 2 - p**2, 0.0)))
    mass[real] = check_masses(column["m"][real], column["e"][real], p[real], number[real], str(path))
    counts = np.diff(offsets)
    mother = (column["mother1"] - 1.0).astype(np.int32)
    wrong = (mother < -1) | (mother >= np.repeat(counts, counts))
    if wrong.any():
        raise InputError(f"cannot read {path}: event {number[np.argmax(wrong)]} names a mother that it does not have")
    vertex = _vertices(path, column, mass, mother, offsets, number)
    spin = column["spin"]
    lepton = (np.abs(column["id"]) >= 11) & (np.abs(column["id"]) <= 16)
    batch = EventBatch(
        offsets=offsets,
        pdg=column["id"].astype(np.int32),
        status=status,
        mother=mother,
        px=column["px"],
        py=column["py"],
        pz=column["pz"],
        mass=mass,
        x=vertex[0],
        y=vertex[1],
        z=vertex[2],
        t=vertex[3] / SPEED_OF_LIGHT_CM_PER_NS,
        helicity=np.where(lepton & (np.abs(spin) == 1.0), spin, 0.0),
        weight=weight,
        event_id=first + np.arange(len(weight), dtype=np.int64),
        process="lhe",
    )
    check_codes(batch, str(path))
    batch.validate()
    return ForeignBatch(batch, incoming)


def _vertices(
    path: Path,
    column: dict[str, FloatArray],
    mass: FloatArray,
    mother: npt.NDArray[np.int32],
    offsets: IntArray,
    number: IntArray,
) -> FloatArray:
    """Production points x, y, z and c*t in cm, (4, n): that of the mother plus p/m times its c*tau."""
    n = len(mass)
    flight = np.zeros((4, n))
    lives = (column["lifetime"] > 0.0) & (mass > 0.0)
    if np.any(~np.isfinite(column["lifetime"])):
        raise InputError(f"cannot read {path}: event {number[0]} and later: a lifetime is not finite")
    for k, name in enumerate(("px", "py", "pz", "e")):
        flight[k, lives] = _MM_TO_CM * column["lifetime"][lives] * column[name][lives] / mass[lives]
    at = np.zeros((4, n))
    # row of the mother in the batch, -1 at the top of the tree
    above = np.where(mother >= 0, np.repeat(offsets[:-1], np.diff(offsets)) + mother, -1)
    # one pass for each generation of the tree
    for _ in range(int(np.max(np.diff(offsets), initial=0)) + 1):
        has = above >= 0
        if not has.any():
            return at
        at[:, has] += flight[:, above[has]]
        above[has] = np.where(mother[above[has]] >= 0, _row_of_mother(above[has], mother, offsets), -1)
    raise InputError(f"cannot read {path}: event {number[np.argmax(above >= 0)]}: mothers go round in a circle")


def _row_of_mother(rows: IntArray, mother: npt.NDArray[np.int32], offsets: IntArray) -> IntArray:
    first: IntArray = offsets[np.searchsorted(offsets, rows, side="right") - 1]
    return first + mother[rows]
