"""Unweighted sampling of the hadronic modes: a piecewise constant envelope on adaptive cells of the unit cube.

Cells grow as in Foam [S. Jadach, CPC 152 (2003) 55, physics/0203033]: those whose division lowers the envelope most are
divided, at the best of eight places in the best direction. Learning passes then draw from the envelope itself and raise
it wherever a weight lies above, and a safety factor follows. A decay picks a cell (alias method), a point in it and
keeps it with weight/envelope. Weights above the envelope are kept once and cannot be repaired:
`toymc.generators.tau.decay.sampling_report` counts them and their share in the rate.
"""

import numpy as np
import numpy.typing as npt

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
    MESONS,
    PARAMETERS,
    PEAK,
    POINT,
    ROWS,
    TAU_MASS,
    TauDecayTables,
)
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]

_3PI_PI0 = modes.THREE_PI_PI0_NU
_BINS = 8


@kernel
def _three_meson_point(kind, lines, reals, p4):
    """Rows 1..3 and their current; returns the phase space and Q^2."""
    masses = reals[PARAMETERS, TAU_MASS], reals[kind, 1], reals[kind, 2], reals[kind, 3]
    space, q2, q, s23, s13, s12 = _three_meson_phase_space(*masses, p4)
    _three_meson_current(kind, q2, q, p4, s23, s13, s12, lines, reals)
    return space, q2


@kernel
def _four_meson_point(kind, four_pion, reals, p4):
    """Rows 1..4 and their current; returns the phase space and Q^2."""
    space, q2 = _four_meson_phase_space(kind, reals, p4)
    out = p4[CURRENT : CURRENT + 2].reshape((4, 2))
    if kind == _3PI_PI0:
        _current_3pi_pi0(p4[1:5], four_pion, out)
    else:
        _current_pi_3pi0(p4[1:5], four_pion, out)
    return space, q2


@kernel
def _point(kind, mesons, lines, four_pion, reals, p4):
    """Hadrons in their rest frame, current and rate density at the point in `p4`; returns (rate, Q^2)."""
    if mesons == 2:
        space, q2 = _two_meson_point(kind, reals[PARAMETERS, TAU_MASS], reals[kind, 1], reals[kind, 2], lines, p4)
    elif mesons == 3:
        space, q2 = _three_meson_point(kind, lines, reals, p4)
    else:
        space, q2 = _four_meson_point(kind, four_pion, reals, p4)
    return max(space, 0.0) * _mean_rate(reals[PARAMETERS, TAU_MASS], q2, p4), q2


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
            break
    if kind == _3PI_PI0 and rng.random() < 0.5:
        # the map gives the two pi- different places; the current does not tell them apart
        for k in range(4):
            p4[1, k], p4[2, k] = p4[2, k], p4[1, k]
    return q2


@kernel
def _probe(rng, kind, mesons, lines, four_pion, reals, p4, cells, chosen, points, rates):
    """A random point in each chosen cell: `points` its place in the cell (0..1), `rates` the rate density there."""
    dims = points.shape[1]
    for i in range(len(chosen)):
        c = chosen[i]
        _throw(rng, dims, cells, c, p4)
        rates[i], _ = _point(kind, mesons, lines, four_pion, reals, p4)
        for d in range(dims):
            points[i, d] = (p4[POINT + (d >> 2), d & 3] - cells[c, CORNER + d]) / cells[c, EXTENT + d]


@kernel
def _divisions(points, rates, best):
    """Best division of each cell from its points (cells, n, dims): peak, gain, direction, cut, peaks left and right."""
    n, dims = points.shape[1], points.shape[2]
    profile = np.empty(_BINS)
    for c in range(len(points)):
        peak = np.max(rates[c])
        best[c, 0] = peak
        best[c, 1] = -1.0
        for d in range(dims):
            profile[:] = 0.0
            for i in range(n):
                b = min(int(points[c, i, d] * _BINS), _BINS - 1)
                profile[b] = max(profile[b], rates[c, i])
            for cut in range(1, _BINS):
                left = np.max(profile[:cut])
                right = np.max(profile[cut:])
                gain = peak - (left * cut + right * (_BINS - cut)) / _BINS
                if gain > best[c, 1]:
                    best[c, 1] = gain
                    best[c, 2] = d
                    best[c, 3] = cut / _BINS
                    best[c, 4] = left
                    best[c, 5] = right


