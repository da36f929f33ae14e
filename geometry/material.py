"""Passive material: what particles cross besides the silicon layers, and what it is made of."""

from typing import Literal, Self

from pydantic import Field, model_validator

from toymc.geometry.numbers import CardModel, Finite, NonNegativeFloat, PositiveFloat, Source, require_order
from toymc.geometry.reading import Files, check, read_rows


class Material(CardModel):
    """A material: density, radiation length X0, nuclear interaction length, Z/A, mean excitation energy.

    Lengths are areal densities (g/cm2), so they hold at any density.
    """

    material: Source
    density_g_cm3: PositiveFloat
    X0_g_cm2: PositiveFloat
    lambda_I_g_cm2: PositiveFloat
    Z_over_A: PositiveFloat
    mean_excitation_eV: PositiveFloat
    source: Source

    @property
    def interaction_lengths_per_X0(self) -> float:
        """Nuclear interaction lengths in a thickness of one radiation length."""
        return self.X0_g_cm2 / self.lambda_I_g_cm2


class MaterialLayer(CardModel):
    """Passive material: a cylinder shell or a disc, X/X0 at normal incidence.

    `place` says where: inside the tracker, outer (between the last wire and the crystals), behind (crystals and coil).
    """

    name: Source
    material: Source
    shape: Literal["cylinder", "disc"]
    r_min_cm: NonNegativeFloat
    r_max_cm: PositiveFloat
    z_min_cm: Finite
    z_max_cm: Finite
    x_over_X0: NonNegativeFloat
    place: Literal["tracker", "outer", "behind"]
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.r_min_cm, self.r_max_cm, "r_min_cm", "r_max_cm")
        require_order(self.z_min_cm, self.z_max_cm, "z_min_cm", "z_max_cm")
        if self.shape == "disc" and self.place == "tracker":
            raise ValueError(f"{self.name}: shape = disc contradicts place = tracker: give cylinder shells there")
        return self


class MaterialSection(CardModel):
    """Passive material (the silicon layers carry their own) and the table of materials."""

    layers: tuple[MaterialLayer, ...] = Field(min_length=1)
    materials: tuple[Material, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        names = [row.material for row in self.materials]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"material = {name} has {names.count(name)} rows in the table of materials")
        for layer in self.layers:
            if layer.material not in names:
                raise ValueError(f"{layer.name}: material = {layer.material} is not in the table of materials")
        return self

    def of(self, name: str) -> Material:
        """The row of the table of materials.

        Parameters
        ----------
        name : str
            As in the `material` column of a layer.

        Returns
        -------
        Material

        Raises
        ------
        KeyError
            If there is no such material.

        Examples
        --------
        >>> from toymc.geometry import load_card
        >>> round(load_card("belle2").material.of("Si").interaction_lengths_per_X0, 3)
        0.201
        """
        for row in self.materials:
            if row.material == name:
                return row
        raise KeyError(name)


def read_material(files: Files) -> MaterialSection:
    """The section from the files of a card."""
    materials = read_rows(files["materials"], Material)
    layers = read_rows(files["material"], MaterialLayer)
    return check(MaterialSection, {"layers": layers, "materials": materials}, files["material"])
