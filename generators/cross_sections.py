"""Published cross-sections near 10.58 GeV with their sources, and the comparison of every process with them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA, GEV2_TO_FB, M_MU
from toymc.errors import InputError
from toymc.generators import isr, vacuum_polarisation
from toymc.generators.parameters import Value
from toymc.generators.processes import prepare
from toymc.geometry.beam import BeamCard, load_beam

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PublishedCrossSection:
    """One row of ``cross_sections.toml``.

    Attributes
    ----------
    name : str
    value_fb, error_fb : float
        The error is 0 where none is quoted.
    condition, source : str
        Cuts and generator of the number; where it stands, with its tag (R, P, M, D).
    process : str
        How toymc makes it; empty if it does not.
    parameters : mapping
        Of that process.
    allowed : float
        Relative difference that is understood, and the reason for it.
    why : str
    """

    name: str
    value_fb: float
    error_fb: float
    condition: str
    source: str
    process: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    allowed: float = 0.0
    why: str = ""


@cache
def published_cross_sections() -> Mapping[str, PublishedCrossSection]:
    """All rows by name.

    Examples
    --------
    >>> "eemumu" in published_cross_sections()
    True
    """
    text = (resources.files("toymc.generators") / "data" / "cross_sections.toml").read_text(encoding="utf-8")
    rows: dict[str, Any] = tomllib.loads(text)
    return MappingProxyType(
        {
            name: PublishedCrossSection(
                name,
                1e6 * row["value_nb"],
                1e6 * row.get("error_nb", 0.0),
                row["condition"],
                row["source"],
                row.get("process", ""),
                MappingProxyType(dict(row.get("parameters", {}))),
                row.get("allowed", 0.0),
                row.get("why", ""),
            )
            for name, row in rows.items()
        }
    )


def published_cross_section(name: str) -> PublishedCrossSection:
    """Published cross-section by name.

    Raises
    ------
    InputError
        For a name that is not in the table.

    Examples
    --------
    >>> round(published_cross_section("tau_pair").value_fb * 1e-6, 3)
    0.919
    """
    rows = published_cross_sections()
    if name not in rows:
        raise InputError(f"no published cross-section '{name}': allowed are {', '.join(rows)}")
    return rows[name]


def muon_pair_cross_section_fb(sqrt_s: float) -> float:
    """Total cross-section of e+e- -> mu+ mu- (gamma) in fb: Born, vacuum polarisation, radiation, as for tau pairs.

    Parameters
    ----------
    sqrt_s : float
        GeV.

    Notes
    -----
    s' goes down to the threshold, 4.5 % lie below 0.5 GeV; the vacuum polarisation is smooth (no resonances).

    Examples
    --------
    >>> 1.1e6 < muon_pair_cross_section_fb(10.58) < 1.2e6
    True
    """
    threshold = 4.0 * M_MU**2

    def sigma(s: FloatArray) -> FloatArray:
        beta = np.sqrt(np.maximum(1.0 - threshold / s, 0.0))
        born = 4.0 * np.pi * ALPHA**2 / (3.0 * s) * 0.5 * beta * (3.0 - beta**2) * GEV2_TO_FB
        return np.asarray(born * vacuum_polarisation.enhancement(s) * (1.0 + 0.75 * ALPHA / np.pi))

    return isr.radiated_cross_section(sqrt_s**2, sigma, threshold, 400)


def compare_cross_sections(
    names: Sequence[str] = (), beam: BeamCard | None = None, seed: int = 0
) -> list[dict[str, object]]:
    """Ours beside the published number for every row that toymc makes.

    Parameters
    ----------
    names : sequence of str
        Rows; all if empty.
    beam : BeamCard, optional
        The card ``belle2`` if not given.
    seed : int
        Of the integrals.

    Returns
    -------
    list of dict
        ``name``, ``ours_fb``, ``ours_error_fb``, ``reference_fb``, ``reference_error_fb``, ``ratio``, ``condition``,
        ``source``, ``allowed``, ``why``.

    Raises
    ------
    InputError
        For an unknown name.

    Examples
    --------
    >>> row = compare_cross_sections(["mu_pair"])[0]
    >>> abs(row["ratio"] - 1.0) < 0.01
    True
    """
    card = load_beam("belle2") if beam is None else beam
    chosen = [published_cross_section(name) for name in names] or list(published_cross_sections().values())
    out: list[dict[str, object]] = []
    for row in chosen:
        if row.name == "mu_pair":
            ours, error = muon_pair_cross_section_fb(card.sqrt_s), 0.0
        elif row.process:
            prepared = prepare(row.process, row.parameters, card, seed)
            ours, error = prepared.cross_section_fb, prepared.cross_section_error_fb
        else:
            continue
        out.append(
            {
                "name": row.name,
                "ours_fb": ours,
                "ours_error_fb": error,
                "reference_fb": row.value_fb,
                "reference_error_fb": row.error_fb,
                "ratio": ours / row.value_fb,
                "condition": row.condition,
                "source": row.source,
                "allowed": row.allowed,
                "why": row.why,
            }
        )
    return out
