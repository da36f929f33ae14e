"""What a search over mass and lifetime is made of: channels, signal and background samples, the grid, the numbers.

A study file fills these in and holds nothing else; `toymc.production.scan` runs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toymc.analysis.b_candidates import PairChannel
from toymc.inference.projections import Floor
from toymc.studies.study import named_channel


@dataclass(frozen=True)
class PairSelection:
    """Cuts on candidates, in basf2 syntax on the columns of `b_candidates`.

    Attributes
    ----------
    common : mapping of str to str
        Label -> cut, everything but the two sets below.
    box : mapping of str to str
        Label -> cut on beam-constrained mass and energy: the signal box, relaxed where the background is estimated.
    displacement, tight_displacement : str
        Cut on the distance of the vertex; the second holds in `tight_regions`.
    tight_regions : tuple of (float, float)
        Masses of the pair with peaking backgrounds, GeV.
    best : str
        The candidate of an event with the lowest value is kept.
    identification : mapping of str to str
        Track (kaon, pion, x1, x2) -> working point of the card. Enters as a weight.
    """

    common: Mapping[str, str]
    box: Mapping[str, str]
    displacement: str
    tight_displacement: str
    tight_regions: tuple[tuple[float, float], ...]
    best: str
    identification: Mapping[str, str]


@dataclass(frozen=True)
class ScanChannel:
    """One final state.

    Attributes
    ----------
    name : str
    pair : PairChannel
    selection : PairSelection
    process : str
        Of the signal.
    parameters : mapping
        Its parameters but for mass and ctau.
    code : int
        PDG code of the new particle in the signal process.
    model_production, model_decay : str
        Keys of the model's production and branching fractions, for limits on its coupling.
    mass_range : tuple of float
        Hypotheses, GeV.
    nodes : tuple of float
        Masses that are simulated; maps are interpolated between them.
    parents : float
        Signal mesons per B pair: 2 f.
    sub_fraction : float
        Share of the model's decays that limits include: that of K*0 -> K+ pi-.
    label : str
        For figures.
    """

    name: str
    pair: PairChannel
    selection: PairSelection
    process: str
    parameters: Mapping[str, object]
    code: int
    model_production: str
    model_decay: str
    mass_range: tuple[float, float]
    nodes: tuple[float, ...]
    parents: float
    sub_fraction: float = 1.0
    label: str = ""


@dataclass(frozen=True)
class BackgroundSample:
    """A background process: what to generate, and how many events of it a pair number stands for.

    Attributes
    ----------
    name, process : str
    parameters : mapping
    events : int
        At scale 1.
    """

    name: str
    process: str
    parameters: Mapping[str, object]
    events: int


@dataclass(frozen=True)
class ControlMode:
    """A decay of the Standard Model that looks like the signal, reconstructed by the same code.

    Attributes
    ----------
    name, process : str
    parameters : mapping
    pair : PairChannel
    code : int
        PDG code of the particle with the displaced decay.
    cuts : mapping of str to str
    best : str
    identification : mapping of str to str
        As in `PairSelection`.
    events : int
        At scale 1.
    """

    name: str
    process: str
    parameters: Mapping[str, object]
    pair: PairChannel
    code: int
    cuts: Mapping[str, str]
    best: str
    identification: Mapping[str, str]
    events: int


@dataclass(frozen=True)
class ScanStudy:
    """A search over mass and lifetime, from samples to limits.

    Attributes
    ----------
    name, title, reference, limit_on, card : str
    luminosity_fb : float
    confidence_levels : tuple of float
    channels : tuple of ScanChannel
    backgrounds : tuple of BackgroundSample
    signal_events : int
        Generated for each node and generated lifetime, at scale 1.
    generated_ctau_cm : tuple of float
        Lifetimes that are generated; all others follow by weights.
    lifetimes_cm : tuple of float
        Scanned.
    reference_masses, reference_lifetimes_cm : tuple of float
        Points of result.json.
    pairs : callable
        Luminosity in 1/fb -> number of B pairs.
    errors : mapping of str to float
        Relative uncertainties that are common to all signals (number of pairs, production fraction).
    floors : mapping of str to Floor
        How far these, and "efficiency", can improve in `toymc study project`.
    model : str
        Model of the interpretation.
    published : callable
        () -> published numbers as plain dictionaries with the keys of `result.json`.
    reactions, notes : tuple of str
    controls : tuple of ControlMode
        Of `toymc study validate`.
    """

    name: str
    title: str
    reference: str
    limit_on: str
    card: str
    luminosity_fb: float
    confidence_levels: tuple[float, ...]
    channels: tuple[ScanChannel, ...]
    backgrounds: tuple[BackgroundSample, ...]
    signal_events: int
    generated_ctau_cm: tuple[float, ...]
    lifetimes_cm: tuple[float, ...]
    reference_masses: tuple[float, ...]
    reference_lifetimes_cm: tuple[float, ...]
    pairs: Callable[[float], float]
    errors: Mapping[str, float]
    floors: Mapping[str, Floor]
    model: str
    published: Callable[[], list[dict[str, Any]]]
    reactions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    controls: tuple[ControlMode, ...] = ()

    def channel(self, name: str) -> ScanChannel:
        """The channel of this name.

        Raises
        ------
        InputError
            If there is none.
        """
        return named_channel(self.name, self.channels, name)

    def names(self) -> list[str]:
        """Names of the channels."""
        return [channel.name for channel in self.channels]
