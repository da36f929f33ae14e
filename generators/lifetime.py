"""Another lifetime from the same sample: weights, what they are worth, efficiencies over lifetime.

A sample made with c0 becomes one with c by w = (c0/c) exp(-L (1/c - 1/c0)), L = c t the proper decay
length of each particle (flight distance times m/p). Of N events, N_eff = (sum w)^2/sum w^2 are worth as much as N. For
all decays N_eff/N = 1 - (1 - c/c0)^2 if c < 2 c0; from c = 2 c0 on the variance of w is infinite, and the N_eff of a
sample says nothing, because the few longest decays that decide are not in it. Only if decays beyond a proper length M
do not count (outside of the detector), it is finite for every c:
N_eff/N_inside = (1 - e^(-M/c))^2 / [(1 - e^(-M/c0)) (c0/c^2) (1 - e^(-a M))/a], a = 2/c - 1/c0.

Rule. `reweight_lifetime` and `efficiency_over_lifetime` refuse c >= 2 c0 without such a longest length, and, at any c,
fewer than `minimum` effective events among those that count (100 by default: a statistical error of 10 %). Simulate
such lifetimes themselves, or with forced decays. As a rule of thumb samples spaced by factors of 3 in c tau serve
everything in between with half of their events or more, taken each towards shorter lifetimes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]

MIN_EFFECTIVE = 100.0
"""Effective events below which a reweighted sample is refused."""


def positive_length(name: str, value: float, zero: bool = False) -> float:
    """The value, if it is a finite length in cm above 0 (or 0, if that is allowed).

    Raises
    ------
    InputError
        If it is not.

    Examples
    --------
    >>> positive_length("ctau", 2)
    2.0
    """
    if not (np.isfinite(value) and (value > 0.0 or (zero and value == 0.0))):
        raise InputError(f"{name} = {value:g} cm: give a finite length {'of 0 or more' if zero else 'above 0'}")
    return float(value)


def lifetime_weights(proper: npt.ArrayLike, ctau_from: float, ctau_to: float) -> FloatArray:
    """Weights w = (c0/c) exp(-L (1/c - 1/c0)) that turn decays with c0 into decays with c.

    Parameters
    ----------
    proper : array_like
        Proper decay lengths c t in cm (flight distance times m/p), 0 or more.
    ctau_from, ctau_to : float
        cm, above 0.

    Raises
    ------
    InputError
        For lengths that are negative or not finite.

    Examples
    --------
    >>> lifetime_weights([0.0, 2.0], 2.0, 1.0).round(4).tolist()
    [2.0, 0.7358]
    """
    old, new = positive_length("ctau of the sample", ctau_from), positive_length("ctau", ctau_to)
    length = np.asarray(proper, dtype=np.float64)
    if np.any(~(length >= 0.0)) or np.any(np.isinf(length)):
        raise InputError("proper decay lengths below 0 or not finite: give c t in cm of decayed particles")
    return np.asarray(old / new * np.exp(-length * (1.0 / new - 1.0 / old)))


def effective_events(weights: npt.ArrayLike) -> float:
    """Events without weights that are worth as much, (sum w)^2/sum w^2; 0 for none.

    Examples
    --------
    >>> effective_events([1.0, 1.0, 2.0])
    2.6666666666666665
    """
    w = np.asarray(weights, dtype=np.float64)
    top = float(w.max(initial=0.0))
    if not top > 0.0:
        return 0.0
    scaled = w / top  # neither sum can underflow
    return float(scaled.sum() ** 2 / np.sum(scaled**2))


def expected_effective_share(ctau_from: float, ctau_to: float, longest: float = np.inf) -> float:
    """N_eff/N of a reweighted sample among decays up to a proper length, in closed form (top of this file).

    Parameters
    ----------
    ctau_from, ctau_to : float
        cm.
    longest : float
        cm; decays beyond do not count.

    Returns
    -------
    float
        0 where the variance of the weights is infinite.

    Examples
    --------
    >>> expected_effective_share(1.0, 0.5), expected_effective_share(1.0, 3.0)
    (0.75, 0.0)
    """
    old, new = positive_length("ctau of the sample", ctau_from), positive_length("ctau", ctau_to)
    if not longest > 0.0:
        raise InputError(f"longest proper length {longest} cm: give a length above 0")
    rate = 2.0 / new - 1.0 / old
    if np.isinf(longest):
        return float(old * rate * (new / old) ** 2) if rate > 0.0 else 0.0
    with np.errstate(over="ignore"):
        square = old / new**2 * (-np.expm1(-rate * longest) / rate if rate != 0.0 else longest)
    inside = -np.expm1(-longest / old)
    return float(np.expm1(-longest / new) ** 2 / (square * inside))


def reweight_lifetime(
    proper: npt.ArrayLike,
    ctau_from: float,
    ctau_to: float,
    selected: npt.ArrayLike | None = None,
    longest: float | None = None,
    minimum: float = MIN_EFFECTIVE,
) -> tuple[FloatArray, float]:
    """Weights that take a sample to another lifetime, refused where they would not hold.

    Parameters
    ----------
    proper : array_like (n,)
        Proper decay lengths, cm.
    ctau_from, ctau_to : float
        cm.
    selected : array_like of bool (n,), optional
        Events that count, all by default.
    longest : float, optional
        Proper length in cm beyond which no event is ever selected; needed for ctau_to >= 2 ctau_from.
    minimum : float
        Effective events among those that count.

    Returns
    -------
    weights : float64 (n,)
        Of all events; their mean over all is 1.
    effective : float
        N_eff of those that count.

    Raises
    ------
    InputError
        By the rule at the top of this file, or if an event beyond `longest` is selected.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> sample = stream(1, "doc", "test", 0).exponential(1.0, 10_000)
    >>> weights, effective = reweight_lifetime(sample, 1.0, 0.5)
    >>> bool(abs(effective / 7500 - 1.0) < 0.05)
    True
    """
    weights = lifetime_weights(proper, ctau_from, ctau_to)
    length = np.asarray(proper, dtype=np.float64)
    counts = np.ones(len(length), dtype=np.bool_) if selected is None else np.asarray(selected, dtype=np.bool_)
    if counts.shape != length.shape:
        raise InputError(f"{counts.shape} selected for {length.shape} decay lengths: give one boolean for each")
    if longest is None and not ctau_to < 2.0 * ctau_from:
        raise InputError(
            f"ctau = {ctau_to:g} cm from a sample of {ctau_from:g} cm: allowed is less than {2.0 * ctau_from:g} cm; "
            "beyond it give `longest`, the proper length that no selected decay exceeds, or simulate a longer lifetime"
        )
    if longest is not None:
        counts = counts & (length <= longest) if selected is None else counts
        if np.any(length[counts] > longest):
            raise InputError(f"a selected decay lies beyond longest = {longest:g} cm: give the limit of the selection")
    effective = effective_events(weights[counts])
    if not effective >= minimum:
        raise InputError(
            f"ctau = {ctau_to:g} cm from a sample of {ctau_from:g} cm leaves {effective:.3g} effective events of "
            f"{int(counts.sum())}: at least {minimum:g} are asked for, simulate a lifetime nearer to it"
        )
    return weights, effective


@dataclass(frozen=True)
class LifetimeScan:
    """Efficiency over lifetime from one sample.

    Attributes
    ----------
    ctau : float64 (k,)
        cm.
    efficiency, error, effective : float64 (k,)
        NaN, NaN and the number of effective events where there are too few.
    """

    ctau: FloatArray
    efficiency: FloatArray
    error: FloatArray
    effective: FloatArray


def efficiency_over_lifetime(
    proper: npt.ArrayLike,
    selected: npt.ArrayLike,
    ctau_from: float,
    ctau: npt.ArrayLike,
    longest: float | None = None,
    minimum: float = MIN_EFFECTIVE,
) -> LifetimeScan:
    """Efficiency at many lifetimes from one sample; lifetimes that it cannot serve are NaN.

    The efficiency is sum(w selected)/N: N, not sum(w), because the mean of w is 1 and its variance may be infinite.

    Parameters
    ----------
    proper, selected, ctau_from, longest, minimum
        As in `reweight_lifetime`.
    ctau : array_like (k,)
        cm.

    Returns
    -------
    LifetimeScan

    Raises
    ------
    InputError
        For lengths that do not fit each other, or if no lifetime can be served.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> sample = stream(1, "doc", "test", 0).exponential(1.0, 10_000)
    >>> scan = efficiency_over_lifetime(sample, sample < 0.5, 1.0, [0.5, 1.0])
    >>> bool(abs(scan.efficiency - [0.632, 0.393]).max() < 0.02)
    True
    """
    length, counts = np.asarray(proper, dtype=np.float64), np.asarray(selected, dtype=np.bool_)
    values = np.atleast_1d(np.asarray(ctau, dtype=np.float64))
    out = np.full((3, len(values)), np.nan)
    refused = ""
    for i, value in enumerate(values):
        try:
            weights, effective = reweight_lifetime(length, ctau_from, float(value), counts, longest, minimum)
        except InputError as error:
            refused = str(error)
            # no estimate of it is worth having where the variance is infinite
            if longest is not None or value < 2.0 * ctau_from:
                out[2, i] = effective_events(lifetime_weights(length[counts], ctau_from, float(value)))
            continue
        w = weights * counts
        mean = float(w.mean())
        out[:, i] = mean, float(np.sqrt(np.mean((w - mean) ** 2) / len(w))), effective
    if len(values) > 0 and np.isnan(out[0]).all():
        raise InputError(f"none of the lifetimes can be had from this sample: {refused}")
    return LifetimeScan(values, out[0], out[1], out[2])
