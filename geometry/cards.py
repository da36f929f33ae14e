"""Detector cards: one folder of sourced numbers per detector, loaded into one typed, checked object."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field, ValidationError

from toymc.errors import InputError
from toymc.geometry.models import (
    CardModel,
    ChamberLayer,
    DisplacedBin,
    EfficiencyBin,
    IdentificationCell,
    MaterialLayer,
    ResolutionCoefficients,
    SiliconLayer,
    SiliconSensor,
    TriggerLine,
)
from toymc.geometry.reading import check, check_tiling, explain, read_rows, read_toml
from toymc.geometry.sections import (
    CalorimeterSection,
    CalorimeterSettings,
    FieldSection,
    IdentificationSection,
    IdentificationSettings,
    MaterialSection,
    TrackingSection,
    TrackingSettings,
    TriggerSection,
    TriggerSettings,
)

if TYPE_CHECKING:
    from toymc.geometry.beam import BeamCard

S = TypeVar("S", bound=CardModel)

_ROOT = Path(__file__).resolve().parent


class CardFiles(CardModel):
    """Files of a card, relative to its card.toml."""

    tracking: str
    tracking_efficiency: str
    displaced_efficiency: str
    vxd_layers: str
    vxd_sensors: str
    drift_chamber: str
    material: str
    calorimeter: str
    ecl_resolution: str
    identification: str
    identification_table: str
    trigger: str
    trigger_lines: str


class CardHeader(CardModel):
    """Contents of card.toml."""

    name: str = Field(min_length=1)
    description: str
    field: FieldSection
    files: CardFiles


class DetectorCard(CardModel):
    """Everything that is known about one detector: numbers with sources, no simulation.

    Attributes
    ----------
    name, description : str
    folder : pathlib.Path
        Where the card was read.
    field, tracking, material, calorimeter, identification, trigger
        The sections (`toymc.geometry.sections`).
    """

    name: str
    description: str
    folder: Path
    field: FieldSection
    tracking: TrackingSection
    material: MaterialSection
    calorimeter: CalorimeterSection
    identification: IdentificationSection
    trigger: TriggerSection

    @cached_property
    def beam(self) -> "BeamCard":
        """The machine that belongs to the detector."""
        from toymc.geometry.beam import load_beam

        return load_beam(str(self.folder))


def card_names() -> tuple[str, ...]:
    """Names of the cards that come with toymc.

    Examples
    --------
    >>> "belle2" in card_names()
    True
    """
    return tuple(sorted(path.parent.name for path in _ROOT.glob("*/card.toml")))


def _locate(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if str(name_or_path) in card_names():
        return _ROOT / str(name_or_path) / "card.toml"
    if path.is_dir():
        return path / "card.toml"
    if path.is_file():
        return path
    raise InputError(
        f"unknown detector card '{name_or_path}': give one of {', '.join(card_names())} or the path of a card.toml"
    )


def _assemble(section: type[S], parts: dict[str, object], where: Path) -> S:
    """Build a section from settings and tables that are valid by themselves; report contradictions between them."""
    try:
        return section.model_validate(parts)
    except ValidationError as error:
        raise explain(error, str(where)) from None


def _tracking(root: Path, files: CardFiles) -> TrackingSection:
    settings = check(TrackingSettings, read_toml(root / files.tracking), root / files.tracking)
    efficiency = read_rows(root / files.tracking_efficiency, EfficiencyBin)
    where = root / files.tracking_efficiency
    pt_edges = check_tiling([(r.pt_min, r.pt_max) for r in efficiency], ("pt_min", "pt_max"), where)
    thetas = [(r.theta_min_deg, r.theta_max_deg) for r in efficiency]
    theta_edges = check_tiling(thetas, ("theta_min_deg", "theta_max_deg"), where)
    if len(efficiency) != (len(pt_edges) - 1) * (len(theta_edges) - 1):
        raise InputError(f"{where}: {len(efficiency)} rows do not fill the grid of pt and theta bins once")
    displaced = read_rows(root / files.displaced_efficiency, DisplacedBin)
    radii = [(r.rho_min_cm, r.rho_max_cm) for r in displaced]
    check_tiling(radii, ("rho_min_cm", "rho_max_cm"), root / files.displaced_efficiency)
    parts = {name: getattr(settings, name) for name in TrackingSettings.model_fields} | {
        "efficiency": efficiency,
        "displaced": displaced,
        "silicon_layers": read_rows(root / files.vxd_layers, SiliconLayer),
        "silicon_sensors": read_rows(root / files.vxd_sensors, SiliconSensor),
        "chamber": read_rows(root / files.drift_chamber, ChamberLayer),
    }
    return _assemble(TrackingSection, parts, root / files.vxd_sensors)


def _identification(root: Path, files: CardFiles) -> IdentificationSection:
    where = root / files.identification
    settings = check(IdentificationSettings, read_toml(where), where)
    cells = read_rows(root / files.identification_table, IdentificationCell)
    parts = {name: getattr(settings, name) for name in IdentificationSettings.model_fields} | {"cells": cells}
    return _assemble(IdentificationSection, parts, where)


def load_card(name_or_path: str | Path) -> DetectorCard:
    """Load and check a detector card.

    Parameters
    ----------
    name_or_path : str or Path
        One of `card_names()` (belle2, belle2_run2, belle), or a folder with a card.toml, or that file.

    Returns
    -------
    DetectorCard
        Sections .beam, .field, .tracking, .material, .calorimeter, .identification, .trigger; GeV, cm, degrees.

    Raises
    ------
    InputError
        One line with file, key and value, for anything missing, negative, unknown or contradictory.

    Examples
    --------
    >>> load_card("belle2").field.solenoid_tesla.value
    1.5
    """
    path = _locate(name_or_path)
    header = check(CardHeader, read_toml(path), path)
    root, files = path.parent, header.files
    calorimeter = check(CalorimeterSettings, read_toml(root / files.calorimeter), root / files.calorimeter)
    coefficients = read_rows(root / files.ecl_resolution, ResolutionCoefficients)
    trigger = check(TriggerSettings, read_toml(root / files.trigger), root / files.trigger)
    lines = read_rows(root / files.trigger_lines, TriggerLine)
    material = read_rows(root / files.material, MaterialLayer)
    calorimeter_parts = {name: getattr(calorimeter, name) for name in CalorimeterSettings.model_fields}
    return DetectorCard(
        name=header.name,
        description=header.description,
        folder=root,
        field=header.field,
        tracking=_tracking(root, files),
        material=MaterialSection(layers=material),
        calorimeter=_assemble(
            CalorimeterSection, calorimeter_parts | {"coefficients": coefficients}, root / files.calorimeter
        ),
        identification=_identification(root, files),
        trigger=_assemble(
            TriggerSection, {"track_cluster": trigger.track_cluster, "lines": lines}, root / files.trigger_lines
        ),
    )
