"""Photon conversion: cross-section, energy sharing, directions.

Cross-section per atom: the parametrisation of L. Urban in Geant3/Geant4, sigma = (Z + 1)(F1 Z + F2 Z^2 + F3) with
polynomials in ln(E/m_e), fitted to the evaluation of Hubbell, Gimm and Overbo [J. Phys. Chem. Ref. Data 9 (1980) 1023]
from 1.5 MeV to 100 GeV (within 5 %, 2 % on average: Geant4 Physics Reference Manual, "Gamma conversion"); below 1.5 MeV
it falls as (E - 2 m_e)^2 and is zero at threshold. It holds the field of the nucleus and of the electrons. What the
walk uses is its ratio f(E, Z) to the asymptotic 7/9 A/(N_A X0), with X0 from Y.-S. Tsai [RMP 46 (1974) 815; PDG review,
eq. 34.25], so that P = 1 - exp(-7/9 f X/X0). In silicon f is 0.98 at 10 GeV, 0.94 at 1 GeV, 0.70 at 100 MeV and 0.26 at
10 MeV; the integral of the differential cross-section below agrees within 4 % from 5 MeV to 10 GeV (beryllium: 12 %).

Energy sharing: Bethe-Heitler with the screening functions of Butcher and Messel and the Coulomb correction above 50 MeV
[Tsai, eq. 3.8-3.60; J.C. Butcher, H. Messel, Nucl. Phys. 20 (1960) 15; EGS4, SLAC-265]; uniform below 2 MeV.

Directions: each lepton at theta = u m_e/E with Tsai's universal u, 1/4 of u exp(-a u) with a = 0.625 and 3/4 with 3 a
[Geant3 PHYS211; G4ModifiedTsai], mean 1.6 m_e/E; opposite in azimuth. The momentum that is missing goes to the nucleus
(energy is conserved exactly). Not simulated: triplets as such (an electron recoil of some MeV), polarisation, LPM.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.constants import N_A
from scipy.optimize import brentq

from toymc.constants import ALPHA, M_E
from toymc.generators.lorentz import _transverse
from toymc.kernels import inlined_kernel

FloatArray = npt.NDArray[np.float64]

# polynomials in ln(E/m_e), microbarn [R Geant4 G4BetheHeitlerModel.cc @0a02c719]
_F1 = (8.7842e2, -1.9625e3, 1.2949e3, -2.0028e2, 1.2575e1, -2.8333e-1)
_F2 = (-1.0342e1, 1.7692e1, -8.2381, 1.3063, -9.0815e-2, 2.3586e-3)
_F3 = (-4.5263e2, 1.1161e3, -8.6749e2, 2.1773e2, -2.0467e1, 6.5372e-1)
_FIT_FROM_GEV = 1.5e-3
_TSAI_G_PER_CM2 = 716.408  # 1/(4 alpha r_e^2 N_A) [PDG review, eq. 34.25]

LOG_E_LOW = math.log(2.0 * M_E)
_LOG_E_HIGH = math.log(30.0)
N_ENERGIES = 256
LOG_E_STEP = (_LOG_E_HIGH - LOG_E_LOW) / (N_ENERGIES - 1)
# columns of an element behind the energies: screening scale 136/Z^(1/3), half of F(Z) below and above 50 MeV
SCREEN, F_LOW, F_HIGH = N_ENERGIES, N_ENERGIES + 1, N_ENERGIES + 2
_COULOMB_FROM_GEV = 0.05
_UNIFORM_BELOW_GEV = 2e-3


def coulomb_correction(z: float) -> float:
    """f_c(Z) of H. Davies, H. Bethe and L. Maximon [PDG review, eq. 34.26]."""
    a2 = (ALPHA * z) ** 2
    return a2 * (1.0 / (1.0 + a2) + 0.20206 - 0.0369 * a2 + 0.0083 * a2**2 - 0.002 * a2**3)


def _radiation_bracket(z: float) -> float:
    """Z^2 (L_rad - f_c) + Z L'_rad for Z > 4; the small shift of the tabulated L for lighter atoms is left out."""
    return z * z * (math.log(184.15 * z ** (-1.0 / 3.0)) - coulomb_correction(z)) + z * math.log(
        1194.0 * z ** (-2.0 / 3.0)
    )


def effective_z(x0_g_cm2: float, z_over_a: float) -> float:
    """Atomic number of the element with this radiation length (g/cm2) and Z/A; the right mean for a mixture.

    Examples
    --------
    >>> round(effective_z(21.82, 0.49848), 1)
    14.0
    """

    def off(z: float) -> float:
        """Radiation length of the card over that of Z, less one."""
        return z_over_a * _radiation_bracket(z) / z / _TSAI_G_PER_CM2 * x0_g_cm2 - 1.0

    return float(brentq(off, 1.0, 110.0)) if off(1.0) < 0.0 < off(110.0) else (1.0 if off(1.0) >= 0.0 else 110.0)


