"""`toymc study linearity`: pseudo-datasets with known signals, each analysed as data: recovered against injected.

Every dataset is drawn by itself (`toymc dataset` with a seed of its own), background included, and answered for by what
`toymc study run --data` answers with: the calibrated fit of a measurement, the fitted signal of a template model (here
without the bound at zero, which would bend the line), the fitted branching fraction of a search over mass and lifetime.
So the errors of the rows are independent, and their straight line tests the whole way from events to results.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.estimators import Estimates, SignalStrength, TemplateToys
from toymc.inference.estimators.summary import Line, straight_line
from toymc.inference.projections import Scenario, scale_model
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.dataset import draw_dataset
from toymc.production.study_input import study_input
from toymc.studies import AnyStudy
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.scan_study import ScanStudy
from toymc.studies.study import Study

FloatArray = npt.NDArray[np.float64]
Signal = Mapping[str, str | float]
IN_ERRORS = (0.0, 3.0, 6.0, 12.0)
"""Signals put into searches with templates, in units of the expected error."""
IN_EVENTS = (10.0, 20.0, 40.0, 80.0)
"""Expected signal events put into searches over mass and lifetime."""
_AS_TODAY = Scenario("dataset", "frozen", "fixed", "models at the luminosity of the dataset")


@dataclass(frozen=True)
class Recovered:
    """One pseudo-dataset: injected and fitted value, error, events, seed."""

    injected: float
    value: float
    error: float
    events: int
    seed: int

    @property
    def pull(self) -> float:
        """Distance in errors."""
        return (self.value - self.injected) / self.error


@dataclass(frozen=True)
class Linearity:
    """Recovered against injected values and their straight line, written about `origin`.

    `signal` is what was put in besides the value, `unit` that of the values.
    """

    study: str
    luminosity_fb: float
    signal: Mapping[str, str | float]
    unit: str
    datasets: tuple[Recovered, ...]
    line: Line
    origin: float


@dataclass(frozen=True)
class _Task:
    """How a study draws and answers: values to inject, (value, seed) -> (events, estimate in the unit)."""

    values: tuple[float, ...]
    unit: str
    signal: dict[str, str | float]
    answer: Callable[[float, int], tuple[int, Estimates]]


def linearity(
    study: AnyStudy,
    options: RunOptions,
    *,
    signal: Signal | None = None,
    values: Sequence[float] | None = None,
    datasets: int = 1,
    stored: str | Path | None = None,
    notify: ProgressFactory | None = None,
) -> Linearity:
    """Draw and analyse pseudo-datasets.

    Parameters
    ----------
    study : Study
    options : RunOptions
        Luminosity of each dataset, seed of the first one and of the simulation, scale of the simulation.
    signal : mapping, optional
        Channel, mass and lifetime of the signal of a search; the first hypothesis if not given.
    values : sequence of float, optional
        To inject: true values of a measurement, signals of a search. The study's own if not given.
    datasets : int
        At each value.
    stored : path, optional
        Finished run of a measurement whose calibration is used.
    notify : callable, optional

    Returns
    -------
    Linearity

    Raises
    ------
    InputError
        For fewer than two values, a signal that the study does not have, or a dataset without an answer.
    """
    if values is not None and len(set(values)) < 2:
        raise InputError(f"--values {', '.join(f'{v:g}' for v in values)}: a straight line needs two different ones")
    if stored is not None and not isinstance(study, MeasurementStudy):
        raise InputError("--run is for measurements alone: a search builds its templates anew, see --scale")
    if isinstance(study, MeasurementStudy):
        task = _measurement(study, options, signal, stored, notify)
    elif isinstance(study, ScanStudy):
        task = _scan(study, options, signal, notify)
    else:
        task = _templates(study, options, signal, notify)
    chosen = tuple(sorted(set(values))) if values is not None else task.values
    progress = None if notify is None else notify("datasets")
    rows = []
    for k, value in enumerate(np.repeat(chosen, datasets)):
        seed = options.seed + k
        events, answer = task.answer(float(value), seed)
        if not answer.ok[0]:
            raise InputError(f"dataset with {value:g} injected, seed {seed}: the fit has no answer: raise --luminosity")
        error = 0.5 * float(answer.high[0] - answer.low[0])
        rows.append(Recovered(float(value), float(answer.value[0]), error, events, seed))
        if progress is not None:
            progress(k + 1, len(chosen) * datasets)
    origin = study.truth if isinstance(study, MeasurementStudy) else 0.0
    at, found = np.array([r.injected for r in rows]) - origin, np.array([r.value for r in rows]) - origin
    line = straight_line(at, found, [r.error for r in rows])
    return Linearity(study.name, _luminosity(study, options), task.signal, task.unit, tuple(rows), line, origin)


def _luminosity(study: AnyStudy, options: RunOptions) -> float:
    return study.luminosity_fb if options.luminosity_fb is None else options.luminosity_fb


def _draw(study: Study, options: RunOptions, inject: Signal, seed: int) -> dict[str, FloatArray]:
    """Counts per channel of a dataset."""
    luminosity = _luminosity(study, options)
    data = draw_dataset(study, luminosity, seed, inject, options.workers, options.executor, options.scheduler)
    return {c.name: np.histogram(data.observables[c.name], c.edges)[0].astype(np.float64) for c in study.channels}


# -- measurements -----------------------------------------------------------------------------------------------------


def _measurement(
    study: MeasurementStudy, options: RunOptions, signal: Signal | None, stored: str | Path | None,
    notify: ProgressFactory | None,
) -> _Task:  # fmt: skip
    if signal:
        raise InputError(f"--inject {dict(signal)}: {study.name} measures one quantity, give --values")
    given = study_input(study, replace(options, luminosity_fb=None), stored, notify)
    assert given.spectra is not None  # of measurements
    estimate = study.experiments(given.spectra)[0].estimate
    channel = study.channels[0].name

    def answer(value: float, seed: int) -> tuple[int, Estimates]:
        counts = _draw(study, options, {study.injected: value / study.per_gev}, seed)[channel]
        return int(counts.sum()), estimate(counts[None, :])

    return _Task(study.linearity, study.unit, {}, answer)


# -- searches with templates ------------------------------------------------------------------------------------------


def _templates(study: Study, options: RunOptions, signal: Signal | None, notify: ProgressFactory | None) -> _Task:
    given = study_input(study, replace(options, luminosity_fb=None), None, notify)
    assert given.spectra is not None  # of a run that is made now
    wanted = dict(signal or given.hypotheses[0].parameters)
    match = [h for h in given.hypotheses if dict(h.parameters) == wanted]
    if not match:
        known = "; ".join(", ".join(f"{k}={v}" for k, v in h.parameters.items()) for h in given.hypotheses)
        raise InputError(f"--inject {wanted}: {study.name} has no such hypothesis; it has {known}")
    hypothesis, luminosity = match[0], _luminosity(study, options)
    strength = SignalStrength(scale_model(hypothesis.model, luminosity, given.luminosity_fb, _AS_TODAY, {}))
    names = [c.name for c in strength.model.channels]
    bins = {name: study.fitted_bins(given.spectra, name) for name in names}
    layout = strength.likelihood().layout

    def answer(value: float, seed: int) -> tuple[int, Estimates]:
        drawn = _draw(study, options, {**wanted, "value": value}, seed)
        counts = np.concatenate([drawn[name][bins[name]] for name in names])
        found = strength.estimate(TemplateToys(counts[None, :], layout.aux[None, :], layout.gam_aux[None, :]))
        unit = hypothesis.unit
        return int(counts.sum()), Estimates(unit * found.value, unit * found.low, unit * found.high, found.status)

    values = tuple(hypothesis.unit * v for v in strength.truths(IN_ERRORS))
    return _Task(values, study.limit_on, wanted, answer)


# -- searches over mass and lifetime ----------------------------------------------------------------------------------


def _scan(study: ScanStudy, options: RunOptions, signal: Signal | None, notify: ProgressFactory | None) -> _Task:
    from toymc.detector import build_detector
    from toymc.geometry import load_card
    from toymc.geometry.beam import load_beam
    from toymc.production.scan.background import background_model
    from toymc.production.scan.compute import mass_channel
    from toymc.production.scan.dataset import check_injection
    from toymc.production.scan.samples import background_tables, node_tables
    from toymc.production.scan.signal import signal_maps

    wanted: dict[str, str | float] = {"channel": study.channels[0].name, "mass_GeV": 1.0, "ctau_cm": 1.0}
    if signal:
        wanted = dict(signal)
    name, numbers = check_injection(study, {**wanted, "value": 1.0})
    channel, luminosity = study.channel(name), _luminosity(study, options)
    mass, ctau = numbers["mass_GeV"], numbers["ctau_cm"]
    where = (build_detector(load_card(study.card)), load_beam(study.card), 1, options.scale, options.workers, notify)
    tables = background_tables(study, channel, *where)
    maps = signal_maps(study, channel, node_tables(study, channel, *where), np.array([ctau]))
    background = background_model(channel, tables, luminosity)
    here = partial(mass_channel, study, channel, maps, background, np.array([mass]), luminosity)
    per_unit = float(np.asarray(here().per_unit)[0, 0])
    alone = replace(study, channels=(channel,))

    def answer(value: float, seed: int) -> tuple[int, Estimates]:
        from toymc.inference.unbinned import scan
        from toymc.production.scan.dataset import by_selection, draw_candidates

        inject = {**wanted, "channel": name, "value": value}
        drawn = draw_candidates(alone, luminosity, seed, inject, options.scale, options.workers)
        columns = drawn.columns[name]
        data = by_selection(channel, columns["Mred"], columns["dv"])
        found = scan([mass], [ctau], [here(data)], limits=False)
        status = (found.status[:, 0] != 0).astype(np.int8)
        return len(columns["dv"]), Estimates.of(found.value[:, 0], found.error[:, 0], status=status)

    return _Task(tuple(n / per_unit for n in IN_EVENTS), study.limit_on, wanted, answer)
