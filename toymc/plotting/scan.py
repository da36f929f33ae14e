"""Figures of searches over mass and lifetime."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from toymc.plotting.style import BAND_1, BAND_2, COLOURS, SIGNAL_COLOURS, label, new_figure, style

FloatArray = npt.NDArray[np.float64]

# the yellow of the palette is too light for a line
_CURVE_COLOURS = tuple(COLOURS[i] for i in (4, 1, 2, 5, 0, 6))


def lifetime_limits(
    masses: FloatArray,
    bands: Mapping[float, FloatArray],
    *,
    observed: Mapping[float, FloatArray] | None = None,
    published: Mapping[float, tuple[FloatArray, FloatArray]] | None = None,
    ylabel: str,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Limits against the mass, one panel for each lifetime.

    Parameters
    ----------
    masses : float64 (n,)
        GeV.
    bands : mapping of ctau (cm) to float64 (n, 5)
    observed : mapping of ctau to float64 (n,), optional
    published : mapping of ctau to (masses, limits), optional
    ylabel, text : str
    luminosity_fb : float, optional
    """
    with style():
        figure = new_figure(6.4, 2.1 * len(bands) + 1.2)
        panels = np.atleast_1d(figure.subplots(len(bands), 1, sharex=True))
        for axes, (ctau, band) in zip(panels, bands.items(), strict=True):
            axes.fill_between(
                masses, band[:, 0], band[:, 4], color=BAND_2, linewidth=0, label=r"expected $\pm 2\sigma$"
            )
            axes.fill_between(
                masses, band[:, 1], band[:, 3], color=BAND_1, linewidth=0, label=r"expected $\pm 1\sigma$"
            )
            axes.plot(masses, band[:, 2], "k--", linewidth=1.1, label="expected")
            if observed is not None and ctau in observed:
                axes.plot(masses, observed[ctau], "k-", linewidth=0.7, label="observed")
            if published is not None and ctau in published:
                x, y = published[ctau]
                axes.plot(
                    x, y, "o", color="#D55E00", markersize=4.5, markerfacecolor="none", label="published, observed"
                )
            axes.set_yscale("log")
            axes.text(0.02, 0.93, rf"$c\tau = {ctau:g}$ cm", transform=axes.transAxes, va="top", fontsize=10)
            bottom, top = axes.get_ylim()
            # room for the lifetime and, in the first panel, the legend
            axes.set_ylim(bottom, top * (top / bottom) ** (0.45 if axes is panels[0] else 0.15))
        panels[0].legend(loc="upper right", ncols=2, fontsize=8)
        panels[-1].set_xlabel("mass [GeV]")
        figure.supylabel(ylabel, fontsize=11)
        label(panels[0], text, luminosity_fb, inside=False)
    return figure


def grid_map(
    masses: FloatArray,
    lifetimes: FloatArray,
    values: FloatArray,
    *,
    colour: str,
    text: str = "",
    luminosity_fb: float | None = None,
    ratio: bool = False,
    judged_from: float | None = None,
) -> Figure:
    """A number over mass and lifetime, written into the cells of the grid.

    Parameters
    ----------
    masses : float64 (n_masses,)
        GeV.
    lifetimes : float64 (n_lifetimes,)
        cm.
    values : float64 (n_masses, n_lifetimes)
        NaN leaves a cell empty.
    colour : str
        What the colour means.
    text : str
    luminosity_fb : float, optional
    ratio : bool
        Colours diverge from 1, logarithmically, and end at factors of 2.8; else they cover four decades.
    judged_from : float, optional
        A line is drawn before this lifetime, cm: shorter ones are shown, not judged.
    """
    with style():
        figure = new_figure(0.5 * len(lifetimes) + 2.2, 0.28 * len(masses) + 1.6)
        axes = figure.subplots()
        norm: LogNorm = LogNorm(2.0**-1.5, 2.0**1.5) if ratio else _four_decades(values)
        colours = "RdBu_r" if ratio else "viridis"
        shown = np.where(np.isfinite(values), np.clip(values, norm.vmin, norm.vmax), np.nan)
        mesh = axes.imshow(shown, origin="lower", aspect="auto", cmap=colours, norm=norm)
        for i, k in zip(*np.nonzero(np.isfinite(values)), strict=True):
            tone = float(norm(shown[i, k]))
            dark = abs(tone - 0.5) > 0.38 if ratio else tone < 0.6
            axes.text(
                k, i, _short(float(values[i, k]), ratio), ha="center", va="center", fontsize=7.5,
                color="white" if dark else "black",
            )  # fmt: skip
        if judged_from is not None:
            axes.axvline(float(np.searchsorted(lifetimes, judged_from)) - 0.5, color="black", linewidth=2.0)
        axes.set_xticks(range(len(lifetimes)), [f"{v:g}" for v in lifetimes], fontsize=8)
        axes.set_yticks(range(len(masses)), [f"{v:.4g}" for v in masses], fontsize=8)
        axes.tick_params(which="minor", bottom=False, left=False, top=False, right=False)
        axes.set_xlabel(r"$c\tau$ [cm]")
        axes.set_ylabel("mass [GeV]")
        bar = figure.colorbar(mesh, ax=axes, extend="both" if ratio else "min")
        if ratio:
            bar.set_ticks([0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 2.5], labels=["0.4", "0.5", "0.7", "1", "1.4", "2", "2.5"])
            bar.ax.minorticks_off()
        bar.set_label(colour)
        label(axes, text, luminosity_fb, inside=False)
    return figure


