"""What a model must satisfy before it is used; every refusal names channel, sample, bin and value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.model import (
    Channel,
    HistoSys,
    Luminosity,
    Model,
    Modifier,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    modifier_types,
)

# normsys and histosys of one name are one parameter (pyhf); every other type has its own
_FAMILY = {"normsys": "constrained scale", "histosys": "constrained scale"}


def _bins(values: npt.ArrayLike, n_bins: int, where: str, what: str) -> None:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {what} {values!r:.80} is not a list of numbers; give one per bin") from error
    if array.ndim != 1 or array.shape[0] != n_bins:
        raise InputError(f"{where}: {what} has shape {array.shape}, the channel has {n_bins} bins; give one per bin")
    bad = np.flatnonzero(~np.isfinite(array) | (array < 0))
    if bad.size:
        raise InputError(f"{where}, bin {bad[0]}: {what} is {array[bad[0]]:g}; it must be finite and not negative")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.floating | np.integer)


def _check_modifier(modifier: Modifier, n_bins: int, where: str) -> None:
    label = f"{where}, modifier '{modifier.name}'"
    if not modifier.name:
        raise InputError(f"{where}: a modifier without a name")
    if isinstance(modifier, HistoSys):
        _bins(modifier.lo, n_bins, label, "the -1 sigma template")
        _bins(modifier.hi, n_bins, label, "the +1 sigma template")
    elif isinstance(modifier, StatError | ShapeSys):
        _bins(modifier.error, n_bins, label, "the error")
    elif isinstance(modifier, NormSys):
        for side, value in (("lo", modifier.lo), ("hi", modifier.hi)):
            if not (_is_number(value) and math.isfinite(value) and value > 0):
                text = f"{value:g}" if _is_number(value) else str(value)
                raise InputError(f"{label}: {side} = {text}; the factor must be finite and positive (1 = no effect)")


def _check_sample(channel: Channel, sample: Sample) -> None:
    where = f"channel '{channel.name}', sample '{sample.name}'"
    if not sample.name:
        raise InputError(f"channel '{channel.name}': a sample without a name")
    _bins(sample.data, channel.n_bins, where, "the yield")
    for modifier in sample.modifiers:
        if not isinstance(modifier, Modifier):
            raise InputError(f"{where}: {modifier!r:.60} is not a modifier; give NormFactor, NormSys, HistoSys, ...")
    types = modifier_types(sample.modifiers)
    keys = [(t, m.name) for t, m in zip(types, sample.modifiers, strict=True)]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"{where}: {key[0]} '{key[1]}' is there twice; give each modifier of a sample once")
    for modifier in sample.modifiers:
        _check_modifier(modifier, channel.n_bins, where)


def _check_channel(channel: Channel) -> None:
    if not channel.samples:
        raise InputError(f"channel '{channel.name}' has no samples")
    for sample in channel.samples:
        if not isinstance(sample, Sample):
            raise InputError(f"channel '{channel.name}': {sample!r:.60} is not a Sample")
    names = [s.name for s in channel.samples]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"channel '{channel.name}': two samples are called '{name}'")
    if channel.samples[0].data.ndim != 1 or channel.n_bins == 0:
        raise InputError(f"channel '{channel.name}', sample '{names[0]}': no bins; give one yield per bin")
    for sample in channel.samples:
        _check_sample(channel, sample)
    total = np.sum([s.data for s in channel.samples], axis=0)
    empty = np.flatnonzero(total == 0)
    if empty.size:
        raise InputError(
            f"channel '{channel.name}', bin {empty[0]}: every sample expects 0 events (empty bin); "
            "drop the bin or merge it with its neighbour"
        )
    if channel.observed is not None:
        _bins(channel.observed, channel.n_bins, f"channel '{channel.name}'", "the observed count")


def _check_names(model: Model) -> None:
    family: dict[str, str] = {}
    length: dict[str, int] = {}
    seen_shapesys: set[str] = set()
    for channel in model.channels:
        for sample in channel.samples:
            for kind, modifier in zip(modifier_types(sample.modifiers), sample.modifiers, strict=True):
                group = _FAMILY.get(kind, kind)
                where = f"channel '{channel.name}', sample '{sample.name}'"
                if family.setdefault(modifier.name, group) != group:
                    raise InputError(
                        f"{where}: '{modifier.name}' is used as {kind} and as {family[modifier.name]}; rename one"
                    )
                if isinstance(modifier, ShapeSys):
                    if modifier.name in seen_shapesys:
                        raise InputError(
                            f"{where}: shapesys '{modifier.name}' is used twice; its factors belong to one sample "
                            "(use staterror to share them)"
                        )
                    seen_shapesys.add(modifier.name)
                n = length.setdefault(modifier.name, channel.n_bins)
                if isinstance(modifier, ShapeFactor) and n != channel.n_bins:
                    raise InputError(
                        f"{where}: shapefactor '{modifier.name}' is shared by channels of {n} and {channel.n_bins} bins"
                    )
    for parameter in model.parameters:
        if parameter.name not in family and parameter.name != model.poi:
            raise InputError(f"settings for parameter '{parameter.name}', which no modifier uses")
    _check_poi(model, family)


def _check_poi(model: Model, family: Mapping[str, str]) -> None:
    kind = family.get(model.poi)
    if kind is None:
        raise InputError(
            f"the parameter of interest '{model.poi}' is used by no modifier; the parameters are {sorted(family)}"
        )
    if kind in ("staterror", "shapesys", "shapefactor"):
        raise InputError(f"the parameter of interest '{model.poi}' is a {kind} (one per bin); it must be a scalar")
    settings = model.parameter(model.poi)
    if settings is not None and settings.fixed:
        raise InputError(f"the parameter of interest '{model.poi}' is fixed; free it")
    if kind != "normfactor":
        return
    signal = sum(
        float(sample.data.sum())
        for channel in model.channels
        for sample in channel.samples
        if any(isinstance(m, NormFactor) and m.name == model.poi for m in sample.modifiers)
    )
    if signal == 0.0:
        names = sorted(
            {
                f"channel '{c.name}', sample '{s.name}'"
                for c in model.channels
                for s in c.samples
                if any(m.name == model.poi for m in s.modifiers)
            }
        )
        raise InputError(f"{'; '.join(names)}: the signal scaled by '{model.poi}' is 0 in every bin; there is no limit")


def _check_settings(model: Model) -> None:
    names = [p.name for p in model.parameters]
    for parameter in model.parameters:
        where = f"parameter '{parameter.name}'"
        if names.count(parameter.name) > 1:
            raise InputError(f"{where}: settings are given twice")
        for pair in parameter.bounds or ():
            if not (isinstance(pair, Sequence) and len(pair) == 2 and all(_is_number(edge) for edge in pair)):
                raise InputError(f"{where}: bounds {pair}; give one pair (lower, upper) per component")
            if not pair[0] < pair[1]:
                raise InputError(f"{where}: bounds ({pair[0]:g}, {pair[1]:g}); the lower must be below the upper")
        for sigma in parameter.sigmas or ():
            if not (np.isfinite(sigma) and sigma > 0):
                raise InputError(f"{where}: sigma = {sigma:g}; it must be finite and positive")
        for value in (*(parameter.inits or ()), *(parameter.auxdata or ())):
            if not np.isfinite(value):
                raise InputError(f"{where}: a start or auxiliary value is {value:g}; it must be finite")
    lumi = {m.name for c in model.channels for s in c.samples for m in s.modifiers if isinstance(m, Luminosity)}
    for name in sorted(lumi):
        settings = model.parameter(name)
        if settings is None or not settings.auxdata or not settings.sigmas:
            raise InputError(f"parameter '{name}': a luminosity modifier needs auxdata (value) and sigmas (error)")


def check_model(model: Model) -> None:
    """Refuse a model that cannot be right.

    Raises
    ------
    InputError
        Empty, negative, infinite or NaN bins, mismatched binning, zero signal, clashing names, bad settings.

    Examples
    --------
    >>> Model([Channel("sr", (Sample("s", [1.0, -2.0], (NormFactor("mu"),)),))], poi="mu")
    Traceback (most recent call last):
    ...
    toymc.errors.InputError: channel 'sr', sample 's', bin 1: the yield is -2; it must be finite and not negative
    """
    if not model.channels:
        raise InputError("the model has no channels")
    for channel in model.channels:
        if not isinstance(channel, Channel) or not channel.name:
            raise InputError(f"{channel!r:.60} is not a Channel with a name")
    names = [c.name for c in model.channels]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two channels are called '{name}'")
    for channel in model.channels:
        _check_channel(channel)
    with_data = [c.name for c in model.channels if c.observed is not None]
    if with_data and len(with_data) < len(names):
        raise InputError(f"only {with_data} of the channels {names} have observed counts; give them to all or to none")
    _check_names(model)
    _check_settings(model)


def check_data(model: Model, observed: Mapping[str, npt.ArrayLike]) -> None:
    """Refuse counts that do not fit the model: missing or unknown channels, wrong length, negative, NaN.

    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])))], poi="mu")
    >>> check_data(model, {"sr": [1.0, 2.0]})
    Traceback (most recent call last):
    ...
    toymc.errors.InputError: channel 'sr': the observed count has shape (2,), the channel has 1 bins; give one per bin
    """
    known = [c.name for c in model.channels]
    for name in observed:
        if name not in known:
            raise InputError(f"observed counts for channel '{name}', which the model does not have; it has {known}")
    for channel in model.channels:
        if channel.name not in observed:
            raise InputError(f"channel '{channel.name}': observed counts are missing; give one number per bin")
        _bins(observed[channel.name], channel.n_bins, f"channel '{channel.name}'", "the observed count")
