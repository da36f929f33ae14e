"""What to look at after a fit: status and bounds, pulls, correlations, impacts, components of the error, goodness.

The usual way in::

    found = diagnose(model, n_toys=1000)       # all of it, for the model's data or for its expectation
    found.impacts[0], found.components, found.goodness
"""

from toymc.inference.diagnostics.diagnose import Diagnosis, diagnose
from toymc.inference.diagnostics.goodness import Goodness, goodness_of_fit, profile_scan
from toymc.inference.diagnostics.impacts import Impact, error_components, impacts, signed_likelihood
from toymc.inference.diagnostics.parameters import (
    AtBound,
    FitSummary,
    Pull,
    correlation,
    covariance,
    fit_pulls,
    fit_summary,
    pulls,
)

__all__ = [
    "AtBound",
    "Diagnosis",
    "FitSummary",
    "Goodness",
    "Impact",
    "Pull",
    "correlation",
    "covariance",
    "diagnose",
    "error_components",
    "fit_pulls",
    "fit_summary",
    "goodness_of_fit",
    "impacts",
    "profile_scan",
    "pulls",
    "signed_likelihood",
]
