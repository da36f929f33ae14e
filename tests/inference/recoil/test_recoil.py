"""Recoil templates: resolution, interpolation of signals, bins and merging, limits against closed forms and truth."""

import math

import numpy as np
import pytest
from scipy.special import ndtri

from toymc.errors import InputError
from toymc.inference import HistoSys, NormFactor, NormSys, upper_limit
from toymc.inference.recoil import (
    RecoilEvents,
    RecoilTemplates,
    SignalSamples,
    Source,
    Window,
    by_range,
    merge_cells,
    recoil_resolution,
    recoil_scan,
    squared_resolution,
    window_edges,
)
from toymc.streams import stream


def rng(number):
    return stream(20260204, "recoil", "test", number)


def width(mass):
    """A resolution in M2 that falls with the mass as in the recoil of two muons (GeV^2)."""
    return 0.29 * math.exp(-((mass / 8.0) ** 2))


def signal_at(mass, number, n=20_000, more=False):
    """Gaussian core with a tail to high M2 (emission before the collision), angle that widens with the mass."""
    generator = rng(number)
    tail = generator.exponential(2.0, n) * (generator.random(n) < 0.2)
    m2 = mass**2 + width(mass) * (generator.standard_normal(n) + tail)
    theta = np.clip(math.pi / 2 + 0.4 * generator.standard_normal(n), 0.0, math.pi)
    events = RecoilEvents(m2, theta, np.full(n, (10.0 + mass) / n))
    if not more:
        return Source("zprime", events)
    wide = RecoilEvents(mass**2 + 1.1 * (m2 - mass**2), theta, events.weight)
    slim = RecoilEvents(mass**2 + 0.9 * (m2 - mass**2), theta, events.weight)
    return Source(
        "zprime", events, {"width": (slim, wide)}, {"efficiency": by_range(mass, [-0.5, 36.0, 81.0], [0.05, 0.1])}
    )


def background(number, expected=4000.0, n=200_000, name="mumu"):
    generator = rng(number)
    m2, theta = generator.uniform(-0.5, 81.0, n), generator.uniform(0.0, math.pi, n)
    return Source(name, RecoilEvents(m2, theta, np.full(n, expected / n)))


def test_resolution_of_a_gaussian_and_with_weights():
    """Half the central 68.3 % interval of a Gaussian is 1.0007 sigma; weights select the right half of the events."""
    x = rng(1).standard_normal(200_000)
    events = RecoilEvents(16.0 + 0.3 * x, np.ones(x.size))
    assert squared_resolution(events, 4.0) == pytest.approx(0.3 * -ndtri(0.1585), rel=0.01)
    assert recoil_resolution(events, 4.0) == pytest.approx(0.3 / 8.0, rel=0.01)
    mixed = np.concatenate([x, 5.0 * x])
    weighted = RecoilEvents(16.0 + 0.3 * mixed, np.ones(mixed.size), np.repeat([1.0, 1e-9], x.size))
    assert squared_resolution(weighted, 4.0) == pytest.approx(squared_resolution(events, 4.0), rel=1e-3)


def test_signal_between_masses_equals_a_sample_made_there():
    """Leave one out: 3.0 GeV from 2.8 and 3.2 GeV, bins of 0.5 s; resolution, efficiency, and shape by chi2."""
    masses = [2.8, 3.2]
    samples = SignalSamples(masses, [signal_at(m, 10 + i, 100_000) for i, m in enumerate(masses)])
    made, between = signal_at(3.0, 20, 100_000).events, samples.at(3.0).events
    assert squared_resolution(between, 3.0) == pytest.approx(squared_resolution(made, 3.0), rel=0.01)
    assert between.weight.sum() == pytest.approx(made.weight.sum(), rel=0.002)
    edges = 9.0 + width(3.0) * np.arange(-3.0, 5.1, 0.5)
    a, b = (np.histogram(e.m2, edges, weights=e.weight)[0] for e in (made, between))
    va, vb = (np.histogram(e.m2, edges, weights=e.weight**2)[0] for e in (made, between))
    assert np.sum((a - b) ** 2 / (va + vb)) < 40.0  # 16 bins: P = 8e-4


