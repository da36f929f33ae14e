"""Compiles half of the kernels in a second process while the first one compiles the other half.

A study on a fresh machine spends most of its first minute in the compiler, which works on one core. The generators are
first in the chain and the larger half; meanwhile a child process runs a few particles through detector, analysis and
inference, whose compiled code the parent then finds in the cache. Nothing depends on it but time.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from toymc.production.chunks import available_cores

_MODULE = "toymc.production.warm"


@contextmanager
def warming() -> Iterator[None]:
    """Compile in the background for the time of the block, if the cache is cold and there is a second core.

    Examples
    --------
    >>> with warming():
    ...     pass
    """
    child = _start() if _is_cold() and available_cores() > 1 else None
    try:
        yield
    finally:
        if child is not None:
            child.terminate()
            child.wait()


def _is_cold() -> bool:
    """Whether the detector's kernel has no compiled code on disk."""
    from toymc.detector.stage.block import _simulate

    cache: Any = getattr(_simulate, "_cache", None)
    folder = getattr(cache, "cache_path", None)
    return folder is not None and not any(Path(folder).glob("block._simulate-*.nbi"))


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def compile_rooms() -> None:
    """Run four particles and a photon through detector, analysis and inference, so that their kernels are compiled."""
    from toymc.analysis.histogram import Histogram
    from toymc.analysis.three_by_one import three_by_one
    from toymc.detector import build_detector, simulate
    from toymc.detector.simulate import particle_batch
    from toymc.geometry import load_card
    from toymc.geometry.beam import load_beam
    from toymc.inference import Channel, HistoSys, Model, NormFactor, Sample, StatError, upper_limit
    from toymc.streams import stream

    one, two = np.array([1.0, 2.0]), np.array([50.0, 40.0])
    signal = Sample("signal", one, (NormFactor("mu"), HistoSys("shape", 0.9 * one, 1.1 * one)))
    background = Sample("background", two, (NormFactor("n"), StatError("simulation", 0.05 * two)))
    upper_limit(Model((Channel("channel", (signal, background)),), poi="mu"))
    beam, detector = load_beam("belle2"), build_detector(load_card("belle2"))
    momenta = np.array([[0.5, 0.1, 1.0], [-0.5, 0.2, 1.0], [0.3, -0.6, 0.5], [-0.2, 0.4, -0.5], [0.5, 0.0, 0.5]])
    batch = particle_batch(np.array([211, -211, 11, -11, 22]), momenta, np.zeros((5, 3)))
    reco = simulate(batch, detector, stream(0, "warm", "warmup", 0))
    three_by_one(reco, beam.boost, beam.sqrt_s)
    Histogram.of(np.array([0.0, 1.0])).fill(np.array([0.5]))


if __name__ == "__main__":
    compile_rooms()
