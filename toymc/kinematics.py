"""Kinematics shared by every room: boosts, invariant masses, two-body momentum, thrust, Fox-Wolfram moments.

Kernels (leading underscore) take scalars or one event; the public functions take arrays of events.
"""

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@kernel
def _boost(px, py, pz, e, bx, by, bz):
    """Four-momentum seen from a frame in which the old frame moves with velocity (bx, by, bz)."""
    b2 = bx * bx + by * by + bz * bz
    gamma = 1.0 / np.sqrt(1.0 - b2)
    bp = bx * px + by * py + bz * pz
    # (gamma - 1)/b^2 without cancellation for slow boosts
    factor = gamma * gamma / (1.0 + gamma) * bp + gamma * e
    return px + factor * bx, py + factor * by, pz + factor * bz, gamma * (e + bp)


@kernel
def _two_body_momentum(m, m1, m2):
    """Momentum of either daughter in the rest frame of m -> m1 m2; 0 at and below threshold."""
    # factorised Kaellen function: no cancellation near threshold
    lam = (m - m1 - m2) * (m + m1 + m2) * (m - m1 + m2) * (m + m1 - m2)
    if lam <= 0.0:
        return 0.0
    return np.sqrt(lam) / (2.0 * m)


# Up to this many particles all signed sums are walked through (2^(n-1) additions); above it pairs are cheaper (n^3).
_MOST_SIGNED_SUMS = 11


@lean_kernel
def _longest_signed_sum(p, n):
    """The longest of all sums of +-p_i of the first n rows, walked in Gray-code order: one sign changes per step."""
    tx, ty, tz = 0.0, 0.0, 0.0
    for i in range(n):
        tx += p[i, 0]
        ty += p[i, 1]
        tz += p[i, 2]
    best = tx * tx + ty * ty + tz * tz
    ax, ay, az = tx, ty, tz
    signs = 0
    for step in range(1, 1 << (n - 1)):
        k = 0
        while not (step >> k) & 1:
            k += 1
        # the sign of row 0 never changes: a sum and its opposite are the same axis
        flip = 2.0 if (signs >> k) & 1 else -2.0
        signs ^= 1 << k
        tx += flip * p[k + 1, 0]
        ty += flip * p[k + 1, 1]
        tz += flip * p[k + 1, 2]
        t2 = tx * tx + ty * ty + tz * tz
        if t2 > best:
            best = t2
            ax, ay, az = tx, ty, tz
    return ax, ay, az


@lean_kernel
def _longest_pair_sum(p, n):
    """The longest signed sum, by pairs.

    The signs of the best sum are constant on cells of the sphere cut by the planes p_i.n = 0; every cell touches a line
    where two planes meet, so all pairs (i, j) with the four sign choices of the pair itself cover all cells. O(n^3).
    """
    best = -1.0
    ax, ay, az = 0.0, 0.0, 1.0
    for i in range(n - 1):
        for j in range(i + 1, n):
            cx = p[i, 1] * p[j, 2] - p[i, 2] * p[j, 1]
            cy = p[i, 2] * p[j, 0] - p[i, 0] * p[j, 2]
            cz = p[i, 0] * p[j, 1] - p[i, 1] * p[j, 0]
            sx, sy, sz = 0.0, 0.0, 0.0
            for k in range(n):
                if k != i and k != j:
                    sign = 1.0 if p[k, 0] * cx + p[k, 1] * cy + p[k, 2] * cz > 0.0 else -1.0
                    sx += sign * p[k, 0]
                    sy += sign * p[k, 1]
                    sz += sign * p[k, 2]
            for signs in range(4):
                si = 1.0 if signs & 1 else -1.0
                sj = 1.0 if signs & 2 else -1.0
                tx = sx + si * p[i, 0] + sj * p[j, 0]
                ty = sy + si * p[i, 1] + sj * p[j, 1]
                tz = sz + si * p[i, 2] + sj * p[j, 2]
                t2 = tx * tx + ty * ty + tz * tz
                if t2 > best:
                    best = t2
                    ax, ay, az = tx, ty, tz
    return ax, ay, az


