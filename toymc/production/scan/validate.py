"""`toymc study validate` for searches over mass and lifetime: signals put in and found again, and control decays."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import chi2

import toymc
from toymc.inference.estimators import Tolerances
from toymc.inference.unbinned import crystal_ball
from toymc.io.outputs import run_folder
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.scan.compute import ChannelRun, compute_scan
from toymc.production.scan.control import FLIGHT_EDGES_CM, ControlSample, control_estimators, control_sample
from toymc.production.scan.experiments import TRUE_EVENTS, InjectedYield
from toymc.production.scan.resolution import PeakWidth, peak_width, width_estimators
from toymc.production.validate_study import TOYS, Outcome, block_runner, estimator_entry, outcome_plots
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies.estimators import StudyEstimator
from toymc.studies.scan_study import ControlMode, ScanChannel, ScanStudy

POINTS = ((0.3, 1.0), (1.0, 0.1), (1.0, 1.0), (1.0, 10.0), (2.5, 1.0), (4.0, 1.0))
"""Mass (GeV) and ctau (cm) of the hypotheses that are tested, as far as a channel has them."""


WIDTH_POINTS = ((0.3, 0.05), (0.3, 1.0), (1.0, 1.0), (3.0, 1.0), (4.5, 1.0))
"""Where it is looked what makes the width of the peak."""


def validate_scan_study(
    study: ScanStudy, out: str | Path, options: RunOptions, experiments: int, progress: ProgressFactory | None = None
) -> StudyResult:
    """Linearity, bias, pulls and coverage of the fitted signal yield, and the control decays, written as a run is.

    Parameters
    ----------
    study : ScanStudy
    out : path
    options : RunOptions
    experiments : int
        At each true yield of each hypothesis.
    progress : callable, optional

    Returns
    -------
    StudyResult

    Raises
    ------
    ToymcError
        If the folder cannot be written or an option is not allowed.
    """
    start = time.perf_counter()
    with run_folder(out, f"{study.name} (validate)") as folder, warming():
        run = compute_scan(study, options, "reference", None, progress)
        ready = time.perf_counter()
        outcomes = {
            injected: _outcome(injected, experiments, options, progress)
            for channel in run.channels.values()
            for injected in _injected(study, channel)
        }
        luminosity = float(run.result.luminosity_fb or study.luminosity_fb)
        controls = [(c, control_sample(study, c, options, luminosity, progress)) for c in study.controls]
        widths = {c.channel.name: _widths(study, c.channel, options, progress) for c in run.channels.values()}
        entries = [estimator_entry(o.estimator, o.toys, TOYS, None) for o in outcomes.values()]
        result = StudyResult(
            study=study.name,
            version=toymc.__version__,
            seed=options.seed,
            luminosity_fb=run.result.luminosity_fb,
            limit_on=study.limit_on,
            scale=options.scale,
            systematics=options.systematics,
            detector=study.card,
            pdg_edition=run.result.pdg_edition,
            estimators=[
                *entries,
                *(row for name, found in widths.items() for row in width_estimators(study.channel(name), found)),
                *(row for c, sample in controls for row in control_estimators(c, sample)),
            ],
            notes=_notes(list(outcomes.values())),
            timing={"input_s": ready - start, "experiments_s": time.perf_counter() - ready},
        )
        config = RunConfig(
            study=study.name,
            options={
                "experiments": experiments,
                "luminosity": run.result.luminosity_fb,
                "seed": options.seed,
                "scale": options.scale,
            },
            versions=run_versions(run.result.pdg_edition),
            details={"detector": study.card},
            action="validate",
        )
        plots = [
            _linearity(list(outcomes.values()), luminosity),
            *outcome_plots(study.name, list(outcomes.values()), luminosity),
            *(p for c, sample in controls for p in _control_plots(c, sample)),
        ]
        write_run(folder, result, config, title=f"Injected signals: {study.title}", plots=plots)
    return result


def _widths(
    study: ScanStudy, channel: ScanChannel, options: RunOptions, progress: ProgressFactory | None
) -> list[PeakWidth]:
    if channel.pair.recover:
        return []
    low, high = channel.mass_range
    points = [(mass, ctau) for mass, ctau in WIDTH_POINTS if low < mass < high]
    return [peak_width(study, channel, mass, ctau, options, progress) for mass, ctau in points]


def _injected(study: ScanStudy, channel: ChannelRun) -> list[InjectedYield]:
    low, high = channel.channel.mass_range
    return [InjectedYield(study, channel, mass, ctau) for mass, ctau in POINTS if low < mass < high]


def _outcome(
    injected: InjectedYield, experiments: int, options: RunOptions, progress: ProgressFactory | None
) -> Outcome:
    parameters: dict[str, str | float | int | bool] = {
        "channel": injected.channel.name,
        "mass_GeV": injected.mass,
        "ctau_cm": injected.ctau,
    }
    estimator = StudyEstimator(
        "signal events", injected.generate, injected.estimate, TRUE_EVENTS, 1.0, parameters
    )  # fmt: skip
    notify = None if progress is None else progress(f"{injected.mass:g} GeV, {injected.ctau:g} cm, {TOYS}")
    found = injected.validate(experiments, options.seed, block_runner(options, notify))
    return Outcome(estimator, found, None, None)


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    t = Tolerances()
    lines = [o.toys.line for o in outcomes if o.toys.line is not None]
    away = np.array([(line.slope.value - 1.0) / line.slope.error for line in lines])
    return [
        "Signals of 5, 10, 20 and 40 expected events are drawn from simulated candidates, background from the expected "
        "density; the yield is fitted with the shape of the scan, not below zero.",
        f"Recovered against injected: slopes of {len(away)} hypotheses against 1 have chi2 = {(away**2).sum():.1f}, "
        f"p = {float(chi2.sf((away**2).sum(), len(away))):.2g}; 'line p value' is that of each straight line.",
        "Intervals of the yield are where ln L of a count with the same yield and error falls by 1/2; coverage of few "
        "events is that of a Poisson distribution, in steps.",
        f"Verdicts: |bias| < {t.bias:g} of the spread, pull width 1 +- {t.pull_width:g}, slope 1 +- {t.slope:g}.",
    ]


def _control_plots(control: ControlMode, sample: ControlSample) -> list[Plot]:
    from toymc.plotting.scan import lines

    name, width = control.name, 0.001
    edges = np.arange(0.46, 0.54 + 0.5 * width, width)
    at = 0.5 * (edges[1:] + edges[:-1])
    peak = sample.peak()
    shape = crystal_ball(sample.true_mass + peak.shift, *peak.parameters()[1:])
    inside = np.histogram(sample.mass, edges)[0].astype(np.float64)
    curve = inside.sum() * width * shape.density(at, float(edges[0]), float(edges[-1]))
    figure = lines(
        1e3 * at, {"double-sided Crystal Ball": curve}, points={"simulated": (1e3 * at, inside, np.sqrt(inside))},
        xlabel=r"$m(\pi^+\pi^-)$ [MeV]", ylabel="candidates / MeV", text=name,
    )  # fmt: skip
    plots = [Plot(f"control_{name}_mass", figure, f"Mass peak of {name}.")]
    centres = np.sqrt(FLIGHT_EDGES_CM[1:] * FLIGHT_EDGES_CM[:-1])
    # half the difference of the two quantiles of a Gaussian: error 0.96 sigma/sqrt(n) [C]
    relative = 0.96 / np.sqrt(np.maximum(np.histogram(sample.flight, FLIGHT_EDGES_CM)[0], 1))
    resolution, _, pull = sample.resolution()
    for key, values, ylabel, words in (
        ("resolution", (1e4 * resolution, 1e4 * resolution * relative), r"vertex resolution along the flight [$\mu$m]",
         "Half the central 68 % of the vertex residual along the flight"),
        ("pull", (pull, pull * relative), "width of the vertex pull", "Width of the pull of the vertex position"),
        ("efficiency", sample.efficiency(), "efficiency", "Efficiency without identification and trigger"),
    ):  # fmt: skip
        figure = lines(
            centres, {}, points={name: (centres, *values)}, xlabel="distance of the decay across the beam [cm]",
            ylabel=ylabel, log_x=True, text=name,
        )  # fmt: skip
        plots.append(Plot(f"control_{name}_{key}", figure, f"{words} of {name}."))
    return plots


def _linearity(outcomes: Sequence[Outcome], luminosity_fb: float) -> Plot:
    from toymc.plotting.estimators import Series, against_truth

    series = []
    for o in outcomes:
        truth = np.array([p.truth for p in o.toys.points])
        mean = np.array([[p.mean.value, p.mean.error] for p in o.toys.points]).T
        where = f"{o.estimator.parameters['mass_GeV']:g} GeV, {o.estimator.parameters['ctau_cm']:g} cm"
        series.append(Series(where, truth, mean[0] / truth, mean[1] / truth))
    figure = against_truth(
        series, ylabel="mean fitted / injected events", target=1.0, tolerance=Tolerances().slope,
        xlabel="injected events", text="signals injected and fitted", luminosity_fb=luminosity_fb,
    )  # fmt: skip
    return Plot("linearity", figure, "Mean fitted over injected signal events; the band is the tolerance of the slope.")
