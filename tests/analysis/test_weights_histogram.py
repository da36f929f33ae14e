"""Weights with variations, histograms of them, best candidates: exact twins, statistics, bad input."""

import doctest
import importlib
import itertools
import pkgutil

import boost_histogram as bh
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

import toymc.analysis
from toymc.analysis import (
    Factor,
    Histogram,
    beam_constrained_mass,
    best_candidate,
    combine,
    delta_energy,
    effective_events,
    identification_factors,
    pi0_count_factor,
    probability_factor,
    split_by_bins,
    tracking_factor,
)
from toymc.errors import InputError
from toymc.streams import stream

# ---- weights


def test_factors_of_one_source_move_together_and_zeros_survive():
    rng = stream(6, "weights", "test", 0)
    parts = rng.random((4, 3, 50))
    parts[2, 0, :10] = 0.0
    sources = ("id", "trigger", "id", "pi0")
    factors = [Factor(s, *p) for s, p in zip(sources, parts, strict=True)]
    base = rng.random(50)
    weights = combine(base, factors)
    np.testing.assert_allclose(weights.nominal, base * parts[:, 0].prod(axis=0))
    assert [v.name for v in weights.variations] == ["id", "trigger", "pi0"]
    np.testing.assert_allclose(weights.variations[0].up, base * parts[0, 1] * parts[1, 0] * parts[2, 1] * parts[3, 0])
    np.testing.assert_allclose(weights.variations[2].down, base * parts[0, 0] * parts[1, 0] * parts[2, 0] * parts[3, 2])
    assert weights.labels[:3] == ("nominal", "id_up", "id_down")
    assert weights.matrix().shape == (50, 7)
    np.testing.assert_array_equal(weights.matrix()[:, 6], weights.variations[2].down)


def test_identification_splits_efficiency_and_misidentification():
    pdg = np.array([11, -11, 211, -321, 13])
    p = np.array([0.9, 0.99, 0.01, 0.02, 0.0])
    efficiency, misid = identification_factors("e", p, (0.05, 0.1), pdg)
    assert (efficiency.source, misid.source) == ("electron_efficiency", "pion_electron_misid")
    np.testing.assert_allclose(efficiency.nominal, [0.9, 0.99, 1, 1, 1])
    np.testing.assert_allclose(misid.nominal, [1, 1, 0.01, 0.02, 0.0])
    np.testing.assert_allclose(efficiency.up, [0.945, 1.0, 1, 1, 1])  # never above 1
    np.testing.assert_allclose(misid.down, [1, 1, 0.009, 0.018, 0.0])
    veto = identification_factors("mu", p, 0.1, pdg, required=False)
    assert [f.source for f in veto] == ["muon_efficiency", "pion_muon_misid"]
    np.testing.assert_allclose(veto[1].nominal * veto[0].nominal, 1.0 - p)
    np.testing.assert_allclose(veto[1].up[0], 1.0 - 0.99)  # larger probability, smaller weight


def test_identification_weights_are_the_expectation_of_drawing():
    """Sum of weights against accept-reject draws, 200 repetitions: chi2 p-value > 1e-3."""
    rng = stream(7, "draw", "test", 0)
    p = rng.random(300) * 0.3
    weights = combine(np.ones(300), identification_factors("mu", p, 0.0, np.full(300, 211))).nominal
    drawn = (rng.random((200, 300)) < p).sum(axis=1)
    statistic = np.sum((drawn - weights.sum()) ** 2) / np.sum(p * (1 - p))
    assert 1e-3 < chi2.sf(statistic, 200) < 1 - 1e-3


def test_pi0_weight_is_binomial_and_the_expectation_of_drawing():
    n = np.arange(8)
    for required in (0, 1, 2):
        factor = pi0_count_factor(n, 0.914, 0.020, required)
        np.testing.assert_allclose(factor.nominal, binom.pmf(required, n, 0.914), atol=1e-15)
        np.testing.assert_allclose(factor.up, binom.pmf(required, n, 0.934), atol=1e-15)
        np.testing.assert_allclose(factor.down, binom.pmf(required, n, 0.894), atol=1e-15)
    # as the analysis code does it: a random number per candidate, veto on what is left
    rng = stream(8, "pi0", "test", 0)
    found = rng.integers(0, 3, 20000)
    left = rng.binomial(found, 0.914)
    weight = pi0_count_factor(found, 0.914, 0.020).nominal
    spread = np.sqrt(np.sum(weight * (1 - weight)))
    assert abs(np.sum(left == 0) - weight.sum()) < 3.3 * spread  # probability 1e-3
    assert np.all(pi0_count_factor(found, 1.0, 0.02).nominal == (found == 0))


