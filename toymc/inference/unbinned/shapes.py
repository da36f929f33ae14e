# mypy: allow-untyped-defs, allow-untyped-calls
"""Signal shapes in a mass: double-sided Crystal Ball, Gaussian, Breit-Wigner (x) Gaussian, shape from simulation.

All are functions of z = (x - mean)/sigma, normalised in the window of the fit, so a yield counts events in the window.

Crystal Ball, two-sided (J. Gaiser, SLAC-R-255 (1982), app. F, for one side)::

    f(z) = exp(-z^2/2)                                           -a_low < z < a_high
         = exp(-a^2/2) (1 + a (|z| - a)/n)^-n                    beyond, with a, n of that side

The second line is the usual A (B - z)^-n written so that large n (a^n overflows) is safe: it tends to the exponential
tail exp(-a^2/2 - a(|z| - a)). Its integral over a finite piece is (n/a) exp(-a^2/2) [u^(1-n)/(1-n)] with
u = 1 + a(|z| - a)/n, a logarithm at n = 1; in a finite window n > 0 is enough, on the whole line n > 1 would be needed.
Breit-Wigner (x) Gaussian is the non-relativistic (Voigt) form Re w((x - m + i G/2)/(sigma sqrt 2)): good for widths
far below the mass. w by the rational series of J. A. C. Weideman, SIAM J. Numer. Anal. 31 (1994) 1497, eq. 38 (N = 32:
error below 3e-12 of the peak, tested against scipy); normalised by Gauss-Legendre panels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.analysis.smoothing import silverman_width, smoothing_matrix
from toymc.errors import InputError
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

CRYSTAL_BALL, GAUSSIAN, VOIGT, TEMPLATE = 0, 1, 2, 3
N_SHAPE = 6
"""Columns of `SignalShape.parameters`: mean, sigma, then a_low, n_low, a_high, n_high | half width | row of table."""

Z_MAX, N_TABLE = 12.0, 961
"""Range and points of a tabulated shape: |z| <= 12 in steps of 0.025."""

_ROOT_2 = math.sqrt(2.0)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_N_WEIDEMAN = 32
LOG_TINY = -690.0


def _weideman() -> tuple[float, FloatArray]:
    """Scale L and coefficients of Weideman's series, highest power first."""
    m = 2 * _N_WEIDEMAN
    theta = np.arange(-m + 1, m) * np.pi / m
    scale = math.sqrt(_N_WEIDEMAN / math.sqrt(2.0))
    t = scale * np.tan(0.5 * theta)
    values = np.concatenate(([0.0], np.exp(-(t**2)) * (scale**2 + t**2)))
    coefficients = np.real(np.fft.fft(np.fft.fftshift(values))) / (2 * m)
    return scale, np.ascontiguousarray(np.flipud(coefficients[1 : _N_WEIDEMAN + 1]))


_W_SCALE, _W_COEFFICIENTS = _weideman()
_NODES_4, _WEIGHTS_4 = (np.ascontiguousarray(a) for a in np.polynomial.legendre.leggauss(4))


@lean_kernel
def _voigt(x, y):
    """Re w(x + iy), y > 0."""
    z = complex(x, y)
    inverse = 1.0 / (_W_SCALE - 1j * z)
    ratio = (_W_SCALE + 1j * z) * inverse
    total = complex(0.0, 0.0)
    for k in range(_N_WEIDEMAN):
        total = total * ratio + _W_COEFFICIENTS[k]
    return (2.0 * total * inverse * inverse + inverse / math.sqrt(math.pi)).real


@lean_kernel
def _tail_log(t, alpha, n):
    return -0.5 * alpha * alpha - n * math.log1p(alpha * (t - alpha) / n)


@lean_kernel
def _table_value(row, tables, z):
    """Linear interpolation of a tabulated density in z; zero outside."""
    place = (z + Z_MAX) * ((N_TABLE - 1) / (2.0 * Z_MAX))
    if not (place >= 0.0 and place < N_TABLE - 1):
        return 0.0
    i = int(place)
    return tables[row, i] + (place - i) * (tables[row, i + 1] - tables[row, i])


@lean_kernel
def _log_shape(code, p, scale, tables, x):
    """ln f before normalisation; `scale` multiplies sigma (and nothing else)."""
    z = (x - p[0]) / (p[1] * scale)
    if code == CRYSTAL_BALL:
        if z < -p[2]:
            return _tail_log(-z, p[2], p[3])
        if z > p[4]:
            return _tail_log(z, p[4], p[5])
        return -0.5 * z * z
    if code == GAUSSIAN:
        return max(-0.5 * z * z, LOG_TINY)
    if code == VOIGT:
        return math.log(_voigt(z / _ROOT_2, p[2] / (p[1] * scale * _ROOT_2)))
    value = _table_value(int(p[2]), tables, z)
    return math.log(value) if value > 1e-300 else LOG_TINY


