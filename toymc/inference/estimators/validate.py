"""`validate_estimator`: bias, pulls, coverage and linearity of any estimator, with a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from toymc.errors import InputError
from toymc.inference.estimators.experiments import (
    BLOCK,
    Estimate,
    Estimates,
    Generate,
    RunBlocks,
    failures,
    plan_blocks,
    run_experiments,
)
from toymc.inference.estimators.summary import ONE_SIGMA, Line, Summary, linearity, summarise
from toymc.inference.estimators.verdict import Check, Tolerances, check_line, check_summary, overall

_KEPT_FAILURES = 1000


@dataclass(frozen=True, eq=False)
class Validation:
    """What repeated experiments say about an estimator.

    Attributes
    ----------
    name : str
    cl : float
        Confidence level of the stated intervals.
    seed, block : int
        With the name they address every experiment.
    points : tuple of Summary
        One per true value, in increasing order.
    line : Line or None
        None with one true value.
    checks : tuple of Check
    tolerances : Tolerances
    failures : tuple of (truth, number of the experiment, reason)
        The first thousand of them; the counts are complete.
    """

    name: str
    cl: float
    seed: int
    block: int
    points: tuple[Summary, ...]
    line: Line | None
    checks: tuple[Check, ...]
    tolerances: Tolerances
    failures: tuple[tuple[float, int, str], ...] = field(default=())

    @property
    def verdict(self) -> str:
        """inside, outside or undecided: the worst of all checks."""
        return overall(list(self.checks))

    @property
    def failed_share(self) -> float:
        """Failed experiments of all, over all true values."""
        return sum(p.failed for p in self.points) / sum(p.experiments for p in self.points)

    def point(self, truth: float) -> Summary:
        """The summary at the true value nearest to `truth`."""
        return min(self.points, key=lambda p: abs(p.truth - truth))


def _label(name: str, truth: float) -> str:
    """Name of the streams of a true value."""
    return f"{name} at {truth!r}"


def validate_estimator(
    generate: Generate,
    estimate: Estimate,
    truth_values: Sequence[float],
    *,
    experiments: int = 1000,
    seed: int = 1,
    name: str = "estimator",
    cl: float = ONE_SIGMA,
    bounds: tuple[float, float] | None = None,
    tolerances: Tolerances | None = None,
    template_errors: Mapping[float, float] | None = None,
    block: int = BLOCK,
    run: RunBlocks = map,
) -> Validation:
    """Bias, pull mean and width, coverage and linearity of an estimator from experiments with a known truth.

    Parameters
    ----------
    generate : callable
        (stream, true value, n) -> data of n experiments, in whatever form `estimate` takes.
    estimate : callable
        Data of n experiments -> `Estimates`; `each` makes one from an estimator of a single experiment.
    truth_values : sequence of float
    experiments : int
        At each true value.
    seed : int
    name : str
        Of the estimator; part of the address of its streams.
    cl : float
        Confidence level of the stated intervals.
    bounds : (float, float), optional
        Range of the estimates, for the worst case of failed experiments.
    tolerances : Tolerances, optional
    template_errors : mapping of float to float, optional
        True value -> error of it, where the experiments are drawn from simulated templates: it is part of the error of
        the bias and of the line.
    block : int
        Experiments per random stream: part of what makes the numbers reproducible, and the unit of parallel work.
    run : callable
        Runs a task on a sequence of blocks in order: `map`, or the `map` of an executor. The numbers do not depend on
        it.

    Returns
    -------
    Validation

    Raises
    ------
    InputError
        No or repeated true values, fewer than two experiments, or fewer than two answers at a true value.

    Examples
    --------
    >>> def generate(rng, truth, n):
    ...     return rng.normal(truth, 2.0, (n, 25))
    >>> def mean(x):
    ...     return Estimates.of(x.mean(axis=1), 2.0 / 5.0)
    >>> result = validate_estimator(generate, mean, (0.0, 3.0), experiments=20_000)
    >>> result.verdict, round(result.line.slope.value, 2)
    ('inside', 1.0)
    """
    truths = sorted(float(t) for t in truth_values)
    if not truths or len(set(truths)) != len(truths) or not np.all(np.isfinite(truths)):
        raise InputError(f"true values {list(truth_values)}: give one or more different finite numbers")
    if not 0.0 < cl < 1.0:
        raise InputError(f"confidence level {cl:g} of the intervals: give a number between 0 and 1")
    chosen = tolerances or Tolerances()
    plans = [plan_blocks(truth, _label(name, truth), experiments, block) for truth in truths]
    blocks = [b for plan in plans for b in plan]
    answers = run_experiments(generate, estimate, blocks, seed, run=run)
    points = []
    for i, truth in enumerate(truths):
        rows = slice(i * experiments, (i + 1) * experiments)
        mine = Estimates(answers.value[rows], answers.low[rows], answers.high[rows], answers.status[rows])
        points.append(replace(summarise(mine, truth, bounds), template_error=(template_errors or {}).get(truth, 0.0)))
    line = linearity(points) if all(p.mean.error > 0.0 for p in points) else None
    checks = [c for point in points for c in check_summary(point, cl, chosen)]
    checks += check_line(line, experiments, chosen)
    failed = tuple(f for _, f in zip(range(_KEPT_FAILURES), failures(blocks, answers), strict=False))
    return Validation(name, cl, seed, block, tuple(points), line, tuple(checks), chosen, failed)


def experiment_data(generate: Generate, validation: Validation, truth: float, number: int, experiments: int) -> Any:
    """The data of the block that holds one experiment, and its row in them, to look at a failure again.

    Parameters
    ----------
    generate : callable
        As given to `validate_estimator`.
    validation : Validation
    truth : float
    number : int
        As in `Validation.failures`.
    experiments : int
        Of the validation, at each true value.

    Returns
    -------
    (data, int)
    """
    from toymc.streams import stream

    plan = plan_blocks(truth, _label(validation.name, truth), experiments, validation.block)
    if not 0 <= number < experiments:
        raise InputError(f"experiment {number}: give a number from 0 to {experiments - 1}")
    block = plan[number // validation.block]
    rng = stream(validation.seed, block.label, "toys", block.index)
    return generate(rng, truth, block.n), number - block.first
