"""Typed parameters of a process: conversion from text, ranges, and errors that say what is allowed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from toymc.errors import InputError

Value = bool | float | str


@dataclass(frozen=True)
class Parameter:
    """One parameter of a process.

    The type is that of the default: bool, float or str. `choices` limits text, `low` and `high` (both included)
    limit numbers.
    """

    name: str
    default: Value
    help: str
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf

    def allowed(self) -> str:
        """What may be given, in words.

        Examples
        --------
        >>> Parameter("isr", True, "radiation").allowed()
        'true or false'
        """
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, float):
            return f"a number from {self.low:g} to {self.high:g}"
        return " | ".join(self.choices) if self.choices else "text"

    def convert(self, value: object) -> Value:
        """Bring a value, perhaps text from the command line, to the type of the parameter and check its range.

        Raises
        ------
        InputError
            If it has the wrong type or lies outside the range.

        Examples
        --------
        >>> Parameter("isr", True, "radiation").convert("false")
        False
        """
        converted = self._typed(value)
        if converted is None:
            raise InputError(f"parameter {self.name} = {value!r}: give {self.allowed()}")
        return converted

    def _typed(self, value: object) -> Value | None:
        if isinstance(self.default, bool):
            if isinstance(value, bool):
                return value
            return {"true": True, "false": False}.get(str(value).strip().lower())
        if isinstance(self.default, float):
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                return None
            try:
                number = float(value)
            except ValueError:
                return None
            return number if self.low <= number <= self.high else None
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            return None
        return value


def resolve(process: str, table: tuple[Parameter, ...], given: Mapping[str, object]) -> dict[str, Value]:
    """Values of all parameters of a process: those given, checked, and the defaults of the others.

    Parameters
    ----------
    process : str
        Name, for the error message.
    table : tuple of Parameter
    given : mapping

    Returns
    -------
    dict

    Raises
    ------
    InputError
        For a name that the process does not have, or a bad value.

    Examples
    --------
    >>> resolve("p", (Parameter("isr", True, "radiation"),), {})
    {'isr': True}
    """
    names = [p.name for p in table]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(f"process {process} has no parameter '{unknown[0]}': allowed are {', '.join(names)}")
    return {p.name: p.convert(given[p.name]) if p.name in given else p.default for p in table}
