"""Spectra of heavy neutral leptons: closed forms, massless limits, Dalitz density, Dirac against Majorana."""

import numpy as np
import pytest
from scipy import stats

from toymc.constants import M_MU, M_PI, M_TAU
from toymc.generators.hnl import lines
from toymc.generators.hnl.chain import signal_chains
from toymc.generators.hnl.channels import chain_tables
from toymc.generators.models import hnl
from toymc.generators.tau import modes
from toymc.generators.tau.decay import decay_taus
from toymc.kinematics import boost
from toymc.streams import stream

N = 40_000


def chains(m, flavour, production, decay, dirac=False, chunk=0, n=N):
    tables, _ = chain_tables(m, {flavour: 1e-4}, production, decay, dirac)
    return signal_chains(stream(7, "hnl_spectra", "test", chunk), tables, n)


def at_rest(p4, place, row):
    """A row of the chain in the rest frame of N, and the direction that N has in the tau frame."""
    k = p4[:, 0, 0]
    moved = boost(np.ascontiguousarray(p4[:, place, row]), -k[:, :3] / k[:, 3:])
    return moved, k[:, :3] / np.linalg.norm(k[:, :3], axis=1)[:, None]


def cosine(p4, place, row):
    """cos of a product in the rest frame of N against the flight of N."""
    moved, axis = at_rest(p4, place, row)
    return np.sum(moved[:, :3] * axis, axis=1) / np.linalg.norm(moved[:, :3], axis=1)


@pytest.mark.parametrize("flavour", ["tau", "mu"])
def test_massless_limit_is_the_decay_of_the_standard_model(flavour):
    """tau -> mu nu N for m_N -> 0: lepton spectrum, its correlation with h of tau -> mu nu nu; p > 1e-3 each."""
    p4, codes, h = chains(1.1e-3, flavour, "mu", "nunu", True)
    theirs = decay_taus(stream(8, "hnl_spectra", "test", 0), np.full(N, modes.MU_NU_NU))
    assert stats.ks_2samp(p4[:, 0, 1, 3], theirs.p4[:, 1, 3]).pvalue > 1e-3
    if flavour == "mu":  # N in the place of the antineutrino: h depends on how N is analysed, its mean does not
        ours = np.sum(p4[:, 0, 1, :3] * h, axis=1).mean()
        expected = np.sum(theirs.p4[:, 1, :3] * theirs.polarimeter, axis=1)
        assert abs(ours - expected.mean()) < 4.0 * np.sqrt(2.0) * expected.std() / np.sqrt(N)
    else:
        np.testing.assert_allclose(np.linalg.norm(h, axis=1), 1.0, atol=1e-9)
        along = [np.sum(a * b, axis=1) for a, b in ((p4[:, 0, 1, :3], h), (theirs.p4[:, 1, :3], theirs.polarimeter))]
        assert stats.ks_2samp(*along).pvalue > 1e-3
    assert set(codes[:, 0, 2]) == ({-14} if flavour == "tau" else {16})


@pytest.mark.parametrize(("m", "flavour"), [(0.5, "tau"), (0.5, "mu"), (1.2, "tau")])
def test_lepton_energy_of_tau_to_mu_nu_n(m, flavour):
    """Mean and width of the lepton energy against the double integral over the Dalitz plane; 4 sigma."""
    p4, _, _ = chains(m, flavour, "mu", "nunu")
    energy = p4[:, 0, 1, 3]
    e, special = np.meshgrid(np.linspace(M_MU, M_TAU, 1201), np.linspace(0.0, M_TAU, 1201), indexing="ij")
    # the special particle: the antineutrino, or N in its place
    m_special, m_other = (0.0, m) if flavour == "tau" else (m, 0.0)
    other = M_TAU - e - special
    p_l, p_s = np.sqrt(e**2 - M_MU**2), np.sqrt(np.maximum(special**2 - m_special**2, 0.0))
    p_o = np.sqrt(np.maximum(other**2 - m_other**2, 0.0))
    inside = (special > m_special) & (other > m_other) & (p_o < p_l + p_s) & (p_o > np.abs(p_l - p_s))
    pair = M_TAU**2 + m_special**2 - 2.0 * M_TAU * special  # squared mass of lepton + other
    weight = np.where(inside, special * (pair - M_MU**2 - m_other**2), 0.0)
    mean = np.sum(weight * e) / weight.sum()
    spread = np.sqrt(np.sum(weight * (e - mean) ** 2) / weight.sum())
    assert abs(energy.mean() - mean) < 4.0 * spread / np.sqrt(N) + 2e-4 * mean
    assert abs(energy.std() / spread - 1.0) < 0.02


@pytest.mark.parametrize(("flavour", "same"), [("tau", False), ("mu", True)])
def test_dalitz_density_of_nu_mu_mu(flavour, same):
    """Counts in the plane of both muon energies against the matrix element; chi2 probability above 1e-3."""
    m = 0.7
    p4, codes, _ = chains(m, flavour, "pi" if flavour == "tau" else "mu", "mumu", True)
    # of an Nbar the antimuon plays the muon's part
    minus, _ = at_rest(p4, 2, 1)
    plus, _ = at_rest(p4, 2, 2)
    g_right, g_left = hnl.S2W, hnl.S2W + (0.5 if same else -0.5)
    edges = np.linspace(M_MU, 0.5 * m, 9)
    fine = np.linspace(M_MU, 0.5 * m, 8 * 60 + 1)
    middle = 0.5 * (fine[1:] + fine[:-1])
    a, b = np.meshgrid(middle, middle, indexing="ij")
    nu = m - a - b
    pa, pb = np.sqrt(a * a - M_MU**2), np.sqrt(b * b - M_MU**2)
    inside = (nu > 0.0) & (nu < pa + pb) & (nu > np.abs(pa - pb))
    # p_nu.p- = (m^2 - 2 m E+)/2, p_nu.p+ = (m^2 - 2 m E-)/2
    rate = g_left**2 * b * (0.5 * m - b) + g_right**2 * a * (0.5 * m - a) + g_left * g_right * M_MU**2 * nu / m
    density = np.where(inside, rate, 0.0).reshape(8, 60, 8, 60).sum(axis=(1, 3))
    counts, _, _ = np.histogram2d(minus[:, 3], plus[:, 3], bins=[edges, edges])
    expected = density / density.sum() * N
    used = expected > 30.0
    chi2 = np.sum((counts[used] - expected[used]) ** 2 / expected[used])
    assert stats.chi2.sf(chi2, used.sum() - 1) > 1e-3
    assert counts[density == 0.0].sum() == 0


