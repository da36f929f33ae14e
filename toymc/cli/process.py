"""`toymc process`: what can be generated."""

import click

from toymc.cli.common import SEED, echo_json, echo_table, json_option, parse_parameters


@click.group()
def process() -> None:
    """What can be generated."""


@process.command("list", epilog="Example: toymc process list")
@json_option
def list_processes(as_json: bool) -> None:
    """List the processes."""
    from toymc.generators.processes import PROCESSES

    rows = [(name, entry.description) for name, entry in PROCESSES.items()]
    if as_json:
        echo_json({"processes": [{"name": name, "description": text} for name, text in rows]})
    else:
        echo_table(("process", "description"), rows)


@process.command(epilog="Example: toymc process show tau_pair -p signal=e_alpha -p mass=1.0 --json")
@click.argument("name")
@click.option("-p", "pairs", multiple=True, metavar="KEY=VALUE", help="Parameter of the process; repeatable.")
@click.option("--beam", default="belle2", show_default=True, help="Beam card: name or path.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the integration.")
@json_option
def show(name: str, pairs: tuple[str, ...], beam: str, seed: int, as_json: bool) -> None:
    """Show the cross-section and the parameters of process NAME."""
    from toymc.generators.processes import prepare
    from toymc.geometry import load_beam

    prepared = prepare(name, parse_parameters(pairs), load_beam(beam), seed)
    answer = {
        "process": name,
        "description": prepared.description,
        "cross_section_fb": prepared.cross_section_fb,
        "error_fb": prepared.cross_section_error_fb,
        "parameters": dict(prepared.parameters),
        "beam": beam,
    }
    if as_json:
        echo_json(answer)
        return
    click.echo(f"{name}: {prepared.description}")
    click.echo(f"cross-section {prepared.cross_section_fb:.6g} +- {prepared.cross_section_error_fb:.2g} fb")
    echo_table(("parameter", "value"), [(key, str(value)) for key, value in prepared.parameters.items()])
