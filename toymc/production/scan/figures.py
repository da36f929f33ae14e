"""Figures of a run of a search over mass and lifetime, and its comparison with what is published."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from toymc.production.scan.background import EDGES
from toymc.production.scan.compute import ChannelRun, ScanRun, coupling_limits, nearest_point
from toymc.production.scan.signal import SELECTIONS
from toymc.report.write import Plot
from toymc.studies.study import published

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]

_SHOWN_CTAU_CM = (0.05, 1.0, 10.0, 100.0)
_JUDGED_FROM_CM = 0.05
"""Shorter lifetimes rest on tails of the vertex resolution: shown, not judged."""
_COUPLING_MASSES = 160
_NEIGHBOURS = 10
"""Published limits are medians of this many masses on either side, half a resolution apart, and the one between."""
_JUMP = 1.5
"""Where the limits of two neighbours differ by more, the edge of a veto is between them: nothing to compare."""


def comparison(run: ScanRun) -> list[str]:
    """How limits and resolutions stand to the published ones, in sentences."""
    words = []
    for name, channel in run.channels.items():
        _, lifetimes, ratio = published_ratio(run, channel)
        judged = ratio[:, lifetimes >= _JUDGED_FROM_CM]
        left_out = judged.size - np.isfinite(judged).sum()
        judged = judged[np.isfinite(judged)]
        if len(judged):
            near = float(np.mean(np.abs(np.log(judged)) < np.log(1.6)))
            words.append(
                f"{name}: expected over published observed limit at {len(judged)} points with ctau of "
                f"{_JUDGED_FROM_CM:g} cm or more: median {np.median(judged):.2f}, {100 * near:.0f} % within a factor "
                f"1.6, from {judged.min():.2f} to {judged.max():.2f}; {left_out} at the edge of a veto are left out."
            )
        words += [_resolution_note(run, channel, mass, theirs) for mass, theirs in published_resolution(run, channel)]
    return words


def _resolution_note(run: ScanRun, channel: ChannelRun, mass: float, theirs: float) -> str:
    maps = channel.maps
    at = _nearest(maps.lifetimes, 1.0)
    ours = 1e3 * maps.mass_resolution_at([mass])[0]
    node = int(np.argmin(np.abs(maps.nodes - mass)))
    error = ours[at] * maps.sigma_error[node, at] / maps.shape[node, at, 1]
    others = ours[maps.lifetimes >= _JUDGED_FROM_CM]
    return (
        f"{channel.channel.name}: mass resolution at {mass:g} GeV {ours[at]:.2f} +- {error:.2f} MeV at ctau "
        f"{maps.lifetimes[at]:g} cm, {others.min():.2f} to {others.max():.2f} MeV at others; twice the step of the "
        f"published scan, one for all lifetimes, is {1e3 * theirs:.1f} MeV."
    )


def _nearest(lifetimes: FloatArray, ctau: float) -> int:
    return int(np.argmin(np.abs(np.log(lifetimes / ctau))))


def _shown(lifetimes: FloatArray) -> dict[str, int]:
    """Label -> row of the lifetimes that figures show."""
    rows = dict.fromkeys(_nearest(lifetimes, ctau) for ctau in _SHOWN_CTAU_CM)
    return {rf"$c\tau$ = {lifetimes[k]:g} cm": k for k in rows}


def _label(channel: ChannelRun) -> str:
    return channel.channel.label or channel.channel.name


def scan_plots(run: ScanRun) -> list[Plot]:
    """All figures of a run."""
    plots = []
    for name, channel in run.channels.items():
        plots += [
            Plot(
                f"limit_{name}",
                _limits(run, channel),
                f"Limits of channel {name} against the mass. Steps: regions with the larger displacement; published "
                "points are medians of neighbouring masses.",
            ),
            Plot(
                f"efficiency_{name}",
                _efficiency(run, channel),
                "Efficiency with identification at the simulated masses, smaller displacement; 0 stands for less than "
                "1e-5.",
            ),
            Plot(
                f"resolution_{name}",
                _resolution(run, channel),
                "Core width of the double-sided Crystal Ball; circles: simulated masses with statistical errors.",
            ),
            Plot(f"background_{name}", _background(run, channel), "Expected background for the two displacements."),
        ]
        if len(channel.scan.masses) > 1:
            words = f"Couplings of {run.study.model} that the limits at all lifetimes exclude, both edges."
            plots.append(Plot(f"mixing_{name}", _mixing(run, channel), words))
        if np.any(np.isfinite(published_ratio(run, channel)[2])):
            words = f"Expected limit over the published observed one; not judged below {_JUDGED_FROM_CM:g} cm."
            plots.append(Plot(f"ratio_{name}", _ratio(run, channel), words))
        if np.any(np.isfinite(channel.scan.observed)):
            plots.append(Plot(f"significance_{name}", _significance(run, channel), "Local p-values of the data."))
            plots.append(Plot(f"p_values_{name}", _p_values(run, channel), "Local p-values over mass and lifetime."))
    return plots


def _limits(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lifetime_limits

    scanned, bands, seen, theirs = channel.scan, {}, {}, {}
    rows = [p for p in run.result.published or [] if p.parameters.get("channel") == channel.channel.name]
    for ctau in _SHOWN_CTAU_CM:
        k = _nearest(scanned.lifetimes, ctau)
        bands[ctau] = scanned.expected[:, k]
        if np.any(np.isfinite(scanned.observed)):
            seen[ctau] = scanned.observed[:, k]
        points = [(float(p.parameters["mass_GeV"]), p.observed) for p in rows if p.parameters.get("ctau_cm") == ctau]
        if points:
            theirs[ctau] = (np.array([x for x, _ in points]), np.array([y for _, y in points], dtype=np.float64))
    return lifetime_limits(
        scanned.masses, bands, observed=seen or None, published=theirs,
        ylabel=f"{100 * scanned.cl:.0f} % CL limit on the product of branching fractions", text=_label(channel),
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def published_resolution(run: ScanRun, channel: ChannelRun) -> list[tuple[float, float]]:
    """Masses and published mass resolutions (GeV) of a channel, as far as there are any."""
    table = published(run.study.name).get("resolution", {})
    widths = table.get(f"{channel.channel.name.split('_')[-1]}_GeV", [])
    return list(zip(table.get("masses_GeV", []), widths, strict=False))


def published_ratio(run: ScanRun, channel: ChannelRun) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Masses, lifetimes, and expected over published observed limits, NaN where either is missing.

    Published are medians over neighbouring masses, so ours are too; NaN where the edge of a veto is among them.
    """
    rows = [p for p in run.result.published or [] if p.parameters.get("channel") == channel.channel.name]
    masses = np.array(sorted({float(p.parameters["mass_GeV"]) for p in rows}))
    lifetimes = np.array(sorted({float(p.parameters["ctau_cm"]) for p in rows}))
    ratio = np.full((len(masses), len(lifetimes)), np.nan)
    scanned = channel.scan
    for p in rows:
        i, k = nearest_point(scanned, float(p.parameters["mass_GeV"]), float(p.parameters["ctau_cm"]))
        near = abs(scanned.masses[i] - float(p.parameters["mass_GeV"])) < 0.02
        same = abs(np.log(scanned.lifetimes[k] / float(p.parameters["ctau_cm"]))) < 0.01
        if near and same and p.observed:
            at = (
                np.searchsorted(masses, p.parameters["mass_GeV"]),
                np.searchsorted(lifetimes, p.parameters["ctau_cm"]),
            )
            ratio[at] = _median_of_neighbours(channel, i, k) / p.observed
    return masses, lifetimes, ratio


