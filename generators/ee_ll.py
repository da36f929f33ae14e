"""Four leptons: e+e- -> e+e- l+l- (two photons, emission, annihilation), mu+mu-mu+mu-, mu+mu-tau+tau-.

Final states with e+e- are the incoherent sum of

two photons   both multiperipheral diagrams, exact in all masses and in both virtualities: no equivalent-photon
              approximation is made, events with a scattered lepton in the detector come out of the same amplitude
emission      the pair from a virtual photon off either scattered lepton (t channel)
annihilation  l+ l- gamma*(-> e+ e-), the virtual photon off the l or the beams

and those without electrons of annihilation alone: the virtual photon off either final line and off the beams. Pairs
from one photon have C = -1, from two C = +1, so that interference between the parts gives charge asymmetries and no
rate (it is left out). Cross-sections at 10.58 GeV against complete tree-level calculations (AAFH [F. Berends,
P. Daverveldt, R. Kleiss, CPC 40 (1986) 285] and KoralW, numbers as in ``data/cross_sections.toml``):

eemumu, W > 0.5     18.83 nb (18.55 + 0.28 + 0.004)     reference 18.9 +- 0.1
eetautau            18.47 pb (15.26 + 1.34 + 1.87)      reference 18.36
mumumumu            348 fb                              reference 351.2
mumutautau          145.4 fb                            reference 144.1
eeee, W > 0.5       36.3 nb                             reference 39.7 +- 0.1

What is left out: exchange of identical particles as interference (4 mu: the reference has it, -0.9 %; 4 e: probably
most of the -8 %, besides 0.15 nb of emission and what the cut of the reference means, see below), Z exchange, radiative
corrections of the two-photon and emission parts (about a per cent; the beams radiate in annihilation with
``isr=true``), vacuum polarisation. tau+tau-tau+tau- is not offered: so near its threshold the exchange of identical
taus changes the rate several times.

In e+e-e+e- the pairs cannot be told apart: `w_min` holds for all four e+e- masses. With the mass of the produced pair
alone above 0.5 GeV it would be 71.9 nb; half of these have a produced electron that flies with a beam.

Taus decay with the joint spin density of their pair from the same amplitude.
"""

from collections.abc import Mapping

from toymc.constants import M_E
from toymc.errors import InputError
from toymc.generators.beams import lowest_order_energy
from toymc.generators.parameters import Parameter, Value
from toymc.generators.two_photon import layout
from toymc.generators.two_photon.parts import (
    LEPTON_MASS,
    Annihilation,
    Limits,
    Part,
    annihilation_part,
    two_photon_part,
)
from toymc.generators.two_photon.process import SumOfParts, sum_of_parts
from toymc.geometry.beam import BeamCard
from toymc.streams import stream

NAME = "ee_ll"
DESCRIPTION = "four leptons: e+e- e+e-, e+e- mu+mu-, e+e- tau+tau- (two-photon and other), 4 mu, mu mu tau tau"
_W_MIN = 0.5
PARAMETERS = (
    Parameter(
        "final",
        "eemumu",
        "final state",
        choices=("eeee", "eemumu", "eetautau", "mumumumu", "mumutautau"),
    ),
    Parameter("w_min", _W_MIN, "least mass of the pair beside e+e- in GeV (eeee: of every e+e- pair)", low=0.01),
    Parameter("q2_max", 0.0, "largest Q^2 of either scattered lepton in GeV^2; 0: no limit", low=0.0),
    Parameter("isr", True, "radiation of the beams in annihilation; the other parts are lowest order"),
    Parameter("fsr", True, "photons off the pair from a virtual photon in annihilation, and in tau decays"),
    Parameter("tau_modes", "all", "modes of all taus: names or groups, comma-separated"),
)

_PAIR = {"eeee": 11, "eemumu": 13, "eetautau": 15}
_WAYS = {
    "mumumumu": (Annihilation(13, 13, True, False), Annihilation(13, 13, False, True, share=0.5)),
    "mumutautau": (Annihilation(13, 15, True, True), Annihilation(15, 13, True, False)),
}
# radiative corrections not computed, exchange of identical electrons
_THEORY = {"eeee": 0.10, "eemumu": 0.01, "eetautau": 0.02, "mumumumu": 0.02, "mumutautau": 0.02}


def _check(values: Mapping[str, Value], sqrt_s: float) -> None:
    final, w_min, q2_max = str(values["final"]), float(values["w_min"]), float(values["q2_max"])
    if final not in _PAIR:
        if w_min != _W_MIN or q2_max != 0.0:
            raise InputError(f"process {NAME}: w_min and q2_max are for final = {', '.join(_PAIR)}, not {final}")
        return
    highest = sqrt_s - 2.0 * M_E
    if not 2.0 * LEPTON_MASS[_PAIR[final]] < highest or not w_min < highest:
        raise InputError(f"process {NAME}: w_min = {w_min:g} GeV: allowed are 0.01 to below {highest:.6g} GeV")
    if 0.0 < q2_max < 1e-6:
        raise InputError(f"process {NAME}: q2_max = {q2_max:g} GeV^2: allowed are 0 (no limit) or at least 1e-6")


def _parts(values: Mapping[str, Value], beam: BeamCard, seed: int) -> tuple[Part, ...]:
    final = str(values["final"])
    use_isr, use_fsr, tau_modes = bool(values["isr"]), bool(values["fsr"]), str(values["tau_modes"])
    sqrt_s = lowest_order_energy(beam.sqrt_s, use_isr)
    ways: tuple[Annihilation, ...] = _WAYS.get(final, ())
    parts: list[Part] = []
    if final in _PAIR:
        pdg = _PAIR[final]
        limits = Limits(float(values["w_min"]), float(values["q2_max"]) or 1e9, all_pairs=final == "eeee")
        kinds = (layout.LEPTONS,) if final == "eeee" else (layout.LEPTONS, layout.EMITTED)
        for number, kind in enumerate(kinds):
            rng = stream(seed, NAME, "warmup", number)
            parts.append(
                two_photon_part(kind, pdg, LEPTON_MASS[pdg], limits, beam, sqrt_s, rng, tau_modes, use_fsr)
            )
        if final != "eeee" and float(values["q2_max"]) == 0.0:
            ways = (Annihilation(pdg, 11, True, True, least_mass=limits.w_low),)
    for number, way in enumerate(ways):
        rng = stream(seed, NAME, "warmup", 8 + number)
        parts.append(annihilation_part(way, beam, sqrt_s, rng, use_isr, use_fsr, tau_modes))
    return tuple(parts)


# parts of this process, by seed, parameters and beams
_KEPT: dict[tuple[object, ...], tuple[Part, ...]] = {}
_MOST_KEPT = 32


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> SumOfParts:
    """Prepare from checked parameters (called by `toymc.generators.processes.prepare`).

    Raises
    ------
    InputError
        For a mass or a Q^2 outside what is allowed, an unknown tau mode, a cut on a final state that has none.
    """
    _check(values, beam.sqrt_s)
    key = (seed, tuple(sorted(values.items())), beam.model_dump_json())
    if key not in _KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = _parts(values, beam, seed)
    return sum_of_parts(NAME, DESCRIPTION, values, _KEPT[key], _THEORY[str(values["final"])])
