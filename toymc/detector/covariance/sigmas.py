"""Resolutions on a grid of species, momentum and polar angle: what the covariance says of prompt particles."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.exact import exact_covariance, tracker
from toymc.detector.covariance.surfaces import PHI_WIDTH
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]

SIGMAS = ("sigma_pt_over_pt", "sigma_d0_um", "sigma_z0_um", "sigma_phi_mrad", "sigma_tan_lambda")
_AZIMUTHS = 36
_DIAGONAL = [0, 5, 9, 12, 14]


def resolution_grid(
    card: DetectorCard, masses: Sequence[float], p: Sequence[float], theta: Sequence[float], ideal: bool = False
) -> FloatArray:
    """Resolutions of positive particles from the origin, calculated surface by surface.

    Parameters
    ----------
    card : DetectorCard
    masses : sequence of float
        GeV.
    p : sequence of float
        Momenta, GeV.
    theta : sequence of float
        Polar angles, degrees.
    ideal : bool
        Ideal resolutions, every layer efficient, no energy loss, no tuning factor.

    Returns
    -------
    float64 (n_masses, n_p, n_theta, 5)
        In the order of `SIGMAS`: relative, micrometre, micrometre, mrad, none. Where sensors do not stand all around,
        root of the mean variance over the azimuth. NaN where no fit is possible.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> grid = resolution_grid(load_card("belle2_run2"), [0.13957], [1.0], [90.0], ideal=True)
    >>> (grid[0, 0, 0] * [1e4, 1, 1, 1, 1]).round().tolist()
    [20.0, 20.0, 22.0, 1.0, 0.0]
    """
    surfaces, constants = tracker(card, ideal)
    count = _AZIMUTHS if (surfaces[:, PHI_WIDTH] < 7.0).any() else 1
    mass, momentum, angle, azimuth = np.meshgrid(
        masses, p, np.radians(theta), 2.0 * math.pi * np.arange(count) / count, indexing="ij"
    )
    shape = mass.shape
    pt = (momentum * np.sin(angle)).ravel()
    state = np.zeros((len(pt), 6))
    state[:, 3] = pt * np.cos(azimuth.ravel())
    state[:, 4] = pt * np.sin(azimuth.ravel())
    state[:, 5] = (momentum * np.cos(angle)).ravel()
    cov, _ = exact_covariance((surfaces, constants), state, 1.0, mass.ravel())
    sigma = np.sqrt(cov[:, _DIAGONAL].reshape(*shape, 5).mean(axis=3))
    omega = OMEGA_PER_TESLA_GEV_CM * constants.field / pt.reshape(shape)[..., 0]
    result: FloatArray = np.stack(
        [sigma[..., 2] / omega, 1e4 * sigma[..., 0], 1e4 * sigma[..., 3], 1e3 * sigma[..., 1], sigma[..., 4]], axis=-1
    )
    return result
