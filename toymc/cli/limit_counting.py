"""`toymc limit counting`: limits, intervals and significance of counting experiments."""

import itertools
import json
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toymc.cli.common import (
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    Count,
    Fraction,
    echo_json,
    echo_table,
    json_option,
    progress_bars,
)
from toymc.errors import InputError
from toymc.production.chunks import available_cores

if TYPE_CHECKING:
    from toymc.inference.counting import CountingModel

_EPILOG = """\b
Example: toymc limit counting --observed 2 --background 1.3 --background-error 0.4 --json
  toymc limit counting --observed 2 --sideband 3 --tau 10 --efficiency-error 0.15 --cl 0.95
  toymc limit counting --model channels.toml --method fc

\b
channels.toml:
  [[channels]]
  name = "e phi"
  observed = 2
  signal = 0.061
  efficiency_error = 0.15
  background = { kind = "sideband", count = 1, tau = 4.3 }
(kinds: known, gaussian, lognormal: mean, error; asymmetric: mean, up, down; sideband: count, tau, tau_error)"""


@click.command(epilog=_EPILOG)
@click.option("--model", "file", metavar="FILE", help="Channels from a .toml or .json file, instead of the options.")
@click.option("--observed", type=Count(0), help="Observed events.")
@click.option("--background", type=NOT_NEGATIVE, help="Expected background events.")
@click.option("--background-error", type=NOT_NEGATIVE, default=0.0, help="Its standard deviation, in events.")
@click.option(
    "--background-error-down", type=NOT_NEGATIVE, help="Its error downwards, if another one (asymmetric constraint)."
)
@click.option(
    "--constraint", type=click.Choice(["gaussian", "lognormal"]), default="gaussian", show_default=True,
    help="Shape of the background error; the Gaussian is cut at zero.",
)  # fmt: skip
@click.option("--sideband", type=Count(0), metavar="N", help="Background from N events in a sideband (with --tau).")
@click.option("--tau", type=POSITIVE, help="Background in the sideband over background in the signal region.")
@click.option("--tau-error", type=NOT_NEGATIVE, default=0.0, help="Relative error of tau (log-normal).")
@click.option("--signal", type=POSITIVE, default=1.0, show_default=True, help="Signal events per unit of the answer.")
@click.option("--efficiency-error", type=NOT_NEGATIVE, default=0.0, help="Relative error of the signal (log-normal).")
@click.option("--cl", type=Fraction(), default=0.9, show_default=True, help="Confidence level.")
@click.option(
    "--method", type=click.Choice(["cls", "clsb", "fc", "bayes"]), default="cls", show_default=True,
    help="CLs, CLs+b, Feldman-Cousins, or Bayes with a flat prior.",
)  # fmt: skip
@click.option(
    "--treatment", type=click.Choice(["marginal", "profile"]), default="marginal", show_default=True,
    help="Average over nuisances (exact sums), or fit them (exact where the data are counts, else toys).",
)  # fmt: skip
@click.option("--toys", type=Count(100, 10**9), default=20_000, show_default=True, help="Toys per test, if needed.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="The same seed throws the same toys.")
@click.option(
    "--workers", type=click.IntRange(1, 4096), default=available_cores, show_default="all cores",
    help="Threads for toys; the result does not depend on it.",
)  # fmt: skip
@json_option
def counting(
    file: str | None,
    cl: float,
    method: str,
    treatment: str,
    toys: int,
    seed: int,
    workers: int,
    as_json: bool,
    **channel: Any,
) -> None:
    """Upper limit, interval and significance from counting experiments, in signal events or units of mu."""
    from toymc.inference.counting import discovery, model_limit

    model = _from_file(file, channel) if file is not None else _from_options(**channel)
    with ThreadPoolExecutor(workers) as pool, progress_bars() as bars:
        mapper = _counted(pool, bars("toys"))
        limit = model_limit(model, cl, method, treatment, True, toys, seed, mapper)
        excess = discovery(model, treatment, toys, seed, mapper)
    answer = limit.to_dict()
    answer["discovery"] = excess.to_dict()
    if as_json:
        echo_json(answer)
        return
    rows: list[tuple[str, Any]] = [(key, answer[key]) for key in ("upper_limit", "lower_limit")]
    rows += [(f"expected {band}", value) for band, value in limit.expected.items()]
    rows += [
        (key, answer[key]) for key in ("cl", "method", "treatment", "how", "error", "failed_share") if key in answer
    ]
    rows += [(key, answer["discovery"][key]) for key in ("p_value", "significance")]
    echo_table(("quantity", "value"), rows)


def _counted(pool: ThreadPoolExecutor, tick: Callable[[int, int], None]) -> Callable[..., list[Any]]:
    """The pool's map, which tells how many blocks of toys are done of those that are asked for so far."""
    done, asked = itertools.count(1), 0

    def mapper(function: Callable[[int], Any], blocks: Sequence[int]) -> list[Any]:
        nonlocal asked
        asked += len(blocks)
        results = []
        for result in pool.map(function, blocks):
            tick(next(done), asked)
            results.append(result)
        return results

    return mapper


def _from_options(
    observed: int | None,
    background: float | None,
    background_error: float,
    background_error_down: float | None,
    constraint: str,
    sideband: int | None,
    tau: float | None,
    tau_error: float,
    signal: float,
    efficiency_error: float,
) -> "CountingModel":
    from toymc.inference.counting import (
        Asymmetric,
        CountingChannel,
        CountingModel,
        Gaussian,
        Known,
        LogNormal,
        Sideband,
    )
    from toymc.inference.counting.model import Background

    if observed is None:
        raise InputError("--observed is missing; give the observed events, or channels with --model")
    if (background is None) == (sideband is None):
        raise InputError("give either --background or --sideband with --tau")
    if (sideband is None) != (tau is None):
        raise InputError("--sideband and --tau belong together: give both")
    value: Background
    if sideband is not None and tau is not None:
        value = Sideband(sideband, tau, tau_error)
    elif background_error_down is not None:
        if constraint != "gaussian":
            raise InputError("--background-error-down is for --constraint gaussian")
        value = Asymmetric(background or 0.0, background_error, background_error_down)
    elif background_error == 0.0:
        value = Known(background or 0.0)
    else:
        value = (LogNormal if constraint == "lognormal" else Gaussian)(background or 0.0, background_error)
    return CountingModel([CountingChannel("counting", observed, value, signal, efficiency_error)])


def _from_file(file: str, options: dict[str, Any]) -> "CountingModel":
    from toymc.inference.counting import CountingModel

    for name in ("observed", "background", "sideband", "tau"):
        if options[name] is not None:
            raise InputError(f"--{name} and --model: give the channels in the file alone")
    try:
        text = Path(file).read_text(encoding="utf-8")
        content = json.loads(text) if file.endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file} is not {'JSON' if file.endswith('.json') else 'TOML'}: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file}: a table with 'channels' is expected")
    return CountingModel.from_dict(content)
