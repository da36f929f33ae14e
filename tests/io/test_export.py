"""`toymc convert`: round trips h5 -> HepMC3 -> h5 and h5 -> LHE -> h5, what is lost, and bad input in one line."""

import gzip
from dataclasses import replace

import numpy as np
import pyhepmc
import pylhe
import pytest

from tests.house.events import reconstruction
from tests.io.foreign_files import M_TAU, row, tau_event, write_hepmc, write_lhe
from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_DOCUMENTATION, STATUS_FINAL, EventBatch
from toymc.generators.processes import prepare
from toymc.geometry.beam import load_beam
from toymc.io.event_file import EventFile, EventWriter, FileMetadata
from toymc.io.lhe import open_lhe
from toymc.production import convert
from toymc.production.convert import convert_file
from toymc.streams import stream

PROCESSES = {
    "tau_pair": {},
    "tau_hnl": {"mass": 0.9, "v_tau2": 1e-4, "v_mu2": 1e-4, "ctau": 5.0, "tag": "leptonic"},
}
COLUMNS = ("pdg", "status", "mother", "px", "py", "pz", "mass", "x", "y", "z", "t", "helicity")


def write(path, batch, **more):
    with EventWriter(path, FileMetadata(batch.process, seed=1, beam="belle2", **more)) as writer:
        writer.append(batch)
    return path


def read(path):
    with EventFile(path) as file:
        return file.read_truth(), file.metadata


@pytest.fixture(scope="module", params=PROCESSES)
def truth(request, tmp_path_factory):
    """A file of events (more than one chunk of the writer) and its batch; weights are not all 1."""
    process = prepare(request.param, PROCESSES[request.param])
    batch = process.generate(stream(1, request.param, "test", 0), convert._BATCH + 300)
    batch = replace(batch, weight=np.linspace(0.1, 2.0, batch.n_events))
    path = tmp_path_factory.mktemp("truth") / "a.h5"
    section = process.cross_section_fb, process.cross_section_error_fb
    write(path, batch, cross_section_fb=section[0], cross_section_error_fb=section[1])
    return path, batch, section


@pytest.mark.parametrize("name", ["a.hepmc3", "a.hepmc3.gz"])
def test_hepmc_and_back(truth, tmp_path, name):
    path, batch, section = truth
    assert convert_file(path, tmp_path / name) == batch.n_events
    assert convert_file(tmp_path / name, tmp_path / "b.h5") == batch.n_events
    got, metadata = read(tmp_path / "b.h5")
    np.testing.assert_array_equal(got.offsets, batch.offsets)
    np.testing.assert_array_equal(got.weight, batch.weight)
    for column in ("pdg", "status", "mother", "px", "py", "pz", "mass", "helicity"):
        np.testing.assert_array_equal(getattr(got, column), getattr(batch, column), column)
    for column in "xyzt":
        np.testing.assert_allclose(getattr(got, column), getattr(batch, column), rtol=1e-14, atol=1e-15)
    assert (metadata.cross_section_fb, metadata.cross_section_error_fb) == pytest.approx(section, rel=1e-14)
    assert metadata.process == "hepmc3" and metadata.parameters["generator"] == "toymc (beams added) 0.1.0"


def test_hepmc_as_others_see_it(truth, tmp_path):
    """pyhepmc: beams of status 4 with the machine's momenta, four-momentum at every vertex, one vertex per mother."""
    path, batch, _ = truth
    convert_file(path, tmp_path / "a.hepmc3")
    card = load_beam("belle2")
    with pyhepmc.open(str(tmp_path / "a.hepmc3")) as file:
        for number, event in zip(range(20), file, strict=False):
            one = batch.slice(number, number + 1)
            assert (event.event_number, event.weights[0]) == (number, batch.weight[number])
            assert [p.pid for p in event.beams] == [11, -11] and [p.status for p in event.beams] == [4, 4]
            assert event.beams[0].momentum.e == pytest.approx(card.electron.energy_GeV.value, abs=0.05)
            assert event.beams[1].momentum.pz == pytest.approx(-np.hypot(4.0, 0.0), abs=0.05)
            assert len(event.particles) == one.n_particles + 2
            assert len(event.vertices) == 1 + len(np.unique(one.mother[one.mother >= 0]))
            for vertex in event.vertices:
                flow = [sum(np.array(p.momentum) for p in side) for side in (vertex.particles_in, vertex.particles_out)]
                np.testing.assert_allclose(flow[0], flow[1], atol=1e-11)