@lean_kernel
def _tail_integral(t1, t2, alpha, n):
    """Integral of a tail over alpha <= t1 < t2."""
    log_u1 = math.log1p(alpha * (t1 - alpha) / n)
    y = math.log1p(alpha * (t2 - alpha) / n) - log_u1
    power = (1.0 - n) * y
    rise = y * (1.0 + 0.5 * power) if abs(power) < 1e-8 else math.expm1(power) / (1.0 - n)
    return n / alpha * math.exp(-0.5 * alpha * alpha + (1.0 - n) * log_u1) * rise


@lean_kernel
def _table_integral(row, tables, z):
    """Integral of a tabulated density from -Z_MAX to z (exact for its straight pieces)."""
    step = 2.0 * Z_MAX / (N_TABLE - 1)
    place = min(max((z + Z_MAX) / step, 0.0), N_TABLE - 1.0)
    i = min(int(place), N_TABLE - 2)
    total = 0.0
    for k in range(i):
        total += 0.5 * (tables[row, k] + tables[row, k + 1])
    f = place - i
    return step * (total + f * tables[row, i] + 0.5 * f * f * (tables[row, i + 1] - tables[row, i]))


@lean_kernel
def _voigt_integral(p, scale, a, b):
    """Gauss-Legendre panels that widen away from the peak."""
    unit = p[1] * scale + p[2]
    total = 0.0
    for side in range(2):
        near, far = (p[0] - b, p[0] - a) if side == 0 else (a - p[0], b - p[0])
        near = max(near, 0.0)
        while near < far:
            end = min(near + max(0.5 * unit, 0.5 * near), far)
            half = 0.5 * (end - near)
            for j in range(4):
                d = near + half * (1.0 + _NODES_4[j])
                sigma = p[1] * scale * _ROOT_2
                total += half * _WEIGHTS_4[j] * _voigt(d / sigma, p[2] / sigma)
            near = end
    return total


@lean_kernel
def _shape_integral(code, p, scale, tables, a, b):
    """Integral of exp(_log_shape) over a < x < b."""
    if code == VOIGT:
        return _voigt_integral(p, scale, a, b)
    sigma = p[1] * scale
    za, zb = (a - p[0]) / sigma, (b - p[0]) / sigma
    if code == TEMPLATE:
        return sigma * (_table_integral(int(p[2]), tables, zb) - _table_integral(int(p[2]), tables, za))
    low, high = za, zb
    total = 0.0
    if code == CRYSTAL_BALL:
        if za < -p[2]:
            total += _tail_integral(max(-zb, p[2]), -za, p[2], p[3])
        if zb > p[4]:
            total += _tail_integral(max(za, p[4]), zb, p[4], p[5])
        low, high = max(za, -p[2]), min(zb, p[4])
    if high > low:
        if low > 0.0:  # both in the upper tail: no cancellation
            total += _ROOT_HALF_PI * (math.erfc(low / _ROOT_2) - math.erfc(high / _ROOT_2))
        elif high < 0.0:
            total += _ROOT_HALF_PI * (math.erfc(-high / _ROOT_2) - math.erfc(-low / _ROOT_2))
        else:
            total += _ROOT_HALF_PI * (math.erf(high / _ROOT_2) - math.erf(low / _ROOT_2))
    return sigma * total


@kernel
def _densities(code, p, tables, x, low, high, out):
    total = _shape_integral(code, p, 1.0, tables, low, high)
    for i in range(x.size):
        out[i] = math.exp(_log_shape(code, p, 1.0, tables, x[i])) / total if low <= x[i] <= high else 0.0


