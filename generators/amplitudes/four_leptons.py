"""e+e- -> l+ l- L+ L- at tree level: every QED graph, every mass, identical particles antisymmetrised.

Fermion lines run from a ket k (u of the e-, v of l+ and L+) to a bra b (vbar of the e+, ubar of l- and L-), with the
momentum along the line: +p for u and ubar, -p for v and vbar. Where the kets end is a permutation pi of the bras that
keeps flavour. Line (k, b) hands on the momentum q = p_k - p_b and the current J = <b|gamma|k>/q^2. Of three lines one
carries two vertices and absorbs both photons:

    M = e^4 sum_pi sign(pi) sum_(i -> j) { <b_j| J2 S(p_i + q1) J1 |k_i> + <b_j| J1 S(p_i + q2) J2 |k_i> },
    S(p) = (p-slash + m)/(p^2 - m^2),

J1, J2 the currents of the other two lines: 6 permutations times 3 lines times 2 orders for e+e-e+e- (36 graphs), 12
for e+e-l+l- and l+l-l+l-, 6 for l+l-L+L- [as counted by F. Berends, P. Daverveldt, R. Kleiss, NPB 253 (1985) 441]. Z
exchange is left out. Both orders together are a *group*: gauge invariant by itself, since every J is conserved.

J^mu -> J^mu - q^mu J^a/q^a (no sum; a: largest component of q) therefore changes nothing, and takes away what is large
and cancels: for a nearly real photon J is 2 E along q, but only its part across, of size m or Q/x, acts. Only one spin
of the e- is needed for the sum over spins: with everything else summed, a single-spin asymmetry would break parity or
need an absorptive part.

Momenta: rows of `p` are [x, y, z, E] of e-, e+ (beams), l-, l+, L-, L+ in one frame. Spins are canonical in it
(`toymc.generators.amplitudes.spinors`).
"""

from collections.abc import Mapping
from itertools import permutations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.generators.amplitudes.spin import _add_trace
from toymc.generators.amplitudes.spinors import _bar, _current, _u_spinor, _v_spinor
from toymc.kernels import lean_kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ComplexArray = npt.NDArray[np.complex128]

# rows of the momenta, and of kets and bras among them
N_MOMENTA = 6
KET_ROWS, BRA_ROWS = (0, 3, 5), (1, 2, 4)
# rows of the complex scratch: kets 2 i + s, bras 2 j + s, currents 4 (3 i + j) + 2 s_i + s_j, kets with the photon of
# line (k, l) 8 (9 i + 3 k + l) + 4 s_i + 2 s_k + s_l, bras with it likewise
KETS, BRAS, CURRENTS, PSI, CHI, N_COMPLEX = 0, 6, 12, 48, 264, 480
SPINS = 64
"""Spin states of an amplitude: bits from the highest on are those of e- (5), l+, L+, e+, l-, L- (0)."""
MINUS_BITS, PLUS_BITS = (1, 0), (4, 3)
"""Bits of l-, L- and of l+, L+."""
SIGN, PART, COLUMNS = 0, 1, 8


class Graphs(NamedTuple):
    """What is to be added up.

    Attributes
    ----------
    lines : int64 (n, 2)
        Lines (ket, bra) that occur.
    kets, bras : int64 (n, 3)
        Kets (bras) with the photon of a line (k, l) attached.
    groups : int64 (n, 8)
        Sign, part, double line (i, j), lines (k, l) and (m, n).
    masses : float64 (3,)
        Mass of the leptons of e-/e+, l, L.
    parts : int
        How many parts there are.
    """

    lines: IntArray
    kets: IntArray
    bras: IntArray
    groups: IntArray
    masses: FloatArray
    parts: int


