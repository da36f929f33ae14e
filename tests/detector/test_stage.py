"""The stage behind the transport: eight particles are what each is alone, and blocks hold events of any size."""

import math

import numpy as np
import pytest

from toymc.detector import build_detector, particle_batch, simulate
from toymc.detector.calorimeter.charged import _track_cluster
from toymc.detector.calorimeter.photons import _pointing, _shower
from toymc.detector.covariance.lookup import _place
from toymc.detector.covariance.smear import _drawn
from toymc.detector.finding.found import _probability
from toymc.detector.helix import _perigee
from toymc.detector.muons.kernels import _klm_expected, _klm_last
from toymc.detector.stage.block import _BLOCK_ROWS
from toymc.events import EventBatch
from toymc.geometry import load_card
from toymc.kernels import kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, chosen, real, whole
from toymc.streams import stream

N = 4096
DETECTOR = build_detector(load_card("belle2"))


@kernel
def _photons(c, lanes, plain, numbers, regions, sigma, response, scale, outer):
    for i in range(0, c.shape[1], WIDTH):
        e, log_energy, vx, vy, vz, r = _shower(
            loaded(c[0], i), loaded(c[1], i), loaded(c[2], i), loaded(c[3], i), loaded(c[4], i), loaded(c[5], i),
            loaded(c[6], i), loaded(c[7], i), loaded(c[8], i), loaded(c[9], i), loaded(c[10], i),
            numbers, regions, sigma, response, scale, outer,
        )  # fmt: skip
        p = _pointing(
            loaded(c[11], i), loaded(c[12], i), log_energy, vx, vy, vz, 0.01, r, numbers, regions, sigma
        )  # fmt: skip
        for k, value in enumerate((e, vx, vy, vz, real(r), p[0], p[1], p[2], p[3], p[4])):
            stored(lanes[k], i, value)
    for i in range(c.shape[1]):
        e, log_energy, vx, vy, vz, r = _shower(
            c[0, i], c[1, i], c[2, i], c[3, i], c[4, i], c[5, i], c[6, i], c[7, i], c[8, i], c[9, i], c[10, i],
            numbers, regions, sigma, response, scale, outer,
        )  # fmt: skip
        p = _pointing(c[11, i], c[12, i], log_energy, vx, vy, vz, 0.01, r, numbers, regions, sigma)
        for k, value in enumerate((e, vx, vy, vz, float(r), p[0], p[1], p[2], p[3], p[4])):
            plain[k, i] = value


@kernel
def _charged(c, lanes, plain, numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation):
    for i in range(0, c.shape[1], WIDTH):
        e, vx, vy, vz, hit = _track_cluster(
            loaded(c[0], i), loaded(c[1], i), loaded(c[2], i), loaded(c[3], i), loaded(c[4], i), loaded(c[5], i),
            loaded(c[6], i), loaded(c[7], i), loaded(c[8], i), loaded(c[9], i), loaded(c[10], i), loaded(c[11], i),
            loaded(c[12], i), loaded(c[13], i),
            numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
        )  # fmt: skip
        for k, value in enumerate((e, vx, vy, vz, chosen(hit, 1.0, 0.0))):
            stored(lanes[k], i, value)
    for i in range(c.shape[1]):
        e, vx, vy, vz, hit = _track_cluster(
            c[0, i], c[1, i], c[2, i], c[3, i], c[4, i], c[5, i], c[6, i], c[7, i], c[8, i], c[9, i], c[10, i],
            c[11, i], c[12, i], c[13, i],
            numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
        )  # fmt: skip
        for k, value in enumerate((e, vx, vy, vz, 1.0 if hit else 0.0)):
            plain[k, i] = value


