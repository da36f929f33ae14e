"""The two colliding particles that the writers of toymc put in front of every event, and how readers take them away."""

from dataclasses import replace

import numpy as np

from toymc.io.foreign import ForeignBatch

ADDED_BEAMS = "toymc (beams added)"
"""Name of the generator in a file whose first two rows per event are not rows of the events."""


def without_added_beams(batch: ForeignBatch, generator: str) -> ForeignBatch:
    """The events without the beams that a writer of toymc added; others as they are.

    Parameters
    ----------
    batch : ForeignBatch
    generator : str
        What the file says made it.

    Returns
    -------
    ForeignBatch

    Examples
    --------
    >>> # without_added_beams(batch, "MadGraph5_aMC@NLO 3.5.1") is batch
    """
    events = batch.events
    place = np.arange(events.n_particles) - np.repeat(events.offsets[:-1], events.counts)
    if not generator.startswith(ADDED_BEAMS) or not np.array_equal(place < 2, batch.incoming):
        return batch
    keep = ~batch.incoming
    columns = {name: getattr(events, name)[keep] for name in events._columns()}
    columns["mother"] = np.maximum(columns["mother"] - np.int32(2), np.int32(-1))
    offsets = events.offsets - 2 * np.arange(events.n_events + 1)
    return ForeignBatch(replace(events, offsets=offsets, **columns), np.zeros(int(keep.sum()), dtype=bool))
