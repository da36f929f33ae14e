"""Beam cards: energies, crossing angles, energy spreads and luminous region of a collider, each number with its source.

A card is `geometry/<name>/beam.toml`. Lab frame: z is the axis of the detector (Belle II: the bisector of the beams),
x points out of the ring, the beams cross in the x-z plane.
"""

import math
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toymc.constants import M_E
from toymc.errors import InputError

BEAM_CARDS = ("belle2", "belle2_run2", "belle")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Quantity(_Strict):
    """A number and where it comes from."""

    value: Annotated[float, Field(allow_inf_nan=False)]
    source: Annotated[str, Field(min_length=3)]


class Positive(Quantity):
    """A number above zero and where it comes from."""

    value: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class NotNegative(Quantity):
    """A number not below zero and where it comes from."""

    value: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Angle(Quantity):
    """A crossing angle in radians and where it comes from."""

    value: Annotated[float, Field(gt=-0.5, lt=0.5, allow_inf_nan=False)]


class Beam(_Strict):
    """One beam: energy, Gaussian energy spread, tilt of its axis from the z axis towards +x.

    The electrons fly along +z, the positrons along -z; with tilt a the momentum has p_x = +|p| sin(a).
    """

    energy_GeV: Positive
    energy_spread_GeV: NotNegative
    tilt_rad: Angle


class LuminousRegion(_Strict):
    """Gaussian region of the collisions, axis by axis, in cm."""

    centre_x_cm: Quantity
    centre_y_cm: Quantity
    centre_z_cm: Quantity
    sigma_x_cm: NotNegative
    sigma_y_cm: NotNegative
    sigma_z_cm: NotNegative


class BeamCard(_Strict):
    """The beams of a collider.

    Attributes
    ----------
    name, description : str
    electron, positron : Beam
    luminous_region : LuminousRegion

    Examples
    --------
    >>> round(load_beam("belle2").sqrt_s, 3)
    10.58
    """

    name: str
    description: str
    electron: Beam
    positron: Beam
    luminous_region: LuminousRegion

    @property
    def four_momentum(self) -> tuple[float, float, float, float]:
        """Mean four-momentum (px, py, pz, E) of the e+e- system in GeV, lab frame."""
        px = pz = 0.0
        for beam, sign in ((self.electron, 1.0), (self.positron, -1.0)):
            momentum = math.sqrt(beam.energy_GeV.value**2 - M_E**2)
            px += momentum * math.sin(beam.tilt_rad.value)
            pz += sign * momentum * math.cos(beam.tilt_rad.value)
        return px, 0.0, pz, self.electron.energy_GeV.value + self.positron.energy_GeV.value

    @property
    def sqrt_s(self) -> float:
        """Centre-of-mass energy in GeV at the mean beam energies."""
        px, py, pz, energy = self.four_momentum
        return math.sqrt(energy**2 - px**2 - py**2 - pz**2)

    @property
    def boost(self) -> tuple[float, float, float]:
        """Velocity of the centre-of-mass frame in the lab, in units of c."""
        px, py, pz, energy = self.four_momentum
        return px / energy, py / energy, pz / energy


def _card_path(name: str) -> Path:
    if name in BEAM_CARDS:
        return Path(__file__).parent / name / "beam.toml"
    path = Path(name)
    if path.is_dir():
        path = path / "beam.toml"
    if not path.is_file():
        raise InputError(
            f"unknown beam card '{name}': give one of {', '.join(BEAM_CARDS)}, or the path of a beam.toml file"
        )
    return path


def _explain(path: Path, error: ValidationError) -> InputError:
    """One line for the first fault of a card: file, key, value, what is wanted."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    given = first["input"]
    shown = "a table" if isinstance(given, dict) else repr(given)
    return InputError(f"{path}: key '{key}' is {shown}: {first['msg']}")


@cache
def load_beam(name: str) -> BeamCard:
    """Read and check a beam card.

    Parameters
    ----------
    name : str
        ``belle2``, ``belle2_run2``, ``belle``, or the path of a `beam.toml` (or of the folder that holds one).

    Returns
    -------
    BeamCard

    Raises
    ------
    InputError
        If the card is unknown, unreadable, lacks a key, has an unknown key, or holds a value out of range.

    Examples
    --------
    >>> card = load_beam("belle2")
    >>> [round(b, 3) for b in card.boost]
    [0.041, 0.0, 0.273]
    """
    path = _card_path(name)
    try:
        with path.open("rb") as handle:
            content = tomllib.load(handle)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    try:
        return BeamCard.model_validate(content)
    except ValidationError as error:
        raise _explain(path, error) from error
