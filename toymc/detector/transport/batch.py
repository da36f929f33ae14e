"""`transport`: a batch of truth particles to a batch as the detector saw it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.detector.transport.act import (
    N_FLOATS,
    N_INTEGERS,
    S_END,
    S_FATE,
    S_HELICITY,
    S_M,
    S_MOTHER,
    S_PDG,
    S_PX,
    S_PY,
    S_PZ,
    S_STATUS,
    S_T,
    S_X,
    S_Y,
    S_Z,
)
from toymc.detector.transport.run import _large_codes, _transport
from toymc.detector.transport.species import LOOKUP_RANGE
from toymc.detector.transport.tables import TransportTables, species_arrays, transport_tables
from toymc.events import EventBatch
from toymc.geometry import DetectorCard
from toymc.lanes import WIDTH

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

_FLOAT_COLUMNS = {
    "px": S_PX,
    "py": S_PY,
    "pz": S_PZ,
    "mass": S_M,
    "x": S_X,
    "y": S_Y,
    "z": S_Z,
    "t": S_T,
    "helicity": S_HELICITY,
}
_INTEGER_COLUMNS = {"pdg": S_PDG, "mother": S_MOTHER, "status": S_STATUS}
_INPUTS = ("offsets", "pdg", "status", "px", "py", "pz", "mass", "x", "y", "z", "t", "helicity", "mother")
_SECONDARIES_PER_ROW = 0.3
"""First guess of the room for secondaries; it grows where a batch needs more."""


@dataclass(frozen=True)
class Transported:
    """A batch after the transport.

    Attributes
    ----------
    batch : EventBatch
        Rows of the generator first in each event, unchanged but for `status` (2 for what decayed, converted or
        interacted), then the secondaries: status 1 or 2, `mother` the row that made them, helicity 0.
    fate : int32 (n_rows,)
        FATE_* code of every row; 0 for what the generator let decay and for documentation.
    end_arc : float64 (n_rows,)
        Transverse path in cm from the production point after which a charged particle is gone (decay, interaction,
        range); inf for all others. A charged particle of status 2 with a finite path and fate 1-4 or 6 left hits.
    """

    batch: EventBatch
    fate: Int32Array
    end_arc: FloatArray


def _others(batch: EventBatch) -> tuple[int, ...]:
    """Codes of final particles beyond the direct look-up."""
    found = np.empty(64, dtype=np.int64)
    n = int(_large_codes(batch.pdg, batch.status, found))
    if n < len(found):
        return tuple(sorted(int(code) for code in found[:n]))
    final = batch.pdg[batch.status == 1]
    return tuple(int(code) for code in np.unique(final[np.abs(final.astype(np.int64)) > LOOKUP_RANGE]))


def transport(batch: EventBatch, detector: TransportTables | DetectorCard, rng: np.random.Generator) -> Transported:
    """Follow every final particle of a batch through the detector up to the front of the calorimeter.

    Charged particles go along helices, neutral ones along lines; they decay in flight, photons convert, hadrons
    interact in the material of the tracker, slow particles range out; what is made is followed in its turn. Rules of
    the regions and fates: `toymc.detector.transport.regions`. Physics and limits: `conversion`, `decays`, `hadronic`,
    `collisions`, `walk`.

    Parameters
    ----------
    batch : EventBatch
        GeV, cm, ns, lab frame.
    detector : TransportTables or DetectorCard
        From `transport_tables` (or a card, from which they are built).
    rng : numpy.random.Generator
        Stream of the stage "simulate" of this chunk.

    Returns
    -------
    Transported

    Examples
    --------
    >>> from toymc.detector import particle_batch
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> batch = particle_batch([111], [[0.0, 1.0, 0.2]])
    >>> seen = transport(batch, load_card("belle2"), stream(1, "doc", "simulate", 0))
    >>> seen.batch.pdg[:3].tolist(), int(seen.fate[0])
    ([111, 22, 22], 1)
    """
    tables = transport_tables(detector) if isinstance(detector, DetectorCard) else detector
    species = species_arrays(_others(batch), tables.depth_behind)
    inputs: list[Any] = [np.ascontiguousarray(getattr(batch, name)) for name in _INPUTS]
    n = batch.n_particles
    capacity = n + int(_SECONDARIES_PER_ROW * n) + WIDTH
    # one block for all columns: as many small ones would be handed back to the system and asked for again every time
    floats, integers = np.empty((N_FLOATS, capacity)), np.empty((N_INTEGERS, capacity), np.int32)
    offsets = np.zeros(batch.n_events + 1, np.int64)
    arguments: list[Any] = [rng, *inputs, *species, *tables[:-1], floats, integers, offsets]
    floats, integers, made = _transport(*arguments)
    fate, end_arc = integers[S_FATE, : n + made], floats[S_END, : n + made]
    if made == 0:
        return Transported(replace(batch, status=integers[S_STATUS, :n]), fate, end_arc)
    columns: dict[str, Any] = {name: floats[k, : n + made] for name, k in _FLOAT_COLUMNS.items()}
    columns |= {name: integers[k, : n + made] for name, k in _INTEGER_COLUMNS.items()}
    return Transported(replace(batch, offsets=offsets, **columns), fate, end_arc)
