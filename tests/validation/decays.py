"""Measurements of tau decays, radiation in decays, and secondary decays."""

from collections.abc import Iterator

import numpy as np
from scipy.integrate import quad
from scipy.stats import chi2, kstest, norm

from tests.generators import tau_twin as twin
from tests.generators import test_radiation, test_secondary, test_tau_pythia, test_tau_spectra
from tests.generators.tau_observables import observables
from tests.validation.rows import Row, of_shapes, of_values, within
from toymc.constants import M_E, M_K0, M_MU, M_PI, M_PI0, M_TAU, mass
from toymc.generators.secondary import decay_many, secondary_modes
from toymc.generators.tau import modes
from toymc.generators.tau.resonances import form_factors

SECTION = "τ decays"
RADIATION = "Radiation in decays"
SECONDARY = "Secondary decays"
TSAI = "Y.-S. Tsai, PRD 4 (1971) 2821"
PYTHIA = "Pythia 8.317, `tests/generators/data/pythia_tau_decays.json`"


def michel() -> Iterator[Row]:
    """Energy spectrum and spin asymmetry of leptonic decays, 40 bins."""
    for mode, ml, name in ((modes.E_NU_NU, M_E, "e"), (modes.MU_NU_NU, M_MU, "μ")):
        sample = test_tau_spectra.decays(mode, 500_000, 50)
        e_max = (M_TAU**2 + ml**2) / (2 * M_TAU)
        x0, x = ml / e_max, sample.p4[:, 1, 3] / e_max
        edges = np.linspace(x0, 1.0, 41)
        flat, spin = (
            np.array([quad(lambda t, k=k, x0=x0: test_tau_spectra.michel(t, x0)[k], a, b)[0] for a, b in
                      zip(edges[:-1], edges[1:], strict=True)])
            for k in (0, 1)
        )  # fmt: skip
        direction = sample.p4[:, 1, :3] / np.linalg.norm(sample.p4[:, 1, :3], axis=1, keepdims=True)
        projection = np.sum(direction * sample.polarimeter, axis=1)
        groups = [projection[np.digitize(x, edges) - 1 == i] for i in range(40)]
        statistic = sum(
            (group.mean() + s / f) ** 2 / (group.var() / len(group))
            for group, s, f in zip(groups, spin, flat, strict=True)
        )
        found = {
            "energy": float(test_tau_spectra.probability(x, edges, flat / flat.sum())),
            "spin asymmetry": float(chi2.sf(statistic, 40)),
        }
        yield of_shapes(
            SECTION, f"Michel spectrum and spin asymmetry of τ → {name}νν", found,
            "closed form with the lepton mass", "PDG review of muon decay parameters, eqs. 58.4-5",
            "tests/generators/test_tau_spectra.py::test_michel_spectrum_unpolarised_and_polarised", "500,000 decays",
        )  # fmt: skip


def rho() -> Iterator[Row]:
    """Mass and polarisation of the pion pair."""
    sample = test_tau_spectra.decays(modes.PI_PI0_NU, 1_000_000, 51)
    total = sample.p4[:, 1] + sample.p4[:, 2]
    q2 = total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1)
    direction = total[:, :3] / np.linalg.norm(total[:, :3], axis=1, keepdims=True)
    power = np.sum(direction * sample.polarimeter, axis=1)
    expected = (M_TAU**2 - 2 * q2) / (M_TAU**2 + 2 * q2)
    yield of_values(
        SECTION, "analysing power of the ππ⁰ direction", (power.mean(), (power - expected).std() / np.sqrt(len(q2))),
        (expected.mean(), 0.0), TSAI,
        "tests/generators/test_tau_spectra.py::test_rho_asymmetry_against_its_closed_form", "1,000,000 decays",
    )  # fmt: skip
    card = form_factors()["pi_pi0"]
    grid = np.linspace(M_PI + M_PI0, M_TAU, 40_001)
    s = (0.5 * (grid[1:] + grid[:-1])) ** 2
    k2 = (s - (M_PI + M_PI0) ** 2) * (s - (M_PI - M_PI0) ** 2) / (4 * s)
    parts = zip(card["mass"], card["width"], card["amplitude"], card["phase_pi"], strict=True)
    form = sum(twin.polar(a, f) * twin.propagator(s, m, g, M_PI0, M_PI, 1) for m, g, a, f in parts)
    y = s / M_TAU**2
    rate = np.sqrt(s) * (1 - y) ** 2 * (1 + 2 * y) * (k2 / s) ** 1.5 * np.abs(form) ** 2
    cumulative = np.concatenate([[0.0], np.cumsum(rate)]) / rate.sum()
    p = float(kstest(np.sqrt(q2), lambda q: np.interp(q, grid, cumulative)).pvalue)
    yield of_shapes(
        SECTION, "m(ππ⁰)", {"m": p}, "closed form", "Kühn and Santamaria, Z. Phys. C48 (1990) 445, eq. 3.2",
        "tests/generators/test_tau_spectra.py::test_rho_mass_spectrum_against_its_closed_form", "1,000,000 decays",
    )  # fmt: skip


