"""What kind of particle a PDG code is, for the transport: one row of numbers per code.

Rules, in this order:

1. Neutrinos escape.
2. Codes with a decay table here (mu, pi, K, K_L, K0, hyperons) or in the generators (pi0, K_S, eta, eta', omega, phi,
   rho, K*) decay; mesons and baryons that live longer than 0.1 mm also interact in the material.
3. e, gamma, p, n: followed, never decay (neutrons live 2.6e13 cm).
4. Charged particles that `particle` knows and that live longer than 1 m, or for ever (nuclei, heavy stable ones):
   followed as charged particles that neither decay nor interact.
5. Everything else escapes unseen: neutral particles from outside the Standard Model, codes unknown to `particle`, and
   short-lived ones without a decay table (tau, charm, bottom: a generator has to decay those).

`transport_class` tells which rule applies to a code, so that a file reader can refuse what it does not want.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from particle import Particle

from toymc.constants import ctau_cm, mass
from toymc.detector.transport.decays import decay_table
from toymc.detector.transport.hadronic import LOG_P_LOW, LOG_P_STEP, hadron_class, hadron_table, interaction_ratio
from toymc.detector.transport.walk import HADRON, INERT, PHOTON, _stopping_power
from toymc.generators.secondary import secondary_modes

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

# columns of a species, first the eight that the fast decision reads as one row
CHARGE, MASS, RATE, INTERACTS, BEHIND, P_SLOW, SURVIVES, LARGEST, HADRON_ROW, DECAYER, FIRST_MODE, AT_2_GEV = range(12)
N_SPECIES = 12
# who decays it
STABLE, OWN, GENERATOR = 0, 1, 2
# LARGEST: most interactions per interaction length above 0.05 GeV, most conversions per radiation length; SURVIVES:
# chance to pass calorimeter and coil, filled in by the tables of a card
# what gets behind the calorimeter: nothing, muons, charged hadrons, neutral hadrons
NOTHING, MUON, CHARGED_HADRON, NEUTRAL_HADRON = 0, 1, 2, 3
ESCAPES = -1
"""Row of everything that escapes unseen."""

LOOKUP_RANGE = 4000
"""|pdg| below this is looked up directly, larger codes in a sorted list."""
_LONG_LIVED_CM = 100.0
_INTERACTS_FROM_CM = 0.01
_RANGE_G_PER_CM2 = 6.0
_SILICON = (0.49848, 173.0e-9)  # Z/A, mean excitation energy in GeV [PDG, atomic and nuclear properties]
_FAST_FROM_GEV = 0.05
_MOST_PAIRS = 0.78  # below 7/9 at all energies
_NEUTRINOS = (12, 14, 16)


@cache
def _generator_parents() -> frozenset[int]:
    return frozenset(int(entry["parent"]) for entry in secondary_modes())


@cache
def slow_momentum(m: float) -> float:
    """Momentum (GeV) below which a particle of mass m (GeV) may range out in the tracker: range of 6 g/cm2 in silicon.

    The tracker holds 0.5-1.5 g/cm2 along a line from the interaction point in the acceptance.

    Examples
    --------
    >>> 0.09 < slow_momentum(0.13957) < 0.13
    True
    """
    bg = np.exp(np.linspace(math.log(0.03), math.log(40.0), 2000))
    kinetic = m * (np.sqrt(1.0 + bg * bg) - 1.0)
    loss = np.array([_stopping_power(t, m, _SILICON[0], _SILICON[1]) for t in kinetic])
    range_g = np.concatenate(([0.0], np.cumsum(0.5 * np.diff(kinetic) * (1.0 / loss[1:] + 1.0 / loss[:-1]))))
    return float(m * np.interp(_RANGE_G_PER_CM2, range_g, bg))


def _known(pdg: int) -> Any:
    try:
        return Particle.from_pdgid(pdg)
    except Exception:  # `particle` raises several types for a code that it does not know
        return None


def _decayer(code: int) -> int:
    if code in decay_table()[1]:
        return OWN
    return GENERATOR if code in _generator_parents() else STABLE


def transport_class(pdg: int) -> str:
    """What the transport does with a PDG code.

    Returns
    -------
    str
        ``photon``, ``electron``, ``muon``, ``hadron`` (interacts), ``decays`` (at once or nearly), ``charged``
        (followed, inert), ``escapes``.

    Examples
    --------
    >>> transport_class(-321), transport_class(111), transport_class(15), transport_class(12)
    ('hadron', 'decays', 'escapes', 'escapes')
    """
    code = abs(pdg)
    if code in (11, 13, 22):
        return {11: "electron", 13: "muon", 22: "photon"}[code]
    if code in _NEUTRINOS:
        return "escapes"
    if code in (2212, 2112):
        return "hadron"
    if _decayer(code) != STABLE:
        return "hadron" if ctau_cm(code) > _INTERACTS_FROM_CM else "decays"
    known = _known(pdg)
    if known is None or not known.charge:
        return "escapes"
    lifetime = known.ctau
    long_lived = lifetime is None or math.isinf(lifetime) or 0.1 * lifetime > _LONG_LIVED_CM
    return "charged" if long_lived and known.mass is not None else "escapes"


def _species(pdg: int) -> FloatArray | None:
    """Row of a code; None if it escapes."""
    kind = transport_class(pdg)
    if kind == "escapes":
        return None
    code = abs(pdg)
    known = Particle.from_pdgid(pdg)
    row = np.zeros(N_SPECIES)
    row[CHARGE] = float(known.charge or 0.0)
    row[MASS] = mass(pdg)
    row[DECAYER] = _decayer(code)
    row[FIRST_MODE] = decay_table()[1].get(code, -1)
    row[HADRON_ROW] = -1
    row[INTERACTS] = INERT
    if row[CHARGE] != 0.0:
        row[P_SLOW] = slow_momentum(float(row[MASS]))
    if row[DECAYER] != STABLE:
        lifetime = ctau_cm(code)
        # without a lifetime (K0, resonances): at once
        row[RATE] = 1.0 / lifetime if 0.0 < lifetime < math.inf else 1e12
    if kind == "photon":
        row[INTERACTS] = PHOTON
        row[LARGEST] = _MOST_PAIRS
    if kind == "muon":
        row[BEHIND] = MUON
    if kind == "hadron":
        row[INTERACTS] = HADRON
        row[HADRON_ROW] = hadron_class(pdg)
        from_fast = int(math.ceil((math.log(_FAST_FROM_GEV) - LOG_P_LOW) / LOG_P_STEP)) - 1
        row[LARGEST] = hadron_table()[hadron_class(pdg), from_fast:].max()
        row[AT_2_GEV] = interaction_ratio(pdg, 2.0)
        row[BEHIND] = CHARGED_HADRON if row[CHARGE] != 0.0 else NEUTRAL_HADRON
    return row


@cache
def species_table(others: tuple[int, ...] = ()) -> tuple[FloatArray, Int64Array, Int64Array, Int64Array]:
    """Rows of all codes, and how to find them.

    Parameters
    ----------
    others : tuple of int
        Codes with |pdg| >= LOOKUP_RANGE that occur.

    Returns
    -------
    rows : float64 (n, 12)
        Columns as named at the top of the module; RATE is 1/(c tau) in 1/cm.
    lookup : int64 (2 LOOKUP_RANGE + 1,)
        Row of code ``pdg`` at ``pdg + LOOKUP_RANGE``; ESCAPES for none.
    codes, places : int64
        The other codes in order, and their rows.

    Examples
    --------
    >>> rows, lookup, _, _ = species_table()
    >>> float(rows[lookup[-211 + LOOKUP_RANGE], CHARGE])
    -1.0
    """
    rows: list[FloatArray] = []
    lookup = np.full(2 * LOOKUP_RANGE + 1, ESCAPES, dtype=np.int64)
    candidates = {int(p.pdgid) for p in Particle.all() if abs(int(p.pdgid)) < LOOKUP_RANGE}
    for pdg in sorted(candidates):
        row = _species(pdg)
        if row is not None:
            lookup[pdg + LOOKUP_RANGE] = len(rows)
            rows.append(row)
    places = []
    for pdg in sorted(others):
        row = _species(pdg)
        places.append(ESCAPES if row is None else len(rows))
        if row is not None:
            rows.append(row)
    return np.array(rows), lookup, np.array(sorted(others), dtype=np.int64), np.array(places, dtype=np.int64)
