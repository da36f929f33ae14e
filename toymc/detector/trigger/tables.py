"""Trigger lines and what they share, as numbers for the kernels."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.geometry.cards import DetectorCard
from toymc.geometry.trigger import GROUPS, KINDS, TriggerLine

FloatArray = npt.NDArray[np.float64]


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
    """The trigger of a card.

    Attributes
    ----------
    numbers : TriggerNumbers
    rows : float64 (n_lines, 27)
        See `trigger_rows`.
    """

    numbers: TriggerNumbers
    rows: FloatArray


def _cos_window(line: TriggerLine) -> tuple[float, float]:
    """Cosines of the largest deviation from back to back in azimuth and of the sum of polar angles."""
    return -math.cos(math.radians(line.dphi_deg)), -math.cos(math.radians(line.sum_theta_deg))


def trigger_rows(lines: Sequence[TriggerLine]) -> FloatArray:
    """Lines as rows of numbers, in the order that the kernels read.

    0 group, 1 kind, 2 veto, 3 tracks, 4 neural, 5 p_min, 6 cos(opening), 7 clusters, 8 cluster, 9 one, 10 total,
    11 total_max, 12 cms, 13 cms_max, 14 other_max, 15 all_max, 16 and 17 cosines of the window of a pair, 18 muons,
    19 to 22 cosines of theta_max, theta_min, hole_max, hole_min, 23 width, 24 plateau; 25 and 26 the range of theta
    for tracks as tan lambda. Upper limits that are not asked for are infinite.
    """
    rows = []
    for line in lines:
        limits = [value if value > 0.0 else math.inf for value in (line.cms_max, line.other_max, line.all_max)]
        hole = (1.0, 1.0) if line.hole_min_deg == 0.0 else tuple(
            math.cos(math.radians(a)) for a in (line.hole_max_deg, line.hole_min_deg)
        )  # fmt: skip
        low, high = math.radians(line.theta_min_deg), math.radians(line.theta_max_deg)
        rows.append([
            GROUPS.index(line.group), KINDS.index(line.kind), float(line.veto == "bhabha"), line.tracks, line.neural,
            line.p_min, math.cos(math.radians(line.opening_deg)), line.clusters, line.cluster, line.one, line.total,
            line.total_max if line.total_max > 0.0 else math.inf, line.cms, *limits, *_cos_window(line), line.muons,
            math.cos(high), math.cos(low), *hole, line.width, line.plateau,
            1.0 / math.tan(high) if high < math.pi else -math.inf, 1.0 / math.tan(low) if low > 0.0 else math.inf,
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def trigger_tables(card: DetectorCard) -> TriggerTables:
    """Tables of the trigger of a card, with the boost of its beams.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> trigger_tables(load_card("belle2")).rows.shape[1]
    27
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
    return TriggerTables(numbers, trigger_rows(section.lines))
