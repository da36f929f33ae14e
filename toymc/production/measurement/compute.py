"""A measurement from samples to its error table, in memory."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

import toymc
from toymc.constants import pdg_edition
from toymc.errors import InputError
from toymc.inference.estimators import Bootstrap, Estimates, Tolerances, Validation, summarise, validate_estimator
from toymc.inference.estimators.summary import Line, Number, Summary, straight_line
from toymc.inference.estimators.verdict import overall
from toymc.inference.projections import Measurement
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions, cut_flows, run_samples, sample_entries
from toymc.production.measurement.jackknife import Jackknife, jackknife, parts_of
from toymc.production.measurement.stored import MOVED, first_estimator, measurements_of, moved_spectra
from toymc.production.spectra import SampleRun, spectra_of
from toymc.report.result import Estimator, EstimatorShift, Published, StudyResult
from toymc.studies.estimators import StudyEstimator
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.study import NOMINAL, Spectra

FloatArray = npt.NDArray[np.float64]
EXPERIMENTS = 1000
"""Simplified experiments at every true value, and replicates of the bootstrap."""
BLOCK = 100
EXPECTED, DATA = "expected", "data"


@dataclass(frozen=True)
class EstimatorRun:
    """Everything about one estimator, in the unit of the measurement.

    Attributes
    ----------
    estimator : StudyEstimator
    answer : Estimates
        Of the expected spectrum, corrected for the bias.
    bias : Number
        Of the fitted value, with the statistics of the simulation.
    line : Line
        Fitted against true value, from events generated at all true values.
    generated : dict of float to Number
        True value -> bias there.
    slope : Number
        Fitted against true value, from the nominal events moved to other true values.
    moved : dict of float to Number
        True value -> bias there minus the nominal bias.
    effects, systematics : list of EstimatorShift
    toys : Validation
        Simplified experiments.
    full : Summary
        The independent parts of the simulated events as experiments.
    bootstrap : Bootstrap
    observed : Estimates or None
        Of the data, corrected for the bias.
    """

    estimator: StudyEstimator
    answer: Estimates
    bias: Number
    line: Line
    generated: dict[float, Number]
    slope: Number
    moved: dict[float, Number]
    effects: list[EstimatorShift]
    systematics: list[EstimatorShift]
    toys: Validation
    full: Summary
    bootstrap: Bootstrap
    observed: Estimates | None


@dataclass(frozen=True)
class MeasurementRun:
    """A measurement and everything behind its result."""

    study: MeasurementStudy
    options: RunOptions
    samples: dict[str, SampleRun]
    spectra: Spectra
    estimators: dict[str, EstimatorRun]
    measurements: tuple[Measurement, ...]
    result: StudyResult


def compute_measurement(
    study: MeasurementStudy,
    options: RunOptions,
    data: Mapping[str, FloatArray] | None = None,
    notify: ProgressFactory | None = None,
) -> MeasurementRun:
    """Generate, simulate, select, fit, calibrate and vary.

    Parameters
    ----------
    study : MeasurementStudy
    options : RunOptions
    data : mapping of channel to counts, optional
        Observed counts in the bins of the channel.
    notify : callable, optional

    Returns
    -------
    MeasurementRun

    Raises
    ------
    InputError
        For options outside what is allowed, or too few simulated events.
    """
    if options.systematics not in ("all", "none"):
        raise InputError(f"--systematics {options.systematics}: study {study.name} takes all or none")
    start = time.perf_counter()
    luminosity = study.luminosity_fb if options.luminosity_fb is None else options.luminosity_fb
    samples = run_samples(study, options, luminosity, notify)
    generated = time.perf_counter()
    return evaluate(study, options, samples, luminosity, data, {"events_s": generated - start})


def evaluate(
    study: MeasurementStudy,
    options: RunOptions,
    samples: dict[str, SampleRun],
    luminosity: float,
    data: Mapping[str, FloatArray] | None,
    timing: dict[str, float],
) -> MeasurementRun:
    """All that follows from the samples; arguments as in `compute_measurement`."""
    start = time.perf_counter()
    spectra = {**spectra_of(study, samples), **moved_spectra(study, samples[study.nominal])}
    declared = {e.name: e for e in study.experiments(spectra)}
    found = {
        name: _estimator(study, samples, spectra, options, estimator, data) for name, estimator in declared.items()
    }
    if options.systematics == "all":
        for entry in found.values():
            entry.systematics.extend(_without_shift(study, spectra, found, entry))
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
        estimators=[entry for one in found.values() for entry in entries(study, one)],
        published=[Published.model_validate(row) for row in study.published()],
        notes=list(study.notes),
        timing={**timing, "fits_s": time.perf_counter() - start},
    )
    measurements = measurements_of(study, first_estimator(study, result), luminosity)
    return MeasurementRun(study, options, samples, spectra, found, measurements, result)


def _estimator(
    study: MeasurementStudy, samples: Mapping[str, SampleRun], spectra: Spectra, options: RunOptions,
    estimator: StudyEstimator, data: Mapping[str, FloatArray] | None,
) -> EstimatorRun:  # fmt: skip
    name, channel = estimator.name, study.channels[0].name
    background = study.background(spectra)
    at = partial(_fitted, study, samples, background, name)
    nominal = at(study.nominal, NOMINAL)
    fits = {truth: nominal if s == study.nominal else at(s, NOMINAL) for s, truth in study.generated.items()}
    ordered = sorted(fits)
    there = {truth: at(study.nominal, name) for name, truth in study.moved.items()}
    line = straight_line(
        [t - study.truth for t in ordered],
        [fits[t].value - study.truth for t in ordered],
        [fits[t].number.error for t in ordered],
    )
    effects = [
        EstimatorShift(name=f"{what} off", value=n.value - study.truth, error=n.error)
        for what, sample in study.effects.items()
        for n in (at(sample, NOMINAL).number,)
    ]
    for what, shift in study.off.items():
        moved = at(study.nominal, shift).number
        effects.insert(0, EstimatorShift(name=f"{what} off", value=moved.value - study.truth, error=moved.error))
    systematics = _shifts(study, at, nominal) if options.systematics == "all" else []
    runner = partial(validate_estimator, seed=options.seed, name=name, block=BLOCK)
    others = {truth: m.minus(nominal) for truth, m in there.items()}
    toys = runner(
        estimator.generate, estimator.estimate, estimator.truth_values, experiments=EXPERIMENTS,
        template_errors={truth: n.error for truth, n in others.items()},
    )  # fmt: skip
    assert estimator.bootstrap is not None
    return EstimatorRun(
        estimator=estimator,
        answer=estimator.estimate(study.expected(spectra, study.nominal)[None, :]),
        bias=Number(nominal.value - study.truth, nominal.number.error),
        line=line,
        generated={t: Number(fits[t].value - t, fits[t].number.error) for t in ordered},
        slope=_moved_slope(study.truth, nominal, there),
        moved={t: Number(n.value - (t - study.truth), n.error) for t, n in others.items()},
        effects=effects,
        systematics=systematics,
        toys=toys,
        full=_full_chain(study, samples[study.nominal], background, name, nominal.value - study.truth),
        bootstrap=estimator.bootstrap(EXPERIMENTS, options.seed, name, Tolerances(), map),
        observed=None if data is None else estimator.estimate(np.asarray(data[channel])[None, :]),
    )


def _moved_slope(truth: float, nominal: Jackknife, there: Mapping[float, Jackknife]) -> Number:
    """Least squares through the nominal point: sum d (fit - fit of nominal) / sum d^2, with its jackknife error."""
    norm = sum((t - truth) ** 2 for t in there)
    value = sum((t - truth) * (m.value - nominal.value) for t, m in there.items()) / norm
    without = np.sum([(t - truth) * (m.without - nominal.without) for t, m in there.items()], axis=0) / norm
    return Jackknife(float(value), without).number


def _fitted(
    study: MeasurementStudy, samples: Mapping[str, SampleRun], background: FloatArray, name: str, sample: str,
    shift: str,
) -> Jackknife:  # fmt: skip
    parts = parts_of(samples[sample], study.channels[0].name, shift)
    return jackknife(study.fits[name], parts, background, f"{name}, sample {sample}, {shift}")


def _shifts(study: MeasurementStudy, at: "partial[Jackknife]", nominal: Jackknife) -> list[EstimatorShift]:
    """The variations that are shifts of the nominal sample: the largest change of each."""
    rows = []
    for variation in study.variations:
        moves = [at(study.nominal, shift).minus(nominal) for shift in variation.shifts]
        if moves:
            # several kinds of change under one name add in quadrature; up and down are one kind
            kinds: dict[str, Number] = {}
            for shift, move in zip(variation.shifts, moves, strict=True):
                kind = shift.rpartition("_")[0]
                if kind not in kinds or abs(move.value) > abs(kinds[kind].value):
                    kinds[kind] = move
            size = float(np.sqrt(sum(k.value**2 for k in kinds.values())))
            weight = sum((k.value * k.error) ** 2 for k in kinds.values())
            error = float(np.sqrt(weight)) / size if size > 0.0 else max(k.error for k in kinds.values())
            rows.append(_row(study, variation.name, size, error))
    return rows


def _row(study: MeasurementStudy, name: str, size: float, error: float | None) -> EstimatorShift:
    variation = next(v for v in study.variations if v.name == name)
    return EstimatorShift(
        name=name, value=size, error=error, published=variation.published, at_most=variation.at_most or None,
        what=variation.what or None,
    )  # fmt: skip


def _without_shift(
    study: MeasurementStudy, spectra: Spectra, found: Mapping[str, EstimatorRun], entry: EstimatorRun
) -> list[EstimatorShift]:
    """Background, bias, mass dependence and fit function: sizes that follow from the fits."""
    fit = study.fits[entry.estimator.name]
    background, expected = study.background(spectra), study.expected(spectra, study.nominal)
    centre = float(fit(expected[None, :]).value[0])
    moved = [float(fit((expected + k * _BACKGROUND * background)[None, :]).value[0]) - centre for k in (1.0, -1.0)]
    other = next(e for e in found.values() if e is not entry) if len(found) > 1 else None
    rows = [_row(study, "background", max(abs(m) for m in moved), None)]
    rows.append(_row(study, "estimator_bias", entry.bias.error, None))
    slope = entry.slope
    rows.append(_row(study, "mass_dependence", abs(slope.value - 1.0) * _MASS_DISTANCE, slope.error * _MASS_DISTANCE))
    if other is not None:
        # each form is corrected for its own bias: what is left is how differently they take a change of the spectrum
        mine, theirs = ({s.name: s.value for s in e.systematics} for e in (entry, other))
        common = [abs(mine[k] - theirs[k]) for k in mine if k in theirs and k == "radiation_and_decay"]
        rows.append(_row(study, "fit_function", max(common, default=0.0), None))
    return rows


_FULL_CHAIN_EVENTS = 20_000
"""Effective events of a full-chain experiment, at least: with a few thousand the fit has outliers with tiny errors."""
_BACKGROUND = 0.5
"""Relative change of the background, up and down."""
_MASS_DISTANCE = 1.0
"""Distance to the generated value over which the slope may act, in the unit of the measurement."""


def _full_chain(study: MeasurementStudy, run: SampleRun, background: FloatArray, name: str, bias: float) -> Summary:
    """Groups of parts of the simulated events, each an experiment of its own effective number of events."""
    parts = parts_of(run, study.channels[0].name, NOMINAL)
    mine = (study.channels[0].name, NOMINAL)
    found = [histogram for (of, shift, _), histogram in run.outcome.shifted.items() if (of, shift) == mine]
    squares = run.scale**2 * np.array([histogram.variances() for histogram in found])
    wanted = int(parts.sum() ** 2 / squares.sum() / _FULL_CHAIN_EVENTS)
    groups = np.array_split(np.arange(len(parts)), min(max(wanted, 2), len(parts)))
    parts = np.stack([parts[g].sum(axis=0) for g in groups])
    squares = np.stack([squares[g].sum(axis=0) for g in groups])
    # effective events per expected one in the middle bin: a few events with large weights say nothing about an edge
    unit = np.array([np.median(p[v > 0.0] / v[v > 0.0]) for p, v in zip(parts, squares, strict=True)])
    raw = study.fits[name](parts * unit[:, None] + background * (unit / len(parts))[:, None])
    corrected = Estimates(raw.value - bias, raw.low - bias, raw.high - bias, raw.status)
    return summarise(corrected, study.truth)


def _comparison(
    study: MeasurementStudy, run: EstimatorRun, stat: float, adopted: FloatArray, ours: FloatArray
) -> list[EstimatorShift]:
    """Bias and errors of the estimator that is the result, beside the published ones of these quantities."""
    if run.estimator.name != next(iter(study.fits)):
        return []
    published = {row["parameters"]["quantity"]: row for row in study.published()}

    def row(
        name: str, value: float, error: float | None, there: float | None, what: str | None = None
    ) -> EstimatorShift:
        return EstimatorShift(name=f"{name} [{study.unit}]", value=value, error=error, published=there, what=what)

    bias = published.get("bias", {})
    rows = [
        row("bias of the fitted value", run.bias.value, run.bias.error, bias.get("value"),
            f"published with an error of {bias['error']:g}" if bias.get("error") else None),
        row("statistical error", stat, None, published.get(study.quantity, {}).get("error")),
    ]  # fmt: skip
    if len(ours):
        there = published.get("systematic", {}).get("value")
        rows.append(row("systematic error, our own sizes", float(np.sqrt(np.sum(ours**2))), None, there))
        rows.append(row("systematic error, published sizes", float(np.sqrt(np.sum(adopted**2))), None, there,
                        "enters `error`; where a limit is published, the smaller of it and ours"))  # fmt: skip
    return rows


def entries(study: MeasurementStudy, run: EstimatorRun) -> list[Estimator]:
    """The estimator in result.json: with the data if there are any, and as expected."""
    name = run.estimator.name
    middle, line = run.toys.point(study.truth), run.line
    stat = 0.5 * float(run.answer.high[0] - run.answer.low[0])
    ours = {s.name: s.value for s in run.systematics}
    sizes = [v.adopted(ours[v.name]) for v in study.variations if v.name in ours]
    total = float(np.sqrt(stat**2 + sum(size**2 for size in sizes)))
    expected = Estimator(
        name=name,
        method=EXPECTED,
        parameters={"unit": study.unit},
        truth=study.truth,
        value=float(run.answer.value[0]),
        error=total,
        stat_error=stat,
        bias=run.bias.value,
        bias_error=run.bias.error,
        pull_mean=middle.pull_mean.value,
        pull_mean_error=middle.pull_mean.error,
        pull_width=middle.pull_width.value,
        pull_width_error=middle.pull_width.error,
        coverage=middle.coverage.value,
        coverage_error=middle.coverage.error,
        cl=run.toys.cl,
        slope=line.slope.value,
        slope_error=line.slope.error,
        experiments=sum(p.experiments for p in run.toys.points),
        failed_share=run.toys.failed_share,
        # elsewhere the statistics of the simulation at that true value shows as a bias
        verdict=overall([c for c in run.toys.checks if c.truth == study.truth]),
        effects=run.effects,
        comparison=_comparison(study, run, stat, np.array(sizes), np.array(list(ours.values()))),
        systematics_table=run.systematics or None,
        by_truth=[EstimatorShift(name=f"{t:.2f}", value=n.value, error=n.error) for t, n in run.generated.items()],
    )
    moved = Estimator(
        name=name,
        method=MOVED,
        parameters={"unit": study.unit},
        truth=study.truth,
        value=float(run.answer.value[0]),
        slope=run.slope.value,
        slope_error=run.slope.error,
        by_truth=[
            EstimatorShift(name=f"{t:.2f}", value=run.bias.value + n.value, error=n.error) for t, n in run.moved.items()
        ],
    )
    full = Estimator(
        name=name,
        method="full chain",
        parameters={"unit": study.unit},
        truth=study.truth,
        value=run.full.mean.value,
        error=run.full.spread.value,
        bias=run.full.bias.value + run.bias.value,
        bias_error=run.full.bias.error,
        pull_mean=run.full.pull_mean.value,
        pull_mean_error=run.full.pull_mean.error,
        pull_width=run.full.pull_width.value,
        pull_width_error=run.full.pull_width.error,
        experiments=run.full.experiments,
        failed_share=run.full.failed_share,
    )
    strap = Estimator(
        name=name,
        method="event bootstrap",
        parameters={"unit": study.unit},
        value=run.bootstrap.value,
        error=run.bootstrap.stated_error,
        stat_error=run.bootstrap.spread.value,
        bias=run.bootstrap.bias.value + run.bias.value,
        bias_error=run.bootstrap.bias.error,
        experiments=run.bootstrap.replicates,
    )
    if run.observed is None:
        return [expected, moved, full, strap]
    if not run.observed.ok[0]:
        raise InputError(f"{name}: the fit of the data does not converge: are they pseudomasses in GeV?")
    seen_stat = 0.5 * float(run.observed.high[0] - run.observed.low[0])
    seen = expected.model_copy(
        update={
            **dict.fromkeys(("effects", "comparison", "systematics_table", "by_truth")),
            "method": DATA,
            "truth": None,
            "value": float(run.observed.value[0]),
            "stat_error": seen_stat,
            "error": float(np.hypot(seen_stat, np.sqrt(total**2 - stat**2))),
        }
    )
    return [seen, expected, moved, full, strap]
