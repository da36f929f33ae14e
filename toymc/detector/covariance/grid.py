"""Where the table of prompt particles has its nodes: transverse momentum, and cells in tan lambda between layer ends.

Resolutions jump where a track leaves the chamber through an end plate one wire layer earlier. Cells in tan lambda
therefore end where the last wire layer changes, at every node of pT anew, and hold values for both their ends; between
two nodes of pT the same cell is followed to its new place. Gaps between silicon sensors are not edges of cells: they
depend on where the particle started. Each pattern of silicon layers met has rows of its own, and the pattern is read
from `sensor_maps` with the true starting point.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance.crossings import COS_PSI, CROSSINGS, ROW, TRACE, _outwards
from toymc.detector.covariance.surfaces import (
    KIND,
    LAYER,
    PHI_MIN,
    PHI_WIDTH,
    RADIUS,
    SLOPE,
    SYSTEM,
    Z_MAX,
    Z_MIDDLE,
    Z_MIN,
    Constants,
)
from toymc.geometry import DetectorCard
from toymc.kernels import inlined_kernel, kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, chosen, filled, some

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

_LOWEST_PT, _CURLING_PT, _HIGHEST_PT = 0.05, 0.29, 12.0
_CURLING_NODES, _NODES = 36, 24
LOG_PT = np.array(
    [
        *np.linspace(math.log(_LOWEST_PT), math.log(_CURLING_PT), _CURLING_NODES, endpoint=False),
        *np.linspace(math.log(_CURLING_PT), math.log(_HIGHEST_PT), _NODES + 1),
    ]
)
"""Nodes in ln pT (GeV): dense where tracks curl inside the chamber; particles outside are calculated exactly."""
CURLING = (math.log(_CURLING_PT), _CURLING_NODES / math.log(_CURLING_PT / _LOWEST_PT))
STIFF = (_CURLING_NODES, _NODES / math.log(_HIGHEST_PT / _CURLING_PT))
"""ln pT where the dense part ends and its nodes per unit; its number of nodes and the nodes per unit behind it."""
MAP_BINS = 4096
GUESS_BINS = 256
SURE_Z_CM = 0.1
SURE_OMEGA = 0.02
"""Start along z and curvature (1/cm; 0.22 GeV at 1.5 T) up to which a pattern is read off without looking closer."""
_CENTRAL_CELLS = 16
_MARGIN = 0.25
"""The table reaches this far beyond the acceptance in tan lambda."""
_UNREACHED = 3.0
"""Beyond the turning point the cell ends move on as if every cm counted three times: no step there, only order."""


_OVERLAP_CM = 0.2
"""Closed gaps overlap by this: a slanted sensor does not start at the radius where the straight one ends."""


@dataclass(frozen=True)
class Range:
    """Limits of the table in tan lambda."""

    low: float
    high: float


def tan_range(card: DetectorCard) -> Range:
    """The acceptance in tan lambda with a margin."""
    acceptance = card.tracking.acceptance
    low = 1.0 / math.tan(math.radians(acceptance.theta_max_deg.value))
    high = 1.0 / math.tan(math.radians(acceptance.theta_min_deg.value))
    return Range(low - _MARGIN, high + _MARGIN)


def _arc_to(radius: FloatArray, curl: float, sin_max: float) -> FloatArray:
    """Transverse path to a radius on a circle of radius `curl`; goes on rising beyond the turning point."""
    reach = 2.0 * curl * sin_max
    inside = 2.0 * curl * np.arcsin(np.minimum(radius, reach) / (2.0 * curl))
    arc: FloatArray = inside + _UNREACHED * np.maximum(radius - reach, 0.0)
    return arc


def wire_ends(surfaces: FloatArray, constants: Constants, pt: float) -> tuple[FloatArray, FloatArray]:
    """tan lambda at which wire layers are left, backward (rising) and forward (falling), from inside outwards."""
    wires = surfaces[surfaces[:, KIND] == 2]
    curl = pt / (OMEGA_PER_TESLA_GEV_CM * constants.field)
    ends = []
    for column in (Z_MIN, Z_MAX):
        radius = np.sqrt(wires[:, RADIUS] ** 2 + wires[:, SLOPE] * (wires[:, column] - wires[:, Z_MIDDLE]) ** 2)
        ends.append(wires[:, column] / _arc_to(radius, curl, constants.sin_max))
    return np.maximum.accumulate(ends[0]), np.minimum.accumulate(ends[1])


@inlined_kernel
def _meets(pt, tan_lambda, mass, targets, surfaces, constants, work):
    """Whether particles from the origin meet the surfaces `targets`."""
    nought = filled(0.0)
    way = nought + pt
    n = _outwards(
        nought, nought, nought, way, nought, way * tan_lambda, nought + 1.0, nought + mass, nought + math.inf,
        np.int64(0), surfaces, constants, work,
    )[0]  # fmt: skip
    met = nought > 0.0
    for m in range(n):
        met = met | ((targets == work[m]) & (loaded(work, CROSSINGS + m * ROW + WIDTH * COS_PSI) > 0.0))
    return met


@kernel
def _refine(pt, mass, guess, targets, surfaces, constants, out):
    """Place of every layer end to 1e-6, by bisection around its guess; the guess where nothing changes there.

    Lengths are multiples of WIDTH.
    """
    work = np.empty(TRACE)
    for k in range(0, len(guess), WIDTH):
        at, wanted = loaded(guess, k), loaded(targets, k)
        inner, outer = 0.96 * at, 1.04 * at
        changes = _meets(pt, inner, mass, wanted, surfaces, constants, work)
        changes = changes & ~_meets(pt, outer, mass, wanted, surfaces, constants, work)
        while some(changes & (abs(outer - inner) > 1e-6)):
            middle = 0.5 * (inner + outer)
            met = _meets(pt, middle, mass, wanted, surfaces, constants, work)
            inner, outer = chosen(met, middle, inner), chosen(met, outer, middle)
        stored(out, k, chosen(changes, inner, at))


def cell_edges(surfaces: FloatArray, constants: Constants, mass: float, span: Range) -> FloatArray:
    """Edges of the cells in tan lambda, float64 (n_pt, n_edges), each row rising."""
    layers = np.flatnonzero(surfaces[:, KIND] == 2).astype(np.float64)
    count = len(layers)
    targets = np.resize(layers, (count + WIDTH - 1) // WIDTH * WIDTH)
    rows = []
    for log_pt in LOG_PT:
        pt = math.exp(log_pt)
        ends = []
        for guess in wire_ends(surfaces, constants, pt):
            placed = np.empty_like(targets)
            _refine(pt, mass, np.resize(guess, len(targets)), targets, surfaces, constants, placed)
            ends.append(placed[:count])
        backward, forward = np.maximum.accumulate(ends[0]), np.minimum.accumulate(ends[1])[::-1]
        centre = np.linspace(backward[-1], forward[0], _CENTRAL_CELLS + 1)[1:-1]
        rows.append(np.clip([span.low, *backward, *centre, *forward, span.high], span.low, span.high))
    return np.ascontiguousarray(rows)


def first_cells(edges: FloatArray, span: Range) -> Int32Array:
    """Cell that holds the lower end of each of GUESS_BINS equal bins of tan lambda, int32 (n_pt, GUESS_BINS)."""
    at = span.low + (span.high - span.low) / GUESS_BINS * np.arange(GUESS_BINS)
    last = edges.shape[1] - 2
    rows = [np.clip(np.searchsorted(row, at, side="right") - 1, 0, last) for row in edges]
    return np.ascontiguousarray(rows, dtype=np.int32)


def silicon_count(surfaces: FloatArray) -> int:
    """Number of silicon layers."""
    return int(surfaces[:, LAYER].max()) + 1


def sensor_maps(surfaces: FloatArray, span: Range) -> npt.NDArray[np.uint8]:
    """Whether a straight line from the origin meets a sensor of each layer, uint8 (n_layers, MAP_BINS)."""
    tangent = span.low + (span.high - span.low) * (np.arange(MAP_BINS) + 0.5) / MAP_BINS
    maps = np.zeros((silicon_count(surfaces), MAP_BINS), dtype=np.uint8)
    for row in surfaces[surfaces[:, KIND] == 1]:
        radius = (row[RADIUS] - row[SLOPE] * row[Z_MIN]) / (1.0 - row[SLOPE] * tangent)
        z = radius * tangent
        maps[int(row[LAYER])] |= ((z >= row[Z_MIN]) & (z <= row[Z_MAX]) & (radius > 0.0)).astype(np.uint8)
    return maps


def sure_patterns(maps: npt.NDArray[np.uint8], layers: FloatArray, span: Range) -> Int32Array:
    """Pattern of layers met, where no start within SURE_Z_CM and no curvature below SURE_OMEGA changes it; else -1.

    Windows in azimuth are left to the kernel.
    """
    tangent = span.low + (span.high - span.low) * (np.arange(MAP_BINS) + 0.5) / MAP_BINS
    per_bin = MAP_BINS / (span.high - span.low)
    bits, sure = np.zeros(MAP_BINS, dtype=np.int32), np.ones(MAP_BINS, dtype=bool)
    for layer, (_, inverse, bend, _, _, _) in enumerate(layers):
        reach = np.ceil((SURE_Z_CM * inverse + np.abs(tangent) * SURE_OMEGA**2 * bend) * per_bin).astype(int) + 1
        low, high = np.maximum(np.arange(MAP_BINS) - reach, 0), np.minimum(np.arange(MAP_BINS) + reach + 1, MAP_BINS)
        total = np.concatenate([[0], np.cumsum(maps[layer], dtype=np.int64)])
        met = total[high] - total[low]
        sure &= (met == 0) | (met == high - low)
        bits |= (met > 0).astype(np.int32) << layer
    return np.where(sure, bits, -1).astype(np.int32)


def pattern_counts(layers: FloatArray) -> Int32Array:
    """256 times the pixel layers plus the strip layers of every pattern."""
    pixel = layers[:, 5] == 0.0
    bits = np.arange(1 << len(layers))[:, None] >> np.arange(len(layers)) & 1
    counts: Int32Array = (256 * bits[:, pixel].sum(axis=1) + bits[:, ~pixel].sum(axis=1)).astype(np.int32)
    return counts


def layer_rows(surfaces: FloatArray) -> FloatArray:
    """Per silicon layer: radius, 1/radius, radius^2/24, lower edge and width of its window, system; (n_layers, 6)."""
    rows = []
    for layer in range(silicon_count(surfaces)):
        sensors = surfaces[surfaces[:, LAYER] == layer]
        flat = sensors[sensors[:, SLOPE] == 0.0]
        radius = float((flat if len(flat) else sensors)[0, RADIUS])
        first = sensors[0]
        rows.append([radius, 1.0 / radius, radius * radius / 24.0, first[PHI_MIN], first[PHI_WIDTH], first[SYSTEM]])
    return np.array(rows)


def closed(surfaces: FloatArray, pattern: int) -> FloatArray:
    """The tracker without gaps between sensors and without the layers that are not in the bits of `pattern`."""
    table = surfaces.copy()
    keep = np.ones(len(table), dtype=bool)
    for layer in range(silicon_count(surfaces)):
        rows = np.flatnonzero(table[:, LAYER] == layer)
        if not pattern >> layer & 1:
            keep[rows] = False
            continue
        rows = rows[np.argsort(table[rows, Z_MIN])]
        for a, b in zip(rows, rows[1:], strict=False):
            middle = 0.5 * (table[a, Z_MAX] + table[b, Z_MIN])
            table[a, Z_MAX] = middle + _OVERLAP_CM
            _lengthen(table[b], table[b, Z_MIN] - middle + _OVERLAP_CM)
        reach = 0.5 * table[rows[0], RADIUS]
        _lengthen(table[rows[0]], reach)
        table[rows[-1], Z_MAX] += reach
        table[rows, PHI_WIDTH] = 10.0
    return np.ascontiguousarray(table[keep])


def _lengthen(row: FloatArray, by: float) -> None:
    """Move the lower end of a sensor by `by` cm to lower z."""
    row[RADIUS] -= row[SLOPE] * by
    row[Z_MIN] -= by
