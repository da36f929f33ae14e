"""The command line: help with examples, JSON, and one clear line on bad input."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest

import toymc
from tests.house.events import truth_batch
from toymc.cli import main as entry
from toymc.cli.common import Count, echo_table, finite, parse_parameters
from toymc.errors import InputError, ToymcError
from toymc.io.event_file import EventFile, EventWriter, FileMetadata

ROOT = Path(__file__).parents[2]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """All commands below `group`, with the words that call them."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


COMMANDS = commands(entry.cli)


@pytest.mark.parametrize("words", [words for words, _ in COMMANDS], ids=" ".join)
def test_every_command_has_help_and_an_example(toymc_says, words):
    code, out, err = toymc_says(*words, "--help")
    assert code == 0 and err == ""
    assert out.startswith(f"Usage: toymc {' '.join(words)}")
    command = dict(COMMANDS)[words]
    assert f"Example: toymc {' '.join(words)}" in " ".join(out.split())
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"toymc {' '.join(words)}: option {parameter.name} has no help"


def test_help_comes_at_once():
    best = min(_seconds([sys.executable, "-m", "toymc.cli.main", "--help"]) for _ in range(3))
    assert best < 0.5


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def test_help_loads_nothing_heavy():
    code = "import sys; from toymc.cli.main import run; run(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"numpy", "numba", "scipy", "matplotlib", "pydantic", "h5py", "rich"}


def test_version(toymc_says):
    assert toymc_says("--version") == (0, f"toymc {toymc.__version__}\n", "")


