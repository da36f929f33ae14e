"""What a model says about its particle at one mass and coupling."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from toymc.constants import HBAR_C_GEV_CM


@dataclass(frozen=True)
class ModelPoint:
    """Partial widths and production of a particle.

    Attributes
    ----------
    model : str
    mass_GeV, coupling : float
    widths : mapping of str to float
        Partial widths in GeV, open modes alone, named after the final state.
    production : mapping of str to float
        Branching fractions of the decays that make it.
    references : tuple of str
        One for each formula that entered.
    notes : tuple of str
        What is left out, limits of validity.
    """

    model: str
    mass_GeV: float
    coupling: float
    widths: Mapping[str, float]
    production: Mapping[str, float]
    references: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def width_GeV(self) -> float:
        """Total width in GeV."""
        return math.fsum(self.widths.values())

    @property
    def ctau_cm(self) -> float:
        """Mean proper flight length in cm; infinite for a stable particle."""
        return HBAR_C_GEV_CM / self.width_GeV if self.width_GeV > 0.0 else math.inf

    @property
    def branching_fractions(self) -> dict[str, float]:
        """Share of every open mode; they add up to 1."""
        total = self.width_GeV
        return {name: value / total for name, value in self.widths.items()} if total > 0.0 else {}
