"""Electrons of a block lose photons in the tracker: what is fitted and what reaches the crystals changes."""

import math

from toymc.detector.calorimeter.electrons import _fit_shift, _radiate, _radiated_photons
from toymc.detector.stage.columns import (
    CURVATURE,
    D0,
    FIRST_PHOTON,
    N_PHOTONS,
    OMEGA,
    P_ENERGY,
    PHI0,
    PX,
    PY,
    PZ,
    RADIATED,
    RHO,
    TAN,
    TRUTH,
    X,
    Y,
    Z,
)
from toymc.kernels import lean_kernel

PHOTON_COLUMNS = 8
"""Of a radiated photon: those of `columns` from P_ENERGY to P_FRONT."""


@lean_kernel
def _radiation(
    rng, n_electrons, electrons, charged, integers, photons, photon_truth, n_photons, emitted, made,
    numbers, shells, fit, response_fit,
):  # fmt: skip
    """Let the entries in `electrons` radiate, append their photons; the number of photons of the block."""
    c = charged
    for m in range(n_electrons):
        i = electrons[m]
        px, py, pz = c[PX, i], c[PY, i], c[PZ, i]
        p = math.sqrt(px * px + py * py + pz * pz)
        n = _radiate(rng, p, c[TAN, i], c[RHO, i], numbers, shells, emitted)
        if n == 0:
            continue
        c[RADIATED, i] = p - emitted[n - 1, 2]
        shift = _fit_shift(p, c[TAN, i], c[OMEGA, i], emitted, n, fit, response_fit)
        state = _radiated_photons(c[X, i], c[Y, i], c[Z, i], px, py, pz, c[CURVATURE, i], emitted, n, made)
        c[X, i], c[Y, i], c[Z, i], c[PX, i], c[PY, i], c[PZ, i], c[CURVATURE, i] = state
        c[D0, i] += shift[0]
        c[PHI0, i] += shift[1]
        c[OMEGA, i] += shift[2]
        integers[FIRST_PHOTON, i], integers[N_PHOTONS, i] = n_photons, n
        for k in range(n):
            for column in range(PHOTON_COLUMNS):
                photons[P_ENERGY + column, n_photons] = made[k, column]
            photon_truth[n_photons] = integers[TRUTH, i]
            n_photons += 1
    return n_photons