def test_tracking_and_trigger():
    factor = tracking_factor(np.array([0, 4]), 0.01, correction=0.99)
    np.testing.assert_allclose(factor.nominal, [1.0, 0.99**4])
    np.testing.assert_allclose(factor.down, [1.0, (0.99 * 0.99) ** 4])
    trigger = probability_factor("trigger", np.array([0.95, 1.0]), np.array([0.01, 0.02]))
    np.testing.assert_allclose(trigger.up, [0.9595, 1.0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: combine(np.ones(3), [Factor("id", *np.ones((3, 2)))]), "factor 'id'"),
        (lambda: identification_factors("tau", np.ones(1), 0.1, np.ones(1)), "allowed are e, mu"),
        (lambda: identification_factors("e", np.array([1.2]), 0.1, np.array([11])), "between 0 and 1"),
        (lambda: identification_factors("e", np.array([np.nan]), 0.1, np.array([11])), "between 0 and 1"),
        (lambda: identification_factors("e", np.array([0.5]), -0.1, np.array([11])), "non-negative"),
        (lambda: identification_factors("e", np.array([0.5]), 0.1, np.array([11, 11])), "true PDG codes"),
        (lambda: pi0_count_factor(np.array([-1]), 0.9, 0.02), "non-negative whole"),
        (lambda: pi0_count_factor(np.array([0.5]), 0.9, 0.02), "non-negative whole"),
        (lambda: pi0_count_factor(np.array([1]), 1.1, 0.02), "between 0 and 1"),
        (lambda: tracking_factor(np.array([4]), -0.1), "tracking error"),
    ],
)
def test_weights_refuse_bad_input(call, words):
    with pytest.raises(InputError, match=words):
        call()


# ---- histograms


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=30, unique=True).map(sorted),
    st.lists(st.one_of(st.floats(-12, 12, width=32), st.sampled_from([np.inf, -np.inf, np.nan])), max_size=60),
)
def test_bins_agree_with_boost_histogram(edges, values):
    edges = np.array(edges, dtype=np.float64)
    x = np.array([*values, *edges], dtype=np.float64)
    w = np.stack([np.linspace(-1.0, 2.0, len(x)), np.ones(len(x))], axis=1)
    mine = Histogram.of(edges, ("nominal", "unit")).fill(x, w)
    finite = ~np.isnan(x)
    for column, label in enumerate(("nominal", "unit")):
        other = bh.Histogram(bh.axis.Variable(edges), storage=bh.storage.Weight())
        other.fill(x[finite], weight=w[finite, column])
        view = other.view(flow=True)
        np.testing.assert_allclose(mine.values(label), view["value"][1:-1], atol=1e-12)
        np.testing.assert_allclose(mine.variances(label), view["variance"][1:-1], atol=1e-12)
        assert mine.underflow(label) == pytest.approx(view["value"][0], abs=1e-12)
        assert mine.overflow(label) == pytest.approx(view["value"][-1], abs=1e-12)
        assert mine.not_a_number(label) == pytest.approx(w[~finite, column].sum(), abs=1e-12)
    assert mine.to_hist("unit").sum(flow=True).value == finite.sum()


def test_chunks_merge_to_the_same_bytes_in_any_order():
    rng = stream(9, "merge", "test", 0)
    edges, labels = np.linspace(0, 2, 119), ("nominal", "id_up", "id_down")
    parts = [Histogram.of(edges, labels).fill(2 * rng.random(500), rng.exponential(1.0, (500, 3))) for _ in range(4)]
    reference = (parts[0] + parts[1] + parts[2] + parts[3]).sums.value.tobytes()
    for p, q, r, s in itertools.permutations(parts):
        assert ((p + q) + (r + s)).sums.value.tobytes() == reference
        assert (p + (q + (r + s))).sums.value.tobytes() == reference


def test_error_of_a_bin_is_its_spread():
    """Variance of weighted bin contents over 3000 experiments against the mean of sum w^2: chi2 p-value > 1e-3."""
    rng = stream(10, "spread", "test", 0)
    contents, variances = [], []
    for _ in range(3000):
        n = rng.poisson(60)
        h = Histogram.of([0.0, 1.0]).fill(rng.random(n), rng.uniform(0.0, 2.0, n))
        contents.append(h.values()[0])
        variances.append(h.variances()[0])
    ratio = np.var(contents, ddof=1) / np.mean(variances)
    assert 1e-3 < chi2.sf(ratio * 2999, 2999) < 1 - 1e-3
    assert effective_events(60.0, 80.0) == pytest.approx(45.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Histogram.of([0.0]), "at least two"),
        (lambda: Histogram.of([0.0, 0.0, 1.0]), "rising"),
        (lambda: Histogram.of([0.0, np.inf]), "finite"),
        (lambda: Histogram.of([0.0, 5e-324]), "too close"),
        (lambda: Histogram.of([0.0, 1.0], ("a", "a")), "each once"),
        (lambda: Histogram.of([0.0, 1.0]).fill(np.ones(3), np.ones(2)), "weights for"),
        (lambda: Histogram.of([0.0, 1.0], ("a", "b")).fill(np.ones(3), np.ones(3)), r"give \(3, 2\)"),
        (lambda: Histogram.of([0.0, 1.0]).fill(np.ones(1), np.array([np.nan])), "not finite"),
        (lambda: Histogram.of([0.0, 1.0]).values("up"), "no weight 'up'"),
        (lambda: Histogram.of([0.0, 1.0]) + Histogram.of([0.0, 2.0]), "different edges"),
    ],
)
def test_histograms_refuse_bad_input(call, words):
    with pytest.raises(InputError, match=words):
        call()


# ---- candidates and frames


CANDIDATE = st.tuples(st.integers(0, 5), st.sampled_from([-1.0, 0.0, 0.5, 1.0, np.nan]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(CANDIDATE, max_size=30), st.booleans())
def test_best_candidate_against_a_loop(rows, lowest):
    event = np.array([r[0] for r in rows], dtype=np.int64)
    value = np.array([r[1] for r in rows], dtype=np.float64)
    expected = np.zeros(len(rows), dtype=bool)
    for e in set(event.tolist()):
        mine = [k for k in range(len(rows)) if event[k] == e]
        sign = 1.0 if lowest else -1.0
        expected[min(mine, key=lambda k: (np.isnan(value[k]), np.nan_to_num(sign * value[k]), k))] = True
    assert np.array_equal(best_candidate({"event": event, "v": value}, "v", lowest), expected)


def test_best_candidate_refuses_bad_input():
    with pytest.raises(InputError, match="no column 'event'"):
        best_candidate({"v": np.ones(2)}, "v")
    with pytest.raises(InputError, match="did you mean 'deltaE'"):
        best_candidate({"event": np.ones(2), "deltaE": np.ones(2)}, "abs(DeltaE)")


def test_beam_constrained_mass_and_energy_difference():
    # a B meson of the Upsilon(4S): E* = sqrt(s)/2 exactly
    mass, sqrt_s = 5.27934, 10.5794
    p = np.sqrt(sqrt_s**2 / 4 - mass**2)
    assert beam_constrained_mass(p, sqrt_s) == pytest.approx(mass, rel=1e-14)
    assert delta_energy(np.sqrt(p**2 + mass**2), sqrt_s) == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(beam_constrained_mass(np.array(6.0), sqrt_s))


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(toymc.analysis.__path__)])
def test_examples_in_docstrings(module):
    assert doctest.testmod(importlib.import_module(f"toymc.analysis.{module}")).failed == 0
def test_split_by_bins_keeps_the_variance():
    """Common and own part of one event add up in quadrature to the whole shift; other bins do not move."""
    rng = stream(3, "weights", "test", 0)
    nominal, error = rng.uniform(0.2, 0.9, 50), rng.uniform(0.0, 0.05, 50)
    whole = Factor("electron_efficiency", nominal, nominal * (1.0 + error), nominal * (1.0 - 0.5 * error))
    momentum = rng.uniform(0.0, 4.0, 50)
    parts = split_by_bins(whole, momentum, [1.0, 2.0, 3.0], common=0.3)
    names = ["", *(f"_bin{k}" for k in range(4))]
    assert [part.source for part in parts] == [f"electron_efficiency{name}" for name in names]
    total = np.zeros(50)
    for part in parts:
        total += (part.up / part.nominal - 1.0) ** 2
    assert np.sqrt(total) == pytest.approx(error, abs=1e-12)
    for k, part in enumerate(parts[1:]):
        moved = part.down != 1.0
        assert np.array_equal(moved, (momentum >= k) & (momentum < k + 1) & (error > 0.0))
        assert np.all(part.nominal == 1.0)
    assert combine(np.ones(50), parts).nominal == pytest.approx(nominal)


@pytest.mark.parametrize(("edges", "common"), [([1.0, 1.0], 0.5), ([np.nan], 0.5), ([1.0], 1.5), ([1.0], np.nan)])
def test_split_by_bins_refuses(edges, common):
    factor = Factor("x", np.ones(2), np.ones(2), np.ones(2))
    with pytest.raises(InputError):
        split_by_bins(factor, [0.5, 1.5], edges, common)
