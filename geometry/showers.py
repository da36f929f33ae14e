"""What particles other than photons leave in the crystals, and clusters that belong to no particle of the event."""

from typing import Self

from pydantic import model_validator

from toymc.geometry.numbers import (
    CardModel,
    Fraction,
    NonNegative,
    Number,
    Positive,
    require_order,
)


class Ionisation(CardModel):
    """Constants of the crystal for the most probable energy loss (Landau-Vavilov with Sternheimer's density effect)."""

    density_g_cm3: Positive
    z_over_a: Fraction
    excitation_eV: Positive
    density_c: Positive
    density_x0: Number
    density_x1: Positive
    density_a: Positive
    density_k: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.density_x0.value, self.density_x1.value, "density_x0", "density_x1")
        return self


class InteractionLengths(CardModel):
    """Mean free paths (cm) to an inelastic interaction in the crystal."""

    pi_plus: Positive
    pi_minus: Positive
    K_plus: Positive
    K_minus: Positive
    p: Positive
    pbar: Positive
    K_L: Positive
    n: Positive
    nbar: Positive


class HadronicResponse(CardModel):
    """Visible share x of an interacting hadron's energy, P(share < x) = 1 - (1 - x^a)^b; direction of its cluster."""

    shape_a: Positive
    shape_b: Positive
    angle_rad: NonNegative
    loop_path_cm: Positive


class SplitOffs(CardModel):
    """Neutral clusters beside the shower of an interacting hadron; mean_number 0 switches them off."""

    mean_number: NonNegative
    energy_mean: Positive
    angle_min_rad: NonNegative
    angle_mean_rad: Positive
    in_time: Fraction

    @model_validator(mode="after")
    def _few(self) -> Self:
        require_order(self.mean_number.value, 10.0, "mean_number", "the limit of the model")
        return self


class ShowerSettings(CardModel):
    """Contents of showers.toml."""

    ionisation: Ionisation
    interaction_length_cm: InteractionLengths
    hadrons: HadronicResponse
    split_offs: SplitOffs


class BackgroundRegion(CardModel):
    """Beam-background clusters of a region: mean number per event, slope of the energy spectrum above the threshold."""

    mean_number: NonNegative
    energy_mean: Positive


class BeamBackground(CardModel):
    """Clusters of beam background as an option: `scale` 0 makes none, 1 the numbers below."""

    scale: NonNegative
    in_time: Fraction
    fwd: BackgroundRegion
    barrel: BackgroundRegion
    bwd: BackgroundRegion

    @model_validator(mode="after")
    def _few(self) -> Self:
        total = self.scale.value * (
            self.fwd.mean_number.value + self.barrel.mean_number.value + self.bwd.mean_number.value
        )
        require_order(total, 50.0, "scale times the sum of mean_number", "the limit of the model")
        return self
