"""Axion-like particle coupled to leptons alone, L = (d_mu a/2 Lambda) C lbar g^mu g5 l with one C for all.

By the equation of motion a Yukawa coupling m_l C/Lambda: Gamma = (C/Lambda)^2 m_a m_l^2 beta/(8 pi) [M. Bauer,
M. Neubert, A. Thamm, JHEP 12 (2017) 044, arXiv:1708.00443, eq. 3.6 with c_ll = C/2 Lambda].
"""

from toymc.constants import M_E, M_MU, M_TAU
from toymc.generators.models.point import ModelPoint
from toymc.generators.models.two_body import pseudoscalar_to_fermions

REFERENCES = ("M. Bauer, M. Neubert, A. Thamm, JHEP 12 (2017) 044, arXiv:1708.00443",)
LEPTONS = {"e_e": M_E, "mu_mu": M_MU, "tau_tau": M_TAU}
_PER_TEV = 1e-3


def widths(m: float) -> dict[str, float]:
    """Partial widths in GeV at C/Lambda = 1 per TeV, open modes alone."""
    found = {name: pseudoscalar_to_fermions(m, lepton, lepton * _PER_TEV) for name, lepton in LEPTONS.items()}
    return {name: value for name, value in found.items() if value > 0.0}


def point(m: float, coupling: float) -> ModelPoint:
    """The model at mass `m` (GeV) and C/Lambda = `coupling` per TeV."""
    square = coupling * coupling
    return ModelPoint(
        model="alp",
        mass_GeV=m,
        coupling=coupling,
        widths={name: square * value for name, value in widths(m).items()},
        production={},
        references=REFERENCES,
        notes=("The photon coupling is taken as zero: a -> gamma gamma through lepton loops depends on the model.",),
    )
