"""Toys of template models: ensembles thrown and fitted inside kernels, CLs limits and p-values from them.

The usual way in::

    limit = toy_limit(model, cl=0.95, n_toys=10_000, seed=1)   # observed and expected, with statistical errors
    point = toy_cls(model, mu=2.0, n_toys=10_000, seed=1)      # CLs, p-values, the fits behind them
    toys = run_toys(likelihood, hypothesis(likelihood, data, 0.0), [2.0], 10_000, seed=1)   # the ensemble itself

Every toy has a status; a failed one keeps its place, is counted, and `toys.rerun(index)` fits it again.
"""

from toymc.inference.toys.ensemble import (
    Hypothesis,
    RerunToy,
    ToyData,
    ToyFits,
    hypothesis,
    run_toys,
    throw_block,
)
from toymc.inference.toys.hypotest import CLs, ToyCLs, ToyDiscovery, ToyTest, toy_cls, toy_discovery
from toymc.inference.toys.limits import ToyLimit, ToyLimitResult, toy_limit
from toymc.inference.toys.result import BLOCK, FailedToy, Mapper, PValue, ToyResult

__all__ = [
    "BLOCK",
    "CLs",
    "FailedToy",
    "Hypothesis",
    "Mapper",
    "PValue",
    "RerunToy",
    "ToyCLs",
    "ToyData",
    "ToyDiscovery",
    "ToyFits",
    "ToyLimit",
    "ToyLimitResult",
    "ToyResult",
    "ToyTest",
    "hypothesis",
    "run_toys",
    "throw_block",
    "toy_cls",
    "toy_discovery",
    "toy_limit",
]
