"""Global significance of a scan: upcrossings over mass, Euler characteristic over mass and lifetime, toys.

The usual way in::

    toys = background_toys(scan_toys(masses, lifetimes, channels), n_toys=500, seed=1)
    found = global_significance(q0_observed, toys)
    found.z_local, found.z_global, found.trial_factor

Any other scan will do: `background_toys` takes a function (rng, n) -> q0 (n, n_masses[, n_lifetimes]).
"""

from toymc.inference.significance.excursions import count_excursions
from toymc.inference.significance.extrapolation import (
    Extrapolation,
    GlobalPValue,
    extrapolate,
    local_p_value,
    significance,
)
from toymc.inference.significance.scan_toys import scan_toys
from toymc.inference.significance.significance import GlobalSignificance, ToyPValue, global_significance, toy_p_value
from toymc.inference.significance.summary import LEVELS, ToySummary, background_toys, join_scans, summarise_toys
from toymc.inference.significance.validity import Validity, check_asymptotics

__all__ = [
    "LEVELS",
    "Extrapolation",
    "GlobalPValue",
    "GlobalSignificance",
    "ToyPValue",
    "ToySummary",
    "Validity",
    "background_toys",
    "check_asymptotics",
    "count_excursions",
    "extrapolate",
    "global_significance",
    "join_scans",
    "local_p_value",
    "scan_toys",
    "significance",
    "summarise_toys",
    "toy_p_value",
]