def polarisation(m, mass):
    """Of the N of tau -> P N along its flight, closed form of a left-handed current: S = -d sqrt(lambda)/(...)."""
    x, r = (m / M_TAU) ** 2, (mass / M_TAU) ** 2
    root = np.sqrt((1.0 + x * x + r * r) - 2.0 * (x + r + x * r))
    return -(1.0 - x) * root / ((1.0 - x) ** 2 - r * (1.0 + x))


@pytest.mark.parametrize("m", [0.3, 1.0, 1.6])
def test_n_is_polarised_and_a_dirac_n_shows_it(m):
    """tau -> pi N, N -> nu pi0: 1 + S cos for the pi0 of a Dirac N, flat for a Majorana N; 4 sigma."""
    s = polarisation(m, M_PI)
    c = cosine(chains(m, "tau", "pi", "pi0", True)[0], 2, 1)
    assert abs(c.mean() - s / 3.0) < 4.0 * np.sqrt(1.0 / 3.0 / N)
    flat = cosine(chains(m, "tau", "pi", "pi0", False)[0], 2, 1)
    assert stats.kstest(flat, stats.uniform(-1.0, 2.0).cdf).pvalue > 1e-3
    # N -> mu pi of a Majorana N keeps its asymmetry, with opposite sign for both charges
    if m < 1.6:
        tables, _ = chain_tables(m, {"tau": 1e-4, "mu": 1e-4}, "pi", "mupi")
        p4, codes, _ = signal_chains(stream(9, "hnl_spectra", "test", 0), tables, N)
        ours, minus = cosine(p4, 2, 1), codes[:, 2, 0] == 13
        assert abs(minus.mean() - 0.5) < 4.0 * 0.5 / np.sqrt(N)
        assert abs(ours[minus].mean() + ours[~minus].mean()) < 4.0 * np.sqrt(4.0 / 3.0 / N)
        assert abs(ours[minus].mean()) > 0.05


@pytest.mark.parametrize(("flavour", "production"), [("tau", "pi"), ("mu", "mu")])
def test_forward_backward_asymmetry_of_nu_mu_mu(flavour, production):
    """Direction of the muon pair against the flight of N: not zero for Dirac, zero for Majorana (arXiv:2104.05719)."""
    asymmetry = {}
    for dirac in (True, False):
        p4, _, _ = chains(0.5, flavour, production, "mumu", dirac)
        asymmetry[dirac] = float(np.mean(np.sign(-cosine(p4, 2, 0))))
    # the charged current of nu_mu mu mu leaves little of it
    assert abs(asymmetry[True]) > (0.2 if flavour == "tau" else 5.0 / np.sqrt(N))
    assert abs(asymmetry[False]) < 4.0 / np.sqrt(N)


def test_charges_of_a_majorana_n_have_opposite_asymmetries():
    p4, codes, _ = chains(0.5, "mu", "mu", "mumu", False)
    first, second = cosine(p4, 2, 1), cosine(p4, 2, 2)
    negative = codes[:, 2, 1] == 13
    minus, plus = np.where(negative, first, second), np.where(negative, second, first)
    assert abs(minus.mean() + plus.mean()) < 4.0 * np.std(minus + plus) / np.sqrt(N)
    assert abs(minus.mean()) > 5.0 * np.std(minus) / np.sqrt(N)


def test_line_shape_of_the_rho():
    """Mass of pi pi0 in tau -> rho N against the tabulated density, and its mean below that for a light N."""
    masses = {}
    for m in (0.05, 0.9):
        tables, _ = chain_tables(m, {"tau": 1e-4}, "rho", "nunu")
        p4, codes, _ = signal_chains(stream(10, "hnl_spectra", "test", 0), tables, N)
        assert set(np.unique(codes[:, 1, 0])) <= {-211, 111} and np.all(codes[:, 0, 1] == -213)
        v = p4[:, 0, 1]
        q = np.sqrt(v[:, 3] ** 2 - np.sum(v[:, :3] ** 2, axis=1))
        table = tables.lines[int(tables.productions[0, 9])]
        s, d = table[:, lines.NODE], table[:, lines.DENSITY]
        mean = np.sum(d * np.sqrt(s)) / d.sum()
        assert abs(q.mean() - mean) < 4.0 * q.std() / np.sqrt(N)
        assert q.max() < M_TAU - m
        masses[m] = q.mean()
    assert masses[0.9] < masses[0.05] - 0.02
    # a light N: as tau -> pi pi0 nu
    theirs = decay_taus(stream(11, "hnl_spectra", "test", 0), np.full(N, modes.PI_PI0_NU)).p4
    pair = theirs[:, 1] + theirs[:, 2]
    q = np.sqrt(pair[:, 3] ** 2 - np.sum(pair[:, :3] ** 2, axis=1))
    assert abs(q.mean() - masses[0.05]) < 0.004
