"""Radiator at fixed s' = z s: F(z) = int dz1/z1 D(z1) D(z/z1), and the draw of both legs at fixed z.

D is the structure function of `toymc.generators.isr`, so the rate is that of all other processes:
d sigma/ds' = K F(s'/s) sigma(s')/s with the vertex factor K. By symmetry the leg with the larger fraction z1 >= sqrt(z)
is drawn: flat in t = (1-z1)^(beta/2) with the rejection of what is left, which is smooth.
"""

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.generators import isr
from toymc.kernels import lean_kernel

FloatArray = npt.NDArray[np.float64]


def radiator(z: npt.ArrayLike, s: float, order: int = 96) -> FloatArray:
    """F(z, s) with the vertex factor: d sigma/ds' = F(s'/s) sigma(s')/s.

    Parameters
    ----------
    z : array_like
        s'/s, 0 < z < 1.
    s : float
        GeV^2.
    order : int
        Gauss-Legendre points.

    Returns
    -------
    float64 array

    Raises
    ------
    InputError
        For z outside (0, 1).

    Examples
    --------
    >>> 0.04 < float(radiator(0.01, 112.0)) < 0.06
    True
    """
    z = np.asarray(z, dtype=np.float64)
    if not (np.all(z > 0.0) and np.all(z < 1.0)):
        raise InputError("radiator: s'/s between 0 and 1 is allowed")
    beta = isr.beta_electron(s)
    x, w = np.polynomial.legendre.leggauss(order)
    # t = top u^2: the other leg is steepest at the far end, z1 = sqrt(z)
    u, du = 0.5 * (x + 1.0), 0.5 * w
    top = (1.0 - np.sqrt(z)) ** (0.5 * beta)
    t = top[..., None] * u
    first = 1.0 - t ** (2.0 / beta)
    second = z[..., None] / first
    other = 0.5 * beta * (1.0 - second) ** (0.5 * beta - 1.0) * isr._bracket(second, beta)
    integrand = isr._bracket(first, beta) * other / first
    total = 2.0 * top * np.sum(du * integrand, axis=-1)
    return np.asarray(isr.vertex_factor() * isr._soft_factor(beta) ** 2 * total)


@lean_kernel
def _bracket(z, beta):
    """As `toymc.generators.isr._bracket`."""
    second = -0.5 * (1.0 + 3.0 * z * z) * np.log(z) - (1.0 - z) * (1.0 - z)
    return 0.5 * (1.0 + z * z) + beta / 8.0 * second


@lean_kernel
def _other_leg(z1, z, beta):
    z2 = z / z1
    return _bracket(z1, beta) * (1.0 - z2) ** (0.5 * beta - 1.0) * _bracket(z2, beta) / z1


@lean_kernel
def _draw_legs(rng, z, beta, v_min):
    """Radiated fractions v1, v2 of electron and positron with (1-v1)(1-v2) = z exactly; none below v_min."""
    root = np.sqrt(z)
    top = (1.0 - root) ** (0.5 * beta)
    # the bracket of the softer leg is at most 1, everything else is largest at z1 = sqrt(z)
    bound = (1.0 - root) ** (0.5 * beta - 1.0) * _bracket(root, beta) / root
    bound = max(bound, (1.0 - z) ** (0.5 * beta - 1.0) * _bracket(z, beta))
    while True:
        z1 = 1.0 - (top * rng.random()) ** (2.0 / beta)
        if rng.random() * bound <= _other_leg(z1, z, beta):
            break
    if 1.0 - z1 < v_min:
        z1 = 1.0
    first, second = 1.0 - z1, 1.0 - z / z1
    if rng.random() < 0.5:
        return first, second
    return second, first
