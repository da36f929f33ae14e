"""Names, codes, daughters and branching fractions of the tau decay modes.

The code of a mode is its position in `MODE_NAMES`: Standard Model modes first (`N_DECAYS` of them), then the signals.
Branching fractions come from ``generators/data/tau_modes.toml`` and are normalised to the sum of the modes that are
generated; `left_out()` lists what is not.
"""

import tomllib
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

E_NU_NU = 0
MU_NU_NU = 1
PI_NU = 2
K_NU = 3
PI_PI0_NU = 4
K_PI0_NU = 5
PI_K0_NU = 6
K_K0_NU = 7
THREE_PI_NU = 8
PI_2PI0_NU = 9
K_PI_PI_NU = 10
K_2PI0_NU = 11
PI_K0_PI0_NU = 12
K_K_PI_NU = 13
K_K0_PI0_NU = 14
PI_K0_K0_NU = 15
THREE_PI_PI0_NU = 16
PI_3PI0_NU = 17
N_DECAYS = 18
E_ALPHA = 18
MU_ALPHA = 19
E_PHI = 20
MU_PHI = 21
E_GAMMA = 22
MU_GAMMA = 23
N_MODES = 24

MODE_NAMES: tuple[str, ...] = (
    "e_nu_nu",
    "mu_nu_nu",
    "pi_nu",
    "K_nu",
    "pi_pi0_nu",
    "K_pi0_nu",
    "pi_K0_nu",
    "K_K0_nu",
    "3pi_nu",
    "pi_2pi0_nu",
    "K_pi_pi_nu",
    "K_2pi0_nu",
    "pi_K0_pi0_nu",
    "K_K_pi_nu",
    "K_K0_pi0_nu",
    "pi_K0_K0_nu",
    "3pi_pi0_nu",
    "pi_3pi0_nu",
    "e_alpha",
    "mu_alpha",
    "e_phi",
    "mu_phi",
    "e_gamma",
    "mu_gamma",
)

ALPHA_PDG = 94144
"""Code written for the invisible boson of tau -> l alpha (outside every range that the PDG scheme assigns)."""

# Rows of the decay of a tau-: the neutrino (or the neutral partner of a signal lepton) first, then the others in the
# order in which the currents take them. 311 / -311 stand for K0 / K0bar until the decay writes 310 or 130.
DAUGHTERS: tuple[tuple[int, ...], ...] = (
    (16, 11, -12),
    (16, 13, -14),
    (16, -211),
    (16, -321),
    (16, -211, 111),
    (16, -321, 111),
    (16, -211, -311),
    (16, -321, 311),
    (16, -211, -211, 211),
    (16, 111, 111, -211),
    (16, -321, -211, 211),
    (16, 111, 111, -321),
    (16, -211, -311, 111),
    (16, -321, -211, 321),
    (16, -321, 111, 311),
    (16, 311, -211, -311),
    (16, -211, -211, 211, 111),
    (16, -211, 111, 111, 111),
    (ALPHA_PDG, 11),
    (ALPHA_PDG, 13),
    (333, 11),
    (333, 13),
    (22, 11),
    (22, 13),
)

_LEPTONIC = (E_NU_NU, MU_NU_NU)
_THREE_PRONG = (THREE_PI_NU, K_PI_PI_NU, K_K_PI_NU, THREE_PI_PI0_NU)
GROUPS: MappingProxyType[str, tuple[int, ...]] = MappingProxyType(
    {
        "all": tuple(range(N_DECAYS)),
        "leptonic": _LEPTONIC,
        "hadronic": tuple(m for m in range(N_DECAYS) if m not in _LEPTONIC),
        "one_prong": tuple(m for m in range(N_DECAYS) if m not in _THREE_PRONG),
        "one_prong_hadronic": tuple(m for m in range(N_DECAYS) if m not in _THREE_PRONG + _LEPTONIC),
        "three_prong": _THREE_PRONG,
    }
)
"""Groups of modes. A K_S counts as a neutral: prongs are the charged daughters of the tau itself."""


