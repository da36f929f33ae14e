"""Detector cards: one folder of sourced numbers per detector, loaded into one typed, checked object."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from toymc.errors import InputError
from toymc.geometry.calorimeter import CalorimeterSection, read_calorimeter
from toymc.geometry.finding import FindingSection, read_finding
from toymc.geometry.identification import IdentificationSection, read_identification
from toymc.geometry.material import MaterialSection, read_material
from toymc.geometry.muons import MuonSection, read_muons
from toymc.geometry.numbers import CardModel
from toymc.geometry.reading import read_settings
from toymc.geometry.regions import RegionsSection, read_regions
from toymc.geometry.tracking import FieldSection, TrackingSection, read_tracking
from toymc.geometry.trigger import TriggerSection, read_trigger
from toymc.geometry.vertexing import VertexingSection, read_vertexing

if TYPE_CHECKING:
    from toymc.geometry.beam import BeamCard

_ROOT = Path(__file__).resolve().parent


class CardFiles(CardModel):
    """Files of a card, relative to its card.toml."""

    tracking: str
    tracking_efficiency: str
    finding: str
    tracking_uncertainty: str
    vxd_layers: str
    vxd_sensors: str
    drift_chamber: str
    material: str
    materials: str
    regions: str
    calorimeter: str
    ecl_resolution: str
    showers: str
    identification: str
    identification_table: str
    muons: str
    klm_range: str
    klm_transverse: str
    trigger: str
    trigger_lines: str
    vertexing: str


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
    field, tracking, finding, material, regions, calorimeter, identification, muons, trigger, vertexing
        The sections, each in the module of its name.
    """

    name: str
    description: str
    folder: Path
    field: FieldSection
    tracking: TrackingSection
    finding: FindingSection
    material: MaterialSection
    regions: RegionsSection
    calorimeter: CalorimeterSection
    identification: IdentificationSection
    muons: MuonSection
    trigger: TriggerSection
    vertexing: VertexingSection

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


def load_card(name_or_path: str | Path) -> DetectorCard:
    """Load and check a detector card.

    Parameters
    ----------
    name_or_path : str or Path
        One of `card_names()` (belle2, belle2_run2, belle), or a folder with a card.toml, or that file.

    Returns
    -------
    DetectorCard
        Sections .beam, .field, .tracking, .finding, .material, .calorimeter, .identification, .muons, .trigger,
        .vertexing; GeV, cm, degrees.

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
    header = read_settings(path, CardHeader)
    root = path.parent
    files = {key: root / name for key, name in header.files}
    return DetectorCard(
        name=header.name,
        description=header.description,
        folder=root,
        field=header.field,
        tracking=read_tracking(files),
        finding=read_finding(files),
        material=read_material(files),
        regions=read_regions(files),
        calorimeter=read_calorimeter(files),
        identification=read_identification(files),
        muons=read_muons(files),
        trigger=read_trigger(files),
        vertexing=read_vertexing(files),
    )
