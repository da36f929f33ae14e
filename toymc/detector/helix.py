"""Helix of a charged particle in a solenoid field along +z, in Belle II's parameters and signs.

Perigee with respect to the origin: x = d0 sin(phi0), y = -d0 cos(phi0), z = z0; the momentum there is
pT (cos phi0, sin phi0, tan lambda); omega = charge * c B / pT, so a positive particle turns clockwise seen from +z
[Belle II software, framework/dataobjects Helix; P. Billoir et al., NIM A 311 (1992) 139].
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.errors import InputError
from toymc.kernels import inlined_kernel, kernel
from toymc.lane_math import atan2_of
from toymc.lanes import chosen, nearest, root

FloatArray = npt.NDArray[np.float64]


@inlined_kernel
def _wrap(angle):
    """Angle brought to [-pi, pi]."""
    return angle - 2.0 * math.pi * nearest(angle / (2.0 * math.pi))


@inlined_kernel
def _perigee(x, y, z, px, py, pz, charge, field):
    """Helix (d0, phi0, omega, z0, tan lambda) through a point, then cosine and sine of phi0; charge, pT are not 0.

    One helix or eight (see `toymc.lanes`).
    """
    pt = root(px * px + py * py)
    inverse = 1.0 / pt
    ux, uy = px * inverse, py * inverse
    radius = pt / (charge * OMEGA_PER_TESLA_GEV_CM * field)  # signed, 1/omega
    sign = chosen(radius > 0.0, 1.0, -1.0)
    # centre of the circle, on the right of the direction of flight for positive particles
    cx = x + radius * uy
    cy = y - radius * ux
    distance = root(cx * cx + cy * cy)
    # a circle around the origin: every point is closest, take the production point
    off = distance > 1e-12 * abs(radius)
    scale = sign / chosen(off, distance, 1.0)
    cosine, sine = chosen(off, -scale * cy, ux), chosen(off, scale * cx, uy)
    # |c| - |R| without cancellation: (|c|^2 - R^2) / (|c| + |R|)
    d0 = sign * (x * x + y * y + 2.0 * radius * (x * uy - y * ux)) / (distance + abs(radius))
    arc = atan2_of(sine * ux - cosine * uy, cosine * ux + sine * uy) * radius
    tan_lambda = pz * inverse
    return d0, atan2_of(sine, cosine), 1.0 / radius, z - arc * tan_lambda, tan_lambda, cosine, sine


@kernel
def _to_helix(x, y, z, px, py, pz, charge, field):
    """Helix (d0, phi0, omega, z0, tan lambda) through a point; charge is not 0, pT is not 0."""
    d0, phi0, omega, z0, tan_lambda, _, _ = _perigee(x, y, z, px, py, pz, charge, field)
    return d0, phi0, omega, z0, tan_lambda


@kernel
def _to_state(d0, phi0, omega, z0, tan_lambda, arc, field):
    """Position and momentum after the transverse path `arc` (cm, 0 at the perigee)."""
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
    half = 0.5 * arc * omega
    chord = arc if abs(half) < 1e-12 else math.sin(half) / half * arc
    direction = phi0 - half
    x = d0 * math.sin(phi0) + chord * math.cos(direction)
    y = -d0 * math.cos(phi0) + chord * math.sin(direction)
    phi = phi0 - arc * omega
    return x, y, z0 + arc * tan_lambda, pt * math.cos(phi), pt * math.sin(phi), pt * tan_lambda


@kernel
def _to_helix_rows(state, charge, field, out):
    for i in range(len(charge)):
        s = state[i]
        values = _to_helix(s[0], s[1], s[2], s[3], s[4], s[5], charge[i], field)
        for k in range(5):
            out[i, k] = values[k]


@kernel
def _to_state_rows(helix, arc, field, out):
    for i in range(len(arc)):
        h = helix[i]
        values = _to_state(h[0], h[1], h[2], h[3], h[4], arc[i], field)
        for k in range(6):
            out[i, k] = values[k]


def helix_from_state(state: FloatArray, charge: FloatArray, field: float) -> FloatArray:
    """Helix parameters at the point of closest approach to the z axis.

    Parameters
    ----------
    state : float64 (n, 6)
        x, y, z in cm and px, py, pz in GeV of any point of each helix, lab frame.
    charge : float64 (n,)
        In units of the positron charge, not 0.
    field : float
        Solenoid field in tesla, along +z.

    Returns
    -------
    float64 (n, 5)
        d0 (cm), phi0 (rad), omega (1/cm), z0 (cm), tan lambda.

    Raises
    ------
    InputError
        If shapes disagree, or a charge, a transverse momentum or the field is 0.

    Examples
    --------
    >>> state = np.array([[0.0, -0.1, 0.0, 1.0, 0.0, 0.5]])
    >>> helix_from_state(state, np.array([1.0]), 1.5)[0, [0, 4]].round(6).tolist()
    [0.1, 0.5]
    """
    state = np.ascontiguousarray(state, dtype=np.float64)
    charge = np.ascontiguousarray(charge, dtype=np.float64)
    if state.ndim != 2 or state.shape != (len(charge), 6):
        raise InputError(f"state has shape {state.shape}: give ({len(charge)}, 6), one row for each charge")
    if field == 0.0 or np.any(charge == 0.0) or np.any(np.hypot(state[:, 3], state[:, 4]) == 0.0):
        raise InputError("no helix: field, charge and transverse momentum must not be 0")
    out = np.empty((len(charge), 5))
    _to_helix_rows(state, charge, float(field), out)
    return out


def state_on_helix(helix: FloatArray, arc: FloatArray, field: float) -> FloatArray:
    """Position and momentum along a helix.

    Parameters
    ----------
    helix : float64 (n, 5)
        d0 (cm), phi0 (rad), omega (1/cm, not 0), z0 (cm), tan lambda.
    arc : float64 (n,)
        Transverse path from the point of closest approach in cm (0: that point itself).
    field : float
        Tesla.

    Returns
    -------
    float64 (n, 6)
        x, y, z in cm and px, py, pz in GeV.

    Raises
    ------
    InputError
        If shapes disagree or an omega is 0.

    Examples
    --------
    >>> helix = np.array([[0.1, 0.0, 0.0045, 0.0, 0.5]])
    >>> state_on_helix(helix, np.array([0.0]), 1.5)[0, 1].round(6).item()
    -0.1
    """
    helix = np.ascontiguousarray(helix, dtype=np.float64)
    arc = np.ascontiguousarray(arc, dtype=np.float64)
    if helix.ndim != 2 or helix.shape != (len(arc), 5):
        raise InputError(f"helix has shape {helix.shape}: give ({len(arc)}, 5), one row for each arc length")
    if np.any(helix[:, 2] == 0.0):
        raise InputError("no momentum: omega must not be 0")
    out = np.empty((len(arc), 6))
    _to_state_rows(helix, arc, float(field), out)
    return out
