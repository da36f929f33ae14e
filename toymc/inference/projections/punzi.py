"""Punzi figure of merit: the smallest cross-section that a search can both find and exclude, for choosing cuts.

G. Punzi, physics/0308063 (PHYSTAT 2003): a signal above S_min gives a discovery at `a` standard deviations with the
probability that belongs to `b` standard deviations, whatever the size of the signal. With B expected background events

    S_min = a^2/8 + 9 b^2/13 + a sqrt(B) + (b/2) sqrt(b^2 + 4 a sqrt(B) + 4 B),   sigma_min = S_min / (efficiency x L)

(his analytical fit to the Poisson solution, good to about one event down to B = 0; for large B the
Gaussian condition S = a sqrt(B) + b sqrt(B + S) up to a constant). The mu mu Z' search uses it with a = 3 and b =
1.28155 (90 %) [arXiv:2110.00810]. Smaller is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
A, B = 3.0, 1.2815515655446004
"""Three standard deviations, and Phi^-1(0.90)."""


def punzi_events(background: npt.ArrayLike, a: float = A, b: float = B) -> FloatArray:
    """S_min in events for an expected background.

    Parameters
    ----------
    background : array_like
        Expected events, not negative.
    a, b : float
        Standard deviations of the discovery and of its probability.

    Raises
    ------
    InputError
        For a background that is negative or not finite, or a or b that is not positive.

    Examples
    --------
    >>> punzi_events([0.0, 100.0]).round(2).tolist()
    [3.08, 46.9]
    """
    events = np.asarray(background, dtype=np.float64)
    if not np.all(np.isfinite(events) & (events >= 0.0)):
        raise InputError(f"background of {np.min(events):g} events: give finite numbers that are not negative")
    if not (a > 0.0 and b > 0.0):
        raise InputError(f"a = {a:g}, b = {b:g}: give positive numbers of standard deviations")
    root = np.sqrt(events)
    least: FloatArray = (
        a**2 / 8.0 + 9.0 * b**2 / 13.0 + a * root + 0.5 * b * np.sqrt(b**2 + 4.0 * a * root + 4.0 * events)
    )
    return least


def punzi_sigma_min(
    efficiency: npt.ArrayLike, background: npt.ArrayLike, luminosity_fb: float, a: float = A, b: float = B
) -> FloatArray:
    """sigma_min in fb, infinite where the efficiency is zero.

    Parameters
    ----------
    efficiency : array_like
        Of the signal, 0 to 1.
    background : array_like
        Expected events at `luminosity_fb`.
    luminosity_fb : float
    a, b : float

    Raises
    ------
    InputError
        For an efficiency outside 0 to 1, a bad background, or a luminosity that is not positive.

    Examples
    --------
    >>> round(float(punzi_sigma_min(0.1, 100.0, 50.0)), 2)
    9.38
    """
    fraction = np.asarray(efficiency, dtype=np.float64)
    if not np.all((fraction >= 0.0) & (fraction <= 1.0)):
        raise InputError(f"efficiencies from {np.min(fraction):g} to {np.max(fraction):g}: give numbers from 0 to 1")
    if not 0.0 < luminosity_fb < np.inf:
        raise InputError(f"luminosity of {luminosity_fb:g} /fb: give a positive number")
    least = punzi_events(background, a, b)
    merit: FloatArray = np.divide(least, fraction * luminosity_fb, out=np.full(np.broadcast(least, fraction).shape,
                                  np.inf), where=fraction > 0.0)  # fmt: skip
    return merit


@dataclass(frozen=True, eq=False)
class CutScan:
    """Figure of merit against the threshold of a cut; arrays (n,) over the thresholds.

    `best` is the index of the smallest sigma_min. `background_error` is the Monte Carlo error of the background: a
    minimum beyond the last few simulated events is noise.
    """

    thresholds: FloatArray
    efficiency: FloatArray
    background: FloatArray
    background_error: FloatArray
    sigma_min_fb: FloatArray
    best: int

    @property
    def threshold(self) -> float:
        """The best threshold."""
        return float(self.thresholds[self.best])


def scan_cut(
    signal: npt.ArrayLike,
    signal_weights: npt.ArrayLike,
    background: npt.ArrayLike,
    background_weights: npt.ArrayLike,
    luminosity_fb: float,
    *,
    thresholds: npt.ArrayLike | None = None,
    minimum_events: float = 10.0,
    a: float = A,
    b: float = B,
) -> CutScan:
    """The threshold of `variable > threshold` with the smallest sigma_min.

    Parameters
    ----------
    signal, background : array_like (n,)
        The variable of the simulated events.
    signal_weights : array_like (n,)
        Sum to the efficiency before the cut.
    background_weights : array_like (n,)
        Expected events at `luminosity_fb` each.
    luminosity_fb : float
    thresholds : array_like, optional
        200 quantiles of the signal if not given.
    minimum_events : float
        Thresholds that leave fewer effective background events, (sum w)^2 / sum w^2, are not chosen.
    a, b : float

    Returns
    -------
    CutScan

    Raises
    ------
    InputError
        For empty samples, lengths that differ, or no threshold with enough simulated background.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> rng = stream(1, "punzi", "test", 0)
    >>> s, b = rng.normal(2.0, 1.0, 20_000), rng.normal(0.0, 1.0, 20_000)
    >>> scan = scan_cut(s, np.full(20_000, 0.5 / 20_000), b, np.full(20_000, 0.05), 10.0)
    >>> 1.5 < scan.threshold < 2.5
    True
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (signal, background))
    wx, wy = (np.asarray(v, dtype=np.float64) for v in (signal_weights, background_weights))
    if len(x) == 0 or len(y) == 0 or x.shape != wx.shape or y.shape != wy.shape:
        raise InputError(
            f"{len(x)} signal events with {len(wx)} weights, {len(y)} background events with {len(wy)} weights: "
            "give events and one weight for each"
        )
    at = np.quantile(x, np.linspace(0.0, 0.995, 200)) if thresholds is None else np.asarray(thresholds, np.float64)
    efficiency = _above(x, wx, at)
    events, squares = _above(y, wy, at), _above(y, wy**2, at)
    effective = np.divide(events**2, squares, out=np.zeros_like(events), where=squares > 0.0)
    merit = punzi_sigma_min(np.clip(efficiency, 0.0, 1.0), np.maximum(events, 0.0), luminosity_fb, a, b)
    allowed = np.where(effective >= minimum_events, merit, np.inf)
    if not np.any(np.isfinite(allowed)):
        raise InputError(
            f"no threshold leaves signal and {minimum_events:g} effective background events: simulate more background"
        )
    return CutScan(at, efficiency, events, np.sqrt(squares), merit, int(np.argmin(allowed)))


def _above(values: FloatArray, weights: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Sum of weights with value > threshold, per threshold: one sort, no loop."""
    order = np.argsort(values)
    sums = np.concatenate([np.cumsum(weights[order][::-1])[::-1], [0.0]])
    found: FloatArray = sums[np.searchsorted(values[order], thresholds, side="right")]
    return found
