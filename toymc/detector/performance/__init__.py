"""What a card promises, measured on what the simulation makes of probes, beside what is published."""

from toymc.detector.performance.grid import DEFAULT_P, DEFAULT_THETA, detector_performance

__all__ = ["DEFAULT_P", "DEFAULT_THETA", "detector_performance"]
