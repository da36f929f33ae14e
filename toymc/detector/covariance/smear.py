"""Measured helices: drawn from the full covariance."""

import math

from toymc.detector.covariance.exact import _unfold
from toymc.detector.helix import _wrap
from toymc.kernels import lean_kernel

_STRAIGHT = 1e-9
"""Smallest |omega| (1/cm): a straighter track could not be measured, and its momentum stays finite."""


@lean_kernel
def _smear_full(rng, d0, phi0, omega, z0, tan_lambda, factor, cov):
    """Draw the measured helix, true + U g with five unit Gaussians g; `cov` (15) receives U U^T."""
    a, b, c = rng.standard_normal(), rng.standard_normal(), rng.standard_normal()
    d, e = rng.standard_normal(), rng.standard_normal()
    u = factor
    _unfold(u, cov)
    d0 += u[0] * a + u[1] * b + u[2] * c + u[3] * d + u[4] * e
    phi0 = _wrap(phi0 + u[5] * b + u[6] * c + u[7] * d + u[8] * e)
    omega += u[9] * c + u[10] * d + u[11] * e
    z0 += u[12] * d + u[13] * e
    tan_lambda += u[14] * e
    if abs(omega) < _STRAIGHT:
        omega = math.copysign(_STRAIGHT, omega)
    return d0, phi0, omega, z0, tan_lambda
