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
    TURN_WIDTH,
    PLATEAU,
    SAME,
) = range(22)
# columns of `TriggerTables.places`
AT_CLUSTER, AT_ONE, AT_OTHER = range(3)
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
    ranges : float64 (n_lines, 4)
        Ends of the polar range of a line and of the hole in it, rising (no hole: the second is not above the first): in
        tan(lambda) for lines of kind track, in cos(theta) for those that ask for clusters.
    turn_ons : float64 (n, 2)
        Thresholds for the energy of a cluster in the lab and their widths, each once.
    places : int64 (n_lines, 3)
        Rows of `turn_ons` for the columns CLUSTER, ONE, OTHER_MAX of a line of kind pair, CLUSTER of one of kind count;
        -1 where it asks for none.
    """

    numbers: TriggerNumbers
    rows: FloatArray
    ranges: FloatArray
    turn_ons: FloatArray
    places: Int64Array


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


def _ranges(lines: Sequence[TriggerLine]) -> FloatArray:
    """Polar ranges of the lines, see `TriggerTables`."""
    rows = []
    for line in lines:
        of_angle = (lambda theta: 1.0 / math.tan(theta)) if line.kind == "track" else math.cos
        # an end along the beams leaves nothing out
        ends = [
            -math.inf if line.theta_max_deg == 180.0 else of_angle(math.radians(line.theta_max_deg)),
            math.inf if line.theta_min_deg == 0.0 else of_angle(math.radians(line.theta_min_deg)),
        ]
        hole = [0.0, 0.0]
        if line.hole_min_deg > 0.0:
            hole = [of_angle(math.radians(line.hole_max_deg)), of_angle(math.radians(line.hole_min_deg))]
        rows.append([*ends, *hole])
    return np.array(rows, dtype=np.float64)


def _turn_ons(rows: FloatArray) -> tuple[FloatArray, Int64Array]:
    """Thresholds for energies of clusters and where the lines find theirs, see `TriggerTables`."""
    known: list[tuple[float, float]] = []
    places = np.full((len(rows), 3), -1, dtype=np.int64)
    asked = {PAIR: {AT_CLUSTER: CLUSTER, AT_ONE: ONE, AT_OTHER: OTHER_MAX}, COUNT: {AT_CLUSTER: CLUSTER}}
    for k, row in enumerate(rows):
        for place, column in asked.get(int(row[KIND]), {}).items():
            turn_on = (float(row[column]), float(row[TURN_WIDTH]))
            if math.isinf(turn_on[0]):
                continue
            if turn_on not in known:
                known.append(turn_on)
            places[k, place] = known.index(turn_on)
    return np.array(known, dtype=np.float64).reshape(-1, 2), places


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
    numbers = TriggerNumbers(
        pt=track.pt.value,
        pt_width=track.pt_width.value,
        found=track.found.value,
        neural_ratio=min(track.neural.value / track.found.value, 1.0),
        p_width=track.p_width.value,
        z_max=track.z_max_cm.value,
        d0_max=track.d0_max_cm.value,
        cos_dphi_veto=-math.cos(math.radians(veto.dphi_deg.value)),
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
    return TriggerTables(numbers, rows, _ranges(section.lines), *_turn_ons(rows))
