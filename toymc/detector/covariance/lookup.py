"""The covariance inside the event loop: from the table for prompt particles, calculated for the others.

The tables are flat arrays and indexed directly: handing a row of an array on to a function costs more than the sums.
"""

import math

import numpy as np

from toymc.detector.covariance.grid import GUESS_BINS, MAP_BINS
from toymc.detector.covariance.header import (
    CONSTANTS,
    COUNTS_AT,
    DENSE,
    FULL_ARC,
    GUESS,
    LAYERS_AT,
    LEVER,
    LOG_PT0,
    LOG_PT1,
    MAP,
    MAPS_AT,
    MASSES,
    N_EDGES,
    N_LAYERS,
    N_PT,
    N_ROWS,
    NODES,
    PLACES,
    PROMPT_D0,
    PROMPT_Z,
    REALS,
    RHO2,
    ROWS_AT,
    SPARSE,
    STIFF,
    SURE_AT,
    SURE_OMEGA,
    SURE_Z,
    TAN_HIGH,
    TAN_LOW,
    WINDOWED,
)
from toymc.detector.covariance.surfaces import Constants
from toymc.detector.fetch import _fetch
from toymc.kernels import inlined_kernel


@inlined_kernel
def _ahead(a, b, values):
    """Have the numbers at the places a and b of the table (two cache lines each) on their way."""
    _fetch(values, a)
    _fetch(values, a + 16)
    _fetch(values, b)
    _fetch(values, b + 16)


@inlined_kernel
def _species(mass, reals):
    """Place of a mass in the table, -1 if it has none."""
    if abs(mass - reals[MASSES + 2]) < 1e-3:
        return 2
    if abs(mass - reals[MASSES + 1]) < 1e-3:
        return 1
    if mass < 1e-3:
        return 0
    if abs(mass - reals[MASSES + 3]) < 1e-3:
        return 3
    if abs(mass - reals[MASSES + 4]) < 1e-3:
        return 4
    return -1


@inlined_kernel
def _inside_window(phi, low, width):
    """Whether an azimuth lies in a window."""
    apart = phi - low
    apart -= 2.0 * math.pi * math.floor(apart / (2.0 * math.pi))
    return apart <= width


@inlined_kernel
def _pattern(d0, phi0, omega, z0, tan_lambda, reals, places):
    """Bits of the silicon layers that a prompt particle meets; -1 outside the maps.

    Up to a layer the path is r (1 + (omega r)^2/24) and the azimuth changes by omega r/2.
    """
    at = int((tan_lambda - reals[TAN_LOW]) * reals[MAP])
    if at < 0 or at >= MAP_BINS:
        return -1
    bits = places[places[SURE_AT] + at]
    if not (bits >= 0 and abs(z0) < reals[SURE_Z] and abs(omega) < reals[SURE_OMEGA]):
        bits = 0
        for k in range(places[N_LAYERS]):
            row = places[LAYERS_AT] + 6 * k  # radius, 1/radius, radius^2/24, window: low edge, width; system
            along = tan_lambda * (1.0 + omega * omega * reals[row + 2]) + z0 * reals[row + 1]
            at = int((along - reals[TAN_LOW]) * reals[MAP])
            if at < 0 or at >= MAP_BINS:
                return -1
            bits |= places[places[MAPS_AT] + k * MAP_BINS + at] << k
    for k in range(places[WINDOWED]):
        row = places[LAYERS_AT] + 6 * k
        if reals[row + 4] < 7.0:
            phi = phi0 - 0.5 * omega * reals[row] - d0 * reals[row + 1]
            if not _inside_window(phi, reals[row + 3], reals[row + 4]):
                bits &= ~(1 << k)
    return bits


