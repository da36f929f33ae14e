"""Fake tracks of an event and second tracks of curling particles, where the options are on."""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.smear import _smear_full
from toymc.detector.finding.spurious import _cloned, _fakes
from toymc.detector.muons.kernels import _klm_expected
from toymc.detector.stage.columns import (
    CHARGE,
    D0,
    OMEGA,
    PHI0,
    PIXEL,
    PX,
    PY,
    SPECIES,
    STRIP,
    TAN,
    VX,
    VY,
    VZ,
    WIRE,
    Z0,
)
from toymc.detector.stage.writing import _put_track
from toymc.events import FATE_NONE
from toymc.kernels import inlined_kernel, lean_kernel


@inlined_kernel
def _write_smeared(
    rng, d0, phi0, omega, z0, tan_lambda, factor, pixel, strip, wire, row, fate, species, charge, vx, vy, vz,
    field, finding, klm, reach, columns, cumulative, track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """Row n: a helix with the factor of its covariance, measured; it has no energy. The number of rows."""
    d0, phi0, omega, z0, tan_lambda = _smear_full(rng, d0, phi0, omega, z0, tan_lambda, factor, track_cov[n])
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
    region, expected = _klm_expected(pt * math.sqrt(1.0 + tan_lambda**2), tan_lambda, klm, reach, columns)
    return _put_track(
        rng, d0, phi0, omega, z0, tan_lambda, math.cos(phi0), math.sin(phi0), pt, pixel, strip, wire, row, fate,
        species, charge, 0.0, 0.0, vx, vy, vz, region, expected, finding, klm, cumulative,
        track_f, track_cov, track_i, impact, n,
    )  # fmt: skip


@lean_kernel
def _write_clone(
    rng, i, row, fate, charged, factor, field, spurious, finding, klm, reach, columns, cumulative,
    track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """The returning arm of entry i as a track of its own, if it is found as one; the number of rows."""
    c = charged
    if not _cloned(rng, math.sqrt(c[PX, i] * c[PX, i] + c[PY, i] * c[PY, i]), spurious):
        return n
    return _write_smeared(
        rng, -c[D0, i], c[PHI0, i] + math.pi, -c[OMEGA, i], c[Z0, i], -c[TAN, i], factor[i],
        np.int32(c[PIXEL, i]), np.int32(c[STRIP, i]), np.int32(c[WIRE, i]), row, fate, np.int64(c[SPECIES, i]),
        c[CHARGE, i], c[VX, i], c[VY, i], c[VZ, i], field, finding, klm, reach, columns, cumulative,
        track_f, track_cov, track_i, impact, n,
    )  # fmt: skip


@lean_kernel
def _write_fakes(
    rng, first, field, spurious, fake_helix, fake_sigma, fake_hits, fake_factor, finding, klm, reach, columns,
    cumulative, track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """Fake tracks of an event whose tracks are the rows first..n-1; the number of rows."""
    count = _fakes(rng, n - first, spurious, fake_helix, fake_sigma, fake_hits)
    for m in range(min(count, track_f.shape[1] - n)):
        for a in range(15):
            fake_factor[a] = 0.0
        for a, place in enumerate((0, 5, 9, 12, 14)):
            fake_factor[place] = fake_sigma[m, a]
        h = fake_helix[m]
        n = _write_smeared(
            rng, h[0], h[1], h[2], h[3], h[4], fake_factor, np.int32(0), np.int32(0), fake_hits[m], np.int64(-1),
            np.int32(FATE_NONE), np.int64(-1), 1.0, 0.0, 0.0, 0.0, field, finding, klm, reach, columns, cumulative,
            track_f, track_cov, track_i, impact, n,
        )  # fmt: skip
    return n
