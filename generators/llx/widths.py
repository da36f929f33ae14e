"""Partial widths of the bosons in the form that the event kernel needs: kind of vertex, mass, factor.

Gamma_f(q) = factor * shape(q, m):    scalar to f fbar      q beta^3
                                      pseudoscalar          q beta
                                      vector                q (1 + 2 m^2/q^2) beta
                                      photon pair           q^3
"""

import numpy as np

from toymc.kernels import lean_kernel

KIND_SCALAR, KIND_PSEUDOSCALAR, KIND_VECTOR, KIND_PHOTONS = 0.0, 1.0, 2.0, 3.0


@lean_kernel
def _partial_width(kind, m, factor, q):
    """Width at mass q, 0 below threshold."""
    if kind == 3.0:
        return factor * q * q * q
    r = m * m / (q * q)
    beta2 = 1.0 - 4.0 * r
    if beta2 <= 0.0:
        return 0.0
    beta = np.sqrt(beta2)
    if kind == 0.0:
        return factor * q * beta2 * beta
    if kind == 1.0:
        return factor * q * beta
    return factor * q * (1.0 + 2.0 * r) * beta
