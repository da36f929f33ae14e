"""The covariance of particles, calculated surface by surface."""

import math

import numpy as np
import numpy.typing as npt

from toymc.detector.covariance.many import _exact_columns, particle_columns
from toymc.detector.covariance.surfaces import Constants, surface_table, tracker_constants
from toymc.errors import InputError
from toymc.geometry import DetectorCard
from toymc.kernels import inlined_kernel, kernel

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@inlined_kernel
def _unfold(factor, cov):
    """cov (15) = U U^T."""
    u = factor
    cov[0] = u[0] * u[0] + u[1] * u[1] + u[2] * u[2] + u[3] * u[3] + u[4] * u[4]
    cov[1] = u[1] * u[5] + u[2] * u[6] + u[3] * u[7] + u[4] * u[8]
    cov[2] = u[2] * u[9] + u[3] * u[10] + u[4] * u[11]
    cov[3] = u[3] * u[12] + u[4] * u[13]
    cov[4] = u[4] * u[14]
    cov[5] = u[5] * u[5] + u[6] * u[6] + u[7] * u[7] + u[8] * u[8]
    cov[6] = u[6] * u[9] + u[7] * u[10] + u[8] * u[11]
    cov[7] = u[7] * u[12] + u[8] * u[13]
    cov[8] = u[8] * u[14]
    cov[9] = u[9] * u[9] + u[10] * u[10] + u[11] * u[11]
    cov[10] = u[10] * u[12] + u[11] * u[13]
    cov[11] = u[11] * u[14]
    cov[12] = u[12] * u[12] + u[13] * u[13]
    cov[13] = u[13] * u[14]
    cov[14] = u[14] * u[14]


@kernel
def _unfold_rows(factor, hits, cov):
    """Covariances from factors, NaN where no fit is possible."""
    for i in range(len(hits)):
        if hits[i, 0] >= 0:
            _unfold(factor[i], cov[i])
        else:
            cov[i] = np.nan


def tracker(card: DetectorCard, ideal: bool = False) -> tuple[FloatArray, Constants]:
    """Surfaces and scalars of a card, as the exact calculation takes them."""
    return surface_table(card, ideal), tracker_constants(card, ideal)


def _particles(
    state: npt.ArrayLike, charge: npt.ArrayLike, mass: npt.ArrayLike, end_arc: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Checked columns of the public functions."""
    rows = np.ascontiguousarray(state, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != 6:
        raise InputError(f"state has shape {rows.shape}: give (n, 6), position in cm and momentum in GeV")
    n = len(rows)
    try:
        columns = [np.broadcast_to(np.asarray(a, dtype=np.float64), (n,)) for a in (charge, mass, end_arc)]
    except ValueError:
        raise InputError(
            f"charge, mass and end_arc do not fit {n} rows of state: give one number or one per row"
        ) from None
    q, m, end = (np.ascontiguousarray(column) for column in columns)
    if np.any(q == 0.0):
        raise InputError(f"charge of row {int(np.argmax(q == 0.0))} is 0: neutral particles have no track")
    return rows, q, m, end


def exact_covariance(
    card: DetectorCard | tuple[FloatArray, Constants],
    state: npt.ArrayLike,
    charge: npt.ArrayLike,
    mass: npt.ArrayLike,
    ideal: bool = False,
    end_arc: npt.ArrayLike = math.inf,
) -> tuple[FloatArray, Int64Array]:
    """Covariance of the helix parameters of particles made anywhere, surface by surface.

    Parameters
    ----------
    card : DetectorCard or (surfaces, constants)
        From `load_card`, or what `tracker` makes of it.
    state : float64 (n, 6)
        x, y, z in cm and px, py, pz in GeV at production, lab frame.
    charge, mass : float64 (n,) or float
        Charge in units of e, not 0; mass in GeV.
    ideal : bool
        Ideal resolutions, no inefficiency, no energy loss, no tuning (only with a card).
    end_arc : float64 (n,) or float
        Transverse path in cm after which the particle is gone.

    Returns
    -------
    cov : float64 (n, 15)
        Upper triangle, row by row, of the covariance of (d0, phi0, omega, z0, tan lambda) at the point of closest
        approach to the z axis of the helix through the production point; cm, rad, 1/cm. NaN where no fit is possible.
    hits : int64 (n, 3)
        Pixel, strip and wire layers that measure; -1 pixel layers where no fit is possible.

    Raises
    ------
    InputError
        For a charge of 0 or shapes that do not fit.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> cov, hits = exact_covariance(load_card("belle2_run2"), [[0, 0, 0, 1.0, 0, 0]], 1.0, 0.13957, ideal=True)
    >>> round(1e4 * float(cov[0, 0]) ** 0.5), hits[0].tolist()
    (20, [2, 4, 56])
    """
    rows, q, m, end = _particles(state, charge, mass, end_arc)
    n = len(rows)
    surfaces, constants = tracker(card, ideal) if isinstance(card, DetectorCard) else card
    factor, cov, hits = np.empty((n, 15)), np.empty((n, 15)), np.empty((n, 3), dtype=np.int64)
    _exact_columns(n, particle_columns(rows, q, m, end), surfaces, constants, factor, hits)
    _unfold_rows(factor, hits, cov)
    return cov, hits
