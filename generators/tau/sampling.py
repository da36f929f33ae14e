"""Unweighted sampling of the hadronic modes: a piecewise constant envelope on adaptive cells of the unit cube.

Cells grow as in Foam [S. Jadach, CPC 152 (2003) 55, physics/0203033]: the cell whose division lowers the envelope most is
divided, at the best of eight places in the best direction. A learning pass then draws from the envelope itself and raises
it wherever a weight lies above, and a safety factor follows. A decay picks a cell (alias method), a point in it and keeps
it with weight/envelope. Weights above the envelope are kept once and cannot be repaired: `measure` counts them and their
share in the rate.
"""

import numpy as np

from toymc.generators.tau import modes
from toymc.generators.tau.currents_three import _three_meson_current
from toymc.generators.tau.currents_two import _two_meson_point
from toymc.generators.tau.four_pion import _current_3pi_pi0, _current_pi_3pi0
from toymc.generators.tau.phase_space import _four_meson_phase_space, _three_meson_phase_space
from toymc.generators.tau.polarimeter import _mean_rate
from toymc.generators.tau.tables import (
    ALIAS_KEEP,
    ALIAS_PARTNER,
    CORNER,
    CURRENT,
    EXTENT,
    PEAK,
    POINT,
)
from toymc.kernels import kernel

_3PI_PI0 = modes.THREE_PI_PI0_NU
_BINS = 8


@kernel
def _point(kind, mesons, lines, four_pion, reals, p4):
    """Hadrons in their rest frame, current and rate density at the point in `p4`; returns (rate, Q^2)."""
    if mesons == 2:
        space, q2 = _two_meson_point(kind, reals[kind, 1], reals[kind, 2], lines, p4)
    elif mesons == 3:
        space, q2, q, s23, s13, s12 = _three_meson_phase_space(reals[kind, 1], reals[kind, 2], reals[kind, 3], p4)
        _three_meson_current(kind, q2, q, p4, s23, s13, s12, lines, reals)
    else:
        space, q2 = _four_meson_phase_space(kind, reals, p4)
        out = p4[CURRENT : CURRENT + 2].reshape((4, 2))
        if kind == _3PI_PI0:
            _current_3pi_pi0(p4[1:5], four_pion, out)
        else:
            _current_pi_3pi0(p4[1:5], four_pion, out)
    if not space > 0.0:
        return 0.0, q2
    return space * _mean_rate(q2, p4), q2


@kernel
def _throw(rng, dims, cells, c, p4):
    """A uniform point of cell c."""
    for d in range(dims):
        p4[POINT + (d >> 2), d & 3] = cells[c, CORNER + d] + cells[c, EXTENT + d] * rng.random()


@kernel
def _draw(rng, kind, mesons, first, count, lines, cells, four_pion, reals, p4):
    """One unweighted hadronic system in its rest frame (rows 1..n) with its current; returns Q^2."""
    dims = 3 * mesons - 6 if mesons > 2 else 1
    while True:
        x = rng.random() * count
        i = int(x)
        c = first + i
        if x - i >= cells[c, ALIAS_KEEP]:
            c = first + int(cells[c, ALIAS_PARTNER])
        _throw(rng, dims, cells, c, p4)
        rate, q2 = _point(kind, mesons, lines, four_pion, reals, p4)
        if rng.random() * cells[c, PEAK] <= rate:
            return q2


