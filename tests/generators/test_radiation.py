"""Final-state radiation against exact first-order matrix elements and published radiative branching fractions."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from toymc.constants import ALPHA, M_K0, M_PI, M_TAU, mass
from toymc.errors import InputError
from toymc.generators import radiation
from toymc.generators.radiation import CUT_GEV, pair_photon_spectrum, radiate_pairs
from toymc.kernels import kernel
from toymc.kinematics import boost
from toymc.streams import stream

ROOT_S = 10.58
METRIC = np.diag([-1.0, -1.0, -1.0, 1.0])


def rng(name):
    return stream(11, f"radiation {name}", "test", 0)


# gamma matrices, Dirac representation, components x, y, z, t
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.zeros((4, 4, 4), dtype=complex)
for _k in range(3):
    GAMMA[_k, :2, 2:], GAMMA[_k, 2:, :2] = SIGMA[_k], -SIGMA[_k]
GAMMA[3] = np.diag([1, 1, -1, -1])
GAMMA5 = 1j * GAMMA[3] @ GAMMA[0] @ GAMMA[1] @ GAMMA[2]
ONE = np.eye(4)


def slash(p):
    return np.einsum("...m,mn,nab->...ab", p, METRIC, GAMMA)


def dot(a, b):
    return a[..., 3] * b[..., 3] - (a[..., :3] * b[..., :3]).sum(-1)


def bar(o):
    """gamma0 o^dagger gamma0."""
    return GAMMA[3] @ np.conj(np.swapaxes(o, -1, -2)) @ GAMMA[3]


def three_body(m, x1, x2, m1):
    """Coplanar momenta of M -> 1 2 k at rest with energies E_1 = x1 M/2, E_2 = x2 M/2, masses m1, m1, 0."""
    e1, e2 = 0.5 * m * x1, 0.5 * m * x2
    e3 = m - e1 - e2
    q1, q2 = np.sqrt(e1**2 - m1**2), np.sqrt(e2**2 - m1**2)
    c = (e3**2 - q1**2 - q2**2) / (2 * q1 * q2)
    zero = np.zeros_like(e1)
    p1 = np.stack([zero, zero, q1, e1], -1)
    p2 = np.stack([q2 * np.sqrt(1 - c**2), zero, q2 * c, e2], -1)
    return p1, p2, np.array([0, 0, 0, m]) - p1 - p2


def test_pair_spectrum_is_the_traced_matrix_element():
    """The printed spectrum against the Dirac traces of gamma* -> tau tau gamma, integrated numerically: 1e-4."""
    m, s = M_TAU, ROOT_S**2
    rho = 4 * m * m / s
    for x in (0.003, 0.1, 0.4, 0.8):
        v = np.sqrt(1 - rho / (1 - x))
        c, w = np.polynomial.legendre.leggauss(200)
        x1 = 1 - 0.5 * x * (1 + v * c)
        p1, p2, k = three_body(ROOT_S, x1, 2 - x - x1, m)
        total = np.zeros(len(c))
        for nu in range(4):
            for mu in range(4):
                first = GAMMA[nu] @ (slash(p1 + k) + m * ONE) @ GAMMA[mu] / (2 * dot(p1, k))[:, None, None]
                second = GAMMA[mu] @ (m * ONE - slash(p2 + k)) @ GAMMA[nu] / (2 * dot(p2, k))[:, None, None]
                amplitude = first + second
                trace = np.einsum(
                    "nab,nbc,ncd,nda->n", slash(p1) + m * ONE, amplitude, slash(p2) - m * ONE, bar(amplitude)
                )
                total += METRIC[nu, nu] * METRIC[mu, mu] * trace.real
        # without photon: -g_mu_nu trace = 4 s (1 + rho/2); dPhi_3/dPhi_2 = s/(16 pi^2 beta) dx1 dx2
        ratio = 4 * np.pi * ALPHA * total / (4 * s * (1 + rho / 2)) * s / (16 * np.pi**2 * np.sqrt(1 - rho))
        integral = (ratio * w).sum() * 0.5 * x * v
        assert abs(integral / pair_photon_spectrum(np.array([x]), ROOT_S, m)[0] - 1) < 1e-4


def test_pair_spectrum_has_the_massive_eikonal_limit():
    b = np.sqrt(1 - 4 * M_TAU**2 / ROOT_S**2)
    gamma = 2 * ALPHA / np.pi * ((1 + b * b) / (2 * b) * np.log((1 + b) / (1 - b)) - 1)
    assert 1e-6 * pair_photon_spectrum(np.array([1e-6]), ROOT_S, M_TAU)[0] == pytest.approx(gamma, rel=1e-5)


def test_hardest_photon_of_pairs_has_the_exact_spectrum():
    """P(no photon above x) = exp(-N(x)) with the exact first-order N: Kolmogorov p > 1e-3, 4e6 pairs."""
    photons, count, pair_mass = radiate_pairs(rng("pairs"), ROOT_S, M_TAU, 2_000_000)
    # the first photon row is the hardest: its energy in the gamma* frame from the pair masses
    single = count == 1
    x = 1 - (pair_mass[single] / ROOT_S) ** 2
    x_cut = 2 * CUT_GEV / ROOT_S
    end = 1 - 4 * M_TAU**2 / ROOT_S**2

    def number(low):
        return quad(
            lambda t: np.exp(t) * pair_photon_spectrum(np.array([np.exp(t)]), ROOT_S, M_TAU)[0],
            np.log(low),
            np.log(end * (1 - 1e-12)),
            limit=200,
        )[0]

    total = number(x_cut)
    assert abs((count == 0).mean() / np.exp(-total) - 1) < 4 * np.sqrt(total / len(count))
    # the mean number above 50 MeV, all photons, against first order: second order is total^2/2
    hard = (x > 2 * 0.05 / ROOT_S).sum() / len(count)
    assert abs(hard / number(2 * 0.05 / ROOT_S) - 1) < total
    # shape of single photons: dN/dx times the chance that no softer one follows, which changes by the rate
    grid = np.geomspace(x_cut, end * (1 - 1e-9), 4000)
    cumulative = np.array([total - number(g) for g in grid[::40]])
    shape = np.interp(np.log(x[:20_000]), np.log(grid[::40]), cumulative / total)
    assert kstest(shape, "uniform").statistic < 0.02


def test_pairs_conserve_four_momentum():
    photons, count, pair_mass = radiate_pairs(rng("pair kinematics"), ROOT_S, M_TAU, 300_000)
    total = photons.sum(axis=1)
    total[:, 3] += pair_mass
    assert np.abs(np.sqrt(dot(total, total)) - ROOT_S).max() < 1e-10
    assert np.abs(dot(photons, photons)).max() < 1e-10
    assert count.max() >= 2 and pair_mass.min() > 2 * M_TAU
    # f- and f+ radiate alike
    first = photons[count > 0, 0]
    cos = first[:, 2] / first[:, 3]
    assert abs(cos.mean()) < 4 * cos.std() / np.sqrt(len(cos))


def decay(n, parent, products):
    """Two-body decays at rest along z, with room for photons."""
    m = [mass(abs(code)) for code in products]
    p = np.sqrt((parent**2 - (m[0] + m[1]) ** 2) * (parent**2 - (m[0] - m[1]) ** 2)) / (2 * parent)
    p4, codes, masses = np.zeros((n, 8, 4)), np.zeros((n, 8), dtype=np.int32), np.zeros((n, 8))
    for i, sign in enumerate((-1, 1)):
        p4[:, i, 2], p4[:, i, 3] = sign * p, np.hypot(p, m[i])
        codes[:, i], masses[:, i] = products[i], m[i]
    return p4, codes, masses


def radiate(name, parent, charge, n, arrays):
    p4, codes, masses = arrays
    count = np.zeros(len(p4), dtype=np.int64)
    radiation._radiate_many(rng(name), parent, charge, n, p4, codes, masses, np.zeros((p4.shape[1], 4)), count)
    used = np.arange(p4.shape[1])[None, :] < count[:, None]
    energy = np.where(used & (codes == 22) & (np.arange(p4.shape[1]) >= n)[None, :], p4[:, :, 3], 0.0)
    return used, energy


def leptonic(n, lepton):
    """Unweighted tau- -> nu l- nubar, |M|^2 ~ (P.k_nubar)(p_l.k_nu), the slow way; rows nu, l, nubar."""
    r = rng(f"michel {lepton}")
    ml = mass(lepton)
    s_max = (M_TAU - ml) ** 2
    out = []
    while sum(map(len, out)) < n:
        s = s_max * r.random(4 * n)  # mass^2 of the neutrino pair
        e = (M_TAU**2 + ml**2 - s) / (2 * M_TAU)
        p = np.sqrt(np.clip(e**2 - ml**2, 0, None))
        q = np.sqrt(s)
        c, f = 2 * r.random((2, 4 * n)) - 1
        f = np.pi * f
        si = np.sqrt(1 - c * c)
        k = 0.5 * q[:, None] * np.stack([si * np.cos(f), si * np.sin(f), c, np.ones_like(c)], -1)
        g, gb = (M_TAU - e) / q, -p / q
        for _ in range(1):
            z, t = g * k[:, 2] + gb * k[:, 3], g * k[:, 3] + gb * k[:, 2]
        nubar = np.stack([k[:, 0], k[:, 1], z, t], -1)
        lep = np.stack([0 * p, 0 * p, p, e], -1)
        nu = np.array([0, 0, 0, M_TAU]) - nubar - lep
        weight = p * M_TAU * nubar[:, 3] * dot(lep, nu)
        keep = r.random(4 * n) * weight.max() < weight
        out.append(np.stack([nu, lep, nubar], 1)[keep])
    rows = np.concatenate(out)[:n]
    p4, codes, masses = np.zeros((n, 8, 4)), np.zeros((n, 8), dtype=np.int32), np.zeros((n, 8))
    p4[:, :3] = rows
    codes[:, :3], masses[:, 1] = (16, lepton, -(lepton + 1)), ml
    return p4, codes, masses


@pytest.mark.parametrize(
    ("lepton", "leading", "inclusive", "branching"),
    [(11, 1.834e-2, 1.728e-2, 0.1782), (13, 3.663e-3, 3.605e-3, 0.1739)],
)
def test_radiative_leptonic_decays(lepton, leading, inclusive, branching):
    """B(tau -> l nu nu gamma), E > 10 MeV in the tau frame, against M. Fael et al., JHEP 07 (2015) 153, within 3 %.

    The mean number of photons is the leading-order fraction, the chance of at least one the inclusive one. PDG:
    (1.83 +- 0.05) % and (3.67 +- 0.08) 1e-3.
    """
    n = 300_000
    arrays = leptonic(n, lepton)
    used, energy = radiate(f"leptonic {lepton}", M_TAU, -1.0, 3, arrays)
    mean = (energy > 0.01).sum() / n * branching
    chance = (energy > 0.01).any(axis=1).mean() * branching
    print(f"lepton {lepton}: mean {mean:.5f} (LO {leading}), at least one {chance:.5f} (NLO inclusive {inclusive})")
    assert abs(mean / leading - 1) < 0.03
    assert abs(chance / inclusive - 1) < 0.03


def momentum_of(m, a, b):
    return np.sqrt((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2)) / (2 * m)


def neutrino_average(q, amplitudes, p, ml):
    """Sum over spins of |l-bar O^a tau|^2 (q_a q_b - q^2 g_ab): the neutrino pair is integrated out."""
    tau = slash(np.array([0.0, 0.0, 0.0, M_TAU])) + M_TAU * ONE
    lepton = slash(p) + ml * ONE
    # contract with q first, then subtract q^2 g
    lower = q @ METRIC
    along = np.einsum("na,anij->nij", lower, amplitudes)
    total = np.einsum("nab,nbc,cd,nda->n", lepton, along, tau, bar(along)).real
    for a in range(4):
        o = amplitudes[a]
        total -= METRIC[a, a] * dot(q, q) * np.einsum("nab,nbc,cd,nda->n", lepton, o, tau, bar(o)).real
    return total


def exact_leptonic(energies, ml):
    """dN/dE of tau -> l nu nu gamma at lowest order by Dirac traces, over the rate without photon."""
    left = 0.5 * (ONE - GAMMA5)
    vertex = np.array([GAMMA[a] @ left for a in range(4)])
    tau = np.array([0.0, 0.0, 0.0, M_TAU])
    t, w = np.polynomial.legendre.leggauss(12)
    u, wu = np.polynomial.legendre.leggauss(32)

    def q2_grid(top):
        return 0.5 * top * (t + 1), 0.5 * top * w

    q2, w2 = q2_grid((M_TAU - ml) ** 2)
    p = momentum_of(M_TAU, ml, np.sqrt(q2))
    lepton = np.stack([0 * p, 0 * p, p, np.hypot(p, ml)], -1)
    plain = neutrino_average(tau - lepton, np.repeat(vertex[:, None], len(p), 1), lepton, ml)
    rate0 = (w2 * plain * p / M_TAU).sum()
    values = []
    for k in energies:
        r = np.sqrt(M_TAU**2 - 2 * M_TAU * k)
        q2, w2 = q2_grid((r - ml) ** 2)
        q2, w2 = np.repeat(q2, len(u)), np.repeat(w2, len(u))
        p_star = momentum_of(r, ml, np.sqrt(q2))
        e_star = np.hypot(p_star, ml)
        # ln(1 - velocity c) is the variable of the angle
        velocity, log = p_star / e_star, np.log((e_star + p_star) / ml)
        v = np.tile(u, len(t))
        one = ml**2 / (e_star * (e_star + p_star)) * np.exp(log * (v + 1))
        c = (1 - one) / velocity
        weight_c = np.tile(wu, len(t)) * log * one / velocity / 2
        kr = k * M_TAU / r
        # frame R: lepton along z, photon in the x-z plane, tau = R + k
        lep = np.stack([0 * p_star, 0 * p_star, p_star, e_star], -1)
        photon = kr * np.stack([np.sqrt(np.clip(1 - c * c, 0, None)), 0 * c, c, np.ones_like(c)], -1)
        beta = -photon[:, :3] / (r + kr)
        lep4, ph4 = boost(lep, beta), boost(photon, beta)
        direction = ph4[:, :3] / ph4[:, 3:]
        side = np.stack([direction[:, 2], 0 * direction[:, 0], -direction[:, 0]], 1)
        total = np.zeros(len(c))
        for eps3 in (side / np.linalg.norm(side, axis=1)[:, None], np.tile([0.0, 1.0, 0.0], (len(c), 1))):
            eps = np.concatenate([eps3, np.zeros((len(c), 1))], 1)
            after = slash(eps) @ (slash(lep4 + ph4) + ml * ONE) / (2 * dot(lep4, ph4))[:, None, None]
            before = (slash(tau - ph4) + M_TAU * ONE) @ slash(eps) / (2 * dot(tau, ph4))[:, None, None]
            o = np.array([after @ vertex[a] - vertex[a] @ before for a in range(4)])
            total += neutrino_average(tau - lep4 - ph4, o, lep4, ml)
        density = 4 * np.pi * ALPHA * k / (4 * np.pi**2) * (w2 * weight_c * total * p_star / r).sum() / rate0
        values.append(density)
    return np.array(values)


@pytest.mark.parametrize("lepton", [11, 13])
def test_leptonic_photon_spectrum_against_traces(lepton):
    """Photon number of tau -> l nu nu in energy ranges against the exact first-order matrix element."""
    n = 500_000
    _, energy = radiate(f"leptonic spectrum {lepton}", M_TAU, -1.0, 3, leptonic(n, lepton))
    for low, high, tolerance in ((0.01, 0.05, 0.02), (0.05, 0.2, 0.03), (0.2, 0.5, 0.06), (0.5, 0.8, 0.20)):
        t, w = np.polynomial.legendre.leggauss(4)
        grid = np.exp(np.log(low) + 0.5 * (t + 1) * np.log(high / low))
        exact = (exact_leptonic(grid, mass(lepton)) * grid * w).sum() * 0.5 * np.log(high / low)
        found = ((energy > low) & (energy <= high)).sum() / n
        print(f"lepton {lepton}, photon {low}-{high} GeV: {found:.6f} against {exact:.6f}")
        assert abs(found / exact - 1) < tolerance + 4 / np.sqrt(found * n)


def exact_pi_nu_gamma(energies):
    """dN/dE of inner bremsstrahlung in tau -> pi nu gamma, by traces [R. Decker, M. Finkemeier, PRD 48 (1993) 4203]."""
    chirality = 0.5 * (ONE + GAMMA5)
    tau = np.array([0.0, 0.0, 0.0, M_TAU])
    p0 = (M_TAU**2 - M_PI**2) / (2 * M_TAU)
    nu0 = np.array([0.0, 0.0, -p0, p0])
    plain = np.trace(slash(nu0) @ chirality @ (slash(tau) + M_TAU * ONE) @ bar(chirality)).real
    values = []
    for k in energies:
        # pion energies at this photon energy
        r2 = M_TAU**2 - 2 * M_TAU * k
        c, w = np.polynomial.legendre.leggauss(60)
        e_star, p_star, r = (r2 + M_PI**2) / (2 * np.sqrt(r2)), (r2 - M_PI**2) / (2 * np.sqrt(r2)), np.sqrt(r2)
        e_pi = ((M_TAU - k) * e_star + k * p_star * c) / r
        p_pi = np.sqrt(e_pi**2 - M_PI**2)
        e_nu = M_TAU - k - e_pi
        cos = (e_nu**2 - p_pi**2 - k**2) / (2 * p_pi * k)
        pion = np.stack([p_pi * np.sqrt(1 - cos**2), 0 * cos, p_pi * cos, e_pi], -1)
        photon = np.array([0.0, 0.0, k, k])
        nu = tau - pion - photon
        total = np.zeros(len(c))
        for eps in (np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])):
            eikonal = dot(pion, eps) / dot(pion, photon)
            o = chirality @ (eikonal[:, None, None] * ONE + slash(photon) @ slash(eps) / (2 * dot(tau, photon)))
            total += np.einsum("nab,nbc,cd,nda->n", slash(nu), o, slash(tau) + M_TAU * ONE, bar(o)).real
        # dPhi_3/dPhi_2 = k dk/(4 pi^2) (p*/r)/(p0/M) dc/2; e^2 = 4 pi alpha
        density = 4 * np.pi * ALPHA * total / plain * k / (4 * np.pi**2) * (p_star / r) / (p0 / M_TAU)
        values.append((density * w).sum() / 2)
    return np.array(values)


def test_pi_nu_gamma_is_the_exact_inner_bremsstrahlung():
    """Photon number of tau -> pi nu in four energy ranges against the traced amplitude."""
    n = 1_500_000
    used, energy = radiate("pi nu", M_TAU, -1.0, 2, decay(n, M_TAU, (16, -211)))
    edges = np.array([0.01, 0.05, 0.2, 0.5, 0.8])
    for low, high, tolerance in zip(edges[:-1], edges[1:], (0.03, 0.03, 0.06, 0.15), strict=True):
        t, w = np.polynomial.legendre.leggauss(12)
        grid = np.exp(np.log(low) + 0.5 * (t + 1) * np.log(high / low))
        exact = (exact_pi_nu_gamma(grid) * grid * w).sum() * 0.5 * np.log(high / low)
        found = ((energy > low) & (energy <= high)).sum() / n
        print(f"pi nu gamma {low}-{high} GeV: {found:.5f} against {exact:.5f}")
        assert abs(found / exact - 1) < tolerance + 4 / np.sqrt(found * n)


def test_neutral_parent_radiates_coherently():
    """K_S -> pi+ pi- gamma, E > 50 MeV: inner bremsstrahlung 2.56e-3 of pi+ pi- [PDG: (2.59 +- 0.08) 1e-3]."""
    n = 1_000_000
    used, energy = radiate("K_S", M_K0, 0.0, 2, decay(n, M_K0, (211, -211)))
    found = (energy > 0.05).any(axis=1).mean()
    print(f"K_S -> pi pi gamma: {found:.6f}")
    assert abs(found / 1.79e-3 * 0.6920 - 1) < 0.05


@pytest.mark.parametrize(
    ("parent", "charge", "products"),
    [(M_TAU, -1.0, (16, -211)), (M_TAU, -1.0, (16, 11)), (M_K0, 0.0, (211, -211)), (mass(113), 0.0, (11, -11))],
)
def test_decays_conserve_four_momentum_and_masses(parent, charge, products):
    p4, codes, masses = decay(50_000, parent, products)
    used, _ = radiate(f"kinematics {products}", parent, charge, 2, (p4, codes, masses))
    total = (p4 * used[:, :, None]).sum(axis=1)
    assert np.abs(total[:, :3]).max() < 1e-11 and np.abs(total[:, 3] - parent).max() < 1e-11
    assert np.abs(np.where(used, dot(p4, p4) - masses**2, 0.0)).max() < 1e-10
    assert np.all(codes[:, 2:][used[:, 2:]] == 22) and used[:, 2].any()
    assert p4[:, 2:, 3][used[:, 2:]].min() > 0.0


def test_neutral_decays_do_not_radiate():
    p4, codes, masses = decay(1000, mass(111), (22, 22))
    before = p4.copy()
    used, energy = radiate("neutral", mass(111), 0.0, 2, (p4, codes, masses))
    assert used.sum() == 2000 and energy.max() == 0.0 and np.array_equal(p4, before)


def three_prong(n):
    """tau -> nu pi- pi+ pi- with flat masses: kinematics only."""
    r = rng("three prong")
    p4, codes, masses = np.zeros((n, 8, 4)), np.zeros((n, 8), dtype=np.int32), np.zeros((n, 8))
    m12 = 2 * M_PI + (M_TAU - 3 * M_PI) * r.random(n)
    m123 = M_PI + m12 + (M_TAU - m12 - M_PI) * r.random(n)

    def momentum(m, a, b):
        return np.sqrt((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2)) / (2 * m)

    def boosted(p, q, m):
        """Rows p from the rest frame of q (mass m) to that of q's frame."""
        beta_p = (p[:, :3] * q[:, :3]).sum(1) / m
        f = beta_p / (q[:, 3] + m) + p[:, 3] / m
        return np.concatenate([p[:, :3] + f[:, None] * q[:, :3], ((p[:, 3] * q[:, 3]) / m + beta_p)[:, None]], 1)

    def pair(m, a, b):
        k, c, f = momentum(m, a, b), 2 * r.random(n) - 1, 2 * np.pi * r.random(n)
        s = np.sqrt(1 - c * c)
        d = k[:, None] * np.stack([s * np.cos(f), s * np.sin(f), c], 1)
        ea, eb = np.sqrt(k**2 + a**2), np.sqrt(k**2 + b**2)
        return np.concatenate([d, ea[:, None]], 1), np.concatenate([-d, eb[:, None]], 1)

    a, b = pair(m12, M_PI, M_PI)
    q12, c = pair(m123, m12, M_PI)
    q123, nu = pair(np.full(n, M_TAU), m123, 0.0)
    a, b = boosted(a, q12, m12), boosted(b, q12, m12)
    p4[:, 0] = nu
    for i, row in enumerate((a, b, c), start=1):
        p4[:, i] = boosted(row, q123, m123)
        codes[:, i], masses[:, i] = (-211, 211, -211)[i - 1], M_PI
    codes[:, 0] = 16
    return p4, codes, masses


