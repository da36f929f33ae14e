"""The stage of the detector behind the transport: blocks of events, each worked through column by column."""

import numpy as np

from toymc.detector.calorimeter.background import _background_clusters
from toymc.detector.calorimeter.electrons import MAX_BREMS
from toymc.detector.calorimeter.merging import _merge_event
from toymc.detector.covariance.many import MANY_WORK
from toymc.detector.fetch import _fetch
from toymc.detector.stage.columns import (
    AT,
    BEFORE,
    DECAY,
    KIND,
    M_ENERGY,
    M_VX,
    M_VZ,
    N_CHARGED,
    N_CHARGED_INTEGERS,
    N_FOUND,
    N_LINE,
    N_PHOTON,
    NEUTRAL,
)
from toymc.detector.stage.crystals import _charged_measured, _photons_measured
from toymc.detector.stage.decisions import _chances, _found
from toymc.detector.stage.helices import _helices
from toymc.detector.stage.hits import _calculated, _placed, _tabulated
from toymc.detector.stage.listing import _listed, _padded
from toymc.detector.stage.measuring import _measured_helices
from toymc.detector.stage.radiation import PHOTON_COLUMNS, _radiation
from toymc.detector.stage.spurious import MAX_FAKES, _write_clones, _write_fakes
from toymc.detector.stage.tracks import _write_tracks
from toymc.detector.stage.writing import _write_decay, _write_neutral, _write_photons, _write_single
from toymc.kernels import inlined_kernel, kernel, lean_kernel
from toymc.lane_random import _seeded
from toymc.lanes import WIDTH

_BLOCK_ROWS = 2048
"""Rows of the record that are worked on together: their columns fit into the second cache."""
_FETCH_ROWS = 24
"""Rows ahead of the event that are sent for: about two events."""
_STATE = 9


@lean_kernel
def _worked(
    rng, draws, n_charged, n_photons, n_electrons, field, fate, charged, integers, photons, photon_truth, electrons,
    lines, n_lines, busy, found, factor, flat_factor, asked, states, results, hits, work, emitted, made,
    fit, response_fit, reals, places, values, surfaces, finding, kinks, efficiency, efficiency_columns,
    en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, klm, reach, reach_columns,
):  # fmt: skip
    """Everything of a block that needs no order."""
    if n_charged > 0:
        full = _padded(charged, n_charged)
        _helices(draws, full, charged, field, finding, efficiency, efficiency_columns)
        _placed(full, charged, integers, reals, places, values)
        n_asked = _tabulated(n_charged, charged, integers, values, places, flat_factor, asked)
        if n_asked > 0:
            _calculated(n_asked, asked, charged, factor, states, results, hits, reals, surfaces, work)
        n_photons = _radiation(
            rng, n_electrons, electrons, charged, integers, photons, photon_truth, n_photons, emitted, made,
            en, shells, fit, response_fit,
        )  # fmt: skip
        _chances(full, charged, field, finding, efficiency, efficiency_columns)
        _charged_measured(
            draws, full, charged, en, regions, sigma, response, scale, outer, hadrons, visible, ionisation
        )
    n_found = _found(rng, n_lines, lines, busy, fate, charged, integers, kinks, found)
    if n_found > 0:
        _measured_helices(draws, _padded(found, n_found), found, charged, flat_factor, field, klm, reach, reach_columns)
    if n_photons > 0:
        _photons_measured(draws, _padded(photons, n_photons), photons, en, regions, sigma, response, scale, outer)