def pair_cross_section(energy: FloatArray, z: float) -> FloatArray:
    """Pair production per atom in millibarn for photon energies in GeV, shape of `energy`; 0 below 2 m_e.

    Examples
    --------
    >>> round(float(pair_cross_section(np.array([1.0]), 6.0)[0]), 0)
    326.0
    """
    energy = np.asarray(energy, dtype=np.float64)
    x = np.log(np.maximum(energy, _FIT_FROM_GEV) / M_E)
    f1, f2, f3 = (np.polynomial.polynomial.polyval(x, f) for f in (_F1, _F2, _F3))
    sigma = 1e-3 * (z + 1.0) * (f1 * z + f2 * z * z + f3)
    low = np.clip((energy - 2.0 * M_E) / (_FIT_FROM_GEV - 2.0 * M_E), 0.0, 1.0) ** 2
    return np.asarray(np.maximum(sigma, 0.0) * low)


def asymptotic_cross_section(z: float) -> float:
    """7/9 A/(N_A X0) per atom in millibarn."""
    return 7.0 / 9.0 / (_TSAI_G_PER_CM2 * N_A) * _radiation_bracket(z) * 1e27


def element_row(z: float) -> FloatArray:
    """Row of the element table: f on the grid of ln E, then screening scale and F(Z)/2 below and above 50 MeV."""
    grid = np.exp(LOG_E_LOW + LOG_E_STEP * np.arange(N_ENERGIES))
    row = np.empty(N_ENERGIES + 3)
    row[:N_ENERGIES] = pair_cross_section(grid, z) / asymptotic_cross_section(z)
    row[SCREEN] = 136.0 * z ** (-1.0 / 3.0)
    row[F_LOW] = 4.0 / 3.0 * math.log(z)
    row[F_HIGH] = row[F_LOW] + 4.0 * coulomb_correction(z)
    return row


@inlined_kernel
def _energy_bin(energy):
    """Bin of the grid of ln E and the weight of its upper edge; the ends hold outside."""
    if energy <= 2.0 * M_E:
        return 0, 0.0
    at = (math.log(energy) - LOG_E_LOW) / LOG_E_STEP
    if at >= N_ENERGIES - 1:
        return N_ENERGIES - 2, 1.0
    k = int(at)
    return k, at - k


@inlined_kernel
def _pair_ratio(element, energy_bin, energy_weight):
    """7/9 f: conversions per radiation length."""
    low = element[energy_bin]
    return 7.0 / 9.0 * (low + energy_weight * (element[energy_bin + 1] - low))


@inlined_kernel
def _screening(delta):
    """phi_1 and phi_2 of Butcher and Messel."""
    if delta > 1.0:
        phi = 21.12 - 4.184 * math.log(delta + 0.952)
        return phi, phi
    return 20.867 + delta * (-3.242 + 0.625 * delta), 20.209 + delta * (-1.930 - 0.086 * delta)


@inlined_kernel
def _share(rng, energy, element):
    """Part of the photon's energy that the electron gets."""
    low = M_E / energy
    width = 1.0 - 2.0 * low
    if energy < _UNIFORM_BELOW_GEV:
        return low + width * rng.random()
    half_f = element[F_HIGH] if energy > _COULOMB_FROM_GEV else element[F_LOW]
    scale = element[SCREEN] * low
    a, b = _screening(4.0 * scale)
    bound = max(a, b) - half_f
    for _ in range(10000):
        share = low + width * rng.random()
        q = share * (1.0 - share)
        a, b = _screening(scale / q)
        density = (1.0 - 2.0 * q) * max(a - half_f, 0.0) + 2.0 / 3.0 * q * max(b - half_f, 0.0)
        if bound * rng.random() <= density:
            return share
    return 0.5


@inlined_kernel
def _polar(rng, energy):
    """Polar angle of a lepton of this energy against the photon."""
    a = 0.625 if rng.random() < 0.25 else 1.875
    u = -math.log((1.0 - rng.random()) * (1.0 - rng.random())) / a
    return min(u * M_E / energy, math.pi)


@inlined_kernel
def _convert(rng, px, py, pz, element, p4):
    """Electron in row 0 and positron in row 1 of p4 (px, py, pz, E); the photon has more than 2 m_e."""
    energy = math.sqrt(px * px + py * py + pz * pz)
    x, y, z = px / energy, py / energy, pz / energy
    ax, ay, az, bx, by, bz = _transverse(x, y, z)
    phi = 2.0 * math.pi * rng.random()
    c, s = math.cos(phi), math.sin(phi)
    share = _share(rng, energy, element)
    for k in range(2):
        e = max((share if k == 0 else 1.0 - share) * energy, M_E)
        p = math.sqrt(e * e - M_E * M_E)
        theta = _polar(rng, e)
        across = p * math.sin(theta) * (1.0 if k == 0 else -1.0)
        along = p * math.cos(theta)
        p4[k, 0] = along * x + across * (c * ax + s * bx)
        p4[k, 1] = along * y + across * (c * ay + s * by)
        p4[k, 2] = along * z + across * (c * az + s * bz)
        p4[k, 3] = e
