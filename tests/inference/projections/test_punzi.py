"""Punzi's figure of merit against its definition: the exact Poisson power of a search."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from toymc.errors import InputError
from toymc.inference.projections import punzi_events, punzi_sigma_min, scan_cut
from toymc.streams import stream

A, B = 3.0, 1.2815515655446004


def exact(background):
    """Smallest signal with P(n >= n_crit | b + s) = 90 %, n_crit the smallest with P(n >= n_crit | b) <= 3 sigma."""
    critical = int(poisson.isf(norm.sf(A), background)) + 1
    return brentq(lambda s: poisson.sf(critical - 1, background + s) - norm.cdf(B), 0.0, 50.0 + 20.0 * background**0.5)


def test_the_expression_follows_the_poisson_power():
    """The exact answer steps with n_crit; averaged over a step the expression is within 5 % from B = 1 on."""
    for centre in (1.0, 5.0, 20.0, 100.0, 1000.0):
        backgrounds = centre + np.linspace(-0.5, 0.5, 41) * max(1.0, 0.3 * centre**0.5) * 0.9
        ratio = np.mean([punzi_events(b) / exact(b) for b in backgrounds])
        assert ratio == pytest.approx(1.0, abs=0.08 if centre < 10 else 0.04)


def test_no_background():
    """3.08 at B = 0 by the expression; the exact power asks for 2.30 events (one event is a discovery)."""
    assert punzi_events(0.0) == pytest.approx(A**2 / 8 + 9 * B**2 / 13 + 0.5 * B * B)
    assert exact(1e-9) == pytest.approx(2.3026, rel=1e-4)


def test_large_background_is_the_gaussian_condition():
    """S = a sqrt(B) + b sqrt(B + S), up to the constant a^2/8 + (9/13 - 1/2) b^2."""
    b = 1e6
    s = float(punzi_events(b)) - (A**2 / 8 + (9 / 13 - 0.5) * B**2)
    assert s == pytest.approx(A * b**0.5 + B * (b + s) ** 0.5, rel=1e-12)


def test_sigma_min_scales():
    assert punzi_sigma_min(0.2, 50.0, 100.0) == pytest.approx(punzi_events(50.0) / 20.0)
    assert np.isinf(punzi_sigma_min(0.0, 50.0, 100.0))
    # many background events: sigma_min falls as 1/sqrt(L)
    early, late = punzi_sigma_min(0.2, 1e6, 1.0), punzi_sigma_min(0.2, 1e8, 100.0)
    assert early / late == pytest.approx(10.0, rel=2e-3)


def test_scan_against_a_plain_loop():
    rng = stream(3, "punzi", "test", 0)
    x, y = rng.normal(1.5, 1.0, 500), rng.normal(0.0, 1.0, 700)
    wx, wy = np.full(500, 0.4 / 500), rng.uniform(0.0, 2.0, 700)
    scan = scan_cut(x, wx, y, wy, 20.0)
    merits = []
    for t in scan.thresholds:
        events, squares = sum(w for v, w in zip(y, wy, strict=True) if v > t), sum(wy[y > t] ** 2)
        efficiency = wx[x > t].sum()
        merit = float(punzi_sigma_min(efficiency, events, 20.0))
        merits.append(merit if squares > 0 and events**2 / squares >= 10.0 else np.inf)
    assert scan.best == int(np.argmin(merits))
    assert scan.sigma_min_fb[scan.best] == pytest.approx(min(merits))
    assert 0.5 < scan.threshold < 2.5


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: punzi_events(-1.0), "background of -1"),
        (lambda: punzi_events([1.0, np.nan]), "background of nan"),
        (lambda: punzi_events(1.0, a=0.0), "a = 0"),
        (lambda: punzi_sigma_min(1.5, 1.0, 1.0), "efficiencies"),
        (lambda: punzi_sigma_min(0.5, 1.0, 0.0), "luminosity of 0"),
        (lambda: scan_cut([], [], [1.0], [1.0], 1.0), "one weight for each"),
        (lambda: scan_cut([1.0], [0.1], [1.0], [1.0], 1.0), "simulate more background"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()
