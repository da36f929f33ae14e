"""`toymc study validate`: bias, pulls, coverage and linearity of a study's estimators, written as a run is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import toymc
from toymc.errors import InputError
from toymc.inference.estimators import Bootstrap, Check, Summary, Tolerances, Validation, validate_estimator
from toymc.inference.estimators.experiments import Block, Estimates, RunBlocks
from toymc.io.outputs import run_folder
from toymc.production.chunks import Chunk, Progress, ProgressFactory, map_chunks, plan_chunks
from toymc.production.compute import RunOptions
from toymc.production.study_input import StudyInput, study_input
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import Estimator, EstimatorCheck, EstimatorPoint, StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies.estimators import StudyEstimator, signal_strengths
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Experiments per random stream: small enough to keep a few workers busy with a thousand.
BLOCK = 64
# Redrawing the simulation builds a model for every experiment: at most this many.
MOST_REDRAWN = 500
_MOST_REPLICATES = 2000
TOYS, REDRAWN, BOOTSTRAP = "toys", "toys with redrawn simulation", "event bootstrap"


@dataclass(frozen=True)
class Outcome:
    """What was found about one estimator: `redrawn` and `bootstrap` where it offers them."""

    estimator: StudyEstimator
    toys: Validation
    redrawn: Validation | None
    bootstrap: Bootstrap | None


def validate_study(
    study: Study,
    out: str | Path,
    *,
    experiments: int,
    stored: str | Path | None = None,
    luminosity_fb: float | None = None,
    seed: int = 1,
    scale: float = 1.0,
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    systematics: str = "all",
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Validate the estimators of a study and write result, plots and report to a folder.

    Parameters
    ----------
    study : Study
    out : path
        Target folder, which appears complete or not at all.
    experiments : int
        At each true value of each estimator.
    stored : path, optional
        Folder of a run of the study whose models are used; made anew if not given.
    luminosity_fb, seed, scale, workers, executor, scheduler, systematics
        See `RunOptions`; of a run that is made anew, and `seed` of the experiments.
    progress : callable, optional
        From a name to a function of (done, in all).

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError
        For options that are not allowed, or a study without estimators.
    """
    start = time.perf_counter()
    options = RunOptions(luminosity_fb, seed, scale, workers, executor, scheduler, systematics)
    with run_folder(out, f"{study.name} (validate)") as folder, warming():
        given = study_input(study, options, stored, progress)
        estimators = _estimators(study, given)
        ready = time.perf_counter()
        outcomes = [_validate(e, experiments, options, progress) for e in estimators]
        result = _result(study, given, outcomes, seed).model_copy(
            update={"timing": {"input_s": ready - start, "experiments_s": time.perf_counter() - ready}}
        )
        config = RunConfig(
            study=study.name,
            options={
                "experiments": experiments,
                "luminosity": None if stored else given.luminosity_fb,
                "run": None if stored is None else str(stored),
                "seed": seed,
                "scale": None if stored else scale,
                "executor": executor,
                "scheduler": scheduler,
                "systematics": None if stored else systematics,
            },
            versions=run_versions(given.result.pdg_edition),
            details={"detector": study.card},
            action="validate",
        )
        write_run(
            folder,
            result,
            config,
            title=f"Estimators: {study.title}",
            plots=outcome_plots(study.name, outcomes, given.luminosity_fb),
        )
    return result


def _estimators(study: Study, given: StudyInput) -> list[StudyEstimator]:
    if isinstance(study, MeasurementStudy) and given.spectra is not None:
        from toymc.production.measurement.stored import template_errors

        found = study.experiments(given.spectra, template_errors(study, given.result))
    elif study.estimators is not None:
        found = study.estimators(given.hypotheses, given.spectra)
    else:
        found = signal_strengths(given.hypotheses)
    if not found:
        raise InputError(f"study {study.name} declares no estimators to validate")
    return found


def block_runner(options: RunOptions, progress: Progress | None = None) -> RunBlocks:
    """What runs blocks of experiments on the workers of a run."""

    def run(task: Callable[[Block], Estimates], blocks: Sequence[Block]) -> Any:
        plan = plan_chunks(len(blocks), 1)
        return map_chunks(
            partial(_one, task, blocks), plan, options.workers, options.executor, progress, scheduler=options.scheduler
        )

    return run


