"""A small search from samples to its folder: limits, toys, data with an injected signal, bad input."""

import dataclasses
import json

import h5py
import numpy as np
import pytest

from tests.production import scan_probe
from toymc.errors import InputError
from toymc.io.scan_file import read_scans
from toymc.production.compute import RunOptions
from toymc.production.scan import compute, dataset, toys
from toymc.production.scan.compute import compute_scan, nearest_point
from toymc.production.scan.dataset import check_injection, draw_candidates, read_candidates, write_candidates
from toymc.production.scan.project import project_scan_study
from toymc.production.scan.run import run_scan_study
from toymc.report.result import read_result
from toymc.report.tables import limit_table
from toymc.studies.b_k_scalar import ALL_CHANNELS

STUDY = scan_probe.small_study()
NAME = "kplus_mumu"
SIGNAL = {"channel": NAME, "mass_GeV": 1.01, "ctau_cm": 1.0, "value": 4e-7}


def options(workers: int = 1) -> RunOptions:
    return RunOptions(None, 1, 1.0, workers, "local", None, "all")


@pytest.fixture(scope="module", autouse=True)
def small():
    """Background candidates by hand, few toys."""
    with pytest.MonkeyPatch.context() as patch:
        for room in (compute, dataset):
            patch.setattr(room, "background_tables", scan_probe.background_tables)
        patch.setattr(toys, "LIMIT_TOYS", 800)
        patch.setattr(toys.add_significance, "__defaults__", (64, None))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "data.h5"
    drawn = draw_candidates(STUDY, 189.0, 3, SIGNAL)
    return file, drawn, write_candidates(file, STUDY, drawn, 189.0, 3, SIGNAL)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    return out, run_scan_study(STUDY, out, options(), data=data[0])


@pytest.fixture(scope="module")
def reference():
    return compute_scan(STUDY, options(), "reference")


def test_files_and_schema(finished):
    out, result = finished
    assert {p.name for p in out.iterdir()} >= {"result.json", "scan.h5", "run.toml", "report.html", "plots", "hepdata"}
    assert read_result(out) == result
    plain = json.loads((out / "result.json").read_text())
    # 3 GeV is not open in this study: one reference mass, two lifetimes
    assert [h["parameters"] for h in plain["hypotheses"]] == [
        {"channel": NAME, "mass_GeV": 1.0, "ctau_cm": ctau} for ctau in (0.5, 1.0)
    ]
    for h in plain["hypotheses"]:
        assert h["cl"] == 0.95 and h["observed"] > 0 and 0.1 < h["efficiency"] < 0.6
        assert 0.001 < h["resolution_GeV"] < 0.006 and h["background"] > 0
        # CLs of 0.05 from 800 toys has an error of 15 %: limits scatter by 0.15 of 3.0 events, ratios by 7 %
        for bands, most in ((h["expected"], 1.0), (h["expected_toys"], 1.3)):
            values = [bands[key] for key in ("-2", "-1", "0", "+1", "+2")]
            assert 0 < values[0] < most * values[2] < most**2 * values[4]
        assert h["interpretation"]["model"] == "higgs_scalar"
    assert {"p_values_kplus_mumu.png", "limit_kplus_mumu.pdf"} <= {p.name for p in (out / "plots").iterdir()}
    assert {s["name"].split(" ")[0] for s in plain["samples"]} == {"accidental", "signal"}


def test_toys_where_few_events_are_expected(finished):
    """With 0.3 background events under the peak an empty window says 3.0 events, asymptotically less."""
    _, result = finished
    for h in result.hypotheses:
        per_event = 198e6 * h.efficiency
        assert h.background < 2.0
        assert 3.0 - 4 * 0.15 < h.expected_toys.median * per_event < 5.0
        # the edge at -2 sigma rests on one toy in a thousand
        assert h.expected_toys.minus1 * per_event > 2.0 > h.expected.minus1 * per_event


def test_excess_in_the_notes_and_the_file(finished):
    out, result = finished
    (note,) = [n for n in result.notes if "largest excess" in n]
    assert note.startswith("kplus_mumu: largest excess at 1.0") and "64 background toys" in note
    scanned = read_scans(out / "scan.h5")[NAME]
    i, k = np.unravel_index(np.argmax(scanned.q0), scanned.q0.shape)
    # 4e-7 is some 20 events: found at its mass within two widths, with a small p-value
    assert abs(scanned.masses[i] - 1.01) < 0.006
    assert scanned.p0[i, k] < 1e-6
    with h5py.File(out / "scan.h5") as file:
        assert file[NAME]["toys_q0"].shape == (64, *scanned.q0.shape)
        assert np.all(file[NAME]["stretch"][:] == 0)


