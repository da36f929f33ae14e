"""Output that is there whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from toymc.errors import InputError, ToymcError
from toymc.io.outputs import atomic_file, check_run_folder, run_folder

RUN = 'study = "tau_l_alpha"\n'


def fill(folder: Path, text: str = "1") -> None:
    (folder / "run.toml").write_text(RUN)
    (folder / "result.json").write_text(text)
    (folder / "plots").mkdir()
    (folder / "plots" / "a.png").write_text(text)


def full_disk(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "sub" / "a.txt"
    with atomic_file(target) as temporary:
        temporary.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError), atomic_file(target) as temporary:
        temporary.write_text("half")
        raise KeyError("x")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    message = "cannot write .*: No space left on device: free some space"
    with pytest.raises(ToymcError, match=message), atomic_file(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("x")
    with pytest.raises(ToymcError, match=message), run_folder(tmp_path / "run", "tau_l_alpha") as folder:
        fill(folder)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), run_folder(tmp_path / "a" / "b", "tau_l_alpha") as folder:
        fill(folder)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_run_appears_when_it_is_complete(tmp_path):
    with run_folder(tmp_path / "a" / "b", "tau_l_alpha") as folder:
        fill(folder)
        assert not (tmp_path / "a" / "b").exists()
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["plots", "result.json", "run.toml"]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_an_empty_folder_is_filled_where_it_is(tmp_path):
    target = tmp_path / "mounted"
    target.mkdir()
    before = target.stat().st_ino
    with run_folder(target, "tau_l_alpha") as folder:
        fill(folder)
    assert target.stat().st_ino == before
    assert sorted(p.name for p in target.iterdir()) == ["plots", "result.json", "run.toml"]


def test_an_earlier_run_is_brought_up_to_date_and_notes_stay(tmp_path):
    target = tmp_path / "run"
    with run_folder(target, "tau_l_alpha") as folder:
        fill(folder)
        (folder / "scan.h5").write_text("of the first run only")
    (target / "notes.txt").write_text("mine")
    with run_folder(target, "tau_l_alpha") as folder:
        fill(folder, "2")
    assert (target / "result.json").read_text() == "2"
    assert (target / "plots" / "a.png").read_text() == "2"
    assert sorted(p.name for p in target.iterdir()) == ["notes.txt", "plots", "result.json", "run.toml"]


def test_a_failed_second_run_leaves_the_first(tmp_path):
    with run_folder(tmp_path / "run", "tau_l_alpha") as folder:
        fill(folder)
    with pytest.raises(ArithmeticError), run_folder(tmp_path / "run", "tau_l_alpha") as folder:
        fill(folder, "2")
        raise ArithmeticError
    assert (tmp_path / "run" / "result.json").read_text() == "1"
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["plots", "result.json", "run.toml"]


def test_foreign_folders_are_refused(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(InputError, match="holds no toymc run: name a new folder"):
        check_run_folder(tmp_path / "thesis", "tau_l_alpha")
    with run_folder(tmp_path / "run", "tau_l_alpha") as folder:
        fill(folder)
    with pytest.raises(InputError, match="holds a run of tau_l_alpha: name another folder for tau_mass"):
        check_run_folder(tmp_path / "run", "tau_mass")
    (tmp_path / "run" / "run.toml").write_text("study = [")
    with pytest.raises(InputError, match="holds no toymc run"):
        check_run_folder(tmp_path / "run", "tau_l_alpha")
    with pytest.raises(InputError, match="it is a file"):
        check_run_folder(tmp_path / "run" / "result.json", "tau_l_alpha")
    with pytest.raises(InputError, match="is a file"):
        check_run_folder(tmp_path / "run" / "result.json" / "deeper", "tau_l_alpha")


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    with pytest.raises(InputError, match="no permission to write"):
        check_run_folder(tmp_path / "run", "tau_l_alpha")
