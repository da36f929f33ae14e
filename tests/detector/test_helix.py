"""Helix and momentum: round trips, and the Belle II sign convention against a numerical flight."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector import helix_from_state, state_on_helix
from toymc.errors import InputError
from toymc.streams import stream

FIELD = 1.5
coordinate = st.floats(-50.0, 50.0, allow_nan=False)
momentum = st.floats(-10.0, 10.0, allow_nan=False)


@settings(deadline=None)  # the first call compiles
@given(x=coordinate, y=coordinate, z=coordinate, px=momentum, py=momentum, pz=momentum, positive=st.booleans())
def test_the_helix_goes_back_to_where_it_came_from(x, y, z, px, py, pz, positive):
    pt = math.hypot(px, py)
    if pt < 0.02:
        return
    charge = 1.0 if positive else -1.0
    helix = helix_from_state(np.array([[x, y, z, px, py, pz]]), np.array([charge]), FIELD)
    d0, phi0, omega, _, tan_lambda = helix[0]
    assert omega == pytest.approx(charge * OMEGA_PER_TESLA_GEV_CM * FIELD / pt)
    # turn from the perigee to the production point, as the direction of flight says
    turn = math.remainder(phi0 - math.atan2(py, px), 2.0 * math.pi)
    back = state_on_helix(helix, np.array([turn / omega]), FIELD)[0]
    scale = 1.0 + pt / (OMEGA_PER_TESLA_GEV_CM * FIELD)
    slope = 1.0 + abs(tan_lambda)
    assert np.allclose(back[:2], [x, y], atol=1e-10 * scale)
    assert np.allclose(back[2], z, atol=1e-9 * scale * slope)
    assert np.allclose(back[3:], [px, py, pz], rtol=1e-9, atol=1e-9)


@settings(deadline=None)  # the first call compiles
@given(
    d0=st.floats(-20, 20), phi0=st.floats(-3.1, 3.1), pt=st.floats(0.2, 10.0), z0=coordinate,
    tan_lambda=st.floats(-3, 3), positive=st.booleans(), turn=st.floats(-2.0, 2.0),
)  # fmt: skip
def test_parameters_come_back_from_any_point_of_the_helix(d0, phi0, pt, z0, tan_lambda, positive, turn):
    omega = (1.0 if positive else -1.0) * OMEGA_PER_TESLA_GEV_CM * FIELD / pt
    if 1.0 + d0 * omega <= 1e-3:  # the axis lies on the other side of the centre: this point is the farthest
        return
    helix = np.array([[d0, phi0, omega, z0, tan_lambda]])
    state = state_on_helix(helix, np.array([turn / omega]), FIELD)
    again = helix_from_state(state, np.array([math.copysign(1.0, omega)]), FIELD)[0]
    assert np.allclose(again, helix[0], rtol=1e-8, atol=1e-8 * (1.0 + abs(tan_lambda) / abs(omega)))


def test_the_perigee_is_the_closest_point_and_has_the_basf2_sign():
    """x = d0 sin(phi0), y = -d0 cos(phi0)."""
    rng = stream(11, "helix", "test", 0)
    state = np.concatenate([rng.normal(size=(50, 3)) * 3.0, rng.normal(size=(50, 3))], axis=1)
    charge = np.where(rng.random(50) < 0.5, 1.0, -1.0)
    helix = helix_from_state(state, charge, FIELD)
    perigee = state_on_helix(helix, np.zeros(50), FIELD)
    assert np.allclose(perigee[:, 0], helix[:, 0] * np.sin(helix[:, 1]))
    assert np.allclose(perigee[:, 1], -helix[:, 0] * np.cos(helix[:, 1]))
    for arc in (-0.1, 0.1):
        beside = state_on_helix(helix, np.full(50, arc), FIELD)
        assert np.all(np.hypot(beside[:, 0], beside[:, 1]) >= np.abs(helix[:, 0]))


def test_the_flight_follows_the_lorentz_force():
    """dp/ds = q c B p x z: integrated with Runge-Kutta, nothing shared with the helix code."""
    helix = helix_from_state(np.array([[0.3, -0.2, 1.0, 0.5, 0.4, 0.3]]), np.array([1.0]), FIELD)
    start = state_on_helix(helix, np.array([0.0]), FIELD)[0]

    def derivative(s):
        pt = math.hypot(s[3], s[4])
        k = OMEGA_PER_TESLA_GEV_CM * FIELD
        return np.array([s[3] / pt, s[4] / pt, s[5] / pt, k * s[4] / pt, -k * s[3] / pt, 0.0])

    s, h = start.copy(), 0.01
    for _ in range(3000):
        a = derivative(s)
        b = derivative(s + 0.5 * h * a)
        c = derivative(s + 0.5 * h * b)
        d = derivative(s + h * c)
        s = s + h / 6.0 * (a + 2 * b + 2 * c + d)
    assert np.allclose(state_on_helix(helix, np.array([30.0]), FIELD)[0], s, rtol=1e-8, atol=1e-8)


def test_bad_input():
    with pytest.raises(InputError, match=r"state has shape \(3,\)"):
        helix_from_state(np.zeros(3), np.ones(3), FIELD)
    with pytest.raises(InputError, match="must not be 0"):
        helix_from_state(np.zeros((1, 6)), np.ones(1), FIELD)
    with pytest.raises(InputError, match="omega must not be 0"):
        state_on_helix(np.zeros((1, 5)), np.zeros(1), FIELD)
