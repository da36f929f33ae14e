"""Limits: HistFactory models, a compiled profile-likelihood engine, asymptotic CLs with bands, counting experiments.

The usual way in::

    model = Model((Channel("sr", (Sample("signal", s, (NormFactor("mu"),)), Sample("background", b))),), poi="mu")
    limit = upper_limit(model, cl=0.95)        # expected bands; observed too if the channels carry data
    toys = toy_limit(model, cl=0.95)           # the same from toys, right where few events are expected
    json.dump(model.to_pyhf(), file)           # the same likelihood for others

The numbers are those of pyhf's `Workspace.model()` (interpolation code4 for normsys, code4p for histosys).
"""

from toymc.inference.counting import CountingChannel, CountingLimit, CountingModel, counting_limit, model_limit
from toymc.inference.diagnostics import (
    Diagnosis,
    Pull,
    correlation,
    covariance,
    diagnose,
    error_components,
    goodness_of_fit,
    impacts,
    profile_scan,
    pulls,
)
from toymc.inference.intervals import Discovery, Interval, discovery, profile_interval
from toymc.inference.limits import LimitResult, cls_values, upper_limit
from toymc.inference.model import (
    Channel,
    HistoSys,
    Luminosity,
    Model,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from toymc.inference.profile import Dataset, FitResult, Likelihood
from toymc.inference.rebin import merge_bins, merge_sparse_bins
from toymc.inference.toys import ToyLimitResult, toy_cls, toy_discovery, toy_limit

__all__ = [
    "Channel",
    "CountingChannel",
    "CountingLimit",
    "CountingModel",
    "Dataset",
    "Diagnosis",
    "Discovery",
    "FitResult",
    "HistoSys",
    "Interval",
    "Likelihood",
    "LimitResult",
    "Luminosity",
    "Model",
    "Modifier",
    "NormFactor",
    "NormSys",
    "Parameter",
    "Pull",
    "Sample",
    "ShapeFactor",
    "ShapeSys",
    "StatError",
    "ToyLimitResult",
    "cls_values",
    "correlation",
    "counting_limit",
    "covariance",
    "diagnose",
    "discovery",
    "error_components",
    "goodness_of_fit",
    "impacts",
    "merge_bins",
    "merge_sparse_bins",
    "model_limit",
    "profile_interval",
    "profile_scan",
    "pulls",
    "toy_cls",
    "toy_discovery",
    "toy_limit",
    "upper_limit",
]
