"""Whole events: Upsilon(4S), both mesons, signal decay, generic decays.

Rows of one event: Upsilon(4S) (0), the two mesons (1: the signal, 2: the other), photons of the beams, products of the
signal and what they decay to, products of the other B. A B that oscillates carries the flavour that it decays with.
`reals` and `codes` are laid out as in `tau_pair_kernels`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.events import EventBatch
from toymc.generators.b_meson.inputs import CTAU_B_PLUS_CM, CTAU_B_ZERO_CM, M_B_PLUS, M_B_ZERO
from toymc.generators.b_meson.mixing import _pair_times
from toymc.generators.b_meson.pythia_decays import BDecays
from toymc.generators.b_meson.signal import _conjugate_code, _fly, _signal_side
from toymc.generators.b_meson.upsilon import UpsilonTables, _sample_sine_squared, _upsilon
from toymc.generators.beams import _sample_vertex
from toymc.generators.lorentz import _rotation_between, _times_boost, _times_rotation
from toymc.generators.rows import event_batch, grown
from toymc.generators.secondary import secondary_table
from toymc.generators.tau_pair import _scratch
from toymc.generators.tau_pair_kernels import N_REALS, _decay_chain, _neutrino_helicity, _pair_axes, _write
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.int64]

_SIGNAL_ROWS = 64
"""More rows than production and signal side can have."""


class SignalTables(NamedTuple):
    """The signal decay: see `channels.channel_tables` and `kstar.kstar_table`."""

    codes: Int32Array
    numbers: FloatArray
    kstar: FloatArray


class Options(NamedTuple):
    """Scalars of the process."""

    delta_m: float  # phase per cm; 0: no mixing
    use_fsr: bool
    other: bool  # the other B decays


class _Work(NamedTuple):
    """Small arrays reused from event to event."""

    photons: FloatArray
    axes: FloatArray
    rotation: FloatArray
    frames: FloatArray  # (5, 4, 4): Upsilon, the mesons, two work places
    vectors: FloatArray  # (2, 4)


def _work() -> _Work:
    return _Work(np.zeros((4, 4)), np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((5, 4, 4)), np.zeros((2, 4)))


@lean_kernel
def _production(rng, first, neutral, upsilon, photons, axes, frames, reals, codes):
    """Upsilon, mesons (codes to be set), photons of the beams: next free row. frames[1], [2]: mesons at rest -> lab."""
    n, energy, ax, ay, az = _upsilon(
        rng, neutral, upsilon.beam, upsilon.line, upsilon.reals, upsilon.numbers, upsilon.isr, photons, frames[0],
        frames[3],
    )  # fmt: skip
    _pair_axes(rng, _sample_sine_squared(rng), ax, ay, az, axes)
    m = upsilon.reals[neutral]
    beta = np.sqrt(1.0 - (2.0 * m / energy) ** 2)
    gamma = 0.5 * energy / m
    x, y, z = _sample_vertex(rng, upsilon.beam)
    frame = frames[0]
    _write(
        reals, codes, first, 300553, 2, -1, energy * frame[0, 3], energy * frame[1, 3], energy * frame[2, 3], energy,
        x, y, z, 0.0, 0.0,
    )  # fmt: skip
    for side in range(2):
        v = beta if side == 0 else -beta
        moved = frames[1 + side]
        _times_boost(frame, v * axes[2, 0], v * axes[2, 1], v * axes[2, 2], gamma, moved)
        px, py, pz = m * moved[0, 3], m * moved[1, 3], m * moved[2, 3]
        _write(reals, codes, first + 1 + side, 0, 2, 0, px, py, pz, m, x, y, z, 0.0, 0.0)
    row = first + 3
    for i in range(n):
        _write(reals, codes, row, 22, 1, -1, photons[i, 0], photons[i, 1], photons[i, 2], 0.0, x, y, z, 0.0, 0.0)
        row += 1
    return row


@lean_kernel
def _generic_side(
    rng, first, mother, row, anti, length, begin, end, pool_pdg, pool_status, pool_mother, pool, frame, rotation,
    turned, reals, codes,
):  # fmt: skip
    """Rows begin..end-1 of the pool as the decay of the B in row first + mother, turned at random, mirrored if anti."""
    x, y, z, t = _fly(reals, first + mother, length)
    nx, ny, nz = _random_direction(rng)
    _rotation_between(rng, 0.0, 0.0, 0.0, nx, ny, nz, rotation)
    _times_rotation(frame, rotation, turned)
    sign = -1.0 if anti else 1.0
    shift = row - first
    for i in range(begin, end):
        px, py, pz, m = sign * pool[0, i], sign * pool[1, i], sign * pool[2, i], pool[3, i]
        e = np.sqrt(px * px + py * py + pz * pz + m * m)
        dx, dy, dz, dt = sign * pool[4, i], sign * pool[5, i], sign * pool[6, i], pool[7, i]
        ux = turned[0, 0] * px + turned[0, 1] * py + turned[0, 2] * pz + turned[0, 3] * e
        uy = turned[1, 0] * px + turned[1, 1] * py + turned[1, 2] * pz + turned[1, 3] * e
        uz = turned[2, 0] * px + turned[2, 1] * py + turned[2, 2] * pz + turned[2, 3] * e
        vx = turned[0, 0] * dx + turned[0, 1] * dy + turned[0, 2] * dz + turned[0, 3] * dt
        vy = turned[1, 0] * dx + turned[1, 1] * dy + turned[1, 2] * dz + turned[1, 3] * dt
        vz = turned[2, 0] * dx + turned[2, 1] * dy + turned[2, 2] * dz + turned[2, 3] * dt
        vt = turned[3, 0] * dx + turned[3, 1] * dy + turned[3, 2] * dz + turned[3, 3] * dt
        pdg = _conjugate_code(pool_pdg[i]) if anti else pool_pdg[i]
        above = mother if pool_mother[i] < 0 else shift + pool_mother[i]
        _write(
            reals, codes, row, pdg, pool_status[i], above, ux, uy, uz, m, x + vx, y + vy, z + vz,
            t + vt / SPEED_OF_LIGHT_CM_PER_NS, _neutrino_helicity(pdg),
        )  # fmt: skip
        row += 1
    return row


@lean_kernel
def _random_direction(rng):
    c = 2.0 * rng.random() - 1.0
    s = np.sqrt(1.0 - c * c)
    phi = 2.0 * np.pi * rng.random()
    return s * np.cos(phi), s * np.sin(phi), c


@lean_kernel
def _set_flavours(rng, first, b_code, same, codes):
    """Codes of the mesons in rows first + 1, 2 at random; returns whether each is the antiparticle."""
    anti = rng.random() < 0.5
    other = anti if same else not anti
    codes[0, first + 1] = -b_code if anti else b_code
    codes[0, first + 2] = -b_code if other else b_code
    return anti, other


@lean_kernel
def _signal_event(
    rng, first, neutral, upsilon, signal, options, offsets, pdg, status, mother, pool, work, scratch, secondaries,
    reals, codes,
):  # fmt: skip
    """One event into the rows from `first` on; returns the row after its last one."""
    row = _production(rng, first, neutral, upsilon, work.photons, work.axes, work.frames, reals, codes)
    b_code, ctau, m = (511, CTAU_B_ZERO_CM, M_B_ZERO) if neutral == 1 else (521, CTAU_B_PLUS_CM, M_B_PLUS)
    t1, t2, same = _pair_times(rng, ctau, options.delta_m if neutral == 1 else 0.0)
    anti, other = _set_flavours(rng, first, b_code, same, codes)
    charge = 0.0 if neutral == 1 else (-1.0 if anti else 1.0)
    row, begin = _signal_side(
        rng, first, 1, row, anti, signal.codes, signal.numbers, signal.kstar, options.use_fsr, m, charge, t1,
        work.frames[1], work.frames[3], scratch.p_minus, work.vectors, scratch.codes[0], scratch.masses[0],
        scratch.work, reals, codes,
    )  # fmt: skip
    row = _decay_chain(rng, first, begin, row, options.use_fsr, secondaries, scratch, reals, codes)
    if not options.other:
        codes[1, first + 2] = 3
        return row
    entry = int(rng.random() * (len(offsets) - 1))
    return _generic_side(
        rng, first, 2, row, other, t2, offsets[entry], offsets[entry + 1], pdg, status, mother, pool, work.frames[2],
        work.rotation, work.frames[4], reals, codes,
    )  # fmt: skip


@lean_kernel
def _signal_loop(
    rng, done, row, longest, neutral, upsilon, signal, options, offsets, pdg, status, mother, pool, work, scratch,
    secondaries, reals, codes, ends,
):  # fmt: skip
    """See `_generate_signal`."""
    for i in range(done, len(ends) - 1):
        if row + _SIGNAL_ROWS + longest > reals.shape[1]:
            return i, row
        row = _signal_event(
            rng, row, neutral, upsilon, signal, options, offsets, pdg, status, mother, pool, work, scratch,
            secondaries, reals, codes,
        )  # fmt: skip
        ends[i + 1] = row
    return len(ends) - 1, row


@kernel
def _generate_signal(
    rng, done, row, longest, neutral, upsilon, signal, options, offsets, pdg, status, mother, pool, work, scratch,
    secondaries, reals, codes, ends,
):  # fmt: skip
    """Events done.. until all are made or the rows run short: (events made, rows used). longest: decay of the pool."""
    return _signal_loop(
        rng, done, row, longest, neutral, upsilon, signal, options, offsets, pdg, status, mother, pool, work, scratch,
        secondaries, reals, codes, ends,
    )  # fmt: skip


@lean_kernel
def _generic_loop(rng, upsilon, options, species, offsets, pdg, status, mother, pool, work, reals, codes, ends):
    """See `_generate_generic`."""
    frames, rotation = work.frames, work.rotation
    row = np.int64(0)
    for i in range(len(ends) - 1):
        first = row
        neutral = 1 if species[2 * i] == 511 else 0
        row = _production(rng, first, neutral, upsilon, work.photons, work.axes, frames, reals, codes)
        b_code, ctau = (511, CTAU_B_ZERO_CM) if neutral == 1 else (521, CTAU_B_PLUS_CM)
        t1, t2, same = _pair_times(rng, ctau, options.delta_m if neutral == 1 else 0.0)
        anti, other = _set_flavours(rng, first, b_code, same, codes)
        for side in range(2):
            entry = 2 * i + side
            row = _generic_side(
                rng, first, 1 + side, row, anti if side == 0 else other, t1 if side == 0 else t2, offsets[entry],
                offsets[entry + 1], pdg, status, mother, pool, frames[1 + side], rotation, frames[4], reals, codes,
            )  # fmt: skip
        ends[i + 1] = row


@kernel
def _generate_generic(rng, upsilon, options, species, offsets, pdg, status, mother, pool, work, reals, codes, ends):
    """Event i takes the decays 2 i and 2 i + 1; the rows have room for all."""
    _generic_loop(rng, upsilon, options, species, offsets, pdg, status, mother, pool, work, reals, codes, ends)


_NO_DECAYS = BDecays(
    species=np.zeros(0, dtype=np.int32),
    offsets=np.zeros(1, dtype=np.int64),
    pdg=np.zeros(0, dtype=np.int32),
    status=np.zeros(0, dtype=np.int32),
    mother=np.zeros(0, dtype=np.int32),
    reals=np.zeros((8, 0)),
)


def signal_events(
    rng: np.random.Generator,
    n_events: int,
    first_event_id: int,
    neutral: bool,
    upsilon: UpsilonTables,
    signal: SignalTables,
    options: Options,
    pool: BDecays | None,
    weight: float,
    process: str,
) -> EventBatch:
    """Events with a signal decay of one B and, with a pool, a generic decay of the other.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_events, first_event_id : int
    neutral : bool
    upsilon, signal, options
        Tables of production and decay.
    pool : BDecays, optional
        Of the species of the pair; without it the other B is left as documentation (status 3), not decayed.
    weight : float
        Of every event.
    process : str

    Returns
    -------
    EventBatch
    """
    decays = _NO_DECAYS if pool is None else pool
    per_event = 12.0 if pool is None else 12.0 + len(decays.pdg) / len(decays)
    longest = int(np.diff(decays.offsets).max(initial=0))
    capacity = int(n_events * per_event) + _SIGNAL_ROWS + longest
    reals: FloatArray = np.empty((N_REALS, capacity))
    codes: Int32Array = np.empty((3, capacity), dtype=np.int32)
    ends = np.zeros(n_events + 1, dtype=np.int64)
    work, scratch, secondaries = _work(), _scratch(), secondary_table()
    done = row = 0
    while True:
        done, row = _generate_signal(
            rng, done, row, longest, int(neutral), upsilon, signal, options, decays.offsets, decays.pdg, decays.status,
            decays.mother, decays.reals, work, scratch, secondaries, reals, codes, ends,
        )  # fmt: skip
        if done == n_events:
            return event_batch(reals, codes, ends, np.full(n_events, weight), first_event_id, process)
        capacity = int(1.3 * capacity) + _SIGNAL_ROWS + longest
        reals, codes = grown(reals, row, capacity), grown(codes, row, capacity)


def generic_events(
    rng: np.random.Generator,
    first_event_id: int,
    upsilon: UpsilonTables,
    options: Options,
    decays: BDecays,
    process: str,
) -> EventBatch:
    """Events in which both mesons decay generically: one for every two decays.

    Parameters
    ----------
    rng : numpy.random.Generator
    first_event_id : int
    upsilon, options
        Tables of production.
    decays : BDecays
        2 n decays, those of one event side by side and of one species.
    process : str

    Returns
    -------
    EventBatch
        n events of weight 1.
    """
    n_events = len(decays) // 2
    # production: Upsilon, two mesons, at most one photon of each beam
    capacity = len(decays.pdg) + 5 * n_events
    reals: FloatArray = np.empty((N_REALS, capacity))
    codes: Int32Array = np.empty((3, capacity), dtype=np.int32)
    ends = np.zeros(n_events + 1, dtype=np.int64)
    work = _work()
    _generate_generic(
        rng, upsilon, options, decays.species, decays.offsets, decays.pdg, decays.status, decays.mother, decays.reals,
        work, reals, codes, ends,
    )  # fmt: skip
    return event_batch(reals, codes, ends, np.ones(n_events), first_event_id, process)
