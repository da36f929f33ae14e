"""Counting experiments: channels with an observed count, a background and its constraint, and a signal efficiency.

The count of channel c is Poisson of mean mu s_c e_c + b_c. mu is the parameter of interest, s_c the expected signal for
mu = 1 (1: mu is the number of signal events), e_c the efficiency relative to its nominal value, b_c the background.

What is known about the background is one of

* `Known(mean)`;
* `Gaussian(mean, error)`: cut at zero;
* `Asymmetric(mean, up, down)`: two half Gaussians joined at `mean`, their mode, cut at zero;
* `LogNormal(mean, error)`: b = mean (1 + error/mean)^theta, theta a standard Gaussian; `mean` is the median;
* `Sideband(count, tau, tau_error)`: `count` events in a region that is expected to hold tau b; a relative error of tau
  is log-normal, tau (1 + tau_error)^theta.

The efficiency has the relative error `efficiency_error`, log-normal, e = (1 + error)^theta, or Gaussian cut at zero,
e = 1 + error theta. It is a separate nuisance of every channel, or one theta for all (`correlated`). Errors of the
backgrounds are independent of each other and of the efficiency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

from toymc.errors import InputError

EFFICIENCIES = ("lognormal", "gaussian")


@dataclass(frozen=True)
class Known:
    """A background without uncertainty, in events."""

    mean: float

    @property
    def best(self) -> float:
        """The nominal background."""
        return self.mean

    def scale(self) -> tuple[float, float]:
        """(centre, standard deviation) that tell how far the background may go."""
        return self.mean, 0.0


@dataclass(frozen=True)
class Gaussian(Known):
    """A background with a Gaussian error cut at zero, in events."""

    error: float

    def scale(self) -> tuple[float, float]:
        return self.mean, self.error


@dataclass(frozen=True)
class Asymmetric(Known):
    """A background with two errors, `mean` +up -down, in events: half Gaussians joined at the mode."""

    up: float
    down: float

    def scale(self) -> tuple[float, float]:
        return self.mean, max(self.up, self.down)


@dataclass(frozen=True)
class LogNormal(Known):
    """A background with a log-normal error: median `mean`, one standard deviation up is mean + error, in events."""

    error: float

    @property
    def kappa(self) -> float:
        """Standard deviation of ln b."""
        return math.log1p(self.error / self.mean)

    def scale(self) -> tuple[float, float]:
        centre = self.mean * math.exp(0.5 * self.kappa**2)
        return centre, centre * math.sqrt(math.expm1(self.kappa**2))


@dataclass(frozen=True)
class Sideband:
    """A background measured in a region that holds `tau` times as much of it; `tau_error` is relative."""

    count: int
    tau: float
    tau_error: float = 0.0

    @property
    def best(self) -> float:
        """The background by scaling, count / tau."""
        return self.count / self.tau

    @property
    def kappa(self) -> float:
        """Standard deviation of ln tau."""
        return math.log1p(self.tau_error)

    def scale(self) -> tuple[float, float]:
        mean = (self.count + 1.0) / self.tau * math.exp(0.5 * self.kappa**2)
        return mean, mean * math.sqrt(1.0 / (self.count + 1.0) + math.expm1(self.kappa**2))


Background: TypeAlias = Known | Gaussian | Asymmetric | LogNormal | Sideband
KINDS: Mapping[str, type[Background]] = {
    "known": Known, "gaussian": Gaussian, "asymmetric": Asymmetric, "lognormal": LogNormal, "sideband": Sideband,
}  # fmt: skip


@dataclass(frozen=True)
class CountingChannel:
    """One counting experiment: name, observed count, background, signal for mu = 1 and its efficiency error."""

    name: str
    observed: int
    background: Background
    signal: float = 1.0
    efficiency_error: float = 0.0


@dataclass(frozen=True)
class CountingModel:
    """Counting channels that share one signal strength mu.

    Parameters
    ----------
    channels : sequence of CountingChannel
        See the module text.
    efficiency : {"lognormal", "gaussian"}
        Shape of the efficiency errors.
    correlated : bool
        Whether one nuisance moves the efficiencies of all channels.

    Raises
    ------
    InputError
        Negative or fractional counts, negative backgrounds, a signal that is not positive, NaN, names used twice.

    Examples
    --------
    >>> CountingModel([CountingChannel("e", 2, Sideband(3, 10.0), 0.8), CountingChannel("mu", 0, Known(0.4))]).observed
    (2, 0)
    >>> CountingModel([CountingChannel("e", -1, Known(0.4))])
    Traceback (most recent call last):
    ...
    toymc.errors.InputError: channel 'e': observed = -1; it must be a count, 0 or more
    """

    channels: Sequence[CountingChannel]
    efficiency: str = "lognormal"
    correlated: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        _check(self)

    @property
    def observed(self) -> tuple[int, ...]:
        """Observed counts."""
        return tuple(int(c.observed) for c in self.channels)

    @property
    def shared_efficiency(self) -> bool:
        """Whether one efficiency nuisance acts on several channels."""
        return self.correlated and sum(c.efficiency_error > 0.0 for c in self.channels) > 1

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it."""
        names = {kind: name for name, kind in KINDS.items()}
        rows = []
        for c in self.channels:
            background = {"kind": names[type(c.background)], **asdict(c.background)}
            rows.append({**asdict(c), "background": background})
        return {"channels": rows, "efficiency": self.efficiency, "correlated": self.correlated}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> CountingModel:
        """Read a model as `to_dict` writes it (also from TOML); `background = 1.3` is a known one.

        Raises
        ------
        InputError
            Unknown or missing keys and what `CountingModel` refuses.

        Examples
        --------
        >>> model = CountingModel.from_dict({"channels": [{"name": "e", "observed": 1, "background": 0.3}]})
        >>> model.channels[0].background
        Known(mean=0.3)
        """
        allowed = ("channels", "efficiency", "correlated")
        _keys(content, allowed, "the counting model")
        rows = content.get("channels")
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise InputError("the counting model has no list 'channels'; give one table per channel")
        rest = {key: content[key] for key in allowed[1:] if key in content}
        return cls([_read_channel(row, i) for i, row in enumerate(rows)], **rest)


