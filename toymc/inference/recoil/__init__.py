"""Recoil searches: templates in (M2_recoil, theta) for every mass hypothesis, from weighted events to limits.

The usual way in::

    templates = RecoilTemplates([Source("mumu", events), ...], observed, Window(theta_edges=(0.6, 1.2, 1.8, 2.3)))
    signals = SignalSamples(masses, sources)
    recoil_scan(templates, signals, hypotheses, cl=0.9)
"""

from toymc.inference.recoil.binning import Binning, merge_cells, window_edges
from toymc.inference.recoil.events import (
    RecoilEvents,
    SignalSamples,
    Source,
    recoil_resolution,
    squared_resolution,
)
from toymc.inference.recoil.templates import RecoilLimit, RecoilTemplates, Window, by_range, recoil_scan

__all__ = [
    "Binning",
    "RecoilEvents",
    "RecoilLimit",
    "RecoilTemplates",
    "SignalSamples",
    "Source",
    "Window",
    "by_range",
    "merge_cells",
    "recoil_resolution",
    "recoil_scan",
    "squared_resolution",
    "window_edges",
]
