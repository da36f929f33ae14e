"""Channels of one model combined at the level of the coupling.

Each channel has its own likelihood, with its signal strength in units of its own rate (branching fraction,
cross-section in fb). A model says how large these rates are at one coupling; the channels then share one strength mu,
by which all these rates are multiplied. Nuisance parameters of the same name are one parameter, as in HistFactory.

At a fixed lifetime the strength is (g/g_ref)^p: its limit at every lifetime is a limit map, and `excluded_couplings`
with the prediction (g/g_ref)^p gives the couplings (`strength_prediction`).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from toymc.errors import InputError
from toymc.inference.couplings.prediction import Prediction
from toymc.inference.model import (
    Channel,
    HistoSys,
    Model,
    Modifier,
    NormFactor,
    Parameter,
    Sample,
    ShapeSys,
    StatError,
)


def combine_channels(channels: Mapping[str, Model], rates: Mapping[str, float], poi: str = "mu") -> Model:
    """One model of several channels whose signals are the rates of a model times one strength.

    Parameters
    ----------
    channels : mapping of str to Model
        One likelihood per channel, its parameter of interest a `NormFactor` of the signal in units of the channel's
        rate. Names of HistFactory channels and of samples' statistical errors must differ between them.
    rates : mapping of str to float
        Predicted rate of each channel at strength 1, in the unit of its parameter of interest; 0 where it is closed.
    poi : str
        Name of the common strength.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        For channels and rates that do not match, rates that are negative or all zero, a parameter of interest that is
        not a NormFactor, or settings of one parameter that differ.

    Examples
    --------
    >>> def channel(name, signal):
    ...     samples = (Sample("s", [signal], (NormFactor("b"),)), Sample("bkg", [50.0]))
    ...     return Model([Channel(name, samples, [50.0])], poi="b")
    >>> both = combine_channels({"ee": channel("ee", 3.0), "mm": channel("mm", 4.0)}, {"ee": 2.0, "mm": 0.5})
    >>> [sample.data.tolist() for c in both.channels for sample in c.samples if sample.name == "s"]
    [[6.0], [2.0]]
    """
    if set(channels) != set(rates):
        raise InputError(f"channels {sorted(channels)} with rates for {sorted(rates)}: give one rate per channel")
    for name, rate in rates.items():
        if not (np.isfinite(rate) and rate >= 0.0):
            raise InputError(f"channel '{name}': the rate is {rate:g}; it must be finite and not negative")
    if not any(rate > 0.0 for rate in rates.values()):
        raise InputError(f"the rates of {sorted(rates)} are all zero: nothing is produced in these channels")
    combined: list[Channel] = []
    settings: dict[str, Parameter] = {}
    for name, model in channels.items():
        combined += [_scaled_channel(name, c, model.poi, rates[name], poi) for c in model.channels]
        for parameter in model.parameters:
            if parameter.name == model.poi:
                continue
            if settings.setdefault(parameter.name, parameter) != parameter:
                raise InputError(f"channel '{name}': parameter '{parameter.name}' has other settings than elsewhere")
    return Model(tuple(combined), poi, tuple(settings.values()), name="combination")


def _scaled_channel(name: str, channel: Channel, old: str, rate: float, new: str) -> Channel:
    samples = []
    for sample in channel.samples:
        if any(m.name == new and m.name != old for m in sample.modifiers):
            raise InputError(
                f"channel '{name}', sample '{sample.name}': a modifier is called '{new}' already; rename it"
            )
        if any(m.name == old for m in sample.modifiers):
            if not any(isinstance(m, NormFactor) and m.name == old for m in sample.modifiers):
                raise InputError(f"channel '{name}': the parameter of interest '{old}' is not a NormFactor")
            modifiers = tuple(_scaled(m, old, rate, new) for m in sample.modifiers)
            sample = Sample(sample.name, rate * sample.data, modifiers)
        samples.append(sample)
    return Channel(channel.name, tuple(samples), channel.observed)


def _scaled(modifier: Modifier, old: str, rate: float, new: str) -> Modifier:
    """The modifier of a sample whose yield is multiplied by `rate`."""
    if modifier.name == old:
        return NormFactor(new)
    if isinstance(modifier, HistoSys):
        return HistoSys(modifier.name, rate * modifier.lo, rate * modifier.hi)
    if isinstance(modifier, StatError | ShapeSys):
        return replace(modifier, error=rate * modifier.error)
    return modifier


def strength_prediction(model: Prediction, reference: float) -> Prediction:
    """The strength against the coupling, 1 at the reference coupling; lifetimes as in the model.

    Parameters
    ----------
    model : Prediction
        Of any one of the channels: all their rates are taken to go with the coupling in the same way.
    reference : float
        Coupling at which the rates of `combine_channels` were taken.

    Examples
    --------
    >>> round(strength_prediction(Prediction([0.1, 1.0], [1e-2, 1.0]), 0.5).rate_at(1.0), 9)
    4.0
    """
    return Prediction(model.coupling, model.rate / model.rate_at(reference), model.ctau_cm)
