"""tau -> N X, N -> Y against explicit Dirac matrices: polarimeter of every event, widths, whole chains."""

import numpy as np
import pytest

from tests.generators import hnl_twin as twin
from toymc.constants import G_FERMI, M_E, M_K, M_MU, M_PI, M_PI0, M_TAU
from toymc.generators.hnl import channels, lines
from toymc.generators.hnl.chain import signal_chains
from toymc.generators.hnl.channels import chain_tables
from toymc.generators.models import hnl
from toymc.streams import stream

LEPTONS = {11: M_E, 13: M_MU}
AT_REST = np.array([0.0, 0.0, 0.0, M_TAU])
# name: mass, mixing, production, decay, kinds in the words of the twin, charged leptons of the flavour of N or not
CASES = {
    "pi, nu mu mu": (0.6, "tau", "pi", "mumu", "meson", "neutral", False),
    "K, nu e e": (0.3, "tau", "K", "ee", "meson", "neutral", False),
    "rho, 3 nu": (0.7, "tau", "rho", "nunu", "two_mesons", "invisible", False),
    "e as tau, nu pi0": (0.5, "tau", "e", "pi0", "as_tau", "meson", False),
    "mu as tau, nu rho": (0.9, "tau", "mu", "rho", "as_tau", "two_mesons", False),
    "mu as lepton, nu mu mu": (0.5, "mu", "mu", "mumu", "as_lepton", "neutral", True),
    "mu as lepton, mu pi": (0.7, "mu", "mu", "mupi", "as_lepton", "meson", False),
    "mu as lepton, mu e nu": (0.6, "mu", "mu", "emu", "as_lepton", "charged", False),
    "e as lepton, nu e e": (0.2, "e", "e", "ee", "as_lepton", "neutral", True),
    "e as lepton, e rho": (1.1, "e", "e", "erho", "as_lepton", "two_mesons", False),
}


def _couplings(same):
    return hnl.S2W + (0.5 if same else -0.5), hnl.S2W


def _way(codes, decay_kind):
    row = 1 if decay_kind == "charged" else 0
    return np.where(codes[:, 2, row] > 0, 1, -1)


def _usable(p4, codes, kinds):
    """Events whose vector mesons went to two pseudoscalars, the only current that the twin has."""
    keep = np.ones(len(p4), dtype=bool)
    for kind, place in zip(kinds, (1, 3), strict=True):
        if kind == "two_mesons":
            keep &= np.all(np.abs(codes[:, place, :2]) > 100, axis=1) & (codes[:, place, 2] == 0)
    return keep


