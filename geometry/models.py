"""Building blocks of the cards: numbers that carry their source, and rows of tables."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Finite = Annotated[float, Field(allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
UnitFloat = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
AngleFloat = Annotated[float, Field(ge=0.0, le=180.0, allow_inf_nan=False)]
Source = Annotated[str, Field(min_length=1)]
Species = Literal["e", "mu", "pi", "K", "p"]
SPECIES: tuple[Species, ...] = ("e", "mu", "pi", "K", "p")


class CardModel(BaseModel):
    """A part of a card: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(CardModel):
    """Any finite number with its source."""

    value: Finite
    source: Source


class Positive(CardModel):
    """A number above 0 with its source."""

    value: PositiveFloat
    source: Source


class NonNegative(CardModel):
    """A number that is 0 or more, with its source."""

    value: NonNegativeFloat
    source: Source


class Fraction(CardModel):
    """A number from 0 to 1 with its source."""

    value: UnitFloat
    source: Source


class Angle(CardModel):
    """A polar angle from 0 to 180 degrees with its source."""

    value: AngleFloat
    source: Source


class Text(CardModel):
    """A choice by name, with its source."""

    value: Annotated[str, Field(min_length=1)]
    source: Source


def require_order(low: float, high: float, low_name: str, high_name: str) -> None:
    """Refuse low >= high with both names and values."""
    if not low < high:
        raise ValueError(f"{low_name} = {low:g} must be below {high_name} = {high:g}")


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


class MaterialLayer(CardModel):
    """Passive material: a cylinder shell or a disc, X/X0 at normal incidence."""

    name: Source
    material: Source
    shape: Literal["cylinder", "disc"]
    r_min_cm: NonNegativeFloat
    r_max_cm: PositiveFloat
    z_min_cm: Finite
    z_max_cm: Finite
    x_over_X0: NonNegativeFloat
    place: Literal["tracker", "outer"]
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.r_min_cm, self.r_max_cm, "r_min_cm", "r_max_cm")
        require_order(self.z_min_cm, self.z_max_cm, "z_min_cm", "z_max_cm")
        return self


class ResolutionCoefficients(CardModel):
    """value(E) = a/E + b/sqrt(E) + c/E^(1/4) + d above the threshold energy, a constant below it."""

    quantity: Literal["sigmaE_over_E", "sigma_theta", "sigma_phi"]
    region: Literal["fwd", "barrel", "bwd"]
    background_level: Source
    threshold_GeV: PositiveFloat
    value_below_threshold: PositiveFloat
    a_invE: Finite
    b_invE0p5: Finite
    c_invE0p25: Finite
    d_const: Finite
    unit: Literal["%", "mrad"]
    source: Source


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
