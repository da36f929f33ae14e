"""Projections: errors, limits and discovery reach against luminosity, under named scenarios of the systematics."""

from toymc.inference.projections.limits import (
    LimitCurve,
    SourceCost,
    luminosity_steps,
    project_limits,
    source_costs,
)
from toymc.inference.projections.measurement import (
    ErrorCurve,
    Measurement,
    Systematic,
    project_measurement,
    take_over_luminosity,
)
from toymc.inference.projections.models import scale_model, source_groups, systematic_sources
from toymc.inference.projections.punzi import CutScan, punzi_events, punzi_sigma_min, scan_cut
from toymc.inference.projections.reach import Reach, discovery_reach, median_significance, project_reach
from toymc.inference.projections.scenarios import FROZEN, SCALING, SCENARIOS, STATISTICAL, Floor, Floors, Scenario

__all__ = [
    "FROZEN",
    "SCALING",
    "SCENARIOS",
    "STATISTICAL",
    "CutScan",
    "ErrorCurve",
    "Floor",
    "Floors",
    "LimitCurve",
    "Measurement",
    "Reach",
    "Scenario",
    "SourceCost",
    "Systematic",
    "discovery_reach",
    "luminosity_steps",
    "median_significance",
    "project_limits",
    "project_measurement",
    "project_reach",
    "punzi_events",
    "punzi_sigma_min",
    "scale_model",
    "scan_cut",
    "source_costs",
    "source_groups",
    "systematic_sources",
    "take_over_luminosity",
]
