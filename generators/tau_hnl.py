"""The process e+e- -> tau+ tau-, one tau -> N X, N -> Y: a heavy neutral lepton with its spin, lifetime and vertex.

Cross-section: sigma(e+e- -> tau+ tau-) * 2 B(tau -> N X) * B(N -> Y) with the fractions of
`toymc.generators.models.hnl` at the mixing given (of order |V|^2; both taus to N is of order |V|^4 and left out). The
weight of an event is the share of the tag modes, 1 for all of them. `info` lists every factor. Distributions, spins,
Dirac and Majorana: `toymc.generators.hnl`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E, M_TAU
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators import tau_pair
from toymc.generators.hnl.channels import DECAY_GROUPS, DECAYS, PRODUCTIONS, Fractions, chain_tables
from toymc.generators.hnl.events import _generate_signal
from toymc.generators.hnl.layout import N_CTAU, ChainTables, new_chain
from toymc.generators.llx.parameters import CTAU, length
from toymc.generators.parameters import Parameter, Value
from toymc.generators.rows import check_events, event_batch, grown
from toymc.generators.secondary import secondary_table
from toymc.generators.tau_pair_kernels import MAX_ROWS, N_REALS, PairSettings
from toymc.geometry.beam import BeamCard

FloatArray = npt.NDArray[np.float64]

NAME = "tau_hnl"
DESCRIPTION = "e+e- -> tau+ tau-, tau -> N X, N -> Y: heavy neutral lepton with spin, lifetime, Dirac or Majorana"
_COUPLING = 1e-4
_MIXING = {"e": "v_e2", "mu": "v_mu2", "tau": "v_tau2"}
PARAMETERS = (
    Parameter("mass", 1.0, "mass of N in GeV; the modes asked for narrow the range", low=1e-3, high=M_TAU - M_E),
    Parameter("coupling", _COUPLING, "|V|^2 of N with the neutrino of `flavour`", low=1e-20, high=1.0),
    Parameter("flavour", "tau", "the flavour that N mixes with", choices=("e", "mu", "tau")),
    Parameter("v_e2", 0.0, "|V_e|^2; v_e2, v_mu2, v_tau2 take the place of coupling and flavour", low=0.0, high=1.0),
    Parameter("v_mu2", 0.0, "|V_mu|^2", low=0.0, high=1.0),
    Parameter("v_tau2", 0.0, "|V_tau|^2", low=0.0, high=1.0),
    Parameter("production", "all", f"tau -> N X, comma-separated: all, {', '.join(PRODUCTIONS)}"),
    Parameter("decay", "all", f"N -> Y, comma-separated: {', '.join((*DECAY_GROUPS, *DECAYS))}"),
    Parameter("dirac", False, "a Dirac N; Majorana otherwise"),
    CTAU,
    Parameter("tag", "all", "modes of the other tau: names or groups, comma-separated"),
    Parameter("isr", True, "initial-state radiation and vacuum polarisation; false: lowest-order cross-section"),
    Parameter("fsr", True, "photons off the taus and off the charged products of all decays"),
    Parameter("spin", True, "spin correlation of the two taus"),
)
_ROWS_PER_EVENT = 22


@dataclass(frozen=True)
class TauHnl:
    """The process, prepared: see `toymc.generators.processes.PreparedProcess`.

    `info` has the factors of the cross-section: ``sigma_tau_tau_fb``, ``production`` and ``decay`` (fraction of every
    mode in use), ``b_production``, ``b_decay`` (their sums), ``factor`` = 2, ``tag_fraction`` (weight of an event); and
    ``width_GeV``, ``ctau_cm`` (in use), ``ctau_model_cm``, ``mixing``, ``left_out`` (decays of N not generated).
    """

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    info: Mapping[str, object]
    settings: PairSettings
    tables: object
    signal: ChainTables
    weight: float

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
            Lab frame. Rows: tau-, tau+, photons of the beams and of the primary taus, products of the tau-, of the
            tau+, of the vector meson of the signal tau, of N, of its vector meson, their products. Weight: share of the
            tag modes.

        Raises
        ------
        InputError
            For fewer than one event.
        """
        check_events(n_events)
        reals, codes, offsets = self._fill(rng, n_events)
        return event_batch(reals, codes, offsets, np.full(n_events, self.weight), first_event_id, self.name)

    def _fill(
        self, rng: np.random.Generator, n_events: int
    ) -> tuple[FloatArray, npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Run the kernel; whenever the rows run short, carry on in larger arrays with the same random stream."""
        capacity = n_events * _ROWS_PER_EVENT + MAX_ROWS
        reals: FloatArray = np.empty((N_REALS, capacity))
        codes: npt.NDArray[np.int32] = np.empty((3, capacity), dtype=np.int32)
        offsets = np.zeros(n_events + 1, dtype=np.int64)
        scratch, chain, secondaries = tau_pair._scratch(), new_chain(), secondary_table()
        done = row = 0
        while True:
            done, row = _generate_signal(
                rng, done, row, self.settings, self.tables, self.signal, secondaries, scratch, chain, reals, codes,
                offsets,
            )  # fmt: skip
            if done == n_events:
                return reals, codes, offsets
            capacity = int(1.5 * capacity) + MAX_ROWS
            reals, codes = grown(reals, row, capacity), grown(codes, row, capacity)


def _mixing(values: Mapping[str, Value]) -> dict[str, float]:
    """|V|^2 by flavour, from coupling and flavour or from the three values."""
    given = {flavour: float(values[name]) for flavour, name in _MIXING.items()}
    if not any(given.values()):
        return {str(values["flavour"]): float(values["coupling"])}
    if values["coupling"] != _COUPLING or values["flavour"] != "tau":
        raise InputError(
            f"coupling = {values['coupling']:g}, flavour = {values['flavour']} beside "
            f"{', '.join(f'{_MIXING[f]} = {v:g}' for f, v in given.items() if v)}: give one or the other"
        )
    if sum(given.values()) > 1.0:
        raise InputError(f"v_e2 + v_mu2 + v_tau2 = {sum(given.values()):g}: it is at most 1")
    return {flavour: square for flavour, square in given.items() if square > 0.0}


def _info(
    sigma: float, fractions: Fractions, mixing: Mapping[str, float], ctau: float, tag: float
) -> dict[str, object]:
    return {
        "sigma_tau_tau_fb": sigma,
        "factor": 2.0,
        "production": dict(fractions.production),
        "b_production": sum(fractions.production.values()),
        "decay": dict(fractions.decay),
        "b_decay": sum(fractions.decay.values()),
        "tag_fraction": tag,
        "mixing": dict(mixing),
        "width_GeV": fractions.width_GeV,
        "ctau_model_cm": fractions.ctau_cm,
        "ctau_cm": ctau,
        "left_out": dict(fractions.left_out),
    }


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> TauHnl:
    """Prepare the process from checked parameters (called by `toymc.generators.processes.prepare`).

    Parameters
    ----------
    values : mapping
        A value for every one of `PARAMETERS`.
    beam : BeamCard
    seed : int
        Not used: all integrals are deterministic.

    Returns
    -------
    TauHnl

    Raises
    ------
    InputError
        For a mass at which a mode asked for is closed (with the allowed range), an unknown mode, a mode that the mixing
        does not allow, or parameters that exclude each other.

    Examples
    --------
    >>> from toymc.generators.processes import prepare
    >>> info = prepare("tau_hnl", {"mass": 0.5, "production": "pi", "decay": "mumu"}).info
    >>> round(info["b_production"] / 1e-4, 4), round(info["b_decay"], 4)
    (0.0827, 0.0113)
    """
    mixing = _mixing(values)
    signal, fractions = chain_tables(
        float(values["mass"]), mixing, str(values["production"]), str(values["decay"]), bool(values["dirac"]),
        length(values["ctau"]),
    )  # fmt: skip
    pair = tau_pair.build(
        {
            "signal": "none", "mass": 0.0, "chirality": "vector", "decay": "all", "tag": values["tag"],
            "isr": values["isr"], "fsr": values["fsr"], "spin": values["spin"], "branching_fraction": 1.0,
            "tau_mass": M_TAU,
        },
        beam,
    )  # fmt: skip
    # one list holds all modes, so the product of both sums is the share of the tag modes
    tag = min(1.0, round(float(pair.settings.event_weight[1]), 14))
    info = _info(pair.cross_section_fb, fractions, mixing, float(signal.numbers[N_CTAU]), tag)
    scale = 2.0 * sum(fractions.production.values()) * sum(fractions.decay.values())
    return TauHnl(
        name=NAME,
        description=DESCRIPTION,
        parameters=dict(values),
        cross_section_fb=scale * pair.cross_section_fb,
        cross_section_error_fb=scale * pair.cross_section_error_fb,
        info=info,
        settings=pair.settings,
        tables=pair.tables,
        signal=signal,
        weight=tag,
    )

