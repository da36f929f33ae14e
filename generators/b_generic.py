"""The process e+e- -> Upsilon(4S) -> B Bbar with both mesons decaying generically.

Production, decay times and mixing are those of `toymc.generators.b_meson`, the decays are fresh ones of Pythia 8, two
for each event (see `b_meson.pythia_decays` for what its tables are good for). Pythia makes about 3000 events/s; a
chunk is made once and kept on disk by content (`toymc.generators.cache`), so that a study that runs again, with
another selection or another detector, pays for the detector alone. The shares f+- and f00 enter by their ratio; every
pair of N_BB is one of the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators.b_meson.events import Options, generic_events
from toymc.generators.b_meson.inputs import delta_m_per_cm, number, uncertainty
from toymc.generators.b_meson.parameters import PRODUCTION
from toymc.generators.b_meson.pythia_decays import b_decays
from toymc.generators.b_meson.upsilon import UpsilonTables, upsilon_tables
from toymc.generators.parameters import Parameter, Value
from toymc.generators.pythia_batch import draw_seed
from toymc.generators.rows import check_events
from toymc.geometry.beam import BeamCard

DESCRIPTION = "e+e- -> Upsilon(4S) -> B Bbar, generic decays by Pythia 8 (extra toymc[generators])"
PARAMETERS = (
    Parameter("pair", "both", "which pairs: both in the proportion f+-/f00, or one kind",
              choices=("both", "charged", "neutral")),
    *PRODUCTION,
)  # fmt: skip


@dataclass(frozen=True)
class GenericPairs:
    """Generic B pairs, prepared: see `toymc.generators.processes.PreparedProcess`."""

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    charged: float
    neutral: float
    upsilon: UpsilonTables
    options: Options

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate unweighted events.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_events : int
            At least 1.
        first_event_id : int

        Returns
        -------
        EventBatch
            Lab frame. Rows: Upsilon(4S), the two mesons, photons of the beams, products of either meson.

        Raises
        ------
        InputError
            For fewer than one event.
        ToymcError
            If Pythia 8 is not installed.
        """
        check_events(n_events)
        decays = b_decays(draw_seed(rng), n_events, self.charged, self.neutral)
        return generic_events(rng, first_event_id, self.upsilon, self.options, decays, self.name)


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> GenericPairs:
    """Prepare generic B pairs from checked parameters (called by `toymc.generators.processes.prepare`).

    Parameters
    ----------
    values : mapping
        A value for every one of `PARAMETERS`.
    beam : BeamCard
    seed : int
        Not used.

    Returns
    -------
    GenericPairs

    Raises
    ------
    InputError
        If no kind of pair is left, or for beams off the Upsilon(4S).

    Examples
    --------
    >>> from toymc.generators.parameters import resolve
    >>> from toymc.geometry.beam import load_beam
    >>> round(build(resolve("b_generic", PARAMETERS, {}), load_beam("belle2")).cross_section_fb)
    1048000
    """
    pair = values["pair"]
    charged = float(values["f_charged"]) if pair != "neutral" else 0.0
    neutral = float(values["f_neutral"]) if pair != "charged" else 0.0
    total = float(values["f_charged"]) + float(values["f_neutral"])
    if not charged + neutral > 0.0:
        raise InputError(f"pair = {pair} with f_charged = {values['f_charged']}, f_neutral = {values['f_neutral']}: "
                         "give the kind of pair that is asked for a share above 0")  # fmt: skip
    cross_section = 1e6 * float(values["sigma_bb"]) * (charged + neutral) / total
    relative = uncertainty("sample", "sigma_bb_nb") / number("sample", "sigma_bb_nb")
    return GenericPairs(
        name="b_generic",
        description=DESCRIPTION,
        parameters=dict(values),
        cross_section_fb=cross_section,
        cross_section_error_fb=relative * cross_section,
        charged=charged,
        neutral=neutral,
        upsilon=upsilon_tables(beam, bool(values["isr"])),
        options=Options(delta_m_per_cm() if values["mixing"] else 0.0, False, True),
    )
