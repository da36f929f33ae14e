"""Decay times and flavours of a pair of B mesons from the Upsilon(4S).

The neutral pair is in a P-wave and stays one B0 and one B0bar until the first decays (Bose symmetry). With equal
widths, no CP violation: P(t1, t2; opposite or same flavour) ~ exp(-(t1 + t2)/tau) (1 +- cos(dm (t1 - t2))) [I. Bigi,
A. Sanda, NPB 193 (1981) 85]; summed over flavours both times are plain exponentials. The share of same-flavour pairs
is chi_d = x^2/(2 (1 + x^2)), x = dm tau.
"""

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.generators.b_meson.inputs import CTAU_B_PLUS_CM, CTAU_B_ZERO_CM, delta_m_per_cm
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]


def chi_d(delta_m: float | None = None) -> float:
    """Time-integrated probability that both neutral mesons decay with the same flavour.

    Parameters
    ----------
    delta_m : float, optional
        Phase per cm of c t; from the table by default.

    Examples
    --------
    >>> round(chi_d(), 3)
    0.185
    """
    x = (delta_m_per_cm() if delta_m is None else delta_m) * CTAU_B_ZERO_CM
    return x * x / (2.0 * (1.0 + x * x))


@lean_kernel
def _pair_times(rng, ctau, delta_m):
    """Proper c t of both mesons in cm, and whether they decay with the same flavour; delta_m = 0: never."""
    t1 = ctau * rng.standard_exponential()
    t2 = ctau * rng.standard_exponential()
    if delta_m == 0.0:
        return t1, t2, False
    return t1, t2, rng.random() < 0.5 * (1.0 - np.cos(delta_m * (t1 - t2)))


@kernel
def _fill_times(rng, ctau, delta_m, times, same):
    for i in range(len(same)):
        times[i, 0], times[i, 1], same[i] = _pair_times(rng, ctau, delta_m)


def sample_times(
    rng: np.random.Generator, n: int, neutral: bool = True, delta_m: float | None = None
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Decay times and flavour relation of n pairs.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    neutral : bool
        B0 pairs; else B+ pairs, which do not mix.
    delta_m : float, optional
        Phase per cm of c t, >= 0; from the table by default.

    Returns
    -------
    times : float64 (n, 2)
        Proper c t in cm.
    same : bool (n,)
        Both decay as B0, or both as B0bar.

    Raises
    ------
    InputError
        For a negative mass difference.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> times, same = sample_times(stream(1, "doc", "test", 0), 1000)
    >>> bool(0.1 < same.mean() < 0.3)
    True
    """
    phase = delta_m_per_cm() if delta_m is None else delta_m
    if not phase >= 0.0:
        raise InputError(f"mass difference {phase} per cm: give zero or more")
    times, same = np.empty((n, 2)), np.empty(n, dtype=np.bool_)
    ctau = CTAU_B_ZERO_CM if neutral else CTAU_B_PLUS_CM
    _fill_times(rng, ctau, float(phase) if neutral else 0.0, times, same)
    return times, same
