"""The tracker of a card as a list of surfaces, in the order in which a track from inside meets them.

A surface is a cylinder or a cone (slanted sensors) of no thickness that carries material, a measurement, or both. Flat
sensors in windmill arrangement are replaced by the cylinder or cone at their nominal radius: the average over azimuth.
Distributed material (gas with wires) is put on the wire layers inside it: the piece between the middles to the
neighbouring wires belongs to a wire, three neighbours scatter together at the middle one, seven lose energy together.
Against doing so at every wire that changes no resolution by more than half a percent from 1 GeV on and 1.5 % at 0.3 GeV
(pions; tested); sigma(omega) by 3 % where they curl up in the first layers, more for protons that are about to stop.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E
from toymc.geometry import DetectorCard
from toymc.geometry.material import Material, MaterialLayer
from toymc.geometry.tracking import ChamberLayer, SiliconLayer, SiliconSensor

FloatArray = npt.NDArray[np.float64]

# columns of the table of surfaces
KIND = 0  # 0 material only, 1 silicon sensor, 2 wires
RADIUS = 1  # at z_min for a cone, at the waist for wires, cm
SLOPE = 2  # dr/dz of a cone; for wires tan^2 of the angle of the hyperboloid
Z_MIN = 3
Z_MAX = 4
DEPTH = 5  # X/X0 at normal incidence
LOSS = 6  # K Z/A times the areal density at normal incidence, GeV
EXCITATION = 7  # ln(2 m_e / I)
PLASMA = 8  # ln(plasma energy / I) - 1/2: the density effect at high energy
WEIGHT_U = 9  # efficiency / variance across the strips or wires, 1/cm2
WEIGHT_V = 10  # along z for silicon
COS = 11  # of the slant (silicon) or the stereo angle (wires)
SIN = 12
SYSTEM = 13  # 0 pixel, 1 strip, 2 wires, -1 none
LAYER = 14  # number of the silicon layer, -1 none
PHI_MIN = 15  # window of azimuth that has sensors, rad
PHI_WIDTH = 16  # 2 pi or more: all around
Z_MIDDLE = 17  # of wires: where the waist is
COLUMNS = 18

_THICK_CM = 1.0
"""Shells thicker than this are cut; those with wires inside are put on the wires."""
_SCATTER_GROUP = 3
_LOSS_GROUP = 7
"""Wire layers that scatter, or lose energy, together."""
_BETHE = 0.307075e-3
"""K of the Bethe formula, GeV cm2/mol [PDG review, eq. 34.5]."""
_PLASMA_EV = 28.816
"""Plasma energy: this times sqrt(density in g/cm3 * Z/A), eV [PDG review, table 34.1]."""


class Constants(NamedTuple):
    """Numbers of the tracker that are not surfaces: field (T), Highland's formula (GeV, -), obliquest crossing."""

    field: float
    highland: float
    highland_log: float
    sin_max: float
    losing: float  # 1 with energy loss, 0 without
    bending: float  # 1 if scattering in the dip angle changes pT at constant p, 0 if the projections are apart
    inner: float  # radius of the innermost material, cm
    outer: float  # radius of the last wire, cm


class Tuning(NamedTuple):
    """Factors on the hit resolutions and the material, all 1 in the ideal calculation."""

    silicon_rphi: float
    silicon_z: float
    chamber_hit: float
    silicon_material: float
    chamber_material: float


def tuning_of(card: DetectorCard, ideal: bool) -> Tuning:
    """The named factors of the card; `ideal` takes none of them."""
    if ideal:
        return Tuning(1.0, 1.0, 1.0, 1.0, 1.0)
    factors = card.tracking.tuning
    return Tuning(
        factors.silicon_rphi.value,
        factors.silicon_z.value,
        factors.chamber_hit.value,
        factors.silicon_material.value,
        factors.chamber_material.value,
    )


