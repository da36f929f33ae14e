"""A study from generated events to limits, in memory; `run_study` writes what comes out."""

import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np

import toymc
from toymc.constants import pdg_edition
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.events import FloatArray
from toymc.generators.processes import prepare
from toymc.generators.pythia_batch import pythia_available
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.inference import LimitResult, upper_limit
from toymc.production.chunks import ProgressFactory
from toymc.production.diagnose import diagnose_hypotheses
from toymc.production.spectra import IDENTIFIED, SampleOutcome, SampleRun, events_at, run_sample, spectra_of
from toymc.production.stored import load_estimate
from toymc.production.workspaces import merge_workspaces
from toymc.report.result import Bands, CutFlowStep, Published, StudyResult
from toymc.report.result import Hypothesis as ResultHypothesis
from toymc.report.result import Sample as ResultSample
from toymc.studies.study import Hypothesis, Sample, Spectrum, Study

Spectra = dict[tuple[str, str, str], Spectrum]
Data = Mapping[str, FloatArray]
"""Observed counts per channel, in the bins of the channel."""


@dataclass(frozen=True)
class RunOptions:
    """How to run a study: the options of ``toymc study run``.

    Attributes
    ----------
    luminosity_fb : float or None
        None takes the study's own.
    seed : int
    scale : float
        Multiplies the Monte Carlo statistics.
    workers : int
    executor : str
    scheduler : str or None
    systematics : str
        ``all``, ``none``, or the path of a TOML file with ``sources = ["...", ...]``.
    """

    luminosity_fb: float | None = None
    seed: int = 1
    scale: float = 1.0
    workers: int = 1
    executor: str = "local"
    scheduler: str | None = None
    systematics: str = "all"

    def __post_init__(self) -> None:
        if self.luminosity_fb is not None and not 0.0 < self.luminosity_fb < float("inf"):
            raise InputError(f"luminosity {self.luminosity_fb} /fb: give a positive number")
        if not 1e-4 <= self.scale <= 1e4:
            raise InputError(f"scale {self.scale}: give a number from 0.0001 to 10000, 1 is the study's standard")


@dataclass(frozen=True)
class StudyRun:
    """Everything a run found out.

    Attributes
    ----------
    study : Study
    options : RunOptions
    samples : dict of str to SampleRun
    spectra : dict
        (sample, channel, template) -> `Spectrum`.
    hypotheses : list of Hypothesis
        With the systematic uncertainties of the run.
    result : StudyResult
    workspace : dict
    """

    study: Study
    options: RunOptions
    samples: dict[str, SampleRun]
    spectra: Spectra
    hypotheses: list[Hypothesis]
    result: StudyResult
    workspace: dict[str, Any]


def systematic_sources(study: Study, systematics: str) -> tuple[str, ...]:
    """The sources that ``--systematics`` selects.

    Raises
    ------
    InputError
        For an unreadable file or an unknown source.
    """
    if systematics == "all":
        return study.sources
    if systematics == "none":
        return ()
    try:
        content = tomllib.loads(Path(systematics).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"--systematics {systematics}: give all, none or a readable TOML file: {error}") from error
    chosen = content.get("sources")
    if not isinstance(chosen, list):
        raise InputError(f"{systematics}: key 'sources' is missing: give a list of {', '.join(study.sources)}")
    for source in chosen:
        if source not in study.sources:
            raise InputError(f"{systematics}: unknown source '{source}': allowed are {', '.join(study.sources)}")
    return tuple(chosen)


def compute_study(
    study: Study, options: RunOptions, data: Data | None = None, notify: ProgressFactory | None = None
) -> StudyRun:
    """Generate, simulate, select, and set limits.

    Parameters
    ----------
    study : Study
    options : RunOptions
    data : mapping of channel to counts, optional
        Observed counts in the bins of the channel; without them the limits are expected ones.
    notify : callable, optional
        Told of the progress of every sample.

    Returns
    -------
    StudyRun

    Raises
    ------
    InputError
        For options outside what is allowed.
    """
    start = time.perf_counter()
    sources = systematic_sources(study, options.systematics)
    luminosity = options.luminosity_fb or study.luminosity_fb
    samples = run_samples(study, options, luminosity, notify)
    generated = time.perf_counter()
    spectra = spectra_of(study, samples)
    nominal = study.hypotheses(spectra, sources)
    # what `--systematics none` gives: the statistics of the simulation stay in
    statistical = study.hypotheses(spectra, ()) if sources else nominal
    limits = [_limits(study, spectra, a, b, data) for a, b in zip(nominal, statistical, strict=True)]
    fitted = time.perf_counter()
    entries = [
        [_entry(h, samples[h.sample], *each) for each in found] for h, found in zip(nominal, limits, strict=True)
    ]
    counts = [None if data is None else _observed(study, spectra, h, data) for h in nominal]
    diagnostics = diagnose_hypotheses(nominal, [each[0] for each in entries], counts, options.seed)
    result = StudyResult(
        study=study.name,
        version=toymc.__version__,
        seed=options.seed,
        luminosity_fb=luminosity,
        limit_on=study.limit_on,
        scale=options.scale,
        systematics=options.systematics,
        detector=study.card,
        pdg_edition=pdg_edition(),
        samples=[entry for run in samples.values() for entry in sample_entries(study, run)],
        cutflow=cut_flows(study, samples),
        hypotheses=[entry for each in entries for entry in each],
        diagnostics=diagnostics,
        published=[Published.model_validate(row) for row in study.published()],
        notes=[*study.notes, *_statistics_notes(study, spectra)],
        timing={
            "events_s": generated - start,
            "limits_s": fitted - generated,
            "diagnostics_s": time.perf_counter() - fitted,
            "total_s": time.perf_counter() - start,
            "generated_events": float(sum(run.outcome.generated for run in samples.values())),
        },
    )
    return StudyRun(study, options, samples, spectra, nominal, result, merge_workspaces(nominal))


