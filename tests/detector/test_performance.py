"""What a card promises: probes, the grid against its reference, single numbers, the published table."""

import math

import numpy as np
import pytest

from toymc.constants import mass
from toymc.detector import build_detector, detector_performance
from toymc.detector.finding import tracking_efficiency
from toymc.detector.performance import averages, measure
from toymc.detector.performance.grid import prompt_efficiency
from toymc.detector.performance.measure import measure_performance
from toymc.detector.performance.probes import decays, found_rows, isotropic, width
from toymc.detector.performance.published import PublishedEntry, published_comparison, published_entries
from toymc.detector.performance.summary import summarise, two_terms
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.streams import stream

# pions at 90 degrees, all layers, both pixel layers: independent weight-matrix calculation
P = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0)
REFERENCE = {
    "sigma_pt_over_pt": (0.0017, 0.0019, 0.0020, 0.0023, 0.0028, 0.0037),
    "sigma_d0_um": (57.0, 35.0, 20.5, 13.6, 11.1, 9.0),
    "sigma_z0_um": (58.0, 37.0, 22.0, 15.0, 13.0, 11.0),
}


def test_the_ideal_grid_agrees_with_the_reference():
    grid = detector_performance(load_card("belle2_run2"), ["pi"], P, [90.0], ideal=True)
    deviations = []
    for quantity, values in REFERENCE.items():
        ours = np.array([row[quantity] for row in grid])
        deviations += list(np.abs(ours / values - 1.0))
    # the reference has two or three digits
    assert np.median(deviations) < 0.05 and np.quantile(deviations, 0.9) < 0.12


def test_the_grid_keeps_the_order_and_the_efficiency_of_the_finding():
    card = load_card("belle2")
    grid = detector_performance(card, ["mu", "pi"], [0.4, 1.0], [30.0, 90.0])
    order = [(row["species"], row["p_GeV"], row["theta_deg"]) for row in grid]
    assert order == [(s, p, a) for s in ("mu", "pi") for p in (0.4, 1.0) for a in (30.0, 90.0)]
    p, theta = np.array([0.2, 1.0, 1.0]), np.array([90.0, 25.0, 140.0])
    expected = tracking_efficiency(build_detector(card), "pi", p, np.radians(theta))
    np.testing.assert_allclose(prompt_efficiency(card, p, theta), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["unicorn"],), "unknown species 'unicorn'"),
        ((["pi"], [0.0]), "give momenta above 0"),
        ((["pi"], [math.nan]), "give momenta above 0"),
        ((["pi"], [1.0], [5.0]), "theta 5.0 degrees is outside"),
        ((["pi"], [1.0], [math.nan]), "outside"),
    ],
)
def test_bad_grids_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        detector_performance(load_card("belle2"), *arguments)


def test_decays_conserve_momentum_and_mass():
    rng = stream(1, "probes", "test", 0)
    p, axis, flight = rng.uniform(0.0, 5.0, 500), isotropic(rng, 500), rng.uniform(0.0, 50.0, 500)
    batch = decays(mass(421), (421, -321, 211), p, axis, rng, flight)
    batch.validate()
    momentum = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1).reshape(500, 3, 4)
    np.testing.assert_allclose(momentum[:, 1] + momentum[:, 2], momentum[:, 0], atol=1e-9)
    np.testing.assert_allclose(momentum[:, 0, :3], axis * p[:, None], atol=1e-12)
    place = np.stack([batch.x, batch.y, batch.z], axis=1).reshape(500, 3, 3)
    np.testing.assert_allclose(place[:, 1], axis * flight[:, None], atol=1e-12)
    assert np.all(place[:, 0] == 0.0)
    # isotropic in the rest frame: mean cosine 0 within four standard errors
    cosine = np.sum((momentum[:, 1, :3] - momentum[:, 2, :3]) * axis, axis=1)
    slow = decays(1.0, (35, -13, 13), np.zeros(4000), isotropic(rng, 4000), rng)
    star = slow.pz.reshape(-1, 3)[:, 1] / np.linalg.norm([slow.px, slow.py, slow.pz], axis=0).reshape(-1, 3)[:, 1]
    assert abs(star.mean()) < 4.0 / math.sqrt(3.0 * 4000) and len(cosine) == 500
    with pytest.raises(InputError, match="does not decay into"):
        decays(0.1, (111, 13, -13), np.ones(3), isotropic(rng, 3), rng)


