"""The figures of a study: template stack, limit against mass, cut flow, pulls.

Every function returns a `matplotlib.figure.Figure`; `toymc.plotting.style.save` writes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toymc.errors import InputError
from toymc.plotting.style import BAND_1, BAND_2, COLOURS, SIGNAL_COLOURS, label, new_figure, style

Numbers = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Numbers to stand beside ours, e.g. published limits."""

    name: str
    x: Numbers
    y: Numbers
    marker: str = "s"


def template_stack(
    edges: Numbers,
    backgrounds: Mapping[str, Numbers],
    *,
    signals: Mapping[str, Numbers] | None = None,
    data: Numbers | None = None,
    error: Numbers | None = None,
    xlabel: str,
    text: str = "",
    luminosity_fb: float | None = None,
    log: bool = False,
) -> Figure:
    """Stacked background templates with signals on top as lines, and data with their pulls below.

    Parameters
    ----------
    edges : array (n + 1,)
    backgrounds, signals : mapping of name to array (n,)
        Events per bin; the first background lies at the bottom.
    data : array (n,), optional
        Observed events, drawn with sqrt(n).
    error : array (n,), optional
        Total uncertainty of the summed backgrounds.
    xlabel, text : str
        Axis label with unit; text in the corner.
    luminosity_fb : float, optional
    log : bool
        Logarithmic events axis.

    Raises
    ------
    InputError
        If a template does not have one number per bin.
    """
    bins = np.asarray(edges, dtype=float)
    layers = {**backgrounds, **(signals or {})}
    for name, values in layers.items():
        if len(values) != len(bins) - 1:
            raise InputError(f"template '{name}' has {len(values)} bins, the edges make {len(bins) - 1}")
    total = np.sum([np.asarray(v, dtype=float) for v in backgrounds.values()], axis=0)
    with style():
        figure = new_figure(6.4, 5.6 if data is not None else 4.8)
        if data is not None:
            axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
            _pull_panel(below, bins, np.asarray(data, dtype=float), total, error)
            below.set_xlabel(xlabel)
        else:
            axes = figure.subplots()
            axes.set_xlabel(xlabel)
        _stack(axes, bins, backgrounds)
        if error is not None:
            spread = np.asarray(error, dtype=float)
            axes.stairs(
                total + spread, bins, baseline=total - spread, fill=True, facecolor="none", edgecolor="0.35",
                hatch="/////", linewidth=0, label="uncertainty",
            )  # fmt: skip
        for i, (name, values) in enumerate((signals or {}).items()):
            axes.stairs(
                np.asarray(values, dtype=float), bins, color=SIGNAL_COLOURS[i % len(SIGNAL_COLOURS)], linewidth=1.8,
                label=name,
            )  # fmt: skip
        if data is not None:
            _data_points(axes, bins, np.asarray(data, dtype=float), "data")
        _finish_stack(axes, bins, total, log)
        label(axes, text, luminosity_fb)
    return figure


def _stack(axes: Axes, bins: npt.NDArray[np.float64], backgrounds: Mapping[str, Numbers]) -> None:
    base = np.zeros(len(bins) - 1)
    for i, (name, values) in enumerate(backgrounds.items()):
        top = base + np.asarray(values, dtype=float)
        axes.stairs(
            top, bins, baseline=base, fill=True, facecolor=COLOURS[i % len(COLOURS)], edgecolor="0.25",
            linewidth=0.4, label=name,
        )  # fmt: skip
        base = top


def _finish_stack(axes: Axes, bins: npt.NDArray[np.float64], total: npt.NDArray[np.float64], log: bool) -> None:
    width = bins[1] - bins[0]
    uniform = np.allclose(np.diff(bins), width)
    axes.set_ylabel(f"Events / {width:.3g}" if uniform else "Events / bin")
    axes.set_xlim(bins[0], bins[-1])
    top = float(np.max(total, initial=1.0))
    if log:
        positive = total[total > 0]
        axes.set_yscale("log")
        axes.set_ylim(max(0.5 * float(np.min(positive, initial=top)), 1e-6 * top), 60 * top)
    else:
        axes.set_ylim(0, 1.45 * top)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], names[::-1], loc="upper right", ncols=1 + (len(names) > 5))


