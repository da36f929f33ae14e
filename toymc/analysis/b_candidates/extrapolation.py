"""Polar angle at which a track from a displaced vertex meets the calorimeter, seen from the interaction point."""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector import Detector
from toymc.detector.calorimeter.surface import _helix_impact
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]


@kernel
def _thetas(position, momentum, charge, per_momentum, numbers, out):
    """Angles; where a track does not meet the crystals that of its momentum."""
    for i in range(len(out)):
        x, y, z = position[i, 0], position[i, 1], position[i, 2]
        px, py, pz = momentum[i, 0], momentum[i, 1], momentum[i, 2]
        pt = math.sqrt(px * px + py * py)
        curvature = charge[i] * per_momentum / max(pt, 1e-9)
        vx, vy, vz, distance, _, _ = _helix_impact(x, y, z, px, py, pz, curvature, numbers)
        if distance > 0.0:
            out[i] = math.atan2(math.sqrt(vx * vx + vy * vy), vz)
        else:
            out[i] = math.atan2(pt, pz)


def extrapolated_theta(
    position: FloatArray, momentum: FloatArray, charge: FloatArray, detector: Detector
) -> FloatArray:
    """Polar angle in rad, shape (n,), of the point where each track reaches the crystals.

    It tells for which part of the detector a displaced track is identified: its momentum alone would not. Tracks that
    do not reach the crystals keep the angle of their momentum.

    Parameters
    ----------
    position, momentum : float64 (n, 3)
        At the vertex, cm and GeV.
    charge : float64 (n,)
    detector : Detector

    Returns
    -------
    float64 (n,)
    """
    out = np.empty(len(charge))
    field = detector.card.field.solenoid_tesla.value
    at, p, q = (np.ascontiguousarray(a, dtype=np.float64) for a in (position, momentum, charge))
    _thetas(at, p, q, OMEGA_PER_TESLA_GEV_CM * field, detector.calorimeter.numbers, out)
    return out
