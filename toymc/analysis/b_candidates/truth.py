"""What the simulation knows about candidates and decays: matching, mothers, proper decay lengths."""

import numpy as np
import numpy.typing as npt

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import EventBatch, Reconstruction

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def true_rows(reco: Reconstruction, event: IntArray, track_rows: IntArray) -> IntArray:
    """Row of the true particle of each track in the whole truth table, -1 for none; int64 (n,)."""
    local = reco.tracks.truth[track_rows].astype(np.int64)
    rows: IntArray = np.where(local >= 0, reco.truth.offsets[event] + local, -1)
    return rows


def mother_rows(truth: EventBatch, event: IntArray, rows: IntArray) -> IntArray:
    """Row of the mother in the whole table of each row, -1 for none; int64 (n,)."""
    known = rows >= 0
    local = np.where(known, truth.mother[np.where(known, rows, 0)], -1).astype(np.int64)
    mothers: IntArray = np.where(local >= 0, truth.offsets[event] + local, -1)
    return mothers


def codes(truth: EventBatch, rows: IntArray) -> IntArray:
    """PDG codes of rows, 0 for row -1; int64 (n,)."""
    known = rows >= 0
    found: IntArray = np.where(known, truth.pdg[np.where(known, rows, 0)], 0).astype(np.int64)
    return found


def true_proper_length(truth: EventBatch, pdg: int) -> FloatArray:
    """Proper decay length c t of the first particle of a kind in every event.

    Parameters
    ----------
    truth : EventBatch
    pdg : int
        PDG code, sign included.

    Returns
    -------
    float64 (n_events,)
        cm; NaN where an event has no such particle or the particle has no daughters.

    Raises
    ------
    InputError
        For the code 0.

    Notes
    -----
    Time between the production of the particle and that of its first daughter, times mass over energy.

    Examples
    --------
    >>> from toymc.generators.processes import prepare
    >>> from toymc.streams import stream
    >>> process = prepare("b_k_scalar", {"mass": 1.0, "ctau": 2.0, "other": "none"})
    >>> lengths = true_proper_length(process.generate(stream(1, "truth", "test", 0), 4000), 54)
    >>> 1.8 < lengths.mean() < 2.2
    True
    """
    if pdg == 0:
        raise InputError("PDG code 0: give that of a particle")
    event = truth.event_index
    rows = np.nonzero(truth.pdg == pdg)[0]
    first_of_event = np.full(truth.n_events, -1, dtype=np.int64)
    first_of_event[event[rows[::-1]]] = rows[::-1]
    mother = np.where(truth.mother >= 0, truth.offsets[event] + truth.mother, -1)
    daughters = np.nonzero(mother >= 0)[0][::-1]
    first_daughter = np.full(len(truth.pdg), -1, dtype=np.int64)
    first_daughter[mother[daughters]] = daughters
    length = np.full(truth.n_events, np.nan)
    with_one = np.nonzero(first_of_event >= 0)[0]
    row = first_of_event[with_one]
    child = first_daughter[row]
    with_one, row, child = (values[child >= 0] for values in (with_one, row, child))
    time = (truth.t[child] - truth.t[row]) * SPEED_OF_LIGHT_CM_PER_NS
    mass = truth.mass[row]
    energy = np.sqrt(truth.px[row] ** 2 + truth.py[row] ** 2 + truth.pz[row] ** 2 + mass**2)
    length[with_one] = time * np.divide(mass, energy, out=np.zeros_like(mass), where=energy > 0.0)
    return length
