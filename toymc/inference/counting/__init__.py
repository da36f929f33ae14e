"""Counting experiments: limits, intervals and significances with exact tails, or toys where they must be.

The usual way in::

    channel = CountingChannel("e phi", 2, Sideband(1, 4.3), signal=0.8, efficiency_error=0.15)
    limit = model_limit(CountingModel([channel]), cl=0.9)          # CLs; also "clsb", "fc", "bayes"
    discovery(CountingModel([channel])).significance

`model.py` says what a model may contain, `limits.py` which treatment of nuisances to choose.
"""

from toymc.inference.counting.discovery import Discovery, OnOff, discovery, on_off, significance
from toymc.inference.counting.limits import METHODS, TREATMENTS, CountingLimit, counting_limit, model_limit
from toymc.inference.counting.marginal import background_probabilities
from toymc.inference.counting.marginal_limits import quantile_counts
from toymc.inference.counting.model import (
    Asymmetric,
    CountingChannel,
    CountingModel,
    Gaussian,
    Known,
    LogNormal,
    Sideband,
)
from toymc.inference.counting.profile import Profile

__all__ = [
    "METHODS",
    "TREATMENTS",
    "Asymmetric",
    "CountingChannel",
    "CountingLimit",
    "CountingModel",
    "Discovery",
    "Gaussian",
    "Known",
    "LogNormal",
    "OnOff",
    "Profile",
    "Sideband",
    "background_probabilities",
    "counting_limit",
    "discovery",
    "model_limit",
    "on_off",
    "quantile_counts",
    "significance",
]