@kernel
def _alias(share, cells):
    """Fill the alias columns [A.J. Walker, ACM Trans. Math. Softw. 3 (1977) 253; M.D. Vose (1991)]."""
    n = len(cells)
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


class Envelope:
    """The piecewise constant envelope of one sampler while it is being built or measured.

    Parameters
    ----------
    tables : TauDecayTables
        Tables whose current is sampled (their cells are not used).
    kind : int
        Sampler.
    cells : float64 (n, CELL_COLUMNS)
        Filled in place.
    rng : numpy.random.Generator
        Stream of the warm-up.
    """

    def __init__(self, tables: TauDecayTables, kind: int, cells: FloatArray, rng: np.random.Generator) -> None:
        self.tables, self.kind, self.cells, self.rng = tables, kind, cells, rng
        self.mesons = int(tables.integers[kind, MESONS])
        self.dims = 1 if self.mesons == 2 else 3 * self.mesons - 6
        self._scratch = np.zeros((ROWS, 4))

    def probe(self, chosen: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Random points in the chosen cells: places (n, dims) within the cell, rates (n,)."""
        points, rates = np.empty((len(chosen), self.dims)), np.empty(len(chosen))
        t = self.tables
        _probe(
            self.rng, self.kind, self.mesons, t.lines, t.four_pion, t.reals, self._scratch, self.cells, chosen, points,
            rates,
        )  # fmt: skip
        return points, rates

    def integrals(self) -> FloatArray:
        """Integral of the envelope over each cell."""
        volume: FloatArray = np.prod(self.cells[:, EXTENT : EXTENT + self.dims], axis=1)
        return volume * self.cells[:, PEAK]

    def grow(self, points: int) -> None:
        """Divide the unit cube: in every round the fifth of the cells that gains most, until the array is full."""
        cells, dims = self.cells, self.dims
        n_cells = len(cells)
        cells[:, EXTENT : EXTENT + dims] = 1.0
        best = np.zeros((n_cells, 6))
        fresh, count = np.zeros(1, dtype=np.int64), 1
        while True:
            places, rates = self.probe(np.repeat(fresh, points))
            found = np.empty((len(fresh), 6))
            _divisions(places.reshape(len(fresh), points, dims), rates.reshape(len(fresh), points), found)
            cells[fresh, PEAK] = np.maximum(cells[fresh, PEAK], found[:, 0])
            best[fresh] = found
            if count == n_cells:
                return
            gain = best[:count, 1] * np.prod(cells[:count, EXTENT : EXTENT + dims], axis=1)
            chosen = np.argsort(-gain, kind="stable")[: min(count // 5 + 1, n_cells - count)]
            new = np.arange(count, count + len(chosen))
            cells[new] = cells[chosen]
            direction, share = best[chosen, 2].astype(np.int64), best[chosen, 3]
            whole = cells[chosen, EXTENT + direction]
            cells[chosen, EXTENT + direction] = share * whole
            cells[new, EXTENT + direction] = (1.0 - share) * whole
            cells[new, CORNER + direction] += share * whole
            cells[chosen, PEAK], cells[new, PEAK] = best[chosen, 4], best[chosen, 5]
            fresh = np.concatenate([chosen, new])
            count += len(chosen)

    def trials(self, count: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Cells drawn from the envelope and the rates at a point in each."""
        cumulative = np.cumsum(self.integrals())
        drawn = np.searchsorted(cumulative, self.rng.random(count) * cumulative[-1], side="right")
        chosen = np.minimum(drawn, len(self.cells) - 1)
        return chosen, self.probe(chosen)[1]

    def learn(self, count: int, safety: float) -> None:
        """Two passes that raise the envelope to every weight above it, the safety factor, the alias table."""
        for _ in range(2):
            chosen, rates = self.trials(count)
            np.maximum.at(self.cells[:, PEAK], chosen, rates)
        self.cells[:, PEAK] *= safety
        share = self.integrals()
        _alias(share * (len(share) / share.sum()), self.cells)
