"""Distributions of the processes beside tau pairs: closed forms, Dirac traces, Pythia 8."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import integrate, stats

from tests.generators import amplitude_twin, b_probe, test_b_generic, test_hnl_spectra, test_isr_return
from tests.generators.test_tau_pair import _head_on
from tests.validation.rows import Row, of_shapes, of_values
from toymc.constants import M_E, M_MU, M_PI, M_TAU, mass
from toymc.generators.b_meson.kstar import kstar_density
from toymc.generators.isr_return import form_factors
from toymc.generators.isr_return.radiator import radiator
from toymc.generators.processes import prepare
from toymc.generators.radiation import pair_photon_spectrum
from toymc.generators.two_photon import luminosity
from toymc.streams import stream

FloatArray = npt.NDArray[np.float64]
LEPTONS, B_DECAYS, HNL, BACKGROUNDS = (
    "ℓℓ + boson", "B → K S", "Heavy neutral leptons", "Four leptons, hadrons, generic B"
)  # fmt: skip
ENERGY = 10.58


def _four(batch: object, rows: FloatArray) -> FloatArray:
    return np.stack([getattr(batch, name)[rows] for name in ("px", "py", "pz", "energy")], axis=1)


def _chi_square(values: FloatArray, density: Callable[[FloatArray], FloatArray], low: float, high: float) -> float:
    """Probability of a histogram with 40 equally filled bins against a density."""
    grid = np.linspace(low, high, 40_001)
    running = integrate.cumulative_trapezoid(density(grid), grid, initial=0.0)
    place = np.interp(values, grid, running / running[-1])
    return float(stats.chisquare(np.histogram(place, np.linspace(0.0, 1.0, 41))[0]).pvalue)


def _flat_three_bodies(rng: np.random.Generator, n: int, m: float, boson: float) -> tuple[list[FloatArray], FloatArray]:
    """l-, l+, X flat in invariant phase space at 10.58 GeV: four-momenta (n, 4) each, weights."""

    def momentum(total: FloatArray, a: FloatArray | float, b: float) -> FloatArray:
        return np.sqrt((total**2 - (a + b) ** 2) * (total**2 - (a - b) ** 2)) / (2.0 * total)

    def directions() -> FloatArray:
        c, phi = 2.0 * rng.random(n) - 1.0, 2.0 * np.pi * rng.random(n)
        s = np.sqrt(1.0 - c * c)
        return np.stack([s * np.cos(phi), s * np.sin(phi), c], axis=1)

    pair = 2.0 * m + (ENERGY - boson - 2.0 * m) * rng.random(n)
    k, q = momentum(np.full(n, ENERGY), pair, boson), momentum(pair, m, m)
    flight, inside = directions(), directions()
    x = np.concatenate([k[:, None] * flight, np.sqrt(k * k + boson**2)[:, None]], axis=1)
    leptons = []
    for sign in (1.0, -1.0):
        p = np.concatenate([sign * q[:, None] * inside, (0.5 * pair)[:, None]], axis=1)
        frame = np.concatenate([-k[:, None] * flight, np.sqrt(k * k + pair**2)[:, None]], axis=1)
        along = np.sum(p[:, :3] * frame[:, :3], axis=1)
        shift = along / (frame[:, 3] + pair) + p[:, 3]
        energy = (p[:, 3] * frame[:, 3] + along) / pair
        leptons.append(np.concatenate([p[:, :3] + (shift / pair)[:, None] * frame[:, :3], energy[:, None]], axis=1))
    return [*leptons, x], k * q


def bosons_off_leptons() -> Iterator[Row]:
    """Energies and angles of unweighted events against Dirac traces on flat phase space."""
    n_flat, n = 6_000, 120_000
    p = np.sqrt(0.25 * ENERGY**2 - M_E**2)
    beams = [np.array([0.0, 0.0, sign * p, 0.5 * ENERGY]) for sign in (1.0, -1.0)]
    for name, boson, lepton, spin, couplings in (
        ("mumu_zprime", 4.0, M_MU, 1, (1.0, 1.0, 0.0, 0.0)), ("mumu_scalar", 4.0, M_MU, 0, (1.0, 1.0, 0.0, 0.0)),
        ("mumu_alp", 6.0, M_MU, 0, (-1j, 1j, 0.0, 0.0)), ("tautau_scalar", 1.0, M_TAU, 0, (1.0, 1.0, 0.0, 0.0)),
    ):  # fmt: skip
        momenta, weight = _flat_three_bodies(stream(14, name, "test", 0), n_flat, lepton, boson)
        for i in range(n_flat):
            weight[i] *= amplitude_twin.spin_summed(
                [*(v[i] for v in momenta), *beams], (lepton, M_E), boson, spin, couplings
            )
        batch = prepare(name, {"mass": boson, "isr": False}, _head_on()).generate(stream(15, name, "test", 0), n)
        rows = [_four(batch, batch.offsets[:-1] + row) for row in range(3)]
        found = {}
        for what, observable in (
            ("energy of X", lambda v: v[2][:, 3]), ("energy of ℓ⁻", lambda v: v[0][:, 3]),
            ("cos² of X", lambda v: v[2][:, 2] ** 2 / np.sum(v[2][:, :3] ** 2, axis=1)),
            ("cos² of ℓ⁻", lambda v: v[0][:, 2] ** 2 / np.sum(v[0][:, :3] ** 2, axis=1)),
        ):  # fmt: skip
            ours = observable(rows)
            edges = np.quantile(ours, np.linspace(0.0, 1.0, 11))
            edges[0], edges[-1] = -1e9, 1e9
            bins = np.digitize(observable(momenta), edges) - 1
            total, square = np.bincount(bins, weight, 10), np.bincount(bins, weight**2, 10)
            share = total / weight.sum()
            # of a share: its own points and all others
            variance = (square * (1.0 - 2.0 * share) + share**2 * np.sum(weight**2)) / weight.sum() ** 2
            chi2 = float(np.sum((share - 0.1) ** 2 / (variance + 0.09 / n)))
            found[what] = float(stats.chi2.sf(chi2 * 0.9, 9))  # ten bins with one sum
        yield of_shapes(
            LEPTONS, f"`{name}`, {boson:g} GeV: {', '.join(found)}", found, "Dirac traces on flat phase space",
            "independent code, `tests/generators/amplitude_twin.py`",
            "tests/generators/test_amplitudes.py::test_final_emission_is_the_trace",
            f"{n:,} events, {n_flat:,} weighted points",
        )  # fmt: skip


def photons_and_lines() -> Iterator[Row]:
    """Photon energy off muons, line shape of a wide Z', tau spins from scalar and pseudoscalar."""
    n = 100_000
    values = {"photon_energy": 0.5, "photon_angle": 0.0, "initial": False, "isr": False}
    batch = prepare("mumu_gamma", values, _head_on()).generate(stream(16, "mumu_gamma", "test", 0), n)
    x = 2.0 * batch.energy[batch.offsets[:-1] + 2] / ENERGY
    top = 1.0 - 4.0 * M_MU**2 / ENERGY**2
    p = _chi_square(np.log(x), lambda t: np.exp(t) * pair_photon_spectrum(np.exp(t), ENERGY, M_MU),
                    np.log(1.0 / ENERGY), np.log(top * (1.0 - 1e-7)))  # fmt: skip
    yield of_shapes(
        LEPTONS, "`mumu_gamma`: energy of photons off the muons", {"E": p}, "closed form with the muon mass",
        "B. L. Ioffe, Phys. Lett. B78 (1978) 277",
        "tests/generators/test_llx.py::test_final_state_photon_is_the_closed_spectrum", f"{n:,} events",
    )  # fmt: skip
    process = prepare("mumu_zprime", {"mass": 3.0, "coupling": 0.15, "decay": "mumu", "isr": True})
    width = float(str(process.info["width_GeV"]))  # type: ignore[attr-defined]
    batch = process.generate(stream(17, "mumu_zprime", "test", 0), n)
    q = batch.mass[batch.offsets[:-1] + 2]
    inside = float(np.mean(np.abs(q**2 - 9.0) < 3.0 * width))
    expected = 0.25 * np.pi / np.arctan(15.0)
    # the rate falls over the line: symmetric to first order
    yield of_values(
        LEPTONS, "`mumu_zprime`, 3 GeV, g′ = 0.15: share within Γ/2", (inside, np.sqrt(inside * (1 - inside) / n)),
        (float(expected), 0.0), "Breit-Wigner over 15 widths to either side",
        "tests/generators/test_llx.py::test_line_shape", f"{n:,} events",
    )  # fmt: skip


