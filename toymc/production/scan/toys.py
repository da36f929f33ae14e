"""Toys of a search over mass and lifetime: exact limits where few events are expected, and the look-elsewhere effect.

Exact limits stand beside the asymptotic ones (the published definition) at the reference points: at zero background an
empty window excludes 1.92 events asymptotically and -ln 0.05 = 3.00 exactly (95 %). Where more than ten background
events lie under the peak the two agree, and no toys are thrown.

For the global significance whole scans of background toys are made: every mass and lifetime of the scan of the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.significance import (
    GlobalSignificance,
    ToySummary,
    global_significance,
    scan_toys,
    summarise_toys,
)
from toymc.inference.significance.summary import BLOCK, ScanToys
from toymc.inference.unbinned import toy_limits
from toymc.io.scan_toys import add_toys
from toymc.production.chunks import Chunk, ProgressFactory, map_chunks, plan_chunks
from toymc.production.scan.compute import ChannelRun, ScanRun, nearest_point
from toymc.report.result import Bands, Hypothesis
from toymc.streams import stream

LIMIT_TOYS = 2000
"""Of each ensemble behind a limit: the median to 2-3 %; the edge at -2 sigma rests on two of them."""
FEW_EVENTS = 10.0
"""Background within two sigma of the peak above which toys tell nothing that the asymptotic formulae do not."""
SCAN_TOYS = 256
"""Background toys of a whole scan (0.17 s each with 2400 masses and 18 lifetimes): global p-values down to 0.5 %."""


def with_toy_limits(run: ScanRun, progress: ProgressFactory | None = None) -> ScanRun:
    """The run with `expected_toys` at its reference points with few background events.

    Parameters
    ----------
    run : ScanRun
    progress : callable, optional

    Returns
    -------
    ScanRun
    """
    found: list[Hypothesis] = []
    for name, channel in run.channels.items():
        mine = [h for h in run.result.hypotheses or [] if h.parameters["channel"] == name]
        few = [(h.background or 0.0) < FEW_EVENTS for h in mine]
        points = [_point(channel, h) for h, wanted in zip(mine, few, strict=True) if wanted]
        bands = iter(_limits(channel, points, run, progress))
        found += [
            h.model_copy(update={"expected_toys": next(bands)}) if wanted else h
            for h, wanted in zip(mine, few, strict=True)
        ]
    return replace(run, result=run.result.model_copy(update={"hypotheses": found}))


def _point(channel: ChannelRun, hypothesis: Hypothesis) -> tuple[int, int]:
    p = hypothesis.parameters
    return nearest_point(channel.scan, float(p["mass_GeV"]), float(p["ctau_cm"]))


def _limits(
    channel: ChannelRun, points: list[tuple[int, int]], run: ScanRun, progress: ProgressFactory | None
) -> list[Bands]:
    """Bands from toys at each point, in order; the background of the toys is the expected one, data or not."""
    expected = replace(channel.mass_channel, data=None)

    def task(chunk: Chunk) -> Bands:
        at = points[chunk.index]
        (limit,) = toy_limits(channel.scan, [expected], [at], n_toys=LIMIT_TOYS, seed=run.options.seed)
        return Bands.of([band.value for band in limit.expected])

    notify = None if progress is None else progress(f"toys {channel.channel.name}")
    return list(map_chunks(task, plan_chunks(len(points), 1), run.options.workers, "local", notify)) if points else []


@dataclass(frozen=True, eq=False)
class ScanSignificance:
    """Largest excess of a channel's data.

    Attributes
    ----------
    channel : str
    mass, ctau : float
        GeV and cm.
    found : GlobalSignificance
    """

    channel: str
    mass: float
    ctau: float
    found: GlobalSignificance

    def note(self) -> str:
        """The excess in a sentence."""
        f = self.found
        known = f"{f.p_global:.2g}, from {f.p_global_low:.2g} to {f.p_global_high:.2g}"
        if f.p_global == 0.0:
            known = f"below {f.p_global_high:.2g}"
        return (
            f"{self.channel}: largest excess at {self.mass:.4g} GeV, ctau {self.ctau:g} cm: local p-value "
            f"{f.p_local:.2g} ({f.z_local:.1f} sigma), global {known} "
            f"({f.z_global:.1f} sigma), by {f.toys.n_toys} background toys of the whole scan "
            f"({f.method})."
        )


def stretches(channel: ChannelRun) -> npt.NDArray[np.int64]:
    """Label of the stretch of masses with one displacement cut: each begins with other candidates."""
    selection = np.asarray(channel.mass_channel.selection)
    return np.cumsum(np.abs(np.diff(selection, prepend=selection[:1]))).astype(np.int64)


def _block(draw: ScanToys, seed: int, name: str, chunk: Chunk) -> npt.NDArray[np.float32]:
    return np.asarray(draw(stream(seed, name, "toys", chunk.index), BLOCK), dtype=np.float32)


def _toys(
    run: ScanRun, channel: ChannelRun, n_toys: int, progress: ProgressFactory | None, summaries: list[ToySummary]
) -> Iterator[npt.NDArray[np.float32]]:
    """Blocks of q0 of background toys; what is kept of each goes to `summaries`."""
    scanned, name = channel.scan, channel.channel.name
    draw = scan_toys(scanned.masses, scanned.lifetimes, [channel.mass_channel], scanned.common_error)
    notify = None if progress is None else progress(f"background toys {name}")
    task = partial(_block, draw, run.options.seed, f"scan {name}")
    for block in map_chunks(task, plan_chunks(n_toys // BLOCK, 1), run.options.workers, "local", notify):
        summaries.append(summarise_toys(block, stretches(channel)))
        yield block


def add_significance(
    path: Path, run: ScanRun, n_toys: int = SCAN_TOYS, progress: ProgressFactory | None = None
) -> list[ScanSignificance]:
    """Put background toys into a scan file and tell the local and global p-value of the largest excess of each channel.

    Parameters
    ----------
    path : Path
        Of the scans of this run, with data.
    run : ScanRun
    n_toys : int
        A multiple of 32; a block of 32 is one random stream.
    progress : callable, optional

    Returns
    -------
    list of ScanSignificance

    Raises
    ------
    InputError
        For another number of toys.
    ToymcError
        If the file cannot be written.
    """
    if n_toys < BLOCK or n_toys % BLOCK:
        raise InputError(f"{n_toys} background toys: give a multiple of {BLOCK}")
    summaries: dict[str, list[ToySummary]] = {name: [] for name in run.channels}
    toys = {name: _toys(run, c, n_toys, progress, summaries[name]) for name, c in run.channels.items()}
    add_toys(path, toys, {name: stretches(c) for name, c in run.channels.items()})
    answers = []
    for name, channel in run.channels.items():
        scanned = channel.scan
        total = summaries[name][0]
        for part in summaries[name][1:]:
            total = total + part
        q0 = np.where(scanned.status == 0, scanned.q0, np.nan)
        found = global_significance(q0[:, 0] if scanned.lifetimes.size == 1 else q0, total)
        at = (*(found.index or (0,)), 0)
        answers.append(ScanSignificance(name, float(scanned.masses[at[0]]), float(scanned.lifetimes[at[1]]), found))
    return answers
