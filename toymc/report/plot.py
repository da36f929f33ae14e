"""Figures of a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toymc.report.diagnostics import FitDiagnostics

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A figure with the name of its files and its caption in the report."""

    name: str
    figure: "Figure"
    caption: str


def diagnostic_figures(
    entries: Sequence[FitDiagnostics], limit_on: str = "", luminosity_fb: float | None = None
) -> list[Plot]:
    """Impacts with pulls, correlations, and origins of the error of every fit."""
    from toymc.plotting.diagnostics import correlation_matrix, error_bars, impact_plot

    drawn = []
    for d in entries:
        poi, name, text = limit_on or d.poi, d.measurement.replace("/", "_"), d.measurement
        if d.impacts:
            figure = impact_plot(d.ranking(), poi=poi, unit=d.unit, text=text, luminosity_fb=luminosity_fb)
            drawn.append(Plot(f"impacts_{name}", figure, f"Impacts and pulls: {d.title}."))
        if d.error_components:
            bars = error_bars(d.error_components, poi=poi, unit=d.unit, text=text, luminosity_fb=luminosity_fb)
            drawn.append(Plot(f"error_{name}", bars, f"Origin of the error: {d.title}."))
        if d.correlation_names:
            matrix = np.array(d.correlation)
            cells = correlation_matrix(d.correlation_names, matrix, text=text, luminosity_fb=luminosity_fb)
            drawn.append(Plot(f"correlation_{name}", cells, f"Correlations: {d.title}."))
    return drawn
