"""Tables of the muon detector for the kernels and for the likelihood, from the card."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.detector.muons.reach import P_MAX, P_STEP, TAN_STEP, muon_reach
from toymc.geometry.cards import DetectorCard
from toymc.geometry.muons import OUTCOMES, RANGE_SPECIES, TRANSVERSE_BINS, MuonSection, MuonSettings

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

LAYERS = 15
_WIDTH = LAYERS + 1  # deficits 0..14 and "no hit"


class KlmNumbers(NamedTuple):
    """Scalars of the kernels: acceptance, grid of `reach`, geometric loss, neutral clusters, entrance of the yoke (cm).

    Scalars alone: arrays inside a tuple would be reference-counted at every call of every kernel.
    """

    tan_low: float
    tan_high: float
    p_min: float
    pt_min_barrel: float
    p_step: float
    tan_step: float
    loss: float
    neutral_angle: float
    neutral_layers: int
    neutral_extra: float
    neutral_p_step: float
    barrel_r: float
    forward_z: float
    backward_z: float


class KlmTables(NamedTuple):
    """The muon detector.

    Attributes
    ----------
    numbers : KlmNumbers
    reach : int32 (n_p, n_tan)
        64 region + 1 + last layer of a muon of momentum (lower edge) and tan lambda (nearest point).
    cumulative : float64 (5, 5, 15, 16)
        Over species (mu, pi, K, p, anti-p), region, expected layer: cumulative probability of the deficit; the last
        entry of a row (1) is "no layer hit".
    neutral : float64 (n,)
        Probability of a cluster of a neutral hadron over momentum, in steps of `neutral_p_step`.
    probability : float64 (5, 5, 15, 16)
        As `cumulative`, not summed.
    transverse : float64 (2, 16, 13)
        Over muon or hadron, layers hit: probability of the bins of the transverse chi2 (one bin for no hit).
    """

    numbers: KlmNumbers
    reach: Int32Array
    cumulative: FloatArray
    neutral: FloatArray
    probability: FloatArray
    transverse: FloatArray


def _range_tables(section: MuonSection) -> FloatArray:
    """Probabilities of the deficits; rows that no muon of this detector can have stay "no hit"."""
    table = np.zeros((len(RANGE_SPECIES), len(OUTCOMES), LAYERS, _WIDTH))
    table[..., -1] = 1.0
    for row in section.ranges:
        at = (RANGE_SPECIES.index(row.species), OUTCOMES.index(row.outcome), row.expected_layer)
        table[at] = 0.0
        table[at][: row.expected_layer + 1] = row.probabilities[:-1]
        table[at][-1] = row.probabilities[-1]
        table[at] /= table[at].sum()
    return table


def _transverse_tables(section: MuonSection) -> FloatArray:
    table = np.zeros((2, _WIDTH, len(TRANSVERSE_BINS)))
    table[:, 0, 0] = 1.0
    for row in section.transverse:
        bins = np.array(row.bins)
        table[("mu", "had").index(row.species), row.hits_min : row.hits_max + 1] = bins / bins.sum()
    return table


@cache
def _reach_table(settings: str, solenoid: float, tan_low: float, tan_high: float) -> Int32Array:
    """Packed regions and layers on the grid; remembered, because every detector of one card asks for the same."""
    section = MuonSettings.model_validate_json(settings)
    p = np.arange(section.acceptance.p_min.value, P_MAX, P_STEP)
    tangents = np.arange(tan_low, tan_high + TAN_STEP, TAN_STEP)
    grid_p, grid_t = np.meshgrid(p, tangents, indexing="ij")
    region, layer = muon_reach(section, solenoid, grid_p, grid_t)
    packed: Int32Array = np.where(region > 0, 64 * region + 1 + layer, 0).astype(np.int32)
    packed.flags.writeable = False
    return packed


def klm_tables(card: DetectorCard) -> KlmTables:
    """Tables of the muon detector of a card.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> klm_tables(load_card("belle2")).cumulative.shape
    (5, 5, 15, 16)
    """
    section = card.muons
    acceptance, neutrals = section.acceptance, section.neutrals
    tan_low = 1.0 / math.tan(math.radians(acceptance.theta_max_deg.value))
    tan_high = 1.0 / math.tan(math.radians(acceptance.theta_min_deg.value))
    settings = MuonSettings(**{name: getattr(section, name) for name in MuonSettings.model_fields})
    points = neutrals.efficiency
    grid = np.linspace(0.0, points[-1].p, 121)
    numbers = KlmNumbers(
        tan_low=tan_low,
        tan_high=tan_high,
        p_min=acceptance.p_min.value,
        pt_min_barrel=acceptance.pt_min_barrel.value,
        p_step=P_STEP,
        tan_step=TAN_STEP,
        loss=1.0 - acceptance.geometric_efficiency.value,
        neutral_angle=math.radians(neutrals.angle_deg.value),
        neutral_layers=neutrals.min_layers,
        neutral_extra=neutrals.extra_layers.value,
        neutral_p_step=float(grid[1]),
        barrel_r=section.barrel.inner_r.value,
        forward_z=section.endcaps.forward.face_z.value,
        backward_z=section.endcaps.backward.face_z.value,
    )
    probability = _range_tables(section)
    return KlmTables(
        numbers=numbers,
        reach=_reach_table(settings.model_dump_json(), card.field.solenoid_tesla.value, tan_low, tan_high),
        cumulative=np.cumsum(probability, axis=-1),
        neutral=np.interp(grid, [q.p for q in points], [q.value for q in points]),
        probability=probability,
        transverse=_transverse_tables(section),
    )
