"""LHE files: columns, decay vertices, frames, and every kind of damage in one clear line."""

import math

import numpy as np
import pytest

from tests.io.foreign_files import CENTRE_OF_MASS, END, HEAD, M_TAU, SQRT_S, row, tau_event, write_lhe
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_DOCUMENTATION, STATUS_FINAL, EventBatch
from toymc.geometry.beam import load_beam
from toymc.io.foreign import ForeignBatch, LeftOver, laboratory_frame, total_momentum
from toymc.io.lhe import open_lhe
from toymc.streams import stream

BEAM = load_beam("belle2")
PHI = (0.1, 1.3, -2.0, 3.0, 0.7)


@pytest.fixture(params=["a.lhe", "a.lhe.gz"])
def lhe(tmp_path, request):
    return write_lhe(tmp_path / request.param, [tau_event(phi) for phi in PHI])


def read(path, size=2):
    batches = list(open_lhe(path, size).batches)
    return ForeignBatch(
        EventBatch.concatenate([b.events for b in batches]), np.concatenate([b.incoming for b in batches])
    )


def test_columns_in_chunks(lhe):
    file = open_lhe(lhe, 2)
    assert (file.kind, file.generator) == ("lhe", "MadGraph5_aMC@NLO 3.5.1")
    assert (file.cross_section_fb, file.cross_section_error_fb) == pytest.approx((12e3, 10.0))
    batches = [b.events for b in file.batches]
    assert [b.n_events for b in batches] == [2, 2, 1]
    assert np.concatenate([b.event_id for b in batches]).tolist() == [0, 1, 2, 3, 4]
    got = batches[0]
    assert got.pdg[:5].tolist() == [-11, 11, 15, -15, 13]
    final, gone, note = STATUS_FINAL, STATUS_DECAYED, STATUS_DOCUMENTATION
    assert got.status[:5].tolist() == [note, note, gone, final, final]
    assert got.mother[:5].tolist() == [-1, -1, 0, 0, 2]
    assert got.weight.tolist() == [2.0, 2.0]
    assert got.helicity[:5].tolist() == [0.0, 0.0, 0.0, -1.0, 0.0]
    np.testing.assert_allclose(got.mass[:5], [0, 0, M_TAU, M_TAU, M_TAU], atol=1e-9)
    p = math.sqrt(SQRT_S**2 / 4 - M_TAU**2)
    np.testing.assert_allclose(got.px[2], p * math.cos(PHI[0]), rtol=1e-9)


def test_a_lifetime_moves_the_daughters_and_theirs(tmp_path):
    """c*tau in the rest frame: the decay lies p/m c*tau away, after E/m tau; a granddaughter adds both flights."""
    p = (0.3, 0.0, 1.2)
    events = [
        "<event>\n 5 1 1.0 1 1 1\n"
        + "\n".join([
            row(-11, -1, (0, 0), (0, 0, SQRT_S / 2), 0.0), row(11, -1, (0, 0), (0, 0, -SQRT_S / 2), 0.0),
            row(9000006, 2, (1, 2), p, 2.0, 50.0), row(310, 2, (3, 3), (0.1, 0.2, 0.3), 0.497611, 26.8),
            row(211, 1, (4, 4), (0.1, 0.0, 0.0), 0.13957),
        ])
        + "\n</event>\n"
    ]  # fmt: skip
    got = read(write_lhe(tmp_path / "a.lhe", events)).events
    energy = math.sqrt(0.3**2 + 1.2**2 + 2.0**2)
    first = 5.0 * np.array([0.3, 0.0, 1.2, energy]) / 2.0
    second = 2.68 * np.array([0.1, 0.2, 0.3, math.sqrt(0.14 + 0.497611**2)]) / 0.497611
    at = np.stack([got.x, got.y, got.z, got.t * 29.9792458], axis=1)
    np.testing.assert_allclose(at[:3], 0.0)
    np.testing.assert_allclose(at[3], first, rtol=1e-9)
    np.testing.assert_allclose(at[4], first + second, rtol=1e-9)


