"""Mode names, branching fractions, tables and the envelopes of the samplers."""

import numpy as np
import pytest

from toymc.constants import M_TAU
from toymc.errors import InputError
from toymc.generators.tau import modes
from toymc.generators.tau.decay import build_tau_tables, decay_taus, sampling_report
from toymc.generators.tau.resonances import RHO_2PI, _line, build_lines, form_factors
from toymc.streams import stream


def test_branching_fractions_are_normalised_and_what_is_left_out_makes_up_the_rest():
    fractions = modes.branching_fractions()
    assert fractions.sum() == pytest.approx(1.0, abs=1e-14)
    assert np.all(fractions > 0)
    # unitarity of the PDG numbers: generated + left out = 1 within the rounding of the listing
    assert modes.published_sum() + sum(modes.left_out().values()) == pytest.approx(1.0, abs=1.5e-3)


def test_branching_fractions_are_near_the_hflav_fit():
    """HFLAV/PDG 2016 fit (%): nothing moved by more than three of its errors."""
    published = dict(zip(modes.MODE_NAMES, modes.branching_fractions() * modes.published_sum() * 100, strict=False))
    fit = {
        "e_nu_nu": (17.834, 0.040), "mu_nu_nu": (17.413, 0.038), "pi_nu": (10.834, 0.051), "pi_pi0_nu": (25.52, 0.09),
        "pi_2pi0_nu": (9.300, 0.096), "pi_3pi0_nu": (1.051, 0.071), "K_nu": (0.7005, 0.0098),
        "K_pi0_nu": (0.430, 0.015), "3pi_nu": (8.989, 0.051), "pi_K0_nu": (0.845, 0.015),
        "pi_K0_pi0_nu": (0.388, 0.013), "K_pi_pi_nu": (0.294, 0.007), "K_K_pi_nu": (0.1440, 0.0027),
    }  # fmt: skip
    for name, (value, error) in fit.items():
        assert abs(published[name] - value) < 3 * error, name


def test_parse_modes_knows_names_and_groups_and_refuses_others():
    assert modes.parse_modes("all").tolist() == list(range(modes.N_DECAYS))
    assert modes.parse_modes("3pi_nu,leptonic , e_nu_nu").tolist() == [0, 1, modes.THREE_PI_NU]
    both = set(modes.parse_modes("one_prong")) | set(modes.parse_modes("three_prong"))
    assert both == set(range(modes.N_DECAYS))
    for bad in ("", "rho_nu", "e_alpha", "pi_nu;K_nu", "pi_nu,"):
        with pytest.raises(InputError, match="allowed are all, leptonic"):
            modes.parse_modes(bad)


def test_cumulative_ends_at_one_and_refuses_signals():
    assert modes.cumulative(modes.parse_modes("hadronic"))[-1] == 1.0
    for bad in ([], [modes.E_ALPHA], [-1]):
        with pytest.raises(InputError, match="tau decay codes"):
            modes.cumulative(np.array(bad, dtype=np.int64))


def test_codes_that_are_not_modes_are_refused():
    rng = stream(1, "tau_modes", "test", 0)
    for bad in (np.array([24]), np.array([-1]), np.zeros((2, 2), dtype=np.int64)):
        with pytest.raises(InputError, match="mode codes"):
            decay_taus(rng, bad)


def test_every_charge_of_the_daughters_adds_up_and_rows_start_with_the_neutral():
    charge = {11: -1, 13: -1, 211: 1, 321: 1}
    for name, daughters in zip(modes.MODE_NAMES, modes.DAUGHTERS, strict=True):
        total = sum(charge.get(abs(code), 0) * (1 if abs(code) in (11, 13) or code > 0 else -1) for code in daughters)
        assert total == -1, name
        assert daughters[0] in (16, 22, 333, modes.ALPHA_PDG)


def test_neutral_kaons_come_out_short_and_long():
    rng = stream(2, "tau_modes", "test", 0)
    pdg = decay_taus(rng, np.full(40_000, modes.PI_K0_NU)).pdg[:, 2]
    assert set(pdg) == {130, 310}
    assert abs(np.mean(pdg == 310) - 0.5) < 3.6 * 0.5 / 200
    pdg = decay_taus(rng, np.full(40_000, modes.PI_K0_K0_NU)).pdg
    short = np.sum(pdg[:, 1:4] == 310, axis=1)
    long = np.sum(pdg[:, 1:4] == 130, axis=1)
    assert np.all(short + long == 2)
    expected = modes.kaon_pair_fractions()[0]
    for count in (short, long):
        assert abs(np.mean(count == 2) - expected) < 3.6 * np.sqrt(expected / 40_000)


def test_envelopes_lose_a_negligible_part_of_the_rate():
    """Weights above the envelope: their excess is below 2e-4 of the rate (5e-4 with four pions)."""
    for row in sampling_report(40_000):
        print(row)
        four = row.mode in ("3pi_pi0_nu", "pi_3pi0_nu")
        assert row.overflow_rate < (8e-4 if four else 3e-4), row
        assert row.efficiency > 0.2, row


def test_interpolated_lines_follow_the_exact_ones():
    """At the middle of every grid step, where linear interpolation is worst."""
    cards = form_factors()
    steps = cards["sampling"]["grid"]
    table, fine = build_lines(cards, steps), build_lines(cards, 2 * steps)
    values, exact = 0.5 * (table[1:] + table[:-1])[20:], fine[1::2][20:]
    scale = np.max(np.abs(exact), axis=0)
    assert np.max(np.median(np.abs(values - exact), axis=0) / scale) < 1e-6
    # the parametrised a1 widths jump at the places where their pieces join: one step each
    assert np.max(np.quantile(np.abs(values - exact), 0.999, axis=0) / scale) < 2e-3
    # the kernel interpolates as this test does
    s = (100.5 / steps) * M_TAU**2
    assert _line(table, RHO_2PI, s) == pytest.approx(0.5 * (table[100, RHO_2PI] + table[101, RHO_2PI]), rel=1e-12)


def test_tables_are_built_once_and_signals_share_the_cells():
    a, b = build_tau_tables(0.3, "left"), build_tau_tables(1.1, "right")
    assert build_tau_tables(0.3, "left") is a
    assert a.cells is b.cells
    assert a.reals[-1, 0] == 0.3
    assert b.reals[-1, 0] == 1.1
