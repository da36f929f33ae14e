"""Figures of searches over mass and lifetime."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.figure import Figure

from toymc.plotting.style import BAND_1, BAND_2, COLOURS, label, new_figure, style

FloatArray = npt.NDArray[np.float64]


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
        panels[0].legend(loc="upper right", ncols=2, fontsize=8)
        panels[0].set_ylim(top=panels[0].get_ylim()[1] * 8.0)
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
) -> Figure:
    """A number over mass and lifetime, written into the cells of the grid.

    Parameters
    ----------
    masses : float64 (n_masses,)
    lifetimes : float64 (n_lifetimes,)
    values : float64 (n_masses, n_lifetimes)
        NaN leaves a cell empty.
    colour : str
        What the colour means.
    text : str
    luminosity_fb : float, optional
    ratio : bool
        Colours diverge from 1, logarithmically; else they grow with the number.
    """
    with style():
        figure = new_figure(7.6, 0.36 * len(masses) + 1.8)
        axes = figure.subplots()
        shown = np.log2(values) if ratio else values
        good = shown[np.isfinite(shown)]
        if ratio:
            norm: object = TwoSlopeNorm(0.0, -1.5, 1.5)
        else:
            positive = good[good > 0.0]
            norm = LogNorm(max(float(positive.min(initial=1.0)), 1e-6), float(good.max(initial=1.0)))
        mesh = axes.imshow(
            shown,
            origin="lower",
            aspect="auto",
            cmap="RdBu_r" if ratio else "viridis",
            norm=norm,  # type: ignore[arg-type]
        )
        for i in range(len(masses)):
            for k in range(len(lifetimes)):
                if np.isfinite(values[i, k]):
                    dark = not ratio and values[i, k] < 0.3 * float(np.nanmax(values))
                    axes.text(
                        k, i, f"{values[i, k]:.2g}", ha="center", va="center", fontsize=7.5,
                        color="white" if dark else "black",
                    )  # fmt: skip
        axes.set_xticks(range(len(lifetimes)), [f"{v:g}" for v in lifetimes], fontsize=8)
        axes.set_yticks(range(len(masses)), [f"{v:g}" for v in masses], fontsize=8)
        axes.tick_params(which="minor", bottom=False, left=False, top=False, right=False)
        axes.set_xlabel(r"$c\tau$ [cm]")
        axes.set_ylabel("mass [GeV]")
        bar = figure.colorbar(mesh, ax=axes)
        bar.set_label(f"log2({colour})" if ratio else colour)
        label(axes, text, luminosity_fb, inside=False)
    return figure


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
    points: Mapping[str, tuple[FloatArray, FloatArray]] | None = None,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Curves over one axis, with points of others beside them."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for i, (name, y) in enumerate(curves.items()):
            axes.plot(x, y, color=COLOURS[i % len(COLOURS)], label=name)
        for name, (px, py) in (points or {}).items():
            axes.plot(px, py, "o", color="#D55E00", markerfacecolor="none", label=name)
        if log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0.0, 1.25 * axes.get_ylim()[1])
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.legend(loc="upper right", ncols=2)
        label(axes, text, luminosity_fb)
    return figure


def excluded_regions(
    masses: Sequence[float], intervals: Sequence[Sequence[Sequence[float]]], *, ylabel: str, text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:  # fmt: skip
    """Excluded intervals of a coupling at every mass, as bars with both edges."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for mass, parts in zip(masses, intervals, strict=True):
            for low, high in parts:
                axes.plot([mass, mass], [low, high], color="#0072B2", linewidth=5.0, solid_capstyle="butt")
        axes.set_yscale("log")
        if not any(len(parts) for parts in intervals):
            axes.text(0.5, 0.5, "nothing excluded", transform=axes.transAxes, ha="center")
        axes.set_xlabel("mass [GeV]")
        axes.set_ylabel(ylabel)
        label(axes, text, luminosity_fb)
    return figure
