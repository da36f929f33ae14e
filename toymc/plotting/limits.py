"""Figures of searches: local p-values against the mass, excluded regions of a coupling with published ones on top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from scipy.special import ndtr

from toymc.errors import InputError
from toymc.plotting.style import BAND_1, COLOURS, SIGNAL_COLOURS, label, new_figure, style

Numbers = Sequence[float] | npt.NDArray[np.float64]
Intervals = Sequence[Sequence[Sequence[float]]]
"""For every mass the excluded intervals (low, high) of the coupling; none where nothing is excluded."""


def p_value_plot(
    x: Numbers,
    p_values: Mapping[str, Numbers],
    *,
    global_p: float | None = None,
    xlabel: str = "mass [GeV]",
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Local p-values of the background against a parameter, with lines at whole numbers of standard deviations.

    Parameters
    ----------
    x : array (n,)
    p_values : mapping of str to array (n,)
        Name of a curve -> one-sided local p-values; NaN where a hypothesis was not tested.
    global_p : float, optional
        Global p-value of the largest excess, written into the figure.
    xlabel, text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If lengths differ, or a p-value is outside of 0 to 1, or there are none.
    """
    at = np.asarray(x, dtype=float)
    curves = {name: np.asarray(values, dtype=float) for name, values in p_values.items()}
    for name, p in curves.items():
        if p.shape != at.shape:
            raise InputError(f"p-values '{name}' have shape {p.shape}, the parameter {at.shape}")
        if np.any((p < 0.0) | (p > 1.0)):
            raise InputError(f"p-values '{name}': {np.nanmin(p):g} to {np.nanmax(p):g}; they lie between 0 and 1")
    known = np.concatenate([p[np.isfinite(p) & (p > 0.0)] for p in curves.values()]) if curves else np.zeros(0)
    if known.size == 0:
        raise InputError("no p-values to draw")
    with style():
        figure = new_figure()
        axes = figure.subplots()
        low = min(0.2 * float(known.min()), float(ndtr(-3.3)))
        for n in range(1, 9):
            level = float(ndtr(-n))
            if level > low:
                axes.axhline(level, color="0.75", linewidth=0.8, zorder=0)
                axes.text(1.01, level, rf"{n}$\sigma$", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        for i, (name, p) in enumerate(curves.items()):
            axes.plot(at, p, color=COLOURS[(4, 1, 2, 5, 0)[i % 5]], linewidth=1.0, label=name or None)
        axes.set_yscale("log")
        axes.set_ylim(low, 20.0)
        axes.set_xlim(float(at.min()), float(at.max()))
        axes.set_xlabel(xlabel)
        axes.set_ylabel("local p-value")
        if any(curves):
            axes.legend(loc="upper right", ncols=2)
        extra = [text] if text else []
        extra += [f"largest excess: global p = {global_p:.2g}"] if global_p is not None else []
        label(axes, "\n".join(extra), luminosity_fb)
    return figure


@dataclass(frozen=True)
class Region:
    """An excluded region of somebody else: its intervals at its masses.

    A limit without an upper end has intervals that end at infinity.
    """

    name: str
    masses: Numbers
    intervals: Intervals


def coupling_exclusion(
    masses: Numbers,
    expected: Mapping[str, Intervals],
    *,
    observed: Intervals | None = None,
    published: Sequence[Region] = (),
    ylabel: str,
    xlabel: str = "mass [GeV]",
    gap: float | None = None,
    text: str = "",
    luminosity_fb: float | None = None,
) -> Figure:
    """Excluded region in the plane of mass and coupling, islands and two edges included, published ones on top.

    Edges of neighbouring masses are joined by straight lines where their intervals overlap one to one; an interval
    without neighbour is a bar.

    Parameters
    ----------
    masses : array (n,)
        Rising.
    expected : mapping of "-1", "0", "+1" to intervals
        As `interpretation` gives them in `excluded_expected`; "0" is needed, other bands are left out of the figure.
    observed : intervals, optional
    published : sequence of Region
    ylabel, xlabel : str
    gap : float, optional
        Masses further apart than this are not joined.
    text : str
    luminosity_fb : float, optional

    Raises
    ------
    InputError
        If masses do not rise, intervals are not one list per mass, or a bound is not positive.
    """
    if "0" not in expected:
        raise InputError(f"expected bands {list(expected)}: the median '0' is needed")
    layers = {f"expected {band}": (masses, rows) for band, rows in expected.items()}
    layers |= {region.name: (region.masses, region.intervals) for region in published}
    layers |= {} if observed is None else {"observed": (masses, observed)}
    for name, (at, rows) in layers.items():
        _check_region(name, at, rows)
    bottom, top = _range(layers)
    with style():
        figure = new_figure(6.8, 5.0)
        axes = figure.subplots()
        main = observed if observed is not None else expected["0"]
        name = "excluded" if observed is not None else "expected exclusion"
        _area(axes, masses, main, gap, top, BAND_1, 0.45, name)
        for band, line in (("-1", ":"), ("0", "--"), ("+1", ":")):
            if band in expected:
                words = "expected" if band == "0" else r"expected $\pm 1\sigma$" if band == "-1" else ""
                _edges(axes, masses, expected[band], gap, top, "black", line, words)
        if observed is not None:
            _edges(axes, masses, observed, gap, top, "black", "-", "observed")
        for i, region in enumerate(published):
            colour = SIGNAL_COLOURS[(0, 2, 3, 4)[i % 4]]
            _area(axes, region.masses, region.intervals, None, top, colour, 0.12, "")
            _edges(axes, region.masses, region.intervals, None, top, colour, "-", region.name)
        axes.set_yscale("log")
        axes.set_ylim(bottom, top)
        ends = np.concatenate([np.asarray(at, dtype=float) for at, _ in layers.values()])
        axes.set_xlim(float(ends.min()), float(ends.max()))
        if not any(len(parts) for _, rows in layers.values() for parts in rows):
            axes.text(0.5, 0.5, "nothing excluded", transform=axes.transAxes, ha="center")
        else:
            axes.legend(loc="upper right", ncols=2, fontsize=8.5)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        label(axes, text, luminosity_fb)
    return figure


def _check_region(name: str, masses: Numbers, rows: Intervals) -> None:
    at = np.asarray(masses, dtype=float)
    if at.ndim != 1 or at.size == 0 or np.any(np.diff(at) <= 0.0):
        raise InputError(f"'{name}': the masses must rise")
    if len(rows) != at.size:
        raise InputError(f"'{name}': intervals at {len(rows)} masses, {at.size} masses")
    for mass, parts in zip(at, rows, strict=True):
        for low, high in parts:
            if not 0.0 < low < high:
                raise InputError(f"'{name}' at {mass:g}: interval {low:g} to {high:g}; give 0 < low < high")


def _range(layers: Mapping[str, tuple[Numbers, Intervals]]) -> tuple[float, float]:
    """Ends of the axis of the coupling: all finite edges, with space for the legend above."""
    ends = [end for _, rows in layers.values() for parts in rows for pair in parts for end in pair if np.isfinite(end)]
    low, high = (min(ends), max(ends)) if ends else (1e-5, 1.0)
    return 0.4 * low, high * (high / low) ** 0.25 * 2.0


_Trapezoid = tuple[float, float, float, float, float, float]
"""Mass, low, high on the left; mass, low, high on the right."""


def _trapezoids(masses: Numbers, rows: Intervals, gap: float | None, top: float) -> list[_Trapezoid]:
    """What is excluded between neighbouring masses.

    Intervals that overlap one to one are joined by straight edges; where one becomes two (or none) each side goes on as
    it is to the middle.
    """
    at = np.asarray(masses, dtype=float)
    out: list[_Trapezoid] = []
    for i in range(at.size - 1):
        if gap is not None and at[i + 1] - at[i] > gap:
            continue
        left = [(low, min(high, top)) for low, high in rows[i]]
        right = [(low, min(high, top)) for low, high in rows[i + 1]]
        touch = np.array([[max(a[0], b[0]) <= min(a[1], b[1]) for b in right] for a in left], dtype=bool)
        touch = touch.reshape(len(left), len(right))
        middle = 0.5 * (at[i] + at[i + 1])
        pairs = [(j, k) for j, k in np.argwhere(touch) if touch[j].sum() == 1 and touch[:, k].sum() == 1]
        out += [(at[i], *left[j], at[i + 1], *right[k]) for j, k in pairs]
        split = {j for j, _ in np.argwhere(touch)} - {j for j, _ in pairs}
        out += [(at[i], *left[j], middle, *left[j]) for j in sorted(split)]
        split = {k for _, k in np.argwhere(touch)} - {k for _, k in pairs}
        out += [(middle, *right[k], at[i + 1], *right[k]) for k in sorted(split)]
    return out


def _alone(masses: Numbers, rows: Intervals, gap: float | None, top: float) -> list[tuple[float, float, float]]:
    """(mass, low, high) of the intervals that are joined to none."""
    found = _trapezoids(masses, rows, gap, top)
    used = {(m, low) for m, low, *_ in found} | {(m, low) for *_, m, low, _ in found}
    at = np.asarray(masses, dtype=float)
    return [(m, low, min(high, top)) for m, parts in zip(at, rows, strict=True) for low, high in parts
            if (m, low) not in used]  # fmt: skip


def _area(
    axes: Axes, masses: Numbers, rows: Intervals, gap: float | None, top: float, colour: str, alpha: float, name: str
) -> None:
    corners = [[(a, b), (a, c), (d, f), (d, e), (a, b)] for a, b, c, d, e, f in _trapezoids(masses, rows, gap, top)]
    if corners:  # one path, so that neighbours leave no seam
        path = Path.make_compound_path(*(Path(c, closed=True) for c in corners))
        axes.add_patch(PathPatch(path, facecolor=colour, alpha=alpha, linewidth=0))
    bars = [[(m, low), (m, high)] for m, low, high in _alone(masses, rows, gap, top)]
    axes.add_collection(LineCollection(bars, colors=colour, alpha=min(1.0, 2 * alpha), linewidths=3.0))
    if name:
        axes.fill_between([], [], [], color=colour, alpha=alpha, linewidth=0, label=name)


def _edges(
    axes: Axes, masses: Numbers, rows: Intervals, gap: float | None, top: float, colour: str, line: str, name: str
) -> None:
    found = _trapezoids(masses, rows, gap, top)
    segments = [[(a, b), (d, e)] for a, b, _, d, e, _ in found]
    segments += [[(a, c), (d, f)] for a, _, c, d, _, f in found if c < top and f < top]
    for path in _chains(segments):
        axes.plot(*np.array(path).T, line, color=colour, linewidth=1.3)
    if name:
        axes.plot([], [], line, color=colour, linewidth=1.3, label=name)


def _chains(segments: Sequence[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
    """Segments that follow on each other as one path, so that dashes run through."""
    paths: list[list[tuple[float, float]]] = []
    ends: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for start, end in segments:
        path = ends.pop(start, None)
        if path is None:
            path = [start]
            paths.append(path)
        path.append(end)
        ends[end] = path
    return paths
