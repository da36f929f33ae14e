"""The four-pion currents: symmetry, conservation, a plain twin, the omega, and Pythia's spectra of the same model."""

import json
import tomllib
from importlib import resources
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from toymc.constants import M_PI, M_PI0, M_TAU
from toymc.errors import InputError
from toymc.generators.tau import four_pion
from toymc.generators.tau.four_pion import four_pion_current
from toymc.streams import stream

REFERENCE = json.loads((Path(__file__).parent / "data" / "pythia_four_pion.json").read_text())
MASSES = {3: (M_PI, M_PI, M_PI, M_PI0), 1: (M_PI, M_PI0, M_PI0, M_PI0)}


def boost(p, beta):
    gamma = 1.0 / np.sqrt(1.0 - (beta**2).sum(-1))
    bp = (beta * p[..., :3]).sum(-1)
    out = np.empty_like(p)
    factor = gamma**2 / (1.0 + gamma) * bp + gamma * p[..., 3]
    out[..., :3] = p[..., :3] + factor[..., None] * beta
    out[..., 3] = gamma * (p[..., 3] + bp)
    return out


def momentum(m, a, b):
    return np.sqrt(np.clip((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2), 0.0, None)) / (2.0 * m)


def phase_space(rng, n, masses):
    """Four pions in their rest frame, Q uniform up to the tau mass; weight of their phase space."""
    total = sum(masses)
    q = total + (M_TAU - total) * rng.random(n)
    steps = np.sort(rng.random((n, 2)), axis=1)
    spare = q - total
    m2 = masses[0] + masses[1] + spare * steps[:, 0]
    m3 = masses[0] + masses[1] + masses[2] + spare * steps[:, 1]
    chain = [np.full(n, masses[0]), m2, m3, q]
    weight = spare**2
    p = np.zeros((n, 4, 4))
    p[:, 0, 3] = masses[0]
    for k in range(1, 4):
        k_abs = momentum(chain[k], chain[k - 1], masses[k])
        weight = weight * k_abs
        cos, phi = 2.0 * rng.random(n) - 1.0, 2.0 * np.pi * rng.random(n)
        sin = np.sqrt(1.0 - cos**2)
        direction = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], axis=1)
        p[:, k, :3] = k_abs[:, None] * direction
        p[:, k, 3] = np.hypot(k_abs, masses[k])
        recoil = -k_abs[:, None] * direction / np.hypot(k_abs, chain[k - 1])[:, None]
        p[:, :k] = boost(p[:, :k], recoil[:, None, :] * np.ones((1, k, 1)))
    return p, q, weight


def lorentz(a, b):
    return a[..., 3] * b[..., 3] - (a[..., :3] * b[..., :3]).sum(-1)


def rate(p, q, weight, charged):
    """dGamma of tau -> nu J, summed over spins and orientations: (M^2-Q^2)^2 (M^2+2Q^2)/Q^2 (-J.J*)."""
    current = four_pion_current(p, charged)
    square = -lorentz(current, current.conj()).real
    # dQ^2 = 2 Q dQ; tau -> nu Q phase space ~ (M^2 - Q^2); the last factor 1/Q belongs to the chain of momenta
    return weight * square * (M_TAU**2 - q**2) ** 2 * (M_TAU**2 + 2.0 * q**2) / q**2


