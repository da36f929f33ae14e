"""Track finding: efficiency of prompt tracks and what production away from the beam costs."""

from typing import Self

from pydantic import Field, model_validator

from toymc.errors import InputError
from toymc.geometry.numbers import (
    AngleFloat,
    CardModel,
    NonNegativeFloat,
    PositiveFloat,
    Source,
    UnitFloat,
    require_order,
)
from toymc.geometry.reading import Files, check_tiling, read_rows


class EfficiencyBin(CardModel):
    """Tracking efficiency in a bin of pT (GeV) and theta (degrees)."""

    pt_min: NonNegativeFloat
    pt_max: PositiveFloat
    theta_min_deg: AngleFloat
    theta_max_deg: AngleFloat
    value: UnitFloat
    error: NonNegativeFloat
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.pt_min, self.pt_max, "pt_min", "pt_max")
        require_order(self.theta_min_deg, self.theta_max_deg, "theta_min_deg", "theta_max_deg")
        return self


class DisplacedBin(CardModel):
    """Efficiency relative to prompt tracks in a bin of production radius (cm)."""

    rho_min_cm: NonNegativeFloat
    rho_max_cm: PositiveFloat
    value: UnitFloat
    error: NonNegativeFloat
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.rho_min_cm, self.rho_max_cm, "rho_min_cm", "rho_max_cm")
        return self


class FindingSection(CardModel):
    """Track finding: tables of efficiency."""

    efficiency: tuple[EfficiencyBin, ...] = Field(min_length=1)
    displaced: tuple[DisplacedBin, ...] = Field(min_length=1)


def _check_bins(efficiency: tuple[EfficiencyBin, ...], displaced: tuple[DisplacedBin, ...], files: Files) -> None:
    """Bins must fill their grids once, without gap or overlap."""
    where = files["tracking_efficiency"]
    pt_edges = check_tiling([(r.pt_min, r.pt_max) for r in efficiency], ("pt_min", "pt_max"), where)
    thetas = [(r.theta_min_deg, r.theta_max_deg) for r in efficiency]
    theta_edges = check_tiling(thetas, ("theta_min_deg", "theta_max_deg"), where)
    if len(efficiency) != (len(pt_edges) - 1) * (len(theta_edges) - 1):
        raise InputError(f"{where}: {len(efficiency)} rows do not fill the grid of pt and theta bins once")
    radii = [(r.rho_min_cm, r.rho_max_cm) for r in displaced]
    check_tiling(radii, ("rho_min_cm", "rho_max_cm"), files["displaced_efficiency"])


def read_finding(files: Files) -> FindingSection:
    """The section from the files of a card."""
    efficiency = read_rows(files["tracking_efficiency"], EfficiencyBin)
    displaced = read_rows(files["displaced_efficiency"], DisplacedBin)
    _check_bins(efficiency, displaced, files)
    return FindingSection(efficiency=efficiency, displaced=displaced)
