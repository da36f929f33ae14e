"""The processes e+e- -> l+ l- phi_L, l = mu or tau, with the leptophilic scalar L = -xi sum_l (m_l/v) phi_L lbar l.

Off the final leptons, and with ``initial=true`` off the incoming e+e- as well: for mu+ mu- that adds 1.3, 7, 90, 1300 %
at 5, 6.5, 8, 9 GeV, at low mass of the muon pair and along the beams. phi_L -> ee, mu mu, tau tau, gamma gamma at the
end of its flight. In tau+ tau- phi_L the joint spin density of the taus is that of the amplitude, and so is that of the
taus of phi_L -> tau tau.
"""

from collections.abc import Mapping

from toymc.constants import M_MU, M_TAU
from toymc.generators.llx.bosons import leptophilic
from toymc.generators.llx.parameters import CTAU, FSR, INITIAL, ISR, POLARISATION, TAU_MODES, check_mass, length, mass
from toymc.generators.llx.process import LeptonsAndBoson, Plan, prepare_plan
from toymc.generators.parameters import Parameter, Value
from toymc.geometry.beam import BeamCard

DECAYS = ("all", "ee", "mumu", "tautau", "gammagamma")
MUMU_DESCRIPTION = "e+e- -> mu+ mu- phi_L (leptophilic scalar), phi_L -> ee, mu mu, tau tau, gamma gamma"
TAUTAU_DESCRIPTION = "e+e- -> tau+ tau- phi_L (leptophilic scalar) with tau spin density and displaced phi_L decays"


def _parameters(default: float) -> tuple[Parameter, ...]:
    return (
        mass(default, "phi_L"),
        Parameter("coupling", 1.0, "xi", low=1e-8, high=1e4),
        Parameter("decay", "all", "decay of the phi_L", choices=DECAYS),
        CTAU,
        INITIAL,
        ISR,
        POLARISATION,
        FSR,
        TAU_MODES,
    )


MUMU_PARAMETERS = _parameters(5.0)
TAUTAU_PARAMETERS = _parameters(1.0)


def _build(name: str, lepton: str, values: Mapping[str, Value], beam: BeamCard, seed: int) -> LeptonsAndBoson:
    decay, m = str(values["decay"]), float(values["mass"])
    lepton_mass = M_MU if lepton == "mu" else M_TAU
    boson = leptophilic(m, float(values["coupling"]), lepton)
    check_mass(name, m, beam.sqrt_s, lepton_mass, boson.lowest_mass(decay), decay)
    plan = Plan(
        name, MUMU_DESCRIPTION if lepton == "mu" else TAUTAU_DESCRIPTION, 13 if lepton == "mu" else 15, lepton_mass,
        boson, decay, length(values["ctau"]), initial=bool(values["initial"]), isr=bool(values["isr"]),
        polarisation=bool(values["vacuum_polarisation"]), fsr=bool(values["fsr"]), tau_modes=str(values["tau_modes"]),
    )  # fmt: skip
    return prepare_plan(plan, values, beam, seed)


def build_mumu(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> LeptonsAndBoson:
    """Prepare mu+ mu- phi_L from checked parameters.

    Raises
    ------
    InputError
        For a mass beyond threshold or a decay that is closed.
    """
    return _build("mumu_scalar", "mu", values, beam, seed)


def build_tautau(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> LeptonsAndBoson:
    """Prepare tau+ tau- phi_L from checked parameters.

    Raises
    ------
    InputError
        For a mass beyond threshold or a decay that is closed.
    """
    return _build("tautau_scalar", "tau", values, beam, seed)
