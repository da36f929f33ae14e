"""Rows of tracks, a block of them at once, column by column."""

import numpy as np

from toymc.detector.covariance.exact import _unfold
from toymc.detector.finding.found import _flipped, _reversed
from toymc.detector.muons.kernels import _klm_last
from toymc.detector.stage.columns import (
    ENTRY,
    KLM_EXPECTED,
    KLM_REGION,
    M_CHARGE,
    M_COS,
    M_D0,
    M_ENERGY,
    M_FATE,
    M_OMEGA,
    M_PHI0,
    M_PIXEL,
    M_PT,
    M_RADIATED,
    M_SIN,
    M_SPECIES,
    M_STRIP,
    M_TAN,
    M_TRUTH,
    M_WIRE,
    M_Z0,
)
from toymc.kernels import inlined_kernel, lean_kernel


@inlined_kernel
def _mirror(cov):
    """Covariance of the reversed helix: d0, omega and tan lambda change sign."""
    # upper triangle: d0 (d0, phi, om, z0, tl), phi (phi, om, z0, tl), om (om, z0, tl), z0 (z0, tl), tl
    cov[1] = -cov[1]
    cov[3] = -cov[3]
    cov[6] = -cov[6]
    cov[8] = -cov[8]
    cov[10] = -cov[10]
    cov[13] = -cov[13]


@inlined_kernel
def _turn_round(rng, begin, end, found, finding, track_cov, n):
    """Reverse those of the tracks begin..end-1 whose hits are followed the wrong way; their rows begin at n."""
    f = found
    for m in range(begin, end):
        if _flipped(rng, f[M_PT, m], finding):
            f[M_D0, m], f[M_PHI0, m], f[M_OMEGA, m], f[M_Z0, m], f[M_TAN, m] = _reversed(
                f[M_D0, m], f[M_PHI0, m], f[M_OMEGA, m], f[M_Z0, m], f[M_TAN, m]
            )
            f[M_COS, m], f[M_SIN, m] = -f[M_COS, m], -f[M_SIN, m]
            _mirror(track_cov[n + m - begin])


@lean_kernel
def _track_columns(rng, begin, end, found, finding, klm, cumulative, track_f, track_cov, track_i, n):
    """Rows from n on of the tracks begin..end-1 of `found`, whose covariance is there already; the number of rows."""
    f, to = found, n - begin
    _turn_round(rng, begin, end, f, finding, track_cov, n)
    for k in range(5):  # d0, phi0, omega, z0, tan lambda
        for m in range(begin, end):
            track_f[k, to + m] = f[M_D0 + k, m]
    for m in range(begin, end):
        track_f[5, to + m] = f[M_PT, m] * f[M_COS, m]
        track_f[6, to + m] = f[M_PT, m] * f[M_SIN, m]
        track_f[7, to + m] = f[M_PT, m] * f[M_TAN, m]
    for m in range(begin, end):
        track_f[8, to + m] = f[M_RADIATED, m]
        track_f[9, to + m] = f[M_ENERGY, m]
    for m in range(begin, end):
        track_i[0, to + m] = 1 if f[M_OMEGA, m] > 0.0 else -1
        track_i[1, to + m] = np.int32(f[M_PIXEL, m])
        track_i[2, to + m] = np.int32(f[M_STRIP, m])
        track_i[3, to + m] = np.int32(f[M_WIRE, m])
    for m in range(begin, end):
        track_i[4, to + m] = np.int32(f[M_TRUTH, m])
        track_i[5, to + m] = np.int32(f[KLM_REGION, m])
        track_i[6, to + m] = np.int32(f[KLM_EXPECTED, m])
        track_i[8, to + m] = np.int32(f[M_FATE, m])
    for m in range(begin, end):
        track_i[7, to + m] = _klm_last(
            rng, np.int64(f[M_SPECIES, m]), f[M_CHARGE, m], np.int64(f[KLM_REGION, m]), np.int64(f[KLM_EXPECTED, m]),
            klm, cumulative,
        )  # fmt: skip
    return to + end


@inlined_kernel
def _write_tracks(rng, begin, end, found, factor, finding, klm, cumulative, track_f, track_cov, track_i, n):
    """Rows from n on of the tracks begin..end-1 of `found`; the number of rows."""
    for m in range(begin, end):
        _unfold(factor[np.int64(found[ENTRY, m])], track_cov[n + m - begin])
    return _track_columns(rng, begin, end, found, finding, klm, cumulative, track_f, track_cov, track_i, n)
