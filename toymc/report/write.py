"""Writes everything a run leaves behind into one folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toymc.report.hepdata import tables_of, write_submission
from toymc.report.html import render
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A figure with the name of its files and its caption in the report."""

    name: str
    figure: "Figure"
    caption: str


def write_run(
    folder: Path,
    result: StudyResult,
    config: RunConfig,
    *,
    title: str,
    plots: Sequence[Plot] = (),
    workspace: Mapping[str, Any] | None = None,
    reactions: Sequence[str] = (),
) -> None:
    """Write result.json, workspace.json, hepdata/, plots/, report.html and run.toml.

    Use it inside `toymc.io.outputs.run_folder`, so that the folder appears complete or not at all.

    Parameters
    ----------
    folder : Path
        Exists and is empty.
    result : StudyResult
    config : RunConfig
    title : str
        What the study is about, in a line.
    plots : sequence of Plot
    workspace : mapping, optional
        pyhf workspace, where the model is binned.
    reactions : sequence of str
        In HEPData's notation, e.g. "E+ E- --> TAU+ TAU-".

    Raises
    ------
    InputError
        If a number of the result is not finite.
    OSError
        If something cannot be written.
    """
    from toymc.plotting.style import save

    result.write(folder / "result.json")
    resources: dict[Path, tuple[str, str]] = {}
    if workspace is not None:
        file = folder / "workspace.json"
        file.write_text(json.dumps(workspace, allow_nan=False) + "\n", encoding="utf-8")
        resources[file] = ("Statistical model as a pyhf workspace", "HistFactory")
    files = [(save(plot.figure, folder / "plots", plot.name)[0], plot.caption) for plot in plots]
    comment = f"{title}. Simulated with toymc {result.version}; not a measurement."
    write_submission(folder / "hepdata", tables_of(result, reactions), comment, resources)
    (folder / "report.html").write_text(render(result, config, title, files), encoding="utf-8")
    config.write(folder / "run.toml")
