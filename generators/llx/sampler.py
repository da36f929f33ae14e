"""Unweighted sampling of the hard process: maps for the peaks, an adaptive envelope on the cells of each map.

The cross-section is a sum over channels (`toymc.generators.amplitudes.phase_space`), each with its own map of the unit
cube and its own cells. The cells grow as those of the tau decays do (`toymc.generators.tau.sampling`: divide where the
envelope falls most), then all channels learn together: points drawn from the whole envelope raise it wherever a weight
lies above, and the cells that waste most trials then are divided again, at the points that were drawn in them. So a
rare large weight (hard radiation that turns the axis) costs a small cell, not the large one it was found in. The
envelope's integral over a channel is the channel's weight in the draw. One direction of the cells is the harder
radiation of the beams; the softer one and the beam spread are random inside every evaluation.
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
from toymc.generators.tau.tables import CELL_COLUMNS, CORNER, EXTENT, PEAK
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PLANS = {"emission": (256, 160, 0), "initial": (300, 160, 0), "photon": (300, 200, 12), "exchange": (300, 200, 16)}
"""Cells of a channel, points per cell, rounds of further division: boson off the leptons, off the beams too, photon,
photon with t channel. The weights of a massive boson are so even that more cells only cost time in the cache."""
_LEARN = 80_000
_REFINE, _FEWEST, _BINS = 12_000, 100, 8
"""Trials per channel in a round, points that a cell must have to be divided, places in each direction to divide at."""
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
        self.places = points
        return points, rates

    def refine(self, counts: Sequence[int]) -> None:
        """Rounds of so many trials that raise the envelope; after each the cells that waste most are divided.

        All trials are kept: a cell is divided, and its parts get their heights, from every point drawn in it so far.
        """
        points, rates = np.empty((sum(counts), self.dims)), np.empty(sum(counts))
        owner: IntArray = np.empty(sum(counts), dtype=np.int64)
        done = 0
        for count in counts:
            done += count
            chosen, found = self.trials(count)
            np.maximum.at(self.cells[:, PEAK], chosen, found)
            new = slice(done - count, done)
            box = self.cells[chosen]
            points[new] = box[:, CORNER : CORNER + self.dims] + box[:, EXTENT : EXTENT + self.dims] * self.places
            rates[new], owner[new] = found, chosen
            number = np.bincount(owner[:done], minlength=len(self.cells))
            mean = np.bincount(owner[:done], rates[:done], minlength=len(self.cells)) / np.maximum(number, 1)
            volume = np.prod(self.cells[:, EXTENT : EXTENT + self.dims], axis=1)
            waste = np.where(number >= _FEWEST, volume * (self.cells[:, PEAK] - mean), 0.0)
            worst = np.argsort(-waste, kind="stable")[: max(len(waste) // 10, 1)]
            self._divide(worst[waste[worst] > 0.0], points[:done], rates[:done], owner[:done])

    def _divide(self, chosen: IntArray, points: FloatArray, rates: FloatArray, owner: IntArray) -> None:
        """Divide cells at the points in them; the upper parts go to the end, `owner` follows."""
        slot = np.full(len(self.cells), -1, dtype=np.int64)
        slot[chosen] = np.arange(len(chosen))
        profile = np.zeros((len(chosen), self.dims, _BINS))
        _fill_profiles(points, rates, owner, slot, self.cells, profile)
        below = np.maximum.accumulate(profile, axis=2)[:, :, :-1]
        above = np.maximum.accumulate(profile[:, :, ::-1], axis=2)[:, :, -2::-1]
        cuts = np.arange(1, _BINS) / _BINS
        height = (below * cuts + above * (1.0 - cuts)).reshape(len(chosen), -1)
        best = np.argmin(height, axis=1)
        rows = np.arange(len(chosen))
        direction, share = best // (_BINS - 1), cuts[best % (_BINS - 1)]
        upper, extent = self.cells[chosen], self.cells[chosen, EXTENT + direction]
        self.cells[chosen, EXTENT + direction] = share * extent
        self.cells[chosen, PEAK] = below.reshape(len(chosen), -1)[rows, best]
        upper[rows, CORNER + direction] += share * extent
        upper[rows, EXTENT + direction] = (1.0 - share) * extent
        upper[:, PEAK] = above.reshape(len(chosen), -1)[rows, best]
        _move_upper(points, owner, slot, direction, upper[rows, CORNER + direction], len(self.cells))
        self.cells = np.concatenate([self.cells, upper])
        channel = np.concatenate([self.settings.channel, self.settings.channel[chosen]])
        self.settings = self.settings._replace(cells=self.cells, channel=channel)


@kernel
def _fill_profiles(points, rates, owner, slot, cells, profile):
    """Largest rate in each eighth of each direction of the cells with a slot."""
    for i in range(len(points)):
        c = owner[i]
        if slot[c] >= 0:
            for d in range(points.shape[1]):
                b = int((points[i, d] - cells[c, CORNER + d]) / cells[c, EXTENT + d] * _BINS)
                b = min(max(b, 0), _BINS - 1)
                profile[slot[c], d, b] = max(profile[slot[c], d, b], rates[i])


@kernel
def _move_upper(points, owner, slot, direction, cut, first):
    """Points above the cut of their cell now belong to cell first + slot."""
    for i in range(len(points)):
        j = slot[owner[i]]
        if j >= 0 and points[i, direction[j]] >= cut[j]:
            owner[i] = first + j


def adapt(
    settings: HardSettings, channels: Sequence[int], n_cells: int, points: int, rounds: int, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Cells of all channels, and the channel of each.

    Parameters
    ----------
    settings : HardSettings
        Complete but for cells and channel.
    channels : sequence of int
    n_cells, points, rounds : int
        Cells of each channel, points per cell, rounds of further division of all channels together.
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
    if rounds > 0:
        # what the last and largest rounds find is divided as well: nothing is learned after them
        joint.refine((_REFINE * len(parts),) * rounds + (_LEARN * len(parts),) * 2)
    np.maximum(joint.cells[:, PEAK], floor, out=joint.cells[:, PEAK])
    joint.learn(0 if rounds > 0 else _LEARN * len(parts), _SAFETY)
    return joint.cells, joint.settings.channel


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
