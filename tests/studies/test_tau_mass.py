"""The tau mass: generator at other masses, pseudomass, shifts, jackknife, and the study at reduced scale."""

import json

import numpy as np
import pytest

from toymc.analysis import tag_shifts
from toymc.analysis.pseudomass import radiated_energy, stacked, tracks_pseudo_mass, true_pseudo_mass
from toymc.cli.main import main
from toymc.constants import M_PI, M_TAU
from toymc.detector import build_detector, simulate
from toymc.errors import InputError
from toymc.generators.processes import prepare
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.inference.estimators import Estimates
from toymc.production.measurement.jackknife import jackknife, parts_of
from toymc.production.measurement.stored import moved_spectra, read_spectra
from toymc.production.spectra import fill, run_sample
from toymc.streams import stream
from toymc.studies import STUDIES
from toymc.studies.study import NOMINAL, Spectrum
from toymc.studies.tau_mass import PARTS, SHIFTS, SIGNAL, TAU_MASS, THIN_SHARE, _thin

BEAM = load_beam("belle2")


def pairs(n, name="tau_mass_test", **parameters):
    process = prepare("tau_pair", {**SIGNAL, **parameters})
    return process.generate(stream(1, name, "test", 0), n)


def run_cli(*words):
    """Exit code of the command."""
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return left.value.code or 0


@pytest.fixture(scope="module")
def selected():
    """Columns of the selected events of one batch."""
    batch = pairs(6000)
    reco = simulate(batch, build_detector(load_card("belle2")), stream(1, "tau_mass_test", "simulate", 0))
    columns, _ = TAU_MASS.observe(reco)
    return columns


# -- the generator ----------------------------------------------------------------


@pytest.mark.parametrize("mass", [M_TAU - 0.008, M_TAU, M_TAU + 0.02])
def test_daughters_of_a_tau_have_its_mass(mass):
    batch = pairs(500, tau_mass=mass, fsr=False)
    event = np.repeat(np.arange(500), np.diff(batch.offsets))
    for side in (0, 1):
        mine = batch.mother == side
        e, px, py, pz = (np.bincount(event[mine], column[mine], 500)
                         for column in (batch.energy, batch.px, batch.py, batch.pz))  # fmt: skip
        assert np.allclose(np.sqrt(e**2 - px**2 - py**2 - pz**2), mass, rtol=0.0, atol=1e-9)
    assert np.all(batch.mass[batch.offsets[:-1]] == mass)


def test_energy_of_the_collision_is_kept_at_another_mass():
    batch = pairs(2000, tau_mass=M_TAU + 0.02)
    event = np.repeat(np.arange(2000), np.diff(batch.offsets))
    first = batch.mother == -1
    total = [np.bincount(event[first], c[first], 2000) for c in (batch.energy, batch.px, batch.py, batch.pz)]
    sqrt_s = np.sqrt(total[0] ** 2 - total[1] ** 2 - total[2] ** 2 - total[3] ** 2)
    spread = 0.5 * np.hypot(
        BEAM.electron.energy_spread_GeV.value * BEAM.sqrt_s / BEAM.electron.energy_GeV.value,
        BEAM.positron.energy_spread_GeV.value * BEAM.sqrt_s / BEAM.positron.energy_GeV.value,
    )
    # five standard errors of the mean
    assert abs(sqrt_s.mean() - BEAM.sqrt_s) < 5.0 * spread / np.sqrt(2000)


@pytest.mark.parametrize("mass", [1.7, 1.9, "heavy", float("nan")])
def test_impossible_tau_masses_are_refused(mass):
    with pytest.raises(InputError, match="tau_mass"):
        prepare("tau_pair", {"tau_mass": mass})


# -- pseudomass and thinning ----------------------------------------------------------------


def test_true_pseudomass_ends_at_the_mass_of_the_tau():
    for mass in (M_TAU, M_TAU - 0.008):
        value = true_pseudo_mass(pairs(20_000, isr=False, fsr=False, tau_mass=mass), BEAM.boost, BEAM.sqrt_s)
        # the energy spread of the beams moves it by a few MeV at most
        assert mass - 0.004 < np.max(value) < mass + 0.012
        assert np.mean(value > mass) < 0.01