@kernel
def _explore(rng, kind, mesons, lines, four_pion, reals, p4, dims, points, cells, c, best):
    """Peak of the rate in a cell and its best division; best = (peak, gain, direction, cut, left peak, right peak)."""
    profile = np.zeros((dims, _BINS))
    peak = 0.0
    corners = 2**dims if dims <= 3 else 0
    for k in range(points + corners):
        if k < points:
            _throw(rng, dims, cells, c, p4)
        else:
            for d in range(dims):
                p4[POINT, d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * ((k - points) >> d & 1)
        rate, _ = _point(kind, mesons, lines, four_pion, reals, p4)
        peak = max(peak, rate)
        for d in range(dims):
            u = (p4[POINT + (d >> 2), d & 3] - cells[c, CORNER + d]) / cells[c, EXTENT + d]
            b = min(int(u * _BINS), _BINS - 1)
            profile[d, b] = max(profile[d, b], rate)
    best[0] = peak
    best[1] = -1.0
    for d in range(dims):
        for cut in range(1, _BINS):
            left = 0.0
            right = 0.0
            for b in range(_BINS):
                if b < cut:
                    left = max(left, profile[d, b])
                else:
                    right = max(right, profile[d, b])
            gain = peak - (left * cut + right * (_BINS - cut)) / _BINS
            if gain > best[1]:
                best[1], best[2], best[3], best[4], best[5] = gain, d, cut, left, right


@kernel
def _grow(rng, kind, mesons, lines, four_pion, reals, p4, dims, points, cells):
    """Divide the unit cube into len(cells) cells (columns as in `tables`)."""
    n_cells = len(cells)
    bests = np.zeros((n_cells, 6))
    gains = np.zeros(n_cells)
    cells[0, CORNER : CORNER + dims] = 0.0
    cells[0, EXTENT : EXTENT + dims] = 1.0
    _explore(rng, kind, mesons, lines, four_pion, reals, p4, dims, 8 * points, cells, 0, bests[0])
    cells[0, PEAK] = bests[0, 0]
    gains[0] = 1.0
    for n in range(1, n_cells):
        c = np.argmax(gains[:n])
        d = int(bests[c, 2])
        share = bests[c, 3] / _BINS
        peaks = (bests[c, 4], bests[c, 5])
        cells[n] = cells[c]
        cells[n, CORNER + d] = cells[c, CORNER + d] + share * cells[c, EXTENT + d]
        cells[n, EXTENT + d] = (1.0 - share) * cells[c, EXTENT + d]
        cells[c, EXTENT + d] *= share
        for side in range(2):
            k = c if side == 0 else n
            _explore(rng, kind, mesons, lines, four_pion, reals, p4, dims, points, cells, k, bests[k])
            cells[k, PEAK] = max(bests[k, 0], peaks[side])
            volume = 1.0
            for j in range(dims):
                volume *= cells[k, EXTENT + j]
            gains[k] = bests[k, 1] * volume


@kernel
def _masses_of_cells(dims, cells):
    """Integral of the envelope over each cell."""
    result = cells[:, PEAK].copy()
    for c in range(len(cells)):
        for d in range(dims):
            result[c] *= cells[c, EXTENT + d]
    return result


@kernel
def _trials(rng, kind, mesons, lines, four_pion, reals, p4, dims, trials, cells, learn, totals):
    """Draw from the envelope; totals = (sum of w/peak capped at 1, number above, sum of the excess, largest ratio).

    With `learn` the envelope is raised to every weight that exceeds it.
    """
    cumulative = np.cumsum(_masses_of_cells(dims, cells))
    for _ in range(trials):
        c = min(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"), len(cells) - 1)
        _throw(rng, dims, cells, c, p4)
        rate, _ = _point(kind, mesons, lines, four_pion, reals, p4)
        ratio = rate / cells[c, PEAK]
        totals[0] += min(ratio, 1.0)
        totals[3] = max(totals[3], ratio)
        if ratio > 1.0:
            totals[1] += 1.0
            totals[2] += ratio - 1.0
            if learn:
                cells[c, PEAK] = rate


@kernel
def _alias(dims, cells):
    """Fill the alias columns [A.J. Walker, ACM Trans. Math. Softw. 3 (1977) 253; M.D. Vose (1991)]."""
    n = len(cells)
    share = _masses_of_cells(dims, cells)
    share *= n / share.sum()
    small = np.empty(n, dtype=np.int64)
    large = np.empty(n, dtype=np.int64)
    n_small = 0
    n_large = 0
    for c in range(n):
        cells[c, ALIAS_KEEP] = 1.0
        cells[c, ALIAS_PARTNER] = c
        if share[c] < 1.0:
            small[n_small] = c
            n_small += 1
        else:
            large[n_large] = c
            n_large += 1
    while n_small > 0 and n_large > 0:
        n_small -= 1
        s = small[n_small]
        g = large[n_large - 1]
        cells[s, ALIAS_KEEP] = share[s]
        cells[s, ALIAS_PARTNER] = g
        share[g] -= 1.0 - share[s]
        if share[g] < 1.0:
            n_large -= 1
            small[n_small] = g
            n_small += 1


@kernel
def _adapt(rng, kind, mesons, lines, four_pion, reals, p4, dims, points, learn, safety, cells):
    """Grow, learn twice, apply the safety factor and prepare the alias table of one mode."""
    totals = np.zeros(4)
    _grow(rng, kind, mesons, lines, four_pion, reals, p4, dims, points, cells)
    for _ in range(2):
        _trials(rng, kind, mesons, lines, four_pion, reals, p4, dims, learn, cells, True, totals)
    cells[:, PEAK] *= safety
    _alias(dims, cells)
