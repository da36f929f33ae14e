"""Material that a straight line from the interaction point crosses at polar angle theta."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]

_STEP_CM = 2.0
"""Thick material (drift-chamber gas) is cut into shells no thicker than this."""


@dataclass(frozen=True)
class Shells:
    """Material along a line: radius where it is crossed (cm), X/X0 along the path, whether behind the tracker."""

    radius: FloatArray
    x_over_x0: FloatArray
    outer: npt.NDArray[np.bool_]


def _sensor_radius(z_min: float, z_max: float, r_min: float, r_max: float, cot: float) -> float | None:
    """Radius at which the line z = r cot crosses a sensor ring, None if it passes beside it."""
    slope = (r_max - r_min) / (z_max - z_min)
    radius = (r_min - slope * z_min) / (1.0 - slope * cot)
    return radius if z_min <= radius * cot <= z_max else None


def shells_at(card: DetectorCard, theta: float) -> Shells:
    """Material up to the crystals at polar angle `theta` (rad), silicon included, in order of radius."""
    sine, cot = math.sin(theta), 1.0 / math.tan(theta)
    layers = {layer.layer: layer for layer in card.tracking.silicon_layers}
    found: list[tuple[float, float, bool]] = []
    for sensor in card.tracking.silicon_sensors:
        layer = layers[sensor.layer]
        radius = _sensor_radius(sensor.z_min_cm, sensor.z_max_cm, sensor.r_at_z_min_cm, sensor.r_at_z_max_cm, cot)
        if radius is not None:
            share = layer.built_fraction  # of the ladders: the average over azimuth
            found.append((radius, layer.x_over_X0 * share / math.sin(theta + math.radians(sensor.slant_deg)), False))
    for piece in card.material.layers:
        if piece.place == "behind":
            continue
        if piece.shape == "disc":
            z = 0.5 * (piece.z_min_cm + piece.z_max_cm)
            radius = z * math.tan(theta)
            if piece.r_min_cm < radius < piece.r_max_cm:
                found.append((radius, piece.x_over_X0 / abs(math.cos(theta)), piece.place == "outer"))
            continue
        n = max(1, math.ceil((piece.r_max_cm - piece.r_min_cm) / _STEP_CM))
        width = (piece.r_max_cm - piece.r_min_cm) / n
        for k in range(n):
            radius = piece.r_min_cm + (k + 0.5) * width
            if piece.z_min_cm < radius * cot < piece.z_max_cm:
                found.append((radius, piece.x_over_X0 / n / sine, piece.place == "outer"))
    found.sort(key=lambda row: (row[2], row[0]))
    radius_list = np.array([row[0] for row in found])
    return Shells(radius_list, np.array([row[1] for row in found]), np.array([row[2] for row in found], dtype=bool))
