"""Kinematics against closed forms and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toymc.errors import InputError
from toymc.kinematics import boost, fox_wolfram, invariant_mass, thrust, two_body_momentum
from toymc.streams import stream


def _brute_force_thrust(p):
    """Twin: the thrust vector is the longest of all signed sums."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(p))))
    return np.max(np.linalg.norm(signs @ p, axis=1)) / np.sum(np.linalg.norm(p, axis=1))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 11, 12, 14])
def test_thrust_equals_brute_force_over_signs(n):
    rng = stream(1, "thrust", "test", n)
    events = rng.normal(size=(50, n, 3))
    fast = thrust(events.reshape(-1, 3), np.arange(51) * n)
    for event, row in zip(events, fast, strict=True):
        assert row[0] == pytest.approx(_brute_force_thrust(event), abs=1e-12)
        assert np.abs(event @ row[1:]).sum() / np.linalg.norm(event, axis=1).sum() == pytest.approx(row[0], abs=1e-12)


def test_thrust_of_symmetric_events():
    # three equal momenta at 120 degrees: 2/3; coplanar cross: 1/sqrt(2)
    angles = np.arange(3) * 2 * np.pi / 3
    star = np.stack([np.cos(angles), np.sin(angles), np.zeros(3)], axis=1)
    cross = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=float)
    values = thrust(np.vstack([star, cross]), np.array([0, 3, 7]))[:, 0]
    assert values == pytest.approx([2 / 3, 1 / np.sqrt(2)])


def test_thrust_of_empty_and_single():
    values = thrust(np.array([[0.0, 3.0, 4.0]]), np.array([0, 0, 1]))
    assert values[0, 0] == 0.0
    assert values[1] == pytest.approx([1.0, 0.0, 0.6, 0.8])


def test_fox_wolfram_equals_legendre_double_sum():
    rng = stream(2, "fox", "test", 0)
    p = rng.normal(size=(9, 3))
    size = np.linalg.norm(p, axis=1)
    cosine = (p @ p.T) / np.outer(size, size)
    expected = [
        np.sum(np.outer(size, size) * np.polynomial.legendre.legval(cosine, np.eye(5)[order])) for order in range(5)
    ]
    assert fox_wolfram(p, np.array([0, 9]))[0] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.floats(-5, 5)] * 3), st.floats(1e-3, 5), st.floats(0, 0.999), st.tuples(*[st.floats(-1, 1)] * 3)
)
def test_boost_keeps_mass_and_inverts(p, mass, speed, direction):
    norm = np.linalg.norm(direction)
    velocity = speed * np.array(direction) / norm if norm > 1e-3 else np.zeros(3)
    p4 = np.array([*p, np.sqrt(np.dot(p, p) + mass**2)])
    there = boost(p4, velocity)
    gamma = 1 / np.sqrt(1 - velocity @ velocity)
    assert there[3] ** 2 - there[:3] @ there[:3] == pytest.approx(mass**2, abs=1e-12 * (gamma * p4[3]) ** 2)
    assert boost(there, -velocity) == pytest.approx(p4, abs=1e-12 * gamma**2 * p4[3])


def test_boost_gives_a_particle_at_rest_the_velocity():
    moved = boost(np.array([0, 0, 0, 2.0]), np.array([0.0415, 0.0, 0.2725]))
    assert moved[:3] / moved[3] == pytest.approx([0.0415, 0.0, 0.2725])


def test_two_body_momentum_closed_forms():
    assert two_body_momentum(2.0, 0.0, 0.0) == 1.0
    assert two_body_momentum(10.0, 3.0, 3.0) == pytest.approx(4.0)
    assert two_body_momentum(1.0, 0.5, 0.5) == 0.0


def test_invariant_mass_is_signed():
    assert invariant_mass(np.array([[0, 0, 3.0, 5.0]])) == pytest.approx(4.0)
    assert invariant_mass(np.array([[0, 0, 5.0, 3.0]])) == pytest.approx(-4.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: thrust(np.zeros((3, 2)), np.array([0, 3])), "shape"),
        (lambda: thrust(np.zeros((3, 3)), np.array([0, 2])), "offsets"),
        (lambda: thrust(np.zeros((3, 3)), np.array([0, 2, 1, 3])), "offsets"),
        (lambda: boost(np.zeros(4), np.array([0, 0, 1.0])), "light"),
        (lambda: two_body_momentum(1.0, 0.9, 0.2), "too light"),
        (lambda: two_body_momentum(1.0, -0.1, 0.2), "negative"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
