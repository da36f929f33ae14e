"""Decays in flight: fractions, spectra against slow twins, matrix elements."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.detector.transport_probe import beam, generator_rows, made_by, vacuum
from toymc.constants import M_E, M_MU, M_PI, mass
from toymc.detector.transport import decay_modes, transport
from toymc.detector.transport.decays import BOUND, COUNT, KIND, KL3, MASSES, _decay, _largest_density, decay_table
from toymc.kernels import kernel
from toymc.streams import stream


@kernel
def _decay_rows(rng, modes, first, pdg, m, p4, codes, masses, out, count, found):
    for i in range(len(count)):
        count[i] = _decay(rng, modes, first, pdg, m, p4, codes, masses)
        for k in range(count[i]):
            found[i, k] = codes[k]
            for c in range(4):
                out[i, k, c] = p4[k, c]


def decays(pdg, n, seed=0):
    """n decays at rest: momenta (n, 3, 4), codes (n, 3), number of daughters."""
    modes, first = decay_table()
    out, found, count = np.zeros((n, 3, 4)), np.zeros((n, 3), np.int64), np.zeros(n, np.int64)
    rng = stream(seed, f"decay {pdg}", "test", 0)
    scratch = np.zeros((8, 8)), np.zeros(7, np.int64), np.zeros(7)
    _decay_rows(rng, modes, first[abs(pdg)], pdg, mass(abs(pdg)), *scratch, out, count, found)
    return out, found, count


PARENTS = [entry["parent"] for entry in decay_modes()]


@pytest.mark.parametrize("pdg", PARENTS)
def test_branching_fractions_and_four_momenta(pdg):
    n = 60000
    entry = next(e for e in decay_modes() if e["parent"] == pdg)
    for sign in (1, -1):
        if pdg == 130 and sign < 0:
            continue
        p4, codes, count = decays(sign * pdg, n)
        assert np.all(count > 0)
        total = p4.sum(axis=1)
        assert np.abs(total[:, 3] - mass(pdg)).max() < 1e-9 and np.abs(total[:, :3]).max() < 1e-9
        square = p4[..., 3] ** 2 - (p4[..., :3] ** 2).sum(axis=2)
        expected = np.vectorize(lambda c: mass(abs(int(c))) if c else 0.0)(codes)
        if count.min() > 1:
            assert np.abs(square - expected**2).max() < 1e-9
        seen, wanted = [], []
        for mode in entry["modes"]:
            products = [*mode["products"], 0, 0][:3]
            if sign < 0:
                products = [c if c in (22, 111, 130, 310, 0) else -c for c in products]
            seen.append(np.count_nonzero(np.all(codes == products, axis=1)))
            wanted.append(n * mode["fraction"])
        assert sum(seen) == n
        often = np.array(wanted) > 8.0
        pulls = (np.array(seen) - np.array(wanted))[often] / np.sqrt(np.array(wanted)[often])
        # probability of failure below 1e-4 for each parent
        assert stats.chi2.sf((pulls**2).sum(), often.sum()) > 1e-4


def test_fractions_add_up_and_say_what_is_left_out():
    for entry in decay_modes():
        assert sum(mode["fraction"] for mode in entry["modes"]) == pytest.approx(1.0)
        assert entry["left_out"]


def test_bounds_of_the_rejection_hold():
    """On a shifted grid no density is above its bound, also 0.1 % off the mass."""
    modes, first = decay_table()
    for pdg, begin in first.items():
        rows = modes[begin : begin + len(next(e for e in decay_modes() if e["parent"] == pdg)["modes"])]
        for row in rows[rows[:, COUNT] == 3]:
            for m in (mass(pdg), 1.001 * mass(pdg), 0.999 * mass(pdg)):
                assert _largest_density(row, m) < row[BOUND]


def flat_three_body(m, masses, n, rng):
    """Dalitz-plot twin, written another way: uniform in (E1, E3) inside the kinematic border."""
    m1, m2, m3 = masses
    e1 = rng.uniform(m1, (m * m + m1 * m1 - (m2 + m3) ** 2) / (2 * m), n)
    e3 = rng.uniform(m3, (m * m + m3 * m3 - (m1 + m2) ** 2) / (2 * m), n)
    e2 = m - e1 - e3
    p1, p3 = np.sqrt(e1**2 - m1**2), np.sqrt(e3**2 - m3**2)
    p2 = np.sqrt(np.maximum(e2**2 - m2**2, 0.0))
    inside = (e2 > m2) & (p2 < p1 + p3) & (p2 > np.abs(p1 - p3))
    return e1[inside], e2[inside], e3[inside]


def compare(sample, twin, weights, bins):
    """chi2 probability of a histogram against a weighted one."""
    edges = np.quantile(sample, np.linspace(0, 1, bins + 1))
    edges[0], edges[-1] = -1e9, 1e9
    n = np.histogram(sample, edges)[0]
    w = np.histogram(twin, edges, weights=weights)[0]
    w2 = np.histogram(twin, edges, weights=weights**2)[0]
    scale = n.sum() / w.sum()
    chi2 = ((n - scale * w) ** 2 / (n + scale**2 * w2)).sum()
    return stats.chi2.sf(chi2, bins - 1)


@pytest.mark.parametrize("pdg, lepton", [(321, -11), (321, -13), (130, -11), (130, 13)])
def test_kl3_spectra_against_the_covariant_matrix_element(pdg, lepton):
    """|f+ (p_K + p_pi) + f- (p_K - p_pi)|^2 contracted with the lepton tensor, as products of four-vectors."""
    p4, codes, _ = decays(pdg, 600000, 1)
    pick = (codes[:, 0] == lepton) & (codes[:, 2] != 0)
    modes, first = decay_table()
    row = next(r for r in modes[first[pdg] :] if r[KIND] == KL3 and r[3] == lepton)
    m, (m_l, _, m_pi) = mass(pdg), row[MASSES : MASSES + 3]
    e_l, e_n, e_pi = flat_three_body(m, (m_l, 0.0, m_pi), 1500000, stream(2, f"twin {pdg} {lepton}", "test", 0))
    t = m * m + m_pi * m_pi - 2 * m * e_pi
    x = t / M_PI**2
    f_plus = 1 + row[10] * x + 0.5 * row[11] * x * x
    f_minus = (1 + row[12] * x - f_plus) * (m * m - m_pi**2) / t
    # q = p_l + p_nu, P = p_K + p_pi; lepton tensor l n + n l - g (l.n)
    ln = 0.5 * (t - m_l**2)
    # l.pi and n.pi from the masses of the pairs
    l_pi = 0.5 * (m * m - 2 * m * e_n - m_l**2 - m_pi**2)
    n_pi = 0.5 * (m * m + m_l**2 - 2 * m * e_l - m_pi**2)
    big_l, big_n = m * e_l + l_pi, m * e_n + n_pi
    l_q, n_q = m_l**2 + ln, ln
    big2 = 2 * m * m + 2 * m_pi**2 - t
    big_q = m * m - m_pi**2
    h_l, h_n = f_plus * big_l + f_minus * l_q, f_plus * big_n + f_minus * n_q
    h2 = f_plus**2 * big2 + 2 * f_plus * f_minus * big_q + f_minus**2 * t
    weight = 2 * h_l * h_n - h2 * ln
    assert weight.min() > -1e-9
    assert compare(p4[pick, 0, 3], e_l, weight, 30) > 1e-4
    assert compare(p4[pick, 2, 3], e_pi, weight, 30) > 1e-4
    assert compare(p4[pick, 1, 3] - p4[pick, 2, 3], e_n - e_pi, weight, 30) > 1e-4


def test_the_michel_spectrum():
    """x^2 (3 - 2x) for a massless electron: mean 7/10 of the end point, radiative corrections apart."""
    p4, codes, _ = decays(13, 200000, 3)
    assert np.all(codes == (11, 14, -12))
    end = (M_MU**2 + M_E**2) / (2 * M_MU)
    x = p4[:, 0, 3] / end
    assert x.mean() == pytest.approx(0.7, abs=4.4 * x.std() / math.sqrt(len(x)) + 1e-3)
    cumulative = np.quantile(x, [0.1, 0.5, 0.9])
    assert np.allclose(2 * cumulative**3 - cumulative**4, [0.1, 0.5, 0.9], atol=0.006)
    # the antineutrino of the electron is softer: x^2 (1 - x), mean 3/5
    assert (p4[:, 2, 3] / end).mean() == pytest.approx(0.6, abs=0.003)


def test_k3pi_follows_its_slopes():
    """K_L -> pi+ pi- pi0: density over phase space, 1 + g u + h u^2 + k v^2, binned in u."""
    p4, codes, _ = decays(130, 800000, 4)
    pick = np.all(codes == (211, -211, 111), axis=1)
    m, m_pi, m_0 = mass(130), mass(211), mass(111)
    e1, e2, e3 = flat_three_body(m, (m_pi, m_pi, m_0), 800000, stream(5, "k3pi", "test", 0))

    def invariants(a, b, c):
        s0 = (m * m + 2 * m_pi**2 + m_0**2) / 3
        u = (m * m + m_0**2 - 2 * m * c - s0) / m_pi**2
        return u, 2 * m * (b - a) / m_pi**2

    u, v = invariants(e1, e2, e3)
    weight = 1 + 0.678 * u + 0.076 * u * u + 0.0099 * v * v
    found = invariants(p4[pick, 0, 3], p4[pick, 1, 3], p4[pick, 2, 3])[0]
    assert compare(found, u, weight, 25) > 1e-4


def test_kinks_of_pions():
    """pi -> mu nu in flight: the muon's momentum transverse to the pion is 29.8 MeV at most, its mean pi/4 of that."""
    rng = stream(6, "kink", "test", 0)
    batch = beam(211, 0.5, 90, 60000, rng)
    seen = transport(batch, vacuum(), rng)
    rows = generator_rows(batch, seen)
    mothers = made_by(seen.batch, None)
    muons = np.flatnonzero(np.isin(mothers, rows) & (seen.batch.pdg == -13))
    pair = np.stack([seen.batch.px, seen.batch.py, seen.batch.pz], 1)
    parent = pair[muons] + pair[muons + 1]
    across = np.linalg.norm(np.cross(parent, pair[muons]), axis=1) / np.linalg.norm(parent, axis=1)
    p_star = (M_PI**2 - M_MU**2) / (2 * M_PI)
    assert across.max() <= p_star + 1e-9
    assert across.mean() == pytest.approx(math.pi / 4 * p_star, rel=0.02)