def test_pseudomass_of_three_tracks_against_four_vectors():
    rng = stream(3, "pseudomass", "test", 0)
    p = rng.normal(0.0, 1.0, (20, 3, 3))
    b = np.array(BEAM.boost)
    found = tracks_pseudo_mass(p, b, BEAM.sqrt_s)
    gamma = 1.0 / np.sqrt(1.0 - b @ b)
    for tracks, value in zip(p, found, strict=True):
        energy = sum(np.sqrt(t @ t + M_PI**2) for t in tracks)
        total = tracks.sum(axis=0)
        boosted = total + b * (gamma**2 / (1.0 + gamma) * (b @ total) - gamma * energy)
        e = gamma * (energy - b @ total)
        square = e**2 - boosted @ boosted + 2.0 * (0.5 * BEAM.sqrt_s - e) * (e - np.linalg.norm(boosted))
        assert value == pytest.approx(np.sqrt(square), rel=1e-10)


def test_thinned_events_stand_for_all():
    batch = pairs(30_000)
    thin = _thin(batch, stream(2, "thin", "test", 0))
    near = true_pseudo_mass(batch, BEAM.boost, BEAM.sqrt_s) > 1.66
    assert thin.n_events < 0.4 * batch.n_events
    assert np.sum(true_pseudo_mass(thin, BEAM.boost, BEAM.sqrt_s) > 1.66) == near.sum()
    # binomial error of the dropped part, five standard deviations
    error = batch.weight[0] * np.sqrt((~near).sum() * (1.0 - THIN_SHARE) / THIN_SHARE)
    assert abs(thin.weight.sum() - batch.weight.sum()) < 5.0 * error


def test_radiated_energy_is_zero_without_radiation():
    assert np.all(radiated_energy(pairs(200, isr=False, fsr=False)) == 0.0)
    assert np.mean(radiated_energy(pairs(200)) > 0.0) > 0.5
    assert np.any(radiated_energy(pairs(2000, isr=False), mothers=(0, 1)) > 0.0)


# -- shifts ----------------------------------------------------------------


