"""`toymc study project`: a study at another luminosity, for named scenarios of its systematic uncertainties."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import toymc
from toymc.errors import InputError
from toymc.inference.projections import (
    SCENARIOS,
    ErrorCurve,
    LimitCurve,
    Measurement,
    Reach,
    SourceCost,
    luminosity_steps,
    project_limits,
    project_measurement,
    project_reach,
    source_costs,
)
from toymc.inference.projections.scenarios import floor_of, group_of
from toymc.io.outputs import run_folder
from toymc.production.chunks import Chunk, ProgressFactory, map_chunks, plan_chunks
from toymc.production.compute import RunOptions
from toymc.production.scan.project import project_scan_study
from toymc.production.study_input import StudyInput, study_input
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import Bands, Projection, SourceShare, StudyResult
from toymc.report.result import Hypothesis as ResultHypothesis
from toymc.report.result import Reach as ResultReach
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies import AnyStudy
from toymc.studies.scan_study import ScanStudy
from toymc.studies.study import Hypothesis, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS = 13
Errors = dict[str, tuple[Measurement, dict[str, ErrorCurve]]]
"""Name -> measurement and its errors by scenario."""


@dataclass(frozen=True)
class Projected:
    """A hypothesis at other luminosities; all by scenario, `reach` and `costs` at the last luminosity."""

    hypothesis: Hypothesis
    curves: list[dict[str, LimitCurve]]
    reach: dict[str, list[Reach]]
    costs: dict[str, list[SourceCost]]


def project_study(
    study: AnyStudy,
    out: str | Path,
    *,
    luminosity_fb: float = 50_000.0,
    stored: str | Path | None = None,
    seed: int = 1,
    scale: float = 1.0,
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    systematics: str = "all",
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Project a study to a luminosity and write result, plots and report to a folder.

    Parameters
    ----------
    study : Study
    out : path
        Target folder, which appears complete or not at all.
    luminosity_fb : float
        Above that of the run (or of the publication, for measurements).
    stored : path, optional
        Folder of a run of the study whose models are used; made anew, at the luminosity of the publication, if not
        given.
    seed, scale, workers, executor, scheduler, systematics
        See `RunOptions`; of a run that is made anew.
    progress : callable, optional
        From a name to a function of (done, in all).

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError
        For options that are not allowed, or a study with nothing to project.
    """
    if isinstance(study, ScanStudy):
        return project_scan_study(
            study,
            out,
            RunOptions(None, seed, scale, workers, executor, scheduler, systematics),
            luminosity_fb,
            progress,
        )
    start = time.perf_counter()
    options = RunOptions(None, seed, scale, workers, executor, scheduler, systematics)
    with run_folder(out, f"{study.name} (project)") as folder, warming():
        given = study_input(study, options, stored, progress)
        measurements = given.measurements or study.measurements
        if not given.hypotheses and not measurements:
            raise InputError(f"study {study.name} has neither limits nor measurements to project")
        grid = luminosity_steps(given.luminosity_fb, luminosity_fb, _STEPS)
        ready = time.perf_counter()
        task = partial(_project, study, given, grid)
        plan = plan_chunks(len(given.hypotheses), 1)
        notify = None if progress is None else progress("hypotheses")
        projected = list(map_chunks(task, plan, workers, executor, notify, scheduler=scheduler))
        errors = {m.name: (m, error_curves(m, luminosity_fb)) for m in measurements}
        result = _result(study, given, projected, errors, luminosity_fb, seed).model_copy(
            update={"timing": {"input_s": ready - start, "projections_s": time.perf_counter() - ready}}
        )
        config = RunConfig(
            study=study.name,
            options={
                "luminosity": luminosity_fb,
                "run": None if stored is None else str(stored),
                "seed": seed,
                "scale": None if stored else scale,
                "executor": executor,
                "scheduler": scheduler,
                "systematics": None if stored else systematics,
            },
            versions=run_versions(given.result.pdg_edition),
            details={"detector": study.card, "today_fb": given.luminosity_fb},
            action="project",
        )
        plots = _plots(study, given, projected, errors, luminosity_fb)
        title = f"Projection to {luminosity_fb:g} /fb: {study.title}"
        write_run(folder, result, config, title=title, plots=plots, reactions=study.reactions)
    return result


def _project(study: Study, given: StudyInput, grid: "np.ndarray", chunk: Chunk) -> Projected:
    hypothesis, today, last = given.hypotheses[chunk.index], given.luminosity_fb, float(grid[-1])
    model, floors = hypothesis.model, study.floors
    curves = [project_limits(model, today, grid, floors, cl) for cl in study.confidence_levels]
    cl = study.confidence_levels[0]
    return Projected(
        hypothesis=hypothesis,
        curves=curves,
        reach={name: project_reach(model, last, today, s, floors) for name, s in SCENARIOS.items()},
        costs={
            name: source_costs(model, last, today, s, floors, cl) for name, s in SCENARIOS.items() if s.rule != "none"
        },
    )


