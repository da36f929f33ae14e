"""HepMC3 files, read with `pyhepmc` [A. Buckley et al., Comput. Phys. Commun. 260 (2021) 107310].

pyhepmc hands out one event after the other, each with columns of its particles, vertices and links (`GenEventData`);
the columns of a chunk are joined, and nothing after that loops over events or particles. A file is looked through
before it is read: the library takes a file that is cut short for one with fewer events, and words for zeros.

What they become: status 1 final (decayed if the file gives it an end vertex), 2 decayed, 4 (beams) and all generator-
specific codes documentation; the first incoming particle of the production vertex is the mother; lengths in cm, times
from c*t in the file's length unit; a vertex without position is where its mother was made; the first weight; attributes
``helicity`` of particles, which toymc writes. Beams that toymc added when it wrote the file are taken away again.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyhepmc
from pyhepmc.io import ReaderAscii, pyiostream

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_DOCUMENTATION, STATUS_FINAL, EventBatch
from toymc.io.added_beams import without_added_beams
from toymc.io.foreign import ForeignBatch, ForeignFile, check_codes, check_masses

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_START, _END = b"HepMC::Asciiv3-START_EVENT_LISTING", b"HepMC::Asciiv3-END_EVENT_LISTING"
_HEPMC2 = b"HepMC::IO_GenEvent"
# id, mother, code, px, py, pz, E, mass, status
_PARTICLE = re.compile(rb"\nP \d+ -?\d+ -?\d+(?: [-+.\w]+){5} \d+(?=\r?\n)")
_BLOCK = 2**24
_BEAM = 4
_PB_TO_FB = 1e3


class _Columns(NamedTuple):
    """Columns of a chunk: rows of the events laid end to end; links point to rows of the chunk."""

    particles: npt.NDArray[Any]
    positions: FloatArray  # (n_vertices, 4) in cm
    n_particles: IntArray
    production: IntArray  # vertex of each particle, -1 for none
    end: IntArray  # vertex where it ends, -1 for none
    first_in: IntArray  # first incoming particle of each vertex, -1 for none


def open_hepmc(path: Path | str, size: int = 2**12) -> ForeignFile:
    """Open a ``.hepmc3`` or ``.hepmc3.gz`` file.

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
        If the file is missing, damaged, cut short, of the older HepMC2 or not HepMC at all; what lies in the events
        shows while they are read.

    Examples
    --------
    >>> # for batch in open_hepmc("events.hepmc3").batches: ...
    """
    where = Path(path)
    if not where.is_file():
        raise InputError(f"cannot read {path}: {'it is a folder' if where.is_dir() else 'no such file'}")
    n_events = _count(where)
    events = _events(where, n_events)
    first = next(events)
    generator, section = _header(first)
    batches = (without_added_beams(batch, generator) for batch in _batches(where, first, events, size))
    return ForeignFile(where, "hepmc3", generator, *section, batches=batches)


def _count(path: Path) -> int:
    """Events of a file that is whole and whose particle lines hold numbers."""
    n_events, lines, head, tail, rest = 0, 0, b"", b"", b"\n"
    try:
        with _open(path) as file:
            while block := file.read(_BLOCK):
                if not head:
                    head = block[:4096]
                    _check_head(path, head)
                tail = (tail + block)[-256:]
                # whole lines only, each with the line end before and after it
                text = rest + block
                cut = text.rfind(b"\n")
                text, rest = text[: cut + 1], text[cut:]
                n_events += text.count(b"\nE ")
                if text.count(b"\nP ") != len(_PARTICLE.findall(text)):
                    raise _damaged(path, _number_of_fault(text, n_events))
                lines += text.count(b"\nP ")
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(f"cannot read {path}: the compressed file is damaged or cut short") from error
    _check_head(path, head)
    if _END not in tail:
        raise InputError(f"cannot read {path}: the file is cut short (no END_EVENT_LISTING)")
    if n_events == 0 or lines == 0:
        raise InputError(f"cannot read {path}: it holds no events")
    return n_events


def _check_head(path: Path, head: bytes) -> None:
    if _HEPMC2 in head:
        raise InputError(f"cannot read {path}: HepMC2 file: write HepMC3 (Asciiv3), or convert it with pyhepmc")
    if _START not in head:
        raise InputError(f"cannot read {path}: not a HepMC3 file (no Asciiv3 header)")


def _number_of_fault(text: bytes, events_so_far: int) -> int:
    """Number, from 0, of the event in `text` with the first particle line that is no particle."""
    at = text.find(b"\nP ")
    while _PARTICLE.match(text, at):
        at = text.find(b"\nP ", at + 1)
    return max(events_so_far - text.count(b"\nE ", at) - 1, 0)


def _open(path: Path) -> Any:
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else open(path, "rb")


def _events(path: Path, n_events: int) -> Iterator[Any]:
    """Events of pyhepmc, exactly as many as the file announces."""
    setup = (pyhepmc.Setup.print_errors, pyhepmc.Setup.print_warnings, pyhepmc.Setup.debug_level)
    with _open(path) as file, ReaderAscii(pyiostream(file)) as reader:
        for number in range(n_events):
            # the library would write its own words to standard output
            pyhepmc.Setup.print_errors = pyhepmc.Setup.print_warnings = False
            pyhepmc.Setup.debug_level = -1
            try:
                event = reader.read()
            except (RuntimeError, ValueError, TypeError, UnicodeError) as error:
                raise _damaged(path, number) from error
            finally:
                pyhepmc.Setup.print_errors, pyhepmc.Setup.print_warnings, pyhepmc.Setup.debug_level = setup
            if event is None:
                raise _damaged(path, number)
            yield event


def _damaged(path: Path, number: int) -> InputError:
    return InputError(f"cannot read {path}: event {number} is damaged")


def _header(event: Any) -> tuple[str, tuple[float, float]]:
    """Generator and cross-section (fb, error) as the first event tells them."""
    run, section = event.run_info, event.cross_section
    tools = ", ".join(f"{tool.name} {tool.version}".strip() for tool in run.tools) if run is not None else ""
    nothing = (float("nan"), float("nan"))
    if section is None:
        return tools, nothing
    return tools, (_PB_TO_FB * float(section.xsec()), _PB_TO_FB * float(section.xsec_err()))


def _batches(path: Path, first: Any, events: Iterator[Any], size: int) -> Iterator[ForeignBatch]:
    chunk, done = [_Event.of(first)], 0
    for event in events:
        if len(chunk) == size:
            yield _batch(path, chunk, done)
            done += size
            chunk = []
        chunk.append(_Event.of(event))
    yield _batch(path, chunk, done)


class _Event(NamedTuple):
    """What is kept of one event of the library."""

    particles: npt.NDArray[Any]
    vertices: npt.NDArray[Any]
    placed: npt.NDArray[np.bool_]
    links1: npt.NDArray[np.int32]
    links2: npt.NDArray[np.int32]
    momentum_scale: float
    length_scale: float
    weight: float
    helicity: FloatArray

    @classmethod
    def of(cls, event: Any) -> "_Event":
        """Copies of the columns of `event`."""
        data = pyhepmc.GenEventData()
        event.write_data(data)
        return cls(
            np.array(data.particles),
            np.array(data.vertices),
            np.array(event.numpy.vertices.has_set_position, dtype=bool).reshape(-1),
            np.array(data.links1, dtype=np.int32).reshape(-1),
            np.array(data.links2, dtype=np.int32).reshape(-1),
            1e-3 if event.momentum_unit == pyhepmc.Units.MEV else 1.0,
            0.1 if event.length_unit == pyhepmc.Units.MM else 1.0,
            float(event.weights[0]) if len(event.weights) else 1.0,
            _helicity(data),
        )


def _helicity(data: Any) -> FloatArray:
    """Twice the helicity of every particle, from the attributes that toymc writes; 0 where there is none."""
    helicity = np.zeros(len(data.particles))
    names = np.array(data.attribute_name, dtype=object).reshape(-1)
    said = names == "helicity"
    if said.any():
        rows = np.array(data.attribute_id, dtype=np.int64)[said] - 1
        values = np.array(data.attribute_string, dtype=object)[said]
        inside = (rows >= 0) & (rows < len(helicity)) & np.isin(values, ("1.0", "-1.0"))
        helicity[rows[inside]] = values[inside].astype(np.float64)
    return helicity


def _joined(chunk: list[_Event]) -> _Columns:
    n_particles = np.array([len(event.particles) for event in chunk], dtype=np.int64)
    n_vertices = np.array([len(event.vertices) for event in chunk], dtype=np.int64)
    particles = np.concatenate([event.particles for event in chunk])
    scale = np.repeat([event.momentum_scale for event in chunk], n_particles)
    for name in ("px", "py", "pz", "e", "mass"):
        particles[name] = particles[name] * scale
    vertices = np.concatenate([event.vertices for event in chunk])
    positions = np.stack([vertices[name] for name in ("x", "y", "z", "t")], axis=1)
    positions *= np.repeat([event.length_scale for event in chunk], n_vertices)[:, None]
    n_links = np.array([len(event.links1) for event in chunk], dtype=np.int64)
    first_particle = np.repeat(np.cumsum(n_particles) - n_particles, n_links)
    first_vertex = np.repeat(np.cumsum(n_vertices) - n_vertices, n_links)
    one = np.concatenate([event.links1 for event in chunk]).astype(np.int64)
    two = np.concatenate([event.links2 for event in chunk]).astype(np.int64)
    # (particle, -vertex): the particle ends there; (-vertex, particle): it starts there; ids count from 1
    ends, starts = (one > 0) & (two < 0), (one < 0) & (two > 0)
    production, end = np.full(len(particles), -1, np.int64), np.full(len(particles), -1, np.int64)
    end[first_particle[ends] + one[ends] - 1] = first_vertex[ends] - two[ends] - 1
    production[first_particle[starts] + two[starts] - 1] = first_vertex[starts] - one[starts] - 1
    first_in = np.full(len(vertices), -1, np.int64)
    # backwards, so that the first link of a vertex is the one that stays
    first_in[(first_vertex[ends] - two[ends] - 1)[::-1]] = (first_particle[ends] + one[ends] - 1)[::-1]
    placed = np.concatenate([event.placed for event in chunk])
    return _Columns(particles, _placed(positions, placed, production, first_in), n_particles, production, end, first_in)


def _placed(
    positions: FloatArray, placed: npt.NDArray[np.bool_], production: IntArray, first_in: IntArray
) -> FloatArray:
    """Positions with those of the production vertex of the first incoming particle where none is set."""
    before = np.where(first_in >= 0, production[first_in], -1)
    known = placed | (before < 0)
    while not known.all():
        ready = ~known & known[before]
        if not ready.any():
            break  # vertices that go round in a circle: refused by the mothers
        positions[ready] = positions[before[ready]]
        known |= ready
    return positions


def _batch(path: Path, chunk: list[_Event], first: int) -> ForeignBatch:
    c = _joined(chunk)
    particles = c.particles
    offsets = np.concatenate(([0], np.cumsum(c.n_particles)))
    event = np.repeat(np.arange(len(chunk)), c.n_particles)
    code = particles["status"].astype(np.int64)
    status = np.full(len(code), STATUS_DOCUMENTATION, dtype=np.int32)
    status[code == 2] = STATUS_DECAYED
    status[code == 1] = np.where(c.end[code == 1] >= 0, STATUS_DECAYED, STATUS_FINAL)
    px, py, pz, energy = (np.ascontiguousarray(particles[name]) for name in ("px", "py", "pz", "e"))
    p = np.sqrt(px**2 + py**2 + pz**2)
    real = (status == STATUS_FINAL) | (status == STATUS_DECAYED)
    with np.errstate(invalid="ignore"):  # what is not finite is refused below
        mass = np.sqrt(np.maximum((energy - p) * (energy + p), 0.0))
    given = np.where(particles["is_mass_set"], particles["mass"], -1.0)
    mass[real] = check_masses(given[real], energy[real], p[real], first + event[real], str(path))
    top = np.where(c.production >= 0, c.first_in[c.production], -1) if len(c.first_in) else np.full(len(code), -1)
    at = c.positions[c.production] * (c.production >= 0)[:, None] if len(c.first_in) else np.zeros((len(code), 4))
    weight = np.array([e.weight for e in chunk])
    if not np.isfinite(weight).all():
        bad = first + int(np.argmin(np.isfinite(weight)))
        raise InputError(f"cannot read {path}: the weight of event {bad} is not finite")
    batch = EventBatch(
        offsets=offsets,
        pdg=particles["pid"].astype(np.int32),
        status=status,
        mother=np.where(top >= 0, top - offsets[event], -1).astype(np.int32),
        px=px,
        py=py,
        pz=pz,
        mass=mass,
        x=np.ascontiguousarray(at[:, 0]),
        y=np.ascontiguousarray(at[:, 1]),
        z=np.ascontiguousarray(at[:, 2]),
        t=at[:, 3] / SPEED_OF_LIGHT_CM_PER_NS,
        helicity=np.concatenate([e.helicity for e in chunk]),
        weight=weight,
        event_id=first + np.arange(len(chunk), dtype=np.int64),
        process="hepmc3",
    )
    check_codes(batch, str(path))
    batch.validate()
    return ForeignBatch(batch, code == _BEAM)
