"""Reconstructed batches made by hand: four tracks and photons around an axis, enough to reach every branch."""

from collections.abc import Callable

import numpy as np
import pytest

from toymc.events import Clusters, EventBatch, KlmClusters, Reconstruction, Tracks
from toymc.streams import stream

Batch = tuple[Reconstruction, EventBatch]


def build(track_p, charge, track_offsets, photons, photon_offsets, pdg, d0=None, z0=None, in_time=None) -> Batch:
    """Tables from track momenta (n, 3), photon (E, theta, phi) (m, 3) and offsets; truth row = place in the event."""
    n, m, events = len(track_p), len(photons), len(track_offsets) - 1
    zero, none = np.zeros(n), np.zeros(n, dtype=np.int32)
    place = (np.arange(n) - np.repeat(track_offsets[:-1], np.diff(track_offsets))).astype(np.int32)
    px, py, pz = (np.ascontiguousarray(track_p[:, k]) for k in range(3))
    tracks = Tracks(
        track_offsets, zero if d0 is None else d0, zero, zero, zero if z0 is None else z0, zero, np.zeros((n, 15)),
        px, py, pz, charge.astype(np.int32), none, none, none, place, np.full((n, 4), 0.5), zero, zero, none, none,
        none, none,
    )  # fmt: skip
    energy, theta, phi = (np.ascontiguousarray(photons[:, k]) for k in range(3))
    # calorimeter gaps at 31.4-32.2 and 128.7-130.7 degrees
    region = np.where(theta < np.radians(31.8), 1, np.where(theta < np.radians(129.7), 2, 3)).astype(np.int32)
    clusters = Clusters(
        photon_offsets, energy, theta, phi, np.zeros((m, 3)), region, np.full(m, -1, dtype=np.int32),
        np.ones(m, dtype=np.int32) if in_time is None else in_time, np.full(m, -1, dtype=np.int32),
    )  # fmt: skip
    ids, weight = np.arange(events), np.linspace(0.5, 1.5, events)
    truth = EventBatch(
        track_offsets, pdg.astype(np.int32), np.ones(n, dtype=np.int32), np.full(n, -1, dtype=np.int32), px, py, pz,
        zero, zero, zero, zero, zero, zero, weight, ids, "toy",
    )  # fmt: skip
    klm = KlmClusters(np.zeros(events + 1, dtype=np.int64), np.empty(0), np.empty(0), none[:0], none[:0])
    reco = Reconstruction(
        tracks, clusters, klm, truth, none, truth.counts.astype(np.int32), np.zeros(events, dtype=np.uint64),
        np.full(events, 0.9), weight, ids, "toy",
    )  # fmt: skip
    return reco, truth


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    return build


@pytest.fixture(scope="session")
def random_batch() -> Batch:
    """1500 events, two jets each: 2 to 6 tracks, up to a dozen photons, tracks and clusters of every quality."""
    rng = stream(20, "analysis", "test", 0)
    events = 1500
    counts = rng.choice([0, 2, 3, 4, 4, 4, 4, 5, 6], events)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    n = offsets[-1]
    owner = np.repeat(np.arange(events), counts)
    place = np.arange(n) - offsets[owner]
    axis = rng.normal(size=(events, 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    sign = np.where(place == rng.integers(0, 4, events)[owner], 1.0, -1.0)
    momentum = axis[owner] * (sign * rng.uniform(0.2, 1.8, n))[:, None] + rng.normal(0.0, 0.4, (n, 3))
    charge = np.where(place % 2 == 0, 1, -1)
    charge = np.where(rng.random(n) < 0.05, -charge, charge)
    pdg = charge * rng.choice([211, 321, -11, -13], n)
    photon_counts = rng.poisson(3.0, events)
    photon_offsets = np.concatenate(([0], np.cumsum(photon_counts)))
    m = photon_offsets[-1]
    photons = np.stack([rng.exponential(0.6, m), rng.uniform(0.2, 2.9, m), rng.uniform(-np.pi, np.pi, m)], axis=1)
    # every third photon follows the one before at a pi0-like angle
    follow = np.arange(2, m, 3)
    photons[follow, 1:] = photons[follow - 1, 1:] + rng.normal(0.0, 0.12, (len(follow), 2))
    return build(
        momentum, charge, offsets, photons, photon_offsets, pdg, rng.normal(0.0, 0.4, n), rng.normal(0.0, 1.3, n),
        (rng.random(m) < 0.95).astype(np.int32),
    )  # fmt: skip
