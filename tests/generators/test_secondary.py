"""Secondary decays: conservation, branching fractions, matrix elements against plain densities and PDG ratios."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, kstest

from toymc.constants import ALPHA, charge, ctau_cm, mass, width
from toymc.errors import InputError
from toymc.generators import secondary, secondary_matrix
from toymc.generators.secondary import UNPOLARISED, decay_many, mass_table, secondary_modes, secondary_table
from toymc.kernels import kernel
from toymc.kinematics import boost
from toymc.streams import stream

PARENTS = [entry["parent"] for entry in secondary_modes()]
VECTORS = (113, 213, 223, 313, 323, 333)
E, MU, PI, PI0 = mass(11), mass(13), mass(211), mass(111)


def rng(name, chunk=0):
    return stream(7, f"secondary {name}", "test", chunk)


def probability(observed, expected):
    """Chi-square probability of counts against expected numbers (10 or more)."""
    use = expected >= 10
    terms = (observed[use] - expected[use]) ** 2 / expected[use]
    return chi2.sf(terms.sum(), use.sum() - 1)


def select(p4, codes, products):
    """Rows of decays to exactly these products, in their order in the record."""
    wanted = np.zeros(3, dtype=int)
    wanted[: len(products)] = products
    return p4[(codes == wanted).all(axis=1)]


def mass2(p):
    return p[..., 3] ** 2 - (p[..., :3] ** 2).sum(axis=-1)


@pytest.mark.parametrize("parent", PARENTS + [-213, -313, -323])
@pytest.mark.parametrize("helicity", [UNPOLARISED, 0, 1])
def test_four_momentum_charge_and_masses(parent, helicity):
    p4, codes, count = decay_many(rng("conservation", abs(parent)), parent, 3000, helicity=helicity)
    assert count.min() >= 2
    total = p4.sum(axis=1)
    assert np.abs(total[:, :3]).max() < 1e-12 and np.abs(total[:, 3] - mass(abs(parent))).max() < 1e-12
    for code in np.unique(codes[codes != 0]):
        assert np.abs(mass2(p4[codes == code]) - mass(abs(int(code))) ** 2).max() < 1e-12
    charges = np.vectorize(lambda c: charge(int(c)) if c else 0.0)(codes)
    assert np.all(charges.sum(axis=1) == charge(parent))


@pytest.mark.parametrize("parent", PARENTS)
def test_branching_fractions(parent):
    n = 200_000
    _, codes, _ = decay_many(rng("fractions", parent), parent, n)
    entry = next(e for e in secondary_modes() if e["parent"] == parent)
    observed, expected = [], []
    for mode in entry["modes"]:
        products = sorted(mode["products"])
        rows = np.sort(np.where(codes == 0, 10**6, codes), axis=1)[:, : len(products)]
        size = (codes != 0).sum(axis=1) == len(products)
        observed.append((size & (rows == products).all(axis=1)).sum())
        expected.append(n * mode["fraction"])
    assert sum(observed) == n
    if len(expected) > 1:
        assert probability(np.array(observed), np.array(expected)) > 1e-3


def kroll_wada(q2, m, lepton, parent, slope, gamma=0.0):
    """dGamma(P -> gamma l l)/dln q^2 over Gamma(P -> gamma gamma) [Phys. Rev. 98 (1955) 1355]."""
    r = lepton**2 / q2
    l2 = 1.0 / slope
    form = l2 * (l2 + gamma**2) / ((l2 - q2) ** 2 + l2 * gamma**2)
    return 2 * ALPHA / (3 * np.pi) * np.sqrt(1 - 4 * r) * (1 + 2 * r) * (1 - q2 / parent**2) ** 3 * form


def vector_dalitz(q2, lepton, v, p, slope):
    """dGamma(V -> P l l)/dln q^2 over Gamma(V -> P gamma) [L. Landsberg, Phys. Rep. 128 (1985) 301]."""
    r = lepton**2 / q2
    d = v * v - p * p
    shape = ((1 + q2 / d) ** 2 - 4 * v * v * q2 / d**2) ** 1.5 / (1 - q2 * slope) ** 2
    return ALPHA / (3 * np.pi) * np.sqrt(1 - 4 * r) * (1 + 2 * r) * shape


def lepton_rows():
    table = secondary_table()
    return [row for row in table if row[secondary_matrix.KIND] == secondary_matrix.LEPTON_PAIR]


@pytest.mark.parametrize("row", lepton_rows(), ids=lambda r: "-".join(str(int(x)) for x in r[[0, 4, 6]]))
def test_dalitz_spectra_and_angle(row):
    """m(ll) and the lepton angle of every Dalitz mode against the printed formulas; p > 1e-3."""
    parent, lepton, other = (int(row[i]) for i in (0, 4, 6))
    m, ml, mo = mass(parent), mass(lepton), mass(other)
    slope, gamma = row[13], row[14]
    p4 = np.zeros((60_000, 3, 4))
    three_bodies(rng("dalitz", parent + lepton), row, m, p4)
    q2 = mass2(p4[:, 0] + p4[:, 1])
    edges = np.linspace(np.log(4 * ml**2), np.log((m - mo) ** 2), 31)

    def density(t):
        if other == 22:
            return kroll_wada(np.exp(t), m, ml, m, slope, gamma)
        return vector_dalitz(np.exp(t), ml, m, mo, slope)

    # a hair inside the limits, where rounding could give the root of -0
    inside = np.clip(edges, edges[0] + 1e-9, edges[-1] - 1e-9)
    expected = np.array([quad(density, a, b)[0] for a, b in zip(inside[:-1], inside[1:], strict=True)])
    observed = np.histogram(np.log(q2), edges)[0]
    assert probability(observed, expected / expected.sum() * len(p4)) > 1e-3
    pair = p4[:, 0] + p4[:, 1]
    lepton4 = boost(p4[:, 0], -pair[:, :3] / pair[:, 3:])
    cos = (lepton4[:, :3] * pair[:, :3]).sum(axis=1)
    cos /= np.linalg.norm(lepton4[:, :3], axis=1) * np.linalg.norm(pair[:, :3], axis=1)
    x = 4 * ml**2 / q2
    # probability integral transform of (1 + c^2 + x (1 - c^2)) / norm
    cdf = ((1 + x) * (cos + 1) + (1 - x) * (cos**3 + 1) / 3) / (2 * (1 + x) + 2 * (1 - x) / 3)
    assert kstest(cdf, "uniform").pvalue > 1e-3


def test_pi0_dalitz_rate_is_the_published_one():
    """Kroll-Wada integral 1.185 % of gamma gamma at lowest order (with slope); PDG 1.174/98.823."""
    low, high = np.log(4 * E**2) + 1e-9, np.log(PI0**2) - 1e-9
    ratio = quad(lambda t: kroll_wada(np.exp(t), PI0, E, PI0, 0.0335 / PI0**2), low, high)[0]
    # closed form without slope: (4 alpha / 3 pi)(ln(M/m) - 7/4) [R. Dalitz, Proc. Phys. Soc. A64 (1951) 667]
    point = quad(lambda t: kroll_wada(np.exp(t), PI0, E, PI0, 1e-12), low, high)[0]
    assert abs(point / (4 * ALPHA / (3 * np.pi) * (np.log(PI0 / E) - 1.75)) - 1) < 1e-3
    assert abs(ratio / (1.174 / 98.823) - 1) < 0.03


@pytest.mark.parametrize(
    ("parent", "lepton", "ratio", "error"),
    [(221, 11, 0.0069 / 0.3941, 0.06), (221, 13, 0.00031 / 0.3941, 0.13), (331, 11, 4.91e-4 / 0.02307, 0.06)],
)
def test_form_factors_give_the_published_rates(parent, lepton, ratio, error):
    """Gamma(gamma l l)/Gamma(gamma gamma) from the table's form factor within 2 sigma of PDG."""
    row = next(r for r in lepton_rows() if r[0] == parent and r[4] == lepton)
    m, ml = mass(parent), mass(lepton)
    low, high = np.log(4 * ml**2) + 1e-9, np.log(m**2) - 1e-9
    mine = quad(lambda t: kroll_wada(np.exp(t), m, ml, m, row[13], row[14]), low, high, limit=200)[0]
    assert abs(mine / ratio - 1) < 2 * error