@dataclass(frozen=True)
class SignalShape:
    """Shape of the signal at one or at many hypotheses; made by the functions below.

    Attributes
    ----------
    code : int
    parameters : float64 (..., N_SHAPE)
        The leading axes are those of the hypotheses, (masses, lifetimes) in a scan.
    tables : float64 (rows, N_TABLE)
        Densities in z of shapes from simulation.
    """

    code: int
    parameters: FloatArray
    tables: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Peak position, GeV."""
        return self.parameters[..., 0]

    @property
    def sigma(self) -> FloatArray:
        """Core width, GeV."""
        return self.parameters[..., 1]

    def density(self, x: npt.ArrayLike, low: float, high: float) -> FloatArray:
        """Density of a single hypothesis, normalised in [low, high], 1/GeV; zero outside.

        >>> shape = gaussian(1.0, 0.01)
        >>> round(float(shape.density([1.0], 0.0, 2.0)[0]), 3)
        39.894
        """
        if self.parameters.ndim != 1:
            raise InputError(f"shape of {self.parameters.shape[:-1]} hypotheses: density() is for a single one")
        values = np.atleast_1d(np.asarray(x, dtype=np.float64))
        out = np.empty_like(values)
        _densities(self.code, self.parameters, self.tables, values, float(low), float(high), out)
        return out


def _packed(code: int, tables: FloatArray | None = None, **columns: npt.ArrayLike) -> SignalShape:
    """Broadcast the columns, refuse what is not finite or (but for the mean) not positive."""
    arrays = np.broadcast_arrays(*(np.asarray(c, dtype=np.float64) for c in columns.values()))
    for name, array in zip(columns, arrays, strict=True):
        limit = -math.inf if name in ("mean", "row") else 0.0
        bad = np.argwhere(~(np.isfinite(array) & (array > limit)))
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            where = f" at hypothesis {at}" if at else ""
            allowed = "finite" if limit < 0.0 else "finite and positive"
            raise InputError(f"signal shape: {name} = {array[at]:g}{where}; it must be {allowed}")
    parameters = np.zeros((*arrays[0].shape, N_SHAPE))
    for k, array in enumerate(arrays):
        parameters[..., k] = array
    return SignalShape(code, parameters, np.zeros((1, N_TABLE)) if tables is None else tables)


def crystal_ball(
    mean: npt.ArrayLike,
    sigma: npt.ArrayLike,
    alpha_low: npt.ArrayLike,
    n_low: npt.ArrayLike,
    alpha_high: npt.ArrayLike,
    n_high: npt.ArrayLike,
) -> SignalShape:
    """Double-sided Crystal Ball; every argument a number or an array over the hypotheses.

    Parameters
    ----------
    mean, sigma : float or float64 (...,)
        Peak and core width, GeV.
    alpha_low, n_low, alpha_high, n_high : float or float64 (...,)
        Where the tails begin, in sigma, and their powers; all positive.

    Raises
    ------
    InputError
        For a value that is not finite or not positive, with its name and hypothesis.

    Examples
    --------
    >>> crystal_ball([1.0, 2.0], 0.005, 1.5, 3.0, 1.5, 5.0).sigma.tolist()
    [0.005, 0.005]
    """
    return _packed(
        CRYSTAL_BALL,
        mean=mean,
        sigma=sigma,
        alpha_low=alpha_low,
        n_low=n_low,
        alpha_high=alpha_high,
        n_high=n_high,
    )


def gaussian(mean: npt.ArrayLike, sigma: npt.ArrayLike) -> SignalShape:
    """Gaussian of `mean` and `sigma` (GeV).

    >>> float(gaussian(1.0, 0.005).mean)
    1.0
    """
    return _packed(GAUSSIAN, mean=mean, sigma=sigma)


def voigt(mean: npt.ArrayLike, sigma: npt.ArrayLike, width: npt.ArrayLike) -> SignalShape:
    """Breit-Wigner of full width `width` (x) Gaussian of `sigma` (GeV), non-relativistic.

    >>> float(voigt(3.0, 0.01, 0.02).parameters[2])
    0.01
    """
    half = 0.5 * np.asarray(width, dtype=np.float64)
    return _packed(VOIGT, mean=mean, sigma=sigma, half_width=half)


def from_simulation(
    mean: npt.ArrayLike, sigma: npt.ArrayLike, residuals: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> SignalShape:
    """Shape from simulated events: a Gaussian kernel estimate in z = residual/sigma.

    Parameters
    ----------
    mean, sigma : float or float64 (...,)
        Peak and unit of z at each hypothesis, GeV.
    residuals : float64 (n,)
        (x - mean)/sigma of simulated signal; those beyond 12 are left out. The width of the kernel is Silverman's for
        the effective number of events.
    weights : float64 (n,), optional

    Raises
    ------
    InputError
        For NaN, negative weights, or fewer than 50 effective events in the range.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> shape = from_simulation(1.0, 0.01, stream(1, "doc", "test", 0).normal(size=100_000))
    >>> 38.5 < float(shape.density([1.0], 0.9, 1.1)[0]) < 40.5
    True
    """
    z = np.asarray(residuals, dtype=np.float64)
    w = np.ones_like(z) if weights is None else np.asarray(weights, dtype=np.float64)
    if z.ndim != 1 or w.shape != z.shape:
        raise InputError(f"shape from simulation: residuals {z.shape}, weights {w.shape}; give one weight per event")
    if not np.all(np.isfinite(z)) or not np.all(np.isfinite(w)) or np.any(w < 0.0):
        raise InputError("shape from simulation: residuals must be finite, weights finite and not negative")
    step = 2.0 * Z_MAX / (N_TABLE - 1)
    edges = np.linspace(-Z_MAX - 0.5 * step, Z_MAX + 0.5 * step, N_TABLE + 1)
    counts = np.histogram(z, edges, weights=w)[0]
    used = w[np.abs(z) < Z_MAX]
    effective = float(used.sum() ** 2 / max((used**2).sum(), 1e-300))
    if effective < 50.0:
        raise InputError(f"shape from simulation: {effective:.1f} effective events within 12 sigma; give 50 or more")
    smooth = smoothing_matrix(N_TABLE, silverman_width(counts, effective)) @ counts
    return _packed(TEMPLATE, smooth[None, :] / (smooth.sum() * step), mean=mean, sigma=sigma, row=0.0)
