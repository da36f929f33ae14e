"""From hard two-photon events to particle rows: scattered e-, e+, then the pair; taus decay with their joint spin."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E
from toymc.events import STATUS_FINAL, EventBatch
from toymc.generators.llx.rows import RowScratch, _tau_pair_decays, row_scratch
from toymc.generators.rows import event_batch, grown
from toymc.generators.secondary import secondary_table
from toymc.generators.tau_pair import _scratch
from toymc.generators.tau_pair_kernels import MAX_ROWS, N_REALS, Scratch, _decay_chain
from toymc.generators.two_photon.layout import DENSITY, ELECTRON, FRAME, INSIDE, MINUS, PLUS, POSITRON, VERTEX
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]

PRIMARIES = 4
_TAU_ROWS = 22


class PairRows(NamedTuple):
    """What the rows of an event depend on beside the momenta.

    Attributes
    ----------
    pdg : int
        PDG code of the negative particle of the pair.
    mass : float
        Its mass in GeV.
    tau_modes, tau_cumulative : arrays
        Modes of taus and the running sum of their fractions.
    use_fsr : bool
        Radiation in the decays of taus.
    """

    pdg: int
    mass: float
    tau_modes: IntArray
    tau_cumulative: FloatArray
    use_fsr: bool


@kernel
def _write_tau_pairs(
    rng, done, row, hard, primary, modes, cumulative, use_fsr, tables, secondaries, scratch, rows, reals, codes, offsets
):
    """Rows of events done.. until all are made or fewer than MAX_ROWS are left: (events made, rows used).

    `primary` (9, 4 n), columns of the four primaries of every event.
    """
    frame, boosted, moved, rotation, vector = rows.frame, rows.boosted, rows.moved, rows.rotation, rows.vector
    for i in range(done, len(hard)):
        if row + MAX_ROWS > reals.shape[1]:
            return i, row
        first = row
        for k in range(4):
            for column in range(9):
                reals[column, row] = primary[column, 4 * i + k]
            codes[1, row], codes[2, row] = 1 if k < 2 else 2, -1
            row += 1
        codes[0, first], codes[0, first + 1], codes[0, first + 2], codes[0, first + 3] = 11, -11, 15, -15
        for a in range(4):
            for b in range(4):
                frame[a, b] = hard[i, FRAME + 4 * a + b]
        mass = reals[3, first + 2]
        for side in range(2):
            total = mass * mass
            for k in range(3):
                p = hard[i, INSIDE + 3 * side + k]
                vector[4 + side, k] = p
                total += p * p
            vector[4 + side, 3] = np.sqrt(total)
        begin = row
        row = _tau_pair_decays(
            rng, 2, 3, hard[i, DENSITY : DENSITY + 16], first, row, modes, cumulative, use_fsr, tables, scratch,
            frame, boosted, moved, rotation, vector, reals, codes,
        )  # fmt: skip
        row = _decay_chain(rng, first, begin, row, use_fsr, secondaries, scratch, reals, codes)
        offsets[i + 1] = row
    return len(hard), row


def _primaries(hard: FloatArray, pair: PairRows) -> FloatArray:
    """Columns px, py, pz, mass, x, y, z, t, helicity of the four primaries, event after event: (9, 4 n)."""
    out = np.zeros((N_REALS, len(hard), PRIMARIES))
    for k, column in enumerate((ELECTRON, POSITRON, MINUS, PLUS)):
        out[:3, :, k] = hard[:, column : column + 3].T
    out[3, :, :2], out[3, :, 2:] = M_E, pair.mass
    out[4:7] = hard[:, VERTEX : VERTEX + 3].T[:, :, None]
    return out.reshape(N_REALS, -1)


def write_pairs(
    rng: np.random.Generator, hard: FloatArray, pair: PairRows, tables: object | None, process: str
) -> EventBatch:
    """Turn hard two-photon events into a batch.

    Parameters
    ----------
    rng : numpy.random.Generator
    hard : float64 (n, N_COLUMNS)
        From `toymc.generators.two_photon.hard`.
    pair : PairRows
    tables : TauDecayTables or None
        Needed for taus.
    process : str

    Returns
    -------
    EventBatch
        Rows: e-, e+, negative and positive particle of the pair, products of the taus and what these decay to.
    """
    n = len(hard)
    primary = _primaries(hard, pair)
    if tables is None:
        codes = np.empty((3, PRIMARIES * n), dtype=np.int32)
        codes[0] = np.tile(np.array([11, -11, pair.pdg, -pair.pdg], dtype=np.int32), n)
        codes[1], codes[2] = STATUS_FINAL, -1
        return event_batch(primary, codes, PRIMARIES * np.arange(n + 1, dtype=np.int64), np.ones(n), 0, process)
    capacity = _TAU_ROWS * n + MAX_ROWS
    reals: FloatArray = np.empty((N_REALS, capacity))
    tau_codes: Int32Array = np.empty((3, capacity), dtype=np.int32)
    offsets = np.zeros(n + 1, dtype=np.int64)
    scratch: Scratch = _scratch()
    places: RowScratch = row_scratch()
    done = row = 0
    while True:
        done, row = _write_tau_pairs(
            rng, done, row, hard, primary, pair.tau_modes, pair.tau_cumulative, pair.use_fsr, tables,
            secondary_table(), scratch, places, reals, tau_codes, offsets,
        )  # fmt: skip
        if done == n:
            return event_batch(reals, tau_codes, offsets, np.ones(n), 0, process)
        capacity = int(1.5 * capacity) + MAX_ROWS
        reals, tau_codes = grown(reals, row, capacity), grown(tau_codes, row, capacity)


def shuffled(batches: list[EventBatch], order: IntArray, first_event_id: int) -> EventBatch:
    """Join batches and take their events in a given order.

    Parameters
    ----------
    batches : list of EventBatch
    order : int64 (n,)
        Event of the joined batches at each place.
    first_event_id : int

    Returns
    -------
    EventBatch

    Examples
    --------
    >>> from toymc.generators.two_photon.layout import N_COLUMNS
    >>> pair = PairRows(13, 0.1057, np.zeros(0, dtype=np.int64), np.zeros(0), False)
    >>> from toymc.streams import stream
    >>> one = write_pairs(stream(1, "doc", "test", 0), np.zeros((2, N_COLUMNS)), pair, None, "doc")
    >>> shuffled([one, one], np.array([3, 0, 1, 2]), 10).event_id.tolist()
    [10, 11, 12, 13]
    """
    joined = EventBatch.concatenate(batches) if len(batches) > 1 else batches[0]
    counts = joined.counts[order]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    source = np.repeat(joined.offsets[order] - offsets[:-1], counts) + np.arange(offsets[-1])
    columns = {name: getattr(joined, name)[source] for name in EventBatch._columns()}
    return EventBatch(
        offsets=offsets,
        **columns,
        weight=joined.weight[order],
        event_id=np.arange(first_event_id, first_event_id + len(order), dtype=np.int64),
        process=joined.process,
    )
