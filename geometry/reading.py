"""Reading of card files: TOML and CSV into typed models, and every fault as one line with file, key and value."""

import csv
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from toymc.errors import InputError

M = TypeVar("M", bound=BaseModel)
# the files of a card by their key in [files] of card.toml
Files: TypeAlias = Mapping[str, Path]


def explain(error: ValidationError, where: str) -> InputError:
    """Turn the first complaint of pydantic into one line that names file, key and value."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
    message = first["msg"].removeprefix("Value error, ")
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "missing":
        return InputError(f"{where}: key '{key}' is missing: add it with its value and source{more}")
    if first["type"] == "extra_forbidden":
        given = _short(first["input"])
        return InputError(f"{where}: unknown key '{key}' = {given}: remove it or mend its spelling{more}")
    if not first["loc"]:  # a contradiction between keys: the validator's own words name them
        return InputError(f"{where}: {message}{more}")
    return InputError(f"{where}: key '{key}' = {_short(first['input'])}: {message}{more}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def read_toml(path: Path) -> dict[str, Any]:
    """Contents of a TOML file.

    Raises
    ------
    InputError
        If the file is missing, unreadable or not TOML.
    """
    try:
        with path.open("rb") as handle:
            return tomllib.load(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give an existing card file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML ({error}): mend the syntax") from error


def check(model: type[M], content: Mapping[str, object], where: Path) -> M:
    """Validate `content` as `model`; `where` is named in the error."""
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        raise explain(error, str(where)) from None


def read_settings(path: Path, model: type[M]) -> M:
    """A TOML file validated as `model`."""
    return check(model, read_toml(path), path)


def with_tables(section: type[M], settings: BaseModel, tables: Mapping[str, object], where: Path) -> M:
    """A section from settings and tables that are valid by themselves; contradictions between them are reported."""
    parts = {name: getattr(settings, name) for name in type(settings).model_fields}
    return check(section, parts | dict(tables), where)


def read_rows(path: Path, model: type[M]) -> tuple[M, ...]:
    """Rows of a CSV file with a header line, each validated as `model`.

    Raises
    ------
    InputError
        For an unreadable or empty file, and for a bad row, with file, line, column and value.
    """
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            lines = list(csv.DictReader(handle, restkey="(too many columns)", strict=True))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give an existing table") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV table ({error}): mend the syntax") from error
    if not lines:
        raise InputError(f"{path}: no rows: give a header line and at least one row")
    rows = []
    for number, line in enumerate(lines, start=2):
        present = {key: value for key, value in line.items() if value is not None}
        try:
            rows.append(model.model_validate(present))
        except ValidationError as error:
            raise explain(error, f"{path}: line {number}") from None
    return tuple(rows)


def check_tiling(
    edges: Sequence[tuple[float, float]], names: tuple[str, str], where: Path, context: str = ""
) -> tuple[float, ...]:
    """Edges of bins that must join without gap or overlap.

    Parameters
    ----------
    edges : sequence of (low, high)
        In any order, repetitions allowed.
    names : (str, str)
        Column names of low and high, for the error.

    Returns
    -------
    tuple of float
        Increasing edges, one more than there are bins.
    """
    bins = sorted(set(edges))
    for (low, high), following in zip(bins, [*bins[1:], None], strict=True):
        if following is not None and following[0] != high:
            raise InputError(
                f"{where}: {context}bins in {names[0]} and {names[1]} do not join: {low:g}..{high:g} is followed by "
                f"{following[0]:g}..{following[1]:g}: give adjacent bins"
            )
    return (*(low for low, _ in bins), bins[-1][1])
