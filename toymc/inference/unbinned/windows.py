"""Where to fit: reduced mass, grid of mass hypotheses, windows around them, expected background densities.

The reduced mass M_red = sqrt(M^2 - 4 m^2) starts at zero at threshold, where the mass itself would pile up
(arXiv:2306.02830). The grid of hypotheses has steps of sigma/2, a window is +- 20 sigma, cut at the ends of the range.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.analysis.b_candidates.reduced_mass import reduced_mass
from toymc.errors import InputError

__all__ = ["Density", "Window", "mass_grid", "reduced_mass", "windows"]

FloatArray = npt.NDArray[np.float64]

_MAX_HYPOTHESES = 1_000_000


def mass_grid(low: float, high: float, sigma: Callable[[float], float], step: float = 0.5) -> FloatArray:
    """Mass hypotheses from `low` to `high` in steps of `step` x sigma(mass).

    Parameters
    ----------
    low, high : float
        Ends, GeV; the last hypothesis lies within a step of `high`.
    sigma : callable
        Resolution at a mass, GeV.
    step : float
        In units of sigma.

    Raises
    ------
    InputError
        For ends in the wrong order, a resolution that is not positive (with its mass), or more than a million steps.

    Examples
    --------
    >>> mass_grid(1.0, 1.01, lambda m: 0.004).round(4).tolist()
    [1.0, 1.002, 1.004, 1.006, 1.008, 1.01]
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"mass grid from {low:g} to {high:g} GeV; give two ends in ascending order")
    if not (math.isfinite(step) and step > 0.0):
        raise InputError(f"mass grid: step = {step:g} sigma; it must be positive")
    masses = [float(low)]
    while True:
        width = float(sigma(masses[-1]))
        if not (math.isfinite(width) and width > 0.0):
            raise InputError(f"mass grid: sigma = {width:g} at {masses[-1]:g} GeV; it must be positive")
        following = masses[-1] + step * width
        if following > high * (1.0 + 1e-12):
            return np.array(masses)
        if len(masses) == _MAX_HYPOTHESES:
            raise InputError(
                f"mass grid: more than {_MAX_HYPOTHESES} hypotheses up to {following:g} GeV; widen the step"
            )
        masses.append(following)


@dataclass(frozen=True)
class Window:
    """Fit windows of the hypotheses.

    Attributes
    ----------
    low, high : float64 (...,)
        Ends, GeV; one per mass (and lifetime), or one for all.
    holes : tuple of (low, high)
        Vetoed intervals: events in them do not count and all shapes are normalised outside them.
    """

    low: FloatArray
    high: FloatArray
    holes: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        low, high = np.broadcast_arrays(np.asarray(self.low, np.float64), np.asarray(self.high, np.float64))
        bad = np.argwhere(~(np.isfinite(low) & np.isfinite(high) & (low < high)))
        if len(bad):
            at = tuple(bad[0])
            raise InputError(f"window from {low[at]:g} to {high[at]:g} GeV; give two finite ends in ascending order")
        object.__setattr__(self, "low", np.array(low))
        object.__setattr__(self, "high", np.array(high))
        holes = tuple(sorted((float(a), float(b)) for a, b in self.holes))
        for k, (a, b) in enumerate(holes):
            if not (math.isfinite(a) and math.isfinite(b) and a < b) or (k and a < holes[k - 1][1]):
                raise InputError(f"window: hole from {a:g} to {b:g} GeV; give ascending ends without overlap")
        object.__setattr__(self, "holes", holes)