@pytest.mark.parametrize("name", ["a.lhe", "a.lhe.gz"])
def test_lhe_and_back_up_to_what_it_can_hold(truth, tmp_path, name):
    path, batch, section = truth
    convert_file(path, tmp_path / name)
    convert_file(tmp_path / name, tmp_path / "b.h5")
    got, metadata = read(tmp_path / "b.h5")
    np.testing.assert_array_equal(got.offsets, batch.offsets)
    np.testing.assert_array_equal(got.weight, batch.weight)
    for column in ("pdg", "status", "mother", "px", "py", "pz", "mass"):
        np.testing.assert_array_equal(getattr(got, column), getattr(batch, column), column)
    # all places are relative to the collision, which is lost
    lepton = (np.abs(batch.pdg) >= 11) & (np.abs(batch.pdg) <= 16)
    np.testing.assert_array_equal(got.helicity, np.where(lepton, batch.helicity, 0.0))
    first = batch.offsets[:-1][batch.event_index]
    for column in "xyzt":
        ours = getattr(batch, column) - getattr(batch, column)[first]
        np.testing.assert_allclose(getattr(got, column), ours, rtol=1e-9, atol=1e-9)
    assert (metadata.cross_section_fb, metadata.cross_section_error_fb) == pytest.approx(section, rel=1e-14)


def test_lhe_as_others_see_it(truth, tmp_path):
    """pylhe: beams in the init block, incoming rows, mothers, lifetimes of the decayed alone."""
    path, batch, section = truth
    convert_file(path, tmp_path / "a.lhe.gz")
    file = pylhe.LHEFile.fromfile(str(tmp_path / "a.lhe.gz"))
    info = file.init.initInfo
    assert (info.beamA, info.beamB) == (11, -11) and info.energyA == pytest.approx(7.0, abs=0.05)
    assert file.init.procInfo[0].xSection == pytest.approx(1e-3 * section[0])
    for number, event in zip(range(20), file.events, strict=False):
        particles = event.particles
        assert event.eventinfo.weight == batch.weight[number]
        assert [p.status for p in particles[:2]] == [-1, -1] and {p.status for p in particles[2:]} <= {1, 2}
        assert all((p.mother1, p.mother2) == (1, 2) for p in particles[2:4])
        total = [sum(getattr(p, k) * s for p in particles for s in [{-1: -1, 1: 1}.get(int(p.status), 0)])
                 for k in ("px", "py", "pz", "e")]  # fmt: skip
        np.testing.assert_allclose(total, 0.0, atol=1e-11)
        for p in particles:
            assert p.lifetime == 0.0 or p.status == 2
        taus = [p for p in particles if abs(p.id) == 15]
        assert len(taus) == 2 and all(0.0 < p.lifetime < 5.0 for p in taus) and all(abs(p.spin) == 1 for p in taus)


def test_other_ways(truth, tmp_path):
    """LHE to HepMC3 and back: the same as LHE alone."""
    path, batch, _ = truth
    small = write(tmp_path / "s.h5", batch.slice(0, 50))
    convert_file(small, tmp_path / "a.lhe")
    convert_file(tmp_path / "a.lhe", tmp_path / "a.hepmc3")
    convert_file(tmp_path / "a.hepmc3", tmp_path / "b.lhe")
    convert_file(tmp_path / "b.lhe", tmp_path / "b.h5")
    convert_file(tmp_path / "a.lhe", tmp_path / "c.h5")
    ours, theirs = read(tmp_path / "b.h5")[0], read(tmp_path / "c.h5")[0]
    for column in COLUMNS:
        np.testing.assert_allclose(getattr(ours, column), getattr(theirs, column), rtol=1e-9, atol=1e-9)
    # the same events, the same bytes
    content = (tmp_path / "a.lhe").read_bytes()
    convert_file(small, tmp_path / "a.lhe")
    assert (tmp_path / "a.lhe").read_bytes() == content
    convert_file(small, tmp_path / "a.lhe.gz")
    assert gzip.decompress((tmp_path / "a.lhe.gz").read_bytes()) == content


@pytest.mark.parametrize("kind", ["lhe", "hepmc3"])
def test_beams_of_another_generator_stay(tmp_path, kind):
    """A file with its own incoming particles, in the centre of mass, through h5 and back: rows and mothers stay."""
    if kind == "lhe":
        source = write_lhe(tmp_path / "a.lhe", [tau_event(0.3 * k) for k in range(7)])
    else:
        source = write_hepmc(tmp_path / "a.hepmc3", 7)
    convert_file(source, tmp_path / "a.h5", seed=3)
    for out in ("b.lhe", "b.hepmc3"):
        convert_file(tmp_path / "a.h5", tmp_path / out)
        convert_file(tmp_path / out, tmp_path / "b.h5")
        ours, theirs = read(tmp_path / "a.h5")[0], read(tmp_path / "b.h5")[0]
        for column in ("pdg", "status", "mother", "px", "py", "pz"):
            np.testing.assert_allclose(getattr(ours, column), getattr(theirs, column), rtol=1e-14)
        physical = ours.status != STATUS_DOCUMENTATION
        np.testing.assert_array_equal(ours.mass[physical], theirs.mass[physical])
        if out.endswith("hepmc3"):
            for column in "xyzt":
                a, b = getattr(ours, column)[physical], getattr(theirs, column)[physical]
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(ours.weight, theirs.weight)


