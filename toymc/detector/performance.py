"""What a card promises: resolutions and efficiency on a grid of species, momentum and polar angle."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM, mass
from toymc.detector.build import build_detector
from toymc.detector.tracks import _accepted, _efficiency, _interpolate
from toymc.errors import InputError
from toymc.geometry import DetectorCard
from toymc.geometry.numbers import SPECIES

PDG_OF_SPECIES: dict[str, int] = dict(zip(SPECIES, (11, 13, 211, 321, 2212), strict=True))
DEFAULT_P = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0)
DEFAULT_THETA = (25.0, 40.0, 60.0, 90.0, 120.0, 140.0)


def detector_performance(
    card: DetectorCard,
    species: Sequence[str] = SPECIES,
    p: Sequence[float] = DEFAULT_P,
    theta: Sequence[float] = DEFAULT_THETA,
    ideal: bool = False,
) -> list[dict[str, Any]]:
    """Resolutions and tracking efficiency of prompt particles, as the simulation uses them.

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
        What the layers alone give, without the tuning to the card's parametrisations.

    Returns
    -------
    list of dict
        Keys species, p_GeV, theta_deg, sigma_pt_over_pt, sigma_d0_um, sigma_z0_um, sigma_phi_mrad, sigma_tan_lambda,
        efficiency. Radiation of electrons is not part of the resolutions.

    Raises
    ------
    InputError
        For an unknown species, a momentum that is not positive, an angle outside the acceptance.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> row = detector_performance(load_card("belle2"), ["pi"], [1.0], [90.0])[0]
    >>> round(100 * row["sigma_pt_over_pt"], 2)
    0.3
    """
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
    tables = build_detector(card, ideal).tracks
    numbers = tables.numbers
    values = np.empty(9)
    grid = []
    for name in species:
        m = mass(PDG_OF_SPECIES[name])
        for momentum in p:
            for angle in theta:
                pt = momentum * math.sin(math.radians(angle))
                tan_lambda = 1.0 / math.tan(math.radians(angle))
                # angles given at the very edge of the acceptance stay inside it
                tan_lambda = min(max(tan_lambda, numbers.tan_low), numbers.tan_high)
                p_beta = momentum * momentum / math.hypot(momentum, m)
                _interpolate(p_beta, tan_lambda, numbers, tables.resolution, values)
                found = _accepted(pt, tan_lambda, numbers)
                omega = OMEGA_PER_TESLA_GEV_CM * numbers.field / pt
                grid.append(
                    {
                        "species": name,
                        "p_GeV": float(momentum),
                        "theta_deg": float(angle),
                        "sigma_pt_over_pt": float(values[2] / omega),
                        "sigma_d0_um": float(1e4 * values[0]),
                        "sigma_z0_um": float(1e4 * values[3]),
                        "sigma_phi_mrad": float(1e3 * values[1]),
                        "sigma_tan_lambda": float(values[4]),
                        "efficiency": float(
                            _efficiency(pt, tan_lambda, 0.0, tables.efficiency, tables.displaced) if found else 0.0
                        ),
                    }
                )
    return grid
