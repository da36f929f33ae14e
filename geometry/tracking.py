"""Charged tracks: the layers that measure them, what is known of resolution."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from toymc.errors import InputError
from toymc.geometry.material import Material
from toymc.geometry.numbers import (
    CardModel,
    Finite,
    Fraction,
    NonNegativeFloat,
    Number,
    PolarRange,
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
    """A layer of the vertex detector: resolutions (micrometre), material at normal incidence, efficiency, azimuth.

    `ideal_*` are the resolutions of the ideal calculation. Sensors stand between phi_min_deg and phi_max_deg (0 and
    360: all around; phi_max_deg may exceed 360).
    """

    layer: Source
    detector: Literal["pxd", "svd"]
    resolution_rphi_um: PositiveFloat
    resolution_z_um: PositiveFloat
    ideal_rphi_um: PositiveFloat
    ideal_z_um: PositiveFloat
    x_over_X0: NonNegativeFloat
    material: Source
    efficiency: UnitFloat
    phi_min_deg: Annotated[float, Field(ge=0.0, lt=360.0)]
    phi_max_deg: Annotated[float, Field(gt=0.0, le=720.0)]
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.phi_min_deg, self.phi_max_deg, "phi_min_deg", "phi_max_deg")
        if self.phi_max_deg - self.phi_min_deg > 360.0:
            raise ValueError(f"phi_min_deg = {self.phi_min_deg:g} to phi_max_deg = {self.phi_max_deg:g} is over a turn")
        if self.efficiency == 0.0:
            raise ValueError("efficiency = 0: leave the layer out instead")
        return self

    @property
    def built_fraction(self) -> float:
        """Share of the azimuth that has sensors."""
        return (self.phi_max_deg - self.phi_min_deg) / 360.0


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
        slope = math.degrees(math.atan2(self.r_at_z_min_cm - self.r_at_z_max_cm, self.z_max_cm - self.z_min_cm))
        if abs(slope - self.slant_deg) > 0.5:
            raise ValueError(f"slant_deg = {self.slant_deg:g} contradicts the {slope:.1f} degrees of its two ends")
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
        if self.waist_radius_cm > self.radius_cm:
            raise ValueError(f"waist_radius_cm = {self.waist_radius_cm:g} is above radius_cm = {self.radius_cm:g}")
        return self


class Acceptance(PolarRange):
    """Where tracks are found."""

    pt_min: Positive


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


class ChamberHits(CardModel):
    """Drift distances: resolution, that of the ideal calculation, share of the crossed layers that measure."""

    resolution_um: Positive
    ideal_um: Positive
    efficiency: Fraction


class Tuning(CardModel):
    """Factors that bring the calculation to the published resolutions; each source says why."""

    silicon_rphi: Positive
    silicon_z: Positive
    chamber_hit: Positive
    silicon_material: Positive
    chamber_material: Positive


class FitSettings(CardModel):
    """Inputs of the covariance that are not layers; `obliquest_sine` ends a curling track before it turns."""

    highland_mev: Positive
    highland_log: Number
    obliquest_sine: Fraction


class TrackingSettings(CardModel):
    """Contents of tracking.toml; `resolution` is what the tuning aims at, the simulation does not use it."""

    acceptance: Acceptance
    resolution: TrackResolution
    chamber_hits: ChamberHits
    tuning: Tuning
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
    layers = read_rows(files["vxd_layers"], SiliconLayer)
    materials = [row.material for row in read_rows(files["materials"], Material)]
    for layer in layers:
        if layer.material not in materials:
            raise InputError(
                f"{files['vxd_layers']}: layer {layer.layer}: material = {layer.material} is not in the table of "
                f"materials: use one of its names or add a row"
            )
    tables = {
        "silicon_layers": layers,
        "silicon_sensors": read_rows(files["vxd_sensors"], SiliconSensor),
        "chamber": read_rows(files["drift_chamber"], ChamberLayer),
    }
    settings = read_settings(files["tracking"], TrackingSettings)
    return with_tables(TrackingSection, settings, tables, files["vxd_sensors"])
