"""Unbinned mass searches: extended fits of windows, limits and local significances over mass and lifetime.

The usual way in is in `toymc.inference.unbinned.scan`; limits from toys in `.toys`, the tau-mass edge in `.edge`.
"""

from toymc.inference.unbinned.background import Background
from toymc.inference.unbinned.edge import EdgeFits, edge_shares, fit_edge, fit_edge_counts
from toymc.inference.unbinned.fit import WindowFit, fit_window
from toymc.inference.unbinned.inputs import MassChannel
from toymc.inference.unbinned.likelihood import STATUS
from toymc.inference.unbinned.scan import ScanResult, scan
from toymc.inference.unbinned.shapes import SignalShape, crystal_ball, from_simulation, gaussian, voigt
from toymc.inference.unbinned.toys import MassToyLimit, MassToyTest, toy_limits
from toymc.inference.unbinned.windows import Density, Window, mass_grid, reduced_mass, windows

__all__ = [
    "STATUS",
    "Background",
    "Density",
    "EdgeFits",
    "MassChannel",
    "MassToyLimit",
    "MassToyTest",
    "ScanResult",
    "SignalShape",
    "Window",
    "WindowFit",
    "crystal_ball",
    "edge_shares",
    "fit_edge",
    "fit_edge_counts",
    "fit_window",
    "from_simulation",
    "gaussian",
    "mass_grid",
    "reduced_mass",
    "scan",
    "toy_limits",
    "voigt",
    "windows",
]
