"""`toymc display`: the picture of an event, its geometry, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.house.events import truth_batch
from toymc.detector import build_detector, particle_batch, simulate
from toymc.errors import InputError
from toymc.events import FATE_REACHED_ECL, KlmClusters, V0s
from toymc.geometry import load_card
from toymc.io.event_file import EventWriter, FileMetadata
from toymc.plotting.display import event_display, true_ways
from toymc.plotting.outline import barrel_plates, endcap_plates
from toymc.plotting.paths import Volume, crossings, crystals, curve, straight, until
from toymc.plotting.style import style
from toymc.streams import stream

CARD = load_card("belle2_run2")
FIELD = 1.5


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    from toymc.generators.processes import prepare

    path = tmp_path_factory.mktemp("display") / "a.h5"
    truth = prepare("tau_pair", {}).generate(stream(1, "display", "test", 0), 20)
    with EventWriter(path, FileMetadata("tau_pair", seed=1, card="belle2_run2")) as writer:
        writer.append(simulate(truth, build_detector(CARD), stream(1, "display", "test", 1)))
    return path


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_an_event_becomes_a_picture(toymc_says, tmp_path, simulated, suffix, start):
    out = tmp_path / f"a.{suffix}"
    code, text, err = toymc_says("display", str(simulated), "--event", "7", "--out", str(out))
    assert (code, text, err) == (0, f"{out}\n", "")
    picture = out.read_bytes()
    assert picture.startswith(start) and len(picture) > 50_000
    if suffix == "svg":  # no time stamp, no random names
        assert toymc_says("display", str(simulated), "--event", "7", "--out", str(out))[0] == 0
        assert out.read_bytes() == picture


def test_the_default_name_and_another_card(toymc_says, tmp_path, monkeypatch, simulated):
    monkeypatch.chdir(tmp_path)
    code, text, _ = toymc_says("display", str(simulated), "--event", "0", "--detector", "belle")
    assert (code, text) == (0, "a_event0.png\n") and (tmp_path / "a_event0.png").exists()


def test_bad_input_is_one_line(toymc_says, tmp_path, monkeypatch, simulated):
    monkeypatch.chdir(tmp_path)
    with EventWriter(tmp_path / "truth.h5", FileMetadata("house", seed=1)) as writer:
        writer.append(truth_batch())
    before = sorted(tmp_path.iterdir())
    cases = [
        ((str(simulated), "--event", "20"), "there is no event 20 in"),
        ((str(simulated), "--event", "-1"), "'--event': -1"),
        ((str(simulated), "--event", "x"), "'x' is not a whole number"),
        ((str(simulated),), "Missing option '--event'"),
        ((str(simulated), "--event", "1", "--out", "a.jpg"), "ends in .png, .pdf, .svg"),
        ((str(simulated), "--event", "1", "--out", "."), "ends in .png, .pdf, .svg"),
        ((str(simulated), "--event", "1", "--detector", "atlas"), "unknown detector card 'atlas'"),
        (("truth.h5", "--event", "1"), "send them through a detector first"),
        (("nowhere.h5", "--event", "1"), "no such file"),
    ]
    for arguments, message in cases:
        code, out, err = toymc_says("display", *arguments)
        assert (code, out) == (2, ""), arguments
        assert message in err and err.count("\n") == 1 and "internal" not in err, err
    assert sorted(tmp_path.iterdir()) == before


def test_every_piece_of_the_record_is_drawn():
    """One muon with layers hit in the KLM, a K_S candidate, a neutral cluster of the KLM, a fake track."""
    batch = particle_batch([13, 22], [[1.5, 0.4, 0.3], [0.0, -1.0, 0.1]])
    # both particles in one event
    batch = replace(batch, offsets=np.array([0, 2]), weight=np.ones(1), event_id=np.zeros(1, np.int64))
    detector = build_detector(CARD)
    for seed in range(20):
        reco = simulate(batch, detector, stream(seed, "display", "test", 0))
        if len(reco.tracks.d0) == len(reco.clusters.energy) == 1:
            break
    at = np.array([0, 1])
    one, whole = np.ones(1), np.ones(1, np.int32)
    reco = replace(
        reco,
        tracks=replace(reco.tracks, klm_layers=9 * whole, ecl_energy=0.2 * one, truth=-whole),
        klm=KlmClusters(at, 1.2 * one, -1.9 * one, 4 * whole, -whole),
        fate=np.full(len(reco.fate), FATE_REACHED_ECL, np.int32),
    )
    v0s = V0s(
        at, 310 * whole, 0 * whole, 0 * whole, 3 * one, -2 * one, one, np.zeros((1, 6)), one, one, one, one, one, one
    )
    with style():
        event_display(reco, detector, 0, v0s).canvas.draw()
    with pytest.raises(InputError, match="there is no event 1: give 0 to 0"):
        event_display(reco, detector, 1)


def test_hard_cases_are_drawn():
    """One event: along the field, at rest, curling, made far outside, an unknown code, hardly any momentum."""
    momenta = [[0, 0, 1.0], [0, 0, 0.0], [0.05, 0, 0.001], [1.0, 0, 0], [0.3, 0.1, 0.0], [0.001, 0, 0.0]]
    places = [[0, 0, 0], [1, 0, 0], [0, 0, 0], [390.0, 0, 0], [0, 0, 0], [0, 5.0, 0]]
    batch = particle_batch([211, 13, 11, 211, 211, -321], momenta, places)
    one = replace(
        batch, pdg=np.array([211, 13, 11, 211, 9000006, -321], np.int32), offsets=np.array([0, 6]), weight=np.ones(1),
        event_id=np.zeros(1, np.int64),
    )  # fmt: skip
    detector = build_detector(CARD)
    reco = simulate(one, detector, stream(1, "display", "test", 0))
    with style():
        event_display(reco, detector, 0).canvas.draw()
    with pytest.raises(InputError, match="no event 0"):
        event_display(reco.select(np.zeros(1, dtype=bool)), detector, 0)


def test_a_curve_is_the_circle_it_should_be():
    volume = Volume(100.0, -1000.0, 1000.0)
    for q in (1.0, -1.0):
        points = curve(np.array([3.0, 4.0, 5.0]), np.array([0.6, 0.0, 0.3]), q, FIELD, volume, 500.0)
        np.testing.assert_allclose(points[0], [3.0, 4.0, 5.0], atol=1e-9)
        radius = 0.6 / (0.00299792458 * FIELD)
        # a positive particle turns clockwise: the centre lies below
        distance = np.hypot(points[:, 0] - 3.0, points[:, 1] - (4.0 - q * radius))
        np.testing.assert_allclose(distance, radius, rtol=1e-9)
        assert np.all(np.diff(points[:, 2]) > 0.0)
        assert np.hypot(*points[-1, :2]) >= 100.0 > np.hypot(*points[-2, :2])
    # a curling one ends after the longest path, five turns of 16 cm radius are 500 cm
    points = curve(np.zeros(3), np.array([0.0716, 0.0, 0.0]), 1.0, FIELD, volume, 500.0)
    assert math.isclose(0.2 * (len(points) - 1), 500.0, abs_tol=0.5)


def test_lines_and_decays():
    face = crystals(CARD)
    points = straight(np.zeros(3), np.array([0.0, 0.0, -2.0]), face)
    assert points[-1][2] <= face.z_min < points[-2][2]
    cut = until(points, np.array([0.01, 0.0, -50.03]))
    np.testing.assert_allclose(cut[-1], [0.01, 0.0, -50.03])
    assert np.all(np.abs(np.diff(cut[:, 2])) < 0.5)


def test_a_central_track_crosses_every_layer():
    points = curve(np.zeros(3), np.array([2.0, 0.0, 0.1]), 1.0, FIELD, crystals(CARD), 400.0)
    pixel, strip, wire = crossings(points, CARD)
    assert (len(pixel), len(strip), len(wire)) == (2, 4, 56)
    np.testing.assert_allclose(np.hypot(pixel[:, 0], pixel[:, 1]), [1.4, 2.2], atol=1e-3)
    radius = np.hypot(wire[:, 0], wire[:, 1])
    assert np.all(np.diff(radius) > 0.0)
    axial = np.array([layer.radius_cm for layer in CARD.tracking.chamber if layer.type == "A"])
    found = radius[[layer.type == "A" for layer in CARD.tracking.chamber]]
    np.testing.assert_allclose(found, axial, atol=1e-3)
    # Run 1: the second pixel layer stands around 113 degrees alone
    assert [len(at) for at in crossings(points, load_card("belle2"))] == [1, 4, 56]
    # forward tracks meet the slanted sensors
    forward = curve(np.zeros(3), np.array([1.0, 0.0, 2.4]), 1.0, FIELD, crystals(CARD), 400.0)
    _, strip, _ = crossings(forward, CARD)
    radius = np.hypot(strip[:, 0], strip[:, 1])
    assert len(strip) == 4 and np.all(radius[1:] < [8.0, 10.3, 13.4])


def test_plates_of_the_muon_detector_do_not_overlap():
    for card in (CARD, load_card("belle")):
        plates = list(barrel_plates(card))
        assert len(plates) == card.muons.barrel.layers - 1
        assert all(a[1] < b[0] for a, b in zip(plates, plates[1:], strict=False))
        ends = sorted(endcap_plates(card))
        assert all(a[1] < b[0] for a, b in zip(ends, ends[1:], strict=False))


def test_ways_end_where_particles_do():
    batch = particle_batch([211, 22, 12], [[1.0, 0, 0], [0, 1.0, 0.2], [0, 1.0, 0.2]])
    event = replace(
        batch, offsets=np.array([0, 3]), weight=np.ones(1), event_id=np.zeros(1, np.int64),
        status=np.array([2, 1, 1], np.int32), mother=np.array([-1, 0, 0], np.int32), x=np.array([0.0, 5.0, 5.0]),
        y=np.array([0.0, 0.1, 0.1]),
    )  # fmt: skip
    ways = true_ways(event, np.zeros(3, np.int32), CARD)
    assert len(ways) == 2  # no neutrinos
    np.testing.assert_allclose(ways[0].points[-1], [5.0, 0.1, 0.0])
    np.testing.assert_allclose(ways[1].points[0], [5.0, 0.1, 0.0])
    assert np.hypot(*ways[1].points[-1][:2]) >= 125.0
