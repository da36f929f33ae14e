"""Calorimeter and electrons: what photons, charged particles, neutral hadrons, beam background leave in the crystals.

`cluster_tables(card)` gives the tables, `recover_bremsstrahlung` puts radiated photons back. Everything else is scalar
kernels for the event loop (lean: to be called from a kernel, they allocate nothing). With ``T = cluster_tables(card)``
and ``C = cluster_f (6, cap), cluster_cov (cap, 3), cluster_i (4, cap) int32, n``:

``photons._photon(rng, energy, x, y, z, ux, uy, uz, front, truth, numbers, regions, sigma, response, scale, outer, *C)
-> n``
    `front` = 0.0 for photons that the transport has followed through the tracker.
``hadrons._hadron_row(pdg) -> row`` (-1: not a neutral hadron)
``hadrons._neutral_hadron(rng, row, p, mass, x, y, z, ux, uy, uz, given, truth, numbers, regions, sigma,
hadrons, visible, *C) -> (n, interacted)``
    `given`: 1 for fate 7, 0 for fate 8 of the transport, -1 to draw it here. The second value says whether it
    interacted in the crystals; split-offs are made inside.
``charged._track_cluster(rng, species, x, y, z, px, py, pz, mass, curvature, end_arc, numbers, regions, sigma, response,
scale, outer, hadrons, visible, ionisation) -> (energy, vx, vy, vz, interacted)``
    For tracks found and not found; `curvature` = omega with the sign of the charge, `species` 0..4 (e, mu, pi, K, p).
``charged._unmatched(rng, energy, vx, vy, vz, truth, numbers, regions, sigma, *C) -> n``
    Cluster of a charged particle whose track was not found.
``hadrons._split_offs(rng, vx, vy, vz, available, truth, numbers, regions, sigma, *C) -> n``
    After `_track_cluster` if `interacted` == 1; `available`: the hadron's energy.
``electrons._radiate(rng, p, tan_lambda, rho, numbers, shells, emitted) -> n_emitted``; emitted (MAX_BREMS, 4)
``electrons._fit_shift(p, tan_lambda, omega, emitted, n_emitted, track_numbers, track_response) -> (d0, phi0, omega)``
``electrons._radiated_photons(rng, x, y, z, px, py, pz, curvature, emitted, n_emitted, truth, numbers, regions, sigma,
response, scale, outer, *C) -> (n, x, y, z, px, py, pz, curvature)``
    State behind the last emission, for `_track_cluster`.
``background._background_clusters(rng, numbers, regions, sigma, background, *C) -> n`` once per event
``merging._merge_event(rng, first, n, track_first, track_last, impact, ecl_energy, numbers, cluster_f, cluster_cov,
cluster_i) -> n`` at the end of each event; impact (3, n_tracks) and ecl_energy (n_tracks,) of the found tracks.

Room needed per particle: photon 1, electron 1 + MAX_BREMS, other charged 1 + MAX_SPLIT_OFFS, neutral hadron the same;
background: some 5 sqrt(mean) above the mean per batch; without room a cluster is dropped, never written. Rows 0..2 of
cluster_f are the columns energy, theta, phi; rows 3..5 are scratch. Rows of cluster_i: region, truth, in_time, truth2.
"""

from toymc.detector.calorimeter.recovery import RecoveredElectrons, recover_bremsstrahlung
from toymc.detector.calorimeter.tables import CalorimeterTables, cluster_tables

__all__ = ["CalorimeterTables", "RecoveredElectrons", "cluster_tables", "recover_bremsstrahlung"]
