r"""Errors of a measurement against luminosity, and where its systematic uncertainty takes over: closed forms.

With statistical error s today, systematic sources t_i with floors f_i, and k = L / L today,

    sigma_stat(L) = s / sqrt(k),   sigma_syst(L)^2 = sum_i t_i(k)^2  with t_i of the scenario.

Systematics take over at the luminosity where sigma_syst = sigma_stat. Their ratio does not fall with k: sources that
still scale keep their share of the statistical error, sources on their floor (from k_i = (t_i/f_i)^2 on) gain. Between
two such k_i the condition A/k + F = s^2/k, with A the sum of t_i^2 of the sources that scale and F that of f_i^2 of the
others, has the root k = (s^2 - A) / F.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.projections.scenarios import Scenario, check_ratio

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Systematic:
    """A systematic uncertainty of a measurement, in the unit of the measurement.

    Attributes
    ----------
    name : str
    size, floor : float
        Today, and the smallest that it can become; 0 <= floor <= size.
    why, source, tag : str
        Reason of the floor, where the numbers are from, and their tag.
    """

    name: str
    size: float
    floor: float
    why: str = ""
    source: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.floor <= self.size < math.inf:
            raise InputError(
                f"systematic '{self.name}': size {self.size:g}, floor {self.floor:g}: give 0 <= floor <= size"
            )

    def at(self, ratio: float, scenario: Scenario) -> float:
        """Its size at `ratio` times today's luminosity."""
        return self.size * scenario.factor(ratio, self.floor / self.size) if self.size > 0.0 else 0.0


@dataclass(frozen=True)
class Measurement:
    """A measurement today.

    Attributes
    ----------
    name : str
    statistical : float
    systematics : tuple of Systematic
    luminosity_fb : float
    unit : str

    Raises
    ------
    InputError
        At construction: an error or luminosity that is not positive, or two sources of one name.
    """

    name: str
    statistical: float
    systematics: tuple[Systematic, ...]
    luminosity_fb: float
    unit: str = ""

    def __post_init__(self) -> None:
        if not (0.0 < self.statistical < math.inf and 0.0 < self.luminosity_fb < math.inf):
            raise InputError(
                f"measurement '{self.name}': statistical error {self.statistical:g} at {self.luminosity_fb:g} /fb: "
                "both must be positive"
            )
        names = [s.name for s in self.systematics]
        if len(set(names)) != len(names):
            raise InputError(f"measurement '{self.name}': two systematic sources have the same name: {names}")


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Errors of a measurement against luminosity in one scenario; arrays over the luminosities.

    `sources` has the errors of every systematic source; `take_over_fb` is None where systematics never take over.
    """

    scenario: Scenario
    luminosity_fb: FloatArray
    statistical: FloatArray
    sources: dict[str, FloatArray]
    take_over_fb: float | None

    @property
    def systematic(self) -> FloatArray:
        """Quadratic sum of the sources."""
        total: FloatArray = np.sqrt(
            np.sum([v**2 for v in self.sources.values()] or [np.zeros(len(self.luminosity_fb))], axis=0)
        )
        return total

    @property
    def total(self) -> FloatArray:
        """Statistical and systematic error in quadrature."""
        both: FloatArray = np.hypot(self.statistical, self.systematic)
        return both


def project_measurement(
    measurement: Measurement, luminosities_fb: Sequence[float] | FloatArray, scenario: Scenario
) -> ErrorCurve:
    """Errors of a measurement at other luminosities.

    Parameters
    ----------
    measurement : Measurement
    luminosities_fb : sequence of float
    scenario : Scenario

    Returns
    -------
    ErrorCurve

    Raises
    ------
    InputError
        For a luminosity that is not positive.

    Examples
    --------
    >>> from toymc.inference.projections.scenarios import SCALING
    >>> mass = Measurement("m", 0.08, (Systematic("scale", 0.06, 0.03), Systematic("beam", 0.07, 0.07)), 190.0, "MeV")
    >>> curve = project_measurement(mass, [190.0, 50_000.0], SCALING)
    >>> [f"{v:.3f}" for v in curve.total], f"{curve.take_over_fb:.0f} /fb"
    (['0.122', '0.076'], '190 /fb')
    """
    ratios = [check_ratio(value, measurement.luminosity_fb) for value in luminosities_fb]
    return ErrorCurve(
        scenario=scenario,
        luminosity_fb=np.asarray(luminosities_fb, dtype=np.float64),
        statistical=measurement.statistical / np.sqrt(ratios),
        sources={s.name: np.array([s.at(k, scenario) for k in ratios]) for s in measurement.systematics},
        take_over_fb=take_over_luminosity(measurement, scenario),
    )


def take_over_luminosity(measurement: Measurement, scenario: Scenario) -> float | None:
    """Smallest luminosity, from today on, at which sigma_syst >= sigma_stat; None if there is none.

    Examples
    --------
    >>> from toymc.inference.projections.scenarios import FROZEN, STATISTICAL
    >>> counting = Measurement("n", 2.0, (Systematic("efficiency", 1.0, 0.0),), 100.0)
    >>> take_over_luminosity(counting, FROZEN), take_over_luminosity(counting, STATISTICAL)
    (400.0, None)
    """
    today, squared = measurement.luminosity_fb, measurement.statistical**2
    if scenario.rule == "none":
        return None
    if sum(s.size**2 for s in measurement.systematics) >= squared:
        return today
    floors = [(s.size, s.size if scenario.rule == "frozen" else s.floor) for s in measurement.systematics]
    # from here on each source with a floor sits on it, in the order of the luminosities where they reach it
    steps = sorted({1.0, *((size / floor) ** 2 for size, floor in floors if floor > 0.0)})
    for i, begin in enumerate(steps):
        end = steps[i + 1] if i + 1 < len(steps) else math.inf
        resting = [floor > 0.0 and (size / floor) ** 2 <= begin for size, floor in floors]
        scaling = sum(size**2 for (size, _), rests in zip(floors, resting, strict=True) if not rests)
        fixed = sum(floor**2 for (_, floor), rests in zip(floors, resting, strict=True) if rests)
        if fixed > 0.0 and begin <= (root := max((squared - scaling) / fixed, begin)) <= end:
            return today * root
    return None