def _keys(content: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in content:
        if key not in allowed:
            raise InputError(f"{where}: unknown key '{key}'; allowed: {', '.join(allowed)}")


def _read_channel(row: Mapping[str, Any], index: int) -> CountingChannel:
    where = f"channel '{row.get('name', index)}'"
    _keys(row, [f.name for f in fields(CountingChannel)], where)
    for key in ("name", "observed", "background"):
        if key not in row:
            raise InputError(f"{where}: '{key}' is missing")
    return CountingChannel(**{**row, "background": _read_background(row["background"], where)})


def _read_background(content: Any, where: str) -> Background:
    if isinstance(content, int | float):
        return Known(content)
    if not isinstance(content, Mapping) or content.get("kind") not in KINDS:
        raise InputError(f"{where}: background = {content}; give a number or a table with kind = {', '.join(KINDS)}")
    kind = KINDS[content["kind"]]
    values = {key: value for key, value in content.items() if key != "kind"}
    names = [f.name for f in fields(kind)]
    _keys(values, names, f"{where}, background")
    try:
        return kind(**values)
    except TypeError:
        missing = [name for name in names if name not in values and name != "tau_error"]
        raise InputError(f"{where}, background: '{missing[0]}' is missing") from None


def _number(value: Any, name: str, where: str, low: float = 0.0, *, above: bool = False) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < low or (above and value == low):
        text = f"{value:g}" if isinstance(value, int | float) else f"{value!r}"
        raise InputError(f"{where}: {name} = {text}; it must be finite and {'positive' if above else 'not negative'}")


def _count(value: Any, name: str, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {name} = {value!r}; it must be a count, 0 or more")
    if not math.isfinite(value) or value != int(value) or value < 0:
        raise InputError(f"{where}: {name} = {value}; it must be a count, 0 or more")


def _check_background(background: Background, where: str) -> None:
    if isinstance(background, Sideband):
        _count(background.count, "sideband count", where)
        _number(background.tau, "tau", where, above=True)
        _number(background.tau_error, "error of tau", where)
        return
    if not isinstance(background, Known):
        raise InputError(f"{where}: background = {background!r}; give one of {', '.join(KINDS)}")
    _number(background.mean, "background", where, above=isinstance(background, LogNormal))
    for name in ("error", "up", "down"):
        if hasattr(background, name):
            _number(getattr(background, name), f"background error ({name})", where, above=True)


def _check(model: CountingModel) -> None:
    if not model.channels:
        raise InputError("the counting model has no channels")
    if model.efficiency not in EFFICIENCIES:
        raise InputError(f"efficiency '{model.efficiency}'; allowed: {', '.join(EFFICIENCIES)}")
    if not isinstance(model.correlated, bool):
        raise InputError(f"correlated = {model.correlated!r}; give true or false")
    names = [c.name for c in model.channels]
    for channel in model.channels:
        where = f"channel '{channel.name}'"
        if names.count(channel.name) > 1:
            raise InputError(f"two channels are called '{channel.name}'")
        _count(channel.observed, "observed", where)
        _check_background(channel.background, where)
        _number(channel.signal, "signal for mu = 1", where)
        _number(channel.efficiency_error, "relative efficiency error", where)
    if not any(c.signal > 0.0 for c in model.channels):
        raise InputError(f"channel '{names[0]}': signal = 0 and no other channel has any; there is no limit")
