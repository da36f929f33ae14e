"""`toymc detector`: performance of a card."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toymc.cli.common import NumberList, echo_json, echo_table, json_option, progress_bars
from toymc.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toymc.geometry import DetectorCard

_EXAMPLE = "Example: toymc detector performance belle2 --species pi --p 0.2,0.5,1 --theta 90,60,40 --json"
# of the curves on the page
_PAGE_P = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 5.0)


@click.group(epilog=_EXAMPLE)
def detector() -> None:
    """Performance of a detector card."""


@detector.command(
    epilog=_EXAMPLE + " A page with figures: toymc detector performance belle2_run2 --out performance.html"
)
@click.argument("card")
@click.option("--ideal", is_flag=True, help="What the layers alone give, without tuning.")
@click.option("--species", default="pi", show_default=True, help="Of e, mu, pi, K, p; comma-separated.")
@click.option("--p", "momenta", type=NumberList(), default="0.2,0.5,1,2,3", show_default=True, help="In GeV.")
@click.option("--theta", "angles", type=NumberList(), default="90,60,40", show_default=True, help="In degrees.")
@click.option("--grid-only", is_flag=True, help="Resolutions and efficiency of tracks, nothing else.")
@click.option("--out", metavar="PAGE.html", help="Write a page with figures and tables beside the published numbers.")
@json_option
def performance(
    card: str,
    ideal: bool,
    species: str,
    momenta: tuple[float, ...],
    angles: tuple[float, ...],
    grid_only: bool,
    out: str | None,
    as_json: bool,
) -> None:
    """What CARD gives, beside what is published.

    Track resolutions and efficiencies on a grid of momentum and polar angle; photons, mass peaks, displaced tracks,
    conversions, identification, muon detector, neutral hadrons and trigger, measured on simulated probes.
    """
    from toymc.detector import detector_performance
    from toymc.geometry import load_card
    from toymc.io.outputs import check_file

    if out is not None and grid_only:
        raise InputError("--out needs more than the grid: leave --grid-only out")
    if out is not None:
        check_file(out)
    loaded = load_card(card)
    grid = detector_performance(loaded, [name.strip() for name in species.split(",")], momenta, angles, ideal)
    answer: dict[str, Any] = {"card": card, "ideal": ideal, "grid": grid}
    if grid_only:
        _print(answer, as_json)
        return
    with progress_bars() as bars:
        answer |= _measured(loaded, ideal, bars(f"performance {card}"))
    if out is not None:
        _write_page(Path(out), loaded, answer | {"description": loaded.description})
    _print(answer, as_json)
    if out is not None and not as_json:
        click.echo(out)


def _measured(card: "DetectorCard", ideal: bool, progress: Callable[[int, int], None]) -> dict[str, Any]:
    from toymc.detector.performance.measure import measure_performance
    from toymc.detector.performance.published import published_comparison
    from toymc.detector.performance.summary import summarise

    measured = measure_performance(card, ideal, progress=progress)
    summary = summarise(card, measured, ideal)
    return measured | {"summary": summary, "published": published_comparison(card.name, summary)}


def _print(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(answer)
        return
    grid = answer["grid"]
    echo_table(tuple(grid[0]), [tuple(row.values()) for row in grid])
    if answer.get("published"):
        click.echo("\nours and published")
        rows = [
            (row["quantity"], row["condition"], row["ours"], _published(row), row["unit"], row["ratio"], row["source"])
            for row in answer["published"]
        ]
        echo_table(("quantity", "condition", "ours", "published", "unit", "ratio", "source"), rows)


def _published(row: dict[str, Any]) -> str:
    value = row["published"]
    return f"{value[0]:g} to {value[1]:g}" if isinstance(value, list) else f"{value:g}"


def _figures(card: "DetectorCard", answer: dict[str, Any]) -> list[tuple[str, "Figure", str]]:
    """Name, figure and caption of everything on the page."""
    from toymc.detector import detector_performance
    from toymc.detector.performance import DEFAULT_THETA
    from toymc.plotting import performance as draw

    name, published = card.name, answer["published"]
    grid = detector_performance(card, ["pi"], _PAGE_P, DEFAULT_THETA, answer["ideal"])
    found = [
        (quantity, draw.track_resolution(grid, quantity, name, published), f"{text} of pions from the origin")
        for quantity, text in (
            ("sigma_pt_over_pt", "Relative resolution of the transverse momentum"),
            ("sigma_d0_um", "Resolution of the transverse impact parameter"),
            ("sigma_z0_um", "Resolution of the longitudinal impact parameter"),
            ("sigma_phi_mrad", "Resolution of the azimuth"), ("sigma_tan_lambda", "Resolution of tan lambda"),
        )
    ]  # fmt: skip
    photons = answer["photons"]
    found += [
        ("efficiency", draw.tracking_efficiency(grid, name, published), "Tracking efficiency of prompt pions"),
        ("displaced", draw.displaced_efficiency(answer["displaced"], name), "Tracking efficiency by production radius"),
        ("masses", draw.mass_widths(answer["masses"], name, published), "Mass peaks, natural widths left out"),
        ("photon_energy", draw.photon_resolution(photons, "sigma_E_over_E", name, published), "Photon energy"),
        ("photon_theta", draw.photon_resolution(photons, "sigma_theta_mrad", name, published), "Polar angle"),
        ("photon_phi", draw.photon_resolution(photons, "sigma_phi_mrad", name), "Azimuth"),
        ("pi0", draw.pi0_width(answer["pi0"], name, published), "Width of the neutral pion"),
        ("conversions", draw.conversions(answer["conversions"], name), "Photons converted inside a radius"),
        ("klm", draw.muon_range(answer["klm"], name), "Tracks with hits in the muon detector"),
        ("hadrons", draw.neutral_hadrons(answer["neutral_hadrons"], name, published), "Neutral hadrons with a cluster"),
        ("trigger", draw.trigger_curves(answer["trigger"], name), "Trigger turn-on"),
        ("identification", draw.identification(answer["identification"], name), "Identification; thick: wanted"),
    ]
    return found


def _write_page(out: Path, card: "DetectorCard", answer: dict[str, Any]) -> None:
    from toymc.io.outputs import atomic_file
    from toymc.plotting.style import style
    from toymc.report.performance import render_performance

    with tempfile.TemporaryDirectory() as folder, style():
        plots = []
        for name, figure, caption in _figures(card, answer):
            png = Path(folder) / f"{name}.png"
            figure.savefig(png, dpi=110, metadata={"Software": None})
            plots.append((png, caption))
        page = render_performance(answer, plots)
    with atomic_file(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