def b_decays() -> Iterator[Row]:
    """Angles of the B, of S and of the K*, its line, times and mixing."""
    n = 100_000
    _, batch = b_probe.generate("b_k_scalar", {"channel": "kstar_mumu", "mass": 1.0, "other": "none", "fsr": False,
                                               "isr": False}, n, 18)  # fmt: skip
    flat = stats.uniform(-1.0, 2.0).cdf
    s, k = b_probe.daughters(batch, 1, 54), b_probe.daughters(batch, 1, 313)
    muon = b_probe.daughters(batch, s - batch.offsets[:-1], 13)
    pion = b_probe.daughters(batch, k - batch.offsets[:-1], 211)
    m_b = float(batch.mass[batch.offsets[0] + 1])
    low = mass(321) + M_PI
    m = batch.mass[k]
    found = {
        "cos θ of μ": float(stats.kstest(b_probe.helicity_cosine(batch, s, muon), flat).pvalue),
        "cos θ of the K*": float(
            stats.kstest(b_probe.helicity_cosine(batch, k, pion), lambda c: 0.5 * (1.0 + c**3)).pvalue
        ),
        "m(Kπ)": _chi_square(m, lambda x: kstar_density(x, 313, m_b, 1.0), low, float(m.max())),
    }
    yield of_shapes(
        B_DECAYS, f"B⁰ → K*⁰ S: {', '.join(found)}", found, "1, cos², P-wave line with barrier",
        "spin 0 → 1 0 and 0 → 0 0; PDG line",
        "tests/generators/test_b_k_scalar.py::test_kstar_is_longitudinal_with_its_line_shape",
        f"{n:,} events",
    )  # fmt: skip
    upsilon, meson = (b_probe.four(batch, batch.offsets[:-1] + row) for row in (0, 1))
    card = test_isr_return.BEAM
    tilt = card.electron.tilt_rad.value
    electron = np.tile([np.sin(tilt), 0.0, np.cos(tilt), 1.0], (n, 1))
    a, b = b_probe.seen_from(meson, upsilon)[:, :3], b_probe.seen_from(electron, upsilon)[:, :3]
    cosine = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    p = float(stats.kstest(cosine, lambda c: (2.0 + 3.0 * c - c**3) / 4.0).pvalue)
    yield of_shapes(
        B_DECAYS, "angle of the B to the beams", {"cos θ": p}, "sin²θ", "spin 1 to two spin-0 mesons",
        "tests/generators/test_b_production.py::test_angle_is_measured_from_the_beams_in_the_laboratory",
        f"{n:,} events",
    )  # fmt: skip
    _, batch = b_probe.generate("b_k_scalar", {"channel": "kstar_mumu", "other": "none"}, n, 19)
    same = float(np.mean(batch.pdg[batch.offsets[:-1] + 1] == batch.pdg[batch.offsets[:-1] + 2]))
    yield of_values(
        B_DECAYS, "mixed share of B⁰B̄⁰", (same, float(np.sqrt(same * (1 - same) / n))), (0.1858, 0.0011),
        "χ_d, PDG 2024", "tests/generators/test_b_production.py::test_mixing_and_vertices_of_whole_events",
        f"{n:,} events",
    )  # fmt: skip


