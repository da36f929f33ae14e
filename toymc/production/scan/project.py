"""A search over mass and lifetime at other luminosities, for the named scenarios of its uncertainties."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toymc.inference.projections import SCENARIOS, Scenario, luminosity_steps
from toymc.inference.projections.scenarios import floor_of
from toymc.inference.unbinned import Density, MassChannel, ScanResult, scan
from toymc.io.outputs import run_folder
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.scan.compute import ChannelRun, ScanRun, compute_scan
from toymc.production.scan.signal import SELECTIONS
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import Bands, Hypothesis, Projection, StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies.scan_study import ScanStudy

FloatArray = npt.NDArray[np.float64]

_STEPS = 7
_SHOWN_CTAU_CM = (0.1, 1.0, 100.0)


def _scaled(run: ChannelRun, rows: npt.NDArray[np.int64], ratio: float, size: float) -> MassChannel:
    """The channel at some masses, at `ratio` times the luminosity, its uncertainties times `size`."""
    channel = run.mass_channel
    grown = [Density(d.x, ratio * d.per_gev) for d in run.densities]
    return MassChannel(
        channel.name,
        replace(channel.signal, parameters=channel.signal.parameters[rows]),
        replace(channel.window, low=channel.window.low[rows], high=channel.window.high[rows]),
        channel.background,
        per_unit=ratio * np.asarray(channel.per_unit)[rows],
        expected=grown,
        selection=None if channel.selection is None else np.asarray(channel.selection)[rows],
        efficiency_error=size * np.asarray(channel.efficiency_error)[rows],
    )


def project_channel(
    study: ScanStudy, run: ChannelRun, scenario: Scenario, today_fb: float, luminosities: FloatArray
) -> dict[float, ScanResult]:
    """Expected limits at the reference masses and all lifetimes of a scan, for every luminosity.

    The background density grows with the luminosity. Uncertainties of the number of B pairs and of the production
    fraction, and those of efficiencies, follow the rule of the scenario with the floors of the study.
    """
    low, high = run.channel.mass_range
    wanted = [m for m in study.reference_masses if low <= m <= high]
    rows = np.array([int(np.argmin(np.abs(run.scan.masses - m))) for m in wanted], dtype=np.int64)
    found = {}
    for luminosity in luminosities:
        ratio = float(luminosity) / today_fb
        sizes = [e * scenario.factor(ratio, floor_of(name, study.floors)) for name, e in study.errors.items()]
        common = np.sqrt(np.sum(np.square(sizes)))
        size = scenario.factor(ratio, floor_of("efficiency", study.floors))
        found[float(luminosity)] = scan(
            run.scan.masses[rows], run.scan.lifetimes, [_scaled(run, rows, ratio, size)],
            cl=run.scan.cl, common_error=float(common),
        )  # fmt: skip
    return found


def project_scan(run: ScanRun, luminosity_fb: float) -> list[Projection]:
    """Limits against luminosity at the reference points, one entry for each scenario.

    Parameters
    ----------
    run : ScanRun
        At today's luminosity.
    luminosity_fb : float

    Returns
    -------
    list of Projection
    """
    today = float(run.result.luminosity_fb or run.study.luminosity_fb)
    grid = luminosity_steps(today, luminosity_fb, _STEPS)
    projections = []
    for channel in run.channels.values():
        by_name = {s.name: project_channel(run.study, channel, s, today, grid) for s in SCENARIOS.values()}
        first = next(iter(by_name["statistical"].values()))
        for i, mass in enumerate(first.masses):
            for ctau in run.study.reference_lifetimes_cm:
                k = int(np.argmin(np.abs(np.log(first.lifetimes / ctau))))
                for name, scans in by_name.items():
                    bands = [scans[float(value)].expected[i, k] for value in grid]
                    if not np.all(np.isfinite(bands)):
                        continue
                    projections.append(
                        Projection(
                            parameters={
                                "channel": channel.channel.name, "mass_GeV": float(mass), "ctau_cm": float(ctau)
                            },
                            scenario=name,
                            cl=channel.scan.cl,
                            luminosity_fb=[float(value) for value in grid],
                            expected=[Bands.of([float(b) for b in row]) for row in bands],
                            take_over_fb=_take_over(by_name, grid, i, k, name),
                        )
                    )  # fmt: skip
    return projections


def _take_over(
    by_name: Mapping[str, Mapping[float, ScanResult]], grid: FloatArray, i: int, k: int, name: str
) -> float | None:
    """First luminosity of the grid at which the limit exceeds sqrt(2) times the one without uncertainties."""
    for value in grid:
        alone = by_name["statistical"][float(value)].expected[i, k, 2]
        if by_name[name][float(value)].expected[i, k, 2] > np.sqrt(2.0) * alone:
            return float(value)
    return None


def project_scan_study(
    study: ScanStudy,
    out: str | Path,
    options: RunOptions,
    luminosity_fb: float,
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Project a search to a luminosity and write result, plots and report to a folder.

    Parameters
    ----------
    study : ScanStudy
    out : path
    options : RunOptions
        Of the run at the luminosity of the publication that is projected.
    luminosity_fb : float
    progress : callable, optional

    Returns
    -------
    StudyResult

    Raises
    ------
    ToymcError
        For a luminosity below today's, or if the folder cannot be written.
    """
    start = time.perf_counter()
    with run_folder(out, f"{study.name} (project)") as folder, warming():
        run = compute_scan(study, options, "reference", None, progress)
        ready = time.perf_counter()
        projections = project_scan(run, luminosity_fb)
        last = [p for p in projections if p.expected]
        hypotheses = [
            Hypothesis(
                parameters={**p.parameters, "scenario": p.scenario}, cl=float(p.cl or 0.0), expected=p.expected[-1]
            )
            for p in last
            if p.expected
        ]
        result = run.result.model_copy(
            update={
                "luminosity_fb": luminosity_fb,
                "samples": None,
                "published": None,
                "hypotheses": hypotheses,
                "projections": projections,
                "notes": [*study.notes, *_notes(study), *_background_notes(run)],
                "timing": {"input_s": ready - start, "projections_s": time.perf_counter() - ready},
            }
        )
        config = RunConfig(
            study=study.name,
            options={"luminosity": luminosity_fb, "seed": options.seed, "scale": options.scale},
            versions=run_versions(run.result.pdg_edition),
            details={"detector": study.card, "today_fb": float(run.result.luminosity_fb or 0.0)},
            action="project",
        )
        plots = _plots(study, projections)
        title = f"Projection to {luminosity_fb:g} /fb: {study.title}"
        write_run(folder, result, config, title=title, plots=plots, reactions=study.reactions)
    return result


