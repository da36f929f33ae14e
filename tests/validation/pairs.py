"""Measurements of the pair process: cross-section, spin correlations, Pythia 8, initial-state radiation."""

import json
from collections.abc import Iterator

import numpy as np
from scipy import stats

from tests.generators import test_isr, test_tau_pair
from tests.generators.pair_observables import fill_arrays, new_histograms
from tests.generators.test_tau_pair import (
    BARE,
    DATA,
    _beam_momentum,
    _correlation,
    _daughters,
    _energy_fractions,
    _generate,
    _head_on,
    _mean_cll,
    _taus,
    _to_rest,
    _two_sample,
    _unit,
    _visible,
)
from tests.validation.rows import Row, of_shapes, of_values, within
from toymc.constants import ALPHA_LO, M_E, M_TAU
from toymc.events import EventBatch
from toymc.generators import isr, vacuum_polarisation
from toymc.generators.born import born_cross_section_fb
from toymc.generators.tau_pair import cross_section_fb
from toymc.geometry.beam import load_beam
from toymc.streams import stream

SECTION = "Production of τ pairs"
PYTHIA_PAIRS = "Pythia 8.317, `tests/generators/data/pythia_pairs_spin.json`"
HERE = "tests/generators/test_tau_pair.py"


def cross_sections() -> Iterator[Row]:
    """Total cross-section with radiation, and the pieces that go into it."""
    value, error = cross_section_fb(test_isr.SQRT_S)
    yield of_values(
        SECTION, "σ(e⁺e⁻ → τ⁺τ⁻(γ)) at 10.58 GeV", (value * 1e-6, error * 1e-6), (0.919, 0.003),
        "S. Banerjee et al., PRD 77 (2008) 054012",
        "tests/generators/test_isr.py::test_total_cross_section_against_published", "integral; error: missing orders",
        "nb",
    )  # fmt: skip
    beta = np.sqrt(1 - 4 * M_TAU**2 / test_isr.S)
    yield within(
        SECTION, "lowest-order σ", float(born_cross_section_fb(test_isr.S, ALPHA_LO)) * 1e-6,
        86.8 / test_isr.S * beta * (3 - beta**2) / 2, 1e-3, "PDG review, e⁺e⁻ annihilation: 86.8 nb/s, with the τ mass",
        "tests/generators/test_born.py::test_lowest_order_cross_section", "closed form", "nb",
    )  # fmt: skip
    yield within(
        SECTION, "leptonic Δα at 91.19 GeV, one loop", float(vacuum_polarisation.leptonic(91.1876**2).real), 0.031419,
        2e-6 / 0.031419, "M. Steinhauser, PLB 429 (1998) 158",
        "tests/generators/test_isr.py::test_leptonic_vacuum_polarisation_limits", "closed form",
    )  # fmt: skip
    yield of_values(
        SECTION, "hadronic Δα at 91.18 GeV", (float(vacuum_polarisation.hadronic(91.18**2)), 0.0), (0.02761, 0.00036),
        "Burkhardt and Pietrzyk 2001", "tests/generators/test_isr.py::test_hadronic_vacuum_polarisation",
        "parametrisation",
    )  # fmt: skip


def correlations() -> Iterator[Row]:
    """Mean products of helicity-frame cosines."""
    runs = [
        ("π × π", "pi_nu", "pi_nu", 211, 211, 1.0, "test_pion_pion_correlation"),
        ("ρ × ρ", "pi_pi0_nu", "pi_pi0_nu", 111, 111, None, "test_rho_rho_correlation"),
        ("ρ × π", "pi_pi0_nu", "pi_nu", 111, 211, None, "test_pion_rho_correlation"),
        ("e × π", "e_nu_nu", "pi_nu", 11, 211, -1.0 / 3.0, "test_lepton_pion_correlation"),
    ]
    n = 200_000
    for name, first, second, code_a, code_b, fixed, test in runs:
        parts = [_correlation(first, second, code_a, code_b, n, 111 + k) for k in range(4)]
        mean, error, power = np.mean(parts, axis=0) / (1.0, 2.0, 1.0)  # four samples: half the error of one
        expected = _mean_cll() / 9 * (power if fixed is None else fixed)
        yield of_values(
            SECTION, f"⟨cos θ⁺ cos θ⁻⟩ of {name}", (mean, error), (expected, 0.0),
            "C_ll of a massive pair; powers of Y.-S. Tsai, PRD 4 (1971) 2821", f"{HERE}::{test}", f"{4 * n:,} pairs",
        )  # fmt: skip


