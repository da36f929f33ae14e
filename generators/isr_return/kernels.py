"""One event of e+e- -> gamma_ISR X: energy of X, photons of the beams, decay of the aligned X, rows.

X has J_z = +-1 along the annihilation axis (massless beams): pairs of pions or kaons go like sin^2, lepton pairs like
1 + cos^2 with the lepton mass, the normal of three pions like sin^2. psi(2S) -> J/psi pi pi is an S wave with the mass
of the pions from (m^2 - lambda m_pi^2)^2, so the J/psi keeps the alignment.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import M_PI
from toymc.generators.beams import _sample_beams, _sample_vertex
from toymc.generators.initial_state import _recoil
from toymc.generators.isr import V_MIN, _isr_photons
from toymc.generators.isr_return.radiator import _draw_legs
from toymc.generators.lorentz import _apply, _times_boost, _times_rotation, _transverse, _unit_matrix
from toymc.generators.radiation import _radiate
from toymc.generators.secondary import _direction, _three_body, _two_body
from toymc.generators.secondary_matrix import ANGULAR, BOUND, CODES, CUMULATIVE, KIND, MASSES, REFERENCE, THREE_PI, N
from toymc.generators.tau_pair_kernels import MAX_ROWS, _decay_chain, _write
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _boost, _two_body_momentum

FloatArray = npt.NDArray[np.float64]

DIPION = 20
"""Kind of a mode with two pions and a J/psi, whose own decay stands in the rest of the row (`LEPTON`)."""
LEPTON, LAMBDA = 13, 14


class ReturnSettings(NamedTuple):
    """What stays fixed from event to event."""

    beam: FloatArray
    energies: FloatArray  # energies of X at equidistant probabilities; one entry: a resonance
    modes: FloatArray  # columns of secondary_matrix
    bounds: FloatArray  # (n, 2) energy and bound of three pions; one row: none
    numbers: FloatArray  # of `toymc.generators.isr.IsrTables`, then beta, mass and width of X
    parent: int  # PDG code of X, 0 if it has no row
    daughter: int  # PDG code of the J/psi in DIPION modes
    use_fsr: int


BETA, POLE, WIDTH, N_NUMBERS = 5, 6, 7, 8
_LINE_WIDTHS = 15.0


@lean_kernel
def _energy(rng, energies, numbers):
    """Energy of X in its rest frame: from the table, or from the line of a narrow resonance."""
    if len(energies) > 1:
        x = rng.random() * (len(energies) - 1)
        i = min(int(x), len(energies) - 2)
        return energies[i] + (x - i) * (energies[i + 1] - energies[i])
    mass, gamma = numbers[POLE], numbers[WIDTH]
    q2 = mass * mass + mass * gamma * np.tan((2.0 * rng.random() - 1.0) * np.arctan(_LINE_WIDTHS))
    return np.sqrt(q2)


@lean_kernel
def _beams_and_photons(rng, settings, energy, photons, frame, work):
    """Photons in the laboratory and `frame`: rest frame of X -> laboratory; (n, axis of the annihilation)."""
    while True:
        ex, ez, ee, px, pz, e = _sample_beams(rng, settings.beam)
        s = e * e - px * px - pz * pz
        if s > energy * energy:
            break
    root = np.sqrt(s)
    v1, v2 = _draw_legs(rng, energy * energy / s, settings.numbers[BETA], V_MIN)
    _unit_matrix(work)
    _times_boost(work, px / e, 0.0, pz / e, e / root, frame)
    # electron in the e+e- frame (its mass is of no weight here): inverse boost of its lab momentum
    shift = (ee + (ee * e - ex * px - ez * pz) / root) / (e + root)
    dx, dz = ex - shift * px, ez - shift * pz
    length = np.sqrt(dx * dx + dz * dz)
    n = _isr_photons(rng, v1, v2, s, settings.numbers, photons)
    n, _, ax, ay, az = _recoil(rng, n, s, energy * energy, dx / length, dz / length, photons, frame, work)
    return n, ax, ay, az


@lean_kernel
def _dipion(rng, row, mass, p4):
    """Rows 0, 1 pions, 2 J/psi in the rest frame of the psi(2S)."""
    m, m_j = row[MASSES], row[MASSES + 2]
    low, high = 2.0 * m, mass - m_j
    shift = row[LAMBDA] * M_PI * M_PI
    top = (high * high - shift) ** 2 * _two_body_momentum(mass, low, m_j) * _two_body_momentum(high, m, m)
    while True:
        pair = low + (high - low) * rng.random()
        k = _two_body_momentum(mass, pair, m_j)
        p = _two_body_momentum(pair, m, m)
        if rng.random() * top <= k * p * (pair * pair - shift) ** 2:
            break
    c, phi = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
    sn = np.sqrt(1.0 - c * c)
    kx, ky, kz = k * sn * np.cos(phi), k * sn * np.sin(phi), k * c
    e = np.sqrt(k * k + pair * pair)
    c, phi = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
    sn = np.sqrt(1.0 - c * c)
    x, y, z = p * sn * np.cos(phi), p * sn * np.sin(phi), p * c
    for i in range(2):
        sign = 1.0 if i == 0 else -1.0
        p4[i, 0], p4[i, 1], p4[i, 2], p4[i, 3] = _boost(
            sign * x, sign * y, sign * z, 0.5 * pair, kx / e, ky / e, kz / e
        )
    p4[2, 0], p4[2, 1], p4[2, 2], p4[2, 3] = -kx, -ky, -kz, np.sqrt(k * k + m_j * m_j)


@lean_kernel
def _choose(rng, modes):
    u = rng.random()
    i = 0
    while i < len(modes) - 1 and modes[i, CUMULATIVE] < u:
        i += 1
    return i


@lean_kernel
def _decay(rng, row, energy, bounds, p4, pdg, masses):
    """Products of X in its rest frame, annihilation axis along +z; number of rows."""
    n = int(row[N])
    for i in range(n):
        pdg[i], masses[i] = int(row[CODES + i]), row[MASSES + i]
    if row[KIND] == DIPION:
        _dipion(rng, row, energy, p4)
        return n
    helicity = 1 if rng.random() < 0.5 else -1
    c, phi = _direction(rng, helicity, row[ANGULAR], row[ANGULAR + 1])
    if n == 2:
        _two_body(p4, energy, row[MASSES], row[MASSES + 1], c, phi)
        return n
    if row[KIND] == THREE_PI:
        x = (energy - bounds[0, 0]) / (bounds[1, 0] - bounds[0, 0])
        i = max(0, min(int(x), len(bounds) - 2))
        # the bound grows with the energy: that of the upper end of the step holds
        row[REFERENCE], row[BOUND] = energy, bounds[i + 1, 1]
    _three_body(rng, row, energy, c, phi, p4)
    return n


@lean_kernel
def _jpsi_decay(rng, row, first, mother, frame, work, use_fsr, p4, pdg, masses, spare, reals, codes, next_row):
    """Leptons of the J/psi in row first + mother: aligned as the psi(2S), boosted without rotation; next free row."""
    mass = masses[2]
    lepton, m = int(row[LEPTON]), row[LEPTON + 2]
    x, y, z, t = p4[2, 0], p4[2, 1], p4[2, 2], p4[2, 3]
    helicity = 1 if rng.random() < 0.5 else -1
    c, phi = _direction(rng, helicity, 1.0, -(1.0 - 4.0 * m * m / (mass * mass)))
    _two_body(p4, mass, m, m, c, phi)
    pdg[0], pdg[1], masses[0], masses[1] = lepton, -lepton, m, m
    n = 2
    if use_fsr != 0:
        n = _radiate(rng, mass, 0.0, n, p4, pdg, masses, spare)
    _times_boost(frame, x / t, y / t, z / t, t / mass, work)
    parent = first + mother
    for i in range(n):
        px, py, pz = _apply(work, p4, i)
        _write(
            reals, codes, next_row + i, pdg[i], 1, mother, px, py, pz, masses[i], reals[4, parent], reals[5, parent],
            reals[6, parent], reals[7, parent], 0.0,
        )  # fmt: skip
    return next_row + n


@lean_kernel
def _event(
    rng, first, settings, secondaries, scratch, photons, frame, work, rotation, energies, modes, bounds, reals, codes
):
    """One event into the rows from `first` on; returns the row after its last one."""
    energy = _energy(rng, energies, settings.numbers)
    n_photons, ax, ay, az = _beams_and_photons(rng, settings, energy, photons, frame, work)
    x, y, z = _sample_vertex(rng, settings.beam)
    row, mother = first, -1
    if settings.parent != 0:
        px, py, pz = frame[0, 3] * energy, frame[1, 3] * energy, frame[2, 3] * energy
        _write(reals, codes, row, settings.parent, 2, -1, px, py, pz, energy, x, y, z, 0.0, 0.0)
        row, mother = row + 1, 0
    for i in range(n_photons):
        _write(reals, codes, row, 22, 1, -1, photons[i, 0], photons[i, 1], photons[i, 2], 0.0, x, y, z, 0.0, 0.0)
        row += 1
    # +z -> annihilation axis
    ux, uy, uz, wx, wy, wz = _transverse(ax, ay, az)
    rotation[0, 0], rotation[1, 0], rotation[2, 0] = ux, uy, uz
    rotation[0, 1], rotation[1, 1], rotation[2, 1] = wx, wy, wz
    rotation[0, 2], rotation[1, 2], rotation[2, 2] = ax, ay, az
    _times_rotation(frame, rotation, work)
    p4, pdg, masses = scratch.p_minus, scratch.codes[0], scratch.masses[0]
    mode = modes[_choose(rng, modes)]
    n = _decay(rng, mode, energy, bounds, p4, pdg, masses)
    dipion = mode[KIND] == DIPION
    if settings.use_fsr != 0 and n == 2 and abs(pdg[0]) < 20:
        n = _radiate(rng, energy, 0.0, n, p4, pdg, masses, scratch.work)
    begin = row
    for i in range(n):
        px, py, pz = _apply(work, p4, i)
        status = 2 if dipion and i == 2 else 1
        _write(reals, codes, row, pdg[i], status, mother, px, py, pz, masses[i], x, y, z, 0.0, 0.0)
        row += 1
    if dipion:
        row = _jpsi_decay(
            rng, mode, first, begin + 2 - first, work, scratch.frames[0], settings.use_fsr, p4, pdg, masses,
            scratch.work, reals, codes, row,
        )  # fmt: skip
    if settings.daughter != 0 or n > 2:
        row = _decay_chain(rng, first, begin, row, settings.use_fsr != 0, secondaries, scratch, reals, codes)
    return row


@kernel
def _generate_returns(rng, done, row, n, settings, secondaries, scratch, reals, codes, offsets):
    """Events done..n-1 until all are made or fewer than MAX_ROWS rows are left: (events made, rows used)."""
    photons, frame, work, rotation = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((3, 3))
    energies, modes, bounds = settings.energies, settings.modes.copy(), settings.bounds
    for i in range(done, n):
        if row + MAX_ROWS > reals.shape[1]:
            return i, row
        row = _event(
            rng, row, settings, secondaries, scratch, photons, frame, work, rotation, energies, modes, bounds, reals,
            codes,
        )  # fmt: skip
        offsets[i + 1] = row
    return n, row

