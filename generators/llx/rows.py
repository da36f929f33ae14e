"""From hard events to particle rows: leptons, boson, radiated photons, decays with lifetime, taus with their spin.

Rows of one event: l- (0), l+ (1), boson (2; a final photon for X = gamma), photons of the beams, products of the boson,
products of the taus, and what these decay to. `reals` and `codes` are laid out as in `tau_pair_kernels`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import M_TAU
from toymc.generators.amplitudes.spin import _sample_density
from toymc.generators.llx.layout import (
    BOSON_MASS,
    BOSON_P,
    DECAY_DENSITY,
    DIRECTION,
    FRAME,
    LEPTON_MINUS,
    LEPTON_PLUS,
    MODE,
    MODE_MASS,
    MODE_PDG,
    N_PHOTONS,
    PHOTONS,
    PRIMARY_DENSITY,
    VERTEX,
    WEIGHT,
)
from toymc.generators.lorentz import _apply, _rotation_between, _times_boost, _times_rotation
from toymc.generators.radiation import _radiate
from toymc.generators.tau_pair_kernels import (
    MAX_ROWS,
    _body_decay,
    _decay_chain,
    _draw_mode,
    _flight,
    _neutrino_helicity,
    _write,
    _write_decay,
)
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class RowSettings(NamedTuple):
    """What stays fixed from event to event."""

    modes: FloatArray  # decays of the boson
    tau_modes: IntArray  # modes of the taus and the running sum of their fractions
    tau_cumulative: FloatArray
    lepton_pdg: int
    lepton_mass: float
    boson_pdg: int
    ctau: float  # of the boson, cm
    use_fsr: int


class RowScratch(NamedTuple):
    """Small arrays that the kernel reuses from event to event (beside the `Scratch` of tau pairs)."""

    frame: FloatArray  # hard frame -> laboratory
    boosted: FloatArray
    moved: FloatArray
    rotation: FloatArray
    vector: FloatArray


def row_scratch() -> RowScratch:
    """Scratch arrays for the kernels of this module.

    Examples
    --------
    >>> row_scratch().frame.shape
    (4, 4)
    """
    return RowScratch(np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((3, 3)), np.zeros((16, 4)))


@lean_kernel
def _four_momentum(hard, column, mass, vector, row):
    x, y, z = hard[column], hard[column + 1], hard[column + 2]
    vector[row, 0], vector[row, 1], vector[row, 2] = x, y, z
    vector[row, 3] = np.sqrt(x * x + y * y + z * z + mass * mass)


@lean_kernel
def _start_event(hard, first, lepton_pdg, lepton_mass, boson_pdg, frame, vector, reals, codes):
    """Leptons, boson and radiated photons; returns the next free row."""
    for i in range(4):
        for j in range(4):
            frame[i, j] = hard[FRAME + 4 * i + j]
    x, y, z = hard[VERTEX], hard[VERTEX + 1], hard[VERTEX + 2]
    _four_momentum(hard, LEPTON_MINUS, lepton_mass, vector, 0)
    _four_momentum(hard, LEPTON_PLUS, lepton_mass, vector, 1)
    _four_momentum(hard, BOSON_P, hard[BOSON_MASS], vector, 2)
    status = 2 if lepton_pdg == 15 else 1
    for side in range(2):
        px, py, pz = _apply(frame, vector, side)
        pdg = lepton_pdg if side == 0 else -lepton_pdg
        _write(reals, codes, first + side, pdg, status, -1, px, py, pz, lepton_mass, x, y, z, 0.0, 0.0)
    px, py, pz = _apply(frame, vector, 2)
    status = 2 if hard[MODE] >= 0.0 else 1
    _write(reals, codes, first + 2, boson_pdg, status, -1, px, py, pz, hard[BOSON_MASS], x, y, z, 0.0, 0.0)
    row = first + 3
    for i in range(int(hard[N_PHOTONS])):
        p = PHOTONS + 4 * i
        _write(reals, codes, row, 22, 1, -1, hard[p], hard[p + 1], hard[p + 2], 0.0, x, y, z, 0.0, 0.0)
        row += 1
    return row


@lean_kernel
def _boson_decay(
    rng, hard, first, row, modes, ctau, use_fsr, frame, boosted, p, pdg, masses, work, vector, reals, codes,
):  # fmt: skip
    """Products of the boson at the end of its flight; returns (next free row, first of the products)."""
    mode = int(hard[MODE])
    mass = hard[BOSON_MASS]
    code, m = int(modes[mode, MODE_PDG]), modes[mode, MODE_MASS]
    momentum = np.sqrt(max(0.0, 0.25 * mass * mass - m * m))
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        for k in range(3):
            p[side, k] = sign * momentum * hard[DIRECTION + k]
        p[side, 3] = 0.5 * mass
        masses[side] = m
        pdg[side] = code if side == 0 or code == 22 else -code
    n = 2
    if use_fsr != 0 and (code == 11 or code == 13):
        n = _radiate(rng, mass, 0.0, n, p, pdg, masses, work)
    e = vector[2, 3]
    _times_boost(frame, vector[2, 0] / e, vector[2, 1] / e, vector[2, 2] / e, e / mass, boosted)
    x, y, z, t = _flight(rng, reals, first + 2, ctau)
    begin = row
    for i in range(n):
        px, py, pz = _apply(boosted, p, i)
        status = 2 if abs(pdg[i]) == 15 else 1
        helicity = _neutrino_helicity(pdg[i])
        _write(reals, codes, row, pdg[i], status, 2, px, py, pz, masses[i], x, y, z, t, helicity)
        row += 1
    return row, begin


@lean_kernel
def _tau_pair_decays(
    rng, minus, plus, density, first, row, modes, cumulative, use_fsr, tables, scratch, frame, boosted, moved,
    rotation, vector, reals, codes,
):  # fmt: skip
    """Decay the taus in rows first + minus and first + plus, momenta in `vector` rows 4, 5, by their joint density."""
    mode_minus = _draw_mode(rng, modes, cumulative)
    mode_plus = _draw_mode(rng, modes, cumulative)
    n_minus, ax, ay, az = _body_decay(
        rng, mode_minus, -1.0, use_fsr, 0.0, tables, scratch.p_minus, scratch.codes[0], scratch.masses[0], scratch.work
    )
    n_plus, bx, by, bz = _body_decay(
        rng, mode_plus, 1.0, use_fsr, 0.0, tables, scratch.p_plus, scratch.codes[1], scratch.masses[1], scratch.work
    )
    a = np.sqrt(ax * ax + ay * ay + az * az)
    b = np.sqrt(bx * bx + by * by + bz * bz)
    m0, m1, m2, p0, p1, p2 = _sample_density(rng, density, a, b)
    for side in range(2):
        u, w, q = (m0, m1, m2) if side == 0 else (p0, p1, p2)
        hx, hy, hz = (ax, ay, az) if side == 0 else (bx, by, bz)
        e = vector[4 + side, 3]
        _rotation_between(rng, hx, hy, hz, u, w, q, rotation)
        _times_boost(
            frame, vector[4 + side, 0] / e, vector[4 + side, 1] / e, vector[4 + side, 2] / e, e / M_TAU, boosted
        )
        _times_rotation(boosted, rotation, moved)
        if side == 0:
            row = _write_decay(
                rng, first, minus, row, n_minus, moved, scratch.p_minus, scratch.codes[0], scratch.masses[0], reals,
                codes,
            )  # fmt: skip
        else:
            row = _write_decay(
                rng, first, plus, row, n_plus, moved, scratch.p_plus, scratch.codes[1], scratch.masses[1], reals, codes
            )
    return row


@lean_kernel
def _daughter_vectors(hard, vector):
    """Rows 4, 5 of `vector`: the taus of the boson in the hard frame."""
    mass = hard[BOSON_MASS]
    momentum = np.sqrt(max(0.0, 0.25 * mass * mass - M_TAU * M_TAU))
    kx, ky, kz, ke = vector[2, 0], vector[2, 1], vector[2, 2], vector[2, 3]
    for side in range(2):
        q = momentum if side == 0 else -momentum
        dx, dy, dz = q * hard[DIRECTION], q * hard[DIRECTION + 1], q * hard[DIRECTION + 2]
        along = (kx * dx + ky * dy + kz * dz) / mass
        f = along / (ke + mass) + 0.5
        vector[4 + side, 0], vector[4 + side, 1], vector[4 + side, 2] = dx + f * kx, dy + f * ky, dz + f * kz
        vector[4 + side, 3] = 0.5 * ke + along


@kernel
def _write_plain(rng, done, row, hard, settings, scratch, rows, reals, codes, offsets, weight):
    """Rows of events without taus, as `_write_with_taus`. `scratch`: that of tau pairs."""
    p, pdg, masses, work = scratch.p_minus, scratch.codes[0], scratch.masses[0], scratch.work
    frame, boosted, vector, modes = rows.frame, rows.boosted, rows.vector, settings.modes
    for i in range(done, len(hard)):
        if row + MAX_ROWS > reals.shape[1]:
            return i, row
        first = row
        row = _start_event(
            hard[i], first, settings.lepton_pdg, settings.lepton_mass, settings.boson_pdg, frame, vector, reals, codes
        )
        if hard[i, MODE] >= 0.0:
            row, _ = _boson_decay(
                rng, hard[i], first, row, modes, settings.ctau, settings.use_fsr, frame, boosted, p, pdg, masses,
                work, vector, reals, codes,
            )  # fmt: skip
        weight[i] = hard[i, WEIGHT]
        offsets[i + 1] = row
    return len(hard), row


@kernel
def _write_with_taus(rng, done, row, hard, settings, tables, secondaries, scratch, rows, reals, codes, offsets, weight):
    """Rows of events done.. until all are made or fewer than MAX_ROWS are left: (events made, rows used)."""
    p, pdg, masses, work = scratch.p_minus, scratch.codes[0], scratch.masses[0], scratch.work
    frame, boosted, moved, rotation, vector = rows.frame, rows.boosted, rows.moved, rows.rotation, rows.vector
    modes, tau_modes, cumulative = settings.modes, settings.tau_modes, settings.tau_cumulative
    fsr = settings.use_fsr != 0
    for i in range(done, len(hard)):
        if row + MAX_ROWS > reals.shape[1]:
            return i, row
        first = row
        event = hard[i]
        row = _start_event(
            event, first, settings.lepton_pdg, settings.lepton_mass, settings.boson_pdg, frame, vector, reals, codes
        )
        begin = row
        tau = False
        if event[MODE] >= 0.0:
            row, begin = _boson_decay(
                rng, event, first, row, modes, settings.ctau, settings.use_fsr, frame, boosted, p, pdg, masses,
                work, vector, reals, codes,
            )  # fmt: skip
            tau = codes[0, begin] == 15
        products = row
        if settings.lepton_pdg == 15:
            for k in range(4):
                vector[4, k], vector[5, k] = vector[0, k], vector[1, k]
            row = _tau_pair_decays(
                rng, 0, 1, event[PRIMARY_DENSITY : PRIMARY_DENSITY + 16], first, row, tau_modes, cumulative, fsr,
                tables, scratch, frame, boosted, moved, rotation, vector, reals, codes,
            )  # fmt: skip
        if tau:
            _daughter_vectors(event, vector)
            row = _tau_pair_decays(
                rng, begin - first, begin - first + 1, event[DECAY_DENSITY : DECAY_DENSITY + 16], first, row,
                tau_modes, cumulative, fsr, tables, scratch, frame, boosted, moved, rotation, vector, reals, codes,
            )  # fmt: skip
        row = _decay_chain(rng, first, products, row, fsr, secondaries, scratch, reals, codes)
        weight[i] = event[WEIGHT]
        offsets[i + 1] = row
    return len(hard), row
