"""Fake tracks and clones: off by default, their number, plausible helices; uncertainties of the efficiency."""

import math

import numpy as np
import pytest

from tests.detector.probe import binomial_pull
from toymc.detector import build_detector
from toymc.detector.finding import finding_tables, tracking_error
from toymc.detector.finding.spurious import _cloned, _fakes
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.kernels import kernel
from toymc.streams import stream

BELLE2 = load_card("belle2")
OFF = finding_tables(BELLE2).spurious
ON = finding_tables(BELLE2, spurious=True).spurious


@kernel
def _events(rng, n_events, n_tracks, numbers, helix, sigma, hits):
    """Fake tracks of many events, one after the other in the rows."""
    n = 0
    for _ in range(n_events):
        n += _fakes(rng, n_tracks, numbers, helix[n:], sigma[n:], hits[n:])
    return n


@kernel
def _clones(rng, n, pt, numbers):
    made = 0
    for _ in range(n):
        made += _cloned(rng, pt, numbers)
    return made


def made(numbers, n_events=20_000, n_tracks=4, room=8000):
    helix, sigma, hits = np.zeros((room, 5)), np.zeros((room, 5)), np.zeros(room, dtype=np.int32)
    n = _events(stream(51, "fakes", "test", 0), n_events, n_tracks, numbers, helix, sigma, hits)
    return helix[:n], sigma[:n], hits[:n]


def test_nothing_is_made_unless_asked_for():
    rng = stream(52, "off", "test", 0)
    assert len(made(OFF)[2]) == 0
    assert _clones(rng, 1000, 0.1, OFF) == 0


def test_fakes_are_their_share_of_all_tracks():
    """4.1 % of all tracks (arXiv:2411.13596); Poisson, |pull| < 4."""
    n = len(made(ON)[2])
    expected = 80_000 * 0.041 / (1.0 - 0.041)
    assert abs(n - expected) < 4.0 * math.sqrt(expected)


def test_fakes_stop_where_the_rows_end():
    assert len(made(ON, room=5)[2]) == 5
    assert len(made(ON, n_tracks=0)[2]) == 0


def test_fakes_look_like_tracks():
    helix, sigma, hits = made(ON)
    pt = 0.00299792458 * 1.5 / np.abs(helix[:, 2])
    theta = np.degrees(np.arctan2(1.0, helix[:, 4]))
    assert np.all((pt >= ON.pt_min) & (pt < 60.0))
    assert np.all((theta > 17.0) & (theta < 150.0))
    assert np.all((hits >= ON.min_hits) & (hits <= ON.min_hits + 40))
    assert np.all(np.isfinite(helix)) and np.all(sigma > 0.0)
    assert abs(np.mean(helix[:, 2] > 0.0) - 0.5) < 4.0 * 0.5 / math.sqrt(len(hits))
    # flat in curvature: half of them below twice the lowest pT
    assert abs(binomial_pull(np.sum(pt < 2.0 * ON.pt_min), len(pt), 0.5)) < 4.0


def test_clones_of_curling_particles():
    rng = stream(53, "clones", "test", 0)
    assert abs(binomial_pull(_clones(rng, 40_000, 0.1, ON), 40_000, ON.clone_rate)) < 4.0
    assert _clones(rng, 1000, 1.0, ON) == 0


@pytest.mark.parametrize("source, p, flight, error", [
    ("tracking", 1.0, 0.0, 0.0024), ("tracking_older", 1.0, 0.0, 0.0069), ("displaced", 1.0, 20.0, 0.06),
    ("slow_pion", 0.1, 0.0, 0.0277), ("slow_pion", 0.18, 0.0, 0.0325), ("slow_pion", 0.5, 0.0, 0.0),
])  # fmt: skip
def test_uncertainties_are_the_published_ones(source, p, flight, error):
    """0.24 and 0.69 % per track; 0.6 % per cm of flight of a K_S, half for each track; slow pions by momentum."""
    detector = build_detector(BELLE2)
    assert tracking_error(detector, source, [p], [flight]) == pytest.approx([error], abs=2e-4)


def test_bad_input_of_the_uncertainty():
    detector = build_detector(BELLE2)
    known = "tracking, tracking_older, displaced, slow_pion"
    with pytest.raises(InputError, match=f"unknown tracking uncertainty 'pid': card belle2 has {known}"):
        tracking_error(detector, "pid", [1.0])
    for flight in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="finite and not negative"):
            tracking_error(detector, "displaced", [1.0], [flight])


def test_momenta_without_a_number_have_no_uncertainty():
    assert tracking_error(build_detector(BELLE2), "tracking", [math.nan, -1.0, 30.0]).tolist() == [0.0, 0.0, 0.0]
