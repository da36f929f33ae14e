"""Event files at scale: generate a process, simulate a file, chunk by chunk with flat memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toymc.constants import pdg_edition
from toymc.errors import InputError
from toymc.events import EventBatch, Reconstruction
from toymc.io.event_file import EventFile, EventWriter, FileMetadata
from toymc.io.outputs import check_file
from toymc.production.chunks import CHUNK_SIZE, Chunk, Progress, map_chunks, plan_chunks
from toymc.production.foreign_input import as_truth
from toymc.streams import stream

if TYPE_CHECKING:
    from toymc.detector import Detector
    from toymc.generators.processes import PreparedProcess


@dataclass(frozen=True)
class GenerateChunk:
    """Task: the truth events of one chunk."""

    prepared: "PreparedProcess"
    process: str
    seed: int

    def __call__(self, chunk: Chunk) -> EventBatch:
        rng = stream(self.seed, self.process, "generate", chunk.index)
        return self.prepared.generate(rng, chunk.n_events, chunk.first_event)


@dataclass(frozen=True)
class SimulateChunk:
    """Task: what the detector makes of one chunk of an event file, of which the generator's rows are read."""

    path: Path
    detector: "Detector"
    process: str
    seed: int

    def __call__(self, chunk: Chunk) -> Reconstruction:
        from toymc.detector import simulate

        with EventFile(self.path) as file:
            batch = file.read_truth(chunk.first_event, chunk.first_event + chunk.n_events)
        return simulate(batch, self.detector, stream(self.seed, self.process, "simulate", chunk.index))


def generate_file(
    process: str,
    n_events: int,
    out: Path | str,
    *,
    parameters: Mapping[str, Any] | None = None,
    beam: str = "belle2",
    seed: int = 0,
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> FileMetadata:
    """Generate truth events into an HDF5 file.

    Parameters
    ----------
    process : str
        Name in `toymc.generators.processes.PROCESSES`.
    n_events : int
        At least 1.
    out : path
        The same arguments give the same bytes, whatever `workers` and `executor`.
    parameters : mapping, optional
        Of the process.
    beam : str
        Name or path of a beam card.
    seed : int
    workers, executor, scheduler, progress
        See `toymc.production.chunks.map_chunks`.

    Returns
    -------
    FileMetadata
        What the file says about itself.

    Raises
    ------
    InputError
        For an unknown process, a bad parameter, or a target that is not an event file.
    ToymcError
        If the file cannot be written.
    """
    from toymc.generators.processes import prepare
    from toymc.geometry.beam import load_beam

    if n_events < 1:
        raise InputError(f"{n_events} events: give at least 1")
    prepared = prepare(process, dict(parameters or {}), load_beam(beam), seed)
    metadata = FileMetadata(
        process=process,
        seed=seed,
        parameters=dict(prepared.parameters),
        pdg_edition=pdg_edition(),
        beam=beam,
        chunk_size=CHUNK_SIZE,
        cross_section_fb=prepared.cross_section_fb,
        cross_section_error_fb=prepared.cross_section_error_fb,
    )
    task = GenerateChunk(prepared, process, seed)
    with EventWriter(out, metadata) as writer:
        chunks = plan_chunks(n_events)
        for batch in map_chunks(task, chunks, workers, executor, progress, scheduler=scheduler):
            writer.append(batch)
    return metadata


def simulate_file(
    source: Path | str,
    out: Path | str,
    *,
    card: str = "belle2",
    seed: int | None = None,
    frame: str = "auto",
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> FileMetadata:
    """Send the events of a file through a detector.

    Parameters
    ----------
    source : path
        Event file of toymc (``.h5``; of a simulated one, what the other card made of the events is taken away), or
        ``.lhe``, ``.lhe.gz``, ``.hepmc3``, ``.hepmc3.gz`` of another generator.
    out : path
    card : str
        Name or path of a detector card.
    seed : int, optional
        That of the source if not given, 0 for a source without one.
    frame : str
        Frame of a LHE or HepMC3 source: ``lab``, ``cms`` or ``auto``; see `toymc.io.foreign.laboratory_frame`.
    workers, executor, scheduler, progress
        See `toymc.production.chunks.map_chunks`.

    Returns
    -------
    FileMetadata
        Of the new file; for a source of another generator `parameters` also says which final particles the generator
        should have let decay (``undecayed``) and which are unknown to the PDG table (``unseen``), with their numbers.

    Raises
    ------
    InputError
        If the source is not an event file, is damaged or in another frame, or the card is bad.
    ToymcError
        If the file cannot be written.
    """
    from toymc.detector import build_detector
    from toymc.geometry import load_card

    path, target = Path(source), Path(out)
    if path.absolute() == target.absolute():
        raise InputError(f"{out} is the input: name another output file")
    check_file(out)
    loaded = load_card(card)
    with as_truth(path, loaded.beam, frame, 0 if seed is None else seed, target) as truth:
        with EventFile(truth) as file:
            origin, n_events = file.metadata, file.n_events
        metadata = FileMetadata(
            process=origin.process,
            seed=origin.seed if seed is None else seed,
            parameters=origin.parameters,
            pdg_edition=pdg_edition(),
            beam=origin.beam,
            card=card,
            chunk_size=origin.chunk_size,
            cross_section_fb=origin.cross_section_fb,
            cross_section_error_fb=origin.cross_section_error_fb,
            source=path.name,
        )
        task = SimulateChunk(truth, build_detector(loaded), origin.process, metadata.seed)
        with EventWriter(out, metadata) as writer:
            chunks = plan_chunks(n_events, origin.chunk_size)
            for reconstruction in map_chunks(task, chunks, workers, executor, progress, scheduler=scheduler):
                writer.append(reconstruction)
    return metadata