BAD_INPUT = {
    "unknown command": (["fly"], "unknown command 'fly': allowed are study"),
    "unknown study": (["study", "run", "tau_to_gold", "--out", "OUT"], "unknown study 'tau_to_gold': allowed"),
    "negative luminosity": (
        ["study", "run", "tau_l_alpha", "--luminosity", "-62.8", "--out", "OUT"],
        "Invalid value for '--luminosity': -62.8 is not allowed: give a number above 0",
    ),
    "luminosity that is no number": (
        ["study", "run", "tau_l_alpha", "--luminosity", "nan", "--out", "OUT"],
        "nan is not allowed: give a number above 0",
    ),
    "zero scale": (["study", "run", "tau_l_alpha", "--scale", "0", "--out", "OUT"], "'--scale': 0 is not allowed"),
    "no folder": (["study", "run", "tau_l_alpha"], "Missing option '--out'"),
    "no workers": (["study", "run", "tau_l_alpha", "--workers", "0", "--out", "OUT"], "'--workers': 0"),
    "negative seed": (["study", "run", "tau_l_alpha", "--seed", "-1", "--out", "OUT"], "'--seed': -1"),
    "no data": (["study", "run", "tau_l_alpha", "--data", "no.json", "--out", "OUT"], "cannot read --data no.json"),
    "no systematics": (
        ["study", "run", "tau_l_alpha", "--systematics", "no.toml", "--out", "OUT"],
        "cannot read --systematics no.toml",
    ),
    "unknown process": (["generate", "tau_triple", "--events", "10", "--out", "OUT"], "tau_triple"),
    "mass above threshold": (
        ["generate", "tau_pair", "--events", "10", "-p", "signal=e_alpha", "-p", "mass=1.9", "--out", "OUT"],
        "mass",
    ),
    "unknown parameter": (["process", "show", "tau_pair", "-p", "colour=blue"], "colour"),
    "parameter without a value": (["process", "show", "tau_pair", "-p", "mass"], "write it as key=value"),
    "parameter twice": (["process", "show", "tau_pair", "-p", "mass=1", "-p", "mass=2"], "'mass' is given twice"),
    "no events": (["generate", "tau_pair", "--events", "0", "--out", "OUT"], "'--events': 0"),
    "negative events": (["generate", "tau_pair", "--events", "-5", "--out", "OUT"], "'--events': -5"),
    "half an event": (["generate", "tau_pair", "--events", "1.5", "--out", "OUT"], "1.5 is not a whole number"),
    "events without end": (["generate", "tau_pair", "--events", "1e99", "--out", "OUT"], "1e99 is not allowed"),
    "events nan": (["generate", "tau_pair", "--events", "nan", "--out", "OUT"], "nan is not a whole number"),
    "confidence level in percent": (
        ["limit", "counting", "--observed", "1", "--background", "1", "--cl", "90"], "give a number between 0 and 1"),
    "a folder as dataset": (["dataset", "tau_l_alpha", "--out", "."], "it is a folder"),
    "a folder as event file": (["inspect", "."], "cannot read .: it is a folder"),
    "unknown beam": (["generate", "tau_pair", "--events", "10", "--beam", "lhc", "--out", "OUT"], "lhc"),
    "unreadable event file": (["simulate", "BROKEN.h5", "--out", "OUT"], "not an HDF5 file"),
    "missing event file": (["inspect", "nowhere.h5"], "cannot read nowhere.h5: no such file"),
    "unknown input format": (["simulate", "events.root", "--out", "OUT"], "toymc reads .h5, .lhe, .lhe.gz, .hepmc3"),
    "missing LHE file": (["simulate", "nowhere.lhe", "--out", "OUT"], "cannot read nowhere.lhe: no such file"),
    "broken LHE file": (["simulate", "BROKEN.lhe", "--out", "OUT"], "not an LHE file, or damaged"),
    "broken HepMC file": (["simulate", "BROKEN.hepmc3", "--out", "OUT"], "not a HepMC3 file"),
    "unknown frame": (["simulate", "BROKEN.lhe", "--frame", "moon", "--out", "OUT"], "'--frame': 'moon'"),
    "unknown card": (["detector", "performance", "atlas"], "unknown detector card 'atlas'"),
    "unreadable card": (["detector", "performance", "BROKEN.toml"], "BROKEN.toml"),
    "a folder as card": (["detector", "performance", "."], "."),
    "unknown species": (["detector", "performance", "belle2", "--species", "unicorn"], "unknown species 'unicorn'"),
    "page of the grid alone": (["detector", "performance", "belle2", "--grid-only", "--out", "a.html"], "--grid-only"),
    "a folder as page": (["detector", "performance", "belle2", "--out", "."], "it is a folder"),
    "angle outside": (["detector", "performance", "belle2", "--theta", "5"], "theta 5.0 degrees is outside"),
    "momentum of zero": (["detector", "performance", "belle2", "--p", "0"], "give momenta above 0"),
    "momentum that is no number": (["detector", "performance", "belle2", "--p", "0.5,x"], "'x' is not a number"),
    "negative background": (["limit", "counting", "--observed", "1", "--background", "-1"], "'--background': -1"),
    "negative count": (["limit", "counting", "--observed", "-1", "--background", "1"], "'--observed': -1"),
    "confidence of 1": (
        ["limit", "counting", "--observed", "1", "--background", "1", "--cl", "1"],
        "give a number between 0 and 1",
    ),
    "missing workspace": (["limit", "workspace", "no.json"], "cannot read no.json: No such file"),
    "workspace that is not JSON": (["limit", "workspace", "BROKEN.toml"], "is not JSON"),
    "unknown option": (["study", "list", "--colour"], "--colour"),
    "cluster without dask": (
        ["generate", "tau_pair", "--events", "10", "--scheduler", "tcp://localhost:1", "--out", "OUT"],
        "--executor dask",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_line(toymc_says, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BROKEN.h5").write_text("no events")
    for name in ("BROKEN.lhe", "BROKEN.hepmc3"):
        (tmp_path / name).write_text("no events")
    (tmp_path / "BROKEN.toml").write_text("[beam\nenergy = ")
    before = sorted(tmp_path.iterdir())
    arguments, message = BAD_INPUT[case]
    code, out, err = toymc_says(*arguments)
    assert code == 2, err
    assert err.startswith("toymc: error: ") and err.count("\n") == 1, err
    assert message in err
    assert "Traceback" not in err and "internal error" not in err
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_a_card_that_may_not_be_read(toymc_says, tmp_path):
    (tmp_path / "card.toml").write_bytes(b"\xff\xfe\x00not text")
    code, out, err = toymc_says("detector", "performance", str(tmp_path / "card.toml"))
    assert (code, out) == (2, "") and err.count("\n") == 1


def test_no_space_left_while_a_study_is_written(toymc_says, tmp_path, monkeypatch):
    from toymc.production import run_study

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_study, "compute_study", full)
    code, out, err = toymc_says("study", "run", "tau_l_alpha", "--out", str(tmp_path / "run"))
    assert code == 2 and out == ""
    assert err == (
        f"toymc: error: cannot write {tmp_path / 'run'}: No space left on device: free some space or write elsewhere\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_refused_before_the_computing(toymc_says, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    code, _, err = toymc_says("study", "run", "tau_l_alpha", "--out", str(tmp_path))
    assert code == 2 and "holds no toymc run" in err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ToymcError("line one\nline two"), 2, "toymc: error: line one line two"),
        (InputError("bad"), 2, "toymc: error: bad"),
        (KeyboardInterrupt(), 130, "toymc: error: interrupted"),
        (PermissionError(13, "Permission denied", "/x"), 2, "toymc: error: cannot read or write /x: Permission denied"),
        (MemoryError(), 2, "toymc: error: not enough memory: ask for fewer workers (--workers)"),
        (KeyError("x"), 1, "toymc: error: internal error, please report it: KeyError: 'x' (TOYMC_TRACEBACK=1 shows"),
    ],
)
def test_every_error_is_one_line(toymc_says, monkeypatch, error, code, text):
    def fail(**options):
        raise error

    monkeypatch.setattr(entry.cli, "main", lambda **options: fail())
    got, _, err = toymc_says("doctor")
    assert got == code
    assert err.startswith(text) and err.count("\n") == 1


