"""e+e- -> l+ l- gamma beside radiation: which photon is the hard one, cuts, further photons off the final leptons.

A photon counts as *hard* if its energy is above `photon_energy` and its angle to both beams above `photon_angle` (e+e-
centre of mass). The matrix element makes the hardest of these, the radiators make all others: of the beams
(`toymc.generators.isr`), and of the final leptons (`toymc.generators.radiation`, off the pair that the matrix element
has left). An event is dropped if a radiator gave a hard photon of more energy than that of the matrix element: the
probability of no harder photon, of either origin. So soft and collinear photons of all four legs come with their
Sudakov factors and hard ones once, with the exact tree. Radiation off the final leptons may turn a lepton by little,
so that angles are cut before and after it.

Radiation of the beams at large angles turns the axis of the hard frame, and with it what the matrix element peaks at:
photons along the beams, for l = e leptons at small angles. Seen in the e+e- frame these would be collinear photons and
small |t| at large angles, which are not there in truth: an electron that has radiated at a large angle is far off its
mass shell. What the matrix element puts at less than `LEAST_TURN` of the angle that the cuts leave is left out.
"""

import numpy as np

from toymc.generators.amplitudes.layout import BOSON, P_MINUS, P_PLUS
from toymc.generators.llx.layout import (
    LEPTON_COSINE,
    LEPTON_ENERGY,
    M_LEPTON,
    PHOTON_COSINE,
    PHOTON_ENERGY,
)
from toymc.generators.lorentz import _apply, _transverse
from toymc.generators.radiation import _radiate_pair
from toymc.kernels import lean_kernel
from toymc.kinematics import _boost

LEAST_TURN = 0.8


@lean_kernel
def _recoil_limits(n, s, s_prime, photons):
    """What radiation of the beams can do from the e+e- frame to the hard frame: (scale, ratio, delta).

    scale: smallest E'/E of anything. ratio: lower bound of (1 - cos')/(1 - cos) of a massless particle to either beam,
    from the invariant E E_beam (1 - cos). delta: angle by which the beams are not back to back in the hard frame, of
    which one beam is the axis.
    """
    if n == 0:
        return 1.0, 1.0, 0.0
    px, py, pz, left = 0.0, 0.0, 0.0, np.sqrt(s)
    for i in range(n):
        px, py, pz, left = px - photons[i, 0], py - photons[i, 1], pz - photons[i, 2], left - photons[i, 3]
    beta = np.sqrt(px * px + py * py + pz * pz) / left
    scale = np.sqrt((1.0 - beta) / (1.0 + beta))
    # 2 E'_beam / sqrt(s)
    mass = np.sqrt(s_prime)
    minus, plus = (left - pz) / mass, (left + pz) / mass
    delta = 2.0 * np.arcsin(np.sqrt(max(0.0, 1.0 - 1.0 / (minus * plus))))
    return scale, scale / max(minus, plus), delta


@lean_kernel
def _least_opening(opening, ratio, delta):
    """Lower bound of 1 - cos to the axis in the hard frame for what has at least `opening` in the e+e- frame."""
    if opening <= 0.0 or ratio >= 1.0:
        return opening
    angle = 2.0 * np.arcsin(np.sqrt(0.5 * ratio * opening))
    return 2.0 * np.sin(0.5 * max(angle - delta, LEAST_TURN * angle)) ** 2


@lean_kernel
def _inside(x, y, z, cosine):
    """Whether a direction is at more than the angle of `cosine` from both beams."""
    return z * z <= cosine * cosine * (x * x + y * y + z * z)


@lean_kernel
def _leptons_pass(v, frame, reals):
    """Cuts on the leptons."""
    for row in range(P_MINUS, P_PLUS + 1):
        x, y, z = _apply(frame, v, row)
        if x * x + y * y + z * z + reals[M_LEPTON] ** 2 < reals[LEPTON_ENERGY] ** 2:
            return False
        if not _inside(x, y, z, reals[LEPTON_COSINE]):
            return False
    return True


@lean_kernel
def _harder(photons, first, last, energy, reals):
    """Whether one of the photons first..last-1 (e+e- frame) is hard and has more than `energy`."""
    for i in range(first, last):
        if photons[i, 3] > energy and _inside(photons[i, 0], photons[i, 1], photons[i, 2], reals[PHOTON_COSINE]):
            return True
    return False


