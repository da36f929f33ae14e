"""A prepared process e+e- -> l+ l- X: builds envelope and cross-section, generates batches.

Lowest order (``isr=false``): alpha = 1/137.036, sqrt(s) = 10.579 GeV for cards within 5 MeV of it (else the card's),
zero width, no vacuum polarisation. With ``isr=true``: the radiator of `toymc.generators.isr` on both beams, the
Breit-Wigner line of the boson (fixed width, normalised over 15 widths to either side), beam energy spread, and, with
``vacuum_polarisation=true``, the factor 1/(1 - Delta alpha(q^2)) on every exchanged photon
(`toymc.generators.vacuum_polarisation`): for a boson off the final leptons 1.076 on the cross-section at 10.58 GeV,
given as ``info["vacuum_polarisation"]`` in any case. Published limits on cross-sections and the couplings from them
leave it out, and so do bosons by default; photons have it. The cross-section is that of l+ l- X with all decays of X;
the weight of an event is the branching fraction of the decays asked for.

No photons off the primary leptons are added beside a massive X; for X = gamma see `toymc.generators.llx.photon`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA_LO, GEV2_TO_FB, HBAR_C_GEV_CM, M_E
from toymc.events import EventBatch
from toymc.generators import vacuum_polarisation
from toymc.generators.amplitudes.radiator import SPREAD_MARGIN, leg_table, running_table
from toymc.generators.beams import beam_array, lowest_order_energy
from toymc.generators.llx import layout, sampler
from toymc.generators.llx.bosons import Boson
from toymc.generators.llx.hard import _generate_hard, _total_width
from toymc.generators.llx.layout import LINE_WIDTHS, HardSettings, hard_scratch
from toymc.generators.llx.rows import RowSettings, _write_plain, _write_with_taus, row_scratch
from toymc.generators.parameters import Value
from toymc.generators.rows import check_events, event_batch, grown
from toymc.generators.secondary import secondary_table
from toymc.generators.tau import modes as tau_modes
from toymc.generators.tau.decay import build_tau_tables
from toymc.generators.tau.tables import CELL_COLUMNS
from toymc.generators.tau_pair import _mode_list, _scratch
from toymc.generators.tau_pair_kernels import MAX_ROWS, N_REALS
from toymc.geometry.beam import BeamCard
from toymc.streams import stream

FloatArray = npt.NDArray[np.float64]

_NARROW = 1e-7  # width over mass below which the line has no shape
_ROWS_PER_EVENT = 24


@dataclass(frozen=True)
class Cuts:
    """What an e+e- -> l+ l- gamma event must have, e+e- centre of mass, GeV and degrees."""

    photon_energy: float = 0.0
    photon_angle: float = 0.0
    lepton_energy: float = 0.0
    lepton_angle: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What distinguishes one process from another."""

    name: str
    description: str
    lepton: int  # PDG code
    lepton_mass: float
    boson: Boson
    decay: str = "all"
    ctau: float | None = None  # None: from the width
    initial: bool = False
    exchange: bool = False
    isr: bool = True
    polarisation: bool = False
    fsr: bool = True
    tau_modes: str = "all"
    cuts: Cuts = field(default_factory=Cuts)


