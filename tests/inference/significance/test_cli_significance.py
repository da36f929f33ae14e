"""`toymc significance` and the scan file."""

import json

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from tests.inference.significance.fields import line_field, plane_field, rng
from toymc.cli.main import cli, run
from toymc.errors import InputError
from toymc.inference.unbinned import MassChannel, gaussian, scan, windows
from toymc.io.scan_file import read_scans, write_scans
from toymc.io.scan_toys import add_toys, read_observed, read_toys


def bare_scan(path, scans):
    """A file with what the significance reads and nothing else: name -> (masses, lifetimes, q0)."""
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "toymc scan"
        for name, (mass, ctau, q0) in scans.items():
            for key, values in (("mass_GeV", mass), ("ctau_cm", ctau), ("q0", q0)):
                file[f"{name}/{key}"] = values


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory):
    """Two channels over 60 masses and 6 lifetimes, an excess of 4 sigma in the second, a veto in the first."""
    path = tmp_path_factory.mktemp("run") / "scan.h5"
    mass, ctau = np.linspace(1.0, 2.0, 60), np.geomspace(0.01, 100.0, 6)
    draw = plane_field(60, 6, 0.5, 0.5)
    scans, toys = {}, {}
    for i, name in enumerate(("ee", "mumu")):
        q0 = np.minimum(draw(rng(20 + i), 1)[0], 4.0)
        if name == "mumu":
            q0[30, 2] = 16.0
        scans[name] = (mass, ctau, q0)
        toys[name] = [draw(rng(30 + i), 200), draw(rng(40 + i), 100)]
    bare_scan(path, scans)
    add_toys(path, toys, {"ee": np.repeat([0, 1], 30)})
    return path


def test_json_answer(scan_file):
    answer = CliRunner().invoke(cli, ["significance", str(scan_file), "--json"])
    assert answer.exit_code == 0, answer.exception
    found = json.loads(answer.output)
    assert found["channels"]["mumu"]["hypothesis"] == pytest.approx({"mass_GeV": 1.508474576, "ctau_cm": 0.398107171})
    assert found["channels"]["mumu"]["z_local"] == pytest.approx(4.0)
    assert found["channels"]["mumu"]["method"] == "extrapolation"
    assert 2.0 < found["channels"]["mumu"]["z_global"] < 3.5
    assert found["all"]["channel"] == "mumu"
    assert found["all"]["p_global"] > found["channels"]["mumu"]["p_global"]
    assert found["channels"]["ee"]["counts"]["stretches"] == 2
    assert found["all"]["counts"]["stretches"] == 3


def test_table_of_a_folder(scan_file):
    answer = CliRunner().invoke(cli, ["significance", str(scan_file.parent), "--channel", "mumu", "--toys", "100"])
    assert answer.exit_code == 0, answer.exception
    assert "mumu" in answer.output and "z global" in answer.output and "all channels" not in answer.output


def test_help_has_an_example():
    answer = CliRunner().invoke(cli, ["significance", "--help"])
    assert answer.exit_code == 0 and "Example: toymc significance" in answer.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--channel", "kk"], "has no scan 'kk': it has ee, mumu"),
        (["--toys", "1000"], "has 300 toys, 1000 were asked for"),
        (["--levels", "1"], "2 axes needs 2"),
        (["--toys", "1"], "1"),
    ],
)
def test_refusals_in_one_line(scan_file, capfd, arguments, message):
    assert run(["significance", str(scan_file), *arguments]) == 2
    error = capfd.readouterr().err
    assert message in error and error.count("\n") == 1


def test_other_files_are_refused(tmp_path, capfd):
    other = tmp_path / "x.h5"
    other.write_text("nothing")
    for path, message in ((other, "not an HDF5"), (tmp_path, "no scan.h5"), (tmp_path / "no", "no such file")):
        assert run(["significance", str(path)]) == 2
        assert message in capfd.readouterr().err


def test_toys_round_trip(scan_file):
    scans = read_observed(scan_file)
    assert scans["ee"].n_toys == 300 and scans["ee"].q0.shape == (60, 6)
    assert scans["ee"].stretch.tolist() == [0] * 30 + [1] * 30 and scans["mumu"].stretch is None
    blocks = np.concatenate(list(read_toys(scan_file, "ee", 300)))
    assert np.allclose(blocks[200:], plane_field(60, 6, 0.5, 0.5)(rng(40), 100), rtol=1e-6, atol=1e-12)


def test_toys_beside_a_real_scan(tmp_path):
    """The file of the scan engine stays readable as such; one lifetime is a scan over mass; toys can be replaced."""
    mass = np.array([1.0, 1.01])
    channel = MassChannel("k", gaussian(mass[:, None], 0.005), windows(mass[:, None], 0.005, (0.0, 4.8)), data=[1.01])
    write_scans(tmp_path / "scan.h5", {"k": scan(mass, [0.0], [channel])})
    add_toys(tmp_path, {"k": [np.zeros((5, 2))]})
    add_toys(tmp_path, {"k": [np.zeros((3, 2)), np.zeros((1, 2, 1))]}, {"k": [0, 1]})
    assert read_scans(tmp_path / "scan.h5")["k"].q0.shape == (2, 1)
    found = read_observed(tmp_path)["k"]
    assert found.q0.shape == (2,) and found.n_toys == 4 and found.at((1,)) == {"mass_GeV": 1.01}
    assert CliRunner().invoke(cli, ["significance", str(tmp_path), "--method", "toys"]).exit_code == 0


def test_a_scan_without_toys_is_refused(tmp_path, capfd):
    bare_scan(tmp_path / "scan.h5", {"e": (np.arange(1.0, 11.0), [0.0], line_field(10, 0.5)(rng(50), 1).T)})
    assert run(["significance", str(tmp_path)]) == 2
    assert "0 background toys" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("toys", "stretches", "message"),
    [
        ({"m": []}, None, "scan 'm', which is not in the file: it has e"),
        ({"e": [np.ones((1, 3))]}, None, "toys of shape"),
        ({}, {"e": [0, 1, 2]}, "stretches of shape"),
    ],
)
def test_bad_toys_are_refused_and_change_nothing(tmp_path, toys, stretches, message):
    bare_scan(tmp_path / "scan.h5", {"e": (np.ones(2), [0.0], np.ones((2, 1)))})
    before = (tmp_path / "scan.h5").read_bytes()
    with pytest.raises(InputError, match=message):
        add_toys(tmp_path, toys, stretches)
    assert [p.name for p in tmp_path.iterdir()] == ["scan.h5"] and (tmp_path / "scan.h5").read_bytes() == before


def test_damaged_scans_are_refused(tmp_path):
    for scans, message in (
        ({}, "without scans"),
        ({"e": (np.ones(2), [0.0], np.ones((3, 1)))}, "another grid"),
    ):
        bare_scan(tmp_path / "scan.h5", scans)
        with pytest.raises(InputError, match=message):
            read_observed(tmp_path)
