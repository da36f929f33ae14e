"""HistFactory models as pyhf workspaces (JSON schema 1.0.0), both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toymc.errors import InputError
from toymc.inference.model import (
    Channel,
    HistoSys,
    Luminosity,
    Model,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    modifier_types,
)

_PLAIN = {"normfactor": NormFactor, "lumi": Luminosity, "shapefactor": ShapeFactor}


def _modifier_json(modifier: Modifier) -> dict[str, Any]:
    data: Any = None
    if isinstance(modifier, NormSys):
        data = {"lo": float(modifier.lo), "hi": float(modifier.hi)}
    elif isinstance(modifier, HistoSys):
        data = {"lo_data": modifier.lo.tolist(), "hi_data": modifier.hi.tolist()}
    elif isinstance(modifier, StatError | ShapeSys):
        data = modifier.error.tolist()
    return {"name": modifier.name, "type": modifier_types([modifier])[0], "data": data}


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    out: dict[str, Any] = {"name": parameter.name}
    for key in ("inits", "auxdata", "sigmas"):
        values = getattr(parameter, key)
        if values is not None:
            out[key] = [float(v) for v in values]
    if parameter.bounds is not None:
        out["bounds"] = [[float(low), float(high)] for low, high in parameter.bounds]
    if parameter.fixed:
        out["fixed"] = True
    return out


def to_pyhf(model: Model) -> dict[str, Any]:
    """The model as a pyhf workspace.

    Parameters
    ----------
    model : Model
        Yields in events. Channels without data are written with their background expectation (parameter of interest 0,
        nuisance parameters at their start values) as observation: the expected limits are then the same everywhere.

    Returns
    -------
    dict
        JSON-ready, schema 1.0.0 of pyhf.

    Examples
    --------
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])))], poi="mu")
    >>> to_pyhf(model)["observations"]
    [{'name': 'sr', 'data': [3.0]}]
    """
    from toymc.inference.profile import Likelihood

    expected = Likelihood(model).background_expectation()
    channels, observations = [], []
    for channel in model.channels:
        samples = [
            {"name": s.name, "data": s.data.tolist(), "modifiers": [_modifier_json(m) for m in s.modifiers]}
            for s in channel.samples
        ]
        channels.append({"name": channel.name, "samples": samples})
        data = expected[channel.name] if channel.observed is None else channel.observed
        observations.append({"name": channel.name, "data": data.tolist()})
    config = {"poi": model.poi, "parameters": [_parameter_json(p) for p in model.parameters]}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": model.name, "config": config}],
        "version": "1.0.0",
    }


def _modifier(entry: Mapping[str, Any], where: str) -> Modifier:
    kind, name = entry["type"], str(entry["name"])
    data: Any = entry.get("data")
    if kind in _PLAIN:
        plain: Modifier = _PLAIN[kind](name)
        return plain
    if kind == "normsys":
        return NormSys(name, float(data["lo"]), float(data["hi"]))
    if kind == "histosys":
        return HistoSys(name, np.asarray(data["lo_data"], np.float64), np.asarray(data["hi_data"], np.float64))
    if kind == "staterror":
        return StatError(name, np.asarray(data, np.float64))
    if kind == "shapesys":
        return ShapeSys(name, np.asarray(data, np.float64))
    allowed = [*_PLAIN, "normsys", "histosys", "staterror", "shapesys"]
    raise InputError(f"{where}: modifier '{name}' is of type '{kind}'; allowed: {', '.join(allowed)}")


def _numbers(entry: Mapping[str, Any], key: str) -> tuple[float, ...] | None:
    return tuple(float(v) for v in entry[key]) if key in entry else None


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    bounds = tuple((float(b[0]), float(b[1])) for b in entry["bounds"]) if "bounds" in entry else None
    return Parameter(
        str(entry["name"]),
        inits=_numbers(entry, "inits"),
        bounds=bounds,
        auxdata=_numbers(entry, "auxdata"),
        sigmas=_numbers(entry, "sigmas"),
        fixed=_fixed(entry),
    )


def _fixed(entry: Mapping[str, Any]) -> bool:
    """`fixed` is one truth value, or (written by newer pyhf) one per component."""
    fixed = entry.get("fixed", False)
    values = list(fixed) if isinstance(fixed, list) else [fixed]
    if any(values) and not all(values):
        raise InputError(f"parameter '{entry['name']}': fixed = {fixed}; fix all components or none")
    return any(values)


def _measurement(workspace: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    measurements: Sequence[Mapping[str, Any]] = workspace["measurements"]
    if not measurements:
        raise InputError("the workspace has no measurement")
    if name is None:
        return measurements[0]
    for measurement in measurements:
        if measurement["name"] == name:
            return measurement
    raise InputError(f"the workspace has no measurement '{name}'; it has {[m['name'] for m in measurements]}")


def from_pyhf(workspace: Mapping[str, Any], measurement: str | None = None) -> Model:
    """The model of a pyhf workspace.

    Parameters
    ----------
    workspace : mapping
        A workspace as `json.load` gives it (schema 1.0.0).
    measurement : str, optional
        Name of the measurement; the first one if not given.

    Returns
    -------
    Model
        With the workspace's observations. Settings of parameters that no modifier uses are dropped (pyhf ignores them).

    Raises
    ------
    InputError
        If the JSON is not a workspace, or the model does not pass its checks.

    Examples
    --------
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])))], poi="mu")
    >>> from_pyhf(model.to_pyhf()).channels[0].observed
    array([3.])
    """
    try:
        config = _measurement(workspace, measurement)
        observed = {o["name"]: np.asarray(o["data"], np.float64) for o in workspace["observations"]}
        if len(observed) < len(workspace["observations"]):
            raise InputError("the workspace has two observations for one channel; give each channel one")
        channels = []
        for entry in workspace["channels"]:
            samples = []
            for sample in entry["samples"]:
                where = f"channel '{entry['name']}', sample '{sample['name']}'"
                modifiers = tuple(_modifier(m, where) for m in sample["modifiers"])
                samples.append(Sample(str(sample["name"]), np.asarray(sample["data"], np.float64), modifiers))
            if entry["name"] not in observed:
                raise InputError(f"channel '{entry['name']}': the workspace has no observation for it")
            channels.append(Channel(str(entry["name"]), tuple(samples), observed[entry["name"]]))
        used = {m.name for c in channels for s in c.samples for m in s.modifiers}
        parameters = tuple(_parameter(p) for p in config["config"]["parameters"] if p["name"] in used)
        return Model(tuple(channels), str(config["config"]["poi"]), parameters, str(config["name"]))
    except InputError:
        raise
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise InputError(
            f"not a pyhf workspace ({type(error).__name__}: {error}); it needs channels, observations, measurements"
        ) from error
