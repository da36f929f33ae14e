"""What the commands share: option types, key=value lists, JSON and tables, the progress bar."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from toymc.errors import InputError
from toymc.production.chunks import available_cores

F = TypeVar("F", bound=Callable[..., Any])
ProgressFactory = Callable[[str], Callable[[int, int], None]]


class Number(click.ParamType):  # type: ignore[type-arg]
    """A finite number, optionally above or below a bound."""

    name = "number"

    def __init__(self, low: float = -math.inf, high: float = math.inf, *, low_open: bool = False) -> None:
        self.low, self.high, self.low_open = low, high, low_open

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            self.fail(f"'{value}' is not a number", param, ctx)
        inside = (number > self.low if self.low_open else number >= self.low) and number <= self.high
        if not (math.isfinite(number) and inside):
            self.fail(f"{value} is not allowed: give {self.allowed()}", param, ctx)
        return number

    def allowed(self) -> str:
        """The range in words."""
        if math.isfinite(self.high):
            return f"a number {'above' if self.low_open else 'of at least'} {self.low:g}, at most {self.high:g}"
        if math.isfinite(self.low):
            return f"a number {'above' if self.low_open else 'of at least'} {self.low:g}"
        return "a finite number"


class Fraction(Number):
    """A number between 0 and 1, both excluded."""

    def __init__(self) -> None:
        super().__init__(0.0, 1.0, low_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if number == 1.0:
            self.fail(f"{value} is not allowed: give {self.allowed()}", param, ctx)
        return number

    def allowed(self) -> str:
        return "a number between 0 and 1"


class Count(click.ParamType):  # type: ignore[type-arg]
    """A whole number of at least `low`, also written as 1e6."""

    name = "integer"

    def __init__(self, low: int, high: int = 2**63 - 1) -> None:
        self.low, self.high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"'{value}' is not a whole number", param, ctx)
        if not number.is_finite() or number != number.to_integral_value():
            self.fail(f"{value} is not a whole number", param, ctx)
        if not self.low <= number <= self.high:
            self.fail(f"{value} is not allowed: give a whole number from {self.low} to {self.high:.3g}", param, ctx)
        return int(number)


class NumberList(click.ParamType):  # type: ignore[type-arg]
    """Comma-separated finite numbers."""

    name = "number,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(Number().convert(part, param, ctx) for part in str(value).split(","))


POSITIVE = Number(0.0, low_open=True)
NOT_NEGATIVE = Number(0.0)
SEED = click.IntRange(0, 2**64 - 1)

SEED_HELP = "The same seed gives the same events."

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")


def worker_options(function: F) -> F:
    """Add --workers, --executor and --scheduler."""
    for option in (
        click.option("--scheduler", metavar="ADDR", help="Dask scheduler (tcp://host:port or scheduler file)."),
        click.option(
            "--executor", type=click.Choice(["local", "dask"]), default="local", show_default=True,
            help="Threads of this machine, or Dask (extra toymc[distributed]).",
        ),
        click.option(
            "--workers", type=click.IntRange(1, 4096), default=available_cores, show_default="all cores",
            help="Parallel workers; the result does not depend on it.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def parse_parameters(pairs: Sequence[str]) -> dict[str, str | bool | int | float]:
    """Read ``key=value`` options; numbers and true/false become what they say.

    Raises
    ------
    InputError
        If there is no "=" or a key comes twice.

    Examples
    --------
    >>> parse_parameters(["mass=1.0", "signal=e_alpha", "isr=false"])
    {'mass': 1.0, 'signal': 'e_alpha', 'isr': False}
    """
    parameters: dict[str, str | bool | int | float] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key or not text:
            raise InputError(f"parameter '{pair}': write it as key=value, e.g. -p mass=1.0")
        if key in parameters:
            raise InputError(f"parameter '{key}' is given twice")
        parameters[key] = _plain_value(text)
    return parameters


def _plain_value(text: str) -> str | bool | int | float:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def echo_json(value: Any) -> None:
    """Print `value` as JSON; numbers that are not finite become null."""
    click.echo(json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False))


def finite(value: Any) -> Any:
    """`value` in plain JSON types."""
    if isinstance(value, dict):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def echo_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print aligned columns; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    right = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(header))]
    for line in (list(header), *cells):
        text = "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(line, widths, right, strict=True))
        click.echo(text.rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def progress_bars() -> Iterator[ProgressFactory]:
    """A factory of progress callbacks, one bar per label; silent unless standard error is a terminal."""
    if not sys.stderr.isatty():
        yield lambda label: lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def factory(label: str) -> Callable[[int, int], None]:
            task = bars.add_task(label, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield factory