def _data_points(axes: Axes, bins: npt.NDArray[np.float64], data: npt.NDArray[np.float64], name: str) -> None:
    centre = 0.5 * (bins[1:] + bins[:-1])
    axes.errorbar(centre, data, yerr=np.sqrt(data), fmt="ko", markersize=3, elinewidth=1, label=name)


def _pull_panel(
    axes: Axes,
    bins: npt.NDArray[np.float64],
    data: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
    error: Numbers | None,
) -> None:
    spread = np.zeros_like(total) if error is None else np.asarray(error, dtype=float)
    variance = np.maximum(total, 1.0) + spread**2
    pull = (data - total) / np.sqrt(variance)
    axes.axhspan(-1, 1, color="0.9", zorder=0)
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.plot(0.5 * (bins[1:] + bins[:-1]), pull, "ko", markersize=3)
    reach = max(3.0, 1.1 * float(np.max(np.abs(pull), initial=0.0)))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("pull", loc="center")


def limit_plot(
    x: Numbers,
    bands: npt.NDArray[np.float64],
    *,
    observed: Numbers | None = None,
    published: Sequence[Points] = (),
    statistical: Numbers | None = None,
    xlabel: str,
    ylabel: str,
    text: str = "",
    luminosity_fb: float | None = None,
    log: bool = True,
) -> Figure:
    """Expected upper limit with its one and two standard deviation bands against a parameter.

    Parameters
    ----------
    x : array (n,)
        Values of the parameter, e.g. the mass.
    bands : array (n, 5)
        Limits at -2, -1, 0, +1, +2 standard deviations.
    observed, statistical : array (n,), optional
        Observed limit; median without systematic uncertainties.
    published : sequence of Points
    xlabel, ylabel, text : str
    luminosity_fb : float, optional
    log : bool
        Logarithmic limit axis.

    Raises
    ------
    InputError
        If `bands` is not (n, 5).
    """
    order = np.argsort(np.asarray(x, dtype=float))
    at = np.asarray(x, dtype=float)[order]
    if np.shape(bands) != (len(at), 5):
        raise InputError(f"limit bands have shape {np.shape(bands)}: give ({len(at)}, 5)")
    band = np.asarray(bands, dtype=float)[order]
    with style():
        figure = new_figure()
        axes = figure.subplots()
        axes.fill_between(at, band[:, 0], band[:, 4], color=BAND_2, linewidth=0, label=r"expected $\pm 2\sigma$")
        axes.fill_between(at, band[:, 1], band[:, 3], color=BAND_1, linewidth=0, label=r"expected $\pm 1\sigma$")
        axes.plot(at, band[:, 2], "k--", label="expected")
        if statistical is not None:
            without = np.asarray(statistical, dtype=float)[order]
            axes.plot(at, without, ":", color="0.3", label="expected, no systematics")
        if observed is not None:
            axes.plot(at, np.asarray(observed, dtype=float)[order], "k-o", markersize=3.5, label="observed")
        for i, points in enumerate(published):
            axes.plot(
                points.x, points.y, points.marker, color=SIGNAL_COLOURS[i % len(SIGNAL_COLOURS)], markersize=6,
                markerfacecolor="none", markeredgewidth=1.5, label=points.name,
            )  # fmt: skip
        tops = [band[:, 4].max(), *(np.max(p.y) for p in published)]
        tops += [] if observed is None else [np.max(observed)]
        if log:
            axes.set_yscale("log")
            low = min([band[:, 0].min(), *(np.min(p.y) for p in published)])
            axes.set_ylim(0.5 * float(low), 6.0 * float(max(tops)))
        else:
            axes.set_ylim(0, 1.6 * float(max(tops)))
        axes.set_xlabel(xlabel)
        # a long label gets small letters, so that it stays beside its axis
        axes.set_ylabel(ylabel, fontsize=min(12.0, 560.0 / max(len(ylabel), 1)))
        axes.legend(loc="upper right", ncols=2)
        label(axes, text, luminosity_fb)
    return figure


