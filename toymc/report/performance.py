"""The performance page of a detector card: figures, the published numbers beside ours, tables, in one HTML file."""

import math
from collections.abc import Mapping
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import toymc
from toymc.report.html import figure, html_table, section
from toymc.report.table import Table

_TABLES = {
    "masses": "Mass peaks",
    "photons": "Photons",
    "pi0": "Neutral pions",
    "klm": "Muon detector",
    "neutral_hadrons": "Neutral hadrons",
    "conversions": "Conversions",
    "displaced": "Displaced muons",
    "trigger": "Trigger",
    "identification": "Identification",
}


def render_performance(performance: Mapping[str, Any], plots: list[tuple[Path, str]]) -> str:
    """The page as one HTML text.

    Parameters
    ----------
    performance : mapping
        What `toymc detector performance --json` prints.
    plots : list of (PNG file, caption)
        Embedded in the text.

    Raises
    ------
    OSError
        If a plot cannot be read.
    """
    parts = [section("Ours and published", _comparison(performance["published"]))]
    parts.append(section("Figures", '<div class="plots">' + "".join(figure(*plot) for plot in plots) + "</div>"))
    factors = tuple(performance["tuning"].items())
    words = "<p>Factors on the calculation from the layers; with <code>--ideal</code> all are 1.</p>"
    parts.append(section("Tuning", words + html_table(Table("", ("factor", "value"), factors))))
    parts.append(section("Tracks", _details("Resolutions and efficiency of prompt particles", performance["grid"])))
    for key, title in _TABLES.items():
        parts.append(section(title, _details(f"{len(performance[key])} rows", performance[key])))
    template = Template(resources.files("toymc.report").joinpath("report.html").read_text(encoding="utf-8"))
    card = str(performance["card"])
    ideal = ", layers alone (ideal)" if performance["ideal"] else ""
    return template.substitute(
        title=escape(f"toymc: {card}"),
        heading=escape(f"Performance of the detector card {card}{ideal}"),
        lead=f"{escape(str(performance['description']))} &middot; toymc {escape(toymc.__version__)}",
        body="\n".join(parts),
    )


def _comparison(rows: list[dict[str, Any]]) -> str:
    """The table *ours | published | source*."""
    lines = []
    for row in rows:
        published = row["published"]
        text = f"{published[0]:g} to {published[1]:g}" if isinstance(published, list) else f"{published:g}"
        error = f" ± {row['error']:g}" if row["error"] else ""
        ours = "not part of the model" if row["ours"] is None else f"{row['ours']:.3g}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append((row["quantity"], row["condition"], ours, text + error, row["unit"], ratio, row["source"]))
    header = ("quantity", "condition", "ours", "published", "unit", "ours/published", "source")
    words = (
        "<p>Numbers marked <em>remembered</em> were not read in a publication. The ratio to a range is 1 inside it. "
        "Numbers said to calibrate the card or to be taken into it agree by construction.</p>"
    )
    return words + html_table(Table("", header, tuple(lines)))


def _details(summary: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    table = Table("", tuple(rows[0]), tuple(tuple(_plain(value) for value in row.values()) for row in rows))
    return f"<details><summary>{escape(summary)}</summary>{html_table(table)}</details>"


def _plain(value: Any) -> str | float | int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:.2f}" for name, number in value.items())
    return value if isinstance(value, str | int | float) or value is None else str(value)
