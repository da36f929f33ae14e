"""What a model predicts as its coupling moves: the rate that a search limits, and the lifetime.

A prediction is a table over the coupling, straight between its points on logarithmic axes: exact for every power law
(production and widths go with the square of g', xi, sin theta, C/Lambda and with the first power of |V|^2), and dense
enough for the rest, such as a branching fraction that changes with the coupling (a Z' with a dark channel).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.generators.models import MODELS, ModelPoint, model_point

FloatArray = npt.NDArray[np.float64]

# Where couplings are looked for: up to what unitarity, mixing angles or published limits reach; the power of the
# coupling in production and widths.
RANGES = MappingProxyType(
    {
        "higgs_scalar": (1e-8, 1.0, 2.0),
        "leptophilic_scalar": (1e-8, 1e3, 2.0),
        "zprime": (1e-8, math.sqrt(4.0 * math.pi), 2.0),
        "alp": (1e-6, 1e6, 2.0),
        "hnl": (1e-12, 1.0, 1.0),
    }
)
_COARSE, _FINE = 9, 401
_STRAIGHT = 1e-9


@dataclass(frozen=True, eq=False)
class Prediction:
    """Rate and lifetime against the coupling, straight between the points on logarithmic axes.

    Attributes
    ----------
    coupling : float64 (n,)
        Rising, positive.
    rate : float64 (n,)
        In the unit of the limit (cross-section times branching fraction in fb, product of branching fractions).
    ctau_cm : float64 (n,), optional
        Lifetime; None for a search that does not depend on it.

    Raises
    ------
    InputError
        For couplings that do not rise, or rates and lifetimes that are not positive and finite, with the coupling.

    Examples
    --------
    >>> round(Prediction([0.1, 1.0], [0.01, 1.0]).rate_at(0.5), 9)
    0.25
    """

    coupling: FloatArray
    rate: FloatArray
    ctau_cm: FloatArray | None = None

    def __post_init__(self) -> None:
        coupling = np.asarray(self.coupling, dtype=np.float64)
        if coupling.ndim != 1 or coupling.size < 2:
            raise InputError(f"a prediction of {coupling.size} couplings: give at least two")
        if not np.all(np.isfinite(coupling) & (coupling > 0.0)) or np.any(np.diff(coupling) <= 0.0):
            raise InputError("the couplings of a prediction must be positive, finite and rising")
        object.__setattr__(self, "coupling", coupling)
        for name, what in (("rate", "rate"), ("ctau_cm", "ctau (cm)")):
            given = getattr(self, name)
            if given is None:
                continue
            values = np.asarray(given, dtype=np.float64)
            if values.shape != coupling.shape:
                raise InputError(f"{what} has shape {values.shape}, the couplings {coupling.shape}")
            bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
            if bad.size:
                where = f"coupling {coupling[bad[0]]:g}"
                raise InputError(f"{what} is {values[bad[0]]:g} at {where}: it must be positive and finite")
            object.__setattr__(self, name, values)

    def rate_at(self, coupling: float) -> float:
        """The rate at one coupling inside the range."""
        return self._at(coupling, self.rate)

    def ctau_at(self, coupling: float) -> float:
        """The lifetime in cm at one coupling inside the range."""
        if self.ctau_cm is None:
            raise InputError("this prediction has no lifetime")
        return self._at(coupling, self.ctau_cm)

    def _at(self, coupling: float, values: FloatArray) -> float:
        low, high = self.coupling[0], self.coupling[-1]
        if not low <= coupling <= high:
            raise InputError(f"coupling {coupling:g}: the prediction holds from {low:g} to {high:g}")
        return float(np.exp(np.interp(np.log(coupling), np.log(self.coupling), np.log(values))))


def model_prediction(
    name: str,
    mass: float,
    production: str | float,
    decay: str | Sequence[str] | None,
    couplings: tuple[float, float] | None = None,
    flavour: str | None = None,
    dirac: bool = False,
    displaced: bool = True,
) -> Prediction:
    """Rate and lifetime from the model library.

    Parameters
    ----------
    name : str
        higgs_scalar, leptophilic_scalar, zprime, alp or hnl.
    mass : float
        GeV.
    production : str or float
        Name of a production branching fraction of the library (`bplus_to_kplus_S`, `tau_to_pi_N`), or the production
        rate at coupling 1 (a cross-section in fb), which grows as the power of the coupling that the widths have.
    decay : str, sequence of str or None
        Decay modes whose branching fractions count, added up (`mu_mu`; `nu_nu`, `chi_chi`); None for every decay.
    couplings : (float, float), optional
        Range in which couplings are looked for; see `RANGES`.
    flavour, dirac
        Of an hnl, see `toymc.generators.models.model_point`.
    displaced : bool
        Whether the limit depends on the lifetime.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        For a model, production or decay that does not exist, or one that is closed at this mass.

    Examples
    --------
    >>> scalar = model_prediction("higgs_scalar", 1.0, "bplus_to_kplus_S", "mu_mu")
    >>> f"{scalar.rate_at(1e-4):.2g} {scalar.ctau_at(1e-4):.1f}"
    '4.3e-11 2.8'
    """
    low, high, power = RANGES[name] if name in MODELS else (0.1, 1.0, 2.0)
    low, high = couplings if couplings is not None else (low, high)

    def point(coupling: float) -> ModelPoint:
        return model_point(name, mass, coupling, flavour, dirac)

    return predict(point, production, decay, (low, high), power, displaced)


def predict(
    point: Callable[[float], ModelPoint],
    production: str | float,
    decay: str | Sequence[str] | None,
    couplings: tuple[float, float],
    power: float,
    displaced: bool = True,
) -> Prediction:
    """The prediction of any function of the coupling, for models with more parameters than the library asks for.

    Parameters
    ----------
    point : callable
        coupling -> ModelPoint.
    production, decay, displaced
        As in `model_prediction`.
    couplings : (float, float)
    power : float
        Of the coupling in a production rate given as a number.

    Returns
    -------
    Prediction

    Examples
    --------
    >>> from toymc.generators.models import zprime
    >>> dark = lambda g: zprime.point(1.0, g, alpha_dark=0.1, mass_dark=0.1)
    >>> found = predict(dark, 1e5, ("nu_nu", "chi_chi"), (1e-4, 1.0), 2.0, displaced=False)
    >>> round(found.rate_at(1e-3), 4)
    0.1
    """
    low, high = couplings
    if not (0.0 < low < high < math.inf):
        raise InputError(f"couplings from {low:g} to {high:g}: give two positive numbers in rising order")
    grid = np.geomspace(low, high, _COARSE)
    rate, ctau = _evaluate(point, production, decay, power, grid)
    if not (_straight(grid, rate) and (not displaced or _straight(grid, ctau))):
        grid = np.geomspace(low, high, _FINE)
        rate, ctau = _evaluate(point, production, decay, power, grid)
    return Prediction(grid, rate, ctau if displaced else None)


def _evaluate(
    point: Callable[[float], ModelPoint],
    production: str | float,
    decay: str | Sequence[str] | None,
    power: float,
    grid: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    rate, ctau = np.empty(grid.size), np.empty(grid.size)
    modes = (decay,) if isinstance(decay, str) else decay
    for i, coupling in enumerate(grid):
        here = point(float(coupling))
        ctau[i] = here.ctau_cm
        fractions = here.branching_fractions
        share = 1.0 if modes is None else math.fsum(fractions.get(mode, 0.0) for mode in modes)
        where = f"{here.model} of {here.mass_GeV:g} GeV"
        if share <= 0.0:
            raise InputError(f"{where} does not decay to {' or '.join(modes or ())}: open are {', '.join(fractions)}")
        if isinstance(production, str):
            made = here.production.get(production, 0.0)
            if made <= 0.0:
                open_ways = ", ".join(k for k, v in here.production.items() if v > 0.0) or "none in the library"
                raise InputError(f"{where} is not produced in '{production}': open are {open_ways}")
        else:
            if not (math.isfinite(production) and production > 0.0):
                raise InputError(f"production rate {production:g} of {where}: give a positive number")
            made = production * float(coupling) ** power
        rate[i] = made * share
    return rate, ctau


def _straight(coupling: FloatArray, values: FloatArray) -> bool:
    """Whether the values are one power of the coupling."""
    x, y = np.log(coupling), np.log(values)
    line = y[0] + (y[-1] - y[0]) * (x - x[0]) / (x[-1] - x[0])
    return bool(np.all(np.abs(y - line) < _STRAIGHT * max(1.0, float(np.abs(y).max()))))
