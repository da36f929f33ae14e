"""Event weights with named systematic variations.

Everything that makes an event count less than one (identification, trigger, pi0 efficiency, tracking) is a `Factor`: a
weight per event with its value one standard deviation up and down. Factors of the same source move together (one
nuisance parameter); different sources are independent. `combine` multiplies them into the nominal weight and one pair
of weights per source, ready to be histogrammed in one pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
ErrorLike = npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]

EFFICIENCY_SOURCE = {"e": "electron_efficiency", "mu": "muon_efficiency"}
MISID_SOURCE = {"e": "pion_electron_misid", "mu": "pion_muon_misid"}
_PDG = {"e": 11, "mu": 13}


@dataclass(frozen=True)
class Factor:
    """A multiplicative weight per event, nominal and shifted by one standard deviation of its source.

    Attributes
    ----------
    source : str
        Name of the nuisance parameter.
    nominal, up, down : float64 (n_events,)
    """

    source: str
    nominal: FloatArray
    up: FloatArray
    down: FloatArray


@dataclass(frozen=True)
class Variation:
    """Full event weights with one source shifted up and down.

    Attributes
    ----------
    name : str
    up, down : float64 (n_events,)
    """

    name: str
    up: FloatArray
    down: FloatArray


@dataclass(frozen=True)
class EventWeights:
    """Nominal event weights and their variations.

    Attributes
    ----------
    nominal : float64 (n_events,)
    variations : tuple of Variation
    """

    nominal: FloatArray
    variations: tuple[Variation, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the columns of `matrix`: nominal, then ``<source>_up``, ``<source>_down``."""
        names = [f"{v.name}_{side}" for v in self.variations for side in ("up", "down")]
        return ("nominal", *names)

    def matrix(self, *more: npt.ArrayLike) -> FloatArray:
        """All weights side by side, float64 (n_events, 1 + 2 n_sources), ordered as `labels`; then `more` columns."""
        shifted = [column for variation in self.variations for column in (variation.up, variation.down)]
        columns = [self.nominal, *shifted, *more]
        matrix = np.empty((len(self.nominal), len(columns)))
        for k, column in enumerate(columns):
            matrix[:, k] = column
        return matrix


def combine(base: npt.ArrayLike, factors: Sequence[Factor]) -> EventWeights:
    """Multiply factors into event weights; the factors of one source move together.

    Parameters
    ----------
    base : float64 (n_events,)
        Weights before the factors (generator, luminosity).
    factors : sequence of Factor

    Returns
    -------
    EventWeights
        One variation per source, in order of first appearance.

    Raises
    ------
    InputError
        If a factor has another length.

    Examples
    --------
    >>> half = Factor("trigger", np.array([0.5]), np.array([0.6]), np.array([0.4]))
    >>> weights = combine(np.array([2.0]), [half, half])
    >>> weights.nominal, weights.variations[0].up.round(2)
    (array([0.5]), array([0.72]))
    """
    start = np.asarray(base, dtype=np.float64)
    for factor in factors:
        for part in (factor.nominal, factor.up, factor.down):
            if part.shape != start.shape:
                raise InputError(f"factor '{factor.source}' has {part.shape} weights for {start.shape} events")
    # of every source the product of its factors: as they are, up, down
    sources: dict[str, list[FloatArray]] = {}
    for factor in factors:
        known = sources.get(factor.source)
        parts = [factor.nominal, factor.up, factor.down]
        sources[factor.source] = parts if known is None else [a * b for a, b in zip(known, parts, strict=True)]
    # products of the sources before and after each: as many operations as sources, not their square
    before = [start.astype(np.float64)]
    for nominal, _, _ in sources.values():
        before.append(before[-1] * nominal)
    after: FloatArray | float = 1.0
    variations = []
    for k, (source, (nominal, up, down)) in reversed(list(enumerate(sources.items()))):
        others = before[k] * after
        variations.append(Variation(source, others * up, others * down))
        after = after * nominal
    return EventWeights(before[-1], tuple(reversed(variations)))