@inlined_kernel
def _more_clusters(
    rng, line, first, lines, pdg, px, py, pz, mass, x, y, z, fate, charged, integers, photons, photon_truth,
    klm, neutral, en, regions, sigma, hadrons, visible, cluster_f, cluster_cov, cluster_i, n_c, klm_f, klm_i, n_k,
):  # fmt: skip
    """Clusters of a line of the event whose rows begin at `first`: (clusters, KLM clusters)."""
    kind, i = lines[line, KIND], lines[line, AT]
    if kind == NEUTRAL:
        n_c, n_k = _write_neutral(
            rng, i, i - first, pdg, px, py, pz, mass, x, y, z, fate, en, regions, sigma, hadrons, visible,
            klm, neutral, cluster_f, cluster_cov, cluster_i, n_c, klm_f, klm_i, n_k,
        )  # fmt: skip
    elif kind == DECAY:
        n_c = _write_decay(
            rng, line, lines, charged, integers, en, regions, sigma, cluster_f, cluster_cov, cluster_i, n_c
        )  # fmt: skip
    else:
        n_c = _write_single(
            rng, line, lines, charged, integers, photons, photon_truth, en, regions, sigma,
            cluster_f, cluster_cov, cluster_i, n_c,
        )  # fmt: skip
    return n_c, n_k


@inlined_kernel
def _fetch_rows(j, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip):
    """Send for the rows from j on: fourteen columns are more than the processor follows by itself."""
    _fetch(pdg, j)
    _fetch(status, j)
    _fetch(mother, j)
    _fetch(fate, j)
    _fetch(skip, j)
    for k in (j, j + 8):  # a cache line holds eight numbers
        _fetch(px, k)
        _fetch(py, k)
        _fetch(pz, k)
        _fetch(mass, k)
        _fetch(x, k)
        _fetch(y, k)
        _fetch(z, k)
        _fetch(end_arc, k)


@lean_kernel
def _list_block(
    start, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip,
    charged, integers, photons, photon_truth, electrons, lines, line_at, photon_at,
):  # fmt: skip
    """Enter the events from `start` on that make a block: (first event behind it, entries of each kind, lines)."""
    n_charged, n_photons, n_electrons, n_lines = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    n_events = len(offsets) - 1
    stop = start
    while stop < n_events and (stop == start or offsets[stop + 1] - offsets[start] <= _BLOCK_ROWS):
        _fetch_rows(
            offsets[stop + 1] + _FETCH_ROWS, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip
        )
        line_at[stop - start], photon_at[stop - start] = n_lines, n_photons
        n_charged, n_photons, n_electrons, n_lines = _listed(
            stop, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, charged,
            integers, photons, photon_truth, electrons, lines, n_charged, n_photons, n_electrons, n_lines,
        )  # fmt: skip
        stop += 1
    line_at[stop - start], photon_at[stop - start] = n_lines, n_photons
    return stop, n_charged, n_photons, n_electrons, n_lines


@lean_kernel
def _cluster_block(
    rng, start, stop, offsets, line_at, photon_at, busy, lines, pdg, px, py, pz, mass, x, y, z, fate, charged, integers,
    photons, photon_truth, direction, energy, klm, neutral, en, regions, sigma, hadrons, visible, background,
    cluster_offsets, cluster_f, cluster_cov, cluster_i, n_c, klm_offsets, klm_f, klm_i, n_k,
):  # fmt: skip
    """Clusters of the events start..stop-1, background and merging included: (clusters, KLM clusters).

    `direction` (3, tracks) and `energy` are where the tracks of the block hit the crystals, and what is left there:
    merging adds to it.
    """
    k = np.int64(0)
    for i in range(start, stop):
        cluster_offsets[i], klm_offsets[i] = n_c, n_k
        first, last = line_at[i - start], line_at[i - start + 1]
        n_c = _write_photons(
            photon_at[i - start], photon_at[i - start + 1], photons, photon_truth,
            cluster_f, cluster_cov, cluster_i, n_c,
        )  # fmt: skip
        while busy[k] < last:
            n_c, n_k = _more_clusters(
                rng, busy[k], offsets[i], lines, pdg, px, py, pz, mass, x, y, z, fate, charged, integers, photons,
                photon_truth, klm, neutral, en, regions, sigma, hadrons, visible,
                cluster_f, cluster_cov, cluster_i, n_c, klm_f, klm_i, n_k,
            )  # fmt: skip
            k += 1
        n_c = _background_clusters(rng, en, regions, sigma, background, cluster_f, cluster_cov, cluster_i, n_c)
        n_c = _merge_event(
            rng, cluster_offsets[i], n_c, lines[first, BEFORE], lines[last, BEFORE], direction, energy, en,
            cluster_f, cluster_cov, cluster_i,
        )  # fmt: skip
    return n_c, n_k


