"""Layers that a helix crosses on its way out: the typical hits of the public efficiency, without inefficiency of hits.

In the transverse plane the helix is a circle of radius R around a point at distance a from the z axis; a cylinder of
radius r is crossed if |a - R| < r < a + R, where the angle between the directions from the circle's centre to the axis
and to the crossing has the cosine (a^2 + R^2 - r^2) / (2 a R). Crossings within half a turn after the start count; z
there decides whether the layer reaches so far. Slanted sensors are cones: their radius at that z is found by
repetition.
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.helix import _to_helix
from toymc.geometry import DetectorCard
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]


@kernel
def _crosses(x, y, z, cx, cy, radius, slope, sign, z_low, z_high, r_low, r_high):
    """Whether the helix crosses a ring from (z_low, r_low) to (z_high, r_high) within half a turn."""
    a = math.sqrt(cx * cx + cy * cy)
    start = math.atan2(y - cy, x - cx)
    axis = math.atan2(-cy, -cx)
    grade = (r_high - r_low) / (z_high - z_low)
    for side in (-1.0, 1.0):
        r = 0.5 * (r_low + r_high)
        turn = 0.0
        at = 0.0
        reached = False
        for _ in range(4):
            reached = r < a + radius and r > abs(a - radius)
            if not reached:
                break
            cosine = (a * a + radius * radius - r * r) / (2.0 * a * radius)
            turn = sign * (start - axis - side * math.acos(min(max(cosine, -1.0), 1.0)))
            turn -= 2.0 * math.pi * math.floor(turn / (2.0 * math.pi))
            at = z + turn * radius * slope
            if grade == 0.0:
                break
            r = r_low + grade * (min(max(at, z_low), z_high) - z_low)
        if reached and turn < math.pi and at > z_low and at < z_high:
            return True
    return False


@kernel
def _count_layers(x, y, z, px, py, pz, charge, field, rings, layer, n_svd_layers, n_layers, seen):
    """(strip layers, wire layers) crossed within half a turn; `seen` (n_layers) is scratch."""
    pt = math.sqrt(px * px + py * py)
    if not pt > 0.0:
        return np.int64(0), np.int64(0)
    radius = pt / (OMEGA_PER_TESLA_GEV_CM * field)
    sign = 1.0 if charge > 0.0 else -1.0
    cx = x + sign * radius * py / pt
    cy = y - sign * radius * px / pt
    seen[:] = 0
    for k in range(len(layer)):
        i = layer[k]
        if seen[i] == 0 and _crosses(
            x, y, z, cx, cy, radius, pz / pt, sign, rings[k, 0], rings[k, 1], rings[k, 2], rings[k, 3]
        ):
            seen[i] = 1
    n_svd = np.int64(0)
    for i in range(n_svd_layers):
        n_svd += seen[i]
    n_cdc = np.int64(0)
    for i in range(n_svd_layers, n_layers):
        n_cdc += seen[i]
    return n_svd, n_cdc


@kernel
def _count_rows(state, charge, field, rings, layer, n_svd_layers, n_layers, hits, d0, z0):
    seen = np.zeros(n_layers, dtype=np.int64)
    for i in range(len(charge)):
        s = state[i]
        hits[i, 0], hits[i, 1] = _count_layers(
            s[0], s[1], s[2], s[3], s[4], s[5], charge[i], field, rings, layer, n_svd_layers, n_layers, seen
        )
        helix = _to_helix(s[0], s[1], s[2], s[3], s[4], s[5], charge[i], field)
        d0[i], z0[i] = helix[0], helix[3]


def count_layers(
    card: DetectorCard, state: FloatArray, charge: FloatArray
) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Strip and wire layers crossed by charged particles within half a turn, and their impact parameters.

    Parameters
    ----------
    card : DetectorCard
    state : float64 (n, 6)
        Position (cm) and momentum (GeV) at production; pT above 0.
    charge : float64 (n,)
        +1 or -1.

    Returns
    -------
    (int64 (n, 2), float64 (n,), float64 (n,))
        Strip and wire layers; d0 and z0 in cm.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> count_layers(load_card("belle2"), np.array([[0.0, 0, 0, 1.0, 0, 0]]), np.array([1.0]))[0].tolist()
    [[4, 56]]
    """
    silicon = [v.layer for v in card.tracking.silicon_layers if v.detector == "svd"]
    rows = [(s.z_min_cm, s.z_max_cm, s.r_at_z_min_cm, s.r_at_z_max_cm, silicon.index(s.layer))
            for s in card.tracking.silicon_sensors if s.layer in silicon]  # fmt: skip
    rows += [(w.z_min_cm, w.z_max_cm, w.waist_radius_cm, w.waist_radius_cm, len(silicon) + k)
             for k, w in enumerate(card.tracking.chamber)]  # fmt: skip
    rings = np.array([r[:4] for r in rows])
    layer = np.array([r[4] for r in rows], dtype=np.int64)
    hits = np.zeros((len(charge), 2), dtype=np.int64)
    d0, z0 = np.zeros(len(charge)), np.zeros(len(charge))
    n_layers = len(silicon) + len(card.tracking.chamber)
    _count_rows(
        np.ascontiguousarray(state, dtype=np.float64), np.ascontiguousarray(charge, dtype=np.float64),
        card.field.solenoid_tesla.value, rings, layer, len(silicon), n_layers, hits, d0, z0,
    )  # fmt: skip
    return hits, d0, z0
