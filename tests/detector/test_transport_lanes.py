"""The transport eight at a time beside its slow twin, and the bounds that spare a walk."""

import math

import numpy as np
import pytest

from tests.detector.test_transport import mixture
from tests.detector.transport_probe import tables
from tests.detector.transport_twin import _look, _walk
from toymc.detector.transport.conversion import _energy_bin
from toymc.detector.transport.glide import _glide, _largest_hazard
from toymc.detector.transport.passage import G_PAIRS, N_LISTED, N_LISTS, _walk_through
from toymc.detector.transport.path import N_PATH
from toymc.detector.transport.run import _innermost
from toymc.detector.transport.species import INTERACTS, LOOKUP_RANGE, N_SPECIES
from toymc.detector.transport.tables import species_arrays
from toymc.detector.transport.tasks import (
    ARC,
    ARRIVES,
    DECAYS,
    FIRST_NUMBER,
    KINETIC,
    LAST,
    LEFT,
    N_COLUMNS,
    NOTHING_TO_DO,
    OUTCOME,
    PIECE,
    PX,
    SECOND_NUMBER,
    SPECIES,
    SPLIT,
    STRENGTH,
    THIRD_NUMBER,
    TO_DO,
    WALK,
    M,
    X,
    Y,
    Z,
)
from toymc.detector.transport.walk import INTERACTED, PHOTON, THROUGH
from toymc.kernels import kernel
from toymc.lane_memory import gathered, loaded, stored
from toymc.lanes import WIDTH, whole
from toymc.streams import stream

N = 20000


@kernel
def _all_in_lanes(tasks, n, numbers, species, bounds, outside, hadrons, elements, pieces, bound_of_all):
    """Look and walk; with `bound_of_all` everything walks, with the bound of its material as hazard to use up."""
    lists, group = np.empty((N_LISTS, tasks.shape[1])), np.empty((G_PAIRS + len(elements), WIDTH))
    listed, states = np.empty(len(pieces) + N_LISTED, np.int64), np.empty(WIDTH * (len(pieces) + 1))
    _glide(tasks, n, numbers, species, bounds, outside, hadrons, elements[-1])
    if bound_of_all:
        for i in range(0, n, WIDTH):
            place = whole(loaded(tasks[SPECIES], i)) * N_SPECIES
            hazard = _largest_hazard(
                tasks, i, loaded(tasks[Z], i), gathered(species, place + INTERACTS), loaded(tasks[STRENGTH], i),
                loaded(tasks[LAST], i), loaded(tasks[KINETIC], i) > 0.0, numbers, bounds, outside,
            )  # fmt: skip
            stored(tasks[LEFT], i, hazard)
        for c in range(n):
            tasks[TO_DO, c] = (
                WALK if 0.0 < tasks[LEFT, c] < 1e20 and tasks[TO_DO, c] != NOTHING_TO_DO else NOTHING_TO_DO
            )
            tasks[KINETIC, c] = -1.0
    _walk_through(tasks, n, pieces, elements, species, _innermost(pieces), lists, group, listed, states)


@kernel
def _all_one_by_one(tasks, n, numbers, species, hadrons, elements, pieces, out):
    """The same with the twin; rows of `out`: to do, last, decays, hazard, strength, kinetic, arrival, walk."""
    path = np.empty(N_PATH)
    for c in range(n):
        kind = species[int(tasks[SPECIES, c])]
        px, py, pz = tasks[PX, c], tasks[PX + 1, c], tasks[PX + 2, c]
        to_do, last, decays, left, strength, kinetic, arrives = _look(
            kind, tasks[X, c], tasks[Y, c], tasks[Z, c], px, py, pz, tasks[M, c],
            tasks[FIRST_NUMBER, c], tasks[SECOND_NUMBER, c], tasks[THIRD_NUMBER, c], numbers, elements, hadrons, path,
        )  # fmt: skip
        out[0, c], out[1, c], out[2, c], out[3, c] = to_do, last, decays, left
        out[4, c], out[5, c], out[6, c] = strength, kinetic, arrives
        out[7, c], out[8, c], out[9, c] = THROUGH, last, -1
        if to_do == WALK:
            energy_bin, weight = _energy_bin(math.sqrt(px * px + py * py + pz * pz))
            out[7, c], out[8, c], out[9, c] = _walk(
                path, pieces, elements, left, int(kind[INTERACTS]), strength, energy_bin, weight, kinetic,
                tasks[M, c], last,
            )  # fmt: skip


