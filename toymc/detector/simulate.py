"""From truth to reconstruction: transport through the material, then one pass over what leaves signals."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.detector.calorimeter.background import _background_clusters
from toymc.detector.calorimeter.electrons import MAX_BREMS
from toymc.detector.calorimeter.hadrons import MAX_SPLIT_OFFS, _hadron_row
from toymc.detector.calorimeter.merging import _merge_event
from toymc.detector.charged import (
    DAUGHTER_ROW,
    ITSELF,
    KIND,
    N_AGENDA,
    N_CANDIDATES,
    N_HELIX,
    N_IMPACT,
    N_PLAN,
    NEUTRAL,
    PHOTON,
    ROW,
    TRACK_FLOATS,
    TRACK_INTEGERS,
    _charge,
    _charged_daughter,
    _plan,
    _set_helix,
    _species,
    _write_candidate,
)
from toymc.detector.covariance.exact import WORK_SHAPE
from toymc.detector.fetch import _fetch
from toymc.detector.finding.spurious import _fakes
from toymc.detector.passage import SLOW, _decaying, _neutral_particle, _single
from toymc.detector.tables import Detector
from toymc.detector.transport import transport
from toymc.detector.trigger import fire_trigger
from toymc.events import (
    FATE_DECAYED_OUTSIDE,
    FATE_DECAYED_PIPE,
    FATE_INTERACTED,
    FATE_NONE,
    Clusters,
    EventBatch,
    KlmClusters,
    Reconstruction,
    Tracks,
)
from toymc.kernels import inlined_kernel, kernel, lean_kernel

CLUSTER_FLOATS = ("energy", "theta", "phi")
CLUSTER_INTEGERS = ("region", "truth", "in_time", "truth2")
KLM_FLOATS, KLM_INTEGERS = ("theta", "phi"), ("layers", "truth")
MAX_FAKES = 8
"""Fake tracks of an event, at most."""
# rows of the float block of clusters behind the columns: unit vectors, for the merging
_SCRATCH_ROWS = 3
_TRUTH = ("offsets", "pdg", "status", "mother", "px", "py", "pz", "mass", "x", "y", "z")
_PLAN_ROWS = 64
"""Particles of an event that are planned before the first of them is written."""
_FETCH_ROWS = 24
"""Rows ahead of the event that are sent for: about two events."""
_ROOM = 64
"""Rows beyond what particles can need, for background and fakes."""


@kernel
def _capacity(pdg, status):
    """Upper bounds of the numbers of tracks, clusters, and clusters of neutral hadrons of the particles."""
    tracks, clusters, neutral = 0, 0, 0
    for j in range(len(pdg)):
        if status[j] == 3:
            continue
        species = _species(pdg[j])
        if species == 5:
            clusters += 1
        elif species >= 0:
            tracks += 2
            clusters += 1 + (MAX_BREMS if species == 0 else MAX_SPLIT_OFFS)
        elif _hadron_row(pdg[j]) >= 0:
            neutral += 1
            clusters += 1 + MAX_SPLIT_OFFS
    return tracks, clusters, neutral


@lean_kernel
def _add_fakes(
    rng, first, field, spurious, fake_helix, fake_sigma, fake_hits, helix, factor, hits,
    finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n,
):  # fmt: skip
    """Fake tracks of an event, where the option is on; new number of tracks."""
    count = _fakes(rng, n - first, spurious, fake_helix, fake_sigma, fake_hits)
    for m in range(min(count, track_f.shape[1] - n)):
        for a in range(15):
            factor[ITSELF, a] = 0.0
        h = fake_helix[m]
        _set_helix(helix[ITSELF], h[0], h[1], h[2], h[3], h[4], math.cos(h[1]), math.sin(h[1]))
        for a, place in enumerate((0, 5, 9, 12, 14)):
            factor[ITSELF, place] = fake_sigma[m, a]
        hits[ITSELF, 0], hits[ITSELF, 1], hits[ITSELF, 2] = 0, 0, fake_hits[m]
        _write_candidate(
            rng, ITSELF, np.int64(-1), FATE_NONE, -1, 1.0, 0.0, 0.0, 0.0, 0.0, field, helix, factor, hits,
            finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n,
        )  # fmt: skip
        n += 1
    return n


@inlined_kernel
def _planned(
    rng, start, stop, first, last, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
    finding, efficiency, reals, places, values, plan, agenda,
):  # fmt: skip
    """Put what leaves signals of the rows start..stop-1 on the agenda; the number of lines.

    What the generator let decay has no fate, and a daughter that takes over from its mother is not looked at again.
    """
    m = np.int64(0)
    for j in range(start, stop):
        if status[j] == 3 or skip[j] != 0 or (status[j] == 2 and fate[j] == FATE_NONE):
            continue
        species = _species(pdg[j])
        agenda[m, ROW] = j
        if species < 0 or species == PHOTON:
            if status[j] == 1 and (species == PHOTON or _hadron_row(pdg[j]) >= 0):
                agenda[m, KIND] = PHOTON if species == PHOTON else NEUTRAL
                m += 1
            continue
        decayed = fate[j] >= FATE_DECAYED_PIPE and fate[j] <= FATE_DECAYED_OUTSIDE
        if status[j] == 2 and not (decayed or fate[j] == FATE_INTERACTED):
            continue
        if not px[j] * px[j] + py[j] * py[j] > SLOW * SLOW:
            continue
        k = _charged_daughter(j, first, last, pdg, status, mother) if status[j] == 2 and decayed else np.int64(-1)
        agenda[m, KIND], agenda[m, DAUGHTER_ROW] = species, k
        if k >= 0:
            skip[k] = 1
        else:
            _plan(
                rng, m, j, _charge(pdg[j], species), px, py, pz, mass, x, y, z, end_arc, field, finding, efficiency,
                reals, places, values, plan, agenda,
            )  # fmt: skip
        m += 1
    return m


@inlined_kernel
def _fetch_event(j, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip):
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
def _events(
    rng, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
    fit, response_fit, reals, places, values, surfaces, finding, kinks, spurious, efficiency,
    en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, background,
    klm, reach, cumulative, neutral, plan, agenda, work, helix, factor, hits, emitted,
    fake_helix, fake_sigma, fake_hits,
    track_offsets, track_f, track_cov, track_i, ecl_energy, impact,
    cluster_offsets, cluster_f, cluster_cov, cluster_i, klm_offsets, klm_f, klm_i,
):  # fmt: skip
    """The loop over events and particles; returns the numbers of tracks, clusters and KLM clusters."""
    # typed zeros: a literal 0 would make numba compile every callee twice
    n_t, n_c, n_k = np.int64(0), np.int64(0), np.int64(0)
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        track_offsets[i], cluster_offsets[i], klm_offsets[i] = n_t, n_c, n_k
        _fetch_event(
            last + _FETCH_ROWS, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip
        )  # fmt: skip
        for start in range(first, last, _PLAN_ROWS):
            lines = _planned(
                rng, start, min(start + _PLAN_ROWS, last), first, last, pdg, status, mother, px, py, pz, mass,
                x, y, z, fate, end_arc, skip, field, finding, efficiency, reals, places, values, plan, agenda,
            )  # fmt: skip
            for m in range(lines):
                j, kind, k = agenda[m, ROW], agenda[m, KIND], agenda[m, DAUGHTER_ROW]
                if kind >= PHOTON:
                    n_c, n_k = _neutral_particle(
                        rng, j, j - first, kind, pdg, px, py, pz, mass, x, y, z, fate,
                        en, regions, sigma, response, scale, outer, hadrons, visible, klm, neutral,
                        cluster_f, cluster_cov, cluster_i, n_c, klm_f, klm_i, n_k,
                    )  # fmt: skip
                elif k >= 0:
                    n_t, n_c = _decaying(
                        rng, j, k, first, pdg, px, py, pz, mass, x, y, z, fate, end_arc, field,
                        reals, places, values, surfaces, finding, kinks, efficiency,
                        en, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
                        klm, reach, cumulative, work, helix, factor, hits,
                        track_f, track_cov, track_i, impact, n_t, cluster_f, cluster_cov, cluster_i, n_c,
                    )  # fmt: skip
                else:
                    n_t, n_c = _single(
                        rng, m, j, j - first, kind, status, px, py, pz, mass, x, y, z, fate, end_arc, field, fit,
                        response_fit, reals, places, values, surfaces, finding, spurious, efficiency,
                        en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation,
                        klm, reach, cumulative, plan, agenda, work, helix, factor, hits, emitted, pdg,
                        track_f, track_cov, track_i, impact, n_t, cluster_f, cluster_cov, cluster_i, n_c,
                    )  # fmt: skip
        if spurious.fake_mean > 0.0:
            n_t = _add_fakes(
                rng, track_offsets[i], field, spurious, fake_helix, fake_sigma, fake_hits, helix, factor, hits,
                finding, klm, reach, cumulative, track_f, track_cov, track_i, impact, n_t,
            )  # fmt: skip
        n_c = _background_clusters(rng, en, regions, sigma, background, cluster_f, cluster_cov, cluster_i, n_c)
        n_c = _merge_event(
            rng, cluster_offsets[i], n_c, track_offsets[i], n_t, impact, ecl_energy, en,
            cluster_f, cluster_cov, cluster_i,
        )  # fmt: skip
    track_offsets[-1], cluster_offsets[-1], klm_offsets[-1] = n_t, n_c, n_k
    return n_t, n_c, n_k


@kernel
def _simulate(
    rng, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
    fit, response_fit, covariance, finding_tables, calorimeter, klm_tables,
    track_offsets, track_f, track_cov, track_i, impact,
    cluster_offsets, cluster_f, cluster_cov, cluster_i, klm_offsets, klm_f, klm_i,
):  # fmt: skip
    """Fill tracks, clusters and KLM clusters of every event; returns their numbers.

    Takes the arrays out of their tuples and makes room for the scratch: the loop itself counts no references.
    """
    reals, places, values, surfaces = covariance
    finding, kinks, spurious, efficiency = finding_tables
    en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, background = calorimeter
    klm, reach, cumulative, neutral, _, _ = klm_tables
    return _events(
        rng, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip, field,
        fit, response_fit, reals, places, values, surfaces, finding, kinks, spurious, efficiency,
        en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, background,
        klm, reach, cumulative, neutral,
        np.zeros((_PLAN_ROWS, N_PLAN)), np.zeros((_PLAN_ROWS, N_AGENDA), dtype=np.int64),
        np.zeros((N_CANDIDATES, WORK_SHAPE[0], WORK_SHAPE[1])), np.zeros((N_CANDIDATES, N_HELIX)),
        np.zeros((N_CANDIDATES, 15)), np.zeros((N_CANDIDATES, 3), dtype=np.int64), np.empty((MAX_BREMS, 4)),
        np.empty((MAX_FAKES, 5)), np.empty((MAX_FAKES, 5)), np.empty(MAX_FAKES, dtype=np.int32),
        track_offsets, track_f, track_cov, track_i, track_f[9], impact,
        cluster_offsets, cluster_f, cluster_cov, cluster_i, klm_offsets, klm_f, klm_i,
    )  # fmt: skip


def _blocks(floats: int, integers: int, rows: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    return np.empty((floats, rows)), np.empty((integers, rows), dtype=np.int32)


def simulate(batch: EventBatch, detector: Detector, rng: np.random.Generator) -> Reconstruction:
    """Send truth events through the detector.

    `transport` follows every particle to the front of the calorimeter: decays in flight, conversions, hadronic
    interactions make secondaries and fates. Charged particles (e, mu, pi, K, p) then become tracks with the covariance
    of the layers they cross, electrons radiate, photons and neutral hadrons become clusters, muons reach the KLM.

    Parameters
    ----------
    batch : EventBatch
        GeV, cm, lab frame.
    detector : Detector
        From `build_detector`.
    rng : numpy.random.Generator
        Stream of the stage "simulate" of this chunk.

    Returns
    -------
    Reconstruction
        Its `truth` holds the batch with the secondaries behind the rows of each event; `weight`, `event_id`, `process`
        are carried over.

    Examples
    --------
    >>> from toymc.detector import build_detector, particle_batch
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> batch = particle_batch([211, 22], [[1.0, 0.0, 0.2], [0.0, 1.5, 0.1]])
    >>> simulate(batch, build_detector(load_card("belle2")), stream(3, "doc", "simulate", 0)).n_events
    2
    """
    seen = transport(batch, detector.transport, rng)
    truth, n = seen.batch, batch.n_events
    tracks, clusters, neutral = _capacity(truth.pdg, truth.status)
    tracks += _ROOM + (MAX_FAKES * n if detector.finding.spurious.fake_mean > 0.0 else 0)
    background = detector.calorimeter.numbers.background_mean * n
    clusters += _ROOM + int(background + 6.0 * math.sqrt(background))
    offsets = [np.empty(n + 1, dtype=np.int64) for _ in range(3)]
    track_f, track_i = _blocks(len(TRACK_FLOATS), len(TRACK_INTEGERS), tracks)
    cluster_f, cluster_i = _blocks(len(CLUSTER_FLOATS) + _SCRATCH_ROWS, len(CLUSTER_INTEGERS), clusters)
    klm_f, klm_i = _blocks(len(KLM_FLOATS), len(KLM_INTEGERS), neutral)
    track_cov, cluster_cov = np.empty((tracks, 15)), np.empty((clusters, 3))
    fate = seen.fate.copy()
    inputs: list[Any] = [np.ascontiguousarray(getattr(truth, name)) for name in _TRUTH]
    inputs += [fate, seen.end_arc, np.zeros(truth.n_particles, dtype=np.uint8), detector.field]
    inputs += [detector.fit.numbers, detector.fit.response, detector.covariance, detector.finding]
    inputs += [detector.calorimeter, detector.klm]
    outputs: list[Any] = [offsets[0], track_f, track_cov, track_i, np.empty((N_IMPACT, tracks))]
    outputs += [offsets[1], cluster_f, cluster_cov, cluster_i, offsets[2], klm_f, klm_i]
    n_t, n_c, n_k = _simulate(rng, *inputs, *outputs)
    columns: dict[str, Any] = {name: track_f[k, :n_t] for k, name in enumerate(TRACK_FLOATS)}
    columns |= {name: track_i[k, :n_t] for k, name in enumerate(TRACK_INTEGERS)}
    found = Tracks(offsets=offsets[0], cov=track_cov[:n_t], pid_uniform=rng.random((n_t, 4)), **columns)
    columns = {name: cluster_f[k, :n_c] for k, name in enumerate(CLUSTER_FLOATS)}
    columns |= {name: cluster_i[k, :n_c] for k, name in enumerate(CLUSTER_INTEGERS)}
    showers = Clusters(offsets=offsets[1], cov=cluster_cov[:n_c], **columns)
    columns = {name: klm_f[k, :n_k] for k, name in enumerate(KLM_FLOATS)}
    columns |= {name: klm_i[k, :n_k] for k, name in enumerate(KLM_INTEGERS)}
    bits, probability = fire_trigger(detector.trigger, found, showers, rng)
    return Reconstruction(
        tracks=found,
        clusters=showers,
        klm=KlmClusters(offsets=offsets[2], **columns),
        truth=truth,
        fate=fate,
        n_generated=batch.counts.astype(np.int32),
        trigger=bits,
        trigger_weight=probability,
        weight=batch.weight,
        event_id=batch.event_id,
        process=batch.process,
    )


def particle_batch(
    pdg: npt.ArrayLike, momentum: npt.ArrayLike, vertex: npt.ArrayLike | None = None, process: str = "particles"
) -> EventBatch:
    """One particle per event: to probe the detector.

    Parameters
    ----------
    pdg : int (n,)
    momentum : float64 (n, 3)
        GeV, lab frame.
    vertex : float64 (n, 3), optional
        Production point in cm; the origin if left out.
    process : str
        Name given to the batch.

    Returns
    -------
    EventBatch

    Examples
    --------
    >>> particle_batch([13, -13], [[1, 0, 0], [0, 1, 0]]).n_events
    2
    """
    from toymc.constants import mass

    codes = np.ascontiguousarray(pdg, dtype=np.int32)
    p = np.asarray(momentum, dtype=np.float64).reshape(len(codes), 3)
    v = np.zeros_like(p) if vertex is None else np.asarray(vertex, dtype=np.float64).reshape(len(codes), 3)
    masses = np.empty(len(codes))
    for code in np.unique(codes):
        masses[codes == code] = mass(int(code))
    n = len(codes)
    x, y, z = (np.ascontiguousarray(c) for c in v.T)
    px, py, pz = (np.ascontiguousarray(c) for c in p.T)
    return EventBatch(
        offsets=np.arange(n + 1), pdg=codes, status=np.ones(n, np.int32), mother=np.full(n, -1, np.int32),
        px=px, py=py, pz=pz, mass=masses, x=x, y=y, z=z, t=np.zeros(n), helicity=np.zeros(n),
        weight=np.ones(n), event_id=np.arange(n), process=process,
    )  # fmt: skip
