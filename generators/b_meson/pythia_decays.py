"""Generic B decays from Pythia 8 [SciPost Phys. Codebases 8 (2022)], in the rest frame of the B meson.

Pythia has no Upsilon(4S): the particle 300553 is defined here with an explicit table into B Bbar, handed in as an
event file of e+e- -> Upsilon(4S), and decayed. What is taken over are the decays of the mesons alone; production,
decay times and mixing are those of this package, and Pythia's own mixing (incoherent, which is wrong for a coherent
pair) is off. Masses and lifetimes of what lives long enough to matter are set to the PDG table. Decays of the
antiparticle are turned into those of the particle by CP, so that each event gives two decays of one species.

The leading measured decays replace those of Pythia's table (`measured`): semileptonic ones with e, mu (11.2 % of B+,
10.3 % of B0, each) and tau (2.9, 2.6 %), D(*) with pi, rho, a1 and D_s(*), the control modes. Limits of what is left
(ParticleData.xml of 8.317): 42 % (B+) and 47 % (B0) of the decays are quark-level fragmentation, not measured modes.
Mean of B+ and B0 in the pool beside averages of Upsilon(4S) data (PDG, remembered): pi+- 3.4 without K_S (3.58), K+-
0.83 (0.789), K0 0.71 (0.64), p 0.095 (0.080), D0 0.71 (0.616), D+- 0.33 (0.231), D_s 0.12 (0.083), Lambda_c 0.023
(0.036), J/psi 0.0121 (0.0109). Semileptonic decays have the V-A matrix element without form factors, two-body decays
carry no helicity amplitudes, three-body decays no Dalitz structure, none radiates photons (`HadronLevel:QED` is off),
and there is no CP violation, neither in the decay times of B0 -> J/psi K_S nor in rates. Inclusive spectra are good to
10 to 20 %; single modes are to be checked before use. EvtGen with a current table is the tool for exclusive peaking
backgrounds; its output can be read as an event file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from toymc.constants import charge, ctau_cm, mass
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_FINAL
from toymc.generators.b_meson.inputs import B_PLUS, B_ZERO, UPSILON_4S
from toymc.generators.b_meson.measured import pythia_lines
from toymc.generators.cache import Arrays, cached_arrays, installed
from toymc.generators.displaced import ancestor_rows
from toymc.generators.pythia_batch import PythiaRun, run_pythia
from toymc.kinematics import boost

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]

# particles whose mass and lifetime follow the PDG table: those that end in the detector and those with a flight length
_STABLE = (11, 13, 15, 111, 211, 321, 311, 130, 310, 221, 2112, 2212)
_WEAK = (3122, 3112, 3222, 3312, 3322, 3334, 411, 421, 431, 4122, 4132, 4232, B_PLUS, B_ZERO)
_ENERGY = 10.5794
"""GeV of the Upsilon in Pythia; it drops out when the decays are taken to the rest frames of the mesons."""
# 91-99 decay products, 81-89 hadronisation of quark-level decays (manual, "Particle Properties")
_FIRST_HADRON = 81
_FIRST_DECAY = 91


@dataclass(frozen=True)
class BDecays:
    """Decays of B+ or B0 (never of their antiparticles) at rest, one after the other.

    Attributes
    ----------
    species : int32 (n,)
        521 or 511.
    offsets : int64 (n + 1,)
        Rows of decay i are ``offsets[i]:offsets[i+1]``; the meson itself has no row.
    pdg, status, mother : int32 (rows,)
        `mother` counts inside the decay, -1 for daughters of the meson.
    reals : float64 (8, rows)
        px, py, pz, mass in GeV; x, y, z, c t in cm from the point of the decay.
    """

    species: Int32Array
    offsets: IntArray
    pdg: Int32Array
    status: Int32Array
    mother: Int32Array
    reals: FloatArray

    def __len__(self) -> int:
        return len(self.species)

    def arrays(self) -> Arrays:
        """Columns by name, as they are kept on disk."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `arrays`."""
        return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})


