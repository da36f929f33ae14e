"""Widths, lifetimes, branching fractions and production of the particles that are searched for, a reference per mode.

`model_point` answers for any model by name; the modules hold the formulas.
"""

from toymc.generators.models.library import MODELS, model_point
from toymc.generators.models.point import ModelPoint

__all__ = ["MODELS", "ModelPoint", "model_point"]
