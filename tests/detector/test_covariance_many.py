"""The covariance of eight particles at a time against its slow twin, and that company does not matter."""

import math

import numpy as np
import pytest

from tests.detector.covariance_twin import twin_covariance
from toymc.constants import M_PI, OMEGA_PER_TESLA_GEV_CM, mass
from toymc.detector.covariance import surfaces as columns
from toymc.detector.covariance import tracker
from toymc.detector.covariance.many import _exact_columns
from toymc.geometry import load_card
from toymc.lanes import WIDTH
from toymc.streams import stream

UPPER = np.triu_indices(5)
SPECIES = [mass(code) for code in (11, 13, 211, 321, 2212)]


def sample(name, n):
    """Columns of `_exact_many`: particles as an event has them, and others."""
    rng = stream(41, name, "test", 0)
    low, high, spread, masses = {
        "prompt": (0.1, 7.0, 0.0, SPECIES),
        "displaced": (0.1, 4.0, 60.0, SPECIES),
        "curling": (0.03, 0.3, 5.0, SPECIES),
        "ending": (0.2, 2.0, 1.0, SPECIES[2:4]),
        "anywhere": (1e-3, 20.0, 200.0, [*SPECIES, 2.5, 0.0]),
    }[name]
    cosine = rng.uniform(-0.9, 0.96, n) if name != "anywhere" else rng.uniform(-1.0, 1.0, n)
    p, phi = np.exp(rng.uniform(math.log(low), math.log(high), n)), rng.uniform(-math.pi, math.pi, n)
    sine = np.sqrt(1.0 - cosine**2)
    way = np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    place = spread * rng.random(n) ** 2 * way
    if name in ("displaced", "anywhere"):
        direction = rng.normal(size=(3, n))
        place = spread * rng.random(n) ** 2 * direction / np.linalg.norm(direction, axis=0)
    place[2] += 0.03 * rng.normal(size=n)
    end = rng.uniform(0.0, 150.0, n) if name == "ending" else np.full(n, math.inf)
    return np.vstack([place, p * way, rng.choice([-1.0, 1.0], n), rng.choice(masses, n), end])


