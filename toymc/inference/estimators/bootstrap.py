"""Event bootstrap of a sample: every event gets a weight Poisson(1), and the estimator answers again.

Poisson(1) weights are the large-sample form of drawing n events from n with replacement, with a fluctuating total: they
are independent from event to event, so that a sample need not be held in one place, and they reproduce the fluctuation
of the number of events of an extended estimator [B. Efron, Ann. Statist. 7 (1979) 1; N. Chamandy et al., "Estimating
uncertainty for massive data streams" (2012)]. The spread of the replicates estimates the error of the estimate, their
mean minus the estimate its bias. In a histogram the weights of the n_i events of a bin sum to Poisson(n_i): replicates
of counts are Poisson around the counts, exactly.

Limits: the sample must hold many events where the estimator looks (a bin without events stays empty in every
replicate), and an estimator that is not smooth in the events (a maximum, an edge between two events) is not
bootstrapped correctly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.estimators.experiments import Estimates, FloatArray, RunBlocks, plan_blocks, run_experiments
from toymc.inference.estimators.summary import ONE_SIGMA, Number, moments
from toymc.inference.estimators.verdict import Check, Tolerances, check, overall

WeightedEstimate: TypeAlias = Callable[[FloatArray], Estimates]
"""Weights (m, n events) -> estimates of the m replicates; a row of ones is the sample as it is."""

# Weights of a block: 2^20 numbers are 8 MB.
_BLOCK_WEIGHTS = 2**20
_LARGEST_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What the replicates of a sample say about an estimate.

    Attributes
    ----------
    name : str
    value, stated_error : float
        The estimate of the sample itself and half the width of its stated interval.
    spread : Number
        Standard deviation of the replicates: the bootstrap error.
    bias : Number
        Mean of the replicates minus the estimate: the bootstrap bias.
    interval : (float, float)
        Central 68.27 % of the replicates.
    replicates, failed : int
    checks : tuple of Check
        The stated error over the bootstrap error, the bias, the failures.
    values : float64 (replicates - failed,)
    """

    name: str
    value: float
    stated_error: float
    spread: Number
    bias: Number
    interval: tuple[float, float]
    replicates: int
    failed: int
    checks: tuple[Check, ...]
    values: FloatArray

    @property
    def verdict(self) -> str:
        """inside, outside or undecided."""
        return overall(list(self.checks))


def poisson_weights(rng: np.random.Generator, replicates: int, n_events: int) -> FloatArray:
    """Weights Poisson(1), shape (replicates, n_events)."""
    return rng.poisson(1.0, (replicates, n_events)).astype(np.float64)


def bootstrap_counts(rng: np.random.Generator, counts: npt.ArrayLike, replicates: int) -> FloatArray:
    """Replicates of a histogram of unweighted events, shape (replicates, n_bins): Poisson around the counts."""
    n = np.asarray(counts, dtype=np.float64)
    return rng.poisson(n, (replicates, *n.shape)).astype(np.float64)


def bootstrap_estimator(
    n_events: int,
    estimate: WeightedEstimate,
    *,
    replicates: int = 1000,
    seed: int = 1,
    name: str = "estimator",
    tolerances: Tolerances | None = None,
    run: RunBlocks = map,
) -> Bootstrap:
    """Bootstrap error and bias of an estimate from a sample of events.

    Parameters
    ----------
    n_events : int
    estimate : callable
        From weights (m, n_events) to `Estimates` of length m; it holds the events.
    replicates : int
    seed : int
    name : str
        Part of the address of the streams.
    tolerances : Tolerances, optional
    run : callable
        As in `validate_estimator`; blocks of replicates depend on the number of events alone.

    Returns
    -------
    Bootstrap

    Raises
    ------
    InputError
        For a sample without events, or if the estimator has no answer for the sample as it is.

    Examples
    --------
    >>> x = np.arange(100.0)
    >>> def mean(w):
    ...     n = w.sum(axis=1)
    ...     centre = w @ x / n
    ...     return Estimates.of(centre, np.sqrt((w @ x**2 / n - centre**2) / n))
    >>> result = bootstrap_estimator(100, mean, replicates=2000)
    >>> result.value, round(result.stated_error, 2), round(result.spread.value, 1)
    (49.5, 2.89, 2.9)
    """
    if n_events < 1:
        raise InputError(f"a sample of {n_events} events: there is nothing to bootstrap")
    generate = partial(_weights, n_events)
    block = max(1, min(_LARGEST_BLOCK, _BLOCK_WEIGHTS // n_events))
    return bootstrap(
        estimate(np.ones((1, n_events))), generate, estimate, replicates=replicates, seed=seed, name=name,
        tolerances=tolerances, block=block, run=run,
    )  # fmt: skip


def _weights(n_events: int, rng: np.random.Generator, truth: float, replicates: int) -> FloatArray:
    return poisson_weights(rng, replicates, n_events)


def bootstrap(
    itself: Estimates,
    generate: Callable[[np.random.Generator, float, int], object],
    estimate: Callable[..., Estimates],
    *,
    replicates: int,
    seed: int,
    name: str,
    stated_error: float | None = None,
    tolerances: Tolerances | None = None,
    block: int = _LARGEST_BLOCK,
    run: RunBlocks = map,
) -> Bootstrap:
    """Bootstrap with replicates of any form: `generate` makes them, `itself` is the answer for the sample as it is.

    Parameters
    ----------
    itself : Estimates
        Of length 1.
    generate, estimate : callable
        As in `validate_estimator`; the true value handed to `generate` is the estimate.
    replicates, seed, name, tolerances, block, run
        As in `bootstrap_estimator`.
    stated_error : float, optional
        What the spread is compared with, where it is not the width of the stated interval: replicates of the events
        alone know nothing of systematic uncertainties.

    Returns
    -------
    Bootstrap
    """
    if len(itself.value) != 1 or not itself.ok[0]:
        raise InputError(f"{name}: the estimator has no answer for the sample itself, so its bootstrap says nothing")
    value = float(itself.value[0])
    stated = 0.5 * float(itself.high[0] - itself.low[0]) if stated_error is None else stated_error
    blocks = plan_blocks(value, f"{name}, bootstrap", replicates, block)
    answers = run_experiments(generate, estimate, blocks, seed, stage="bootstrap", run=run)
    values = answers.value[answers.ok]
    mean, spread = moments(values)
    bias = Number(mean.value - value, mean.error)
    failed = replicates - len(values)
    tail = 50.0 * (1.0 - ONE_SIGMA)
    low, high = np.percentile(values, [tail, 100.0 - tail])
    unit = max(spread.value, 0.5 * float(itself.high[0] - itself.low[0])) or 1.0
    checks = _checks(stated, spread, bias, unit, failed / replicates, replicates, tolerances or Tolerances())
    return Bootstrap(name, value, stated, spread, bias, (float(low), float(high)), replicates, failed, checks, values)


def _checks(
    stated: float, spread: Number, bias: Number, unit: float, failed: float, n: int, tolerances: Tolerances
) -> tuple[Check, ...]:
    """Stated error against the spread, in the tolerance of a pull width; bias in units of the error; failures."""
    t = tolerances
    ratio, shift = stated / (spread.value or 1.0), bias.value / unit
    error = ratio * spread.error / (spread.value or 1.0)
    return (
        check("stated / bootstrap error", ratio, ratio, error, 1.0, t.pull_width, t.probability, n),
        check("bootstrap bias / error", shift, shift, bias.error / unit, 0.0, t.bias, t.probability, n),
        check("failed share", failed, failed, (failed * (1.0 - failed) / n) ** 0.5, 0.0, t.failed, t.probability, n),
    )
