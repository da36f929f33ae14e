"""Binned models at another luminosity.

With k = L / L today, every template grows by k; a systematic variation keeps its shape and its size relative to the
template, times the factor of the scenario; the statistics of the simulation follow the scenario. Free normalisations
and the parameter of interest keep their meaning (they multiply templates), so that a limit stays in its unit. Detector,
selection and background composition are those of today: what a new selection, better reconstruction or higher beam
background would change is not in the projection.

Size of a source in a model: normsys lo^f and hi^f (f sigma become one), histosys nominal + f (variation - nominal),
luminosity and shapesys f times their error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from toymc.inference.model import (
    Channel,
    FloatArray,
    HistoSys,
    Luminosity,
    Model,
    Modifier,
    NormSys,
    Parameter,
    Sample,
    ShapeSys,
    StatError,
)
from toymc.inference.projections.scenarios import Floors, Scenario, check_ratio, floor_of, group_of

Size: TypeAlias = Callable[[str], float]
"""Name of a source -> its size relative to today."""
_SYSTEMATIC = (NormSys, HistoSys, Luminosity, ShapeSys)


def systematic_sources(model: Model) -> tuple[str, ...]:
    """Names of the systematic sources of a model (its constrained modifiers but the statistics of the simulation)."""
    names = [m.name for c in model.channels for s in c.samples for m in s.modifiers if isinstance(m, _SYSTEMATIC)]
    return tuple(dict.fromkeys(names))


def source_groups(model: Model, floors: Floors) -> dict[str, tuple[str, ...]]:
    """The sources of a model by the name in `floors` that they fall under, or each by its own name."""
    groups: dict[str, list[str]] = {}
    for name in systematic_sources(model):
        groups.setdefault(group_of(name, floors) or name, []).append(name)
    return {group: tuple(members) for group, members in groups.items()}


def scale_model(
    model: Model,
    luminosity_fb: float,
    today_fb: float,
    scenario: Scenario,
    floors: Floors,
    without: tuple[str, ...] = (),
) -> Model:
    """The model at another luminosity, without observed counts.

    Parameters
    ----------
    model : Model
        At today's luminosity.
    luminosity_fb, today_fb : float
    scenario : Scenario
    floors : mapping
        Relative floors per source; a source without one does not improve.
    without : tuple of str
        Sources to leave out, e.g. to see what one of them costs.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        For a luminosity that is not positive.

    Examples
    --------
    >>> from toymc.inference.model import NormFactor
    >>> from toymc.inference.projections.scenarios import SCALING, Floor
    >>> background = Sample("background", [100.0], (NormSys("scale", 0.9, 1.1),))
    >>> today = Model([Channel("sr", (Sample("signal", [5.0], (NormFactor("mu"),)), background))], poi="mu")
    >>> later = scale_model(today, 400.0, 100.0, SCALING, {"scale": Floor(0.2, "calibration")})
    >>> sample = later.channels[0].samples[1]
    >>> sample.data.tolist(), round(sample.modifiers[0].hi, 4)
    ([400.0], 1.0488)
    """
    ratio = check_ratio(luminosity_fb, today_fb)

    def size(name: str) -> float:
        return 0.0 if name in without else scenario.factor(ratio, floor_of(name, floors))

    channels = []
    for channel in model.channels:
        samples = []
        for sample in channel.samples:
            modifiers = [_modifier(m, sample.data, ratio, size, scenario) for m in sample.modifiers]
            samples.append(Sample(sample.name, ratio * sample.data, tuple(m for m in modifiers if m is not None)))
        channels.append(Channel(channel.name, tuple(samples)))
    used = {m.name for c in channels for s in c.samples for m in s.modifiers}
    parameters = [_parameter(p, model, size) for p in model.parameters if p.name in used]
    return Model(tuple(channels), model.poi, tuple(parameters), model.name)


def _modifier(modifier: Modifier, nominal: FloatArray, ratio: float, size: Size, scenario: Scenario) -> Modifier | None:
    """The modifier on a template that has grown by `ratio`; None where nothing is left of it."""
    if isinstance(modifier, StatError):
        left = scenario.simulation_factor(ratio)
        return StatError(modifier.name, ratio * left * modifier.error) if left > 0.0 else None
    if not isinstance(modifier, NormSys | HistoSys | ShapeSys):
        return modifier
    f = size(modifier.name)
    if f == 0.0:
        return None
    if isinstance(modifier, NormSys):
        return NormSys(modifier.name, modifier.lo**f, modifier.hi**f)
    if isinstance(modifier, ShapeSys):
        return ShapeSys(modifier.name, ratio * f * modifier.error)
    low, high = (np.maximum(nominal + f * (v - nominal), 0.0) for v in (modifier.lo, modifier.hi))
    return HistoSys(modifier.name, ratio * low, ratio * high)


def _parameter(parameter: Parameter, model: Model, size: Size) -> Parameter:
    """Settings of the luminosity: its error times the factor, held where that is zero."""
    lumi = {m.name for c in model.channels for s in c.samples for m in s.modifiers if isinstance(m, Luminosity)}
    if parameter.name not in lumi or parameter.sigmas is None:
        return parameter
    f = size(parameter.name)
    if f == 0.0:
        return replace(parameter, fixed=True)
    return replace(parameter, sigmas=tuple(f * sigma for sigma in parameter.sigmas))
