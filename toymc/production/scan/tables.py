"""Candidate tables of one sample: generated, simulated, combined and weighed chunk by chunk, kept on disk by content.

Identification enters as a weight (the product of the probabilities of the tracks), never as a decision: a sample of
fakes is then worth all its candidates. What a table depends on (process, parameters, seed, number of events, card,
channel, and the sources of everything above this room) is in the name of its file, so that no file can be out of date.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.b_candidates import b_candidates, true_proper_length
from toymc.analysis.selection import Selection
from toymc.detector import Detector, identification_error, identification_probability, simulate
from toymc.generators.cache import cached_arrays, installed
from toymc.generators.processes import PreparedProcess, prepare
from toymc.geometry.beam import BeamCard
from toymc.production.chunks import Chunk, Progress, map_chunks, plan_chunks
from toymc.streams import stream
from toymc.studies.scan_study import ScanChannel

FloatArray = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]

KEPT = (
    "event", "Mbc", "deltaE", "dv", "M", "Mred", "MPiPi", "cosPointingXY", "foxWolframR2", "x1_thetaExtrapolated",
    "x2_thetaExtrapolated", "isSignal", "pairMotherPDG", "kaon_pdg", "x1_pdg", "x2_pdg",
    "weight", "triggerWeight",
)  # fmt: skip
"""Columns of a candidate table besides identification, identificationError and properLength."""
_ROOMS = ("geometry", "generators", "detector", "analysis")


@dataclass(frozen=True)
class CandidateTable:
    """Candidates of one sample.

    Attributes
    ----------
    columns : dict of str to array (n,)
        `KEPT`; ``identification`` probability of all tracks, ``identificationError`` its relative error,
        ``properLength`` of the new particle in cm (NaN without one).
    generated : int
    cross_section_fb : float
        Of the process.
    """

    columns: Columns
    generated: int
    cross_section_fb: float

    def select(self, cuts: Mapping[str, str]) -> "CandidateTable":
        """The candidates that pass all cuts."""
        mask = np.ones(len(self.columns["event"]), dtype=np.bool_)
        for cut in cuts.values():
            mask &= Selection(cut).mask(self.columns)
        return self.where(mask)

    def where(self, mask: npt.NDArray[np.bool_]) -> "CandidateTable":
        """The candidates of a mask."""
        kept = {name: column[mask] for name, column in self.columns.items()}
        return CandidateTable(kept, self.generated, self.cross_section_fb)

    @property
    def weights(self) -> FloatArray:
        """Generator, trigger and identification, float64 (n,)."""
        c = self.columns
        result: FloatArray = c["weight"] * c["triggerWeight"] * c["identification"]
        return result


@cache
def _sources() -> str:
    """Hash of all that lies above the analysis, code and tables."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        pending = [resources.files("toymc").joinpath(room)]
        while pending:
            here = pending.pop()
            for entry in sorted(here.iterdir(), key=lambda e: e.name):
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        pending.append(entry)
                elif entry.name.endswith((".py", ".toml", ".csv", ".json")):
                    digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()


def weigh(columns: Columns, channel: ScanChannel, detector: Detector) -> None:
    """Add the columns identification and identificationError of a channel to candidates."""
    probability, square = np.ones(len(columns["event"])), np.zeros(len(columns["event"]))
    for track, point in channel.selection.identification.items():
        code, p, theta = (columns[f"{track}_{name}"] for name in ("pdg", "p", "theta"))
        charge = columns[f"{track}_charge"].astype(np.int32)
        probability *= identification_probability(detector, point, code, p, theta, charge)
        square += identification_error(detector, point, code, p, theta, charge) ** 2
    columns["identification"], columns["identificationError"] = probability, np.sqrt(square)


def _task(
    channel: ScanChannel, process: PreparedProcess, detector: Detector, beam: BeamCard, name: str, seed: int,
    chunk: Chunk,
) -> Columns:  # fmt: skip
    truth = process.generate(stream(seed, name, "generate", chunk.index), chunk.n_events, chunk.first_event)
    reco = simulate(truth, detector, stream(seed, name, "simulate", chunk.index))
    table = b_candidates(reco, detector, channel.pair, beam.boost, beam.sqrt_s)
    weigh(table, channel, detector)
    table["properLength"] = true_proper_length(reco.truth, channel.code)[table["event"]]
    table["event"] = table["event"] + chunk.first_event
    names = (*KEPT, "identification", "identificationError", "properLength")
    return {key: np.ascontiguousarray(table[key]) for key in names}


def candidate_table(
    channel: ScanChannel,
    name: str,
    process: str,
    parameters: Mapping[str, object],
    detector: Detector,
    beam: BeamCard,
    *,
    seed: int,
    events: int,
    workers: int = 1,
    progress: Progress | None = None,
) -> CandidateTable:
    """The candidates of one sample, from the cache or made and kept.

    Parameters
    ----------
    channel : ScanChannel
    name : str
        Of the sample and of its random streams.
    process : str
    parameters : mapping
    detector : Detector
    beam : BeamCard
    seed, events : int
    workers : int
        Threads; the result does not depend on it.
    progress : callable, optional
        Called with (events done, events).

    Returns
    -------
    CandidateTable
    """
    prepared = prepare(process, parameters, beam, seed)
    task = partial(_task, channel, prepared, detector, beam, name, seed)

    def build() -> Columns:
        parts = list(map_chunks(task, plan_chunks(events), workers, "local", progress))
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    words = (
        "candidates", _sources(), installed("pythia8mc"), name, process, json.dumps(dict(parameters), sort_keys=True),
        detector.card.name, json.dumps(asdict(channel.pair)),
        json.dumps(dict(channel.selection.identification)), str(channel.code), str(seed), str(events),
    )  # fmt: skip
    return CandidateTable(cached_arrays("candidates", words, build), events, prepared.cross_section_fb)


def best_candidates(table: CandidateTable, by: str) -> CandidateTable:
    """One candidate of every event, the one with the lowest value of an expression."""
    from toymc.analysis.candidates import best_candidate

    return table.where(best_candidate(table.columns, by))
