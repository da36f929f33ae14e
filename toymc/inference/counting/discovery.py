"""Significance of an excess over the background.

* One channel, averaged nuisances: p = P(N >= n | no signal). With a sideband this is the exact binomial test of the
  ratio of two Poisson means, p = I_{1/(1+tau)}(n_on, n_off + 1), Z_Bi of Cousins, Linnemann and Tucker (NIM A 595
  (2008) 480, arXiv:physics/0702156).
* Several channels: p = P(ratio of likelihoods at least that of the data | no signal), `lattice.py`.
* Profiled: p = P(q_0 >= observed | no signal), over all outcomes or from toys.

Z is the one-sided Gaussian equivalent, Z = Phi^-1(1 - p); it is negative for p > 1/2. The profile likelihood alone
gives Z_PL = sqrt(q_0) (Li and Ma, ApJ 272 (1983) 317, eq. 17), good where counts are large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betainc, gammainc, ndtri

from toymc.errors import InputError
from toymc.inference.counting.lattice import Lattice
from toymc.inference.counting.limits import TREATMENTS
from toymc.inference.counting.marginal import background_nodes
from toymc.inference.counting.model import Asymmetric, CountingModel, Gaussian, LogNormal, Sideband
from toymc.inference.counting.profile_limits import profile_discovery
from toymc.inference.toys.result import FailedToy, Mapper


@dataclass(frozen=True)
class Discovery:
    """p-value of no signal and its Gaussian significance; `error` of the p-value if it comes from toys."""

    p_value: float
    significance: float
    treatment: str
    how: str = "exact"
    error: float = 0.0
    n_toys: int = 0
    failed: tuple[FailedToy, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        out = {"p_value": self.p_value, "significance": self.significance, "how": self.how}
        return out | ({"error": self.error, "n_toys": self.n_toys} if self.how == "toys" else {})


@dataclass(frozen=True)
class OnOff:
    """Test of n_on counts against n_off in a region tau times as large: exact p-value, Z_Bi, and Z_PL."""

    p_value: float
    z_binomial: float
    z_profile: float


def significance(p_value: float) -> float:
    """One-sided Gaussian significance of a p-value.

    >>> round(significance(2.866516e-7), 4)
    5.0
    """
    return float(-ndtri(p_value))


def on_off(n_on: float, n_off: float, tau: float) -> OnOff:
    """Significance of counts over a background measured in a sideband.

    Parameters
    ----------
    n_on, n_off : float
        Counts with and without signal (sidebands that were scaled may hold fractions).
    tau : float
        Expected ratio of the backgrounds, off to on.

    Returns
    -------
    OnOff

    Raises
    ------
    InputError
        Negative or infinite counts, tau not positive.

    Examples
    --------
    >>> result = on_off(4, 5, 5.0)
    >>> round(result.z_binomial, 2), round(result.z_profile, 2)
    (1.66, 1.95)
    """
    for name, value in (("n_on", n_on), ("n_off", n_off), ("tau", tau)):
        if not (math.isfinite(value) and value >= 0.0) or (name == "tau" and value == 0.0):
            raise InputError(
                f"{name} = {value:g}; it must be finite and {'positive' if name == 'tau' else 'not negative'}"
            )
    p = 1.0 if n_on == 0 else float(betainc(n_on, n_off + 1.0, 1.0 / (1.0 + tau)))
    total = n_on + n_off
    q = 0.0
    if n_on * tau > n_off:
        q = n_on * math.log(n_on * (1.0 + tau) / total)
        q += n_off * math.log(n_off * (1.0 + tau) / (tau * total)) if n_off > 0 else 0.0
    return OnOff(p, significance(p), math.sqrt(max(2.0 * q, 0.0)))


def _one_channel(model: CountingModel) -> float:
    """P(K >= n) of the averaged background count; accurate far out in the tail."""
    n, background = int(model.observed[0]), model.channels[0].background
    if n == 0:
        return 1.0
    if isinstance(background, Sideband):
        if background.kappa == 0.0:
            return on_off(n, background.count, background.tau).p_value
        tau, weight = background_nodes(background)
        return float(weight @ betainc(n, background.count + 1.0, 1.0 / (1.0 + tau)))
    if isinstance(background, Gaussian | Asymmetric | LogNormal):
        mean, weight = background_nodes(background)
        return float(weight @ gammainc(n, mean))
    return float(gammainc(n, background.mean))


def discovery(
    model: CountingModel,
    treatment: str = "marginal",
    n_toys: int = 100_000,
    seed: int = 1,
    mapper: Mapper | None = None,
) -> Discovery:
    """p-value and significance of the excess in a counting model.

    Parameters
    ----------
    model : CountingModel
    treatment : {"marginal", "profile"}
        Of the nuisances: module text.
    n_toys, seed : int
        For the profiled p-value, where the outcomes cannot be summed.
    mapper : callable, optional
        As in `model_limit`.

    Returns
    -------
    Discovery

    Raises
    ------
    InputError
        Unknown treatment, or too many outcomes for exact sums.

    Examples
    --------
    >>> from toymc.inference.counting.model import CountingChannel
    >>> result = discovery(CountingModel([CountingChannel("on", 17, Sideband(40, 10.56))]))
    >>> round(result.significance, 2)
    4.46
    """
    if treatment not in TREATMENTS:
        raise InputError(f"treatment '{treatment}'; allowed: {', '.join(TREATMENTS)}")
    if treatment == "profile":
        p, how, failed = profile_discovery(model, n_toys, seed, mapper)
        return Discovery(p.value, significance(min(p.value, 1.0)), treatment, how, p.error, p.n_toys, failed)
    if len(model.channels) == 1:
        value = _one_channel(model)
    else:
        lattice = Lattice(model, 0.0)
        value = lattice.p_background(lattice.observed)
    return Discovery(value, significance(float(np.minimum(value, 1.0))), treatment)
