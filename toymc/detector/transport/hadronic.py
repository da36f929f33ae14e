"""Nuclear interactions: who interacts how often. The numbers and their sources are in ``data/hadronic.toml``.

The hazard of a piece of material is its depth in nuclear interaction lengths (PDG, neutrons and protons at high
energy) times r = sigma_inel(hadron, p)/sigma_inel(reference) on carbon. What is known: pions to 5 % (evaluated data),
nucleons to 10 %; kaons and antinucleons to 15-20 % (Glauber formula on remembered hadron-nucleon cross-sections). K_L:
mean of K0 and anti-K0, each as its charged partner. Hyperons: as nucleons. Elastic scattering off nuclei is not
simulated.
"""

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from toymc.constants import M_P, M_PI
from toymc.kernels import inlined_kernel

FloatArray = npt.NDArray[np.float64]

LOG_P_LOW = math.log(0.02)
N_MOMENTA = 160
LOG_P_STEP = (math.log(25.0) - LOG_P_LOW) / (N_MOMENTA - 1)
CLASSES = ("pi+", "pi-", "kaon", "antikaon", "nucleon", "antinucleon", "K_L", "hyperon", "antihyperon")
_BY_CODE = {211: 0, -211: 1, 321: 2, 311: 2, 310: 6, 130: 6, -321: 3, -311: 3}


def hadron_class(pdg: int) -> int:
    """Row of `hadron_table` for a hadron that interacts.

    Examples
    --------
    >>> CLASSES[hadron_class(-2212)]
    'antinucleon'
    """
    if pdg in _BY_CODE:
        return _BY_CODE[pdg]
    if abs(pdg) in (2112, 2212):
        return 4 if pdg > 0 else 5
    return 7 if pdg > 0 else 8


@cache
def hadronic_card() -> dict[str, Any]:
    """Contents of ``data/hadronic.toml``."""
    text = (resources.files("toymc.detector.transport") / "data" / "hadronic.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _glauber(sigma_mb: FloatArray | float, area_mb: float, nucleons: int) -> FloatArray:
    """Inelastic cross-section on a nucleus of `nucleons` with pi R^2 = area_mb [V.M. Grichine, EPJ C 62 (2009) 399]."""
    return np.asarray(area_mb * np.log(1.0 + nucleons * np.asarray(sigma_mb) / area_mb))


@cache
def hadron_table() -> FloatArray:
    """Ratio of the inelastic cross-section to that behind the interaction length, over ln p.

    Returns
    -------
    float64 (9, N_MOMENTA)
        Rows as in `CLASSES`; p = exp(LOG_P_LOW + k LOG_P_STEP) GeV.

    Examples
    --------
    >>> table = hadron_table()
    >>> at_1_GeV = table[:, round((0.0 - LOG_P_LOW) / LOG_P_STEP)]
    >>> bool(1.0 < at_1_GeV[1] < 1.1 and 0.5 < at_1_GeV[2] < 0.7)
    True
    """
    card = hadronic_card()
    reference = card["carbon"]["reference_mb"]["value"]
    nucleons = card["glauber"]["nucleons"]["value"]
    at_reference = card["glauber"]["nucleon_reference_mb"]["value"]
    area = float(brentq(lambda a: float(_glauber(at_reference, a, nucleons)) - reference, 1.0, 4000.0))
    p = np.exp(LOG_P_LOW + LOG_P_STEP * np.arange(N_MOMENTA))

    def against_kinetic(section: str, column: str, m: float) -> FloatArray:
        """Cross-section that the card gives over the kinetic energy of a hadron of mass m, on the grid of p."""
        data = card[section]
        kinetic = np.sqrt(p * p + m * m) - m
        return np.asarray(np.interp(np.log(kinetic), np.log(data["kinetic_GeV"]), data[column]))

    def from_nucleon(section: str) -> FloatArray:
        """Cross-section on carbon from that on a nucleon, on the grid of p."""
        data = card[section]
        return _glauber(np.interp(np.log(p), np.log(data["momentum_GeV"]), data["nucleon_mb"]), area, nucleons)

    kaon, antikaon = from_nucleon("kaon"), from_nucleon("antikaon")
    nucleon, antinucleon = against_kinetic("nucleon", "carbon_mb", M_P), from_nucleon("antinucleon")
    rows = [
        against_kinetic("pion", "plus_mb", M_PI),
        against_kinetic("pion", "minus_mb", M_PI),
        kaon,
        antikaon,
        nucleon,
        antinucleon,
        0.5 * (kaon + antikaon),
        nucleon,
        antinucleon,
    ]
    return np.ascontiguousarray(np.array(rows) / reference)


def interaction_ratio(pdg: int, momentum: float) -> float:
    """Nuclear interactions of a hadron per nuclear interaction length.

    Parameters
    ----------
    pdg : int
    momentum : float
        GeV.

    Examples
    --------
    >>> 0.7 < interaction_ratio(211, 10.0) < 0.9
    True
    """
    p = LOG_P_LOW + LOG_P_STEP * np.arange(N_MOMENTA)
    return float(np.interp(math.log(momentum), p, hadron_table()[hadron_class(pdg)]))


@inlined_kernel
def _ratio(table, row, p):
    """Interactions per interaction length; the ends of the table hold outside."""
    at = (math.log(p) - LOG_P_LOW) / LOG_P_STEP
    if at <= 0.0:
        return table[row, 0]
    if at >= N_MOMENTA - 1:
        return table[row, N_MOMENTA - 1]
    k = int(at)
    return table[row, k] + (at - k) * (table[row, k + 1] - table[row, k])
