"""Calorimeter and electrons: what photons, charged particles, neutral hadrons, beam background leave in the crystals.

`cluster_tables(card)` gives the tables, `recover_bremsstrahlung` puts radiated photons back. Everything else is
kernels for the stage of the detector: `photons._shower` and `_pointing`, `charged._track_cluster` and what stands in
`surface` take one particle or eight (`toymc.lanes`), with flat tables and random numbers drawn beforehand; `hadrons`,
`electrons`, `background` and `merging` take one at a time. They allocate nothing; without room a cluster is dropped,
never written.

Rows 0..2 of cluster_f (6, n) are the columns energy, theta, phi; rows 3..5, the impact as unit vector, are scratch of
the merging. Rows of cluster_i (4, n): region, truth, in_time, truth2; cluster_cov is (n, 3).
"""

from toymc.detector.calorimeter.recovery import RecoveredElectrons, recover_bremsstrahlung
from toymc.detector.calorimeter.tables import CalorimeterTables, cluster_tables

__all__ = ["CalorimeterTables", "RecoveredElectrons", "cluster_tables", "recover_bremsstrahlung"]
