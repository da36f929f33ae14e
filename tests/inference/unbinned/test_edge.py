"""Edge of the tau pseudomass: derivatives, the unbinned fit by iminuit, what binning costs, pulls."""

import numpy as np
import pytest
from iminuit import Minuit
from scipy.integrate import quad

from toymc.errors import InputError
from toymc.inference.unbinned import edge_shares, fit_edge, fit_edge_counts
from toymc.inference.unbinned.edge import FORMS, _edge_nll
from toymc.streams import stream

P = np.array([1.7775, 0.0015, 0.5, 2.0, -5.0])
SLOPE = np.array([1.7775, 0.0015, 0.5, 2.0, 4.0])  # of the second form
LOW, HIGH = 1.70, 1.85


def function(m, p, form):
    """F as it stands in the docstring."""
    d = m - p[0]
    if form == "arctan":
        return 1.0 - p[2] * np.arctan(d / p[1]) + p[3] * d + p[4] * d**2
    return 1.0 - (p[2] + p[3] * d) * np.arctan(d / p[1]) + p[4] * d


def draw(n, chunk):
    """n masses from F by rejection."""
    rng = stream(31, "edge", "test", chunk)
    m = LOW + (HIGH - LOW) * rng.random(4 * n)
    top = function(np.linspace(LOW, HIGH, 1001), P, "arctan").max()
    return m[rng.random(4 * n) * top < function(m, P, "arctan")][:n]