def _median_of_neighbours(channel: ChannelRun, i: int, k: int) -> float:
    """Median expected limit around mass i at lifetime k, as the published ones are taken; NaN at the edge of a veto."""
    scanned = channel.scan
    near = slice(max(i - _NEIGHBOURS, 0), i + _NEIGHBOURS + 1)
    at = _nearest(channel.maps.lifetimes, float(scanned.lifetimes[k]))
    sigma = float(channel.maps.mass_resolution_at([float(scanned.masses[i])])[0][at])
    close = np.abs(scanned.masses[near] - scanned.masses[i]) <= 0.5 * (_NEIGHBOURS + 0.5) * sigma
    limits = scanned.expected[near, k, 2][close]
    limits = limits[np.isfinite(limits)]
    if not len(limits) or np.abs(np.diff(np.log(limits))).max(initial=0.0) > np.log(_JUMP):
        return float("nan")
    return float(np.median(limits))


def _ratio(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import grid_map

    masses, lifetimes, ratio = published_ratio(run, channel)
    return grid_map(
        masses, lifetimes, ratio, colour="expected / published observed limit", judged_from=_JUDGED_FROM_CM,
        text=_label(channel), ratio=True, luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _efficiency(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import grid_map

    maps = channel.maps
    return grid_map(maps.nodes, maps.lifetimes, maps.efficiency[0], colour="efficiency", text=_label(channel))


def _resolution(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lines

    maps, masses = channel.maps, channel.scan.masses
    resolution = 1e3 * maps.mass_resolution_at(masses)
    curves = {name: resolution[:, k] for name, k in _shown(maps.lifetimes).items()}
    k = _nearest(maps.lifetimes, 1.0)
    at_nodes = 1e3 * maps.mass_resolution_at(maps.nodes)[:, k]
    relative = maps.sigma_error[:, k] / maps.shape[:, k, 1]
    points: dict[str, tuple[FloatArray, ...]] = {
        rf"simulated, $c\tau$ = {maps.lifetimes[k]:g} cm": (maps.nodes, at_nodes, relative * at_nodes)
    }
    theirs = published_resolution(run, channel)
    if theirs:
        points["published: twice the step of the scan"] = tuple(np.array(theirs).T * np.array([[1.0], [1e3]]))
    return lines(
        masses, curves, points=points, xlabel="mass [GeV]", ylabel=r"$\sigma$ of the mass [MeV]",
        text=_label(channel),
    )  # fmt: skip


def _background(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import lines

    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    width = EDGES[1] - EDGES[0]
    cuts = (channel.channel.selection.displacement, channel.channel.selection.tight_displacement)
    curves = {f"{cut} cm": channel.background.total(name) / width for name, cut in zip(SELECTIONS, cuts, strict=True)}
    return lines(
        centres, curves, xlabel="reduced mass [GeV]", ylabel="expected events / GeV", text=_label(channel),
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _mixing(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.limits import coupling_exclusion

    scanned = channel.scan
    rows = np.unique(np.linspace(0, len(scanned.masses) - 1, _COUPLING_MASSES).astype(np.int64))
    found = [coupling_limits(run.study, channel.channel, float(scanned.masses[i]), scanned, int(i)) for i in rows]
    seen = bool(np.any(np.isfinite(scanned.observed)))
    return coupling_exclusion(
        scanned.masses[rows], {band: [f["excluded_expected"][band] for f in found] for band in ("-1", "0", "+1")},
        observed=[f["excluded"] for f in found] if seen else None, ylabel=r"mixing angle $\sin\theta$",
        text=_label(channel), luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _p_values(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.scan import p_value_map

    scanned = channel.scan
    return p_value_map(
        scanned.masses, scanned.lifetimes, np.where(scanned.status == 0, scanned.p0, np.nan),
        text=_label(channel), luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip


def _significance(run: ScanRun, channel: ChannelRun) -> "Figure":
    from toymc.plotting.limits import p_value_plot

    scanned = channel.scan
    p0 = np.where(scanned.status == 0, scanned.p0, np.nan)
    curves = {name: p0[:, k] for name, k in _shown(scanned.lifetimes).items()}
    return p_value_plot(
        scanned.masses, curves, text=_label(channel),
        luminosity_fb=run.result.luminosity_fb,
    )  # fmt: skip
