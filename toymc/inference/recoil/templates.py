"""Templates in (M2_recoil, theta) for one mass hypothesis, as a HistFactory model, and the limits of a mass scan.

The fit is that of arXiv:2212.03066: counts in two-dimensional bins of M2_recoil and theta_recoil (centre-of-mass
frame), signal and backgrounds from simulation, in a window around each hypothesis. With one slice of theta it is a fit
of the recoil mass alone. Everything is binned once per hypothesis: statistical errors of all processes share one factor
per bin (Barlow-Beeston), named variations become correlated shapes, scales become factors on the yield.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.limits import LimitResult, upper_limit
from toymc.inference.model import Channel, HistoSys, Model, Modifier, NormFactor, NormSys, Sample, StatError
from toymc.inference.recoil.binning import (
    BIN_WIDTH,
    HALF_WINDOW,
    MIN_EFFECTIVE,
    Binning,
    cells,
    merge_cells,
    window_edges,
)
from toymc.inference.recoil.events import FloatArray, RecoilEvents, SignalSamples, Source, recoil_resolution


@dataclass(frozen=True)
class Window:
    """How a hypothesis is binned.

    Attributes
    ----------
    bin_width, half_window : float
        In units of the resolution s of M2.
    m2_range : (float, float)
        The fit range in GeV^2; windows are cut there.
    theta_edges : tuple of float
        Slices, rad; values outside are not used.
    min_effective : float
        Effective background events per merged bin.
    """

    bin_width: float = BIN_WIDTH
    half_window: float = HALF_WINDOW
    m2_range: tuple[float, float] = (-0.5, 81.0)
    theta_edges: tuple[float, ...] = (0.0, np.pi)
    min_effective: float = MIN_EFFECTIVE

    def __post_init__(self) -> None:
        edges = np.asarray(self.theta_edges, dtype=np.float64)
        if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges) > 0.0):
            raise InputError(f"theta edges {list(self.theta_edges)}: give at least two rising numbers (rad)")
        if not self.m2_range[0] < self.m2_range[1]:
            raise InputError(f"fit range {self.m2_range} GeV^2: give two rising numbers")


def by_range(mass: float, edges: Sequence[float], relative: Sequence[float]) -> tuple[float, float]:
    """Factors at -1 and +1 sigma of an uncertainty that is given in ranges of M2_recoil.

    Parameters
    ----------
    mass : float
        GeV.
    edges : sequence of float
        Rising, GeV^2.
    relative : sequence of float
        Relative uncertainty in each range, below 1.

    Returns
    -------
    (float, float)

    Raises
    ------
    InputError
        For a mass outside, or lists that do not fit.

    Examples
    --------
    Signal efficiency of arXiv:2212.03066:

    >>> by_range(4.0, [-0.5, 9.0, 36.0, 81.0], [0.027, 0.065, 0.083])
    (0.935, 1.065)
    """
    if len(edges) != len(relative) + 1 or not np.all(np.diff(edges) > 0.0):
        raise InputError(f"{len(edges)} edges for {len(relative)} uncertainties: give rising edges, one more of them")
    place = int(np.searchsorted(np.asarray(edges), mass**2, "right")) - 1
    if mass**2 == edges[-1]:
        place = len(relative) - 1
    if not 0 <= place < len(relative):
        raise InputError(f"M^2 = {mass**2:g} GeV^2 lies outside the ranges {edges[0]:g} to {edges[-1]:g} GeV^2")
    value = relative[place]
    if not 0.0 <= value < 1.0:
        raise InputError(f"relative uncertainty {value:g}: give a number from 0 to 1, 1 excluded")
    return 1.0 - value, 1.0 + value


class RecoilTemplates:
    """Backgrounds sorted once, models for any mass hypothesis.

    Parameters
    ----------
    backgrounds : sequence of Source
        Weighted to the luminosity of the search.
    observed : RecoilEvents, optional
        Data.
    window : Window, optional

    Raises
    ------
    InputError
        Without backgrounds or with two of one name.

    Examples
    --------
    >>> m2 = np.linspace(-0.5, 81.0, 4001)
    >>> background = Source("mumu", RecoilEvents(m2, np.full(m2.size, 1.5)))
    >>> pull = np.linspace(-2.0, 2.0, 401)
    >>> signal = Source("zprime", RecoilEvents(9.0 + 0.25 * pull, np.full(401, 1.5), np.full(401, 0.1)))
    >>> model, binning = RecoilTemplates([background]).model(3.0, signal, 0.25)
    >>> binning.n_bins, round(sum(float(c.samples[0].data.sum()) for c in model.channels), 2)
    (19, 40.1)
    """

    def __init__(
        self, backgrounds: Sequence[Source], observed: RecoilEvents | None = None, window: Window | None = None
    ) -> None:
        names = [source.name for source in backgrounds]
        if not names or len(set(names)) != len(names):
            raise InputError(f"recoil backgrounds {names}: give at least one, each with a name of its own")
        self.backgrounds = tuple(_sorted_source(source) for source in backgrounds)
        self.observed = None if observed is None else _sorted_events(observed)
        self.window = window or Window()

    def binning(self, mass: float, resolution: float) -> Binning:
        """Bins for a hypothesis; `resolution` is s(M2) in GeV^2. They depend on the background simulation alone."""
        w = self.window
        edges = window_edges(mass, resolution, *w.m2_range, w.bin_width, w.half_window)
        theta = np.asarray(w.theta_edges, dtype=np.float64)
        filled = [cells(edges, theta, *_slice(source.events, edges)) for source in self.backgrounds]
        sums, squares = (np.array([f[k] for f in filled]) for k in (0, 1))
        return merge_cells(edges, theta, sums, squares, mass**2, w.min_effective)

    def model(self, mass: float, signal: Source, resolution: float, poi: str = "mu") -> tuple[Model, Binning]:
        """The likelihood of one hypothesis.

        Parameters
        ----------
        mass : float
            GeV.
        signal : Source
            Weighted to a strength of 1 (for instance 1 fb times luminosity times efficiency).
        resolution : float
            s(M2) of the signal, GeV^2 (`squared_resolution`).
        poi : str
            Name of the strength.

        Returns
        -------
        Model, Binning

        Raises
        ------
        InputError
            If the window holds no signal, or too little background to be binned.
        """
        binning = self.binning(mass, resolution)
        samples = [_sample(_sorted_source(signal), binning, (NormFactor(poi),), mass)]
        for source in self.backgrounds:
            if binning.fill(*_slice(source.events, binning.m2_edges))[0].sum() > 0.0:
                first = (NormFactor(f"level_{source.name}"),) if source.free else ()
                samples.append(_sample(source, binning, first, mass))
        counts = None
        if self.observed is not None:
            counts = binning.fill(*_slice(self.observed, binning.m2_edges))[0]
        return Model((Channel("recoil", tuple(samples), counts),), poi, name=f"recoil_{mass:g}"), binning


@dataclass(frozen=True, eq=False)
class RecoilLimit:
    """A hypothesis of a scan: limit on the strength, `resolution_GeV` of design, efficiency-weighted signal, bins."""

    mass_GeV: float
    resolution_GeV: float
    signal: float
    background: float
    n_bins: int
    limit: LimitResult


def recoil_scan(
    templates: RecoilTemplates, signals: SignalSamples, masses: npt.ArrayLike, cl: float = 0.9
) -> list[RecoilLimit]:
    """CLs limits for mass hypotheses.

    Parameters
    ----------
    templates : RecoilTemplates
    signals : SignalSamples
    masses : array_like
        GeV, between the first and the last generated mass.
    cl : float

    Returns
    -------
    list of RecoilLimit

    Raises
    ------
    InputError
        For a mass outside, or a window that cannot be binned; the message names the mass.
    """
    found = []
    for mass in np.atleast_1d(np.asarray(masses, dtype=np.float64)).tolist():
        signal, width = signals.at(mass), signals.squared_resolution(mass)
        try:
            model, binning = templates.model(mass, signal, width)
            limit = upper_limit(model, cl=cl)
        except InputError as error:
            error.add_note(f"hypothesis of {mass:g} GeV")
            raise
        samples = model.channels[0].samples
        found.append(
            RecoilLimit(
                mass,
                recoil_resolution(signal.events, mass),
                float(samples[0].data.sum()),
                float(sum(s.data.sum() for s in samples[1:])),
                binning.n_bins,
                limit,
            )
        )
    return found


def _sample(source: Source, binning: Binning, first: tuple[Modifier, ...], mass: float) -> Sample:
    nominal, squares = binning.fill(*_slice(source.events, binning.m2_edges))
    if nominal.sum() <= 0.0:
        low, high = binning.m2_edges[0], binning.m2_edges[-1]
        raise InputError(f"source '{source.name}' at {mass:g} GeV: nothing in its window {low:g} to {high:g} GeV^2")
    modifiers: list[Modifier] = [*first, StatError("statistics", np.sqrt(squares))]
    for name, events in source.variations.items():
        lo, hi = (binning.fill(*_slice(e, binning.m2_edges))[0] for e in events)
        modifiers.append(HistoSys(name, lo, hi))
    modifiers += [NormSys(name, lo, hi) for name, (lo, hi) in source.scales.items()]
    return Sample(source.name, nominal, tuple(modifiers))


def _sorted_events(events: RecoilEvents) -> RecoilEvents:
    if np.all(events.m2[1:] >= events.m2[:-1]):
        return events
    order = np.argsort(events.m2, kind="stable")
    return RecoilEvents(events.m2[order], events.theta[order], events.weight[order])


def _sorted_source(source: Source) -> Source:
    variations = {n: (_sorted_events(lo), _sorted_events(hi)) for n, (lo, hi) in source.variations.items()}
    return Source(source.name, _sorted_events(source.events), variations, source.scales, source.free)


def _slice(events: RecoilEvents, edges: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The events inside the window, which are neighbours because they are sorted."""
    a, b = np.searchsorted(events.m2, [edges[0], edges[-1]])
    return events.m2[a:b], events.theta[a:b], events.weight[a:b]
