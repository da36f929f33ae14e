"""The level-1 trigger: lines as counts of tracks and clusters."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import (
    AngleFloat,
    CardModel,
    NonNegative,
    NonNegativeFloat,
    Source,
    UnitFloat,
    require_order,
)
from toymc.geometry.reading import Files, read_rows, read_settings, with_tables


class TriggerLine(CardModel):
    """A trigger line: counts of tracks and clusters with thresholds (GeV, degrees) and one efficiency."""

    name: Source
    group: Literal["cdc", "ecl"]
    min_tracks: Annotated[int, Field(ge=0)]
    pt_min: NonNegativeFloat
    p_min: NonNegativeFloat
    theta_min_deg: AngleFloat
    theta_max_deg: AngleFloat
    opening_min_deg: AngleFloat
    min_clusters: Annotated[int, Field(ge=0)]
    cluster_energy: NonNegativeFloat
    one_cluster_energy: NonNegativeFloat
    total_energy: NonNegativeFloat
    efficiency: UnitFloat
    error: NonNegativeFloat
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.theta_min_deg, self.theta_max_deg, "theta_min_deg", "theta_max_deg")
        if self.min_tracks == 0 and self.min_clusters == 0 and self.total_energy == 0.0:
            raise ValueError(f"line {self.name} asks for nothing: min_tracks, min_clusters and total_energy are all 0")
        return self


class TrackCluster(CardModel):
    """Energy that tracks leave in the calorimeter, for the trigger."""

    energy: NonNegative
    pt_min: NonNegative


class TriggerSettings(CardModel):
    """Contents of trigger.toml."""

    track_cluster: TrackCluster


class TriggerSection(TriggerSettings):
    """Level-1 trigger: settings and lines; the bit of a line is its place in the table."""

    lines: tuple[TriggerLine, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [line.name for line in self.lines]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"trigger line '{name}' appears {names.count(name)} times")
        return self


def read_trigger(files: Files) -> TriggerSection:
    """The section from the files of a card."""
    where = files["trigger_lines"]
    tables = {"lines": read_rows(where, TriggerLine)}
    return with_tables(TriggerSection, read_settings(files["trigger"], TriggerSettings), tables, where)
