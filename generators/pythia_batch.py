"""Pythia 8 as a source of truth events: settings in, an `EventBatch` in the e+e- centre of mass out.

Used where toymc does not generate by itself (hadronisation, generic B decays). The wheel `pythia8mc` comes with the
extra ``toymc[generators]``; events leave Pythia as `awkward` columns, so nothing loops over them in Python.

Pythia holds the interpreter while it generates. Called from the main thread it runs in this process; called from
another thread, as the workers of a production do, it runs in a process of its own, so that workers do not wait for each
other. The events are the same: they depend on settings, seed and number alone.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError, ToymcError
from toymc.events import STATUS_DECAYED, STATUS_FINAL, EventBatch
from toymc.generators.cache import cached_arrays, installed

Columns = dict[str, npt.NDArray[Any]]

# Pythia's own seeds end at 900 000 000 (manual, "Random:seed")
_SEED_RANGE = 900_000_000
_MM_TO_CM = 0.1
# codes of primary hadrons and decay products (manual, "Particle Properties": 81-89 hadronisation, 91-99 decays)
_FIRST_HADRON_STATUS = 81
# Pythia fills its awkward arrays from C++ and is not made for several threads of one process: one at a time
_ONE_AT_A_TIME = threading.Lock()
# events of an outside file beyond those asked for: Pythia may reject one
_SPARE_EVENTS = 1000


@dataclass(frozen=True)
class PythiaRun:
    """Everything that a run of Pythia depends on.

    Attributes
    ----------
    settings : tuple of str
        Lines for ``readString``; beams and processes are the caller's.
    seed : int
        1 to 900 000 000.
    n_events : int
    event_file : tuple of str, optional
        Head and event of a Les Houches file that holds the same event again and again.
    """

    settings: tuple[str, ...]
    seed: int
    n_events: int
    event_file: tuple[str, str] | None = None

    def require(self) -> None:
        """Check seed, number of events, and that Pythia 8 is installed.

        Raises
        ------
        InputError
            For a seed out of range or a negative number of events.
        ToymcError
            If the extra is missing.
        """
        if not 1 <= self.seed <= _SEED_RANGE:
            raise InputError(f"Pythia 8 seed {self.seed}: give 1 to {_SEED_RANGE}")
        if self.n_events < 0:
            raise InputError(f"{self.n_events} events asked for: give zero or more")
        if not pythia_available():
            raise ToymcError("this process needs Pythia 8: pip install 'toymc[generators]'")


def pythia_available() -> bool:
    """Whether the extra ``toymc[generators]`` is installed.

    Examples
    --------
    >>> pythia_available() in (True, False)
    True
    """
    from importlib.util import find_spec

    return find_spec("pythia8mc") is not None


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for Pythia from a stream of toymc.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> 1 <= draw_seed(stream(1, "doc", "test", 0)) < 900_000_000
    True
    """
    return int(rng.integers(1, _SEED_RANGE))


def run_pythia(run: PythiaRun) -> Columns:
    """Generate events with a fresh Pythia instance.

    A fresh instance for each call, because Pythia adapts its maxima while it runs: the events must depend on the
    seed alone. Starting one takes 0.1 s, a batch of 16 384 continuum events 1.3 s.

    Parameters
    ----------
    run : PythiaRun

    Returns
    -------
    dict of arrays
        ``counts`` (n_events,): particles per event. One entry per particle of Pythia's record: ``id, status, mother1``
        (int32), ``px, py, pz, m`` (GeV), ``x, y, z, t`` (mm; 0 where Pythia gives no vertex).

    Raises
    ------
    ToymcError
        If the extra is missing, a setting is refused or Pythia gives up.
    """
    run.require()
    if threading.current_thread() is threading.main_thread():
        return _run_here(run)
    return _run_apart(run)


def _run_here(run: PythiaRun) -> Columns:
    import awkward  # noqa: F401  Pythia imports it from C++, where an import of another thread would lock
    import pythia8mc

    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory() as folder:
        lines = ["Print:quiet = on", "Random:setSeed = on", f"Random:seed = {run.seed}", *run.settings]
        if run.event_file is not None:
            file = Path(folder) / "events.lhe"
            head, event = run.event_file
            file.write_text(head + event * (run.n_events + _SPARE_EVENTS) + "</LesHouchesEvents>\n", encoding="utf-8")
            lines += ["Beams:frameType = 4", f"Beams:LHEF = {file}"]
        pythia = pythia8mc.Pythia("", False)
        for line in lines:
            if not pythia.readString(line):
                raise InputError(f"Pythia 8 refuses the setting '{line}'")
        if not pythia.init():
            raise ToymcError("Pythia 8 does not start with these settings: " + "; ".join(run.settings))
        events = pythia.nextBatch(run.n_events)
        if len(events) != run.n_events:
            raise ToymcError(f"Pythia 8 stopped after {len(events)} of {run.n_events} events")
        return _columns(events.prt)


