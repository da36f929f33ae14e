"""Writer of Les Houches event files, version 3 [J. Alwall et al., hep-ph/0609017], by columns.

What an LHE file cannot hold is lost: the collision point and time (everything is relative to it), the helicity of other
particles than leptons, event numbers. The decay of a particle is kept as VTIMUP, c*tau in mm in its rest frame, which
puts its products on its line of flight. Weights are XWGTUP; the cross-section (XSECUP, pb) is that before weights, with
weighting strategy 3. Numbers have 17 digits. The reader is `toymc.io.lhe`.
"""

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA, SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import STATUS_DOCUMENTATION, EventBatch
from toymc.geometry.beam import BeamCard
from toymc.io.event_file import FileMetadata
from toymc.io.export_rows import (
    Exported,
    check_replaceable,
    generator_name,
    lines_of,
    merged,
    own_beams,
    text_file,
    version,
    with_beams,
)

FloatArray = npt.NDArray[np.float64]

MARK = b"<LesHouchesEvents"
_CM_TO_MM = 10.0
_FB_TO_PB = 1e-3
_UNKNOWN_SPIN = 9.0
_HEAD = "%d 1 %.16e %.16e %.16e -1.0"
_ROW = "%d %d %d %d 0 0 %.16e %.16e %.16e %.16e %.16e %.16e %.1f"


def write_lhe(batches: Iterable[EventBatch], out: Path | str, metadata: FileMetadata, beam: BeamCard | None) -> int:
    """Write truth events as ``.lhe`` or ``.lhe.gz``.

    Parameters
    ----------
    batches : iterable of EventBatch
        In the laboratory.
    out : path
        A LHE file of that name is replaced, anything else is refused.
    metadata : FileMetadata
        Of the events: process, cross-section, source.
    beam : BeamCard, optional
        The machine.

    Returns
    -------
    int
        Number of events written.

    Raises
    ------
    InputError
        For events that the format cannot hold, or a target that is another file.
    ToymcError
        If the file cannot be written.

    Examples
    --------
    >>> # with EventFile("a.h5") as file: write_lhe(file.batches(), "a.lhe.gz", file.metadata, load_beam("belle2"))
    """
    path = Path(out)
    check_replaceable(path, MARK, "LHE")
    where, n_events, added = metadata.source or metadata.process, 0, True
    with text_file(path) as file:
        for batch in batches:
            if batch.n_events == 0:
                continue
            if n_events == 0:
                added = not own_beams(batch)
            rows = with_beams(batch, beam, where, added)
            if n_events == 0:
                file.write(_header(rows, metadata, added).encode())
            file.write(_text(rows).encode())
            n_events += batch.n_events
        if n_events == 0:
            raise InputError(f"cannot convert {where}: it holds no events")
        file.write(b"</LesHouchesEvents>\n")
    return n_events


def _header(rows: Exported, metadata: FileMetadata, added: bool) -> str:
    """Everything in front of the first event; beam energies are those of the first event."""
    first = rows.events.slice(0, 1)
    codes, energies = first.pdg[:2].tolist(), first.energy[:2].tolist()
    known = (metadata.cross_section_fb, metadata.cross_section_error_fb)
    section = [_FB_TO_PB * value if np.isfinite(value) else 0.0 for value in known]
    generator = f"name={quoteattr(generator_name(added))} version={quoteattr(version())}"
    return (
        '<LesHouchesEvents version="3.0">\n<header>\n</header>\n<init>\n'
        f"{codes[0]} {codes[1]} {energies[0]:.16e} {energies[1]:.16e} 0 0 0 0 3 1\n"
        f"{section[0]:.16e} {section[1]:.16e} 1.0 1\n"
        f"<generator {generator}>process {_plain(metadata.process)}</generator>\n</init>\n"
    )


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() or c in " _.,-+" else " " for c in text)


def proper_flight(rows: Exported) -> FloatArray:
    """c*tau in cm of every row, from its first daughter: the way there over p/m, for one at rest the time; (n,).

    Raises
    ------
    InputError
        Never.
    """
    events = rows.events
    n = events.n_particles
    start = np.repeat(events.offsets[:-1], events.counts)
    daughters = np.flatnonzero(rows.mother >= 0)[::-1]
    first = np.full(n, -1)
    first[(start + rows.mother)[daughters]] = daughters
    has = (first >= 0) & (events.mass > 0.0)
    at = np.flatnonzero(has)
    way = np.sqrt(sum((getattr(events, k)[first[at]] - getattr(events, k)[at]) ** 2 for k in "xyz"))
    p = np.sqrt(events.px[at] ** 2 + events.py[at] ** 2 + events.pz[at] ** 2)
    wait = SPEED_OF_LIGHT_CM_PER_NS * np.maximum(events.t[first[at]] - events.t[at], 0.0)
    moving = p > 1e-9 * events.mass[at]
    length = np.zeros(n)
    length[at] = np.where(moving, way * events.mass[at] / np.where(moving, p, 1.0), wait)
    return length


def _text(rows: Exported) -> str:
    events = rows.events
    counts = events.counts
    code = np.where(events.status == STATUS_DOCUMENTATION, 3, events.status).astype(np.int64)
    code[rows.beams] = -1
    # mothers count from 1; what has none comes from both beams
    first = np.where(rows.beams, 0, np.where(rows.mother >= 0, rows.mother + 1, 1))
    last = np.where(rows.beams, 0, np.where(rows.mother >= 0, rows.mother + 1, 2))
    lepton = (np.abs(events.pdg) >= 11) & (np.abs(events.pdg) <= 16) & (events.helicity != 0.0)
    particles = lines_of(
        _ROW, events.pdg, code, first, last, events.px, events.py, events.pz, events.energy, events.mass,
        _CM_TO_MM * proper_flight(rows), np.where(lepton, events.helicity, _UNKNOWN_SPIN),
    )  # fmt: skip
    index = events.event_index
    beams = [np.bincount(index, np.where(rows.beams, column, 0.0)) for column in (events.px, events.py, events.pz)]
    energy = np.bincount(index, np.where(rows.beams, events.energy, 0.0))
    scale = np.sqrt(np.maximum(energy**2 - sum(c**2 for c in beams), 0.0))
    heads = lines_of("<event>\n" + _HEAD, counts, events.weight, scale, np.full(len(counts), ALPHA))
    number = np.arange(len(counts))
    place = np.arange(events.n_particles) - np.repeat(events.offsets[:-1], counts)
    return merged([
        (heads, number, np.full(len(counts), -1), 0),
        (particles, index, place, 0),
        (["</event>"] * len(counts), number, counts, 0),
    ])  # fmt: skip
