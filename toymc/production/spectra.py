"""From samples to spectra: generate, simulate, select and histogram in chunks.

One task does all stages on one chunk while its arrays are in the cache, and returns histograms only: memory does not
grow with the number of events. Chunks are merged in order with compensated sums, so that any number of workers gives
the same spectra to the last bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import numpy as np

from toymc.analysis.cutflow import CutFlow
from toymc.analysis.histogram import Histogram
from toymc.detector import Detector, simulate
from toymc.events import Reconstruction
from toymc.generators.processes import PreparedProcess, prepare
from toymc.geometry.beam import BeamCard
from toymc.production.chunks import Chunk, Progress, map_chunks, plan_chunks
from toymc.streams import stream
from toymc.studies.study import NOMINAL, Channel, Columns, FloatArray, Sample, Spectrum, Study

Templates = dict[tuple[str, str], Histogram]
"""(channel, template) -> histogram of one sample."""
Parts = dict[tuple[str, str, int], Histogram]
"""(channel, shift, part of the events) -> histogram of one sample."""


@dataclass(frozen=True)
class SampleOutcome:
    """Sums over the events of one sample.

    Attributes
    ----------
    templates : dict
        (channel, template) -> `Histogram`.
    cutflows : dict of str to CutFlow
    generated : int
    shifted : dict
        (channel, shift, part of the events) -> `Histogram`, see `Channel.shifts`; parts without events are absent.
    """

    templates: Templates
    cutflows: dict[str, CutFlow]
    generated: int
    shifted: Parts = field(default_factory=dict)

    def __add__(self, other: Self) -> Self:
        shifted = dict(self.shifted)
        for part, more in other.shifted.items():
            shifted[part] = shifted[part] + more if part in shifted else more
        return type(self)(
            {key: self.templates[key] + other.templates[key] for key in self.templates},
            {key: self.cutflows[key] + other.cutflows[key] for key in self.cutflows},
            self.generated + other.generated,
            shifted,
        )


@dataclass(frozen=True)
class SampleRun:
    """What became of a sample: its sums, and how many events in data a mean weight of 1 stands for."""

    sample: Sample
    outcome: SampleOutcome
    expected: float

    @property
    def scale(self) -> float:
        """Events in data per unit of weight in the sample."""
        return self.expected / self.outcome.generated

    def spectrum(self, channel: Channel, template: str) -> Spectrum:
        """Expected events in data of one template."""
        histogram = self.outcome.templates[channel.name, template]
        return Spectrum(
            nominal=self.scale * histogram.values(),
            variance=self.scale**2 * histogram.variances(),
            raw=histogram.values("events"),
            up={source: self.scale * histogram.values(f"{source}_up") for source in channel.sources},
            down={source: self.scale * histogram.values(f"{source}_down") for source in channel.sources},
        )


IDENTIFIED = "identification and weights"


def empty_outcome(study: Study, sample: Sample) -> SampleOutcome:
    """No events yet, with every histogram and cut flow that the sample will fill."""
    templates, cutflows = {}, {}
    for channel in _channels(study, sample):
        labels = ("nominal", *(f"{s}_{side}" for s in channel.sources for side in ("up", "down")), "events")
        for template in channel.templates:
            templates[channel.name, template] = Histogram.of(channel.edges, labels)
        steps = {stage: None for stage in study.stages}
        cutflows[channel.name] = CutFlow.of({**steps, **channel.selections, IDENTIFIED: None})
    return SampleOutcome(templates, cutflows, 0)


def _shifted(sample: Sample, channel: Channel, selected: Columns, weight: FloatArray, part: int) -> Parts:
    """The observable as it is, and with every shift that the sample is filled with."""
    found = {}
    for name in (NOMINAL, *sample.shifts):
        if name == NOMINAL:
            values, factor = selected[channel.observable], np.ones(len(weight))
        else:
            values, factor = channel.shifts[name](selected)
        found[channel.name, name, part] = Histogram.of(channel.edges).fill(values, weight * factor)
    return found


def _channels(study: Study, sample: Sample) -> list[Channel]:
    return [study.channel(name) for name in sample.channels]


def fill(study: Study, sample: Sample, detector: Detector, reco: Reconstruction, part: int = 0) -> SampleOutcome:
    """Select, weigh and histogram one batch.

    Parameters
    ----------
    study, sample : Study, Sample
    detector : Detector
    reco : Reconstruction
    part : int
        Of the sample, modulo the number of parts of a channel: what the shifted observables are kept by.

    Returns
    -------
    SampleOutcome
    """
    columns, stage = study.observe(reco)
    outcome = empty_outcome(study, sample)
    templates, cutflows = dict(outcome.templates), dict(outcome.cutflows)
    shifted: Parts = {}
    weight, reached = reco.weight, []
    for index in range(len(study.stages)):
        passed = stage >= index
        weight, stage = weight[passed], stage[passed]
        reached.append(weight)
    for channel in _channels(study, sample):
        flow = cutflows[channel.name]
        for label, left in zip(study.stages, reached, strict=True):
            flow = flow.count(label, left)
        flow, mask = flow.apply(columns, columns["weight"])
        kept = np.flatnonzero(mask)
        selected: Columns = {name: column.take(kept, axis=0) for name, column in columns.items()}
        weights = channel.weigh(selected, detector)
        cutflows[channel.name] = flow.count(IDENTIFIED, weights.nominal)
        matrix = weights.matrix(weights.nominal > 0.0)
        which = channel.classify(selected)
        for index, template in enumerate(channel.templates):
            mine = np.flatnonzero(which == index)
            key = (channel.name, template)
            templates[key] = templates[key].fill(selected[channel.observable].take(mine), matrix.take(mine, axis=0))
        if channel.parts:
            shifted.update(_shifted(sample, channel, selected, weights.nominal, part % channel.parts))
    return SampleOutcome(templates, cutflows, reco.n_events, shifted)


def _task(
    study: Study, sample: Sample, process: PreparedProcess, detector: Detector, seed: int, chunk: Chunk
) -> SampleOutcome:
    rng = stream(seed, sample.name, "generate", chunk.index)
    truth = process.generate(rng, chunk.n_events, chunk.first_event)
    if sample.thin is not None:
        truth = sample.thin(truth, rng)
    reco = simulate(truth, detector, stream(seed, sample.name, "simulate", chunk.index))
    return replace(fill(study, sample, detector, reco, chunk.index), generated=chunk.n_events)


def run_sample(
    study: Study,
    sample: Sample,
    detector: Detector,
    beam: BeamCard,
    luminosity_fb: float,
    seed: int,
    events: int,
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> SampleRun:
    """Run one sample through the chain.

    Parameters
    ----------
    study, sample, detector, beam
        What to run.
    luminosity_fb : float
    seed : int
    events : int
        Events to generate.
    workers, executor, scheduler, progress
        See `toymc.production.chunks.map_chunks`.

    Returns
    -------
    SampleRun
    """
    process = prepare(sample.process, sample.parameters, beam, seed)
    task = partial(_task, study, sample, process, detector, seed)
    total = empty_outcome(study, sample)
    for outcome in map_chunks(task, plan_chunks(events), workers, executor, progress, scheduler=scheduler):
        total = total + outcome
    return SampleRun(sample, total, sample.expected(process, luminosity_fb))


def spectra_of(study: Study, runs: Mapping[str, SampleRun]) -> dict[tuple[str, str, str], Spectrum]:
    """(sample, channel, template) -> expected events in data."""
    return {
        (name, channel.name, template): run.spectrum(channel, template)
        for name, run in runs.items()
        for channel in _channels(study, run.sample)
        for template in channel.templates
    }


def events_at(sample: Sample, scale: float) -> int:
    """Events to generate for a sample at a scale: at least a thousand."""
    return max(1000, round(sample.events * scale))
