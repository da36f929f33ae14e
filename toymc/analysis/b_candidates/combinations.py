"""Which tracks could make a B: all combinations with an energy and a momentum near those of a B meson.

The momenta are those at the perigee. The vertex fit turns the transverse momenta of a displaced pair, in opposite
senses for its two tracks; the windows here must therefore be wider than those of the selection (`SLACK_ENERGY_GEV`,
`SLACK_MOMENTUM_GEV`): the z component, and with it nearly all of the boost, stays as it is.
"""

import math
from typing import NamedTuple

import numpy as np

from toymc.kernels import kernel

SLACK_ENERGY_GEV = 0.10
SLACK_MOMENTUM_GEV = 0.60


class Windows(NamedTuple):
    """What a combination must meet; energies and momenta in the e+e- centre of mass, GeV and cm."""

    boost_x: float
    boost_y: float
    boost_z: float
    gamma: float
    beam_energy: float
    energy_window: float
    momentum_max: float
    product_mass: float
    kaon_mass: float
    pion_mass: float
    with_pion: int
    kstar_low: float
    kstar_high: float
    d0_max: float
    z0_max: float


@kernel
def _prompt(d0, z0, row, windows):
    return abs(d0[row]) < windows.d0_max and abs(z0[row]) < windows.z0_max


@kernel
def _fits(energy, x, y, z, windows):
    """Energy and momentum of a sum of four-vectors in the windows."""
    mass2 = energy * energy - x * x - y * y - z * z
    along = windows.boost_x * x + windows.boost_y * y + windows.boost_z * z
    centre = windows.gamma * (energy - along)
    if abs(centre - windows.beam_energy) > windows.energy_window:
        return False
    return centre * centre - mass2 < windows.momentum_max * windows.momentum_max


@kernel
def _kaons(first, last, i, j, ex, sx, sy, sz, d0, z0, px, py, pz, charge, windows, found, n):
    """Kaons (and pions) that go with the pair (i, j): rows written to `found` from entry n on; the new number."""
    write = len(found) > 0
    for k in range(first, last):
        if k == i or k == j or not _prompt(d0, z0, k, windows):
            continue
        p2 = px[k] * px[k] + py[k] * py[k] + pz[k] * pz[k]
        ek = math.sqrt(p2 + windows.kaon_mass * windows.kaon_mass)
        if windows.with_pion == 0:
            if _fits(ex + ek, sx + px[k], sy + py[k], sz + pz[k], windows):
                if write:
                    found[n, 0], found[n, 1] = k, -1
                n += 1
            continue
        for m in range(first, last):
            if m == i or m == j or charge[m] != -charge[k] or not _prompt(d0, z0, m, windows):
                continue
            q2 = px[m] * px[m] + py[m] * py[m] + pz[m] * pz[m]
            energy = ek + math.sqrt(q2 + windows.pion_mass * windows.pion_mass)
            kx, ky, kz = px[k] + px[m], py[k] + py[m], pz[k] + pz[m]
            mass2 = energy * energy - kx * kx - ky * ky - kz * kz
            if mass2 < windows.kstar_low * windows.kstar_low or mass2 > windows.kstar_high * windows.kstar_high:
                continue
            if _fits(ex + energy, sx + kx, sy + ky, sz + kz, windows):
                if write:
                    found[n, 0], found[n, 1] = k, m
                n += 1
    return n


@kernel
def _combinations(offsets, d0, z0, px, py, pz, qx, qy, qz, charge, windows, found, pair_of, pairs, event):
    """All combinations; momenta p as kaon or pion, q as products of S with their photons.

    Returns their number and that of the pairs in them; writes if the arrays are not empty.

    found (n, 2): kaon, pion (-1 without); pair_of (n,): row in `pairs` (n_pairs, 2): positive, negative track.
    """
    n, n_pairs = np.int64(0), np.int64(0)
    write = len(found) > 0
    m2 = windows.product_mass * windows.product_mass
    for e in range(len(offsets) - 1):
        first, last = offsets[e], offsets[e + 1]
        for i in range(first, last):
            if charge[i] <= 0:
                continue
            ei = math.sqrt(qx[i] * qx[i] + qy[i] * qy[i] + qz[i] * qz[i] + m2)
            for j in range(first, last):
                if charge[j] >= 0:
                    continue
                ex = ei + math.sqrt(qx[j] * qx[j] + qy[j] * qy[j] + qz[j] * qz[j] + m2)
                sx, sy, sz = qx[i] + qx[j], qy[i] + qy[j], qz[i] + qz[j]
                more = _kaons(
                    first, last, i, j, ex, sx, sy, sz, d0, z0, px, py, pz, charge, windows, found, n
                )  # fmt: skip
                if more > n:
                    if write:
                        pairs[n_pairs, 0], pairs[n_pairs, 1] = i, j
                        for c in range(n, more):
                            pair_of[c], event[c] = n_pairs, e
                    n_pairs += 1
                    n = more
    return n, n_pairs
