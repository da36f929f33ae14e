"""Transport: what becomes of every particle between its production and the calorimeter.

`transport` follows a batch; `transport_tables` turns a card into its tables. One subject per module: `path` (helix and
line), `walk` (material crossed), `conversion`, `decays`, `hadronic` and `collisions`, `species` (which code is what),
`regions` (fates). A batch is worked through by `run`: `quick` (who is through at once), `tasks` (the table of the
others), `glide` and `passage` (their paths and walks, eight at a time; `lane_path`), `act` (what happens), `record`.
README.md holds the rules in words.
"""

from toymc.detector.transport.batch import Transported, transport
from toymc.detector.transport.decays import decay_modes
from toymc.detector.transport.hadronic import interaction_ratio
from toymc.detector.transport.species import transport_class
from toymc.detector.transport.tables import TransportTables, transport_tables

__all__ = [
    "TransportTables",
    "Transported",
    "decay_modes",
    "interaction_ratio",
    "transport",
    "transport_class",
    "transport_tables",
]
