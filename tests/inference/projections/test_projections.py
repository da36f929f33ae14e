"""Projections against closed forms: counting limits, floors, the take-over luminosity, discovery reach."""

import math

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference import (
    Channel,
    HistoSys,
    Likelihood,
    Luminosity,
    Model,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    ShapeSys,
    StatError,
    upper_limit,
)
from toymc.inference.projections import (
    FROZEN,
    SCALING,
    SCENARIOS,
    STATISTICAL,
    Floor,
    Measurement,
    Scenario,
    Systematic,
    discovery_reach,
    luminosity_steps,
    median_significance,
    project_limits,
    project_measurement,
    project_reach,
    scale_model,
    source_costs,
    source_groups,
    systematic_sources,
    take_over_luminosity,
)


def counting(background, *modifiers, signal=10.0, parameters=()):
    samples = (Sample("signal", [signal], (NormFactor("mu"),)), Sample("background", [background], modifiers))
    return Model([Channel("sr", samples)], poi="mu", parameters=parameters)


# -- limits ----------------------------------------------------------------------------------------------------------


def test_limit_falls_as_the_root_with_background():
    curves = project_limits(counting(1e6), 50.0, [50.0, 5000.0], {}, 0.95, {"statistical": STATISTICAL})
    assert curves["statistical"].median[0] / curves["statistical"].median[1] == pytest.approx(10.0, rel=2e-3)
    assert curves["statistical"].median[0] == pytest.approx(1.96 * 1000.0 / 10.0, rel=0.01)


def test_limit_falls_with_luminosity_without_background():
    """b = 0: the limit in events is fixed, 1.92 asymptotically (exact: 3.00), so that the rate falls as 1/L."""
    curves = project_limits(counting(1e-9), 50.0, [50.0, 5000.0], {}, 0.95, {"statistical": STATISTICAL})
    median = curves["statistical"].median
    assert median[0] / median[1] == pytest.approx(100.0, rel=1e-3)
    assert median[0] * 10.0 == pytest.approx(1.92, rel=0.01)


def test_take_over_of_a_limit_in_closed_form():
    """f b = sqrt(b) at L0 / (f^2 b0): frozen systematics of a counting limit; ours is defined on the limit itself."""
    model, f = counting(1e5, NormSys("scale", 1 - 1e-3, 1 + 1e-3)), 1e-3
    curves = project_limits(model, 100.0, luminosity_steps(100.0, 1e5, 6), {}, 0.95)
    assert curves["frozen"].take_over_fb == pytest.approx(100.0 / (f**2 * 1e5), rel=0.02)
    assert curves["statistical"].take_over_fb is None
    # a floor of a tenth of the uncertainty lies a hundred times further
    floors = {"scale": Floor(0.1, "calibration")}
    scaled = project_limits(model, 100.0, luminosity_steps(100.0, 1e6, 6), floors, 0.95)["scaling"]
    assert scaled.take_over_fb == pytest.approx(100.0 * 1000.0, rel=0.02)
    none = project_limits(model, 100.0, [100.0, 1e4], {"scale": Floor(0.0, "statistics")}, 0.95)["scaling"]
    assert none.take_over_fb is None


def test_systematics_that_dominate_today_take_over_today():
    curves = project_limits(counting(1e4, NormSys("scale", 0.9, 1.1)), 100.0, [100.0, 200.0], {}, 0.9)
    assert curves["frozen"].take_over_fb == 100.0


def test_frozen_limits_stop_falling_and_scenarios_are_ordered():
    model = counting(1e4, NormSys("scale", 0.98, 1.02))
    curves = project_limits(model, 100.0, luminosity_steps(100.0, 5e4, 4), {"scale": Floor(0.3, "x")}, 0.95)
    last = {name: curve.median[-1] for name, curve in curves.items()}
    assert last["statistical"] < last["scaling"] < last["frozen"]
    assert last["frozen"] == pytest.approx(1.96 * 0.02 * 1e4 / 10.0, rel=0.02)
    assert last["scaling"] == pytest.approx(1.96 * 0.3 * 0.02 * 1e4 / 10.0, rel=0.05)
    assert [c.median[0] for c in curves.values()][1] == pytest.approx([c.median[0] for c in curves.values()][2])


def test_costs_of_sources_by_group():
    modifiers = (NormSys("id_bin0", 0.97, 1.03), NormSys("id_bin1", 0.96, 1.04), NormSys("trigger", 0.99, 1.01))
    model = counting(1e4, *modifiers)
    floors = {"id": Floor(0.5, "x"), "trigger": Floor(1.0, "y")}
    assert source_groups(model, floors) == {"id": ("id_bin0", "id_bin1"), "trigger": ("trigger",)}
    costs = source_costs(model, 100.0, 100.0, FROZEN, floors, 0.95)
    assert [c.group for c in costs] == ["id", "trigger"]
    # Gaussian: variances 1e4 + (300^2 + 400^2) + 100^2
    assert costs[0].share == pytest.approx(math.sqrt(2.5e5 / 2.7e5), rel=0.02)
    assert costs[1].share == pytest.approx(math.sqrt(1e4 / 2.7e5), rel=0.06)


