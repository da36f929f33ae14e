"""The rules of the regions: what the fate of a particle is called.

Regions (cylinders of the card, section `regions`; a place belongs to the innermost that holds it): inside the beam pipe
fate 1, inside the vertex detector 2, inside the drift chamber 3, elsewhere in front of the crystals 4.

The front of the crystals ends the walk: the barrel cylinder and the two planes of the calorimeter. Who crosses a plane
inside the hole of the endcap escapes (9). Muons with enough momentum in the KLM's polar acceptance reach it (8).
Charged hadrons with that momentum and neutral hadrons there pass calorimeter and coil with probability exp(-depth r),
r the interactions per interaction length at 2 GeV, and then reach it; all others end in the calorimeter (7). Particles
made behind the front: 7 inside the crystals, 8 out to the end of the muon detector, 9 beyond.

Charged particles that turn in the field are followed for the card's number of half turns, then they count as stopped
(10). Decays and interactions are simulated until they come back to the vertex detector (slow ones: for a full turn):
their track is made of the first turn. Stopped are also those that lose all their energy in the material there. What
has stopped is not followed further (muons and pions at rest decay after the event is over, K- and pi- are captured by
a nucleus).

In lanes, but for the place of a decay; fates are real numbers there.
"""

from toymc.detector.transport.numbers import (
    BEHIND_COS_HIGH,
    BEHIND_COS_LOW,
    BEHIND_MOMENTUM,
    CHAMBER_HIGH,
    CHAMBER_LOW,
    CHAMBER_RADIUS,
    ECL_HIGH,
    ECL_LOW,
    ECL_RADIUS,
    FRONT_BACKWARD,
    FRONT_FORWARD,
    FRONT_RADIUS,
    KLM_HIGH,
    KLM_LOW,
    KLM_RADIUS,
    PIPE_HIGH,
    PIPE_LOW,
    PIPE_RADIUS,
    VERTEX_HIGH,
    VERTEX_LOW,
    VERTEX_RADIUS,
)
from toymc.detector.transport.species import MUON, NEUTRAL_HADRON
from toymc.events import (
    FATE_CONVERTED,
    FATE_DECAYED_CDC,
    FATE_DECAYED_OUTSIDE,
    FATE_DECAYED_PIPE,
    FATE_DECAYED_VXD,
    FATE_ESCAPED,
    FATE_INTERACTED,
    FATE_REACHED_ECL,
    FATE_REACHED_KLM,
    STATUS_DECAYED,
    STATUS_FINAL,
)
from toymc.kernels import inlined_kernel
from toymc.lanes import chosen, filled


@inlined_kernel
def _region(numbers, x, y, z):
    """Fate of a decay at this place."""
    rho2 = x * x + y * y
    if rho2 < numbers[PIPE_RADIUS] ** 2 and numbers[PIPE_LOW] < z < numbers[PIPE_HIGH]:
        return FATE_DECAYED_PIPE
    if rho2 < numbers[VERTEX_RADIUS] ** 2 and numbers[VERTEX_LOW] < z < numbers[VERTEX_HIGH]:
        return FATE_DECAYED_VXD
    if rho2 < numbers[CHAMBER_RADIUS] ** 2 and numbers[CHAMBER_LOW] < z < numbers[CHAMBER_HIGH]:
        return FATE_DECAYED_CDC
    return FATE_DECAYED_OUTSIDE


@inlined_kernel
def _made_status(fate):
    """Status of a particle after its fate."""
    if (
        fate == FATE_DECAYED_PIPE
        or fate == FATE_DECAYED_VXD
        or fate == FATE_DECAYED_CDC
        or fate == FATE_DECAYED_OUTSIDE
        or fate == FATE_CONVERTED
        or fate == FATE_INTERACTED
    ):
        return STATUS_DECAYED
    return STATUS_FINAL


@inlined_kernel
def _within(rho2, z, radius, low, high):
    return (rho2 < radius * radius) & (z > low) & (z < high)


@inlined_kernel
def _inside_front(numbers, rho2, z):
    """Whether points lie in front of the crystals."""
    return _within(rho2, z, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD])


@inlined_kernel
def _fate_outside(numbers, rho2, z):
    """Fates of what is made behind the front of the crystals."""
    in_ecl = _within(rho2, z, numbers[ECL_RADIUS], numbers[ECL_LOW], numbers[ECL_HIGH])
    in_klm = _within(rho2, z, numbers[KLM_RADIUS], numbers[KLM_LOW], numbers[KLM_HIGH])
    fate = chosen(in_klm, filled(float(FATE_REACHED_KLM)), filled(float(FATE_ESCAPED)))
    return chosen(in_ecl, float(FATE_REACHED_ECL), fate)


@inlined_kernel
def _fate_behind(numbers, behind, survives, p, pz, v):
    """Calorimeter or muon detector for what arrives at the front.

    `behind`: what the species leaves there (0 for nothing); `survives`: chance of a hadron to pass; v: uniform numbers
    (or both times a common factor).
    """
    fast = p > numbers[BEHIND_MOMENTUM]
    passes = (behind == float(MUON)) & fast
    passes = passes | ((behind > float(MUON)) & (v < survives) & (fast | (behind == float(NEUTRAL_HADRON))))
    passes = passes & (pz > numbers[BEHIND_COS_LOW] * p) & (pz < numbers[BEHIND_COS_HIGH] * p)
    return chosen(passes, filled(float(FATE_REACHED_KLM)), filled(float(FATE_REACHED_ECL)))
