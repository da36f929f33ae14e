"""B -> K(*) S with a long-lived scalar S -> x x [Belle II, PRD 108 (2023) L111104, arXiv:2306.02830].

The signal B is reconstructed from a kaon and a displaced vertex of two opposite tracks; a peak is searched for in the
reduced mass sqrt(M^2 - 4 m^2), unbinned, for masses in steps of half the resolution and lifetimes from 0.001 to 400 cm.
Channels differ by the numbers below alone.
"""

from typing import Any

import numpy as np

from toymc.analysis.b_candidates import PairChannel
from toymc.constants import M_E, M_K, M_MU, M_PI
from toymc.generators.b_meson.channels import find_channel
from toymc.inference.projections import Floor
from toymc.studies.scan_study import BackgroundSample, ControlMode, PairSelection, ScanChannel, ScanStudy
from toymc.studies.study import published

PUBLISHED = published("b_k_scalar")
CUTS = PUBLISHED["selection"]
MATERIAL = CUTS["material_veto"]
PAIRS_PER_FB = PUBLISHED["b_pairs"]["value"] / PUBLISHED["luminosity_fb"]["value"]
# products of S: mass, and whose working point identifies them
PRODUCTS = {"ee": (M_E, "e"), "mumu": (M_MU, "mu"), "pipi": (M_PI, "pi"), "kk": (M_K, "kaon")}
NEW_PARTICLE = 54
# how figures write the decays
DECAYS = {"kplus": r"B^+\to K^+S", "kstar": r"B^0\to K^{*0}(\to K^+\pi^-)\,S"}
PAIRS = {"ee": "e^+e^-", "mumu": r"\mu^+\mu^-", "pipi": r"\pi^+\pi^-", "kk": "K^+K^-"}
# Hypotheses keep away from the ends as the published K+ mu mu grid does, 0.2127 to 4.7782 GeV [C]; ee begins at 25 MeV.
FROM_THRESHOLD, FROM_END, LOWEST = 0.0014, 0.0075, 0.025
# Simulated masses: closer where the efficiency moves, that is from the threshold on (distances to it), about the K_S
# veto (distances to its centre), and towards the end; between them a plain grid. 12 000 events for each of five
# lifetimes give an efficiency to 1-2 % at all lifetimes from 0.05 to 100 cm.
NEAR_THRESHOLD = (0.0003, 0.008, 0.037, 0.087, 0.137, 0.187, 0.25)
NEAR_VETO = (-0.045, -0.03, -0.02, -0.01, 0.0, 0.01, 0.025)
NEAR_END = (0.48, 0.28, 0.16, 0.08, 0.03, 0.0002)
PLAIN = (0.52, 0.60, 0.70, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
CLOSEST = 0.004
GENERATED_CTAU_CM = (0.005, 0.05, 0.5, 5.0, 50.0)
LIFETIMES_CM = (
    0.001, 0.003, 0.005, 0.007, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 400.0,
)  # fmt: skip
REFERENCE_MASSES = (0.03, 0.05, 0.1, 0.22, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.3, 4.5)
REFERENCE_CTAU_CM = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0)


def _cut(name: str, pair: str) -> float:
    """Value of a cut, which some final states have their own of."""
    return float(CUTS[name].get(pair, CUTS[name]["value"]))


def _mass_range(kaon: str, pair: str) -> tuple[float, float]:
    """Masses of the hypotheses, GeV."""
    low, high = find_channel(f"{kaon}_{pair}").masses()
    return max(round(low + FROM_THRESHOLD, 4), LOWEST), round(high - FROM_END, 4)


def _nodes(mass_range: tuple[float, float], product_mass: float) -> tuple[float, ...]:
    """Masses that are simulated.

    A pair at rest taken for two pions has M_pipi^2 = M^2 - 4 m^2 + 4 m_pi^2: this tells where the K_S veto bites.
    """
    low, high = mass_range
    veto = np.sqrt(np.mean(CUTS["k_short_veto"]["value"]) ** 2 - 4.0 * M_PI**2 + 4.0 * product_mass**2)
    steps = (MATERIAL["mass_max"] + d for d in (-0.01, -0.004, 0.0, 0.004)) if low < MATERIAL["mass_max"] else ()
    wanted = (
        *(low + d for d in NEAR_THRESHOLD), *(high - d for d in NEAR_END), *(veto + d for d in NEAR_VETO), *steps,
        *PLAIN,
    )  # fmt: skip
    chosen: list[float] = []
    for mass in sorted(round(float(m), 4) for m in wanted if low <= m <= high):
        if not chosen or mass - chosen[-1] >= CLOSEST or mass > high - 0.001:
            chosen.append(mass)
    return tuple(chosen)


def _material(pair: str) -> dict[str, str]:
    """Conversions of photons: light pairs of electrons must not come from where the material is."""
    if pair != "ee":
        return {}
    heavy = f"M > {MATERIAL['mass_max']}"
    return {
        f"material at {low} cm": f"{heavy} or dv < {low} or dv > {high}" for low, high in MATERIAL["displacement_cm"]
    }


