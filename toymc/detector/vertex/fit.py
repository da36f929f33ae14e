"""Vertex fits of two or more helices: the functions for analyses.

The minimum of chi2 over the vertex and the momenta of the tracks there, with the full covariance of each helix; a
linear solution repeated to convergence from the better crossing of the circles (`solve.py`, `start.py`), with optional
constraints (`constraints.py`). Uniform field along z, no material between the perigee and the vertex: what the helices
say about the track there is taken as it is.

Limits. Errors are Gaussian where the tracks open by more than about 20 times the error of the angle between them: pulls
have width 1.00 to 1.01 there, along the flight 1.04 to 1.07 for 10 to 20 times, 1.2 to 1.3 for 6 to 10 times, 1.4 to
1.6 below, where the likelihood has two minima or a flat one; across the flight the width stays 1 (measured on decays
with known covariance). Parallel tracks need the constraint `parallel_within`, with which the width is 1.01 again. Two
crossings of the circles that agree in z are told apart by the flight from the production point or by hits (`radii`);
without either a few in 1000 pairs of a K_S end at the wrong one, a few in 100 where the tracks are nearly parallel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2 as chi2_distribution

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.vertex.constraints import CON, MASS, MAX_ROWS, PARALLEL_TRACKS, POINTING
from toymc.detector.vertex.derive import VALUES, _derive, _full_covariance
from toymc.detector.vertex.normal import AT_PRODUCTION, NOT_CONVERGED, PARALLEL, POINT, FitOptions
from toymc.detector.vertex.solve import _fit_one
from toymc.detector.vertex.track import WORK
from toymc.detector.vertex.tree import TREE, _to_point, _tree
from toymc.errors import InputError
from toymc.events import Reconstruction
from toymc.geometry import DetectorCard
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]

STATUS_TEXT = (
    "fitted",
    "not converged",
    "tracks parallel or vertex undetermined",
    "covariance of a track not positive",
    "helix not finite or without curvature",
)


@lean_kernel
def _store(out, mass_values, momenta, c, position, position_cov, momentum, flight, scalars):
    """Spread `out` over the columns of candidate c; False, and zeros, where a number is not finite or a variance is
    negative (all digits of it lost: constraints that the tracks are thousands of errors away from).
    """
    total = 0.0
    for m in range(VALUES):
        total += abs(out[m])
    for m in range(mass_values.shape[1]):
        total += abs(mass_values[c, m])
    good = total < np.inf and min(out[3], out[6], out[8]) >= 0.0
    if not good:
        for m in range(VALUES):
            out[m] = 0.0
        for m in range(mass_values.shape[1]):
            mass_values[c, m] = 0.0
        for i in range(momenta.shape[1]):
            momenta[c, i, 0], momenta[c, i, 1], momenta[c, i, 2] = 0.0, 0.0, 0.0
    for m in range(3):
        position[c, m], momentum[c, m], flight[c, m] = out[m], out[10 + m], out[13 + m]
    for m in range(6):
        position_cov[c, m] = out[3 + m]
    scalars[0, c] = out[9]
    for m in range(5):
        scalars[1 + m, c] = out[16 + m]
    return good


@kernel
def _fit_rows(
    helices, covs, production, spread, weight, masses, sets, options, radii, status, iterations, mass_values, momenta,
    position, position_cov, momentum, flight, scalars, full,
):  # fmt: skip
    """Fit all candidates. Arrays of production points and masses with one entry (one group of sets) serve them all."""
    n, k = helices.shape[0], helices.shape[1]
    work, tree = np.zeros((k, WORK)), np.zeros((k, TREE))
    con, point, grad, out = np.zeros((MAX_ROWS, CON + 6 * k)), np.zeros(POINT), np.zeros(3 + 3 * k), np.zeros(VALUES)
    rows = 0
    if options.flags & POINTING:
        rows += 2
    if options.flags & MASS:
        rows += 1
    if options.flags & PARALLEL_TRACKS:
        rows += 2
    for c in range(n):
        f = c if len(production) > 1 else 0
        s = sets * c if len(masses) > sets else 0
        code, count = _fit_one(
            work, tree, con, point, k, helices, covs, c, production, spread, weight, f, masses, s, options, radii
        )
        iterations[c] = count
        if code <= NOT_CONVERGED:
            _to_point(work, point, k)
            _tree(work, tree, k, covs, c, options.momentum_unit, False)
            _derive(
                out, mass_values, momenta, grad, tree, con, point, k, rows, c, production, spread, f, masses, sets, s
            )
            if _store(out, mass_values, momenta, c, position, position_cov, momentum, flight, scalars):
                if len(full) > 0:
                    _full_covariance(full, tree, con, point, k, rows, c)
            else:
                code = PARALLEL
        status[c] = code


@dataclass(frozen=True)
class VertexFit:
    """Fitted vertices of n candidates of k tracks each. GeV, cm, ns, rad; lab frame.

    Every candidate keeps its row. Where `status` is above 1 there is no vertex and all numbers are 0; where it is 1
    they are those of the last iteration.

    Attributes
    ----------
    status : int32 (n,)
        0 fitted, 1 not converged, 2 parallel or undetermined, 3 covariance not positive, 4 helix not finite.
    iterations : int32 (n,)
    position : float64 (n, 3)
    position_cov : float64 (n, 6)
        xx, xy, xz, yy, yz, zz.
    chi2 : float64 (n,)
    ndf : int
        2k - 3, one more for a mass, two for pointing or parallel tracks, three for a vertex at the production point.
    momenta : float64 (n, k, 3)
        Refitted, at the vertex.
    momentum : float64 (n, 3)
        Their sum.
    mass, mass_error : float64 (n,)
        Invariant mass for the given masses of the tracks.
    flight : float64 (n, 3)
        Vertex minus production point (as the pointing constraint has moved it).
    decay_length, decay_length_error : float64 (n,)
        Flight along the momentum, signed; the error contains that of the production point.
    decay_time, decay_time_error : float64 (n,)
        Proper time, mass times length over momentum and the speed of light, signed.
    pointing_angle : float64 (n,)
        Between flight and momentum.
    covariance : float64 (n, 3 + 3k, 3 + 3k) or None
        Of (x, y, z, p_1, .., p_k), if it was asked for.
    """

    status: Int32Array
    iterations: Int32Array
    position: FloatArray
    position_cov: FloatArray
    chi2: FloatArray
    ndf: int
    momenta: FloatArray
    momentum: FloatArray
    mass: FloatArray
    mass_error: FloatArray
    flight: FloatArray
    decay_length: FloatArray
    decay_length_error: FloatArray
    decay_time: FloatArray
    decay_time_error: FloatArray
    pointing_angle: FloatArray
    covariance: FloatArray | None = None

    @property
    def probability(self) -> FloatArray:
        """Probability of a larger chi2, shape (n,); 0 where there is no vertex."""
        values: FloatArray = np.where(self.status > NOT_CONVERGED, 0.0, chi2_distribution.sf(self.chi2, self.ndf))
        return values

    @property
    def significance(self) -> FloatArray:
        """Decay length over its error, shape (n,); 0 where there is no vertex."""
        error = self.decay_length_error
        values: FloatArray = np.divide(self.decay_length, error, out=np.zeros_like(error), where=error > 0.0)
        return values


@dataclass(frozen=True)
class Origin:
    """Where the mother of a vertex was made: a point, or one for each candidate, with its covariance.

    Attributes
    ----------
    position : float64 (3,) or (n, 3)
        cm.
    cov : float64 (6,) or (n, 6)
        xx, xy, xz, yy, yz, zz in cm^2.
    """

    position: FloatArray
    cov: FloatArray


def beam_spot(card: DetectorCard) -> Origin:
    """Centre and spread of the luminous region of a detector's machine.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> beam_spot(load_card("belle2")).position.tolist()
    [0.0, 0.0, 0.0]
    """
    region = card.beam.luminous_region
    centre = [region.centre_x_cm.value, region.centre_y_cm.value, region.centre_z_cm.value]
    cov = np.zeros(6)
    cov[[0, 3, 5]] = [region.sigma_x_cm.value**2, region.sigma_y_cm.value**2, region.sigma_z_cm.value**2]
    return Origin(np.array(centre), cov)


def _shared(values: npt.ArrayLike, width: int, n: int, name: str) -> FloatArray:
    """One row for all candidates or one for each, as (1, width) or (n, width)."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    array = array[None] if array.ndim == 1 else array
    if array.shape not in ((1, width), (n, width)):
        raise InputError(f"{name} has shape {array.shape}: give ({width},) or ({n}, {width})")
    if not np.all(np.isfinite(array)):
        raise InputError(f"{name} has entries that are not finite: give numbers")
    return array