class GraphScratch(NamedTuple):
    """Arrays that the kernels reuse from event to event.

    Attributes
    ----------
    p : float64 (6, 4)
        Momenta of the event.
    amplitudes : complex128 (parts + 1, 64)
        Amplitudes of each part; the last row takes the graphs that belong to none.
    z : complex128 (N_COMPLEX, 4)
        Spinors and currents.
    flow, photon : float64 (6, 4), (9, 5)
        Momenta along the lines; q and q^2 of each photon.
    """

    p: FloatArray
    amplitudes: ComplexArray
    z: ComplexArray
    flow: FloatArray
    photon: FloatArray


Ends = tuple[int, int, int]


def graphs(
    flavours: tuple[int, int], masses: tuple[float, float, float], parts: Mapping[tuple[Ends, int], int]
) -> Graphs:
    """Graphs of e+e- -> l+ l- L+ L-.

    Parameters
    ----------
    flavours : tuple of int
        PDG codes of l and L, equal for identical particles; 11 is the flavour of the beams.
    masses : tuple of float
        Of e, l, L in GeV.
    parts : mapping
        Part of a group (ends, line), ends the bra of each ket, line the ket of the double line; groups that are not
        there belong to none.

    Returns
    -------
    Graphs

    Examples
    --------
    >>> [2 * len(graphs(f, (1.0, 1.0, 1.0), {}).groups) for f in ((11, 11), (11, 13), (13, 13), (13, 15))]
    [36, 12, 12, 6]
    """
    owner = (11, *flavours)
    rows: list[list[int]] = []
    for first, second, third in permutations(range(3)):
        ends: Ends = (first, second, third)
        if any(owner[ket] != owner[bra] for ket, bra in enumerate(ends)):
            continue
        sign = 1 if sum(a > b for n, a in enumerate(ends) for b in ends[n + 1 :]) % 2 == 0 else -1
        for line in range(3):
            one, two = (other for other in range(3) if other != line)
            part = parts.get((ends, line), -1)
            rows.append([sign, part, line, ends[line], one, ends[one], two, ends[two]])
    last = max(parts.values(), default=-1) + 1
    groups = np.array(rows, dtype=np.int64)
    groups[groups[:, PART] < 0, PART] = last
    photons = np.concatenate([groups[:, 4:6], groups[:, 6:8]])
    return Graphs(
        np.unique(photons, axis=0),
        np.unique(np.concatenate([groups[:, [2, 4, 5]], groups[:, [2, 6, 7]]]), axis=0),
        np.unique(np.concatenate([groups[:, [3, 4, 5]], groups[:, [3, 6, 7]]]), axis=0),
        groups,
        np.array(masses),
        last,
    )


def no_graphs() -> Graphs:
    """Graphs of a process that is not one of four leptons.

    Examples
    --------
    >>> len(no_graphs().groups)
    0
    """
    empty = [np.zeros((0, n), dtype=np.int64) for n in (2, 3, 3, COLUMNS)]
    return Graphs(empty[0], empty[1], empty[2], empty[3], np.zeros(3), 0)


def graph_scratch(of: Graphs) -> GraphScratch:
    """Scratch arrays for these graphs.

    Examples
    --------
    >>> graph_scratch(no_graphs()).amplitudes.shape
    (1, 64)
    """
    return GraphScratch(
        np.zeros((N_MOMENTA, 4)),
        np.zeros((of.parts + 1, SPINS), dtype=np.complex128),
        np.zeros((N_COMPLEX, 4), dtype=np.complex128),
        np.zeros((N_MOMENTA, 4)),
        np.zeros((9, 5)),
    )


@lean_kernel
def _ends(p, masses, z, flow):
    """Spinors of all ends, and the momenta along their lines: kets in rows 0..2, bras in 3..5."""
    for i in range(3):
        ket, bra = (0, 1) if i == 0 else (2 * i + 1, 2 * i)
        for s in range(2):
            if i == 0:
                _u_spinor(z, KETS + s, p, ket, masses[0], s)
                _v_spinor(z, BRAS + s, p, bra, masses[0], s)
            else:
                _v_spinor(z, KETS + 2 * i + s, p, ket, masses[i], s)
                _u_spinor(z, BRAS + 2 * i + s, p, bra, masses[i], s)
            _bar(z, BRAS + 2 * i + s)
        sign = 1.0 if i == 0 else -1.0
        for k in range(4):
            flow[i, k], flow[3 + i, k] = sign * p[ket, k], -sign * p[bra, k]


