"""The process e+e- -> mu+ mu- Z' with the Z' of L_mu - L_tau, off the muons at tree level.

The Z' does not couple to electrons, so nothing is emitted off the beams (``initial=true`` is refused); kinetic mixing
by loops, about g'/70, is left out. Z' -> nu nubar, chi chibar, mu mu, tau tau follow the spin density of the Z' from
the production amplitude, mu mu and tau tau with the Z' line shape. In mu+ mu- Z'(-> mu+ mu-) the exchange of identical
muons is not antisymmetrised: the four-muon final state is production times decay. The interference it leaves out is of
the order of Gamma/M times the overlap of the two pairings, below the line for the couplings that searches reach
(g' < 0.1: Gamma/M < 1e-3), and the non-resonant four-muon continuum is a background process of its own.
"""

from collections.abc import Mapping

from toymc.constants import M_MU
from toymc.errors import InputError
from toymc.generators.llx.bosons import z_prime
from toymc.generators.llx.parameters import CTAU, FSR, INITIAL, ISR, POLARISATION, TAU_MODES, check_mass, length, mass
from toymc.generators.llx.process import LeptonsAndBoson, Plan, prepare_plan
from toymc.generators.parameters import Parameter, Value
from toymc.geometry.beam import BeamCard

NAME = "mumu_zprime"
DESCRIPTION = "e+e- -> mu+ mu- Z' (L_mu - L_tau), Z' -> nu nu, chi chi, mu mu, tau tau with spin and line shape"
DECAYS = ("all", "nunu", "chichi", "mumu", "tautau")
PARAMETERS = (
    mass(1.0, "Z'"),
    Parameter("coupling", 0.01, "g'", low=1e-8, high=3.5),
    Parameter("decay", "all", "decay of the Z'", choices=DECAYS),
    CTAU,
    INITIAL,
    ISR,
    POLARISATION,
    FSR,
    TAU_MODES,
    Parameter("alpha_dark", 0.0, "coupling alpha_D to a dark Dirac fermion chi; 0: none", low=0.0, high=1.0),
    Parameter("mass_dark", 0.0, "mass of chi in GeV", low=0.0),
)


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> LeptonsAndBoson:
    """Prepare from checked parameters (called by `toymc.generators.processes.prepare`).

    Raises
    ------
    InputError
        For a mass beyond threshold, a decay that is closed, emission off the beams.
    """
    decay, m, alpha_dark = str(values["decay"]), float(values["mass"]), float(values["alpha_dark"])
    if values["initial"]:
        raise InputError(f"process {NAME}: initial = true, but the Z' of L_mu - L_tau has no coupling to electrons")
    if decay == "chichi" and alpha_dark == 0.0:
        raise InputError(f"process {NAME}: decay = chichi needs alpha_dark above 0 (up to 1)")
    boson = z_prime(m, float(values["coupling"]), alpha_dark, float(values["mass_dark"]))
    check_mass(NAME, m, beam.sqrt_s, M_MU, boson.lowest_mass(decay), decay)
    plan = Plan(
        NAME, DESCRIPTION, 13, M_MU, boson, decay, length(values["ctau"]), isr=bool(values["isr"]),
        polarisation=bool(values["vacuum_polarisation"]), fsr=bool(values["fsr"]), tau_modes=str(values["tau_modes"]),
    )  # fmt: skip
    return prepare_plan(plan, values, beam, seed)
