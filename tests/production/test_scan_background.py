"""Background densities: against known answers, with and without the correlations that break the factorisation."""

import dataclasses

import numpy as np
import pytest

from tests.production.scan_probe import (
    CROSS_SECTION_FB,
    IDENTIFICATION,
    IN_BOX,
    background_candidates,
    small_study,
)
from toymc.production.scan.background import EDGES, PRIOR, background_model

STUDY = small_study()
CHANNEL = STUDY.channels[0]
LUMINOSITY = 10.0
# events in data per unit of weight
SCALE = LUMINOSITY * CROSS_SECTION_FB / 20_000


def model(**settings):
    return background_model(CHANNEL, {"accidental": background_candidates(**settings)}, LUMINOSITY)


def part(found, kind, selection="displaced"):
    return next(p for p in found.parts if p.kind == kind and p.selection == selection)


@pytest.mark.parametrize(("selection", "share"), [("displaced", np.exp(-0.5)), ("tight", np.exp(-2.0))])
def test_yield_is_the_product_of_the_shares(selection, share):
    found = part(model(), "combinatorial", selection)
    truth = 20_000 * share * IDENTIFICATION * IN_BOX * SCALE
    # 4 of its own errors: 6e-5
    assert abs(found.events - truth) < 4 * found.error < 0.4 * truth
    # uniform weights: <w>^2/<w^2> = 3/4
    assert found.effective_events == pytest.approx(0.75 * 20_000 * share, rel=0.1)
    assert found.histogram.sum() == pytest.approx(found.events, rel=1e-3)


def test_error_covers_the_truth():
    """40 independent fortieths of one sample: pulls of the yield have unit width within 35 % (3 sigma)."""
    table, pulls = background_candidates(40_000), []
    truth = 1000 * np.exp(-0.5) * IDENTIFICATION * IN_BOX * SCALE * 20.0
    for k in range(40):
        rows = np.arange(40_000) % 40 == k
        one = dataclasses.replace(table.where(rows), generated=1000)
        found = part(background_model(CHANNEL, {"s": one}, LUMINOSITY), "combinatorial")
        pulls.append((found.events - truth) / found.error)
    assert abs(np.mean(pulls)) < 4.0 / np.sqrt(40)
    assert 0.65 < np.std(pulls) < 1.35


def test_density_is_flat_where_the_candidates_are():
    found = model()
    density = found.density("displaced")
    total, error = found.events("displaced")
    quarters = [density.events(a, a + 1.2) for a in (0.0, 1.2, 2.4, 3.6)]
    assert sum(quarters) == pytest.approx(total, rel=0.02)
    # a quarter of 12 000 candidates each; the error of the fraction is common
    assert np.all(np.abs(np.array(quarters) - total / 4) < 4 * error)
    assert density.x[-1] == EDGES[-1]


def test_closure_of_independent_candidates():
    for closure in model().closures:
        assert abs(closure.pull) < 4
        assert abs(closure.weighted_predicted - closure.weighted_counted) < 4 * closure.weighted_error


def test_closure_shows_identification_that_depends_on_the_box():
    """Three times the identification in the box: predicted too low by 3/(1 + 2 f), f = 4.4 %: the closure says so."""
    closure = model(correlated=True).closures[0]
    assert closure.weighted_counted / closure.weighted_predicted == pytest.approx(3.0 / (1.0 + 2.0 * IN_BOX), rel=0.12)
    assert closure.weighted_counted - closure.weighted_predicted > 5 * closure.weighted_error
    assert abs(closure.pull) < 4


def test_closure_shows_a_box_that_depends_on_the_displacement():
    closures = {c.selection: c for c in model(displaced_box=True).closures}
    assert closures["tight"].pull > 5


def test_peaking_part_is_counted_in_the_box():
    table = background_candidates()
    columns = {**table.columns, "isSignal": (table.columns["event"] % 10 == 0).astype(float)}
    # two candidates in every event with a true pair: the one with the smaller |Delta E| is kept
    columns["event"] = columns["event"] // 400
    found = background_model(CHANNEL, {"s": dataclasses.replace(table, columns=columns)}, LUMINOSITY)
    peaking = part(found, "peaking")
    chosen = (
        (columns["isSignal"] > 0) & (columns["dv"] > 0.05) & (columns["Mbc"] > 5.27) & (abs(columns["deltaE"]) < 0.05)
    )
    rows = np.flatnonzero(chosen)
    best = {e: min(rows[columns["event"][rows] == e], key=lambda r: abs(columns["deltaE"][r]))
            for e in set(columns["event"][rows])}  # fmt: skip
    truth = sum(columns["identification"][r] for r in best.values()) * SCALE
    assert len(best) < len(rows)
    assert peaking.events == pytest.approx(truth, rel=1e-12)
    assert peaking.upper_bound is None


def test_nothing_left_is_a_bound_not_a_zero():
    table = background_candidates(200)
    near = dataclasses.replace(table, columns={**table.columns, "dv": np.full(200, 0.01)})
    found = part(background_model(CHANNEL, {"s": near}, LUMINOSITY), "combinatorial")
    assert found.events == 0.0 and found.effective_events == 0.0
    largest = table.columns["identification"].max() * LUMINOSITY * CROSS_SECTION_FB / 200
    assert 0.0 < found.upper_bound < 2.31 * largest * 4 * IN_BOX
    assert "90 %" in PRIOR


def test_empty_table():
    empty = background_candidates().where(np.zeros(20_000, dtype=bool))
    found = background_model(CHANNEL, {"s": empty}, LUMINOSITY)
    assert found.events("displaced") == (0.0, 0.0)
    assert np.all(np.isfinite(found.density("tight").per_gev))


def test_twice_the_luminosity_is_twice_the_background():
    tables = {"s": background_candidates()}
    one, two = (background_model(CHANNEL, tables, luminosity) for luminosity in (LUMINOSITY, 2 * LUMINOSITY))
    assert np.allclose(two.total("displaced"), 2 * one.total("displaced"))


def test_one_heavy_candidate_is_no_peak():
    """The kernel is as wide as the candidates lie apart, whatever weight one of them has."""
    candidates = background_candidates(4000)
    weights = candidates.columns["identification"].copy()
    weights[int(np.argmax(candidates.columns["dv"]))] = 2000.0
    heavy = dataclasses.replace(candidates, columns={**candidates.columns, "identification": weights})
    found = part(background_model(CHANNEL, {"s": heavy}, LUMINOSITY), "combinatorial", "tight")
    assert found.effective_events < 2.0
    assert found.histogram.max() < 0.1 * found.histogram.sum()
