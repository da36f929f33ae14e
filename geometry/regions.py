"""Where a particle is: the regions of the fates, and what stands behind the front of the calorimeter."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import Angle, CardModel, NonNegative, Number, Positive, Source, require_order
from toymc.geometry.reading import Files, read_settings


class Cylinder(CardModel):
    """A cylinder around the z axis."""

    radius_cm: Positive
    z_min_cm: Number
    z_max_cm: Number

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.z_min_cm.value, self.z_max_cm.value, "z_min_cm", "z_max_cm")
        return self


class Behind(CardModel):
    """Depths behind the front of the crystals in nuclear interaction lengths, and who reaches the muon detector."""

    calorimeter_lambda: NonNegative
    coil_lambda: NonNegative
    charged_momentum_min: Positive
    theta_min_deg: Angle
    theta_max_deg: Angle

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.theta_min_deg.value, self.theta_max_deg.value, "theta_min_deg", "theta_max_deg")
        return self


class WholeNumber(CardModel):
    """A count with its source."""

    value: Annotated[int, Field(ge=1, le=100)]
    source: Source


class Curling(CardModel):
    """How long a particle that turns in the field is followed."""

    half_turns: WholeNumber


class RegionsSection(CardModel):
    """Contents of regions.toml; each cylinder lies inside the next."""

    beam_pipe: Cylinder
    vertex_detector: Cylinder
    drift_chamber: Cylinder
    calorimeter: Cylinder
    muon_detector: Cylinder
    behind: Behind
    curling: Curling

    @model_validator(mode="after")
    def _nested(self) -> Self:
        chain = ("beam_pipe", "vertex_detector", "drift_chamber", "calorimeter", "muon_detector")
        for inner, outer in zip(chain[:-1], chain[1:], strict=True):
            low, high = getattr(self, inner).radius_cm.value, getattr(self, outer).radius_cm.value
            require_order(low, high, f"{inner}.radius_cm", f"{outer}.radius_cm")
        return self


def read_regions(files: Files) -> RegionsSection:
    """The section from the files of a card."""
    return read_settings(files["regions"], RegionsSection)
