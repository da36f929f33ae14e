"""What a particle makes of itself where it decays, converts or interacts; one at a time.

What is made goes to the list of secondaries of the block: `floats` with the rows of the record (S_PX to S_END),
`integers` with S_PDG to S_FATE and the event of the block (S_EVENT). The mother is noted as her row in her event if she
is of the generator, as -1 - k if she is secondary k.
"""

import math

from toymc.constants import M_E, SPEED_OF_LIGHT_CM_PER_NS
from toymc.detector.transport.collisions import _collide
from toymc.detector.transport.conversion import _convert
from toymc.detector.transport.decays import _boost_rows, _decay
from toymc.detector.transport.path import _advance
from toymc.detector.transport.regions import _made_status, _region
from toymc.detector.transport.species import CHARGE, DECAYER, FIRST_MODE, GENERATOR, INTERACTS
from toymc.detector.transport.tasks import (
    ARC,
    ARRIVES,
    AT_ONCE,
    CODE,
    DECAYS,
    EVENT,
    NOTHING_TO_DO,
    OMEGA,
    OUTCOME,
    PIECE,
    PX,
    PY,
    PZ,
    SELF,
    SPECIES,
    STRETCH,
    TANGENT,
    TARGET,
    TO_DO,
    M,
    T,
    X,
    Y,
    Z,
)
from toymc.detector.transport.walk import ELEMENT, INTERACTED, PHOTON, STOPPED, THROUGH
from toymc.events import FATE_CONVERTED, FATE_INTERACTED, FATE_STOPPED, STATUS_FINAL
from toymc.generators.secondary import UNPOLARISED, _decay_secondary
from toymc.kernels import inlined_kernel, lean_kernel

# rows of the record: columns copied from the generator first; of secondaries while a block is worked on also the event
S_PX, S_PY, S_PZ, S_M, S_X, S_Y, S_Z, S_T, S_HELICITY, S_END = range(10)
N_FLOATS = 10
S_PDG, S_MOTHER, S_STATUS, S_FATE, S_EVENT = range(5)
N_INTEGERS = 4


@inlined_kernel
def _move(tasks, c):
    """Carry the state of a particle along its path to ARC."""
    arc = tasks[ARC, c]
    px, py, pz = tasks[PX, c], tasks[PY, c], tasks[PZ, c]
    x, y, turned_x, turned_y = _advance(tasks[OMEGA, c], arc, tasks[X, c], tasks[Y, c], px, py)
    length = arc * tasks[STRETCH, c]
    slowness = math.sqrt(1.0 + tasks[M, c] ** 2 / (px * px + py * py + pz * pz))
    tasks[T, c] += length / SPEED_OF_LIGHT_CM_PER_NS * slowness
    tasks[X, c], tasks[Y, c], tasks[PX, c], tasks[PY, c] = x, y, turned_x, turned_y
    tasks[Z, c] += arc * tasks[TANGENT, c]


@inlined_kernel
def _daughters(rng, species, tasks, c, modes, generator_modes, p4, codes, masses):
    """Decay products in the lab, rows of p4; returns their number."""
    m, pdg = tasks[M, c], int(tasks[CODE, c])
    if species[DECAYER] == GENERATOR:
        n = _decay_secondary(rng, generator_modes, pdg, m, UNPOLARISED, p4, codes, masses)
    else:
        n = _decay(rng, modes, int(species[FIRST_MODE]), pdg, m, p4, codes, masses)
    _boost_rows(p4, n, tasks[PX, c], tasks[PY, c], tasks[PZ, c], m)
    return n


@inlined_kernel
def _products(
    rng, collisions, species, tasks, c, pieces, elements, p4, codes, masses, families, charges
):  # fmt: skip
    """What a photon or hadron makes of itself in a piece of material: fate, number of products."""
    px, py, pz = tasks[PX, c], tasks[PY, c], tasks[PZ, c]
    if species[INTERACTS] == PHOTON:
        element = elements[int(pieces[int(tasks[PIECE, c]), ELEMENT])]
        _convert(rng, px, py, pz, element, p4)
        codes[0], codes[1] = 11, -11
        masses[0], masses[1] = M_E, M_E
        return FATE_CONVERTED, 2
    n = _collide(
        rng, collisions, int(tasks[CODE, c]), tasks[M, c], species[CHARGE], px, py, pz,
        p4, codes, masses, families, charges,
    )  # fmt: skip
    return FATE_INTERACTED, n


@inlined_kernel
def _append(floats, integers, n, made, tasks, c, p4, codes, masses):
    """Add the products in p4 to the list of secondaries."""
    x, y, z, t = tasks[X, c], tasks[Y, c], tasks[Z, c], tasks[T, c]
    event, mother = int(tasks[EVENT, c]), int(tasks[SELF, c])
    for k in range(made):
        floats[S_PX, n], floats[S_PY, n], floats[S_PZ, n] = p4[k, 0], p4[k, 1], p4[k, 2]
        floats[S_M, n] = masses[k]
        floats[S_X, n], floats[S_Y, n], floats[S_Z, n], floats[S_T, n] = x, y, z, t
        floats[S_HELICITY, n] = 0.0
        floats[S_END, n] = math.inf
        integers[S_PDG, n] = codes[k]
        integers[S_STATUS, n] = STATUS_FINAL
        integers[S_MOTHER, n] = mother
        integers[S_FATE, n] = 0
        integers[S_EVENT, n] = event
        n += 1
    return n


@inlined_kernel
def _happen(
    rng, tasks, c, species, numbers, collisions, pieces, elements, modes, generator_modes,
    p4, codes, masses, families, charges,
):  # fmt: skip
    """What happens to particle c of the table, which ends up where it happens: fate, number of products in p4."""
    if tasks[TO_DO, c] != AT_ONCE:
        _move(tasks, c)
        if tasks[OUTCOME, c] == STOPPED:
            return FATE_STOPPED, 0
        if tasks[OUTCOME, c] == INTERACTED:
            return _products(rng, collisions, species, tasks, c, pieces, elements, p4, codes, masses, families, charges)
    n = _daughters(rng, species, tasks, c, modes, generator_modes, p4, codes, masses)
    return _region(numbers, tasks[X, c], tasks[Y, c], tasks[Z, c]), n


@lean_kernel
def _act(
    rng, tasks, n_tasks, species, numbers, collisions, pieces, elements, modes, generator_modes,
    fates, statuses, ends, floats, integers, n, most, p4, codes, masses, families, charges,
):  # fmt: skip
    """Fates of the particles of the table; what they make is added to the n secondaries. Returns their number.

    Beyond `most` secondaries nothing is added.
    """
    for c in range(n_tasks):
        target = int(tasks[TARGET, c])
        passes = tasks[OUTCOME, c] == THROUGH and tasks[DECAYS, c] == 0.0 and tasks[TO_DO, c] != AT_ONCE
        if passes or tasks[TO_DO, c] == NOTHING_TO_DO:
            fates[target] = int(tasks[ARRIVES, c])
            continue
        kind = species[int(tasks[SPECIES, c])]
        fate, made = _happen(
            rng, tasks, c, kind, numbers, collisions, pieces, elements, modes, generator_modes,
            p4, codes, masses, families, charges,
        )  # fmt: skip
        fates[target] = fate
        statuses[target] = _made_status(fate)
        if kind[CHARGE] != 0.0:
            ends[target] = 0.0 if tasks[TO_DO, c] == AT_ONCE else tasks[ARC, c]
        if n + made <= most:
            n = _append(floats, integers, n, made, tasks, c, p4, codes, masses)
    return n
