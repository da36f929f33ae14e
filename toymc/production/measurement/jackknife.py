"""Estimates from weighted simulated events in independent parts: their errors, and those of differences.

The events of a sample are in K parts. An estimate theta of all of them has the jackknife error

    sigma^2 = (K - 1) / K sum_k (theta_k - mean theta)^2,   theta_k without part k

[B. Efron, C. Stein, Ann. Statist. 9 (1981) 586], which needs no Poisson assumption about weights and gives the error of
the difference of two estimates on the same events by taking the difference in every k.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.estimators.summary import Number
from toymc.production.spectra import SampleRun
from toymc.studies.measurement_study import Fit

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Jackknife:
    """The estimate with all parts, and without each."""

    value: float
    without: FloatArray

    @property
    def number(self) -> Number:
        """Value and jackknife error."""
        return Number(self.value, _error(self.without))

    def minus(self, other: "Jackknife") -> Number:
        """Difference to an estimate from the same parts."""
        return Number(self.value - other.value, _error(self.without - other.without))


def _error(without: FloatArray) -> float:
    k = len(without)
    return float(np.sqrt((k - 1.0) / k * np.sum((without - without.mean()) ** 2)))


def parts_of(run: SampleRun, channel: str, shift: str) -> FloatArray:
    """Expected events of a sample in data, by part and bin."""
    found = [
        histogram.values() for (of, what, _), histogram in run.outcome.shifted.items() if (of, what) == (channel, shift)
    ]
    return run.scale * np.stack(found)


def jackknife(fit: Fit, parts: FloatArray, background: FloatArray, name: str) -> Jackknife:
    """Estimate from all parts and without each of them.

    Parameters
    ----------
    fit : Fit
    parts : float64 (k, n_bins)
        Expected signal events by part.
    background : float64 (n_bins,)
        The same in every estimate.
    name : str
        For errors.

    Raises
    ------
    InputError
        If the events are in one part, or a fit has no answer.
    """
    k = len(parts)
    if k < 2:
        raise InputError(f"{name}: the simulated events are one chunk, which has no error: raise --scale")
    total = parts.sum(axis=0)
    rest = total[None, :] - parts
    table = np.concatenate([total[None, :], rest * (total.sum() / rest.sum(axis=1))[:, None]]) + background
    answer = fit(np.maximum(table, 0.0))
    value = answer.value
    if not np.all(np.isfinite(value)):
        raise InputError(f"{name}: {int(np.sum(~np.isfinite(value)))} of {k + 1} fits do not converge: raise --scale")
    return Jackknife(float(value[0]), value[1:])