@kernel
def three_bodies(generator, row, m, p4):
    for i in range(len(p4)):
        secondary._three_body(generator, row, m, 0.3, 0.5, p4[i])


def flat_dalitz(name, m, m1, m2, m3, n):
    """Energies uniform in the Dalitz plot, the slow way."""
    r = rng(name)
    e1 = r.uniform(m1, (m * m + m1 * m1 - (m2 + m3) ** 2) / (2 * m), n)
    e2 = r.uniform(m2, (m * m + m2 * m2 - (m1 + m3) ** 2) / (2 * m), n)
    e3 = m - e1 - e2
    p1, p2 = np.sqrt(e1**2 - m1**2), np.sqrt(e2**2 - m2**2)
    p3 = np.sqrt(np.where(e3 > m3, e3**2 - m3**2, -1.0) + 0j).real
    good = (e3 > m3) & (np.abs(p1 - p2) < p3) & (p3 < p1 + p2)
    return e1[good], e2[good], e3[good]


@pytest.mark.parametrize(("parent", "third"), [(221, 111), (331, 221)])
def test_dalitz_slopes(parent, third):
    """X and Y of eta -> pi+ pi- pi0 and eta' -> pi+ pi- eta against weighted flat Dalitz plots; p > 1e-3."""
    p4, codes, _ = decay_many(rng("slopes", parent), parent, 300_000)
    p = select(p4, codes, (211, -211, third))
    m, m3 = mass(parent), mass(third)
    q = m - 2 * PI - m3
    e1, e2, e3 = flat_dalitz(f"flat {parent}", m, PI, PI, m3, 1_500_000)

    def xy(a, b, c):
        scale = 3.0 if third == 111 else 2 + m3 / PI
        return np.sqrt(3) * (a - b) / q, scale * (c - m3) / q - 1

    x, y = xy(e1, e2, e3)
    if parent == 221:  # KLOE-2, JHEP 05 (2016) 019
        weight = 1 - 1.095 * y + 0.145 * y**2 + 0.081 * x**2 + 0.141 * y**3 - 0.044 * x**2 * y
    else:  # BESIII, PRD 97 (2018) 012003
        weight = 1 - 0.056 * y - 0.049 * y**2 + 0.0027 * x - 0.063 * x**2
    for ours, theirs in zip(xy(p[:, 0, 3], p[:, 1, 3], p[:, 2, 3]), (x, y), strict=True):
        edges = np.linspace(theirs.min(), theirs.max(), 21)
        expected, var = (np.histogram(theirs, edges, weights=w)[0] for w in (weight, weight**2))
        scale = len(p) / weight.sum()
        observed = np.histogram(ours, edges)[0]
        use = scale * expected > 10
        terms = (observed - scale * expected) ** 2 / (scale * expected + scale**2 * var)
        assert chi2.sf(terms[use].sum(), use.sum() - 1) > 1e-3