def run_samples(
    study: Study, options: RunOptions, luminosity: float, notify: ProgressFactory | None
) -> dict[str, SampleRun]:
    """Every sample of a study by name, generated or from its stored estimate."""
    beam, detector = load_beam(study.card), build_detector(load_card(study.card))
    runs = {}
    for sample in study.samples:
        events = events_at(sample, options.scale)
        stored = _stored(study, sample, events)
        if stored is not None:
            process = prepare(sample.process, sample.parameters, beam, options.seed)
            runs[sample.name] = SampleRun(sample, stored, sample.expected(process, luminosity))
            continue
        progress = None if notify is None else notify(sample.name)
        runs[sample.name] = run_sample(
            study, sample, detector, beam, luminosity, options.seed, events,
            options.workers, options.executor, options.scheduler, progress,
        )  # fmt: skip
    return runs


def _statistics_notes(study: Study, spectra: Spectra) -> list[str]:
    """A warning for every channel whose templates rest on fewer simulated events than data would hold."""
    notes = []
    for channel in study.channels:
        mine = [
            spectrum
            for (sample, name, _), spectrum in spectra.items()
            if name == channel.name and sample in study.standard_model
        ]
        total = sum(mine[1:], mine[0])
        expected = float(total.nominal.sum())
        if total.effective_events < expected:
            notes.append(
                f"Channel {channel.name}: {total.effective_events:.3g} effective simulated events stand for "
                f"{expected:.3g} in data: the statistics of the simulation limit the result, raise --scale."
            )
    return notes


def _stored(study: Study, sample: Sample, events: int) -> SampleOutcome | None:
    """The stored sums of a sample: without Pythia 8, and where they hold more events than the run asks for."""
    if sample.estimate is None:
        return None
    stored = load_estimate(study, sample)
    return stored if stored.generated > events or not pythia_available() else None


def _limits(
    study: Study, spectra: Spectra, full: Hypothesis, statistical: Hypothesis, data: Data | None
) -> list[tuple[float, LimitResult, LimitResult | None]]:
    observed = None if data is None else _observed(study, spectra, full, data)
    found = []
    for cl in study.confidence_levels:
        limit = upper_limit(full.model, observed, cl)
        stat = upper_limit(statistical.model, None, cl) if statistical is not full else None
        found.append((cl, limit, stat))
    return found


def _observed(study: Study, spectra: Spectra, hypothesis: Hypothesis, data: Data) -> dict[str, FloatArray]:
    """The counts of the channels of a model, in the bins that it uses."""
    return {
        channel.name: np.asarray(data[channel.name], dtype=np.float64)[study.fitted_bins(spectra, channel.name)]
        for channel in hypothesis.model.channels
    }


def _entry(
    hypothesis: Hypothesis, run: SampleRun, cl: float, limit: LimitResult, statistical: LimitResult | None
) -> ResultHypothesis:
    unit = hypothesis.unit
    flow = run.outcome.cutflows[run.sample.channels[0]]
    return ResultHypothesis(
        parameters=dict(hypothesis.parameters),
        cl=cl,
        expected=Bands.of([unit * value for value in limit.expected]),
        expected_statistical=None if statistical is None else Bands.of([unit * v for v in statistical.expected]),
        observed=None if limit.observed is None else unit * limit.observed,
        best_fit=None if limit.mu_hat is None else unit * limit.mu_hat,
        best_fit_error=None if limit.mu_error is None else unit * limit.mu_error,
        efficiency=flow.step(IDENTIFIED)[0] / (hypothesis.multiplicity * run.outcome.generated),
        background=hypothesis.background,
        measurement=hypothesis.model.name,
        unit=unit,
    )


def sample_entries(study: Study, run: SampleRun) -> list[ResultSample]:
    """One entry per channel that the sample is filled into."""
    entries = []
    for name in run.sample.channels:
        channel = study.channel(name)
        spectrum = run.spectrum(channel, channel.templates[0])
        for template in channel.templates[1:]:
            spectrum = spectrum + run.spectrum(channel, template)
        label = run.sample.name if len(run.sample.channels) == 1 else f"{run.sample.name} in {name}"
        expected = float(spectrum.nominal.sum())
        all_weights = run.outcome.cutflows[name].step(study.stages[0])[0]
        # no survivor: -ln(0.05) events at 95 % with a flat prior in the mean
        bound = {} if expected > 0.0 else {"upper_bound": -log(0.05) * run.scale, "upper_bound_prior": "95 %, flat"}
        entries.append(
            ResultSample(
                name=label,
                generated=run.outcome.generated,
                selected=int(spectrum.raw.sum()),
                efficiency=expected / (run.scale * all_weights) if all_weights > 0.0 else 0.0,
                expected_events=expected,
                expected_events_error=float(np.sqrt(spectrum.variance.sum())),
                effective_events=spectrum.effective_events,
                **bound,
            )
        )
    return entries


def cut_flows(study: Study, samples: Mapping[str, SampleRun]) -> dict[str, list[CutFlowStep]]:
    """Cut flow of every sample, in each of its channels."""
    flows = {}
    for run in samples.values():
        for name in run.sample.channels:
            label = run.sample.name if len(run.sample.channels) == 1 else f"{run.sample.name} in {name}"
            flows[label] = [
                CutFlowStep(
                    cut=step["step"],
                    raw=step["events"],
                    events=run.scale * step["sum_w"],
                    error=run.scale * float(np.sqrt(step["sum_w2"])),
                    efficiency=step.get("efficiency", 0.0),
                )
                for step in run.outcome.cutflows[name].to_dict()["steps"]
            ]
    return flows