@lean_kernel
def _photons(lines, z, flow, photon):
    """Momentum q = p_k - p_b and q^2 of every line, and its current over q^2 with the largest component of q gone."""
    for n in range(len(lines)):
        i, j = lines[n, 0], lines[n, 1]
        line = 3 * i + j
        axis = 0
        for k in range(4):
            photon[line, k] = flow[i, k] - flow[3 + j, k]
            if abs(photon[line, k]) > abs(photon[line, axis]):
                axis = k
        q2 = photon[line, 3] ** 2 - photon[line, 0] ** 2 - photon[line, 1] ** 2 - photon[line, 2] ** 2
        photon[line, 4] = q2
        # currents are t, x, y, z
        large = axis + 1 if axis < 3 else 0
        for c in range(4):
            row = CURRENTS + 4 * line + c
            z[row, 0], z[row, 1], z[row, 2], z[row, 3] = _current(z, BRAS + 2 * j + (c & 1), KETS + 2 * i + (c >> 1))
            shift = z[row, large] / photon[line, axis]
            for k in range(4):
                z[row, k] = (z[row, k] - shift * photon[line, 3 if k == 0 else k - 1]) / q2


@lean_kernel
def _absorb_ket(z, out, ket, current, px, py, pz, e, m, scale):
    """z[out] = scale (p-slash + m) J-slash z[ket]."""
    t, x, y, w = z[current, 0], z[current, 1], z[current, 2], z[current, 3]
    em, ep, down, up = x - 1j * y, x + 1j * y, t - w, t + w
    a, b, c, d = z[ket, 0], z[ket, 1], z[ket, 2], z[ket, 3]
    l1, l2 = down * c - em * d, up * d - ep * c
    r1, r2 = up * a + em * b, ep * a + down * b
    pm, pp = complex(px, -py), complex(px, py)
    z[out, 0] = scale * (m * l1 + (e - pz) * r1 - pm * r2)
    z[out, 1] = scale * (m * l2 - pp * r1 + (e + pz) * r2)
    z[out, 2] = scale * ((e + pz) * l1 + pm * l2 + m * r1)
    z[out, 3] = scale * (pp * l1 + (e - pz) * l2 + m * r2)


@lean_kernel
def _absorb_bra(z, out, bra, current):
    """z[out] = z[bra] J-slash."""
    t, x, y, w = z[current, 0], z[current, 1], z[current, 2], z[current, 3]
    em, ep, down, up = x - 1j * y, x + 1j * y, t - w, t + w
    a1, a2, b1, b2 = z[bra, 0], z[bra, 1], z[bra, 2], z[bra, 3]
    z[out, 0], z[out, 1] = b1 * up + b2 * ep, b1 * em + b2 * down
    z[out, 2], z[out, 3] = a1 * down - a2 * ep, a2 * up - a1 * em


@lean_kernel
def _attached(kets, bras, masses, z, flow, photon):
    """Every ket and bra with the photon of another line attached, the propagator with the ket."""
    for n in range(len(kets)):
        i, line = kets[n, 0], 3 * kets[n, 1] + kets[n, 2]
        m = masses[i]
        dot = flow[i, 3] * photon[line, 3]
        for c in range(3):
            dot -= flow[i, c] * photon[line, c]
        scale = 1.0 / (photon[line, 4] + 2.0 * dot)
        px, py = flow[i, 0] + photon[line, 0], flow[i, 1] + photon[line, 1]
        pz, e = flow[i, 2] + photon[line, 2], flow[i, 3] + photon[line, 3]
        for c in range(8):
            out, ket, current = PSI + 8 * (9 * i + line) + c, KETS + 2 * i + (c >> 2), CURRENTS + 4 * line + (c & 3)
            _absorb_ket(z, out, ket, current, px, py, pz, e, m, scale)
    for n in range(len(bras)):
        j, line = bras[n, 0], 3 * bras[n, 1] + bras[n, 2]
        for c in range(8):
            _absorb_bra(z, CHI + 8 * (9 * j + line) + c, BRAS + 2 * j + (c >> 2), CURRENTS + 4 * line + (c & 3))


