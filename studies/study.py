"""What a study is made of: samples to generate, channels to select, a model of the spectra, published numbers.

A study file fills these in and holds nothing else; `toymc.production` runs it. All of it is plain data and functions:
what a study does can be read off its file from top to bottom.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from toymc.analysis.selection import Selection
from toymc.analysis.smoothing import silverman_width, smoothing_matrix
from toymc.analysis.weights import EventWeights
from toymc.detector import Detector
from toymc.errors import InputError
from toymc.events import EventBatch, Reconstruction
from toymc.generators.processes import PreparedProcess
from toymc.inference import Model
from toymc.inference.projections import Floor, Measurement

if TYPE_CHECKING:
    from toymc.studies.estimators import StudyEstimator

FloatArray = npt.NDArray[np.float64]
NOMINAL = "nominal"
"""Name of the observable without any shift."""
Columns = dict[str, npt.NDArray[Any]]
"""Named columns of the selected events of a batch; `event` is the row of the event in the batch."""


@dataclass(frozen=True)
class Sample:
    """One generated sample.

    Attributes
    ----------
    name : str
        Name in the result; also the name of its random streams.
    process : str
        A key of `toymc.generators.processes.PROCESSES`.
    parameters : mapping
        Parameters of the process.
    events : int
        Events at scale 1.
    expected : callable
        From (prepared process, luminosity in 1/fb) to the number of events in data that a mean event weight of 1
        stands for. The weights carry branching fractions, so this is usually luminosity x cross-section.
    channels : tuple of str
        Channels that the sample is filled into.
    straight : bool
        Its template is smoothed to a straight line over the range instead of by a kernel.
    thin : callable or None
        (truth events, stream) -> those that go through the detector, with the weights of the ones that were dropped.
    estimate : str or None
        File in ``studies/data`` with the stored sums of an earlier run, used where Pythia 8 is not installed or the run
        asks for fewer events than it holds.
    shifts : tuple of str
        Which of `Channel.shifts` it is filled with.
    """

    name: str
    process: str
    parameters: Mapping[str, object]
    events: int
    expected: Callable[[PreparedProcess, float], float]
    channels: tuple[str, ...]
    estimate: str | None = None
    thin: Callable[[EventBatch, np.random.Generator], EventBatch] | None = None
    straight: bool = False
    shifts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Channel:
    """One histogram of the study.

    Attributes
    ----------
    name : str
    cuts : mapping of str to str
        Label -> cut in basf2 syntax on the columns of `Study.observe`, in order.
    observable : str
        The column that is histogrammed.
    edges : float64 (n_bins + 1,)
    label : str
        Axis title of the observable.
    weigh : callable
        (columns of the selected events, detector) -> `EventWeights`: everything that makes an event count less than
        one, with a variation for every systematic source.
    classify : callable
        (columns of the selected events) -> index into `templates`, int (n,).
    templates : tuple of str
    sources : tuple of str
        Names of the variations, in the order in which `weigh` gives them.
    shifts : mapping of str to callable
        Name -> (columns of the selected events) -> (observable, factor of the weight): the same events seen with
        something changed. Each that a sample asks for is histogrammed beside `NOMINAL`, in independent parts of the
        events (chunk i in part i modulo `parts`).
    parts : int
        0 for a channel without shifts.
    """

    name: str
    cuts: Mapping[str, str]
    observable: str
    edges: FloatArray
    label: str
    weigh: Callable[[Columns, Detector], EventWeights]
    classify: Callable[[Columns], npt.NDArray[np.int64]]
    templates: tuple[str, ...]
    sources: tuple[str, ...]
    shifts: Mapping[str, Callable[[Columns], tuple[FloatArray, FloatArray]]] = field(default_factory=dict)
    parts: int = 0

    @cached_property
    def selections(self) -> dict[str, Selection]:
        """Label -> compiled cut, in order."""
        return {label: Selection(cut) for label, cut in self.cuts.items()}


@dataclass(frozen=True)
class Spectrum:
    """Expected events of one template of one channel, with its Monte Carlo error and systematic variations.

    Attributes
    ----------
    nominal, variance : float64 (n_bins,)
        Expected events and the square of their statistical error.
    raw : float64 (n_bins,)
        Number of simulated events.
    up, down : dict of str to float64 (n_bins,)
        Expected events at +1 and -1 sigma of each systematic source.
    """

    nominal: FloatArray
    variance: FloatArray
    raw: FloatArray
    up: dict[str, FloatArray]
    down: dict[str, FloatArray]

    def __add__(self, other: "Spectrum") -> "Spectrum":
        return Spectrum(
            self.nominal + other.nominal,
            self.variance + other.variance,
            self.raw + other.raw,
            {name: self.up[name] + other.up[name] for name in self.up},
            {name: self.down[name] + other.down[name] for name in self.down},
        )

    def smoothed(self) -> "Spectrum":
        """The same template through a Gaussian kernel of Silverman's width; an empty one stays as it is.

        The variance is that of the smoothed bins taken one by one; they are correlated over the width of the kernel.
        """
        if self.effective_events == 0.0:
            return self
        matrix = smoothing_matrix(len(self.nominal), silverman_width(self.nominal, self.effective_events))
        return Spectrum(
            matrix @ self.nominal,
            matrix**2 @ self.variance,
            self.raw,
            {name: matrix @ values for name, values in self.up.items()},
            {name: matrix @ values for name, values in self.down.items()},
        )

    def straightened(self) -> "Spectrum":
        """The same template as a straight line over equal bins; an empty one stays as it is.

        For a density 1 + a u with u from -1 to 1 over the range, 3 <u> estimates a without bias [moments]; a is kept
        within +-1, where the line is not negative.
        """
        total = float(self.nominal.sum())
        if total <= 0.0:
            return self
        n = len(self.nominal)
        u = (2.0 * np.arange(n) + 1.0) / n - 1.0
        line = (1.0 + min(max(3.0 * float(self.nominal @ u) / total, -1.0), 1.0) * u) / n
        return Spectrum(
            total * line,
            float(self.variance.sum()) * line,
            self.raw,
            {name: values.sum() * line for name, values in self.up.items()},
            {name: values.sum() * line for name, values in self.down.items()},
        )

    @property
    def effective_events(self) -> float:
        """(sum of weights)^2 / sum of squared weights, 0 for an empty template."""
        variance = float(self.variance.sum())
        return float(self.nominal.sum()) ** 2 / variance if variance > 0.0 else 0.0


Spectra = Mapping[tuple[str, str, str], Spectrum]
"""(sample, channel, template) -> Spectrum at the luminosity of the run."""


@dataclass(frozen=True)
class Hypothesis:
    """A signal hypothesis.

    Attributes
    ----------
    parameters : mapping
        As in result.json.
    model : Model
        Its parameter of interest times `unit` is what the limit is on.
    unit : float
    sample : str
        The signal sample.
    background : float
        Expected events of everything but the signal.
    multiplicity : float
        Signal decays that an event counted by `Sample.expected` may hold: two where either tau of a pair can decay so.
        The efficiency of the result is per signal decay, whatever happens to the rest of the event.
    """

    parameters: Mapping[str, str | float | int | bool]
    model: Model
    unit: float
    sample: str
    background: float
    multiplicity: float = 1.0


@dataclass(frozen=True)
class Study:
    """A search or measurement, from samples to hypotheses.

    Attributes
    ----------
    name, title, reference : str
    limit_on : str
        What a limit is a limit on.
    card : str
        Detector card.
    luminosity_fb : float
        Luminosity of the publication, the default of a run.
    confidence_levels : tuple of float
    samples : tuple of Sample
    channels : tuple of Channel
    stages : tuple of str
        What an event passes before the cuts; the first is "all".
    observe : callable
        reconstruction -> (`Columns` of the events that the channels select from, stage that every event of
        the batch reached, as index into `stages`).
    hypotheses : callable
        (spectra, systematic sources in use) -> hypotheses to test; the statistics of the simulation are always in.
    fitted_bins : callable
        (spectra, channel) -> the bins that its model uses.
    sources : tuple of str
        Names of the systematic sources.
    reactions : tuple of str
        In HEPData's notation.
    standard_model : tuple of str
        Samples that data hold without any signal.
    inject : callable
        From the parameters and the ``value`` of a signal to its sample and the number of its events in data per event
        that `Sample.expected` counts.
    published : callable
        () -> published numbers as plain dictionaries with the keys of `result.json`.
    notes : tuple of str
        What a reader of the result must know.
    estimators : callable or None
        (hypotheses, spectra or None where a stored run was read) -> what `toymc study validate` tests; None for the
        fitted signal of every hypothesis.
    floors : mapping of str to Floor
        How far systematic sources can improve in `toymc study project`: name of a source of the model, or how names
        begin.
    measurements : tuple of Measurement
        Measured quantities with their errors, for `toymc study project`.
    """

    name: str
    title: str
    reference: str
    limit_on: str
    card: str
    luminosity_fb: float
    confidence_levels: tuple[float, ...]
    samples: tuple[Sample, ...]
    channels: tuple[Channel, ...]
    stages: tuple[str, ...]
    observe: Callable[[Reconstruction], tuple[Columns, npt.NDArray[np.int8]]]
    hypotheses: Callable[[Spectra, Sequence[str]], list[Hypothesis]]
    fitted_bins: Callable[[Spectra, str], slice]
    sources: tuple[str, ...]
    reactions: tuple[str, ...]
    standard_model: tuple[str, ...]
    inject: Callable[[Mapping[str, str | float]], tuple[Sample, float]]
    published: Callable[[], list[dict[str, Any]]]
    notes: tuple[str, ...] = ()
    estimators: "Callable[[Sequence[Hypothesis], Spectra | None], list[StudyEstimator]] | None" = None
    floors: Mapping[str, Floor] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()

    def channel(self, name: str) -> Channel:
        """The channel of this name.

        Raises
        ------
        InputError
            If there is none.
        """
        return named_channel(self.name, self.channels, name)


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """The name."""


C = TypeVar("C", bound=Named)


def named_channel(study: str, channels: Sequence[C], name: str) -> C:
    """The channel of this name among those of a study.

    Raises
    ------
    InputError
        If there is none.
    """
    for channel in channels:
        if channel.name == name:
            return channel
    raise InputError(f"study {study} has no channel '{name}': allowed are {', '.join(c.name for c in channels)}")


@cache
def published(study: str) -> dict[str, Any]:
    """Section of ``published.toml``: published inputs and results of a study, each with source and tag.

    Raises
    ------
    InputError
        If the file has no such section.

    Examples
    --------
    >>> published("tau_l_alpha")["luminosity_fb"]["value"]
    62.8
    """
    import tomllib

    text = resources.files("toymc.studies").joinpath("published.toml").read_text(encoding="utf-8")
    sections = tomllib.loads(text)
    if study not in sections:
        raise InputError(f"published.toml has no section '{study}': there are {', '.join(sections)}")
    section: dict[str, Any] = sections[study]
    return section