def pythia_modes() -> Iterator[Row]:
    """Masses, energies, angles and spin asymmetries of all hadronic modes."""
    for name in test_tau_pythia.NAMES:
        if name == "pi_2pi0_nu":
            continue
        decays, codes, p4 = test_tau_pythia.our_decays(name)
        found = test_tau_pythia.probabilities(name, observables(p4, codes))
        pulls = test_tau_pythia.polarised_pulls(name, decays, p4)
        found |= {f"spin asymmetry {i}": float(2 * norm.sf(abs(pull))) for i, pull in enumerate(pulls)}
        yield of_shapes(
            SECTION, f"`{name}`: masses, energies, angles, spin asymmetries", found, "same shapes", PYTHIA,
            "tests/generators/test_tau_pythia.py::test_spectra_and_spin_asymmetries_agree_with_pythia",
            f"{len(p4):,} decays",
        )  # fmt: skip


def pi_2pi0() -> Iterator[Row]:
    """The one mode that differs from Pythia, with and without Pythia's current."""
    decays, codes, p4 = test_tau_pythia.our_decays("pi_2pi0_nu")
    vectors = np.roll(p4, 1, axis=2)
    hadrons = [vectors[:, i] for i in (1, 2, 3)]
    card = form_factors()["three_pi"]
    ours, _ = twin.hadronic(vectors[:, 0], twin.three_pion_current(hadrons, card, False, M_PI, M_PI0), M_TAU)
    theirs, _ = twin.hadronic(vectors[:, 0], test_tau_pythia._pythia_pi_2pi0_current(hadrons), M_TAU)
    values = {key: x for key, x in observables(p4, codes).items() if key in ("Q", "m 111 111", "E -211")}
    test = "tests/generators/test_tau_pythia.py::test_pi_2pi0_agrees_with_pythia_once_its_second_form_factor_is_used"
    plain = test_tau_pythia.probabilities("pi_2pi0_nu", values)
    yield of_shapes(
        SECTION, "`pi_2pi0_nu` as generated (must differ [1])", plain, "other current", PYTHIA, test,
        f"{len(p4):,} decays",
    )  # fmt: skip
    weighted = test_tau_pythia.probabilities("pi_2pi0_nu", values, theirs / ours)
    yield of_shapes(
        SECTION, "`pi_2pi0_nu` reweighted to Pythia's current [1]", weighted, "same shapes", PYTHIA, test,
        f"{len(p4):,} decays",
    )  # fmt: skip


def radiative() -> Iterator[Row]:
    """Photons in decays."""
    test = "tests/generators/test_radiation.py::test_radiative_leptonic_decays"
    fael = "M. Fael et al., JHEP 07 (2015) 153"
    n = 1_000_000
    for lepton, name, leading, inclusive, branching in (
        (11, "e", 1.834e-2, 1.728e-2, 0.1782), (13, "μ", 3.663e-3, 3.605e-3, 0.1739),
    ):  # fmt: skip
        _, energy = test_radiation.radiate(
            f"validation {lepton}", M_TAU, -1.0, 3, test_radiation.leptonic(n, lepton)
        )
        mean, chance = (energy > 0.01).sum() / n * branching, (energy > 0.01).any(axis=1).mean() * branching
        for what, value, reference in (("mean number", mean, leading), ("at least one", chance, inclusive)):
            yield within(
                RADIATION, f"τ → {name}ννγ, E > 10 MeV: {what} × B", value, reference, 0.03, fael, test,
                f"{n:,} decays",
            )  # fmt: skip
    n = 1_500_000
    _, energy = test_radiation.radiate(
        "validation pi nu", M_TAU, -1.0, 2, test_radiation.decay(n, M_TAU, (16, -211))
    )
    grid, weights = np.polynomial.legendre.leggauss(24)
    log = np.log(20.0)
    k = 0.01 * np.exp(0.5 * (grid + 1) * log)
    exact = float((test_radiation.exact_pi_nu_gamma(k) * k * weights).sum() * 0.5 * log)
    yield within(
        RADIATION, "τ → πνγ, photons of 10 to 200 MeV per decay", ((energy > 0.01) & (energy <= 0.2)).sum() / n, exact,
        0.03, "Decker and Finkemeier, PRD 48 (1993) 4203, inner bremsstrahlung by traces",
        "tests/generators/test_radiation.py::test_pi_nu_gamma_is_the_exact_inner_bremsstrahlung", f"{n:,} decays",
    )  # fmt: skip
    _, energy = test_radiation.radiate(
        "validation K_S", M_K0, 0.0, 2, test_radiation.decay(1_000_000, M_K0, (211, -211))
    )
    yield within(
        RADIATION, "K_S → π⁺π⁻γ / π⁺π⁻, E > 50 MeV", (energy > 0.05).any(axis=1).mean(), 1.79e-3 / 0.6920, 0.05,
        "PDG", "tests/generators/test_radiation.py::test_neutral_parent_radiates_coherently", "1,000,000 decays",
    )  # fmt: skip


