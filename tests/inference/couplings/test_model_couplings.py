"""Predictions of the model library, and channels combined at one coupling."""

import math

import numpy as np
import pytest

from tests.inference.models import mixed_model
from toymc.errors import InputError
from toymc.generators.models import model_point, zprime
from toymc.inference import Channel, HistoSys, Model, NormFactor, NormSys, Sample, StatError, upper_limit
from toymc.inference.couplings import (
    Prediction,
    combine_channels,
    excluded_couplings,
    model_prediction,
    predict,
    strength_prediction,
)


@pytest.mark.parametrize(
    ("name", "mass", "production", "decay", "flavour"),
    [
        ("higgs_scalar", 1.0, "bplus_to_kplus_S", "mu_mu", None),
        ("higgs_scalar", 2.5, "b0_to_kstar0_S", None, None),
        ("hnl", 1.0, "tau_to_pi_N", "nu_mu_mu", None),
        ("hnl", 0.5, 3.0, None, "mu"),
        ("leptophilic_scalar", 0.1, 5.716, "e_e", None),
        ("zprime", 1.0, 99.57e3, "nu_nu", None),
        ("alp", 4.0, 1.821e-5, ("tau_tau", "mu_mu"), None),
    ],
)
def test_library_predictions_equal_model_points(name, mass, production, decay, flavour):
    """At couplings between the points of the table, against the library asked there."""
    prediction = model_prediction(name, mass, production, decay, flavour=flavour)
    for coupling in (3.3e-6, 0.7e-3, 0.123):
        point = model_point(name, mass, coupling, flavour)
        modes = (decay,) if isinstance(decay, str) else decay
        share = 1.0 if modes is None else sum(point.branching_fractions[mode] for mode in modes)
        power = 1.0 if name == "hnl" else 2.0
        made = point.production[production] if isinstance(production, str) else production * coupling**power
        assert prediction.rate_at(coupling) == pytest.approx(made * share, rel=1e-9)
        assert prediction.ctau_at(coupling) == pytest.approx(point.ctau_cm, rel=1e-9)


def test_dark_zprime_is_no_power_law():
    """B(chi chi) falls when g' grows: the table follows to 1e-4 between its 401 points."""

    def dark(g):
        return zprime.point(1.0, g, alpha_dark=1e-4, mass_dark=0.1)

    prediction = predict(dark, 1e5, "chi_chi", (1e-4, 1.0), 2.0)
    assert prediction.coupling.size == 401
    for g in (1.23e-3, 1.07e-2, 0.11, 0.77):
        assert prediction.rate_at(g) == pytest.approx(1e5 * g * g * dark(g).branching_fractions["chi_chi"], rel=1e-4)


def test_scalar_mixing_has_two_edges():
    """A limit of 5e-8 from 0.1 to 50 cm at 0.3 GeV (papers of the search) excludes a band of sin(theta), not more.

    ctau sin^2 = 5.4e-6 cm, B(B+ -> K+ S) = 0.427 sin^2, B(mu mu) = 0.22: the lower edge is where rate = limit or
    ctau = 50 cm, whichever is larger, the upper where ctau = 0.1 cm.
    """
    model = model_prediction("higgs_scalar", 0.3, "bplus_to_kplus_S", "mu_mu")
    (found,) = excluded_couplings(model, [5e-8, 5e-8], [0.1, 50.0])
    point = model_point("higgs_scalar", 0.3)
    rate = point.production["bplus_to_kplus_S"] * point.branching_fractions["mu_mu"]
    assert found.low == pytest.approx(max(math.sqrt(5e-8 / rate), math.sqrt(point.ctau_cm / 50.0)), rel=1e-9)
    assert found.high == pytest.approx(math.sqrt(point.ctau_cm / 0.1), rel=1e-9)
    assert (found.low_edge, found.high_edge) == ("limit", "lifetimes")