@cache
def _table() -> dict[str, Any]:
    text = resources.files("toymc.generators").joinpath("data", "tau_modes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _published() -> tuple[float, ...]:
    rows = _table()["mode"]
    missing = [name for name in MODE_NAMES[:N_DECAYS] if name not in rows]
    unknown = [name for name in rows if name not in MODE_NAMES[:N_DECAYS]]
    if missing or unknown:
        raise InputError(f"tau_modes.toml: modes without a value {missing}, unknown modes {unknown}")
    return tuple(float(rows[name]["fraction"]) for name in MODE_NAMES[:N_DECAYS])


def parse_modes(text: str) -> IntArray:
    """Turn a comma-separated list of mode names and groups into mode codes.

    Parameters
    ----------
    text : str
        Names of `MODE_NAMES` (Standard Model modes) or `GROUPS`, e.g. ``"leptonic,pi_nu"``.

    Returns
    -------
    int64 (n,)
        Codes in rising order, each once.

    Raises
    ------
    InputError
        For an empty list or an unknown name.

    Examples
    --------
    >>> parse_modes("leptonic, pi_nu").tolist()
    [0, 1, 2]
    """
    codes: set[int] = set()
    for word in text.split(","):
        name = word.strip()
        if name in GROUPS:
            codes.update(GROUPS[name])
        elif name in MODE_NAMES[:N_DECAYS]:
            codes.add(MODE_NAMES.index(name))
        else:
            allowed = ", ".join((*GROUPS, *MODE_NAMES[:N_DECAYS]))
            raise InputError(f"unknown tau decay mode '{name}': allowed are {allowed}")
    return np.array(sorted(codes), dtype=np.int64)


def branching_fractions() -> FloatArray:
    """Branching fractions of the generated modes, normalised to 1 (float64 (18,), in the order of the codes).

    Notes
    -----
    PDG values as printed sum to less than 1 because rare modes are left out (see `left_out`); the common factor that
    restores the sum is ``1 / published_sum()``.

    Examples
    --------
    >>> round(float(branching_fractions().sum()), 12)
    1.0
    """
    values = np.array(_published())
    result: FloatArray = values / values.sum()
    return result


def published_sum() -> float:
    """Sum of the published branching fractions of the generated modes (the rest of the tau is left out).

    Examples
    --------
    >>> 0.97 < published_sum() < 1.0
    True
    """
    return float(sum(_published()))


def kaon_pair_fractions() -> tuple[float, float]:
    """Fractions of K_S K_S and of K_L K_L among the neutral kaon pairs of pi_K0_K0_nu (the rest is K_S K_L).

    Examples
    --------
    >>> sum(kaon_pair_fractions()) < 0.5
    True
    """
    row = _table()["neutral_kaon_pair"]
    return float(row["short_short"]), float(row["long_long"])


def left_out() -> dict[str, float]:
    """Modes that are not generated, with their branching fractions (PDG; see the table for the sources).

    Examples
    --------
    >>> "pi_omega(pi0_gamma)_nu" in left_out()
    True
    """
    return {name: float(row["fraction"]) for name, row in _table()["left_out"].items()}


def cumulative(codes: IntArray) -> FloatArray:
    """Cumulative branching fractions of some modes, normalised so that the last is exactly 1.

    Parameters
    ----------
    codes : int64 (n,)
        Codes of Standard Model modes.

    Returns
    -------
    float64 (n,)

    Raises
    ------
    InputError
        For an empty list or a code that is not a Standard Model mode.

    Examples
    --------
    >>> cumulative(parse_modes("e_nu_nu, mu_nu_nu")).round(2).tolist()
    [0.51, 1.0]
    """
    if len(codes) == 0 or np.any(codes < 0) or np.any(codes >= N_DECAYS):
        raise InputError(f"tau decay codes {list(codes)}: give at least one of 0..{N_DECAYS - 1}")
    result: FloatArray = np.cumsum(branching_fractions()[codes])
    result /= result[-1]
    result[-1] = 1.0
    return result
