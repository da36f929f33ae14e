"""`toymc study validate` for searches over mass and lifetime: signals put in and found again, and control decays."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import toymc
from toymc.inference.estimators import Tolerances, Validation
from toymc.inference.unbinned import crystal_ball
from toymc.io.outputs import run_folder
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.scan.compute import ChannelRun, compute_scan
from toymc.production.scan.control import FLIGHT_EDGES_CM, ControlSample, control_estimators, control_sample
from toymc.production.scan.experiments import TRUE_EVENTS, InjectedYield
from toymc.production.validate_study import TOYS, block_runner, estimator_entry
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import Estimator, StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies.estimators import StudyEstimator
from toymc.studies.scan_study import ControlMode, ScanStudy

POINTS = ((0.3, 1.0), (1.0, 0.1), (1.0, 1.0), (1.0, 10.0), (2.5, 1.0), (4.0, 1.0))
"""Mass (GeV) and ctau (cm) of the hypotheses that are tested, as far as a channel has them."""


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
        found = [
            (injected, injected.validate(experiments, options.seed, block_runner(options)))
            for channel in run.channels.values()
            for injected in _injected(study, channel)
        ]
        luminosity = float(run.result.luminosity_fb or study.luminosity_fb)
        controls = [(c, control_sample(study, c, options, luminosity, progress)) for c in study.controls]
        entries = [_entry(injected, validation) for injected, validation in found]
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
            estimators=[*entries, *(row for c, sample in controls for row in control_estimators(c, sample))],
            notes=_notes(),
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
        plots = [_linearity(found, luminosity), *(p for c, sample in controls for p in _control_plots(c, sample))]
        write_run(folder, result, config, title=f"Injected signals: {study.title}", plots=plots)
    return result


def _injected(study: ScanStudy, channel: ChannelRun) -> list[InjectedYield]:
    low, high = channel.channel.mass_range
    return [InjectedYield(study, channel, mass, ctau) for mass, ctau in POINTS if low < mass < high]


def _entry(injected: InjectedYield, found: Validation) -> Estimator:
    name = "signal_events"
    parameters: dict[str, str | float | int | bool] = {
        "channel": injected.channel.name,
        "mass_GeV": injected.mass,
        "ctau_cm": injected.ctau,
    }
    plain = StudyEstimator(name, injected.generate, injected.estimate, TRUE_EVENTS, 1.0, parameters)
    return estimator_entry(plain, found, TOYS, None)


def _notes() -> list[str]:
    t = Tolerances()
    return [
        "Signals of 5, 10, 20 and 40 expected events are drawn from simulated candidates, background from the expected "
        "density; the yield is fitted with the shape of the scan, not below zero.",
        f"Verdicts: |bias| < {t.bias:g} of the spread, pull width 1 +- {t.pull_width:g}, slope 1 +- {t.slope:g}.",
    ]


def _control_plots(control: ControlMode, sample: ControlSample) -> list[Plot]:
    from toymc.plotting.scan import lines

    centres = np.sqrt(FLIGHT_EDGES_CM[1:] * FLIGHT_EDGES_CM[:-1])
    x, name = "log10(distance across the beam in cm)", control.name
    peak, width = sample.peak(), 0.001
    edges = np.arange(0.46, 0.54 + 0.5 * width, width)
    at = 0.5 * (edges[1:] + edges[:-1])
    shape = crystal_ball(sample.true_mass + peak.shift, *peak.parameters()[1:])
    inside = np.histogram(sample.mass, edges)[0].astype(np.float64)
    curve = inside.sum() * width * shape.density(at, float(edges[0]), float(edges[-1]))
    resolution, _, pull = sample.resolution()
    efficiency, _ = sample.efficiency()
    figures = (
        ("mass", lines(1e3 * at, {"double-sided Crystal Ball": curve}, points={"simulated": (1e3 * at, inside)},
                       xlabel=r"$m(\pi^+\pi^-)$ [MeV]", ylabel="candidates / MeV", text=name), "Mass peak"),
        ("resolution", lines(np.log10(centres), {"along the flight": 1e4 * resolution}, xlabel=x,
                             ylabel=r"vertex resolution [$\mu$m]", text=name), "Resolution of the vertex"),
        ("pull", lines(np.log10(centres), {"width of the pull": pull}, xlabel=x, ylabel="pull width", text=name),
         "Width of the pull of the vertex position"),
        ("efficiency", lines(np.log10(centres), {"found / made": efficiency}, xlabel=x, ylabel="efficiency", text=name),
         "Efficiency without identification and trigger"),
    )  # fmt: skip
    return [Plot(f"control_{name}_{key}", figure, f"{text} of {name}.") for key, figure, text in figures]


def _linearity(found: Sequence[tuple[InjectedYield, Validation]], luminosity_fb: float) -> Plot:
    from toymc.plotting.scan import lines

    truths = np.array(TRUE_EVENTS)
    curves = {
        f"{injected.mass:g} GeV, {injected.ctau:g} cm": np.array([p.mean.value for p in validation.points]) / truths
        for injected, validation in found
    }
    figure = lines(
        truths, curves, xlabel="injected events", ylabel="fitted / injected", luminosity_fb=luminosity_fb
    )  # fmt: skip
    return Plot("linearity", figure, "Mean fitted over injected signal events.")
