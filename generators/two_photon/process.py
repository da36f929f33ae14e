"""A prepared four-body process: a sum of parts, events of all parts mixed in random order."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toymc.events import EventBatch
from toymc.generators.parameters import Value
from toymc.generators.rows import check_events
from toymc.generators.two_photon.parts import Part
from toymc.generators.two_photon.rows import shuffled


@dataclass(frozen=True)
class SumOfParts:
    """A prepared process: see `toymc.generators.processes.PreparedProcess`.

    `info` has for every part its share of the cross-section and the cross-section of its graphs alone in fb,
    efficiency, trials above the envelope, the share of the cross-section that lies above it and the largest weight
    over the envelope.
    """

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    info: Mapping[str, object]
    parts: tuple[Part, ...]

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate unweighted events.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_events : int
            At least 1; batches of about 2^14 stay in the cache.
        first_event_id : int

        Returns
        -------
        EventBatch
            Lab frame. Two-photon rows: e-, e+ (scattered), negative and positive particle of the pair, products of
            taus. Annihilation rows: l-, l+, virtual photon (status 2), photons of the beams, products.

        Raises
        ------
        InputError
            For fewer than one event.
        """
        check_events(n_events)
        share = np.cumsum([part.integral.value for part in self.parts])
        drawn = np.searchsorted(share[:-1], rng.random(n_events) * share[-1], side="right")
        batches = [
            part.generate(rng, int(count))
            for part, count in zip(self.parts, np.bincount(drawn, minlength=len(self.parts)), strict=True)
            if count > 0
        ]
        order = np.empty(n_events, dtype=np.int64)
        # events of part k stand behind those of the parts before it
        order[np.argsort(drawn, kind="stable")] = np.arange(n_events)
        batch = shuffled(batches, order, first_event_id)
        return EventBatch(**{**batch.__dict__, "process": self.name})


def sum_of_parts(
    name: str,
    description: str,
    values: Mapping[str, Value],
    parts: tuple[Part, ...],
    relative_error: float,
    factor: float = 1.0,
) -> SumOfParts:
    """Put the parts together.

    Parameters
    ----------
    name, description : str
    values : mapping
        Parameters in use.
    parts : tuple of Part
    relative_error : float
        Theory uncertainty of the sum.
    factor : float
        On the cross-section.

    Returns
    -------
    SumOfParts
    """
    total = factor * sum(part.integral.value for part in parts)
    statistics = factor * float(np.sqrt(sum(part.integral.error**2 for part in parts)))
    info: dict[str, object] = {
        part.name: {
            "cross_section_fb": factor * part.integral.value,
            "error_fb": factor * part.integral.error,
            "alone_fb": factor * part.alone,
            "efficiency": part.integral.efficiency,
            "overflow_count": part.integral.overflow_count,
            "overflow_trials": part.integral.trials,
            "overflow_excess": part.integral.overflow_excess,
            "largest_ratio": part.integral.largest_ratio,
        }
        for part in parts
    }
    error = float(np.hypot(statistics, relative_error * total))
    return SumOfParts(name, description, dict(values), total, error, info, parts)
