"""The process e+e- -> mu+ mu- a with an axion-like particle coupled to leptons, L = (d_mu a/2 Lambda) C lbar g^mu g5 l.

On shell leptons turn the derivative into the Yukawa coupling i (m_l C/Lambda) a lbar g5 l; off the muon line with its
virtual muon the two differ by a contact term that vanishes for a vector current (the current is conserved: the phase
rotation of the lepton fields that removes the derivative leaves it unchanged). No coupling to photons.
"""

from collections.abc import Mapping

from toymc.constants import M_MU
from toymc.generators.llx.bosons import axion_like
from toymc.generators.llx.parameters import CTAU, FSR, INITIAL, ISR, POLARISATION, TAU_MODES, check_mass, length, mass
from toymc.generators.llx.process import LeptonsAndBoson, Plan, prepare_plan
from toymc.generators.parameters import Parameter, Value
from toymc.geometry.beam import BeamCard

NAME = "mumu_alp"
DESCRIPTION = "e+e- -> mu+ mu- a (ALP coupled to leptons), a -> ee, mu mu, tau tau"
DECAYS = ("all", "ee", "mumu", "tautau")
PARAMETERS = (
    mass(5.0, "ALP"),
    Parameter("coupling", 1.0, "C/Lambda in TeV^-1", low=1e-8, high=1e6),
    Parameter("decay", "all", "decay of the ALP", choices=DECAYS),
    CTAU,
    INITIAL,
    ISR,
    POLARISATION,
    FSR,
    TAU_MODES,
)


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> LeptonsAndBoson:
    """Prepare from checked parameters (called by `toymc.generators.processes.prepare`).

    Raises
    ------
    InputError
        For a mass beyond threshold or a decay that is closed.
    """
    decay, m = str(values["decay"]), float(values["mass"])
    boson = axion_like(m, float(values["coupling"]), "mu")
    check_mass(NAME, m, beam.sqrt_s, M_MU, boson.lowest_mass(decay), decay)
    plan = Plan(
        NAME, DESCRIPTION, 13, M_MU, boson, decay, length(values["ctau"]), initial=bool(values["initial"]),
        isr=bool(values["isr"]), polarisation=bool(values["vacuum_polarisation"]), fsr=bool(values["fsr"]),
        tau_modes=str(values["tau_modes"]),
    )  # fmt: skip
    return prepare_plan(plan, values, beam, seed)