def test_a_simulated_file_gives_its_truth(tmp_path):
    batch = reconstruction(0, 20)
    with EventWriter(tmp_path / "r.h5", FileMetadata("house", seed=1, card="belle2")) as writer:
        writer.append(batch)
    assert convert_file(tmp_path / "r.h5", tmp_path / "t.h5") == 20
    with EventFile(tmp_path / "r.h5") as file:
        expected = file.read_truth()
    got, metadata = read(tmp_path / "t.h5")
    assert metadata.card == "" and metadata.source == "r.h5"
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(got, column), getattr(expected, column))


def particles(rows, **more):
    """One event from (pdg, status, mother, p, mass, place)."""
    columns = list(zip(*rows, strict=True))
    p, place = np.array(columns[3], dtype=float), np.array(columns[5], dtype=float)
    codes = {n: np.array(c, dtype=np.int32) for n, c in zip(("pdg", "status", "mother"), columns, strict=False)}
    values = dict(
        offsets=np.array([0, len(rows)]), **codes, px=p[:, 0].copy(), py=p[:, 1].copy(), pz=p[:, 2].copy(),
        mass=np.array(columns[4], dtype=float), x=place[:, 0].copy(), y=place[:, 1].copy(), z=place[:, 2].copy(),
        t=np.zeros(len(rows)), helicity=np.zeros(len(rows)), weight=np.ones(1), event_id=np.array([5]), process="house",
    )  # fmt: skip
    return EventBatch(**(values | more))


HERE, THERE = (0.0, 0.0, 0.0), (0.0, 0.3, 0.4)
DECAYED, FINAL = STATUS_DECAYED, STATUS_FINAL
GOOD = [
    (310, DECAYED, -1, (0.0, 0.6, 0.8), 0.497611, HERE), (22, FINAL, -1, (0.0, -0.6, -0.8), 0.0, HERE),
    (211, FINAL, 0, (0.2, 0.3, 0.4), 0.13957, THERE), (-211, FINAL, 0, (-0.2, 0.3, 0.4), 0.13957, THERE),
]  # fmt: skip


def test_places_and_times_of_a_single_decay(tmp_path):
    """K_S of 1 GeV/c that flies 0.5 cm: ctau = 0.5 m/p in LHE; the particle at rest waits."""
    energy = np.sqrt(1.0 + 0.497611**2)
    time = 0.5 * energy / SPEED_OF_LIGHT_CM_PER_NS
    batch = particles(GOOD, t=np.array([0.0, 0.0, time, time]))
    convert_file(write(tmp_path / "a.h5", batch), tmp_path / "a.lhe")
    rows = next(pylhe.LHEFile.fromfile(str(tmp_path / "a.lhe")).events).particles
    assert rows[2].lifetime == pytest.approx(5.0 * 0.497611) and rows[3].lifetime == 0.0
    at_rest = [(GOOD[0][0], DECAYED, -1, HERE, 0.497611, HERE), *GOOD[1:2], *((*r[:5], HERE) for r in GOOD[2:])]
    batch = particles(at_rest, t=np.array([0.0, 0.0, 0.2, 0.2]))
    convert_file(write(tmp_path / "b.h5", batch), tmp_path / "b.lhe")
    got = next(open_lhe(tmp_path / "b.lhe").batches).events
    np.testing.assert_allclose(got.t, [0.0, 0.0, 0.2, 0.2], rtol=1e-12)


def bad_events():
    late = [GOOD[2], GOOD[1], (*GOOD[0][:2], -1, *GOOD[0][3:]), GOOD[3]]
    late[0] = (211, FINAL, 2, *GOOD[2][3:])
    apart = [*GOOD[:3], (*GOOD[3][:5], (0.0, 0.3, 0.5))]
    mixed = EventBatch.concatenate([
        particles(GOOD),
        particles([(11, STATUS_DOCUMENTATION, -1, (0, 0, 5.0), 0.000511, HERE),
                   (-11, STATUS_DOCUMENTATION, -1, (0, 0, -5.0), 0.000511, HERE)]),
    ])  # fmt: skip
    empty = particles(GOOD, offsets=np.array([0, 4, 4]), weight=np.ones(2), event_id=np.array([5, 6]))
    return {
        "late": (particles(late), "a particle of event 5 stands in front of its mother"),
        "apart": (particles(apart), "event 5 start at different places, which HepMC3 cannot hold"),
        "mixed": (mixed, "of event 5 are not those of a collision"),
        "empty": (empty, "the final particles of event 6 are not those of a collision"),
    }


