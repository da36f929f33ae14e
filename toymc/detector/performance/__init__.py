"""What a card promises, measured on what the simulation makes of probes, beside what is published.

`detector_performance` is the grid of track resolutions. `measure.measure_performance` measures everything else by
sending particles through `simulate`, so that it shows the model as it is used; `summary.summarise` makes single numbers
of it, and `published.published_comparison` puts the published ones beside them.
"""

from toymc.detector.performance.grid import DEFAULT_P, DEFAULT_THETA, detector_performance

__all__ = ["DEFAULT_P", "DEFAULT_THETA", "detector_performance"]