def _material(row: FloatArray, depth: float, material: Material, factor: float) -> None:
    """Scattering and energy loss of `depth` radiation lengths; the factor is for scattering alone."""
    row[DEPTH] = depth * factor
    areal = depth * material.X0_g_cm2
    excitation = 1e-9 * material.mean_excitation_eV
    row[LOSS] = _BETHE * material.Z_over_A * areal
    row[EXCITATION] = math.log(2.0 * M_E / excitation)
    plasma = 1e-9 * _PLASMA_EV * math.sqrt(material.density_g_cm3 * material.Z_over_A)
    row[PLASMA] = math.log(plasma / excitation) - 0.5


def _empty(kind: int) -> FloatArray:
    row = np.zeros(COLUMNS)
    row[KIND] = kind
    row[SYSTEM] = row[LAYER] = -1.0
    row[COS] = 1.0
    row[PHI_WIDTH] = 10.0
    return row


def _sensor_row(
    sensor: SiliconSensor, layer: SiliconLayer, number: int, material: Material, tuning: Tuning, ideal: bool
) -> FloatArray:
    row = _empty(1)
    row[RADIUS] = sensor.r_at_z_min_cm
    row[Z_MIN], row[Z_MAX] = sensor.z_min_cm, sensor.z_max_cm
    row[SLOPE] = (sensor.r_at_z_max_cm - sensor.r_at_z_min_cm) / (sensor.z_max_cm - sensor.z_min_cm)
    _material(row, layer.x_over_X0, material, tuning.silicon_material)
    u, v = layer.resolution_rphi_um, layer.resolution_z_um
    if ideal:
        u, v = layer.ideal_rphi_um, layer.ideal_z_um
    efficiency = 1.0 if ideal else layer.efficiency
    row[WEIGHT_U] = efficiency / (1e-4 * u * tuning.silicon_rphi) ** 2
    row[WEIGHT_V] = efficiency / (1e-4 * v * tuning.silicon_z) ** 2
    norm = math.hypot(1.0, row[SLOPE])
    row[COS], row[SIN] = 1.0 / norm, -row[SLOPE] / norm
    row[SYSTEM] = 0.0 if layer.detector == "pxd" else 1.0
    row[LAYER] = number
    row[PHI_MIN] = math.radians(layer.phi_min_deg)
    full = layer.built_fraction >= 1.0
    row[PHI_WIDTH] = 10.0 if full else math.radians(layer.phi_max_deg - layer.phi_min_deg)
    return row


def _wire_row(wires: ChamberLayer, weight: float) -> FloatArray:
    row = _empty(2)
    row[RADIUS] = wires.waist_radius_cm
    row[Z_MIN], row[Z_MAX] = wires.z_min_cm, wires.z_max_cm
    row[Z_MIDDLE] = 0.5 * (wires.z_min_cm + wires.z_max_cm)
    half = 0.5 * (wires.z_max_cm - wires.z_min_cm)
    row[SLOPE] = (wires.radius_cm**2 - wires.waist_radius_cm**2) / half**2
    row[WEIGHT_U] = weight
    row[COS], row[SIN] = math.cos(1e-3 * wires.stereo_mrad), math.sin(1e-3 * wires.stereo_mrad)
    row[SYSTEM] = 2.0
    return row


def _silicon(card: DetectorCard, tuning: Tuning, ideal: bool) -> list[tuple[float, int, FloatArray]]:
    found = []
    for number, layer in enumerate(card.tracking.silicon_layers):
        sensors = [s for s in card.tracking.silicon_sensors if s.layer == layer.layer]
        # sensors of a layer stay together: ordered by the widest radius of the layer
        order = max(max(s.r_at_z_min_cm, s.r_at_z_max_cm) for s in sensors)
        material = card.material.of(layer.material)
        for sensor in sorted(sensors, key=lambda s: s.z_min_cm):
            found.append((order, number, _sensor_row(sensor, layer, number, material, tuning, ideal)))
    return found


def _share(piece: MaterialLayer, low: float, high: float) -> float:
    """Part of a shell's thickness between two radii."""
    return max(0.0, min(high, piece.r_max_cm) - max(low, piece.r_min_cm)) / (piece.r_max_cm - piece.r_min_cm)


def _holds_wires(piece: MaterialLayer, radii: list[float]) -> bool:
    """Whether a piece is gas: some wires inside it."""
    return any(piece.r_min_cm < r < piece.r_max_cm for r in radii)


