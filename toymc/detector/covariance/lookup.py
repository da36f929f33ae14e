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
from toymc.kernels import inlined_kernel
from toymc.lane_memory import loaded, stored, taken
from toymc.lanes import WIDTH, chosen, higher_of, lower_of, nearest, real, some, whole


@inlined_kernel
def _species(mass, reals):
    """Place of a mass in the table, -1 if it has none."""
    species = chosen(mass < 1e-3, 0, -1)
    for k in range(1, 5):
        species = chosen(abs(mass - reals[MASSES + k]) < 1e-3, k, species)
    return species


@inlined_kernel
def _inside_window(phi, low, width):
    """Whether an azimuth lies in a window."""
    apart = phi - low
    apart -= 2.0 * math.pi * (nearest(apart / (2.0 * math.pi) - 0.5))
    return apart <= width


@inlined_kernel
def _in_maps(along, k, there, reals, places):
    """Bit of the silicon layer k at this tan lambda (0 or 1), and whether the maps reach so far."""
    at = whole(chosen(there, (along - reals[TAN_LOW]) * reals[MAP], -1.0))
    inside = (at >= 0) & (at < MAP_BINS)
    return taken(places, places[MAPS_AT] + k * MAP_BINS + chosen(inside, at, 0)), inside


@inlined_kernel
def _pattern(d0, phi0, omega, z0, tan_lambda, there, reals, places):
    """Bits of the silicon layers that a prompt particle meets, and whether the maps reach so far.

    Up to a layer the path is r (1 + (omega r)^2/24) and the azimuth changes by omega r/2.
    """
    at = whole(chosen(there, (tan_lambda - reals[TAN_LOW]) * reals[MAP], -1.0))
    there = there & (at >= 0) & (at < MAP_BINS)
    bits = taken(places, places[SURE_AT] + chosen(there, at, 0))
    sure = (bits >= 0) & (abs(z0) < reals[SURE_Z]) & (abs(omega) < reals[SURE_OMEGA])
    if some(there & (~sure)):
        bits = chosen(sure, bits, 0)
        for k in range(places[N_LAYERS]):
            row = places[LAYERS_AT] + 6 * k  # radius, 1/radius, radius^2/24, window: low edge, width; system
            along = tan_lambda * (1.0 + omega * omega * reals[row + 2]) + z0 * reals[row + 1]
            bit, inside = _in_maps(along, k, there, reals, places)
            bits = bits | chosen(sure, 0, bit << k)
            there = there & (sure | inside)
    for k in range(places[WINDOWED]):
        row = places[LAYERS_AT] + 6 * k
        if reals[row + 4] < 7.0:
            phi = phi0 - 0.5 * omega * reals[row] - d0 * reals[row + 1]
            bits = chosen(_inside_window(phi, reals[row + 3], reals[row + 4]), bits, bits & (~(1 << k)))
    return bits, there


@inlined_kernel
def _edge(at, f, step, reals):
    """An edge in tan lambda at the share f of the way from one pT node to the next, `step` numbers further."""
    low = taken(reals, at)
    return low + f * (taken(reals, at + step) - low)


@inlined_kernel
def _cell(tan_lambda, species, k, f, reals, places):
    """Cell in tan lambda at the share f of the way from pT node k to the next, and the place inside it (0 to 1)."""
    step = places[N_EDGES]
    c = taken(places, PLACES + k * GUESS_BINS + whole((tan_lambda - reals[TAN_LOW]) * reals[GUESS]))
    row = REALS + (species * places[N_PT] + k) * step
    low = _edge(row + c, f, step, reals)
    back = (c > 0) & (tan_lambda < low)
    while some(back):
        c -= chosen(back, 1, 0)
        low = _edge(row + c, f, step, reals)
        back = back & (c > 0) & (tan_lambda < low)
    high = _edge(row + c + 1, f, step, reals)
    on = (c < step - 2) & (tan_lambda >= high)
    while some(on):
        c += chosen(on, 1, 0)
        low, high = chosen(on, high, low), _edge(row + c + 1, f, step, reals)
        on = on & (c < step - 2) & (tan_lambda >= high)
    g = chosen(high > low, (tan_lambda - low) / (high - low), 0.5)
    return c, lower_of(higher_of(g, 0.0), 1.0)