def test_rows_are_found_and_widths_are_quantiles():
    offsets, truth = np.array([0, 2, 2, 5]), np.array([1, 2, 2, 1, 1], dtype=np.int32)
    assert found_rows(offsets, truth, 1).tolist() == [0, -1, 3]
    assert found_rows(offsets, truth, 2).tolist() == [1, -1, 2]
    values = stream(2, "width", "test", 0).normal(3.0, 0.5, 100_000)
    assert width(values) == pytest.approx(0.5, rel=0.01)
    assert math.isnan(width(np.zeros(3)))


def test_two_terms_are_found_again():
    p = np.array([0.5, 1.0, 2.0, 4.0])
    beta = p / np.hypot(p, 0.13957)
    assert two_terms(np.hypot(0.11 * p, 0.3 / beta), p, 1.0 / beta) == pytest.approx((0.11, 0.3))
    # a term that is not there is 0, not NaN
    a, b = two_terms(0.3 / beta, p, 1.0 / beta)
    assert b == pytest.approx(0.3) and a < 1e-6


@pytest.fixture(scope="module")
def measured():
    card = load_card("belle2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_N", 600)
        patch.setattr(averages, "_N", 600)
        steps = []
        found = measure_performance(card, progress=lambda done, total: steps.append((done, total)))
        assert steps[-1] == (len(steps), len(steps))
        yield found, summarise(card, found)


def test_probabilities_are_probabilities_and_rise_where_they_must(measured):
    found, _ = measured
    for key, name in (
        ("photons", "efficiency"), ("pi0", "efficiency"), ("masses", "efficiency"), ("displaced", "along_radius"),
        ("conversions", "probability"), ("identification", "probability"), ("klm", "hit"), ("trigger", "probability"),
        ("neutral_hadrons", "either"),
    ):  # fmt: skip
        values = np.array([row[name] for row in found[key]])
        assert np.all((values >= 0.0) & (values <= 1.0)), key
    inside = [r["probability"] for r in found["conversions"] if r["theta_deg"] == 90.0 and r["E_GeV"] == 1.0]
    assert np.all(np.diff(inside) >= 0.0) and 0.02 < inside[-1] < 0.05
    displaced = [row["along_radius"] for row in found["displaced"]]
    assert displaced[0] > 0.9 > displaced[-1]
    muons = {row["p_GeV"]: row["hit"] for row in found["klm"] if row["species"] == "mu" and row["theta_deg"] == 90.0}
    assert muons[0.5] < 0.1 and muons[2.0] > 0.9
    assert set(found["tuning"]) == {
        "silicon_rphi", "silicon_z", "chamber_hit", "silicon_material", "chamber_material",
    }  # fmt: skip


def test_summary_has_what_the_published_table_asks_for(measured):
    _, summary = measured
    asked = {entry.ours for entry in published_entries() if "belle2" in entry.cards}
    assert asked - set(summary) == {"photon_gain_gnn"}
    rows = published_comparison("belle2", summary)
    assert [row["quantity"] for row in rows if row["ours"] is None] == [
        "gain in photon energy resolution from graph neural networks"
    ]
    # within a factor of two of everything published, with 600 probes a point
    for row in rows:
        assert row["ratio"] is None or 0.5 < row["ratio"] < 2.0, row


def test_published_entries_are_checked_and_compared():
    good = {"ours": "a", "quantity": "q", "condition": "", "unit": "", "tag": "P", "source": "somewhere",
            "cards": ("belle2",)}  # fmt: skip
    with pytest.raises(ValueError, match="either a value or low and high"):
        PublishedEntry(**good)
    with pytest.raises(ValueError, match="must be below"):
        PublishedEntry(**good, low=2.0, high=1.0)
    assert PublishedEntry(**good, low=1.0, high=2.0).value is None
    rows = {row["condition"]: row for row in published_comparison("belle2", {"efficiency_pt_1": 0.965})}
    entry = rows["pT 1 GeV, over the acceptance"]
    assert entry["ratio"] == 1.0 and entry["remembered"]
    ranges = published_comparison("belle2_run2", {"d0_high_p_um": 15.0})
    assert [row["ratio"] for row in ranges if row["ours"]] == [pytest.approx(15.0 / 12.0)]
    assert all(row["ratio"] is None for row in published_comparison("belle", {}))
    assert published_comparison("a card of my own", {}) == []