def twin(p, charged):
    """One current, slowly: the formulas of hep-ph/0201149 one by one, with Python's own complex numbers."""
    card = tomllib.loads((resources.files("toymc.generators") / "data" / "four_pion.toml").read_text())
    rho, sig, a1, ome = card["rho"], card["sigma"], card["a1"], card["omega"]

    def h(s):
        if s <= 4 * M_PI**2:
            return -8 * M_PI**2 / np.pi if s == 0 else 0.0
        v = np.sqrt(1 - 4 * M_PI**2 / s)
        return v * np.log((1 + v) / (1 - v)) * (s - 4 * M_PI**2) / np.pi

    mr2 = rho["mass"] ** 2
    eps = 1e-4
    slope = (h(mr2 + eps) - h(mr2 - eps)) / (2 * eps)

    def rho_bw(s):
        k = (mr2 - 4 * M_PI**2) ** 1.5 / rho["mass"]
        gamma = max(s - 4 * M_PI**2, 0) ** 1.5 / np.sqrt(s) / k
        dm = (h(s) - h(mr2) - (s - mr2) * slope) / k
        d0 = (h(0.0) - h(mr2) + mr2 * slope) / k
        mg = rho["mass"] * rho["width"]
        return (mr2 + mg * d0) / (s - mr2 - mg * dm + 1j * mg * gamma)

    def sigma_bw(s):
        m, mpi = sig["mass"], M_PI if charged == 3 else M_PI0
        ratio = np.sqrt(1 - 4 * mpi**2 / s) / np.sqrt(1 - 4 * mpi**2 / m**2)
        return sig["amplitude"] * np.exp(1j * sig["phase"]) * m**2 / (s - m**2 + 1j * m * sig["width"] * ratio)

    def a1_bw(s):
        if s < a1["threshold_rho"]:
            x = max(s - a1["threshold_3pi"], 0)
            w = a1["onset"][0] * x**3 * (1 + a1["onset"][1] * x + a1["onset"][2] * x**2)
        else:
            c = a1["above"]
            w = c[0] + c[1] * s + c[2] * s**2 + c[3] * s**3 + c[4] * (s - c[5]) / s
        form = ((1 + a1["mass"] ** 2 / a1["lambda2"]) / (1 + s / a1["lambda2"])) ** 2
        return form * a1["mass"] ** 2 / (s - a1["mass"] ** 2 + 1j * np.sqrt(s) * w)

    def omega_bw(s):
        e, m = np.sqrt(s), ome["mass"]
        g = sum(c * (e - m) ** k for k, c in enumerate(ome["below"]))
        if s >= 1:
            g = sum(c * e**k for k, c in enumerate(ome["above"]))
        return m**2 / (s - m**2 + 1j * m * ome["width"] * max(g, 0))

    def big_g(block, s):
        b = card[block]
        if not b["edges"][0] <= s < b["edges"][5]:
            return 0.0
        part = np.searchsorted(b["edges"], s, side="right")
        if part == 1:
            return np.polyval(b["line1"][::-1], s)
        if part == 2:
            x = b["power"]
            return x[0] * s ** x[1] + x[2] * s**2 + x[3] * s**3 + x[4] * s**4
        return np.polyval(b[{3: "quartic", 4: "line4", 5: "line5"}[part]][::-1], s)

    q = p.sum(axis=0)

    def t1(q1, q2, q3, q4):
        a = q2 + q3 + q4
        vector = lorentz(q, a) * (lorentz(q3, a) * q4 - lorentz(q4, a) * q3)
        vector = vector + (lorentz(q, q4) * lorentz(q1, q3) - lorentz(q, q3) * lorentz(q1, q4)) * a
        return -a1_bw(lorentz(a, a)) * rho_bw(lorentz(q3 + q4, q3 + q4)) * vector

    def t2(q1, q2, q3, q4):
        a = q2 + q3 + q4
        aa = lorentz(a, a)
        return a1_bw(aa) * sigma_bw(lorentz(q3 + q4, q3 + q4)) * aa * (lorentz(q, a) * q2 - lorentz(q, q2) * a)

    def t3(q1, q2, q3, q4):
        a = q2 + q3 + q4
        d, f = lambda x: lorentz(q, x), lambda x: lorentz(q1, x)
        vector = (d(q3) * f(q4) - d(q4) * f(q3)) * q2 + (d(q4) * f(q2) - d(q2) * f(q4)) * q3
        vector = vector + (d(q2) * f(q3) - d(q3) * f(q2)) * q4
        return omega_bw(lorentz(a, a)) * rho_bw(lorentz(q3 + q4, q3 + q4)) * vector

    s = lorentz(q, q)
    if charged == 1:
        m, neutral = p[0], p[1:]
        total = sum(t1(neutral[i], neutral[j], m, neutral[k]) for i, j, k in permutations(range(3)))
        for i in range(3):
            j, k = (x for x in range(3) if x != i)
            total = total + t2(neutral[i], m, neutral[j], neutral[k]) - t2(m, neutral[i], neutral[j], neutral[k])
        return big_g("g_pi_3pi0", s) * total
    m1, m2, plus, zero = p
    total = t1(m1, plus, m2, zero) + t1(m2, plus, m1, zero) + t1(m1, m2, plus, zero) + t1(m2, m1, plus, zero)
    total = total + t1(zero, m2, m1, plus) + t1(zero, m1, m2, plus) + t2(zero, m2, m1, plus) + t2(zero, m1, m2, plus)
    total = total - t2(m1, zero, m2, plus) - t2(m2, zero, m1, plus)
    omega = t3(m1, plus, m2, zero) + t3(m2, plus, m1, zero) - t3(m1, m2, plus, zero) - t3(m2, m1, plus, zero)
    omega = omega - t3(m1, zero, m2, plus) - t3(m2, zero, m1, plus)
    return big_g("g_3pi_pi0", s) * total + big_g("g_omega", s) * omega


@pytest.mark.parametrize("charged", [1, 3])
def test_current_equals_the_plain_twin(charged):
    p, _, _ = phase_space(stream(1, "four_pion", "test", charged), 300, MASSES[charged])
    fast = four_pion_current(p, charged)
    slow = np.array([twin(event, charged) for event in p])
    scale = np.abs(slow).max(axis=1, keepdims=True) + 1e-9 * np.abs(slow).max()
    assert np.abs((fast - slow) / scale).max() < 2e-5  # interpolation of the rho loop


