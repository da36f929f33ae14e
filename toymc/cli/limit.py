"""`toymc limit`: upper limits without a study."""

import json
from pathlib import Path
from typing import Any

import click

from toymc.cli.common import Fraction, echo_json, echo_table, json_option
from toymc.cli.limit_counting import counting
from toymc.errors import InputError

_cl_option = click.option("--cl", type=Fraction(), default=0.9, show_default=True, help="Confidence level.")


@click.group(epilog="Example: toymc limit counting --observed 2 --background 1.3")
def limit() -> None:
    """Upper limits from counts or from a pyhf workspace."""


limit.add_command(counting)


@limit.command(epilog="Example: toymc limit workspace workspace.json --cl 0.95 --json")
@click.argument("file", metavar="FILE.json")
@_cl_option
@click.option("--measurement", metavar="NAME", help="Measurement of the workspace; the first if not given.")
@json_option
def workspace(file: str, cl: float, measurement: str | None, as_json: bool) -> None:
    """CLs limit on the parameter of interest of a pyhf workspace."""
    from toymc.inference import Model, upper_limit

    model = Model.from_pyhf(_read_json(file), measurement)
    _answer(upper_limit(model, cl=cl).to_dict(), as_json)


def _read_json(file: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a pyhf workspace: an object with 'channels' and 'measurements' is expected")
    return content


def _answer(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(answer)
        return
    rows = []
    for key, value in answer.items():
        if isinstance(value, dict):
            rows += [(f"{key} {band}", number) for band, number in value.items()]
        elif isinstance(value, int | float | str):
            rows.append((key, value))
    echo_table(("quantity", "value"), rows)
