"""The couplings that a limit excludes, lifetimes included: any number of intervals, or none.

A coupling g is excluded where the model predicts more than the limit allows, rate(g) > limit(ctau(g)). The rate grows
with g, the lifetime falls: at small g too few particles are made or they decay outside, at large g they decay before
they are seen to be displaced, so the excluded set has two edges (more where the limit jumps with the lifetime).

Interpolation: the limit is straight in ln(limit) over ln(ctau) between the lifetimes at which it was found: exact where
it is a power of ctau (limit ~ ctau at long lifetimes, constant in between). For a decay probability exp(-L1/ctau) -
exp(-L2/ctau) it turns over at both ends with a curvature of L/ctau at most, so that the chord lies above the curve,
excludes less, and is off by (L1/ctau) ln^2(step)/8 in ln(limit) at the short end. There is no interpolation in mass:
limits of neighbouring hypotheses fluctuate.

With prediction and limit straight on logarithmic axes, their difference is straight between the knots of either, and
all edges come in closed form: no interval can slip through a grid of couplings.

Outside of the lifetimes of the limit nothing is excluded, unless one says how the limit goes on: `short="constant"` for
a search that takes prompt decays, `long="linear"` where the decay probability is already falling as 1/ctau at the
longest lifetime.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.couplings.prediction import FloatArray, Prediction

BANDS = ("-2", "-1", "0", "+1", "+2")
_JOIN = 1e-9  # in ln(coupling): neighbouring pieces of one interval


@dataclass(frozen=True)
class Interval:
    """An excluded range of couplings and what ends it: limit, lifetimes (of the limit) or couplings (of the search)."""

    low: float
    high: float
    low_edge: str
    high_edge: str


def excluded_couplings(
    prediction: Prediction,
    limit: npt.ArrayLike,
    ctau_cm: npt.ArrayLike | None = None,
    short: str = "none",
    long: str = "none",
) -> list[Interval]:
    """All intervals of the coupling that an upper limit excludes.

    Parameters
    ----------
    prediction : Prediction
    limit : float or array_like (n_lifetimes,)
        Upper limit on the rate, in its unit; one per lifetime. NaN or infinite where there is none.
    ctau_cm : array_like (n_lifetimes,), optional
        Rising lifetimes; needed where the prediction has a lifetime.
    short, long : str
        Below and above these lifetimes: none (not excluded); constant (short) and linear in ctau (long).

    Returns
    -------
    list of Interval
        In rising order; empty if nothing is excluded.

    Raises
    ------
    InputError
        For limits that are zero or negative, lifetimes that do not rise, shapes that do not fit.

    Examples
    --------
    Rate g^2, lifetime 1e-4 cm / g^2, a limit that is good from 0.01 to 1 cm:

    >>> model = Prediction([1e-4, 1.0], [1e-8, 1.0], [1e4, 1e-4])
    >>> found = excluded_couplings(model, [1e-1, 1e-5, 1e-5, 1e-1], [1e-3, 1e-2, 1.0, 10.0])
    >>> [(round(i.low, 4), round(i.high, 4), i.low_edge) for i in found]
    [(0.0079, 0.3162, 'limit')]
    """
    if short not in ("none", "constant") or long not in ("none", "linear"):
        raise InputError(f"short = '{short}', long = '{long}': allowed are none or constant, none or linear")
    limits = np.atleast_1d(np.asarray(limit, dtype=np.float64))
    _check_limits(limits)
    if ctau_cm is None:
        if prediction.ctau_cm is not None:
            raise InputError("the prediction has a lifetime: give the lifetimes of the limit (ctau_cm)")
        if limits.size != 1:
            raise InputError(f"{limits.size} limits without lifetimes: give one, or their lifetimes (ctau_cm)")
        pieces = _pieces(prediction, np.zeros(2), np.log(np.repeat(limits, 2)))
    else:
        if prediction.ctau_cm is None:
            raise InputError("the prediction has no lifetime, the limit has: give Prediction(..., ctau_cm)")
        knots, values = _knots(prediction.ctau_cm, limits, ctau_cm, short, long)
        pieces = _pieces(prediction, knots, values)
    return _join(pieces, float(np.log(prediction.coupling[0])), float(np.log(prediction.coupling[-1])))


def _check_limits(limits: FloatArray) -> None:
    if limits.ndim != 1:
        raise InputError(f"limit has shape {limits.shape}: give one per lifetime")
    bad = np.flatnonzero(limits <= 0.0)
    if bad.size:
        raise InputError(f"limit[{bad[0]}] is {limits[bad[0]]:g}: an upper limit is positive (NaN where there is none)")


def _knots(
    predicted: FloatArray, limits: FloatArray, ctau_cm: npt.ArrayLike, short: str, long: str
) -> tuple[FloatArray, FloatArray]:
    """ln(ctau) and ln(limit), continued to the lifetimes that are predicted if that was asked for."""
    lifetimes = np.asarray(ctau_cm, dtype=np.float64)
    if lifetimes.shape != limits.shape:
        raise InputError(f"{limits.shape} limits at {lifetimes.shape} lifetimes: give one per lifetime")
    bad = ~(np.isfinite(lifetimes) & (lifetimes > 0.0))
    if np.any(bad):
        raise InputError(f"ctau {lifetimes[bad][0]:g} cm of the limit: it must be positive and finite")
    if np.any(np.diff(lifetimes) <= 0.0):
        raise InputError("the lifetimes of the limit must rise")
    if lifetimes.size < 2 and (short, long) != ("constant", "linear"):
        raise InputError("a limit at one lifetime: give at least two, or say how it goes on (short and long)")
    knots, values = np.log(lifetimes), np.log(limits)
    low, high = float(np.log(predicted.min())), float(np.log(predicted.max()))
    if short == "constant" and low < knots[0]:
        knots, values = np.insert(knots, 0, low), np.insert(values, 0, values[0])
    if long == "linear" and high > knots[-1]:
        knots, values = np.append(knots, high), np.append(values, values[-1] + high - knots[-1])
    return knots, values


_Piece = tuple[float, float, str, str]


def _pieces(prediction: Prediction, knots: FloatArray, values: FloatArray) -> list[_Piece]:
    """Excluded ranges of ln(coupling) in every combination of a prediction's and a limit's straight section.

    All sections at once, (prediction sections, limit sections); ends are called limit where rate and limit cross.
    """
    x, rate = np.log(prediction.coupling), np.log(prediction.rate)
    time = np.zeros_like(x) if prediction.ctau_cm is None else np.log(prediction.ctau_cm)
    x0, x1 = x[:-1, None], x[1:, None]
    slope_t = np.diff(time)[:, None] / (x1 - x0)
    k0, k1 = knots[None, :-1], knots[None, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        at0, at1 = (x0 + (k - time[:-1, None]) / slope_t for k in (k0, k1))
        slope_l = np.where(k1 > k0, np.diff(values)[None, :] / (k1 - k0), 0.0)
    inside = (time[:-1, None] >= k0) & (time[:-1, None] <= k1)
    constant = slope_t == 0.0
    low = np.where(constant, np.where(inside, x0, np.inf), np.maximum(x0, np.fmin(at0, at1)))
    high = np.where(constant, np.where(inside, x1, -np.inf), np.minimum(x1, np.fmax(at0, at1)))
    slope = np.diff(rate)[:, None] / (x1 - x0) - slope_l * slope_t
    start = rate[:-1, None] - values[None, :-1] - slope_l * (time[:-1, None] - k0)
    pieces: list[_Piece] = []
    for i, j in np.argwhere((low < high) & np.isfinite(start) & np.isfinite(slope)):
        a, b = float(low[i, j]), float(high[i, j])
        f_a, f_b = (float(start[i, j] + slope[i, j] * (v - x[i])) for v in (a, b))
        if max(f_a, f_b) <= 0.0:
            continue
        root = a - f_a / float(slope[i, j]) if min(f_a, f_b) < 0.0 else math.nan
        pieces.append((a if f_a >= 0.0 else root, b if f_b >= 0.0 else root,
                       "" if f_a >= 0.0 else "limit", "" if f_b >= 0.0 else "limit"))  # fmt: skip
    return pieces


def _join(pieces: Sequence[_Piece], first: float, last: float) -> list[Interval]:
    """Pieces that touch become one interval; an end that is no crossing is the end of the lifetimes or couplings."""
    joined: list[_Piece] = []
    for piece in sorted(pieces):
        if joined and piece[0] <= joined[-1][1] + _JOIN:
            before = joined.pop()
            outer = piece if piece[1] > before[1] else before
            joined.append((before[0], outer[1], before[2], outer[3]))
        else:
            joined.append(piece)
    intervals = []
    for low, high, low_edge, high_edge in joined:
        low_name = low_edge or ("couplings" if low <= first + _JOIN else "lifetimes")
        high_name = high_edge or ("couplings" if high >= last - _JOIN else "lifetimes")
        intervals.append(Interval(math.exp(low), math.exp(high), low_name, high_name))
    return intervals


def interpretation(
    prediction: Prediction,
    expected: Mapping[str, npt.ArrayLike],
    observed: npt.ArrayLike | None = None,
    ctau_cm: npt.ArrayLike | None = None,
    short: str = "none",
    long: str = "none",
) -> dict[str, Any]:
    """The excluded couplings for `result.json`: `excluded` (observed, or median without data) and one entry per band.

    Parameters
    ----------
    prediction : Prediction
    expected : mapping of "-2", "-1", "0", "+1", "+2" to float or array_like (n_lifetimes,)
    observed : float or array_like (n_lifetimes,), optional
    ctau_cm, short, long
        As in `excluded_couplings`.

    Returns
    -------
    dict
        `excluded`: [[low, high], ...]; `excluded_expected`: the same per band; `edges`: what ends each of `excluded`.

    Raises
    ------
    InputError
        For a band that has another name, or as `excluded_couplings`.

    Examples
    --------
    >>> model = Prediction([1e-3, 1.0], [1e-6, 1.0])
    >>> interpretation(model, {"0": 1e-4})["excluded"]
    [[0.01, 1.0]]
    """
    unknown = [band for band in expected if band not in BANDS]
    if unknown or "0" not in expected:
        raise InputError(f"expected bands {list(expected)}: allowed are {', '.join(BANDS)}, the median 0 among them")
    bands = {band: excluded_couplings(prediction, value, ctau_cm, short, long) for band, value in expected.items()}
    main = bands["0"] if observed is None else excluded_couplings(prediction, observed, ctau_cm, short, long)
    return {
        "excluded": _pairs(main),
        "edges": [[i.low_edge, i.high_edge] for i in main],
        "excluded_expected": {band: _pairs(found) for band, found in bands.items()},
    }


def _pairs(intervals: Sequence[Interval]) -> list[list[float]]:
    return [[float(f"{i.low:.9g}"), float(f"{i.high:.9g}")] for i in intervals]
