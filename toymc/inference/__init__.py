"""Limits: HistFactory models, a compiled profile-likelihood engine, asymptotic CLs with bands, counting experiments.

The usual way in::

    model = Model((Channel("sr", (Sample("signal", s, (NormFactor("mu"),)), Sample("background", b))),), poi="mu")
    limit = upper_limit(model, cl=0.95)        # expected bands; observed too if the channels carry data
    json.dump(model.to_pyhf(), file)           # the same likelihood for others

The numbers are those of pyhf's `Workspace.model()` (interpolation code4 for normsys, code4p for histosys).
"""

from toymc.inference.counting import CountingLimit, counting_limit
from toymc.inference.diagnostics import Pull, correlation, covariance, goodness_of_fit, profile_scan, pulls
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

__all__ = [
    "Channel",
    "CountingLimit",
    "Dataset",
    "FitResult",
    "HistoSys",
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
    "cls_values",
    "correlation",
    "counting_limit",
    "covariance",
    "goodness_of_fit",
    "profile_scan",
    "pulls",
    "upper_limit",
]
