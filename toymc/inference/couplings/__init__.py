"""Limits turned into couplings: rate and lifetime of a model, excluded intervals, channels with one coupling.

The usual way in::

    scalar = model_prediction("higgs_scalar", 1.0, "bplus_to_kplus_S", "mu_mu")
    excluded_couplings(scalar, limits, ctau_cm)       # intervals of sin(theta), two edges each
"""

from toymc.inference.couplings.combination import combine_channels, strength_prediction
from toymc.inference.couplings.excluded import Interval, excluded_couplings, interpretation
from toymc.inference.couplings.prediction import Prediction, model_prediction, predict

__all__ = [
    "Interval",
    "Prediction",
    "combine_channels",
    "excluded_couplings",
    "interpretation",
    "model_prediction",
    "predict",
    "strength_prediction",
]