def _selection(kaon: str, pair: str) -> PairSelection:
    low, high = (float(np.radians(angle)) for angle in CUTS["theta_deg"]["value"])
    veto_low, veto_high = CUTS["k_short_veto"]["value"]
    displacement = CUTS["displacement_min"]
    points = CUTS["identification"]
    product = points[PRODUCTS[pair][1]]
    pion = {"pion": points["pi"]} if kaon == "kstar" else {}
    return PairSelection(
        common={
            "R2": f"foxWolframR2 < {_cut('r2_max', pair)}",
            "pointing": f"cosPointingXY > {_cut('cos_pointing_min', pair)}",
            "theta": f"{low} < x1_thetaExtrapolated < {high} and {low} < x2_thetaExtrapolated < {high}",
            "K_S veto": f"MPiPi < {veto_low} or MPiPi > {veto_high}",
            **_material(pair),
        },
        box={
            "Mbc": f"Mbc > {CUTS['mbc_min']['value']}",
            "Delta E": f"abs(deltaE) < {_cut('delta_e_max', pair)}",
        },
        displacement=f"dv > {displacement['value']}",
        tight_displacement=f"dv > {displacement['tight']}",
        tight_regions=tuple((low, high) for low, high in PUBLISHED["tight_regions"][pair]),
        best="abs(deltaE)",
        identification={"kaon": points["kaon"], "x1": product, "x2": product, **pion},
    )


def _channel(kaon: str, pair: str) -> ScanChannel:
    name = f"{kaon}_{pair}"
    decay = find_channel(name)
    return ScanChannel(
        name=name,
        pair=PairChannel(
            PRODUCTS[pair][0],
            kstar=kaon == "kstar",
            mbc_min=CUTS["sideband"]["mbc_min"],
            delta_e_max=CUTS["sideband"]["delta_e_max"],
            recover=pair == "ee",
        ),
        selection=_selection(kaon, pair),
        process="b_k_scalar",
        parameters={"channel": name},
        code=NEW_PARTICLE,
        model_production=decay.model,
        model_decay=decay.mode,
        mass_range=_mass_range(kaon, pair),
        nodes=_nodes(_mass_range(kaon, pair), PRODUCTS[pair][0]),
        parents=2.0 * PUBLISHED["f_plus_minus"]["value"],
        sub_fraction=decay.sub_fraction,
        label=rf"${DECAYS[kaon]},\ S\to {PAIRS[pair]}$",
    )


# Everything that the publication has. The study runs K+ mu mu; another choice is `dataclasses.replace(B_K_SCALAR,
# channels=ALL_CHANNELS)` with `toymc.production.scan`.
ALL_CHANNELS = tuple(_channel(kaon, pair) for kaon in ("kplus", "kstar") for pair in PRODUCTS)


def _published() -> list[dict[str, Any]]:
    """The observed limits at the points of the published grid."""
    table = PUBLISHED["kplus_mumu"]
    return [
        {
            "parameters": {"channel": "kplus_mumu", "mass_GeV": mass, "ctau_cm": ctau},
            "source": table["source"],
            "cl": 0.95,
            "observed": table["observed_95"][i][k],
            "tag": table["tag"],
        }
        for i, mass in enumerate(table["masses_GeV"])
        for k, ctau in enumerate(table["ctau_cm"])
    ]


# B+ -> K_S pi+: vertices and tracks as displaced as those of the signal. One K_S in three flies into the chamber.
KSHORT_PIPLUS = ControlMode(
    name="kshort_piplus",
    process="b_k_scalar",
    parameters={"channel": "kshort_piplus"},
    pair=PairChannel(
        M_PI, kaon_mass=M_PI, mbc_min=CUTS["sideband"]["mbc_min"], delta_e_max=CUTS["sideband"]["delta_e_max"]
    ),
    code=310,
    cuts={
        "Mbc": f"Mbc > {CUTS['mbc_min']['value']}",
        "Delta E": f"abs(deltaE) < {CUTS['delta_e_max']['value']}",
        "displacement": f"dv > {CUTS['displacement_min']['value']}",
        "pointing": f"cosPointingXY > {CUTS['cos_pointing_min']['value']}",
        "mass": "0.45 < M < 0.55",
    },
    best="abs(deltaE)",
    identification={"kaon": CUTS["identification"]["pi"]},
    events=100_000,
)

B_K_SCALAR = ScanStudy(
    name="b_k_scalar",
    title=PUBLISHED["title"],
    reference=PUBLISHED["reference"],
    limit_on=PUBLISHED["limit_on"],
    card="belle2",
    luminosity_fb=PUBLISHED["luminosity_fb"]["value"],
    confidence_levels=(0.95,),
    channels=tuple(c for c in ALL_CHANNELS if c.name == "kplus_mumu"),
    backgrounds=(
        BackgroundSample("b_generic", "b_generic", {}, 3_000_000),
        BackgroundSample("continuum", "continuum", {}, 3_000_000),
    ),
    signal_events=12_000,
    generated_ctau_cm=GENERATED_CTAU_CM,
    lifetimes_cm=LIFETIMES_CM,
    reference_masses=REFERENCE_MASSES,
    reference_lifetimes_cm=REFERENCE_CTAU_CM,
    pairs=lambda luminosity_fb: luminosity_fb * PAIRS_PER_FB,
    errors={
        "number of B pairs": PUBLISHED["b_pairs"]["error"] / PUBLISHED["b_pairs"]["value"],
        "production fraction": PUBLISHED["f_plus_minus"]["error"] / PUBLISHED["f_plus_minus"]["value"],
    },
    floors={name: Floor(**entry) for name, entry in PUBLISHED["floors"].items()},
    model="higgs_scalar",
    published=_published,
    reactions=("E+ E- --> B+ B-",),
    controls=(KSHORT_PIPLUS,),
    notes=(
        "Identification enters as a weight per track; the working points are not in the text of the publication.",
        "Combinatorial background: relaxed box in (M_bc, Delta E), scaled by the fraction in the box; see closure.",
        "Published numbers are observed limits, medians of 21 neighbouring masses; ours are expected ones.",
        "Displaced tracks are found as two published averages say; how the losses depend on the impact parameter is a "
        "model (card, finding.toml), chosen with the published dependence on the lifetime in view.",
        "For ctau below 0.05 cm the limits rest on tails of the vertex resolution: shown, not to be relied on.",
    ),
)
