"""One pyhf workspace for a whole study: every hypothesis is a measurement of it."""

from collections.abc import Sequence
from typing import Any

from toymc.errors import InputError
from toymc.studies.study import Hypothesis


def merge_workspaces(hypotheses: Sequence[Hypothesis]) -> dict[str, Any]:
    """Join the models of all hypotheses into one workspace.

    Channels and samples of the same name are shared; each hypothesis becomes a measurement with its own parameter of
    interest, in which the signals of all other hypotheses are fixed at zero. Where hypotheses of different channels
    share no parameter, a channel without signal drops out of every likelihood ratio, so that a measurement gives the
    same limit as its model alone.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis

    Returns
    -------
    dict
        A pyhf workspace (JSON-ready).

    Raises
    ------
    InputError
        If two hypotheses have the same name or disagree about the data of a channel.
    """
    parts = [hypothesis.model.to_pyhf() for hypothesis in hypotheses]
    pois = [hypothesis.model.poi for hypothesis in hypotheses]
    if len(set(pois)) != len(pois):
        raise InputError("two hypotheses share a parameter of interest: give each its own name")
    channels: dict[str, dict[str, Any]] = {}
    observations: dict[str, dict[str, Any]] = {}
    for part in parts:
        for channel in part["channels"]:
            samples = channels.setdefault(channel["name"], {})
            for sample in channel["samples"]:
                samples.setdefault(sample["name"], sample)
        for observation in part["observations"]:
            known = observations.setdefault(observation["name"], observation)
            if known["data"] != observation["data"]:
                raise InputError(f"hypotheses disagree about the data of channel '{observation['name']}'")
    return {
        "version": parts[0]["version"],
        "channels": [{"name": name, "samples": list(samples.values())} for name, samples in channels.items()],
        "observations": list(observations.values()),
        "measurements": [_measurement(part, poi, pois) for part, poi in zip(parts, pois, strict=True)],
    }


def _measurement(part: dict[str, Any], poi: str, pois: Sequence[str]) -> dict[str, Any]:
    own = part["measurements"][0]
    others = [{"name": name, "fixed": True, "inits": [0.0]} for name in pois if name != poi]
    return {"name": own["name"], "config": {"poi": poi, "parameters": [*own["config"]["parameters"], *others]}}