@pytest.mark.parametrize("parent", [223, 333])
def test_vector_to_three_pions(parent):
    """m(pi+pi-) and m(pi+pi0) against |p+ x p-|^2 |sum rho|^2 on a flat Dalitz plot; p > 1e-3."""
    p4, codes, _ = decay_many(rng("three pi", parent), parent, 250_000)
    p = select(p4, codes, (211, -211, 111))
    m = mass(parent)
    e1, e2, e3 = flat_dalitz(f"flat {parent}", m, PI, PI, PI0, 1_500_000)
    p1, p2, p3 = np.sqrt(e1**2 - PI**2), np.sqrt(e2**2 - PI**2), np.sqrt(e3**2 - PI0**2)
    cross2 = p1**2 * p2**2 - ((p3**2 - p1**2 - p2**2) / 2) ** 2

    def momentum(s, a, b):
        return np.sqrt((s - (a + b) ** 2) * (s - (a - b) ** 2) / s) / 2

    def rho(s, a, b):
        m_rho = mass(113)
        running = width(113) * (momentum(s, a, b) / momentum(m_rho**2, a, b)) ** 3 * m_rho**2 / s
        return m_rho**2 / (m_rho**2 - s - 1j * np.sqrt(s) * running)

    s12 = m**2 + PI0**2 - 2 * m * e3
    s13, s23 = m**2 + PI**2 - 2 * m * e2, m**2 + PI**2 - 2 * m * e1
    weight = cross2 * np.abs(rho(s12, PI, PI) + rho(s13, PI, PI0) + rho(s23, PI, PI0)) ** 2
    for ours, theirs in ((mass2(p[:, 0] + p[:, 1]), s12), (mass2(p[:, 0] + p[:, 2]), s13)):
        edges = np.linspace(theirs.min(), theirs.max(), 26)
        expected, var = (np.histogram(theirs, edges, weights=w)[0] for w in (weight, weight**2))
        scale = len(p) / weight.sum()
        use = scale * expected > 10
        terms = (np.histogram(ours, edges)[0] - scale * expected) ** 2 / (scale * expected + scale**2 * var)
        assert chi2.sf(terms[use].sum(), use.sum() - 1) > 1e-3


