"""The muon and K_L detector: iron and layers, what lies in front, range tables, clusters of neutral hadrons."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from toymc.geometry.numbers import (
    CardModel,
    Fraction,
    NonNegative,
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

OUTCOMES = ("none", "barrel_stop", "endcap_stop", "barrel_exit", "endcap_exit")
"""Names of the codes of `Tracks.klm_region`."""
RANGE_SPECIES = ("mu", "pi", "K", "p", "pbar")
_CHI2_EDGES = (0.08, 0.12, 0.16, 0.20, 0.24, 0.28, 0.32, 0.40, 0.52, 0.64, 0.80, 1.20)
TRANSVERSE_BINS = (*(f"below_{edge:.2f}" for edge in _CHI2_EDGES), "rest")
"""Columns of the table of the transverse chi2 per degree of freedom."""


def _numbers(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


class Metal(CardModel):
    """Inputs of the Bethe formula with density effect (Sternheimer's x0, x1, C, a, k); density in g/cm3, I in eV."""

    density: Positive
    z_over_a: Positive
    excitation_eV: Positive
    x0: Number
    x1: Number
    c: Number
    a: Number
    k: Number


class FrontPiece(CardModel):
    """A cylinder in front of the muon detector (cm)."""

    r_min: PositiveFloat
    r_max: PositiveFloat
    z_min: Annotated[float, Field(allow_inf_nan=False)]
    z_max: Annotated[float, Field(allow_inf_nan=False)]
    metal: Source
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(self.r_min, self.r_max, "r_min", "r_max")
        require_order(self.z_min, self.z_max, "z_min", "z_max")
        return self


class Crystals(CardModel):
    """Crystals that point to the origin: front faces (cm) and depth along the direction of flight."""

    barrel_r: Positive
    forward_z: Positive
    backward_z: Number
    depth: Positive
    metal: Source


class Barrel(CardModel):
    """Octagonal yoke: a gap with a module first, then iron, and so on (cm)."""

    inner_r: Positive
    gap: Positive
    iron: Positive
    module_iron: NonNegative
    layers: Annotated[int, Field(ge=1, le=15)]
    z_min: Number
    z_max: Number
    octagon: Positive


class Endcap(CardModel):
    """End yoke: iron first, then a gap with a module, and so on (cm)."""

    face_z: Number
    layers: Annotated[int, Field(ge=1, le=14)]


class Endcaps(CardModel):
    """Both end yokes."""

    forward: Endcap
    backward: Endcap
    iron: Positive
    gap: Positive
    module_iron: NonNegative
    r_min: Positive
    r_max: Positive


class Flux(CardModel):
    """Field: solenoid up to the coil, return in the iron of the barrel (T, cm)."""

    coil_r_min: Positive
    coil_r_max: Positive
    return_tesla: Number


class KlmAcceptance(PolarRange):
    """Where an extrapolated muon is looked for (degrees, GeV)."""

    p_min: Positive
    pt_min_barrel: Positive
    geometric_efficiency: Fraction


class Switch(CardModel):
    """Yes or no, with its source."""

    value: bool
    source: Source


class RangeLikelihood(CardModel):
    """How range and transverse scattering become a likelihood ratio; relative errors of its efficiencies."""

    kaon_hypothesis: Switch
    error_mu: NonNegative
    error_pi: NonNegative
    error_K: NonNegative
    error_p: NonNegative


class NeutralPoint(CardModel):
    """Probability that a K_L or a neutron of a momentum (GeV) makes a cluster."""

    p: NonNegativeFloat
    value: UnitFloat
    error: NonNegativeFloat
    source: Source


class Neutrals(CardModel):
    """Clusters of K_L and neutrons: probability, angular resolution (degrees), mean number of layers."""

    efficiency: tuple[NeutralPoint, ...] = Field(min_length=2)
    angle_deg: Positive
    extra_layers: NonNegative
    min_layers: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for low, high in zip(self.efficiency, self.efficiency[1:], strict=False):
            require_order(low.p, high.p, "p of a point of neutrals.efficiency", "p of the next one")
        return self


class RangeRow(CardModel):
    """P(expected layer - last layer hit) for deficits 0, 1, ... expected_layer, and last: no layer hit."""

    species: Literal["mu", "pi", "K", "p", "pbar"]
    outcome: Literal["barrel_stop", "endcap_stop", "barrel_exit", "endcap_exit"]
    expected_layer: Annotated[int, Field(ge=0, le=14)]
    probabilities: Annotated[tuple[UnitFloat, ...], BeforeValidator(_numbers)]
    source: Source

    @model_validator(mode="after")
    def _normalised(self) -> Self:
        n, total = len(self.probabilities), sum(self.probabilities)
        if n != self.expected_layer + 2:
            raise ValueError(
                f"probabilities has {n} entries for expected_layer = {self.expected_layer}: "
                f"give {self.expected_layer + 2} (deficits 0 to {self.expected_layer}, then no layer hit)"
            )
        if abs(total - 1.0) > 1e-3:
            raise ValueError(f"probabilities add up to {total:g}: they must add up to 1")
        return self


class TransverseRow(CardModel):
    """P(bin of the transverse chi2 per degree of freedom) for a number of layers hit."""

    species: Literal["mu", "had"]
    hits_min: Annotated[int, Field(ge=1)]
    hits_max: Annotated[int, Field(ge=1, le=15)]
    bins: tuple[UnitFloat, ...] = Field(min_length=len(TRANSVERSE_BINS), max_length=len(TRANSVERSE_BINS))
    source: Source

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, row: object) -> object:
        if not isinstance(row, dict) or "bins" in row:
            return row
        missing = [name for name in TRANSVERSE_BINS if name not in row]
        if missing:
            raise ValueError(f"column '{missing[0]}' is missing")
        rest = {key: value for key, value in row.items() if key not in TRANSVERSE_BINS}
        return rest | {"bins": tuple(row[name] for name in TRANSVERSE_BINS)}

    @model_validator(mode="after")
    def _normalised(self) -> Self:
        if abs(sum(self.bins) - 1.0) > 1e-3:
            raise ValueError(f"bins of the transverse chi2 add up to {sum(self.bins):g}: they must add up to 1")
        if self.hits_min > self.hits_max:
            raise ValueError(f"hits_min = {self.hits_min} must not be above hits_max = {self.hits_max}")
        return self


