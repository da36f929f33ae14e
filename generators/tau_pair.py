"""The process e+e- -> tau+ tau- (gamma): parameters, cross-section, weights, batches of events.

Cross-section. Born with the tau mass, final-state radiation as Schwinger's factor, vacuum polarisation, initial-state
radiation by structure functions: 0.9174 nb at 10.5796 GeV. Published: 0.919 +- 0.003 nb [S. Banerjee, B. Pietrzyk,
J. M. Roney, Z. Was, PRD 77 (2008) 054012, with KKMC]. The difference of -0.17 % is inside that error; known parts of
it: the poles of Upsilon(1S..3S) in the vacuum polarisation (+0.13 %) and radiated pairs (of order 0.1 %) are left out.
Interference of initial- and final-state radiation does not change the total rate and is left out as well.

Lowest order (``isr=false``): alpha = 1/137.036, sqrt(s) = 10.579 GeV for beams within 5 MeV of it, no vacuum
polarisation. Photons off the taus (``fsr``) then change events, not the cross-section.

``tau_mass`` changes the decays and the kinematics of the pair; cross-section, spectrum of initial-state radiation and
branching fractions stay those of the PDG mass (the cross-section changes by 5e-5 for 5 MeV).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA, ALPHA_LO, M_E, M_MU, M_TAU
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators import isr, vacuum_polarisation
from toymc.generators.beams import beam_array, lowest_order_energy
from toymc.generators.born import born_cross_section_fb, final_state_factor
from toymc.generators.parameters import Parameter, Value
from toymc.generators.rows import check_events, event_batch, grown
from toymc.generators.secondary import secondary_table
from toymc.generators.tau import modes
from toymc.generators.tau.decay import build_tau_tables
from toymc.generators.tau_pair_kernels import (
    MAX_DECAY_ROWS,
    MAX_ROWS,
    N_REALS,
    PairSettings,
    Scratch,
    _generate_pairs,
)
from toymc.geometry.beam import BeamCard

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DESCRIPTION = "e+e- -> tau+ tau- (gamma) with spin correlations, all tau decays, signals tau -> l alpha, l phi, l gamma"

SIGNALS = ("none", "e_alpha", "mu_alpha", "e_phi", "mu_phi", "e_gamma", "mu_gamma")
MASS_RANGE = 0.02
"""GeV: the tau may be that much lighter or heavier than in the PDG table, to calibrate measurements of its mass."""
PARAMETERS = (
    Parameter("signal", "none", "decay of the signal-side tau that is not in the Standard Model", choices=SIGNALS),
    Parameter("mass", 0.0, "mass of alpha in GeV", low=0.0, high=M_TAU - M_E),
    Parameter(
        "chirality",
        "vector",
        "chirality of the lepton in the signal (vector: unpolarised)",
        choices=("left", "right", "vector"),
    ),
    Parameter("decay", "all", "modes of the signal-side tau: names or groups, comma-separated; not with a signal"),
    Parameter("tag", "all", "modes of the other tau: names or groups, comma-separated"),
    Parameter("isr", True, "initial-state radiation and vacuum polarisation; false: lowest-order cross-section"),
    Parameter("fsr", True, "final-state radiation off the taus and off the products of their decays"),
    Parameter("spin", True, "spin correlation of the two taus"),
    Parameter("branching_fraction", 1.0, "branching fraction of the signal, enters the weight", low=0.0, high=1.0),
    Parameter("tau_mass", M_TAU, "mass of the tau in GeV", low=M_TAU - MASS_RANGE, high=M_TAU + MASS_RANGE),
)

_ROWS_PER_EVENT = 20  # first guess for the size of a batch; it grows by itself when this is too small


def cross_section_fb(sqrt_s: float, use_isr: bool = True, use_fsr: bool = True) -> tuple[float, float]:
    """Total cross-section of e+e- -> tau+ tau- (gamma) and its uncertainty, both in fb.

    Parameters
    ----------
    sqrt_s : float
        GeV.
    use_isr : bool
        Initial-state radiation and vacuum polarisation. False is the lowest order with alpha = 1/137.036, whatever
        `use_fsr` is.
    use_fsr : bool
        Final-state radiation.

    Returns
    -------
    value, error : float
        The error is that of the theory: vacuum polarisation, the poles of the narrow Upsilon states (0.13 %), radiated
        pairs (0.1 %), O(alpha^2) final-state radiation (its O(alpha) part squared); Z exchange 0.1 %, which alone is
        missing at lowest order.

    Raises
    ------
    InputError
        Below threshold.

    Examples
    --------
    >>> value, error = cross_section_fb(10.58)
    >>> abs(value / 0.919e6 - 1.0) < 0.004
    True
    """
    s = sqrt_s * sqrt_s
    threshold = 4.0 * M_TAU**2
    if not s > threshold:
        raise InputError(f"centre-of-mass energy {sqrt_s:g} GeV is below the tau-pair threshold {2 * M_TAU:.4g} GeV")
    if not use_isr:
        value = float(born_cross_section_fb(s, ALPHA_LO))
        return value, 1e-3 * value
    value = isr.radiated_cross_section(s, lambda x: _without_isr(x, use_fsr), threshold)
    polarisation = float(vacuum_polarisation.enhancement_error(s) / vacuum_polarisation.enhancement(s))
    relative = np.sqrt(polarisation**2 + 1.3e-3**2 + 1e-3**2 + 1e-3**2 + (float(final_state_factor(s)) - 1.0) ** 4)
    return value, value * float(relative)


def _without_isr(s_prime: FloatArray, use_fsr: bool) -> FloatArray:
    value = born_cross_section_fb(s_prime, ALPHA) * vacuum_polarisation.enhancement(s_prime)
    return np.asarray(value * final_state_factor(s_prime) if use_fsr else value)


def _signal_code(values: Mapping[str, Value]) -> int:
    """Mode code of the signal, its mass checked; -1 for none."""
    signal, mass = str(values["signal"]), float(values["mass"])
    if signal == "none":
        if mass != 0.0:
            raise InputError(f"mass = {mass:g} GeV without a signal: give signal = e_alpha or mu_alpha as well")
        return -1
    if values["decay"] != "all":
        raise InputError(f"decay = '{values['decay']}' is given beside signal = {signal}: give one of the two")
    if not signal.endswith("_alpha"):
        if mass != 0.0:
            raise InputError(f"mass = {mass:g} GeV for signal = {signal}: only e_alpha and mu_alpha take a mass")
    else:
        limit = M_TAU - (M_E if signal.startswith("e") else M_MU)
        if not mass < limit:
            raise InputError(f"mass = {mass:g} GeV is not below the threshold m_tau - m_l = {limit:.5g} of {signal}")
    return modes.MODE_NAMES.index(signal)


def _mode_list(codes: IntArray, fraction: FloatArray) -> tuple[FloatArray, float]:
    """Running sum of the fractions of the modes, normalised to 1, and their sum."""
    total = float(fraction[codes].sum())
    cumulative = np.cumsum(fraction[codes]) / total
    cumulative[-1] = 1.0
    return cumulative, total


@dataclass(frozen=True)
class TauPairs:
    """Tau-pair production, prepared: see `toymc.generators.processes.PreparedProcess`."""

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    settings: PairSettings
    tables: object

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate tau pairs.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_events : int
            At least 1; batches of about 2^14 stay in the cache.
        first_event_id : int

        Returns
        -------
        EventBatch
            Lab frame. Rows: tau-, tau+, photons of the beams and of the primary taus (mother -1), products of the
            tau-, products of the tau+, their products. Weight: fraction of all pairs that the event stands for.

        Raises
        ------
        InputError
            For fewer than one event.
        """
        check_events(n_events)
        reals, codes, offsets, weight = _fill(rng, n_events, self.settings, self.tables)
        return event_batch(reals, codes, offsets, weight, first_event_id, self.name)