def _notes(study: ScanStudy) -> list[str]:
    return [
        "Detector, selection and beam background stay as they are; the background density grows with the luminosity.",
        "Scenarios: 'statistical' has no uncertainties; 'scaling' lets each fall as 1/sqrt(L) down to its floor; "
        "'frozen' keeps them.",
        *(
            f"Floor of {name}: {floor.relative:g} of today's uncertainty ({floor.why}) [{floor.tag}] {floor.source}"
            for name, floor in study.floors.items()
        ),
    ]


def _background_notes(run: ScanRun) -> list[str]:
    """How well the background is known that is scaled up."""
    notes = []
    for name, channel in run.channels.items():
        events, error = channel.background.events(SELECTIONS[0])
        notes.append(
            f"{name}: {events:.2g} +- {error:.2g} background events at {run.result.luminosity_fb:g} /fb, all masses. "
            "The error is that of the simulation and no part of the bands, which scatter data around this expectation."
        )
    return notes


def _plots(study: ScanStudy, projections: list[Projection]) -> list[Plot]:
    """Median limits against luminosity at 1 GeV (or the nearest mass), and at the end against the mass."""
    from toymc.plotting.projections import Curve, against_luminosity, against_mass

    plots = []
    for name in dict.fromkeys(str(p.parameters["channel"]) for p in projections):
        channel = study.channel(name)
        mine = [p for p in projections if p.parameters["channel"] == name and p.expected]
        mass = min((float(p.parameters["mass_GeV"]) for p in mine), key=lambda m: abs(m - 1.0))
        grid, ylabel = np.array(mine[0].luminosity_fb), "limit on the product of branching fractions"
        for ctau in (c for c in _SHOWN_CTAU_CM if c in study.reference_lifetimes_cm):
            here = [p for p in mine if p.parameters["ctau_cm"] == ctau]
            curves = []
            for p in (p for p in here if p.parameters["mass_GeV"] == mass):
                low, median, high = (
                    np.array([getattr(b, key) for b in p.expected or []]) for key in ("minus1", "median", "plus1")
                )
                curves.append(Curve(SCENARIOS[p.scenario].title, median, low, high, p.take_over_fb))
            if not curves:
                continue
            where = rf"{mass:.3g} GeV, $c\tau$ = {ctau:g} cm"
            plots.append(
                Plot(
                    f"luminosity_{name}_{ctau:g}cm",
                    against_luminosity(grid, curves, ylabel=f"expected {ylabel}", text=where, today_fb=float(grid[0])),
                    f"Median expected limit of {name} at {mass:.3g} GeV, ctau {ctau:g} cm, against luminosity.",
                )
            )
            masses = np.array(sorted({float(p.parameters["mass_GeV"]) for p in here}))
            lines = {f"today, {grid[0]:g} fb$^{{-1}}$": _medians(here, "frozen", masses, 0)}
            lines |= {scenario.title: _medians(here, key, masses, -1) for key, scenario in SCENARIOS.items()}
            figure = against_mass(
                masses, lines, xlabel="mass [GeV]", ylabel=f"expected {ylabel}",
                text=f"{channel.label or name}, $c\\tau$ = {ctau:g} cm", luminosity_fb=float(grid[-1]),
            )  # fmt: skip
            words = f"Median expected limits of {name} at ctau {ctau:g} cm against the mass, today and projected."
            plots.append(Plot(f"mass_{name}_{ctau:g}cm", figure, words))
    return plots


def _medians(projections: list[Projection], scenario: str, masses: FloatArray, step: int) -> FloatArray:
    """Median limits at one luminosity of the grid, by mass."""
    found = {float(p.parameters["mass_GeV"]): p for p in projections if p.scenario == scenario}
    return np.array([(found[float(m)].expected or [])[step].median for m in masses])
