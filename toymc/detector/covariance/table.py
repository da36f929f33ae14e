"""The table of prompt particles: built from the exact calculation once per card, kept in the user's cache.

What is tabulated is the factor U of the covariance (C = U U^T), in pT, tan lambda and species: U changes smoothly, and
whatever is interpolated gives a covariance that is positive definite. The two charges have tables of their own: where
a track ends in the middle of the stereo superlayers, their tilt adds to the bending of one charge and takes from that
of the other (sigma(omega) then differs by up to a third).
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import mass
from toymc.detector.covariance import header
from toymc.detector.covariance.exact import tracker
from toymc.detector.covariance.grid import (
    CURLING,
    GUESS_BINS,
    LOG_PT,
    MAP_BINS,
    STIFF,
    SURE_OMEGA,
    SURE_Z_CM,
    Range,
    cell_edges,
    closed,
    first_cells,
    layer_rows,
    pattern_counts,
    sensor_maps,
    sure_patterns,
    tan_range,
)
from toymc.detector.covariance.many import _exact_columns, particle_columns
from toymc.detector.covariance.surfaces import Constants
from toymc.detector.pages import halves, in_large_pages
from toymc.generators import cache
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
UInt16Array = npt.NDArray[np.uint16]
UInt8Array = npt.NDArray[np.uint8]

SPECIES_PDG = (11, 13, 211, 321, 2212)
_INSET = 0.01
"""Values at the two ends of a cell are taken this share of its width inside."""
_SLOWED = 1.4
"""Particles whose 1/(p beta)^2 rises by more than this factor on their way are calculated exactly."""
_VERTEX_CM = 0.1
"""Starting points along z that the patterns of the table allow for, beside the luminous region (three sigma)."""


class CovarianceTables(NamedTuple):
    """What the kernels of `lookup` take, in this order. Few flat arrays: every array costs at every call of a kernel.

    `reals`: the header (module `header`), edges of the cells (species, pT, edge), rows of the silicon layers. `places`:
    header, first cells of pions (pT, bin), maps of the silicon layers (layer, bin), patterns where they are sure (bin),
    layers per pattern, rows of `values` (pattern, cell, pT), -1 where the exact calculation is needed. `values`:
    (species and charge, row, 32), U and the wire layers at the lower and at the upper end of a cell, as `pages.halves`:
    a row is a line of the caches then. `surfaces`: the tracker itself.
    """

    reals: FloatArray
    places: Int32Array
    values: UInt16Array
    surfaces: FloatArray


def _fill(
    charge: float,
    mass: float,
    cells: IntArray,
    nodes: IntArray,
    edges: FloatArray,
    table: FloatArray,
    constants: Constants,
) -> Float32Array:
    """Rows of `values` of one pattern and species; `nodes`, `cells`: where in the grid each row is."""
    low, high = edges[nodes, cells], edges[nodes, cells + 1]
    ends = low[:, None] + (high - low)[:, None] * np.array([_INSET, 1.0 - _INSET])
    n = ends.size
    state = np.zeros((n, 6))
    state[:, 3] = np.repeat(np.exp(LOG_PT[nodes]), 2)
    state[:, 5] = state[:, 3] * ends.ravel()
    factor, hits = np.zeros((n, 16)), np.zeros((n, 3), dtype=np.int64)
    _exact_columns(n, particle_columns(state, charge, mass, math.inf), table, constants, factor, hits)
    factor[~((hits[:, 0] >= 0) & (factor[:, 15] <= _SLOWED))] = 0.0
    factor[:, 15] = hits[:, 2]
    return factor.astype(np.float32).reshape(-1, 32)


def _patterns(edges: FloatArray, maps: UInt8Array, layers: FloatArray, span: Range, reach: float) -> Int32Array:
    """Rows 0, 1, ... of what prompt particles have, else -1; int32 (2^n_layers, n_pt, n_cells)."""
    tangent = span.low + (span.high - span.low) * (np.arange(MAP_BINS) + 0.5) / MAP_BINS
    needed = np.zeros((1 << len(layers), edges.shape[0], edges.shape[1] - 1), dtype=bool)
    windows = [layer for layer, row in enumerate(layers) if row[4] < 7.0]
    shift = MAP_BINS / (span.high - span.low)
    for z in np.linspace(-reach, reach, 9):
        mask = np.zeros(MAP_BINS, dtype=np.int64)
        for layer, row in enumerate(layers):
            at = np.clip(np.arange(MAP_BINS) + round(z * row[1] * shift), 0, MAP_BINS - 1)
            mask |= maps[layer][at].astype(np.int64) << layer
        for missing in range(1 << len(windows)):
            hidden = sum(1 << layer for k, layer in enumerate(windows) if missing >> k & 1)
            for k, row in enumerate(edges):
                cell = np.clip(np.searchsorted(row, tangent) - 1, 0, len(row) - 2)
                needed[mask & ~hidden, k, cell] = True
    # neighbours: the same cell at the next pT, and what curvature moves
    grown = needed.copy()
    grown[:, 1:] |= needed[:, :-1]
    grown[:, :-1] |= needed[:, 1:]
    needed = grown.copy()
    needed[:, :, 1:] |= grown[:, :, :-1]
    needed[:, :, :-1] |= grown[:, :, 1:]
    rows = np.full(needed.shape, -1, dtype=np.int32)
    rows[needed] = np.arange(int(needed.sum()))
    return rows


def _build(card: DetectorCard, ideal: bool) -> cache.Arrays:
    surfaces, constants = tracker(card, ideal)
    span = tan_range(card)
    masses = [mass(code) for code in SPECIES_PDG]
    edges = np.array([cell_edges(surfaces, constants, m, span) for m in masses])
    maps, layers = sensor_maps(surfaces, span), layer_rows(surfaces)
    reach = _VERTEX_CM + 3.0 * card.beam.luminous_region.sigma_z_cm.value
    rows = _patterns(edges[2], maps, layers, span, reach)
    values = np.zeros((2 * len(masses), int(rows.max()) + 1, 32), dtype=np.float32)
    for pattern in np.flatnonzero((rows >= 0).any(axis=(1, 2))):
        nodes, cells = np.nonzero(rows[pattern] >= 0)
        where = rows[pattern][nodes, cells]
        table = closed(surfaces, int(pattern))
        for species, m in enumerate(masses):
            for sign in range(2):
                values[2 * species + sign, where] = _fill(
                    1.0 - 2.0 * sign, m, cells, nodes, edges[species], table, constants
                )
    guess = first_cells(edges[2], span)
    return {
        "edges": edges, "guess": guess, "rows": rows, "values": halves(values), "maps": maps, "layers": layers,
    }  # fmt: skip


def _words(card: DetectorCard, ideal: bool) -> Iterator[bytes]:
    """Everything that the table depends on."""
    surfaces, constants = tracker(card, ideal)
    span = tan_range(card)
    for source in sorted(Path(__file__).parent.glob("*.py")):  # the engine itself
        yield source.read_bytes()
    yield f"{span} {constants}".encode()
    yield repr([mass(code) for code in SPECIES_PDG]).encode()
    yield repr(card.beam.luminous_region.sigma_z_cm.value).encode()
    yield surfaces.tobytes()


def _kind(card: DetectorCard) -> str:
    return "covariance_" + "".join(c if c.isalnum() else "_" for c in card.name)


def cache_file(card: DetectorCard, ideal: bool = False) -> Path:
    """Where the table of a card is kept.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> cache_file(load_card("belle2")).name.startswith("covariance_belle2-")
    True
    """
    return cache.cache_file(_kind(card), _words(card, ideal))


def covariance_tables(card: DetectorCard, ideal: bool = False) -> CovarianceTables:
    """Tables of the track covariance, from the cache if they are there, else built (seconds) and kept.

    Parameters
    ----------
    card : DetectorCard
    ideal : bool
        Ideal resolutions, no inefficiency, no energy loss, no tuning.

    Returns
    -------
    CovarianceTables
        What the kernels of `lookup` take.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> covariance_tables(load_card("belle2")).values.dtype.name
    'uint16'
    """
    arrays = cache.cached_arrays(_kind(card), _words(card, ideal), lambda: _build(card, ideal))
    return _pack(card, ideal, arrays)


def _pack(card: DetectorCard, ideal: bool, arrays: cache.Arrays) -> CovarianceTables:
    surfaces, constants = tracker(card, ideal)
    span = tan_range(card)
    edges, rows, layers = arrays["edges"], arrays["rows"], arrays["layers"]
    reals = np.zeros(header.REALS)
    reals[header.LOG_PT0], reals[header.DENSE] = LOG_PT[0], CURLING[1]
    reals[header.LOG_PT1], reals[header.STIFF], reals[header.SPARSE] = CURLING[0], STIFF[0], STIFF[1]
    reals[header.NODES] = len(LOG_PT) - 1
    reals[header.TAN_LOW], reals[header.TAN_HIGH] = span.low, span.high
    reals[header.GUESS] = GUESS_BINS / (span.high - span.low)
    reals[header.MAP] = MAP_BINS / (span.high - span.low)
    reals[header.LEVER] = 1.0 / (0.6 * constants.outer)
    reals[header.MASSES : header.MASSES + 5] = [mass(code) for code in SPECIES_PDG]
    reals[header.RHO2] = (0.95 * constants.inner) ** 2
    reals[header.PROMPT_D0] = 0.1
    reals[header.PROMPT_Z] = _VERTEX_CM + 3.0 * card.beam.luminous_region.sigma_z_cm.value
    reals[header.FULL_ARC] = 0.5 * math.pi * constants.outer
    reals[header.CONSTANTS : header.CONSTANTS + len(constants)] = constants
    places = np.zeros(header.PLACES, dtype=np.int32)
    places[header.N_PT], places[header.N_EDGES] = edges.shape[1:]
    places[header.N_LAYERS] = len(layers)
    places[header.WINDOWED] = max((k + 1 for k, row in enumerate(layers) if row[4] < 7.0), default=0)
    places[header.LAYERS_AT] = header.REALS + edges.size
    reals[header.SURE_Z], reals[header.SURE_OMEGA] = SURE_Z_CM, SURE_OMEGA
    counts = pattern_counts(layers)
    places[header.MAPS_AT] = header.PLACES + arrays["guess"].size
    places[header.SURE_AT] = places[header.MAPS_AT] + arrays["maps"].size
    places[header.COUNTS_AT] = places[header.SURE_AT] + MAP_BINS
    places[header.ROWS_AT] = places[header.COUNTS_AT] + len(counts)
    places[header.N_ROWS] = arrays["values"].shape[1]
    sure = sure_patterns(arrays["maps"], layers, span)
    flat = [places, arrays["guess"].ravel(), arrays["maps"].ravel(), sure, counts, rows.transpose(0, 2, 1).ravel()]
    return CovarianceTables(
        reals=np.concatenate([reals, edges.ravel(), layers.ravel()]),
        places=np.concatenate(flat, dtype=np.int32),
        values=in_large_pages(arrays["values"].ravel()),
        surfaces=surfaces,
    )
