"""Fake tracks of an event and second tracks of curling particles, where the options are on."""

import math

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.smear import _smear_full
from toymc.detector.finding.spurious import _cloned, _fakes
from toymc.detector.muons.kernels import _klm_expected
from toymc.detector.stage.columns import (
    AT,
    CHARGE,
    CODE,
    D0,
    KIND,
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
    OMEGA,
    PHI0,
    PIXEL,
    PX,
    PY,
    ROW,
    SINGLE,
    SPECIES,
    STRIP,
    TAN,
    TRUTH,
    WIRE,
    Z0,
)
from toymc.detector.stage.tracks import _track_columns
from toymc.events import FATE_NONE
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lanes import WIDTH

MAX_FAKES = 8
"""Fake tracks of an event, at most."""


@inlined_kernel
def _write_smeared(
    rng, draws, d0, phi0, omega, z0, tan_lambda, factor, pixel, strip, wire, row, fate, species, charge,
    field, finding, klm, reach, columns, cumulative, found, at, track_f, track_cov, track_i, n,
):  # fmt: skip
    """Row n: a helix with the factor of its covariance, measured; it has no energy. The number of rows.

    The entry `at` of `found` is free for it.
    """
    f = found
    d0, phi0, omega, z0, tan_lambda = _smear_full(rng, d0, phi0, omega, z0, tan_lambda, factor, track_cov[n])
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
    f[M_D0, at], f[M_PHI0, at], f[M_OMEGA, at], f[M_Z0, at], f[M_TAN, at] = d0, phi0, omega, z0, tan_lambda
    f[M_COS, at], f[M_SIN, at], f[M_PT, at] = math.cos(phi0), math.sin(phi0), pt
    f[KLM_REGION, at], f[KLM_EXPECTED, at] = _klm_expected(
        pt * math.sqrt(1.0 + tan_lambda**2), tan_lambda, klm, reach, columns
    )
    f[M_PIXEL, at], f[M_STRIP, at], f[M_WIRE, at] = pixel, strip, wire
    f[M_TRUTH, at], f[M_FATE, at], f[M_SPECIES, at], f[M_CHARGE, at] = row, fate, species, charge
    f[M_RADIATED, at], f[M_ENERGY, at] = 0.0, 0.0
    return _track_columns(rng, draws, at, at + 1, f, finding, klm, cumulative, track_f, track_cov, track_i, n)


@lean_kernel
def _write_clones(
    rng, draws, begin, end, lines, fate, charged, integers, factor, field, spurious, finding, klm, reach, columns,
    cumulative, found, at, track_f, track_cov, track_i, n,
):  # fmt: skip
    """Returning arms of the particles of the lines begin..end-1 that are found a second time; the number of rows."""
    c = charged
    for line in range(begin, end):
        i = lines[line, AT]
        if lines[line, KIND] != SINGLE or lines[line, CODE] != 1:
            continue
        if not _cloned(rng, math.sqrt(c[PX, i] * c[PX, i] + c[PY, i] * c[PY, i]), spurious):
            continue
        n = _write_smeared(
            rng, draws, -c[D0, i], c[PHI0, i] + math.pi, -c[OMEGA, i], c[Z0, i], -c[TAN, i], factor[i],
            c[PIXEL, i], c[STRIP, i], c[WIRE, i], float(integers[TRUTH, i]), float(fate[integers[ROW, i]]),
            c[SPECIES, i], c[CHARGE, i], field, finding, klm, reach, columns, cumulative,
            found, at, track_f, track_cov, track_i, n,
        )  # fmt: skip
    return n


@lean_kernel
def _write_fakes(
    rng, draws, first, field, spurious, fake_helix, fake_sigma, fake_hits, fake_factor, finding, klm, reach, columns,
    cumulative, found, at, track_f, track_cov, track_i, n,
):  # fmt: skip
    """Fake tracks of an event whose tracks are the rows first..n-1; the number of rows."""
    count = _fakes(rng, n - first, spurious, fake_helix, fake_sigma, fake_hits)
    for m in range(min(count, track_f.shape[1] - WIDTH - n)):
        for a in range(15):
            fake_factor[a] = 0.0
        for a, place in enumerate((0, 5, 9, 12, 14)):
            fake_factor[place] = fake_sigma[m, a]
        h = fake_helix[m]
        n = _write_smeared(
            rng, draws, h[0], h[1], h[2], h[3], h[4], fake_factor, 0.0, 0.0, float(fake_hits[m]), -1.0,
            float(FATE_NONE), -1.0, 1.0, field, finding, klm, reach, columns, cumulative,
            found, at, track_f, track_cov, track_i, n,
        )  # fmt: skip
    return n