def _fraction_probability(entry: dict) -> float:
    """chi2 probability of the modes of a particle."""
    n = 100_000
    _, codes, _ = decay_many(test_secondary.rng("validation", entry["parent"]), entry["parent"], n)
    rows = np.sort(np.where(codes == 0, 10**6, codes), axis=1)
    observed = []
    for mode in entry["modes"]:
        products = sorted(mode["products"])
        size = (codes != 0).sum(axis=1) == len(products)
        observed.append((size & (rows[:, : len(products)] == products).all(axis=1)).sum())
    expected = n * np.array([mode["fraction"] for mode in entry["modes"]])
    return float(test_secondary.probability(np.array(observed), expected))


def _dalitz_probability(row: np.ndarray) -> float:
    """chi2 probability of m(ll) of one Dalitz mode."""
    parent, lepton, other = (int(row[i]) for i in (0, 4, 6))
    m, ml, mo = mass(parent), mass(lepton), mass(other)
    p4 = np.zeros((60_000, 3, 4))
    test_secondary.three_bodies(test_secondary.rng("validation dalitz", parent + lepton), row, m, p4)
    edges = np.linspace(np.log(4 * ml**2), np.log((m - mo) ** 2), 31)

    def density(t: float) -> float:
        if other == 22:
            return float(test_secondary.kroll_wada(np.exp(t), m, ml, m, row[13], row[14]))
        return float(test_secondary.vector_dalitz(np.exp(t), ml, m, mo, row[13]))

    inside = np.clip(edges, edges[0] + 1e-9, edges[-1] - 1e-9)
    expected = np.array([quad(density, a, b)[0] for a, b in zip(inside[:-1], inside[1:], strict=True)])
    observed = np.histogram(np.log(test_secondary.mass2(p4[:, 0] + p4[:, 1])), edges)[0]
    return float(test_secondary.probability(observed, expected / expected.sum() * len(p4)))


def secondary() -> Iterator[Row]:
    """Branching fractions, Dalitz spectra and their rates."""
    entries = [e for e in secondary_modes() if len(e["modes"]) > 1]
    yield of_shapes(
        SECONDARY, "branching fractions of π⁰, K_S, η, η′, ρ, ω, φ, K*",
        {str(e["parent"]): _fraction_probability(e) for e in entries}, "PDG fractions of the table",
        "`generators/data/secondary_modes.toml`", "tests/generators/test_secondary.py::test_branching_fractions",
        "100,000 decays each",
    )  # fmt: skip
    rows = test_secondary.lepton_rows()
    yield of_shapes(
        SECONDARY, "m(ℓℓ) of all Dalitz modes",
        {f"{int(r[0])} → {int(r[4])}": _dalitz_probability(r) for r in rows}, "closed forms",
        "Kroll and Wada, Phys. Rev. 98 (1955) 1355; Landsberg, Phys. Rep. 128 (1985) 301",
        "tests/generators/test_secondary.py::test_dalitz_spectra_and_angle", "60,000 decays each",
    )  # fmt: skip
    published = {(111, 11): (1.174 / 98.823, 0.03), (221, 11): (0.0069 / 0.3941, 0.12),
                 (221, 13): (0.00031 / 0.3941, 0.26), (331, 11): (4.91e-4 / 0.02307, 0.12)}  # fmt: skip
    names = {111: "π⁰", 221: "η", 331: "η′", 11: "ee", 13: "μμ"}
    for (parent, lepton), (ratio, allowed) in published.items():
        row = next(r for r in rows if r[0] == parent and r[4] == lepton)
        m, ml = mass(parent), mass(lepton)
        limits = np.log(4 * ml**2) + 1e-9, np.log(m**2) - 1e-9
        arguments = (m, ml, m, row[13], row[14])
        mine = quad(lambda t, a=arguments: test_secondary.kroll_wada(np.exp(t), *a), *limits, limit=200)[0]
        name = f"Γ({names[parent]} → γ{names[lepton]})/Γ({names[parent]} → γγ) of the form factor"
        test = "test_pi0_dalitz_rate_is_the_published_one" if parent == 111 else (
            "test_form_factors_give_the_published_rates"
        )  # fmt: skip
        yield within(
            SECONDARY, name, mine, ratio, allowed, "PDG", f"tests/generators/test_secondary.py::{test}", "integral"
        )


MEASUREMENTS = (michel, rho, pythia_modes, pi_2pi0, radiative, secondary)