def _four_decades(values: FloatArray) -> LogNorm:
    top = float(np.nanmax(values, initial=0.0)) or 1.0
    return LogNorm(1e-4 * top, top)


def _short(value: float, ratio: bool) -> str:
    """A number that fits a cell: ratios to two decimals, efficiencies to two digits; what is too small is nearly 0."""
    if ratio:
        return f"{value:.2f}" if value < 10.0 else f"{value:.0f}" if value < 1000.0 else ">1000"
    return f"{value:.2g}" if value >= 1e-3 else "0" if value < 1e-5 else f"{value:.0e}".replace("e-0", "e-")


def p_value_map(
    masses: FloatArray, lifetimes: FloatArray, p_values: FloatArray, *, text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:  # fmt: skip
    """Local p-values of thousands of hypotheses as colours, one row for each lifetime, the smallest marked.

    Parameters
    ----------
    masses : float64 (n_masses,)
        GeV, rising.
    lifetimes : float64 (n_lifetimes,)
        cm.
    p_values : float64 (n_masses, n_lifetimes)
        NaN leaves a hypothesis empty.
    text : str
    luminosity_fb : float, optional
    """
    middle = 0.5 * (masses[1:] + masses[:-1])
    edges = np.concatenate(([masses[0]], middle, [masses[-1]]))
    with style():
        figure = new_figure(7.6, 0.24 * len(lifetimes) + 1.8)
        axes = figure.subplots()
        shown = -np.log10(np.maximum(p_values, 1e-300)).T
        top = max(float(np.nanmax(shown, initial=0.0)), 3.0)
        mesh = axes.pcolormesh(
            edges, np.arange(len(lifetimes) + 1) - 0.5, shown, cmap="magma_r", vmin=0.3, vmax=top, rasterized=True
        )
        if np.any(np.isfinite(p_values)):
            i, k = np.unravel_index(int(np.nanargmin(p_values)), p_values.shape)
            axes.plot(masses[i], k, "o", color="#0072B2", markerfacecolor="none", markersize=9, markeredgewidth=1.4)
        axes.set_yticks(range(len(lifetimes)), [f"{v:g}" for v in lifetimes], fontsize=8)
        axes.tick_params(axis="y", which="minor", left=False, right=False)
        axes.set_xlabel("mass [GeV]")
        axes.set_ylabel(r"$c\tau$ [cm]")
        figure.colorbar(mesh, ax=axes).set_label(r"$-\log_{10}$ local p-value")
        label(axes, text, luminosity_fb, inside=False)
    return figure


def lines(
    x: FloatArray,
    curves: Mapping[str, FloatArray],
    *,
    points: Mapping[str, tuple[FloatArray, ...]] | None = None,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    log_x: bool = False,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Curves over one axis, with points of others beside them.

    Parameters
    ----------
    x : float64 (n,)
    curves : mapping of str to float64 (n,)
    points : mapping of str to (x, y) or (x, y, error), optional
    xlabel, ylabel : str
    log, log_x : bool
        Logarithmic axes; a linear y axis begins at zero.
    text : str
    luminosity_fb : float, optional
    """
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for i, (name, y) in enumerate(curves.items()):
            axes.plot(x, y, color=_CURVE_COLOURS[i % len(_CURVE_COLOURS)], label=name)
        for i, (name, (px, py, *error)) in enumerate((points or {}).items()):
            axes.errorbar(
                px, py, yerr=error[0] if error else None, fmt="os^v"[i % 4], color=SIGNAL_COLOURS[i % 5],
                markerfacecolor="none", markersize=5.0, elinewidth=1.0, label=name,
            )  # fmt: skip
        if log_x:
            axes.set_xscale("log")
        if log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0.0, 1.3 * axes.get_ylim()[1])
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        if len(curves) + len(points or {}) > 1:
            axes.legend(loc="upper right", ncols=2, fontsize=8.5)
        label(axes, text, luminosity_fb, inside=False)
    return figure
