"""`toymc fit`: fit a pyhf workspace and look at the fit from all sides."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toymc.cli.common import (
    NOT_NEGATIVE,
    SEED,
    Count,
    echo_json,
    echo_table,
    json_option,
)
from toymc.cli.limit_workspace import read_workspace
from toymc.errors import InputError
from toymc.production.chunks import available_cores

if TYPE_CHECKING:
    from toymc.report.diagnostics import FitDiagnostics

_SHOWN = 20


@click.command(epilog="Example: toymc fit workspace.json --toys 1000 --group 'tracking=track_*' --out fit.html")
@click.argument("file", metavar="FILE.json")
@click.option("--measurement", metavar="NAME", help="Measurement of the workspace; the first if not given.")
@click.option(
    "--expected-at", type=NOT_NEGATIVE, metavar="MU",
    help="Fit the expectation at this value of the parameter of interest instead of the observed counts.",
)  # fmt: skip
@click.option("--toys", type=Count(0), default=0, show_default=True, help="Toys for the goodness of fit.")
@click.option(
    "--group", "groups", multiple=True, metavar="NAME=PATTERN,...",
    help="Parameters whose part of the error is shown together; * and ? are allowed. May be given several times.",
)  # fmt: skip
@click.option("--bins", is_flag=True, help="Include factors per bin (staterror, shapesys) in pulls and impacts.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="The same seed gives the same toys.")
@click.option(
    "--workers", type=click.IntRange(1, 4096), default=available_cores, show_default="all cores",
    help="Threads for the toys; the result does not depend on it.",
)  # fmt: skip
@click.option("--out", metavar="PAGE.html", help="Also write one page with figures and tables.")
@json_option
def fit(
    file: str, measurement: str | None, expected_at: float | None, toys: int, groups: tuple[str, ...], bins: bool,
    seed: int, workers: int, out: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Status, pulls, impacts, correlations, origins of the error and goodness of fit of a pyhf workspace.

    Without observed counts the expectation is fitted, with the parameter of interest at its median expected limit.
    """
    from toymc.inference import Model, diagnose
    from toymc.io.outputs import check_file
    from toymc.report.diagnostics import FitDiagnostics

    if out is not None:
        check_file(out)
    chosen = _groups(groups)
    model = Model.from_pyhf(read_workspace(file), measurement)
    with ThreadPoolExecutor(workers) as pool:
        found = diagnose(
            model, expected_at=expected_at, n_toys=toys, seed=seed, groups=chosen, per_bin=bins, mapper=pool.map
        )
    entry = FitDiagnostics.of(found, per_bin=bins)
    if out is not None:
        _write_page(Path(out), entry, file)
    if as_json:
        echo_json(entry.model_dump())
        return
    _show(entry)
    if out is not None:
        click.echo(f"page: {out}")


def _groups(texts: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for text in texts:
        name, equals, patterns = text.partition("=")
        if not equals or not name or not patterns:
            raise InputError(f"--group '{text}': write it as NAME=PATTERN,..., e.g. --group 'tracking=track_*'")
        if name in groups:
            raise InputError(f"--group '{name}' is given twice")
        groups[name] = patterns.split(",")
    return groups


def _show(entry: "FitDiagnostics") -> None:
    from toymc.report.diagnostics import impact_table, status_table

    status = status_table([entry])
    echo_table(("quantity", "value"), list(zip(status.header, status.rows[0], strict=True)))
    if entry.impacts:
        click.echo()
        table = impact_table(entry)
        echo_table(table.header, table.rows[:_SHOWN])
        if len(table.rows) > _SHOWN:
            click.echo(f"... and {len(table.rows) - _SHOWN} smaller ones (--json, --out)")
    for note in entry.notes or []:
        click.echo(f"note: {note}")


def _write_page(out: Path, entry: "FitDiagnostics", file: str) -> None:
    from toymc.io.outputs import atomic_file
    from toymc.plotting.style import save
    from toymc.report.html import render_fit
    from toymc.report.plot import diagnostic_figures

    with tempfile.TemporaryDirectory() as folder:
        plots = [
            (save(p.figure, Path(folder), f"{i}")[0], p.caption) for i, p in enumerate(diagnostic_figures([entry]))
        ]
        page = render_fit(entry, file, plots)
    with atomic_file(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
