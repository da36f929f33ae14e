"""Upper limits: the same numbers as pyhf, closed forms, Gaussian limits, and the way they fail."""

import math

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from tests.inference.models import counting_model, mixed_model, thirty_bins, two_channels
from toymc.errors import InputError, ToymcError
from toymc.inference import Channel, Model, NormFactor, NormSys, Sample, StatError, cls_values, upper_limit


@pytest.mark.parametrize("number", range(10))
def test_limits_equal_pyhf(number):
    """pyhf's CLs, observed and every band, is above alpha just below our limit and below it just above: 0.3 %."""
    pyhf.set_backend("numpy", "minuit")
    model = mixed_model(number)
    limit = upper_limit(model, cl=0.95)
    assert limit.status == "converged"
    workspace = pyhf.Workspace(model.to_pyhf())
    other = workspace.model()
    data = workspace.data(other)
    targets = [limit.observed, *limit.expected]
    for i in (0, 1, 3, 5) if number % 2 == 0 else (0, 3):  # observed, -2, median, +2 sigma; fewer where pyhf is slow
        bracket = []
        for factor in (0.997, 1.003):
            observed, bands = pyhf.infer.hypotest(targets[i] * factor, data, other, return_expected_set=True)
            bracket.append(float([observed, *bands][i]))
        assert bracket[0] > 0.05 > bracket[1], f"limit {i} = {targets[i]}: pyhf has CLs {bracket} around it"


def test_limits_equal_pyhf_root_finder():
    """The whole of pyhf's own root finding, at 90 %, on one model."""
    pyhf.set_backend("numpy", "scipy")
    model = counting_model(5.0, 30.0, 33, 4.0)
    workspace = pyhf.Workspace(model.to_pyhf())
    other = workspace.model()
    observed, bands = pyhf.infer.intervals.upper_limits.toms748_scan(
        workspace.data(other), other, 0.0, 9.0, level=0.1, rtol=1e-6
    )
    limit = upper_limit(model, cl=0.90)
    assert limit.observed == pytest.approx(float(observed), rel=1e-3)
    assert limit.expected == pytest.approx([float(b) for b in bands], rel=1e-3)


def test_without_background_and_events():
    """n = 0, b -> 0: q~ = 2 mu s, so CLs = alpha at 2 mu s = x^2: 1.92 events at 95 % (the exact limit is 3.00)."""
    model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [1e-9])), [0.0])], "mu")
    limit = upper_limit(model, cl=0.95)
    # the Asimov data are empty too: q = qA, CLs = 2 Phi(-sqrt(q))
    assert limit.observed == pytest.approx(0.5 * ndtri(0.025) ** 2, rel=1e-3)
    assert limit.median == pytest.approx(0.5 * ndtri(0.025) ** 2, rel=1e-3)


def test_gaussian_limits():
    """Large counts: mu_up(N) = sigma (Phi^-1(1 - alpha Phi(N)) + N), Cowan et al. eq. 89; 1.96 and 1.64 sigma at 0."""
    b, s = 1e10, 1e4
    model = counting_model(s, b, b)
    for cl, median in ((0.95, 1.95996), (0.90, 1.64485)):
        limit = upper_limit(model, cl=cl)
        sigma = math.sqrt(b) / s
        assert limit.sigma == pytest.approx(sigma, rel=1e-3)
        assert limit.median == pytest.approx(median * sigma, rel=1e-3)
        expected = [sigma * (ndtri(1.0 - (1.0 - cl) * ndtr(n)) + n) for n in (-2, -1, 0, 1, 2)]
        assert limit.expected == pytest.approx(expected, rel=1e-3)
        assert limit.observed == pytest.approx(limit.median, rel=1e-3)


@pytest.mark.parametrize("n_sigma", [-2, -1, 1, 2])
def test_observed_limit_of_shifted_data_is_the_band(n_sigma):
    """Gaussian data N sigma off: the observed limit is the band; below zero the q~ regime differs by little."""
    b, s = 1e10, 1e4
    limit = upper_limit(counting_model(s, b, b + n_sigma * math.sqrt(b)), cl=0.95)
    assert limit.observed == pytest.approx(limit.expected[n_sigma + 2], rel=2e-3)


def test_mu_hat_is_not_negative():
    limit = upper_limit(counting_model(5.0, 50.0, 30))
    assert limit.mu_hat == 0.0 and "mu" in limit.at_bound
    assert limit.observed < limit.median


def test_limit_far_above_the_usual_bound():
    """The parameter of interest is not stopped at 10: a signal 1000 times smaller gives a limit 1000 times larger."""
    small = upper_limit(counting_model(5.0, 50.0, 48))
    large = upper_limit(counting_model(0.005, 50.0, 48))
    assert large.observed == pytest.approx(1000.0 * small.observed, rel=1e-4)
    assert large.expected == pytest.approx([1000.0 * e for e in small.expected], rel=1e-4)


