"""Returns as a part of `toymc.generators.ee_hadrons`: tables, cross-section, batches."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.constants import GEV2_TO_FB, M_E, mass, width
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators import isr
from toymc.generators import secondary_matrix as matrix
from toymc.generators.beams import beam_array
from toymc.generators.isr_return.form_factors import CONTINUA, cross_section_nb, return_card
from toymc.generators.isr_return.kernels import (
    BETA,
    DIPION,
    LAMBDA,
    LEPTON,
    N_NUMBERS,
    POLE,
    WIDTH,
    ReturnSettings,
    _generate_returns,
)
from toymc.generators.isr_return.radiator import radiator
from toymc.generators.rows import check_events, event_batch, grown
from toymc.generators.secondary import secondary_table
from toymc.generators.tau_pair import _scratch
from toymc.generators.tau_pair_kernels import MAX_ROWS, N_REALS
from toymc.geometry.beam import BeamCard

FloatArray = npt.NDArray[np.float64]

RESONANCES = ("jpsi", "psi2s", "upsilon1s", "upsilon2s", "upsilon3s")
_PIONS, _KAONS = (211, -211), (321, -321)
_FINE = 60_000
_TABLE = 16_384
_MARGIN = 1.06
_ROWS = {"three_pi_gamma": 9, "psi2s": 11}


@dataclass(frozen=True)
class ReturnPart:
    """Events e+e- -> gamma_ISR X, prepared.

    Attributes
    ----------
    name : str
    cross_section_fb, error_fb : float
        Of production, all decays of X.
    weight : float
        Branching fraction of the decays that are made.
    settings : ReturnSettings
    """

    name: str
    cross_section_fb: float
    error_fb: float
    weight: float
    settings: ReturnSettings

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int, process: str) -> EventBatch:
        """Unweighted events (all have the same weight).

        Raises
        ------
        InputError
            For fewer than one event.
        """
        check_events(n_events)
        capacity = n_events * _ROWS.get(self.name, 6) + MAX_ROWS
        reals: FloatArray = np.empty((N_REALS, capacity))
        codes: npt.NDArray[np.int32] = np.empty((3, capacity), dtype=np.int32)
        offsets = np.zeros(n_events + 1, dtype=np.int64)
        scratch = _scratch()
        done = row = 0
        while True:
            done, row = _generate_returns(
                rng, done, row, n_events, self.settings, secondary_table(), scratch, reals, codes, offsets
            )
            if done == n_events:
                break
            capacity = int(1.5 * capacity) + MAX_ROWS
            reals, codes = grown(reals, row, capacity), grown(codes, row, capacity)
        return event_batch(reals, codes, offsets, np.full(n_events, self.weight), first_event_id, process)


def _pair_row(first: int, second: int, angular: tuple[float, float]) -> FloatArray:
    row = np.zeros(matrix.N_COLUMNS)
    row[matrix.KIND], row[matrix.N] = matrix.TWO_BODY, 2
    row[matrix.CODES : matrix.CODES + 2] = first, second
    row[matrix.MASSES : matrix.MASSES + 2] = mass(first), mass(second)
    row[matrix.ANGULAR : matrix.ANGULAR + 2] = angular
    return row


def _lepton_row(lepton: int, parent_mass: float) -> FloatArray:
    return _pair_row(lepton, -lepton, (1.0, -(1.0 - 4.0 * mass(lepton) ** 2 / parent_mass**2)))


def _dipion_row(pion: int, lepton: int, dipion_lambda: float) -> FloatArray:
    row = np.zeros(matrix.N_COLUMNS)
    row[matrix.KIND], row[matrix.N] = DIPION, 3
    row[matrix.CODES : matrix.CODES + 3] = pion, 111 if pion == 111 else -pion, 443
    row[matrix.MASSES : matrix.MASSES + 3] = mass(pion), mass(pion), mass(443)
    row[LEPTON], row[LEPTON + 2], row[LAMBDA] = lepton, mass(lepton), dipion_lambda
    return row


def _modes(final: str, decay: str) -> tuple[FloatArray, float]:
    """Table of the chosen modes of a resonance, and the sum of their fractions."""
    card, jpsi = return_card()[final], return_card()["jpsi"]
    parent = mass(card["pdg"])
    rows: list[tuple[float, FloatArray]] = []
    if decay in ("all", "leptons", "ee"):
        rows.append((card["ee"]["value"], _lepton_row(11, parent)))
    if decay in ("all", "leptons", "mumu"):
        rows.append((card["mumu"]["value"], _lepton_row(13, parent)))
    if final == "psi2s" and decay in ("all", "jpsi_pipi"):
        slope = card["dipion_lambda"]["value"]
        for pion, name in ((211, "jpsi_pi_pi"), (111, "jpsi_pi0_pi0")):
            for lepton, leptons in ((11, "ee"), (13, "mumu")):
                rows.append((card[name]["value"] * jpsi[leptons]["value"], _dipion_row(pion, lepton, slope)))
    if not rows:
        raise InputError(f"process ee_hadrons: decay = {decay} is for final = psi2s, not {final}")
    fractions = np.array([fraction for fraction, _ in rows])
    table = np.array([row for _, row in rows])
    table[:, matrix.CUMULATIVE] = np.cumsum(fractions) / fractions.sum()
    table[-1, matrix.CUMULATIVE] = 1.0
    return table, float(fractions.sum())


def _numbers(sqrt_s: float, pole: float, gamma: float) -> FloatArray:
    s = sqrt_s**2
    eps = 4.0 * M_E**2 / s
    out = np.zeros(N_NUMBERS)
    beta = isr.beta_electron(s)
    out[:BETA] = 2.0 / beta, 0.0, s, eps, 2.0 * np.log1p(np.sqrt(1.0 - eps)) - np.log(eps)
    out[BETA], out[POLE], out[WIDTH] = beta, pole, gamma
    return out


def resonance_part(final: str, decay: str, beam: BeamCard, sqrt_s: float, use_fsr: bool) -> ReturnPart:
    """Build the return to a narrow resonance.

    Parameters
    ----------
    final : {"jpsi", "psi2s", "upsilon1s", "upsilon2s", "upsilon3s"}
    decay : {"all", "leptons", "ee", "mumu", "jpsi_pipi"}
        "all": the decays known here, leptons and, for psi2s, J/psi pi pi with J/psi -> leptons.
    beam : BeamCard
    sqrt_s : float
        GeV, for the cross-section.
    use_fsr : bool
        Photons off the leptons.

    Returns
    -------
    ReturnPart

    Raises
    ------
    InputError
        For a decay that the resonance has not, beams below it.

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> round(resonance_part("jpsi", "leptons", load_beam("belle2"), 10.58, True).cross_section_fb * 1e-3)
    38
    """
    card = return_card()[final]
    pole, gamma = mass(card["pdg"]), width(card["pdg"])
    if not sqrt_s > pole:
        raise InputError(f"process ee_hadrons: {sqrt_s:g} GeV is not above {final} ({pole:.5g} GeV)")
    modes, fraction = _modes(final, decay)
    s = sqrt_s**2
    gamma_ee = card["gamma_ee_GeV"]
    value = 12.0 * math.pi**2 * gamma_ee["value"] / (pole * s) * float(radiator(pole**2 / s, s)) * GEV2_TO_FB
    settings = ReturnSettings(
        beam_array(beam), np.zeros(1), modes, np.zeros((1, 2)), _numbers(sqrt_s, pole, gamma), card["pdg"],
        443 if decay in ("all", "jpsi_pipi") and final == "psi2s" else 0, int(use_fsr),
    )  # fmt: skip
    error = value * math.hypot(gamma_ee["error"] / gamma_ee["value"], 0.01)
    return ReturnPart(final, value, error, fraction, settings)


def _three_pion_bounds(row: FloatArray, highest: float) -> FloatArray:
    """Bound of the weight in steps of the energy; each entry holds for all energies below it."""
    low = float(row[matrix.MASSES : matrix.MASSES + 3].sum())
    energies = np.linspace(low, highest + 1e-3, 400)
    largest = np.array([matrix._largest_weight(row, float(e)) for e in energies])
    return np.stack([energies, _MARGIN * np.maximum.accumulate(largest)], axis=1)


def continuum_part(final: str, beam: BeamCard, sqrt_s: float, use_fsr: bool) -> ReturnPart:
    """Build the return to pi+pi-, K+K- or pi+pi-pi0.

    Parameters
    ----------
    final : {"pipi_gamma", "kk_gamma", "three_pi_gamma"}
    beam : BeamCard
    sqrt_s : float
        GeV.
    use_fsr : bool
        Photons in the decay chain (pi0).

    Returns
    -------
    ReturnPart

    Raises
    ------
    InputError
        For beams below the highest energy of the form factor.

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> 0.16e6 < continuum_part("pipi_gamma", load_beam("belle2"), 10.58, True).cross_section_fb < 0.18e6
    True
    """
    name, threshold = CONTINUA[final]
    highest = return_card()[name]["highest_GeV"]
    if not sqrt_s > highest:
        raise InputError(f"process ee_hadrons: {sqrt_s:g} GeV is not above {highest:g} GeV, where {final} ends")
    s = sqrt_s**2
    energy = np.linspace(threshold * (1.0 + 1e-9), highest, _FINE)
    density = cross_section_nb(final, energy) * radiator(energy**2 / s, s, 64) * 2.0 * energy / s
    cumulative = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(energy))))
    total = float(cumulative[-1])
    table = np.interp(np.linspace(0.0, 1.0, _TABLE + 1), cumulative / total, energy)
    bounds = np.zeros((1, 2))
    if final == "three_pi_gamma":
        rows = secondary_table()
        chosen = (rows[:, matrix.PARENT] == 223.0) & (rows[:, matrix.KIND] == matrix.THREE_PI)
        modes = rows[chosen][:1].copy()
        bounds = _three_pion_bounds(modes[0], highest)
    else:
        first, second = _PIONS if final == "pipi_gamma" else _KAONS
        modes = _pair_row(first, second, (0.0, 1.0))[None, :]
    modes[:, matrix.CUMULATIVE] = 1.0
    settings = ReturnSettings(
        beam_array(beam), table, modes, bounds, _numbers(sqrt_s, 0.0, 0.0), 0, 0, int(use_fsr)
    )
    # form factors 2 % (pi pi), 5 % (K K), 10 % (3 pi); radiator 1 %
    relative = {"pipi_gamma": 0.022, "kk_gamma": 0.05, "three_pi_gamma": 0.10}[final]
    return ReturnPart(final, total * 1e6, relative * total * 1e6, 1.0, settings)
