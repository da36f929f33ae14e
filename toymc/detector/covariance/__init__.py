"""Covariance of tracks from the geometry: exact calculation, table of prompt particles, smearing.

`exact_covariance` calculates any particle surface by surface, eight at a time; `covariance_tables` gives the stage
of the detector what it looks up, and `smear_tracks` does the same for single particles;
`resolution_grid` lists resolutions; `curvature_response` tells what the fit makes of an electron that radiates.
"""

from toymc.detector.covariance.exact import exact_covariance, tracker
from toymc.detector.covariance.response import curvature_response
from toymc.detector.covariance.sigmas import SIGMAS, resolution_grid
from toymc.detector.covariance.smear import _smear_full, smear_tracks
from toymc.detector.covariance.table import CovarianceTables, cache_file, covariance_tables

__all__ = [
    "SIGMAS",
    "CovarianceTables",
    "_smear_full",
    "cache_file",
    "covariance_tables",
    "curvature_response",
    "exact_covariance",
    "resolution_grid",
    "smear_tracks",
    "tracker",
]