def test_columns_and_tracks_give_one_pseudomass(selected):
    again = tracks_pseudo_mass(stacked(selected), BEAM.boost, BEAM.sqrt_s)
    good = np.isfinite(again)
    assert len(again) > 1000
    assert np.allclose(again[good], selected["tag3hMmin"][good], rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("shift", ["energy", "boost", "scale", "curvature"])
def test_shifts_of_size_zero_change_nothing(selected, shift):
    value, factor = getattr(tag_shifts, f"{shift}_shift")(BEAM, 0.0, selected)
    good = np.isfinite(value)
    assert np.allclose(value[good], selected["tag3hMmin"][good], rtol=0.0, atol=1e-9)
    assert np.all(factor == 1.0)


def test_every_shift_gives_a_value_and_a_weight(selected):
    for name, shift in SHIFTS.items():
        value, factor = shift(selected)
        assert value.shape == factor.shape == selected["tag3hMmin"].shape, name
        assert np.all(np.isfinite(factor)) and np.all(factor >= 0.0), name


def test_boost_shift_keeps_the_energy_in_the_centre_of_mass(selected):
    """4 E1 E2 is kept: 7 MeV up for the electrons is 4.002 * 7 / 7.011 MeV down for the positrons."""
    high, low, move = BEAM.electron.energy_GeV.value, BEAM.positron.energy_GeV.value, 0.007
    other = low * high / (high + move)
    assert (high + move) * other == pytest.approx(high * low, rel=1e-14)
    up, _ = tag_shifts.boost_shift(BEAM, move, selected)
    b = np.array(BEAM.boost) * np.array([1.0, 1.0, (high + move - other) / (high - low)])
    good = np.isfinite(up)
    assert np.array_equal(up[good], tracks_pseudo_mass(stacked(selected), b, BEAM.sqrt_s)[good])


def test_perfect_tracks_have_the_true_pseudomass(selected):
    value, _ = tag_shifts.resolution_shift(BEAM, 0.0, selected)
    true = tracks_pseudo_mass(stacked(selected, true=True), BEAM.boost, BEAM.sqrt_s)
    good = np.isfinite(true)
    assert np.array_equal(value[good], true[good])
    assert np.median(np.abs(value[good] - selected["tag3hMmin"][good])) > 5e-4


# -- rooms ----------------------------------------------------------------


def mean_of_bins(counts):
    place = np.arange(counts.shape[1])
    return Estimates.of(counts @ place / counts.sum(axis=1), 1.0)


def test_jackknife_error_of_a_mean():
    rng = stream(4, "jackknife", "test", 0)
    bins = rng.integers(0, 50, 40_000)
    parts = np.stack([np.bincount(part, minlength=50).astype(float) for part in bins.reshape(200, 200)])
    found = jackknife(mean_of_bins, parts, np.zeros(50), "mean")
    assert found.value == pytest.approx(bins.mean(), rel=1e-12)
    # chi2 with 199 degrees of freedom: 5 % of the error is one standard deviation
    assert found.number.error == pytest.approx(bins.std() / np.sqrt(len(bins)), rel=0.25)
    assert found.minus(found).error == 0.0


def test_jackknife_says_when_a_fit_fails():
    with pytest.raises(InputError, match="raise --scale"):
        jackknife(lambda counts: Estimates.of(np.full(len(counts), np.nan), 1.0), np.ones((3, 60)), np.zeros(60), "x")


def test_straight_line_through_a_template():
    u = (2.0 * np.arange(100) + 1.0) / 100 - 1.0
    line = 1.0 + 0.4 * u
    flat = Spectrum(line, line, line, {}, {}).straightened()
    # the bin centres carry 1 - 1/n^2 of the second moment
    assert np.allclose(flat.nominal, 1.0 + 0.4 * (1.0 - 1e-4) * u, rtol=1e-9)
    empty = Spectrum(np.zeros(5), np.zeros(5), np.zeros(5), {}, {})
    assert empty.straightened() is empty


def test_parts_add_up_to_the_spectrum():
    detector = build_detector(load_card("belle2"))
    sample = TAU_MASS.samples[0]
    run = run_sample(TAU_MASS, sample, detector, BEAM, 190.0, 1, 20_000)
    parts = parts_of(run, "mmin", NOMINAL)
    # two chunks
    assert len(parts) == 2 < PARTS
    total = parts.sum(axis=0)
    assert np.allclose(total, run.spectrum(TAU_MASS.channels[0], "events").nominal, rtol=1e-12)
    assert run.outcome.generated == 20_000
    assert set(SHIFTS) | {NOMINAL} == {shift for _, shift, _ in run.outcome.shifted}
    moved = moved_spectra(TAU_MASS, run)
    assert {name for name, _, _ in moved} == set(TAU_MASS.moved)
    for spectrum in moved.values():
        # the range holds a few per cent more or less, all of them as many as before
        assert spectrum.nominal.sum() == pytest.approx(total.sum(), rel=0.15)
    other = TAU_MASS.samples[1]
    few = run_sample(TAU_MASS, other, detector, BEAM, 190.0, 1, 2_000)
    assert {shift for _, shift, _ in few.outcome.shifted} == {NOMINAL}
    with pytest.raises(InputError, match="raise --scale"):
        jackknife(TAU_MASS.fits["pseudomass_edge"], parts_of(few, "mmin", NOMINAL), np.zeros(1000), "few")
    batch = sample.thin(pairs(500), stream(1, "thin", "test", 1))
    assert fill(TAU_MASS, sample, detector, simulate(batch, detector, stream(1, "x", "test", 0))).shifted


# -- the study ----------------------------------------------------------------


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("tau_mass") / "run"
    assert run_cli("study", "run", "tau_mass", "--scale", "0.02", "--out", str(out)) == 0
    return out


def test_result_has_what_the_contract_names(quick_run):
    result = json.loads((quick_run / "result.json").read_text())
    entry = next(e for e in result["estimators"] if e["name"] == "pseudomass_edge")
    for key in ("value", "stat_error", "bias", "bias_error", "pull_mean", "pull_width", "slope"):
        assert np.isfinite(entry[key]), key
    assert {e["name"] for e in result["estimators"]} == set(TAU_MASS.fits)
    moved = next(e for e in result["estimators"] if e["method"] == "same events moved")
    # five standard deviations of the statistics of the simulation
    assert abs(moved["slope"] - 1.0) < 5.0 * max(moved["slope_error"], 0.02)
    assert [float(row["name"]) for row in moved["by_truth"]] == sorted(round(v, 2) for v in TAU_MASS.moved.values())
    assert 0.05 < entry["stat_error"] < 0.13
    assert abs(entry["bias"]) < 4.0
    assert {s["name"] for s in entry["systematics_table"]} == {v.name for v in TAU_MASS.variations}
    assert {s["name"] for s in entry["effects"]} == {"resolution off", "ISR off", "FSR off", "ISR and FSR off"}
    for plot in ("spectrum", "pulls", "bias", "systematics", "luminosity_1", "luminosity_2"):
        assert (quick_run / "plots" / f"{plot}.png").is_file()
    assert result["published"][0]["value"] == 1777.09
    read_spectra(quick_run / "spectra.h5", TAU_MASS)


def test_projection_of_a_stored_run_stops_at_the_floor(quick_run, tmp_path):
    out = tmp_path / "projection"
    assert run_cli("study", "project", "tau_mass", "--run", str(quick_run), "--out", str(out)) == 0
    found = json.loads((out / "result.json").read_text())["projections"]
    names = ("m_tau, our own sizes", "m_tau, published sizes")
    assert sorted({p["parameters"]["measurement"] for p in found}) == sorted(names)
    rows = {p["scenario"]: p for p in found if p["parameters"]["measurement"] == names[1]}
    statistical, scaling, frozen = (rows[name]["total_error"] for name in ("statistical", "scaling", "frozen"))
    assert statistical[-1] == pytest.approx(statistical[0] * np.sqrt(190.0 / 50_000.0), rel=1e-6)
    assert statistical[-1] < scaling[-1] < frozen[-1] < frozen[0]


def test_a_pseudo_dataset_gives_its_mass_back(quick_run, tmp_path, capsys):
    data, out = tmp_path / "data.h5", tmp_path / "observed"
    words = ("dataset", "tau_mass", "--luminosity", "3", "--inject", "mass_GeV=1.784", "--out", str(data))
    assert run_cli(*words) == 0
    assert (tmp_path / "data.truth.h5").is_file()
    assert run_cli("study", "run", "tau_mass", "--scale", "0.02", "--data", str(data), "--out", str(out)) == 0
    entry = json.loads((out / "result.json").read_text())["estimators"][0]
    assert entry["method"] == "data"
    # five standard deviations of the data and of the simulated bias
    assert abs(entry["value"] - 1784.0) < 5.0 * np.hypot(entry["stat_error"], entry["bias_error"])


def test_linearity_of_pseudo_datasets(quick_run, capsys):
    words = ("--run", str(quick_run), "--luminosity", "3", "--values", "1768.93,1784.93", "--json")
    assert run_cli("study", "linearity", "tau_mass", *words) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["injected"] for row in found["datasets"]] == [1768.93, 1784.93]
    slope = found["line"]["slope"]
    # two masses at 3/fb: known to 6 %; five standard deviations
    assert slope["error"] < 0.12 and abs(slope["value"] - 1.0) < 5.0 * slope["error"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dataset", "tau_mass", "--inject", "mass_GeV=2.0"), "mass_GeV"),
        (("dataset", "tau_mass", "--inject", "channel=e"), "mass_GeV"),
        (("dataset", "tau_mass", "--luminosity", "-1"), "luminosity"),
    ],
)
def test_bad_input_of_datasets(words, message, tmp_path, capsys):
    assert run_cli(*words, "--out", str(tmp_path / "data.h5")) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_bad_input_of_runs(quick_run, tmp_path, capsys):
    sources = tmp_path / "sources.toml"
    sources.write_text('sources = ["trigger"]\n')
    target = str(tmp_path / "out")
    assert run_cli("study", "run", "tau_mass", "--systematics", str(sources), "--out", target) == 2
    assert "all or none" in capsys.readouterr().err
    assert run_cli("study", "project", "tau_mass", "--run", str(tmp_path), "--out", target) == 2
    (quick_run / "spectra.h5").rename(quick_run / "spectra.away")
    try:
        assert run_cli("study", "validate", "tau_mass", "--run", str(quick_run), "--out", target) == 2
        assert "spectra.h5" in capsys.readouterr().err
    finally:
        (quick_run / "spectra.away").rename(quick_run / "spectra.h5")


def test_the_study_is_listed():
    assert STUDIES["tau_mass"] is TAU_MASS
    assert TAU_MASS.samples[0].parameters == SIGNAL
