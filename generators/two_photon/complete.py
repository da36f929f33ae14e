"""From the sum of the parts to the complete tree: one number per event.

The parts of a process (two photons, emission, annihilation) are subsets of its graphs, each with a map of phase space
of its own. The complete cross-section is shared out between them,

    |M|^2 dPhi = sum_k |M_k|^2 R dPhi,    R = |M|^2 / sum_k |M_k|^2,

k over all parts and, for identical particles, all their assignments. An event of a part is kept with probability
R/R_max, its cross-section is multiplied by the mean of R. With all graphs in parts R is at most their number
(Cauchy-Schwarz), and it is 1 where one part rules, as in every peak [so AAFH does it: F. Berends, P. Daverveldt, R.
Kleiss, CPC 40 (1986) 285].
"""

import numpy as np

from toymc.constants import M_E, M_MU, M_TAU
from toymc.generators.amplitudes.four_leptons import (
    Ends,
    Graphs,
    _fill_four_leptons,
    _four_lepton_sums,
    graphs,
)
from toymc.kernels import lean_kernel

LEPTON_MASS = {11: M_E, 13: M_MU, 15: M_TAU}


def _part_of(flavours: tuple[int, int], ends: Ends, line: int) -> tuple[object, ...] | None:
    """A name for the part that makes the graphs with both vertices on `line`; None: made by no part."""
    if ends[0] != 0:
        # beams scattered: the e- ends in ends[0], the line that ends in bra 0 is the e+
        positron = ends.index(0)
        if line in (0, positron):
            return ("emission", ends)
        return ("two photons", ends)
    if flavours == (11, 11):
        return None
    if 11 in flavours:
        # the virtual photon makes the e+e-: off the other pair and the beams
        return ("annihilation",) if flavours[line - 1] != 11 or line == 0 else None
    if flavours[0] == flavours[1]:
        return ("annihilation", ends, line)
    return ("annihilation", 1 if line == 0 else line)


def four_lepton_graphs(flavours: tuple[int, int]) -> Graphs:
    """All graphs of a final state, grouped into the parts that are sampled.

    Parameters
    ----------
    flavours : tuple of int
        Leptons l, L, the lighter one first: rows 2, 3 and 4, 5 of the momenta.

    Returns
    -------
    Graphs

    Examples
    --------
    >>> [four_lepton_graphs(f).parts for f in ((11, 11), (11, 13), (13, 13), (13, 15))]
    [8, 3, 6, 2]
    """
    masses = (M_E, LEPTON_MASS[flavours[0]], LEPTON_MASS[flavours[1]])
    names: dict[tuple[object, ...], int] = {}
    parts: dict[tuple[Ends, int], int] = {}
    alone = graphs(flavours, masses, {})
    for row in alone.groups:
        line = int(row[2])
        ends = [0, 0, 0]
        for ket, bra in (row[2:4], row[4:6], row[6:8]):
            ends[ket] = int(bra)
        key: Ends = (ends[0], ends[1], ends[2])
        name = _part_of(flavours, key, line)
        if name is not None:
            parts[key, line] = names.setdefault(name, len(names))
    return graphs(flavours, masses, parts)


@lean_kernel
def _all_masses_above(p, least2):
    """Whether every pair of a negative and a positive final lepton has at least the mass^2 least2."""
    for minus in range(2, 6, 2):
        for plus in range(3, 7, 2):
            e, x = p[minus, 3] + p[plus, 3], p[minus, 0] + p[plus, 0]
            y, z = p[minus, 1] + p[plus, 1], p[minus, 2] + p[plus, 2]
            if e * e - x * x - y * y - z * z < least2:
                return False
    return True


@lean_kernel
def _beam_rows(s, mass, p):
    """Rows 0, 1: the beams in their centre of mass, e- along +z."""
    energy = 0.5 * np.sqrt(s)
    momentum = np.sqrt(energy * energy - mass * mass)
    for row in range(2):
        p[row, 0], p[row, 1] = 0.0, 0.0
        p[row, 2], p[row, 3] = momentum if row == 0 else -momentum, energy


@lean_kernel
def _complete_ratio(p, least2, lines, kets, bras, groups, masses, amplitudes, z, flow, photon):
    """R of the momenta p; 0 where a pair has a mass^2 below least2."""
    if least2 > 0.0 and not _all_masses_above(p, least2):
        return 0.0
    _fill_four_leptons(p, lines, kets, bras, groups, masses, amplitudes, z, flow, photon, 1)
    whole, apart = _four_lepton_sums(amplitudes, 1)
    return whole / apart
