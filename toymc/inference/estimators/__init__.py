"""Validation of estimators: bias, pulls, coverage and linearity from toys, errors and bias from the bootstrap.

The usual way in::

    result = validate_estimator(generate, estimate, truth_values=(0.5, 1.0, 2.0), experiments=10_000)
    result.verdict, result.points[0].bias, result.line.slope

`generate` makes data of n experiments with a known truth, `estimate` answers with `Estimates`; `each` turns an
estimator of one experiment into one of many. `bootstrap_estimator` needs a sample of events instead of a truth, and
`SignalStrength` is the fitted parameter of interest of a binned model.
"""

from toymc.inference.estimators.bootstrap import (
    Bootstrap,
    bootstrap,
    bootstrap_counts,
    bootstrap_estimator,
    poisson_weights,
)
from toymc.inference.estimators.experiments import STATUS, Block, Estimates, each
from toymc.inference.estimators.summary import ONE_SIGMA, Line, Number, Summary, summarise
from toymc.inference.estimators.template import SignalStrength, TemplateToys, resimulated, statistical_error
from toymc.inference.estimators.validate import Validation, experiment_data, validate_estimator
from toymc.inference.estimators.verdict import Check, Tolerances

__all__ = [
    "ONE_SIGMA",
    "STATUS",
    "Block",
    "Bootstrap",
    "Check",
    "Estimates",
    "Line",
    "Number",
    "SignalStrength",
    "Summary",
    "TemplateToys",
    "Tolerances",
    "Validation",
    "bootstrap",
    "bootstrap_counts",
    "bootstrap_estimator",
    "each",
    "experiment_data",
    "poisson_weights",
    "resimulated",
    "statistical_error",
    "summarise",
    "validate_estimator",
]
