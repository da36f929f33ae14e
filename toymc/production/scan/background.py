"""Background of a channel against the reduced mass, from samples far smaller than the data they stand for.

Two parts, for each background sample and each of the two displacement cuts:

- *combinatorial*: pair and kaon do not come from one B. Counted with identification as weights where the box in
  (M_bc, Delta E) is relaxed to the whole table, and scaled by the fraction f of it that lies in the box. f comes from
  the same candidates without identification weights, at least 100 of them (from all displacements if fewer pass the
  cut): identification and kinematics of accidental combinations are taken as independent. `Closure` tests that, and
  that f does not depend on the displacement.
- *peaking*: pair and kaon from one B. Counted directly in the box, with weights.

Each part carries its effective number of events. Where nothing survives, the bound is 2.3 candidates (90 % with a flat
prior on the mean) of the largest weight seen, or of the mean weight of all candidates: never a zero. The bound
is reported, the density stays zero there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.analysis.smoothing import silverman_width, smoothing_matrix
from toymc.inference.unbinned import Density
from toymc.production.scan.signal import SELECTIONS
from toymc.production.scan.tables import CandidateTable, best_candidates
from toymc.studies.scan_study import ScanChannel

FloatArray = npt.NDArray[np.float64]

_BIN = 0.02
_TOP = 4.9
_LEAST_FOR_FRACTION = 100
_FLAT_PRIOR_90 = 2.3026
PRIOR = "2.30 candidates: 90 % with a flat prior on the mean"
EDGES: FloatArray = _BIN * np.arange(round(_TOP / _BIN) + 1, dtype=np.float64)


@dataclass(frozen=True)
class Closure:
    """The factorisation against direct counts, in candidates of the sample or (weighted) events in data.

    Attributes
    ----------
    sample, selection : str
    predicted, counted : float
        Candidates in the box without identification weights: from the fraction at all displacements, and directly.
    pull : float
        Difference over its statistical error; NaN where there is nothing to compare.
    weighted_predicted, weighted_counted, weighted_error : float
        The same with identification weights, in events in data.
    """

    sample: str
    selection: str
    predicted: float
    counted: float
    pull: float
    weighted_predicted: float
    weighted_counted: float
    weighted_error: float


@dataclass(frozen=True)
class Part:
    """Expected events in data of one part of one sample under one selection.

    Attributes
    ----------
    sample, kind, selection : str
    events, error : float
        Statistical error of the simulation, that of the fraction included.
    effective_events : float
    upper_bound : float or None
        Where nothing survives, see the module.
    histogram : float64 (n_bins,)
        Smoothed events per bin of `EDGES`.
    """

    sample: str
    kind: str
    selection: str
    events: float
    error: float
    effective_events: float
    upper_bound: float | None
    histogram: FloatArray


@dataclass(frozen=True)
class BackgroundModel:
    """All parts, the two densities and the closure tests of a channel."""

    parts: tuple[Part, ...]
    closures: tuple[Closure, ...]

    def total(self, selection: str) -> FloatArray:
        """Expected events per bin of `EDGES`."""
        total: FloatArray = np.sum([p.histogram for p in self.parts if p.selection == selection], axis=0)
        return total

    def density(self, selection: str) -> Density:
        """Expected background as a continuous function of the reduced mass."""
        per_gev = self.total(selection) / _BIN
        centres = 0.5 * (EDGES[1:] + EDGES[:-1])
        x = np.concatenate(([0.0], centres, [_TOP]))
        return Density(x, np.concatenate((per_gev[:1], per_gev, per_gev[-1:])))

    def events(self, selection: str) -> tuple[float, float]:
        """Expected events and their statistical error."""
        mine = [p for p in self.parts if p.selection == selection]
        return sum(p.events for p in mine), float(np.sqrt(sum(p.error**2 for p in mine)))


def kernel_width(values: FloatArray, effective_events: float) -> float:
    """Width in bins of the kernel that smooths a density: Silverman's for the spread of all candidates.

    The spread is that of the candidates without weights: one with a large weight has none of its own, and would stand
    as a peak.
    """
    return silverman_width(_histogram(values, np.ones_like(values)), effective_events)


def _histogram(values: FloatArray, weights: FloatArray) -> FloatArray:
    return np.histogram(np.clip(values, 0.0, EDGES[-1] - 0.5 * _BIN), EDGES, weights=weights)[0].astype(np.float64)


def _smoothed(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, float]:
    """Histogram through a Gaussian kernel of Silverman's width, and the effective number of events."""
    square = float((weights**2).sum())
    if square == 0.0:
        return np.zeros(len(EDGES) - 1), 0.0
    effective = float(weights.sum()) ** 2 / square
    histogram = _histogram(values, weights)
    return smoothing_matrix(len(histogram), kernel_width(values, effective)) @ histogram, effective


