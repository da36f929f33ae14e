"""Upsilon(4S) to B pairs: line shape, angle, energies, decay times, mixing."""

import numpy as np
import pytest
from scipy import integrate, stats

from tests.generators.b_probe import four, generate, mass_of, seen_from
from toymc.constants import mass, width
from toymc.errors import InputError
from toymc.generators.b_meson.inputs import (
    CTAU_B_PLUS_CM,
    CTAU_B_ZERO_CM,
    M_B_PLUS,
    M_B_ZERO,
    bb_pairs,
    delta_m_per_cm,
    number,
)
from toymc.generators.b_meson.mixing import chi_d, sample_times
from toymc.generators.b_meson.upsilon import line_shape, sample_pairs, upsilon_tables
from toymc.generators.isr import beta_electron
from toymc.geometry.beam import load_beam
from toymc.streams import stream

BEAM = load_beam("belle2")
N = 200_000


def spread(beam):
    relative = [b.energy_spread_GeV.value / b.energy_GeV.value for b in (beam.electron, beam.positron)]
    return 0.5 * beam.sqrt_s * np.hypot(*relative)


def rng(name, seed=1):
    return stream(seed, name, "test", 0)


@pytest.mark.parametrize("neutral", [False, True])
def test_beam_spread_alone_is_gaussian(neutral):
    energy, cosine, photons = sample_pairs(rng("spread"), upsilon_tables(BEAM, False), N, neutral)
    sigma = spread(BEAM)
    # the threshold is 4 sigma away: the cut takes 3e-5
    assert stats.kstest((energy - BEAM.sqrt_s) / sigma, "norm").pvalue > 1e-4
    assert not photons.any()
    assert stats.kstest(cosine, lambda c: (2.0 + 3.0 * c - c**3) / 4.0).pvalue > 1e-4


@pytest.mark.parametrize("neutral", [False, True])
def test_energy_with_radiation_follows_the_line(neutral):
    """Histogram against the double integral over spread and radiator, done here with O(alpha) exponentiated photons."""
    m = M_B_ZERO if neutral else M_B_PLUS
    energy, _, photons = sample_pairs(rng("line"), upsilon_tables(BEAM), N, neutral)
    beta, sigma = beta_electron(BEAM.sqrt_s**2), spread(BEAM)
    # density of E': int dE G(E) beta x^(beta - 1)/E, x = 1 - (E'/E)^2 ~ loss of both beams; t = x^beta flattens it
    grid = np.linspace(10.55, 10.62, 1401)
    t = (np.arange(4000) + 0.5) / 4000 * 0.02**beta
    loss = t ** (1.0 / beta)
    before = np.sqrt(grid[:, None] ** 2 / (1.0 - loss))
    folded = np.mean(np.exp(-0.5 * ((before - BEAM.sqrt_s) / sigma) ** 2), axis=1) * line_shape(grid, m)
    edges = np.linspace(10.56, 10.60, 41)
    cumulative = integrate.cumulative_trapezoid(folded, grid, initial=0.0)
    expected = np.diff(np.interp(edges, grid, cumulative))
    observed = np.histogram(energy, edges)[0]
    expected *= observed.sum() / expected.sum()
    assert stats.chisquare(observed, expected).pvalue > 1e-4
    assert energy.min() > 2.0 * m
    assert photons.max() < 0.2  # a lab photon of the boosted beam


def test_line_shape_is_a_p_wave_with_the_width_of_the_pdg():
    m, g = mass(300553), width(300553)
    near = line_shape(2.0 * M_B_PLUS + np.array([1e-5, 2e-5]), M_B_PLUS)
    assert near[1] / near[0] == pytest.approx(2.0**1.5, rel=1e-3)
    # without the running of the width a Breit-Wigner is at half its height half a width away; with it between 1/3 and 1
    assert 1 / 3 < line_shape(m + 0.5 * g, M_B_PLUS) < 1.0
    assert line_shape(10.5, M_B_PLUS) == 0.0
    shifts = []
    for radius in (0.0, 8.0):
        e = np.linspace(10.54, 10.62, 8001)
        w = line_shape(e, M_B_PLUS, radius) * np.exp(-0.5 * ((e - BEAM.sqrt_s) / spread(BEAM)) ** 2)
        shifts.append(np.average(e, weights=w))
    assert abs(shifts[0] - shifts[1]) < 0.3e-3  # the statement of b_meson.toml


@pytest.mark.parametrize("isr", [False, True])
def test_beam_constrained_mass_and_energy_difference(isr):
    """M_bc and Delta E of the true signal: their spread is that of the beams, 2.5 MeV; 2.6 MeV are seen with tracks."""
    _, batch = generate("b_k_scalar", {"other": "none", "isr": isr, "fsr": False}, 60_000)
    p, m = four(batch, batch.offsets[:-1] + 1), M_B_PLUS
    px, py, pz, e = BEAM.four_momentum
    beams = np.tile([px, py, pz, e], (len(p), 1))
    star = seen_from(p, beams)
    half = 0.5 * BEAM.sqrt_s
    m_bc, delta = np.sqrt(half**2 - np.sum(star[:, :3] ** 2, axis=1)), star[:, 3] - half
    # the boost is that of the mean beams: event by event it differs, which smears m_bc in second order
    assert m_bc.std() == pytest.approx(0.5 * spread(BEAM) if not isr else 2.28e-3, rel=0.05)
    assert abs(m_bc.mean() - m) < (0.05e-3 if not isr else 0.6e-3)
    assert abs(delta.mean()) < (0.05e-3 if not isr else 0.6e-3)
    # exact kinematics in the frame of each event
    upsilon = four(batch, batch.offsets[:-1])
    own = seen_from(p, upsilon)
    np.testing.assert_allclose(own[:, 3], 0.5 * mass_of(upsilon), rtol=1e-12)