def test_centre_of_mass_goes_to_the_laboratory_with_the_electrons_forward(lhe):
    batch = read(lhe)
    frame = laboratory_frame(batch, "auto", BEAM, "a.lhe")
    assert (frame.frame, frame.turned) == ("cms", True)
    moved = frame.move(batch.events, stream(1, "lhe", "test", 0))
    total = total_momentum(ForeignBatch(moved, batch.incoming))
    # 5 events, beam energies spread by 5 MeV: the mean is right to 10 MeV with a probability above 0.999
    np.testing.assert_allclose(total.mean(axis=0), BEAM.four_momentum, atol=0.01)
    electrons = moved.pz[(moved.pdg == 11) & batch.incoming]
    assert np.all(electrons > 6.9)
    # invariants and proper times are untouched
    before, after = batch.events, moved
    taus = before.pdg == 15
    muons = before.pdg == 13
    mass2 = after.energy**2 - after.px**2 - after.py**2 - after.pz**2
    np.testing.assert_allclose(mass2, before.mass**2, atol=1e-6)
    start = np.stack([after.x, after.y, after.z, after.t * 29.9792458])
    flight = start[:, muons] - start[:, taus]
    np.testing.assert_allclose(np.sqrt(flight[3] ** 2 - np.sum(flight[:3] ** 2, axis=0)), 0.3, rtol=1e-6)
    direction = np.stack([after.px, after.py, after.pz])[:, taus]
    np.testing.assert_allclose(flight[:3], direction * 0.3 / M_TAU, rtol=1e-5)
    # the collisions are spread over the luminous region: 250 um in z, 5 draws
    assert 1e-3 < np.ptp(after.z[taus]) < 0.25


def test_a_laboratory_file_stays_as_it_is(lhe):
    batch = read(lhe)
    moved = laboratory_frame(batch, "cms", BEAM, "a.lhe").move(batch.events, stream(1, "lhe", "test", 0))
    again = ForeignBatch(moved, batch.incoming)
    for asked in ("auto", "lab"):
        frame = laboratory_frame(again, asked, BEAM, "a.lhe")
        assert frame.frame == "lab" and frame.move(moved, stream(1, "lhe", "test", 0)) is moved


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_asymmetric_beams_without_crossing_angle(tmp_path, sign):
    # positrons along +z in these events: the boost that belongs to them points to -z
    speed = math.hypot(BEAM.boost[0], BEAM.boost[2])
    events = [tau_event(phi, boost=-speed * sign) for phi in PHI]
    batch = read(write_lhe(tmp_path / "a.lhe", events))
    frame = laboratory_frame(batch, "auto", BEAM, "a.lhe")
    assert frame.frame == "head-on"
    moved = frame.move(batch.events, stream(1, "lhe", "test", 0))
    total = total_momentum(ForeignBatch(moved, batch.incoming))
    np.testing.assert_allclose(total.mean(axis=0), BEAM.four_momentum, atol=0.012)


def test_a_frame_that_the_events_contradict_is_refused(lhe, tmp_path):
    batch = read(lhe)
    with pytest.raises(InputError, match="not in the laboratory frame.*use --frame cms"):
        laboratory_frame(batch, "lab", BEAM, "a.lhe")
    moved = laboratory_frame(batch, "cms", BEAM, "a.lhe").move(batch.events, stream(1, "lhe", "test", 0))
    with pytest.raises(InputError, match="not in the centre-of-mass frame.*use --frame lab"):
        laboratory_frame(ForeignBatch(moved, batch.incoming), "cms", BEAM, "a.lhe")
    odd = read(write_lhe(tmp_path / "odd.lhe", [tau_event(phi, boost=0.6) for phi in PHI]))
    with pytest.raises(InputError, match="cannot tell the frame"):
        laboratory_frame(odd, "auto", BEAM, "odd.lhe")
    assert laboratory_frame(odd, "lab", BEAM, "odd.lhe").frame == "lab"
    with pytest.raises(InputError, match="unknown frame 'rest'"):
        laboratory_frame(odd, "rest", BEAM, "odd.lhe")