@kernel
def _tracks(c, factor, lanes, plain, field, finding, efficiency, columns, klm, reach, reach_columns, cumulative):
    for i in range(0, c.shape[1], WIDTH):
        h = _perigee(
            loaded(c[0], i), loaded(c[1], i), loaded(c[2], i), loaded(c[3], i), loaded(c[4], i), loaded(c[5], i),
            loaded(c[6], i), field,
        )  # fmt: skip
        found = _probability(
            loaded(c[7], i), h[4], loaded(c[8], i), h[0], h[3], loaded(c[9], i), loaded(c[10], i), finding, efficiency,
            columns,
        )  # fmt: skip
        region, last = _klm_expected(loaded(c[7], i), h[4], klm, reach, reach_columns)
        d = _drawn(h[0], h[1], h[2], h[3], h[4], loaded(c[11], i), loaded(c[12], i), loaded(c[13], i), loaded(c[14], i),
                   loaded(c[15], i), factor, np.int64(0))  # fmt: skip
        hit = _klm_last(loaded(c[16], i), whole(loaded(c[17], i)), loaded(c[6], i), region, last, klm, cumulative)
        for k, value in enumerate((*h, found, real(region), real(last), *d, real(hit))):
            stored(lanes[k], i, value)
    for i in range(c.shape[1]):
        h = _perigee(c[0, i], c[1, i], c[2, i], c[3, i], c[4, i], c[5, i], c[6, i], field)
        found = _probability(
            c[7, i], h[4], c[8, i], h[0], h[3], c[9, i], c[10, i], finding, efficiency, columns
        )  # fmt: skip
        region, last = _klm_expected(c[7, i], h[4], klm, reach, reach_columns)
        d = _drawn(h[0], h[1], h[2], h[3], h[4], c[11, i], c[12, i], c[13, i], c[14, i], c[15, i], factor, np.int64(0))
        hit = _klm_last(c[16, i], int(c[17, i]), c[6, i], region, last, klm, cumulative)
        for k, value in enumerate((*h, found, float(region), float(last), *d, float(hit))):
            plain[k, i] = value


def directions(rng):
    u = rng.normal(size=(3, N))
    return u / np.linalg.norm(u, axis=0)


def same_where(alone, together, lanes, plain, share, rtol, atol):
    """The same columns (a share of them within bounds) have a result, and the same one."""
    assert share[0] < alone.mean() < share[1]
    assert np.array_equal(alone, together)
    np.testing.assert_allclose(lanes[:, alone], plain[:, alone], rtol=rtol, atol=atol)


def test_photons_together_are_photons_alone():
    rng = stream(811, "photons", "test", 0)
    c = np.zeros((13, N))
    c[0], c[1:4], c[4:7] = np.exp(rng.uniform(-5.0, 2.0, N)), 40.0 * rng.normal(size=(3, N)), directions(rng)
    c[7], c[8], c[9:] = 0.1 * (rng.random(N) < 0.3), rng.random(N), rng.normal(size=(4, N))
    t = DETECTOR.calorimeter
    lanes, plain = np.empty((10, N)), np.empty((10, N))
    tables = (t.regions.ravel(), t.sigma.ravel(), t.response.ravel(), t.scale.ravel(), t.outer)
    _photons(c, lanes, plain, t.numbers, *tables)
    same_where(plain[0] > 0.0, lanes[0] > 0.0, lanes, plain, (0.4, 0.95), 1e-9, 1e-12)


def test_charged_particles_together_are_charged_particles_alone():
    rng = stream(812, "charged", "test", 0)
    masses = np.array([0.000511, 0.10566, 0.13957, 0.49368, 0.93827])
    c = np.zeros((14, N))
    c[:2], c[2:4] = rng.normal(size=(2, N)), rng.random((2, N))
    c[4] = rng.integers(0, 5, N)
    c[5:8] = 10.0 * rng.normal(size=(3, N))
    c[8:11] = directions(rng) * np.exp(rng.uniform(-3.0, 1.5, N))
    c[8:10, :8] = 0.0  # along the field
    c[11] = masses[c[4].astype(int)]
    c[12] = 0.0045 / np.maximum(np.hypot(c[8], c[9]), 1e-12) * rng.choice([-1.0, 1.0], N)
    c[13] = np.where(rng.random(N) < 0.2, 50.0, math.inf)
    t = DETECTOR.calorimeter
    lanes, plain = np.empty((5, N)), np.empty((5, N))
    tables = (t.regions.ravel(), t.sigma.ravel(), t.response.ravel(), t.scale.ravel(), t.outer, t.hadrons.ravel())
    _charged(c, lanes, plain, t.numbers, *tables, t.visible, t.ionisation.ravel())
    assert np.array_equal(lanes[4], plain[4])
    same_where(plain[0] > 0.0, lanes[0] > 0.0, lanes, plain, (0.3, 0.95), 1e-8, 1e-10)