@lean_kernel
def _add_order(z, amplitude, sign, i, j, k, q, m, n, spins):
    """amplitude += sign <b_j| J_mn (S J_kq |k_i>) for all spins; with `spins` 1 the e- has spin state 0 alone."""
    # bits of the spins; the ket 0 has the highest
    bi, bk, bm, bj, bq, bn = 5 - i, 5 - k, 5 - m, 2 - j, 2 - q, 2 - n
    psi, chi = PSI + 8 * (9 * i + 3 * k + q), CHI + 8 * (9 * j + 3 * m + n)
    for si in range(spins if i == 0 else 2):
        for sk in range(spins if k == 0 else 2):
            for sq in range(2):
                row = psi + 4 * si + 2 * sk + sq
                a, b, c, d = z[row, 0], z[row, 1], z[row, 2], z[row, 3]
                first = (si << bi) | (sk << bk) | (sq << bq)
                for sm in range(spins if m == 0 else 2):
                    for sj in range(2):
                        for sn in range(2):
                            r = chi + 4 * sj + 2 * sm + sn
                            value = z[r, 0] * a + z[r, 1] * b + z[r, 2] * c + z[r, 3] * d
                            amplitude[first | (sm << bm) | (sj << bj) | (sn << bn)] += sign * value


@lean_kernel
def _fill_four_leptons(p, lines, kets, bras, groups, masses, amplitudes, z, flow, photon, spins):
    """Amplitudes over e^4 of every part; `spins` 1: those with spin state 0 of the e- alone (the first 32)."""
    _ends(p, masses, z, flow)
    _photons(lines, z, flow, photon)
    _attached(kets, bras, masses, z, flow, photon)
    for part in range(len(amplitudes)):
        for s in range(32 * spins):
            amplitudes[part, s] = 0.0
    for g in range(len(groups)):
        i, j, k, q, m, n = groups[g, 2], groups[g, 3], groups[g, 4], groups[g, 5], groups[g, 6], groups[g, 7]
        amplitude, sign = amplitudes[groups[g, PART]], float(groups[g, SIGN])
        _add_order(z, amplitude, sign, i, j, k, q, m, n, spins)
        _add_order(z, amplitude, sign, i, j, m, n, k, q, spins)


@lean_kernel
def _four_lepton_sums(amplitudes, spins):
    """(sum |M|^2, sum over parts of sum |M_part|^2) over e^8 and all spins."""
    whole, apart = 0.0, 0.0
    last = len(amplitudes) - 1
    for s in range(32 * spins):
        total = amplitudes[last, s]
        for part in range(last):
            a = amplitudes[part, s]
            total += a
            apart += a.real * a.real + a.imag * a.imag
        whole += total.real * total.real + total.imag * total.imag
    f = 2.0 / spins
    return f * whole, f * apart


@lean_kernel
def _four_lepton_density(amplitudes, minus_bit, plus_bit, density):
    """Spin density of one pair (`toymc.generators.amplitudes.spin`), everything else summed; needs all 64 spins."""
    for k in range(16):
        density[k] = 0.0
    a, b = 1 << minus_bit, 1 << plus_bit
    last = len(amplitudes)
    for s in range(SPINS):
        if s & a == 0 and s & b == 0:
            m00, m01, m10, m11 = complex(0.0, 0.0), complex(0.0, 0.0), complex(0.0, 0.0), complex(0.0, 0.0)
            for part in range(last):
                m00 += amplitudes[part, s]
                m01 += amplitudes[part, s | b]
                m10 += amplitudes[part, s | a]
                m11 += amplitudes[part, s | a | b]
            _add_trace(density, 1.0, m00, m01, m10, m11, m00, m01, m10, m11)
