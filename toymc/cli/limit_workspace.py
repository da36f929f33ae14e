"""`toymc limit workspace`: CLs limits of a pyhf workspace, asymptotic and from toys."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toymc.cli.common import SEED, Count, Fraction, echo_json, echo_table, json_option, progress_bars
from toymc.errors import InputError
from toymc.production.chunks import available_cores

if TYPE_CHECKING:
    from toymc.inference import Model


@click.command(epilog="Example: toymc limit workspace workspace.json --cl 0.95 --toys 10000 --json")
@click.argument("file", metavar="FILE.json")
@click.option("--cl", type=Fraction(), default=0.9, show_default=True, help="Confidence level.")
@click.option("--measurement", metavar="NAME", help="Measurement of the workspace; the first if not given.")
@click.option(
    "--toys", type=Count(100), metavar="N",
    help="Limits from toys as well: N per hypothesis and value of the parameter (10000 gives 1 to 2 %).",
)  # fmt: skip
@click.option("--seed", type=SEED, default=1, show_default=True, help="The same seed gives the same toys.")
@click.option(
    "--workers", type=click.IntRange(1, 4096), default=available_cores, show_default="all cores",
    help="Threads for the toys; the result does not depend on it.",
)  # fmt: skip
@json_option
def workspace(
    file: str, cl: float, measurement: str | None, toys: int | None, seed: int, workers: int, as_json: bool
) -> None:
    """CLs limit on the parameter of interest of a pyhf workspace."""
    from toymc.inference import Model, upper_limit

    model = Model.from_pyhf(read_workspace(file), measurement)
    asymptotic = upper_limit(model, cl=cl).to_dict()
    answer = asymptotic if toys is None else {**asymptotic, **_toys(model, cl, toys, seed, workers)}
    if as_json:
        echo_json(answer)
    else:
        echo_table(("quantity", "value"), list(_rows(answer)))


def _toys(model: "Model", cl: float, n_toys: int, seed: int, workers: int) -> dict[str, Any]:
    from toymc.inference import toy_limit

    with ThreadPoolExecutor(workers) as pool, progress_bars() as bars:
        advance = bars("values of the parameter")
        limit = toy_limit(
            model, cl, n_toys, seed, mapper=pool.map, progress=lambda done: advance(done, max(18, done + 1))
        )
    return limit.to_dict()


def _rows(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in answer.items():
        if isinstance(value, dict):
            rows += [(f"{key} {band}", number) for band, number in value.items()]
        elif isinstance(value, list):
            rows += [(key, f"{len(value)}")] if key in ("failed", "failures") else [(key, _plain(value))]
        elif isinstance(value, int | float | str):
            rows.append((key, value))
    return rows


def _plain(values: list[Any]) -> str:
    return ", ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values) or "-"


def read_workspace(file: str) -> dict[str, Any]:
    """The content of a JSON file with an object; `InputError` says what is wrong with another one."""
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a pyhf workspace: an object with 'channels' and 'measurements' is expected")
    return content
