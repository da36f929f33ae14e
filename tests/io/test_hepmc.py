"""HepMC3 files: units, links, vertices without a place, and damage that the library would not notice."""

import gzip

import numpy as np
import pyhepmc
import pytest

from tests.io.foreign_files import M_TAU, write_hepmc
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_DOCUMENTATION, STATUS_FINAL, EventBatch
from toymc.geometry.beam import load_beam
from toymc.io.foreign import laboratory_frame
from toymc.io.hepmc import open_hepmc


def read(path, size=2):
    batches = list(open_hepmc(path, size).batches)
    return EventBatch.concatenate([b.events for b in batches]), np.concatenate([b.incoming for b in batches])


@pytest.mark.parametrize("name", ["a.hepmc3", "a.hepmc3.gz"])
@pytest.mark.parametrize("unit", [pyhepmc.Units.GEV, pyhepmc.Units.MEV])
@pytest.mark.parametrize("length", [pyhepmc.Units.MM, pyhepmc.Units.CM])
def test_columns_in_the_units_of_toymc(tmp_path, name, unit, length):
    path = write_hepmc(tmp_path / name, 5, unit=unit, length=length)
    assert [b.events.n_events for b in open_hepmc(path, 2).batches] == [2, 2, 1]
    got, incoming = read(path)
    assert got.event_id.tolist() == [0, 1, 2, 3, 4] and got.weight.tolist() == [1.5] * 5
    one = got.slice(3, 4)
    assert one.pdg.tolist() == [11, -11, 15, 310, 15, 211]
    note, gone, final = STATUS_DOCUMENTATION, STATUS_DECAYED, STATUS_FINAL
    assert one.status.tolist() == [note, note, gone, final, gone, final]
    assert one.mother.tolist() == [-1, -1, 0, 0, 2, 4]
    assert incoming[:6].tolist() == [True, True, False, False, False, False]
    np.testing.assert_allclose(one.mass, [0.000511, 0.000511, M_TAU, M_TAU, M_TAU, M_TAU], atol=1e-5)
    # the decay at (1, 2, 3) mm, c*t = 4 mm; the vertex behind it has no place of its own: the same point
    for column, value in (("x", 0.1), ("y", 0.2), ("z", 0.3), ("t", 0.4 / 29.9792458)):
        np.testing.assert_allclose(getattr(one, column), [0, 0, 0, 0, value, value], rtol=1e-9)
    assert laboratory_frame(next(open_hepmc(path).batches), "auto", load_beam("belle2"), "a").frame == "cms"


def test_a_final_particle_with_an_end_is_decayed(tmp_path):
    text = write_hepmc(tmp_path / "a.hepmc3", 1).read_text()
    lines = [line[:-1] + "1" if line.startswith("P 3 ") else line for line in text.splitlines()]
    (tmp_path / "b.hepmc3").write_text("\n".join(lines) + "\n")
    assert read(tmp_path / "b.hepmc3")[0].status[2] == STATUS_DECAYED


def test_unknown_codes_are_refused(tmp_path):
    path = write_hepmc(tmp_path / "a.hepmc3", 2, codes=(1023, 310))
    with pytest.raises(InputError, match="unknown PDG code 1023 in event 0"):
        read(path)


def damaged(text: str, lines: list[str]) -> dict[str, tuple[str, str]]:
    third = next(i for i, line in enumerate(lines) if line.startswith("P 3 "))
    word = [*lines[:third], lines[third].replace("P 3 ", "P x "), *lines[third + 1 :]]
    inserted = [*lines[:third], lines[third].replace("P 3 ", "P 3 x "), *lines[third + 1 :]]
    lost = [*lines[:third], *lines[third + 1 :]]
    infinite = [*lines[:third], lines[third].replace(" 0.0000000000000000e+00", " inf", 1), *lines[third + 1 :]]
    return {
        "cut": (text[: len(text) // 2], "cut short"),
        "no end": (text.replace("HepMC::Asciiv3-END_EVENT_LISTING", ""), "cut short"),
        "empty": ("", "not a HepMC3 file"),
        "other": ("some words\n" * 20, "not a HepMC3 file"),
        "no events": ("\n".join(lines[:2]) + "\nHepMC::Asciiv3-END_EVENT_LISTING\n", "no events"),
        "word": ("\n".join(word), "event 0 is damaged"),
        "inserted": ("\n".join(inserted), "event 0 is damaged"),
        "lost line": ("\n".join(lost), "event 0 is damaged"),
        "infinite": ("\n".join(infinite), "event 0 has a number that is not finite"),
    }


CASES = ("cut", "no end", "empty", "other", "no events", "word", "inserted", "lost line", "infinite")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("packed", [False, True])
def test_damage_is_one_clear_line(tmp_path, case, packed, capfd):
    text = write_hepmc(tmp_path / "a.hepmc3", 4).read_text()
    content, message = damaged(text, text.splitlines())[case]
    path = tmp_path / ("b.hepmc3.gz" if packed else "b.hepmc3")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    with pytest.raises(InputError) as caught:
        read(path)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_files_of_another_kind(tmp_path):
    old = write_hepmc(tmp_path / "a.hepmc3", 2, form="HepMC2")
    with pytest.raises(InputError, match="HepMC2 file: write HepMC3"):
        open_hepmc(old)
    whole = write_hepmc(tmp_path / "b.hepmc3.gz", 50).read_bytes()
    (tmp_path / "c.hepmc3.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged or cut short"):
        open_hepmc(tmp_path / "c.hepmc3.gz")
    with pytest.raises(InputError, match="no such file"):
        open_hepmc(tmp_path / "nowhere.hepmc3")
    with pytest.raises(InputError, match="it is a folder"):
        open_hepmc(tmp_path)
