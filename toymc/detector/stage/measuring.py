"""Measured helices of the tracks of a block: true ones plus U g, g five normal random numbers."""

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.smear import _drawn
from toymc.detector.muons.kernels import _klm_expected
from toymc.detector.stage.columns import (
    BODY,
    CHARGE,
    D0,
    ENTRY,
    KLM_EXPECTED,
    KLM_REGION,
    M_CHARGE,
    M_COS,
    M_D0,
    M_OMEGA,
    M_PHI0,
    M_PIXEL,
    M_PT,
    M_RADIATED,
    M_SIN,
    M_SPECIES,
    M_STRIP,
    M_TAN,
    M_WIRE,
    M_Z0,
    OMEGA,
    PHI0,
    PIXEL,
    RADIATED,
    SPECIES,
    STRIP,
    TAN,
    WIRE,
    Z0,
)
from toymc.kernels import lean_kernel
from toymc.lane_math import cos_sin_of
from toymc.lane_memory import loaded, stored, taken
from toymc.lane_random import _normals_of
from toymc.lanes import WIDTH, real, root, whole


@lean_kernel
def _measured_helices(draws, n, found, charged, factor, field, klm, reach, columns):
    """Draw the first n tracks of `found` (whole vectors), and say how far muons of their momentum would reach.

    `factor` is flat, 16 numbers an entry; `reach` too, `columns` numbers a row.
    """
    c, f = charged, found
    for i in range(0, n, WIDTH):
        (g0, g1), (g2, g3), (g4, _) = _normals_of(draws), _normals_of(draws), _normals_of(draws)
        entry, body = whole(loaded(f[ENTRY], i)), whole(loaded(f[BODY], i))
        d0, phi, omega, z0, tan_lambda = _drawn(
            taken(c[D0], entry), taken(c[PHI0], entry), taken(c[OMEGA], entry), taken(c[Z0], entry),
            taken(c[TAN], entry), g0, g1, g2, g3, g4, factor, 16 * entry,
        )  # fmt: skip
        cosine, sine = cos_sin_of(phi)
        stored(f[M_D0], i, d0)
        stored(f[M_PHI0], i, phi)
        stored(f[M_OMEGA], i, omega)
        stored(f[M_Z0], i, z0)
        stored(f[M_TAN], i, tan_lambda)
        stored(f[M_COS], i, cosine)
        stored(f[M_SIN], i, sine)
        pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
        region, last = _klm_expected(pt * root(1.0 + tan_lambda * tan_lambda), tan_lambda, klm, reach, columns)
        stored(f[M_PT], i, pt)
        stored(f[KLM_REGION], i, real(region))
        stored(f[KLM_EXPECTED], i, real(last))
        stored(f[M_PIXEL], i, taken(c[PIXEL], entry))
        stored(f[M_STRIP], i, taken(c[STRIP], entry))
        stored(f[M_WIRE], i, taken(c[WIRE], entry))
        stored(f[M_RADIATED], i, taken(c[RADIATED], entry))
        stored(f[M_SPECIES], i, taken(c[SPECIES], body))
        stored(f[M_CHARGE], i, taken(c[CHARGE], body))