def _one(task: Callable[[Block], Estimates], blocks: Sequence[Block], chunk: Chunk) -> Estimates:
    return task(blocks[chunk.index])


def _validate(
    estimator: StudyEstimator, experiments: int, options: RunOptions, notify: ProgressFactory | None
) -> Outcome:
    def progress(what: str) -> Progress | None:
        return None if notify is None else notify(f"{estimator.name}, {what}")

    run = partial(
        validate_estimator,
        seed=options.seed,
        name=estimator.name,
        cl=estimator.cl,
        bounds=estimator.bounds,
        block=BLOCK,
        template_errors=estimator.template_errors,
    )
    toys = run(
        estimator.generate,
        estimator.estimate,
        estimator.truth_values,
        experiments=experiments,
        run=block_runner(options, progress(TOYS)),
    )
    redrawn = bootstrap = None
    if estimator.redrawn is not None:
        redrawn = run(
            *estimator.redrawn,
            (estimator.truth_values[0],),
            experiments=min(experiments, MOST_REDRAWN),
            name=f"{estimator.name}, {REDRAWN}",
            run=block_runner(options, progress(REDRAWN)),
        )
    if estimator.bootstrap is not None:
        replicates = min(experiments, _MOST_REPLICATES)
        runner = block_runner(options, progress(BOOTSTRAP))
        bootstrap = estimator.bootstrap(replicates, options.seed, estimator.name, Tolerances(), runner)
    return Outcome(estimator, toys, redrawn, bootstrap)


# -- result -----------------------------------------------------------------------------------------------------------


def _result(study: Study, given: StudyInput, outcomes: Sequence[Outcome], seed: int) -> StudyResult:
    estimators = []
    for outcome in outcomes:
        stat = None if outcome.bootstrap is None else outcome.estimator.unit * outcome.bootstrap.spread.value
        estimators.append(estimator_entry(outcome.estimator, outcome.toys, TOYS, stat))
        if outcome.redrawn is not None:
            estimators.append(estimator_entry(outcome.estimator, outcome.redrawn, REDRAWN, None))
        if outcome.bootstrap is not None:
            estimators.append(_bootstrap_entry(outcome.estimator, outcome.bootstrap))
    return StudyResult(
        study=study.name,
        version=toymc.__version__,
        seed=seed,
        luminosity_fb=given.luminosity_fb,
        limit_on=study.limit_on,
        scale=given.result.scale,
        systematics=given.result.systematics,
        detector=study.card,
        pdg_edition=given.result.pdg_edition,
        estimators=estimators,
        notes=_notes(outcomes),
    )


