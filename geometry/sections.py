"""The sections of a detector card, each with the tables that belong to it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.models import (
    Angle,
    CardModel,
    ChamberLayer,
    DisplacedBin,
    EfficiencyBin,
    Fraction,
    IdentificationCell,
    MaterialLayer,
    NonNegative,
    NonNegativeFloat,
    Number,
    Positive,
    ResolutionCoefficients,
    SiliconLayer,
    SiliconSensor,
    Source,
    Species,
    Text,
    TriggerLine,
    require_order,
)

REGIONS = ("fwd", "barrel", "bwd")


class FieldSection(CardModel):
    """The solenoid."""

    solenoid_tesla: Positive


class Acceptance(CardModel):
    """Where tracks are found."""

    theta_min_deg: Angle
    theta_max_deg: Angle
    pt_min: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.theta_min_deg.value, self.theta_max_deg.value, "theta_min_deg", "theta_max_deg")
        return self


class TwoTerms(CardModel):
    """A resolution of two terms added in quadrature: measurement and multiple scattering."""

    measurement: Positive
    scattering: Positive


class Range(CardModel):
    """An interval in p * beta, GeV."""

    low: Positive
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.low.value, self.high.value, "low", "high")
        return self


class TrackResolution(CardModel):
    """Published-type parametrisations at 90 degrees."""

    pt_percent: TwoTerms
    d0_um: TwoTerms
    z0_um: TwoTerms
    valid_p_beta: Range


class FitSettings(CardModel):
    """Inputs of the weight-matrix calculation that are not layers."""

    chamber_hit_um: Positive
    highland_mev: Positive
    highland_log: Number


class TrackingSettings(CardModel):
    """Contents of tracking.toml."""

    acceptance: Acceptance
    resolution: TrackResolution
    fit: FitSettings


class TrackingSection(TrackingSettings):
    """Charged tracks: settings, efficiencies and measuring layers."""

    efficiency: tuple[EfficiencyBin, ...] = Field(min_length=1)
    displaced: tuple[DisplacedBin, ...] = Field(min_length=1)
    silicon_layers: tuple[SiliconLayer, ...] = Field(min_length=1)
    silicon_sensors: tuple[SiliconSensor, ...] = Field(min_length=1)
    chamber: tuple[ChamberLayer, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _layers_match(self) -> Self:
        names = {layer.layer for layer in self.silicon_layers}
        for sensor in self.silicon_sensors:
            if sensor.layer not in names:
                raise ValueError(f"sensor {sensor.sensor}: layer = {sensor.layer} is no silicon layer")
        return self


class MaterialSection(CardModel):
    """Passive material (the silicon layers carry their own)."""

    layers: tuple[MaterialLayer, ...] = Field(min_length=1)


class CalorimeterRegion(CardModel):
    """A region of the calorimeter; what lies between regions is a gap."""

    theta_min_deg: Angle
    theta_max_deg: Angle
    energy_min: Positive
    efficiency: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.theta_min_deg.value, self.theta_max_deg.value, "theta_min_deg", "theta_max_deg")
        return self


class Regions(CardModel):
    """Forward, barrel, backward, in this order in theta."""

    fwd: CalorimeterRegion
    barrel: CalorimeterRegion
    bwd: CalorimeterRegion

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for (low, first), (high, second) in (
            (("fwd", self.fwd), ("barrel", self.barrel)),
            (("barrel", self.barrel), ("bwd", self.bwd)),
        ):
            if first.theta_max_deg.value > second.theta_min_deg.value:
                raise ValueError(
                    f"regions overlap: {low}.theta_max_deg = {first.theta_max_deg.value:g} is above "
                    f"{high}.theta_min_deg = {second.theta_min_deg.value:g}"
                )
        return self


class Surface(CardModel):
    """Front faces of the crystals."""

    barrel_radius_cm: Positive
    forward_z_cm: Positive
    backward_z_cm: Number

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.backward_z_cm.value, 0.0, "backward_z_cm", "the interaction point")
        return self


class Tail(CardModel):
    """Low-side power law of the energy response (Crystal Ball)."""

    alpha: Positive
    power: Positive

    @model_validator(mode="after")
    def _integrable(self) -> Self:
        require_order(1.0, self.power.value, "1", "power")
        return self


class Conversion(CardModel):
    """Energy dependence of pair production and what late conversions cost."""

    factor_low: Fraction
    energy_low: Positive
    energy_unity: Positive
    outer_loss: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.energy_low.value, self.energy_unity.value, "energy_low", "energy_unity")
        return self


class Merging(CardModel):
    """When a photon and the electron it came from make one cluster."""

    angle_rad: NonNegative


class Timing(CardModel):
    """Share of clusters in time."""

    in_time: Fraction


class CalorimeterSettings(CardModel):
    """Contents of calorimeter.toml."""

    background_level: Text
    regions: Regions
    surface: Surface
    tail: Tail
    conversion: Conversion
    merging: Merging
    timing: Timing


class CalorimeterSection(CalorimeterSettings):
    """Photons: settings and resolution coefficients (all background levels)."""

    coefficients: tuple[ResolutionCoefficients, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        level = self.background_level.value
        found = [(c.quantity, c.region) for c in self.coefficients if c.background_level == level]
        for quantity in ("sigmaE_over_E", "sigma_theta", "sigma_phi"):
            for region in REGIONS:
                if found.count((quantity, region)) != 1:  # type: ignore[arg-type]
                    raise ValueError(
                        f"background_level = '{level}': the resolution table has {found.count((quantity, region))} "  # type: ignore[arg-type]
                        f"rows for {quantity} in {region}, one is needed"
                    )
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


class IdentificationSettings(CardModel):
    """Contents of identification.toml."""

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
