"""The parts that a four-body process is made of: each with its envelope, its cross-section and its events."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA_LO, GEV2_TO_FB, M_E
from toymc.events import EventBatch
from toymc.generators.amplitudes.four_leptons import Graphs, graph_scratch, no_graphs
from toymc.generators.beams import beam_array
from toymc.generators.llx import layout as llx
from toymc.generators.llx.bosons import Boson
from toymc.generators.llx.layout import HardSettings, hard_scratch
from toymc.generators.llx.process import LeptonsAndBoson, Plan, _row_settings, _settings
from toymc.generators.llx.sampler import Integral
from toymc.generators.llx.widths import KIND_VECTOR
from toymc.generators.rows import event_batch
from toymc.generators.tau import modes as tau_modes
from toymc.generators.tau.decay import build_tau_tables
from toymc.generators.tau.tables import CELL_COLUMNS
from toymc.generators.tau_pair import _mode_list
from toymc.generators.two_photon import annihilation, hadrons, hard, layout
from toymc.generators.two_photon.complete import LEPTON_MASS, four_lepton_graphs
from toymc.generators.two_photon.layout import TwoPhotonSettings
from toymc.generators.two_photon.rows import PairRows, write_pairs
from toymc.generators.two_photon.sampler import AnnihilationEnvelope, TwoPhotonEnvelope, completed, finish, measure
from toymc.geometry.beam import BeamCard

FloatArray = npt.NDArray[np.float64]

_CELLS = {layout.LEPTONS: (1500, 200), layout.EMITTED: (1000, 160)}
_HADRON_CELLS = (1000, 160)
_ANNIHILATION_CELLS = (400, 200)
_E2 = 4.0 * np.pi * ALPHA_LO


class Part(Protocol):
    """One incoherent part of a process."""

    @property
    def name(self) -> str:
        """What the part is."""

    @property
    def integral(self) -> Integral:
        """Share of the complete cross-section in fb and quality of the envelope."""

    @property
    def alone(self) -> float:
        """Cross-section of the graphs of this part alone, fb."""

    def generate(self, rng: np.random.Generator, n: int) -> EventBatch:
        """n unweighted events."""
        ...


@dataclass(frozen=True)
class TwoPhotonPart:
    """Events with two scattered beam leptons and a pair."""

    name: str
    integral: Integral
    alone: float
    settings: TwoPhotonSettings
    pair: PairRows
    tables: object | None

    def generate(self, rng: np.random.Generator, n: int) -> EventBatch:
        """n unweighted events, ids from 0."""
        columns = np.zeros((n, layout.N_COLUMNS))
        trees = graph_scratch(self.settings.graphs)
        hard._generate_two_photon(
            rng, self.settings, layout.scratch(), trees, self.tables is not None, columns, np.empty(n)
        )
        return write_pairs(rng, columns, self.pair, self.tables, self.name)


@dataclass(frozen=True)
class AnnihilationPart:
    """Events from e+e- -> l+ l- gamma*(-> L+ L-).

    `limits` as `sampler.AnnihilationEnvelope`, `first`: row of the l- in the momenta of the graphs, `ceiling`: R_max.
    """

    name: str
    integral: Integral
    alone: float
    settings: HardSettings
    limits: tuple[float, float, float, float]
    graphs: Graphs
    first: int
    ceiling: float
    rows: LeptonsAndBoson

    def generate(self, rng: np.random.Generator, n: int) -> EventBatch:
        """n unweighted events, ids from 0."""
        columns = np.empty((n, llx.N_COLUMNS))
        annihilation._generate_annihilation(
            rng, self.settings, hard_scratch(), self.graphs, graph_scratch(self.graphs), *self.limits, self.first,
            self.ceiling, columns, np.empty(n),
        )  # fmt: skip
        reals, codes, offsets, weight = self.rows._rows(rng, columns)
        return event_batch(reals, codes, offsets, weight, 0, self.name)


@dataclass(frozen=True)
class Limits:
    """Cuts of the two-photon parts.

    Attributes
    ----------
    w_low : float
        Smallest mass of the pair, GeV.
    q2_high : float
        Largest Q^2 of either scattered lepton, GeV^2.
    all_pairs : bool
        Whether `w_low` holds for all four e+e- pairs of an event with four electrons.
    """

    w_low: float
    q2_high: float = 1e9
    all_pairs: bool = False


def two_photon_part(
    kind: int,
    pdg: int,
    mass: float,
    limits: Limits,
    beam: BeamCard,
    sqrt_s: float,
    rng: np.random.Generator,
    tau_mode_names: str = "all",
    use_fsr: bool = True,
) -> TwoPhotonPart:
    """Build one part with two scattered leptons.

    Parameters
    ----------
    kind : int
        LEPTONS, EMITTED, PIONS, KAONS or PROTONS of `layout`.
    pdg : int
        PDG code of the negative particle of the pair.
    mass : float
        GeV.
    limits : Limits
    beam : BeamCard
    sqrt_s : float
        Energy of the integral in GeV; events take that of the beams.
    rng : numpy.random.Generator
        Stream of the warm-up.
    tau_mode_names : str
        Modes of taus.
    use_fsr : bool
        Radiation in tau decays.

    Returns
    -------
    TwoPhotonPart

    Raises
    ------
    InputError
        If the limits leave no phase space.
    """
    leptons = kind in (layout.LEPTONS, layout.EMITTED)
    n_cells, points = _CELLS.get(kind, _HADRON_CELLS)
    reals = np.zeros(layout.N_REALS)
    reals[layout.M_BEAM], reals[layout.M_PAIR] = M_E, mass
    reals[layout.W_LOW] = max(limits.w_low, 2.0 * mass * (1.0 + 1e-9))
    reals[layout.Q2_HIGH], reals[layout.FIXED_S] = limits.q2_high, sqrt_s**2
    reals[layout.FACTOR] = (_E2**4 * GEV2_TO_FB if leptons else _E2**2 * 1e6) / (2.0 * np.pi) ** 6
    reals[layout.FORM_MASS2] = 1.0 / hadrons.hadron_card()["form_factor"]["mass_GeV"]["value"] ** 2
    table = np.zeros((3, hadrons.N_WAVES)) if leptons else hadrons.wave_table(hadrons.KINDS[kind - layout.PIONS])
    switches = np.zeros(layout.N_SWITCHES, dtype=np.int64)
    switches[layout.PAIR], switches[layout.ALL_PAIRS] = kind, limits.all_pairs
    graphs = four_lepton_graphs((11, pdg)) if leptons else no_graphs()
    settings = TwoPhotonSettings(beam_array(beam), np.zeros((n_cells, CELL_COLUMNS)), switches, reals, table, graphs)
    envelope = TwoPhotonEnvelope(settings, rng)
    envelope.grow(points)
    finish(envelope)
    base = integral = measure(envelope)
    reals[layout.CEILING] = 1.0
    if leptons:
        trees = graph_scratch(graphs)

        def ratios(n: int) -> FloatArray:
            found = np.empty(n)
            hard._probe_complete(rng, settings, envelope.scratch, trees, found)
            return found

        integral, reals[layout.CEILING] = completed(base, ratios)
    codes = tau_modes.parse_modes(tau_mode_names)
    fraction = np.zeros(tau_modes.N_MODES)
    fraction[: tau_modes.N_DECAYS] = tau_modes.branching_fractions()
    cumulative, _ = _mode_list(codes, fraction)
    events = settings._replace(reals=reals.copy())
    events.reals[layout.FIXED_S] = 0.0
    name = {layout.LEPTONS: "two photons", layout.EMITTED: "emission"}.get(kind, "two photons")
    pair = PairRows(pdg, mass, codes, cumulative, use_fsr)
    return TwoPhotonPart(name, integral, base.value, events, pair, build_tau_tables() if pdg == 15 else None)


@dataclass(frozen=True)
class Annihilation:
    """One way of e+e- -> l+ l- gamma*(-> L+ L-).

    Attributes
    ----------
    lepton, pair : int
        PDG codes of l- and L-.
    final, initial : bool
        Emission off the final, off the initial line.
    share : float
        Factor on the cross-section (identical particles).
    least_mass : float
        Smallest mass of l+l- in GeV.
    """

    lepton: int
    pair: int
    final: bool
    initial: bool
    share: float = 1.0
    least_mass: float = 0.0

    @property
    def name(self) -> str:
        """Name of the part."""
        line = "both lines" if self.final and self.initial else "final line" if self.final else "initial line"
        return f"annihilation {self.lepton} ({self.pair}), {line}"


def annihilation_part(
    way: Annihilation,
    beam: BeamCard,
    sqrt_s: float,
    rng: np.random.Generator,
    use_isr: bool = True,
    use_fsr: bool = True,
    tau_mode_names: str = "all",
) -> AnnihilationPart:
    """Build one annihilation part.

    Parameters
    ----------
    way : Annihilation
    beam : BeamCard
    sqrt_s : float
        Energy of the integral, GeV.
    rng : numpy.random.Generator
        Stream of the warm-up.
    use_isr, use_fsr : bool
        Radiation of the beams; of the pair from the virtual photon and of tau decays.
    tau_mode_names : str
        Modes of taus.

    Returns
    -------
    AnnihilationPart
    """
    e = complex(np.sqrt(_E2))
    line, beams = (e if way.final else 0j), (e if way.initial else 0j)
    mass, pair_mass = LEPTON_MASS[way.lepton], LEPTON_MASS[way.pair]
    low, high = 2.0 * pair_mass * (1.0 + 1e-9), (sqrt_s - 2.0 * mass) * (1.0 - 1e-9)
    rows: dict[str, tuple[tuple[float, ...], ...]] = {"pair": ((KIND_VECTOR, pair_mass, 1.0, 1.0, float(way.pair)),)}
    photon = Boson(1, 22, low, 0.0, (line, line, beams, beams), rows)
    plan = Plan(
        "ee_ll", way.name, way.lepton, mass, photon, "pair", 0.0, initial=way.initial, isr=use_isr, fsr=use_fsr,
        tau_modes=tau_mode_names,
    )  # fmt: skip
    settings = _settings(plan, beam, sqrt_s)
    settings.reals[llx.FIXED_S] = sqrt_s**2
    limits = (low, high, way.least_mass**2, way.share)
    n_cells, points = _ANNIHILATION_CELLS
    cells, owners = [], []
    for channel in [c for c, open_ in ((0, way.final), (1, way.initial)) if open_]:
        own, owner = np.zeros((n_cells, CELL_COLUMNS)), np.full(n_cells, channel, dtype=np.int64)
        AnnihilationEnvelope(settings._replace(cells=own, channel=owner), limits, rng).grow(points)
        cells.append(own)
        owners.append(owner)
    settings = settings._replace(cells=np.concatenate(cells), channel=np.concatenate(owners))
    envelope = AnnihilationEnvelope(settings, limits, rng)
    finish(envelope)
    graphs = four_lepton_graphs((min(way.lepton, way.pair), max(way.lepton, way.pair)))
    first = 2 if way.lepton <= way.pair else 4
    trees = graph_scratch(graphs)

    def ratios(n: int) -> FloatArray:
        found = np.empty(n)
        annihilation._probe_complete(
            rng, settings, envelope.scratch, graphs, trees, *limits, first, np.empty(llx.N_COLUMNS), found
        )
        return found

    base = measure(envelope)
    integral, ceiling = completed(base, ratios)
    row_settings, tables = _row_settings(plan, settings, 0.0)
    writer = LeptonsAndBoson("ee_ll", way.name, {}, integral.value, integral.error, {}, settings, row_settings, tables)
    events = settings._replace(reals=settings.reals.copy())
    events.reals[llx.FIXED_S] = 0.0
    return AnnihilationPart(
        way.name, integral, base.value, events, limits, graphs, first, ceiling, replace(writer, hard=events)
    )