@lean_kernel
def _thrust(p, n):
    """Thrust and its axis of the first n rows of p (n, 3), exactly: the axis is the longest sum of +-p_i.

    [E. Farhi, PRL 39 (1977) 1587; the search as in PYTHIA 6, hep-ph/0603175 section 15.2, made exact]
    """
    total = 0.0
    for i in range(n):
        total += np.sqrt(p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2)
    if n == 0 or total <= 0.0:
        return 0.0, 0.0, 0.0, 1.0
    if n <= _MOST_SIGNED_SUMS:
        ax, ay, az = _longest_signed_sum(p, n)
    else:
        ax, ay, az = _longest_pair_sum(p, n)
    length = np.sqrt(ax * ax + ay * ay + az * az)
    return length / total, ax / length, ay / length, az / length


@lean_kernel
def _fox_wolfram(p, n):
    """Fox-Wolfram moments H0..H4 of the first n rows of p (n, 3), not divided by s [PRL 41 (1978) 1581]."""
    h0, h1, h2, h3, h4 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        pi = np.sqrt(p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2)
        if pi <= 0.0:
            continue
        for j in range(i + 1):
            pj = np.sqrt(p[j, 0] ** 2 + p[j, 1] ** 2 + p[j, 2] ** 2)
            if pj <= 0.0:
                continue
            w = pi * pj if i == j else 2.0 * pi * pj
            x = 1.0 if i == j else (p[i, 0] * p[j, 0] + p[i, 1] * p[j, 1] + p[i, 2] * p[j, 2]) / (pi * pj)
            x2 = x * x
            h0 += w
            h1 += w * x
            h2 += w * 0.5 * (3.0 * x2 - 1.0)
            h3 += w * 0.5 * x * (5.0 * x2 - 3.0)
            h4 += w * 0.125 * ((35.0 * x2 - 30.0) * x2 + 3.0)
    return h0, h1, h2, h3, h4


@kernel
def _thrust_events(p, offsets, out):
    for i in range(len(offsets) - 1):
        lo, hi = offsets[i], offsets[i + 1]
        t, nx, ny, nz = _thrust(p[lo:hi], hi - lo)
        out[i, 0] = t
        out[i, 1] = nx
        out[i, 2] = ny
        out[i, 3] = nz


@kernel
def _fox_wolfram_events(p, offsets, out):
    for i in range(len(offsets) - 1):
        lo, hi = offsets[i], offsets[i + 1]
        h0, h1, h2, h3, h4 = _fox_wolfram(p[lo:hi], hi - lo)
        out[i, 0] = h0
        out[i, 1] = h1
        out[i, 2] = h2
        out[i, 3] = h3
        out[i, 4] = h4


def _checked_momenta(momenta: FloatArray, offsets: IntArray) -> tuple[FloatArray, IntArray]:
    p = np.ascontiguousarray(momenta, dtype=np.float64)
    o = np.ascontiguousarray(offsets, dtype=np.int64)
    if p.ndim != 2 or p.shape[1] != 3:
        raise InputError(f"momenta have shape {p.shape}: give (n_particles, 3) in GeV")
    if o.ndim != 1 or len(o) < 1 or o[0] != 0 or o[-1] != len(p) or np.any(np.diff(o) < 0):
        raise InputError(f"offsets do not cut {len(p)} rows into events: start at 0, never fall, end at {len(p)}")
    return p, o


def thrust(momenta: FloatArray, offsets: IntArray) -> FloatArray:
    """Thrust T = max_n sum|p.n| / sum|p| and its axis, for every event, exactly.

    Parameters
    ----------
    momenta : float64 (n_particles, 3)
        Momenta in GeV, in the frame in which thrust is wanted (usually the e+e- centre of mass).
    offsets : int64 (n_events + 1,)
        Rows of event i are ``offsets[i]:offsets[i+1]``.

    Returns
    -------
    float64 (n_events, 4)
        Thrust and the unit axis (its sign is arbitrary); 0 and +z for an empty event.

    Raises
    ------
    InputError
        For shapes that do not fit.

    Examples
    --------
    >>> thrust(np.array([[0, 0, 1.0], [0, 0, -1.0]]), np.array([0, 2]))[0, 0]
    np.float64(1.0)
    """
    p, o = _checked_momenta(momenta, offsets)
    out = np.empty((len(o) - 1, 4))
    _thrust_events(p, o, out)
    return out


