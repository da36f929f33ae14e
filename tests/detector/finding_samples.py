"""The samples behind the published averages of displaced tracks and kinks, drawn straightforwardly.

Who counts is decided by the layers crossed (`count_layers`), what is found by the hits of the covariance engine, which
leaves out layers that are crossed very obliquely, and finds nothing where no helix can be fitted.
"""

import math

import numpy as np

from tests.detector.probe import directions
from toymc.constants import M_K, M_MU, M_PI, OMEGA_PER_TESLA_GEV_CM, ctau_cm
from toymc.detector.covariance.exact import exact_covariance, tracker
from toymc.detector.finding import count_layers, finding_tables
from toymc.detector.finding.public import _probability_rows

ACCEPTANCE = (17.0, 150.0)
COSINES = tuple(math.cos(math.radians(angle)) for angle in reversed(ACCEPTANCE))


def charges(rng, n):
    return np.where(rng.random(n) < 0.5, 1.0, -1.0)


def boosted(rest, energy, axis, p, mass):
    """Momenta `rest` (n, 3) in the frame of a particle of momentum p along `axis`, seen in the lab."""
    gamma, gamma_beta = np.hypot(p, mass) / mass, p / mass
    along = np.sum(rest * axis, axis=1)
    return rest + (gamma * along + gamma_beta * energy - along)[:, None] * axis


def two_muon_decays(rng, n, mass=1.0):
    """Neutral particles of 0.5 to 5 GeV that decay into two muons, uniform along the flight inside the chamber."""
    axis = directions(rng, n, *COSINES)
    p = rng.uniform(0.5, 5.0, n)
    sine, cosine = np.hypot(axis[:, 0], axis[:, 1]), axis[:, 2]
    ends = np.where(cosine > 0.0, 158.0, -72.4)  # gas volume of the outermost layers
    length = np.minimum(113.0 / sine, ends / np.where(np.abs(cosine) > 1e-9, cosine, 1e-9))
    vertex = axis * (rng.random(n) * length)[:, None]
    rest = directions(rng, n) * math.sqrt(0.25 * mass * mass - M_MU * M_MU)
    plus, minus = (boosted(sign * rest, 0.5 * mass, axis, p, mass) for sign in (1.0, -1.0))
    state = np.concatenate([np.hstack([vertex, plus]), np.hstack([vertex, minus])])
    return state, np.repeat([1.0, -1.0], n)


def displaced_muons(rng, n):
    """Muons of 0.05 to 6 GeV, production radius uniform to 100 cm, any direction of flight."""
    place = directions(rng, n, *COSINES)
    vertex = place * (rng.uniform(0.0, 100.0, n) / np.hypot(place[:, 0], place[:, 1]))[:, None]
    momentum = directions(rng, n, *COSINES) * rng.uniform(0.05, 6.0, n)[:, None]
    return np.hstack([vertex, momentum]), charges(rng, n)


def engine_hits(card, state, charge, mass, end_arc=math.inf):
    """Strip and wire layers of the covariance engine; 0 where it finds no fit."""
    hits = exact_covariance(tracker(card), state, charge, mass, end_arc=end_arc)[1]
    return np.where(hits[:, :1] >= 0, hits[:, 1:], 0)


def average(card, finding, sample, strips):
    """Mean probability of those in the acceptance that cross seven wire layers; without the strips if asked."""
    state, charge = sample
    tables = finding_tables(card, finding)
    crossed, d0, z0 = count_layers(card, state, charge)
    hits = engine_hits(card, state, charge, M_MU)
    pt = np.hypot(state[:, 3], state[:, 4])
    theta = np.degrees(np.arctan2(pt, state[:, 5]))
    counted = (theta > ACCEPTANCE[0]) & (theta < ACCEPTANCE[1]) & (pt > 0.05) & (crossed[:, 1] >= 7)
    if not strips:
        hits[:, 0] = 0
    out = np.empty(len(charge))
    _probability_rows(state, d0, z0, hits, tables.numbers, tables.efficiency, out)
    return out[counted].mean()


def kinks(card, finding, rng, n, mass):
    """Decays into a muon on the way through the chamber: arguments of `_after_kink` and weights.

    Kaons or pions of 0.2 to 2.5 GeV from the beam; counted where the mother has three strip layers, the kink is between
    the first wires and 100 cm and the muon crosses seven wire layers.
    """
    axis = directions(rng, n, *COSINES)
    p, charge = rng.uniform(0.2, 2.5, n), charges(rng, n)
    sine = np.hypot(axis[:, 0], axis[:, 1])
    arc = rng.uniform(0.0, 130.0, n)
    mean_arc = p / mass * ctau_cm(321 if mass == M_K else 211) * sine
    turn = arc * charge * OMEGA_PER_TESLA_GEV_CM * 1.5 / (p * sine)
    chord = np.sinc(0.5 * turn / math.pi) * arc
    phi = np.arctan2(axis[:, 1], axis[:, 0])
    at = np.stack([chord * np.cos(phi - 0.5 * turn), chord * np.sin(phi - 0.5 * turn), arc * axis[:, 2] / sine], axis=1)
    mother = p[:, None] * np.stack([sine * np.cos(phi - turn), sine * np.sin(phi - turn), axis[:, 2]], axis=1)
    star = (mass**2 - M_MU**2) / (2.0 * mass)
    daughter = boosted(directions(rng, n) * star, math.hypot(star, M_MU), mother / p[:, None], p, mass)
    start = np.hstack([np.zeros((n, 3)), axis * p[:, None]])
    before = engine_hits(card, start, charge, mass, arc)
    after = engine_hits(card, np.hstack([at, daughter]), charge, M_MU)
    crossed, d0, z0 = count_layers(card, np.hstack([at, daughter]), charge)
    tables = finding_tables(card, finding)
    chances = np.empty((3, n))
    for row, (state, d, z, hits) in enumerate(
        ((start, 0.0 * d0, 0.0 * z0, before), (np.hstack([at, daughter]), d0, z0, after),
         (start, 0.0 * d0, 0.0 * z0, before + after))
    ):  # fmt: skip
        _probability_rows(np.ascontiguousarray(state), d, z, hits, tables.numbers, tables.efficiency, chances[row])
    radius = np.hypot(at[:, 0], at[:, 1])
    counted = (radius > 16.8) & (radius < 100.0) & (np.abs(at[:, 2]) < 150.0)
    counted &= (before[:, 0] >= 3) & (crossed[:, 1] >= 7)
    weight = np.exp(-arc / mean_arc) / mean_arc * counted
    return mother, daughter, charge, before, after, chances, weight


KINK_MASSES = (M_K, M_PI)
