"""From a card to the tables of the kernels."""

from toymc.detector.calorimeter import cluster_tables
from toymc.detector.covariance.table import covariance_tables
from toymc.detector.finding import finding_tables
from toymc.detector.fit_response import fit_tables
from toymc.detector.identification import identification_tables
from toymc.detector.muons import klm_tables
from toymc.detector.tables import Detector
from toymc.detector.transport import transport_tables
from toymc.detector.trigger import trigger_tables
from toymc.geometry import DetectorCard


def build_detector(
    card: DetectorCard, ideal: bool = False, finding: str = "baseline", spurious: bool = False
) -> Detector:
    """Turn a card into the tables that the kernels use.

    Parameters
    ----------
    card : DetectorCard
        From `toymc.geometry.load_card`.
    ideal : bool
        Track resolutions as the layers alone give them: every layer built and efficient, no energy loss, no tuning.
    finding : str
        Track finding: an algorithm of the card, baseline or gnn.
    spurious : bool
        Make fake tracks at the published rate of the algorithm, and second tracks of curling particles.

    Returns
    -------
    Detector

    Raises
    ------
    InputError
        If the tables of the card contradict each other, or the card has no such track finding.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> build_detector(load_card("belle2")).trigger_lines[0]
    'fyo'
    """
    return Detector(
        card=card,
        field=card.field.solenoid_tesla.value,
        transport=transport_tables(card),
        covariance=covariance_tables(card, ideal),
        fit=fit_tables(card, ideal),
        finding=finding_tables(card, finding, spurious),
        calorimeter=cluster_tables(card),
        klm=klm_tables(card),
        trigger=trigger_tables(card),
        identification=identification_tables(card.identification, card.folder / "card.toml"),
        trigger_lines=tuple(line.name for line in card.trigger.lines),
    )
