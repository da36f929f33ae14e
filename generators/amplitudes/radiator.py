"""Initial-state radiation and running coupling as the event kernels need them, for any threshold.

The radiator is that of `toymc.generators.isr`: each leg keeps z = 1 - v with density D(z), and
sigma(s) = K int dz1 dz2 D(z1) D(z2) sigma(z1 z2 s). Legs are drawn from D(z)/z above the threshold.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E, M_PI
from toymc.generators import isr, vacuum_polarisation
from toymc.kernels import lean_kernel

FloatArray = npt.NDArray[np.float64]

SPREAD_MARGIN = 0.02
"""Event by event s may lie this far from nominal: more than 20 sigma of the beam energy spread."""
_N_LEG = 8192
_N_RUNNING = 4096
_Q2_LOW = 1e-7  # GeV^2: below it the coupling does not run


def leg_table(sqrt_s: float, threshold: float) -> tuple[FloatArray, FloatArray]:
    """Inverse distribution of the energy fraction that a leg radiates, for `toymc.generators.isr._sample_leg`.

    Parameters
    ----------
    sqrt_s : float
        Nominal energy, GeV.
    threshold : float
        Lowest s' in GeV^2.

    Returns
    -------
    leg : float64 (8193,)
        (1-z)^(beta/2) at equidistant probabilities of D(z)/z.
    numbers : float64 (6,)
        As `toymc.generators.isr.IsrTables.numbers`, then K (int dz D(z)/z)^2 above the threshold: the cross-section is
        this times the mean of s'/s sigma(s').

    Examples
    --------
    >>> leg, numbers = leg_table(10.58, 1.0)
    >>> leg.shape, bool(np.all(np.diff(leg) >= 0.0))
    ((8193,), True)
    """
    s = sqrt_s * sqrt_s
    beta = isr.beta_electron(s)
    z_min = threshold / s * (1.0 - SPREAD_MARGIN)
    t = (1.0 - z_min) ** (0.5 * beta) * (1.0 - (1.0 - np.linspace(0.0, 1.0, 20 * _N_LEG + 1)) ** 2)
    z = 1.0 - t ** (2.0 / beta)
    density = isr._bracket(z, beta) / z
    cumulative = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(t))))
    norm = isr._soft_factor(beta) * cumulative[-1]
    cumulative /= cumulative[-1]
    leg = np.interp(np.linspace(0.0, 1.0, _N_LEG + 1), cumulative, t)
    no_photon = np.interp(isr.V_MIN ** (0.5 * beta), t, cumulative)
    eps = 4.0 * M_E**2 / s
    log_max = 2.0 * np.log1p(np.sqrt(1.0 - eps)) - np.log(eps)
    return leg, np.array([2.0 / beta, no_photon, s, eps, log_max, isr.vertex_factor() * norm**2])


@lean_kernel
def _leg_fraction(u, leg, numbers):
    """Radiated fraction v of one leg at the place u (0..1) in its order, 0 below the smallest that is made."""
    if u < numbers[1]:
        return 0.0
    x = u * (len(leg) - 1)
    i = min(int(x), len(leg) - 2)
    return (leg[i] + (x - i) * (leg[i + 1] - leg[i])) ** numbers[0]


def running_table(q2_max: float) -> FloatArray:
    """Factor 1/(1 - Delta alpha) of a photon propagator on a grid of ln |q^2|.

    Parameters
    ----------
    q2_max : float
        Largest |q^2| in GeV^2.

    Returns
    -------
    float64 (n + 1, 3)
        Real and imaginary part for time-like q^2, value for space-like. Row 0: (ln q2_low, 1/step, unused).

    Notes
    -----
    Leptons at one loop, hadrons as `toymc.generators.vacuum_polarisation`: smooth, so that the narrow resonances in
    s_ll are not in it (J/psi, psi(2S), Upsilon returns are processes of their own).

    Examples
    --------
    >>> running_table(112.0).shape
    (4098, 3)
    """
    log = np.linspace(np.log(_Q2_LOW), np.log(q2_max), _N_RUNNING + 1)
    q2 = np.exp(log)
    imaginary = np.where(q2 > 4.0 * M_PI**2, vacuum_polarisation._hadronic_imaginary(q2), 0.0)
    loops = vacuum_polarisation.leptonic(q2) + vacuum_polarisation.hadronic(q2) + 1j * imaginary
    space = vacuum_polarisation.leptonic(-q2).real + vacuum_polarisation.hadronic(q2)
    time = 1.0 / (1.0 - loops)
    out = np.empty((_N_RUNNING + 2, 3))
    out[0] = log[0], 1.0 / (log[1] - log[0]), 0.0
    out[1:, 0], out[1:, 1], out[1:, 2] = time.real, time.imag, 1.0 / (1.0 - space)
    return out


@lean_kernel
def _running(table, q2):
    """1/(1 - Delta alpha(q^2)); 1 for a table without rows."""
    if len(table) < 2:
        return complex(1.0, 0.0)
    x = (np.log(max(abs(q2), 1e-300)) - table[0, 0]) * table[0, 1]
    x = max(0.0, min(x, len(table) - 2.000001))
    i = min(int(x), len(table) - 3)
    f = x - i
    a, b = 1 + i, 2 + i
    if q2 > 0.0:
        return complex(table[a, 0] + f * (table[b, 0] - table[a, 0]), table[a, 1] + f * (table[b, 1] - table[a, 1]))
    return complex(table[a, 2] + f * (table[b, 2] - table[a, 2]), 0.0)
