"""Charged tracks: the layers that measure them, what is known of resolution."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import (
    Angle,
    CardModel,
    Finite,
    NonNegativeFloat,
    Number,
    Positive,
    PositiveFloat,
    Source,
    UnitFloat,
    require_order,
)
from toymc.geometry.reading import Files, read_rows, read_settings, with_tables


class FieldSection(CardModel):
    """The solenoid."""

    solenoid_tesla: Positive


class SiliconLayer(CardModel):
    """A layer of the vertex detector: resolutions (micrometre), material at normal incidence, share that is built."""

    layer: Source
    detector: Literal["pxd", "svd"]
    resolution_rphi_um: PositiveFloat
    resolution_z_um: PositiveFloat
    x_over_X0: NonNegativeFloat
    measured_fraction: UnitFloat
    source: Source


class SiliconSensor(CardModel):
    """The r-z section of a sensor ring: a straight piece from (z_min, r_at_z_min) to (z_max, r_at_z_max)."""

    sensor: Source
    layer: Source
    slant_deg: Finite
    z_min_cm: Finite
    z_max_cm: Finite
    r_at_z_min_cm: PositiveFloat
    r_at_z_max_cm: PositiveFloat
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.z_min_cm, self.z_max_cm, "z_min_cm", "z_max_cm")
        return self


class ChamberLayer(CardModel):
    """A layer of sense wires: radius at the end plates and at the waist, stereo angle, z extent."""

    layer: Annotated[int, Field(ge=0)]
    superlayer: Annotated[int, Field(ge=0)]
    type: Literal["A", "U", "V"]
    radius_cm: PositiveFloat
    waist_radius_cm: PositiveFloat
    stereo_mrad: Finite
    z_min_cm: Finite
    z_max_cm: Finite
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.z_min_cm, self.z_max_cm, "z_min_cm", "z_max_cm")
        if (self.type == "A") != (self.stereo_mrad == 0.0):
            raise ValueError(f"type = {self.type} contradicts stereo_mrad = {self.stereo_mrad:g}")
        return self


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
    """Charged tracks: settings and measuring layers."""

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


def read_tracking(files: Files) -> TrackingSection:
    """The section from the files of a card."""
    tables = {
        "silicon_layers": read_rows(files["vxd_layers"], SiliconLayer),
        "silicon_sensors": read_rows(files["vxd_sensors"], SiliconSensor),
        "chamber": read_rows(files["drift_chamber"], ChamberLayer),
    }
    settings = read_settings(files["tracking"], TrackingSettings)
    return with_tables(TrackingSection, settings, tables, files["vxd_sensors"])