@pytest.mark.parametrize("charged", [1, 3])
def test_current_is_conserved_and_covariant(charged):
    p, q, _ = phase_space(stream(2, "four_pion", "test", charged), 2000, MASSES[charged])
    current = four_pion_current(p, charged)
    size = np.sqrt((np.abs(current) ** 2).sum(axis=1))
    assert np.abs(lorentz(p.sum(axis=1), current) / (q * size + 1e-300)).max() < 1e-10
    beta = np.array([0.3, -0.5, 0.4])
    moved = four_pion_current(boost(p, beta), charged)
    there = boost(current.real, beta) + 1j * boost(current.imag, beta)
    assert np.abs(moved - there).max() < 1e-7 * np.abs(there).max()


@pytest.mark.parametrize(("charged", "identical"), [(3, (0, 1)), (1, (1, 2, 3))])
def test_bose_symmetry(charged, identical):
    p, _, _ = phase_space(stream(3, "four_pion", "test", charged), 500, MASSES[charged])
    current = four_pion_current(p, charged)
    for order in permutations(identical):
        rows = list(range(4))
        for old, new in zip(identical, order, strict=True):
            rows[old] = new
        swapped = four_pion_current(p[:, rows], charged)
        np.testing.assert_allclose(swapped, current, atol=1e-11 * np.abs(current).max())


def test_isospin_relation_between_the_two_currents():
    """J(pi- a b c) = +-1/2 sum over permutations of J(pi- pi- pi+ pi0) with pi+ = a, second pi- = b, pi0 = c.

    Both follow from one function J(1, 2; 3, 4) of e+e- -> pi+ pi- 2 pi0 [J.H. Kuehn, NPB Proc. 76 (1999) 21,
    hep-ph/9812399]; holds for equal masses and once the fitted G(Q^2) are divided out. The omega drops out.
    """
    p, q, _ = phase_space(stream(6, "four_pion", "test", 0), 400, (M_PI,) * 4)
    table = four_pion.build_four_pion_table()
    g1 = np.array([four_pion._g_function(table, four_pion._G_PI_3PI0, s) for s in q**2])
    g2 = np.array([four_pion._g_function(table, four_pion._G_3PI_PI0, s) for s in q**2])
    use = (g1 > 0) & (g2 > 0)
    one = four_pion_current(p, 1) / np.where(use, g1, 1.0)[:, None]
    three = np.zeros_like(one)
    for a, b, c in permutations((1, 2, 3)):
        three += 0.5 * four_pion_current(p[:, [0, b, a, c]], 3) / np.where(use, g2, 1.0)[:, None]
    sign = np.sign((one * three.conj()).real.sum())
    np.testing.assert_allclose(sign * three[use], one[use], atol=1e-9 * np.abs(one[use]).max())


def test_omega_stands_in_both_neutral_triplets():
    p, q, w = phase_space(stream(4, "four_pion", "test", 3), 400_000, MASSES[3])
    r = rate(p, q, w, 3)
    for first in (0, 1):
        total = p[:, [first, 2, 3]].sum(axis=1)
        spectrum, edges = np.histogram(np.sqrt(lorentz(total, total)), bins=120, range=(0.6, 1.2), weights=r)
        assert 0.775 < edges[np.argmax(spectrum)] + 0.0025 < 0.79
        assert spectrum.max() > 4.0 * np.median(spectrum)


@pytest.mark.parametrize(("name", "charged"), [("3pi_pi0", 3), ("pi_3pi0", 1)])
def test_mass_spectra_of_pythia(name, charged):
    """Chi-square of every spectrum against Pythia's 30 000 decays: probability above 0.001 each."""
    p, q, w = phase_space(stream(5, "four_pion", "test", charged), 700_000, MASSES[charged])
    r = rate(p, q, w, charged)
    for key, reference in REFERENCE["spectra"][name].items():
        total = p[:, [int(c) for c in key[1:]]].sum(axis=1)
        mass = np.sqrt(lorentz(total, total))
        counts = np.array(reference["counts"], dtype=float)
        spec = {"bins": len(counts), "range": (reference["low"], reference["high"])}
        ours, variance = np.histogram(mass, weights=r, **spec)[0], np.histogram(mass, weights=r**2, **spec)[0]
        use = counts >= 10
        scale = counts[use].sum() / ours[use].sum()
        terms = (scale * ours[use] - counts[use]) ** 2 / (counts[use] + scale**2 * variance[use])
        probability = chi2.sf(terms.sum(), use.sum() - 1)
        print(f"{name} {key}: chi2 = {terms.sum():.1f} / {use.sum() - 1}, probability {probability:.3f}")
        assert probability > 1e-3, key


def test_bad_input_is_named():
    with pytest.raises(InputError, match="2 charged pions"):
        four_pion_current(np.zeros((1, 4, 4)), 2)
    with pytest.raises(InputError, match="shape"):
        four_pion_current(np.zeros((4, 4)), 3)
