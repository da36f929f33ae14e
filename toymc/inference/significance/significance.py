"""Local and global significance of the largest excess of a scan."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from toymc.errors import InputError
from toymc.inference.significance.excursions import check_scan
from toymc.inference.significance.extrapolation import (
    Extrapolation,
    GlobalPValue,
    extrapolate,
    local_p_value,
    significance,
)
from toymc.inference.significance.summary import ToySummary
from toymc.inference.significance.validity import Validity, check_asymptotics, compare_at

# Toys and data that fit the same few events give the same q0 up to the tolerance of the fit: these are ties, and count.
TIE = 1e-6
_SHARE = 0.683  # central interval of the toys' p-value


@dataclass(frozen=True)
class ToyPValue:
    """Share of background toys whose largest q0 reaches the observed one.

    Attributes
    ----------
    p_value, low, high : float
        Share and its central 68.3 % Clopper-Pearson interval; with none above, `high` is the 68.3 % upper limit.
    n_above, n_toys : int
    n_failed : int
        Toys below the observed value with failed fits: what they would have given is not known.
    worst_case : float
        Share if all those had reached it.
    """

    p_value: float
    low: float
    high: float
    n_above: int
    n_toys: int
    n_failed: int
    worst_case: float


@dataclass(frozen=True)
class GlobalSignificance:
    """What a scan found, before and after the look-elsewhere effect.

    `method` says where the global p-value comes from: `extrapolation` while the toys follow the asymptotic field, else
    `toys`. Both are given. `trial_factor` is p_global / p_local.
    """

    q0: float
    index: tuple[int, ...] | None
    p_local: float
    z_local: float
    method: str
    p_global: float
    p_global_low: float
    p_global_high: float
    z_global: float
    z_global_error: float
    trial_factor: float
    trial_factor_error: float
    extrapolated: GlobalPValue
    toys: ToyPValue
    validity: Validity
    extrapolation: Extrapolation
    failed_share: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        answer = {key: value for key, value in asdict(self).items() if key != "extrapolation"}
        fit = self.extrapolation
        answer["counts"] = {
            "levels": list(fit.levels), "means": list(fit.means), "errors": list(fit.errors),
            "coefficients": list(fit.coefficients), "stretches": fit.n_stretches,
        }  # fmt: skip
        return answer


def toy_p_value(toys: ToySummary, q0: float) -> ToyPValue:
    """Global p-value by counting toys; ties count as reached.

    Parameters
    ----------
    toys : ToySummary
    q0 : float
        Largest observed q0.

    Returns
    -------
    ToyPValue

    Examples
    --------
    >>> from toymc.inference.significance.summary import summarise_toys
    >>> toy_p_value(summarise_toys([[4.0], [1.0], [0.0], [np.nan]]), 4.0).worst_case
    0.5
    """
    reached = toys.maxima >= q0 - TIE * max(q0, 1.0)  # False for NaN
    k, n = int(reached.sum()), toys.n_toys
    unknown = int(np.count_nonzero(~reached & (toys.failed > 0)))
    tail = 0.5 * (1.0 - _SHARE)
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1.0 - tail if k > 0 else _SHARE)) if k < n else 1.0
    return ToyPValue(k / n, low, high, k, n, unknown, (k + unknown) / n)


def global_significance(
    observed: float | npt.ArrayLike,
    toys: ToySummary,
    levels: tuple[float, ...] | None = None,
    method: str = "auto",
) -> GlobalSignificance:
    """Global significance of the largest excess.

    Parameters
    ----------
    observed : float or array_like (n_masses[, n_lifetimes])
        The largest local q0, or the whole observed scan.
    toys : ToySummary
        Background toys of the same scan.
    levels : tuple of float, optional
        Levels of the extrapolation, see `extrapolate`.
    method : str
        auto (toys where the extrapolation is not valid), extrapolation or toys.

    Returns
    -------
    GlobalSignificance

    Raises
    ------
    InputError
        If the observed scan has another grid than the toys, holds no finite value, or the method is not known.

    Notes
    -----
    Formulas and their limits: `toymc.inference.significance.extrapolation`; when toys are taken:
    `toymc.inference.significance.validity`.

    Examples
    --------
    A field that is a wave of random height and phase, for which p_global = exp(-q0/2) over a whole period:

    >>> from toymc.inference.significance.summary import background_toys
    >>> wave = np.array([np.cos(np.linspace(0.0, 6.2, 60)), np.sin(np.linspace(0.0, 6.2, 60))])
    >>> toys = background_toys(lambda rng, n: np.maximum(rng.standard_normal((n, 2)) @ wave, 0.0) ** 2, 1000, seed=1)
    >>> found = global_significance(12.0, toys)
    >>> found.method, round(found.z_local, 2), bool(abs(found.p_global / np.exp(-6.0) - 1.0) < 0.2)
    ('extrapolation', 3.46, True)
    """
    if method not in ("auto", "extrapolation", "toys"):
        raise InputError(f"method '{method}': allowed are auto, extrapolation, toys")
    q0, index = _largest(observed, toys.grid)
    fit = extrapolate(toys, levels)
    validity = check_asymptotics(toys, fit)
    extrapolated, counted = fit.p_value(q0), toy_p_value(toys, q0)
    validity = compare_at(validity, counted.p_value, extrapolated.p_value, counted.n_toys)
    local = local_p_value(q0)
    chosen = method if method != "auto" else ("extrapolation" if validity.asymptotic else "toys")
    if chosen == "extrapolation":
        p, error = extrapolated.p_value, extrapolated.p_error
        low, high = max(p - error, 0.0), min(p + error, 1.0)
        z, z_error = extrapolated.z, extrapolated.z_error
    else:
        p, low, high = counted.p_value, counted.low, max(counted.high, counted.worst_case)
        error = 0.5 * (high - low)
        # none of the toys reached it: the upper limit is what is known
        z = significance(p if counted.n_above else high)
        z_error = math.nan if not counted.n_above else 0.5 * (significance(low) - significance(high))
    return GlobalSignificance(
        q0=q0, index=index, p_local=local, z_local=significance(local), method=chosen,
        p_global=p, p_global_low=low, p_global_high=high, z_global=z, z_global_error=z_error,
        trial_factor=p / local, trial_factor_error=error / local,
        extrapolated=extrapolated, toys=counted, validity=validity, extrapolation=fit, failed_share=toys.failed_share,
    )  # fmt: skip


def _largest(observed: float | npt.ArrayLike, grid: tuple[int, ...]) -> tuple[float, tuple[int, ...] | None]:
    """The largest q0 and where it is, None if it came as a number."""
    array = np.asarray(observed, dtype=np.float64)
    if array.ndim == 0:
        value = float(array)
        if not (math.isfinite(value) and value >= 0.0):
            raise InputError(f"largest local q0 is {value:g}: give a finite number that is not negative")
        return value, None
    if array.shape != grid:
        raise InputError(f"the observed scan has {array.shape} hypotheses, the toys {grid}: give the same grid")
    check_scan(array[None], "observed q0")
    if np.all(np.isnan(array)):
        raise InputError("every fit of the observed scan failed: there is no largest q0")
    index = tuple(int(i) for i in np.unravel_index(int(np.nanargmax(array)), grid))
    return max(float(array[index]), 0.0), index