def _weights(cov: FloatArray, needed: bool) -> FloatArray:
    """Inverse of covariances (m, 6) in the same layout; zeros where the fit does not use them."""
    if not needed:
        return np.zeros_like(cov)
    square = cov[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    if np.any(np.linalg.eigvalsh(square)[:, 0] <= 0.0):
        raise InputError("a vertex at the origin needs a positive covariance of it: give its spread in all directions")
    inverse = np.asarray(np.linalg.inv(square), dtype=np.float64)
    return np.ascontiguousarray(inverse.reshape(-1, 9)[:, [0, 1, 2, 4, 5, 8]])


def _flags(at_origin: bool, pointing: bool, mass: float | None, opening: float | None, k: int) -> int:
    if opening is not None and (k != 2 or not opening > 0.0):
        raise InputError(f"parallel_within {opening} for {k} tracks: give two tracks and a momentum above 0 GeV")
    if mass is not None and not 0.0 < mass < np.inf:
        raise InputError(f"mass constraint {mass}: give a mass above 0 GeV (for photons use parallel_within)")
    if pointing and at_origin:
        raise InputError("at_origin and pointing exclude each other: a vertex at the origin has no flight")
    return (
        AT_PRODUCTION * at_origin
        + POINTING * pointing
        + MASS * (mass is not None)
        + PARALLEL_TRACKS * (opening is not None)
    )


def _check_tracks(helices: FloatArray, covs: FloatArray) -> tuple[FloatArray, FloatArray]:
    helices = np.ascontiguousarray(helices, dtype=np.float64)
    covs = np.ascontiguousarray(covs, dtype=np.float64)
    if helices.ndim != 3 or helices.shape[1] < 2 or helices.shape[2] != 5:
        raise InputError(f"helices have shape {helices.shape}: give (candidates, two or more tracks, 5)")
    if covs.shape != (*helices.shape[:2], 15):
        raise InputError(f"covs have shape {covs.shape}: give {(*helices.shape[:2], 15)}, upper triangles row by row")
    return helices, covs


def _run(
    helices: FloatArray, covs: FloatArray, mass_sets: FloatArray, sets: int, field: float, origin: Origin,
    flags: int, mass_constraint: float | None, parallel_within: float | None, full_covariance: bool,
    radii: FloatArray | None,
) -> tuple[VertexFit, FloatArray]:  # fmt: skip
    """Fit; returns also mass and error of every set of masses, (n, 2 sets)."""
    n, k = helices.shape[:2]
    if not 0.0 < abs(field) < np.inf:
        raise InputError(f"field {field} T: give a finite field that is not 0")
    point = _shared(origin.position, 3, n, "origin.position")
    cov = _shared(origin.cov, 6, n, "origin.cov")
    if radii is None:
        radii = np.zeros((0, k, 2))
    radii = np.ascontiguousarray(radii, dtype=np.float64)
    if radii.shape not in ((0, k, 2), (n, k, 2)):
        raise InputError(f"radii have shape {radii.shape}: give {(n, k, 2)}, smallest and largest radius of each track")
    if len(point) != len(cov):
        point, cov = (np.ascontiguousarray(np.broadcast_to(a, (n, a.shape[1]))) for a in (point, cov))
    options = FitOptions(flags, mass_constraint or 0.0, parallel_within or 0.0, OMEGA_PER_TESLA_GEV_CM * abs(field))
    status, iterations = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32)
    mass_values, momenta = np.zeros((n, 2 * sets)), np.zeros((n, k, 3))
    position, position_cov, momentum, flight = (np.zeros((n, width)) for width in (3, 6, 3, 3))
    scalars = np.zeros((6, n))
    full = np.zeros((n if full_covariance else 0, 3 + 3 * k, 3 + 3 * k))
    weight = _weights(cov, bool(flags & AT_PRODUCTION))
    _fit_rows(
        helices, covs, point, cov, weight, mass_sets, sets, options, radii, status, iterations, mass_values, momenta,
        position, position_cov, momentum, flight, scalars, full,
    )  # fmt: skip
    extra = 3 * bool(flags & AT_PRODUCTION) + 2 * bool(flags & POINTING) + bool(flags & MASS)
    fit = VertexFit(
        status=status,
        iterations=iterations,
        position=position,
        position_cov=position_cov,
        chi2=scalars[0],
        ndf=2 * k - 3 + extra + 2 * bool(flags & PARALLEL_TRACKS),
        momenta=momenta,
        momentum=momentum,
        mass=np.ascontiguousarray(mass_values[:, 0]),
        mass_error=np.ascontiguousarray(mass_values[:, 1]),
        flight=flight,
        decay_length=scalars[1],
        decay_length_error=scalars[2],
        decay_time=scalars[3],
        decay_time_error=scalars[4],
        pointing_angle=scalars[5],
        covariance=full if full_covariance else None,
    )
    return fit, mass_values