@inlined_kernel
def _constants(reals):
    c = CONSTANTS
    return Constants(
        reals[c], reals[c + 1], reals[c + 2], reals[c + 3], reals[c + 4], reals[c + 5], reals[c + 6], reals[c + 7]
    )


@inlined_kernel
def _place(rho2, log_pt, mass, end_arc, d0, phi0, omega, z0, tan_lambda, reals, places):
    """Where the table has a particle: (here, base, f, g, pattern); `here` is -1 where it has not.

    `places[here]` and the number behind it are the rows of its cell at the two nodes of pT among those of its species
    and charge, which begin at the row `base` (see `_rows`). f and g are the shares of the way from one node to the
    other and from the lower to the upper end of the cell. One particle or eight (see `toymc.lanes`).
    """
    species = _species(mass, reals)
    node = chosen(
        log_pt >= reals[LOG_PT1], reals[STIFF] + (log_pt - reals[LOG_PT1]) * reals[SPARSE],
        (log_pt - reals[LOG_PT0]) * reals[DENSE],
    )  # fmt: skip
    along = tan_lambda + z0 * reals[LEVER]
    there = (
        (rho2 < reals[RHO2])
        & (abs(d0) < reals[PROMPT_D0])
        & (abs(z0) < reals[PROMPT_Z])
        & (end_arc > reals[FULL_ARC])
        & (species >= 0)
        & (node >= 0.0)
        & (node < reals[NODES])
        & (along > reals[TAN_LOW])
        & (along < reals[TAN_HIGH])
    )
    node, along = chosen(there, node, 0.0), chosen(there, along, 0.5 * (reals[TAN_LOW] + reals[TAN_HIGH]))
    species, k = higher_of(species, 0), whole(node)
    f = node - real(k)
    c, g = _cell(along, species, k, f, reals, places)
    bits, there = _pattern(d0, phi0, omega, z0, tan_lambda, there, reals, places)
    here = places[ROWS_AT] + (bits * (places[N_EDGES] - 1) + c) * places[N_PT] + k
    base = (2 * species + chosen(omega < 0.0, 1, 0)) * places[N_ROWS]
    return chosen(there, here, -1), base, f, g, bits


@inlined_kernel
def _rows(here, base, places):
    """The first of the 32 numbers of a cell at its two nodes of pT in `values`; -1 where the table has none."""
    i, j = places[here], places[here + 1]
    if i < 0 or j < 0:
        return np.int64(-1), np.int64(-1)
    return np.int64(32 * (base + i)), np.int64(32 * (base + j))


@inlined_kernel
def _interpolated(a, b, f, g, values, factor, at):
    """Write the factor of a place of the table, 15 numbers from factor[at] on, and the wire layers behind it.

    Returns the wire layers, -1 if the table leaves it to the exact calculation.
    """
    if values[a] == 0 or values[a + 16] == 0 or values[b] == 0 or values[b + 16] == 0:
        return np.int64(-1)
    w0, w1, w2, w3 = (1.0 - f) * (1.0 - g), (1.0 - f) * g, f * (1.0 - g), f * g
    for m in range(0, 16, WIDTH):
        low = w0 * loaded(values, a + m) + w1 * loaded(values, a + m + 16)
        stored(factor, at + m, low + w2 * loaded(values, b + m) + w3 * loaded(values, b + m + 16))
    return np.int64(factor[at + 15] + 0.5)


@inlined_kernel
def _silicon(bits, places):
    """Pixel and strip layers of a pattern."""
    counts = places[places[COUNTS_AT] + bits]
    return np.int64(counts >> 8), np.int64(counts & 255)