def _scratch() -> Scratch:
    return Scratch(
        photons=np.zeros((MAX_DECAY_ROWS, 4)),
        p_minus=np.zeros((MAX_DECAY_ROWS, 4)),
        p_plus=np.zeros((MAX_DECAY_ROWS, 4)),
        work=np.zeros((MAX_DECAY_ROWS, 4)),
        masses=np.zeros((2, MAX_DECAY_ROWS)),
        codes=np.zeros((2, MAX_DECAY_ROWS), dtype=np.int32),
        frames=np.zeros((4, 4, 4)),
        rotation=np.zeros((3, 3)),
        axes=np.zeros((3, 3)),
        modes=np.zeros(2, dtype=np.int64),
    )


def _fill(
    rng: np.random.Generator, n_events: int, settings: PairSettings, tables: object
) -> tuple[FloatArray, npt.NDArray[np.int32], IntArray, FloatArray]:
    """Run the kernel; whenever the rows run short, carry on in larger arrays with the same random stream."""
    capacity = n_events * _ROWS_PER_EVENT + MAX_ROWS
    reals: FloatArray = np.empty((N_REALS, capacity))
    codes: npt.NDArray[np.int32] = np.empty((3, capacity), dtype=np.int32)
    offsets = np.zeros(n_events + 1, dtype=np.int64)
    weight = np.empty(n_events)
    scratch = _scratch()
    secondaries = secondary_table()
    done = row = 0
    while True:
        done, row = _generate_pairs(
            rng, done, row, settings, tables, secondaries, scratch, reals, codes, offsets, weight
        )
        if done == n_events:
            return reals, codes, offsets, weight
        larger = int(1.5 * capacity) + MAX_ROWS
        reals = grown(reals, row, larger)
        codes = grown(codes, row, larger)
        capacity = larger


