"""Resolution tables: shapes from the layers, sizes from the parametrisations of the card.

The weight-matrix calculation gives the full covariance at every (p beta, theta). At 90 degrees its sigma(omega),
sigma(d0) and sigma(z0) are scaled to the card's a (+) b/(p beta); the same factors hold at every theta. phi0 is scaled
with d0 and tan lambda with z0, because the same inner measurements and material decide them. Correlations are those of
the calculation. For `ideal` no factor is applied.
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.layers import Planes, Shells, planes_at, shells_at
from toymc.detector.weights import WeightedFit, weighted_fit
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]

# regular grids; interpolation between their points stays within 1 % of the exact calculation (tested)
U_GRID = np.exp(np.linspace(math.log(0.03), math.log(12.0), 25))
TAN_POINTS = 49
RESPONSE_RADII = np.linspace(0.0, 112.0, 29)


def tan_grid(card: DetectorCard) -> FloatArray:
    """Grid in tan lambda over the tracking acceptance."""
    low = 1.0 / math.tan(math.radians(card.tracking.acceptance.theta_max_deg.value))
    high = 1.0 / math.tan(math.radians(card.tracking.acceptance.theta_min_deg.value))
    return np.linspace(low, high, TAN_POINTS)


def fit_at(card: DetectorCard, theta: float, p_beta: FloatArray, radii: FloatArray | None = None) -> list[WeightedFit]:
    """Weight-matrix calculations at one polar angle (rad) for several p * beta (GeV)."""
    planes: Planes = planes_at(card, theta)
    shells: Shells = shells_at(card, theta)
    settings = card.tracking.fit
    highland = (1e-3 * settings.highland_mev.value, settings.highland_log.value)
    field = card.field.solenoid_tesla.value
    return [weighted_fit(planes, shells, theta, float(u), field, highland, radii) for u in p_beta]


def _sigmas(fits: list[WeightedFit]) -> FloatArray:
    """Standard deviations (n, 5) in helix order."""
    sigmas: FloatArray = np.sqrt(np.array([[*np.diag(f.transverse), *np.diag(f.longitudinal)] for f in fits]))
    return sigmas


def _correlations(fit: WeightedFit) -> tuple[float, float, float, float]:
    t, z = fit.transverse, fit.longitudinal
    norm = np.sqrt(np.diag(t))
    return (
        t[0, 1] / (norm[0] * norm[1]),
        t[0, 2] / (norm[0] * norm[2]),
        t[1, 2] / (norm[1] * norm[2]),
        z[0, 1] / math.sqrt(z[0, 0] * z[1, 1]),
    )


def card_sigmas(card: DetectorCard, p_beta: FloatArray) -> FloatArray:
    """sigma(d0) cm, sigma(omega) 1/cm, sigma(z0) cm at 90 degrees from the card's parametrisations, shape (n, 3)."""
    form = card.tracking.resolution
    per_momentum = OMEGA_PER_TESLA_GEV_CM * card.field.solenoid_tesla.value
    d0 = 1e-4 * np.hypot(form.d0_um.measurement.value, form.d0_um.scattering.value / p_beta)
    z0 = 1e-4 * np.hypot(form.z0_um.measurement.value, form.z0_um.scattering.value / p_beta)
    # sigma(omega) = omega sigma(pT)/pT = (c B / pT) (a pT (+) b / beta)
    omega = 1e-2 * per_momentum * np.hypot(form.pt_percent.measurement.value, form.pt_percent.scattering.value / p_beta)
    return np.stack([d0, omega, z0], axis=1)


def tuning_factors(card: DetectorCard, p_beta: FloatArray) -> FloatArray:
    """Card over calculation at 90 degrees for (d0, phi0, omega, z0, tan lambda), shape (n, 5)."""
    limits = card.tracking.resolution.valid_p_beta
    inside = np.clip(p_beta, limits.low.value, limits.high.value)
    ideal = _sigmas(fit_at(card, 0.5 * math.pi, inside))
    ratio = card_sigmas(card, inside) / ideal[:, [0, 2, 3]]
    return ratio[:, [0, 0, 1, 2, 2]]


def resolution_table(card: DetectorCard, ideal: bool = False) -> tuple[FloatArray, FloatArray]:
    """Tables for the kernels.

    Parameters
    ----------
    card : DetectorCard
    ideal : bool
        Without the tuning to the card's parametrisations.

    Returns
    -------
    resolution : float64 (n_u, n_t, 9)
        p beta times the five sigmas (smooth in the grid), four correlations.
    response : float64 (n_u, n_t, n_r, 3)
        See `toymc.detector.weights.WeightedFit`.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> resolution_table(load_card("belle2"))[0].shape
    (25, 49, 9)
    """
    tangents = tan_grid(card)
    resolution = np.empty((len(U_GRID), len(tangents), 9))
    response = np.empty((len(U_GRID), len(tangents), len(RESPONSE_RADII), 3))
    for k, tangent in enumerate(tangents):
        fits = fit_at(card, math.atan2(1.0, tangent), U_GRID, RESPONSE_RADII)
        resolution[:, k, :5] = _sigmas(fits) * U_GRID[:, None]
        resolution[:, k, 5:] = [_correlations(f) for f in fits]
        response[:, k] = [f.response for f in fits]
    if not ideal:
        resolution[:, :, :5] *= tuning_factors(card, U_GRID)[:, None, :]
    return resolution, response


def depth_tables(card: DetectorCard, tangents: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Material in front of and inside the tracker, and behind it.

    Returns
    -------
    radius, depth : float64 (n_t, n_k)
        Crossing radii in order, and X/X0 summed up to and including each; padded with the last value.
    outer : float64 (n_t,)
        X/X0 behind the tracker.
    """
    lines = [shells_at(card, math.atan2(1.0, t)) for t in tangents]
    width = max(int((~line.outer).sum()) for line in lines)
    radius = np.full((len(tangents), width), 1e3)
    depth = np.zeros((len(tangents), width))
    outer = np.zeros(len(tangents))
    for k, line in enumerate(lines):
        inner = ~line.outer
        n = int(inner.sum())
        radius[k, :n] = line.radius[inner]
        depth[k, :n] = np.cumsum(line.x_over_x0[inner])
        depth[k, n:] = depth[k, n - 1] if n else 0.0
        outer[k] = line.x_over_x0[line.outer].sum()
    return radius, depth, outer


def hit_table(card: DetectorCard, tangents: FloatArray, radii: FloatArray) -> npt.NDArray[np.int32]:
    """Measuring layers beyond a radius: pixel, strip, wire; int32 (n_t, n_r, 3)."""
    table = np.zeros((len(tangents), len(radii), 3), dtype=np.int32)
    for k, tangent in enumerate(tangents):
        planes = planes_at(card, math.atan2(1.0, tangent))
        for system in range(3):
            where = np.sort(planes.radius[planes.system == system])
            table[k, :, system] = len(where) - np.searchsorted(where, radii, side="right")
    return table