def correlation_matrix() -> Iterator[Row]:
    """C_ij from π × π seen from the laboratory of Belle II."""
    n = 300_000
    batch = _generate({**BARE, "decay": "pi_nu", "tag": "pi_nu"}, n, 116)
    card, taus = load_beam("belle2"), _taus(batch)
    total = taus.sum(axis=1)
    axis = _unit(_to_rest(np.tile(_beam_momentum(card), (n, 1)), total)[:, :3])
    tau = [_to_rest(taus[:, side], total) for side in (0, 1)]
    pions = [_unit(_to_rest(_to_rest(_visible(batch, side), total), tau[side])[:, :3]) for side in (0, 1)]
    ell = _unit(tau[0][:, :3])
    cos_theta = np.sum(ell * axis, axis=1)
    t = _unit(axis - cos_theta[:, None] * ell)
    triad = np.stack([np.cross(ell, t), t, ell], axis=1)
    minus, plus = (np.einsum("nij,nj->ni", triad, p) for p in pions)
    g = 4 * M_TAU**2 / card.sqrt_s**2
    c = np.linspace(-1, 1, 20_001)
    weight, s2 = 1 + c**2 + g * (1 - c**2), 1 - c**2
    formulas = {
        "⟨C_nn⟩": (0, 0, -(1 - g) * s2), "⟨C_tt⟩": (1, 1, (1 + g) * s2), "⟨C_ll⟩": (2, 2, 1 + c**2 - g * s2),
        "⟨C_tl cos Θ⟩": (1, 2, 2 * c * np.sqrt(s2 * g) * c),
    }  # fmt: skip
    for name, (i, j, numerator) in formulas.items():
        # a pi+ analyses its tau with the opposite sign; each pion has <n_i n_j> = C_ij / 9
        values = -9.0 * minus[:, i] * plus[:, j] * (cos_theta if i != j else 1.0)
        yield of_values(
            SECTION, f"{name} from π × π in the laboratory", (values.mean(), values.std() / np.sqrt(n)),
            (float(numerator.mean() / weight.mean()), 0.0), "Born, massive τ, averaged over Θ",
            f"{HERE}::test_all_nine_correlations_of_pions_in_the_laboratory", f"{n:,} pairs",
        )  # fmt: skip


def _filled(batch: EventBatch, histograms: dict[str, np.ndarray]) -> None:
    daughters = np.zeros((batch.n_events, 2), dtype=int)
    pdg = np.zeros((batch.n_events, 2), dtype=int)
    charged = np.zeros((batch.n_events, 2, 4))
    for side in (0, 1):
        daughters[:, side] = np.bincount(batch.event_index[batch.mother == side], minlength=batch.n_events)
        for code in (11, 13, 211):
            p = _daughters(batch, code, side)
            found = p[:, 3] > 0
            pdg[found, side], charged[found, side] = code, p[found]
    visible = np.stack([_visible(batch, side) for side in (0, 1)], axis=1)
    fill_arrays(histograms, _taus(batch), pdg, daughters, charged, visible)