def _up_down(error: ErrorLike, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    up, down = error if isinstance(error, tuple) else (error, error)
    sizes = [np.broadcast_to(np.asarray(e, dtype=np.float64), shape) for e in (up, down)]
    if any(np.any(~(e >= 0.0)) for e in sizes):
        raise InputError("relative errors must be non-negative numbers, one or one per event")
    return sizes[0], sizes[1]


def _checked_probability(probability: npt.ArrayLike) -> FloatArray:
    p = np.asarray(probability, dtype=np.float64)
    if p.ndim != 1 or np.any(~((p >= 0.0) & (p <= 1.0))):
        raise InputError(f"identification probabilities (shape {p.shape}): give one number between 0 and 1 per event")
    return p


def probability_factor(
    source: str, probability: npt.ArrayLike, relative_error: ErrorLike, required: bool = True
) -> Factor:
    """Weight of a requirement that a track or an event meets with a known probability, or of its veto.

    Parameters
    ----------
    source : str
    probability : float64 (n_events,)
        Between 0 and 1.
    relative_error : float, array, or (up, down) of these
        On the probability; shifted values are kept between 0 and 1.
    required : bool
        False weights by 1 - probability (a veto); up still means a larger probability.

    Raises
    ------
    InputError
        For numbers outside their range.

    Examples
    --------
    >>> probability_factor("electron_efficiency", np.array([0.9]), 0.05).up
    array([0.945])
    """
    p = _checked_probability(probability)
    up, down = _up_down(relative_error, p.shape)
    values = (p, np.minimum(p * (1.0 + up), 1.0), np.maximum(p * (1.0 - down), 0.0))
    nominal, high, low = values if required else tuple(1.0 - v for v in values)
    return Factor(source, nominal, high, low)


def identification_factors(
    lepton: str,
    probability: npt.ArrayLike,
    relative_error: ErrorLike,
    true_pdg: npt.ArrayLike,
    required: bool = True,
) -> list[Factor]:
    """Weights of a lepton identification, efficiency and misidentification as sources of their own.

    Parameters
    ----------
    lepton : str
        "e" or "mu": what the track has to be identified as.
    probability, relative_error
        `identification_probability` and `identification_error` of the detector for these tracks (or (up, down) errors).
    true_pdg : int (n_events,)
        True lepton: source ``electron_efficiency`` or ``muon_efficiency``; everything else, dominated by pions:
        ``pion_electron_misid`` or ``pion_muon_misid``.
    required : bool
        False for a veto on that lepton.

    Raises
    ------
    InputError
        For another lepton or arrays that do not fit.
    """
    if lepton not in _PDG:
        raise InputError(f"lepton '{lepton}': allowed are {', '.join(_PDG)}")
    p = _checked_probability(probability)
    is_lepton = np.abs(np.asarray(true_pdg)) == _PDG[lepton]
    if is_lepton.shape != p.shape:
        raise InputError(f"{is_lepton.shape} true PDG codes for {p.shape} probabilities")
    both = probability_factor("", p, relative_error, required)
    factors = []
    for source, mine in ((EFFICIENCY_SOURCE[lepton], is_lepton), (MISID_SOURCE[lepton], ~is_lepton)):
        parts = (np.where(mine, part, 1.0) for part in (both.nominal, both.up, both.down))
        factors.append(Factor(source, *parts))
    return factors


def split_by_bins(factor: Factor, value: npt.ArrayLike, edges: npt.ArrayLike, common: float) -> list[Factor]:
    """One factor as a common source and one per bin of the variable in which its corrections are measured.

    Correction tables are measured cell by cell: what all cells share moves them together, the rest each bin by itself.
    The variances of the common source and of that of a bin add up to the variance of the factor (for small errors).

    Parameters
    ----------
    factor : Factor
    value : float64 (n_events,)
        What the bins are in, e.g. the momentum of the track in GeV.
    edges : float64 (n_bins - 1,)
        Rising inner edges; the first and the last bin are open.
    common : float
        Share of the variance that all bins have in common, 0 to 1.

    Returns
    -------
    list of Factor
        Sources ``<source>`` (it carries the nominal weights), ``<source>_bin0``, ``<source>_bin1``, ...

    Raises
    ------
    InputError
        If the edges do not rise, the values do not fit the factor or the share is none.

    Examples
    --------
    >>> whole = Factor("electron_efficiency", np.array([0.9, 0.9]), np.array([0.95, 0.93]), np.array([0.85, 0.87]))
    >>> [part.source for part in split_by_bins(whole, [0.7, 2.0], [1.0], common=0.5)]
    ['electron_efficiency', 'electron_efficiency_bin0', 'electron_efficiency_bin1']
    """
    inner = np.asarray(edges, dtype=np.float64)
    at = np.asarray(value, dtype=np.float64)
    if inner.ndim != 1 or np.any(~(np.diff(inner) > 0.0)) or not np.all(np.isfinite(inner)):
        raise InputError(f"bin edges {inner.tolist()}: give finite numbers that rise")
    if at.shape != factor.nominal.shape:
        raise InputError(f"{at.shape} values for {factor.nominal.shape} events of factor '{factor.source}'")
    if not 0.0 <= common <= 1.0:
        raise InputError(f"common share {common}: give a number from 0 to 1")
    bins = np.searchsorted(inner, at, side="right")
    one = np.ones_like(factor.nominal)
    # relative shifts of the whole factor; where nothing passes there is nothing to shift
    shifts = [
        np.divide(part, factor.nominal, out=one.copy(), where=factor.nominal > 0.0) - 1.0
        for part in (factor.up, factor.down)
    ]
    shared, own = (np.sqrt(share) for share in (common, 1.0 - common))
    whole = Factor(factor.source, factor.nominal, *(factor.nominal * (1.0 + shared * shift) for shift in shifts))
    parts = [
        Factor(f"{factor.source}_bin{k}", one, *(np.where(bins == k, 1.0 + own * shift, 1.0) for shift in shifts))
        for k in range(len(inner) + 1)
    ]
    return [whole, *parts]


def pi0_count_factor(
    n_found: npt.ArrayLike, efficiency_ratio: float, error: float, required: int = 0, source: str = "pi0_efficiency"
) -> Factor:
    """Weight for requiring a number of pi0 when data find each candidate less often than the simulation.

    Every candidate of the simulation is kept with probability r = efficiency_ratio, independently, so that `required`
    are left with the binomial probability; for a veto (required = 0) that is (1 - r)^n. This is the expectation of what
    the tau group's code does by drawing a random number per candidate (r = 0.914 +- 0.020, arXiv:2212.03634, Table II).
    Events with more candidates than allowed must therefore be kept in the table, not cut.

    Parameters
    ----------
    n_found : int (n_events,)
        Candidates found in the simulated event.
    efficiency_ratio, error : float
        Data over simulation, between 0 and 1; up means a higher ratio.
    required : int
    source : str

    Raises
    ------
    InputError
        For numbers outside their range.

    Examples
    --------
    >>> pi0_count_factor(np.array([0, 1]), 0.914, 0.020).nominal.round(3)
    array([1.   , 0.086])
    """
    n = np.asarray(n_found, dtype=np.float64)
    if n.ndim != 1 or np.any(~(n >= 0.0)) or np.any(n != np.round(n)):
        raise InputError("pi0 candidates: give one non-negative whole number per event")
    if not (0.0 <= efficiency_ratio <= 1.0 and error >= 0.0 and required >= 0):
        raise InputError(
            f"pi0 efficiency ratio {efficiency_ratio} +- {error}, required {required}: "
            "the ratio lies between 0 and 1, error and number are not negative"
        )
    parts = [
        _binomial(n, required, min(max(ratio, 0.0), 1.0))
        for ratio in (efficiency_ratio, efficiency_ratio + error, efficiency_ratio - error)
    ]
    return Factor(source, *parts)


def _binomial(n: FloatArray, k: int, p: float) -> FloatArray:
    """Probability of k successes in n trials, elementwise in n."""
    ways = np.ones_like(n)
    for j in range(k):
        ways *= (n - j) / (j + 1)
    result: FloatArray = np.where(n >= k, ways * p**k * (1.0 - p) ** np.maximum(n - k, 0.0), 0.0)
    return result


def tracking_factor(
    n_tracks: npt.ArrayLike, error_per_track: float, source: str = "tracking", correction: float = 1.0
) -> Factor:
    """Weight for the tracking efficiency of data over simulation, fully correlated between the tracks of an event.

    Parameters
    ----------
    n_tracks : (n_events,)
        Tracks that the selection needs.
    error_per_track : float
        Relative, e.g. 0.0024.
    source : str
    correction : float
        Data over simulation per track.

    Raises
    ------
    InputError
        For a negative error or correction.

    Examples
    --------
    >>> tracking_factor(np.array([4]), 0.0024).up.round(5)
    array([1.00963])
    """
    if not (0.0 <= error_per_track < 1.0 and correction > 0.0):
        raise InputError(f"tracking error {error_per_track}, correction {correction}: allowed are [0, 1) and > 0")
    n = np.asarray(n_tracks, dtype=np.float64)
    nominal = correction**n
    return Factor(source, nominal, nominal * (1.0 + error_per_track) ** n, nominal * (1.0 - error_per_track) ** n)