def test_injected_yield_comes_back(finished):
    scanned = read_scans(finished[0] / "scan.h5")[NAME]
    at = nearest_point(scanned, 1.01, 1.0)
    assert abs(scanned.value[at] - 4e-7) < 3.5 * scanned.error[at] < 4e-7


def test_all_and_reference_points_agree(finished, reference):
    """Nearest mass of the scan against the mass itself: the expected limits of a smooth background within 5 %."""
    ours = {h.parameters["ctau_cm"]: h for h in reference.result.hypotheses}
    for h in finished[1].hypotheses:
        assert h.expected.median == pytest.approx(ours[h.parameters["ctau_cm"]].expected.median, rel=0.05)
        assert ours[h.parameters["ctau_cm"]].observed is None
    assert reference.channels[NAME].scan.masses.tolist() == [1.0]


def test_steps_of_half_the_resolution(finished):
    scanned = read_scans(finished[0] / "scan.h5")[NAME]
    sigma = finished[1].hypotheses[1].resolution_GeV
    assert np.allclose(np.diff(scanned.masses), 0.5 * sigma, rtol=0.2)


def test_workers_do_not_change_a_byte(finished, data, tmp_path):
    run_scan_study(STUDY, tmp_path / "two", options(2), data=data[0])
    one = finished[0]
    assert (one / "scan.h5").read_bytes() == (tmp_path / "two" / "scan.h5").read_bytes()
    a, b = (json.loads((folder / "result.json").read_text()) for folder in (one, tmp_path / "two"))
    assert {k: v for k, v in a.items() if k != "timing"} == {k: v for k, v in b.items() if k != "timing"}


def test_dataset_comes_back_with_its_truth_apart(data):
    file, drawn, sealed = data
    assert sealed.name == "data.truth.h5"
    with h5py.File(file) as opened:
        assert set(opened.attrs) == {"study", "luminosity_fb"}
        assert set(opened[f"channels/{NAME}"]) == {"Mred", "M", "dv"}
    with h5py.File(sealed) as opened:
        assert opened.attrs["value"] == 4e-7
        assert len(opened[f"channels/{NAME}/origin"]) == drawn.counts()[NAME]
    back = read_candidates(file, STUDY)
    displaced, tight = back.masses[NAME]
    assert back.luminosity_fb == 189.0
    assert len(displaced) == drawn.counts()[NAME] > len(tight) > 0
    signal = drawn.sources.index(f"{NAME} signal")
    n = int(np.sum(drawn.origin[NAME] == signal))
    expected = 198e6 * 4e-7 * 0.25
    assert 0.3 * expected < n < 3.0 * expected


def test_background_of_a_dataset_is_the_expected_one():
    """The mean of ten datasets: within 4 sigma of the expected 50 events; the same seed gives the same candidates."""
    counts = [draw_candidates(STUDY, 189.0, seed).counts()[NAME] for seed in range(10, 20)]
    assert abs(np.mean(counts) - 50.0) < 4 * np.sqrt(50.0 / 10) + 2.0
    one, again = (draw_candidates(STUDY, 189.0, 5).columns[NAME]["Mred"] for _ in range(2))
    assert np.array_equal(one, again)


@pytest.mark.parametrize("name", ["kplus_ee", "kstar_mumu"])
def test_other_channels_run(name, tmp_path):
    """Channels without a published grid, from samples to the report."""
    channel = next(c for c in ALL_CHANNELS if c.name == name)
    channel = dataclasses.replace(channel, nodes=(0.95, 1.0, 1.06), mass_range=(0.96, 1.05))
    study = dataclasses.replace(STUDY, channels=(channel,))
    result = run_scan_study(study, tmp_path / name, options(), points="reference")
    assert {h.parameters["channel"] for h in result.hypotheses} == {name}
    plots = {p.stem for p in (tmp_path / name / "plots").iterdir()}
    assert f"limit_{name}" in plots and f"ratio_{name}" not in plots
    partial = [note for note in result.notes if note.startswith(f"{name}: limits hold for the reconstructed part")]
    table = limit_table(result)
    if name.startswith("kstar"):
        # both readings: K*0 -> K+ pi- alone, and all decays of the K*0
        assert len(partial) == 1 and "0.6667" in partial[0]
        given, all_decays = (table.header.index(key) for key in ("expected", "expected, all decays"))
        assert all(row[all_decays] == pytest.approx(1.5 * row[given], rel=2e-3) for row in table.rows)
    else:
        assert not partial and "expected, all decays" not in table.header