def error_curves(measurement: Measurement, luminosity_fb: float) -> dict[str, ErrorCurve]:
    """Errors up to a luminosity, by scenario."""
    grid = luminosity_steps(measurement.luminosity_fb, luminosity_fb, _STEPS)
    return {name: project_measurement(measurement, grid, scenario) for name, scenario in SCENARIOS.items()}


# -- result -----------------------------------------------------------------------------------------------------------


def _result(
    study: Study,
    given: StudyInput,
    projected: Sequence[Projected],
    errors: Errors,
    luminosity_fb: float,
    seed: int,
) -> StudyResult:
    hypotheses = [
        ResultHypothesis(
            parameters={**p.hypothesis.parameters, "scenario": name},
            cl=curve.cl,
            expected=Bands.of([p.hypothesis.unit * float(v) for v in curve.bands[-1]]),
            background=p.hypothesis.background * luminosity_fb / given.luminosity_fb,
        )
        for p in projected
        for curves in p.curves
        for name, curve in curves.items()
    ]
    projections = [
        _projection(study, p, i, name) for p in projected for i in range(len(p.curves)) for name in p.curves[i]
    ]
    projections += [error_projection(m, c) for m, curves in errors.values() for c in curves.values()]
    return StudyResult(
        study=study.name,
        version=toymc.__version__,
        seed=seed,
        luminosity_fb=luminosity_fb,
        limit_on=study.limit_on,
        scale=given.result.scale,
        systematics=given.result.systematics,
        detector=study.card,
        pdg_edition=given.result.pdg_edition,
        hypotheses=hypotheses or None,
        projections=projections,
        notes=_notes(study, given, projected),
    )


def _projection(study: Study, p: Projected, index: int, name: str) -> Projection:
    curve, unit = p.curves[index][name], p.hypothesis.unit
    first = index == 0
    return Projection(
        parameters=dict(p.hypothesis.parameters),
        scenario=name,
        cl=curve.cl,
        luminosity_fb=curve.luminosity_fb.tolist(),
        expected=[Bands.of([unit * float(v) for v in row]) for row in curve.bands],
        take_over_fb=curve.take_over_fb,
        reach=[ResultReach(sigma=r.sigma, value=unit * r.value) for r in p.reach[name]] if first else None,
        sources=[_share(study, c) for c in p.costs.get(name, [])] or None if first else None,
    )


def _share(study: Study, cost: SourceCost) -> SourceShare:
    group = group_of(cost.sources[0], study.floors)
    why = "no floor is stated: it does not improve" if group is None else study.floors[group].why
    return SourceShare(source=cost.group, share=cost.share, floor=floor_of(cost.sources[0], study.floors), why=why)


def error_projection(measurement: Measurement, curve: ErrorCurve) -> Projection:
    """One scenario as result.json has it."""
    total = curve.total
    sources = [
        SourceShare(
            source=s.name,
            share=float(curve.sources[s.name][-1] / total[-1]),
            floor=s.floor / s.size if s.size > 0.0 else 0.0,
            why=s.why or None,
        )
        for s in measurement.systematics
    ]
    return Projection(
        parameters={"measurement": measurement.name, "unit": measurement.unit},
        scenario=curve.scenario.name,
        luminosity_fb=curve.luminosity_fb.tolist(),
        statistical_error=curve.statistical.tolist(),
        systematic_error=curve.systematic.tolist(),
        total_error=total.tolist(),
        take_over_fb=curve.take_over_fb,
        sources=sorted(sources, key=lambda s: -s.share) or None,
    )


def _notes(study: Study, given: StudyInput, projected: Sequence[Projected]) -> list[str]:
    notes = [
        f"Today is {given.luminosity_fb:g} /fb. Detector, selection and beam background stay as they are; templates "
        "grow with the luminosity.",
        "Scenarios: 'statistical' has no systematic uncertainties and no statistics of the simulation; 'scaling' lets "
        "each source fall as 1/sqrt(L) down to its floor; 'frozen' keeps every source. In the last two the simulated "
        "sample grows with the data.",
        "Systematics take over where the limit exceeds sqrt(2) times the one without the sources at the same "
        "luminosity (statistics of the simulation kept). The fit constrains sources that the data know better than "
        "their prior, so that limits can fall with frozen systematics too.",
        "Discovery reach: median significance of 3 and 5 standard deviations, asymptotic.",
    ]
    if projected:
        notes += [
            f"Floor of {name}: {floor.relative:g} of today's uncertainty ({floor.why}) [{floor.tag}] {floor.source}"
            for name, floor in study.floors.items()
        ]
    return notes


# -- plots ------------------------------------------------------------------------------------------------------------


