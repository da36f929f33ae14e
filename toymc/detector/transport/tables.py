"""From a detector card to the arrays of the transport kernels."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.transport.collisions import collision_numbers
from toymc.detector.transport.conversion import effective_z, element_row
from toymc.detector.transport.decays import decay_table
from toymc.detector.transport.hadronic import hadron_table
from toymc.detector.transport.numbers import (
    FIELD,
    FRONT_BACKWARD,
    FRONT_FORWARD,
    FRONT_RADIUS,
    HALF_TURNS,
)
from toymc.detector.transport.path import FAR, N_PATH, _reach, _start
from toymc.detector.transport.species import AT_2_GEV, SURVIVES, species_table
from toymc.detector.transport.walk import (
    _GRAZING,
    DEPTH_LAMBDA,
    DEPTH_MASS,
    DEPTH_X0,
    N_PIECE,
    NORMAL_R,
    NORMAL_Z,
    R0,
    R1,
    WIDTH,
    Z0,
    Z1,
    _crossing,
    _first_segment,
    _obliquity,
    _segment_end,
)
from toymc.generators.secondary import secondary_table
from toymc.geometry import DetectorCard
from toymc.geometry.regions import Cylinder
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

_SHELL_CM = 12.0
"""Thick material (chamber gas) is cut into shells no thicker than this; a point inside a shell is drawn uniformly."""
_THICK_CM = 2.0
TAN_HIGH = 6.0
"""Steeper directions (below 9.5 degrees) always take the exact walk."""
TAN_STEP = 0.01
PROMPT_RHO_CM = 0.2
PROMPT_Z_CM = 0.3
OUTSIDE_STEP_CM = 0.25
HEAVY_LAMBDA = 0.01
"""Pieces above this depth (flanges, crotch of the beam pipe) never enter the bound of displaced paths."""
_STIFF = 0.62
"""Radius of curvature over that of the front, from which a path to the front is at most 1.18 times a line."""
_BOUND_MARGIN = 1.1
"""Turning in the field and displacement inside the prompt region lengthen paths in the material by less than this."""


class TransportTables(NamedTuple):
    """Everything the transport needs of a card; see `transport_tables`.

    All but the last go to the kernel, in this order.

    `numbers`, `collisions`: scalars, places in `numbers.py`.
    `pieces` (n, 13): material, columns as in `walk.py`. `elements` (n, 259): pair production, see `conversion.py`; the
    last row is their maximum.
    `bounds` (2, n_tan): upper bounds of X/X0 and of interaction lengths for prompt particles, in cells of tan lambda.
    `outside` (2, n_rho): X/X0 and interaction lengths at normal incidence outside a radius, whatever z; heavy pieces of
    the beam pipe left out, gas in X/X0 only.
    `depth_behind`: interaction lengths of calorimeter and coil.
    """

    numbers: FloatArray
    collisions: FloatArray
    pieces: FloatArray
    elements: FloatArray
    bounds: FloatArray
    outside: FloatArray
    hadrons: FloatArray
    modes: FloatArray
    generator_modes: FloatArray
    depth_behind: float


def _segment_row(r0: float, z0: float, r1: float, z1: float, width: float) -> FloatArray:
    row = np.zeros(N_PIECE)
    length = math.hypot(r1 - r0, z1 - z0)
    row[:6] = (r0, z0, r1, z1, abs(z1 - z0) / length, -(r1 - r0) / length * math.copysign(1.0, z1 - z0))
    row[12] = width
    return row


class _Materials:
    """Depths of a piece from X/X0 and the properties of its material; elements are numbered as they come."""

    def __init__(self, card: DetectorCard) -> None:
        self._section = card.material
        self._elements: list[FloatArray] = []
        self._places: dict[str, int] = {}

    def fill(self, row: FloatArray, name: str, x_over_x0: float) -> FloatArray:
        """Write depths, Z/A, excitation energy and number of the element of a named material into a row of a piece."""
        material = self._section.of(name)
        if name not in self._places:
            self._places[name] = len(self._elements)
            self._elements.append(element_row(effective_z(material.X0_g_cm2, material.Z_over_A)))
        mass = x_over_x0 * material.X0_g_cm2
        row[6:12] = (
            x_over_x0,
            mass / material.lambda_I_g_cm2,
            mass,
            material.Z_over_A,
            1e-9 * material.mean_excitation_eV,
            self._places[name],
        )
        return row

    def elements(self) -> FloatArray:
        """Rows of all elements, and behind them the largest f of any at each energy."""
        rows = np.array(self._elements)
        return np.ascontiguousarray(np.concatenate([rows, rows.max(axis=0, keepdims=True)]))


def _pieces(card: DetectorCard, materials: _Materials) -> FloatArray:
    """Rows of material in the tracker: silicon (barrel and slanted), pipe, covers, walls, gas."""
    rows: list[FloatArray] = []
    layers = {layer.layer: layer for layer in card.tracking.silicon_layers}
    for sensor in card.tracking.silicon_sensors:
        layer = layers[sensor.layer]
        row = _segment_row(sensor.r_at_z_min_cm, sensor.z_min_cm, sensor.r_at_z_max_cm, sensor.z_max_cm, 0.0)
        # the average over azimuth of a layer that is built in part
        rows.append(materials.fill(row, layer.material, layer.x_over_X0 * layer.built_fraction))
    for piece in card.material.layers:
        if piece.place != "tracker" or piece.x_over_X0 == 0.0:
            continue
        thick = piece.r_max_cm - piece.r_min_cm
        n = math.ceil(thick / _SHELL_CM) if thick > _THICK_CM else 1
        for k in range(n):
            r = piece.r_min_cm + (k + 0.5) * thick / n
            width = thick / n if thick > _THICK_CM else 0.0
            row = _segment_row(r, piece.z_min_cm, r, piece.z_max_cm, width)
            rows.append(materials.fill(row, piece.material, piece.x_over_X0 / n))
    rows.sort(key=lambda row: float(row[0] + row[2]))
    return np.ascontiguousarray(rows)


def _cylinder(region: Cylinder) -> tuple[float, float, float]:
    return region.radius_cm.value, region.z_min_cm.value, region.z_max_cm.value


def _curling_limits(pieces: FloatArray) -> tuple[float, float]:
    """Diameter from which a circle through the axis crosses all thin material within 1.13 of normal incidence, and the
    interaction lengths that it can meet where it grazes gas shells (the walk limits obliquity to 20)."""
    gas = pieces[:, WIDTH] > 0.0
    # cos = sqrt(1 - (r/2R)^2) >= 1/1.13
    thin = float(pieces[~gas][:, [R0, R1]].max()) / math.sqrt(1.0 - 1.13**-2)
    return thin, float(2.0 / _GRAZING * pieces[gas, DEPTH_LAMBDA].max() + pieces[gas, DEPTH_LAMBDA].sum())


def _return_depth(pieces: FloatArray, vertex_radius: float) -> float:
    """Interaction lengths over the stretch (p/pT) that a circle through the axis meets between its apogee and the
    vertex detector: thin material within 1.13 of normal incidence, gas within 2.5 where it is not grazed, which is
    counted apart (1/sqrt(1 - 0.9^2) = 2.3 up to 0.9 of the apogee)."""
    outside = np.maximum(pieces[:, R0], pieces[:, R1]) > vertex_radius
    gas = pieces[:, WIDTH] > 0.0
    thin, thick = pieces[outside & ~gas, DEPTH_LAMBDA].sum(), pieces[outside & gas, DEPTH_LAMBDA].sum()
    return float(_BOUND_MARGIN * (1.13 * thin + 2.5 * thick))


def _heavy_limits(pieces: FloatArray) -> tuple[float, float]:
    """Radius up to which heavy pieces stand, and the |z| at which they begin."""
    heavy = pieces[pieces[:, DEPTH_LAMBDA] > HEAVY_LAMBDA]
    if len(heavy) == 0:
        return 0.0, 1e9
    return float(heavy[:, [R0, R1]].max()), float(np.abs(heavy[:, [Z0, Z1]]).min())


def _outside(pieces: FloatArray) -> FloatArray:
    """Depths at normal incidence of what lies outside each radius: of each cylinder its thickest ring."""
    thin = pieces[pieces[:, DEPTH_LAMBDA] <= HEAVY_LAMBDA]
    radii = np.arange(0.0, 120.0, OUTSIDE_STEP_CM)
    table = np.zeros((2, len(radii)))
    outer = np.maximum(thin[:, R0], thin[:, R1])
    slanted = thin[:, R0] != thin[:, R1]
    for row, column in enumerate((DEPTH_X0, DEPTH_LAMBDA)):
        for r in np.unique(outer):
            ring = outer == r
            if row == 1 and np.any(thin[ring, WIDTH] > 0.0):
                continue  # grazed gas is counted apart
            # the obliquity of a slanted sensor is at most twice that of a cylinder
            depth = thin[ring & ~slanted, column].max(initial=0.0) + 2.0 * thin[ring & slanted, column].sum()
            table[row, radii < r] += depth
    return np.ascontiguousarray(_BOUND_MARGIN * table)


def _numbers(card: DetectorCard, pieces: FloatArray) -> FloatArray:
    surface, regions, places = card.calorimeter.surface, card.calorimeter.regions, card.regions
    radius = surface.barrel_radius_cm.value
    forward, backward = surface.forward_z_cm.value, surface.backward_z_cm.value
    behind = places.behind
    values = (
        card.field.solenoid_tesla.value,
        radius,
        forward,
        backward,
        forward * math.tan(math.radians(regions.fwd.theta_min_deg.value)),
        -backward * math.tan(math.radians(180.0 - regions.bwd.theta_max_deg.value)),
        *_cylinder(places.beam_pipe),
        *_cylinder(places.vertex_detector),
        *_cylinder(places.drift_chamber),
        *_cylinder(places.calorimeter),
        *_cylinder(places.muon_detector),
        behind.charged_momentum_min.value,
        math.cos(math.radians(behind.theta_max_deg.value)),
        math.cos(math.radians(behind.theta_min_deg.value)),
        float(places.curling.half_turns.value),
        _STIFF * radius * OMEGA_PER_TESLA_GEV_CM * card.field.solenoid_tesla.value,
        _STIFF * radius,
        *_curling_limits(pieces),
        *_heavy_limits(pieces),
        _return_depth(pieces, places.vertex_detector.radius_cm.value),
    )
    return np.array(values)


@kernel
def _depths(pieces, state, charge, numbers, out):
    """Rows of `state` are x, y, z, px, py, pz; rows of `out` X/X0, interaction lengths, g/cm2 along the path."""
    path = np.empty(N_PATH)
    for i in range(len(state)):
        s = state[i]
        _start(path, s[0], s[1], s[2], s[3], s[4], s[5], charge[i], numbers[FIELD])
        end, _ = _reach(
            path, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD], numbers[HALF_TURNS]
        )
        out[i] = 0.0
        begin = 0.0
        first = _first_segment(path)
        segment = first
        while begin < end:
            stop = min(end, _segment_end(path, segment))
            for k in range(len(pieces)):
                piece = pieces[k]
                arc, u = _crossing(
                    path, piece[R0], piece[Z0], piece[R1], piece[Z1], segment, segment < first + 2, begin, stop
                )
                if arc < FAR:
                    oblique = _obliquity(path, piece[NORMAL_R], piece[NORMAL_Z], u)
                    out[i, 0] += oblique * pieces[k, DEPTH_X0]
                    out[i, 1] += oblique * pieces[k, DEPTH_LAMBDA]
                    out[i, 2] += oblique * pieces[k, DEPTH_MASS]
            begin = stop
            segment += 1


def depths_along(pieces: FloatArray, numbers: FloatArray, state: FloatArray, charge: FloatArray) -> FloatArray:
    """Material of the tracker along paths from points inside the calorimeter's front.

    Parameters
    ----------
    state : float64 (n, 6)
        x, y, z (cm), px, py, pz (GeV).
    charge : float64 (n,)

    Returns
    -------
    float64 (n, 3)
        X/X0, nuclear interaction lengths, g/cm2, every crossing counted (curling particles up to the card's limit).
    """
    out = np.zeros((len(state), 3))
    _depths(pieces, np.ascontiguousarray(state, dtype=np.float64), np.asarray(charge, dtype=np.float64), numbers, out)
    return out


def _bounds(pieces: FloatArray, numbers: FloatArray) -> FloatArray:
    """Largest depths over each cell of tan lambda and all prompt points, with a margin."""
    tangent = -TAN_HIGH - 2.0 * TAN_STEP + TAN_STEP * np.arange(round(2.0 * TAN_HIGH / TAN_STEP) + 5)
    largest = np.zeros((2, len(tangent)))
    state = np.zeros((len(tangent), 6))
    state[:, 3], state[:, 5] = 1.0, tangent
    # a displaced point moves the crossings along z, by rho tan lambda at most
    reach = PROMPT_Z_CM + PROMPT_RHO_CM * np.abs(tangent)
    for shift in np.linspace(-1.0, 1.0, 31):
        state[:, 2] = shift * reach
        depth = depths_along(pieces, numbers, state, np.zeros(len(tangent)))
        largest = np.maximum(largest, depth[:, :2].T)
    width = len(tangent) - 4
    return np.ascontiguousarray(_BOUND_MARGIN * np.max([largest[:, k : k + width] for k in range(5)], axis=0))


def transport_tables(card: DetectorCard) -> TransportTables:
    """Turn a card into the tables of the transport.

    Parameters
    ----------
    card : DetectorCard
        From `toymc.geometry.load_card`; sections material, tracking, calorimeter (front of the crystals), regions.

    Returns
    -------
    TransportTables

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> transport_tables(load_card("belle2")).pieces.shape[1]
    13
    """
    materials = _Materials(card)
    pieces = _pieces(card, materials)
    numbers = _numbers(card, pieces)
    behind = card.regions.behind
    return TransportTables(
        numbers=numbers,
        collisions=collision_numbers(),
        pieces=pieces,
        elements=materials.elements(),
        bounds=_bounds(pieces, numbers),
        outside=_outside(pieces),
        hadrons=hadron_table(),
        modes=decay_table()[0],
        generator_modes=secondary_table(),
        depth_behind=behind.calorimeter_lambda.value + behind.coil_lambda.value,
    )


@cache
def species_arrays(
    others: tuple[int, ...], depth_behind: float
) -> tuple[FloatArray, Int64Array, Int64Array, Int64Array]:
    """`species_table` with the chance of hadrons to pass what stands behind the calorimeter's front."""
    rows, lookup, codes, places = species_table(others)
    rows = rows.copy()
    rows[:, SURVIVES] = np.exp(-depth_behind * rows[:, AT_2_GEV])
    return rows, lookup, codes, places
