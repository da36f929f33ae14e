"""Weighted cut flow: sums per step with errors, filled chunk by chunk and merged."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from toymc.analysis.selection import Columns, Selection
from toymc.analysis.sums import CompensatedSum
from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def efficiency(passed: tuple[float, float], total: tuple[float, float]) -> tuple[float, float]:
    """Weighted efficiency and its standard error, for events that passed out of a total that contains them.

    With e = W_p/W_t, var(e) = [(1 - 2e) sum_p w^2 + e^2 sum_t w^2]/W_t^2 [delta method on the independent sums of
    passing and failing events; the option "B" of ROOT's TH1::Divide]; for equal weights this is the binomial
    e(1 - e)/n, and in general the binomial with the effective number of events where passing and failing weights are
    alike. A step that also changes the weights (identification) is treated as if it were a cut.

    Parameters
    ----------
    passed, total : (sum of w, sum of w^2)

    Returns
    -------
    efficiency, error : float
        NaN for an empty total.

    Examples
    --------
    >>> efficiency((25.0, 25.0), (100.0, 100.0))
    (0.25, 0.04330127018922193)
    """
    w_passed, w2_passed = passed
    w_total, w2_total = total
    if w_total == 0.0:
        return math.nan, math.nan
    e = w_passed / w_total
    variance = ((1.0 - 2.0 * e) * w2_passed + e * e * w2_total) / (w_total * w_total)
    return e, math.sqrt(max(variance, 0.0))


def efficiency_interval(
    passed: tuple[float, float], total: tuple[float, float], cl: float = 0.6827
) -> tuple[float, float]:
    """Central Clopper-Pearson interval of a weighted efficiency with the effective number of events.

    n_eff = (sum w)^2 / sum w^2 of the total takes the place of the number of trials [C. J. Clopper, E. S. Pearson,
    Biometrika 26 (1934) 404]. With no survivor the lower end is 0 and the upper end is not.

    Parameters
    ----------
    passed, total : (sum of w, sum of w^2)
    cl : float
        Confidence level, between 0 and 1.

    Returns
    -------
    low, high : float
        (0, 1) for an empty total.

    Raises
    ------
    InputError
        For a confidence level outside 0 < cl < 1.

    Examples
    --------
    >>> low, high = efficiency_interval((0.0, 0.0), (100.0, 100.0), 0.9)
    >>> low, round(high, 4)
    (0.0, 0.0295)
    """
    if not 0.0 < cl < 1.0:
        raise InputError(f"confidence level {cl}: give a number between 0 and 1")
    e, _ = efficiency(passed, total)
    if math.isnan(e) or total[1] <= 0.0:
        return 0.0, 1.0
    trials = total[0] ** 2 / total[1]
    successes = min(max(e, 0.0), 1.0) * trials
    failures = trials - successes
    tail = 0.5 * (1.0 - cl)
    low = 0.0 if successes <= 0.0 else float(beta.ppf(tail, successes, failures + 1.0))
    high = 1.0 if failures <= 0.0 else float(beta.isf(tail, successes + 1.0, failures))
    return low, high


@dataclass(frozen=True)
class CutFlow:
    """Sums of weights after every step of a selection; immutable, so that chunks can be merged in any order.

    Attributes
    ----------
    labels : tuple of str
        Steps in order; every step is a subset of the one before.
    cuts : tuple of (Selection or None)
        The cut of a step; None for steps that are counted by the caller (generation, topology, identification).
    sums : CompensatedSum (n_steps, 3)
        Number of events, sum of w, sum of w^2.

    Examples
    --------
    >>> flow = CutFlow.of({"all": None, "thrust": "0.9 < thrust < 0.99"})
    >>> flow = flow.count("all", np.ones(4))
    >>> flow, mask = flow.apply({"thrust": np.array([0.8, 0.95, 0.96])}, np.ones(3))
    >>> flow.to_dict()["steps"][1]["efficiency"]
    0.5
    """

    labels: tuple[str, ...]
    cuts: tuple[Selection | None, ...]
    sums: CompensatedSum

    @classmethod
    def of(cls, steps: Mapping[str, str | Selection | None]) -> Self:
        """Empty flow; `steps` maps labels to cuts, or to None for steps that the caller counts.

        Raises
        ------
        InputError
            Without steps, or for a cut that cannot be read.
        """
        if not steps:
            raise InputError("a cut flow needs at least one step")
        cuts = tuple(Selection(cut) if isinstance(cut, str) else cut for cut in steps.values())
        return cls(tuple(steps), cuts, CompensatedSum.zeros((len(steps), 3)))

    def _with(self, index: int, weights: Sequence[FloatArray]) -> Self:
        addition = np.zeros((len(self.labels), 3))
        for k, w in enumerate(weights):
            addition[index + k] = len(w), np.sum(w), np.sum(w * w)
        return type(self)(self.labels, self.cuts, self.sums.add(addition))

    def count(self, label: str, weights: npt.ArrayLike) -> Self:
        """With events of these weights counted at a step that has no cut of its own.

        Raises
        ------
        InputError
            For an unknown label or one that has a cut.
        """
        if label not in self.labels:
            raise InputError(f"cut flow has no step '{label}': its steps are {', '.join(self.labels)}")
        index = self.labels.index(label)
        if self.cuts[index] is not None:
            raise InputError(f"step '{label}' has a cut: fill it with apply()")
        return self._with(index, [_checked_weights(weights)])

    def apply(self, columns: Columns, weights: npt.ArrayLike) -> tuple[Self, BoolArray]:
        """Run the cuts in order over a table, counting what is left after each.

        Parameters
        ----------
        columns : table of arrays (n,)
            Events that passed the steps before the first cut.
        weights : float64 (n,)

        Returns
        -------
        flow, mask
            The flow with these events added, and who passed every cut.

        Raises
        ------
        InputError
            If the flow has no cut, steps without a cut stand between its cuts, or a column is missing.
        """
        places = [k for k, cut in enumerate(self.cuts) if cut is not None]
        if not places or places[-1] - places[0] + 1 != len(places):
            raise InputError(f"cut flow {', '.join(self.labels)}: apply() needs its cuts in one unbroken run")
        w = _checked_weights(weights)
        mask = np.ones(len(w), dtype=np.bool_)
        left = []
        for k in places:
            cut = self.cuts[k]
            assert cut is not None
            passed = cut.mask(columns)
            if passed.shape != mask.shape:
                raise InputError(f"{len(w)} weights for a table of {len(passed)} rows")
            mask = mask & passed
            left.append(w[mask])
        return self._with(places[0], left), mask

    def __add__(self, other: Self) -> Self:
        """Merge with the flow of other chunks of the same sample.

        Raises
        ------
        InputError
            If the steps differ.
        """
        if self.labels != other.labels or [c and c.text for c in self.cuts] != [c and c.text for c in other.cuts]:
            raise InputError(f"cut flows have different steps: {self.labels} and {other.labels}")
        return type(self)(self.labels, self.cuts, self.sums.merge(other.sums))

    def step(self, label: str) -> tuple[float, float]:
        """Sum of w and of w^2 after a step.

        Raises
        ------
        InputError
            For an unknown label.
        """
        if label not in self.labels:
            raise InputError(f"cut flow has no step '{label}': its steps are {', '.join(self.labels)}")
        row = self.sums.value[self.labels.index(label)]
        return float(row[1]), float(row[2])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for result.json: per step counts, sums, efficiency of the step and in total with errors."""
        rows = self.sums.value
        steps: list[dict[str, Any]] = []
        total = (float(rows[0, 1]), float(rows[0, 2]))
        before = total
        for label, cut, (n, w, w2) in zip(self.labels, self.cuts, rows, strict=True):
            now = (float(w), float(w2))
            step_efficiency, step_error = efficiency(now, before)
            total_efficiency, total_error = efficiency(now, total)
            entry = {
                "step": label,
                "events": round(n),
                "sum_w": now[0],
                "sum_w2": now[1],
                "n_eff": now[0] ** 2 / now[1] if now[1] > 0.0 else 0.0,
                "step_efficiency": step_efficiency,
                "step_efficiency_error": step_error,
                "efficiency": total_efficiency,
                "efficiency_error": total_error,
            }
            if cut is not None:
                entry["cut"] = cut.text
            if n == 0:
                entry["efficiency_upper_90"] = efficiency_interval(now, total, 0.8)[1]
            # JSON knows no NaN: efficiencies of nothing are left out
            steps.append({k: v for k, v in entry.items() if not (isinstance(v, float) and math.isnan(v))})
            before = now
        return {"steps": steps}


def _checked_weights(weights: npt.ArrayLike) -> FloatArray:
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 1 or not np.all(np.isfinite(w)):
        raise InputError(f"weights have shape {w.shape}: give one finite number per event")
    return w
