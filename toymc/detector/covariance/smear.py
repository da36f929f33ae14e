"""Measured helices: drawn from the full covariance."""

import math

import numpy as np
import numpy.typing as npt

from toymc.detector.covariance.exact import WORK_SHAPE, _particles, _unfold
from toymc.detector.covariance.header import CONSTANTS
from toymc.detector.covariance.lookup import _track_covariance
from toymc.detector.covariance.table import CovarianceTables
from toymc.detector.helix import _to_helix, _wrap
from toymc.kernels import inlined_kernel, kernel, lean_kernel
from toymc.lanes import chosen, taken

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

_STRAIGHT = 1e-9
"""Smallest |omega| (1/cm): a straighter track could not be measured, and its momentum stays finite."""


@inlined_kernel
def _drawn(d0, phi0, omega, z0, tan_lambda, a, b, c, d, e, factor, at):
    """The measured helix, true + U g with five normal random numbers g; U begins at `at` of the flat `factor`.

    One helix or eight (see `toymc.lanes`).
    """
    d0 = (
        d0 + taken(factor, at) * a + taken(factor, at + 1) * b + taken(factor, at + 2) * c + taken(factor, at + 3) * d
        + taken(factor, at + 4) * e
    )  # fmt: skip
    phi0 = _wrap(
        phi0 + taken(factor, at + 5) * b + taken(factor, at + 6) * c + taken(factor, at + 7) * d
        + taken(factor, at + 8) * e
    )  # fmt: skip
    omega = omega + taken(factor, at + 9) * c + taken(factor, at + 10) * d + taken(factor, at + 11) * e
    z0 = z0 + taken(factor, at + 12) * d + taken(factor, at + 13) * e
    tan_lambda = tan_lambda + taken(factor, at + 14) * e
    straight = chosen(omega < 0.0, -_STRAIGHT, _STRAIGHT)
    return d0, phi0, chosen(abs(omega) < _STRAIGHT, straight, omega), z0, tan_lambda


@lean_kernel
def _smear_full(rng, d0, phi0, omega, z0, tan_lambda, factor, cov):
    """Draw one measured helix; `cov` (15) receives U U^T."""
    a, b, c = rng.standard_normal(), rng.standard_normal(), rng.standard_normal()
    d, e = rng.standard_normal(), rng.standard_normal()
    _unfold(factor, cov)
    return _drawn(d0, phi0, omega, z0, tan_lambda, a, b, c, d, e, factor, np.int64(0))


@kernel
def _smear_rows(rng, state, charge, mass, end_arc, field, reals, places, values, surfaces, work, helix, cov, hits):
    """Measured helix, covariance and hits of every row; a row that allows no fit keeps its true helix, cov NaN."""
    factor = np.zeros(15)
    for i in range(len(charge)):
        s = state[i]
        d0, phi0, omega, z0, tan_lambda = _to_helix(s[0], s[1], s[2], s[3], s[4], s[5], charge[i], field)
        found = _track_covariance(
            s[0], s[1], s[2], s[3], s[4], s[5], charge[i], mass[i], end_arc[i], d0, phi0, omega, z0, tan_lambda,
            reals, places, values, surfaces, work, factor,
        )  # fmt: skip
        hits[i, 0], hits[i, 1], hits[i, 2] = found[0], found[1], found[2]
        if found[0] < 0:
            cov[i] = np.nan
        else:
            d0, phi0, omega, z0, tan_lambda = _smear_full(rng, d0, phi0, omega, z0, tan_lambda, factor, cov[i])
        helix[i, 0], helix[i, 1], helix[i, 2], helix[i, 3], helix[i, 4] = d0, phi0, omega, z0, tan_lambda


def smear_tracks(
    tables: CovarianceTables,
    state: npt.ArrayLike,
    charge: npt.ArrayLike,
    mass: npt.ArrayLike,
    rng: np.random.Generator,
    end_arc: npt.ArrayLike = math.inf,
) -> tuple[FloatArray, FloatArray, Int64Array]:
    """Measured helices of charged particles, as the simulation draws them.

    Parameters
    ----------
    tables : CovarianceTables
        From `covariance_tables`.
    state : float64 (n, 6)
        x, y, z in cm and px, py, pz in GeV at production, lab frame; pT above 0.
    charge, mass : float64 (n,) or float
        Charge in units of e, not 0; mass in GeV.
    rng : numpy.random.Generator
    end_arc : float64 (n,) or float
        Transverse path in cm after which the particle is gone.

    Returns
    -------
    helix : float64 (n, 5)
        Drawn (d0, phi0, omega, z0, tan lambda) in cm, rad, 1/cm; the true ones where no fit is possible.
    cov : float64 (n, 15)
        Upper triangle of the covariance, NaN where no fit is possible.
    hits : int64 (n, 3)
        Pixel, strip and wire layers; -1 pixel layers where no fit is possible.

    Raises
    ------
    InputError
        For a charge of 0 or shapes that do not fit.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> from toymc.detector.covariance.table import covariance_tables
    >>> tables = covariance_tables(load_card("belle2_run2"))
    >>> smear_tracks(tables, [[0, 0, 0, 1.0, 0, 0]], 1.0, 0.13957, stream(1, "doc", "test", 0))[2].tolist()
    [[2, 4, 56]]
    """
    rows, q, m, end = _particles(state, charge, mass, end_arc)
    n = len(rows)
    helix, cov, hits = np.empty((n, 5)), np.empty((n, 15)), np.empty((n, 3), dtype=np.int64)
    field = float(tables.reals[CONSTANTS])
    _smear_rows(rng, rows, q, m, end, field, *tables, np.zeros(WORK_SHAPE), helix, cov, hits)
    return helix, cov, hits
