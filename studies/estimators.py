"""What `toymc study validate` tests: the estimators of a study, each with toys of known truth and a bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from toymc.inference.estimators import ONE_SIGMA, Bootstrap, SignalStrength, Tolerances
from toymc.inference.estimators.experiments import Estimate, Generate, RunBlocks
from toymc.inference.model import StatError
from toymc.studies.study import Hypothesis

# True signals in units of the expected error: none, two that a search would not see, one that it would find.
TRUTHS_IN_ERRORS = (0.0, 1.0, 2.0, 4.0)

RunBootstrap: TypeAlias = Callable[[int, int, str, Tolerances, RunBlocks], Bootstrap]
"""(replicates, seed, name, tolerances, how blocks are run) -> `Bootstrap`."""


@dataclass(frozen=True)
class StudyEstimator:
    """One estimator of a study.

    Attributes
    ----------
    name : str
        In the result, and of its random streams.
    generate, estimate : callable
        As `toymc.inference.estimators.validate_estimator` takes them.
    truth_values : tuple of float
        In the unit of the estimates.
    unit : float
        The result holds estimates times this.
    parameters : mapping
        As in result.json.
    cl : float
        Confidence level of its intervals.
    bounds : (float, float) or None
        Range of the estimates, for the worst case of failures.
    redrawn : (callable, callable) or None
        `generate` and `estimate` with the simulated samples drawn anew in every experiment.
    bootstrap : callable or None
        Event bootstrap of the sample that the study measures.
    template_errors : mapping of float to float
        True value -> how well it is known for the spectrum that the experiments are drawn from: statistics of the
        simulation.
    """

    name: str
    generate: Generate
    estimate: Estimate
    truth_values: tuple[float, ...]
    unit: float
    parameters: Mapping[str, str | float | int | bool]
    cl: float = ONE_SIGMA
    bounds: tuple[float, float] | None = None
    redrawn: tuple[Generate, Estimate] | None = None
    bootstrap: RunBootstrap | None = None
    template_errors: Mapping[float, float] = field(default_factory=dict)


def signal_strengths(hypotheses: Sequence[Hypothesis]) -> list[StudyEstimator]:
    """The fitted signal of every hypothesis: toys of its model with signals of several sizes, fitted without bounds.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis

    Returns
    -------
    list of StudyEstimator
    """
    return [_signal_strength(hypothesis) for hypothesis in hypotheses]


def _signal_strength(hypothesis: Hypothesis) -> StudyEstimator:
    model = hypothesis.model
    strength = SignalStrength(model)
    simulated = any(isinstance(m, StatError) for c in model.channels for s in c.samples for m in s.modifiers)
    return StudyEstimator(
        name=model.poi,
        generate=strength.generate,
        estimate=strength.estimate,
        truth_values=strength.truths(TRUTHS_IN_ERRORS),
        unit=hypothesis.unit,
        parameters=hypothesis.parameters,
        bounds=strength.bounds,
        redrawn=(strength.generate_resimulated, strength.estimate_resimulated) if simulated else None,
        bootstrap=partial(_bootstrap, strength),
    )


def _bootstrap(
    strength: SignalStrength, replicates: int, seed: int, name: str, tolerances: Tolerances, run: RunBlocks
) -> Bootstrap:
    """Bootstrap of one pseudo-dataset of the background, drawn with the seed."""
    counts = strength.pseudo_data(seed, name)
    return strength.bootstrap(counts, replicates=replicates, seed=seed, name=name, tolerances=tolerances, run=run)