def cutflow_bars(
    flows: Mapping[str, Sequence[tuple[str, float]]], *, text: str = "", luminosity_fb: float | None = None
) -> Figure:
    """Efficiency after each cut, one group of bars per cut, one colour per sample, logarithmic.

    Parameters
    ----------
    flows : mapping of sample to a sequence of (cut, efficiency)
        The cuts of the first sample are shown.
    text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If there is no sample or the samples differ in their number of cuts.
    """
    if not flows:
        raise InputError("no cut flow to draw")
    cuts = [cut for cut, _ in next(iter(flows.values()))]
    if any(len(flow) != len(cuts) for flow in flows.values()):
        raise InputError("cut flows of different lengths in one figure")
    rows = np.arange(len(cuts))
    height = 0.8 / len(flows)
    with style():
        figure = new_figure(7.6, max(3.2, 1.4 + 0.13 * len(cuts) * (1 + len(flows))))
        axes = figure.subplots()
        values = [np.array([efficiency for _, efficiency in flow]) for flow in flows.values()]
        for i, (name, efficiencies) in enumerate(zip(flows, values, strict=True)):
            axes.barh(
                rows + (i - 0.5 * (len(flows) - 1)) * height, efficiencies, height, color=COLOURS[i % len(COLOURS)],
                edgecolor="0.25", linewidth=0.4, label=name,
            )  # fmt: skip
        positive = [float(v) for array in values for v in array if v > 0]
        axes.set_xscale("log")
        axes.set_xlim(0.5 * min(positive, default=0.1), 2.0 * max(positive, default=1.0))
        axes.set_yticks(rows, cuts, fontsize=9)
        axes.tick_params(axis="y", which="both", left=False, right=False)
        axes.set_ylim(len(cuts) - 0.4, -0.6)
        axes.set_xlabel("Fraction of weighted events left after the cut")
        figure.legend(loc="outside lower center", ncols=min(2, len(flows)), fontsize=9)
        label(axes, text, luminosity_fb, inside=False)
    return figure


def pulls(
    names: Sequence[str], values: Numbers, errors: Numbers, *, text: str = "", luminosity_fb: float | None = None
) -> Figure:
    """Fitted nuisance parameters in units of their constraint, with their fitted uncertainty.

    Parameters
    ----------
    names : sequence of str
    values, errors : array (n,)
        (fitted - nominal)/constraint, and fitted uncertainty/constraint.
    text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If the lengths differ.
    """
    if not len(names) == len(values) == len(errors):
        raise InputError(f"{len(names)} names, {len(values)} pulls, {len(errors)} errors: give as many of each")
    rows = np.arange(len(names))
    with style():
        figure = new_figure(6.4, max(2.6, 1.2 + 0.27 * len(names)))
        axes = figure.subplots()
        axes.axvspan(-2, 2, color=BAND_2, linewidth=0, zorder=0)
        axes.axvspan(-1, 1, color=BAND_1, linewidth=0, zorder=0)
        axes.errorbar(values, rows, xerr=errors, fmt="ko", markersize=4, elinewidth=1.2)
        reach = max(2.5, 1.1 * float(np.max(np.abs(values) + np.asarray(errors), initial=0.0)))
        axes.set_xlim(-reach, reach)
        axes.set_yticks(rows, names, fontsize=9)
        axes.tick_params(axis="y", which="both", left=False, right=False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(r"$(\hat\theta - \theta_0)\,/\,\Delta\theta$")
        label(axes, text, luminosity_fb, inside=False)
    return figure