_NOWHERE = Origin(np.zeros(3), np.zeros(6))


def fit_vertices(
    helices: FloatArray,
    covs: FloatArray,
    masses: npt.ArrayLike,
    field: float,
    *,
    origin: Origin = _NOWHERE,
    at_origin: bool = False,
    pointing: bool = False,
    mass_constraint: float | None = None,
    parallel_within: float | None = None,
    radii: FloatArray | None = None,
    full_covariance: bool = False,
) -> VertexFit:
    """Fit a common vertex of the tracks of every candidate.

    Parameters
    ----------
    helices : float64 (n, k, 5)
        d0 (cm), phi0 (rad), omega (1/cm), z0 (cm), tan lambda with respect to the z axis, k >= 2 tracks.
    covs : float64 (n, k, 15)
        Their covariances, upper triangles row by row.
    masses : float64 (k,) or (n, k)
        Masses of the tracks, GeV.
    field : float
        Solenoid field, T.
    origin : Origin
        Production point of the mother for flight, pointing and the choice between two crossings; the origin of the lab
        frame without spread if not given. `beam_spot(card)` gives the luminous region.
    at_origin : bool
        Constrain the vertex to `origin` within its covariance (prompt decays). Flight means nothing then.
    pointing : bool
        Constrain the summed momentum to point back to `origin` (neutral mother).
    mass_constraint : float, optional
        Constrain the invariant mass to this value, GeV.
    parallel_within : float, optional
        Constrain two tracks to be parallel at the vertex up to this transverse momentum about the pair's direction, GeV
        in each of two components (converted photons: one to two electron masses).
    radii : float64 (n, k, 2), optional
        Smallest and largest transverse radius (cm) where each track can have begun, from its hits: helps to choose
        between two crossings.
    full_covariance : bool
        Fill `VertexFit.covariance`.

    Returns
    -------
    VertexFit

    Raises
    ------
    InputError
        If shapes disagree, a mass is negative, the field is 0, or constraints exclude each other. Bad numbers in single
        candidates are no error: see `VertexFit.status`.

    Notes
    -----
    Sources: P. Billoir, S. Qian, NIM A 311 (1992) 139; P. Avery, CLEO CBX 91-72, 98-37; R. Fruehwirth, NIM A 262 (1987)
    444. Limits: uniform field, no material between perigee and vertex.

    Examples
    --------
    >>> from toymc.detector import helix_from_state
    >>> state = np.array([[3.0, 0.0, 1.0, 1.2, 0.2, 0.35], [3.0, 0.0, 1.0, 0.6, -0.2, 0.25]])
    >>> helices = helix_from_state(state, np.array([1.0, -1.0]), 1.5)[None]
    >>> covs = np.zeros((1, 2, 15))
    >>> covs[..., [0, 5, 9, 12, 14]] = [1e-6, 1e-6, 1e-10, 1e-6, 1e-6]
    >>> fit = fit_vertices(helices, covs, [0.1396, 0.1396], 1.5)
    >>> fit.position[0, [0, 2]].round(6).tolist(), round(fit.mass[0].item(), 4)
    ([3.0, 1.0], 0.5219)
    """
    helices, covs = _check_tracks(helices, covs)
    n, k = helices.shape[:2]
    mass_sets = _shared(masses, k, n, "masses")
    if np.any(mass_sets < 0.0):
        raise InputError("masses below 0: give 0 or more GeV")
    flags = _flags(at_origin, pointing, mass_constraint, parallel_within, k)
    fit, _ = _run(
        helices, covs, mass_sets, 1, field, origin, flags, mass_constraint, parallel_within, full_covariance, radii
    )
    return fit