def test_heavy_neutral_lepton():
    """|V|^2 enters linearly: product of branching fractions ~ |V|^2, ctau ~ 1/|V|^2."""
    model = model_prediction("hnl", 1.3, "tau_to_pi_N", "nu_mu_mu")
    point = model_point("hnl", 1.3)
    unit = point.production["tau_to_pi_N"] * point.branching_fractions["nu_mu_mu"]
    (found,) = excluded_couplings(model, [1e-8, 1e-8], [1.0, 1e6], long="linear")
    assert found.low == pytest.approx(1e-8 / unit, rel=1e-9)
    assert found.high == pytest.approx(point.ctau_cm / 1.0, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dark_photon", 1.0, 1.0, None), "dark_photon"),
        (("higgs_scalar", 0.2, "bplus_to_kplus_S", "mu_mu"), "does not decay to mu_mu: open are e_e"),
        (("higgs_scalar", 1.0, "tau_to_pi_N", "mu_mu"), "not produced in 'tau_to_pi_N': open are bplus_to_kplus_S"),
        (("zprime", 1.0, "ee_to_mumu", "nu_nu"), "none in the library"),
        (("zprime", 1.0, -2.0, "nu_nu"), "production rate -2"),
        (("zprime", 1.0, 1.0, "nu_nu", (1.0, 0.1)), "couplings from 1 to 0.1"),
    ],
)
def test_bad_questions_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        model_prediction(*arguments)


# -- combination ------------------------------------------------------------------------------------------------


def channel(name, signal, background, observed, shared=0.1):
    signal, background = np.asarray(signal, float), np.asarray(background, float)
    on_signal = (
        NormFactor("b"),
        NormSys("efficiency", 1 - shared, 1 + shared),
        StatError(f"stat_{name}", 0.1 * signal),
    )
    tilt = HistoSys("tilt", 0.95 * signal, 1.05 * signal)
    samples = (Sample("s", signal, (*on_signal, tilt)), Sample("bkg", background, (NormSys("level", 0.9, 1.1),)))
    return Model([Channel(name, samples, observed)], poi="b")


def test_one_channel_is_its_own_limit_divided_by_the_rate():
    model = channel("ee", [3.0, 1.0], [5.0, 8.0], [6, 7])
    alone = upper_limit(model)
    combined = upper_limit(combine_channels({"ee": model}, {"ee": 2.5}))
    assert combined.observed == pytest.approx(alone.observed / 2.5, rel=1e-4)
    assert combined.expected == pytest.approx([x / 2.5 for x in alone.expected], rel=1e-4)


def test_equal_channels_equal_one_with_twice_the_bins():
    """Combining by hand: the same likelihood written as one HistFactory model with two channels."""
    parts = {"ee": channel("ee", [3.0], [5.0], [6]), "mm": channel("mm", [4.0], [9.0], [8])}
    combined = combine_channels(parts, {"ee": 2.0, "mm": 0.5})
    by_hand = Model((channel("ee", [6.0], [5.0], [6]).channels[0], channel("mm", [2.0], [9.0], [8]).channels[0]), "b")
    a, b = upper_limit(combined), upper_limit(by_hand)
    assert (a.observed, *a.expected) == pytest.approx((b.observed, *b.expected), rel=1e-6)
    assert combined.parameter_names.count("efficiency") == 1  # one nuisance parameter for both
    assert a.median < min(upper_limit(parts[n]).median / r for n, r in (("ee", 2.0), ("mm", 0.5)))


def test_closed_channel_changes_little():
    parts = {"ee": channel("ee", [3.0], [5.0], [6]), "mm": channel("mm", [4.0], [9.0], [8])}
    only = upper_limit(combine_channels(parts, {"ee": 1.0, "mm": 0.0}))
    assert only.median == pytest.approx(upper_limit(parts["ee"]).median, rel=0.02)  # it still measures `level`


def test_strength_gives_the_coupling():
    """Two channels with b1 g^2 and b2 g^2: the combined limit on g^2 is that of the model, edges from both."""
    model = Prediction([1e-4, 1.0], [3e-9, 0.3], [1e4, 1e-4])
    strength = strength_prediction(model, 1e-2)
    assert strength.rate_at(1e-2) == pytest.approx(1.0)
    (found,) = excluded_couplings(strength, [4.0, 4.0], [1e-3, 1e3])
    assert found.low == pytest.approx(2e-2)


def test_bad_combinations_are_named():
    parts = {"ee": channel("ee", [3.0], [5.0], [6]), "mm": channel("mm", [4.0], [9.0], [8])}
    for rates, message in (
        ({"ee": 1.0}, "one rate per channel"),
        ({"ee": 1.0, "mm": -1.0}, "channel 'mm': the rate is -1"),
        ({"ee": 0.0, "mm": 0.0}, "all zero"),
    ):
        with pytest.raises(InputError, match=message):
            combine_channels(parts, rates)
    with pytest.raises(InputError, match="a modifier is called 'efficiency' already"):
        combine_channels(parts, {"ee": 1.0, "mm": 1.0}, poi="efficiency")
    with pytest.raises(InputError, match="two channels are called 'x'"):
        combine_channels({"a": mixed_model(0), "b": mixed_model(0)}, {"a": 1.0, "b": 1.0})
