"""Events of other generators: what every reader checks, and the way from the frame of the file to the laboratory.

A reader (`toymc.io.lhe`, `toymc.io.hepmc`) yields `ForeignBatch`es: the units of toymc's event record, but the frame of
reference of the file. `laboratory_frame` looks at the first of them and says which frame that is.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from particle import PDGID

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS, ctau_cm
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_FINAL, EventBatch
from toymc.generators.beams import sample_beams, to_laboratory
from toymc.geometry.beam import BeamCard
from toymc.kinematics import boost

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Frame = Literal["lab", "cms", "head-on"]

FRAMES = ("auto", "lab", "cms")
_SAME_VELOCITY = 0.01
"""Frames whose velocities (in units of c) differ by less are the same; those of the machines are 0.28 to 0.39 apart."""
_SAME_ENERGY = 0.15
"""Relative distance from the machine's centre-of-mass energy up to which a file is taken for one of this machine."""
_SHORT_LIVED_CM = 1.0
"""A final particle with a smaller c*tau is for the generator to decay; K_S, Lambda and the hyperons are above."""
_MASS_TOLERANCE_GEV = 5e-3
_SEEN_OR_NEUTRINO = frozenset((11, 13, 22, 211, 321, 2212, 2112, 130, 310, 12, 14, 16))


@dataclass(frozen=True)
class ForeignBatch:
    """Events in the frame of their file.

    Attributes
    ----------
    events : EventBatch
        GeV, cm, ns.
    incoming : bool (n_particles,)
        The two colliding particles of each event, where the file has them.
    """

    events: EventBatch
    incoming: BoolArray


@dataclass(frozen=True)
class ForeignFile:
    """An event file of another generator, opened.

    Attributes
    ----------
    path : Path
    kind : str
        ``lhe`` or ``hepmc3``.
    generator : str
        What the file says made it, empty if nothing.
    cross_section_fb, cross_section_error_fb : float
        NaN where the file does not say.
    batches : iterator of ForeignBatch
    """

    path: Path
    kind: str
    generator: str
    cross_section_fb: float
    cross_section_error_fb: float
    batches: Iterator[ForeignBatch]


