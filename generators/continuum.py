"""e+e- -> qq through Pythia 8 [SciPost Phys. Codebases 8 (2022)]: u, d, s, c with initial-state radiation.

Pythia's own fragmentation parameters (Monash tune, made for LEP energies) are kept: at 10.58 GeV they are not tuned,
and an experiment would use its own. The centre-of-mass energy is the nominal one; its spread of 5 MeV only moves the
boost. What Pythia makes of a chunk is kept on disk by content (`toymc.generators.cache`): a study pays for it once.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.events import EventBatch
from toymc.generators.beams import sample_beams, to_laboratory
from toymc.generators.parameters import Parameter, Value
from toymc.generators.pythia_batch import pythia_events
from toymc.geometry.beam import BeamCard

FLAVOURS = {"d": 1, "u": 2, "s": 3, "c": 4}


@cache
def _cross_sections() -> dict[str, Any]:
    text = resources.files("toymc.generators").joinpath("data/continuum.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["cross_section_nb"]
    return table


def continuum_cross_section_fb() -> tuple[float, float]:
    """Cross-section of e+e- -> qq (u, d, s, c) near 10.58 GeV with radiation, and its error, in fb.

    Examples
    --------
    >>> round(continuum_cross_section_fb()[0] * 1e-6, 2)
    3.72
    """
    table = _cross_sections()
    return 1e6 * sum(table[flavour]["value"] for flavour in FLAVOURS), 1e6 * table["error"]["value"]


DESCRIPTION = "e+e- -> qq (u, d, s, c) with initial-state radiation, by Pythia 8 (extra toymc[generators])"
PARAMETERS: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Continuum:
    """e+e- -> qq, prepared: see `toymc.generators.processes.PreparedProcess`."""

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    beam: BeamCard

    @property
    def settings(self) -> tuple[str, ...]:
        """Lines for Pythia."""
        return (
            "Beams:idA = 11",
            "Beams:idB = -11",
            f"Beams:eCM = {self.beam.sqrt_s!r}",
            "PDF:lepton = on",
            "WeakSingleBoson:ffbar2gmZ = on",
            "23:onMode = off",
            "23:onIfAny = " + " ".join(str(code) for code in FLAVOURS.values()),
        )

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate `n_events` unweighted events in the laboratory."""
        batch = pythia_events(self.settings, rng, n_events, first_event_id)
        beams, origin = sample_beams(rng, self.beam, n_events)
        event = batch.event_index
        momentum, _ = to_laboratory(
            np.stack([batch.px, batch.py, batch.pz], axis=1), batch.energy, event, beams
        )
        position, time = to_laboratory(
            np.stack([batch.x, batch.y, batch.z], axis=1), batch.t * SPEED_OF_LIGHT_CM_PER_NS, event, beams
        )
        position = position + origin[event]
        return EventBatch(
            offsets=batch.offsets,
            pdg=batch.pdg,
            status=batch.status,
            mother=batch.mother,
            px=np.ascontiguousarray(momentum[:, 0]),
            py=np.ascontiguousarray(momentum[:, 1]),
            pz=np.ascontiguousarray(momentum[:, 2]),
            mass=batch.mass,
            x=np.ascontiguousarray(position[:, 0]),
            y=np.ascontiguousarray(position[:, 1]),
            z=np.ascontiguousarray(position[:, 2]),
            t=time / SPEED_OF_LIGHT_CM_PER_NS,
            helicity=batch.helicity,
            weight=batch.weight,
            event_id=batch.event_id,
            process="continuum",
        )


def build(values: Mapping[str, Value], beam: BeamCard, seed: int) -> Continuum:
    """Prepare the process; the cross-section is the tabulated one.

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> build({}, load_beam("belle2"), 1).name
    'continuum'
    """
    value, error = continuum_cross_section_fb()
    return Continuum("continuum", DESCRIPTION, dict(values), value, error, beam)