def _fraction(relaxed: CandidateTable, displaced: CandidateTable, box: Mapping[str, str]) -> tuple[float, float]:
    """Share of the relaxed region that lies in the box, and its binomial error."""
    source = displaced if len(displaced.columns["event"]) >= _LEAST_FOR_FRACTION else relaxed
    n = len(source.columns["event"])
    inside = len(source.select(box).columns["event"])
    if n == 0:
        return 0.0, 0.0
    f = (inside + 0.5) / (n + 1.0)
    return f, float(np.sqrt(f * (1.0 - f) / (n + 1.0)))


def _bound(table: CandidateTable, all_of_them: CandidateTable, scale: float, factor: float) -> float:
    """Largest weight of the candidates of a kind; without any, the mean weight of all candidates of the sample."""
    if len(table.columns["event"]):
        typical = float(table.weights.max())
    else:
        typical = float(all_of_them.weights.mean()) if len(all_of_them.columns["event"]) else 1.0
    return _FLAT_PRIOR_90 * typical * scale * factor


def _combinatorial(
    name: str, selection: str, displaced: CandidateTable, relaxed: CandidateTable, box: Mapping[str, str],
    scale: float, all_of_them: CandidateTable,
) -> tuple[Part, Closure]:  # fmt: skip
    f, f_error = _fraction(relaxed, displaced, box)
    weights = displaced.weights * scale
    histogram, effective = _smoothed(displaced.columns["Mred"], weights)
    events = f * float(weights.sum())
    relative = np.hypot(1.0 / np.sqrt(effective) if effective > 0.0 else 0.0, f_error / f if f > 0.0 else 0.0)
    bound = _bound(relaxed, all_of_them, scale, f if f > 0.0 else 1.0) if events == 0.0 else None
    part = Part(name, "combinatorial", selection, events, float(relative) * events, effective, bound, f * histogram)
    g, g_error = _fraction(relaxed, relaxed, box)
    counted = float(len(displaced.select(box).columns["event"]))
    predicted = g * len(displaced.columns["event"])
    error = np.sqrt(max(predicted, 1.0) + (g_error * len(displaced.columns["event"])) ** 2)
    inside = displaced.select(box).weights * scale
    pull = float((counted - predicted) / error) if predicted > 0.0 else float("nan")
    return part, Closure(
        name, selection, predicted, counted, pull, events, float(inside.sum()), float(np.sqrt((inside**2).sum()))
    )


def _peaking(
    name: str, selection: str, displaced: CandidateTable, box: Mapping[str, str], best: str, scale: float,
    all_of_them: CandidateTable,
) -> Part:  # fmt: skip
    inside = best_candidates(displaced.select(box), best)
    weights = inside.weights * scale
    histogram, effective = _smoothed(inside.columns["Mred"], weights)
    events = float(weights.sum())
    bound = _bound(displaced, all_of_them, scale, 1.0) if events == 0.0 else None
    error = float(np.sqrt((weights**2).sum()))
    return Part(name, "peaking", selection, events, error, effective, bound, histogram)


def background_model(
    channel: ScanChannel, tables: Mapping[str, CandidateTable], luminosity_fb: float
) -> BackgroundModel:
    """Expected background of a channel.

    Parameters
    ----------
    channel : ScanChannel
    tables : mapping of str to CandidateTable
        By name of the background sample.
    luminosity_fb : float

    Returns
    -------
    BackgroundModel
    """
    parts, closures = [], []
    chosen = channel.selection
    for name, table in tables.items():
        scale = luminosity_fb * table.cross_section_fb / table.generated
        common = table.select(chosen.common)
        same = common.columns["isSignal"] > 0.0
        for selection, cut in zip(SELECTIONS, (chosen.displacement, chosen.tight_displacement), strict=True):
            accidental, genuine = common.where(~same), common.where(same)
            displaced = accidental.select({"displacement": cut})
            part, closure = _combinatorial(name, selection, displaced, accidental, chosen.box, scale, common)
            parts.append(part)
            closures.append(closure)
            peaking = genuine.select({"displacement": cut})
            parts.append(_peaking(name, selection, peaking, chosen.box, chosen.best, scale, common))
    return BackgroundModel(tuple(parts), tuple(closures))
