"""Studies: one file for each published search or measurement, and the plain table of them."""

from types import MappingProxyType

from toymc.studies.study import Study
from toymc.studies.tau_l_alpha import TAU_L_ALPHA

STUDIES: MappingProxyType[str, Study] = MappingProxyType({study.name: study for study in (TAU_L_ALPHA,)})

__all__ = ["STUDIES", "Study"]
