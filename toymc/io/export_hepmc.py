"""Writer of HepMC3 files, Asciiv3 [A. Buckley et al., Comput. Phys. Commun. 260 (2021) 107310], by columns.

One vertex per particle that has products, with its position in mm and c*t; the collision vertex joins both beams to
what has no mother. Statuses 1 final, 2 decayed, 3 documentation, 4 beams; helicities are attributes of the particles;
the cross-section (pb) stands in every event. Numbers have 17 digits. Only event numbers beyond 2^31 and the name of the
process are lost. The reader is `toymc.io.hepmc`.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import EventBatch
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
IntArray = npt.NDArray[np.int64]

MARK = b"HepMC::Asciiv3-START_EVENT_LISTING"
_CM_TO_MM = 10.0
_FB_TO_PB = 1e-3
_BEAM = 4
_SAME_PLACE_CM = 1e-9
_FOOT = b"HepMC::Asciiv3-END_EVENT_LISTING\n\n"


def write_hepmc(batches: Iterable[EventBatch], out: Path | str, metadata: FileMetadata, beam: BeamCard | None) -> int:
    """Write truth events as ``.hepmc3`` or ``.hepmc3.gz``.

    Parameters
    ----------
    batches : iterable of EventBatch
        In the laboratory.
    out : path
        A HepMC3 file of that name is replaced, anything else is refused.
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
        For events that the format cannot hold (products of one particle born at different places), or a target that is
        another file.
    ToymcError
        If the file cannot be written.

    Examples
    --------
    >>> # with EventFile("a.h5") as file: write_hepmc(file.batches(), "a.hepmc3", file.metadata, load_beam("belle2"))
    """
    path = Path(out)
    check_replaceable(path, MARK, "HepMC3")
    where, n_events, added = metadata.source or metadata.process, 0, True
    with text_file(path) as file:
        for batch in batches:
            if batch.n_events == 0:
                continue
            if n_events == 0:
                added = not own_beams(batch)
                file.write(_header(metadata, added).encode())
            file.write(_text(with_beams(batch, beam, where, added), metadata, where).encode())
            n_events += batch.n_events
        if n_events == 0:
            raise InputError(f"cannot convert {where}: it holds no events")
        file.write(_FOOT)
    return n_events


def _header(metadata: FileMetadata, added: bool) -> str:
    what = "".join(c if c.isalnum() or c in " _.,-+" else " " for c in metadata.process)
    return (
        f"HepMC::Version 3.02.05\n{MARK.decode()}\nW Default\n"
        f"T {generator_name(added)}\\|{version()}\\|process {what}\n"
    )


def _vertices(rows: Exported, place: IntArray, where: str) -> tuple[IntArray, IntArray, IntArray]:
    """Vertex id (from 1, within its event) of each row, 0 for beams; first product and mother of each vertex."""
    events = rows.events
    index = events.event_index
    made = np.flatnonzero(~rows.beams)
    # the row of the mother; the second beam stands for the collision
    key = (events.offsets[index] + np.where(rows.mother >= 0, rows.mother, 1))[made]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    first, which = made[first[order]], rank[which.reshape(-1)]
    for name in "xyz":
        column = getattr(events, name)
        apart = np.abs(column[made] - column[first][which]) > _SAME_PLACE_CM * (1.0 + np.abs(column[made]))
        if apart.any():
            event = events.event_id[index[made[np.argmax(apart)]]]
            raise InputError(
                f"cannot convert {where}: products of one particle of event {event} start at different places, which "
                "HepMC3 cannot hold"
            )
    per_event = np.bincount(index[first], minlength=events.n_events)
    before = np.concatenate(([0], np.cumsum(per_event)))[:-1]
    number = np.zeros(events.n_particles, dtype=np.int64)
    number[made] = which + 1 - before[index[made]]
    return number, first, rows.mother[first]


def _text(rows: Exported, metadata: FileMetadata, where: str) -> str:
    events = rows.events
    index = events.event_index
    place = np.arange(events.n_particles) - np.repeat(events.offsets[:-1], events.counts)
    number, first, mother = _vertices(rows, place, where)
    status = np.where(rows.beams, _BEAM, events.status)
    particles = lines_of(
        "P %d %d %d %.16e %.16e %.16e %.16e %.16e %d",
        place + 1, -number, events.pdg, events.px, events.py, events.pz, events.energy, events.mass, status,
    )  # fmt: skip
    incoming = np.where(mother >= 0, (mother + 1).astype(str), "1,2")
    at = [_CM_TO_MM * getattr(events, name)[first] for name in "xyz"]
    time = _CM_TO_MM * SPEED_OF_LIGHT_CM_PER_NS * events.t[first]
    vertices = lines_of("V %d 0 [%s] @ %.16e %.16e %.16e %.16e", -number[first], incoming, *at, time)
    spins = np.flatnonzero(events.helicity != 0.0)
    helicities = lines_of("A %d helicity %.1f", place[spins] + 1, events.helicity[spins])
    all_events = np.arange(events.n_events)
    per_event = np.bincount(index[first], minlength=events.n_events)
    numbers = events.event_id if np.all(np.abs(events.event_id) < 2**31) else all_events
    section = ""
    if np.isfinite(metadata.cross_section_fb) and np.isfinite(metadata.cross_section_error_fb):
        value, error = _FB_TO_PB * metadata.cross_section_fb, _FB_TO_PB * metadata.cross_section_error_fb
        section = f"\nA 0 GenCrossSection {value:.16e} {error:.16e} -1 -1"
    heads = lines_of("E %d %d %d\nU GEV MM\nW %.22e" + section, numbers, per_event, events.counts, events.weight)
    return merged([
        (heads, all_events, np.full(events.n_events, -2), 0),
        (helicities, index[spins], np.full(len(spins), -1), 0),
        (vertices, index[first], place[first], 0),
        (particles, index, place, 1),
    ])  # fmt: skip
