"""The detector as the kernels see it: plain arrays and scalars, built once for each card."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from toymc.geometry import DetectorCard

if TYPE_CHECKING:  # the rooms of the detector that make the tables also ask for a `Detector`
    from toymc.detector.calorimeter.tables import CalorimeterTables
    from toymc.detector.covariance.table import CovarianceTables
    from toymc.detector.finding.tables import FindingTables
    from toymc.detector.fit_response import FitTables
    from toymc.detector.muons.tables import KlmTables
    from toymc.detector.transport.tables import TransportTables
    from toymc.detector.trigger.tables import TriggerTables

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class IdentificationTable:
    """One working point: probabilities and absolute errors (species, charge, p, theta); charge 0 is negative.

    `column` is the column of `Tracks.pid_uniform` that decides, `mirrored` says whether 1 - u is compared.
    """

    p_edges: FloatArray
    theta_edges: FloatArray
    value: FloatArray
    error: FloatArray
    column: int
    mirrored: bool
    zero_below: bool


@dataclass(frozen=True)
class Detector:
    """A card turned into tables; give it to `simulate`, `identification_probability`, `detector_performance`.

    Attributes
    ----------
    card : DetectorCard
    field : float
        Of the solenoid, tesla.
    transport, covariance, fit, finding, calorimeter, klm, trigger : NamedTuple
        Tables of the kernels, each described where it is made.
    identification : dict of str to IdentificationTable
        By name of the working point.
    trigger_lines : tuple of str
        Name of each bit of `Reconstruction.trigger`, lowest first.
    """

    card: DetectorCard
    field: float
    transport: "TransportTables"
    covariance: "CovarianceTables"
    fit: "FitTables"
    finding: "FindingTables"
    calorimeter: "CalorimeterTables"
    klm: "KlmTables"
    trigger: "TriggerTables"
    identification: dict[str, IdentificationTable]
    trigger_lines: tuple[str, ...]
