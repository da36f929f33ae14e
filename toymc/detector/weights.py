"""Track-parameter covariance from the layers: generalised least squares with multiple scattering.

Measurements at radii r_i see the track as y(r) = y0 + phi r + kappa r^2/2 in the transverse plane and
z(r) = z0 + r cot(theta); scattering in a shell at r_k displaces all later measurements together, which makes the weight
matrix full [R. L. Gluckstern, NIM 24 (1963) 381; M. Regler and R. Fruehwirth, NIM A 589 (2008) 109]. The scattering
angle is Highland's, its logarithm taken once for the whole path [PDG review, eq. 34.16].
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.constants import M_PI, OMEGA_PER_TESLA_GEV_CM
from toymc.detector.layers import Planes, Shells
from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]

_CURL = 0.95
"""Layers beyond this share of the circle's diameter are not used: the track turns back before them."""


@dataclass(frozen=True)
class WeightedFit:
    """Result of one weight-matrix calculation.

    Attributes
    ----------
    transverse : float64 (3, 3)
        Covariance of (d0, phi0, omega) in cm, rad, 1/cm, Belle II's signs.
    longitudinal : float64 (2, 2)
        Covariance of (z0, tan lambda).
    response : float64 (n_radii, 3)
        Change of the fitted (d0, phi0, omega) for a change of omega by 1/cm at each of the given radii.
    """

    transverse: FloatArray
    longitudinal: FloatArray
    response: FloatArray


def pion_momentum(p_beta: float) -> float:
    """Momentum of a pion with p * beta = `p_beta` (GeV)."""
    square = p_beta * p_beta
    return math.sqrt(0.5 * (square + math.sqrt(square * square + 4.0 * square * M_PI * M_PI)))


def _least_squares(design: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Covariance of the estimate and the linear estimator itself."""
    weighted = np.linalg.solve(covariance, design)
    result = np.linalg.inv(design.T @ weighted)
    return result, result @ weighted.T


def weighted_fit(
    planes: Planes,
    shells: Shells,
    theta: float,
    p_beta: float,
    field: float,
    highland: tuple[float, float],
    radii: FloatArray | None = None,
) -> WeightedFit:
    """Covariance of the five helix parameters for a track from the origin.

    Parameters
    ----------
    planes, shells : Planes, Shells
        From `planes_at` and `shells_at` at the same theta.
    theta : float
        Polar angle, rad.
    p_beta : float
        Momentum times velocity, GeV: all that scattering depends on. Where the track turns back is taken for a pion.
    field : float
        Tesla.
    highland : (float, float)
        13.6e-3 GeV and 0.038 of Highland's formula.
    radii : float64 (n,), optional
        Radii (cm) at which the response to a change of curvature is wanted.

    Returns
    -------
    WeightedFit

    Raises
    ------
    InputError
        If fewer than three planes are left.
    """
    sine = math.sin(theta)
    diameter = 2.0 * pion_momentum(p_beta) * sine / (OMEGA_PER_TESLA_GEV_CM * field)
    used = planes.radius < _CURL * diameter
    if used.sum() < 3:
        angle = math.degrees(theta)
        raise InputError(f"{used.sum()} measuring planes at theta = {angle:.1f} degrees: a track needs three")
    r = planes.radius[used]
    inside = ~shells.outer & (shells.radius < r[-1])
    path = shells.x_over_x0[inside]
    total = path.sum()
    angle2 = (highland[0] / p_beta) ** 2 * path * (1.0 + highland[1] * math.log(total)) ** 2
    lever = np.clip(r[:, None] - shells.radius[inside][None, :], 0.0, None)
    scatter = (lever * angle2) @ lever.T
    design = np.stack([np.ones_like(r), r, 0.5 * r * r], axis=1)
    transverse, estimator = _least_squares(design, np.diag(planes.sigma_rphi[used] ** 2) + scatter / sine**2)
    seen = np.isfinite(planes.sigma_z[used])
    noise = np.diag(planes.sigma_z[used][seen] ** 2)
    longitudinal, _ = _least_squares(design[seen, :2], noise + scatter[np.ix_(seen, seen)] / sine**4)
    at = np.empty(0) if radii is None else radii
    kinked = 0.5 * np.clip(r[:, None] - at[None, :], 0.0, None) ** 2
    # y = -d0 + phi0 r - omega r^2/2 in Belle II's signs: flip d0 and omega
    flip = np.array([-1.0, 1.0, -1.0])
    return WeightedFit(
        transverse=transverse * np.outer(flip, flip),
        longitudinal=longitudinal,
        response=-(flip[:, None] * (estimator @ kinked)).T,
    )
