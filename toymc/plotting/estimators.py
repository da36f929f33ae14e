"""Figures of an estimator: pull distributions, bias and coverage against the true value, bootstrap replicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toymc.errors import InputError
from toymc.plotting.style import BAND_1, BAND_2, COLOURS, LABEL, SIGNAL_COLOURS, label, new_figure, style

FloatArray = npt.NDArray[np.float64]
_PER_ROW = 4
_REACH = 5.0


@dataclass(frozen=True, eq=False)
class Series:
    """A quantity with errors against the true value, in units of the expected error, for one estimator."""

    name: str
    x: FloatArray
    y: FloatArray
    error: FloatArray


def _grid(n: int, width: float = 2.9, height: float = 2.8) -> tuple[Figure, list[Axes]]:
    """A figure with `n` panels in rows."""
    columns = min(n, _PER_ROW)
    rows = -(-n // columns)
    figure = new_figure(max(width * columns, 5.2), height * rows + 0.4)
    panels = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for empty in panels[n:]:
        empty.set_visible(False)
    return figure, list(panels[:n])


def pull_panels(pulls: Mapping[str, FloatArray], *, text: str = "") -> Figure:
    """Pull distributions, one panel per estimator, with the standard normal density and mean and width.

    Parameters
    ----------
    pulls : mapping of name to array (n,)
    text : str

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not pulls:
        raise InputError("no pulls to draw")
    bins = np.linspace(-_REACH, _REACH, 41)
    x = np.linspace(-_REACH, _REACH, 201)
    normal = np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)
    with style():
        figure, panels = _grid(len(pulls))
        for axes, (name, values) in zip(panels, pulls.items(), strict=True):
            # what lies beyond the axis is drawn into the outer bins
            counts = np.histogram(np.clip(values, -_REACH + 1e-9, _REACH - 1e-9), bins)[0]
            axes.stairs(counts / (len(values) * np.diff(bins)), bins, fill=True, color=COLOURS[0])
            axes.plot(x, normal, color=SIGNAL_COLOURS[0], linewidth=1.2)
            axes.set_xlim(-_REACH, _REACH)
            axes.set_ylim(0.0, 0.62)
            axes.set_title(name, fontsize=9, loc="left")
            words = f"mean {np.mean(values):+.3f}\nwidth {np.std(values, ddof=1):.3f}"
            axes.text(0.96, 0.95, words, transform=axes.transAxes, va="top", ha="right", fontsize=8.5)
            axes.tick_params(labelsize=8.5)
        figure.supxlabel("(estimate - truth) / error", fontsize=11)
        figure.supylabel("probability density", fontsize=11)
        figure.suptitle(f"{LABEL}   {text}", x=0.02, ha="left", fontsize=11, fontweight="bold")
    return figure


def against_truth(
    series: Sequence[Series],
    *,
    ylabel: str,
    target: float,
    tolerance: float,
    xlabel: str = "true value / expected error",
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """A quantity of several estimators against the true value, with its target and tolerance as a band.

    Parameters
    ----------
    series : sequence of Series
    ylabel : str
    target, tolerance : float
    xlabel, text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not series:
        raise InputError(f"nothing to draw for {ylabel}")
    x = np.concatenate([s.x for s in series])
    span = float(np.ptp(x)) or 1.0
    with style():
        figure = new_figure(6.4, 4.6)
        axes = figure.subplots()
        axes.axhspan(target - tolerance, target + tolerance, color=BAND_1, alpha=0.5, linewidth=0, label="tolerance")
        axes.axhline(target, color="0.3", linewidth=0.9)
        for i, s in enumerate(series):
            # side by side, so that error bars do not hide each other
            shift = 0.012 * span * (i - 0.5 * (len(series) - 1))
            axes.errorbar(
                s.x + shift, s.y, yerr=s.error, fmt="osD^vP*X"[i % 8], markersize=4.5, elinewidth=1.0,
                color=(*SIGNAL_COLOURS, *COLOURS)[i % (len(SIGNAL_COLOURS) + len(COLOURS))], label=s.name,
            )  # fmt: skip
        reach = max(float(np.max(np.abs(s.y - target) + s.error)) for s in series)
        reach = 1.25 * max(reach, 1.2 * tolerance)
        axes.set_ylim(target - reach, target + 1.6 * reach)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.legend(loc="upper right", ncols=3 if len(series) > 3 else 2, fontsize=8.5)
        label(axes, text, luminosity_fb, inside=False)
    return figure


def bootstrap_panels(
    replicates: Mapping[str, FloatArray], stated: Mapping[str, tuple[float, float]], *, text: str = ""
) -> Figure:
    """Bootstrap replicates, one panel per estimator, with the estimate of the sample and its stated error.

    Parameters
    ----------
    replicates : mapping of name to array (n,)
    stated : mapping of name to (value, error)
    text : str

    Raises
    ------
    InputError
        If there is nothing to draw, or a name is missing in `stated`.
    """
    if not replicates or set(replicates) - set(stated):
        raise InputError("bootstrap replicates without an estimate to compare with")
    with style():
        figure, panels = _grid(len(replicates))
        for axes, (name, values) in zip(panels, replicates.items(), strict=True):
            value, error = stated[name]
            axes.axvspan(value - 2.0 * error, value + 2.0 * error, color=BAND_2, linewidth=0)
            axes.axvspan(value - error, value + error, color=BAND_1, linewidth=0)
            counts, edges = np.histogram(values, 40)
            axes.stairs(counts, edges, color="k", linewidth=1.2)
            axes.axvline(value, color="0.3", linewidth=0.9)
            axes.set_ylim(0.0, 1.45 * float(counts.max()))
            axes.set_title(name, fontsize=9, loc="left")
            words = f"spread {np.std(values, ddof=1):.3g}\nstated {error:.3g}"
            axes.text(0.96, 0.95, words, transform=axes.transAxes, va="top", ha="right", fontsize=8.5)
            axes.tick_params(labelsize=8)
            axes.locator_params(axis="x", nbins=4)
            axes.ticklabel_format(axis="x", useOffset=False)
        figure.supxlabel("estimate of a replicate (bands: one and two stated errors)", fontsize=11)
        figure.supylabel("replicates", fontsize=11)
        figure.suptitle(f"{LABEL}   {text}", x=0.02, ha="left", fontsize=11, fontweight="bold")
    return figure
