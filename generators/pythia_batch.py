"""Pythia 8 as a source of truth events: settings in, an `EventBatch` in the e+e- centre of mass out.

Used where toymc does not generate by itself (hadronisation). The wheel `pythia8mc` comes with the extra
``toymc[generators]``; events leave Pythia as `awkward` columns, so nothing loops over them in Python.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError, ToymcError
from toymc.events import STATUS_DECAYED, STATUS_FINAL, EventBatch

# Pythia's own seeds end at 900 000 000 (manual, "Random:seed")
_SEED_RANGE = 900_000_000
_MM_TO_CM = 0.1
# codes of primary hadrons and decay products (manual, "Particle Properties": 81-89 hadronisation, 91-99 decays)
_FIRST_HADRON_STATUS = 81
# Pythia fills its awkward arrays from C++ and is not made for several threads of one process: one at a time
_ONE_AT_A_TIME = threading.Lock()


def pythia_available() -> bool:
    """Whether the extra ``toymc[generators]`` is installed.

    Examples
    --------
    >>> pythia_available() in (True, False)
    True
    """
    from importlib.util import find_spec

    return find_spec("pythia8mc") is not None


def pythia_events(settings: Sequence[str], rng: np.random.Generator, n_events: int, first_event_id: int) -> EventBatch:
    """Generate events with a fresh Pythia instance, seeded from `rng`.

    A fresh instance for each call, because Pythia adapts its maxima while it runs: the events must depend on the
    stream alone. Starting one takes 0.1 s, a batch of 16 384 continuum events 1.3 s.

    Parameters
    ----------
    settings : sequence of str
        Lines for ``readString``; beams and processes are the caller's.
    rng : numpy.random.Generator
    n_events, first_event_id : int

    Returns
    -------
    EventBatch
        Hadrons, leptons and photons in Pythia's frame (e- along +z in the centre of mass); mothers that are partons
        are dropped (-1).

    Raises
    ------
    ToymcError
        If the extra is missing, a setting is refused or Pythia gives up.
    """
    try:
        import awkward  # noqa: F401  Pythia imports it from C++, where an import of another thread would lock
        import pythia8mc
    except ImportError as error:
        raise ToymcError("this process needs Pythia 8: pip install 'toymc[generators]'") from error
    with _ONE_AT_A_TIME:
        pythia = pythia8mc.Pythia("", False)
        seed = int(rng.integers(1, _SEED_RANGE))
        for line in ("Print:quiet = on", "Random:setSeed = on", f"Random:seed = {seed}", *settings):
            if not pythia.readString(line):
                raise InputError(f"Pythia 8 refuses the setting '{line}'")
        if not pythia.init():
            raise ToymcError("Pythia 8 does not start with these settings: " + "; ".join(settings))
        events = pythia.nextBatch(n_events)
        if len(events) != n_events:
            raise ToymcError(f"Pythia 8 stopped after {len(events)} of {n_events} events")
    return _to_batch(events.prt, first_event_id)


def _column(jagged: Any) -> np.ndarray:
    import awkward as ak

    flat: np.ndarray = np.ascontiguousarray(ak.to_numpy(ak.flatten(jagged, axis=1)))
    return flat


def _to_batch(particles: Any, first_event_id: int) -> EventBatch:
    import awkward as ak

    counts = ak.to_numpy(ak.num(particles, axis=1))
    first_row = np.concatenate(([0], np.cumsum(counts)))
    event = np.repeat(np.arange(len(counts)), counts)
    code = _column(particles.status)
    pdg = _column(particles.id).astype(np.int32)
    keep = (code > 0) | (np.abs(code) >= _FIRST_HADRON_STATUS)
    # Pythia's diquarks, quarks and gluons carry hadronisation codes too when they are copied
    keep &= (np.abs(pdg) > 6) & (pdg != 21) & ((np.abs(pdg) // 10 % 10 != 0) | (np.abs(pdg) < 1000))
    kept_before = np.concatenate(([0], np.cumsum(keep)))
    mother = _column(particles.mother1)
    absolute = np.clip(first_row[event] + mother, 0, len(pdg) - 1)
    relative = kept_before[absolute] - kept_before[first_row[event]]
    mother_row = np.where(keep[absolute] & (mother > 0), relative, -1)[keep]
    offsets = np.concatenate(([0], np.cumsum(np.bincount(event[keep], minlength=len(counts)))))
    vertex = particles.vProd
    position = [_column(ak.fill_none(getattr(vertex, axis), 0.0))[keep] * _MM_TO_CM for axis in ("px", "py", "pz", "e")]
    return EventBatch(
        offsets=offsets.astype(np.int64),
        pdg=pdg[keep],
        status=np.where(code[keep] > 0, STATUS_FINAL, STATUS_DECAYED).astype(np.int32),
        mother=mother_row.astype(np.int32),
        px=_column(particles.p.px)[keep],
        py=_column(particles.p.py)[keep],
        pz=_column(particles.p.pz)[keep],
        mass=np.maximum(_column(particles.m)[keep], 0.0),
        x=position[0],
        y=position[1],
        z=position[2],
        t=position[3] / SPEED_OF_LIGHT_CM_PER_NS,
        helicity=np.zeros(int(keep.sum())),
        weight=np.ones(len(counts)),
        event_id=np.arange(first_event_id, first_event_id + len(counts), dtype=np.int64),
        process="",
    )
