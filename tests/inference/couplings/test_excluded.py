"""Excluded couplings: closed forms with lifetimes, a slow twin on a dense grid, edges, bands, refusals."""

import math

import numpy as np
import pytest
from scipy.special import lambertw

from toymc.errors import InputError
from toymc.inference.couplings import Prediction, excluded_couplings, interpretation
from toymc.streams import stream


def pairs(intervals):
    return [(i.low, i.high) for i in intervals]


def volume_limit(ctau, n_up, made, first, last=math.inf):
    """Upper limit on a branching fraction when decays between two distances are seen (boost 1)."""
    seen = np.exp(-first / ctau) - (np.exp(-last / ctau) if math.isfinite(last) else 0.0)
    return n_up / (made * seen)


def test_closed_form_of_a_displaced_search():
    """B = b g^2, ctau = c/g^2, seen beyond L: excluded where y exp(-y) > k, y = L g^2/c, k = n L/(N b c): Lambert W.

    64 lifetimes per decade: the chord is off by (L/ctau) ln^2(step)/8 < 2e-3 in the limit, half of it in the coupling.
    """
    b, c, length, made, n_up = 0.4, 1e-8, 0.5, 1e8, 3.0
    k = n_up * length / (made * b * c)
    k_scaled = k * 1e-1  # a number of events that leaves two edges
    n_up *= 1e-1
    assert k_scaled > 1.0 / math.e
    assert excluded_couplings(Prediction([1e-6, 1.0], [b * 1e-12, b], [c * 1e12, c]),
                              volume_limit(np.geomspace(1e-2, 1e3, 200), n_up, made, length),
                              np.geomspace(1e-2, 1e3, 200)) == []  # fmt: skip
    for c in (1e-6, 1e-5, 1e-4):
        k = n_up * length / (made * b * c)
        edges = [math.sqrt(c / length * float(-lambertw(-k, branch).real)) for branch in (0, -1)]
        ctau = np.geomspace(0.02, 1e5, 430)
        model = Prediction([1e-7, 1.0], [b * 1e-14, b], [c * 1e14, c])
        (found,) = excluded_couplings(model, volume_limit(ctau, n_up, made, length), ctau)
        assert (found.low, found.high) == pytest.approx(edges, rel=2e-3)
        assert (found.low_edge, found.high_edge) == ("limit", "limit")
        assert found.low >= edges[0] * (1 - 1e-9) and found.high <= edges[1] * (1 + 1e-9)  # the chord excludes less


def test_interpolation_error_is_second_order():
    """Four times fewer lifetimes, sixteen times the error (10 to 22), always to the safe side."""
    b, c, length, made, n_up = 0.4, 1e-5, 0.5, 1e8, 0.3
    k = n_up * length / (made * b * c)
    exact = math.sqrt(c / length * float(-lambertw(-k, -1).real))
    model = Prediction([1e-6, 1.0], [b * 1e-12, b], [c * 1e12, c])
    errors = []
    for n in (100, 400):
        knots = np.log(c / exact**2) + (np.arange(-n, 3 * n) + 0.5) * (8.0 / n)  # the edge in the middle of a step
        ctau = np.exp(knots)
        ctau = ctau[(ctau > 0.02) & (ctau < 1e3)]
        (found,) = excluded_couplings(model, volume_limit(ctau, n_up, made, length), ctau)
        errors.append(1.0 - found.high / exact)
    assert 0.0 < errors[1] < errors[0] and 10.0 < errors[0] / errors[1] < 22.0


def test_published_lifetime_grid_is_fine_enough():
    """The lifetimes of the B -> K S search (17 from 0.001 to 100 cm, exp(-0.05/ctau) to 60 cm): edges within 5 %."""
    grid = np.array([1e-3, 3e-3, 5e-3, 7e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100])
    dense = np.geomspace(1e-3, 100.0, 4000)
    model = Prediction([1e-6, 1.0], [0.093e-12, 0.093], [5.4e-6 * 1e12, 5.4e-6])  # mu mu at 0.3 GeV
    found = [excluded_couplings(model, volume_limit(g, 3.0, 4e7, 0.05, 60.0), g) for g in (grid, dense)]
    assert len(found[0]) == len(found[1]) == 1
    for edge in ("low", "high"):
        assert getattr(found[0][0], edge) == pytest.approx(getattr(found[1][0], edge), rel=0.05)
    assert found[0][0].low > found[1][0].low and found[0][0].high < found[1][0].high  # to the safe side


