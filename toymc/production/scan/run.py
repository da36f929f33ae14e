"""`toymc study run` for searches over mass and lifetime: the computation and the files it leaves behind."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from toymc.io.outputs import run_folder
from toymc.io.scan_file import write_scans
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.scan.background import EDGES
from toymc.production.scan.compute import ChannelRun, ScanRun, compute_scan
from toymc.production.scan.dataset import read_candidates
from toymc.production.scan.signal import SELECTIONS
from toymc.production.scan.toys import add_significance, with_toy_limits
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import Plot, write_run
from toymc.studies.scan_study import ScanStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]

_SHOWN_CTAU_CM = (0.05, 1.0, 10.0, 100.0)


def run_scan_study(
    study: ScanStudy,
    out: str | Path,
    options: RunOptions,
    *,
    points: str = "all",
    data: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Run a search and write its folder, which appears complete or not at all.

    Parameters
    ----------
    study : ScanStudy
    out : path
    options : RunOptions
    points : str
        ``all`` or ``reference``.
    data : path, optional
        Observed candidates, as ``toymc dataset`` writes them.
    progress : callable, optional

    Returns
    -------
    StudyResult

    Raises
    ------
    ToymcError
        If the folder cannot be written or an option is not allowed.
    """
    observed = None if data is None else read_candidates(data, study)
    if observed is not None and options.luminosity_fb is None:
        options = replace(options, luminosity_fb=observed.luminosity_fb)
    with run_folder(out, study.name) as folder, warming():
        run = compute_scan(study, options, points, None if observed is None else observed.masses, progress)
        config = RunConfig(
            study=study.name,
            options={
                "luminosity": run.result.luminosity_fb,
                "seed": options.seed,
                "scale": options.scale,
                "systematics": options.systematics,
                "points": points,
                "data": None if data is None else str(data),
            },
            versions=run_versions(run.result.pdg_edition),
            details={"detector": study.card},
        )
        write_scans(folder / "scan.h5", {name: c.scan for name, c in run.channels.items()}, study.limit_on)
        begin = time.perf_counter()
        run = with_toy_limits(run, progress)
        # a few reference masses are no scan: no look-elsewhere effect to speak of
        found = (
            [] if observed is None or points != "all" else add_significance(folder / "scan.h5", run, progress=progress)
        )
        update = {
            "notes": [*(run.result.notes or []), *(excess.note() for excess in found)],
            "timing": {**(run.result.timing or {}), "toys_s": time.perf_counter() - begin},
        }
        run = replace(run, result=run.result.model_copy(update=update))
        write_run(
            folder, run.result, config, title=study.title, plots=scan_plots(run), reactions=study.reactions
        )  # fmt: skip
    return run.result


def scan_plots(run: ScanRun) -> list[Plot]:
    """All figures of a run."""
    plots = []
    for name, channel in run.channels.items():
        plots += [
            Plot(f"limit_{name}", _limits(run, channel), f"Expected limits of channel {name} against the mass."),
            Plot(f"efficiency_{name}", _efficiency(run, channel), "Efficiency with identification, at the nodes."),
            Plot(f"resolution_{name}", _resolution(run, channel), "Core width of the double-sided Crystal Ball."),
            Plot(f"background_{name}", _background(run, channel), "Expected background for the two displacements."),
            Plot(f"mixing_{name}", _mixing(run, channel), f"Excluded couplings of {run.study.model}."),
        ]
        if np.any(np.isfinite(published_ratio(run, channel)[2])):
            plots.append(Plot(f"ratio_{name}", _ratio(run, channel), "Expected limit over the published observed one."))
        if np.any(np.isfinite(channel.scan.observed)):
            plots.append(Plot(f"significance_{name}", _significance(run, channel), "Local p-values of the data."))
            plots.append(Plot(f"p_values_{name}", _p_values(run, channel), "Local p-values over mass and lifetime."))
    return plots