def test_a_generated_mass_is_given_as_it_is():
    samples = SignalSamples([1.0, 2.0], [signal_at(1.0, 30), signal_at(2.0, 31)])
    assert samples.at(2.0) is samples.sources[1] and samples.at(1.0) is samples.sources[0]


def test_variations_move_with_the_signal():
    samples = SignalSamples([2.8, 3.2], [signal_at(m, 32, more=True) for m in (2.8, 3.2)])
    slim, wide = samples.at(3.0).variations["width"]
    ratio = squared_resolution(wide, 3.0) / squared_resolution(slim, 3.0)
    assert ratio == pytest.approx(1.1 / 0.9, rel=0.02)
    assert samples.at(3.0).scales["efficiency"] == pytest.approx((0.95, 1.05))


def test_window_follows_the_resolution_and_is_cut():
    edges = window_edges(3.0, 0.2, -0.5, 81.0)
    assert np.allclose(np.diff(edges), 0.2) and edges[0] == pytest.approx(9.0 - 9.5 * 0.2)
    assert np.searchsorted(edges, 9.0) == len(edges) / 2
    low = window_edges(0.1, 0.29, -0.5, 81.0)
    assert low[0] == -0.5 and np.all(np.diff(low) > 0.0)


def test_merging_gives_every_bin_enough_events_and_is_finest_at_the_peak():
    generator = rng(40)
    for _ in range(200):
        n, m = int(generator.integers(1, 20)), int(generator.integers(1, 4))
        counts = generator.poisson(generator.uniform(0.2, 8.0), (2, m, n)).astype(float)
        weights = np.array([0.5, 2.0])[:, None, None]
        sums, squares = counts * weights, counts * weights**2
        edges, theta = np.arange(n + 1.0), np.linspace(0.0, math.pi, m + 1)
        total = sums.sum() ** 2 / max(squares.sum(), 1e-9)
        if total < 6.0:
            with pytest.raises(InputError, match="effective background events"):
                merge_cells(edges, theta, sums, squares, 0.5 * n, 6.0)
            continue
        label = merge_cells(edges, theta, sums, squares, 0.5 * n, 6.0).label
        assert set(label.ravel()) == set(range(label.max() + 1))
        for k in range(label.max() + 1):
            inside = label == k
            assert sums[:, inside].sum() ** 2 >= 6.0 * squares[:, inside].sum()
            rows, columns = np.nonzero(inside)
            assert inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()  # a rectangle


def test_no_process_is_left_negative():
    sums = np.array([[[30.0, -5.0, 30.0, 30.0]], [[9.0, 9.0, 9.0, 9.0]]])
    label = merge_cells(np.arange(5.0), np.array([0.0, 3.2]), sums, np.abs(sums), 3.5, 5.0).label[0]
    assert all(sums[0, 0][label == k].sum() >= 0.0 for k in range(label.max() + 1))


