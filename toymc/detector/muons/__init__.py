"""The muon and K_L detector: how far muons get, what fires, and the likelihood of the range.

`klm_tables` makes the tables of a card, the kernels draw the last layer of a track and the clusters of neutral hadrons,
`muon_likelihood` and `range_probability` turn layers into muon identification.
"""

from toymc.detector.muons.kernels import _klm_expected, _klm_last, _klm_neutral
from toymc.detector.muons.likelihood import (
    muon_likelihood,
    range_probability,
    range_probability_of_tracks,
)
from toymc.detector.muons.reach import energy_loss, muon_reach
from toymc.detector.muons.tables import KlmNumbers, KlmTables, klm_tables

__all__ = [
    "KlmNumbers",
    "KlmTables",
    "_klm_expected",
    "_klm_last",
    "_klm_neutral",
    "energy_loss",
    "klm_tables",
    "muon_likelihood",
    "muon_reach",
    "range_probability",
    "range_probability_of_tracks",
]
