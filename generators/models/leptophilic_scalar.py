"""Leptophilic scalar, L = -xi sum_l (m_l/v) phi_L lbar l [B. Batell et al., PRD 95 (2017) 075003, arXiv:1606.04943]."""

from toymc.constants import M_E, M_MU, M_TAU
from toymc.generators.models.point import ModelPoint
from toymc.generators.models.two_body import V_HIGGS, scalar_to_fermions, scalar_to_photons

REFERENCES = (
    "leptons: B. Batell, N. Lange, D. McKeen, M. Pospelov, A. Ritz, PRD 95 (2017) 075003, arXiv:1606.04943",
    "gamma gamma: J. Gunion, H. Haber, G. Kane, S. Dawson, The Higgs Hunter's Guide (1990), eq. 2.17",
)
LEPTONS = {"e_e": M_E, "mu_mu": M_MU, "tau_tau": M_TAU}


def widths(m: float) -> dict[str, float]:
    """Partial widths in GeV at xi = 1, open modes alone."""
    found = {name: scalar_to_fermions(m, lepton, lepton / V_HIGGS) for name, lepton in LEPTONS.items()}
    found["gamma_gamma"] = scalar_to_photons(m, [(lepton, lepton / V_HIGGS) for lepton in LEPTONS.values()])
    return {name: value for name, value in found.items() if value > 0.0}


def point(m: float, coupling: float) -> ModelPoint:
    """The model at mass `m` (GeV) and xi = `coupling`."""
    square = coupling * coupling
    return ModelPoint(
        model="leptophilic_scalar",
        mass_GeV=m,
        coupling=coupling,
        widths={name: square * value for name, value in widths(m).items()},
        production={},
        references=REFERENCES,
        notes=("Cross-sections of e+e- -> l l phi_L: toymc process show tautau_scalar, mumu_scalar.",),
    )