def test_model_holds_yields_errors_and_systematics():
    """Against numpy's own histogram; variations are correlated shapes, scales factors, free levels NormFactors."""
    mass = 3.0
    sig = signal_at(mass, 50, more=True)
    free = background(51, 1000.0, 50_000, "tautau")
    free = Source("tautau", free.events, scales={"tag": (0.8, 1.2)}, free=True)
    window = Window(theta_edges=(0.3, 1.2, 1.9, 2.8), half_window=6.0)
    data = RecoilEvents(rng(52).uniform(-0.5, 81.0, 5000), rng(53).uniform(0.0, math.pi, 5000))
    templates = RecoilTemplates([background(54), free], data, window)
    model, binning = templates.model(mass, sig, squared_resolution(sig.events, mass))
    channel = model.channels[0]
    assert [s.name for s in channel.samples] == ["zprime", "mumu", "tautau"]
    for sample, events in zip(channel.samples, (sig.events, background(54).events, free.events), strict=True):
        flat = np.histogram2d(events.theta, events.m2, [binning.theta_edges, binning.m2_edges], weights=events.weight)[
            0
        ]
        expected = [flat[binning.label == k].sum() for k in range(binning.n_bins)]
        assert np.allclose(sample.data, expected)
    flat = np.histogram2d(data.theta, data.m2, [binning.theta_edges, binning.m2_edges])[0]
    assert np.allclose(channel.observed, [flat[binning.label == k].sum() for k in range(binning.n_bins)])
    kinds = {type(m) for m in channel.samples[0].modifiers}
    assert {NormFactor, HistoSys, NormSys} < kinds
    assert "level_tautau" in model.parameter_names and "tag" in model.parameter_names
    assert upper_limit(model, cl=0.9).status == "converged"


def test_limit_of_a_flat_background_is_the_gaussian_one():
    """1.645/sqrt(sum s^2/b) at 90 %; ten times the events simulated, their errors weaken it by sqrt(1.1); 3 %."""
    mass, n = 4.0, 200_000
    grid = np.linspace(-0.5, 81.0, 2_000_001)
    flat = Source("mumu", RecoilEvents(grid, np.ones(grid.size), np.full(grid.size, 0.1)))
    x = -ndtri((np.arange(n) + 0.5) / n)
    sig = Source("zprime", RecoilEvents(16.0 + 0.2 * x, np.ones(n), np.full(n, 1.0 / n)))
    templates = RecoilTemplates([flat], window=Window(bin_width=0.25, half_window=4.0))
    model, _ = templates.model(mass, sig, 0.2)
    s, b = (sample.data for sample in model.channels[0].samples)
    gaussian = -ndtri(0.05) / math.sqrt(np.sum(s**2 / b) / 1.1)
    assert upper_limit(model, cl=0.9).median == pytest.approx(gaussian, rel=0.03)
    # the continuum: sum s^2/b -> 1/(2 sqrt(pi) sigma rho)
    rho = 2.0e5 / 81.5
    assert np.sum(s**2 / b) == pytest.approx(1.0 / (2.0 * math.sqrt(math.pi) * 0.2 * rho), rel=0.02)


def test_angle_separates_signal_from_background():
    """The same events with slices of the recoil angle give a better limit than the mass alone."""
    forward = RecoilEvents(rng(60).uniform(-0.5, 81.0, 200_000), 0.5 * rng(61).random(200_000), np.full(200_000, 0.02))
    both = [Source("forward", forward), background(62, 400.0)]
    sig = signal_at(3.0, 63)
    limits = [
        upper_limit(RecoilTemplates(both, window=Window(theta_edges=e)).model(3.0, sig, width(3.0))[0], cl=0.9).median
        for e in ((0.0, math.pi), (0.0, 0.6, 1.3, 1.9, math.pi))
    ]
    assert limits[1] < 0.75 * limits[0]


def test_scan_finds_an_injected_signal():
    """A signal of five times the expected limit at 3.1 GeV: the observed limit there is far above the band."""
    masses = np.arange(2.0, 4.3, 0.4)
    signals = SignalSamples(masses, [signal_at(m, 70 + i) for i, m in enumerate(masses)])
    bkg = background(80)
    generator = rng(81)
    base = RecoilEvents(generator.uniform(-0.5, 81.0, 4000), generator.uniform(0.0, math.pi, 4000))
    quiet = recoil_scan(RecoilTemplates([bkg], base), signals, [2.4, 3.1, 3.9])
    n = int(5 * quiet[1].limit.median * quiet[1].signal)
    extra = signal_at(3.1, 82, n).events
    loud = RecoilEvents(np.concatenate([base.m2, extra.m2]), np.concatenate([base.theta, extra.theta]))
    found = recoil_scan(RecoilTemplates([bkg], loud), signals, [2.4, 3.1, 3.9])
    assert found[1].limit.observed > 2.0 * found[1].limit.expected[4]
    truth = n / quiet[1].signal
    assert abs(found[1].limit.mu_hat - truth) < 3.5 * found[1].limit.mu_error
    assert found[0].limit.observed < found[0].limit.expected[4] * 1.5
    assert [f.mass_GeV for f in found] == [2.4, 3.1, 3.9]
    assert found[1].resolution_GeV == pytest.approx(squared_resolution(signals.at(3.1).events, 3.1) / 6.2)


