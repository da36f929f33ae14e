"""`toymc study run` for measurements: the computation and the files it leaves behind."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from toymc.inference.projections import SCENARIOS
from toymc.io.outputs import run_folder
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.measurement.compute import MeasurementRun, compute_measurement
from toymc.production.measurement.stored import FILE, write_spectra
from toymc.production.observed import read_observed
from toymc.production.project_study import error_curves, error_figure
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.plot import Plot
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import write_run
from toymc.studies.measurement_study import MeasurementStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]
_UP_TO_FB = 50_000.0
_PER_DRAWN_BIN = 10


def run_measurement(
    study: MeasurementStudy,
    out: str | Path,
    options: RunOptions,
    *,
    data: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Run a measurement and write its folder, which appears complete or not at all.

    Parameters
    ----------
    study : MeasurementStudy
    out : path
    options : RunOptions
    data : path, optional
        Observed events, as ``toymc dataset`` writes them; their luminosity is taken where the options give none.
    progress : callable, optional

    Returns
    -------
    StudyResult

    Raises
    ------
    ToymcError
        If the folder cannot be written or an option is not allowed.
    """
    observed, data_luminosity = (None, None) if data is None else read_observed(data, study)
    if options.luminosity_fb is None and data_luminosity is not None:
        options = replace(options, luminosity_fb=data_luminosity)
    with run_folder(out, study.name) as folder, warming():
        run = compute_measurement(study, options, observed, progress)
        write_measurement(folder, run, observed, data)
    return run.result


def write_measurement(
    folder: Path, run: MeasurementRun, observed: dict[str, FloatArray] | None, data: str | Path | None
) -> None:
    """Write everything about a run to an existing, empty folder."""
    study, options = run.study, run.options
    config = RunConfig(
        study=study.name,
        options={
            "luminosity": run.result.luminosity_fb,
            "seed": options.seed,
            "scale": options.scale,
            "executor": options.executor,
            "scheduler": options.scheduler,
            "systematics": options.systematics,
            "data": None if data is None else str(data),
        },
        versions=run_versions(run.result.pdg_edition),
        details={"detector": study.card},
    )
    write_spectra(folder / FILE, run.spectra)
    write_run(folder, run.result, config, title=study.title, plots=_plots(run, observed), reactions=study.reactions)


def _plots(run: MeasurementRun, observed: dict[str, FloatArray] | None) -> list[Plot]:
    from toymc.plotting.estimators import bootstrap_panels, pull_panels
    from toymc.plotting.measurement import bias_against_truth

    study = run.study
    toys = {name: e.toys.point(study.truth).pulls for name, e in run.estimators.items()}
    series = {
        name: (
            np.array(list(e.generated)),
            np.array([n.value for n in e.generated.values()]),
            np.array([n.error for n in e.generated.values()]),
        )
        for name, e in run.estimators.items()
    }
    first, one = next(iter(run.estimators.items()))
    series[f"{first}, same events"] = (
        np.array(list(one.moved)),
        np.array([one.bias.value + n.value for n in one.moved.values()]),
        np.array([n.error for n in one.moved.values()]),
    )
    theirs = next((p for p in run.result.published or [] if p.parameters.get("quantity") == "bias"), None)
    band = (theirs.value, theirs.error) if theirs and theirs.value is not None and theirs.error is not None else None
    plots = [
        Plot("spectrum", _spectrum(run, observed), "Spectrum with the fit of the first estimator, and their distance."),
        Plot("pulls", pull_panels(toys, text=study.name),
             "Pulls of simplified experiments at the nominal true value."),
        Plot("bias", bias_against_truth(series, published=band, origin=study.truth, unit=study.unit, text=study.name),
             "Bias of the fitted value against the true one, with the statistics of the simulation; 'same events': the "
             "nominal ones moved to another mass, with the error of the difference to the nominal bias."),
        Plot("bootstrap", bootstrap_panels(
            {name: e.bootstrap.values for name, e in run.estimators.items()},
            {name: (e.bootstrap.value, e.bootstrap.stated_error) for name, e in run.estimators.items()},
            text=study.name), "Bootstrap replicates of one pseudo-dataset beside the stated error."),
    ]  # fmt: skip
    plots += [
        Plot(f"luminosity_{k + 1}", error_figure(m, error_curves(m, _UP_TO_FB)),
             f"Error of {m.name} against luminosity to {_UP_TO_FB:g} /fb: {', '.join(s for s in SCENARIOS)}.")
        for k, m in enumerate(run.measurements)
    ]  # fmt: skip
    if next(iter(run.estimators.values())).systematics:
        plots.insert(3, Plot("systematics", _bars(run), "Systematic uncertainties beside the published ones."))
    return plots


def _spectrum(run: MeasurementRun, observed: dict[str, FloatArray] | None) -> "Figure":
    """Ten bins at a time; without data, the expected events with the errors of data and simulation together."""
    from toymc.plotting.measurement import spectrum_with_fit

    study, channel = run.study, run.study.channels[0]
    expected = study.expected(run.spectra, study.nominal)
    counts = expected if observed is None else np.asarray(observed[channel.name])
    fit = study.curve(counts)
    background = {name: study.background_of(run.spectra, name) for name in study.standard_model}

    def drawn(values: FloatArray) -> FloatArray:
        return np.asarray(values.reshape(-1, _PER_DRAWN_BIN).sum(axis=1))

    shown = drawn(counts)
    variance = np.maximum(shown, 1.0)
    if observed is None:
        variance = variance + drawn(
            np.sum([run.spectra[study.nominal, channel.name, t].variance for t in channel.templates], axis=0)
        )
    return spectrum_with_fit(
        channel.edges[::_PER_DRAWN_BIN], shown, np.sqrt(variance), drawn(fit),
        parts={name.replace("_", " "): drawn(values) for name, values in background.items()},
        xlabel=channel.label, text=f"{study.name}, {'expected' if observed is None else 'data'}",
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _bars(run: MeasurementRun) -> "Figure":
    from toymc.plotting.measurement import uncertainty_bars

    rows = next(iter(run.estimators.values())).systematics
    return uncertainty_bars(
        [s.name for s in rows], np.array([s.value for s in rows]), np.array([s.error or 0.0 for s in rows]),
        np.array([np.nan if s.published is None else s.published for s in rows]), [bool(s.at_most) for s in rows],
        unit=run.study.unit, text=run.study.name,
    )  # fmt: skip