@lean_kernel
def _passes(v, frame, n, photons, reals, exchange, least, least_k):
    """(energy of the photon, whether it and the leptons pass): no photon of the beams is hard and harder."""
    x, y, z = _apply(frame, v, BOSON)
    energy = np.sqrt(x * x + y * y + z * z)
    if energy < reals[PHOTON_ENERGY] or not _inside(x, y, z, reals[PHOTON_COSINE]):
        return energy, False
    if not _inside(v[BOSON, 0], v[BOSON, 1], v[BOSON, 2], 1.0 - least_k):
        return energy, False
    if exchange:
        for row in range(P_MINUS, P_PLUS + 1):
            if not _inside(v[row, 0], v[row, 1], v[row, 2], 1.0 - least):
                return energy, False
    return energy, _leptons_pass(v, frame, reals) and not _harder(photons, 0, n, energy, reals)


@lean_kernel
def _final_photons(rng, v, n, photons, frame, m):
    """Photons off the lepton pair into rows n.. of `photons` (e+e- frame), what is left of the leptons into `v`.

    The pair keeps its four-momentum with the photons, and the direction of the l- in its rest frame. Returns the new
    number of photons.
    """
    px, py, pz = v[P_MINUS, 0] + v[P_PLUS, 0], v[P_MINUS, 1] + v[P_PLUS, 1], v[P_MINUS, 2] + v[P_PLUS, 2]
    e = v[P_MINUS, 3] + v[P_PLUS, 3]
    pair = np.sqrt(e * e - px * px - py * py - pz * pz)
    bx, by, bz = px / e, py / e, pz / e
    lx, ly, lz, _ = _boost(v[P_MINUS, 0], v[P_MINUS, 1], v[P_MINUS, 2], v[P_MINUS, 3], -bx, -by, -bz)
    length = np.sqrt(lx * lx + ly * ly + lz * lz)
    if pair <= 2.0 * m or length <= 0.0:
        return n
    extra, mass = _radiate_pair(rng, pair, m, photons[n:])
    if extra == 0:
        return n
    lx, ly, lz = lx / length, ly / length, lz / length
    ax, ay, az, cx, cy, cz = _transverse(lx, ly, lz)
    # the radiator's frame is that of the leptons that are left, l- along z: turn it, then to the frame of the old pair
    tx, ty, tz, te = 0.0, 0.0, 0.0, mass
    for i in range(n, n + extra):
        x, y, z = photons[i, 0], photons[i, 1], photons[i, 2]
        photons[i, 0], photons[i, 1], photons[i, 2] = (
            ax * x + cx * y + lx * z, ay * x + cy * y + ly * z, az * x + cz * y + lz * z
        )  # fmt: skip
        tx, ty, tz, te = tx + photons[i, 0], ty + photons[i, 1], tz + photons[i, 2], te + photons[i, 3]
    momentum = np.sqrt(max(0.25 * mass * mass - m * m, 0.0))
    for row in range(P_MINUS, P_PLUS + 1):
        q = momentum if row == P_MINUS else -momentum
        x, y, z, t = _boost(q * lx, q * ly, q * lz, 0.5 * mass, -tx / te, -ty / te, -tz / te)
        v[row, 0], v[row, 1], v[row, 2], _ = _boost(x, y, z, t, bx, by, bz)
        v[row, 3] = np.sqrt(v[row, 0] ** 2 + v[row, 1] ** 2 + v[row, 2] ** 2 + m * m)
    for i in range(n, n + extra):
        x, y, z, t = _boost(photons[i, 0], photons[i, 1], photons[i, 2], photons[i, 3], -tx / te, -ty / te, -tz / te)
        photons[i, 0], photons[i, 1], photons[i, 2], photons[i, 3] = _boost(x, y, z, t, bx, by, bz)
        x, y, z = _apply(frame, photons, i)
        photons[i, 0], photons[i, 1], photons[i, 2], photons[i, 3] = x, y, z, np.sqrt(x * x + y * y + z * z)
    return n + extra
