"""The HistFactory model: channels, samples, modifiers, parameters; built once, checked when built.

Vocabulary and meaning are those of HistFactory (CERN-OPEN-2012-016) as pyhf writes them down: the expected yield of a
sample in a bin is (nominal + sum of histosys shifts) x product of factors, the data are Poisson, and each nuisance
parameter has the constraint term of its modifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray: TypeAlias = npt.NDArray[np.float64]


def _array(values: npt.ArrayLike, what: str = "the data") -> FloatArray:
    try:
        out = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {values!r:.80} is not a list of numbers; give one finite number per bin") from error
    out = out.copy() if out is values else out
    out.setflags(write=False)
    return out


@dataclass(frozen=True)
class NormFactor:
    """Free normalisation of a sample (pyhf `normfactor`); the same name shares one parameter."""

    name: str


@dataclass(frozen=True)
class Luminosity:
    """Luminosity scale (pyhf `lumi`): needs a `Parameter` with `auxdata`, `sigmas`, `inits`, `bounds`."""

    name: str = "lumi"


@dataclass(frozen=True)
class NormSys:
    """Normalisation uncertainty (pyhf `normsys`): factor `lo` at -1 sigma, `hi` at +1 sigma (interpolation code4)."""

    name: str
    lo: float
    hi: float


@dataclass(frozen=True, eq=False)
class HistoSys:
    """Correlated shape uncertainty (pyhf `histosys`): the template at -1 and +1 sigma, in events (code4p).

    Extrapolated below zero a yield stays at zero, as in ROOT's HistFactory (in pyhf: `clip_sample_data=0.0`).
    """

    name: str
    lo: FloatArray
    hi: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "lo", _array(self.lo, f"modifier '{self.name}', the -1 sigma template"))
        object.__setattr__(self, "hi", _array(self.hi, f"modifier '{self.name}', the +1 sigma template"))


@dataclass(frozen=True, eq=False)
class StatError:
    """Monte Carlo statistics (pyhf `staterror`): absolute error per bin.

    One factor per bin is shared by all samples of the channel that carry the name (Barlow-Beeston lite), with a
    Gaussian constraint of width (quadratic sum of the errors) / (sum of the nominal yields).
    """

    name: str
    error: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", _array(self.error, f"modifier '{self.name}', the error"))


@dataclass(frozen=True, eq=False)
class ShapeSys:
    """Uncorrelated shape uncertainty (pyhf `shapesys`): absolute error per bin, Poisson constraint."""

    name: str
    error: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", _array(self.error, f"modifier '{self.name}', the error"))


@dataclass(frozen=True)
class ShapeFactor:
    """Free factor per bin (pyhf `shapefactor`), shared by name between samples and channels."""

    name: str


Modifier: TypeAlias = NormFactor | Luminosity | NormSys | HistoSys | StatError | ShapeSys | ShapeFactor


@dataclass(frozen=True, eq=False)
class Sample:
    """One process in one channel: nominal events per bin and its modifiers."""

    name: str
    data: FloatArray
    modifiers: tuple[Modifier, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _array(self.data, f"sample '{self.name}', the yield"))
        object.__setattr__(self, "modifiers", tuple(self.modifiers))


@dataclass(frozen=True, eq=False)
class Channel:
    """A histogram: samples of the same binning, and the observed counts if there are any."""

    name: str
    samples: tuple[Sample, ...]
    observed: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", tuple(self.samples))
        if self.observed is not None:
            object.__setattr__(self, "observed", _array(self.observed, f"channel '{self.name}', the observed count"))

    @property
    def n_bins(self) -> int:
        """Number of bins (of the first sample; the check makes sure that all agree)."""
        return int(self.samples[0].data.shape[0])


@dataclass(frozen=True)
class Parameter:
    """Settings of a parameter that differ from its modifier's default (pyhf `measurement` parameters).

    `inits`, `bounds`, `auxdata`, `sigmas` have one entry per component (one, or one per bin); None keeps the default.
    """

    name: str
    inits: tuple[float, ...] | None = None
    bounds: tuple[tuple[float, float], ...] | None = None
    auxdata: tuple[float, ...] | None = None
    sigmas: tuple[float, ...] | None = None
    fixed: bool = False


@dataclass(frozen=True, eq=False)
class Model:
    """A HistFactory model with one parameter of interest.

    Parameters
    ----------
    channels : sequence of Channel
        The histograms; counts in events.
    poi : str
        Name of the parameter of interest, a scalar (usually the `NormFactor` of the signal).
    parameters : sequence of Parameter
        Settings that differ from the defaults: fixed parameters, bounds, luminosity.
    name : str
        Name of the measurement in the workspace.

    Raises
    ------
    InputError
        At construction: empty, negative, infinite or NaN bins, mismatched binning, a signal of zero, names used twice,
        a parameter of interest that does not exist. The message names channel, sample, bin and value.

    Examples
    --------
    >>> signal = Sample("signal", [2.0, 5.0], (NormFactor("mu"),))
    >>> background = Sample("background", [9.0, 7.0], (NormSys("scale", 0.9, 1.1),))
    >>> model = Model([Channel("sr", (signal, background), observed=[8, 9])], poi="mu")
    >>> model.parameter_names
    ['mu', 'scale']
    """

    channels: tuple[Channel, ...]
    poi: str
    parameters: tuple[Parameter, ...] = field(default=())
    name: str = "measurement"

    def __post_init__(self) -> None:
        from toymc.inference.checks import check_model

        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "parameters", tuple(self.parameters))
        check_model(self)
        self.layout  # noqa: B018  built now: what is wrong with the model is said where it is made

    @cached_property
    def layout(self) -> Any:
        """The packed arrays of the engine (`toymc.inference.packing.Layout`)."""
        from toymc.inference.packing import pack

        return pack(self)

    @property
    def parameter_names(self) -> list[str]:
        """Names of all parameters, components as `name[i]`, in the order of the fit results."""
        return list(self.layout.names)

    @property
    def has_data(self) -> bool:
        """Whether every channel carries observed counts."""
        return all(channel.observed is not None for channel in self.channels)

    def with_data(self, observed: Mapping[str, npt.ArrayLike]) -> Model:
        """The same model with other observed counts, given per channel name."""
        from toymc.inference.checks import check_data

        check_data(self, observed)
        channels = [Channel(c.name, c.samples, _array(observed[c.name], f"channel '{c.name}'")) for c in self.channels]
        return Model(tuple(channels), self.poi, self.parameters, self.name)

    def to_pyhf(self) -> dict[str, Any]:
        """The model as a pyhf workspace (JSON-ready); see `toymc.inference.workspace.to_pyhf`."""
        from toymc.inference.workspace import to_pyhf

        return to_pyhf(self)

    @staticmethod
    def from_pyhf(workspace: Mapping[str, Any], measurement: str | None = None) -> Model:
        """The model of a pyhf workspace; see `toymc.inference.workspace.from_pyhf`."""
        from toymc.inference.workspace import from_pyhf

        return from_pyhf(workspace, measurement)

    def parameter(self, name: str) -> Parameter | None:
        """The settings given for the parameter, None if it keeps its defaults."""
        return next((p for p in self.parameters if p.name == name), None)


def modifier_types(modifiers: Sequence[Modifier]) -> list[str]:
    """The pyhf type names of modifiers.

    >>> modifier_types([NormFactor("mu"), ShapeFactor("free")])
    ['normfactor', 'shapefactor']
    """
    names = {
        NormFactor: "normfactor", Luminosity: "lumi", NormSys: "normsys", HistoSys: "histosys",
        StatError: "staterror", ShapeSys: "shapesys", ShapeFactor: "shapefactor",
    }  # fmt: skip
    return [names[type(m)] for m in modifiers]
