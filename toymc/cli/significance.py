"""`toymc significance`: local and global significance of the largest excess of a scan."""

from typing import Any

import click

from toymc.cli.common import Count, NumberList, echo_json, echo_table, json_option, progress_bars
from toymc.errors import InputError


@click.command(epilog="Example: toymc significance b_k_scalar/scan.h5 --json")
@click.argument("scan", metavar="SCAN.h5|DIR")
@click.option("--channel", "names", multiple=True, help="A scan of the file (may be repeated); all if not given.")
@click.option("--toys", "n_toys", type=Count(2), help="Use the first N background toys of the file; all if not given.")
@click.option(
    "--method", type=click.Choice(["auto", "extrapolation", "toys"]), default="auto", show_default=True,
    help="Source of the global p-value; auto takes the toys where the extrapolation does not hold.",
)  # fmt: skip
@click.option(
    "--levels", type=NumberList(), help="Levels of q0 to extrapolate from: 1 (mass) or 0.5,2.5 (and lifetime)."
)
@json_option
def significance(
    scan: str,
    names: tuple[str, ...],
    n_toys: int | None,
    method: str,
    levels: tuple[float, ...] | None,
    as_json: bool,
) -> None:
    """Global significance of the largest excess of a scan, from the background toys in the scan file.

    Gross-Vitells upcrossings over mass, Euler characteristic over mass and lifetime, the toys themselves where few
    events make these invalid. With several channels the whole of them is answered for as well.
    """
    from toymc.io.scan_toys import read_observed

    scans = read_observed(scan)
    for name in names:
        if name not in scans:
            raise InputError(f"{scan} has no scan '{name}': it has {', '.join(scans)}")
    with progress_bars() as bars:
        answer = _answer(scan, names or tuple(scans), n_toys, method, levels, bars)
    if as_json:
        echo_json(answer)
        return
    header = ("channel", "mass", "ctau", "z local", "z global", "error", "p global", "trials", "method")
    rows = [_row(name, found) for name, found in answer["channels"].items()]
    if "all" in answer:
        rows.append(_row("all channels", answer["all"]))
    echo_table(header, rows)
    for name, found in answer["channels"].items():
        for reason in found["validity"]["reasons"]:
            click.echo(f"{name}: {reason}")


def _row(name: str, found: dict[str, Any]) -> tuple[Any, ...]:
    where = found.get("hypothesis", {})
    return (
        name, where.get("mass_GeV"), where.get("ctau_cm"), found["z_local"], found["z_global"],
        found["z_global_error"], found["p_global"], found["trial_factor"], found["method"],
    )  # fmt: skip


def _answer(
    file: str, names: tuple[str, ...], n_toys: int | None, method: str, levels: tuple[float, ...] | None, bars: Any
) -> dict[str, Any]:
    from toymc.inference.significance import LEVELS, global_significance, join_scans, summarise_toys
    from toymc.io.scan_toys import read_observed, read_toys

    scans = read_observed(file)
    counted = sorted({*LEVELS, *(levels or ())})
    summaries, channels, largest = [], {}, (-1.0, "")
    for name in names:
        scan = scans[name]
        if scan.n_toys < 2:
            raise InputError(f"{file}: scan '{name}' has {scan.n_toys} background toys (toys_q0); 2 or more are needed")
        blocks = read_toys(file, name, n_toys or scan.n_toys, bars(name))
        parts = [summarise_toys(block, scan.stretch, counted) for block in blocks]
        toys = parts[0]
        for part in parts[1:]:
            toys = toys + part
        found = global_significance(scan.q0, toys, levels, method)
        channels[name] = found.to_dict() | {"hypothesis": scan.at(found.index or ())}
        summaries.append(toys)
        largest = max(largest, (found.q0, name))
    answer: dict[str, Any] = {"channels": channels}
    if len(names) > 1:
        together = global_significance(largest[0], join_scans(summaries), levels, method).to_dict()
        answer["all"] = together | {"channel": largest[1], "hypothesis": channels[largest[1]]["hypothesis"]}
    return answer
