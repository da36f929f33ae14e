"""Event files of other generators on their way into the detector: read, brought to the laboratory, kept as truth."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toymc.constants import pdg_edition
from toymc.errors import InputError
from toymc.geometry.beam import BeamCard
from toymc.io.event_file import EventWriter, FileMetadata
from toymc.io.foreign import ForeignFile, LeftOver, laboratory_frame
from toymc.production.chunks import CHUNK_SIZE
from toymc.streams import stream

OWN = (".h5", ".hdf5")
FOREIGN = (".lhe", ".hepmc3", ".hepmc")


def file_kind(path: Path | str) -> str:
    """``toymc``, ``lhe`` or ``hepmc3``, by the name of a file.

    Raises
    ------
    InputError
        For another ending.

    Examples
    --------
    >>> file_kind("unweighted_events.lhe.gz")
    'lhe'
    """
    name = Path(path).name.lower()
    if name.endswith(OWN):
        return "toymc"
    plain = name.removesuffix(".gz")
    if plain.endswith(".lhe"):
        return "lhe"
    if plain.endswith((".hepmc3", ".hepmc")):
        return "hepmc3"
    raise InputError(f"cannot simulate {path}: toymc reads .h5, .lhe, .lhe.gz, .hepmc3 and .hepmc3.gz files")


def open_foreign(path: Path | str) -> ForeignFile:
    """Open a file of another generator by its ending (readers: `toymc.io.lhe`, `toymc.io.hepmc`)."""
    if file_kind(path) == "lhe":
        from toymc.io.lhe import open_lhe

        return open_lhe(path)
    from toymc.io.hepmc import open_hepmc

    return open_hepmc(path)


def import_events(source: Path | str, out: Path | str, beam: BeamCard, frame: str = "auto", seed: int = 0) -> LeftOver:
    """Write the events of a LHE or HepMC3 file as a file of truth events in the laboratory frame.

    Parameters
    ----------
    source : path
    out : path
        HDF5 file to write.
    beam : BeamCard
        The machine: where the laboratory is, and where the beams meet if the file is not in its laboratory frame.
    frame : str
        Frame of the source: ``lab``, ``cms``, or ``auto`` to tell it from the total momentum.
    seed : int
        Of the drawn collision points and beam energies.

    Returns
    -------
    LeftOver
        What the generator should have let decay, and what has no place in the PDG table.

    Raises
    ------
    InputError
        For a file that is missing, damaged, cut short, in another frame, or holds an unknown PDG code.
    ToymcError
        If `out` cannot be written.
    """
    file = open_foreign(source)
    first = next(file.batches)
    laboratory = laboratory_frame(first, frame, beam, str(source))
    left = LeftOver()
    parameters: dict[str, Any] = {"frame": laboratory.frame}
    if file.generator:
        parameters["generator"] = file.generator
    metadata = FileMetadata(
        process=file.kind,
        seed=seed,
        parameters=parameters,
        pdg_edition=pdg_edition(),
        beam=beam.name,
        chunk_size=CHUNK_SIZE,
        cross_section_fb=file.cross_section_fb,
        cross_section_error_fb=file.cross_section_error_fb,
        source=Path(source).name,
    )
    with EventWriter(out, metadata) as writer:
        for index, batch in enumerate(_chained(first, file)):
            left.add(batch.events)
            writer.append(laboratory.move(batch.events, stream(seed, file.kind, "generate", index)))
        for name, counts in (("undecayed", left.undecayed), ("unseen", left.unseen)):
            if counts:
                parameters[name] = {str(code): count for code, count in sorted(counts.items())}
    return left


def _chained(first: Any, file: ForeignFile) -> Iterator[Any]:
    yield first
    yield from file.batches


@contextmanager
def as_truth(source: Path | str, beam: BeamCard, frame: str, seed: int, beside: Path) -> Iterator[Path]:
    """Path of an HDF5 file with the events of `source`: itself, or a temporary one in the folder of `beside`.

    Raises
    ------
    InputError
        As `import_events`; for an HDF5 file also if a frame is asked for, because it is in the laboratory frame.
    """
    if file_kind(source) == "toymc":
        if frame == "cms":
            raise InputError(f"{source} is an event file of toymc, in the laboratory frame: leave --frame out")
        yield Path(source)
        return
    folder = beside.absolute().parent
    while not folder.is_dir():
        folder = folder.parent
    with tempfile.TemporaryDirectory(prefix=".toymc-", dir=folder) as temporary:
        path = Path(temporary) / "truth.h5"
        import_events(source, path, beam, frame, seed)
        yield path
