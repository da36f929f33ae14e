"""Constants of nature: fundamental ones from CODATA (through scipy), particle properties from the PDG (`particle`).

Kernels use the module-level floats, which numba freezes at compile time. `pdg_edition()` names the table that the
masses come from; it is written into every output.
"""

import math
from functools import cache
from importlib import resources

import scipy.constants
from particle import Particle

from toymc.errors import InputError

ALPHA: float = scipy.constants.fine_structure
"""Fine-structure constant at zero momentum transfer, CODATA."""
ALPHA_LO: float = 1.0 / 137.036
"""The value that the lowest-order reference cross-sections are quoted with."""
SPEED_OF_LIGHT_CM_PER_NS: float = scipy.constants.c * 1e-7
_HBAR_C_GEV_CM: float = scipy.constants.value("reduced Planck constant times c in MeV fm") * 1e-3 * 1e-13
HBAR_C_GEV_CM: float = _HBAR_C_GEV_CM
GEV2_TO_FB: float = HBAR_C_GEV_CM**2 * 1e39
"""(hbar c)^2 in fb GeV^2: multiplies a cross-section in GeV^-2."""
G_FERMI: float = scipy.constants.value("Fermi coupling constant")
"""Fermi constant in GeV^-2."""
OMEGA_PER_TESLA_GEV_CM: float = SPEED_OF_LIGHT_CM_PER_NS * 1e-4
"""Curvature of a unit charge: omega [1/cm] = charge * this * B [T] / p_T [GeV]."""


@cache
def _particle(pdg: int) -> Particle:
    try:
        return Particle.from_pdgid(pdg)
    except Exception as error:  # `particle` raises several types for what is one fault to a user
        raise InputError(f"unknown PDG code {pdg}: give a code of the PDG Monte Carlo numbering scheme") from error


def mass(pdg: int) -> float:
    """Mass of a particle in GeV (0 where the PDG table gives none, e.g. neutrinos).

    Examples
    --------
    >>> round(mass(15), 3)
    1.777
    """
    value = _particle(pdg).mass
    return 0.0 if value is None else value * 1e-3


def width(pdg: int) -> float:
    """Total width of a particle in GeV (0 for stable ones).

    Examples
    --------
    >>> 0.1 < width(113) < 0.2
    True
    """
    value = _particle(pdg).width
    return 0.0 if value is None else value * 1e-3


def ctau_cm(pdg: int) -> float:
    """Mean proper flight length c*tau in cm (infinite for stable particles).

    Examples
    --------
    >>> round(ctau_cm(310), 2)
    2.68
    """
    value = _particle(pdg).ctau
    return math.inf if value is None or math.isinf(value) else value * 0.1


def charge(pdg: int) -> float:
    """Electric charge in units of the positron charge.

    Examples
    --------
    >>> charge(-211)
    -1.0
    """
    value = _particle(pdg).charge
    return 0.0 if value is None else float(value)


@cache
def pdg_edition() -> str:
    """Name of the PDG table behind the masses, e.g. ``particle2026.csv (particle 1.1.0)``.

    Examples
    --------
    >>> pdg_edition().startswith("particle")
    True
    """
    from importlib.metadata import version

    tables = sorted(f.name for f in resources.files("particle.data").iterdir() if f.name.startswith("particle20"))
    return f"{tables[-1]} (particle {version('particle')})"


M_E = mass(11)
M_MU = mass(13)
M_TAU = mass(15)
M_PI = mass(211)
M_PI0 = mass(111)
M_K = mass(321)
M_K0 = mass(311)
M_ETA = mass(221)
M_ETAP = mass(331)
M_RHO = mass(113)
M_OMEGA = mass(223)
M_PHI = mass(333)
M_KSTAR = mass(323)
M_KSTAR0 = mass(313)
M_P = mass(2212)
M_N = mass(2112)
CTAU_TAU_CM = ctau_cm(15)