def _together(rows: list[FloatArray], column: int, size: int) -> None:
    """Sums of `size` neighbours, written to the middle one; the others get 0."""
    for start in range(0, len(rows), size):
        group = rows[start : start + size]
        total = sum(row[column] for row in group)
        for k, row in enumerate(group):
            row[column] = total if k == len(group) // 2 else 0.0


def _chamber(card: DetectorCard, tuning: Tuning, ideal: bool) -> list[tuple[float, int, FloatArray]]:
    settings = card.tracking.chamber_hits
    hit = settings.ideal_um.value if ideal else settings.resolution_um.value
    efficiency = 1.0 if ideal else settings.efficiency.value
    weight = efficiency / (1e-4 * hit * tuning.chamber_hit) ** 2
    layers = sorted(card.tracking.chamber, key=lambda w: w.waist_radius_cm)
    radii = [w.waist_radius_cm for w in layers]
    edges = [0.0, *(0.5 * (a + b) for a, b in zip(radii, radii[1:], strict=False)), math.inf]
    gas = [p for p in card.material.layers if p.place == "tracker" and _holds_wires(p, radii)]
    found = []
    for k, wires in enumerate(layers):
        row = _wire_row(wires, weight)
        parts = [(p.x_over_X0 * _share(p, edges[k], edges[k + 1]), p.material) for p in gas]
        if any(depth > 0.0 for depth, _ in parts):
            mixture = max(parts)[1]  # that of the larger part, where a wire sees two
            _material(row, sum(depth for depth, _ in parts), card.material.of(mixture), tuning.chamber_material)
        found.append((wires.waist_radius_cm, 100 + k, row))
    rows = [row for _, _, row in found]
    _together(rows, DEPTH, _SCATTER_GROUP)
    _together(rows, LOSS, _LOSS_GROUP)
    return found


def _passive(card: DetectorCard, tuning: Tuning) -> list[tuple[float, int, FloatArray]]:
    found = []
    wires = [w.waist_radius_cm for w in card.tracking.chamber]
    for k, piece in enumerate(card.material.layers):
        if piece.place != "tracker":
            continue
        if _holds_wires(piece, wires):
            continue  # on the wires
        cuts = max(1, math.ceil((piece.r_max_cm - piece.r_min_cm) / _THICK_CM))
        for cut in range(cuts):
            row = _empty(0)
            row[RADIUS] = piece.r_min_cm + (cut + 0.5) * (piece.r_max_cm - piece.r_min_cm) / cuts
            row[Z_MIN], row[Z_MAX] = piece.z_min_cm, piece.z_max_cm
            _material(row, piece.x_over_X0 / cuts, card.material.of(piece.material), tuning.silicon_material)
            found.append((row[RADIUS], 1000 + k, row))
    return found


def surface_table(card: DetectorCard, ideal: bool = False) -> FloatArray:
    """All surfaces of the tracker.

    Parameters
    ----------
    card : DetectorCard
    ideal : bool
        The ideal resolutions, every layer efficient, no tuning factor.

    Returns
    -------
    float64 (n, COLUMNS)
        Columns as named in this module; cm, GeV, rad.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> int((surface_table(load_card("belle2_run2"))[:, KIND] == 2).sum())
    56
    """
    tuning = tuning_of(card, ideal)
    rows = [*_passive(card, tuning), *_silicon(card, tuning, ideal), *_chamber(card, tuning, ideal)]
    rows.sort(key=lambda entry: entry[:2])
    return np.ascontiguousarray([row for _, _, row in rows])


def tracker_constants(card: DetectorCard, ideal: bool = False) -> Constants:
    """Scalars that go with `surface_table`."""
    fit = card.tracking.fit
    return Constants(
        field=card.field.solenoid_tesla.value,
        highland=1e-3 * fit.highland_mev.value,
        highland_log=fit.highland_log.value,
        sin_max=fit.obliquest_sine.value,
        losing=0.0 if ideal else 1.0,
        bending=0.0 if ideal else 1.0,
        inner=min(p.r_min_cm for p in card.material.layers if p.place == "tracker"),
        outer=max(w.waist_radius_cm for w in card.tracking.chamber),
    )