def _run_apart(run: PythiaRun) -> Columns:
    """The same in a process of its own; its last line of complaint becomes the error."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "events.npz"
        order = json.dumps([run.settings, run.seed, run.n_events, run.event_file, str(out)])
        command = [sys.executable, "-c", "from toymc.generators.pythia_batch import _serve; _serve()"]
        done = subprocess.run(command, input=order, capture_output=True, text=True)
        if done.returncode != 0 or not out.is_file():
            lines = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
            raise ToymcError(f"Pythia 8 in a process of its own: {lines[-1]}")
        with np.load(out, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


def _serve() -> None:
    """What the other process does: read the order, run, write the columns."""
    settings, seed, n_events, event_file, out = json.loads(sys.stdin.read())
    run = PythiaRun(tuple(settings), seed, n_events, tuple(event_file) if event_file is not None else None)
    try:
        columns = _run_here(run)
    except ToymcError as error:
        raise SystemExit(str(error)) from error
    np.savez(out, **columns)  # type: ignore[arg-type]


def pythia_events(settings: Sequence[str], rng: np.random.Generator, n_events: int, first_event_id: int) -> EventBatch:
    """Events of a fresh Pythia instance, seeded from `rng`; kept on disk by content (see `toymc.generators.cache`).

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
    run = PythiaRun(tuple(settings), draw_seed(rng), n_events)
    run.require()
    words = [*run.settings, str(run.seed), str(n_events), installed("pythia8mc"), Path(__file__).read_text("utf-8")]
    rows = cached_arrays("pythia", words, lambda: _rows(run_pythia(run)))
    return EventBatch(
        **rows,
        helicity=np.zeros(len(rows["pdg"])),
        weight=np.ones(n_events),
        event_id=np.arange(first_event_id, first_event_id + n_events, dtype=np.int64),
        process="",
    )


def _columns(particles: Any) -> Columns:
    import awkward as ak

    def flat(jagged: Any, kind: type) -> npt.NDArray[Any]:
        return np.ascontiguousarray(ak.to_numpy(ak.flatten(jagged, axis=1)), dtype=kind)

    columns = {"counts": ak.to_numpy(ak.num(particles, axis=1)).astype(np.int64)}
    columns |= {name: flat(getattr(particles, name), np.int32) for name in ("id", "status", "mother1")}
    columns |= {name: flat(getattr(particles.p, name), np.float64) for name in ("px", "py", "pz")}
    columns["m"] = flat(particles.m, np.float64)
    vertex = particles.vProd
    for name, axis in (("x", "px"), ("y", "py"), ("z", "pz"), ("t", "e")):
        columns[name] = flat(ak.fill_none(getattr(vertex, axis), 0.0), np.float64)
    return columns


def _rows(columns: Columns) -> Columns:
    """Hadrons, leptons and photons of the events of `run_pythia`, as columns of an `EventBatch`."""
    counts, code, pdg, mother = columns["counts"], columns["status"], columns["id"], columns["mother1"]
    first_row = np.concatenate(([0], np.cumsum(counts)))
    event = np.repeat(np.arange(len(counts)), counts)
    keep = (code > 0) | (np.abs(code) >= _FIRST_HADRON_STATUS)
    # Pythia's diquarks, quarks and gluons carry hadronisation codes too when they are copied
    keep &= (np.abs(pdg) > 6) & (pdg != 21) & ((np.abs(pdg) // 10 % 10 != 0) | (np.abs(pdg) < 1000))
    kept_before = np.concatenate(([0], np.cumsum(keep)))
    absolute = np.clip(first_row[event] + mother, 0, len(pdg) - 1)
    relative = kept_before[absolute] - kept_before[first_row[event]]
    mother_row = np.where(keep[absolute] & (mother > 0), relative, -1)[keep]
    offsets = np.concatenate(([0], np.cumsum(np.bincount(event[keep], minlength=len(counts)))))
    found = {name: columns[name][keep] for name in ("px", "py", "pz")}
    found |= {name: columns[name][keep] * _MM_TO_CM for name in ("x", "y", "z")}
    return found | {
        "offsets": offsets.astype(np.int64),
        "pdg": pdg[keep],
        "status": np.where(code[keep] > 0, STATUS_FINAL, STATUS_DECAYED).astype(np.int32),
        "mother": mother_row.astype(np.int32),
        "mass": np.maximum(columns["m"][keep], 0.0),
        "t": columns["t"][keep] * _MM_TO_CM / SPEED_OF_LIGHT_CM_PER_NS,
    }
