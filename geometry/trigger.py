"""The level-1 trigger: turn-on of tracks, lines of drift chamber, calorimeter and muon detector, Bhabha veto."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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
from toymc.geometry.reading import Files, read_rows, read_settings, with_tables

GROUPS = ("cdc", "ecl", "klm")
KINDS = ("track", "energy", "count", "single", "pair", "muon")
Count = Annotated[int, Field(ge=0, le=4)]


class TriggerLine(CardModel):
    """A trigger line; energies in GeV, angles in degrees, 0 where a condition is not asked for; numbers up to 4.

    kind track: `tracks` found tracks with an opening of `opening_deg`, `neural` of them neural with p above `p_min`.
    energy: sum of the calorimeter above `total`. count: `clusters` above `cluster`, one of them above `one`.
    single: a cluster above `cms` in the centre-of-mass system, others below `other_max`. pair: two clusters within
    `dphi_deg` and `sum_theta_deg` of back to back (CMS), the harder above `one`, the softer above `cluster` and below
    `other_max`, no cluster above `cms_max` (CMS) or `all_max`, sum below `total_max`. muon: `muons` tracks that fire
    the muon detector, with an opening of `opening_deg`; `tracks` of them matched to a found track.
    Clusters of energy, count and single count between theta_min_deg and theta_max_deg outside the hole, where given.
    """

    name: Source
    group: Literal["cdc", "ecl", "klm"]
    kind: Literal["track", "energy", "count", "single", "pair", "muon"]
    veto: Literal["none", "bhabha"]
    tracks: Count
    neural: Count
    p_min: NonNegativeFloat
    opening_deg: AngleFloat
    clusters: Count
    cluster: NonNegativeFloat
    one: NonNegativeFloat
    total: NonNegativeFloat
    total_max: NonNegativeFloat
    cms: NonNegativeFloat
    cms_max: NonNegativeFloat
    other_max: NonNegativeFloat
    all_max: NonNegativeFloat
    dphi_deg: AngleFloat
    sum_theta_deg: AngleFloat
    muons: Count
    theta_min_deg: AngleFloat
    theta_max_deg: AngleFloat
    hole_min_deg: AngleFloat
    hole_max_deg: AngleFloat
    width: PositiveFloat
    plateau: UnitFloat
    error: NonNegativeFloat
    source: Source

    @model_validator(mode="after")
    def _asks(self) -> Self:
        require_order(self.theta_min_deg, self.theta_max_deg, "theta_min_deg", "theta_max_deg")
        if self.hole_min_deg > 0.0:
            require_order(self.hole_min_deg, self.hole_max_deg, "hole_min_deg", "hole_max_deg")
        needed = {"track": "tracks", "energy": "total", "count": "clusters", "single": "cms", "pair": "dphi_deg"}
        key = needed.get(self.kind, "muons")
        if self.kind == "track" and self.tracks + self.neural == 0:
            raise ValueError(f"line {self.name} of kind track asks for nothing: give tracks or neural")
        if self.kind != "track" and not getattr(self, key):
            raise ValueError(f"line {self.name} of kind {self.kind} asks for nothing: {key} is 0")
        return self


class TrackTrigger(CardModel):
    """Turn-on of a track in the drift-chamber trigger, and what makes it neural."""

    pt: Positive
    pt_width: Positive
    found: Fraction
    neural: Fraction
    p_width: Positive
    z_max_cm: Positive
    d0_max_cm: Positive


class BhabhaVeto(CardModel):
    """Two clusters back to back in the centre-of-mass system (degrees, GeV)."""

    dphi_deg: Positive
    sum_theta_min_deg: Positive
    sum_theta_max_deg: Positive
    both: Positive
    one: Positive
    width: Positive


class TriggerSettings(CardModel):
    """Contents of trigger.toml."""

    track: TrackTrigger
    bhabha: BhabhaVeto
    muon_layers: Positive


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
