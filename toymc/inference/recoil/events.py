"""Weighted events of recoil searches, their resolution, and signals between the masses that were generated.

Resolution: half the central 68.3 % interval of M2_recoil - M^2, and of (M2_recoil - M^2)/(2M) for the mass, weighted.
At low masses the second is wide because dM = dM2/2M diverges; templates are therefore binned in M2.

Between generated masses a signal is made from both neighbours: every event of the sample at M_a keeps its pull,
M2' = M^2 + (M2 - M_a^2) s(M)/s(M_a), and its angle, and counts with the weight of linear interpolation in M^2; the
resolution s is interpolated in ln s over M^2, the efficiency (sum of weights) linearly. Kinematic edges (recoil angle
against mass) move slowly from one sample to the next and are averaged. The form is that of horizontal interpolation of
A. Read, NIM A 425 (1999) 357, for a peak known by its width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]

_CENTRAL = 0.683


@dataclass(frozen=True, eq=False)
class RecoilEvents:
    """Events as arrays, float64 (n,).

    Attributes
    ----------
    m2 : M2_recoil in GeV^2, may be negative (resolution).
    theta : polar angle of the recoil momentum, rad.
    weight : expected events each stands for; 1 if not given.

    Raises
    ------
    InputError
        For arrays of different length or values that are not finite, with their position.

    Examples
    --------
    >>> RecoilEvents([1.0, 4.0], [0.5, 2.0]).weight
    array([1., 1.])
    """

    m2: FloatArray
    theta: FloatArray
    weight: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        m2 = np.ascontiguousarray(self.m2, dtype=np.float64)
        given = np.asarray(self.weight, dtype=np.float64)
        arrays = {
            "m2": m2,
            "theta": np.ascontiguousarray(self.theta, dtype=np.float64),
            "weight": np.ascontiguousarray(given) if given.size or not m2.size else np.ones(m2.shape),
        }
        for name, array in arrays.items():
            if array.ndim != 1 or array.size != m2.size:
                raise InputError(f"recoil events: {name} has shape {array.shape}, m2 has {m2.shape}")
            bad = np.flatnonzero(~np.isfinite(array))
            if bad.size:
                raise InputError(f"recoil events: {name}[{bad[0]}] is {array[bad[0]]:g}; it must be finite")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return int(self.m2.size)


@dataclass(frozen=True, eq=False)
class Source:
    """One process: its events, and what may be different about them.

    Attributes
    ----------
    name : str
    events : RecoilEvents
        Weighted to the luminosity of the search (backgrounds), or to a signal strength of 1.
    variations : mapping of str to (RecoilEvents, RecoilEvents)
        Events at -1 and +1 sigma of a named uncertainty: other weights, or other values (a wider resolution).
    scales : mapping of str to (float, float)
        Factors on the yield at -1 and +1 sigma.
    free : bool
        Whether the yield floats freely ("level from data"), as for an unmodelled background.
    """

    name: str
    events: RecoilEvents
    variations: Mapping[str, tuple[RecoilEvents, RecoilEvents]] = field(default_factory=dict)
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    free: bool = False

    def __post_init__(self) -> None:
        both = sorted(set(self.variations) & set(self.scales))
        if both:
            raise InputError(f"source '{self.name}': '{both[0]}' is a variation and a scale; give it once")


def squared_resolution(events: RecoilEvents, mass: float) -> float:
    """Half the central 68.3 % interval of M2_recoil, GeV^2.

    Raises
    ------
    InputError
        With fewer than ten events of positive weight, or a mass that is not positive.

    Examples
    --------
    >>> round(squared_resolution(RecoilEvents(np.linspace(0.0, 2.0, 1001), np.ones(1001)), 1.0), 2)
    0.68
    """
    if not (math.isfinite(mass) and mass > 0.0):
        raise InputError(f"recoil resolution at a mass of {mass:g} GeV: it must be positive")
    keep = events.weight > 0.0
    if int(keep.sum()) < 10:
        raise InputError(f"recoil resolution at {mass:g} GeV: {int(keep.sum())} events; give at least 10")
    order = np.argsort(events.m2[keep])
    x, w = events.m2[keep][order], events.weight[keep][order]
    # each event at the middle of its share of the weight
    share = (np.cumsum(w) - 0.5 * w) / w.sum()
    low, high = np.interp([0.5 * (1.0 - _CENTRAL), 0.5 * (1.0 + _CENTRAL)], share, x)
    return float(0.5 * (high - low))


def recoil_resolution(events: RecoilEvents, mass: float) -> float:
    """`resolution_GeV` of a recoil search: half the central 68.3 % interval of (M2_recoil - M^2)/(2M).

    Examples
    --------
    >>> round(recoil_resolution(RecoilEvents(np.linspace(15.0, 17.0, 1001), np.ones(1001)), 4.0), 3)
    0.085
    """
    return squared_resolution(events, mass) / (2.0 * mass)


class SignalSamples:
    """Signals at generated masses, and anything in between.

    Parameters
    ----------
    masses : sequence of float
        Generated masses, GeV, rising.
    sources : sequence of Source
        One per mass, with the same names of variations and scales.

    Raises
    ------
    InputError
        For masses that do not rise or sources that do not match.

    Examples
    --------
    >>> pull = np.linspace(-3.0, 3.0, 601)
    >>> samples = [Source("zprime", RecoilEvents(m * m + 0.1 * pull, 1.0 + 0.0 * pull)) for m in (1.0, 1.2)]
    >>> between = SignalSamples([1.0, 1.2], samples).at(1.1)
    >>> round(float(np.average(between.events.m2, weights=between.events.weight)), 3)
    1.21
    """

    def __init__(self, masses: Sequence[float], sources: Sequence[Source]) -> None:
        grid = np.asarray(masses, dtype=np.float64)
        if grid.ndim != 1 or grid.size != len(sources) or not grid.size:
            raise InputError(f"{grid.size} masses for {len(sources)} signal samples: give one sample per mass")
        if np.any(grid <= 0.0) or np.any(np.diff(grid) <= 0.0) or not np.all(np.isfinite(grid)):
            raise InputError(f"signal masses {grid.tolist()}: give positive numbers in rising order")
        for mass, source in zip(grid, sources, strict=True):
            for what in ("variations", "scales"):
                if set(getattr(source, what)) != set(getattr(sources[0], what)):
                    names = sorted(getattr(source, what)), sorted(getattr(sources[0], what))
                    raise InputError(f"signal at {mass:g} GeV: {what} {names[0]}, at {grid[0]:g} GeV {names[1]}")
        self.masses, self.sources = grid, tuple(sources)
        self._widths = np.array([squared_resolution(s.events, float(m)) for m, s in zip(grid, sources, strict=True)])

    def squared_resolution(self, mass: float) -> float:
        """s(M) in GeV^2, straight in ln s over M^2 between the generated masses."""
        self._check(mass)
        return float(np.exp(np.interp(mass**2, self.masses**2, np.log(self._widths))))

    def at(self, mass: float) -> Source:
        """The signal at any mass between the first and the last generated one.

        Raises
        ------
        InputError
            For a mass outside.
        """
        self._check(mass)
        right = int(np.searchsorted(self.masses, mass))
        if self.masses[min(right, self.masses.size - 1)] == mass:
            return self.sources[right]
        left = right - 1
        fraction = (mass**2 - self.masses[left] ** 2) / (self.masses[right] ** 2 - self.masses[left] ** 2)
        parts = ((left, 1.0 - fraction), (right, fraction))
        first = self.sources[left]
        variations = {}
        for name in first.variations:
            lo, hi = (
                self._moved([(k, f, self.sources[k].variations[name][side]) for k, f in parts], mass) for side in (0, 1)
            )
            variations[name] = (lo, hi)
        scales = {
            name: (
                sum(f * self.sources[k].scales[name][0] for k, f in parts),
                sum(f * self.sources[k].scales[name][1] for k, f in parts),
            )
            for name in first.scales
        }
        events = self._moved([(k, f, self.sources[k].events) for k, f in parts], mass)
        return Source(first.name, events, variations, scales, first.free)

    def _moved(self, parts: Sequence[tuple[int, float, RecoilEvents]], mass: float) -> RecoilEvents:
        width = self.squared_resolution(mass)
        m2 = [mass**2 + (e.m2 - self.masses[k] ** 2) * (width / self._widths[k]) for k, _, e in parts]
        theta = [e.theta for _, _, e in parts]
        weight = [f * e.weight for _, f, e in parts]
        return RecoilEvents(np.concatenate(m2), np.concatenate(theta), np.concatenate(weight))

    def _check(self, mass: float) -> None:
        low, high = self.masses[0], self.masses[-1]
        if not low <= mass <= high:
            raise InputError(f"signal mass {mass:g} GeV: samples reach from {low:g} to {high:g} GeV")
