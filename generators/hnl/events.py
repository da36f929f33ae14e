"""The event kernel of e+e- -> tau+ tau-, one tau -> N X, N -> Y, the other into the modes of the tag side.

Rows: tau-, tau+, photons of the beams and of the primary taus, products of the tau-, of the tau+ (N and a vector meson
of the signal tau with status 2), products of that vector meson, of N, of the vector meson of N, then what these decay
to. Production, spin correlation and the decay of the other tau are those of `toymc.generators.tau_pair_kernels`.
"""

from toymc.generators.hnl.chain import _signal_chain
from toymc.generators.hnl.layout import HNL, HNL_MESON, N_CTAU, TAU, TAU_MESON
from toymc.generators.lorentz import _apply
from toymc.generators.tau_pair_kernels import (
    MAX_ROWS,
    _body_decay,
    _decay_chain,
    _draw_mode,
    _flight,
    _neutrino_helicity,
    _orient_pair,
    _pair_production,
    _write,
    _write_decay,
    _write_pair,
)
from toymc.kernels import kernel, lean_kernel


@lean_kernel
def _write_place(place, first, mother, row, frame, chain, x, y, z, t, reals, codes):
    """Products of one place of the chain, mother in row first + mother, born at x, y, z, t; returns the next row."""
    codes[1, first + mother] = 2
    for i in range(chain.rows[place]):
        px, py, pz = _apply(frame, chain.p[place], i)
        pdg = chain.codes[place, i]
        _write(
            reals, codes, row + i, pdg, 1, mother, px, py, pz, chain.masses[place, i], x, y, z, t,
            _neutrino_helicity(pdg),
        )  # fmt: skip
    return row + chain.rows[place]


@lean_kernel
def _write_chain(rng, first, n_row, row, ctau, frame, chain, reals, codes):
    """Decays of the vector meson of the tau, of N (row n_row) and of its vector meson; returns the next row."""
    if chain.rows[TAU_MESON] > 0:
        at = n_row + 1
        x, y, z, t = reals[4, at], reals[5, at], reals[6, at], reals[7, at]
        row = _write_place(TAU_MESON, first, at - first, row, frame, chain, x, y, z, t, reals, codes)
    x, y, z, t = _flight(rng, reals, n_row, ctau)
    meson = row + 1 - first
    row = _write_place(HNL, first, n_row - first, row, frame, chain, x, y, z, t, reals, codes)
    if chain.rows[HNL_MESON] > 0:
        row = _write_place(HNL_MESON, first, meson, row, frame, chain, x, y, z, t, reals, codes)
    return row


@lean_kernel
def _signal_event(rng, first, flip, mode, settings, tables, signal, secondaries, scratch, chain, reals, codes):
    """One event, the tau- (flip = 0) or the tau+ (1) with the chain; returns the row after its last one."""
    n_photons, g, c = _pair_production(rng, settings, scratch)
    use_fsr = settings.switches[1] != 0
    sx, sy, sz = _signal_chain(rng, -1.0 if flip == 0 else 1.0, use_fsr, signal, secondaries, chain)
    other = 1 - flip
    p, pdg, masses = scratch.p_plus, scratch.codes[1], scratch.masses[1]
    n, tx, ty, tz = _body_decay(
        rng, mode, 1.0 if other == 1 else -1.0, use_fsr, 0.0, tables, p, pdg, masses, scratch.work
    )
    spin = float(settings.switches[2])
    if flip == 0:
        minus, plus = _orient_pair(rng, g, c, scratch, spin, sx, sy, sz, tx, ty, tz)
    else:
        minus, plus = _orient_pair(rng, g, c, scratch, spin, tx, ty, tz, sx, sy, sz)
    row = _write_pair(rng, first, n_photons, minus, plus, settings, scratch, reals, codes)
    begin, n_row = row, row
    for side in range(2):
        if side == flip:
            n_row = row
            row = _write_decay(
                rng, first, side, row, chain.rows[TAU], scratch.frames[2 + side], chain.p[TAU], chain.codes[TAU],
                chain.masses[TAU], reals, codes,
            )  # fmt: skip
        else:
            row = _write_decay(rng, first, side, row, n, scratch.frames[2 + side], p, pdg, masses, reals, codes)
    row = _write_chain(rng, first, n_row, row, signal.numbers[N_CTAU], scratch.frames[2 + flip], chain, reals, codes)
    return _decay_chain(rng, first, begin, row, use_fsr, secondaries, scratch, reals, codes)


@lean_kernel
def _signal_loop(
    rng, done, n_events, row, settings, tables, signal, secondaries, scratch, chain, reals, codes, offsets
):
    """See `_generate_signal`."""
    for i in range(done, n_events):
        if row + MAX_ROWS > reals.shape[1]:
            return i, row
        flip = 1 if rng.random() < 0.5 else 0
        mode = _draw_mode(rng, settings.modes_b, settings.cumulative_b)
        row = _signal_event(
            rng, row, flip, mode, settings, tables, signal, secondaries, scratch, chain, reals, codes
        )
        offsets[i + 1] = row
    return n_events, row


@kernel
def _generate_signal(rng, done, row, settings, tables, signal, secondaries, scratch, chain, reals, codes, offsets):
    """Events done.. until all are made or fewer than MAX_ROWS rows are left: (events made, rows used)."""
    return _signal_loop(
        rng, done, len(offsets) - 1, row, settings, tables, signal, secondaries, scratch, chain, reals, codes, offsets
    )
