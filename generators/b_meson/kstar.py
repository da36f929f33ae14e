"""Line shape of the K*(892) in B -> K* S, as a table of the inverse distribution.

dN/dm ~ lambda(mB^2, m^2, mS^2)^(3/2) * m^2 Gamma(m) / ((m0^2 - m^2)^2 + m0^2 Gamma(m)^2): relativistic P-wave
Breit-Wigner with Gamma(m) = Gamma0 (q/q0)^3 (m0/m) (1 + R^2 q0^2)/(1 + R^2 q^2), q the momentum of K and pi, and the
phase space and the P-wave of B -> K* S (a longitudinal K* couples with |eps.p_B|^2 ~ lambda/m^2, the vertex with m^2).
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from toymc.constants import mass, width
from toymc.errors import InputError
from toymc.generators.b_meson.inputs import number

FloatArray = npt.NDArray[np.float64]
_NODES, _STEPS = 4096, 40


def kstar_density(m: FloatArray, kstar: int, b_mass: float, partner: float) -> FloatArray:
    """Density of the K pi mass, any normalisation.

    Parameters
    ----------
    m : float64
        GeV.
    kstar : int
        313 (to K+ pi-) or 323 (to K_S pi+).
    b_mass, partner : float
        Masses of the B and of the particle beside the K*, GeV.

    Returns
    -------
    float64, shape of m
        0 outside of phase space.

    Raises
    ------
    InputError
        For another resonance.

    Examples
    --------
    >>> low, peak = kstar_density(np.array([0.8, 0.895]), 313, 5.2797, 1.0)
    >>> bool(peak > 10.0 * low)
    True
    """
    if kstar not in (313, 323):
        raise InputError(f"resonance {kstar}: allowed are 313 and 323")
    first, second = (mass(321), mass(211)) if kstar == 313 else (mass(310), mass(211))
    m = np.asarray(m, dtype=np.float64)
    m0, g0, r = mass(kstar), width(kstar), number("kstar", "radius_inverse_GeV")
    q2, q02 = _squared_momentum(m, first, second), float(_squared_momentum(np.array(m0), first, second))
    gamma = g0 * (q2 / q02) ** 1.5 * (m0 / m) * (1.0 + r * r * q02) / (1.0 + r * r * q2)
    line = m * m * gamma / ((m0 * m0 - m * m) ** 2 + (m0 * gamma) ** 2)
    open_ = m < b_mass - partner
    space = np.where(open_, (b_mass**2 - (m + partner) ** 2) * (b_mass**2 - (m - partner) ** 2), 0.0)
    return np.asarray(line * np.clip(space, 0.0, None) ** 1.5)


def _squared_momentum(m: FloatArray, first: float, second: float) -> FloatArray:
    kallen = (m * m - (first + second) ** 2) * (m * m - (first - second) ** 2)
    return np.asarray(np.clip(kallen, 0.0, None) / (4.0 * m * m))


@cache
def kstar_table(kstar: int, b_mass: float, partner: float) -> FloatArray:
    """Masses at equidistant probabilities.

    Returns
    -------
    float64 (4097,)
        GeV.

    Raises
    ------
    InputError
        If the partner leaves no room for the lightest K pi state.

    Examples
    --------
    >>> table = kstar_table(313, 5.2797, 1.0)
    >>> bool(0.88 < table[2048] < 0.91)
    True
    """
    low = (mass(321) if kstar == 313 else mass(310)) + mass(211)
    high = min(number("kstar", "highest_GeV"), b_mass - partner)
    if not high > low:
        raise InputError(f"a partner of {partner:g} GeV leaves {high:g} GeV for the K*: it needs more than {low:g} GeV")
    # crowded at both ends, where the density and its slope vanish
    u = np.linspace(0.0, 1.0, _NODES * _STEPS + 1)
    m = low + (high - low) * u * u * (3.0 - 2.0 * u)
    density = kstar_density(m, kstar, b_mass, partner)
    total = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(m))))
    return np.interp(np.linspace(0.0, 1.0, _NODES + 1), total / total[-1], m)