@dataclass
class LeftOver:
    """Final particles that the detector cannot do justice to, by PDG code.

    Attributes
    ----------
    undecayed : Counter
        Short-lived ones that the generator should have let decay: they vanish.
    unseen : Counter
        Codes without an entry in the PDG table (new particles): they leave no signal.
    """

    undecayed: Counter[int] = field(default_factory=Counter)
    unseen: Counter[int] = field(default_factory=Counter)

    def add(self, batch: EventBatch) -> None:
        """Count those of `batch`."""
        codes, counts = np.unique(np.abs(batch.pdg[batch.status == STATUS_FINAL]), return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            if code in _SEEN_OR_NEUTRINO:
                continue
            length = _length_cm(code)
            if length is None:
                self.unseen[code] += count
            elif length < _SHORT_LIVED_CM:
                self.undecayed[code] += count


def _length_cm(code: int) -> float | None:
    """c*tau of a particle, 0 for partons and broad states, None for codes that the PDG table does not have."""
    if code <= 8 or code == 21 or PDGID(code).is_diquark:
        return 0.0
    try:
        return ctau_cm(code)
    except InputError:
        return None


def check_codes(batch: EventBatch, where: str) -> None:
    """Raise `InputError` for a final or decayed particle whose code is not of the PDG numbering scheme."""
    physical = (batch.status == STATUS_FINAL) | (batch.status == STATUS_DECAYED)
    for code in np.unique(batch.pdg[physical]).tolist():
        if not PDGID(code).is_valid:
            row = int(np.argmax(physical & (batch.pdg == code)))
            event = int(batch.event_id[np.searchsorted(batch.offsets, row, side="right") - 1])
            raise InputError(
                f"cannot read {where}: unknown PDG code {code} in event {event}: "
                "give new particles a code of the PDG numbering scheme, e.g. 9000001"
            )


def check_masses(
    mass: FloatArray, energy: FloatArray, p: FloatArray, event: npt.NDArray[np.int64], where: str
) -> FloatArray:
    """Masses as given where they agree with energy and momentum, else those of energy and momentum.

    Parameters
    ----------
    mass, energy, p : float64 (n,)
        GeV; `p` is the length of the momentum.
    event : int64 (n,)
        Number of the event of each row, for the error.
    where : str

    Returns
    -------
    float64 (n,)

    Raises
    ------
    InputError
        If a number is not finite or an energy is below its momentum.
    """
    finite = np.isfinite(mass) & np.isfinite(energy) & np.isfinite(p)
    if not finite.all():
        raise InputError(f"cannot read {where}: event {event[np.argmin(finite)]} has a number that is not finite")
    tolerance = _MASS_TOLERANCE_GEV + 1e-4 * np.abs(energy)
    agree = (mass >= 0.0) & (np.abs(np.sqrt(p**2 + mass**2) - energy) < tolerance)
    possible = agree | (energy > p - tolerance)
    if not possible.all():
        row = int(np.argmin(possible))
        raise InputError(
            f"cannot read {where}: event {event[row]} has a particle with energy {energy[row]:g} GeV below its "
            f"momentum {p[row]:g} GeV"
        )
    derived: FloatArray = np.sqrt(np.maximum((energy - p) * (energy + p), 0.0))
    return np.where(agree, mass, derived)


def total_momentum(batch: ForeignBatch) -> FloatArray:
    """Four-momentum (px, py, pz, E) of each event: of its incoming particles, or of the final ones; (n_events, 4)."""
    events = batch.events
    index = events.event_index
    columns = (events.px, events.py, events.pz, events.energy)

    def summed(mask: BoolArray) -> FloatArray:
        sums = [np.bincount(index[mask], column[mask], events.n_events) for column in columns]
        return np.stack(sums, axis=1)

    pairs = np.bincount(index[batch.incoming], minlength=events.n_events) == 2
    final = summed(events.status == STATUS_FINAL)
    return np.where(pairs[:, None], summed(batch.incoming), final)


@dataclass(frozen=True)
class LaboratoryFrame:
    """How events of a file get to the laboratory.

    Attributes
    ----------
    frame : str
        ``lab``: as they are; ``cms``: from the centre of mass; ``head-on``: asymmetric beams along z, without the
        crossing angle of the machine, to the centre of mass first.
    turned : bool
        The positrons fly along +z in the file: turned about the y axis first.
    beam : BeamCard
    velocity : float
        Of the centre of mass along z in a ``head-on`` file.
    """

    frame: Frame
    turned: bool
    beam: BeamCard
    velocity: float = 0.0

    def move(self, batch: EventBatch, rng: np.random.Generator) -> EventBatch:
        """Events in the laboratory.

        The file knows nothing of the machine unless it is in its laboratory frame: the velocity of each collision is
        drawn from the beam card, with the energy spread, and its place from the luminous region.
        """
        if self.frame == "lab":
            return batch
        beams, vertex = sample_beams(rng, self.beam, batch.n_events)
        index = batch.event_index
        light = SPEED_OF_LIGHT_CM_PER_NS
        p, energy = np.stack([batch.px, batch.py, batch.pz], axis=1), batch.energy
        place, time = np.stack([batch.x, batch.y, batch.z], axis=1), batch.t * light
        if self.turned:
            p, place = p * [-1.0, 1.0, -1.0], place * [-1.0, 1.0, -1.0]
        if self.frame == "head-on":
            back = np.array([0.0, 0.0, self.velocity if self.turned else -self.velocity])
            p, energy = _boosted(p, energy, back)
            place, time = _boosted(place, time, back)
        p, _ = to_laboratory(p, energy, index, beams)
        place, time = to_laboratory(place, time, index, beams)
        px, py, pz = (np.ascontiguousarray(c) for c in p.T)
        x, y, z = (np.ascontiguousarray(c) for c in (place + vertex[index]).T)
        return replace(batch, px=px, py=py, pz=pz, x=x, y=y, z=z, t=time / light)


def _boosted(vector: FloatArray, time: FloatArray, velocity: FloatArray) -> tuple[FloatArray, FloatArray]:
    moved = boost(np.column_stack([vector, time]), np.broadcast_to(velocity, vector.shape))
    return moved[:, :3], moved[:, 3]


def laboratory_frame(first: ForeignBatch, asked: str, beam: BeamCard, where: str) -> LaboratoryFrame:
    """Which frame a file is in.

    Parameters
    ----------
    first : ForeignBatch
        Its first events; the median of their total momentum decides.
    asked : str
        ``auto``, ``lab`` or ``cms``, what the user says.
    beam : BeamCard
    where : str
        Name of the file, for errors.

    Returns
    -------
    LaboratoryFrame

    Raises
    ------
    InputError
        If the total momentum contradicts what was asked for, or fits neither frame.
    """
    if asked not in FRAMES:
        raise InputError(f"unknown frame '{asked}': allowed are {', '.join(FRAMES)}")
    total = np.median(total_momentum(first), axis=0)
    if not total[3] > 0.0:
        raise InputError(f"cannot read {where}: its events have no energy")
    velocity = total[:3] / total[3]
    at_rest = bool(np.all(np.abs(velocity) < _SAME_VELOCITY))
    text = f"total momentum ({total[0]:.3f}, {total[1]:.3f}, {total[2]:.3f}) GeV at energy {total[3]:.3f} GeV"
    if asked == "lab":
        if at_rest:
            raise InputError(f"{where} is not in the laboratory frame: {text}: use --frame cms")
        return LaboratoryFrame("lab", False, beam)
    turned = _positrons_along_z(first)
    machine = np.array(beam.boost)
    speed = float(np.hypot(machine[0], machine[2]))
    head_on = bool(np.all(np.abs(velocity[:2]) < _SAME_VELOCITY)) and abs(abs(velocity[2]) - speed) < 0.03
    if asked == "cms" and not at_rest:
        raise InputError(f"{where} is not in the centre-of-mass frame: {text}: use --frame lab")
    if asked == "auto" and np.all(np.abs(velocity - machine) < _SAME_VELOCITY):
        return LaboratoryFrame("lab", False, beam)
    if not (at_rest or head_on):
        raise InputError(
            f"cannot tell the frame of {where}: {text} is neither that of {beam.name} nor zero: "
            "give --frame lab to take it as it is"
        )
    invariant = float(np.sqrt(max(total[3] ** 2 - float(np.sum(total[:3] ** 2)), 0.0)))
    if abs(invariant / beam.sqrt_s - 1.0) > _SAME_ENERGY:
        raise InputError(
            f"{where} holds collisions at {invariant:.2f} GeV, {beam.name} collides at {beam.sqrt_s:.2f} GeV: "
            "generate at the machine's energy"
        )
    if at_rest:
        return LaboratoryFrame("cms", turned, beam)
    return LaboratoryFrame("head-on", turned, beam, float(velocity[2]))


def _positrons_along_z(batch: ForeignBatch) -> bool:
    """Whether the incoming positrons have positive pz; false where the file does not list the beams."""
    pz = batch.events.pz[batch.incoming & (batch.events.pdg == -11)]
    return bool(len(pz) and np.median(pz) > 0.0)