def test_another_collider_is_refused(tmp_path):
    event = tau_event(0.0).replace(f"{SQRT_S / 2:.10e}", "6.5000000000e+03")
    with pytest.raises(InputError, match=r"13000.00 GeV, belle2 collides at 10.58 GeV"):
        laboratory_frame(read(write_lhe(tmp_path / "a.lhe", [event])), "auto", BEAM, "a.lhe")


def test_what_is_left_over_is_counted(lhe):
    batch = read(lhe).events
    left = LeftOver()
    left.add(batch)
    left.add(batch)
    assert left.undecayed == {15: 10} and not left.unseen


def test_new_particles_are_unseen_and_wrong_codes_are_refused(tmp_path):
    new = [tau_event(phi).replace("\n 13 1", "\n 9000006 1") for phi in PHI]
    left = LeftOver()
    left.add(read(write_lhe(tmp_path / "a.lhe", new)).events)
    assert left.unseen == {9000006: 5}
    wrong = [tau_event(0.0), tau_event(0.0).replace("\n 13 1", "\n 1023 1")]
    with pytest.raises(InputError, match="unknown PDG code 1023 in event 1: give new particles a code"):
        read(write_lhe(tmp_path / "b.lhe", wrong))


GOOD = HEAD.format(beams=CENTRE_OF_MASS) + tau_event(0.1) + tau_event(0.2) + END
DAMAGED = {
    "empty": ("", "cut short"),
    "cut": (GOOD[: len(GOOD) // 2], "cut short"),
    "no end": (GOOD.removesuffix(END), "cut short"),
    "no events": (HEAD.format(beams=CENTRE_OF_MASS) + END, "holds no events"),
    "no init": (GOOD.replace("<init>", "<ini>").replace("</init>", "</ini>"), "not an LHE file, or damaged"),
    "other root": ("<html>hello</html>", "not an LHE file, or damaged"),
    "no XML": ("P 1 0 11\n", "not an LHE file, or damaged"),
    "a word": (GOOD.replace("1.7770000000e+00 3.0", "heavy 3.0", 1), "heavy"),
    "nan momentum": (GOOD.replace("1.7770000000e+00 3.0", "nan 3.0", 1), "event 0 has a number that is not finite"),
    "nan lifetime": (GOOD.replace("3.000000e+00 9.0", "nan 9.0", 1), "lifetime is not finite"),
    "nan weight": (GOOD.replace("2.000000e+00 10.58", "nan 10.58", 1), "the weight of event 0 is not finite"),
    "count": (GOOD.replace("\n 5 1 ", "\n 6 1 ", 1), "event 0 announces 6 particles and has 5"),
    "short row": (GOOD.replace(" 3.000000e+00 9.0", "", 1), "not an LHE file, or damaged"),
    "mother": (GOOD.replace("13 1 3 3", "13 1 9 9", 1), "event 0 names a mother that it does not have"),
    "circle": (GOOD.replace("15 2 1 2", "15 2 5 5", 1), "mothers go round in a circle"),
    "huge code": (GOOD.replace("\n 13 1", "\n 99999999999 1", 1), "does not fit into 32 bits"),
    "energy": (GOOD.replace(f" {SQRT_S / 2:.10e} 1.777", " 1.0e+00 1.777", 1), "below its momentum"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_one_clear_line(tmp_path, case):
    text, message = DAMAGED[case]
    (tmp_path / "a.lhe").write_text(text)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a.lhe")
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert str(tmp_path / "a.lhe") in str(caught.value)


def test_a_cut_gzip_file(tmp_path):
    whole = write_lhe(tmp_path / "a.lhe.gz", [tau_event(0.01 * k) for k in range(300)]).read_bytes()
    for share in (0.0, 0.1, 0.5, 0.999):
        (tmp_path / "b.lhe.gz").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match="cut short|damaged"):
            read(tmp_path / "b.lhe.gz")
    with pytest.raises(InputError, match="no such file"):
        open_lhe(tmp_path / "nowhere.lhe")
    with pytest.raises(InputError, match="it is a folder"):
        open_lhe(tmp_path)
