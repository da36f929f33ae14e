"""Figures of projections: a limit or an error against luminosity per scenario, reach against mass, cost of sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from toymc.errors import InputError
from toymc.plotting.style import BAND_1, COLOURS, SIGNAL_COLOURS, label, new_figure, style

FloatArray = npt.NDArray[np.float64]
_LINES = ("--", "-", "-.", ":")


@dataclass(frozen=True, eq=False)
class Curve:
    """One scenario: values against luminosity, a band if there is one, and where systematics take over.

    Attributes
    ----------
    name : str
        For the legend.
    y : float64 (n,)
    low, high : float64 (n,) or None
        One standard deviation.
    take_over : float or None
        Luminosity in 1/fb.
    """

    name: str
    y: FloatArray
    low: FloatArray | None = None
    high: FloatArray | None = None
    take_over: float | None = None


def against_luminosity(
    luminosity_fb: FloatArray, curves: Sequence[Curve], *, ylabel: str, text: str = "", today_fb: float | None = None
) -> Figure:
    """A limit or an error against luminosity in several scenarios, both axes logarithmic.

    Parameters
    ----------
    luminosity_fb : float64 (n,)
    curves : sequence of Curve
        The band of the second one is drawn, or of the only one.
    ylabel, text : str
    today_fb : float, optional
        Marked by a line.

    Raises
    ------
    InputError
        If a curve does not have one value per luminosity.
    """
    for curve in curves:
        if len(curve.y) != len(luminosity_fb):
            raise InputError(f"curve '{curve.name}' has {len(curve.y)} values for {len(luminosity_fb)} luminosities")
    with style():
        figure = new_figure()
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        for i, curve in enumerate(curves):
            colour = SIGNAL_COLOURS[i % len(SIGNAL_COLOURS)]
            if curve.low is not None and curve.high is not None and i == min(1, len(curves) - 1):
                axes.fill_between(luminosity_fb, curve.low, curve.high, color=BAND_1, alpha=0.5, linewidth=0,
                                  label=rf"{curve.name}, $\pm 1\sigma$")  # fmt: skip
            axes.plot(luminosity_fb, curve.y, _LINES[i % len(_LINES)], color=colour, label=curve.name)
            if curve.take_over is not None and luminosity_fb[0] < curve.take_over <= luminosity_fb[-1]:
                rounded = float(np.format_float_positional(curve.take_over, precision=2, fractional=False))
                height = float(np.exp(np.interp(np.log(curve.take_over), np.log(luminosity_fb), np.log(curve.y))))
                axes.plot(curve.take_over, height, "o", color=colour, markersize=7, markerfacecolor="none",
                          label=rf"systematics take over: {rounded:g} fb$^{{-1}}$")  # fmt: skip
        if today_fb is not None:
            axes.axvline(today_fb, color="0.6", linewidth=0.9)
            axes.text(today_fb * 1.05, 0.04, "today", transform=axes.get_xaxis_transform(), fontsize=9, color="0.4")
        lows = [float(np.min(c.y if c.low is None else c.low)) for c in curves]
        highs = [float(np.max(c.y if c.high is None else c.high)) for c in curves]
        axes.set_ylim(0.6 * min(lows), max(highs) * (max(highs) / min(lows)) ** 0.45)
        axes.set_xlabel(r"$\int L\,dt$ [fb$^{-1}$]")
        axes.set_ylabel(ylabel, fontsize=min(12.0, 560.0 / max(len(ylabel), 1)))
        axes.legend(loc="upper right", fontsize=8.5)
        label(axes, text, inside=False)
    return figure


def against_mass(
    x: FloatArray,
    lines: Mapping[str, FloatArray],
    *,
    band: tuple[FloatArray, FloatArray] | None = None,
    xlabel: str,
    ylabel: str,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Limits and discovery reach of several scenarios against a parameter such as the mass, on a logarithmic axis.

    Parameters
    ----------
    x : float64 (n,)
    lines : mapping of name to float64 (n,)
    band : (low, high), optional
        One standard deviation of the first line.
    xlabel, ylabel, text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If a line does not have one value per x.
    """
    for name, values in lines.items():
        if len(values) != len(x):
            raise InputError(f"line '{name}' has {len(values)} values for {len(x)} points")
    order = np.argsort(x)
    with style():
        figure = new_figure()
        axes = figure.subplots()
        axes.set_yscale("log")
        if band is not None:
            axes.fill_between(x[order], band[0][order], band[1][order], color=BAND_1, alpha=0.5, linewidth=0)
        colours = (*SIGNAL_COLOURS, *COLOURS)
        for i, (name, values) in enumerate(lines.items()):
            axes.plot(x[order], values[order], _LINES[i % len(_LINES)], marker="os^vDP"[i % 6], markersize=4,
                      color=colours[i % len(colours)], label=name)  # fmt: skip
        everything = np.concatenate(list(lines.values()))
        low, high = float(everything.min()), float(everything.max())
        axes.set_ylim(0.5 * low, high * max(high / low, 4.0) ** 0.6)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel, fontsize=min(12.0, 560.0 / max(len(ylabel), 1)))
        axes.legend(loc="upper right", ncols=2, fontsize=8.5)
        label(axes, text, luminosity_fb, inside=False)
    return figure


def source_bars(
    shares: Mapping[str, Mapping[str, float]], *, text: str = "", luminosity_fb: float | None = None
) -> Figure:
    """What each systematic source adds to a limit or error, in quadrature, one colour per scenario.

    Parameters
    ----------
    shares : mapping of scenario to (source to share)
        Sources in the order of the first scenario.
    text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If there is no source.
    """
    names = list(next(iter(shares.values()), {}))
    if not names:
        raise InputError("no systematic sources to draw")
    rows = np.arange(len(names))
    height = 0.8 / len(shares)
    with style():
        figure = new_figure(6.8, 1.6 + 0.34 * len(names) * max(1.0, 0.6 * len(shares)))
        axes = figure.subplots()
        for i, (scenario, values) in enumerate(shares.items()):
            at = rows + (i - 0.5 * (len(shares) - 1)) * height
            axes.barh(at, [100.0 * values.get(name, 0.0) for name in names], height, color=COLOURS[i % len(COLOURS)],
                      edgecolor="0.25", linewidth=0.4, label=scenario)  # fmt: skip
        axes.set_yticks(rows, names, fontsize=9)
        axes.tick_params(axis="y", which="both", left=False, right=False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0.0, 105.0)
        axes.set_xlabel("share of the limit that is gone without the source, in quadrature [%]")
        axes.legend(loc="lower right", fontsize=9)
        label(axes, text, luminosity_fb, inside=False)
    return figure
