"""Scenarios: what happens to systematic uncertainties when the data grow by a factor k = L / L today.

========== ============================== =========================================================================
name       systematic source of size s    statistics of the simulation (relative error per bin)
========== ============================== =========================================================================
statistical 0                             0
scaling    max(s / sqrt(k), floor)        / sqrt(k): the simulated sample grows with the data
frozen     s                              / sqrt(k)
========== ============================== =========================================================================

`scaling` is what projections for the high-luminosity LHC use: an uncertainty measured in data falls as 1/sqrt(L) until
it meets the floor of what calibration can reach [CERN-LPCC-2018-04, arXiv:1902.00134, sect. 1.2]. A floor is a
statement about an instrument and needs a reason: a source without one does not improve. The three bracket the truth;
none is a forecast. The simulation is no property of the detector and can be made larger, which costs computing: other
choices for it (`fixed`, `none`) are one argument away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from toymc.errors import InputError

RULES = ("none", "scaling", "frozen")
SIMULATION = ("none", "data", "fixed")


@dataclass(frozen=True)
class Floor:
    """Where a systematic source stops improving.

    Attributes
    ----------
    relative : float
        As a fraction of its size today, 0 to 1; 1 does not improve.
    why, source, tag : str
        Reason, where the number is from, and its tag as in published.toml.

    Raises
    ------
    InputError
        At construction, if the fraction is outside 0 to 1.
    """

    relative: float
    why: str
    source: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.relative <= 1.0:
            raise InputError(f"floor of {self.relative:g} of today's uncertainty ({self.why}): give a fraction 0 to 1")


Floors = Mapping[str, Floor]
"""Name of a source, or how names of sources begin, -> floor; the longest name that fits counts."""


@dataclass(frozen=True)
class Scenario:
    """A rule for systematic uncertainties.

    Attributes
    ----------
    name : str
    rule : str
        "none": no systematic uncertainties; "scaling": 1/sqrt(k) down to the floor; "frozen": as today.
    simulation : str
        Statistics of the simulation: "none", "data" (the relative error falls as 1/sqrt(k)), "fixed" (as today).
    title : str
        For legends.
    """

    name: str
    rule: str
    simulation: str
    title: str

    def __post_init__(self) -> None:
        if self.rule not in RULES or self.simulation not in SIMULATION:
            raise InputError(
                f"scenario {self.name}: rule '{self.rule}' (allowed: {', '.join(RULES)}), "
                f"simulation '{self.simulation}' (allowed: {', '.join(SIMULATION)})"
            )

    def factor(self, ratio: float, floor: float) -> float:
        """Size of a source relative to today at `ratio` times today's luminosity, for a relative floor.

        Examples
        --------
        >>> SCENARIOS["scaling"].factor(100.0, 0.3), SCENARIOS["scaling"].factor(4.0, 0.3)
        (0.3, 0.5)
        """
        if self.rule == "none":
            return 0.0
        return 1.0 if self.rule == "frozen" else max(1.0 / math.sqrt(ratio), floor)

    def simulation_factor(self, ratio: float) -> float:
        """Relative statistical error of the simulation over today's."""
        if self.simulation == "none":
            return 0.0
        return 1.0 if self.simulation == "fixed" else 1.0 / math.sqrt(ratio)


STATISTICAL = Scenario("statistical", "none", "none", "statistical only")
SCALING = Scenario("scaling", "scaling", "data", r"systematics $\propto 1/\sqrt{L}$ down to floors")
FROZEN = Scenario("frozen", "frozen", "data", "systematics as today")
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({s.name: s for s in (STATISTICAL, SCALING, FROZEN)})


def floor_of(name: str, floors: Floors) -> float:
    """Relative floor of a source: that of the longest name in `floors` that its own begins with, 1 without any.

    Examples
    --------
    >>> floor_of("muon_efficiency_bin3_mu", {"muon": Floor(0.5, "x"), "muon_efficiency": Floor(0.2, "y")})
    0.2
    >>> floor_of("trigger", {})
    1.0
    """
    group = group_of(name, floors)
    return floors[group].relative if group is not None else 1.0


def group_of(name: str, floors: Floors) -> str | None:
    """The longest name in `floors` that the name of a source begins with, None without any."""
    return max((key for key in floors if name.startswith(key)), key=len, default=None)


def check_ratio(luminosity_fb: float, today_fb: float) -> float:
    """The luminosity in units of today's.

    Raises
    ------
    InputError
        If either is not positive and finite.
    """
    for what, value in (("luminosity", luminosity_fb), ("today's luminosity", today_fb)):
        if not 0.0 < value < math.inf:
            raise InputError(f"{what} of {value:g} /fb: give a positive number")
    return luminosity_fb / today_fb
