"""Compiles half of the kernels in a second process while the first one compiles the other half.

A study on a fresh machine spends most of its first minute in the compiler, which works on one core. A child process
runs a few particles through the detector; meanwhile the parent compiles the generators, and before them what stands
behind the detector if the study needs it: the halves are about equal. Who needs a kernel that the other one is
compiling waits for it (`toymc.compiling.share_work`) and finds it in the cache. Nothing depends on all this but time.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from toymc.compiling import share_work
from toymc.production.chunks import available_cores

_MODULE = "toymc.production.warm"


T = TypeVar("T")


@contextmanager
def warming(limits: bool = False) -> Iterator[None]:
    """Compile in the background for the time of the block, if the cache is cold and there is a second core.

    Parameters
    ----------
    limits : bool
        Whether the block selects 3x1 events and sets limits: compiles that at once, while the child is at the detector.

    Examples
    --------
    >>> with warming():
    ...     pass
    """
    if not _is_cold() or available_cores() < 2:
        yield
        return
    with TemporaryDirectory(prefix="toymc-") as folder:
        child = _start(folder)
        share_work(Path(folder))
        try:
            if limits:
                compile_behind_detector()
            yield
        finally:
            share_work(None)
            child.terminate()
            child.wait()


def _is_cold() -> bool:
    """Whether the detector's kernel has no compiled code on disk."""
    from toymc.detector.stage.block import _simulate

    cache: Any = getattr(_simulate, "_cache", None)
    folder = getattr(cache, "cache_path", None)
    return folder is not None and not any(Path(folder).glob("block._simulate-*.nbi"))


def _start(folder: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", _MODULE, folder]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def compile_detector() -> None:
    """Run four particles and a photon through the detector, so that its kernels are compiled."""
    from toymc.detector import build_detector, simulate
    from toymc.detector.simulate import particle_batch
    from toymc.detector.transport import transport, transport_tables
    from toymc.geometry import load_card
    from toymc.streams import stream

    card = load_card("belle2")
    momenta = np.array([[0.5, 0.1, 1.0], [-0.5, 0.2, 1.0], [0.3, -0.6, 0.5], [-0.2, 0.4, -0.5], [0.5, 0.0, 0.5]])
    batch = particle_batch(np.array([211, -211, 11, -11, 22]), momenta, np.zeros((5, 3)))
    rng = stream(0, "warm", "warmup", 0)
    # the longest first, the other tables may come from the parent
    transport(batch, transport_tables(card), rng)
    simulate(batch, build_detector(card), rng)


def compile_behind_detector() -> None:
    """Make the tables of the track fit, take an event without particles through trigger and selection, fit two bins."""
    from toymc.analysis.histogram import Histogram
    from toymc.analysis.three_by_one import three_by_one
    from toymc.detector.fit_response import fit_tables
    from toymc.detector.simulate import particle_batch
    from toymc.detector.trigger import fire_trigger, trigger_tables
    from toymc.events import Clusters, KlmClusters, Reconstruction, Tracks
    from toymc.geometry import load_card
    from toymc.geometry.beam import load_beam
    from toymc.inference import Channel, HistoSys, Model, NormFactor, Sample, StatError, upper_limit
    from toymc.streams import stream

    card, beam = load_card("belle2"), load_beam("belle2")
    fit_tables(card, False)
    tracks, clusters, one = _no(Tracks), _no(Clusters), np.ones(1)
    bits, probability = fire_trigger(trigger_tables(card), tracks, clusters, stream(0, "warm", "warmup", 1))
    truth = particle_batch(np.array([22]), np.array([[0.5, 0.0, 0.5]]))
    none, first = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int64)
    reco = Reconstruction(tracks, clusters, _no(KlmClusters), truth, none, none, bits, probability, one, first)
    three_by_one(reco, beam.boost, beam.sqrt_s)
    Histogram.of(np.array([0.0, 1.0])).fill(np.array([0.5]))
    signal, two = np.array([1.0, 2.0]), np.array([50.0, 40.0])
    samples = (
        Sample("signal", signal, (NormFactor("mu"), HistoSys("shape", 0.9 * signal, 1.1 * signal))),
        Sample("background", two, (NormFactor("n"), StatError("simulation", 0.05 * two))),
    )
    upper_limit(Model((Channel("channel", samples),), poi="mu"))


def _no(table: type[T]) -> T:
    """A table of one event in which there is nothing."""
    widths = {("Tracks", "cov"): 15, ("Tracks", "pid_uniform"): 4, ("Clusters", "cov"): 3}
    columns: dict[str, Any] = {"offsets": np.zeros(2, dtype=np.int64)}
    for field in fields(table):  # type: ignore[arg-type]
        width = widths.get((table.__name__, field.name))
        kind = np.int32 if "Int32" in str(field.type) or "int32" in str(field.type) else np.float64
        columns.setdefault(field.name, np.empty((0,) if width is None else (0, width), dtype=kind))
    return table(**columns)


if __name__ == "__main__":
    share_work(Path(sys.argv[1]))
    compile_detector()
    compile_behind_detector()
