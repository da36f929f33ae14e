"""Expected limits against luminosity in several scenarios, where systematics take over, and what each source costs.

For a limit, systematics take over where limit > sqrt(2) x limit without the systematic sources at the same luminosity
and with the same statistics of the simulation: what the sources add in quadrature then equals what is there without
them. Where the limit is proportional to the error this is sigma_syst = sigma_stat of a measurement. The fit itself
constrains sources that the data know better than their prior, so that a limit can keep falling with frozen systematics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from toymc.errors import InputError
from toymc.inference.limits import upper_limit
from toymc.inference.model import Model
from toymc.inference.projections.models import scale_model, source_groups
from toymc.inference.projections.scenarios import SCENARIOS, Floors, Scenario

FloatArray = npt.NDArray[np.float64]
_ROOT_2 = math.sqrt(2.0)
_Limit: TypeAlias = Callable[[float, Scenario], tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class LimitCurve:
    """Expected limits against luminosity in one scenario, in units of the parameter of interest.

    Attributes
    ----------
    scenario : Scenario
    cl : float
    luminosity_fb : float64 (n,)
    bands : float64 (n, 5)
        At -2, -1, 0, +1, +2 standard deviations.
    take_over_fb : float or None
        Where systematics take over; today's luminosity if they already have, None if not up to the last luminosity.
    """

    scenario: Scenario
    cl: float
    luminosity_fb: FloatArray
    bands: FloatArray
    take_over_fb: float | None

    @property
    def median(self) -> FloatArray:
        """The median limits."""
        values: FloatArray = self.bands[:, 2]
        return values


def luminosity_steps(today_fb: float, last_fb: float, n: int = 12) -> FloatArray:
    """Luminosities from today to the last one in equal ratios.

    Examples
    --------
    >>> luminosity_steps(50.0, 50_000.0, 4).round().tolist()
    [50.0, 500.0, 5000.0, 50000.0]
    """
    if not 0.0 < today_fb < last_fb < math.inf:
        raise InputError(f"luminosity of {last_fb:g} /fb: give one above today's {today_fb:g} /fb")
    steps: FloatArray = np.geomspace(today_fb, last_fb, n)
    return steps


def project_limits(
    model: Model,
    today_fb: float,
    luminosities_fb: Sequence[float] | FloatArray,
    floors: Floors,
    cl: float,
    scenarios: Mapping[str, Scenario] = SCENARIOS,
) -> dict[str, LimitCurve]:
    """Expected limits with bands at other luminosities, per scenario.

    Parameters
    ----------
    model : Model
        At today's luminosity; observed counts are ignored.
    today_fb : float
    luminosities_fb : sequence of float
        Increasing.
    floors : mapping
        Relative floors per source, see `scenarios`.
    cl : float
    scenarios : mapping, optional
        Name -> Scenario.

    Returns
    -------
    dict of str to LimitCurve

    Raises
    ------
    InputError
        For luminosities that are not positive and increasing.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, NormSys, Sample
    >>> background = Sample("background", [1000.0], (NormSys("scale", 0.99, 1.01),))
    >>> model = Model([Channel("sr", (Sample("signal", [10.0], (NormFactor("mu"),)), background))], poi="mu")
    >>> curves = project_limits(model, 100.0, [100.0, 10_000.0], {}, 0.95)
    >>> [f"{m:.2f}" for m in curves["statistical"].median], f"{curves['frozen'].take_over_fb:.0f}"
    (['6.33', '0.62'], '1021')
    """
    grid = np.asarray(luminosities_fb, dtype=np.float64)
    if grid.ndim != 1 or len(grid) == 0 or np.any(np.diff(grid) <= 0.0):
        raise InputError(f"luminosities {grid.tolist()}: give one or more, increasing")

    def limit(luminosity: float, scenario: Scenario) -> tuple[float, ...]:
        return upper_limit(scale_model(model, luminosity, today_fb, scenario, floors), cl=cl).expected

    curves = {}
    for name, scenario in scenarios.items():
        bands = np.array([limit(value, scenario) for value in grid])
        take_over = _take_over(grid, bands[:, 2], scenario, limit)
        curves[name] = LimitCurve(scenario, cl, grid, bands, take_over)
    return curves


def _take_over(grid: FloatArray, medians: FloatArray, scenario: Scenario, limit: _Limit) -> float | None:
    """First luminosity at which the limit exceeds sqrt(2) times the one without the sources."""
    if scenario.rule == "none":
        return None
    without = replace(scenario, rule="none")

    def excess(luminosity: float) -> float:
        return limit(luminosity, scenario)[2] / limit(luminosity, without)[2] - _ROOT_2

    above = [k for k, value in enumerate(grid) if medians[k] > _ROOT_2 * limit(float(value), without)[2]]
    if not above or above[0] == 0:
        return float(grid[0]) if above else None
    low, high = math.log(grid[above[0] - 1]), math.log(grid[above[0]])
    return math.exp(float(brentq(lambda log: excess(math.exp(log)), low, high, xtol=1e-4)))


@dataclass(frozen=True)
class SourceCost:
    """What one group of systematic sources adds to a limit at one luminosity.

    `limit_without` is the median limit without it; `share` = sqrt(limit^2 - limit_without^2) / limit, which adds in
    quadrature where the limit is proportional to the error.
    """

    group: str
    sources: tuple[str, ...]
    limit_without: float
    share: float


def source_costs(
    model: Model, luminosity_fb: float, today_fb: float, scenario: Scenario, floors: Floors, cl: float
) -> list[SourceCost]:
    """What every group of systematic sources adds to the median limit, the largest first.

    Parameters
    ----------
    model, luminosity_fb, today_fb, scenario, floors, cl
        As in `project_limits`; groups are the names in `floors`.

    Returns
    -------
    list of SourceCost

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, NormSys, Sample
    >>> from toymc.inference.projections.scenarios import FROZEN
    >>> modifiers = (NormSys("large", 0.97, 1.03), NormSys("small", 0.99, 1.01))
    >>> samples = (Sample("signal", [10.0], (NormFactor("mu"),)), Sample("background", [1000.0], modifiers))
    >>> costs = source_costs(Model([Channel("sr", samples)], poi="mu"), 100.0, 100.0, FROZEN, {}, 0.95)
    >>> [(c.group, round(c.share, 1)) for c in costs]
    [('large', 0.7), ('small', 0.2)]
    """
    full = upper_limit(scale_model(model, luminosity_fb, today_fb, scenario, floors), cl=cl).median
    costs = []
    for group, members in source_groups(model, floors).items():
        without = upper_limit(scale_model(model, luminosity_fb, today_fb, scenario, floors, members), cl=cl).median
        costs.append(SourceCost(group, members, without, math.sqrt(max(full**2 - without**2, 0.0)) / full))
    return sorted(costs, key=lambda c: -c.share)