def heavy_neutral_leptons() -> Iterator[Row]:
    """Polarisation of N, Dirac and Majorana; the massless limit."""
    n = 200_000
    test = "tests/generators/test_hnl_spectra.py"
    for m in (0.3, 1.6):
        s = float(test_hnl_spectra.polarisation(m, M_PI))
        p4, _, _ = test_hnl_spectra.chains(m, "tau", "pi", "pi0", True, 21, n)
        c = test_hnl_spectra.cosine(p4, 2, 1)
        dirac = float(stats.kstest(c, lambda x, s=s: 0.5 * (1.0 + x) + 0.25 * s * (x * x - 1.0)).pvalue)
        p4, _, _ = test_hnl_spectra.chains(m, "tau", "pi", "pi0", False, 22, n)
        flat = float(stats.kstest(test_hnl_spectra.cosine(p4, 2, 1), stats.uniform(-1.0, 2.0).cdf).pvalue)
        yield of_shapes(
            HNL, f"τ → πN, N → νπ⁰, {m:g} GeV: angle of the π⁰", {"Dirac": dirac, "Majorana": flat},
            f"1 + {s:.3f} cos θ, flat", "left-handed current, closed form",
            f"{test}::test_n_is_polarised_and_a_dirac_n_shows_it", f"{n:,} chains each",
        )  # fmt: skip


