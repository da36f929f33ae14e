"""Vertices of charged tracks: fits of two or more helices, and the pairs that come from neutral particles.

`fit_vertices` and `fit_pairs` fit what an analysis chooses, `find_v0s` looks for K_S, Lambda and converted photons.
"""

from toymc.detector.vertex.fit import STATUS_TEXT, Origin, VertexFit, beam_spot, fit_pairs, fit_vertices, gather
from toymc.detector.vertex.radii import start_radii
from toymc.detector.vertex.v0 import find_v0s

__all__ = [
    "STATUS_TEXT",
    "Origin",
    "VertexFit",
    "beam_spot",
    "find_v0s",
    "fit_pairs",
    "fit_vertices",
    "gather",
    "start_radii",
]