def antiparticle(pdg: npt.ArrayLike) -> Int32Array:
    """PDG codes of the antiparticles; photons, flavourless mesons, K_S and K_L are their own.

    Parameters
    ----------
    pdg : array_like of int

    Returns
    -------
    int32 array

    Examples
    --------
    >>> antiparticle([211, 111, 310, -421, 22, 13]).tolist()
    [-211, 111, 310, 421, 22, -13]
    """
    code = np.asarray(pdg, dtype=np.int32)
    a = np.abs(code)
    meson = (a > 100) & (a // 1000 % 10 == 0)
    own = (a > 16) & (a <= 100) | meson & (a // 10 % 10 == a // 100 % 10) | np.isin(a, (130, 310))
    return np.where(own, code, -code).astype(np.int32)


def pythia_settings(charged: float, neutral: float) -> tuple[str, ...]:
    """Lines for Pythia: Upsilon(4S) to B+ B- and B0 B0bar in these proportions.

    Examples
    --------
    >>> pythia_settings(0.5, 0.5)[-1]
    '300553:addChannel = 1 0.5 0 511 -511'
    """
    if not (charged >= 0.0 and neutral >= 0.0 and charged + neutral > 0.0):
        raise InputError(f"shares {charged} and {neutral} of B+ and B0 pairs: give two numbers >= 0, not both 0")
    lines = [f"{code}:m0 = {mass(code)!r}" for code in (*_STABLE, *_WEAK)]
    lines += [f"{code}:tau0 = {10.0 * ctau_cm(code)!r}" for code in (15, 310, *_WEAK)]
    share = charged / (charged + neutral)
    channels = [(share, B_PLUS), (1.0 - share, B_ZERO)]
    return (
        "PDF:lepton = off",
        "PartonLevel:ISR = off",
        "PartonLevel:FSR = off",
        "PartonLevel:MPI = off",
        "ParticleDecays:mixB = off",
        *lines,
        *pythia_lines(B_PLUS),
        *pythia_lines(B_ZERO),
        f"{UPSILON_4S}:new = Upsilon(4S) void 3 0 0 {_ENERGY!r} 0 0 0 0",
        f"{UPSILON_4S}:isResonance = off",
        f"{UPSILON_4S}:mayDecay = on",
        *(f"{UPSILON_4S}:addChannel = 1 {value!r} 0 {code} -{code}" for value, code in channels if value > 0.0),
    )


def _event_file() -> tuple[str, str]:
    """Head and one event of a Les Houches file of e+e- -> Upsilon(4S)."""
    half = 0.5 * _ENERGY
    head = f'<LesHouchesEvents version="1.0">\n<init>\n11 -11 {half!r} {half!r} 0 0 0 0 3 1\n1.0 0.0 1.0 1\n</init>\n'
    event = (
        "<event>\n3 1 1.0 10.0 0.0073 0.2\n"
        f"11 -1 0 0 0 0 0 0 {half!r} {half!r} 0 0 9\n-11 -1 0 0 0 0 0 0 {-half!r} {half!r} 0 0 9\n"
        f"{UPSILON_4S} 1 1 2 0 0 0 0 0 {_ENERGY!r} {_ENERGY!r} 0 9\n</event>\n"
    )
    return head, event


def b_decays(seed: int, n_events: int, charged: float = 1.0, neutral: float = 0.0) -> BDecays:
    """Decays of 2 n_events B mesons by Pythia 8, kept on disk (see `toymc.generators.cache`).

    Parameters
    ----------
    seed : int
        Pythia's, 1 to 900 000 000.
    n_events : int
        Pairs; decays 2 i and 2 i + 1 come from the same pair and have the same species.
    charged, neutral : float
        Proportions of B+ and B0 pairs.

    Returns
    -------
    BDecays

    Raises
    ------
    ToymcError
        If Pythia 8 is not installed (even when the decays are in the cache: runs must not depend on the cache).
    """
    settings = pythia_settings(charged, neutral)
    run = PythiaRun(settings, seed, n_events, _event_file())
    run.require()
    code = Path(__file__).read_bytes()
    words: list[str | bytes] = ["b_decays", *settings, str(seed), str(n_events), installed("pythia8mc"), code]
    arrays = cached_arrays("b_decays", words, lambda: _convert(run_pythia(run)).arrays())
    return BDecays.from_arrays(arrays)


def _known(pdg: Int32Array) -> npt.NDArray[np.bool_]:
    """Whether the PDG table has the particle; Pythia's D_1(2430)+ is one that it has not."""
    codes, where = np.unique(pdg, return_inverse=True)
    found = np.ones(len(codes), dtype=np.bool_)
    for i, code in enumerate(codes):
        try:
            charge(int(code))
        except InputError:
            found[i] = False
    return np.asarray(found[where])


def _convert(columns: Arrays) -> BDecays:
    """Decays at rest from the columns of Pythia's events."""
    pdg, code, counts = columns["id"], columns["status"], columns["counts"]
    first = np.concatenate(([0], np.cumsum(counts)))
    event = np.repeat(np.arange(len(counts)), counts)
    mother = np.where(columns["mother1"] > 0, first[event] + columns["mother1"], -1)
    is_b = np.isin(np.abs(pdg), (B_PLUS, B_ZERO))
    b_row = ancestor_rows(mother, is_b)
    hadronic = (np.abs(code) >= _FIRST_DECAY) | ((np.abs(code) >= _FIRST_HADRON) & (np.abs(pdg) > 100))
    parton = (np.abs(pdg) <= 6) | (pdg == 21) | ((np.abs(pdg) // 10 % 10 == 0) & (np.abs(pdg) > 1000))
    keep = (b_row >= 0) & ~is_b & hadronic & ~parton & _known(pdg)
    # mothers that are partons, or resonances without an entry in the PDG table, hand over to their own
    while True:
        lost = keep & ~keep[mother] & ~is_b[mother]
        if not lost.any():
            break
        mother[lost] = mother[mother[lost]]
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(b_row[rows], kind="stable")]
    mesons = np.flatnonzero(is_b)
    offsets = np.concatenate(([0], np.cumsum(np.bincount(b_row[rows], minlength=len(pdg))[mesons])))
    place = np.full(len(pdg), -1)
    place[rows] = np.arange(len(rows)) - np.repeat(offsets[:-1], np.diff(offsets))
    anti = pdg[b_row[rows]] < 0
    return BDecays(
        species=np.abs(pdg[mesons]).astype(np.int32),
        offsets=offsets.astype(np.int64),
        pdg=np.where(anti, antiparticle(pdg[rows]), pdg[rows]).astype(np.int32),
        status=np.where(code[rows] > 0, STATUS_FINAL, STATUS_DECAYED).astype(np.int32),
        mother=place[mother[rows]].astype(np.int32),
        reals=_at_rest(columns, rows, b_row[rows], mother, anti),
    )


def _at_rest(
    columns: Arrays, rows: IntArray, b_row: IntArray, mother: IntArray, anti: npt.NDArray[np.bool_]
) -> FloatArray:
    """Momenta and positions in the frame of the B meson, from where it decayed; antiparticles mirrored (CP)."""

    def four(names: Sequence[str], of: IntArray) -> FloatArray:
        return np.stack([columns[name][of] for name in names], axis=1)

    meson = four(("px", "py", "pz"), b_row)
    velocity = -meson / np.sqrt(np.sum(meson**2, axis=1) + columns["m"][b_row] ** 2)[:, None]
    momentum = four(("px", "py", "pz", "m"), rows)
    momentum[:, 3] = np.sqrt(np.sum(momentum**2, axis=1))
    # all daughters of a meson share its decay vertex: take that of the first
    first = np.unique(b_row, return_index=True)[1]
    daughter = np.zeros(len(columns["m"]), dtype=np.int64)
    daughter[b_row[first]] = rows[first]
    position = 0.1 * (four(("x", "y", "z", "t"), rows) - four(("x", "y", "z", "t"), daughter[b_row]))
    moved = boost(momentum, velocity)
    place = boost(position, velocity)
    sign = np.where(anti, -1.0, 1.0)[:, None]
    return np.ascontiguousarray(
        np.concatenate([sign * moved[:, :3], columns["m"][rows][:, None], sign * place[:, :3], place[:, 3:]], axis=1).T
    )


def branching_fractions(decays: BDecays) -> dict[tuple[int, ...], float]:
    """Share of every set of daughters of the meson itself, most frequent first.

    Parameters
    ----------
    decays : BDecays
        Of one species.

    Returns
    -------
    dict
        From the sorted PDG codes of the daughters to the share.
    """
    if len(decays) == 0:
        raise InputError("no decays to count: give at least one")
    rows = np.flatnonzero(decays.mother == -1)
    owner = np.searchsorted(decays.offsets, rows, side="right") - 1
    counts = np.bincount(owner, minlength=len(decays))
    table: npt.NDArray[Any] = np.zeros((len(decays), int(counts.max())), dtype=np.int64)
    table[owner, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)] = decays.pdg[rows]
    modes, number = np.unique(np.sort(table, axis=1), axis=0, return_counts=True)
    order = np.argsort(-number, kind="stable")
    return {tuple(int(c) for c in modes[i] if c != 0): float(number[i]) / len(decays) for i in order}
