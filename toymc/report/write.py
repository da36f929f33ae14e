"""Writes everything a run leaves behind into one folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toymc.report.hepdata import tables_of, write_submission
from toymc.report.html import render
from toymc.report.plot import Plot, diagnostic_figures
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig

__all__ = ["Plot", "write_run"]

# What a run may have put into its folder before, and what HEPData calls it
_ATTACHED = {"scan.h5": ("All hypotheses of the scan: limits with bands, fits and p-values (HDF5)", "HDF5")}


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

    Diagnostics of the result get their figures here.

    Use it inside `toymc.io.outputs.run_folder`, so that the folder appears complete or not at all.

    Parameters
    ----------
    folder : Path
        Exists; a ``scan.h5`` in it is attached to the submission.
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
    resources |= {folder / name: words for name, words in _ATTACHED.items() if (folder / name).is_file()}
    looked_at = diagnostic_figures(result.diagnostics or [], result.limit_on or "", result.luminosity_fb)
    files = [(save(plot.figure, folder / "plots", plot.name)[0], plot.caption) for plot in (*plots, *looked_at)]
    comment = f"{title}. Simulated with toymc {result.version}; not a measurement."
    write_submission(folder / "hepdata", tables_of(result, reactions), comment, resources)
    (folder / "report.html").write_text(render(result, config, title, files), encoding="utf-8")
    config.write(folder / "run.toml")