@pytest.mark.parametrize(("parent", "alpha"), [(221, 1.32), (331, 1.80)])
def test_pi_pi_gamma_spectrum(parent, alpha):
    """Photon energy against (M^2 - s)^3 s beta^3 |rho (1 + alpha s)|^2, pion angle against sin^2; p > 1e-3."""
    p4, codes, _ = decay_many(rng("pi pi gamma", parent), parent, 400_000)
    p = select(p4, codes, (211, -211, 22))
    m, m_rho = mass(parent), mass(113)

    def density(s):
        b, b0 = np.sqrt(1 - 4 * PI**2 / s), np.sqrt(1 - 4 * PI**2 / m_rho**2)
        running = width(113) * (b / b0) ** 3 * np.sqrt(s) / m_rho
        rho = m_rho**2 / (m_rho**2 - s - 1j * np.sqrt(s) * running)
        return (m**2 - s) ** 3 * s * b**3 * abs(rho * (1 + alpha * s)) ** 2

    edges = np.linspace(4 * PI**2, m**2, 31)
    expected = np.array([quad(density, a, b)[0] for a, b in zip(edges[:-1], edges[1:], strict=True)])
    observed = np.histogram(mass2(p[:, 0] + p[:, 1]), edges)[0]
    assert probability(observed, expected / expected.sum() * len(p)) > 1e-3
    pair = p[:, 0] + p[:, 1]
    pion = boost(p[:, 0], -pair[:, :3] / pair[:, 3:])
    cos = (pion[:, :3] * pair[:, :3]).sum(axis=1)
    cos /= np.linalg.norm(pion[:, :3], axis=1) * np.linalg.norm(pair[:, :3], axis=1)
    assert kstest((2 + 3 * cos - cos**3) / 4, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("helicity", [-1, 0, 1, UNPOLARISED])
def test_angles_of_a_polarised_phi(helicity):
    """K+K-: cos^2 or sin^2; eta gamma: sin^2 or 1 + cos^2; normal of 3 pi as K+K-; p > 1e-3."""
    p4, codes, _ = decay_many(rng("phi", helicity + 1), 333, 200_000, helicity=helicity)
    kaon = select(p4, codes, (321, -321))[:, 0]
    eta = select(p4, codes, (221, 22))[:, 0]
    pions = select(p4, codes, (211, -211, 111))
    normal = np.cross(pions[:, 0, :3], pions[:, 1, :3])
    c_k, c_e = kaon[:, 2] / np.linalg.norm(kaon[:, :3], axis=1), eta[:, 2] / np.linalg.norm(eta[:, :3], axis=1)
    c_n = normal[:, 2] / np.linalg.norm(normal, axis=1)

    def pp(c):
        return {0: (1 + c**3) / 2, UNPOLARISED: (1 + c) / 2}.get(helicity, (2 + 3 * c - c**3) / 4)

    def p_gamma(c):
        return {0: (2 + 3 * c - c**3) / 4, UNPOLARISED: (1 + c) / 2}.get(helicity, (4 + 3 * c + c**3) / 8)

    assert kstest(pp(c_k), "uniform").pvalue > 1e-3
    assert kstest(p_gamma(c_e), "uniform").pvalue > 1e-3
    assert kstest(pp(c_n), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    "row", [r for r in secondary_table() if r[secondary_matrix.N] == 3], ids=lambda r: str(int(r[0]))
)
def test_weights_stay_below_their_bound(row):
    r = rng("bound", int(row[0]))
    masses = [mass(int(row[0]))]
    if row[0] in (223, 333):
        line = next(x for x in mass_table() if x[0] == row[0])
        masses += list(r.uniform(line[6], line[7], 20))
    for m in masses:
        largest = largest_of(r, row, m, 4000)
        assert largest <= secondary_matrix._bound(row, m)


@kernel
def largest_of(generator, row, m, n):
    best = 0.0
    for _ in range(n):
        s = secondary_matrix._pair_mass2(row, m, generator.random())
        best = max(best, secondary_matrix._weight(row, m, s, 2.0 * generator.random() - 1.0))
    return best


@kernel
def masses_of(generator, table, code, low, high, out):
    for i in range(len(out)):
        out[i] = secondary._sample_mass(generator, table, code, low, high)


@pytest.mark.parametrize("code", [113, 213, 223, 313, 323, 331, 333])
def test_line_shapes(code):
    """Sampled masses against the running-width Breit-Wigner by integration; p > 1e-3."""
    m0, g0, m1, m2, constant, low, high = mass_table()[mass_table()[:, 0] == code][0, 1:8]
    out = np.empty(20_000)
    masses_of(rng("mass", code), mass_table(), code, 0.0, 1.6, out)
    high = min(high, 1.6)
    assert low <= out.min() and out.max() <= high

    def p(m):
        return np.sqrt(np.clip((m**2 - (m1 + m2) ** 2) * (m**2 - (m1 - m2) ** 2), 0, None)) / (2 * m)

    grid = np.linspace(low, high, 200_001)[1:]
    mg = grid * g0 * (constant + (1 - constant) * (p(grid) / p(m0)) ** 3 * m0 / grid)
    density = 2 * grid * mg / ((grid**2 - m0**2) ** 2 + mg**2)
    cdf = np.cumsum(density) / density.sum()
    assert kstest(np.interp(out, grid, cdf), "uniform").pvalue > 1e-3
    masses_of(rng("mass", code), mass_table(), -code, 5.0, 6.0, out[:1])
    assert out[0] == -1.0


def test_closed_modes_are_never_drawn():
    p4, codes, count = decay_many(rng("closed"), 333, 20_000, parent_mass=0.98)
    assert not np.isin(codes, (321, -321, 130, 310)).any() and count.min() >= 2
    assert np.abs(p4[:, :, 3].sum(axis=1) - 0.98).max() < 1e-12
    assert decay_many(rng("closed"), 310, 5, parent_mass=0.2)[2].max() == 0


def test_boost_to_the_laboratory():
    p4, _, _ = decay_many(rng("lab"), 221, 50)
    parent = np.array([0.3, -0.7, -1.1])
    energy = np.sqrt((parent**2).sum() + mass(221) ** 2)
    for rows in p4:
        spun = rows.copy()
        secondary._to_lab(spun, 3, *parent, energy, mass(221))
        np.testing.assert_allclose(spun.sum(axis=0), [*parent, energy], atol=1e-13)
        np.testing.assert_allclose(mass2(spun), mass2(rows), atol=1e-13)
    # a particle along +z of the rest frame leaves along the parent
    forward = np.array([[0.0, 0.0, 0.2, 0.2]])
    secondary._to_lab(forward, 1, *parent, energy, mass(221))
    np.testing.assert_allclose(np.cross(forward[0, :3], parent), 0.0, atol=1e-15)
    assert forward[0, :3] @ parent > 0.0


def test_who_decays_and_how_far():
    assert [secondary._is_unstable(c) for c in (111, 310, -213, 331, 130, 211, -321, 22, 12, 2112)] == [True] * 4 + [
        False
    ] * 6
    assert secondary._ctau_cm(310) == ctau_cm(310) == pytest.approx(2.684, abs=2e-3)
    assert secondary._ctau_cm(111) == pytest.approx(2.55e-6, rel=0.02) and secondary._ctau_cm(221) == 0.0


def test_antiparticles_give_the_conjugates():
    _, plus, _ = decay_many(rng("conjugate"), 323, 1000)
    _, minus, _ = decay_many(rng("conjugate"), -323, 1000)
    keep = np.isin(plus, (111, 22, 310, 130, 0))
    assert np.all(minus == np.where(keep, plus, -plus))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((211, 1), "211"), ((111, 1, -0.5), "positive"), ((333, 1, None, 2), "helicity 2")],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        decay_many(rng("bad"), *arguments)