def many(states, surfaces, constants):
    """Factors and hits."""
    n = states.shape[1]
    padded = np.full((9, (n + WIDTH - 1) // WIDTH * WIDTH), math.nan)
    padded[:, :n] = states
    factor, hits = np.full((n, 15), math.nan), np.zeros((n, 3), dtype=np.int64)
    _exact_columns(n, padded, surfaces, constants, factor, hits)
    return factor, hits


def covariance(factor):
    matrix = np.zeros((len(factor), 5, 5))
    matrix[:, UPPER[0], UPPER[1]] = factor
    return matrix @ matrix.transpose(0, 2, 1)


@pytest.mark.parametrize("card", ["belle2", "belle2_run2", "belle"])
@pytest.mark.parametrize("name", ["prompt", "displaced", "curling", "ending", "anywhere"])
def test_every_particle_has_the_covariance_of_the_twin(card, name):
    """Hits are the same; 98 % of the covariances to 1e-9, all to 1e-8 or what rounding leaves of a singular fit."""
    setup = tracker(load_card(card))
    states = sample(name, 1500)
    factor, hits = many(states, *setup)
    theirs, condition, twin_hits = twin_covariance(states, *setup)
    np.testing.assert_array_equal(hits[:, 1:], twin_hits[:, 1:])
    sure = condition < 1e12
    few = 2 * twin_hits[:, :2].sum(axis=1) + twin_hits[:, 2] < 5
    np.testing.assert_array_equal(hits[sure, 0], np.where(few, -1, twin_hits[:, 0])[sure])
    assert np.all(hits[few, 0] == -1)
    good = (hits[:, 0] >= 0) & (condition < 1e12)
    assert good.sum() > 100
    ours, theirs = covariance(factor[good]), theirs[good]
    scale = np.sqrt(theirs[:, range(5), range(5)])
    deviation = (np.abs(ours - theirs) / (scale[:, :, None] * scale[:, None, :])).max(axis=(1, 2))
    assert np.all(deviation < 1e-8 + 1e-13 * condition[good])
    assert np.mean(deviation > 1e-9 + 1e-13 * condition[good]) < 0.02


def test_ideal_tracker():
    """No loss of energy: no row that changes the helix."""
    setup = tracker(load_card("belle2_run2"), ideal=True)
    states = sample("displaced", 800)
    factor, hits = many(states, *setup)
    theirs, condition, twin_hits = twin_covariance(states, *setup)
    good = (hits[:, 0] >= 0) & (condition < 1e8)
    np.testing.assert_array_equal(hits[good], twin_hits[good])
    np.testing.assert_allclose(
        covariance(factor[good])[:, range(5), range(5)], theirs[good][:, range(5), range(5)], rtol=1e-6
    )


def test_company_does_not_matter():
    """Bit for bit the same alone, in any order, and behind other particles."""
    setup = tracker(load_card("belle2"))
    states = np.hstack([sample(name, 700) for name in ("prompt", "displaced", "curling", "ending", "anywhere")])
    factor, hits = many(states, *setup)
    order = stream(42, "order", "test", 0).permutation(states.shape[1])
    shuffled, shuffled_hits = many(states[:, order], *setup)
    good = hits[:, 0] >= 0
    np.testing.assert_array_equal(shuffled_hits, hits[order])
    np.testing.assert_array_equal(shuffled[good[order]], factor[order][good[order]])
    for i in range(0, states.shape[1], 97):
        alone, alone_hits = many(states[:, i : i + 1], *setup)
        np.testing.assert_array_equal(alone_hits[0], hits[i])
        if good[i]:
            np.testing.assert_array_equal(alone[0], factor[i])


def test_hopeless_particles_do_no_harm_to_their_neighbours():
    """No number, no momentum, infinitely far: no fit for these, the same for the seven others."""
    setup = tracker(load_card("belle2"))
    states = sample("prompt", 64)
    factor, hits = many(states, *setup)
    edges = [math.nan, math.inf, -math.inf, 0.0, 1e300, 1e-300, 1e20]
    spoilt = np.repeat(states, 2, axis=1)
    for i in range(64):
        spoilt[[0, 1, 2, 3, 4, 5, 7, 8][i % 8], 2 * i + 1] = edges[i % 7]
        if i % 3 == 0:
            spoilt[3:6, 2 * i + 1] = edges[i % 7]
    ours, ours_hits = many(spoilt, *setup)
    np.testing.assert_array_equal(ours_hits[::2], hits)
    np.testing.assert_array_equal(ours[::2], factor)
    fitted = ours_hits[:, 0] >= 0
    assert np.isfinite(ours[fitted]).all()
    assert (ours[fitted][:, [0, 5, 9, 12, 14]] > 0.0).all()


def test_no_particles():
    factor, hits = many(np.empty((9, 0)), *tracker(load_card("belle2")))
    assert factor.shape == (0, 15) and hits.shape == (0, 3)


def test_a_sixteenth_column_tells_how_much_a_particle_has_slowed_down():
    """A proton of 0.35 GeV has lost a good part of its momentum, a muon of 1 GeV next to nothing."""
    states = np.zeros((9, WIDTH))
    states[3], states[6], states[8] = 1.0, 1.0, math.inf
    states[7] = mass(13)
    states[3, 0], states[7, 0] = 0.35, mass(2212)
    factor, hits = np.zeros((WIDTH, 16)), np.zeros((WIDTH, 3), dtype=np.int64)
    _exact_columns(WIDTH, states, *tracker(load_card("belle2")), factor, hits)
    assert factor[0, 15] > 1.2
    assert np.all((factor[1:, 15] > 1.0) & (factor[1:, 15] < 1.05))


def test_a_particle_that_stops_in_the_first_wall_leaves_nothing_behind():
    """A proton of 3 MeV: its loss is many times its energy."""
    states = np.zeros((9, WIDTH))
    states[3], states[6], states[7], states[8] = 0.003, 1.0, mass(2212), math.inf
    assert np.all(many(states, *tracker(load_card("belle2")))[1] == [-1, 0, 0])


def test_windows_see_the_azimuth_where_the_layer_is_crossed():
    """Run 1 has two ladders of the second pixel layer: soft pions meet them in the azimuth that they have there."""
    card = load_card("belle2")
    surfaces, constants = tracker(card)
    window = surfaces[surfaces[:, columns.PHI_WIDTH] < 7.0][0]
    phi = np.linspace(-math.pi, math.pi, 4001)[:-1]
    pt = 0.08
    states = np.zeros((9, len(phi)))
    states[3], states[4], states[5] = pt * np.cos(phi), pt * np.sin(phi), 0.03
    states[6], states[7], states[8] = 1.0, M_PI, math.inf
    _, hits = many(states, surfaces, constants)
    omega = OMEGA_PER_TESLA_GEV_CM * constants.field / pt
    at = phi - math.asin(0.5 * omega * window[columns.RADIUS])
    inside = (at - window[columns.PHI_MIN]) % (2.0 * math.pi) <= window[columns.PHI_WIDTH]
    # but for the 1 % of momentum that it has lost until there, some 0.4 mrad
    assert np.sum((hits[:, 0] == 2) != inside) <= 2