# -- models ----------------------------------------------------------------------------------------------------------


def rich_model():
    background = np.array([100.0, 50.0])
    modifiers = (
        NormFactor("n_b"),
        NormSys("scale", 0.9, 1.1),
        HistoSys("tilt", background * [1.2, 0.8], background * [0.8, 1.2]),
        StatError("mc", 0.1 * background),
        ShapeSys("bins", 0.2 * background),
        Luminosity("lumi"),
    )
    samples = (Sample("signal", [5.0, 1.0], (NormFactor("mu"), Luminosity("lumi"))),
               Sample("background", background, modifiers))  # fmt: skip
    lumi = Parameter("lumi", auxdata=(1.0,), sigmas=(0.01,), inits=(1.0,), bounds=((0.5, 1.5),))
    return Model([Channel("sr", samples, observed=[100, 60])], poi="mu", parameters=(lumi,))


def test_what_every_modifier_becomes():
    model = rich_model()
    assert systematic_sources(model) == ("lumi", "scale", "tilt", "bins")
    later = scale_model(model, 400.0, 100.0, SCALING, {"scale": Floor(0.0, "x"), "tilt": Floor(0.8, "y")})
    background = later.channels[0].samples[1]
    free, scale, tilt, mc, bins, _ = background.modifiers
    np.testing.assert_allclose(background.data, [400.0, 200.0])
    assert free == NormFactor("n_b") and later.channels[0].observed is None
    assert (scale.lo, scale.hi) == pytest.approx((math.sqrt(0.9), math.sqrt(1.1)))
    np.testing.assert_allclose(tilt.hi / background.data, [1 - 0.8 * 0.2, 1 + 0.8 * 0.2])
    np.testing.assert_allclose(mc.error / background.data, 0.05)
    np.testing.assert_allclose(bins.error / background.data, 0.2)  # no floor is stated: it does not improve
    assert later.parameters[0].sigmas == (0.01,)


def test_statistical_scenario_has_no_uncertainty_left():
    later = scale_model(rich_model(), 100.0, 100.0, STATISTICAL, {})
    kinds = {type(m).__name__ for s in later.channels[0].samples for m in s.modifiers}
    assert kinds == {"NormFactor", "Luminosity"} and later.parameters[0].fixed


def test_today_frozen_is_today():
    model = rich_model()
    again = scale_model(model, 62.8, 62.8, FROZEN, {})
    bare = Model(tuple(Channel(c.name, c.samples) for c in model.channels), "mu", model.parameters)
    assert upper_limit(again).expected == pytest.approx(upper_limit(bare).expected, rel=1e-6)


def test_simulation_is_a_choice():
    fixed = Scenario("fixed", "frozen", "fixed", "as today")
    later = scale_model(rich_model(), 400.0, 100.0, fixed, {})
    np.testing.assert_allclose(later.channels[0].samples[1].modifiers[3].error, [40.0, 20.0])


def test_a_source_can_be_left_out():
    later = scale_model(rich_model(), 400.0, 100.0, FROZEN, {}, ("tilt", "lumi"))
    assert "tilt" not in {m.name for m in later.channels[0].samples[1].modifiers}
    assert later.parameters[0].fixed


# -- measurements ----------------------------------------------------------------------------------------------------

# tau mass [MeV], Belle II, arXiv:2305.19116: statistical 0.08, sources of the published table that exceed 0.01
MASS = Measurement(
    "tau mass", 0.08,
    tuple(Systematic(name, size, floor) for name, size, floor in (
        ("beam energy", 0.07, 0.0), ("momentum scale", 0.06, 0.02), ("alignment", 0.03, 0.015), ("bias", 0.03, 0.0),
    )),
    190.0, "MeV",
)  # fmt: skip


def test_errors_of_a_measurement_against_a_plain_loop():
    grid = [190.0, 500.0, 2000.0, 50_000.0]
    curve = project_measurement(MASS, grid, SCALING)
    for i, luminosity in enumerate(grid):
        k = luminosity / 190.0
        systematic = sum(max(s.size / math.sqrt(k), s.floor) ** 2 for s in MASS.systematics)
        assert curve.total[i] == pytest.approx(math.sqrt(0.08**2 / k + systematic))
    assert curve.sources["momentum scale"][-1] == 0.02
    assert np.all(project_measurement(MASS, grid, STATISTICAL).systematic == 0.0)
    np.testing.assert_allclose(project_measurement(MASS, grid, FROZEN).systematic, math.hypot(0.07, 0.06, 0.03, 0.03))


