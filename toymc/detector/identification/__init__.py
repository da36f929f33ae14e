"""Particle identification: tables per working point, range of muons, draws, named uncertainties."""

from toymc.detector.identification.public import (
    identification_decision,
    identification_error,
    identification_probability,
    identification_probability_of_tracks,
    muon_range_likelihood,
)
from toymc.detector.identification.tables import identification_tables
from toymc.detector.identification.variations import IdentificationSource, identification_variations

__all__ = [
    "IdentificationSource",
    "identification_decision",
    "identification_error",
    "identification_probability",
    "identification_probability_of_tracks",
    "identification_tables",
    "identification_variations",
    "muon_range_likelihood",
]