def test_angle_is_measured_from_the_beams_in_the_laboratory():
    """sin^2 about the electron's direction in the centre of mass, with crossing angle and boost undone here."""
    _, batch = generate("b_k_scalar", {"other": "none", "isr": False}, 60_000)
    p, upsilon = four(batch, batch.offsets[:-1] + 1), four(batch, batch.offsets[:-1])
    e = BEAM.electron
    electron = e.energy_GeV.value * np.array(
        [[np.sin(e.tilt_rad.value), 0.0, np.cos(e.tilt_rad.value), 1.0]]
    ).repeat(len(p), axis=0)
    a, b = seen_from(p, upsilon)[:, :3], seen_from(electron, upsilon)[:, :3]
    cosine = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert stats.kstest(cosine, lambda c: (2.0 + 3.0 * c - c**3) / 4.0).pvalue > 1e-4
    # about the z axis it is visibly something else
    about_z = p[:, 2] / np.linalg.norm(p[:, :3], axis=1)
    assert stats.kstest(about_z, lambda c: (2.0 + 3.0 * c - c**3) / 4.0).pvalue < 1e-9


def test_decay_times_and_mixing():
    times, same = sample_times(rng("times"), N)
    for side in range(2):
        assert stats.kstest(times[:, side] / CTAU_B_ZERO_CM, "expon").pvalue > 1e-4
    assert np.corrcoef(times.T)[0, 1] == pytest.approx(0.0, abs=4.0 / np.sqrt(N))
    expected = chi_d()
    assert same.mean() == pytest.approx(expected, abs=4.0 * np.sqrt(expected * (1 - expected) / N))
    # PDG 2024: chi_d = 0.1858 +- 0.0011, with tau = 1.517 ps; here tau is that of the table of `particle`
    x = 0.5069 * 1.517
    assert x * x / (2.0 * (1.0 + x * x)) == pytest.approx(0.1858, abs=0.0005)
    assert expected == pytest.approx(0.1858, abs=0.0011)
    # the asymmetry is cos(dm dt)
    dt = np.abs(times[:, 0] - times[:, 1])
    edges = np.linspace(0.0, 5.0 * CTAU_B_ZERO_CM, 26)
    share = stats.binned_statistic(dt, same, "mean", edges)[0]
    count = np.histogram(dt, edges)[0]
    grid = np.linspace(edges[:-1], edges[1:], 101)
    weight = np.exp(-grid / CTAU_B_ZERO_CM)
    model = np.sum(weight * 0.5 * (1.0 - np.cos(delta_m_per_cm() * grid)), axis=0) / weight.sum(axis=0)
    chi2 = np.sum((share - model) ** 2 * count / (model * (1.0 - model)))
    assert stats.chi2.sf(chi2, len(share)) > 1e-4


def test_charged_pairs_and_no_mixing_stay_opposite():
    times, same = sample_times(rng("charged"), 20_000, neutral=False)
    assert not same.any()
    assert stats.kstest(times[:, 0] / CTAU_B_PLUS_CM, "expon").pvalue > 1e-4
    assert not sample_times(rng("off"), 20_000, delta_m=0.0)[1].any()


def test_mixing_and_vertices_of_whole_events():
    _, batch = generate("b_k_scalar", {"channel": "kstar_mumu", "other": "none"}, 60_000)
    first = batch.offsets[:-1]
    same = batch.pdg[first + 1] == batch.pdg[first + 2]
    assert same.mean() == pytest.approx(chi_d(), abs=4.0 * np.sqrt(0.15 / len(same)))
    # the charge of the kaon tells the flavour that decayed
    kaon = np.flatnonzero(np.abs(batch.pdg) == 321)
    mother = batch.pdg[batch.offsets[batch.event_index[kaon]] + batch.mother[kaon]]
    assert np.array_equal(np.sign(batch.pdg[kaon]), np.sign(mother))
    assert np.array_equal(np.sign(mother), np.sign(batch.pdg[first + 1]))
    assert abs(np.mean(batch.pdg[first + 1] > 0) - 0.5) < 4.0 * 0.5 / np.sqrt(len(same))
    _, still = generate("b_k_scalar", {"channel": "kstar_mumu", "other": "none", "mixing": False}, 5000)
    assert np.all(still.pdg[still.offsets[:-1] + 1] == -still.pdg[still.offsets[:-1] + 2])


def test_sample_size_is_the_published_one():
    pairs, error = bb_pairs(189.0)
    assert pairs == pytest.approx(198.0e6, rel=1e-3)
    assert error == pytest.approx(3.0e6, rel=0.02)
    assert number("sample", "f_charged") + number("sample", "f_neutral") <= 1.0


def test_other_cards():
    for card in ("belle2_run2", "belle"):
        energy, _, _ = sample_pairs(rng(card), upsilon_tables(load_beam(card)), 1000)
        assert np.all(energy > 2.0 * M_B_PLUS)


def test_bad_input():
    electron = BEAM.electron.energy_GeV.model_copy(update={"value": 6.0})
    low = BEAM.model_copy(update={"electron": BEAM.electron.model_copy(update={"energy_GeV": electron})})
    with pytest.raises(InputError, match=r"B pairs of the Upsilon\(4S\) need 10.559"):
        upsilon_tables(low)
    with pytest.raises(InputError, match="mass difference -1"):
        sample_times(rng("bad"), 10, delta_m=-1.0)
    with pytest.raises(InputError, match="luminosity -1"):
        bb_pairs(-1.0)
    with pytest.raises(InputError, match=r"\[sample\] n_bb"):
        number("sample", "n_bb")
