"""The electromagnetic calorimeter: regions, resolution, response."""

from typing import Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import (
    Angle,
    CardModel,
    Finite,
    Fraction,
    NonNegative,
    Number,
    Positive,
    PositiveFloat,
    Source,
    Text,
    require_order,
)
from toymc.geometry.reading import Files, read_rows, read_settings, with_tables
from toymc.geometry.showers import BeamBackground, ShowerSettings

REGIONS = ("fwd", "barrel", "bwd")


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
    """Front faces and size of the crystals."""

    crystal_length_cm: Positive
    crystal_width_cm: Positive
    barrel_radius_cm: Positive
    forward_z_cm: Positive
    backward_z_cm: Number

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.backward_z_cm.value, 0.0, "backward_z_cm", "the interaction point")
        return self


class Response(CardModel):
    """Shape of the energy response: Novosibirsk tail of the shower, symmetric background, edges of the regions."""

    tail_eta: NonNegative
    shower_level: Text
    edge_radius_cm: Positive
    edge_fluctuation: Fraction


class Conversion(CardModel):
    """Energy dependence of pair production and what late conversions cost (lost share, GeV per radiation length)."""

    factor_low: Fraction
    energy_low: Positive
    energy_unity: Positive
    energy_per_x0: NonNegative
    outer_loss: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.energy_low.value, self.energy_unity.value, "energy_low", "energy_unity")
        return self


class Timing(CardModel):
    """Share of clusters in time."""

    in_time: Fraction


class Bremsstrahlung(CardModel):
    """Smallest photon that is followed, as a share of the electron's energy."""

    cutoff: Positive

    @model_validator(mode="after")
    def _small(self) -> Self:
        require_order(self.cutoff.value, 0.1, "cutoff", "the limit of the model")
        return self


class CalorimeterSettings(CardModel):
    """Contents of calorimeter.toml."""

    background_level: Text
    regions: Regions
    surface: Surface
    conversion: Conversion
    timing: Timing
    response: Response
    bremsstrahlung: Bremsstrahlung
    background: BeamBackground


class CalorimeterSection(CalorimeterSettings):
    """Clusters: settings, showers of other particles, resolution coefficients (all background levels)."""

    showers: ShowerSettings
    coefficients: tuple[ResolutionCoefficients, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self._check_level("background_level", self.background_level.value)
        self._check_level("response.shower_level", self.response.shower_level.value)
        return self

    def _check_level(self, name: str, level: str) -> None:
        found = [(c.quantity, c.region) for c in self.coefficients if c.background_level == level]
        for quantity in ("sigmaE_over_E", "sigma_theta", "sigma_phi"):
            for region in REGIONS:
                rows = found.count((quantity, region))  # type: ignore[arg-type]
                if rows != 1:
                    raise ValueError(
                        f"{name} = '{level}': the resolution table has {rows} rows for {quantity} in {region}, "
                        "one is needed"
                    )


def read_calorimeter(files: Files) -> CalorimeterSection:
    """The section from the files of a card."""
    where = files["calorimeter"]
    tables = {
        "showers": read_settings(files["showers"], ShowerSettings),
        "coefficients": read_rows(files["ecl_resolution"], ResolutionCoefficients),
    }
    return with_tables(CalorimeterSection, read_settings(where, CalorimeterSettings), tables, where)
