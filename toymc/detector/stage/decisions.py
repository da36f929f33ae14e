"""Who of a block is found: chances of all, then decays in flight one by one."""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.finding.found import _probability
from toymc.detector.finding.kinks import BOTH, MERGED, MOTHER, NONE, _after_kink, _kink_shift, _shifted
from toymc.detector.finding.kinks import DAUGHTER as ONLY_DAUGHTER
from toymc.detector.stage.columns import (
    AT,
    CHANCE,
    CHARGE,
    CODE,
    D0,
    DAUGHTER,
    DECAY,
    DRAW,
    END,
    ENTRY,
    JOINED,
    KIND,
    OMEGA,
    OWNER,
    PHI0,
    PIXEL,
    PX,
    PY,
    PZ,
    RHO,
    SINGLE,
    STRIP,
    TAN,
    WIRE,
    Z0,
)
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lanes import WIDTH, chosen, loaded, stored

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


@lean_kernel
def _found(rng, n_lines, lines, charged, kinks, found):
    """Enter the tracks of the block in `found`, in the order of the lines; their number."""
    c = charged
    n = np.int64(0)
    for m in range(n_lines):
        i = lines[m, AT]
        if lines[m, KIND] == SINGLE:
            is_found = c[DRAW, i] < c[CHANCE, i]
            lines[m, CODE] = 1 if is_found else 0
            if is_found:
                found[ENTRY, n] = i
                n += 1
        elif lines[m, KIND] == DECAY:
            code, lines[m, OWNER] = _kink(rng, i, c, kinks)
            if code == MERGED and not c[PIXEL, i + JOINED] >= 0.0:
                code = np.int64(NONE)
            lines[m, CODE] = code
            if code == MOTHER or code == BOTH:
                found[ENTRY, n] = i
                n += 1
            if code == MERGED or code == BOTH or code == ONLY_DAUGHTER:
                found[ENTRY, n] = i + (JOINED if code == MERGED else DAUGHTER)
                n += 1
    return n