def test_notes_compare_with_the_publication(finished):
    """Limits and resolutions beside the published ones, in sentences."""
    _, result = finished
    (limits,) = [note for note in result.notes if "over published observed limit" in note]
    assert limits.startswith("kplus_mumu") and "2 points" in limits


def test_projection_with_its_pages(tmp_path):
    """A background that is small today: limits fall faster than 1/sqrt(L), more slowly than 1/L."""
    result = project_scan_study(STUDY, tmp_path / "out", options(), 50_000.0)
    for p in result.projections:
        today, then = p.expected[0].median, p.expected[-1].median
        assert np.sqrt(50_000 / 189) < today / then < 50_000 / 189
    assert any("background events at 189 /fb" in note for note in result.notes)
    plots = {p.stem for p in (tmp_path / "out" / "plots").iterdir()}
    assert {"luminosity_kplus_mumu_1cm", "mass_kplus_mumu_1cm"} <= plots


def test_number_of_toys_in_whole_blocks(finished, reference):
    with pytest.raises(InputError, match="multiple of 32"):
        toys.add_significance(finished[0] / "scan.h5", reference, 33)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channel": "kplus_tautau"}, "no channel 'kplus_tautau'"),
        ({"mass_GeV": 3.0}, "allowed are 0.96 to 1.05 GeV"),
        ({"mass_GeV": float("nan")}, "positive number"),
        ({"ctau_cm": 0.0}, "ctau_cm = 0.0"),
        ({"value": -1e-7}, "positive number"),
        ({"value": "much"}, "positive number"),
    ],
)
def test_signals_that_cannot_be(change, words):
    with pytest.raises(InputError, match=words):
        check_injection(STUDY, {**SIGNAL, **change})


@pytest.mark.parametrize("luminosity", [0.0, -1.0, float("inf"), float("nan")])
def test_bad_luminosity(luminosity):
    with pytest.raises(InputError, match="luminosity"):
        draw_candidates(STUDY, luminosity, 1)


def _write(file, study="b_k_scalar", channel=NAME, mred=(1.0,), dv=(0.1,), luminosity=1.0):
    with h5py.File(file, "w") as opened:
        opened.attrs["study"] = study
        if luminosity is not None:
            opened.attrs["luminosity_fb"] = luminosity
        opened[f"channels/{channel}/Mred"], opened[f"channels/{channel}/dv"] = np.array(mred), np.array(dv)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"study": "tau_l_alpha"}, "data of study 'tau_l_alpha'"),
        ({"channel": "kplus_ee"}, "has no dataset 'channels/kplus_mumu/Mred'"),
        ({"mred": (1.0, 2.0)}, "2 masses and 1 displacements"),
        ({"mred": (float("nan"),)}, "finite numbers"),
        ({"dv": (-0.1,)}, "finite numbers"),
        ({"mred": ((1.0,),)}, "finite numbers"),
        ({"luminosity": None}, "luminosity_fb"),
        ({"luminosity": 0.0}, "luminosity_fb"),
    ],
)
def test_foreign_data(tmp_path, content, words):
    _write(tmp_path / "x.h5", **content)
    with pytest.raises(InputError, match=words):
        read_candidates(tmp_path / "x.h5", STUDY)


def test_files_that_are_none(tmp_path):
    (tmp_path / "x.h5").write_text("no HDF5")
    for file in (tmp_path / "x.h5", tmp_path / "missing.h5"):
        with pytest.raises(InputError, match="cannot read"):
            read_candidates(file, STUDY)


@pytest.mark.parametrize(
    ("points", "systematics", "words"), [("few", "all", "points 'few'"), ("all", "x.toml", "takes all or none")]
)
def test_options_that_the_study_does_not_have(points, systematics, words):
    with pytest.raises(InputError, match=words):
        compute_scan(STUDY, dataclasses.replace(options(), systematics=systematics), points)