@lean_kernel
def _track_block(
    rng, draws, start, stop, line_at, lines, fate, field, charged, integers, found, factor, finding, spurious, klm,
    reach, reach_columns, cumulative, fake_helix, fake_sigma, fake_hits, fake_factor,
    track_offsets, track_f, track_cov, track_i, n,
):  # fmt: skip
    """Tracks of the events start..stop-1, with clones and fakes where these options are on; the number of rows."""
    end = lines[line_at[stop - start], BEFORE]
    if not (spurious.fake_mean > 0.0 or spurious.clone_rate > 0.0):
        for i in range(start, stop):
            track_offsets[i] = n + lines[line_at[i - start], BEFORE]
        return _write_tracks(
            rng, draws, np.int64(0), end, found, factor, finding, klm, cumulative, track_f, track_cov, track_i, n
        )
    for i in range(start, stop):
        track_offsets[i] = n
        first, last = line_at[i - start], line_at[i - start + 1]
        n = _write_tracks(
            rng, draws, lines[first, BEFORE], lines[last, BEFORE], found, factor, finding, klm, cumulative,
            track_f, track_cov, track_i, n,
        )  # fmt: skip
        n = _write_clones(
            rng, draws, first, last, lines, fate, charged, integers, factor, field, spurious, finding, klm, reach,
            reach_columns, cumulative, found, end, track_f, track_cov, track_i, n,
        )  # fmt: skip
        n = _write_fakes(
            rng, draws, track_offsets[i], field, spurious, fake_helix, fake_sigma, fake_hits, fake_factor, finding,
            klm, reach, reach_columns, cumulative, found, end, track_f, track_cov, track_i, n,
        )  # fmt: skip
    return n


@lean_kernel
def _events(
    rng, draws, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
    fit, response_fit, reals, places, values, surfaces, finding, kinks, spurious, efficiency, efficiency_columns,
    en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, background,
    klm, reach, reach_columns, cumulative, neutral,
    charged, integers, photons, photon_truth, electrons, lines, line_at, photon_at, busy, found, factor, flat_factor,
    asked, states, results, hits, work, emitted, made, fake_helix, fake_sigma, fake_hits, fake_factor,
    track_offsets, track_f, track_cov, track_i,
    cluster_offsets, cluster_f, cluster_cov, cluster_i, klm_offsets, klm_f, klm_i,
):  # fmt: skip
    """The loop over blocks of events; returns the numbers of tracks, clusters and KLM clusters."""
    # typed zeros: a literal 0 would make numba compile every callee twice
    n_t, n_c, n_k, start = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    n_events = len(offsets) - 1
    while start < n_events:
        stop, n_charged, n_photons, n_electrons, n_lines = _list_block(
            start, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, charged,
            integers, photons, photon_truth, electrons, lines, line_at, photon_at,
        )  # fmt: skip
        _worked(
            rng, draws, n_charged, n_photons, n_electrons, field, fate, charged, integers, photons, photon_truth,
            electrons, lines, n_lines, busy, found, factor, flat_factor, asked, states, results, hits, work, emitted,
            made, fit, response_fit, reals, places, values, surfaces, finding, kinks, efficiency, efficiency_columns,
            en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, klm, reach, reach_columns,
        )  # fmt: skip
        n_c, n_k = _cluster_block(
            rng, start, stop, offsets, line_at, photon_at, busy, lines, pdg, px, py, pz, mass, x, y, z, fate, charged,
            integers, photons, photon_truth, found[M_VX : M_VZ + 1], found[M_ENERGY], klm, neutral, en, regions, sigma,
            hadrons, visible, background, cluster_offsets, cluster_f, cluster_cov, cluster_i, n_c,
            klm_offsets, klm_f, klm_i, n_k,
        )  # fmt: skip
        n_t = _track_block(
            rng, draws, start, stop, line_at, lines, fate, field, charged, integers, found, factor, finding, spurious,
            klm, reach, reach_columns, cumulative, fake_helix, fake_sigma, fake_hits, fake_factor,
            track_offsets, track_f, track_cov, track_i, n_t,
        )  # fmt: skip
        start = stop
    track_offsets[-1], cluster_offsets[-1], klm_offsets[-1] = n_t, n_c, n_k
    return n_t, n_c, n_k


