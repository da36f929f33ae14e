"""Electrons of a block lose photons in the tracker: what is fitted and what reaches the crystals changes."""

import math

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.calorimeter.electrons import _fit_shift, _radiate, _radiated_photons
from toymc.detector.finding.found import _level
from toymc.detector.stage.columns import (
    COS,
    CURVATURE,
    D0,
    FIRST_PHOTON,
    LEVEL,
    N_PHOTONS,
    OMEGA,
    P_ENERGY,
    PHI0,
    PT,
    PX,
    PY,
    PZ,
    RADIATED,
    RHO,
    SIN,
    TAN,
    TRUTH,
    X,
    Y,
    Z,
)
from toymc.kernels import inlined_kernel, lean_kernel

PHOTON_COLUMNS = 8
"""Of a radiated photon: those of `columns` from P_ENERGY to P_FRONT."""


@inlined_kernel
def _bent(charged, i, shift, field, efficiency, columns):
    """Shift the fitted helix of entry i; it is found as the softer track that it became."""
    c = charged
    c[D0, i] += shift[0]
    c[PHI0, i] += shift[1]
    c[OMEGA, i] += shift[2]
    c[COS, i], c[SIN, i] = math.cos(c[PHI0, i]), math.sin(c[PHI0, i])
    c[PT, i] = OMEGA_PER_TESLA_GEV_CM * field / abs(c[OMEGA, i])
    c[LEVEL, i] = _level(c[PT, i], c[TAN, i], efficiency, columns)


@lean_kernel
def _radiation(
    rng, n_electrons, electrons, charged, integers, photons, photon_truth, n_photons, emitted, made,
    field, numbers, shells, fit, response_fit, efficiency, columns,
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
        _bent(c, i, shift, field, efficiency, columns)
        integers[FIRST_PHOTON, i], integers[N_PHOTONS, i] = n_photons, n
        for k in range(n):
            for column in range(PHOTON_COLUMNS):
                photons[P_ENERGY + column, n_photons] = made[k, column]
            photon_truth[n_photons] = integers[TRUTH, i]
            n_photons += 1
    return n_photons