def test_random_maps_equal_a_dense_grid():
    """200 random limits and predictions against 40 000 couplings, one by one."""
    rng = stream(20260203, "couplings", "test", 0)
    several = 0
    for _ in range(200):
        n, m = int(rng.integers(2, 8)), int(rng.integers(2, 12))
        coupling = np.sort(np.exp(rng.uniform(-6.0, 0.0, n)))
        rate = np.exp(np.cumsum(rng.uniform(0.0, 3.0, n)) - 6.0)
        ctau = np.exp(-np.cumsum(rng.uniform(0.0, 3.0, n)) + 4.0)
        knots = np.sort(np.exp(rng.uniform(-4.0, 4.0, m)))
        limit = np.exp(rng.uniform(-6.0, 2.0, m))
        limit[rng.random(m) < 0.1] = np.nan
        found = excluded_couplings(Prediction(coupling, rate, ctau), limit, knots)
        several += len(found) > 1
        x = np.linspace(np.log(coupling[0]), np.log(coupling[-1]), 40_001)[1:-1]
        r, t = (np.interp(x, np.log(coupling), np.log(v)) for v in (rate, ctau))
        excluded = (r > np.interp(t, np.log(knots), np.log(limit))) & (t > np.log(knots[0])) & (t < np.log(knots[-1]))
        inside = np.zeros(x.size, bool)
        for low, high in pairs(found):
            inside |= (x > math.log(low)) & (x < math.log(high))
        # neighbours of an edge and exact knots beside a missing limit may differ
        assert np.count_nonzero(inside != excluded) <= 4 + 4 * np.isnan(limit).sum()
    assert several > 20


def test_two_windows_of_lifetime_give_two_intervals():
    """A limit that is bad in between (a veto in the decay distance) leaves a hole in the excluded couplings."""
    model = Prediction([1e-4, 1.0], [1e-8, 1.0], [1e4, 1e-4])
    ctau = [1e-3, 1e-2, 1e-1, 1.0, 10.0]
    found = excluded_couplings(model, [1e-4, 1e-6, 1e-1, 1e-6, 1e-4], ctau)
    assert len(found) == 2
    assert found[0].high < found[1].low
    assert [i.high_edge for i in found] == ["limit", "lifetimes"]


def test_edges_are_named():
    model = Prediction([1e-4, 1.0], [1e-8, 1.0], [1e4, 1e-4])
    ctau = np.array([1e-2, 1.0])  # couplings 0.01 to 0.1
    (found,) = excluded_couplings(model, [1e-9, 1e-9], ctau)
    assert (found.low, found.high) == pytest.approx((0.01, 0.1))
    assert (found.low_edge, found.high_edge) == ("lifetimes", "lifetimes")
    (prompt,) = excluded_couplings(model, [1e-9, 1e-9], ctau, short="constant")
    assert (prompt.high, prompt.high_edge) == (pytest.approx(1.0), "couplings")
    # beyond 1 cm the limit grows as ctau: g^2 = 1e-9 * 1e-4/g^2 at g = sqrt(sqrt(1e-13))
    (far,) = excluded_couplings(model, [1e-9, 1e-9], ctau, long="linear")
    assert (far.low, far.low_edge) == (pytest.approx(1e-13**0.25), "limit")
    # one lifetime is enough if both sides are said
    assert len(excluded_couplings(model, [1e-6], [0.1], short="constant", long="linear")) == 1


def test_nothing_excluded_is_an_empty_list():
    model = Prediction([1e-4, 1.0], [1e-8, 1.0], [1e4, 1e-4])
    assert excluded_couplings(model, [2.0, 2.0], [1e-3, 1e3]) == []
    assert excluded_couplings(model, [1e-9, 1e-9], [1e5, 1e6]) == []  # lifetimes that no coupling has
    assert excluded_couplings(model, [np.nan, np.nan], [1e-3, 1e3]) == []
    assert interpretation(model, {"0": [2.0, 2.0]}, ctau_cm=[1e-3, 1e3])["excluded"] == []


