"""Ways of particles through the detector, as points for drawing."""

import math

import numpy as np
import numpy.typing as npt

from toymc.detector.helix import helix_from_state, state_on_helix
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]

_STEP_CM = 0.2
_MOST_POINTS = 20_000


class Volume:
    """A cylinder along z: radius and two planes, cm."""

    def __init__(self, radius: float, z_min: float, z_max: float) -> None:
        self.radius, self.z_min, self.z_max = radius, z_min, z_max

    def inside(self, points: FloatArray) -> npt.NDArray[np.bool_]:
        """Which points (n, 3) lie in it."""
        rho = np.hypot(points[:, 0], points[:, 1])
        result: npt.NDArray[np.bool_] = (rho < self.radius) & (points[:, 2] > self.z_min) & (points[:, 2] < self.z_max)
        return result


def crystals(card: DetectorCard) -> Volume:
    """The front faces of the calorimeter."""
    surface = card.calorimeter.surface
    return Volume(surface.barrel_radius_cm.value, surface.backward_z_cm.value, surface.forward_z_cm.value)


def curve(
    place: FloatArray, momentum: FloatArray, charge: float, field: float, volume: Volume, longest: float
) -> FloatArray:
    """Helix from a point until it leaves `volume`, points (n, 3) in cm.

    Parameters
    ----------
    place, momentum : float64 (3,)
        cm, GeV.
    charge : float
        Not 0.
    field : float
        Tesla.
    volume : Volume
    longest : float
        Transverse path in cm after which the curve ends if it has not left the volume (curling tracks).
    """
    pt = math.hypot(momentum[0], momentum[1])
    if pt < 1e-6:  # along the field
        return straight(place, momentum, volume)
    state = np.concatenate([place, momentum])[None, :]
    helix = helix_from_state(state, np.array([charge]), field)
    # arc of the starting point on the helix: where the direction has turned from phi0 to that of the momentum
    turn = math.remainder(float(helix[0, 1]) - math.atan2(momentum[1], momentum[0]), 2.0 * math.pi)
    start = turn / float(helix[0, 2])
    step = max(_STEP_CM, longest / _MOST_POINTS)
    arcs = start + np.arange(0.0, longest + step, step)
    points = state_on_helix(np.repeat(helix, len(arcs), axis=0), arcs, field)[:, :3]
    return _cut(points, volume)


def straight(place: FloatArray, direction: FloatArray, volume: Volume) -> FloatArray:
    """Line from a point to the wall of `volume`, points (n, 3) in cm."""
    unit = direction / max(float(np.linalg.norm(direction)), 1e-30)
    longest = 2.0 * (volume.radius + volume.z_max - volume.z_min)
    points = place + np.arange(0.0, longest, _STEP_CM)[:, None] * unit
    return _cut(points, volume)


def _cut(points: FloatArray, volume: Volume) -> FloatArray:
    """Points up to the first one outside."""
    outside = ~volume.inside(points)
    outside[0] = False
    end = int(np.argmax(outside)) + 1 if outside.any() else len(points)
    return points[:end]


def until(points: FloatArray, target: FloatArray) -> FloatArray:
    """The part of a way up to the point closest to `target` (3,), which becomes its end."""
    nearest = int(np.argmin(np.sum((points - target) ** 2, axis=1)))
    return np.concatenate([points[:nearest], target[None, :]])


def crossings(points: FloatArray, card: DetectorCard) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where a way crosses pixel sensors, strip sensors and wire layers: three arrays (n, 3), in order."""
    rho, z = np.hypot(points[:, 0], points[:, 1]), points[:, 2]
    phi = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    layers = {layer.layer: layer for layer in card.tracking.silicon_layers}
    for sensor in card.tracking.silicon_sensors:
        layer = layers[sensor.layer]
        slope = (sensor.r_at_z_max_cm - sensor.r_at_z_min_cm) / (sensor.z_max_cm - sensor.z_min_cm)
        surface = sensor.r_at_z_min_cm + slope * (z - sensor.z_min_cm)
        built = (phi - layer.phi_min_deg) % 360.0 <= layer.phi_max_deg - layer.phi_min_deg
        good = (z > sensor.z_min_cm) & (z < sensor.z_max_cm) & built
        found[0 if layer.detector == "pxd" else 1].extend(_sign_changes(rho - surface, good))
    for wires in card.tracking.chamber:
        middle, half = 0.5 * (wires.z_min_cm + wires.z_max_cm), 0.5 * (wires.z_max_cm - wires.z_min_cm)
        waist2 = wires.waist_radius_cm**2
        surface = np.sqrt(waist2 + (wires.radius_cm**2 - waist2) * ((z - middle) / half) ** 2)
        found[2].extend(_sign_changes(rho - surface, (z > wires.z_min_cm) & (z < wires.z_max_cm)))
    pixel, strip, wire = (_between(points, np.sort(np.array(at, dtype=np.float64))) for at in found)
    return pixel, strip, wire


def _sign_changes(distance: FloatArray, good: npt.NDArray[np.bool_]) -> list[float]:
    """Fractional indices at which `distance` changes sign where `good`."""
    k = np.flatnonzero((distance[:-1] * distance[1:] < 0.0) & good[:-1])
    share = distance[k] / (distance[k] - distance[k + 1])
    result: list[float] = (k + share).tolist()
    return result


def _between(points: FloatArray, index: FloatArray) -> FloatArray:
    k = np.floor(index).astype(np.int64)
    f = (index - k)[:, None]
    result: FloatArray = points[k] + f * (points[np.minimum(k + 1, len(points) - 1)] - points[k])
    return result