@pytest.mark.parametrize("case", ["late", "apart", "mixed", "empty"])
@pytest.mark.parametrize("kind", ["lhe", "hepmc3"])
def test_events_that_a_format_cannot_hold(tmp_path, case, kind):
    batch, message = bad_events()[case]
    source = write(tmp_path / "a.h5", batch)
    if (case, kind) == ("apart", "lhe"):
        convert_file(source, tmp_path / "b.lhe")
        return
    with pytest.raises(InputError) as caught:
        convert_file(source, tmp_path / f"b.{kind}")
    text = str(caught.value)
    assert "\n" not in text and "cannot convert a.h5" in text
    assert message in text or (case == "mixed" and "event 5" in text)
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_bad_files_are_one_line_and_leave_nothing(toymc_says, tmp_path):
    good = write(tmp_path / "a.h5", particles(GOOD))
    (tmp_path / "notes.lhe").write_text("my notes\n")
    (tmp_path / "notes.hepmc3").write_text("my notes\n")
    whole = write_hepmc(tmp_path / "c.hepmc3", 4).read_text()
    (tmp_path / "cut.hepmc3").write_text(whole[: len(whole) // 2])
    old = write_hepmc(tmp_path / "old.hepmc3", 2, form="HepMC2")
    unknown = write_lhe(tmp_path / "x.lhe", [tau_event(0.1).replace("\n 13 1", "\n 1023 1")])
    line = row(13, 1, (0, 0), (0, 0, float("inf")), M_TAU)
    infinite = write_lhe(tmp_path / "i.lhe", [f"<event>\n 1 1 1.0 1 1 1\n{line}\n</event>\n"])
    before = sorted(p.name for p in tmp_path.iterdir())
    cases = [
        ((good, tmp_path / "out" / "b.root"), "name a file with .h5, .lhe, .lhe.gz, .hepmc3 or .hepmc3.gz"),
        ((tmp_path / "b.root", tmp_path / "out" / "b.h5"), "b.root"),
        ((tmp_path / "no.h5", tmp_path / "out" / "b.lhe"), "no such file"),
        ((tmp_path / "no.lhe", tmp_path / "out" / "b.h5"), "no such file"),
        ((good, good), "is the input"),
        ((good, tmp_path / "out" / "b.h5"), "holds truth events of toymc already"),
        ((good, tmp_path / "notes.lhe"), "exists and is not a LHE file"),
        ((good, tmp_path / "notes.hepmc3"), "exists and is not a HepMC3 file"),
        ((tmp_path / "cut.hepmc3", tmp_path / "out" / "b.lhe"), "cut short"),
        ((old, tmp_path / "out" / "b.h5"), "HepMC2 file"),
        ((unknown, tmp_path / "out" / "b.hepmc3"), "unknown PDG code 1023 in event 0"),
        ((infinite, tmp_path / "out" / "b.h5"), "not finite"),
        ((good, tmp_path / "out" / "b.lhe", "--frame", "cms"), "leave --frame out"),
        ((good, tmp_path / "out" / "b.lhe", "--beam", "nowhere"), "unknown beam card 'nowhere'"),
        ((good, tmp_path / "out" / "b.lhe", "--seed", "-1"), "seed"),
        ((good, tmp_path), "name a file with"),
    ]
    for arguments, message in cases:
        code, out, err = toymc_says("convert", *map(str, arguments))
        assert (code, out) == (2, ""), message
        assert err.count("\n") == 1 and message in err, err
        assert sorted(p.name for p in tmp_path.iterdir()) == before, message


def test_the_command_says_what_it_did(toymc_says, tmp_path):
    good = write(tmp_path / "a.h5", particles(GOOD))
    code, out, err = toymc_says("convert", str(good), str(tmp_path / "a.hepmc3"))
    assert (code, err) == (0, "") and "1 events" in out
    code, out, err = toymc_says("convert", str(good), str(tmp_path / "a.lhe.gz"), "--json")
    assert (code, err) == (0, "") and '"events": 1' in out
    code, out, _ = toymc_says("convert", "--help")
    assert code == 0 and "Example: toymc convert" in out