def test_limit_without_lifetime():
    """sigma = 99.57 pb g'^2 at 1 GeV [published table of the project's references, LO], half invisible: 0.2 fb."""
    model = Prediction([1e-6, 1.0], [99.57e3 * 0.5 * 1e-12, 99.57e3 * 0.5])
    (found,) = excluded_couplings(model, 0.2)
    assert found.low == pytest.approx(math.sqrt(0.2 / (0.5 * 99.57e3)))
    assert found.high_edge == "couplings"


def test_lifetime_that_does_not_move():
    """A constant lifetime inside the map: the limit at this lifetime counts; on a knot as well."""
    for ctau in (0.3, 0.1, 1.0):
        model = Prediction([1e-3, 1.0], [1e-6, 1.0], [ctau, ctau])
        (found,) = excluded_couplings(model, [1e-2, 1e-4], [0.1, 1.0])
        assert found.low == pytest.approx(math.sqrt(10 ** (-2.0 - 2.0 * math.log10(ctau / 0.1))))


def test_bands():
    model = Prediction([1e-4, 1.0], [1e-8, 1.0], [1e4, 1e-4])
    ctau = np.geomspace(1e-3, 1e3, 7)
    expected = {
        band: np.full(7, level) for band, level in zip(("-2", "-1", "0", "+1", "+2"), (1, 2, 3, 4, 5), strict=True)
    }
    expected = {band: value * 1e-6 for band, value in expected.items()}
    answer = interpretation(model, expected, np.full(7, 2e-6), ctau)
    lows = [answer["excluded_expected"][band][0][0] for band in expected]
    assert lows == pytest.approx(np.sqrt(np.array([1, 2, 3, 4, 5]) * 1e-6))
    assert answer["excluded"][0][0] == pytest.approx(math.sqrt(2e-6))
    assert answer["edges"] == [["limit", "lifetimes"]]


@pytest.mark.parametrize(
    ("limit", "ctau", "more", "message"),
    [
        ([1.0, 0.0], [0.1, 1.0], {}, r"limit\[1\] is 0"),
        ([1.0, -2.0], [0.1, 1.0], {}, r"limit\[1\] is -2"),
        ([1.0], [0.1, 1.0], {}, r"\(1,\) limits at \(2,\)"),
        ([1.0, 1.0], [1.0, 0.1], {}, "must rise"),
        ([1.0, 1.0], [0.0, 0.1], {}, "ctau 0 cm"),
        ([1.0], [0.1], {}, "one lifetime"),
        (1.0, None, {}, "give the lifetimes"),
        ([[1.0]], [[1.0]], {}, "shape"),
        ([1.0, 1.0], [0.1, 1.0], {"short": "linear"}, "short = 'linear'"),
    ],
)
def test_bad_limits_are_named(limit, ctau, more, message):
    with pytest.raises(InputError, match=message):
        excluded_couplings(Prediction([1e-4, 1.0], [1e-8, 1.0], [1e4, 1e-4]), limit, ctau, **more)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [1.0]), "1 couplings"),
        (([1.0, 0.5], [1.0, 1.0]), "rising"),
        (([0.0, 0.5], [1.0, 1.0]), "positive"),
        (([0.1, 0.5], [1.0, 0.0]), "rate is 0 at coupling 0.5"),
        (([0.1, 0.5], [1.0, 1.0], [math.inf, 1.0]), r"ctau \(cm\) is inf at coupling 0.1"),
        (([0.1, 0.5], [1.0]), r"rate has shape \(1,\)"),
    ],
)
def test_bad_predictions_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        Prediction(*arguments)


def test_limits_with_and_without_lifetimes_do_not_mix():
    prompt = Prediction([0.1, 1.0], [0.01, 1.0])
    with pytest.raises(InputError, match="no lifetime, the limit has"):
        excluded_couplings(prompt, [1.0, 1.0], [0.1, 1.0])
    with pytest.raises(InputError, match="2 limits without lifetimes"):
        excluded_couplings(prompt, [1.0, 1.0])
    with pytest.raises(InputError, match="no lifetime"):
        prompt.ctau_at(0.5)
    with pytest.raises(InputError, match="coupling 2"):
        prompt.rate_at(2.0)
    with pytest.raises(InputError, match="'mid'"):
        interpretation(prompt, {"0": 1.0, "mid": 1.0})