def gather(reconstruction: Reconstruction, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Helices (n, k, 5) and covariances (n, k, 15) of tracks by their rows in the whole table.

    Parameters
    ----------
    reconstruction : Reconstruction
    rows : int64 (n, k)
        Rows in `reconstruction.tracks` (event offset plus row inside the event).

    Raises
    ------
    InputError
        If a row does not exist.
    """
    tracks = reconstruction.tracks
    rows = np.asarray(rows, dtype=np.int64)
    if rows.ndim != 2:
        raise InputError(f"rows have shape {rows.shape}: give (candidates, tracks)")
    if rows.size and (rows.min() < 0 or rows.max() >= len(tracks.d0)):
        raise InputError(
            f"track rows {rows.min()}..{rows.max()} of {len(tracks.d0)}: give rows of the whole table, not of one event"
        )
    columns = (tracks.d0, tracks.phi0, tracks.omega, tracks.z0, tracks.tan_lambda)
    return np.stack([column[rows] for column in columns], axis=2), tracks.cov[rows]


def fit_pairs(
    reconstruction: Reconstruction,
    first_rows: IntArray,
    second_rows: IntArray,
    masses: npt.ArrayLike,
    field: float,
    *,
    origin: Origin = _NOWHERE,
    at_origin: bool = False,
    pointing: bool = False,
    mass_constraint: float | None = None,
    parallel_within: float | None = None,
    radii: FloatArray | None = None,
    full_covariance: bool = False,
) -> VertexFit:
    """Fit the vertices of pairs of reconstructed tracks.

    Parameters
    ----------
    reconstruction : Reconstruction
    first_rows, second_rows : int64 (n,)
        Rows in the whole table of tracks (event offset plus row inside the event).
    masses, field, origin, at_origin, pointing, mass_constraint, parallel_within, full_covariance
        As in `fit_vertices`.

    Returns
    -------
    VertexFit

    Raises
    ------
    InputError
        If a row does not exist, or as in `fit_vertices`.
    """
    helices, covs = gather(reconstruction, np.stack([first_rows, second_rows], axis=1))
    return fit_vertices(
        helices,
        covs,
        masses,
        field,
        origin=origin,
        at_origin=at_origin,
        pointing=pointing,
        mass_constraint=mass_constraint,
        parallel_within=parallel_within,
        radii=radii,
        full_covariance=full_covariance,
    )