def estimator_entry(estimator: StudyEstimator, found: Validation, method: str, stat_error: float | None) -> Estimator:
    """The table row is at the middle of the true values; all of them are in `points`."""
    unit, middle = estimator.unit, found.points[len(found.points) // 2]
    line = found.line
    return Estimator(
        name=estimator.name,
        method=method,
        parameters=dict(estimator.parameters),
        truth=unit * middle.truth,
        value=unit * middle.mean.value,
        error=unit * middle.spread.value,
        stat_error=stat_error,
        bias=unit * middle.bias.value,
        bias_error=unit * middle.bias.error,
        pull_mean=middle.pull_mean.value,
        pull_mean_error=middle.pull_mean.error,
        pull_width=middle.pull_width.value,
        pull_width_error=middle.pull_width.error,
        coverage=middle.coverage.value,
        coverage_error=middle.coverage.error,
        cl=found.cl,
        slope=None if line is None else line.slope.value,
        slope_error=None if line is None else line.slope.error,
        line_p_value=None if line is None else line.p_value,
        intercept=None if line is None else unit * line.intercept.value,
        intercept_error=None if line is None else unit * line.intercept.error,
        experiments=sum(p.experiments for p in found.points),
        failed_share=found.failed_share,
        failures=[(unit * truth, number, reason) for truth, number, reason in found.failures] or None,
        verdict=found.verdict,
        points=[_point(p, unit) for p in found.points],
        checks=[_check(c, unit) for c in found.checks],
    )


def _point(p: Summary, unit: float) -> EstimatorPoint:
    return EstimatorPoint(
        truth=unit * p.truth,
        mean=unit * p.mean.value,
        mean_error=unit * p.mean.error,
        spread=unit * p.spread.value,
        spread_error=unit * p.spread.error,
        stated_error=unit * p.stated_error,
        median=unit * p.median.value,
        bias=unit * p.bias.value,
        bias_error=unit * p.bias.error,
        pull_mean=p.pull_mean.value,
        pull_mean_error=p.pull_mean.error,
        pull_width=p.pull_width.value,
        pull_width_error=p.pull_width.error,
        coverage=p.coverage.value,
        coverage_error=p.coverage.error,
        coverage_worst=p.coverage_range,
        bias_worst=(unit * p.bias_range[0], unit * p.bias_range[1]),
        experiments=p.experiments,
        failed=p.failed,
    )


def _check(c: Check, unit: float) -> EstimatorCheck:
    return EstimatorCheck(
        quantity=c.quantity,
        truth=None if c.truth is None else unit * c.truth,
        low=c.low,
        high=c.high,
        error=c.error,
        target=c.target,
        tolerance=c.tolerance,
        verdict=c.verdict,
        experiments_to_decide=c.experiments,
    )


def _bootstrap_entry(estimator: StudyEstimator, found: Bootstrap) -> Estimator:
    unit = estimator.unit
    return Estimator(
        name=estimator.name,
        method=BOOTSTRAP,
        parameters=dict(estimator.parameters),
        value=unit * found.value,
        error=unit * found.stated_error,
        stat_error=unit * found.spread.value,
        bias=unit * found.bias.value,
        bias_error=unit * found.bias.error,
        experiments=found.replicates,
        failed_share=found.failed / found.replicates,
        verdict=found.verdict,
        checks=[_check(c, unit) for c in found.checks],
    )


_TOYS_OF_MODELS = (
    "Toys vary counts and auxiliary measurements around the model; signals are injected at 0, 1, 2 and 4 expected "
    "errors and fitted without bounds; the table shows the middle one, result.json all."
)
_TOYS_OF_SPECTRA = (
    "Toys draw counts around the expected spectrum, and around those of the nominal events moved to other true values; "
    "how well these are known with the statistics of the simulation is part of the errors of bias and slope. The table "
    "shows the nominal true value, result.json all."
)


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    t = Tolerances()
    measured = any(o.estimator.template_errors for o in outcomes)
    notes = [
        f"Verdicts: |bias| < {t.bias:g} of the spread, pull width 1 +- {t.pull_width:g}, coverage within "
        f"{t.coverage:g} of the stated level, slope 1 +- {t.slope:g}, failed share < {t.failed:g}; 'inside' and "
        f"'outside' are each wrong with at most {1.0 - t.probability:.2g} for an estimator on the edge of a tolerance.",
        _TOYS_OF_SPECTRA if measured else _TOYS_OF_MODELS,
        "Failed experiments are counted, never drawn again; coverage and bias are also given with every failure at its "
        "worst.",
    ]
    if any(o.redrawn is not None for o in outcomes):
        notes.append(
            f"'{REDRAWN}': every experiment has templates drawn anew from the effective number of simulated events of "
            "each bin; the toys come from the unchanged templates, without signal."
        )
    if any(o.bootstrap is not None for o in outcomes):
        what = "" if measured else " without signal"
        notes.append(
            f"'{BOOTSTRAP}': events of one pseudo-dataset{what} with weights Poisson(1); `stat_error` is the "
            "spread of the replicates, `error` the statistical error that the fit states for the same data."
        )
    return notes


# -- plots ------------------------------------------------------------------------------------------------------------


def _groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Estimators by channel, as far as they have one."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(str(outcome.estimator.parameters.get("channel", "")), []).append(outcome)
    return groups


def _label(estimator: StudyEstimator) -> str:
    """The parameters but the channel, short, with their units."""
    pairs = ((*k.partition("_"), v) for k, v in estimator.parameters.items() if k not in ("channel", "unit"))
    words = [f"{name} {v:g} {unit}".rstrip() if isinstance(v, float) else f"{name} {v}" for name, _, unit, v in pairs]
    return ", ".join(words) or estimator.name


def outcome_plots(study: str, outcomes: Sequence[Outcome], luminosity_fb: float) -> list[Plot]:
    """Pulls, bias, coverage and, where there are any, bootstrap replicates: one figure of each for every channel.

    Parameters
    ----------
    study : str
        Its name, for the figures.
    outcomes : sequence of Outcome
    luminosity_fb : float
    """
    from toymc.plotting.estimators import bootstrap_panels, pull_panels

    plots = []
    for channel, members in _groups(outcomes).items():
        name, text = (f"_{channel}", f"{study}, channel {channel}") if channel else ("", study)
        middle = {_label(o.estimator): o.toys.points[len(o.toys.points) // 2].pulls for o in members}
        plots.append(
            Plot(
                f"pulls{name}",
                pull_panels(middle, text=text),
                "Pulls of the fitted signals at the middle true value, beside a normal distribution.",
            )
        )
        plots.append(
            Plot(
                f"bias{name}",
                _bias(members, text, luminosity_fb),
                "Bias in units of the spread against the true signal; the band is the tolerance.",
            )
        )
        plots.append(
            Plot(
                f"coverage{name}",
                _coverage(members, text, luminosity_fb),
                "Coverage of the stated intervals against the true signal; the band is the tolerance.",
            )
        )
        strapped = {_label(o.estimator): o.bootstrap for o in members if o.bootstrap is not None}
        if strapped:
            units = {_label(o.estimator): o.estimator.unit for o in members}
            figure = bootstrap_panels(
                {key: units[key] * b.values for key, b in strapped.items()},
                {key: (units[key] * b.value, units[key] * b.stated_error) for key, b in strapped.items()},
                text=text,
            )
            plots.append(
                Plot(
                    f"bootstrap{name}",
                    figure,
                    "Bootstrap replicates of one pseudo-dataset beside the stated statistical error.",
                )
            )
    return plots


def _bias(members: Sequence[Outcome], text: str, luminosity_fb: float) -> "Figure":
    from toymc.plotting.estimators import Series, against_truth

    series = []
    for o in members:
        spread = np.array([p.spread.value for p in o.toys.points])
        bias = np.array([p.bias.value for p in o.toys.points]) / spread
        error = np.array([p.total_bias_error for p in o.toys.points]) / spread
        series.append(Series(_label(o.estimator), _at(o), bias, error))
    return against_truth(
        series,
        xlabel=_axis(members),
        ylabel="bias / spread",
        target=0.0,
        tolerance=Tolerances().bias,
        text=text,
        luminosity_fb=luminosity_fb,
    )


def _coverage(members: Sequence[Outcome], text: str, luminosity_fb: float) -> "Figure":
    from toymc.plotting.estimators import Series, against_truth

    series = [
        Series(
            _label(o.estimator),
            _at(o),
            np.array([p.coverage.value for p in o.toys.points]),
            np.array([p.total_coverage_error for p in o.toys.points]),
        )
        for o in members
    ]
    return against_truth(
        series,
        xlabel=_axis(members),
        ylabel="coverage",
        target=members[0].toys.cl,
        tolerance=Tolerances().coverage,
        text=text,
        luminosity_fb=luminosity_fb,
    )


def _at(outcome: Outcome) -> "np.ndarray":
    """True values on the axis: distance to the middle one, or in spreads at the smallest, from zero or from it on."""
    points = outcome.toys.points
    truths = np.array([p.truth for p in points])
    if "unit" in outcome.estimator.parameters:
        return np.asarray(truths - truths[len(truths) // 2])
    return np.asarray(truths - max(points[0].truth, 0.0)) / (points[0].spread.value or 1.0)


def _axis(members: Sequence[Outcome]) -> str:
    first = members[0]
    unit = first.estimator.parameters.get("unit")
    if unit is None:
        return "true value / expected error"
    return f"true value - {first.toys.points[len(first.toys.points) // 2].truth:.2f} [{unit}]"
