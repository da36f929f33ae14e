"""Particle identification: probabilities per species and working point."""

from typing import Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import (
    AngleFloat,
    CardModel,
    Fraction,
    NonNegativeFloat,
    PositiveFloat,
    Source,
    Species,
    UnitFloat,
    require_order,
)
from toymc.geometry.reading import Files, read_rows, read_settings, with_tables


class IdentificationCell(CardModel):
    """Probability that a true species passes a working point in a cell of p (GeV), theta (degrees) and charge."""

    species: Species
    working_point: Source
    p_min: NonNegativeFloat
    p_max: PositiveFloat
    theta_min_deg: AngleFloat
    theta_max_deg: AngleFloat
    charge: Literal["both", "+", "-"]
    value: UnitFloat
    error: NonNegativeFloat
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.p_min, self.p_max, "p_min", "p_max")
        require_order(self.theta_min_deg, self.theta_max_deg, "theta_min_deg", "theta_max_deg")
        return self


class WorkingPoint(CardModel):
    """Which uniform number decides, and what holds below the first momentum bin."""

    draw: Literal["electron", "muon", "kaon", "proton"]
    mirrored: bool
    below: Literal["zero", "edge"]
    source: Source


class StandIn(CardModel):
    """Where a species without rows takes its numbers from."""

    working_point: Source
    species: Species
    from_working_point: Source
    from_species: Species
    scale_like: Species | None = None
    error: NonNegativeFloat
    source: Source


class CorrectionBins(CardModel):
    """Bins in which corrections are measured: edges in p (GeV) and theta (rad)."""

    p: tuple[NonNegativeFloat, ...] = Field(min_length=2)
    theta: tuple[NonNegativeFloat, ...] = Field(min_length=2)
    source: Source

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name, edges in (("p", self.p), ("theta", self.theta)):
            for low, high in zip(edges, edges[1:], strict=False):
                require_order(low, high, f"an edge of {name}", "the next one")
        return self


class Variations(CardModel):
    """How the error of a cell splits into a part common to the table and parts of the correction bins.

    `electron`, `muon`, `hadron`: bins of the working points that draw electrons, muons, and kaons or protons.
    """

    correlated_share: Fraction
    electron: CorrectionBins
    muon: CorrectionBins
    hadron: CorrectionBins


class IdentificationSettings(CardModel):
    """Contents of identification.toml."""

    variations: Variations
    working_points: dict[str, WorkingPoint] = Field(min_length=1)
    stand_in: tuple[StandIn, ...] = ()


class IdentificationSection(IdentificationSettings):
    """Identification: settings and the table."""

    cells: tuple[IdentificationCell, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        named = set(self.working_points)
        found = {cell.working_point for cell in self.cells}
        if named - found:
            raise ValueError(f"working_points: '{min(named - found)}' has no rows in the table")
        if found - named:
            raise ValueError(f"working_point = '{min(found - named)}' of the table is not declared in working_points")
        for entry in self.stand_in:
            for name in (entry.working_point, entry.from_working_point):
                if name not in named:
                    raise ValueError(f"stand_in: working point '{name}' is not declared in working_points")
        return self


def read_identification(files: Files) -> IdentificationSection:
    """The section from the files of a card."""
    where = files["identification"]
    tables = {"cells": read_rows(files["identification_table"], IdentificationCell)}
    return with_tables(IdentificationSection, read_settings(where, IdentificationSettings), tables, where)
