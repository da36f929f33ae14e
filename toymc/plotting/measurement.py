"""Figures of a measurement: spectrum with its fit, bias against the true value, systematic uncertainties."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from toymc.errors import InputError
from toymc.plotting.style import BAND_1, COLOURS, SIGNAL_COLOURS, label, new_figure, style

FloatArray = npt.NDArray[np.float64]


def spectrum_with_fit(
    edges: FloatArray,
    counts: FloatArray,
    errors: FloatArray,
    fit: FloatArray,
    *,
    parts: Mapping[str, FloatArray],
    xlabel: str,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Points with the fitted function and parts of the spectrum; below, the distance to the fit in errors.

    Parameters
    ----------
    edges : float64 (n + 1,)
    counts, errors, fit : float64 (n,)
        Events per bin.
    parts : mapping of name to float64 (n,)
        Drawn filled, on top of each other.
    xlabel, text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        For arrays that do not fit the edges.
    """
    n = len(edges) - 1
    for name, values in {"counts": counts, "errors": errors, "fit": fit, **parts}.items():
        if len(values) != n:
            raise InputError(f"spectrum: {name} has {len(values)} bins, the edges make {n}")
    centres = 0.5 * (edges[1:] + edges[:-1])
    with style():
        figure = new_figure(6.4, 5.6)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        base = np.zeros(n)
        for i, (name, values) in enumerate(parts.items()):
            axes.stairs(base + values, edges, baseline=base, fill=True, color=COLOURS[i % len(COLOURS)], label=name)
            base = base + values
        axes.errorbar(centres, counts, yerr=errors, fmt=".", color="black", markersize=4, label="spectrum")
        axes.plot(centres, fit, color=SIGNAL_COLOURS[0], label="fit")
        axes.set_ylim(0.0, 1.3 * float(np.max(counts)))
        axes.set_ylabel(f"events / {1e3 * (edges[1] - edges[0]):.3g} MeV")
        axes.legend(loc="upper right")
        label(axes, text, luminosity_fb)
        pulls = np.divide(counts - fit, errors, out=np.zeros(n), where=errors > 0.0)
        below.axhline(0.0, color=SIGNAL_COLOURS[0], linewidth=1.0)
        below.plot(centres, pulls, ".", color="black", markersize=4)
        below.set_ylim(-max(4.0, 1.1 * np.abs(pulls).max()), max(4.0, 1.1 * np.abs(pulls).max()))
        below.set_xlim(edges[0], edges[-1])
        below.set_ylabel("pull")
        below.set_xlabel(xlabel)
    return figure


def bias_against_truth(
    series: Mapping[str, tuple[FloatArray, FloatArray, FloatArray]],
    *,
    published: tuple[float, float] | None = None,
    origin: float = 0.0,
    unit: str = "",
    text: str = "",
) -> Figure:
    """Bias of estimators against the generated value.

    Parameters
    ----------
    series : mapping of name to (true values, bias, error)
    published : (float, float), optional
        Bias and its error, drawn as a band.
    origin : float
        Subtracted from the true values.
    unit, text : str

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not series:
        raise InputError("no estimators to draw")
    with style():
        figure = new_figure(6.4, 4.6)
        axes = figure.subplots()
        if published is not None:
            low, high = published[0] - published[1], published[0] + published[1]
            axes.axhspan(low, high, color=BAND_1, alpha=0.6, linewidth=0, label="published bias")
        for i, (name, (truth, bias, error)) in enumerate(series.items()):
            axes.errorbar(truth - origin + 0.15 * i, bias, yerr=error, fmt="os^v"[i % 4], markersize=5,
                          color=SIGNAL_COLOURS[i % len(SIGNAL_COLOURS)], label=name)  # fmt: skip
        axes.axhline(0.0, color="0.5", linewidth=0.8)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.35 * (high - low))
        axes.set_xlabel(f"generated value - {origin:.2f} [{unit}]")
        axes.set_ylabel(f"bias [{unit}]")
        axes.legend(loc="upper right")
        label(axes, text, inside=False)
    return figure


def uncertainty_bars(
    names: Sequence[str],
    ours: FloatArray,
    errors: FloatArray,
    published: FloatArray,
    at_most: Sequence[bool],
    *,
    unit: str = "",
    text: str = "",
) -> Figure:
    """Sizes of systematic uncertainties beside the published ones (NaN: none; `at_most`: a limit), one row each.

    Raises
    ------
    InputError
        If the lengths differ.
    """
    if not len(names) == len(ours) == len(errors) == len(published) == len(at_most):
        sizes = f"{len(ours)} sizes, {len(errors)} errors, {len(published)} published"
        raise InputError(f"{len(names)} names for {sizes}: give one of each")
    place = np.arange(len(names))[::-1]
    with style():
        figure = new_figure(6.8, 0.8 + 0.36 * len(names))
        axes = figure.subplots()
        axes.barh(place + 0.18, ours, 0.34, xerr=errors, color=COLOURS[0], ecolor="0.3", label="ours")
        limit = np.array(at_most, dtype=np.bool_)
        theirs = np.nan_to_num(published)
        axes.barh(place[~limit] - 0.18, theirs[~limit], 0.34, color=COLOURS[1], label="published")
        if limit.any():
            axes.barh(place[limit] - 0.18, theirs[limit], 0.34, facecolor="none", edgecolor=COLOURS[1], linewidth=1.2,
                      label="published upper limit")  # fmt: skip
        axes.set_yticks(place, [name.replace("_", " ") for name in names])
        axes.tick_params(axis="y", which="minor", left=False, right=False)
        axes.set_xlim(left=0.0)
        axes.set_xlabel(f"systematic uncertainty [{unit}]")
        axes.legend(loc="lower right")
        label(axes, text, inside=False)
    return figure
