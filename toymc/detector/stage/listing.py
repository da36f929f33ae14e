"""Which particles leave signals, and their numbers side by side."""

import math

import numpy as np

from toymc.detector.calorimeter.hadrons import _hadron_row
from toymc.detector.stage.columns import (
    AT,
    CHARGE,
    DECAY,
    DRAW,
    END,
    FIRST_PHOTON,
    KIND,
    MASS,
    N_PHOTONS,
    NEUTRAL,
    P_ENERGY,
    P_FRONT,
    P_UX,
    P_UY,
    P_UZ,
    P_X,
    P_Y,
    P_Z,
    PX,
    PY,
    PZ,
    ROW,
    SINGLE,
    SPECIES,
    TRUTH,
    X,
    Y,
    Z,
)
from toymc.events import FATE_DECAYED_OUTSIDE, FATE_DECAYED_PIPE, FATE_INTERACTED, FATE_NONE
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.lanes import WIDTH

SLOW = 1e-6
"""GeV: below this transverse momentum a particle makes no helix and no cluster."""
OF_PHOTON = 5
"""`_species` of a photon."""


@inlined_kernel
def _species(pdg):
    """0..4 for e, mu, pi, K, p; 5 for a photon; -1 for the rest."""
    code = abs(pdg)
    if code == 211:
        return 2
    if code == 22:
        return 5
    if code == 11:
        return 0
    if code == 13:
        return 1
    if code == 321:
        return 3
    if code == 2212:
        return 4
    return -1


@inlined_kernel
def _charge(pdg, species):
    """Leptons with a positive code are negative, hadrons with a positive code positive."""
    return 1.0 if (pdg > 0) == (species >= 2) else -1.0


@lean_kernel
def _charged_daughter(j, first, last, pdg, status, mother):
    """Row of the first charged daughter of row j (both counted in the batch), -1 for none."""
    for k in range(j + 1, last):
        if mother[k] == j - first and status[k] != 3:
            species = _species(pdg[k])
            if species >= 0 and species < OF_PHOTON:
                return np.int64(k)
    return np.int64(-1)


@inlined_kernel
def _enter(j, first, end, species, charge, draw, px, py, pz, mass, x, y, z, charged, integers, n):
    """Entry n: the charged particle of row j, gone after the transverse path `end` (cm).

    `draw` is 1 where a uniform number decides whether it is found, 0 where that is decided otherwise.
    """
    charged[X, n] = x[j]
    charged[Y, n] = y[j]
    charged[Z, n] = z[j]
    charged[PX, n] = px[j]
    charged[PY, n] = py[j]
    charged[PZ, n] = pz[j]
    charged[MASS, n] = mass[j]
    charged[CHARGE, n] = charge
    charged[END, n] = end
    charged[SPECIES, n] = species
    charged[DRAW, n] = draw
    integers[TRUTH, n] = j - first
    integers[ROW, n] = j
    integers[FIRST_PHOTON, n] = 0
    integers[N_PHOTONS, n] = 0
    return n + 1


@inlined_kernel
def _enter_photon(j, px, py, pz, x, y, z, photons, n):
    """Entry n of the photons, if row j moves."""
    p = math.sqrt(px[j] * px[j] + py[j] * py[j] + pz[j] * pz[j])
    if not p > 0.0:
        return n
    inverse = 1.0 / p
    photons[P_ENERGY, n] = p
    photons[P_X, n] = x[j]
    photons[P_Y, n] = y[j]
    photons[P_Z, n] = z[j]
    photons[P_UX, n] = px[j] * inverse
    photons[P_UY, n] = py[j] * inverse
    photons[P_UZ, n] = pz[j] * inverse
    photons[P_FRONT, n] = 0.0
    return n + 1


@inlined_kernel
def _enter_decay(j, k, first, pdg, px, py, pz, mass, x, y, z, end_arc, charged, integers, n):
    """Entries n to n + 2: a mother that decays, its charged daughter of row k, and the mother as if it lived on.

    A daughter that does not move (see `SLOW`) is entered as the mother without a way: nothing is found of it.
    """
    species, other = _species(pdg[j]), _species(pdg[k])
    charge = _charge(pdg[j], species)
    n = _enter(j, first, end_arc[j], species, charge, 0.0, px, py, pz, mass, x, y, z, charged, integers, n)
    if px[k] * px[k] + py[k] * py[k] > SLOW * SLOW:
        n = _enter(
            k, first, end_arc[k], other, _charge(pdg[k], other), 0.0, px, py, pz, mass, x, y, z, charged, integers, n
        )  # fmt: skip
        return _enter(j, first, math.inf, species, charge, 0.0, px, py, pz, mass, x, y, z, charged, integers, n)
    for _ in range(2):
        n = _enter(j, first, -math.inf, species, charge, 0.0, px, py, pz, mass, x, y, z, charged, integers, n)
    return n


@inlined_kernel
def _listed(
    event, offsets, pdg, status, mother, px, py, pz, mass, x, y, z, fate, end_arc, skip,
    charged, integers, photons, photon_truth, electrons, lines, n_charged, n_photons, n_electrons, n_lines,
):  # fmt: skip
    """Enter what leaves signals of one event; the numbers of entries of the block.

    What the generator let decay has no fate, and a daughter that takes over from its mother is not looked at again.
    """
    first, last = offsets[event], offsets[event + 1]
    for j in range(first, last):
        if status[j] == 3 or skip[j] != 0 or (status[j] == 2 and fate[j] == FATE_NONE):
            continue
        species = _species(pdg[j])
        if species == OF_PHOTON:
            if status[j] == 1:
                photon_truth[n_photons] = j - first
                n_photons = _enter_photon(j, px, py, pz, x, y, z, photons, n_photons)
            continue
        if species < 0:
            if status[j] == 1 and _hadron_row(pdg[j]) >= 0:
                lines[n_lines, KIND], lines[n_lines, AT] = NEUTRAL, j
                n_lines += 1
            continue
        decayed = fate[j] >= FATE_DECAYED_PIPE and fate[j] <= FATE_DECAYED_OUTSIDE
        if status[j] == 2 and not (decayed or fate[j] == FATE_INTERACTED):
            continue
        if not px[j] * px[j] + py[j] * py[j] > SLOW * SLOW:
            continue
        k = _charged_daughter(j, first, last, pdg, status, mother) if status[j] == 2 and decayed else np.int64(-1)
        lines[n_lines, KIND], lines[n_lines, AT] = SINGLE if k < 0 else DECAY, n_charged
        n_lines += 1
        if k >= 0:
            skip[k] = 1
            n_charged = _enter_decay(
                j, k, first, pdg, px, py, pz, mass, x, y, z, end_arc, charged, integers, n_charged
            )  # fmt: skip
            continue
        if species == 0 and status[j] == 1:
            electrons[n_electrons] = n_charged
            n_electrons += 1
        n_charged = _enter(
            j, first, end_arc[j], species, _charge(pdg[j], species), 1.0, px, py, pz, mass, x, y, z,
            charged, integers, n_charged,
        )  # fmt: skip
    return n_charged, n_photons, n_electrons, n_lines


@inlined_kernel
def _padded(columns, n):
    """Repeat the last entry up to a full vector; the number of entries then."""
    full = (n + WIDTH - 1) // WIDTH * WIDTH
    for i in range(n, full):
        for k in range(columns.shape[0]):
            columns[k, i] = columns[k, n - 1]
    return full
