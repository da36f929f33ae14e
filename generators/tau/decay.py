"""Decay of a tau: the dispatcher kernel `_decay_tau` and the tables it reads.

`_decay_tau(rng, mode, tables, p4, pdg) -> (n, hx, hy, hz)` makes one unweighted, unpolarised decay of a tau- in its
rest frame, in axes that belong to the decay (often h or one momentum along z), and its polarimeter vector h: the
decay of a tau- with spin s has dGamma ~ 1 + s.h. A caller rotates the decay so that h points along a direction drawn
from the spin density and turns it by a uniform azimuth about h. For a tau+ all momenta change sign, codes are
conjugated and h stays.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E, M_K0, M_MU, M_PHI, M_TAU, mass, width
from toymc.errors import InputError
from toymc.generators.tau import modes, resonances
from toymc.generators.tau.four_pion import build_four_pion_table
from toymc.generators.tau.leptonic import _leptonic_decay
from toymc.generators.tau.polarimeter import _to_tau_frame
from toymc.generators.tau.sampling import Envelope, _draw
from toymc.generators.tau.tables import (
    ALPHA_MASS,
    ANOMALY,
    CELL_COLUMNS,
    CELL_COUNT,
    CHIRALITY,
    FIRST_CELL,
    INTEGER_COLUMNS,
    KAON_PAIR_LIKE,
    MESONS,
    N_SAMPLERS,
    OMEGA_PHI,
    PAIR_LONG,
    PAIR_SHORT,
    PARAMETERS,
    PDG,
    PEAK,
    PHI_HIGH,
    PHI_LOW,
    PHI_MASS,
    PHI_WIDTH,
    REAL_COLUMNS,
    ROWS,
    TAU_MASS,
    TauDecayTables,
)
from toymc.generators.tau.two_body import (
    _meson_decay,
    _photon_signal,
    _resonance_mass,
    _scalar_signal,
    _vector_signal,
    chirality_code,
)
from toymc.kernels import kernel
from toymc.streams import stream

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

_PHI_WINDOW = 25.0  # widths above the pole up to which a phi is drawn; the lower edge is 2 m_K0

_E_NU_NU = modes.E_NU_NU
_MU_NU_NU = modes.MU_NU_NU
_PI_NU = modes.PI_NU
_K_NU = modes.K_NU
_PI_K0_K0 = modes.PI_K0_K0_NU
_N_DECAYS = modes.N_DECAYS
_E_PHI = modes.E_PHI
_E_GAMMA = modes.E_GAMMA
_K_SHORT = 310
_K_LONG = 130


@kernel
def _write_codes(rng, kind, n, integers, pdg):
    """PDG codes of the daughters; every K0 and K0bar comes out as K_S or K_L, 50:50."""
    for row in range(n):
        code = integers[kind, PDG + row]
        if code == 311 or code == -311:
            code = _K_SHORT if rng.random() < 0.5 else _K_LONG
        pdg[row] = code


@kernel
def _signal_decay(rng, mode, reals, p4):
    """The two-body signals; even codes electrons, odd codes muons (rows: neutral, lepton)."""
    lepton = reals[mode, 1]
    mass_tau = reals[PARAMETERS, TAU_MASS]
    chirality = reals[PARAMETERS, CHIRALITY]
    if mode >= _E_GAMMA:
        return _photon_signal(mass_tau, lepton, chirality, p4)
    if mode >= _E_PHI:
        m = _resonance_mass(
            rng,
            reals[PARAMETERS, PHI_MASS],
            reals[PARAMETERS, PHI_WIDTH],
            reals[PARAMETERS, PHI_LOW],
            reals[PARAMETERS, PHI_HIGH],
        )
        return _vector_signal(mass_tau, m, lepton, chirality, p4)
    return _scalar_signal(mass_tau, reals[PARAMETERS, ALPHA_MASS], lepton, chirality, p4)


@kernel
def _decay_tau(rng, mode, tables, p4, pdg):
    """One decay of a tau- at rest: fills p4 (>= ROWS, 4) and pdg (>= 5), returns (n, hx, hy, hz)."""
    reals = tables.reals
    integers = tables.integers
    mass_tau = reals[PARAMETERS, TAU_MASS]
    kind = mode
    x = 0.0
    if mode == _PI_K0_K0:
        x = rng.random()
        if x < reals[PARAMETERS, PAIR_SHORT] + reals[PARAMETERS, PAIR_LONG]:
            kind = KAON_PAIR_LIKE
    mesons = integers[kind, MESONS]
    n = 2
    if mesons > 1:
        n = mesons + 1
        first, count = integers[kind, FIRST_CELL], integers[kind, CELL_COUNT]
        q2 = _draw(rng, kind, mesons, first, count, tables.lines, tables.cells, tables.four_pion, reals, p4)
        hx, hy, hz = _to_tau_frame(rng, mass_tau, q2, mesons, p4)
    elif mode == _E_NU_NU or mode == _MU_NU_NU:
        n = 3
        hx, hy, hz = _leptonic_decay(rng, mass_tau, reals[mode, 1], p4)
    elif mode == _PI_NU or mode == _K_NU:
        hx, hy, hz = _meson_decay(mass_tau, reals[mode, 1], p4)
    else:
        hx, hy, hz = _signal_decay(rng, mode, reals, p4)
    _write_codes(rng, kind, n, integers, pdg)
    if kind == KAON_PAIR_LIKE and x >= reals[PARAMETERS, PAIR_SHORT]:
        pdg[1] = _K_LONG
        pdg[3] = _K_LONG
    return n, hx, hy, hz


@kernel
def _decay_many(rng, codes, tables, scratch, names, p4, pdg, h):
    """A decay for every entry of codes into rows (i, 0..4)."""
    for i in range(len(codes)):
        n, hx, hy, hz = _decay_tau(rng, codes[i], tables, scratch, names)
        for row in range(5):
            pdg[i, row] = names[row] if row < n else 0
            for k in range(4):
                p4[i, row, k] = scratch[row, k] if row < n else 0.0
        h[i, 0] = hx
        h[i, 1] = hy
        h[i, 2] = hz


def _integers() -> npt.NDArray[np.int64]:
    table = np.zeros((N_SAMPLERS, INTEGER_COLUMNS), dtype=np.int64)
    for kind, daughters in enumerate(modes.DAUGHTERS):
        table[kind, PDG : PDG + len(daughters)] = daughters
    # K_S and K_L side by side, and two of a kind
    table[modes.PI_K0_K0_NU, PDG : PDG + 4] = (16, _K_SHORT, -211, _K_LONG)
    table[KAON_PAIR_LIKE, PDG : PDG + 4] = (16, _K_SHORT, -211, _K_SHORT)
    for kind in range(modes.PI_PI0_NU, modes.N_DECAYS):
        table[kind, MESONS] = len(modes.DAUGHTERS[kind]) - 1
    table[KAON_PAIR_LIKE, MESONS] = 3
    return table


def _reals(cards: dict[str, Any]) -> FloatArray:
    table = np.zeros((N_SAMPLERS + 1, REAL_COLUMNS))
    for kind in range(N_SAMPLERS):
        daughters = modes.DAUGHTERS[modes.PI_K0_K0_NU if kind == KAON_PAIR_LIKE else kind]
        for row, code in enumerate(daughters):
            if abs(code) not in (12, 14, 16, 22, modes.ALPHA_PDG):
                table[kind, row] = mass(abs(code))
    row = table[PARAMETERS]
    row[TAU_MASS] = M_TAU
    row[PHI_MASS], row[PHI_WIDTH] = M_PHI, width(333)
    row[PHI_LOW], row[PHI_HIGH] = 2.0 * M_K0, M_PHI + _PHI_WINDOW * width(333)
    row[PAIR_SHORT], row[PAIR_LONG] = modes.kaon_pair_fractions()
    row[ANOMALY] = 1.0 / (8.0 * np.pi**2 * cards["kaons"]["pion_constant"] ** 2)
    row[OMEGA_PHI : OMEGA_PHI + 6] = resonances.omega_phi_parameters(cards)
    return table


def _cell_plan(kind: int, mesons: int, card: dict[str, Any]) -> tuple[int, int, int, float]:
    """Cells, points per cell, learning trials and safety factor of a sampler."""
    if mesons == 2:
        return card["cells_two"], card["points"], card["learn"] // 4, card["safety"]
    if mesons == 3:
        common = kind in (modes.THREE_PI_NU, modes.PI_2PI0_NU)
        cells = card["cells_three" if common else "cells_three_rare"]
        return cells, card["points"], card["learn"] if common else card["learn"] // 2, card["safety"]
    cells = card["cells_four" if kind == modes.THREE_PI_PI0_NU else "cells_four_rare"]
    return cells, card["points_four"], card["learn_four"], card["safety_four"]


@lru_cache(maxsize=1)
def _adapted() -> TauDecayTables:
    """Everything that does not depend on the signal; the random streams of the adaptation are fixed."""
    return adapt_tables(resonances.form_factors())


def adapt_tables(cards: dict[str, Any], kinds: tuple[int, ...] = tuple(range(N_SAMPLERS))) -> TauDecayTables:
    """Build the tables for given form factors and adapt the samplers `kinds` (used by tests to vary a model).

    Parameters
    ----------
    cards : dict
        As `toymc.generators.tau.resonances.form_factors()`.
    kinds : tuple of int
        Samplers that will be used; the others stay empty.

    Examples
    --------
    >>> tables = adapt_tables(resonances.form_factors(), (modes.PI_PI0_NU,))
    >>> int(tables.integers[:, CELL_COUNT].sum())
    192
    """
    card = cards["sampling"]
    integers = _integers()
    plans = [(0, 0, 0, 1.0)] * N_SAMPLERS
    for kind in kinds:
        if integers[kind, MESONS] > 1:
            plans[kind] = _cell_plan(kind, int(integers[kind, MESONS]), card)
    integers[:, CELL_COUNT] = [plan[0] for plan in plans]
    integers[:, FIRST_CELL] = np.cumsum(integers[:, CELL_COUNT]) - integers[:, CELL_COUNT]
    tables = TauDecayTables(
        lines=resonances.build_lines(cards, card["grid"]),
        cells=np.zeros((int(integers[:, CELL_COUNT].sum()), CELL_COLUMNS)),
        four_pion=build_four_pion_table(),
        reals=_reals(cards),
        integers=integers,
    )
    for kind, (n_cells, points, learn, safety) in enumerate(plans):
        if n_cells:
            first = int(integers[kind, FIRST_CELL])
            rng = stream(0, "tau_decay", "warmup", kind)
            envelope = Envelope(tables, kind, tables.cells[first : first + n_cells], rng)
            envelope.grow(points)
            envelope.learn(learn, safety)
    return tables


@lru_cache(maxsize=64)
def build_tau_tables(alpha_mass: float = 0.0, chirality: str = "vector", mass_tau: float = M_TAU) -> TauDecayTables:
    """Tables for `_decay_tau`, adapted once per process and kept.

    Parameters
    ----------
    alpha_mass : float
        Mass of the boson of tau -> l alpha in GeV.
    chirality : str
        ``left``, ``right`` (chirality of the lepton field in the signal operator) or ``vector`` (h = 0).
    mass_tau : float
        GeV, within 20 MeV of the PDG mass: envelopes stay those of that mass, their safety factor covers the change.

    Returns
    -------
    TauDecayTables

    Raises
    ------
    InputError
        For a mass outside 0 .. m_tau - m_mu or an unknown chirality.

    Examples
    --------
    >>> build_tau_tables(1.2, "left").reals[-1, :2].tolist()
    [1.2, -1.0]
    """
    code = chirality_code(chirality)
    if not 0.0 <= alpha_mass < M_TAU - M_E:
        raise InputError(
            f"mass {alpha_mass} GeV of alpha: tau -> l alpha needs 0 <= mass < {M_TAU - M_MU:.5f} (mu), "
            f"{M_TAU - M_E:.5f} (e)"
        )
    tables = _adapted()
    reals = tables.reals.copy()
    reals[PARAMETERS, ALPHA_MASS] = alpha_mass
    reals[PARAMETERS, CHIRALITY] = code
    reals[PARAMETERS, TAU_MASS] = mass_tau
    return tables._replace(reals=reals)


@dataclass(frozen=True)
class TauDecays:
    """Decays of tau- at rest, in axes of each decay: p4 (n, 5, 4), pdg (n, 5) with 0 for empty rows, h (n, 3)."""

    p4: FloatArray
    pdg: Int32Array
    polarimeter: FloatArray


def decay_taus(
    rng: np.random.Generator, codes: npt.NDArray[np.int64], tables: TauDecayTables | None = None
) -> TauDecays:
    """Decay one tau- at rest for every mode code.

    Parameters
    ----------
    rng : numpy.random.Generator
        From `toymc.streams.stream`.
    codes : int64 (n,)
        Mode codes (`toymc.generators.tau.modes`).
    tables : TauDecayTables, optional
        From `build_tau_tables`; the default ones else.

    Returns
    -------
    TauDecays
        Momenta [px, py, pz, E] in GeV in the tau rest frame, body axes (not isotropic; see the module).

    Raises
    ------
    InputError
        For codes that are not modes.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> decays = decay_taus(stream(1, "doc", "test", 0), np.zeros(3, dtype=np.int64))
    >>> bool(np.allclose(decays.p4.sum(axis=1)[:, 3], 1.77693, atol=1e-3))
    True
    """
    checked = np.ascontiguousarray(codes, dtype=np.int64)
    if checked.ndim != 1 or np.any(checked < 0) or np.any(checked >= modes.N_MODES):
        raise InputError(f"mode codes must be a 1-d array of 0..{modes.N_MODES - 1}")
    n = len(checked)
    used = build_tau_tables() if tables is None else tables
    result = TauDecays(np.empty((n, 5, 4)), np.empty((n, 5), dtype=np.int32), np.empty((n, 3)))
    scratch, names = np.zeros((ROWS, 4)), np.zeros(ROWS, dtype=np.int32)
    _decay_many(rng, checked, used, scratch, names, result.p4, result.pdg, result.polarimeter)
    return result


@dataclass(frozen=True)
class SamplingReport:
    """Fit of the envelope of a mode: mean weight/envelope, fraction of trials above it, their share of the rate."""

    mode: str
    efficiency: float
    overflow_fraction: float
    overflow_rate: float
    largest_ratio: float


def sampling_report(trials: int = 100_000) -> list[SamplingReport]:
    """Measure the envelopes of all hadronic modes with an independent stream.

    Parameters
    ----------
    trials : int
        Points per mode.

    Examples
    --------
    >>> all(0.0 < row.efficiency <= 1.0 for row in sampling_report(2000))
    True
    """
    tables = _adapted()
    rows = []
    for kind in range(N_SAMPLERS):
        first, count = int(tables.integers[kind, FIRST_CELL]), int(tables.integers[kind, CELL_COUNT])
        if count == 0:
            continue
        rng = stream(1, "tau_decay", "warmup", kind)
        envelope = Envelope(tables, kind, tables.cells[first : first + count], rng)
        chosen, rates = envelope.trials(trials)
        ratio = rates / envelope.cells[chosen, PEAK]
        kept = np.minimum(ratio, 1.0).sum()
        name = "pi_K0_K0_nu (K_S K_S, K_L K_L)" if kind == KAON_PAIR_LIKE else modes.MODE_NAMES[kind]
        rows.append(
            SamplingReport(
                mode=name,
                efficiency=float(kept / trials),
                overflow_fraction=float(np.mean(ratio > 1.0)),
                overflow_rate=float(1.0 - kept / ratio.sum()),
                largest_ratio=float(ratio.max()),
            )
        )
    return rows
