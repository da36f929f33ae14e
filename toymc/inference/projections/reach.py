"""Discovery reach: the signal at which the median significance of an excess is 3 or 5 standard deviations.

Z = sqrt(q_0) of the Asimov data of the signal, q_0 = -2 ln L(0, theta_0) / L(mu, theta) [Cowan et al., arXiv:1007.1727,
eqs. 12 and 53]. For a counting experiment Z^2 = 2 ((s + b) ln(1 + s / b) - s). Asymptotic: with less than a few
expected background events the median is a step function of the signal and the formula is an interpolation; a bin that
expects a signal and no background at all makes one event a discovery, and no reach can be stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from toymc.errors import InputError
from toymc.inference.model import Model
from toymc.inference.profile import Likelihood
from toymc.inference.projections.models import scale_model
from toymc.inference.projections.scenarios import Floors, Scenario

EVIDENCE, DISCOVERY = 3.0, 5.0
_MAX_DOUBLINGS = 60


@dataclass(frozen=True)
class Reach:
    """The value of the parameter of interest at which the median significance is `sigma`."""

    sigma: float
    value: float


def median_significance(model: Model, mu: float, likelihood: Likelihood | None = None) -> float:
    """Median discovery significance of a signal, in standard deviations; infinite without any background.

    Parameters
    ----------
    model : Model
        Observed counts are ignored, nuisance parameters are at their start values.
    mu : float
        Value of the parameter of interest, positive.
    likelihood : Likelihood, optional
        The model's, to be built once for several values.

    Raises
    ------
    InputError
        If `mu` is not positive and finite.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [10.0], (NormFactor("mu"),)), Sample("b", [4.0])))], poi="mu")
    >>> round(median_significance(model, 1.0), 4), round((2 * (14 * math.log(3.5) - 10)) ** 0.5, 4)
    (3.883, 3.883)
    """
    if not 0.0 < mu < math.inf:
        raise InputError(f"significance of a signal of {mu:g}: give a positive number")
    mine = likelihood or Likelihood(model)
    m = mine.packed
    theta = mine.layout.start.copy()
    theta[0] = mu
    gamma = np.clip(np.ones(m.gam_lo.size), m.gam_lo, m.gam_hi)
    fit = mine.fit(mine.asimov(theta, gamma), poi=0.0)
    return math.sqrt(2.0 * max(fit.nll, 0.0)) if math.isfinite(fit.nll) else math.inf


def discovery_reach(model: Model, sigmas: Sequence[float] = (EVIDENCE, DISCOVERY)) -> list[Reach]:
    """Values of the parameter of interest at which the median significance reaches given numbers.

    Parameters
    ----------
    model : Model
    sigmas : sequence of float
        Standard deviations, positive.

    Returns
    -------
    list of Reach

    Raises
    ------
    InputError
        For a number that is not positive, a signal without any background, or a model that never gets there.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [1e4])))], poi="mu")
    >>> [round(r.value) for r in discovery_reach(model)]
    [301, 504]
    """
    likelihood = Likelihood(model)
    found = []
    low, high = 0.0, 1.0
    for sigma in sorted(sigmas):
        if not 0.0 < sigma < math.inf:
            raise InputError(f"reach of {sigma:g} standard deviations: give a positive number")
        for _ in range(_MAX_DOUBLINGS):
            if median_significance(model, high, likelihood) >= sigma:
                break
            low, high = high, 2.0 * high
        else:
            raise InputError(f"model '{model.name}' does not reach {sigma:g} standard deviations with any signal")
        if low == 0.0:
            low = _below(model, sigma, high, likelihood)
        value = brentq(lambda mu, s=sigma: median_significance(model, mu, likelihood) - s, low, high, rtol=1e-6)
        found.append(Reach(sigma, float(value)))
        low, high = float(value), max(2.0 * float(value), high)
    return found


def _below(model: Model, sigma: float, high: float, likelihood: Likelihood) -> float:
    """A signal below the reach."""
    low = high
    for _ in range(_MAX_DOUBLINGS):
        low *= 0.5
        if median_significance(model, low, likelihood) < sigma:
            return low
    raise InputError(
        f"model '{model.name}': a signal of any size is a discovery, since a bin expects signal and no background; "
        "give the bin a background or treat it as a counting experiment"
    )


def project_reach(
    model: Model,
    luminosity_fb: float,
    today_fb: float,
    scenario: Scenario,
    floors: Floors,
    sigmas: Sequence[float] = (EVIDENCE, DISCOVERY),
) -> list[Reach]:
    """`discovery_reach` of a model at another luminosity; arguments as in `scale_model`."""
    return discovery_reach(scale_model(model, luminosity_fb, today_fb, scenario, floors), sigmas)
