"""Anything goes in, only finite numbers come out."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detector.probe import directions
from toymc.detector import build_detector, particle_batch, simulate
from toymc.geometry import load_card
from toymc.streams import stream

CODES = np.array([11, -11, 13, -13, 211, -211, 321, -321, 2212, -2212, 22, 12, 130, 2112, 111])
_PLACES = np.array([[0, 1, 2, 3, 4], [1, 5, 6, 7, 8], [2, 6, 9, 10, 11], [3, 7, 10, 12, 13], [4, 8, 11, 13, 14]])
"""Where the elements of the 5x5 matrix stand in the upper triangle."""
_DETECTOR = build_detector(load_card("belle2"))


def check(result):
    tracks, clusters = result.tracks, result.clusters
    result.truth.validate()
    for table in (tracks, clusters, result.klm):
        table._check_rows()
        for field in dataclasses.fields(table):
            assert np.all(np.isfinite(getattr(table, field.name))), field.name
    assert np.all(np.abs(tracks.phi0) <= math.pi)
    assert np.all(np.abs(tracks.charge) == 1)
    assert np.all((tracks.pid_uniform >= 0.0) & (tracks.pid_uniform < 1.0))
    assert np.all(tracks.n_cdc >= 0)
    assert np.all(tracks.n_svd >= 0)
    assert np.all(clusters.energy > 0.0)
    assert np.all((clusters.region >= 1) & (clusters.region <= 3))
    assert np.all((result.trigger_weight >= 0.0) & (result.trigger_weight <= 1.0))
    assert np.all((result.fate >= 0) & (result.fate <= 10))
    rows = result.truth.counts
    for table in (tracks, clusters, result.klm):
        assert np.all((table.truth >= -1) & (table.truth < rows[table.event_index]))
    # covariances are positive definite: variances positive, determinants of the scaled matrices too
    cov = tracks.cov[:, _PLACES]
    assert np.all(np.linalg.eigvalsh(cov / np.sqrt(np.einsum("nii->ni", cov))[:, :, None] / np.sqrt(
        np.einsum("nii->ni", cov))[:, None, :]) > -1e-9)  # fmt: skip


def test_random_particles_of_any_momentum_direction_and_origin(any_detector):
    """1 MeV to 20 GeV, any direction, from the interaction point out to 4 m."""
    rng = stream(81, any_detector.card.name, "test", 0)
    n = 300_000
    p = np.exp(rng.uniform(math.log(1e-3), math.log(20.0), n))
    radius = np.where(rng.random(n) < 0.4, 0.01, rng.uniform(0.0, 400.0, n))
    batch = particle_batch(rng.choice(CODES, n), directions(rng, n) * p[:, None], directions(rng, n) * radius[:, None])
    result = simulate(batch, any_detector, rng)
    check(result)
    assert len(result.tracks.d0) > 10_000


@pytest.mark.validate
def test_ten_million_random_particles(any_detector):
    """As above, in batches that fit into memory."""
    for chunk in range(34):
        rng = stream(86, any_detector.card.name, "test", chunk)
        n = 300_000
        p = np.exp(rng.uniform(math.log(1e-3), math.log(20.0), n))
        batch = particle_batch(
            rng.choice(CODES, n), directions(rng, n) * p[:, None], directions(rng, n) * rng.uniform(0.0, 400.0, (n, 1))
        )
        check(simulate(batch, any_detector, rng))


@settings(deadline=None, max_examples=200)
@given(
    code=st.sampled_from([int(c) for c in CODES]),
    momentum=st.tuples(*[st.floats(-20.0, 20.0, allow_subnormal=True)] * 3),
    vertex=st.tuples(*[st.floats(-400.0, 400.0)] * 3),
)
def test_single_particles_with_awkward_numbers(code, momentum, vertex):
    batch = particle_batch([code], [momentum], [vertex])
    check(simulate(batch, _DETECTOR, stream(82, "single", "test", 0)))


@pytest.mark.parametrize("pdg", [11, 22, 211])
@pytest.mark.parametrize("momentum", [(0, 0, 0), (0, 0, 1), (0, 0, -1), (1, 0, 0), (1e-160, 0, 1e-160)])
def test_degenerate_momenta(pdg, momentum):
    check(simulate(particle_batch([pdg], [momentum]), _DETECTOR, stream(83, "degenerate", "test", 0)))


def test_a_particle_that_circles_the_axis():
    """Centre of the circle on the z axis: every point is the closest."""
    radius = 0.5 / (0.00299792458 * 1.5)
    batch = particle_batch([211] * 50, [[0.5, 0.0, 0.1]] * 50, [[0.0, min(radius, 60.0), 0.0]] * 50)
    check(simulate(batch, _DETECTOR, stream(84, "circle", "test", 0)))


def test_no_events():
    empty = particle_batch([], np.empty((0, 3)))
    result = simulate(empty, _DETECTOR, stream(85, "empty", "test", 0))
    assert result.n_events == 0
    assert len(result.tracks.d0) == 0


def test_decayed_and_documented_particles_leave_nothing():
    batch = particle_batch([211, 22], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    hidden = dataclasses.replace(batch, status=np.array([2, 3], np.int32))
    result = simulate(hidden, _DETECTOR, stream(86, "hidden", "test", 0))
    assert len(result.tracks.d0) == 0
    assert len(result.clusters.energy) == 0


def test_weights_and_identities_are_carried_over():
    batch = dataclasses.replace(
        particle_batch([211, 22], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], process="probe"),
        weight=np.array([0.5, 2.0]),
        event_id=np.array([7, 9]),
    )
    result = simulate(batch, _DETECTOR, stream(87, "carry", "test", 0))
    assert result.weight.tolist() == [0.5, 2.0]
    assert result.event_id.tolist() == [7, 9]
    assert result.process == "probe"
