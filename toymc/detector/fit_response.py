"""How the fitted helix answers to a change of curvature on the way: what an electron's radiation does to its track.

The fit is linear in the measurements, so a jump of omega at radius r shifts the fitted (d0, phi0, omega) by a vector
that depends on r, the momentum and the direction alone (`toymc.detector.covariance.curvature_response`).
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.detector.covariance import curvature_response
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]

U_GRID = np.exp(np.linspace(math.log(0.03), math.log(12.0), 25))
"""p beta in GeV."""
TAN_POINTS = 49
RADII = np.linspace(0.0, 112.0, 29)
"""Where the curvature changes, cm."""


class FitNumbers(NamedTuple):
    """Origins and steps of the regular grids in ln(p beta), tan lambda and radius."""

    tan_low: float
    log_u0: float
    log_u_step: float
    tan_step: float
    response_r_step: float


class FitTables(NamedTuple):
    """`response` (n_u, n_t, n_r, 3): shift of fitted (d0, phi0, omega) for a change of omega by 1/cm at a radius."""

    numbers: FitNumbers
    response: FloatArray


def fit_tables(card: DetectorCard, ideal: bool = False) -> FitTables:
    """Response of the track fit of a card over the tracking acceptance.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> fit_tables(load_card("belle2")).response.shape
    (25, 49, 29, 3)
    """
    accepted = card.tracking.acceptance
    low, high = (1.0 / math.tan(math.radians(a.value)) for a in (accepted.theta_max_deg, accepted.theta_min_deg))
    tangents = np.linspace(low, high, TAN_POINTS)
    response = curvature_response(card, U_GRID, tangents, RADII, ideal)
    numbers = FitNumbers(
        tan_low=float(low),
        log_u0=math.log(U_GRID[0]),
        log_u_step=math.log(U_GRID[1] / U_GRID[0]),
        tan_step=float(tangents[1] - tangents[0]),
        response_r_step=float(RADII[1] - RADII[0]),
    )
    return FitTables(numbers, response)
