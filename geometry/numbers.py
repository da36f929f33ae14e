"""Building blocks of the cards: numbers that carry their source."""

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


class PolarRange(CardModel):
    """A range of polar angles in degrees."""

    theta_min_deg: Angle
    theta_max_deg: Angle

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.theta_min_deg.value, self.theta_max_deg.value, "theta_min_deg", "theta_max_deg")
        return self
