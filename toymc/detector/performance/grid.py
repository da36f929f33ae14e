"""Track resolutions and efficiency of prompt particles on a grid of species, momentum and polar angle."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import mass
from toymc.detector.covariance import SIGMAS, resolution_grid
from toymc.detector.finding import count_layers, finding_tables
from toymc.detector.finding.public import _probability_rows
from toymc.errors import InputError
from toymc.geometry import DetectorCard
from toymc.geometry.numbers import SPECIES

FloatArray = npt.NDArray[np.float64]

PDG_OF_SPECIES: dict[str, int] = dict(zip(SPECIES, (11, 13, 211, 321, 2212), strict=True))
DEFAULT_P = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0)
DEFAULT_THETA = (25.0, 40.0, 60.0, 90.0, 120.0, 140.0)


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


def prompt_efficiency(card: DetectorCard, p: FloatArray, theta_deg: FloatArray) -> FloatArray:
    """Probability that particles from the origin are found; (n,) from momenta in GeV and polar angles in degrees.

    The same numbers as `toymc.detector.finding.tracking_efficiency`, without the tables of the whole detector.
    """
    tables = finding_tables(card)
    polar = np.radians(theta_deg)
    zero = np.zeros(len(p))
    state = np.stack([zero, zero, zero, p * np.sin(polar), zero, p * np.cos(polar)], axis=1)
    hits, d0, z0 = count_layers(card, state, np.ones(len(p)))
    found = np.empty(len(p))
    _probability_rows(state, d0, z0, hits, tables.numbers, tables.efficiency, found)
    return found


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
        efficiency; NaN where the particle leaves too few hits for a fit. Root mean squares over the azimuth. Radiation
        of electrons is not part of the resolutions.

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
    sigmas = resolution_grid(card, [mass(PDG_OF_SPECIES[name]) for name in species], p, theta, ideal)
    momenta, angles = (np.ravel(grid).astype(np.float64) for grid in np.meshgrid(p, theta, indexing="ij"))
    efficiency = prompt_efficiency(card, momenta, angles)
    rows = []
    for name, values in zip(species, sigmas.reshape(len(species), -1, len(SIGMAS)), strict=True):
        for k, sigma in enumerate(values.tolist()):
            row = {"species": name, "p_GeV": float(momenta[k]), "theta_deg": float(angles[k])}
            rows.append(row | dict(zip(SIGMAS, sigma, strict=True)) | {"efficiency": float(efficiency[k])})
    return rows
