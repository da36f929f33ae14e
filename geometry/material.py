"""Passive material: what particles cross besides the silicon layers."""

from typing import Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import CardModel, Finite, NonNegativeFloat, PositiveFloat, Source, require_order
from toymc.geometry.reading import Files, read_rows


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


class MaterialSection(CardModel):
    """Passive material (the silicon layers carry their own)."""

    layers: tuple[MaterialLayer, ...] = Field(min_length=1)


def read_material(files: Files) -> MaterialSection:
    """The section from the files of a card."""
    return MaterialSection(layers=read_rows(files["material"], MaterialLayer))
