"""Vertices: rules by which pairs of tracks are taken for neutral particles that decay or convert."""

from typing import Self

from pydantic import model_validator

from toymc.geometry.numbers import CardModel, NonNegative, Number, Positive, require_order
from toymc.geometry.reading import Files, read_settings


class MassWindow(CardModel):
    """Invariant masses that are kept, GeV."""

    low: NonNegative
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.low.value, self.high.value, "low", "high")
        return self


class PairRules(CardModel):
    """Which pairs of tracks are fitted: away from the beam, or close to parallel.

    Attributes
    ----------
    rho_min_cm : NonNegative
        Smallest transverse radius of the point where the tracks, as straight lines at their perigees, are closest.
    cos_opening : Number
        Pairs with a larger cosine between the momenta at the perigees are fitted wherever that point is.
    """

    rho_min_cm: NonNegative
    cos_opening: Number


class VertexRules(CardModel):
    """What a fitted vertex has to fulfil.

    Attributes
    ----------
    radius_min_cm : NonNegative
        Smallest transverse radius.
    chi2_max : Positive
        For one degree of freedom.
    cos_pointing_min : Number
        Smallest cosine between momentum and flight from the luminous region; -1 for no requirement.
    """

    radius_min_cm: NonNegative
    chi2_max: Positive
    cos_pointing_min: Number


class HadronRules(CardModel):
    """Mass windows of a hypothesis.

    `possible`: window that must be reachable with the momenta of the tracks, whatever their angle; `fitted`: of the
    mass after the fit; `inside`: the same for vertices inside `radius_min_cm`, where they are asked for.
    """

    possible: MassWindow
    fitted: MassWindow
    inside: MassWindow


class PhotonRules(CardModel):
    """Largest mass of e+e- pairs from converted photons, GeV."""

    mass_max: Positive


class VertexingSection(CardModel):
    """Contents of vertexing.toml."""

    pair: PairRules
    vertex: VertexRules
    k_short: HadronRules
    lambda_: HadronRules
    photon: PhotonRules


def read_vertexing(files: Files) -> VertexingSection:
    """The section from the files of a card."""
    return read_settings(files["vertexing"], VertexingSection)
