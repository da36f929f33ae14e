"""`toymc study run`: a study from generated events to a folder with result, model, plots and report."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toymc.io.outputs import run_folder
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions, StudyRun, compute_study
from toymc.production.measurement.run import run_measurement
from toymc.production.observed import read_observed
from toymc.production.scan.run import run_scan_study
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies import AnyStudy
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.scan_study import ScanStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_study(
    study: AnyStudy,
    out: str | Path,
    *,
    luminosity_fb: float | None = None,
    seed: int = 1,
    scale: float = 1.0,
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    systematics: str = "all",
    points: str = "all",
    data: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Run a study and write everything it leaves behind to a folder, which appears complete or not at all.

    Parameters
    ----------
    study : Study
    out : path
        Target folder.
    luminosity_fb : float, optional
        Default: that of the data if there are any, else that of the publication.
    seed, scale, workers, executor, scheduler, systematics
        See `RunOptions`.
    points : str
        ``reference`` or ``all``; only scans with thousands of points tell them apart.
    data : path, optional
        Observed events, as ``toymc dataset`` writes them.
    progress : callable, optional
        From the name of a sample to a function of (events done, events in all).

    Returns
    -------
    StudyResult

    Raises
    ------
    ToymcError
        If the folder cannot be written or an option is not allowed.
    """
    if isinstance(study, ScanStudy):
        options = RunOptions(luminosity_fb, seed, scale, workers, executor, scheduler, systematics)
        return run_scan_study(study, out, options, points=points, data=data, progress=progress)
    if isinstance(study, MeasurementStudy):
        options = RunOptions(luminosity_fb, seed, scale, workers, executor, scheduler, systematics)
        return run_measurement(study, out, options, data=data, progress=progress)
    observed, data_luminosity = (None, None) if data is None else read_observed(data, study)
    amount = luminosity_fb if luminosity_fb is not None else data_luminosity
    options = RunOptions(amount, seed, scale, workers, executor, scheduler, systematics)
    with run_folder(out, study.name) as folder, warming(limits=True):
        run = compute_study(study, options, observed, progress)
        config = RunConfig(
            study=study.name,
            options={
                "luminosity": run.result.luminosity_fb,
                "seed": seed,
                "scale": scale,
                "executor": executor,
                "scheduler": scheduler,
                "systematics": systematics,
                "points": points,
                "data": None if data is None else str(data),
            },
            versions=run_versions(run.result.pdg_edition),
            details={"detector": study.card},
        )
        write_run(
            folder,
            run.result,
            config,
            title=study.title,
            plots=_plots(run, observed),
            workspace=run.workspace,
            reactions=study.reactions,
        )
    return run.result


def _plots(run: StudyRun, observed: "dict[str, np.ndarray] | None") -> list[Plot]:
    plots = []
    for channel in run.study.channels:
        plots.append(
            Plot(
                f"spectrum_{channel.name}",
                _spectrum(run, channel.name, observed),
                f"Expected spectrum of channel {channel.name} with signals at a ratio of {_SHOWN_RATIO:g}.",
            )
        )
        for cl in run.study.confidence_levels:
            plots.append(
                Plot(
                    f"limit_{channel.name}_{100 * cl:.0f}",
                    _limit(run, channel.name, cl),
                    f"Expected {100 * cl:.0f} % CL limit in channel {channel.name}, beside the published one.",
                )
            )
    return [*plots, Plot("cutflow", _cutflow(run), "Efficiency after each cut.")]


# size of the signals drawn into the spectra
_SHOWN_RATIO = 0.05


def _spectrum(run: StudyRun, name: str, observed: "dict[str, np.ndarray] | None") -> "Figure":
    from toymc.plotting.figures import template_stack

    channel = run.study.channel(name)
    bins = run.study.fitted_bins(run.spectra, name)
    mine = [h for h in run.hypotheses if h.parameters["channel"] == name]
    samples = mine[0].model.channels[0].samples
    backgrounds = {s.name: s.data for s in reversed(samples) if s.name != mine[0].sample}
    signals = {
        f"{h.sample} x {_SHOWN_RATIO:g}": h.model.channels[0].samples[0].data * _SHOWN_RATIO / h.unit
        for h in mine[:: max(1, len(mine) // 3)]
    }
    background = set(run.study.standard_model)
    variances = [s.variance[bins] for (sample, c, _), s in run.spectra.items() if c == name and sample in background]
    error = np.sqrt(np.sum(variances, axis=0))
    return template_stack(
        channel.edges[bins.start : bins.stop + 1],
        backgrounds,
        signals=signals,
        data=None if observed is None else observed[name][bins],
        error=error,
        xlabel=channel.label,
        text=f"{run.study.name}, channel {name}",
        luminosity_fb=run.result.luminosity_fb,
    )


def _limit(run: StudyRun, name: str, cl: float) -> "Figure":
    from toymc.plotting.figures import Points, limit_plot

    mine = [h for h in run.result.hypotheses or [] if h.parameters["channel"] == name and h.cl == cl]
    mass = np.array([float(h.parameters["mass_GeV"]) for h in mine])
    bands = np.array([h.expected.values() for h in mine])
    statistical = [h.expected_statistical.median for h in mine if h.expected_statistical is not None]
    seen = [h.observed for h in mine if h.observed is not None]
    theirs = [p for p in run.result.published or [] if p.parameters.get("channel") == name and p.cl == cl]
    published = []
    for what in ("expected", "observed"):
        rows = [(float(p.parameters["mass_GeV"]), getattr(p, what)) for p in theirs if getattr(p, what) is not None]
        if rows:
            x, y = np.array(rows).T
            note = next((p.note for p in theirs if p.note), None)
            title = note if what == "expected" and note else f"published, {what}"
            published.append(Points(title, x, y))
    return limit_plot(
        mass,
        bands,
        observed=np.array(seen) if seen else None,
        published=published,
        statistical=np.array(statistical) if statistical else None,
        xlabel=r"$M_\alpha$ [GeV]",
        ylabel=f"{100 * cl:.0f} % CL limit on {run.study.limit_on}",
        text=f"{run.study.name}, channel {name}",
        luminosity_fb=run.result.luminosity_fb,
    )


def _cutflow(run: StudyRun) -> "Figure":
    """The Standard Model samples, each in the first channel that it is filled into."""
    from toymc.plotting.figures import cutflow_bars

    flows = {}
    for name in run.study.standard_model:
        sample = run.samples[name].sample
        steps = run.samples[name].outcome.cutflows[sample.channels[0]].to_dict()["steps"]
        flows[f"{name} in channel {sample.channels[0]}"] = [(s["step"], s.get("efficiency", 0.0)) for s in steps]
    return cutflow_bars(flows, text=run.study.name, luminosity_fb=run.result.luminosity_fb)