@inlined_kernel
def _cell(tan_lambda, species, k, f, reals, places):
    """Cell in tan lambda at the share f of the way from pT node k to the next, and the place inside it (0 to 1)."""
    last = places[N_EDGES] - 2
    at = int((tan_lambda - reals[TAN_LOW]) * reals[GUESS])
    c = places[PLACES + k * GUESS_BINS + at]
    below = REALS + (species * places[N_PT] + k) * places[N_EDGES]
    above = below + places[N_EDGES]
    low = reals[below + c] + f * (reals[above + c] - reals[below + c])
    while c > 0 and tan_lambda < low:
        c -= 1
        low = reals[below + c] + f * (reals[above + c] - reals[below + c])
    high = reals[below + c + 1] + f * (reals[above + c + 1] - reals[below + c + 1])
    while c < last and tan_lambda >= high:
        c += 1
        low = high
        high = reals[below + c + 1] + f * (reals[above + c + 1] - reals[below + c + 1])
    g = (tan_lambda - low) / (high - low) if high > low else 0.5
    return c, min(max(g, 0.0), 1.0)


@inlined_kernel
def _constants(reals):
    c = CONSTANTS
    return Constants(
        reals[c], reals[c + 1], reals[c + 2], reals[c + 3], reals[c + 4], reals[c + 5], reals[c + 6], reals[c + 7]
    )


@inlined_kernel
def _place(rho2, log_pt, mass, end_arc, d0, phi0, omega, z0, tan_lambda, reals, places):
    """Where the table has a particle: (a, b, f, g, pattern); a is -1 where it has not.

    `a` and `b` are the first of the 32 numbers of its cell at the two nodes of pT in `values`, f and g the shares of
    the way from one node to the other and from the lower to the upper end of the cell.
    """
    species = _species(mass, reals)
    node = (log_pt - reals[LOG_PT0]) * reals[DENSE]
    if log_pt >= reals[LOG_PT1]:
        node = reals[STIFF] + (log_pt - reals[LOG_PT1]) * reals[SPARSE]
    along = tan_lambda + z0 * reals[LEVER]
    if (
        rho2 < reals[RHO2]
        and abs(d0) < reals[PROMPT_D0]
        and abs(z0) < reals[PROMPT_Z]
        and end_arc > reals[FULL_ARC]
        and species >= 0
        and node >= 0.0
        and node < reals[NODES]
        and along > reals[TAN_LOW]
        and along < reals[TAN_HIGH]
    ):
        k = int(node)
        f = node - k
        c, g = _cell(along, species, k, f, reals, places)
        bits = _pattern(d0, phi0, omega, z0, tan_lambda, reals, places)
        n_cells = places[N_EDGES] - 1
        here = places[ROWS_AT] + (max(bits, 0) * places[N_PT] + k) * n_cells + c
        i, j = places[here], places[here + n_cells]
        if bits >= 0 and i >= 0 and j >= 0:
            base = (2 * species + (1 if omega < 0.0 else 0)) * places[N_ROWS]
            return np.int64(32 * (base + i)), np.int64(32 * (base + j)), f, g, np.int64(bits)
    return np.int64(-1), np.int64(-1), 0.0, 0.0, np.int64(0)


@inlined_kernel
def _interpolated(a, b, f, g, values, factor):
    """Factor of a place of the table; its wire layers, -1 if the table leaves it to the exact calculation."""
    if not (values[a] > 0.0 and values[a + 16] > 0.0 and values[b] > 0.0 and values[b + 16] > 0.0):
        return np.int64(-1)
    w0, w1, w2, w3 = (1.0 - f) * (1.0 - g), (1.0 - f) * g, f * (1.0 - g), f * g
    for m in range(15):
        factor[m] = w0 * values[a + m] + w1 * values[a + m + 16] + w2 * values[b + m] + w3 * values[b + m + 16]
    wires = w0 * values[a + 15] + w1 * values[a + 31] + w2 * values[b + 15] + w3 * values[b + 31]
    return np.int64(wires + 0.5)


@inlined_kernel
def _silicon(bits, places):
    """Pixel and strip layers of a pattern."""
    counts = places[places[COUNTS_AT] + bits]
    return np.int64(counts >> 8), np.int64(counts & 255)
