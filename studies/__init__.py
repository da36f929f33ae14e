"""Studies: one file for each published search or measurement, and the plain table of them."""

from types import MappingProxyType
from typing import TypeAlias

from toymc.studies.b_k_scalar import B_K_SCALAR
from toymc.studies.scan_study import ScanStudy
from toymc.studies.study import Study
from toymc.studies.tau_l_alpha import TAU_L_ALPHA

AnyStudy: TypeAlias = Study | ScanStudy
STUDIES: MappingProxyType[str, AnyStudy] = MappingProxyType({study.name: study for study in (TAU_L_ALPHA, B_K_SCALAR)})

__all__ = ["STUDIES", "AnyStudy", "ScanStudy", "Study"]
