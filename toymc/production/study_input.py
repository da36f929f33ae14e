"""The hypotheses that `toymc study validate` and `toymc study project` start from: of a stored run, or made anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toymc.errors import InputError
from toymc.inference import Channel, Model, NormFactor
from toymc.inference.projections import Measurement
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions, compute_study
from toymc.report.result import StudyResult, read_result
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.study import Hypothesis, Spectra, Study


@dataclass(frozen=True)
class StudyInput:
    """Models of a study at one luminosity.

    Attributes
    ----------
    result : StudyResult
        Of the run that they come from.
    hypotheses : list of Hypothesis
    spectra : mapping or None
        None for a stored run, which keeps the models alone.
    luminosity_fb : float
    measurements : tuple of Measurement
        With the errors of the run, where it measured something.
    """

    result: StudyResult
    hypotheses: list[Hypothesis]
    spectra: Spectra | None
    luminosity_fb: float
    measurements: tuple[Measurement, ...] = ()


def study_input(
    study: Study, options: RunOptions, stored: str | Path | None, notify: ProgressFactory | None = None
) -> StudyInput:
    """The models of a stored run, or of a run that is made now.

    Parameters
    ----------
    study : Study
    options : RunOptions
        Of a run that is made now.
    stored : path, optional
        Folder of a run of `toymc study run`.
    notify : callable, optional
        Told of the progress of every sample.

    Raises
    ------
    InputError
        If the folder holds no run of the study, or one that says too little.
    """
    if isinstance(study, MeasurementStudy):
        from toymc.production.measurement.stored import measurement_input

        return measurement_input(study, options, stored, notify)
    if stored is None:
        run = compute_study(study, options, None, notify)
        return StudyInput(run.result, run.hypotheses, run.spectra, run.result.luminosity_fb or study.luminosity_fb)
    return _read(study, Path(stored))


def _read(study: Study, folder: Path) -> StudyInput:
    result = read_result(folder)
    if result.study != study.name:
        raise InputError(f"{folder} holds a run of {result.study}, not of {study.name}")
    if result.luminosity_fb is None:
        raise InputError(f"{folder} says no luminosity: run the study again")
    return StudyInput(result, _hypotheses(result, folder), None, result.luminosity_fb)


def _hypotheses(result: StudyResult, folder: Path) -> list[Hypothesis]:
    """The tested hypotheses with their models; a limit at two confidence levels is one."""
    entries = {h.measurement: h for h in result.hypotheses or []}
    if not entries:
        return []
    if None in entries or any(h.unit is None for h in entries.values()):
        raise InputError(f"{folder} does not say which measurement belongs to which limit: run the study again")
    file = folder / "workspace.json"
    try:
        workspace = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    found = []
    for name, entry in entries.items():
        model = model_of(workspace, str(name))
        signals = {s.name for c in model.channels for s in c.samples if model.poi in {m.name for m in s.modifiers}}
        found.append(
            Hypothesis(
                parameters=entry.parameters,
                model=model,
                unit=float(entry.unit or 1.0),
                sample=next(iter(signals), model.poi),
                background=entry.background or 0.0,
            )
        )
    return found


def model_of(workspace: Mapping[str, Any], measurement: str) -> Model:
    """One measurement of a study's workspace as a model of its own: without the signals of the others, without data.

    Samples with a factor that the measurement fixes at zero are left out, and channels that then share no parameter
    with the signal's: both are constants of the likelihood.

    Raises
    ------
    InputError
        If there is no such measurement.
    """
    full = Model.from_pyhf(workspace, measurement)
    off = {p.name for p in full.parameters if p.fixed and p.inits is not None and all(v == 0.0 for v in p.inits)}
    channels = []
    for channel in full.channels:
        kept = [s for s in channel.samples if not any(isinstance(m, NormFactor) and m.name in off for m in s.modifiers)]
        if kept:
            channels.append(Channel(channel.name, tuple(kept)))
    used = {c.name: {m.name for s in c.samples for m in s.modifiers} for c in channels}
    reached = {full.poi}
    while more := set().union(*(names for names in used.values() if names & reached)) - reached:
        reached |= more
    channels = [c for c in channels if used[c.name] & reached]
    parameters = tuple(p for p in full.parameters if p.name in reached and p.name not in off)
    return Model(tuple(channels), full.poi, parameters, full.name)
