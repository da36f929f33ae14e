"""Adaptive envelopes of the two-photon and the annihilation part, and the cross-section from their trials."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.generators.llx.layout import HardSettings, hard_scratch
from toymc.generators.llx.sampler import Integral
from toymc.generators.tau.sampling import Envelope
from toymc.generators.tau.tables import EXTENT, PEAK
from toymc.generators.two_photon.annihilation import _probe_annihilation
from toymc.generators.two_photon.hard import _probe_two_photon
from toymc.generators.two_photon.layout import DIMENSIONS, TwoPhotonSettings, scratch

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LEARN = 200_000
_SAFETY = 1.02
_CHUNK = 50_000
_FLOOR = 0.02
_RATIOS = 60_000
_EXCESS = 1e-4


class TwoPhotonEnvelope(Envelope):
    """Envelope of the two-photon part while it is built or measured."""

    def __init__(self, settings: TwoPhotonSettings, rng: np.random.Generator) -> None:
        self.settings, self.scratch, self.rng = settings, scratch(), rng
        self.cells, self.dims = settings.cells, DIMENSIONS

    def probe(self, chosen: IntArray) -> tuple[FloatArray, FloatArray]:
        """Random points in the chosen cells: places (n, dims) within the cell, weights (n,)."""
        points, rates = np.empty((len(chosen), self.dims)), np.empty(len(chosen))
        _probe_two_photon(self.rng, self.settings, self.scratch, np.ascontiguousarray(chosen), points, rates)
        return points, rates


class AnnihilationEnvelope(Envelope):
    """Envelope of the annihilation part; `limits`: mass of the virtual photon, smallest mass^2 of l+l-, share."""

    def __init__(
        self, settings: HardSettings, limits: tuple[float, float, float, float], rng: np.random.Generator
    ) -> None:
        self.settings, self.limits, self.scratch, self.rng = settings, limits, hard_scratch(), rng
        self.cells, self.dims = settings.cells, DIMENSIONS

    def probe(self, chosen: IntArray) -> tuple[FloatArray, FloatArray]:
        """Random points in the chosen cells: places (n, dims) within the cell, weights (n,)."""
        points, rates = np.empty((len(chosen), self.dims)), np.empty(len(chosen))
        _probe_annihilation(
            self.rng, self.settings, self.scratch, *self.limits, np.ascontiguousarray(chosen), points, rates
        )
        return points, rates


def finish(envelope: Envelope) -> None:
    """Floor under the cells, learning passes, alias table.

    Raises
    ------
    InputError
        If the envelope is empty.
    """
    cells = envelope.cells
    if not envelope.integrals().sum() > 0.0:
        raise InputError("no phase space is left: lower w_min or raise q2_max")
    volume = np.prod(cells[:, EXTENT : EXTENT + envelope.dims], axis=1)
    # cells in which little was found stay in the draw
    np.maximum(cells[:, PEAK], _FLOOR * float(np.average(cells[:, PEAK], weights=volume)), out=cells[:, PEAK])
    envelope.learn(_LEARN, _SAFETY)


def measure(envelope: Envelope, precision: float = 1e-3, most: int = 1_000_000) -> Integral:
    """Cross-section in fb from trials of a finished envelope, until its relative error is below `precision`.

    Returns
    -------
    Integral
        With efficiency, trials above the envelope and the share of the cross-section that lies above.
    """
    scale = float(envelope.integrals().sum())
    n, total, square, kept, excess, above, largest = 0, 0.0, 0.0, 0.0, 0.0, 0, 0.0
    mean = error = 0.0
    while n < most:
        chosen, rates = envelope.trials(_CHUNK)
        ratio = rates / envelope.cells[chosen, PEAK]
        n += _CHUNK
        over = ratio > 1.0
        total += float(ratio.sum())
        square += float((ratio**2).sum())
        kept += float(np.minimum(ratio, 1.0).sum())
        above += int(over.sum())
        excess += float((ratio[over] - 1.0).sum())
        largest = max(largest, float(ratio.max()))
        mean = total / n
        error = float(np.sqrt(max(square / n - mean * mean, 0.0) / n))
        if n >= 4 * _CHUNK and error < precision * mean:
            break
    return Integral(mean * scale, error * scale, kept / n, above, n, excess / total, largest, {})


def completed(base: Integral, probe: Callable[[int], FloatArray], n_ratios: int = _RATIOS) -> tuple[Integral, float]:
    """Multiply a part by the mean of the ratio of the complete tree (`complete`).

    Parameters
    ----------
    base : Integral
        Of the part alone.
    probe : callable
        Ratios of n unweighted events of the part alone.
    n_ratios : int
        Events for the ceiling, and again for the mean.

    Returns
    -------
    integral : Integral
        Excess and largest ratio are those of the worse of both steps and of their product.
    ceiling : float
        R_max: leaves 10^-4 of the first events' sum above it. A few events in 10^5 have twice the ratio of all others.
    """
    ordered = np.sort(probe(n_ratios))[::-1]
    # sum of (R - c) over the k events above c = their k-th value
    above = np.cumsum(ordered) - np.arange(1, n_ratios + 1) * ordered
    ceiling = float(ordered[max(0, int(np.searchsorted(above, _EXCESS * ordered.sum())) - 1)])
    ratios = probe(n_ratios)
    mean, spread = float(ratios.mean()), float(ratios.std())
    kept = float(np.minimum(ratios, ceiling).mean())
    value = base.value * mean
    error = float(np.hypot(base.error * mean, base.value * spread / np.sqrt(n_ratios)))
    return (
        Integral(
            value,
            error,
            base.efficiency * kept / ceiling,
            base.overflow_count + int(np.count_nonzero(ratios > ceiling)),
            base.trials + n_ratios,
            base.overflow_excess + (mean - kept) / mean,
            max(base.largest_ratio, float(ratios.max()) / ceiling),
            {},
        ),
        ceiling,
    )
