"""A search over mass and lifetime that runs in seconds: three nodes, two lifetimes, background candidates by hand."""

import dataclasses

import numpy as np

from toymc.production.scan.tables import KEPT, CandidateTable
from toymc.streams import stream
from toymc.studies import STUDIES
from toymc.studies.scan_study import BackgroundSample, ScanStudy

FULL = STUDIES["b_k_scalar"]
# share of the hand-made candidates that lie in the box M_bc > 5.27, |Delta E| < 0.05
IN_BOX = (0.02 / 0.09) * (0.10 / 0.50)
IDENTIFICATION = 0.02
CROSS_SECTION_FB = 1e6


def small_study() -> ScanStudy:
    """The study with little of everything."""
    (channel,) = FULL.channels
    small = dataclasses.replace(channel, nodes=(0.95, 1.0, 1.06), mass_range=(0.96, 1.05))
    return dataclasses.replace(
        FULL,
        channels=(small,),
        backgrounds=(BackgroundSample("accidental", "b_generic", {}, 20_000),),
        signal_events=1500,
        generated_ctau_cm=(0.3, 3.0),
        lifetimes_cm=(0.5, 1.0, 2.0),
        reference_masses=(1.0, 3.0),
        reference_lifetimes_cm=(0.5, 1.0),
    )


def background_candidates(n: int = 20_000, correlated: bool = False, displaced_box: bool = False) -> CandidateTable:
    """Candidates with flat masses, known shares of all cuts; identification (or distance) may depend on the box.

    Displacement is exponential with 0.1 cm: 61 % pass the first cut, 14 % the second. Everything else passes.
    """
    rng = stream(17, "scan probe", "test", 0)
    columns = {name: np.zeros(n) for name in KEPT}
    columns["event"] = np.arange(n)
    columns["Mbc"], columns["deltaE"] = rng.uniform(5.20, 5.29, n), rng.uniform(-0.25, 0.25, n)
    columns["Mred"], columns["dv"] = rng.uniform(0.0, 4.8, n), rng.exponential(0.1, n)
    columns["M"], columns["MPiPi"] = columns["Mred"] + 0.1, np.full(n, 1.0)
    columns["cosPointingXY"], columns["foxWolframR2"] = np.full(n, 0.999), np.full(n, 0.2)
    columns["x1_thetaExtrapolated"] = columns["x2_thetaExtrapolated"] = np.full(n, 1.2)
    columns["weight"] = columns["triggerWeight"] = np.ones(n)
    columns["identification"] = rng.uniform(0.0, 2.0 * IDENTIFICATION, n)
    inside = (columns["Mbc"] > 5.27) & (np.abs(columns["deltaE"]) < 0.05)
    if correlated:
        columns["identification"][inside] *= 3.0
    if displaced_box:
        columns["dv"][inside] *= 3.0
    columns["identificationError"], columns["properLength"] = np.zeros(n), np.full(n, np.nan)
    return CandidateTable(columns, n, CROSS_SECTION_FB)


def background_tables(*_: object) -> dict[str, CandidateTable]:
    """Stands for `toymc.production.scan.samples.background_tables`: some 50 events in 189/fb."""
    table = background_candidates()
    return {"accidental": dataclasses.replace(table, cross_section_fb=20_000 * 50.0 / (189.0 * table_size()))}


def table_size() -> float:
    """Weighted candidates that pass the first selection."""
    return 20_000 * np.exp(-0.5) * IN_BOX * IDENTIFICATION
