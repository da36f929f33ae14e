"""Studies: one file for each published search or measurement, and the plain table of them."""

from types import MappingProxyType
from typing import TypeAlias

from toymc.studies.b_k_scalar import B_K_SCALAR
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.scan_study import ScanStudy
from toymc.studies.study import Study
from toymc.studies.tau_l_alpha import TAU_L_ALPHA
from toymc.studies.tau_mass import TAU_MASS

AnyStudy: TypeAlias = Study | ScanStudy
STUDIES: MappingProxyType[str, AnyStudy] = MappingProxyType(
    {study.name: study for study in (TAU_L_ALPHA, B_K_SCALAR, TAU_MASS)}
)

__all__ = ["STUDIES", "AnyStudy", "MeasurementStudy", "ScanStudy", "Study"]