class MuonSettings(CardModel):
    """Contents of muons.toml."""

    acceptance: KlmAcceptance
    barrel: Barrel
    endcaps: Endcaps
    flux: Flux
    crystals: Crystals
    front: tuple[FrontPiece, ...]
    metals: dict[str, Metal] = Field(min_length=1)
    likelihood: RangeLikelihood
    neutrals: Neutrals

    @model_validator(mode="after")
    def _known_metals(self) -> Self:
        for name in ("iron", self.crystals.metal, *(piece.metal for piece in self.front)):
            if name not in self.metals:
                raise ValueError(f"metal '{name}' is not among [metals]: {', '.join(self.metals)}")
        return self


class MuonSection(MuonSettings):
    """The muon and K_L detector: settings, range tables, transverse scattering."""

    ranges: tuple[RangeRow, ...] = Field(min_length=1)
    transverse: tuple[TransverseRow, ...] = Field(min_length=1)

    def expected_rows(self) -> set[tuple[str, int]]:
        """(outcome, expected layer) that an extrapolated muon can have in this detector."""
        fwd, bwd = self.endcaps.forward.layers, self.endcaps.backward.layers
        rows = {("barrel_stop", k) for k in range(self.barrel.layers - 1)}
        rows |= {("endcap_stop", k) for k in range(max(fwd, bwd))}
        return rows | {("barrel_exit", self.barrel.layers - 1), ("endcap_exit", fwd - 1), ("endcap_exit", bwd - 1)}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = [(row.species, row.outcome, row.expected_layer) for row in self.ranges]
        for row in given:
            if given.count(row) > 1:
                raise ValueError(f"range table: row {row[0]}, {row[1]}, expected_layer {row[2]} appears twice")
        for species in RANGE_SPECIES:
            for outcome, layer in sorted(self.expected_rows()):
                if (species, outcome, layer) not in given:
                    raise ValueError(f"range table: no row for {species}, {outcome}, expected_layer {layer}")
        for kind in ("mu", "had"):
            hits = [h for row in self.transverse if row.species == kind for h in range(row.hits_min, row.hits_max + 1)]
            if sorted(hits) != list(range(1, 16)):
                raise ValueError(f"transverse table: rows of {kind} must cover 1 to 15 hits once, they cover {hits}")
        return self


def read_muons(files: Files) -> MuonSection:
    """The section from the files of a card."""
    where = files["muons"]
    tables = {
        "ranges": read_rows(files["klm_range"], RangeRow),
        "transverse": read_rows(files["klm_transverse"], TransverseRow),
    }
    return with_tables(MuonSection, read_settings(where, MuonSettings), tables, where)
