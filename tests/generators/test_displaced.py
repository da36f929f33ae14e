"""Long-lived sampling: closed forms of flights, forced decays and reweighted lifetimes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from tests.generators.b_probe import generate, place
from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.generators.displaced import (
    Cylinder,
    force_decays,
    force_in_volume,
    force_in_window,
    mean_flight,
    proper_lengths,
    window_probability,
)
from toymc.generators.lifetime import (
    effective_events,
    efficiency_over_lifetime,
    expected_effective_share,
    lifetime_weights,
    reweight_lifetime,
)
from toymc.streams import stream

N = 200_000


def rng(name):
    return stream(1, name, "test", 0)


def directions(n, name="directions"):
    v = rng(name).normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1)[:, None]


def test_forced_window_has_the_truncated_law_and_the_right_weight():
    low, high, mean = 2.0, 30.0, 7.0
    distance, weight = force_in_window(rng("window"), np.full(N, mean), low, high)
    total = np.exp(-low / mean) - np.exp(-high / mean)
    np.testing.assert_allclose(weight, total, rtol=1e-12)
    law = stats.truncexpon(b=(high - low) / mean, loc=low, scale=mean)
    assert stats.kstest(distance, law.cdf).pvalue > 1e-4


@pytest.mark.parametrize(("mean", "low", "high"), [(1e9, 1.0, 1.001), (1e-3, 1.0, 2.0), (5.0, 0.0, np.inf)])
def test_windows_far_from_the_mean(mean, low, high):
    distance, weight = force_in_window(rng("far"), np.full(1000, mean), low, high)
    assert np.all((distance >= low) & (distance <= high))
    exact = np.exp(-low / mean) * (1.0 if np.isinf(high) else -np.expm1(-(high - low) / mean))
    np.testing.assert_allclose(weight, exact, rtol=1e-12)


def test_forced_volume_integrates_to_the_natural_probability():
    """Sum of weights = share of natural decays inside; distribution of the forced radius = that of the natural one."""
    shell = Cylinder(r_max=60.0, z_min=-80.0, z_max=120.0, r_min=5.0)
    momentum = directions(N) * rng("p").uniform(0.2, 4.0, N)[:, None]
    origin = rng("o").normal(scale=[1.0, 1.0, 20.0], size=(N, 3))
    p = np.linalg.norm(momentum, axis=1)
    distance, weight = force_in_volume(rng("force"), origin, momentum, 0.5, 12.0, shell)
    natural = mean_flight(p, 0.5, 12.0) * rng("natural").standard_exponential(N)

    def at(s):
        x = origin + momentum / p[:, None] * s[:, None]
        return np.hypot(x[:, 0], x[:, 1]), x[:, 2]

    r, z = at(natural)
    inside = (r > 5.0) & (r < 60.0) & (z > -80.0) & (z < 120.0)
    error = np.sqrt(inside.mean() * (1 - inside.mean()) / N + weight.var() / N)
    assert weight.mean() == pytest.approx(inside.mean(), abs=4.0 * error)
    reach = weight > 0.0
    rf, zf = at(distance)
    tiny = 1e-9
    assert np.all((rf > 5.0 - tiny) & (rf < 60.0 + tiny) & (zf > -80.0 - tiny) & (zf < 120.0 + tiny) | ~reach)
    edges = np.linspace(5.0, 60.0, 23)
    forced, square = (np.histogram(rf[reach], edges, weights=weight[reach] ** k)[0] for k in (1, 2))
    seen = np.histogram(r[inside], edges)[0]
    chi2 = np.sum((forced - seen) ** 2 / (square + seen))
    assert stats.chi2.sf(chi2, len(seen)) > 1e-4


def test_flight_through_a_shell_has_two_stretches():
    shell = Cylinder(10.0, -5.0, 5.0, r_min=4.0)
    origin, along = np.array([[-20.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(shell.windows(origin, along), [[[10.0, 16.0], [24.0, 30.0]]])
    # starting inside the hole, along the axis, missing it
    np.testing.assert_allclose(shell.windows(np.zeros((1, 3)), along)[0, 1], [4.0, 10.0])
    assert not shell.windows(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]])).any()
    np.testing.assert_allclose(
        Cylinder(10.0, -5.0, 5.0).windows(np.array([[1.0, 2.0, -9.0]]), np.array([[0.0, 0.0, 1.0]]))[0, 0], [4.0, 14.0]
    )
    assert not Cylinder(10.0, -5.0, 5.0).windows(np.array([[0.0, 0.0, 9.0]]), np.array([[0.0, 0.0, 1.0]])).any()


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.floats(-400.0, 400.0)] * 3),
    st.tuples(*[st.floats(-20.0, 20.0)] * 3),
    st.floats(0.0, 1e6),
    st.floats(0.0, 50.0),
)
def test_any_flight_is_robust(origin, momentum, ctau, r_min):
    volume = Cylinder(60.0, -80.0, 120.0, r_min=r_min)
    o, p = np.array([origin]), np.array([momentum])
    distance, weight = force_in_volume(rng("any"), o, p, 0.5, ctau, volume)
    assert np.isfinite(distance).all() and np.isfinite(weight).all()
    assert 0.0 <= weight[0] <= 1.0 + 1e-12 and distance[0] >= 0.0
    if weight[0] > 0.0 and np.linalg.norm(p) > 1e-3:
        x = o + p / np.linalg.norm(p) * distance[0]
        slack = 1e-6 * (1.0 + distance[0])
        assert r_min - slack < np.hypot(x[0, 0], x[0, 1]) < 60.0 + slack
        assert -80.0 - slack < x[0, 2] < 120.0 + slack


def test_a_particle_without_lifetime_or_momentum_decays_at_once():
    inside, outside = np.zeros((1, 3)), np.array([[100.0, 0.0, 0.0]])
    for momentum, ctau in ((np.zeros((1, 3)), 5.0), (np.array([[1.0, 0.0, 0.0]]), 0.0)):
        for origin, expected in ((inside, 1.0), (outside, 0.0)):
            distance, weight = force_in_volume(rng("none"), origin, momentum, 1.0, ctau, Cylinder(10.0, -5.0, 5.0))
            assert (distance[0], weight[0]) == (0.0, expected)


def test_forced_decays_of_events():
    volume = Cylinder(60.0, -40.0, 80.0, r_min=0.2)
    _, batch = generate("b_k_scalar", {"channel": "kstarplus_pipi", "other": "none", "ctau": 1.0}, 20_000)
    forced = force_decays(batch, 54, 100.0, rng("events"), volume)
    forced.validate()
    assert np.array_equal(forced.px, batch.px)
    rows = np.flatnonzero(batch.pdg == 54)
    first = np.array([np.flatnonzero(batch.mother[a:b] == s - a)[0] + a for s, a, b in
                      zip(rows[:500], batch.offsets[:500], batch.offsets[1:501], strict=True)])  # fmt: skip
    x = place(forced, first)
    r = np.hypot(x[:, 0], x[:, 1])
    weight = (forced.weight / batch.weight)[:500]
    inside = (r > 0.2 - 1e-9) & (r < 60.0 + 1e-9) & (x[:, 2] > -40.0 - 1e-9) & (x[:, 2] < 80.0 + 1e-9)
    assert np.all(inside | (weight == 0.0))
    # natural sample with that lifetime
    _, natural = generate("b_k_scalar", {"channel": "kstarplus_pipi", "other": "none", "ctau": 100.0}, 20_000, seed=2)
    rows, _ = proper_lengths(natural, 54)
    starts = natural.offsets[natural.event_index[rows]]
    daughter = np.array([np.flatnonzero(natural.mother[a:b] == s - a)[0] + a for s, a, b in
                         zip(rows, starts, natural.offsets[1:], strict=True)])  # fmt: skip
    y = place(natural, daughter)
    r = np.hypot(y[:, 0], y[:, 1])
    inside = (r > 0.2) & (r < 60.0) & (y[:, 2] > -40.0) & (y[:, 2] < 80.0)
    share = forced.weight / batch.weight
    error = np.sqrt(inside.var() / len(inside) + share.var() / len(share))
    assert share.mean() == pytest.approx(inside.mean(), abs=4.0 * error)
    # the flight is that of the particle: at its speed, along its momentum; K_S of the other branch has not moved
    moved = (forced.x != batch.x) | (forced.z != batch.z)
    assert not np.any(moved & (np.abs(batch.pdg) == 310))
    _, lengths = proper_lengths(forced, 54)
    assert lengths.min() >= 0.0
    again = force_decays(batch, 54, 3.0, rng("anywhere"))
    _, lengths = proper_lengths(again, 54)
    assert stats.kstest(lengths / 3.0, "expon").pvalue > 1e-4
    np.testing.assert_array_equal(again.weight, batch.weight)


def test_proper_length_is_flight_times_mass_over_momentum():
    _, batch = generate("b_k_scalar", {"other": "none", "ctau": 4.0}, 2000)
    rows, lengths = proper_lengths(batch, 54)
    first = np.array([np.flatnonzero(batch.mother[a:b] == s - a)[0] + a for s, a, b in
                      zip(rows, batch.offsets[:-1], batch.offsets[1:], strict=True)])  # fmt: skip
    flight = np.linalg.norm(place(batch, first) - place(batch, rows), axis=1)
    p = np.sqrt(batch.px**2 + batch.py**2 + batch.pz**2)[rows]
    np.testing.assert_allclose(lengths, flight * batch.mass[rows] / p, rtol=1e-6, atol=1e-9)
    time = (batch.t[first] - batch.t[rows]) * SPEED_OF_LIGHT_CM_PER_NS
    np.testing.assert_allclose(flight / time, p / batch.energy[rows], rtol=1e-6)


@pytest.mark.parametrize("ctau", [0.3, 0.8, 1.0, 1.4])
def test_reweighted_moments_and_effective_size(ctau):
    sample = rng("reweight").exponential(1.0, N)
    weights, effective = reweight_lifetime(sample, 1.0, ctau)
    share = expected_effective_share(1.0, ctau)
    assert share == pytest.approx(1.0 - (1.0 - ctau) ** 2)
    assert effective / N == pytest.approx(share, rel=0.05)
    assert weights.mean() == pytest.approx(1.0, abs=4.0 * np.sqrt((1.0 / share - 1.0) / N) + 1e-12)
    spread = np.sqrt(np.mean(weights**2 * sample**2) / N)
    assert np.mean(weights * sample) == pytest.approx(ctau, abs=5.0 * spread)
    # the law itself
    edges = ctau * np.linspace(0.0, 4.0, 21)
    found, square = (np.histogram(sample, edges, weights=weights**k)[0] for k in (1, 2))
    expected = N * -np.diff(np.exp(-edges / ctau))
    assert stats.chi2.sf(np.sum((found - expected) ** 2 / square), len(found)) > 1e-4


@pytest.mark.parametrize(("ctau", "longest"), [(0.5, 2.0), (2.0, 1.5), (30.0, 1.0), (30.0, 4.0)])
def test_effective_share_inside_a_limit(ctau, longest):
    """Closed form against numerical integration and against a sample."""
    norm = -np.expm1(-longest)
    first, second = (
        integrate.quad(lambda x, k=k: float(lifetime_weights(x, 1.0, ctau)) ** k * np.exp(-x) / norm, 0.0, longest)[0]
        for k in (1, 2)
    )
    exact = first**2 / second
    assert expected_effective_share(1.0, ctau, longest) == pytest.approx(exact, rel=1e-6)
    sample = rng("limit").exponential(1.0, N)
    _, effective = reweight_lifetime(sample, 1.0, ctau, longest=longest)
    assert effective / np.sum(sample <= longest) == pytest.approx(exact, rel=0.05)


def test_effective_events():
    assert effective_events([]) == 0.0
    assert effective_events(np.zeros(4)) == 0.0
    assert effective_events(np.full(10, 1e-200)) == pytest.approx(10.0)
    assert effective_events([1.0, 0.0, 0.0]) == 1.0


def test_efficiency_over_lifetime():
    """Decays between 0.2 and 3: exp(-0.2/c) - exp(-3/c) at every lifetime that the sample can serve."""
    sample = rng("scan").exponential(1.0, N)
    selected = (sample > 0.2) & (sample < 3.0)
    ctau = np.array([1e-4, 0.05, 0.2, 1.0, 5.0, 100.0])
    scan = efficiency_over_lifetime(sample, selected, 1.0, ctau, longest=3.0)
    served = ~np.isnan(scan.efficiency)
    assert served.tolist() == [False, True, True, True, True, True]
    exact = np.exp(-0.2 / ctau) - np.exp(-3.0 / ctau)
    pulls = (scan.efficiency - exact)[served] / scan.error[served]
    assert np.abs(pulls).max() < 4.0
    assert np.all(scan.effective[served] >= 100.0) and scan.effective[0] < 100.0
    # without the limit, lifetimes from twice that of the sample on are not served
    open_scan = efficiency_over_lifetime(sample, selected, 1.0, ctau)
    assert np.isnan(open_scan.efficiency[4:]).all() and np.isnan(open_scan.effective[4:]).all()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda s: reweight_lifetime(s, 1.0, 2.0), "allowed is less than 2 cm"),
        (lambda s: reweight_lifetime(s, 1.0, -1.0), "ctau = -1 cm"),
        (lambda s: reweight_lifetime(s, 0.0, 1.0), "ctau of the sample = 0 cm"),
        (lambda s: reweight_lifetime(s, 1.0, 1e-4), "effective events of 1000: at least 100"),
        (lambda s: reweight_lifetime(s, 1.0, 0.5, minimum=900.0), "at least 900"),
        (lambda s: reweight_lifetime(s, 1.0, 5.0, s < 2.0, longest=1.0), "beyond longest = 1 cm"),
        (lambda s: reweight_lifetime(s, 1.0, 0.5, [True]), "give one boolean for each"),
        (lambda s: reweight_lifetime(-s, 1.0, 0.5), "below 0 or not finite"),
        (lambda s: lifetime_weights([np.inf], 1.0, 0.5), "not finite"),
        (lambda s: lifetime_weights([np.nan], 1.0, 0.5), "not finite"),
        (lambda s: efficiency_over_lifetime(s, s > 0, 1.0, [1e-6]), "none of the lifetimes"),
        (lambda s: expected_effective_share(1.0, 0.5, 0.0), "longest proper length 0"),
        (lambda s: mean_flight(1.0, 0.0, 1.0), "mass of 0 or less"),
        (lambda s: mean_flight(-1.0, 1.0, 1.0), "momentum below 0"),
        (lambda s: mean_flight(1.0, 1.0, np.inf), "ctau = inf"),
        (lambda s: window_probability(1.0, 2.0, 1.0), "0 <= low <= high"),
        (lambda s: window_probability(1.0, -2.0, 1.0), "0 <= low <= high"),
        (lambda s: Cylinder(5.0, 1.0, 1.0), "z_min < z_max"),
        (lambda s: Cylinder(5.0, 0.0, 1.0, r_min=6.0), "r_min < r_max"),
        (lambda s: Cylinder(np.nan, 0.0, 1.0), "cylinder with radius"),
    ],
)
def test_bad_input(act, message):
    with pytest.raises(InputError, match=message):
        act(rng("bad").exponential(1.0, 1000))


def test_forcing_what_is_not_there():
    _, batch = generate("b_k_scalar", {"other": "none"}, 10)
    with pytest.raises(InputError, match="no decayed particle 9900012"):
        force_decays(batch, 9900012, 1.0, rng("x"))
    with pytest.raises(InputError, match="ctau = -1"):
        force_decays(batch, 54, -1.0, rng("x"))