def test_three_prongs_radiate_the_coherent_dipole_sum():
    """Soft photons (1-5 MeV) of three-prong decays: number against the integral of -J^2 over directions, 3 %."""
    n = 400_000
    arrays = three_prong(n)
    before = arrays[0].copy()
    used, energy = radiate("three prong", M_TAU, -1.0, 4, arrays)
    assert np.abs((arrays[0] * used[:, :, None]).sum(axis=1) - [0, 0, 0, M_TAU]).max() < 1e-10
    found = ((energy > CUT_GEV) & (energy < 0.005)).sum() / n
    r = rng("three prong directions")
    sample = before
    c, f = 2 * r.random(len(sample)) - 1, 2 * np.pi * r.random(len(sample))
    s = np.sqrt(1 - c * c)
    k = np.stack([s * np.cos(f), s * np.sin(f), c, np.ones_like(c)], 1)
    j = np.array([0, 0, 0, M_TAU]) / M_TAU * np.ones((len(k), 1))  # -Q P/(P.k), Q = -1
    for i, q in ((1, -1.0), (2, 1.0), (3, -1.0)):
        j = j + q * sample[:, i] / dot(sample[:, i], k)[:, None]
    expected = ALPHA / np.pi * (-dot(j, j)).mean() * np.log(0.005 / CUT_GEV)
    print(f"three prong soft photons {found:.5f} against {expected:.5f}")
    assert abs(found / expected - 1) < 0.03