@pytest.mark.parametrize("dirac", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_polarimeter_of_every_event(case, dirac):
    m, flavour, production, decay, *kinds, same = CASES[case]
    tables, _ = chain_tables(m, {flavour: 1e-3}, production, decay, dirac)
    p4, codes, h = signal_chains(stream(1, "hnl_twin", "test", 0), tables, 300)
    assert np.all(np.linalg.norm(h, axis=1) < 1.0 + 1e-12)
    keep, ways = _usable(p4, codes, kinds), _way(codes, kinds[1])
    sign = -1 if kinds[0] == "as_lepton" else 1
    assert set(ways) == ({sign} if dirac else {-1, 1})
    assert np.all(codes[:, 0, 0] == (sign if dirac else 1) * 9900012)
    for way in set(ways):
        some = keep & (ways == way)
        made = twin.production(kinds[0], p4[some], codes[some], LEPTONS)
        decayed = twin.decay(kinds[1], p4[some], codes[some], way, LEPTONS, _couplings(same))
        at_rest = np.tile(AT_REST, (some.sum(), 1))
        expected = twin.polarimeter(decayed, p4[some, 0, 0], m, made, M_TAU, at_rest)
        np.testing.assert_allclose(h[some], expected, atol=1e-11)


def test_a_tau_plus_is_the_mirror():
    tables, _ = chain_tables(0.5, {"tau": 1e-3, "mu": 1e-3}, "pi,mu", "mumu,mupi", True)
    ours = signal_chains(stream(2, "hnl_twin", "test", 0), tables, 200, -1)
    theirs = signal_chains(stream(2, "hnl_twin", "test", 0), tables, 200, 1)
    np.testing.assert_array_equal(ours[0][..., :3], -theirs[0][..., :3])
    np.testing.assert_array_equal(ours[1], -theirs[1])
    np.testing.assert_array_equal(ours[2], theirs[2])


def _observables(p4):
    """Rotation-invariant numbers of a chain: energies in the tau frame, masses across the N."""
    x, first, second = p4[:, 0, 1], p4[:, 2, 0], p4[:, 2, 1]
    rows = [first[:, 3], second[:, 3], twin.dot(x, first), twin.dot(x, second), twin.dot(first, second), x[:, 3]]
    return np.stack([*rows, rows[0] ** 2, rows[2] ** 2, rows[2] * rows[4]], axis=1)


def _chain_points(rng, case, n):
    """Points of phase space of a chain (places as the kernel's) with the phase-space weight."""
    m, _, production, decay, made, decayed, _ = CASES[case]
    p4, weight = np.zeros((n, 4, 3, 4)), np.ones(n)
    if made == "meson":
        mass = {"pi": M_PI, "K": M_K}[production]
        p4[:, 0, 0], p4[:, 0, 1], _ = twin.two_bodies(rng, np.full(n, M_TAU), m, mass)
    else:
        lepton = {"e": M_E, "mu": M_MU}[production]
        p4[:, 0, 0], p4[:, 0, 1], p4[:, 0, 2], w = twin.three_bodies(rng, M_TAU, m, lepton, 0.0, n)
        weight *= w
    if decayed == "meson":
        masses = {"pi0": (0.0, M_PI0), "mupi": (M_MU, M_PI)}[decay]
        q = twin.two_bodies(rng, np.full(n, m), *masses)[:2]
    else:
        masses = {"mumu": (0.0, M_MU, M_MU), "ee": (0.0, M_E, M_E), "emu": (0.0, M_MU, M_E)}[decay]
        *q, w = twin.three_bodies(rng, m, *masses, n)
        weight *= w
    for row, momentum in enumerate(q):
        p4[:, 2, row] = twin.moved(momentum, p4[:, 0, 0], np.full(n, m))
    return p4, weight


@pytest.mark.parametrize("dirac", [True, False])
@pytest.mark.parametrize(
    "case",
    ["pi, nu mu mu", "K, nu e e", "e as tau, nu pi0", "mu as lepton, nu mu mu", "mu as lepton, mu pi",
     "mu as lepton, mu e nu"],
)  # fmt: skip
def test_distributions_of_whole_chains(case, dirac):
    """Means over the events against means over phase space weighted with the traces; 9 numbers, 5 sigma."""
    m, flavour, production, decay, *kinds, same = CASES[case]
    tables, _ = chain_tables(m, {flavour: 1e-3}, production, decay, dirac)
    p4, codes, _ = signal_chains(stream(3, "hnl_twin", "test", 0), tables, 20_000)
    ways = _way(codes, kinds[1])
    for way in np.unique(ways):
        some = ways == way
        ours = _observables(p4[some])
        points, weight = _chain_points(stream(4, "hnl_twin", "test", int(way > 0)), case, 15_000)
        like = codes[some][:1]
        made = twin.production(kinds[0], points, like, LEPTONS)
        decayed = twin.decay(kinds[1], points, like, way, LEPTONS, _couplings(same))
        source = made(np.tile(twin.slash(AT_REST) + M_TAU * twin.ONE, (len(points), 1, 1)))
        weight = weight * twin.squared(decayed, points[:, 0, 0], m, source)
        theirs = _observables(points)
        mean = np.average(theirs, axis=0, weights=weight)
        error = np.sqrt(np.sum((weight[:, None] * (theirs - mean)) ** 2, axis=0)) / weight.sum()
        spread = np.hypot(error, ours.std(axis=0) / np.sqrt(some.sum()))
        assert np.all(np.abs(ours.mean(axis=0) - mean) < 5.0 * spread + 1e-9)


def _width(decayed, k, m, weight, factor):
    """Mean width: factor/(2 m) * phase space * half the spin sum."""
    rate = 0.5 * np.einsum("...ij,...ji->...", decayed, twin.slash(k) + m * twin.ONE).real * weight
    return factor / (2.0 * m) * rate.mean(), factor / (2.0 * m) * rate.std() / np.sqrt(len(rate))


@pytest.mark.parametrize("m", [0.25, 0.6, 1.5])
@pytest.mark.parametrize("same", [True, False])
def test_width_of_nu_mu_mu(m, same):
    """Traces over phase space with the Fermi constant, and the tables of the kernel, against the model: 1 %."""
    rng, n = stream(5, "hnl_twin", "test", 0), 40_000
    *q, weight = twin.three_bodies(rng, m, 0.0, M_MU, M_MU, n)
    p4, codes = np.zeros((n, 4, 3, 4)), np.array([[[0] * 3] * 2 + [[14, 13, -13]] + [[0] * 3]])
    p4[:, 2] = np.stack(q, axis=1)
    at_rest = np.tile([0.0, 0.0, 0.0, m], (n, 1))
    ours, error = _width(
        twin.decay("neutral", p4, codes, 1, LEPTONS, _couplings(same)), at_rest, m, weight, 8.0 * G_FERMI**2
    )
    model = hnl.leptonic(m, "mu" if same else "tau")["nu_mu_mu"]
    assert error < 0.01 * model and abs(ours - model) < 0.01 * model + 4.0 * error
    unit = G_FERMI**2 * m**5 / (192.0 * np.pi**3)
    assert channels.neutral_current(m, M_MU, same)[4] * unit == pytest.approx(model, rel=1e-6)


def test_widths_of_mesons_and_the_charged_current():
    m = 0.8
    at_rest, n = np.tile([0.0, 0.0, 0.0, m], (2_000, 1)), 2_000
    rng = stream(6, "hnl_twin", "test", 0)
    mass, f, ckm = hnl.CHARGED_PSEUDOSCALARS["pi"]
    lepton, pion, weight = twin.two_bodies(rng, np.full(n, m), M_MU, mass)
    decayed = twin.line(lepton, M_MU, twin.P_L, twin.real_current(pion))
    ours, _ = _width(decayed, at_rest, m, weight, 2.0 * (G_FERMI * f * ckm) ** 2)
    assert ours == pytest.approx(hnl.widths(m, "mu")["mu_pi"], rel=1e-9)
    neutrino, pion, weight = twin.two_bodies(rng, np.full(n, m), 0.0, M_PI0)
    decayed = twin.line(neutrino, 0.0, twin.P_L, twin.real_current(pion))
    ours, _ = _width(decayed, at_rest, m, weight, (G_FERMI * hnl.NEUTRAL_PSEUDOSCALARS["pi0"][1]) ** 2)
    assert ours == pytest.approx(hnl.widths(m, "mu")["nu_pi0"], rel=1e-9)
    assert lines.integral(lines.three_body(m, M_E, 0.0, M_MU)) == pytest.approx(
        hnl.phase_space(M_E / m, M_MU / m, 0.0), rel=1e-6
    )
    for special, first in ((0.0, m), (m, 0.0)):
        assert lines.integral(lines.three_body(M_TAU, special, first, M_MU)) == pytest.approx(
            hnl.phase_space(special / M_TAU, first / M_TAU, M_MU / M_TAU), rel=1e-6
        )


def test_widths_of_vector_mesons():
    """A narrow line in the table of tau -> V N integrates to the narrow width of the model: 1 %."""
    m, mass, width = 0.5, 0.775, 1e-4
    _, g, ckm = hnl.CHARGED_VECTORS["rho"]

    def spectral(s):
        return (g * ckm) ** 2 / s * mass * width / np.pi / ((s - mass**2) ** 2 + (mass * width) ** 2)

    table = lines.vector_meson(M_TAU, m, spectral, 0.3, 1.8, (mass, width))
    ours = lines.integral(table) * G_FERMI**2 * M_TAU**3 / (16.0 * np.pi)
    assert ours == pytest.approx(hnl._to_vector(M_TAU, m, (mass, g, ckm)), rel=0.01)


def test_partial_widths_add_up_in_the_rows():
    """Shares of the rows of a mode over flavours are those of the widths."""
    mixing = {"e": 1e-5, "mu": 2e-5, "tau": 3e-5}
    tables, fractions = chain_tables(0.9, mixing)
    share = np.diff(np.concatenate(([0.0], tables.decays[:, 0])))
    codes = tables.decays[:, 3:6].astype(int)
    total = sum(fractions.decay.values())
    assert total + sum(fractions.left_out.values()) == pytest.approx(1.0, rel=1e-12)
    pair = (np.abs(codes[:, 1]) == 13) & (codes[:, 1] == -codes[:, 2])
    assert share[pair].sum() * total == pytest.approx(fractions.decay["mumu"], rel=1e-12)
    wide = {a: hnl.leptonic(0.9, a)["nu_mu_mu"] for a in mixing}
    expected = mixing["mu"] * wide["mu"] / sum(mixing[a] * wide[a] for a in mixing)
    assert share[pair & (codes[:, 0] == 14)].sum() / share[pair].sum() == pytest.approx(expected, rel=1e-12)