def test_a_signal_far_too_large_gives_a_small_limit():
    tiny = upper_limit(counting_model(5e6, 50.0, 48))
    assert tiny.observed == pytest.approx(1e-6 * upper_limit(counting_model(5.0, 50.0, 48)).observed, rel=1e-4)


def test_cls_values_at_the_limit():
    model = mixed_model(6)
    limit = upper_limit(model, cl=0.95)
    observed, _ = cls_values(model, [limit.observed])
    assert observed[0] == pytest.approx(0.05, rel=1e-6)
    _, bands = cls_values(model, limit.expected)
    assert np.diag(bands) == pytest.approx([0.05] * 5, rel=1e-6)
    assert np.all(np.diff(bands, axis=1) > 0.0) and np.all(np.diff(bands, axis=0) < 0.0)
    with pytest.raises(InputError, match="must be positive and finite"):
        cls_values(model, [0.0])


def test_expected_only():
    model = counting_model(5.0, 50.0)
    limit = upper_limit(model)
    assert limit.observed is None and limit.mu_hat is None
    asimov = upper_limit(model, data={"sr": [50.0]})
    assert limit.expected == pytest.approx(asimov.expected, rel=1e-9)
    assert asimov.observed == pytest.approx(asimov.median, rel=1e-4)


def test_data_argument_replaces_the_models_counts():
    model = mixed_model(1)
    counts = {c.name: c.observed + 3.0 for c in model.channels}
    assert upper_limit(model, data=counts) == upper_limit(model.with_data(counts))


def test_limits_do_not_depend_on_earlier_ones():
    model = mixed_model(3)
    first = upper_limit(model, cl=0.95)
    upper_limit(model, cl=0.90)
    assert upper_limit(model, cl=0.95) == first


def test_systematics_weaken_the_limit():
    model = thirty_bins()
    bare = Model(
        [Channel(c.name, tuple(Sample(s.name, s.data, s.modifiers[:1] if s.name == "signal" else ())
                               for s in c.samples), c.observed) for c in model.channels],
        "mu",
    )  # fmt: skip
    assert upper_limit(bare).median < upper_limit(model).median


def test_zeros_in_the_data_and_in_samples():
    samples = (
        Sample("s", [0.0, 1.0, 2.0, 0.0], (NormFactor("mu"),)),
        Sample("a", [5.0, 0.0, 0.4, 0.3], (StatError("st", [1.0, 0.0, 0.3, 0.1]), NormSys("k", 0.8, 1.3))),
        Sample("b", [0.0, 0.2, 0.1, 0.0], (StatError("st", [0.0, 0.1, 0.1, 0.0]),)),
    )
    limit = upper_limit(Model([Channel("sr", samples, [4, 0, 0, 0])], "mu"))
    assert limit.status == "converged"
    assert all(math.isfinite(x) and x > 0.0 for x in (limit.observed, *limit.expected))
    assert list(limit.expected) == sorted(limit.expected)


def test_two_channels_with_free_backgrounds():
    limit = upper_limit(two_channels())
    assert limit.status == "converged"
    assert limit.observed == pytest.approx(limit.median, rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 1e-12])
def test_signal_with_the_shape_of_a_free_background(scale):
    """q is zero until the background has given way to the signal, then that of counting with nothing else."""
    shape = np.array([10.0, 20.0])
    samples = (Sample("s", scale * shape, (NormFactor("mu"),)), Sample("b", shape, (NormFactor("n"),)))
    limit = upper_limit(Model([Channel("sr", samples, [10.0, 20.0])], "mu"))
    x = float(-ndtri(0.025))
    median = brentq(lambda mu: 60.0 * (mu - 1.0 - math.log(mu)) - x * x, 1.0, 3.0)
    assert limit.median * scale == pytest.approx(median, rel=1e-4)


def test_no_sensitivity_is_said():
    samples = (Sample("s", [1e-200], (NormFactor("mu"),)), Sample("b", [10.0]))
    with pytest.raises(ToymcError, match="sensitive"):
        upper_limit(Model([Channel("sr", samples, [10.0])], "mu"))


def test_events_where_the_background_is_nothing():
    samples = (Sample("s", [1.0, 1.0], (NormFactor("mu"),)), Sample("b", [5.0, 0.0]))
    with pytest.raises(InputError, match=r"bin 1 of all channels: 2 observed"):
        upper_limit(Model([Channel("sr", samples, [5.0, 2.0])], "mu"))


@pytest.mark.parametrize("cl", [0.5, 1.0, 95.0, math.nan])
def test_bad_confidence_level(cl):
    with pytest.raises(InputError, match="confidence level"):
        upper_limit(counting_model(1.0, 2.0, 2), cl=cl)


def test_result_is_json_ready():
    result = upper_limit(counting_model(5.0, 50.0, 48)).to_dict()
    assert list(result["expected"]) == ["-2", "-1", "0", "+1", "+2"]
    assert result["status"] == "converged" and result["n_fits"] < 60
