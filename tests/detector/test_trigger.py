"""Trigger lines: multiplicity, opening, energy, and that the weight is the mean of the draws."""

import dataclasses
import math

import numpy as np
import pytest

from toymc.detector import particle_batch, simulate
from toymc.streams import stream


def events(pdg, momenta, n):
    """n equal events of the given particles."""
    k = len(pdg)
    batch = particle_batch(np.tile(pdg, n), np.tile(momenta, (n, 1)))
    return dataclasses.replace(
        batch, offsets=np.arange(n + 1) * k, weight=np.ones(n), event_id=np.arange(n), process="events"
    )


def line_fractions(reconstruction, detector):
    return {
        name: np.mean((reconstruction.trigger >> np.uint64(k)) & np.uint64(1))
        for k, name in enumerate(detector.trigger_lines)
    }


def test_nothing_triggers_on_nothing(belle2):
    rng = stream(71, "nothing", "test", 0)
    empty = simulate(events([12], [[1.0, 0.0, 0.0]], 200), belle2, rng)
    assert np.all(empty.trigger == 0)
    assert np.all(empty.trigger_weight == 0.0)


def test_two_muons_fire_the_two_track_line_only_if_they_open(belle2):
    rng = stream(72, "two", "test", 0)
    back = simulate(events([13, -13], [[0.6, 0.0, 0.1], [-0.6, 0.1, 0.1]], 5000), belle2, rng)
    both = back.tracks.counts == 2
    fractions = line_fractions(back.select(both), belle2)
    assert fractions["fyo"] == pytest.approx(0.91, abs=4 * math.sqrt(0.09 * 0.91 / both.sum()))
    assert fractions["stt"] == 0.0  # p below 0.7 GeV
    assert fractions["hie"] == 0.0
    assert np.all(back.select(both).trigger_weight == 0.91)
    near = simulate(events([13, -13], [[0.6, 0.0, 0.1], [0.6, 0.3, 0.1]], 1000), belle2, rng)
    assert np.all(near.trigger_weight == 0.0)


def test_an_electron_fires_the_energy_line(belle2):
    rng = stream(73, "electron", "test", 0)
    one = simulate(events([11], [[1.5, 0.0, 0.1]], 3000), belle2, rng)
    seen = one.select(one.tracks.counts == 1)
    assert line_fractions(seen, belle2)["hie"] > 0.98
    muon = simulate(events([13], [[1.5, 0.0, 0.1]], 3000), belle2, rng)
    assert line_fractions(muon, belle2)["hie"] == 0.0


def test_the_weight_is_the_probability_that_a_bit_is_set(any_detector):
    rng = stream(74, any_detector.card.name, "test", 0)
    pdg = [211, -211, 11, 22, 22]
    momenta = [[0.8, 0.1, 0.3], [-0.5, 0.6, 0.2], [-0.4, -0.9, 0.1], [0.3, 0.3, 0.1], [-0.2, 0.6, 0.4]]
    result = simulate(events(pdg, momenta, 20_000), any_detector, rng)
    fired = (result.trigger != 0).mean()
    expected = result.trigger_weight.mean()
    assert fired == pytest.approx(expected, abs=4.0 * math.sqrt(expected * (1 - expected) / 20_000) + 1e-12)
    assert np.all((result.trigger_weight >= 0.0) & (result.trigger_weight <= 1.0))


def test_clusters_count(belle2):
    """Four photons of 0.2 GeV meet c4, three do not; lml0 wants one above 0.3 GeV."""
    rng = stream(75, "clusters", "test", 0)
    spread = [[0.2, 0, 0.01], [-0.2, 0, 0.01], [0, 0.2, 0.01], [0, -0.2, 0.01]]
    four = simulate(events([22] * 4, spread, 2000), belle2, rng)
    all_seen = four.select(four.clusters.counts == 4)
    assert line_fractions(all_seen, belle2)["c4"] == pytest.approx(0.98, abs=0.02)
    assert line_fractions(all_seen, belle2)["lml0"] == 0.0
    three = simulate(events([22] * 3, spread[:3], 500), belle2, rng)
    assert line_fractions(three, belle2)["c4"] == 0.0
