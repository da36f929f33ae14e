"""report.html: one file that needs nothing else, with plots, tables and the way to run it again."""

import base64
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

import toymc
from toymc.report.diagnostics import FitDiagnostics, impact_table, status_table
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.table import Table
from toymc.report.tables import (
    cutflow_tables,
    estimator_table,
    format_cell,
    limit_table,
    projection_table,
    sample_table,
    source_table,
    variation_tables,
)


def render(result: StudyResult, config: RunConfig, title: str, plots: Sequence[tuple[Path, str]]) -> str:
    """The report as one HTML text.

    Parameters
    ----------
    result : StudyResult
    config : RunConfig
    title : str
        What the study is about, in a line.
    plots : sequence of (PNG file, caption)
        Embedded in the text.

    Raises
    ------
    OSError
        If a plot cannot be read.
    """
    parts = []
    # a projection says its limits in its own table
    limits = projection_table(result) if result.projections else limit_table(result)
    for table in (limits, estimator_table(result), *variation_tables(result)):
        if table.rows:
            parts.append(section(table.title, html_table(table)))
    if result.published:
        sources = dict.fromkeys(entry.source for entry in result.published)
        parts.append("<p>Published: " + escape("; ".join(sources)) + "</p>")
    if result.notes:
        parts.append(section("Notes", "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in result.notes) + "</ul>"))
    if plots:
        parts.append(section("Plots", '<div class="plots">' + "".join(figure(*plot) for plot in plots) + "</div>"))
    if result.diagnostics:
        parts.append(section("Fit diagnostics", _diagnostics(result.diagnostics)))
    systematics = source_table(result)
    if systematics.rows:
        parts.append(section(systematics.title, html_table(systematics)))
    samples = sample_table(result)
    if samples.rows:
        parts.append(section(samples.title, html_table(samples)))
    flows = cutflow_tables(result)
    if flows:
        opened = [
            f"<details{' open' if i == 0 else ''}><summary>{escape(flow.title)}</summary>{html_table(flow)}</details>"
            for i, flow in enumerate(flows)
        ]
        parts.append(section("Cut flow", "".join(opened)))
    parts.append(section("Run it again", f"<pre>{escape(config.command)}</pre><pre>{escape(config.to_toml())}</pre>"))
    if result.timing:
        rows = tuple(result.timing.items())
        parts.append(section("Timing", html_table(Table("", ("quantity", "value"), rows))))
    return _page(f"toymc: {result.study}", title, _lead(result), parts)


def render_fit(entry: FitDiagnostics, source: str, plots: Sequence[tuple[Path, str]]) -> str:
    """The page of one fit as HTML text; arguments as in `render`, `source` says what was fitted."""
    parts = [section("Fit", _diagnostics([entry]))]
    if plots:
        parts.append(section("Plots", '<div class="plots">' + "".join(figure(*plot) for plot in plots) + "</div>"))
    return _page(f"toymc: fit of {source}", entry.title, escape(f"{source} · toymc {toymc.__version__}"), parts)


def _page(title: str, heading: str, lead: str, parts: Sequence[str]) -> str:
    template = Template(resources.files("toymc.report").joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), heading=escape(heading), lead=lead, body="\n".join(parts))


def _diagnostics(entries: Sequence[FitDiagnostics]) -> str:
    """Status of the fits, then for each what went wrong and its impacts, the first open."""
    parts = [html_table(status_table(entries))]
    for entry in entries:
        for note in entry.notes or []:
            parts.append(f"<p>{escape(entry.measurement)}: {escape(note)}</p>")
    for i, entry in enumerate(entries):
        if entry.impacts:
            table = impact_table(entry)
            opened = " open" if i == 0 else ""
            parts.append(f"<details{opened}><summary>{escape(table.title)}</summary>{html_table(table)}</details>")
    return "".join(parts)


def _lead(result: StudyResult) -> str:
    facts = [f"study {result.study}"]
    if result.luminosity_fb is not None:
        facts.append(f"{result.luminosity_fb:g} fb<sup>-1</sup>")
    facts += [f"{name} {value}" for name, value in (("detector", result.detector), ("scale", result.scale)) if value]
    facts.append(f"seed {result.seed}")
    if result.systematics:
        facts.append(f"systematics: {escape(result.systematics)}")
    facts.append(f"toymc {result.version}")
    if result.pdg_edition:
        facts.append(escape(result.pdg_edition))
    return " &middot; ".join(facts)


def section(title: str, content: str) -> str:
    """A heading and what stands under it."""
    return f"<h2>{escape(title)}</h2>\n{content}"


def figure(png: Path, caption: str) -> str:
    """A picture inside the text, with its caption."""
    data = base64.b64encode(png.read_bytes()).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def html_table(table: Table) -> str:
    """A table; text to the left, numbers to the right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "".join("<tr>" + "".join(_html_cell(cell) for cell in row) + "</tr>" for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _html_cell(cell: str | float | int | None) -> str:
    kind = ' class="text"' if isinstance(cell, str) else ""
    return f"<td{kind}>{escape(format_cell(cell))}</td>"
