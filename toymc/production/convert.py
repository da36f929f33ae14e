"""Event files from one format to another: HDF5 of toymc, LHE, HepMC3.

Every way leads through truth events in the laboratory: a LHE or HepMC3 input is read as
`toymc.production.foreign_input` does, a simulated file gives the events as the generator made them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.geometry.beam import BeamCard, load_beam
from toymc.io.event_file import EventFile, EventWriter
from toymc.io.outputs import check_file
from toymc.production.chunks import Progress
from toymc.production.foreign_input import as_truth, file_kind, import_events

_BATCH = 2**12


def convert_file(
    source: Path | str,
    out: Path | str,
    *,
    beam: str | None = None,
    frame: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
) -> int:
    """Write the events of a file in the format that the name of the other asks for.

    Parameters
    ----------
    source, out : path
        ``.h5``, ``.lhe``, ``.lhe.gz``, ``.hepmc3`` or ``.hepmc3.gz``.
    beam : str, optional
        Beam card by name or path: the machine of a foreign source, the direction of the electrons in a foreign output.
        That of the source if not given, else belle2.
    frame : str
        Of a LHE or HepMC3 source: ``lab``, ``cms`` or ``auto``.
    seed : int
        Of the drawn collision points and beam energies of a source that is not in the laboratory.
    progress : callable, optional
        Called with the numbers of events done and in all; not for a foreign source.

    Returns
    -------
    int
        Number of events.

    Raises
    ------
    InputError
        If the source is missing or damaged, an ending is unknown, or the format cannot hold the events.
    ToymcError
        If the file cannot be written.
    """
    path, target = Path(source), Path(out)
    kinds = file_kind(path), _target_kind(target)
    if path.absolute() == target.absolute():
        raise InputError(f"{out} is the input: name another output file")
    check_file(out)
    card = load_beam(beam or "belle2")
    if kinds[1] == "toymc":
        if kinds[0] != "toymc":
            import_events(path, target, card, frame, seed)
            with EventFile(target) as file:
                return file.n_events
        return _truth_of(path, target, progress)
    with as_truth(path, card, frame, seed, target) as truth:
        return _export(truth, target, kinds[1], path.name, beam, progress)


def _target_kind(target: Path) -> str:
    try:
        return file_kind(target)
    except InputError:
        raise InputError(f"cannot write {target}: name a file with .h5, .lhe, .lhe.gz, .hepmc3 or .hepmc3.gz") from None


@contextmanager
def _batches(path: Path, progress: Progress | None) -> Iterator[Iterator[EventBatch]]:
    """Truth events of an HDF5 file, chunk by chunk."""
    with EventFile(path) as file:

        def read() -> Iterator[EventBatch]:
            for lo in range(0, file.n_events, _BATCH):
                hi = min(lo + _BATCH, file.n_events)
                yield file.read_truth(lo, hi)
                if progress is not None:
                    progress(hi, file.n_events)

        yield read()


def _truth_of(path: Path, target: Path, progress: Progress | None) -> int:
    """The truth of a simulated file as a file of its own."""
    with EventFile(path) as file:
        if file.kind is EventBatch:
            raise InputError(f"{path} holds truth events of toymc already: name an output .lhe or .hepmc3")
        metadata = replace(file.metadata, card="", source=path.name)
    with _batches(path, progress) as batches, EventWriter(target, metadata) as writer:
        for batch in batches:
            writer.append(batch)
        return writer.n_events


def _export(truth: Path, target: Path, kind: str, name: str, beam: str | None, progress: Progress | None) -> int:
    from toymc.io.export_hepmc import write_hepmc
    from toymc.io.export_lhe import write_lhe

    with EventFile(truth) as file:
        metadata = replace(file.metadata, source=name)
    card = _card(beam or metadata.beam)
    write = write_lhe if kind == "lhe" else write_hepmc
    with _batches(truth, progress) as batches:
        return write(batches, target, metadata, card)


def _card(name: str) -> BeamCard | None:
    """The card of the source; None if it is not at hand any more."""
    try:
        return load_beam(name)
    except InputError:
        return None