def windows(
    mean: npt.ArrayLike,
    sigma: npt.ArrayLike,
    limits: tuple[float, float],
    half_width: float = 20.0,
    holes: tuple[tuple[float, float], ...] = (),
) -> Window:
    """Windows of +- `half_width` sigma about each mean, cut at `limits`.

    Parameters
    ----------
    mean, sigma : float or float64 (...,)
        GeV.
    limits : (float, float)
        Range of the data, GeV.
    half_width : float
        In sigma. Twenty leave a sideband thirteen times as wide as the peak (+- 3 sigma).
    holes : tuple of (low, high)
        Vetoed intervals, GeV.

    Raises
    ------
    InputError
        For a mean outside the limits or a sigma that is not positive, with its value.

    Examples
    --------
    >>> window = windows([0.05, 1.0], 0.005, (0.0, 4.8))
    >>> window.low.round(3).tolist(), window.high.round(3).tolist()
    ([0.0, 0.9], [0.15, 1.1])
    """
    m, s = np.broadcast_arrays(np.asarray(mean, np.float64), np.asarray(sigma, np.float64))
    for name, array, good, allowed in (
        ("mass", m, (m >= limits[0]) & (m <= limits[1]), f"between {limits[0]:g} and {limits[1]:g} GeV"),
        ("sigma", s, np.isfinite(s) & (s > 0.0), "finite and positive"),
    ):
        bad = np.argwhere(~good)
        if len(bad):
            raise InputError(f"windows: {name} = {array[tuple(bad[0])]:g} GeV; it must be {allowed}")
    if not (math.isfinite(half_width) and half_width >= 3.0):
        raise InputError(f"windows: half width = {half_width:g} sigma; it must be 3 or more")
    return Window(np.maximum(m - half_width * s, limits[0]), np.minimum(m + half_width * s, limits[1]), holes)


@dataclass(frozen=True)
class Density:
    """Expected background, a continuous function of the mass: straight lines between points.

    Attributes
    ----------
    x : float64 (n,)
        Points, GeV, ascending.
    per_gev : float64 (n,)
        Expected events per GeV at the points; zero outside.
    """

    x: FloatArray
    per_gev: FloatArray

    def __post_init__(self) -> None:
        x, y = np.asarray(self.x, dtype=np.float64), np.asarray(self.per_gev, dtype=np.float64)
        if x.ndim != 1 or x.size < 2 or y.shape != x.shape or not np.all(np.diff(x) > 0.0):
            raise InputError(f"background density: {x.size} points, {y.size} values; give two or more ascending points")
        bad = np.flatnonzero(~(np.isfinite(y) & (y >= 0.0)))
        if len(bad):
            at = bad[0]
            raise InputError(f"background density = {y[at]:g} per GeV at {x[at]:g} GeV; it must not be negative")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "per_gev", y)

    def events(self, low: float, high: float) -> float:
        """Expected events between `low` and `high` (GeV).

        >>> Density([0.0, 4.0], [50.0, 150.0]).events(0.0, 4.0)
        400.0
        """
        inside = self.x[(self.x > low) & (self.x < high)]
        points = np.concatenate(([low], inside, [high]))
        return float(np.trapezoid(np.interp(points, self.x, self.per_gev, left=0.0, right=0.0), points))

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """A pseudo-dataset: Poisson number of masses from this density, GeV, ascending.

        >>> from toymc.streams import stream
        >>> x = Density([0.0, 4.0], [50.0, 150.0]).draw(stream(1, "doc", "test", 0))
        >>> 320 < x.size < 480
        True
        """
        steps = np.diff(self.x)
        areas = 0.5 * (self.per_gev[1:] + self.per_gev[:-1]) * steps
        total = float(areas.sum())
        n = int(rng.poisson(total))
        cell = np.searchsorted(np.cumsum(areas) / max(total, 1e-300), rng.random(n), side="right")
        cell = np.minimum(cell, steps.size - 1)
        a, b = self.per_gev[cell], self.per_gev[cell + 1]
        u = rng.random(n)
        # a straight piece a -> b: solve a t + (b - a) t^2/2 = u (a + b)/2, stable for a = b
        t = u * (a + b) / np.maximum(a + np.sqrt(a * a + u * (b * b - a * a)), 1e-300)
        return np.sort(self.x[cell] + t * steps[cell])
