"""Limits and intervals of counting experiments: one entrance for both treatments of the nuisances.

Which treatment? `marginal` averages over backgrounds and efficiencies with the stated densities (Cousins and Highland);
its tails are exact sums, it is the usual one for limits of a few events, and the default. `profile` fits the nuisances
and throws their auxiliary measurements too (the LHC recipe); it is frequentist throughout and tests the coverage of the
other. Without nuisances and with one channel the two are the same. `tests/validation` has the coverage of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from toymc.errors import InputError
from toymc.inference.counting.marginal_limits import marginal_interval
from toymc.inference.counting.model import CountingChannel, CountingModel, Gaussian, Known
from toymc.inference.counting.profile_limits import profile_interval
from toymc.inference.toys.result import FailedToy, Mapper

METHODS = ("cls", "clsb", "fc", "bayes")
TREATMENTS = ("marginal", "profile")


@dataclass(frozen=True)
class CountingLimit:
    """An interval for the signal strength; `lower_limit` is not zero only for two-sided (`fc`) intervals.

    `expected` are upper limits at -2..+2 sigma of the background-only distribution; empty if not asked for, and for
    profiled `fc` intervals of several channels. `how` is `exact` or `toys`; with toys `error` is the statistical error
    of `upper_limit`, `n_toys` the number per test, `thrown` that of all tests, and `failed` lists those whose fit
    failed.
    """

    model: CountingModel
    cl: float
    method: str
    treatment: str
    upper_limit: float
    lower_limit: float
    expected: dict[str, float]
    how: str = "exact"
    error: float = 0.0
    n_toys: int = 0
    thrown: int = 0
    failed: tuple[FailedToy, ...] = ()

    @property
    def failed_share(self) -> float:
        """Share of all toys that were thrown for this interval whose fit failed."""
        return len(self.failed) / self.thrown if self.thrown else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        out: dict[str, Any] = {
            "upper_limit": self.upper_limit,
            "lower_limit": self.lower_limit,
            "expected": dict(self.expected),
            "cl": self.cl,
            "method": self.method,
            "treatment": self.treatment,
            "how": self.how,
        }
        if self.how == "toys":
            out |= {"error": self.error, "n_toys": self.n_toys, "failed_share": self.failed_share}
            out["failed_toys"] = [vars(toy) for toy in self.failed]
        return out | {"model": self.model.to_dict()}


def model_limit(
    model: CountingModel,
    cl: float = 0.9,
    method: str = "cls",
    treatment: str = "marginal",
    bands: bool = True,
    n_toys: int = 20_000,
    seed: int = 1,
    mapper: Mapper | None = None,
) -> CountingLimit:
    """Interval for the signal strength of a counting model, observed and expected.

    Parameters
    ----------
    model : CountingModel
        Channels with their data; mu is in units of their `signal`.
    cl : float
        Confidence level.
    method : {"cls", "clsb", "fc", "bayes"}
        CLs, CLs+b, Feldman-Cousins, or Bayes with a flat prior (marginal only).
    treatment : {"marginal", "profile"}
        Of the nuisances: module text; definitions in `marginal_limits.py` and `profile_limits.py`.
    bands : bool
        Whether expected limits are wanted.
    n_toys, seed : int
        Toys per tested signal strength and hypothesis, where a profiled limit needs them.
    mapper : callable, optional
        `ThreadPoolExecutor(n).map` throws toys on n cores; the numbers stay the same.

    Returns
    -------
    CountingLimit

    Raises
    ------
    InputError
        A confidence level outside (0, 1), an unknown method, or counts too large for it.

    Examples
    --------
    >>> from toymc.inference.counting.model import Sideband
    >>> model = CountingModel([CountingChannel("e", 2, Sideband(1, 4.0)), CountingChannel("mu", 0, Known(0.4), 0.7)])
    >>> round(model_limit(model, cl=0.9).upper_limit, 2)
    2.41
    """
    if not (isinstance(cl, int | float) and math.isfinite(cl) and 0.0 < cl < 1.0):
        raise InputError(f"confidence level {cl}; it must be between 0 and 1, for instance 0.9")
    if method not in METHODS:
        raise InputError(f"method '{method}'; allowed: {', '.join(METHODS)}")
    if treatment not in TREATMENTS:
        raise InputError(f"treatment '{treatment}'; allowed: {', '.join(TREATMENTS)}")
    if treatment == "marginal":
        lower, upper, expected = marginal_interval(model, method, cl, bands)
        return CountingLimit(model, cl, method, treatment, upper, lower, expected)
    if method == "bayes":
        raise InputError("method 'bayes' averages over nuisances; use the treatment 'marginal'")
    answer = profile_interval(model, method, cl, bands, n_toys, seed, mapper)
    return CountingLimit(
        model, cl, method, treatment, answer.upper, answer.lower, answer.expected, answer.how, answer.error,
        answer.n_toys, answer.thrown, answer.failed,
    )  # fmt: skip


def counting_limit(
    observed: int,
    background: float,
    background_error: float = 0.0,
    cl: float = 0.9,
    method: str = "cls",
) -> CountingLimit:
    """Interval in signal events for one count and a background with a Gaussian error: `model_limit` in short.

    Parameters
    ----------
    observed : int
        Events seen.
    background : float
        Expected background, in events.
    background_error : float
        Its standard deviation (Gaussian cut at zero), in events; 0: the background is known.
    cl : float
        Confidence level.
    method : {"cls", "clsb", "fc", "bayes"}
        As in `model_limit`.

    Returns
    -------
    CountingLimit
        In signal events; exact up to rounding (the ends of `fc` intervals to 1e-9).

    Raises
    ------
    InputError
        Negative or fractional counts, negative background, a confidence level outside (0, 1), an unknown method.

    Examples
    --------
    >>> round(counting_limit(0, 0.0, cl=0.9).upper_limit, 4)
    2.3026
    >>> round(counting_limit(0, 0.0, cl=0.9, method="fc").upper_limit, 2)
    2.44
    """
    known = background_error == 0.0
    channel = CountingChannel(
        "counting", observed, Known(background) if known else Gaussian(background, background_error)
    )
    return model_limit(CountingModel([channel]), cl, method)
