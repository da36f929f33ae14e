"""Mode table and line shapes of the secondary decays: from ``data/secondary_modes.toml`` to arrays for the kernels."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toymc.constants import mass, width
from toymc.errors import InputError
from toymc.generators import secondary_matrix as matrix

FloatArray = NDArray[np.float64]

_KINDS = {
    "two_body": matrix.TWO_BODY,
    "three_pi": matrix.THREE_PI,
    "dalitz": matrix.DALITZ,
    "lepton_pair": matrix.LEPTON_PAIR,
    "pi_pi_gamma": matrix.PI_PI_GAMMA,
}
_SLOPES = ("a", "b", "c", "d", "f", "g")
_VECTORS = (113, 213, 223, 313, 323, 333)
# a grid of 200 x 21 points misses the maximum by less than this
_MARGIN = 1.06
# bounds hold for parent masses within this many widths of narrow vectors; `_sample_mass` keeps to the same reach
_REACH = 8.0


@cache
def _card() -> dict[str, Any]:
    text = (resources.files("toymc.generators") / "data" / "secondary_modes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _row(parent: int, mode: dict[str, Any]) -> FloatArray:
    """One row of the mode table; pairs come first, the bachelor last."""
    row = np.zeros(matrix.N_COLUMNS)
    products = list(mode["products"])
    kind = mode["kind"]
    if kind not in _KINDS:
        raise InputError(f"secondary_modes.toml: kind '{kind}' of {parent}: allowed are {', '.join(_KINDS)}")
    if kind == "lepton_pair":
        products = [*products[1:], products[0]]
    row[matrix.PARENT], row[matrix.KIND], row[matrix.N] = parent, _KINDS[kind], len(products)
    row[matrix.CODES : matrix.CODES + len(products)] = products
    row[matrix.MASSES : matrix.MASSES + len(products)] = [mass(code) for code in products]
    angular = mode.get("angular", (1.0, 0.0))
    if angular == "lepton_pair":
        # |eps|^2 - beta^2 |eps.n|^2, the lepton tensor of a vector current at rest
        angular = (1.0, -(1.0 - 4.0 * mass(products[0]) ** 2 / mass(parent) ** 2))
    elif parent in _VECTORS and kind == "three_pi":
        angular = (0.0, 1.0)  # of the normal of the plane
    elif parent in _VECTORS and kind == "lepton_pair":
        angular = (1.0, -1.0)  # of the pseudoscalar
    row[matrix.ANGULAR : matrix.ANGULAR + 2] = angular
    at = matrix.PARAMETERS
    if kind == "dalitz":
        row[at : at + 6] = [mode["slopes"].get(name, 0.0) for name in _SLOPES]
    elif kind == "lepton_pair":
        row[at : at + 2] = (mode["inverse_lambda2"], mode["gamma"])
    elif kind == "three_pi":
        row[at : at + 2] = (mass(113), width(113))
    elif kind == "pi_pi_gamma":
        row[at : at + 3] = (mode["alpha"], mass(113), width(113))
    if len(products) == 3:
        _set_bound(row, parent)
    return row


def _set_bound(row: FloatArray, parent: int) -> None:
    """Bound of the weight at the PDG mass, and its slopes over the reach of a resonance."""
    m0, reach = mass(parent), _REACH * width(parent)
    row[matrix.REFERENCE] = m0
    row[matrix.BOUND] = _MARGIN * matrix._largest_weight(row, m0)
    if parent in (223, 333):
        for column, shift in ((matrix.SLOPE_UP, reach), (matrix.SLOPE_DOWN, -reach)):
            row[column] = (_MARGIN * matrix._largest_weight(row, m0 + shift) - row[matrix.BOUND]) / shift


@cache
def secondary_table() -> FloatArray:
    """Table of all secondary decay modes, for `_decay_secondary`.

    Returns
    -------
    float64 (n_modes, 22)
        Rows of one parent are contiguous, pi0 first; columns are named in `secondary_matrix.py`.

    Examples
    --------
    >>> int(secondary_table()[0, 0])
    111
    """
    rows = []
    for parent in _card()["parent"]:
        total = sum(mode["fraction"] for mode in parent["mode"])
        if not 0.97 < total <= 1.0 + 1e-9:
            raise InputError(
                f"secondary_modes.toml: fractions of {parent['name']} sum to {total}: allowed are 0.97 to 1"
            )
        running = 0.0
        for mode in parent["mode"]:
            running += mode["fraction"] / total
            row = _row(parent["pdg"], mode)
            row[matrix.CUMULATIVE] = running
            rows.append(row)
        rows[-1][matrix.CUMULATIVE] = 1.0
    table = np.ascontiguousarray(rows)
    return table


def secondary_modes() -> list[dict[str, Any]]:
    """List the modes with their branching fractions, and what is left out.

    Returns
    -------
    list of dict
        ``parent`` (PDG code), ``name``, ``modes`` (list of products and normalised fraction), ``left_out`` (text).

    Examples
    --------
    >>> secondary_modes()[0]["name"]
    'pi0'
    """
    out = []
    for parent in _card()["parent"]:
        total = sum(mode["fraction"] for mode in parent["mode"])
        modes = [{"products": mode["products"], "fraction": mode["fraction"] / total} for mode in parent["mode"]]
        out.append({"parent": parent["pdg"], "name": parent["name"], "modes": modes, "left_out": parent["left_out"]})
    return out


@cache
def mass_table() -> FloatArray:
    """Line shapes of the resonances, for `_sample_mass`.

    Returns
    -------
    float64 (n, 9)
        Code, mass, width, masses of the P-wave pair, constant share of the width, lowest and highest mass, bound of the
        rejection.

    Examples
    --------
    >>> mass_table().shape[1]
    9
    """
    shapes = _card()["line_shape"]
    rows = []
    for text, shape in shapes["parents"].items():
        code = int(text)
        m0, g0 = mass(code), width(code)
        m1, m2 = (mass(c) for c in shape["pair"])
        low, high = m1 + m2, shapes["range_GeV"]
        if code in (223, 333, 331):
            low, high = max(low, m0 - _REACH * g0), m0 + _REACH * g0
        m = np.linspace(low, high, 4001)[1:]
        bound = 1.02 * float(np.max(_width_ratio(m, m0, g0, m1, m2, shape["constant"])))
        rows.append([code, m0, g0, m1, m2, shape["constant"], low, high, bound])
    table = np.array(rows)
    return table


def _width_ratio(m: FloatArray, m0: float, g0: float, m1: float, m2: float, constant: float) -> FloatArray:
    """Running-width Breit-Wigner over the fixed-width one, as in `_sample_mass`."""

    def p(e: FloatArray | float) -> Any:
        e = np.asarray(e)
        lam = (e**2 - (m1 + m2) ** 2) * (e**2 - (m1 - m2) ** 2)
        return np.sqrt(np.clip(lam, 0.0, None)) / (2.0 * e)

    running = g0 * (constant + (1.0 - constant) * (p(m) / p(m0)) ** 3 * m0 / m)
    fixed = (m**2 - m0**2) ** 2 + (m0 * g0) ** 2
    return np.asarray(m * running / (m0 * g0) * fixed / ((m**2 - m0**2) ** 2 + (m * running) ** 2))
