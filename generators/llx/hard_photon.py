"""e+e- -> l+ l- gamma beside radiation: which photon is the hard one, cuts, further photons off the final leptons.

A photon counts as *hard* if its energy is above `photon_energy` and its angle to both beams above `photon_angle` (e+e-
centre of mass). The matrix element makes the leading one of these, the radiators make all others: of the beams
(`toymc.generators.isr`), and of the final leptons (`toymc.generators.radiation`, off the pair that the matrix element
has left). Leading is the largest momentum across the beams; for the photon of the matrix element the smaller of the one
across the beams and the one across the axis of the hard frame. An event is dropped if a radiator gave a hard photon
that leads: the probability of no such photon, of either origin. So soft and collinear photons of all four legs come
with their Sudakov factors and hard ones once, with the exact tree. Radiation off the final leptons may turn a lepton by
little, so that angles are cut before and after it.

Why the momentum across the beams and not the energy. Of two photons one comes from the tree and one from a radiator,
which is right for collinear photons and leaves out the interference of the legs at large angles. Ordered in energy, a
photon of 3 GeV at 10 degrees makes the one of 1 GeV at 40 degrees that goes with it come from a radiator; ordered
across the beams it is the other way round. The rate beyond 30 degrees then changes by 0.2 % (electrons) where it
changed by 0.9 % as the separation moves to 5 degrees (`toymc.generators.llx.photon`).

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
def _least_scale(n, s, photons):
    """Smallest E'/E of anything from the e+e- frame to the hard frame, which moves with the recoil of n photons."""
    if n == 0:
        return 1.0
    px, py, pz, left = 0.0, 0.0, 0.0, np.sqrt(s)
    for i in range(n):
        px, py, pz, left = px - photons[i, 0], py - photons[i, 1], pz - photons[i, 2], left - photons[i, 3]
    beta = np.sqrt(px * px + py * py + pz * pz) / left
    return np.sqrt((1.0 - beta) / (1.0 + beta))


@lean_kernel
def _least_opening(n, cosine, sign, frame):
    """Least 1 - cos to the axis of a beam (sign +1: e-) in the hard frame of what is outside its cone `cosine`.

    E cosine - sign p_z > 0 in the e+e- frame is A.p > 0 with A = frame^T (-sign z, cosine): outside a cone again, about
    a direction that is the axis of the hard frame but for the turn by photons at large angles.
    """
    if n == 0 or cosine >= 1.0:
        return 1.0 - cosine
    x, y = -sign * frame[2, 0] + cosine * frame[3, 0], -sign * frame[2, 1] + cosine * frame[3, 1]
    z, t = -sign * frame[2, 2] + cosine * frame[3, 2], -sign * frame[2, 3] + cosine * frame[3, 3]
    length = np.sqrt(x * x + y * y + z * z)
    angle = np.arccos(max(-1.0, min(1.0, t / length)))
    turn = np.arccos(max(-1.0, min(1.0, -sign * z / length)))
    return 1.0 - np.cos(max(angle - turn, LEAST_TURN * angle))


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
def _leads(photons, first, last, across2, reals):
    """Whether one of the photons first..last-1 (e+e- frame) is hard and further across the beams than `across2`."""
    for i in range(first, last):
        x, y, z = photons[i, 0], photons[i, 1], photons[i, 2]
        if x * x + y * y > across2 and photons[i, 3] > reals[PHOTON_ENERGY] and _inside(x, y, z, reals[PHOTON_COSINE]):
            return True
    return False


@lean_kernel
def _beyond(v, row, least_minus, least_plus):
    """Whether a direction of the hard frame is at least these openings from the axes of e- and e+."""
    x, y, z = v[row, 0], v[row, 1], v[row, 2]
    length = np.sqrt(x * x + y * y + z * z)
    return length - z >= least_minus * length and length + z >= least_plus * length


@lean_kernel
def _passes(v, frame, n, photons, reals, exchange, least, least_k):
    """(order of the photon, whether it and the leptons pass): no photon of the beams is hard and leads.

    least, least_k: openings of the leptons and of the photon to the axes of e-, e+ in the hard frame.
    """
    x, y, z = _apply(frame, v, BOSON)
    across2 = min(x * x + y * y, v[BOSON, 0] ** 2 + v[BOSON, 1] ** 2)
    if x * x + y * y + z * z < reals[PHOTON_ENERGY] ** 2 or not _inside(x, y, z, reals[PHOTON_COSINE]):
        return across2, False
    if not _beyond(v, BOSON, least_k[0], least_k[1]):
        return across2, False
    if exchange and not (_beyond(v, P_MINUS, least[0], least[1]) and _beyond(v, P_PLUS, least[0], least[1])):
        return across2, False
    return across2, _leptons_pass(v, frame, reals) and not _leads(photons, 0, n, across2, reals)


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
