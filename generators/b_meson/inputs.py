"""Numbers of the B-meson processes, from ``data/b_meson.toml`` and the PDG table, each with its source."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS, ctau_cm, mass
from toymc.errors import InputError

B_PLUS, B_ZERO = 521, 511
UPSILON_4S = 300553
M_B_PLUS, M_B_ZERO = mass(B_PLUS), mass(B_ZERO)
CTAU_B_PLUS_CM, CTAU_B_ZERO_CM = ctau_cm(B_PLUS), ctau_cm(B_ZERO)
_CM_PER_PS = 1e-3 * SPEED_OF_LIGHT_CM_PER_NS


@cache
def _card() -> dict[str, Any]:
    text = (resources.files("toymc.generators") / "data" / "b_meson.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _entry(section: str, name: str) -> Any:
    entries = _card()[section]
    if name not in entries:
        raise InputError(f"b_meson.toml has no [{section}] {name}: it has {', '.join(entries)}")
    return entries[name]


def number(section: str, name: str) -> float:
    """Value of an entry of ``data/b_meson.toml``.

    Raises
    ------
    InputError
        For a name that the section does not have.

    Examples
    --------
    >>> number("sample", "f_charged")
    0.511
    """
    entry = _entry(section, name)
    return float(entry["value"] if isinstance(entry, dict) else entry)


def entry_rows(section: str, name: str) -> list[tuple[tuple[int, ...], float]]:
    """Daughters and fraction of every row of a list of decays.

    Examples
    --------
    >>> entry_rows("decays", "tau")[0]
    ((-413,), 0.0131838)
    """
    return [(tuple(row["products"]), float(row["fraction"])) for row in _entry(section, name)]


def uncertainty(section: str, name: str) -> float:
    """Uncertainty of an entry; 0 where the table gives none.

    Examples
    --------
    >>> uncertainty("sample", "sigma_bb_nb")
    0.016
    """
    entry = _entry(section, name)
    return float(entry.get("error", 0.0)) if isinstance(entry, dict) else 0.0


def delta_m_per_cm() -> float:
    """Mass difference of the neutral B mesons over c, as a phase per cm of c t.

    Examples
    --------
    >>> round(delta_m_per_cm(), 2)
    16.91
    """
    return number("mixing", "delta_m_inverse_ps") / _CM_PER_PS


def bb_pairs(luminosity_fb: float, sigma_bb_nb: float | None = None) -> tuple[float, float]:
    """Number of B pairs in a sample and its uncertainty.

    Parameters
    ----------
    luminosity_fb : float
        1/fb.
    sigma_bb_nb : float, optional
        Pairs per luminosity in nb; that of the table by default.

    Raises
    ------
    InputError
        For a negative luminosity.

    Examples
    --------
    >>> round(bb_pairs(189.0)[0] * 1e-6)
    198
    """
    if not luminosity_fb >= 0.0:
        raise InputError(f"luminosity {luminosity_fb} fb^-1: give zero or more")
    value = number("sample", "sigma_bb_nb") if sigma_bb_nb is None else sigma_bb_nb
    relative = uncertainty("sample", "sigma_bb_nb") / number("sample", "sigma_bb_nb")
    pairs = 1e6 * value * luminosity_fb
    return pairs, relative * pairs
