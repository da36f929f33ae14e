"""Merging bins of a channel: for bins in which the background expects nothing, or too little for the asymptotics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.model import (
    Channel,
    FloatArray,
    HistoSys,
    Modifier,
    NormFactor,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)


def merge_bins(channel: Channel, sizes: Sequence[int]) -> Channel:
    """The channel with neighbouring bins merged.

    Yields, templates and observed counts add; errors per bin (staterror, shapesys) add in quadrature. A channel is
    checked only as part of a model, so this also mends one that `Model` refuses for an empty bin.

    Parameters
    ----------
    channel : Channel
    sizes : sequence of int
        How many bins, from the first on, make up each new bin: [2, 1] turns three bins into two.

    Returns
    -------
    Channel

    Raises
    ------
    InputError
        For sizes that do not add up to the bins, or a shapefactor (free per bin: merging changes what is shared).

    Examples
    --------
    >>> background = Sample("b", [4.0, 3.0, 0.1], (StatError("stat", [0.4, 0.3, 0.4]),))
    >>> merged = merge_bins(Channel("sr", (background,), [5, 2, 0]), [1, 2])
    >>> merged.samples[0].data, merged.samples[0].modifiers[0].error, merged.observed
    (array([4. , 3.1]), array([0.4, 0.5]), array([5., 2.]))
    """
    if any(size < 1 for size in sizes) or sum(sizes) != channel.n_bins:
        raise InputError(
            f"channel '{channel.name}': groups {list(sizes)} do not make up its {channel.n_bins} bins; "
            "give how many bins each new bin has"
        )
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    samples = tuple(
        Sample(s.name, _sums(s.data, starts), tuple(_merged(m, s, channel, starts) for m in s.modifiers))
        for s in channel.samples
    )
    return Channel(channel.name, samples, None if channel.observed is None else _sums(channel.observed, starts))


def merge_sparse_bins(channel: Channel, poi: str, minimum: float = 1.0) -> Channel:
    """The channel with neighbouring bins merged until each expects `minimum` background events.

    Bins are collected from the left; what is left at the right end joins the last bin. The background is every sample
    that the parameter of interest does not scale, at its nominal yield. The data are not looked at.

    Parameters
    ----------
    channel : Channel
    poi : str
        Name of the parameter of interest.
    minimum : float
        Events, positive.

    Returns
    -------
    Channel

    Raises
    ------
    InputError
        If the whole channel expects less, naming channel and value.

    Examples
    --------
    >>> signal = Sample("s", [1.0, 2.0, 0.5], (NormFactor("mu"),))
    >>> channel = merge_sparse_bins(Channel("sr", (signal, Sample("b", [4.0, 3.0, 0.0])), [5, 2, 0]), "mu")
    >>> channel.samples[1].data
    array([4., 3.])
    """
    if not (np.isfinite(minimum) and minimum > 0.0):
        raise InputError(f"a minimum of {minimum:g} events per bin; it must be finite and positive")
    background = np.zeros(channel.n_bins)
    for sample in channel.samples:
        if not any(isinstance(m, NormFactor) and m.name == poi for m in sample.modifiers):
            background += sample.data
    sizes = _groups(background, minimum, channel.name)
    return merge_bins(channel, sizes) if len(sizes) < channel.n_bins else channel


def _groups(background: FloatArray, minimum: float, name: str) -> list[int]:
    if background.sum() < minimum:
        raise InputError(
            f"channel '{name}': its {background.size} bins expect {background.sum():g} background events together, "
            f"less than the minimum of {minimum:g} for one bin; drop the channel or lower the minimum"
        )
    sizes: list[int] = []
    size, total = 0, 0.0
    for value in background:
        size, total = size + 1, total + float(value)
        if total >= minimum:
            sizes.append(size)
            size, total = 0, 0.0
    sizes[-1] += size
    return sizes


def _sums(values: FloatArray, starts: npt.NDArray[np.int64]) -> FloatArray:
    return np.add.reduceat(values, starts)


def _merged(modifier: Modifier, sample: Sample, channel: Channel, starts: npt.NDArray[np.int64]) -> Modifier:
    if isinstance(modifier, HistoSys):
        return HistoSys(modifier.name, _sums(modifier.lo, starts), _sums(modifier.hi, starts))
    if isinstance(modifier, StatError | ShapeSys):
        return replace(modifier, error=np.sqrt(_sums(modifier.error**2, starts)))
    if isinstance(modifier, ShapeFactor):
        raise InputError(
            f"channel '{channel.name}', sample '{sample.name}': bins with the free shape '{modifier.name}' cannot be "
            "merged; leave the channel as it is"
        )
    return modifier
