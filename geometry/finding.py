"""Track finding: efficiency of prompt and displaced tracks, kinks, wrong charges, fake tracks, uncertainties."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from toymc.errors import InputError
from toymc.geometry.numbers import (
    AngleFloat,
    CardModel,
    Fraction,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Source,
    UnitFloat,
    require_order,
)
from toymc.geometry.reading import Files, check_tiling, read_rows, read_settings, with_tables


class Count(CardModel):
    """A whole number, at least 1, with its source."""

    value: Annotated[int, Field(ge=1)]
    source: Source


class Switch(CardModel):
    """Yes or no, with its source."""

    value: bool
    source: Source


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


class Prompt(CardModel):
    """What counts as a track from the beam pipe: the acceptance in theta is that of such tracks alone."""

    radius_cm: Positive


class SiliconFinding(CardModel):
    """The stand-alone track finding of the vertex detector."""

    min_layers: Count
    impact_cm: Positive
    z_cm: Positive


class Algorithm(CardModel):
    """A track finding of the chamber: wire layers needed, scales of turn-on and d0, share at any d0; kinks; fakes."""

    min_hits: Count
    hit_scale: Positive
    impact_cm: Positive
    off_origin: Fraction
    kink_factor: Fraction
    kink_splits_merged: Switch
    fake_rate: Fraction


class KinkRule(CardModel):
    """When the track of a mother and that of its charged daughter are taken for one."""

    road_cm: Positive
    purity: Fraction


class ChargeFlip(CardModel):
    """Tracks whose direction, and with it the charge, is reconstructed the wrong way round."""

    rate: Fraction
    pt_max: Positive


class Spurious(CardModel):
    """Shape of fake tracks and rate of second tracks made of the returning arm of curling particles."""

    extra_hits: Positive
    d0_cm: Positive
    z0_cm: Positive
    clone_rate: Fraction
    clone_pt_max: Positive


class FindingSettings(CardModel):
    """Contents of finding.toml."""

    prompt: Prompt
    silicon: SiliconFinding
    algorithms: dict[str, Algorithm] = Field(min_length=1)
    kinks: KinkRule
    charge: ChargeFlip
    spurious: Spurious

    @model_validator(mode="after")
    def _default(self) -> Self:
        if "baseline" not in self.algorithms:
            raise ValueError(f"algorithms: {', '.join(self.algorithms)}: one must be called baseline")
        return self


class UncertaintyBin(CardModel):
    """Relative uncertainty of the efficiency per track in a bin of momentum, and per cm of flight before the track."""

    uncertainty: Source
    p_min: NonNegativeFloat
    p_max: PositiveFloat
    error: NonNegativeFloat
    error_per_cm: NonNegativeFloat
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.p_min, self.p_max, "p_min", "p_max")
        return self


class FindingSection(FindingSettings):
    """Track finding: settings, prompt efficiency, its uncertainties.

    Attributes
    ----------
    prompt, silicon, algorithms, kinks, charge, spurious
        Settings of finding.toml; `algorithms` by name.
    efficiency : tuple of EfficiencyBin
        Prompt tracks, over pT and theta.
    uncertainties : tuple of UncertaintyBin
    """

    efficiency: tuple[EfficiencyBin, ...] = Field(min_length=1)
    uncertainties: tuple[UncertaintyBin, ...] = Field(min_length=1)


def _check_bins(efficiency: tuple[EfficiencyBin, ...], files: Files) -> None:
    """Bins must fill their grids once, without gap or overlap."""
    where = files["tracking_efficiency"]
    pt_edges = check_tiling([(r.pt_min, r.pt_max) for r in efficiency], ("pt_min", "pt_max"), where)
    thetas = [(r.theta_min_deg, r.theta_max_deg) for r in efficiency]
    theta_edges = check_tiling(thetas, ("theta_min_deg", "theta_max_deg"), where)
    cells = {(r.pt_min, r.pt_max, r.theta_min_deg, r.theta_max_deg) for r in efficiency}
    if not len(cells) == len(efficiency) == (len(pt_edges) - 1) * (len(theta_edges) - 1):
        raise InputError(
            f"{where}: {len(efficiency)} rows, {len(cells)} of them different, do not fill the grid of pt and theta "
            "bins once: give one row for each cell"
        )


def _check_uncertainties(rows: tuple[UncertaintyBin, ...], where: Path) -> None:
    """The bins of each uncertainty must join and not repeat."""
    for name in {row.uncertainty for row in rows}:
        edges = [(row.p_min, row.p_max) for row in rows if row.uncertainty == name]
        joined = check_tiling(edges, ("p_min", "p_max"), where, f"{name}: ")
        if len(edges) != len(joined) - 1:
            raise InputError(f"{where}: {name}: {len(edges)} rows for {len(joined) - 1} bins in p: give each bin once")


def read_finding(files: Files) -> FindingSection:
    """The section from the files of a card."""
    efficiency = read_rows(files["tracking_efficiency"], EfficiencyBin)
    uncertainties = read_rows(files["tracking_uncertainty"], UncertaintyBin)
    _check_bins(efficiency, files)
    _check_uncertainties(uncertainties, files["tracking_uncertainty"])
    settings = read_settings(files["finding"], FindingSettings)
    tables = {"efficiency": efficiency, "uncertainties": uncertainties}
    return with_tables(FindingSection, settings, tables, files["finding"])