def _plots(
    study: Study,
    given: StudyInput,
    projected: Sequence[Projected],
    errors: Errors,
    luminosity_fb: float,
) -> list[Plot]:
    plots = []
    for channel, members in _by_channel(projected).items():
        name, text = (f"_{channel}", f"{study.name}, channel {channel}") if channel else ("", study.name)
        shown = members[len(members) // 2]
        plots.append(
            Plot(
                f"luminosity{name}",
                _curves(study, given, shown),
                f"Expected limit against luminosity, {_words(shown.hypothesis)}.",
            )
        )
        axis = _axis(members)
        if axis is not None:
            draw: Callable[..., Figure] = partial(_against_mass, study, members, axis, text, luminosity_fb)
            plots.append(
                Plot(
                    f"limits{name}",
                    draw(given.luminosity_fb),
                    f"Expected limits today and at {luminosity_fb:g} /fb, per scenario.",
                )
            )
            plots.append(
                Plot(
                    f"reach{name}",
                    draw(None),
                    f"Signal with a median significance of 3 and 5 standard deviations at {luminosity_fb:g} /fb.",
                )
            )
        if any(shown.costs.values()):
            plots.append(
                Plot(
                    f"sources{name}",
                    _sources(shown, luminosity_fb),
                    f"Cost of each group of systematic sources at {luminosity_fb:g} /fb, {_words(shown.hypothesis)}.",
                )
            )
    for measurement, curves in errors.values():
        plots.append(
            Plot(
                f"error_{measurement.name.replace(',', '').replace(' ', '_')}",
                error_figure(measurement, curves),
                f"Error of {measurement.name} against luminosity.",
            )
        )
    return plots


def _by_channel(projected: Sequence[Projected]) -> dict[str, list[Projected]]:
    groups: dict[str, list[Projected]] = {}
    for p in projected:
        groups.setdefault(str(p.hypothesis.parameters.get("channel", "")), []).append(p)
    return groups


def _words(hypothesis: Hypothesis) -> str:
    return ", ".join(f"{key} {value}" for key, value in hypothesis.parameters.items())


def _axis(members: Sequence[Projected]) -> str | None:
    """The first parameter with numbers that differ."""
    for key in members[0].hypothesis.parameters:
        values = [p.hypothesis.parameters[key] for p in members]
        if all(isinstance(v, float) for v in values) and len(set(values)) == len(values) > 1:
            return key
    return None


def _curves(study: Study, given: StudyInput, shown: Projected) -> "Figure":
    from toymc.plotting.projections import Curve, against_luminosity

    unit, cl = shown.hypothesis.unit, study.confidence_levels[0]
    curves = shown.curves[0]
    return against_luminosity(
        curves["statistical"].luminosity_fb,
        [
            Curve(SCENARIOS[name].title, unit * c.median, unit * c.bands[:, 1], unit * c.bands[:, 3], c.take_over_fb)
            for name, c in curves.items()
        ],
        ylabel=f"{100 * cl:.0f} % CL limit on {study.limit_on}",
        text=_words(shown.hypothesis),
        today_fb=given.luminosity_fb,
    )


def _against_mass(
    study: Study, members: Sequence[Projected], axis: str, text: str, luminosity_fb: float, today_fb: float | None
) -> "Figure":
    """Limits today and projected, or without `today_fb` the discovery reach."""
    from toymc.plotting.projections import against_mass

    x = np.array([float(p.hypothesis.parameters[axis]) for p in members])
    unit = np.array([p.hypothesis.unit for p in members])
    lines, band = {}, None
    if today_fb is not None:
        lines[f"today, {today_fb:g} fb$^{{-1}}$"] = unit * [p.curves[0]["frozen"].median[0] for p in members]
        low, high = (unit * np.array([p.curves[0]["frozen"].bands[0, k] for p in members]) for k in (1, 3))
        band = (low, high)
        for name, scenario in SCENARIOS.items():
            lines[scenario.title] = unit * [p.curves[0][name].median[-1] for p in members]
        ylabel = f"{100 * study.confidence_levels[0]:.0f} % CL limit on {study.limit_on}"
    else:
        for name, scenario in SCENARIOS.items():
            for i, sigma in enumerate(r.sigma for r in members[0].reach[name]):
                lines[rf"{sigma:g}$\sigma$, {scenario.title}"] = unit * [p.reach[name][i].value for p in members]
        ylabel = f"discovery reach in {study.limit_on}"
    stem, _, inside = axis.rpartition("_")
    return against_mass(
        x,
        lines,
        band=band,
        xlabel=f"{stem or axis} [{inside}]" if stem else axis,
        ylabel=ylabel,
        text=text,
        luminosity_fb=luminosity_fb,
    )


def _sources(shown: Projected, luminosity_fb: float) -> "Figure":
    from toymc.plotting.projections import source_bars

    shares = {SCENARIOS[name].title: {c.group: c.share for c in costs} for name, costs in shown.costs.items()}
    ordered = dict(sorted(shares.items(), key=lambda item: -max(item[1].values(), default=0.0)))
    return source_bars(ordered, text=_words(shown.hypothesis), luminosity_fb=luminosity_fb)


def error_figure(measurement: Measurement, curves: dict[str, ErrorCurve]) -> "Figure":
    """Error against luminosity in all scenarios."""
    from toymc.plotting.projections import Curve, against_luminosity

    return against_luminosity(
        curves["statistical"].luminosity_fb,
        [Curve(SCENARIOS[name].title, c.total, take_over=c.take_over_fb) for name, c in curves.items()],
        ylabel=f"error of {measurement.name}" + (f" [{measurement.unit}]" if measurement.unit else ""),
        text=measurement.name,
        today_fb=measurement.luminosity_fb,
    )