def backgrounds() -> Iterator[Row]:
    """Mass spectra of two-photon pairs and of returns; generic B decays against Pythia 8."""
    n = 60_000
    values = {"final": "eemumu", "w_min": 1.0, "q2_max": 1e-3, "isr": False}
    process = prepare("ee_ll", values)
    batch = process.generate(stream(23, "ee_ll", "test", 0), n)
    pair = sum(_four(batch, np.flatnonzero((batch.pdg == code) & (batch.mother < 0))) for code in (13, -13))
    w = np.sqrt(pair[:, 3] ** 2 - np.sum(pair[:, :3] ** 2, axis=1))
    nodes = np.exp(np.linspace(0.0, np.log(10.5), 1001))
    flux = luminosity.luminosity_per_gev(nodes, 10.579, 1e-3)
    p = _chi_square(
        w, lambda x: np.interp(x, nodes, flux) * luminosity.lepton_pair_nb(x, M_MU), 1.0, 10.5
    )  # fmt: skip
    yield of_shapes(
        BACKGROUNDS, "`ee_ll` eeμμ, Q² < 10⁻³ GeV²: W", {"W": p}, "photon flux × σ(γγ → μμ)",
        "V. Budnev et al., Phys. Rep. 15 (1975) 181",
        "tests/generators/test_two_photon.py::test_mass_spectrum_is_luminosity_times_cross_section", f"{n:,} events",
    )  # fmt: skip
    for final in ("pipi_gamma", "kk_gamma", "three_pi_gamma"):
        batch = prepare("ee_hadrons", {"final": final}).generate(stream(24, final, "test", 0), n)
        total = test_isr_return._sums(batch, (batch.mother < 0) & (batch.pdg != 22))
        m = np.sqrt(total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1))
        name, threshold = form_factors.CONTINUA[final]
        high = form_factors.return_card()[name]["highest_GeV"]
        p = _chi_square(
            m, lambda x, f=final: form_factors.cross_section_nb(f, x) * radiator(x * x / ENERGY**2, ENERGY**2) * x,
            threshold * (1.0 + 1e-9), high,
        )  # fmt: skip
        yield of_shapes(
            BACKGROUNDS, f"`ee_hadrons` {final}: mass of the hadrons", {"m": p}, "σ(m) × radiator",
            "form factors of `generators/data/isr_return.toml`",
            "tests/generators/test_isr_return.py::test_mass_spectrum_is_cross_section_times_radiator", f"{n:,} events",
        )  # fmt: skip
    yield from _generic_b()


def _generic_b() -> Iterator[Row]:
    """Momenta of long-lived particles in the frame of their B."""
    n = 3_000
    ours = test_b_generic.momenta(b_probe.generate("b_generic", {"pair": "charged"}, n, 25)[1])
    theirs = test_b_generic.direct(1.0, 0.0, n, 78)
    found = {str(code): float(stats.ks_2samp(ours[code], reference).pvalue) for code, reference in theirs.items()}
    yield of_shapes(
        BACKGROUNDS, f"`b_generic`, B⁺B⁻: momenta of {', '.join(found)} in the frame of the B", found, "same shapes",
        "Pythia 8.317 run directly", "tests/generators/test_b_generic.py::test_spectra_against_pythia_run_directly",
        f"{n:,} events each",
    )  # fmt: skip


MEASUREMENTS = (bosons_off_leptons, photons_and_lines, b_decays, heavy_neutral_leptons, backgrounds)
