"""`toymc cite`: what a run should cite, as BibTeX."""

from pathlib import Path

import click

from toymc.cli.common import echo_json, json_option


@click.command(epilog="Example: toymc cite tau_l_alpha --out tau_l_alpha.bib")
@click.argument("run", metavar="RUN")
@click.option("--out", metavar="FILE.bib", help="Write the entries there; to standard output if not given.")
@json_option
def cite(run: str, out: str | None, as_json: bool) -> None:
    """BibTeX of every publication, model, card, method and library that entered the run in folder RUN."""
    from toymc.errors import InputError
    from toymc.io.outputs import atomic_file, check_file
    from toymc.report.citations import bibtex_text, run_citations

    if not Path(run).is_dir():
        raise InputError(f"cannot read {run}: give the folder of a run of toymc study")
    if out is not None:
        check_file(out)
    citations = run_citations(run)
    text = bibtex_text(citations, f"toymc cite: {len(citations)} entries for the run in {Path(run).resolve().name}")
    if out is not None:
        with atomic_file(out) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if as_json:
        echo_json({"run": run, "entries": [citation.to_dict() for citation in citations]})
    elif out is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"{len(citations)} entries: {out}")
