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
from toymc.lane_memory import loaded, stored
from toymc.lane_random import _uniform_of
from toymc.lanes import WIDTH, chosen, real, whole


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


@inlined_kernel
def _track_rows(draws, m, found, klm, cumulative, track_f, track_i, n):
    """Rows from n on of eight tracks from m on."""
    f = found
    region, expected = loaded(f[KLM_REGION], m), loaded(f[KLM_EXPECTED], m)
    last = _klm_last(
        _uniform_of(draws), whole(loaded(f[M_SPECIES], m)), loaded(f[M_CHARGE], m), whole(region), whole(expected),
        klm, cumulative,
    )  # fmt: skip
    omega, pt, tan_lambda = loaded(f[M_OMEGA], m), loaded(f[M_PT], m), loaded(f[M_TAN], m)
    stored(track_f[0], n, loaded(f[M_D0], m))
    stored(track_f[1], n, loaded(f[M_PHI0], m))
    stored(track_f[2], n, omega)
    stored(track_f[3], n, loaded(f[M_Z0], m))
    stored(track_f[4], n, tan_lambda)
    stored(track_f[5], n, pt * loaded(f[M_COS], m))
    stored(track_f[6], n, pt * loaded(f[M_SIN], m))
    stored(track_f[7], n, pt * tan_lambda)
    stored(track_f[8], n, loaded(f[M_RADIATED], m))
    stored(track_f[9], n, loaded(f[M_ENERGY], m))
    stored(track_i[0], n, chosen(omega > 0.0, 1.0, -1.0))
    stored(track_i[1], n, loaded(f[M_PIXEL], m))
    stored(track_i[2], n, loaded(f[M_STRIP], m))
    stored(track_i[3], n, loaded(f[M_WIRE], m))
    stored(track_i[4], n, loaded(f[M_TRUTH], m))
    stored(track_i[5], n, region)
    stored(track_i[6], n, expected)
    stored(track_i[7], n, real(last))
    stored(track_i[8], n, loaded(f[M_FATE], m))


@lean_kernel
def _track_columns(rng, draws, begin, end, found, finding, klm, cumulative, track_f, track_cov, track_i, n):
    """Rows from n on of the tracks begin..end-1 of `found`, whose covariance is there already; the number of rows.

    Vectors are written whole: there have to be seven rows more in the columns.
    """
    f, to = found, n - begin
    _turn_round(rng, begin, end, f, finding, track_cov, n)
    for m in range(begin, end, WIDTH):
        _track_rows(draws, m, f, klm, cumulative, track_f, track_i, to + m)
    return to + end


@inlined_kernel
def _write_tracks(rng, draws, begin, end, found, factor, finding, klm, cumulative, track_f, track_cov, track_i, n):
    """Rows from n on of the tracks begin..end-1 of `found`; the number of rows."""
    for m in range(begin, end):
        _unfold(factor[np.int64(found[ENTRY, m])], track_cov[n + m - begin])
    return _track_columns(rng, draws, begin, end, found, finding, klm, cumulative, track_f, track_cov, track_i, n)
