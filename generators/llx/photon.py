"""The processes e+e- -> mu+ mu- gamma and e+e- -> e+ e- gamma: exact tree with a hard photon, radiation on top.

Tree: emission off both lines with its interference, all masses, for e+e- the s and the t channel (in closed form where
that holds to 3e-4 at every point, `toymc.generators.amplitudes.bhabha_photon`). The photon has at
least `photon_energy` and is at least `photon_angle` away from both beams, the leptons `lepton_energy` and
`lepton_angle` (all in the e+e- centre of mass). With ``isr=true`` the beams radiate in addition, with ``fsr=true`` as
well the final leptons: soft and collinear photons, and the probability of no harder one, so that the rate goes like
1 - exp(-N) with the mean number N of photons. No photon counts twice (`toymc.generators.llx.hard_photon`). Events
without a hard photon are not made.

Separation. The rate of photons above 1 GeV and beyond 30 degrees (electrons above 1 GeV and beyond 20 degrees) changes
by at most 0.05 +- 0.02 % (muons) and 0.11 +- 0.03 % (electrons) whether the matrix element starts there, at 0.5 GeV and
20, 0.2 GeV and 10, or 0.1 GeV and 5 degrees (C: from pairs of photons, `tests/generators/test_llx.py`). The two sides
differ in events with two hard photons alone, by which of them is the tree's: what stays is of second order, the
interference of the four legs for the photon that is not, which the radiators leave out.

Limits. Virtual corrections of order alpha beyond the radiators and the vacuum polarisation are left out (0.5 % in the
error of the cross-section; lowest order, ``isr=false``, is the tree alone). A second photon at large angles from the
radiators has the scale s and no interference between incoming and outgoing legs: such pairs are 0.5 % of the events.
Narrow resonances in the mass of the leptons (J/psi, psi(2S), Upsilon(1S..3S) after radiation of a photon) are processes
of their own. In e+e- -> e+ e- gamma the radiator acts on the beams alone: the coherence of initial and final legs
suppresses radiation at small scattering angles, so that the correction is for leptons at 10 degrees and more.
"""

from collections.abc import Mapping

from toymc.constants import M_E, M_MU
from toymc.errors import InputError
from toymc.generators.llx.bosons import photon
from toymc.generators.llx.parameters import ISR
from toymc.generators.llx.process import Cuts, LeptonsAndBoson, Plan, prepare_plan
from toymc.generators.parameters import Parameter, Value
from toymc.geometry.beam import BeamCard

MUMU_DESCRIPTION = "e+e- -> mu+ mu- gamma, hard photon from the exact tree, initial-state radiation on top"
EE_DESCRIPTION = "e+e- -> e+ e- gamma (s and t channel), hard photon from the exact tree"
_FSR = Parameter("fsr", True, "further photons off the final leptons, unitary (needs isr)")
_POLARISATION = Parameter("vacuum_polarisation", True, "running coupling of the exchanged photons (needs isr)")


def _cuts(energy: float, angle: float, lepton_energy: float, lepton_angle: float) -> tuple[Parameter, ...]:
    beams = "to both beams in degrees, e+e- centre of mass"
    return (
        Parameter("photon_energy", energy, "minimum photon energy in GeV, e+e- centre of mass", low=1e-3, high=5.0),
        Parameter("photon_angle", angle, f"minimum angle of the photon {beams}", low=0.0, high=80.0),
        Parameter("lepton_energy", lepton_energy, "minimum lepton energy in GeV, centre of mass", low=0.0, high=5.0),
        Parameter(
            "lepton_angle",
            lepton_angle,
            f"minimum angle of the leptons {beams}",
            low=min(lepton_angle, 1.0),
            high=80.0,
        ),
    )


MUMU_PARAMETERS = (
    *_cuts(0.1, 5.0, 0.0, 0.0),
    Parameter("initial", True, "emission off the incoming e+e- as well, with its interference"),
    ISR,
    _FSR,
    _POLARISATION,
)
EE_PARAMETERS = (*_cuts(0.1, 5.0, 0.15, 10.0), ISR, _FSR, _POLARISATION)


def _build(name: str, values: Mapping[str, Value], beam: BeamCard, seed: int) -> LeptonsAndBoson:
    muons = name == "mumu_gamma"
    cuts = Cuts(*(float(values[f"{what}_{kind}"]) for what in ("photon", "lepton") for kind in ("energy", "angle")))
    mass = M_MU if muons else M_E
    # heaviest pair beside the photon, and leptons that carry what they must
    highest = 0.5 * beam.sqrt_s - max(2.0 * mass * mass / beam.sqrt_s, 0.0)
    if 2.0 * cuts.lepton_energy + cuts.photon_energy >= beam.sqrt_s or cuts.photon_energy >= highest:
        raise InputError(
            f"process {name}: photon_energy = {cuts.photon_energy:g} GeV, lepton_energy = {cuts.lepton_energy:g} GeV: "
            f"allowed are photons below {min(highest, beam.sqrt_s - 2.0 * cuts.lepton_energy):.5g} GeV"
        )
    plan = Plan(
        name,
        MUMU_DESCRIPTION if muons else EE_DESCRIPTION,
        13 if muons else 11,
        mass,
        photon(bool(values.get("initial", True))),
        exchange=not muons,
        isr=bool(values["isr"]),
        polarisation=bool(values["vacuum_polarisation"]),
        fsr=bool(values["fsr"]),
        cuts=cuts,
    )
    return prepare_plan(plan, values, beam, seed)


def build_mumu(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> LeptonsAndBoson:
    """Prepare mu+ mu- gamma from checked parameters.

    Raises
    ------
    InputError
        For cuts that leave nothing.
    """
    return _build("mumu_gamma", values, beam, seed)


def build_ee(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> LeptonsAndBoson:
    """Prepare e+ e- gamma from checked parameters.

    Raises
    ------
    InputError
        For cuts that leave nothing.
    """
    return _build("ee_gamma", values, beam, seed)
