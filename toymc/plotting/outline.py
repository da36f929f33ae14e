"""The detector of a card in two views: transverse (x, y) and lengthwise (z, radius with the sign of y).

Everything drawn stands in the card: the azimuth that has sensors, slanted sensors, hyperbolic wire layers, octagonal
plates of the muon detector. Nothing is drawn that the card does not hold.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Annulus, Patch, Polygon, Rectangle, Wedge

from toymc.geometry import DetectorCard
from toymc.geometry.material import MaterialLayer
from toymc.geometry.tracking import ChamberLayer

FloatArray = npt.NDArray[np.float64]

SILICON, AXIAL, STEREO, ANTI_STEREO = "#3B6FA0", "#8FA6BF", "#8CBFA8", "#D9B07C"
_WIRES = {"A": AXIAL, "U": STEREO, "V": ANTI_STEREO}
CRYSTALS, RADIATOR, METAL, WALL, IRON, GAP = "#F5E7B8", "#D9CCE8", "#E3E3E3", "#9A9A9A", "#CFDCCB", "#F2F7F0"
COIL = "#C4C4C4"
_OCTANT = math.pi / 8.0
_THIN = 4e-3
"""Shells thinner than this share of the view are drawn as lines."""
_BEHIND, _DETECTOR, _WIRE, _NAME = 0.1, 0.4, 0.6, 2.0  # order of drawing


def legend_handles(card: DetectorCard) -> list[Patch]:
    """What the colours of the detector mean."""
    pieces = [
        (SILICON, "silicon sensors"), (AXIAL, "axial wires"), (STEREO, "stereo wires, U"),
        (ANTI_STEREO, "stereo wires, V"), (RADIATOR, "Cherenkov detectors"), (CRYSTALS, "CsI(Tl) crystals"),
        (METAL, "coil, walls"), (IRON, "KLM iron"),
    ]  # fmt: skip
    kinds = {_colour(piece) for piece in card.material.layers}
    return [Patch(facecolor=c, label=text) for c, text in pieces if c != RADIATOR or RADIATOR in kinds]


def _colour(piece: MaterialLayer) -> str:
    if piece.material == "CsI":
        return CRYSTALS
    if piece.place == "outer" and piece.material in ("SiO2", "aerogel"):
        return RADIATOR
    if "coil" in piece.name:
        return COIL
    return METAL if piece.place != "tracker" else WALL


def draw_transverse(axes: Axes, card: DetectorCard, reach: float) -> None:
    """The x-y view out to `reach` (cm)."""
    _klm_transverse(axes, card, reach)
    for piece in _thick_first(card):
        if piece.shape == "disc" or piece.r_min_cm > reach or "gas" in piece.name:
            continue
        if not piece.z_min_cm < 0.0 < piece.z_max_cm:
            continue  # beside the section through the interaction point
        width = piece.r_max_cm - piece.r_min_cm
        if width < _THIN * reach:
            _circle(axes, 0.5 * (piece.r_min_cm + piece.r_max_cm), _colour(piece), 0.6)
        else:
            axes.add_patch(
                Annulus((0.0, 0.0), piece.r_max_cm, width, facecolor=_colour(piece), zorder=_DETECTOR, linewidth=0)
            )
    lines = [_ring(wires.waist_radius_cm) for wires in card.tracking.chamber if wires.waist_radius_cm < reach * 1.5]
    shades = [_WIRES[wires.type] for wires in card.tracking.chamber if wires.waist_radius_cm < reach * 1.5]
    axes.add_collection(LineCollection(lines, colors=shades, linewidths=0.35, zorder=_WIRE))
    layers = {layer.layer: layer for layer in card.tracking.silicon_layers}
    for sensor in card.tracking.silicon_sensors:
        layer = layers[sensor.layer]
        low, high = sorted((sensor.r_at_z_min_cm, sensor.r_at_z_max_cm))
        if high - low > 0.1:  # slanted: seen from the front, a band
            band = Wedge((0, 0), high, layer.phi_min_deg, layer.phi_max_deg, width=high - low)
            band.set(facecolor=SILICON, alpha=0.10, linewidth=0, zorder=_DETECTOR)
            axes.add_patch(band)
        else:
            phi = np.radians(np.linspace(layer.phi_min_deg, layer.phi_max_deg, 200))
            axes.plot(high * np.cos(phi), high * np.sin(phi), color=SILICON, linewidth=1.1, zorder=_WIRE)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("x [cm]")
    axes.set_ylabel("y [cm]")


def write_names(axes: Axes, card: DetectorCard, reach: float) -> None:
    """Names of the parts in a transverse view, along a direction where few tracks of a jet-like event hide them."""
    radiators = [p for p in card.material.layers if _colour(p) == RADIATOR and p.shape == "cylinder"]
    tracker = card.regions.drift_chamber.radius_cm.value
    crystal_face = card.calorimeter.surface.barrel_radius_cm.value
    crystal_end = card.regions.calorimeter.radius_cm.value
    barrel = card.muons.barrel.inner_r.value
    names = [("ECL", 0.5 * (crystal_face + crystal_end)), ("CDC", 0.62 * tracker)]
    if reach > barrel:
        names = [("ECL", 0.5 * (crystal_face + crystal_end)), ("KLM", 0.5 * (barrel + klm_outer_radius(card)))]
        names.append(("coil", 0.5 * (card.muons.flux.coil_r_min.value + card.muons.flux.coil_r_max.value)))
    elif radiators:
        names.append((radiators[0].name.split()[0], radiators[0].r_max_cm))
    angle = math.radians(-67.5)
    for name, radius in names:
        axes.text(
            radius * math.cos(angle), radius * math.sin(angle), name, fontsize=8, color="0.25", ha="center",
            va="center", zorder=_NAME,
        )  # fmt: skip


def draw_lengthwise(axes: Axes, card: DetectorCard, reach: float, z_low: float, z_high: float) -> None:
    """The view of z and signed radius, out to `reach` and from `z_low` to `z_high` (cm)."""
    _klm_lengthwise(axes, card)
    thin = _THIN * max(reach, 0.5 * (z_high - z_low))
    for piece in _thick_first(card):
        if "gas" in piece.name:
            continue
        colour = _colour(piece)
        for sign in (1.0, -1.0):
            if piece.shape == "cylinder" and piece.r_max_cm - piece.r_min_cm < thin:
                r = 0.5 * sign * (piece.r_min_cm + piece.r_max_cm)
                span = [piece.z_min_cm, piece.z_max_cm]
                axes.plot(span, [r, r], color=colour, linewidth=0.6, zorder=_DETECTOR)
                continue
            low = piece.r_min_cm if sign > 0.0 else -piece.r_max_cm
            size = (piece.z_max_cm - piece.z_min_cm, piece.r_max_cm - piece.r_min_cm)
            axes.add_patch(Rectangle((piece.z_min_cm, low), *size, facecolor=colour, zorder=_DETECTOR, linewidth=0))
    wires = [line for layer in card.tracking.chamber for line in _wire_lines(layer)]
    shades = [_WIRES[layer.type] for layer in card.tracking.chamber for _ in range(2)]
    axes.add_collection(LineCollection(wires, colors=shades, linewidths=0.35, zorder=_WIRE))
    for along, out in _sensor_lines(card):
        axes.plot(along, out, color=SILICON, linewidth=1.1, zorder=_WIRE, solid_capstyle="butt")
    axes.axhline(0.0, color="0.75", linewidth=0.4, zorder=_BEHIND)
    axes.set_xlim(z_low, z_high)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("z [cm]")
    axes.set_ylabel(r"$\rho \cdot \mathrm{sign}(y)$ [cm]")


def _thick_first(card: DetectorCard) -> list[MaterialLayer]:
    """What lies inside another piece (the coil in its cryostat) comes later."""
    return sorted(card.material.layers, key=lambda piece: piece.r_min_cm - piece.r_max_cm)


def _ring(radius: float, n: int = 361) -> FloatArray:
    phi = np.linspace(0.0, 2.0 * math.pi, n)
    return np.stack([radius * np.cos(phi), radius * np.sin(phi)], axis=1)


def _circle(axes: Axes, radius: float, colour: str, width: float) -> None:
    axes.add_collection(LineCollection([_ring(radius)], colors=[colour], linewidths=width, zorder=_DETECTOR))


def _octagon(inscribed: float) -> FloatArray:
    """Corners of an octagon with two horizontal sides."""
    phi = _OCTANT + np.arange(8) * 2.0 * _OCTANT
    return inscribed / math.cos(_OCTANT) * np.stack([np.cos(phi), np.sin(phi)], axis=1)


def barrel_plates(card: DetectorCard) -> Iterator[tuple[float, float]]:
    """Inner and outer radius (inscribed, cm) of the iron plates of the barrel KLM, behind every layer but the last."""
    barrel = card.muons.barrel
    pitch = barrel.gap.value + barrel.iron.value
    for k in range(barrel.layers - 1):
        low = barrel.inner_r.value + k * pitch + barrel.gap.value
        yield low, low + barrel.iron.value


def endcap_plates(card: DetectorCard) -> Iterator[tuple[float, float]]:
    """z range (cm, signed) of the iron plates of both endcaps, from the first layer outwards."""
    ends = card.muons.endcaps
    pitch = ends.gap.value + ends.iron.value
    for sign, side in ((1.0, ends.forward), (-1.0, ends.backward)):
        for k in range(side.layers - 1):
            low = side.face_z.value + sign * (k * pitch + ends.gap.value)
            yield tuple(sorted((low, low + sign * ends.iron.value)))  # type: ignore[misc]


def klm_outer_radius(card: DetectorCard) -> float:
    """Inscribed radius of the last layer of the barrel KLM, cm."""
    barrel = card.muons.barrel
    return barrel.inner_r.value + (barrel.layers - 1) * (barrel.gap.value + barrel.iron.value) + barrel.gap.value


def _klm_transverse(axes: Axes, card: DetectorCard, reach: float) -> None:
    if card.muons.barrel.inner_r.value > 1.5 * reach:
        return
    outer, inner = klm_outer_radius(card), card.muons.barrel.inner_r.value
    axes.add_patch(Polygon(_octagon(outer), facecolor=GAP, zorder=_BEHIND, linewidth=0))
    plates = []
    for low, high in barrel_plates(card):
        # a plate is the ring between two octagons: out along one, back along the other
        ring = np.concatenate([_octagon(high), _octagon(high)[:1], _octagon(low)[:1], _octagon(low)[::-1]])
        plates.append(Polygon(ring))
    axes.add_collection(PatchCollection(plates, facecolor=IRON, linewidth=0, zorder=_BEHIND))
    axes.add_patch(Polygon(_octagon(inner), facecolor="white", zorder=_BEHIND, linewidth=0.4, edgecolor="0.8"))


def _klm_lengthwise(axes: Axes, card: DetectorCard) -> None:
    barrel, ends = card.muons.barrel, card.muons.endcaps
    plates = []
    for sign in (1.0, -1.0):
        for low, high in barrel_plates(card):
            bottom = low if sign > 0.0 else -high
            plates.append(Rectangle((barrel.z_min.value, bottom), barrel.z_max.value - barrel.z_min.value, high - low))
        for z_low, z_high in endcap_plates(card):
            bottom = ends.r_min.value if sign > 0.0 else -ends.r_max.value
            plates.append(Rectangle((z_low, bottom), z_high - z_low, ends.r_max.value - ends.r_min.value))
    axes.add_collection(PatchCollection(plates, facecolor=IRON, linewidth=0, zorder=_BEHIND))


def _wire_lines(layer: ChamberLayer) -> tuple[FloatArray, FloatArray]:
    """Upper and lower outline of a layer of wires: a hyperbola where they are slanted."""
    z = np.linspace(layer.z_min_cm, layer.z_max_cm, 2 if layer.type == "A" else 41)
    middle, half = 0.5 * (layer.z_min_cm + layer.z_max_cm), 0.5 * (layer.z_max_cm - layer.z_min_cm)
    radius = np.sqrt(
        layer.waist_radius_cm**2 + (layer.radius_cm**2 - layer.waist_radius_cm**2) * ((z - middle) / half) ** 2
    )
    return np.stack([z, radius], axis=1), np.stack([z, -radius], axis=1)


def _sensor_lines(card: DetectorCard) -> Iterator[tuple[list[float], list[float]]]:
    """Sensors in z and signed radius, above and below the axis as far as the layer is built there."""
    layers = {layer.layer: layer for layer in card.tracking.silicon_layers}
    for sensor in card.tracking.silicon_sensors:
        layer = layers[sensor.layer]
        z, r = [sensor.z_min_cm, sensor.z_max_cm], [sensor.r_at_z_min_cm, sensor.r_at_z_max_cm]
        low, high = layer.phi_min_deg, layer.phi_max_deg
        if low < 180.0 or high > 360.0:
            yield z, r
        if high > 180.0:
            yield z, [-value for value in r]
