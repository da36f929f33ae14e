"""Unweighted sampling of the hard process: maps for the peaks, an adaptive envelope on the cells of each map.

The cross-section is a sum over channels (`toymc.generators.amplitudes.phase_space`), each with its own map of the unit
cube and its own cells. The cells grow as those of the tau decays do (`toymc.generators.tau.sampling`: divide where the
envelope falls most), then all channels learn together: points drawn from the whole envelope raise it wherever a weight
lies above. The envelope's integral over a channel is the channel's weight in the draw. One direction of the cells is
the harder radiation of the beams; the softer one and the beam spread are random inside every evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.generators.amplitudes.phase_space import CHANNEL_NAMES, INITIAL
from toymc.generators.llx.hard import _probe_hard
from toymc.generators.llx.layout import DIMENSIONS, HardScratch, HardSettings, hard_scratch
from toymc.generators.tau.sampling import Envelope
from toymc.generators.tau.tables import CELL_COLUMNS, EXTENT, PEAK

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PLANS = {"emission": (256, 160), "initial": (300, 160), "photon": (800, 250), "exchange": (800, 200)}
"""Cells of a channel, and points per cell: boson off the leptons, off the beams too, photon, photon with t channel."""
_LEARN = 80_000
_SAFETY = 1.02
_FLOOR = 0.03
_CHUNK = 50_000


@dataclass(frozen=True)
class Integral:
    """Cross-section in fb with its statistical error, and how well the envelope fits.

    Attributes
    ----------
    value, error : float
        fb.
    efficiency : float
        Share of the trials that are kept.
    overflow_count, trials : int
        Trials above the envelope, and all, in a run of its own random numbers.
    overflow_excess : float
        Share of the cross-section that lies above the envelope and cannot be kept.
    largest_ratio : float
        Largest weight over envelope.
    channels : dict
        Share of each channel in the cross-section.
    """

    value: float
    error: float
    efficiency: float
    overflow_count: int
    trials: int
    overflow_excess: float
    largest_ratio: float
    channels: dict[str, float]


class HardEnvelope(Envelope):
    """The piecewise constant envelope over cells of one or several channels while it is built or measured."""

    def __init__(self, settings: HardSettings, scratch: HardScratch, rng: np.random.Generator) -> None:
        self.settings, self.scratch, self.rng = settings, scratch, rng
        self.cells, self.dims = settings.cells, DIMENSIONS

    def probe(self, chosen: IntArray) -> tuple[FloatArray, FloatArray]:
        """Random points in the chosen cells: places (n, dims) within the cell, weights (n,)."""
        points, rates = np.empty((len(chosen), self.dims)), np.empty(len(chosen))
        _probe_hard(self.rng, self.settings, self.scratch, np.ascontiguousarray(chosen), points, rates)
        return points, rates


def adapt(
    settings: HardSettings, channels: Sequence[int], n_cells: int, points: int, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Cells of all channels, and the channel of each.

    Parameters
    ----------
    settings : HardSettings
        Complete but for cells and channel.
    channels : sequence of int
    n_cells, points : int
        Cells of each channel, points per cell.
    rng : numpy.random.Generator

    Returns
    -------
    cells : float64 (n, CELL_COLUMNS)
    channel : int64 (n,)
    """
    scratch = hard_scratch()
    parts, owners = [], []
    for channel in channels:
        cells = np.zeros((n_cells, CELL_COLUMNS))
        own = np.full(n_cells, channel, dtype=np.int64)
        envelope = HardEnvelope(settings._replace(cells=cells, channel=own), scratch, rng)
        envelope.grow(points)
        # a channel that is closed has no weight anywhere
        if envelope.integrals().sum() > 0.0:
            parts.append(cells)
            owners.append(own)
    if not parts:
        raise InputError("no phase space is left: lower the mass of the boson or the cuts")
    cells, channel_of = np.concatenate(parts), np.concatenate(owners)
    joint = HardEnvelope(settings._replace(cells=cells, channel=channel_of), scratch, rng)
    # cells in which nothing was found stay in the draw: a share of the mean height, which caps what is above
    floor = _FLOOR * float(np.average(cells[:, PEAK], weights=np.prod(cells[:, EXTENT : EXTENT + DIMENSIONS], axis=1)))
    np.maximum(cells[:, PEAK], floor, out=cells[:, PEAK])
    joint.learn(_LEARN * len(parts), _SAFETY)
    return cells, channel_of


def integrate(
    settings: HardSettings, rng: np.random.Generator, precision: float = 1e-3, most: int = 1_000_000
) -> Integral:
    """Cross-section from trials of the envelope, until the relative error is below `precision`.

    Parameters
    ----------
    settings : HardSettings
    rng : numpy.random.Generator
    precision : float
    most : int
        Trials at most.

    Returns
    -------
    Integral
    """
    envelope = HardEnvelope(settings, hard_scratch(), rng)
    norm = envelope.integrals()
    scale = float(norm.sum())
    shares = np.zeros(len(CHANNEL_NAMES))
    n, total, square, kept, excess, above, largest = 0, 0.0, 0.0, 0.0, 0.0, 0, 0.0
    while n < most:
        chosen, rates = envelope.trials(_CHUNK)
        ratio = rates / settings.cells[chosen, PEAK]
        n += _CHUNK
        total += float(ratio.sum())
        shares += np.bincount(settings.channel[chosen], ratio, len(CHANNEL_NAMES))
        square += float((ratio**2).sum())
        kept += float(np.minimum(ratio, 1.0).sum())
        over = ratio > 1.0
        above += int(over.sum())
        excess += float((ratio[over] - 1.0).sum())
        largest = max(largest, float(ratio.max()))
        mean = total / n
        error = np.sqrt(max(square / n - mean * mean, 0.0) / n)
        if n >= 4 * _CHUNK and error < precision * mean:
            break
    found = {CHANNEL_NAMES[c]: float(share) for c, share in enumerate(shares / total) if share > 0.0}
    return Integral(mean * scale, float(error) * scale, kept / n, above, n, excess / total, largest, found)


def energy_channels(full: bool, exchange: bool) -> tuple[int, ...]:
    """Channels that a process needs.

    Examples
    --------
    >>> energy_channels(False, False), energy_channels(True, False)
    ((0,), (0, 1))
    """
    if exchange:
        return tuple(range(INITIAL, len(CHANNEL_NAMES)))
    return (0, INITIAL) if full else (0,)