def pythia_pairs() -> Iterator[Row]:
    """One- and two-dimensional spectra of both taus, and the energy fraction of every decay."""
    names = "e_nu_nu, mu_nu_nu, pi_nu, pi_pi0_nu"
    reference = json.loads((DATA / "pythia_pairs_spin.json").read_text())["histograms"]
    histograms = new_histograms()
    for seed in range(6):
        _filled(_generate({**BARE, "decay": names, "tag": names}, 65_536, 120 + seed, _head_on()), histograms)
    found = {name: _two_sample(histograms[name], np.array(reference[name]["counts"])) for name in sorted(histograms)}
    yield of_shapes(
        SECTION, "pair observables (angles, energies, planarity) of e, μ, π, ρ", found, "same shapes", PYTHIA_PAIRS,
        f"{HERE}::test_pair_distributions_against_pythia", "393,216 pairs",
    )  # fmt: skip
    channels = json.loads((DATA / "pythia_tau_spectra.json").read_text())["channels"]
    found = {}
    for channel, mode in test_tau_pair._CHANNELS.items():
        low, high, bins = channels[channel]["x_edges"]
        ours = np.histogram(_energy_fractions(mode, 50_000, 131), np.linspace(low, high, bins + 1))[0]
        found[channel] = _two_sample(ours, channels[channel]["x"])
    yield of_shapes(
        SECTION, "visible energy fraction of " + ", ".join(found), found, "same shapes",
        "Pythia 8.318, 200 000 pairs, `tests/generators/data/pythia_tau_spectra.json`",
        f"{HERE}::test_visible_energy_against_pythia", "50,000 pairs each",
    )  # fmt: skip


def initial_state() -> Iterator[Row]:
    """Mass of the pair after initial-state radiation."""
    tables = isr.build_isr_tables(test_isr.SQRT_S, born_cross_section_fb)
    fractions, _, _ = isr.sample_isr(stream(105, "isr", "test", 0), tables, 1_000_000)
    v = 1 - np.prod(1 - fractions, axis=1)
    edges = np.array([0.0, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    edges = np.append(edges, 1 - test_isr.THRESHOLD / test_isr.S)
    below = [
        isr.radiated_cross_section(test_isr.S, born_cross_section_fb, (1 - top) * test_isr.S, order=400)
        for top in edges[1:]
    ]
    expected = np.diff([0.0, *below]) / below[-1]
    observed = np.histogram(v, edges)[0]
    p = float(stats.chisquare(observed, expected / expected.sum() * observed.sum()).pvalue)
    yield of_shapes(
        SECTION, "1 − s′/s after initial-state radiation", {"s′": p}, "integral of the structure functions",
        "Kuraev and Fadin, Sov. J. Nucl. Phys. 41 (1985) 466",
        "tests/generators/test_isr.py::test_distribution_of_s_prime_is_that_of_the_integral", "1,000,000 events",
    )  # fmt: skip
    yield from _pythia_initial_state(v)


def _pythia_initial_state(v: np.ndarray) -> Iterator[Row]:
    """Pythia's spectrum of s', where its choice of the scale s' instead of s changes hard emission."""
    reference = test_isr.PYTHIA["one_minus_s_prime_over_s"]
    edges, theirs = np.array(reference["edges"]), np.array(reference["counts"], dtype=float)
    ours = np.histogram(v, edges)[0]
    ratio = (ours / ours.sum()) / (theirs / theirs.sum())
    source = "Pythia 8.317, `tests/generators/data/pythia_pairs_isr.json`"
    test = "tests/generators/test_isr.py::test_spectrum_of_s_prime_near_pythia"
    for name, bins in (("below 0.5", edges[1:] <= 0.5), ("above 0.5", edges[:-1] >= 0.5)):
        part = ratio[bins]
        share = f"{100 * ours[bins].sum() / ours.sum():.0f} % of the events"
        yield within(
            SECTION, f"1 − s′/s {name}, bin that differs most (ratio) [2]", float(part[np.argmax(np.abs(part - 1))]),
            1.0, 0.12, source, test, f"1,000,000 events, {share}",
        )  # fmt: skip
    weight = (np.log((1 - v) * test_isr.S / M_E**2) - 1) / (np.log(test_isr.S / M_E**2) - 1)
    hard = edges >= 0.2
    h, h2 = (np.histogram(v, edges[hard], weights=w)[0] for w in (weight, weight**2))
    counts = theirs[hard[:-1]]
    scale = counts.sum() / h.sum()
    p = float(stats.chi2.sf(np.sum((scale * h - counts) ** 2 / (counts + scale**2 * h2)), len(counts) - 1))
    yield of_shapes(
        SECTION, "1 − s′/s above 0.2, reweighted to the scale s′ [2]", {"s′": p}, "same shape", source, test,
        "1,000,000 events",
    )  # fmt: skip


MEASUREMENTS = (cross_sections, correlations, correlation_matrix, pythia_pairs, initial_state)
