"""Tables of one-dimensional densities (pair masses, line shapes): adaptive in the variable, sampled without rejection.

A density f(x) on [low, high] is tabulated in t in [0, 1] with x = low + (high - low) sin^2(pi t/2), which turns the
square roots at both ends of phase space into smooth zeros; a resonance is flattened first by its arctangent. Between
the N_CELLS + 1 nodes the density in t is taken as linear (error of order (1/N_CELLS)^2), cells are drawn by the alias
method.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from toymc.generators.models.two_body import kallen
from toymc.generators.tau.sampling import _alias
from toymc.kernels import lean_kernel

FloatArray = npt.NDArray[np.float64]
Density = Callable[[FloatArray], FloatArray]

N_CELLS = 512
# columns of a table (N_CELLS + 1, 4)
KEEP, PARTNER, NODE, DENSITY = 0, 1, 2, 3


@lean_kernel
def _sample_line(rng, lines, i):
    """One x from table i of `lines` (n, N_CELLS + 1, 4)."""
    u = rng.random() * N_CELLS
    k = int(u)
    if u - k >= lines[i, k, 0]:
        k = int(lines[i, k, 1])
    a, b = lines[i, k, 3], lines[i, k + 1, 3]
    v = rng.random()
    bottom = a + np.sqrt(a * a + v * (b * b - a * a))
    f = v * (a + b) / bottom if bottom > 0.0 else v
    return lines[i, k, 2] + f * (lines[i, k + 1, 2] - lines[i, k, 2])


def build_line(low: float, high: float, density: Density, pole: tuple[float, float] | None = None) -> FloatArray:
    """Tabulate a density for `_sample_line`.

    Parameters
    ----------
    low, high : float
        Range of x; a squared mass where `pole` is given.
    density : callable
        f(x), not negative, of arrays; need not be normalised.
    pole : (float, float), optional
        Mass and width of a resonance in x.

    Returns
    -------
    float64 (N_CELLS + 1, 4)

    Examples
    --------
    >>> table = build_line(0.0, 1.0, lambda x: 6.0 * x * (1.0 - x))
    >>> bool(abs(integral(table) - 1.0) < 1e-5)
    True
    """
    t = np.linspace(0.0, 1.0, N_CELLS + 1)
    u, du = np.sin(0.5 * np.pi * t) ** 2, 0.5 * np.pi * np.sin(np.pi * t)
    if pole is None:
        x, dx = low + (high - low) * u, np.full(len(t), high - low)
    else:
        square, scale = pole[0] ** 2, pole[0] * pole[1]
        a, b = np.arctan((low - square) / scale), np.arctan((high - square) / scale)
        tangent = np.tan(a + (b - a) * u)
        x, dx = square + scale * tangent, scale * (b - a) * (1.0 + tangent * tangent)
    x[0], x[-1] = low, high
    table = np.zeros((N_CELLS + 1, 4))
    table[:, NODE] = np.clip(x, low, high)
    inner = slice(1, -1)  # both ends are zeros of du
    table[inner, DENSITY] = np.maximum(density(table[inner, NODE]), 0.0) * (dx * du)[inner]
    share = 0.5 * (table[:-1, DENSITY] + table[1:, DENSITY])
    _alias(share * (N_CELLS / share.sum()), table[:-1])
    return table


def integral(table: FloatArray) -> float:
    """Integral of the density of a table.

    Examples
    --------
    >>> round(integral(build_line(0.0, 2.0, lambda x: x)), 3)
    2.0
    """
    return float(np.sum(table[1:-1, DENSITY]) / N_CELLS)


def _kallen(a: FloatArray | float, b: FloatArray | float, c: FloatArray | float) -> FloatArray:
    a, b, c = np.asarray(a), np.asarray(b), np.asarray(c)
    return np.asarray(np.maximum(a * a + b * b + c * c - 2.0 * (a * b + a * c + b * c), 0.0))


def three_body(mother: float, special: float, first: float, second: float) -> FloatArray:
    """Density of the squared mass of (first, second) for |M|^2 ~ (P.p_special)(p_first.p_second); GeV.

    Its integral is the function I of `toymc.generators.models.hnl.phase_space`.

    Examples
    --------
    >>> bool(abs(integral(three_body(1.777, 0.0, 0.0, 0.0)) - 1.0) < 1e-4)
    True
    """
    a, b, c = (first / mother) ** 2, (second / mother) ** 2, (special / mother) ** 2

    def density(s: FloatArray) -> FloatArray:
        y = s / mother**2
        roots = np.sqrt(_kallen(y, a, b) * _kallen(1.0, y, c))
        return np.asarray(12.0 / y * (y - a - b) * (1.0 + c - y) * roots / mother**2)

    return build_line((first + second) ** 2, (mother - special) ** 2, density)


def interference(mother: float, lepton: float) -> FloatArray:
    """Density of the squared mass of l- l+ for |M|^2 ~ m_l^2 (P.p_nu), in the units of `three_body`.

    Examples
    --------
    >>> integral(interference(1.0, 0.1)) > 0.0
    True
    """
    r = (lepton / mother) ** 2

    def density(s: FloatArray) -> FloatArray:
        y = s / mother**2
        return np.asarray(24.0 / y * r * (1.0 - y) ** 2 * np.sqrt(_kallen(y, r, r)) / mother**2)

    return build_line(4.0 * lepton**2, mother**2, density)


def vector_meson(
    mother: float, partner: float, line: Density, low: float, high: float, pole: tuple[float, float]
) -> FloatArray:
    """Density of the squared mass q^2 of a vector meson in mother -> partner + V.

    Parameters
    ----------
    mother, partner : float
        GeV.
    line : callable
        Spectral function of the current as a function of q^2, without constants.
    low, high : float
        Reach of the line in the mass, GeV.
    pole : (float, float)
        Mass and width, GeV.

    Examples
    --------
    >>> table = vector_meson(1.777, 0.5, lambda s: 1.0 / ((s - 0.6) ** 2 + 0.01), 0.3, 1.8, (0.775, 0.15))
    >>> bool(table[-1, NODE] == (1.777 - 0.5) ** 2)
    True
    """
    xl = (partner / mother) ** 2

    def density(s: FloatArray) -> FloatArray:
        y = s / mother**2
        shape = (1.0 - xl) ** 2 + y * (1.0 + xl) - 2.0 * y * y
        return np.asarray(line(s) * shape * np.sqrt(_kallen(1.0, y, xl)))

    top = min(high, mother - partner)
    return build_line(low * low, top * top, density, pole)


def two_body_momentum(mother: float, first: float, second: float) -> float:
    """Momentum of the daughters at rest of the mother, GeV.

    Examples
    --------
    >>> two_body_momentum(1.0, 0.0, 0.0)
    0.5
    """
    return float(np.sqrt(kallen(mother**2, first**2, second**2)) / (2.0 * mother))
