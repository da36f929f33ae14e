"""Numbers of the width library, from generators/data/models.toml."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("toymc.generators").joinpath("data", "models.toml").read_text(encoding="utf-8")
    )


def model_inputs(section: str) -> dict[str, Any]:
    """Sourced inputs of one model.

    Examples
    --------
    >>> model_inputs("strong")["alpha_s_mz"]["value"]
    0.118
    """
    section_inputs: dict[str, Any] = _table()[section]
    return section_inputs
