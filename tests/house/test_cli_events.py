"""`toymc simulate` on files of other generators, `toymc inspect` on what comes out."""

import json

import numpy as np
import pytest

from tests.io.foreign_files import tau_event, write_hepmc, write_lhe
from toymc.io.event_file import EventFile


@pytest.fixture
def lhe(tmp_path):
    return write_lhe(tmp_path / "a.lhe.gz", [tau_event(0.02 * k, ctau_mm=0.0) for k in range(300)])


def test_lhe_is_simulated_and_says_what_is_lost(toymc_says, tmp_path, lhe):
    out = tmp_path / "out" / "a.h5"
    code, text, err = toymc_says("simulate", str(lhe), "--workers", "1", "--out", str(out), "--json")
    assert (code, err) == (0, "")
    answer = json.loads(text)
    assert answer["events"] == 300 and answer["undecayed"] == {"15": 300} and answer["truth"] == 1500
    assert [p.name for p in out.parent.iterdir()] == ["a.h5"]
    with EventFile(out) as file:
        metadata, batch = file.metadata, file.read()
    assert (metadata.process, metadata.beam, metadata.card, metadata.source) == ("lhe", "belle2", "belle2", "a.lhe.gz")
    assert metadata.parameters == {"frame": "cms", "generator": "MadGraph5_aMC@NLO 3.5.1", "undecayed": {"15": 300}}
    assert metadata.cross_section_fb == pytest.approx(12e3)
    # the muon carries half of the energy: nearly all are in the acceptance
    assert 0.8 * 300 < len(batch.tracks.px) <= 300
    assert np.all(batch.truth.weight == 2.0)
    code, text, err = toymc_says("simulate", str(lhe), "--workers", "1", "--out", str(out))
    assert (code, err) == (0, "")
    assert "lost in the detector (short-lived, not decayed by the generator): 300 of PDG code 15" in text


def test_the_seed_decides_and_the_workers_do_not(toymc_says, tmp_path, lhe):
    for name, more in (("a", ("--workers", "1")), ("b", ("--workers", "4")), ("c", ("--workers", "1", "--seed", "7"))):
        assert toymc_says("simulate", str(lhe), *more, "--out", str(tmp_path / f"{name}.h5"))[0] == 0
    content = {name: (tmp_path / f"{name}.h5").read_bytes() for name in "abc"}
    assert content["a"] == content["b"] != content["c"]


def test_hepmc_is_simulated_with_each_card(toymc_says, tmp_path):
    source = write_hepmc(tmp_path / "a.hepmc3", 40)
    for card in ("belle2", "belle2_run2", "belle"):
        code, text, err = toymc_says(
            "simulate", str(source), "--detector", card, "--out", str(tmp_path / "a.h5"), "--json"
        )
        assert (code, err) == (0, "") and json.loads(text)["events"] == 40
        with EventFile(tmp_path / "a.h5") as file:
            truth = file.read_truth()
        electrons = truth.pz[truth.pdg == 11]
        assert np.all(electrons > (7.5 if card == "belle" else 6.9))


def test_a_wrong_frame_is_one_line_and_leaves_nothing(toymc_says, tmp_path, lhe):
    code, out, err = toymc_says("simulate", str(lhe), "--frame", "lab", "--out", str(tmp_path / "new" / "a.h5"))
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "is not in the laboratory frame" in err and "use --frame cms" in err
    assert [p.name for p in tmp_path.iterdir()] == [lhe.name]


def test_damage_found_late_leaves_nothing(toymc_says, tmp_path):
    bad = [*(tau_event(0.02 * k) for k in range(5000)), tau_event(0.0).replace("\n 13 1", "\n 1023 1")]
    source = write_lhe(tmp_path / "a.lhe", bad)
    code, out, err = toymc_says("simulate", str(source), "--out", str(tmp_path / "a.h5"))
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "unknown PDG code 1023 in event 5000" in err
    assert [p.name for p in tmp_path.iterdir()] == ["a.lhe"]


def test_a_frame_of_an_own_file_is_refused(toymc_says, tmp_path, lhe):
    assert toymc_says("simulate", str(lhe), "--out", str(tmp_path / "a.h5"))[0] == 0
    code, _, err = toymc_says(
        "simulate", str(tmp_path / "a.h5"), "--frame", "cms", "--out", str(tmp_path / "b.h5")
    )
    assert code == 2 and "leave --frame out" in err


def test_inspect_shows_the_tables_and_the_fates(toymc_says, tmp_path, lhe):
    assert toymc_says("simulate", str(lhe), "--out", str(tmp_path / "a.h5"))[0] == 0
    code, text, err = toymc_says("inspect", str(tmp_path / "a.h5"), "--json")
    assert (code, err) == (0, "")
    answer = json.loads(text)
    assert answer["kind"] == "reconstruction"
    assert set(answer["rows"]) == {"tracks", "clusters", "klm", "truth"} and answer["rows"]["truth"] >= 1500
    assert answer["particles_per_event"]["13"] == pytest.approx(1.0)
    # three physical particles in each event: two taus, a muon
    assert sum(answer["fates_per_event"].values()) >= 3.0 - 1e-9
    code, text, _ = toymc_says("inspect", str(tmp_path / "a.h5"))
    assert code == 0 and "fates per event" in text and "truth" in text
