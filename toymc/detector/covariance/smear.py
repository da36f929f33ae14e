"""Measured helices: drawn from the full covariance."""

import math

import numpy as np
import numpy.typing as npt

from toymc.detector.covariance.exact import _particles, _unfold
from toymc.detector.covariance.header import CONSTANTS
from toymc.detector.covariance.lookup import _interpolated, _place, _rows, _silicon
from toymc.detector.covariance.many import _exact_columns, particle_columns
from toymc.detector.covariance.surfaces import Constants
from toymc.detector.covariance.table import CovarianceTables
from toymc.detector.helix import _to_helix, _wrap
from toymc.kernels import inlined_kernel, kernel, lean_kernel
from toymc.lane_memory import taken
from toymc.lanes import chosen

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
def _from_table(states, field, reals, places, values, helix, factor, hits, left):
    """Helices of all particles; factors (flat, 16 numbers each) and hits of those that the table has; numbers of the
    others in `left`."""
    count = 0
    for i in range(len(hits)):
        x, y, z, px, py, pz = states[0, i], states[1, i], states[2, i], states[3, i], states[4, i], states[5, i]
        d0, phi0, omega, z0, tan_lambda = _to_helix(x, y, z, px, py, pz, states[6, i], field)
        helix[i, 0], helix[i, 1], helix[i, 2], helix[i, 3], helix[i, 4] = d0, phi0, omega, z0, tan_lambda
        here, base, f, g, bits = _place(
            x * x + y * y, 0.5 * math.log(px * px + py * py), states[7, i], states[8, i],
            d0, phi0, omega, z0, tan_lambda, reals, places,
        )  # fmt: skip
        wires = np.int64(-1)
        a, b = _rows(here, base, places) if here >= 0 else (here, here)
        if a >= 0:
            wires = _interpolated(a, b, f, g, values, factor, 16 * i)
        if wires < 0:
            left[count] = i
            count += 1
        else:
            hits[i, 0], hits[i, 1] = _silicon(bits, places)
            hits[i, 2] = wires
    return count


@kernel
def _smear_rows(rng, helix, factor, hits, cov):
    """Draw the measured helices; a row that allows no fit keeps its true helix, cov NaN."""
    for i in range(len(hits)):
        if hits[i, 0] < 0:
            cov[i] = np.nan
        else:
            h = helix[i]
            h[0], h[1], h[2], h[3], h[4] = _smear_full(rng, h[0], h[1], h[2], h[3], h[4], factor[i], cov[i])


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
    states = particle_columns(rows, q, m, end)
    helix, factor, cov, hits = np.empty((n, 5)), np.empty((n, 16)), np.empty((n, 15)), np.empty((n, 3), dtype=np.int64)
    left = np.empty(n, dtype=np.int64)
    reals, places, values, surfaces = tables
    flat = factor.reshape(-1)
    left = left[: _from_table(states, float(reals[CONSTANTS]), reals, places, values, helix, flat, hits, left)]
    # the others are calculated
    exact, exact_hits = np.empty((len(left), 15)), np.empty((len(left), 3), dtype=np.int64)
    others = particle_columns(rows[left], q[left], m[left], end[left])
    constants = Constants(*reals[CONSTANTS : CONSTANTS + len(Constants._fields)].tolist())
    _exact_columns(len(left), others, surfaces, constants, exact, exact_hits)
    factor[left, :15], hits[left] = exact, exact_hits
    _smear_rows(rng, helix, factor, hits, cov)
    return helix, cov, hits
