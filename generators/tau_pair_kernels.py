"""The fused event kernel of tau-pair production: beams, radiation, spin-correlated decays, lab frame, decay chains.

One event fills, in this order: tau-, tau+ (status 2), photons radiated by the beams and by the primary taus (status 1,
mother -1), the products of the tau-, those of the tau+, then whatever these decay into. The columns are rows of two
arrays: `reals` (9, capacity) = px, py, pz, mass, x, y, z, t, helicity and `codes` (3, capacity) int32 = pdg, status,
mother.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import (
    CTAU_TAU_CM,
    M_E,
    M_K,
    M_K0,
    M_MU,
    M_PI,
    M_PI0,
    M_TAU,
    SPEED_OF_LIGHT_CM_PER_NS,
)
from toymc.generators.beams import _sample_vertex
from toymc.generators.born import _correlation, _sample_costheta, _sample_polarimeters
from toymc.generators.initial_state import _final_radiation, _initial_state
from toymc.generators.lorentz import _apply, _rotation_between, _times_boost, _times_rotation, _transverse
from toymc.generators.radiation import _radiate, _radiate_pair
from toymc.generators.secondary import _ctau_cm, _decay_secondary, _is_unstable, _to_lab
from toymc.generators.tau.decay import _decay_tau
from toymc.generators.tau.tables import PARAMETERS, TAU_MASS
from toymc.kernels import inlined_kernel, kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MAX_ROWS = 256
"""No event can have more rows; the kernel stops in time when fewer are left."""
MAX_DECAY_ROWS = 16
PX, PY, PZ, MASS, X, Y, Z, T, HELICITY, N_REALS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9


class PairSettings(NamedTuple):
    """Everything about the process that stays fixed from event to event."""

    beam: FloatArray  # beams.beam_array
    leg: FloatArray  # IsrTables
    weight: FloatArray
    numbers: FloatArray
    switches: IntArray  # isr, fsr, spin: 0 or 1
    modes_a: IntArray  # modes of the signal-side tau
    cumulative_a: FloatArray  # running sum of their fractions, last = 1
    modes_b: IntArray  # modes of the other tau
    cumulative_b: FloatArray
    membership: IntArray  # bit 0: the mode is in list a, bit 1: in list b
    event_weight: FloatArray  # weight of events with one valid assignment, with both
    alpha_mass: float
    tau_mass: float


class Scratch(NamedTuple):
    """Small arrays that the kernel reuses from event to event."""

    photons: FloatArray
    p_minus: FloatArray
    p_plus: FloatArray
    work: FloatArray
    masses: FloatArray
    codes: npt.NDArray[np.int32]
    frames: FloatArray  # (4, 4, 4): collision -> lab, pair -> lab, two work places
    rotation: FloatArray
    axes: FloatArray  # rows n, t, l of the spin triad
    modes: IntArray  # of tau-, tau+


@lean_kernel
def _rest_mass(pdg, alpha_mass, p, row):
    """Mass of a tau daughter: the constant that its decay was made with; resonances from their four-momentum."""
    code = abs(pdg)
    if code == 211:
        return M_PI
    if code == 111:
        return M_PI0
    if code == 12 or code == 14 or code == 16 or code == 22:
        return 0.0
    if code == 11:
        return M_E
    if code == 13:
        return M_MU
    if code == 321:
        return M_K
    if code == 310 or code == 130 or code == 311:
        return M_K0
    if code == 333:
        p2 = p[row, 0] ** 2 + p[row, 1] ** 2 + p[row, 2] ** 2
        return np.sqrt(p[row, 3] ** 2 - p2)
    return alpha_mass


@lean_kernel
def _conjugate(pdg):
    """PDG code of the antiparticle, for the codes that a tau decay can hold."""
    if (11 <= pdg <= 16) or (-16 <= pdg <= -11) or abs(pdg) == 211 or abs(pdg) == 321:
        return -pdg
    return pdg


@lean_kernel
def _draw_mode(rng, modes, cumulative):
    if len(modes) == 1:
        return modes[0]
    u = rng.random()
    i = 0
    while i < len(modes) - 1 and u >= cumulative[i]:
        i += 1
    return modes[i]


@lean_kernel
def _body_decay(rng, mode, charge, use_fsr, alpha_mass, tables, p, codes, masses, work):
    """One tau decay in its body frame, radiation included: (n rows, polarimeter vector)."""
    n, hx, hy, hz = _decay_tau(rng, mode, tables, p, codes)
    for i in range(n):
        masses[i] = _rest_mass(codes[i], alpha_mass, p, i)
        if charge > 0.0:
            # CP: all momenta turned round, codes conjugated, the same polarimeter vector
            codes[i] = _conjugate(codes[i])
            for k in range(3):
                p[i, k] = -p[i, k]
    if use_fsr:
        n = _radiate(rng, tables.reals[PARAMETERS, TAU_MASS], charge, n, p, codes, masses, work)
    return n, hx, hy, hz


@lean_kernel
def _write(reals, codes, row, pdg, status, mother, px, py, pz, mass, x, y, z, t, helicity):
    reals[0, row], reals[1, row], reals[2, row], reals[3, row] = px, py, pz, mass
    reals[4, row], reals[5, row], reals[6, row], reals[7, row] = x, y, z, t
    reals[8, row] = helicity
    codes[0, row] = pdg
    codes[1, row] = status
    codes[2, row] = mother


@lean_kernel
def _flight(rng, reals, row, ctau):
    """Point and time where the particle of `row` decays, given c*tau in cm."""
    x, y, z, t = reals[4, row], reals[5, row], reals[6, row], reals[7, row]
    if ctau <= 0.0:
        return x, y, z, t
    px, py, pz, m = reals[0, row], reals[1, row], reals[2, row], reals[3, row]
    proper = ctau * rng.standard_exponential() / m
    energy = np.sqrt(px * px + py * py + pz * pz + m * m)
    return x + px * proper, y + py * proper, z + pz * proper, t + energy * proper / SPEED_OF_LIGHT_CM_PER_NS


@lean_kernel
def _neutrino_helicity(pdg):
    if pdg == 12 or pdg == 14 or pdg == 16:
        return -1.0
    if pdg == -12 or pdg == -14 or pdg == -16:
        return 1.0
    return 0.0


@lean_kernel
def _write_decay(rng, first, mother, row, n, frame, p, pdg, masses, reals, codes):
    """Daughters of the tau in row first + mother to the lab and into rows row..row+n-1."""
    x, y, z, t = _flight(rng, reals, first + mother, CTAU_TAU_CM)
    for i in range(n):
        px, py, pz = _apply(frame, p, i)
        _write(
            reals, codes, row + i, pdg[i], 1, mother, px, py, pz, masses[i], x, y, z, t, _neutrino_helicity(pdg[i])
        )
    return row + n


@lean_kernel
def _decay_chain(rng, first, begin, row, use_fsr, modes, scratch, reals, codes):
    """Decay what is unstable among rows begin.. of the event that starts at `first`, and the daughters in turn."""
    p, pdg, masses = scratch.p_minus, scratch.codes[0], scratch.masses[0]
    r = begin
    while r < row:
        parent = codes[0, r]
        if _is_unstable(parent) and codes[1, r] == 1:
            mass = reals[3, r]
            n = _decay_secondary(rng, modes, parent, mass, 9, p, pdg, masses)
            if use_fsr and parent != 111:
                charge = 0.0
                if abs(parent) == 213 or abs(parent) == 323:
                    charge = 1.0 if parent > 0 else -1.0
                n = _radiate(rng, mass, charge, n, p, pdg, masses, scratch.work)
            px, py, pz = reals[0, r], reals[1, r], reals[2, r]
            _to_lab(p, n, px, py, pz, np.sqrt(px * px + py * py + pz * pz + mass * mass), mass)
            x, y, z, t = _flight(rng, reals, r, _ctau_cm(parent))
            codes[1, r] = 2
            for i in range(n):
                _write(
                    reals, codes, row + i, pdg[i], 1, r - first, p[i, 0], p[i, 1], p[i, 2], masses[i], x, y, z, t, 0.0
                )
            row += n
        r += 1
    return row


@lean_kernel
def _helicities(rng, cll, h_minus, h_plus):
    """Twice the helicities of tau- and tau+, given the longitudinal parts of their polarimeter vectors.

    Bayes' rule with the diagonal of the density matrix, (1 + a b C_ll)(1 + a h-)(1 + b h+) for spins a, b = +-1 along
    the tau- direction; the helicity of the tau+ is -b.
    """
    pp = (1.0 + cll) * (1.0 + h_minus) * (1.0 + h_plus)
    mm = (1.0 + cll) * (1.0 - h_minus) * (1.0 - h_plus)
    pm = (1.0 - cll) * (1.0 + h_minus) * (1.0 - h_plus)
    mp = (1.0 - cll) * (1.0 - h_minus) * (1.0 + h_plus)
    u = rng.random() * (pp + mm + pm + mp)
    if u < pp:
        return 1.0, -1.0
    if u < pp + mm:
        return -1.0, 1.0
    if u < pp + mm + pm:
        return 1.0, 1.0
    return -1.0, -1.0


@inlined_kernel
def _pair_decays(rng, g, c, settings, tables, scratch, spin):
    """Decay both taus and find the rotations that carry their spin correlation: (n-, n+, helicity-, helicity+)."""
    modes = scratch.modes
    use_fsr = settings.switches[1] != 0
    alpha = settings.alpha_mass
    n_minus, ax, ay, az = _body_decay(
        rng, modes[0], -1.0, use_fsr, alpha, tables, scratch.p_minus, scratch.codes[0], scratch.masses[0], scratch.work
    )
    n_plus, bx, by, bz = _body_decay(
        rng, modes[1], 1.0, use_fsr, alpha, tables, scratch.p_plus, scratch.codes[1], scratch.masses[1], scratch.work
    )
    helicity_minus, helicity_plus = _orient_pair(rng, g, c, scratch, spin, ax, ay, az, bx, by, bz)
    for side in range(2):
        for k in range(3):
            scratch.work[side, k] *= settings.tau_mass / M_TAU
    return n_minus, n_plus, helicity_minus, helicity_plus


@lean_kernel
def _orient_pair(rng, g, c, scratch, spin, ax, ay, az, bx, by, bz):
    """Rotations that carry the spin correlation, given the polarimeter vectors of both decays: (helicity-, helicity+).

    scratch.axes holds rows n, t, l in the pair frame, scratch.frames[0] the pair frame -> lab; scratch.frames[2], [3]
    receive body frame -> lab, scratch.work the momenta of the taus in the lab.
    """
    axes = scratch.axes
    a = spin * np.sqrt(ax * ax + ay * ay + az * az)
    b = spin * np.sqrt(bx * bx + by * by + bz * bz)
    cnn, ctt, cll, ctl = _correlation(c, g)
    m0, m1, m2, p0, p1, p2 = _sample_polarimeters(rng, cnn, ctt, cll, ctl, a, b)
    helicity_minus, helicity_plus = _helicities(rng, spin * cll, a * m2, b * p2)
    gamma = 1.0 / np.sqrt(g)
    beta = np.sqrt(1.0 - g)
    for side in range(2):
        u, v, w = (m0, m1, m2) if side == 0 else (p0, p1, p2)
        nx = u * axes[0, 0] + v * axes[1, 0] + w * axes[2, 0]
        ny = u * axes[0, 1] + v * axes[1, 1] + w * axes[2, 1]
        nz = u * axes[0, 2] + v * axes[1, 2] + w * axes[2, 2]
        hx, hy, hz = (ax, ay, az) if side == 0 else (bx, by, bz)
        speed = beta if side == 0 else -beta
        _rotation_between(rng, hx, hy, hz, nx, ny, nz, scratch.rotation)
        boosted = scratch.frames[1]
        _times_boost(scratch.frames[0], speed * axes[2, 0], speed * axes[2, 1], speed * axes[2, 2], gamma, boosted)
        _times_rotation(boosted, scratch.rotation, scratch.frames[2 + side])
        # momentum of the tau itself: its rest energy through the same boost
        for k in range(3):
            scratch.work[side, k] = boosted[k, 3] * M_TAU
    return helicity_minus, helicity_plus


@inlined_kernel
def _pair_axes(rng, c, ax, ay, az, axes):
    """Rows n, t, l of the spin triad for a tau- at cos(Theta) = c from the axis a, at random azimuth."""
    ux, uy, uz, vx, vy, vz = _transverse(ax, ay, az)
    phi = 2.0 * np.pi * rng.random()
    cp = np.cos(phi)
    sp = np.sin(phi)
    s = np.sqrt(1.0 - c * c)
    wx, wy, wz = cp * ux + sp * vx, cp * uy + sp * vy, cp * uz + sp * vz
    axes[2, 0], axes[2, 1], axes[2, 2] = c * ax + s * wx, c * ay + s * wy, c * az + s * wz
    axes[1, 0], axes[1, 1], axes[1, 2] = s * ax - c * wx, s * ay - c * wy, s * az - c * wz
    axes[0, 0], axes[0, 1], axes[0, 2] = wy * az - wz * ay, wz * ax - wx * az, wx * ay - wy * ax


@inlined_kernel
def _pair_production(rng, settings, scratch):
    """From the beams to the pair: (photons, g = (2 m_tau/M)^2, cos Theta); fills axes and frames[0] of the scratch."""
    photons = scratch.photons
    axes = scratch.axes
    tau_mass = settings.tau_mass
    while True:
        n_photons, s_prime, ax, ay, az = _initial_state(rng, settings, photons, scratch.frames[0], scratch.frames[1])
        # the spectrum of radiation is that of the PDG mass: a heavier tau has its threshold higher
        if s_prime > 4.0 * tau_mass * tau_mass:
            break
    extra, mass = 0, np.sqrt(s_prime)
    if settings.switches[1] != 0:
        extra, mass = _radiate_pair(rng, mass, tau_mass, photons[n_photons:])
    g = 4.0 * tau_mass * tau_mass / (mass * mass)
    c = _sample_costheta(rng, g)
    _pair_axes(rng, c, ax, ay, az, axes)
    if extra > 0:
        lx, ly, lz = axes[2, 0], axes[2, 1], axes[2, 2]
        _final_radiation(n_photons, extra, mass, s_prime, lx, ly, lz, photons, scratch.frames[0], scratch.frames[1])
        n_photons += extra
    return n_photons, g, c


@inlined_kernel
def _write_pair(rng, first, n_photons, helicity_minus, helicity_plus, settings, scratch, reals, codes):
    """Rows of tau-, tau+ and the photons at the collision point; returns the next free row."""
    photons = scratch.photons
    x, y, z = _sample_vertex(rng, settings.beam)
    for side in range(2):
        px, py, pz = scratch.work[side, 0], scratch.work[side, 1], scratch.work[side, 2]
        helicity = helicity_minus if side == 0 else helicity_plus
        pdg = 15 if side == 0 else -15
        _write(reals, codes, first + side, pdg, 2, -1, px, py, pz, settings.tau_mass, x, y, z, 0.0, helicity)
    row = first + 2
    for i in range(n_photons):
        _write(
            reals, codes, row, 22, 1, -1, photons[i, 0], photons[i, 1], photons[i, 2], 0.0, x, y, z, 0.0, 0.0
        )
        row += 1
    return row


@inlined_kernel
def _pair_event(rng, first, settings, tables, secondaries, scratch, reals, codes):
    """One event into the rows from `first` on; returns the row after its last one."""
    n_photons, g, c = _pair_production(rng, settings, scratch)
    spin = float(settings.switches[2])
    n_minus, n_plus, helicity_minus, helicity_plus = _pair_decays(
        rng, g, c, settings, tables, scratch, spin
    )
    row = _write_pair(rng, first, n_photons, helicity_minus, helicity_plus, settings, scratch, reals, codes)
    begin = row
    for side in range(2):
        frame = scratch.frames[2 + side]
        if side == 0:
            p, pdg, masses, n = scratch.p_minus, scratch.codes[0], scratch.masses[0], n_minus
        else:
            p, pdg, masses, n = scratch.p_plus, scratch.codes[1], scratch.masses[1], n_plus
        row = _write_decay(rng, first, side, row, n, frame, p, pdg, masses, reals, codes)
    return _decay_chain(rng, first, begin, row, settings.switches[1] != 0, secondaries, scratch, reals, codes)


@lean_kernel
def _event_loop(rng, done, row, settings, tables, secondaries, scratch, reals, codes, offsets, weight):
    """See `_generate_pairs`."""
    capacity = reals.shape[1]
    modes = scratch.modes
    for i in range(done, len(weight)):
        if row + MAX_ROWS > capacity:
            return i, row
        mode_a = _draw_mode(rng, settings.modes_a, settings.cumulative_a)
        mode_b = _draw_mode(rng, settings.modes_b, settings.cumulative_b)
        # the sign of the signal-side tau is random
        flip = 1 if rng.random() < 0.5 else 0
        modes[flip] = mode_a
        modes[1 - flip] = mode_b
        both = (settings.membership[mode_a] & 2) != 0 and (settings.membership[mode_b] & 1) != 0
        weight[i] = settings.event_weight[1] if both else settings.event_weight[0]
        row = _pair_event(rng, row, settings, tables, secondaries, scratch, reals, codes)
        offsets[i + 1] = row
    return len(weight), row


@kernel
def _generate_pairs(rng, done, row, settings, tables, secondaries, scratch, reals, codes, offsets, weight):
    """Events done..n-1 until all are made or fewer than MAX_ROWS rows are left: (events made, rows used)."""
    return _event_loop(rng, done, row, settings, tables, secondaries, scratch, reals, codes, offsets, weight)