@dataclass(frozen=True)
class LeptonsAndBoson:
    """A prepared process: see `toymc.generators.processes.PreparedProcess`.

    `info` tells how the events are made: efficiency, weights above the envelope (count, trials, share of the
    cross-section that they lose), share of each channel, branching fraction of the chosen decays, width, ctau.
    """

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    info: Mapping[str, object]
    hard: HardSettings
    rows: RowSettings
    tables: object

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
            Lab frame. Rows: l-, l+, boson, photons of the beams, products of the boson, of the taus, their products.
            Weight: branching fraction of the decays asked for.

        Raises
        ------
        InputError
            For fewer than one event.
        """
        check_events(n_events)
        events = np.empty((n_events, layout.N_COLUMNS))
        _generate_hard(rng, self.hard, hard_scratch(), events, np.empty(n_events))
        reals, codes, offsets, weight = self._rows(rng, events)
        return event_batch(reals, codes, offsets, weight, first_event_id, self.name)

    def _rows(
        self, rng: np.random.Generator, events: FloatArray
    ) -> tuple[FloatArray, npt.NDArray[np.int32], npt.NDArray[np.int64], FloatArray]:
        n = len(events)
        per_event = 10 if self.tables is None else _ROWS_PER_EVENT
        capacity = n * per_event + MAX_ROWS
        reals: FloatArray = np.empty((N_REALS, capacity))
        codes: npt.NDArray[np.int32] = np.empty((3, capacity), dtype=np.int32)
        offsets = np.zeros(n + 1, dtype=np.int64)
        weight = np.empty(n)
        scratch, places = _scratch(), row_scratch()
        done = row = 0
        while done < n:
            if self.tables is None:
                done, row = _write_plain(
                    rng, done, row, events, self.rows, scratch, places, reals, codes, offsets, weight
                )
            else:
                done, row = _write_with_taus(
                    rng, done, row, events, self.rows, self.tables, secondary_table(), scratch, places, reals, codes,
                    offsets, weight,
                )  # fmt: skip
            if done < n:
                capacity = int(1.5 * capacity) + MAX_ROWS
                reals, codes = grown(reals, row, capacity), grown(codes, row, capacity)
        return reals, codes, offsets, weight


def _line(plan: Plan, sqrt_s: float) -> tuple[float, float]:
    """Ends of the line shape in GeV."""
    boson = plan.boson
    low2 = boson.mass**2 - LINE_WIDTHS * boson.mass * boson.width
    high2 = boson.mass**2 + LINE_WIDTHS * boson.mass * boson.width
    low = max(np.sqrt(max(low2, 0.0)), boson.lowest_mass(plan.decay) * (1.0 + 1e-9), 1e-3)
    return float(low), float(min(np.sqrt(high2), (sqrt_s - 2.0 * plan.lepton_mass) * (1.0 - 1e-9)))


def _running(plan: Plan, sqrt_s: float) -> FloatArray:
    if not (plan.isr and plan.polarisation):
        return np.zeros((1, 3))
    return running_table(sqrt_s**2 * (1.0 + SPREAD_MARGIN))


def _settings(plan: Plan, beam: BeamCard, sqrt_s: float) -> HardSettings:
    """Settings without cells."""
    boson, cuts = plan.boson, plan.cuts
    photon = boson.mass == 0.0
    full = plan.initial or photon
    shape = plan.isr and not photon and boson.width > _NARROW * boson.mass
    low, high = _line(plan, sqrt_s) if shape else (boson.mass, boson.mass)
    threshold = (low + 2.0 * plan.lepton_mass) ** 2
    if photon:
        threshold = max(threshold, (2.0 * plan.cuts.lepton_energy) ** 2)
    leg, numbers = leg_table(sqrt_s, threshold)
    reals = np.zeros(layout.N_REALS)
    reals[layout.M_LEPTON], reals[layout.M_ELECTRON] = plan.lepton_mass, M_E
    reals[layout.MASS], reals[layout.WIDTH], reals[layout.LINE_LOW], reals[layout.LINE_HIGH] = (
        boson.mass, boson.width, low, high,
    )  # fmt: skip
    reals[layout.PHOTON_ENERGY], reals[layout.LEPTON_ENERGY] = cuts.photon_energy, cuts.lepton_energy
    reals[layout.PHOTON_COSINE] = np.cos(np.radians(cuts.photon_angle))
    reals[layout.LEPTON_COSINE] = np.cos(np.radians(cuts.lepton_angle))
    reals[layout.FACTOR] = (4.0 * np.pi * ALPHA_LO) ** 2 / 8.0 * GEV2_TO_FB * (numbers[5] if plan.isr else 1.0)
    reals[layout.SHARE_L] = abs(boson.coupling[1]) ** 2
    reals[layout.SHARE_E] = abs(boson.coupling[3]) ** 2
    switches = np.zeros(layout.N_SWITCHES, dtype=np.int64)
    switches[layout.ISR], switches[layout.FULL], switches[layout.EXCHANGE] = plan.isr, full, plan.exchange
    switches[layout.PHOTON], switches[layout.LINE_SHAPE] = photon, shape
    switches[layout.PRIMARY_SPIN], switches[layout.SPIN] = plan.lepton == 15, boson.spin
    switches[layout.FINAL_PHOTONS] = photon and plan.isr and plan.fsr
    couplings = np.array(boson.coupling, dtype=np.complex128)
    if not full:
        couplings[2:] = 0.0
    settings = HardSettings(
        beam=beam_array(beam),
        leg=leg,
        numbers=numbers,
        running=_running(plan, sqrt_s),
        cells=np.zeros((1, CELL_COLUMNS)),
        channel=np.zeros(1, dtype=np.int64),
        modes=boson.table(plan.decay) if boson.modes else np.zeros((0, layout.N_MODE_COLUMNS)),
        switches=switches,
        reals=reals,
        couplings=couplings,
    )
    return settings


def _row_settings(plan: Plan, settings: HardSettings, ctau: float) -> tuple[RowSettings, object]:
    """Settings of the second stage and, where taus decay, their tables."""
    chosen = settings.modes[settings.modes[:, layout.MODE_CHOSEN] > 0.0]
    taus = plan.lepton == 15 or bool(np.any(chosen[:, layout.MODE_PDG] == 15.0))
    codes = tau_modes.parse_modes(plan.tau_modes)
    fraction = np.zeros(tau_modes.N_MODES)
    fraction[: tau_modes.N_DECAYS] = tau_modes.branching_fractions()
    cumulative, _ = _mode_list(codes, fraction)
    rows = RowSettings(
        settings.modes, codes, cumulative, plan.lepton, plan.lepton_mass, plan.boson.pdg, ctau, int(plan.fsr)
    )
    return rows, build_tau_tables() if taus else None


def _adapted(plan: Plan, settings: HardSettings, seed: int) -> tuple[HardSettings, sampler.Integral]:
    """Settings with cells, and the cross-section."""
    channels = sampler.energy_channels(bool(settings.switches[layout.FULL]), plan.exchange)
    rng = stream(seed, plan.name, "warmup", 0)
    kind = "initial" if plan.initial else "emission"
    if settings.switches[layout.PHOTON]:
        kind = "exchange" if plan.exchange else "photon"
    cells, channel = sampler.adapt(settings, channels, *sampler.PLANS[kind], rng)
    settings = settings._replace(cells=cells, channel=channel)
    return settings, sampler.integrate(settings, stream(seed, plan.name, "warmup", 1))


# adapted envelopes of this process, by name, seed, parameters and beams
_ADAPTED: dict[tuple[object, ...], tuple[HardSettings, sampler.Integral]] = {}
_KEPT = 64


def prepare_plan(plan: Plan, values: Mapping[str, Value], beam: BeamCard, seed: int) -> LeptonsAndBoson:
    """Adapt the envelope, integrate, and put the process together.

    Parameters
    ----------
    plan : Plan
    values : mapping
        Parameters in use, for the record.
    beam : BeamCard
    seed : int
        Of the adaptation and the integral.

    Returns
    -------
    LeptonsAndBoson

    Raises
    ------
    InputError
        If the cuts leave no phase space.
    """
    sqrt_s = lowest_order_energy(beam.sqrt_s, plan.isr)
    settings = _settings(plan, beam, sqrt_s)
    if not plan.isr:
        settings.reals[layout.FIXED_S] = sqrt_s**2
    key = (plan.name, seed, tuple(sorted(values.items())), settings.beam.tobytes())
    if key not in _ADAPTED:
        if len(_ADAPTED) >= _KEPT:
            _ADAPTED.pop(next(iter(_ADAPTED)), None)
        _ADAPTED[key] = _adapted(plan, settings, seed)
    settings, integral = _ADAPTED[key]
    # events take their energy from the beams, also at lowest order
    events = settings._replace(reals=settings.reals.copy())
    events.reals[layout.FIXED_S] = 0.0
    width = plan.boson.width
    ctau = plan.ctau if plan.ctau is not None else (HBAR_C_GEV_CM / width if width > 0.0 else 0.0)
    rows, tables = _row_settings(plan, settings, ctau)
    info: dict[str, object] = {
        "efficiency": integral.efficiency,
        "overflow_count": integral.overflow_count,
        "overflow_trials": integral.trials,
        "overflow_excess": integral.overflow_excess,
        "largest_ratio": integral.largest_ratio,
        "channels": {name: round(share, 4) for name, share in integral.channels.items()},
        "vacuum_polarisation": float(vacuum_polarisation.enhancement(sqrt_s**2)),
    }
    if plan.boson.modes:
        info |= {"width_GeV": width, "ctau_cm": ctau, "branching_fraction": _fraction(settings.modes, plan.boson.mass)}
    error = float(np.hypot(integral.error, _theory_error(plan, integral.channels, sqrt_s) * integral.value))
    return LeptonsAndBoson(plan.name, plan.description, dict(values), integral.value, error, info, events, rows, tables)


def _theory_error(plan: Plan, channels: Mapping[str, float], sqrt_s: float) -> float:
    """Relative uncertainty beside the statistical one; none at lowest order, which is a definition.

    Radiated pairs, poles of the Upsilon states, O(alpha) corrections of the final state 3 alpha/(4 pi) with its
    logarithms near threshold: 0.5 % together, as for tau pairs. Without further photons (``fsr=false``) a photon off
    the final leptons comes with its mean number N where events go like 1 - exp(-N): N/2 of that part, N = 2 alpha/pi
    (ln(s/m^2) - 1) ln(sqrt(s)/2 E). For electrons the separation of matrix element and radiators adds 0.2 %.
    """
    if not plan.isr:
        return 0.0
    common = float(np.hypot(5e-3, 2e-3)) if plan.exchange else 5e-3
    if plan.boson.mass > 0.0 or plan.fsr:
        return common
    log = np.log(sqrt_s**2 / plan.lepton_mass**2) - 1.0
    number = 2.0 * ALPHA_LO / np.pi * log * np.log(sqrt_s / (2.0 * plan.cuts.photon_energy))
    share = sum(channels.get(name, 0.0) for name in ("final", "leg_minus", "leg_plus"))
    return float(np.hypot(common, 0.5 * number * share))


def _fraction(modes: FloatArray, mass: float) -> float:
    total, chosen = _total_width(modes, mass)
    return float(chosen / total) if total > 0.0 else 0.0
