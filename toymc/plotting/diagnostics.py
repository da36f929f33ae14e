"""Figures of a fit: ranking of impacts beside the pulls, correlation matrix, origins of the error."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toymc.errors import InputError
from toymc.inference.diagnostics import Impact
from toymc.plotting.style import BAND_1, BAND_2, COLOURS, label, new_figure, style

_UP, _DOWN = COLOURS[4], COLOURS[1]


def impact_plot(
    impacts: Sequence[Impact],
    *,
    poi: str,
    unit: float = 1.0,
    most: int = 20,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Impacts of the parameters on the parameter of interest (left) and their pulls (right), the largest on top.

    Parameters
    ----------
    impacts : sequence of Impact
        The largest first.
    poi : str
        Title of the parameter of interest.
    unit : float
        The shifts are multiplied by this.
    most : int
        Rows to show.
    text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If there is no impact.
    """
    if not impacts:
        raise InputError("no impacts to draw: the model has no parameter but that of interest")
    shown = list(impacts)[:most]
    rows = np.arange(len(shown))
    shifts = [abs(s) for i in shown for s in (i.up, i.down, i.prefit_up, i.prefit_down) if np.isfinite(s)]
    reach = 1.15 * unit * max(shifts, default=1.0) or 1.0
    scale, power = _power(reach)
    with style():
        figure = new_figure(8.0, max(3.0, 1.6 + 0.27 * len(shown)))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1))
        for key, colour, name in (("up", _UP, "+"), ("down", _DOWN, "-")):
            sign = r"$\hat\theta " + name + r" \sigma_\theta$"
            prior = r"$\hat\theta " + name + r" \Delta\theta$"
            left.barh(
                rows, _column(shown, key, scale * unit), 0.62, color=colour, alpha=0.75, label=f"{sign} (after the fit)"
            )
            left.barh(
                rows, _column(shown, f"prefit_{key}", scale * unit), 0.82, facecolor="none", edgecolor=colour,
                linewidth=1.1, label=f"{prior} (before)",
            )  # fmt: skip
        left.axvline(0.0, color="0.3", linewidth=0.8)
        left.set_xlim(-scale * reach, scale * reach)
        _xlabel(left, f"shift of {poi}{power}")
        _pulls(right, shown, rows)
        left.set_yticks(rows, [i.name for i in shown], fontsize=8.5)
        left.set_ylim(len(shown) - 0.4, -0.6)
        for axes in (left, right):
            axes.tick_params(axis="y", which="both", left=False, right=False)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8.5)
        label(left, "", None)
        if text:
            right.set_title(text, loc="right", fontsize=10)
        elif luminosity_fb is not None:
            label(right, "", luminosity_fb)
            right.set_title("", loc="left")
    return figure


def _power(largest: float) -> tuple[float, str]:
    """Factor that brings numbers to order one, and the power of ten to write behind the label."""
    exponent = 3 * int(np.floor(np.log10(largest) / 3.0))
    if exponent in (0, 3):
        return 1.0, ""
    return 10.0**-exponent, rf" [$10^{{{exponent}}}$]"


def _xlabel(axes: Axes, text: str) -> None:
    """A long label gets small letters, so that it stays below its axis."""
    axes.set_xlabel(text, fontsize=min(12.0, 620.0 / max(len(text), 1)))


def _column(impacts: Sequence[Impact], key: str, unit: float) -> npt.NDArray[np.float64]:
    values = np.array([getattr(i, key) for i in impacts], dtype=np.float64) * unit
    return np.where(np.isfinite(values), values, 0.0)


def _pulls(axes: Axes, impacts: Sequence[Impact], rows: npt.NDArray[np.int64]) -> None:
    """Pulls with constraints; a free parameter has none and says so."""
    axes.axvspan(-2, 2, color=BAND_2, linewidth=0, zorder=0)
    axes.axvspan(-1, 1, color=BAND_1, linewidth=0, zorder=0)
    bound = [np.isfinite(i.pull) for i in impacts]
    pull = np.array([i.pull for i in impacts])[bound]
    width = np.nan_to_num(np.array([i.constraint for i in impacts])[bound])
    axes.errorbar(pull, rows[bound], xerr=width, fmt="ko", markersize=3.5, elinewidth=1.1)
    for row, constrained in zip(rows, bound, strict=True):
        if not constrained:
            axes.text(0.0, row, "free", ha="center", va="center", fontsize=8, color="0.3")
    reach = max(2.5, 1.1 * float(np.max(np.abs(pull) + width, initial=0.0)))
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(r"$(\hat\theta - \theta_0)\,/\,\Delta\theta$")


def correlation_matrix(
    names: Sequence[str], matrix: npt.NDArray[np.float64], *, text: str = "", luminosity_fb: float | None = None
) -> Figure:
    """Correlations of the parameters, in per cent in the cells if there are not more than 25.

    Parameters
    ----------
    names : sequence of str (n,)
    matrix : float64 (n, n)
    text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If the matrix is not (n, n) with n > 0.
    """
    n = len(names)
    if n == 0 or np.shape(matrix) != (n, n):
        raise InputError(f"correlation matrix of shape {np.shape(matrix)} for {n} names")
    with style():
        size = min(2.8 + 0.3 * n, 11.0)
        figure = new_figure(size + 0.9, size)
        axes = figure.subplots()
        mesh = axes.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
        for i, j in np.ndindex(n, n) if n <= 25 else ():
            if abs(matrix[i, j]) >= 0.005:
                colour = "white" if abs(matrix[i, j]) > 0.6 else "black"
                axes.text(j, i, f"{100 * matrix[i, j]:.0f}", ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(n), list(names), rotation=90, fontsize=8)
        axes.set_yticks(range(n), list(names), fontsize=8)
        axes.tick_params(which="both", bottom=False, left=False, top=False, right=False)
        axes.set_xlabel("parameter")
        figure.colorbar(mesh, ax=axes, shrink=0.85, label="correlation")
        label(axes, "", luminosity_fb)
        if text:
            figure.suptitle(text, fontsize=10)
    return figure


def error_bars(
    components: Mapping[str, float], *, poi: str, unit: float = 1.0, text: str = "", luminosity_fb: float | None = None
) -> Figure:
    """Where the error of the parameter of interest comes from, as `error_components` gives it.

    Raises
    ------
    InputError
        If there are no components.
    """
    if not components:
        raise InputError("no components of the error to draw")
    rows = np.arange(len(components))
    values = unit * np.array(list(components.values()))
    scale, power = _power(float(values.max()))
    values = scale * values
    with style():
        figure = new_figure(6.4, 1.7 + 0.35 * len(components))
        axes = figure.subplots()
        colours = ["0.4" if name == "total" else COLOURS[4] for name in components]
        axes.barh(rows, values, 0.65, color=colours)
        for row, value in enumerate(values):
            axes.text(value, row, f"  {value:.3g}", va="center", fontsize=9)
        axes.set_yticks(rows, list(components), fontsize=9.5)
        axes.tick_params(axis="y", which="both", left=False, right=False)
        axes.set_ylim(len(components) - 0.4, -0.6)
        axes.set_xlim(0.0, 1.2 * float(values.max()))
        _xlabel(axes, f"error of {poi}{power}; squares add up")
        label(axes, text, luminosity_fb, inside=False)
    return figure
