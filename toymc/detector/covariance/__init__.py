"""Covariance of tracks from the geometry: exact calculation, table of prompt particles, smearing.

`exact_covariance` calculates any particle surface by surface, eight at a time by the kernel `_exact_many`;
`covariance_tables` gives the kernels `_track_covariance` and `_smear_full` of the event loop what they need, and
`smear_tracks` is that loop for single particles; `resolution_grid` lists resolutions; `curvature_response` tells what
the fit makes of an electron that radiates.
"""

from toymc.detector.covariance.exact import WORK_SHAPE, exact_covariance, tracker
from toymc.detector.covariance.lookup import _track_covariance
from toymc.detector.covariance.many import MANY_WORK, _exact_many
from toymc.detector.covariance.response import curvature_response
from toymc.detector.covariance.sigmas import SIGMAS, resolution_grid
from toymc.detector.covariance.smear import _smear_full, smear_tracks
from toymc.detector.covariance.table import CovarianceTables, cache_file, covariance_tables

__all__ = [
    "MANY_WORK",
    "SIGMAS",
    "WORK_SHAPE",
    "CovarianceTables",
    "_exact_many",
    "_smear_full",
    "_track_covariance",
    "cache_file",
    "covariance_tables",
    "curvature_response",
    "exact_covariance",
    "resolution_grid",
    "smear_tracks",
    "tracker",
]
