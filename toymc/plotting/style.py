"""One look for all figures, drawn with Agg and without pyplot: safe in threads, the same bytes for the same numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LABEL = "toymc simulation"
# Okabe-Ito: told apart by readers with any colour vision (M. Okabe, K. Ito, "Color Universal Design", 2008)
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#0072B2", "#CC79A7", "#999999")
SIGNAL_COLOURS = ("#D55E00", "#000000", "#7A3E9D", "#B22222", "#004D40")
BAND_1, BAND_2 = "#7BC96F", "#F6E27A"

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.labelsize": 12,
    "axes.linewidth": 1.0,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-3, 5),
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.6,
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,
    "svg.hashsalt": "toymc",
}


@contextmanager
def style() -> Iterator[None]:
    """The settings of all figures, for the time of a block."""
    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float = 6.4, height: float = 4.8) -> Figure:
    """An empty figure of that size in inches, laid out without overlaps."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def label(axes: Axes, text: str = "", luminosity_fb: float | None = None, *, inside: bool = True) -> None:
    """Write 'toymc simulation' and the luminosity above `axes`, and `text` into its corner or, if not inside, above."""
    axes.set_title(LABEL, loc="left", fontsize=11, fontweight="bold")
    if text and not inside:
        axes.set_title(text, loc="center", fontsize=10.5)
        text = ""
    if luminosity_fb is not None:
        axes.set_title(rf"$\int L\,dt = {luminosity_fb:g}\ \mathrm{{fb}}^{{-1}}$", loc="right", fontsize=11)
    if text:
        axes.text(0.03, 0.96, text, transform=axes.transAxes, va="top", ha="left", fontsize=10.5)


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``folder/name.png`` and ``folder/name.pdf``, without time stamps; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    png, pdf = folder / f"{name}.png", folder / f"{name}.pdf"
    layout = figure.get_layout_engine()
    with style():
        figure.savefig(png, dpi=150, metadata={"Software": None})
        # the places are found: finding them again takes as long as drawing
        figure.set_layout_engine("none")
        figure.savefig(pdf, metadata={"Creator": None, "Producer": None, "CreationDate": None})
    figure.set_layout_engine(layout)
    return png, pdf
