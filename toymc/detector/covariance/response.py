"""What the fit makes of a track whose curvature changes on the way, as an electron's does when it radiates.

If omega grows by 1 at a radius, every measurement outside sees the parameters changed by g_omega (see `inwards`). The
information filter carries the vector y = (information) x (change) inwards as it carries the information: scattering
along the columns of G with variances T takes (I G)(T^-1 + G^T I G)^-1 (G^T y) from y. The fitted parameters move by
C y. Eight tracks at a time; their y are blocks of eight in `shifts`.
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E
from toymc.detector.covariance.crossings import (
    KAPPA,
    KAPPA_T,
    TRACE,
    _bow,
    _outwards,
)
from toymc.detector.covariance.exact import tracker
from toymc.detector.covariance.inwards import (
    _angle2,
    _bent,
    _crossing,
    _factorised,
    _gain,
    _kick,
    _lose,
    _measure,
    _nothing,
    _scatter,
    _times,
)
from toymc.detector.covariance.surfaces import DEPTH, WEIGHT_U
from toymc.geometry import DetectorCard
from toymc.kernels import inlined_kernel, kernel, lean_kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, chosen, filled, higher_of, lane, some

FloatArray = npt.NDArray[np.float64]

# blocks of a radius in `shifts`: the five components of y, 1 if it has begun
_BEGUN = 5
_BLOCKS = 6 * WIDTH


@inlined_kernel
def _begin(info, radii, r, here, omega, d0, inverse, tangent, shifts):
    """Begin y of a unit change of omega at all radii from r on that have not begun, on the helix of who is `here`."""
    for m in range(len(radii)):
        at = m * _BLOCKS
        begun = loaded(shifts, at + WIDTH * _BEGUN) > 0.0
        new = here & ~begun & (r <= radii[m])
        if some(new):
            chord2 = higher_of(radii[m] * radii[m] - d0 * d0, 0.0) * inverse
            s = _bow(chord2, omega, abs(2.0 / omega), new)
            w1, w3 = _bent(s, 0.5 * chord2, omega, d0, inverse, tangent)
            y = _times(info, 0.5 * chord2, w1, filled(1.0), w3, filled(0.0))
            for j in range(5):
                stored(shifts, at + WIDTH * j, chosen(new, y[j], loaded(shifts, at + WIDTH * j)))
            stored(shifts, at + WIDTH * _BEGUN, chosen(new, 1.0, chosen(begun, 1.0, 0.0)))


@inlined_kernel
def _carry_loss(kappa, kappa_t, w0, w1, w3, shifts):
    """All y in front of a surface that takes energy (see `_lose`)."""
    for at in range(0, len(shifts), _BLOCKS):
        y0, y1, y2 = loaded(shifts, at), loaded(shifts, at + WIDTH), loaded(shifts, at + 2 * WIDTH)
        along = w0 * y0 + w1 * y1 + y2 + w3 * loaded(shifts, at + 3 * WIDTH)
        stored(shifts, at + 2 * WIDTH, y2 + kappa * along)
        stored(shifts, at + 4 * WIDTH, loaded(shifts, at + 4 * WIDTH) + kappa_t * along)


@inlined_kernel
def _carry(a, b, waa, wab, wbb, kick, shifts):
    """All y in front of a surface that scatters (see `_gain`)."""
    _, _, p0, p1, p3, f0, f1, f2, f3, f4 = kick
    for at in range(0, len(shifts), _BLOCKS):
        y0, y1, y2 = loaded(shifts, at), loaded(shifts, at + WIDTH), loaded(shifts, at + 2 * WIDTH)
        y3, y4 = loaded(shifts, at + 3 * WIDTH), loaded(shifts, at + 4 * WIDTH)
        p = p0 * y0 + p1 * y1 + p3 * y3
        f = f0 * y0 + f1 * y1 + f2 * y2 + f3 * y3 + f4 * y4
        u, v = waa * p + wab * f, wab * p + wbb * f
        stored(shifts, at, y0 - u * a[0] - v * b[0])
        stored(shifts, at + WIDTH, y1 - u * a[1] - v * b[1])
        stored(shifts, at + 2 * WIDTH, y2 - u * a[2] - v * b[2])
        stored(shifts, at + 3 * WIDTH, y3 - u * a[3] - v * b[3])
        stored(shifts, at + 4 * WIDTH, y4 - u * a[4] - v * b[4])


@lean_kernel
def _solve(u, shifts, good, out, at):
    """First three components of U U^T y for every y, into the rows of `out` from `at` on; 0 for no fit."""
    for m in range(len(shifts) // _BLOCKS):
        y0, y1 = loaded(shifts, m * _BLOCKS), loaded(shifts, m * _BLOCKS + WIDTH)
        y2, y3 = loaded(shifts, m * _BLOCKS + 2 * WIDTH), loaded(shifts, m * _BLOCKS + 3 * WIDTH)
        y4 = loaded(shifts, m * _BLOCKS + 4 * WIDTH)
        a, b, c = u[0] * y0, u[1] * y0 + u[5] * y1, u[2] * y0 + u[6] * y1 + u[9] * y2
        d = u[3] * y0 + u[7] * y1 + u[10] * y2 + u[12] * y3
        e = u[4] * y0 + u[8] * y1 + u[11] * y2 + u[13] * y3 + u[14] * y4
        d0 = chosen(good, u[0] * a + u[1] * b + u[2] * c + u[3] * d + u[4] * e, 0.0)
        phi0 = chosen(good, u[5] * b + u[6] * c + u[7] * d + u[8] * e, 0.0)
        omega = chosen(good, u[9] * c + u[10] * d + u[11] * e, 0.0)
        for k in range(WIDTH):
            out[at + k, m, 0], out[at + k, m, 1], out[at + k, m, 2] = lane(d0, k), lane(phi0, k), lane(omega, k)


@lean_kernel
def _changed(n, tangent, angle2, omega, d0, inverse, soft, radii, surfaces, constants, work, shifts):
    """`_inwards` with the y of a unit change of omega at every radius (rising)."""
    info = _nothing()
    for m in range(n - 1, -1, -1):
        k, row, r, cos_psi, s, losing, omega, d0, inverse, soft = _crossing(
            m, omega, d0, inverse, soft, surfaces, constants, work
        )
        _begin(info, radii, r, cos_psi > 0.0, omega, d0, inverse, tangent, shifts)
        versine = 0.5 * (r * r - d0 * d0) * inverse
        if losing or surfaces[k, DEPTH] > 0.0:
            w1, w3 = _bent(s, versine, omega, d0, inverse, tangent)
            if losing:
                kappa, kappa_t = loaded(work, row + WIDTH * KAPPA), loaded(work, row + WIDTH * KAPPA_T)
                info = _lose(info, kappa, kappa_t, versine, w1, w3)
                _carry_loss(kappa, kappa_t, versine, w1, w3, shifts)
            if surfaces[k, DEPTH] > 0.0:
                kick = _kick(
                    k, row, r * cos_psi * inverse, s, versine, w1, w3, angle2,
                    omega, d0, inverse, soft, tangent, surfaces, constants, work,
                )  # fmt: skip
                a, b, waa, wab, wbb = _gain(info, kick)
                _carry(a, b, waa, wab, wbb, kick, shifts)
                info = _scatter(info, a, b, waa, wab, wbb)
        if surfaces[k, WEIGHT_U] > 0.0:
            info = _measure(info, k, row, r, cos_psi, s, versine, omega, inverse, tangent, surfaces, work)
    _begin(info, radii, filled(0.0), tangent == tangent, omega, d0, inverse, tangent, shifts)
    return info


@kernel
def _response(pt, tan_lambda, mass, radii, surfaces, constants, out):
    """Shifts of the fitted (d0, phi0, omega) per unit of omega at every radius (rising), for the origin."""
    work, shifts = np.empty(TRACE), np.empty(len(radii) * _BLOCKS)
    nought = filled(0.0)
    for i in range(0, len(pt), WIDTH):
        px, tangent = loaded(pt, i), loaded(tan_lambda, i)
        pz = px * tangent
        n, _, _, _, total, _, omega, d0, inverse, soft = _outwards(
            nought, nought, nought, px, nought, pz, nought + 1.0, nought + mass, nought + math.inf, np.int64(0),
            surfaces, constants, work,
        )  # fmt: skip
        shifts[:] = 0.0
        angle2 = _angle2(total, 1.0 + mass * mass / (px * px + pz * pz), constants)
        info = _changed(n, tangent, angle2, omega, d0, inverse, soft, radii, surfaces, constants, work, shifts)
        u, good = _factorised(info)
        _solve(u, shifts, good, out, i)


def curvature_response(
    card: DetectorCard, p: FloatArray, tan_lambda: FloatArray, radii: FloatArray, ideal: bool = False
) -> FloatArray:
    """Change of the fitted helix for a change of curvature on the way, for electrons from the origin.

    Parameters
    ----------
    card : DetectorCard
    p : float64 (n_p,)
        Momenta in GeV.
    tan_lambda : float64 (n_t,)
    radii : float64 (n_r,)
        Where omega changes, cm, rising.
    ideal : bool

    Returns
    -------
    float64 (n_p, n_t, n_r, 3)
        Change of (d0, phi0, omega), in cm, rad and 1/cm per 1/cm; 0 where no fit is possible.

    Examples
    --------
    >>> import numpy as np
    >>> from toymc.geometry import load_card
    >>> shift = curvature_response(load_card("belle2"), np.array([1.0]), np.array([0.0]), np.array([0.0, 112.0]))
    >>> shift[0, 0, :, 2].round(6).tolist()
    [1.0, 0.0]
    """
    surfaces, constants = tracker(card, ideal)
    momentum, tangent = (column.ravel() for column in np.meshgrid(p, tan_lambda, indexing="ij"))
    n = len(momentum)
    columns = np.ones((2, (n + WIDTH - 1) // WIDTH * WIDTH))
    columns[0, :n], columns[1, :n] = momentum / np.hypot(1.0, tangent), tangent
    out = np.zeros((columns.shape[1], len(radii), 3))
    _response(columns[0], columns[1], M_E, np.ascontiguousarray(radii, dtype=np.float64), surfaces, constants, out)
    return out[:n].reshape(len(p), len(tan_lambda), len(radii), 3)
