"""Mass scan: unbinned extended fits, local significances and asymptotic CLs limits of thousands of hypotheses.

    signal = crystal_ball(masses[:, None], sigma, 1.6, 3.0, 1.6, 4.0)          # (masses, lifetimes)
    channel = MassChannel("kplus_mumu", signal, windows(masses, sigma_of_mass, (0.0, 4.8)), data=x,
                          per_unit=2 * N_BB * 0.5 * efficiency)                # events per unit of the parameter
    result = scan(masses, lifetimes, [channel], workers=2)
    result.observed, result.expected[..., 2], result.q0                        # (masses, lifetimes)

The parameter of interest (a branching fraction, or events where `per_unit` is left out) is common to all channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from toymc.errors import InputError
from toymc.inference.unbinned import batch
from toymc.inference.unbinned.background import EVENTS_PER_PARAMETER
from toymc.inference.unbinned.inputs import MassChannel, _Packed
from toymc.inference.unbinned.likelihood import FIRST, MAX_BASE, STATUS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BANDS = (-2, -1, 0, 1, 2)
_MASSES_PER_CHUNK = 16


@dataclass(frozen=True)
class ScanResult:
    """Arrays over (masses, lifetimes); limits in units of the parameter of interest.

    Attributes
    ----------
    masses : float64 (n_masses,)
        GeV.
    lifetimes : float64 (n_lifetimes,)
        ctau, cm.
    cl : float
    observed : float64
        Asymptotic CLs limit; NaN without data.
    expected : float64 (..., 5)
        At -2, -1, 0, +1, +2 sigma.
    value, error : float64
        Best fit (not negative) and its error from the Hessian; without data those of the expectation.
    q0 : float64
        2 ln L(best) / L(no signal); 0 where the best fit is 0. Local significance sqrt(q0).
    n_events : float64
        In the windows of all channels (expected ones without data).
    background, peak_background : float64
        Expected background in the windows, and within two sigma of the peak.
    per_unit : float64
        Sum over the channels.
    degree : int64 (n_masses, n_channels)
        Of the background.
    status : int8
        0: converged; see `STATUS`. What failed is NaN.
    parameters : float64 (..., n)
        Best-fit parameters: mu in events, eta_common, then per channel eta_efficiency, eta_resolution, background.
    channels : tuple of str
    common_error : float
    constraint : str
    """

    masses: FloatArray
    lifetimes: FloatArray
    cl: float
    observed: FloatArray
    expected: FloatArray
    value: FloatArray
    error: FloatArray
    q0: FloatArray
    n_events: FloatArray
    background: FloatArray
    peak_background: FloatArray
    per_unit: FloatArray
    degree: IntArray
    status: npt.NDArray[np.int8]
    parameters: FloatArray
    channels: tuple[str, ...]
    common_error: float
    constraint: str

    @property
    def p0(self) -> FloatArray:
        """Local p-values, asymptotic: 1 - Phi(sqrt q0), 1/2 where the best fit is zero (arXiv:1007.1727, eq. 52)."""
        return np.asarray(ndtr(-np.sqrt(self.q0)))

    @property
    def failed(self) -> int:
        """Hypotheses whose status is not 0."""
        return int(np.count_nonzero(self.status))

    def failures(self) -> dict[str, int]:
        """Reason -> number of hypotheses, without those that converged."""
        codes, counts = np.unique(self.status, return_counts=True)
        return {STATUS[int(c)]: int(n) for c, n in zip(codes, counts, strict=True) if c != 0}


def _check_axis(name: str, values: npt.ArrayLike, unit: str) -> FloatArray:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))
    if array.ndim != 1 or array.size == 0 or bad.size:
        shown = f"{name} {bad[0]} = {array.flat[bad[0]]:g} {unit}" if bad.size else f"{name}s of shape {array.shape}"
        raise InputError(f"scan: {shown}; give one or more finite values, not negative")
    return array


def _check(cl: float, common_error: float, constraint: str, workers: int) -> None:
    if not 0.5 < cl < 1.0:
        raise InputError(f"confidence level {cl:g}; it must be between 0.5 and 1, for instance 0.9 or 0.95")
    if not (math.isfinite(common_error) and 0.0 <= common_error < 1.0):
        raise InputError(f"common error = {common_error:g}; it is relative, from 0 to below 1")
    if constraint not in ("log-normal", "gaussian"):
        raise InputError(f"constraint '{constraint}'; allowed: log-normal, gaussian")
    if workers < 1:
        raise InputError(f"workers = {workers}; give 1 or more")


def _in_chunks(
    work: Callable[[int, int], None], n: int, workers: int, progress: Callable[[int, int], None] | None
) -> None:
    """Call `work(first, last)` for all chunks of `n` masses in threads."""

    def run(first: int) -> int:
        last = min(first + _MASSES_PER_CHUNK, n)
        work(first, last)
        return last

    with ThreadPoolExecutor(workers) as pool:
        for done in pool.map(run, range(0, n, _MASSES_PER_CHUNK)):
            if progress is not None:
                progress(done, n)


def scan(
    masses: npt.ArrayLike,
    lifetimes: npt.ArrayLike,
    channels: Sequence[MassChannel],
    *,
    cl: float = 0.95,
    common_error: float = 0.0,
    constraint: str = "log-normal",
    limits: bool = True,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ScanResult:
    """Fit every hypothesis and set limits on it.

    Parameters
    ----------
    masses : float64 (n_masses,)
        Hypotheses, GeV (labels of the result; the fits use the channels' shapes).
    lifetimes : float64 (n_lifetimes,)
        ctau, cm; a prompt search has one, 0.
    channels : sequence of MassChannel
        Combined with one parameter of interest; scan one at a time for limits of each.
    cl : float
        Confidence level.
    common_error : float
        Relative uncertainty common to the signal of all channels.
    constraint : {"log-normal", "gaussian"}
        How relative uncertainties enter: exp(d eta) or 1 + d eta.
    limits : bool
        False: fits and q0 alone (five times as fast), limits are NaN.
    workers : int
        Threads; the result does not depend on it.
    progress : callable, optional
        Called with (masses done, masses).

    Returns
    -------
    ScanResult

    Raises
    ------
    InputError
        For masses, maps or data that cannot be used, with channel, hypothesis and value.

    Examples
    --------
    >>> from toymc.inference.unbinned import gaussian, windows
    >>> m = np.array([1.0, 2.0])
    >>> channel = MassChannel("k", gaussian(m[:, None], 0.005), windows(m[:, None], 0.005, (0.0, 4.8)), data=[2.0])
    >>> result = scan(m, [1.0], [channel])
    >>> float(result.observed[0, 0].round(2)), float(result.q0[1, 0].round(1))   # no event, an event on the peak
    (1.92, 5.5)
    """
    mass, lifetime = _check_axis("mass", masses, "GeV"), _check_axis("lifetime", lifetimes, "cm")
    _check(cl, common_error, constraint, workers)
    packed = _Packed(channels, mass.size, lifetime.size)
    shape = (mass.size, lifetime.size)
    results = np.full((*shape, batch.N_RESULT), np.nan)
    statuses = np.zeros(shape, dtype=np.int64)
    degrees = np.zeros((mass.size, len(channels)), dtype=np.int64)
    parameters = np.full((*shape, FIRST + len(channels) * (2 + MAX_BASE)), np.nan)
    targets = np.array([float(-ndtri((1.0 - cl) * ndtr(n)) + n) for n in BANDS])

    def fit(first: int, last: int) -> None:
        batch._scan_masses(
            first, last, limits, targets, math.log(1.0 - cl), float(common_error), constraint == "gaussian",
            packed.settings, packed.onset, packed.hypotheses, packed.sources, packed.tables, packed.holes,
            packed.use_data, packed.events, packed.use_expected, packed.grid, packed.values, EVENTS_PER_PARAMETER,
            packed.thresholds, results, statuses, degrees, parameters,
        )  # fmt: skip

    _in_chunks(fit, mass.size, workers, progress)
    return _result(mass, lifetime, cl, channels, packed.per_unit, (results, statuses, degrees, parameters),
                   (float(common_error), constraint))  # fmt: skip


def _result(
    masses: FloatArray,
    lifetimes: FloatArray,
    cl: float,
    channels: Sequence[MassChannel],
    per_unit: FloatArray,
    arrays: tuple[FloatArray, IntArray, IntArray, FloatArray],
    uncertainty: tuple[float, str],
) -> ScanResult:
    """Columns of the kernel's `arrays` in units of the parameter of interest."""
    results, statuses, degrees, parameters = arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(per_unit > 0.0, 1.0 / per_unit, np.nan)
    return ScanResult(
        masses=masses,
        lifetimes=lifetimes,
        cl=cl,
        observed=results[..., batch.OBSERVED] * unit,
        expected=results[..., batch.BAND :] * unit[..., None],
        value=results[..., batch.MU_HAT] * unit,
        error=results[..., batch.MU_ERROR] * unit,
        q0=results[..., batch.Q0],
        n_events=results[..., batch.EVENTS],
        background=results[..., batch.BACKGROUND],
        peak_background=results[..., batch.PEAK],
        per_unit=per_unit,
        degree=degrees,
        status=statuses.astype(np.int8),
        parameters=parameters,
        channels=tuple(c.name for c in channels),
        common_error=uncertainty[0],
        constraint=uncertainty[1],
    )
