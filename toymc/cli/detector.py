"""`toymc detector`: performance of a card."""

import click

from toymc.cli.common import NumberList, echo_json, echo_table, json_option

_EXAMPLE = "Example: toymc detector performance belle2 --species pi --p 0.2,0.5,1 --theta 90,60,40 --json"


@click.group(epilog=_EXAMPLE)
def detector() -> None:
    """Performance of a detector card."""


@detector.command(epilog=_EXAMPLE)
@click.argument("card")
@click.option("--ideal", is_flag=True, help="What the layers alone give, without tuning.")
@click.option("--species", default="pi", show_default=True, help="Of e, mu, pi, K, p; comma-separated.")
@click.option("--p", "momenta", type=NumberList(), default="0.2,0.5,1,2,3", show_default=True, help="In GeV.")
@click.option("--theta", "angles", type=NumberList(), default="90,60,40", show_default=True, help="In degrees.")
@json_option
def performance(
    card: str, ideal: bool, species: str, momenta: tuple[float, ...], angles: tuple[float, ...], as_json: bool
) -> None:
    """Track resolutions and efficiencies of CARD on a grid of momentum and polar angle."""
    from toymc.detector import detector_performance
    from toymc.geometry import load_card

    grid = detector_performance(load_card(card), [name.strip() for name in species.split(",")], momenta, angles, ideal)
    if as_json:
        echo_json({"card": card, "ideal": ideal, "grid": grid})
    else:
        echo_table(tuple(grid[0]), [tuple(row.values()) for row in grid])