@cache
def _isr_tables(sqrt_s: float, use_isr: bool, use_fsr: bool) -> isr.IsrTables:
    return isr.build_isr_tables(sqrt_s, (lambda s: _without_isr(s, use_fsr)) if use_isr else born_cross_section_fb)


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> TauPairs:
    """Prepare tau-pair production from checked parameters (called by `toymc.generators.processes.prepare`).

    Parameters
    ----------
    values : mapping
        A value for every one of `PARAMETERS`.
    beam : BeamCard
    seed : int
        Not used: all integrals are deterministic.

    Returns
    -------
    TauPairs

    Raises
    ------
    InputError
        For a mass above threshold, an unknown mode, parameters that exclude each other, or beams below threshold.
    """
    use_isr, use_fsr, spin = (bool(values[key]) for key in ("isr", "fsr", "spin"))
    cross_section, error = cross_section_fb(lowest_order_energy(beam.sqrt_s, use_isr), use_isr, use_fsr)
    tables = _isr_tables(beam.sqrt_s, use_isr, use_fsr)
    signal = _signal_code(values)
    fraction = np.zeros(modes.N_MODES)
    fraction[: modes.N_DECAYS] = modes.branching_fractions()
    if signal >= 0:
        fraction[signal] = 1.0
    codes_a = modes.parse_modes(str(values["decay"])) if signal < 0 else np.array([signal], dtype=np.int64)
    codes_b = modes.parse_modes(str(values["tag"]))
    cumulative_a, sum_a = _mode_list(codes_a, fraction)
    cumulative_b, sum_b = _mode_list(codes_b, fraction)
    if signal >= 0:
        sum_a = float(values["branching_fraction"])
    membership = np.zeros(modes.N_MODES, dtype=np.int64)
    membership[codes_a] |= 1
    membership[codes_b] |= 2
    settings = PairSettings(
        beam=beam_array(beam),
        leg=tables.leg,
        weight=tables.weight,
        numbers=tables.numbers,
        switches=np.array([use_isr, use_fsr, spin], dtype=np.int64),
        modes_a=codes_a,
        cumulative_a=cumulative_a,
        modes_b=codes_b,
        cumulative_b=cumulative_b,
        membership=membership,
        event_weight=np.array([2.0 * sum_a * sum_b, sum_a * sum_b]),
        alpha_mass=float(values["mass"]),
        tau_mass=float(values["tau_mass"]),
    )
    tau_tables = build_tau_tables(float(values["mass"]), str(values["chirality"]), float(values["tau_mass"]))
    return TauPairs("tau_pair", DESCRIPTION, dict(values), cross_section, error, settings, tau_tables)
