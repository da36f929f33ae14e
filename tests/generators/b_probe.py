"""What the tests of the B processes share: preparing, picking rows, frames, chi-square."""

import numpy as np
import pytest
from scipy import stats

from toymc.errors import ToymcError
from toymc.generators.processes import prepare
from toymc.kinematics import boost
from toymc.streams import stream


def generate(process, parameters, n, seed=1):
    """(prepared, batch); skips without Pythia 8."""
    try:
        prepared = prepare(process, parameters)
        return prepared, prepared.generate(stream(seed, process, "test", 0), n)
    except ToymcError as error:
        if "pip install" in str(error):
            pytest.skip(str(error))
        raise


def four(batch, rows):
    return np.stack([batch.px[rows], batch.py[rows], batch.pz[rows], batch.energy[rows]], axis=1)


def place(batch, rows):
    return np.stack([batch.x[rows], batch.y[rows], batch.z[rows]], axis=1)


def mass_of(p):
    return np.sqrt(p[:, 3] ** 2 - np.sum(p[:, :3] ** 2, axis=1))


def seen_from(p, frame):
    """Four-momenta p in the rest frame of the four-momenta `frame`."""
    return boost(p, -frame[:, :3] / frame[:, 3:])


def daughters(batch, mother_row, code=None):
    """First daughter of the row `mother_row` of each event whose |code| is given; absolute rows."""
    index = batch.event_index
    chosen = batch.mother == (mother_row if np.isscalar(mother_row) else np.asarray(mother_row)[index])
    if code is not None:
        chosen &= np.abs(batch.pdg) == code
    rows = np.flatnonzero(chosen)
    first = np.unique(index[rows], return_index=True)
    assert len(first[0]) == batch.n_events
    return rows[first[1]]


def helicity_cosine(batch, mother, child):
    """Cosine between daughter and the flight of its mother, in the mother's frame, flight seen from the B (row 1)."""
    b = four(batch, batch.offsets[:-1] + 1)
    parent, p = four(batch, mother), four(batch, child)
    # the frame of the parent by way of the frame of the B
    at_b, child_at_b = seen_from(parent, b), seen_from(p, b)
    inside = seen_from(child_at_b, at_b)
    return np.sum(inside[:, :3] * at_b[:, :3], axis=1) / np.linalg.norm(inside[:, :3], axis=1) / np.linalg.norm(
        at_b[:, :3], axis=1
    )


def chi_square(values, density, low, high, bins=40):
    """Probability that `values` follow `density` (any normalisation) between the limits."""
    edges = np.linspace(low, high, bins + 1)
    fine = np.linspace(low, high, 200 * bins + 1)
    middle = 0.5 * (fine[1:] + fine[:-1])
    expected = density(middle).reshape(bins, 200).sum(axis=1)
    observed = np.histogram(values, edges)[0]
    expected = expected * observed.sum() / expected.sum()
    use = expected > 10.0
    return stats.chisquare(observed[use], expected[use] * observed[use].sum() / expected[use].sum()).pvalue
