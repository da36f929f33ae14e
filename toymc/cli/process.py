"""`toymc process`: what can be generated."""

import click

from toymc.cli.common import echo_json, echo_table, json_option, parse_parameters


@click.group(epilog="Example: toymc process show tau_pair -p signal=e_alpha -p mass=1.0")
def process() -> None:
    """What can be generated."""


@process.command("list", epilog="Example: toymc process list")
@json_option
def list_processes(as_json: bool) -> None:
    """List the processes."""
    from toymc.generators.processes import list_processes as table

    rows = table()
    if as_json:
        echo_json({"processes": rows})
    else:
        echo_table(("process", "description"), [(row["name"], row["description"]) for row in rows])


@process.command(epilog="Example: toymc process show tau_pair -p signal=e_alpha -p mass=1.0 --json")
@click.argument("name")
@click.option("-p", "pairs", multiple=True, metavar="KEY=VALUE", help="Parameter of the process; repeatable.")
@click.option("--beam", default="belle2", show_default=True, help="Beam card: name or path.")
@json_option
def show(name: str, pairs: tuple[str, ...], beam: str, as_json: bool) -> None:
    """Show the cross-section and the parameters of process NAME."""
    from toymc.generators.processes import show_process
    from toymc.geometry.beam import load_beam

    answer = show_process(name, parse_parameters(pairs), load_beam(beam))
    if as_json:
        echo_json({**answer, "beam": beam})
        return
    click.echo(f"{name}: {answer['description']}")
    click.echo(f"cross-section {answer['cross_section_fb']:.6g} +- {answer['error_fb']:.2g} fb, beam {beam}")
    info = answer["info"]
    assert isinstance(info, dict)
    for key, value in info.items():
        click.echo(
            f"{key.replace('_', ' ')}: {value:.6g}" if isinstance(value, float) else f"{key.replace('_', ' ')}: {value}"
        )
    parameters, allowed = answer["parameters"], answer["allowed"]
    assert isinstance(parameters, dict) and isinstance(allowed, dict)
    rows = [(key, str(value), str(allowed[key]["allowed"]), allowed[key]["help"]) for key, value in parameters.items()]
    echo_table(("parameter", "value", "allowed", "meaning"), rows)
