"""Event display: the true particles, and what the detector made of them, over the layers of the card."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from particle import Particle

from toymc.constants import charge as charge_of
from toymc.detector import Detector
from toymc.errors import InputError
from toymc.events import (
    FATE_REACHED_ECL,
    FATE_REACHED_KLM,
    STATUS_DOCUMENTATION,
    STATUS_FINAL,
    EventBatch,
    Reconstruction,
    V0s,
)
from toymc.geometry import DetectorCard
from toymc.plotting.outline import draw_lengthwise, draw_transverse, klm_outer_radius, legend_handles, write_names
from toymc.plotting.paths import Volume, crossings, crystals, curve, straight, until
from toymc.plotting.style import LABEL, new_figure, style

FloatArray = npt.NDArray[np.float64]
View: TypeAlias = Callable[[FloatArray, float], tuple[FloatArray, FloatArray]]
"""From points (n, 3) and the half of the lengthwise view to what is drawn to the right and upwards."""

# Okabe-Ito colours, one for each kind of particle
SPECIES = {11: "#0072B2", 13: "#D55E00", 211: "#009E73", 321: "#CC79A7", 2212: "#7A3E9D", 22: "#E69F00"}
OTHER_CHARGED, NEUTRAL = "#444444", "#777777"
_NAMES = {11: "e", 13: r"$\mu$", 211: r"$\pi$", 321: "K", 2212: "p", 22: r"$\gamma$"}
_NEUTRINOS = (12, 14, 16)
_BAR_CM_PER_SQRT_GEV = 45.0
"""Length of the bar of a cluster of 1 GeV in the views of the whole detector; it grows with the root of the energy."""
_CURL_CM = 400.0
_TRUE, _TRACK, _HIT, _BAR = 3.0, 4.0, 5.0, 2.5  # order of drawing
_MOST_ROWS = 16
_DISPLACED_CM = 1.0
"""Particles made farther out than this are drawn from where they were made."""


@dataclass(frozen=True)
class Way:
    """One curve: points (n, 3) in cm, on which side it lies in the lengthwise view, how it looks."""

    points: FloatArray
    side: float
    colour: str
    line: str = "-"
    width: float = 1.0
    order: float = _TRUE


def event_display(
    reconstruction: Reconstruction, detector: Detector, event: int, v0s: V0s | None = None, name: str = ""
) -> Figure:
    """Two views (transverse, lengthwise) of one event at three scales: all, tracker, vertex region.

    Parameters
    ----------
    reconstruction : Reconstruction
    detector : Detector
        Of the card that the events were simulated with.
    event : int
        Place of the event in the batch.
    v0s : V0s, optional
        Of the same batch; drawn as diamonds.
    name : str
        What the title calls the event; its place in the batch if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no such event.

    Examples
    --------
    >>> # event_display(reconstruction, detector, 3).savefig("event3.pdf")
    """
    n = reconstruction.n_events
    if not 0 <= event < n:
        raise InputError(f"there is no event {event}: give 0 to {n - 1}")
    mask = np.arange(n) == event
    one = reconstruction.select(mask)
    card = detector.card
    found = None if v0s is None else v0s.select(mask)
    true, tracks = true_ways(one.truth, one.fate, card), track_ways(one, card)
    hits = _hits(one, tracks, card)
    scales = _scales(one, card)
    with style():
        figure = new_figure(17.4, 9.9)
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, hspace=0.0, wspace=0.01)  # type: ignore[union-attr, call-arg]
        grid = figure.add_gridspec(2, 4, width_ratios=(1.0, 1.0, 1.0, 0.58))
        for column, (reach, z_low, z_high) in enumerate(scales):
            above, below = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
            draw_transverse(above, card, reach)
            draw_lengthwise(below, card, reach, z_low, z_high)
            if column < 2:
                write_names(above, card, reach)
            for axes, view in ((above, _transverse), (below, _lengthwise)):
                _draw_event(axes, view, one, card, true, tracks, hits, found, column)
        _words(figure.add_subplot(grid[:, 3]), one, detector, found)
        title = f"{LABEL}   {card.name}   {one.process}   {name or f'event {event}'}   (id {int(one.event_id[0])})"
        figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    return figure


def pairs(reconstruction: Reconstruction, detector: Detector) -> V0s:
    """K_S, Lambda and converted photons of a batch, as `event_display` draws them."""
    from toymc.detector.vertex import find_v0s

    return find_v0s(reconstruction, detector)


def _outer_radius(card: DetectorCard) -> float:
    ends = card.muons.endcaps
    return max(klm_outer_radius(card) / math.cos(math.pi / 8.0), ends.r_max.value) + 5.0


def _scales(one: Reconstruction, card: DetectorCard) -> list[tuple[float, float, float]]:
    """Half height, lowest and highest z of the three scales, cm."""
    outer = _outer_radius(card)
    region = card.regions.muon_detector
    middle = 0.5 * (region.z_min_cm.value + region.z_max_cm.value)
    half = 0.5 * (region.z_max_cm.value - region.z_min_cm.value) + 5.0
    outer = half = max(half, outer)
    ecl = card.regions.calorimeter
    face = card.calorimeter.surface
    tracker = 1.06 * ecl.radius_cm.value
    shift = 0.5 * (face.forward_z_cm.value + face.backward_z_cm.value)
    made = np.hypot(one.truth.x, one.truth.y)[one.truth.status != STATUS_DOCUMENTATION]
    inner = made[made < card.regions.vertex_detector.radius_cm.value]
    far = 1.3 * float(np.max(inner, initial=0.0))
    # the second silicon layer is always in view
    vertex = float(np.clip(far, 5.0, 1.05 * card.regions.vertex_detector.radius_cm.value))
    return [
        (outer, middle - half, middle + half),
        (tracker, shift - tracker, shift + tracker),
        (vertex, -vertex, vertex),
    ]


def true_ways(truth: EventBatch, fate: npt.NDArray[np.int32], card: DetectorCard) -> list[Way]:
    """Curves of the true particles of one event: to their decay, the calorimeter, or the muon detector."""
    ways = []
    field = card.field.solenoid_tesla.value
    first_daughter = {int(m): row for row, m in reversed(list(enumerate(truth.mother.tolist()))) if m >= 0}
    # a handful of rows of a single event
    for row in range(truth.n_particles):
        code = int(truth.pdg[row])
        if truth.status[row] == STATUS_DOCUMENTATION or abs(code) in _NEUTRINOS:
            continue
        place = np.array([truth.x[row], truth.y[row], truth.z[row]])
        p = np.array([truth.px[row], truth.py[row], truth.pz[row]])
        q = _charge(code)
        volume = _end_volume(card, int(fate[row]), code)
        if not volume.inside(place[None, :])[0] or not np.any(p):
            continue
        points = curve(place, p, q, field, volume, _CURL_CM) if q else straight(place, p, volume)
        if truth.status[row] != STATUS_FINAL and row in first_daughter:
            k = first_daughter[row]
            end = np.array([truth.x[k], truth.y[k], truth.z[k]])
            points = until(points, end) if np.linalg.norm(end - place) > 0.0 else points[:1]
        elif truth.status[row] != STATUS_FINAL:
            points = points[:1]
        colour = SPECIES.get(abs(code), OTHER_CHARGED if q else NEUTRAL)
        ways.append(Way(points, _side(place, p), colour, (0, (4, 2)) if q else (0, (1, 1.6)), 0.9))  # type: ignore[arg-type]
    return ways


def _end_volume(card: DetectorCard, fate: int, code: int) -> Volume:
    if fate == FATE_REACHED_KLM and abs(code) == 13:
        coil = card.muons.flux.coil_r_min.value
        region = card.regions.calorimeter
        return Volume(coil, region.z_min_cm.value, region.z_max_cm.value)
    if fate in (FATE_REACHED_KLM, FATE_REACHED_ECL) or abs(code) != 22:
        region = card.regions.calorimeter
        face = crystals(card)
        return face if fate != FATE_REACHED_KLM else Volume(
            region.radius_cm.value, region.z_min_cm.value, region.z_max_cm.value
        )  # fmt: skip
    return crystals(card)


def track_ways(one: Reconstruction, card: DetectorCard) -> list[Way]:
    """Curves of the reconstructed tracks of one event, from the perigee to the front of the calorimeter."""
    t, volume, field = one.tracks, crystals(card), card.field.solenoid_tesla.value
    ways = []
    for row in range(len(t.d0)):
        place = np.array([t.d0[row] * math.sin(t.phi0[row]), -t.d0[row] * math.cos(t.phi0[row]), t.z0[row]])
        p = np.array([t.px[row], t.py[row], t.pz[row]])
        start = np.zeros(3)
        if t.truth[row] >= 0:
            k = t.truth[row]
            start = np.array([one.truth.x[k], one.truth.y[k], one.truth.z[k]])
        points = curve(place, p, float(t.charge[row]), field, volume, _CURL_CM)
        # a displaced track is drawn from where it was made
        if math.hypot(start[0], start[1]) > _DISPLACED_CM:
            points = points[int(np.argmin(np.sum((points - start) ** 2, axis=1))) :]
        code = abs(int(one.truth.pdg[t.truth[row]])) if t.truth[row] >= 0 else 0
        ways.append(Way(points, _side(start, p), SPECIES.get(code, OTHER_CHARGED), "-", 1.7, _TRACK))
    return ways


def _hits(one: Reconstruction, ways: Sequence[Way], card: DetectorCard) -> list[tuple[FloatArray, float]]:
    """Points of the layers that each track crosses first, as many of each kind as it has hits."""
    result = []
    t = one.tracks
    for row, way in enumerate(ways):
        counts = (t.n_pxd[row], t.n_svd[row], t.n_cdc[row])
        at = [points[: max(int(n), 0)] for points, n in zip(crossings(way.points, card), counts, strict=True)]
        result.append((np.concatenate(at), way.side))
    return result


def _side(place: FloatArray, momentum: FloatArray) -> float:
    """Half of the lengthwise view: that of the direction of flight, for displaced particles that of their origin."""
    y = place[1] if math.hypot(place[0], place[1]) > _DISPLACED_CM else momentum[1]
    return 1.0 if y >= 0.0 else -1.0


@cache
def _charge(code: int) -> float:
    try:
        return charge_of(code)
    except InputError:
        return 0.0


def _transverse(points: FloatArray, side: float) -> tuple[FloatArray, FloatArray]:
    return points[:, 0], points[:, 1]


def _lengthwise(points: FloatArray, side: float) -> tuple[FloatArray, FloatArray]:
    return points[:, 2], side * np.hypot(points[:, 0], points[:, 1])


def _draw_event(
    axes: Axes, view: View, one: Reconstruction, card: DetectorCard, true: Sequence[Way], tracks: Sequence[Way],
    hits: Sequence[tuple[FloatArray, float]], v0s: V0s | None, column: int,
) -> None:  # fmt: skip
    """One view at one scale."""
    for way in (*true, *tracks):
        across, up = view(way.points, way.side)
        axes.plot(across, up, linestyle=way.line, color=way.colour, linewidth=way.width, zorder=way.order)
    for points, side in hits if column else ():
        across, up = view(points, side)
        axes.plot(across, up, ".", color="k", markersize=(0.0, 2.0, 6.0)[column], zorder=_HIT, linestyle="none")
    if column < 2:
        _bars(axes, view, one, card, 1.0 if column == 0 else 0.55)
        _klm(axes, view, one, card)
    if v0s is not None and len(v0s.x):
        points = np.stack([v0s.x, v0s.y, v0s.z], axis=1)
        for point, side in zip(points, np.where(v0s.y >= 0.0, 1.0, -1.0), strict=True):
            across, up = view(point[None, :], side)
            axes.plot(
                across, up, "D", markersize=7, markerfacecolor="none", markeredgecolor="k", markeredgewidth=1.1,
                zorder=_HIT + 1,
            )  # fmt: skip


def _impact(theta: float, phi: float, card: DetectorCard) -> FloatArray:
    """Where a direction from the origin meets the crystals."""
    face = crystals(card)
    unit = np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])
    ways = [face.radius / max(math.sin(theta), 1e-9)]
    if unit[2] > 0.0:
        ways.append(face.z_max / unit[2])
    elif unit[2] < 0.0:
        ways.append(face.z_min / unit[2])
    return min(ways) * unit


def _bars(axes: Axes, view: View, one: Reconstruction, card: DetectorCard, scale: float) -> None:
    """Neutral clusters and the energy of tracks in the calorimeter, outwards from the front of the crystals."""
    width = 0.5 * card.calorimeter.surface.crystal_width_cm.value
    c, t = one.clusters, one.tracks
    neutral = [
        (_impact(float(c.theta[k]), float(c.phi[k]), card), float(c.energy[k]), 1.0 if c.phi[k] >= 0.0 else -1.0)
        for k in range(len(c.energy))
    ]
    charged = [
        (way.points[-1], float(t.ecl_energy[k]), way.side)
        for k, way in enumerate(track_ways(one, card))
        if t.ecl_energy[k] > 0.0 and _at_wall(way.points[-1], card)
    ]
    for bars, colour in ((neutral, SPECIES[22]), (charged, "#56B4E9")):
        shapes = []
        for point, energy, side in bars:
            across, up = view(point[None, :], side)
            at = np.array([across[0], up[0]])
            shapes.append(Polygon(_bar(at, width, scale * _BAR_CM_PER_SQRT_GEV * math.sqrt(energy))))
        if shapes:
            axes.add_collection(
                PatchCollection(shapes, facecolor=colour, edgecolor="0.25", linewidth=0.4, zorder=_BAR)
            )


def _at_wall(point: FloatArray, card: DetectorCard) -> bool:
    face = crystals(card)
    return bool(np.hypot(point[0], point[1]) >= face.radius - 1.0 or not face.z_min + 1.0 < point[2] < face.z_max - 1.0)


def _bar(at: FloatArray, width: float, length: float) -> FloatArray:
    along = at / max(float(np.hypot(*at)), 1e-9)
    across = width * np.array([-along[1], along[0]])
    return np.array([at + across, at + across + length * along, at - across + length * along, at - across])


def _klm(axes: Axes, view: View, one: Reconstruction, card: DetectorCard) -> None:
    """Hits of tracks and clusters in the layers of the muon detector."""
    pitch = card.muons.barrel.gap.value + card.muons.barrel.iron.value
    t, k = one.tracks, one.klm
    for row, way in enumerate(track_ways(one, card)):
        if t.klm_layers[row] >= 0 and len(way.points) > 1:
            direction = way.points[-1] - way.points[-2]
            _klm_layers(axes, view, way.points[-1], direction, int(t.klm_layers[row]), pitch, card, way)
    for row in range(len(k.theta)):
        theta, phi = float(k.theta[row]), float(k.phi[row])
        unit = np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])
        way = Way(np.zeros((1, 3)), 1.0 if phi >= 0.0 else -1.0, NEUTRAL)
        _klm_layers(axes, view, np.zeros(3), unit, int(k.layers[row]) - 1, pitch, card, way)


def _klm_layers(
    axes: Axes, view: View, start: FloatArray, direction: FloatArray, last: int, pitch: float, card: DetectorCard,
    way: Way,
) -> None:  # fmt: skip
    """Squares where a straight line beyond the coil meets the layers 0 to `last`."""
    unit = direction / max(float(np.linalg.norm(direction)), 1e-12)
    steps = start + np.arange(0.0, 800.0, 1.0)[:, None] * unit
    phi = np.arctan2(steps[:, 1], steps[:, 0])
    octant = np.mod(phi + np.pi / 8.0, np.pi / 4.0) - np.pi / 8.0
    inscribed = np.hypot(steps[:, 0], steps[:, 1]) * np.cos(octant)
    barrel, ends = card.muons.barrel, card.muons.endcaps
    in_barrel = (steps[:, 2] > barrel.z_min.value) & (steps[:, 2] < barrel.z_max.value)
    side = ends.forward if unit[2] > 0.0 else ends.backward
    depth = np.where(
        in_barrel, inscribed - barrel.inner_r.value, np.abs(steps[:, 2] - side.face_z.value) * np.where(
            np.sign(unit[2]) * (steps[:, 2] - side.face_z.value) >= 0.0, 1.0, -1.0),
    )  # fmt: skip
    found = [np.flatnonzero(depth >= layer * pitch) for layer in range(last + 1)]
    points = np.array([steps[at[0]] for at in found if len(at)]).reshape(-1, 3)
    across, up = view(points, way.side)
    axes.plot(across, up, "s", color=way.colour, markersize=2.6, zorder=_HIT, linestyle="none")
    if len(points):
        across, up = view(np.concatenate([start[None, :], points[-1:]]), way.side)
        axes.plot(across, up, color=way.colour, linewidth=0.8, linestyle=":", zorder=_TRUE)


def _words(axes: Axes, one: Reconstruction, detector: Detector, v0s: V0s | None) -> None:
    """Legend and list of what was found."""
    axes.set_axis_off()
    handles = [
        Line2D([], [], color="k", linewidth=1.7, label="track"),
        Line2D([], [], color="k", linewidth=0.9, linestyle=(0, (4, 2)), label="true charged particle"),
        Line2D([], [], color="k", linewidth=0.9, linestyle=(0, (1, 1.6)), label="true neutral particle"),
        Line2D([], [], color="k", marker=".", linestyle="none", label="hit"),
        Line2D([], [], color="0.3", marker="s", markersize=4, linestyle="none", label="layer hit in the KLM"),
        Line2D([], [], color=SPECIES[22], linewidth=6, label="cluster without track"),
        Line2D([], [], color="#56B4E9", linewidth=6, label="energy of a track in the ECL"),
    ]
    if v0s is not None:
        handles.append(Line2D([], [], marker="D", markerfacecolor="none", color="k", linestyle="none", label="V0"))
    handles += [Line2D([], [], color=colour, linewidth=3, label=_NAMES[code]) for code, colour in SPECIES.items()]
    handles += legend_handles(detector.card)  # type: ignore[arg-type]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(-0.02, 1.0), fontsize=9, borderaxespad=0.0)
    lines = [*_track_lines(one), "", *_cluster_lines(one), "", *_v0_lines(v0s), *_trigger_lines(one, detector)]
    axes.text(
        0.0, 0.42, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=8.2, family="DejaVu Sans Mono",
        linespacing=1.35,
    )  # fmt: skip


def _short(lines: list[str], what: str) -> list[str]:
    return lines if len(lines) <= _MOST_ROWS else [*lines[:_MOST_ROWS], f"and {len(lines) - _MOST_ROWS} more {what}"]


def _track_lines(one: Reconstruction) -> list[str]:
    t = one.tracks
    lines = []
    for k in range(len(t.d0)):
        p = math.sqrt(t.px[k] ** 2 + t.py[k] ** 2 + t.pz[k] ** 2)
        name = _name(int(one.truth.pdg[t.truth[k]])) if t.truth[k] >= 0 else "fake"
        hits = f"{max(t.n_pxd[k], 0)}+{max(t.n_svd[k], 0)}+{max(t.n_cdc[k], 0)}"
        lines.append(f"{name:<5} p {p:5.2f}  d0 {t.d0[k]:7.3f}  {hits:>7}")
    return ["tracks: p [GeV], d0 [cm], hits", *_short(lines, "tracks")]


def _cluster_lines(one: Reconstruction) -> list[str]:
    c = one.clusters
    order = np.argsort(-c.energy)
    lines = [f"E {c.energy[k]:5.2f}  θ {math.degrees(c.theta[k]):5.1f}  φ {math.degrees(c.phi[k]):6.1f}" for k in order]
    return ["clusters: E [GeV], θ, φ [deg]", *_short(lines, "clusters")]


def _v0_lines(v0s: V0s | None) -> list[str]:
    if v0s is None or not len(v0s.x):
        return []
    lines = [
        f"{_name(int(v0s.kind[k])):<6} m {v0s.mass[k]:.4f}  r {math.hypot(v0s.x[k], v0s.y[k]):6.2f}"
        for k in range(len(v0s.x))
    ]
    return ["V0: mass [GeV], radius [cm]", *_short(lines, "V0"), ""]


def _trigger_lines(one: Reconstruction, detector: Detector) -> list[str]:
    bits = int(one.trigger[0])
    names = [name for k, name in enumerate(detector.trigger_lines) if bits >> k & 1]
    words = ", ".join(names) or "none"
    chunks = [words[k : k + 34] for k in range(0, len(words), 34)]
    return ["trigger lines: ", *chunks]


@cache
def _name(code: int) -> str:
    try:
        return str(Particle.from_pdgid(code).name)
    except Exception:  # `particle` raises several types for an unknown code
        return str(code)
