"""What the fit makes of a track whose curvature changes on the way, as an electron's does when it radiates.

If omega grows by 1 at a radius, every measurement outside sees the parameters changed by g_omega (see `information`).
The information filter carries the vector y = (information) x (change) inwards as it carries the information: adding
scattering along g with variance t takes (I g)(g^T y)/(1/t + g^T I g) from y. The fitted parameters move by C y.
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E
from toymc.detector.covariance.exact import WORK_SHAPE, tracker
from toymc.detector.covariance.information import _angle2, _factorise, _kick, _lose, _measure, _scatter, _times
from toymc.detector.covariance.path import (
    ARC,
    D0,
    KAPPA,
    KAPPA_T,
    OMEGA,
    PATH,
    SOFT,
    R,
    _arc,
    _record,
    _trace,
)
from toymc.detector.covariance.surfaces import WEIGHT_U
from toymc.geometry import DetectorCard
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]


@lean_kernel
def _carry(info, shifts, first, variance, a, b, c, d, e):
    """Shift vectors from `first` on, in front of a surface that scatters along (a, b, c, d, e)."""
    va, vb, vc, vd, ve = _times(info, a, b, c, d, e)
    weight = variance / (1.0 + variance * (a * va + b * vb + c * vc + d * vd + e * ve))
    for k in range(first, len(shifts)):
        y = shifts[k]
        along = weight * (a * y[0] + b * y[1] + c * y[2] + d * y[3] + e * y[4])
        y[0] -= along * va
        y[1] -= along * vb
        y[2] -= along * vc
        y[3] -= along * vd
        y[4] -= along * ve


@lean_kernel
def _begin(info, radius, near, tan_lambda, work, y):
    """y of a unit change of omega at `radius`, on the helix of the crossing `near`."""
    s = _arc(radius, near[D0], near[OMEGA])
    spare = work[-2]
    d0, omega = near[D0], near[OMEGA]
    inverse = 1.0 / (1.0 + omega * d0)
    chord2 = (radius * radius - d0 * d0) * inverse
    sine = math.sin(omega * s) / omega / (inverse * max(radius, 1e-9))  # r cos(psi) = (1 + omega d0) sin(alpha)/omega
    _record(work, len(work) - 2, 0, radius, 0.0, sine, s, chord2, omega, d0, inverse, 0.0, 0.0)
    _, _, _, w0, w1, w3 = _kick(spare, tan_lambda)
    y[0], y[1], y[2], y[3], y[4] = _times(info, w0, w1, 1.0, w3, 0.0)


@kernel
def _response(pt, tan_lambda, mass, radii, surfaces, constants, work, info, factor, shifts, out):
    """Shift of the fitted (d0, phi0, omega) per unit of omega at every radius (rising) into `out`; returns the hits."""
    n, n_pxd, n_svd, n_cdc = _trace(
        0.0, 0.0, 0.0, pt, 0.0, pt * tan_lambda, 1.0, mass, 1e9, surfaces, constants, work
    )  # fmt: skip
    out[:] = 0.0
    shifts[:] = 0.0
    info[:] = 0.0
    stretch = 1.0 + tan_lambda * tan_lambda
    p2 = pt * pt * stretch
    angle2, last = _angle2(n, 1.0 + mass * mass / p2, surfaces, constants, work)
    first = len(radii)
    for k in range(last, -1, -1):
        c = work[k]
        while first > 0 and radii[first - 1] >= c[R]:
            first -= 1
            if k < last:
                _begin(info, radii[first], c, tan_lambda, work, shifts[first])
        surface = surfaces[int(c[0])]
        if k < last:
            p0, p1, p3, w0, w1, w3 = _kick(c, tan_lambda)
            if c[KAPPA] != 0.0:
                _lose(info, c[KAPPA], c[KAPPA_T], w0, w1, 1.0, w3)
                for m in range(first, len(radii)):
                    y = shifts[m]
                    along = w0 * y[0] + w1 * y[1] + y[2] + w3 * y[3]
                    y[2] += c[KAPPA] * along
                    y[4] += c[KAPPA_T] * along
            variance = angle2 * c[PATH] * c[SOFT]
            if variance > 0.0:
                _carry(info, shifts, first, variance * stretch, p0, p1, 0.0, p3, 0.0)
                _scatter(info, variance * stretch, p0, p1, 0.0, p3, 0.0)
                f = constants.bending * c[OMEGA] * tan_lambda
                e3 = f * w3 - stretch * c[ARC]
                _carry(info, shifts, first, variance, f * w0, f * w1, f, e3, stretch)
                _scatter(info, variance, f * w0, f * w1, f, e3, stretch)
        if surface[WEIGHT_U] > 0.0:
            _measure(info, surface, c, tan_lambda)
    while first > 0:
        first -= 1
        if last > 0:
            _begin(info, radii[first], work[0], tan_lambda, work, shifts[first])
    if _factorise(info, factor):
        _solve(factor, shifts, out)
    return n_pxd, n_svd, n_cdc


@lean_kernel
def _solve(factor, shifts, out):
    """First three components of U U^T y for every y."""
    u = factor
    for k in range(len(shifts)):
        y = shifts[k]
        a = u[0] * y[0]
        b = u[1] * y[0] + u[5] * y[1]
        c = u[2] * y[0] + u[6] * y[1] + u[9] * y[2]
        d = u[3] * y[0] + u[7] * y[1] + u[10] * y[2] + u[12] * y[3]
        e = u[4] * y[0] + u[8] * y[1] + u[11] * y[2] + u[13] * y[3] + u[14] * y[4]
        out[k, 0] = u[0] * a + u[1] * b + u[2] * c + u[3] * d + u[4] * e
        out[k, 1] = u[5] * b + u[6] * c + u[7] * d + u[8] * e
        out[k, 2] = u[9] * c + u[10] * d + u[11] * e


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
    work, info, factor = np.zeros(WORK_SHAPE), np.zeros(15), np.zeros(15)
    shifts = np.zeros((len(radii), 5))
    out = np.zeros((len(p), len(tan_lambda), len(radii), 3))
    for i, momentum in enumerate(p):
        for j, tangent in enumerate(tan_lambda):
            pt = float(momentum) / math.hypot(1.0, tangent)
            _response(pt, float(tangent), M_E, radii, surfaces, constants, work, info, factor, shifts, out[i, j])
    return out
