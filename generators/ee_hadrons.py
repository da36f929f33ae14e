"""Hadrons beside e+e- or an initial-state photon: two-photon pairs, returns to low energies and to narrow resonances.

Two photons   e+e- -> e+e- pi+pi-, K+K-, p pbar: luminosity of transverse photons with exact kinematics [V. Budnev et
              al., Phys. Rep. 15 (1975) 181, eq. 5.14], gamma gamma cross-sections fitted to measurements
              (`toymc.generators.two_photon.hadrons`), rho form factor for either photon. Longitudinal photons and the
              correlation of the photons' polarisations are left out.
Returns       e+e- -> gamma pi+pi-, gamma K+K-, gamma pi+pi-pi0 and gamma J/psi, psi(2S), Upsilon(1-3S): the radiator
              and photons of `toymc.generators.isr` on both beams at fixed s' (`toymc.generators.isr_return`). Photons
              off the hadrons and their interference are left out.

Cross-sections at 10.58 GeV beside those of Belle II's generators (``data/cross_sections.toml``):

ee_pipi (W > 0.5 GeV)   1.80 nb      TREPS      1.895 nb    leading in Q^2/W^2 there: same at higher W (ee_pp 0.3 %)
ee_kk (W > 1.1 GeV)     0.0780 nb    TREPS      0.0798 nb
ee_pp (W > 2.05 GeV)    0.0117 nb    TREPS      0.0117 nb
pipi_gamma              0.174 nb     PHOKHARA   0.1710 nb   (two-loop radiator, no final-state photons)
kk_gamma                0.0166 nb    PHOKHARA   0.01631 nb
three_pi_gamma          0.0242 nb    PHOKHARA   0.02637 nb  (one photon; omega', omega'' are poorly known)

The cross-section is that of production; the weight of an event is the branching fraction of the decays made.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toymc.constants import M_K, M_P, M_PI
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators.isr_return.form_factors import CONTINUA
from toymc.generators.isr_return.process import RESONANCES, ReturnPart, continuum_part, resonance_part
from toymc.generators.parameters import Parameter, Value
from toymc.generators.two_photon import layout
from toymc.generators.two_photon.hadrons import W_HIGH, hadron_card
from toymc.generators.two_photon.parts import Limits, Part, two_photon_part
from toymc.generators.two_photon.process import SumOfParts, sum_of_parts
from toymc.geometry.beam import BeamCard
from toymc.streams import stream

NAME = "ee_hadrons"
DESCRIPTION = "e+e- -> e+e- pi+pi-, K+K-, p pbar by two photons; photon + pi pi, K K, 3 pi, J/psi, psi(2S), Upsilon"
TWO_PHOTON = {
    "ee_pipi": (layout.PIONS, "pions", -211, M_PI),
    "ee_kk": (layout.KAONS, "kaons", -321, M_K),
    "ee_pp": (layout.PROTONS, "protons", -2212, M_P),
}
FINALS = (*TWO_PHOTON, *CONTINUA, *RESONANCES)
DECAYS = ("all", "leptons", "ee", "mumu", "jpsi_pipi")
PARAMETERS = (
    Parameter("final", "ee_pipi", "final state; photon beside all that do not start with ee_", choices=FINALS),
    Parameter("decay", "all", "decay of the resonance (all: leptons, and J/psi pi pi of psi2s)", choices=DECAYS),
    Parameter("w_min", 0.0, "least mass of the two-photon pair in GeV; 0: 0.5, 1.1, 2.05 for pi, K, p", low=0.0),
    Parameter("q2_max", 0.0, "largest Q^2 of either scattered lepton in GeV^2; 0: no limit", low=0.0),
    Parameter("fsr", True, "photons off leptons from resonances"),
)
_THEORY = {"ee_pipi": 0.10, "ee_kk": 0.10, "ee_pp": 0.15}


@dataclass(frozen=True)
class Returns:
    """Returns, prepared: see `toymc.generators.processes.PreparedProcess`."""

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    part: ReturnPart

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate events of equal weight.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_events : int
            At least 1.
        first_event_id : int

        Returns
        -------
        EventBatch
            Lab frame. Rows: resonance (if there is one), photons of the beams, products, their products. Weight:
            branching fraction of the decays that are made.

        Raises
        ------
        InputError
            For fewer than one event.
        """
        return self.part.generate(rng, n_events, first_event_id, self.name)


# two-photon parts, by seed, parameters and beams
_KEPT: dict[tuple[object, ...], Part] = {}
_MOST_KEPT = 32


def _two_photon(values: Mapping[str, Value], beam: BeamCard, seed: int) -> SumOfParts:
    final = str(values["final"])
    kind, name, pdg, mass = TWO_PHOTON[final]
    card = hadron_card()[name]
    w_min, q2_max = float(values["w_min"]), float(values["q2_max"])
    lowest, highest = max(card["lowest_GeV"], 2.0 * mass), min(beam.sqrt_s, W_HIGH)
    if w_min == 0.0:
        w_min = card["reference_from_GeV"]
    elif not lowest <= w_min < highest:
        raise InputError(
            f"process {NAME}: w_min = {w_min:g} GeV: allowed for {final} are 0 or {lowest:.5g} to {highest:.5g} GeV"
        )
    if 0.0 < q2_max < 1e-6:
        raise InputError(f"process {NAME}: q2_max = {q2_max:g} GeV^2: allowed are 0 (no limit) or at least 1e-6")
    key = (seed, final, w_min, q2_max, beam.model_dump_json())
    if key not in _KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        rng = stream(seed, NAME, "warmup", 0)
        _KEPT[key] = two_photon_part(kind, pdg, mass, Limits(w_min, q2_max or 1e9), beam, beam.sqrt_s, rng)
    return sum_of_parts(NAME, DESCRIPTION, values, (_KEPT[key],), _THEORY[final])


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> SumOfParts | Returns:
    """Prepare from checked parameters (called by `toymc.generators.processes.prepare`).

    Raises
    ------
    InputError
        For a cut or a decay that the final state does not have, a mass or a Q^2 outside what is allowed.
    """
    final, decay, use_fsr = str(values["final"]), str(values["decay"]), bool(values["fsr"])
    if final not in RESONANCES and decay != "all":
        raise InputError(f"process {NAME}: decay = {decay} is for {', '.join(RESONANCES)}, not for {final}")
    if final in TWO_PHOTON:
        return _two_photon(values, beam, seed)
    if float(values["w_min"]) != 0.0 or float(values["q2_max"]) != 0.0:
        raise InputError(f"process {NAME}: w_min and q2_max are for final = {', '.join(TWO_PHOTON)}, not {final}")
    if final in RESONANCES:
        part = resonance_part(final, decay, beam, beam.sqrt_s, use_fsr)
    else:
        part = continuum_part(final, beam, beam.sqrt_s, use_fsr)
    return Returns(NAME, DESCRIPTION, dict(values), part.cross_section_fb, part.error_fb, part)
