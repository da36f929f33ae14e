"""Four leptons: e+e- l+l- for l = e, mu, tau; mu+mu-mu+mu-, mu+mu-tau+tau-, tau+tau-tau+tau-.

Complete QED tree: 36 graphs for e+e-e+e-, 12 for e+e-l+l- and four alike, 6 for mu+mu-tau+tau-; identical particles
antisymmetrised, all masses exact (`toymc.generators.amplitudes.four_leptons`). Events are drawn from parts that follow
the peaks,

two photons   both multiperipheral diagrams, exact in both virtualities: no equivalent-photon approximation is made,
              events with a scattered lepton in the detector come out of the same amplitude
emission      the pair from a virtual photon off either scattered lepton (t channel)
annihilation  l+ l- gamma*(-> L+ L-), the virtual photon off the l or the beams

and kept by the ratio of the complete tree to the sum of the parts (`toymc.generators.two_photon.complete`), so that the
parts in `info` are shares of one cross-section with all interference. At 10.58 GeV, lowest order, against AAFH
[F. Berends, P. Daverveldt, R. Kleiss, CPC 40 (1986) 285] and KoralW as in ``data/cross_sections.toml``:

                     complete tree         without interference   reference
eemumu, W > 0.5      18.83(2) nb           18.83                  18.9(1)
eetautau             18.33(2) pb           18.48                  18.36
eeee, W > 0.5        40.78(5) nb           36.39                  39.7(1)
mumutautau           145.7(2) fb           145.3                  144.1
mumumumu             334.9(5) fb           347.1                  351.2
tautautautau         0.1866(5) fb          1.14                   0.2114 with ISR and alpha = 1/128.07

Two taus of the same charge have to be in different states: so near its threshold this takes 5/6 of tau+tau-tau+tau-
away. With ``isr=true`` it is 0.1615 fb; KoralW's number at 1/137.036 would be 0.1613. For four muons the reference lies
5 % above the tree; the tree is held against a sum of graphs one by one and against phase space drawn in another way
(335.3(3) fb), and mu mu tau tau, of the same graphs but for the exchange, agrees.

What is left out: Z exchange; radiation of the beams in the two-photon and emission parts (about a per cent; in
annihilation the beams radiate with ``isr=true``), vacuum polarisation there; the correlation of spins between the two
pairs of four taus. Spins of the taus of one pair are joint, from the complete tree.

In e+e-e+e- the pairs cannot be told apart: `w_min` holds for all four e+e- masses, as in AAFH. A limit on Q^2 there
takes the scattered leptons to be those of the part that has made the event: each assignment with the weight of its own
graphs.
"""

from collections.abc import Mapping

from toymc.constants import M_E
from toymc.errors import InputError
from toymc.generators.beams import lowest_order_energy
from toymc.generators.parameters import Parameter, Value
from toymc.generators.two_photon import layout
from toymc.generators.two_photon.complete import LEPTON_MASS
from toymc.generators.two_photon.parts import (
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
DESCRIPTION = "four leptons, all graphs: e+e- e+e-, e+e- mu+mu-, e+e- tau+tau-, 4 mu, mu mu tau tau, 4 tau"
_W_MIN = 0.5
PARAMETERS = (
    Parameter(
        "final",
        "eemumu",
        "final state",
        choices=("eeee", "eemumu", "eetautau", "mumumumu", "mumutautau", "tautautautau"),
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
    "tautautautau": (Annihilation(15, 15, True, False), Annihilation(15, 15, False, True, share=0.5)),
}
# radiative corrections not computed; eeee, four muons: distance to the reference
_THEORY = {
    "eeee": 0.03,
    "eemumu": 0.01,
    "eetautau": 0.02,
    "mumumumu": 0.05,
    "mumutautau": 0.02,
    "tautautautau": 0.05,
}


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
        for number, kind in enumerate((layout.LEPTONS, layout.EMITTED)):
            rng = stream(seed, NAME, "warmup", number)
            parts.append(two_photon_part(kind, pdg, LEPTON_MASS[pdg], limits, beam, sqrt_s, rng, tau_modes, use_fsr))
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
