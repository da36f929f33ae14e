"""run.toml: everything needed to run a study again."""

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Value = str | bool | int | float

# Options of `toymc study run|validate|project` in the order of their help, and the key of each in run.toml.
_OPTIONS = (
    "experiments", "luminosity", "run", "seed", "scale", "executor", "scheduler", "systematics", "points", "data",
)  # fmt: skip


@dataclass(frozen=True)
class RunConfig:
    """How a run was made.

    Attributes
    ----------
    study : str
    options : mapping
        Options of ``toymc study <action>`` by their long name; None means not given.
    versions : mapping
        Name -> version of toymc and of what its numbers depend on (the PDG edition among them).
    details : mapping
        What else is worth knowing, e.g. the detector card.
    action : str
        ``run``, ``validate`` or ``project``.
    """

    study: str
    options: Mapping[str, Value | None]
    versions: Mapping[str, str]
    details: Mapping[str, Value] = field(default_factory=dict)
    action: str = "run"

    @property
    def command(self) -> str:
        """The command line that runs this again."""
        words = ["toymc", "study", self.action, self.study]
        for name in _OPTIONS:
            value = self.options.get(name)
            if value is not None:
                words += [f"--{name}", str(value)]
        return shlex.join([*words, "--out", "DIR"])

    def to_toml(self) -> str:
        """The text of run.toml."""
        lines = ["# toymc run: everything needed to run it again", f"study = {_toml(self.study)}"]
        lines.append(f"action = {_toml(self.action)}")
        lines.append(f"command = {_toml(self.command)}")
        for table, values in (("options", self.options), ("versions", self.versions), ("details", self.details)):
            given = {key: value for key, value in values.items() if value is not None}
            if given:
                lines += ["", f"[{table}]"]
                lines += [f"{_key(key)} = {_toml(value)}" for key, value in given.items()]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write run.toml to `path`."""
        path.write_text(self.to_toml(), encoding="utf-8")


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _toml(value: Value) -> str:
    """A TOML value; basic strings of TOML and JSON have the same escapes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
