"""Signal maps: a reweighted efficiency against one that is counted, shapes between the nodes, candidate tables."""

import dataclasses

import numpy as np
import pytest

from tests.production.scan_probe import small_study
from toymc.analysis.b_candidates import reduced_mass
from toymc.analysis.selection import Selection
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.production.scan import tables
from toymc.production.scan.samples import node_tables
from toymc.production.scan.signal import select_sample, signal_maps
from toymc.production.scan.tables import best_candidates, candidate_table

STUDY = small_study()
CHANNEL = STUDY.channels[0]
LIFETIMES = np.array([0.5, 1.0, 2.0])


@pytest.fixture(scope="module")
def machine():
    return build_detector(load_card(STUDY.card)), load_beam(STUDY.card)


@pytest.fixture(scope="module")
def signal(machine):
    return node_tables(STUDY, CHANNEL, *machine, 1, 1.0, 2)


@pytest.fixture(scope="module")
def maps(signal):
    return signal_maps(STUDY, CHANNEL, signal, LIFETIMES)


def counted_efficiency(table):
    """The slow twin: weights of true candidates, event by event, in a sample that has the lifetime itself."""
    chosen, total, square = CHANNEL.selection, 0.0, 0.0
    passed = table.select({**chosen.common, **chosen.box, "displacement": chosen.displacement}).columns
    for event in np.unique(passed["event"]):
        rows = np.flatnonzero(passed["event"] == event)
        best = rows[np.argmin(np.abs(passed["deltaE"][rows]))]
        if passed["isSignal"][best] > 0:
            weight = passed["triggerWeight"][best] * passed["identification"][best]
            total, square = total + weight, square + weight**2
    return total / table.generated, np.sqrt(square) / table.generated


def test_map_reproduces_a_counted_efficiency(maps, machine):
    """A sample of ctau = 1 cm, which no sample of the maps has: within 4 errors, and the errors are small."""
    table = candidate_table(
        CHANNEL, "counted", CHANNEL.process, {**CHANNEL.parameters, "mass": 1.0, "ctau": 1.0}, *machine, seed=5,
        events=4000, workers=2,
    )  # fmt: skip
    counted, error = counted_efficiency(table)
    ours, ours_error = maps.efficiency_at([1.0])[0, 1], maps.error[0, 1, 1]
    assert 0.1 < counted < 0.6
    assert abs(ours - counted) < 4 * np.hypot(error, ours_error) < 0.1


def test_efficiency_falls_with_lifetime_and_with_the_larger_displacement(maps):
    assert np.all(maps.efficiency[1] < maps.efficiency[0])
    assert np.all(maps.efficiency[0] > 0.1)
    assert np.all(maps.effective_events > 100)
    assert np.all((maps.identification_error > 0.0) & (maps.identification_error < 0.3))


def test_maps_between_and_beyond_the_nodes(maps):
    assert np.allclose(maps.efficiency_at(maps.nodes), maps.efficiency[0])
    between = maps.efficiency_at([0.975])[0]
    ends = np.sort(maps.efficiency[0, :2], axis=0)
    assert np.all((between >= ends[0] - 1e-12) & (between <= ends[1] + 1e-12))
    assert np.allclose(maps.efficiency_at([0.5])[0], maps.efficiency[0, 0])


def test_resolution_is_that_of_the_candidates(signal, maps):
    """The core width within 20 % of half the central 68 % of the residuals, which the tails widen a little."""
    sample, columns = select_sample(CHANNEL, signal[1.0], STUDY.generated_ctau_cm, False)
    low, high = np.quantile(columns["Mred"] - reduced_mass(1.0, CHANNEL.pair.product_mass), [0.1587, 0.8413])
    assert maps.sigma_at([1.0])[0, 1] == pytest.approx(0.5 * (high - low), rel=0.2)
    assert maps.mass_resolution_at([1.0])[0, 1] < maps.sigma_at([1.0])[0, 1]
    assert 0.001 < maps.mass_resolution_at([1.0])[0, 1] < 0.006
    assert len(sample.length_cm) == len(columns["Mred"])


def test_shapes_peak_at_the_reduced_mass(maps):
    shape = maps.shapes_at([0.97, 1.0, 1.04])
    assert shape.mean.shape == (3, 3)
    assert np.all(np.abs(shape.mean - reduced_mass([0.97, 1.0, 1.04], CHANNEL.pair.product_mass)[:, None]) < 0.002)


def test_too_few_events_for_a_shape(signal):
    few = {m: [t.where(t.columns["event"] < 20) for t in tables_] for m, tables_ in signal.items()}
    with pytest.raises(InputError, match="effective events for a shape"):
        signal_maps(STUDY, CHANNEL, few, LIFETIMES)


def test_tables_do_not_depend_on_the_workers(machine, monkeypatch):
    """Several chunks, nothing from the cache: the same bytes with one and two workers."""
    monkeypatch.setattr(tables, "cached_arrays", lambda name, words, build: build())
    monkeypatch.setattr(tables, "plan_chunks", lambda n: __import__("toymc").production.chunks.plan_chunks(n, 150))
    one, two = (
        candidate_table(
            CHANNEL, "workers", CHANNEL.process, {**CHANNEL.parameters, "mass": 1.0, "ctau": 1.0}, *machine, seed=2,
            events=500, workers=workers,
        )
        for workers in (1, 2)
    )  # fmt: skip
    assert len(one.columns["event"]) > 50
    for name, column in one.columns.items():
        assert column.tobytes() == two.columns[name].tobytes(), name
    assert np.all(np.diff(one.columns["event"]) >= 0) and one.columns["event"].max() > 150


def test_table_is_kept_by_what_it_depends_on(machine, monkeypatch):
    """Another seed, another number of events, other settings of the pair: another file each."""
    seen = []
    monkeypatch.setattr(tables, "cached_arrays", lambda name, words, build: seen.append(words) or {})
    kept = dict(seed=1, events=10)
    for settings, channel in (
        (kept, CHANNEL),
        ({**kept, "seed": 2}, CHANNEL),
        ({**kept, "events": 20}, CHANNEL),
        (kept, dataclasses.replace(CHANNEL, pair=dataclasses.replace(CHANNEL.pair, mbc_min=5.25))),
        (kept, dataclasses.replace(CHANNEL, code=32)),
        (kept, CHANNEL),
    ):
        candidate_table(channel, "n", CHANNEL.process, CHANNEL.parameters, *machine, **settings)
    assert len(set(seen)) == 5 and seen[0] == seen[5]


def test_selection_and_weights(signal):
    table = signal[1.0][0]
    cut = {"displacement": "dv > 0.05"}
    assert len(table.select(cut).columns["event"]) == Selection(cut["displacement"]).mask(table.columns).sum()
    c = table.columns
    assert np.allclose(table.weights, c["weight"] * c["triggerWeight"] * c["identification"])
    assert np.all((c["identification"] >= 0.0) & (c["identification"] <= 1.0))
    best = best_candidates(table, "abs(deltaE)").columns
    assert len(np.unique(best["event"])) == len(best["event"]) == len(np.unique(c["event"]))