@kernel
def _simulate(
    rng, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
    fit, response_fit, covariance, finding_tables, calorimeter, klm_tables,
    track_offsets, track_f, track_cov, track_i,
    cluster_offsets, cluster_f, cluster_cov, cluster_i, klm_offsets, klm_f, klm_i,
):  # fmt: skip
    """Fill tracks, clusters and KLM clusters of every event; returns their numbers.

    Takes the arrays out of their tuples and makes room for the scratch: the loop itself counts no references. A
    decaying mother and its daughter, two rows, make three entries; an electron may radiate `MAX_BREMS` photons.
    """
    reals, places, values, surfaces = covariance
    finding, kinks, spurious, efficiency = finding_tables
    en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, background = calorimeter
    klm, reach, cumulative, neutral, _, _ = klm_tables
    rows = np.int64(_BLOCK_ROWS)
    for i in range(len(offsets) - 1):
        rows = max(rows, offsets[i + 1] - offsets[i])
    # odd numbers of vectors: columns do not fall onto the same lines of the caches
    room = (3 * rows // 2 // WIDTH + 2 | 1) * WIDTH
    photon_room = ((1 + MAX_BREMS) * rows // WIDTH + 2 | 1) * WIDTH
    factor = np.zeros((room, 16))
    return _events(
        rng, _seeded(rng), offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
        fit, response_fit, reals, places, values, surfaces, finding, kinks, spurious,
        efficiency.reshape(-1), efficiency.shape[1],
        en, regions.reshape(-1), sigma.reshape(-1), response.reshape(-1), scale.reshape(-1), outer, shells,
        hadrons.reshape(-1), visible, ionisation.reshape(-1), background, klm,
        reach.reshape(-1), reach.shape[1], cumulative.reshape(-1), neutral,
        np.empty((N_CHARGED, room)), np.empty((N_CHARGED_INTEGERS, room), dtype=np.int64),
        np.empty((N_PHOTON, photon_room)), np.empty(photon_room, dtype=np.int64), np.empty(room, dtype=np.int64),
        np.empty((rows + 1, N_LINE), dtype=np.int64), np.empty(len(offsets) + 1, dtype=np.int64),
        np.empty(len(offsets) + 1, dtype=np.int64), np.empty(rows + 1, dtype=np.int64),
        np.empty((N_FOUND, room)), factor, factor.reshape(-1), np.empty(room, dtype=np.int64),
        np.empty((_STATE, room)), np.empty((room, 15)), np.empty((room, 3), dtype=np.int64), np.empty(MANY_WORK),
        np.empty((MAX_BREMS, 4)), np.empty((MAX_BREMS, PHOTON_COLUMNS)),
        np.empty((MAX_FAKES, 5)), np.empty((MAX_FAKES, 5)), np.empty(MAX_FAKES, dtype=np.int32), np.zeros(15),
        track_offsets, track_f, track_cov, track_i,
        cluster_offsets, cluster_f, cluster_cov, cluster_i, klm_offsets, klm_f, klm_i,
    )  # fmt: skip