def fox_wolfram(momenta: FloatArray, offsets: IntArray) -> FloatArray:
    """Fox-Wolfram moments H_0..H_4 for every event [PRL 41 (1978) 1581], in GeV^2 (not divided by s).

    Parameters
    ----------
    momenta : float64 (n_particles, 3)
        GeV, in the e+e- centre of mass.
    offsets : int64 (n_events + 1,)

    Returns
    -------
    float64 (n_events, 5)

    Raises
    ------
    InputError
        For shapes that do not fit.

    Examples
    --------
    >>> h = fox_wolfram(np.array([[0, 0, 1.0], [0, 0, -1.0]]), np.array([0, 2]))[0]
    >>> float(h[2] / h[0]), float(h[1])
    (1.0, 0.0)
    """
    p, o = _checked_momenta(momenta, offsets)
    out = np.empty((len(o) - 1, 5))
    _fox_wolfram_events(p, o, out)
    return out


def boost(p4: FloatArray, velocity: FloatArray) -> FloatArray:
    """Four-momenta as seen from a frame in which the old one moves with `velocity`.

    Parameters
    ----------
    p4 : float64 (..., 4)
        (px, py, pz, E) in GeV.
    velocity : float64 (3,) or (..., 3)
        In units of c; a particle at rest gets this velocity.

    Returns
    -------
    float64 (..., 4)

    Raises
    ------
    InputError
        If a velocity reaches that of light.

    Examples
    --------
    >>> boost(np.array([0, 0, 0, 1.0]), np.array([0, 0, 0.6])).round(3).tolist()
    [0.0, 0.0, 0.75, 1.25]
    """
    v = np.asarray(velocity, dtype=np.float64)
    b2 = np.sum(v * v, axis=-1)
    if np.any(b2 >= 1.0):
        raise InputError(f"boost velocity {np.sqrt(np.max(b2)):.6g} is not below that of light")
    px, py, pz, e = _boost_arrays(*np.moveaxis(np.asarray(p4, dtype=np.float64), -1, 0), *np.moveaxis(v, -1, 0))
    return np.stack([px, py, pz, e], axis=-1)


def _boost_arrays(*arguments: FloatArray) -> tuple[FloatArray, ...]:
    # the kernel's arithmetic is elementwise, so its Python body serves arrays as well
    result: tuple[FloatArray, ...] = _boost.py_func(*arguments)  # type: ignore[attr-defined]
    return result


def invariant_mass(p4: FloatArray, axis: int = -2) -> FloatArray:
    """Invariant mass of the sum of four-momenta along `axis`; negative for space-like sums.

    Parameters
    ----------
    p4 : float64 (..., n, 4)
        (px, py, pz, E) in GeV.
    axis : int
        The axis that is summed.

    Returns
    -------
    float64
        sign(m^2) sqrt(|m^2|) in GeV.

    Examples
    --------
    >>> invariant_mass(np.array([[0, 0, 1.0, 1.0], [0, 0, -1.0, 1.0]]))
    np.float64(2.0)
    """
    total = np.sum(p4, axis=axis)
    m2 = total[..., 3] ** 2 - np.sum(total[..., :3] ** 2, axis=-1)
    mass: FloatArray = np.sign(m2) * np.sqrt(np.abs(m2))
    return mass


def two_body_momentum(parent: float, first: float, second: float) -> float:
    """Momentum of the daughters of parent -> first second in the parent's rest frame (GeV).

    Raises
    ------
    InputError
        For a negative mass or a decay below threshold.

    Examples
    --------
    >>> round(two_body_momentum(5.279, 0.494, 3.097), 3)
    1.683
    """
    if min(parent, first, second) < 0.0:
        raise InputError(f"masses {parent}, {first}, {second} GeV: none may be negative")
    if parent < first + second:
        raise InputError(f"{parent} GeV cannot decay into {first} + {second} GeV: the parent is too light")
    return float(_two_body_momentum(parent, first, second))
