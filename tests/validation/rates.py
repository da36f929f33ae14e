"""Cross-sections of all processes beside published ones, lowest-order references and products of known factors."""

from collections.abc import Iterator

import numpy as np

from tests.generators import test_cross_sections, test_llx, test_models
from tests.validation.rows import Row, within
from toymc.constants import ALPHA_LO, GEV2_TO_FB, M_TAU
from toymc.generators.cross_sections import compare_cross_sections
from toymc.generators.processes import prepare

SECTION = "Cross-sections"
INTEGRAL = "integral"
TABLE = "tests/generators/test_cross_sections.py"
QUICK = "test_ours_is_near_the_published_number"
LOWEST = "independent trace calculation, α = 1/137.036, 10.579 GeV, zero width"
NAMES = {
    "tau_pair": "ττ(γ)", "mu_pair": "μμ(γ)", "continuum": "qq̄ (u, d, s, c)", "eeee": "eeee", "eemumu": "eeμμ",
    "eetautau": "eeττ", "mumumumu": "4μ", "mumutautau": "μμττ", "tautautautau": "4τ", "ee_pipi": "eeππ",
    "ee_kk": "eeKK", "ee_pp": "eepp̄",
    "pipi_gamma": "ππγ", "kk_gamma": "KKγ", "three_pi_gamma": "3πγ", "jpsi": "J/ψ γ",
}  # fmt: skip


def published() -> Iterator[Row]:
    """Every row of `generators/data/cross_sections.toml` that has a process."""
    for row in compare_cross_sections():
        name = str(row["name"])
        test = QUICK if name in test_cross_sections.QUICK else "test_all_of_the_table"
        yield within(
            SECTION, f"σ of {NAMES.get(name, name)}: {row['condition']} [3]", 1e-6 * float(str(row["ours_fb"])),
            1e-6 * float(str(row["reference_fb"])), float(str(row["allowed"])),
            f"{row['source']}; difference: {row['why']}", f"{TABLE}::{test}", INTEGRAL, "nb",
        )  # fmt: skip


def lowest_order() -> Iterator[Row]:
    """Bosons off a lepton pair, with and without emission off the beams."""
    test = "tests/generators/test_llx.py"
    for name, mass, reference in test_llx.REFERENCES:
        ours = prepare(name, {"mass": mass, "coupling": 1.0, "isr": False}).cross_section_fb
        yield within(
            SECTION, f"`{name}`, {mass:g} GeV, coupling 1, lowest order", ours, reference, 0.01, LOWEST,
            f"{test}::test_lowest_order_cross_sections", INTEGRAL, "fb",
        )  # fmt: skip
    for mass, added in ((5.0, 1.013), (6.5, 1.07), (8.0, 1.90), (9.0, 14.0)):
        final, both = (
            prepare("mumu_scalar", {"mass": mass, "isr": False, "initial": initial}).cross_section_fb
            for initial in (False, True)
        )
        yield within(
            SECTION, f"`mumu_scalar`, {mass:g} GeV: with emission off the beams over without", both / final, added,
            0.03, "independent trace calculation, two figures", f"{test}::test_emission_off_the_beams", INTEGRAL,
        )  # fmt: skip


def products() -> Iterator[Row]:
    """Processes whose cross-section is a product: tau pairs times fractions, B pairs times fractions."""
    beta2 = 1.0 - 4.0 * M_TAU**2 / 10.579**2
    pairs = 4.0 * np.pi * ALPHA_LO**2 / (3.0 * 10.579**2) * beta2**0.5 * (3.0 - beta2) / 2.0 * GEV2_TO_FB
    for mass, _, _, muons, pion, _ in test_models.HNL:
        values = {"mass": mass, "coupling": 1e-4, "production": "pi", "decay": "mumu", "isr": False}
        yield within(
            SECTION, f"`tau_hnl`, {mass:g} GeV, |V_τ|² = 10⁻⁴, τ → πN, N → νμμ",
            prepare("tau_hnl", values).cross_section_fb, 2.0 * pairs * pion * 1e-4 * muons, 0.03,
            "SensCalc tables (Bondarenko et al., arXiv:1805.08567) × 2 σ(ττ)",
            "tests/generators/test_models.py::test_hnl_against_table", INTEGRAL, "fb",
        )  # fmt: skip
    theta = 1e-3
    for mass, plus, star, _, muons in test_models.HIGGS:
        if mass not in (0.5, 1.0):
            continue
        for channel, fraction in (("kplus_mumu", plus), ("kstar_mumu", 2.0 / 3.0 * star)):
            process = prepare("b_k_scalar", {"channel": channel, "mass": mass, "coupling": theta})
            yield within(
                SECTION, f"`b_k_scalar` {channel}, {mass:g} GeV, sin θ = 10⁻³: B(B → K S) B(S → μμ)",
                float(process.parameters["branching_fraction"]), fraction * theta**2 * muons, 0.07,
                "SensCalc and ALPINIST tables; K*⁰ → K⁺π⁻: 2/3",
                "tests/generators/test_models.py::test_higgs_scalar_against_tables", "closed form",
            )  # fmt: skip
    bb = prepare("b_generic").cross_section_fb
    yield within(
        SECTION, "`b_generic`, `b_k_scalar`: σ of BB̄", 1e-6 * bb, 198.0 / 189.0, 0.015,
        "N_BB = (198 ± 3) × 10⁶ in 189 fb⁻¹ (remembered)",
        "tests/generators/test_b_production.py::test_sample_size_is_the_published_one", "input", "nb",
    )  # fmt: skip


MEASUREMENTS = (published, lowest_order, products)