def _limits(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lifetime_limits

    scanned, bands, seen, theirs = channel.scan, {}, {}, {}
    rows = [p for p in run.result.published or [] if p.parameters.get("channel") == channel.channel.name]
    for ctau in _SHOWN_CTAU_CM:
        k = int(np.argmin(np.abs(np.log(scanned.lifetimes / ctau))))
        bands[ctau] = scanned.expected[:, k]
        if np.any(np.isfinite(scanned.observed)):
            seen[ctau] = scanned.observed[:, k]
        points = [(float(p.parameters["mass_GeV"]), p.observed) for p in rows if p.parameters.get("ctau_cm") == ctau]
        if points:
            theirs[ctau] = (np.array([x for x, _ in points]), np.array([y for _, y in points], dtype=np.float64))
    return lifetime_limits(
        scanned.masses, bands, observed=seen or None, published=theirs,
        ylabel=f"{100 * scanned.cl:.0f} % CL limit on {run.study.limit_on}", text=channel.channel.name,
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def published_ratio(run: ScanRun, channel: ChannelRun) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Masses, lifetimes, and expected over published observed limits, NaN where either is missing."""
    rows = [p for p in run.result.published or [] if p.parameters.get("channel") == channel.channel.name]
    masses = np.array(sorted({float(p.parameters["mass_GeV"]) for p in rows}))
    lifetimes = np.array(sorted({float(p.parameters["ctau_cm"]) for p in rows}))
    ratio = np.full((len(masses), len(lifetimes)), np.nan)
    scanned = channel.scan
    for p in rows:
        i = int(np.argmin(np.abs(scanned.masses - float(p.parameters["mass_GeV"]))))
        k = int(np.argmin(np.abs(np.log(scanned.lifetimes / float(p.parameters["ctau_cm"])))))
        near = abs(scanned.masses[i] - float(p.parameters["mass_GeV"])) < 0.02
        same = abs(np.log(scanned.lifetimes[k] / float(p.parameters["ctau_cm"]))) < 0.01
        if near and same and p.observed:
            at = (
                np.searchsorted(masses, p.parameters["mass_GeV"]),
                np.searchsorted(lifetimes, p.parameters["ctau_cm"]),
            )
            ratio[at] = scanned.expected[i, k, 2] / p.observed
    return masses, lifetimes, ratio


def _ratio(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import grid_map

    masses, lifetimes, ratio = published_ratio(run, channel)
    return grid_map(
        masses, lifetimes, ratio, colour="expected / published observed", text=channel.channel.name, ratio=True,
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _efficiency(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import grid_map

    maps = channel.maps
    return grid_map(maps.nodes, maps.lifetimes, maps.efficiency[0], colour="efficiency", text=channel.channel.name)


def _resolution(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lines
    from toymc.studies.study import published

    maps, masses = channel.maps, channel.scan.masses
    resolution = 1e3 * maps.mass_resolution_at(masses)
    chosen = [int(np.argmin(np.abs(np.log(maps.lifetimes / ctau)))) for ctau in _SHOWN_CTAU_CM]
    curves = {rf"$c\tau$ = {maps.lifetimes[k]:g} cm": resolution[:, k] for k in dict.fromkeys(chosen)}
    table = published(run.study.name).get("resolution", {})
    key = f"{channel.channel.name.split('_')[-1]}_GeV"
    points = {}
    if key in table:
        points["published scan"] = (np.array(table["masses_GeV"]), 1e3 * np.array(table[key]))
    return lines(
        masses, curves, points=points, xlabel="mass [GeV]", ylabel=r"$\sigma$ of the mass [MeV]",
        text=channel.channel.name,
    )  # fmt: skip


def _background(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lines

    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    width = EDGES[1] - EDGES[0]
    cuts = (channel.channel.selection.displacement, channel.channel.selection.tight_displacement)
    curves = {f"{cut} cm": channel.background.total(name) / width for name, cut in zip(SELECTIONS, cuts, strict=True)}
    return lines(
        centres, curves, xlabel="reduced mass [GeV]", ylabel="expected events / GeV", text=channel.channel.name,
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _mixing(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import excluded_regions

    mine = {
        float(h.parameters["mass_GeV"]): (h.interpretation or {}).get("excluded", [])
        for h in run.result.hypotheses or []
        if h.parameters["channel"] == channel.channel.name
    }
    return excluded_regions(
        list(mine), list(mine.values()), ylabel=r"$\sin\theta$", text=channel.channel.name,
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _p_values(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import p_value_map

    scanned = channel.scan
    return p_value_map(
        scanned.masses, scanned.lifetimes, np.where(scanned.status == 0, scanned.p0, np.nan),
        text=channel.channel.name, luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _significance(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lines

    scanned = channel.scan
    chosen = [int(np.argmin(np.abs(np.log(scanned.lifetimes / ctau)))) for ctau in _SHOWN_CTAU_CM]
    curves = {rf"$c\tau$ = {scanned.lifetimes[k]:g} cm": scanned.p0[:, k] for k in dict.fromkeys(chosen)}
    return lines(
        scanned.masses, curves, xlabel="mass [GeV]", ylabel="local p-value", log=True, text=channel.channel.name,
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip
