"""Cut flow: exact counting, merging, and the error of a weighted efficiency against its spread."""

import itertools
import json
import math

import numpy as np
import pytest
from scipy.stats import chi2

from toymc.analysis import CutFlow, efficiency, efficiency_interval
from toymc.analysis.sums import CompensatedSum
from toymc.errors import InputError
from toymc.streams import stream

STEPS = {"generated": None, "topology": None, "thrust": "0.9 < thrust < 0.99", "mass": "M > 0.5", "lepton": None}


def filled(chunk):
    rng = stream(3, "flow", "test", chunk)
    w = rng.exponential(1.0, 1000)
    topology = rng.random(1000) < 0.6
    table = {"thrust": rng.uniform(0.8, 1.0, topology.sum()), "M": rng.random(topology.sum())}
    flow = CutFlow.of(STEPS).count("generated", w).count("topology", w[topology])
    flow, mask = flow.apply(table, w[topology])
    flow = flow.count("lepton", 0.9 * w[topology][mask])
    return flow, w, topology, table, mask


def test_sums_are_those_of_the_masks():
    flow, w, topology, table, mask = filled(0)
    inside = w[topology]
    thrust = (table["thrust"] > 0.9) & (table["thrust"] < 0.99)
    both = thrust & (table["M"] > 0.5)
    assert np.array_equal(mask, both)
    expected = [w, inside, inside[thrust], inside[both], 0.9 * inside[both]]
    for label, weights in zip(STEPS, expected, strict=True):
        assert flow.step(label) == pytest.approx((weights.sum(), (weights**2).sum()), rel=1e-14)
    steps = flow.to_dict()["steps"]
    assert [s["step"] for s in steps] == list(STEPS)
    assert [s["events"] for s in steps] == [len(x) for x in expected]
    assert steps[3]["efficiency"] == pytest.approx(inside[both].sum() / w.sum())
    assert steps[3]["step_efficiency"] == pytest.approx(inside[both].sum() / inside[thrust].sum())
    assert steps[2]["cut"] == "0.9 < thrust < 0.99"
    json.dumps(flow.to_dict(), allow_nan=False)


def test_merging_gives_the_same_bytes_in_any_grouping():
    flows = [filled(chunk)[0] for chunk in range(4)]
    a, b, c, d = flows
    reference = json.dumps((a + b + c + d).to_dict())
    for p, q, r, s in itertools.permutations(flows):
        assert json.dumps(((p + q) + (r + s)).to_dict()) == reference
        assert json.dumps((p + (q + (r + s))).to_dict()) == reference


def test_compensated_sums_keep_what_doubles_lose():
    rng = stream(4, "sums", "test", 0)
    values = rng.normal(size=2000) * 10.0 ** rng.uniform(-12, 12, 2000)
    total = CompensatedSum.zeros((1,))
    for v in values:
        total = total.add(np.array([v]))
    assert total.value[0] == math.fsum(values)
    halves = [CompensatedSum.zeros((1,)), CompensatedSum.zeros((1,))]
    for k, v in enumerate(values):
        halves[k % 2] = halves[k % 2].add(np.array([v]))
    assert halves[0].merge(halves[1]).value[0] == math.fsum(values)


def test_error_of_a_weighted_efficiency_covers():
    """Pulls of 2000 experiments with weights that differ between passing and failing events: chi2 p-value > 1e-3."""
    rng = stream(5, "cover", "test", 0)
    n_events, n_experiments, p = 400, 2000, 0.3
    passed = rng.random((n_experiments, n_events)) < p
    w = np.where(passed, rng.exponential(1.0, passed.shape), rng.uniform(0.2, 0.8, passed.shape))
    truth = p * 1.0 / (p * 1.0 + (1 - p) * 0.5)
    pulls = []
    for mask, weights in zip(passed, w, strict=True):
        inside = weights[mask]
        e, error = efficiency((inside.sum(), (inside**2).sum()), (weights.sum(), (weights**2).sum()))
        pulls.append((e - truth) / error)
    statistic = np.sum(np.square(pulls))
    # the estimated error makes the pulls slightly wider than normal: allow 5 % in width
    assert chi2.sf(statistic / 1.05**2, n_experiments) > 1e-3
    assert chi2.cdf(statistic * 1.05**2, n_experiments) > 1e-3


def test_unit_weights_are_binomial():
    assert efficiency((30.0, 30.0), (120.0, 120.0)) == pytest.approx((0.25, math.sqrt(0.25 * 0.75 / 120)))
    assert all(math.isnan(x) for x in efficiency((0.0, 0.0), (0.0, 0.0)))


def test_no_survivor_is_an_upper_bound():
    # Clopper-Pearson with no success: high = 1 - tail^(1/n); weights of 2 leave n_eff unchanged
    low, high = efficiency_interval((0.0, 0.0), (100.0, 200.0), 0.8)
    assert low == 0.0 and high == pytest.approx(1.0 - 0.1 ** (1.0 / 50.0))
    assert efficiency_interval((50.0, 50.0), (50.0, 50.0), 0.8)[1] == 1.0
    assert efficiency_interval((0.0, 0.0), (0.0, 0.0)) == (0.0, 1.0)
    flow = CutFlow.of({"all": None, "none": "x > 9"}).count("all", np.ones(50))
    flow, _ = flow.apply({"x": np.ones(50)}, np.ones(50))
    assert flow.to_dict()["steps"][1]["efficiency_upper_90"] == pytest.approx(1.0 - 0.1 ** (1.0 / 50.0))
    assert flow.to_dict()["steps"][1]["efficiency"] == 0.0


def test_an_empty_flow_writes_no_nan():
    json.dumps(CutFlow.of(STEPS).to_dict(), allow_nan=False)


def test_bad_input():
    flow = CutFlow.of(STEPS)
    with pytest.raises(InputError, match="at least one step"):
        CutFlow.of({})
    with pytest.raises(InputError, match="no step 'trigger'"):
        flow.count("trigger", [1.0])
    with pytest.raises(InputError, match="no step 'trigger'"):
        flow.step("trigger")
    with pytest.raises(InputError, match="fill it with apply"):
        flow.count("thrust", [1.0])
    with pytest.raises(InputError, match="unbroken run"):
        CutFlow.of({"a": "x > 1", "b": None, "c": "x > 2"}).apply({"x": np.ones(1)}, [1.0])
    with pytest.raises(InputError, match="unbroken run"):
        CutFlow.of({"a": None}).apply({"x": np.ones(1)}, [1.0])
    with pytest.raises(InputError, match="finite number"):
        flow.count("generated", [np.nan])
    with pytest.raises(InputError, match="2 weights for a table of 1 rows"):
        flow.apply({"thrust": np.ones(1), "M": np.ones(1)}, np.ones(2))
    with pytest.raises(InputError, match="different steps"):
        flow + CutFlow.of({**STEPS, "mass": "M > 0.6"})
    with pytest.raises(InputError, match="confidence level"):
        efficiency_interval((1.0, 1.0), (2.0, 2.0), 1.0)
