"""`toymc model`: widths, lifetimes and branching fractions of the particles that are searched for."""

import math

import click

from toymc.cli.common import Number, echo_json, echo_table, json_option


@click.command(epilog="Example: toymc model higgs_scalar --mass 0.5 --coupling 1e-4")
@click.argument("name")
@click.option("--mass", type=Number(0.0, low_open=True), required=True, help="Mass in GeV.")
@click.option(
    "--coupling", type=Number(0.0, low_open=True), default=1.0, show_default=True,
    help="sin(theta), xi, g', C/Lambda in TeV^-1 or |V|^2, as the model has it.",
)  # fmt: skip
@click.option("--flavour", type=click.Choice(("e", "mu", "tau")), help="Mixing of an hnl; tau if left out.")
@click.option("--dirac", is_flag=True, help="A Dirac hnl; Majorana if left out.")
@json_option
def model(name: str, mass: float, coupling: float, flavour: str | None, dirac: bool, as_json: bool) -> None:
    """Width, lifetime, branching fractions and production of a particle in model NAME.

    NAME: higgs_scalar, leptophilic_scalar, zprime, alp, hnl.
    """
    from toymc.generators.models import MODELS, model_point

    point = model_point(name, mass, coupling, flavour, dirac)
    ctau = point.ctau_cm
    if as_json:
        echo_json(
            {
                "model": name,
                "mass_GeV": mass,
                "coupling": coupling,
                "coupling_is": MODELS[name].coupling,
                "width_GeV": point.width_GeV,
                "ctau_cm": ctau if math.isfinite(ctau) else None,
                "branching_fractions": point.branching_fractions,
                "production": dict(point.production),
                "references": list(point.references),
                "notes": list(point.notes),
            }
        )
        return
    click.echo(f"{name}: {MODELS[name].description}, mass {mass:g} GeV, {MODELS[name].coupling} = {coupling:g}")
    click.echo(f"width {point.width_GeV:.4g} GeV, ctau {ctau:.4g} cm")
    shares = sorted(point.branching_fractions.items(), key=lambda item: -item[1])
    echo_table(("decay", "branching fraction"), [(mode, f"{share:.4g}") for mode, share in shares])
    if point.production:
        echo_table(("production", "branching fraction"), [(k, f"{v:.4g}") for k, v in point.production.items()])
    for line in (*point.references, *point.notes):
        click.echo(f"  {line}")