@kernel
def largest_weight(generator, parent, charge, n, p4, pdg, masses, work):
    best = 0.0
    charged = 0
    for j in range(n):
        if radiation._charge(pdg[0, j]) != 0.0:
            charged += 1
    for row in range(len(p4)):
        omega = 0.5 * parent * np.exp(-6.0 * generator.random())
        for i in range(n):
            if radiation._charge(pdg[row, i]) == 0.0:
                continue
            weight, one = radiation._recoil(generator, parent, omega, i, n, p4[row], masses[row, i], work)
            if weight > 0.0:
                weight *= radiation._current_squared(parent, charge, omega, n, work, pdg[row], i)
                margin = radiation._SPIN_MARGIN if abs(pdg[row, i]) < 20 else 1.0
                best = max(best, weight * one / (2.0 * charged * margin))
    return best


def test_weights_stay_below_one():
    """The rejection is exact: no emission weight above one, over energies from half the parent mass down."""
    samples = [
        (M_TAU, -1.0, 2, decay(200_000, M_TAU, (16, -211))),
        (M_TAU, -1.0, 2, decay(200_000, M_TAU, (16, 11))),
        (M_TAU, -1.0, 3, leptonic(200_000, 11)),
        (M_TAU, -1.0, 3, leptonic(200_000, 13)),
        (M_TAU, -1.0, 4, three_prong(100_000)),
        (M_K0, 0.0, 2, decay(200_000, M_K0, (211, -211))),
        (mass(333), 0.0, 2, decay(200_000, mass(333), (13, -13))),
    ]
    for parent, charge, n, (p4, codes, masses) in samples:
        found = largest_weight(rng("weights"), parent, charge, n, p4, codes, masses, np.zeros((8, 4)))
        print(f"largest emission weight, {codes[0, :n]}: {found:.3f}")
        assert 0.3 < found <= 1.0


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"3\.0 GeV"):
        radiate_pairs(rng("bad"), 3.0, M_TAU, 1)
    with pytest.raises(InputError, match="allowed are 0 < x"):
        pair_photon_spectrum(np.array([0.95]), ROOT_S, M_TAU)
