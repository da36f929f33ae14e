"""Who of a block is found: chances of all, then decays in flight one by one."""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.finding.found import _probability
from toymc.detector.finding.kinks import BOTH, MERGED, MOTHER, NONE, _after_kink, _kink_shift, _shifted
from toymc.detector.finding.kinks import DAUGHTER as ONLY_DAUGHTER
from toymc.detector.stage.columns import (
    AT,
    BEFORE,
    BODY,
    CHANCE,
    CHARGE,
    CODE,
    D0,
    DAUGHTER,
    DECAY,
    DRAW,
    END,
    ENERGY,
    ENTRY,
    INTERACTED,
    JOINED,
    KIND,
    M_ENERGY,
    M_FATE,
    M_TRUTH,
    M_VX,
    M_VY,
    M_VZ,
    N_PHOTONS,
    OMEGA,
    PHI0,
    PIXEL,
    PX,
    PY,
    PZ,
    RHO,
    ROW,
    SINGLE,
    STRIP,
    TAN,
    TRUTH,
    VX,
    VY,
    VZ,
    WIRE,
    Z0,
)
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, chosen

_STRAIGHT = 1e-9
"""Smallest |omega| (1/cm) of a merged track."""


@lean_kernel
def _chances(n, charged, field, finding, efficiency, columns):
    """Probability that each of the first n entries (whole vectors) is found with the layers that it hits.

    An electron that radiated is found as the softer track that it became.
    """
    c = charged
    for i in range(0, n, WIDTH):
        pt = OMEGA_PER_TESLA_GEV_CM * field / abs(loaded(c[OMEGA], i))
        chance = _probability(
            pt, loaded(c[TAN], i), loaded(c[RHO], i), loaded(c[D0], i), loaded(c[Z0], i),
            loaded(c[STRIP], i), loaded(c[WIRE], i), finding, efficiency, columns,
        )  # fmt: skip
        stored(c[CHANCE], i, chosen(loaded(c[PIXEL], i) >= 0.0, chance, 0.0))


@inlined_kernel
def _at_kink(charged, i):
    """Momentum in the transverse plane of a mother where it decays: it has turned by -omega times its path."""
    c = charged
    turn = -c[OMEGA, i] * c[END, i]
    cosine, sine = math.cos(turn), math.sin(turn)
    return c[PX, i] * cosine - c[PY, i] * sine, c[PX, i] * sine + c[PY, i] * cosine


@lean_kernel
def _kink(rng, i, charged, kinks):
    """What is found of the decay whose entries begin at i: (code, owner) of `_after_kink`.

    The entry JOINED of a merged track, the mother as if it lived on, gets the shift of the common fit.
    """
    c, k, joined = charged, i + DAUGHTER, i + JOINED
    strips, wires, more_strips, more_wires = c[STRIP, i], c[WIRE, i], c[STRIP, k], c[WIRE, k]
    mx, my = _at_kink(c, i)
    code, owner = _after_kink(
        rng, mx, my, c[PZ, i], c[PX, k], c[PY, k], c[PZ, k], c[CHARGE, i], c[CHARGE, k],
        strips, wires, more_strips, more_wires, c[CHANCE, i], c[CHANCE, k], c[CHANCE, joined], kinks,
    )  # fmt: skip
    if code == MERGED:
        shift = _kink_shift(
            mx, my, c[PZ, i], c[PX, k], c[PY, k], c[PZ, k], c[CHARGE, i], strips, wires, more_strips, more_wires, kinks
        )
        c[D0, joined], c[PHI0, joined], c[OMEGA, joined], c[Z0, joined], c[TAN, joined] = _shifted(
            c[D0, joined], c[PHI0, joined], c[OMEGA, joined], c[Z0, joined], c[TAN, joined], shift
        )
        if not abs(c[OMEGA, joined]) > _STRAIGHT:
            c[OMEGA, joined] = math.copysign(_STRAIGHT, c[CHARGE, i])
    return code, owner


@inlined_kernel
def _track(entry, body, seen, truth, fate, charged, found, n):
    """Track n of the block, fitted to the hits of `entry`; the number of tracks.

    `body` is the entry that reaches the muon detector, `seen` the one in the crystals (-1 none).
    """
    c, f = charged, found
    f[ENTRY, n], f[BODY, n], f[M_TRUTH, n], f[M_FATE, n] = entry, body, truth, fate
    f[M_ENERGY, n], f[M_VX, n], f[M_VY, n], f[M_VZ, n] = 0.0, 0.0, 0.0, 0.0
    if seen >= 0:
        f[M_ENERGY, n], f[M_VX, n], f[M_VY, n], f[M_VZ, n] = c[ENERGY, seen], c[VX, seen], c[VY, seen], c[VZ, seen]
    return n + 1


@lean_kernel
def _decay_tracks(rng, i, fate, charged, integers, kinks, found, n):
    """Tracks of the decay whose entries begin at i: (code of `_after_kink`, number of tracks)."""
    code, owner = _kink(rng, i, charged, kinks)
    if code == MERGED and not charged[PIXEL, i + JOINED] >= 0.0:
        code = np.int64(NONE)
    daughter = i + DAUGHTER
    if code == MOTHER or code == BOTH:
        n = _track(i, i, np.int64(-1), integers[TRUTH, i], fate[integers[ROW, i]], charged, found, n)
    if code == MERGED:
        body = daughter if owner == 1 else i
        truth = np.int64(-1) if owner < 0 else integers[TRUTH, body]
        n = _track(i + JOINED, body, daughter, truth, fate[integers[ROW, body]], charged, found, n)
    elif code == BOTH or code == ONLY_DAUGHTER:
        n = _track(
            daughter, daughter, daughter, integers[TRUTH, daughter], fate[integers[ROW, daughter]], charged, found, n
        )
    return code, n


@lean_kernel
def _found(rng, n_lines, lines, busy, fate, charged, integers, kinks, found):
    """Enter the tracks of the block in `found`, in the order of the lines; their number.

    `busy` gets the lines that may leave clusters beside those of tracks, and the number of lines behind them. `lines`
    has a row more than lines: the tracks before the end of the block.
    """
    c = charged
    n, n_busy = np.int64(0), np.int64(0)
    for m in range(n_lines):
        i = lines[m, AT]
        lines[m, BEFORE] = n
        busy[n_busy] = m
        more = True
        if lines[m, KIND] == SINGLE:
            is_found = c[DRAW, i] < c[CHANCE, i]
            lines[m, CODE] = 1 if is_found else 0
            if is_found:
                n = _track(i, i, i, integers[TRUTH, i], fate[integers[ROW, i]], c, found, n)
            alone = (c[ENERGY, i] > 0.0) & (not is_found)
            more = alone | (c[INTERACTED, i] > 0.0) | (integers[N_PHOTONS, i] > 0)
        elif lines[m, KIND] == DECAY:
            lines[m, CODE], n = _decay_tracks(rng, i, fate, c, integers, kinks, found, n)
        n_busy += 1 if more else 0
    lines[n_lines, BEFORE] = n
    busy[n_busy] = n_lines
    return n
