"""Vector of L_mu - L_tau, L = g' Z'_alpha (mubar g mu - taubar g tau + neutrinos), with an optional dark Dirac fermion.

Widths at lowest order [X.-G. He, G. Joshi, H. Lew, R. Volkas, PRD 43 (1991) R22; B. Shuve, I. Yavin, PRD 89 (2014)
113004, arXiv:1403.2727]. Loop-induced kinetic mixing (about g'/70) is left out.
"""

import math

from toymc.constants import M_MU, M_TAU
from toymc.errors import InputError
from toymc.generators.models.point import ModelPoint
from toymc.generators.models.two_body import vector_to_fermions

REFERENCES = (
    "X.-G. He, G. Joshi, H. Lew, R. Volkas, PRD 43 (1991) R22; PRD 44 (1991) 2118",
    "B. Shuve, I. Yavin, PRD 89 (2014) 113004, arXiv:1403.2727",
)


def widths(m: float) -> dict[str, float]:
    """Partial widths in GeV at g' = 1, open modes alone; nu_nu counts nu_mu and nu_tau."""
    found = {
        "nu_nu": m / (12.0 * math.pi),
        "mu_mu": vector_to_fermions(m, M_MU, 1.0),
        "tau_tau": vector_to_fermions(m, M_TAU, 1.0),
    }
    return {name: value for name, value in found.items() if value > 0.0}


def dark_width(m: float, alpha_dark: float, mass_dark: float) -> float:
    """Width to a dark Dirac pair in GeV: alpha_D M/3 (1 + 2 m^2/M^2) beta."""
    return vector_to_fermions(m, mass_dark, math.sqrt(4.0 * math.pi * alpha_dark))


def point(m: float, coupling: float, alpha_dark: float = 0.0, mass_dark: float = 0.0) -> ModelPoint:
    """The model at mass `m` (GeV) and g' = `coupling`; alpha_dark > 0 adds chi chibar."""
    if not (alpha_dark >= 0.0 and mass_dark >= 0.0):
        raise InputError(f"alpha_dark {alpha_dark}, mass_dark {mass_dark}: give numbers that are not negative")
    found = {name: coupling * coupling * value for name, value in widths(m).items()}
    dark = dark_width(m, alpha_dark, mass_dark)
    if dark > 0.0:
        found["chi_chi"] = dark
    return ModelPoint(
        model="zprime",
        mass_GeV=m,
        coupling=coupling,
        widths=found,
        production={},
        references=REFERENCES,
        notes=("Kinetic mixing from the muon and tau loops is left out.",),
    )