def test_ranges_of_an_uncertainty():
    assert by_range(1.0, [-0.5, 9.0, 36.0, 81.0], [0.027, 0.065, 0.083]) == pytest.approx((0.973, 1.027))
    assert by_range(9.0, [-0.5, 9.0, 36.0, 81.0], [0.027, 0.065, 0.083]) == pytest.approx((0.917, 1.083))


TWO = RecoilEvents([1.0, 2.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RecoilEvents([1.0, np.nan], [1.0, 2.0]), r"m2\[1\] is nan"),
        (lambda: RecoilEvents([1.0], [1.0, 2.0]), r"theta has shape \(2,\)"),
        (lambda: RecoilEvents([1.0], [1.0], [np.inf]), r"weight\[0\] is inf"),
        (lambda: squared_resolution(TWO, 1.0), "2 events"),
        (lambda: squared_resolution(TWO, 0.0), "mass of 0 GeV"),
        (lambda: Source("a", TWO, {"x": (TWO, TWO)}, {"x": (0.9, 1.1)}), "'x' is a variation and a scale"),
        (lambda: SignalSamples([1.0], []), "1 masses for 0"),
        (lambda: SignalSamples([2.0, 1.0], [signal_at(2.0, 1), signal_at(1.0, 1)]), "rising"),
        (lambda: SignalSamples([1.0, 2.0], [signal_at(1.0, 1), signal_at(2.0, 1, more=True)]), "signal at 2 GeV"),
        (lambda: SignalSamples([1.0], [signal_at(1.0, 1)]).at(1.5), "1.5 GeV: samples reach from 1 to 1 GeV"),
        (lambda: window_edges(3.0, 0.0, 0.0, 81.0), "resolution is 0"),
        (lambda: window_edges(10.0, 0.1, 0.0, 81.0), r"M\^2 = 100 GeV\^2 lies outside"),
        (lambda: Window(theta_edges=(1.0, 0.5)), "theta edges"),
        (lambda: Window(m2_range=(3.0, 1.0)), "fit range"),
        (lambda: RecoilTemplates([]), "at least one"),
        (lambda: RecoilTemplates([background(1), background(2)]), "name of its own"),
        (lambda: RecoilTemplates([background(1)]).model(3.0, signal_at(8.0, 1), 0.2), "nothing in its window"),
        (lambda: RecoilTemplates([Source("a", TWO)]).model(3.0, signal_at(3.0, 1), 0.2), "effective background events"),
        (lambda: by_range(10.0, [0.0, 9.0], [0.1]), r"M\^2 = 100"),
        (lambda: by_range(1.0, [0.0, 9.0], [0.1, 0.2]), "2 edges for 2"),
        (lambda: by_range(1.0, [0.0, 9.0], [1.5]), "1.5"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_scan_names_the_mass_that_failed():
    signals = SignalSamples([2.0, 3.0], [signal_at(2.0, 90), signal_at(3.0, 91)])
    with pytest.raises(InputError) as error:
        recoil_scan(RecoilTemplates([Source("a", TWO)]), signals, [2.5])
    assert error.value.__notes__ == ["hypothesis of 2.5 GeV"]