def test_notes_of_an_error_are_shown(toymc_says, monkeypatch):
    def fail(**options):
        error = InputError("bad weight")
        error.add_note("in chunk 3, events 30 to 39")
        raise error

    monkeypatch.setattr(entry.cli, "main", fail)
    assert toymc_says("doctor")[2] == "toymc: error: bad weight (in chunk 3, events 30 to 39)\n"


def test_inspect_says_what_a_file_holds(toymc_says, tmp_path):
    path = tmp_path / "a.h5"
    batch = truth_batch()
    with EventWriter(path, FileMetadata("house", seed=3, parameters={"mass": 1.5}, pdg_edition="2026")) as writer:
        writer.append(batch)
    code, out, _ = toymc_says("inspect", str(path), "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["events"] == 50 and answer["kind"] == "truth" and answer["seed"] == 3
    assert answer["parameters"] == {"mass": 1.5} and answer["rows"] == {"particles": batch.n_particles}
    assert answer["sum_of_weights"] == pytest.approx(batch.weight.sum())
    assert answer["cross_section_fb"] is None
    assert sum(answer["particles_per_event"].values()) == pytest.approx(batch.n_particles / 50)
    code, out, _ = toymc_says("inspect", str(path))
    assert code == 0 and "house" in out


def test_generated_and_simulated_files_do_not_depend_on_the_workers(toymc_says, tmp_path, monkeypatch):
    from toymc.production import datasets

    monkeypatch.setattr(datasets, "CHUNK_SIZE", 100)
    monkeypatch.setattr(datasets, "plan_chunks", lambda n, size=100: _plan(n, 100))
    for workers in ("1", "3", "8"):
        truth, reco = tmp_path / f"truth{workers}.h5", tmp_path / f"reco{workers}.h5"
        code, out, err = toymc_says(
            "generate", "tau_pair", "--events", "950", "-p", "signal=e_alpha", "-p", "mass=1.0", "--seed", "5",
            "--workers", workers, "--out", str(truth), "--json",
        )  # fmt: skip
        assert (code, err) == (0, "") and json.loads(out)["events"] == 950
        (tmp_path / "truth.h5").write_bytes(truth.read_bytes())
        code, out, err = toymc_says(
            "simulate", str(tmp_path / "truth.h5"), "--workers", workers, "--out", str(reco), "--json"
        )
        assert (code, err) == (0, "") and json.loads(out)["events"] == 950
    for kind in ("truth", "reco"):
        assert len({(tmp_path / f"{kind}{workers}.h5").read_bytes() for workers in (1, 3, 8)}) == 1


def _plan(n_events: int, size: int):
    from toymc.production.chunks import plan_chunks

    return plan_chunks(n_events, size)


def test_a_simulated_file_is_simulated_again_from_what_was_generated(toymc_says, tmp_path):
    truth, first = tmp_path / "truth.h5", tmp_path / "first.h5"
    arguments = ("generate", "tau_pair", "--events", "300", "--seed", "5", "--workers", "1", "--out", str(truth))
    assert toymc_says(*arguments)[0] == 0
    assert toymc_says("simulate", str(truth), "--detector", "belle", "--workers", "1", "--out", str(first))[0] == 0
    for source, name in ((truth, "direct.h5"), (first, "again.h5")):
        code, _, err = toymc_says(
            "simulate", str(source), "--detector", "belle2_run2", "--workers", "1", "--out", str(tmp_path / name)
        )
        assert (code, err) == (0, "")
    with EventFile(tmp_path / "direct.h5") as direct, EventFile(tmp_path / "again.h5") as again:
        np.testing.assert_array_equal(direct.read().tracks.cov, again.read().tracks.cov)
        assert (again.metadata.beam, again.metadata.card) == ("belle2", "belle2_run2")


def test_a_file_is_not_simulated_onto_itself(toymc_says, tmp_path):
    path = tmp_path / "a.h5"
    with EventWriter(path, FileMetadata("house", seed=3)) as writer:
        writer.append(truth_batch())
    content = path.read_bytes()
    code, _, err = toymc_says("simulate", str(path), "--out", str(path))
    assert code == 2 and "is the input" in err
    assert path.read_bytes() == content


def test_counting_limit_in_json(toymc_says):
    code, out, err = toymc_says("limit", "counting", "--observed", "0", "--background", "0", "--cl", "0.9", "--json")
    assert (code, err) == (0, "")
    # no events, no background: -ln(1 - CL) [PDG, Statistics, Poisson upper limit for n = 0]
    assert json.loads(out)["upper_limit"] == pytest.approx(2.302585, rel=1e-4)


def test_detector_performance_in_json(toymc_says):
    code, out, err = toymc_says(
        "detector", "performance", "belle2", "--species", "pi,mu", "--p", "0.5,1", "--theta", "90", "--grid-only",
        "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    grid = json.loads(out)["grid"]
    assert [(row["species"], row["p_GeV"]) for row in grid] == [("pi", 0.5), ("pi", 1), ("mu", 0.5), ("mu", 1)]
    assert set(grid[0]) == {
        "species", "p_GeV", "theta_deg", "sigma_pt_over_pt", "sigma_d0_um", "sigma_z0_um", "sigma_phi_mrad",
        "sigma_tan_lambda", "efficiency",
    }  # fmt: skip


def test_lists_in_text_and_json(toymc_says):
    for group, name in (("study", "tau_l_alpha"), ("process", "tau_pair")):
        code, out, err = toymc_says(group, "list")
        assert (code, err) == (0, "") and name in out
        plural = "studies" if group == "study" else "processes"
        code, out, err = toymc_says(group, "list", "--json")
        assert name in [entry["name"] for entry in json.loads(out)[plural]]


def test_process_show_in_json(toymc_says):
    code, out, err = toymc_says("process", "show", "tau_pair", "-p", "signal=mu_alpha", "-p", "mass=1.2", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["parameters"]["mass"] == 1.2
    assert answer["error_fb"] >= 0.0 < answer["cross_section_fb"]


def test_doctor_in_json(toymc_says):
    code, out, err = toymc_says("doctor", "--json")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert answer["toymc"] == toymc.__version__
    assert 0 <= answer["kernels"]["cached"] <= answer["kernels"]["total"] > 10


def test_a_full_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "toymc.cli.main", "--help"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "toymc: error: cannot read or write: No space left on device\n"


def test_parameters_become_what_they_say():
    assert parse_parameters(["a=1", "b=1.5", "c=True", "d=x=y", "e=-2e3"]) == {
        "a": 1, "b": 1.5, "c": True, "d": "x=y", "e": -2000.0,
    }  # fmt: skip


def test_counts_may_be_written_as_physicists_do():
    count = Count(1)
    assert [count.convert(text, None, None) for text in ("7", "1e6", "2.5e3")] == [7, 1_000_000, 2500]


def test_json_has_no_infinity():
    assert finite({"a": [float("inf"), 1.0], "b": (float("nan"),)}) == {"a": [None, 1.0], "b": [None]}


def test_tables_are_aligned(capsys):
    echo_table(("name", "value"), [("a", 1.0), ("longer", 12345.678), ("b", None)])
    assert capsys.readouterr().out == "name        value\na               1\nlonger  1.235e+04\nb               -\n"