def test_tracks_together_are_tracks_alone():
    rng = stream(813, "tracks", "test", 0)
    c = np.zeros((18, N))
    c[:3] = 20.0 * rng.normal(size=(3, N)) * (rng.random(N) < 0.5)
    c[3:6] = directions(rng) * np.exp(rng.uniform(-3.0, 1.5, N))
    c[6] = rng.choice([-1.0, 1.0], N)
    c[7], c[8] = np.hypot(c[3], c[4]), np.hypot(c[0], c[1])
    c[9], c[10], c[11:16] = rng.integers(0, 5, N), rng.integers(0, 57, N), rng.normal(size=(5, N))
    c[16], c[17] = rng.random(N), rng.integers(-1, 6, N)
    f, k = DETECTOR.finding, DETECTOR.klm
    factor = 1e-3 * rng.random(15)
    lanes, plain = np.empty((16, N)), np.empty((16, N))
    _tracks(
        c, factor, lanes, plain, DETECTOR.field, f.numbers, f.efficiency.ravel(), f.efficiency.shape[1],
        k.numbers, k.reach.ravel(), k.reach.shape[1], k.cumulative.ravel(),
    )  # fmt: skip
    np.testing.assert_allclose(lanes, plain, rtol=1e-9, atol=1e-10)
    assert 0.1 < (plain[7] > 0.5).mean() < 0.9
    assert (plain[8] > 0.0).mean() > 0.1
    reached = plain[8] > 0.0
    assert 0.1 < (plain[15, reached] >= 0.0).mean() < 0.9
    assert np.all(plain[15] <= plain[9]) and np.all(plain[15, ~reached] == -1.0)


@kernel
def _places(c, reals, places, lanes, plain):
    for i in range(0, c.shape[1], WIDTH):
        here, base, f, g, pattern = _place(
            loaded(c[0], i), loaded(c[1], i), loaded(c[2], i), loaded(c[3], i), loaded(c[4], i), loaded(c[5], i),
            loaded(c[6], i), loaded(c[7], i), loaded(c[8], i), reals, places,
        )  # fmt: skip
        for k, value in enumerate((real(here), real(base), f, g, real(pattern))):
            stored(lanes[k], i, value)
    for i in range(c.shape[1]):
        here, base, f, g, pattern = _place(
            c[0, i], c[1, i], c[2, i], c[3, i], c[4, i], c[5, i], c[6, i], c[7, i], c[8, i], reals, places
        )
        for k, value in enumerate((float(here), float(base), f, g, float(pattern))):
            plain[k, i] = value


def test_places_in_the_table_together_are_places_alone():
    rng = stream(818, "places", "test", 0)
    masses = np.array([0.000511, 0.10566, 0.13957, 0.49368, 0.93827, 1.8])
    c = np.zeros((9, N))
    c[0], c[1] = np.where(rng.random(N) < 0.1, 4.0, 1e-3), rng.uniform(-4.0, 3.0, N)
    c[2], c[3] = masses[rng.integers(0, 6, N)], np.where(rng.random(N) < 0.1, 50.0, math.inf)
    c[4], c[5] = 0.03 * rng.normal(size=N), rng.uniform(-math.pi, math.pi, N)
    c[6] = 0.0045 * np.exp(-c[1]) * rng.choice([-1.0, 1.0], N)
    c[7], c[8] = 0.1 * rng.normal(size=N), rng.normal(size=N)
    reals, places, _, _ = DETECTOR.covariance
    lanes, plain = np.empty((5, N)), np.empty((5, N))
    _places(c, reals, places, lanes, plain)
    there = plain[0] >= 0
    same_where(there, lanes[0] >= 0, lanes, plain, (0.3, 0.9), 1e-9, 1e-9)
    assert len(np.unique(plain[4, there])) > 5  # patterns of layers


@pytest.mark.parametrize("size", [_BLOCK_ROWS - 1, _BLOCK_ROWS, _BLOCK_ROWS + 1, 3 * _BLOCK_ROWS])
def test_events_larger_than_a_block(size):
    """One event of many muons between two of one: every row has its event and its particle."""
    rng = stream(814, f"{size}", "test", 0)
    u = rng.normal(size=(size + 2, 3))
    u[:, 2] = 0.3 * np.linalg.norm(u[:, :2], axis=1)
    one = particle_batch(np.full(size + 2, 13), u / np.linalg.norm(u, axis=1)[:, None])
    columns = {
        name: getattr(one, name) for name in ("pdg", "status", "mother", "px", "py", "pz", "mass", "x", "y", "z")
    }
    batch = EventBatch(
        offsets=np.array([0, 1, size + 1, size + 2]), t=one.t, helicity=one.helicity, weight=np.ones(3),
        event_id=np.arange(3), process="muons", **columns,
    )  # fmt: skip
    reco = simulate(batch, DETECTOR, stream(815, f"{size}", "simulate", 0))
    found = np.diff(reco.tracks.offsets)
    assert found[0] <= 1 and found[2] <= 1
    assert found[1] > 0.9 * size
    own = reco.tracks.truth[reco.tracks.offsets[1] : reco.tracks.offsets[2]]
    assert len(np.unique(own)) == len(own)
    momentum = np.hypot(reco.tracks.px, reco.tracks.py)
    assert np.median(momentum) == pytest.approx(np.median(np.hypot(one.px, one.py)), rel=0.01)
