"""What the detector makes of truth events.

`build_detector` turns a card into tables once; `simulate` sends a batch through it; `identification_probability` and
its companions give particle identification as weights or as draws; `detector_performance` lists what a card promises.
"""

from toymc.detector.build import build_detector
from toymc.detector.helix import helix_from_state, state_on_helix
from toymc.detector.identification import (
    identification_decision,
    identification_error,
    identification_probability,
)
from toymc.detector.performance import detector_performance
from toymc.detector.simulate import particle_batch, simulate
from toymc.detector.tables import Detector

__all__ = [
    "Detector",
    "build_detector",
    "detector_performance",
    "helix_from_state",
    "identification_decision",
    "identification_error",
    "identification_probability",
    "particle_batch",
    "simulate",
    "state_on_helix",
]
