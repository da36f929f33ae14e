"""Trigger lines and what they share, as numbers for the kernels."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.geometry.cards import DetectorCard
from toymc.geometry.trigger import GROUPS, KINDS, TriggerLine

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

# columns of a line
(
    GROUP,
    KIND,
    VETO,
    TRACKS,
    NEURAL,
    P_MIN,
    COS_OPENING,
    CLUSTERS,
    CLUSTER,
    ONE,
    TOTAL,
    TOTAL_MAX,
    CMS,
    CMS_MAX,
    OTHER_MAX,
    ALL_MAX,
    COS_DPHI,
    COS_SUM_THETA,
    MUONS,
    WIDTH,
    PLATEAU,
    SAME,
) = range(22)
LANES = 16
WIDTHS = 4.0
"""Widths to both sides of a threshold beyond which an object surely fails or passes."""
TRACK, ENERGY_SUM, COUNT, SINGLE, PAIR, MUON = range(len(KINDS))
CDC, ECL, KLM = range(len(GROUPS))


class TriggerNumbers(NamedTuple):
    """Scalars of the kernels: turn-on of tracks, neural tracks, Bhabha veto, boost to the centre-of-mass system."""

    pt: float
    pt_width: float
    found: float
    neural_ratio: float
    p_width: float
    z_max: float
    d0_max: float
    cos_dphi_pair: float
    cos_dphi_veto: float
    sum_theta_low: float
    sum_theta_high: float
    veto_both: float
    veto_one: float
    veto_width: float
    muon_layer: float
    radius: float
    forward_z: float
    backward_z: float
    beta_x: float
    beta_y: float
    beta_z: float
    gamma: float
    boost_factor: float


class TriggerTables(NamedTuple):
    """The trigger of a card; everything goes to the kernels, in this order.

    Attributes
    ----------
    numbers : TriggerNumbers
    rows : float64 (n_lines, 22)
        See `trigger_rows`.
    windows : float64 (8, n_pair_lines)
        Lines of kind pair in their order: largest cosines of azimuth and of the sum of theta; energies of the harder
        cluster from which it may and from which it surely passes, the same for the softer, then its upper limits, up to
        which it surely and up to which it may pass.
    cluster_edges, cover : float64 (n,), float64 (n + 1, n_inside)
        Edges of polar ranges in cos(theta); 1 where the range of a line holds the interval below the edge, for the
        lines of kinds energy, count, single in their order.
    track_edges, track_masks : float64 (n,), int64 (n + 1,)
        The same in tan(lambda); all lines whose range holds the interval, as bits.
    """

    numbers: TriggerNumbers
    rows: FloatArray
    windows: FloatArray
    cluster_edges: FloatArray
    cover: FloatArray
    track_edges: FloatArray
    track_masks: Int64Array


def _cos_window(line: TriggerLine) -> tuple[float, float]:
    """Cosines of the largest deviation from back to back in azimuth and of the sum of polar angles."""
    return -math.cos(math.radians(line.dphi_deg)), -math.cos(math.radians(line.sum_theta_deg))


def _same_tracks(line: TriggerLine, above: TriggerLine) -> bool:
    """Whether two lines ask for the same found tracks: they come in twos that differ in the neural track alone."""
    asked = ("kind", "tracks", "opening_deg", "theta_min_deg", "theta_max_deg")
    return line.kind == "track" and line.tracks > 0 and all(getattr(line, a) == getattr(above, a) for a in asked)


def trigger_rows(lines: Sequence[TriggerLine]) -> FloatArray:
    """Lines as rows of numbers, float64 (n_lines, 22), columns as named at the top of the module.

    COS_OPENING, COS_DPHI, COS_SUM_THETA are cosines of the angles of the card; upper limits that are not asked for are
    infinite; SAME is 1 for a line that asks for the found tracks of the line above.
    """
    rows = []
    for k, line in enumerate(lines):
        limits = [value if value > 0.0 else math.inf for value in (line.cms_max, line.other_max, line.all_max)]
        rows.append([
            GROUPS.index(line.group), KINDS.index(line.kind), float(line.veto == "bhabha"), line.tracks, line.neural,
            line.p_min, math.cos(math.radians(line.opening_deg)), line.clusters, line.cluster, line.one, line.total,
            line.total_max if line.total_max > 0.0 else math.inf, line.cms, *limits, *_cos_window(line), line.muons,
            line.width, line.plateau, float(k > 0 and _same_tracks(line, lines[k - 1])),
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def _ranges(line: TriggerLine) -> list[tuple[float, float]]:
    """Ranges of theta of a line in rad, without the hole."""
    if line.hole_min_deg == 0.0:
        pieces = [(line.theta_min_deg, line.theta_max_deg)]
    else:
        pieces = [(line.theta_min_deg, line.hole_min_deg), (line.hole_max_deg, line.theta_max_deg)]
    return [(math.radians(low), math.radians(high)) for low, high in pieces]


def _masks(theta: FloatArray, lines: Sequence[TriggerLine]) -> Int64Array:
    """Lines whose range holds each theta, as bits."""
    masks = np.zeros(len(theta), dtype=np.int64)
    for k, line in enumerate(lines):
        for low, high in _ranges(line):
            masks[(theta > low) & (theta < high)] |= np.int64(1) << np.int64(k)
    return masks


def _padded(table: FloatArray, value: float) -> FloatArray:
    """The table with columns of `value` up to a multiple of LANES, so that loops over lines run in whole vectors."""
    more = -table.shape[1] % LANES
    return np.ascontiguousarray(np.pad(table, ((0, 0), (0, more)), constant_values=value))


def _zones(lines: Sequence[TriggerLine]) -> tuple[FloatArray, FloatArray, FloatArray, Int64Array]:
    """Edges and what they hold for clusters and for tracks, see `TriggerTables`."""
    ends = sorted({end for line in lines for pair in _ranges(line) for end in pair if 0.0 < end < math.pi})
    theta = np.array(ends[::-1])
    around = np.concatenate(([math.pi], theta, [0.0]))
    # one theta of each interval, in the order of rising cosines
    masks = _masks(0.5 * (around[:-1] + around[1:]), lines)
    inside = [k for k, line in enumerate(lines) if KINDS.index(line.kind) in (ENERGY_SUM, COUNT, SINGLE)]
    cover = (masks[:, None] >> np.array(inside, dtype=np.int64)) & 1
    return np.cos(theta), _padded(cover.astype(np.float64), 0.0), 1.0 / np.tan(theta), masks


def _windows(rows: FloatArray) -> FloatArray:
    """Windows of the lines of kind pair, see `TriggerTables`; a turn-on reaches WIDTHS widths to both sides."""
    of_pairs = rows[rows[:, KIND] == PAIR]
    reach = WIDTHS * of_pairs[:, [WIDTH]]
    energies = [of_pairs[:, [column]] + sign * reach for column in (ONE, CLUSTER, OTHER_MAX) for sign in (-1, 1)]
    windows = np.concatenate([of_pairs[:, [COS_DPHI, COS_SUM_THETA]], *energies], axis=1)
    return _padded(windows.T, -math.inf)


def trigger_tables(card: DetectorCard) -> TriggerTables:
    """Tables of the trigger of a card, with the boost of its beams.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> trigger_tables(load_card("belle2")).rows.shape
    (24, 22)
    """
    section, beam, crystals = card.trigger, card.beam, card.muons.crystals
    track, veto = section.track, section.bhabha
    beta = beam.boost
    beta2 = sum(b * b for b in beta)
    gamma = 1.0 / math.sqrt(1.0 - beta2)
    cos_veto = -math.cos(math.radians(veto.dphi_deg.value))
    numbers = TriggerNumbers(
        pt=track.pt.value,
        pt_width=track.pt_width.value,
        found=track.found.value,
        neural_ratio=min(track.neural.value / track.found.value, 1.0),
        p_width=track.p_width.value,
        z_max=track.z_max_cm.value,
        d0_max=track.d0_max_cm.value,
        cos_dphi_pair=max([cos_veto, *(_cos_window(line)[0] for line in section.lines if line.kind == "pair")]),
        cos_dphi_veto=cos_veto,
        sum_theta_low=math.radians(veto.sum_theta_min_deg.value),
        sum_theta_high=math.radians(veto.sum_theta_max_deg.value),
        veto_both=veto.both.value,
        veto_one=veto.one.value,
        veto_width=veto.width.value,
        muon_layer=section.muon_layers.value - 1.0,
        radius=crystals.barrel_r.value,
        forward_z=crystals.forward_z.value,
        backward_z=crystals.backward_z.value,
        beta_x=beta[0],
        beta_y=beta[1],
        beta_z=beta[2],
        gamma=gamma,
        boost_factor=(gamma - 1.0) / beta2 if beta2 > 0.0 else 0.0,
    )
    rows = trigger_rows(section.lines)
    return TriggerTables(numbers, rows, _windows(rows), *_zones(section.lines))