@pytest.mark.parametrize("seed", range(20))
def test_take_over_of_a_measurement(seed):
    """The closed form, piece by piece, is where the errors are equal (or systematics already lead, or never do)."""
    from toymc.streams import stream

    rng = stream(5, "projections", "test", seed)
    sizes = rng.uniform(0.05, 0.6, 4)
    floors = sizes * rng.choice([0.0, 0.1, 0.5, 1.0], 4)
    systematics = tuple(
        Systematic(f"s{i}", *map(float, pair)) for i, pair in enumerate(zip(sizes, floors, strict=True))
    )
    measurement = Measurement("m", 1.0, systematics, 100.0)
    for scenario in (SCALING, FROZEN):
        found = take_over_luminosity(measurement, scenario)
        if found is None:
            assert np.all(floors == 0.0) and scenario is SCALING and np.sum(sizes**2) < 1.0
            continue
        at = project_measurement(measurement, [found], scenario)
        if found > 100.0:
            assert at.systematic[0] == pytest.approx(at.statistical[0], rel=1e-9)
        else:
            assert at.systematic[0] >= at.statistical[0]


def test_limit_and_measurement_take_over_at_the_same_luminosity():
    """In the Gaussian regime the limit is proportional to the error: both definitions agree."""
    model = counting(1e6, NormSys("a", 1 - 4e-4, 1 + 4e-4), NormSys("b", 1 - 3e-4, 1 + 3e-4))
    floors = {"a": Floor(0.5, "x"), "b": Floor(0.2, "y")}
    measurement = Measurement("n", 1e-3, (Systematic("a", 4e-4, 2e-4), Systematic("b", 3e-4, 6e-5)), 100.0)
    curves = project_limits(model, 100.0, luminosity_steps(100.0, 1e5, 6), floors, 0.95)
    for scenario in (SCALING, FROZEN):
        expected = take_over_luminosity(measurement, scenario)
        assert curves[scenario.name].take_over_fb == pytest.approx(expected, rel=0.01)


# -- reach -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("signal", "background"), [(3.0, 0.5), (20.0, 40.0), (100.0, 1e4)])
def test_significance_of_a_counting_experiment(signal, background):
    expected = math.sqrt(2.0 * ((signal + background) * math.log1p(signal / background) - signal))
    assert median_significance(counting(background), signal / 10.0) == pytest.approx(expected, rel=1e-6)


def test_reach_is_where_the_significance_is():
    model = counting(40.0, NormSys("scale", 0.9, 1.1))
    evidence, discovery = discovery_reach(model)
    assert median_significance(model, evidence.value) == pytest.approx(3.0, abs=1e-4)
    assert median_significance(model, discovery.value, Likelihood(model)) == pytest.approx(5.0, abs=1e-4)
    assert [r.sigma for r in discovery_reach(model, (5.0, 2.0))] == [2.0, 5.0]


def test_reach_falls_as_the_limit_does():
    today, later = (project_reach(counting(1e5), L, 100.0, STATISTICAL, {})[1].value for L in (100.0, 1e4))
    assert today / later == pytest.approx(10.0, rel=0.01)
    assert project_reach(counting(1e5, NormSys("scale", 0.99, 1.01)), 1e4, 100.0, FROZEN, {})[1].value > 3 * later


def test_reach_without_background_is_refused():
    assert median_significance(counting(0.0), 1.0) == math.inf
    with pytest.raises(InputError, match="no background"):
        discovery_reach(counting(0.0))


# -- input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Floor(1.2, "x"), "floor of 1.2"),
        (lambda: Scenario("x", "half", "data", ""), "rule 'half'"),
        (lambda: Systematic("x", 0.1, 0.2), "0 <= floor <= size"),
        (lambda: Measurement("x", 0.0, (), 1.0), "must be positive"),
        (lambda: Measurement("x", 1.0, (Systematic("a", 1.0, 0.0),) * 2, 1.0), "same name"),
        (lambda: scale_model(counting(1.0), -1.0, 1.0, FROZEN, {}), "luminosity of -1"),
        (lambda: scale_model(counting(1.0), 1.0, math.nan, FROZEN, {}), "today's luminosity"),
        (lambda: luminosity_steps(100.0, 50.0), "above today's"),
        (lambda: project_limits(counting(1.0), 1.0, [2.0, 1.0], {}, 0.9), "increasing"),
        (lambda: median_significance(counting(1.0), 0.0), "positive"),
        (lambda: discovery_reach(counting(1.0), (-3.0,)), "positive"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()


def test_three_scenarios_have_names():
    assert tuple(SCENARIOS) == ("statistical", "scaling", "frozen")
