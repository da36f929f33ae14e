"""Analysis: candidates, variables under basf2 names, cuts, cut flow, weights with variations, histograms.

In: a `toymc.events.Reconstruction`. Out: tables of named columns and what is counted from them.
"""

from toymc.analysis.candidates import best_candidate, track_columns
from toymc.analysis.cutflow import CutFlow, efficiency, efficiency_interval
from toymc.analysis.event_variables import event_variables
from toymc.analysis.frames import (
    beam_axis_cms,
    beam_constrained_mass,
    delta_energy,
    pseudo_mass,
    pseudo_rest_frame_boost,
)
from toymc.analysis.histogram import Histogram, effective_events
from toymc.analysis.parser import CutError
from toymc.analysis.particle_lists import ParticleLists, Pi0Cuts
from toymc.analysis.selection import Columns, Formula, Selection
from toymc.analysis.three_by_one import STAGES, ThreeByOne, ThreeByOneConfig, three_by_one
from toymc.analysis.variables import ALIASES, VARIABLES, Variable
from toymc.analysis.weights import (
    EventWeights,
    Factor,
    Variation,
    combine,
    identification_factors,
    pi0_count_factor,
    probability_factor,
    split_by_bins,
    tracking_factor,
)

__all__ = [
    "ALIASES",
    "STAGES",
    "VARIABLES",
    "Columns",
    "CutError",
    "CutFlow",
    "EventWeights",
    "Factor",
    "Formula",
    "Histogram",
    "ParticleLists",
    "Pi0Cuts",
    "Selection",
    "ThreeByOne",
    "ThreeByOneConfig",
    "Variable",
    "Variation",
    "beam_axis_cms",
    "beam_constrained_mass",
    "best_candidate",
    "combine",
    "delta_energy",
    "effective_events",
    "efficiency",
    "efficiency_interval",
    "event_variables",
    "identification_factors",
    "pi0_count_factor",
    "probability_factor",
    "split_by_bins",
    "pseudo_mass",
    "pseudo_rest_frame_boost",
    "three_by_one",
    "track_columns",
    "tracking_factor",
]