def filled(t, batch, rng):
    """Table of all particles of a batch that are not lost at once, and the rows of the species."""
    species, lookup, _, _ = species_arrays((), t.depth_behind)
    row = lookup[batch.pdg + LOOKUP_RANGE]
    seen = np.flatnonzero(row >= 0)
    tasks = np.full((N_COLUMNS, len(seen) + 2 * WIDTH), np.nan)
    columns = (batch.x, batch.y, batch.z, batch.t, batch.px, batch.py, batch.pz, batch.mass)
    tasks[X : M + 1, : len(seen)] = np.stack(columns)[:, seen]
    tasks[SPECIES] = 0.0
    tasks[SPECIES, : len(seen)] = row[seen]
    tasks[SPLIT] = -1.0
    tasks[FIRST_NUMBER : THIRD_NUMBER + 1, : len(seen)] = rng.random((3, len(seen)))
    # early ones, which the material of one path would show rarely
    tasks[SECOND_NUMBER, : len(seen)] **= 4
    return tasks, len(seen), species


def run(t, tasks, n, species, bound_of_all=False):
    _all_in_lanes(
        tasks, n, t.numbers, species.ravel(), t.bounds.ravel(), t.outside.ravel(), t.hadrons.ravel(), t.elements,
        t.pieces, bound_of_all,
    )  # fmt: skip


def anywhere(rng, p_low):
    """Particles of all kinds from a point near the beam, or from anywhere in the tracker."""
    batch = mixture(N, rng, p_low)
    away = rng.random(N) < 0.5
    for column, size in ((batch.x, 20.0), (batch.y, 20.0), (batch.z, 40.0)):
        column[away] += rng.normal(0.0, size, N)[away]
    return batch


@pytest.mark.parametrize("name", ["belle2", "belle"])
@pytest.mark.parametrize("p_low", [0.01, 0.2])
def test_eight_at_a_time_equal_one_by_one(name, p_low):
    """Without the bounds, so that all walk: the same ends of paths, fates, pieces; no random number is drawn."""
    rng = stream(1, f"lanes {name} {p_low}", "test", 0)
    t = tables(name)
    t = t._replace(bounds=np.full_like(t.bounds, 1e9), outside=np.full_like(t.outside, 1e9))
    tasks, n, species = filled(t, anywhere(rng, p_low), rng)
    out = np.empty((10, n))
    _all_one_by_one(tasks.copy(), n, t.numbers, species, t.hadrons, t.elements, t.pieces, out)
    run(t, tasks, n, species)
    tasks = tasks[:, :n]
    assert np.array_equal(tasks[TO_DO], out[0])
    ready = np.isin(tasks[TO_DO], (NOTHING_TO_DO, WALK)) & (out[6] > 0)
    assert np.array_equal(tasks[ARRIVES, ready], out[6, ready])
    path = tasks[TO_DO] >= 2.0
    assert np.count_nonzero(path) > 0.5 * n
    assert np.allclose(tasks[LAST, path], out[1, path], rtol=1e-9)
    assert np.array_equal(tasks[DECAYS, path], out[2, path])
    assert np.allclose(tasks[STRENGTH, path], out[4, path], rtol=1e-10)
    walk = tasks[TO_DO] == WALK
    assert np.count_nonzero(out[7, walk] == INTERACTED) > 0.05 * n
    # Newton's steps of the twin may miss a slanted sensor right behind the start
    same = (tasks[OUTCOME] == out[7]) & ((tasks[PIECE] == out[9]) | (out[7] == THROUGH))
    assert np.count_nonzero(~same[walk]) < 5e-4 * n
    assert np.allclose(tasks[ARC, walk & same], out[8, walk & same], rtol=1e-8, atol=1e-5)


@pytest.mark.parametrize("name", ["belle2", "belle"])
@pytest.mark.parametrize("start", ["prompt", "soft", "anywhere"])
def test_no_walk_uses_up_the_bound(name, start):
    """Bounds of prompt, of curling and of displaced paths: with them as the hazard to use up nothing happens."""
    rng = stream(2, f"bounds {name} {start}", "test", 0)
    t = tables(name)
    batch = anywhere(rng, 0.05) if start == "anywhere" else mixture(N, rng, {"prompt": 0.3, "soft": 0.08}[start])
    if start == "soft":
        scale = np.minimum(1.0, 0.34 / np.hypot(batch.px, batch.py))
        for column in (batch.px, batch.py, batch.pz):
            column *= scale
    tasks, n, species = filled(t, batch, rng)
    # no decays: the path to its end
    tasks[FIRST_NUMBER] = 1.0 - 1e-15
    run(t, tasks, n, species, True)
    walk = tasks[TO_DO, :n] == WALK
    kind = species[tasks[SPECIES, :n].astype(int), INTERACTS]
    assert np.count_nonzero(walk & (kind != PHOTON)) > 0.1 * n
    assert np.all(tasks[OUTCOME, :n][walk] == THROUGH)
