"""Track resolutions and efficiency of prompt particles on a grid of species, momentum and polar angle."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM, mass
from toymc.detector.build import build_detector
from toymc.detector.covariance.exact import exact_covariance, tracker
from toymc.detector.finding import tracking_efficiency
from toymc.errors import InputError
from toymc.geometry import DetectorCard
from toymc.geometry.numbers import SPECIES

FloatArray = npt.NDArray[np.float64]

PDG_OF_SPECIES: dict[str, int] = dict(zip(SPECIES, (11, 13, 211, 321, 2212), strict=True))
DEFAULT_P = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0)
DEFAULT_THETA = (25.0, 40.0, 60.0, 90.0, 120.0, 140.0)
_AZIMUTHS = 36
"""Directions that a resolution is averaged over: layers may be built in a part of the azimuth only."""


def _check(card: DetectorCard, species: Sequence[str], p: Sequence[float], theta: Sequence[float]) -> None:
    acceptance = card.tracking.acceptance
    low, high = acceptance.theta_min_deg.value, acceptance.theta_max_deg.value
    for name in species:
        if name not in PDG_OF_SPECIES:
            raise InputError(f"unknown species '{name}': give some of {', '.join(SPECIES)}")
    for value in p:
        if not (value > 0.0 and math.isfinite(value)):
            raise InputError(f"momentum {value} GeV is not positive: give momenta above 0")
    for angle in theta:
        if not low <= angle <= high:
            raise InputError(f"theta {angle} degrees is outside what {card.name} accepts: give {low:g} to {high:g}")


def track_sigmas(
    card: DetectorCard, species: str, p: FloatArray, theta: FloatArray, ideal: bool = False
) -> dict[str, FloatArray]:
    """Resolutions of prompt particles, from the exact covariance, averaged (rms) over the azimuth.

    Parameters
    ----------
    card : DetectorCard
    species : str
    p, theta : float64 (n,)
        GeV, degrees.
    ideal : bool

    Returns
    -------
    dict of float64 (n,)
        sigma_pt_over_pt, sigma_d0_um, sigma_z0_um, sigma_phi_mrad, sigma_tan_lambda; NaN where no fit is possible.
    """
    phi = math.radians(0.37) + 2.0 * math.pi * np.arange(_AZIMUTHS) / _AZIMUTHS
    polar = np.radians(theta)
    sine, cosine = np.sin(polar)[:, None], np.cos(polar)[:, None]
    direction = np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine + 0.0 * phi], axis=2)
    momentum = (direction * p[:, None, None]).reshape(-1, 3)
    state = np.hstack([np.zeros_like(momentum), momentum])
    cov, _ = exact_covariance(tracker(card, ideal), state, -1.0, mass(PDG_OF_SPECIES[species]))
    variance = np.mean(cov[:, [0, 5, 9, 12, 14]].reshape(len(p), _AZIMUTHS, 5), axis=1)
    sigma = np.sqrt(variance)
    omega = OMEGA_PER_TESLA_GEV_CM * card.field.solenoid_tesla.value / (p * np.sin(polar))
    return {
        "sigma_pt_over_pt": sigma[:, 2] / omega,
        "sigma_d0_um": 1e4 * sigma[:, 0],
        "sigma_z0_um": 1e4 * sigma[:, 3],
        "sigma_phi_mrad": 1e3 * sigma[:, 1],
        "sigma_tan_lambda": sigma[:, 4],
    }


def detector_performance(
    card: DetectorCard,
    species: Sequence[str] = SPECIES,
    p: Sequence[float] = DEFAULT_P,
    theta: Sequence[float] = DEFAULT_THETA,
    ideal: bool = False,
) -> list[dict[str, Any]]:
    """Resolutions and tracking efficiency of prompt particles.

    Parameters
    ----------
    card : DetectorCard
    species : sequence of str
        Among e, mu, pi, K, p.
    p : sequence of float
        Momenta in GeV.
    theta : sequence of float
        Polar angles in degrees, lab frame.
    ideal : bool
        What the layers alone give: ideal resolutions, every layer efficient, no energy loss, no tuning factors.

    Returns
    -------
    list of dict
        Keys species, p_GeV, theta_deg, sigma_pt_over_pt, sigma_d0_um, sigma_z0_um, sigma_phi_mrad, sigma_tan_lambda,
        efficiency; NaN where the particle leaves too few hits for a fit. Averages over the azimuth. Radiation of
        electrons is not part of the resolutions.

    Raises
    ------
    InputError
        For an unknown species, a momentum that is not positive, an angle outside the acceptance.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> row = detector_performance(load_card("belle2_run2"), ["pi"], [1.0], [90.0], ideal=True)[0]
    >>> round(100 * row["sigma_pt_over_pt"], 2)
    0.2
    """
    _check(card, species, p, theta)
    momenta, angles = (np.ravel(grid) for grid in np.meshgrid(p, theta, indexing="ij"))
    momenta, angles = momenta.astype(np.float64), angles.astype(np.float64)
    detector = build_detector(card, ideal)
    rows = []
    for name in species:
        columns = {"p_GeV": momenta, "theta_deg": angles} | track_sigmas(card, name, momenta, angles, ideal)
        columns["efficiency"] = tracking_efficiency(detector, name, momenta, np.radians(angles))
        lists = [values.tolist() for values in columns.values()]
        rows += [{"species": name, **dict(zip(columns, values, strict=True))} for values in zip(*lists, strict=True)]
    return rows