@pytest.mark.parametrize("form", FORMS)
def test_shares_are_the_integral_of_the_function(form):
    p = P if form == "arctan" else SLOPE
    shares = edge_shares(p, form, bins=100)
    edges = np.linspace(LOW, HIGH, 101)
    direct = np.array(
        [quad(function, a, b, (p, form), epsabs=1e-13)[0] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    )
    np.testing.assert_allclose(shares, direct / direct.sum(), rtol=1e-9)


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_gradient_and_hessian_against_differences(form):
    true = (P, SLOPE)[form]
    counts = np.round(1e5 * edge_shares(true, FORMS[form], bins=200))

    def evaluate(p):
        g, h = np.zeros(5), np.zeros((5, 5))
        total = float(counts.sum())
        value = _edge_nll(form, p, LOW, 0.15 / 200, counts, total, g, h, np.zeros((3, 5)), np.zeros((3, 5, 5)))
        return value, g, h

    start = true + np.array([2e-4, 2e-4, 0.02, 0.1, 0.5])
    _, gradient, hessian = evaluate(start)
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-5 * max(abs(start[k]), 0.01)
        up, down = evaluate(start + step), evaluate(start - step)
        assert gradient[k] == pytest.approx((up[0] - down[0]) / (2 * step[k]), rel=2e-3, abs=0.1)
        np.testing.assert_allclose(hessian[k], (up[1] - down[1]) / (2 * step[k]), rtol=2e-3, atol=1.0)


def test_against_the_unbinned_fit():
    """The same 20 000 masses unbinned, by iminuit: P1 within 5 % of its error, the error within 2 %."""
    m = draw(20_000, 0)
    ours = fit_edge(m)

    def nll(p):
        f = function(m, p, "arctan")
        grid = np.linspace(LOW, HIGH, 4_001)
        total = np.trapezoid(function(grid, p, "arctan"), grid)
        return -np.log(np.maximum(f, 1e-300)).sum() + m.size * np.log(total)

    minuit = Minuit(nll, ours.values[0] + np.array([1e-4, 1e-4, 0.0, 0.0, 0.0]))
    minuit.errordef = 0.5
    minuit.limits[1] = (1e-5, 0.05)
    minuit.errors = ours.errors[0]
    minuit.migrad()
    minuit.hesse()
    assert ours.status[0] == 0 and ours.n_events[0] == m.size
    assert abs(ours.values[0, 0] - minuit.values[0]) < 0.05 * minuit.errors[0]
    assert ours.errors[0, 0] == pytest.approx(minuit.errors[0], rel=0.02)
    assert abs(ours.values[0, 0] - P[0]) < 4.0 * ours.errors[0, 0]


def test_binning_adds_no_bias_and_forgets_next_to_nothing():
    """Expected counts in 300, 1000 and 6000 bins: exact parameters in each; 0.15 MeV bins lose < 1 % of precision."""
    errors = {}
    for bins in (300, 1000, 6000):
        fit = fit_edge_counts(1e6 * edge_shares(P, bins=bins))
        np.testing.assert_allclose(fit.values[0], P, rtol=2e-3, atol=1e-6)
        assert abs(fit.values[0, 0] - P[0]) < 1e-8
        errors[bins] = fit.errors[0, 0]
    assert errors[1000] / errors[6000] < 1.01


def test_pulls_of_a_thousand_experiments():
    """Mean within 4/sqrt(1000), width within 4/sqrt(2000) of one; none fails. Covariance symmetric."""
    counts = stream(32, "edge", "test", 0).poisson(1e5 * edge_shares(P, bins=500), (1000, 500))
    fits = fit_edge_counts(counts)
    pulls = (fits.values[:, 0] - P[0]) / fits.errors[:, 0]
    assert fits.failed == 0
    assert abs(pulls.mean()) < 4.0 / np.sqrt(1000) and abs(pulls.std() - 1.0) < 4.0 / np.sqrt(2000)
    np.testing.assert_allclose(fits.covariances, fits.covariances.transpose(0, 2, 1), rtol=1e-6, atol=1e-9)


def test_the_other_form_recovers_itself():
    p = np.array([1.7772, 0.002, 0.45, -1.0, 1.5])
    fit = fit_edge_counts(1e6 * edge_shares(p, "arctan_slope"), "arctan_slope")
    np.testing.assert_allclose(fit.values[0], p, rtol=1e-3)


def test_interval_of_few_events_is_the_contour_of_the_likelihood():
    """Against a scan that knows nothing of it: -ln L minimal in P2 ... P5 by iminuit."""
    counts = stream(33, "edge", "test", 0).poisson(4000 * edge_shares(P)).astype(float)
    fit = fit_edge_counts(counts)
    work = (np.zeros(5), np.zeros((5, 5)), np.zeros((3, 5)), np.zeros((3, 5, 5)))

    def nll(*p):
        return _edge_nll(0, np.array(p), LOW, (HIGH - LOW) / len(counts), counts, counts.sum(), *work)

    def profiled(p1):
        minuit = Minuit(nll, *fit.values[0])
        minuit.errordef, minuit.strategy = 0.5, 2
        minuit.limits[1] = (0.45e-3, 0.1)
        minuit.values[0], minuit.fixed[0] = p1, True
        return minuit.migrad().fval

    for edge in (fit.low[0], fit.high[0]):
        assert profiled(edge) - fit.nll[0] == pytest.approx(0.5, abs=0.03)
    # not symmetric, and not far from the Hessian
    assert fit.high[0] - fit.low[0] == pytest.approx(2.0 * fit.errors[0, 0], rel=0.3)
    many = fit_edge_counts(100.0 * counts)
    assert many.high[0] - many.values[0, 0] == pytest.approx(many.errors[0, 0], rel=1e-12)


def test_few_events_have_an_answer_and_no_step_between_two_events():
    counts = stream(34, "edge", "test", 0).poisson(1000 * edge_shares(P), (200, 1000)).astype(float)
    fits = fit_edge_counts(counts)
    # 1 in 500 measured; 5 of 200 has a probability below 1e-4
    assert np.sum((fits.status != 0) | ~np.isfinite(fits.low + fits.high)) < 5
    assert fits.values[:, 1].min() >= 0.45e-3 * (1.0 - 1e-12)
    stuck = fits.values[:, 1] < 0.4501e-3
    assert stuck.any() and np.all(np.isnan(fits.errors[stuck, 1])) and np.all(fits.errors[stuck, 0] > 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_edge([1.77, float("nan")]), "event 1"),
        (lambda: fit_edge([1.77]), "1 events in sample 0"),
        (lambda: fit_edge_counts(np.full((2, 100), -1.0)), "-1 events in bin 0 of sample 0"),
        (lambda: fit_edge_counts(np.ones(10)), "50 bins or more"),
        (lambda: fit_edge_counts(np.full(100, 9.0), "tanh"), "form 'tanh'"),
        (lambda: edge_shares([1.777, -0.002, 0.4, 0.0, 0.0]), "P2 positive"),
        (lambda: edge_shares([1.777, 0.002, 0.9, 0.0, 0.0]), "not positive at"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
