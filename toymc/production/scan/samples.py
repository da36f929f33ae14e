"""The samples of a search: candidate tables of the signal at its nodes, and of the backgrounds."""

from toymc.detector import Detector
from toymc.geometry.beam import BeamCard
from toymc.production.chunks import ProgressFactory
from toymc.production.scan.tables import CandidateTable, candidate_table
from toymc.studies.scan_study import ScanChannel, ScanStudy

_LEAST_EVENTS = 1000


def node_tables(
    study: ScanStudy,
    channel: ScanChannel,
    detector: Detector,
    beam: BeamCard,
    seed: int,
    scale: float,
    workers: int,
    notify: ProgressFactory | None = None,
) -> dict[float, list[CandidateTable]]:
    """Node -> candidate tables, one for each generated lifetime."""
    events = max(_LEAST_EVENTS, round(study.signal_events * scale))
    tables: dict[float, list[CandidateTable]] = {}
    total = events * len(channel.nodes) * len(study.generated_ctau_cm)
    progress, done = None if notify is None else notify(f"signal {channel.name}"), 0
    for mass in channel.nodes:
        tables[mass] = []
        for ctau in study.generated_ctau_cm:
            parameters = {**channel.parameters, "mass": mass, "ctau": ctau}
            tables[mass].append(
                candidate_table(
                    channel,
                    f"signal_{channel.name}_{mass:g}_{ctau:g}",
                    channel.process,
                    parameters,
                    detector,
                    beam,
                    seed=seed,
                    events=events,
                    workers=workers,
                )  # fmt: skip
            )
            done += events
            if progress is not None:
                progress(done, total)
    return tables


def background_tables(
    study: ScanStudy, channel: ScanChannel, detector: Detector, beam: BeamCard, seed: int, scale: float, workers: int,
    notify: ProgressFactory | None = None,
) -> dict[str, CandidateTable]:  # fmt: skip
    """Candidate tables of the background samples of a channel, by name."""
    return {
        sample.name: candidate_table(
            channel, f"{sample.name}_{channel.name}", sample.process, sample.parameters, detector, beam,
            seed=seed, events=max(_LEAST_EVENTS, round(sample.events * scale)), workers=workers,
            progress=None if notify is None else notify(sample.name),
        )
        for sample in study.backgrounds
    }  # fmt: skip
