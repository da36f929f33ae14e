"""Spectra, asymmetries and rates of tau decays against closed formulas and brute-force phase space."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, kstest

from tests.generators import tau_twin as twin
from toymc.constants import M_E, M_K, M_K0, M_MU, M_PI, M_PI0, M_TAU
from toymc.generators.tau import modes
from toymc.generators.tau.decay import build_tau_tables, decay_taus
from toymc.generators.tau.four_pion import four_pion_current
from toymc.generators.tau.resonances import form_factors
from toymc.generators.tau.two_body import _back_to_back
from toymc.streams import stream


def decays(mode, count, chunk=0):
    return decay_taus(stream(31, "tau_spectra", "test", 100 * mode + chunk), np.full(count, mode))


def probability(values, edges, expected, weights=None):
    """chi2 probability of a (weighted) histogram against expected fractions."""
    counts = np.histogram(values, edges, weights=weights)[0]
    variance = np.histogram(values, edges, weights=None if weights is None else weights**2)[0]
    total = len(values) if weights is None else weights.sum()
    statistic = np.sum((counts - expected * total) ** 2 / np.maximum(variance, 1))
    return chi2.sf(statistic, len(counts) - 1)


def michel(x, x0):
    """Energy spectrum and spin part with the lepton mass, tau rest frame [PDG review, muon decay parameters, eqs
    58.4-5].

    rho = xi delta = 3/4, xi = 1, eta = 0; x = E/E_max, x0 = m/E_max, E_max = (M^2 + m^2)/(2 M).
    """
    root = np.sqrt(x * x - x0 * x0)
    isotropic = x * (1 - x) + (2 / 9) * 0.75 * (4 * x * x - 3 * x - x0 * x0)
    spin = (1 / 3) * root * (1 - x + (2 / 3) * 0.75 * (4 * x - 3 + (np.sqrt(1 - x0 * x0) - 1)))
    return root * isotropic, root * spin


@pytest.mark.parametrize(("mode", "mass"), [(modes.E_NU_NU, M_E), (modes.MU_NU_NU, M_MU)])
def test_michel_spectrum_unpolarised_and_polarised(mode, mass):
    sample = decays(mode, 200_000)
    e_max = (M_TAU**2 + mass**2) / (2 * M_TAU)
    x0 = mass / e_max
    x = sample.p4[:, 1, 3] / e_max
    assert x.min() > x0 * (1 - 1e-12)
    assert x.max() < 1 + 1e-12
    edges = np.linspace(x0, 1.0, 41)
    norm = quad(lambda t: michel(t, x0)[0], x0, 1)[0]
    expected = np.array([quad(lambda t: michel(t, x0)[0], a, b)[0] for a, b in zip(edges[:-1], edges[1:], strict=True)])
    assert probability(x, edges, expected / norm) > 1e-3
    # spin part: dGamma ~ f(x) - cos(theta) g(x) for a negative lepton, and 1 + s.h here: <h.n> = -g/f in every bin
    direction = sample.p4[:, 1, :3] / np.linalg.norm(sample.p4[:, 1, :3], axis=1, keepdims=True)
    projection = np.sum(direction * sample.polarimeter, axis=1)
    which = np.digitize(x, edges) - 1
    statistic = 0.0
    for i, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        inside = projection[which == i]
        # the sign: in eq. (58.4) the emission angle is to the polarisation of a mu+, f + P cos g with g > 0 at x = 1
        mean = -quad(lambda t: michel(t, x0)[1], a, b)[0] / quad(lambda t: michel(t, x0)[0], a, b)[0]
        statistic += (inside.mean() - mean) ** 2 / (inside.var() / len(inside))
    assert chi2.sf(statistic, len(edges) - 1) > 1e-3


def test_leptonic_widths_have_the_known_mass_dependence():
    """Gamma_mu/Gamma_e = f(m_mu^2/M^2)/f(m_e^2/M^2), f = 1 - 8 r + 8 r^3 - r^4 - 12 r^2 ln r: the y integral of the
    sampler."""

    def f(r):
        return 1 - 8 * r + 8 * r**3 - r**4 - 12 * r * r * np.log(r)

    for mass in (M_E, M_MU):
        r = (mass / M_TAU) ** 2
        integral = quad(lambda y, r=r: 12 * y * (1 - y) ** 2 * (1 - r / y) ** 2, r, 1)[0]
        assert integral == pytest.approx(f(r), rel=1e-8)


def test_two_body_momenta_and_kaon_to_pion_width_ratio():
    """Gamma(K nu)/Gamma(pi nu) without couplings = ((1 - r_K)/(1 - r_pi))^2, from momenta and amplitudes made here."""
    widths = []
    for mass in (M_PI, M_K):
        p4 = np.zeros((10, 4))
        k = _back_to_back(M_TAU, 0.0, mass, p4)
        assert p4[:2].sum(axis=0) == pytest.approx([0, 0, 0, M_TAU], abs=1e-14)
        vectors = np.roll(p4[:2], 1, axis=1)
        rate, _ = twin.hadronic(vectors[0], vectors[1].astype(complex), M_TAU)
        widths.append(rate * k)
    expected = ((1 - (M_K / M_TAU) ** 2) / (1 - (M_PI / M_TAU) ** 2)) ** 2
    assert widths[1] / widths[0] == pytest.approx(expected, rel=1e-10)


def test_rho_asymmetry_against_its_closed_form():
    """<h.n_rho> = alpha(Q^2) = (M^2 - 2 Q^2)/(M^2 + 2 Q^2), for every Q^2 [Y.-S. Tsai, PRD 4 (1971) 2821]."""
    sample = decays(modes.PI_PI0_NU, 100_000)
    total = sample.p4[:, 1] + sample.p4[:, 2]
    q2 = total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1)
    direction = total[:, :3] / np.linalg.norm(total[:, :3], axis=1, keepdims=True)
    difference = np.sum(direction * sample.polarimeter, axis=1) - (M_TAU**2 - 2 * q2) / (M_TAU**2 + 2 * q2)
    for low, high in ((0.0, 0.5), (0.5, 0.6), (0.6, 0.8), (0.8, 3.2)):
        inside = difference[(q2 > low) & (q2 <= high)]
        assert abs(inside.mean()) < 3.6 * inside.std() / np.sqrt(len(inside))


def test_rho_mass_spectrum_against_its_closed_form():
    """dGamma/dQ^2 ~ (1 - Q^2/M^2)^2 (1 + 2 Q^2/M^2) (p/Q)^3 |F|^2 [Kuehn, Santamaria, Z. Phys. C48 (1990) 445 eq.
    3.2]."""
    card = form_factors()["pi_pi0"]

    def rate(q):
        s = q * q
        k2 = (s - (M_PI + M_PI0) ** 2) * (s - (M_PI - M_PI0) ** 2) / (4 * s)
        parts = zip(card["mass"], card["width"], card["amplitude"], card["phase_pi"], strict=True)
        form = sum(twin.polar(a, f) * twin.propagator(s, m, g, M_PI0, M_PI, 1) for m, g, a, f in parts)
        x = s / M_TAU**2
        return 2 * q * (1 - x) ** 2 * (1 + 2 * x) * (k2 / s) ** 1.5 * abs(form) ** 2

    sample = decays(modes.PI_PI0_NU, 200_000)
    total = sample.p4[:, 1] + sample.p4[:, 2]
    q = np.sqrt(total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1))
    grid = np.linspace(M_PI + M_PI0, M_TAU, 40_001)
    cumulative = np.concatenate([[0.0], np.cumsum(rate(0.5 * (grid[1:] + grid[:-1])))])
    assert kstest(q, lambda x: np.interp(x, grid, cumulative / cumulative[-1])).pvalue > 1e-3


def test_helicity_angle_in_k_pi_has_the_scalar_interference():
    """Against numerical integration of the twin: mean cosine of the kaon to the neutrino direction."""
    vectors, weight = twin.flat_decay(stream(32, "tau_spectra", "test", 0), 200_000, M_TAU, [M_K0, M_PI, 0.0])
    card = form_factors()["k_pi"]
    omega, _ = twin.hadronic(vectors[2], twin.kaon_pion_current(vectors[0], vectors[1], card, M_K0, M_PI), M_TAU)

    def cosine(kaon, pion, neutrino):
        q = kaon + pion
        k = twin._boost(kaon, -q[:, 1:] / q[:, :1])[:, 1:]
        n = neutrino[:, 1:]
        return np.sum(k * n, axis=1) / np.linalg.norm(k, axis=1) / np.linalg.norm(n, axis=1)

    weight = weight * omega
    reference = cosine(vectors[0], vectors[1], vectors[2])
    sample = np.roll(decays(modes.PI_K0_NU, 100_000).p4, 1, axis=2)
    ours = cosine(sample[:, 2], sample[:, 1], sample[:, 0])
    mean = np.sum(weight * reference) / weight.sum()
    error = np.hypot(
        np.sqrt(np.sum(weight**2 * (reference - mean) ** 2)) / weight.sum(), ours.std() / np.sqrt(len(ours))
    )
    assert abs(mean) > 0.05
    assert abs(ours.mean() - mean) < 3.6 * error


FLAT = {
    "3pi_nu": [M_PI, M_PI, M_PI],
    "pi_2pi0_nu": [M_PI0, M_PI0, M_PI],
    "K_pi_pi_nu": [M_K, M_PI, M_PI],
    "K_K_pi_nu": [M_K, M_PI, M_K],
    "3pi_pi0_nu": [M_PI, M_PI, M_PI, M_PI0],
    "pi_3pi0_nu": [M_PI, M_PI0, M_PI0, M_PI0],
}


def flat_rate(name, vectors):
    hadrons = [v for v in vectors[:-1]]
    if name in ("3pi_nu", "pi_2pi0_nu"):
        current = twin.three_pion_current(hadrons, form_factors()["three_pi"], name == "3pi_nu", M_PI, M_PI0)
    elif name in ("3pi_pi0_nu", "pi_3pi0_nu"):
        momenta = np.ascontiguousarray(np.roll(np.stack(hadrons, axis=1), -1, axis=2))
        current = np.roll(four_pion_current(momenta, 3 if name == "3pi_pi0_nu" else 1), 1, axis=1)
    else:
        current = twin.kaon_current(name, hadrons, form_factors()["kaons"])
    return twin.hadronic(vectors[-1], current, M_TAU)


@pytest.mark.parametrize("name", FLAT)
def test_unweighted_decays_equal_weighted_flat_phase_space(name):
    """Sub-masses, neutrino energy, polarimeter moments: unweighted kernels against GENBOD-like weighted numpy."""
    code = modes.MODE_NAMES.index(name)
    masses = FLAT[name]
    vectors, weight = twin.flat_decay(stream(33, "tau_flat", "test", code), 150_000, M_TAU, [*masses, 0.0])
    omega, h = flat_rate(name, vectors)
    weight = weight * omega
    sample = decays(code, 60_000, 1)
    ours = np.roll(sample.p4, 1, axis=2)
    n = len(masses)
    quantities = {"E_nu": (ours[:, 0, 0], vectors[-1][:, 0])}
    for i in range(n):
        for j in range(i):
            pair = [ours[:, 1 + i] + ours[:, 1 + j], vectors[i] + vectors[j]]
            quantities[f"m{j}{i}"] = tuple(np.sqrt(np.maximum(twin.dot(p, p), 0.0)) for p in pair)
        unit = [p[:, 1:] / np.linalg.norm(p[:, 1:], axis=1, keepdims=True) for p in (ours[:, 1 + i], vectors[i])]
        quantities[f"h.n{i}"] = (np.sum(unit[0] * sample.polarimeter, axis=1), np.sum(unit[1] * h, axis=1))
    for key, (mine, theirs) in quantities.items():
        edges = np.quantile(mine, np.linspace(0, 1, 26))
        edges[0], edges[-1] = -1e9, 1e9
        counts = np.histogram(mine, edges)[0] / len(mine)
        reference = np.histogram(theirs, edges, weights=weight)[0] / weight.sum()
        variance = np.histogram(theirs, edges, weights=weight**2)[0] / weight.sum() ** 2
        statistic = np.sum((counts - reference) ** 2 / (variance + counts / len(mine)))
        assert chi2.sf(statistic, 24) > 1e-4, key


def test_polarimeter_averages_to_zero_over_isotropic_orientations_and_h_moments_are_isotropic():
    """A random rotation of each decay makes <h> vanish and <h_i h_j> = delta/3: nothing prefers an axis."""
    rng = stream(34, "tau_isotropy", "test", 0)
    sample = decays(modes.THREE_PI_NU, 60_000, 2)
    q, r = np.linalg.qr(rng.normal(size=(len(sample.p4), 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    q[:, :, 0] *= np.linalg.det(q)[:, None]
    rotated = np.einsum("nij,nj->ni", q, sample.polarimeter)
    assert np.all(np.abs(rotated.mean(axis=0)) < 3.6 / np.sqrt(3 * len(rotated)))
    np.testing.assert_allclose(np.cov(rotated.T), np.eye(3) / 3, atol=0.006)


def test_four_momentum_mass_shell_charge_and_repeatability_of_all_modes():
    charge = {11: -1, 13: -1, -12: 0, -14: 0, 16: 0, 22: 0, 333: 0, 111: 0, 130: 0, 310: 0, 94144: 0,
              211: 1, -211: -1, 321: 1, -321: -1, 0: 0}  # fmt: skip
    tables = build_tau_tables(0.7, "left")
    codes = np.repeat(np.arange(modes.N_MODES), 300)
    first = decay_taus(stream(35, "tau_all", "test", 0), codes, tables)
    second = decay_taus(stream(35, "tau_all", "test", 0), codes, tables)
    assert np.array_equal(first.p4, second.p4)
    np.testing.assert_allclose(first.p4.sum(axis=1), np.tile([0, 0, 0, M_TAU], (len(codes), 1)), atol=5e-15)
    m2 = first.p4[..., 3] ** 2 - np.sum(first.p4[..., :3] ** 2, axis=-1)
    expected = tables.reals[codes, :5] ** 2
    expected[codes == modes.E_ALPHA, 0] = expected[codes == modes.MU_ALPHA, 0] = 0.7**2
    phi = (codes == modes.E_PHI) | (codes == modes.MU_PHI)
    assert np.all((np.sqrt(m2[phi, 0]) > 2 * M_K0 - 1e-9) & (np.sqrt(m2[phi, 0]) < 1.13))
    expected[phi, 0] = m2[phi, 0]
    np.testing.assert_allclose(m2, expected, atol=5e-15)
    assert {sum(charge[int(code)] for code in row) for row in first.pdg} == {-1}
    assert np.all(np.linalg.norm(first.polarimeter, axis=1) < 1 + 1e-12)
