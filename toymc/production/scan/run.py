"""`toymc study run` for searches over mass and lifetime: the computation and the files it leaves behind."""

import time
from dataclasses import replace
from pathlib import Path

from toymc.io.outputs import run_folder
from toymc.io.scan_file import write_scans
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.scan.compute import compute_scan
from toymc.production.scan.dataset import read_candidates
from toymc.production.scan.figures import comparison, scan_plots
from toymc.production.scan.toys import add_significance, with_toy_limits
from toymc.production.versions import run_versions
from toymc.production.warm import warming
from toymc.report.result import StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import write_run
from toymc.studies.scan_study import ScanStudy


def run_scan_study(
    study: ScanStudy,
    out: str | Path,
    options: RunOptions,
    *,
    points: str = "all",
    data: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> StudyResult:
    """Run a search and write its folder, which appears complete or not at all.

    Parameters
    ----------
    study : ScanStudy
    out : path
    options : RunOptions
    points : str
        ``all`` or ``reference``.
    data : path, optional
        Observed candidates, as ``toymc dataset`` writes them.
    progress : callable, optional

    Returns
    -------
    StudyResult

    Raises
    ------
    ToymcError
        If the folder cannot be written or an option is not allowed.
    """
    observed = None if data is None else read_candidates(data, study)
    if observed is not None and options.luminosity_fb is None:
        options = replace(options, luminosity_fb=observed.luminosity_fb)
    with run_folder(out, study.name) as folder, warming():
        run = compute_scan(study, options, points, None if observed is None else observed.masses, progress)
        config = RunConfig(
            study=study.name,
            options={
                "luminosity": run.result.luminosity_fb,
                "seed": options.seed,
                "scale": options.scale,
                "systematics": options.systematics,
                "points": points,
                "data": None if data is None else str(data),
            },
            versions=run_versions(run.result.pdg_edition),
            details={"detector": study.card},
        )
        write_scans(folder / "scan.h5", {name: c.scan for name, c in run.channels.items()}, study.limit_on)
        begin = time.perf_counter()
        run = with_toy_limits(run, progress)
        # a few reference masses are no scan: no look-elsewhere effect to speak of
        found = (
            [] if observed is None or points != "all" else add_significance(folder / "scan.h5", run, progress=progress)
        )
        update = {
            "notes": [*(run.result.notes or []), *comparison(run), *(excess.note() for excess in found)],
            "timing": {**(run.result.timing or {}), "toys_s": time.perf_counter() - begin},
        }
        run = replace(run, result=run.result.model_copy(update=update))
        write_run(
            folder, run.result, config, title=study.title, plots=scan_plots(run), reactions=study.reactions
        )  # fmt: skip
    return run.result
